# shellcheck shell=bash
# Instances that live as long as one ./dev: servers of a test or a benchmark, in a folder of their own. A lock on the
# folder, dropped by the kernel, tells a living one from one whose script was killed.

instance_temporary() { # name
    instances_sweep
    INST=$STATE/$1-$$
    mkdir -p -- "$INST"
    exec 7>"$INST/lock"
    flock -n 7
    DEV_RUN_MARK=$(random_hex 12)
    remember env RUN_MARK "$DEV_RUN_MARK"
    at_exit instance_end
}

# Everything that is started from here on can be recognised, whoever starts it.
instance_mark() {
    export DEV_RUN_MARK
    export HOLDFAST_TEST_DIR=$INST
}

instance_end() { # exit code
    if (($1 != 0)) && [[ -d $INST/log ]]; then
        rm -rf -- "$STATE/last-logs"
        instance_keep_logs "$STATE/last-logs"
        note "logs of servers and services: $STATE/last-logs"
    fi
    instance_remove "$INST"
    exec 7>&-
}

# Those of everything that a test started, too, under the test's name. (Kafka calls its data .log as well.)
instance_keep_logs() { # folder
    local file
    while IFS= read -r -d '' file; do
        mkdir -p -- "$1/${file%/*}"
        cp -- "$INST/$file" "$1/$file"
    done < <(cd -- "$INST" && find . -type d -name data -prune -o -type f \( -name '*.log' -o -name '*.log.1' -o -name '*.xml' \) -print0)
}

# Stops and deletes an instance and those inside it (a test that started servers of its own).
instance_remove() { # folder
    local mark file
    mark=$(INST=$1 && recall env RUN_MARK)
    [[ -z $mark ]] || proc_sweep_marked "$mark"
    while IFS= read -r file; do
        (
            INST=${file%/env}
            for file in "$INST"/run/*.pid; do
                case $file in
                */postgres.pid) ;;
                *) proc_stop_file "$file" TERM 10 ;;
                esac
            done
            pg_stop
            pg_remove
        )
    done < <(find "$1" -name env -type f -not -path '*/data/*' 2>/dev/null || true)
    rm -rf -- "${1:?}"
}

instances_sweep() {
    local dir
    for dir in "$STATE"/test-*[0-9] "$STATE"/bench-*[0-9] "$STATE"/check-*[0-9] "$STATE"/kills-*[0-9] \
        "$STATE"/crash-*[0-9]; do
        [[ -d $dir ]] || continue
        if ( exec 6>"$dir/lock" && flock -n 6 ); then
            step "cleaning up after a killed run ($(basename -- "$dir"))"
            instance_remove "$dir"
        fi
    done
}
