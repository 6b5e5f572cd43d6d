/* Parking is per key (R10): what waits, in which order it is run, and who may drop what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "sim/sim_kafka.h"
#include "world.h"

#define LANE 7
#define CALLS_MAX 300
#define LOOKS_AFTER_MS 600 /* more than an owner's pause between two looks at requests */

static struct id account_of(uint32_t i)
{
    return world_account_in(LANE, i);
}

static struct id ask(struct world *world, enum admin_kind kind, struct id key, const char *by,
                     const char *approved_by)
{
    const struct admin_request_row request = {.lane = LANE,
                                              .kind = kind,
                                              .key = key,
                                              .requested_by = str_of(by),
                                              .approved_by = str_of(approved_by)};
    return world_ask(world, &request);
}

static void retry(struct world *world, struct id key, const char *answer)
{
    world_answered(world, ask(world, ADMIN_PARK_RETRY, key, "ada", ""), answer);
}

static void drop(struct world *world, struct id key, const char *approved_by, const char *answer)
{
    world_answered(world, ask(world, ADMIN_PARK_DROP, key, "ada", approved_by), answer);
}

static bool is_free(struct world *world, const void *context)
{
    const struct id *key = context;
    return !world_find_parked(world, *key);
}

/* ---- Running again ---- */

static void runs_again_in_order(struct world *world)
{
    struct id key = account_of(0);
    world_start(world);
    world_command(world, key, "open", 1);
    world_command(world, key, "fault", 2);
    world_await_parked(world, key);
    world_command(world, key, "add", 3);
    world_await_rows(world, &engine_parked_message_table, 2);
    world_signal(world, key, "add", 4, world_id("signal", 0));
    world_await_rows(world, &engine_parked_message_table, 3);
    world_signal(world, key, "add", 4, world_id("signal", 0)); /* it waits already */
    world_command(world, key, "add", 5);
    world_settle(world);
    assert_int_equal(world_count(world, &engine_parked_message_table), 4);
    world_await_total(world, key, 1);
    toy_heal();
    retry(world, key, "done");
    assert_int_equal(world_count(world, &engine_parked_message_table), 0);
    world_command(world, key, "add", 6);
    world_await_total(world, key, 21);
    world_settle(world);
    const int64_t amounts[] = {1, 2, 3, 4, 5, 6};
    world_check_amounts(world, key, amounts, ARRAY_LEN(amounts));
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    assert_int_equal(world_topic_count(world, TOY_DLQ), 1);
    world_check(world);
}

static void stays_while_it_is_broken(struct world *world)
{
    struct id key = account_of(0);
    world_start(world);
    world_command(world, key, "open", 1);
    world_command(world, key, "garble", 2);
    world_command(world, key, "add", 3);
    world_await_rows(world, &engine_parked_message_table, 2);
    retry(world, key, "toy.malformed");
    assert_int_equal(world_count(world, &engine_parked_message_table), 2);
    world_await_total(world, key, 1);
    toy_heal();
    retry(world, key, "done");
    const int64_t amounts[] = {1, 2, 3};
    world_check_amounts(world, key, amounts, ARRAY_LEN(amounts));
    world_settle(world);
    world_check(world);
}

/* Some are decided, the next one fails: it and those behind it stay, in their order. */
static void goes_as_far_as_it_can(struct world *world)
{
    struct id key = account_of(0);
    world_start(world);
    world_command(world, key, "open", 1);
    world_command(world, key, "fault", 2);
    world_command(world, key, "add", 3);
    world_command(world, key, "huge", 4);
    world_command(world, key, "add", 5);
    world_await_rows(world, &engine_parked_message_table, 4);
    toy_heal();
    retry(world, key, "engine.output_too_large");
    assert_int_equal(world_count(world, &engine_parked_message_table), 2);
    world_command(world, key, "add", 6);
    world_await_rows(world, &engine_parked_message_table, 3);
    drop(world, key, "bob", "done"); /* and what was behind it runs */
    world_await(world, is_free, &key);
    const int64_t amounts[] = {1, 2, 3, 5, 6};
    world_check_amounts(world, key, amounts, ARRAY_LEN(amounts));
    assert_int_equal(world_topic_values(world, TOY_EVENTS, "dropped"), 1);
    world_settle(world);
    world_check(world);
}

