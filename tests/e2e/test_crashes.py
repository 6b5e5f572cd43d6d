"""How long it takes until others have taken over from an owner of lanes that dies or freezes while deals are under way, and
what happens when all of them go. Each service loses one between COMMIT and publishing, payments also one between the
provider's answer and storing it. All the other places where they may die are the crash sweep's matter (tests/crash).
"""

import time

import pytest

from harness.api import AMOUNT_MINOR
from harness.waiting import PATIENCE_S, wait_for

DEALS = 16  # ids are random: that none is in the six lanes of a victim happens once in 65,536 runs
RECOVERY_S = 5.0
BETWEEN_COMMIT_AND_PUBLISH = "engine-after-commit-before-publish"
BETWEEN_ANSWER_AND_STORING = "effect-answered-before-stored"

POINTS = [
    ("escrow", BETWEEN_COMMIT_AND_PUBLISH),
    ("payments", BETWEEN_COMMIT_AND_PUBLISH),
    ("payments", BETWEEN_ANSWER_AND_STORING),
    ("gateway", BETWEEN_COMMIT_AND_PUBLISH),
]


def delivered_deals(api, count=DEALS):
    """Deals whose buyers are about to release."""
    deals = [api.deal() for _ in range(count)]
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


def settled(stack, deals):
    """By the escrow's own database: the gateway's read model may be what is recovering."""
    wanted = ", ".join(f"'{deal.id}'" for deal in deals)
    rows = stack.servers.sql(f"SELECT count(*) FROM escrow.escrow WHERE id IN ({wanted}) AND state = 6")
    return rows == [[str(len(deals))]]


def shown(deals):
    return all(deal.view()["state"] == "RELEASED" for deal in deals)


@pytest.mark.alone
@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize("service,point", POINTS)
def test_an_owner_is_lost(stack, service, point, how):
    deals = delivered_deals(stack.api)
    victim = stack.arm(f"{service}-1", point, how=how).wait_ready()
    stack.wait_balanced(service)
    stack.api.prefer(2)  # what a load balancer does with a gateway that is not ready
    release_all(deals)
    wait_for(victim.has_met_its_point, PATIENCE_S, f"{victim.name} meeting {point}")
    began = time.monotonic()
    wait_for(lambda: settled(stack, deals) and shown(deals), 30, "all deals being released")
    took_s = time.monotonic() - began
    if how == "stop":
        victim.thaw_if_frozen()  # it wakes up after others have taken over, and must not do harm
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
