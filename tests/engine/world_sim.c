/* The simulated pair: time stands still until the test moves it. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "sim/sim_db.h"
#include "sim/sim_kafka.h"
#include "world_internal.h"

#define START_US INT64_C(1790000000000000) /* some moment in 2026 */
#define PATIENCE_MS 900000                 /* an effect waits up to a minute between tries */

struct sim_impl {
    struct clock_fake clock;
    struct sim_db *backup;
};

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
    struct sim_impl *impl = world->impl;
    impl->clock.mono_us += ms * 1000;
    impl->clock.wall_us += ms * 1000;
}

static struct store_lane lane_of(struct world *world, int32_t lane)
{
    return sim_db_lane(world->db, lane);
}

static bool stopped_for(struct world *world, int32_t lane, const char *code)
{
    struct str reason = str_of(sim_db_stop_reason(world->db, lane));
    return sim_db_lane(world->db, lane).stopped && str_has_prefix(reason, str_of(code));
}

static void resume(struct world *world, int32_t lane)
{
    sim_db_resume_lane(world->db, lane);
}

static void expire(struct world *world, enum topic topic, int32_t partition, int64_t low)
{
    sim_kafka_expire(world->kafka, topic, partition, low);
}

static void backup(struct world *world)
{
    struct sim_impl *impl = world->impl;
    ASSERT(!impl->backup);
    impl->backup = sim_db_snapshot(world->db);
}

static void restore(struct world *world)
{
    struct sim_impl *impl = world->impl;
    sim_db_restore(world->db, impl->backup); /* and nobody is connected any more */
    world_must(world, world->reader->ops->connect(&world->op, world->reader));
}

static void advance_clock(struct world *world, int64_t us)
{
    sim_db_advance_clock(world->db, us);
}

static void close_sim(struct world *world)
{
    struct sim_impl *impl = world->impl;
    if (impl->backup) {
        sim_db_free(impl->backup);
    }
    sim_db_free(world->db);
    sim_kafka_free(world->kafka);
    clock_use_fake(NULL);
    free(impl);
}

static const struct world_ops sim_ops = {
    .new_store = new_store,
    .new_bus = new_bus,
    .advance = advance,
    .lane = lane_of,
    .stopped_for = stopped_for,
    .resume = resume,
    .expire = expire,
    .backup = backup,
    .restore = restore,
    .advance_clock = advance_clock,
    .close = close_sim,
};

void world_open_sim(struct world *world)
{
    struct sim_impl *impl = calloc(1, sizeof(*impl));
    ASSERT(impl);
    impl->clock = (struct clock_fake){.mono_us = 1000000, .wall_us = START_US};
    clock_use_fake(&impl->clock);
    world->ops = &sim_ops;
    world->simulated = true;
    world->clock = &impl->clock;
    world->db = sim_db_new(&impl->clock);
    world->kafka = sim_kafka_new(&impl->clock);
    world->impl = impl;
    world->limits = engine_default_limits();
    world->limits.seed = 1;
    world->patience_ms = PATIENCE_MS;
    world_opened(world);
}
