/* Clocks that start, stop and fire: named cases, and a row for each side of each comparison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"

#define S INT64_C(1000000)

static void expect_set(struct escrow_decision decision, uint32_t index, enum escrow_timer timer,
                       int64_t seq, int64_t due_at_us)
{
    assert_true(index < decision.timer_count);
    const struct escrow_timer_order *order = &decision.timers[index];
    assert_int_equal(order->timer, timer);
    assert_int_equal(order->generation, seq);
    assert_int_equal(order->due_at_us, due_at_us);
    /* The row says the same: this is how a firing is known. */
    assert_int_equal(decision.next.deadline_seq, seq);
    assert_int_equal(decision.next.deadline_at_us, due_at_us);
    assert_int_equal(decision.steps[decision.step_count - 1].after.deadline_at_us, due_at_us);
}

static void expect_cancel(struct escrow_decision decision, uint32_t index, enum escrow_timer timer)
{
    assert_true(index < decision.timer_count);
    assert_int_equal(decision.timers[index].timer, timer);
    assert_int_equal(decision.timers[index].generation, FIXTURE_DEADLINE_SEQ);
    assert_int_equal(decision.timers[index].due_at_us, 0);
}

/* ---- Starting and stopping ---- */

static void the_time_to_pay_begins_with_the_instructions(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_CREATED);
    fixture.escrow.funding_seconds = 7200;
    struct escrow_message message = fixture_message(ESCROW_INTENT_CREATED);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_AWAIT_FUNDS);
    assert_int_equal(decision.timer_count, 1);
    expect_set(decision, 0, ESCROW_TIMER_FUNDING, 6, FIXTURE_NOW_US + 7200 * S);
}

/* They failed, staff had them made anew: whoever pays has the whole time again. */
static void new_instructions_begin_it_anew(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    fixture.facts.now_us += 5 * S;
    struct escrow_message message = fixture_message(ESCROW_INTENT_CREATED);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.timer_count, 1); /* the higher generation replaces the older one */
    expect_set(decision, 0, ESCROW_TIMER_FUNDING, 6,
               FIXTURE_NOW_US + 5 * S + fixture.escrow.funding_seconds * S);
}

static void what_changes_no_state_changes_no_deadline(void **state)
{
    (void)state;

    const struct {
        enum escrow_state state;
        enum escrow_message_kind kind;
    } rows[] = {
        {ESCROW_AWAIT_FUNDS, ESCROW_PAYMENT_FAILED},
        {ESCROW_AWAIT_FUNDS, ESCROW_PAYMENT_CANCELED},
        {ESCROW_AWAIT_FUNDS, ESCROW_PAYMENT_SUCCEEDED},
        {ESCROW_FUNDS_HELD, ESCROW_PAYMENT_SUCCEEDED},
        {ESCROW_DELIVERED, ESCROW_PAYMENT_SUCCEEDED},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init(&fixture, rows[i].state);
        fixture.facts.now_us += 1;
        struct escrow_message message = fixture_message(rows[i].kind);
        if (message.kind == ESCROW_PAYMENT_SUCCEEDED) { /* not the price: it goes back */
            message.leg_id = FIXTURE_OTHER_LEG;
            message.amount_minor = 1;
        }
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.timer_count, 0);
        assert_int_equal(decision.next.deadline_seq, FIXTURE_DEADLINE_SEQ);
        assert_int_equal(decision.next.deadline_at_us, FIXTURE_NOW_US);
    }
}

static void money_starts_the_time_to_deliver(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_FUNDS_HELD);
    assert_int_equal(decision.timer_count, 2);
    expect_cancel(decision, 0, ESCROW_TIMER_FUNDING);
    expect_set(decision, 1, ESCROW_TIMER_DELIVERY, 7,
               FIXTURE_NOW_US + fixture.escrow.delivery_seconds * S);
    /* Between its two events the time to pay still runs. */
    assert_int_equal(decision.steps[0].after.deadline_seq, FIXTURE_DEADLINE_SEQ);

    fixture_init(&fixture, ESCROW_CREATED); /* paid before anybody told of the instructions */
    decision = decide(&fixture, &message);
    assert_int_equal(decision.timer_count, 1);
    expect_set(decision, 0, ESCROW_TIMER_DELIVERY, 7,
               FIXTURE_NOW_US + fixture.escrow.delivery_seconds * S);
}

