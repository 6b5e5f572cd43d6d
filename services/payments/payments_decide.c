/*
 * Commands and facts in, at most one changed leg, events and provider requests out. Always holds: a
 * leg moves only along payments_moves.c; money is credited once per leg, by the amount that the provider
 * says it received; what goes out never exceeds what came in.
 */
#include "payments/payments_decide.h"

#include "base/assert.h"
#include "payments/payments_decide_internal.h"
#include "payments/payments_moves.h"

static const char alarm_other_object[] = "payments.other_object";

bool payments_decide_payment_is_sound(const struct payment *payment)
{
    return !id_is_none(payment->escrow_id) && payment->version >= 1 && payment->seq >= 0;
}

bool payments_decide_is_settled(const struct leg *leg)
{
    return leg->state != LEG_ASKED && leg->state != LEG_OPEN;
}

bool payments_decide_leg_is_sound(const struct leg *leg)
{
    if (id_is_none(leg->id) || id_is_none(leg->escrow_id) || leg->version < 1) {
        return false;
    }
    if (leg->kind <= LEG_KIND_NONE || leg->kind >= LEG_KIND_COUNT || leg->state <= LEG_STATE_NONE ||
        leg->state >= LEG_STATE_COUNT || leg->rail <= LEG_RAIL_NONE ||
        leg->rail >= LEG_RAIL_COUNT || leg->currency <= CURRENCY_NONE ||
        leg->currency >= CURRENCY_COUNT) {
        return false;
    }
    if (leg->amount_minor <= 0 || leg->received_minor < 0) {
        return false;
    }
    bool paid = leg->kind == LEG_IN && leg->state == LEG_DONE;
    bool settled = payments_decide_is_settled(leg);
    return leg->look_at_us >= 0 && (!settled || leg->look_at_us == 0) &&
           (leg->received_minor > 0) == paid && (leg->received_currency.len > 0) == paid &&
           (leg->kind == LEG_TRANSFER) == (leg->destination.len > 0) &&
           (leg->kind == LEG_IN) == id_is_none(leg->paid_leg_id);
}

static const struct leg *leg_at(const struct payments_view *view, uint32_t i)
{
    return view->legs[i];
}

const struct leg *payments_decide_leg(const struct payments_view *view, struct id id)
{
    for (uint32_t i = 0; i < view->leg_count; i++) {
        if (id_eq(leg_at(view, i)->id, id)) {
            return leg_at(view, i);
        }
    }
    return NULL;
}

/* The incoming leg that may still bring money; there is at most one. */
static const struct leg *leg_live_in(const struct payments_view *view)
{
    for (uint32_t i = 0; i < view->leg_count; i++) {
        const struct leg *leg = leg_at(view, i);
        if (leg->kind == LEG_IN && (leg->state == LEG_ASKED || leg->state == LEG_OPEN)) {
            return leg;
        }
    }
    return NULL;
}

/* The last incoming leg whose creation failed: refused, or given up after errors, and then it may be there. */
static const struct leg *leg_given_up(const struct payments_view *view)
{
    const struct leg *last = NULL;
    for (uint32_t i = 0; i < view->leg_count; i++) {
        const struct leg *leg = leg_at(view, i);
        bool later = !last || leg->created_at_us > last->created_at_us;
        last = leg->kind == LEG_IN && leg->state == LEG_FAILED && later ? leg : last;
    }
    return last;
}

/* A wanted cancellation goes out when the creation is answered and the intent's name is known, and again when a charge
 * that stood in its way has failed. */
static bool can_be_canceled(const struct leg *leg)
{
    return leg->kind == LEG_IN && (leg->state == LEG_OPEN || leg->state == LEG_FAILED) &&
           leg->provider_ref.len > 0;
}

/* What was asked for came, to the cent: nothing more is to be asked of the buyer. Another amount or
 * currency goes back, and the buyer may be asked anew. */
static bool is_paid_as_asked(const struct payments_view *view)
{
    for (uint32_t i = 0; i < view->leg_count; i++) {
        const struct leg *leg = leg_at(view, i);
        if (leg->kind == LEG_IN && leg->state == LEG_DONE &&
            leg->received_minor == leg->amount_minor &&
            str_eq(leg->received_currency, currency_name(leg->currency))) {
            return true;
        }
    }
    return false;
}

