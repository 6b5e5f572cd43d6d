/* What becomes of goods that the buyer does not take: named cases, and a row for each side of each
 * comparison. Every (state, message, role) cell is in golden/escrow_table.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"

#define S INT64_C(1000000)

static struct escrow_message rejection(void)
{
    struct escrow_message message = as_user(ESCROW_REJECT_DELIVERY, FIXTURE_BUYER);
    message.text = STR("not as described");
    return message;
}

static struct escrow_message firing(enum escrow_timer timer)
{
    struct escrow_message message = fixture_message(ESCROW_TIMER_FIRED);
    message.timer = timer;
    return message;
}

/* ---- The buyer rejects ---- */

static void a_rejection_holds_the_money_and_starts_the_sellers_time(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = rejection();
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.step_count, 1);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_REJECTED);
    assert_int_equal(decision.steps[0].move_count, 0);
    assert_true(str_eq(decision.steps[0].text, STR("not as described")));
    assert_int_equal(decision.request_count, 0);
    assert_int_equal(decision.next.state, ESCROW_DELIVERY_REJECTED);
    assert_int_equal(decision.next.held_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision.timer_count, 2);
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_INSPECTION);
    assert_int_equal(decision.timers[0].due_at_us, 0);
    assert_int_equal(decision.timers[1].timer, ESCROW_TIMER_ANSWER);
    assert_int_equal(decision.timers[1].generation, 6);
    assert_int_equal(decision.timers[1].due_at_us, FIXTURE_NOW_US + 72 * 3600 * S);
    assert_int_equal(decision.next.deadline_at_us, FIXTURE_NOW_US + 72 * 3600 * S);
}

static void a_rejection_says_why(void **state)
{
    (void)state;
    static const char text[ESCROW_REASON_MAX_BYTES + 1];

    const struct {
        size_t len;
        bool good;
    } rows[] = {{0, false},
                {1, true},
                {2, true},
                {ESCROW_REASON_MAX_BYTES - 1, true},
                {ESCROW_REASON_MAX_BYTES, true},
                {ESCROW_REASON_MAX_BYTES + 1, false}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init(&fixture, ESCROW_DELIVERED);
        struct escrow_message message = rejection();
        message.text = (struct str){.ptr = text, .len = rows[i].len};
        if (rows[i].good) {
            assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decide(&fixture, &message), ESCROW_REASON_BAD_TEXT);
        }
    }
}

/* Whoever comes first in the lane: the buyer, or the end of the time to inspect. */
static void the_clock_and_the_buyer_are_decided_one_after_the_other(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = rejection();
    struct escrow_message fired = firing(ESCROW_TIMER_INSPECTION);
    fixture.escrow = decide(&fixture, &message).next;
    assert_int_equal(decide(&fixture, &fired).verdict, ESCROW_IGNORE);

    fixture_init(&fixture, ESCROW_DELIVERED);
    fixture.escrow = decide(&fixture, &fired).next;
    assert_int_equal(fixture.escrow.state, ESCROW_RELEASING);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_WRONG_STATE);
}

/* ---- The seller answers, or does not ---- */

static void expect_refund(const struct escrow_decision *decision, uint32_t index, struct str reason)
{
    assert_int_equal(decision->verdict, ESCROW_ACCEPT);
    assert_int_equal(decision->step_count, index + 1);
    const struct escrow_step *step = &decision->steps[index];
    assert_int_equal(step->event, ESCROW_EVENT_REFUND_STARTED);
    assert_int_equal(step->move_count, 1);
    expect_move(step, 0, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_BUYER, FIXTURE_PRICE_MINOR,
                (struct id){.bytes = {0}});
    assert_true(str_eq(step->text, reason));
    assert_int_equal(step->amount_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision->next.state, ESCROW_REFUNDING);
    assert_int_equal(decision->request_count, 1);
    assert_int_equal(decision->requests[0].kind, ESCROW_REQUEST_REFUND_BUYER);
    assert_int_equal(decision->requests[0].amount_minor, FIXTURE_PRICE_MINOR);
    assert_true(id_eq(decision->requests[0].paid_leg_id, FIXTURE_PAID_LEG));
    assert_true(id_eq(decision->requests[0].leg_id, decision->next.refund_leg_id));
}

