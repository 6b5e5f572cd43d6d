/* Milestones that are given back by themselves, or released before they are delivered: named cases, and a row for each side
 * of each comparison. Every (state, message, role) cell is in golden/escrow_table.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"

#define REST_MINOR (FIXTURE_PRICE_MINOR - FIXTURE_PART_MINOR)

static struct escrow_message refund(int64_t number)
{
    struct escrow_message message = as_user(ESCROW_REFUND, FIXTURE_SELLER);
    message.number = number;
    return message;
}

static struct escrow_message release(int64_t number)
{
    struct escrow_message message = as_user(ESCROW_RELEASE, FIXTURE_BUYER);
    message.number = number;
    return message;
}

static struct escrow_message answer(enum escrow_message_kind kind, struct id leg_id,
                                    int64_t amount_minor)
{
    struct escrow_message message = fixture_message(kind);
    message.leg_id = leg_id;
    message.amount_minor = amount_minor;
    return message;
}

static void begin(struct fixture *fixture, enum escrow_state state, bool refundable)
{
    fixture_init_with(fixture, state, &FIXTURE_FEES(refundable));
    fixture_add_milestones(fixture);
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
    for (uint32_t i = 0; i < decision->part_count; i++) {
        fixture->part = decision->parts[i].row;
        fixture->parts[0] = &fixture->part;
        fixture->facts.parts = fixture->parts;
        fixture->facts.part_count = 1;
    }
    const struct escrow_debts debts = escrow_debts_of(&fixture->facts);
    assert_true(escrow_case_is_sound(&fixture->escrow, &debts));
    assert_true(
        escrow_parts_are_sound(&fixture->escrow, fixture->facts.parts, fixture->facts.part_count));
    assert_true(
        escrow_milestones_are_sound(&fixture->escrow, fixture->milestones, FIXTURE_MILESTONES));
}

/* ---- Given back ---- */

static void one_goes_back_and_the_rest_stays_held(void **state)
{
    (void)state;
    for (int refundable = 0; refundable <= 1; refundable++) {
        struct fixture fixture;
        begin(&fixture, ESCROW_FUNDS_HELD, refundable == 1);
        struct escrow_message message = refund(1);
        struct escrow_decision decision = decide(&fixture, &message);
        int64_t gets_minor = refundable == 1 ? FIXTURE_RETURN_MINOR : FIXTURE_PART_MINOR;
        assert_int_equal(decision.step_count, 1);
        const struct escrow_step *step = &decision.steps[0];
        assert_int_equal(step->event, ESCROW_EVENT_PARTIALLY_REFUNDED);
        assert_int_equal(step->milestone, 1);
        assert_int_equal(step->number, 1);
        assert_int_equal(step->amount_minor, FIXTURE_PART_MINOR);
        assert_int_equal(step->buyer_gets_minor, gets_minor);
        assert_true(str_eq(step->text, STR("why")));
        assert_int_equal(step->move_count, 2);
        expect_move(step, 0, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_BUYER,
                    FIXTURE_PART_MINOR, (struct id){0});
        expect_move(step, 1, ESCROW_ACCOUNT_FEE_DEFERRED,
                    refundable == 1 ? ESCROW_ACCOUNT_DUE_BUYER : ESCROW_ACCOUNT_FEE_INC,
                    FIXTURE_PART_BUYER_FEE_MINOR, (struct id){0});
        assert_int_equal(decision.request_count, 1);
        assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_REFUND_BUYER);
        assert_int_equal(decision.requests[0].amount_minor, gets_minor);
        assert_true(id_eq(decision.requests[0].paid_leg_id, FIXTURE_PAID_LEG));
        assert_int_equal(decision.part_count, 1);
        const struct escrow_part *part = &decision.parts[0].row;
        assert_true(part->to_buyer);
        assert_true(id_eq(part->leg_id, decision.requests[0].leg_id));
        assert_int_equal(part->price_minor, FIXTURE_PART_MINOR);
        assert_int_equal(part->amount_minor, gets_minor);
        assert_int_equal(part->state, ESCROW_PART_SENDING);
        assert_int_equal(decision.next.returned_minor, FIXTURE_PART_MINOR);
        assert_int_equal(decision.next.released_minor, 0);
        assert_int_equal(decision.next.held_minor, REST_MINOR);
        assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
        assert_int_equal(decision.milestone_count, 1);
        apply(&fixture, &decision);
        assert_int_equal(fixture.milestone[0].state, ESCROW_MILESTONE_REFUNDED);
    }
}

