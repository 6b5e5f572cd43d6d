/* Cases of the two who divide what is held: the offer, the agreement, the two legs of it, and what ends an offer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"
#include "escrow/testing/escrow_fixture.h"

#define REST_MINOR (FIXTURE_PRICE_MINOR - FIXTURE_SPLIT_MINOR)

static const enum escrow_state divisible[] = {ESCROW_FUNDS_HELD, ESCROW_DELIVERED,
                                              ESCROW_DELIVERY_REJECTED, ESCROW_DISPUTED,
                                              ESCROW_ESCALATED};

static void an_offer_moves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(divisible); i++) {
        struct fixture fixture;
        fixture_init(&fixture, divisible[i]);
        struct escrow_message message =
            as_user(ESCROW_PROPOSE_SPLIT, i % 2 == 0 ? FIXTURE_BUYER : FIXTURE_SELLER);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.step_count, 1);
        assert_int_equal(decision.steps[0].move_count, 0);
        assert_int_equal(decision.steps[0].event, ESCROW_EVENT_SPLIT_PROPOSED);
        assert_int_equal(decision.steps[0].seller_minor, FIXTURE_SPLIT_MINOR);
        assert_int_equal(decision.steps[0].buyer_minor, REST_MINOR);
        assert_int_equal(decision.steps[0].number, 1);
        assert_int_equal(decision.next.state, divisible[i]);
        assert_true(id_eq(decision.next.split_by, message.actor.id));
        assert_int_equal(decision.next.split_seller_minor, FIXTURE_SPLIT_MINOR);
        assert_int_equal(decision.next.deadline_seq, fixture.escrow.deadline_seq);
        assert_int_equal(decision.timer_count + decision.request_count, 0);
        assert_false(decision.has_dispute);
    }
}

/* Which sums are an offer: rows on both sides of each comparison. */
static void an_offer_is_over_all_that_is_held(void **state)
{
    (void)state;

    const struct {
        int64_t seller_minor;
        int64_t buyer_minor;
        bool is_offer;
    } rows[] = {
        {FIXTURE_SPLIT_MINOR, REST_MINOR, true},
        {FIXTURE_SPLIT_MINOR, REST_MINOR - 1, false},
        {FIXTURE_SPLIT_MINOR, REST_MINOR + 1, false},
        {0, FIXTURE_PRICE_MINOR, true},
        {FIXTURE_PRICE_MINOR, 0, true},
        {-1, FIXTURE_PRICE_MINOR + 1, false},
        {FIXTURE_PRICE_MINOR + 1, -1, false},
        {INT64_MAX, INT64_MAX, false},
        {0, 0, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init(&fixture, i % 2 == 0 ? ESCROW_DELIVERED : ESCROW_DISPUTED);
        struct escrow_message message = as_user(ESCROW_PROPOSE_SPLIT, FIXTURE_BUYER);
        message.seller_minor = rows[i].seller_minor;
        message.buyer_minor = rows[i].buyer_minor;
        if (rows[i].is_offer) {
            assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decide(&fixture, &message), ESCROW_REASON_BAD_SPLIT);
        }
    }
}

/* A part of which the fee leaves nothing cannot be sent: of the next cent all is the platform's. */
static void a_part_that_the_fee_eats_is_no_offer(void **state)
{
    (void)state;
    const struct fee_terms fees = {.seller = {.basis_points = 5999}};
    struct fixture fixture;
    fixture_init_with(&fixture, ESCROW_DELIVERED, &fees);
    fixture_add_part(&fixture, ESCROW_PART_SENDING);
    struct escrow_message message = as_user(ESCROW_PROPOSE_SPLIT, FIXTURE_SELLER);
    message.seller_minor = 1;
    message.buyer_minor = FIXTURE_PRICE_MINOR - FIXTURE_PART_MINOR - 1;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_BAD_SPLIT);
    message.seller_minor++;
    message.buyer_minor--;
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
}

