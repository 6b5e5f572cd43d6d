/* What is closed leaves its tables when it is old, and nothing else does: INV19. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine_timers.h"
#include "sim/sim_db.h"
#include "sim/sim_kafka.h"

#define KEPT_US (ENGINE_CLOSED_KEPT_DAYS * DAY_US)
#define LOOKED_MS (20 * 60 * 1000) /* some rounds over all tables */
#define CALLS_MAX 40
#define BEGIN_MS (10 * 60 * 1000) /* a new owner has better things to do at first */

static struct id account(void)
{
    return timers_account(0);
}

static void start(struct world *world)
{
    world_start(world);
    world_command(world, account(), "open", 1);
    world_await_total(world, account(), 1);
}

static bool is_closed(struct world *world, const void *context)
{
    const struct id *id = context;
    return !world_find_intake(world, *id)->open;
}

/* A request from outside, decided: a row of the intake and one of the inbox. */
static struct id request(struct world *world, uint32_t i, int64_t total)
{
    struct id id = world_id("request", i);
    world_intake(world, account(), "add", 1, id, clock_wall_us());
    world_await(world, is_closed, &id);
    world_await_total(world, account(), total);
    world_settle(world);
    return id;
}

static void assert_rows(struct world *world, uint32_t inbox, uint32_t intakes)
{
    assert_int_equal(world_count(world, &engine_inbox_table), inbox);
    assert_int_equal(world_count(world, &engine_intake_table), intakes);
}

static uint64_t forgotten(struct world *world, const char *table)
{
    struct engine_stats *stats = engine_stats(world->processes[0].engine);
    for (uint32_t i = 0; i < ENGINE_FORGOTTEN_MAX; i++) {
        const char *name = atomic_load(&stats->forgotten[i].table);
        if (name && str_eq(str_of(name), str_of(table))) {
            return atomic_load(&stats->forgotten[i].count);
        }
    }
    fail_msg("no table %s", table);
    return 0;
}

/* What is repeated meanwhile is known, so nothing is decided twice; and the deal's own rows stay. */
static void requests_go_when_they_are_old(struct world *world)
{
    start(world);
    struct id id = request(world, 0, 2);
    world->ops->advance_clock(world, KEPT_US - DAY_US);
    world_run_for(world, LOOKED_MS);
    assert_rows(world, 1, 1);
    world_signal(world, account(), "add", 1, id);
    world_settle(world);
    request(world, 1, 3);
    world->ops->advance_clock(world, 2 * DAY_US);
    world_run_for(world, LOOKED_MS);
    assert_rows(world, 1, 1);
    assert_false(world_find_intake(world, world_id("request", 1))->open);
    assert_int_equal(forgotten(world, "inbox"), 1);
    assert_int_equal(forgotten(world, "intake"), 1);
    const int64_t amounts[] = {1, 1, 1};
    world_check_amounts(world, account(), amounts, ARRAY_LEN(amounts));
}

/* By the clock of the database, and by Kafka's. */
static void nothing_goes_by_one_clock(struct world *world)
{
    start(world);
    request(world, 0, 2);
    sim_db_set_clock(world->db, KEPT_US + DAY_US);
    world_run_for(world, LOOKED_MS);
    assert_rows(world, 1, 1);
    sim_db_set_clock(world->db, -KEPT_US - DAY_US);
    world->ops->advance(world, (KEPT_US + DAY_US) / 1000);
    request(world, 1, 3); /* Kafka tells its time */
    world_run_for(world, LOOKED_MS);
    assert_rows(world, 1, 1);
}

/* Somebody set a topic to keep its records for longer than topology.yaml says: what dedupes them, and what they can be
 * published from, is kept longer still. */
static void nothing_goes_that_a_topic_may_have(struct world *world)
{
    sim_kafka_set_retention(world->kafka, TOY_SIGNALS, 300 * DAY_US / 1000);
    start(world);
    request(world, 0, 2);
    uint32_t published = world_count(world, &engine_outbox_table);
    world->ops->advance_clock(world, 590 * DAY_US);
    world_run_for(world, 3 * LOOKED_MS);
    assert_rows(world, 1, 1);
    assert_int_equal(world_count(world, &engine_outbox_table), published);
    world->ops->advance_clock(world, 20 * DAY_US);
    world_run_for(world, 3 * LOOKED_MS);
    assert_rows(world, 0, 0);
    assert_int_equal(world_count(world, &engine_outbox_table), 0);
}

static void nothing_goes_while_a_topic_keeps_all(struct world *world)
{
    sim_kafka_set_retention(world->kafka, TOY_EVENTS, -1);
    start(world);
    request(world, 0, 2);
    world->ops->advance_clock(world, 10 * KEPT_US);
    world_run_for(world, 3 * LOOKED_MS);
    assert_rows(world, 1, 1);
}

/* It waits for its outcome, however long. */
static void what_is_open_stays(struct world *world)
{
    start(world);
    struct id id = world_id("request", 0);
    world_command(world, account(), "fault", 2);
    world_await_parked(world, account());
    world_intake(world, account(), "add", 1, id, clock_wall_us());
    world_await_rows(world, &engine_parked_message_table, 2);
    world->ops->advance_clock(world, KEPT_US + DAY_US);
    timers_set(world, timers_account(1), 7, 100 * DAY_US / 1000);
    timers_await(world, timers_account(1), TOY_TIMER_PLAIN);
    world_run_for(world, LOOKED_MS);
    assert_true(world_find_intake(world, id)->open);
    assert_true(timers_get(world, timers_account(1), TOY_TIMER_PLAIN).open);
    assert_int_equal(world_count(world, &engine_parked_message_table), 2);
    assert_int_equal(world_count(world, &engine_inbox_table), 1); /* of the key that is parked */
    toy_heal();
    const struct admin_request_row retry = {
        .kind = ADMIN_PARK_RETRY, .lane = TIMERS_LANE, .key = account()};
    world_answered(world, world_ask(world, &retry), "done");
    world_await_total(world, account(), 4);
    world_settle(world);
    world_run_for(world, LOOKED_MS);
    assert_int_equal(world_count(world, &engine_inbox_table), 0);
    assert_false(world_find_intake(world, id)->open); /* just closed: it stays */
}

