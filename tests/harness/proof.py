"""Checks proofs and dossiers as a stranger would: by the words of docs/audit.md, with SHA-256 and Ed25519 from elsewhere."""

import hashlib
import json
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

USER, STAFF = 1, 3  # ActorKind


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def u64(value):
    return (value % 2**64).to_bytes(8, "big")


def text(value):
    return u64(len(value.encode())) + value.encode()


def uid(value):
    return uuid.UUID(value).bytes if value else bytes(16)


def root_by_path(leaf, index, leaves, path):
    """RFC 9162, 2.1.3.2, from the leaf on."""
    here, at, last = leaf, index, leaves - 1
    for beside in map(bytes.fromhex, path):
        assert last > 0
        if at % 2 == 1 or at == last:
            here = sha256(b"\1", beside, here)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            here = sha256(b"\1", here, beside)
        at, last = at // 2, last // 2
    assert last == 0
    return here.hex()


def check_seal(seal, key, escrow_id, seq, head, proof):
    """The seal is signed with the key, and covers this head of this escrow. Raises where it does not."""
    signed = (f"holdfast.seal.v1\nn {seal['n']}\nat_us {seal['at_us']}\nleaves {seal['leaves']}\n"
              f"prev {seal['prev']}\nroot {seal['root']}\nkey {seal['key']}\n")
    key.verify(bytes.fromhex(seal["signature"]), signed.encode())
    leaf = sha256(b"\0", uid(escrow_id), u64(seq), bytes.fromhex(head), u64(proof["prev_seal_n"]))
    assert root_by_path(leaf, proof["leaf_index"], seal["leaves"], proof["path"]) == seal["root"]


FEES = ("buyer_fee_basis_points", "buyer_fee_fixed_minor", "seller_fee_basis_points", "seller_fee_fixed_minor")


def milestones_hash(milestones):
    parts = [text("holdfast.escrow.milestones.v1"), u64(len(milestones))]
    for one in milestones:
        parts += [u64(one["number"]), text(one["title"]), u64(one["price_minor"])]
    return sha256(*parts) if milestones else bytes(32)


def terms_hash(terms):
    fees = [u64(terms[name]) for name in (*FEES, "buyer_fee_refundable")]
    arbiter_key = bytes.fromhex(terms["arbiter_key"])
    return sha256(
        text("holdfast.escrow.terms.v3"), uid(terms["id"]), uid(terms["marketplace_id"]), uid(terms["buyer_id"]),
        uid(terms["seller_id"]), text(terms["currency_name"]), u64(terms["price_minor"]), text(terms["seller_account"]),
        u64(terms["funding_seconds"]), u64(terms["delivery_seconds"]), u64(terms["inspection_seconds"]),
        text(terms["description"]), u64(terms["created_at_us"]), *fees, uid(terms["arbiter_id"]), u64(len(arbiter_key)), arbiter_key,
        u64(terms["milestone_count"]), bytes.fromhex(terms["milestones_hash"]))


def transition_hash(escrow_id, row, transfers, verdict=None, evidence=None):
    parts = [bytes.fromhex(row["prev_hash"]), text("holdfast.escrow.transition.v2"), uid(row["id"]), uid(escrow_id)]
    parts += [u64(row[name]) for name in ("seq", "event", "from_state", "to_state")]
    parts += [uid(row["cause_id"]), u64(row["actor_kind"]), uid(row["actor_id"]), u64(row["at_us"])]
    parts.append(u64(row["transfer_count"]))
    for line in transfers:
        parts += [u64(line[name]) for name in ("ordinal", "debit", "credit")]
        parts += [text(line["currency"]), u64(line["amount_minor"]), uid(line["leg_id"])]
    parts.append(u64(row["milestone"]))
    if verdict:
        signature = bytes.fromhex(verdict["signature"])
        parts += [u64(verdict[name]) for name in ("dispute", "seller_minor", "buyer_minor")]
        parts += [text(verdict["reason"]), u64(len(signature)), signature]
    if evidence:
        parts += [u64(evidence["dispute"]), bytes.fromhex(evidence["content"]), u64(evidence["type"])]
        parts += [u64(evidence["size_bytes"]), text(evidence["description"])]
    return sha256(*parts)


