"""The sandbox over HTTP: it must be as strict and as stateful as the provider that it plays."""

import http.client
import threading
import time

import pytest

from harness.sandbox import Sandbox, WEBHOOK_SECRET
from harness.waiting import wait_for
from harness.webhook_sink import WebhookSink

ASKED = {"amount": "1000", "currency": "usd", "metadata[escrow_id]": "e1", "metadata[leg_id]": "l1"}


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    sink = WebhookSink(WEBHOOK_SECRET)
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), [sink.url]).start()
    yield sandbox, sink
    assert sandbox.stop() == 0
    sink.stop()


@pytest.fixture
def sandbox(started):
    """Emptied, with what was under way delivered, so that no test sees another's events."""
    box, sink = started
    wait_for(lambda: box.counters()["webhooks"]["queued"] == 0, what="an empty queue")
    box.reset()
    sink.taken.clear()
    sink.refuse = 0
    return box


@pytest.fixture
def sink(started):
    return started[1]


def paid_charge(sandbox, amount="1000"):
    secret = sandbox.post("/v1/payment_intents", {"amount": amount, "currency": "usd"}).json()["client_secret"]
    return sandbox.pay(secret)["latest_charge"]


def error(answer, status, code):
    assert answer.status == status, answer
    assert answer.json()["error"].get("code") == code, answer


def test_key_is_required(sandbox):
    assert sandbox.post("/v1/payment_intents", ASKED, api_key=None).status == 401
    assert sandbox.post("/v1/payment_intents", ASKED, api_key="sk_test_wrong").status == 401
    assert sandbox.counters()["payment_intents"]["count"] == 0


def test_parameters_are_strict(sandbox):
    error(sandbox.post("/v1/payment_intents", {**ASKED, "colour": "red"}), 400, "parameter_unknown")
    error(sandbox.post("/v1/payment_intents", {**ASKED, "amount": "10.00"}), 400, "parameter_invalid_integer")
    error(sandbox.post("/v1/payment_intents", {"currency": "usd"}), 400, "parameter_missing")
    error(sandbox.get("/v1/payment_intents/pi_1"), 404, "resource_missing")
    assert sandbox.counters()["payment_intents"]["count"] == 0


def test_a_payment(sandbox, sink):
    made = sandbox.post("/v1/payment_intents", {**ASKED, "transfer_group": "e1"}).json()
    assert made["status"] == "requires_payment_method"
    assert made["metadata"] == {"escrow_id": "e1", "leg_id": "l1"}
    paid = sandbox.pay(made["client_secret"], amount="900")
    assert (paid["status"], paid["amount"], paid["amount_received"]) == ("succeeded", 1000, 900)
    assert sandbox.get(f"/v1/payment_intents/{made['id']}").json() == paid
    refused = sandbox.post(f"/v1/payment_intents/{made['id']}/cancel")
    error(refused, 400, "payment_intent_unexpected_state")
    assert refused.json()["error"]["payment_intent"] == paid
    events = sink.wait(3)
    assert [event["type"] for event in events] == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    assert events[2]["data"]["object"] == paid
    listed = sandbox.get("/v1/events").json()["data"]
    assert [event["id"] for event in listed] == [event["id"] for event in reversed(events)]


def test_a_declined_card_and_a_cancel(sandbox, sink):
    made = sandbox.post("/v1/payment_intents", ASKED).json()
    declined = sandbox.control("decline", payment_intent=made["id"], code="insufficient_funds")
    assert declined["status"] == "requires_payment_method"
    assert declined["last_payment_error"]["decline_code"] == "insufficient_funds"
    canceled = sandbox.post(f"/v1/payment_intents/{made['id']}/cancel", {"cancellation_reason": "abandoned"})
    assert canceled.json()["status"] == "canceled"
    assert [event["type"] for event in sink.wait(3)][1:] == [
        "payment_intent.payment_failed", "payment_intent.canceled"]


def test_transfers_and_refunds(sandbox):
    charge = paid_charge(sandbox)
    asked = {"amount": "600", "currency": "usd", "destination": "acct_1", "source_transaction": charge,
             "transfer_group": "g"}
    transfer = sandbox.post("/v1/transfers", asked).json()
    error(sandbox.post("/v1/transfers", asked), 400, "balance_insufficient")
    error(sandbox.post("/v1/transfers", {**asked, "amount": "1", "destination": "acct_failed"}), 400,
          "account_invalid")
    intent = sandbox.get(f"/v1/charges/{charge}").json()["payment_intent"]
    error(sandbox.post("/v1/refunds", {"payment_intent": intent, "amount": "1001"}), 400, "charge_already_refunded")
    refund = sandbox.post("/v1/refunds", {"payment_intent": intent, "amount": "400"}).json()
    assert refund["status"] == "succeeded"
    assert sandbox.get("/v1/transfers", transfer_group="g").json()["data"] == [transfer]
    assert sandbox.get("/v1/transfers", transfer_group="h").json()["data"] == []
    assert sandbox.get("/v1/refunds", payment_intent=intent).json()["data"] == [refund]
    counters = sandbox.counters()
    assert counters["transfers"] == {"count": 1, "amount_minor": 600}
    assert counters["refunds"] == {"count": 1, "amount_minor": 400}


