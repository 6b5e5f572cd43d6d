# shellcheck shell=bash
# The deterministic simulation: the services' own object files over simulated servers, from seeds.

# shellcheck disable=SC2034
SIM_SECONDS=60 # of each `test`

sim_commit() {
    git -C "$ROOT" describe --always --dirty --abbrev=12 2>/dev/null || printf 'unknown'
}

# Each commit looks at seeds of its own, and twice at the same ones.
sim_first_seed() {
    local sum
    sum=$(sim_commit | cksum)
    printf '%s' "$((${sum%% *} * 1000 + 1000))"
}

sim_run() { # kind of build, arguments of holdfast-sim...
    local program
    if ! program=$(binary "$1" holdfast-sim); then
        warn "there is no holdfast-sim in the build"
        return 1
    fi
    shift
    child "$program" --commit "$(sim_commit)" "$@"
}

# The permanent seeds, then new ones.
sim_for_seconds() { # kind of build, seconds
    sim_run "$1" --file "$ROOT/tests/sim/seeds.txt" --from "$(sim_first_seed)" --seconds "$2"
}

# The same beside other work, and for as long as it takes to ask for everything that must be reached.
sim_start_beside() { # kind of build, seconds, log file
    local program
    program=$(binary "$1" holdfast-sim) || program=false # the build failed, and said so
    beside_start "$3" "$program" --commit "$(sim_commit)" --file "$ROOT/tests/sim/seeds.txt" \
        --from "$(sim_first_seed)" --seconds "$2" --reach
}

# Bugs planted one at a time in a copy of the sources: each must turn some seed red.
sim_planted() { # names of bugs, or none for all
    local code=0
    child "$(system_python)" "$ROOT/tests/sim/planted.py" --work "$STATE/planted" "$@" || code=$?
    return "$code"
}

cmd_sim() {
    local code=0
    case ${1:-} in
    --planted)
        shift
        ensure_packages build
        sim_planted "$@"
        return
        ;;
    --seed | --seeds | --seconds) (($# >= 2)) || usage_error "sim: $1 needs a value" ;;
    *) usage_error "sim: --seed N [--trace], --seeds A..B, --seconds S or --planted [NAME...]" ;;
    esac
    ensure_packages build
    build release tests/sim/holdfast-sim || die "$EXIT_FAILED" "the build failed"
    if [[ $1 == --seconds && $# == 2 ]]; then
        sim_for_seconds release "$2" || code=$?
    else
        sim_run release "$@" || code=$?
    fi
    return "$code"
}
