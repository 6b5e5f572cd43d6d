/* A moment in, a question to the provider and the next moment out. */
#include "payments/payments_in_timers.h"

#include "payments/payments_act.h"

STATUS payments_in_timers_fired(struct engine_turn *turn, const struct timer_row *timer)
{
    struct payments_view view;
    (void)timer; /* the legs say what is due */
    TRY(payments_act_view(turn, &view));
    struct payments_decision decision = payments_decide_look(&view, engine_op(turn)->now_us);
    TRY(payments_act(turn, engine_cause(turn), &decision));
    return payments_act_wait(turn);
}
