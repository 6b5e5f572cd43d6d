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

/* Withdrawn, all inspections begin anew. */
static void restart_inspections(struct walk *walk, int64_t until_us)
{
    for (uint32_t i = 1; i <= walk->milestone_count; i++) {
        bool runs = walk->milestones[i].inspected_until_us > 0;
        walk->milestones[i].inspected_until_us = runs ? until_us : 0;
    }
}

/* Each is delivered once at most, as the seller said, and ends once: released as the buyer said, or when its own inspection
 * is over; given back as the seller or staff said. */
void walk_take_milestone(struct walk *walk, const Holdfast__Escrow__V1__EscrowEvent *event,
                         const struct escrow_transition *transition)
{
    int64_t k = walk_milestone_of(event);
    int64_t period_us = escrow_period_us(&walk->fake->rows.escrow, ESCROW_TIMER_INSPECTION);
    assert_int_equal(transition->milestone, k);
    assert_in_range(k, 0, walk->milestone_count);
    struct walk_milestone *one = &walk->milestones[k];
    bool timer = transition->actor_kind == ENGINE_ACTOR_SYSTEM;
    if (transition->event == ESCROW_EVENT_DISPUTE_WITHDRAWN) {
        restart_inspections(walk, transition->at_us + period_us);
    }
    if (k == 0) {
        assert_true(transition->event != ESCROW_EVENT_PARTIALLY_REFUNDED);
        assert_true(walk->milestone_count == 0 ||
                    (transition->event != ESCROW_EVENT_DELIVERED &&
                     transition->event != ESCROW_EVENT_PARTIALLY_RELEASED));
        return;
    }
    assert_true(timer || k == walk->number_asked);
    assert_false(one->released);
    assert_false(one->refunded);
    if (transition->event == ESCROW_EVENT_DELIVERED) {
        assert_int_equal(one->inspected_until_us, 0);
        one->inspected_until_us = transition->at_us + period_us;
        return;
    }
    assert_true(!timer || (one->inspected_until_us > 0 &&
                           one->inspected_until_us == walk_first_end_us(walk) &&
                           one->inspected_until_us <= transition->at_us));
    one->refunded = transition->event == ESCROW_EVENT_PARTIALLY_REFUNDED ||
                    transition->event == ESCROW_EVENT_REFUND_STARTED;
    one->released = !one->refunded;
    assert_false(one->refunded && timer);
    one->inspected_until_us = 0;
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
        assert_true(!held || row->deadline_at_us == one->inspected_until_us);
    }
}
