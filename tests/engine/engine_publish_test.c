/* From the outbox to the log: one cursor, in order, whatever the producer meets (R1, R2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "engine/engine_internal.h"
#include "sim/sim_db.h"
#include "sim/sim_kafka.h"
#include "world.h"

#define LANE 4
#define PLENTY 100000
#define CALLS_MAX 300

static struct id account(void)
{
    return world_account_in(LANE, 0);
}

static void open_one(struct world *world)
{
    world_command(world, account(), "open", 0);
    world_await_total(world, account(), 0);
    world_settle(world);
}

static void add_many(struct world *world, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        world_command(world, account(), "add", 1);
    }
}

static const struct lane_out_row *cursor(struct world *world)
{
    const void *rows;
    uint32_t count = world_rows(world, &engine_lane_out_table, &rows);
    const struct lane_out_row *row = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (row[i].lane == LANE && str_eq(row[i].topic, str_of(topology_topics[TOY_EVENTS].name))) {
            return &row[i];
        }
    }
    fail_msg("no cursor");
    return NULL;
}

static uint64_t unpublished_us(struct process *process)
{
    return WORLD_STAT(process, oldest_unpublished_us);
}

/* ---- The producer ---- */

/* R2: one that is given up takes all behind it along; everything is sent again, in order. */
static void starts_the_producer_over(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    for (uint32_t i = 0; i < 5; i++) {
        add_many(world, 10);
        sim_kafka_fail_produce(world->kafka, 1 + i);
        int64_t since_ms = clock_mono_ms();
        world_await_total(world, account(), 10 * (i + 1));
        world_settle(world);
        assert_true(clock_mono_ms() - since_ms < 1000);
    }
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 51);
    assert_int_equal(WORLD_STAT(process, published), 51);
    world_check(world);
}

/* All lanes lose what they had on the way, not only the one that was told. */
static void starts_over_for_all_lanes(struct world *world)
{
    world_start(world);
    for (int32_t p = 0; p < LANES; p++) {
        world_command(world, world_account_in(p, 0), "open", 0);
    }
    world_await_journal(world, LANES);
    world_settle(world);
    for (int32_t p = 0; p < LANES; p++) {
        world_command(world, world_account_in(p, 0), "add", 1);
    }
    sim_kafka_fail_produce(world->kafka, 1);
    world_await_journal(world, 2 * LANES);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 2 * LANES);
    world_check(world);
}

/* Brokers that changed hands lost the end of the log: the next produce fails, and the log is looked at. */
static void looks_at_the_log_when_the_producer_failed(struct world *world)
{
    world_start(world);
    open_one(world);
    add_many(world, 5);
    world_await_total(world, account(), 5);
    world_settle(world);
    sim_kafka_truncate(world->kafka, TOY_EVENTS, LANE, 3);
    add_many(world, 1);
    sim_kafka_fail_produce(world->kafka, 1);
    world_await_total(world, account(), 6);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 7);
    world_check(world);
}

/* What did not fit is read back later, and nothing newer overtakes it. */
static void waits_for_room_in_the_queue(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    sim_kafka_limit_queue(world->kafka, 3);
    for (uint32_t i = 0; i < 5; i++) {
        add_many(world, 20);
        world_step(world);
    }
    world_await_total(world, account(), 100);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 101);
    assert_int_equal(WORLD_STAT(process, published), 101);
    world_check(world);
}

/* More than is read back in one piece, by one who never had it in memory. */
static void publishes_a_long_backlog(struct world *world)
{
    enum { ADDS = 1300 };

    struct process *first = world_start(world);
    open_one(world);
    add_many(world, ADDS);
    sim_kafka_limit_queue(world->kafka, 0);
    world_await_total(world, account(), ADDS);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 1);
    world_kill(first);
    sim_kafka_limit_queue(world->kafka, PLENTY);
    add_many(world, 10); /* decided while the older ones are on their way */
    world_start(world);
    world_await_total(world, account(), ADDS + 10);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), ADDS + 11);
    world_check(world);
}

/* ---- Kafka away ---- */

