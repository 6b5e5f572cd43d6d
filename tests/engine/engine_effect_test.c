/* Calls to the outside (R12): after the commit, with the same bytes, answered in their lane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "engine_calls.h"
#include "sim/sim_db.h"

#define LANE 2
#define HOUR_US INT64_C(3600000000)
#define HOUR_MS INT64_C(3600000)
#define TIMES_MAX 64

static struct id account_of(uint32_t i)
{
    return world_account_in(LANE, i);
}

static uint32_t attempts_of(struct world *world, struct id account)
{
    const struct sim_request *request =
        sim_outside_find(&world->outside, calls_effect_of(world, account)->id);
    return request ? request->attempts : 0;
}

/* ---- When it is sent ---- */

/* Whatever is asked stands in the database by then. */
static enum sim_reply only_what_is_written(void *context)
{
    struct world *world = context;
    assert_true(world->outside.request_count <= sim_db_count(world->db, &engine_effect_table));
    return SIM_REPLY_DONE;
}

static void sends_after_the_commit(struct world *world)
{
    world->outside.choose = only_what_is_written;
    world->outside.context = world;
    struct process *process = world_start(world);
    world_command(world, account_of(0), "open", 1);
    world_await_total(world, account_of(0), 1);
    for (int64_t i = 0; i < 3; i++) {
        world_command(world, account_of(0), "call", 10);
    }
    process->fault.lose_commit_at = process->fault.commits + 1;
    world_run_for(world, 10); /* the commit did not happen, and nothing was asked */
    assert_true(process->fault.commits == process->fault.lose_commit_at);
    assert_int_equal(world->outside.calls, 0);
    world_await_total(world, account_of(0), 31);
    assert_int_equal(world->outside.calls, 3);
    assert_int_equal(WORLD_STAT(process, effects_sent), 3);
    assert_int_equal(WORLD_STAT(process, effects_done), 3);
    world_settle(world);
    world_check(world);
}

static void sends_no_more_than_there_are_slots(struct world *world)
{
    world->slots = 2;
    struct process *process = world_start(world);
    process->caller.hold = true;
    world_command(world, account_of(0), "open", 1);
    for (int64_t i = 0; i < 6; i++) {
        world_command(world, account_of(0), "call", 10);
    }
    world_await_rows(world, &engine_effect_table, 6);
    world_run_for(world, 3000);
    assert_int_equal(world->outside.calls, 2);
    const void *rows;
    uint32_t count = world_rows(world, &engine_effect_table, &rows);
    const struct effect_row *row = rows;
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < count; i++) {
        waiting += row[i].state == EFFECT_WAITING && row[i].attempts == 0 ? 1 : 0;
    }
    assert_int_equal(waiting, 4);
    process->caller.hold = false;
    world_await_total(world, account_of(0), 61);
    assert_int_equal(world->outside.calls, 6);
    world_settle(world);
    world_check(world);
}

struct sleeper {
    struct process *process;
    uint32_t wakes;
};

static void sleep_beyond_the_lease(void *context)
{
    struct sleeper *sleeper = context;
    struct world *world = sleeper->process->world;
    sleeper->process->frozen = true;
    world_start(world);
    world_run_for(world, 2 * world->limits.lease_ms);
    world_await_total(world, account_of(0), 11);
    sleeper->process->frozen = false;
    sleeper->wakes++;
}

/* One that sleeps between the commit and the call, and wakes as somebody else's zombie, asks nothing. */
static void asks_nothing_too_late(struct world *world)
{
    uint32_t too_late = 0;
    (void)world;
    for (int64_t at = 1; at < 60; at++) {
        struct world *night = test_calloc(1, sizeof(*night));
        world_open_sim(night);
        struct sleeper sleeper = {.process = world_start(night)};
        world_command(night, account_of(0), "open", 1);
        world_await_total(night, account_of(0), 1);
        world_settle(night);
        sleeper.process->fault.pause = sleep_beyond_the_lease;
        sleeper.process->fault.context = &sleeper;
        sleeper.process->fault.pause_at = sleeper.process->fault.calls + at;
        world_command(night, account_of(0), "call", 10);
        world_await_total(night, account_of(0), 11);
        world_run_for(night, 1000);
        too_late += night->outside.too_late;
        assert_int_equal(sim_outside_carried_out(&night->outside), 1);
        world_settle(night);
        world_check(night);
        world_close(night);
        test_free(night);
    }
    assert_true(too_late > 0);
}

