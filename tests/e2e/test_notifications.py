"""What people are told: by events, once each, and whatever Discord does meanwhile."""

import contextlib
import re
import uuid

import pytest

from harness.api import AMOUNT_MINOR
from harness.parties import ORDINALS, Parties
from harness.sandbox import DISCORD
from harness.waiting import PATIENCE_S, wait_for

MESSAGES = f"{DISCORD}/channels"
TO_BUYER = ["was prepared", "was set aside", "marked as delivered", "was begun", "was paid out to the seller"]
TO_SELLER = ["The buyer's payment", "You can deliver", "marked as delivered", "was begun", "was paid out to you"]


@pytest.fixture
def parties(stack):
    made = Parties(stack)
    yield made
    stack.sandbox.end_faults(DISCORD)
    stack.sandbox.end_faults(MESSAGES)


def released_deal(api):
    deal = api.held_deal()
    deal.do("mark-delivered", "SELLER")
    deal.do("release", "BUYER")
    deal.wait("RELEASED")
    return deal


def check_heard(messages, sentences, deal):
    """Each once and in order, about this deal, mentioning nobody."""
    assert len(messages) == len(sentences), messages
    for message, sentence in zip(messages, sentences):
        assert sentence in message["content"]
        assert deal.id in message["content"]
        assert message["mentions_none"]
    assert len({message["nonce"] for message in messages}) == len(messages)


def check_all_heard(parties, deal, **wait):
    check_heard(parties.wait_heard("BUYER", len(TO_BUYER), **wait), TO_BUYER, deal)
    check_heard(parties.wait_heard("SELLER", len(TO_SELLER), **wait), TO_SELLER, deal)


def test_both_parties_are_told_once(parties):
    deal = released_deal(parties.api)
    check_all_heard(parties, deal)
    assert f"**{AMOUNT_MINOR // 100}.00 USD**" in parties.heard("SELLER")[1]["content"]
    rows = parties.wait_settled(deal.id, len(TO_BUYER) + len(TO_SELLER))
    assert {row["state"] for row in rows} == {"sent"}
    assert {row["message_id"] for row in rows} == {m["id"] for role in parties.discord for m in parties.heard(role)}


def test_words_of_others_stay_words(parties):
    parties.api.deal(description="`@everyone` **free** https://evil.example")
    told = parties.wait_heard("BUYER", 1)[0]
    assert "`'@everyone' **free** https://evil.example`" in told["content"]
    assert told["mentions_none"]


def test_cancelled_and_refunded(parties):
    deal = parties.api.deal()
    deal.do("cancel", "BUYER", {"reason": "changed my mind"})
    for role in ("BUYER", "SELLER"):
        assert "cancelled. Reason: `changed my mind`." in parties.wait_heard(role, 2)[1]["content"]
    deal = parties.api.held_deal()
    deal.do("refund", "SELLER", {"reason": "sold out"})
    last = parties.wait_heard("BUYER", 6)[-2:]
    assert ["was begun" in last[0]["content"], "was sent back to you" in last[1]["content"]] == [True, True]
    assert "was sent back to the buyer" in parties.wait_heard("SELLER", 6)[-1]["content"]


def test_a_refusal_is_told_to_nobody(parties):
    deal = parties.api.deal()
    answer = deal.act("release", "BUYER")
    assert parties.api.outcome(answer, "BUYER")[0] == "rejected"
    deal.do("cancel", "SELLER", {"reason": "x"})
    assert "cancelled" in parties.wait_heard("BUYER", 2)[1]["content"]
    assert len(parties.wait_settled(deal.id, 4)) == 4


def test_a_payout_that_fails_is_told_to_the_seller(parties):
    deal = parties.api.held_deal(seller_account="acct_failed")
    deal.do("mark-delivered", "SELLER")
    deal.do("release", "BUYER")
    failed = parties.wait_heard("SELLER", 5)[-1]["content"]
    assert "did not go through: `account_invalid`. The money stayed owed to you." in failed
    assert [("payout_failed", role) in parties.states("--escrow", deal.id) for role in ("buyer", "seller")] == [
        False, True]


