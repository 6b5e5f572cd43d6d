#!/usr/bin/env python3
"""What errorcodes.py accepts, refuses and writes; and that the project's own list passes and asks for no more than it says."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
OWN = os.path.join(HERE, "..", "..", "libs", "base", "error_codes.txt")
STATUS = os.path.join(HERE, "..", "..", "libs", "base", "status.h")
sys.path.insert(0, HERE)
import errorcodes  # noqa: E402

GOOD = """# code | kind | http status | what it means, for people

escrow.unknown | NOT_FOUND | 404 | There is no such deal.
a.b.c_2|BUG|500|Something went wrong here.
"""


def run(text):
    """(exit code, what is said, what is written)"""
    with tempfile.TemporaryDirectory() as folder:
        source, output = os.path.join(folder, "codes.txt"), os.path.join(folder, "codes.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run(
            [sys.executable, os.path.join(HERE, "errorcodes.py"), source, output],
            capture_output=True,
            text=True,
            check=False,
        )
        written = ""
        if os.path.exists(output):
            with open(output, encoding="ascii") as file:
                written = file.read()
        return done.returncode, done.stderr, written


class Writes(unittest.TestCase):
    def test_sorted_rows(self):
        code, said, written = run(GOOD)
        self.assertEqual((code, said), (0, ""))
        first = written.index('    {"a.b.c_2", STATUS_BUG, 500, "Something went wrong here."},\n')
        second = written.index('    {"escrow.unknown", STATUS_NOT_FOUND, 404, "There is no such deal."},\n')
        self.assertLess(first, second)

    def test_own_list(self):
        rows = errorcodes.parse(OWN)
        self.assertGreater(len(rows), 100)


class Refuses(unittest.TestCase):
    def refused(self, line, why):
        code, said, written = run(GOOD + line + "\n")
        self.assertEqual(code, 1, line)
        self.assertIn("codes.txt:5: ", said)
        self.assertIn(why, said)
        self.assertEqual(written, "")

    def test_faults(self):
        self.refused("escrow.x | BUG | 500", "not 'code | kind | http | sentence'")
        self.refused("escrow.x | BUG | 500 | A. | B.", "not 'code | kind | http | sentence'")
        self.refused("escrow | BUG | 500 | A.", "bad code")
        self.refused("Escrow.x | BUG | 500 | A.", "bad code")
        self.refused("escrow.unknown | NOT_FOUND | 404 | Again.", "listed twice")
        self.refused("escrow.x | ODD | 500 | A.", "unknown kind")
        self.refused("escrow.x | BUG | 200 | A.", "cannot be HTTP")
        self.refused("escrow.x | BUG | 40x | A.", "cannot be HTTP")
        self.refused("escrow.x | BUG | 500 | no capital.", "not a plain ASCII sentence")
        self.refused("escrow.x | BUG | 500 | No full stop", "not a plain ASCII sentence")
        self.refused('escrow.x | BUG | 500 | A "quote".', "not a plain ASCII sentence")
        self.refused("escrow.x | BUG | 500 | A \\ backslash.", "not a plain ASCII sentence")


class KindsAreThoseOfTheCode(unittest.TestCase):
    def test_every_failing_kind_has_its_http_statuses(self):
        with open(STATUS, encoding="utf-8") as file:
            body = file.read().split("enum status_kind {")[1].split("};")[0]
        kinds = [line.split("_", 1)[1].split(",")[0] for line in body.splitlines() if line.startswith("    STATUS_")]
        self.assertEqual(set(kinds) - {"OK = 0", "KIND_COUNT"}, set(errorcodes.ALLOWED))


if __name__ == "__main__":
    unittest.main()
