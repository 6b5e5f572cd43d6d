"""What each service needs goes away and comes back: refused or waiting as promised, and everything goes on afterwards."""

import time
import uuid

import pytest

from harness.api import AMOUNT_MINOR, Deal
from harness.waiting import wait_for

BACKLOG_S = 60  # for so long commands are taken in while Kafka takes none
BACK_S = 60
ASK_EVERY_S = 1
AWAY_S = 3


def assert_alive(stack, ready=None):
    """Liveness depends on nothing outside; readiness of all is as told, where it is told."""
    for process in stack.processes.values():
        assert process.admin("/livez")[0] == 200, process.name
        if ready is not None:
            assert (process.admin("/readyz")[0] == 200) == ready, (process.name, process.admin("/readyz?verbose"))


def wait_all_ready(stack):
    for process in stack.processes.values():
        process.wait_ready(BACK_S)


@pytest.fixture
def servers(stack):
    """Whatever a test did to them, they run afterwards."""
    yield stack.servers
    stack.servers.thaw_all()
    stack.servers.start()
    wait_all_ready(stack)


def test_kafka_is_away(stack, servers):
    """What is asked for is kept and done when it is back; a webhook is answered as ever."""
    deal, unpaid = stack.api.held_deal(), stack.api.deal()
    servers.kill("kafka")
    answer = deal.act("mark-delivered", "SELLER")
    assert answer.status == 202, answer
    unpaid.pay()
    wait_for(lambda: stack.sandbox.counters()["webhooks"]["queued"] == 0, 15, "the webhook being answered")
    assert_alive(stack)
    assert stack.api.get(answer.headers["location"], "SELLER").json()["status"] == "pending"
    servers.start()
    deal.wait("DELIVERED", BACK_S)
    unpaid.wait("FUNDS_HELD", BACK_S)
    assert stack.api.outcome(answer, "SELLER") == ("accepted", None)


def test_kafka_hangs_for_long(stack, servers):
    """New commands are refused while none of the old ones gets through, and what was accepted is done all the same."""
    deal = stack.api.held_deal()
    servers.freeze("kafka")
    first = deal.act("mark-delivered", "SELLER")
    assert first.status == 202, first

    def refused():
        time.sleep(ASK_EVERY_S)  # each that is accepted is a deal that must be made in the end
        answer = stack.api.create()
        assert answer.status in (202, 503), answer
        return answer.status == 503 and answer

    answer = wait_for(refused, BACKLOG_S + 15, "the refusal")
    assert answer.json()["code"] == "intake.backlog"
    assert int(answer.headers["retry-after"]) > 0
    assert_alive(stack)
    assert stack.processes["gateway-1"].admin("/readyz")[0] == 503, "it has requests that wait"
    servers.thaw("kafka")
    deal.wait("DELIVERED", BACK_S)
    wait_for(lambda: stack.api.create().status == 202, BACK_S, "being taken in again")
    wait_all_ready(stack)


def test_postgres_is_away(stack, servers):
    """Nothing is accepted that is not durable; readiness tells; a repeated request is the same one."""
    deal = stack.api.held_deal()
    servers.kill("postgres")
    wait_for(lambda: stack.api.create().status == 503, 15, "the database being gone")  # its sessions end by themselves
    key = str(uuid.uuid4())
    answer = deal.act("mark-delivered", "SELLER", key=key)
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) > 0
    wait_for(lambda: all(process.admin("/readyz")[0] == 503 for process in stack.processes.values()), 15, "not ready")
    assert_alive(stack, ready=False)
    for name in ("gateway-1", "payments-1"):  # who starts now waits, and ends when told to
        early = stack.processes[name]
        early.kill()
        for again in (False, True):
            early.start()
            wait_for(lambda: early.admin("/livez"), 15, "a start without a database")
            if not again:
                early.child.terminate()
                assert early.wait_ended() == 0, early.tail()
    wait_for(lambda: stack.processes["gateway-1"].event("gateway.no_database"), 15, "waiting for the database")
    assert_alive(stack, ready=False)
    servers.start()
    wait_all_ready(stack)
    assert deal.act("mark-delivered", "SELLER", key=key).status == 202
    deal.wait("DELIVERED", BACK_S)
    assert deal.events().count("EscrowDelivered") == 1


