/*
 * Steps of a deal on whose goods buyer and seller do not agree. Who may take them and in which state is
 * decided already, by the tables.
 */
#include "base/verdict.h"
#include "escrow/escrow_deciding.h"

/* The other side has a right to know why. */
static bool has_reason(const struct deciding *d)
{
    return d->message->text.len > 0 && d->message->text.len <= ESCROW_REASON_MAX_BYTES;
}

/* Whoever follows refunds alone hears of one, with its reason. Of milestones one is given back, or all that is held. */
void escrow_do_accept_return(struct deciding *d)
{
    if (d->now->milestone_count > 0) {
        deciding_reject(d, ESCROW_REASON_HAS_MILESTONES);
        return;
    }
    deciding_end_step(d, deciding_begin_step(d, ESCROW_EVENT_RETURN_ACCEPTED), d->now->state);
    deciding_refund(d, STR("RETURN_ACCEPTED"));
}

/* ---- Disputes. The whole held sum is frozen: it goes to one of the two, or back to where it was. ---- */

void escrow_do_raise_dispute(struct deciding *d)
{
    if (!has_reason(d)) {
        deciding_reject(d, ESCROW_REASON_BAD_TEXT);
        return;
    }
    if (d->facts->dispute_count == ESCROW_DISPUTES_MAX) {
        deciding_reject(d, ESCROW_REASON_TOO_MANY_DISPUTES);
        return;
    }
    int64_t amount_minor = d->now->held_minor;
    struct escrow_dispute dispute = {
        .id = deciding_new_id(d),
        .escrow_id = d->now->id,
        .version = 1,
        .state = ESCROW_DISPUTE_OPEN,
        .number = (int64_t)d->facts->dispute_count + 1,
        .raiser_id = d->message->actor.id,
        .before = d->now->state,
        .amount_minor = amount_minor,
        .created_at_us = d->facts->now_us,
        .updated_at_us = d->facts->now_us,
    };
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->amount_minor = amount_minor;
    step->text = d->message->text;
    step->number = dispute.number;
    deciding_add_move(d, step, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_ESCROW_DISP,
                      amount_minor);
    d->out->has_dispute = true;
    d->out->dispute = (struct escrow_dispute_change){.index = ESCROW_DISPUTE_NEW, .row = dispute};
    deciding_end_step(d, step, d->rule->next);
}

void escrow_do_disputed_already(struct deciding *d)
{
    deciding_reject(d, ESCROW_REASON_DISPUTED);
}

/* Whatever is inspected, or answered, has all its time anew. */
static void restart_milestones(struct deciding *d)
{
    for (uint32_t i = 0; i < d->facts->milestone_count; i++) {
        enum escrow_timer timer = escrow_milestone_timer(d->facts->milestones[i]);
        if (timer != ESCROW_TIMER_NONE) {
            deciding_change_milestone(d, i)->deadline_at_us =
                d->facts->now_us + escrow_period_us(d->now, timer);
        }
    }
}

/* Back to the state before, whose clock starts anew: it had stopped. */
void escrow_do_withdraw_dispute(struct deciding *d)
{
    if (!id_eq(deciding_open_dispute(d)->raiser_id, d->message->actor.id)) {
        deciding_reject(d, ESCROW_REASON_NOT_RAISER);
        return;
    }
    struct escrow_dispute *dispute = deciding_change_dispute(d);
    dispute->state = ESCROW_DISPUTE_WITHDRAWN;
    restart_milestones(d);
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    deciding_add_move(d, step, ESCROW_ACCOUNT_ESCROW_DISP, ESCROW_ACCOUNT_ESCROW_HELD,
                      dispute->amount_minor);
    deciding_end_step(d, step, dispute->before);
}

/* All that is frozen goes to one of the two: whoever names a milestone means another thing. */
static bool names_milestone(struct deciding *d)
{
    if (d->message->number == 0) {
        return false;
    }
    deciding_reject(d, d->now->milestone_count > 0 ? ESCROW_REASON_MILESTONE_STATE
                                                   : ESCROW_REASON_NO_MILESTONE);
    return true;
}

