#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "httpc/httpc.h"

/*
 * How often another side may be asked. It says so itself: each bucket (method and path) has calls
 * left until a moment, a 429 tells when to come back, sometimes for everything. Beside that two limits
 * of our own: a pace, and a stop well before it shuts out who is refused too often. Times are
 * clock_mono_ms. Not thread-safe.
 */

#define EFFECTS_LIMIT_BUCKETS_MAX 512 /* remembered at once; of more the nearest to its end goes */
#define EFFECTS_LIMIT_SLICES 10       /* of refused_window_ms: its age is known this well */
#define EFFECTS_LIMIT_WAIT_MS 1000    /* after a 429 that does not say how long */
#define EFFECTS_LIMIT_DENIED_MS 60000 /* after a 401: our key is wrong, nothing else will help */

struct effects_limit_options {
    uint32_t per_second_max; /* calls of this process in a second; 0: any number */
    uint32_t refused_max;    /* 401, 403, 404 and 429 within the window; 0: any number */
    int64_t refused_window_ms;
};

struct effects_limit_bucket {
    uint64_t id;
    int64_t ends_ms; /* what is known of it holds until then; in the past: an empty place */
    int64_t left;    /* calls */
};

struct effects_limit {
    struct effects_limit_options options;
    struct effects_limit_bucket buckets[EFFECTS_LIMIT_BUCKETS_MAX];
    int64_t closed_until_ms; /* for everything */
    int64_t second_ends_ms;
    uint32_t second_count;
    int64_t slice_begins_ms; /* of the newest slice, slices[0] */
    uint32_t slices[EFFECTS_LIMIT_SLICES];
};

void effects_limit_init(struct effects_limit *limit, const struct effects_limit_options *options);

/* The bucket of a call: its id. */
uint64_t effects_limit_bucket(struct str method, struct str path);

/* 0: the call may go, and is counted. Otherwise how long to wait before asking again. */
int64_t effects_limit_ask(struct effects_limit *limit, uint64_t id, int64_t now_ms);
/* How many calls may go now whatever their bucket says: what is known without asking for one. */
uint32_t effects_limit_room(struct effects_limit *limit, int64_t now_ms);
/* Refusals that are remembered: at refused_max nothing goes. 0 when they are not counted. */
uint32_t effects_limit_refused(struct effects_limit *limit, int64_t now_ms);
/* What came of a call that was let go. */
void effects_limit_told(struct effects_limit *limit, uint64_t id, const struct httpc_answer *answer,
                        int64_t now_ms);