/* More than one turn runs. */
static void runs_a_long_queue(struct world *world)
{
    enum { BEHIND = 1100 };

    struct id key = account_of(0);
    world_start(world);
    world_command(world, key, "open", 0);
    world_command(world, key, "fault", 1);
    for (int64_t i = 2; i <= BEHIND; i++) {
        world_command(world, key, "add", i);
    }
    world_await_rows(world, &engine_parked_message_table, BEHIND);
    toy_heal();
    retry(world, key, "done");
    static int64_t amounts[BEHIND + 1];
    for (int64_t i = 0; i <= BEHIND; i++) {
        amounts[i] = i;
    }
    world_check_amounts(world, key, amounts, ARRAY_LEN(amounts));
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    world_settle(world);
    world_check(world);
}

static void knows_what_is_not_parked(struct world *world)
{
    struct id key = account_of(0);
    struct id elsewhere = world_account_in(LANE + 1, 0);
    world_start(world);
    world_command(world, key, "open", 1);
    world_command(world, elsewhere, "open", 1);
    world_command(world, elsewhere, "garble", 1);
    world_await_parked(world, elsewhere);
    retry(world, key, "engine.not_parked");
    drop(world, key, "bob", "engine.not_parked");
    retry(world, elsewhere, "engine.not_parked"); /* asked of a lane that it is not in */
    assert_non_null(world_find_parked(world, elsewhere));
    world_settle(world);
    world_check(world);
}

/* ---- Dropping ---- */

static void drops_money_with_two_people_only(struct world *world)
{
    struct id key = account_of(0);
    world_start(world);
    world_command(world, key, "open", 1);
    world_command(world, key, "garble", 2);
    world_command(world, key, "add", 3);
    world_await_rows(world, &engine_parked_message_table, 2);
    drop(world, key, "", "engine.needs_two_people");
    drop(world, key, "ada", "engine.needs_two_people"); /* the same person twice */
    assert_int_equal(world_count(world, &engine_parked_message_table), 2);
    drop(world, key, "bob", "done");
    world_await(world, is_free, &key);
    const int64_t amounts[] = {1, 3};
    world_check_amounts(world, key, amounts, ARRAY_LEN(amounts));
    assert_int_equal(world_topic_values(world, TOY_EVENTS, "dropped"), 1);
    world_settle(world);
    world_check(world);
}

/* One person is enough for what harms nobody; whoever waits for it is told. */
static void drops_the_harmless_with_one(struct world *world)
{
    struct id key = account_of(0);
    struct id id = world_id("signal", 0);
    world_start(world);
    world_command(world, key, "open", 1);
    world_await_total(world, key, 1);
    world_intake(world, key, "garble", 2, id, clock_wall_us());
    world_await_parked(world, key);
    assert_true(world_find_intake(world, id)->open);
    drop(world, key, "", "done");
    world_await(world, is_free, &key);
    const struct intake_row *intake = world_find_intake(world, id);
    assert_false(intake->open);
    assert_int_equal(intake->outcome, INTAKE_REJECTED);
    assert_true(str_eq(intake->outcome_code, STR("engine.dropped")));
    assert_int_equal(world_topic_values(world, TOY_EVENTS, "dropped"), 1);
    world_signal(world, key, "garble", 2, id); /* told again, it is known */
    world_signal(world, key, "add", 3, world_id("signal", 1));
    world_await_total(world, key, 4);
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    world_settle(world);
    world_check(world);
}

/* Which of the two rules holds is a matter of the first message alone. */
static void asks_for_two_by_the_first_message(struct world *world)
{
    struct id key = account_of(0);
    world_start(world);
    world_command(world, key, "open", 1);
    world_await_total(world, key, 1);
    world_signal(world, key, "garble", 2, world_id("signal", 0));
    world_await_parked(world, key);
    world_command(world, key, "garble", 3);
    world_await_rows(world, &engine_parked_message_table, 2);
    drop(world, key, "", "done");
    assert_int_equal(world_count(world, &engine_parked_message_table), 1);
    drop(world, key, "", "engine.needs_two_people");
    drop(world, key, "bob", "done");
    world_await(world, is_free, &key);
    world_settle(world);
    world_check(world);
}

