#pragma once

#include <stdint.h>

#include "sim_fault.h"
#include "sim_plan.h"

/*
 * "Sometimes" counters: how often each trouble struck each kind of port call, over all seeds of a
 * run. A trouble that never met a call proved nothing about it.
 */

struct sim_reach {
    uint64_t counts[SIM_TROUBLE_COUNT][SIM_STEP_COUNT];
    uint64_t begun[SIM_TROUBLE_COUNT]; /* troubles that began, struck or not */
};

/* A run of so many seeds must have reached every pair. */
#define SIM_REACH_SEEDS 300

void sim_reach_add(struct sim_reach *reach, const struct sim_reach *more);
/* Calls found(context, trouble, step) for each pair that had to be met and was not; returns their number. */
uint32_t sim_reach_missing(const struct sim_reach *reach,
                           void (*found)(void *context, enum sim_trouble trouble,
                                         enum sim_step step),
                           void *context);
