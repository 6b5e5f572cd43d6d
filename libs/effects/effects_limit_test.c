/* What the other side says of its limits is obeyed to the millisecond. */
#include "effects/effects_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"

#define NOW INT64_C(1000000)
#define A UINT64_C(11)
#define B UINT64_C(22)
#define WINDOW_MS 600000

static struct effects_limit *fresh(const struct effects_limit_options *options)
{
    static struct effects_limit limit;
    effects_limit_init(&limit, options);
    return &limit;
}

static struct effects_limit *easy(void)
{
    const struct effects_limit_options options = {.per_second_max = 0};
    return fresh(&options);
}

static struct httpc_answer good(int64_t remaining, int64_t reset_after_ms)
{
    return (struct httpc_answer){
        .outcome = HTTPC_ANSWERED,
        .status = 200,
        .limit = {.told = true, .remaining = remaining, .reset_after_ms = reset_after_ms}};
}

static struct httpc_answer limited(int64_t retry_after_ms, int64_t reset_after_ms, bool everything)
{
    return (struct httpc_answer){.outcome = HTTPC_ANSWERED,
                                 .status = 429,
                                 .retry_after_ms = retry_after_ms,
                                 .limit = {.told = true,
                                           .everything = everything,
                                           .remaining = -1,
                                           .reset_after_ms = reset_after_ms}};
}

static void buckets_are_method_and_path(void **state)
{
    (void)state;
    uint64_t one = effects_limit_bucket(STR("POST"), STR("/channels/1/messages"));
    assert_true(one == effects_limit_bucket(STR("POST"), STR("/channels/1/messages")));
    assert_true(one != effects_limit_bucket(STR("POST"), STR("/channels/2/messages")));
    assert_true(one != effects_limit_bucket(STR("GET"), STR("/channels/1/messages")));
}

static void what_is_not_known_may_go(void **state)
{
    (void)state;
    struct effects_limit *limit = easy();
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(effects_limit_ask(limit, A, NOW), 0);
    }
}

static void a_bucket_is_used_up_until_it_ends(void **state)
{
    (void)state;
    struct effects_limit *limit = easy();
    struct httpc_answer answer = good(2, 5000);
    effects_limit_told(limit, A, &answer, NOW);
    assert_int_equal(effects_limit_ask(limit, A, NOW), 0);
    assert_int_equal(effects_limit_ask(limit, A, NOW + 1), 0);
    assert_int_equal(effects_limit_ask(limit, A, NOW + 1), 4999);
    assert_int_equal(effects_limit_ask(limit, B, NOW + 1), 0);
    assert_int_equal(effects_limit_ask(limit, A, NOW + 4999), 1);
    assert_int_equal(effects_limit_ask(limit, A, NOW + 5000), 0);
}

/* Answers may come late and in another order: those that went out meanwhile are not given back. */
static void the_fewer_calls_count(void **state)
{
    (void)state;
    struct effects_limit *limit = easy();
    struct httpc_answer answer = good(2, 5000);
    effects_limit_told(limit, A, &answer, NOW);
    assert_int_equal(effects_limit_ask(limit, A, NOW), 0);
    assert_int_equal(effects_limit_ask(limit, A, NOW), 0);
    answer = good(1, 4000);
    effects_limit_told(limit, A, &answer, NOW + 1000);
    assert_int_equal(effects_limit_ask(limit, A, NOW + 1000), 4000);
    answer = good(0, 3000);
    effects_limit_told(limit, B, &answer, NOW);
    assert_int_equal(effects_limit_ask(limit, B, NOW), 3000);
}