/* Who gives one back has no more time for the others; that of one that is inspected is the buyer's no more. */
static void nobody_has_more_time_to_deliver_by_it(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_FUNDS_HELD, true);
    struct escrow_message message = refund(2);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
    assert_int_equal(decision.timer_count, 0);
    assert_int_equal(decision.next.deadline_seq, FIXTURE_DEADLINE_SEQ);
    assert_int_equal(decision.next.deadline_at_us, FIXTURE_NOW_US);
    apply(&fixture, &decision);

    begin(&fixture, ESCROW_FUNDS_HELD, true); /* nor by a release of what was not delivered */
    message = release(2);
    decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
    assert_int_equal(decision.timer_count, 0);
    assert_int_equal(decision.next.deadline_seq, FIXTURE_DEADLINE_SEQ);
    apply(&fixture, &decision);

    begin(&fixture, ESCROW_DELIVERED, true); /* the one that was inspected */
    message = refund(1);
    decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
    assert_int_equal(decision.timer_count, 2);
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_INSPECTION);
    assert_int_equal(decision.timers[0].due_at_us, 0);
    assert_int_equal(decision.timers[1].timer, ESCROW_TIMER_DELIVERY);
    apply(&fixture, &decision);

    begin(&fixture, ESCROW_DELIVERED, true); /* another one: it is inspected as before */
    message = refund(3);
    decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_DELIVERED);
    assert_int_equal(decision.timer_count, 0);
    assert_int_equal(decision.next.deadline_at_us, FIXTURE_NOW_US);
    apply(&fixture, &decision);
}

static void the_last_one_goes_back_with_all_that_is_left(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init_returned(&fixture, ESCROW_PARTIALLY_SETTLED, ESCROW_PART_PAID);
    fixture.milestone[1].price_minor =
        1; /* of three, two are left: as if one of these were all of it */
    fixture.milestone[2].price_minor = REST_MINOR - 1;
    struct escrow_message message = refund(2);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
    assert_int_equal(decision.parts[0].row.number, 2);
    /* 280 * 5,999 / 10,000 = 167.9: the cent that rounding left is the platform's until the last one. */
    assert_int_equal(decision.parts[0].row.amount_minor, 1 + 1);
    assert_int_equal(decision.next.fee_deferred_minor, 167);
}

static void all_of_it_goes_back_to_the_cent(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init_returned(&fixture, ESCROW_PARTIALLY_SETTLED, ESCROW_PART_SENDING);
    struct escrow_message message = refund(0);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_REFUND_STARTED);
    assert_int_equal(decision.steps[0].amount_minor, FIXTURE_AFTER_RETURN_BACK_MINOR);
    assert_int_equal(decision.next.due_buyer_minor, FIXTURE_ASKED_MINOR);
    assert_int_equal(decision.next.returned_minor, FIXTURE_PART_MINOR); /* that before, alone */
    assert_int_equal(decision.next.fee_minor, 0);
}

static void the_rest_may_be_released(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init_returned(&fixture, ESCROW_DISPUTED, ESCROW_PART_PAID);
    struct escrow_message message = release(0);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
    assert_int_equal(decision.next.released_minor, REST_MINOR);
    assert_int_equal(decision.next.due_seller_minor, FIXTURE_AFTER_RETURN_NET_MINOR);
    /* 520 * 6,000 / 10,000, and 280 less the 112 that went back */
    assert_int_equal(decision.next.fee_minor, 312 + 168);
    assert_int_equal(decision.next.fee_deferred_minor, 0);
}

