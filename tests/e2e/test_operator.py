"""What an operator does while deals are under way: parked messages, publishing again, the verifier."""

import json

import kafka
import pytest

from harness import kafka_log
from harness.kafka_log import lane_of
from harness.waiting import wait_for


def publish(stack, topic, key, value):
    producer = kafka.KafkaProducer(bootstrap_servers=stack.servers.brokers)
    try:
        producer.send(topic, key=key.encode(), value=value, partition=lane_of(key)).get(10)
    finally:
        producer.close()


def parked(stack):
    return {(row["service"], row["key"]) for row in stack.operator.json("park", "list")["keys"]}


def test_a_poisoned_deal_waits_alone(stack):
    """Bytes that nobody can read park their deal; the others flow; a person drops them, and the deal goes on in order."""
    api = stack.api
    deal, other = api.deal(), api.deal()
    publish(stack, "escrow.commands.v1", deal.id, b"\xff\xfe not a message")
    wait_for(lambda: ("escrow", deal.id) in parked(stack), 15, "the parked deal")
    deal.pay()
    other.pay()
    other.wait("FUNDS_HELD")
    wait_for(lambda: len(stack.operator.json("park", "show", deal.id)["messages"]) >= 2, 15, "the news behind it")
    assert deal.view()["state"] == "AWAIT_FUNDS"
    retried = stack.operator.run("park", "retry", deal.id, "--requested-by", "ops")
    assert retried.returncode == 1, retried.stdout + retried.stderr  # it is as bad as before
    done = stack.operator.json("park", "drop", deal.id, "--requested-by", "ops")
    assert done["request"]["result"] == "done"
    deal.wait("FUNDS_HELD")
    assert ("escrow", deal.id) not in parked(stack)


def test_dropping_a_message_of_payments_needs_two(stack):
    deal = stack.api.deal()
    publish(stack, "payments.signals.v1", deal.id, b"\xff\xfe not a message")
    wait_for(lambda: ("payments", deal.id) in parked(stack), 15, "the parked deal")
    one = stack.operator.run("park", "drop", deal.id, "--requested-by", "ann")
    assert one.returncode == 2
    # The tool may be as old as it likes: the owner of the lane checks by itself.
    stack.servers.sql(
        "INSERT INTO payments.admin_request (id, lane, kind, key, topic, n, requested_by, approved_by, created_at_us, open, result, "
        "done_at_us) SELECT gen_random_uuid(), lane, 2, key, '', 0, 'ann', 'ann', 1, true, '', 0 "
        f"FROM payments.parked_key WHERE key = '{deal.id}'")
    wait_for(lambda: stack.servers.sql("SELECT 1 FROM payments.admin_request WHERE NOT open AND approved_by = 'ann' "
                                       "AND result LIKE 'engine.needs_two_people%'"), 15, "the refusal")
    stack.operator.json("park", "drop", deal.id, "--requested-by", "ann", "--approved-by", "bob")
    deal.pay()
    deal.wait("FUNDS_HELD")


def test_publishing_again_changes_nothing(stack):
    deal = stack.api.held_deal()
    lane, topic = lane_of(deal.id), "escrow.events.v1"
    before = kafka_log.read_topic(stack.servers.brokers, topic)[lane]
    stack.operator.json("bus", "republish", "--topic", topic, "--lane", str(lane), "--from", "1")

    def came_again():
        again = len({record[0] for record in before})  # each n once, however often it was there
        return len(kafka_log.read_topic(stack.servers.brokers, topic)[lane]) >= len(before) + again

    wait_for(came_again, 15, "the records being there again")
    deal.do("mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    assert deal.events() == ["EscrowCreated", "EscrowAwaitFunds", "EscrowFundsReceived", "EscrowFundsHeld",
                             "EscrowDelivered"]
    refused = stack.operator.run("bus", "republish", "--topic", topic, "--lane", str(lane), "--from", "1000000")
    assert refused.returncode == 1 and "engine.no_such_n" in refused.stderr


def test_webhooks_are_shown_and_replayed(stack):
    """From the bytes as they were signed, as often as somebody likes: what is known already changes nothing."""
    deal = stack.api.held_deal()
    listed = stack.verifier.json("webhooks", "list", "--escrow", deal.id)["webhooks"]
    paid = next(row for row in listed if row["type"] == "payment_intent.succeeded")
    assert paid["escrow_id"] == deal.id
    wait_for(lambda: stack.verifier.json("webhooks", "show", paid["event"])["webhook"]["outcome"] == "decided", 15, "the outcome")
    shown = stack.verifier.json("webhooks", "show", paid["event"])["webhook"]
    assert json.loads(shown["body"])["id"] == paid["event"] and shown["replays"] == 0
    events, effects = deal.events(), deal.effects()
    for _ in range(3):
        done = stack.operator.json("webhooks", "replay", paid["event"], "--requested-by", "ops", "--reason", "a try")
        assert done["request"]["result"] == "done"
        assert done["deal"] == {"escrow_id": deal.id, "changed": False}
    assert stack.verifier.json("webhooks", "show", paid["event"])["webhook"]["replays"] == 3
    deal.do("mark-delivered", "SELLER")
    deal.wait("DELIVERED")
    assert (deal.events()[:-1], deal.effects()) == (events, effects)
    assert stack.operator.run("webhooks", "replay", "evt_nobody").returncode == 4


def test_escrows_are_shown_as_they_are(stack):
    deal = stack.api.held_deal()
    shown = stack.operator.json("escrow", "show", deal.id)
    assert (shown["escrow"]["id"], shown["escrow"]["state"]) == (deal.id, "FUNDS_HELD")
    assert [(row["seq"], row["actor"]) for row in shown["transitions"]] == [
        (1, "marketplace"), (2, "system"), (3, "system"), (4, "system")]
    assert [(row["debit"], row["credit"]) for row in shown["transfers"]] == [
        ("PSP_CLEAR", "ESCROW_IN"), ("ESCROW_IN", "ESCROW_HELD")]
    listed = stack.operator.json("escrow", "list", "--state", "FUNDS_HELD", "--limit", "1000")["escrows"]
    assert deal.id in [row["id"] for row in listed]


@pytest.mark.parametrize("table,change,back", [
    ("transfer", "amount_minor = amount_minor + 1", "amount_minor = amount_minor - 1"),
    ("transfer", "credit = CASE credit WHEN 2 THEN 6 WHEN 3 THEN 5 END",
     "credit = CASE credit WHEN 6 THEN 2 WHEN 5 THEN 3 END"),
    ("transition", "at_us = at_us + 1", "at_us = at_us - 1"),
    ("escrow", "seller_account = 'acct_mine' || seller_account", "seller_account = substr(seller_account, 10)"),
])
def test_the_verifier_finds_what_was_changed(stack, table, change, back):
    deal = stack.api.held_deal()
    column = "id" if table == "escrow" else "escrow_id"

    def edit(how):
        guard = "" if table == "escrow" else f"ALTER TABLE escrow.{table} %s TRIGGER {table}_append_only; "
        stack.servers.sql("BEGIN; " + guard.replace("%s", "DISABLE")
                          + f"UPDATE escrow.{table} SET {how} WHERE {column} = '{deal.id}'; "
                          + guard.replace("%s", "ENABLE ALWAYS") + "COMMIT;")

    edit(change)
    try:
        verified = stack.verifier.json("ledger", "verify", code=1)
        assert not verified["verified"]["ok"]
        # Beside the escrow itself, the totals of all escrows may be off.
        assert {row["escrow_id"] for row in verified["findings"]} - {None} == {deal.id}
    finally:
        edit(back)