static void the_other_side_agrees_and_both_are_sent_their_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(divisible); i++) {
        struct fixture fixture;
        fixture_init(&fixture, divisible[i]);
        fixture_add_offer(&fixture, FIXTURE_SELLER);
        bool disputed = escrow_state_is_disputed(divisible[i]);
        enum escrow_account from =
            disputed ? ESCROW_ACCOUNT_ESCROW_DISP : ESCROW_ACCOUNT_ESCROW_HELD;
        struct escrow_message message = as_user(ESCROW_ACCEPT_SPLIT, FIXTURE_BUYER);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.step_count, 1);
        const struct escrow_step *step = &decision.steps[0];
        assert_int_equal(step->event, ESCROW_EVENT_SPLIT_AGREED);
        assert_int_equal(step->move_count, 2);
        expect_move(step, 0, from, ESCROW_ACCOUNT_DUE_SELLER, FIXTURE_SPLIT_MINOR,
                    (struct id){.bytes = {0}});
        expect_move(step, 1, from, ESCROW_ACCOUNT_DUE_BUYER, REST_MINOR, (struct id){.bytes = {0}});
        assert_int_equal(step->seller_gets_minor, FIXTURE_SPLIT_MINOR);
        assert_int_equal(step->buyer_gets_minor, REST_MINOR);
        assert_int_equal(decision.next.state, ESCROW_SETTLING);
        assert_true(id_is_none(decision.next.split_by));
        assert_int_equal(decision.request_count, 2);
        assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_TRANSFER_TO_SELLER);
        assert_int_equal(decision.requests[0].amount_minor, FIXTURE_SPLIT_MINOR);
        assert_int_equal(decision.requests[1].kind, ESCROW_REQUEST_REFUND_BUYER);
        assert_int_equal(decision.requests[1].amount_minor, REST_MINOR);
        assert_int_equal(decision.timer_count, 1); /* what ran stops */
        assert_int_equal(decision.timers[0].due_at_us, 0);
        assert_int_equal(decision.has_dispute, disputed);
        if (disputed) {
            assert_int_equal(decision.dispute.row.state, ESCROW_DISPUTE_SETTLED);
            assert_int_equal(decision.dispute.row.seller_minor, FIXTURE_SPLIT_MINOR);
            assert_int_equal(decision.dispute.row.buyer_minor, REST_MINOR);
        }
    }
}

/* Of 10,280 that the buyer paid; the seller's fee of 520 and the buyer's of 280 fall on the parts by their size. */
static void fees_are_divided_to_the_cent(void **state)
{
    (void)state;
    for (int refundable = 0; refundable <= 1; refundable++) {
        const struct fee_terms fees = FIXTURE_FEES(refundable == 1);
        struct fixture fixture;
        fixture_init_with(&fixture, ESCROW_DISPUTED, &fees);
        fixture_add_offer(&fixture, FIXTURE_BUYER);
        struct escrow_message message = as_user(ESCROW_ACCEPT_SPLIT, FIXTURE_SELLER);
        struct escrow_decision decision = decide(&fixture, &message);
        const struct escrow *next = &decision.next;
        int64_t back_minor = refundable == 1 ? REST_MINOR + 280 - 84 : REST_MINOR;
        assert_int_equal(next->due_seller_minor, FIXTURE_SPLIT_NET_MINOR);
        assert_int_equal(next->due_buyer_minor, back_minor);
        assert_int_equal(next->fee_minor,
                         FIXTURE_ASKED_MINOR - FIXTURE_SPLIT_NET_MINOR - back_minor);
        assert_int_equal(next->fee_deferred_minor, 0);
        assert_int_equal(next->received_minor, FIXTURE_ASKED_MINOR);
        assert_int_equal(decision.requests[0].amount_minor, FIXTURE_SPLIT_NET_MINOR);
        assert_int_equal(decision.requests[1].amount_minor, back_minor);
    }
}

static void who_gets_nothing_is_sent_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DISPUTED);
    fixture_add_offer(&fixture, FIXTURE_SELLER);
    fixture.escrow.split_seller_minor = 0;
    struct escrow_message message = as_user(ESCROW_ACCEPT_SPLIT, FIXTURE_BUYER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_int_equal(decision.step_count, 2);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_SPLIT_AGREED);
    assert_int_equal(decision.steps[1].event, ESCROW_EVENT_REFUND_STARTED);
    assert_true(str_eq(decision.steps[1].text, STR("SPLIT_AGREED")));
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.dispute.row.buyer_minor, FIXTURE_PRICE_MINOR);

    fixture.escrow.split_seller_minor = FIXTURE_PRICE_MINOR;
    decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
    assert_int_equal(decision.steps[1].event, ESCROW_EVENT_RELEASE_STARTED);
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.dispute.row.seller_minor, FIXTURE_PRICE_MINOR);
}

