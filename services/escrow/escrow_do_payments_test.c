/* Money that comes and goes: named cases, and a row for each side of each comparison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"

/* ---- Money in ---- */

static void the_price_is_held(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    fixture.escrow.payment_setup_failed = true;
    struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
    message.leg_id = FIXTURE_OTHER_LEG; /* an earlier attempt that was paid after all */
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.step_count, 2);
    const struct escrow_step *received = &decision.steps[0];
    const struct escrow_step *held = &decision.steps[1];
    assert_int_equal(received->event, ESCROW_EVENT_FUNDS_RECEIVED);
    assert_int_equal(received->from, ESCROW_AWAIT_FUNDS);
    assert_int_equal(received->after.state, ESCROW_AWAIT_FUNDS);
    assert_int_equal(received->after.seq, 6);
    assert_int_equal(received->after.in_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(received->after.received_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(received->after.held_minor, 0);
    assert_true(id_eq(received->leg_id, FIXTURE_OTHER_LEG));
    assert_int_equal(received->amount_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(held->amount_minor, FIXTURE_PRICE_MINOR);
    expect_move(received, 0, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_ESCROW_IN,
                FIXTURE_PRICE_MINOR, FIXTURE_OTHER_LEG);
    assert_int_equal(held->event, ESCROW_EVENT_FUNDS_HELD);
    assert_int_equal(held->from, ESCROW_AWAIT_FUNDS);
    assert_int_equal(held->after.state, ESCROW_FUNDS_HELD);
    assert_int_equal(held->after.seq, 7);
    assert_int_equal(held->after.in_minor, 0);
    assert_int_equal(held->after.held_minor, FIXTURE_PRICE_MINOR);
    expect_move(held, 0, ESCROW_ACCOUNT_ESCROW_IN, ESCROW_ACCOUNT_ESCROW_HELD, FIXTURE_PRICE_MINOR,
                (struct id){0});
    assert_int_equal(decision.next.version, 8);
    assert_int_equal(decision.next.updated_at_us, FIXTURE_NOW_US);
    assert_int_equal(decision.next.created_at_us, FIXTURE_NOW_US - 1);
    assert_false(decision.next.payment_setup_failed);
    assert_true(id_eq(decision.next.paid_leg_id, FIXTURE_OTHER_LEG));
    /* The leg that replaced it is not to be paid any more. */
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_CANCEL_PAYMENT);
    message.leg_id = fixture.escrow.paid_leg_id;
    decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_FUNDS_HELD);
    assert_int_equal(decision.request_count, 0);
}

static void only_the_exact_price_is_held(void **state)
{
    (void)state;
    for (int64_t diff = -1; diff <= 1; diff++) {
        for (enum escrow_state s = ESCROW_CREATED; s <= ESCROW_AWAIT_FUNDS; s++) {
            struct fixture fixture;
            fixture_init(&fixture, s);
            struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
            message.amount_minor += diff;
            struct escrow_decision decision = decide(&fixture, &message);
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
            assert_int_equal(decision.next.state, diff == 0 ? ESCROW_FUNDS_HELD : s);
            assert_int_equal(decision.next.held_minor, diff == 0 ? FIXTURE_PRICE_MINOR : 0);
            assert_int_equal(decision.next.due_buyer_minor, diff == 0 ? 0 : message.amount_minor);
            /* The instructions are used up: without new ones this deal cannot be paid. */
            assert_int_equal(decision.next.payment_setup_failed, diff != 0);
        }
    }
}

