/* What the provider answers about parts and about the rest, in any order, and retries: named cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"

#define REST_MINOR (FIXTURE_PRICE_MINOR - FIXTURE_PART_MINOR)
/* With FIXTURE_FEES: all of the seller's net less the part's; what a refund gives back of the rest, with its fee. */
#define REST_NET_MINOR (FIXTURE_NET_MINOR - FIXTURE_PART_NET_MINOR)
#define REST_BACK_MINOR (REST_MINOR + FIXTURE_BUYER_FEE_MINOR - 112)

static struct escrow_message answer(enum escrow_message_kind kind, struct id leg_id,
                                    int64_t amount_minor)
{
    struct escrow_message message = fixture_message(kind);
    message.leg_id = leg_id;
    message.amount_minor = amount_minor;
    return message;
}

/* A deal with fees of which 4,000 of 10,000 was released; the buyer's fee on what is refunded goes back. */
static void begin(struct fixture *fixture, enum escrow_state state, enum escrow_part_state part)
{
    fixture_init_with(fixture, state, &FIXTURE_FEES(true));
    fixture_add_part(fixture, part);
}

/* As REFUNDING, but the refund was made and the part waits for its payout. */
static void begin_refunded_but_owing(struct fixture *fixture, enum escrow_part_state part)
{
    begin(fixture, ESCROW_REFUNDING, part);
    fixture->escrow.refunded_minor = fixture->escrow.due_buyer_minor;
    fixture->escrow.due_buyer_minor = 0;
}

/* As RELEASING, but the rest was paid and the part waits for its payout. */
static void begin_released_but_owing(struct fixture *fixture, enum escrow_part_state part)
{
    begin(fixture, ESCROW_RELEASING, part);
    fixture->escrow.paid_out_minor = REST_NET_MINOR;
    fixture->escrow.due_seller_minor = FIXTURE_PART_NET_MINOR;
}

static void a_part_is_paid_while_the_deal_goes_on(void **state)
{
    (void)state;

    const enum escrow_state states[] = {ESCROW_FUNDS_HELD, ESCROW_DELIVERED,
                                        ESCROW_DELIVERY_REJECTED, ESCROW_DISPUTED,
                                        ESCROW_ESCALATED};

    for (size_t i = 0; i < 2 * ARRAY_LEN(states); i++) {
        enum escrow_state s = states[i / 2];
        struct fixture fixture;
        begin(&fixture, s, i % 2 == 0 ? ESCROW_PART_SENDING : ESCROW_PART_FAILED);
        struct escrow_message message =
            answer(ESCROW_TRANSFER_SUCCEEDED, FIXTURE_PART_LEG, FIXTURE_PART_NET_MINOR);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.next.state, s);
        assert_int_equal(decision.timer_count, 0);
        assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PART_PAID);
        assert_int_equal(decision.steps[0].amount_minor, FIXTURE_PART_NET_MINOR);
        assert_int_equal(decision.steps[0].move_count, 1);
        expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_DUE_SELLER, ESCROW_ACCOUNT_PSP_CLEAR,
                    FIXTURE_PART_NET_MINOR, FIXTURE_PART_LEG);
        assert_int_equal(decision.next.paid_out_minor, FIXTURE_PART_NET_MINOR);
        assert_int_equal(decision.next.due_seller_minor, 0);
        assert_int_equal(decision.next.payout_failed_minor, 0);
        assert_int_equal(decision.part_count, 1);
        assert_int_equal(decision.parts[0].index, 0);
        assert_int_equal(decision.parts[0].row.state, ESCROW_PART_PAID);
        assert_int_equal(decision.parts[0].row.version, 3);
        assert_int_equal(decision.parts[0].row.updated_at_us, FIXTURE_NOW_US);
    }
}