/* ---- Dying on the way: the owner ends at every call that serves a request ---- */

static bool is_dead_or_free(struct world *world, const void *context)
{
    const struct id *key = context;
    return world->processes[0].fault.dead || is_free(world, key);
}

/* True when the process died of it; another one is there then. */
static bool finish_or_die(struct world *world, struct id key)
{
    struct process *process = &world->processes[0];
    world_await(world, is_dead_or_free, &key);
    process->fault.crash_at = 0;
    if (!process->fault.dead) {
        return false;
    }
    world_kill(process);
    world_start(world);
    return true;
}

/* What a request did and its answer are one: nothing is dropped twice. What was behind it is run, or
 * waits for a retry when its owner died in between. */
static void drops_one_whoever_dies(struct world *world)
{
    struct process *process = world_start(world);
    bool died = true;
    for (uint32_t i = 0; i < CALLS_MAX && died; i++) {
        struct id key = account_of(i);
        world_command(world, key, "open", 1);
        world_command(world, key, "huge", 2);
        world_command(world, key, "add", 3);
        world_command(world, key, "add", 4);
        world_await_parked(world, key);
        world_settle(world);
        struct id request = ask(world, ADMIN_PARK_DROP, key, "ada", "bob");
        world->ops->advance(world, LOOKS_AFTER_MS); /* so that the next step finds it */
        process->fault.crash_at = process->fault.calls + 1 + i;
        died = finish_or_die(world, key);
        world_answered(world, request, "done");
        if (!is_free(world, &key)) {
            retry(world, key, "done");
        }
        const int64_t amounts[] = {1, 3, 4};
        world_check_amounts(world, key, amounts, ARRAY_LEN(amounts));
    }
    assert_false(died);
    world_settle(world);
    world_check(world);
}

/* The creation is committed and its owner dies before it has run what waited for it. */
static void releases_whoever_dies(struct world *world)
{
    struct process *process = world_start(world);
    bool died = true;
    for (uint32_t i = 0; i < CALLS_MAX && died; i++) {
        struct id key = account_of(i);
        world_command(world, key, "add", 2);
        world_command(world, key, "add", 3);
        world_await_parked(world, key);
        world_settle(world);
        world_command(world, key, "open", 1);
        process->fault.crash_at = process->fault.calls + 1 + i;
        died = finish_or_die(world, key);
        world_await(world, is_free, &key);
        const int64_t amounts[] = {1, 2, 3};
        world_check_amounts(world, key, amounts, ARRAY_LEN(amounts));
    }
    assert_false(died);
    world_settle(world);
    world_check(world);
}

/* ---- Missing ---- */

static void waits_for_the_creation(struct world *world)
{
    struct id key = account_of(0);
    world_start(world);
    world_signal(world, key, "add", 2, world_id("signal", 0));
    world_await_parked(world, key);
    assert_true(world_find_parked(world, key)->missing);
    world_command(world, key, "add", 3);
    world_await_rows(world, &engine_parked_message_table, 2);
    world_command(world, key, "open", 1);
    world_await(world, is_free, &key);
    world_command(world, key, "add", 4);
    world_await_total(world, key, 10);
    const int64_t amounts[] = {1, 2, 3, 4};
    world_check_amounts(world, key, amounts, ARRAY_LEN(amounts));
    world_settle(world);
    world_check(world);
}

/* The creation came and the first one fails all the same: now it is a person's. */
static void is_broken_when_its_creation_did_not_help(struct world *world)
{
    struct id key = account_of(0);
    world_start(world);
    world_command(world, key, "fault", 2);
    world_await_parked(world, key);
    world_command(world, key, "open", 1);
    world_await_total(world, key, 1);
    world_command(world, key, "add", 3);
    world_await_rows(world, &engine_parked_message_table, 2);
    assert_false(world_find_parked(world, key)->missing);
    assert_true(str_eq(world_find_parked(world, key)->reason, STR("toy.fault")));
    toy_heal();
    retry(world, key, "done");
    const int64_t amounts[] = {1, 2, 3};
    world_check_amounts(world, key, amounts, ARRAY_LEN(amounts));
    world_settle(world);
    world_check(world);
}