static void only_what_has_not_ended_can_be_named(void **state)
{
    (void)state;

    const struct {
        enum escrow_state state;
        int64_t number;
        enum escrow_reason reason;
    } rows[] = {
        {ESCROW_FUNDS_HELD, -1, ESCROW_REASON_NO_MILESTONE},
        {ESCROW_FUNDS_HELD, FIXTURE_MILESTONES + 1, ESCROW_REASON_NO_MILESTONE},
        {ESCROW_FUNDS_HELD, INT64_MIN, ESCROW_REASON_NO_MILESTONE},
        {ESCROW_PARTIALLY_SETTLED, 1, ESCROW_REASON_MILESTONE_STATE},
        {ESCROW_DISPUTED, 1, ESCROW_REASON_MILESTONE_STATE},
        {ESCROW_ESCALATED, 2, ESCROW_REASON_MILESTONE_STATE},
        {ESCROW_RELEASED, 1, ESCROW_REASON_WRONG_STATE},
        {ESCROW_AWAIT_FUNDS, 1, ESCROW_REASON_WRONG_STATE},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        begin(&fixture, rows[i].state, true);
        struct escrow_message message = refund(rows[i].number);
        expect_refusal(decide(&fixture, &message), rows[i].reason);
        message.actor.id = FIXTURE_BUYER; /* not his to give back */
        expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOT_ALLOWED);
    }
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_FUNDS_HELD); /* in one piece */
    struct escrow_message message = refund(1);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_MILESTONE);
    fixture_init(&fixture, ESCROW_DISPUTED);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_MILESTONE);
    fixture_init(&fixture, ESCROW_DELIVERY_REJECTED);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_MILESTONE);
}

/* ---- Released undelivered ---- */

static void a_buyer_may_trust(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERED, true);
    struct escrow_message message = release(2);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PARTIALLY_RELEASED);
    assert_int_equal(decision.next.state, ESCROW_DELIVERED);
    assert_int_equal(decision.timer_count, 0);

    begin(&fixture, ESCROW_FUNDS_HELD, true);
    message = release(0);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_WHICH_MILESTONE);
    fixture_init(&fixture, ESCROW_FUNDS_HELD); /* but not with all of it at once */
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_WRONG_STATE);
    message.number = 1;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_MILESTONE);
}

/* ---- What is heard of the refund ---- */

static void it_is_back_while_the_deal_goes_on(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init_returned(&fixture, ESCROW_PARTIALLY_SETTLED, ESCROW_PART_SENDING);
    struct escrow_message message =
        answer(ESCROW_REFUND_SUCCEEDED, FIXTURE_PART_LEG, FIXTURE_RETURN_MINOR);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.step_count, 1);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PART_REFUNDED);
    assert_int_equal(decision.steps[0].amount_minor, FIXTURE_RETURN_MINOR);
    expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_DUE_BUYER, ESCROW_ACCOUNT_PSP_CLEAR,
                FIXTURE_RETURN_MINOR, FIXTURE_PART_LEG);
    assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
    assert_int_equal(decision.timer_count, 0);
    assert_int_equal(fixture.part.state, ESCROW_PART_PAID);
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_IGNORE);
    message.amount_minor++;
    fixture_init_returned(&fixture, ESCROW_PARTIALLY_SETTLED, ESCROW_PART_SENDING);
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_PARK);
    message = answer(ESCROW_TRANSFER_SUCCEEDED, FIXTURE_PART_LEG, FIXTURE_RETURN_MINOR);
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_PARK); /* it is no payout */
}

static void a_deal_is_not_released_before_it_is_back(void **state)
{
    (void)state;
    struct escrow_message paid =
        answer(ESCROW_TRANSFER_SUCCEEDED, FIXTURE_PAYOUT_LEG, FIXTURE_AFTER_RETURN_NET_MINOR);
    struct escrow_message back =
        answer(ESCROW_REFUND_SUCCEEDED, FIXTURE_PART_LEG, FIXTURE_RETURN_MINOR);
    for (int seller_first = 0; seller_first <= 1; seller_first++) {
        struct fixture fixture;
        fixture_init_returned(&fixture, ESCROW_RELEASING, ESCROW_PART_SENDING);
        struct escrow_decision decision = decide(&fixture, seller_first == 1 ? &paid : &back);
        assert_int_equal(decision.next.state, ESCROW_RELEASING);
        assert_int_equal(decision.steps[0].event,
                         seller_first == 1 ? ESCROW_EVENT_PART_PAID : ESCROW_EVENT_PART_REFUNDED);
        apply(&fixture, &decision);
        decision = decide(&fixture, seller_first == 1 ? &back : &paid);
        assert_int_equal(decision.next.state, ESCROW_RELEASED);
        assert_int_equal(decision.step_count, 1);
        assert_int_equal(decision.steps[0].event,
                         seller_first == 1 ? ESCROW_EVENT_PART_REFUNDED : ESCROW_EVENT_RELEASED);
        apply(&fixture, &decision);
    }
}

