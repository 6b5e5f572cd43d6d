#!/usr/bin/env bash
# Writes this process's id and start time to a file, then becomes the command: whoever reads the file can tell the
# process from a later one with the same id. usage: spawn.sh PIDFILE COMMAND...
set -eu
pidfile=$1
shift
stat=$(<"/proc/$$/stat")
read -r -a fields <<<"${stat##*) }"
printf '%s %s\n' "$$" "${fields[19]}" >"$pidfile.new"
mv -f -- "$pidfile.new" "$pidfile"
exec "$@"
