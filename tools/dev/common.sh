# shellcheck shell=bash
# Paths, messages, ports and remembered values. Sourced by ./dev.

# Read by the other parts.
# shellcheck disable=SC2034
readonly EXIT_FAILED=1 EXIT_USAGE=2 EXIT_MISSING=3 EXIT_NOT_STARTED=4

STATE=${HOLDFAST_STATE:-$ROOT/.dev}
[[ $STATE == /* ]] || STATE=$PWD/$STATE
CACHE=${HOLDFAST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/holdfast}
# The instance at hand: a folder with its processes, logs and data. `up` uses STATE itself, a test run its own.
INST=$STATE
STARTED_AT=$EPOCHREALTIME

elapsed() { # microseconds since the script began, as seconds with one decimal
    local us=$((${EPOCHREALTIME/./} - ${STARTED_AT/./}))
    printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

step() { printf '[%6ss] %s\n' "$(elapsed)" "$*"; }
note() { printf '           %s\n' "$*"; }
warn() { printf 'dev: %s\n' "$*" >&2; }

die() { # exit code, text
    local code=$1
    shift
    printf 'dev: %s\n' "$*" >&2
    exit "$code"
}

usage_error() { die "$EXIT_USAGE" "$1 (see ./dev help)"; }

# What to do when the script ends, however it ends; the last one added is done first.
AT_EXIT=()
CHILD=''
BESIDE=''
LAST_LINE=''

at_exit() { AT_EXIT=("$1" "${AT_EXIT[@]}"); }

on_exit() {
    local code=$? action
    trap - EXIT
    trap '' INT TERM HUP
    group_stop "$CHILD"
    group_stop "$BESIDE"
    for action in "${AT_EXIT[@]}"; do
        "$action" "$code" || true
    done
    [[ -z $LAST_LINE ]] || printf '%s\n' "$LAST_LINE"
    exit "$code"
}

# Runs a command or function in a process group of its own and waits for it, so that a signal to this script is acted
# upon at once: bash would wait for a foreground command to end first.
child() { # command...
    local code=0
    set -m
    "$@" 7>&- 8>&- 9>&- </dev/null &
    CHILD=$!
    set +m
    wait "$CHILD" || code=$?
    CHILD=''
    return "$code"
}

# One command that runs while others do, with the processor time that they leave. Its output goes to a log.
beside_start() { # log file, command...
    local log=$1
    shift
    mkdir -p -- "$(dirname -- "$log")"
    set -m
    nice -n 19 -- "$@" >"$log" 2>&1 7>&- 8>&- 9>&- </dev/null &
    BESIDE=$!
    set +m
}

beside_wait() { # returns its exit code
    local code=0
    wait "$BESIDE" || code=$?
    BESIDE=''
    return "$code"
}

# In the process group of the command, so that who stops it stops this, too.
with_progress() { # log file, command...
    local code=0 ticker
    set +m
    progress_lines "$1" &
    ticker=$!
    "${@:2}" >"$1" 2>&1 || code=$?
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    return "$code"
}

progress_lines() { # log file
    local never line
    exec {never}<> <(:) # nothing comes: a sleep that is no process, which would outlive this one
    while true; do
        read -r -t "${PROGRESS_SECONDS:-10}" -u "$never" || true
        line=$(tail -n 1 -- "$1" | tr -dc '[:print:]' | cut -c1-100)
        step "...${line:+ $line}"
    done
}

group_stop() { # process group, or nothing
    local left=100
    [[ -n $1 ]] || return 0
    kill -TERM -- "-$1" 2>/dev/null || return 0
    while ((left-- > 0)) && kill -0 -- "-$1" 2>/dev/null; do
        sleep 0.05
    done
    kill -KILL -- "-$1" 2>/dev/null || true
}

# Runs a command with its output in a log; shows the log's last line now and then, and its end when it fails.
quietly() { # log file, command...
    local log=$1 code=0
    shift
    mkdir -p -- "$(dirname -- "$log")"
    : >"$log"
    child with_progress "$log" "$@" || code=$?
    if ((code != 0)); then
        printf -- '---- %s failed (exit %d), the end of %s:\n' "$(basename -- "$1")" "$code" "$log" >&2
        tail -n 40 -- "$log" >&2
        printf -- '----\n' >&2
    fi
    return "$code"
}

# Values that outlive the script: one KEY=value a line, in $INST/env or (readable by the owner alone) $INST/secrets.
recall() { # file, key -> the value or nothing
    local line
    [[ -f $INST/$1 ]] || return 0
    while IFS= read -r line; do
        if [[ $line == "$2="* ]]; then
            printf '%s' "${line#*=}"
            return 0
        fi
    done <"$INST/$1"
}

remember() { # file, key, value
    local file=$INST/$1
    mkdir -p -- "$INST"
    (
        umask 077
        { grep -v -- "^$2=" "$file" 2>/dev/null || true; } >"$file.new"
        printf '%s=%s\n' "$2" "$3" >>"$file.new"
    )
    mv -f -- "$file.new" "$file"
}

random_hex() { # bytes
    od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'
}

secret() { # key [bytes] -> the remembered secret, made when there is none
    local value
    value=$(recall secrets "$1")
    if [[ -z $value ]]; then
        value=$(random_hex "${2:-24}")
        remember secrets "$1" "$value"
    fi
    printf '%s' "$value"
}

# Ports are taken below the range that the kernel gives to outgoing connections, so that none is lost between choosing
# and listening. Among those who choose, in this checkout and in others, a lock on a file decides, kept until this script
# ends: what it started listens by then (tests/harness/ports.py does the same). One that was used before is kept while
# it is free.
declare -A PORT_CLAIMS=() # port -> the descriptor of its lock

port_free() { # port; true when nothing listens on it (state 0A), on any address
    ! grep -qsE "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' "$1") [0-9A-F]+:[0-9A-F]{4} 0A " /proc/net/tcp /proc/net/tcp6
}

port_claim() { # port; in a subshell the lock would end with it
    local claim
    if [[ -z ${PORT_CLAIMS[$1]:-} ]]; then
        mkdir -p -- "$CACHE/ports"
        exec {claim}>>"$CACHE/ports/$1"
        if ! flock -n "$claim"; then
            exec {claim}>&-
            return 1
        fi
        PORT_CLAIMS[$1]=$claim
    fi
    port_free "$1"
}

# For processes that outlive this script: they must not keep what is another one's.
port_claims_close() {
    local claim
    for claim in "${PORT_CLAIMS[@]}"; do
        exec {claim}>&-
    done
}

port_new() { # -> in FREE_PORT
    local try
    for try in {1..200}; do
        FREE_PORT=$((18000 + (RANDOM * 32768 + RANDOM) % 14000))
        if [[ -z ${PORT_CLAIMS[$FREE_PORT]:-} ]] && ! grep -qsxE "[A-Z0-9_]+_PORT=$FREE_PORT" "$INST/env" && port_claim "$FREE_PORT"; then
            return 0
        fi
    done
    die "$EXIT_NOT_STARTED" "no free port found after $try tries"
}

port_for() { # key -> in FREE_PORT a port that is free now, remembered
    FREE_PORT=$(recall env "$1")
    if [[ -z $FREE_PORT ]] || ! port_claim "$FREE_PORT"; then
        port_new
        remember env "$1" "$FREE_PORT"
    fi
}

# One ./dev at a time changes an instance. The kernel drops the lock with the process, however it ends; servers are
# started without it (descriptor 9 closed).
lock_state() {
    mkdir -p -- "$STATE"
    exec 9>"$STATE/lock"
    flock -n 9 || die "$EXIT_NOT_STARTED" "another ./dev works on $STATE; wait for it or stop it"
}

http_status() { # port, path -> the status code, or 000
    local line
    # shellcheck disable=SC2016
    line=$(timeout 3 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
        printf "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" "$2" >&3
        IFS= read -r line <&3 && printf "%s" "$line"' bash "$1" "$2" 2>/dev/null) || true
    if [[ $line =~ ^HTTP/1\.[01]\ ([0-9]{3}) ]]; then
        printf '%s' "${BASH_REMATCH[1]}"
    else
        printf '000'
    fi
}

url_encode_path() { # a path for the host part of a libpq URI
    printf '%s' "${1//\//%2F}"
}

# No terminal colours in logs and CI.
banner() {
    local line
    printf '%s\n' '  ****************************************************************************'
    for line in 'HOLDFAST DEVELOPMENT SYSTEM: NOT FOR PRODUCTION, NOT FOR REAL MONEY' \
        'Loopback only, plain text between the parts, a sandbox for a provider.'; do
        printf '  *  %-72s*\n' "$line"
    done
    printf '%s\n' '  ****************************************************************************'
}
