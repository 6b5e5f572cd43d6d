#pragma once

#include <stdint.h>

#include "base/op.h"

/*
 * Kafka for tests: librdkafka's mock cluster, which lives in this process and can be told to fail,
 * and topics of one's own on the real broker of HOLDFAST_TEST_KAFKA.
 */

/* ---- The mock cluster: no Java, faults on demand ---- */

struct testing_kafka;

/* Brokers numbered from 1, all topics of topology.yaml with the prefix. ASSERTs that it starts. */
struct testing_kafka *testing_kafka_start(struct op *op, int broker_count, struct str topic_prefix);
void testing_kafka_stop(struct testing_kafka *cluster); /* accepts NULL */
struct str testing_kafka_brokers(const struct testing_kafka *cluster);

/* 0: every broker. */
void testing_kafka_down(struct testing_kafka *cluster, int broker);
void testing_kafka_up(struct testing_kafka *cluster, int broker);
/* Every answer of the broker comes this much later. */
void testing_kafka_slow(struct testing_kafka *cluster, int broker, int rtt_ms);
void testing_kafka_move_leader(struct testing_kafka *cluster, const char *topic, int32_t partition,
                               int broker);

enum testing_kafka_fault {
    TESTING_KAFKA_NONE = 0,
    TESTING_KAFKA_NOT_LEADER,   /* heals: metadata is asked again */
    TESTING_KAFKA_TIMED_OUT,    /* heals: tried again */
    TESTING_KAFKA_TOO_LARGE,    /* permanent for the message */
    TESTING_KAFKA_OUT_OF_ORDER, /* fatal for an idempotent producer */
    TESTING_KAFKA_DENIED,       /* permission taken away */
    TESTING_KAFKA_OFFSET_GONE,  /* fetch only: the log does not reach there */
    TESTING_KAFKA_FAULT_COUNT,
};

/* The next `count` produce (or fetch) requests are answered with the fault, instead of what was
 * told before; 0: no more faults. */
void testing_kafka_fail_produce(struct testing_kafka *cluster, enum testing_kafka_fault fault,
                                unsigned count);
void testing_kafka_fail_fetch(struct testing_kafka *cluster, enum testing_kafka_fault fault,
                              unsigned count);

/* The offset committed under a group id; -1: none. */
STATUS testing_kafka_committed(struct op *op, struct str brokers, struct str group_id,
                               const char *topic, int32_t partition, int64_t *ret_offset);

/* ---- The real broker ---- */

/* HOLDFAST_TEST_KAFKA (host:port), or empty: the test then exits with TESTING_KAFKA_SKIP. */
struct str testing_kafka_real(void);
#define TESTING_KAFKA_SKIP 77

/* A prefix that no other run uses, such as "t3f09a2c1-", in op->arena. */
struct str testing_kafka_prefix(struct op *op);
/* Creates all topics of topology.yaml with the prefix (12 partitions, replication 1). */
STATUS testing_kafka_create(struct op *op, struct str brokers, struct str topic_prefix);
/* Removes them again; failures are told on standard error only. */
void testing_kafka_drop(struct op *op, struct str brokers, struct str topic_prefix);
/* Deletes the records of a partition below offset: what retention does, at once. */
STATUS testing_kafka_truncate(struct op *op, struct str brokers, const char *topic,
                              int32_t partition, int64_t below_offset);