def test_money_that_nobody_expects(parties):
    deal = parties.api.deal()
    deal.pay(amount=str(AMOUNT_MINOR - 1))
    heard = parties.wait_heard("BUYER", 3)
    assert "arrived that this deal did not expect" in heard[1]["content"]
    assert "was sent back to you" in heard[2]["content"]
    parties.wait_settled(deal.id, 4)
    assert len(parties.heard("SELLER")) == 1


def test_closed_doors_are_shown_and_left_alone(parties):
    parties.close_doors("BUYER")
    before = parties.sandbox.discord_counters()["invalid"]
    deal = parties.api.deal()
    parties.wait_heard("SELLER", 1)
    wait_for(lambda: parties.states("--escrow", deal.id).get(("payment_ready", "buyer")) == "closed", 20, "the closed door")
    row = parties.deliveries("--user", parties.ids["BUYER"])[0]
    assert (row["code"], row["message_id"]) == ("discord_50007", "")
    parties.open_doors()
    deal.pay()
    assert "was set aside" in parties.wait_heard("BUYER", 1)[0]["content"]
    assert parties.sandbox.discord_counters()["invalid"] == before + 1  # asked once, and not again
    assert len(parties.heard("BUYER")) == 1


def test_a_channel_that_is_gone_is_opened_once_more(parties):
    parties.sandbox.fault(MESSAGES, "status", when="before", status=404, code="10003", count=2)
    deal = parties.api.deal()
    rows = parties.wait_settled(deal.id, 2)
    assert sorted((row["state"], row["code"]) for row in rows) in (  # each met one, or one of them both
        [("sent", ""), ("sent", "")], [("failed", "discord_10003"), ("sent", "")])
    parties.sandbox.fault(MESSAGES, "status", when="before", status=404, code="10003", count=100000)
    deal.pay()
    rows = parties.wait_settled(deal.id, 4)
    assert {row["state"] for row in rows if row["notice"] == "funds_held"} == {"failed"}
    assert {row["code"] for row in rows if row["notice"] == "funds_held"} == {"discord_10003"}


def test_nobody_there_is_shown(stack, api):
    """Those who have no Discord account that we know of, registered or not."""
    deal = api.deal()
    deal.do("cancel", "BUYER", {"reason": "x"})

    def settled():
        rows = stack.operator.json("delivery", "list", "--escrow", deal.id)["deliveries"]
        return len(rows) == 4 and rows

    assert {row["state"] for row in wait_for(settled, 20, "the deliveries")} == {"no_channel"}


def test_linked_later(parties):
    """A person whose account becomes known later is told there where their deals stand, and hears from then on."""
    user = parties.register()
    api = parties.stack.api.speaking_as(
        {**parties.ids, "BUYER": user}, {**parties.api.tokens, "BUYER": parties.token(user)})
    deal, moved_on = api.deal(), api.held_deal()

    def unheard():
        rows = parties.deliveries("--user", user)
        return len(rows) == 3 and rows

    rows = wait_for(unheard, PATIENCE_S, "no channel")
    assert {(row["escrow_id"], row["notice"]): (row["state"], row["open"]) for row in rows} == {
        (deal.id, "payment_ready"): ("no_channel", True),
        (moved_on.id, "payment_ready"): ("no_channel", False),
        (moved_on.id, "funds_held"): ("no_channel", True)}
    new = str(next(ORDINALS))
    linked = api.post(f"/v1/users/{user}/link-discord", "MARKETPLACE", {"discord_id": new})
    assert api.outcome(linked, "MARKETPLACE") == ("accepted", None)
    rows = wait_for(lambda: parties.stack.servers.sql(
        f"SELECT discord_id FROM notifications.recipient WHERE user_id = '{user}' AND discord_id <> ''"), 20, "the link")
    assert rows == [[new]]
    told = wait_for(lambda: len(parties.sandbox.messages(new)) == 2 and parties.sandbox.messages(new), PATIENCE_S, "both deals")
    by_deal = {escrow: [m["content"] for m in told if escrow in m["content"]] for escrow in (deal.id, moved_on.id)}
    assert ["was prepared" in by_deal[deal.id][0], "was set aside" in by_deal[moved_on.id][0]] == [True, True]
    deal.pay()
    told = wait_for(lambda: len(parties.sandbox.messages(new)) == 3 and parties.sandbox.messages(new), PATIENCE_S, "the news")
    assert deal.id in told[2]["content"] and "was set aside" in told[2]["content"]
    states = {(row["escrow_id"], row["notice"]): row["state"] for row in parties.deliveries("--user", user)}
    assert states.pop((moved_on.id, "payment_ready")) == "no_channel"
    assert set(states.values()) == {"sent"}


