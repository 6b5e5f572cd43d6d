/* Steps of the commands. Who may send them and in which state is decided already, by the tables. */
#include "base/assert.h"
#include "base/sign.h"
#include "escrow/escrow_chain.h"
#include "escrow/escrow_deciding.h"

/* However they are released one after the other, something of each is left for the seller: a fee's part is rounded up
 * by less than one minor unit. */
static bool milestone_fits(const struct escrow_milestone_terms *milestone, int64_t price_minor,
                           int64_t seller_fee_minor)
{
    int64_t fee_minor = 0;
    return milestone->title.len > 0 && milestone->title.len <= ESCROW_TITLE_MAX_BYTES &&
           milestone->amount_minor >= 1 && milestone->amount_minor < price_minor &&
           fee_try_part(seller_fee_minor, price_minor, milestone->amount_minor, &fee_minor) &&
           milestone->amount_minor > fee_minor + (seller_fee_minor > 0 ? 1 : 0);
}

static bool milestones_fit(const struct escrow_terms *terms, int64_t seller_fee_minor)
{
    int64_t sum_minor = 0;
    if (terms->milestone_count == 0) {
        return true;
    }
    if (terms->milestone_count < ESCROW_MILESTONES_MIN ||
        terms->milestone_count > ESCROW_MILESTONES_MAX) {
        return false;
    }
    for (size_t i = 0; i < terms->milestone_count; i++) {
        if (!milestone_fits(&terms->milestones[i], terms->price_minor, seller_fee_minor)) {
            return false;
        }
        sum_minor += terms->milestones[i].amount_minor; /* twenty prices at most: no overflow */
    }
    return sum_minor == terms->price_minor;
}

/* A third person, with a key; or none of both. */
static bool arbiter_is_right(const struct escrow_terms *terms)
{
    if (id_is_none(terms->arbiter_id)) {
        return terms->arbiter_key.len == 0;
    }
    return terms->arbiter_key.len == SIGN_PUBLIC_BYTES &&
           !id_eq(terms->arbiter_id, terms->buyer_id) &&
           !id_eq(terms->arbiter_id, terms->seller_id);
}

static enum escrow_reason check_terms(const struct escrow_terms *terms)
{
    if (id_eq(terms->buyer_id, terms->seller_id)) {
        return ESCROW_REASON_SAME_PARTY;
    }
    if (!arbiter_is_right(terms)) {
        return ESCROW_REASON_BAD_ARBITER;
    }
    if (terms->currency == CURRENCY_NONE || terms->price_minor < ESCROW_PRICE_MIN_MINOR ||
        terms->price_minor > ESCROW_PRICE_MAX_MINOR) {
        return ESCROW_REASON_BAD_PRICE;
    }
    if (terms->funding_seconds < ESCROW_FUNDING_MIN_SECONDS ||
        terms->funding_seconds > ESCROW_FUNDING_MAX_SECONDS) {
        return ESCROW_REASON_BAD_FUNDING;
    }
    if (terms->delivery_seconds < ESCROW_DELIVERY_MIN_SECONDS ||
        terms->delivery_seconds > ESCROW_DELIVERY_MAX_SECONDS) {
        return ESCROW_REASON_BAD_DELIVERY;
    }
    if (terms->inspection_seconds < ESCROW_INSPECTION_MIN_SECONDS ||
        terms->inspection_seconds > ESCROW_INSPECTION_MAX_SECONDS) {
        return ESCROW_REASON_BAD_INSPECTION;
    }
    struct fee_split split;
    if (!fee_try_split(terms->price_minor, &terms->fees, &split) ||
        split.buyer_pays_minor > ESCROW_PRICE_MAX_MINOR) {
        return ESCROW_REASON_BAD_FEES;
    }
    if (terms->seller_account.len == 0 || terms->seller_account.len > ESCROW_ACCOUNT_MAX_BYTES ||
        terms->description.len > ESCROW_DESCRIPTION_MAX_BYTES) {
        return ESCROW_REASON_BAD_TEXT;
    }
    return milestones_fit(terms, split.seller_fee_minor) ? ESCROW_REASON_NONE
                                                         : ESCROW_REASON_BAD_MILESTONES;
}

/* One row for each, in the order in which they were agreed to. */
static void create_milestones(struct deciding *d)
{
    const struct escrow_terms *terms = &d->message->terms;
    struct escrow *next = &d->out->next;
    for (size_t i = 0; i < terms->milestone_count; i++) {
        d->out->milestones[i] = (struct escrow_milestone_change){
            .index = ESCROW_MILESTONE_NEW,
            .row = {.escrow_id = next->id,
                    .number = (int64_t)i + 1,
                    .version = 1,
                    .state = ESCROW_MILESTONE_OPEN,
                    .title = terms->milestones[i].title,
                    .price_minor = terms->milestones[i].amount_minor,
                    .created_at_us = d->facts->now_us,
                    .updated_at_us = d->facts->now_us}};
    }
    d->out->milestone_count = (uint32_t)terms->milestone_count;
    next->milestone_count = (int64_t)terms->milestone_count;
    if (terms->milestone_count > 0) {
        const struct escrow_milestone *rows[ESCROW_MILESTONES_MAX];
        uint32_t count = 0;
        deciding_milestones(d, rows, &count);
        next->milestones_hash = escrow_chain_milestones(rows, count);
    }
}