/* ---- Asking again ---- */

static int64_t asked_at_ms[TIMES_MAX];
static uint32_t asked_count;

static enum sim_reply note_time_and_lose(void *context)
{
    const enum sim_reply *reply = context;
    assert_true(asked_count < TIMES_MAX);
    asked_at_ms[asked_count++] = clock_mono_ms();
    return asked_count < 12 ? *reply : SIM_REPLY_DONE;
}

static void ask_until_done(struct world *world, enum sim_reply reply)
{
    asked_count = 0;
    world->outside.choose = note_time_and_lose;
    world->outside.context = &reply;
    world_start(world);
    calls_open(world, account_of(0), 10);
    world_await_total(world, account_of(0), 11);
    assert_int_equal(asked_count, 12);
    assert_int_equal(calls_effect_of(world, account_of(0))->attempts, 12);
    assert_int_equal(calls_effect_of(world, account_of(0))->state, EFFECT_DONE);
    world_settle(world);
    world_check(world);
}

/* Same key, same bytes (world_check), with longer and longer waits. */
static void asks_again_with_longer_waits(struct world *world)
{
    ask_until_done(world, SIM_REPLY_LOST);
    assert_int_equal(attempts_of(world, account_of(0)), 12);
    assert_true(asked_at_ms[1] - asked_at_ms[0] <= 1100);
    for (uint32_t i = 1; i < asked_count; i++) {
        assert_in_range(asked_at_ms[i] - asked_at_ms[i - 1], 100, 61000);
    }
    assert_true(asked_at_ms[11] - asked_at_ms[7] > 4 * (asked_at_ms[4] - asked_at_ms[0]));
}

/* What surely did not go out waits in the state that says so. */
static void asks_again_when_nothing_went_out(struct world *world)
{
    ask_until_done(world, SIM_REPLY_NOT_SENT);
    assert_int_equal(attempts_of(world, account_of(0)), 1);
}

static void let_it_hear(void *context)
{
    struct process *process = context;
    process->caller.hold = false;
    process->world->clock->ahead_us += 48 * HOUR_US;
}

/* A process whose own clock is set on by two days right before it hears the answer asks no later for that (INV32). */
static void asks_again_by_the_database_clock(struct world *world)
{
    static const enum sim_reply replies[] = {SIM_REPLY_LOST, SIM_REPLY_LATER};

    calls_script(world, replies, ARRAY_LEN(replies));
    struct process *process = world_start(world);
    process->fault.pause = let_it_hear;
    process->fault.context = process;
    calls_open(world, account_of(0), 10);
    for (uint32_t call = 1; call <= ARRAY_LEN(replies); call++) {
        process->caller.hold = true;
        calls_await(world, call);
        process->fault.pause_step = SIM_STEP_TAKE;
        while (process->caller.hold) {
            world_step(world);
        }
        world_run_for(world, 10);
        const struct effect_row *effect = calls_effect_of(world, account_of(0));
        assert_true(effect->due_at_us < sim_db_decision_us(world->db) + 2 * 1000000);
    }
    world_await_total(world, account_of(0), 11);
    world_settle(world);
    world_check(world);
}

static void tells_unsent_from_unknown(struct world *world)
{
    static const enum sim_reply replies[] = {SIM_REPLY_NOT_SENT, SIM_REPLY_LOST};

    calls_script(world, replies, ARRAY_LEN(replies));
    world->slots = 1;
    world_start(world);
    calls_open(world, account_of(0), 10);
    calls_await(world, 1);
    world_run_for(world, 10);
    assert_int_equal(calls_effect_of(world, account_of(0))->state, EFFECT_WAITING);
    assert_int_equal(calls_effect_of(world, account_of(0))->attempts, 1);
    calls_await(world, 2);
    world_run_for(world, 10);
    assert_int_equal(calls_effect_of(world, account_of(0))->state, EFFECT_UNKNOWN);
    world_await_total(world, account_of(0), 11);
    world_settle(world);
    world_check(world);
}

