/* What must always hold of rows and messages: every clause is broken once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_fixture.h"

#define UNSOUND(change)                                 \
    do {                                                \
        fixture_init(&fixture, ESCROW_DELIVERED);       \
        change;                                         \
        assert_false(escrow_is_sound(&fixture.escrow)); \
    } while (0)

/* Without parts. */
static bool is_sound_with(const struct escrow *escrow,
                          const struct escrow_suspense *const *suspense, uint32_t suspense_count)
{
    const struct escrow_debts debts = {.suspense = suspense, .suspense_count = suspense_count};
    return escrow_case_is_sound(escrow, &debts);
}

static void broken_rows_are_seen(void **state)
{
    (void)state;
    struct fixture fixture;
    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        fixture_init(&fixture, s);
        assert_true(escrow_is_sound(&fixture.escrow));
    }
    struct escrow *escrow = &fixture.escrow;
    UNSOUND(escrow->state = ESCROW_NONE);
    UNSOUND(escrow->state = ESCROW_STATE_COUNT);
    UNSOUND(escrow->state = ESCROW_RELEASED);
    UNSOUND(escrow->version = 0);
    UNSOUND(escrow->seq = 0);
    UNSOUND(escrow->currency = CURRENCY_NONE);
    UNSOUND(escrow->currency = CURRENCY_COUNT);
    UNSOUND(escrow->price_minor = 0);
    UNSOUND(escrow->id = (struct id){0});
    UNSOUND(escrow->buyer_id = escrow->seller_id);
    UNSOUND(escrow->received_minor += 1);
    UNSOUND(escrow->in_minor = 1; escrow->received_minor += 1);
    UNSOUND(escrow->held_minor -= 1; escrow->received_minor -= 1);
    UNSOUND(escrow->due_seller_minor = 1; escrow->received_minor += 1);
    UNSOUND(escrow->paid_out_minor = 1; escrow->received_minor += 1);
    UNSOUND(escrow->suspense_minor = -1; escrow->received_minor -= 1);
    UNSOUND(escrow->due_buyer_minor = INT64_MAX);
    UNSOUND(escrow->refund_failed_minor = 1);
    UNSOUND(escrow->refund_failed_minor = -1);
    UNSOUND(escrow->payout_failed_minor = 1);
    UNSOUND(escrow->payment_setup_failed = true);
    UNSOUND(escrow->paid_leg_id = (struct id){0});
    UNSOUND(escrow->payout_leg_id = FIXTURE_OTHER_LEG);
    UNSOUND(escrow->refund_leg_id = FIXTURE_OTHER_LEG);

    UNSOUND(escrow->deadline_seq = 0);
    UNSOUND(escrow->deadline_seq = escrow->seq + 1);
    UNSOUND(escrow->deadline_at_us = 0);
    UNSOUND(escrow->deadline_seq = 0; escrow->deadline_at_us = 0);
}

static void broken_rows_without_money_are_seen(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow *escrow = &fixture.escrow;

    /* Only the clause itself can tell. */
    const enum escrow_state none[] = {ESCROW_NONE, ESCROW_STATE_COUNT};

    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        fixture_init(&fixture, ESCROW_CANCELLED);
        escrow->state = none[i];
        assert_false(escrow_is_sound(escrow));
    }
    fixture_init(&fixture, ESCROW_CANCELLED);
    escrow->price_minor = 0;
    assert_false(escrow_is_sound(escrow));
    /* Where no clock runs there is no deadline. */
    fixture_init(&fixture, ESCROW_CANCELLED);
    escrow->deadline_seq = 1;
    assert_false(escrow_is_sound(escrow));
    fixture_init(&fixture, ESCROW_CANCELLED);
    escrow->deadline_at_us = 1;
    assert_false(escrow_is_sound(escrow));
    fixture_init(&fixture, ESCROW_REFUNDING);
    escrow->due_buyer_minor -= 1;
    escrow->received_minor -= 1;
    assert_false(escrow_is_sound(escrow));
    fixture_init(&fixture, ESCROW_RELEASING);
    escrow->payout_failed_minor = FIXTURE_PRICE_MINOR;
    assert_true(escrow_is_sound(escrow));
    assert_true(escrow_parts_are_sound(escrow, NULL, 0));
    escrow->payout_failed_minor -= 1; /* all of a debt fails, or nothing of it */
    assert_false(escrow_parts_are_sound(escrow, NULL, 0));
    escrow->payout_failed_minor += 2;
    assert_false(escrow_is_sound(escrow));
    escrow->payout_failed_minor = -1;
    assert_false(escrow_is_sound(escrow));
    fixture_init(&fixture, ESCROW_RELEASING);
    escrow->payout_leg_id = (struct id){0};
    assert_false(escrow_is_sound(escrow));
    fixture_init(&fixture, ESCROW_REFUNDING);
    escrow->refund_leg_id = (struct id){0};
    assert_false(escrow_is_sound(escrow));
    fixture_init(&fixture, ESCROW_REFUNDED);
    escrow->refund_leg_id = (struct id){0};
    assert_false(escrow_is_sound(escrow));
    fixture_init(&fixture, ESCROW_RELEASED);
    escrow->payout_leg_id = (struct id){0};
    assert_false(escrow_is_sound(escrow));
}

