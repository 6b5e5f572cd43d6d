#pragma once

#include "engine/bus_kafka.h"
#include "testing/testing_kafka.h"

/* What the tests of the bus over Kafka share: a bus on the mock cluster or on a real broker. */

struct rig {
    struct arena arena;
    struct op op;
    struct testing_kafka *mock; /* NULL: a real broker */
    struct str brokers;
    struct str prefix;
    struct bus *bus;
};

#define RIG_PATIENCE_MS 60000

/* Use the real broker from here on; false when HOLDFAST_TEST_KAFKA is not set. */
bool rig_use_real(void);
bool rig_is_real(void);

/* cmocka's setup and teardown: own topics, an open bus. */
int rig_setup(void **state);
int rig_teardown(void **state);
/* Fails the test, with the reason, unless st is OK. */
void rig_ok(struct rig *rig, struct status st);
struct bus_kafka_options rig_options(const struct rig *rig);
/* A topic's full name, in the rig's arena. */
const char *rig_topic(struct rig *rig, enum topic topic);

/* Numbered for n > 0; the value is "v<n>" of `id`'s lane-independent text. */
struct bus_message rig_message(enum topic topic, int32_t partition, int64_t n);
void rig_produce(struct rig *rig, const struct bus_message *message);
/* Waits for `count` reports; all must be ok. */
void rig_await_delivered(struct rig *rig, uint32_t count);
/* Produces n = first .. first + count - 1 and waits for the reports. */
void rig_fill(struct rig *rig, enum topic topic, int32_t partition, int64_t first, uint32_t count);

/* The next record; fails the test when none comes. */
struct bus_record rig_next(struct rig *rig);
/* The next failure of poll; fails the test when records or nothing come. */
struct status rig_next_failure(struct rig *rig, struct bus_record *ret_record);