static void nobody_agrees_to_another_offer_than_was_read(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = as_user(ESCROW_ACCEPT_SPLIT, FIXTURE_BUYER);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_SPLIT);
    message.number = 0;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_SPLIT);
    fixture_add_offer(&fixture, FIXTURE_SELLER);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_SPLIT);
    message.number = 2;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_SPLIT);
    message.number = 1;
    message.actor.id = FIXTURE_SELLER;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_OWN_SPLIT);
    /* The seller thinks better of it before the buyer has answered. */
    struct escrow_message better = as_user(ESCROW_PROPOSE_SPLIT, FIXTURE_SELLER);
    better.seller_minor = 1;
    better.buyer_minor = FIXTURE_PRICE_MINOR - 1;
    fixture.escrow = decide(&fixture, &better).next;
    message.actor.id = FIXTURE_BUYER;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_SPLIT);
    message.number = 2;
    assert_int_equal(decide(&fixture, &message).next.due_seller_minor, 1);
}

static void an_offer_ends_when_the_deal_moves_on(void **state)
{
    (void)state;

    const struct {
        enum escrow_state in;
        enum escrow_message_kind kind;
        bool by_seller;
    } rows[] = {
        {ESCROW_FUNDS_HELD, ESCROW_MARK_DELIVERED, true},
        {ESCROW_FUNDS_HELD, ESCROW_RELEASE_PART, false},
        {ESCROW_DELIVERED, ESCROW_REJECT_DELIVERY, false},
        {ESCROW_DELIVERED, ESCROW_RAISE_DISPUTE, true},
        {ESCROW_DELIVERED, ESCROW_RELEASE, false},
        {ESCROW_DISPUTED, ESCROW_WITHDRAW_DISPUTE, false},
        {ESCROW_DISPUTED, ESCROW_REFUND, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init(&fixture, rows[i].in);
        fixture_add_offer(&fixture, FIXTURE_SELLER);
        struct escrow_message message =
            as_user(rows[i].kind, rows[i].by_seller ? FIXTURE_SELLER : FIXTURE_BUYER);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_true(id_is_none(decision.next.split_by));
        assert_int_equal(decision.next.split_seller_minor, 0);
        assert_int_equal(decision.next.split_count, 1); /* its number is not used again */
    }
}

static void who_made_an_offer_takes_it_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(divisible); i++) {
        struct fixture fixture;
        fixture_init(&fixture, divisible[i]);
        struct escrow_message message = as_user(ESCROW_WITHDRAW_SPLIT, FIXTURE_SELLER);
        message.number = 0;
        expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_SPLIT);
        fixture_add_offer(&fixture, FIXTURE_SELLER);
        expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_SPLIT);
        message.number = 2;
        expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_SPLIT);
        message.number = 1;
        message.actor.id = FIXTURE_BUYER;
        expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOT_PROPOSER);
        message.actor.id = FIXTURE_SELLER;
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.step_count, 1);
        assert_int_equal(decision.steps[0].event, ESCROW_EVENT_SPLIT_WITHDRAWN);
        assert_int_equal(decision.steps[0].number, 1);
        assert_int_equal(decision.steps[0].move_count, 0);
        assert_int_equal(decision.timer_count + decision.request_count, 0);
        assert_int_equal(decision.next.state, divisible[i]);
        assert_true(id_is_none(decision.next.split_by));
        assert_int_equal(decision.next.split_seller_minor, 0);
        assert_int_equal(decision.next.split_count, 1); /* its number is not used again */
        fixture.escrow = decision.next;
        struct escrow_message late = as_user(ESCROW_ACCEPT_SPLIT, FIXTURE_BUYER);
        expect_refusal(decide(&fixture, &late), ESCROW_REASON_NO_SPLIT);
    }
}

static void there_are_fifty_offers_at_most(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = as_user(ESCROW_PROPOSE_SPLIT, FIXTURE_BUYER);
    fixture.escrow.split_count = ESCROW_SPLITS_MAX - 1;
    assert_int_equal(decide(&fixture, &message).next.split_count, ESCROW_SPLITS_MAX);
    fixture.escrow.split_count = ESCROW_SPLITS_MAX;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_TOO_MANY_SPLITS);
}

/* ---- The legs ---- */

static struct escrow_message paid(void)
{
    struct escrow_message message = fixture_message(ESCROW_TRANSFER_SUCCEEDED);
    message.amount_minor = FIXTURE_SPLIT_MINOR;
    return message;
}

static struct escrow_message refunded(void)
{
    struct escrow_message message = fixture_message(ESCROW_REFUND_SUCCEEDED);
    message.amount_minor = REST_MINOR;
    return message;
}

