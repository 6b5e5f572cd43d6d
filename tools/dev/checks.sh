# shellcheck shell=bash
# The checks of the source itself; each is one line of `lint` and counts as one in `test`.

PASSED=0 FAILED=0 SKIPPED=0

check() { # name, command...
    local name=$1 began=$SECONDS
    shift
    step "$name"
    if "$@"; then
        PASSED=$((PASSED + 1))
        note "ok ($((SECONDS - began)) s)"
    else
        FAILED=$((FAILED + 1))
        printf '  FAILED: %s\n' "$name"
    fi
}

skip() { # name, why
    SKIPPED=$((SKIPPED + 1))
    step "$1"
    note "skipped: $2"
}

count() { # "PASSED FAILED SKIPPED", as results.py prints it
    local passed failed skipped
    read -r passed failed skipped <<<"$1"
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
    note "$passed passed, $failed failed, $skipped skipped"
}

# In the form that tools read; printed when everything is stopped, as the last line.
verdict() {
    # shellcheck disable=SC2034
    LAST_LINE="$PASSED passed, $FAILED failed, $SKIPPED skipped"
    ((FAILED == 0)) || exit "$EXIT_FAILED"
}

sources() { # patterns... -> our files, tracked or about to be
    (cd -- "$ROOT" && if git rev-parse -q --git-dir >/dev/null 2>&1; then
        git ls-files -co --exclude-standard -- "$@" | sort -u | while IFS= read -r file; do
            [[ ! -f $file ]] || printf '%s\n' "$file"
        done
    else
        local find_args=() pattern
        for pattern in "$@"; do
            find_args+=(-o -name "$pattern")
        done
        find . \( -name .dev -o -name 'build*' \) -prune -o -type f \( "${find_args[@]:1}" \) -print | sed 's|^\./||'
    fi)
}

lint_format() {
    local files
    mapfile -t files < <(sources '*.c' '*.h')
    ((${#files[@]} > 0)) || return 0
    (cd -- "$ROOT" && clang-format-16 --dry-run -Werror "${files[@]}")
}

lint_house() {
    local args=()
    [[ ! -f $(build_dir clang)/compile_commands.json ]] ||
        args=(--compile-commands "$(build_dir clang)/compile_commands.json")
    "$ROOT/tools/lint.sh" "${args[@]}" && "$ROOT/tools/lint_test.sh"
}

lint_shell() {
    local files
    mapfile -t files < <(sources '*.sh')
    (cd -- "$ROOT" && shellcheck -x -P "$ROOT" dev .ci/run "${files[@]}")
}

# Only files that the build compiles: the others have no flags to be read with.
lint_tidy() {
    local dir files
    dir=$(build_dir clang)
    if [[ ! -f $dir/compile_commands.json ]]; then
        warn "no clang build to take the flags from"
        return 1
    fi
    mapfile -t files < <(sources '*.c' | while IFS= read -r file; do
        grep -qF -- "/$file\"" "$dir/compile_commands.json" && printf '%s\n' "$file"
    done)
    ((${#files[@]} > 0)) || { warn "no file is compiled"; return 1; }
    note "${#files[@]} files"
    quietly "$STATE/log/clang-tidy.log" tidy_files "$dir" "${files[@]}"
}

tidy_files() { # build folder, files...
    local dir=$1
    shift
    cd -- "$ROOT" || return 1
    printf '%s\0' "$@" | xargs -0 -P "$(nproc)" -n 2 clang-tidy-16 -quiet -p "$dir" 2>&1 |
        sed '/^[0-9]* warnings\{0,1\} generated\.$/d'
}

lint_proto() {
    cache_buf && (cd -- "$ROOT" && "$(buf_binary)" lint proto)
}

cmd_lint() {
    (($# == 0)) || usage_error "lint takes no options"
    ensure_packages build test buf
    check 'clang-format' lint_format
    check 'shellcheck' lint_shell
    check 'buf lint' lint_proto
    check 'clang build, warnings are errors' build clang
    check 'production build (gcc), warnings are errors' build production
    check 'house rules' lint_house
    check 'clang-tidy' lint_tidy
    verdict
}
