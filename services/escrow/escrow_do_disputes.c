/*
 * Steps of a deal on whose goods buyer and seller do not agree. Who may take them and in which state is
 * decided already, by the tables.
 */
#include "escrow/escrow_deciding.h"

/* The other side has a right to know why. */
static bool has_reason(const struct deciding *d)
{
    return d->message->text.len > 0 && d->message->text.len <= ESCROW_REASON_MAX_BYTES;
}

void escrow_do_reject(struct deciding *d)
{
    if (!has_reason(d)) {
        deciding_reject(d, ESCROW_REASON_BAD_TEXT);
        return;
    }
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->text = d->message->text;
    deciding_end_step(d, step, d->rule->next);
}

/* Whoever follows refunds alone hears of one, with its reason. */
void escrow_do_accept_return(struct deciding *d)
{
    deciding_end_step(d, deciding_begin_step(d, ESCROW_EVENT_RETURN_ACCEPTED), d->now->state);
    deciding_refund(d, STR("RETURN_ACCEPTED"));
}

/* The seller did not answer in time. */
void escrow_do_refund_unanswered(struct deciding *d)
{
    deciding_refund(d, STR("NOT_ANSWERED"));
}
