#!/usr/bin/env python3
"""Turns .sql files into `const struct pg_stmt` (libs/pg/pg_stmt.h).

A file holds one statement and begins with comment lines:

    -- What it is for; any text.
    -- $1 account_id uuid
    -- $2 limit integer
    -- returns 0..1 row

Parameters are numbered from 1 without a gap, each is used in the statement, and no other is. `returns` is one of
`nothing`, `1 row`, `0..1 row`, `rows`. The file list_open.sql of the prefix gateway_sql becomes gateway_sql_list_open;
gateway_sql_all and gateway_sql_count hold all of them, for preparing.

usage: sqlgen.py --prefix PREFIX --header OUT.h --source OUT.c FILE.sql...
"""

import argparse
import os
import re
import sys

TYPES = {
    "uuid": "UUID",
    "bigint": "INT8",
    "integer": "INT4",
    "smallint": "INT2",
    "boolean": "BOOL",
    "text": "TEXT",
    "bytea": "BYTEA",
    "uuid[]": "UUID_ARRAY",
    "bigint[]": "INT8_ARRAY",
    "integer[]": "INT4_ARRAY",
    "smallint[]": "INT2_ARRAY",
    "text[]": "TEXT_ARRAY",
    "bytea[]": "BYTEA_ARRAY",
}
RETURNS = {"nothing": "NONE", "1 row": "ONE", "0..1 row": "AT_MOST_ONE", "rows": "MANY"}
PARAMS_MAX = 24
NAME_MAX = 63 - len("s_")

PARAM = re.compile(r"^-- \$(\d+) (\w+) (\w+(?:\[\])?)$")
RETURN = re.compile(r"^-- returns (.+)$")
# What may hide a dollar sign, a semicolon or a comment: strings, quoted names, comments.
TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$\d+|;", re.DOTALL)


class BadSql(Exception):
    pass


class Statement:
    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.params = []
        self.returns = None
        with open(path, encoding="ascii") as file:
            lines = file.read().split("\n")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name) or len(self.name) > NAME_MAX:
            self.fail(1, "the file's name is not one of a statement")
        head = 0
        while head < len(lines) and lines[head].startswith("--"):
            self.read_head(head + 1, lines[head])
            head += 1
        if self.returns is None:
            self.fail(1, "no `-- returns` line")
        self.sql = self.read_body("\n".join(lines[head:]))

    def fail(self, line, why):
        raise BadSql(f"{self.path}:{line}: {why}")

    def read_head(self, number, line):
        param = PARAM.match(line)
        returned = RETURN.match(line)
        if param:
            if self.returns is not None:
                self.fail(number, "parameters come before `returns`")
            if int(param[1]) != len(self.params) + 1:
                self.fail(number, "parameters are numbered from 1 without a gap")
            if param[3] not in TYPES:
                self.fail(number, f"unknown type {param[3]}")
            if len(self.params) == PARAMS_MAX:
                self.fail(number, f"more than {PARAMS_MAX} parameters")
            self.params.append(param[3])
        elif line.startswith("-- $"):
            self.fail(number, "not `-- $1 name type`")
        elif returned:
            if self.returns is not None:
                self.fail(number, "a second `returns`")
            if returned[1] not in RETURNS:
                self.fail(number, f"returns one of: {', '.join(RETURNS)}")
            self.returns = returned[1]

    def read_body(self, body):
        used = set()
        out = []
        end = 0
        ended = False
        for match in TOKEN.finditer(body):
            between = body[end : match.start()]
            token = match[0]
            if ended and (between.strip() or not token.startswith(("--", "/*"))):
                self.fail(1, "more than one statement")
            out.append(between)
            end = match.end()
            if token == ";":
                ended = True
            elif token.startswith(("--", "/*")):
                out.append(" ")
            else:
                out.append(token)
                if token[0] == "$":
                    used.add(int(token[1:]))
        if ended and body[end:].strip():
            self.fail(1, "more than one statement")
        out.append(body[end:])
        if used != set(range(1, len(self.params) + 1)):
            self.fail(1, f"uses parameters {sorted(used)}, tells {len(self.params)}")
        lines = [" ".join(line.split()) if "'" not in line else line.strip() for line in "".join(out).split("\n")]
        lines = [line for line in lines if line]
        if not lines:
            self.fail(1, "no statement")
        return lines


def quoted(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'


def header(prefix, statements):
    out = ["#pragma once", "", "/* Made by tools/sqlgen. */", "", '#include "pg/pg_stmt.h"', ""]
    out += [f"extern const struct pg_stmt {prefix}_{s.name};" for s in statements]
    out += ["", f"#define {prefix.upper()}_COUNT {len(statements)}"]
    out += [f"extern const struct pg_stmt *const {prefix}_all[{prefix.upper()}_COUNT];", ""]
    return "\n".join(out)


def source(prefix, header_name, statements):
    out = ["/* Made by tools/sqlgen. */", f'#include "{header_name}"', "", "#include <stddef.h>", ""]
    for s in statements:
        types = "NULL"
        if s.params:
            types = f"{s.name}_params"
            listed = ", ".join(f"PG_TYPE_{TYPES[p]}" for p in s.params)
            out.append(f"static const enum pg_type {types}[] = {{{listed}}};")
        sql = "\n           ".join(quoted(line + (" " if i + 1 < len(s.sql) else "")) for i, line in enumerate(s.sql))
        out += [
            f"const struct pg_stmt {prefix}_{s.name} = {{",
            f'    .name = "{s.name}",',
            f"    .sql = {sql},",
            f"    .param_types = {types},",
            f"    .param_count = {len(s.params)},",
            f"    .returns = PG_RETURNS_{RETURNS[s.returns]},",
            "};",
            "",
        ]
    listed = ", ".join(f"&{prefix}_{s.name}" for s in statements)
    out += [f"const struct pg_stmt *const {prefix}_all[{prefix.upper()}_COUNT] = {{{listed}}};", ""]
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description="Turns .sql files into const struct pg_stmt.")
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--header", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    try:
        statements = sorted((Statement(path) for path in args.files), key=lambda s: s.name)
        names = [s.name for s in statements]
        if len(set(names)) != len(names):
            raise BadSql("two files of the same name")
    except (BadSql, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    with open(args.header, "w", encoding="ascii") as file:
        file.write(header(args.prefix, statements))
    with open(args.source, "w", encoding="ascii") as file:
        file.write(source(args.prefix, os.path.basename(args.header), statements))
    return 0


if __name__ == "__main__":
    sys.exit(main())
