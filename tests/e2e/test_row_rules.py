"""What the database itself refuses of a deal's row: each rule of check_escrows broken alone, all other sums still right."""

import re

import pytest

from harness.paths import ROOT
from test_parts import FEES, refusal

NONE = "'00000000-0000-0000-0000-000000000000'"
SOME = "'00000000-0000-0000-0000-000000000001'"
LONG = "repeat('x', 1001)"

RETURNED = "returned_minor = 1, held_minor = 2499, fee_deferred_minor = 91"
PIECES = "milestone_count = 2, milestones_hash = sha256('')"

# Of a deal of 25.00 that is held: price and buyer's fee of 92 were received.
BROKEN = (
    ("currency = 2", "escrow_price"),
    ("price_minor = 0", "escrow_price"),
    ("price_minor = 100000000", "escrow_price"),
    ("seller_id = buyer_id", "escrow_two_parties"),
    (f"arbiter_id = {SOME}", "escrow_arbiter"),
    ("arbiter_key = decode(repeat('00', 32), 'hex')", "escrow_arbiter"),
    (f"arbiter_id = {SOME}, arbiter_key = decode(repeat('00', 33), 'hex')", "escrow_arbiter"),
    ("arbiter_id = buyer_id, arbiter_key = decode(repeat('00', 32), 'hex')", "escrow_arbiter"),
    ("arbiter_id = seller_id, arbiter_key = decode(repeat('00', 32), 'hex')", "escrow_arbiter"),
    ("funding_seconds = 3599", "escrow_periods"),
    ("funding_seconds = 2592001", "escrow_periods"),
    ("delivery_seconds = 3599", "escrow_periods"),
    ("delivery_seconds = 7776001", "escrow_periods"),
    ("inspection_seconds = 86399", "escrow_periods"),
    ("inspection_seconds = 2592001", "escrow_periods"),
    ("buyer_fee_minor = buyer_fee_minor + 1", "escrow_buyer_fee"),
    ("buyer_fee_basis_points = 10001", "escrow_buyer_fee"),
    ("buyer_fee_fixed_minor = 1000001, buyer_fee_minor = 62 + 1000001", "escrow_buyer_fee"),
    ("buyer_fee_fixed_minor = -1, buyer_fee_minor = 61", "escrow_buyer_fee"),
    ("seller_fee_minor = seller_fee_minor + 1", "escrow_seller_fee"),
    ("seller_fee_basis_points = -1", "escrow_seller_fee"),
    ("seller_fee_fixed_minor = 2375, seller_fee_minor = 2500", "escrow_seller_fee"),  # nothing is left for the seller
    ("seller_account = ''", "escrow_texts"),
    ("seller_account = repeat('x', 256)", "escrow_texts"),
    (f"description = {LONG}", "escrow_texts"),
    ("version = 0", "escrow_versions"),
    ("seq = 0", "escrow_versions"),
    ("chain_head = '\\x00'", "escrow_versions"),
    ("state = 0", "escrow_state"),
    ("state = 17", "escrow_state"),
    ("milestone_count = 1, milestones_hash = sha256('')", "escrow_milestones"),
    ("milestone_count = 21, milestones_hash = sha256('')", "escrow_milestones"),
    ("milestone_count = -1, milestones_hash = sha256('')", "escrow_milestones"),
    ("milestone_count = 2", "escrow_milestones"),  # no hash
    ("milestones_hash = sha256('')", "escrow_milestones"),  # of nothing
    ("milestones_hash = '\\x00'", "escrow_milestones"),
    ("suspense_minor = -1, received_minor = received_minor - 1", "escrow_no_debt"),
    ("refund_failed_minor = -1", "escrow_no_debt"),
    ("payout_failed_minor = -1", "escrow_no_debt"),
    ("received_minor = received_minor + 1", "escrow_conservation"),
    ("suspense_minor = 1", "escrow_conservation"),
    ("refund_failed_minor = 1", "escrow_refund_failed"),
    # One cent of the price was given back, with the buyer's fee on it: 92 less 92 * 2499 / 2500.
    (f"{RETURNED}, refunded_minor = 2", "escrow_returned"),  # of a deal in one piece
    (f"{RETURNED}, {PIECES}, refunded_minor = 1, suspense_minor = 1", "escrow_back"),
    (f"returned_minor = 1, held_minor = 2499, {PIECES}, refunded_minor = 1", "escrow_fee_deferred"),  # the fee on it is still aside
    (f"{RETURNED}, {PIECES}, fee_minor = 1, refunded_minor = 1", "escrow_fee_earned"),  # it is not earned: it went back
    (f"returned_minor = -1, {PIECES}", "escrow_no_debt"),
    (f"payout_leg_id = {SOME}", "escrow_payout_leg"),
    (f"refund_leg_id = {SOME}", "escrow_refund_leg"),
    ("payment_setup_failed = true", "escrow_payment_setup"),
    ("split_count = -1", "escrow_split"),
    ("split_count = 51", "escrow_split"),
    ("split_seller_minor = 1", "escrow_split"),  # no offer is open
    ("split_by = marketplace_id, split_count = 1", "escrow_split"),  # it is nobody of the two
    ("split_by = buyer_id", "escrow_split"),  # none was ever made
    ("split_by = buyer_id, split_count = 1, split_seller_minor = 2501", "escrow_split"),
    ("split_by = buyer_id, split_count = 1, split_seller_minor = -1", "escrow_split"),
    ("deadline_seq = 0, deadline_at_us = 0", "escrow_clock"),
    ("deadline_seq = seq + 1", "escrow_clock"),
    ("deadline_at_us = 0", "escrow_clock"),
)
SOUND = (
    "description = repeat('x', 1000)",
    "milestone_count = 2, milestones_hash = sha256('')",
    f"{RETURNED}, {PIECES}, refunded_minor = 2",
    f"{RETURNED}, {PIECES}, due_buyer_minor = 2, refund_failed_minor = 2",
    "milestone_count = 20, milestones_hash = sha256('')",
    f"arbiter_id = {SOME}, arbiter_key = decode(repeat('00', 32), 'hex')",
    "split_by = buyer_id, split_count = 50, split_seller_minor = 2500",
    "suspense_minor = 1, received_minor = received_minor + 1",
    "due_buyer_minor = 7, refund_failed_minor = 7, received_minor = received_minor + 7",
)


