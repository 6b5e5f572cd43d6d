/* Nothing accepted stays pending for ever (R5): open intakes are published again until their outcome. */
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

#define LANE 9
#define SECOND_US INT64_C(1000000)

static struct id account_of(uint32_t i)
{
    return world_account_in(LANE, i);
}

static struct id intake_of(uint32_t i)
{
    return world_id("intake", i);
}

static bool is_closed(struct world *world, const void *context)
{
    const struct id *id = context;
    return !world_find_intake(world, *id)->open;
}

static void await_closed(struct world *world, struct id id)
{
    world_await(world, is_closed, &id);
}

static uint32_t published(struct world *world)
{
    return world_topic_count(world, TOY_SIGNALS);
}

static bool was_published(struct world *world, const void *context)
{
    const uint32_t *count = context;
    return published(world) >= *count;
}

static void await_published(struct world *world, uint32_t count)
{
    world_await(world, was_published, &count);
}

static void open_account(struct world *world, struct id account)
{
    world_command(world, account, "open", 1);
    world_await_total(world, account, 1);
}

/* ---- The net ---- */

/* Whoever accepted it died before it published: the owner of the lane does. */
static void publishes_what_nobody_did(struct world *world)
{
    struct process *process = world_start(world);
    open_account(world, account_of(0));
    int64_t now_us = clock_wall_us();
    world_intake(world, account_of(0), "add", 5, intake_of(0), now_us);
    world_await_total(world, account_of(0), 6);
    const struct intake_row *row = world_find_intake(world, intake_of(0));
    assert_false(row->open);
    assert_int_equal(row->outcome, INTAKE_ACCEPTED);
    assert_int_equal(row->outcome_code.len, 0);
    assert_true(row->closed_at_us >= row->created_at_us);
    assert_int_equal(row->attempts, 1);
    assert_int_equal(published(world), 1);
    assert_int_equal(WORLD_STAT(process, intakes_republished), 1);
    world_settle(world);
    world_check(world);
}

static void waits_until_it_is_due(struct world *world)
{
    world_start(world);
    open_account(world, account_of(0));
    world_intake(world, account_of(0), "add", 5, intake_of(0), clock_wall_us() + 5 * SECOND_US);
    world_run_for(world, 4900);
    assert_int_equal(published(world), 0);
    world_await_total(world, account_of(0), 6);
    await_closed(world, intake_of(0));
}

/* It was acknowledged and its outcome does not come: 2, 4, 8, 16, 32 seconds, then each minute. */
static void asks_for_the_outcome_more_and_more_seldom(struct world *world)
{
    static const int64_t waits_ms[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};

    world_start(world);
    open_account(world, account_of(0));
    world_command(world, account_of(0), "fault", 2);
    world_await_parked(world, account_of(0));
    world_intake(world, account_of(0), "add", 5, intake_of(0), clock_wall_us());
    world_await_rows(world, &engine_parked_message_table, 2);
    int64_t last_ms = clock_mono_ms();
    for (uint32_t i = 0; i < ARRAY_LEN(waits_ms); i++) {
        await_published(world, 2 + i);
        assert_in_range(clock_mono_ms() - last_ms, waits_ms[i] - 100, waits_ms[i] + 1200);
        last_ms = clock_mono_ms();
    }
    assert_int_equal(world_find_intake(world, intake_of(0))->attempts, 1 + ARRAY_LEN(waits_ms));
    assert_int_equal(world_count(world, &engine_parked_message_table), 2);
    toy_heal();
    const struct admin_request_row retry = {
        .kind = ADMIN_PARK_RETRY, .lane = LANE, .key = account_of(0)};
    world_answered(world, world_ask(world, &retry), "done");
    assert_int_equal(world_find_intake(world, intake_of(0))->outcome, INTAKE_ACCEPTED);
    world_await_total(world, account_of(0), 8);
    uint32_t count = published(world);
    world_run_for(world, 70000); /* what is closed is left alone */
    assert_int_equal(published(world), count);
    world_settle(world);
    world_check(world);
}

/* While the producer still has it, it is not given to it again. */
static void gives_it_to_the_producer_once(struct world *world)
{
    struct process *process = world_start(world);
    open_account(world, account_of(0));
    world_settle(world);
    sim_kafka_set_away(world->kafka, true);
    world_intake(world, account_of(0), "add", 5, intake_of(0), clock_wall_us());
    world_run_for(world, 60000);
    assert_int_equal(WORLD_STAT(process, intakes_republished), 1);
    sim_kafka_set_away(world->kafka, false);
    world_await_total(world, account_of(0), 6);
    await_closed(world, intake_of(0));
    assert_int_equal(published(world), 1);
    world_intake(world, account_of(0), "add", 6, intake_of(1), clock_wall_us());
    world_await_total(world, account_of(0), 12); /* and the net still works */
    world_settle(world);
    world_check(world);
}