static void unexpected_money_goes_back_to_its_own_leg(void **state)
{
    (void)state;
    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        struct fixture fixture;
        fixture_init(&fixture, s);
        struct escrow before = fixture.escrow;
        struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
        message.leg_id = FIXTURE_OTHER_LEG;
        message.amount_minor = 77;
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.step_count, 1);
        const struct escrow_step *step = &decision.steps[0];
        assert_int_equal(step->event, ESCROW_EVENT_FUNDS_SUSPENDED);
        assert_int_equal(step->amount_minor, 77);
        assert_true(id_eq(step->leg_id, FIXTURE_OTHER_LEG));
        assert_false(step->flagged);
        assert_int_equal(step->move_count, 2);
        expect_move(step, 0, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_SUSPENSE, 77,
                    FIXTURE_OTHER_LEG);
        expect_move(step, 1, ESCROW_ACCOUNT_SUSPENSE, ESCROW_ACCOUNT_DUE_BUYER, 77, (struct id){0});
        assert_int_equal(decision.next.state, s);
        assert_int_equal(decision.next.due_buyer_minor, before.due_buyer_minor + 77);
        assert_int_equal(decision.next.held_minor, before.held_minor);
        assert_int_equal(decision.next.payment_setup_failed, false);
        assert_int_equal(decision.request_count, 1);
        assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_REFUND_BUYER);
        assert_int_equal(decision.requests[0].amount_minor, 77);
        assert_true(id_eq(decision.requests[0].paid_leg_id, FIXTURE_OTHER_LEG));
        assert_int_equal(decision.suspense_count, 1);
        const struct escrow_suspense_change *change = &decision.suspense[0];
        assert_int_equal(change->index, ESCROW_SUSPENSE_NEW);
        assert_int_equal(change->row.state, ESCROW_SUSPENSE_REFUNDING);
        assert_true(id_eq(change->row.refund_leg_id, decision.requests[0].leg_id));
        assert_true(id_eq(change->row.leg_id, FIXTURE_OTHER_LEG));
        assert_int_equal(change->row.amount_minor, 77);
        assert_true(escrow_suspense_is_sound(&change->row));
    }
}

static void foreign_money_is_flagged_and_not_summed(void **state)
{
    (void)state;
    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        struct fixture fixture;
        fixture_init(&fixture, s);
        struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
        message.leg_id = FIXTURE_OTHER_LEG;
        message.currency = STR("EUR"); /* of exactly the price */
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        const struct escrow_step *step = &decision.steps[0];
        assert_true(step->flagged);
        assert_int_equal(step->move_count, 1);
        expect_move(step, 0, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_SUSPENSE, FIXTURE_PRICE_MINOR,
                    FIXTURE_OTHER_LEG);
        assert_true(str_eq(step->moves[0].currency, STR("EUR")));
        assert_true(str_eq(step->currency, STR("EUR")));
        assert_true(decision.next.foreign_money);
        assert_int_equal(decision.next.received_minor, fixture.escrow.received_minor);
        assert_int_equal(decision.next.suspense_minor, 0);
        assert_int_equal(decision.next.state, s);
        assert_int_equal(decision.request_count, 0);
        assert_int_equal(decision.suspense[0].row.state, ESCROW_SUSPENSE_FLAGGED);
        assert_true(str_eq(decision.suspense[0].row.currency, STR("EUR")));
    }
}

static void the_second_news_of_a_leg_is_no_second_money(void **state)
{
    (void)state;
    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        for (enum escrow_suspense_state extra = ESCROW_SUSPENSE_FLAGGED;
             extra < ESCROW_SUSPENSE_STATE_COUNT; extra++) {
            struct fixture fixture;
            fixture_init(&fixture, s);
            fixture_add_suspense(&fixture, extra);
            struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
            message.leg_id = FIXTURE_EXTRA_LEG;
            assert_int_equal(decide(&fixture, &message).verdict, ESCROW_IGNORE);
        }
        struct fixture fixture;
        fixture_init(&fixture, s);
        struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
        bool came = s >= ESCROW_FUNDS_HELD && s != ESCROW_CANCELLED && s != ESCROW_EXPIRED;
        assert_int_equal(decide(&fixture, &message).verdict, came ? ESCROW_IGNORE : ESCROW_ACCEPT);
    }
}

static void more_than_an_account_can_count_is_shown_to_a_person(void **state)
{
    (void)state;

    const struct {
        int64_t room; /* what is left of int64 after the amount */
        enum escrow_verdict verdict;
    } rows[] = {{-1, ESCROW_PARK}, {0, ESCROW_ACCEPT}, {1, ESCROW_ACCEPT}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init(&fixture, ESCROW_FUNDS_HELD);
        struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
        message.leg_id = FIXTURE_OTHER_LEG;
        message.amount_minor = INT64_MAX - FIXTURE_PRICE_MINOR;
        if (rows[i].room < 0) {
            message.amount_minor += 1;
        } else {
            message.amount_minor -= rows[i].room;
        }
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, rows[i].verdict);
        assert_int_equal(decision.reason, rows[i].verdict == ESCROW_PARK ? ESCROW_REASON_OVERFLOW
                                                                         : ESCROW_REASON_NONE);
    }
    /* The price itself may be what does not fit any more. */
    for (int64_t room = -1; room <= 1; room++) {
        struct fixture fixture;
        fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
        fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDING);
        int64_t extra_minor = INT64_MAX - FIXTURE_PRICE_MINOR - room;
        fixture.suspense.amount_minor = extra_minor;
        fixture.escrow.received_minor = extra_minor;
        fixture.escrow.due_buyer_minor = extra_minor;
        struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, room < 0 ? ESCROW_PARK : ESCROW_ACCEPT);
    }
}

