/* The toy's timers, for the tests of timers. */
#include "engine_timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

struct id timers_account(uint32_t i)
{
    return world_account_in(TIMERS_LANE, i);
}

const struct timer_row *timers_find(struct world *world, struct id account, int kind)
{
    const void *rows;
    uint32_t count = world_rows(world, &engine_timer_table, &rows);
    const struct timer_row *row = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (row[i].kind == kind && id_eq(row[i].key, account)) {
            return &row[i];
        }
    }
    return NULL;
}

struct timer_row timers_get(struct world *world, struct id account, int kind)
{
    const struct timer_row *row = timers_find(world, account, kind);
    assert_non_null(row);
    return *row;
}

void timers_await(struct world *world, struct id account, int kind)
{
    while (!timers_find(world, account, kind)) {
        world_step(world);
    }
}

void timers_set(struct world *world, struct id account, int64_t generation, int64_t ms)
{
    world_command(world, account, "open", 1000);
    world_command(world, account, "timer", TOY_TIMER(generation, ms));
}

void timers_wait_until_nearly(struct world *world, struct process *process, int64_t due_at_us)
{
    while (clock_wall_us() < due_at_us - 10000) {
        world->ops->advance(world, 5);
    }
    assert_int_equal(engine_step(process->engine, 0).kind, STATUS_OK);
}
