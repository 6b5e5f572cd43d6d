/* What became of the pieces of a deal, kept from the records alone. In: events, transitions. Out: nothing, or a failed test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "escrow/testing/escrow_walk.h"

int64_t walk_milestone_of(const Holdfast__Escrow__V1__EscrowEvent *event)
{
    if (event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_DELIVERED) {
        return event->escrow_delivered->milestone;
    }
    if (event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_REJECTED) {
        return event->escrow_rejected->milestone;
    }
    if (event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_PARTIALLY_RELEASED) {
        return event->escrow_partially_released->milestone;
    }
    if (event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_PARTIALLY_REFUNDED) {
        return event->escrow_partially_refunded->milestone;
    }
    if (event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_REFUND_STARTED) {
        return event->escrow_refund_started->milestone;
    }
    return event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_RELEASE_STARTED
               ? event->escrow_release_started->milestone
               : 0;
}

/* Of the terms, or what all deals have, by our own arithmetic. */
static int64_t period_of(const struct walk *walk, bool rejected)
{
    return (rejected ? (int64_t)72 * 3600 : walk->fake->rows.escrow.inspection_seconds) * 1000000;
}

/* Withdrawn, all clocks of milestones begin anew. */
static void restart_clocks(struct walk *walk, int64_t at_us)
{
    for (uint32_t i = 1; i <= walk->milestone_count; i++) {
        struct walk_milestone *one = &walk->milestones[i];
        one->until_us = one->until_us > 0 ? at_us + period_of(walk, one->rejected) : 0;
    }
}

/* It ends once: released as the buyer said, or when its own inspection is over; given back as the seller or staff said, or
 * when nobody answered its rejection. */
static void take_end(struct walk *walk, struct walk_milestone *one,
                     const struct escrow_transition *transition)
{
    bool timer = transition->actor_kind == ENGINE_ACTOR_SYSTEM;
    assert_true(!timer || (one->until_us > 0 && one->until_us == walk_first_end_us(walk) &&
                           one->until_us <= transition->at_us));
    one->refunded = transition->event == ESCROW_EVENT_PARTIALLY_REFUNDED ||
                    transition->event == ESCROW_EVENT_REFUND_STARTED;
    one->released = !one->refunded;
    assert_true(!timer || one->refunded == one->rejected);
    one->until_us = 0;
}

/* Each is delivered as the seller said, once, and once more each time that the buyer rejected it; and ends once. */
void walk_take_milestone(struct walk *walk, const Holdfast__Escrow__V1__EscrowEvent *event,
                         const struct escrow_transition *transition)
{
    int64_t k = walk_milestone_of(event);
    assert_int_equal(transition->milestone, k);
    assert_in_range(k, 0, walk->milestone_count);
    struct walk_milestone *one = &walk->milestones[k];
    if (transition->event == ESCROW_EVENT_DISPUTE_WITHDRAWN) {
        restart_clocks(walk, transition->at_us);
    }
    if (k == 0) {
        assert_true(transition->event != ESCROW_EVENT_PARTIALLY_REFUNDED);
        assert_true(walk->milestone_count == 0 ||
                    (transition->event != ESCROW_EVENT_DELIVERED &&
                     transition->event != ESCROW_EVENT_REJECTED &&
                     transition->event != ESCROW_EVENT_PARTIALLY_RELEASED));
        return;
    }
    assert_true(transition->actor_kind == ENGINE_ACTOR_SYSTEM || k == walk->number_asked);
    assert_false(one->released);
    assert_false(one->refunded);
    bool delivered = transition->event == ESCROW_EVENT_DELIVERED;
    if (delivered || transition->event == ESCROW_EVENT_REJECTED) {
        assert_int_equal(delivered, one->until_us == 0 || one->rejected);
        one->rejected = !delivered;
        one->until_us = transition->at_us + period_of(walk, one->rejected);
        return;
    }
    take_end(walk, one, transition);
}

/* The rows, and what was told of them, say the same. */
void walk_check_milestones(const struct walk *walk)
{
    const struct fake_rows *rows = &walk->fake->rows;
    assert_int_equal(rows->milestone_count, walk->milestone_count);
    bool held = rows->escrow.held_minor > 0;
    for (uint32_t i = 0; i < rows->milestone_count; i++) {
        const struct escrow_milestone *row = &rows->milestones[i];
        const struct walk_milestone *one = &walk->milestones[row->number];
        assert_int_equal(row->price_minor, one->price_minor);
        assert_true(!one->released || row->state == ESCROW_MILESTONE_RELEASED);
        assert_true(!one->refunded || row->state == ESCROW_MILESTONE_REFUNDED);
        assert_true(!held || row->deadline_at_us == one->until_us);
    }
}