static void instructions_that_are_used_up_do_not_come_back(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_CREATED);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDING);
    fixture.escrow.payment_setup_failed = true;
    fixture.escrow.paid_leg_id = FIXTURE_EXTRA_LEG; /* it was paid, with a wrong amount */
    struct escrow_message message = fixture_message(ESCROW_INTENT_CREATED);
    message.leg_id = FIXTURE_EXTRA_LEG;
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_IGNORE);
}

static void new_instructions_clear_the_flag(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_CREATED);
    fixture.escrow.payment_setup_failed = true;
    struct escrow_message message = fixture_message(ESCROW_INTENT_CREATED);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_AWAIT_FUNDS);
    assert_false(decision.next.payment_setup_failed);
}

/* ---- Money out ---- */

static void release_pays_what_is_held_once(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = as_user(ESCROW_RELEASE, FIXTURE_BUYER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_SELLER,
                FIXTURE_PRICE_MINOR, (struct id){0});
    assert_int_equal(decision.steps[0].amount_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_TRANSFER_TO_SELLER);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PRICE_MINOR);
    assert_true(id_eq(decision.requests[0].paid_leg_id, FIXTURE_PAID_LEG));
    assert_true(id_eq(decision.next.payout_leg_id, decision.requests[0].leg_id));
    fixture.escrow = decision.next;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_WRONG_STATE);

    struct escrow_message done = fixture_message(ESCROW_TRANSFER_SUCCEEDED);
    done.leg_id = decision.requests[0].leg_id;
    decision = decide(&fixture, &done);
    assert_int_equal(decision.next.state, ESCROW_RELEASED);
    assert_int_equal(decision.next.paid_out_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision.next.due_seller_minor, 0);
    expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_DUE_SELLER, ESCROW_ACCOUNT_PSP_CLEAR,
                FIXTURE_PRICE_MINOR, done.leg_id);
}

static void a_failed_payout_stays_due_and_can_be_retried(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_RELEASING);
    struct escrow_message failed = fixture_message(ESCROW_TRANSFER_FAILED);
    struct escrow_decision decision = decide(&fixture, &failed);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
    assert_int_equal(decision.next.payout_failed_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision.next.due_seller_minor, FIXTURE_PRICE_MINOR);
    assert_true(str_eq(decision.steps[0].text, STR("why")));
    fixture.escrow = decision.next;
    assert_int_equal(decide(&fixture, &failed).verdict, ESCROW_IGNORE);

    struct escrow_message retry = fixture_message(ESCROW_RETRY_PAYOUT);
    decision = decide(&fixture, &retry);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.payout_failed_minor, 0);
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PRICE_MINOR);
    assert_true(id_eq(decision.requests[0].paid_leg_id, FIXTURE_PAID_LEG));
    assert_true(id_eq(decision.next.payout_leg_id, fixture_id(0x21)));
    fixture.escrow = decision.next;
    expect_refusal(decide(&fixture, &retry), ESCROW_REASON_NOTHING_FAILED);
}

static void a_leg_that_failed_and_succeeds_after_all_has_succeeded(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_RELEASING);
    fixture.escrow.payout_failed_minor = FIXTURE_PRICE_MINOR;
    struct escrow_message message = fixture_message(ESCROW_TRANSFER_FAILED);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_IGNORE);
    message = fixture_message(ESCROW_TRANSFER_SUCCEEDED);
    decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_RELEASED);
    assert_int_equal(decision.next.payout_failed_minor, 0);
    /* Once another leg replaced it, the seller may be paid twice: a person must look. */
    fixture.escrow.payout_failed_minor = 0;
    fixture.escrow.payout_leg_id = FIXTURE_OTHER_LEG;
    decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_PARK);
    message = fixture_message(ESCROW_TRANSFER_FAILED);
    decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_IGNORE);
}

