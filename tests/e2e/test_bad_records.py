"""What nobody should write to a topic, written to the real one: it waits under its key, or aside where there is no key,
with the right reason; its deal is not there, its lane goes on, and nothing of it is logged. In production the broker's
access list refuses foreign writers before all this.

What is put aside keeps its bytes (parked, quarantined, and in the dead letter topic): a person must see what it was. Terms
that cannot be accepted, such as an amount of 0, are not put aside: they can be read, so they are refused with an event and
whoever asked is told. Fields that a newer version added are carried along, not refused (libs/wire/wire_test.c). Numbers
that are missing, and records that do not continue the log, are in tests/engine/engine_numbers_test.c on the same Kafka and
PostgreSQL: here they would stop a lane of everybody else's tests. For the same reason oracle, which reads nothing but what
escrow's lanes write, has its table in tests/integration/test_oracle.py, where it is alone.
"""

import collections
import re
import uuid

import kafka
import pytest

from harness import kafka_log, proto
from harness.kafka_log import lane_of
from harness.waiting import wait_for

EVENTS = "escrow.events.v1"
LANES = 12
CANARY = b"canary7f3a-4242424242424242-sk_live_canary"
VALUE_MAX_BYTES = 256 * 1024
MARKETPLACE, BUYER, SELLER = (uuid.uuid4().bytes for _ in range(3))


def meta(**changes):
    fields = {"message_id": uuid.uuid4().bytes, "correlation_id": uuid.uuid4().bytes, "kind": 2,
              "actor": MARKETPLACE, **changes}
    return proto.message({1: fields["message_id"], 2: fields["correlation_id"],
                          4: proto.message({1: fields["kind"], 2: fields["actor"]})})


def terms(**changes):
    fields = {"marketplace": MARKETPLACE, "buyer": BUYER, "seller": SELLER, "amount": 2500, "currency": 1,
              "account": b"acct_1test", "inspection": 3 * 86400, "description": CANARY,
              "funding": 3600, "delivery": 86400, **changes}
    return proto.message({
        1: fields["marketplace"], 2: fields["buyer"], 3: fields["seller"],
        4: proto.message({1: fields["amount"], 2: fields["currency"]}), 5: fields["account"], 6: fields["inspection"],
        7: fields["description"], 8: fields["funding"], 9: fields["delivery"]})


def command(key, of_meta=None, body=None, number=10):
    """An EscrowCommand of the escrow `key`; by default one that would be accepted."""
    return proto.message({1: meta() if of_meta is None else of_meta, 2: uuid.UUID(key).bytes,
                          number: terms() if body is None else body})


# (name, value for a key, reason)
PARKED = [
    ("nothing", lambda key: b"", "wire.empty"),
    ("garbage", lambda key: b"\xff\xfe" + CANARY, "wire.malformed"),
    ("too large", lambda key: command(key, body=terms(description=b"x" * VALUE_MAX_BYTES)), "engine.input_too_large"),
    ("cut", lambda key: command(key)[:-5], "wire.malformed"),
    ("of another deal", lambda key: command(str(uuid.uuid4())), "wire.wrong_key"),
    ("no meta", lambda key: proto.message({2: uuid.UUID(key).bytes, 10: terms()}), "wire.no_meta"),
    ("no id of its own", lambda key: command(key, meta(message_id=b"")), "wire.bad_id"),
    ("a short id", lambda key: command(key, body=terms(buyer=BUYER[:15])), "wire.bad_id"),
    ("no buyer", lambda key: command(key, body=terms(buyer=b"")), "wire.bad_id"),
    ("nobody asked", lambda key: command(key, meta(kind=0)), "wire.bad_actor"),
    ("a NUL in a text", lambda key: command(key, body=terms(description=b"a\0" + CANARY)), "wire.bad_text"),
    ("not UTF-8", lambda key: command(key, body=terms(description=b"\xc3\x28" + CANARY)), "wire.bad_text"),
    ("an unknown kind of actor", lambda key: command(key, meta(kind=99)), "wire.unknown_enum"),
    ("an unknown currency", lambda key: command(key, body=terms(currency=99)), "wire.unknown_enum"),
    ("two amounts", lambda key: command(key, body=terms() + proto.field(6, 86400)), "wire.duplicate_field"),
    ("an unknown type", lambda key: command(key, number=99), "escrow.unknown_type"),
]


def key_in(lane):
    while True:
        key = str(uuid.uuid4())
        if lane_of(key) == lane:
            return key


NOTIFY = "notifications.messages.v1"
HAPPENED_US = 1_790_000_000_000_000
FUNDS_HELD, BUYER_ROLE = 4, 1


def tell(**changes):
    fields = {"escrow": uuid.uuid4().bytes, "seq": 4, "notice": FUNDS_HELD, "role": BUYER_ROLE, "amount": 2500,
              "currency": b"USD", "detail": b"", "description": CANARY, "at": HAPPENED_US, **changes}
    return proto.message({number: fields[name] for number, name in enumerate(
        ("escrow", "seq", "notice", "role", "amount", "currency", "detail", "description", "at"), 1)})


