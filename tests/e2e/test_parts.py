"""Parts of the price that the buyer releases while the rest stays held."""

from harness.api import AMOUNT_MINOR

FEES = {"buyer_fee_basis_points": 250, "buyer_fee_fixed_minor": 30, "seller_fee_basis_points": 500, "seller_fee_fixed_minor": 7}
BUYER_FEE, SELLER_FEE = 92, 132  # of 25.00
WHY = {"reason": "not all of it came"}
DAY = 86400


def release_part(deal, amount_minor):
    deal.do("release-part", "BUYER", {"amount_minor": amount_minor})


def paid(deal, minor):
    return deal.wait_view(lambda now: now["balances"]["paid_out_minor"] == minor, f"a payout up to {minor}")


def entries(api, deal):
    items = api.get(f"/v1/escrows/{deal.id}/timeline", "SELLER").json()["items"]
    return [(entry["type"], entry["amount_minor"], entry["state"]) for entry in items[4:]]


def test_the_price_is_released_in_parts(stack, api):
    """Fees as the preview said, to the cent; released after the last payout and not before."""
    deal = api.held_deal(**FEES)
    preview = deal.view()["preview"]
    assert preview["seller_gets_minor"] == AMOUNT_MINOR - SELLER_FEE
    release_part(deal, 1000)
    seen = paid(deal, 1000 - 52)  # 132 * 1000 / 2500 = 52.8
    assert (seen["state"], seen["deadline"]["next_state"]) == ("FUNDS_HELD", "REFUNDING")
    assert (seen["balances"]["held_minor"], seen["balances"]["released_minor"]) == (1500, 1000)
    assert (seen["balances"]["fee_minor"], seen["balances"]["fee_deferred_minor"]) == (52 + 36, BUYER_FEE - 36)
    deal.do("mark-delivered", "SELLER")
    release_part(deal, 1)  # 132 * 1001 / 2500 = 52.85: nothing more
    seen = paid(deal, 1001 - 52)
    assert (seen["state"], seen["balances"]["held_minor"]) == ("DELIVERED", 1499)
    deal.do("release", "BUYER")
    balances = deal.wait("RELEASED")["balances"]
    assert (balances["paid_out_minor"], balances["fee_minor"]) == (preview["seller_gets_minor"], BUYER_FEE + SELLER_FEE)
    assert (balances["held_minor"], balances["due_seller_minor"], balances["released_minor"]) == (0, 0, AMOUNT_MINOR)
    assert entries(api, deal) == [
        ("EscrowPartiallyReleased", 1000, "FUNDS_HELD"), ("EscrowPartPaid", 948, "FUNDS_HELD"), ("EscrowDelivered", None, "DELIVERED"),
        ("EscrowPartiallyReleased", 1, "DELIVERED"), ("EscrowPartPaid", 1, "DELIVERED"),
        ("EscrowReleaseStarted", 1419, "RELEASING"), ("EscrowReleased", 1419, "RELEASED")]
    stack.settle()
    assert (deal.effects()["transfers"], deal.effects()["refunds"]) == ((3, preview["seller_gets_minor"]), (0, 0))
    assert stack.verifier.json("escrow", "show", deal.id)["escrow"]["released_minor"] == AMOUNT_MINOR


def test_what_was_not_released_is_refunded(stack, api):
    deal = api.held_deal(**FEES)
    release_part(deal, 1000)
    deal.do("raise-dispute", "SELLER", WHY)
    assert deal.wait("DISPUTED")["balances"]["disputed_minor"] == 1500
    answer = deal.act("release-part", "BUYER", {"amount_minor": 1})
    assert api.outcome(answer, "BUYER") == ("rejected", "escrow.wrong_state")
    deal.do("refund", "SELLER")
    balances = deal.wait("REFUNDED")["balances"]
    assert (balances["refunded_minor"], balances["paid_out_minor"]) == (1500 + BUYER_FEE - 36, 948)
    assert (balances["fee_minor"], balances["released_minor"]) == (52 + 36, 1000)
    stack.settle()
    assert (deal.effects()["transfers"], deal.effects()["refunds"]) == ((1, 948), (1, 1556))


def test_a_clock_ends_what_is_left(stack, api):
    deal = api.held_deal(delivery_seconds=DAY)
    release_part(deal, 2400)
    paid(deal, 2400)
    stack.pass_time(DAY)
    assert deal.wait("REFUNDED")["balances"]["refunded_minor"] == 100
    stack.settle()
    assert (deal.effects()["transfers"], deal.effects()["refunds"]) == ((1, 2400), (1, 100))


def test_a_part_that_cannot_be_paid_is_retried_while_the_deal_goes_on(stack, api):
    deal = api.held_deal()
    api.sandbox.fault("/v1/transfers", "status", method="POST", when="before", status=400, code="account_invalid")
    release_part(deal, 1000)
    seen = deal.wait_view(lambda now: now["attention"]["payout_failed_minor"] == 1000, "the refusal")
    assert (seen["state"], seen["balances"]["due_seller_minor"]) == ("FUNDS_HELD", 1000)
    release_part(deal, 500)
    paid(deal, 500)
    deal.do("mark-delivered", "SELLER")
    deal.do("release", "BUYER")
    seen = paid(deal, 1500)
    assert (seen["state"], seen["balances"]["due_seller_minor"]) == ("RELEASING", 1000)  # released is what was paid in full
    deal.do("retry", "STAFF")
    assert deal.wait("RELEASED")["balances"]["paid_out_minor"] == AMOUNT_MINOR
    stack.settle()
    assert deal.effects()["transfers"] == (3, AMOUNT_MINOR)


def test_what_is_no_part_is_refused(api):
    deal = api.held_deal()
    for body, status, code in (
        ({"amount_minor": 0}, 422, "escrow.bad_part"), ({"amount_minor": -1}, 422, "escrow.bad_part"),
        ({}, 400, "json.missing_field"), ({"amount_minor": 1.5}, 400, "json.not_integer"), ({"amount_minor": "1"}, 400, "json.wrong_type"),
        ({"amount_minor": 1, "reason": "x"}, 400, "json.unknown_field"),
    ):
        answer = deal.act("release-part", "BUYER", body)
        assert (answer.status, answer.json()["code"]) == (status, code), body
    for amount_minor in (AMOUNT_MINOR, AMOUNT_MINOR + 1, 999999):
        answer = deal.act("release-part", "BUYER", {"amount_minor": amount_minor})
        assert api.outcome(answer, "BUYER") == ("rejected", "escrow.bad_part")
    refused = deal.act("release-part", "SELLER", {"amount_minor": 1})
    assert (refused.status, refused.json()["code"]) == (403, "escrow.not_allowed")
    key = f"part-{deal.id}"
    first = deal.act("release-part", "BUYER", {"amount_minor": 1}, key)
    again = deal.act("release-part", "BUYER", {"amount_minor": 1}, key)
    assert first.json() == again.json()
    other = deal.act("release-part", "BUYER", {"amount_minor": 2}, key)
    assert (other.status, other.json()["code"]) == (422, "idempotency.key_reused")
    paid(deal, 1)
    assert deal.view()["balances"]["held_minor"] == AMOUNT_MINOR - 1
