/*
 * From one aggregate to another of the same service: sent if and only if the decision was committed,
 * decided once whoever dies on the way, open until it is; and several kinds of aggregates side by side.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "sim/sim_kafka.h"
#include "toy_purse.h"
#include "world.h"

#define FROM_LANE 3
#define TO_LANE 8
#define SWEPT_MS 2000 /* before this nobody but the poster publishes */

static struct id from_account(void)
{
    return world_account_in(FROM_LANE, 0);
}

static struct id to_account(void)
{
    return world_account_in(TO_LANE, 0);
}

/* Everybody posts to this one. */
static void aim_at(struct id target)
{
    static struct id targets[1];

    targets[0] = target;
    toy_set_targets(targets, 1);
}

static void open_account(struct world *world, struct id account)
{
    world_command(world, account, "open", 100);
    world_await_total(world, account, 100);
}

static struct process *open_both(struct world *world)
{
    aim_at(to_account());
    struct process *process = world_start(world);
    open_account(world, from_account());
    open_account(world, to_account());
    world_settle(world);
    return process;
}

/* The only row of `intake`. */
static const struct intake_row *the_post(struct world *world)
{
    const void *rows;
    assert_int_equal(world_rows(world, &engine_intake_table, &rows), 1);
    return rows;
}

static bool all_are_closed(struct world *world, const void *context)
{
    const void *rows;
    uint32_t open = 0;
    uint32_t count = world_rows(world, &engine_intake_table, &rows);
    const struct intake_row *row = rows;
    for (uint32_t i = 0; i < count; i++) {
        open += row[i].open ? 1 : 0;
    }
    return open == 0 && count == *(const uint32_t *)context;
}

static void await_closed(struct world *world, uint32_t count)
{
    world_await(world, all_are_closed, &count);
}

static uint32_t published(struct world *world)
{
    return world_topic_count(world, TOY_SIGNALS);
}

static void check_decided_once(struct world *world, int64_t from_total, int64_t to_total)
{
    await_closed(world, 1);
    world_run_for(world, world->simulated ? 10000 : 200); /* every chance to do it again */
    world_settle(world);
    assert_int_equal(world_find_account(world, from_account())->total, from_total);
    assert_int_equal(world_find_account(world, to_account())->total, to_total);
    world_check(world);
}

/* ---- The way it goes ---- */

/* At once, by who decided it; the row says what it was and how it ended. */
static void reaches_another_lane(struct world *world)
{
    struct process *process = open_both(world);
    int64_t since_ms = clock_mono_ms();
    world_command(world, from_account(), "post", 5);
    world_await_total(world, to_account(), 105);
    assert_true(!world->simulated || clock_mono_ms() - since_ms < SWEPT_MS);
    const struct intake_row *row = the_post(world);
    assert_false(row->open);
    assert_int_equal(row->outcome, INTAKE_ACCEPTED);
    assert_int_equal(row->lane, TO_LANE);
    assert_true(id_eq(row->key, to_account()));
    assert_true(id_is_none(row->account));
    assert_int_equal(row->attempts, 0);
    check_decided_once(world, 105, 105);
    assert_int_equal(published(world), 1);
    assert_int_equal(WORLD_STAT(process, posted), 1);
    assert_int_equal(WORLD_STAT(process, intakes_republished), 0);
}

/* To a neighbour and to itself it goes the same way. */
static void reaches_its_own_lane(struct world *world)
{
    struct id neighbour = world_account_in(FROM_LANE, 1);
    open_both(world);
    open_account(world, neighbour);
    aim_at(neighbour);
    world_command(world, from_account(), "post", 5);
    world_await_total(world, neighbour, 105);
    aim_at(from_account());
    world_command(world, from_account(), "post", 7);
    world_await_total(world, from_account(), 119);
    await_closed(world, 2);
    assert_int_equal(published(world), 2);
    world_settle(world);
    world_check(world);
}

