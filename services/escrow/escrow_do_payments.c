/*
 * Steps of what payments reports. It is certain and it is about money, so it is never refused: it is
 * booked, or known to be old, or shown to a person.
 */
#include "base/assert.h"
#include "escrow/escrow_deciding.h"

/* ---- Money that comes in ---- */

void escrow_do_old_news(struct deciding *d)
{
    deciding_ignore(d);
}

/* A provider operation brings money once: its second news is no second money. */
static bool leg_is_booked(const struct deciding *d)
{
    struct id leg_id = d->message->leg_id;
    for (uint32_t i = 0; i < d->facts->suspense_count; i++) {
        if (id_eq(d->facts->suspense[i]->leg_id, leg_id)) {
            return true;
        }
    }
    bool never_came = d->now->state == ESCROW_CANCELLED || d->now->state == ESCROW_EXPIRED;
    bool price_came = !deciding_is_unpaid(d->now) && !never_came;
    return price_came && id_eq(leg_id, d->now->paid_leg_id);
}

void escrow_do_intent_created(struct deciding *d)
{
    if (!id_eq(d->message->leg_id, d->now->paid_leg_id) || leg_is_booked(d)) {
        deciding_ignore(d); /* of an earlier attempt, or used up already */
        return;
    }
    d->out->next.payment_setup_failed = false;
    deciding_end_step(d, deciding_begin_step(d, d->rule->event), d->rule->next);
}

void escrow_do_payment_failed(struct deciding *d)
{
    if (!id_eq(d->message->leg_id, d->now->paid_leg_id)) {
        deciding_ignore(d);
        return;
    }
    /* After a declined charge the same instructions can be paid again. */
    bool canceled = d->message->kind == ESCROW_PAYMENT_CANCELED;
    if (canceled || d->message->stage == ESCROW_STAGE_SETUP) {
        d->out->next.payment_setup_failed = true;
    }
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->text = canceled ? STR("payment_canceled") : d->message->text;
    deciding_end_step(d, step, d->rule->next);
}

/* Puts money aside that the deal does not expect, and sends it back if it is in our currency. */
static void suspend(struct deciding *d)
{
    const struct escrow_message *message = d->message;
    bool ours = str_eq(message->currency, currency_name(d->now->currency));
    int64_t received_minor;
    if (ours && !money_try_add(d->now->received_minor, message->amount_minor, &received_minor)) {
        deciding_park(d, ESCROW_REASON_OVERFLOW);
        return;
    }
    struct escrow_suspense row = {
        .leg_id = message->leg_id,
        .escrow_id = d->now->id,
        .version = 1,
        .state = ours ? ESCROW_SUSPENSE_REFUNDING : ESCROW_SUSPENSE_FLAGGED,
        .currency = message->currency,
        .amount_minor = message->amount_minor,
        .created_at_us = d->facts->now_us,
        .updated_at_us = d->facts->now_us,
    };
    struct escrow_step *step = deciding_begin_step(d, ESCROW_EVENT_FUNDS_SUSPENDED);
    step->amount_minor = message->amount_minor;
    step->currency = message->currency;
    step->leg_id = message->leg_id;
    step->flagged = !ours;
    if (ours) {
        deciding_add_move(d, step, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_SUSPENSE,
                          row.amount_minor);
        deciding_add_move(d, step, ESCROW_ACCOUNT_SUSPENSE, ESCROW_ACCOUNT_DUE_BUYER,
                          row.amount_minor);
        row.refund_leg_id =
            deciding_ask(d, ESCROW_REQUEST_REFUND_BUYER, row.amount_minor, message->leg_id);
    } else { /* the escrow's sums are in its own currency: only the ledger sees this */
        deciding_add_foreign_move(d, step, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_SUSPENSE);
        d->out->next.foreign_money = true;
    }
    if (deciding_is_unpaid(d->now) && id_eq(message->leg_id, d->now->paid_leg_id)) {
        d->out->next.payment_setup_failed = true; /* these instructions are used up */
    }
    d->out->suspense[d->out->suspense_count++] =
        (struct escrow_suspense_change){.index = ESCROW_SUSPENSE_NEW, .row = row};
    deciding_end_step(d, step, d->now->state);
}

