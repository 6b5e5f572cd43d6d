#pragma once

#include <stdint.h>

#include "escrow/escrow.h"
#include "sim_discord.h"
#include "sim_fault.h"
#include "sim_plan.h"
#include "sim_stripe.h"

/*
 * "Sometimes" counters: how often each trouble struck each kind of port call, over all seeds of a
 * run, how often calls met each fault of the outside, and what happened to deals. A trouble that never
 * met a call proved nothing about it; a deal that never fails proved nothing about failing.
 */

/* What the simulated servers do by themselves (struct sim_db_faults, struct sim_kafka_faults). */
enum sim_server_fault {
    SIM_SERVER_CUT = 0,
    SIM_SERVER_UNKNOWN,
    SIM_SERVER_DEADLOCK,
    SIM_SERVER_REFUSED,
    SIM_SERVER_LINGER,
    SIM_SERVER_ANSWER,
    SIM_SERVER_STALL,
    SIM_SERVER_FULL,
    SIM_SERVER_FAIL,
    SIM_SERVER_LATE,
    SIM_SERVER_FAULT_COUNT,
};

struct sim_reach {
    uint64_t counts[SIM_TROUBLE_COUNT][SIM_STEP_COUNT];
    uint64_t begun[SIM_TROUBLE_COUNT]; /* troubles that began, struck or not */
    uint64_t servers[SIM_SERVER_FAULT_COUNT];
    uint64_t stripe[SIM_STRIPE_FAULT_COUNT];
    uint64_t discord[SIM_DISCORD_FAULT_COUNT];
    uint64_t events[ESCROW_EVENT_COUNT];
    uint64_t unknown[SIM_SERVICE_COUNT]; /* messages that an older replica did not know */
};

/*
 * How many seeds a run must have before something is demanded of it. Each is so large that chance alone makes less
 * than one run in a thousand red: measured, of 400 seeds.
 */
#define SIM_REACH_FEW_SEEDS 20   /* each trouble has begun */
#define SIM_REACH_RARE_SEEDS 100 /* the rare ones too; each that strikes calls has struck one */
#define SIM_REACH_FAULT_SEEDS \
    200 /* each fault of the servers, the provider and Discord was met, and hours without it */
#define SIM_REACH_SEEDS 500      /* every pair, and every event of deals */
#define SIM_REACH_SEEDS_MAX 4000 /* who goes on for the rarest of them ends here */

void sim_reach_add(struct sim_reach *reach, const struct sim_reach *more);

struct sim_reach_told {
    uint32_t missing; /* had to be met, and was not */
    uint32_t unasked; /* may be met or not: there were too few seeds */
};

/* Calls found(context, what, where), unless it is NULL, for each thing that had to be met in so many seeds and was not. */
struct sim_reach_told
sim_reach_missing(const struct sim_reach *reach, uint64_t seeds,
                  void (*found)(void *context, const char *what, const char *where), void *context);