static struct payments_decision broken(const char *code)
{
    return (struct payments_decision){.verdict = PAYMENTS_BROKEN, .code = code};
}

static struct payments_decision nothing(const char *alarm)
{
    return (struct payments_decision){.verdict = PAYMENTS_NOTHING, .alarm = alarm};
}

/* A decision that changes the payment; *out starts as a copy with the next version. */
struct payments_decision payments_decide_changed(const struct payment *payment, int64_t now_us)
{
    struct payments_decision out = {.verdict = PAYMENTS_CHANGED, .payment = *payment};
    out.payment.version++;
    out.payment.updated_at_us = now_us;
    return out;
}

static struct payments_decision changed_or_new(const struct payments_view *view,
                                               struct id escrow_id, int64_t now_us)
{
    if (view->payment) {
        return payments_decide_changed(view->payment, now_us);
    }
    return (struct payments_decision){
        .verdict = PAYMENTS_CHANGED,
        .payment_new = true,
        .payment = {.escrow_id = escrow_id,
                    .version = 1,
                    .created_at_us = now_us,
                    .updated_at_us = now_us},
    };
}

static struct payments_event *emit(struct payments_decision *out, enum payments_event_kind kind)
{
    ASSERT(out->event_count < PAYMENTS_EVENTS_MAX);
    struct payments_event *event = &out->events[out->event_count++];
    out->payment.seq++;
    *event = (struct payments_event){
        .kind = kind,
        .leg_id = out->leg.id,
        .seq = out->payment.seq,
        .provider_ref = out->leg.provider_ref,
    };
    return event;
}

struct payments_effect *payments_decide_ask(struct payments_decision *out,
                                            enum payments_effect_kind kind)
{
    ASSERT(out->effect_count < PAYMENTS_EFFECTS_MAX);
    struct payments_effect *effect = &out->effects[out->effect_count++];
    *effect = (struct payments_effect){
        .kind = kind,
        .rail = out->leg.rail,
        .escrow_id = out->leg.escrow_id,
        .leg_id = out->leg.id,
        .currency = out->leg.currency,
        .amount_minor = out->leg.amount_minor,
    };
    return effect;
}

static void ask_cancel(struct payments_decision *out)
{
    payments_decide_ask(out, PAYMENTS_EFFECT_CANCEL_INTENT)->intent_ref = out->leg.provider_ref;
}

/* ---- Commands ---- */

static struct leg new_leg(enum leg_kind kind, enum leg_rail rail,
                          const struct payments_command *command, int64_t now_us)
{
    struct leg leg = {
        .id = command->leg_id,
        .escrow_id = command->escrow_id,
        .version = 1,
        .kind = kind,
        .state = LEG_ASKED,
        .rail = rail,
        .currency = command->currency,
        .amount_minor = command->amount_minor,
        .created_at_us = now_us,
        .updated_at_us = now_us,
    };
    leg.look_at_us = payments_decide_next_look(&leg, now_us);
    return leg;
}

/* A command that names a leg we have: the same request again is nothing, another one is a mistake. */
static struct payments_decision decide_repeat(const struct leg *leg, enum leg_kind kind,
                                              const struct payments_command *command)
{
    bool same = leg->kind == kind && leg->currency == command->currency &&
                leg->amount_minor == command->amount_minor &&
                (kind != LEG_TRANSFER || str_eq(leg->destination, command->seller_account)) &&
                (kind == LEG_IN || id_eq(leg->paid_leg_id, command->paid_leg_id));
    return same ? nothing(NULL) : broken("payments.leg_differs");
}

