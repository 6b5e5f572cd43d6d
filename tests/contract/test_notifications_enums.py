"""Notifications' numbers are told in C, proto and SQL; they must agree. So must what escrow may tell and what people hear."""

import re

from sources import c_code, c_enum, column_check, oneof, proto, proto_enum, schema, snake, table, without

SQL = schema("notifications")
MESSAGES = proto("notifications/v1/messages.proto")
HEADER = "services/notifications/notifications.h"

NOTICES = without("NOTICE_", c_enum(HEADER, "notice"))
ROLES = without("ROLE_", c_enum(HEADER, "role"))
STATES = without("DELIVERY_", c_enum(HEADER, "delivery_state"))


def test_notices_are_the_same_in_c_proto_and_sql():
    assert NOTICES == proto_enum(MESSAGES, "Notice", "NOTICE_")
    assert column_check(SQL, "delivery", "notice") == set(NOTICES)
    assert sorted(NOTICES) == list(range(1, len(NOTICES) + 1))


def test_roles_are_the_same_in_c_proto_and_sql():
    assert ROLES == proto_enum(MESSAGES, "Role", "ROLE_")
    assert column_check(SQL, "delivery", "role") == set(ROLES)


def test_states_are_the_same_in_c_and_sql():
    assert column_check(SQL, "delivery", "state") == set(STATES)
    numbers = {name: number for number, name in STATES.items()}
    rules = re.sub(r"--[^\n]*", "", table(SQL, "delivery"))
    assert f"CHECK (CASE state WHEN {numbers['WAITING']} THEN open WHEN {numbers['NO_CHANNEL']} THEN true ELSE NOT open END)" in SQL
    assert f"CHECK ((message_ref <> '') = (state = {numbers['SENT']}))" in rules


def test_what_a_recipient_asks_is_the_same_in_c_and_sql():
    asked = without("ASKING_", c_enum(HEADER, "asking"))
    assert column_check(SQL, "recipient", "asking") == set(asked) | {0}


def test_every_event_of_escrow_has_its_case():
    """A new event is told to somebody, or left out on purpose: never overlooked."""
    told = oneof(proto("escrow/v1/events.proto"), "EscrowEvent").values()
    cases = set(re.findall(r"case CASE\((\w+)\)", c_code("services/notifications/notifications_in_deals.c")))
    assert cases - {"_NOT_SET"} == {snake(name) for name in told}
