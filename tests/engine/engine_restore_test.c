/*
 * R18: the database is older than the log. The lane stops and tells; when two people have asked for it,
 * what it had published is taken back, the decisions are made again in the order and at the time of the
 * log, and nothing reaches the log or the outside a second time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/lane.h"
#include "engine_calls.h"
#include "sim/sim_db.h"
#include "sim/sim_kafka.h"
#include "world.h"

#define LANE 3
#define ROUNDS 3
#define HOUR_MS INT64_C(3600000)

static struct id account_of(uint32_t i)
{
    return world_account_in(LANE, i);
}

static struct id ask(struct world *world, const char *approved_by)
{
    const struct admin_request_row request = {.lane = LANE,
                                              .kind = ADMIN_RESTORE,
                                              .topic = STR(""),
                                              .approved_by = str_of(approved_by),
                                              .result = STR("")};
    return world_ask(world, &request);
}

#define ROUND 3 /* decisions of one round */

static void await_add(struct world *world, struct id account, int64_t amount, int64_t *total)
{
    *total += amount;
    world_await_total(world, account, *total);
}

/* What was done until now comes to rest and is in the backup. Returns who goes on from there. */
static struct process *back_up(struct world *world, struct process *first)
{
    world_settle(world);
    world_end(first);
    world->ops->backup(world);
    return world_start(world);
}

/* Two commands and a signal in turn, each decided before the next is written: read again they come in
 * another order, for between topics there is none. */
static void live(struct world *world, struct id account, int64_t *total)
{
    for (int64_t i = 1; i <= ROUNDS; i++) {
        world_command(world, account, *total == 0 ? "open" : "add", i);
        await_add(world, account, i, total);
        world_command(world, account, "add", 10 * i);
        await_add(world, account, 10 * i, total);
        world_signal(world, account, "add", 100 * i,
                     world_id("signal", world->appended[TOY_SIGNALS][LANE]));
        await_add(world, account, 100 * i, total);
    }
}

static bool is_restored(struct world *world, const void *context)
{
    (void)context;
    return world_count(world, &engine_lane_restore_table) == 0 && world_is_settled(world, NULL);
}

static void await_restored(struct world *world)
{
    world_await(world, is_restored, NULL);
}

/* A life that is lost: from the backup on. Returns how many events the log holds. */
static uint32_t lose(struct world *world, struct process *process)
{
    world_settle(world);
    world_end(process);
    uint32_t events = world_topic_count(world, TOY_EVENTS);
    world->ops->restore(world);
    return events;
}

static void restore_as_asked(struct world *world)
{
    world_await_stopped(world, LANE, "engine.database_lost_rows");
    struct id request = ask(world, "grace");
    world->ops->resume(world, LANE);
    world_answered(world, request, "taken back: payments.events.v1 n=");
    await_restored(world);
}

/* ---- All comes back ---- */

static void live_on(struct world *world, int64_t clock_by_us)
{
    int64_t totals[2] = {0, 0};
    struct process *first = world_start(world);
    live(world, account_of(0), &totals[0]);
    struct process *second = back_up(world, first);
    live(world, account_of(0), &totals[0]);
    live(world, account_of(1), &totals[1]); /* all of its life is lost */
    uint32_t events = lose(world, second);
    if (clock_by_us != 0) {
        sim_db_set_clock(world->db, clock_by_us);
    }
    world->limits.batch_max =
        1; /* the inputs come one by one: their order is known only when all are there */
    world_start(world);
    restore_as_asked(world);
    world_await_total(world, account_of(0), totals[0]);
    world_await_total(world, account_of(1), totals[1]);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), events);
    live(world, account_of(1), &totals[1]); /* numbers go on behind what was taken back */
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), events + ROUND * ROUNDS);
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    world_check(world);
}

static void lives_on_after_a_restore(struct world *world)
{
    live_on(world, 0);
}

/* The commit times of what is written from now on come after those in the log all the same. */
static void lives_on_with_a_clock_that_is_behind(struct world *world)
{
    live_on(world, -INT64_C(600000000));
}

static uint32_t carried_out(struct world *world)
{
    return sim_outside_carried_out(&world->outside);
}

