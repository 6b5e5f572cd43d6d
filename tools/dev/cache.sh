# shellcheck shell=bash
# Downloads, kept outside the checkout so that a second one needs no network: Kafka's jars (Maven), the Python test
# tools (pip), the schema linter and a benchmark's peer (npm), Prometheus' checker (apt). Each is pinned by checksum, or checked by apt, and
# appears in its place only when it is whole.

content_key() { # files... -> a short name for their content
    cat -- "$@" | sha256sum | cut -c1-12
}

cache_kafka_dir() {
    printf '%s/kafka-%s' "$CACHE" "$(content_key "$ROOT/tools/kafka/pom.xml" "$ROOT/tools/kafka/jars.sha256")"
}

cache_has_kafka() { [[ -d $(cache_kafka_dir) ]]; }

kafka_classpath() {
    printf '%s/*' "$(cache_kafka_dir)"
}

cache_place() { # from, to: the first of several racing checkouts wins
    mkdir -p -- "$(dirname -- "$2")"
    mv -T -- "$1" "$2" 2>/dev/null || { rm -rf -- "$1" && [[ -d $2 ]]; }
}

fetch_kafka() { # folder
    mvn -B -C -f "$ROOT/tools/kafka/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime "-DoutputDirectory=$1"
    (cd -- "$1" && sha256sum --quiet --strict -c "$ROOT/tools/kafka/jars.sha256")
}

cache_kafka() {
    cache_has_kafka && return 0
    step "fetching Kafka's jars (45 MB, once)"
    mkdir -p -- "$CACHE"
    local new
    new=$(mktemp -d "$CACHE/new.XXXXXX")
    if ! quietly "$STATE/log/maven.log" fetch_kafka "$new"; then
        rm -rf -- "$new"
        die "$EXIT_MISSING" "cannot fetch Kafka's jars with Maven (is there a network? log: $STATE/log/maven.log)"
    fi
    chmod 755 "$new"
    cache_place "$new" "$(cache_kafka_dir)"
}

cache_venv_dir() {
    printf '%s/python-%s-%s' "$CACHE" "$(content_key "$ROOT/tests/requirements.txt")" \
        "$("$(system_python)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || printf none)"
}

cache_has_venv() { [[ -f $(cache_venv_dir)/complete ]]; }

make_venv() { # folder
    rm -rf -- "$1" &&
        "$(system_python)" -m venv "$1" &&
        "$1/bin/pip" install --disable-pip-version-check --require-hashes --no-deps -r "$ROOT/tests/requirements.txt" &&
        touch -- "$1/complete"
}

# A venv knows its own path, so it is made in place, by one checkout at a time: with the lock held, what is there and
# not complete was left by one that has died.
cache_venv() {
    cache_has_venv && return 0
    mkdir -p -- "$CACHE"
    exec 8>"$CACHE/venv.lock"
    if ! flock -n 8; then
        step "another ./dev fetches the Python test tools, waiting"
        flock 8
    fi
    if ! cache_has_venv; then
        step "fetching the Python test tools (once)"
        quietly "$STATE/log/pip.log" make_venv "$(cache_venv_dir)" ||
            die "$EXIT_MISSING" "cannot fetch the Python test tools with pip (is there a network? log: $STATE/log/pip.log)"
    fi
    exec 8>&-
}

cache_buf_dir() {
    printf '%s/buf-%s' "$CACHE" "$(content_key "$ROOT/tools/buf/package-lock.json")"
}

# The binary itself; npm's wrapper would want node each time.
buf_binary() {
    case $(uname -m) in
    aarch64) printf '%s/node_modules/@bufbuild/buf-linux-aarch64/bin/buf' "$(cache_buf_dir)" ;;
    *) printf '%s/node_modules/@bufbuild/buf-linux-x64/bin/buf' "$(cache_buf_dir)" ;;
    esac
}

cache_has_buf() { [[ -x $(buf_binary) ]]; }

fetch_buf() { # folder
    cp -- "$ROOT/tools/buf/package.json" "$ROOT/tools/buf/package-lock.json" "$1"
    (cd -- "$1" && npm ci --ignore-scripts --no-audit --no-fund)
}

cache_buf() { # returns 1 when it cannot be had: only the schema check depends on it
    cache_has_buf && return 0
    step "fetching buf (once)"
    mkdir -p -- "$CACHE"
    local new
    new=$(mktemp -d "$CACHE/new.XXXXXX")
    if ! quietly "$STATE/log/npm.log" fetch_buf "$new"; then
        rm -rf -- "$new"
        warn "cannot fetch buf with npm (is there a network? log: $STATE/log/npm.log)"
        return 1
    fi
    chmod 755 "$new"
    cache_place "$new" "$(cache_buf_dir)"
}

# The peer of a benchmark: its sources beside the modules that they import.
cache_peer_dir() {
    printf '%s/peer-%s' "$CACHE" "$(content_key "$ROOT"/tests/bench/peer/*.{json,mjs,sql})"
}

cache_has_peer() { [[ -d $(cache_peer_dir) ]]; }

fetch_peer() { # folder
    cp -- "$ROOT"/tests/bench/peer/*.{json,mjs,sql} "$1"
    (cd -- "$1" && npm ci --ignore-scripts --no-audit --no-fund)
}

cache_peer() { # returns 1 when it cannot be had
    cache_has_peer && return 0
    step "fetching the peer's modules (once)"
    mkdir -p -- "$CACHE"
    local new
    new=$(mktemp -d "$CACHE/new.XXXXXX")
    if ! quietly "$STATE/log/npm-peer.log" fetch_peer "$new"; then
        rm -rf -- "$new"
        warn "cannot fetch the peer's modules with npm (is there a network? log: $STATE/log/npm-peer.log)"
        return 1
    fi
    chmod 755 "$new"
    cache_place "$new" "$(cache_peer_dir)"
}

cache_promtool_dir() {
    printf '%s/promtool-%s' "$CACHE" "$(uname -m)"
}

cache_has_promtool() {
    command -v promtool >/dev/null || [[ -x $(cache_promtool_dir)/promtool ]]
}

# Out of Debian's package: installed, that would start a server on this machine.
fetch_promtool() { # folder
    cd -- "$1" || return 1
    apt-get download prometheus || { as_root apt-get update && apt-get download prometheus; } || return 1
    dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 ./usr/bin/promtool || return 1
    rm -f -- prometheus_*.deb
}

cache_promtool() { # afterwards it is in PATH
    if ! cache_has_promtool; then
        step "fetching promtool (once)"
        mkdir -p -- "$CACHE"
        local new
        new=$(mktemp -d "$CACHE/new.XXXXXX")
        if ! quietly "$STATE/log/promtool.log" fetch_promtool "$new"; then
            rm -rf -- "$new"
            die "$EXIT_MISSING" "cannot fetch Debian's package prometheus (is there a network? log: $STATE/log/promtool.log)"
        fi
        chmod 755 "$new"
        cache_place "$new" "$(cache_promtool_dir)"
    fi
    PATH=$PATH:$(cache_promtool_dir)
    export PATH
}