#define UNSOUND_FEES(in_state, change)                  \
    do {                                                \
        fixture_init_with(&fixture, (in_state), &fees); \
        assert_true(escrow_is_sound(&fixture.escrow));  \
        change;                                         \
        assert_false(escrow_is_sound(&fixture.escrow)); \
    } while (0)

/* Sums that still add up, but are not what the terms say. */
static void broken_fees_are_seen(void **state)
{
    (void)state;
    const struct fee_terms fees = FIXTURE_FEES(/* refundable */ false);
    struct fixture fixture;
    struct escrow *escrow = &fixture.escrow;
    UNSOUND_FEES(ESCROW_CREATED, escrow->buyer_fee_minor++);
    UNSOUND_FEES(ESCROW_CREATED, escrow->seller_fee_minor++);
    UNSOUND_FEES(ESCROW_CREATED, escrow->fees.buyer.basis_points = -1);
    UNSOUND_FEES(ESCROW_CREATED, escrow->fees.seller.basis_points++);
    UNSOUND_FEES(ESCROW_CREATED, escrow->fees.seller.fixed_minor = FIXTURE_PRICE_MINOR);
    UNSOUND_FEES(ESCROW_CREATED, escrow->fee_minor++; escrow->received_minor++);
    UNSOUND_FEES(ESCROW_CREATED, escrow->fee_deferred_minor++; escrow->received_minor++);
    UNSOUND_FEES(ESCROW_DELIVERED, escrow->fee_deferred_minor--; escrow->received_minor--);
    UNSOUND_FEES(ESCROW_DELIVERED, escrow->fee_deferred_minor--; escrow->fee_minor++);
    UNSOUND_FEES(ESCROW_DELIVERED, escrow->fee_deferred_minor--; escrow->held_minor++);
    UNSOUND_FEES(ESCROW_DELIVERED, escrow->fee_deferred_minor--);
    UNSOUND_FEES(ESCROW_RELEASING, escrow->fee_minor--; escrow->due_seller_minor++);
    UNSOUND_FEES(ESCROW_RELEASED, escrow->fee_minor--; escrow->paid_out_minor++);
    UNSOUND_FEES(ESCROW_RELEASED, escrow->fee_minor--; escrow->fee_deferred_minor++);
    UNSOUND_FEES(ESCROW_RELEASED, escrow->fee_minor--);
    /* Kept, though it was promised back; and the reverse. */
    UNSOUND_FEES(ESCROW_REFUNDING, escrow->fees.buyer_refundable = true);
    UNSOUND_FEES(ESCROW_REFUNDED, escrow->fees.buyer_refundable = true);
    UNSOUND_FEES(ESCROW_REFUNDED, escrow->fee_minor = 0;
                 escrow->refunded_minor += FIXTURE_BUYER_FEE_MINOR);
}

#define UNSOUND_PART(in_state, change)                                            \
    do {                                                                          \
        fixture_init_with(&fixture, (in_state), &fees);                           \
        fixture_add_part(&fixture, ESCROW_PART_PAID);                             \
        change;                                                                   \
        assert_false(escrow_is_sound(escrow) && is_sound_with(escrow, NULL, 0) && \
                     escrow_parts_are_sound(escrow, fixture.parts, part_count));  \
    } while (0)

