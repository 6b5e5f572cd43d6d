/* Calls that came to their end in; histograms and a line in the log when the provider goes away or is back, out. */
#include "payments/payments_watch.h"

#include "base/assert.h"
#include "obs/log.h"

static const char *const class_names[PAYMENTS_WATCH_CLASS_COUNT] = {
    [PAYMENTS_WATCH_DONE] = "done",           [PAYMENTS_WATCH_REFUSED] = "refused",
    [PAYMENTS_WATCH_LIMITED] = "limited",     [PAYMENTS_WATCH_ERROR] = "error",
    [PAYMENTS_WATCH_NO_ANSWER] = "no_answer", [PAYMENTS_WATCH_NOT_SENT] = "not_sent",
};

static const char *const state_names[EFFECTS_BREAKER_STATE_COUNT] = {
    [EFFECTS_BREAKER_CLOSED] = "closed",
    [EFFECTS_BREAKER_HALF_OPEN] = "half_open",
    [EFFECTS_BREAKER_OPEN] = "open",
};

void payments_watch_init(struct payments_watch *watch, struct metrics *metrics)
{
    *watch = (struct payments_watch){.caller = NULL};
    for (int i = 0; i < PAYMENTS_WATCH_CLASS_COUNT; i++) {
        const struct metrics_label label = {.name = "class", .value = class_names[i]};
        watch->took[i] =
            metrics_histogram(metrics, "holdfast_payments_provider_seconds",
                              "Calls to the provider, by what came of them.", &label, 1);
    }
}

enum payments_watch_class payments_watch_class_of(const struct httpc_answer *answer)
{
    switch (answer->outcome) {
    case HTTPC_NOT_SENT: return PAYMENTS_WATCH_NOT_SENT;
    case HTTPC_UNKNOWN: return PAYMENTS_WATCH_NO_ANSWER;
    case HTTPC_ANSWERED:
        if (answer->status >= 200 && answer->status <= 299) {
            return PAYMENTS_WATCH_DONE;
        }
        if (answer->status == 429) {
            return PAYMENTS_WATCH_LIMITED;
        }
        return answer->status >= 400 && answer->status <= 499 ? PAYMENTS_WATCH_REFUSED
                                                              : PAYMENTS_WATCH_ERROR;
    case HTTPC_OUTCOME_COUNT: break;
    }
    UNREACHABLE("outcome");
}

/* In the caller's thread alone, so that each change is told once. */
static void tell_change(struct payments_watch *watch)
{
    const struct op op = {.correlation_id = STR("provider")};
    int state = (int)effects_breaker_counts(watch->caller).state;
    int before = atomic_exchange(&watch->last_state, state);
    if (state != before) {
        log_warn(&op, "payments.provider_breaker", LOG_TEXT("state", state_names[state]),
                 LOG_TEXT("before", state_names[before]));
    }
}

void payments_watch_seen(void *ctx, const struct httpc_answer *answer)
{
    struct payments_watch *watch = ctx;
    metrics_observe_us(watch->took[payments_watch_class_of(answer)], answer->took_us);
    tell_change(watch);
}
