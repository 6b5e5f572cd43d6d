/* Timers (R14): fired at their moment by the database's clock, once, whoever lives to do it. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "engine/engine_timer_heap.h"
#include "engine_timers.h"
#include "sim/sim_db.h"
#include "sim/sim_kafka.h"
#include "world.h"

#define PROMISE_US 1000000 /* a timer fires within a second of its moment */
#define STEP_US 60000      /* the simulation's own steps, and an owner that works meanwhile */
#define MANY (2 * ENGINE_TIMER_WINDOW + 100)
#define AFTER_ALL_MS 3000
#define DUE_AT_ONCE 8

/* It fired, not before its moment and no later than the promise. */
static void assert_fired(struct world *world, struct id account, int kind, int64_t generation)
{
    struct timer_row row = timers_get(world, account, kind);
    assert_int_equal(row.state, TIMER_FIRED);
    assert_int_equal(row.generation, generation);
    assert_false(row.open);
    assert_true(row.closed_at_us >= row.due_at_us);
    assert_true(row.closed_at_us < row.due_at_us + PROMISE_US);
}

/* ---- The moment ---- */

static void fires_within_the_moment(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 7, 1500);
    world_await_total(world, timers_account(0), 1007);
    assert_fired(world, timers_account(0), TOY_TIMER_PLAIN, 7);
    assert_int_equal(WORLD_STAT(process, timers_set), 1);
    assert_int_equal(WORLD_STAT(process, timers_fired), 1);
    world_run_for(world, AFTER_ALL_MS);
    world_settle(world);
    const int64_t amounts[] = {1000, 7};
    world_check_amounts(world, timers_account(0), amounts, ARRAY_LEN(amounts));
    world_check(world);
}

/* No beat, no other work: the wait itself ends at the moment, to the millisecond. */
static void the_wait_ends_at_the_moment(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 1, 12345);
    timers_await(world, timers_account(0), TOY_TIMER_PLAIN);
    world_settle(world);
    sim_db_set_clock(world->db, 300); /* so that it does not come at a whole millisecond */
    world_run_for(world, 1000);       /* a beat tells us */
    uint64_t before = WORLD_STAT(process, batches);
    for (int turn = 0; turn < 20 && WORLD_STAT(process, timers_fired) == 0; turn++) {
        assert_int_equal(engine_step(process->engine, 60000).kind, STATUS_OK);
    }
    struct timer_row row = timers_get(world, timers_account(0), TOY_TIMER_PLAIN);
    assert_int_equal(row.state, TIMER_FIRED);
    assert_true(row.closed_at_us >= row.due_at_us);
    assert_true(row.closed_at_us <= row.due_at_us + 1000);
    assert_int_equal(WORLD_STAT(process, batches), before + 1); /* nor was it tried in vain */
    world_settle(world);
    world_check(world);
}

static void a_moment_that_has_passed_is_due_at_once(struct world *world)
{
    world_start(world);
    timers_set(world, timers_account(0), 3, 0);
    world_await_total(world, timers_account(0), 1003);
    assert_fired(world, timers_account(0), TOY_TIMER_PLAIN, 3);
    world_settle(world);
    world_check(world);
}

/* We believe it is due; the database's clock was set back and says no. */
static void not_before_its_moment_by_the_database(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 1, 2000);
    timers_await(world, timers_account(0), TOY_TIMER_PLAIN);
    struct timer_row row = timers_get(world, timers_account(0), TOY_TIMER_PLAIN);
    timers_wait_until_nearly(world, process, row.due_at_us);
    sim_db_set_clock(world->db, -1000000);
    uint64_t before = WORLD_STAT(process, batches);
    world_run_for(world, 100);
    assert_int_equal(WORLD_STAT(process, batches), before + 1); /* asked once, and went back */
    assert_true(timers_find(world, timers_account(0), TOY_TIMER_PLAIN)->open);
    world_await_total(world, timers_account(0), 1001);
    assert_fired(world, timers_account(0), TOY_TIMER_PLAIN, 1);
    world_settle(world);
    world_check(world);
}