/* Lanes of two processes write to each other. */
static void reaches_all_lanes(struct world *world)
{
    static struct id targets[LANES];

    world_start(world);
    world_start(world);
    for (int32_t p = 0; p < LANES; p++) {
        targets[p] = world_account_in(p, 0);
        world_command(world, targets[p], "open", 0);
    }
    toy_set_targets(targets, LANES);
    world_await_journal(world, LANES);
    for (int32_t p = 0; p < LANES; p++) {
        world_command(world, targets[p], "fan", LANES);
    }
    for (int32_t p = 0; p < LANES; p++) {
        world_await_total(world, targets[p], LANES + LANES); /* its own, and one of each */
    }
    await_closed(world, LANES * LANES);
    world_settle(world);
    assert_true(published(world) >= LANES * LANES);
    world_check(world);
}

/* ---- Whoever dies on the way ---- */

/* The poster is gone between commit and publish: the owner of the target's lane sends it. */
static void is_sent_though_the_poster_died(struct world *world)
{
    struct process *poster = open_both(world);
    poster->fault.lose_commit_at = poster->fault.commits + 1;
    poster->fault.lose_committed = true;
    world_command(world, from_account(), "post", 5);
    world_await_rows(world, &engine_intake_table, 1);
    world_kill(poster);
    assert_int_equal(published(world), 0);
    struct process *next = world_start(world);
    world_await_total(world, to_account(), 105);
    check_decided_once(world, 105, 105);
    assert_int_equal(the_post(world)->attempts, 1);
    assert_int_equal(published(world), 1);
    assert_int_equal(WORLD_STAT(next, intakes_republished), 1);
}

/* The same where the clock of decisions was set on: the sweep goes by the other one. */
static void is_sent_in_sandbox_time(struct world *world)
{
    world->ops->advance_clock(world, 7 * 86400 * INT64_C(1000000));
    is_sent_though_the_poster_died(world);
}

/* The decision was not committed: nobody ever hears of it but by the next attempt. */
static void is_not_sent_without_its_decision(struct world *world)
{
    struct process *poster = open_both(world);
    poster->fault.lose_commit_at = poster->fault.commits + 1;
    poster->fault.lose_committed = false;
    world_command(world, from_account(), "post", 5);
    world_await_total(world, to_account(), 105);
    check_decided_once(world, 105, 105);
    assert_int_equal(published(world), 1);
}

/* Its neighbour in the batch cannot be decided: all is taken back and done again without it. */
static void is_sent_once_though_its_batch_failed(struct world *world)
{
    struct id third = world_account_in(FROM_LANE, 2);
    struct process *process = open_both(world);
    open_account(world, third);
    uint64_t refused = WORLD_STAT(process, refused_batches);
    world_command(world, from_account(), "post", 5);
    world_command(world, third, "fault", 1);
    world_await_parked(world, third);
    world_await_total(world, to_account(), 105);
    assert_true(WORLD_STAT(process, refused_batches) > refused);
    check_decided_once(world, 105, 105);
    assert_int_equal(published(world), 1);
}

/* The producer gave it up: it is due again, and comes once. */
static void is_sent_again_after_the_producer_failed(struct world *world)
{
    open_both(world);
    world_command(world, from_account(), "post", 5);
    sim_kafka_fail_produce(world->kafka, 1);
    world_await_total(world, to_account(), 105);
    check_decided_once(world, 105, 105);
}

/* The target has it, and then it comes once more. */
static void is_decided_once(struct world *world)
{
    open_both(world);
    world_command(world, from_account(), "post", 5);
    world_await_total(world, to_account(), 105);
    await_closed(world, 1);
    struct id id = the_post(world)->id;
    world_signal(world, to_account(), "add", 5, id);
    check_decided_once(world, 105, 105);
    assert_int_equal(published(world), 2);
}

/* While Kafka is away it waits in the producer, which is not given it again. */
static void waits_in_the_producer_once(struct world *world)
{
    struct process *process = open_both(world);
    world_command(world, from_account(), "fault", 0);
    world_command(world, from_account(), "post", 5);
    world_await_rows(world, &engine_parked_message_table, 2);
    world_settle(world);
    sim_kafka_set_away(world->kafka, true);
    toy_heal();
    const struct admin_request_row retry = {
        .kind = ADMIN_PARK_RETRY, .lane = FROM_LANE, .key = from_account()};
    world_answered(world, world_ask(world, &retry), "done");
    world_run_for(world, 60000);
    assert_true(the_post(world)->open);
    assert_int_equal(WORLD_STAT(process, intakes_republished), 0);
    sim_kafka_set_away(world->kafka, false);
    world_await_total(world, to_account(), 105);
    check_decided_once(world, 105, 105);
    assert_int_equal(published(world), 1);
}

