/* What the provider told us, to facts, to decisions. */
#include "payments/payments_in_signals.h"

#include "payments/payments_act.h"
#include "payments/payments_repo.h"
#include "payments/payments_signal.h"
#include "payments/payments_stripe_event.h"

struct payments_fact payments_in_signals_fact(const struct payments_signal *signal)
{
    return (struct payments_fact){
        .kind = payments_stripe_event_fact(signal->event_type, signal->object_state),
        .about = payments_stripe_event_leg(signal->event_type),
        .provider_ref = signal->object_id,
        .charge_ref = signal->charge_id,
        .failure_code = signal->failure_code,
        .amount_minor = signal->amount_minor,
        .currency = signal->currency,
    };
}

STATUS payments_in_signals_decide(struct engine_turn *turn, const struct engine_message *message)
{
    const struct payments_signal *signal = message->body;
    struct payments_view view;
    TRY(payments_act_view(turn, &view));
    if (!view.payment) {
        return op_fail(engine_op(turn), STATUS_NOT_FOUND, "payments.no_payment_yet",
                       "an event of type " STR_FMT, STR_ARG(signal->event_type));
    }
    struct payments_fact fact = payments_in_signals_fact(signal);
    struct payments_decision decision =
        payments_decide_fact(&view, signal->leg_id, &fact, engine_op(turn)->now_us);
    return payments_act(turn, message, &decision);
}

STATUS payments_in_signals_again(struct op *op, const void *row, struct id id,
                                 struct bus_record *ret_record)
{
    const struct payments_webhook *webhook = row;
    struct stripe_event event;
    struct hash content;
    TRY(payments_stripe_event_read(op, webhook->body, &event));
    if (event.disposition != STRIPE_SIGNALLED) {
        return op_fail(op, STATUS_CONFLICT, "payments.no_signal",
                       "an event of type " STR_FMT " that is about no leg of ours",
                       STR_ARG(event.type));
    }
    struct payments_signal signal = payments_stripe_event_signal(&event, webhook->body);
    ret_record->topic = TOPIC_PAYMENTS_SIGNALS_V1;
    ret_record->key = id_to_str(op->arena, event.escrow_id);
    if (!ret_record->key.ptr) {
        return op_arena_full(op);
    }
    return payments_signal_pack(op, id, &signal, &ret_record->value, &content);
}
