/*
 * holdfast-fault-proxy postgres|kafka PORT: libs/testing's proxy as a process, for tests that are no C programs. Prints
 * its own port; then each line "FAULT [n]" on standard input sets a fault, "cuts" asks for their count. Each is answered
 * with a line. It ends with its input.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "testing/testing_proxy.h"

#define LINE_MAX_BYTES 64

static const char *const fault_names[TESTING_FAULT_COUNT] = {
    [TESTING_FAULT_NONE] = "none",     [TESTING_CUT_QUESTION] = "cut-question",
    [TESTING_CUT_SENT] = "cut-sent",   [TESTING_CUT_ANSWER] = "cut-answer",
    [TESTING_CUT_BYTES] = "cut-bytes", [TESTING_SLOW] = "slow",
    [TESTING_SILENT] = "silent",       [TESTING_REFUSE] = "refuse",
};

/* False when the line names no fault. */
static bool set_fault(struct testing_proxy *proxy, struct str line)
{
    struct str name = line;
    struct str count = STR("");
    int64_t n = 1;
    (void)str_cut(line, ' ', &name, &count); /* without a number it is the next one */
    if (count.len > 0 && !str_to_i64(count, &n)) {
        return false;
    }
    for (int fault = 0; fault < TESTING_FAULT_COUNT; fault++) {
        if (str_eq(name, str_of(fault_names[fault]))) {
            testing_proxy_set(proxy, (enum testing_fault)fault, n);
            return true;
        }
    }
    return false;
}

static void obey(struct testing_proxy *proxy)
{
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "cuts") == 0) {
            printf("%" PRIu64 "\n", testing_proxy_cuts(proxy));
        } else {
            puts(set_fault(proxy, str_of(line)) ? "set" : "unknown");
        }
        (void)fflush(stdout);
    }
}

static enum testing_protocol protocol_of(const char *name)
{
    if (strcmp(name, "postgres") == 0) {
        return TESTING_POSTGRES;
    }
    return strcmp(name, "kafka") == 0 ? TESTING_KAFKA : TESTING_PROTOCOL_NONE;
}

int main(int argc, char **argv)
{
    int64_t port = 0;
    bool used_well = argc == 3 && protocol_of(argv[1]) != TESTING_PROTOCOL_NONE &&
                     str_to_i64(str_of(argv[2]), &port) && port > 0 && port <= UINT16_MAX;
    if (!used_well) {
        (void)fputs("usage: holdfast-fault-proxy postgres|kafka PORT\n", stderr);
        return 2;
    }
    DEFER(testing_proxy_free_at)
    struct testing_proxy *proxy = testing_proxy_new(protocol_of(argv[1]), (uint16_t)port);
    printf("%u\n", testing_proxy_port(proxy));
    (void)fflush(stdout);
    obey(proxy);
    return 0;
}
