/*
 * Webhooks that never come: the provider is asked, and the deal goes on. What was told and what was asked for are one
 * thing, and there is no more asking than there must be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/defer.h"
#include "payments/payments_repo.h"
#include "rig.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)

static struct rig *open_without_webhooks(void)
{
    static const struct sim_stripe_rates rates = {.webhook_lost = SIM_STRIPE_CHANCE};
    struct rig *rig = rig_open();
    sim_stripe_set_rates(rig->stripe, &rates);
    rig_start(rig);
    return rig;
}

/* Time goes by in steps that a lease outlives. */
static void pass(struct rig *rig, int64_t ms)
{
    for (int64_t spent = 0; spent < ms; spent += 500) {
        sim_world_pass(rig->world, 495 * 1000);
        rig_step(rig);
    }
}

static uint32_t questions(struct rig *rig, enum payments_effect_kind kind, bool open)
{
    uint32_t count = 0;
    uint32_t cursor = 0;
    const struct effect_row *row;
    while ((row = sim_db_next(rig->db, &engine_effect_table, &cursor))) {
        count += row->kind == (int)kind && (!open || row->open) ? 1 : 0;
    }
    return count;
}

static struct id open_deal(struct rig *rig)
{
    struct id escrow = rig_escrow(1);
    rig_create(rig, escrow);
    rig_run_until(rig, escrow, CREATED);
    return escrow;
}

static struct id paid_deal(struct rig *rig)
{
    struct id escrow = open_deal(rig);
    assert_true(sim_stripe_pay(rig->stripe, escrow, SIM_PAY_GOOD));
    pass(rig, 31 * SECOND_MS);
    assert_true(rig_has_heard(rig, escrow, SUCCEEDED));
    return escrow;
}