/* A thread that posts with every batch still sweeps. */
static void holds_no_sweep_up(struct world *world)
{
    struct id third = world_account_in(TO_LANE, 1);
    open_both(world);
    open_account(world, third);
    world_intake(world, third, "add", 7, world_id("lost", 0), clock_wall_us());
    int64_t until_ms = clock_mono_ms() + 3 * SWEPT_MS;
    while (world_find_account(world, third)->total == 100 && clock_mono_ms() < until_ms) {
        world_command(world, from_account(), "post", 0);
        world_step(world);
    }
    assert_int_equal(world_find_account(world, third)->total, 107);
}

static void come_back(void *context)
{
    struct world *world = context;
    sim_kafka_set_away(world->kafka, false);
}

/* Of a type that only a newer version knows: it comes again until that one has the lane, and nothing waits behind it. */
static void comes_again_until_it_is_known(struct world *world)
{
    struct process *process = open_both(world);
    world_intake(world, to_account(), "unknown", 5, world_id("newer", 0), clock_wall_us());
    while (WORLD_STAT(process, skipped) < 3) {
        world_step(world);
    }
    world_signal(world, to_account(), "add", 7, world_id("behind", 0));
    world_await_total(world, to_account(), 107);
    assert_true(the_post(world)->open);
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    toy_heal();
    world_await_total(world, to_account(), 112);
    check_decided_once(world, 100, 112);
}

/* Asked to end, a process waits until Kafka has what it was given, posts and what was swept alike. */
static void is_sent_before_the_end(struct world *world)
{
    struct process *process = open_both(world);
    sim_kafka_set_away(world->kafka, true);
    world_intake(world, to_account(), "add", 5, world_id("swept", 0), clock_wall_us());
    while (WORLD_STAT(process, intakes_republished) == 0) {
        world_step(world);
    }
    process->fault.pause = come_back;
    process->fault.context = world;
    process->fault.pause_at = process->fault.calls + 100;
    world_end(process);
    assert_int_equal(published(world), 1);
    world_start(world);
    check_decided_once(world, 100, 105);
    assert_int_equal(the_post(world)->attempts, 1);
}

/* ---- What cannot be decided ---- */

static void ask(struct world *world, enum admin_kind kind, struct id key)
{
    const struct admin_request_row request = {
        .kind = kind, .lane = lane_of_key(key), .key = key, .approved_by = STR("bob")};
    world_answered(world, world_ask(world, &request), "done");
}

/* It waits behind the target's key, its row stays open, and the poster is not held up. */
static void waits_for_a_parked_target(struct world *world)
{
    open_both(world);
    world_command(world, to_account(), "fault", 1);
    world_await_parked(world, to_account());
    world_command(world, from_account(), "post", 5);
    world_await_rows(world, &engine_parked_message_table, 2);
    world_run_for(world, world->simulated ? 10000 : 3000); /* published again, and known */
    assert_int_equal(world_count(world, &engine_parked_message_table), 2);
    assert_true(the_post(world)->open);
    assert_int_equal(world_find_account(world, from_account())->total, 105);
    toy_heal();
    ask(world, ADMIN_PARK_RETRY, to_account());
    assert_int_equal(the_post(world)->outcome, INTAKE_ACCEPTED);
    world_await_total(world, to_account(), 106);
    check_decided_once(world, 105, 106);
}

/* A person drops what it waits behind. */
static void runs_when_the_way_is_free(struct world *world)
{
    open_both(world);
    world_command(world, to_account(), "fault", 1);
    world_await_parked(world, to_account());
    world_command(world, from_account(), "post", 5);
    world_await_rows(world, &engine_parked_message_table, 2);
    ask(world, ADMIN_PARK_DROP, to_account());
    check_decided_once(world, 105, 105);
}

