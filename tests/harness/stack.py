"""The whole product on one machine: servers, the sandbox, so many replicas of each service, tokens."""

import json
import os
import uuid

from harness import kafka_log, paths
from harness.api import Api
from harness.ctl import Ctl
from harness.ports import free_port
from harness.process import Process
from harness.sandbox import API_KEY, BOT_TOKEN, DISCORD, WEBHOOK_SECRET, Sandbox
from harness.servers import Servers
from harness.waiting import PATIENCE_S, wait_for

SERVICES = ("escrow", "payments", "oracle", "gateway", "notifications")
ROLES = {"MARKETPLACE": "marketplace", "BUYER": "user", "SELLER": "user", "STAFF": "staff", "STRANGER": "user"}
SIGNING_SECRET = uuid.uuid4().hex  # of keys of signed tokens
THREADS = 2  # of each process: owners of lanes
SLOW_POLL_S = 0.1  # where each look is a process
# What is asked about payments that nobody makes is asked again and again, for as long as they can be made.
OPEN_CALL = {"payments": "open AND kind <> 5"}  # PAYMENTS_EFFECT_LOOK_AT_INTENT


class Stack:
    def __init__(self, folder, replicas=2, services=SERVICES, extra=None, threads=THREADS):
        """services: those that run at all. extra: more variables of a service, by its name. threads:
        0 is what each service chooses by itself."""
        self.folder = folder
        self.extra = extra or {}
        self.threads = threads
        self.replicas = replicas
        self.services = services
        self.processes = {}
        self.servers = Servers(folder / "servers")
        self.log = kafka_log.Log(self.servers.brokers)
        try:
            self._prepare()
        except BaseException:
            self.stop()
            raise

    def _prepare(self):
        migrations = str(paths.ROOT / "migrations")
        owner = Ctl({"DATABASE_URL": self.servers.url("owner"), "KAFKA_BROKERS": self.servers.brokers})
        owner.json("migrate", "up", "--dir", migrations)
        owner.json("topics", "ensure")
        self.operator = Ctl({"DATABASE_URL": self.servers.url("operator"), "REQUEST_SIGNING_SECRET": SIGNING_SECRET})
        self.verifier = Ctl({"DATABASE_URL": self.servers.url("verifier")})
        self.ids = {role: str(uuid.uuid4()) for role in ROLES}
        self.tokens = {
            role: self.operator.json("token", "create", "--kind", kind, "--account", self.ids[role])["token"]["token"]
            for role, kind in ROLES.items()
        }
        self.http_ports = {(service, number): free_port() for service in ("gateway", "payments")
                           for number in range(1, self.replicas + 1)}
        self.webhook_urls = [f"http://127.0.0.1:{self.http_ports['payments', number]}/webhooks/stripe"
                             for number in range(1, self.replicas + 1)]
        self.sandbox = Sandbox(self.folder, self.webhook_urls, **self.extra.get("sandbox", {}))
        for service in self.services:
            for number in range(1, self.replicas + 1):
                name = f"{service}-{number}"
                self.processes[name] = Process(
                    name, f"holdfast-{service}", self._environment(service, number), self.folder)
        urls = [f"http://127.0.0.1:{self.http_ports['gateway', number]}" for number in range(1, self.replicas + 1)]
        self.api = Api(urls, self.tokens, self.ids, self.sandbox)

    def _environment(self, service, number):
        environment = {
            "HOLDFAST_ENV": "test", "LOG_LEVEL": "info", "ADMIN_LISTEN": "127.0.0.1:0",
            "DATABASE_URL": self.servers.url(service), "KAFKA_BROKERS": self.servers.brokers,
            "ENGINE_THREADS": str(self.threads),
        }
        if (service, number) in self.http_ports:
            environment["READY_LAG_MS"] = "0"
            environment["HTTP_LISTEN"] = f"127.0.0.1:{self.http_ports[service, number]}"
        if service == "gateway":  # all tests come from one address, with few tokens
            environment["HTTP_RATE_PER_TOKEN"] = "100000"
            environment["HTTP_RATE_PER_ADDRESS"] = "100000"
            environment["REQUEST_SIGNING_SECRET"] = SIGNING_SECRET
            evidence = self.folder / "evidence"  # one for all replicas
            evidence.mkdir(exist_ok=True)
            environment["EVIDENCE_DIR"] = str(evidence)
        if service == "payments":
            environment["STRIPE_API_BASE"] = self.sandbox.url
            environment["STRIPE_SECRET_KEY"] = API_KEY
            environment["STRIPE_WEBHOOK_SECRETS"] = WEBHOOK_SECRET
        if service == "notifications":
            environment["DISCORD_API_BASE"] = self.sandbox.url + DISCORD
            environment["DISCORD_BOT_TOKEN"] = BOT_TOKEN
        return {**environment, **self.extra.get(service, {})}

    def add_gateway(self, **changes):
        """Starts one more gateway, "gateway-limited", configured otherwise; its port. The caller stops it."""
        port = free_port()
        environment = {**self._environment("gateway", 0), "HTTP_LISTEN": f"127.0.0.1:{port}", **changes}
        self.processes["gateway-limited"] = Process("gateway-limited", "holdfast-gateway", environment, self.folder)
        self.processes["gateway-limited"].start().wait_ready(60)
        return port

    def start(self):
        self.sandbox.start()
        for process in self.processes.values():
            process.start()
        for process in self.processes.values():
            process.wait_ready(60)
        return self

    def stop(self):
        """Stops everything; the exit codes of the services that still ran."""
        for process in self.processes.values():
            process.ask_to_stop()
        codes = {name: process.stop() for name, process in self.processes.items()}
        if getattr(self, "sandbox", None):
            codes["sandbox"] = self.sandbox.stop()
        self.servers.stop()
        return codes

    def arm(self, name, point, nth=1, how="kill"):
        """Starts a process anew; at the nth pass of the point it kills or stops itself. The process."""
        process = self.processes[name]
        process.stop()
        return process.start(HOLDFAST_CRASH_AT=f"{point}:{nth}:{how}")

    def pass_time(self, seconds):
        """Sandbox time: so many seconds pass at once for all services."""
        self.operator.json("clock", "advance", f"{seconds}s", HOLDFAST_ENV="test")

    def bench_environment(self):
        """What a program of tests/bench that plays clients needs to know."""
        told = {
            "HOLDFAST_TEST_DATABASE_URL": self.servers.super_url,
            "HOLDFAST_TEST_KAFKA": self.servers.brokers,
            "HOLDFAST_BENCH_GATEWAY_PORT": str(self.http_ports["gateway", 1]),
            "HOLDFAST_BENCH_SANDBOX_PORT": str(self.sandbox.port),
        }
        for role in ("MARKETPLACE", "BUYER", "SELLER"):
            told[f"HOLDFAST_BENCH_{role}_TOKEN"] = self.tokens[role]
            told[f"HOLDFAST_BENCH_{role}_ID"] = self.ids[role]
        return {**os.environ, **told}

    # Lanes.

    def lane_owners(self, service):
        """[(lane, owner id, alive)] of a service."""
        rows = self.operator.run("lane", "list", "--service", service, "--json")
        assert rows.returncode in (0, 1), rows.stderr
        return [(row["lane"], row["owner"], row["alive"]) for row in json.loads(rows.stdout)["lanes"]]

    def wait_balanced(self, service, timeout_s=30, unless=lambda: False):
        """Every lane has a living owner, and no owner has more than its fair share."""

        def balanced():
            if unless():
                return True
            owners = self.lane_owners(service)
            if not all(alive for _, _, alive in owners):
                return False
            shares = {}
            for _, owner, _ in owners:
                shares[owner] = shares.get(owner, 0) + 1
            running = sum(1 for name, process in self.processes.items()
                          if name.startswith(service) and process.runs())
            return len(shares) == THREADS * running and max(shares.values()) - min(shares.values()) <= 1

        wait_for(balanced, timeout_s, f"balanced lanes of {service}", SLOW_POLL_S)

    # What must hold at the end of everything.

    def settle(self, timeout_s=PATIENCE_S):
        """Waits until nothing is under way any more: no open request, no open call, nothing unpublished or unread."""
        try:
            wait_for(lambda: self.unsettled() == [], timeout_s, "quiet", SLOW_POLL_S)
        except AssertionError:
            parked = self.operator.run("park", "list")
            raise AssertionError(f"still under way: {self.unsettled()}\n{parked.stdout}") from None

    def open_calls(self, service):
        return int(self.servers.sql(f"SELECT count(*) FROM {service}.effect WHERE {OPEN_CALL.get(service, 'open')}")[0][0])

    def unsettled(self):
        """What is still under way, one line for each."""
        rows = self.servers.sql(" UNION ALL ".join(
            f"SELECT '{service}', 'intake', count(*) FROM {service}.intake WHERE open HAVING count(*) > 0 "
            f"UNION ALL SELECT '{service}', 'effect', count(*) FROM {service}.effect "
            f"WHERE {OPEN_CALL.get(service, 'open')} HAVING count(*) > 0 "
            f"UNION ALL SELECT '{service}', 'parked', count(*) FROM {service}.parked_key HAVING count(*) > 0 "
            f"UNION ALL SELECT '{service}', 'quarantine', count(*) FROM {service}.quarantine HAVING count(*) > 0 "
            f"UNION ALL SELECT '{service}', 'unpublished', count(*) FROM {service}.lane_out "
            "WHERE published_n < next_n - 1 HAVING count(*) > 0 "
            f"UNION ALL SELECT '{service}', 'stopped', count(*) FROM {service}.lane WHERE stopped <> '' "
            "HAVING count(*) > 0" for service in SERVICES) + "".join(
            f" UNION ALL SELECT '{reader}', 'unread', count(*) FROM {reader}.lane_in i JOIN {writer}.lane_out o "
            "USING (lane, topic) WHERE i.last_n < o.published_n HAVING count(*) > 0"
            for reader in SERVICES for writer in SERVICES))
        found = [" ".join(row) for row in rows]
        held = self.sandbox.counters()["webhooks"]
        if held["queued"] or held["held"]:
            found.append(f"sandbox webhooks {held['queued']} {held['held']}")
        return found

    def check(self):
        """The invariants of the product, whatever was done to it."""
        self.settle()
        verified = self.verifier.json("ledger", "verify")
        assert verified["verified"]["ok"], verified["findings"]
        for row in verified["accounts"]:
            assert row["account"] != "SUM" or row["balance_minor"] == 0, row
        self.check_numbers()
        self.api.check_accepted()

    def check_numbers(self):
        """Every lane-written topic is gapless, and holds what its writer's table says."""
        rows = self.servers.sql(
            " UNION ALL ".join(f"SELECT topic, lane, next_n FROM {service}.lane_out" for service in SERVICES))
        topics = {topic for topic, _, _ in rows}
        written = {(topic, int(lane)): int(next_n) for topic, lane, next_n in rows}
        for topic, partitions in self.log.read(*sorted(topics)).items():
            for partition, records in partitions.items():
                assert kafka_log.gaps(records) == [], (topic, partition)
                highest = max((number for number, *_ in records), default=0)
                assert highest == written.get((topic, partition), 1) - 1, (topic, partition)