/* Sums that still add up, but are not what was released; parts that are not what the sums say. */
static void broken_parts_are_seen(void **state)
{
    (void)state;
    const struct fee_terms fees = FIXTURE_FEES(/* refundable */ true);
    struct fixture fixture;
    struct escrow *escrow = &fixture.escrow;
    struct escrow_part *part = &fixture.part;
    uint32_t part_count = 1;
    UNSOUND_PART(ESCROW_DELIVERED, escrow->released_minor++);
    UNSOUND_PART(ESCROW_DELIVERED, escrow->released_minor--);
    UNSOUND_PART(ESCROW_DELIVERED, escrow->released_minor = -1);
    UNSOUND_PART(ESCROW_DELIVERED, escrow->released_minor = FIXTURE_PRICE_MINOR + 1);
    UNSOUND_PART(ESCROW_DELIVERED, escrow->paid_out_minor++; escrow->held_minor--);
    UNSOUND_PART(ESCROW_DELIVERED, escrow->paid_out_minor--; escrow->fee_minor++);
    UNSOUND_PART(ESCROW_DELIVERED, escrow->fee_minor++; escrow->fee_deferred_minor--);
    UNSOUND_PART(ESCROW_DELIVERED, escrow->due_seller_minor++; escrow->paid_out_minor--);
    UNSOUND_PART(ESCROW_DISPUTED, escrow->disputed_minor--; escrow->held_minor++);
    UNSOUND_PART(ESCROW_RELEASED, escrow->paid_out_minor--; escrow->due_seller_minor++);
    UNSOUND_PART(ESCROW_REFUNDED, escrow->paid_out_minor--; escrow->due_seller_minor++);
    UNSOUND_PART(ESCROW_REFUNDED, escrow->refunded_minor--; escrow->paid_out_minor++);
    UNSOUND_PART(ESCROW_REFUNDING, escrow->refunded_minor += escrow->due_buyer_minor;
                 escrow->due_buyer_minor = 0); /* nothing is owed: it has ended */
    UNSOUND_PART(ESCROW_RELEASING, escrow->paid_out_minor += escrow->due_seller_minor;
                 escrow->due_seller_minor = 0);
    UNSOUND_PART(ESCROW_RELEASING, escrow->state = ESCROW_REFUNDING);

    UNSOUND_PART(ESCROW_DELIVERED, part->state = ESCROW_PART_NONE);
    UNSOUND_PART(ESCROW_DELIVERED, part->state = ESCROW_PART_STATE_COUNT);
    UNSOUND_PART(ESCROW_DELIVERED, part->state = ESCROW_PART_SENDING);
    UNSOUND_PART(ESCROW_DELIVERED, part->version = 0);
    UNSOUND_PART(ESCROW_DELIVERED, part->number = 0);
    UNSOUND_PART(ESCROW_DELIVERED, part->number = 2);
    UNSOUND_PART(ESCROW_DELIVERED, part->number = ESCROW_PARTS_MAX + 1);
    UNSOUND_PART(ESCROW_DELIVERED, part->price_minor++);
    UNSOUND_PART(ESCROW_DELIVERED, part->price_minor--);
    UNSOUND_PART(ESCROW_DELIVERED, part->amount_minor++);
    UNSOUND_PART(ESCROW_DELIVERED, part->amount_minor--);
    UNSOUND_PART(ESCROW_DELIVERED, part->amount_minor = 0);
    UNSOUND_PART(ESCROW_DELIVERED, part->id = (struct id){0});
    UNSOUND_PART(ESCROW_DELIVERED, part->leg_id = (struct id){0});
    UNSOUND_PART(ESCROW_DELIVERED, part->escrow_id = FIXTURE_STRANGER);
    UNSOUND_PART(ESCROW_RELEASING, part->price_minor = FIXTURE_PRICE_MINOR;
                 part->amount_minor = FIXTURE_NET_MINOR); /* nothing is left for the last one */
    UNSOUND_PART(ESCROW_DELIVERED, part->price_minor = 5000;
                 part->amount_minor = 4740); /* more than was released */
    UNSOUND_PART(ESCROW_DELIVERED, part_count = 0);

    const enum escrow_part_state none[] = {ESCROW_PART_NONE, ESCROW_PART_STATE_COUNT};

    for (size_t i = 0; i < ARRAY_LEN(none); i++) { /* owed, by its state */
        fixture_init_with(&fixture, ESCROW_DELIVERED, &fees);
        fixture_add_part(&fixture, ESCROW_PART_SENDING);
        assert_true(escrow_parts_are_sound(escrow, fixture.parts, 1));
        part->state = none[i];
        assert_false(escrow_parts_are_sound(escrow, fixture.parts, 1));
    }
    /* What failed of due_seller is what the parts say. */
    fixture_init_with(&fixture, ESCROW_DELIVERED, &fees);
    fixture_add_part(&fixture, ESCROW_PART_FAILED);
    escrow->payout_failed_minor = 0;
    assert_false(escrow_parts_are_sound(escrow, fixture.parts, 1));
    fixture_add_part(&fixture, ESCROW_PART_SENDING);
    escrow->payout_failed_minor = part->amount_minor;
    assert_true(escrow_is_sound(escrow));
    assert_false(escrow_parts_are_sound(escrow, fixture.parts, 1));
}