@pytest.fixture(scope="module")
def held(running):
    return running.api.held_deal(**FEES)


def update(change, deal):
    return f"UPDATE escrow.escrow SET {change} WHERE id = '{deal.id}'"


def test_a_broken_row_is_refused(stack, held):
    for change, rule in BROKEN:
        said = refusal(stack, update(change, held))
        assert f'violates check constraint "{rule}"' in said, (change, said)
    for change in SOUND:
        assert refusal(stack, update(change, held)) == "nothing", change


def test_nobody_gets_around_it(stack, held):
    """Neither by an INSERT, nor hidden among sound rows, nor by switching triggers off for a session."""
    def copied(change):
        return ("CREATE TEMPORARY TABLE copy ON COMMIT DROP AS SELECT * FROM escrow.escrow, generate_series(1, 3) AS g"
                f" WHERE id = '{held.id}'; UPDATE copy SET id = gen_random_uuid();"
                f" UPDATE copy SET {change} WHERE g = 2; ALTER TABLE copy DROP COLUMN g;"
                " INSERT INTO escrow.escrow SELECT * FROM copy")
    assert refusal(stack, copied("seq = seq")) == "nothing"
    assert 'violates check constraint "escrow_held"' in refusal(stack, copied("held_minor = 2499, suspense_minor = 1"))
    assert 'violates check constraint "escrow_clock"' in refusal(
        stack, "SET session_replication_role = replica; " + update("deadline_at_us = 0", held))


def test_each_rule_was_broken():
    text = (ROOT / "migrations/escrow/0101_escrow.sql").read_text()
    rules = set(re.findall(r"\s+THEN '(escrow_\w+)'", text))
    parts = set(re.findall(r'"(escrow_\w+)"', (ROOT / "tests/e2e/test_parts.py").read_text()))
    assert rules == {rule for _, rule in BROKEN} | parts & rules
