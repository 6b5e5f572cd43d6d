"""docs/operations.md names every metric and every log event that there is, and no other."""

import re

from harness import paths

PAGE = (paths.ROOT / "docs" / "operations.md").read_text()
SAID = re.compile(r'(?:\blog_(?:info|warn|error)|\bengine_report)\((?:[^";]*?)"([a-z_]+\.[a-z_]+)"'
                  r'(?:\s*:\s*"([a-z_]+\.[a-z_]+)")?')


def listed(title):
    """The names in the first column of the table under a heading."""
    section = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([a-z_.]+)` \|", section, re.MULTILINE))


def test_metrics(stack):
    pages = [process.admin("/metrics")[1] for process in [*stack.processes.values(), stack.sandbox.process]]
    told = {name for page in pages for name in re.findall(r"^# TYPE ([a-z_]+) ", page, re.MULTILINE)}
    assert told - listed("Metrics") == set(), "not written down"
    assert listed("Metrics") - told == set(), "not there any more"


def test_log_events():
    said = set()
    for folder in ("libs", "services"):
        for path in (paths.ROOT / folder).rglob("*.c"):
            if not path.name.endswith("_test.c"):
                for found in SAID.findall(path.read_text()):
                    said.update(name for name in found if name)
    assert len(said) > 20
    assert said - listed("Log events") == set(), "not written down"
    assert listed("Log events") - said == set(), "not said any more"