static void a_refund_that_failed_and_succeeds_after_all_has_succeeded(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_REFUNDING);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUND_FAILED);
    fixture.escrow.refund_failed_minor += FIXTURE_PRICE_MINOR;
    struct escrow_message message = fixture_message(ESCROW_REFUND_SUCCEEDED);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_REFUNDED);
    assert_int_equal(decision.next.refund_failed_minor, FIXTURE_SUSPENSE_MINOR);
    assert_int_equal(decision.suspense_count, 0);
    message.leg_id = FIXTURE_EXTRA_REFUND_LEG;
    message.amount_minor = FIXTURE_SUSPENSE_MINOR;
    decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_int_equal(decision.next.refund_failed_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision.suspense[0].row.state, ESCROW_SUSPENSE_REFUNDED);
    message.kind = ESCROW_REFUND_FAILED;
    decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_IGNORE);
}

/* Days after it succeeded the buyer's bank refuses it: the price is owed again, and staff retry. */
static void a_refund_that_the_bank_sends_back_is_owed_again(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_REFUNDED);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDED);
    struct escrow_message failed = fixture_message(ESCROW_REFUND_FAILED);
    struct escrow_decision decision = decide(&fixture, &failed);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_int_equal(decision.step_count, 1);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_REFUND_FAILED);
    expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_DUE_BUYER,
                FIXTURE_PRICE_MINOR, FIXTURE_REFUND_LEG);
    assert_int_equal(decision.next.received_minor, fixture.escrow.received_minor);
    assert_int_equal(decision.next.refunded_minor, FIXTURE_SUSPENSE_MINOR);
    assert_int_equal(decision.next.refund_failed_minor, FIXTURE_PRICE_MINOR);
    fixture.escrow = decision.next;
    assert_int_equal(decide(&fixture, &failed).verdict, ESCROW_IGNORE);

    failed.leg_id = FIXTURE_EXTRA_REFUND_LEG;
    decision = decide(&fixture, &failed);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_int_equal(decision.next.refunded_minor, 0);
    assert_int_equal(decision.suspense[0].row.state, ESCROW_SUSPENSE_REFUND_FAILED);
    fixture.escrow = decision.next;
    fixture.suspense = decision.suspense[0].row;
    struct escrow_message retry = fixture_message(ESCROW_RETRY_PAYOUT);
    assert_int_equal(decide(&fixture, &retry).request_count, 2);
}

/* The suspense's refund comes back: the deal itself stays what it is. */
static void suspense_that_comes_back_moves_no_state(void **state)
{
    (void)state;
    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        struct fixture fixture;
        fixture_init(&fixture, s);
        fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDED);
        struct escrow_message failed = fixture_message(ESCROW_REFUND_FAILED);
        failed.leg_id = FIXTURE_EXTRA_REFUND_LEG;
        struct escrow_decision decision = decide(&fixture, &failed);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.next.state, s);
        assert_int_equal(decision.next.refund_failed_minor, FIXTURE_SUSPENSE_MINOR);
        assert_int_equal(decision.suspense[0].row.state, ESCROW_SUSPENSE_REFUND_FAILED);
    }
}

static void an_answer_must_be_of_the_amount_that_was_asked(void **state)
{
    (void)state;
    for (int64_t diff = -1; diff <= 1; diff++) {
        struct fixture fixture;
        fixture_init(&fixture, ESCROW_RELEASING);
        struct escrow_message message = fixture_message(ESCROW_TRANSFER_SUCCEEDED);
        message.amount_minor += diff;
        assert_int_equal(decide(&fixture, &message).verdict,
                         diff == 0 ? ESCROW_ACCEPT : ESCROW_PARK);

        fixture_init(&fixture, ESCROW_REFUNDING);
        message = fixture_message(ESCROW_REFUND_SUCCEEDED);
        message.amount_minor += diff;
        assert_int_equal(decide(&fixture, &message).verdict,
                         diff == 0 ? ESCROW_ACCEPT : ESCROW_PARK);

        fixture_init(&fixture, ESCROW_RELEASED);
        fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDING);
        message = fixture_message(ESCROW_REFUND_SUCCEEDED);
        message.leg_id = FIXTURE_EXTRA_REFUND_LEG;
        message.amount_minor = FIXTURE_SUSPENSE_MINOR + diff;
        assert_int_equal(decide(&fixture, &message).verdict,
                         diff == 0 ? ESCROW_ACCEPT : ESCROW_PARK);
    }
}

