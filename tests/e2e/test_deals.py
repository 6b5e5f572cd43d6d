"""Deals from the outside: REST in, the provider's effects and the timeline out."""

import uuid

from harness.api import AMOUNT_MINOR
from harness.waiting import PATIENCE_S, wait_for

PAID = (1, AMOUNT_MINOR)
NOTHING = (0, 0)


def test_from_creation_to_payout(api):
    deal = api.deal()
    assert "FundsHeld" not in " ".join(deal.events())
    deal.pay()
    held = deal.wait("FUNDS_HELD")
    assert held["balances"]["held_minor"] == AMOUNT_MINOR
    assert held["payment"]["client_secret"] is None
    deal.do("mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    deal.do("release", "BUYER")
    released = deal.wait("RELEASED")
    assert released["balances"] == {
        "received_minor": AMOUNT_MINOR, "held_minor": 0, "disputed_minor": 0, "suspense_minor": 0, "due_seller_minor": 0,
        "due_buyer_minor": 0, "paid_out_minor": AMOUNT_MINOR, "refunded_minor": 0, "fee_deferred_minor": 0,
        "fee_minor": 0, "released_minor": AMOUNT_MINOR, "returned_minor": 0}
    assert deal.events() == [
        "EscrowCreated", "EscrowAwaitFunds", "EscrowFundsReceived", "EscrowFundsHeld", "EscrowDelivered",
        "EscrowReleaseStarted", "EscrowReleased"]
    effects = deal.effects()
    assert (effects["transfers"], effects["refunds"], effects["paid"]) == (PAID, NOTHING, PAID)


FEES = {"buyer_fee_basis_points": 250, "buyer_fee_fixed_minor": 30, "seller_fee_basis_points": 500}
BUYER_FEE = AMOUNT_MINOR * 250 // 10000 + 30
SELLER_FEE = AMOUNT_MINOR * 500 // 10000


def test_fees_are_shown_before_anybody_pays_and_booked_as_shown(api):
    shown = {"buyer_pays_minor": AMOUNT_MINOR + BUYER_FEE, "buyer_fee_minor": BUYER_FEE,
             "seller_gets_minor": AMOUNT_MINOR - SELLER_FEE, "seller_fee_minor": SELLER_FEE,
             "platform_gets_minor": BUYER_FEE + SELLER_FEE, "refund_minor": AMOUNT_MINOR + BUYER_FEE}
    assert api.create(**FEES).json()["preview"] == shown
    deal = api.deal(**FEES)
    assert deal.view("SELLER")["preview"] == shown
    deal.pay()
    held = deal.wait("FUNDS_HELD")["balances"]
    assert (held["received_minor"], held["held_minor"], held["fee_deferred_minor"], held["fee_minor"]) == (
        AMOUNT_MINOR + BUYER_FEE, AMOUNT_MINOR, BUYER_FEE, 0)
    deal.do("mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    deal.do("release", "BUYER")
    released = deal.wait("RELEASED")["balances"]
    assert (released["paid_out_minor"], released["fee_deferred_minor"], released["fee_minor"]) == (
        AMOUNT_MINOR - SELLER_FEE, 0, BUYER_FEE + SELLER_FEE)
    assert deal.effects()["transfers"] == (1, AMOUNT_MINOR - SELLER_FEE)


def test_a_refund_gives_the_buyers_fee_back_when_it_was_agreed(api):
    for refundable, kept in ((True, 0), (False, BUYER_FEE)):
        deal = api.held_deal(**FEES, buyer_fee_refundable=refundable)
        deal.do("refund", "SELLER", {"reason": "sold out"})
        refunded = deal.wait("REFUNDED")["balances"]
        assert (refunded["refunded_minor"], refunded["fee_minor"]) == (AMOUNT_MINOR + BUYER_FEE - kept, kept)
        assert deal.effects()["refunds"] == (1, AMOUNT_MINOR + BUYER_FEE - kept)


def test_fees_that_leave_nothing_for_the_seller_are_refused(api):
    answer = api.create(seller_fee_basis_points=10000)
    assert (answer.status, answer.json()["code"]) == (422, "escrow.bad_fees")


def test_cancelled_before_money(api):
    deal = api.deal()
    deal.do("cancel", "BUYER", {"reason": "changed my mind"})
    deal.wait("CANCELLED")
    wait_for(lambda: deal.effects()["canceled"][0] == 1, 10, "the cancelled payment")
    assert deal.effects()["transfers"] == NOTHING


def test_refunded_by_the_seller(api):
    deal = api.held_deal()
    deal.do("refund", "SELLER", {"reason": "sold out"})
    refunded = deal.wait("REFUNDED")
    assert refunded["balances"]["refunded_minor"] == AMOUNT_MINOR
    assert (deal.effects()["refunds"], deal.effects()["transfers"]) == (PAID, NOTHING)


def test_money_after_the_cancel_goes_back(api):
    """The buyer paid, but the news of it came after the deal was cancelled."""
    deal = api.deal()
    api.sandbox.webhooks("withhold")
    deal.pay()
    deal.do("cancel", "BUYER", {"reason": "too slow"})
    deal.wait("CANCELLED")
    api.sandbox.webhooks("release")
    back = deal.wait_view(lambda now: now["balances"]["refunded_minor"] == AMOUNT_MINOR, "the refund")
    assert back["state"] == "CANCELLED"
    assert back["balances"]["suspense_minor"] == 0
    assert deal.events()[-2:] == ["EscrowFundsSuspended", "EscrowSuspenseRefunded"]
    assert (deal.effects()["refunds"], deal.effects()["transfers"]) == (PAID, NOTHING)


def test_a_wrong_amount_goes_back_and_the_right_one_comes(api):
    deal = api.deal()
    deal.pay(amount=AMOUNT_MINOR - 1)
    now = deal.wait_view(lambda now: now["balances"]["refunded_minor"] == AMOUNT_MINOR - 1, "the refund")
    assert now["state"] == "AWAIT_FUNDS"
    assert now["attention"]["payment_setup_failed"] is True
    deal.do("retry", "STAFF")
    deal.wait_payable(other_than=now["payment"]["payment_intent"])
    deal.pay()
    deal.wait("FUNDS_HELD")
    assert deal.effects()["refunds"] == (1, AMOUNT_MINOR - 1)


def test_more_than_the_price_is_not_kept(api):
    deal = api.deal()
    deal.pay(amount=AMOUNT_MINOR + 1)
    deal.wait_view(lambda now: now["balances"]["refunded_minor"] == AMOUNT_MINOR + 1, "the refund")
    assert deal.effects()["refunds"] == (1, AMOUNT_MINOR + 1)


def log_lines(stack, event):
    return [line for name, process in stack.processes.items() if name.startswith("escrow-")
            for line in process.lines() if line.get("event") == event]


def test_another_currency_waits_for_staff(stack, api):
    deal = api.deal()
    deal.pay(currency="eur")
    now = deal.wait_view(lambda now: now["attention"]["foreign_money"], "the flag")
    assert now["balances"]["received_minor"] == 0
    assert deal.effects()["refunds"] == NOTHING
    told = [line for line in log_lines(stack, "escrow.money_waits_for_staff") if line["escrow_id"] == deal.id]
    assert [(line["level"], line["currency"]) for line in told] == [("error", "EUR")]


def test_a_declined_card_may_try_again(api):
    deal = api.deal()
    api.sandbox.control("decline", client_secret=deal.client_secret(), code="insufficient_funds")
    wait_for(lambda: "EscrowPaymentFailed" in deal.events(), 10, "the declined card in the timeline")
    deal.pay()
    deal.wait("FUNDS_HELD")


def waits_for_staff(stack, deal):
    """Whether the operator's list of what waits for staff has it."""
    listed = stack.operator.json("escrow", "list", "--attention", "--limit", "1000")["escrows"]
    assert all(row["attention"] for row in listed)
    return deal.id in {row["id"] for row in listed}


def is_told(stack, event, deal):
    """Whether a replica of escrow logged it of this deal."""
    return any(line.get("event") == event and line.get("escrow_id") == deal.id
               for name, process in stack.processes.items() if name.startswith("escrow-") for line in process.lines())


def test_a_failed_transfer_is_sent_again_by_staff(stack, api):
    deal = api.held_deal()
    assert not waits_for_staff(stack, deal)
    deal.do("mark-delivered", "SELLER")
    api.sandbox.fault("/v1/transfers", "status", method="POST", when="before", status=400, code="account_invalid")
    deal.do("release", "BUYER")
    failed = deal.wait_view(lambda now: now["attention"]["payout_failed_minor"] == AMOUNT_MINOR, "the failure")
    assert failed["state"] == "RELEASING"
    assert waits_for_staff(stack, deal)
    wait_for(lambda: is_told(stack, "escrow.payout_failed", deal), PATIENCE_S, "the alarm")
    assert deal.effects()["transfers"] == NOTHING
    refused = deal.act("retry", "BUYER")
    assert refused.status == 403, refused
    deal.do("retry", "STAFF")
    deal.wait("RELEASED")
    assert not waits_for_staff(stack, deal)
    assert deal.effects()["transfers"] == PAID


def test_a_failed_refund_is_sent_again_by_staff(stack, api):
    deal = api.held_deal()
    api.sandbox.fault("/v1/refunds", "status", method="POST", when="before", status=400, code="charge_disputed")
    deal.do("refund", "SELLER")
    failed = deal.wait_view(lambda now: now["attention"]["refund_failed_minor"] == AMOUNT_MINOR, "the failure")
    assert failed["state"] == "REFUNDING"
    assert waits_for_staff(stack, deal)
    wait_for(lambda: is_told(stack, "escrow.refund_failed", deal), PATIENCE_S, "the alarm")
    deal.do("retry", "STAFF")
    deal.wait("REFUNDED")
    assert deal.effects()["refunds"] == PAID


def test_a_refund_that_the_bank_sends_back_is_owed_again(api, stack):
    """Days after a refund the buyer's bank may refuse it: the deal is open again, until staff retry."""
    deal = api.held_deal()
    deal.do("refund", "SELLER")
    deal.wait("REFUNDED")
    api.sandbox.control("refund-fails", escrow_id=deal.id)
    owed = deal.wait("REFUNDING")
    assert owed["attention"]["refund_failed_minor"] == AMOUNT_MINOR
    assert (owed["balances"]["due_buyer_minor"], owed["balances"]["refunded_minor"]) == (AMOUNT_MINOR, 0)
    assert owed["balances"]["received_minor"] == AMOUNT_MINOR
    assert deal.effects()["refunds"] == NOTHING
    stack.check()
    deal.do("retry", "STAFF")
    back = deal.wait("REFUNDED")
    assert back["attention"]["refund_failed_minor"] == 0
    assert deal.effects()["refunds"] == PAID
    assert deal.events()[-3:] == ["EscrowRefundFailed", "EscrowPayoutRetried", "EscrowRefunded"]


def test_suspense_that_the_bank_sends_back_is_owed_again(api):
    deal = api.deal()
    deal.pay(amount=AMOUNT_MINOR + 1)
    deal.wait_view(lambda now: now["balances"]["refunded_minor"] == AMOUNT_MINOR + 1, "the refund")
    api.sandbox.control("refund-fails", escrow_id=deal.id)
    owed = deal.wait_view(lambda now: now["attention"]["refund_failed_minor"] == AMOUNT_MINOR + 1, "the failure")
    assert (owed["state"], owed["balances"]["refunded_minor"]) == ("AWAIT_FUNDS", 0)
    deal.do("retry", "STAFF")
    deal.wait_view(lambda now: now["balances"]["refunded_minor"] == AMOUNT_MINOR + 1, "the second refund")
    assert deal.effects()["refunds"] == (1, AMOUNT_MINOR + 1)


def test_the_provider_loses_its_answers(api):
    """Whatever the provider did, it did it once: the same key, the same bytes, asked again."""
    api.sandbox.fault("/v1/payment_intents", "drop_answer", method="POST")
    deal = api.deal()
    deal.pay()
    deal.wait("FUNDS_HELD")
    deal.do("mark-delivered", "SELLER")
    api.sandbox.fault("/v1/transfers", "drop_answer", method="POST", count=2)
    api.sandbox.fault("/v1/transfers", "status", method="POST", when="before", status=429)
    deal.do("release", "BUYER")
    deal.wait("RELEASED", 60)
    effects = deal.effects()
    assert (effects["payment_intents"], effects["transfers"]) == (PAID, PAID)


def test_webhooks_twice_and_in_any_order(api):
    deal = api.deal()
    api.sandbox.webhooks("reorder", count=2)  # charge.succeeded and payment_intent.succeeded
    api.sandbox.webhooks("duplicate", count=4)
    deal.pay()
    held = deal.wait("FUNDS_HELD")
    assert held["balances"]["received_minor"] == AMOUNT_MINOR
    assert deal.events().count("EscrowFundsReceived") == 1


class TestIdempotency:
    def test_the_same_request_has_the_same_answer(self, api):
        key = str(uuid.uuid4())
        first = api.create(key=key)
        again = api.create(key=key)
        assert first.status == again.status == 202
        assert first.body == again.body
        assert first.headers["location"] == again.headers["location"]

    def test_another_request_with_the_key_is_refused(self, api):
        key = str(uuid.uuid4())
        assert api.create(key=key).status == 202
        other = api.create(key=key, amount_minor=AMOUNT_MINOR + 1)
        assert other.status == 422
        assert other.json()["code"] == "idempotency.key_reused"

    def test_a_command_counts_once(self, api):
        deal = api.held_deal()
        key = str(uuid.uuid4())
        answers = [deal.act("mark-delivered", "SELLER", key=key) for _ in range(3)]
        assert {answer.status for answer in answers} == {202}
        assert len({answer.body for answer in answers}) == 1
        deal.wait("DELIVERED")
        assert deal.events().count("EscrowDelivered") == 1

    def test_a_key_is_needed(self, api):
        answer = api.call("POST", "/v1/escrows", "MARKETPLACE", api.terms())
        assert answer.status == 400
        assert answer.json()["code"] == "http.idempotency_key_missing"


class TestWhoMay:
    def test_a_stranger_sees_nothing(self, api):
        deal = api.held_deal()
        paths = (f"/v1/escrows/{deal.id}", f"/v1/escrows/{deal.id}/timeline", f"/v1/escrows/{uuid.uuid4()}")
        answers = [api.get(path, "STRANGER") for path in paths]
        answers += [deal.act(verb, "STRANGER") for verb in ("mark-delivered", "release", "cancel", "refund", "retry")]
        assert {answer.status for answer in answers} == {404}
        assert {answer.json()["code"] for answer in answers} == {"escrow.unknown"}
        command = api.create()
        assert api.get(command.headers["location"], "STRANGER").status == 404
        assert deal.id not in api.get("/v1/escrows?limit=100", "STRANGER").body.decode()

    def test_each_side_does_its_own(self, api):
        deal = api.held_deal()
        assert deal.act("mark-delivered", "BUYER").status == 403
        assert deal.act("release", "SELLER").status == 403
        assert deal.act("refund", "BUYER").status == 403
        assert deal.view()["state"] == "FUNDS_HELD"
        assert api.create(role="BUYER").status == 403
        assert api.call("GET", f"/v1/escrows/{deal.id}", None).status == 401

    def test_the_buyer_alone_may_pay(self, api):
        deal = api.deal()
        assert deal.view("BUYER")["payment"]["client_secret"]
        for role in ("SELLER", "MARKETPLACE", "STAFF"):
            assert deal.view(role)["payment"] is None
        assert deal.view("BUYER")["seller_account"] is None

    def test_a_revoked_token_is_worth_nothing(self, api, stack):
        made = stack.operator.json("token", "create", "--kind", "user")["token"]
        api.tokens["GONE"] = made["token"]
        assert api.get("/v1/escrows", "GONE").status == 200
        stack.operator.json("token", "revoke", made["token"])
        wait_for(lambda: api.get("/v1/escrows", "GONE").status == 401, 10, "the token being refused")


class TestOutcomes:
    def test_the_wrong_moment_is_rejected_with_a_sentence(self, api):
        deal = api.held_deal()
        answer = deal.act("release", "BUYER")
        assert answer.status == 202
        assert api.outcome(answer, "BUYER") == ("rejected", "escrow.wrong_state")
        told = api.get(answer.headers["location"], "BUYER").json()
        assert len(told["rejection"]["sentence"]) > 10
        assert deal.view()["state"] == "FUNDS_HELD"

    def test_of_two_that_exclude_each_other_one_wins(self, api):
        deal = api.held_deal()
        deal.do("mark-delivered", "SELLER")
        release, refund = deal.act("release", "BUYER"), deal.act("refund", "SELLER")
        outcomes = sorted((api.outcome(release, "BUYER")[0], api.outcome(refund, "SELLER")[0]))
        assert outcomes == ["accepted", "rejected"]
        now = deal.wait_view(lambda now: now["state"] in ("RELEASED", "REFUNDED"), "the end")
        effects = deal.effects()
        assert effects["transfers"][1] + effects["refunds"][1] == AMOUNT_MINOR, now

    def test_a_deal_is_there_from_its_202_on(self, api):
        for _ in range(5):
            answer = api.create()
            escrow = answer.json()["escrow_id"]
            seen = api.get(f"/v1/escrows/{escrow}", "BUYER")
            assert seen.status == 200
            assert seen.json()["state"] in ("PENDING", "CREATED", "AWAIT_FUNDS")

    def test_lists_come_in_pages_without_holes(self, api):
        wanted = {api.deal().id for _ in range(5)}
        seen, path = [], "/v1/escrows?limit=2"
        while path:
            page = api.get(path, "BUYER").json()
            seen += [item["id"] for item in page["items"]]
            path = page["next_cursor"] and f"/v1/escrows?limit=2&cursor={page['next_cursor']}"
        assert len(seen) == len(set(seen))
        assert wanted <= set(seen)
