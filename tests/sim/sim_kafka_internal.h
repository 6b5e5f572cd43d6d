#pragma once

#include "sim_kafka.h"

/* What sim_kafka.c (the cluster) and sim_bus.c (its clients) share. */

/* The bytes of a record: the log's, and of everybody who has polled it and not released it. */
struct sim_bytes;

struct sim_record {
    struct bus_record record; /* its handle is the bytes */
    struct str type;
};

struct sim_log {
    struct sim_record *records;
    uint32_t count, capacity;
    int64_t low; /* records before this offset are gone */
    /* What an unclean election, or whoever deleted the topic, took: in the order in which it was there. */
    struct sim_record *lost;
    uint32_t lost_count, lost_capacity;
    uint32_t was;       /* so many it had before the last loss */
    enum sim_loss loss; /* the last one */
};

/* What a client left behind that is gone: it arrives all the same. */
struct sim_late {
    struct sim_record record;
    int64_t at_us; /* mono */
};

struct sim_kafka {
    struct clock_fake *clock;
    struct sim_log logs[TOPIC_COUNT][LANES];
    const char *cluster_id;
    int32_t partitions[TOPIC_COUNT];
    int64_t retention_ms[TOPIC_COUNT]; /* as it is told; nothing is deleted by itself */
    struct sim_late *late;
    uint32_t late_count, late_capacity;
    struct sim_kafka_faults faults;
    struct sim_kafka_faults done;
    struct random *random;
    bool away;
    uint32_t fail_produce;
    uint32_t queue_max;
    uint64_t losses_met[SIM_LOSS_COUNT];
};

struct sim_record sim_record_of(const struct bus_message *message);
void sim_record_keep(struct sim_record *record);
void sim_record_drop(struct sim_record *record);
/* Takes over the record's reference. */
void sim_kafka_write(struct sim_kafka *kafka, struct sim_record record);
/* Somebody looks at this log: does he find less than there was? */
void sim_kafka_looked(struct sim_kafka *kafka, const struct sim_log *log);
/* Writes what has come late, and is due. */
void sim_kafka_arrive(struct sim_kafka *kafka);
/* True in so many of a million times; counts it. */
bool sim_kafka_strikes(struct sim_kafka *kafka, uint32_t rate, uint32_t *done);
/* 0 to most; 0 when there is no such fault. */
int64_t sim_kafka_some_us(struct sim_kafka *kafka, uint32_t most_us, uint32_t *done);
