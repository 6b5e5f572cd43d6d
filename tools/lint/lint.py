#!/usr/bin/env python3
"""The house rules that no compiler knows. See STYLE.md; tools/lint_test.sh shows each of them find something.

`LINT-OK: reason` in a comment on the same line, or alone on the line before, lets one line pass. The reason is required.
"""

import argparse
import json
import os
import re
import subprocess
import sys

import c_text

LINES_MAX = 600
LINE_COUNTED = (".c", ".h", ".sh", ".py", ".sql", ".proto")
GENERATED = re.compile(r"(^|/)(package-lock\.json|jars\.sha256)$")
# Keeps this program from finding its own words.
UNDONE = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
ALLOWED = re.compile(r"LINT-OK:\s*\w[^*]{3,}")
ALLOWED_ALONE = re.compile(r"^\s*(/\*|#|--)?\s*LINT-OK:")
TEST = re.compile(r"(_test\.c$|^tests/|(^|/)testing/)")

BANNED = (
    "strcpy strcat sprintf vsprintf strncpy strncat strtok atoi atol atoll atof strtol strtoul strtoll strtoull strtod "
    "sscanf gets system popen rand srand time gmtime localtime strerror usleep sleep alloca"
).split()


def word(names):
    return re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")


def outside(*patterns):
    allowed = re.compile("|".join(patterns))
    return lambda path: not allowed.search(path)


# (rule, pattern searched in code without comments and strings, where it applies)
CODE_RULES = (
    ("banned function", word(BANNED), lambda path: True),
    (
        "allocation outside libs/base",
        word("malloc calloc realloc reallocarray strdup strndup asprintf vasprintf".split()),
        # A test's world lives as long as its process, and ASan builds count what it forgets: its memory needs no reason.
        outside(r"^libs/base/", TEST.pattern),
    ),
    # In tests only testing_env.c reads it, once, before there are threads.
    ("getenv outside libs/conf", word(["getenv", "secure_getenv"]), outside(r"^libs/conf/", r"^libs/testing/testing_env\.c$")),
    ("exit or abort outside main.c and libs/base", word(["exit", "abort"]), outside(r"(^|/)main\.c$", r"^libs/base/")),
    (
        "libpq outside libs/pg",
        re.compile(r"(?<!\w)(PQ[a-z]\w*|PG(conn|result|cancel)|libpq-fe\.h)\b"),
        outside(r"^libs/pg/"),
    ),
    (
        "librdkafka outside libs/kafka",
        re.compile(r"(?<!\w)(rd_kafka_\w+|librdkafka/\w+\.h)"),
        outside(r"^libs/kafka/", r"^libs/testing/"),
    ),
    (
        "ulfius outside libs/http",
        re.compile(r"(?<!\w)(ulfius_\w+|u_map_\w+|MHD_\w+|ulfius\.h|microhttpd\.h)\b"),
        outside(r"^libs/http/"),
    ),
    (
        "libcurl outside libs/httpc",
        re.compile(r"(?<!\w)(curl_(easy|multi|global|slist|url|share|mime|version)\w*|CURLOPT_\w+|curl/\w+\.h)"),
        outside(r"^libs/httpc/"),
    ),
    (
        "a bare mutex or condition outside libs/base",
        re.compile(r"(?<!\w)pthread_(mutex_[a-su-z]|cond_[a-su-z]|condattr_)\w*"),
        outside(r"^libs/base/"),
    ),
    ("float or double", re.compile(r"\b(float|double)\b"), lambda path: True),
    ("typedef of a struct, union or enum", re.compile(r"\btypedef\s+(struct|union|enum)\b[^(]*[{;]"), lambda path: True),
)
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
SQL = re.compile(
    r"\b(SELECT\s|INSERT\s+INTO\b|UPDATE\s+\w+\s+SET\b|DELETE\s+FROM\b|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|SCHEMA)\b|"
    r"TRUNCATE\s|WITH\s+\w+\s+AS\b|LISTEN\s|NOTIFY\s)"
)
SQL_ALLOWED = re.compile(r"^libs/pg/|^libs/engine/engine_\w*pack\w*\.c$|" + TEST.pattern)
PROTO_OPTIONAL = re.compile(r"^\s*optional\s")

OP_FAIL = re.compile(r'\bop_fail\s*\(\s*[^,()]*(?:\([^()]*\)[^,()]*)*,\s*(?:STATUS_(\w+)|[^,"]+)\s*,\s*"([^"]*)"')
ERROR_CODE = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
ERROR_CODES = "libs/base/error_codes.txt"


class Report:
    def __init__(self):
        self.findings = []

    def add(self, path, line, rule):
        self.findings.append((path, line, rule))


