"""topology.yaml against the sources: each topic is written by its writer, in one way, and by nobody else.

Who reads, and the topics of what is parked, are in topology_test.c, which looks at the services as linked.
"""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/topology"))

import topology  # noqa: E402

TOPICS = topology.parse((ROOT / "topology.yaml").read_text())["topics"]
EMIT = re.compile(r"\bengine_emit\(\s*\w+,\s*(TOPIC_\w+)")
SUBMIT = re.compile(r"(?:\brequest->topic\s*=|\bengine_post\(\s*\w+,|\bintake_row_of\()\s*(TOPIC_\w+)")
DLQ = re.compile(r"\.dlq\s*=\s*(TOPIC_\w+)")
CLOCK = re.compile(r"\.clock\s*=\s*(TOPIC_\w+)")


def sources():
    """(service, text) of what runs; a test may write where it likes."""
    for path in sorted((ROOT / "services").glob("*/*.c")):
        if not re.search(r"_(test|fake|fixture)\.c$|/world\.c$", str(path)):
            yield path.parent.name, path.read_text()


def writers(pattern):
    """Constant of a topic to the services that write it in this way."""
    found = {}
    for service, text in sources():
        for constant in pattern.findall(text):
            found.setdefault(constant, set()).add(service)
    return found


def test_every_use_is_understood():
    """A topic written in a way that the patterns do not see would make the other tests blind."""
    seen = re.compile(r"\bengine_emit\(|\bengine_post\(|\bintake_row_of\(|\brequest->topic\s*=|\.dlq\s*=|\.clock\s*=\s*TOPIC_")
    count = sum(len(seen.findall(text)) for _, text in sources())
    understood = sum(len(pattern.findall(text)) for _, text in sources() for pattern in (EMIT, SUBMIT, DLQ, CLOCK))
    assert count == understood > 0


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic["name"])
def test_the_writer_alone_writes_it_in_the_way_of_its_kind(topic):
    constant = topology.constant(topic["name"])
    lane = writers(EMIT).get(constant, set()) | writers(DLQ).get(constant, set())
    intake = writers(SUBMIT).get(constant, set())
    clock = writers(CLOCK).get(constant, set())
    found = {"lane": lane, "intake": intake, "clock": clock}
    assert found == {kind: {topic["writer"]} if kind == topic["kind"] else set() for kind in found}


def test_whatever_is_written_is_a_topic():
    known = {topology.constant(topic["name"]) for topic in TOPICS}
    for pattern in (EMIT, SUBMIT, DLQ, CLOCK):
        assert set(writers(pattern)) <= known