def news(key, of_meta=None, body=None, number=10):
    """A NotificationsMessage to the user `key`; by default one that would be told."""
    return proto.message({1: meta() if of_meta is None else of_meta, 2: uuid.UUID(key).bytes,
                          number: tell() if body is None else body})


PARKED_NEWS = [
    ("nothing", lambda key: b"", "wire.empty"),
    ("garbage", lambda key: b"\xff\xfe" + CANARY, "wire.malformed"),
    ("too large", lambda key: news(key, body=tell(detail=b"x" * VALUE_MAX_BYTES)), "engine.input_too_large"),
    ("cut", lambda key: news(key)[:-5], "wire.malformed"),
    ("of another user", lambda key: news(str(uuid.uuid4())), "wire.wrong_key"),
    ("no meta", lambda key: proto.message({2: uuid.UUID(key).bytes, 10: tell()}), "wire.no_meta"),
    ("no id of its own", lambda key: news(key, meta(message_id=b"")), "wire.bad_id"),
    ("a short id", lambda key: news(key, body=tell(escrow=BUYER[:15])), "wire.bad_id"),
    ("nobody asked", lambda key: news(key, meta(kind=0)), "wire.bad_actor"),
    ("a NUL in a text", lambda key: news(key, body=tell(description=b"a\0" + CANARY)), "wire.bad_text"),
    ("not UTF-8", lambda key: news(key, body=tell(description=b"\xc3\x28" + CANARY)), "wire.bad_text"),
    ("an unknown notice", lambda key: news(key, body=tell(notice=99)), "wire.unknown_enum"),
    ("two notices", lambda key: news(key, body=tell() + proto.field(3, 4)), "wire.duplicate_field"),
    ("no notice", lambda key: news(key, body=tell(notice=0)), "notifications.bad_message"),
    ("nobody's role", lambda key: news(key, body=tell(role=0)), "notifications.bad_message"),
    ("no place in its deal", lambda key: news(key, body=tell(seq=0)), "notifications.bad_message"),
]


def answered(stack, keys):
    """Deals whose refusal stands in the log."""
    records = kafka_log.read_topic(stack.servers.brokers, EVENTS)
    return keys <= {record[2] for partition in records.values() for record in partition}


def known(stack, keys):
    """People of whom notifications have heard."""
    return keys <= {user for user, in stack.servers.sql("SELECT user_id FROM notifications.recipient")}


class Table:
    """Bad records of a topic: the service that reads it, a record that it can decide and how that is seen."""

    def __init__(self, topic, rows, neighbour, seen):
        self.topic = topic
        self.service = topic.split(".")[0]
        self.rows = rows
        self.neighbour = neighbour
        self.seen = seen


COMMANDS = Table("escrow.commands.v1", PARKED, lambda key: command(key, body=terms(amount=0, description=b"")), answered)
MESSAGES = Table(NOTIFY, PARKED_NEWS, lambda key: news(key, body=tell(description=b"")), known)
TABLES = pytest.mark.parametrize("table", [COMMANDS, MESSAGES], ids=lambda table: table.service)


class Sender:
    """Each bad record is followed by one of the same lane that can be decided: three bad ones in a row are more than the
    fault of a message, and stop the lane (R8)."""

    def __init__(self, brokers):
        self.producer = kafka.KafkaProducer(bootstrap_servers=brokers)
        self.table = COMMANDS
        self.neighbours = set()

    def put(self, lane, key, value):
        """The offset."""
        return self.producer.send(self.table.topic, key=key, value=value, partition=lane).get(10).offset

    def send(self, key, value):
        self.put(lane_of(key), key.encode(), value)

    def send_bad(self, lane, key, value):
        offset = self.put(lane, key, value)
        neighbour = key_in(lane)
        self.send(neighbour, self.table.neighbour(neighbour))
        self.neighbours.add(neighbour)
        return offset


@pytest.fixture
def sender(stack):
    started = Sender(stack.servers.brokers)
    yield started
    started.producer.close()


def drop_all(stack, keys, service="escrow"):
    for key in keys:
        stack.operator.json("park", "drop", key, "--service", service, "--requested-by", "ops")


def replicas(stack, service):
    return [process for name, process in stack.processes.items() if name.startswith(f"{service}-")]


def told(stack, service):
    """Key, and topic and reason, as on-call reads them in the logs."""
    lines = (line for process in replicas(stack, service) for line in process.lines())
    return {line["key"]: (line["topic"], line["code"]) for line in lines if line.get("event") == "engine.put_aside"}


def parked_keys(stack, service):
    """The gauge, over all replicas."""
    pages = "".join(process.admin("/metrics")[1] for process in replicas(stack, service))
    return sum(int(line.split()[-1]) for line in pages.splitlines()
               if line.startswith("holdfast_engine_parked_keys{"))


