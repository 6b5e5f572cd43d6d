/* The bus over Kafka while brokers fail, on librdkafka's mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "engine/bus_kafka_internal.h"
#include "engine/testing/bus_kafka_rig.h"

#define EVENTS TOPIC_ESCROW_EVENTS_V1
#define LONG_MS 10000

static void produce_many(struct rig *rig, int64_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct bus_message message = rig_message(EVENTS, 3, first + i);
        rig_produce(rig, &message);
    }
}

/* n = 1 .. count, once each, in order. */
static void expect_all(struct rig *rig, int64_t count)
{
    for (int64_t n = 1; n <= count; n++) {
        struct bus_record record = rig_next(rig);
        int64_t read = record.n;
        rig->bus->ops->release(rig->bus, &record); /* before a failure could leave it held */
        assert_int_equal(read, n);
    }
}

static void assign_first(struct rig *rig)
{
    rig_ok(rig, rig->bus->ops->assign(&rig->op, rig->bus, EVENTS, 3, 0));
}

/* A report that says "not written", after any that say otherwise. */
static void await_failure(struct rig *rig)
{
    int64_t until_ms = clock_mono_ms() + RIG_PATIENCE_MS;
    struct bus_delivery delivery = {.ok = true};
    while (delivery.ok && clock_mono_ms() < until_ms) {
        if (!rig->bus->ops->delivered(rig->bus, &delivery)) {
            rig->bus->ops->wait(rig->bus, 1000);
        }
    }
    assert_false(delivery.ok);
    assert_int_equal(delivery.topic, EVENTS);
    assert_int_equal(delivery.partition, 3);
}

static void brokers_that_come_back_are_waited_for(void **state)
{
    struct rig *rig = *state;
    assign_first(rig);
    rig_fill(rig, EVENTS, 3, 1, 5);
    testing_kafka_down(rig->mock, 0);
    produce_many(rig, 6, 200);
    int64_t until_ms = clock_mono_ms() + 700;
    struct bus_delivery delivery;
    while (clock_mono_ms() < until_ms) { /* nothing is given up meanwhile */
        rig->bus->ops->wait(rig->bus, 100);
        assert_false(rig->bus->ops->delivered(rig->bus, &delivery));
    }
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), 200);
    testing_kafka_up(rig->mock, 0);
    rig_await_delivered(rig, 200);
    expect_all(rig, 205);
}

static void a_moved_leader_is_followed(void **state)
{
    struct rig *rig = *state;
    assign_first(rig);
    const char *name = rig_topic(rig, EVENTS);
    for (int64_t round = 0; round < 6; round++) {
        testing_kafka_move_leader(rig->mock, name, 3, (int)(round % 2) + 1);
        rig_fill(rig, EVENTS, 3, round * 20 + 1,
                 1); /* see passing_errors: it finds the new leader */
        rig_fill(rig, EVENTS, 3, round * 20 + 2, 19);
    }
    expect_all(rig, 120);
}

static void passing_errors_are_not_seen(void **state)
{
    struct rig *rig = *state;
    assign_first(rig);
    rig_fill(rig, EVENTS, 3, 1, 1);
    /* One at a time: unlike a broker, the mock cluster writes what comes out of sequence. */
    testing_kafka_fail_produce(rig->mock, TESTING_KAFKA_NOT_LEADER, 3);
    rig_fill(rig, EVENTS, 3, 2, 1);
    testing_kafka_fail_produce(rig->mock, TESTING_KAFKA_TIMED_OUT, 3);
    rig_fill(rig, EVENTS, 3, 3, 1);
    testing_kafka_fail_fetch(rig->mock, TESTING_KAFKA_NOT_LEADER, 3);
    rig_fill(rig, EVENTS, 3, 4, 20);
    testing_kafka_fail_fetch(rig->mock, TESTING_KAFKA_TIMED_OUT, 3);
    rig_fill(rig, EVENTS, 3, 24, 20);
    expect_all(rig, 43);
}

/* A new producer's first messages are refused a few times, as by a leader that has just moved: if
 * several were on the way, a later one would be written first, and the earlier ones be lost. */
static void the_first_message_goes_alone(void **state)
{
    struct rig *rig = *state;
    assign_first(rig);
    for (int64_t round = 0; round < 3; round++) {
        testing_kafka_fail_produce(rig->mock, TESTING_KAFKA_NOT_LEADER, 2);
        produce_many(rig, round * 50 + 1, 50);
        assert_int_equal(rig->bus->ops->in_flight(rig->bus), 50);
        rig_await_delivered(rig, 50);
        rig_ok(rig, rig->bus->ops->reset_producer(&rig->op, rig->bus));
    }
    expect_all(rig, 150);
}

