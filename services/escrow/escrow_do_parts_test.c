/* Parts of the price that are released while the rest stays held: named cases, and a row for each side of each comparison.
 * Every (state, message, role) cell is in golden/escrow_table.txt. */
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

static struct escrow_message release_part(int64_t amount_minor)
{
    struct escrow_message message = as_user(ESCROW_RELEASE_PART, FIXTURE_BUYER);
    message.amount_minor = amount_minor;
    return message;
}

/* A deal with fees of which 4,000 of 10,000 was released; the buyer's fee on what is refunded goes back. */
static void begin(struct fixture *fixture, enum escrow_state state, enum escrow_part_state part)
{
    fixture_init_with(fixture, state, &FIXTURE_FEES(true));
    fixture_add_part(fixture, part);
}

/* ---- The buyer releases a part ---- */

static void a_part_goes_to_the_seller_and_the_rest_stays(void **state)
{
    (void)state;

    const enum escrow_state states[] = {ESCROW_FUNDS_HELD, ESCROW_DELIVERED};

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct fixture fixture;
        fixture_init_with(&fixture, states[i], &FIXTURE_FEES(true));
        struct escrow_message message = release_part(FIXTURE_PART_MINOR);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.step_count, 1);
        const struct escrow_step *step = &decision.steps[0];
        assert_int_equal(step->event, ESCROW_EVENT_PARTIALLY_RELEASED);
        assert_int_equal(step->amount_minor, FIXTURE_PART_MINOR);
        assert_int_equal(step->seller_minor, FIXTURE_PART_NET_MINOR);
        assert_int_equal(step->number, 1);
        assert_int_equal(step->move_count, 3);
        expect_move(step, 0, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_SELLER,
                    FIXTURE_PART_NET_MINOR, (struct id){0});
        expect_move(step, 1, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_FEE_INC, 208,
                    (struct id){0});
        expect_move(step, 2, ESCROW_ACCOUNT_FEE_DEFERRED, ESCROW_ACCOUNT_FEE_INC, 112,
                    (struct id){0});
        assert_int_equal(decision.request_count, 1);
        assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_TRANSFER_TO_SELLER);
        assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PART_NET_MINOR);
        assert_true(id_eq(decision.requests[0].paid_leg_id, FIXTURE_PAID_LEG));
        /* The state and its clock are as they were. */
        assert_int_equal(decision.next.state, states[i]);
        assert_int_equal(decision.timer_count, 0);
        assert_int_equal(decision.next.deadline_seq, FIXTURE_DEADLINE_SEQ);
        assert_int_equal(decision.next.held_minor, REST_MINOR);
        assert_int_equal(decision.next.released_minor, FIXTURE_PART_MINOR);
        assert_int_equal(decision.part_count, 1);
        const struct escrow_part *part = &decision.parts[0].row;
        assert_int_equal(decision.parts[0].index, ESCROW_PART_NEW);
        assert_true(id_eq(part->id, decision.requests[0].leg_id));
        assert_true(id_eq(part->leg_id, decision.requests[0].leg_id));
        assert_true(id_eq(part->escrow_id, FIXTURE_ESCROW));
        assert_int_equal(part->version, 1);
        assert_int_equal(part->state, ESCROW_PART_SENDING);
        assert_int_equal(part->number, 1);
        assert_int_equal(part->price_minor, FIXTURE_PART_MINOR);
        assert_int_equal(part->amount_minor, FIXTURE_PART_NET_MINOR);
        assert_int_equal(part->created_at_us, FIXTURE_NOW_US);
        assert_int_equal(part->updated_at_us, FIXTURE_NOW_US);
    }
}