/* An idle owner whose own clock is most of a minute behind the database's learns it by its heartbeats. */
static void our_own_clock_does_not_matter(struct world *world)
{
    sim_db_set_clock(world->db, 50 * INT64_C(1000000));
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 1, 5000);
    timers_await(world, timers_account(0), TOY_TIMER_PLAIN);
    world_settle(world);
    world_kill(process);
    world_start(world); /* knows nothing of the database's clock but what its beats say */
    world_await_total(world, timers_account(0), 1001);
    assert_fired(world, timers_account(0), TOY_TIMER_PLAIN, 1);
    world_check(world);
}

/* ---- Once, whoever dies ---- */

static void survives_its_owner(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 4, 1500);
    timers_await(world, timers_account(0), TOY_TIMER_PLAIN);
    world_settle(world);
    world_kill(process);
    world_start(world);
    world_await_total(world, timers_account(0), 1004);
    struct timer_row row = timers_get(world, timers_account(0), TOY_TIMER_PLAIN);
    /* A dead owner's lease comes first. */
    int64_t lease_us = world->limits.lease_ms * 1000;
    assert_true(row.closed_at_us >= row.due_at_us);
    assert_true(row.closed_at_us < row.due_at_us + lease_us + PROMISE_US);
    world_run_for(world, AFTER_ALL_MS);
    world_settle(world);
    const int64_t amounts[] = {1000, 4};
    world_check_amounts(world, timers_account(0), amounts, ARRAY_LEN(amounts));
    world_check(world);
}

static bool is_dead(struct world *world, const void *context)
{
    (void)world;
    return ((const struct process *)context)->fault.dead;
}

/* Its owner dies at each of the calls around the firing, one after the other. */
static void dies_while_it_fires(struct world *world)
{
    enum { CALLS = 16 };

    for (int64_t call = 1; call <= CALLS; call++) {
        struct id account = timers_account((uint32_t)call);
        struct process *process = world_start(world);
        timers_set(world, account, call, 5000);
        timers_await(world, account, TOY_TIMER_PLAIN);
        struct timer_row row = timers_get(world, account, TOY_TIMER_PLAIN);
        while (clock_wall_us() + STEP_US < row.due_at_us) {
            world_step(world);
        }
        while (clock_wall_us() < row.due_at_us) {
            world->ops->advance(world, 1);
        }
        process->fault.crash_at = process->fault.calls + call;
        assert_true(world_run(world, is_dead, process, 10000));
        world_kill(process);
        process = world_start(world);
        world_await_total(world, account, 1000 + call);
        world_run_for(world, AFTER_ALL_MS);
        world_settle(world);
        const int64_t amounts[] = {1000, call};
        world_check_amounts(world, account, amounts, ARRAY_LEN(amounts));
        world_end(process);
    }
    world_check(world);
}

/* Whether the commit happened or not: it is claimed again, and looked at. */
static void fires_once_when_a_commit_is_unknown(struct world *world)
{
    for (uint32_t committed = 0; committed < 2; committed++) {
        struct id account = timers_account(committed);
        struct process *process = world_start(world);
        timers_set(world, account, 9, 2000);
        timers_await(world, account, TOY_TIMER_PLAIN);
        world_settle(world);
        process->fault.lose_commit_at = process->fault.commits + 1;
        process->fault.lose_committed = committed == 1;
        world_await_total(world, account, 1009);
        world_run_for(world, AFTER_ALL_MS);
        world_settle(world);
        const int64_t amounts[] = {1000, 9};
        world_check_amounts(world, account, amounts, ARRAY_LEN(amounts));
        world_end(process);
    }
    world_check(world);
}

static void moves_with_its_lane(struct world *world)
{
    enum { ACCOUNTS = 36 };

    world_start(world);
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        world_command(world, world_account(i), "open", 1000);
        world_command(world, world_account(i), "timer", TOY_TIMER(1, 3000));
    }
    world_await_rows(world, &engine_timer_table, ACCOUNTS);
    struct process *second = world_start(world); /* gets its share by hand-over */
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        world_await_total(world, world_account(i), 1001);
        assert_fired(world, world_account(i), TOY_TIMER_PLAIN, 1);
    }
    assert_true(world_lanes_held(second) > 0);
    assert_true(WORLD_STAT(second, timers_fired) > 0);
    world_settle(world);
    world_check(world);
}

