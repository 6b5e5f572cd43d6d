#include "engine_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

const struct effect_row *calls_effect_of(struct world *world, struct id account)
{
    const void *rows;
    uint32_t count = world_rows(world, &engine_effect_table, &rows);
    const struct effect_row *row = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (id_eq(row[i].key, account)) {
            return &row[i];
        }
    }
    fail_msg("no such effect");
    return NULL;
}

void calls_open(struct world *world, struct id account, int64_t amount)
{
    world_command(world, account, "open", 1);
    world_command(world, account, "call", amount);
}

/* The outside was asked so many times. */
struct wanted_calls {
    uint32_t calls;
};

static bool was_asked(struct world *world, const void *context)
{
    const struct wanted_calls *wanted = context;
    return world->outside.calls >= wanted->calls;
}

void calls_await(struct world *world, uint32_t calls)
{
    const struct wanted_calls wanted = {.calls = calls};
    world_await(world, was_asked, &wanted);
}

void calls_script(struct world *world, const enum sim_reply *replies, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        world->outside.script[i] = replies[i];
    }
    world->outside.script_count = count;
}