def put_aside(stack, service):
    """{reason: messages}, over all threads of all replicas."""
    found = collections.Counter()
    for process in replicas(stack, service):
        for reason, number in re.findall(r'^holdfast_engine_put_aside_total\{.*reason="([^"]*)"\} (\d+)$',
                                         process.admin("/metrics")[1], re.MULTILINE):
            found[reason] += int(number)
    return found


@TABLES
def test_what_has_a_key_waits_under_it(stack, sender, table):
    sender.table = table
    before = parked_keys(stack, table.service)
    counted = put_aside(stack, table.service)
    keys = {key_in(number % LANES): row for number, row in enumerate(table.rows)}
    for key, (_, value, _) in keys.items():
        sender.send_bad(lane_of(key), key.encode(), value(key))

    def reasons():
        return dict(stack.servers.sql(f"SELECT key, reason FROM {table.service}.parked_key"))

    wait_for(lambda: set(keys) <= set(reasons()), 20, "what is parked")
    seen = reasons()
    assert {name: seen[key] for key, (name, _, _) in keys.items()} == {name: reason for name, _, reason in table.rows}
    wait_for(lambda: set(keys) <= set(told(stack, table.service)), 10, "on-call being told")
    on_call = told(stack, table.service)
    assert {key: on_call[key] for key in keys} == {key: (table.topic, row[2]) for key, row in keys.items()}
    wait_for(lambda: parked_keys(stack, table.service) == before + len(keys), 10, "the gauge going up")
    assert put_aside(stack, table.service) - counted == collections.Counter(reason for _, _, reason in table.rows)
    wanted = ", ".join(f"'{key}'" for key in keys)
    assert stack.servers.sql(f"SELECT id FROM escrow.escrow WHERE id IN ({wanted})") == []
    assert stack.servers.sql(f"SELECT id FROM notifications.delivery WHERE user_id IN ({wanted})") == []
    wait_for(lambda: table.seen(stack, sender.neighbours), 20, "the neighbours' decisions")
    drop_all(stack, keys, table.service)
    assert not set(keys) & set(reasons())
    wait_for(lambda: parked_keys(stack, table.service) == before, 10, "the gauge going down")


@TABLES
@pytest.mark.parametrize("key", [None, b"", b"canary-is-no-uuid", b"\xff\xfe", b"0" * 36])
def test_what_has_no_key_is_put_aside(stack, sender, table, key):
    sender.table = table
    before = put_aside(stack, table.service)["engine.no_key"]
    offset = sender.send_bad(3, key, table.neighbour(str(uuid.uuid4())))
    kept = f"FROM {table.service}.quarantine WHERE topic = '{table.topic}' AND lane = 3 AND kafka_offset = {offset}"
    found = wait_for(lambda: stack.servers.sql(f"SELECT reason {kept}"), 15, "the record")
    assert found == [["engine.no_key"]]
    wait_for(lambda: put_aside(stack, table.service)["engine.no_key"] == before + 1, 10, "its being counted")
    stack.servers.sql(f"DELETE {kept}")  # looked at by a person


def test_the_same_id_with_another_content_waits(stack, sender):
    key = str(uuid.uuid4())
    same = meta()
    for description in (b"a sword", b"a sword", b"a shield"):
        sender.send(key, command(key, same, terms(description=description)))
    wait_for(lambda: stack.servers.sql("SELECT reason FROM escrow.parked_key WHERE reason = "
                                       f"'engine.same_id_other_content' AND key = '{key}'"), 15, "the parked deal")
    drop_all(stack, [key])
    created = stack.servers.sql(f"SELECT count(*) FROM escrow.transition WHERE escrow_id = '{key}' AND seq = 1")
    assert created == [["1"]]


def test_terms_that_cannot_be_are_refused_with_an_event(stack, sender):
    keys = [str(uuid.uuid4()) for _ in range(3)]
    for key, body in zip(keys, (terms(amount=0), terms(amount=-1), terms(buyer=SELLER)), strict=True):
        sender.send(key, command(key, body=body))
    wait_for(lambda: answered(stack, set(keys)), 15, "the refusals")
    wanted = ", ".join(f"'{key}'" for key in keys)
    assert stack.servers.sql(f"SELECT id FROM escrow.escrow WHERE id IN ({wanted})") == []


def test_nothing_of_it_is_logged(stack, sender):
    key = str(uuid.uuid4())
    sender.send_bad(lane_of(key), key.encode(), b"\xff" + CANARY)
    sender.send_bad(3, CANARY, CANARY)
    wait_for(lambda: stack.servers.sql(f"SELECT 1 FROM escrow.parked_key WHERE key = '{key}'"), 15, "the parked deal")
    wait_for(lambda: stack.servers.sql("SELECT 1 FROM escrow.quarantine"), 15, "the record without a key")
    drop_all(stack, [key])
    stack.servers.sql("DELETE FROM escrow.quarantine")
    for name, process in stack.processes.items():
        with open(process.log_path, "rb") as log:
            assert CANARY not in log.read(), name
        assert CANARY not in process.admin("/metrics")[1].encode(), name
