"""A price that is for several pieces: each is delivered, inspected and released by itself."""

import pytest

from harness.api import AMOUNT_MINOR

FEES = {"buyer_fee_basis_points": 250, "buyer_fee_fixed_minor": 30, "seller_fee_basis_points": 500, "seller_fee_fixed_minor": 7}
BUYER_FEE, SELLER_FEE = 92, 132  # of 25.00
PIECES = [{"title": "The drawing", "amount_minor": 700}, {"title": "The blade", "amount_minor": 1300}, {"title": "The hilt", "amount_minor": 500}]
DAY = 86400


def held(api, **terms):
    return api.held_deal(milestones=PIECES, **terms)


def deliver(deal, *numbers):
    for number in numbers:
        deal.do("mark-delivered", "SELLER", {"milestone": number})


def release(deal, *numbers):
    for number in numbers:
        deal.do("release", "BUYER", {"milestone": number})


def states(seen):
    return [one["state"] for one in seen["milestones"]]


def entries(api, deal):
    items = api.get(f"/v1/escrows/{deal.id}/timeline", "SELLER").json()["items"]
    return [(entry["type"], entry["milestone"], entry["amount_minor"], entry["state"]) for entry in items[4:]]


def refusal(stack, sql):
    """What the database says to a statement, of which nothing stays."""
    try:
        stack.servers.sql(f"BEGIN; {sql}; ROLLBACK")
    except AssertionError as error:
        return str(error)
    return "nothing"


def test_each_is_delivered_and_paid_by_itself(stack, api):
    """In another order than they were named, with fees to the cent."""
    deal = held(api, **FEES)
    seen = deal.view()
    assert [(one["number"], one["title"], one["amount_minor"]) for one in seen["milestones"]] == [
        (1, "The drawing", 700), (2, "The blade", 1300), (3, "The hilt", 500)]
    assert states(seen) == ["OPEN"] * 3
    deliver(deal, 3, 1)
    seen = deal.wait_view(lambda now: states(now) == ["DELIVERED", "OPEN", "DELIVERED"], "two deliveries")
    assert seen["deadline"] == {"at": seen["milestones"][2]["inspection_ends_at"], "next_state": "DELIVERED"}
    release(deal, 3)
    seen = deal.wait_view(lambda now: now["balances"]["paid_out_minor"] == 500 - 26, "the hilt's payout")  # 132 * 500 / 2500 = 26.4
    assert (seen["state"], states(seen)) == ("DELIVERED", ["DELIVERED", "OPEN", "RELEASED"])
    assert seen["deadline"] == {"at": seen["milestones"][0]["inspection_ends_at"], "next_state": "PARTIALLY_SETTLED"}
    release(deal, 1)
    seen = deal.wait("PARTIALLY_SETTLED")
    assert (seen["deadline"]["next_state"], seen["balances"]["held_minor"], seen["balances"]["released_minor"]) == ("REFUNDING", 1300, 1200)
    deliver(deal, 2)
    assert deal.wait("DELIVERED")["deadline"]["next_state"] == "RELEASING"
    release(deal, 2)
    seen = deal.wait("RELEASED")
    assert (states(seen), seen["balances"]["paid_out_minor"], seen["balances"]["fee_minor"]) == (
        ["RELEASED"] * 3, AMOUNT_MINOR - SELLER_FEE, BUYER_FEE + SELLER_FEE)
    stack.settle()
    assert deal.effects()["transfers"] == (3, AMOUNT_MINOR - SELLER_FEE)
    assert entries(api, deal)[:2] == [("EscrowDelivered", 3, None, "DELIVERED"), ("EscrowDelivered", 1, None, "DELIVERED")]
    assert ("EscrowPartiallyReleased", 1, 700, "PARTIALLY_SETTLED") in entries(api, deal)
    assert ("EscrowReleaseStarted", 2, 1300 - 132 + 63, "RELEASING") in entries(api, deal)  # 132 * 1200 / 2500 = 63.36
    shown = stack.verifier.json("escrow", "show", deal.id)
    assert [(one["number"], one["title"], one["price_minor"], one["state"]) for one in shown["milestones"]][1] == (2, "The blade", 1300, "RELEASED")
    assert [part["price_minor"] for part in shown["parts"]] == [500, 700]