/* A producer that gave up forgets what it had: the row is due again later. */
static void publishes_again_after_the_producer_failed(struct world *world)
{
    world_start(world);
    open_account(world, account_of(0));
    world_settle(world);
    sim_kafka_fail_produce(world->kafka, 1);
    world_intake(world, account_of(0), "add", 5, intake_of(0), clock_wall_us());
    world_await_total(world, account_of(0), 6);
    await_closed(world, intake_of(0));
    assert_int_equal(world_find_intake(world, intake_of(0))->attempts, 2);
    world_settle(world);
    world_check(world);
}

/* Each lane's owner sweeps its own: with two of them nothing is published twice. */
static void is_swept_by_one_owner(struct world *world)
{
    world_start(world);
    world_start(world);
    for (int32_t p = 0; p < LANES; p++) {
        world_command(world, world_account_in(p, 0), "open", 1);
    }
    world_await_journal(world, LANES);
    world_run_for(world, 2000);
    for (int32_t p = 0; p < LANES; p++) {
        world_intake(world, world_account_in(p, 0), "add", 5, intake_of((uint32_t)p),
                     clock_wall_us());
    }
    world_await_journal(world, 2 * LANES);
    world_settle(world);
    assert_int_equal(published(world), LANES);
    world_check(world);
}

/* More than one sweep takes. */
static void sweeps_any_number(struct world *world)
{
    enum { INTAKES = 300 };

    for (uint32_t i = 0; i < INTAKES; i++) {
        world_intake(world, account_of(0), "add", 1, intake_of(i), clock_wall_us());
    }
    world_start(world);
    open_account(world, account_of(0));
    world_await_total(world, account_of(0), INTAKES + 1);
    world_settle(world);
    const void *rows;
    uint32_t count = world_rows(world, &engine_intake_table, &rows);
    const struct intake_row *row = rows;
    for (uint32_t i = 0; i < count; i++) {
        assert_false(row[i].open);
    }
    world_check(world);
}

/* A row that an older or newer version wrote for a topic that this one has not. */
static void leaves_unknown_topics_alone(struct world *world)
{
    struct process *process = world_start(world);
    open_account(world, account_of(0));
    struct intake_row row = {.id = intake_of(0),
                             .lane = LANE,
                             .topic = STR("payments.unheard.v9"),
                             .key = account_of(0),
                             .type = STR("toy.Command"),
                             .payload = STR("add 5"),
                             .account = world_id("owner", 0),
                             .created_at_us = clock_wall_us(),
                             .due_at_us = clock_wall_us(),
                             .open = true};
    world_put(world, &engine_intake_table, &row);
    world_intake(world, account_of(0), "add", 6, intake_of(1), clock_wall_us());
    world_await_total(world, account_of(0), 7);
    assert_true(world_find_intake(world, intake_of(0))->open);
    assert_int_equal(WORLD_STAT(process, intakes_republished), 1);
    world_settle(world);
    world_check(world);
}

/* ---- Outcomes ---- */

static struct engine_handler handlers[2];
static struct engine_service judging;
static struct id causes[3]; /* of the commands that add 1, 2 and 3 */

static enum intake_outcome outcome_by_amount(const struct engine_message *message,
                                             struct str *ret_code, struct str *ret_sentence)
{
    if (id_eq(message->causation_id, causes[1])) {
        *ret_code = STR("toy.refused");
        *ret_sentence = STR("it was one too many");
        return INTAKE_REJECTED;
    }
    bool goes_on = id_eq(message->causation_id, causes[2]);
    return goes_on ? INTAKE_OPEN : INTAKE_ACCEPTED;
}

/* As an event names the command that it came of. */
static STATUS decode_with_cause(struct op *op, const struct bus_record *record,
                                struct engine_message *ret_message)
{
    static const char *const values[] = {"add 1", "add 2", "add 3"};

    TRY(toy_service.handlers[0].decode(op, record, ret_message));
    for (uint32_t i = 0; i < ARRAY_LEN(values); i++) {
        if (str_eq(record->value, str_of(values[i]))) {
            ret_message->causation_id = causes[i];
        }
    }
    return OK;
}

