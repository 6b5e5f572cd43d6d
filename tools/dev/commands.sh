# shellcheck shell=bash
# up, down, env, status, ctl, logs, reset, demo, judges, crash, servers.

# Builds first: what does not compile starts nothing. The broker's JVM starts while the database is prepared.
up_all() { # replicas
    ensure_packages build run jars guide
    cache_kafka
    build_product
    kafka_launch
    pg_start
    migrate_up
    kafka_start
    topics_ensure
    services_start "$1"
    tokens_make
}

token_make() { # key, kind, account id key, label
    local token
    [[ -z $(recall secrets "TOKEN_$1") ]] || return 0
    token=$(DATABASE_URL=$(pg_url holdfast_operator) "$(binary release holdfastctl)" token create \
        --kind "$2" --account "$(recall secrets "$3")" --label "$4" 2>"$INST/log/tokens.log" 9>&-) ||
        die_not_started "holdfastctl cannot make a token (log: $INST/log/tokens.log)"
    remember secrets "TOKEN_$1" "$token"
}

account_id() { # key; a random UUID, remembered
    [[ -n $(recall secrets "$1") ]] || remember secrets "$1" "$(</proc/sys/kernel/random/uuid)"
}

tokens_make() {
    local key
    for key in MARKETPLACE_ID BUYER_ID SELLER_ID STAFF_ID; do
        account_id "$key"
    done
    token_make MARKETPLACE marketplace MARKETPLACE_ID 'development marketplace'
    token_make BUYER user BUYER_ID 'development buyer'
    token_make SELLER user SELLER_ID 'development seller'
    token_make STAFF staff STAFF_ID 'development staff'
}

row() { printf '  %-14s %s\n' "$1" "$2"; }

up_table() {
    local key
    printf '\n'
    banner
    printf '\n'
    row API "$(service_url GATEWAY_HTTP_PORT)"
    row webhooks "$(service_url PAYMENTS_HTTP_PORT)/webhooks/stripe"
    row sandbox "$(service_url SANDBOX_HTTP_PORT) (plays Stripe and Discord)"
    row database "$(pg_tcp_url holdfast_verifier) (reads all)"
    row broker "$(kafka_brokers)"
    row metrics "http://127.0.0.1:$(recall env ESCROW_1_ADMIN_PORT)/metrics (others: ./dev status)"
    printf '\n'
    for key in MARKETPLACE BUYER SELLER STAFF; do
        row "${key,,}" "$(recall secrets "TOKEN_$key")"
        row '' "user id $(recall secrets "${key}_ID")"
    done
    printf '\nNext:\n'
    printf '  ./dev demo                 one deal from creation to payout\n'
    # shellcheck disable=SC2016
    printf '  eval "$(./dev env)"        these URLs and tokens in your shell; then docs/api.md\n'
    printf '  ./dev logs escrow-1 -f     what a service says\n'
    printf '  curl -s -H "Authorization: Bearer %s" %s/v1/escrows\n' \
        "$(recall secrets TOKEN_BUYER)" "$(service_url GATEWAY_HTTP_PORT)"
    printf '  ./dev down                 stop all of it (the sandbox forgets; see docs/quickstart.md)\n'
}

cmd_up() {
    local replicas=1
    while (($# > 0)); do
        case $1 in
        --replicas)
            replicas=${2:-}
            shift "$(($# > 1 ? 2 : 1))"
            ;;
        *) usage_error "up: unknown option $1" ;;
        esac
    done
    [[ $replicas =~ ^[1-9]$ ]] || usage_error "up: --replicas is a number from 1 to 9"
    lock_state
    up_all "$replicas"
    step "ready"
    up_table
}

down_all() {
    services_stop
    kafka_stop
    pg_stop
}