# RFC 8410: what stands before the 32 bytes of a public key in its DER form.
ED25519_DER = bytes.fromhex("302a300506032b6570032100")


def verdict_text(terms, row, verdict):
    """What the arbiter signed: docs/audit.md."""
    key = sha256(ED25519_DER, bytes.fromhex(terms["arbiter_key"])).hex()
    return (f"holdfast.verdict.v1\nescrow {terms['id']}\ndispute {verdict['dispute']}\nhead {row['prev_hash']}\n"
            f"currency {terms['currency_name']}\nseller_minor {verdict['seller_minor']}\nbuyer_minor {verdict['buyer_minor']}\n"
            f"reason {sha256(verdict['reason'].encode()).hex()}\nkey {key}\n").encode()


def check_verdict(terms, row, verdict, transfers):
    """The deal's arbiter signed it, or staff gave it unsigned; and the frozen money was moved as it says."""
    assert (row["event_name"] == "EscrowDisputeResolved") == (verdict is not None)
    if not verdict:
        return
    if row["actor_kind"] == STAFF:
        assert verdict["signature"] == ""
    else:
        assert (row["actor_kind"], row["actor_id"]) == (USER, terms["arbiter_id"])
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(terms["arbiter_key"]))
        key.verify(bytes.fromhex(verdict["signature"]), verdict_text(terms, row, verdict))
    moved = [line for line in transfers if line["seq"] in (row["seq"], row["seq"] + 1) and line["debit_name"] == "ESCROW_DISP"]
    buyer = sum(line["amount_minor"] for line in moved if line["credit_name"] == "DUE_BUYER")
    seller = sum(line["amount_minor"] for line in moved if line["credit_name"] in ("DUE_SELLER", "FEE_INC"))
    assert (seller, buyer) == (verdict["seller_minor"], verdict["buyer_minor"])


def check_dossier(content, key):
    """The lines of a dossier, by kind, after the chain from the terms to the last seal was made anew."""
    lines = [json.loads(line) for line in content.splitlines()]
    kinds = {kind: [line for line in lines if line["kind"] == kind]
             for kind in ("dossier", "terms", "milestone", "transition", "transfer", "verdict", "evidence", "suspense", "seal", "balance", "end")}
    escrow_id = kinds["terms"][0]["id"]
    assert [one["number"] for one in kinds["milestone"]] == list(range(1, kinds["terms"][0]["milestone_count"] + 1))
    assert milestones_hash(kinds["milestone"]).hex() == kinds["terms"][0]["milestones_hash"]
    head, state = terms_hash(kinds["terms"][0]), 0
    for seq, row in enumerate(kinds["transition"], start=1):
        own = [line for line in kinds["transfer"] if line["seq"] == seq]
        assert (row["seq"], row["prev_hash"], row["from_state"]) == (seq, head.hex(), state)
        assert row["transfer_count"] == len(own)
        verdict = next((line for line in kinds["verdict"] if line["seq"] == seq), None)
        check_verdict(kinds["terms"][0], row, verdict, kinds["transfer"])
        evidence = next((line for line in kinds["evidence"] if line["seq"] == seq), None)
        assert (row["event_name"] == "EscrowEvidenceSubmitted") == (evidence is not None)
        head, state = transition_hash(escrow_id, row, own, verdict, evidence), row["to_state"]
        assert row["hash"] == head.hex()
    for seal in kinds["seal"]:
        named = {**seal, "leaves": seal["leaf_count"], "key": seal["key_id"]}
        covered = kinds["transition"][seal["seq"] - 1]["hash"]
        check_seal(named, key, escrow_id, seal["seq"], covered, seal)
    assert kinds["seal"][-1]["seq"] == len(kinds["transition"])
    return kinds
