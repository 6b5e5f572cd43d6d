#pragma once

#include <stdatomic.h>

#include "obs/metrics.h"
#include "payments/payments_decide.h"
#include "payments/payments_reconcile.h"
#include "pg/pg.h"

/*
 * What is not settled, as metrics: legs by state and age, the oldest call of which nobody knows whether it moved
 * money, and where our books and the provider's differ. Counted every PAYMENTS_CENSUS_MS, whoever asks for the page how often: by indexes of what is open, which are as
 * long as what is under way, not as all that ever was. Each process counts all lanes, so replicas show the same.
 */

#define PAYMENTS_CENSUS_MS 15000

enum payments_census_age {
    PAYMENTS_AGE_MINUTES = 0, /* less than an hour */
    PAYMENTS_AGE_HOURS,       /* less than a day */
    PAYMENTS_AGE_DAYS,        /* less than a week */
    PAYMENTS_AGE_WEEKS,
    PAYMENTS_AGE_COUNT,
};

struct payments_census {
    struct metrics_gauge *legs[LEG_KIND_COUNT][LEG_OPEN + 1][PAYMENTS_AGE_COUNT];
    _Atomic int64_t unknown_us; /* age of the oldest */
    struct metrics_gauge *breaks[PAYMENTS_BREAK_COUNT];
    _Atomic int64_t compared_us; /* how long ago our books and the provider's were compared */
    _Atomic int64_t at_ms;       /* clock_mono_ms of the last one */
    struct metrics *metrics;
};

void payments_census_init(struct payments_census *census, struct metrics *metrics);
void payments_census_fini(struct payments_census *census);

/* Counts, in statements of their own. What fails leaves what was counted before, and its age. */
STATUS payments_census_take(struct op *op, struct pg_conn *conn, struct payments_census *census);
