/* Outcomes and moments in; may a call go, and if not, how long not, out. */
#include "effects/effects_breaker.h"

#include "base/assert.h"
#include "base/str.h"

#define MILLI 1000

void effects_breaker_init(struct effects_breaker *breaker, uint64_t seed, int64_t now_ms)
{
    *breaker = (struct effects_breaker){
        .state = EFFECTS_BREAKER_CLOSED,
        .credit_milli = (int64_t)EFFECTS_BREAKER_AGAIN_BURST * MILLI,
        .credit_at_ms = now_ms,
        .random = random_seeded(seed),
    };
}

static int64_t between(struct effects_breaker *breaker, int64_t least_ms, int64_t most_ms)
{
    return least_ms + (int64_t)random_below(&breaker->random, (uint64_t)(most_ms - least_ms) + 1);
}

static int64_t next_probe_ms(struct effects_breaker *breaker, int64_t now_ms)
{
    return now_ms + between(breaker, EFFECTS_BREAKER_PROBE_MS / 2, EFFECTS_BREAKER_PROBE_MS);
}

static void save_up(struct effects_breaker *breaker, int64_t milli)
{
    int64_t most = (int64_t)EFFECTS_BREAKER_AGAIN_BURST * MILLI;
    int64_t credit = breaker->credit_milli + milli;
    breaker->credit_milli = credit < most ? credit : most;
}

/* 0: it is within the budget, and taken off it. */
static int64_t ask_budget(struct effects_breaker *breaker, bool again, int64_t now_ms)
{
    int64_t passed_ms = now_ms - breaker->credit_at_ms;
    int64_t whole_ms =
        (int64_t)EFFECTS_BREAKER_AGAIN_BURST * MILLI; /* by then it is full, however slow */
    breaker->credit_at_ms = now_ms;
    save_up(breaker,
            (passed_ms < whole_ms ? passed_ms : whole_ms) * EFFECTS_BREAKER_AGAIN_PER_SECOND);
    if (!again) {
        save_up(breaker, EFFECTS_BREAKER_AGAIN_PERCENT * MILLI / 100);
        return 0;
    }
    if (breaker->credit_milli < MILLI) {
        return between(breaker, MILLI, EFFECTS_BREAKER_AGAIN_WAIT_MS);
    }
    breaker->credit_milli -= MILLI;
    return 0;
}

int64_t effects_breaker_ask(struct effects_breaker *breaker, bool again, int64_t now_ms)
{
    bool closed = breaker->state == EFFECTS_BREAKER_CLOSED;
    if (!closed && now_ms < breaker->next_ms) {
        return breaker->next_ms - now_ms;
    }
    int64_t wait_ms = ask_budget(breaker, again, now_ms);
    if (wait_ms == 0 && breaker->state == EFFECTS_BREAKER_OPEN) {
        breaker->next_ms = next_probe_ms(breaker, now_ms);
    }
    if (wait_ms == 0 && breaker->state == EFFECTS_BREAKER_HALF_OPEN) {
        breaker->next_ms = now_ms + EFFECTS_BREAKER_STEP_MS;
    }
    return wait_ms;
}

uint32_t effects_breaker_room(const struct effects_breaker *breaker, int64_t now_ms)
{
    if (breaker->state == EFFECTS_BREAKER_CLOSED) {
        return UINT32_MAX;
    }
    return now_ms >= breaker->next_ms ? 1 : 0;
}

static void told_good(struct effects_breaker *breaker, int64_t now_ms)
{
    breaker->bad_count = 0;
    switch (breaker->state) {
    case EFFECTS_BREAKER_CLOSED: return;
    case EFFECTS_BREAKER_OPEN:
        breaker->state = EFFECTS_BREAKER_HALF_OPEN;
        breaker->good_since_ms = now_ms;
        breaker->next_ms = now_ms;
        return;
    case EFFECTS_BREAKER_HALF_OPEN:
        if (now_ms - breaker->good_since_ms >= EFFECTS_BREAKER_GOOD_MS) {
            breaker->state = EFFECTS_BREAKER_CLOSED;
        }
        return;
    case EFFECTS_BREAKER_STATE_COUNT: break;
    }
    UNREACHABLE("a breaker's state");
}

static void open(struct effects_breaker *breaker, int64_t now_ms)
{
    breaker->state = EFFECTS_BREAKER_OPEN;
    breaker->next_ms = next_probe_ms(breaker, now_ms);
    breaker->opened++;
}

static void told_bad(struct effects_breaker *breaker, int64_t now_ms)
{
    bool alone = breaker->bad_count == 0 || now_ms - breaker->bad_last_ms > EFFECTS_BREAKER_GAP_MS;
    breaker->bad_since_ms = alone ? now_ms : breaker->bad_since_ms;
    breaker->bad_count = alone ? 1 : breaker->bad_count + 1;
    breaker->bad_last_ms = now_ms;
    bool for_long = now_ms - breaker->bad_since_ms > EFFECTS_BREAKER_BAD_MS &&
                    breaker->bad_count >= EFFECTS_BREAKER_BAD_MIN;
    if (breaker->state == EFFECTS_BREAKER_HALF_OPEN ||
        (breaker->state == EFFECTS_BREAKER_CLOSED && for_long)) {
        open(breaker, now_ms);
    }
}

void effects_breaker_told(struct effects_breaker *breaker, bool good, int64_t now_ms)
{
    if (good) {
        told_good(breaker, now_ms);
    } else {
        told_bad(breaker, now_ms);
    }
}

/* Not sent for a reason of our own, which says nothing about the other side. */
static bool is_ours(const struct httpc_answer *answer)
{
    return answer->outcome == HTTPC_NOT_SENT && answer->reason != NULL &&
           (str_eq(str_of(answer->reason), STR("late")) ||
            str_eq(str_of(answer->reason), STR("request")));
}

void effects_breaker_heard(struct effects_breaker *breaker, const struct httpc_answer *answer,
                           bool again, int64_t now_ms)
{
    bool is_answer = answer->outcome == HTTPC_ANSWERED;
    if (is_ours(answer) || (again && is_answer && answer->status == 500)) {
        return;
    }
    effects_breaker_told(breaker, is_answer && answer->status < 500, now_ms);
}
