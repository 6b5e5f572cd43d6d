/* Which record is next: gaps, forks, duplicates, and what the log and the database know of each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/lane.h"
#include "sim/sim_kafka.h"
#include "world.h"

#define LANE 3

/* Record n of the lane's commands: the first opens its account, each adds its own n. Always the same. */
static void numbered(struct world *world, int64_t n)
{
    world_command_n(world, world_account_in(LANE, 0), n == 1 ? "open" : "add", n, n,
                    world->clock_us + n, world_id("numbered", (uint32_t)n));
}

static void numbered_from(struct world *world, int64_t first, int64_t last)
{
    for (int64_t n = first; n <= last; n++) {
        numbered(world, n);
    }
}

static void await_sum_to(struct world *world, int64_t n)
{
    world_await_total(world, world_account_in(LANE, 0), n * (n + 1) / 2);
}

/* Another lane of the same process decides what it gets now. */
static void other_lane_works(struct world *world)
{
    struct id account = world_account_in(LANE + 1, 0);
    bool opened = world->numbered[LANE + 1] > 0;
    const struct toy_account *row = world_find_account(world, account);
    int64_t total = row ? row->total : 0;
    world_command(world, account, opened ? "add" : "open", 7);
    world_await_total(world, account, total + 7);
}

static uint64_t gaps(struct process *process)
{
    return atomic_load(&engine_stats(process->engine)->gaps);
}

static uint64_t duplicates(struct process *process)
{
    return atomic_load(&engine_stats(process->engine)->duplicates);
}

static struct lane_in_row position(struct world *world, enum topic topic)
{
    const void *rows;
    uint32_t count = world_rows(world, &engine_lane_in_table, &rows);
    const struct lane_in_row *in = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (in[i].lane == LANE && str_eq(in[i].topic, str_of(topology_topics[topic].name))) {
            return in[i];
        }
    }
    return (struct lane_in_row){.next_offset = -1};
}

/* ---- Gaps ---- */

/* R3: after a gap all is discarded until the missing one comes, and decided when it comes again. */
static void waits_for_what_is_missing(struct world *world)
{
    struct process *process = world_start(world);
    numbered(world, 1);
    await_sum_to(world, 1);
    numbered_from(world, 3, 5);
    world_settle(world);
    assert_int_equal(gaps(process), 1);
    assert_int_equal(position(world, TOY_COMMANDS).last_n, 1);
    assert_int_equal(position(world, TOY_COMMANDS).next_offset, 4);
    assert_int_equal(world_find_account(world, world_account_in(LANE, 0))->total, 1);
    numbered_from(world, 2, 6);
    await_sum_to(world, 6);
    assert_int_equal(gaps(process), 1);
    numbered(world, 8); /* the next one is told again */
    world_settle(world);
    assert_int_equal(gaps(process), 2);
    assert_int_equal(position(world, TOY_COMMANDS).last_n, 6);
    world_check(world);
}

/* The position moved and last_n did not: whoever takes the lane goes on waiting. */
static void waits_across_a_takeover(struct world *world)
{
    struct process *first = world_start(world);
    numbered(world, 1);
    await_sum_to(world, 1);
    numbered_from(world, 3, 4);
    world_settle(world);
    world_kill(first);
    struct process *second = world_start(world);
    numbered(world, 5);
    world_settle(world);
    assert_int_equal(gaps(second), 1);
    assert_int_equal(world_count(world, &toy_journal_table), 1);
    numbered_from(world, 2, 5);
    await_sum_to(world, 5);
    world_settle(world);
    world_check(world);
}

static struct engine_service undemanding(void)
{
    struct engine_service service = toy_service;
    service.demands_first = false;
    return service;
}

static void demands_the_first_record(struct world *world)
{
    world_start(world);
    numbered(world, 2);
    world_await_stopped(world, LANE, "engine.first_record_missing");
    assert_int_equal(world_count(world, &toy_journal_table), 0);
    other_lane_works(world);
    world_settle(world);
    world_check(world);
}

/* The same when retention took the first ones. */
static void demands_the_first_record_kept(struct world *world)
{
    numbered_from(world, 1, 4);
    world->ops->expire(world, TOY_COMMANDS, LANE, 2);
    world_start(world);
    world_await_stopped(world, LANE, "engine.first_record_missing");
    assert_int_equal(world_count(world, &toy_account_table), 0);
}

