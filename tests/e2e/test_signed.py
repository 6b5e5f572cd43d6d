"""Tokens whose requests must be signed: what is let through, once, by whichever replica, and what is not."""

import base64
import hashlib
import uuid

import pytest

from harness import http, raw
from harness.signing import COVERED, Signer
from harness.stack import SIGNING_SECRET
from harness.waiting import wait_for

OLD_S = 35  # the window is 30 s, and the test needs a moment


@pytest.fixture
def signer(stack):
    """Of the marketplace."""
    told = stack.operator.json(
        "token", "create", "--kind", "marketplace", "--account", stack.ids["MARKETPLACE"], "--signed")
    return Signer(told["token"])


def send(stack, signed, method, path, replica=1):
    headers, body = signed
    return http.request(stack.api.by_number[replica] + path, method, headers, body)


def ask(stack, signer, method, path, value=None, replica=1, **changes):
    """Signs and sends."""
    signed = signer.headers(method, stack.api.by_number[replica] + path, value, **changes)
    return send(stack, signed, method, path, replica)


def code(answer):
    return answer.status, answer.json()["code"]


def test_a_deal_by_signed_requests(stack, signer):
    answer = ask(stack, signer, "POST", "/v1/escrows", stack.api.terms())
    assert answer.status == 202, answer
    location = answer.headers["location"]
    wait_for(lambda: ask(stack, signer, "GET", location, replica=2).json()["status"] == "accepted", 30, "the outcome")
    listed = ask(stack, signer, "GET", "/v1/escrows?limit=1")
    assert listed.status == 200 and len(listed.json()["items"]) == 1, listed
    headers, _ = signer.headers("HEAD", stack.api.by_number[1] + location)
    assert http.request(stack.api.by_number[1] + location, "HEAD", headers).status == 200


def test_a_captured_request_is_worth_nothing(stack, signer):
    """Neither at the replica that had it nor at the other, though its Idempotency-Key would make it the same command."""
    path = "/v1/escrows"
    signed = signer.headers("POST", stack.api.by_number[1] + path, stack.api.terms())
    assert send(stack, signed, "POST", path, 1).status == 202
    assert code(send(stack, signed, "POST", path, 2)) == (401, "signature.replayed")
    assert code(send(stack, signed, "POST", path, 1)) == (401, "signature.replayed")
    headers, body = signed
    again = signer.headers("POST", stack.api.by_number[1] + path, stack.api.terms(),
                           idempotency_key=headers["Idempotency-Key"])
    assert again[1] == body
    assert send(stack, again, "POST", path, 2).status == 202  # its owner may ask again
    unsigned = {name: value for name, value in headers.items() if not name.startswith("Signature")}
    assert code(send(stack, (unsigned, body), "POST", path, 2)) == (401, "signature.missing")


def rows(signer):
    """[(name, what the signer does otherwise, headers put in their place, code)]"""
    other = "sha-256=:" + base64.b64encode(hashlib.sha256(b"{}").digest()).decode() + ":"
    return [
        ("too old", {"age_s": OLD_S}, {}, "signature.too_old"),
        ("too early", {"age_s": -OLD_S}, {}, "signature.too_early"),
        ("another key", {"key": b"k" * 32}, {}, "signature.wrong"),
        ("another key id", {"key_id": hashlib.sha256(b"x").hexdigest()}, {}, "signature.unknown_key"),
        ("a short nonce", {"nonce": "n" * 15}, {}, "signature.malformed"),
        ("the method is left out", {"covered": COVERED[1:]}, {}, "signature.components"),
        ("the path is left out", {"covered": ("@method", "idempotency-key")}, {}, "signature.components"),
        ("the idempotency key is left out", {"covered": COVERED[:3]}, {}, "signature.components"),
        ("more is covered", {"covered": (*COVERED, "@scheme")}, {}, "signature.components"),
        ("another body", {}, {"Content-Digest": other}, "signature.digest"),
        ("another idempotency key", {}, {"Idempotency-Key": "k"}, "signature.wrong"),
        ("no Signature-Input", {}, {"Signature-Input": None}, "signature.malformed"),
        ("nonsense", {}, {"Signature-Input": "pyhms=1", "Signature": "pyhms=1"}, "signature.malformed"),
        ("another's token", {}, {"Authorization": "Bearer hf_test_" + "0" * 49}, "http.unauthenticated"),
    ]


def test_what_is_refused(stack, signer):
    """One code for each; nothing that was sent comes back, nothing is stored, and each is counted by its reason."""
    path = "/v1/escrows"
    process = stack.processes["gateway-1"]
    before = raw.counted(process, "holdfast_http_refusals_total")
    stored = stack.servers.sql("SELECT count(*) FROM gateway.intake")
    wanted, faults = {}, []
    for name, changes, replaced, told in rows(signer):
        nonce = changes.get("nonce", uuid.uuid4().hex)
        headers, body = signer.headers("POST", stack.api.by_number[1] + path, stack.api.terms(),
                                       **{**changes, "nonce": nonce})
        headers = {name: value for name, value in {**headers, **replaced}.items() if value is not None}
        answer = send(stack, (headers, body), "POST", path)
        if code(answer) != (401, told):
            faults.append(f"{name}: {answer}")
        sent = (nonce, signer.token, signer.key_id, headers["Signature"], headers.get("Signature-Input", nonce))
        if any(text in f"{answer.body}{answer.headers}" for text in sent):
            faults.append(f"{name}: came back")
        counted = "gateway.token" if told == "http.unauthenticated" else told
        wanted[counted] = wanted.get(counted, 0) + 1
    after = raw.counted(process, "holdfast_http_refusals_total")
    assert faults == []
    assert {told: after[told] - before[told] for told in after if after[told] != before[told]} == wanted
    assert stack.servers.sql("SELECT count(*) FROM gateway.intake") == stored


def test_a_bearer_token_needs_no_signature(stack):
    assert stack.api.get("/v1/escrows", "MARKETPLACE").status == 200


def test_without_the_database_nothing_is_let_through(stack, signer):
    """What cannot be remembered is refused, and the same request is good afterwards: nothing was done."""
    path = "/v1/escrows"
    signed = signer.headers("POST", stack.api.by_number[1] + path, stack.api.terms())
    stack.servers.sql("ALTER TABLE gateway.request_nonce RENAME TO away")
    try:
        assert send(stack, signed, "POST", path).status == 500
    finally:
        stack.servers.sql("ALTER TABLE gateway.away RENAME TO request_nonce")
    assert send(stack, signed, "POST", path).status == 202


def test_the_secret_can_be_replaced(stack, signer):
    """Keys of the secret before are good as long as it is told."""
    port = stack.add_gateway(REQUEST_SIGNING_SECRET=uuid.uuid4().hex, REQUEST_SIGNING_SECRET_OLD=SIGNING_SECRET)
    try:
        url = f"http://127.0.0.1:{port}/v1/escrows"
        headers, _ = signer.headers("GET", url)
        assert http.request(url, "GET", headers).status == 200
    finally:
        process = stack.processes.pop("gateway-limited")
        assert process.stop() == 0
