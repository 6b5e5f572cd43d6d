#!/usr/bin/env python3
"""Names that a header offers and no program uses: functions and tables which nothing but a test, or nothing at all, calls.

usage: unused.py ROOT

Prints one line for each and ends with 1 when there is one. What only tests want is told as such where it is declared:
`for tests` in the comment above.
"""

import collections
import re
import sys
from pathlib import Path

FOLDERS = ("libs", "services", "tools")
WORD = re.compile(r"[A-Za-z_]\w*")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
DECLARED = re.compile(r"^(?!static\b|typedef\b|#|\s|struct \w+ \{|enum \w+ \{)[^\n;{}=]*?\b([a-z]\w*)\((?=[^;{}]*?\)[^;{}]*;)", re.M)
DEFINED = re.compile(r"^(?!static\b|typedef\b|#|\s)[^\n;{}=()]*?\b([a-z]\w*)(?:\((?=[^;{}]*?\)\s*\{)|(?:\[[^\]]*\])* =)", re.M)
TABLE = re.compile(r"^extern (?:const )?[\w ]+?\*?(?:const )?(\w+)(?:\[[^\]]*\])*;", re.M)


def is_test(path):
    parts = path.parts
    return path.stem.endswith("_test") or "testing" in parts or "golden" in parts


def product(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.[ch]")):
            if not is_test(path.relative_to(root)):
                yield path


def for_tests(text, at):
    """The comment right above the declaration, or the one that its paragraph begins with, says so."""
    paragraph = text[:at].rsplit("\n\n", 1)[-1]
    return re.search(r"\bfor tests\b", paragraph, re.I) is not None


def unused(root):
    words = collections.Counter()
    defined = collections.Counter()
    offered = {}
    for path in product(root):
        text = path.read_text()
        code = COMMENT.sub(" ", text)
        words.update(WORD.findall(code))
        defined.update(DEFINED.findall(code))
        if path.suffix == ".h":
            for pattern in (DECLARED, TABLE):
                for found in pattern.finditer(text):
                    offered[found[1]] = (path, text, found.start())
    # Once in the header, and where it is defined, if that is not in a generated file.
    for name, (path, text, at) in sorted(offered.items(), key=lambda item: (item[1][0], item[1][2])):
        if words[name] <= 1 + min(defined[name], 1) and not for_tests(text, at):
            yield path, text.count("\n", 0, at) + 1, name


def main():
    root = Path(sys.argv[1])
    found = list(unused(root))
    for path, line, name in found:
        print(f"{path.relative_to(root)}:{line}: no program uses {name}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
