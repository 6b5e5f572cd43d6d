/*
 * The bus over Kafka, on librdkafka's mock cluster (argument `mock`) and on a real broker (`real`):
 * what bus.h promises.
 */
#include "engine/bus_kafka.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "engine/testing/bus_kafka_rig.h"
#include "kafka/kafka_producer.h"

#define LONG_MS 10000

static void numbered_records_come_back_whole(void **state)
{
    struct rig *rig = *state;
    struct bus_message message = rig_message(TOPIC_ESCROW_EVENTS_V1, 7, 42);
    message.committed_at_us = INT64_C(1763697906789012);
    message.traceparent = STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    rig_produce(rig, &message);
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), 1);
    struct bus_delivery delivery;
    while (!rig->bus->ops->delivered(rig->bus, &delivery)) {
        rig->bus->ops->wait(rig->bus, LONG_MS);
    }
    assert_true(delivery.ok);
    assert_int_equal(delivery.topic, TOPIC_ESCROW_EVENTS_V1);
    assert_int_equal(delivery.partition, 7);
    assert_int_equal(delivery.n, 42);
    assert_true(id_eq(delivery.message_id, message.message_id));
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), 0);

    struct status st = rig->bus->ops->assign(&rig->op, rig->bus, TOPIC_ESCROW_EVENTS_V1, 7, 0);
    rig_ok(rig, st);
    struct bus_record record = rig_next(rig);
    assert_int_equal(record.topic, TOPIC_ESCROW_EVENTS_V1);
    assert_int_equal(record.partition, 7);
    assert_int_equal(record.offset, 0);
    assert_true(record.numbered);
    assert_int_equal(record.n, 42);
    assert_int_equal(record.committed_at_us, message.committed_at_us);
    assert_true(id_eq(record.message_id, message.message_id));
    assert_true(str_eq(record.key, message.key));
    assert_true(str_eq(record.value, message.value));
    assert_true(record.broker_at_ms > 0);
    rig->bus->ops->release(rig->bus, &record);
}

static void intake_records_have_no_number(void **state)
{
    struct rig *rig = *state;
    struct bus_message message = rig_message(TOPIC_ESCROW_COMMANDS_V1, 0, 0);
    message.key = (struct str){0};
    rig_produce(rig, &message);
    rig_await_delivered(rig, 1);
    struct status st = rig->bus->ops->assign(&rig->op, rig->bus, TOPIC_ESCROW_COMMANDS_V1, 0, 0);
    rig_ok(rig, st);
    struct bus_record record = rig_next(rig);
    assert_false(record.numbered);
    assert_int_equal(record.n, 0);
    assert_int_equal(record.key.len, 0);
    assert_true(id_eq(record.message_id, message.message_id));
    rig->bus->ops->release(rig->bus, &record);
}

static void ignore_report(void *context, void *tag, bool written, int64_t broker_at_ms)
{
    (void)tag;
    (void)broker_at_ms; /* the mock cluster does not say it */
    assert_true(written);
    ++*(int *)context;
}

/* Headers as a stranger might write them. */
static void produce_strangely(struct rig *rig, const struct kafka_header *sets[], size_t set_count)
{
    int reported = 0;
    struct kafka_producer_options options = {
        .common = {.brokers = rig->brokers},
        .queue_max = 100,
        .report = ignore_report,
        .report_context = &reported,
    };
    DEFER(kafka_producer_free_at) struct kafka_producer *producer = NULL;
    struct status st = kafka_producer_open(&rig->op, &options, &producer);
    rig_ok(rig, st);
    const char *name = rig_topic(rig, TOPIC_ESCROW_EVENTS_V1);
    st = kafka_producer_topic(&rig->op, producer, 1, name);
    rig_ok(rig, st);
    for (size_t i = 0; i < set_count; i++) {
        struct kafka_message message = {.topic_slot = 1, .headers = sets[i], .value = STR("x")};
        while (message.header_count < KAFKA_HEADERS_MAX && sets[i][message.header_count].name) {
            message.header_count++;
        }
        st = kafka_producer_send(&rig->op, producer, &message);
        rig_ok(rig, st);
    }
    int64_t until_ms = clock_mono_ms() + RIG_PATIENCE_MS;
    while ((size_t)reported < set_count && clock_mono_ms() < until_ms) {
        kafka_producer_serve(producer);
    }
    assert_int_equal(reported, set_count);
}

