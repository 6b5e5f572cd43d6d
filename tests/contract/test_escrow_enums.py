"""Escrow's numbers and names are told in four places: C, proto, SQL, and what payments accepts. They must agree.

The C side is read from services/escrow/golden/escrow_table.txt, which a unit test compares with the code.
"""

import re

import pytest
import sources
from sources import ROOT, oneof, proto, snake
from sources import proto_enum as enum

GOLDEN = sources.read("services/escrow/golden/escrow_table.txt")
MIGRATION = sources.schema("escrow")
# What check_escrows refuses, by the rule's name.
PIECES = re.split(r"\s+THEN '(escrow_\w+)'", MIGRATION[MIGRATION.index("CREATE FUNCTION check_escrows"):])
RULES = dict(zip(PIECES[1::2], PIECES[0::2], strict=False))


def golden_numbers(what):
    return {int(number): name for number, name in re.findall(rf"^{what} (\d+) (\w+)", GOLDEN, re.M)}


def golden_names(what):
    names = re.findall(rf"^{what} (\w+)$", GOLDEN, re.M)
    assert names, f"no {what} in the golden table"
    return set(names)


def column_check(table, column):
    return sources.column_check(MIGRATION, table, column)


def body_cases(service, pattern, message):
    """The oneof members that a service's sources name, without NOT_SET."""
    found = set()
    for path in sorted((ROOT / "services" / service).glob(pattern)):
        found |= set(re.findall(rf"{message}__BODY_([A-Z][A-Z_]*)", path.read_text()))
    return found


def escrow_cases(file, message):
    """As body_cases, for escrow's files, which name the members by a macro."""
    text = (ROOT / "services/escrow" / file).read_text()
    assert re.search(rf"#define CASE\(name\) \w+__{message}__BODY_##name", text)
    return set(re.findall(r"CASE\(([A-Z][A-Z_]*)\)", text))


EVENTS = proto("escrow/v1/events.proto")
COMMANDS = proto("escrow/v1/commands.proto")
PAYMENTS_COMMANDS = proto("payments/v1/commands.proto")
PAYMENTS_EVENTS = proto("payments/v1/events.proto")
ORACLE_COMMANDS = proto("oracle/v1/commands.proto")
ORACLE_EVENTS = proto("oracle/v1/events.proto")


def test_states_are_the_same_in_c_proto_and_sql():
    states = golden_numbers("state")
    assert len(states) == 16
    assert enum(EVENTS, "EscrowState", "ESCROW_STATE_") == states
    assert f"WHEN state NOT BETWEEN {min(states)} AND {max(states)}" in RULES["escrow_state"]
    assert column_check("transition", "to_state") == set(states)
    assert column_check("transition", "from_state") == set(states) | {0}


def test_final_states_are_the_designed_ones():
    assert set(re.findall(r"^state \d+ (\w+) final$", GOLDEN, re.M)) == {
        "RELEASED", "REFUNDED", "CANCELLED", "EXPIRED", "SETTLED_SPLIT"}


def test_events_are_the_same_in_c_proto_and_sql():
    events = golden_numbers("event")
    bodies = oneof(EVENTS, "EscrowEvent")
    assert bodies.pop(max(bodies)) == "CommandRejected"
    first = min(bodies)
    assert {number - first + 1: name for number, name in bodies.items()} == events
    assert column_check("transition", "event") == set(events)


def test_accounts_are_the_same_in_c_and_sql():
    accounts = golden_numbers("account")
    assert list(accounts.values()) == ["PSP_CLEAR", "ESCROW_IN", "ESCROW_HELD", "DUE_SELLER", "DUE_BUYER", "SUSPENSE",
                                       "ESCROW_DISP", "FEE_DEFERRED", "FEE_INC"]
    assert column_check("transfer", "debit") == set(accounts)
    assert column_check("transfer", "credit") == set(accounts)


def test_suspense_states_are_the_same_in_c_and_sql():
    count = int(re.search(r"^suspense_states (\d+)$", GOLDEN, re.M).group(1))
    assert column_check("suspense", "state") == set(range(1, count + 1))


def test_disputes_are_the_same_in_c_and_sql():
    states, most = (int(re.search(rf"^{name} (\d+)$", GOLDEN, re.M).group(1)) for name in ("dispute_states", "disputes_max"))
    assert column_check("dispute", "state") == set(range(1, states + 1))
    assert column_check("dispute", "number") == set(range(1, most + 1))
    raised = {number for number, name in golden_numbers("state").items()
              if re.search(rf"^{name} +RaiseDispute +BUYER +accept", GOLDEN, re.M)}
    assert column_check("dispute", "before") == raised


def test_parts_are_the_same_in_c_and_sql():
    states, most = (int(re.search(rf"^{name} (\d+)$", GOLDEN, re.M).group(1)) for name in ("part_states", "parts_max"))
    assert column_check("part", "state") == set(range(1, states + 1))
    assert column_check("part", "number") == set(range(1, most + 1))