static struct payments_decision decide_create(const struct payments_view *view,
                                              const struct payments_command *command,
                                              int64_t now_us)
{
    const struct leg *known = payments_decide_leg(view, command->leg_id);
    if (known) {
        return decide_repeat(known, LEG_IN, command);
    }
    if (leg_live_in(view)) {
        return broken("payments.second_intent");
    }
    if (view->payment && view->payment->cancel_wanted) {
        return broken("payments.intent_after_cancel");
    }
    struct payments_decision out = changed_or_new(view, command->escrow_id, now_us);
    /* Asked for anew after a creation was given up, which then turned out to be paid. */
    bool paid = is_paid_as_asked(view);
    if (paid || command->rail == LEG_RAIL_NONE) {
        out.leg.id = command->leg_id; /* no row: the leg never began */
        emit(&out, PAYMENTS_PAYMENT_FAILED)->code = paid ? STR("already_paid") : STR("no_rail");
        return out;
    }
    out.leg_new = true;
    out.leg = new_leg(LEG_IN, command->rail, command, now_us);
    payments_decide_ask(&out, PAYMENTS_EFFECT_CREATE_INTENT)->description = command->description;
    return out;
}

/* A paid intent is not canceled (the money is the escrow's to decide about); one whose creation is not answered yet is
 * canceled when it is. That a fact about it told its name before makes no difference: facts that tell nothing
 * new have no fixed place among the commands, and what is decided again after a restore is decided the same. */
static struct payments_decision decide_cancel(const struct payments_view *view, int64_t now_us)
{
    if (!view->payment) {
        return broken("payments.no_payment");
    }
    if (view->payment->cancel_wanted) {
        return nothing(NULL);
    }
    const struct leg *live = leg_live_in(view);
    const struct leg *leg = live ? live : leg_given_up(view);
    if (!leg) {
        return nothing(NULL);
    }
    struct payments_decision out = payments_decide_changed(view->payment, now_us);
    out.payment.cancel_wanted = true;
    out.leg = *leg;
    if (can_be_canceled(leg)) {
        ask_cancel(&out);
    }
    return out;
}

/* What is left of a paid leg once all that went out of it, or may yet, is taken off. */
static bool left_of(const struct payments_view *view, const struct leg *paid, int64_t *ret_minor)
{
    if (!str_eq(paid->received_currency, currency_name(paid->currency))) {
        *ret_minor = 0;
        return true;
    }
    int64_t left = paid->received_minor;
    for (uint32_t i = 0; i < view->leg_count; i++) {
        const struct leg *leg = leg_at(view, i);
        if (leg->kind != LEG_IN && leg->state != LEG_FAILED && id_eq(leg->paid_leg_id, paid->id) &&
            !money_try_sub(left, leg->amount_minor, &left)) {
            return false;
        }
    }
    *ret_minor = left;
    return true;
}

/* The second wall behind the escrow's ledger: never more out than in. */
static const char *why_not_paid_from(const struct payments_view *view, const struct leg *paid,
                                     const struct payments_command *command)
{
    if (!paid || paid->kind != LEG_IN || paid->state != LEG_DONE) {
        return "payments.no_paid_leg";
    }
    int64_t left = 0;
    if (paid->currency != command->currency || !left_of(view, paid, &left) ||
        left < command->amount_minor) {
        return "payments.overdrawn";
    }
    return NULL;
}

/* Money out of a leg that was paid in: to the seller or back to the buyer. */
static struct payments_decision decide_out(const struct payments_view *view,
                                           const struct payments_command *command,
                                           enum leg_kind kind, int64_t now_us)
{
    const struct leg *known = payments_decide_leg(view, command->leg_id);
    if (known) {
        return decide_repeat(known, kind, command);
    }
    const struct leg *paid = payments_decide_leg(view, command->paid_leg_id);
    const char *refusal = why_not_paid_from(view, paid, command);
    if (refusal) {
        return broken(refusal);
    }
    struct payments_decision out = payments_decide_changed(view->payment, now_us);
    out.leg_new = true;
    out.leg = new_leg(kind, paid->rail, command, now_us);
    out.leg.paid_leg_id = paid->id;
    if (kind == LEG_TRANSFER) {
        out.leg.destination = command->seller_account;
        struct payments_effect *effect = payments_decide_ask(&out, PAYMENTS_EFFECT_CREATE_TRANSFER);
        effect->destination = command->seller_account;
        effect->charge_ref = paid->charge_ref;
    } else {
        payments_decide_ask(&out, PAYMENTS_EFFECT_CREATE_REFUND)->intent_ref = paid->provider_ref;
    }
    return out;
}

