#pragma once

#include <pthread.h>

#include "base/random.h"
#include "effects/effects.h"
#include "obs/metrics.h"

/*
 * The pace of questions about payments that nobody has made yet: of those there may be thousands, asked about every half
 * minute each, and the provider answers so many calls in a second, payouts among them. So many a second go; the others
 * come back at a moment of their own. A webhook tells the same sooner. Questions about transfers and refunds are few, and
 * are about money on its way: they do not wait.
 */

#define PAYMENTS_PACE_BURST 50
#define PAYMENTS_PACE_WAIT_MS 30000 /* at most; half of it at least */

struct payments_pace {
    pthread_mutex_t lock;
    int64_t per_second;
    int64_t credit_milli; /* questions that may go, in thousandths */
    int64_t at_ms;        /* clock_mono_ms of the credit */
    struct random random;
    struct metrics_counter *held;
};

void payments_pace_init(struct payments_pace *pace, int64_t per_second, uint64_t seed,
                        struct metrics *metrics);
void payments_pace_fini(struct payments_pace *pace);

/* 0: the call may go, and is counted; else for how long not. */
int64_t payments_pace_held(struct payments_pace *pace, const struct effects_request *request);