/* A key that is broken, not missing, lets nothing through. */
static void keeps_creations_behind_a_broken_one(struct world *world)
{
    struct id key = account_of(0);
    world_start(world);
    world_command(world, key, "garble", 2);
    world_command(world, key, "open", 1);
    world_await_rows(world, &engine_parked_message_table, 2);
    assert_int_equal(world_count(world, &toy_account_table), 0);
    drop(world, key, "bob", "done");
    world_await(world, is_free, &key);
    world_await_total(world, key, 1);
    world_settle(world);
    world_check(world);
}

/* Keys that come and go fill no memory for good. */
static void makes_room_for_keys_that_come_and_go(struct world *world)
{
    enum { KEYS = 1300, AT_ONCE = 130 };

    uint32_t next = 0;
    world_start(world);
    for (uint32_t done = 0; done < KEYS; done += AT_ONCE) {
        struct id keys[AT_ONCE];
        for (uint32_t i = 0; i < AT_ONCE;) {
            keys[i] = world_account(next++);
            i += lane_of_key(keys[i]) == LANE ? 1 : 0;
        }
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            world_command(world, keys[i], "add", 1);
        }
        world_await_rows(world, &engine_parked_key_table, AT_ONCE);
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            world_command(world, keys[i], "open", 1);
        }
        world_await_rows(world, &engine_parked_key_table, 0);
    }
    assert_int_equal(world_count(world, &toy_journal_table), 2 * KEYS);
    assert_false(world->ops->lane(world, LANE).stopped);
}

/* ---- What has no key ---- */

static void write_to_lane(struct world *world, enum topic topic, int64_t n, struct str key,
                          struct str value, uint32_t id)
{
    const struct bus_message message = {.topic = topic,
                                        .partition = LANE,
                                        .n = n,
                                        .committed_at_us = world->clock_us,
                                        .message_id = world_id("keyless", id),
                                        .type = STR("toy.Command"),
                                        .key = key,
                                        .value = value};
    world_write(world, &message);
}

static void quarantines_what_has_no_key(struct world *world)
{
    char foreign[ID_TEXT_BYTES];
    id_format(world_account_in(LANE + 1, 0), foreign);
    struct process *process = world_start(world);
    world_command(world, account_of(0), "open", 1);
    write_to_lane(world, TOY_SIGNALS, 0, STR("no id"), STR("add 5"), 0);
    struct str key = {.ptr = foreign, .len = ID_TEXT_BYTES - 1};
    write_to_lane(world, TOY_SIGNALS, 0, key, STR("add 6"), 1); /* its lane is another one */
    write_to_lane(world, TOY_COMMANDS, ++world->numbered[LANE], STR(""), STR("add 7"), 2);
    world_command(world, account_of(0), "add", 2);
    world_await_total(world, account_of(0), 3);
    world_settle(world);
    assert_int_equal(world_count(world, &engine_quarantine_table), 3);
    assert_int_equal(world_put_aside(process, "engine.no_key"), 3);
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    assert_int_equal(world_topic_count(world, TOY_DLQ), 3);
    const void *rows;
    uint32_t count = world_rows(world, &engine_quarantine_table, &rows);
    const struct quarantine_row *row = rows;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(str_eq(row[i].reason, STR("engine.no_key")));
        assert_true(str_has_prefix(row[i].value, STR("add ")));
    }
    world_check(world);
}

static struct id ask_to_forget(struct world *world, enum topic topic, int64_t offset,
                               const char *approved_by)
{
    const struct admin_request_row request = {.kind = ADMIN_QUARANTINE_DROP,
                                              .lane = LANE,
                                              .topic = str_of(topology_topics[topic].name),
                                              .n = offset,
                                              .requested_by = STR("ada"),
                                              .approved_by = str_of(approved_by)};
    return world_ask(world, &request);
}

