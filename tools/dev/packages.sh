# shellcheck shell=bash
# What must be on the machine. A line: what needs it | how to see that it is there | the Debian package.
# Only what is missing is installed, so that a machine that has all of it needs no network.

PG_BIN=${HOLDFAST_PG_BIN:-/usr/lib/postgresql/15/bin}
CLANG_RT=/usr/lib/llvm-16/lib/clang/16/lib/linux/libclang_rt.asan-x86_64.a

package_table() {
    cat <<TABLE
build|cmd:gcc|gcc
build|file:/usr/include/stdio.h|libc6-dev
build|cmd:meson|meson
build|cmd:ninja|ninja-build
build|cmd:pkg-config|pkg-config
build|cmd:python3|python3
build|cmd:protoc-c|protobuf-c-compiler
build|cmd:protoc|protobuf-compiler
build|pc:libprotobuf-c|libprotobuf-c-dev
build|pc:libulfius|libulfius-dev
build|pc:libmicrohttpd|libmicrohttpd-dev
build|pc:libcurl|libcurl4-gnutls-dev
build|pc:rdkafka|librdkafka-dev
build|pc:libpq|libpq-dev
build|pc:jansson|libjansson-dev
build|pc:libsodium|libsodium-dev
build|pc:libcrypto|libssl-dev
build|pc:uuid|uuid-dev
build|pc:cmocka|libcmocka-dev
run|file:$PG_BIN/postgres|postgresql-15
run|file:$PG_BIN/psql|postgresql-client-15
run|cmd:java|default-jre-headless
run|cmd:setpriv|util-linux
jars|cmd:mvn|maven
test|cmd:git|git
test|cmd:clang-16|clang-16
test|cmd:clang-tidy-16|clang-tidy-16
test|cmd:clang-format-16|clang-format-16
test|cmd:shellcheck|shellcheck
guide|cmd:curl|curl
guide|cmd:jq|jq
test|cmd:chromium|chromium
venv|py:ensurepip|python3-venv
buf|cmd:npm|npm
peer|cmd:npm|npm
peer|cmd:node|nodejs
check|file:$CLANG_RT|libclang-rt-16-dev
check|cmd:valgrind|valgrind
TABLE
}

package_present() { # probe
    case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null ;;
    file:*) [[ -e ${1#file:} ]] ;;
    pc:*) command -v pkg-config >/dev/null && pkg-config --exists "${1#pc:}" ;;
    py:*) "$(system_python)" -c "import ${1#py:}" 2>/dev/null ;;
    esac
}

# Debian's own python where there is one: python3-venv belongs to it, and it is the same on every machine.
system_python() {
    if [[ -x /usr/bin/python3 ]]; then
        printf '/usr/bin/python3'
    else
        printf 'python3'
    fi
}

packages_missing() { # groups... -> package names
    local group probe package wanted=" $* "
    while IFS='|' read -r group probe package; do
        [[ $wanted == *" $group "* ]] || continue
        package_present "$probe" || printf '%s\n' "$package"
    done < <(package_table)
}

# What a command needs, beyond what the cache already holds.
package_groups() { # groups... -> groups
    local group
    for group in "$@"; do
        case $group in
        jars) cache_has_kafka || printf 'jars ' ;;
        venv) cache_has_venv || printf 'venv ' ;;
        buf) cache_has_buf || printf 'buf ' ;;
        peer) cache_has_peer || printf 'peer ' ;;
        *) printf '%s ' "$group" ;;
        esac
    done
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo -- "$@"
    fi
}

# Debian's postgresql package makes and starts a cluster of its own on port 5432. Ours is elsewhere and started by us, so
# the default one is not made (a machine that has PostgreSQL already is not touched). It is said in a file of our own,
# read after the user's, which is gone afterwards; the user's own files are not touched.
NO_CLUSTER_CONF=/etc/postgresql-common/createcluster.d/zz-holdfast.conf

without_default_cluster() { # command...
    local code=0
    as_root apt-get install -y --no-install-recommends postgresql-common
    as_root mkdir -p -- "${NO_CLUSTER_CONF%/*}"
    printf 'create_main_cluster = false\n' | as_root tee "$NO_CLUSTER_CONF" >/dev/null
    "$@" || code=$?
    default_cluster_again
    return "$code"
}