static void delivery_starts_the_time_to_inspect(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_FUNDS_HELD);
    struct escrow_message message = as_user(ESCROW_MARK_DELIVERED, FIXTURE_SELLER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.timer_count, 2);
    expect_cancel(decision, 0, ESCROW_TIMER_DELIVERY);
    expect_set(decision, 1, ESCROW_TIMER_INSPECTION, 6,
               FIXTURE_NOW_US + fixture.escrow.inspection_seconds * S);
}

static void an_end_stops_the_clock(void **state)
{
    (void)state;

    const struct {
        enum escrow_state state;
        enum escrow_message_kind kind;
        struct id user;
        enum escrow_timer timer;
    } rows[] = {
        {ESCROW_AWAIT_FUNDS, ESCROW_CANCEL, FIXTURE_BUYER, ESCROW_TIMER_FUNDING},
        {ESCROW_FUNDS_HELD, ESCROW_REFUND, FIXTURE_SELLER, ESCROW_TIMER_DELIVERY},
        {ESCROW_DELIVERED, ESCROW_REFUND, FIXTURE_SELLER, ESCROW_TIMER_INSPECTION},
        {ESCROW_DELIVERED, ESCROW_RELEASE, FIXTURE_BUYER, ESCROW_TIMER_INSPECTION},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init(&fixture, rows[i].state);
        struct escrow_message message = as_user(rows[i].kind, rows[i].user);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.timer_count, 1);
        expect_cancel(decision, 0, rows[i].timer);
        assert_int_equal(decision.next.deadline_seq, 0);
        assert_int_equal(decision.next.deadline_at_us, 0);
    }
}

/* ---- Firing ---- */

static struct escrow_message firing(enum escrow_timer timer)
{
    struct escrow_message message = fixture_message(ESCROW_TIMER_FIRED);
    message.timer = timer;
    return message;
}

static void a_deal_that_is_not_paid_expires(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    fixture.escrow.payment_setup_failed = true;
    struct escrow_message message = firing(ESCROW_TIMER_FUNDING);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.state, ESCROW_EXPIRED);
    assert_true(escrow_state_is_final(decision.next.state));
    assert_false(decision.next.payment_setup_failed);
    assert_int_equal(decision.next.deadline_at_us, 0);
    assert_int_equal(decision.timer_count, 0); /* it fired: there is nothing to cancel */
    assert_int_equal(decision.step_count, 2);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_EXPIRED);
    assert_int_equal(decision.steps[0].after.state, ESCROW_EXPIRED);
    assert_int_equal(decision.steps[0].after.seq, 6);
    assert_int_equal(decision.steps[1].event, ESCROW_EVENT_CANCELLED);
    assert_int_equal(decision.steps[1].from, ESCROW_EXPIRED);
    assert_int_equal(decision.steps[1].after.state, ESCROW_EXPIRED);
    assert_int_equal(decision.steps[1].after.seq, 7);
    assert_true(str_eq(decision.steps[1].text, STR("TIMEOUT")));
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_CANCEL_PAYMENT);
}

static void money_after_the_expiry_goes_back(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    struct escrow_message fired = firing(ESCROW_TIMER_FUNDING);
    fixture.escrow = decide(&fixture, &fired).next;
    struct escrow_message paid = fixture_message(ESCROW_PAYMENT_SUCCEEDED); /* the price */
    struct escrow_decision decision = decide(&fixture, &paid);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.state, ESCROW_EXPIRED);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_FUNDS_SUSPENDED);
    assert_int_equal(decision.next.due_buyer_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_REFUND_BUYER);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PRICE_MINOR);
    assert_true(id_eq(decision.requests[0].paid_leg_id, FIXTURE_PAID_LEG));
}

/* The other order: the firing was on its way when the money was booked. */
static void a_firing_after_the_money_is_stale(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    struct escrow_message paid = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
    fixture.escrow = decide(&fixture, &paid).next;
    struct escrow_message fired = firing(ESCROW_TIMER_FUNDING);
    struct escrow_decision decision = decide(&fixture, &fired);
    assert_int_equal(decision.verdict, ESCROW_IGNORE);
    assert_int_equal(decision.step_count + decision.request_count + decision.timer_count, 0);
}

