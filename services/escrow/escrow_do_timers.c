/*
 * Steps of timers that fired: what happens when nobody did anything in time. Payments' news, people's
 * commands and firings are decided in the order in which they come in the escrow's lane; the first one
 * wins, and a firing that comes second is stale.
 */
#include "escrow/escrow_deciding.h"

/* Not paid in time. Whoever knows only of cancelled deals hears of a cancelled one. */
void escrow_do_expire(struct deciding *d)
{
    deciding_cancel_payment(d);
    deciding_end_step(d, deciding_begin_step(d, d->rule->event), d->rule->next);
    struct escrow_step *step = deciding_begin_step(d, ESCROW_EVENT_CANCELLED);
    step->text = STR("TIMEOUT");
    deciding_end_step(d, step, d->rule->next);
}

void escrow_do_refund_undelivered(struct deciding *d)
{
    deciding_refund(d, STR("NOT_DELIVERED"));
}