static void the_price_goes_back_to_the_leg_that_paid(void **state)
{
    (void)state;
    for (enum escrow_state s = ESCROW_FUNDS_HELD; s <= ESCROW_DELIVERED; s++) {
        struct fixture fixture;
        fixture_init(&fixture, s);
        struct escrow_message message = as_user(ESCROW_REFUND, FIXTURE_SELLER);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.next.state, ESCROW_REFUNDING);
        expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_BUYER,
                    FIXTURE_PRICE_MINOR, (struct id){0});
        assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_REFUND_BUYER);
        assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PRICE_MINOR);
        assert_true(id_eq(decision.requests[0].paid_leg_id, FIXTURE_PAID_LEG));
        assert_true(str_eq(decision.steps[0].text, STR("why")));
    }
}

static void each_failed_refund_is_retried_on_its_own_leg(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_REFUNDING);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDING);
    struct escrow_message failed = fixture_message(ESCROW_REFUND_FAILED);
    struct escrow_decision decision = decide(&fixture, &failed);
    assert_int_equal(decision.next.refund_failed_minor, FIXTURE_PRICE_MINOR);
    assert_true(str_eq(decision.steps[0].text, STR("why")));
    fixture.escrow = decision.next;

    failed.leg_id = FIXTURE_EXTRA_REFUND_LEG;
    decision = decide(&fixture, &failed);
    assert_int_equal(decision.next.refund_failed_minor,
                     FIXTURE_PRICE_MINOR + FIXTURE_SUSPENSE_MINOR);
    assert_int_equal(decision.suspense_count, 1);
    assert_int_equal(decision.suspense[0].index, 0);
    assert_int_equal(decision.suspense[0].row.version, 4);
    assert_int_equal(decision.suspense[0].row.updated_at_us, FIXTURE_NOW_US);
    fixture.escrow = decision.next;
    fixture.suspense = decision.suspense[0].row;

    struct escrow_message retry = fixture_message(ESCROW_RETRY_PAYOUT);
    decision = decide(&fixture, &retry);
    assert_int_equal(decision.request_count, 2);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PRICE_MINOR);
    assert_true(id_eq(decision.requests[0].paid_leg_id, FIXTURE_PAID_LEG));
    assert_int_equal(decision.requests[1].amount_minor, FIXTURE_SUSPENSE_MINOR);
    assert_true(id_eq(decision.requests[1].paid_leg_id, FIXTURE_EXTRA_LEG));
    assert_false(id_eq(decision.requests[0].leg_id, decision.requests[1].leg_id));
    assert_int_equal(decision.next.refund_failed_minor, 0);
    assert_true(id_eq(decision.suspense[0].row.refund_leg_id, decision.requests[1].leg_id));
    assert_int_equal(decision.suspense[0].row.state, ESCROW_SUSPENSE_REFUNDING);
}

static void a_retry_takes_as_many_legs_as_one_decision_may(void **state)
{
    (void)state;
    for (uint32_t count = ESCROW_LEGS_MAX - 1; count <= ESCROW_LEGS_MAX + 1; count++) {
        struct fixture fixture;
        struct escrow_suspense rows[ESCROW_LEGS_MAX + 1];
        const struct escrow_suspense *pointers[ESCROW_LEGS_MAX + 1];
        fixture_init(&fixture, ESCROW_RELEASED);
        fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUND_FAILED);
        for (uint32_t i = 0; i < count; i++) {
            rows[i] = fixture.suspense;
            rows[i].leg_id = fixture_id((uint8_t)(0x40 + i));
            pointers[i] = &rows[i];
        }
        int64_t sum_minor = (int64_t)count * FIXTURE_SUSPENSE_MINOR;
        fixture.escrow.received_minor = FIXTURE_PRICE_MINOR + sum_minor;
        fixture.escrow.due_buyer_minor = sum_minor;
        fixture.escrow.refund_failed_minor = sum_minor;
        fixture.facts.suspense = pointers;
        fixture.facts.suspense_count = count;
        struct escrow_message retry = fixture_message(ESCROW_RETRY_PAYOUT);
        struct escrow_decision decision = decide(&fixture, &retry);
        uint32_t taken = count < ESCROW_LEGS_MAX ? count : ESCROW_LEGS_MAX;
        assert_int_equal(decision.request_count, taken);
        assert_int_equal(decision.suspense_count, taken);
        assert_int_equal(decision.next.refund_failed_minor,
                         sum_minor - (int64_t)taken * FIXTURE_SUSPENSE_MINOR);
    }
}

