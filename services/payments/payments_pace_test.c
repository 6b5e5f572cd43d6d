/* How many questions go in a second, which wait, and which never do. */
#include "payments/payments_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#define PER_SECOND 10
#define BEGIN_US INT64_C(1000000)

struct world {
    struct arena arena;
    struct op op;
    struct clock_fake clock;
    struct payments_pace pace;
};

static struct world world;

static int setup(void **state)
{
    (void)state;
    world = (struct world){.clock = {.mono_us = BEGIN_US}};
    clock_use_fake(&world.clock);
    arena_init(&world.arena, (size_t)1024 * 1024);
    world.op = (struct op){.arena = &world.arena};
    payments_pace_init(&world.pace, PER_SECOND, /* seed */ 7,
                       metrics_new(&world.op, STR("payments"), STR("1")));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    payments_pace_fini(&world.pace);
    arena_fini(&world.arena);
    clock_use_fake(NULL);
    return 0;
}

static int64_t ask(enum effects_method method, const char *path)
{
    const struct effects_request request = {.method = method, .path = str_of(path)};
    return payments_pace_held(&world.pace, &request);
}

static int go(int count)
{
    int gone = 0;
    for (int i = 0; i < count; i++) {
        gone += ask(EFFECTS_GET, "/v1/payment_intents/pi_1") == 0 ? 1 : 0;
    }
    return gone;
}

static void so_many_go_in_a_second(void **state)
{
    (void)state;
    assert_int_equal(go(300), PAYMENTS_PACE_BURST);
    for (int second = 0; second < 20; second++) {
        world.clock.mono_us += 1000000;
        assert_int_equal(go(300), PER_SECOND);
    }
    world.clock.mono_us += INT64_C(3600) * 1000000; /* no more is saved up than that */
    assert_int_equal(go(300), PAYMENTS_PACE_BURST);
    assert_int_equal(atomic_load(&world.pace.held->value),
                     22 * 300 - 2 * PAYMENTS_PACE_BURST - 20 * PER_SECOND);
}

/* They do not all come back at once. */
static void each_waits_for_a_moment_of_its_own(void **state)
{
    (void)state;
    int64_t least_ms = INT64_MAX;
    int64_t most_ms = 0;
    (void)go(PAYMENTS_PACE_BURST);
    for (int i = 0; i < 200; i++) {
        int64_t wait_ms = ask(EFFECTS_GET, "/v1/payment_intents/search?query=x");
        assert_in_range(wait_ms, PAYMENTS_PACE_WAIT_MS / 2, PAYMENTS_PACE_WAIT_MS);
        least_ms = wait_ms < least_ms ? wait_ms : least_ms;
        most_ms = wait_ms > most_ms ? wait_ms : most_ms;
    }
    assert_true(most_ms - least_ms > PAYMENTS_PACE_WAIT_MS / 4);
}

static void what_moves_money_never_waits(void **state)
{
    (void)state;
    (void)go(300);
    assert_int_equal(ask(EFFECTS_POST, "/v1/payment_intents"), 0);
    assert_int_equal(ask(EFFECTS_POST, "/v1/payment_intents/pi_1/cancel"), 0);
    assert_int_equal(ask(EFFECTS_POST, "/v1/transfers"), 0);
    assert_int_equal(ask(EFFECTS_GET, "/v1/transfers?transfer_group=x"), 0);
    assert_int_equal(ask(EFFECTS_GET, "/v1/refunds/re_1"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(so_many_go_in_a_second, setup, teardown),
        cmocka_unit_test_setup_teardown(each_waits_for_a_moment_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(what_moves_money_never_waits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
