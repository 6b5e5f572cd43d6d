/* What the provider told us, to facts, to decisions. */
#include "payments/payments_in_signals.h"

#include "payments/payments_act.h"
#include "payments/payments_signal.h"
#include "payments/payments_stripe_event.h"

STATUS payments_in_signals_decide(struct engine_turn *turn, const struct engine_message *message)
{
    const struct payments_signal *signal = message->body;
    struct payments_view view;
    TRY(payments_act_view(turn, &view));
    if (!view.payment) {
        return op_fail(engine_op(turn), STATUS_NOT_FOUND, "payments.no_payment_yet",
                       "an event of type " STR_FMT, STR_ARG(signal->event_type));
    }
    struct payments_fact fact = {
        .kind = payments_stripe_event_fact(signal->event_type, signal->object_state),
        .about = payments_stripe_event_leg(signal->event_type),
        .provider_ref = signal->object_id,
        .charge_ref = signal->charge_id,
        .failure_code = signal->failure_code,
        .amount_minor = signal->amount_minor,
        .currency = signal->currency,
    };
    struct payments_decision decision =
        payments_decide_fact(&view, signal->leg_id, &fact, engine_op(turn)->now_us);
    return payments_act(turn, message, &decision);
}
