"""Histories are sealed each period by one of the replicas, and anybody can check a proof with standard tools alone."""

import hashlib
import re

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.ctl import Ctl
from harness.proof import check_dossier, check_seal
from harness.stack import Stack
from harness.waiting import wait_for

PATIENCE_S = 60
KEY = Ed25519PrivateKey.generate()
PRIVATE_PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
PUBLIC_PEM = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
PUBLIC_DER = KEY.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("seals"), replicas=2,
                  extra={"escrow": {"SEAL_KEY": PRIVATE_PEM, "SEAL_PERIOD_MS": "200"}})
    try:
        yield stack.start()
    finally:
        stack.stop()


def check(proof, escrow_id):
    assert proof["seal"]["key"] == hashlib.sha256(PUBLIC_DER).hexdigest()
    check_seal(proof["seal"], KEY.public_key(), escrow_id, proof["seq"], proof["head"], proof)


def sealed(stack, deal, seq):
    """The proof, as soon as it covers this event."""

    def there():
        answer = stack.api.get(f"/v1/escrows/{deal.id}/proof", "BUYER")
        assert answer.status in (200, 404), answer
        if answer.status == 404:
            assert answer.json()["code"] == "escrow.not_sealed"
            return None
        return answer.json()["seq"] >= seq and answer.json()

    return wait_for(there, PATIENCE_S, f"a seal of {deal.id}")


def keys_file(tmp_path):
    keys = tmp_path / "keys.pem"
    keys.write_bytes(b"of this test\n" + PUBLIC_PEM)
    return str(keys)


def verify(stack, tmp_path, code=0):
    return stack.verifier.json("ledger", "verify", "--seal-keys", keys_file(tmp_path), code=code)


def test_a_deal_is_sealed_and_its_proof_can_be_checked(running, tmp_path):
    deal = running.api.held_deal()
    other = running.api.held_deal()
    view = deal.view()
    proof = sealed(running, deal, view["seq"])
    check(proof, deal.id)
    head = running.servers.sql(f"SELECT encode(hash, 'hex') FROM escrow.transition WHERE escrow_id = '{deal.id}' "
                               f"AND seq = {proof['seq']}")
    assert proof["head"] == head[0][0]
    with pytest.raises((AssertionError, InvalidSignature)):
        check({**proof, "head": "00" * 32}, deal.id)
    with pytest.raises((AssertionError, InvalidSignature)):
        check({**proof, "seal": {**proof["seal"], "at_us": proof["seal"]["at_us"] - 1}}, deal.id)
    sealed(running, other, other.view()["seq"])
    told = verify(running, tmp_path)
    assert told["verified"]["seals"] >= 1 and told["verified"]["unsealed"] == 0
    assert running.api.get(f"/v1/escrows/{deal.id}/proof", "STRANGER").status == 404
    assert running.api.get(f"/v1/escrows/{deal.id}/proof", "STAFF").status == 200


