/* Which rail takes what, and whose an effect is. */
#include "payments/payments_rail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/defer.h"
#include "payments/payments_rail_stripe.h"

/* REQ-H1: up to and including 10,000.00 USD by card; above it nothing yet. */
static void the_rail_is_chosen_by_rule(void **state)
{
    (void)state;

    static const struct {
        enum currency currency;
        int64_t amount_minor;
        enum leg_rail rail;
    } rows[] = {
        {CURRENCY_USD, INT64_MIN, LEG_RAIL_NONE}, {CURRENCY_USD, 0, LEG_RAIL_NONE},
        {CURRENCY_USD, 1, LEG_RAIL_STRIPE},       {CURRENCY_USD, 1000000, LEG_RAIL_STRIPE},
        {CURRENCY_USD, 1000001, LEG_RAIL_NONE},   {CURRENCY_USD, INT64_MAX, LEG_RAIL_NONE},
        {CURRENCY_NONE, 1, LEG_RAIL_NONE},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(payments_rail_choose(rows[i].currency, rows[i].amount_minor),
                         rows[i].rail);
    }
}

/* Every row is whole, and found by all that name it. */
static void every_rail_is_whole(void **state)
{
    (void)state;
    for (int kind = LEG_RAIL_NONE + 1; kind < LEG_RAIL_COUNT; kind++) {
        const struct payments_rail *rail = payments_rail_of((enum leg_rail)kind);
        assert_non_null(rail);
        assert_int_equal(rail->kind, kind);
        assert_true(rail->name.len > 0);
        assert_true(rail->amount_max_minor > 0);
        assert_true(rail->request && rail->look_up && rail->judge && rail->read && rail->hear);
        assert_true(rail->fact && rail->told);
        assert_ptr_equal(payments_rail_named(rail->name), rail);
        for (int i = PAYMENTS_EFFECT_NONE + 1; i < PAYMENTS_EFFECT_COUNT; i++) {
            enum payments_effect_kind operation = (enum payments_effect_kind)i;
            int number = payments_rail_effect_kind((enum leg_rail)kind, operation);
            assert_ptr_equal(payments_rail_of_effect(number), rail);
            assert_int_equal(payments_rail_operation(number), operation);
        }
    }
    assert_null(payments_rail_named(STR("strip")));
    assert_null(payments_rail_named(STR("")));
    /* They stand in rows: Stripe's numbers are the operations'. */
    assert_int_equal(payments_rail_effect_kind(LEG_RAIL_STRIPE, PAYMENTS_EFFECT_CREATE_REFUND),
                     PAYMENTS_EFFECT_CREATE_REFUND);
}

/* Those alone are forgotten when they are old: a call that moves money is among its evidence. */
static void questions_are_told_from_calls(void **state)
{
    static const int questions[] = {PAYMENTS_RAIL_QUESTIONS};
    _Static_assert(ARRAY_LEN(questions) == PAYMENTS_RAIL_QUESTION_COUNT, "all of them");
    (void)state;
    for (int rail = LEG_RAIL_NONE + 1; rail < LEG_RAIL_COUNT; rail++) {
        for (int i = PAYMENTS_EFFECT_NONE + 1; i < PAYMENTS_EFFECT_COUNT; i++) {
            int number =
                payments_rail_effect_kind((enum leg_rail)rail, (enum payments_effect_kind)i);
            bool named = false;
            for (size_t q = 0; q < ARRAY_LEN(questions); q++) {
                named |= questions[q] == number;
            }
            assert_int_equal(named, i >= PAYMENTS_EFFECT_LOOK_AT_INTENT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rail_is_chosen_by_rule),
        cmocka_unit_test(every_rail_is_whole),
        cmocka_unit_test(questions_are_told_from_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