/* Bug 12 of the list of what others ask for in vain, and "released" after the first slice. */
static void a_deal_is_released_when_all_of_it_was_paid(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct escrow_message of_part =
        answer(ESCROW_TRANSFER_SUCCEEDED, FIXTURE_PART_LEG, FIXTURE_PART_NET_MINOR);
    const struct escrow_message of_rest =
        answer(ESCROW_TRANSFER_SUCCEEDED, FIXTURE_PAYOUT_LEG, REST_NET_MINOR);

    /* Both are owed: whichever comes first, the deal waits for the other. */
    begin(&fixture, ESCROW_RELEASING, ESCROW_PART_SENDING);
    struct escrow_decision decision = decide(&fixture, &of_part);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PART_PAID);
    decision = decide(&fixture, &of_rest);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PART_PAID);
    assert_int_equal(decision.steps[0].amount_minor, REST_NET_MINOR);
    assert_int_equal(decision.part_count, 0);
    /* One is owed: it ends the deal. */
    begin(&fixture, ESCROW_RELEASING, ESCROW_PART_PAID);
    decision = decide(&fixture, &of_rest);
    assert_int_equal(decision.next.state, ESCROW_RELEASED);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_RELEASED);
    assert_int_equal(decision.steps[0].amount_minor, REST_NET_MINOR);
    begin_released_but_owing(&fixture, ESCROW_PART_FAILED);
    decision = decide(&fixture, &of_part);
    assert_int_equal(decision.next.state, ESCROW_RELEASED);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_RELEASED);
    assert_int_equal(decision.steps[0].amount_minor, FIXTURE_PART_NET_MINOR);
    assert_int_equal(decision.next.payout_failed_minor, 0);
    assert_int_equal(decision.parts[0].row.state, ESCROW_PART_PAID);
}

static void a_deal_is_refunded_when_the_parts_are_paid_too(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct escrow_message of_part =
        answer(ESCROW_TRANSFER_SUCCEEDED, FIXTURE_PART_LEG, FIXTURE_PART_NET_MINOR);
    const struct escrow_message of_rest =
        answer(ESCROW_REFUND_SUCCEEDED, FIXTURE_REFUND_LEG, REST_BACK_MINOR);

    begin(&fixture, ESCROW_REFUNDING, ESCROW_PART_SENDING);
    struct escrow_decision decision = decide(&fixture, &of_part);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PART_PAID);
    decision = decide(&fixture, &of_rest);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_REFUNDED);
    assert_int_equal(decision.steps[0].amount_minor, REST_BACK_MINOR);

    begin(&fixture, ESCROW_REFUNDING, ESCROW_PART_PAID);
    decision = decide(&fixture, &of_rest);
    assert_int_equal(decision.next.state, ESCROW_REFUNDED);
    begin_refunded_but_owing(&fixture, ESCROW_PART_SENDING);
    decision = decide(&fixture, &of_part);
    assert_int_equal(decision.next.state, ESCROW_REFUNDED);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PART_PAID);
    /* Money that the deal did not expect does not keep it from ending. */
    begin_refunded_but_owing(&fixture, ESCROW_PART_SENDING);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDING);
    assert_int_equal(decide(&fixture, &of_part).next.state, ESCROW_REFUNDED);
    begin(&fixture, ESCROW_REFUNDING, ESCROW_PART_SENDING);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDING);
    assert_int_equal(decide(&fixture, &of_part).next.state, ESCROW_REFUNDING);
}

/* The refund was made, a payout waits: the second news of the refund is old, a bank may still send it back. */
static void a_refund_that_was_made_is_known(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_refunded_but_owing(&fixture, ESCROW_PART_FAILED);
    struct escrow_message message =
        answer(ESCROW_REFUND_SUCCEEDED, FIXTURE_REFUND_LEG, REST_BACK_MINOR);
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_IGNORE);
    message.kind = ESCROW_REFUND_FAILED;
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_int_equal(decision.next.due_buyer_minor, REST_BACK_MINOR);
    assert_int_equal(decision.next.refunded_minor, 0);
    expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_DUE_BUYER,
                REST_BACK_MINOR, FIXTURE_REFUND_LEG);
}

static void a_part_whose_transfer_failed_stays_owed(void **state)
{
    (void)state;

    const enum escrow_state states[] = {
        ESCROW_FUNDS_HELD, ESCROW_DELIVERED, ESCROW_DELIVERY_REJECTED, ESCROW_DISPUTED,
        ESCROW_ESCALATED,  ESCROW_RELEASING, ESCROW_REFUNDING};

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct fixture fixture;
        begin(&fixture, states[i], ESCROW_PART_SENDING);
        struct escrow_message message =
            answer(ESCROW_TRANSFER_FAILED, FIXTURE_PART_LEG, FIXTURE_PART_NET_MINOR);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.next.state, states[i]);
        assert_int_equal(decision.steps[0].event, ESCROW_EVENT_PAYOUT_FAILED);
        assert_int_equal(decision.steps[0].move_count, 0);
        assert_true(str_eq(decision.steps[0].text, STR("why")));
        assert_int_equal(decision.next.payout_failed_minor, FIXTURE_PART_NET_MINOR);
        assert_int_equal(decision.next.due_seller_minor, fixture.escrow.due_seller_minor);
        assert_int_equal(decision.parts[0].row.state, ESCROW_PART_FAILED);
        /* The second time it is no news. */
        begin(&fixture, states[i], ESCROW_PART_FAILED);
        assert_int_equal(decide(&fixture, &message).verdict, ESCROW_IGNORE);
    }
}

