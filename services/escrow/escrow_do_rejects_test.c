/* Milestones that the buyer does not take: named cases, and a row for each side of each comparison. Every (state, message,
 * role) cell is in golden/escrow_table.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"

#define ANSWER_US (ESCROW_ANSWER_SECONDS * INT64_C(1000000))
#define INSPECTION_US (ESCROW_INSPECTION_MIN_SECONDS * INT64_C(1000000))

static struct escrow_message about(enum escrow_message_kind kind, struct id user, int64_t number)
{
    struct escrow_message message = as_user(kind, user);
    message.number = number;
    return message;
}

static struct escrow_message firing(enum escrow_timer timer)
{
    struct escrow_message message = fixture_message(ESCROW_TIMER_FIRED);
    message.timer = timer;
    return message;
}

static void begin(struct fixture *fixture, enum escrow_state state)
{
    fixture_init_with(fixture, state, &FIXTURE_FEES(true));
    fixture_add_milestones(fixture);
}

/* The first is rejected, the second delivered: which of their clocks ends first. */
static void begin_both(struct fixture *fixture, int64_t rejected_us, int64_t delivered_us)
{
    begin(fixture, ESCROW_DELIVERED);
    fixture->milestone[0].state = ESCROW_MILESTONE_REJECTED;
    fixture->milestone[0].deadline_at_us = FIXTURE_NOW_US + rejected_us;
    fixture->milestone[1].state = ESCROW_MILESTONE_DELIVERED;
    fixture->milestone[1].deadline_at_us = FIXTURE_NOW_US + delivered_us;
    fixture->escrow.deadline_at_us =
        FIXTURE_NOW_US + (rejected_us < delivered_us ? rejected_us : delivered_us);
}

/* As the rows are after it: what the next decision starts from. */
static void apply(struct fixture *fixture, const struct escrow_decision *decision)
{
    assert_int_equal(decision->verdict, ESCROW_ACCEPT);
    fixture->escrow = decision->next;
    for (uint32_t i = 0; i < decision->milestone_count; i++) {
        const struct escrow_milestone_change *change = &decision->milestones[i];
        fixture->milestone[change->row.number - 1] = change->row;
    }
    assert_true(escrow_is_sound(&fixture->escrow));
    assert_true(
        escrow_milestones_are_sound(&fixture->escrow, fixture->milestones, FIXTURE_MILESTONES));
}

static void one_is_rejected_and_the_seller_has_time_to_answer(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = about(ESCROW_REJECT_DELIVERY, FIXTURE_BUYER, 1);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.step_count, 1);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_REJECTED);
    assert_int_equal(decision.steps[0].milestone, 1);
    assert_int_equal(decision.steps[0].move_count, 0);
    assert_true(str_eq(decision.steps[0].text, STR("why")));
    assert_int_equal(decision.next.state, ESCROW_DELIVERY_REJECTED);
    assert_int_equal(decision.next.deadline_at_us, FIXTURE_NOW_US + ANSWER_US);
    assert_int_equal(fixture.milestone[0].state, ESCROW_MILESTONE_REJECTED);
    assert_int_equal(fixture.milestone[0].deadline_at_us, FIXTURE_NOW_US + ANSWER_US);
    assert_int_equal(decision.timer_count, 2);
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_INSPECTION);
    assert_int_equal(decision.timers[0].due_at_us, 0);
    assert_int_equal(decision.timers[1].timer, ESCROW_TIMER_ANSWER);
    assert_int_equal(decision.timers[1].due_at_us, FIXTURE_NOW_US + ANSWER_US);
}

static void while_another_one_is_inspected_the_first_clock_runs(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERED); /* its inspection is over in this moment */
    fixture.milestone[1].state = ESCROW_MILESTONE_DELIVERED;
    fixture.milestone[1].deadline_at_us = FIXTURE_NOW_US + ANSWER_US + 1;
    struct escrow_message message = about(ESCROW_REJECT_DELIVERY, FIXTURE_BUYER, 1);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_DELIVERED);
    assert_int_equal(decision.next.deadline_at_us, FIXTURE_NOW_US + ANSWER_US);
    assert_int_equal(decision.timer_count, 1);
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_INSPECTION); /* the state's */
}

static void it_can_be_delivered_once_more(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERY_REJECTED);
    struct escrow_message message = about(ESCROW_MARK_DELIVERED, FIXTURE_SELLER, 1);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_DELIVERED);
    assert_int_equal(decision.next.deadline_at_us, FIXTURE_NOW_US + INSPECTION_US);
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_ANSWER);
    assert_int_equal(decision.timers[0].due_at_us, 0);

    begin(&fixture, ESCROW_DELIVERY_REJECTED); /* or another one first */
    message.number = 2;
    decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_DELIVERED);
    assert_int_equal(fixture.milestone[0].state, ESCROW_MILESTONE_REJECTED);
    assert_int_equal(decision.next.deadline_at_us,
                     FIXTURE_NOW_US); /* the answer's, which is sooner */
}

static void it_ends_as_any_other(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERY_REJECTED);
    struct escrow_message message = about(ESCROW_REFUND, FIXTURE_SELLER, 1);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PARTIALLY_REFUNDED);
    assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
    apply(&fixture, &decision);

    begin(&fixture, ESCROW_DELIVERY_REJECTED); /* it was right after all */
    message = about(ESCROW_RELEASE, FIXTURE_BUYER, 1);
    decision = decide(&fixture, &message);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PARTIALLY_RELEASED);
    assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
    apply(&fixture, &decision);
}

