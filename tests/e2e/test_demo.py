"""The demo itself: it must tell a right deal, and notice a wrong one."""

import os
import subprocess
import sys

from harness import paths


def run_demo(stack, *words, **changes):
    environment = {
        "PATH": os.environ["PATH"], "HOLDFAST_GATEWAY_URL": stack.api.by_number[1],
        "HOLDFAST_SANDBOX_URL": stack.sandbox.url, "HOLDFASTCTL": paths.program("holdfastctl"),
        "DATABASE_URL": stack.servers.url("verifier"),
    }
    for role in ("MARKETPLACE", "BUYER", "SELLER", "STAFF"):
        environment[f"HOLDFAST_{role}_TOKEN"] = stack.tokens[role]
        environment[f"HOLDFAST_{role}_ID"] = stack.ids[role]
    return subprocess.run([sys.executable, str(paths.ROOT / "tools" / "demo" / "demo.py"), *words],
                          env={**environment, **changes}, text=True, capture_output=True, check=False, timeout=120)


def test_it_pays_the_seller(stack):
    done = run_demo(stack)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("EscrowReleased", "PSP_CLEAR", "1 transfer of 125.00", "0 findings", "chain head", "was paid out to you"):
        assert word in done.stdout, (word, done.stdout)


def test_it_tells_of_a_dispute(stack):
    done = run_demo(stack, "dispute")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("EscrowDisputed", "ESCROW_DISP", "1 refund of 125.00", "0 findings", "was frozen", "refunded once"):
        assert word in done.stdout, (word, done.stdout)
    assert run_demo(stack, "nonsense").returncode == 2


def test_it_tells_of_parts(stack):
    done = run_demo(stack, "parts")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("EscrowPartiallyReleased", "EscrowPartPaid", "3 transfers of 125.00, 0 refund of 0.00", "0 findings", "The rest stayed"):
        assert word in done.stdout, (word, done.stdout)


def test_it_tells_of_milestones(stack):
    done = run_demo(stack, "milestones")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("PARTIALLY_SETTLED", "EscrowPartiallyReleased", "EscrowPartiallyRefunded", "EscrowRejected", "2 transfers of 95.00, 1 refund of 30.00",
                 "0 findings", "(milestone `The drawing`) was released", "(milestone `The enchantment`) was given back"):
        assert word in done.stdout, (word, done.stdout)


def test_it_tells_of_cards(stack):
    done = run_demo(stack, "card")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("EscrowPaymentFailed", "EscrowPartPaid", "1 transfer of 50.00, 1 refund of 75.00", "0 findings", "did not go through", "One card was declined"):
        assert word in done.stdout, (word, done.stdout)


def test_it_tells_of_a_split(stack):
    done = run_demo(stack, "split")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("EscrowSplitAgreed", "EscrowSettled", "1 transfer of 90.00, 1 refund of 35.00", "0 findings", "Each had his part"):
        assert word in done.stdout, (word, done.stdout)


def test_it_tells_of_late_money(stack):
    done = run_demo(stack, "late-money")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("EscrowFundsSuspended", "EscrowSuspenseRefunded", "SUSPENSE", "0 transfer of 0.00, 1 refund of 125.00", "0 findings"):
        assert word in done.stdout, (word, done.stdout)


def test_it_fails_when_the_deal_does(stack):
    done = run_demo(stack, HOLDFAST_BUYER_TOKEN=stack.tokens["STRANGER"])
    assert done.returncode == 1
    assert "demo: GET of the escrow answered 404" in done.stderr


def test_it_says_what_is_missing(stack):
    done = run_demo(stack, HOLDFAST_SANDBOX_URL="")
    assert done.returncode == 2
    assert "HOLDFAST_SANDBOX_URL" in done.stderr