def test_who_does_not_object_accepts_piece_by_piece(stack, api):
    deal = held(api, inspection_seconds=2 * DAY, delivery_seconds=5 * DAY)
    deliver(deal, 2)
    deal.wait("DELIVERED")
    stack.pass_time(DAY)
    deliver(deal, 1)
    deal.wait_view(lambda now: states(now)[0] == "DELIVERED", "the second delivery")
    stack.pass_time(DAY + 60)
    seen = deal.wait_view(lambda now: states(now) == ["DELIVERED", "RELEASED", "OPEN"], "the first inspection's end")
    assert (seen["state"], seen["balances"]["released_minor"]) == ("DELIVERED", 1300)
    stack.pass_time(DAY)
    assert states(deal.wait("PARTIALLY_SETTLED")) == ["RELEASED", "RELEASED", "OPEN"]
    stack.pass_time(5 * DAY)  # and the hilt never comes
    seen = deal.wait("REFUNDED")
    assert (states(seen), seen["balances"]["refunded_minor"]) == (["RELEASED", "RELEASED", "REFUNDED"], 500)
    stack.settle()
    assert (deal.effects()["transfers"], deal.effects()["refunds"]) == ((2, 2000), (1, 500))


def test_what_is_left_is_disputed_refunded_or_divided(stack, api):
    deal = held(api)
    deliver(deal, 1)
    release(deal, 1)
    deliver(deal, 2)
    deal.do("raise-dispute", "BUYER", {"reason": "it is blunt"})
    frozen = deal.wait("DISPUTED")
    assert (frozen["balances"]["disputed_minor"], states(frozen)) == (1800, ["RELEASED", "DELIVERED", "OPEN"])
    assert frozen["milestones"][1]["inspection_ends_at"] is None  # it stands still
    assert api.outcome(deal.act("release", "BUYER", {"milestone": 2}), "BUYER") == ("rejected", "escrow.milestone_state")
    assert api.outcome(deal.act("refund", "SELLER", {"milestone": 2}), "SELLER") == ("rejected", "escrow.milestone_state")
    assert api.outcome(deal.act("mark-delivered", "SELLER", {"milestone": 3}), "SELLER") == ("rejected", "escrow.wrong_state")
    deal.do("withdraw-dispute", "BUYER")
    assert states(deal.wait("DELIVERED")) == ["RELEASED", "DELIVERED", "OPEN"]
    deal.do("propose-split", "SELLER", {"seller_minor": 1000, "buyer_minor": 800})
    deal.do("accept-split", "BUYER", {"number": 1})
    seen = deal.wait("SETTLED_SPLIT")
    assert (states(seen), seen["balances"]["paid_out_minor"], seen["balances"]["refunded_minor"]) == (["RELEASED", "DIVIDED", "DIVIDED"], 1700, 800)

    deal = held(api)
    deal.do("raise-dispute", "BUYER", {"reason": "nothing comes"})
    deal.do("release", "BUYER")  # gives in: all that is frozen
    assert states(deal.wait("RELEASED")) == ["RELEASED"] * 3

    deal = held(api)
    deal.do("refund", "SELLER")
    assert states(deal.wait("REFUNDED")) == ["REFUNDED"] * 3
    stack.settle()
    assert deal.effects()["transfers"] == (0, 0)


