/*
 * What is decided when a deal begins: named cases, and a row for each side of each comparison. Every
 * (state, message, role) cell is in golden/escrow_table.txt; whole lives are in escrow_walk_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"

static struct escrow_message create_message(void)
{
    struct escrow_message message = fixture_message(ESCROW_CREATE);
    message.actor =
        (struct engine_actor){.kind = ENGINE_ACTOR_MARKETPLACE, .id = FIXTURE_MARKETPLACE};
    return message;
}

static struct escrow_decision create(const struct escrow_message *message)
{
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_CREATED);
    return escrow_decide(NULL, message, &fixture.facts);
}

static void a_marketplace_creates(void **state)
{
    (void)state;
    struct escrow_message message = create_message();
    message.terms.price_minor = 1234;
    struct escrow_decision decision = create(&message);
    const struct escrow *next = &decision.next;
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.step_count, 1);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_CREATED);
    assert_int_equal(decision.steps[0].from, ESCROW_NONE);
    assert_int_equal(decision.steps[0].move_count, 0);
    assert_int_equal(next->state, ESCROW_CREATED);
    assert_int_equal(next->version, 1);
    assert_int_equal(next->seq, 1);
    assert_int_equal(next->price_minor, 1234);
    assert_int_equal(next->funding_seconds, message.terms.funding_seconds);
    assert_int_equal(next->delivery_seconds, message.terms.delivery_seconds);
    assert_int_equal(next->inspection_seconds, message.terms.inspection_seconds);
    assert_int_equal(next->deadline_at_us, 0); /* no clock until there is something to pay */
    assert_int_equal(decision.timer_count, 0);
    assert_int_equal(next->created_at_us, FIXTURE_NOW_US);
    assert_int_equal(next->updated_at_us, FIXTURE_NOW_US);
    assert_true(id_eq(next->id, FIXTURE_ESCROW));
    assert_true(id_eq(next->marketplace_id, FIXTURE_MARKETPLACE));
    assert_true(id_eq(next->buyer_id, FIXTURE_BUYER));
    assert_true(id_eq(next->seller_id, FIXTURE_SELLER));
    assert_true(str_eq(next->seller_account, message.terms.seller_account));
    assert_true(str_eq(next->description, message.terms.description));
    assert_true(id_eq(next->paid_leg_id, fixture_id(0x21)));
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_CREATE_PAYMENT_INTENT);
    assert_int_equal(decision.requests[0].amount_minor, 1234);
    assert_true(id_eq(decision.requests[0].leg_id, fixture_id(0x21)));
}

static void one_cannot_sell_to_oneself(void **state)
{
    (void)state;
    struct escrow_message message = create_message();
    message.terms.seller_id = message.terms.buyer_id;
    expect_refusal(create(&message), ESCROW_REASON_SAME_PARTY);
}

