/*
 * Steps of parts of the price that go to the seller, or back to the buyer, while the rest stays held, and the answers
 * about what goes to the seller: about those to the buyer see escrow_do_payments.c. Each part is a debt with a leg of its own.
 */
#include "base/assert.h"
#include "escrow/escrow_deciding.h"

/* Something is left for the seller, in the part and in what comes after it; and something to come after it. */
static bool is_part(const struct escrow *now, int64_t amount_minor)
{
    if (amount_minor <= 0 || amount_minor >= now->held_minor) {
        return false;
    }
    int64_t net_minor = escrow_net_of_next(now, amount_minor);
    return net_minor > 0 && escrow_net_of_next(now, now->held_minor) > net_minor;
}

void escrow_do_release_part(struct deciding *d)
{
    int64_t amount_minor = d->message->amount_minor;
    if (d->now->milestone_count > 0) {
        deciding_reject(d, ESCROW_REASON_HAS_MILESTONES);
        return;
    }
    if (d->facts->part_count == ESCROW_PARTS_MAX) {
        deciding_reject(d, ESCROW_REASON_TOO_MANY_PARTS);
        return;
    }
    if (!is_part(d->now, amount_minor)) {
        deciding_reject(d, ESCROW_REASON_BAD_PART);
        return;
    }
    deciding_release_part(d, amount_minor, 0 /* no milestone */, STR(""), d->rule->next);
}

static struct escrow_step *begin_part(struct deciding *d, enum escrow_event event,
                                      int64_t amount_minor, int64_t milestone, struct str reason)
{
    struct escrow_step *step = deciding_begin_step(d, event);
    step->amount_minor = amount_minor;
    step->milestone = milestone;
    step->text = reason;
    step->number = (int64_t)d->facts->part_count + 1;
    return step;
}

/* Sends what somebody gets of it. */
static void send_part(struct deciding *d, const struct escrow_step *step, bool to_buyer,
                      int64_t gets_minor)
{
    enum escrow_request_kind kind =
        to_buyer ? ESCROW_REQUEST_REFUND_BUYER : ESCROW_REQUEST_TRANSFER_TO_SELLER;
    struct id leg_id = deciding_ask(d, kind, gets_minor, d->now->paid_leg_id);
    const struct escrow_part part = {
        .id = leg_id,
        .escrow_id = d->now->id,
        .version = 1,
        .state = ESCROW_PART_SENDING,
        .number = step->number,
        .to_buyer = to_buyer,
        .price_minor = step->amount_minor,
        .amount_minor = gets_minor,
        .leg_id = leg_id,
        .created_at_us = d->facts->now_us,
        .updated_at_us = d->facts->now_us,
    };
    deciding_add_part(d, &part);
}

void deciding_release_part(struct deciding *d, int64_t amount_minor, int64_t milestone,
                           struct str reason, enum escrow_state next)
{
    struct escrow_step *step =
        begin_part(d, ESCROW_EVENT_PARTIALLY_RELEASED, amount_minor, milestone, reason);
    step->seller_minor = deciding_give_seller(d, step, ESCROW_ACCOUNT_ESCROW_HELD, amount_minor);
    send_part(d, step, /* to_buyer */ false, step->seller_minor);
    deciding_end_step(d, step, next);
}

void deciding_refund_part(struct deciding *d, int64_t amount_minor, int64_t milestone,
                          struct str reason, enum escrow_state next)
{
    struct escrow *row = &d->out->next;
    struct escrow_step *step =
        begin_part(d, ESCROW_EVENT_PARTIALLY_REFUNDED, amount_minor, milestone, reason);
    int64_t until_minor = row->price_minor - row->returned_minor;
    int64_t fee_minor = escrow_buyer_fee_of(row, until_minor) -
                        escrow_buyer_fee_of(row, until_minor - amount_minor);
    step->buyer_gets_minor = escrow_back_of(row, row->returned_minor + amount_minor) -
                             escrow_back_of(row, row->returned_minor);
    deciding_add_move(d, step, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_BUYER, amount_minor);
    deciding_add_fee(d, step, ESCROW_ACCOUNT_FEE_DEFERRED,
                     row->fees.buyer_refundable ? ESCROW_ACCOUNT_DUE_BUYER : ESCROW_ACCOUNT_FEE_INC,
                     fee_minor);
    row->returned_minor += amount_minor;
    send_part(d, step, /* to_buyer */ true, step->buyer_gets_minor);
    deciding_end_step(d, step, next);
}

