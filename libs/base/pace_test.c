/* A burst at once, then one each interval; idle time fills the bucket again, and no further than its size. */
#include "base/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"

#define BEGIN_US INT64_C(1700000000000000)

static void takes(struct pace *pace, int64_t now_us, int64_t waited_us)
{
    assert_int_equal(pace_wait_us(pace, now_us), waited_us);
    pace_take(pace, now_us + waited_us);
}

static void a_burst_then_one_each_interval(void **state)
{
    (void)state;
    struct pace pace = {.interval_us = 1000, .burst = 3};
    takes(&pace, BEGIN_US, 0);
    takes(&pace, BEGIN_US, 0);
    takes(&pace, BEGIN_US, 0);
    takes(&pace, BEGIN_US, 1000);
    takes(&pace, BEGIN_US + 1000, 1000);
    takes(&pace, BEGIN_US + 2300, 700);
    assert_int_equal(pace_wait_us(&pace, BEGIN_US + 3999), 1);
    assert_int_equal(pace_wait_us(&pace, BEGIN_US + 4000), 0);
}

static void idle_time_gives_a_burst_and_no_more(void **state)
{
    (void)state;
    struct pace pace = {.interval_us = 1000, .burst = 2};
    takes(&pace, BEGIN_US, 0);
    takes(&pace, BEGIN_US + 3600000000, 0);
    takes(&pace, BEGIN_US + 3600000000, 0);
    takes(&pace, BEGIN_US + 3600000000, 1000);
}

static void who_does_not_wait_makes_the_next_wait_longer(void **state)
{
    (void)state;
    struct pace pace = {.interval_us = 1000, .burst = 1};
    pace_take(&pace, BEGIN_US);
    pace_take(&pace, BEGIN_US);
    assert_int_equal(pace_wait_us(&pace, BEGIN_US), 2000);
}

static void no_interval_never_waits(void **state)
{
    (void)state;
    struct pace pace = {.interval_us = 0, .burst = 1};
    for (int i = 0; i < 100; i++) {
        takes(&pace, BEGIN_US, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_then_one_each_interval),
        cmocka_unit_test(idle_time_gives_a_burst_and_no_more),
        cmocka_unit_test(who_does_not_wait_makes_the_next_wait_longer),
        cmocka_unit_test(no_interval_never_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