static void judge_by_cause(struct world *world)
{
    for (uint32_t i = 0; i < ARRAY_LEN(causes); i++) {
        causes[i] = intake_of(i);
    }
    handlers[0] = toy_service.handlers[0];
    handlers[0].decode = decode_with_cause;
    handlers[0].closes = ENGINE_CLOSES_CAUSE;
    handlers[0].outcome = outcome_by_amount;
    handlers[1] = toy_service.handlers[1];
    judging = toy_service;
    judging.handlers = handlers;
    world->service = &judging;
}

/* The row is closed by what the outcome names, in the transaction that decided it. */
static void is_closed_by_its_outcome(struct world *world)
{
    judge_by_cause(world);
    int64_t later_us = clock_wall_us() + 3600 * SECOND_US;
    for (uint32_t i = 0; i < 3; i++) {
        world_intake(world, account_of(0), "none", 0, intake_of(i), later_us);
    }
    struct process *process = world_start(world);
    open_account(world, account_of(0));
    process->fault.lose_commit_at = process->fault.commits + 1;
    world_command(world, account_of(0), "add", 1);
    world_command(world, account_of(0), "add", 2);
    world_command(world, account_of(0), "add", 3);
    world_await_total(world, account_of(0), 7);
    assert_int_equal(world_find_intake(world, intake_of(0))->outcome, INTAKE_ACCEPTED);
    const struct intake_row *refused = world_find_intake(world, intake_of(1));
    assert_false(refused->open);
    assert_int_equal(refused->outcome, INTAKE_REJECTED);
    assert_true(str_eq(refused->outcome_code, STR("toy.refused")));
    assert_true(str_eq(refused->outcome_sentence, STR("it was one too many")));
    assert_true(world_find_intake(world, intake_of(2))->open);
    int64_t closed_us = world_find_intake(world, intake_of(0))->closed_at_us;
    world_command(world, account_of(0), "add", 1); /* another event of the same cause */
    world_await_total(world, account_of(0), 8);
    assert_true(world_find_intake(world, intake_of(0))->closed_at_us == closed_us);
    world_settle(world);
    world_check(world);
}

#define UNWANTED 13

static STATUS decide_or_refuse(struct engine_turn *turn, const struct engine_message *message)
{
    if (toy_amount(message) == UNWANTED) {
        engine_refuse(turn, STR("toy.unwanted"), STR("nobody wants it"));
        return OK;
    }
    return toy_service.handlers[1].decide(turn, message);
}

/* A message of our own brings its outcome itself; that of its neighbours is theirs. */
static void is_closed_by_its_decision(struct world *world)
{
    handlers[0] = toy_service.handlers[0];
    handlers[1] = toy_service.handlers[1];
    handlers[1].decide = decide_or_refuse;
    judging = toy_service;
    judging.handlers = handlers;
    world->service = &judging;
    world_start(world);
    open_account(world, account_of(0));
    int64_t now_us = clock_wall_us();
    world_intake(world, account_of(0), "add", 5, intake_of(0), now_us);
    world_intake(world, account_of(0), "add", UNWANTED, intake_of(1), now_us);
    world_intake(world, account_of(0), "add", 6, intake_of(2), now_us);
    world_await_total(world, account_of(0), 12);
    await_closed(world, intake_of(1));
    const struct intake_row *refused = world_find_intake(world, intake_of(1));
    assert_int_equal(refused->outcome, INTAKE_REJECTED);
    assert_true(str_eq(refused->outcome_code, STR("toy.unwanted")));
    assert_true(str_eq(refused->outcome_sentence, STR("nobody wants it")));
    assert_int_equal(world_find_intake(world, intake_of(0))->outcome, INTAKE_ACCEPTED);
    assert_int_equal(world_find_intake(world, intake_of(2))->outcome, INTAKE_ACCEPTED);
    world_settle(world);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(publishes_what_nobody_did, WORLD_BOTH),
    WORLD_TEST(waits_until_it_is_due, WORLD_SIM_ONLY),
    WORLD_TEST(asks_for_the_outcome_more_and_more_seldom, WORLD_SIM_ONLY),
    WORLD_TEST(gives_it_to_the_producer_once, WORLD_SIM_ONLY),
    WORLD_TEST(publishes_again_after_the_producer_failed, WORLD_SIM_ONLY),
    WORLD_TEST(is_swept_by_one_owner, WORLD_SIM_ONLY),
    WORLD_TEST(sweeps_any_number, WORLD_SIM_ONLY),
    WORLD_TEST(leaves_unknown_topics_alone, WORLD_SIM_ONLY),
    WORLD_TEST(is_closed_by_its_outcome, WORLD_BOTH),
    WORLD_TEST(is_closed_by_its_decision, WORLD_BOTH),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