/* While messages of a look are on the way, those of later looks gather with us, where nobody spins for them. */
static void company_gathers_behind_what_is_on_its_way(void **state)
{
    struct rig *rig = *state;
    const struct bus_kafka *bus = bus_kafka_of(rig->bus);
    struct bus_delivery delivery;
    assign_first(rig);
    rig_fill(rig, EVENTS, 3, 1, 1); /* the broker knows us */
    testing_kafka_slow(rig->mock, 1, 300);
    testing_kafka_slow(rig->mock, 2, 300);
    produce_many(rig, 2, 6);
    assert_int_equal(bus->held_back_count, 0); /* of one look: they go together */
    for (int64_t n = 8; n <= 20; n++) {
        assert_false(rig->bus->ops->delivered(rig->bus, &delivery));
        produce_many(rig, n, 1);
    }
    assert_int_equal(bus->held_back_count, 13);
    rig_await_delivered(rig, 19);
    assert_int_equal(bus->held_back_count, 0);
    expect_all(rig, 20);
}

/* What is held back is dropped with the producer, and reported when the producer fails. */
static void what_is_held_back_shares_the_fate(void **state)
{
    struct rig *rig = *state;
    testing_kafka_fail_produce(rig->mock, TESTING_KAFKA_DENIED, 1);
    produce_many(rig, 1, 30);
    struct bus_delivery delivery;
    int64_t until_ms = clock_mono_ms() + RIG_PATIENCE_MS;
    for (int64_t n = 1; n <= 30 && clock_mono_ms() < until_ms;) {
        if (!rig->bus->ops->delivered(rig->bus, &delivery)) {
            rig->bus->ops->wait(rig->bus, 1000);
            continue;
        }
        assert_int_equal(delivery.n, n);
        assert_false(delivery.ok);
        n++;
    }
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), 0);
    rig_ok(rig, rig->bus->ops->reset_producer(&rig->op, rig->bus));
    testing_kafka_down(rig->mock, 0);
    produce_many(rig, 1, 30);
    rig_ok(rig, rig->bus->ops->reset_producer(&rig->op, rig->bus));
    testing_kafka_up(rig->mock, 0);
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), 0);
    rig_fill(rig, EVENTS, 3, 1, 30);
    assign_first(rig);
    expect_all(rig, 30);
}

/* A permanent failure: reported, repeated for what is produced afterwards, healed by a reset. */
static void fail_and_reset(struct rig *rig, enum testing_kafka_fault fault)
{
    testing_kafka_fail_produce(rig->mock, fault, 5);
    produce_many(rig, 1, 10);
    await_failure(rig);
    produce_many(rig, 11, 1); /* is taken, and reported as not written */
    struct bus_delivery delivery = {.ok = true, .n = 0};
    int64_t until_ms = clock_mono_ms() + RIG_PATIENCE_MS;
    while (delivery.n != 11 && clock_mono_ms() < until_ms) {
        if (!rig->bus->ops->delivered(rig->bus, &delivery)) {
            rig->bus->ops->wait(rig->bus, 1000);
        }
    }
    assert_int_equal(delivery.n, 11);
    assert_false(delivery.ok);
    testing_kafka_fail_produce(rig->mock, TESTING_KAFKA_NONE, 0); /* what is left of the faults */
    rig_ok(rig, rig->bus->ops->reset_producer(&rig->op, rig->bus));
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), 0);
    assert_false(rig->bus->ops->delivered(rig->bus, &delivery));
    rig_fill(rig, EVENTS, 3, 1, 10);
    assign_first(rig);
    expect_all(rig, 10); /* nothing of the failed ten was written before, nor after */
}

static void a_sequence_error_fails_the_producer(void **state)
{
    fail_and_reset(*state, TESTING_KAFKA_OUT_OF_ORDER);
}

static void a_refused_size_fails_the_producer(void **state)
{
    fail_and_reset(*state, TESTING_KAFKA_TOO_LARGE);
}

static void a_refused_permission_fails_the_producer(void **state)
{
    fail_and_reset(*state, TESTING_KAFKA_DENIED);
}