static void assert_sound(const struct payments_decision *out)
{
    if (out->verdict != PAYMENTS_CHANGED) {
        return;
    }
    ASSERT(payments_decide_payment_is_sound(&out->payment));
    ASSERT(!out->leg_new || payments_decide_leg_is_sound(&out->leg));
    ASSERT(!out->leg_changed || payments_decide_leg_is_sound(&out->leg));
}

struct payments_decision payments_decide_command(const struct payments_view *view,
                                                 const struct payments_command *command,
                                                 int64_t now_us)
{
    ASSERT(!id_is_none(command->escrow_id));
    ASSERT(view->payment || view->leg_count == 0);
    ASSERT(!view->payment || payments_decide_payment_is_sound(view->payment));
    struct payments_decision out = {.verdict = PAYMENTS_VERDICT_NONE};
    switch (command->kind) {
    case PAYMENTS_CREATE_PAYMENT_INTENT: out = decide_create(view, command, now_us); break;
    case PAYMENTS_CANCEL_PAYMENT: out = decide_cancel(view, now_us); break;
    case PAYMENTS_TRANSFER_TO_SELLER: out = decide_out(view, command, LEG_TRANSFER, now_us); break;
    case PAYMENTS_REFUND_BUYER: out = decide_out(view, command, LEG_REFUND, now_us); break;
    case PAYMENTS_COMMAND_NONE:
    case PAYMENTS_COMMAND_COUNT: UNREACHABLE("a command is decoded before it is decided");
    }
    assert_sound(&out);
    return out;
}

struct payments_decision payments_decide_dropped(const struct payments_view *view,
                                                 const struct payments_command *command,
                                                 int64_t now_us)
{
    static const enum payments_event_kind events[PAYMENTS_COMMAND_COUNT] = {
        [PAYMENTS_CREATE_PAYMENT_INTENT] = PAYMENTS_PAYMENT_FAILED,
        [PAYMENTS_TRANSFER_TO_SELLER] = PAYMENTS_TRANSFER_FAILED,
        [PAYMENTS_REFUND_BUYER] = PAYMENTS_REFUND_FAILED,
    };

    ASSERT(command->kind < PAYMENTS_COMMAND_COUNT);
    /* A leg that is there has its own outcome; nobody waits for a cancellation. */
    if (events[command->kind] == PAYMENTS_EVENT_NONE ||
        payments_decide_leg(view, command->leg_id)) {
        return nothing(NULL);
    }
    struct payments_decision out = changed_or_new(view, command->escrow_id, now_us);
    out.leg.id = command->leg_id; /* no row: the leg never began */
    emit(&out, events[command->kind])->code = STR("payments_dropped");
    assert_sound(&out);
    return out;
}

/* ---- Facts ---- */

/* The fact is about an object that is not the one we know this leg by. */
static bool is_other_object(const struct leg *leg, const struct payments_fact *fact)
{
    return leg->provider_ref.len > 0 && fact->provider_ref.len > 0 &&
           !str_eq(leg->provider_ref, fact->provider_ref);
}

/* What cannot be true of this leg, or NULL. */
static const char *why_not_about(const struct leg *leg, const struct payments_fact *fact)
{
    bool succeeded = fact->kind == PAYMENTS_FACT_SUCCEEDED;
    if (fact->about != leg->kind) {
        return "payments.other_kind"; /* somebody gave an object the metadata of another */
    }
    if (succeeded && is_other_object(leg, fact)) {
        return "payments.other_object";
    }
    if (succeeded && leg->kind == LEG_IN && (fact->amount_minor <= 0 || fact->currency.len == 0)) {
        return "payments.amount_unknown";
    }
    if (succeeded && leg->kind != LEG_IN &&
        (fact->amount_minor != leg->amount_minor ||
         !str_eq(fact->currency, currency_name(leg->currency)))) {
        return "payments.other_amount";
    }
    if (succeeded && leg->state == LEG_DONE && leg->kind == LEG_IN &&
        (fact->amount_minor != leg->received_minor ||
         !str_eq(fact->currency, leg->received_currency))) {
        return "payments.other_amount";
    }
    return NULL;
}