def test_one_is_given_back_and_the_others_go_on(stack, api):
    """With fees to the cent: the buyer's on the hilt goes back with it, and what is paid and earned is that of the other two."""
    deal = held(api, **FEES)
    deadline = deal.view()["deadline"]
    deal.do("refund", "SELLER", {"milestone": 3, "reason": "no wood"})
    seen = deal.wait_view(lambda now: now["balances"]["refunded_minor"] == 519, "the hilt's refund")  # 92 - 92 * 2000 / 2500 = 18.4: 19
    assert (seen["state"], states(seen)) == ("PARTIALLY_SETTLED", ["OPEN", "OPEN", "REFUNDED"])
    assert seen["deadline"] == deadline  # nobody has more time to deliver by it
    balances = seen["balances"]
    assert (balances["held_minor"], balances["returned_minor"], balances["fee_deferred_minor"], balances["fee_minor"]) == (2000, 500, 73, 0)
    assert api.outcome(deal.act("refund", "SELLER", {"milestone": 3}), "SELLER") == ("rejected", "escrow.milestone_state")
    assert deal.act("refund", "BUYER", {"milestone": 1}).status == 403
    release(deal, 1)  # the buyer does not wait for the drawing
    seen = deal.wait_view(lambda now: now["balances"]["paid_out_minor"] == 700 - 36, "the drawing's payout")  # 132 * 700 / 2500 = 36.96
    assert (seen["state"], states(seen), seen["deadline"]) == ("PARTIALLY_SETTLED", ["RELEASED", "OPEN", "REFUNDED"], deadline)
    deliver(deal, 2)
    deal.wait("DELIVERED")
    release(deal, 2)
    seen = deal.wait("RELEASED")
    assert states(seen) == ["RELEASED", "RELEASED", "REFUNDED"]
    balances = seen["balances"]
    assert (balances["paid_out_minor"], balances["refunded_minor"]) == (2000 - 105, 519)  # 132 * 2000 / 2500 = 105.6
    assert balances["fee_minor"] == 105 + 73 and balances["received_minor"] == AMOUNT_MINOR + BUYER_FEE
    stack.settle()
    assert (deal.effects()["transfers"], deal.effects()["refunds"]) == ((2, 1895), (1, 519))
    told = entries(api, deal)
    assert told[0] == ("EscrowPartiallyRefunded", 3, 500, "PARTIALLY_SETTLED")
    assert ("EscrowPartRefunded", None, 519, "PARTIALLY_SETTLED") in told
    shown = stack.verifier.json("escrow", "show", deal.id)
    assert [(part["to"], part["price_minor"], part["amount_minor"], part["state"]) for part in shown["parts"]] == [
        ("buyer", 500, 519, "PAID"), ("seller", 700, 664, "PAID")]
    verified = stack.verifier.json("ledger", "verify")["verified"]
    assert verified["ok"] and verified["findings"] == 0


def test_one_is_rejected_and_delivered_once_more(stack, api):
    deal = held(api, inspection_seconds=5 * DAY)
    deliver(deal, 1, 2)
    deal.wait_view(lambda now: states(now) == ["DELIVERED", "DELIVERED", "OPEN"], "two deliveries")
    deal.do("reject-delivery", "BUYER", {"milestone": 2, "reason": "it is blunt"})
    seen = deal.wait_view(lambda now: states(now) == ["DELIVERED", "REJECTED", "OPEN"], "the rejection")
    assert (seen["state"], seen["milestones"][1]["inspection_ends_at"]) == ("DELIVERED", None)
    assert seen["deadline"] == {"at": seen["milestones"][1]["answer_ends_at"], "next_state": "DELIVERED"}  # 3 days, which are sooner
    release(deal, 1)  # the others go on
    seen = deal.wait("DELIVERY_REJECTED")
    assert seen["deadline"] == {"at": seen["milestones"][1]["answer_ends_at"], "next_state": "PARTIALLY_SETTLED"}
    assert api.outcome(deal.act("accept-return", "SELLER"), "SELLER") == ("rejected", "escrow.has_milestones")
    deliver(deal, 2)
    assert states(deal.wait("DELIVERED")) == ["RELEASED", "DELIVERED", "OPEN"]
    deal.do("reject-delivery", "BUYER", {"milestone": 2, "reason": "still blunt"})
    assert states(deal.wait("DELIVERY_REJECTED")) == ["RELEASED", "REJECTED", "OPEN"]
    stack.pass_time(3 * DAY + 60)  # nobody answers
    seen = deal.wait("PARTIALLY_SETTLED")
    assert states(seen) == ["RELEASED", "REFUNDED", "OPEN"]
    seen = deal.wait_view(lambda now: now["balances"]["refunded_minor"] == 1300, "the blade's refund")
    told = entries(api, deal)
    assert [entry[:2] for entry in told if entry[0] == "EscrowRejected"] == [("EscrowRejected", 2)] * 2
    assert ("EscrowPartiallyRefunded", 2, 1300, "PARTIALLY_SETTLED") in told
    assert stack.verifier.json("ledger", "verify")["verified"]["ok"]