static void begins_later_where_that_is_harmless(struct world *world)
{
    static struct engine_service service;
    service = undemanding();
    world->service = &service;
    struct id account = world_account_in(LANE, 0);
    world_command_n(world, account, "open", 10, 41, world->clock_us + 41, world_id("late", 41));
    world_command_n(world, account, "add", 1, 42, world->clock_us + 42, world_id("late", 42));
    world_start(world);
    world_await_total(world, account, 11);
    assert_int_equal(position(world, TOY_COMMANDS).last_n, 42);
    world_settle(world);
    world_check(world);
}

/* ---- Forks ---- */

/* A restored writer tells a used number again, later. */
static void stops_at_a_number_used_again(struct world *world)
{
    world_start(world);
    numbered_from(world, 1, 3);
    await_sum_to(world, 3);
    struct id account = world_account_in(LANE, 0);
    world_command_n(world, account, "add", 100, 2, world->clock_us + 50, world_id("fork", 2));
    numbered(world, 4);
    world_await_stopped(world, LANE, "engine.fork");
    other_lane_works(world);
    await_sum_to(world, 3); /* nothing of the fork or behind it was decided */
    assert_int_equal(position(world, TOY_COMMANDS).next_offset, 3);
    world_settle(world);
    world_check(world);
}

/* A new number with a commit time before that of the last one: two histories were joined. */
static void stops_at_time_that_runs_back(struct world *world)
{
    world_start(world);
    numbered_from(world, 1, 3);
    await_sum_to(world, 3);
    struct id account = world_account_in(LANE, 0);
    world_command_n(world, account, "add", 100, 4, world->clock_us + 2, world_id("fork", 4));
    world_await_stopped(world, LANE, "engine.fork");
    await_sum_to(world, 3);
    other_lane_works(world);
}

/* Equal times are fine: a writer's batch is committed at one moment. */
static void takes_a_batch_of_one_moment(struct world *world)
{
    struct process *process = world_start(world);
    struct id account = world_account_in(LANE, 0);
    for (uint32_t n = 1; n <= 3; n++) {
        world_command_n(world, account, n == 1 ? "open" : "add", 5, n, world->clock_us,
                        world_id("moment", n));
    }
    world_await_total(world, account, 15);
    world_command_n(world, account, "add", 5, 3, world->clock_us, world_id("moment", 3));
    world_settle(world);
    assert_int_equal(duplicates(process), 1);
    world_await_total(world, account, 15);
}

static void stops_at_a_record_without_number(struct world *world)
{
    world_start(world);
    numbered(world, 1);
    await_sum_to(world, 1);
    char key[ID_TEXT_BYTES];
    id_format(world_account_in(LANE, 0), key);
    const struct bus_message message = {.topic = TOY_COMMANDS,
                                        .partition = LANE,
                                        .message_id = world_id("bare", 0),
                                        .type = STR("toy.Command"),
                                        .key = {.ptr = key, .len = ID_TEXT_BYTES - 1},
                                        .value = STR("add 100")};
    world_write(world, &message);
    world_await_stopped(world, LANE, "engine.unnumbered_record");
    await_sum_to(world, 1);
    other_lane_works(world);
}

/* ---- Duplicates ---- */

static void takes_a_numbered_record_once(struct world *world)
{
    struct process *first = world_start(world);
    numbered_from(world, 1, 4);
    numbered_from(world, 2, 4);
    await_sum_to(world, 4);
    world_settle(world);
    assert_int_equal(duplicates(first), 3);
    world_end(first);
    struct process *second = world_start(world);
    numbered_from(world, 1, 5); /* another process knows them too */
    await_sum_to(world, 5);
    world_settle(world);
    assert_int_equal(duplicates(second), 4);
    assert_int_equal(gaps(second), 0);
    world_check(world);
}

