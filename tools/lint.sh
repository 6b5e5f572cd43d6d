#!/usr/bin/env bash
# The house rules that no compiler knows. One line for each finding, `file:line: rule`; exit 1 when there is one.
# usage: tools/lint.sh [--root DIR] [--compile-commands FILE]
python=/usr/bin/python3
[[ -x $python ]] || python=python3
exec "$python" "$(dirname -- "${BASH_SOURCE[0]}")/lint/lint.py" "$@"
