"""Owners of lanes that die or freeze at the worst moments, while deals are under way.

A process is started with an armed crash point: at its n-th pass it kills or stops itself. Then every deal must come to its
end by the other replica, within the time that a takeover may take, and everything must have happened once.
"""

import time

import pytest

from harness.api import AMOUNT_MINOR
from harness.waiting import wait_for

DEALS = 6
RECOVERY_S = 5.0
BETWEEN_COMMIT_AND_PUBLISH = "engine-after-commit-before-publish"
BETWEEN_ANSWER_AND_STORING = "effect-answered-before-stored"

POINTS = [
    ("escrow", BETWEEN_COMMIT_AND_PUBLISH),
    ("payments", BETWEEN_COMMIT_AND_PUBLISH),
    ("payments", BETWEEN_ANSWER_AND_STORING),
    ("gateway", BETWEEN_COMMIT_AND_PUBLISH),
]


def arm(stack, service, point, how, nth=1):
    """Starts replica 1 of a service anew, armed, and waits until both replicas own lanes."""
    process = stack.processes[f"{service}-1"]
    process.stop()
    process.start(HOLDFAST_CRASH_AT=f"{point}:{nth}:{how}").wait_ready()
    stack.wait_balanced(service)
    return process


def delivered_deals(api):
    """Deals whose buyers are about to release."""
    deals = [api.deal() for _ in range(DEALS)]
    for deal in deals:
        deal.pay()
    for deal in deals:
        deal.wait("FUNDS_HELD")
        deal.act("mark-delivered", "SELLER")
    for deal in deals:
        deal.wait("DELIVERED")
    return deals


def release_all(deals):
    for deal in deals:
        answer = deal.act("release", "BUYER")
        assert answer.status == 202, answer


def has_met_its_point(process):
    return not process.runs() or process.is_frozen()


def settled(stack, deals):
    """By the escrow's own database: the gateway's read model may be what is recovering."""
    wanted = ", ".join(f"'{deal.id}'" for deal in deals)
    rows = stack.servers.sql(f"SELECT count(*) FROM escrow.escrow WHERE id IN ({wanted}) AND state = 6")
    return rows == [[str(len(deals))]]


def shown(deals):
    return all(deal.view()["state"] == "RELEASED" for deal in deals)


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize("service,point", POINTS)
def test_an_owner_is_lost(stack, service, point, how):
    deals = delivered_deals(stack.api)
    victim = arm(stack, service, point, how)
    release_all(deals)
    wait_for(lambda: has_met_its_point(victim), 15, f"{victim.name} meeting {point}")
    began = time.monotonic()
    wait_for(lambda: settled(stack, deals) and shown(deals), 30, "all deals being released")
    took_s = time.monotonic() - began
    if how == "stop":
        victim.thaw()  # it wakes up after others have taken over, and must not do harm
        wait_for(lambda: not victim.runs() or victim.is_ready(), 20, "the sleeper being well again, or gone")
    for deal in deals:
        effects = deal.effects()
        assert effects["transfers"] == (1, AMOUNT_MINOR), deal.id
        assert deal.events().count("EscrowReleased") == 1
    assert took_s < RECOVERY_S, f"recovery took {took_s:.1f} s"


def test_both_replicas_of_everything_die(stack):
    """Power is lost: everything of ours is killed while deals are under way, and started again."""
    api = stack.api
    deals = delivered_deals(api)
    release_all(deals)
    for process in stack.processes.values():
        process.kill()
    for process in stack.processes.values():
        process.start()
    for process in stack.processes.values():
        process.wait_ready(60)
    wait_for(lambda: settled(stack, deals), 60, "all deals being released")
    for deal in deals:
        deal.wait("RELEASED")
        assert deal.effects()["transfers"] == (1, AMOUNT_MINOR)


def test_an_accepted_command_survives_its_gateway(stack):
    """202 is a promise: the gateway that gave it dies at once, the command is carried out all the same."""
    api = stack.api
    deals = delivered_deals(api)
    release_all(deals)  # by the first gateway that answers
    stack.processes["gateway-1"].kill()
    wait_for(lambda: settled(stack, deals), 90, "all deals being released")
    for deal in deals:
        deal.wait("RELEASED")


@pytest.mark.parametrize("service", ["escrow", "payments", "gateway"])
def test_a_rolling_restart_is_uneventful(stack, service):
    api = stack.api
    deals = delivered_deals(api)
    release_all(deals)
    for number in (1, 2):
        process = stack.processes[f"{service}-{number}"]
        assert process.stop() == 0
        process.start().wait_ready()
    wait_for(lambda: settled(stack, deals), 20, "all deals being released")
    for deal in deals:
        deal.wait("RELEASED")
        assert deal.effects()["transfers"] == (1, AMOUNT_MINOR)
