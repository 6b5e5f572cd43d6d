#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/op.h"
#include "base/table.h"
#include "engine/bus.h"
#include "kafka/kafka_conf.h"
#include "topology/topology.h"

/*
 * How anything from outside enters (ARCHITECTURE.md R5, R6): validated by the caller, committed to
 * the table `intake` together with its neighbours (group commit), then answered, then published by
 * this process. Rows whose outcome does not come are published again by the owner of their lane.
 *
 * One intake per process: a bounded queue, one committing thread with its own connection and
 * producer. intake_submit may be called from any thread.
 */

struct intake;

struct intake_request {
    struct id id;        /* deterministic: a client's retry has the same */
    enum topic topic;    /* an intake topic of this service; TOPIC_NONE: store only the extra row,
                            which then is INTAKE_STORED whether it was there already or not */
    struct id key;       /* the aggregate's id; its lane is the partition */
    struct str type;     /* CloudEvents type */
    struct str payload;  /* the record's value, at most BUS_VALUE_MAX_BYTES */
    struct hash content; /* over type, key, actor and body, as the consumer computes it */
    struct id account;   /* who may see the command */
    /* R17: saves somebody's money: is taken while Kafka is behind, and has INTAKE_RESERVE_… of the queue. */
    bool refused_last;
    const struct table
        *extra_table;      /* a row stored in the same transaction, or NULL; a row whose */
    const void *extra_row; /* primary key is there already is left alone */
};

enum intake_result {
    INTAKE_RESULT_NONE = 0,
    INTAKE_STORED,    /* durable now */
    INTAKE_REPEATED,  /* was durable already, same content: answer as the first time */
    INTAKE_DIFFERENT, /* this id was used with another content: HTTP 422 */
    INTAKE_BUSY,      /* the same id is being committed right now: HTTP 409 */
    INTAKE_RESULT_COUNT,
};

#define INTAKE_QUEUE_MAX 4096 /* requests waiting for their commit; more: STATUS_RETRY */
#define INTAKE_RESERVE 512    /* of these, for what is refused last */
#define INTAKE_GROUP_MAX 512  /* requests in one transaction */
#define INTAKE_REPUBLISH_AFTER_US (2 * 1000000)       /* not acknowledged by Kafka */
#define INTAKE_REPUBLISH_NO_OUTCOME_US (60 * 1000000) /* acknowledged, no outcome */

#define INTAKE_QUEUE_MAX_BYTES ((size_t)64 * 1024 * 1024) /* all that the queue may hold */
#define INTAKE_RESERVE_BYTES ((size_t)8 * 1024 * 1024)    /* of these, for what is refused last */

struct intake_options {
    struct str database_url;
    struct str kafka_brokers;
    struct str source; /* ce_source: the service's name */
    struct kafka_security security;
    kafka_log *log; /* librdkafka's lines; NULL: silence */
    /* R17: while one waits for Kafka's acknowledgement for longer, no more are taken, but for those that
     * are refused last, and for one at a time to find out, when none is on its way. 0: whatever comes is
     * taken. */
    int64_t backlog_max_ms;
    struct bus *bus; /* NULL: Kafka, by the fields above; else used instead, and owned from a
                        successful open on */
};

/* Starts the committing thread, which connects by itself: while the database is away, requests get
 * "intake.unavailable"; Kafka is not waited for: what is stored is published as soon as it answers. */
STATUS intake_open(struct op *op, const struct intake_options *options, struct intake **ret_intake);

/* Refuses new requests, finishes what is queued and what Kafka has not acknowledged (within
 * drain_ms), stops the thread. NULL is fine. */
void intake_close(struct intake *intake, int64_t drain_ms);

/*
 * Waits until the request is durable (or the deadline of op passes: STATUS_CANCELED; it may still
 * become durable, the client asks again with the same key). STATUS_RETRY with "intake.full",
 * "intake.backlog" or "intake.unavailable": nothing was stored, HTTP 503. A request that fails alone (its group is
 * halved until it is alone) gets its own status; its neighbours are stored.
 */
STATUS intake_submit(struct op *op, struct intake *intake, const struct intake_request *request,
                     enum intake_result *ret_result);

struct intake_stats {
    _Atomic uint64_t stored, repeated, different, busy, groups, failed, published;
    _Atomic uint32_t queued;
    _Atomic int64_t waiting_since_ms; /* see intake_backlog_ms */
};

struct intake_stats *intake_stats(struct intake *intake);
/* How long the oldest of the requests that this process has published waits for Kafka's
 * acknowledgement (not for its outcome), in milliseconds; 0: none does. From any thread. */
int64_t intake_backlog_ms(struct intake *intake);
