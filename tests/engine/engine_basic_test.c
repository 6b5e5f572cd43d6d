/* One lane and many: decide, publish, once; crashes at every port call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world.h"

#define ACCOUNTS 5
#define RUN_MS 60000

static void open_world(struct world *world)
{
    world_open_sim(world);
}

static void write_inputs(struct world *world, uint32_t adds)
{
    for (uint32_t a = 0; a < ACCOUNTS; a++) {
        world_command(world, world_account(a), "open", 100);
    }
    for (uint32_t i = 0; i < adds; i++) {
        world_command(world, world_account(i % ACCOUNTS), "add", i);
    }
}

static void decides_and_publishes(void **state)
{
    struct world world;
    (void)state;
    open_world(&world);
    write_inputs(&world, 20);
    struct engine *engine = world_engine(&world, 0, NULL, NULL);
    uint32_t wanted = ACCOUNTS + 20;
    assert_true(world_run(&world, &engine, 1, world_journal_has, &wanted, RUN_MS));
    world_run_for(&world, &engine, 1, 500);
    world_check(&world);
    assert_int_equal(world_topic_count(&world, TOY_EVENTS), wanted);
    engine_drain(engine, 1000);
    engine_free(engine);
    world_close(&world);
}

static bool crash_run(int64_t crash_at)
{
    struct world world;
    open_world(&world);
    write_inputs(&world, 6);
    struct id signal = id_v5(id_namespace(STR("test/signal")), STR("one"));
    world_signal(&world, world_account(0), "add", 7, signal);
    world_signal(&world, world_account(0), "add", 7, signal);
    uint32_t wanted = ACCOUNTS + 7;
    struct sim_fault fault = {.crash_at = crash_at};
    struct engine *first = world_engine(&world, 0, &fault, NULL);
    while (!fault.dead && !world_run(&world, &first, 1, world_journal_has, &wanted, 20)) {
    }
    world_run_for(&world, &first, 1, fault.dead ? 0 : 300);
    bool crashed = fault.dead;
    fault.dead = true;
    engine_free(first);
    struct engine *second = world_engine(&world, 0, NULL, NULL);
    assert_true(world_run(&world, &second, 1, world_journal_has, &wanted, RUN_MS));
    world_run_for(&world, &second, 1,
                  2 * ENGINE_LEASE_MS); /* it may all be committed, and not published */
    world_check(&world);
    engine_free(second);
    world_close(&world);
    return crashed;
}

static void survives_a_crash_at_every_call(void **state)
{
    (void)state;
    int64_t at = 1;
    while (crash_run(at)) {
        at++;
    }
    print_message("crashed at %lld calls\n", (long long)(at - 1));
    assert_true(at > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_and_publishes),
        cmocka_unit_test(survives_a_crash_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