void escrow_do_unexpected_funds(struct deciding *d)
{
    if (leg_is_booked(d)) {
        deciding_ignore(d);
        return;
    }
    suspend(d);
}

void escrow_do_funds(struct deciding *d)
{
    const struct escrow *now = d->now;
    bool exact = str_eq(d->message->currency, currency_name(now->currency)) &&
                 d->message->amount_minor == escrow_asked_minor(now);
    int64_t received_minor;
    if (leg_is_booked(d)) {
        deciding_ignore(d);
        return;
    }
    if (!exact || !money_try_add(now->received_minor, d->message->amount_minor, &received_minor)) {
        suspend(d);
        return;
    }
    /* Usually this is the leg already; after a retry an earlier one may still be paid, and then the later
     * one must not be. */
    if (!id_eq(d->message->leg_id, now->paid_leg_id)) {
        deciding_cancel_payment(d);
    }
    d->out->next.paid_leg_id = d->message->leg_id;
    d->out->next.payment_setup_failed = false;
    struct escrow_step *step = deciding_begin_step(d, ESCROW_EVENT_FUNDS_RECEIVED);
    step->amount_minor = d->message->amount_minor;
    step->leg_id = d->message->leg_id;
    deciding_add_move(d, step, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_ESCROW_IN,
                      d->message->amount_minor);
    deciding_end_step(d, step, now->state);

    step = deciding_begin_step(d, d->rule->event);
    step->amount_minor = now->price_minor;
    deciding_add_move(d, step, ESCROW_ACCOUNT_ESCROW_IN, ESCROW_ACCOUNT_ESCROW_HELD,
                      now->price_minor);
    deciding_add_fee(d, step, ESCROW_ACCOUNT_ESCROW_IN, ESCROW_ACCOUNT_FEE_DEFERRED,
                     now->buyer_fee_minor);
    deciding_end_step(d, step, d->rule->next);
}

/* ---- Money that goes back. Each debt has one leg that counts: its last. The success of any other is
 * money that nobody knows of, the failure of any other changes nothing. A leg that failed and then
 * succeeds, before it was retried, has succeeded. The same holds of what goes to the seller: escrow_do_parts.c. ---- */

enum refunded {
    REFUNDED_NOTHING = 0, /* a leg that nobody knows */
    REFUNDED_REST,        /* of the price */
    REFUNDED_PART,        /* of it, while the rest stayed held */
    REFUNDED_SUSPENSE,
};

/* The refund that an answer is about. */
struct refund {
    enum refunded what;
    bool done;      /* it had succeeded before */
    bool failed;    /* it had failed before, and was not retried */
    uint32_t index; /* of the part, or of the suspense row */
    int64_t asked_minor;
};

static struct refund find_refund(const struct deciding *d)
{
    const struct escrow_facts *facts = d->facts;
    if (id_eq(d->message->leg_id, d->now->refund_leg_id)) {
        const struct escrow_debts debts = escrow_debts_of(d->facts);
        return (struct refund){
            .what = REFUNDED_REST,
            .done = escrow_rest_refund_due_minor(d->now, &debts) == 0,
            .failed = escrow_rest_refund_failed_minor(d->now, &debts) > 0,
            .asked_minor = escrow_refund_minor(d->now),
        };
    }
    for (uint32_t i = 0; i < facts->part_count; i++) {
        const struct escrow_part *part = facts->parts[i];
        if (part->to_buyer && id_eq(d->message->leg_id, part->leg_id)) {
            return (struct refund){
                .what = REFUNDED_PART,
                .done = part->state == ESCROW_PART_PAID,
                .failed = part->state == ESCROW_PART_FAILED,
                .index = i,
                .asked_minor = part->amount_minor,
            };
        }
    }
    for (uint32_t i = 0; i < facts->suspense_count; i++) {
        const struct escrow_suspense *row = facts->suspense[i];
        if (id_eq(d->message->leg_id, row->refund_leg_id)) {
            return (struct refund){
                .what = REFUNDED_SUSPENSE,
                .done = row->state == ESCROW_SUSPENSE_REFUNDED,
                .failed = row->state == ESCROW_SUSPENSE_REFUND_FAILED,
                .index = i,
                .asked_minor = row->amount_minor,
            };
        }
    }
    return (struct refund){.what = REFUNDED_NOTHING};
}