static void nor_refunded(void **state)
{
    (void)state;
    struct escrow_message rest =
        answer(ESCROW_REFUND_SUCCEEDED, FIXTURE_REFUND_LEG, FIXTURE_AFTER_RETURN_BACK_MINOR);
    struct escrow_message part =
        answer(ESCROW_REFUND_SUCCEEDED, FIXTURE_PART_LEG, FIXTURE_RETURN_MINOR);
    for (int rest_first = 0; rest_first <= 1; rest_first++) {
        struct fixture fixture;
        fixture_init_returned(&fixture, ESCROW_REFUNDING, ESCROW_PART_SENDING);
        struct escrow_decision decision = decide(&fixture, rest_first == 1 ? &rest : &part);
        assert_int_equal(decision.next.state, ESCROW_REFUNDING);
        apply(&fixture, &decision);
        decision = decide(&fixture, rest_first == 1 ? &part : &rest);
        assert_int_equal(decision.next.state, ESCROW_REFUNDED);
        assert_int_equal(decision.next.refunded_minor, FIXTURE_ASKED_MINOR);
        apply(&fixture, &decision);
    }
}

static void what_failed_is_sent_again(void **state)
{
    (void)state;

    const enum escrow_state states[] = {ESCROW_PARTIALLY_SETTLED, ESCROW_DELIVERED, ESCROW_DISPUTED,
                                        ESCROW_RELEASING, ESCROW_REFUNDING};

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct fixture fixture;
        fixture_init_returned(&fixture, states[i], ESCROW_PART_SENDING);
        struct escrow_message message =
            answer(ESCROW_REFUND_FAILED, FIXTURE_PART_LEG, FIXTURE_RETURN_MINOR);
        struct escrow_decision decision = decide(&fixture, &message);
        apply(&fixture, &decision);
        assert_int_equal(decision.steps[0].event, ESCROW_EVENT_REFUND_FAILED);
        assert_int_equal(decision.next.state, states[i]);
        assert_int_equal(decision.next.refund_failed_minor, FIXTURE_RETURN_MINOR);
        assert_int_equal(decide(&fixture, &message).verdict, ESCROW_IGNORE);
        message = fixture_message(ESCROW_RETRY_PAYOUT);
        decision = decide(&fixture, &message);
        apply(&fixture, &decision);
        assert_int_equal(decision.request_count, 1);
        assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_REFUND_BUYER);
        assert_int_equal(decision.requests[0].amount_minor, FIXTURE_RETURN_MINOR);
        assert_int_equal(decision.next.refund_failed_minor, 0);
        assert_true(id_eq(fixture.part.leg_id, decision.requests[0].leg_id));
    }
}

/* A bank can send it back, also when all seemed done: it is owed again. */
static void what_comes_back_is_owed_again(void **state)
{
    (void)state;

    const struct {
        enum escrow_state from, to;
    } rows[] = {
        {ESCROW_PARTIALLY_SETTLED, ESCROW_PARTIALLY_SETTLED},
        {ESCROW_RELEASED, ESCROW_RELEASING},
        {ESCROW_REFUNDED, ESCROW_REFUNDING},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init_returned(&fixture, rows[i].from, ESCROW_PART_PAID);
        struct escrow_message message =
            answer(ESCROW_REFUND_FAILED, FIXTURE_PART_LEG, FIXTURE_RETURN_MINOR);
        struct escrow_decision decision = decide(&fixture, &message);
        apply(&fixture, &decision);
        assert_int_equal(decision.next.state, rows[i].to);
        expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_DUE_BUYER,
                    FIXTURE_RETURN_MINOR, FIXTURE_PART_LEG);
        assert_int_equal(decision.next.due_buyer_minor, FIXTURE_RETURN_MINOR);
        message = fixture_message(ESCROW_RETRY_PAYOUT);
        decision = decide(&fixture, &message);
        apply(&fixture, &decision);
        message = answer(ESCROW_REFUND_SUCCEEDED, fixture.part.leg_id, FIXTURE_RETURN_MINOR);
        decision = decide(&fixture, &message);
        apply(&fixture, &decision);
        assert_int_equal(decision.next.state, rows[i].from);
        assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PART_REFUNDED);
    }
}

/* ---- The rows ---- */