static void a_retried_set_up_gets_a_leg_of_its_own(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    struct escrow_message failed = fixture_message(ESCROW_PAYMENT_FAILED);
    fixture.escrow = decide(&fixture, &failed).next;
    assert_true(fixture.escrow.payment_setup_failed);
    struct escrow_message retry = fixture_message(ESCROW_RETRY_PAYOUT);
    struct escrow_decision decision = decide(&fixture, &retry);
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_CREATE_PAYMENT_INTENT);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PRICE_MINOR);
    assert_true(id_eq(decision.next.paid_leg_id, fixture_id(0x21)));
    assert_false(decision.next.payment_setup_failed);
    fixture.escrow = decision.next;
    /* The old attempt's failure, told once more, is not the new one's. */
    assert_int_equal(decide(&fixture, &failed).verdict, ESCROW_IGNORE);
}

static void a_declined_charge_is_only_told(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    struct escrow_message message = fixture_message(ESCROW_PAYMENT_FAILED);
    message.stage = ESCROW_STAGE_CHARGE;
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PAYMENT_FAILED);
    assert_true(str_eq(decision.steps[0].text, STR("why")));
    assert_false(decision.next.payment_setup_failed);
    message.kind = ESCROW_PAYMENT_CANCELED;
    decision = decide(&fixture, &message);
    assert_true(decision.next.payment_setup_failed);
    assert_true(str_eq(decision.steps[0].text, STR("payment_canceled")));
}

static void cancelling_takes_the_instructions_back(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_CREATED);
    fixture.escrow.payment_setup_failed = true;
    struct escrow_message message = as_user(ESCROW_CANCEL, FIXTURE_BUYER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_CANCELLED);
    assert_false(decision.next.payment_setup_failed);
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_CANCEL_PAYMENT);
    assert_true(str_eq(decision.steps[0].text, STR("why")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_price_is_held),
        cmocka_unit_test(only_the_exact_price_is_held),
        cmocka_unit_test(unexpected_money_goes_back_to_its_own_leg),
        cmocka_unit_test(foreign_money_is_flagged_and_not_summed),
        cmocka_unit_test(the_second_news_of_a_leg_is_no_second_money),
        cmocka_unit_test(more_than_an_account_can_count_is_shown_to_a_person),
        cmocka_unit_test(new_instructions_clear_the_flag),
        cmocka_unit_test(instructions_that_are_used_up_do_not_come_back),
        cmocka_unit_test(release_pays_what_is_held_once),
        cmocka_unit_test(a_failed_payout_stays_due_and_can_be_retried),
        cmocka_unit_test(a_leg_that_failed_and_succeeds_after_all_has_succeeded),
        cmocka_unit_test(a_refund_that_failed_and_succeeds_after_all_has_succeeded),
        cmocka_unit_test(a_refund_that_the_bank_sends_back_is_owed_again),
        cmocka_unit_test(suspense_that_comes_back_moves_no_state),
        cmocka_unit_test(an_answer_must_be_of_the_amount_that_was_asked),
        cmocka_unit_test(the_price_goes_back_to_the_leg_that_paid),
        cmocka_unit_test(each_failed_refund_is_retried_on_its_own_leg),
        cmocka_unit_test(a_retry_takes_as_many_legs_as_one_decision_may),
        cmocka_unit_test(a_retried_set_up_gets_a_leg_of_its_own),
        cmocka_unit_test(a_declined_charge_is_only_told),
        cmocka_unit_test(cancelling_takes_the_instructions_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
