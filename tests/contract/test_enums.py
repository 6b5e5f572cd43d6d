"""The engine's, payments' and gateway's numbers are told in C, proto and SQL; they must agree. Escrow has its own file."""

import re

import pytest
from sources import ROOT, block, c_code, c_enum, column_check, oneof, proto, proto_enum, read, schema, snake, table, without

ENGINE_SQL = read("migrations/engine/0001_engine.sql")
PAYMENTS_SQL = read("migrations/payments/0101_payments.sql")
GATEWAY_SQL = schema("gateway")
META = proto("common/v1/meta.proto")
EVENTS = proto("payments/v1/events.proto")
COMMANDS = proto("payments/v1/commands.proto")
ESCROW_EVENTS = proto("escrow/v1/events.proto")

ACTORS = without("ENGINE_ACTOR_", c_enum("libs/engine/engine.h", "engine_actor_kind"))
CURRENCIES = without("CURRENCY_", c_enum("libs/base/money.h", "currency"))

DECIDE = "services/payments/payments_decide.h"
LEG_KINDS = without("LEG_", c_enum(DECIDE, "leg_kind"))
LEG_STATES = without("LEG_", c_enum(DECIDE, "leg_state"))
LEG_TABLE = re.sub(r"--[^\n]*", "", table(PAYMENTS_SQL, "leg"))


def numbers_of(names, numbers):
    """The numbers of some names."""
    found = {number for number, name in numbers.items() if name in names}
    assert len(found) == len(names)
    return found


# ---- Common: what every record carries ----


def test_actors_are_the_same_in_c_and_proto():
    assert ACTORS == proto_enum(META, "ActorKind", "ACTOR_KIND_")


def test_currencies_are_the_same_in_c_and_proto():
    assert CURRENCIES == proto_enum(META, "Currency", "CURRENCY_")


# ---- The engine's tables, which every service has ----


def test_intake_outcomes_are_the_same_in_c_and_sql():
    outcomes = without("INTAKE_", c_enum("libs/engine/engine.h", "intake_outcome"))
    assert outcomes == {1: "ACCEPTED", 2: "REJECTED"}
    assert column_check(ENGINE_SQL, "intake", "outcome") == set(outcomes) | {0}
    assert "CHECK (open = (outcome = 0))" in table(ENGINE_SQL, "intake")


def test_effect_states_are_the_same_in_c_and_sql():
    states = without("EFFECT_", c_enum("libs/engine/engine.h", "effect_state"))
    assert column_check(ENGINE_SQL, "effect", "state") == set(states)
    still_open = re.search(r"CHECK \(open = \(state IN \(([\d, ]+)\)\)\)", table(ENGINE_SQL, "effect")).group(1)
    assert {int(n) for n in still_open.split(",")} == numbers_of({"WAITING", "SENDING", "UNKNOWN"}, states)


def test_parked_messages_are_the_same_in_c_and_sql():
    parked = read("migrations/engine/0005_parked_sources.sql")
    verdicts = without("ENGINE_VERDICT_", c_enum("libs/engine/engine.h", "engine_verdict"))
    certain = sorted(numbers_of({"DONE", "FAILED"}, verdicts))
    assert f"verdict IN (0, {certain[0]}, {certain[1]})" in parked
    words = re.findall(r'#define ENGINE_SOURCE_\w+ STR\("(\w+)"\)(?! /\* of lane_probe alone)', read("libs/engine/engine_tables.h"))
    assert words == re.findall(r"^  WHEN '(\w+)'", parked, re.MULTILINE) and len(words) == 2


def test_admin_requests_are_the_same_in_c_sql_and_holdfastctl():
    kinds = without("ADMIN_", c_enum("libs/engine/engine_tables.h", "admin_kind"))
    assert column_check(ENGINE_SQL, "admin_request", "kind") == set(kinds)
    verdicts = without("ENGINE_VERDICT_", c_enum("libs/engine/engine.h", "engine_verdict"))
    assert column_check(ENGINE_SQL, "admin_request", "verdict") == numbers_of({"DONE", "FAILED"}, verdicts) | {0}
    asked = without("CTL_REQUEST_", c_enum("tools/holdfastctl/ctl_request.h", "ctl_request_kind"))
    assert set(asked) == set(kinds)
    assert all(kinds[number].endswith(name) for number, name in asked.items())


def test_lanes_are_the_same_in_c_sql_and_topology():
    lanes = int(re.search(r"#define LANES (\d+)", c_code("libs/base/lane.h")).group(1))
    assert f"CHECK (p >= 0 AND p < {lanes})" in table(ENGINE_SQL, "lane")
    assert f"generate_series(0, {lanes - 1})" in ENGINE_SQL
    assert re.search(rf"^partitions: {lanes}$", read("topology.yaml"), re.M)


def test_the_largest_record_is_the_same_in_c_and_sql():
    factors = re.search(r"#define BUS_VALUE_MAX_BYTES \(\(size_t\)(\d+) \* (\d+)\)", c_code("libs/engine/bus.h"))
    limit = int(factors.group(1)) * int(factors.group(2))
    for name in ("outbox", "intake"):
        assert f"CHECK (octet_length(payload) <= {limit})" in table(ENGINE_SQL, name)


# ---- Payments ----


@pytest.mark.parametrize(
    "column, numbers",
    [
        ("kind", LEG_KINDS),
        ("state", LEG_STATES),
        ("rail", c_enum(DECIDE, "leg_rail")),
        ("currency", CURRENCIES),
    ],
)
def test_what_a_leg_is_is_the_same_in_c_and_sql(column, numbers):
    assert column_check(PAYMENTS_SQL, "leg", column) == set(numbers)


