/* The generator is splitmix64; waits keep their bounds. */
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

static void it_is_splitmix64(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)};
    struct random random = random_seeded(1234567);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_true(random_next(&random) == expected[i]);
    }
}

static void below_stays_below(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    bool seen[10] = {false};
    for (int i = 0; i < 1000; i++) {
        uint64_t number = random_below(&random, 10);
        assert_true(number < 10);
        seen[number] = true;
        assert_int_equal(random_below(&random, 1), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        assert_true(seen[i]);
    }
}

static void waits_keep_their_bounds(void **state)
{
    (void)state;
    struct random random = random_seeded(7);

    static const struct {
        uint32_t attempt;
        int64_t ceiling_ms;
    } cases[] = {{0, 100},  {1, 200},   {2, 400},          {5, 3200},
                 {6, 5000}, {40, 5000}, {UINT32_MAX, 5000}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t smallest_ms = INT64_MAX;
        int64_t largest_ms = 0;
        for (int round = 0; round < 2000; round++) {
            int64_t wait_ms = random_backoff_ms(&random, cases[i].attempt, 100, 5000);
            smallest_ms = wait_ms < smallest_ms ? wait_ms : smallest_ms;
            largest_ms = wait_ms > largest_ms ? wait_ms : largest_ms;
        }
        assert_true(smallest_ms >= 100);
        assert_true(largest_ms <= cases[i].ceiling_ms);
        assert_true(smallest_ms <= 100 + (cases[i].ceiling_ms - 100) / 50); /* jitter is full */
        assert_true(largest_ms >= cases[i].ceiling_ms - (cases[i].ceiling_ms - 100) / 50);
    }
    for (int round = 0; round < 100; round++) {
        int64_t wait_ms = random_backoff_ms(&random, UINT32_MAX, 1, INT64_MAX);
        assert_true(wait_ms >= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_splitmix64),
        cmocka_unit_test(below_stays_below),
        cmocka_unit_test(waits_keep_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
