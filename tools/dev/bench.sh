# shellcheck shell=bash
# bench: programs that measure, each on servers of its own. What they print is kept in $STATE/bench.

# name | what runs it | what it measures
bench_table() {
    cat <<'TABLE'
latency|stack|POST to the event at a client that listens, nearly alone and at half load
accept|stack|POSTs a second that the gateway makes durable
deal|stack|whole deals a second over gateway, escrow and payments
engine|servers|commands drained, decided, saved, published; against PostgreSQL alone, batch limit 1, a peer in Node
openloop|servers|5, 10, 20 thousand commands a second offered: percentiles from the moment each was due
backlog|servers|an hour of 1,000 commands a second after an outage
large|servers|the same with a million escrows in the tables
memory|stack|what each service keeps for itself, idle and while it drains
scale|servers|the same with 1, 2 and 4 engine threads, and with 1 and 2 processes
takeover|servers|how long lanes stand still whose owner is killed, and what the others notice
start|stack|from exec to ready, each service
TABLE
}

bench_runner() { # name -> servers or stack, or nothing
    local name runner what
    while IFS='|' read -r name runner what; do
        [[ $name != "$1" ]] || printf '%s' "$runner"
    done < <(bench_table)
}

bench_names() {
    local name what
    while IFS='|' read -r name _ what; do
        printf '  %-10s %s\n' "$name" "$what"
    done < <(bench_table)
}

cmd_bench() {
    local name=${1:-} runner arguments=() delay='' code=0
    if (($# == 0)); then
        bench_names
        return 0
    fi
    shift
    runner=$(bench_runner "$name")
    [[ -n $runner ]] || usage_error "bench: there is no benchmark '$name'"
    while (($# > 0)); do
        case $1 in
        --fsync-delay)
            [[ ${2:-} =~ ^([0-9]+)ms$ ]] || usage_error "bench: --fsync-delay wants milliseconds, e.g. 1ms"
            delay=$((BASH_REMATCH[1] * 1000))
            shift
            ;;
        *) arguments+=("$1") ;;
        esac
        shift
    done
    bench_prepare "$runner" "$name"
    [[ -z $delay ]] || bench_slow_disk "$delay"
    instance_temporary bench
    mkdir -p -- "$STATE/bench"
    [[ $name != engine ]] || bench_peer
    export KAFKA_JIT=all HOLDFAST_BENCH_PLOT=$STATE/bench/$name.svg
    child bench_run "$runner" "$name" "${arguments[@]}" || code=$?
    ((code != 0)) || note "kept in $STATE/bench/$name.txt"
    return "$code"
}

bench_prepare() { # runner, name
    local groups=(build run jars)
    [[ $1 != stack ]] || groups+=(venv)
    [[ $2 != engine ]] || groups+=(peer)
    ensure_packages "${groups[@]}"
    cache_kafka
    [[ $1 != stack ]] || cache_venv
    build release || die "$EXIT_FAILED" "the build failed"
}

# For PostgreSQL alone: what it waits for at each commit. Kafka does not wait for its disk.
bench_slow_disk() { # microseconds
    export PG_FSYNC_DELAY_US=$1 PG_FSYNC_DELAY_LIBRARY
    PG_FSYNC_DELAY_LIBRARY=$(build_dir release)/tests/bench/fsync_delay.so
}

# Node and the peer's modules. Without them the engine is measured without its peer.
bench_peer() {
    if cache_peer; then
        export HOLDFAST_BENCH_PEER
        HOLDFAST_BENCH_PEER=$(cache_peer_dir)/peer.mjs
    fi
}

bench_run() { # runner, name, arguments...
    { bench_facts "$2" "${@:3}" && "bench_on_$1" "${@:2}"; } 2>&1 | tee "$STATE/bench/$2.txt"
}

bench_on_servers() { # name, arguments...
    servers_start
    servers_environment
    "$(binary release "bench-$1")" "${@:2}"
}

# The product as the tests start it, in processes of its own.
bench_on_stack() { # name, arguments...
    instance_mark
    HOLDFAST_BUILD_DIR=$(build_dir release) HOLDFAST_BENCH_DIR=$INST \
        "$(cache_venv_dir)/bin/python" "$ROOT/tests/bench/stack_bench.py" "$@"
}

# What a figure means nothing without.
bench_facts() { # name, arguments...
    printf 'bench %s\n' "$*"
    printf '%s, %s x %s, %s MB, %s\n' "$(date -u +%Y-%m-%d)" "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
        "$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)" "$(uname -sr)"
    printf '%s, %s, commit %s\n' "$("$PG_BIN/postgres" --version)" \
        "$(java -version 2>&1 | head -n 1)" "$(git -C "$ROOT" rev-parse --short HEAD 2>/dev/null || printf unknown)"
    [[ -z ${PG_FSYNC_DELAY_US:-} ]] || printf 'each sync of PostgreSQL takes %d us longer\n' "$PG_FSYNC_DELAY_US"
    printf 'load before it began: %s\n\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
}
