# shellcheck shell=bash
# Starting and stopping processes that outlive this script, without ever signalling a stranger.
# A pid file holds "PID STARTTIME"; a process is ours while both match /proc.

proc_start_time() { # pid -> clock ticks since boot, or nothing when it is gone or a zombie
    local stat fields
    stat=$(cat -- "/proc/$1/stat" 2>/dev/null) || return 0
    read -r -a fields <<<"${stat##*) }"
    [[ ${fields[0]} == Z ]] || printf '%s' "${fields[19]}"
}

proc_pid_of() { # pid file -> the pid, when that very process still lives
    local pid start
    [[ -f $1 ]] || return 0
    read -r pid start <"$1" || return 0
    if [[ $pid =~ ^[0-9]+$ && -n $start && $(proc_start_time "$pid") == "$start" ]]; then
        printf '%s' "$pid"
    fi
}

proc_pid() { # name -> pid or nothing
    proc_pid_of "$INST/run/$1.pid"
}

proc_alive() { # name
    [[ -n $(proc_pid "$1") ]]
}

proc_start() { # name, command...; its own session, output in log/NAME.log (the last run's in NAME.log.1)
    local name=$1 log=$INST/log/$1.log
    shift
    mkdir -p -- "$INST/run" "$INST/log"
    [[ ! -f $log ]] || mv -f -- "$log" "$log.1"
    rm -f -- "$INST/run/$name.pid"
    {
        port_claims_close
        exec setsid "$ROOT/tools/dev/spawn.sh" "$INST/run/$name.pid" "$@"
    } </dev/null >"$log" 2>&1 7>&- 8>&- 9>&- &
    disown
    local try
    for try in {1..200}; do
        [[ ! -f $INST/run/$name.pid ]] || return 0
        sleep 0.01
    done
    die "$EXIT_NOT_STARTED" "$name did not start after $try tries (log: $log)"
}

proc_wait_gone() { # pid file, seconds
    local left=$(($2 * 20))
    while ((left-- > 0)); do
        [[ -n $(proc_pid_of "$1") ]] || return 0
        sleep 0.05
    done
    return 1
}

# A killed process whose parent has not noticed yet still has its id, and servers take that for life.
proc_wait_reaped() { # name
    local pid left=100
    [[ -f $INST/run/$1.pid ]] || return 0
    read -r pid _ <"$INST/run/$1.pid" || return 0
    while ((left-- > 0)) && grep -qs '^State:[[:space:]]*Z' "/proc/$pid/status"; do
        sleep 0.05
    done
}

proc_stop_file() { # pid file, signal, seconds until SIGKILL
    local pid name
    name=$(basename -- "$1" .pid)
    pid=$(proc_pid_of "$1")
    if [[ -n $pid ]]; then
        kill -"$2" "$pid" 2>/dev/null || true
        kill -CONT "$pid" 2>/dev/null || true # a frozen process cannot act on a signal
        if ! proc_wait_gone "$1" "$3"; then
            warn "$name did not stop in $3 s, killed"
            kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
            proc_wait_gone "$1" 5 || warn "$name (pid $pid) is still there"
        fi
    fi
    rm -f -- "$1"
}

proc_stop() { # name [signal] [seconds]
    proc_stop_file "$INST/run/$1.pid" "${2:-TERM}" "${3:-15}"
}

proc_signal() { # name, signal; no waiting
    local pid
    pid=$(proc_pid "$1")
    [[ -z $pid ]] || kill -"$2" "$pid" 2>/dev/null || true
}

proc_names() { # of the instance, without the servers
    local file name
    for file in "$INST"/run/*.pid; do
        name=$(basename -- "$file" .pid)
        [[ $name == postgres || $name == kafka ]] || printf '%s\n' "$name"
    done
}

proc_any_alive() { # of the instance
    local name
    for name in postgres kafka $(proc_names); do
        ! proc_alive "$name" || return 0
    done
    return 1
}

proc_show_log() { # name; why it failed, for a person
    local log=$INST/log/$1.log
    printf -- '---- the end of %s:\n' "$log" >&2
    tail -n 25 -- "$log" >&2 || true
    printf -- '----\n' >&2
}

# Waits for a condition while the process lives.
proc_await() { # name, seconds, command...
    local name=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@"; do
        if ! proc_alive "$name"; then
            proc_show_log "$name"
            warn "$name ended instead of becoming ready"
            return 1
        fi
        if ((SECONDS >= deadline)); then
            proc_show_log "$name"
            warn "$name is not ready in time"
            return 1
        fi
        sleep 0.1
    done
}

proc_uptime() { # pid -> seconds
    local ticks now
    ticks=$(proc_start_time "$1")
    read -r now _ </proc/uptime
    printf '%d' $((${now%.*} - ticks / $(getconf CLK_TCK)))
}

# Ends whatever a test run left behind: every process that carries its mark in the environment it was started with.
proc_sweep_marked() { # DEV_RUN_MARK value
    local dir pid found=()
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        if [[ $pid != "$$" && $pid != "$BASHPID" ]] &&
            grep -qzxF "DEV_RUN_MARK=$1" "$dir/environ" 2>/dev/null; then
            found+=("$pid")
        fi
    done
    ((${#found[@]} > 0)) || return 0
    kill -TERM "${found[@]}" 2>/dev/null || true
    kill -CONT "${found[@]}" 2>/dev/null || true
    local left=60
    while ((left-- > 0)); do
        local alive=()
        for pid in "${found[@]}"; do
            [[ -z $(proc_start_time "$pid") ]] || alive+=("$pid")
        done
        ((${#alive[@]} > 0)) || return 0
        sleep 0.05
    done
    kill -KILL "${alive[@]}" 2>/dev/null || true
}