/* To somebody who is not there yet: released by the creation. */
static void waits_for_its_target_to_be_made(struct world *world)
{
    aim_at(to_account());
    world_start(world);
    open_account(world, from_account());
    world_command(world, from_account(), "post", 5);
    world_await_parked(world, to_account());
    assert_true(world_find_parked(world, to_account())->missing);
    world_command(world, to_account(), "open", 100);
    world_await_total(world, to_account(), 105);
    check_decided_once(world, 105, 105);
}

static struct engine_handler handlers[2];
static struct engine_service strange;

/* Reads signals as if they were about somebody else than their record's key says. */
static STATUS decode_strangely(struct op *op, const struct bus_record *record,
                               struct engine_message *ret_message)
{
    TRY(toy_service.handlers[1].decode(op, record, ret_message));
    ret_message->key = from_account();
    return OK;
}

/* The bytes name another key than the one it was posted to: parked under that one, decided nowhere. */
static void is_parked_when_its_key_differs(struct world *world)
{
    handlers[0] = toy_service.handlers[0];
    handlers[1] = toy_service.handlers[1];
    handlers[1].decode = decode_strangely;
    strange = toy_service;
    strange.handlers = handlers;
    world->service = &strange;
    open_both(world);
    world_command(world, from_account(), "post", 5);
    world_await_parked(world, to_account());
    const struct parked_key_row *parked = world_find_parked(world, to_account());
    assert_true(str_eq(parked->reason, STR("engine.key_differs")));
    world_await_total(world, from_account(), 105);
    assert_true(the_post(world)->open);
    ask(world, ADMIN_PARK_DROP, to_account());
    assert_int_equal(the_post(world)->outcome, INTAKE_REJECTED);
    assert_true(str_eq(the_post(world)->outcome_code, STR("engine.dropped")));
    check_decided_once(world, 105, 100);
}

/* ---- Limits ---- */

/* Over them the decision is none: it is parked, and nothing of it is sent. */
static void is_bounded(struct world *world)
{
    struct id third = world_account_in(FROM_LANE, 1);
    open_both(world);
    open_account(world, third);
    world_command(world, third, "fan", ENGINE_POSTS_MAX);
    await_closed(world, ENGINE_POSTS_MAX);
    world_await_total(world, to_account(), 100 + ENGINE_POSTS_MAX);
    world_command(world, third, "fan", ENGINE_POSTS_MAX + 1);
    world_await_parked(world, third);
    const struct parked_key_row *parked = world_find_parked(world, third);
    assert_true(str_eq(parked->reason, STR("engine.too_many_posts")));
    world_command(world, from_account(), "bulky", 1);
    world_await_parked(world, from_account());
    parked = world_find_parked(world, from_account());
    assert_true(str_eq(parked->reason, STR("engine.output_too_large")));
    assert_int_equal(world_count(world, &engine_intake_table), ENGINE_POSTS_MAX);
    world_settle(world);
    world_check(world);
}

/* ---- Several kinds of aggregates ---- */

static const struct toy_purse *find_purse(struct world *world, struct id key)
{
    const void *rows;
    uint32_t count = world_rows(world, &toy_purse_table, &rows);
    const struct toy_purse *purse = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (id_eq(purse[i].id, key)) {
            return &purse[i];
        }
    }
    return NULL;
}

struct wanted_purse {
    struct id key;
    int64_t total;
};

static bool purse_holds(struct world *world, const void *context)
{
    const struct wanted_purse *wanted = context;
    const struct toy_purse *purse = find_purse(world, wanted->key);
    return purse && purse->total == wanted->total;
}

static void await_purse(struct world *world, struct id key, int64_t total)
{
    const struct wanted_purse wanted = {.key = key, .total = total};
    world_await(world, purse_holds, &wanted);
}