static void waits_for_kafka(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    add_many(world, 10);
    sim_kafka_limit_queue(world->kafka, 4);
    world_step(world); /* decided; some are with the producer, some are not */
    sim_kafka_set_away(world->kafka, true);
    uint32_t before = sim_kafka_count(world->kafka, TOY_EVENTS, LANE);
    world_run_for(world, 5 * world->limits.lease_ms);
    assert_in_range(before, 1, 10);
    assert_int_equal(sim_kafka_count(world->kafka, TOY_EVENTS, LANE), before);
    assert_int_equal(world_lanes_held(process), LANES);
    assert_in_range(unpublished_us(process), 4 * 1000 * world->limits.lease_ms,
                    6 * 1000 * world->limits.lease_ms);
    sim_kafka_set_away(world->kafka, false);
    add_many(world, 5);
    world_await_total(world, account(), 15);
    world_settle(world);
    world_run_for(world, 2 * world->limits.heartbeat_ms);
    assert_int_equal(unpublished_us(process), 0);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 16);
    world_check(world);
}

/* A start without Kafka: nothing stops, nothing is decided, and then all is. */
static void begins_without_kafka(struct world *world)
{
    world_command(world, account(), "open", 1);
    sim_kafka_set_away(world->kafka, true);
    struct process *process = world_start(world);
    world_run_for(world, 20000);
    assert_int_equal(world_lanes_held(process), 0);
    assert_int_equal(world_count(world, &toy_journal_table), 0);
    for (int32_t p = 0; p < LANES; p++) {
        assert_false(world->ops->lane(world, p).stopped);
    }
    sim_kafka_set_away(world->kafka, false);
    world_await_total(world, account(), 1);
    world_settle(world);
    assert_int_equal(world_lanes_held(process), LANES);
    world_check(world);
}

/* ---- The cursor ---- */

/* Acknowledged and nothing to do: the cursor is written all the same, soon. */
static void writes_the_cursor_when_idle(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    assert_int_equal(cursor(world)->published_n, 1);
    int64_t commits = process->fault.commits;
    world_run_for(world, 5000);
    assert_int_equal(process->fault.commits, commits); /* and not again and again */
    world_kill(process);
    world_start(world);
    add_many(world, 1);
    world_await_total(world, account(), 1);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 2);
    world_check(world);
}

static struct id ask(struct world *world, enum topic topic, int64_t n)
{
    const struct admin_request_row request = {.kind = ADMIN_BUS_REPUBLISH,
                                              .lane = LANE,
                                              .topic = str_of(topology_topics[topic].name),
                                              .n = n};
    return world_ask(world, &request);
}

struct wanted_count {
    uint32_t count;
};

static bool has_events(struct world *world, const void *context)
{
    const struct wanted_count *wanted = context;
    return world_topic_count(world, TOY_EVENTS) >= wanted->count;
}

/* A reader lost some: the same records with the same numbers are told again. */
static void publishes_again_when_asked(struct world *world)
{
    world_start(world);
    world_answered(world, ask(world, TOY_EVENTS, 1),
                   "engine.no_such_n: this lane's outbox has no records of the topic; its next one "
                   "is n=1");
    open_one(world);
    add_many(world, 9);
    world_await_total(world, account(), 9);
    world_settle(world);
    world_answered(world, ask(world, TOY_EVENTS, 4), "done");
    const struct wanted_count wanted = {.count = 17};
    world_await(world, has_events, &wanted);
    add_many(world, 1);
    world_await_total(world, account(), 10);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 18);
    world_answered(world, ask(world, TOY_EVENTS, 11), "done");
    world_answered(world, ask(world, TOY_EVENTS, 12), "engine.no_such_n");
    world_answered(world, ask(world, TOY_EVENTS, 0), "engine.no_such_n");
    world_answered(world, ask(world, TOY_COMMANDS, 1), "engine.not_our_topic");
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 19);
    world_check(world);
}

/* Its owner dies at every call on the way: it is published again at least once, and to the end. */
static void publishes_again_whoever_dies(struct world *world)
{
    enum { EVENTS = 6, FROM = 3 };

    struct process *process = world_start(world);
    open_one(world);
    add_many(world, EVENTS - 1);
    world_await_total(world, account(), EVENTS - 1);
    world_settle(world);
    bool died = true;
    for (uint32_t i = 0; i < CALLS_MAX && died; i++) {
        uint32_t before = world_topic_count(world, TOY_EVENTS);
        struct id request = ask(world, TOY_EVENTS, FROM);
        world->ops->advance(world, 600);
        process->fault.crash_at = process->fault.calls + 1 + i;
        const struct wanted_count wanted = {.count = before + EVENTS - FROM + 1};
        while (!process->fault.dead && !has_events(world, &wanted)) {
            world_step(world);
        }
        died = process->fault.dead;
        process->fault.crash_at = 0;
        if (died) {
            world_kill(process);
            world_start(world);
        }
        world_answered(world, request, "done");
        world_await(world, has_events, &wanted);
        world_settle(world);
    }
    assert_false(died);
    world_check(world);
}

