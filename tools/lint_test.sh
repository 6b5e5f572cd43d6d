#!/usr/bin/env bash
# Plants each violation in a temporary tree and sees tools/lint.sh find it, and nothing else.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
tree=$(mktemp -d)
trap 'rm -rf -- "$tree"' EXIT
tests=0 failures=0

clean() {
    rm -rf -- "${tree:?}"/*
    mkdir -p -- "$tree/libs/base" "$tree/libs/conf" "$tree/libs/pg" "$tree/services/escrow/testing" "$tree/proto" "$tree/tests"
}

expect() { # what must be printed (empty: nothing), name
    local got
    tests=$((tests + 1))
    got=$("$here/lint.sh" --root "$tree" "${@:3}" || true)
    if [[ $got != "$1" ]]; then
        failures=$((failures + 1))
        printf 'failed: %s\n  expected: %s\n  got:      %s\n' "$2" "$1" "$got"
    fi
}

finds() { # rule, file, line of C; the finding is on the third line
    clean
    printf 'int a;\n\n%s\n' "$3" >"$tree/$2"
    expect "$2:3: $1" "$1: $3"
}

passes() { # file, line
    clean
    printf 'int a;\n\n%s\n' "$2" >"$tree/$1"
    expect '' "passes in $1: $2"
}

escrow=services/escrow/escrow_x.c
for name in strcpy strcat sprintf strncpy strncat strtok atoi atol strtol strtoul sscanf gets system popen rand \
    time gmtime localtime strerror usleep sleep alloca; do
    finds 'banned function' "$escrow" "    x = $name(y);"
done
passes "$escrow" '    x = clock_time(y) + op->time(1) + gmtime_r(a, b); /* strcpy(a, b) */'
passes "$escrow" '    log("time(0)");'
for name in malloc calloc realloc strdup; do
    finds 'allocation outside libs/base' "$escrow" "    x = $name(y);"
    passes libs/base/arena.c "    x = $name(y);"
done
passes services/escrow/escrow_x_test.c '    x = malloc(y);'
passes services/escrow/testing/escrow_x.c '    x = malloc(y);'
finds 'banned function' services/escrow/testing/escrow_x.c '    x = atoi(y);'
passes tests/x.c '    x = calloc(1, y);'
finds 'getenv outside libs/conf' "$escrow" '    x = getenv("A");'
finds 'getenv outside libs/conf' services/escrow/escrow_x_test.c '    x = getenv("A");'
passes libs/conf/conf.c '    x = getenv("A");'
finds 'exit or abort outside main.c and libs/base' "$escrow" '    exit(1);'
finds 'exit or abort outside main.c and libs/base' "$escrow" '    abort();'
passes services/escrow/main.c '    exit(1);'
finds 'libpq outside libs/pg' "$escrow" '    PQclear(result);'
finds 'libpq outside libs/pg' "$escrow" '#include <libpq-fe.h>'
passes libs/pg/pg_x.c '    PQclear(result);'
finds 'librdkafka outside libs/kafka' "$escrow" '    rd_kafka_poll(rk, 0);'
finds 'ulfius outside libs/http' "$escrow" '    ulfius_init_instance(&i, 0, 0, 0);'
finds 'libcurl outside libs/httpc' "$escrow" '    curl_easy_cleanup(c);'
finds 'float or double' "$escrow" '    double share;'
finds 'float or double' "$escrow" '    float share;'
finds 'typedef of a struct, union or enum' "$escrow" 'typedef struct x x_t;'
passes "$escrow" 'typedef struct status handler_fn(struct op *op);'
finds 'comment that is not /* */' "$escrow" 'int b; // no'
passes "$escrow" 'const char *u = "http://example.org"; /* see http://example.org */'
finds 'SQL in a .c file' "$escrow" 'const char *s = "SELECT 1";'
finds 'SQL in a .c file' "$escrow" 'const char *s = "UPDATE escrow SET a = 1";'
passes libs/pg/pg_x.c 'const char *s = "SELECT 1";'
passes services/escrow/escrow_x_test.c 'const char *s = "SELECT 1";'
passes services/escrow/testing/escrow_x.c 'const char *s = "SELECT 1";'
passes "$escrow" 'const char *s = "please update the SET";'
finds 'left undone' "$escrow" "/* TO""DO: later */"
finds 'left undone' proto/a.proto "// FIX""ME"
finds 'proto3 optional (protobuf-c refuses it)' proto/a.proto '  optional string a = 1;'
passes "$escrow" '    x = time(0); /* LINT-OK: shows the escape */'
passes "$escrow" '    x = time(0); /* LINT-OK: a short word first */'
finds 'banned function' "$escrow" '    x = time(0); /* LINT-OK: */'

clean
printf '/* LINT-OK: the next line is meant */\nint x = atoi(y);\nint z = atoi(y);\n' >"$tree/$escrow"
expect "$escrow:3: banned function" 'LINT-OK alone covers one line'

clean
printf 'enum kind {\n    KIND_NONE = 0,\n    KIND_A,\n    KIND_COUNT,\n};\n' >"$tree/services/escrow/kind.h"
printf 'switch (k) {\ncase KIND_A:\n    if (a) {\n    }\n    break;\ndefault:\n    break;\n}\n' >"$tree/$escrow"
expect "$escrow:6: default in a switch over our enum" 'default over our enum'
printf "switch (c) {\ncase 'a':\n    break;\ndefault:\n    break;\n}\n" >"$tree/$escrow"
expect '' 'default over characters'

clean
seq -f '/* %g */' 601 >"$tree/$escrow"
expect "$escrow:601: file over 600 lines" 'long file'
seq -f '/* %g */' 600 >"$tree/$escrow"
expect '' 'file of 600 lines'

clean
codes=libs/base/error_codes.txt
printf '# code | kind | http | text\nescrow.a | BUG | 500 | A.\n' >"$tree/$codes"
printf 'return op_fail(op, STATUS_BUG,\n    "escrow.a", "x");\n' >"$tree/$escrow"
expect '' 'a listed code'
printf 'return op_fail(op, STATUS_INVALID, "escrow.a", "x");\n' >"$tree/$escrow"
expect "$escrow:1: error code escrow.a is listed with kind BUG" 'another kind'
printf 'return op_fail(op, STATUS_BUG, "escrow.a", "x");\nreturn op_fail(f(x, y), kind, "escrow.b", "x");\n' >"$tree/$escrow"
expect "$escrow:2: error code escrow.b is not in $codes" 'a code that is not listed'
printf 'escrow.c | BUG | 500 | C.\n' >>"$tree/$codes"
printf 'return op_fail(op, STATUS_BUG, "escrow.a", "x");\n' >"$tree/$escrow"
expect "$codes:3: error code escrow.c is not used" 'a code that is not used'
printf 'escrow.a | BUG | 500 | A.\nescrow.a | BUG | 500 | A.\nnonsense\n' >"$tree/$codes"
expect "$codes:2: escrow.a is listed twice
$codes:3: not \`code | KIND | http | sentence\`" 'a broken list'

clean
printf 'int a;\n' >"$tree/$escrow"
printf '[{"directory": "%s", "file": "%s", "command": "cc -Wformat=2 -c x.c"}]\n' "$tree" "$escrow" >"$tree/cc.json"
expect "$escrow:1: compiled without -Werror=format-security" 'a missing flag' --compile-commands "$tree/cc.json"
printf '[{"directory": "%s", "file": "%s", "command": "cc -Wformat=2 -Werror=format-security -c x.c"}]\n' \
    "$tree" "$escrow" >"$tree/cc.json"
expect '' 'all flags' --compile-commands "$tree/cc.json"

printf 'lint_test: %d cases, %d failed\n' "$tests" "$failures"
((failures == 0))
