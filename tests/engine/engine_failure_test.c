/* What failed decides what happens (R8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/lane.h"
#include "sim/sim_db.h"
#include "world.h"

#define LANE 5
#define MANY 40

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

/* ---- One bad message ---- */

static void parks_the_one_that_fails(struct world *world)
{
    struct process *process = start_ready(world);
    open_accounts(world, 4);
    for (uint32_t i = 0; i < MANY; i++) {
        world_command(world, account_of(i % 4), i == 21 ? "fault" : "add", i);
    }
    world_command(world, world_account_in(LANE + 1, 0), "open", 3);
    world_await_total(world, world_account_in(LANE + 1, 0), 3);
    world_settle(world);
    assert_int_equal(world_count(world, &engine_parked_key_table), 1);
    assert_true(str_eq(world_find_parked(world, account_of(1))->reason, STR("toy.fault")));
    /* from the 21st on the account's messages wait: 21, 25, 29, 33, 37 */
    assert_int_equal(world_count(world, &engine_parked_message_table), 5);
    assert_int_equal(world_put_aside(process, "toy.fault"),
                     1); /* once, however often it was tried */
    assert_int_equal(world_put_aside(process, "engine.behind"), 4);
    const int64_t before[] = {1, 1, 5, 9, 13, 17};
    world_check_amounts(world, account_of(1), before, ARRAY_LEN(before));
    const int64_t others[] = {1, 0, 4, 8, 12, 16, 20, 24, 28, 32, 36};
    world_check_amounts(world, account_of(0), others, ARRAY_LEN(others));
    assert_int_equal(world_topic_count(world, TOY_DLQ), 1); /* told once for the key */
    if (world->simulated) { /* 45, then halves, until it fails alone */
        assert_in_range(WORLD_STAT(process, refused_batches), 4, 12);
        assert_true(WORLD_STAT(process, batches) <= 12); /* what is good goes in large pieces */
    }
    /* What a batch that was rolled back would have told is told once, by the one that is kept. */
    assert_int_equal(toy_afterwards(), world_count(world, &toy_journal_table));
    world_check(world);
}

/* What cannot be decoded is known at once: nothing is tried twice for it. */
static void parks_the_unreadable_without_trying(struct world *world)
{
    struct process *process = start_ready(world);
    open_accounts(world, 2);
    world_command(world, account_of(0), "garble", 5);
    world_command(world, account_of(0), "add", 6);
    world_command(world, account_of(1), "what", 7); /* a type that this service demands to know */
    world_command(world, account_of(1), "add", 8);
    world_settle(world);
    assert_int_equal(WORLD_STAT(process, refused_batches), 0);
    assert_int_equal(world_count(world, &engine_parked_key_table), 2);
    assert_int_equal(world_count(world, &engine_parked_message_table), 4);
    assert_int_equal(world_topic_count(world, TOY_DLQ), 2);
    world_check(world);
}

/* A type that may be skipped (a rolling deploy) costs nothing but a count. */
static void skips_what_it_may(struct world *world)
{
    struct process *process = start_ready(world);
    open_accounts(world, 1);
    world_command(world, account_of(0), "unknown", 5);
    world_signal(world, account_of(0), "unknown", 6, world_id("signal", 0));
    world_command(world, account_of(0), "add", 7);
    world_await_total(world, account_of(0), 8);
    world_settle(world);
    assert_int_equal(WORLD_STAT(process, skipped), 2);
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    assert_int_equal(world_count(world, &engine_inbox_table), 0);
    world_check(world);
}

