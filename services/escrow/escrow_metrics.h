#pragma once

#include "escrow/escrow_decide.h"
#include "obs/metrics.h"

/*
 * How creating deals goes: escrow_created_total, escrow_failures_total and
 * escrow_creation_duration_seconds, under the names by which dashboards ask for them. What a
 * batch that is rolled back has counted is counted again with its repetition.
 */

/* At boot, before anything is decided. Without it nothing is counted. */
void escrow_metrics_init(struct metrics *metrics);

/* now: the row before the decision, NULL for none. now_us: the fence's time. */
void escrow_metrics_decided(const struct escrow *now, const struct escrow_message *message,
                            const struct escrow_decision *decision, int64_t now_us);
