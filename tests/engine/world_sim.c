/* The simulated pair: time stands still until the test moves it. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "sim/sim_db.h"
#include "sim/sim_kafka.h"
#include "world.h"

#define START_US INT64_C(1790000000000000) /* some moment in 2026 */

static struct store *new_store(struct world *world)
{
    return sim_db_store(world->db);
}

static struct bus *new_bus(struct world *world)
{
    return sim_kafka_bus(world->kafka);
}

static void advance(struct world *world, int64_t ms)
{
    struct clock_fake *clock = world->impl;
    clock->mono_us += ms * 1000;
    clock->wall_us += ms * 1000;
}

static void close_sim(struct world *world)
{
    sim_db_free(world->db);
    sim_kafka_free(world->kafka);
    clock_use_fake(NULL);
    free(world->impl);
}

void world_open_sim(struct world *world)
{
    struct clock_fake *clock = calloc(1, sizeof(*clock));
    ASSERT(clock);
    *clock = (struct clock_fake){.mono_us = 1000000, .wall_us = START_US};
    clock_use_fake(clock);
    *world = (struct world){.new_store = new_store,
                            .new_bus = new_bus,
                            .advance = advance,
                            .close = close_sim,
                            .simulated = true,
                            .db = sim_db_new(clock),
                            .kafka = sim_kafka_new(clock),
                            .impl = clock};
    world_opened(world);
}