static void waits_as_long_as_the_other_side_asks(struct world *world)
{
    static const enum sim_reply replies[] = {SIM_REPLY_STRANGE};

    calls_script(world, replies, ARRAY_LEN(replies));
    world->outside.retry_after_ms = 30000;
    world_start(world);
    calls_open(world, account_of(0), 10);
    calls_await(world, 1);
    int64_t first_ms = clock_mono_ms();
    calls_await(world, 2);
    assert_in_range(clock_mono_ms() - first_ms, 29900, 32000);
    world_await_total(world, account_of(0), 11);
}

static enum sim_reply lose_one_and_refuse_its_row(void *context)
{
    struct world *world = context;
    if (world->outside.calls > 0) {
        return SIM_REPLY_DONE;
    }
    sim_db_next_write(world->db, STATUS_INVALID);
    return SIM_REPLY_LOST;
}

/* That nobody answered is nothing to put aside: taken up again it would pass for an answer. */
static void puts_no_lost_answer_aside(struct world *world)
{
    world->outside.choose = lose_one_and_refuse_its_row;
    world->outside.context = world;
    struct process *process = world_start(world);
    calls_open(world, account_of(0), 10);
    world_await_total(world, account_of(0), 11);
    assert_int_equal(WORLD_STAT(process, refused_batches), 1);
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    assert_int_equal(world->outside.calls, 2);
    world_settle(world);
    world_check(world);
}

static void decides_a_refusal(struct world *world)
{
    static const enum sim_reply replies[] = {SIM_REPLY_FAILED};

    calls_script(world, replies, ARRAY_LEN(replies));
    struct process *process = world_start(world);
    calls_open(world, account_of(0), 10);
    world_await_journal(world, 2);
    world_settle(world);
    const int64_t amounts[] = {1, 0};
    world_check_amounts(world, account_of(0), amounts, ARRAY_LEN(amounts));
    assert_int_equal(calls_effect_of(world, account_of(0))->state, EFFECT_FAILED);
    assert_int_equal(WORLD_STAT(process, effects_failed), 1);
    world_check(world);
}

/* ---- Lanes that move ---- */

static void take_over(struct world *world, enum sim_reply first)
{
    calls_script(world, &first, 1);
    struct process *dies = world_start(world);
    dies->caller.hold = true;
    calls_open(world, account_of(0), 10);
    calls_await(world, 1);
    world_kill(dies);
    world_start(world);
    world_await_total(world, account_of(0), 11);
    assert_int_equal(world->outside.calls, 2);
    assert_int_equal(world->outside.request_count, 1);
    assert_int_equal(world->outside.different, 0);
    assert_int_equal(attempts_of(world, account_of(0)), 2);
    if (world->simulated) { /* really, one may have been too late to be sent */
        assert_int_equal(calls_effect_of(world, account_of(0))->attempts, 2);
    }
    world_settle(world);
    world_check(world);
}

static void repeats_after_a_takeover(struct world *world)
{
    take_over(world, SIM_REPLY_DONE);
}

static void repeats_what_never_arrived(struct world *world)
{
    take_over(world, SIM_REPLY_LOST);
}

/* The answer of the first owner comes when the lane has another one, which asked again. */
static void drops_the_answer_of_a_moved_lane(struct world *world)
{
    struct process *sleeps = world_start(world);
    sleeps->caller.hold = true;
    calls_open(world, account_of(0), 10);
    calls_await(world, 1);
    sleeps->frozen = true;
    struct process *other = world_start(world);
    other->caller.hold = true;
    calls_await(world, 2);
    sleeps->frozen = false;
    sleeps->caller.hold = false;
    world_run_for(world, 2000);
    world_await_total(world, account_of(0), 1); /* it wakes and hears: not its own any more */
    assert_int_equal(WORLD_STAT(sleeps, effects_done), 0);
    other->caller.hold = false;
    world_await_total(world, account_of(0), 11);
    assert_int_equal(WORLD_STAT(other, effects_done), 1);
    world_settle(world);
    world_check(world);
}

