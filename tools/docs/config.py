#!/usr/bin/env python3
"""Writes docs/config.md from what the programs themselves say (--print-config-docs).

usage: config.py PROGRAM... > docs/config.md
"""

import subprocess
import sys

HEAD = """# Configuration

Everything comes from the environment. Every variable `X` may also be given as `X_FILE`, the path of a file that holds the
value. All mistakes are told at once at the start, by name and never by value; a variable `HOLDFAST_...` that nobody knows is
one of them. A service's `--check-config` checks and ends, `--print-config` shows what is set (secrets masked), `--help` tells the same
as this page, which is written by `tools/docs/config.py` from the programs' own tables.
"""


def main():
    parts = [HEAD]
    for program in sys.argv[1:]:
        done = subprocess.run([program, "--print-config-docs"], capture_output=True, text=True, check=True, timeout=60)
        parts.append(done.stdout)
    print("\n".join(parts), end="")


if __name__ == "__main__":
    main()