/* Its call was made and answered: made again with the same key, and decided where it was. */
static void pays_nothing_twice(struct world *world)
{
    struct process *first = world_start(world);
    world_command(world, account_of(0), "open", 1);
    world_await_total(world, account_of(0), 1);
    struct process *second = back_up(world, first);
    world_command(world, account_of(0), "call", 100);
    world_await_total(world, account_of(0), 101);
    world_command(world, account_of(0), "add", 1000);
    world_signal(world, account_of(0), "buy", 10000, world_id("signal", 1));
    world_await_total(world, account_of(0), 21101);
    uint32_t events = lose(world, second);
    world_start(world);
    restore_as_asked(world);
    world_await_total(world, account_of(0), 21101);
    assert_int_equal(carried_out(world), 2);
    assert_int_equal(world->outside.different, 0);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), events);
    world_settle(world);
    world_check(world);
}

static void fires_what_had_fired(struct world *world)
{
    struct process *first = world_start(world);
    world_command(world, account_of(0), "open", 1);
    world_command(world, account_of(0), "timer", TOY_TIMER(4, 2000));
    world_await_total(world, account_of(0), 1);
    struct process *second = back_up(world, first);
    world_await_total(world, account_of(0), 5); /* the one of before the backup */
    world_command(world, account_of(0), "alarm", TOY_TIMER(5, 1000));
    world_await_total(world, account_of(0), 11);
    world_command(world, account_of(0), "alarm", TOY_TIMER(6, 1000));
    world_command(world, account_of(0), "cancel", 6);
    world_command(world, account_of(0), "add", 100);
    world_command(world, account_of(0), "alarm", TOY_TIMER(7, 1000));
    world_await_total(world, account_of(0), 120);
    uint32_t events = lose(world, second);
    world_start(world);
    restore_as_asked(world);
    world_await_total(world, account_of(0), 120);
    world_run_for(world, 5000);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), events);
    world_settle(world);
    world_check(world);
}

/* ---- It does not begin by itself, and not against the log ---- */

static void waits_for_two_people(struct world *world)
{
    int64_t total = 0;
    struct process *first = world_start(world);
    live(world, account_of(0), &total);
    struct process *second = back_up(world, first);
    live(world, account_of(0), &total);
    lose(world, second);
    world_start(world);
    world_await_stopped(world, LANE, "engine.database_lost_rows");
    ask(world, "");
    ask(world, "ada"); /* who asks may not approve */
    world->ops->resume(world, LANE);
    world_await_stopped(world, LANE, "engine.database_lost_rows");
    assert_int_equal(world_count(world, &engine_restored_table), 0);
    restore_as_asked(world);
    world_await_total(world, account_of(0), total);
}

static STATUS decides_otherwise(struct engine_turn *turn, const struct engine_message *message)
{
    if (!id_eq(message->key, account_of(0))) {
        return toy_service.handlers[0].decide(turn, message);
    }
    return engine_emit(turn, TOY_EVENTS, engine_next_id(turn), STR("toy.Added"), STR("other"));
}

typedef STATUS decide(struct engine_turn *turn, const struct engine_message *message);

/* The toy, with other decisions about what comes by this input: 0 is its commands, 1 its signals. */
static const struct engine_service *toy_that(uint32_t input, decide *decides)
{
    static struct engine_handler handlers[2];
    static struct engine_service service;
    service = toy_service;
    handlers[0] = toy_service.handlers[0];
    handlers[1] = toy_service.handlers[1];
    handlers[input].decide = decides;
    service.handlers = handlers;
    return &service;
}

/* A version that decides otherwise: the key waits for a person, and nothing contradicts the log. */
static void puts_aside_what_differs(struct world *world)
{
    int64_t totals[2] = {0, 0};
    struct process *first = world_start(world);
    live(world, account_of(0), &totals[0]);
    live(world, account_of(1), &totals[1]);
    struct process *second = back_up(world, first);
    live(world, account_of(0), &totals[0]);
    live(world, account_of(1), &totals[1]);
    uint32_t events = lose(world, second);
    world->service = toy_that(0, decides_otherwise);
    world_start(world);
    world_await_stopped(world, LANE, "engine.database_lost_rows");
    ask(world, "grace");
    world->ops->resume(world, LANE);
    world_await_total(world, account_of(1), totals[1]);
    world_await_parked(world, account_of(0));
    world_run_for(world, 1000);
    assert_true(
        str_eq(world_find_parked(world, account_of(0))->reason, STR("engine.restore_differs")));
    assert_int_equal(world_topic_count(world, TOY_EVENTS), events);
}

