#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defer.h"
#include "kafka/kafka_conf.h"

/*
 * An idempotent producer: acks=all, no message timeout, no gaps. What it accepted is written once
 * and in order per partition, or the producer fails as a whole: then nothing after the first lost
 * message is written either, and a new producer must be opened. Used by one thread at a time.
 */

struct kafka_producer;

/* The fate of one message, in order per partition. Called from kafka_producer_serve and
 * kafka_producer_hurry only. broker_at_ms: when the broker wrote it, by its own clock (LogAppendTime); -1: it
 * did not say. */
typedef void kafka_report(void *context, void *tag, bool written, int64_t broker_at_ms);

struct kafka_producer_options {
    struct kafka_options common;
    uint32_t linger_ms; /* how long a batch waits for company */
    uint32_t queue_max; /* messages accepted and not reported */
    kafka_report *report;
    void *report_context;
};

/* Topics of one producer are named by a small number of the caller's. */
#define KAFKA_PRODUCER_TOPICS_MAX 64
#define KAFKA_HEADERS_MAX 12

struct kafka_header {
    const char *name;
    struct str value;
};

struct kafka_message {
    uint32_t topic_slot;
    int32_t partition;
    struct str key;
    struct str value;
    const struct kafka_header *headers;
    size_t header_count; /* up to KAFKA_HEADERS_MAX */
    void *tag;           /* comes back in the report */
};

STATUS kafka_producer_open(struct op *op, const struct kafka_producer_options *options,
                           struct kafka_producer **ret_producer);
/* Drops what is not written yet, without reports. Accepts NULL. */
void kafka_producer_free(struct kafka_producer *producer);
DEFINE_FREE_AT(struct kafka_producer, kafka_producer_free)

/* Gives slot its topic; once for each slot. */
STATUS kafka_producer_topic(struct op *op, struct kafka_producer *producer, uint32_t slot,
                            const char *name);

/* Queues a message; all is copied. The first one to a partition must be reported before the next is
 * sent: a broker that does not know the producer takes any sequence number as its first, and
 * librdkafka then reports lost messages as written (engine/bus_kafka_gate.c). STATUS_RETRY "kafka.queue_full": serve first. STATUS_LIMIT
 * "kafka.too_large". Any other failure means that the producer has failed. */
STATUS kafka_producer_send(struct op *op, struct kafka_producer *producer,
                           const struct kafka_message *message);
/* Sends what is queued at once, whatever linger_ms says, and waits up to wait_ms for the reports, which
 * are delivered as by kafka_producer_serve. wait_ms > 0: librdkafka hurries only meanwhile. */
void kafka_producer_hurry(struct kafka_producer *producer, int wait_ms);
/* Delivers the reports that are there; never waits. */
void kafka_producer_serve(struct kafka_producer *producer);
/* True once the producer has failed for good; the reports of what it held come as not written. */
bool kafka_producer_failed(const struct kafka_producer *producer);

/* As kafka_consumer_notify. */
void kafka_producer_notify(struct kafka_producer *producer, int event_fd);
/* True when serve may have something. */
bool kafka_producer_ready(struct kafka_producer *producer);
