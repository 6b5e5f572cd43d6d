"""A dispute that the two do not settle: the arbiter whom the terms name decides it with a signature of his own, or staff past a
silent one; and a dossier proves whose word it was."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.api import AMOUNT_MINOR
from harness.ctl import Ctl
from harness.proof import check_dossier
from harness.stack import Stack
from harness.waiting import wait_for

DAY = 86400
SELLER_MINOR = AMOUNT_MINOR // 4
BUYER_MINOR = AMOUNT_MINOR - SELLER_MINOR
WHY = "three of four were broken"
SEAL_KEY = Ed25519PrivateKey.generate()


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("arbiter"),
                  extra={"escrow": {"SEAL_KEY": private_pem(SEAL_KEY).decode(), "SEAL_PERIOD_MS": "200"}})
    try:
        yield stack.start()
    finally:
        stack.stop()


@pytest.fixture
def arbiter(stack, tmp_path):
    """(the API with an arbiter, the file of the arbiter's key, the terms that name both)"""
    file = tmp_path / "arbiter.key"
    file.write_bytes(private_pem(Ed25519PrivateKey.generate()))
    made = stack.operator.json("token", "create", "--kind", "user")["token"]
    api = stack.api.speaking_as({"ARBITER": made["account_id"]}, {"ARBITER": made["token"]})
    key = Ctl({}).json("verdict", "key", "--key", str(file))["verdict"]["arbiter_key"]
    return api, file, {"arbiter_id": made["account_id"], "arbiter_key": key}


def escalated(stack, api, **terms):
    deal = api.held_deal(**terms)
    deal.do("raise-dispute", "BUYER", {"reason": "broken"})
    deal.wait("DISPUTED")
    stack.pass_time(14 * DAY)
    deal.wait("ESCALATED")
    return deal


def proof_of(api, deal):
    """As the arbiter reads it: of the deal as it stands."""
    def there():
        answer = api.get(f"/v1/escrows/{deal.id}/proof", "ARBITER")
        return answer.status == 200 and answer.json()["seq"] == deal.view()["seq"] and answer.json()

    return wait_for(there, 60, f"a proof of {deal.id}")


def signed(file, deal, head, seller_minor=SELLER_MINOR, buyer_minor=BUYER_MINOR, reason=WHY, dispute=1):
    """Made where there is no server and no database."""
    told = Ctl({}).json("verdict", "sign", "--key", str(file), "--escrow", deal.id, "--dispute", str(dispute), "--head", head,
                        "--seller-minor", str(seller_minor), "--buyer-minor", str(buyer_minor), "--reason", reason)
    return json.loads(told["verdict"]["body"])


def test_the_arbiter_divides_what_is_frozen_and_a_dossier_proves_whose_word_it_was(stack, arbiter, tmp_path):
    api, file, terms = arbiter
    deal = escalated(stack, api, **terms)
    seen = deal.view("ARBITER")
    assert seen["arbiter"] == {"id": terms["arbiter_id"], "key": terms["arbiter_key"]}
    assert (seen["dispute"]["number"], seen["seller_account"], seen["payment"]) == (1, None, None)
    mine = api.get("/v1/escrows", "ARBITER").json()["items"]
    assert [one["id"] for one in mine] == [deal.id]
    head = proof_of(api, deal)["head"]
    body = signed(file, deal, head)
    for role in ("BUYER", "SELLER", "MARKETPLACE"):
        assert deal.act("resolve-dispute", role, body).json()["code"] == "escrow.not_allowed"
    assert deal.act("resolve-dispute", "STRANGER", body).status == 404
    forged = deal.act("resolve-dispute", "ARBITER", {**body, "seller_minor": BUYER_MINOR, "buyer_minor": SELLER_MINOR})
    assert (forged.status, forged.json()["code"], forged.json()["field"]) == (422, "escrow.bad_signature", "/signature")
    unsigned = {name: body[name] for name in ("dispute", "seller_minor", "buyer_minor", "reason")}
    assert deal.act("resolve-dispute", "ARBITER", unsigned).json()["code"] == "escrow.bad_signature"
    assert api.outcome(deal.act("resolve-dispute", "STAFF", unsigned), "STAFF") == ("rejected", "escrow.arbiter_has_time")
    more = signed(file, deal, head, seller_minor=SELLER_MINOR + 1)
    assert api.outcome(deal.act("resolve-dispute", "ARBITER", more), "ARBITER") == ("rejected", "escrow.bad_split")
    other = signed(file, deal, head, dispute=2)
    assert api.outcome(deal.act("resolve-dispute", "ARBITER", other), "ARBITER") == ("rejected", "escrow.other_dispute")
    deal.do("propose-split", "SELLER", {"seller_minor": AMOUNT_MINOR, "buyer_minor": 0})
    assert api.outcome(deal.act("resolve-dispute", "ARBITER", body), "ARBITER") == ("rejected", "escrow.stale_verdict")
    deal.do("resolve-dispute", "ARBITER", signed(file, deal, proof_of(api, deal)["head"]))
    balances = deal.wait("SETTLED_SPLIT")["balances"]
    assert (balances["paid_out_minor"], balances["refunded_minor"], balances["disputed_minor"]) == (SELLER_MINOR, BUYER_MINOR, 0)
    stack.settle()
    assert (deal.effects()["transfers"], deal.effects()["refunds"]) == ((1, SELLER_MINOR), (1, BUYER_MINOR))
    told = {entry["type"]: entry for entry in api.get(f"/v1/escrows/{deal.id}/timeline", "SELLER").json()["items"]}
    resolved = told["EscrowDisputeResolved"]
    assert (resolved["note"], resolved["amount_minor"], resolved["actor"]["id"]) == (WHY, SELLER_MINOR, terms["arbiter_id"])
    prove(stack, api, deal, tmp_path)


def prove(stack, api, deal, tmp_path):
    proof_of(api, deal)
    file, keys = tmp_path / "deal.jsonl", tmp_path / "keys.pem"
    keys.write_bytes(SEAL_KEY.public_key().public_bytes(serialization.Encoding.PEM,
                                                        serialization.PublicFormat.SubjectPublicKeyInfo))
    stack.verifier.json("audit", "export", deal.id, "--out", str(file))
    alone = Ctl({})
    assert alone.json("audit", "verify", str(file), "--seal-keys", str(keys))["findings"] == []
    assert stack.verifier.json("ledger", "verify", "--seal-keys", str(keys))["verified"]["ok"]
    kinds = check_dossier(file.read_text(), SEAL_KEY.public_key())
    assert [(line["dispute"], line["seller_minor"], line["buyer_minor"], line["reason"]) for line in kinds["verdict"]] == [
        (1, SELLER_MINOR, BUYER_MINOR, WHY)]
    text = file.read_text()
    for old, new in ((WHY, "all of it was fine"), (f'"seller_minor":{SELLER_MINOR}', f'"seller_minor":{SELLER_MINOR + 1}'),
                     (kinds["verdict"][0]["signature"], "00" * 64)):
        file.write_text(text.replace(old, new))
        found = alone.json("audit", "verify", str(file), "--seal-keys", str(keys), code=1)["findings"]
        assert {row["what"] for row in found} >= {"hash", "verdict_signature"}


def test_staff_decides_past_a_silent_arbiter_and_where_there_is_none(stack, arbiter):
    api, _, terms = arbiter
    silent = escalated(stack, api, **terms)
    none = escalated(stack, api)
    body = {"dispute": 1, "seller_minor": 0, "buyer_minor": AMOUNT_MINOR, "reason": WHY}
    assert none.view()["arbiter"] is None
    assert none.act("resolve-dispute", "BUYER", body).json()["code"] == "escrow.not_allowed"
    none.do("resolve-dispute", "STAFF", {**body, "seller_minor": AMOUNT_MINOR, "buyer_minor": 0})
    none.wait("RELEASED")
    assert none.events()[-3:] == ["EscrowDisputeResolved", "EscrowReleaseStarted", "EscrowReleased"]
    stack.pass_time(5 * DAY)
    silent.do("resolve-dispute", "STAFF", body)
    silent.wait("REFUNDED")
    stack.settle()
    assert (silent.effects()["refunds"], silent.effects()["transfers"]) == ((1, AMOUNT_MINOR), (0, 0))
    assert (none.effects()["transfers"], none.effects()["refunds"]) == ((1, AMOUNT_MINOR), (0, 0))


def test_an_arbiter_is_a_third_person_with_a_key(stack, arbiter):
    api, file, terms = arbiter
    wrong = [
        ({"arbiter_id": api.ids["BUYER"], "arbiter_key": terms["arbiter_key"]}, "/arbiter_id"),
        ({"arbiter_id": terms["arbiter_id"]}, "/arbiter_key"),
        ({"arbiter_key": terms["arbiter_key"]}, "/arbiter_key"),
        ({**terms, "arbiter_key": terms["arbiter_key"].upper() + "0"}, "/arbiter_key"),
    ]
    for changes, field in wrong:
        refused = api.create(**changes)
        assert (refused.status, refused.json()["code"], refused.json()["field"]) == (422, "escrow.bad_arbiter", field)
    deal = api.held_deal(**terms)
    early = signed(file, deal, "00" * 32)
    assert api.outcome(deal.act("resolve-dispute", "ARBITER", early), "ARBITER") == ("rejected", "escrow.wrong_state")
    assert deal.act("release", "ARBITER").json()["code"] == "escrow.not_allowed"