#define UNSOUND_ROW(in_state, part_state, change)       \
    do {                                                \
        fixture_init_with(&fixture, (in_state), &fees); \
        fixture_add_part(&fixture, (part_state));       \
        change;                                         \
        assert_false(escrow_is_sound(escrow));          \
    } while (0)

/* Only the row's own clauses can tell: sums that add up, with the legs of the state. */
static void a_state_is_a_matter_of_sums(void **state)
{
    (void)state;
    const struct fee_terms fees = FIXTURE_FEES(/* refundable */ true);
    struct fixture fixture;
    struct escrow *escrow = &fixture.escrow;
    UNSOUND_ROW(ESCROW_REFUNDING, ESCROW_PART_PAID, escrow->state = ESCROW_RELEASED;
                escrow->payout_leg_id = escrow->refund_leg_id;
                escrow->refund_leg_id = (struct id){0}); /* a rest went back */
    UNSOUND_ROW(ESCROW_RELEASED, ESCROW_PART_PAID, escrow->state = ESCROW_REFUNDED;
                escrow->refund_leg_id = escrow->payout_leg_id;
                escrow->payout_leg_id = (struct id){0}); /* nothing went back */
    UNSOUND_ROW(ESCROW_RELEASED, ESCROW_PART_PAID, escrow->state = ESCROW_CANCELLED;
                escrow->payout_leg_id = (struct id){0});
    UNSOUND_ROW(ESCROW_DELIVERED, ESCROW_PART_PAID, escrow->disputed_minor++;
                escrow->received_minor++);
    UNSOUND_ROW(ESCROW_DISPUTED, ESCROW_PART_PAID, escrow->held_minor++; escrow->received_minor++);
    UNSOUND_ROW(ESCROW_RELEASING, ESCROW_PART_PAID,
                escrow->paid_out_minor += escrow->due_seller_minor;
                escrow->due_seller_minor = 0);
    UNSOUND_ROW(ESCROW_RELEASED, ESCROW_PART_PAID, escrow->paid_out_minor--;
                escrow->due_seller_minor++);
    UNSOUND_ROW(ESCROW_REFUNDED, ESCROW_PART_PAID, escrow->paid_out_minor--;
                escrow->due_seller_minor++);
    UNSOUND_ROW(ESCROW_REFUNDED, ESCROW_PART_PAID, escrow->refunded_minor--;
                escrow->received_minor--);
    UNSOUND_ROW(ESCROW_REFUNDING, ESCROW_PART_SENDING, escrow->due_buyer_minor--;
                escrow->received_minor--);
    UNSOUND_ROW(ESCROW_REFUNDING, ESCROW_PART_PAID,
                escrow->refunded_minor = escrow->due_buyer_minor;
                escrow->due_buyer_minor = 0); /* nothing is owed any more */
    /* Nor is it when all that is owed is money that the deal did not expect. */
    fixture_init(&fixture, ESCROW_REFUNDED);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDING);
    escrow->received_minor += FIXTURE_PRICE_MINOR;
    escrow->due_buyer_minor += FIXTURE_PRICE_MINOR;
    fixture.suspense.amount_minor += FIXTURE_PRICE_MINOR;
    assert_true(is_sound_with(escrow, fixture.rows, 1));
    escrow->state = ESCROW_REFUNDING;
    assert_true(escrow_is_sound(escrow));
    assert_false(is_sound_with(escrow, fixture.rows, 1));
}

