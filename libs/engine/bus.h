#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/op.h"
#include "topology/topology.h"

/*
 * The engine's view of Kafka, one per engine thread: a consumer whose partitions are assigned by
 * hand, and an idempotent producer (acks=all, no message timeout). Production: engine/bus_kafka.c
 * over libs/kafka. Simulation: tests/sim. Used by its thread alone, except `wake`.
 */

/* A record as read. Everything borrowed lives until bus_release. */
struct bus_record {
    enum topic topic;
    int32_t partition;
    int64_t offset;
    int64_t broker_at_ms; /* LogAppendTime */
    struct str key;       /* empty: none */
    struct str value;
    bool numbered;           /* both headers below were there and well-formed */
    int64_t n;               /* header hf_n: gapless per (topic, partition), from 1 */
    int64_t committed_at_us; /* header hf_at: commit time of the writing lane */
    struct id message_id;    /* header ce_id; none when absent or malformed */
    struct str type;         /* header ce_type; empty: none */
    void *handle;            /* the implementation's; NULL of records from read_back */
};

/* A record to publish. All is copied before produce returns. */
struct bus_message {
    enum topic topic;
    int32_t partition;
    int64_t n;               /* > 0 for lane-written topics; 0: intake, no numbering headers */
    int64_t committed_at_us; /* with n */
    struct id message_id;    /* ce_id */
    struct str type;         /* ce_type, e.g. "holdfast.escrow.v1.EscrowFundsHeld" */
    struct str key;
    struct str value;
    struct str traceparent; /* empty: no header */
};

/* The fate of one produced message. ok false: never written, the producer must be reset. */
struct bus_delivery {
    enum topic topic;
    int32_t partition;
    int64_t n;
    struct id message_id;
    bool ok;
    int64_t broker_at_ms; /* LogAppendTime: what the broker's clock showed; -1: it did not say */
};

/* So many records of a dead producer may be on their way still: they are written last. */
#define BUS_TAIL_RECORDS 64

/* The end of a partition: of the last BUS_TAIL_RECORDS records the one with the highest n, for the very last one may
 * be a late repetition. n is 0 when there is none, or the last one has no number. */
struct bus_tail {
    int64_t low;  /* offsets: first that exists */
    int64_t high; /* one past the last */
    int64_t n;
    int64_t committed_at_us;
    int64_t lowest_n;   /* of these records */
    int64_t whole_n;    /* from the first of them on none is missing up to this one */
    uint64_t beginning; /* which of the numbers 1 to BUS_TAIL_RECORDS are there, by bits */
};

_Static_assert(BUS_TAIL_RECORDS == 64, "the bits of beginning");

/* Of each of these records in turn, into a tail that begins with zeros. */
static inline void bus_tail_take(struct bus_tail *tail, int64_t n, int64_t committed_at_us,
                                 bool is_last)
{
    if (n > tail->n || (is_last && n == 0)) {
        tail->n = n;
        tail->committed_at_us = committed_at_us;
    }
    tail->lowest_n = tail->lowest_n == 0 || n < tail->lowest_n ? n : tail->lowest_n;
    tail->whole_n = tail->whole_n == 0 || n == tail->whole_n + 1 ? n : tail->whole_n;
    tail->beginning |= n >= 1 && n <= BUS_TAIL_RECORDS ? UINT64_C(1) << (n - 1) : 0;
}

/* Records of one partition, from the first offset up to (not with) the last. */
struct bus_range {
    enum topic topic;
    int32_t partition;
    int64_t from;
    int64_t to;
};

#define BUS_RANGE_MAX 128 /* records of one read_back: at most 32 MB */

struct bus_topic_info {
    int32_t partition_count; /* 0: no such topic */
    int64_t retention_ms;    /* -1: for ever */
};

struct bus;

struct bus_ops {
    void (*close)(struct bus *bus); /* frees the bus; unsent messages are dropped */

    /* The cluster's id (in op->arena). STATUS_RETRY when no broker answers in time. */
    struct status (*cluster_id)(struct op *op, struct bus *bus, struct str *ret_id);
    struct status (*topic_info)(struct op *op, struct bus *bus, enum topic topic,
                                struct bus_topic_info *ret_info);
    /* The tails of one partition of several topics, read together. */
    struct status (*tails)(struct op *op, struct bus *bus, const enum topic *topics,
                           uint32_t topic_count, int32_t partition, struct bus_tail *ret_tails);

    /* The records of the range, at most BUS_RANGE_MAX, which must all be there: copies in op->arena,
     * never released. Disturbs nothing that is being read. STATUS_RETRY when they do not come in time,
     * STATUS_STOP with "bus.offset_gone" when the log does not have them. */
    struct status (*read_back)(struct op *op, struct bus *bus, const struct bus_range *range,
                               struct bus_record *ret_records);

    /* Starts reading (topic, partition) at offset; it must not be assigned yet. */
    struct status (*assign)(struct op *op, struct bus *bus, enum topic topic, int32_t partition,
                            int64_t offset);
    /* Stops reading it and forgets what was fetched; harmless when it is not assigned. */
    void (*unassign)(struct bus *bus, enum topic topic, int32_t partition);
    /* The next record that is there already; never waits. Order holds within a partition.
     * STATUS_STOP with "bus.offset_gone": the offset is outside the log (retention, lost tail); the
     * record then names topic and partition. */
    struct status (*poll)(struct op *op, struct bus *bus, struct bus_record *ret_record,
                          bool *ret_got);
    void (*release)(struct bus *bus, struct bus_record *record);
    /* Waits until a record or delivery may be there, or wake was called, or timeout_ms passed. */
    void (*wait)(struct bus *bus, int64_t timeout_ms);
    /* Lets so much time pass, whatever comes; for milliseconds. */
    void (*rest)(struct bus *bus, int64_t timeout_us);
    /* From any thread: ends the current or the next wait. */
    void (*wake)(struct bus *bus);
    /* Commits the position under the group id, for lag tools only. Never fails the caller. */
    void (*commit_position)(struct bus *bus, enum topic topic, int32_t partition,
                            int64_t next_offset);

    /* Queues a message. STATUS_RETRY: the queue is full, serve deliveries first. */
    struct status (*produce)(struct op *op, struct bus *bus, const struct bus_message *message);
    /* Sends what was produced now, instead of when its linger time has passed. For the quiet lane: may
     * wait for the answer, at most a millisecond. */
    void (*hurry)(struct bus *bus);
    /* The next delivery report, if any; never waits. */
    bool (*delivered)(struct bus *bus, struct bus_delivery *ret_delivery);
    /* Messages that were produced and have no report yet. */
    uint32_t (*in_flight)(struct bus *bus);
    /* A new producer; what was in flight is dropped without reports. After ok = false. */
    struct status (*reset_producer)(struct op *op, struct bus *bus);
};

struct bus {
    const struct bus_ops *ops;
};

/* Largest value of a record, both ways: larger ones are never sent, and
 * quarantined when met. */
#define BUS_VALUE_MAX_BYTES ((size_t)256 * 1024)
