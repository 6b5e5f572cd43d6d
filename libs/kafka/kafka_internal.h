#pragma once

#include <librdkafka/rdkafka.h>

#include "kafka/kafka_conf.h"

/* What the files of libs/kafka share, and nobody else sees. */

#define KAFKA_ERRSTR_BYTES 256

/* The first member of every handle's struct, because it is the handle's opaque. */
struct kafka_logger {
    kafka_log *log;
    void *context;
};

struct kafka_setting {
    const char *name;
    const char *value;
};

/* All that is common, security included. opaque begins with a struct kafka_logger, and is what
 * librdkafka hands to callbacks. *ret_conf is the caller's until a handle takes it. */
STATUS kafka_conf_new(struct op *op, const struct kafka_options *options,
                      struct kafka_logger *opaque, rd_kafka_conf_t **ret_conf);
/* Each of these: STATUS_STOP with "kafka.config" when librdkafka does not take the value. */
STATUS kafka_conf_set(struct op *op, rd_kafka_conf_t *conf, const struct kafka_setting *settings,
                      size_t setting_count);
STATUS kafka_conf_set_str(struct op *op, rd_kafka_conf_t *conf, const char *name, struct str value);
STATUS kafka_conf_set_number(struct op *op, rd_kafka_conf_t *conf, const char *name, int64_t value);

static inline void kafka_conf_free_at(rd_kafka_conf_t **conf)
{
    if (*conf) {
        rd_kafka_conf_destroy(*conf);
    }
}

/* The handle; takes *conf (and sets it to NULL) when it succeeds. */
STATUS kafka_conf_open(struct op *op, rd_kafka_type_t type, rd_kafka_conf_t **conf,
                       rd_kafka_t **ret_rk);

/* Destroys a handle, in a thread of its own, and waits at most 5 s. False: it still goes on, and whatever its
 * callbacks use must stay. flags: RD_KAFKA_DESTROY_F_*. */
bool kafka_destroy(rd_kafka_t *rk, int flags);

/* op_fail by an rd_kafka_error_t, which is freed; OK when it is NULL. */
STATUS kafka_error_take(struct op *op, rd_kafka_error_t *error, const char *what);

static inline void kafka_partitions_free_at(rd_kafka_topic_partition_list_t **list)
{
    if (*list) {
        rd_kafka_topic_partition_list_destroy(*list);
    }
}

static inline void kafka_queue_free_at(rd_kafka_queue_t **queue)
{
    if (*queue) {
        rd_kafka_queue_destroy(*queue);
    }
}

static inline void kafka_event_free_at(rd_kafka_event_t **event)
{
    if (*event) {
        rd_kafka_event_destroy(*event);
    }
}

static inline void kafka_topic_free_at(rd_kafka_topic_t **topic)
{
    if (*topic) {
        rd_kafka_topic_destroy(*topic);
    }
}