static void all_parts_are_looked_at(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    fixture_add_part(&fixture, ESCROW_PART_PAID);
    struct escrow *escrow = &fixture.escrow;
    struct escrow_part second = fixture.part;
    const struct escrow_part *rows[] = {&fixture.part, &second};
    second.number = 2;
    second.price_minor = second.amount_minor = 1000;
    second.state = ESCROW_PART_SENDING;
    escrow->held_minor -= 1000;
    escrow->released_minor += 1000;
    escrow->due_seller_minor = 1000;
    assert_true(escrow_is_sound(escrow));
    assert_true(escrow_parts_are_sound(escrow, rows, 2));
    assert_int_equal(escrow_rest_due_minor(escrow, rows, 2), 0);
    assert_int_equal(escrow_rest_due_minor(escrow, NULL, 0), 1000);
    second.number = 1;
    assert_false(escrow_parts_are_sound(escrow, rows, 2));
    second.number = 2;
    second.version = 0;
    assert_false(escrow_parts_are_sound(escrow, rows, 2));
    second.version = 1;
    second.amount_minor = 999; /* as much in all */
    fixture.part.amount_minor++;
    escrow->due_seller_minor = 999;
    escrow->paid_out_minor++;
    assert_true(escrow_is_sound(escrow));
    assert_false(escrow_parts_are_sound(escrow, rows, 2));
    second.price_minor = INT64_MAX; /* no account can count it */
    assert_false(escrow_parts_are_sound(escrow, rows, 2));
    /* Where half of it is the platform's, one part could bring all that two do. */
    const struct fee_terms half = {.seller = {5000, 0}};
    fixture_init_with(&fixture, ESCROW_DELIVERED, &half);
    fixture_add_part(&fixture, ESCROW_PART_PAID);
    second = fixture.part;
    second.number = 2;
    escrow->held_minor -= FIXTURE_PART_MINOR;
    escrow->released_minor += FIXTURE_PART_MINOR;
    escrow->paid_out_minor += second.amount_minor;
    escrow->fee_minor += second.amount_minor;
    assert_true(escrow_is_sound(escrow));
    assert_true(escrow_parts_are_sound(escrow, rows, 2));
    fixture.part.amount_minor += second.amount_minor;
    second.amount_minor = 0;
    assert_false(escrow_parts_are_sound(escrow, rows, 2));
}

static bool case_is_sound(const struct fixture *fixture)
{
    return is_sound_with(&fixture->escrow, fixture->rows, 1);
}

static void rows_must_agree_with_their_suspense(void **state)
{
    (void)state;
    struct fixture fixture;
    for (enum escrow_suspense_state s = ESCROW_SUSPENSE_FLAGGED; s < ESCROW_SUSPENSE_STATE_COUNT;
         s++) {
        fixture_init(&fixture, ESCROW_RELEASED);
        fixture_add_suspense(&fixture, s);
        assert_true(case_is_sound(&fixture));
        for (enum escrow_suspense_state other = ESCROW_SUSPENSE_NONE;
             other <= ESCROW_SUSPENSE_STATE_COUNT; other++) {
            fixture.suspense.state = other;
            assert_int_equal(case_is_sound(&fixture), other == s);
        }
    }
    fixture_init(&fixture, ESCROW_RELEASED);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDING);
    fixture.suspense.escrow_id = FIXTURE_STRANGER;
    assert_false(case_is_sound(&fixture));
    fixture.suspense.escrow_id = FIXTURE_ESCROW;
    fixture.suspense.amount_minor -= 1;
    assert_false(case_is_sound(&fixture));
    fixture.suspense.amount_minor += 1;
    fixture.suspense.version = 0;
    assert_false(case_is_sound(&fixture));
    fixture.suspense.version = 1;
    assert_true(case_is_sound(&fixture));
    assert_false(is_sound_with(&fixture.escrow, NULL, 0));
}

static void all_suspense_rows_are_looked_at(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_RELEASED);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDED);
    struct escrow_suspense second = fixture.suspense;
    const struct escrow_suspense *rows[] = {&fixture.suspense, &second};
    assert_true(is_sound_with(&fixture.escrow, rows, 2));
    second.version = 0;
    assert_false(is_sound_with(&fixture.escrow, rows, 2));
    second.version = 1;
    second.amount_minor = 0;
    assert_false(is_sound_with(&fixture.escrow, rows, 2));
    second.amount_minor = 1;
    second.escrow_id = FIXTURE_STRANGER;
    assert_false(is_sound_with(&fixture.escrow, rows, 2));
    /* What no account can count is not what was counted before it. */
    second.escrow_id = FIXTURE_ESCROW;
    second.state = ESCROW_SUSPENSE_REFUNDING;
    second.amount_minor = INT64_MAX;
    fixture_init(&fixture, ESCROW_RELEASED);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUNDING);
    assert_false(is_sound_with(&fixture.escrow, rows, 2));
}