default_cluster_again() {
    [[ -e $NO_CLUSTER_CONF ]] || return 0
    as_root rm -f -- "$NO_CLUSTER_CONF"
    as_root rmdir -- "${NO_CLUSTER_CONF%/*}" 2>/dev/null || true
}

apt_install() { # packages...
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update
    case " $* " in
    *' postgresql-15 '*) without_default_cluster as_root apt-get install -y --no-install-recommends "$@" ;;
    *) as_root apt-get install -y --no-install-recommends "$@" ;;
    esac
}

ensure_packages() { # groups...
    local groups missing
    read -r -a groups <<<"$(package_groups "$@")"
    mapfile -t missing < <(packages_missing "${groups[@]}")
    ((${#missing[@]} > 0)) || return 0
    local list="${missing[*]}"
    command -v apt-get >/dev/null ||
        die "$EXIT_MISSING" "missing: $list (Debian names; this machine has no apt-get, install them yourself)"
    if ((EUID != 0)) && ! { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; }; then
        die "$EXIT_MISSING" "missing: $list (as root: apt-get install $list)"
    fi
    step "installing $list"
    ((EUID == 0)) || sudo -v # asks here, where there is a terminal
    at_exit default_cluster_again # it may be interrupted
    quietly "$STATE/log/apt.log" apt_install "${missing[@]}" ||
        die "$EXIT_MISSING" "cannot install $list (is there a network? log: $STATE/log/apt.log)"
    mapfile -t missing < <(packages_missing "${groups[@]}")
    ((${#missing[@]} == 0)) || die "$EXIT_MISSING" "still missing after the installation: ${missing[*]}"
}

doctor_line() { # ok|--, what, detail
    printf '  %-3s %-34s %s\n' "$1" "$2" "$3"
}

doctor_resources() {
    local free_mb memory_mb
    mkdir -p -- "$STATE"
    free_mb=$(df -Pm -- "$STATE" | awk 'NR == 2 { print $4 }')
    memory_mb=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
    if ((free_mb >= 6000)); then
        doctor_line ok "disk under $(basename -- "$STATE")" "$free_mb MB free"
    else
        doctor_line -- "disk under $(basename -- "$STATE")" "$free_mb MB free, 6000 wanted"
    fi
    if ((memory_mb >= 2500)); then
        doctor_line ok memory "$memory_mb MB available"
    else
        doctor_line -- memory "$memory_mb MB available, 2500 wanted"
    fi
    doctor_line ok processors "$(nproc)"
}

doctor_java() {
    local version
    version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    if [[ $version =~ ^[0-9]+$ ]] && ((version >= 17)); then
        doctor_line ok "java 17 or newer" "$version"
    else
        doctor_line -- "java 17 or newer" "${version:-none}"
    fi
}

cmd_doctor() {
    local fix=false group probe package missing
    case ${1:-} in
    '') ;;
    --fix) fix=true ;;
    *) usage_error "doctor: unknown option $1" ;;
    esac
    local all=(build run jars guide test venv buf check)
    if "$fix"; then
        ensure_packages "${all[@]}"
        cache_kafka
        cache_venv
        cache_buf
        cache_promtool
    fi
    while IFS='|' read -r group probe package; do
        if package_present "$probe"; then
            doctor_line ok "$package" "($group)"
        else
            doctor_line -- "$package" "($group) not found: $probe"
        fi
    done < <(package_table)
    ! command -v java >/dev/null || doctor_java
    doctor_resources
    local have
    for have in kafka:"Kafka's jars" venv:"Python test tools" buf:"buf" promtool:"promtool"; do
        if "cache_has_${have%%:*}"; then
            doctor_line ok "${have#*:}" "cached in $CACHE"
        else
            doctor_line .. "${have#*:}" "fetched when first needed (network)"
        fi
    done
    read -r -a all <<<"$(package_groups "${all[@]}")"
    mapfile -t missing < <(packages_missing "${all[@]}")
    if ((${#missing[@]} > 0)); then
        die "$EXIT_MISSING" "missing: ${missing[*]} (./dev doctor --fix installs them)"
    fi
    printf 'Nothing is missing.\n'
}
