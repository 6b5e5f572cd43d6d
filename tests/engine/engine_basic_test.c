/* Decide, publish, once: a thread that works, dies or sleeps at any of its port calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/lane.h"
#include "engine_inputs.h"

#define ACCOUNTS 5

static void write_adds(struct world *world, uint32_t adds)
{
    for (uint32_t a = 0; a < ACCOUNTS; a++) {
        world_command(world, world_account(a), "open", 100);
    }
    for (uint32_t i = 0; i < adds; i++) {
        world_command(world, world_account(i % ACCOUNTS), "add", i);
    }
}

static void decides_and_publishes(struct world *world)
{
    write_adds(world, 20);
    struct process *process = world_start(world);
    world_await_journal(world, ACCOUNTS + 20);
    world_settle(world);
    world_check(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), ACCOUNTS + 20);
    world_end(process);
}

static void works_on_all_lanes(struct world *world)
{
    struct process *process = world_start(world);
    for (int32_t p = 0; p < LANES; p++) {
        for (uint32_t i = 0; i < 3; i++) {
            world_command(world, world_account_in(p, i), "open", p);
            world_command(world, world_account_in(p, i), "add", 1);
        }
    }
    world_await_journal(world, LANES * 3 * 2);
    world_settle(world);
    world_check(world);
    assert_int_equal(world_lanes_held(process), LANES);
}

/* Many records are decided in few transactions; a quiet lane does not wait for company. */
static void gathers_when_busy(struct world *world)
{
    struct id account = world_account(0);
    world_command(world, account, "open", 0);
    struct process *process = world_start(world);
    world_await_journal(world, 1);
    for (uint32_t i = 0; i < 600; i++) {
        world_command(world, account, "add", 1);
    }
    uint64_t before = atomic_load(&engine_stats(process->engine)->batches);
    world_await_total(world, account, 600);
    uint64_t batches = atomic_load(&engine_stats(process->engine)->batches) - before;
    assert_true(batches <= (world->simulated ? 3 : 60));
    world_settle(world);
    world_check(world);
}

static void ends_and_begins_again(struct world *world)
{
    write_adds(world, 5);
    struct process *first = world_start(world);
    world_await_journal(world, ACCOUNTS + 5);
    world_end(first);
    write_adds(world, 5);
    struct process *second = world_start(world);
    world_await_journal(world, 2 * (ACCOUNTS + 5));
    world_settle(world);
    world_check(world);
    /* handed over clean: nothing was published twice, nothing is tried one by one */
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 2 * (ACCOUNTS + 5));
    world_end(second);
    for (int32_t p = 0; p < LANES; p++) {
        assert_true(world->ops->lane(world, p).clean);
    }
    assert_int_equal(world_count(world, &engine_lane_probe_table), 0);
}

/* ---- At every port call ---- */

/* A run in which the first process dies at that call; false: it never came to it. */
static bool crash_run(struct world *world, uint64_t seed, int64_t crash_at)
{
    inputs_write(world, seed);
    struct process *first = world_start(world);
    first->fault.crash_at = crash_at;
    world_run(world, inputs_done_or_dead, first, world->patience_ms);
    bool crashed = first->fault.dead;
    world_kill(first);
    inputs_finish(world, seed);
    return crashed;
}

struct sleep {
    struct process *sleeper;
    uint64_t seed;
    int64_t lease_ms;
};

/* While one process hangs in the middle of a call, another one takes everything and finishes it. */
static void sleep_through(void *context)
{
    struct sleep *sleep = context;
    struct process *sleeper = sleep->sleeper;
    sleeper->frozen = true;
    struct process *other = world_start(sleeper->world);
    world_run_for(sleeper->world, 2 * sleep->lease_ms);
    world_await(sleeper->world, inputs_done, NULL);
    assert_int_equal(world_lanes_held(other), LANES);
    sleeper->frozen = false;
}

static bool pause_run(struct world *world, uint64_t seed, int64_t pause_at)
{
    inputs_write(world, seed);
    struct process *first = world_start(world);
    struct sleep sleep = {.sleeper = first, .seed = seed, .lease_ms = world->limits.lease_ms};
    first->fault.pause_at = pause_at;
    first->fault.pause = sleep_through;
    first->fault.context = &sleep;
    world_run(world, inputs_done, NULL, world->patience_ms);
    bool slept = world->process_count > 1;
    world_run_for(world, 100); /* the sleeper, awake again, has every chance to do harm */
    inputs_finish(world, seed);
    return slept;
}

static void sweep(bool (*run)(struct world *world, uint64_t seed, int64_t at), uint64_t seed,
                  int64_t stride, const char *what)
{
    int64_t at = 1;
    for (;; at += stride) {
        struct world *world = test_calloc(1, sizeof(*world));
        world_open_sim(world);
        bool hit = run(world, seed, at);
        world_close(world);
        test_free(world);
        if (!hit) {
            break;
        }
    }
    print_message("%s at %lld of %lld calls, inputs %llu\n", what, (long long)(at / stride),
                  (long long)at, (unsigned long long)seed);
    assert_true(at > 500);
}

static void survives_a_crash_at_every_call(struct world *world)
{
    (void)world;
    sweep(crash_run, 1, 1, "crashed");
    sweep(crash_run, 2, 31, "crashed");
    sweep(crash_run, 3, 31, "crashed");
}

static void survives_a_pause_at_many_calls(struct world *world)
{
    (void)world;
    sweep(pause_run, 1, 3, "paused");
    sweep(pause_run, 2, 31, "paused");
    sweep(pause_run, 3, 31, "paused");
}

/* The same on real servers, at calls here and there: each costs a lease. */
static void survives_a_crash(struct world *world)
{
    assert_true(crash_run(world, 1, 60));
}

static void survives_a_pause(struct world *world)
{
    assert_true(pause_run(world, 2, 210));
}

static const struct world_test tests[] = {
    WORLD_TEST(decides_and_publishes, WORLD_BOTH),
    WORLD_TEST(works_on_all_lanes, WORLD_BOTH),
    WORLD_TEST(gathers_when_busy, WORLD_BOTH),
    WORLD_TEST(ends_and_begins_again, WORLD_BOTH),
    WORLD_TEST(survives_a_crash_at_every_call, WORLD_SIM_ONLY),
    WORLD_TEST(survives_a_pause_at_many_calls, WORLD_SIM_ONLY),
    WORLD_TEST(survives_a_crash, WORLD_REAL_ONLY),
    WORLD_TEST(survives_a_pause, WORLD_REAL_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
