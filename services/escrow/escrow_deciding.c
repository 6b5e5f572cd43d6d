/*
 * What steps are made of. The state is written in deciding_end_step, the sums in deciding_add_move, how much of the price
 * was released in deciding_give_seller, and how much of it went back in parts in deciding_refund_part, nowhere else.
 */
#include "escrow/escrow_deciding.h"

#include "base/assert.h"

void deciding_reject(struct deciding *d, enum escrow_reason reason)
{
    d->out->verdict = ESCROW_REJECT;
    d->out->reason = reason;
}

void deciding_park(struct deciding *d, enum escrow_reason reason)
{
    d->out->verdict = ESCROW_PARK;
    d->out->reason = reason;
}

void deciding_ignore(struct deciding *d)
{
    d->out->verdict = ESCROW_IGNORE;
}

struct escrow_step *deciding_begin_step(struct deciding *d, enum escrow_event event)
{
    ASSERT(d->out->step_count < ESCROW_STEPS_MAX);
    struct escrow_step *step = &d->out->steps[d->out->step_count++];
    step->event = event;
    step->from = d->out->next.state;
    return step;
}

static void order_timer(struct deciding *d, struct escrow_timer_order order)
{
    ASSERT(d->out->timer_count < ESCROW_TIMERS_MAX);
    d->out->timers[d->out->timer_count++] = order;
}

/* The clocks of its milestones, of which the first that ends is the deal's. */
static bool is_of_milestones(enum escrow_timer timer)
{
    return timer == ESCROW_TIMER_INSPECTION || timer == ESCROW_TIMER_ANSWER;
}

/* When the clock of the state that was just written ends. */
static int64_t deadline_of(const struct deciding *d, enum escrow_timer timer)
{
    const struct escrow_milestone *milestones[ESCROW_MILESTONES_MAX];
    uint32_t count = 0;
    deciding_milestones(d, milestones, &count);
    if (is_of_milestones(timer) && count > 0) {
        uint32_t soonest = escrow_milestone_soonest(milestones, count);
        ASSERT(soonest < count); /* the deal is DELIVERED or REJECTED: one of them is */
        return milestones[soonest]->deadline_at_us;
    }
    return d->facts->now_us + escrow_period_us(&d->out->next, timer);
}

/* The clock of the state that was just written starts; the one that ran stops. */
static void restart_clock(struct deciding *d, enum escrow_timer before)
{
    struct escrow *next = &d->out->next;
    enum escrow_timer timer = escrow_timer_of(next->state);
    bool has_fired = d->message->kind == ESCROW_TIMER_FIRED;
    if (before != ESCROW_TIMER_NONE && before != timer && !has_fired) {
        order_timer(d,
                    (struct escrow_timer_order){.timer = before, .generation = next->deadline_seq});
    }
    if (timer == ESCROW_TIMER_NONE) {
        next->deadline_seq = 0;
        next->deadline_at_us = 0;
        return;
    }
    next->deadline_seq = next->seq;
    next->deadline_at_us = deadline_of(d, timer);
    order_timer(d, (struct escrow_timer_order){.timer = timer,
                                               .generation = next->deadline_seq,
                                               .due_at_us = next->deadline_at_us});
}

void deciding_close_offer(struct deciding *d)
{
    d->out->next.split_by = (struct id){0};
    d->out->next.split_seller_minor = 0;
}

/* An offer is about what was held when it was made, in the state in which it was made. */
static void end_offer(struct deciding *d, bool moves_on)
{
    if (d->now && (moves_on || escrow_kept_minor(&d->out->next) != escrow_kept_minor(d->now))) {
        deciding_close_offer(d);
    }
}

/* The deal stays DELIVERED or rejected, and another milestone's clock is the first to end: at another time, or, of two that
 * began in one transaction, in the moment whose timer has fired. */