static void a_429_closes_its_bucket(void **state)
{
    (void)state;
    struct effects_limit *limit = easy();
    struct httpc_answer answer = limited(2000, 1500, false);
    effects_limit_told(limit, A, &answer, NOW);
    assert_int_equal(effects_limit_ask(limit, A, NOW), 2000);
    assert_int_equal(effects_limit_ask(limit, A, NOW + 1999), 1);
    assert_int_equal(effects_limit_ask(limit, A, NOW + 2000), 0);
    assert_int_equal(effects_limit_ask(limit, B, NOW), 0);
    answer = limited(0, 1500, false);
    effects_limit_told(limit, B, &answer, NOW);
    assert_int_equal(effects_limit_ask(limit, B, NOW), 1500);
    answer = limited(0, 0, false);
    effects_limit_told(limit, B, &answer, NOW + 3000);
    assert_int_equal(effects_limit_ask(limit, B, NOW + 3000), EFFECTS_LIMIT_WAIT_MS);
}

static void a_429_for_everything_closes_everything(void **state)
{
    (void)state;
    struct effects_limit *limit = easy();
    struct httpc_answer answer = limited(2000, 0, true);
    effects_limit_told(limit, A, &answer, NOW);
    assert_int_equal(effects_limit_ask(limit, B, NOW), 2000);
    answer = limited(1000, 0, true); /* a shorter one does not open it */
    effects_limit_told(limit, A, &answer, NOW);
    assert_int_equal(effects_limit_ask(limit, B, NOW + 1999), 1);
    assert_int_equal(effects_limit_ask(limit, B, NOW + 2000), 0);
    answer = limited(7000, 0, false);
    answer.limit.told =
        false; /* no word of a bucket: from what stands in front of the other side */
    effects_limit_told(limit, A, &answer, NOW + 2000);
    assert_int_equal(effects_limit_ask(limit, B, NOW + 2000), 7000);
}

static void a_wrong_key_closes_everything(void **state)
{
    (void)state;
    struct effects_limit *limit = easy();
    struct httpc_answer answer = {.outcome = HTTPC_ANSWERED, .status = 401};
    effects_limit_told(limit, A, &answer, NOW);
    assert_int_equal(effects_limit_ask(limit, B, NOW), EFFECTS_LIMIT_DENIED_MS);
    answer = (struct httpc_answer){.outcome = HTTPC_UNKNOWN, .status = 401};
    effects_limit_told(limit, A, &answer, NOW + EFFECTS_LIMIT_DENIED_MS);
    assert_int_equal(effects_limit_ask(limit, B, NOW + EFFECTS_LIMIT_DENIED_MS), 0);
}

static void the_pace_is_kept(void **state)
{
    (void)state;
    const struct effects_limit_options options = {.per_second_max = 3};
    struct effects_limit *limit = fresh(&options);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(effects_limit_ask(limit, A, NOW + i), 0);
    }
    assert_int_equal(effects_limit_ask(limit, B, NOW + 3), 997);
    assert_int_equal(effects_limit_ask(limit, B, NOW + 999), 1);
    assert_int_equal(effects_limit_ask(limit, B, NOW + 1000), 0);
}

/* What nothing can get through is known without asking. */
static void there_is_room_for_so_many(void **state)
{
    (void)state;
    const struct effects_limit_options options = {.per_second_max = 3};
    struct effects_limit *limit = fresh(&options);
    assert_int_equal(effects_limit_room(limit, NOW), 3);
    assert_int_equal(effects_limit_ask(limit, A, NOW), 0);
    assert_int_equal(effects_limit_room(limit, NOW + 999), 2);
    assert_int_equal(effects_limit_ask(limit, A, NOW), 0);
    assert_int_equal(effects_limit_ask(limit, A, NOW), 0);
    assert_int_equal(effects_limit_room(limit, NOW + 999), 0);
    assert_int_equal(effects_limit_room(limit, NOW + 1000), 3);
    struct httpc_answer answer = limited(2000, 0, true);
    effects_limit_told(limit, A, &answer, NOW + 1000);
    assert_int_equal(effects_limit_room(limit, NOW + 2999), 0);
    assert_int_equal(effects_limit_room(limit, NOW + 3000), 3);
    answer = good(0, 5000); /* a bucket holds back its own calls only */
    effects_limit_told(limit, A, &answer, NOW + 3000);
    assert_int_equal(effects_limit_room(limit, NOW + 3000), 3);
    assert_true(effects_limit_room(easy(), NOW) > 1000);
}

