/* Two clocks (INV32): while the database's and Kafka's are too far apart, or were not compared, no timer fires. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "engine_timers.h"
#include "sim/sim_db.h"
#include "sim/sim_kafka.h"

#define APART_US (60 * INT64_C(1000000))
#define HELD_MS 90000 /* longer than any answer of Kafka's is believed */

/* Of accounts 0 and 1, due in a day and in five minutes. */
static struct process *start_with_two_timers(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 1, DAY_US / 1000);
    timers_set(world, timers_account(1), 1, 300000);
    timers_await(world, timers_account(1), TOY_TIMER_PLAIN);
    world_settle(world);
    return process;
}

/* The database wakes up two days ahead, and works on so for a while. When it is set right its lanes stay
 * where they had committed, and still nothing comes early; what is due comes. */
static void a_database_ahead_fires_nothing(struct world *world)
{
    struct process *process = start_with_two_timers(world);
    sim_db_set_clock(world->db, 2 * DAY_US);
    for (uint32_t i = 0; i < 90; i++) {
        world_command(world, timers_account(2 + i), "open", 1);
        world_run_for(world, 1000);
        assert_int_equal(WORLD_STAT(process, timers_fired), 0);
    }
    assert_int_equal(WORLD_STAT(process, timers_held), 1);
    assert_in_range(WORLD_STAT(process, clock_apart_us), 2 * DAY_US - 1000000,
                    2 * DAY_US + 1000000);
    sim_db_set_clock(world->db, -2 * DAY_US);
    world_await_total(world, timers_account(1), 1001); /* five minutes after it was set */
    assert_int_equal(WORLD_STAT(process, timers_held), 0);
    assert_true(timers_find(world, timers_account(0), TOY_TIMER_PLAIN)->open);
    uint64_t batches = WORLD_STAT(process, batches);
    world_run_for(world, 5000);
    assert_true(WORLD_STAT(process, batches) <=
                batches + 5); /* nor is it looked at again and again */
    world->ops->advance(world, DAY_US / 1000);
    world_await_total(world, timers_account(0), 1001);
    world_check(world);
}

/* Whichever clock is wrong, in whichever direction: sixty seconds are borne, more are not. */
static void a_minute_is_borne_and_no_more(struct world *world)
{
    static const int64_t skews_us[] = {APART_US - 1000000, 1000000 - APART_US, APART_US + 1000,
                                       -APART_US - 1000};

    struct process *process = world_start(world);
    world_run_for(world, 1000);
    for (size_t i = 0; i < ARRAY_LEN(skews_us); i++) {
        sim_db_set_clock(world->db, skews_us[i]);
        world_run_for(world, 1000); /* a beat tells us */
        assert_int_equal(WORLD_STAT(process, timers_held), i < 2 ? 0 : 1);
        sim_db_set_clock(world->db, -skews_us[i]);
        world_run_for(world, 1000);
        assert_int_equal(WORLD_STAT(process, timers_held), 0);
    }
    world_check(world);
}

/* The clock jumps after the last look at it, right before the batch that would fire: the fence's own reading
 * counts. */
static void a_jump_is_seen_under_the_fence(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 1, 2000);
    timers_await(world, timers_account(0), TOY_TIMER_PLAIN);
    struct timer_row row = timers_get(world, timers_account(0), TOY_TIMER_PLAIN);
    timers_wait_until_nearly(world, process, row.due_at_us);
    sim_db_set_clock(world->db, 2 * DAY_US);
    uint64_t before = WORLD_STAT(process, batches);
    world_run_for(world, 100);
    assert_int_equal(WORLD_STAT(process, batches), before + 1); /* tried once, and went back */
    assert_int_equal(WORLD_STAT(process, timers_fired), 0);
    sim_db_set_clock(world->db, -2 * DAY_US);
    world_await_total(world, timers_account(0), 1001);
    world_settle(world);
    world_check(world);
}

/* A lane that committed while the clock was ahead has that time in each of its fences; what is due goes by the
 * clock itself. */