static bool moves_deadline(const struct deciding *d)
{
    const struct escrow *next = &d->out->next;
    enum escrow_timer timer = escrow_timer_of(next->state);
    bool has_fired = d->message->kind == ESCROW_TIMER_FIRED;
    return is_of_milestones(timer) && d->out->milestone_count > 0 &&
           (has_fired || deadline_of(d, timer) != next->deadline_at_us);
}

/* What ends undelivered while the seller has time to deliver gives him no more of it. */
static bool goes_on_waiting(const struct escrow_step *step, enum escrow_state next)
{
    return escrow_timer_of(step->from) == ESCROW_TIMER_DELIVERY &&
           escrow_timer_of(next) == ESCROW_TIMER_DELIVERY;
}

/* The one place where the state and its deadline are written. */
void deciding_end_step(struct deciding *d, struct escrow_step *step, enum escrow_state next)
{
    bool moves_on = next != step->from && !goes_on_waiting(step, next);
    d->out->next.state = next;
    d->out->next.seq++;
    end_offer(d, next != step->from);
    if (moves_on || step->event == ESCROW_EVENT_AWAIT_FUNDS || moves_deadline(d)) {
        restart_clock(d, escrow_timer_of(step->from));
    }
    step->after = d->out->next;
}

static int64_t *sum_of(struct escrow *escrow, enum escrow_account account)
{
    switch (account) {
    case ESCROW_ACCOUNT_ESCROW_IN: return &escrow->in_minor;
    case ESCROW_ACCOUNT_ESCROW_HELD: return &escrow->held_minor;
    case ESCROW_ACCOUNT_DUE_SELLER: return &escrow->due_seller_minor;
    case ESCROW_ACCOUNT_DUE_BUYER: return &escrow->due_buyer_minor;
    case ESCROW_ACCOUNT_SUSPENSE: return &escrow->suspense_minor;
    case ESCROW_ACCOUNT_ESCROW_DISP: return &escrow->disputed_minor;
    case ESCROW_ACCOUNT_FEE_DEFERRED: return &escrow->fee_deferred_minor;
    case ESCROW_ACCOUNT_FEE_INC: return &escrow->fee_minor;
    case ESCROW_ACCOUNT_NONE:
    case ESCROW_ACCOUNT_PSP_CLEAR: /* an asset of the platform: no sum of the escrow */
    case ESCROW_ACCOUNT_COUNT: break;
    }
    UNREACHABLE("escrow account");
}

static void raise_sum(int64_t *sum_minor, int64_t amount_minor)
{
    bool fits = money_try_add(*sum_minor, amount_minor, sum_minor);
    ASSERT(fits); /* no sum exceeds received, which was checked when the money came in */
}

static void lower_sum(int64_t *sum_minor, int64_t amount_minor)
{
    ASSERT(*sum_minor >= amount_minor);
    *sum_minor -= amount_minor;
}

static struct escrow_move *new_move(struct escrow_step *step, enum escrow_account debit,
                                    enum escrow_account credit, int64_t amount_minor)
{
    ASSERT(step->move_count < ESCROW_TRANSFERS_MAX);
    struct escrow_move *move = &step->moves[step->move_count++];
    *move = (struct escrow_move){.debit = debit, .credit = credit, .amount_minor = amount_minor};
    return move;
}

/* The one place where sums are written: from the ledger's lines, so that they cannot differ. */
void deciding_add_move(struct deciding *d, struct escrow_step *step, enum escrow_account debit,
                       enum escrow_account credit, int64_t amount_minor)
{
    struct escrow *next = &d->out->next;
    struct escrow_move *move = new_move(step, debit, credit, amount_minor);
    move->currency = currency_name(next->currency);
    if (debit == ESCROW_ACCOUNT_PSP_CLEAR || credit == ESCROW_ACCOUNT_PSP_CLEAR) {
        move->leg_id = d->message->leg_id;
    }
    if (debit == ESCROW_ACCOUNT_PSP_CLEAR && credit == ESCROW_ACCOUNT_DUE_BUYER) {
        lower_sum(&next->refunded_minor, amount_minor); /* it came back: received it was before */
    } else if (debit == ESCROW_ACCOUNT_PSP_CLEAR) {
        raise_sum(&next->received_minor, amount_minor);
    } else {
        lower_sum(sum_of(next, debit), amount_minor);
    }
    if (credit != ESCROW_ACCOUNT_PSP_CLEAR) {
        raise_sum(sum_of(next, credit), amount_minor);
    } else if (debit == ESCROW_ACCOUNT_DUE_SELLER) {
        raise_sum(&next->paid_out_minor, amount_minor);
    } else {
        raise_sum(&next->refunded_minor, amount_minor);
    }
}

