"""Oracle alone, with two replicas: timers fire at their moment and once, while its processes are killed."""

import hashlib
import json
import random
import uuid

import kafka
import pytest

from harness import kafka_log, paths, proto
from harness.ctl import Ctl
from harness.kafka_log import lane_of
from harness.process import Process
from harness.servers import Servers
from harness.waiting import wait_for

LANES = 12
TIMERS = 36
FUNDING, DELIVERY, INSPECTION = 1, 2, 3
SET, CANCEL = 10, 11  # fields of an OracleCommand
SYSTEM = 4  # a kind of actor
AHEAD_US = 15_000_000  # time to kill and to start again, on a machine that does other things too
PROMISE_US = 1_000_000
NAMESPACE = uuid.UUID("686f6c64-6661-5374-a5c2-0e117d3c4190")  # base/id.c


class Oracle:
    """The servers, two replicas, and a writer in place of escrow's lanes."""

    def __init__(self, folder):
        self.servers = Servers(folder / "servers")
        owner = Ctl({"DATABASE_URL": self.servers.url("owner"), "KAFKA_BROKERS": self.servers.brokers})
        owner.json("migrate", "up", "--dir", str(paths.ROOT / "migrations"))
        owner.json("topics", "ensure")
        self.operator = Ctl({"DATABASE_URL": self.servers.url("operator")})
        self.numbers = [0] * LANES
        self.processes = [Process(f"oracle-{number}", "holdfast-oracle", {
            "HOLDFAST_ENV": "test", "ADMIN_LISTEN": "127.0.0.1:0", "DATABASE_URL": self.servers.url("oracle"),
            "KAFKA_BROKERS": self.servers.brokers, "ENGINE_THREADS": "2"}, folder) for number in (1, 2)]
        self.producer = kafka.KafkaProducer(bootstrap_servers=self.servers.brokers)

    def start(self):
        for process in self.processes:
            if not process.runs():
                process.start()
        for process in self.processes:
            process.wait_ready(60)
        wait_for(self.both_own_lanes, 30, "both replicas owning lanes")

    def both_own_lanes(self):
        told = json.loads(self.operator.run("lane", "list", "--service", "oracle", "--json").stdout)
        owners = {row["owner"] for row in told["lanes"] if row["alive"]}
        return all(row["alive"] for row in told["lanes"]) and len(owners) == 4

    def stop(self):
        for process in self.processes:
            process.ask_to_stop()
        codes = [process.stop() for process in self.processes]
        self.producer.close()
        self.servers.stop()
        return codes

    def now_us(self):
        return int(self.servers.sql("SELECT oracle.now_us() + offset_us FROM oracle.clock")[0][0])

    def send(self, escrow, field, body):
        self.put(lane_of(str(escrow)), str(escrow).encode(), command(escrow, {field: body}))

    def put(self, lane, key, value):
        """The next record of the lane, numbered as escrow's engine numbers it."""
        self.numbers[lane] += 1
        headers = [("hf_n", str(self.numbers[lane]).encode()), ("hf_at", str(self.now_us()).encode()),
                   ("ce_id", str(uuid.uuid4()).encode())]
        self.producer.send("oracle.commands.v1", value, key, headers, partition=lane)

    def set(self, escrow, kind, generation, due_at_us):
        self.send(escrow, SET, proto.message({1: kind, 2: generation, 3: due_at_us}))

    def cancel(self, escrow, kind, generation):
        self.send(escrow, CANCEL, proto.message({1: kind, 2: generation}))

    def waiting(self):
        self.producer.flush()
        return int(self.servers.sql("SELECT count(*) FROM oracle.timer WHERE open")[0][0])

    def lateness_us(self, escrow):
        """Of its one timer that fired; None while it has not."""
        rows = self.servers.sql(
            f"SELECT closed_at_us - due_at_us FROM oracle.timer WHERE key = '{escrow}' AND state = 3")
        return int(rows[0][0]) if rows else None

    def fired(self):
        """{escrow: [message id]} over the whole topic, each record once; its numbers must be gapless."""
        found = {}
        for records in kafka_log.read_topic(self.servers.brokers, "oracle.events.v1").values():
            assert kafka_log.gaps(records) == []
            for _, message, key, _ in dict.fromkeys(records):
                found.setdefault(key, []).append(message)
        return found


def meta(**changes):
    fields = {"message_id": uuid.uuid4().bytes, "kind": SYSTEM, **changes}
    return proto.message({1: fields["message_id"], 2: uuid.uuid4().bytes, 4: proto.message({1: fields["kind"]})})


def command(escrow, body, of_meta=None):
    """An OracleCommand; body: {field: message}."""
    return proto.message({1: meta() if of_meta is None else of_meta, 2: escrow.bytes, **body})


