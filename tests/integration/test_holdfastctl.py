"""The operator's tool against a real database and broker."""

import hashlib
import hmac
import shutil
import subprocess
import uuid

import kafka
from kafka.admin import ConfigResource, ConfigResourceType
import pytest

from harness import paths
from harness.ctl import Ctl
from harness.process import Process
from harness.waiting import wait_for

SERVICES = ("escrow", "gateway", "notifications", "oracle", "payments")


@pytest.fixture(scope="module")
def owner(servers):
    return Ctl({"DATABASE_URL": servers.url("owner"), "KAFKA_BROKERS": servers.brokers})


@pytest.fixture(scope="module")
def migrated(servers, owner):
    """The servers with everything applied."""
    before = owner.json("migrate", "status", "--dir", str(paths.ROOT / "migrations"), code=1)
    assert {row["state"] for row in before["migrations"]} == {"pending"}
    owner.json("migrate", "up", "--dir", str(paths.ROOT / "migrations"))
    return servers


@pytest.fixture
def operator(migrated):
    return Ctl({"DATABASE_URL": migrated.url("operator")})


def as_role(servers, role, sql):
    """None, or the error's text."""
    done = subprocess.run([paths.psql(), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d",
                           servers.url(role)], text=True, capture_output=True, check=False, timeout=30)
    return None if done.returncode == 0 else done.stderr


class TestMigrate:
    def test_is_repeatable(self, migrated, owner):
        again = owner.json("migrate", "up", "--dir", str(paths.ROOT / "migrations"))
        assert again == {"migrations": {"applied": 0}}
        status = owner.json("migrate", "status", "--dir", str(paths.ROOT / "migrations"))
        assert {row["service"] for row in status["migrations"]} == set(SERVICES)
        assert {row["state"] for row in status["migrations"]} == {"applied"}

    def test_dbmate_sees_the_same_versions(self, migrated):
        for service in SERVICES:
            versions = {row[0] for row in migrated.sql(f"SELECT version FROM {service}.schema_migrations")}
            files = list((paths.ROOT / "migrations" / "engine").glob("*.sql"))
            files += (paths.ROOT / "migrations" / service).glob("*.sql")
            assert versions == {file.name.split("_")[0] for file in files}

    def test_a_changed_file_stops(self, migrated, owner, tmp_path):
        copy = tmp_path / "migrations"
        shutil.copytree(paths.ROOT / "migrations", copy)
        file = copy / "engine" / "0001_engine.sql"
        file.write_text(file.read_text() + "\n")
        done = owner.run("migrate", "up", "--dir", str(copy))
        assert done.returncode == 1 and "ctl.migration_changed" in done.stderr
        status = owner.json("migrate", "status", "--dir", str(copy), code=1)
        assert {row["state"] for row in status["migrations"] if row["version"] == "0001"} == {"changed"}

    def test_a_missing_file_stops(self, migrated, owner, tmp_path):
        copy = tmp_path / "migrations"
        shutil.copytree(paths.ROOT / "migrations", copy)
        (copy / "escrow" / "0101_escrow.sql").unlink()
        done = owner.run("migrate", "up", "--dir", str(copy))
        assert done.returncode == 1 and "ctl.migration_unknown" in done.stderr

    def test_a_failing_file_leaves_nothing(self, migrated, owner, tmp_path):
        copy = tmp_path / "migrations"
        shutil.copytree(paths.ROOT / "migrations", copy)
        (copy / "escrow" / "0999_bad.sql").write_text(
            "-- migrate:up\nCREATE TABLE half (a int);\nSELECT nonsense;\n-- migrate:down\n")
        assert owner.run("migrate", "up", "--dir", str(copy)).returncode != 0
        assert migrated.sql("SELECT to_regclass('escrow.half') IS NULL") == [["t"]]
        assert migrated.sql("SELECT count(*) FROM escrow.schema_migrations WHERE version = '0999'") == [["0"]]

    def test_services_get_what_they_need_and_no_more(self, migrated):
        assert as_role(migrated, "escrow", "SELECT count(*) FROM escrow") is None
        assert as_role(migrated, "escrow", "DELETE FROM outbox") is None
        for sql in ("UPDATE transfer SET amount_minor = 1", "DELETE FROM transition", "TRUNCATE transfer"):
            assert "permission denied" in as_role(migrated, "escrow", sql)
        assert "permission denied" in as_role(migrated, "escrow", "SELECT 1 FROM payments.leg")
        assert "permission denied" in as_role(migrated, "gateway", "DELETE FROM api_token")
        assert "permission denied" in as_role(migrated, "operator", "UPDATE escrow.escrow SET version = 9")
        assert "permission denied" in as_role(migrated, "escrow", "UPDATE migration_file SET name = ''")

    def test_history_is_append_only_for_everybody(self, migrated):
        for table in ("transition", "transfer"):
            with pytest.raises(AssertionError, match="append-only"):
                migrated.sql(f"TRUNCATE escrow.{table} CASCADE")

    def test_a_transfer_has_its_transition(self, migrated):
        """INV4, as the database keeps it: as many transfers as the transition tells, and none without one."""
        def insert(escrow_id, told, transfers):
            zero = "00000000-0000-0000-0000-000000000000"
            transition = (f"INSERT INTO escrow.transition VALUES (gen_random_uuid(), '{escrow_id}', 1, 1, 0, 1, '{zero}', 1, "
                          f"'{zero}', {told}, 0, 0, sha256(''), sha256('')); " if told is not None else "")
            rows = ", ".join(f"('{escrow_id}', 1, {i}, 1, 2, 'USD', 5, '{zero}')" for i in range(transfers))
            migrated.sql(f"BEGIN; {transition} INSERT INTO escrow.transfer VALUES {rows}; ROLLBACK;")

        insert(uuid.uuid4(), 2, 2)
        for told, transfers in ((None, 1), (1, 2), (3, 2), (0, 1)):
            with pytest.raises(AssertionError, match="transfers without their transition"):
                insert(uuid.uuid4(), told, transfers)


