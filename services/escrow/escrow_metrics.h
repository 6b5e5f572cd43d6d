#pragma once

#include "escrow/escrow_decide.h"
#include "obs/metrics.h"

/*
 * How creating deals goes: escrow_created_total, escrow_failures_total and
 * escrow_creation_duration_seconds, under the names by which dashboards ask for them. Counted once, when
 * the decision is committed.
 */

/* At boot, before anything is decided. Without it nothing is counted. */
void escrow_metrics_init(struct metrics *metrics);

/* What one decision adds. */
struct escrow_tally {
    uint32_t created;
    uint32_t failed;
    uint32_t ready;   /* buyers who got their payment instructions, … */
    int64_t ready_us; /* … so long after the creation */
};

/* now: the row before the decision, NULL for none. now_us: the fence's time. False: it adds nothing. */
bool escrow_metrics_tally(const struct escrow *now, const struct escrow_message *message,
                          const struct escrow_decision *decision, int64_t now_us,
                          struct escrow_tally *ret_tally);
void escrow_metrics_count(const struct escrow_tally *tally);
