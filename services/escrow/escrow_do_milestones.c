/*
 * Steps of what is delivered and accepted, or given back: the whole, or one milestone after the other. Who may take them
 * and in which state is decided already, by the tables.
 */
#include "base/assert.h"
#include "escrow/escrow_deciding.h"

/* Where the deal is once the milestones are as this decision leaves them. */
static enum escrow_state state_after(const struct deciding *d)
{
    const struct escrow_milestone *milestones[ESCROW_MILESTONES_MAX];
    uint32_t count = 0;
    deciding_milestones(d, milestones, &count);
    return escrow_state_by_milestones(milestones, count);
}

/* In which states of a milestone something can be done: a bit for each. */
#define IN(state) (1U << (state))
#define IN_DELIVERED IN(ESCROW_MILESTONE_DELIVERED)
#define IN_UNDELIVERED (IN(ESCROW_MILESTONE_OPEN) | IN(ESCROW_MILESTONE_REJECTED))
#define IN_ALIVE (IN_DELIVERED | IN_UNDELIVERED)

/* The milestone that a command names, in one of these states. Refuses what names none of them, and what names one of a
 * deal that has none: false, then. */
static bool find_named(struct deciding *d, uint32_t states, uint32_t *ret_index)
{
    const struct escrow_facts *facts = d->facts;
    int64_t number = d->message->number;
    uint32_t at = escrow_milestone_at(facts->milestones, facts->milestone_count, number);
    if (number == 0 && facts->milestone_count > 0) {
        deciding_reject(d, ESCROW_REASON_WHICH_MILESTONE);
    } else if (at == facts->milestone_count) {
        deciding_reject(d, ESCROW_REASON_NO_MILESTONE);
    } else if ((states & IN(facts->milestones[at]->state)) == 0) {
        deciding_reject(d, ESCROW_REASON_MILESTONE_STATE);
    } else {
        *ret_index = at;
        return true;
    }
    return false;
}

static bool is_whole(const struct deciding *d)
{
    return d->now->milestone_count == 0 && d->message->number == 0;
}

/* Of this milestone another one begins to run. Returns its number. */
static int64_t start_clock(struct deciding *d, uint32_t index, enum escrow_milestone_state state)
{
    struct escrow_milestone *row = deciding_change_milestone(d, index);
    row->state = state;
    row->deadline_at_us = d->facts->now_us + escrow_period_us(d->now, escrow_milestone_timer(row));
    return row->number;
}

/* The first thing that is delivered, of those that are not accepted yet; what was rejected, once more. */
void escrow_do_deliver(struct deciding *d)
{
    uint32_t index = 0;
    if (is_whole(d)) {
        escrow_do_plain(d);
        return;
    }
    if (find_named(d, IN_UNDELIVERED, &index)) {
        struct escrow_step *step = deciding_begin_step(d, d->rule->event);
        step->milestone = start_clock(d, index, ESCROW_MILESTONE_DELIVERED);
        deciding_end_step(d, step, d->rule->next);
    }
}

/* Another one, while the buyer inspects, or the seller answers. */
void escrow_do_deliver_next(struct deciding *d)
{
    if (is_whole(d)) {
        deciding_reject(d, ESCROW_REASON_WRONG_STATE);
        return;
    }
    escrow_do_deliver(d);
}

/* The buyer does not take it, and says why. */
void escrow_do_reject(struct deciding *d)
{
    uint32_t index = 0;
    bool whole = is_whole(d);
    struct str reason = d->message->text;
    if (reason.len == 0 || reason.len > ESCROW_REASON_MAX_BYTES) {
        deciding_reject(d, ESCROW_REASON_BAD_TEXT);
        return;
    }
    if (!whole && !find_named(d, IN_DELIVERED, &index)) {
        return;
    }
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->text = reason;
    step->milestone = whole ? 0 : start_clock(d, index, ESCROW_MILESTONE_REJECTED);
    deciding_end_step(d, step, whole ? d->rule->next : state_after(d));
}

/* One milestone is the seller's: the last of them with all that is left, which ends the deal; another by a payout of its
 * own, while the rest stays held. */
static void release_milestone(struct deciding *d, uint32_t index, struct str reason)
{
    const struct escrow_milestone *now = d->facts->milestones[index];
    if (now->price_minor == d->now->held_minor) {
        deciding_release(d, reason);
        d->out->steps[0].milestone = now->number;
        return;
    }
    struct escrow_milestone *row = deciding_change_milestone(d, index);
    row->state = ESCROW_MILESTONE_RELEASED;
    row->deadline_at_us = 0;
    deciding_release_part(d, row->price_minor, row->number, reason, state_after(d));
}

/* A milestone also before it is delivered: the buyer may trust. */
void escrow_do_release(struct deciding *d)
{
    uint32_t index = 0;
    if (is_whole(d)) {
        deciding_release(d, STR(""));
    } else if (find_named(d, IN_ALIVE, &index)) {
        release_milestone(d, index, STR(""));
    }
}

/* Nothing is delivered: of a deal in one piece all would go, before there was anything to accept. */
void escrow_do_release_undelivered(struct deciding *d)
{
    if (is_whole(d)) {
        deciding_reject(d, ESCROW_REASON_WRONG_STATE);
        return;
    }
    escrow_do_release(d);
}

/* One milestone is the buyer's again: the last of them with all that is left, which ends the deal; another by a refund
 * of its own, while the rest stays held. */
static void refund_milestone(struct deciding *d, uint32_t index, struct str reason)
{
    const struct escrow_milestone *now = d->facts->milestones[index];
    if (now->price_minor == d->now->held_minor) {
        deciding_refund(d, reason);
        d->out->steps[0].milestone = now->number;
        return;
    }
    struct escrow_milestone *row = deciding_change_milestone(d, index);
    row->state = ESCROW_MILESTONE_REFUNDED;
    row->deadline_at_us = 0;
    deciding_refund_part(d, row->price_minor, row->number, reason, state_after(d));
}

/* Who names no milestone gives back all that is held. */
void escrow_do_refund(struct deciding *d)
{
    uint32_t index = 0;
    if (d->message->text.len > ESCROW_REASON_MAX_BYTES) {
        deciding_reject(d, ESCROW_REASON_BAD_TEXT);
    } else if (d->message->number == 0) {
        deciding_refund(d, d->message->text);
    } else if (find_named(d, IN_ALIVE, &index)) {
        refund_milestone(d, index, d->message->text);
    }
}

/* The first of their clocks is over: the buyer did not object in time, or the seller did not answer. */
static void end_soonest(struct deciding *d)
{
    const struct escrow_facts *facts = d->facts;
    uint32_t index = escrow_milestone_soonest(facts->milestones, facts->milestone_count);
    ASSERT(index < facts->milestone_count); /* the deal is DELIVERED, or rejected: one of them is */
    if (facts->milestones[index]->state == ESCROW_MILESTONE_DELIVERED) {
        release_milestone(d, index, STR("INSPECTION_OVER"));
    } else {
        refund_milestone(d, index, STR("NOT_ANSWERED"));
    }
}

void escrow_do_release_inspected(struct deciding *d)
{
    if (d->facts->milestone_count == 0) {
        deciding_release(d, STR("INSPECTION_OVER"));
    } else {
        end_soonest(d);
    }
}

void escrow_do_refund_unanswered(struct deciding *d)
{
    if (d->facts->milestone_count == 0) {
        deciding_refund(d, STR("NOT_ANSWERED"));
    } else {
        end_soonest(d);
    }
}