def test_all_of_them_are_given_back_one_by_one(stack, api):
    """The last one ends the deal; a fee that is not given back is earned, to the cent."""
    deal = held(api, **FEES, buyer_fee_refundable=False)
    deliver(deal, 2)
    deal.wait("DELIVERED")
    deal.do("refund", "STAFF", {"milestone": 2})  # what the buyer inspects, too
    seen = deal.wait_view(lambda now: now["balances"]["refunded_minor"] == 1300, "the blade's refund")
    assert (seen["state"], seen["deadline"]["next_state"], seen["balances"]["fee_minor"]) == ("PARTIALLY_SETTLED", "REFUNDING", 48)
    deal.do("refund", "SELLER", {"milestone": 1})
    deal.do("refund", "SELLER", {"milestone": 3})
    seen = deal.wait("REFUNDED")
    assert states(seen) == ["REFUNDED"] * 3
    assert (seen["balances"]["refunded_minor"], seen["balances"]["fee_minor"], seen["balances"]["paid_out_minor"]) == (AMOUNT_MINOR, BUYER_FEE, 0)
    assert [entry for entry in entries(api, deal) if entry[0] == "EscrowRefundStarted"] == [("EscrowRefundStarted", 3, 500, "REFUNDING")]
    stack.settle()
    assert (deal.effects()["transfers"], deal.effects()["refunds"]) == ((0, 0), (3, AMOUNT_MINOR))
    assert stack.verifier.json("ledger", "verify")["verified"]["ok"]


def test_what_names_no_piece_at_its_point_is_refused(api):
    deal = held(api)
    for verb, role, body, code in (
        ("mark-delivered", "SELLER", {}, "escrow.which_milestone"), ("mark-delivered", "SELLER", {"milestone": 4}, "escrow.no_milestone"),
        ("release", "BUYER", {}, "escrow.which_milestone"), ("release", "BUYER", {"milestone": 4}, "escrow.no_milestone"),
        ("refund", "SELLER", {"milestone": 4}, "escrow.no_milestone"), ("release-part", "BUYER", {"amount_minor": 700}, "escrow.has_milestones"),
    ):
        assert api.outcome(deal.act(verb, role, body), role) == ("rejected", code), (verb, body)
    deliver(deal, 1)
    for verb, role, body, code in (
        ("mark-delivered", "SELLER", {"milestone": 1}, "escrow.milestone_state"), ("release", "BUYER", {}, "escrow.which_milestone"),
        ("reject-delivery", "BUYER", {"reason": "blunt"}, "escrow.which_milestone"),
        ("reject-delivery", "BUYER", {"reason": "blunt", "milestone": 2}, "escrow.milestone_state"),
    ):
        assert api.outcome(deal.act(verb, role, body), role) == ("rejected", code), (verb, body)
    for number, status, code in ((0, 400, "json.out_of_range"), (21, 400, "json.out_of_range"), ("1", 400, "json.wrong_type")):
        for verb, role in (("release", "BUYER"), ("refund", "SELLER")):
            answer = deal.act(verb, role, {"milestone": number})
            assert (answer.status, answer.json()["code"]) == (status, code), verb
    plain = api.held_deal()
    assert plain.view()["milestones"] == []
    for verb, role in (("mark-delivered", "SELLER"), ("refund", "SELLER"), ("release", "BUYER")):
        assert api.outcome(plain.act(verb, role, {"milestone": 1}), role) == ("rejected", "escrow.no_milestone"), verb


def piece(amount_minor, title="A piece"):
    return {"title": title, "amount_minor": amount_minor}


@pytest.mark.parametrize("milestones,code,field", [
    ([], "escrow.bad_milestones", "/milestones"),
    ([piece(2500)], "escrow.bad_milestones", "/milestones"),
    ([piece(1)] * 20 + [piece(2480)], "escrow.bad_milestones", "/milestones"),
    ([piece(1), piece(2498)], "escrow.bad_milestones", "/milestones"),
    ([piece(0), piece(2500)], "escrow.bad_milestones", "/milestones/0/amount_minor"),
    ([piece(2501), piece(-1)], "escrow.bad_milestones", "/milestones/0/amount_minor"),
    ([piece(1), piece(2499, "")], "escrow.bad_text", "/milestones/1/title"),
    ([piece(1), piece(2499, "x" * 81)], "escrow.bad_text", "/milestones/1/title"),
    ([piece(1), piece(2499, "two\nlines")], "escrow.bad_text", "/milestones/1/title"),
    ([piece(1), piece(2499, "4242 4242 4242 4242")], "json.card_number", "/milestones/1/title"),
    ([piece(1), {"title": "x"}], "json.missing_field", "/milestones/1/amount_minor"),
    ([piece(1), {**piece(2499), "state": "RELEASED"}], "json.unknown_field", None),
    ("two", "json.wrong_type", "/milestones"),
    ([1, 2], "json.not_an_object", None),
])
def test_what_is_no_division_of_the_price_is_refused(api, milestones, code, field):
    answer = api.post("/v1/escrows", "MARKETPLACE", {**api.terms(), "milestones": milestones})
    assert answer.json()["code"] == code
    assert field is None or answer.json()["field"] == field