/* ---- What the log does not tell ---- */

/* As payments: what is told about a call must have been asked for. */
static STATUS needs_a_call(struct engine_turn *turn, const struct engine_message *message)
{
    void *const *calls;
    return engine_children(turn, &toy_call_table, &calls) > 0
               ? toy_service.handlers[1].decide(turn, message)
               : op_fail(engine_op(turn), STATUS_BUG, "toy.no_call", "of no call");
}

static void lose_calls(struct world *world, decide *decides, uint32_t input)
{
    world->service = toy_that(input, decides);
    struct process *first = world_start(world);
    world_command(world, account_of(0), "open", 1);
    world_await_total(world, account_of(0), 1);
    world_settle(world);
    world_end(first);
    world->ops->backup(world);
    world->outside.usual = SIM_REPLY_LOST;
    world_start(world);
}

static void restore_calls(struct world *world, int64_t total)
{
    world_await_total(world, account_of(0), 11);
    world_kill(&world->processes[world->process_count - 1]);
    world->ops->restore(world);
    world->outside.usual = SIM_REPLY_DONE;
    world_start(world);
    restore_as_asked(world);
    world_await_total(world, account_of(0), total);
    world_run_for(world, 5000);
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    world_settle(world);
    world_check(world);
}

/* A command that published nothing has no place in the log. The signal that needs it fails without it. */
static void finds_by_trying_what_was_before(struct world *world)
{
    lose_calls(world, needs_a_call, 1);
    world_command(world, account_of(0), "call", 100);
    calls_await(world, 1);
    world_signal(world, account_of(0), "add", 10, world_id("signal", 1));
    restore_calls(world, 111);
    assert_int_equal(world->outside.request_count, 1);
}

static STATUS calls_if_late(struct engine_turn *turn, const struct engine_message *message)
{
    const struct toy_account *account = engine_aggregate(turn);
    return account && account->seq == 1 ? OK : toy_service.handlers[0].decide(turn, message);
}

/* Both can be decided in either order, and what came of it tells which it was: by the clocks alone. */
static void goes_by_the_clocks_where_the_log_is_silent(struct world *world)
{
    lose_calls(world, calls_if_late, 0);
    world->clock_us = sim_db_now_us(world->db) - 1000;
    world_command(world, account_of(0), "call", 100);
    world_run_for(world, 100);
    world_signal(world, account_of(0), "add", 10, world_id("signal", 1));
    restore_calls(world, 11);
    assert_int_equal(world->outside.request_count, 0);
}

/* Two records of one decision. */
static STATUS tells_twice(struct engine_turn *turn, const struct engine_message *message)
{
    TRY(toy_service.handlers[0].decide(turn, message));
    return engine_emit(turn, TOY_EVENTS, engine_next_id(turn), STR("toy.Told"), STR("told"));
}

/* The log has the first one only. The other one is new: its number and its commit time come after all in the log. */
static void commits_later_what_was_not_published(struct world *world)
{
    world->service = toy_that(0, tells_twice);
    struct process *first = world_start(world);
    world_command(world, account_of(0), "open", 1);
    struct process *second = back_up(world, first);
    sim_kafka_limit_queue(world->kafka, 1);
    world_command(world, account_of(0), "add", 10);
    world_await_journal(world, 2);
    world_kill(second);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 3);
    sim_kafka_limit_queue(world->kafka, 1000);
    world->ops->restore(world);
    world->ops->advance(world, HOUR_MS);
    world_start(world);
    restore_as_asked(world);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 4);
    struct bus_record told = sim_kafka_record(world->kafka, TOY_EVENTS, LANE, 2);
    struct bus_record later = sim_kafka_record(world->kafka, TOY_EVENTS, LANE, 3);
    assert_true(later.n == 4 && later.committed_at_us >= told.committed_at_us + HOUR_MS * 1000);
}

