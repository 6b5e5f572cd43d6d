# shellcheck shell=bash
# A PostgreSQL cluster of our own: own data folder, own port, own passwords, fsync on. PostgreSQL refuses to run as
# root, so then it runs as the package's `postgres` user, in a folder which that user can reach.

readonly HOLDFAST_SERVICES=(gateway escrow payments oracle notifications)

# The user's own PGHOST and the like would send psql, and PGDATA the server, elsewhere. (PG_... are ours.)
for name in "${!PG@}"; do
    [[ $name == PG_* ]] || unset "$name"
done

pg_as() { # command...; as the user who owns the cluster
    if ((EUID == 0)); then
        setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    else
        "$@"
    fi
}

pg_home() { # the folder of data and socket
    recall env PG_HOME
}

# Unix socket paths are limited to 107 bytes, the name in the folder takes 17 of them.
pg_choose_home() {
    local home=$INST/pg
    [[ -z $(pg_home) || ! -d $(pg_home) ]] || return 0
    mkdir -p -- "$INST"
    if ! pg_as test -x "$INST" || ((${#home} > 85)); then
        home=/var/tmp/holdfast-$(printf '%s' "$INST" | sha256sum | cut -c1-12)/pg
        mkdir -p -- "${home%/pg}"
        chmod 755 "${home%/pg}"
    fi
    if [[ -L $home || ( -e $home && ! -O $home && $(stat -c %U -- "$home") != postgres ) ]]; then
        die "$EXIT_NOT_STARTED" "$home belongs to somebody else"
    fi
    remember env PG_HOME "$home"
}

pg_init() {
    local home
    home=$(pg_home)
    [[ ! -f $home/data/PG_VERSION ]] || return 0
    step "making a PostgreSQL cluster"
    rm -rf -- "$home"
    mkdir -m 755 -- "$home"
    mkdir -m 700 -- "$home/data"
    (umask 077 && printf '%s\n' "$(secret PG_SUPER_PASSWORD)" >"$home/pw")
    ((EUID != 0)) || chown -R postgres:postgres -- "$home"
    quietly "$INST/log/initdb.log" pg_as "$PG_BIN/initdb" -D "$home/data" --username=postgres --pwfile="$home/pw" \
        --auth-local=scram-sha-256 --auth-host=scram-sha-256 --encoding=UTF8 --locale=C --no-sync ||
        die "$EXIT_NOT_STARTED" "initdb failed"
    rm -f -- "$home/pw"
    pg_as tee -a "$home/data/postgresql.conf" >/dev/null <<<"include 'holdfast.conf'"
}

pg_configure() { # port
    local home
    home=$(pg_home)
    pg_as tee "$home/data/holdfast.conf" >/dev/null <<CONF
# Written by ./dev at each start.
listen_addresses = '127.0.0.1'
port = $1
unix_socket_directories = '$home'
max_connections = 200
shared_buffers = ${PG_SHARED_BUFFERS:-512MB}
fsync = on
synchronous_commit = on
full_page_writes = on
# What operators should set, too, with the reasons: docs/operations.md.
max_wal_size = 8GB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
wal_compression = lz4
jit = off
autovacuum_naptime = 15s
autovacuum_vacuum_scale_factor = 0.05
autovacuum_analyze_scale_factor = 0.02
timezone = 'UTC'
log_timezone = 'UTC'
password_encryption = scram-sha-256
log_line_prefix = '%m [%p] %u@%d '
CONF
}

# What the server is started with. A benchmark's PG_FSYNC_DELAY_US makes its disk slower (tests/bench/fsync_delay.c).
pg_command() { # NUL-ended words
    if ((EUID == 0)); then
        printf '%s\0' setpriv --reuid=postgres --regid=postgres --init-groups --
    fi
    if [[ -n ${PG_FSYNC_DELAY_US:-} ]]; then
        cp -- "$PG_FSYNC_DELAY_LIBRARY" "$(pg_home)/fsync_delay.so"
        printf '%s\0' env "LD_PRELOAD=$(pg_home)/fsync_delay.so" "FSYNC_DELAY_US=$PG_FSYNC_DELAY_US"
    fi
    printf '%s\0' "$PG_BIN/postgres" -D "$(pg_home)/data"
}

pg_super() { # psql arguments...; as the superuser, over the socket
    PGPASSWORD=$(secret PG_SUPER_PASSWORD) PGHOST=$(pg_home) PGPORT=$(recall env PG_PORT) PGUSER=postgres \
        PGDATABASE=${PG_DATABASE:-postgres} "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -At "$@"
}

pg_answers() {
    pg_super -c 'SELECT 1' >/dev/null 2>&1
}

# Where nobody reaps (a container whose first process is `sleep`), a killed server stays a zombie, and PostgreSQL takes it for
# life by its lock files. They are removed when none of its processes is left: each works in the data folder.
pg_forget_zombie() {
    local home pid link
    home=$(pg_home)
    [[ -f $home/data/postmaster.pid ]] || return 0
    read -r pid <"$home/data/postmaster.pid" || return 0
    grep -qs '^State:[[:space:]]*Z' "/proc/$pid/status" || return 0
    for link in /proc/[0-9]*/cwd; do
        [[ $(readlink -- "$link" 2>/dev/null) != "$home/data" ]] || return 0
    done
    rm -f -- "$home/data/postmaster.pid" "$home"/.s.PGSQL.*.lock
}

pg_start() {
    if proc_alive postgres && proc_await postgres 120 pg_answers; then # or is it just recovering
        return 0
    fi
    proc_stop postgres INT 20
    proc_wait_reaped postgres
    pg_choose_home
    pg_forget_zombie
    pg_init
    local try command
    for try in 1 2 3; do
        port_for PG_PORT
        pg_configure "$FREE_PORT"
        step "starting PostgreSQL (127.0.0.1:$FREE_PORT)"
        mapfile -d '' -t command < <(pg_command)
        proc_start postgres "${command[@]}"
        # Recovery after an unclean kill may take a while; the server says so and stays alive.
        ! proc_await postgres 120 pg_answers || return 0
        proc_stop postgres INT 20
        warn "PostgreSQL did not start (try $try of 3)"
        sleep 1 # children of a killed server may still hold its memory
    done
    die "$EXIT_NOT_STARTED" "PostgreSQL does not start (log: $INST/log/postgres.log)"
}

pg_stop() { # INT is the fast shutdown: sessions are ended, data is flushed
    proc_stop postgres INT 60
}

pg_remove() {
    local home
    home=$(pg_home)
    [[ -n $home ]] || return 0
    rm -rf -- "${home:?}"
    case $home in
    /var/tmp/holdfast-*/pg) rmdir -- "${home%/pg}" 2>/dev/null || true ;;
    esac
}

pg_role_secret() { # role -> its password
    local key=${1^^}
    secret "PG_PASSWORD_${key//-/_}"
}

pg_url() { # role; over the socket, for our own processes
    printf 'postgresql://%s:%s@%s:%s/holdfast' "$1" "$(pg_role_secret "$1")" \
        "$(url_encode_path "$(pg_home)")" "$(recall env PG_PORT)"
}

pg_tcp_url() { # role; for people
    printf 'postgresql://%s:%s@127.0.0.1:%s/holdfast' "$1" "$(pg_role_secret "$1")" "$(recall env PG_PORT)"
}

pg_super_url() {
    printf 'postgresql://postgres:%s@127.0.0.1:%s/holdfast' "$(secret PG_SUPER_PASSWORD)" "$(recall env PG_PORT)"
}

pg_roles() {
    local service
    printf 'holdfast_owner\nholdfast_verifier\nholdfast_operator\n'
    for service in "${HOLDFAST_SERVICES[@]}"; do
        printf 'holdfast_%s\n' "$service"
    done
}

# Database, roles, schemas, grants; harmless when they are there. Passwords go through standard input, so that no
# process list shows them.
pg_bootstrap() {
    [[ -n $(pg_super -c "SELECT 1 FROM pg_database WHERE datname = 'holdfast'") ]] ||
        pg_super -c 'CREATE DATABASE holdfast'
    {
        printf '\\set services %s\n' "$(IFS=,; printf '%s' "${HOLDFAST_SERVICES[*]}")"
        cat -- "$ROOT/tools/dev/bootstrap.sql"
        local role
        while read -r role; do
            printf "ALTER ROLE %s LOGIN PASSWORD '%s';\n" "$role" "$(pg_role_secret "$role")"
        done < <(pg_roles)
    } | PG_DATABASE=holdfast pg_super
}
