#include "bench_histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct bench_histogram histogram;

static int empty(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    return 0;
}

static void test_empty(void **state)
{
    (void)state;
    assert_int_equal(bench_histogram_at(&histogram, 9900), 0);
}

static void test_ranks(void **state)
{
    (void)state;
    for (int64_t us = 100; us >= 1; us--) {
        bench_histogram_add(&histogram, us);
    }
    assert_int_equal(bench_histogram_at(&histogram, 1), 1);
    assert_int_equal(bench_histogram_at(&histogram, 5000), 50);
    assert_int_equal(bench_histogram_at(&histogram, 9900), 99);
    assert_int_equal(bench_histogram_at(&histogram, 9901), 100);
    assert_int_equal(bench_histogram_at(&histogram, 10000), 100);
}

/* At each border of a step: never below what was added, and less than 1 % above. */
static void test_accuracy(void **state)
{
    (void)state;
    for (int bits = 0; bits < 40; bits++) {
        for (int64_t off = -2; off <= 2; off++) {
            int64_t us = (INT64_C(1) << bits) + off;
            if (us <= 0) {
                continue;
            }
            memset(&histogram, 0, sizeof(histogram));
            bench_histogram_add(&histogram, us);
            bench_histogram_add(&histogram, INT64_C(1)
                                                << 40); /* the maximum bounds nothing below */
            int64_t told = bench_histogram_at(&histogram, 5000);
            assert_true(told >= us);
            assert_true(told - us <= us / 100);
        }
    }
}

static void test_beyond(void **state)
{
    (void)state;
    bench_histogram_add(&histogram, -5);
    bench_histogram_add(&histogram, INT64_MAX);
    assert_int_equal(bench_histogram_at(&histogram, 5000), 0);
    assert_true(bench_histogram_at(&histogram, 10000) > INT64_C(1) << 40);
    assert_int_equal(histogram.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_empty, empty),
        cmocka_unit_test_setup(test_ranks, empty),
        cmocka_unit_test_setup(test_accuracy, empty),
        cmocka_unit_test_setup(test_beyond, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