static bool is_sound(const struct fixture *fixture)
{
    const struct escrow_debts debts = escrow_debts_of(&fixture->facts);
    return escrow_case_is_sound(&fixture->escrow, &debts) &&
           escrow_parts_are_sound(&fixture->escrow, fixture->parts, 1) &&
           escrow_milestones_are_sound(&fixture->escrow, fixture->milestones, FIXTURE_MILESTONES);
}

#define UNSOUND(in_state, of_part, what)                        \
    do {                                                        \
        fixture_init_returned(&fixture, (in_state), (of_part)); \
        assert_true(is_sound(&fixture));                        \
        what;                                                   \
        assert_false(is_sound(&fixture));                       \
    } while (0)

static void rows_that_do_not_fit_are_seen(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow *escrow = &fixture.escrow;
    struct escrow_part *part = &fixture.part;
    const enum escrow_state held = ESCROW_PARTIALLY_SETTLED;
    UNSOUND(held, ESCROW_PART_PAID, escrow->returned_minor++);
    UNSOUND(held, ESCROW_PART_PAID, escrow->returned_minor = 0);
    UNSOUND(held, ESCROW_PART_PAID, escrow->returned_minor = -1);
    UNSOUND(held, ESCROW_PART_PAID, escrow->returned_minor = FIXTURE_PRICE_MINOR + 1);
    UNSOUND(held, ESCROW_PART_PAID, (escrow->held_minor++, escrow->refunded_minor--));
    UNSOUND(held, ESCROW_PART_PAID, (escrow->fee_deferred_minor--, escrow->fee_minor++));
    UNSOUND(held, ESCROW_PART_PAID, (escrow->refunded_minor--, escrow->suspense_minor++));
    UNSOUND(held, ESCROW_PART_PAID, part->state = ESCROW_PART_SENDING);
    UNSOUND(held, ESCROW_PART_SENDING, part->state = ESCROW_PART_PAID);
    UNSOUND(held, ESCROW_PART_SENDING, part->state = ESCROW_PART_FAILED);
    UNSOUND(held, ESCROW_PART_FAILED, escrow->refund_failed_minor--);
    UNSOUND(held, ESCROW_PART_PAID, part->to_buyer = false);
    UNSOUND(held, ESCROW_PART_PAID, part->amount_minor++);
    UNSOUND(held, ESCROW_PART_PAID, part->price_minor--);
    UNSOUND(held, ESCROW_PART_PAID, part->price_minor = 0);
    UNSOUND(held, ESCROW_PART_PAID, fixture.milestone[0].state = ESCROW_MILESTONE_RELEASED);
    UNSOUND(held, ESCROW_PART_PAID, fixture.milestone[1].state = ESCROW_MILESTONE_REFUNDED);
    UNSOUND(ESCROW_RELEASING, ESCROW_PART_SENDING, escrow->state = ESCROW_RELEASED);
    UNSOUND(ESCROW_RELEASED, ESCROW_PART_PAID, escrow->state = ESCROW_RELEASING);
    UNSOUND(ESCROW_REFUNDING, ESCROW_PART_SENDING, escrow->state = ESCROW_REFUNDED);
    UNSOUND(ESCROW_REFUNDED, ESCROW_PART_PAID, escrow->state = ESCROW_REFUNDING);
    /* The seller has been paid, and what was returned is still under way: neither is the other's. */
    UNSOUND(ESCROW_RELEASED, ESCROW_PART_PAID,
            (escrow->refunded_minor -= FIXTURE_RETURN_MINOR,
             escrow->due_buyer_minor += FIXTURE_RETURN_MINOR, part->state = ESCROW_PART_SENDING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_goes_back_and_the_rest_stays_held),
        cmocka_unit_test(nobody_has_more_time_to_deliver_by_it),
        cmocka_unit_test(the_last_one_goes_back_with_all_that_is_left),
        cmocka_unit_test(all_of_it_goes_back_to_the_cent),
        cmocka_unit_test(the_rest_may_be_released),
        cmocka_unit_test(only_what_has_not_ended_can_be_named),
        cmocka_unit_test(a_buyer_may_trust),
        cmocka_unit_test(it_is_back_while_the_deal_goes_on),
        cmocka_unit_test(a_deal_is_not_released_before_it_is_back),
        cmocka_unit_test(nor_refunded),
        cmocka_unit_test(what_failed_is_sent_again),
        cmocka_unit_test(what_comes_back_is_owed_again),
        cmocka_unit_test(rows_that_do_not_fit_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