static void a_lost_permission_to_read_stops(void **state)
{
    struct rig *rig = *state;
    rig_fill(rig, EVENTS, 3, 1, 3);
    testing_kafka_fail_fetch(rig->mock, TESTING_KAFKA_DENIED, 1);
    assign_first(rig);
    struct bus_record record;
    struct status st = rig_next_failure(rig, &record);
    assert_int_equal(st.kind, STATUS_STOP);
    assert_string_equal(rig->op.err.code, "kafka.denied");
    assert_int_equal(record.topic, EVENTS);
    assert_int_equal(record.partition, 3);
}

static void a_vanished_offset_stops(void **state)
{
    struct rig *rig = *state;
    rig_fill(rig, EVENTS, 3, 1, 3);
    testing_kafka_fail_fetch(rig->mock, TESTING_KAFKA_OFFSET_GONE, 1);
    assign_first(rig);
    struct bus_record record;
    struct status st = rig_next_failure(rig, &record);
    assert_int_equal(st.kind, STATUS_STOP);
    assert_string_equal(rig->op.err.code, "bus.offset_gone");
    assert_int_equal(record.partition, 3);
}

static void tails_give_up_in_time(void **state)
{
    struct rig *rig = *state;

    static const enum topic topics[] = {EVENTS, TOPIC_PAYMENTS_COMMANDS_V1};
    struct bus_tail tails[2];
    rig_fill(rig, EVENTS, 3, 1, 3);
    rig_ok(rig, rig->bus->ops->tails(&rig->op, rig->bus, topics, 2, 3, tails));
    testing_kafka_slow(rig->mock, 1, 60000); /* frozen: connected, and silent */
    testing_kafka_slow(rig->mock, 2, 60000);
    int64_t started_ms = clock_mono_ms();
    struct status st = rig->bus->ops->tails(&rig->op, rig->bus, topics, 2, 3, tails);
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_string_equal(rig->op.err.code, "kafka.unavailable");
    assert_in_range(clock_mono_ms() - started_ms, 0, 4500);
    rig->op.deadline_ms = clock_mono_ms() + 300; /* and the caller's own limit counts */
    started_ms = clock_mono_ms();
    st = rig->bus->ops->tails(&rig->op, rig->bus, topics, 2, 3, tails);
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_in_range(clock_mono_ms() - started_ms, 0, 1500);
    testing_kafka_slow(rig->mock, 1, 0);
    testing_kafka_slow(rig->mock, 2, 0);
}

/* With messages and a position on the way: a new producer, and then the end. */
static void reset_and_close(struct rig *rig)
{
    produce_many(rig, 6, 100);
    rig->bus->ops->commit_position(rig->bus, EVENTS, 3, 5);
    int64_t started_ms = clock_mono_ms();
    rig_ok(rig, rig->bus->ops->reset_producer(&rig->op, rig->bus));
    assert_in_range(clock_mono_ms() - started_ms, 0, 3000);
    assert_int_equal(rig->bus->ops->in_flight(rig->bus), 0);
    produce_many(rig, 6, 100);
    started_ms = clock_mono_ms();
    rig->bus->ops->close(rig->bus);
    rig->bus = NULL;
    assert_in_range(clock_mono_ms() - started_ms, 0, 9000);
}

static void closing_does_not_wait_for_the_dead(void **state)
{
    struct rig *rig = *state;
    assign_first(rig);
    rig_fill(rig, EVENTS, 3, 1, 5);
    testing_kafka_down(rig->mock, 0);
    reset_and_close(rig);
}

static void closing_does_not_wait_for_the_frozen(void **state)
{
    struct rig *rig = *state;
    assign_first(rig);
    rig_fill(rig, EVENTS, 3, 1, 5);
    testing_kafka_slow(rig->mock, 1, 60000);
    testing_kafka_slow(rig->mock, 2, 60000);
    reset_and_close(rig);
}

int main(void)
{
#define ON_A_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        ON_A_RIG(brokers_that_come_back_are_waited_for),
        ON_A_RIG(a_moved_leader_is_followed),
        ON_A_RIG(passing_errors_are_not_seen),
        ON_A_RIG(the_first_message_goes_alone),
        ON_A_RIG(company_gathers_behind_what_is_on_its_way),
        ON_A_RIG(what_is_held_back_shares_the_fate),
        ON_A_RIG(a_sequence_error_fails_the_producer),
        ON_A_RIG(a_refused_size_fails_the_producer),
        ON_A_RIG(a_refused_permission_fails_the_producer),
        ON_A_RIG(a_lost_permission_to_read_stops),
        ON_A_RIG(a_vanished_offset_stops),
        ON_A_RIG(tails_give_up_in_time),
        ON_A_RIG(closing_does_not_wait_for_the_dead),
        ON_A_RIG(closing_does_not_wait_for_the_frozen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
