"""What nobody should send, sent to the product: one answer for each, nothing of it comes back, nothing is changed, and
each refusal is counted by its reason. Every variant of framing is in libs/http/http_server_test.c, slow senders in
http_limits_test.c, every number of JSON in libs/json/json_read_test.c, every signature in
services/payments/payments_signature_test.c; here each row goes through real sockets to the real routes.

Where the product answers in its own way: a body is refused beyond 16 KiB already, and the wrong moment of a deal is no
answer to the request (409) but its outcome, since what is asked may have come true until it is decided.
"""

import hashlib
import json
import time
import uuid
from collections import Counter

import pytest

from harness import raw
from harness.raw import bearer, request
from harness.stripe import signature, stripe_event, webhook
from harness.waiting import wait_for

CANARY = "canary7f3a"
JSON = ("Content-Type", "application/json")
URL_MAX_BYTES = 2048
BODY_MAX_BYTES = 16 * 1024
WEBHOOK_MAX_BYTES = 256 * 1024
CARD = "4242424242424242"
# What requests could change, and what only the lanes write after them.
TABLES = ("gateway.intake", "gateway.escrow_pending", "gateway.escrow_view", "gateway.api_token", "escrow.escrow",
          "escrow.transition", "escrow.transfer", "payments.payment", "payments.leg", "payments.webhook",
          "payments.intake")