def test_sealing_goes_on_when_a_replica_dies(running, tmp_path):
    deal = running.api.held_deal()
    sealed(running, deal, deal.view()["seq"])
    running.processes["escrow-1"].kill()
    running.api.post(f"/v1/escrows/{deal.id}/mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    check(sealed(running, deal, deal.view()["seq"]), deal.id)
    running.processes["escrow-1"].start().wait_ready(60)
    assert running.servers.sql("SELECT count(*) = max(n) FROM escrow.seal") == [["t"]]
    assert verify(running, tmp_path)["verified"]["ok"]


def test_a_history_that_was_rewritten_whole_is_found_by_its_seal(running, tmp_path):
    """A superuser who changes a transition and the chain behind it leaves a chain that is right in itself."""
    deal = running.api.held_deal()
    sealed(running, deal, deal.view()["seq"])
    rewritten = "00" * 32
    before = running.servers.sql(f"SELECT encode(hash, 'hex'), seq FROM escrow.transition WHERE escrow_id = '{deal.id}' "
                                 "ORDER BY seq DESC LIMIT 1")[0]
    change = ("SET session_replication_role = replica; ALTER TABLE escrow.transition DISABLE TRIGGER USER; "
              "UPDATE escrow.transition SET hash = decode('{hash}', 'hex') WHERE escrow_id = '{id}' AND seq = {seq}; "
              "UPDATE escrow.escrow SET chain_head = decode('{hash}', 'hex') WHERE id = '{id}'; "
              "ALTER TABLE escrow.transition ENABLE ALWAYS TRIGGER transition_append_only")
    running.servers.sql(change.format(hash=rewritten, id=deal.id, seq=before[1]))
    found = {row["what"] for row in verify(running, tmp_path, code=1)["findings"] if row["escrow_id"] == deal.id}
    assert "sealed_head" in found
    running.servers.sql(change.format(hash=before[0], id=deal.id, seq=before[1]))
    assert verify(running, tmp_path)["verified"]["ok"]


def test_a_dossier_proves_a_deal_without_us(running, tmp_path):
    """Written as one who can only read, proved by the tool without a database, and by thirty lines of somebody else."""
    deal = running.api.held_deal()
    running.api.post(f"/v1/escrows/{deal.id}/mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    sealed(running, deal, deal.view()["seq"])
    file = tmp_path / "deal.jsonl"
    told = running.verifier.json("audit", "export", deal.id, "--out", str(file))["dossier"]
    assert (told["state"], told["seq"]) == ("DELIVERED", deal.view()["seq"])
    alone = Ctl({})
    proved = alone.json("audit", "verify", str(file), "--seal-keys", keys_file(tmp_path))
    assert proved["findings"] == [] and proved["dossier"]["seals"] == told["seals"] >= 1
    kinds = check_dossier(file.read_text(), KEY.public_key())
    assert {line["account"]: line["credit_minor"] - line["debit_minor"] for line in kinds["balance"]} == {
        "PSP_CLEAR": -2500, "ESCROW_IN": 0, "ESCROW_HELD": 2500}
    file.write_text(file.read_text().replace('"amount_minor":2500', '"amount_minor":2400', 1))
    found = alone.json("audit", "verify", str(file), "--seal-keys", keys_file(tmp_path), code=1)["findings"]
    assert "hash" in {row["what"] for row in found}
    with pytest.raises(AssertionError):
        check_dossier(file.read_text(), KEY.public_key())
    file.write_text("nothing\n")
    assert alone.json("audit", "verify", str(file), "--seal-keys", keys_file(tmp_path), code=1)["findings"][0]["what"] == "form"
    assert alone.run("audit", "verify", str(tmp_path / "none"), "--seal-keys", keys_file(tmp_path)).returncode == 3
    assert alone.run("audit", "verify", str(file)).returncode == 2


def held(stack):
    """What the replicas say is held: each looks for itself, a little later than the seal."""
    pages = [stack.processes[f"escrow-{number}"].admin("/metrics")[1] for number in (1, 2)]
    found = [re.findall(r'^holdfast_ledger_balance_minor\{account="ESCROW_HELD",currency="USD"\} (\d+)$', page, re.M)
             for page in pages]
    return max((int(value) for values in found for value in values), default=0)


def test_money_is_shown_by_account(running):
    """With the seal that covers it; and what the totals say is what the ledger says."""
    before = held(running)
    deal = running.api.held_deal()
    sealed(running, deal, deal.view()["seq"])
    wait_for(lambda: held(running) >= before + 2500, PATIENCE_S, "the sum of what is held")
    running.settle()
    differ = ("SELECT count(*) FROM (SELECT account, currency, sum(debit), sum(credit) FROM (SELECT debit AS account, currency,"
              " amount_minor AS debit, 0 AS credit FROM escrow.transfer UNION ALL SELECT credit, currency, 0, amount_minor"
              " FROM escrow.transfer) t GROUP BY 1, 2 EXCEPT SELECT * FROM escrow.ledger_total) d")
    wait_for(lambda: running.servers.sql(differ) == [["0"]], PATIENCE_S, "the totals")