/* Who is held back is not counted: it did not go. */
static void waiting_costs_nothing(void **state)
{
    (void)state;
    const struct effects_limit_options options = {.per_second_max = 2};
    struct effects_limit *limit = fresh(&options);
    struct httpc_answer answer = good(0, 500);
    effects_limit_told(limit, A, &answer, NOW);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(effects_limit_ask(limit, A, NOW), 500);
    }
    assert_int_equal(effects_limit_ask(limit, B, NOW), 0);
    assert_int_equal(effects_limit_ask(limit, B, NOW), 0);
}

static void too_many_refusals_close_everything(void **state)
{
    (void)state;
    static const int32_t statuses[] = {403, 404, 429, 403};
    const struct effects_limit_options options = {.refused_max = 4, .refused_window_ms = WINDOW_MS};
    struct effects_limit *limit = fresh(&options);
    struct httpc_answer answer = good(9, 1);
    effects_limit_told(limit, B, &answer, NOW); /* not one of them */
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        assert_int_equal(effects_limit_ask(limit, B, NOW + (int64_t)i * 100000), 0);
        answer = (struct httpc_answer){.outcome = HTTPC_ANSWERED,
                                       .status = statuses[i],
                                       .retry_after_ms = 1,
                                       .limit = {.told = true, .remaining = -1}};
        effects_limit_told(limit, A, &answer, NOW + (int64_t)i * 100000);
        assert_int_equal(effects_limit_refused(limit, NOW + (int64_t)i * 100000), i + 1);
    }
    /* The first leaves when its slice is as old as the window. */
    int64_t wait_ms = effects_limit_ask(limit, B, NOW + 300000);
    assert_in_range(wait_ms, 240000, 300000);
    assert_true(effects_limit_ask(limit, B, NOW + 300000 + wait_ms - 1) > 0);
    assert_int_equal(effects_limit_ask(limit, B, NOW + 300000 + wait_ms), 0);
    assert_int_equal(effects_limit_refused(limit, NOW + 300000 + wait_ms), 3);
    effects_limit_told(limit, A, &answer, NOW + 300000 + wait_ms);
    assert_true(effects_limit_ask(limit, B, NOW + 300000 + wait_ms) > 0);
    assert_int_equal(effects_limit_ask(limit, B, NOW + INT64_C(10000000000)), 0);
}

/* With more buckets than places the one that ends next is forgotten; its calls meet a 429. */
static void buckets_are_bounded(void **state)
{
    (void)state;
    struct effects_limit *limit = easy();
    for (uint64_t i = 0; i < EFFECTS_LIMIT_BUCKETS_MAX; i++) {
        struct httpc_answer answer = good(0, 1000 + (int64_t)i);
        effects_limit_told(limit, i + 1, &answer, NOW);
    }
    struct httpc_answer answer = good(0, 9000);
    effects_limit_told(limit, 5000, &answer, NOW);
    assert_int_equal(effects_limit_ask(limit, 1, NOW), 0);
    assert_int_equal(effects_limit_ask(limit, 2, NOW), 1001);
    assert_int_equal(effects_limit_ask(limit, 5000, NOW), 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_method_and_path),
        cmocka_unit_test(what_is_not_known_may_go),
        cmocka_unit_test(a_bucket_is_used_up_until_it_ends),
        cmocka_unit_test(the_fewer_calls_count),
        cmocka_unit_test(a_429_closes_its_bucket),
        cmocka_unit_test(a_429_for_everything_closes_everything),
        cmocka_unit_test(a_wrong_key_closes_everything),
        cmocka_unit_test(the_pace_is_kept),
        cmocka_unit_test(there_is_room_for_so_many),
        cmocka_unit_test(waiting_costs_nothing),
        cmocka_unit_test(too_many_refusals_close_everything),
        cmocka_unit_test(buckets_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
