#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/lane.h"

/*
 * Since when the oldest stored request waits for Kafka's acknowledgement (R17). A lane's requests are
 * acknowledged in the order in which they were produced, so that counting is enough: once in a while
 * a mark says which number was produced when. The answer is never too young; it is too old by at
 * most INTAKE_WAIT_MARK_MS, or, of a wait longer than all marks span, by what is beyond them.
 */

#define INTAKE_WAIT_MARKS_MAX 64
#define INTAKE_WAIT_MARK_MS 1000

struct intake_wait {
    struct intake_wait_lane {
        uint64_t produced, acknowledged;
        uint32_t mark_count;

        struct intake_wait_mark {
            uint64_t last; /* how many were produced before the next mark */
            int64_t since_ms;
        } marks[INTAKE_WAIT_MARKS_MAX];
    } lanes[LANES];

    /* Since when requests are left to the owners of their lanes because the producer did not take
     * or lost them; 0: none, or Kafka has acknowledged something since. */
    int64_t stuck_since_ms;
};

void intake_wait_produced(struct intake_wait *wait, int32_t lane, int64_t now_ms);
void intake_wait_acknowledged(struct intake_wait *wait, int32_t lane);
/* The producer did not take it. */
void intake_wait_left(struct intake_wait *wait, int64_t now_ms);
/* The producer is a new one: what was on its way is not any more. */
void intake_wait_dropped(struct intake_wait *wait, int64_t now_ms);
/*
 * The monotonic clock when the oldest that waits was produced; 0: nothing is on its way. Then one
 * that is produced is the probe for what is stuck: it waits since that.
 */
int64_t intake_wait_since_ms(const struct intake_wait *wait);