static void malformed_headers_leave_a_record_unnumbered(void **state)
{
    struct rig *rig = *state;
    static const struct kafka_header none[] = {{0}};
    static const struct kafka_header words[] = {{"hf_n", STR("one")}, {"hf_at", STR("5")}, {0}};
    static const struct kafka_header half[] = {{"hf_n", STR("1")}, {0}};
    static const struct kafka_header zero[] = {{"hf_n", STR("0")}, {"hf_at", STR("5")}, {0}};
    static const struct kafka_header minus[] = {{"hf_n", STR("1")}, {"hf_at", STR("-5")}, {0}};
    static const struct kafka_header twice[] = {
        {"hf_n", STR("1")}, {"hf_n", STR("2")}, {"hf_at", STR("5")}, {0}};
    static const struct kafka_header ids[] = {
        {"ce_id", STR("6ba7b810-9dad-11d1-80b4-00c04fd430c8")},
        {"ce_id", STR("6ba7b810-9dad-11d1-80b4-00c04fd430c9")},
        {0}};
    static const struct kafka_header bad_id[] = {{"ce_id", STR("6ba7b810")}, {0}};
    static const struct kafka_header good[] = {{"hf_n", STR("9")}, {"hf_at", STR("5")}, {0}};
    const struct kafka_header *sets[] = {none, words, half, zero, minus, twice, ids, bad_id, good};
    produce_strangely(rig, sets, ARRAY_LEN(sets));
    struct status st = rig->bus->ops->assign(&rig->op, rig->bus, TOPIC_ESCROW_EVENTS_V1, 0, 0);
    rig_ok(rig, st);
    for (size_t i = 0; i + 1 < ARRAY_LEN(sets); i++) {
        struct bus_record record = rig_next(rig);
        assert_int_equal(record.offset, i);
        assert_false(record.numbered);
        assert_int_equal(record.n, 0);
        assert_int_equal(record.committed_at_us, 0);
        assert_true(id_is_none(record.message_id));
        rig->bus->ops->release(rig->bus, &record);
    }
    struct bus_record record = rig_next(rig);
    assert_true(record.numbered);
    assert_int_equal(record.n, 9);
    rig->bus->ops->release(rig->bus, &record);
}

static void expect_offsets(struct rig *rig, int32_t partition, int64_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct bus_record record = rig_next(rig);
        const struct bus_record read = record;
        rig->bus->ops->release(rig->bus, &record); /* before a failure could leave it held */
        assert_int_equal(read.partition, partition);
        assert_int_equal(read.offset, first + i);
        assert_int_equal(read.n, read.offset + 1);
    }
}

static void a_partition_given_up_is_silent(void **state)
{
    struct rig *rig = *state;
    enum topic topic = TOPIC_ESCROW_EVENTS_V1;
    rig_fill(rig, topic, 3, 1, 500);
    rig_fill(rig, topic, 4, 1, 5);
    for (int round = 0; round < 3; round++) {
        struct status st = rig->bus->ops->assign(&rig->op, rig->bus, topic, 3, 0);
        rig_ok(rig, st);
        expect_offsets(rig, 3, 0, 10); /* the others are fetched, and wait in the queue */
        rig->bus->ops->unassign(rig->bus, topic, 3);
        rig->bus->ops->unassign(rig->bus, topic, 3); /* harmless */
        st = rig->bus->ops->assign(&rig->op, rig->bus, topic, 4, 0);
        rig_ok(rig, st);
        expect_offsets(rig, 4, 0, 5);
        /* Back to an earlier and to a later offset than what had been fetched. */
        st = rig->bus->ops->assign(&rig->op, rig->bus, topic, 3, 5);
        rig_ok(rig, st);
        expect_offsets(rig, 3, 5, 3);
        rig->bus->ops->unassign(rig->bus, topic, 3);
        st = rig->bus->ops->assign(&rig->op, rig->bus, topic, 3, 480);
        rig_ok(rig, st);
        expect_offsets(rig, 3, 480, 20);
        rig->bus->ops->unassign(rig->bus, topic, 3);
        rig->bus->ops->unassign(rig->bus, topic, 4);
    }
}

static void an_offset_outside_the_log_stops(void **state)
{
    struct rig *rig = *state;
    rig_fill(rig, TOPIC_ESCROW_EVENTS_V1, 2, 1, 3);
    struct status st = rig->bus->ops->assign(&rig->op, rig->bus, TOPIC_ESCROW_EVENTS_V1, 2, 1000);
    rig_ok(rig, st);
    struct bus_record record;
    st = rig_next_failure(rig, &record);
    assert_int_equal(st.kind, STATUS_STOP);
    assert_string_equal(rig->op.err.code, "bus.offset_gone");
    assert_int_equal(record.topic, TOPIC_ESCROW_EVENTS_V1);
    assert_int_equal(record.partition, 2);
    /* And it can be read again from where it exists. */
    rig->bus->ops->unassign(rig->bus, TOPIC_ESCROW_EVENTS_V1, 2);
    st = rig->bus->ops->assign(&rig->op, rig->bus, TOPIC_ESCROW_EVENTS_V1, 2, 0);
    rig_ok(rig, st);
    expect_offsets(rig, 2, 0, 3);
}

