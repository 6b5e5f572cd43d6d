"""Connections that are cut between a question and its answer, while deals are under way (INV24): a COMMIT that happened and
one that did not look the same to who sent it, and so do records that Kafka has and has not. Either way everything happens
once. The proxies say that the faults were met; the other replica goes on undisturbed.
"""

import concurrent.futures
import urllib.parse

import pytest

from harness.api import AMOUNT_MINOR
from harness.client import Client
from harness.fault_proxy import FaultProxy

DEALS = 4  # of each fault, at once; when none of them is in a lane of the victim, more follow
ROUNDS_MAX = 5
FAULTS = ("cut-question", "cut-sent", "cut-answer")
SERVICES = ("escrow", "payments", "gateway")


@pytest.fixture(scope="module")
def proxies(running):
    database = urllib.parse.urlsplit(running.servers.super_url).port
    made = {"postgres": FaultProxy("postgres", database), "kafka": FaultProxy("kafka", running.servers.brokers.split(":")[1])}
    yield made
    for proxy in made.values():
        assert proxy.stop() == 0


@pytest.fixture(params=SERVICES)
def victim(request, stack, proxies):
    """The first replica, whose connections all go through the proxies; afterwards they do not any more."""
    process = stack.processes[f"{request.param}-1"]
    process.stop()
    process.start(DATABASE_URL=proxies["postgres"].instead(stack.servers.url(request.param)),
                  KAFKA_BROKERS=proxies["kafka"].instead(stack.servers.brokers)).wait_ready(60)
    stack.wait_balanced(request.param)
    yield process
    assert process.stop() == 0, process.tail()


def deals_until(condition, pool, api):
    """Whole deals, some at once, until the condition holds."""
    client = Client(api)
    done = []
    for _ in range(ROUNDS_MAX):
        done += [deal.result() for deal in [pool.submit(client.whole_deal) for _ in range(DEALS)]]
        if condition():
            return done
    raise AssertionError("a fault was not met")


def test_each_thing_happens_once(stack, proxies, victim):
    history = None
    with concurrent.futures.ThreadPoolExecutor(DEALS) as pool:
        for fault in FAULTS:
            before = {proxy: proxy.cuts() for proxy in proxies.values()}
            for proxy in before:
                proxy.set(fault, 3)
            for deal in deals_until(lambda: all(proxy.cuts() > cuts for proxy, cuts in before.items()), pool, stack.api):
                history = history or deal.events()
                assert deal.events() == history, fault
                assert deal.effects()["transfers"] == (1, AMOUNT_MINOR), fault
    assert victim.runs(), victim.tail()
    victim.wait_ready(30)