def event_id(escrow, kind, generation, due_at_us):
    """What the event of this timer is called, whoever fires it: from what names it alone (base/id.h)."""
    cause = uuid.uuid5(uuid.uuid5(NAMESPACE, "holdfast/timer"), f"{escrow}/{kind}/{generation}")
    derived = bytearray(hashlib.sha256(cause.bytes).digest()[-16:])
    derived[0:6] = (due_at_us // 1000).to_bytes(6, "big")
    derived[6:8] = b"\x70\x00"
    derived[8] = derived[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(derived)))


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    oracle = Oracle(tmp_path_factory.mktemp("oracle"))
    try:
        yield oracle
    finally:
        codes = oracle.stop()
    assert codes == [0, 0]


@pytest.fixture
def oracle(running):
    running.start()
    return running


def set_many(oracle):
    """Timers of all kinds, spread over the lanes, due at moments that are close to each other: {escrow: event's id}."""
    names = {}
    first_us = oracle.now_us() + AHEAD_US
    before = oracle.waiting()
    for i in range(TIMERS):
        escrow = uuid.uuid4()
        kind, generation, due_us = random.choice((FUNDING, DELIVERY, INSPECTION)), i + 1, first_us + i * 20_000
        oracle.set(escrow, kind, generation, due_us)
        names[escrow] = event_id(escrow, kind, generation, due_us)
    wait_for(lambda: oracle.waiting() == before + TIMERS, 10, "all timers being set")
    return names


def wait_fired(oracle, names, timeout_s=40):
    def all_published():
        fired = oracle.fired()
        return all(str(escrow) in fired for escrow in names)

    wait_for(lambda: None not in [oracle.lateness_us(escrow) for escrow in names], timeout_s, "all timers having fired")
    wait_for(all_published, timeout_s, "all events being published")
    return oracle.fired()


@pytest.mark.alone
def test_fires_in_time_though_both_were_killed(oracle):
    names = set_many(oracle)
    for process in oracle.processes:  # nobody is left who knew of them
        process.kill()
    oracle.start()
    fired = wait_fired(oracle, names)
    for escrow, name in names.items():
        assert 0 <= oracle.lateness_us(escrow) < PROMISE_US
        assert fired[str(escrow)] == [name]


def test_fires_once_when_its_owner_dies_before_publishing(oracle):
    oracle.processes[0].stop()
    oracle.processes[0].start(HOLDFAST_CRASH_AT="engine-after-commit-before-publish:4:kill").wait_ready(60)
    oracle.start()
    names = set_many(oracle)
    fired = wait_fired(oracle, names)
    assert not oracle.processes[0].runs()
    for escrow, name in names.items():
        assert fired[str(escrow)] == [name]


def test_what_is_canceled_or_replaced_does_not_fire(oracle):
    canceled, replaced = uuid.uuid4(), uuid.uuid4()
    soon_us = oracle.now_us() + 2_000_000
    oracle.set(canceled, INSPECTION, 3, soon_us)
    oracle.cancel(canceled, INSPECTION, 3)
    oracle.set(replaced, FUNDING, 1, soon_us)
    oracle.set(replaced, FUNDING, 2, soon_us + 1_000_000)
    oracle.producer.flush()
    fired = wait_fired(oracle, {replaced: None})
    assert fired[str(replaced)] == [event_id(replaced, FUNDING, 2, soon_us + 1_000_000)]
    assert str(canceled) not in fired
    assert oracle.waiting() == 0


def test_a_week_passes_at_once_and_is_counted(oracle):
    escrow = uuid.uuid4()
    oracle.set(escrow, INSPECTION, 1, oracle.now_us() + 7 * 86400 * 1_000_000)
    wait_for(lambda: oracle.waiting() == 1, 10, "the timer being set")
    oracle.operator.json("clock", "advance", "7d", HOLDFAST_ENV="test")
    wait_for(lambda: oracle.lateness_us(escrow) is not None, 10, "the timer having fired")
    pages = [process.admin("/metrics")[1] for process in oracle.processes]
    counted = [float(line.rsplit(" ", 1)[1]) for page in pages for line in page.splitlines()
               if line.startswith("holdfast_engine_timers_fired_total{")]
    assert sum(counted) >= 1
    assert any("holdfast_engine_timer_lateness_seconds_bucket{" in page for page in pages)


# Bad records: the service waits for none of them, and sets no timer.

CANARY = b"canary7f3a"
VALUE_MAX_BYTES = 256 * 1024
DUE_US = 4_000_000_000_000_000  # in the year 2096


def timer(**changes):
    fields = {"kind": FUNDING, "generation": 1, "due_at_us": DUE_US, **changes}
    return {SET: proto.message({1: fields["kind"], 2: fields["generation"], 3: fields["due_at_us"]})}