void deciding_add_fee(struct deciding *d, struct escrow_step *step, enum escrow_account debit,
                      enum escrow_account credit, int64_t fee_minor)
{
    if (fee_minor > 0) {
        deciding_add_move(d, step, debit, credit, fee_minor);
    }
}

void deciding_add_foreign_move(struct deciding *d, struct escrow_step *step,
                               enum escrow_account debit, enum escrow_account credit)
{
    struct escrow_move *move = new_move(step, debit, credit, d->message->amount_minor);
    move->currency = d->message->currency;
    move->leg_id = d->message->leg_id;
}

struct id deciding_new_id(struct deciding *d)
{
    ASSERT(d->legs_used < escrow_legs_wanted(d->message->kind));
    struct id id = d->facts->legs[d->legs_used++];
    ASSERT(!id_is_none(id));
    return id;
}

struct id deciding_ask(struct deciding *d, enum escrow_request_kind kind, int64_t amount_minor,
                       struct id paid_leg_id)
{
    struct id leg_id = deciding_new_id(d);
    d->out->requests[d->out->request_count++] = (struct escrow_request){
        .kind = kind, .leg_id = leg_id, .amount_minor = amount_minor, .paid_leg_id = paid_leg_id};
    return leg_id;
}

void deciding_cancel_payment(struct deciding *d)
{
    d->out->next.payment_setup_failed = false;
    d->out->requests[d->out->request_count++] =
        (struct escrow_request){.kind = ESCROW_REQUEST_CANCEL_PAYMENT};
}

/* Where the rest of the price lies before it goes out: all of it in one of two accounts. */
static enum escrow_account kept_in(const struct escrow *now)
{
    return escrow_state_is_disputed(now->state) ? ESCROW_ACCOUNT_ESCROW_DISP
                                                : ESCROW_ACCOUNT_ESCROW_HELD;
}

int64_t deciding_give_seller(struct deciding *d, struct escrow_step *step, enum escrow_account from,
                             int64_t amount_minor)
{
    struct escrow *next = &d->out->next;
    int64_t net_minor = escrow_net_of_next(next, amount_minor);
    int64_t buyer_fee_minor = escrow_buyer_fee_of(next, next->released_minor + amount_minor) -
                              escrow_buyer_fee_of(next, next->released_minor);
    deciding_add_move(d, step, from, ESCROW_ACCOUNT_DUE_SELLER, net_minor);
    deciding_add_fee(d, step, from, ESCROW_ACCOUNT_FEE_INC, amount_minor - net_minor);
    deciding_add_fee(d, step, ESCROW_ACCOUNT_FEE_DEFERRED, ESCROW_ACCOUNT_FEE_INC, buyer_fee_minor);
    next->released_minor += amount_minor;
    return net_minor;
}

/* All that is left in `from` becomes the buyer's again, with the buyer's fee where the terms say so, which else is earned.
 * Returns what he gets. */
static int64_t give_buyer(struct deciding *d, struct escrow_step *step, enum escrow_account from)
{
    struct escrow *next = &d->out->next;
    int64_t refund_minor = escrow_refund_minor(next);
    deciding_add_move(d, step, from, ESCROW_ACCOUNT_DUE_BUYER, *sum_of(next, from));
    deciding_add_fee(d, step, ESCROW_ACCOUNT_FEE_DEFERRED,
                     next->fees.buyer_refundable ? ESCROW_ACCOUNT_DUE_BUYER
                                                 : ESCROW_ACCOUNT_FEE_INC,
                     next->fee_deferred_minor);
    return refund_minor;
}