static void old_and_wrong_answers_change_nothing(void **state)
{
    (void)state;

    const struct {
        enum escrow_state state;
        enum escrow_part_state part;
        enum escrow_message_kind kind;
        uint8_t leg;
        int64_t amount_minor;
        enum escrow_verdict verdict;
    } rows[] = {
        {ESCROW_FUNDS_HELD, ESCROW_PART_PAID, ESCROW_TRANSFER_SUCCEEDED, 0x19, 3792, ESCROW_IGNORE},
        {ESCROW_REFUNDED, ESCROW_PART_PAID, ESCROW_TRANSFER_SUCCEEDED, 0x19, 3792, ESCROW_IGNORE},
        {ESCROW_RELEASED, ESCROW_PART_PAID, ESCROW_TRANSFER_SUCCEEDED, 0x19, 3792, ESCROW_IGNORE},
        {ESCROW_RELEASED, ESCROW_PART_PAID, ESCROW_TRANSFER_SUCCEEDED, 0x12, 5688, ESCROW_IGNORE},
        {ESCROW_FUNDS_HELD, ESCROW_PART_PAID, ESCROW_TRANSFER_FAILED, 0x19, 3792, ESCROW_PARK},
        {ESCROW_RELEASED, ESCROW_PART_PAID, ESCROW_TRANSFER_FAILED, 0x19, 3792, ESCROW_PARK},
        {ESCROW_FUNDS_HELD, ESCROW_PART_SENDING, ESCROW_TRANSFER_SUCCEEDED, 0x19, 3791,
         ESCROW_PARK},
        {ESCROW_FUNDS_HELD, ESCROW_PART_SENDING, ESCROW_TRANSFER_SUCCEEDED, 0x19, 3793,
         ESCROW_PARK},
        {ESCROW_FUNDS_HELD, ESCROW_PART_SENDING, ESCROW_TRANSFER_SUCCEEDED, 0x14, 3792,
         ESCROW_PARK},
        {ESCROW_FUNDS_HELD, ESCROW_PART_SENDING, ESCROW_TRANSFER_FAILED, 0x14, 3792, ESCROW_IGNORE},
        {ESCROW_RELEASING, ESCROW_PART_SENDING, ESCROW_TRANSFER_SUCCEEDED, 0x12, 9480, ESCROW_PARK},
        {ESCROW_RELEASING, ESCROW_PART_SENDING, ESCROW_TRANSFER_SUCCEEDED, 0x12, 5687, ESCROW_PARK},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        begin(&fixture, rows[i].state, rows[i].part);
        struct escrow_message message =
            answer(rows[i].kind, fixture_id(rows[i].leg), rows[i].amount_minor);
        struct escrow_decision decision = decide(&fixture, &message);
        if (decision.verdict != rows[i].verdict || decision.part_count != 0) {
            fail_msg("row %zu: %d", i, (int)decision.verdict);
        }
    }
}

static void the_rest_was_paid_and_is_told_again(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_released_but_owing(&fixture, ESCROW_PART_SENDING);
    struct escrow_message message =
        answer(ESCROW_TRANSFER_SUCCEEDED, FIXTURE_PAYOUT_LEG, REST_NET_MINOR);
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_IGNORE);
    message.kind = ESCROW_TRANSFER_FAILED;
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_PARK);
}

static void the_rest_fails_by_itself(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_RELEASING, ESCROW_PART_FAILED);
    struct escrow_message message =
        answer(ESCROW_TRANSFER_FAILED, FIXTURE_PAYOUT_LEG, REST_NET_MINOR);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.payout_failed_minor, FIXTURE_NET_MINOR);
    assert_int_equal(decision.part_count, 0);
    fixture.escrow.payout_failed_minor = FIXTURE_NET_MINOR;
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_IGNORE);
    /* A leg that failed and then succeeds, before it was retried, has succeeded. */
    message = answer(ESCROW_TRANSFER_SUCCEEDED, FIXTURE_PAYOUT_LEG, REST_NET_MINOR);
    decision = decide(&fixture, &message);
    assert_int_equal(decision.next.payout_failed_minor, FIXTURE_PART_NET_MINOR);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
}