static void a_part_is_less_than_what_is_held(void **state)
{
    (void)state;

    const struct {
        int64_t amount_minor;
        bool good;
    } rows[] = {
        {INT64_MIN, false},
        {-1, false},
        {0, false},
        {1, true},
        {REST_MINOR - 1, true},
        {REST_MINOR, false},
        {FIXTURE_PRICE_MINOR, false},
        {INT64_MAX, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init(&fixture, ESCROW_DELIVERED);
        fixture_add_part(&fixture, ESCROW_PART_PAID);
        struct escrow_message message = release_part(rows[i].amount_minor);
        struct escrow_decision decision = decide(&fixture, &message);
        if (rows[i].good) {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
            assert_int_equal(decision.parts[0].row.number, 2);
        } else {
            expect_refusal(decision, ESCROW_REASON_BAD_PART);
            assert_int_equal(decision.part_count, 0);
        }
    }
}

/* Of 10,000 the platform takes 9,998: the seller gets one unit of the first 5,000 and one of the rest. */
static void a_part_leaves_something_to_the_seller_and_so_does_the_rest(void **state)
{
    (void)state;

    const struct {
        int64_t amount_minor;
        bool good;
    } rows[] = {{1, true}, {5000, true}, {5001, false}, {9999, false}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        const struct fee_terms fees = {.seller = {0, 9998}};
        fixture_init_with(&fixture, ESCROW_FUNDS_HELD, &fees);
        struct escrow_message message = release_part(rows[i].amount_minor);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, rows[i].good ? ESCROW_ACCEPT : ESCROW_REJECT);
        assert_int_equal(decision.reason,
                         rows[i].good ? ESCROW_REASON_NONE : ESCROW_REASON_BAD_PART);
    }
    /* The first unit was net 1, the next is fee alone. */
    struct fixture fixture;
    const struct fee_terms fees = {.seller = {0, 9000}};
    fixture_init_with(&fixture, ESCROW_FUNDS_HELD, &fees);
    fixture_add_part(&fixture, ESCROW_PART_PAID);
    fixture.escrow.held_minor -= 1;
    fixture.escrow.released_minor += 1;
    fixture.escrow.paid_out_minor += 1;
    fixture.part.price_minor += 1;
    fixture.part.amount_minor += 1;
    struct escrow_message message = release_part(1);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_BAD_PART);
    message = release_part(10);
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
}

static void a_deal_has_twenty_parts_at_most(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow_part parts[ESCROW_PARTS_MAX];
    const struct escrow_part *rows[ESCROW_PARTS_MAX];
    for (uint32_t count = ESCROW_PARTS_MAX - 1; count <= ESCROW_PARTS_MAX; count++) {
        fixture_init(&fixture, ESCROW_FUNDS_HELD);
        fixture_add_part(&fixture, ESCROW_PART_PAID);
        for (uint32_t i = 0; i < count; i++) {
            parts[i] = fixture.part;
            parts[i].number = (int64_t)i + 1;
            parts[i].price_minor = parts[i].amount_minor = 100;
            parts[i].leg_id = fixture_id((uint8_t)(0x40 + i));
            rows[i] = &parts[i];
        }
        fixture.escrow.paid_out_minor = fixture.escrow.released_minor = 100 * (int64_t)count;
        fixture.escrow.held_minor = FIXTURE_PRICE_MINOR - 100 * (int64_t)count;
        fixture.facts.parts = rows;
        fixture.facts.part_count = count;
        struct escrow_message message = release_part(100);
        struct escrow_decision decision = decide(&fixture, &message);
        if (count == ESCROW_PARTS_MAX) {
            expect_refusal(decision, ESCROW_REASON_TOO_MANY_PARTS);
        } else {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
            assert_int_equal(decision.parts[0].row.number, ESCROW_PARTS_MAX);
        }
    }
}

static void nobody_but_the_buyer_releases_a_part(void **state)
{
    (void)state;

    const struct engine_actor actors[] = {
        {ENGINE_ACTOR_USER, FIXTURE_SELLER},
        {ENGINE_ACTOR_STAFF, FIXTURE_STAFF},
        {ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE},
        {ENGINE_ACTOR_USER, FIXTURE_STRANGER},
        {ENGINE_ACTOR_STAFF, FIXTURE_BUYER},
    };

    for (size_t i = 0; i < ARRAY_LEN(actors); i++) {
        struct fixture fixture;
        fixture_init(&fixture, ESCROW_DELIVERED);
        struct escrow_message message = release_part(1);
        message.actor = actors[i];
        expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOT_ALLOWED);
    }
}

