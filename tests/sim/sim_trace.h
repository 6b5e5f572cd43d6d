#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim_world.h"

/*
 * What happens, as one number and, when asked for, as lines for people: each port call that had
 * something to show for it, and what was decided: the records of each commit.
 */

struct sim_trace {
    uint64_t hash; /* of every port call: who, which, when, how it ended */
    bool tells;    /* lines on standard output */
    uint32_t outbox_seen[SIM_WORLD_SERVICES_MAX];
};

void sim_trace_heard(struct sim_trace *trace, const struct sim_process *process, const char *about,
                     enum status_kind kind, bool got);
/* A line of its own; process may be NULL. */
void sim_trace_line(const struct sim_trace *trace, const struct sim_world *world,
                    const struct sim_process *process, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
