#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/bus.h"

/*
 * A Kafka of the mind: partitions that grow, several clients, acknowledgements that are given only
 * when the client asks, and the faults that matter. Single-threaded. Without faults a produced record
 * is in the log at once; its acknowledgement may be lost with the producer. Who waits lets the time
 * pass. tests/engine/vectors_test.c holds it against the real one.
 */

struct sim_kafka;

struct sim_kafka *sim_kafka_new(struct clock_fake *clock);
void sim_kafka_free(struct sim_kafka *kafka);

/*
 * What happens by itself. Order within one client and partition holds all the same, and so does the
 * broker's promise that an idempotent producer's own retries are written once: the same record comes
 * twice only where two producers wrote it, the one before a reset or a death, and the one after.
 */
struct sim_kafka_faults {
    uint32_t linger_us; /* a produced record is written up to so much later */
    uint32_t answer_us; /* and acknowledged up to so much after that */
    uint32_t stall;     /* in a million records that poll finds: this partition stands still */
    uint32_t stall_us;  /* for this client, up to so long */
    uint32_t full;      /* in a million produced: no room for this one just now, STATUS_RETRY */
    uint32_t fail;      /* in a million produced: the producer fails for good, the record being
                           written or not, and those behind it */
    uint32_t late;      /* in a million that a client leaves unwritten when it ends or is reset: */
    uint32_t late_us;   /* written all the same, up to so much later */
};

/* From now on, drawn from random (borrowed). All zero: no more; what is on its way arrives. */
void sim_kafka_set_faults(struct sim_kafka *kafka, struct sim_kafka_faults faults,
                          struct random *random);
/* How often: stall, full, fail and late as said; linger_us and answer_us count what was not at once. */
struct sim_kafka_faults sim_kafka_faults_done(const struct sim_kafka *kafka);

/* A client. Freed by its close. */
struct bus *sim_kafka_bus(struct sim_kafka *kafka);

/* Appends as somebody else: an intake's or another service's producer. Copies everything. */
void sim_kafka_append(struct sim_kafka *kafka, const struct bus_message *message);
/* A record without the headers that lane-written topics carry. key may be any bytes. */
void sim_kafka_append_raw(struct sim_kafka *kafka, enum topic topic, int32_t partition,
                          struct id message_id, struct str key, struct str value);
/* The record at an offset once more, as a producer's repetition. */
void sim_kafka_append_again(struct sim_kafka *kafka, enum topic topic, int32_t partition,
                            uint32_t at);

uint32_t sim_kafka_count(const struct sim_kafka *kafka, enum topic topic, int32_t partition);
/* Borrowed until the log is truncated. */
struct bus_record sim_kafka_record(const struct sim_kafka *kafka, enum topic topic,
                                   int32_t partition, uint32_t at);
struct str sim_kafka_type(const struct sim_kafka *kafka, enum topic topic, int32_t partition,
                          uint32_t at);

/* How records that were acknowledged are lost. */
enum sim_loss {
    SIM_LOSS_NONE = 0,
    SIM_LOSS_TAIL,  /* the newest ones of a partition */
    SIM_LOSS_TOPIC, /* all of a topic, which is there again, empty */
    SIM_LOSS_COUNT,
};

/* Loses the newest records of a partition: an unclean election. */
void sim_kafka_truncate(struct sim_kafka *kafka, enum topic topic, int32_t partition,
                        uint32_t keep);
/* Removes the oldest records: retention. */
void sim_kafka_expire(struct sim_kafka *kafka, enum topic topic, int32_t partition, int64_t low);
/* Deletes the topic and makes it anew: empty, offsets from 0, in the same cluster. */
void sim_kafka_recreate(struct sim_kafka *kafka, enum topic topic);
/* The records of a partition that were lost so, the first one lost first. */
uint32_t sim_kafka_lost_count(const struct sim_kafka *kafka, enum topic topic, int32_t partition);
struct bus_record sim_kafka_lost(const struct sim_kafka *kafka, enum topic topic, int32_t partition,
                                 uint32_t at);
/* How often a client looked at a partition while less was there than before it lost something, so. */
uint64_t sim_kafka_losses_met(const struct sim_kafka *kafka, enum sim_loss loss);
/* While away: nothing is read, produced records wait in the client, tails answer STATUS_RETRY. */
void sim_kafka_set_away(struct sim_kafka *kafka, bool away);
bool sim_kafka_is_away(const struct sim_kafka *kafka);
/* The next `count` produced records of every client fail for good (R2). */
void sim_kafka_fail_produce(struct sim_kafka *kafka, uint32_t count);
/* Each client's produce queue holds at most this many unacknowledged records. */
void sim_kafka_limit_queue(struct sim_kafka *kafka, uint32_t records);
void sim_kafka_set_cluster(struct sim_kafka *kafka, const char *cluster_id);
/* What a topic says of itself; LANES at first. */
/* What a client is told; nothing is deleted by it. -1: for ever. */
void sim_kafka_set_retention(struct sim_kafka *kafka, enum topic topic, int64_t retention_ms);
void sim_kafka_set_partitions(struct sim_kafka *kafka, enum topic topic, int32_t count);
