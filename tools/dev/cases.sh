# shellcheck shell=bash
# Cases of a shell test: ok counts one, cases_end tells how many there were and fails when one did.

tests=0 failures=0

ok() { # name, command...
    local name=$1
    shift
    tests=$((tests + 1))
    if ! "$@"; then
        failures=$((failures + 1))
        printf 'failed: %s\n' "$name"
    fi
}

cases_end() { # name of the test
    printf '%s: %d cases, %d failed\n' "$1" "$tests" "$failures"
    ((failures == 0))
}