def test_a_piece_must_leave_something_to_the_seller(api):
    terms = {**api.terms(), "seller_fee_basis_points": 9000, "milestones": [piece(10), piece(2490)]}
    assert api.outcome(api.post("/v1/escrows", "MARKETPLACE", terms), "MARKETPLACE") == ("rejected", "escrow.bad_milestones")
    terms["milestones"] = [piece(11), piece(2489)]
    assert api.outcome(api.post("/v1/escrows", "MARKETPLACE", terms), "MARKETPLACE")[0] == "accepted"


def test_the_database_refuses_what_no_milestone_allows(stack, api):
    deal = held(api)
    deliver(deal, 1)
    release(deal, 1)
    deal.wait_view(lambda now: now["balances"]["paid_out_minor"] == 700, "the payout")
    for change, rule in (
        ("milestone_count = 1", "escrow_milestones"), ("milestone_count = 21", "escrow_milestones"),
        ("milestone_count = 0", "escrow_milestones"), ("milestones_hash = '\\x00'", "escrow_milestones"),
        ("milestones_hash = decode(repeat('00', 32), 'hex')", "escrow_milestones"),
        ("held_minor = held_minor - 1, suspense_minor = 1", "escrow_held"),
        ("deadline_seq = 0, deadline_at_us = 0", "escrow_clock"),
        ("released_minor = 0, held_minor = 2500, paid_out_minor = 0, refunded_minor = 0, received_minor = 2500", "escrow_released"),
    ):
        said = refusal(stack, f"UPDATE escrow.escrow SET {change} WHERE id = '{deal.id}'")
        assert rule in said, (change, said)
    for change, constraint in (
        ("number = 0", "milestone_number_check"), ("number = 21", "milestone_number_check"), ("state = 7", "milestone_state_check"), ("state = 6", "milestone_inspected"),
        ("price_minor = 0", "milestone_price_minor_check"), ("title = ''", "milestone_title_check"),
        ("title = repeat('x', 161)", "milestone_title_check"), ("deadline_at_us = 1", "milestone_inspected"),
        ("version = 0", "milestone_version_check"),
    ):
        said = refusal(stack, f"UPDATE escrow.milestone SET {change} WHERE escrow_id = '{deal.id}' AND number = 1")
        assert f'violates check constraint "{constraint}"' in said, (change, said)
    assert "milestone_pkey" in refusal(stack, f"UPDATE escrow.milestone SET number = 2 WHERE escrow_id = '{deal.id}' AND number = 1")
    assert refusal(stack, f"UPDATE escrow.milestone SET state = 2, deadline_at_us = 1 WHERE escrow_id = '{deal.id}' AND number = 2") == "nothing"


def test_a_dossier_proves_what_was_agreed_to(stack, api, tmp_path):
    deal = held(api)
    deliver(deal, 2)
    deal.wait("DELIVERED")
    verified = stack.verifier.json("ledger", "verify")["verified"]
    assert verified["ok"] and verified["findings"] == 0
    for change in ("title = 'Another blade'", "price_minor = 1301", "state = 3, deadline_at_us = 0"):
        stack.servers.sql(f"UPDATE escrow.milestone SET {change} WHERE escrow_id = '{deal.id}' AND number = 2")
        assert stack.verifier.json("ledger", "verify", code=1)["verified"]["findings"] > 0, change
        stack.servers.sql(f"UPDATE escrow.milestone AS m SET title = 'The blade', price_minor = 1300, state = 2, "
                          f"deadline_at_us = e.deadline_at_us FROM escrow.escrow AS e WHERE e.id = m.escrow_id AND m.escrow_id = '{deal.id}' AND number = 2")
    assert stack.verifier.json("ledger", "verify")["verified"]["ok"]
    assert states(deal.view()) == ["OPEN", "DELIVERED", "OPEN"]