class TestTopics:
    def test_ensure(self, servers, owner):
        first = owner.json("topics", "ensure")["topics"]
        again = owner.json("topics", "ensure")["topics"]
        assert first["created"] + first["existing"] == again["existing"] > 0
        assert again["created"] == 0


    def test_retention_is_compared(self, servers, owner):
        """It is told, with exit code 1, and left as it is."""
        owner.json("topics", "ensure")
        name = "escrow.events.v1"
        admin = kafka.KafkaAdminClient(bootstrap_servers=servers.brokers)

        def keep(retention_ms):
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": str(retention_ms)})])

        wanted = 90 * 86_400_000
        try:
            keep(-1)
            wait_for(lambda: owner.run("topics", "ensure").returncode == 1, 20, "a difference")
            told = owner.json("topics", "ensure", code=1)["differences"]
            assert told == [{"topic": name, "retention_ms": -1, "wanted_ms": wanted}]
            assert owner.json("topics", "ensure", code=1)["differences"] == told
        finally:
            keep(wanted)
            admin.close()
        wait_for(lambda: owner.run("topics", "ensure").returncode == 0, 20, "no difference")

    def test_with_a_name_and_a_password(self, servers):
        """The keys of the services; who shows the wrong password, or none, is let in nowhere."""
        shown = {"KAFKA_BROKERS": servers.sasl["brokers"], "KAFKA_SECURITY_PROTOCOL": "sasl_plaintext",
                 "KAFKA_SASL_USERNAME": servers.sasl["username"], "KAFKA_SASL_PASSWORD": servers.sasl["password"]}
        assert Ctl(shown).json("topics", "ensure")["topics"]["existing"] > 0
        refused = Ctl({**shown, "KAFKA_SASL_PASSWORD": "not-it-7f3a"}).run("topics", "ensure")
        assert refused.returncode == 3 and "not-it-7f3a" not in refused.stderr
        assert Ctl({"KAFKA_BROKERS": servers.sasl["brokers"]}).run("topics", "ensure").returncode == 3
        without = Ctl({name: value for name, value in shown.items() if name != "KAFKA_SASL_PASSWORD"})
        asked = without.run("topics", "ensure")
        assert asked.returncode == 2 and "KAFKA_SASL_PASSWORD" in asked.stderr

    def test_production_wants_a_secret_way(self, servers, owner):
        refused = owner.run("topics", "ensure", HOLDFAST_ENV="production")
        assert refused.returncode == 2 and "KAFKA_SECURITY_PROTOCOL" in refused.stderr