static void the_time_of_its_lane_does_not_matter(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 1, 10000);
    timers_await(world, timers_account(0), TOY_TIMER_PLAIN);
    sim_db_set_clock(world->db, 2 * DAY_US);
    world_command(world, timers_account(1), "open", 1);
    world_await_total(world, timers_account(1), 1);
    world_settle(world);
    sim_db_set_clock(world->db, -2 * DAY_US);
    struct timer_row row = timers_get(world, timers_account(0), TOY_TIMER_PLAIN);
    world_run_for(world, 1000);
    assert_int_equal(WORLD_STAT(process, timers_held), 0);
    timers_wait_until_nearly(world, process, row.due_at_us);
    sim_db_set_clock(world->db, -1000000);
    world_run_for(world, 100);
    assert_int_equal(WORLD_STAT(process, timers_fired), 0);
    world_await_total(world, timers_account(0), 1001);
    world_check(world);
}

/* The clock of our own machine is set by two days, either way: nothing comes early, and nothing late. */
static void our_own_clock_does_not_matter(struct world *world)
{
    struct process *process = start_with_two_timers(world);
    struct timer_row row = timers_get(world, timers_account(1), TOY_TIMER_PLAIN);
    uint64_t before = WORLD_STAT(process, batches);
    world->clock->ahead_us = 2 * DAY_US;
    world_run_for(world, 1000);
    assert_true(WORLD_STAT(process, batches) > before); /* tried, and went back */
    assert_int_equal(WORLD_STAT(process, timers_fired), 0);
    world->clock->ahead_us = -2 * DAY_US;
    world_await_total(world, timers_account(1), 1001);
    assert_in_range(sim_db_decision_us(world->db), row.due_at_us, row.due_at_us + 1000000);
    world_settle(world);
    world_check(world);
}

/* Kafka's clock is not heard for longer than an answer is believed: held, and late, but not lost. */
static void unheard_clocks_hold(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 1, 120000);
    timers_await(world, timers_account(0), TOY_TIMER_PLAIN);
    world_settle(world);
    assert_int_equal(WORLD_STAT(process, timers_held), 0);
    sim_kafka_set_away(world->kafka, true);
    world_run_for(world, 150000);
    assert_int_equal(WORLD_STAT(process, timers_fired), 0);
    assert_int_equal(WORLD_STAT(process, timers_held), 1);
    sim_kafka_set_away(world->kafka,
                       false); /* the answer that comes now says too little: asked again at once */
    world_run_for(world, 3000);
    assert_int_equal(WORLD_STAT(process, timers_held), 0);
    world_await_total(world, timers_account(0), 1001);
    assert_int_equal(WORLD_STAT(process, timers_held), 0);
    world_settle(world);
    world_check(world);
}

/* What was asked of a producer that is gone is asked again. */
static void asks_again_after_the_producer_failed(struct world *world)
{
    struct process *process = world_start(world);
    world_command(world, timers_account(0), "open", 1000);
    world_await_total(world, timers_account(0), 1000);
    world_settle(world);
    sim_kafka_fail_produce(world->kafka, 1); /* the next record is one to hear the time */
    world_run_for(world, HELD_MS);
    assert_int_equal(WORLD_STAT(process, timers_held), 0);
    world_check(world);
}

/* On real servers: a week of sandbox time is no difference (a_week_passes_at_once), and Kafka does answer. */
static void compares_real_clocks(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 1, 100);
    world_await_total(world, timers_account(0), 1001);
    assert_int_equal(WORLD_STAT(process, timers_held), 0);
    assert_true(WORLD_STAT(process, clock_apart_us) < APART_US);
    assert_true(world_topic_count(world, TOY_CLOCK) >= 1);
    world_settle(world);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(a_database_ahead_fires_nothing, WORLD_SIM_ONLY),
    WORLD_TEST(a_minute_is_borne_and_no_more, WORLD_SIM_ONLY),
    WORLD_TEST(a_jump_is_seen_under_the_fence, WORLD_SIM_ONLY),
    WORLD_TEST(the_time_of_its_lane_does_not_matter, WORLD_SIM_ONLY),
    WORLD_TEST(our_own_clock_does_not_matter, WORLD_SIM_ONLY),
    WORLD_TEST(unheard_clocks_hold, WORLD_SIM_ONLY),
    WORLD_TEST(asks_again_after_the_producer_failed, WORLD_SIM_ONLY),
    WORLD_TEST(compares_real_clocks, WORLD_BOTH),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