/* ---- Retries ---- */

static void each_payout_is_retried_by_itself(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow_message message = fixture_message(ESCROW_RETRY_PAYOUT);

    begin(&fixture, ESCROW_FUNDS_HELD, ESCROW_PART_FAILED);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.state, ESCROW_FUNDS_HELD);
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_TRANSFER_TO_SELLER);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PART_NET_MINOR);
    assert_true(id_eq(decision.requests[0].paid_leg_id, FIXTURE_PAID_LEG));
    assert_int_equal(decision.parts[0].row.state, ESCROW_PART_SENDING);
    assert_true(id_eq(decision.parts[0].row.leg_id, decision.requests[0].leg_id));
    assert_true(id_eq(decision.parts[0].row.id, FIXTURE_PART));
    assert_int_equal(decision.next.payout_failed_minor, 0);
    assert_true(id_is_none(decision.next.payout_leg_id));

    begin(&fixture, ESCROW_RELEASING, ESCROW_PART_FAILED); /* the rest is on its way */
    decision = decide(&fixture, &message);
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PART_NET_MINOR);
    assert_true(id_eq(decision.next.payout_leg_id, FIXTURE_PAYOUT_LEG));

    begin(&fixture, ESCROW_RELEASING, ESCROW_PART_SENDING); /* the part is on its way */
    fixture.escrow.payout_failed_minor = REST_NET_MINOR;
    decision = decide(&fixture, &message);
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.requests[0].amount_minor, REST_NET_MINOR);
    assert_int_equal(decision.part_count, 0);

    begin(&fixture, ESCROW_RELEASING, ESCROW_PART_FAILED); /* both failed */
    fixture.escrow.payout_failed_minor = FIXTURE_NET_MINOR;
    decision = decide(&fixture, &message);
    assert_int_equal(decision.request_count, 2);
    assert_int_equal(decision.next.payout_failed_minor, 0);
    assert_int_equal(decision.next.due_seller_minor, FIXTURE_NET_MINOR);

    begin(&fixture, ESCROW_FUNDS_HELD, ESCROW_PART_SENDING);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOTHING_FAILED);
}

/* More than one decision can send again: the rest waits for the next one. */
static void a_retry_takes_eight(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow_part parts[9];
    const struct escrow_part *rows[9];
    fixture_init(&fixture, ESCROW_REFUNDING);
    fixture_add_part(&fixture, ESCROW_PART_FAILED);
    for (uint32_t i = 0; i < ARRAY_LEN(parts); i++) {
        parts[i] = fixture.part;
        parts[i].number = (int64_t)i + 1;
        parts[i].price_minor = parts[i].amount_minor = i == 0 ? FIXTURE_PART_MINOR - 800 : 100;
        parts[i].leg_id = fixture_id((uint8_t)(0x40 + i));
        rows[i] = &parts[i];
    }
    fixture.facts.parts = rows;
    fixture.facts.part_count = ARRAY_LEN(parts);
    fixture.escrow.refund_failed_minor = REST_MINOR;
    struct escrow_message message = fixture_message(ESCROW_RETRY_PAYOUT);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.request_count, ESCROW_LEGS_MAX);
    assert_int_equal(decision.part_count, ESCROW_LEGS_MAX);
    assert_int_equal(decision.next.payout_failed_minor, 100);
    assert_int_equal(decision.next.refund_failed_minor, REST_MINOR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_is_paid_while_the_deal_goes_on),
        cmocka_unit_test(a_deal_is_released_when_all_of_it_was_paid),
        cmocka_unit_test(a_deal_is_refunded_when_the_parts_are_paid_too),
        cmocka_unit_test(a_refund_that_was_made_is_known),
        cmocka_unit_test(a_part_whose_transfer_failed_stays_owed),
        cmocka_unit_test(old_and_wrong_answers_change_nothing),
        cmocka_unit_test(the_rest_was_paid_and_is_told_again),
        cmocka_unit_test(the_rest_fails_by_itself),
        cmocka_unit_test(each_payout_is_retried_by_itself),
        cmocka_unit_test(a_retry_takes_eight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