/* R4: whatever the distance between them. */
static void takes_an_intake_record_once(struct world *world)
{
    struct process *first = world_start(world);
    struct id account = world_account_in(LANE, 0);
    numbered(world, 1);
    world_signal(world, account, "add", 10, world_id("signal", 0));
    world_signal(world, account, "add", 10, world_id("signal", 0));
    world_await_total(world, account, 11);
    world_signal(world, account, "add", 10, world_id("signal", 0));
    world_settle(world);
    assert_int_equal(duplicates(first), 2);
    assert_int_equal(atomic_load(&engine_stats(first->engine)->refused_batches), 0);
    world_end(first);
    struct process *second = world_start(world);
    world_signal(world, account, "add", 10, world_id("signal", 0));
    world_signal(world, account, "add", 10, world_id("signal", 1));
    world_await_total(world, account, 21);
    world_settle(world);
    assert_int_equal(duplicates(second), 1);
    assert_int_equal(world_count(world, &engine_inbox_table), 2);
    world_check(world);
}

/* R4: the same id with another content, or for another key, is nobody's repetition. */
static void parks_one_id_with_two_contents(struct world *world)
{
    world_start(world);
    struct id account = world_account_in(LANE, 0);
    struct id other = world_account_in(LANE, 1);
    numbered(world, 1);
    world_command_n(world, other, "open", 1, 2, world->clock_us + 2, world_id("numbered", 2));
    world_signal(world, account, "add", 10, world_id("signal", 0));
    world_await_total(world, account, 11);
    world_signal(world, account, "add", 12, world_id("signal", 0));
    world_await_rows(world, &engine_parked_key_table, 1);
    world_signal(world, other, "add", 10, world_id("signal", 0));
    world_await_rows(world, &engine_parked_key_table, 2);
    const void *rows;
    uint32_t count = world_rows(world, &engine_parked_key_table, &rows);
    const struct parked_key_row *keys = rows;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(str_eq(keys[i].reason, STR("engine.same_id_other_content")));
    }
    world_await_total(world, account, 11);
    world_settle(world);
    world_check(world);
}

/* ---- What the database and the log know of each other (R7) ---- */

/* A restored backup would use numbers again that are already in the log. */
static void stops_when_the_database_lost_rows(struct world *world)
{
    numbered_from(world, 1, 2);
    struct process *first = world_start(world);
    await_sum_to(world, 2);
    world_settle(world);
    world_end(first);
    world->ops->backup(world);
    struct process *second = world_start(world);
    numbered_from(world, 3, 4);
    await_sum_to(world, 4);
    world_settle(world);
    world_end(second);
    uint32_t published = world_topic_count(world, TOY_EVENTS);
    world->ops->restore(world);
    world_start(world);
    world_await_stopped(world, LANE, "engine.database_lost_rows");
    other_lane_works(world);
    await_sum_to(world, 2);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), published + 1);
}

/* The rows are still there: they are published again, at the claim and when nothing else happens. */
static void publishes_a_lost_tail_again(struct world *world)
{
    numbered_from(world, 1, 6);
    struct process *first = world_start(world);
    await_sum_to(world, 6);
    world_settle(world);
    sim_kafka_truncate(world->kafka, TOY_EVENTS, LANE, 4);
    world_run_for(world, 61000); /* looked at each minute */
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 6);
    world_end(first);
    sim_kafka_truncate(world->kafka, TOY_EVENTS, LANE, 1);
    world_start(world);
    world_settle(world);
    numbered(world, 7);
    await_sum_to(world, 7);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 7);
    world_check(world);
}

/* More was written before anybody looked: what is missing lies behind the last one, or before the first. */
static void fills_a_hole_in_its_own_tail(struct world *world)
{
    numbered_from(world, 1, 6);
    struct process *process = world_start(world);
    await_sum_to(world, 6);
    world_settle(world);
    sim_kafka_truncate(world->kafka, TOY_EVENTS, LANE, 4);
    numbered(world, 7);
    await_sum_to(world, 7);
    world_run_for(world, 61000);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 4 + 1 + 3); /* 1 to 4, 7, 5 to 7 */
    sim_kafka_recreate(world->kafka, TOY_EVENTS);
    numbered(world, 8);
    await_sum_to(world, 8);
    world_run_for(world, 130000); /* once is enough */
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 1 + 8);
    assert_int_equal(gaps(process), 0);
}

