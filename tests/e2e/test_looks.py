"""Webhooks that never come: payments asks the provider, and the deal goes on."""

import pytest

from harness.api import AMOUNT_MINOR
from harness.waiting import PATIENCE_S, wait_for

PAID = (1, AMOUNT_MINOR)
NOTHING = (0, 0)


@pytest.fixture
def silent(api):
    """A provider that tells nothing of its own accord."""
    api.sandbox.webhooks("withhold")
    yield api.sandbox
    api.sandbox.webhooks("release")


def legs(stack, deal, kind):
    return stack.servers.sql(f"SELECT state, look_at_us FROM payments.leg WHERE escrow_id = '{deal.id}' AND kind = {kind}")


def test_a_deal_goes_on_without_webhooks(stack, api, silent):
    deal = api.deal()
    deal.pay()
    deal.wait("FUNDS_HELD", 2 * PATIENCE_S)
    assert legs(stack, deal, 1) == [["3", "0"]]  # done, and looked at no more
    deal.do("mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    deal.do("release", "BUYER")
    deal.wait("RELEASED")
    before = deal.events()
    delivered = silent.counters()["webhooks"]["delivered"]
    silent.webhooks("release")
    wait_for(lambda: silent.counters()["webhooks"]["delivered"] > delivered, PATIENCE_S, "the webhooks")
    stack.settle()
    assert deal.events() == before
    effects = deal.effects()
    assert (effects["paid"], effects["transfers"], effects["refunds"]) == (PAID, PAID, NOTHING)


def test_a_payout_whose_answer_is_lost_is_found(stack, api, silent):
    """The transfer was made, and every answer about it is lost: two minutes later it is looked at."""
    silent.webhooks("release")
    deal = api.held_deal()
    deal.do("mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    silent.webhooks("withhold")
    silent.fault("/v1/transfers", "drop_answer", method="POST", when="after", count=1000000)
    try:
        deal.do("release", "BUYER")
        deal.wait("RELEASING")
        wait_for(lambda: deal.effects()["transfers"] == PAID, PATIENCE_S, "the transfer")
        stack.pass_time(125)
        deal.wait("RELEASED", 2 * PATIENCE_S)
    finally:
        silent.end_faults("/v1/transfers")
    assert deal.effects()["transfers"] == PAID