def test_milestones_are_the_same_in_c_proto_and_sql():
    states = golden_numbers("milestone_state")
    assert enum(EVENTS, "MilestoneState", "MILESTONE_STATE_") == states
    assert column_check("milestone", "state") == set(states)
    least, most = map(int, re.search(r"^milestones (\d+) (\d+)$", GOLDEN, re.M).groups())
    assert column_check("milestone", "number") == set(range(1, most + 1))
    assert column_check("transition", "milestone") == set(range(most + 1))
    assert f"milestone_count NOT BETWEEN {least} AND {most}" in RULES["escrow_milestones"]


def test_offers_to_divide_are_the_same_in_c_and_sql():
    most = int(re.search(r"^splits_max (\d+)$", GOLDEN, re.M).group(1))
    assert f"WHEN split_count NOT BETWEEN 0 AND {most} " in RULES["escrow_split"]


@pytest.mark.parametrize("column", ["price_minor", "funding_seconds", "delivery_seconds", "inspection_seconds",
                                    "buyer_fee_basis_points", "buyer_fee_fixed_minor",
                                    "seller_fee_basis_points", "seller_fee_fixed_minor"])
def test_bounds_are_the_same_in_c_and_sql(column):
    low, high = re.search(rf"^{column} (\d+) (\d+)$", GOLDEN, re.M).groups()
    told = re.findall(rf"\b{column} NOT BETWEEN (\d+) AND (\d+)", MIGRATION)
    assert told == [(low, high)]


def test_currencies_and_actors_are_those_of_sql():
    meta = proto("common/v1/meta.proto")
    (currency,) = enum(meta, "Currency", "CURRENCY_")
    assert f"WHEN currency <> {currency} " in RULES["escrow_price"]
    assert column_check("transition", "actor_kind") == set(enum(meta, "ActorKind", "ACTOR_KIND_"))


def test_every_command_of_the_topic_is_decoded_and_decided():
    asked = set(oneof(COMMANDS, "EscrowCommand").values())
    assert golden_names("command") == asked
    decoded = escrow_cases("escrow_in_commands.c", "ESCROW_COMMAND")
    assert decoded == {snake(name) for name in asked}


def test_escrow_asks_exactly_what_payments_does():
    asked = golden_names("request")
    assert asked == set(oneof(PAYMENTS_COMMANDS, "PaymentsCommand").values())
    sent = escrow_cases("escrow_out_payments.c", "PAYMENTS_COMMAND")
    accepted = body_cases("payments", "payments_in_commands.c", "PAYMENTS_COMMAND")
    names = {snake(name) for name in asked}
    assert sent - names == set(), "sent, but not in the table"
    assert accepted - names == set(), "accepted, but never asked"
    assert names - sent == set(), "in the table, but never sent"
    assert names - accepted == set(), "asked, but not accepted by payments"


def test_payments_reports_exactly_what_escrow_understands():
    news = golden_names("news")
    assert news == set(oneof(PAYMENTS_EVENTS, "PaymentsEvent").values())
    understood = escrow_cases("escrow_in_payments.c", "PAYMENTS_EVENT")
    reported = body_cases("payments", "payments_out_events.c", "PAYMENTS_EVENT")
    names = {snake(name) for name in news}
    assert reported - understood == set(), "reported, but not understood by escrow"
    assert understood - reported == set(), "understood, but never reported"
    assert understood == names


def test_timers_are_the_same_in_c_and_proto():
    assert enum(ORACLE_COMMANDS, "TimerKind", "TIMER_KIND_") == golden_numbers("timer")


def test_a_clock_runs_in_the_same_states_in_c_and_sql():
    """In the printed table these are the states that a firing can end."""
    ends = set(re.findall(r"^(\w+) +TimerFired +\w+ +accept", GOLDEN, re.M))
    numbers = {number for number, name in golden_numbers("state").items() if name in ends}
    listed = re.search(r"WHEN NOT CASE WHEN state IN \(([\d, ]+)\)\s+THEN deadline_seq", RULES["escrow_clock"])
    assert {int(number) for number in listed.group(1).split(",")} == numbers
    assert len(numbers) == len(golden_numbers("timer")) + 1  # PARTIALLY_SETTLED has that of FUNDS_HELD


def test_escrow_orders_what_oracle_does_and_understands_what_it_reports():
    orders = {snake(name) for name in oneof(ORACLE_COMMANDS, "OracleCommand").values()}
    assert escrow_cases("escrow_out_timers.c", "ORACLE_COMMAND") == orders
    assert body_cases("oracle", "oracle_in_commands.c", "ORACLE_COMMAND") == orders
    reports = set(oneof(ORACLE_EVENTS, "OracleEvent").values())
    assert golden_names("firing") == reports
    assert escrow_cases("escrow_in_oracle.c", "ORACLE_EVENT") == {snake(name) for name in reports}
    assert body_cases("oracle", "oracle_out_events.c", "ORACLE_EVENT") == {snake(name) for name in reports}


def test_every_state_is_in_the_printed_table():
    for name in golden_numbers("state").values():
        for message in golden_names("command") | golden_names("news") | golden_names("firing"):
            assert re.search(rf"^{name} +{message} ", GOLDEN, re.M), f"no cell {name} x {message}"