static void an_accepted_return_is_refunded(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERY_REJECTED);
    struct escrow_message message = as_user(ESCROW_ACCEPT_RETURN, FIXTURE_SELLER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_RETURN_ACCEPTED);
    assert_int_equal(decision.steps[0].move_count, 0);
    assert_int_equal(decision.steps[0].after.state, ESCROW_DELIVERY_REJECTED);
    expect_refund(&decision, 1, STR("RETURN_ACCEPTED"));
    assert_int_equal(decision.timer_count, 1);
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_ANSWER);
    assert_int_equal(decision.timers[0].due_at_us, 0);
}

static void a_seller_who_does_not_answer_has_lost(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERY_REJECTED);
    struct escrow_message message = firing(ESCROW_TIMER_ANSWER);
    struct escrow_decision decision = decide(&fixture, &message);
    expect_refund(&decision, 0, STR("NOT_ANSWERED"));
    assert_int_equal(decision.timer_count, 0);
    message.fired_at_us = FIXTURE_NOW_US - 1;
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_PARK);
}

static void the_buyer_may_change_his_mind(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERY_REJECTED);
    struct escrow_message message = as_user(ESCROW_RELEASE, FIXTURE_BUYER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
    assert_int_equal(decision.next.due_seller_minor, FIXTURE_PRICE_MINOR);
    message = as_user(ESCROW_RELEASE, FIXTURE_SELLER);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOT_ALLOWED);
}

/* ---- Every cell of the new messages ---- */

static void each_is_for_one_role_in_one_state(void **state)
{
    (void)state;

    const struct {
        enum escrow_message_kind kind;
        enum escrow_state from;
        struct id who;
    } rows[] = {
        {ESCROW_REJECT_DELIVERY, ESCROW_DELIVERED, FIXTURE_BUYER},
        {ESCROW_ACCEPT_RETURN, ESCROW_DELIVERY_REJECTED, FIXTURE_SELLER},
    };

    const struct engine_actor actors[] = {
        {ENGINE_ACTOR_USER, FIXTURE_BUYER},    {ENGINE_ACTOR_USER, FIXTURE_SELLER},
        {ENGINE_ACTOR_USER, FIXTURE_STRANGER}, {ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE},
        {ENGINE_ACTOR_STAFF, FIXTURE_STAFF},   {ENGINE_ACTOR_STAFF, FIXTURE_BUYER},
        {ENGINE_ACTOR_SYSTEM, {.bytes = {0}}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
            for (size_t a = 0; a < ARRAY_LEN(actors); a++) {
                struct fixture fixture;
                fixture_init(&fixture, s);
                struct escrow_message message = fixture_message(rows[i].kind);
                message.actor = actors[a];
                struct escrow_decision decision = decide(&fixture, &message);
                bool may = actors[a].kind == ENGINE_ACTOR_USER && id_eq(actors[a].id, rows[i].who);
                if (!may) {
                    expect_refusal(decision, ESCROW_REASON_NOT_ALLOWED);
                } else if (s != rows[i].from) {
                    expect_refusal(decision, ESCROW_REASON_WRONG_STATE);
                } else {
                    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rejection_holds_the_money_and_starts_the_sellers_time),
        cmocka_unit_test(a_rejection_says_why),
        cmocka_unit_test(the_clock_and_the_buyer_are_decided_one_after_the_other),
        cmocka_unit_test(an_accepted_return_is_refunded),
        cmocka_unit_test(a_seller_who_does_not_answer_has_lost),
        cmocka_unit_test(the_buyer_may_change_his_mind),
        cmocka_unit_test(each_is_for_one_role_in_one_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