/* What it emits has the same id whoever fires it: from key, kind and generation alone. */
static void its_event_has_one_id(struct world *world)
{
    char key[ID_TEXT_BYTES];
    char name[80];
    world_start(world);
    timers_set(world, timers_account(0), 5, 500);
    world_await_total(world, timers_account(0), 1005);
    world_settle(world);
    id_format(timers_account(0), key);
    int len = snprintf(name, sizeof(name), "%s/%d/5", key, TOY_TIMER_PLAIN);
    assert_true(len > 0);
    struct id cause = id_v5(id_namespace(STR("holdfast/timer")), str_of(name));
    struct timer_row row = timers_get(world, timers_account(0), TOY_TIMER_PLAIN);
    struct bus_record last =
        sim_kafka_record(world->kafka, TOY_EVENTS, TIMERS_LANE,
                         sim_kafka_count(world->kafka, TOY_EVENTS, TIMERS_LANE) - 1);
    assert_true(id_eq(last.message_id, id_derive(cause, row.due_at_us)));
    world_check(world);
}

/* The row is the truth: what the memory still has is looked at again before it is fired. */
static void the_row_is_looked_at_again(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 5, 1000);
    timers_await(world, timers_account(0), TOY_TIMER_PLAIN);
    struct timer_row row = timers_get(world, timers_account(0), TOY_TIMER_PLAIN);
    row.generation++;
    sim_db_put(world->db, &engine_timer_table, &row);
    world_run_for(world, AFTER_ALL_MS);
    assert_int_equal(WORLD_STAT(process, timers_fired), 0);
    assert_true(timers_find(world, timers_account(0), TOY_TIMER_PLAIN)->open);
    world_await_total(world, timers_account(0), 1000);
    world_check(world);
}

/* ---- Set, replaced, canceled ---- */

static void a_canceled_one_does_not_fire(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 2, 1000);
    timers_set(world, timers_account(1), 2, 1000);
    world_command(world, timers_account(0), "cancel", 2);
    world_command(world, timers_account(1), "cancel", 1); /* not this one */
    world_await_total(world, timers_account(1), 1002);
    world_run_for(world, AFTER_ALL_MS);
    world_settle(world);
    world_await_total(world, timers_account(0), 1000);
    assert_int_equal(timers_get(world, timers_account(0), TOY_TIMER_PLAIN).state, TIMER_CANCELED);
    assert_int_equal(WORLD_STAT(process, timers_canceled), 1);
    assert_int_equal(WORLD_STAT(process, timers_fired), 1);
    world_check(world);
}

static void a_newer_one_takes_its_place(struct world *world)
{
    world_start(world);
    timers_set(world, timers_account(0), 1, 1000); /* comes later */
    world_command(world, timers_account(0), "timer", TOY_TIMER(2, 2500));
    timers_set(world, timers_account(1), 1, 600000); /* comes sooner */
    world_command(world, timers_account(1), "timer", TOY_TIMER(2, 1000));
    world_command(world, timers_account(0), "cancel", 1); /* the one that is no more */
    world_await_total(world, timers_account(1), 1002);
    world_await_total(world, timers_account(0), 1002);
    assert_fired(world, timers_account(0), TOY_TIMER_PLAIN, 2);
    assert_fired(world, timers_account(1), TOY_TIMER_PLAIN, 2);
    world_settle(world);
    world_check(world);
}

static void an_older_generation_is_ignored(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 3, 1500);
    world_command(world, timers_account(0), "timer", TOY_TIMER(2, 500));
    world_command(world, timers_account(0), "timer", TOY_TIMER(3, 600));
    world_await_total(world, timers_account(0), 1003);
    world_command(world, timers_account(0), "timer", TOY_TIMER(3, 0)); /* it has fired */
    world_command(world, timers_account(0), "timer", TOY_TIMER(1, 0));
    world_settle(world);
    world_run_for(world, AFTER_ALL_MS);
    assert_fired(world, timers_account(0), TOY_TIMER_PLAIN, 3);
    assert_int_equal(WORLD_STAT(process, timers_set), 1);
    world_command(world, timers_account(0), "timer", TOY_TIMER(4, 0)); /* a new one */
    world_await_total(world, timers_account(0), 1007);
    world_settle(world);
    world_check(world);
}

