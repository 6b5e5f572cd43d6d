"""What the two show in a dispute: stored before it is evidence, part of the deal's history, shown to those whom it concerns, and
proved with its bytes by a dossier; and what was stored for nothing is removed."""

import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.ctl import Ctl
from harness.proof import check_dossier
from harness.stack import Stack
from harness.waiting import wait_for

DAY = 86400
SEAL_KEY = Ed25519PrivateKey.generate()
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100_000)
PDF = b"%PDF-1.7\n" + b"a page\n" * 20_000
MOST = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    pem = SEAL_KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    stack = Stack(tmp_path_factory.mktemp("evidence"), extra={"escrow": {"SEAL_KEY": pem.decode(), "SEAL_PERIOD_MS": "200"}})
    try:
        yield stack.start()
    finally:
        stack.stop()


@pytest.fixture
def arbiter(stack, tmp_path):
    """(the API with an arbiter, the terms that name him)"""
    file = tmp_path / "arbiter.key"
    file.write_bytes(Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    made = stack.operator.json("token", "create", "--kind", "user")["token"]
    key = Ctl({}).json("verdict", "key", "--key", str(file))["verdict"]["arbiter_key"]
    api = stack.api.speaking_as({"ARBITER": made["account_id"]}, {"ARBITER": made["token"]})
    return api, {"arbiter_id": made["account_id"], "arbiter_key": key}


def disputed(api, **terms):
    deal = api.held_deal(**terms)
    deal.do("raise-dispute", "BUYER", {"reason": "broken"})
    deal.wait("DISPUTED")
    return deal


def name_of(content):
    return hashlib.sha256(content).hexdigest()


def stored(stack):
    return {path.parent.name + path.name for path in (stack.folder / "evidence").rglob("*") if path.is_file()}


def shown(api, deal, role, content, kind, description=""):
    assert api.outcome(api.show(deal.id, role, content, kind, description), role) == ("accepted", None)


def test_what_the_two_show_is_on_the_docket_and_in_the_dossier(stack, arbiter, tmp_path):
    api, terms = arbiter
    deal = disputed(api, **terms)
    shown(api, deal, "BUYER", PNG, "image/png", "the box, open")
    shown(api, deal, "SELLER", PDF, "application/pdf")
    docket = deal.wait_view(lambda now: now["dispute"]["docket"]["seller_items"] == 1, "the docket")["dispute"]["docket"]
    assert (docket["buyer_items"], docket["seller_items"]) == (1, 1)
    assert docket["buyer_until"] == docket["seller_until"] < docket["staff_decides_at"]
    for role in ("BUYER", "SELLER", "ARBITER", "STAFF"):
        answer = api.get(f"/v1/escrows/{deal.id}/evidence", role)
        pieces = answer.json()["evidence"]
        assert [(one["hash"], one["type"], one["size_bytes"], one["description"], one["submitted_by"]) for one in pieces] == [
            (name_of(PNG), "image/png", len(PNG), "the box, open", api.ids["BUYER"]),
            (name_of(PDF), "application/pdf", len(PDF), "", api.ids["SELLER"])]
        for content, kind, ending in ((PNG, "image/png", "png"), (PDF, "application/pdf", "pdf")):
            file = api.get(f"/v1/escrows/{deal.id}/evidence/{name_of(content)}", role)
            assert (file.status, file.body == content, file.headers["content-type"]) == (200, True, kind)
            assert file.headers["x-content-type-options"] == "nosniff"
            assert file.headers["content-disposition"] == f'attachment; filename="{name_of(content)[:16]}.{ending}"'
            assert "sandbox" in file.headers["content-security-policy"]
            assert "default-src 'none'" in file.headers["content-security-policy"]
    for path in ("", "/" + name_of(PNG)):
        assert api.get(f"/v1/escrows/{deal.id}/evidence{path}", "STRANGER").status == 404
        assert api.get(f"/v1/escrows/{deal.id}/evidence{path}", "MARKETPLACE").json()["code"] == "escrow.not_allowed"
    for name in (name_of(b"other"), name_of(PNG).upper()[:63], "../../etc/passwd"):
        assert api.get(f"/v1/escrows/{deal.id}/evidence/{name}", "BUYER").status in (404,)
    other = disputed(api)
    assert api.get(f"/v1/escrows/{other.id}/evidence/{name_of(PNG)}", "BUYER").json()["code"] == "gateway.no_evidence"
    prove(stack, api, deal, tmp_path)


def prove(stack, api, deal, tmp_path):
    def sealed():
        answer = api.get(f"/v1/escrows/{deal.id}/proof", "BUYER")
        return answer.status == 200 and answer.json()["seq"] == deal.view()["seq"]

    wait_for(sealed, 60, f"a proof of {deal.id}")
    file, keys, folder = tmp_path / "deal.jsonl", tmp_path / "keys.pem", stack.folder / "evidence"
    keys.write_bytes(SEAL_KEY.public_key().public_bytes(serialization.Encoding.PEM,
                                                        serialization.PublicFormat.SubjectPublicKeyInfo))
    told = stack.operator.json("audit", "export", deal.id, "--out", str(file), "--evidence", str(folder))["dossier"]
    assert told["evidence"] == 2
    kinds = check_dossier(file.read_text(), SEAL_KEY.public_key())
    assert [one["content"] for one in kinds["evidence"]] == [name_of(PNG), name_of(PDF)]
    copy = tmp_path / "deal.jsonl.evidence"
    assert sorted(path.stat().st_size for path in copy.rglob("*") if path.is_file()) == sorted([len(PNG), len(PDF)])
    verify = ("audit", "verify", str(file), "--seal-keys", str(keys), "--evidence", str(copy))
    assert Ctl({}).run(*verify).returncode == 0
    picture = copy / name_of(PNG)[:2] / name_of(PNG)[2:]
    picture.write_bytes(PNG[:-1] + b"1")
    assert "evidence_broken" in Ctl({}).run(*verify).stdout
    picture.unlink()
    assert "evidence_missing" in Ctl({}).run(*verify).stdout
    changed = file.read_text().replace(name_of(PNG), name_of(b"another picture"))
    file.write_text(changed)
    assert "hash" in Ctl({}).run("audit", "verify", str(file), "--seal-keys", str(keys)).stdout


def refusal(answer):
    return answer.status, answer.json()["code"]


def test_what_is_no_evidence_is_refused_before_it_is_stored(stack):
    api = stack.api
    deal = disputed(api)
    before = stored(stack)
    assert refusal(api.show(deal.id, "BUYER", PNG, "image/jpeg")) == (415, "gateway.evidence_type")
    assert refusal(api.show(deal.id, "BUYER", PNG, "text/plain")) == (415, "gateway.evidence_type")
    assert refusal(api.show(deal.id, "BUYER", b"<html>", "text/html")) == (415, "gateway.evidence_type")
    assert refusal(api.show(deal.id, "BUYER", b"MZ\x90\0", "application/pdf")) == (415, "gateway.evidence_type")
    assert refusal(api.show(deal.id, "BUYER", b"", "text/plain")) == (415, "gateway.evidence_type")
    assert refusal(api.show(deal.id, "BUYER", b"a" * (MOST + 1))) == (413, "http.body_too_large")
    assert refusal(api.show(deal.id, "BUYER", b"a", description="x" * 501)) == (422, "escrow.bad_evidence")
    assert refusal(api.show(deal.id, "BUYER", b"a", description="4242 4242 4242 4242")) == (422, "json.card_number")
    for role in ("MARKETPLACE", "STAFF"):
        assert refusal(api.show(deal.id, role, b"a")) == (403, "escrow.not_allowed")
    assert refusal(api.show(deal.id, "STRANGER", b"a")) == (404, "escrow.unknown")
    quiet = api.held_deal()
    assert refusal(api.show(quiet.id, "BUYER", b"a")) == (409, "gateway.no_dispute")
    assert stored(stack) == before
    assert api.get(f"/v1/escrows/{deal.id}/evidence", "BUYER").json() == {"evidence": []}


def test_the_largest_file_is_taken_and_a_repeated_request_is_one_piece(stack):
    api = stack.api
    deal = disputed(api)
    large = b"x" * MOST
    first = api.show(deal.id, "BUYER", large, key="once")
    again = api.show(deal.id, "BUYER", large, key="once")
    assert (first.status, again.status, first.body == again.body) == (202, 202, True)
    assert refusal(api.show(deal.id, "BUYER", b"another", key="once")) == (422, "idempotency.key_reused")
    assert api.outcome(first, "BUYER") == ("accepted", None)
    assert [one["size_bytes"] for one in api.get(f"/v1/escrows/{deal.id}/evidence", "SELLER").json()["evidence"]] == [MOST]
    assert api.get(f"/v1/escrows/{deal.id}/evidence/{name_of(large)}", "SELLER").body == large
    for _ in range(3):
        shown(api, deal, "BUYER", large, "text/plain")
    assert api.outcome(api.show(deal.id, "BUYER", b"one more"), "BUYER") == ("rejected", "escrow.too_much_evidence")
    shown(api, deal, "SELLER", b"the other side has its own room", "text/plain")


def test_the_time_for_evidence_ends_and_who_was_shown_something_late_can_answer(stack):
    api = stack.api
    deal = disputed(api)
    stack.pass_time(14 * DAY)
    deal.wait("ESCALATED")
    stack.pass_time(2 * DAY + DAY // 2)
    shown(api, deal, "BUYER", b"half a day before the end", "text/plain")
    stack.pass_time(DAY // 2 + 60)
    assert api.outcome(api.show(deal.id, "BUYER", b"too late"), "BUYER") == ("rejected", "escrow.evidence_closed")
    shown(api, deal, "SELLER", b"an answer", "text/plain")
    stack.pass_time(DAY)
    assert api.outcome(api.show(deal.id, "SELLER", b"too late, too"), "SELLER") == ("rejected", "escrow.evidence_closed")
    assert len(api.get(f"/v1/escrows/{deal.id}/evidence", "STAFF").json()["evidence"]) == 2


def test_an_offer_is_taken_back_by_who_made_it(stack):
    api = stack.api
    deal = disputed(api)
    half = deal.view()["balances"]["disputed_minor"] // 2
    deal.do("propose-split", "SELLER", {"seller_minor": half, "buyer_minor": half})
    number = deal.wait_view(lambda now: now["split"], "the offer")["split"]["number"]
    assert api.outcome(deal.act("withdraw-split", "BUYER", {"number": number}), "BUYER") == ("rejected", "escrow.not_proposer")
    deal.do("withdraw-split", "SELLER", {"number": number})
    deal.wait_view(lambda now: now["split"] is None, "no offer")
    assert api.outcome(deal.act("accept-split", "BUYER", {"number": number}), "BUYER") == ("rejected", "escrow.no_split")


def test_what_was_stored_for_nothing_is_removed_a_day_later(stack):
    """By the next upload; what is evidence, or may become some, stays."""
    api = stack.api
    deal = disputed(api)
    shown(api, deal, "BUYER", b"this is evidence", "text/plain")
    refused = [api.show(deal.id, "BUYER", b"a" * MOST, key=f"large-{number}") for number in range(5)]
    assert api.outcome(refused[-1], "BUYER") == ("rejected", "escrow.too_much_evidence")
    lost = b"its command never came"
    stack.servers.sql("INSERT INTO gateway.evidence_upload SELECT gen_random_uuid(), sha256(:'lost'::bytea), account, escrow_id, now() "
                      "FROM gateway.evidence_upload LIMIT 1", lost=lost.decode())
    folder = stack.folder / "evidence" / name_of(lost)[:2]
    folder.mkdir(exist_ok=True)
    (folder / name_of(lost)[2:]).write_bytes(lost)
    shown(api, deal, "SELLER", b"nothing is old yet", "text/plain")
    assert name_of(lost) in stored(stack)
    stack.servers.sql("UPDATE gateway.evidence_upload SET stored_at = stored_at - interval '25 hours'")

    def swept():
        assert api.show(deal.id, "SELLER", b"one more, and two old ones go").status == 202
        return stack.servers.sql("SELECT 1 FROM gateway.evidence_upload WHERE stored_at < now() - interval '1 day'") == []

    wait_for(swept, 60, "no old uploads")
    left = stored(stack)
    assert name_of(lost) not in left
    assert {name_of(b"this is evidence"), name_of(b"nothing is old yet"), name_of(b"a" * MOST)} <= left