# (name, value for an escrow, reason)
PARKED = [
    ("nothing", lambda escrow: b"", "wire.empty"),
    ("garbage", lambda escrow: b"\xff\xfe" + CANARY, "wire.malformed"),
    ("too large", lambda escrow: command(escrow, timer()) + proto.field(900, b"x" * VALUE_MAX_BYTES),
     "engine.input_too_large"),
    ("cut", lambda escrow: command(escrow, timer())[:-5], "wire.malformed"),
    ("of another deal", lambda escrow: command(uuid.uuid4(), timer()), "wire.wrong_key"),
    ("no meta", lambda escrow: proto.message({2: escrow.bytes, **timer()}), "wire.no_meta"),
    ("no id of its own", lambda escrow: command(escrow, timer(), meta(message_id=b"")), "wire.bad_id"),
    ("a short id", lambda escrow: proto.message({1: meta(), 2: escrow.bytes[:15], **timer()}), "wire.bad_id"),
    ("nobody asked", lambda escrow: command(escrow, timer(), meta(kind=0)), "wire.bad_actor"),
    ("an unknown kind of actor", lambda escrow: command(escrow, timer(), meta(kind=99)), "wire.unknown_enum"),
    ("an unknown clock", lambda escrow: command(escrow, timer(kind=99)), "wire.unknown_enum"),
    ("two clocks", lambda escrow: command(escrow, {SET: timer()[SET] + proto.field(1, DELIVERY)}), "wire.duplicate_field"),
    ("no clock", lambda escrow: command(escrow, timer(kind=0)), "oracle.bad_timer"),
    ("no generation", lambda escrow: command(escrow, timer(generation=0)), "oracle.bad_timer"),
    ("a generation below", lambda escrow: command(escrow, timer(generation=-1)), "oracle.bad_timer"),
    ("no moment", lambda escrow: command(escrow, timer(due_at_us=0)), "oracle.bad_timer"),
    ("a moment out of all time", lambda escrow: command(escrow, timer(due_at_us=2**63 - 1)), "oracle.bad_timer"),
    ("a cancellation of nothing", lambda escrow: command(escrow, {CANCEL: proto.message({1: FUNDING})}),
     "oracle.bad_timer"),
]


def escrow_in(lane):
    while True:
        escrow = uuid.uuid4()
        if lane_of(str(escrow)) == lane:
            return escrow


def followed(oracle, lane):
    """A good command behind a bad one: the lane goes on. Three bad ones in a row would stop it (R8)."""
    neighbour = escrow_in(lane)
    oracle.set(neighbour, FUNDING, 1, DUE_US)
    return neighbour


def timers_of(oracle, escrows):
    wanted = ", ".join(f"'{escrow}'" for escrow in escrows)
    return {key for key, in oracle.servers.sql(f"SELECT key FROM oracle.timer WHERE key IN ({wanted})")}


def test_what_cannot_be_set_waits_under_its_key(oracle):
    bad, neighbours = {}, set()
    for at, row in enumerate(PARKED):
        escrow = escrow_in(at % LANES)
        bad[str(escrow)] = row
        oracle.put(at % LANES, str(escrow).encode(), row[1](escrow))
        neighbours.add(str(followed(oracle, at % LANES)))
    oracle.producer.flush()

    def reasons():
        return dict(oracle.servers.sql("SELECT key, reason FROM oracle.parked_key"))

    wait_for(lambda: set(bad) <= set(reasons()), 20, "what is parked")
    seen = reasons()
    assert {name: seen[key] for key, (name, _, _) in bad.items()} == {name: reason for name, _, reason in PARKED}
    wait_for(lambda: timers_of(oracle, neighbours) == neighbours, 20, "the neighbours' timers")
    assert timers_of(oracle, bad) == set()
    for key in bad:
        oracle.operator.json("park", "drop", key, "--service", "oracle", "--requested-by", "ada", "--approved-by", "bob")
    assert reasons() == {}
    for process in oracle.processes:
        with open(process.log_path, "rb") as log:
            assert CANARY not in log.read(), process.name


@pytest.mark.parametrize("key", [None, b"", b"canary-is-no-uuid", b"\xff\xfe", b"0" * 36])
def test_what_has_no_key_is_put_aside(oracle, key):
    oracle.put(3, key, command(uuid.uuid4(), timer()))
    neighbour = str(followed(oracle, 3))
    oracle.producer.flush()
    wait_for(lambda: timers_of(oracle, {neighbour}), 20, "the neighbour's timer")
    found = oracle.servers.sql("DELETE FROM oracle.quarantine RETURNING reason")
    assert found == [["engine.no_key"]]
