/* In: decisions. Out: three series of the metrics page. */
#include "escrow/escrow_metrics.h"

#include "base/assert.h"
#include "base/defer.h"

#define US_PER_S INT64_C(1000000)

static const int64_t creation_bounds_us[] = {5 * US_PER_S,  10 * US_PER_S, 15 * US_PER_S,
                                             20 * US_PER_S, 30 * US_PER_S, 60 * US_PER_S};

/* Set once at boot; what they point to is atomic. */
static struct {
    struct metrics_counter *created;
    struct metrics_counter *failures;
    struct metrics_histogram *creation;
} series;

void escrow_metrics_init(struct metrics *metrics)
{
    const struct metrics_bounds bounds = {.us = creation_bounds_us,
                                          .count = ARRAY_LEN(creation_bounds_us)};
    series.created = metrics_counter(metrics, "escrow_created_total", "Deals created.", NULL, 0);
    series.failures = metrics_counter(
        metrics, "escrow_failures_total",
        "Creations that were refused, or got no payment instructions from the provider.", NULL, 0);
    series.creation = metrics_histogram_within(
        metrics, "escrow_creation_duration_seconds",
        "From a deal's creation to the payment instructions for its buyer.", &bounds);
}

static bool has_failed(const struct escrow *now, const struct escrow_message *message,
                       const struct escrow_decision *decision)
{
    if (decision->verdict == ESCROW_REJECT) {
        return message->kind == ESCROW_CREATE;
    }
    return decision->verdict == ESCROW_ACCEPT && now && now->state == ESCROW_CREATED &&
           !now->payment_setup_failed && decision->next.payment_setup_failed;
}

bool escrow_metrics_tally(const struct escrow *now, const struct escrow_message *message,
                          const struct escrow_decision *decision, int64_t now_us,
                          struct escrow_tally *ret_tally)
{
    struct escrow_tally tally = {.failed = has_failed(now, message, decision) ? 1 : 0};
    ASSERT(decision->step_count <= ESCROW_STEPS_MAX);
    bool accepted = decision->verdict == ESCROW_ACCEPT;
    for (uint32_t i = 0; accepted && i < decision->step_count; i++) {
        if (decision->steps[i].event == ESCROW_EVENT_CREATED) {
            tally.created++;
        } else if (decision->steps[i].event == ESCROW_EVENT_AWAIT_FUNDS) {
            tally.ready++;
            tally.ready_us = now_us - decision->next.created_at_us;
        }
    }
    *ret_tally = tally;
    return tally.created + tally.failed + tally.ready > 0;
}

void escrow_metrics_count(const struct escrow_tally *tally)
{
    if (!series.created) {
        return;
    }
    metrics_add(series.created, tally->created);
    metrics_add(series.failures, tally->failed);
    for (uint32_t i = 0; i < tally->ready; i++) {
        metrics_observe_us(series.creation, tally->ready_us);
    }
}