def test_a_key_gives_the_same_answer(sandbox):
    first = sandbox.post("/v1/payment_intents", ASKED, key="k1")
    again = sandbox.post("/v1/payment_intents", dict(reversed(ASKED.items())), key="k1")
    assert first.body == again.body
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = sandbox.post("/v1/payment_intents", {**ASKED, "amount": "1001"}, key="k1")
    assert other.status == 400
    assert other.json()["error"]["type"] == "idempotency_error"
    assert sandbox.counters()["payment_intents"]["count"] == 1


def test_a_key_in_use(sandbox):
    sandbox.fault("/v1/payment_intents", "delay", when="before", delay_ms=60000)
    first = threading.Thread(target=lambda: sandbox.post("/v1/payment_intents", ASKED, key="k1"))
    first.start()
    wait_for(lambda: sandbox.counters()["faulted"] == 1, what="the delayed request")
    error(sandbox.post("/v1/payment_intents", ASKED, key="k1"), 409, "idempotency_key_in_use")
    sandbox.reset()  # ends the delay
    first.join(10)
    assert not first.is_alive()


def test_the_work_is_done_and_the_answer_lost(sandbox):
    sandbox.fault("/v1/payment_intents", "drop_answer", method="POST")
    with pytest.raises(http.client.HTTPException):
        sandbox.post("/v1/payment_intents", ASKED, key="k1")
    assert sandbox.counters()["payment_intents"]["count"] == 1
    assert sandbox.post("/v1/payment_intents", ASKED, key="k1").status == 200
    assert sandbox.counters()["payment_intents"]["count"] == 1


def test_the_connection_is_lost_before_the_work(sandbox):
    sandbox.fault("/v1/payment_intents", "drop_answer", when="before")
    with pytest.raises(http.client.HTTPException):
        sandbox.post("/v1/payment_intents", ASKED, key="k1")
    assert sandbox.counters()["payment_intents"]["count"] == 0
    assert sandbox.post("/v1/payment_intents", ASKED, key="k1").status == 200


@pytest.mark.parametrize("when,made", [("before", 0), ("after", 1)])
def test_a_saved_500_is_replayed(sandbox, when, made):
    sandbox.fault("/v1/payment_intents", "status", when=when, status=500)
    first = sandbox.post("/v1/payment_intents", ASKED, key="k1")
    again = sandbox.post("/v1/payment_intents", ASKED, key="k1")
    assert (first.status, again.status) == (500, 500)
    assert again.headers["idempotent-replayed"] == "true"
    assert sandbox.counters()["payment_intents"]["count"] == made
    assert sandbox.post("/v1/payment_intents", ASKED, key="k2").status == 200


def test_too_many_requests_are_not_saved(sandbox):
    sandbox.fault("/v1/payment_intents", "status", when="before", status=429, count=2)
    statuses = [sandbox.post("/v1/payment_intents", ASKED, key="k1").status for _ in range(3)]
    assert statuses == [429, 429, 200]


def test_refusals_and_garbage_on_demand(sandbox):
    sandbox.fault("/v1/transfers", "status", when="before", status=400, code="account_closed")
    error(sandbox.post("/v1/transfers", {}), 400, "account_closed")
    sandbox.fault("/v1/transfers", "garbage", when="before")
    answer = sandbox.post("/v1/transfers", {})
    assert (answer.status, answer.body) == (200, b"<html>oops")


@pytest.mark.alone
def test_a_slow_answer(sandbox):
    sandbox.fault("/v1/payment_intents", "delay", delay_ms=300)
    began = time.monotonic()
    assert sandbox.post("/v1/payment_intents", ASKED).status == 200
    assert time.monotonic() - began >= 0.3
    began = time.monotonic()
    assert sandbox.post("/v1/payment_intents", ASKED).status == 200
    assert time.monotonic() - began < 0.3


def test_webhooks_come_again_until_taken(sandbox, sink):
    sink.refuse = 3
    before = sink.attempts
    sandbox.post("/v1/payment_intents", ASKED)
    sandbox.post("/v1/payment_intents", ASKED)
    first, second = sink.wait(2)
    assert first["created"] <= second["created"] and first["id"] < second["id"]
    assert sink.attempts - before == 5


def test_webhooks_twice_reversed_and_late(sandbox, sink):
    sandbox.webhooks("duplicate", count=1)
    sandbox.post("/v1/payment_intents", ASKED)
    one, two = sink.wait(2)
    assert one == two
    sink.taken.clear()
    sandbox.webhooks("reorder", count=2)
    ids = [sandbox.post("/v1/payment_intents", ASKED).json()["id"] for _ in range(2)]
    assert [event["data"]["object"]["id"] for event in sink.wait(2)] == list(reversed(ids))
    sink.taken.clear()
    sandbox.webhooks("withhold")
    made = sandbox.post("/v1/payment_intents", ASKED).json()
    assert sandbox.counters()["webhooks"]["held"] == 1
    assert sink.taken == []
    sandbox.webhooks("release")
    assert sink.wait(1)[0]["data"]["object"]["id"] == made["id"]


def test_counters_by_metadata(sandbox):
    sandbox.post("/v1/payment_intents", ASKED)
    sandbox.post("/v1/payment_intents", {**ASKED, "metadata[escrow_id]": "e2"})
    assert sandbox.effects("e1")["payment_intents"] == (1, 1000)
    assert sandbox.effects("e3")["payment_intents"] == (0, 0)
    assert sandbox.counters(leg_id="l1")["payment_intents"]["count"] == 2