def files_of(root):
    """Paths relative to root: what git knows or would add; without git, everything that is not built."""
    try:
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard"], capture_output=True, check=True
        ).stdout.decode()
        paths = [path for path in listed.split("\0") if path]
    except (OSError, subprocess.CalledProcessError):
        paths = []
        for folder, subfolders, names in os.walk(root):
            subfolders[:] = [s for s in subfolders if s not in (".git", ".dev") and not s.startswith("build")]
            paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted({path for path in paths if os.path.isfile(os.path.join(root, path))})


def allowed_lines(lines):
    """Numbers of the lines that a LINT-OK lets pass."""
    allowed = set()
    for number, line in enumerate(lines, start=1):
        if ALLOWED.search(line):
            allowed.add(number)
            if ALLOWED_ALONE.match(line):
                allowed.add(number + 1)
    return allowed


def check_code(path, text, report):
    for number, line in enumerate(text.code.split("\n"), start=1):
        include = INCLUDE.match(text.lines[number - 1])
        if include:
            line = include.group(1)
        for rule, pattern, applies in CODE_RULES:
            if applies(path) and pattern.search(line):
                report.add(path, number, rule)
    for number in text.line_comments:
        report.add(path, number, "comment that is not /* */")
    if path.endswith(".c") and not SQL_ALLOWED.search(path):
        for number, literal in text.strings:
            if SQL.search(literal):
                report.add(path, number, "SQL in a .c file")


def check_defaults(path, text, constants, report):
    for number, labels in c_text.defaults(text.code):
        if any(label in constants for label in labels):
            report.add(path, number, "default in a switch over our enum")


def check_error_codes(root, paths, texts, report):
    listed = {}
    if ERROR_CODES not in paths:
        return
    with open(os.path.join(root, ERROR_CODES), encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = [field.strip() for field in line.split("|")]
            if len(fields) != 4 or not ERROR_CODE.match(fields[0]) or not re.fullmatch(r"[1-5]\d\d", fields[2]):
                report.add(ERROR_CODES, number, "not `code | KIND | http | sentence`")
            elif fields[0] in listed:
                report.add(ERROR_CODES, number, f"{fields[0]} is listed twice")
            else:
                listed[fields[0]] = (number, fields[1])
    used = set()
    for path, text in texts.items():
        if TEST.search(path):
            continue
        used.update(literal for _, literal in text.strings)
        for match in OP_FAIL.finditer(text.without_comments):
            kind, code = match.groups()
            number = text.without_comments.count("\n", 0, match.start()) + 1
            if code not in listed:
                report.add(path, number, f"error code {code} is not in {ERROR_CODES}")
            elif kind and kind != listed[code][1]:
                report.add(path, number, f"error code {code} is listed with kind {listed[code][1]}")
    for code, (number, _) in listed.items():
        if code not in used:
            report.add(ERROR_CODES, number, f"error code {code} is not used")


def check_flags(compile_commands, root, report):
    """Flags that we rely on must reach every one of our files: meson drops what it cannot probe, in silence."""
    with open(compile_commands, encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        source = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        path = os.path.relpath(source, os.path.realpath(root))
        if path.startswith((".dev", "build", "..")):
            continue
        arguments = entry.get("arguments") or entry["command"].split()
        for flag in ("-Wformat=2", "-Werror=format-security"):
            if flag not in arguments:
                report.add(path, 1, f"compiled without {flag}")


def check_plain(path, lines, report):
    if path.endswith(LINE_COUNTED) and len(lines) > LINES_MAX:
        report.add(path, len(lines), f"file over {LINES_MAX} lines")
    for number, line in enumerate(lines, start=1):
        if UNDONE.search(line):
            report.add(path, number, "left undone")
        if path.endswith(".proto") and PROTO_OPTIONAL.match(line):
            report.add(path, number, "proto3 optional (protobuf-c refuses it)")


def lint(root, compile_commands):
    report = Report()
    paths = files_of(root)
    texts, allowed = {}, {}
    for path in paths:
        if GENERATED.search(path):
            continue
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                content = file.read()
        except UnicodeDecodeError:
            continue  # not text
        lines = content.removesuffix("\n").split("\n")
        allowed[path] = allowed_lines(lines)
        check_plain(path, lines, report)
        if path.endswith((".c", ".h")):
            texts[path] = c_text.CText(content)
    constants = set()
    for text in texts.values():
        constants.update(c_text.enum_constants(text.code))
    for path, text in texts.items():
        check_code(path, text, report)
        check_defaults(path, text, constants, report)
    check_error_codes(root, paths, texts, report)
    if compile_commands:
        check_flags(compile_commands, root, report)
    return [f for f in sorted(set(report.findings)) if f[1] not in allowed.get(f[0], ())]


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    own_root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    parser.add_argument("--root", default=own_root, help="the folder to look at (default: this project)")
    parser.add_argument("--compile-commands", help="check the flags in this compile_commands.json too")
    options = parser.parse_args(arguments)
    findings = lint(os.path.abspath(options.root), options.compile_commands)
    for path, line, rule in findings:
        print(f"{path}:{line}: {rule}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