/* Either may come first; the deal ends with the second. */
static void it_is_settled_when_both_have_their_part(void **state)
{
    (void)state;
    for (int seller_first = 0; seller_first <= 1; seller_first++) {
        struct fixture fixture;
        fixture_init(&fixture, ESCROW_SETTLING);
        struct escrow_message one = seller_first == 1 ? paid() : refunded();
        struct escrow_message two = seller_first == 1 ? refunded() : paid();
        struct escrow_decision decision = decide(&fixture, &one);
        assert_int_equal(decision.step_count, 1);
        assert_int_equal(decision.steps[0].event,
                         seller_first == 1 ? ESCROW_EVENT_PART_PAID : ESCROW_EVENT_REFUNDED);
        assert_int_equal(decision.next.state, ESCROW_SETTLING);
        fixture.escrow = decision.next;
        assert_int_equal(decide(&fixture, &one).verdict, ESCROW_IGNORE); /* told twice */
        decision = decide(&fixture, &two);
        assert_int_equal(decision.step_count, 2);
        assert_int_equal(decision.steps[0].event,
                         seller_first == 1 ? ESCROW_EVENT_REFUNDED : ESCROW_EVENT_PART_PAID);
        assert_int_equal(decision.steps[1].event, ESCROW_EVENT_SETTLED);
        assert_int_equal(decision.steps[1].move_count, 0);
        assert_int_equal(decision.steps[1].seller_minor, FIXTURE_SPLIT_MINOR);
        assert_int_equal(decision.steps[1].buyer_minor, REST_MINOR);
        assert_int_equal(decision.next.state, ESCROW_SETTLED_SPLIT);
        assert_int_equal(decision.next.due_seller_minor + decision.next.due_buyer_minor, 0);
        fixture.escrow = decision.next;
        assert_int_equal(decide(&fixture, &one).verdict, ESCROW_IGNORE);
        assert_int_equal(decide(&fixture, &two).verdict, ESCROW_IGNORE);
    }
}

/* Each is sent again by itself, and the other one is not paid a second time. */
static void what_failed_is_sent_again(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_SETTLING);
    struct escrow_message failed = fixture_message(ESCROW_TRANSFER_FAILED);
    struct escrow_message retry = fixture_message(ESCROW_RETRY_PAYOUT);
    expect_refusal(decide(&fixture, &retry), ESCROW_REASON_NOTHING_FAILED);
    fixture.escrow = decide(&fixture, &failed).next;
    assert_int_equal(fixture.escrow.payout_failed_minor, FIXTURE_SPLIT_MINOR);
    struct escrow_decision decision = decide(&fixture, &retry);
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_TRANSFER_TO_SELLER);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_SPLIT_MINOR);
    failed = fixture_message(ESCROW_REFUND_FAILED);
    fixture.escrow = decide(&fixture, &failed).next;
    assert_int_equal(fixture.escrow.refund_failed_minor, REST_MINOR);
    decision = decide(&fixture, &retry);
    assert_int_equal(decision.request_count, 2);
    assert_int_equal(decision.requests[1].amount_minor, REST_MINOR);
    assert_int_equal(decision.next.payout_failed_minor + decision.next.refund_failed_minor, 0);
    struct escrow_message done = refunded(); /* the bank had only been slow */
    fixture.escrow = decide(&fixture, &done).next;
    assert_int_equal(fixture.escrow.refund_failed_minor, 0);
    assert_int_equal(fixture.escrow.state, ESCROW_SETTLING);
}

static void a_refund_that_a_bank_sends_back_opens_it_again(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_SETTLED_SPLIT);
    struct escrow_message back = fixture_message(ESCROW_REFUND_FAILED);
    struct escrow_decision decision = decide(&fixture, &back);
    assert_int_equal(decision.next.state, ESCROW_SETTLING);
    assert_int_equal(decision.next.due_buyer_minor, REST_MINOR);
    assert_int_equal(decision.next.due_seller_minor, 0); /* he keeps what he has */
    fixture.escrow = decision.next;
    struct escrow_message retry = fixture_message(ESCROW_RETRY_PAYOUT);
    decision = decide(&fixture, &retry);
    assert_int_equal(decision.request_count, 1);
    fixture.escrow = decision.next;
    struct escrow_message done = refunded();
    done.leg_id = decision.requests[0].leg_id;
    assert_int_equal(decide(&fixture, &done).next.state, ESCROW_SETTLED_SPLIT);
}

static void another_amount_is_shown_to_a_person(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_SETTLING);
    struct escrow_message message = paid();
    message.amount_minor++;
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_PARK);
    message = refunded();
    message.amount_minor--;
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_PARK);
}

#define UNSOUND(state, change)                          \
    do {                                                \
        fixture_init(&fixture, state);                  \
        if (escrow_kept_minor(&fixture.escrow) > 0) {   \
            fixture_add_offer(&fixture, FIXTURE_BUYER); \
        }                                               \
        assert_true(escrow_is_sound(&fixture.escrow));  \
        change;                                         \
        assert_false(escrow_is_sound(&fixture.escrow)); \
    } while (0)

