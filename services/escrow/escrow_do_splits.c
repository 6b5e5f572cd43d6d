/*
 * Steps of the two who divide what is held: one of them offers, the other one agrees. Nobody else has a say, and no reason
 * is asked for. Who may do it and in which state is decided already, by the tables.
 */
#include "escrow/escrow_deciding.h"

void escrow_do_propose_split(struct deciding *d)
{
    const struct escrow_message *message = d->message;
    struct escrow *next = &d->out->next;
    if (!deciding_divides_all(d->now, message->seller_minor, message->buyer_minor)) {
        deciding_reject(d, ESCROW_REASON_BAD_SPLIT);
        return;
    }
    if (d->now->split_count == ESCROW_SPLITS_MAX) {
        deciding_reject(d, ESCROW_REASON_TOO_MANY_SPLITS);
        return;
    }
    next->split_count++;
    next->split_by = message->actor.id;
    next->split_seller_minor = message->seller_minor;
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->number = next->split_count;
    step->seller_minor = message->seller_minor;
    step->buyer_minor = message->buyer_minor;
    deciding_end_step(d, step, d->rule->next);
}

/* The number says which offer was read: a later one has another. */
void escrow_do_accept_split(struct deciding *d)
{
    const struct escrow *now = d->now;
    if (id_is_none(now->split_by) || d->message->number != now->split_count) {
        deciding_reject(d, ESCROW_REASON_NO_SPLIT);
        return;
    }
    if (id_eq(now->split_by, d->message->actor.id)) {
        deciding_reject(d, ESCROW_REASON_OWN_SPLIT);
        return;
    }
    deciding_divide(d, now->split_seller_minor, now->split_count, STR("SPLIT_AGREED"));
}

/* Whoever agrees at the same time is decided before or after it, and then it is open or it is not. */
void escrow_do_withdraw_split(struct deciding *d)
{
    const struct escrow *now = d->now;
    bool is_open = !id_is_none(now->split_by) && d->message->number == now->split_count;
    if (!is_open) {
        deciding_reject(d, ESCROW_REASON_NO_SPLIT);
        return;
    }
    if (!id_eq(now->split_by, d->message->actor.id)) {
        deciding_reject(d, ESCROW_REASON_NOT_PROPOSER);
        return;
    }
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->number = now->split_count;
    deciding_close_offer(d);
    deciding_end_step(d, step, d->rule->next);
}