/* Parked unread by who died of something else; read at last, it is of a type that is skipped. */
static void skips_what_was_parked_unread(struct world *world)
{
    struct id key = account_of(0);
    const struct parked_key_row parked = {.key = key,
                                          .lane = LANE,
                                          .reason = STR("engine.kills_process"),
                                          .since_us = 1,
                                          .next_seq = 3};
    const struct parked_message_row unknown = {.key = key,
                                               .seq = 1,
                                               .lane = LANE,
                                               .source = str_of(topology_topics[TOY_SIGNALS].name),
                                               .message_id = world_id("unknown", 0),
                                               .value = STR("unknown 5"),
                                               .at_us = 1};
    struct parked_message_row open = unknown;
    open.seq = 2;
    open.message_id = world_id("open", 0);
    open.value = STR("open 7");
    world_put(world, &engine_parked_key_table, &parked);
    world_put(world, &engine_parked_message_table, &unknown);
    world_put(world, &engine_parked_message_table, &open);
    start_ready(world);
    struct admin_request_row retry = {.kind = ADMIN_PARK_RETRY, .lane = LANE, .key = key};
    world_answered(world, world_ask(world, &retry), "done");
    world_await_total(world, key, 7);
    assert_int_equal(world_count(world, &engine_parked_message_table), 0);
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
}

static void parks_an_output_too_large(struct world *world)
{
    start_ready(world);
    open_accounts(world, 2);
    world_command(world, account_of(0), "huge", 5);
    world_command(world, account_of(1), "add", 6);
    world_await_total(world, account_of(1), 7);
    world_await_parked(world, account_of(0));
    assert_true(
        str_eq(world_find_parked(world, account_of(0))->reason, STR("engine.output_too_large")));
    world_await_total(world, account_of(0), 1);
    world_settle(world);
    world_check(world);
}

/* The limit of a batch comes back after it was halved. */
static void doubles_again(struct world *world)
{
    struct process *process = start_ready(world);
    open_accounts(world, 2);
    world_command(world, account_of(0), "fault", 5);
    world_await_parked(world, account_of(0));
    for (uint32_t i = 0; i < 600; i++) {
        world_command(world, account_of(1), "add", 1);
    }
    world_await_total(world, account_of(1), 601);
    for (uint32_t i = 0; i < 600; i++) {
        world_command(world, account_of(1), "add", 1);
    }
    uint64_t batches = WORLD_STAT(process, batches);
    world_await_total(world, account_of(1), 1201);
    assert_true(WORLD_STAT(process, batches) - batches <= 3);
    assert_int_equal(WORLD_STAT(process, batch_limit), ENGINE_BATCH_MAX);
}

/* ---- Too many bad ones ---- */

static void stops_after_three_parks_in_a_row(struct world *world)
{
    start_ready(world);
    open_accounts(world, 4);
    for (uint32_t i = 0; i < 3; i++) {
        world_command(world, account_of(i), "fault", 5);
    }
    world_await_stopped(world, LANE, "engine.parks_in_a_row");
    assert_int_equal(world_count(world, &engine_parked_key_table), 3);
    world_command(world, account_of(3), "add", 5);
    world_command(world, world_account_in(LANE + 1, 0), "open", 3);
    world_await_total(world, world_account_in(LANE + 1, 0), 3);
    world_await_total(world, account_of(3), 1);
    world->ops->resume(world, LANE);
    world_await_total(world, account_of(3), 6);
    world_settle(world);
    world_check(world);
}

static void goes_on_when_some_succeed(struct world *world)
{
    start_ready(world);
    open_accounts(world, 4);
    world_command(world, account_of(0), "fault", 5);
    world_command(world, account_of(1), "fault", 5);
    world_command(world, account_of(3), "add", 5);
    world_command(world, account_of(2), "garble", 5);
    world_command(world, account_of(3), "add", 5);
    for (uint32_t i = 0; i < 4; i++) { /* one key is one, however much waits behind it */
        world_command(world, account_of(2), "fault", 5);
    }
    world_command(world, account_of(3), "add", 5);
    world_await_total(world, account_of(3), 16);
    assert_int_equal(world_count(world, &engine_parked_key_table), 3);
    assert_false(world->ops->lane(world, LANE).stopped);
    world_settle(world);
    world_check(world);
}