/* ---- What comes after it is about what is left ---- */

static void a_release_pays_what_is_left_and_fees_add_up(void **state)
{
    (void)state;

    const enum escrow_state states[] = {ESCROW_DELIVERED, ESCROW_DELIVERY_REJECTED,
                                        ESCROW_DISPUTED};

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct fixture fixture;
        begin(&fixture, states[i], ESCROW_PART_SENDING);
        struct escrow_message message = as_user(ESCROW_RELEASE, FIXTURE_BUYER);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.next.state, ESCROW_RELEASING);
        assert_int_equal(decision.steps[0].amount_minor, REST_NET_MINOR);
        assert_int_equal(decision.requests[0].amount_minor, REST_NET_MINOR);
        assert_true(id_eq(decision.next.payout_leg_id, decision.requests[0].leg_id));
        assert_int_equal(decision.next.due_seller_minor, FIXTURE_NET_MINOR);
        assert_int_equal(decision.next.released_minor, FIXTURE_PRICE_MINOR);
        assert_int_equal(decision.next.fee_minor,
                         FIXTURE_BUYER_FEE_MINOR + FIXTURE_SELLER_FEE_MINOR);
        assert_int_equal(decision.next.fee_deferred_minor, 0);
        assert_int_equal(decision.part_count, 0);
    }
}

/* Whatever the parts, the seller gets in all what the preview said, and so does the platform. */
static void parts_cost_what_the_whole_does(void **state)
{
    (void)state;

    const struct fee_terms terms[] = {
        {.buyer = {250, 30}, .seller = {500, 20}, .buyer_refundable = true},
        {.buyer = {333, 1}, .seller = {777, 3}},
        {.seller = {1, 0}, .buyer = {1, 0}},
        {.seller = {0, 1}, .buyer = {0, 1}},
        {.seller = {9000, 7}},
    };
    const int64_t sizes[] = {17, 99, 333, 1000, 4999};

    for (size_t i = 0; i < ARRAY_LEN(terms) * ARRAY_LEN(sizes); i++) {
        struct fixture fixture;
        fixture_init_with(&fixture, ESCROW_DELIVERED, &terms[i / ARRAY_LEN(sizes)]);
        struct fee_split split;
        assert_true(fee_try_split(FIXTURE_PRICE_MINOR, &fixture.escrow.fees, &split));
        struct escrow_part parts[ESCROW_PARTS_MAX];
        const struct escrow_part *rows[ESCROW_PARTS_MAX];
        fixture.facts.parts = rows;
        int64_t sent_minor = 0;
        uint32_t count = 0;
        struct escrow_message message = release_part(sizes[i % ARRAY_LEN(sizes)]);
        for (; count < ESCROW_PARTS_MAX; count++) {
            fixture.facts.part_count = count;
            fixture.facts.legs[0] = fixture_id((uint8_t)(0x40 + count));
            struct escrow_decision decision = decide(&fixture, &message);
            if (decision.verdict != ESCROW_ACCEPT) {
                break;
            }
            sent_minor += decision.requests[0].amount_minor;
            fixture.escrow = decision.next;
            parts[count] = decision.parts[0].row;
            rows[count] = &parts[count];
        }
        assert_true(count >= 1);
        fixture.facts.part_count = count;
        message = as_user(ESCROW_RELEASE, FIXTURE_BUYER);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(sent_minor + decision.requests[0].amount_minor, split.seller_gets_minor);
        assert_int_equal(decision.next.fee_minor, split.platform_gets_minor);
    }
}

