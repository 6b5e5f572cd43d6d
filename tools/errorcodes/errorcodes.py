#!/usr/bin/env python3
"""Turns libs/base/error_codes.txt into the C table that problem documents are made from.

usage: errorcodes.py error_codes.txt output.c
Refuses a list that is malformed, has a code twice, or gives a kind an HTTP status that it cannot have.
"""
import re
import sys

# What each kind (base/status.h) may be told as over HTTP.
ALLOWED = {
    "INVALID": {400, 405, 408, 411, 413, 414, 415, 422, 431},
    "DENIED": {401, 403, 404},
    "NOT_FOUND": {404, 410},
    "CONFLICT": {409, 422},
    "LIMIT": {400, 413, 414, 422, 429, 431, 500, 503},
    "RETRY": {503},
    "CANCELED": {503},
    "BUG": {500},
    "STOP": {503},
}
CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
SENTENCE = re.compile(r"[A-Z][ -~]*\.")


def parse(path):
    rows = {}
    with open(path, encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            where = f"{path}:{number}"
            fields = [field.strip() for field in line.split("|")]
            if len(fields) != 4:
                sys.exit(f"{where}: not 'code | kind | http | sentence'")
            code, kind, http, sentence = fields
            if not CODE.fullmatch(code):
                sys.exit(f"{where}: bad code {code!r}")
            if code in rows:
                sys.exit(f"{where}: {code} is listed twice")
            if kind not in ALLOWED:
                sys.exit(f"{where}: unknown kind {kind!r}")
            if not http.isdigit() or int(http) not in ALLOWED[kind]:
                sys.exit(f"{where}: {kind} cannot be HTTP {http}")
            # The sentence goes into JSON and C as it stands.
            if not SENTENCE.fullmatch(sentence) or '"' in sentence or "\\" in sentence:
                sys.exit(f"{where}: not a plain ASCII sentence without quotes")
            rows[code] = (kind, http, sentence)
    return rows


def main():
    source, output = sys.argv[1:]
    rows = parse(source)
    with open(output, "w", encoding="ascii") as out:
        out.write("/* Generated from base/error_codes.txt. */\n")
        out.write('#include "http/http_errors.h"\n\n')
        out.write("const struct http_error http_errors[] = {\n")
        for code in sorted(rows):
            kind, http, sentence = rows[code]
            out.write(f'    {{"{code}", STATUS_{kind}, {http}, "{sentence}"}},\n')
        out.write("};\n\n")
        out.write("const size_t http_error_count = sizeof(http_errors) / sizeof(http_errors[0]);\n")


if __name__ == "__main__":
    main()