/* What waits for its creation is no failure: any number may. */
static void lets_many_be_early(struct world *world)
{
    start_ready(world);
    for (uint32_t i = 0; i < 5; i++) {
        world_command(world, account_of(i), "add", 5);
    }
    world_await_rows(world, &engine_parked_key_table, 5);
    assert_false(world->ops->lane(world, LANE).stopped);
    open_accounts(world, 5);
    for (uint32_t i = 0; i < 5; i++) {
        world_await_total(world, account_of(i), 6);
    }
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    world_settle(world);
    world_check(world);
}

/* ---- What the database says ---- */

/* Class 23 for everything: not one message's matter, so the lane stops before much is parked. */
static void stops_when_nothing_can_be_saved(struct world *world)
{
    struct process *process = start_ready(world);
    process->fault.refused_table = &toy_journal_table;
    process->fault.refused_kind = STATUS_BUG;
    for (uint32_t i = 0; i < 6; i++) {
        world_command(world, account_of(i), "open", 5);
    }
    world_await_stopped(world, LANE, "engine.parks_in_a_row");
    assert_int_equal(world_count(world, &engine_parked_key_table), 3);
    assert_int_equal(world_count(world, &toy_journal_table), 1);
}

/* Class 42: the schema does not fit; nothing is parked for it. */
static void stops_when_the_schema_differs(struct world *world)
{
    struct process *process = start_ready(world);
    process->fault.refused_table = &toy_journal_table;
    process->fault.refused_kind = STATUS_STOP;
    open_accounts(world, 2);
    world_await_stopped(world, LANE, "sim.refused");
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    assert_false(world->ops->lane(world, LANE + 1).stopped);
    process->fault.refused_table = NULL;
    world->ops->resume(world, LANE);
    world_await_total(world, account_of(1), 1);
    world_settle(world);
    world_check(world);
}

/* Class 40 and the like: again and again, and never parked. */
static void never_parks_for_a_passing_failure(struct world *world)
{
    struct process *process = start_ready(world);
    process->fault.refused_table = &toy_journal_table;
    process->fault.refused_kind = STATUS_RETRY;
    open_accounts(world, 1); /* alone in its batch */
    world_run_for(world, 5000);
    assert_int_equal(world_count(world, &toy_journal_table), 1);
    assert_true(WORLD_STAT(process, refused_batches) >= 3);
    process->fault.refused_table = NULL;
    world_await_total(world, account_of(0), 1);
    assert_int_equal(world_count(world, &engine_parked_message_table), 0);
    world_settle(world);
    world_check(world);
}

/* Even putting it aside fails: then only a person can help. */
static void stops_when_it_cannot_park(struct world *world)
{
    struct process *process = start_ready(world);
    open_accounts(world, 1);
    world_await_total(world, account_of(0), 1);
    process->fault.refused_table = &engine_parked_message_table;
    process->fault.refused_kind = STATUS_BUG;
    world_command(world, account_of(0), "fault", 5);
    world_await_stopped(world, LANE, "sim.refused");
    process->fault.refused_table = NULL;
    world->ops->resume(world, LANE);
    world_await_parked(world, account_of(0));
    world_settle(world);
    world_check(world);
}

static void lose_one_commit(struct world *world, bool committed)
{
    struct process *process = start_ready(world);
    open_accounts(world, 1);
    world_await_total(world, account_of(0), 1);
    world_settle(world);
    uint64_t claims = WORLD_STAT(process, claims);
    for (uint32_t i = 0; i < 10; i++) {
        world_command(world, account_of(0), "add", i);
    }
    process->fault.lose_commit_at = process->fault.commits + 1;
    process->fault.lose_committed = committed;
    world_await_total(world, account_of(0), 46);
    world_settle(world);
    assert_true(process->fault.commits > process->fault.lose_commit_at);
    assert_true(WORLD_STAT(process, claims) > claims); /* unsure: claimed again */
    assert_int_equal(WORLD_STAT(process, commits_failed), 1);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 12);
    world_check(world);
}