/* The same owner claimed the lane anew: what it asked before belongs to another life. */
static void drops_the_answer_of_an_older_claim(struct world *world)
{
    struct process *process = world_start(world);
    process->caller.hold = true;
    calls_open(world, account_of(0), 10);
    calls_await(world, 1);
    world_settle(world);
    int64_t epoch = world->ops->lane(world, LANE).epoch;
    process->fault.lose_commit_at = process->fault.commits + 1;
    world_command(world, account_of(0), "add", 5);
    calls_await(world, 2);
    assert_int_equal(world->ops->lane(world, LANE).epoch, epoch + 1);
    process->caller.hold = false;
    world_await_total(world, account_of(0), 16);
    assert_int_equal(WORLD_STAT(process, effects_done), 1);
    world_settle(world);
    world_check(world);
}

/* ---- Parked keys ---- */

static void park_before_the_answer(struct world *world, struct process *process)
{
    process->caller.hold = true;
    calls_open(world, account_of(0), 10);
    calls_await(world, 1);
    world_command(world, account_of(0), "fault", 3);
    world_await_parked(world, account_of(0));
    process->caller.hold = false;
    world_await_rows(world, &engine_parked_message_table, 2);
}

static void ask(struct world *world, enum admin_kind kind, const char *approved_by,
                const char *answer)
{
    const struct admin_request_row request = {
        .lane = LANE, .kind = kind, .key = account_of(0), .approved_by = str_of(approved_by)};
    world_answered(world, world_ask(world, &request), answer);
}

/* What happened outside is known at once; what follows from it waits its turn. */
static void records_the_answer_of_a_parked_key(struct world *world)
{
    park_before_the_answer(world, world_start(world));
    assert_int_equal(calls_effect_of(world, account_of(0))->state, EFFECT_DONE);
    assert_false(calls_effect_of(world, account_of(0))->open);
    world_await_total(world, account_of(0), 1);
    toy_heal();
    ask(world, ADMIN_PARK_RETRY, "", "done");
    const int64_t amounts[] = {1, 3, 10};
    world_check_amounts(world, account_of(0), amounts, ARRAY_LEN(amounts));
    assert_int_equal(world->outside.calls, 1);
    world_settle(world);
    world_check(world);
}

static void remembers_a_refusal_for_a_parked_key(struct world *world)
{
    static const enum sim_reply replies[] = {SIM_REPLY_FAILED};

    calls_script(world, replies, ARRAY_LEN(replies));
    park_before_the_answer(world, world_start(world));
    assert_int_equal(calls_effect_of(world, account_of(0))->state, EFFECT_FAILED);
    toy_heal();
    ask(world, ADMIN_PARK_RETRY, "", "done");
    const int64_t amounts[] = {1, 3, 0};
    world_check_amounts(world, account_of(0), amounts, ARRAY_LEN(amounts));
    world_check(world);
}

static void runs_an_answer_behind_a_dropped_message(struct world *world)
{
    park_before_the_answer(world, world_start(world));
    ask(world, ADMIN_PARK_DROP, "bob", "done"); /* the faulty command; then the answer is run */
    const int64_t amounts[] = {1, 10};
    world_check_amounts(world, account_of(0), amounts, ARRAY_LEN(amounts));
    world_settle(world);
    world_check(world);
}

/* An answer that cannot be decided is parked like a message, and kept. */
static void parks_an_answer_that_fails(struct world *world)
{
    struct process *process = world_start(world);
    process->caller.hold = true;
    calls_open(world, account_of(0), 10);
    calls_open(world, account_of(1), 10);
    calls_await(world, 2);
    world_settle(world);
    process->fault.refused_table = &toy_journal_table;
    process->fault.refused_kind = STATUS_BUG;
    process->caller.hold = false;
    world_await_rows(world, &engine_parked_key_table, 2);
    assert_int_equal(calls_effect_of(world, account_of(0))->state, EFFECT_DONE);
    ask(world, ADMIN_PARK_DROP, "", "engine.needs_two_people"); /* nobody else tells it again */
    ask(world, ADMIN_PARK_RETRY, "", "sim.refused");
    process->fault.refused_table = NULL;
    ask(world, ADMIN_PARK_RETRY, "", "done");
    world_await_total(world, account_of(0), 11);
    world_await_total(world, account_of(1), 1);
    world_settle(world);
    world_check(world);
}

/* ---- Too old ---- */