class TestTokens:
    def test_only_the_hash_is_kept(self, migrated, operator):
        user = str(uuid.uuid4())
        made = operator.json("token", "create", "--kind", "user", "--user", user, "--label", "a test")["token"]
        assert made["account_id"] == user
        assert made["token"].startswith("hf_test_")
        digest = hashlib.sha256(made["token"].encode()).hexdigest()
        rows = migrated.sql("SELECT kind, account_id, label FROM gateway.api_token "
                            f"WHERE hash = '\\x{digest}'")
        assert rows == [["1", user, "a test"]]

    def test_people_get_the_token_alone(self, operator):
        done = operator.run("token", "create", "--kind", "staff", "--live")
        assert done.returncode == 0
        assert done.stdout.startswith("hf_live_") and len(done.stdout.split()) == 1

    def test_the_key_of_a_signed_one_is_shown_with_it(self, operator):
        command = ("token", "create", "--kind", "user", "--signed")
        assert operator.run(*command).returncode == 2  # from what should the key come?
        assert operator.run(*command, REQUEST_SIGNING_SECRET="too short").returncode == 2
        done = operator.run(*command, REQUEST_SIGNING_SECRET="s" * 32)
        token, key_id, key = done.stdout.split()
        assert token.startswith("hf_test_") and key_id == hashlib.sha256(token.encode()).hexdigest()
        assert key not in done.stderr and token not in done.stderr
        root = hmac.digest(b"s" * 32, b"holdfast request key 1", "sha256")
        assert key == hmac.digest(root, token.encode(), "sha256").hex()
        listed = operator.json("token", "list")["tokens"]
        assert [row["signed"] for row in listed if row["hash"] == key_id] == [True]

    def test_revoke(self, migrated, operator):
        made = operator.json("token", "create", "--kind", "marketplace")["token"]
        listed = operator.json("token", "list")["tokens"][0]
        assert (listed["account_id"], listed["revoked_at"]) == (made["account_id"], "")
        assert operator.json("token", "revoke", made["token"])["revoked"]["account_id"] == made["account_id"]
        assert operator.json("token", "list")["tokens"][0]["revoked_at"] != ""
        assert operator.run("token", "revoke", "0" * 64).returncode == 4

    def test_bad_requests(self, operator):
        assert operator.run("token", "create", "--kind", "robot").returncode == 2
        assert operator.run("token", "create").returncode == 2
        assert operator.run("token", "create", "--kind", "staff", "--user", str(uuid.uuid4())).returncode == 2


class TestRequests:
    def test_waits_for_the_owner_and_says_so(self, migrated, operator):
        done = operator.run("bus", "republish", "--topic", "escrow.events.v1", "--lane", "3", "--from", "7",
                            "--requested-by", "me", "--wait", "0")
        assert done.returncode == 5
        rows = migrated.sql("SELECT lane, kind, topic, n, requested_by, open FROM escrow.admin_request")
        assert rows == [["3", "3", "escrow.events.v1", "7", "me", "t"]]
        migrated.sql("DELETE FROM escrow.admin_request")

    def test_parked(self, migrated, operator):
        key = str(uuid.uuid4())
        migrated.sql(
            f"INSERT INTO payments.parked_key (key, lane, reason, missing, since_us, next_seq) "
            f"VALUES ('{key}', 4, 'wire.malformed', false, 1000000, 4); "
            "INSERT INTO payments.parked_message (key, seq, lane, source, kafka_offset, n, timer_kind, timer_generation, "
            "verdict, http_status, message_id, committed_at_us, value, at_us) VALUES "
            f"('{key}', 1, 4, 'payments.commands.v1', 9, 5, 0, 0, 0, 0, '{uuid.uuid4()}', 3, '\\xff00', 1000000), "
            f"('{key}', 2, 4, 'timer', -1, 0, 2, 7, 0, 0, '{uuid.uuid4()}', 3, '', 1000000), "
            f"('{key}', 3, 4, 'answer', -1, 0, 0, 0, 2, 402, '{uuid.uuid4()}', 3, '', 1000000)")
        listed = operator.json("park", "list")["keys"]
        assert [(row["service"], row["key"], row["messages"]) for row in listed] == [("payments", key, 3)]
        shown = operator.json("park", "show", key)
        assert shown["parked"]["reason"] == "wire.malformed"
        assert shown["messages"][0]["value_hex"] == "ff00"
        assert [(row["source"], row["offset"], row["n"], row["timer_kind"], row["timer_generation"], row["verdict"],
                 row["http_status"]) for row in shown["messages"]] == [
            ("payments.commands.v1", 9, 5, 0, 0, "", 0), ("timer", -1, 0, 2, 7, "", 0), ("answer", -1, 0, 0, 0, "failed", 402)]
        assert operator.run("park", "drop", key, "--requested-by", "a").returncode == 2
        assert operator.run("park", "drop", key, "--requested-by", "a", "--approved-by", "a").returncode == 2
        done = operator.run("park", "drop", key, "--requested-by", "a", "--approved-by", "b", "--wait", "0")
        assert done.returncode == 5
        assert migrated.sql("SELECT kind, requested_by, approved_by FROM payments.admin_request") == [
            ["2", "a", "b"]]
        migrated.sql("DELETE FROM payments.admin_request; DELETE FROM payments.parked_message; "
                     "DELETE FROM payments.parked_key")
        assert operator.run("park", "show", key).returncode == 4

    def test_a_stopped_lane(self, migrated, operator):
        migrated.sql("UPDATE escrow.lane SET stopped = 'engine.fork' WHERE p = 5")
        lanes = operator.json("lane", "list", code=1)["lanes"]
        assert [row["lane"] for row in lanes if row["stopped"]] == [5]
        operator.json("lane", "resume", "--service", "escrow", "--lane", "5")
        operator.json("lane", "list")
        assert operator.run("lane", "resume", "--service", "escrow", "--lane", "5").returncode == 4


