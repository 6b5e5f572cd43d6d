/* What the tests of the bus over Kafka share. */
#include "engine/testing/bus_kafka_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "kafka/kafka_topics.h"

#define RIG_ARENA_BYTES ((size_t)64 * 1024 * 1024)

static bool use_real = false;

bool rig_use_real(void)
{
    use_real = testing_kafka_real().len > 0;
    return use_real;
}

bool rig_is_real(void)
{
    return use_real;
}

void rig_ok(struct rig *rig, struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", rig->op.err.code, rig->op.err.msg);
    }
}

struct bus_kafka_options rig_options(const struct rig *rig)
{
    return (struct bus_kafka_options){
        .brokers = rig->brokers,
        .group_id = rig->prefix, /* as unlike any other as the topics */
        .client_id = STR("bus_kafka_test"),
        .source = STR("escrow"),
        .topic_prefix = rig->prefix,
    };
}

int rig_setup(void **state)
{
    struct arena arena;
    arena_init(&arena, RIG_ARENA_BYTES);
    struct rig *rig = arena_new(&arena, struct rig, 1);
    assert_non_null(rig);
    rig->arena = arena;
    rig->op = (struct op){.arena = &rig->arena, .correlation_id = STR("test")};
    rig->prefix = testing_kafka_prefix(&rig->op);
    if (use_real) {
        rig->brokers = testing_kafka_real();
        struct status st = testing_kafka_create(&rig->op, rig->brokers, rig->prefix);
        rig_ok(rig, st);
    } else {
        rig->mock = testing_kafka_start(&rig->op, 2, rig->prefix);
        rig->brokers = testing_kafka_brokers(rig->mock);
    }
    struct bus_kafka_options options = rig_options(rig);
    struct status st = bus_kafka_open(&rig->op, &options, &rig->bus);
    rig_ok(rig, st);
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    if (rig->bus) {
        rig->bus->ops->close(rig->bus);
    }
    if (rig->mock) {
        testing_kafka_stop(rig->mock);
    } else {
        testing_kafka_drop(&rig->op, rig->brokers, rig->prefix);
    }
    struct arena arena = rig->arena;
    arena_fini(&arena);
    return 0;
}

const char *rig_topic(struct rig *rig, enum topic topic)
{
    struct strbuf buf;
    strbuf_init(&buf, &rig->arena, 249);
    strbuf_addf(&buf, STR_FMT "%s", STR_ARG(rig->prefix), topology_topics[topic].name);
    struct str name;
    assert_true(strbuf_finish(&buf, &name));
    return name.ptr;
}

struct bus_message rig_message(enum topic topic, int32_t partition, int64_t n)
{
    return (struct bus_message){
        .topic = topic,
        .partition = partition,
        .n = n,
        .committed_at_us = n * 1000,
        .message_id = id_derive(id_namespace(STR("rig")), n * 1000),
        .type = STR("holdfast.test.v1.Happened"),
        .key = STR("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        .value = STR("some bytes"),
    };
}

void rig_produce(struct rig *rig, const struct bus_message *message)
{
    struct status st = rig->bus->ops->produce(&rig->op, rig->bus, message);
    rig_ok(rig, st);
}

void rig_await_delivered(struct rig *rig, uint32_t count)
{
    int64_t until_ms = clock_mono_ms() + RIG_PATIENCE_MS;
    struct bus_delivery delivery;
    while (count > 0 && clock_mono_ms() < until_ms) {
        while (count > 0 && rig->bus->ops->delivered(rig->bus, &delivery)) {
            assert_true(delivery.ok);
            count--;
        }
        if (count > 0) {
            rig->bus->ops->wait(rig->bus, 1000);
        }
    }
    assert_int_equal(count, 0);
}

void rig_fill(struct rig *rig, enum topic topic, int32_t partition, int64_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct bus_message message = rig_message(topic, partition, first + i);
        rig_produce(rig, &message);
    }
    rig_await_delivered(rig, count);
}

struct bus_record rig_next(struct rig *rig)
{
    int64_t until_ms = clock_mono_ms() + RIG_PATIENCE_MS;
    struct bus_record record;
    bool got = false;
    while (clock_mono_ms() < until_ms) {
        struct status st = rig->bus->ops->poll(&rig->op, rig->bus, &record, &got);
        rig_ok(rig, st);
        if (got) {
            return record;
        }
        rig->bus->ops->wait(rig->bus, 1000);
    }
    fail_msg("no record came");
    return record;
}

struct status rig_next_failure(struct rig *rig, struct bus_record *ret_record)
{
    int64_t until_ms = clock_mono_ms() + RIG_PATIENCE_MS;
    while (clock_mono_ms() < until_ms) {
        bool got = false;
        struct status st = rig->bus->ops->poll(&rig->op, rig->bus, ret_record, &got);
        if (status_failed(st)) {
            return st;
        }
        assert_false(got);
        rig->bus->ops->wait(rig->bus, 1000);
    }
    fail_msg("no failure came");
    return OK;
}
