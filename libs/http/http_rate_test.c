/* Quotas by a clock of the test's own. */
#include "http/http_rate.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/defer.h"

#define NOW_US INT64_C(1000000000)
#define SECOND_US INT64_C(1000000)
#define ARENA_BYTES ((size_t)4 * 1024 * 1024)

struct fixture {
    struct arena arena;
    struct http_rate *rate;
};

static struct http_rate *make(struct fixture *fixture, uint32_t quota)
{
    struct op op = {.arena = &fixture->arena};
    http_rate_free(fixture->rate);
    assert_int_equal(http_rate_new(&op, "token", quota, &fixture->rate).kind, STATUS_OK);
    return fixture->rate;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.rate = NULL};
    arena_init(&fixture.arena, ARENA_BYTES);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_rate_free(fixture->rate);
    arena_fini(&fixture->arena);
    return 0;
}

/* How many of `tries` are let through at one moment. */
static uint32_t let_through(struct http_rate *rate, struct str key, bool reserve, uint32_t tries,
                            int64_t now_us)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tries; i++) {
        count += http_rate_take(rate, key, reserve, now_us).allowed;
    }
    return count;
}

static void a_quota_is_let_through_at_once_and_comes_back_evenly(void **state)
{
    static const uint32_t quotas[] = {1, 3, 10, 8000, HTTP_RATE_QUOTA_MAX};
    for (size_t i = 0; i < ARRAY_LEN(quotas); i++) {
        struct http_rate *rate = make(*state, quotas[i]);
        struct str key = STR("a");
        assert_int_equal(let_through(rate, key, false, quotas[i] + 5, NOW_US), quotas[i]);
        int64_t half_us = NOW_US + HTTP_RATE_WINDOW_S * SECOND_US / 2;
        assert_int_equal(let_through(rate, key, false, quotas[i] + 5, half_us), quotas[i] / 2);
        int64_t later_us = half_us + 2 * HTTP_RATE_WINDOW_S * SECOND_US;
        assert_int_equal(let_through(rate, key, false, quotas[i] + 5, later_us), quotas[i]);
    }
}

static void the_verdict_says_what_is_left_and_when_to_come_again(void **state)
{
    struct http_rate *rate = make(*state, 5); /* one in two seconds */
    struct str key = STR("a");
    struct http_rate_verdict verdict = http_rate_look(rate, key, false, NOW_US);
    assert_true(verdict.allowed);
    assert_int_equal(verdict.remaining, 5);
    assert_int_equal(verdict.reset_s, 0);
    for (int64_t left = 4; left >= 0; left--) {
        verdict = http_rate_take(rate, key, false, NOW_US);
        assert_true(verdict.allowed);
        assert_int_equal(verdict.remaining, left);
        assert_int_equal(verdict.reset_s, 2 * (5 - left));
        assert_int_equal(verdict.retry_after_s, 0);
    }
    verdict = http_rate_take(rate, key, false, NOW_US + 1);
    assert_false(verdict.allowed);
    assert_int_equal(verdict.retry_after_s, 2);
    assert_int_equal(http_rate_look(rate, key, false, NOW_US + SECOND_US).retry_after_s, 1);
    int64_t again_us = NOW_US + 2 * SECOND_US;
    assert_false(http_rate_look(rate, key, false, again_us - 1).allowed);
    assert_true(http_rate_look(rate, key, false, again_us).allowed);
    assert_true(http_rate_take(rate, key, false, again_us).allowed); /* looking took nothing */
    assert_false(http_rate_take(rate, key, false, again_us).allowed);
}

static void keys_do_not_pay_for_each_other(void **state)
{
    struct http_rate *rate = make(*state, 2);
    assert_int_equal(let_through(rate, STR("a"), false, 9, NOW_US), 2);
    assert_int_equal(let_through(rate, STR("b"), false, 9, NOW_US), 2);
    assert_int_equal(let_through(rate, STR(""), false, 9, NOW_US), 2);
}

static void the_reserve_is_one_more_quota_and_no_more(void **state)
{
    struct http_rate *rate = make(*state, 10);
    struct str key = STR("a");
    assert_int_equal(let_through(rate, key, false, 99, NOW_US), 10);
    assert_int_equal(let_through(rate, key, true, 99, NOW_US), 10);
    assert_int_equal(http_rate_look(rate, key, false, NOW_US).remaining, 0);
    int64_t half_us = NOW_US + HTTP_RATE_WINDOW_S * SECOND_US / 2;
    assert_int_equal(let_through(rate, key, false, 99, half_us), 0); /* what was overdrawn first */
    assert_int_equal(let_through(rate, key, true, 99, half_us), 5);
}

/* Far more keys than places: whoever owes most is remembered, and the table does not grow. */
static void the_table_forgets_those_who_owe_least(void **state)
{
    struct http_rate *rate = make(*state, 50);
    struct str loud = STR("loud");
    assert_int_equal(let_through(rate, loud, false, 50, NOW_US), 50);
    for (uint32_t i = 0; i < 4 * HTTP_RATE_KEYS_MAX; i++) {
        char name[16];
        int len = snprintf(name, sizeof(name), "%u", i);
        struct str key = {.ptr = name, .len = (size_t)len};
        assert_true(http_rate_take(rate, key, false, NOW_US).allowed);
    }
    assert_true(http_rate_forgotten(rate) > HTTP_RATE_KEYS_MAX);
    assert_false(http_rate_look(rate, loud, false, NOW_US).allowed);
    uint64_t before = http_rate_forgotten(rate);
    int64_t later_us = NOW_US + HTTP_RATE_WINDOW_S * SECOND_US;
    assert_true(http_rate_take(rate, STR("new"), false, later_us).allowed);
    assert_int_equal(http_rate_forgotten(rate), before); /* those who owe nothing are not missed */
}

#define THREADS 4
#define TRIES 5000

struct crowd {
    struct http_rate *rate;
    _Atomic uint32_t let_through;
};

static void *push(void *arg)
{
    struct crowd *crowd = arg;
    atomic_fetch_add(&crowd->let_through, let_through(crowd->rate, STR("a"), false, TRIES, NOW_US));
    return NULL;
}

static void a_crowd_gets_no_more_than_one(void **state)
{
    struct crowd crowd = {.rate = make(*state, TRIES + 1)};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, push, &crowd), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&crowd.let_through), TRIES + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_quota_is_let_through_at_once_and_comes_back_evenly, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_verdict_says_what_is_left_and_when_to_come_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keys_do_not_pay_for_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(the_reserve_is_one_more_quota_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(the_table_forgets_those_who_owe_least, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crowd_gets_no_more_than_one, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
