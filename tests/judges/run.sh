#!/usr/bin/env bash
# Our Stripe client and webhook against parts that nobody here wrote: stripe-mock (Go), a stateful emulator
# (Python >= 3.13), npm's stripe (Node). Fetched once into the cache; what cannot be had is skipped with one line.
# usage: HOLDFAST_BUILD_DIR=build tests/judges/run.sh
set -Eeuo pipefail

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
BUILD=${HOLDFAST_BUILD_DIR:?the build directory, with the tests in it}
PLACE=${HOLDFAST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/holdfast}/judges
MOCK_VERSION=v0.203.0
WORLD_VERSION=0.3.0
NODE_STRIPE_VERSION=23.1.0
ARGUMENTS=(--build "$BUILD")

skip() { printf 'skipped %s\n' "$*"; }

# Runs quietly; the log is shown when it fails.
fetch() { # what, command...
    local what=$1 log
    shift
    printf 'fetching %s (once)\n' "$what"
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        tail -n 3 -- "$log"
        rm -f -- "$log"
        return 1
    fi
    rm -f -- "$log"
}

judge_mock() {
    local mock=$PLACE/stripe-mock-$MOCK_VERSION/stripe-mock
    if [[ ! -x $mock ]]; then
        command -v go >/dev/null || { skip "stripe-mock: no Go here" && return; }
        mkdir -p -- "$(dirname -- "$mock")"
        fetch stripe-mock env GOBIN="$(dirname -- "$mock")" \
            go install "github.com/stripe/stripe-mock@$MOCK_VERSION" || { skip "stripe-mock: cannot be built" && return; }
    fi
    ARGUMENTS+=(--mock "$mock")
}

# The first Python that is new enough and works.
new_python() {
    local python
    for python in python3.14 python3.13 python3 "$HOME"/.pyenv/versions/3.1[3-9]*/bin/python3; do
        if "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 13))' >/dev/null 2>&1; then
            printf '%s' "$python"
            return 0
        fi
    done
    return 1
}

# Runs as a condition, where errexit is off: only the chain keeps a failed install from being taken for a complete one.
make_world() { # folder, python
    # Its own demand for 3.14 is only about annotations, see judge_world.py.
    "$2" -m venv "$1" &&
        "$1/bin/pip" install --disable-pip-version-check --ignore-requires-python \
            "seahaven-stripe-world[http]==$WORLD_VERSION" &&
        touch -- "$1/complete"
}

judge_world() {
    local world=$PLACE/world-$WORLD_VERSION python
    if [[ ! -e $world/complete ]]; then
        python=$(new_python) || { skip "the stateful emulator: no Python >= 3.13 here" && return; }
        rm -rf -- "$world"
        mkdir -p -- "$PLACE"
        fetch "the stateful emulator" make_world "$world" "$python" ||
            { skip "the stateful emulator: cannot be installed" && return; }
    fi
    ARGUMENTS+=(--world-python "$world/bin/python")
}

make_node() { # folder
    npm install --silent --no-fund --no-audit --prefix "$1" "stripe@$NODE_STRIPE_VERSION" && touch -- "$1/complete"
}

judge_node() {
    local parent=$PLACE/node-stripe-$NODE_STRIPE_VERSION
    command -v node >/dev/null || { skip "npm stripe: no Node here" && return; }
    if [[ ! -e $parent/complete ]]; then
        command -v npm >/dev/null || { skip "npm stripe: no npm here" && return; }
        mkdir -p -- "$parent"
        fetch "npm's stripe" make_node "$parent" ||
            { skip "npm stripe: cannot be installed" && return; }
    fi
    ARGUMENTS+=(--node-modules-parent "$parent")
}

if [[ ! -x $BUILD/tests/judges/judge_client ]]; then
    printf 'judges: %s/tests/judges/judge_client is not built (meson -Dtests=true)\n' "$BUILD" >&2
    exit 1
fi
judge_mock
judge_world
judge_node
exec python3 "$HERE/judges.py" "${ARGUMENTS[@]}"