def test_what_waits_goes_to_the_account_of_now(parties):
    """Discord is away, and a party is linked anew meanwhile: the account of before hears nothing more."""
    servers, user = parties.stack.servers, parties.ids["BUYER"]
    deal = parties.api.deal()
    parties.wait_heard("BUYER", 1)
    parties.sandbox.fault(MESSAGES, "status", when="before", status=503, count=100000)
    deal.pay()
    wait_for(lambda: servers.sql("SELECT id FROM notifications.effect "
                                 f"WHERE key = '{user}' AND open AND attempts > 1"), PATIENCE_S, "a call in vain")
    new = str(next(ORDINALS))
    linked = parties.api.post(f"/v1/users/{user}/link-discord", "MARKETPLACE", {"discord_id": new})
    assert parties.api.outcome(linked, "MARKETPLACE") == ("accepted", None)
    wait_for(lambda: servers.sql("SELECT id FROM notifications.effect "
                                 f"WHERE key = '{user}' AND last_answer = 'discord_relinked' AND NOT open"),
             PATIENCE_S, "the call that was given up")
    parties.sandbox.end_faults(MESSAGES)
    told = wait_for(lambda: parties.sandbox.messages(new), PATIENCE_S, "the message")
    assert ["was set aside" in message["content"] for message in told] == [True]
    assert len(parties.heard("BUYER")) == 1
    assert {row["state"] for row in parties.wait_settled(deal.id, 4)} == {"sent"}


def test_buckets_are_never_overrun(parties):
    """Discord says how many are left: so nobody has to be refused."""
    parties.sandbox.limit("channels", 0)  # its bucket is everybody's, and replicas do not know of each other
    parties.sandbox.limit("messages", 1, 700)
    before = parties.sandbox.discord_counters()
    try:
        deal = released_deal(parties.api)
        check_all_heard(parties, deal)
    finally:
        parties.sandbox.limit("channels", 10, 10000)
        parties.sandbox.limit("messages", 5, 5000)
    after = parties.sandbox.discord_counters()
    assert after["rate_limited"] == before["rate_limited"]
    assert after["requests"] - before["requests"] == len(TO_BUYER) + len(TO_SELLER) + 2  # and two channels


@pytest.mark.parametrize("code", ["", "global"])
def test_a_storm_of_refusals_is_sat_out(parties, code):
    before = parties.sandbox.discord_counters()
    parties.sandbox.fault(MESSAGES, "status", when="before", status=429, delay_ms=900, code=code, count=6)
    deal = released_deal(parties.api)
    check_all_heard(parties, deal)
    after = parties.sandbox.discord_counters()
    assert after["rate_limited"] - before["rate_limited"] == 6
    assert {row["state"] for row in parties.wait_settled(deal.id, 10)} == {"sent"}