static void a_refund_gives_back_what_is_left(void **state)
{
    (void)state;
    for (int refundable = 0; refundable < 2; refundable++) {
        struct fixture fixture;
        fixture_init_with(&fixture, ESCROW_DELIVERED, &FIXTURE_FEES(refundable != 0));
        fixture_add_part(&fixture, ESCROW_PART_SENDING);
        int64_t back_minor = refundable != 0 ? REST_BACK_MINOR : REST_MINOR;
        struct escrow_message message = as_user(ESCROW_REFUND, FIXTURE_SELLER);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.next.state, ESCROW_REFUNDING);
        assert_int_equal(decision.steps[0].amount_minor, back_minor);
        assert_int_equal(decision.requests[0].amount_minor, back_minor);
        assert_int_equal(decision.next.due_buyer_minor, back_minor);
        assert_int_equal(decision.next.due_seller_minor, FIXTURE_PART_NET_MINOR);
        assert_int_equal(decision.next.released_minor, FIXTURE_PART_MINOR);
        assert_int_equal(decision.next.fee_minor,
                         refundable != 0 ? 208 + 112 : 208 + FIXTURE_BUYER_FEE_MINOR);
    }
}

static void a_dispute_is_about_what_is_left(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERED, ESCROW_PART_SENDING);
    struct escrow_message message = as_user(ESCROW_RAISE_DISPUTE, FIXTURE_SELLER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.disputed_minor, REST_MINOR);
    assert_int_equal(decision.dispute.row.amount_minor, REST_MINOR);
    assert_int_equal(decision.next.due_seller_minor, FIXTURE_PART_NET_MINOR);
    /* And a withdrawal puts it back. */
    begin(&fixture, ESCROW_DISPUTED, ESCROW_PART_SENDING);
    message = as_user(ESCROW_WITHDRAW_DISPUTE, FIXTURE_BUYER);
    decision = decide(&fixture, &message);
    assert_int_equal(decision.next.held_minor, REST_MINOR);
    /* Nothing is released in parts while it is disputed. */
    begin(&fixture, ESCROW_DISPUTED, ESCROW_PART_SENDING);
    message = release_part(1);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_WRONG_STATE);
}

static void clocks_end_what_is_left(void **state)
{
    (void)state;

    const struct {
        enum escrow_state state;
        enum escrow_state next;
        int64_t amount_minor;
    } rows[] = {
        {ESCROW_FUNDS_HELD, ESCROW_REFUNDING, REST_BACK_MINOR},
        {ESCROW_DELIVERED, ESCROW_RELEASING, REST_NET_MINOR},
        {ESCROW_DELIVERY_REJECTED, ESCROW_REFUNDING, REST_BACK_MINOR},
        {ESCROW_ESCALATED, ESCROW_REFUNDING, REST_BACK_MINOR},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        begin(&fixture, rows[i].state, ESCROW_PART_FAILED);
        struct escrow_message message = fixture_message(ESCROW_TIMER_FIRED);
        message.timer = escrow_timer_of(rows[i].state);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.next.state, rows[i].next);
        assert_int_equal(decision.requests[0].amount_minor, rows[i].amount_minor);
        /* What failed is still owed. */
        assert_int_equal(decision.next.payout_failed_minor, FIXTURE_PART_NET_MINOR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_goes_to_the_seller_and_the_rest_stays),
        cmocka_unit_test(a_part_is_less_than_what_is_held),
        cmocka_unit_test(a_part_leaves_something_to_the_seller_and_so_does_the_rest),
        cmocka_unit_test(a_deal_has_twenty_parts_at_most),
        cmocka_unit_test(nobody_but_the_buyer_releases_a_part),
        cmocka_unit_test(a_release_pays_what_is_left_and_fees_add_up),
        cmocka_unit_test(parts_cost_what_the_whole_does),
        cmocka_unit_test(a_refund_gives_back_what_is_left),
        cmocka_unit_test(a_dispute_is_about_what_is_left),
        cmocka_unit_test(clocks_end_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
