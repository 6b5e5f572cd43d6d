"""Secrets pushed into every entry come out nowhere: no log line (of debug level too), no error body, no topic, no metric.

A client secret is in the two topics that carry it to the buyer. What a party types into a text of a deal is data, and kept.
"""

import json
import uuid

from harness import kafka_log, raw
from harness.raw import bearer, request
from harness.sandbox import API_KEY, WEBHOOK_SECRET
from harness.stack import SERVICES
from harness.stripe import signature, stripe_event, webhook

CARD = "4000056655665556"
# By the topology: who carries the client secret to the gateway, and what the provider said of the payment.
CARRIES_CLIENT_SECRET = {"payments.events.v1", "payments.signals.v1"}
# Other tests write to the one what they like, and dead letters keep the bytes as they came.
NOT_OURS = {"escrow.commands.v1", "escrow.dlq.v1"}


def entries(api, secret):
    """Requests that carry the secret in each place that a client can fill; each must be refused."""
    key = ("Idempotency-Key", str(uuid.uuid4()))
    content = ("Content-Type", "application/json")
    marketplace, buyer = bearer(api.tokens["MARKETPLACE"]), bearer(api.tokens["BUYER"])
    terms = api.terms()
    yield request("GET", f"/{secret}")
    yield request("GET", f"/v1/escrows/{secret}", [buyer])
    yield request("GET", f"/v1/commands/{secret}", [buyer])
    yield request("GET", f"/v1/escrows?cursor={secret}", [buyer])
    yield request("GET", f"/v1/escrows?limit={secret}", [buyer])
    yield request("GET", f"/v1/escrows?{secret}=1&{secret}=2", [buyer])
    yield request("GET", "/v1/escrows", [bearer(secret)])
    yield request("GET", "/v1/escrows", [("Authorization", f"Basic {secret}")])
    yield request("GET", "/nothing", [("X-Request-Id", secret), ("User-Agent", secret), ("Referer", secret),
                                      ("X-Forwarded-For", secret), ("Cookie", f"session={secret}"), (secret, secret)])
    yield request(secret.replace("_", "").upper(), "/v1/escrows")
    yield request("POST", "/v1/escrows", [content, marketplace, ("Idempotency-Key", f"{secret}!")],
                  json.dumps(terms).encode())
    yield request("POST", "/v1/escrows", [("Content-Type", secret), marketplace, key], b"{}")
    for name in ("buyer_id", "seller_id", "amount_minor", "currency", "inspection_seconds", secret):
        yield request("POST", "/v1/escrows", [content, marketplace, key], json.dumps({**terms, name: secret}).encode())
    yield request("POST", "/v1/escrows", [content, marketplace, key],
                  json.dumps({**terms, "seller_account": f"{secret}!"}).encode())
    yield request("POST", "/v1/escrows", [content, marketplace, key],
                  json.dumps({**terms, "description": f"{secret} {CARD}"}).encode())
    yield request("POST", "/v1/escrows", [content, marketplace, key], secret.encode())
    yield request("POST", "/v1/escrows", [content, marketplace, key], f'{{"{secret}'.encode())


def webhooks(secret):
    """(bytes, status)."""
    body = stripe_event(type=f"customer.{secret}", data={"object": {"id": secret, "number": secret}})
    yield webhook(body, secret), 400
    yield webhook(body, None), 400
    yield webhook(body, signature(body, secret=f"{secret}!")), 400
    yield webhook(body, signature(body)), 200


def test_secrets_stay_where_they_are(stack):
    api = stack.api
    deal = api.deal()
    client_secret = deal.client_secret()
    guess = "hf_test_" + uuid.uuid4().hex + uuid.uuid4().hex
    secrets = {CARD, guess, WEBHOOK_SECRET, API_KEY, client_secret, *api.tokens.values()}
    pushed = [CARD, guess, WEBHOOK_SECRET, API_KEY, client_secret]
    bodies = []
    port = stack.add_gateway(LOG_LEVEL="debug", HTTP_RATE_PER_ADDRESS="0", HTTP_RATE_PER_TOKEN="0")
    talkative = stack.processes["gateway-limited"]
    try:
        for secret in pushed:
            for data in entries(api, secret):
                answer = raw.exchange(port, data)
                assert 400 <= answer.status < 500, (data, answer)
                bodies.append(answer.body + repr(answer.headers).encode())
            for data, status in webhooks(secret):
                answer = raw.exchange(stack.http_ports["payments", 1], data)
                assert answer.status == status, (data, answer)
                bodies.append(answer.body)
        deal.pay()
        deal.wait("FUNDS_HELD")
        stack.settle()
        assert talkative.event("http.answered"), "debug lines are written"
        _assert_absent(stack, secrets, bodies)
        _assert_not_in_topics(stack, secrets, client_secret)
    finally:
        assert talkative.stop() == 0
        del stack.processes["gateway-limited"]


def _assert_absent(stack, secrets, bodies):
    for name, process in {**stack.processes, "sandbox": stack.sandbox.process}.items():
        with open(process.log_path, "rb") as log:
            text = log.read()
        assert text, name
        page = process.admin("/metrics")
        assert page and page[0] == 200, name
        for secret in secrets:
            assert secret.encode() not in text, f"{name} logs {secret}"
            assert secret not in page[1], f"{name} has a metric with {secret}"
    for body in bodies:
        for secret in secrets:
            assert secret.encode() not in body, body


def _assert_not_in_topics(stack, secrets, client_secret):
    topics = stack.servers.sql(" UNION ".join(f"SELECT topic FROM {service}.{table}" for service in SERVICES
                                              for table in ("lane_in", "lane_out")))
    assert len(topics) >= 5
    for topic in {row[0] for row in topics} - NOT_OURS:
        passed_on = secrets - {client_secret} if topic in CARRIES_CLIENT_SECRET else secrets
        for records in kafka_log.read_topic(stack.servers.brokers, topic).values():
            for _, _, key, value in records:
                for secret in passed_on:
                    assert secret.encode() not in key.encode() + value, f"{topic} holds {secret}"