def row_counts(stack):
    return stack.servers.sql(" UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in TABLES))


@pytest.fixture
def refused(stack):
    """Sends rows of (name, bytes, status, code) to a service's first replica, tells what was wrong with the answers, and
    looks at the database and the counters."""

    def check(rows, service="gateway"):
        stack.settle()
        process = stack.processes[f"{service}-1"]
        counts = row_counts(stack)
        before = raw.counted(process, "holdfast_http_refusals_total")
        faults, wanted = [], {}
        for name, data, status, code in rows:
            answer = raw.exchange(stack.http_ports[service, 1], data)
            if (answer.status, raw.code(answer)) != (status, code):
                faults.append(f"{name}: {answer.status} {raw.code(answer)}, not {status} {code}")
            if CANARY.encode() in answer.body or CANARY in str(answer.headers):
                faults.append(f"{name}: came back in the answer")
            told = COUNTED_AS.get(name, code)
            wanted[told] = wanted.get(told, 0) + 1
        after = raw.counted(process, "holdfast_http_refusals_total")
        seen = {told: after[told] - before[told] for told in after if after[told] != before[told]}
        wanted.pop(None, None)  # refused by the server library, before any code of ours
        assert seen == wanted
        assert faults == []
        assert row_counts(stack) == counts

    return check


# A 401 has one body; which of the reasons it was is only counted.
COUNTED_AS = {name: "gateway.token" for name in (
    "unknown", "revoked", "expired", "too short", "too long", "another form", "a JWT without algorithm",
    "a JWE of five parts", "SQL", "a path")}


def with_token(api, role, *more, content_type="application/json"):
    return [("Content-Type", content_type), bearer(api.tokens[role]), ("Idempotency-Key", str(uuid.uuid4())), *more]


# HTTP


def test_http(api, refused):
    def post(*more, body=b"{}", content_type="application/json"):
        return request("POST", "/v1/escrows", with_token(api, "MARKETPLACE", *more, content_type=content_type), body)

    unsized = [JSON, bearer(api.tokens["MARKETPLACE"]), ("Idempotency-Key", "k")]
    refused([
        ("no route", request("GET", f"/{CANARY}"), 404, "http.not_found"),
        ("a route's parent", request("GET", f"/v1/?x={CANARY}"), 404, "http.not_found"),
        ("one part too many", request("GET", f"/v1/escrows/{uuid.uuid4()}/timeline/{CANARY}"), 404, "http.not_found"),
        ("another method", request("DELETE", f"/v1/escrows/{CANARY}"), 405, "http.method_not_allowed"),
        ("no method", request(CANARY.upper(), "/v1/escrows"), 405, "http.method_not_allowed"),
        ("a bad escape", request("GET", f"/v1/escrows/%zz{CANARY}"), 400, "http.path"),
        ("a NUL in the path", request("GET", f"/v1/escrows/%00{CANARY}"), 400, "http.path"),
        ("a parameter twice", request("GET", f"/v1/escrows?{CANARY}=1&{CANARY}=2"), 400, "http.query"),
        ("a long address", request("GET", "/" + CANARY * (URL_MAX_BYTES // len(CANARY) + 1)), 414, "http.url_too_long"),
        ("65 headers", request("GET", "/v1/escrows", [(f"X-{i}", CANARY) for i in range(63)]), 431,
         "http.headers_too_large"),
        ("17 KiB of headers", request("GET", "/v1/escrows", [(f"X-{i}", "v" * 1024) for i in range(17)]), 431,
         "http.headers_too_large"),
        ("a blank before the colon", request("GET", "/v1/escrows", [(f"{CANARY} ", "x")]), 400, "http.header_name"),
        ("no length", request("POST", "/v1/escrows", unsized), 411, "http.length_required"),
        ("in chunks", request("POST", "/v1/escrows", [*unsized, ("Transfer-Encoding", "chunked")])
         + b"2\r\n{}\r\n0\r\n\r\n", 411, "http.transfer_encoding"),
        ("a length and chunks", request("POST", "/v1/escrows", [*unsized, ("Content-Length", "2"),
                                                                ("Transfer-Encoding", "chunked")])
         + b"2\r\n{}\r\n0\r\n\r\n", 411, "http.transfer_encoding"),
        ("two lengths", request("POST", "/v1/escrows", [*unsized, ("Content-Length", "2"), ("Content-Length", "3")])
         + b"{} ", 400, "http.length_invalid"),
        ("a large body", post(body=CANARY.encode() * (BODY_MAX_BYTES // len(CANARY) + 1)), 413, "http.body_too_large"),
        ("a body on GET", request("GET", "/v1/escrows", [bearer(api.tokens["BUYER"])], b"{}"), 413,
         "http.body_too_large"),
        ("another type", post(content_type=f"text/{CANARY}"), 415, "http.content_type"),
        ("another charset", post(content_type="application/json; charset=latin1"), 415, "http.content_type"),
        ("compressed", post(("Content-Encoding", "gzip")), 415, "http.content_encoding"),
    ])


def test_a_large_body_ends_the_connection(stack):
    for service, path, size in (("gateway", "/v1/escrows", BODY_MAX_BYTES),
                                ("payments", "/webhooks/stripe", WEBHOOK_MAX_BYTES)):
        sent = request("POST", path, [JSON], b"x" * (size + 1)).replace(b"Connection: close\r\n", b"")
        answer = raw.exchange(stack.http_ports[service, 1], sent)
        assert (answer.status, raw.code(answer)) == (413, "http.body_too_large")
        assert answer.headers["connection"].lower() == "close"


# JSON


def test_json(api, refused):
    terms = api.terms(description=CANARY)

    def changed(**changes):
        return json.dumps({**terms, **changes}).encode()

    def number(text):
        return changed(amount_minor=4711).replace(b"4711", text)

    bodies = [
        ("not UTF-8", changed().replace(CANARY.encode(), b"\xc3\x28" + CANARY.encode()), 400, "json.not_utf8"),
        ("a NUL", changed().replace(CANARY.encode(), b"\\u0000"), 400, "json.nul"),
        ("a key twice", changed()[:-1] + b', "currency": "USD"}', 400, "json.duplicate_key"),
        ("something behind", changed() + b"{}", 400, "json.syntax"),
        ("cut", changed()[:-1], 400, "json.syntax"),
        ("no JSON", CANARY.encode(), 400, "json.syntax"),
        ("nothing", b"", 400, "json.syntax"),
        ("deep", b"[" * 9 + b"]" * 9, 400, "json.too_deep"),
        ("a list", b"[]", 400, "json.not_an_object"),
        ("a number as text", changed(amount_minor=CANARY), 400, "json.wrong_type"),
        ("1e400", number(b"1e400"), 400, "json.out_of_range"),
        ("-0", number(b"-0"), 400, "json.not_integer"),
        ("1.0", number(b"1.0"), 400, "json.not_integer"),
        ("2^63", number(b"9223372036854775808"), 400, "json.out_of_range"),
        ("an unknown field", changed(**{CANARY: 1}), 400, "json.unknown_field"),
        ("a field of ours that is not for clients", changed(state="RELEASED"), 400, "json.unknown_field"),
        ("a field too few", json.dumps({"buyer_id": CANARY}).encode(), 400, "json.bad_id"),
        ("no fields", b"{}", 400, "json.missing_field"),
    ]
    refused([(name, request("POST", "/v1/escrows", with_token(api, "MARKETPLACE"), body), status, code)
             for name, body, status, code in bodies])


# Money


def test_money(api, refused):
    deal = api.held_deal()

    def create(**changes):
        return request("POST", "/v1/escrows", with_token(api, "MARKETPLACE"), json.dumps(api.terms(**changes)).encode())

    def act(verb, role, body=b"{}", escrow_id=deal.id):
        return request("POST", f"/v1/escrows/{escrow_id}/{verb}", with_token(api, role), body)

    def keyed(*keys):
        headers = [JSON, bearer(api.tokens["MARKETPLACE"]), *(("Idempotency-Key", key) for key in keys)]
        return request("POST", "/v1/escrows", headers, json.dumps(api.terms()).encode())

    refused([
        ("no key", keyed(), 400, "http.idempotency_key_missing"),
        ("an empty key", keyed(""), 400, "http.idempotency_key_malformed"),
        ("a long key", keyed("k" * 65), 400, "http.idempotency_key_malformed"),
        ("a key with a blank", keyed(f"{CANARY} x"), 400, "http.idempotency_key_malformed"),
        ("two keys", keyed("a", "a"), 400, "http.duplicate_header"),
        ("nothing to pay", create(amount_minor=0), 422, "gateway.amount_limit"),
        ("less than nothing", create(amount_minor=-1), 422, "gateway.amount_limit"),
        ("too much", create(amount_minor=1000001), 422, "gateway.amount_limit"),
        ("too much with the fee", create(amount_minor=1000000, buyer_fee_fixed_minor=1), 422, "gateway.amount_limit"),
        ("a currency in small letters", create(currency="usd"), 422, "gateway.currency"),
        ("an unknown currency", create(currency=CANARY), 422, "gateway.currency"),
        ("seller and buyer are one", create(seller_id=api.ids["BUYER"]), 422, "escrow.same_party"),
        ("no account", create(seller_account=CANARY), 422, "gateway.seller_account"),
        ("a long text", create(description="x" * 501), 422, "escrow.bad_text"),
        ("a card in the text", create(description=f"{CANARY} {CARD}"), 422, "json.card_number"),
        ("a card in the account", create(seller_account=f"acct_{CARD}"), 422, "json.card_number"),
        ("a card in the reason", act("refund", "SELLER", b'{"reason": "4242-4242-4242-4242"}'), 422,
         "json.card_number"),
        ("a card in a name", request("POST", "/v1/users", with_token(api, "MARKETPLACE"),
                                     json.dumps({"display_name": f"{CANARY} {CARD}"}).encode()), 422,
         "json.card_number"),
        ("a stranger", act("release", "STRANGER"), 404, "escrow.unknown"),
        ("no deal", act("release", "BUYER", escrow_id=uuid.uuid4()), 404, "escrow.unknown"),
        ("no id", act("release", "BUYER", escrow_id=CANARY), 404, "escrow.unknown"),
        ("another side's part", act("mark-delivered", "BUYER"), 403, "escrow.not_allowed"),
        ("a user opens a deal", request("POST", "/v1/escrows", with_token(api, "BUYER"),
                                        json.dumps(api.terms()).encode()), 403, "gateway.marketplace_only"),
    ])
    # The right moment is judged where the deal is decided: the answer is the outcome.
    answer = deal.act("release", "BUYER")
    assert answer.status == 202
    assert api.outcome(answer, "BUYER") == ("rejected", "escrow.wrong_state")


# Who somebody is


def test_tokens(api, stack, refused):
    def made(**extra):
        account = str(uuid.uuid4())
        return stack.operator.json("token", "create", "--kind", "user", "--account", account, **extra)["token"]

    revoked, expired = made(), made()
    stack.operator.json("token", "revoke", revoked["token"])
    stack.servers.sql("UPDATE gateway.api_token SET expires_at = now() WHERE hash = "
                      f"'\\x{hashlib.sha256(expired['token'].encode()).hexdigest()}'")

    def ask(*headers):
        return request("GET", "/v1/escrows", headers)

    good = api.tokens["BUYER"]
    cases = {
        "none": (),
        "an empty one": (bearer(""),),
        "another scheme": (("Authorization", f"Basic {good}"),),
        "no scheme": (("Authorization", good),),
        "unknown": (bearer("hf_test_" + CANARY * 5),),
        "revoked": (bearer(revoked["token"]),),
        "expired": (bearer(expired["token"]),),
        "too short": (bearer("hf_test_x"),),
        "too long": (bearer("hf_test_" + "x" * 8192),),
        "another form": (bearer(CANARY * 6),),
        "a JWT without algorithm": (bearer("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."),),
        "a JWE of five parts": (bearer("eyJhbGciOiJkaXIifQ..aaaa.bbbb.cccc"),),
        "SQL": (bearer("hf_test_' OR 1=1 --                    "),),
        "a path": (bearer("hf_test_../../../../../../etc/passwd"),),
    }
    refused([(name, ask(*headers), 401, "http.unauthenticated") for name, headers in cases.items()]
            + [("two", ask(bearer(good), bearer(good)), 400, "http.duplicate_header")])
    answers = [raw.exchange(stack.http_ports["gateway", 1], ask(*headers)) for headers in cases.values()]
    bodies = [{**json.loads(answer.body), "trace_id": None} for answer in answers]
    assert all(body == bodies[0] for body in bodies)
    assert all(answer.headers["www-authenticate"] == "Bearer" for answer in answers)
    assert raw.exchange(stack.http_ports["gateway", 1], ask(bearer(good))).status == 200


# The provider's webhooks


def test_webhooks_that_are_not_the_providers(stack, refused):
    process = stack.processes["payments-1"]
    body = stripe_event(canary=CANARY)
    now_s = int(time.time())
    good = signature(body)
    mac = good.split("v1=")[1]
    turned = ("0" if mac[0] != "0" else "1") + mac[1:]
    unsigned = {  # name: (header, what is wrong with it)
        "no header": (None, "missing"), "nothing in it": ("", "missing"), "no time": (f"v1={mac}", "malformed"),
        "two times": (f"t={now_s},{good}", "malformed"), "no signature": (f"t={now_s}", "malformed"),
        "another scheme alone": (f"t={now_s},v0={mac}", "malformed"), "odd hex": (good[:-1], "malformed"),
        "another bit": (f"t={now_s},v1={turned}", "wrong"),
        "another secret": (signature(body, secret=f"whsec_{CANARY}"), "wrong"),
        "another body": (signature(body + b" "), "wrong"), "old": (signature(body, now_s - 302), "stale"),
        "of the future": (signature(body, now_s + 310), "stale"), "text": (CANARY, "malformed"),
    }
    other_mode, other_account = stripe_event(livemode=True), stripe_event(account=f"acct_{CANARY}")
    foreign = {"another mode": other_mode, "another account": other_account}
    counters = ("holdfast_payments_webhooks_total", "holdfast_payments_webhook_signatures_refused_total")
    before = [raw.counted(process, counter) for counter in counters]
    refused([(name, webhook(body, header), 400, "payments.webhook_refused") for name, (header, _) in unsigned.items()]
            + [(name, webhook(event, signature(event)), 400, "payments.webhook_refused")
               for name, event in foreign.items()]
            + [("two headers", request("POST", "/webhooks/stripe", [("Stripe-Signature", good)] * 2, body), 400,
                "http.duplicate_header")], service="payments")
    fates, reasons = ({label: number - was[label] for label, number in raw.counted(process, counter).items()
                       if number != was[label]} for counter, was in zip(counters, before, strict=True))
    assert fates == {"refused_signature": len(unsigned), "refused_livemode": 1, "refused_account": 1}
    assert reasons == Counter(reason for _, reason in unsigned.values())


def test_webhooks_that_are_no_request_of_ours(refused):
    """What is refused before a signature is looked at is counted by its reason all the same."""

    def post(*headers, body=b"{}"):
        return request("POST", "/webhooks/stripe", headers, body)

    refused([
        ("no route", request("GET", f"/{CANARY}"), 404, "http.not_found"),
        ("another method", request("GET", "/webhooks/stripe"), 405, "http.method_not_allowed"),
        ("no length", request("POST", "/webhooks/stripe"), 411, "http.length_required"),
        ("in chunks", request("POST", "/webhooks/stripe", [("Transfer-Encoding", "chunked")]) + b"0\r\n\r\n", 411,
         "http.transfer_encoding"),
        ("compressed", post(("Content-Encoding", "gzip")), 415, "http.content_encoding"),
        ("too much", post(body=b"x" * (WEBHOOK_MAX_BYTES + 1)), 413, "http.body_too_large"),
    ], service="payments")


def test_webhooks_that_are_of_no_use(stack):
    """Rightly signed: stored, answered with 200 (else the provider would repeat them for days), and nothing else but an
    alarm, which names what a person has to look for."""
    port = stack.http_ports["payments", 1]
    dispute = {"object": {"id": "dp_1", "object": "dispute", "payment_intent": "pi_disputed"}}
    cases = [
        (stripe_event(type=f"customer.{CANARY}"), "ignored"),
        (stripe_event(type="charge.dispute.created", data=dispute), "unmatched"),
        (stripe_event(type="payment_intent.succeeded", data={"object": {"id": "pi_x", "object": "payment_intent"}}),
         "unmatched"),
        (b"not json", "unreadable"),
    ]
    for body, fate in cases:
        before = raw.counted(stack.processes["payments-1"], "holdfast_payments_webhooks_total")
        kept = len(stack.servers.sql("SELECT 1 FROM payments.webhook"))
        answer = raw.exchange(port, webhook(body, signature(body)))
        assert (answer.status, answer.body) == (200, b'{"received":true}')
        assert len(stack.servers.sql("SELECT 1 FROM payments.webhook")) == kept + 1
        after = raw.counted(stack.processes["payments-1"], "holdfast_payments_webhooks_total")
        assert {key: after[key] - before[key] for key in after if after[key] != before[key]} == {fate: 1}
        if fate != "ignored":
            alarm = stack.processes["payments-1"].event("payments.alarm")
            assert (alarm["code"], alarm["level"]) == (fate, "error")
        if body == cases[1][0]:
            assert (alarm["object_id"], alarm["payment_ref"]) == ("dp_1", "pi_disputed")


# Too often


def test_too_many_requests(stack):
    """A replica of its own with small quotas, so that nobody else waits."""
    port = stack.add_gateway(HTTP_RATE_PER_TOKEN="3", HTTP_RATE_PER_ADDRESS="4")
    process = stack.processes["gateway-limited"]
    try:
        buyer = [bearer(stack.api.tokens["BUYER"])]
        answers = [raw.exchange(port, request("GET", "/v1/escrows", buyer)) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"token";q=3;w=10'}
        assert raw.code(answers[3]) == "http.token_rate"
        assert 1 <= int(answers[3].headers["retry-after"]) <= 4
        # Money goes back all the same: this is 404 because there is no such deal, not 429.
        seller = [JSON, bearer(stack.api.tokens["BUYER"]), ("Idempotency-Key", "k")]
        refund = request("POST", f"/v1/escrows/{uuid.uuid4()}/refund", seller, b"{}")
        assert raw.exchange(port, refund).status == 404
        guesses = [raw.exchange(port, request("GET", "/v1/escrows", [bearer(f"hf_test_{i:040}")])) for i in range(5)]
        assert [answer.status for answer in guesses] == [401, 401, 401, 401, 429]
        assert raw.code(guesses[4]) == "http.address_rate"
        assert guesses[4].headers["ratelimit-policy"] == '"address";q=4;w=10'
        refusals = raw.counted(process, "holdfast_http_refusals_total")
        assert (refusals["http.token_rate"], refusals["http.address_rate"]) == (1, 1)
        # It comes back by itself.
        wait_for(lambda: raw.exchange(port, request("GET", "/v1/escrows", buyer)).status == 200, 15, "the quota")
    finally:
        assert process.stop() == 0
        del stack.processes["gateway-limited"]
