/* Each bound, each rounding, and sums that are exact for any terms. */
#include "base/fee.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/random.h"

static struct fee_terms terms(int64_t buyer_points, int64_t buyer_fixed, int64_t seller_points,
                              int64_t seller_fixed)
{
    return (struct fee_terms){.buyer = {buyer_points, buyer_fixed},
                              .seller = {seller_points, seller_fixed}};
}

static void without_fees_the_price_is_all(void **state)
{
    (void)state;
    const struct fee_terms none = terms(0, 0, 0, 0);
    struct fee_split split;
    assert_true(fee_try_split(12345, &none, &split));
    assert_int_equal(split.buyer_pays_minor, 12345);
    assert_int_equal(split.seller_gets_minor, 12345);
    assert_int_equal(split.platform_gets_minor, 0);
    assert_int_equal(split.refund_minor, 12345);
}

static void the_remainder_stays_with_who_pays_the_fee(void **state)
{
    (void)state;
    const struct fee_terms some = terms(250, 30, 199, 5);
    struct fee_split split;
    assert_true(fee_try_split(999, &some, &split));
    assert_int_equal(split.buyer_fee_minor, 24 + 30); /* 24.975 */
    assert_int_equal(split.seller_fee_minor, 19 + 5); /* 19.8801 */
    assert_int_equal(split.buyer_pays_minor, 999 + 54);
    assert_int_equal(split.seller_gets_minor, 999 - 24);
}

static void a_refund_gives_the_fee_back_when_it_was_agreed(void **state)
{
    (void)state;
    struct fee_terms some = terms(1000, 0, 500, 0);
    struct fee_split split;
    assert_true(fee_try_split(1000, &some, &split));
    assert_int_equal(split.refund_minor, 1000);
    some.buyer_refundable = true;
    assert_true(fee_try_split(1000, &some, &split));
    assert_int_equal(split.refund_minor, 1100);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;

    const struct {
        int64_t price_minor;
        struct fee_terms terms;
        bool good;
    } rows[] = {
        {1, {.buyer = {0, 0}}, true},
        {0, {.buyer = {0, 0}}, false},
        {-1, {.buyer = {0, 0}}, false},
        {1000, {.buyer = {FEE_BASIS_POINTS_MAX, FEE_FIXED_MAX_MINOR}}, true},
        {1000, {.buyer = {FEE_BASIS_POINTS_MAX + 1, 0}}, false},
        {1000, {.buyer = {0, FEE_FIXED_MAX_MINOR + 1}}, false},
        {1000, {.buyer = {-1, 0}}, false},
        {1000, {.buyer = {0, -1}}, false},
        {1000, {.seller = {-1, 0}}, false},
        {1000, {.seller = {0, -1}}, false},
        {1000, {.seller = {FEE_BASIS_POINTS_MAX + 1, 0}}, false},
        {1000, {.seller = {FEE_BASIS_POINTS_MAX, 0}}, false}, /* nothing is left for the seller */
        {1000, {.seller = {0, 999}}, true},
        {1000, {.seller = {0, 1000}}, false},
        {1000, {.seller = {9990, 1}}, false},
        {INT64_MAX, {.buyer = {0, 0}}, true},
        {INT64_MAX / 2, {.buyer = {3, 0}}, false}, /* does not fit while it is worked out */
        {INT64_MAX, {.buyer = {0, 1}}, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fee_split split = {.refund_minor = -7};
        bool good = fee_try_split(rows[i].price_minor, &rows[i].terms, &split);
        if (good != rows[i].good || (!good && split.refund_minor != -7)) {
            fail_msg("row %zu", i);
        }
    }
}

static void sums_are_exact_for_any_terms(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    uint32_t good = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        int64_t price_minor = 1 + (int64_t)random_below(&random, 99999999);
        struct fee_terms some =
            terms((int64_t)random_below(&random, 3000), (int64_t)random_below(&random, 500),
                  (int64_t)random_below(&random, 3000), (int64_t)random_below(&random, 500));
        some.buyer_refundable = random_below(&random, 2) == 0;
        struct fee_split split;
        if (!fee_try_split(price_minor, &some, &split)) {
            continue;
        }
        good++;
        assert_int_equal(split.buyer_pays_minor, price_minor + split.buyer_fee_minor);
        assert_int_equal(split.buyer_pays_minor,
                         split.seller_gets_minor + split.platform_gets_minor);
        assert_int_equal(split.seller_gets_minor + split.seller_fee_minor, price_minor);
        assert_true(split.seller_gets_minor > 0);
        /* Rounded down: one unit more would be more than the share. */
        int64_t share = split.buyer_fee_minor - some.buyer.fixed_minor;
        assert_true(share * 10000 <= price_minor * some.buyer.basis_points);
        assert_true((share + 1) * 10000 > price_minor * some.buyer.basis_points);
    }
    assert_true(good > 19000);
}

static void a_part_costs_its_share(void **state)
{
    (void)state;

    const struct {
        int64_t fee_minor, price_minor, part_minor;
        int64_t of_minor; /* -1: cannot be */
    } rows[] = {
        {520, 10000, 0, 0},
        {520, 10000, 1, 0},
        {520, 10000, 19, 0},
        {520, 10000, 20, 1},
        {520, 10000, 4000, 208},
        {520, 10000, 9999, 519},
        {520, 10000, 10000, 520},
        {0, 10000, 5000, 0},
        {520, 10000, -1, -1},
        {520, 10000, 10001, -1},
        {-1, 10000, 5000, -1},
        {520, 0, 0, -1},
        {1, INT64_MAX, INT64_MAX, 1},
        {2, INT64_MAX, INT64_MAX, -1}, /* does not fit while it is worked out */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t of_minor = -7;
        bool good =
            fee_try_part(rows[i].fee_minor, rows[i].price_minor, rows[i].part_minor, &of_minor);
        if (good != (rows[i].of_minor >= 0) || of_minor != (good ? rows[i].of_minor : -7)) {
            fail_msg("row %zu: %" PRId64, i, of_minor);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_fees_the_price_is_all),
        cmocka_unit_test(the_remainder_stays_with_who_pays_the_fee),
        cmocka_unit_test(a_refund_gives_the_fee_back_when_it_was_agreed),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(sums_are_exact_for_any_terms),
        cmocka_unit_test(a_part_costs_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