static bool person_is_needed(struct world *world, const void *context)
{
    const struct process *process = context;
    (void)world;
    return WORLD_STAT(process, effects_need_person) == 1;
}

/* After 20 hours the key may be forgotten out there: it is never asked again, by nobody. */
static void leaves_the_old_to_people(struct world *world)
{
    world->outside.usual = SIM_REPLY_LOST;
    struct process *first = world_start(world);
    calls_open(world, account_of(0), 10);
    calls_await(world, 4);
    world->ops->advance(world, 20 * HOUR_MS);
    world_await(world, person_is_needed, first);
    uint32_t calls = world->outside.calls;
    world_run_for(world, 5 * 60 * 1000);
    assert_int_equal(world->outside.calls, calls);
    world_kill(first);
    struct process *second = world_start(world);
    world->outside.usual = SIM_REPLY_DONE;
    world_await(world, person_is_needed, second);
    world_run_for(world, 5 * 60 * 1000);
    assert_int_equal(world->outside.calls, calls);
    assert_true(calls_effect_of(world, account_of(0))->open);
    world_command(world, account_of(0), "add", 5); /* the deal itself goes on */
    world_await_total(world, account_of(0), 6);
    world_settle(world);
    world_check(world);
}

/* To the microsecond, and from the first attempt on: a record may have lain in the topic for a day. */
static void sends_nothing_older_than_20_hours(struct world *world)
{
    struct process *process = world_start(world);
    world_command(world, world_account_in(0, 0), "open", 1);
    world_await_journal(world, 1);
    int64_t limit_us = clock_wall_us() - 20 * HOUR_US;
    struct id old = account_of(0);
    struct id fresh = account_of(1);
    world_command_n(world, old, "open", 1, 1, limit_us - 3, world_id("n", 1));
    world_command_n(world, fresh, "open", 1, 2, limit_us - 2, world_id("n", 2));
    world_command_n(world, old, "call", 10, 3, limit_us - 1, world_id("n", 3));
    world_command_n(world, fresh, "call", 10, 4, limit_us, world_id("n", 4));
    world_await_total(world, fresh, 11);
    world_await(world, person_is_needed, process);
    assert_int_equal(world->outside.calls, 1);
    assert_int_equal(calls_effect_of(world, old)->attempts, 0);
    assert_int_equal(calls_effect_of(world, old)->state, EFFECT_WAITING);
    world_settle(world);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(sends_after_the_commit, WORLD_SIM_ONLY),
    WORLD_TEST(sends_no_more_than_there_are_slots, WORLD_SIM_ONLY),
    WORLD_TEST(asks_nothing_too_late, WORLD_SIM_ONLY),
    WORLD_TEST(asks_again_with_longer_waits, WORLD_SIM_ONLY),
    WORLD_TEST(asks_again_when_nothing_went_out, WORLD_SIM_ONLY),
    WORLD_TEST(asks_again_by_the_database_clock, WORLD_SIM_ONLY),
    WORLD_TEST(tells_unsent_from_unknown, WORLD_SIM_ONLY),
    WORLD_TEST(waits_as_long_as_the_other_side_asks, WORLD_SIM_ONLY),
    WORLD_TEST(puts_no_lost_answer_aside, WORLD_SIM_ONLY),
    WORLD_TEST(decides_a_refusal, WORLD_SIM_ONLY),
    WORLD_TEST(repeats_after_a_takeover, WORLD_BOTH),
    WORLD_TEST(repeats_what_never_arrived, WORLD_SIM_ONLY),
    WORLD_TEST(drops_the_answer_of_a_moved_lane, WORLD_BOTH),
    WORLD_TEST(drops_the_answer_of_an_older_claim, WORLD_SIM_ONLY),
    WORLD_TEST(records_the_answer_of_a_parked_key, WORLD_BOTH),
    WORLD_TEST(remembers_a_refusal_for_a_parked_key, WORLD_SIM_ONLY),
    WORLD_TEST(runs_an_answer_behind_a_dropped_message, WORLD_SIM_ONLY),
    WORLD_TEST(parks_an_answer_that_fails, WORLD_SIM_ONLY),
    WORLD_TEST(leaves_the_old_to_people, WORLD_SIM_ONLY),
    WORLD_TEST(sends_nothing_older_than_20_hours, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