@pytest.mark.parametrize("verb,role,path,under_way,done", [
    ("release", "BUYER", "/v1/transfers", "RELEASING", "RELEASED"), ("refund", "SELLER", "/v1/refunds", "REFUNDING", "REFUNDED")])
def test_the_provider_is_away_while_it_sends_money(stack, verb, role, path, under_way, done):
    """It hangs with the call, does it when it is back, and its answer is lost: asked again, it has done it once."""
    deal = stack.api.held_deal()
    deal.do("mark-delivered", "SELLER")
    stack.settle()
    before = stack.sandbox.counters()
    stack.sandbox.fault(path, "drop_answer", method="POST")
    stack.sandbox.process.freeze()
    try:
        deal.do(verb, role, {"reason": "sold out"} if verb == "refund" else None)
        deal.wait(under_way)
        wait_for(lambda: stack.open_calls("payments") > 0, BACK_S, "a call that is under way")
        time.sleep(AWAY_S)
        assert deal.view()["state"] == under_way
        assert_alive(stack, ready=True)
    finally:
        stack.sandbox.process.thaw()
    deal.wait(done, BACK_S)
    stack.settle()
    after = stack.sandbox.counters()
    assert after["faulted"] == before["faulted"] + 1
    assert after["replayed"] > before["replayed"]  # with its key: the provider's own limits are not what kept it from a second time
    sent = {"/v1/transfers": (0, 0), "/v1/refunds": (0, 0), path: (1, AMOUNT_MINOR)}
    effects = deal.effects()
    assert {"/v1/transfers": effects["transfers"], "/v1/refunds": effects["refunds"]} == sent


def test_the_provider_is_away(stack):
    """Deals that need it wait, and go on by themselves; nothing is done twice."""
    stack.sandbox.process.freeze()
    try:
        answer = stack.api.create()
        assert answer.status == 202, answer
        assert stack.api.outcome(answer, "MARKETPLACE") == ("accepted", None)
        assert_alive(stack, ready=True)
        path = f"/v1/escrows/{answer.json()['escrow_id']}"
        assert stack.api.get(path, "BUYER").json()["state"] == "CREATED"
    finally:
        stack.sandbox.process.thaw()
    wait_for(lambda: stack.api.get(path, "BUYER").json()["state"] == "AWAIT_FUNDS", BACK_S, "a way to pay")
    effects = stack.sandbox.effects(answer.json()["escrow_id"])
    assert effects["payment_intents"] == (1, AMOUNT_MINOR)


def is_open(process):
    answer = process.admin("/metrics")
    return answer is not None and "\nholdfast_effects_breaker 2" in answer[1]


def test_the_provider_answers_nothing_for_long(stack):
    """Calls wait while it answers nothing, and each payment is asked for once when it is back."""
    payments = [process for name, process in stack.processes.items() if name.startswith("payments-")]
    stack.sandbox.fault("/v1/", "drop_answer", when="before", count=1000000)
    try:
        deals = [Deal(stack.api, stack.api.create().json()["escrow_id"]) for _ in range(4)]
        wait_for(lambda: any(is_open(process) for process in payments), BACK_S, "the breaker opening")
        for deal in deals:
            deal.wait("CREATED")
    finally:
        stack.sandbox.end_faults("/v1/")
    for deal in deals:
        deal.wait_payable(2 * BACK_S)
        assert deal.effects()["payment_intents"] == (1, AMOUNT_MINOR)
    wait_for(lambda: stack.open_calls("payments") == 0, BACK_S, "no call being open")
    assert_alive(stack)
