/* What the provider told us, to facts, to decisions. */
#include "payments/payments_in_signals.h"

#include "payments/payments_act.h"
#include "payments/payments_rail.h"
#include "payments/payments_repo.h"
#include "payments/payments_signal.h"

STATUS payments_in_signals_decide(struct engine_turn *turn, const struct engine_message *message)
{
    const struct payments_signal *signal = message->body;
    struct payments_view view;
    TRY(payments_act_view(turn, &view));
    if (!view.payment) {
        return op_fail(engine_op(turn), STATUS_NOT_FOUND, "payments.no_payment_yet",
                       "an event of type " STR_FMT, STR_ARG(signal->event_type));
    }
    struct payments_fact fact = payments_rail_named(signal->provider)->fact(signal); /* decoded */
    struct payments_decision decision =
        payments_decide_fact(&view, signal->leg_id, &fact, engine_op(turn)->now_us);
    return payments_act(turn, message, &decision);
}

STATUS payments_in_signals_again(struct op *op, const void *row, struct id id,
                                 struct bus_record *ret_record)
{
    const struct payments_webhook *webhook = row;
    const struct payments_rail *rail = payments_rail_named(webhook->provider);
    struct payments_signal signal;
    struct hash content;
    if (!rail) {
        return op_fail(op, STATUS_CONFLICT, "payments.no_signal",
                       "of a provider that is none of ours");
    }
    TRY(rail->told(op, webhook->body, &signal));
    ret_record->topic = TOPIC_PAYMENTS_SIGNALS_V1;
    ret_record->key = id_to_str(op->arena, signal.escrow_id);
    if (!ret_record->key.ptr) {
        return op_arena_full(op);
    }
    return payments_signal_pack(op, id, &signal, &ret_record->value, &content);
}
