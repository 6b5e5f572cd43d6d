"""Waiting for a condition: returns as soon as it holds, fails with its last value when time is up."""

import time

POLL_S = 0.02
# For what surely comes, however much else the machine and the services have to do: other tests' deals, for example, whose
# deadlines all come at once when a test lets a week pass. How quickly things come is measured, never tested.
PATIENCE_S = 60


def wait_for(condition, timeout_s=10.0, what="the condition", poll_s=POLL_S):
    """Calls condition() until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what} did not come true within {timeout_s} s (last: {value!r})")
        time.sleep(poll_s)
