#pragma once

#include <stdint.h>

#include "kafka/kafka_admin.h"
#include "topology/topology.h"

/* Makes the brokers agree with topology.yaml. */

struct kafka_topics_options {
    struct kafka_options common;
    struct str topic_prefix;     /* before each topic's name; empty but in tests */
    int32_t replication_factor;  /* 3 wherever there are three brokers */
    int32_t min_insync_replicas; /* 2 with a replication factor of 3 */
};

/* A topic that keeps its records for another time than topology.yaml says. */
struct kafka_topics_difference {
    const char *name;     /* in op->arena */
    int64_t retention_ms; /* -1: for ever */
    int64_t wanted_ms;
};

struct kafka_topics_result {
    uint32_t created_count;
    uint32_t existing_count;
    uint32_t difference_count;
    struct kafka_topics_difference differences[TOPIC_COUNT];
};

/* Creates the topics that are missing, and checks the partition counts and the retention of all. A retention that
 * differs is told, and left as it is: it may be meant, and records would be gone at once. Repeatable.
 * STATUS_STOP "kafka.partition_count": a topic exists with another number of partitions (a key's
 * lane would change; nothing is altered then). STATUS_RETRY: no broker answers in time. */
STATUS kafka_topics_ensure(struct op *op, const struct kafka_topics_options *options,
                           struct kafka_topics_result *ret_result);
