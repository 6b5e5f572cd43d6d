"""Parts of the price that the buyer releases while the rest stays held."""

from harness.api import AMOUNT_MINOR

FEES = {"buyer_fee_basis_points": 250, "buyer_fee_fixed_minor": 30, "seller_fee_basis_points": 500, "seller_fee_fixed_minor": 7}
BUYER_FEE, SELLER_FEE = 92, 132  # of 25.00
WHY = {"reason": "not all of it came"}
DAY = 86400


def release_part(deal, amount_minor):
    deal.do("release-part", "BUYER", {"amount_minor": amount_minor})


def refusal(stack, sql):
    """What the database says to a statement, of which nothing stays."""
    try:
        stack.servers.sql(f"BEGIN; {sql}; ROLLBACK")
    except AssertionError as error:
        return str(error)
    return "nothing"


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
    failed, = stack.verifier.json("escrow", "show", deal.id)["parts"]
    assert (failed["number"], failed["state"], failed["price_minor"], failed["amount_minor"]) == (1, "FAILED", 1000, 1000)
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
    parts = stack.verifier.json("escrow", "show", deal.id)["parts"]
    assert [(part["number"], part["state"], part["price_minor"]) for part in parts] == [(1, "PAID", 1000), (2, "PAID", 500)]
    assert parts[0]["leg_id"] != failed["leg_id"]  # a retry is another transfer


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


def test_the_database_refuses_what_no_part_allows(stack, api):
    """Each CHECK about parts, broken alone: by an UPDATE after which all sums still add up."""
    deal = api.held_deal(**FEES)
    release_part(deal, 1000)
    paid(deal, 948)
    leg = "'00000000-0000-0000-0000-000000000001'"
    gone = "held_minor = 0, fee_deferred_minor = 0, deadline_seq = 0, deadline_at_us = 0"
    given = f"{gone}, refund_leg_id = {leg}"
    all_of_it = f"{gone}, released_minor = 2500, fee_minor = 224"
    for change, constraint in (
        ("held_minor = held_minor - 1, suspense_minor = 1", "escrow_held"),
        ("disputed_minor = 1, received_minor = received_minor + 1", "escrow_disputed"),
        (f"state = 6, {gone}, payout_leg_id = {leg}, suspense_minor = 1556", "escrow_released"),  # a rest is not the seller's
        (f"state = 8, {all_of_it}, refund_leg_id = {leg}, paid_out_minor = 2368", "escrow_released"),  # nothing went back
        (f"state = 9, {gone}, suspense_minor = 1556", "escrow_released"),
        ("paid_out_minor = 949, received_minor = received_minor + 1", "escrow_paid_out"),
        ("due_seller_minor = 1, received_minor = received_minor + 1", "escrow_paid_out"),
        (f"state = 5, {all_of_it}, payout_leg_id = {leg}, paid_out_minor = 2368", "escrow_due_seller"),
        (f"state = 6, {all_of_it}, payout_leg_id = {leg}, paid_out_minor = 2367, due_seller_minor = 1", "escrow_due_seller"),
        (f"state = 8, {given}, refunded_minor = 1556, paid_out_minor = 947, due_seller_minor = 1", "escrow_due_seller"),
        (f"state = 8, {given}, refunded_minor = 1555, suspense_minor = 1", "escrow_refunded"),
        (f"state = 7, {given}, refunded_minor = 1556", "escrow_refunding"),  # nothing is owed to anybody
        (f"state = 7, {given}, due_buyer_minor = 1555, suspense_minor = 1, paid_out_minor = 947, due_seller_minor = 1", "escrow_refunding"),
        ("payout_failed_minor = 1", "escrow_payout_failed"),
        ("fee_deferred_minor = fee_deferred_minor + 1, received_minor = received_minor + 1", "escrow_fee_deferred"),
        ("fee_minor = fee_minor + 1, received_minor = received_minor + 1", "escrow_fee_earned"),
    ):
        said = refusal(stack, f"UPDATE escrow.escrow SET {change} WHERE id = '{deal.id}'")
        assert f'violates check constraint "{constraint}"' in said, (change, said)
    for change, constraint in (
        ("number = 0", "part_number_check"), ("number = 21", "part_number_check"), ("state = 4", "part_state_check"),
        ("amount_minor = 0", "part_amount_minor_check"), ("amount_minor = 1001", "part_net"), ("to_buyer = true", "part_net"),
        ("leg_id = '00000000-0000-0000-0000-000000000000'", "part_leg_id_check"),
    ):
        said = refusal(stack, f"UPDATE escrow.part SET {change} WHERE escrow_id = '{deal.id}'")
        assert f'violates check constraint "{constraint}"' in said, (change, said)
    twice = (f"INSERT INTO escrow.part SELECT gen_random_uuid(), escrow_id, 1, 1, 1, false, 1, 1, leg_id, 0, 0 FROM escrow.part "
             f"WHERE escrow_id = '{deal.id}'")
    assert "part_escrow_id_number_key" in refusal(stack, twice)
    # What is right passes them: the same, without what was wrong.
    for change in (f"state = 6, {all_of_it}, payout_leg_id = {leg}, paid_out_minor = 2368", f"state = 8, {given}, refunded_minor = 1556",
                   f"state = 7, {given}, refunded_minor = 1556, paid_out_minor = 0, due_seller_minor = 948"):
        assert refusal(stack, f"UPDATE escrow.escrow SET {change} WHERE id = '{deal.id}'") == "nothing", change