cmd_down() {
    (($# == 0)) || usage_error "down takes no options"
    lock_state
    down_all
    step "stopped; database, log and tokens stay in $STATE, what the sandbox knew of payments and messages is gone"
}

status_names() {
    printf 'postgres\nkafka\nsandbox\n'
    local file
    for file in "$INST"/run/*.env; do
        printf '%s\n' "$(basename -- "$file" .env)"
    done | grep -vx sandbox || true
}

status_port() { # name -> the port a client would use, or nothing
    case $1 in
    postgres) recall env PG_PORT ;;
    kafka) recall env KAFKA_PORT ;;
    sandbox) recall env SANDBOX_HTTP_PORT ;;
    escrow-* | oracle-*) ;;
    *) recall env "$(http_port_key "${1%-*}" "${1##*-}")" ;;
    esac
}

status_state() { # name
    if ! proc_alive "$1"; then
        printf 'stopped'
    elif [[ $1 == postgres || $1 == kafka ]]; then
        printf 'running'
    elif service_ready "$1"; then
        printf 'ready'
    else
        printf 'not ready'
    fi
}

cmd_ctl() {
    local ctl
    proc_alive postgres || die "$EXIT_NOT_STARTED" "nothing runs; ./dev up starts it"
    ctl=$(binary release holdfastctl) || die "$EXIT_NOT_STARTED" "holdfastctl is not in the build"
    HOLDFAST_ENV=development DATABASE_URL=$(pg_url holdfast_operator) KAFKA_BROKERS=$(kafka_brokers) \
        REQUEST_SIGNING_SECRET=$(secret REQUEST_SIGNING) "$ctl" "$@"
}

# For a shell of people: eval "$(./dev env)".
cmd_env() {
    (($# == 0)) || usage_error "env takes no options"
    local key
    [[ -n $(recall env GATEWAY_HTTP_PORT) ]] || die "$EXIT_NOT_STARTED" "nothing was started yet; ./dev up starts it"
    printf 'export %s=%q\n' HOLDFAST_URL "$(service_url GATEWAY_HTTP_PORT)" SANDBOX_URL "$(service_url SANDBOX_HTTP_PORT)"
    for key in MARKETPLACE BUYER SELLER STAFF; do
        printf 'export %s_%s=%q\n' "$key" TOKEN "$(recall secrets "TOKEN_$key")" "$key" ID "$(recall secrets "${key}_ID")"
    done
}

cmd_status() {
    local json=false name pid uptime memory admin port separator='' running=0
    case ${1:-} in
    '') ;;
    --json) json=true ;;
    *) usage_error "status: unknown option $1" ;;
    esac
    "$json" && printf '[' || printf '%-16s %-10s %8s %8s %9s %7s %7s\n' NAME STATE PID UPTIME MEMORY PORT ADMIN
    while read -r name; do
        pid=$(proc_pid "$name")
        uptime='' memory='' admin=''
        port=$(status_port "$name")
        if [[ -n $pid ]]; then
            running=$((running + 1))
            uptime=$(proc_uptime "$pid")
            memory=$(awk '/^VmRSS:/ { print int($2 / 1024) }' "/proc/$pid/status" 2>/dev/null || true)
        fi
        [[ $name == postgres || $name == kafka ]] || admin=$(recall env "$(admin_port_key "$name")")
        if "$json"; then
            printf '%s\n  {"name": "%s", "state": "%s", "pid": %s, "uptime_s": %s, "rss_mb": %s, "port": %s, "admin_port": %s}' \
                "$separator" "$name" "$(status_state "$name")" "${pid:-null}" "${uptime:-null}" "${memory:-null}" \
                "${port:-null}" "${admin:-null}"
            separator=,
        else
            printf '%-16s %-10s %8s %8s %9s %7s %7s\n' "$name" "$(status_state "$name")" "${pid:--}" \
                "${uptime:+${uptime}s}" "${memory:+${memory}MB}" "$port" "$admin"
        fi
    done < <(status_names)
    "$json" && printf '\n]\n'
    ((running > 0)) || return "$EXIT_FAILED"
}

cmd_logs() {
    local names follow=()
    names=$(for log in "$INST"/log/*.log; do basename -- "$log" .log; done)
    if (($# == 0)); then
        printf 'logs (%s/log):\n%s\n' "$INST" "${names:-none yet}"
        return 0
    fi
    case ${2:-} in
    '') ;;
    -f) follow=(-F) ;;
    *) usage_error "logs: unknown option $2" ;;
    esac
    local name=$1
    [[ -f $INST/log/$name.log || ! -f $INST/log/$name-1.log ]] || name=$name-1
    [[ -f $INST/log/$name.log ]] || usage_error "logs: no log of '$1'; there are: ${names//$'\n'/ }"
    exec tail -n 200 "${follow[@]}" -- "$INST/log/$name.log"
}

cmd_reset() {
    local all=false dir
    case ${1:-} in
    '') ;;
    --all) all=true ;;
    *) usage_error "reset: unknown option $1" ;;
    esac
    lock_state
    down_all
    pg_remove
    rm -rf -- "${STATE:?}/kafka" "$STATE/pg" "$STATE/run" "$STATE/log" "$STATE/env" "$STATE/secrets" \
        "$STATE/last-logs"
    instances_sweep
    if "$all"; then
        for dir in "$STATE"/build*; do
            rm -rf -- "$dir"
        done
    fi
    step "all state is gone"
}

demo_environment() { # NUL-ended assignments
    local key
    printf '%s\0' "HOLDFAST_GATEWAY_URL=$(service_url GATEWAY_HTTP_PORT)" \
        "HOLDFAST_SANDBOX_URL=$(service_url SANDBOX_HTTP_PORT)" \
        "HOLDFASTCTL=$(binary release holdfastctl)" "DATABASE_URL=$(pg_url holdfast_verifier)" \
        "KAFKA_BROKERS=$(kafka_brokers)"
    for key in MARKETPLACE BUYER SELLER STAFF; do
        printf '%s\0' "HOLDFAST_${key}_TOKEN=$(recall secrets "TOKEN_$key")" \
            "HOLDFAST_${key}_ID=$(recall secrets "${key}_ID")"
    done
}

replicas_running() { # 1 where nothing runs
    local count=1 name
    for name in $(proc_names); do
        if [[ $name =~ ^escrow-([0-9]+)$ ]] && ((BASH_REMATCH[1] > count)); then
            count=${BASH_REMATCH[1]}
        fi
    done
    printf '%s' "$count"
}

cmd_demo() {
    local keep=false demo=$ROOT/tools/demo/demo.py scene=() environment code=0
    case ${1:-} in
    '') ;;
    card | dispute | late-money | milestones | parts | split) scene=("$1") ;;
    --keep) keep=true ;;
    kills) shift && demo_kills "$@" && return ;;
    *) usage_error "demo: unknown option $1" ;;
    esac
    lock_state
    # What ran before stays; what this starts is stopped, however it ends.
    if ! "$keep" && ! proc_any_alive; then
        at_exit demo_end
    fi
    banner
    up_all "$(replicas_running)"
    step "one deal"
    mapfile -d '' -t environment < <(demo_environment)
    child env "${environment[@]}" python3 "$demo" "${scene[@]}" || code=$?
    if ((code != 0)); then
        die "$EXIT_FAILED" "the demo failed (logs: $INST/log)"
    fi
    step "the demo is done"
}

# Servers and replicas of its own: nothing that runs is disturbed.
demo_kills() {
    (($# == 0)) || usage_error "demo kills takes no options"
    ensure_packages build run jars test venv
    cache_venv
    cache_kafka
    build_product
    instance_temporary kills
    instance_mark
    step "deals while everything is killed and frozen in turn"
    HOLDFAST_BUILD_DIR=$(build_dir release) child "$(cache_venv_dir)/bin/python" "$ROOT/tools/demo/kills.py" ||
        die "$EXIT_FAILED" "somebody could tell"
}

demo_end() {
    proc_any_alive || return 0
    step "stopping what the demo started"
    down_all
}

cmd_judges() {
    local judges=$ROOT/tests/judges/run.sh
    if [[ ! -x $judges ]]; then
        printf 'judges: none here yet\n'
        return 0
    fi
    ensure_packages build
    build release || die "$EXIT_FAILED" "the build failed"
    HOLDFAST_BUILD_DIR=$(build_dir release) child "$judges" "$@"
}

# On servers of its own. What passed stays in $STATE/crash, for the next call with the same programs.
cmd_crash() {
    ensure_packages build run jars test venv
    cache_venv
    cache_kafka
    build release || die "$EXIT_FAILED" "the build failed"
    instance_temporary crash
    instance_mark
    step "the crash sweep"
    HOLDFAST_BUILD_DIR=$(build_dir release) HOLDFAST_CRASH_DIR=$STATE/crash crash_sweep "$@" || exit "$EXIT_FAILED"
}

crash_sweep() { # options of the sweep
    child "$(cache_venv_dir)/bin/python" "$ROOT/tests/crash/sweep.py" "$@"
}

# A PostgreSQL and a Kafka for tests that want their own: everything under DIR, nothing shared but the downloads.
cmd_servers() {
    if [[ ${1:-} != up && ${1:-} != down ]] || (($# != 2)); then
        usage_error "servers up|down DIR"
    fi
    mkdir -p -- "$2"
    INST=$(cd -- "$2" && pwd -P)
    # The servers are not part of what a test run's sweep may end in any order: their pid files are.
    unset DEV_RUN_MARK
    if [[ $1 == down ]]; then
        kafka_stop
        pg_stop
        pg_remove
        return 0
    fi
    if ! cache_has_kafka || [[ ! -x $PG_BIN/postgres ]]; then
        die "$EXIT_MISSING" "run ./dev doctor --fix first"
    fi
    KAFKA_SASL=yes servers_start >&2
    cat <<JSON
{"database_url": "$(pg_super_url)", "brokers": "$(kafka_brokers)", "pg_home": "$(pg_home)",
 "sasl": {"brokers": "127.0.0.1:$(recall env KAFKA_SASL_PORT)", "username": "holdfast", "password": "$(recall secrets KAFKA_SASL_PASSWORD)"},
 "pg_pid": $(proc_pid postgres), "kafka_pid": $(proc_pid kafka),
 "role_urls": {$(servers_role_urls)}}
JSON
}

servers_role_urls() {
    local role separator=''
    while read -r role; do
        printf '%s"%s": "%s"' "$separator" "$role" "$(pg_tcp_url "$role")"
        separator=', '
    done < <(pg_roles)
}

# Where the servers are, for programs that test or measure on them.
servers_environment() {
    export HOLDFAST_TEST_DATABASE_URL HOLDFAST_TEST_KAFKA
    HOLDFAST_TEST_DATABASE_URL=$(pg_super_url)
    HOLDFAST_TEST_KAFKA=$(kafka_brokers)
}

servers_start() {
    kafka_launch
    pg_start
    pg_bootstrap
    kafka_start
}
