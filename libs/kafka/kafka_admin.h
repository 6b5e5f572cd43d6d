#pragma once

#include <stdint.h>

#include "base/defer.h"
#include "kafka/kafka_consumer.h"

/* Questions and orders about the cluster itself. Each waits for its answer, at most timeout_ms. */

struct kafka_admin;

struct kafka_topic_spec {
    const char *name;
    int32_t partition_count;
    int32_t replication_factor;
    int32_t min_insync_replicas;
    int64_t retention_ms;
};

STATUS kafka_admin_open(struct op *op, const struct kafka_options *options,
                        struct kafka_admin **ret_admin);
/* Over a consumer's connections, which must outlive it: where a handle more would be too much. */
STATUS kafka_admin_borrow(struct op *op, struct kafka_consumer *consumer,
                          struct kafka_admin **ret_admin);
void kafka_admin_free(struct kafka_admin *admin); /* accepts NULL */
DEFINE_FREE_AT(struct kafka_admin, kafka_admin_free)

/* The cluster's id, in op->arena. STATUS_RETRY when no broker answers in time. */
STATUS kafka_admin_cluster_id(struct op *op, struct kafka_admin *admin, int timeout_ms,
                              struct str *ret_id);
/* 0: no such topic. */
STATUS kafka_admin_partition_count(struct op *op, struct kafka_admin *admin, const char *topic,
                                   int timeout_ms, int32_t *ret_count);
/* The topic's retention.ms, -1: for ever. The topic must exist. */
STATUS kafka_admin_retention(struct op *op, struct kafka_admin *admin, const char *topic,
                             int timeout_ms, int64_t *ret_retention_ms);
/* Creates topics with our settings (delete retention, broker's timestamps, batch size). One that
 * exists already is left alone. */
STATUS kafka_admin_create(struct op *op, struct kafka_admin *admin,
                          const struct kafka_topic_spec *specs, uint32_t spec_count,
                          int timeout_ms);