@pytest.mark.parametrize("mode,fields", [
    ("status", {"when": "before", "status": 503}), ("drop_answer", {"when": "before"}),
])
def test_discord_is_away(parties, mode, fields):
    """Deals do not notice; everything arrives afterwards, once and in order."""
    parties.sandbox.fault(DISCORD, mode, count=100000, **fields)
    deal = released_deal(parties.api)
    assert parties.heard("BUYER") == parties.heard("SELLER") == []
    waiting = wait_for(lambda: len(parties.deliveries("--escrow", deal.id)) == 10 and parties.deliveries(
        "--escrow", deal.id), 20, "ten deliveries")
    assert {row["state"] for row in waiting} == {"waiting"}
    parties.sandbox.end_faults(DISCORD)
    check_all_heard(parties, deal, timeout_s=90)


@contextlib.contextmanager
def at_most_refused(stack, parties, count):
    """One replica is left, which keeps quiet for ten minutes after so many refusals. Afterwards they are over."""
    replicas = [stack.processes[f"notifications-{number}"] for number in (1, 2)]
    for process in replicas:
        assert process.stop() == 0
    try:
        yield replicas[0].start(DISCORD_REFUSED_MAX=str(count)).wait_ready(60)
    finally:
        parties.open_doors()
        replicas[0].stop()
        for process in replicas:
            process.start()
        for process in replicas:
            process.wait_ready(60)
        stack.pass_time(11 * 60)


def refusals(process):
    return int(re.search(r"^holdfast_effects_refusals (\d+)$", process.admin("/metrics")[1], re.MULTILINE)[1])


def test_refusals_are_few(stack, parties):
    """Discord shuts out who is refused too often. Long before that nobody is asked anything; nothing is lost by it."""
    before = parties.sandbox.discord_counters()["invalid"]
    with at_most_refused(stack, parties, 3) as replica:
        parties.close_doors()
        deal = released_deal(parties.api)
        wait_for(lambda: refusals(replica) >= 3, 20, "the third refusal")
        others = Parties(stack)  # their doors are open
        other = released_deal(others.api)
        assert others.heard("BUYER") == others.heard("SELLER") == []
        refused = parties.sandbox.discord_counters()["invalid"] - before
        assert refused == refusals(replica) < len(TO_BUYER) + len(TO_SELLER)
    check_all_heard(others, other)
    states = [row["state"] for row in parties.wait_settled(deal.id, len(TO_BUYER) + len(TO_SELLER))]
    assert (states.count("closed"), states.count("sent")) == (refused, len(states) - refused)


def test_lost_answers_say_nothing_twice(parties):
    before = parties.sandbox.discord_counters()["deduplicated"]
    parties.sandbox.fault(MESSAGES, "drop_answer", count=4)
    deal = released_deal(parties.api)
    check_all_heard(parties, deal, timeout_s=60)
    assert parties.sandbox.discord_counters()["deduplicated"] - before == 4


def test_numbers_are_shown(parties):
    deal = parties.api.deal()
    parties.wait_settled(deal.id, 2)
    pages = [parties.stack.processes[f"notifications-{number}"].admin("/metrics")[1] for number in (1, 2)]
    sent = sum(int(line.split()[1]) for page in pages for line in page.splitlines()
               if line.startswith('holdfast_notifications_deliveries_total{state="sent"}'))
    assert sent >= 2
    for name in ("holdfast_effects_rate_limited_total", "holdfast_effects_held_total",
                 "holdfast_engine_oldest_effect_seconds"):
        assert all(f"\n{name}" in page for page in pages), name


def test_nobody_else_is_listed(parties):
    parties.wait_settled(parties.api.deal().id, 2)
    rows = parties.deliveries("--user", parties.ids["BUYER"])
    assert {row["user_id"] for row in rows} == {parties.ids["BUYER"]}
    assert parties.deliveries("--escrow", str(uuid.uuid4())) == []
