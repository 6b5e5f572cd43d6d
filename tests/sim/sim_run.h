#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim_plan.h"
#include "sim_reach.h"
#include "sim_verdict.h"

/*
 * One seed: the world is made, troubled, healed, drained and checked. All services run with their own
 * object files; what is simulated is behind the ports and in front of the gateway's intake.
 */

struct sim_outcome {
    struct sim_verdict verdict;
    struct sim_plan plan;
    struct sim_reach reach;
    uint64_t steps; /* port calls */
    uint64_t hash;  /* of the trace: the same seed gives the same */
    int64_t simulated_us;
    uint64_t processes, deals, decided; /* started, opened, records written by lanes */
};

/* tells: the trace, on standard output. */
void sim_run(uint64_t seed, bool tells, struct sim_outcome *ret_outcome);
