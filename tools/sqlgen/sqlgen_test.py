#!/usr/bin/env python3
"""What sqlgen accepts, what it refuses, and what it makes."""

import os
import subprocess
import sys
import tempfile
import unittest

import sqlgen

HERE = os.path.dirname(os.path.abspath(__file__))

GOOD = """-- Finds it. Costs $5, says nobody.
-- $1 id uuid
-- $2 names text[]
-- returns 0..1 row
SELECT a, 'x;  $9 -- "q"' AS "b""c" -- $7 is a comment
FROM t /* ; $8 */ WHERE id = $1
  AND name = ANY($2);
"""


class SqlgenTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def file(self, name, text):
        path = os.path.join(self.dir.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def refused(self, text, why, name="q.sql"):
        with self.assertRaises(sqlgen.BadSql) as caught:
            sqlgen.Statement(self.file(name, text))
        self.assertIn(why, str(caught.exception))

    def test_reads(self):
        s = sqlgen.Statement(self.file("find_it.sql", GOOD))
        self.assertEqual(s.name, "find_it")
        self.assertEqual(s.params, ["uuid", "text[]"])
        self.assertEqual(s.returns, "0..1 row")
        self.assertEqual(
            s.sql, ["SELECT a, 'x;  $9 -- \"q\"' AS \"b\"\"c\"", "FROM t WHERE id = $1", "AND name = ANY($2)"]
        )

    def test_refuses(self):
        self.refused("SELECT 1", "no `-- returns`")
        self.refused("-- returns two rows\nSELECT 1", "returns one of")
        self.refused("-- returns rows\n-- returns rows\nSELECT 1", "a second")
        self.refused("-- returns rows\n-- $1 a uuid\nSELECT $1", "before `returns`")
        self.refused("-- $2 a uuid\n-- returns rows\nSELECT $2", "without a gap")
        self.refused("-- $1 a money\n-- returns rows\nSELECT $1", "unknown type money")
        self.refused("-- $1 a\n-- returns rows\nSELECT $1", "not `-- $1 name type`")
        self.refused("-- $1 a uuid\n-- returns rows\nSELECT 1", "uses parameters []")
        self.refused("-- returns rows\nSELECT $1", "uses parameters [1]")
        self.refused("-- returns rows\nSELECT 1; SELECT 2", "more than one")
        self.refused("-- returns rows\nSELECT 1; SELECT 2;", "more than one")
        self.refused("-- returns rows\n", "no statement")
        self.refused("-- returns rows\nSELECT 1", "the file's name", name="Bad-name.sql")
        many = "".join(f"-- ${i} a bigint\n" for i in range(1, 26))
        self.refused(many + "-- returns rows\nSELECT 1", "more than 24")

    def test_output_compiles(self):
        files = [self.file("find_it.sql", GOOD), self.file("add.sql", "-- returns nothing\nINSERT INTO t VALUES (1)")]
        out = os.path.join(self.dir.name, "x_sql")
        command = [sys.executable, os.path.join(HERE, "sqlgen.py"), "--prefix", "x_sql"]
        subprocess.run([*command, "--header", out + ".h", "--source", out + ".c", *files], check=True)
        libs = os.path.join(HERE, "..", "..", "libs")
        check = ["cc", "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", libs, out + ".c"]
        subprocess.run(check, check=True)
        with open(out + ".h", encoding="ascii") as file:
            text = file.read()
        self.assertLess(text.index("x_sql_add;"), text.index("x_sql_find_it;"))
        self.assertIn("#define X_SQL_COUNT 2", text)

    def test_failure_is_one_line(self):
        path = self.file("q.sql", "SELECT 1")
        out = os.path.join(self.dir.name, "o")
        run = subprocess.run(
            [sys.executable, os.path.join(HERE, "sqlgen.py"), "--prefix", "x", "--header", out, "--source", out, path],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stderr, f"{path}:1: no `-- returns` line\n")


if __name__ == "__main__":
    unittest.main()
