#pragma once

#include <stdint.h>

/*
 * How often something costly may be done (R16): GCRA, a bucket that needs one number. So many at once as `burst` says,
 * then one each interval. All times are of one clock, in microseconds. An interval of 0 never waits.
 */
struct pace {
    int64_t interval_us;
    int64_t burst;   /* at least 1 */
    int64_t next_us; /* when one would be due if they came evenly; 0: none came yet */
};

/* How long until it may be done; 0: now. */
int64_t pace_wait_us(const struct pace *pace, int64_t now_us);
/* It was done, whether it might or not. */
void pace_take(struct pace *pace, int64_t now_us);