/* Retention says nothing about what was lost: an emptied partition is not published again. */
static void lets_retention_empty_a_partition(struct world *world)
{
    numbered_from(world, 1, 3);
    struct process *first = world_start(world);
    await_sum_to(world, 3);
    world_settle(world);
    world_end(first);
    world->ops->expire(world, TOY_EVENTS, LANE, 3);
    world_start(world);
    numbered(world, 4);
    await_sum_to(world, 4);
    world_settle(world);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 1);
}

static void stops_at_a_foreign_record(struct world *world)
{
    const struct bus_message message = {.topic = TOY_EVENTS,
                                        .partition = LANE,
                                        .message_id = world_id("foreign", 0),
                                        .type = STR("toy.Added"),
                                        .key = STR("k"),
                                        .value = STR("1 1")};
    world_write(world, &message);
    world_start(world);
    world_await_stopped(world, LANE, "engine.foreign_record");
    other_lane_works(world);
}

/* Retention was quicker than the reader: what is there is read, and what is not is a gap. */
static void waits_for_what_retention_took(struct world *world)
{
    numbered_from(world, 1, 2);
    struct process *first = world_start(world);
    await_sum_to(world, 2);
    world_settle(world);
    world_end(first);
    numbered_from(world, 3, 6);
    world->ops->expire(world, TOY_COMMANDS, LANE, 5);
    struct process *second = world_start(world);
    numbered(world, 7);
    world_settle(world);
    assert_int_equal(gaps(second), 1);
    assert_int_equal(position(world, TOY_COMMANDS).next_offset, 7);
    await_sum_to(world, 2);
    other_lane_works(world);
    numbered_from(world, 3, 7); /* its writer was asked */
    await_sum_to(world, 7);
    world_settle(world);
    world_check(world);
}

/* Kafka lost what was read already: the reader goes back to where the log ends, and knows what comes again. */
static void reads_a_tail_that_was_rewritten(struct world *world)
{
    struct process *first = world_start(world);
    numbered_from(world, 1, 6);
    await_sum_to(world, 6);
    world_settle(world);
    sim_kafka_truncate(world->kafka, TOY_COMMANDS, LANE, 3);
    world->appended[TOY_COMMANDS][LANE] = 3; /* what there is to settle */
    world_run_for(world, 1000);
    assert_int_equal(position(world, TOY_COMMANDS).next_offset, 3); /* kept, though nothing came */
    numbered_from(world, 4, 5);
    world_kill(first);
    struct process *second = world_start(world);
    numbered_from(world, 6, 8);
    await_sum_to(world, 8);
    world_settle(world);
    assert_int_equal(gaps(second), 0);
    assert_false(world->ops->lane(world, LANE).stopped);
    world_check(world);
}

/* Rewritten behind the back of a reader that slept, without what had come twice: it has gone past what it lacks. */
static void looks_back_at_a_gap(struct world *world)
{
    struct process *process = world_start(world);
    numbered_from(world, 1, 3);
    numbered_from(world, 1, 3);
    await_sum_to(world, 3);
    world_settle(world);
    sim_kafka_truncate(world->kafka, TOY_COMMANDS, LANE, 1);
    world->appended[TOY_COMMANDS][LANE] = 1;
    numbered_from(world, 2, 8);
    world_run_for(world, 61000); /* looked at each minute */
    await_sum_to(world, 8);
    assert_int_equal(gaps(process), 1);
    world_settle(world);
    world_check(world);
}

/* Offsets begin with 0 again. What is requested after that is read, wherever the reader was. */
static void reads_a_topic_that_was_made_anew(struct world *world)
{
    struct id account = world_account_in(LANE, 0);
    struct process *process = world_start(world);
    numbered_from(world, 1, 3);
    for (uint32_t i = 0; i < 4; i++) {
        world_signal(world, account, "add", 10, world_id("signal", i));
    }
    world_await_total(world, account, 46);
    world_settle(world);
    sim_kafka_recreate(world->kafka, TOY_COMMANDS);
    sim_kafka_recreate(world->kafka, TOY_SIGNALS);
    world_run_for(world, 1000);
    assert_int_equal(position(world, TOY_COMMANDS).next_offset, 0);
    assert_int_equal(position(world, TOY_SIGNALS).next_offset, 0);
    world_signal(world, account, "add", 10, world_id("signal", 3));
    world_signal(world, account, "add", 100, world_id("signal", 4));
    numbered_from(world, 1, 4);
    world_await_total(world, account, 150);
    assert_int_equal(gaps(process), 0);
    assert_false(world->ops->lane(world, LANE).stopped);
}