/* ---- Answers ---- */

/* The payout that an answer is about. */
struct payout {
    bool known;
    bool of_part;
    bool done;      /* it had succeeded before */
    bool failed;    /* it had failed before, and was not retried */
    uint32_t index; /* of the part */
    int64_t asked_minor;
};

static struct payout find_payout(const struct deciding *d)
{
    const struct escrow_facts *facts = d->facts;
    for (uint32_t i = 0; i < facts->part_count; i++) {
        const struct escrow_part *part = facts->parts[i];
        if (!part->to_buyer && id_eq(d->message->leg_id, part->leg_id)) {
            return (struct payout){
                .known = true,
                .of_part = true,
                .done = part->state == ESCROW_PART_PAID,
                .failed = part->state == ESCROW_PART_FAILED,
                .index = i,
                .asked_minor = part->amount_minor,
            };
        }
    }
    int64_t due_minor = escrow_rest_due_minor(d->now, facts->parts, facts->part_count);
    return (struct payout){
        .known = id_eq(d->message->leg_id, d->now->payout_leg_id),
        .done = due_minor == 0,
        .failed = escrow_rest_failed_minor(d->now, facts->parts, facts->part_count) > 0,
        .asked_minor = due_minor,
    };
}

/* Nothing is owed any more once this payout is made. */
static bool is_last_debt(const struct deciding *d, int64_t amount_minor)
{
    const struct escrow_debts debts = escrow_debts_of(d->facts);
    int64_t back_minor = 0, failed_minor = 0;
    bool fits = escrow_parts_back(debts.parts, debts.part_count, &back_minor, &failed_minor);
    ASSERT(fits); /* the rows were checked */
    return d->now->due_seller_minor == amount_minor && back_minor == 0 &&
           escrow_rest_refund_due_minor(d->now, &debts) == 0;
}

/* A deal is not released before everything is paid out: until then, a part is. */
void escrow_do_transfer_succeeded(struct deciding *d)
{
    struct payout payout = find_payout(d);
    if (payout.known && payout.done) {
        deciding_ignore(d);
        return;
    }
    if (!payout.known || d->message->amount_minor != payout.asked_minor) {
        deciding_park(d, ESCROW_REASON_UNEXPECTED);
        return;
    }
    if (payout.failed) {
        d->out->next.payout_failed_minor -= payout.asked_minor;
    }
    if (payout.of_part) {
        deciding_change_part(d, payout.index)->state = ESCROW_PART_PAID;
    }
    bool ends = is_last_debt(d, payout.asked_minor);
    struct escrow_step *step =
        deciding_begin_step(d, ends ? d->rule->event : ESCROW_EVENT_PART_PAID);
    deciding_add_move(d, step, ESCROW_ACCOUNT_DUE_SELLER, ESCROW_ACCOUNT_PSP_CLEAR,
                      payout.asked_minor);
    step->amount_minor = payout.asked_minor;
    deciding_end_debt(d, step, ends);
}

void escrow_do_transfer_failed(struct deciding *d)
{
    struct payout payout = find_payout(d);
    if (!payout.known || payout.failed) {
        deciding_ignore(d);
        return;
    }
    if (payout.done) {
        deciding_park(d, ESCROW_REASON_UNEXPECTED); /* it had succeeded */
        return;
    }
    if (payout.of_part) {
        deciding_change_part(d, payout.index)->state = ESCROW_PART_FAILED;
    }
    d->out->next.payout_failed_minor += payout.asked_minor; /* a part of due_seller: no overflow */
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->text = d->message->text;
    deciding_end_step(d, step, d->now->state);
}
