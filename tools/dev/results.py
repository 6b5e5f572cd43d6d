#!/usr/bin/env python3
"""Counts single tests: `results.py meson testlog.json`, `results.py pytest junit.xml` or `results.py dev output` prints
'PASSED FAILED SKIPPED'.

A cmocka program counts for each of its tests, a Python one too; a program that tells no counts, or that fails
although all of its tests passed (a sanitizer, a crash, a time-out), counts for one.
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


def meson(path):
    totals = [0, 0, 0]
    bad = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.strip():
                continue
            entry = json.loads(line)
            counts = one_meson_test(entry)
            totals = [total + count for total, count in zip(totals, counts)]
            if counts[1]:
                bad.append(entry["name"])
    for name in bad:
        print(f"failed: {name}", file=sys.stderr)
    return totals


def pytest(path):
    totals = [0, 0, 0]
    for suite in xml.etree.ElementTree.parse(path).getroot().iter("testsuite"):
        count = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        bad = count["failures"] + count["errors"]
        totals[0] += count["tests"] - bad - count["skipped"]
        totals[1] += bad
        totals[2] += count["skipped"]
    return totals


def dev(path):
    """The last line of one of our own commands; one that was cut short has none."""
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    return list(map(int, VERDICT.fullmatch(lines[-1]).groups()))


KINDS = {"meson": meson, "pytest": pytest, "dev": dev}


def main(arguments):
    if len(arguments) != 2 or arguments[0] not in KINDS:
        print(f"usage: results.py {'|'.join(KINDS)} FILE", file=sys.stderr)
        return 2
    counts = KINDS[arguments[0]](arguments[1])
    print(*counts)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