/* What its producer left on the way when it died is written last: the very last record says less than the log holds. */
static void repeat_last(struct world *world, uint32_t offset)
{
    int64_t total = 0;
    struct process *first = world_start(world);
    live(world, account_of(0), &total);
    struct process *second = back_up(world, first);
    live(world, account_of(0), &total);
    lose(world, second);
    sim_kafka_append_again(world->kafka, TOY_EVENTS, LANE, offset);
    world_start(world);
    restore_as_asked(world);
    world_await_total(world, account_of(0), total);
    world_settle(world);
    world_check(world);
}

static void takes_back_what_is_before_a_late_repetition(struct world *world)
{
    repeat_last(world, ROUND * ROUNDS);
}

/* Of what the backup has: by its number alone nothing would seem to be lost. */
static void takes_back_what_a_late_repetition_hides(struct world *world)
{
    repeat_last(world, 0);
}

/* Retention took what would have to be taken back. */
static void stops_when_the_log_lacks_it_too(struct world *world)
{
    int64_t total = 0;
    struct process *first = world_start(world);
    live(world, account_of(0), &total);
    struct process *second = back_up(world, first);
    live(world, account_of(0), &total);
    lose(world, second);
    world->ops->expire(world, TOY_EVENTS, LANE, ROUND * ROUNDS + 1);
    world_start(world);
    world_await_stopped(world, LANE, "engine.database_lost_rows");
    ask(world, "grace");
    world->ops->resume(world, LANE);
    world_await_stopped(world, LANE, "engine.restore_log_gone");
}

static bool is_closed(struct world *world, const void *context)
{
    const struct id *request = context;
    return !world_find_intake(world, *request)->open;
}

/* A call that is too old to be sent again is not, whatever the time of the decision that asks for it. */
static void leaves_old_calls_to_a_person(struct world *world)
{
    struct process *first = world_start(world);
    world_command(world, account_of(0), "open", 1);
    world_await_total(world, account_of(0), 1);
    struct process *second = back_up(world, first);
    world_signal(world, account_of(0), "buy", 10, world_id("signal", 1));
    world_await_total(world, account_of(0), 21);
    lose(world, second);
    uint32_t calls = world->outside.calls;
    world->ops->advance(world, 21 * HOUR_MS);
    world_start(world);
    world_await_stopped(world, LANE, "engine.database_lost_rows");
    ask(world, "grace");
    world->ops->resume(world, LANE);
    world_await_total(world, account_of(0), 11); /* it waits for the answer */
    world_run_for(world, 2 * HOUR_MS);
    assert_int_equal(world->outside.calls, calls);
    assert_int_equal(calls_effect_of(world, account_of(0))->attempts, 0);
}

/* Asked again by somebody whose request the database has lost: it was decided, so its row may not wait. */
static void closes_a_request_that_was_decided(struct world *world)
{
    struct id request = world_id("signal", 1);
    world_start(world);
    world_command(world, account_of(0), "open", 1);
    world_signal(world, account_of(0), "add", 10, request);
    world_await_total(world, account_of(0), 11);
    world_intake(world, account_of(0), "add", 10, request, /* due_at_us */ 0);
    world_await(world, is_closed, &request);
    assert_true(
        str_eq(world_find_intake(world, request)->outcome_code, STR("engine.decided_before")));
    world_await_total(world, account_of(0), 11);
    world_settle(world);
    world_check(world);
}

/* ---- Crashes ---- */

static int64_t some_life(struct world *world)
{
    int64_t total = 1;
    world_command(world, account_of(0), "open", 1);
    world_command(world, account_of(0), "buy", 10);
    total += 20;
    world_await_total(world, account_of(0), total);
    world_signal(world, account_of(0), "add", 100, world_id("signal", 1));
    total += 100;
    world_await_total(world, account_of(0), total);
    world_command(world, account_of(0), "add", 1000);
    return total + 1000;
}

static bool has_lived(struct world *world)
{
    const struct toy_account *a = world_find_account(world, account_of(0));
    int64_t total = a ? a->total : 0;
    const struct toy_account *b = world_find_account(world, account_of(1));
    return total == 21 && b && world_is_settled(world, NULL);
}

static bool lived_or_dead(struct world *world, const void *context)
{
    const struct process *process = context;
    return process->fault.dead || has_lived(world);
}

static bool lived_or_stopped(struct world *world, const void *context)
{
    (void)context;
    return world->ops->lane(world, LANE).stopped || has_lived(world);
}

