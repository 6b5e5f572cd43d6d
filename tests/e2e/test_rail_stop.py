"""The switch of a rail: one person stops what pays out, two let it go on, and nothing is lost or paid twice meanwhile."""

import time

import pytest

from harness.api import AMOUNT_MINOR
from harness.waiting import PATIENCE_S, wait_for

STOP = ("rail", "stop", "stripe", "--requested-by", "ada", "--reason", "a test")
RELEASE = ("rail", "release", "stripe", "--requested-by", "ada", "--reason", "a test")


@pytest.fixture
def stopped(stack):
    assert stack.operator.json(*STOP)["request"]["result"] == "done"
    wait_for(lambda: off(stack) == 2, PATIENCE_S, "both replicas")
    yield stack
    stack.operator.json(*RELEASE, "--approved-by", "grace")


def off(stack):
    pages = [stack.processes[f"payments-{number}"].admin("/metrics")[1] for number in (1, 2)]
    return sum('\nholdfast_payments_switched_off{rail="stripe"} 1\n' in page for page in pages)


def test_nothing_goes_out_until_two_people_say_so(stopped):
    deal = stopped.api.held_deal()  # money in goes on
    deal.do("mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    deal.do("release", "BUYER")
    deal.wait("RELEASING")
    time.sleep(2)
    assert deal.effects()["transfers"] == (0, 0)
    for approver in ((), ("--approved-by", "ada")):
        refused = stopped.operator.run(*RELEASE, *approver)
        assert refused.returncode in (1, 2), refused
    assert off(stopped) == 2
    stopped.operator.json(*RELEASE, "--approved-by", "grace")
    deal.wait("RELEASED", 2 * PATIENCE_S)
    assert deal.effects()["transfers"] == (1, AMOUNT_MINOR)
    shown = stopped.verifier.json("rail", "show")["rails"]
    assert [(row["asked"], row["requested_by"]) for row in shown[:1]] == [("release", "ada")]


def test_there_is_no_other_switch(stack):
    refused = stack.operator.run("rail", "stop", "cash", "--requested-by", "ada", "--reason", "a test")
    assert refused.returncode == 1 and "engine.no_switch" in refused.stderr