static void the_price_has_bounds(void **state)
{
    (void)state;

    const struct {
        int64_t price_minor;
        bool good;
    } rows[] = {
        {INT64_MIN, false},
        {-1, false},
        {ESCROW_PRICE_MIN_MINOR - 1, false},
        {ESCROW_PRICE_MIN_MINOR, true},
        {ESCROW_PRICE_MIN_MINOR + 1, true},
        {ESCROW_PRICE_MAX_MINOR - 1, true},
        {ESCROW_PRICE_MAX_MINOR, true},
        {ESCROW_PRICE_MAX_MINOR + 1, false},
        {INT64_MAX, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct escrow_message message = create_message();
        message.terms.price_minor = rows[i].price_minor;
        if (rows[i].good) {
            assert_int_equal(create(&message).verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(create(&message), ESCROW_REASON_BAD_PRICE);
        }
    }
    struct escrow_message message = create_message();
    message.terms.currency = CURRENCY_NONE;
    expect_refusal(create(&message), ESCROW_REASON_BAD_PRICE);
}

static void fees_have_bounds(void **state)
{
    (void)state;

    const struct {
        int64_t price_minor;
        struct fee_terms fees;
        bool good;
    } rows[] = {
        {1000, {.buyer = {FEE_BASIS_POINTS_MAX, FEE_FIXED_MAX_MINOR}}, true},
        {1000, {.buyer = {FEE_BASIS_POINTS_MAX + 1, 0}}, false},
        {1000, {.buyer = {0, FEE_FIXED_MAX_MINOR + 1}}, false},
        {1000, {.buyer = {-1, 0}}, false},
        {1000, {.seller = {0, -1}}, false},
        {1000, {.seller = {0, 999}}, true},
        {1000, {.seller = {0, 1000}}, false}, /* the seller would get nothing */
        {ESCROW_PRICE_MAX_MINOR - 1, {.buyer = {0, 1}}, true},
        {ESCROW_PRICE_MAX_MINOR, {.buyer = {0, 1}}, false}, /* more than a card can be charged */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct escrow_message message = create_message();
        message.terms.price_minor = rows[i].price_minor;
        message.terms.fees = rows[i].fees;
        if (rows[i].good) {
            assert_int_equal(create(&message).verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(create(&message), ESCROW_REASON_BAD_FEES);
        }
    }
}

/* One period of the terms at both sides of its bounds. */
static void expect_bounds(struct escrow_message *message, int64_t *seconds, int64_t min,
                          int64_t max, enum escrow_reason reason)
{
    const struct {
        int64_t seconds;
        bool good;
    } rows[] = {
        {INT64_MIN, false}, {0, false},  {min - 1, false}, {min, true},        {min + 1, true},
        {max - 1, true},    {max, true}, {max + 1, false}, {INT64_MAX, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        *seconds = rows[i].seconds;
        if (rows[i].good) {
            assert_int_equal(create(message).verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(create(message), reason);
        }
    }
}

static void every_period_has_bounds(void **state)
{
    (void)state;
    struct escrow_message message = create_message();
    expect_bounds(&message, &message.terms.funding_seconds, 3600, 30 * 86400,
                  ESCROW_REASON_BAD_FUNDING);
    message = create_message();
    expect_bounds(&message, &message.terms.delivery_seconds, 3600, 90 * 86400,
                  ESCROW_REASON_BAD_DELIVERY);
    message = create_message();
    expect_bounds(&message, &message.terms.inspection_seconds, 86400, 30 * 86400,
                  ESCROW_REASON_BAD_INSPECTION);
}

static struct str text_of(size_t len)
{
    static const char text[ESCROW_DESCRIPTION_MAX_BYTES + 1];
    return (struct str){.ptr = text, .len = len};
}

static void texts_have_bounds(void **state)
{
    (void)state;

    const struct {
        size_t account;
        size_t description;
        bool good;
    } rows[] = {
        {0, 1, false},
        {1, 1, true},
        {2, 0, true},
        {ESCROW_ACCOUNT_MAX_BYTES - 1, 1, true},
        {ESCROW_ACCOUNT_MAX_BYTES, 1, true},
        {ESCROW_ACCOUNT_MAX_BYTES + 1, 1, false},
        {1, ESCROW_DESCRIPTION_MAX_BYTES - 1, true},
        {1, ESCROW_DESCRIPTION_MAX_BYTES, true},
        {1, ESCROW_DESCRIPTION_MAX_BYTES + 1, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct escrow_message message = create_message();
        message.terms.seller_account = text_of(rows[i].account);
        message.terms.description = text_of(rows[i].description);
        if (rows[i].good) {
            assert_int_equal(create(&message).verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(create(&message), ESCROW_REASON_BAD_TEXT);
        }
    }
}

static void reasons_have_a_bound(void **state)
{
    (void)state;

    const struct {
        enum escrow_state state;
        enum escrow_message_kind kind;
    } rows[] = {{ESCROW_AWAIT_FUNDS, ESCROW_CANCEL}, {ESCROW_FUNDS_HELD, ESCROW_REFUND}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t len = ESCROW_REASON_MAX_BYTES - 1; len <= ESCROW_REASON_MAX_BYTES + 1; len++) {
            struct fixture fixture;
            fixture_init(&fixture, rows[i].state);
            struct escrow_message message = as_user(rows[i].kind, FIXTURE_SELLER);
            message.text = text_of(len);
            struct escrow_decision decision = decide(&fixture, &message);
            if (len <= ESCROW_REASON_MAX_BYTES) {
                assert_int_equal(decision.verdict, ESCROW_ACCEPT);
                assert_int_equal(decision.steps[0].text.len, len);
            } else {
                expect_refusal(decision, ESCROW_REASON_BAD_TEXT);
            }
        }
    }
}

static void a_marketplace_sees_only_its_own(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    struct escrow_message message = fixture_message(ESCROW_CANCEL);
    message.actor.kind = ENGINE_ACTOR_MARKETPLACE;
    message.actor.id = FIXTURE_STRANGER;
    /* What a command says about itself does not make it the escrow's marketplace. */
    message.terms.marketplace_id = FIXTURE_STRANGER;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOT_ALLOWED);
    message.actor.id = FIXTURE_MARKETPLACE;
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
    /* The buyer's id under another kind of actor is not the buyer. */
    fixture_init(&fixture, ESCROW_DELIVERED);
    message = fixture_message(ESCROW_RELEASE);
    message.actor = (struct engine_actor){.kind = ENGINE_ACTOR_MARKETPLACE, .id = FIXTURE_BUYER};
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOT_ALLOWED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_marketplace_creates),
        cmocka_unit_test(one_cannot_sell_to_oneself),
        cmocka_unit_test(the_price_has_bounds),
        cmocka_unit_test(fees_have_bounds),
        cmocka_unit_test(every_period_has_bounds),
        cmocka_unit_test(texts_have_bounds),
        cmocka_unit_test(reasons_have_a_bound),
        cmocka_unit_test(a_marketplace_sees_only_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
