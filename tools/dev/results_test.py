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


class Meson(unittest.TestCase):
    def counted(self, *entries):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            for result, stdout, stderr in entries:
                file.write(json.dumps({"name": "t", "result": result, "stdout": stdout, "stderr": stderr}) + "\n")
            file.flush()
            return results.meson(file.name)

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
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write('<testsuites><testsuite tests="9" failures="2" errors="1" skipped="3"/></testsuites>')
            file.flush()
            self.assertEqual(results.pytest(file.name), [3, 3, 3])


class Dev(unittest.TestCase):
    def counted(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".log") as file:
            file.write(text)
            file.flush()
            return results.dev(file.name)

    def test_last_line(self):
        text = "[0.1s] clang-tidy\n9 passed, 9 failed, 9 skipped\n5 passed, 1 failed, 0 skipped\n"
        self.assertEqual(self.counted(text), [5, 1, 0])

    def test_cut_short(self):
        with self.assertRaises(AttributeError):
            self.counted("[0.1s] clang-tidy\n  FAILED: clang-tidy\n")


if __name__ == "__main__":
    unittest.main()
