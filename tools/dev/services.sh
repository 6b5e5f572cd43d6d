# shellcheck shell=bash
# Holdfast's own processes: which there are, with which environment, when they are ready.

# A running service keeps its port: that it is taken is its own doing.
service_choose_port() { # name, port key
    if ! proc_alive "$1" || [[ -z $(recall env "$2") ]]; then
        port_for "$2"
    fi
}

# Every process gets exactly this environment: what the user's shell has set must not change a service.
service_env() { # name, HTTP port key or '-', extra KEY=VALUE... -> NUL-ended assignments
    local name=$1 http=$2
    shift 2
    printf '%s\0' PATH=/usr/bin:/bin LANG=C.UTF-8 HOLDFAST_ENV=development \
        "LOG_LEVEL=${LOG_LEVEL:-info}" "ADMIN_LISTEN=127.0.0.1:$(recall env "$(admin_port_key "$name")")" "$@"
    [[ $http == - ]] || printf '%s\0' "HTTP_LISTEN=127.0.0.1:$(recall env "$http")" READY_LAG_MS=0
}

# The first gateway and payments keep the plain names: theirs are the URLs that people and the sandbox know.
http_port_key() { # service, replica
    if (($2 == 1)); then
        printf '%s_HTTP_PORT' "${1^^}"
    else
        printf '%s_%d_HTTP_PORT' "${1^^}" "$2"
    fi
}

replica_env() { # service, replica
    local service=$1 name=$1-$2 common
    common=("DATABASE_URL=$(pg_url "holdfast_$service")" "KAFKA_BROKERS=$(kafka_brokers)")
    case $service in
    gateway)
        service_env "$name" "$(http_port_key gateway "$2")" "${common[@]}" "REQUEST_SIGNING_SECRET=$(secret REQUEST_SIGNING)" \
            "EVIDENCE_DIR=$(evidence_dir)"
        ;;
    escrow) service_env "$name" - "${common[@]}" "SEAL_KEY=$(seal_key)" ;;
    oracle) service_env "$name" - "${common[@]}" ;;
    payments)
        service_env "$name" "$(http_port_key payments "$2")" "${common[@]}" \
            "STRIPE_API_BASE=$(service_url SANDBOX_HTTP_PORT)" \
            "STRIPE_SECRET_KEY=$(stripe_secret_key)" "STRIPE_WEBHOOK_SECRETS=$(stripe_webhook_secret)"
        ;;
    notifications)
        service_env "$name" - "${common[@]}" \
            "DISCORD_API_BASE=$(service_url SANDBOX_HTTP_PORT)/api/v10" "DISCORD_BOT_TOKEN=$(discord_bot_token)"
        ;;
    esac
}

# Where all gateways have the files of disputes.
evidence_dir() {
    mkdir -p -- "$STATE/evidence"
    printf '%s' "$STATE/evidence"
}

# RFC 8410: an Ed25519 private key is these sixteen bytes and its seed.
seal_key() {
    local hex
    hex=302e020100300506032b657004220420$(secret SEAL_SEED 32)
    printf -- '-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----' \
        "$(fold -w2 <<<"$hex" | while read -r byte; do printf '%b' "\\x$byte"; done | base64 -w0)"
}

stripe_secret_key() { printf 'sk_test_%s' "$(secret STRIPE_KEY)"; }
stripe_webhook_secret() { printf 'whsec_%s' "$(secret STRIPE_WEBHOOK)"; }
discord_bot_token() { printf 'bot_%s' "$(secret DISCORD_BOT)"; }

service_url() { # port key
    printf 'http://127.0.0.1:%s' "$(recall env "$1")"
}

# The program that a running process was started from has been replaced by a newer build.
service_outdated() { # name
    local pid
    pid=$(proc_pid "$1")
    [[ -n $pid && $(readlink -- "/proc/$pid/exe" 2>/dev/null) == *' (deleted)' ]]
}

# Starts it, or starts it anew when what it was started with (its program, its environment) is not what it would be
# started with now: a database or a broker that was killed may have come back elsewhere. The environment has secrets.
service_start() { # name, program, command... that prints its environment
    local name=$1 file=$INST/run/$1.env program environment why=''
    (umask 077 && "${@:3}" >"$file.new")
    if proc_alive "$name"; then
        if service_outdated "$name"; then
            why='there is a newer build'
        elif ! cmp -s -- "$file" "$file.new"; then
            why='its environment has changed'
        else
            rm -f -- "$file.new"
            return 0
        fi
        step "restarting $name: $why"
        proc_stop "$name"
    fi
    program=$(binary release "$2") || die "$EXIT_NOT_STARTED" "$2 is not in the build"
    mv -f -- "$file.new" "$file"
    mapfile -d '' -t environment <"$file"
    proc_start "$name" env -i "${environment[@]}" "$program"
}

