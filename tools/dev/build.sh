# shellcheck shell=bash
# Meson builds. One folder for each kind, configured when first needed and again when its options change.

BUILD=${HOLDFAST_BUILD_DIR:-$STATE/build}

build_options() { # kind -> meson options
    case $1 in
    # The development system's: with the places where tests can kill a process.
    release) printf '%s\n' -Dbuildtype=debugoptimized ;;
    # What would be installed: no crash points, no tests.
    production) printf '%s\n' -Dbuildtype=release -Doptimization=2 -Dtests=false -Dwerror=true ;;
    asan) printf '%s\n' -Dbuildtype=debug -Doptimization=1 -Db_sanitize=address,undefined -Dwerror=true ;;
    clang) printf '%s\n' -Dbuildtype=debugoptimized -Dwerror=true ;;
    clang-asan) printf '%s\n' -Dbuildtype=debug -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false \
        -Dwerror=true ;;
    # No -Werror: gcc's instrumentation makes it see uninitialised variables that are none.
    tsan) printf '%s\n' -Dbuildtype=debug -Doptimization=1 -Db_sanitize=thread -Db_lundef=false ;;
    # gcc 12 does not see that an output is only read after success; clang-tidy and valgrind look for that.
    analyzer) printf '%s\n' -Dbuildtype=debug -Dc_args=-fanalyzer,-Wno-analyzer-use-of-uninitialized-value ;;
    debug) printf '%s\n' -Dbuildtype=debug ;;
    esac
}

build_compiler() { # kind
    case $1 in
    clang | clang-asan) printf 'clang-16' ;;
    *) printf 'gcc' ;;
    esac
}

build_dir() { # kind
    if [[ $1 == release ]]; then
        printf '%s' "$BUILD"
    else
        printf '%s/build-%s' "$STATE" "$1"
    fi
}

build_configure() { # kind
    local dir options wanted
    dir=$(build_dir "$1")
    mapfile -t options < <(build_options "$1")
    wanted="$(build_compiler "$1") ${options[*]} $ROOT"
    if [[ -f $dir/build.ninja && $(cat -- "$dir/.holdfast" 2>/dev/null) == "$wanted" ]]; then
        return 0
    fi
    rm -rf -- "$dir"
    mkdir -p -- "$dir"
    # The user's CFLAGS would make another product of it.
    quietly "$STATE/log/meson-$1.log" env -u CFLAGS -u CPPFLAGS -u LDFLAGS "CC=$(build_compiler "$1")" \
        meson setup "${options[@]}" "$dir" "$ROOT" || return 1
    printf '%s\n' "$wanted" >"$dir/.holdfast"
}

# Two runs must not build in one folder at a time; ninja itself has no lock.
build() { # kind [targets...: all of them]; returns 1 when it fails, with the compiler's words on the terminal
    local kind=$1 dir began=$SECONDS
    shift
    dir=$(build_dir "$kind")
    mkdir -p -- "$STATE"
    step "building ($kind: $(build_compiler "$kind"))"
    exec 8>"$STATE/build-$kind.lock"
    flock 8
    if ! build_configure "$kind"; then
        exec 8>&-
        return 1
    fi
    local code=0
    if [[ -t 1 && -z ${BUILD_LOG:-} ]]; then
        child ninja -C "$dir" -j "$(nproc)" "$@" 8>&- || code=1
    else
        quietly "$STATE/log/ninja-$kind.log" ninja -C "$dir" -j "$(nproc)" "$@" 8>&- || code=1
    fi
    exec 8>&-
    ((code != 0)) || note "built in $((SECONDS - began)) s"
    return "$code"
}

# What runs, without its tests: a third of it all.
build_product() {
    local service
    local targets=(tools/holdfastctl/holdfastctl services/sandbox/holdfast-sandbox)
    for service in "${HOLDFAST_SERVICES[@]}"; do
        targets+=("services/$service/holdfast-$service")
    done
    build release "${targets[@]}" || die "$EXIT_FAILED" "the build failed"
}

binary() { # kind, name -> the path of a program in the build
    local path dir
    dir=$(build_dir "$1")
    for path in "$dir"/services/*/"$2" "$dir/tools/$2" "$dir"/tools/*/"$2" "$dir"/tests/*/"$2"; do
        if [[ -f $path && -x $path ]]; then
            printf '%s' "$path"
            return 0
        fi
    done
    return 1
}
