"""GET /v1/events with two gateways: any replica tells all of it, to whom it concerns and to nobody else (INV36)."""

import signal
import time

import pytest

from harness.events import Events, Refused
from harness.waiting import wait_for


@pytest.fixture
def follow(stack):
    """follow(role, replica, escrow_id=None) -> Events; closed at the end."""
    opened = []

    def open_one(role, replica, escrow_id=None):
        events = Events(stack.api.by_number[replica], stack.tokens[role], escrow_id)
        opened.append(events)
        return events

    yield open_one
    for events in opened:
        events.close()


def command_id(answer):
    assert answer.status == 202, answer
    return answer.json()["command_id"]


def test_posted_here_told_there(stack, api, follow):
    buyer = follow("BUYER", 2)
    seller = follow("SELLER", 1)
    for events in (buyer, seller):
        events.snapshot()
    api.prefer(1)
    deal = api.held_deal()
    assert buyer.deal(deal.id, "FUNDS_HELD")["balances"]["held_minor"] == 2500
    assert seller.deal(deal.id, "FUNDS_HELD")["payment"] is None  # how to pay is the buyer's alone
    delivered = command_id(deal.act("mark-delivered", "SELLER"))
    assert buyer.deal(deal.id, "DELIVERED")
    assert seller.command(delivered)["status"] == "accepted"
    released = command_id(deal.act("release", "BUYER"))
    assert buyer.command(released)["status"] == "accepted"
    assert seller.deal(deal.id, "RELEASED")["balances"]["paid_out_minor"] == 2500
    assert all(name != "command" or value["command_id"] != delivered for name, value in buyer.seen)


def test_a_refusal_is_told(api, follow):
    deal = api.deal()
    buyer = follow("BUYER", 2, deal.id)
    assert [each["id"] for each in buyer.snapshot()["escrows"]] == [deal.id]
    answer = deal.act("release", "BUYER")
    told = buyer.command(command_id(answer))
    assert told["status"] == "rejected"
    assert told["rejection"]["code"] == "escrow.wrong_state"


def test_the_snapshot_has_what_is_open_and_pending(stack, api, follow):
    deal = api.held_deal()
    # While escrow does not decide, the command stays what it is: pending.
    for number in (1, 2):
        stack.processes[f"escrow-{number}"].freeze()
    try:
        waiting = command_id(deal.act("mark-delivered", "SELLER"))
        snapshot = follow("SELLER", 2).snapshot()
        assert snapshot["caller"] == {"kind": "user", "id": stack.ids["SELLER"]}
        assert {"command_id": waiting, "status": "pending"}.items() <= snapshot["commands"][0].items()
        assert deal.id in [each["id"] for each in snapshot["escrows"]]
    finally:
        for number in (1, 2):
            stack.processes[f"escrow-{number}"].thaw()
    deal.wait("DELIVERED")


def test_strangers_and_staff(api, follow):
    deal = api.deal()
    stranger = follow("STRANGER", 1)
    assert stranger.snapshot()["escrows"] == []
    with pytest.raises(Refused) as refused:
        follow("STRANGER", 1, deal.id)
    assert (refused.value.status, refused.value.problem["code"]) == (404, "escrow.unknown")
    with pytest.raises(Refused) as refused:
        follow("STAFF", 2)
    assert (refused.value.status, refused.value.problem["code"]) == (400, "gateway.events_of_all")
    staff = follow("STAFF", 2, deal.id)
    staff.snapshot()
    other = api.deal()
    deal.pay()
    staff.deal(deal.id, "FUNDS_HELD")
    other.pay()
    other.wait("FUNDS_HELD")
    assert all(name != "deal" or value["id"] == deal.id for name, value in staff.seen)
    assert stranger.queue.empty()


def test_a_killed_replica(stack, api, follow):
    """The stream breaks; the other replica tells the truth at once, with what happened in between."""
    deal = api.held_deal()
    events = follow("BUYER", 1)
    events.snapshot()
    stack.processes["gateway-1"].kill()
    assert events.end() == "broken"
    api.prefer(2)
    deal.act("mark-delivered", "SELLER")
    again = follow("BUYER", 2, deal.id)
    state = again.snapshot()["escrows"][0]["state"]
    if state != "DELIVERED":
        again.deal(deal.id, "DELIVERED")
    stack.processes["gateway-1"].start()


def test_a_replica_that_is_asked_to_stop(stack, follow):
    """Streams are ended at once and in order, and do not hold the process up."""
    events = follow("BUYER", 1)
    events.snapshot()
    process = stack.processes["gateway-1"]
    began = time.monotonic()
    process.child.send_signal(signal.SIGTERM)
    assert events.end() == "ended"
    assert time.monotonic() - began < 5
    assert process.wait_ended() == 0
    process.start()


def test_one_caller_has_so_many_streams(stack, follow):
    for _ in range(8):
        follow("STRANGER", 1)
    with pytest.raises(Refused) as refused:
        follow("STRANGER", 1)
    assert (refused.value.status, refused.value.problem["code"]) == (429, "http.streams_of_caller")
    follow("SELLER", 1).snapshot()


def metric(process, name):
    status, page = process.admin("/metrics")
    assert status == 200
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith((name + " ", name + "{")))


def test_streams_are_counted(stack, api, follow):
    process = stack.processes["gateway-2"]
    wait_for(lambda: metric(process, "holdfast_live_streams") == 0, 10, "old streams being gone")
    events = follow("BUYER", 2)
    events.snapshot()
    assert metric(process, "holdfast_live_streams") == 1
    told = metric(process, "holdfast_live_events_total")
    late = metric(process, "holdfast_live_lag_seconds_count")
    deal = api.deal()
    events.deal(deal.id, "AWAIT_FUNDS")
    assert metric(process, "holdfast_live_events_total") > told
    assert metric(process, "holdfast_live_lag_seconds_count") > late
    events.close()
    wait_for(lambda: metric(process, "holdfast_live_streams") == 0, 10, "the stream being gone")