static void deadlines_that_passed_go(struct world *world)
{
    start(world);
    timers_set(world, timers_account(1), 7, 100);
    world_await_total(world, timers_account(1), 1007);
    assert_int_equal(timers_get(world, timers_account(1), TOY_TIMER_PLAIN).state, TIMER_FIRED);
    world_settle(world);
    world->ops->advance_clock(world, KEPT_US - DAY_US);
    world_run_for(world, LOOKED_MS);
    assert_non_null(timers_find(world, timers_account(1), TOY_TIMER_PLAIN));
    world->ops->advance_clock(world, 2 * DAY_US);
    world_run_for(world, LOOKED_MS);
    assert_null(timers_find(world, timers_account(1), TOY_TIMER_PLAIN));
    assert_int_equal(forgotten(world, "timer"), 1);
    timers_set(world, timers_account(2), 1, 100); /* and others fire as ever */
    world_await_total(world, timers_account(2), 1001);
}

static bool is_called(struct world *world, const void *context)
{
    (void)context;
    const void *rows;
    uint32_t count = world_rows(world, &engine_effect_table, &rows);
    return count == 1 && !((const struct effect_row *)rows)->open;
}

static void call(struct world *world)
{
    start(world);
    world_command(world, account(), "call", 5);
    world_await(world, is_called, NULL);
    world_settle(world);
    world->ops->advance_clock(world, KEPT_US + DAY_US);
    world_run_for(world, LOOKED_MS);
}

/* They are the evidence of what was asked of the provider. */
static void calls_about_money_stay(struct world *world)
{
    call(world);
    assert_int_equal(world_count(world, &engine_effect_table), 1);
}

static void calls_that_nobody_misses_go(struct world *world)
{
    static struct engine_service service;
    service = toy_service;
    service.effects_expire = true;
    world->service = &service;
    call(world);
    assert_int_equal(world_count(world, &engine_effect_table), 0);
    assert_int_equal(forgotten(world, "effect"), 1);
}

/* Two owners: each deletes of its own lanes, and all of it goes. */
static void each_owner_deletes_its_own(struct world *world)
{
    world_start(world);
    world_start(world);
    for (int32_t p = 0; p < LANES; p++) {
        world_command(world, world_account_in(p, 0), "open", 1);
    }
    world_await_journal(world, LANES);
    for (int32_t p = 0; p < LANES; p++) {
        world_intake(world, world_account_in(p, 0), "add", 5, world_id("request", (uint32_t)p),
                     clock_wall_us());
    }
    world_await_journal(world, 2 * LANES);
    world_settle(world);
    world->ops->advance_clock(world, KEPT_US + DAY_US);
    world_run_for(world, LOOKED_MS);
    assert_rows(world, 0, 0);
    for (uint32_t i = 0; i < 2; i++) {
        struct engine_stats *stats = engine_stats(world->processes[i].engine);
        assert_in_range(atomic_load(&stats->forgotten[1].count), 1, LANES - 1);
    }
}

/* Wherever the owner dies, what is left goes with the next one. */
static void goes_whoever_dies(struct world *world)
{
    start(world);
    struct process *process = &world->processes[0];
    bool died = true;
    uint32_t deaths = 0;
    int64_t total = 1;
    for (uint32_t i = 0; i < CALLS_MAX && died; i++) {
        request(world, i, ++total);
        world->ops->advance_clock(world, KEPT_US + DAY_US);
        world_kill(process);
        process = world_start(world);
        world_run_for(world, BEGIN_MS - 200); /* its first look is about to begin */
        assert_true(world_count(world, &engine_inbox_table) == 1);
        process->fault.crash_at = process->fault.calls + 1 + 5 * i;
        for (int64_t until_ms = clock_mono_ms() + LOOKED_MS;
             !process->fault.dead && clock_mono_ms() < until_ms &&
             world_count(world, &engine_intake_table) > 0;) {
            world_step(world);
        }
        died = process->fault.dead;
        process->fault.crash_at = 0;
        if (died) {
            deaths++;
            world_kill(process);
            process = world_start(world);
        }
        world_run_for(world, LOOKED_MS);
        assert_rows(world, 0, 0);
    }
    assert_true(deaths > 3);
}

int main(int argc, char **argv)
{
    const struct world_test tests[] = {
        WORLD_TEST(requests_go_when_they_are_old, WORLD_SIM_ONLY),
        WORLD_TEST(nothing_goes_by_one_clock, WORLD_SIM_ONLY),
        WORLD_TEST(nothing_goes_that_a_topic_may_have, WORLD_SIM_ONLY),
        WORLD_TEST(nothing_goes_while_a_topic_keeps_all, WORLD_SIM_ONLY),
        WORLD_TEST(what_is_open_stays, WORLD_SIM_ONLY),
        WORLD_TEST(deadlines_that_passed_go, WORLD_SIM_ONLY),
        WORLD_TEST(calls_about_money_stay, WORLD_SIM_ONLY),
        WORLD_TEST(calls_that_nobody_misses_go, WORLD_SIM_ONLY),
        WORLD_TEST(each_owner_deletes_its_own, WORLD_SIM_ONLY),
        WORLD_TEST(goes_whoever_dies, WORLD_SIM_ONLY),
    };
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