static void who_does_not_answer_gives_it_back(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERY_REJECTED);
    struct escrow_message message = firing(ESCROW_TIMER_ANSWER);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PARTIALLY_REFUNDED);
    assert_int_equal(decision.steps[0].milestone, 1);
    assert_true(str_eq(decision.steps[0].text, STR("NOT_ANSWERED")));
    assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
    assert_int_equal(decision.timer_count, 1);
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_DELIVERY);
}

/* Whichever is over first: that one ends, and the clock of the other one runs. */
static void each_has_its_own_clock(void **state)
{
    (void)state;

    const struct {
        int64_t rejected_us, delivered_us;
        int64_t ends;
        enum escrow_event event;
        enum escrow_state to;
        int64_t next_us;
    } rows[] = {
        {0, 1, 1, ESCROW_EVENT_PARTIALLY_REFUNDED, ESCROW_DELIVERED, 1},
        {0, 0, 1, ESCROW_EVENT_PARTIALLY_REFUNDED, ESCROW_DELIVERED, 0},
        {1, 0, 2, ESCROW_EVENT_PARTIALLY_RELEASED, ESCROW_DELIVERY_REJECTED, 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        begin_both(&fixture, rows[i].rejected_us, rows[i].delivered_us);
        struct escrow_message message = firing(ESCROW_TIMER_INSPECTION);
        struct escrow_decision decision = decide(&fixture, &message);
        apply(&fixture, &decision);
        assert_int_equal(decision.steps[0].milestone, rows[i].ends);
        assert_int_equal(decision.steps[0].event, rows[i].event);
        assert_int_equal(decision.next.state, rows[i].to);
        assert_int_equal(decision.timer_count, 1); /* what fired is not cancelled */
        assert_int_equal(decision.timers[0].due_at_us, FIXTURE_NOW_US + rows[i].next_us);
        assert_int_equal(decision.timers[0].timer, escrow_timer_of(rows[i].to));
    }
}

static void a_dispute_stops_both_clocks(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_both(&fixture, 5, 7);
    struct escrow_message message = as_user(ESCROW_RAISE_DISPUTE, FIXTURE_SELLER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.disputed_minor, FIXTURE_PRICE_MINOR);
    apply(&fixture, &decision);
    fixture.dispute = decision.dispute.row;
    fixture.disputes[0] = &fixture.dispute;
    fixture.facts.disputes = fixture.disputes;
    fixture.facts.dispute_count = 1;
    message = as_user(ESCROW_WITHDRAW_DISPUTE, FIXTURE_SELLER);
    decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(fixture.milestone[0].deadline_at_us, FIXTURE_NOW_US + ANSWER_US);
    assert_int_equal(fixture.milestone[1].deadline_at_us, FIXTURE_NOW_US + INSPECTION_US);
    assert_int_equal(decision.next.state, ESCROW_DELIVERED);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;

    const struct {
        enum escrow_state state;
        enum escrow_message_kind kind;
        bool buyer;
        int64_t number;
        enum escrow_reason reason;
    } rows[] = {
        {ESCROW_DELIVERED, ESCROW_REJECT_DELIVERY, true, 0, ESCROW_REASON_WHICH_MILESTONE},
        {ESCROW_DELIVERED, ESCROW_REJECT_DELIVERY, true, 2, ESCROW_REASON_MILESTONE_STATE},
        {ESCROW_DELIVERED, ESCROW_REJECT_DELIVERY, true, 4, ESCROW_REASON_NO_MILESTONE},
        {ESCROW_DELIVERED, ESCROW_REJECT_DELIVERY, false, 1, ESCROW_REASON_NOT_ALLOWED},
        {ESCROW_FUNDS_HELD, ESCROW_REJECT_DELIVERY, true, 1, ESCROW_REASON_WRONG_STATE},
        {ESCROW_DELIVERY_REJECTED, ESCROW_REJECT_DELIVERY, true, 1, ESCROW_REASON_WRONG_STATE},
        {ESCROW_DISPUTED, ESCROW_REJECT_DELIVERY, true, 1, ESCROW_REASON_WRONG_STATE},
        {ESCROW_DELIVERY_REJECTED, ESCROW_ACCEPT_RETURN, false, 0, ESCROW_REASON_HAS_MILESTONES},
        {ESCROW_DELIVERY_REJECTED, ESCROW_MARK_DELIVERED, false, 0, ESCROW_REASON_WHICH_MILESTONE},
    };

    struct fixture fixture;
    struct escrow_message message;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        begin(&fixture, rows[i].state);
        message =
            about(rows[i].kind, rows[i].buyer ? FIXTURE_BUYER : FIXTURE_SELLER, rows[i].number);
        expect_refusal(decide(&fixture, &message), rows[i].reason);
    }
    begin(&fixture, ESCROW_DELIVERED);
    message = about(ESCROW_REJECT_DELIVERY, FIXTURE_BUYER, 1);
    message.text = STR("");
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_BAD_TEXT);
    fixture_init(&fixture, ESCROW_DELIVERED); /* in one piece */
    message.text = STR("why");
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_MILESTONE);
    fixture_init(&fixture, ESCROW_DELIVERY_REJECTED);
    message = as_user(ESCROW_MARK_DELIVERED, FIXTURE_SELLER);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_WRONG_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_rejected_and_the_seller_has_time_to_answer),
        cmocka_unit_test(while_another_one_is_inspected_the_first_clock_runs),
        cmocka_unit_test(it_can_be_delivered_once_more),
        cmocka_unit_test(it_ends_as_any_other),
        cmocka_unit_test(who_does_not_answer_gives_it_back),
        cmocka_unit_test(each_has_its_own_clock),
        cmocka_unit_test(a_dispute_stops_both_clocks),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