static const enum topic tail_topics[] = {TOPIC_ESCROW_EVENTS_V1, TOPIC_PAYMENTS_COMMANDS_V1,
                                         TOPIC_ESCROW_COMMANDS_V1};

/* As a claim does: a broker that is slow for a moment is asked again. */
static void read_tails(struct rig *rig, const enum topic *topics, uint32_t count, int32_t partition,
                       struct bus_tail *ret_tails)
{
    int64_t until_ms = clock_mono_ms() + RIG_PATIENCE_MS;
    struct status st;
    do {
        st = rig->bus->ops->tails(&rig->op, rig->bus, topics, count, partition, ret_tails);
    } while (st.kind == STATUS_RETRY && clock_mono_ms() < until_ms);
    rig_ok(rig, st);
}

static void tails_tell_how_far_it_goes(void **state)
{
    struct rig *rig = *state;
    struct bus_tail tails[3];
    read_tails(rig, tail_topics, 3, 5, tails);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(tails[i].low, 0);
        assert_int_equal(tails[i].high, 0);
        assert_int_equal(tails[i].n, 0);
    }
    rig_fill(rig, TOPIC_ESCROW_EVENTS_V1, 5, 1, 7);
    rig_fill(rig, TOPIC_PAYMENTS_COMMANDS_V1, 5, 1, 1);
    struct bus_message intake = rig_message(TOPIC_ESCROW_COMMANDS_V1, 5, 0);
    rig_produce(rig, &intake);
    rig_await_delivered(rig, 1);
    for (int64_t extra = 0; extra < 5; extra++) { /* the same partitions again, at once */
        read_tails(rig, tail_topics, 3, 5, tails);
        assert_int_equal(tails[0].high, 7 + extra);
        assert_int_equal(tails[0].n, 7 + extra);
        assert_int_equal(tails[0].committed_at_us, (7 + extra) * 1000);
        assert_int_equal(tails[1].n, 1);
        assert_int_equal(tails[2].high, 1);
        assert_int_equal(tails[2].n, 0);
        rig_fill(rig, TOPIC_ESCROW_EVENTS_V1, 5, 8 + extra, 1);
    }
    rig_fill(rig, TOPIC_ESCROW_EVENTS_V1, 5, 3, 1); /* again, and late */
    read_tails(rig, tail_topics, 3, 5, tails);
    assert_int_equal(tails[0].high, 13);
    assert_int_equal(tails[0].n, 12);
    assert_int_equal(tails[0].committed_at_us, 12000);
}

static void tails_of_all_lanes_are_quick(void **state)
{
    struct rig *rig = *state;
    for (int32_t lane = 0; lane < LANES; lane++) {
        for (size_t i = 0; i < 3; i++) {
            struct bus_message message = rig_message(tail_topics[i], lane, lane + 1);
            rig_produce(rig, &message);
        }
    }
    rig_await_delivered(rig, 3 * LANES);
    int64_t started_us = clock_mono_us();
    for (int32_t lane = 0; lane < LANES; lane++) {
        struct bus_tail tails[3];
        read_tails(rig, tail_topics, 3, lane, tails);
        assert_int_equal(tails[0].n, lane + 1);
        assert_int_equal(tails[2].n, lane + 1);
    }
    int64_t took_us = clock_mono_us() - started_us;
    print_message("tails of %d lanes in 3 topics: %lld us\n", LANES, (long long)took_us);
    /* A tenth of a second on a quiet machine; a wait of librdkafka's in each would be twelve. */
    assert_in_range(took_us, 0, 5000000);
}

static void *wake_later(void *context)
{
    struct rig *rig = context;
    rig->bus->ops->wake(rig->bus);
    return NULL;
}