static bool restored_or_dead(struct world *world, const void *context)
{
    const struct process *process = context;
    return process->fault.dead || is_restored(world, NULL);
}

/* The life after the backup ends at any call; what was published of it is taken back, what was not is made anew. */
static bool dies_before(struct world *world, int64_t call)
{
    world->ops->backup(world);
    struct process *second = world_start(world);
    second->fault.crash_at = call;
    world_command(world, account_of(0), "open", 1);
    world_command(world, account_of(0), "buy", 10);
    world_signal(world, account_of(1), "open", 7, world_id("signal", 2));
    world_run(world, lived_or_dead, second, world->patience_ms);
    bool died = second->fault.dead;
    world_kill(second);
    world->ops->restore(world);
    world_start(world);
    world_await(world, lived_or_stopped, NULL);
    if (world->ops->lane(world, LANE).stopped) {
        restore_as_asked(world);
    }
    await_restored(world);
    world_await_total(world, account_of(0), 21);
    world_await_total(world, account_of(1), 7);
    assert_int_equal(carried_out(world), 1);
    assert_int_equal(world->outside.different, 0);
    world_settle(world);
    world_check(world);
    return died;
}

/* The recovery itself ends at any call, and the next process takes it up. */
static bool dies_within(struct world *world, int64_t call)
{
    world->ops->backup(world);
    struct process *second = world_start(world);
    int64_t total = some_life(world);
    world_await_total(world, account_of(0), total);
    uint32_t events = lose(world, second);
    struct process *third = world_start(world);
    world_await_stopped(world, LANE, "engine.database_lost_rows");
    world_kill(third);
    ask(world, "grace");
    world->ops->resume(world, LANE);
    struct process *fourth = world_start(world);
    fourth->fault.crash_at = call;
    world_run(world, restored_or_dead, fourth, world->patience_ms);
    bool died = fourth->fault.dead;
    world_kill(fourth);
    world_start(world);
    await_restored(world);
    world_await_total(world, account_of(0), total);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), events);
    assert_int_equal(carried_out(world), 1);
    assert_int_equal(world->outside.different, 0);
    world_settle(world);
    world_check(world);
    return died;
}

static void at_every_call(bool (*dies)(struct world *world, int64_t call))
{
    int64_t call = 0;
    bool died = true;
    while (died) {
        struct world *world = test_calloc(1, sizeof(*world));
        world_open_sim(world);
        died = dies(world, ++call);
        world_close(world);
        test_free(world);
    }
    print_message("died at each of %lld calls\n", (long long)call - 1);
    assert_true(call > 100);
}

static void survives_any_end_before(struct world *world)
{
    (void)world;
    at_every_call(dies_before);
}

static void survives_any_end_within(struct world *world)
{
    (void)world;
    at_every_call(dies_within);
}

static const struct world_test tests[] = {
    WORLD_TEST(lives_on_after_a_restore, WORLD_BOTH),
    WORLD_TEST(lives_on_with_a_clock_that_is_behind, WORLD_SIM_ONLY),
    WORLD_TEST(pays_nothing_twice, WORLD_BOTH),
    WORLD_TEST(fires_what_had_fired, WORLD_BOTH),
    WORLD_TEST(waits_for_two_people, WORLD_SIM_ONLY),
    WORLD_TEST(puts_aside_what_differs, WORLD_SIM_ONLY),
    WORLD_TEST(finds_by_trying_what_was_before, WORLD_SIM_ONLY),
    WORLD_TEST(goes_by_the_clocks_where_the_log_is_silent, WORLD_SIM_ONLY),
    WORLD_TEST(commits_later_what_was_not_published, WORLD_SIM_ONLY),
    WORLD_TEST(takes_back_what_is_before_a_late_repetition, WORLD_SIM_ONLY),
    WORLD_TEST(takes_back_what_a_late_repetition_hides, WORLD_SIM_ONLY),
    WORLD_TEST(stops_when_the_log_lacks_it_too, WORLD_SIM_ONLY),
    WORLD_TEST(leaves_old_calls_to_a_person, WORLD_SIM_ONLY),
    WORLD_TEST(closes_a_request_that_was_decided, WORLD_SIM_ONLY),
    WORLD_TEST(survives_any_end_before, WORLD_SIM_ONLY),
    WORLD_TEST(survives_any_end_within, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
