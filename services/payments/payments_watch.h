#pragma once

#include "effects/effects.h"
#include "obs/metrics.h"

/* How the provider answers us: latency and outcome of its calls, and the state of the breaker. */

/* What came of a call, as the label `class`. */
enum payments_watch_class {
    PAYMENTS_WATCH_DONE = 0,  /* 2xx */
    PAYMENTS_WATCH_REFUSED,   /* 4xx */
    PAYMENTS_WATCH_LIMITED,   /* 429 */
    PAYMENTS_WATCH_ERROR,     /* 5xx, and whatever is no answer of an API */
    PAYMENTS_WATCH_NO_ANSWER, /* something may have gone out */
    PAYMENTS_WATCH_NOT_SENT,
    PAYMENTS_WATCH_CLASS_COUNT,
};

struct payments_watch {
    struct metrics_histogram *took[PAYMENTS_WATCH_CLASS_COUNT];
    _Atomic int last_state; /* enum effects_breaker_state, as last told of */
    struct caller *caller;  /* whose breaker it is: set before the first call */
};

void payments_watch_init(struct payments_watch *watch, struct metrics *metrics);
/* effects_options.seen; ctx: the watch */
void payments_watch_seen(void *ctx, const struct httpc_answer *answer);

enum payments_watch_class payments_watch_class_of(const struct httpc_answer *answer);