static void messages_have_a_shape(void **state)
{
    (void)state;
    for (enum escrow_message_kind kind = ESCROW_CREATE; kind < ESCROW_MESSAGE_KIND_COUNT; kind++) {
        struct escrow_message message = fixture_message(kind);
        assert_true(escrow_message_is_sound(&message));
        message.escrow_id = (struct id){0};
        assert_false(escrow_message_is_sound(&message));
    }

    const enum escrow_message_kind none[] = {ESCROW_MESSAGE_NONE, ESCROW_MESSAGE_KIND_COUNT};

    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct escrow_message unknown = fixture_message(ESCROW_PAYMENT_CANCELED);
        unknown.kind = none[i];
        assert_false(escrow_message_is_sound(&unknown));
    }
    struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);

    const struct {
        struct str currency;
        int64_t amount_minor;
        bool good;
    } rows[] = {
        {STR("USD"), 1, true},  {STR("USD"), 0, false},  {STR("USD"), -1, false},
        {STR("US"), 1, false},  {STR("USDC"), 1, true},  {STR("USDCX"), 1, false},
        {STR("usd"), 1, false}, {STR("U\0D"), 1, false}, {STR("@SD"), 1, false},
        {STR("US["), 1, false}, {STR("AZA"), 1, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        message.currency = rows[i].currency;
        message.amount_minor = rows[i].amount_minor;
        assert_int_equal(escrow_message_is_sound(&message), rows[i].good);
    }
    message = fixture_message(ESCROW_PAYMENT_FAILED);
    for (enum escrow_stage stage = ESCROW_STAGE_NONE; stage <= ESCROW_STAGE_COUNT; stage++) {
        message.stage = stage;
        assert_int_equal(escrow_message_is_sound(&message),
                         stage == ESCROW_STAGE_SETUP || stage == ESCROW_STAGE_CHARGE);
    }
    message = fixture_message(ESCROW_REFUND_FAILED);
    message.leg_id = (struct id){0};
    assert_false(escrow_message_is_sound(&message));
    for (enum escrow_timer timer = ESCROW_TIMER_NONE; timer <= ESCROW_TIMER_COUNT; timer++) {
        message = fixture_message(ESCROW_TIMER_FIRED);
        message.timer = timer;
        assert_int_equal(escrow_message_is_sound(&message),
                         timer != ESCROW_TIMER_NONE && timer != ESCROW_TIMER_COUNT);
    }
    message = fixture_message(ESCROW_TIMER_FIRED);
    message.generation = 1;
    assert_true(escrow_message_is_sound(&message));
    message.generation = 0;
    assert_false(escrow_message_is_sound(&message));
    message = fixture_message(ESCROW_TIMER_FIRED);
    message.fired_at_us = 1;
    assert_true(escrow_message_is_sound(&message));
    message.fired_at_us = 0;
    assert_false(escrow_message_is_sound(&message));
    message = fixture_message(ESCROW_TIMER_FIRED);
    message.actor = (struct engine_actor){.kind = ENGINE_ACTOR_USER, .id = FIXTURE_BUYER};
    assert_false(escrow_message_is_sound(&message)); /* a clock is nobody */
    message = fixture_message(ESCROW_RELEASE);
    message.actor.kind = ENGINE_ACTOR_NONE;
    assert_false(escrow_message_is_sound(&message));
    message.actor.kind = ENGINE_ACTOR_COUNT;
    assert_false(escrow_message_is_sound(&message));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_rows_are_seen),
        cmocka_unit_test(broken_rows_without_money_are_seen),
        cmocka_unit_test(broken_fees_are_seen),
        cmocka_unit_test(broken_parts_are_seen),
        cmocka_unit_test(a_state_is_a_matter_of_sums),
        cmocka_unit_test(all_parts_are_looked_at),
        cmocka_unit_test(rows_must_agree_with_their_suspense),
        cmocka_unit_test(all_suspense_rows_are_looked_at),
        cmocka_unit_test(messages_have_a_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