/* What is dropped is forgotten, and nothing else; about money two people are needed for it. */
static void forgets_what_is_in_quarantine(struct world *world)
{
    world_start(world);
    for (uint32_t i = 0; i < 2; i++) {
        write_to_lane(world, TOY_SIGNALS, 0, STR("no id"), STR("add 5"), i);
    }
    write_to_lane(world, TOY_COMMANDS, ++world->numbered[LANE], STR(""), STR("add 7"), 2);
    world_settle(world);
    assert_int_equal(world_count(world, &engine_quarantine_table), 3);
    world_answered(world, ask_to_forget(world, TOY_COMMANDS, 0, "ada"), "engine.needs_two_people");
    world_answered(world, ask_to_forget(world, TOY_SIGNALS, 2, "bob"), "engine.not_in_quarantine");
    world_answered(world, ask_to_forget(world, TOY_EVENTS, 0, "bob"), "engine.not_in_quarantine");
    assert_int_equal(world_count(world, &engine_quarantine_table), 3);
    world_answered(world, ask_to_forget(world, TOY_SIGNALS, 0, "bob"), "done");
    const void *rows;
    assert_int_equal(world_rows(world, &engine_quarantine_table, &rows), 2);
    const struct quarantine_row *row = rows;
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(str_eq(row[i].value, STR("add 7")) || row[i].kafka_offset == 1);
    }
    world_answered(world, ask_to_forget(world, TOY_SIGNALS, 0, "bob"), "engine.not_in_quarantine");
    world_answered(world, ask_to_forget(world, TOY_SIGNALS, 1, "bob"), "done");
    world_answered(world, ask_to_forget(world, TOY_COMMANDS, 0, "bob"), "done");
    assert_int_equal(world_count(world, &engine_quarantine_table), 0);
    world_check(world);
}

static void parks_an_input_too_large(struct world *world)
{
    char key[ID_TEXT_BYTES];
    id_format(account_of(0), key);
    static char value[BUS_VALUE_MAX_BYTES + 1];
    memset(value, '7', sizeof(value));
    world_start(world);
    world_command(world, account_of(0), "open", 1);
    world_await_total(world, account_of(0), 1);
    struct str text = {.ptr = key, .len = ID_TEXT_BYTES - 1};
    struct str large = {.ptr = value, .len = sizeof(value)};
    sim_kafka_append_raw(world->kafka, TOY_SIGNALS, LANE, world_id("large", 0), text, large);
    world->appended[TOY_SIGNALS][LANE]++; /* no producer of ours would let it pass */
    world_await_parked(world, account_of(0));
    assert_true(
        str_eq(world_find_parked(world, account_of(0))->reason, STR("engine.input_too_large")));
    drop(world, account_of(0), "", "done");
    world_settle(world);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(runs_again_in_order, WORLD_BOTH),
    WORLD_TEST(stays_while_it_is_broken, WORLD_SIM_ONLY),
    WORLD_TEST(goes_as_far_as_it_can, WORLD_BOTH),
    WORLD_TEST(runs_a_long_queue, WORLD_SIM_ONLY),
    WORLD_TEST(knows_what_is_not_parked, WORLD_SIM_ONLY),
    WORLD_TEST(drops_money_with_two_people_only, WORLD_SIM_ONLY),
    WORLD_TEST(drops_the_harmless_with_one, WORLD_BOTH),
    WORLD_TEST(asks_for_two_by_the_first_message, WORLD_SIM_ONLY),
    WORLD_TEST(drops_one_whoever_dies, WORLD_SIM_ONLY),
    WORLD_TEST(releases_whoever_dies, WORLD_SIM_ONLY),
    WORLD_TEST(waits_for_the_creation, WORLD_SIM_ONLY),
    WORLD_TEST(is_broken_when_its_creation_did_not_help, WORLD_SIM_ONLY),
    WORLD_TEST(keeps_creations_behind_a_broken_one, WORLD_SIM_ONLY),
    WORLD_TEST(makes_room_for_keys_that_come_and_go, WORLD_SIM_ONLY),
    WORLD_TEST(quarantines_what_has_no_key, WORLD_BOTH),
    WORLD_TEST(forgets_what_is_in_quarantine, WORLD_BOTH),
    WORLD_TEST(parks_an_input_too_large, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