/* ---- Many ---- */

static bool all_fired(struct world *world, const void *context)
{
    const struct process *process = context;
    (void)world;
    return WORLD_STAT(process, timers_fired) >= MANY;
}

/* More than the window holds, set in no order, many of them for the same moment. */
static void fires_all_beyond_the_window(struct world *world)
{
    struct process *process = world_start(world);
    for (uint32_t i = 0; i < MANY; i++) {
        int64_t ms = 20000 + (int64_t)(i * 7919 % MANY) / 100 * 100;
        timers_set(world, timers_account(i), 1, ms);
    }
    world_await_rows(world, &engine_timer_table, MANY);
    world->ops->advance_clock(world, 15 * INT64_C(1000000)); /* all were set by now */
    world_await(world, all_fired, process);
    world_settle(world);
    const void *rows;
    assert_int_equal(world_rows(world, &engine_timer_table, &rows), MANY);
    const struct timer_row *row = rows;
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(row[i].state, TIMER_FIRED);
        assert_true(row[i].closed_at_us >= row[i].due_at_us);
        assert_true(row[i].closed_at_us < row[i].due_at_us + PROMISE_US);
    }
    assert_int_equal(world_count(world, &toy_journal_table), 2 * MANY);
    world_check(world);
}

/* ---- Sandbox time ---- */

static void a_week_passes_at_once(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 1, 7 * DAY_US / 1000);
    timers_await(world, timers_account(0), TOY_TIMER_PLAIN);
    world_settle(world);
    uint64_t claims = WORLD_STAT(process, claims);
    int64_t before_ms = clock_mono_ms();
    world->ops->advance_clock(world, 7 * DAY_US);
    world_await_total(world, timers_account(0), 1001);
    assert_true(clock_mono_ms() - before_ms < 2000);
    struct timer_row row = timers_get(world, timers_account(0), TOY_TIMER_PLAIN);
    assert_int_equal(row.state, TIMER_FIRED);
    assert_true(row.closed_at_us >= row.due_at_us);
    assert_int_equal(WORLD_STAT(process, claims), claims); /* leases did not jump */
    world_settle(world);
    world_check(world);
}

/* The due times of intakes are in real time: none is published again because a week has passed. */
static void intakes_do_not_feel_it(struct world *world)
{
    struct process *process = world_start(world);
    timers_set(world, timers_account(0), 1, 7 * DAY_US / 1000);
    timers_await(world, timers_account(0), TOY_TIMER_PLAIN);
    world->ops->advance_clock(world, 7 * DAY_US);
    world_await_total(world, timers_account(0), 1001); /* the owner lives in sandbox time */
    int64_t due_us = clock_wall_us() + 60 * INT64_C(1000000);
    world_intake(world, timers_account(0), "add", 1, world_id("intake", 0), due_us);
    world_run_for(world, 5000);
    assert_int_equal(WORLD_STAT(process, intakes_republished), 0);
    assert_int_equal(world_topic_count(world, TOY_SIGNALS), 0);
}

/* ---- When its decision fails ---- */

static void answer(struct world *world, enum admin_kind kind, struct id key,
                   const char *approved_by)
{
    const struct admin_request_row request = {.lane = TIMERS_LANE,
                                              .kind = kind,
                                              .key = key,
                                              .requested_by = STR("ada"),
                                              .approved_by = str_of(approved_by)};
    world_answered(world, world_ask(world, &request), "done");
}