static void what_is_not_delivered_is_refunded(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_FUNDS_HELD);
    struct escrow_message message = firing(ESCROW_TIMER_DELIVERY);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_int_equal(decision.timer_count, 0);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_REFUND_STARTED);
    assert_true(str_eq(decision.steps[0].text, STR("NOT_DELIVERED")));
    expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_BUYER,
                FIXTURE_PRICE_MINOR, (struct id){0});
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_REFUND_BUYER);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PRICE_MINOR);
    assert_true(id_eq(decision.requests[0].paid_leg_id, FIXTURE_PAID_LEG));
    assert_true(id_eq(decision.next.refund_leg_id, decision.requests[0].leg_id));
}

static void what_nobody_objects_to_is_released(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = firing(ESCROW_TIMER_INSPECTION);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
    assert_int_equal(decision.timer_count, 0);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_RELEASE_STARTED);
    assert_true(str_eq(decision.steps[0].text, STR("INSPECTION_OVER")));
    expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_SELLER,
                FIXTURE_PRICE_MINOR, (struct id){0});
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_TRANSFER_TO_SELLER);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PRICE_MINOR);
    fixture.escrow = decision.next;
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_IGNORE); /* pays once */
    struct escrow_message release = as_user(ESCROW_RELEASE, FIXTURE_BUYER);
    expect_refusal(decide(&fixture, &release), ESCROW_REASON_WRONG_STATE);
}

/* Only the clock that runs, in the generation that runs. */
static void any_other_firing_is_stale(void **state)
{
    (void)state;
    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        for (enum escrow_timer t = ESCROW_TIMER_FUNDING; t < ESCROW_TIMER_COUNT; t++) {
            for (int64_t diff = -1; diff <= 1; diff++) {
                struct fixture fixture;
                fixture_init(&fixture, s);
                struct escrow_message message = firing(t);
                message.generation += diff;
                bool runs = t == escrow_timer_of(s) && diff == 0;
                assert_int_equal(decide(&fixture, &message).verdict,
                                 runs ? ESCROW_ACCEPT : ESCROW_IGNORE);
            }
        }
    }
}

static void nothing_happens_before_its_time(void **state)
{
    (void)state;
    for (enum escrow_state s = ESCROW_AWAIT_FUNDS; s <= ESCROW_DELIVERED; s++) {
        for (int64_t diff = -1; diff <= 1; diff++) {
            struct fixture fixture;
            fixture_init(&fixture, s);
            struct escrow_message message = firing(escrow_timer_of(s));
            message.fired_at_us = fixture.escrow.deadline_at_us + diff;
            struct escrow_decision decision = decide(&fixture, &message);
            assert_int_equal(decision.verdict, diff < 0 ? ESCROW_PARK : ESCROW_ACCEPT);
            assert_int_equal(decision.reason,
                             diff < 0 ? ESCROW_REASON_EARLY_TIMER : ESCROW_REASON_NONE);
        }
    }
}

/* What is told beforehand is what happens. */
static void the_outcome_is_known_beforehand(void **state)
{
    (void)state;
    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        enum escrow_timer timer = escrow_timer_of(s);
        assert_int_equal(escrow_state_when_over(s) != ESCROW_NONE, timer != ESCROW_TIMER_NONE);
        if (timer != ESCROW_TIMER_NONE) {
            struct fixture fixture;
            fixture_init(&fixture, s);
            struct escrow_message message = firing(timer);
            assert_int_equal(decide(&fixture, &message).next.state, escrow_state_when_over(s));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_to_pay_begins_with_the_instructions),
        cmocka_unit_test(new_instructions_begin_it_anew),
        cmocka_unit_test(what_changes_no_state_changes_no_deadline),
        cmocka_unit_test(money_starts_the_time_to_deliver),
        cmocka_unit_test(delivery_starts_the_time_to_inspect),
        cmocka_unit_test(an_end_stops_the_clock),
        cmocka_unit_test(a_deal_that_is_not_paid_expires),
        cmocka_unit_test(money_after_the_expiry_goes_back),
        cmocka_unit_test(a_firing_after_the_money_is_stale),
        cmocka_unit_test(what_is_not_delivered_is_refunded),
        cmocka_unit_test(what_nobody_objects_to_is_released),
        cmocka_unit_test(any_other_firing_is_stale),
        cmocka_unit_test(nothing_happens_before_its_time),
        cmocka_unit_test(the_outcome_is_known_beforehand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
