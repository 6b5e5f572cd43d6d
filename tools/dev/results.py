#!/usr/bin/env python3
"""Counts single tests: `results.py meson testlog.json...`, `results.py pytest junit.xml...` or `results.py dev output`
prints 'PASSED FAILED SKIPPED'. What is in a later log replaces what an earlier one said of the same program or test.

A cmocka program counts for each of its tests, a Python one too; a program that tells no counts, or that fails
although all of its tests passed (a sanitizer, a crash, a time-out), counts for one.

`results.py retry testlog.json` prints the names of those that failed and may have a second try, one on a line.
"""

import json
import re
import sys
import xml.etree.ElementTree

CMOCKA = {
    "passed": re.compile(r"^\[  PASSED  \] (\d+) test\(s\)", re.M),
    "failed": re.compile(r"^\[  FAILED  \] (?:[^\n]*?: )?(\d+) test\(s\)", re.M),
    "skipped": re.compile(r"^\[  SKIPPED \] (?:[^\n]*?: )?(\d+) test\(s\)", re.M),
}
VERDICT = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped")
UNITTEST = re.compile(r"^Ran (\d+) tests? in [^\n]*\n\n(OK|FAILED)(?: \(([^)]*)\))?", re.M)


def unittest_counts(text):
    passed = failed = skipped = 0
    for total, _, details in UNITTEST.findall(text):
        numbers = dict(re.findall(r"(\w+)=(\d+)", details))
        bad = int(numbers.get("failures", 0)) + int(numbers.get("errors", 0))
        skips = int(numbers.get("skipped", 0))
        passed += int(total) - bad - skips
        failed += bad
        skipped += skips
    return passed, failed, skipped


def one_meson_test(entry):
    text = (entry.get("stdout") or "") + "\n" + (entry.get("stderr") or "")
    counts = [sum(map(int, CMOCKA[what].findall(text))) for what in ("passed", "failed", "skipped")]
    if not any(counts):
        counts = list(unittest_counts(text))
    good = entry["result"] in ("OK", "EXPECTEDFAIL")
    if entry["result"] == "SKIP":
        return [0, 0, max(1, counts[2])]
    if not good and counts[1] == 0:
        counts[1] = 1
    if good and not any(counts):
        counts[0] = 1
    return counts


# They wait for locks, connections and slow peers by the real clock: a machine that stands still for two seconds fails
# them. What moves money, numbers records or counts effects is not among them: if that fails once, it failed.
RETRIED = {"http_limits", "http_server", "http_stream", "httpc", "intake_test", "pg_listen_test", "pg_test", "svc"}
# A sanitizer's finding, or an assertion of the product that did not hold, is a defect however rare it is.
DEFECT = re.compile(r"Sanitizer|runtime error: ")
ASSERTION = re.compile(r'"event":"assert".*?"at":"([^"]*)"')
OF_TESTS = re.compile(r"/testing/|_test\.c:|/tests/")


def is_defect(text):
    return bool(DEFECT.search(text)) or any(not OF_TESTS.search(at) for at in ASSERTION.findall(text))


def meson(path):
    """name -> (counts, all that it printed)"""
    found = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.strip():
                entry = json.loads(line)
                text = (entry.get("stdout") or "") + "\n" + (entry.get("stderr") or "")
                found[entry["name"].rpartition(" / ")[2]] = (one_meson_test(entry), text)
    return found


def pytest(path):
    """The counts of each test. One that fails and whose fixture then fails, too, is in the report twice."""
    found = {}
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        bad = case.findall("failure") + case.findall("error")
        counts = [0, 1, 0] if bad else [0, 0, 1] if case.find("skipped") is not None else [1, 0, 0]
        if name not in found or bad:
            found[name] = (counts, "")
    return found


def dev(path):
    """The last line of one of our own commands; one that was cut short has none."""
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    return {"": (list(map(int, VERDICT.fullmatch(lines[-1]).groups())), "")}


KINDS = {"meson": meson, "pytest": pytest, "dev": dev}


def count(kind, paths):
    found = {}
    for path in paths:
        found.update(KINDS[kind](path))
    totals = [0, 0, 0]
    for name, (counts, _) in sorted(found.items()):
        totals = [total + one for total, one in zip(totals, counts)]
        if counts[1] and name:
            print(f"failed: {name}", file=sys.stderr)
    return totals


def retry(path):
    bad = {name: text for name, (counts, text) in meson(path).items() if counts[1]}
    if not RETRIED.issuperset(bad) or any(map(is_defect, bad.values())):
        return []
    return sorted(bad)


def main(arguments):
    if len(arguments) >= 2 and arguments[0] in KINDS:
        print(*count(arguments[0], arguments[1:]))
        return 0
    if len(arguments) == 2 and arguments[0] == "retry":
        print("".join(name + "\n" for name in retry(arguments[1])), end="")
        return 0
    print(f"usage: results.py {'|'.join(KINDS)}|retry FILE...", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