class TestClock:
    DAY_S = 86400

    def ahead(self, told):
        rows = told["clocks"]
        assert {row["service"] for row in rows} == set(SERVICES)
        seconds = {row["ahead_seconds"] for row in rows}
        assert len(seconds) == 1, rows
        return seconds.pop()

    def test_goes_forward_everywhere(self, operator):
        before = self.ahead(operator.json("clock", "show"))
        told = operator.json("clock", "advance", "7d", HOLDFAST_ENV="test")
        assert self.ahead(told) == before + 7 * self.DAY_S
        # Whoever sets deadlines hears of it first, else one that is set just now would be over at once.
        assert told["clocks"][-1]["service"] == "oracle"
        operator.json("clock", "advance", "1h", HOLDFAST_ENV="development")
        assert self.ahead(operator.json("clock", "show")) == before + 7 * self.DAY_S + 3600

    def test_is_refused_outside_a_sandbox(self, operator):
        before = self.ahead(operator.json("clock", "show"))
        for environment in ({}, {"HOLDFAST_ENV": "production"}):
            refused = operator.run("clock", "advance", "7d", **environment)
            assert refused.returncode == 1 and "ctl.not_a_sandbox" in refused.stderr
        assert operator.run("clock", "advance", "a week", HOLDFAST_ENV="test").returncode == 2
        assert self.ahead(operator.json("clock", "show")) == before

    def test_an_advance_that_was_cut_short_is_mended(self, operator, migrated):
        before = self.ahead(operator.json("clock", "show"))
        assert as_role(migrated, "operator", "UPDATE oracle.clock SET offset_us = offset_us + 60000000") is None
        assert operator.run("clock", "show").returncode == 1
        operator.json("clock", "advance", "1s", HOLDFAST_ENV="test")
        assert self.ahead(operator.json("clock", "show")) == before + 61

    def test_who_may_move_it(self, operator, migrated):
        operator.json("clock", "advance", "1s", HOLDFAST_ENV="test")
        forward = "UPDATE escrow.clock SET offset_us = offset_us + 1"
        assert "permission denied" in as_role(migrated, "escrow", forward)
        assert "permission denied" in as_role(migrated, "verifier", forward) or \
            "read-only" in as_role(migrated, "verifier", forward)
        assert "forward only" in as_role(migrated, "operator", "UPDATE escrow.clock SET offset_us = 0")

    def test_production_does_not_start_in_it(self, operator, migrated, tmp_path):
        operator.json("clock", "advance", "1s", HOLDFAST_ENV="test")
        process = Process("oracle", "holdfast-oracle", {
            "HOLDFAST_ENV": "production", "ADMIN_LISTEN": "127.0.0.1:0", "DATABASE_URL": migrated.url("oracle"),
            "KAFKA_BROKERS": migrated.brokers, "KAFKA_SECURITY_PROTOCOL": "ssl"}, tmp_path).start()
        try:
            assert process.wait_ended() == 1
            assert process.event("engine.not_open")["code"] == "store.sandbox_clock"
        finally:
            process.stop()


class TestSmall:
    def test_usage(self, operator):
        for words in ((), ("escrow",), ("escrow", "dance"), ("escrow", "show"), ("escrow", "show", "x"),
                      ("escrow", "list", "--limit", "0"), ("escrow", "list", "--state", "LOST")):
            assert operator.run(*words).returncode == 2, words
        assert operator.run("help").returncode == 0

    def test_version(self):
        """Without any environment, and the same as the services say."""
        done = Ctl({}).run("--version")
        service = subprocess.run([paths.program("holdfast-escrow"), "--version"], text=True, capture_output=True,
                                 check=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, service.stdout)
        assert done.stdout.startswith("holdfast ")

    def test_no_database(self):
        assert Ctl({}).run("escrow", "list").returncode == 2
        away = Ctl({"DATABASE_URL": "postgresql://a:b@127.0.0.1:1/holdfast"})
        assert away.run("escrow", "list").returncode == 3

    def test_empty_ledger(self, migrated):
        verified = Ctl({"DATABASE_URL": migrated.url("verifier")}).json("ledger", "verify")
        assert verified["verified"]["ok"] is True
        assert verified["findings"] == []