static void a_firing_that_fails_is_parked(struct world *world)
{
    struct process *process = world_start(world);
    world_command(world, timers_account(0), "open", 1000);
    world_command(world, timers_account(0), "bomb", TOY_TIMER(6, 500));
    timers_set(world, timers_account(1), 2, 500);
    world_await_parked(world, timers_account(0));
    world_await_total(world, timers_account(1), 1002); /* the others go on */
    assert_int_equal(timers_get(world, timers_account(0), TOY_TIMER_BOMB).state, TIMER_PARKED);
    world_command(world, timers_account(0), "add", 50);
    world_await_rows(world, &engine_parked_message_table, 2);
    world_run_for(world, AFTER_ALL_MS); /* it is not taken up again by itself */
    assert_int_equal(world_count(world, &engine_parked_message_table), 2);
    world_await_total(world, timers_account(0), 1000);
    toy_heal();
    answer(world, ADMIN_PARK_RETRY, timers_account(0), "");
    world_await_total(world, timers_account(0), 1056);
    const int64_t amounts[] = {1000, 6, 50};
    world_check_amounts(world, timers_account(0), amounts, ARRAY_LEN(amounts));
    assert_int_equal(timers_get(world, timers_account(0), TOY_TIMER_BOMB).state, TIMER_FIRED);
    assert_int_equal(WORLD_STAT(process, timers_fired), 2);
    world_settle(world);
    world_check(world);
}

/* The toy refuses to fire for nobody: at its moment, put aside, and taken up again. */
static void a_parked_one_fires_for_the_request_that_set_it(struct world *world)
{
    world_start(world);
    world_command(world, timers_account(0), "open", 1000);
    struct id setter = world_command(world, timers_account(0), "bomb", TOY_TIMER(6, 500));
    world_await_parked(world, timers_account(0));
    assert_true(id_eq(timers_get(world, timers_account(0), TOY_TIMER_BOMB).correlation_id, setter));
    toy_heal();
    answer(world, ADMIN_PARK_RETRY, timers_account(0), "");
    world_await_total(world, timers_account(0), 1006);
    struct timer_row row = timers_get(world, timers_account(0), TOY_TIMER_BOMB);
    assert_int_equal(row.state, TIMER_FIRED);
    assert_true(id_eq(row.correlation_id, setter));
    world_settle(world);
    world_check(world);
}

static void waits_behind_its_parked_key(struct world *world)
{
    world_start(world);
    timers_set(world, timers_account(0), 8, 1500);
    world_command(world, timers_account(0), "fault", 3);
    world_await_parked(world, timers_account(0));
    world_await_rows(world, &engine_parked_message_table, 2);
    assert_int_equal(timers_get(world, timers_account(0), TOY_TIMER_PLAIN).state, TIMER_PARKED);
    world_await_total(world, timers_account(0), 1000);
    toy_heal();
    answer(world, ADMIN_PARK_RETRY, timers_account(0), "");
    const int64_t amounts[] = {1000, 3, 8};
    world_await_total(world, timers_account(0), 1011);
    world_check_amounts(world, timers_account(0), amounts, ARRAY_LEN(amounts));
    world_settle(world);
    world_check(world);
}

/* What is parked before a firing may replace or cancel its timer. */
static void a_parked_one_may_be_stale(struct world *world)
{
    world_start(world);
    for (uint32_t i = 0; i < 2; i++) {
        timers_set(world, timers_account(i), 8, 1500);
        world_command(world, timers_account(i), "fault", 3);
        world_await_parked(world, timers_account(i));
    }
    world_command(world, timers_account(0), "timer", TOY_TIMER(9, 1000));
    world_command(world, timers_account(1), "cancel", 8);
    world_await_rows(world, &engine_parked_message_table, 6);
    toy_heal();
    answer(world, ADMIN_PARK_RETRY, timers_account(0), "");
    answer(world, ADMIN_PARK_RETRY, timers_account(1), "");
    const int64_t replaced[] = {1000, 3, 9};
    const int64_t canceled[] = {1000, 3};
    world_await_total(world, timers_account(0), 1012);
    world_check_amounts(world, timers_account(0), replaced, ARRAY_LEN(replaced));
    world_check_amounts(world, timers_account(1), canceled, ARRAY_LEN(canceled));
    assert_int_equal(timers_get(world, timers_account(0), TOY_TIMER_PLAIN).state, TIMER_FIRED);
    assert_int_equal(timers_get(world, timers_account(1), TOY_TIMER_PLAIN).state, TIMER_CANCELED);
    world_settle(world);
    world_check(world);
}