service_ready() { # name
    [[ $(http_status "$(recall env "$(admin_port_key "$1")")" /readyz) == 200 ]]
}

admin_port_key() { # name
    local key=${1^^}
    printf '%s_ADMIN_PORT' "${key//-/_}"
}

# Its memory dies with it, so a running one is left alone as long as it knows where payments is.
sandbox_start() { # replicas
    local urls='' number url
    for ((number = 1; number <= $1; number++)); do
        url=$(service_url "$(http_port_key payments "$number")")/webhooks/stripe
        urls+=${urls:+,}$url
    done
    if proc_alive sandbox && ! service_outdated sandbox && grep -qszF -- "${urls%%,*}" "$INST/run/sandbox.env"; then
        return 0
    fi
    service_start sandbox holdfast-sandbox service_env sandbox SANDBOX_HTTP_PORT \
        "STRIPE_SECRET_KEY=$(stripe_secret_key)" "STRIPE_WEBHOOK_SECRET=$(stripe_webhook_secret)" "STRIPE_WEBHOOK_URL=$urls" \
        "DISCORD_BOT_TOKEN=$(discord_bot_token)"
}

# All of them before anything starts: payments and the sandbox know each other's.
services_choose_ports() { # replicas
    local service number name
    service_choose_port sandbox SANDBOX_HTTP_PORT
    service_choose_port sandbox "$(admin_port_key sandbox)"
    for service in "${HOLDFAST_SERVICES[@]}"; do
        for ((number = 1; number <= $1; number++)); do
            name=$service-$number
            service_choose_port "$name" "$(admin_port_key "$name")"
            case $service in
            gateway | payments) service_choose_port "$name" "$(http_port_key "$service" "$number")" ;;
            esac
        done
    done
}

services_start() { # replicas
    local service number name
    mkdir -p -- "$INST/run"
    chmod 700 "$INST/run"
    services_choose_ports "$1"
    step "starting the sandbox and $1 of each service"
    sandbox_start "$1"
    for service in "${HOLDFAST_SERVICES[@]}"; do
        for ((number = 1; number <= $1; number++)); do
            name=$service-$number
            service_start "$name" "holdfast-$service" replica_env "$service" "$number"
        done
    done
    services_stop_surplus "$1"
    for name in sandbox $(proc_names); do
        proc_await "$name" 30 service_ready_or_lost "$name" ||
            die_not_started "$name is not ready (log: $INST/log/$name.log)"
        servers_live || die_not_started 'no service works without it'
    done
}

servers_live() { proc_alive postgres && proc_alive kafka; }

# There is no use in waiting for a service whose database or broker has ended.
service_ready_or_lost() { service_ready "$1" || ! servers_live; }

# What something did not start for, and first of all whether it is a server that has ended.
die_not_started() { # text
    local server why=''
    for server in postgres kafka; do
        if ! proc_alive "$server"; then
            proc_show_log "$server"
            why+="$server has ended (log: $INST/log/$server.log); "
        fi
    done
    die "$EXIT_NOT_STARTED" "$why$1"
}

services_stop_surplus() { # replicas
    local name
    for name in $(proc_names); do
        if [[ $name =~ -([0-9]+)$ ]] && ((BASH_REMATCH[1] > $1)); then
            proc_stop "$name"
            rm -f -- "$INST/run/$name.env"
        fi
    done
}

# All are asked at once and drain side by side; then each is waited for.
services_stop() {
    local name names
    mapfile -t names < <(proc_names)
    for name in "${names[@]}"; do
        proc_signal "$name" TERM
    done
    for name in "${names[@]}"; do
        proc_stop "$name" TERM 20
    done
}

topics_ensure() {
    local ctl
    ctl=$(binary release holdfastctl) || die "$EXIT_NOT_STARTED" "holdfastctl is not in the build"
    step "creating topics"
    KAFKA_BROKERS=$(kafka_brokers) quietly "$INST/log/topics.log" "$ctl" topics ensure ||
        die_not_started "the topics cannot be created"
}

migrate_up() {
    local ctl
    ctl=$(binary release holdfastctl) || die "$EXIT_NOT_STARTED" "holdfastctl is not in the build"
    step "migrating the database"
    pg_bootstrap
    DATABASE_URL=$(pg_url holdfast_owner) quietly "$INST/log/migrate.log" "$ctl" migrate up --dir "$ROOT/migrations" ||
        die_not_started "the database cannot be migrated"
}
