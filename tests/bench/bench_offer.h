#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "bench_histogram.h"
#include "bench_run.h"
#include "topology/topology.h"

/*
 * Commands that come when they are due, whatever the engine does; a command's time runs from the moment it was due until
 * what it leads to is seen by a consumer, so nothing hides behind a slow answer.
 */

struct bench_offer_options {
    enum topic topic; /* escrow.events.v1; or escrow.commands.v1, which is Kafka alone, one hop */
    int64_t per_second;
    int64_t seconds;
    int64_t strike_ms; /* 0: never; when so much of the time has passed, strike is called, once */
    void (*strike)(void *ctx);
    void *ctx;
};

struct bench_offered {
    const struct bench_histogram *took;  /* in the arena, until the next offer */
    const struct bench_histogram *lanes; /* LANES: the same of each */
    int64_t reached;                     /* a second, until the last one was seen */
    int64_t busy;                        /* hundredths of all processors */
    int64_t own;                         /* of which the load maker's */
};

/* Resets the arena, of at least BENCH_OFFER_ARENA_BYTES for 10 million commands. */
#define BENCH_OFFER_ARENA_BYTES ((size_t)1024 * 1024 * 1024)
void bench_offer(const struct bench_ground *ground, struct arena *arena,
                 const struct bench_offer_options *options, struct bench_offered *ret);