def test_the_rules_across_columns_speak_of_the_same_numbers():
    (money_in,) = numbers_of({"IN"}, LEG_KINDS)
    (transfer,) = numbers_of({"TRANSFER"}, LEG_KINDS)
    (done,) = numbers_of({"DONE"}, LEG_STATES)
    (canceled,) = numbers_of({"CANCELED"}, LEG_STATES)
    assert f"CHECK ((received_minor > 0) = (kind = {money_in} AND state = {done}))" in LEG_TABLE
    assert f"CHECK ((destination <> '') = (kind = {transfer}))" in LEG_TABLE
    assert f"CHECK (state <> {canceled} OR kind = {money_in})" in LEG_TABLE
    asked, opened = numbers_of({"ASKED", "OPEN"}, LEG_STATES)
    assert f"CHECK (look_at_us = 0 OR state IN ({asked}, {opened}))" in LEG_TABLE
    assert len(re.findall(r"\b(?:kind|state)\b", LEG_TABLE)) == 10, "a rule that this test does not know"


def test_webhook_dispositions_are_the_same_in_c_and_sql():
    dispositions = c_enum("services/payments/payments_stripe_event.h", "stripe_disposition")
    assert column_check(PAYMENTS_SQL, "webhook", "disposition") == set(dispositions)


def test_causes_of_breaks_are_the_same_in_c_and_sql():
    causes = without("PAYMENTS_BREAK_", c_enum("services/payments/payments_balance.h", "payments_break_cause"))
    made = read("migrations/payments/0110_reconciliation.sql")
    assert column_check(made, "reconciliation_break", "cause") == set(causes)
    words = re.search(r"Causes: (.*?)\.\n", read("services/payments/sql/reconcile_judge.sql").replace("\n-- us", " us"), re.S)
    told = dict(re.fullmatch(r"(\d) (.*)", each).groups() for each in words.group(1).split(", "))
    assert {int(number): name.replace("the ", "").replace(" ", "_").upper() for number, name in told.items()} == causes


def test_commands_are_the_same_in_c_and_proto():
    told = oneof(COMMANDS, "PaymentsCommand")
    first = min(told)
    commands = without("PAYMENTS_", c_enum(DECIDE, "payments_command_kind"))
    assert commands == {number - first + 1: snake(name) for number, name in told.items()}


def test_events_are_the_same_in_c_proto_and_the_printed_table():
    told = oneof(EVENTS, "PaymentsEvent")
    first = min(told)
    events = without("PAYMENTS_", c_enum(DECIDE, "payments_event_kind"))
    assert events == {number - first + 1: snake(name) for number, name in told.items()}
    printed = set(re.findall(r"\b(?:Payment|Transfer|Refund)\w+", read("services/payments/payments_decide_table.txt")))
    assert printed == set(told.values())


def test_every_leg_kind_and_state_is_in_the_printed_table():
    rows = re.findall(r"^(\w+) (\w+) (\w+): ", read("services/payments/payments_decide_table.txt"), re.M)
    facts = without("PAYMENTS_FACT_", c_enum(DECIDE, "payments_fact_kind")).values()
    assert len(rows) == len(set(rows)) == len(LEG_KINDS) * len(LEG_STATES) * len(facts)
    for at, names in enumerate((LEG_KINDS.values(), LEG_STATES.values(), facts)):
        assert {row[at].upper() for row in rows} == set(names)


def test_stages_of_a_failed_payment_are_the_same_in_escrow_and_proto():
    stages = without("ESCROW_STAGE_", c_enum("services/escrow/escrow_decide.h", "escrow_stage"))
    assert stages == proto_enum(EVENTS, "PaymentStage", "PAYMENT_STAGE_")


# ---- The gateway ----


def test_states_of_the_view_are_those_of_escrow():
    states = proto_enum(ESCROW_EVENTS, "EscrowState", "ESCROW_STATE_")
    # 0: payments told of the escrow first; such a row is shown to nobody.
    assert column_check(GATEWAY_SQL, "escrow_view", "state") == set(states) | {0}
    assert column_check(GATEWAY_SQL, "escrow_timeline", "state") == set(states)
    # 0: no clock runs.
    assert column_check(GATEWAY_SQL, "escrow_view", "deadline_state") == set(states) | {0}


def test_token_kinds_are_the_actors_that_can_log_in():
    kinds = numbers_of({"USER", "MARKETPLACE", "STAFF"}, ACTORS)
    assert column_check(GATEWAY_SQL, "api_token", "kind") == kinds
    made = block(c_code("tools/holdfastctl/ctl_token.c"), r"enum engine_actor_kind kinds\[\]", "=")
    assert set(re.findall(r"ENGINE_ACTOR_(\w+)", made)) == {"USER", "MARKETPLACE", "STAFF"}


def test_no_migration_has_a_smallint_without_a_check_that_this_file_does_not_know():
    """A new column of an enum must get a CHECK, or a reason here."""
    unchecked = {
        "effect.kind": "each service's own enum",
        "escrow.currency": "check_escrows asks it",
        "escrow.state": "check_escrows asks it",
        "escrow_pending.currency": "copied from a command that was checked",
        "escrow_view.currency": "copied from an event",
        "escrow_timeline.actor_kind": "copied from an event",
    }
    found = set()
    for path in sorted((ROOT / "migrations").glob("*/*.sql")):
        for name, body in re.findall(r"CREATE TABLE (\w+) \((.*?)^\)", path.read_text(), re.S | re.M):
            for column, rest in re.findall(r"^  (\w+) smallint ([^\n]*)", body, re.M):
                if "CHECK" not in rest:
                    found.add(f"{name}.{column}")
    assert found == set(unchecked)
