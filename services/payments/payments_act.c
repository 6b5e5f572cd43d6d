/* Decisions in; changed rows, published events and provider requests out. */
#include "payments/payments_act.h"

#include "base/assert.h"
#include "obs/log.h"
#include "payments/payments_out_events.h"
#include "payments/payments_rail.h"
#include "payments/payments_repo.h"

STATUS payments_act_view(struct engine_turn *turn, struct payments_view *ret_view)
{
    void *const *rows = NULL;
    uint32_t count = engine_children(turn, &payments_repo_leg, &rows);
    const void **legs = arena_new(engine_op(turn)->arena, const void *, count + 1);
    if (!legs) {
        return op_arena_full(engine_op(turn));
    }
    for (uint32_t i = 0; i < count; i++) {
        legs[i] = rows[i];
    }
    *ret_view = (struct payments_view){
        .payment = engine_aggregate(turn),
        .legs = legs,
        .leg_count = count,
    };
    return OK;
}

static struct status keep_payment(struct engine_turn *turn,
                                  const struct payments_decision *decision)
{
    if (decision->payment_new) {
        void *row;
        return engine_create(turn, &decision->payment, &row);
    }
    struct payment *payment = engine_aggregate(turn);
    ASSERT(payment);
    *payment = decision->payment;
    engine_changed(turn);
    return OK;
}

static struct status keep_leg(struct engine_turn *turn, const struct payments_decision *decision)
{
    if (decision->leg_new) {
        void *row;
        return engine_child_create(turn, &payments_repo_leg, &decision->leg, &row);
    }
    void *const *rows = NULL;
    uint32_t count = engine_children(turn, &payments_repo_leg, &rows);
    for (uint32_t i = 0; decision->leg_changed && i < count; i++) {
        struct leg *leg = rows[i];
        if (id_eq(leg->id, decision->leg.id)) {
            *leg = decision->leg;
            engine_child_changed(turn, &payments_repo_leg, leg);
        }
    }
    return OK;
}

/* ---- The next look ---- */

/* When the first of the payment's legs is to be looked at; 0: none is. */
static int64_t first_look_us(struct engine_turn *turn)
{
    int64_t first_us = 0;
    void *const *rows = NULL;
    uint32_t count = engine_children(turn, &payments_repo_leg, &rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct leg *leg = rows[i];
        if (leg->look_at_us > 0 && (first_us == 0 || leg->look_at_us < first_us)) {
            first_us = leg->look_at_us;
        }
    }
    return first_us;
}

STATUS payments_act_wait(struct engine_turn *turn)
{
    int64_t first_us = first_look_us(turn);
    void *const *rows = NULL;
    uint32_t count = engine_children(turn, &engine_timer_table, &rows);
    const struct timer_row *timer = count > 0 ? rows[0] : NULL; /* there is one kind */
    /* One that fires too early finds nothing due, and is set anew: cheaper than to move it each time. */
    if (first_us == 0 || (timer && timer->open && timer->due_at_us <= first_us)) {
        return OK;
    }
    return engine_timer_set(turn, PAYMENTS_TIMER_LOOK, timer ? timer->generation + 1 : 1, first_us);
}

/* ---- Carrying out ---- */

static struct status send(struct engine_turn *turn, const struct payments_effect *effect)
{
    struct str request;
    TRY(payments_rail_of(effect->rail)->request(engine_op(turn), effect, &request));
    const struct engine_ask ask = {.id = engine_next_id(turn),
                                   .kind = payments_rail_effect_kind(effect->rail, effect->kind),
                                   .subject = effect->leg_id,
                                   .request = request};
    return engine_effect(turn, &ask);
}

struct alarm {
    struct str code;
    struct id escrow_id;
    struct id cause_id;
};

static void tell_alarm(const struct op *op, const void *about)
{
    const struct alarm *alarm = about;
    log_error(op, "payments.alarm", LOG_STR("code", alarm->code),
              LOG_ID("escrow_id", alarm->escrow_id), LOG_ID("cause_id", alarm->cause_id));
}

STATUS payments_act_alarm(struct engine_turn *turn, const struct engine_message *cause,
                          struct str code)
{
    struct alarm *alarm = arena_new(engine_op(turn)->arena, struct alarm, 1);
    if (!alarm) {
        return op_arena_full(engine_op(turn));
    }
    *alarm = (struct alarm){.code = code, .escrow_id = cause->key, .cause_id = cause->id};
    return engine_afterwards(turn, tell_alarm, alarm);
}

STATUS payments_act(struct engine_turn *turn, const struct engine_message *cause,
                    const struct payments_decision *decision)
{
    struct op *op = engine_op(turn);
    if (decision->verdict == PAYMENTS_BROKEN) {
        return op_fail(op, STATUS_BUG, decision->code,
                       "a sound escrow or provider never says this");
    }
    if (decision->alarm) {
        TRY(payments_act_alarm(turn, cause, str_of(decision->alarm)));
    }
    if (decision->verdict == PAYMENTS_NOTHING) {
        return OK;
    }
    TRY(keep_payment(turn, decision));
    TRY(keep_leg(turn, decision));
    for (uint32_t i = 0; i < decision->event_count; i++) {
        TRY(payments_out_event(turn, cause, &decision->events[i]));
    }
    for (uint32_t i = 0; i < decision->effect_count; i++) {
        TRY(send(turn, &decision->effects[i]));
    }
    return payments_act_wait(turn);
}
