/*
 * The moment in, a question to the provider out; its answer in, the next moment out. Always holds: a
 * leg that is not settled has a moment to be looked at, or is being asked about, by one question at a time.
 */
#include "base/assert.h"
#include "payments/payments_decide_internal.h"

static int64_t interval_us(const struct leg *leg, int64_t now_us)
{
    bool hot = now_us - leg->created_at_us < PAYMENTS_LOOK_HOT_AGE_US;
    return hot ? PAYMENTS_LOOK_HOT_US : PAYMENTS_LOOK_COLD_US;
}

int64_t payments_decide_next_look(const struct leg *leg, int64_t now_us)
{
    int64_t first_us = leg->created_at_us + PAYMENTS_LOOK_UNKNOWN_US;
    if (leg->state == LEG_ASKED && now_us < first_us) {
        return first_us;
    }
    return now_us + interval_us(leg, now_us);
}

/* A moment within the interval that is the leg's own. */
static int64_t spread_us(const struct leg *leg, int64_t now_us)
{
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(leg->id.bytes); i++) {
        number = number * 31 + leg->id.bytes[i];
    }
    return 1 + (int64_t)(number % (uint64_t)interval_us(leg, now_us));
}

/* The one that waits longest, or NULL. */
static const struct leg *most_due(const struct payments_view *view, int64_t now_us)
{
    const struct leg *most = NULL;
    for (uint32_t i = 0; i < view->leg_count; i++) {
        const struct leg *leg = view->legs[i];
        bool due = leg->look_at_us > 0 && leg->look_at_us <= now_us;
        if (due && (!most || leg->look_at_us < most->look_at_us)) {
            most = leg;
        }
    }
    return most;
}

static struct payments_decision change_leg(const struct payments_view *view, const struct leg *leg,
                                           int64_t now_us)
{
    struct payments_decision out = payments_decide_changed(view->payment, now_us);
    out.leg_changed = true;
    out.leg = *leg;
    out.leg.version++;
    out.leg.updated_at_us = now_us;
    return out;
}

static void ask_about(struct payments_decision *out, const struct payments_view *view)
{
    static const enum payments_effect_kind kinds[LEG_KIND_COUNT] = {
        [LEG_IN] = PAYMENTS_EFFECT_LOOK_AT_INTENT,
        [LEG_TRANSFER] = PAYMENTS_EFFECT_LOOK_AT_TRANSFER,
        [LEG_REFUND] = PAYMENTS_EFFECT_LOOK_AT_REFUND,
    };

    const struct leg *paid = payments_decide_leg(view, out->leg.paid_leg_id);
    struct payments_effect *effect = payments_decide_ask(out, kinds[out->leg.kind]);
    effect->object_ref = out->leg.provider_ref;
    effect->intent_ref = paid ? paid->provider_ref : (struct str){0};
}

struct payments_decision payments_decide_look(const struct payments_view *view, int64_t now_us)
{
    const struct leg *due = most_due(view, now_us);
    if (!due) {
        return (struct payments_decision){.verdict = PAYMENTS_NOTHING};
    }
    ASSERT(view->payment);
    struct payments_decision out = change_leg(view, due, now_us);
    if (now_us - due->look_at_us > PAYMENTS_LOOK_LATE_US) {
        out.leg.look_at_us = now_us + spread_us(due, now_us);
    } else {
        out.leg.look_at_us = 0;
        ask_about(&out, view);
    }
    ASSERT(payments_decide_leg_is_sound(&out.leg));
    return out;
}

struct payments_decision payments_decide_looked(const struct payments_view *view, struct id leg_id,
                                                int64_t now_us)
{
    const struct leg *leg = payments_decide_leg(view, leg_id);
    if (!leg) {
        return (struct payments_decision){.verdict = PAYMENTS_BROKEN, .code = "payments.no_leg"};
    }
    if (payments_decide_is_settled(leg) || leg->look_at_us > 0) {
        return (struct payments_decision){.verdict = PAYMENTS_NOTHING};
    }
    struct payments_decision out = change_leg(view, leg, now_us);
    out.leg.look_at_us = payments_decide_next_look(&out.leg, now_us);
    ASSERT(payments_decide_leg_is_sound(&out.leg));
    return out;
}
