/* What kills whoever takes it up, and how a lane is taken up whose owner died (R9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sim/sim_db.h"
#include "world.h"

#define LANE 5
#define BATCH 16

static struct id account_of(uint32_t i)
{
    return world_account_in(LANE, i);
}

static void open_accounts(struct world *world, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        world_command(world, account_of(i), "open", 1);
    }
}

/* A process that has its lanes, so that what is written now comes in one batch. */
static struct process *start_ready(struct world *world)
{
    struct process *process = world_start(world);
    world_command(world, world_account_in(0, 0), "open", 0);
    world_await_journal(world, 1);
    return process;
}

/* ---- What kills ---- */

static struct process *reading;
static uint32_t deaths;

static void kill_reader(void)
{
    reading->fault.dead = true;
    deaths++;
}

static bool is_dead_or_parked(struct world *world, const void *context)
{
    const struct process *process = context;
    return process->fault.dead || world_count(world, &engine_parked_key_table) > 0;
}

/* A life of the process: until it dies, or something is parked. */
static void restart(struct world *world)
{
    reading = world_start(world);
    world_await(world, is_dead_or_parked, reading);
    if (reading->fault.dead) {
        world_kill(reading);
    }
}

static void restart_until_parked(struct world *world)
{
    for (uint32_t i = 0; i < 8 && world_count(world, &engine_parked_key_table) == 0; i++) {
        restart(world);
    }
}

/* It runs again, when somebody has mended what died of it. */
static void heal_and_retry(struct world *world, struct id key)
{
    assert_true(str_eq(world_find_parked(world, key)->reason, STR("engine.kills_process")));
    toy_on_die = NULL;
    struct admin_request_row retry = {.kind = ADMIN_PARK_RETRY, .lane = LANE, .key = key};
    world_answered(world, world_ask(world, &retry), "done");
}

static void parks_what_keeps_killing(struct world *world)
{
    deaths = 0;
    toy_on_die = kill_reader;
    open_accounts(world, 2);
    world_command(world, account_of(0), "add", 2);
    world_command(world, account_of(1), "die", 5);
    world_command(world, account_of(0), "add", 3);
    world_command(world, account_of(1), "add", 6);
    restart_until_parked(world);
    assert_int_equal(deaths, 4); /* in company twice, alone twice; the third try alone is none */
    world_await_total(world, account_of(0), 6);
    world_await_rows(world, &engine_parked_message_table, 2);
    heal_and_retry(world, account_of(1));
    const int64_t amounts[] = {1, 5, 6};
    world_check_amounts(world, account_of(1), amounts, ARRAY_LEN(amounts));
    world_settle(world);
    world_check(world);
}

/* A timer's decision kills: neither the other timers of the lane nor its records suffer from it for long. */
static void parks_a_timer_that_keeps_killing(struct world *world)
{
    deaths = 0;
    toy_on_die = kill_reader;
    open_accounts(world, 3);
    world_command(world, account_of(0), "mine", TOY_TIMER(7, 1));
    world_command(world, account_of(1), "timer", TOY_TIMER(8, 2));
    restart_until_parked(world);
    assert_int_equal(deaths, 4);
    world_await_total(world, account_of(1), 9);
    world_command(world, account_of(2), "add", 5);
    world_await_total(world, account_of(2), 6);
    world_await_total(world, account_of(0), 1);
    heal_and_retry(world, account_of(0));
    const int64_t amounts[] = {1, 7};
    world_check_amounts(world, account_of(0), amounts, ARRAY_LEN(amounts));
    world_settle(world);
    world_check(world);
}

/* The decision about an answer kills: asked for again with the same key, it comes again. */
static void parks_an_answer_that_keeps_killing(struct world *world)
{
    deaths = 0;
    toy_on_die = kill_reader;
    open_accounts(world, 2);
    world_command(world, account_of(0), "trap", 7);
    restart_until_parked(world);
    assert_int_equal(deaths, 4);
    world_command(world, account_of(1), "add", 5);
    world_await_total(world, account_of(1), 6);
    world_await_total(world, account_of(0), 1);
    heal_and_retry(world, account_of(0));
    const int64_t amounts[] = {1, 7};
    world_check_amounts(world, account_of(0), amounts, ARRAY_LEN(amounts));
    world_settle(world);
    world_check(world);
}

