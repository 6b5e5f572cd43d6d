"""docs/reliability.md says of each invariant which test shows it: every one is there, and so is every test that it names."""

import re

from sources import c_code, c_enum, read

COUNT = 40  # how many there are
ROW = re.compile(r"^\| INV(\d+) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([^`]+)::(\w+)`")
NOT_YET = "not yet: "


def rows():
    """[(number, what the page says that shows it)]"""
    return [(int(number), shown) for number, shown in ROW.findall(read("docs/reliability.md"))]


def there_is(path, name):
    """A test of this name runs: in C it is defined and in the list of its file, and a rule is reported by the checker."""
    if path.endswith(".py"):
        return re.search(rf"^ *def {name}\(", read(path), re.MULTILINE) is not None
    if path.endswith("sim_verdict.h"):
        checker = "".join(c_code(f"tests/sim/sim_check{part}.c") for part in ("", "_asked", "_end", "_money", "_records", "_told"))
        return name in c_enum_names(path) and re.search(rf"\b{name}\b", checker) is not None
    text = c_code(path)
    return len(re.findall(rf"\b{name}\b", text)) > 1 and re.search(rf"^static void {name}\(", text, re.MULTILINE) is not None


def c_enum_names(path):
    return set(c_enum(path, "sim_rule").values())


def test_each_has_its_row():
    assert [number for number, _ in rows()] == list(range(1, COUNT + 1))
    without = [number for number, shown in rows() if not NAMED.search(shown) and not shown.startswith(NOT_YET)]
    assert without == [], "neither shown by a test nor said to be missing"


def test_what_it_names_is_there():
    missing = [(number, path, name) for number, shown in rows() for path, name in NAMED.findall(shown) if not there_is(path, name)]
    assert missing == []


def test_a_name_that_nothing_has_would_be_found():
    assert there_is("tests/sim/sim_verdict.h", "SIM_RULE_BALANCE")
    assert not there_is("tests/sim/sim_verdict.h", "SIM_RULE_COUNT")
    assert not there_is("tests/engine/engine_park_test.c", "unheard_of")
    assert not there_is("tests/e2e/test_cuts.py", "unheard_of")