static void looks_when_a_commit_is_unanswered(struct world *world)
{
    lose_one_commit(world, /* committed */ true);
}

static void tries_again_when_a_commit_is_lost(struct world *world)
{
    lose_one_commit(world, /* committed */ false);
}

static void waits_for_the_database(struct world *world)
{
    struct process *process = start_ready(world);
    open_accounts(world, 1);
    world_await_total(world, account_of(0), 1);
    process->fault.store_away = true;
    world_command(world, account_of(0), "add", 5);
    world_run_for(world, 3 * world->limits.lease_ms);
    assert_int_equal(world_lanes_held(process), 0);
    assert_int_equal(WORLD_STAT(process, connected), 0);
    process->fault.store_away = false;
    world_await_total(world, account_of(0), 6);
    world_settle(world);
    assert_int_equal(WORLD_STAT(process, connected), 1);
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    world_check(world);
}

/* ---- A lane that moved ---- */

static bool has_lost_one(struct world *world, const void *context)
{
    (void)world;
    return world_lanes_held(context) == LANES - 1;
}

/* Somebody stopped the lane after our last look: the fence finds out, for this lane alone. */
static void writes_nothing_without_its_lane(struct world *world)
{
    struct process *process = start_ready(world);
    struct id other = world_account_in(LANE + 1, 0);
    open_accounts(world, 1);
    world_command(world, other, "open", 1);
    world_await_total(world, other, 1);
    world_await_total(world, account_of(0), 1);
    world_settle(world);
    struct store_lane_ref ref = {.lane = LANE, .epoch = world->ops->lane(world, LANE).epoch};
    struct store *store = world->reader;
    uint64_t claims = WORLD_STAT(process, claims);
    world_command(world, account_of(0), "add", 5);
    world_command(world, other, "add", 5);
    assert_false(status_failed(store->ops->stop(&world->op, store, ref, STR("test.by_hand"))));
    world_await_total(world, other, 6);
    assert_true(world->ops->stopped_for(world, LANE, "test.by_hand"));
    if (world->simulated) {
        assert_int_equal(WORLD_STAT(process, refused_batches), 1);
    }
    world_await(world, has_lost_one, process);
    assert_int_equal(WORLD_STAT(process, claims), claims); /* the others were never lost */
    world_await_total(world, account_of(0), 1);
    world->ops->resume(world, LANE);
    world_await_total(world, account_of(0), 6);
    world_settle(world);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(parks_the_one_that_fails, WORLD_BOTH),
    WORLD_TEST(parks_the_unreadable_without_trying, WORLD_SIM_ONLY),
    WORLD_TEST(skips_what_it_may, WORLD_SIM_ONLY),
    WORLD_TEST(skips_what_was_parked_unread, WORLD_SIM_ONLY),
    WORLD_TEST(parks_an_output_too_large, WORLD_SIM_ONLY),
    WORLD_TEST(doubles_again, WORLD_SIM_ONLY),
    WORLD_TEST(stops_after_three_parks_in_a_row, WORLD_BOTH),
    WORLD_TEST(goes_on_when_some_succeed, WORLD_SIM_ONLY),
    WORLD_TEST(lets_many_be_early, WORLD_SIM_ONLY),
    WORLD_TEST(stops_when_nothing_can_be_saved, WORLD_SIM_ONLY),
    WORLD_TEST(stops_when_the_schema_differs, WORLD_SIM_ONLY),
    WORLD_TEST(never_parks_for_a_passing_failure, WORLD_SIM_ONLY),
    WORLD_TEST(stops_when_it_cannot_park, WORLD_SIM_ONLY),
    WORLD_TEST(looks_when_a_commit_is_unanswered, WORLD_BOTH),
    WORLD_TEST(tries_again_when_a_commit_is_lost, WORLD_SIM_ONLY),
    WORLD_TEST(waits_for_the_database, WORLD_SIM_ONLY),
    WORLD_TEST(writes_nothing_without_its_lane, WORLD_BOTH),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
