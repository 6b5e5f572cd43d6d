/* In: calls. Out: which of them wait. */
#include "payments/payments_pace.h"

#include "base/clock.h"
#include "base/defer.h"
#include "base/mutex.h"

#define MILLI 1000

void payments_pace_init(struct payments_pace *pace, int64_t per_second, uint64_t seed,
                        struct metrics *metrics)
{
    *pace = (struct payments_pace){
        .per_second = per_second,
        .credit_milli = PAYMENTS_PACE_BURST * MILLI,
        .at_ms = clock_mono_ms(),
        .random = random_seeded(seed),
        .held = metrics_counter(metrics, "holdfast_payments_questions_held_total",
                                "Questions about unpaid payments that were put off.",
                                /* labels */ NULL, 0),
    };
    mutex_init(&pace->lock);
}

void payments_pace_fini(struct payments_pace *pace)
{
    mutex_fini(&pace->lock);
}

static bool is_paced(const struct effects_request *request)
{
    return request->method == EFFECTS_GET &&
           str_has_prefix(request->path, STR("/v1/payment_intents"));
}

/* A thousandth of a question each millisecond for each that may go in a second. */
static void earn(struct payments_pace *pace, int64_t now_ms)
{
    int64_t full = PAYMENTS_PACE_BURST * MILLI;
    int64_t needed_ms = (full - pace->credit_milli) / pace->per_second + 1;
    int64_t passed_ms = now_ms - pace->at_ms;
    pace->credit_milli =
        passed_ms >= needed_ms ? full : pace->credit_milli + passed_ms * pace->per_second;
    pace->at_ms = now_ms;
}

int64_t payments_pace_held(struct payments_pace *pace, const struct effects_request *request)
{
    if (!is_paced(request)) {
        return 0;
    }
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&pace->lock);
    earn(pace, clock_mono_ms());
    if (pace->credit_milli >= MILLI) {
        pace->credit_milli -= MILLI;
        return 0;
    }
    metrics_add(pace->held, 1);
    return PAYMENTS_PACE_WAIT_MS / 2 +
           (int64_t)random_below(&pace->random, PAYMENTS_PACE_WAIT_MS / 2 + 1);
}
