#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defer.h"
#include "kafka/kafka_conf.h"

/*
 * A consumer whose partitions are assigned by hand: it joins no group. Used by one thread at a time.
 * A group id serves only to leave positions where lag tools look for them.
 */

struct kafka_consumer;

struct kafka_consumer_options {
    struct kafka_options common;
    struct str group_id; /* empty: no positions are ever committed */
    /* The local queue, over all partitions. librdkafka 2.0.2 stops fetching for a whole second when
     * it is above this mark, so it must hold a second of work. 0: the defaults below. */
    uint32_t queue_records;
    uint32_t queue_kbytes;
    uint32_t fetch_wait_ms; /* how long a broker holds back an empty answer; 0: default */
};

/* Of one consumer. Two engine threads then hold 30,000 records of 8 MB together, in 40 MB of memory
 * (measured with records of 300 bytes), and read 25,000/s each; twice as much reads 45,000/s. */
#define KAFKA_QUEUE_RECORDS 15000
#define KAFKA_QUEUE_KBYTES 4096
/* A newly assigned partition is fetched only when the fetch in progress returns: so this is what a
 * takeover may lose on an idle connection. */
#define KAFKA_FETCH_WAIT_MS 100

/* A record as read. Everything borrowed lives until kafka_record_free. */
struct kafka_record {
    const char *topic; /* NUL-terminated */
    int32_t partition;
    int64_t offset;
    int64_t broker_at_ms; /* milliseconds since 1970; -1: unknown */
    struct str key;       /* empty: none */
    struct str value;     /* empty: none */
    void *handle;         /* NULL: no record */
    void *headers;        /* for kafka_record_header */
};

STATUS kafka_consumer_open(struct op *op, const struct kafka_consumer_options *options,
                           struct kafka_consumer **ret_consumer);
/* Closes at once: what was fetched is dropped, nothing is committed. Every record must have been
 * freed: librdkafka waits for ever for one that was not. Accepts NULL. */
void kafka_consumer_free(struct kafka_consumer *consumer);
DEFINE_FREE_AT(struct kafka_consumer, kafka_consumer_free)

/* Starts reading a partition at offset; it must not be assigned. Returns at once. */
STATUS kafka_consumer_assign(struct op *op, struct kafka_consumer *consumer, const char *topic,
                             int32_t partition, int64_t offset);
/* Stops reading it and forgets what was fetched of it; harmless when it is not assigned. */
void kafka_consumer_unassign(struct kafka_consumer *consumer, const char *topic, int32_t partition);

/* The next record, at once or within wait_ms. Faults that librdkafka heals by itself (a broker is
 * away, a leader moved) are passed over; the others come back as a status (kafka_error.h), and
 * ret_record then names topic and partition when the fault belongs to one (else topic is NULL). */
STATUS kafka_consumer_poll(struct op *op, struct kafka_consumer *consumer, int wait_ms,
                           struct kafka_record *ret_record, bool *ret_got);
/* The index-th header; false when there are fewer. The slices live as long as the record. */
bool kafka_record_header(const struct kafka_record *record, size_t index, struct str *ret_name,
                         struct str *ret_value);
/* Accepts a zeroed record. */
void kafka_record_free(struct kafka_record *record);

/* Writes 8 bytes to an eventfd when something appears where there was nothing. event_fd stays the
 * caller's and must outlive the consumer. */
void kafka_consumer_notify(struct kafka_consumer *consumer, int event_fd);
/* True when poll may have something. */
bool kafka_consumer_ready(struct kafka_consumer *consumer);

struct kafka_position {
    const char *topic;
    int32_t partition;
    int64_t next_offset;
};

/* Commits positions under the group id. wait_ms 0: in the background. Failures are not told: these
 * positions are for people who look at lag, nothing reads them back. */
void kafka_consumer_commit(struct kafka_consumer *consumer, const struct kafka_position *positions,
                           size_t position_count, int wait_ms);

/* The offsets of a partition: the first that exists, and the one past the last. */
struct kafka_watermark {
    const char *topic;
    int32_t partition;
    int64_t low;
    int64_t high;
};

/* Fills low and high of each by asking the leaders: two round trips for all together. */
STATUS kafka_consumer_watermarks(struct op *op, struct kafka_consumer *consumer,
                                 struct kafka_watermark *watermarks, size_t watermark_count,
                                 int timeout_ms);