static void waiting_ends_when_it_should(void **state)
{
    struct rig *rig = *state;
    int64_t started_ms = clock_mono_ms();
    rig->bus->ops->wait(rig->bus, 250); /* nothing happens: the time passes */
    assert_in_range(clock_mono_ms() - started_ms, 240, LONG_MS);

    started_ms = clock_mono_ms();
    rig->bus->ops->wake(rig->bus); /* before the wait: it is not lost */
    rig->bus->ops->wait(rig->bus, LONG_MS);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_later, rig), 0);
    rig->bus->ops->wait(rig->bus, LONG_MS);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_in_range(clock_mono_ms() - started_ms, 0, LONG_MS / 2);

    rig_fill(rig, TOPIC_ESCROW_EVENTS_V1, 1, 1, 2);
    struct status st = rig->bus->ops->assign(&rig->op, rig->bus, TOPIC_ESCROW_EVENTS_V1, 1, 0);
    rig_ok(rig, st);
    expect_offsets(rig, 1, 0, 1);
    started_ms = clock_mono_ms(); /* one more is there, or comes: no full wait */
    rig->bus->ops->wait(rig->bus, LONG_MS);
    expect_offsets(rig, 1, 1, 1);
    assert_in_range(clock_mono_ms() - started_ms, 0, LONG_MS / 2);
}

static void positions_are_seen_by_lag_tools(void **state)
{
    struct rig *rig = *state;
    rig_fill(rig, TOPIC_ESCROW_EVENTS_V1, 8, 1, 5);
    rig->bus->ops->commit_position(rig->bus, TOPIC_ESCROW_EVENTS_V1, 8, 3);
    rig->bus->ops->commit_position(rig->bus, TOPIC_ESCROW_EVENTS_V1, 8, 4);
    rig->bus->ops->close(rig->bus); /* the last ones are told before the end */
    rig->bus = NULL;
    int64_t offset = 0;
    struct status st = testing_kafka_committed(&rig->op, rig->brokers, rig->prefix,
                                               rig_topic(rig, TOPIC_ESCROW_EVENTS_V1), 8, &offset);
    rig_ok(rig, st);
    assert_int_equal(offset, 4);
}

static void the_largest_value_passes(void **state)
{
    struct rig *rig = *state;
    char *bytes = arena_alloc(&rig->arena, BUS_VALUE_MAX_BYTES + 1, 1);
    assert_non_null(bytes);
    memset(bytes, 'x', BUS_VALUE_MAX_BYTES + 1);
    struct bus_message message = rig_message(TOPIC_ESCROW_EVENTS_V1, 6, 1);
    message.value = (struct str){.ptr = bytes, .len = BUS_VALUE_MAX_BYTES + 1};
    struct status st = rig->bus->ops->produce(&rig->op, rig->bus, &message);
    assert_int_equal(st.kind, STATUS_LIMIT);
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), 0);
    for (int64_t n = 1; n <= 12; n++) {
        message = rig_message(TOPIC_ESCROW_EVENTS_V1, 6, n);
        message.value = (struct str){.ptr = bytes, .len = BUS_VALUE_MAX_BYTES};
        rig_produce(rig, &message);
    }
    rig_await_delivered(rig, 12);
    st = rig->bus->ops->assign(&rig->op, rig->bus, TOPIC_ESCROW_EVENTS_V1, 6, 0);
    rig_ok(rig, st);
    expect_offsets(rig, 6, 0, 12);
}

static void produce_is_bounded(void **state)
{
    struct rig *rig = *state;
    uint32_t sent = 0;
    struct status st = OK;
    while (sent <= BUS_KAFKA_IN_FLIGHT_MAX) {
        struct bus_message message = rig_message(TOPIC_ESCROW_EVENTS_V1, 9, sent + 1);
        st = rig->bus->ops->produce(&rig->op, rig->bus, &message);
        if (status_failed(st)) {
            break;
        }
        sent++;
    }
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_string_equal(rig->op.err.code, "kafka.queue_full");
    assert_int_equal(sent, BUS_KAFKA_IN_FLIGHT_MAX);
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), BUS_KAFKA_IN_FLIGHT_MAX);
    struct bus_delivery delivery;
    for (uint32_t i = 0; i < sent; i++) { /* reports of a partition are in order */
        while (!rig->bus->ops->delivered(rig->bus, &delivery)) {
            rig->bus->ops->wait(rig->bus, LONG_MS);
        }
        assert_true(delivery.ok);
        assert_int_equal(delivery.n, i + 1);
    }
    assert_false(rig->bus->ops->delivered(rig->bus, &delivery));
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), 0);
    rig_fill(rig, TOPIC_ESCROW_EVENTS_V1, 9, sent + 1, 1);
}

static void a_new_producer_starts_clean(void **state)
{
    struct rig *rig = *state;
    rig_fill(rig, TOPIC_ESCROW_EVENTS_V1, 10, 1, 3);
    struct status st = rig->bus->ops->reset_producer(&rig->op, rig->bus);
    rig_ok(rig, st);
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), 0);
    rig_fill(rig, TOPIC_ESCROW_EVENTS_V1, 10, 4, 3);
    st = rig->bus->ops->assign(&rig->op, rig->bus, TOPIC_ESCROW_EVENTS_V1, 10, 0);
    rig_ok(rig, st);
    expect_offsets(rig, 10, 0, 6);
}

