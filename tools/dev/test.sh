# shellcheck shell=bash
# test and check: everything that must pass, on servers that live as long as the run.

test_environment() {
    servers_environment
    export HOLDFAST_BUILD_DIR HOLDFAST_PRODUCTION_DIR HOLDFAST_PG_BIN HOLDFAST_KAFKA_CLASSPATH
    HOLDFAST_BUILD_DIR=$(build_dir asan)
    HOLDFAST_PRODUCTION_DIR=$(build_dir production)
    HOLDFAST_PG_BIN=$PG_BIN
    HOLDFAST_KAFKA_CLASSPATH=$(kafka_classpath)
    # A finding ends the program, so that no test passes over it.
    export ASAN_OPTIONS=abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    ulimit -c 0
}

test_servers() {
    export PG_SHARED_BUFFERS=256MB
    instance_temporary "$1"
    servers_start
    instance_mark
    test_environment
}

# A run that was cut short leaves a log in which nothing failed, or half a log: then its exit code is a failure of its own.
count_run() { # meson, pytest or dev, exit code, its log, the log of its second try
    local before=$FAILED counts
    if [[ -f $3 ]] && counts=$(python3 "$ROOT/tools/dev/results.py" "$1" "${@:3}"); then
        count "$counts"
    else
        printf '  FAILED: %s left no log that can be read (exit %d)\n' "$1" "$2"
        count '0 1 0'
    fi
    if (($2 != 0 && FAILED == before)); then
        printf '  FAILED: %s ended with exit code %d, though no test failed in its log\n' "$1" "$2"
        count '0 1 0'
    fi
}

# A machine that stands still for seconds makes tests of timeouts fail. Those that results.py names are tried once more,
# alone; which ones is said here and before the verdict.
RETRIED=()

retry_names() { # the log of the first try -> in NAMES those to try again
    NAMES=()
    [[ ! -f $1 ]] || mapfile -t NAMES < <(python3 "$ROOT/tools/dev/results.py" retry "$1")
    ((${#NAMES[@]} > 0)) || return 1
    step "a second try, alone: ${NAMES[*]}"
    RETRIED+=("${NAMES[@]}")
}

say_retried() {
    ((${#RETRIED[@]} == 0)) || step "had a second try: ${RETRIED[*]}"
}

# Its log keeps every test's output; the terminal shows one line for each test program as it ends.
test_units() { # kind [meson test arguments...]
    local dir code=0 log again=()
    dir=$(build_dir "$1")
    step "unit tests ($1)"
    run_units "$dir" first "${@:2}" || code=$?
    log=$(units_log "$dir" first)
    if ((code != 0)) && retry_names "$log"; then
        code=0
        run_units "$dir" second "${@:2}" --num-processes 1 "${NAMES[@]}" || code=$?
        again=("$(units_log "$dir" second)")
    fi
    count_run meson "$code" "$log" "${again[@]}"
}

run_units() { # build folder, name of the log [meson test arguments...]
    rm -f -- "$1/meson-logs/$2"*.json
    child meson test -C "$1" --no-rebuild --print-errorlogs --timeout-multiplier 3 --logbase "$2" "${@:3}"
}

units_log() { # build folder, name of the log; with a wrapper its name is in it, too
    local logs=("$1/meson-logs/$2"*.json)
    printf '%s' "${logs[0]:-}"
}

test_crossing() {
    step "contract, integration and end-to-end tests"
    run_pytest together -m 'not alone'
}

# Those that measure times, when nothing runs beside them any more, and those of the production build, which is there then.
test_crossing_alone() {
    step "those of them that want to be alone"
    run_pytest alone -m alone
}

run_pytest() { # name of the run, pytest arguments...
    local code=0 report=$INST/pytest-$1.xml
    child "$(cache_venv_dir)/bin/python" -m pytest -p no:cacheprovider --rootdir="$ROOT/tests" --basetemp="$INST/pytest-$1" \
        --junitxml="$report" -ra --durations=15 "${@:2}" "$ROOT"/tests/{contract,integration,e2e} || code=$?
    count_run pytest "$code" "$report"
}

# Another part of it with each commit.
test_crashes() {
    local seed
    seed=$(git -C "$ROOT" rev-parse --short=6 HEAD 2>/dev/null || printf 1)
    HOLDFAST_CRASH_DIR=$INST/crash crash_sweep --sample 3m --seed "$((16#$seed))"
}

# The source is checked beside the tests that cross units, on what they leave of the processors: most of their time they
# wait. Unit tests use both, and those that yield to others would wait for a compiler.
test_source_start() {
    step "checks of the source begin, beside the tests"
    beside_start "$STATE/log/lint.log" "$ROOT/dev" lint
}

test_source_end() {
    local code=0
    step "checks of the source"
    beside_wait || code=$?
    sed 's/^/           /' -- "$STATE/log/lint.log"
    count_run dev "$code" "$STATE/log/lint.log"
}

# One thread, beside the crash sweep, which waits for its deals most of the time.
test_simulation_start() {
    step "simulation begins, beside the crash sweep: $SIM_SECONDS s, and until everything was asked for"
    sim_start_beside clang "$SIM_SECONDS" "$STATE/log/sim.log"
}

test_simulation_end() {
    local code=0
    beside_wait || code=$?
    sed 's/^/           /' -- "$STATE/log/sim.log"
    return "$code"
}

cmd_test() {
    local quick=false
    case ${1:-} in
    '') ;;
    --quick) quick=true ;;
    *) usage_error "test: unknown option $1" ;;
    esac
    test_all "$quick"
    say_retried
    verdict
}

test_all() { # quick: true or false
    if "$1"; then
        ensure_packages build run jars
    else
        ensure_packages build run jars guide test venv buf
        cache_venv
        cache_promtool
    fi
    cache_kafka
    check 'gcc build with ASan and UBSan, warnings are errors' build asan
    # shellcheck disable=SC2153
    local built=$((FAILED == 0))
    if ((built)); then
        test_servers test
        test_units asan
    fi
    if ! "$1"; then
        test_source_start
        ((!built)) || test_crossing
        test_source_end
        ((!built)) || test_crossing_alone
        test_simulation_start
        ((!built)) || check 'crash sweep, what three minutes allow' test_crashes
        check 'simulation' test_simulation_end
    fi
}

# Too slow for each merge: other compilers' sanitizers, races, the deep analyzer, uninitialised memory.
cmd_check() {
    (($# == 0)) || usage_error "check takes no options"
    ensure_packages check
    test_all false
    test_built 'gcc build with the thread sanitizer' tsan
    test_built 'clang build with ASan and UBSan' clang-asan
    check 'gcc -fanalyzer' check_analyzer
    test_built 'debug build, under valgrind' debug --timeout-multiplier 10 \
        --wrapper 'valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite'
    say_retried
    verdict
}

test_built() { # name, kind [meson test arguments...]
    local before=$FAILED
    check "$1" build "$2"
    ((FAILED > before)) || test_units "${@:2}"
}

check_analyzer() {
    rm -rf -- "$(build_dir analyzer)"
    BUILD_LOG=1 build analyzer && ! grep 'Wanalyzer-' "$STATE/log/ninja-analyzer.log"
}
