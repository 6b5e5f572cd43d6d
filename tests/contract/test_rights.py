"""Who may do what: the gateway refuses before it takes a command, escrow when it decides. What one of them lets pass and
the other does not would be a 403 without a reason, or a rejection of what was taken."""

import re

from sources import c_code

GATEWAY = c_code("services/gateway/gateway_command.c")
ESCROW = c_code("services/escrow/escrow_decide.c")
OTHER_NAMES = {"RETRY": "RETRY_PAYOUT"}  # of the gateway's action: of escrow's command


def rows(code, table):
    """[(action, its row)]"""
    inside = re.search(rf"\b{table}\[\w+\] = \{{\n(.*?)\n\}};", code, re.S).group(1)
    parts = re.split(r"^\s*\[(?:GATEWAY|ESCROW)_(\w+)\]\s*=", inside, flags=re.M)[1:]
    found = list(zip(parts[::2], parts[1::2]))
    assert len(found) == inside.count("] ")
    return found


def rights(code, table):
    found = {}
    for action, row in rows(code, table):
        roles = re.findall(r"\bMAY\((?:GATEWAY_)?ROLE_(\w+)\)", row)
        assert len(roles) == row.count("MAY(") > 0
        found[OTHER_NAMES.get(action, action)] = set(roles)
    return found


def limits(path, prefix):
    """Of the terms that both sides look at: name to the text of its number."""
    found = re.findall(rf"#define {prefix}_((?:FUNDING|DELIVERY|INSPECTION)_\w+?_SECONDS) +(.+)$", c_code(path), re.M)
    return {name: eval(number, {}) for name, number in found if "DEFAULT" not in name}  # sums of our own headers


def numbers(path, prefix):
    found = re.findall(rf"#define {prefix}_(MILESTONES_\w+) (\d+)\b", c_code(path), re.M)
    return dict(found)


def test_they_agree_how_many_milestones_there_may_be():
    taken = numbers("services/gateway/gateway.h", "GATEWAY")
    assert len(taken) == 2
    assert taken == numbers("services/escrow/escrow.h", "ESCROW")
    title = re.search(r"#define TITLE_MAX_BYTES (\d+)$", GATEWAY, re.M).group(1)
    assert title == re.search(r"#define ESCROW_TITLE_MAX_BYTES (\d+)$", c_code("services/escrow/escrow.h"), re.M).group(1)


def test_gateway_and_escrow_agree_who_may_do_what():
    taken = rights(GATEWAY, "actions")
    decided = rights(ESCROW, "escrow_rights")
    assert len(taken) == 16
    assert taken == decided


def test_they_agree_how_long_periods_may_be():
    taken = limits("services/gateway/gateway.h", "GATEWAY")
    assert len(taken) == 6
    assert taken == limits("services/escrow/escrow_decide.h", "ESCROW")