static void the_cluster_has_a_name(void **state)
{
    struct rig *rig = *state;
    struct str id = {0};
    struct status st = rig->bus->ops->cluster_id(&rig->op, rig->bus, &id);
    rig_ok(rig, st);
    assert_true(id.len > 0);
}

/* ---- What the mock cluster cannot do ---- */

static void topics_are_described(void **state)
{
    struct rig *rig = *state;
    struct bus_topic_info info;
    if (!rig_is_real()) {
        skip(); /* the mock cluster describes no configurations */
    }
    rig_ok(rig, rig->bus->ops->topic_info(&rig->op, rig->bus, TOPIC_ESCROW_EVENTS_V1, &info));
    assert_int_equal(info.partition_count, LANES);
    assert_int_equal(info.retention_ms, INT64_C(90) * 86400 * 1000);
    struct bus_kafka_options options = rig_options(rig);
    options.topic_prefix = STR("absent-");
    struct bus *stranger = NULL;
    rig_ok(rig, bus_kafka_open(&rig->op, &options, &stranger));
    struct status st = stranger->ops->topic_info(&rig->op, stranger, TOPIC_ESCROW_EVENTS_V1, &info);
    stranger->ops->close(stranger);
    rig_ok(rig, st);
    assert_int_equal(info.partition_count, 0);
}

static void retention_that_overtakes_us_stops(void **state)
{
    struct rig *rig = *state;
    if (!rig_is_real()) {
        skip(); /* the mock cluster deletes no records */
    }
    rig_fill(rig, TOPIC_ESCROW_EVENTS_V1, 11, 1, 10);
    const char *name = rig_topic(rig, TOPIC_ESCROW_EVENTS_V1);
    rig_ok(rig, testing_kafka_truncate(&rig->op, rig->brokers, name, 11, 8));
    struct bus_tail tail;

    static const enum topic topics[] = {TOPIC_ESCROW_EVENTS_V1};

    read_tails(rig, topics, 1, 11, &tail);
    assert_int_equal(tail.low, 8);
    assert_int_equal(tail.high, 10);
    assert_int_equal(tail.n, 10);
    rig_ok(rig, rig->bus->ops->assign(&rig->op, rig->bus, TOPIC_ESCROW_EVENTS_V1, 11, 4));
    struct bus_record record;
    struct status st = rig_next_failure(rig, &record);
    assert_int_equal(st.kind, STATUS_STOP);
    assert_string_equal(rig->op.err.code, "bus.offset_gone");
    assert_int_equal(record.partition, 11);
    rig->bus->ops->unassign(rig->bus, TOPIC_ESCROW_EVENTS_V1, 11);
    rig_ok(rig, rig->bus->ops->assign(&rig->op, rig->bus, TOPIC_ESCROW_EVENTS_V1, 11, 8));
    expect_offsets(rig, 11, 8, 2);
    rig->bus->ops->unassign(rig->bus, TOPIC_ESCROW_EVENTS_V1, 11);
    /* Emptied: there is no last record, but the offsets tell that there was one. */
    rig_ok(rig, testing_kafka_truncate(&rig->op, rig->brokers, name, 11, 10));
    read_tails(rig, topics, 1, 11, &tail);
    assert_int_equal(tail.low, 10);
    assert_int_equal(tail.high, 10);
    assert_int_equal(tail.n, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "real") == 0 && !rig_use_real()) {
        return TESTING_KAFKA_SKIP;
    }
#define ON_A_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        ON_A_RIG(numbered_records_come_back_whole),
        ON_A_RIG(intake_records_have_no_number),
        ON_A_RIG(malformed_headers_leave_a_record_unnumbered),
        ON_A_RIG(a_partition_given_up_is_silent),
        ON_A_RIG(an_offset_outside_the_log_stops),
        ON_A_RIG(tails_tell_how_far_it_goes),
        ON_A_RIG(tails_of_all_lanes_are_quick),
        ON_A_RIG(waiting_ends_when_it_should),
        ON_A_RIG(positions_are_seen_by_lag_tools),
        ON_A_RIG(the_largest_value_passes),
        ON_A_RIG(produce_is_bounded),
        ON_A_RIG(a_new_producer_starts_clean),
        ON_A_RIG(the_cluster_has_a_name),
        ON_A_RIG(topics_are_described),
        ON_A_RIG(retention_that_overtakes_us_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
