#!/usr/bin/env bash
# Parts of ./dev that once reported success, or kept the old, when they must not: counting tests, the cached venv,
# services with an environment that no longer holds, servers that have ended, slow commands, the file that an interrupted installation leaves behind.
set -Eeuo pipefail
shopt -s inherit_errexit nullglob

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
export HOLDFAST_STATE HOLDFAST_CACHE HOLDFAST_BUILD_DIR
HOLDFAST_STATE=$(mktemp -d)
HOLDFAST_CACHE=$HOLDFAST_STATE/cache
HOLDFAST_BUILD_DIR=$HOLDFAST_STATE/build
PLACE=$HOLDFAST_STATE
for part in common process packages cache build postgres services checks test cases; do
    # shellcheck source=/dev/null
    . "$ROOT/tools/dev/$part.sh"
done

not() { ! "$@"; }

cleanup() {
    proc_stop thing-1 KILL 1
    proc_stop postgres KILL 1
    proc_stop kafka KILL 1
    rm -rf -- "$PLACE"
}
trap cleanup EXIT

# ---- Counting

# meson, as far as test_units sees it: the log and the exit code of each try. It notes what it was asked for.
meson() {
    local try=first
    [[ $* != *'--logbase second'* ]] || try=second
    printf '%s\n' "$*" >>"$PLACE/asked"
    [[ $try == first ]] || LOG=$SECOND CODE=0
    [[ $LOG == none ]] || printf '%s' "$LOG" >"$(build_dir asan)/meson-logs/$try.json"
    return "$CODE"
}

counts() { # log or none, exit code [log of the second try] -> "PASSED FAILED SKIPPED"
    local LOG=$1 CODE=$2 SECOND=${3:-$1}
    PASSED=0 FAILED=0 SKIPPED=0
    mkdir -p -- "$(build_dir asan)/meson-logs"
    : >"$PLACE/asked"
    test_units asan >/dev/null 2>&1
    printf '%d %d %d' "$PASSED" "$FAILED" "$SKIPPED"
}

one_test() { # result
    printf '{"name": "svc", "result": "%s", "stdout": "[  PASSED  ] 4 test(s).\\n", "stderr": ""}\n' "$1"
}

ok 'what passed is counted' test "$(counts "$(one_test OK)" 0)" = '4 0 0'
ok 'what failed is counted once' test "$(counts "$(one_test FAIL)" 1)" = '4 1 0'
ok 'a run that was killed half-way is a failure' test "$(counts "$(one_test OK)" 143)" = '4 1 0'
ok 'so is a log with half a line' test "$(counts "$(one_test OK)"$'\n{"name": ' 143)" = '0 1 0'
ok 'half a line is one even if the run says it is well' test "$(counts '{"name": ' 0)" = '0 1 0'
ok 'so is a run without a log' test "$(counts none 1)" = '0 1 0'
ok 'what failed has a second try' test "$(counts "$(one_test FAIL)" 1 "$(one_test OK)")" = '4 0 0'
ok 'alone' grep -q -- '--logbase second --num-processes 1 svc$' "$PLACE/asked"
ok 'what passed has none' test "$(counts "$(one_test OK)" 0 "$(one_test FAIL)")" = '4 0 0'

# ---- The cached venv

# A python that makes a folder, slowly, and notices another one at work in it.
cat >"$PLACE/python" <<'PYTHON'
#!/usr/bin/env bash
[[ $1 == -m ]] || { printf 3.11; exit 0; }
mkdir -p -- "$(dirname -- "$3")"
mkdir -- "$3.busy" || printf 'two at a time\n' >>"$LOG"
printf 'made\n' >>"$LOG"
mkdir -p -- "$3/bin"
printf '#!/usr/bin/env bash\nsleep 0.2\nrmdir -- "%s.busy"\nexit "${PIP_CODE:-0}"\n' "$3" >"$3/bin/pip"
chmod +x -- "$3/bin/pip"
PYTHON
chmod +x -- "$PLACE/python"
system_python() { printf '%s' "$PLACE/python"; }
export LOG=$PLACE/venv.log

(export PIP_CODE=1 && cache_venv) >/dev/null 2>&1 || true
ok 'a venv whose installation failed is not there' test ! -e "$(cache_venv_dir)/complete"
: >"$LOG"
(cache_venv) >/dev/null 2>&1 &
first=$!
(cache_venv) >/dev/null 2>&1 &
wait "$first" "$!"
ok 'two checkouts make one venv between them' test "$(cat -- "$LOG")" = made
ok 'and it is there' cache_has_venv

# ---- Ports

# As another ./dev sees it, which knows nothing of our claims.
another_claims() { ( PORT_CLAIMS=() && port_claim "$1" ); }

mkdir -p -- "$INST"
port_for ONE_PORT
first=$FREE_PORT
port_for ONE_PORT
ok 'a port that was chosen is kept' test "$FREE_PORT" = "$first"
port_for TWO_PORT
ok 'and is not chosen for something else' test "$FREE_PORT" != "$first"
ok 'nor by anybody else' bash -c '! "$@"' - flock -n "$CACHE/ports/$first" true
# shellcheck disable=SC2034
PORT_CLAIMS=() # what this script holds is now another one's
port_for ONE_PORT
ok 'one that another has is not chosen, though it was ours once' test "$FREE_PORT" != "$first"
second=$FREE_PORT
proc_start thing-1 sleep 1000
port_claims_close
ok 'what was started does not keep it from others' another_claims "$second"
proc_stop thing-1 KILL 1
# shellcheck disable=SC2034
PORT_CLAIMS=()
exec {never}<> <(:) # nothing comes
python3 -c 'import socket, sys
with socket.socket() as server:
    server.bind(("127.0.0.1", int(sys.argv[1])))
    server.listen()
    print("listens", flush=True)
    sys.stdin.read()' "$second" <&"$never" >"$PLACE/listener" &
