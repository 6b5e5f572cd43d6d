"""Secrets pushed into every entry come out nowhere: no log line (of debug level too), no error body, no topic, no metric.

A client secret is in the two topics that carry it to the buyer, and in the buyer's own stream. What a party types into a text of a deal is data, and kept; what
we know of a user is in one topic and in no log.
"""

import json
import random
import uuid

from harness import kafka_log, raw
from harness.events import Events
from harness.raw import bearer, request
from harness.sandbox import API_KEY, WEBHOOK_SECRET
from harness.stack import SERVICES
from harness.stripe import signature, stripe_event, webhook

CARD = "4000056655665556"
CONTENT = ("Content-Type", "application/json")
SNOWFLAKE = "123456789012345678"
# By the topology: who carries the client secret to the gateway, and what the provider said of the payment.
CARRIES_CLIENT_SECRET = {"payments.events.v1", "payments.signals.v1"}
# Other tests write to the one what they like, and dead letters keep the bytes as they came: only what comes from now on counts.
OTHERS_WROTE = ("escrow.commands.v1", "escrow.dlq.v1")


def posted(path, token, value, key):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return request("POST", path, [CONTENT, bearer(token), ("Idempotency-Key", key)], body)


def entries_about_users(api, user, secret):
    """As below, for the routes that make, link and show users."""
    key = str(uuid.uuid4())
    marketplace = api.tokens["MARKETPLACE"]
    ada = {"display_name": "Ada"}
    yield request("GET", f"/v1/users/{secret}", [bearer(marketplace)])
    yield posted("/v1/users", secret, ada, key)
    yield posted("/v1/users", marketplace, ada, f"{secret}!")
    yield posted("/v1/users", marketplace, secret.encode(), key)
    yield posted("/v1/users", marketplace, {**ada, "discord_id": f"{secret}!"}, key)
    yield posted("/v1/users", marketplace, {**ada, secret: secret}, key)
    yield posted("/v1/users", marketplace, {"display_name": f"{secret} {CARD}"}, key)
    yield posted("/v1/users", marketplace, {"display_name": f"{secret}\n"}, key)
    yield posted(f"/v1/users/{secret}/link-discord", marketplace, {"discord_id": SNOWFLAKE}, key)
    yield posted(f"/v1/users/{user}/link-discord", secret, {"discord_id": SNOWFLAKE}, key)
    yield posted(f"/v1/users/{user}/link-discord", marketplace, {"discord_id": f"{secret}!"}, key)
    yield posted(f"/v1/users/{user}/link-discord", marketplace, {"discord_id": SNOWFLAKE, secret: secret}, key)
    yield posted(f"/v1/users/{user}/link-discord", marketplace, secret.encode(), key)


def entries_of_streams(api, secret):
    buyer = bearer(api.tokens["BUYER"])
    yield request("GET", "/v1/events", [bearer(secret)])
    yield request("GET", f"/v1/events?escrow_id={secret}", [buyer])
    yield request("GET", f"/v1/events?{secret}=1&{secret}=2", [buyer])
    yield request("GET", f"/v1/events/{secret}", [buyer, ("Last-Event-ID", secret)])


def entries(api, secret):
    """Requests that carry the secret in each place that a client can fill; each must be refused."""
    key = ("Idempotency-Key", str(uuid.uuid4()))
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
    yield request("POST", "/v1/escrows", [CONTENT, marketplace, ("Idempotency-Key", f"{secret}!")],
                  json.dumps(terms).encode())
    yield request("POST", "/v1/escrows", [("Content-Type", secret), marketplace, key], b"{}")
    for name in ("buyer_id", "seller_id", "amount_minor", "currency", "inspection_seconds", secret):
        yield request("POST", "/v1/escrows", [CONTENT, marketplace, key], json.dumps({**terms, name: secret}).encode())
    yield request("POST", "/v1/escrows", [CONTENT, marketplace, key],
                  json.dumps({**terms, "seller_account": f"{secret}!"}).encode())
    yield request("POST", "/v1/escrows", [CONTENT, marketplace, key],
                  json.dumps({**terms, "description": f"{secret} {CARD}"}).encode())
    yield request("POST", "/v1/escrows", [CONTENT, marketplace, key], secret.encode())
    yield request("POST", "/v1/escrows", [CONTENT, marketplace, key], f'{{"{secret}'.encode())


