/* When it opens, who may pass then, when it closes; and how often something may be made again. */
#include "effects/effects_breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW INT64_C(5000000)

static struct effects_breaker fresh(void)
{
    struct effects_breaker breaker;
    effects_breaker_init(&breaker, 7, NOW);
    return breaker;
}

static struct effects_breaker opened(int64_t *ret_now_ms)
{
    struct effects_breaker breaker = fresh();
    effects_breaker_told(&breaker, false, NOW);
    effects_breaker_told(&breaker, false, NOW + 5000);
    effects_breaker_told(&breaker, false, NOW + 10001);
    assert_int_equal(breaker.state, EFFECTS_BREAKER_OPEN);
    *ret_now_ms = NOW + 10001;
    return breaker;
}

/* Longer than ten seconds, by three calls at least, and none of them forgotten. */
static void it_opens_when_all_is_bad_for_long(void **state)
{
    (void)state;

    static const struct {
        int64_t at_ms[4];
        uint32_t count;
        enum effects_breaker_state state;
    } rows[] = {
        {{0, 5000, 10000}, 3, EFFECTS_BREAKER_CLOSED}, {{0, 5000, 10001}, 3, EFFECTS_BREAKER_OPEN},
        {{0, 10001}, 2, EFFECTS_BREAKER_CLOSED},       {{0, 1, 60001}, 3, EFFECTS_BREAKER_OPEN},
        {{0, 1, 60002}, 3, EFFECTS_BREAKER_CLOSED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct effects_breaker breaker = fresh();
        for (uint32_t call = 0; call < rows[i].count; call++) {
            effects_breaker_told(&breaker, false, NOW + rows[i].at_ms[call]);
        }
        assert_int_equal(breaker.state, rows[i].state);
        assert_int_equal(breaker.opened, rows[i].state == EFFECTS_BREAKER_OPEN ? 1 : 0);
    }
}

/* One good answer among many that are bad: it is there. */
static void one_good_answer_keeps_it_closed(void **state)
{
    (void)state;
    struct effects_breaker breaker = fresh();
    for (int64_t ms = 0; ms < 60000; ms += 100) {
        effects_breaker_told(&breaker, ms % 9000 == 0, NOW + ms);
        assert_int_equal(breaker.state, EFFECTS_BREAKER_CLOSED);
        assert_int_equal(effects_breaker_room(&breaker, NOW + ms), UINT32_MAX);
    }
}

/* One call in five seconds at most, and no more however many ask. */
static void while_it_is_open_probes_pass(void **state)
{
    (void)state;
    int64_t now_ms;
    struct effects_breaker breaker = opened(&now_ms);
    uint32_t passed = 0;
    assert_int_equal(effects_breaker_room(&breaker, now_ms), 0);
    for (int64_t ms = 0; ms < 60000; ms++) {
        uint32_t room = effects_breaker_room(&breaker, now_ms + ms);
        int64_t wait_ms = effects_breaker_ask(&breaker, false, now_ms + ms);
        assert_int_equal(room, wait_ms == 0 ? 1 : 0);
        assert_in_range(wait_ms, 0, EFFECTS_BREAKER_PROBE_MS);
        if (wait_ms == 0) {
            passed++;
            effects_breaker_told(&breaker, false, now_ms + ms);
        }
    }
    assert_in_range(passed, 11, 25);
    assert_int_equal(breaker.state, EFFECTS_BREAKER_OPEN);
    assert_int_equal(breaker.opened, 1);
}

/* Thirty seconds of nothing but good; one bad answer begins it all again. */
static void it_closes_when_all_is_good_for_long(void **state)
{
    (void)state;
    int64_t now_ms;
    struct effects_breaker breaker = opened(&now_ms);
    effects_breaker_told(&breaker, true, now_ms);
    assert_int_equal(breaker.state, EFFECTS_BREAKER_HALF_OPEN);
    effects_breaker_told(&breaker, true, now_ms + 29999);
    assert_int_equal(breaker.state, EFFECTS_BREAKER_HALF_OPEN);
    effects_breaker_told(&breaker, false, now_ms + 29999);
    assert_int_equal(breaker.state, EFFECTS_BREAKER_OPEN);
    assert_int_equal(breaker.opened, 2);
    now_ms += 40000;
    effects_breaker_told(&breaker, true, now_ms);
    effects_breaker_told(&breaker, true, now_ms + 29999);
    assert_int_equal(breaker.state, EFFECTS_BREAKER_HALF_OPEN);
    effects_breaker_told(&breaker, true, now_ms + 30000);
    assert_int_equal(breaker.state, EFFECTS_BREAKER_CLOSED);
    /* From then on it is as if nothing had been. */
    effects_breaker_told(&breaker, false, now_ms + 30001);
    assert_int_equal(breaker.state, EFFECTS_BREAKER_CLOSED);
}

/* A provider repeats the 500 that it stored for a key; calls that are asked again get nothing else for a day. */
static void a_stored_error_keeps_nothing_open(void **state)
{
    (void)state;
    int64_t now_ms;
    struct effects_breaker breaker = opened(&now_ms);
    const struct httpc_answer ok = {.outcome = HTTPC_ANSWERED, .status = 200};
    const struct httpc_answer broken = {.outcome = HTTPC_ANSWERED, .status = 500};
    for (int64_t ms = 0; ms <= 30000; ms += 1000) {
        effects_breaker_heard(&breaker, &broken, true, now_ms + ms);
        effects_breaker_heard(&breaker, &ok, false, now_ms + ms);
    }
    assert_int_equal(breaker.state, EFFECTS_BREAKER_CLOSED);
    assert_int_equal(breaker.opened, 1);
}

static void what_is_bad(void **state)
{
    (void)state;

    static const struct {
        struct httpc_answer answer;
        bool again;
        bool bad;
    } rows[] = {
        {{.outcome = HTTPC_ANSWERED, .status = 200}, false, false},
        {{.outcome = HTTPC_ANSWERED, .status = 402}, false, false},
        {{.outcome = HTTPC_ANSWERED, .status = 429}, true, false},
        {{.outcome = HTTPC_ANSWERED, .status = 500}, false, true},
        {{.outcome = HTTPC_ANSWERED, .status = 500}, true, false},
        {{.outcome = HTTPC_ANSWERED, .status = 503}, true, true},
        {{.outcome = HTTPC_UNKNOWN, .reason = "timeout"}, true, true},
        {{.outcome = HTTPC_NOT_SENT, .reason = "connect"}, false, true},
        {{.outcome = HTTPC_NOT_SENT, .reason = "late"}, false, false},
        {{.outcome = HTTPC_NOT_SENT, .reason = "request"}, false, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t now_ms;
        struct effects_breaker breaker = opened(&now_ms);
        effects_breaker_told(&breaker, true, now_ms); /* half open: one bad answer opens it */
        effects_breaker_heard(&breaker, &rows[i].answer, rows[i].again, now_ms + 1);
        assert_int_equal(breaker.state,
                         rows[i].bad ? EFFECTS_BREAKER_OPEN : EFFECTS_BREAKER_HALF_OPEN);
    }
}

static void while_it_is_half_open_calls_go_one_after_the_other(void **state)
{
    (void)state;
    int64_t now_ms;
    struct effects_breaker breaker = opened(&now_ms);
    effects_breaker_told(&breaker, true, now_ms);
    uint32_t passed = 0;
    for (int64_t ms = 0; ms < 2000; ms++) {
        passed += effects_breaker_ask(&breaker, false, now_ms + ms) == 0 ? 1 : 0;
    }
    assert_int_equal(passed, 2000 / EFFECTS_BREAKER_STEP_MS);
}

/* A burst, then twenty a second and a tenth of what is new; what waits comes back at moments of its own. */
static void what_is_made_again_has_a_budget(void **state)
{
    (void)state;
    struct effects_breaker breaker = fresh();
    for (int i = 0; i < EFFECTS_BREAKER_AGAIN_BURST; i++) {
        assert_int_equal(effects_breaker_ask(&breaker, true, NOW), 0);
    }
    int64_t first_ms = effects_breaker_ask(&breaker, true, NOW);
    bool all_alike = true;
    for (int i = 0; i < 100; i++) {
        int64_t wait_ms = effects_breaker_ask(&breaker, true, NOW);
        assert_in_range(wait_ms, 1000, EFFECTS_BREAKER_AGAIN_WAIT_MS);
        all_alike &= wait_ms == first_ms;
    }
    assert_false(all_alike);
    assert_int_equal(effects_breaker_ask(&breaker, false, NOW), 0); /* new ones always go */
    uint32_t passed = 0;
    for (int64_t ms = 1; ms <= 10000; ms++) {
        passed += effects_breaker_ask(&breaker, true, NOW + ms) == 0 ? 1 : 0;
    }
    assert_in_range(passed, 199, 201);
    passed = 0;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(effects_breaker_ask(&breaker, false, NOW + 10000), 0);
        passed += effects_breaker_ask(&breaker, true, NOW + 10000) == 0 ? 1 : 0;
    }
    assert_in_range(passed, 99, 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_when_all_is_bad_for_long),
        cmocka_unit_test(one_good_answer_keeps_it_closed),
        cmocka_unit_test(while_it_is_open_probes_pass),
        cmocka_unit_test(it_closes_when_all_is_good_for_long),
        cmocka_unit_test(while_it_is_half_open_calls_go_one_after_the_other),
        cmocka_unit_test(a_stored_error_keeps_nothing_open),
        cmocka_unit_test(what_is_bad),
        cmocka_unit_test(what_is_made_again_has_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
