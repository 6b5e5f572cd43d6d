"""Every crash point of the sources, where it is passed and what must be going on for that.

A point is named once in C (CRASH_POINT) and once here; tests/contract/test_crash_points.py compares both. A run of the sweep
is one of these points in one service, with one signal and one seed, and fails when the point was never passed.
"""

from dataclasses import dataclass

from harness.stack import SERVICES

TOOL = "holdfastctl"
WRITERS = ("escrow", "payments")  # of numbered records at all times: oracle writes when a timer ends, gateway of users
INTAKES = ("gateway", "payments")
CALLERS = ("payments", "notifications")


@dataclass(frozen=True)
class Point:
    name: str
    services: tuple
    while_: str = "traffic"  # a scene of scenes.py
    passes: int = 3  # the armed pass is drawn from 1 to this
    peer: str = ""  # takeover: where the other replica dies first


POINTS = (
    # Taking lanes, and giving them back.
    Point("engine-after-heartbeat", SERVICES, passes=6),
    Point("engine-after-claim", SERVICES, passes=6),
    Point("engine-after-handover", SERVICES, "handover", passes=2),
    Point("engine-before-drain", SERVICES, "drain", passes=2),
    Point("engine-drain-after-release", SERVICES, "drain", passes=6),
    # A batch. Between load and before-commit there is only memory, and pipelined statements that end with the session.
    Point("engine-before-load", SERVICES, passes=6),
    Point("engine-after-load", SERVICES, passes=6),
    Point("engine-before-commit", SERVICES, passes=6),
    Point("pg-commit-sent", SERVICES, passes=12),
    Point("engine-after-commit-before-publish", SERVICES, passes=6),
    Point("engine-before-produce", WRITERS, passes=6),
    Point("engine-before-produce", ("oracle",), "timer", 1),
    Point("engine-after-publish", SERVICES, passes=6),
    Point("engine-before-advance", WRITERS),
    Point("engine-before-advance", ("oracle",), "timer", 1),
    Point("engine-before-advance", ("gateway",), "newcomers"),
    # The second to die, while it mends what the first one left.
    Point("engine-after-probe", SERVICES, "bereaved"),
    Point("engine-catching-up", WRITERS, "takeover", 1, peer="engine-before-produce"),
    Point("engine-swept-before-publish", INTAKES, "takeover", 1, peer="intake-after-commit-before-publish"),
    Point("engine-swept-before-publish", ("notifications",), "takeover", 1, peer="engine-before-post"),
    # Calls to the outside.
    Point("effect-committed-before-sent", CALLERS),
    Point("effect-sent-before-answer", CALLERS),
    Point("effect-answered-before-stored", CALLERS),
    # Timers, and messages of a service to itself.
    Point("engine-timer-due", ("oracle",), "timer", 2),
    Point("engine-timer-fired", ("oracle",), "timer", 2),
    Point("engine-before-post", ("notifications",), passes=6),
    # What comes from outside, from its first byte to its answer.
    Point("webhook-before-store", ("payments",)),
    Point("webhook-before-answer", ("payments",)),
    Point("request-before-answer", ("gateway",)),
    Point("intake-before-store", INTAKES),
    Point("intake-after-commit-before-publish", INTAKES),
    Point("intake-after-publish", INTAKES),
    Point("intake-before-acknowledged", INTAKES, passes=2),
    Point("live-before-told", ("gateway",), "stream"),
    # What people ask for.
    Point("engine-before-request", SERVICES, "republish", 2),
    Point("engine-before-request-answered", SERVICES, "republish", 2),
    Point("engine-after-unpark", ("escrow",), "unpark", 1),
    Point("ctl-request-left", (TOOL,), "request", 1),
)


def pairs():
    """[(point, service)]: what the sweep counts."""
    return [(point, service) for point in POINTS for service in point.services]
