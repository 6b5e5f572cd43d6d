#!/usr/bin/env python3
"""What counts as a test: on outputs as cmocka, unittest, meson and pytest write them."""

import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import results  # noqa: E402

MIXED = (
    "[  PASSED  ] 3 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n[  SKIPPED ] a\n\n 1 SKIPPED TEST(S)\n"
    "[  FAILED  ] 2 test(s), listed below:\n[  FAILED  ] b\n[  FAILED  ] c\n\n 2 FAILED TEST(S)\n"
)
NAMED = "[  PASSED  ] 1 test(s).\n[  FAILED  ] tests: 1 test(s), listed below:\n[  FAILED  ] b\n"


FAILED = "[  FAILED  ] tests: 1 test(s), listed below:\n[  FAILED  ] b\n"


def written(text):
    file = tempfile.NamedTemporaryFile("w")
    file.write(text)
    file.flush()
    return file


def testlog(*entries, names=("intake_test", "svc", "engine-basic")):
    """A log as meson writes it."""
    lines = []
    for name, (result, stdout, stderr) in zip(names, entries):
        entry = {"name": f"holdfast:unit / {name}", "result": result, "stdout": stdout, "stderr": stderr}
        lines.append(json.dumps(entry) + "\n")
    return written("".join(lines))


def report(*cases):
    """A report as pytest writes it, of name and inner elements of each test."""
    inner = "".join(f'<testcase classname="e2e.t" name="{name}">{what}</testcase>' for name, what in cases)
    return written(f"<testsuites><testsuite>{inner}</testsuite></testsuites>")


class Meson(unittest.TestCase):
    def counted(self, *entries):
        with testlog(*entries) as file:
            return results.count("meson", [file.name])

    def test_cmocka(self):
        self.assertEqual(self.counted(("FAIL", "", MIXED)), [3, 2, 1])
        self.assertEqual(self.counted(("FAIL", "", NAMED)), [1, 1, 0])
        self.assertEqual(self.counted(("OK", "", "[  PASSED  ] 4 test(s).\n")), [4, 0, 0])

    def test_two_groups_in_one_program(self):
        text = "[  PASSED  ] 4 test(s).\n[  PASSED  ] 5 test(s).\n"
        self.assertEqual(self.counted(("OK", text, None)), [9, 0, 0])

    def test_a_crash_after_all_passed_is_a_failure(self):
        self.assertEqual(self.counted(("FAIL", "", "[  PASSED  ] 4 test(s).\n")), [4, 1, 0])
        self.assertEqual(self.counted(("TIMEOUT", "", "")), [0, 1, 0])
        self.assertEqual(self.counted(("ERROR", "", "")), [0, 1, 0])

    def test_without_counts(self):
        self.assertEqual(self.counted(("OK", "", ""), ("SKIP", "", "")), [1, 0, 1])

    def test_unittest(self):
        text = "..\n-----\nRan 5 tests in 0.001s\n\nFAILED (failures=1, errors=1, skipped=1)\n"
        self.assertEqual(self.counted(("FAIL", "", text)), [2, 2, 1])
        self.assertEqual(self.counted(("OK", "", "Ran 1 test in 0.1s\n\nOK\n")), [1, 0, 0])


class Pytest(unittest.TestCase):
    def test_report(self):
        cases = [("a", ""), ("b", "<failure/>"), ("c", "<error/>"), ("d", "<skipped/>"), ("e", ""), ("f", "")]
        with report(*cases) as file:
            self.assertEqual(results.count("pytest", [file.name]), [3, 2, 1])

    def test_one_that_fails_and_is_not_put_away_fails_once(self):
        with report(("a", "<failure/>"), ("a", "<error/>")) as file:
            self.assertEqual(results.count("pytest", [file.name]), [0, 1, 0])
        with report(("a", ""), ("a", "<error/>")) as file:
            self.assertEqual(results.count("pytest", [file.name]), [0, 1, 0])


class Retry(unittest.TestCase):
    def retried(self, *entries):
        with testlog(*entries) as file:
            return results.retry(file.name)

    def test_those_that_wait_by_the_clock(self):
        passed, failed = ("OK", "", ""), ("FAIL", FAILED, "")
        self.assertEqual(self.retried(failed, passed, passed), ["intake_test"])
        self.assertEqual(self.retried(failed, ("TIMEOUT", "", ""), passed), ["intake_test", "svc"])
        self.assertEqual(self.retried(passed, passed, failed), [])
        self.assertEqual(self.retried(failed, passed, failed), [])

    def test_a_defect_is_not_chance(self):
        assertion = '{"level":"fatal","event":"assert","what":"false","at":"../../libs/%s:32"}'
        for text in ("==1==ERROR: AddressSanitizer: heap", "a.c:1:2: runtime error: signed", assertion % "pg/pg.c"):
            self.assertEqual(self.retried(("FAIL", FAILED, text), ("FAIL", FAILED, "")), [])
        self.assertEqual(self.retried(("FAIL", FAILED, assertion % "testing/testing_pg.c")), ["intake_test"])

    def test_the_later_log_counts(self):
        passed = ("OK", "[  PASSED  ] 1 test(s).\n", "")
        with testlog(("FAIL", FAILED, ""), passed) as first, testlog(passed) as second:
            self.assertEqual(results.count("meson", [first.name]), [1, 1, 0])
            self.assertEqual(results.count("meson", [first.name, second.name]), [2, 0, 0])
        with testlog(passed, ("FAIL", FAILED, "")) as first, testlog(passed) as second:
            self.assertEqual(results.count("meson", [first.name, second.name]), [1, 1, 0])


class Dev(unittest.TestCase):
    def counted(self, text):
        with written(text) as file:
            return results.count("dev", [file.name])

    def test_last_line(self):
        text = "[0.1s] clang-tidy\n9 passed, 9 failed, 9 skipped\n5 passed, 1 failed, 0 skipped\n"
        self.assertEqual(self.counted(text), [5, 1, 0])

    def test_cut_short(self):
        with self.assertRaises(AttributeError):
            self.counted("[0.1s] clang-tidy\n  FAILED: clang-tidy\n")


if __name__ == "__main__":
    unittest.main()