/* ---- What is forgotten ---- */

#define DAY_US (24 * INT64_C(3600) * 1000000)
#define LOOKED_MS (3 * 600 * 1000) /* three rounds over all topics of all lanes */

/* The first and the last n that the outbox has, and that it has all between. */
static void assert_kept(struct world *world, int64_t first_n, int64_t last_n)
{
    const void *rows;
    uint32_t count = world_rows(world, &engine_outbox_table, &rows);
    const struct outbox_row *row = rows;
    assert_int_equal(count, last_n - first_n + 1);
    for (uint32_t i = 0; i < count; i++) {
        assert_in_range(row[i].n, first_n, last_n);
    }
    assert_int_equal(cursor(world)->first_n, first_n);
}

static void add_and_settle(struct world *world, uint32_t count, int64_t total)
{
    add_many(world, count);
    world_await_total(world, account(), total);
    world_settle(world);
}

/* R1: more than one piece; not a row too many, by sandbox time too. */
static void forgets_what_was_published_long_ago(struct world *world)
{
    world_start(world);
    open_one(world);
    add_and_settle(world, ENGINE_PUBLISH_BATCH + 100, ENGINE_PUBLISH_BATCH + 100);
    const int64_t old = ENGINE_PUBLISH_BATCH + 101;
    world->ops->advance_clock(world, ENGINE_OUTBOX_KEPT_US - DAY_US);
    world_run_for(world, LOOKED_MS);
    assert_kept(world, 1, old);
    add_and_settle(world, 5, old + 4);
    world->ops->advance_clock(world, 2 * DAY_US);
    world_run_for(world, LOOKED_MS);
    assert_kept(world, old + 1, old + 5);
    world_answered(world, ask(world, TOY_EVENTS, old), "engine.no_such_n");
    world_answered(world, ask(world, TOY_EVENTS, old + 1), "done");
    add_and_settle(world, 1, old + 5);
}

/* A database that wakes up half a year ahead of Kafka forgets nothing by that; set right again, and old by both, it does. */
static void forgets_nothing_by_one_clock(struct world *world)
{
    world_start(world);
    open_one(world);
    add_and_settle(world, 5, 5);
    sim_db_set_clock(world->db, ENGINE_OUTBOX_KEPT_US + DAY_US);
    world_run_for(world, LOOKED_MS);
    assert_kept(world, 1, 6);
    sim_db_set_clock(world->db, -ENGINE_OUTBOX_KEPT_US - DAY_US);
    world->ops->advance(world, (ENGINE_OUTBOX_KEPT_US + DAY_US) / 1000);
    add_and_settle(world, 1, 6);
    world_run_for(world, LOOKED_MS);
    assert_kept(world, 7, 7);
}

/* Kafka does not have it, so it waits, however old. */
static void forgets_nothing_unpublished(struct world *world)
{
    world_start(world);
    open_one(world);
    add_many(world, 3);
    sim_kafka_limit_queue(world->kafka, 0);
    world_await_total(world, account(), 3);
    world->ops->advance_clock(world, ENGINE_OUTBOX_KEPT_US + DAY_US);
    world_run_for(world, LOOKED_MS);
    assert_kept(world, 2, 4);
    sim_kafka_limit_queue(world->kafka, PLENTY);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 4);
}

/* A Kafka that lost more than the outbox has gets what there is, and the lane goes on. */
static void publishes_what_is_left_to_an_empty_log(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    add_and_settle(world, 3, 3);
    world->ops->advance_clock(world, ENGINE_OUTBOX_KEPT_US + DAY_US);
    world_run_for(world, LOOKED_MS);
    add_and_settle(world, 3, 6);
    assert_kept(world, 5, 7);
    world_kill(process);
    sim_kafka_truncate(world->kafka, TOY_EVENTS, LANE, 0);
    world_start(world);
    const struct wanted_count wanted = {.count = 3};
    world_await(world, has_events, &wanted);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 3);
    assert_kept(world, 5, 7);
}