/* Another timer comes first each time: it does not wipe out what is noted of the record that kills. */
static void what_comes_before_does_not_save_it(struct world *world)
{
    deaths = 0;
    toy_on_die = kill_reader;
    struct process *first = start_ready(world);
    open_accounts(world, 2);
    world_settle(world);
    world_end(first);
    world_command(world, account_of(1), "die", 5);
    for (int i = 0; i < 6 && world_count(world, &engine_parked_key_table) == 0; i++) {
        const struct timer_row due = {.key = account_of(0),
                                      .kind = 10 + i,
                                      .lane = LANE,
                                      .generation = 1,
                                      .due_at_us = clock_wall_us() - 1,
                                      .correlation_id = account_of(0),
                                      .state = TIMER_WAITING,
                                      .open = true};
        world_put(world, &engine_timer_table, &due);
        restart(world);
    }
    assert_int_equal(deaths, 4);
    assert_true(WORLD_STAT(reading, timers_fired) > 0);
    heal_and_retry(world, account_of(1));
    world_settle(world);
    world_check(world);
}

/* ---- After a death ---- */

/* How many a new process takes for 48 more messages of the account; it goes on. */
static uint64_t batches_of_48(struct world *world, int64_t total)
{
    for (uint32_t i = 0; i < 3 * BATCH; i++) {
        world_command(world, account_of(0), "add", 1);
    }
    reading = world_start(world);
    world_await_total(world, account_of(0), total + 3 * BATCH);
    return WORLD_STAT(reading, batches);
}

/* One death proves nothing: a lane under load would fall behind for it. */
static void reads_on_after_a_death(struct world *world)
{
    world->limits.batch_max = BATCH;
    struct process *first = start_ready(world);
    open_accounts(world, 1);
    world_await_total(world, account_of(0), 1);
    world_kill(first);
    assert_in_range(batches_of_48(world, 1), 3, 6);
    world_settle(world);
    world_check(world);
}

/* After the second one by one, for as many as a batch may hold. */
static void reads_one_by_one_after_two(struct world *world)
{
    world->limits.batch_max = BATCH;
    for (int i = 0; i < 2; i++) {
        struct process *process = world_start(world);
        world_command(world, account_of((uint32_t)i), "open", 1);
        world_await_total(world, account_of((uint32_t)i), 1);
        world_kill(process);
    }
    assert_in_range(batches_of_48(world, 1), BATCH + 2, BATCH + 5); /* 16 alone, then 16 and 16 */
    world_settle(world);
    world_end(reading);
    assert_true(world->ops->lane(world, LANE).clean);
    world_check(world);
}

/* An owner that lived for long has met all that was there. */
static void forgets_a_death_after_ten_minutes(struct world *world)
{
    world->limits.batch_max = BATCH;
    world_kill(start_ready(world));
    open_accounts(world, 1);
    struct process *second = world_start(world);
    world_await_total(world, account_of(0), 1);
    world_run_for(world, 601 * 1000);
    world_kill(second);
    assert_in_range(batches_of_48(world, 1), 3, 6);
    world_settle(world);
    world_check(world);
}

/* Nor does a good end in between: what kills may not have been met there. */
static void remembers_a_death_over_a_good_end(struct world *world)
{
    world->limits.batch_max = BATCH;
    world_kill(start_ready(world));
    open_accounts(world, 1);
    struct process *second = world_start(world);
    world_await_total(world, account_of(0), 1);
    world_settle(world);
    world_end(second);
    struct process *third = world_start(world);
    world_command(world, account_of(0), "add", 1);
    world_await_total(world, account_of(0), 2);
    world_kill(third);
    assert_in_range(batches_of_48(world, 2), BATCH + 2, BATCH + 5);
    world_settle(world);
    world_check(world);
}

/* Deaths of other causes accuse nobody: the same record is not near them three times. */
static void accuses_no_bystander(struct world *world)
{
    open_accounts(world, 1);
    for (uint32_t i = 0; i < 6; i++) {
        struct process *process = world_start(world);
        world_command(world, account_of(0), "add", 1);
        world_await_total(world, account_of(0), 2 + i);
        world_kill(process);
    }
    struct process *last = world_start(world);
    world_command(world, account_of(0), "add", 1);
    world_await_total(world, account_of(0), 8);
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    world_settle(world);
    world_end(last);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(parks_what_keeps_killing, WORLD_SIM_ONLY),
    WORLD_TEST(parks_a_timer_that_keeps_killing, WORLD_BOTH),
    WORLD_TEST(parks_an_answer_that_keeps_killing, WORLD_SIM_ONLY),
    WORLD_TEST(what_comes_before_does_not_save_it, WORLD_SIM_ONLY),
    WORLD_TEST(reads_on_after_a_death, WORLD_SIM_ONLY),
    WORLD_TEST(reads_one_by_one_after_two, WORLD_SIM_ONLY),
    WORLD_TEST(forgets_a_death_after_ten_minutes, WORLD_SIM_ONLY),
    WORLD_TEST(remembers_a_death_over_a_good_end, WORLD_SIM_ONLY),
    WORLD_TEST(accuses_no_bystander, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
