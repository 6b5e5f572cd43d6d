"""Goods that the buyer does not take: what the two can do, and what happens when one of them does nothing."""

from harness.api import AMOUNT_MINOR

PAID = (1, AMOUNT_MINOR)
NOTHING = (0, 0)
DAY = 86400
WHY = {"reason": "not as described"}


def rejected_deal(api):
    deal = api.held_deal()
    deal.do("mark-delivered", "SELLER")
    deal.do("reject-delivery", "BUYER", WHY)
    deal.wait("DELIVERY_REJECTED")
    return deal


def notes(api, deal):
    answer = api.get(f"/v1/escrows/{deal.id}/timeline", "SELLER")
    return {entry["type"]: entry["note"] for entry in answer.json()["items"]}


def test_a_return_that_the_seller_accepts_is_refunded(stack, api):
    deal = rejected_deal(api)
    seen = deal.view()
    assert (seen["balances"]["held_minor"], seen["deadline"]["next_state"]) == (AMOUNT_MINOR, "REFUNDING")
    assert notes(api, deal)["EscrowRejected"] == WHY["reason"]
    assert deal.act("accept-return", "BUYER").json()["code"] == "escrow.not_allowed"
    deal.do("accept-return", "SELLER")
    deal.wait("REFUNDED")
    assert deal.events()[-4:] == ["EscrowRejected", "EscrowReturnAccepted", "EscrowRefundStarted", "EscrowRefunded"]
    assert notes(api, deal)["EscrowRefundStarted"] == "RETURN_ACCEPTED"
    stack.settle()
    assert (deal.effects()["refunds"], deal.effects()["transfers"]) == (PAID, NOTHING)


def test_a_rejection_that_nobody_answers_is_refunded_after_three_days(stack, api):
    deal = rejected_deal(api)
    stack.pass_time(3 * DAY)
    deal.wait("REFUNDED")
    assert notes(api, deal)["EscrowRefundStarted"] == "NOT_ANSWERED"
    stack.settle()
    assert (deal.effects()["refunds"], deal.effects()["transfers"]) == (PAID, NOTHING)


def test_a_rejection_says_why_and_comes_in_time(stack, api):
    deal = api.held_deal()
    assert api.outcome(deal.act("reject-delivery", "BUYER", WHY), "BUYER") == ("rejected", "escrow.wrong_state")
    refused = deal.act("reject-delivery", "BUYER")
    assert (refused.status, refused.json()["code"], refused.json()["field"]) == (422, "escrow.bad_text", "/reason")
    deal.do("mark-delivered", "SELLER")
    stack.pass_time(3 * DAY)
    deal.wait("RELEASED")
    assert api.outcome(deal.act("reject-delivery", "BUYER", WHY), "BUYER") == ("rejected", "escrow.wrong_state")
