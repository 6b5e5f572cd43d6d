"""The whole product with two replicas of each service, once for all tests; each test looks at its own deals."""

import pytest

from harness.stack import Stack


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.start()
        yield stack
    finally:
        codes = stack.stop()
    assert set(codes.values()) == {0}, f"not everything ended well: {codes}"


@pytest.fixture
def stack(running):
    """All replicas run, and no fault is left over; at the end the invariants hold."""
    for process in running.processes.values():
        if not process.runs():
            process.start()
    for process in running.processes.values():
        process.wait_ready(60)
    running.api.prefer(1)
    yield running
    running.check()


@pytest.fixture
def api(stack):
    return stack.api
