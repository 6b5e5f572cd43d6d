"""No byte is left for the database, or for the broker: nothing half-made, and everything goes on when there is room again."""

import contextlib
import os

import pytest

from harness.small_disk import SmallDisk
from harness.stack import Stack
from harness.waiting import wait_for

SMALL_MB = {"postgres": 400, "kafka": 200}
BACK_S = 90
STANDING_S = 3


@pytest.fixture(params=sorted(SMALL_MB))
def full(request, tmp_path_factory):
    """(stack, disk) with that server's data on the disk."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    stack = Stack(tmp_path_factory.mktemp(f"full-{request.param}"), replicas=1)
    disk = None
    try:
        stack.servers.end(request.param)
        disk = SmallDisk(stack.servers.data(request.param), SMALL_MB[request.param])
        stack.servers.start()
        yield stack.start(), disk
    finally:
        if disk:
            disk.close()
        stack.stop()


def assert_alive(stack):
    for process in stack.processes.values():
        assert process.admin("/livez")[0] == 200, process.name


def use_up_preallocated(servers):
    """PostgreSQL writes on in the WAL segments that it has: until it needs another one."""
    with contextlib.suppress(AssertionError):
        for _ in range(max(SMALL_MB.values())):
            servers.sql("SELECT pg_logical_emit_message(true, 'filler', repeat('x', 1 << 20))")


def stand_still(api):
    """New deals are asked for until the full disk shows: refused, or accepted and not decided."""

    def shows():
        answer = api.create(description="x" * 400)
        assert answer.status in (202, 503), answer
        if answer.status == 503:
            return True
        try:
            wait_for(lambda: api.get(answer.headers["location"], "MARKETPLACE").json()["status"] != "pending",
                     STANDING_S, "the outcome")
        except AssertionError:
            return True
        return False

    wait_for(shows, BACK_S, "the full disk being noticed")


def test_it_goes_on_when_there_is_room_again(full):
    stack, disk = full
    deal = stack.api.held_deal()
    disk.fill()
    use_up_preallocated(stack.servers)
    stand_still(stack.api)
    wait_for(lambda: any(process.admin("/readyz")[0] == 503 for process in stack.processes.values()), BACK_S, "readiness telling")
    assert_alive(stack)
    disk.empty()
    stack.servers.start()  # what gave up
    for process in stack.processes.values():
        process.wait_ready(BACK_S)
    deal.do("mark-delivered", "SELLER")
    deal.do("release", "BUYER")
    deal.wait("RELEASED", BACK_S)
    stack.check()
