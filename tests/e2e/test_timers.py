"""Deadlines from the outside: nobody does anything, and the deal goes on by itself. Days pass by the sandbox clock."""

import re
import time

import pytest

from harness.api import AMOUNT_MINOR
from harness.stack import THREADS
from harness.waiting import PATIENCE_S, wait_for

PAID = (1, AMOUNT_MINOR)
NOTHING = (0, 0)
HOUR = 3600
DAY = 86400


def notes(api, deal):
    answer = api.get(f"/v1/escrows/{deal.id}/timeline", "BUYER")
    return {entry["type"]: entry["note"] for entry in answer.json()["items"]}


def delivered_deal(api, **terms):
    deal = api.held_deal(**terms)
    deal.do("mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    return deal


def test_an_unpaid_deal_expires(stack, api):
    deal = api.deal(funding_seconds=HOUR)
    waiting = deal.view()
    assert waiting["funding_seconds"] == HOUR
    assert waiting["deadline"]["next_state"] == "EXPIRED"
    told = stack.verifier.json("escrow", "show", deal.id)["escrow"]
    assert (told["funding_seconds"], told["next_state"]) == (HOUR, "EXPIRED")
    assert told["deadline_at"] == waiting["deadline"]["at"]
    stack.pass_time(HOUR)
    expired = deal.wait("EXPIRED")
    assert expired["deadline"] is None
    wait_for(lambda: deal.events()[-2:] == ["EscrowExpired", "EscrowCancelled"], PATIENCE_S, "both events of the expiry")
    assert notes(api, deal)["EscrowCancelled"] == "TIMEOUT"
    stack.settle()
    effects = deal.effects()
    assert (effects["canceled"][0], effects["refunds"], effects["transfers"]) == (1, NOTHING, NOTHING)
    assert api.outcome(deal.act("cancel", "BUYER"), "BUYER") == ("rejected", "escrow.wrong_state")


def test_money_after_the_expiry_goes_back(stack, api):
    """The buyer paid in time, but the news of it came after the deal had expired: the order in the lane counts."""
    deal = api.deal(funding_seconds=HOUR)
    api.sandbox.webhooks("withhold")
    deal.pay()
    stack.pass_time(HOUR)
    deal.wait("EXPIRED")
    api.sandbox.webhooks("release")
    back = deal.wait_view(lambda now: now["balances"]["refunded_minor"] == AMOUNT_MINOR, "the refund")
    assert back["state"] == "EXPIRED"
    assert (back["balances"]["suspense_minor"], back["balances"]["held_minor"]) == (0, 0)
    assert deal.events()[-2:] == ["EscrowFundsSuspended", "EscrowSuspenseRefunded"]
    stack.settle()
    assert (deal.effects()["refunds"], deal.effects()["transfers"]) == (PAID, NOTHING)


def test_what_is_not_delivered_is_refunded(stack, api):
    deal = api.held_deal(delivery_seconds=2 * DAY)
    assert deal.view()["deadline"]["next_state"] == "REFUNDING"
    stack.pass_time(2 * DAY)
    deal.wait("REFUNDED")
    assert notes(api, deal)["EscrowRefundStarted"] == "NOT_DELIVERED"
    stack.settle()
    assert (deal.effects()["refunds"], deal.effects()["transfers"]) == (PAID, NOTHING)


def test_what_nobody_objects_to_is_released_after_seven_days(stack, api):
    deal = delivered_deal(api, inspection_seconds=7 * DAY)
    assert deal.view()["deadline"]["next_state"] == "RELEASING"
    began = time.monotonic()
    stack.pass_time(7 * DAY)
    deal.wait("RELEASED")
    print(f"released {time.monotonic() - began:.3f} s after seven days were let pass")
    assert notes(api, deal)["EscrowReleaseStarted"] == "INSPECTION_OVER"
    stack.settle()
    assert (deal.effects()["transfers"], deal.effects()["refunds"]) == (PAID, NOTHING)


def test_a_clock_that_was_stopped_does_nothing(stack, api):
    """Deals whose end came before their deadline stay what they are; a later one shows that the time did pass."""
    cancelled = api.deal(funding_seconds=HOUR)
    refunded = api.held_deal(delivery_seconds=HOUR)
    released = delivered_deal(api, inspection_seconds=DAY)
    waiting = delivered_deal(api, inspection_seconds=DAY)
    cancelled.do("cancel", "SELLER")
    refunded.do("refund", "SELLER")
    refunded.wait("REFUNDED")
    released.do("release", "BUYER")
    released.wait("RELEASED")
    stack.pass_time(DAY - HOUR)
    stack.settle()
    assert waiting.view()["state"] == "DELIVERED"  # an hour is left
    before = [deal.events() for deal in (cancelled, refunded, released)]
    stack.pass_time(HOUR)
    waiting.wait("RELEASED")
    stack.settle()
    assert [deal.events() for deal in (cancelled, refunded, released)] == before
    assert (released.effects()["transfers"], refunded.effects()["refunds"]) == (PAID, PAID)


def jump(stack, service, seconds):
    stack.servers.sql(f"UPDATE {service}.clock SET offset_us = offset_us + {seconds * 1_000_000}")


def lives_later(api, than):
    """Escrow reckons the deadlines of new deals from there on."""
    return lambda: api.deal(funding_seconds=HOUR).view()["deadline"]["at"] > than


def test_the_order_in_which_services_hear_of_the_time_does_not_matter(stack, api):
    """Each deadline is over by the clock of oracle, once, whether escrow lives in that time already or not yet."""
    ends = ("EXPIRED", "REFUNDED", "RELEASED")
    timelines = []
    for oracle_first in (True, False):
        deals = [api.deal(funding_seconds=HOUR), api.held_deal(delivery_seconds=HOUR),
                 delivered_deal(api, inspection_seconds=DAY)]
        if oracle_first:
            jump(stack, "oracle", DAY)
        else:
            jump(stack, "escrow", DAY)
            wait_for(lives_later(api, deals[2].view()["deadline"]["at"]), PATIENCE_S, "escrow living a day later")
            assert [deal.view()["state"] for deal in deals] == ["AWAIT_FUNDS", "FUNDS_HELD", "DELIVERED"]
            jump(stack, "oracle", DAY)
        for deal, state in zip(deals, ends, strict=True):
            deal.wait(state)
        stack.pass_time(1)  # the others follow
        stack.settle()
        timelines.append([deal.events() for deal in deals])
        assert [deal.effects()["refunds"] for deal in deals] == [NOTHING, PAID, NOTHING]
        assert [deal.effects()["transfers"] for deal in deals] == [NOTHING, NOTHING, PAID]
    assert timelines[0] == timelines[1]
    for events in timelines[0]:
        assert len(events) == len(set(events)), events


def set_clock_ahead(stack, seconds):
    """Of oracle's database, as when somebody sets its host's clock: no sandbox time, which all know of."""
    stack.servers.sql("CREATE OR REPLACE FUNCTION oracle.now_us() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT "
                      f"(extract(epoch FROM clock_timestamp()) * 1000000)::bigint + {seconds * 1_000_000} $$")


def test_a_wrong_clock_ends_no_deal(stack, api):
    """INV32: the deadline is over by oracle's database, and not by Kafka. Nothing ends, on-call is told, all else goes on;
    when the clock is right again the deadline is what it was."""
    oracles = [process for name, process in stack.processes.items() if name.startswith("oracle-")]

    def held(process):
        return len(re.findall(r"^holdfast_engine_timers_held\{.*\} 1$", process.admin("/metrics")[1], re.MULTILINE))

    deal = api.deal(funding_seconds=HOUR)
    stack.pass_time(3 * HOUR // 4)
    set_clock_ahead(stack, HOUR // 2)
    try:
        for process in oracles:
            wait_for(lambda of=process: held(of) == THREADS, PATIENCE_S, f"{process.name} holding its timers")
            told = wait_for(lambda of=process: of.event("engine.clock_apart"), PATIENCE_S, f"{process.name} telling")
            assert abs(told["apart_ms"] - HOUR * 500) < 60_000
            assert (process.admin("/livez")[0], process.admin("/readyz")[0]) == (200, 503)
        other = api.held_deal(funding_seconds=HOUR)
        wait_for(lambda: stack.servers.sql(f"SELECT 1 FROM oracle.timer WHERE key = '{other.id}' AND kind = 2 AND open"),
                 PATIENCE_S, "oracle setting the next deadline of another deal")
        assert deal.view()["state"] == "AWAIT_FUNDS"
    finally:
        set_clock_ahead(stack, 0)
    for process in oracles:
        process.wait_ready(PATIENCE_S)
        assert process.event("engine.clock_agrees")
    assert deal.view()["state"] == "AWAIT_FUNDS"
    stack.pass_time(HOUR // 4)
    deal.wait("EXPIRED")
    assert other.view()["state"] == "FUNDS_HELD"


def test_the_other_replica_fires(stack, api):
    """Half of oracle and half of escrow are dead when the time is over: each deal still ends once."""
    deals = [delivered_deal(api, inspection_seconds=DAY) for _ in range(6)]
    for service in ("oracle", "escrow"):
        stack.processes[f"{service}-1"].kill()
    stack.pass_time(DAY)
    for deal in deals:
        deal.wait("RELEASED")
    stack.settle()
    for deal in deals:
        assert deal.events().count("EscrowReleaseStarted") == 1
        assert (deal.effects()["transfers"], deal.effects()["refunds"]) == (PAID, NOTHING)


def test_periods_that_are_not_given_have_defaults(api):
    terms = {name: value for name, value in api.terms().items() if not name.endswith("_seconds")}
    answer = api.post("/v1/escrows", "MARKETPLACE", terms)
    assert api.outcome(answer, "MARKETPLACE") == ("accepted", None)
    view = api.get(f"/v1/escrows/{answer.json()['escrow_id']}", "BUYER").json()
    assert (view["funding_seconds"], view["delivery_seconds"], view["inspection_seconds"]) == (72 * HOUR, 48 * HOUR, 7 * DAY)


@pytest.mark.parametrize("field, low, high", [
    ("funding_seconds", HOUR, 30 * DAY), ("delivery_seconds", HOUR, 90 * DAY), ("inspection_seconds", DAY, 30 * DAY)])
def test_periods_have_bounds(api, field, low, high):
    for seconds in (low - 1, high + 1, 0, -1):
        answer = api.create(**{field: seconds})
        assert answer.status == 422, answer
        assert answer.json()["field"] == f"/{field}"
    for seconds in (low, high):
        assert api.deal(**{field: seconds}).view()[field] == seconds