static void a_person_may_drop_it(struct world *world)
{
    world_start(world);
    world_command(world, timers_account(0), "open", 1000);
    world_command(world, timers_account(0), "bomb", TOY_TIMER(6, 0));
    world_await_parked(world, timers_account(0));
    answer(world, ADMIN_PARK_DROP, timers_account(0), "bob");
    assert_int_equal(timers_get(world, timers_account(0), TOY_TIMER_BOMB).state, TIMER_CANCELED);
    toy_heal();
    world_command(world, timers_account(0), "bomb", TOY_TIMER(7, 0));
    world_await_total(world, timers_account(0), 1007);
    world_settle(world);
    world_check(world);
}

/* After two deaths one thing is tried after the other, and a record need not wait until no timer is due. */
static void records_have_their_turn(struct world *world)
{
    world->limits.batch_max = 16;
    struct process *first = world_start(world);
    for (uint32_t i = 0; i <= DUE_AT_ONCE; i++) {
        timers_set(world, timers_account(i), 1, i < DUE_AT_ONCE ? 8000 : DAY_US / 1000);
        timers_await(world, timers_account(i), TOY_TIMER_PLAIN);
    }
    world_kill(first);
    struct process *second = world_start(world);
    world_command(world, timers_account(DUE_AT_ONCE), "add", 1);
    world_await_total(world, timers_account(DUE_AT_ONCE), 1001);
    assert_int_equal(WORLD_STAT(second, timers_fired), 0);
    world_kill(second);
    world_run_for(world, 1000 * DUE_AT_ONCE);
    world_command(world, timers_account(DUE_AT_ONCE), "add", 5);
    struct process *third = world_start(world);
    world_await_total(world, timers_account(DUE_AT_ONCE), 1006);
    assert_in_range(WORLD_STAT(third, timers_fired), 1, DUE_AT_ONCE / 2);
    world_settle(world);
    assert_int_equal(WORLD_STAT(third, timers_fired), DUE_AT_ONCE);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(fires_within_the_moment, WORLD_BOTH),
    WORLD_TEST(the_wait_ends_at_the_moment, WORLD_SIM_ONLY),
    WORLD_TEST(a_moment_that_has_passed_is_due_at_once, WORLD_BOTH),
    WORLD_TEST(not_before_its_moment_by_the_database, WORLD_SIM_ONLY),
    WORLD_TEST(our_own_clock_does_not_matter, WORLD_SIM_ONLY),
    WORLD_TEST(survives_its_owner, WORLD_BOTH),
    WORLD_TEST(dies_while_it_fires, WORLD_SIM_ONLY),
    WORLD_TEST(fires_once_when_a_commit_is_unknown, WORLD_BOTH),
    WORLD_TEST(moves_with_its_lane, WORLD_BOTH),
    WORLD_TEST(its_event_has_one_id, WORLD_SIM_ONLY),
    WORLD_TEST(the_row_is_looked_at_again, WORLD_SIM_ONLY),
    WORLD_TEST(a_canceled_one_does_not_fire, WORLD_BOTH),
    WORLD_TEST(a_newer_one_takes_its_place, WORLD_BOTH),
    WORLD_TEST(an_older_generation_is_ignored, WORLD_BOTH),
    WORLD_TEST(fires_all_beyond_the_window, WORLD_BOTH),
    WORLD_TEST(a_week_passes_at_once, WORLD_BOTH),
    WORLD_TEST(intakes_do_not_feel_it, WORLD_BOTH),
    WORLD_TEST(a_firing_that_fails_is_parked, WORLD_BOTH),
    WORLD_TEST(a_parked_one_fires_for_the_request_that_set_it, WORLD_BOTH),
    WORLD_TEST(waits_behind_its_parked_key, WORLD_BOTH),
    WORLD_TEST(a_parked_one_may_be_stale, WORLD_BOTH),
    WORLD_TEST(a_person_may_drop_it, WORLD_BOTH),
    WORLD_TEST(records_have_their_turn, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