static void send_to_seller(struct deciding *d, int64_t amount_minor)
{
    d->out->next.payout_leg_id =
        deciding_ask(d, ESCROW_REQUEST_TRANSFER_TO_SELLER, amount_minor, d->now->paid_leg_id);
}

static void send_to_buyer(struct deciding *d, int64_t amount_minor)
{
    d->out->next.refund_leg_id =
        deciding_ask(d, ESCROW_REQUEST_REFUND_BUYER, amount_minor, d->now->paid_leg_id);
}

void deciding_release(struct deciding *d, struct str reason)
{
    enum escrow_account from = kept_in(d->now);
    struct escrow_step *step = deciding_begin_step(d, ESCROW_EVENT_RELEASE_STARTED);
    step->amount_minor = deciding_give_seller(d, step, from, *sum_of(&d->out->next, from));
    step->text = reason;
    deciding_end_milestones(d, ESCROW_MILESTONE_RELEASED);
    send_to_seller(d, step->amount_minor);
    deciding_end_step(d, step, ESCROW_RELEASING);
}

void deciding_refund(struct deciding *d, struct str reason)
{
    struct escrow_step *step = deciding_begin_step(d, ESCROW_EVENT_REFUND_STARTED);
    step->amount_minor = give_buyer(d, step, kept_in(d->now));
    step->text = reason;
    deciding_end_milestones(d, ESCROW_MILESTONE_REFUNDED);
    send_to_buyer(d, step->amount_minor);
    deciding_end_step(d, step, ESCROW_REFUNDING);
}

bool deciding_divides_all(const struct escrow *now, int64_t seller_minor, int64_t buyer_minor)
{
    int64_t sum_minor = 0;
    return seller_minor >= 0 && buyer_minor >= 0 &&
           money_try_add(seller_minor, buyer_minor, &sum_minor) &&
           sum_minor == escrow_kept_minor(now) &&
           (seller_minor == 0 || escrow_net_of_next(now, seller_minor) > 0);
}

void deciding_divide(struct deciding *d, int64_t seller_minor, int64_t number, struct str reason)
{
    int64_t buyer_minor = escrow_kept_minor(d->now) - seller_minor;
    if (escrow_state_is_disputed(d->now->state)) {
        struct escrow_dispute *dispute = deciding_change_dispute(d);
        dispute->state = ESCROW_DISPUTE_SETTLED;
        dispute->seller_minor = seller_minor;
        dispute->buyer_minor = buyer_minor;
    }
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->number = number;
    step->seller_minor = seller_minor;
    step->buyer_minor = buyer_minor;
    if (buyer_minor > 0 && seller_minor > 0) {
        step->seller_gets_minor = deciding_give_seller(d, step, kept_in(d->now), seller_minor);
        step->buyer_gets_minor = give_buyer(d, step, kept_in(d->now));
        deciding_end_milestones(d, ESCROW_MILESTONE_DIVIDED);
        send_to_seller(d, step->seller_gets_minor);
        send_to_buyer(d, step->buyer_gets_minor);
        deciding_end_step(d, step, ESCROW_SETTLING);
    } else if (seller_minor > 0) {
        step->seller_gets_minor = escrow_net_of_next(d->now, seller_minor);
        deciding_end_step(d, step, d->now->state);
        deciding_release(d, reason);
    } else {
        step->buyer_gets_minor = escrow_refund_minor(d->now);
        deciding_end_step(d, step, d->now->state);
        deciding_refund(d, reason);
    }
}

void deciding_end_debt(struct deciding *d, struct escrow_step *step, bool was_last)
{
    bool settles = was_last && d->rule->next == ESCROW_SETTLED_SPLIT;
    deciding_end_step(d, step, was_last && !settles ? d->rule->next : d->now->state);
    if (settles) {
        struct escrow_step *last = deciding_begin_step(d, ESCROW_EVENT_SETTLED);
        last->seller_minor = d->out->next.paid_out_minor;
        last->buyer_minor = escrow_back_minor(&d->out->next);
        deciding_end_step(d, last, d->rule->next);
    }
}

