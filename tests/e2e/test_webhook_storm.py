"""INV26 over real sockets: one webhook a thousand times from fifty connections has one effect, and each is told 200."""

import collections
import http.client
import json
import threading

from harness.api import AMOUNT_MINOR
from harness.stripe import signature, stripe_event
from harness.waiting import PATIENCE_S

CONNECTIONS = 50
EACH = 20


def storm(ports, body):
    """How often each status was answered."""
    statuses, lock = collections.Counter(), threading.Lock()
    ready = threading.Barrier(CONNECTIONS)

    def send(number):
        connection = http.client.HTTPConnection("127.0.0.1", ports[number % len(ports)], timeout=PATIENCE_S)
        ready.wait()
        for _ in range(EACH):
            headers = {"Content-Type": "application/json", "Stripe-Signature": signature(body)}
            connection.request("POST", "/webhooks/stripe", body, headers)
            answer = connection.getresponse()
            answer.read()
            with lock:
                statuses[answer.status] += 1
        connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_a_storm_of_one_webhook_is_one_payment(stack, api):
    deal = api.deal()
    api.sandbox.webhooks("withhold")
    try:
        deal.pay()
        intent = api.sandbox.get(f"/v1/payment_intents/{deal.view()['payment']['payment_intent']}").json()
        body = stripe_event(type="payment_intent.succeeded", data={"object": intent})
        ports = [port for (service, _), port in sorted(stack.http_ports.items()) if service == "payments"]
        assert storm(ports, body) == {200: CONNECTIONS * EACH}
        deal.wait("FUNDS_HELD")
        event = json.loads(body)["id"]
        assert stack.servers.sql(f"SELECT count(*) FROM payments.webhook WHERE event_id = '{event}'") == [["1"]]
    finally:
        api.sandbox.webhooks("release")
    stack.settle()
    assert deal.view()["balances"]["held_minor"] == AMOUNT_MINOR
    assert deal.events().count("EscrowFundsHeld") == 1
