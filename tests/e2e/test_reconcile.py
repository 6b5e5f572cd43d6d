"""Our books, the provider's and the ledger: they agree where nothing went wrong, and each way to differ is found."""

import json
import re

import pytest

from harness.waiting import PATIENCE_S, wait_for

INVENTED_MINOR = 1234567  # of no deal


def run(stack, *words):
    """Compares them now; what of it is told."""
    stack.settle()
    untaken = "SELECT count(*) FROM payments.leg WHERE state = 3 AND id NOT IN (SELECT leg_id FROM payments.settled_leg)"
    wait_for(lambda: stack.servers.sql(untaken) == [["0"]], PATIENCE_S, "the clerks")
    done = stack.operator.run("reconcile", "run", "--requested-by", "ada", "--json", *words)
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert (done.returncode == 0) == (told["breaks"] == [] and told["ledger"] == [])
    assert (told["reconciliation"]["state"], told["reconciliation"]["asked_by"]) == ("done", "ada")
    return told


def causes(told, *deals):
    """Of these deals; other tests may have left their own."""
    ids = {deal.id for deal in deals}
    return sorted(row["cause"] for row in told["breaks"] if row["escrow_id"] in ids)


def released(api):
    deal = api.held_deal()
    deal.do("mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    deal.do("release", "BUYER")
    deal.wait("RELEASED")
    return deal


@pytest.fixture(scope="module")
def deals(running):
    refunded = running.api.held_deal()
    refunded.do("refund", "STAFF")
    refunded.wait("REFUNDED")
    return released(running.api), refunded


def test_books_that_agree(stack, deals, tmp_path):
    file = tmp_path / "report.json"
    told = run(stack, "--out", str(file))
    assert causes(told, *deals) == []
    assert [row for row in told["ledger"] if row["escrow_id"] in {deal.id for deal in deals}] == []
    assert json.loads(file.read_text()) == told
    assert told["reconciliation"]["lines"] >= 4
    ids = ", ".join(f"'{deal.id}'" for deal in deals)
    moved = stack.servers.sql(f"SELECT kind, moved_minor, matched FROM payments.settled_leg WHERE escrow_id IN ({ids}) ORDER BY 1, 2")
    assert moved == [["1", "2500", "t"], ["1", "2500", "t"], ["2", "-2500", "t"], ["3", "-2500", "t"]]
    lines = stack.servers.sql(
        "SELECT type, amount_minor, fee_minor FROM payments.balance_line WHERE leg_id IN "
        f"(SELECT id FROM payments.leg WHERE escrow_id IN ({ids})) ORDER BY 1, 2")
    assert lines == [["charge", "2500", "102"], ["charge", "2500", "102"], ["refund", "-2500", "0"], ["transfer", "-2500", "0"]]
    shown = stack.verifier.json("reconcile", "show", "--limit", "1")
    assert shown["reconciliations"][0]["n"] >= told["reconciliation"]["n"]


@pytest.mark.parametrize("what,kind,by,cause", [
    ("lose", "charge", 1, "missing_at_provider"),
    ("lose", "transfer", 1, "missing_at_provider"),
    ("amount", "charge", 1, "amount"),
    ("amount", "transfer", 1, "amount"),
    ("fee", "charge", 1000000, "fee"),
    ("fee", "transfer", 1, "fee"),
    ("currency", "charge", 1, "currency"),
])
def test_each_way_to_differ_is_found(stack, what, kind, by, cause):
    deal = released(stack.api)
    assert causes(run(stack), deal) == []
    stack.sandbox.balance(what, type=kind, escrow_id=deal.id, by=by)
    told = run(stack)
    assert causes(told, deal) == [cause]
    assert told["reconciliation"]["found"] >= 1
    if what == "lose":
        stack.sandbox.balance("restore", type=kind, escrow_id=deal.id)
        told = run(stack)
        assert causes(told, deal) == []
        assert told["reconciliation"]["healed"] >= 1


def test_what_nobody_here_did_is_found_and_told(stack):
    stack.sandbox.balance("invent", type="adjustment", by=INVENTED_MINOR)
    found = [row for row in run(stack)["breaks"] if row["found_minor"] == INVENTED_MINOR]
    assert [(row["cause"], row["escrow_id"]) for row in found] == [("missing_with_us", None)]
    pages = [stack.processes[name].admin("/metrics")[1] for name in stack.processes if name.startswith("payments")]
    shown = [int(number) for page in pages for number in
             re.findall(r'^holdfast_payments_reconciliation_breaks\{cause="missing_with_us"\} (\d+)$', page, re.M)]
    assert max(shown) >= 1  # at once where it was found, within 15 s by the others


def test_what_the_ledger_lacks_is_found(stack):
    """As if a payment had been told of and never booked: of the legs one cent more moved."""
    deal = released(stack.api)
    run(stack)
    change = (f"UPDATE payments.settled_leg SET moved_minor = moved_minor + 1, taken_at_us = taken_at_us - 10000000 "
              f"WHERE escrow_id = '{deal.id}' AND kind = 1")
    stack.servers.sql(f"{change} RETURNING 1")
    found = [row for row in run(stack)["ledger"] if row["escrow_id"] == deal.id]
    stack.servers.sql(f"{change.replace('+ 1,', '- 1,')} RETURNING 1")
    assert [(row["moved_minor"], row["ledger_minor"]) for row in found] == [(2501, 2500)]
    assert [row for row in run(stack)["ledger"] if row["escrow_id"] == deal.id] == []