static void broken_offers_and_settlements_are_seen(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow *row = &fixture.escrow;
    UNSOUND(ESCROW_DELIVERED, row->split_by = FIXTURE_STRANGER);
    UNSOUND(ESCROW_DELIVERED, row->split_by = (struct id){0});
    UNSOUND(ESCROW_DELIVERED, row->split_count = 0);
    UNSOUND(ESCROW_DELIVERED, row->split_count = ESCROW_SPLITS_MAX + 1);
    UNSOUND(ESCROW_DISPUTED, row->split_seller_minor = -1);
    UNSOUND(ESCROW_DISPUTED, row->split_seller_minor = FIXTURE_PRICE_MINOR + 1);
    UNSOUND(ESCROW_SETTLING, row->split_count = 1; row->split_by = FIXTURE_BUYER);
    UNSOUND(ESCROW_SETTLING, row->payout_leg_id = (struct id){0});
    UNSOUND(ESCROW_SETTLING, row->refund_leg_id = (struct id){0});
    UNSOUND(ESCROW_SETTLING, row->state = ESCROW_SETTLED_SPLIT);
    UNSOUND(ESCROW_SETTLED_SPLIT, row->state = ESCROW_SETTLING);
    UNSOUND(ESCROW_SETTLED_SPLIT, row->state = ESCROW_RELEASED);
    UNSOUND(ESCROW_SETTLED_SPLIT, row->released_minor++);
    UNSOUND(ESCROW_SETTLED_SPLIT, row->paid_out_minor++; row->refunded_minor--);
}

/* ---- Every cell of the new commands ---- */

static void they_are_for_the_two_alone_while_something_is_held(void **state)
{
    (void)state;

    const struct engine_actor actors[] = {
        {ENGINE_ACTOR_USER, FIXTURE_BUYER},    {ENGINE_ACTOR_USER, FIXTURE_SELLER},
        {ENGINE_ACTOR_USER, FIXTURE_STRANGER}, {ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE},
        {ENGINE_ACTOR_STAFF, FIXTURE_STAFF},   {ENGINE_ACTOR_STAFF, FIXTURE_BUYER},
        {ENGINE_ACTOR_SYSTEM, {.bytes = {0}}},
    };

    static const enum escrow_message_kind kinds[] = {ESCROW_PROPOSE_SPLIT, ESCROW_ACCEPT_SPLIT,
                                                     ESCROW_WITHDRAW_SPLIT};

    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        for (size_t a = 0; a < ARRAY_LEN(actors); a++) {
            for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
                struct fixture fixture;
                fixture_init(&fixture, s);
                bool kept = escrow_kept_minor(&fixture.escrow) > 0;
                bool own = kinds[k] == ESCROW_WITHDRAW_SPLIT;
                if (kept) { /* each agrees to the other one's, and takes his own back */
                    fixture_add_offer(&fixture, (a == 0) != own ? FIXTURE_SELLER : FIXTURE_BUYER);
                }
                struct escrow_message message = fixture_message(kinds[k]);
                message.buyer_minor = escrow_kept_minor(&fixture.escrow) - message.seller_minor;
                message.actor = actors[a];
                struct escrow_decision decision = decide(&fixture, &message);
                if (a > 1) {
                    expect_refusal(decision, ESCROW_REASON_NOT_ALLOWED);
                } else if (!kept) {
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
        cmocka_unit_test(an_offer_moves_nothing),
        cmocka_unit_test(an_offer_is_over_all_that_is_held),
        cmocka_unit_test(a_part_that_the_fee_eats_is_no_offer),
        cmocka_unit_test(the_other_side_agrees_and_both_are_sent_their_part),
        cmocka_unit_test(fees_are_divided_to_the_cent),
        cmocka_unit_test(who_gets_nothing_is_sent_nothing),
        cmocka_unit_test(nobody_agrees_to_another_offer_than_was_read),
        cmocka_unit_test(an_offer_ends_when_the_deal_moves_on),
        cmocka_unit_test(who_made_an_offer_takes_it_back),
        cmocka_unit_test(there_are_fifty_offers_at_most),
        cmocka_unit_test(it_is_settled_when_both_have_their_part),
        cmocka_unit_test(what_failed_is_sent_again),
        cmocka_unit_test(a_refund_that_a_bank_sends_back_opens_it_again),
        cmocka_unit_test(another_amount_is_shown_to_a_person),
        cmocka_unit_test(broken_offers_and_settlements_are_seen),
        cmocka_unit_test(they_are_for_the_two_alone_while_something_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
