/* The cluster: logs, what happens to them, and what arrives late. Its clients are in sim_bus.c. */
#include "sim_kafka.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/lane.h"
#include "sim_kafka_internal.h"
#include "sim_memory.h"

#define QUEUE_DEFAULT 100000
#define MILLION 1000000

/* ---- Records ---- */

struct sim_bytes {
    uint32_t references;
    char bytes[];
};

static struct str put(char **at, struct str s)
{
    char *to = *at;
    if (s.len > 0) {
        memcpy(to, s.ptr, s.len);
    }
    to[s.len] = '\0';
    *at += s.len + 1;
    return (struct str){.ptr = to, .len = s.len};
}

struct sim_record sim_record_of(const struct bus_message *message)
{
    size_t len = message->key.len + message->value.len + message->type.len + 3;
    struct sim_bytes *bytes = malloc(sizeof(*bytes) + len);
    ASSERT(bytes);
    bytes->references = 1;
    char *at = bytes->bytes;
    struct sim_record record = {.record = {.topic = message->topic,
                                           .partition = message->partition,
                                           .numbered = message->n > 0,
                                           .n = message->n,
                                           .message_id = message->message_id,
                                           .handle = bytes}};
    record.record.committed_at_us = message->n > 0 ? message->committed_at_us : 0;
    record.record.key = put(&at, message->key);
    record.record.value = put(&at, message->value);
    record.type = put(&at, message->type);
    return record;
}

void sim_record_keep(struct sim_record *record)
{
    ((struct sim_bytes *)record->record.handle)->references++;
}

void sim_record_drop(struct sim_record *record)
{
    struct sim_bytes *bytes = record->record.handle;
    if (bytes && --bytes->references == 0) {
        free(bytes);
    }
    record->record.handle = NULL;
}

/* ---- The cluster ---- */

struct sim_kafka *sim_kafka_new(struct clock_fake *clock)
{
    struct sim_kafka *kafka = calloc(1, sizeof(*kafka));
    ASSERT(kafka);
    kafka->clock = clock;
    kafka->cluster_id = "sim";
    kafka->queue_max = QUEUE_DEFAULT;
    for (int t = 0; t < TOPIC_COUNT; t++) {
        kafka->partitions[t] = LANES;
        kafka->retention_ms[t] = topology_topics[t].retention_days * INT64_C(86400000);
    }
    return kafka;
}

static void free_records(struct sim_record *records, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        sim_record_drop(&records[i]);
    }
    free(records);
}

void sim_kafka_free(struct sim_kafka *kafka)
{
    for (int t = 0; t < TOPIC_COUNT; t++) {
        for (int32_t p = 0; p < LANES; p++) {
            free_records(kafka->logs[t][p].records, kafka->logs[t][p].count);
            free_records(kafka->logs[t][p].lost, kafka->logs[t][p].lost_count);
        }
    }
    for (uint32_t i = 0; i < kafka->late_count; i++) {
        sim_record_drop(&kafka->late[i].record);
    }
    free(kafka->late);
    free(kafka);
}

void sim_kafka_write(struct sim_kafka *kafka, struct sim_record record)
{
    struct sim_log *log = &kafka->logs[record.record.topic][record.record.partition];
    log->records = sim_array_room(log->records, log->count, &log->capacity, sizeof(record));
    record.record.offset = log->count;
    record.record.broker_at_ms = kafka->clock->wall_us / 1000;
    log->records[log->count++] = record;
}

void sim_kafka_append(struct sim_kafka *kafka, const struct bus_message *message)
{
    sim_kafka_write(kafka, sim_record_of(message));
}

void sim_kafka_append_raw(struct sim_kafka *kafka, enum topic topic, int32_t partition,
                          struct id message_id, struct str key, struct str value)
{
    struct bus_message message = {.topic = topic,
                                  .partition = partition,
                                  .message_id = message_id,
                                  .key = key,
                                  .value = value};
    sim_kafka_write(kafka, sim_record_of(&message));
}

void sim_kafka_append_again(struct sim_kafka *kafka, enum topic topic, int32_t partition,
                            uint32_t at)
{
    struct sim_record record = kafka->logs[topic][partition].records[at];
    sim_record_keep(&record);
    sim_kafka_write(kafka, record);
}

uint32_t sim_kafka_count(const struct sim_kafka *kafka, enum topic topic, int32_t partition)
{
    return kafka->logs[topic][partition].count;
}

struct bus_record sim_kafka_record(const struct sim_kafka *kafka, enum topic topic,
                                   int32_t partition, uint32_t at)
{
    return kafka->logs[topic][partition].records[at].record;
}

