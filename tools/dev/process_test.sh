#!/usr/bin/env bash
# Starting, recognising and stopping processes: above all, that nobody else's is ever signalled.
set -Eeuo pipefail
shopt -s inherit_errexit nullglob

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
export HOLDFAST_STATE
HOLDFAST_STATE=$(mktemp -d)
# shellcheck source=tools/dev/common.sh
. "$ROOT/tools/dev/common.sh"
# shellcheck source=tools/dev/process.sh
. "$ROOT/tools/dev/process.sh"
# shellcheck source=tools/dev/cases.sh
. "$ROOT/tools/dev/cases.sh"

strangers=()

cleanup() {
    ((${#strangers[@]} == 0)) || kill -KILL "${strangers[@]}" 2>/dev/null || true
    proc_stop sleeper KILL 1
    proc_stop stubborn KILL 1
    rm -rf -- "$HOLDFAST_STATE"
}
trap cleanup EXIT

not() { ! "$@"; }
gone() { [[ -z $(proc_start_time "$1") ]]; }
alive() { [[ -n $(proc_start_time "$1") ]]; }

proc_start sleeper sleep 1000
pid=$(proc_pid sleeper)
ok 'a started process is known' alive "$pid"
ok 'it has a session of its own' test "$(cut -d' ' -f6 "/proc/$pid/stat")" = "$pid"
proc_stop sleeper TERM 5
ok 'it is stopped' gone "$pid"
ok 'its file is gone' test ! -e "$INST/run/sleeper.pid"

# Another process has got the id since: the start time differs.
sleep 1000 &
strangers+=("$!")
printf '%s %s\n' "$!" 1 >"$INST/run/sleeper.pid"
ok 'a stranger with the same id is not ours' test -z "$(proc_pid sleeper)"
proc_stop sleeper KILL 1
ok 'the stranger lives' alive "${strangers[0]}"

printf 'nonsense\n' >"$INST/run/sleeper.pid"
ok 'a broken file is nobody' test -z "$(proc_pid sleeper)"
printf '4194305 1\n' >"$INST/run/sleeper.pid"
ok 'an id that cannot be is nobody' test -z "$(proc_pid sleeper)"
rm -f -- "$INST/run/sleeper.pid"

# shellcheck disable=SC2016
proc_start stubborn bash -c 'trap "" TERM; while :; do read -r -t 1000 <>/dev/zero || :; sleep 1000; done'
pid=$(proc_pid stubborn)
proc_stop stubborn TERM 1 2>/dev/null
ok 'one that ignores TERM is killed after the bound' gone "$pid"

ok 'what has ended does not run' not proc_any_alive
proc_start sleeper sleep 1000
ok 'what was started does' proc_any_alive
pid=$(proc_pid sleeper)
kill -KILL "$pid"
until gone "$pid"; do sleep 0.01; done
ok 'a file that a killed one left is no process' not proc_any_alive
rm -f -- "$INST/run/sleeper.pid"

proc_start sleeper sleep 1000
pid=$(proc_pid sleeper)
kill -STOP "$pid"
proc_stop sleeper TERM 5 2>/dev/null
ok 'a frozen one is thawed to act on the signal' gone "$pid"

export DEV_RUN_MARK=mark-$$
setsid sleep 1001 &
marked=$!
unset DEV_RUN_MARK
until grep -qs sleep "/proc/$marked/comm"; do :; done
proc_sweep_marked "mark-$$"
ok 'a marked process is swept' gone "$marked"
ok 'an unmarked one is not' alive "${strangers[0]}"

remember env A_PORT 1
remember env B_PORT 2
remember env A_PORT 3
ok 'values are remembered, the last one counts' test "$(recall env A_PORT) $(recall env B_PORT)" = '3 2'
one=$(secret KEY)
ok 'a secret stays the same' test "$one" = "$(secret KEY)"
ok 'and is for the owner alone' test "$(stat -c %a "$INST/secrets")" = 600

cases_end process_test
