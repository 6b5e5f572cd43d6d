"""The two divide what is held: one offers, the other agrees, both have their part."""

from harness.api import AMOUNT_MINOR

SELLER_MINOR = AMOUNT_MINOR // 4
BUYER_MINOR = AMOUNT_MINOR - SELLER_MINOR
SPLIT = {"seller_minor": SELLER_MINOR, "buyer_minor": BUYER_MINOR}
NOTHING = (0, 0)


def test_two_who_agree_have_their_parts_without_anybody_else(stack, api):
    deal = api.held_deal()
    deal.do("raise-dispute", "BUYER", {"reason": "half of it is missing"})
    deal.do("propose-split", "SELLER", SPLIT)
    split = deal.wait_view(lambda now: now["split"], "an offer")["split"]
    assert (split["number"], split["seller_minor"], split["buyer_minor"]) == (1, SELLER_MINOR, BUYER_MINOR)
    assert api.outcome(deal.act("accept-split", "SELLER", {"number": 1}), "SELLER") == ("rejected", "escrow.own_split")
    assert api.outcome(deal.act("accept-split", "BUYER", {"number": 2}), "BUYER") == ("rejected", "escrow.no_split")
    deal.do("accept-split", "BUYER", {"number": 1})
    seen = deal.wait("SETTLED_SPLIT")
    balances = seen["balances"]
    assert (balances["paid_out_minor"], balances["refunded_minor"], balances["disputed_minor"]) == (SELLER_MINOR, BUYER_MINOR, 0)
    assert seen["split"] is None
    stack.settle()
    assert deal.effects()["transfers"] == (1, SELLER_MINOR)
    assert deal.effects()["refunds"] == (1, BUYER_MINOR)
    types = [entry["type"] for entry in api.get(f"/v1/escrows/{deal.id}/timeline", "SELLER").json()["items"]]
    assert types[-1] == "EscrowSettled"
    assert {"EscrowSplitProposed", "EscrowSplitAgreed", "EscrowPartPaid", "EscrowRefunded"} < set(types)
    assert api.outcome(deal.act("refund", "SELLER"), "SELLER") == ("rejected", "escrow.wrong_state")


def test_an_offer_must_be_over_what_is_held_and_the_deal_goes_on_until_it_is_agreed_to(stack, api):
    deal = api.held_deal()
    more = {"seller_minor": SELLER_MINOR + 1, "buyer_minor": BUYER_MINOR}
    assert api.outcome(deal.act("propose-split", "BUYER", more), "BUYER") == ("rejected", "escrow.bad_split")
    assert deal.act("propose-split", "BUYER", {"seller_minor": -1, "buyer_minor": BUYER_MINOR}).json()["code"] == "escrow.bad_split"
    deal.do("propose-split", "BUYER", SPLIT)
    deal.do("propose-split", "BUYER", {"seller_minor": 0, "buyer_minor": AMOUNT_MINOR})
    assert api.outcome(deal.act("accept-split", "SELLER", {"number": 1}), "SELLER") == ("rejected", "escrow.no_split")
    deal.do("mark-delivered", "SELLER")
    assert deal.wait("DELIVERED")["split"] is None
    assert api.outcome(deal.act("accept-split", "SELLER", {"number": 2}), "SELLER") == ("rejected", "escrow.no_split")
    deal.do("propose-split", "SELLER", {"seller_minor": AMOUNT_MINOR, "buyer_minor": 0})
    deal.do("accept-split", "BUYER", {"number": 3})
    deal.wait("RELEASED")
    stack.settle()
    assert (deal.effects()["transfers"], deal.effects()["refunds"]) == ((1, AMOUNT_MINOR), NOTHING)