static void stops_in_another_cluster(struct world *world)
{
    numbered_from(world, 1, 2);
    struct process *first = world_start(world);
    await_sum_to(world, 2);
    world_settle(world);
    sim_kafka_set_cluster(world->kafka, "other");
    numbered(world, 3);
    await_sum_to(world, 3); /* nobody looks while the connection lasts */
    world_settle(world);
    world_end(first);
    numbered(world, 4);
    world_start(world);
    for (int32_t p = 0; p < LANES; p++) {
        world_await_stopped(world, p, "engine.other_cluster");
    }
    await_sum_to(world, 3);
    sim_kafka_set_cluster(world->kafka, "sim");
    world->ops->resume(world, LANE);
    await_sum_to(world, 4);
}

static void stops_at_another_partition_count(struct world *world)
{
    sim_kafka_set_partitions(world->kafka, TOY_SIGNALS, LANES + 1);
    numbered(world, 1);
    world_start(world);
    world_await_stopped(world, LANE, "engine.partition_count");
    assert_int_equal(world_count(world, &toy_journal_table), 0);
    sim_kafka_set_partitions(world->kafka, TOY_SIGNALS, LANES);
    world->ops->resume(world, LANE);
    await_sum_to(world, 1);
}

/* At the first start topics may come after us: that is waited for. */
static void waits_for_topics(struct world *world)
{
    sim_kafka_set_partitions(world->kafka, TOY_EVENTS, 0);
    numbered(world, 1);
    world_start(world);
    world_run_for(world, 10000);
    assert_int_equal(world_count(world, &toy_journal_table), 0);
    assert_false(world->ops->lane(world, LANE).stopped);
    sim_kafka_set_partitions(world->kafka, TOY_EVENTS, LANES);
    await_sum_to(world, 1);
    world_settle(world);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(waits_for_what_is_missing, WORLD_BOTH),
    WORLD_TEST(waits_across_a_takeover, WORLD_SIM_ONLY),
    WORLD_TEST(demands_the_first_record, WORLD_SIM_ONLY),
    WORLD_TEST(demands_the_first_record_kept, WORLD_SIM_ONLY),
    WORLD_TEST(begins_later_where_that_is_harmless, WORLD_SIM_ONLY),
    WORLD_TEST(stops_at_a_number_used_again, WORLD_BOTH),
    WORLD_TEST(stops_at_time_that_runs_back, WORLD_SIM_ONLY),
    WORLD_TEST(takes_a_batch_of_one_moment, WORLD_SIM_ONLY),
    WORLD_TEST(stops_at_a_record_without_number, WORLD_BOTH),
    WORLD_TEST(takes_a_numbered_record_once, WORLD_SIM_ONLY),
    WORLD_TEST(takes_an_intake_record_once, WORLD_BOTH),
    WORLD_TEST(parks_one_id_with_two_contents, WORLD_SIM_ONLY),
    WORLD_TEST(stops_when_the_database_lost_rows, WORLD_BOTH),
    WORLD_TEST(publishes_a_lost_tail_again, WORLD_SIM_ONLY),
    WORLD_TEST(fills_a_hole_in_its_own_tail, WORLD_SIM_ONLY),
    WORLD_TEST(lets_retention_empty_a_partition, WORLD_SIM_ONLY),
    WORLD_TEST(stops_at_a_foreign_record, WORLD_SIM_ONLY),
    WORLD_TEST(waits_for_what_retention_took, WORLD_BOTH),
    WORLD_TEST(reads_a_tail_that_was_rewritten, WORLD_SIM_ONLY),
    WORLD_TEST(looks_back_at_a_gap, WORLD_SIM_ONLY),
    WORLD_TEST(reads_a_topic_that_was_made_anew, WORLD_SIM_ONLY),
    WORLD_TEST(stops_in_another_cluster, WORLD_SIM_ONLY),
    WORLD_TEST(stops_at_another_partition_count, WORLD_SIM_ONLY),
    WORLD_TEST(waits_for_topics, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