struct escrow_suspense *deciding_change_suspense(struct deciding *d, uint32_t index)
{
    ASSERT(d->out->suspense_count < ESCROW_LEGS_MAX);
    struct escrow_suspense_change *change = &d->out->suspense[d->out->suspense_count++];
    change->index = index;
    change->row = *d->facts->suspense[index];
    change->row.version++;
    change->row.updated_at_us = d->facts->now_us;
    return &change->row;
}

struct escrow_part *deciding_change_part(struct deciding *d, uint32_t index)
{
    ASSERT(d->out->part_count < ESCROW_LEGS_MAX);
    struct escrow_part_change *change = &d->out->parts[d->out->part_count++];
    change->index = index;
    change->row = *d->facts->parts[index];
    change->row.version++;
    change->row.updated_at_us = d->facts->now_us;
    return &change->row;
}

void deciding_add_part(struct deciding *d, const struct escrow_part *part)
{
    ASSERT(d->out->part_count < ESCROW_LEGS_MAX);
    d->out->parts[d->out->part_count++] =
        (struct escrow_part_change){.index = ESCROW_PART_NEW, .row = *part};
}

void deciding_milestones(const struct deciding *d,
                         const struct escrow_milestone *milestones[ESCROW_MILESTONES_MAX],
                         uint32_t *ret_count)
{
    const struct escrow_facts *facts = d->facts;
    uint32_t count = d->now ? facts->milestone_count : 0;
    ASSERT(count <= ESCROW_MILESTONES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        milestones[i] = facts->milestones[i];
    }
    for (uint32_t i = 0; i < d->out->milestone_count; i++) {
        const struct escrow_milestone_change *change = &d->out->milestones[i];
        milestones[change->index == ESCROW_MILESTONE_NEW ? count++ : change->index] = &change->row;
    }
    *ret_count = count;
}

struct escrow_milestone *deciding_change_milestone(struct deciding *d, uint32_t index)
{
    ASSERT(d->out->milestone_count < ESCROW_MILESTONES_MAX);
    struct escrow_milestone_change *change = &d->out->milestones[d->out->milestone_count++];
    change->index = index;
    change->row = *d->facts->milestones[index];
    change->row.version++;
    change->row.updated_at_us = d->facts->now_us;
    return &change->row;
}

void deciding_end_milestones(struct deciding *d, enum escrow_milestone_state state)
{
    for (uint32_t i = 0; i < d->facts->milestone_count; i++) {
        if (escrow_milestone_is_alive(d->facts->milestones[i])) {
            struct escrow_milestone *row = deciding_change_milestone(d, i);
            row->state = state;
            row->deadline_at_us = 0;
        }
    }
}

static uint32_t open_dispute(const struct deciding *d)
{
    for (uint32_t i = 0; i < d->facts->dispute_count; i++) {
        if (d->facts->disputes[i]->state == ESCROW_DISPUTE_OPEN) {
            return i;
        }
    }
    UNREACHABLE("a disputed deal has an open dispute");
}

const struct escrow_dispute *deciding_open_dispute(const struct deciding *d)
{
    return d->facts->disputes[open_dispute(d)];
}

struct escrow_dispute *deciding_change_dispute(struct deciding *d)
{
    ASSERT(!d->out->has_dispute);
    d->out->has_dispute = true;
    struct escrow_dispute_change *change = &d->out->dispute;
    change->index = open_dispute(d);
    change->row = *deciding_open_dispute(d);
    change->row.version++;
    change->row.updated_at_us = d->facts->now_us;
    return &change->row;
}

bool deciding_is_unpaid(const struct escrow *now)
{
    return now->state == ESCROW_CREATED || now->state == ESCROW_AWAIT_FUNDS;
}