/* Both of one key in one batch, with their children; each change lands in its own. */
static void keeps_the_kinds_apart(struct world *world)
{
    struct id key = from_account();
    world->service = toy_purse_service();
    struct process *process = world_start(world);
    open_account(world, key);
    world_signal(world, key, "open", 1, world_id("coin", 0));
    await_purse(world, key, 1);
    uint64_t batches = WORLD_STAT(process, batches);
    for (uint32_t i = 1; i <= 5; i++) {
        world_command(world, key, "call", 1000);
        world_signal(world, key, "add", i, world_id("coin", i));
        world_command(world, key, "add", 10 * i);
    }
    await_purse(world, key, 16);
    world_await_total(world, key, 100 + 150 + 5000);
    if (world->simulated) {
        assert_true(WORLD_STAT(process, batches) - batches < 7); /* not one by one */
    }
    assert_int_equal(world_count(world, &toy_coin_table), 6);
    assert_int_equal(world_count(world, &toy_call_table), 5);
    const void *rows;
    uint32_t puts = 0;
    uint32_t count = world_rows(world, &engine_outbox_table, &rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct outbox_row *out = (const struct outbox_row *)rows + i;
        assert_true(str_eq(out->aggregatetype, str_of(topology_topics[out->topic].name)));
        puts += str_eq(out->type, STR("toy.Put")) ? 1 : 0;
    }
    assert_int_equal(puts, 6);
    world_settle(world);
}

/* What waits for one kind is not released by the creation of the other under the same key. */
static void waits_for_the_right_kind(struct world *world)
{
    struct id key = from_account();
    world->service = toy_purse_service();
    world_start(world);
    world_signal(world, key, "add", 1, world_id("coin", 0));
    world_await_parked(world, key);
    assert_true(world_find_parked(world, key)->missing);
    world_command(world, key, "open", 100); /* the account */
    world_await_total(world, key, 100);
    world_run_for(world, 300);
    const struct parked_key_row *parked = world_find_parked(world, key);
    assert_non_null(parked);
    assert_true(parked->missing);
    world_signal(world, key, "open", 5, world_id("coin", 1)); /* the purse */
    await_purse(world, key, 6);
    world_await_rows(world, &engine_parked_key_table, 0);
}

/* An account posts to a purse. */
static void posts_to_another_kind(struct world *world)
{
    struct id key = to_account();
    world->service = toy_purse_service();
    aim_at(key);
    world_start(world);
    open_account(world, from_account());
    world_signal(world, key, "open", 1, world_id("coin", 0));
    world_command(world, from_account(), "post", 5);
    await_purse(world, key, 6);
    await_closed(world, 1);
}

static const struct world_test tests[] = {
    WORLD_TEST(reaches_another_lane, WORLD_BOTH),
    WORLD_TEST(reaches_its_own_lane, WORLD_BOTH),
    WORLD_TEST(reaches_all_lanes, WORLD_BOTH),
    WORLD_TEST(is_sent_though_the_poster_died, WORLD_BOTH),
    WORLD_TEST(is_sent_in_sandbox_time, WORLD_SIM_ONLY),
    WORLD_TEST(is_not_sent_without_its_decision, WORLD_BOTH),
    WORLD_TEST(is_sent_once_though_its_batch_failed, WORLD_SIM_ONLY),
    WORLD_TEST(is_sent_again_after_the_producer_failed, WORLD_SIM_ONLY),
    WORLD_TEST(is_decided_once, WORLD_BOTH),
    WORLD_TEST(waits_in_the_producer_once, WORLD_SIM_ONLY),
    WORLD_TEST(holds_no_sweep_up, WORLD_SIM_ONLY),
    WORLD_TEST(comes_again_until_it_is_known, WORLD_SIM_ONLY),
    WORLD_TEST(is_sent_before_the_end, WORLD_SIM_ONLY),
    WORLD_TEST(waits_for_a_parked_target, WORLD_BOTH),
    WORLD_TEST(runs_when_the_way_is_free, WORLD_SIM_ONLY),
    WORLD_TEST(waits_for_its_target_to_be_made, WORLD_BOTH),
    WORLD_TEST(is_parked_when_its_key_differs, WORLD_BOTH),
    WORLD_TEST(is_bounded, WORLD_BOTH),
    WORLD_TEST(keeps_the_kinds_apart, WORLD_BOTH),
    WORLD_TEST(waits_for_the_right_kind, WORLD_SIM_ONLY),
    WORLD_TEST(posts_to_another_kind, WORLD_BOTH),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
