"""Calls to the provider whose answer is still unknown after a day: they are never sent again. What was made is found by
looking it up; what was not is said by two people, who looked at the very request."""

import pytest

from harness.api import AMOUNT_MINOR
from harness.waiting import PATIENCE_S, wait_for

DAY_S = 22 * 3600
NOTHING = (0, 0)
PAID = (1, AMOUNT_MINOR)
TWO = ("--requested-by", "ada", "--approved-by", "grace", "--reason", "not in the dashboard's list of transfers")


@pytest.fixture
def sandbox(api):
    yield api.sandbox
    api.sandbox.end_faults("/v1/transfers")
    api.sandbox.webhooks("release")


def calls(stack, deal, *options):
    return [row for row in stack.verifier.json("effect", "list", *options)["effects"] if row["key"] == deal.id]


def releasing_deal(stack, api, when):
    """Its payout meets a line that is cut, before or after it reached the provider, and nothing is told."""
    deal = api.held_deal()
    deal.do("mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    api.sandbox.webhooks("withhold")
    api.sandbox.fault("/v1/transfers", "drop_answer", method="POST", when=when, count=1000000)
    deal.do("release", "BUYER")
    deal.wait("RELEASING")
    wait_for(lambda: [row for row in calls(stack, deal) if row["attempts"] > 0], PATIENCE_S, "the call")
    assert calls(stack, deal, "--attention") == []
    return deal


def test_what_was_made_is_found(stack, api, sandbox):
    deal = releasing_deal(stack, api, "after")
    stack.pass_time(DAY_S)
    deal.wait("RELEASED", PATIENCE_S)
    assert deal.effects()["transfers"] == PAID
    wait_for(lambda: calls(stack, deal) == [], PATIENCE_S, "the call being settled")


def test_what_was_not_made_is_settled_by_two(stack, api, sandbox):
    deal = releasing_deal(stack, api, "before")
    stack.pass_time(DAY_S)
    row = wait_for(lambda: next((row for row in calls(stack, deal, "--attention")
                                 if row["last_answer"] == "not_found_at_provider"), None), PATIENCE_S, "the look-up")
    assert (row["service"], row["request"], row["too_old"]) == ("payments", "POST /v1/transfers", True)
    assert deal.view()["state"] == "RELEASING" and deal.effects()["transfers"] == NOTHING
    shown = stack.verifier.json("effect", "show", row["id"])["effect"]
    assert f"transfer_group={deal.id}" in shown["body"]
    settle = ("effect", "settle", row["id"], "--outcome", "failed", "--sha256")
    alone = stack.operator.run(*settle, shown["sha256"], "--requested-by", "ada", "--approved-by", "ada", "--reason", "x")
    assert alone.returncode == 2, alone
    other = stack.operator.run(*settle, "0" * 64, *TWO)
    assert other.returncode == 1 and "engine.effect_differs" in other.stderr, other
    assert deal.view()["state"] == "RELEASING"
    assert stack.operator.json(*settle, shown["sha256"], *TWO)["request"]["result"] == "done"
    again = stack.operator.run(*settle, shown["sha256"], *TWO)
    assert again.returncode == 1 and "engine.effect_settled" in again.stderr, again
    deal.wait_view(lambda now: now["attention"]["payout_failed_minor"] == AMOUNT_MINOR, "the payout having failed")
    assert stack.servers.sql("SELECT requested_by, approved_by, reason FROM payments.admin_request "
                             f"WHERE key = '{row['id']}' AND result = 'done'") == [[TWO[1], TWO[3], TWO[5]]]
    sandbox.end_faults("/v1/transfers")
    deal.do("retry", "STAFF")
    deal.wait("RELEASED")
    assert deal.effects()["transfers"] == PAID