struct str sim_kafka_type(const struct sim_kafka *kafka, enum topic topic, int32_t partition,
                          uint32_t at)
{
    return kafka->logs[topic][partition].records[at].type;
}

/* ---- What happens by itself ---- */

void sim_kafka_set_faults(struct sim_kafka *kafka, struct sim_kafka_faults faults,
                          struct random *random)
{
    kafka->faults = faults;
    kafka->random = random;
}

struct sim_kafka_faults sim_kafka_faults_done(const struct sim_kafka *kafka)
{
    return kafka->done;
}

bool sim_kafka_strikes(struct sim_kafka *kafka, uint32_t rate, uint32_t *done)
{
    if (rate == 0 || random_below(kafka->random, MILLION) >= rate) {
        return false;
    }
    (*done)++;
    return true;
}

int64_t sim_kafka_some_us(struct sim_kafka *kafka, uint32_t most_us, uint32_t *done)
{
    int64_t us = most_us > 0 ? (int64_t)random_below(kafka->random, (uint64_t)most_us + 1) : 0;
    *done += us > 0 ? 1 : 0;
    return us;
}

void sim_kafka_arrive(struct sim_kafka *kafka)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < kafka->late_count; i++) {
        if (kafka->late[i].at_us <= kafka->clock->mono_us && !kafka->away) {
            sim_kafka_write(kafka, kafka->late[i].record);
        } else {
            kafka->late[kept++] = kafka->late[i];
        }
    }
    kafka->late_count = kept;
}

/* ---- What somebody does to it ---- */

static void lose(struct sim_log *log, uint32_t keep, enum sim_loss loss)
{
    if (log->count <= keep) {
        return;
    }
    log->was = log->count;
    log->loss = loss;
    for (uint32_t at = keep; at < log->count; at++) {
        log->lost =
            sim_array_room(log->lost, log->lost_count, &log->lost_capacity, sizeof(log->lost[0]));
        log->lost[log->lost_count++] = log->records[at];
    }
    log->count = keep;
    log->low = log->low < log->count ? log->low : log->count;
}

void sim_kafka_truncate(struct sim_kafka *kafka, enum topic topic, int32_t partition, uint32_t keep)
{
    lose(&kafka->logs[topic][partition], keep, SIM_LOSS_TAIL);
}

void sim_kafka_expire(struct sim_kafka *kafka, enum topic topic, int32_t partition, int64_t low)
{
    kafka->logs[topic][partition].low = low;
}

void sim_kafka_recreate(struct sim_kafka *kafka, enum topic topic)
{
    for (int32_t p = 0; p < LANES; p++) {
        lose(&kafka->logs[topic][p], 0, SIM_LOSS_TOPIC);
        kafka->logs[topic][p].low = 0;
    }
}

uint32_t sim_kafka_lost_count(const struct sim_kafka *kafka, enum topic topic, int32_t partition)
{
    return kafka->logs[topic][partition].lost_count;
}

struct bus_record sim_kafka_lost(const struct sim_kafka *kafka, enum topic topic, int32_t partition,
                                 uint32_t at)
{
    return kafka->logs[topic][partition].lost[at].record;
}

uint64_t sim_kafka_losses_met(const struct sim_kafka *kafka, enum sim_loss loss)
{
    return kafka->losses_met[loss];
}

void sim_kafka_looked(struct sim_kafka *kafka, const struct sim_log *log)
{
    if (log->loss != SIM_LOSS_NONE && log->count < log->was) {
        kafka->losses_met[log->loss]++;
    }
}

void sim_kafka_set_away(struct sim_kafka *kafka, bool away)
{
    kafka->away = away;
}

bool sim_kafka_is_away(const struct sim_kafka *kafka)
{
    return kafka->away;
}

void sim_kafka_fail_produce(struct sim_kafka *kafka, uint32_t count)
{
    kafka->fail_produce = count;
}

void sim_kafka_limit_queue(struct sim_kafka *kafka, uint32_t records)
{
    kafka->queue_max = records;
}

void sim_kafka_set_cluster(struct sim_kafka *kafka, const char *cluster_id)
{
    kafka->cluster_id = cluster_id;
}

void sim_kafka_set_partitions(struct sim_kafka *kafka, enum topic topic, int32_t count)
{
    kafka->partitions[topic] = count;
}

void sim_kafka_set_retention(struct sim_kafka *kafka, enum topic topic, int64_t retention_ms)
{
    kafka->retention_ms[topic] = retention_ms;
}