/* Rows and cursor go together, wherever the owner dies. */
static void forgets_whoever_dies(struct world *world)
{
    struct process *process = world_start(world);
    open_one(world);
    bool died = true;
    uint32_t deaths = 0;
    for (uint32_t i = 0; i < CALLS_MAX && died; i += 3) {
        int64_t end_n = cursor(world)->next_n + 2;
        add_and_settle(world, 2, end_n - 2);
        world->ops->advance_clock(world, ENGINE_OUTBOX_KEPT_US + DAY_US);
        world_kill(process);
        process = world_start(world);
        world_run_for(world, LOOKED_MS / 3 - 200); /* its first round is about to begin */
        assert_true(cursor(world)->first_n < end_n);
        process->fault.crash_at = process->fault.calls + 1 + i;
        while (!process->fault.dead && cursor(world)->first_n < end_n) {
            world_step(world);
        }
        died = process->fault.dead;
        process->fault.crash_at = 0;
        if (died) {
            deaths++;
            world_kill(process);
            process = world_start(world);
        }
        assert_kept(world, cursor(world)->first_n, end_n - 1);
    }
    assert_false(died);
    assert_true(deaths > 3);
}

/* ---- Holes ---- */

static void erase_from_outbox(struct world *world, int64_t n)
{
    struct store *store = world->reader;
    struct store_fence fence;
    const void *rows;
    uint32_t count = world_rows(world, &engine_outbox_table, &rows);
    const struct outbox_row *row = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (row[i].n == n) {
            const void *erased[] = {&row[i]};
            assert_false(status_failed(store->ops->begin(&world->op, store, NULL, 0, &fence)));
            assert_false(status_failed(
                store->ops->erase(&world->op, store, &engine_outbox_table, erased, 1)));
            assert_false(status_failed(store->ops->commit(&world->op, store)));
            return;
        }
    }
    fail_msg("nothing to erase");
}

static void stop_at_a_hole(struct world *world, int64_t n)
{
    struct process *first = world_start(world);
    open_one(world);
    add_many(world, 5);
    sim_kafka_limit_queue(world->kafka, 0);
    world_await_total(world, account(), 5);
    world_kill(first);
    sim_kafka_limit_queue(world->kafka, PLENTY);
    erase_from_outbox(world, n);
    world_start(world);
    world_await_stopped(world, LANE, "engine.outbox_hole");
    assert_int_equal(world_topic_count(world, TOY_EVENTS), n - 1); /* what is before it */
    world_command(world, world_account_in(LANE + 1, 0), "open", 3);
    world_await_total(world, world_account_in(LANE + 1, 0), 3);
}

static void stops_at_a_hole_in_the_outbox(struct world *world)
{
    stop_at_a_hole(world, 4);
}

static void stops_when_the_end_is_missing(struct world *world)
{
    stop_at_a_hole(world, 6);
}

static const struct world_test tests[] = {
    WORLD_TEST(starts_the_producer_over, WORLD_SIM_ONLY),
    WORLD_TEST(starts_over_for_all_lanes, WORLD_SIM_ONLY),
    WORLD_TEST(looks_at_the_log_when_the_producer_failed, WORLD_SIM_ONLY),
    WORLD_TEST(waits_for_room_in_the_queue, WORLD_SIM_ONLY),
    WORLD_TEST(publishes_a_long_backlog, WORLD_SIM_ONLY),
    WORLD_TEST(waits_for_kafka, WORLD_SIM_ONLY),
    WORLD_TEST(begins_without_kafka, WORLD_SIM_ONLY),
    WORLD_TEST(writes_the_cursor_when_idle, WORLD_SIM_ONLY),
    WORLD_TEST(publishes_again_when_asked, WORLD_BOTH),
    WORLD_TEST(publishes_again_whoever_dies, WORLD_SIM_ONLY),
    WORLD_TEST(forgets_what_was_published_long_ago, WORLD_SIM_ONLY),
    WORLD_TEST(forgets_nothing_by_one_clock, WORLD_SIM_ONLY),
    WORLD_TEST(forgets_nothing_unpublished, WORLD_SIM_ONLY),
    WORLD_TEST(publishes_what_is_left_to_an_empty_log, WORLD_SIM_ONLY),
    WORLD_TEST(forgets_whoever_dies, WORLD_SIM_ONLY),
    WORLD_TEST(stops_at_a_hole_in_the_outbox, WORLD_SIM_ONLY),
    WORLD_TEST(stops_when_the_end_is_missing, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