void escrow_do_concede_release(struct deciding *d)
{
    if (names_milestone(d)) {
        return;
    }
    struct escrow_dispute *dispute = deciding_change_dispute(d);
    dispute->state = ESCROW_DISPUTE_SETTLED;
    dispute->seller_minor = dispute->amount_minor;
    deciding_release(d, STR("DISPUTE_CONCEDED"));
}

static void settle_for_buyer(struct deciding *d, struct str reason)
{
    struct escrow_dispute *dispute = deciding_change_dispute(d);
    dispute->state = ESCROW_DISPUTE_SETTLED;
    dispute->buyer_minor = dispute->amount_minor;
    deciding_refund(d, reason);
}

/* Staff ends no dispute that is an arbiter's before the arbiter had the time to: neither by a verdict nor by a refund. */
static bool is_the_arbiters(const struct deciding *d)
{
    const struct escrow *now = d->now;
    return d->message->actor.kind == ENGINE_ACTOR_STAFF && !id_is_none(now->arbiter_id) &&
           (now->state != ESCROW_ESCALATED || d->facts->now_us < escrow_staff_decides_at_us(now));
}

void escrow_do_concede_refund(struct deciding *d)
{
    if (names_milestone(d)) {
        return;
    }
    if (is_the_arbiters(d)) {
        deciding_reject(d, ESCROW_REASON_ARBITER_HAS_TIME);
        return;
    }
    if (d->message->text.len > ESCROW_REASON_MAX_BYTES) {
        deciding_reject(d, ESCROW_REASON_BAD_TEXT);
        return;
    }
    settle_for_buyer(d, d->message->text);
}

/* Nobody settled it: the money cannot stay for ever, and it is the buyer's. */
void escrow_do_refund_unresolved(struct deciding *d)
{
    settle_for_buyer(d, STR("NOT_RESOLVED"));
}

/* ---- The verdict on a dispute that the two did not settle ---- */

/* An arbiter signs what he saw: since then nothing may have happened in the deal. */
static enum escrow_reason check_arbiter(const struct deciding *d)
{
    const struct escrow *now = d->now;
    const struct escrow_message *message = d->message;
    const struct verdict verdict = {
        .escrow_id = now->id,
        .dispute = message->number,
        .head = message->head,
        .currency = now->currency,
        .seller_minor = message->seller_minor,
        .buyer_minor = message->buyer_minor,
        .reason = message->text,
    };
    if (!hash_eq(&message->head, &now->chain_head)) {
        return ESCROW_REASON_STALE_VERDICT;
    }
    return verdict_is_signed(&verdict, now->arbiter_key, message->signature)
               ? ESCROW_REASON_NONE
               : ESCROW_REASON_BAD_SIGNATURE;
}

/* Staff signs nothing: what stands in the name of the arbiter is the arbiter's alone. */
static enum escrow_reason check_staff(const struct deciding *d)
{
    if (d->message->signature.len > 0) {
        return ESCROW_REASON_BAD_SIGNATURE;
    }
    return d->facts->now_us < escrow_staff_decides_at_us(d->now) ? ESCROW_REASON_ARBITER_HAS_TIME
                                                                 : ESCROW_REASON_NONE;
}

static enum escrow_reason check_verdict(const struct deciding *d)
{
    const struct escrow_message *message = d->message;
    if (!has_reason(d)) {
        return ESCROW_REASON_BAD_TEXT;
    }
    if (message->number != deciding_open_dispute(d)->number) {
        return ESCROW_REASON_OTHER_DISPUTE;
    }
    if (!deciding_divides_all(d->now, message->seller_minor, message->buyer_minor)) {
        return ESCROW_REASON_BAD_SPLIT;
    }
    return message->actor.kind == ENGINE_ACTOR_STAFF ? check_staff(d) : check_arbiter(d);
}

void escrow_do_resolve_dispute(struct deciding *d)
{
    const struct escrow_message *message = d->message;
    enum escrow_reason reason = check_verdict(d);
    if (reason != ESCROW_REASON_NONE) {
        deciding_reject(d, reason);
        return;
    }
    deciding_divide(d, message->seller_minor, message->number, STR("VERDICT"));
    d->out->steps[0].text = message->text;
    d->out->steps[0].signature = message->signature;
}
