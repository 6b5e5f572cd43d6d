"""PostgreSQL is set back to a backup while Kafka and the provider are ahead: the lanes stop and tell, nothing is paid
twice, and after the operator's command everything is as it was, to the last hash."""

import json
import shutil
import subprocess

import pytest

from harness import kafka_log
from harness.api import AMOUNT_MINOR
from harness.stack import SERVICES, Stack
from harness.waiting import wait_for

STOPPED_S = 60
RESTORED_S = 90
TOPICS = ("escrow.events.v1", "payments.commands.v1", "payments.events.v1", "oracle.commands.v1")
NAMES = ("--requested-by", "ada", "--approved-by", "grace")


@pytest.fixture
def stack(tmp_path_factory):
    running = Stack(tmp_path_factory.mktemp("restore"), replicas=1)
    try:
        yield running.start()
    finally:
        running.stop()


def end_services(stack):
    for process in stack.processes.values():
        assert process.stop() == 0, process.name


def start_services(stack):
    for process in stack.processes.values():
        process.start()


def wait_ready(stack):
    for process in stack.processes.values():
        process.wait_ready(RESTORED_S)


def copy(source, target):
    subprocess.run(["cp", "-a", str(source), str(target)], check=True, timeout=60)  # owners and modes are kept


def back_up(stack, folder):
    """A copy of the whole cluster, as a base backup is one."""
    end_services(stack)
    stack.servers.end("postgres")
    copy(stack.servers.data("postgres"), folder)
    stack.servers.start()
    start_services(stack)
    wait_ready(stack)


def restore(stack, folder):
    end_services(stack)
    stack.servers.end("postgres")
    shutil.rmtree(stack.servers.data("postgres"))
    copy(folder, stack.servers.data("postgres"))
    stack.servers.start()
    start_services(stack)


def history(stack):
    """What no restore may change: every deal's state, money and hash, and every leg."""
    return (
        stack.servers.sql("SELECT id, version, seq, state, held_minor, paid_out_minor, encode(chain_head, 'hex') "
                          "FROM escrow.escrow ORDER BY id"),
        stack.servers.sql("SELECT escrow_id, seq, ordinal, debit, credit, amount_minor FROM escrow.transfer "
                          "ORDER BY escrow_id, seq, ordinal"),
        stack.servers.sql("SELECT id, kind, state, provider_ref FROM payments.leg ORDER BY id"),
    )


def records(stack):
    return {topic: sum(len(found) for found in kafka_log.read_topic(stack.servers.brokers, topic).values())
            for topic in TOPICS}


def written(stack):
    """How far each (service, lane) has written its topics."""
    rows = stack.servers.sql(" UNION ALL ".join(
        f"SELECT '{service}', lane, sum(next_n) FROM {service}.lane_out GROUP BY lane" for service in SERVICES))
    return {(service, int(lane)): int(total) for service, lane, total in rows}


def lanes(stack):
    found = stack.operator.run("restore", "check", "--json")
    assert found.returncode in (0, 1), found.stderr
    return json.loads(found.stdout)["lanes"]


def lost_lanes(stack):
    return {(row["service"], row["lane"]) for row in lanes(stack) if row["state"] == "lost"}


def is_restored(stack):
    return stack.operator.run("restore", "check").returncode == 0


def test_a_restored_database_catches_up_with_the_log(stack, tmp_path):
    api = stack.api
    released = api.held_deal()
    released.do("mark-delivered", "SELLER")
    paid = api.deal()
    stack.settle()
    kept = list(api.accepted)
    assert lanes(stack) == []
    old = written(stack)
    back_up(stack, tmp_path / "backup")

    released.do("release", "BUYER")
    released.wait("RELEASED")
    paid.pay()
    paid.wait("FUNDS_HELD")
    born = api.held_deal()  # all that the database knew of it is lost
    born.do("mark-delivered", "SELLER")
    born.do("release", "BUYER")
    born.wait("RELEASED")
    stack.settle()
    before, published = history(stack), records(stack)
    ahead = {place for place, total in written(stack).items() if total != old.get(place)}
    assert {"escrow", "payments"} <= {service for service, _ in ahead}
    lost = [pair for pair in api.accepted if pair not in kept]

    restore(stack, tmp_path / "backup")
    wait_for(lambda: lost_lanes(stack) == ahead, STOPPED_S, "the lanes noticing")
    for row in lanes(stack):
        assert row["stopped"].startswith("engine.database_lost_rows: "), row
    for service in ("escrow", "payments"):
        assert stack.processes[f"{service}-1"].admin("/readyz")[0] == 503
    assert released.effects()["transfers"] == (1, AMOUNT_MINOR)

    assert stack.operator.run("restore", "apply", "--requested-by", "ada", "--approved-by", "ada").returncode == 2
    for row in stack.operator.json("restore", "apply", *NAMES)["lanes"]:
        assert row["result"].startswith("taken back: "), row
    wait_for(lambda: is_restored(stack), RESTORED_S, "everything being decided again")
    wait_ready(stack)
    stack.settle()

    assert history(stack) == before
    assert records(stack) == published
    for deal in (released, born):
        deal.wait("RELEASED")
        assert deal.effects()["transfers"] == (1, AMOUNT_MINOR)
        assert deal.effects()["payment_intents"] == (1, AMOUNT_MINOR)
        assert deal.events().count("EscrowReleased") == 1
    for command, role in lost:  # what the gateway alone knew: the deals tell what came of it
        assert api.get(f"/v1/commands/{command}", role).status == 404
    api.accepted = kept

    paid.do("mark-delivered", "SELLER")  # numbers go on behind those of the log, and everybody takes them
    paid.do("release", "BUYER")
    paid.wait("RELEASED")
    assert paid.effects()["transfers"] == (1, AMOUNT_MINOR)
    stack.check()
    assert [row for row in stack.servers.sql(
        " UNION ALL ".join(f"SELECT kind, requested_by, approved_by FROM {service}.admin_request"
                           for service in SERVICES)) if row != ["4", "ada", "grace"]] == []
