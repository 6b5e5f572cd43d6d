/* Money at the bounds of int64, and as people read it. */
#include "base/money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

static void sums_are_checked(void **state)
{
    (void)state;
    struct op op = {.now_us = 0};
    int64_t sum = 77;
    assert_int_equal(money_add(&op, INT64_MAX - 1, 1, &sum).kind, STATUS_OK);
    assert_true(sum == INT64_MAX);
    assert_int_equal(money_add(&op, INT64_MAX, 1, &sum).kind, STATUS_BUG);
    assert_string_equal(op.err.code, "money.overflow");
    assert_true(sum == INT64_MAX);
    assert_int_equal(money_add(&op, INT64_MIN, -1, &sum).kind, STATUS_BUG);
    assert_true(money_try_sub(INT64_MIN + 1, 1, &sum));
    assert_true(sum == INT64_MIN);
    assert_false(money_try_sub(INT64_MIN, 1, &sum));
    assert_false(money_try_sub(0, INT64_MIN, &sum));
    assert_true(sum == INT64_MIN);
    assert_true(money_try_add(-5, 5, &sum));
    assert_int_equal(sum, 0);
    assert_false(money_try_sub(INT64_MAX, -1, &sum));
    assert_int_equal(sum, 0);
}

static void currencies_have_one_name(void **state)
{
    (void)state;
    enum currency currency = CURRENCY_NONE;
    for (int i = CURRENCY_NONE + 1; i < CURRENCY_COUNT; i++) {
        assert_true(currency_parse(currency_name((enum currency)i), &currency));
        assert_int_equal(currency, i);
    }
    static const char *const bad[] = {"", "usd", "USD ", "EUR", "US"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        currency = CURRENCY_NONE;
        assert_false(currency_parse(str_of(bad[i]), &currency));
        assert_int_equal(currency, CURRENCY_NONE);
    }
    assert_int_equal(currency_digits(CURRENCY_USD), 2);
}

static void amounts_are_shown(void **state)
{
    (void)state;

    const struct {
        int64_t minor;
        const char *text;
    } cases[] = {
        {0, "0.00 USD"},
        {1, "0.01 USD"},
        {-1, "-0.01 USD"},
        {99, "0.99 USD"},
        {100, "1.00 USD"},
        {123450, "1234.50 USD"},
        {INT64_MAX, "92233720368547758.07 USD"},
        {INT64_MIN, "-92233720368547758.08 USD"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[MONEY_TEXT_BYTES];
        money_format(cases[i].minor, CURRENCY_USD, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_checked),
        cmocka_unit_test(currencies_have_one_name),
        cmocka_unit_test(amounts_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
