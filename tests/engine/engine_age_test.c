/* How old is the oldest committed record that Kafka has not acknowledged (R17)? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "sim/sim_kafka.h"
#include "world.h"

#define LANE 4
#define PLENTY 100000

/* One beat to measure, and a second: below it the answer may be too old. */
#define SLACK_US 2100000

static struct id account(void)
{
    return world_account_in(LANE, 0);
}

static uint64_t unpublished_us(struct process *process)
{
    return WORLD_STAT(process, oldest_unpublished_us);
}

static void open_one(struct world *world)
{
    world_command(world, account(), "open", 0);
    world_await_total(world, account(), 0);
    world_settle(world);
}

/* Decides `count` commands; from then on Kafka takes nothing. */
static void decide_unsent(struct world *world, uint32_t count, int64_t total)
{
    sim_kafka_limit_queue(world->kafka, PLENTY);
    for (uint32_t i = 0; i < count; i++) {
        world_command(world, account(), "add", 1);
    }
    sim_kafka_limit_queue(world->kafka, 0);
    world_await_total(world, account(), total);
}

static void assert_age(struct process *process, int64_t since_ms)
{
    uint64_t age_us = (uint64_t)(clock_mono_ms() - since_ms) * 1000;
    assert_in_range(unpublished_us(process), age_us > SLACK_US ? age_us - SLACK_US : 0,
                    age_us + SLACK_US);
}

/* Each acknowledgement is one of many: the others are as old as before. */
static void acknowledgements_do_not_make_the_rest_young(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    int64_t since_ms = clock_mono_ms();
    decide_unsent(world, 200, 200);
    for (int i = 0; i < 8; i++) { /* a few each second */
        sim_kafka_limit_queue(world->kafka, 1);
        world_run_for(world, 50);
        sim_kafka_limit_queue(world->kafka, 0);
        world_run_for(world, 1000);
    }
    assert_in_range(world_topic_count(world, TOY_EVENTS), 20, 180);
    assert_age(process, since_ms);
    assert_true(unpublished_us(process) > 5000000);
    sim_kafka_limit_queue(world->kafka, PLENTY);
    world_settle(world);
    world_run_for(world, 2 * world->limits.heartbeat_ms);
    assert_int_equal(unpublished_us(process), 0);
    world_check(world);
}

/* Something always waits, but nothing for long. */
static void is_young_while_it_keeps_up(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    for (int64_t i = 0; i < 10; i++) { /* always a second behind */
        decide_unsent(world, 20, 20 * (i + 1));
        world_run_for(world, 1000);
        uint32_t sent = world_topic_count(world, TOY_EVENTS);
        sim_kafka_limit_queue(world->kafka, 1);
        while (i > 0 && world_topic_count(world, TOY_EVENTS) < 1 + 20 * (uint32_t)i) {
            world_step(world);
        }
        sim_kafka_limit_queue(world->kafka, 0);
        assert_in_range(world_topic_count(world, TOY_EVENTS), sent, 1 + 20 * (uint32_t)(i + 1));
        assert_in_range(unpublished_us(process), 1, SLACK_US + 1000000);
    }
    sim_kafka_limit_queue(world->kafka, PLENTY);
    world_settle(world);
    world_check(world);
}

/* It counts from the commit, not from when the next owner took the lane. */
static void counts_from_the_commit(struct world *world)
{
    struct process *first = world_start(world);
    open_one(world);
    int64_t since_ms = clock_mono_ms();
    decide_unsent(world, 10, 10);
    world->ops->advance(world, 60000);
    world_kill(first);
    struct process *second = world_start(world);
    world_run_for(world, 4 * world->limits.lease_ms);
    assert_age(second, since_ms);
    sim_kafka_limit_queue(world->kafka, PLENTY);
    world_settle(world);
    world_check(world);
}

static struct id republish(struct world *world, int64_t n)
{
    const struct admin_request_row request = {.kind = ADMIN_BUS_REPUBLISH,
                                              .lane = LANE,
                                              .topic = str_of(topology_topics[TOY_EVENTS].name),
                                              .n = n};
    return world_ask(world, &request);
}

/* What was acknowledged long ago and is told again waits since it was asked for. */
static void what_is_told_again_is_young(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    decide_unsent(world, 10, 10);
    sim_kafka_limit_queue(world->kafka, PLENTY);
    world_settle(world);
    world->ops->advance(world, 3600 * 1000);
    world_run_for(world, 4 * world->limits.lease_ms);
    sim_kafka_limit_queue(world->kafka, 0);
    int64_t since_ms = clock_mono_ms();
    world_answered(world, republish(world, 2), "done");
    world_run_for(world, 3000);
    assert_age(process, since_ms);
    assert_true(unpublished_us(process) > 1000000);
    sim_kafka_limit_queue(world->kafka, PLENTY);
    world_settle(world);
    world_check(world);
}

/* Asked to tell again what is on its way only: nothing before it is left out. */
static void telling_again_leaves_nothing_out(struct world *world)
{
    world_start(world);
    open_one(world);
    decide_unsent(world, 9, 9); /* n = 2 to 10 wait */
    world_answered(world, republish(world, 6), "done");
    sim_kafka_limit_queue(world->kafka, PLENTY);
    world_settle(world);
    assert_in_range(world_topic_count(world, TOY_EVENTS), 10, 15);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(acknowledgements_do_not_make_the_rest_young, WORLD_SIM_ONLY),
    WORLD_TEST(is_young_while_it_keeps_up, WORLD_SIM_ONLY),
    WORLD_TEST(counts_from_the_commit, WORLD_SIM_ONLY),
    WORLD_TEST(what_is_told_again_is_young, WORLD_SIM_ONLY),
    WORLD_TEST(telling_again_leaves_nothing_out, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