/* It has gone, or it has failed: the row that it is of says so. */
static void mark_refund(struct deciding *d, const struct refund *refund, bool gone)
{
    if (refund->what == REFUNDED_PART) {
        deciding_change_part(d, refund->index)->state =
            gone ? ESCROW_PART_PAID : ESCROW_PART_FAILED;
    } else if (refund->what == REFUNDED_SUSPENSE) {
        deciding_change_suspense(d, refund->index)->state =
            gone ? ESCROW_SUSPENSE_REFUNDED : ESCROW_SUSPENSE_REFUND_FAILED;
    }
}

/* Nothing that the deal is about is owed to anybody any more once this refund is made: its rest is not kept, and no part
 * of it is still under way. */
static bool is_last_debt(const struct deciding *d, const struct refund *refund)
{
    const struct escrow_debts debts = escrow_debts_of(d->facts);
    int64_t back_minor = 0, failed_minor = 0;
    bool fits = escrow_parts_back(debts.parts, debts.part_count, &back_minor, &failed_minor);
    ASSERT(fits); /* the rows were checked */
    return refund->what != REFUNDED_SUSPENSE && d->now->due_seller_minor == 0 &&
           escrow_kept_minor(d->now) == 0 &&
           back_minor + escrow_rest_refund_due_minor(d->now, &debts) == refund->asked_minor;
}

static enum escrow_event refunded_event(const struct deciding *d, enum refunded what)
{
    return what == REFUNDED_REST   ? d->rule->event
           : what == REFUNDED_PART ? ESCROW_EVENT_PART_REFUNDED
                                   : ESCROW_EVENT_SUSPENSE_REFUNDED;
}

void escrow_do_refund_succeeded(struct deciding *d)
{
    struct refund refund = find_refund(d);
    if (refund.done) {
        deciding_ignore(d);
        return;
    }
    if (refund.what == REFUNDED_NOTHING || d->message->amount_minor != refund.asked_minor) {
        deciding_park(d, ESCROW_REASON_UNEXPECTED);
        return;
    }
    if (refund.failed) {
        d->out->next.refund_failed_minor -= refund.asked_minor;
    }
    mark_refund(d, &refund, /* gone */ true);
    bool ends = is_last_debt(d, &refund);
    struct escrow_step *step = deciding_begin_step(d, refunded_event(d, refund.what));
    step->amount_minor = refund.asked_minor;
    deciding_add_move(d, step, ESCROW_ACCOUNT_DUE_BUYER, ESCROW_ACCOUNT_PSP_CLEAR,
                      refund.asked_minor);
    deciding_end_debt(d, step, ends);
}

void escrow_do_refund_failed(struct deciding *d)
{
    struct refund refund = find_refund(d);
    if (refund.what == REFUNDED_NOTHING || refund.failed) {
        deciding_ignore(d);
        return;
    }
    mark_refund(d, &refund, /* gone */ false);
    d->out->next.refund_failed_minor += refund.asked_minor; /* a part of due_buyer: no overflow */
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->text = d->message->text;
    if (refund.done) { /* the buyer's bank sent it back, days later: it is owed again */
        deciding_add_move(d, step, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_DUE_BUYER,
                          refund.asked_minor);
    }
    deciding_end_step(d, step, refund.what == REFUNDED_SUSPENSE ? d->now->state : d->rule->next);
}