listener=$!
for _ in {1..100}; do
    [[ ! -s $PLACE/listener ]] || break
    sleep 0.05
done
port_for ONE_PORT
ok 'one where somebody listens is not chosen' test "$FREE_PORT" != "$second"
kill "$listener"

# ---- Services

binary() { printf '%s' "$PLACE/thing"; }
cp -- "$(command -v sleep)" "$PLACE/sleep"
printf '#!/bin/sh\nexec %s/sleep 1000\n' "$PLACE" >"$PLACE/thing"
chmod +x -- "$PLACE/thing"

start_thing() { # broker -> the pid
    KAFKA=$1
    service_start thing-1 thing thing_env >/dev/null
    proc_pid thing-1
}

thing_env() { service_env thing-1 - "KAFKA_BROKERS=127.0.0.1:$KAFKA"; }

mkdir -p -- "$INST/run"
service_choose_port thing-1 "$(admin_port_key thing-1)"
one=$(start_thing 1)
two=$(start_thing 1)
three=$(start_thing 2)
ok 'a service is left alone while its environment holds' test "$one" = "$two"
ok 'it is started anew when an address has changed' test "$two" != "$three"
ok 'with that address' grep -qz '^KAFKA_BROKERS=127.0.0.1:2$' "/proc/$three/environ"
ok 'its environment is for the owner alone' test "$(stat -c %a "$INST/run/thing-1.env")" = 600
ok 'and nothing else is left' test ! -e "$INST/run/thing-1.env.new"

# What ended is named with its log, whatever it was that did not start for it.
mkdir -p -- "$INST/log"
printf 'no room\n' >"$INST/log/kafka.log"
proc_start postgres sleep 1000
why() { (die_not_started 'thing-1 is not ready') 2>&1 || true; }
ok 'a broker that has ended is named' grep -qxF "dev: kafka has ended (log: $INST/log/kafka.log); thing-1 is not ready" <(why)
ok 'with its last words' grep -qx 'no room' <(why)
proc_start kafka sleep 1000
ok 'else it is the service alone' test "$(why)" = 'dev: thing-1 is not ready'
ok 'who waits for a service does so while its servers live' test "$(service_ready_or_lost thing-1 && printf lost)" = ''
proc_stop postgres KILL 1
ok 'and no longer' service_ready_or_lost thing-1
proc_stop kafka KILL 1

# ---- A database server that nobody reaps

pg_home() { printf '%s' "$PLACE/pg"; }
mkdir -p -- "$PLACE/pg/data"
bash -c 'sleep 0.1 & printf "%s\n" "$!"; exec sleep 1000' >"$PLACE/pg/data/postmaster.pid" & # which does not reap
reaper=$!
until grep -qs '^State:[[:space:]]*Z' "/proc/$(cat -- "$PLACE/pg/data/postmaster.pid")/status"; do sleep 0.05; done
touch -- "$PLACE/pg/.s.PGSQL.5432.lock"
(cd -- "$PLACE/pg/data" && exec sleep 1000) &
backend=$!
until [[ $(readlink "/proc/$backend/cwd") == "$PLACE/pg/data" ]]; do sleep 0.05; done
pg_forget_zombie
ok 'its lock stays while a process of it is left' test -e "$PLACE/pg/data/postmaster.pid"
kill "$backend"
wait "$backend" 2>/dev/null || true
pg_forget_zombie
ok 'and goes with the last one' test ! -e "$PLACE/pg/data/postmaster.pid"
ok 'the one on its socket, too' test ! -e "$PLACE/pg/.s.PGSQL.5432.lock"
printf '%s\n' "$$" >"$PLACE/pg/data/postmaster.pid"
pg_forget_zombie
ok 'the lock of one that lives is not touched' test -e "$PLACE/pg/data/postmaster.pid"
kill "$reaper"

# ---- Progress

export PROGRESS_SECONDS=0.1
CODE=0
# shellcheck disable=SC2016
quietly "$PLACE/slow.log" bash -c 'printf "one\n%s\n" "$PPID"; sleep 0.5; printf "three\n"; exit 7' \
    >"$PLACE/said" 2>/dev/null || CODE=$?
group=$(sed -n 2p "$PLACE/slow.log")
ok 'a slow command says how far it is' grep -qE "^\\[ .*s\\] \\.\\.\\. $group\$" "$PLACE/said"
ok 'its log has all of it' test "$(cat -- "$PLACE/slow.log")" = "one"$'\n'"$group"$'\n'"three"
ok 'its exit code is kept' test "$CODE" = 7
for _ in {1..100}; do # the last line's pipe may be ending
    kill -0 -- "-$group" 2>/dev/null || break
    sleep 0.05
done
ok 'and nothing goes on after it' not kill -0 -- "-$group" 2>/dev/null

# ---- The file that keeps Debian from making a cluster

NO_CLUSTER_CONF=$PLACE/createcluster.d/zz-holdfast.conf
as_root() { # whatever is wrong, this machine's own settings are not touched
    [[ $* == apt-get* || $* == */etc/* ]] || "$@"
}

says_no_cluster() { grep -qx 'create_main_cluster = false' "$NO_CLUSTER_CONF"; }

ok 'it is there while packages are installed' without_default_cluster says_no_cluster
ok 'and gone afterwards' test ! -e "$NO_CLUSTER_CONF"
(at_exit default_cluster_again && trap on_exit EXIT && without_default_cluster exit 1) || true
ok 'and gone when the installation is interrupted' test ! -e "$NO_CLUSTER_CONF"

cases_end parts_test