void escrow_do_create(struct deciding *d)
{
    const struct escrow_terms *terms = &d->message->terms;
    enum escrow_reason reason = check_terms(terms);
    if (reason != ESCROW_REASON_NONE) {
        deciding_reject(d, reason);
        return;
    }
    struct fee_split split;
    bool fits = fee_try_split(terms->price_minor, &terms->fees, &split);
    ASSERT(fits); /* checked with the terms */
    d->out->next = (struct escrow){
        .id = d->message->escrow_id,
        .currency = terms->currency,
        .price_minor = terms->price_minor,
        .marketplace_id = terms->marketplace_id,
        .buyer_id = terms->buyer_id,
        .seller_id = terms->seller_id,
        .arbiter_id = terms->arbiter_id,
        .arbiter_key = terms->arbiter_key,
        .seller_account = terms->seller_account,
        .funding_seconds = terms->funding_seconds,
        .delivery_seconds = terms->delivery_seconds,
        .inspection_seconds = terms->inspection_seconds,
        .fees = terms->fees,
        .buyer_fee_minor = split.buyer_fee_minor,
        .seller_fee_minor = split.seller_fee_minor,
        .description = terms->description,
        .created_at_us = d->facts->now_us,
    };
    create_milestones(d);
    d->out->next.paid_leg_id =
        deciding_ask(d, ESCROW_REQUEST_CREATE_PAYMENT_INTENT, split.buyer_pays_minor,
                     (struct id){0} /* none has paid */);
    deciding_end_step(d, deciding_begin_step(d, d->rule->event), d->rule->next);
}

/* Nothing but the state changes. */
void escrow_do_plain(struct deciding *d)
{
    deciding_end_step(d, deciding_begin_step(d, d->rule->event), d->rule->next);
}

void escrow_do_cancel(struct deciding *d)
{
    if (d->message->text.len > ESCROW_REASON_MAX_BYTES) {
        deciding_reject(d, ESCROW_REASON_BAD_TEXT);
        return;
    }
    deciding_cancel_payment(d);
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->text = d->message->text;
    deciding_end_step(d, step, d->rule->next);
}

void escrow_do_has_funds(struct deciding *d)
{
    deciding_reject(d, ESCROW_REASON_HAS_FUNDS);
}

/* Those that go one way. */
static void retry_parts(struct deciding *d, bool to_buyer)
{
    const struct escrow_facts *facts = d->facts;
    struct escrow *next = &d->out->next;
    enum escrow_request_kind kind =
        to_buyer ? ESCROW_REQUEST_REFUND_BUYER : ESCROW_REQUEST_TRANSFER_TO_SELLER;
    int64_t *failed_minor = to_buyer ? &next->refund_failed_minor : &next->payout_failed_minor;
    for (uint32_t i = 0; i < facts->part_count && d->legs_used < ESCROW_LEGS_MAX; i++) {
        const struct escrow_part *part = facts->parts[i];
        if (part->state == ESCROW_PART_FAILED && part->to_buyer == to_buyer) {
            struct escrow_part *row = deciding_change_part(d, i);
            row->state = ESCROW_PART_SENDING;
            row->leg_id = deciding_ask(d, kind, row->amount_minor, d->now->paid_leg_id);
            *failed_minor -= row->amount_minor;
        }
    }
}

/* What the seller was not paid: the rest of the price, and parts of it. */
static void retry_payouts(struct deciding *d)
{
    const struct escrow *now = d->now;
    const struct escrow_facts *facts = d->facts;
    struct escrow *next = &d->out->next;
    int64_t rest_minor = escrow_rest_failed_minor(now, facts->parts, facts->part_count);
    if (rest_minor > 0) {
        next->payout_leg_id =
            deciding_ask(d, ESCROW_REQUEST_TRANSFER_TO_SELLER, rest_minor, now->paid_leg_id);
        next->payout_failed_minor -= rest_minor;
    }
    retry_parts(d, /* to_buyer */ false);
}

/* What the buyer was not given back: what was left of the price, parts of it, and money that the deal did not expect. */
static void retry_refunds(struct deciding *d)
{
    const struct escrow *now = d->now;
    const struct escrow_facts *facts = d->facts;
    struct escrow *next = &d->out->next;
    const struct escrow_debts debts = escrow_debts_of(d->facts);
    int64_t rest_minor = escrow_rest_refund_failed_minor(now, &debts);
    if (rest_minor > 0 && d->legs_used < ESCROW_LEGS_MAX) {
        next->refund_leg_id =
            deciding_ask(d, ESCROW_REQUEST_REFUND_BUYER, rest_minor, now->paid_leg_id);
        next->refund_failed_minor -= rest_minor;
    }
    retry_parts(d, /* to_buyer */ true);
    for (uint32_t i = 0; i < facts->suspense_count && d->legs_used < ESCROW_LEGS_MAX; i++) {
        if (facts->suspense[i]->state == ESCROW_SUSPENSE_REFUND_FAILED) {
            struct escrow_suspense *row = deciding_change_suspense(d, i);
            row->state = ESCROW_SUSPENSE_REFUNDING;
            row->refund_leg_id =
                deciding_ask(d, ESCROW_REQUEST_REFUND_BUYER, row->amount_minor, row->leg_id);
            next->refund_failed_minor -= row->amount_minor;
        }
    }
}

/* Sends again whatever failed; the debts stay where they are until the provider answers. */
void escrow_do_retry(struct deciding *d)
{
    if (d->now->payment_setup_failed) {
        d->out->next.paid_leg_id =
            deciding_ask(d, ESCROW_REQUEST_CREATE_PAYMENT_INTENT, escrow_asked_minor(d->now),
                         (struct id){0} /* none has paid */);
        d->out->next.payment_setup_failed = false;
    }
    retry_payouts(d);
    retry_refunds(d);
    if (d->legs_used == 0) {
        deciding_reject(d, ESCROW_REASON_NOTHING_FAILED);
        return;
    }
    deciding_end_step(d, deciding_begin_step(d, d->rule->event), d->rule->next);
}
