"""Goods that the buyer does not take, and disputes: what the two can do, and what happens when one of them does nothing."""

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


def test_a_dispute_freezes_the_money_until_one_gives_in(stack, api):
    deal = api.held_deal()
    deal.do("mark-delivered", "SELLER")
    deal.do("raise-dispute", "BUYER", WHY)
    balances = deal.wait("DISPUTED")["balances"]
    assert (balances["held_minor"], balances["disputed_minor"]) == (0, AMOUNT_MINOR)
    assert notes(api, deal)["EscrowDisputed"] == WHY["reason"]
    assert api.outcome(deal.act("raise-dispute", "SELLER", WHY), "SELLER") == ("rejected", "escrow.disputed")
    assert api.outcome(deal.act("withdraw-dispute", "SELLER"), "SELLER") == ("rejected", "escrow.not_raiser")
    deal.do("withdraw-dispute", "BUYER")
    balances = deal.wait("DELIVERED")["balances"]
    assert (balances["held_minor"], balances["disputed_minor"]) == (AMOUNT_MINOR, 0)
    deal.do("raise-dispute", "SELLER", WHY)
    deal.wait("DISPUTED")
    deal.do("release", "BUYER")
    deal.wait("RELEASED")
    assert notes(api, deal)["EscrowReleaseStarted"] == "DISPUTE_CONCEDED"
    stack.settle()
    assert (deal.effects()["transfers"], deal.effects()["refunds"]) == (PAID, NOTHING)
    assert stack.verifier.json("escrow", "show", deal.id)["escrow"]["disputed_minor"] == 0


def test_a_dispute_that_nobody_settles_calls_staff_and_is_refunded(stack, api):
    deal = api.held_deal()
    deal.do("raise-dispute", "SELLER", WHY)
    assert deal.wait("DISPUTED")["deadline"]["next_state"] == "ESCALATED"
    stack.pass_time(14 * DAY)
    assert deal.wait("ESCALATED")["deadline"]["next_state"] == "REFUNDING"
    stack.pass_time(30 * DAY)
    deal.wait("REFUNDED")
    assert notes(api, deal)["EscrowRefundStarted"] == "NOT_RESOLVED"
    stack.settle()
    assert (deal.effects()["refunds"], deal.effects()["transfers"]) == (PAID, NOTHING)