static void a_payment_is_found(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = open_deal(rig);
    assert_true(sim_stripe_pay(rig->stripe, escrow, SIM_PAY_GOOD));
    pass(rig, 29 * SECOND_MS);
    assert_false(rig_has_heard(rig, escrow, SUCCEEDED));
    pass(rig, 2 * SECOND_MS);
    static const int kinds[] = {CREATED, SUCCEEDED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    assert_int_equal(sim_stripe_counts(rig->stripe).webhooks_taken, 0);
    /* Nobody asks about what is settled. */
    pass(rig, 60 * MINUTE_MS);
    assert_int_equal(questions(rig, PAYMENTS_EFFECT_LOOK_AT_INTENT, false), 1);
    assert_int_equal(sim_stripe_counts(rig->stripe).bad, 0);
    rig_assert_quiet(rig);
    rig_close(rig);
}

/* INV28: by webhook and by a look, in either order: once. */
static void a_webhook_that_comes_late_is_nothing_new(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = paid_deal(rig);
    sim_stripe_set_rates(rig->stripe, &(struct sim_stripe_rates){.latency_us = 0});
    sim_stripe_tell_again(rig->stripe);
    pass(rig, 5 * SECOND_MS);
    assert_true(sim_stripe_counts(rig->stripe).webhooks_taken > 0);
    static const int kinds[] = {CREATED, SUCCEEDED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    rig_assert_quiet(rig);
    rig_close(rig);
}

/* Told once, however often it is seen; the next one is news again. */
static void a_decline_is_told_once(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = open_deal(rig);
    assert_true(sim_stripe_pay(rig->stripe, escrow, SIM_PAY_DECLINED));
    pass(rig, 5 * MINUTE_MS);
    static const int kinds[] = {CREATED, PAYMENT_FAILED, PAYMENT_FAILED, SUCCEEDED};
    rig_assert_heard(rig, escrow, kinds, 2);
    assert_true(sim_stripe_pay(rig->stripe, escrow, SIM_PAY_DECLINED));
    pass(rig, 31 * SECOND_MS);
    rig_assert_heard(rig, escrow, kinds, 3);
    assert_true(sim_stripe_pay(rig->stripe, escrow, SIM_PAY_GOOD));
    pass(rig, 31 * SECOND_MS);
    rig_assert_heard(rig, escrow, kinds, 4);
    rig_close(rig);
}

/* It was made, the key answers 500 for ever, and nothing is told: money that moved is in the books after two minutes. */
static void a_transfer_whose_key_broke_is_found(void **state)
{
    (void)state;
    static const enum sim_stripe_fault broke = SIM_STRIPE_SAVED_500_DONE;
    struct rig *rig = open_without_webhooks();
    struct id escrow = paid_deal(rig);
    sim_stripe_script(rig->stripe, &broke, 1);
    rig_transfer(rig, escrow);
    pass(rig, 115 * SECOND_MS);
    assert_false(rig_has_heard(rig, escrow, TRANSFERRED));
    assert_int_equal(questions(rig, PAYMENTS_EFFECT_LOOK_AT_TRANSFER, false), 0);
    pass(rig, 10 * SECOND_MS);
    assert_true(rig_has_heard(rig, escrow, TRANSFERRED));
    assert_false(rig_has_heard(rig, escrow, TRANSFER_FAILED));
    assert_int_equal(rig_made(rig, SIM_STRIPE_TRANSFER), 1);
    rig_close(rig);
}

/* It was not made: nothing is guessed, least of all that it failed. */
static void what_is_not_found_is_no_failure(void **state)
{
    (void)state;
    static const enum sim_stripe_fault broke = SIM_STRIPE_SAVED_500;
    struct rig *rig = open_without_webhooks();
    struct id escrow = paid_deal(rig);
    sim_stripe_script(rig->stripe, &broke, 1);
    rig_transfer(rig, escrow);
    pass(rig, 10 * MINUTE_MS);
    assert_true(questions(rig, PAYMENTS_EFFECT_LOOK_AT_TRANSFER, false) > 10);
    static const int kinds[] = {CREATED, SUCCEEDED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    rig_close(rig);
}

static void a_refund_is_found_when_it_settles(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = paid_deal(rig);
    sim_stripe_set_rates(rig->stripe,
                         &(struct sim_stripe_rates){.webhook_lost = SIM_STRIPE_CHANCE,
                                                    .refund_pending = SIM_STRIPE_CHANCE});
    rig_refund(rig, escrow);
    pass(rig, 75 * MINUTE_MS); /* it takes an hour at most */
    assert_true(rig_has_heard(rig, escrow, REFUNDED));
    assert_int_equal(rig_made(rig, SIM_STRIPE_REFUND), 1);
    rig_assert_quiet(rig);
    rig_close(rig);
}

/* Half a minute apart in the first quarter of an hour, then ten minutes; one question at a time. */
static void there_is_a_bound_to_asking(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    (void)open_deal(rig);
    for (int minute = 0; minute < 15; minute++) {
        pass(rig, MINUTE_MS);
        assert_in_range(questions(rig, PAYMENTS_EFFECT_LOOK_AT_INTENT, true), 0, 1);
    }
    uint32_t hot = questions(rig, PAYMENTS_EFFECT_LOOK_AT_INTENT, false);
    assert_in_range(hot, 26, 31);
    pass(rig, 120 * MINUTE_MS);
    assert_in_range(questions(rig, PAYMENTS_EFFECT_LOOK_AT_INTENT, false) - hot, 10, 13);
    rig_close(rig);
}

/* While the provider is away one question waits, and no second is asked beside it. */
static void an_outage_makes_no_heap_of_questions(void **state)
{
    (void)state;
    static const struct sim_stripe_rates away = {
        .webhook_lost = SIM_STRIPE_CHANCE,
        .faults = {[SIM_STRIPE_NOT_SENT] = SIM_STRIPE_CHANCE},
    };
    static const struct sim_stripe_rates back = {.webhook_lost = SIM_STRIPE_CHANCE};
    struct rig *rig = open_without_webhooks();
    struct id escrow = open_deal(rig);
    assert_true(sim_stripe_pay(rig->stripe, escrow, SIM_PAY_GOOD));
    sim_stripe_set_rates(rig->stripe, &away);
    pass(rig, 60 * MINUTE_MS);
    assert_int_equal(questions(rig, PAYMENTS_EFFECT_LOOK_AT_INTENT, false), 1);
    sim_stripe_set_rates(rig->stripe, &back);
    pass(rig, 62 * SECOND_MS); /* its backoff is a minute at most */
    assert_true(rig_has_heard(rig, escrow, SUCCEEDED));
    rig_close(rig);
}

/* Whoever takes the lane over asks on: the moment stands in the leg's row. */
static void a_takeover_asks_on(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = open_deal(rig);
    assert_true(sim_stripe_pay(rig->stripe, escrow, SIM_PAY_GOOD));
    rig_end(rig);
    sim_world_pass(rig->world, 10 * MINUTE_MS * 1000);
    rig_start(rig);
    pass(rig, 45 * SECOND_MS); /* late by more than a minute: within the next half */
    assert_true(rig_has_heard(rig, escrow, SUCCEEDED));
    rig_assert_quiet(rig);
    rig_close(rig);
}

/* The first question about a deal that was paid like this, and the signal that its answer became. */
struct asked {
    struct id question;
    struct id signal;
};

static struct asked ask_about(enum sim_stripe_pay how)
{
    struct rig *rig = open_without_webhooks();
    struct asked asked = {.question = {.bytes = {0}}};
    uint32_t effects = 0;
    uint32_t intakes = 0;
    const struct effect_row *effect;
    const struct intake_row *intake;
    assert_true(sim_stripe_pay(rig->stripe, open_deal(rig), how));
    pass(rig, 31 * SECOND_MS);
    while ((effect = sim_db_next(rig->db, &engine_effect_table, &effects))) {
        if (effect->kind == (int)PAYMENTS_EFFECT_LOOK_AT_INTENT && !effect->open) {
            assert_true(id_is_none(asked.question));
            asked.question = effect->id;
        }
    }
    while ((intake = sim_db_next(rig->db, &engine_intake_table, &intakes))) {
        assert_true(id_is_none(asked.signal));
        asked.signal = intake->id;
    }
    assert_false(id_is_none(asked.question));
    assert_false(id_is_none(asked.signal));
    rig_close(rig);
    return asked;
}

/* A restored database may ask the same question and hear something else, while the log has what was heard the first time:
 * one id for both would put the deal aside. */
static void what_is_found_is_named_by_what_it_is(void **state)
{
    (void)state;
    struct asked paid = ask_about(SIM_PAY_GOOD);
    struct asked again = ask_about(SIM_PAY_GOOD);
    struct asked declined = ask_about(SIM_PAY_DECLINED);
    assert_true(id_eq(paid.question, again.question));
    assert_true(id_eq(paid.question, declined.question));
    assert_true(id_eq(paid.signal, again.signal));
    assert_false(id_eq(paid.signal, declined.signal));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payment_is_found),
        cmocka_unit_test(a_webhook_that_comes_late_is_nothing_new),
        cmocka_unit_test(a_decline_is_told_once),
        cmocka_unit_test(a_transfer_whose_key_broke_is_found),
        cmocka_unit_test(what_is_not_found_is_no_failure),
        cmocka_unit_test(a_refund_is_found_when_it_settles),
        cmocka_unit_test(there_is_a_bound_to_asking),
        cmocka_unit_test(an_outage_makes_no_heap_of_questions),
        cmocka_unit_test(a_takeover_asks_on),
        cmocka_unit_test(what_is_found_is_named_by_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
