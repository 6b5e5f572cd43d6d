/* A quiet thread decides at once, a busy one gathers (R16): by the number of its transactions and by their age. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "engine/engine_internal.h"
#include "world.h"

#define LANE 4
#define BUSY_MS 2000
#define MOMENT_MS 5 /* how long a message may lie in a quiet thread: a step of an idle world */

static struct id account(void)
{
    return world_account_in(LANE, 0);
}

static void open_one(struct world *world)
{
    world_command(world, account(), "open", 0);
    world_await_total(world, account(), 0);
    world_settle(world);
    world_run_for(world, 1000); /* the burst is there again */
}

/* One message each millisecond, none of which has company. */
static uint64_t batches_while_busy(struct world *world, struct process *process)
{
    uint64_t before = WORLD_STAT(process, batches);
    int64_t until_ms = clock_mono_ms() + BUSY_MS;
    int64_t added = 0;
    while (clock_mono_ms() < until_ms) {
        world_command(world, account(), "add", 1);
        added++;
        world_run_for(world, 1);
    }
    world_await_total(world, account(), added);
    assert_true(added > BUSY_MS / 40);
    return WORLD_STAT(process, batches) - before;
}

static void a_busy_thread_gathers(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    uint64_t batches = batches_while_busy(world, process);
    int64_t allowed = world->limits.small_burst + BUSY_MS * 1000 / world->limits.small_every_us;
    assert_true(batches > 1);
    assert_true((int64_t)batches <= allowed + 2);
    world_check(world);
}

static void without_an_interval_it_never_waits(struct world *world)
{
    world->limits.small_every_us = 0;
    struct process *process = world_start(world);
    open_one(world);
    assert_true(batches_while_busy(world, process) > BUSY_MS / 20);
    world_check(world);
}

static void a_quiet_thread_decides_at_once(struct world *world)
{
    world_start(world);
    open_one(world);
    for (uint32_t i = 0; i < 20; i++) {
        int64_t since_ms = clock_mono_ms();
        world_command(world, account(), "add", 1);
        world_await_total(world, account(), i + 1);
        assert_in_range(clock_mono_ms() - since_ms, 0, MOMENT_MS);
        world_run_for(world, 2 * world->limits.small_every_us / 1000);
    }
    world_check(world);
}

/* What is no small batch any more need not wait, however busy the thread is. */
static void enough_goes_at_once(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    for (uint32_t i = 0; i < 2 * world->limits.small_burst; i++) {
        pace_take(&process->engine->small_pace, clock_mono_us());
    }
    for (uint32_t i = 0; i < ENGINE_BATCH_SMALL; i++) {
        world_command(world, account(), "add", 1);
    }
    int64_t since_ms = clock_mono_ms();
    world_await_total(world, account(), ENGINE_BATCH_SMALL);
    assert_in_range(clock_mono_ms() - since_ms, 0, MOMENT_MS);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(a_busy_thread_gathers, WORLD_SIM_ONLY),
    WORLD_TEST(without_an_interval_it_never_waits, WORLD_SIM_ONLY),
    WORLD_TEST(a_quiet_thread_decides_at_once, WORLD_SIM_ONLY),
    WORLD_TEST(enough_goes_at_once, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