def webhooks(secret):
    """(bytes, status)."""
    body = stripe_event(type=f"customer.{secret}", data={"object": {"id": secret, "number": secret}})
    yield webhook(body, secret), 400
    yield webhook(body, None), 400
    yield webhook(body, signature(body, secret=f"{secret}!")), 400
    yield webhook(body, signature(body)), 200


def known_user(api, person):
    """The id of a user of whom we know these, and tell nobody but who asks."""
    answer = api.post("/v1/users", "MARKETPLACE", person)
    assert api.outcome(answer, "MARKETPLACE") == ("accepted", None)
    return answer.json()["user_id"]


def test_secrets_stay_where_they_are(stack):
    api = stack.api
    before = {topic: {partition: len(records) for partition, records in kafka_log.read_topic(stack.servers.brokers, topic).items()}
              for topic in OTHERS_WROTE}
    deal = api.deal()
    person = {"display_name": f"Ada {uuid.uuid4().hex}", "discord_id": str(random.randrange(10**17, 10**18))}
    user = known_user(api, person)
    client_secret = deal.client_secret()
    guess = "hf_test_" + uuid.uuid4().hex + uuid.uuid4().hex
    secrets = {CARD, guess, WEBHOOK_SECRET, API_KEY, client_secret, *api.tokens.values()}
    pushed = [CARD, guess, WEBHOOK_SECRET, API_KEY, client_secret]
    bodies = []
    port = stack.add_gateway(LOG_LEVEL="debug", HTTP_RATE_PER_ADDRESS="0", HTTP_RATE_PER_TOKEN="0")
    talkative = stack.processes["gateway-limited"]
    streams = [Events(f"http://127.0.0.1:{port}", api.tokens[role], deal.id) for role in ("SELLER", "MARKETPLACE", "STAFF")]
    try:
        for secret in pushed:
            for data in (*entries(api, secret), *entries_about_users(api, user, secret), *entries_of_streams(api, secret)):
                answer = raw.exchange(port, data)
                assert 400 <= answer.status < 500, (data, answer)
                bodies.append(answer.body + repr(answer.headers).encode())
            for data, status in webhooks(secret):
                answer = raw.exchange(stack.http_ports["payments", 1], data)
                assert answer.status == status, (data, answer)
                bodies.append(answer.body)
        deal.pay()
        for stream in streams:  # all that happens to the deal, told to those who do not pay
            stream.deal(deal.id, "FUNDS_HELD")
            bodies.append(json.dumps(stream.seen).encode())
        stack.settle()
        assert talkative.event("http.answered"), "debug lines are written"
        _assert_absent(stack, secrets | set(person.values()), bodies)
        _assert_not_in_topics(stack, secrets, client_secret, before)
    finally:
        for stream in streams:
            stream.close()
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


def _assert_not_in_topics(stack, secrets, client_secret, before):
    """before: {topic: {partition: how many of its records do not count}}"""
    topics = stack.servers.sql(" UNION ".join(f"SELECT topic FROM {service}.{table}" for service in SERVICES
                                              for table in ("lane_in", "lane_out")))
    assert len(topics) >= 5
    assert "escrow.commands.v1" in {row[0] for row in topics}
    for topic in {row[0] for row in topics}:
        passed_on = secrets - {client_secret} if topic in CARRIES_CLIENT_SECRET else secrets
        for partition, records in kafka_log.read_topic(stack.servers.brokers, topic).items():
            for _, _, key, value in records[before.get(topic, {}).get(partition, 0):]:
                for secret in passed_on:
                    assert secret.encode() not in key.encode() + value, f"{topic} holds {secret}"
