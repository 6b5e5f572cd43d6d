"""The table of the crash sweep names every crash point of the sources, and no other."""

import re
import sys

from sources import ROOT

sys.path.insert(0, str(ROOT / "tests" / "crash"))

from points import POINTS  # noqa: E402


def named_in_sources():
    files = [path for folder in ("libs", "services", "tools") for path in (ROOT / folder).rglob("*.c")]
    return [name for path in files for name in re.findall(r'\bCRASH_POINT\("([^"]*)"\)', path.read_text())]


def test_the_table_is_what_the_sources_have():
    names = named_in_sources()
    assert len(names) == len(set(names)), "a name stands in two places"
    assert set(names) == {point.name for point in POINTS}


def test_no_pair_is_listed_twice():
    listed = [(point.name, service) for point in POINTS for service in point.services]
    assert len(listed) == len(set(listed))