/* The row as the fact leaves it. *ret_differs says whether anything is different. */
static struct leg learn(const struct leg *now, const struct payments_move *move,
                        const struct payments_fact *fact, bool *ret_differs)
{
    struct leg next = *now;
    *ret_differs = false;
    if (now->provider_ref.len == 0 && fact->provider_ref.len > 0) {
        next.provider_ref = fact->provider_ref;
        *ret_differs = true;
    }
    if (move->next != LEG_STATE_NONE) {
        next.state = move->next;
        *ret_differs = true;
        if (move->next == LEG_DONE && now->kind == LEG_IN) {
            next.received_minor = fact->amount_minor;
            next.received_currency = fact->currency;
            next.charge_ref = fact->charge_ref;
        }
        next.failure_code = move->next == LEG_FAILED ? fact->failure_code : (struct str){0};
    } else if (move->event == PAYMENTS_PAYMENT_FAILED) {
        next.charge_ref = fact->charge_ref;
        next.failure_code = fact->failure_code;
        *ret_differs = true;
    }
    return next;
}

static void emit_fact(struct payments_decision *out, const struct payments_move *move,
                      const struct payments_fact *fact)
{
    if (move->announces) {
        emit(out, PAYMENTS_PAYMENT_INTENT_CREATED);
    }
    if (move->event == PAYMENTS_EVENT_NONE) {
        return;
    }
    struct payments_event *event = emit(out, move->event);
    event->client_secret =
        move->event == PAYMENTS_PAYMENT_INTENT_CREATED ? fact->client_secret : (struct str){0};
    event->code = fact->failure_code;
    event->charge_declined = fact->kind == PAYMENTS_FACT_DECLINED;
    if (fact->kind == PAYMENTS_FACT_SUCCEEDED) {
        event->amount_minor = fact->amount_minor;
        event->currency = out->leg.received_currency;
    }
}

/* The provider names this charge as the one that we have told of already. */
static bool is_old_decline(const struct leg *leg, const struct payments_fact *fact)
{
    return fact->kind == PAYMENTS_FACT_DECLINED && leg->failure_code.len > 0 &&
           str_eq(leg->charge_ref, fact->charge_ref);
}

struct payments_decision payments_decide_fact(const struct payments_view *view, struct id leg_id,
                                              const struct payments_fact *fact, int64_t now_us)
{
    ASSERT(view->payment);
    ASSERT(payments_decide_payment_is_sound(view->payment));
    ASSERT(fact->kind > PAYMENTS_FACT_NONE);
    ASSERT(fact->kind < PAYMENTS_FACT_COUNT);
    ASSERT(fact->about > LEG_KIND_NONE);
    ASSERT(fact->about < LEG_KIND_COUNT);
    const struct leg *now = payments_decide_leg(view, leg_id);
    if (!now) {
        return broken("payments.no_leg");
    }
    ASSERT(payments_decide_leg_is_sound(now));
    const char *lie = why_not_about(now, fact);
    if (lie) {
        return broken(lie);
    }
    if (is_other_object(now, fact)) {
        return nothing(
            alarm_other_object); /* an object that nobody uses; money would be another thing */
    }
    const struct payments_move *move = payments_moves_find(now->kind, now->state, fact->kind);
    if (is_old_decline(now, fact)) {
        return nothing(NULL);
    }
    bool differs = false;
    struct leg next = learn(now, move, fact, &differs);
    if (!differs) {
        return nothing(move->alarm);
    }
    struct payments_decision out = payments_decide_changed(view->payment, now_us);
    out.alarm = move->alarm;
    out.leg_changed = true;
    out.leg = next;
    out.leg.version++;
    out.leg.updated_at_us = now_us;
    if (payments_decide_is_settled(&out.leg)) {
        out.leg.look_at_us = 0;
    } else if (out.leg.state != now->state && out.leg.look_at_us > 0) {
        out.leg.look_at_us = payments_decide_next_look(&out.leg, now_us);
    }
    emit_fact(&out, move, fact);

    bool now_first = !can_be_canceled(now) && can_be_canceled(&next);
    if (view->payment->cancel_wanted && can_be_canceled(&next) &&
        (now_first || fact->kind == PAYMENTS_FACT_DECLINED)) {
        ask_cancel(&out);
    }
    assert_sound(&out);
    return out;
}
