#include "sim_kafka.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/lane.h"

#define QUEUE_DEFAULT 100000

struct sim_record {
    struct bus_record record;
    struct str type;
};

struct sim_log {
    struct sim_record *records;
    uint32_t count, capacity;
    int64_t low; /* records before this offset are gone */
};

struct sim_kafka {
    struct clock_fake *clock;
    struct sim_log logs[TOPIC_COUNT][LANES];
    const char *cluster_id;
    int32_t partitions[TOPIC_COUNT];
    bool away;
    uint32_t fail_produce;
    uint32_t queue_max;
};

struct sim_pending {
    struct sim_record record;
    struct bus_delivery delivery;
    bool written;
};

struct sim_place {
    enum topic topic;
    int32_t partition;
    int64_t next;
};

struct sim_bus {
    struct bus bus;
    struct sim_kafka *kafka;
    struct sim_place assigned[TOPIC_COUNT * LANES];
    uint32_t assigned_count;
    uint32_t turn; /* round robin over what is assigned */
    struct sim_pending *pending;
    uint32_t pending_count, pending_capacity;
    uint32_t delivered; /* of pending, how many were reported */
};

static struct sim_bus *self_of(struct bus *bus)
{
    return (struct sim_bus *)(void *)bus;
}

static struct str copy_str(struct str s)
{
    char *bytes = calloc(1, s.len + 1);
    ASSERT(bytes);
    if (s.len > 0) {
        memcpy(bytes, s.ptr, s.len);
    }
    return (struct str){.ptr = bytes, .len = s.len};
}

static void free_str(struct str s)
{
    free((void *)(uintptr_t)s.ptr);
}

static void free_record(struct sim_record *record)
{
    free_str(record->record.key);
    free_str(record->record.value);
    free_str(record->type);
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
    }
    return kafka;
}

void sim_kafka_free(struct sim_kafka *kafka)
{
    for (int t = 0; t < TOPIC_COUNT; t++) {
        for (int32_t p = 0; p < LANES; p++) {
            for (uint32_t i = 0; i < kafka->logs[t][p].count; i++) {
                free_record(&kafka->logs[t][p].records[i]);
            }
            free(kafka->logs[t][p].records);
        }
    }
    free(kafka);
}

static void log_append(struct sim_kafka *kafka, struct sim_record record)
{
    struct sim_log *log = &kafka->logs[record.record.topic][record.record.partition];
    if (log->count == log->capacity) {
        log->capacity = log->capacity ? log->capacity * 2 : 64;
        struct sim_record *more = realloc(log->records, log->capacity * sizeof(*more));
        ASSERT(more);
        log->records = more;
    }
    record.record.offset = log->count;
    record.record.broker_at_ms = kafka->clock->wall_us / 1000;
    log->records[log->count++] = record;
}

static struct sim_record record_of(const struct bus_message *message)
{
    return (struct sim_record){
        .record = {.topic = message->topic,
                   .partition = message->partition,
                   .key = copy_str(message->key),
                   .value = copy_str(message->value),
                   .numbered = message->n > 0,
                   .n = message->n,
                   .committed_at_us = message->committed_at_us,
                   .message_id = message->message_id},
        .type = copy_str(message->type),
    };
}

void sim_kafka_append(struct sim_kafka *kafka, const struct bus_message *message)
{
    log_append(kafka, record_of(message));
}

void sim_kafka_append_raw(struct sim_kafka *kafka, enum topic topic, int32_t partition,
                          struct id message_id, struct str key, struct str value)
{
    struct bus_message message = {.topic = topic,
                                  .partition = partition,
                                  .message_id = message_id,
                                  .key = key,
                                  .value = value};
    log_append(kafka, record_of(&message));
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

void sim_kafka_truncate(struct sim_kafka *kafka, enum topic topic, int32_t partition, uint32_t keep)
{
    struct sim_log *log = &kafka->logs[topic][partition];
    while (log->count > keep) {
        free_record(&log->records[--log->count]);
    }
}

void sim_kafka_expire(struct sim_kafka *kafka, enum topic topic, int32_t partition, int64_t low)
{
    kafka->logs[topic][partition].low = low;
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

/* ---- A client ---- */

static void drop_pending(struct sim_bus *self)
{
    for (uint32_t i = 0; i < self->pending_count; i++) {
        if (!self->pending[i].written) {
            free_record(&self->pending[i].record);
        }
    }
    self->pending_count = 0;
    self->delivered = 0;
}

static void sim_close(struct bus *bus)
{
    if (bus) {
        drop_pending(self_of(bus));
        free(self_of(bus)->pending);
        free(self_of(bus));
    }
}

static STATUS check(struct op *op, const struct sim_bus *self)
{
    return self->kafka->away ? op_fail(op, STATUS_RETRY, "kafka.away", "simulated") : OK;
}

static STATUS sim_cluster_id(struct op *op, struct bus *bus, struct str *ret_id)
{
    TRY(check(op, self_of(bus)));
    *ret_id = str_of(self_of(bus)->kafka->cluster_id);
    return OK;
}

static STATUS sim_topic_info(struct op *op, struct bus *bus, enum topic topic,
                             struct bus_topic_info *ret_info)
{
    TRY(check(op, self_of(bus)));
    *ret_info = (struct bus_topic_info){.partition_count = self_of(bus)->kafka->partitions[topic],
                                        .retention_ms = -1};
    return OK;
}

static STATUS sim_tails(struct op *op, struct bus *bus, const enum topic *topics,
                        uint32_t topic_count, int32_t partition, struct bus_tail *ret_tails)
{
    TRY(check(op, self_of(bus)));
    for (uint32_t i = 0; i < topic_count; i++) {
        const struct sim_log *log = &self_of(bus)->kafka->logs[topics[i]][partition];
        ret_tails[i] = (struct bus_tail){.low = log->low, .high = log->count};
        if (log->count > log->low) {
            ret_tails[i].n = log->records[log->count - 1].record.n;
            ret_tails[i].committed_at_us = log->records[log->count - 1].record.committed_at_us;
        }
    }
    return OK;
}

static uint32_t find_place(const struct sim_bus *self, enum topic topic, int32_t partition)
{
    uint32_t at = 0;
    while (at < self->assigned_count &&
           (self->assigned[at].topic != topic || self->assigned[at].partition != partition)) {
        at++;
    }
    return at;
}

static STATUS sim_assign(struct op *op, struct bus *bus, enum topic topic, int32_t partition,
                         int64_t offset)
{
    struct sim_bus *self = self_of(bus);
    (void)op;
    ASSERT(find_place(self, topic, partition) == self->assigned_count);
    self->assigned[self->assigned_count++] =
        (struct sim_place){.topic = topic, .partition = partition, .next = offset};
    return OK;
}

static void sim_unassign(struct bus *bus, enum topic topic, int32_t partition)
{
    struct sim_bus *self = self_of(bus);
    uint32_t at = find_place(self, topic, partition);
    if (at < self->assigned_count) {
        self->assigned[at] = self->assigned[--self->assigned_count];
    }
}

static STATUS sim_poll(struct op *op, struct bus *bus, struct bus_record *ret_record, bool *ret_got)
{
    struct sim_bus *self = self_of(bus);
    *ret_got = false;
    for (uint32_t i = 0; i < self->assigned_count && !self->kafka->away; i++) {
        uint32_t at = (self->turn + i) % self->assigned_count;
        struct sim_place *place = &self->assigned[at];
        const struct sim_log *log = &self->kafka->logs[place->topic][place->partition];
        if (place->next < log->low || place->next > log->count) {
            *ret_record = (struct bus_record){.topic = place->topic, .partition = place->partition};
            sim_unassign(bus, place->topic, place->partition);
            return op_fail(op, STATUS_STOP, "bus.offset_gone", "simulated");
        }
        if (place->next < log->count) {
            *ret_record = log->records[place->next++].record;
            self->turn = at + 1;
            *ret_got = true;
            return OK;
        }
    }
    return OK;
}

static void sim_release(struct bus *bus, struct bus_record *record)
{
    (void)bus;
    (void)record;
}

static void sim_wait(struct bus *bus, int64_t timeout_ms)
{
    struct clock_fake *clock = self_of(bus)->kafka->clock;
    clock->mono_us += timeout_ms * 1000;
    clock->wall_us += timeout_ms * 1000;
}

static void sim_wake(struct bus *bus)
{
    (void)bus;
}

static void sim_commit_position(struct bus *bus, enum topic topic, int32_t partition,
                                int64_t next_offset)
{
    (void)bus;
    (void)topic;
    (void)partition;
    (void)next_offset;
}

/* Writes what waits, in order, unless the cluster is away. A failure fails all that follow. */
static void pump(struct sim_bus *self)
{
    bool failed = false;
    for (uint32_t i = 0; i < self->pending_count && !self->kafka->away; i++) {
        struct sim_pending *pending = &self->pending[i];
        failed |= !pending->delivery.ok;
        if (pending->written || failed) {
            pending->delivery.ok &= !failed;
            continue;
        }
        if (self->kafka->fail_produce > 0) {
            self->kafka->fail_produce--;
            pending->delivery.ok = false;
            failed = true;
            continue;
        }
        log_append(self->kafka, pending->record);
        pending->written = true;
    }
}

static STATUS sim_produce(struct op *op, struct bus *bus, const struct bus_message *message)
{
    struct sim_bus *self = self_of(bus);
    if (self->pending_count - self->delivered >= self->kafka->queue_max) {
        return op_fail(op, STATUS_RETRY, "kafka.queue_full", "simulated");
    }
    if (self->pending_count == self->pending_capacity) {
        self->pending_capacity = self->pending_capacity ? self->pending_capacity * 2 : 64;
        struct sim_pending *more = realloc(self->pending, self->pending_capacity * sizeof(*more));
        ASSERT(more);
        self->pending = more;
    }
    self->pending[self->pending_count++] =
        (struct sim_pending){.record = record_of(message),
                             .delivery = {.topic = message->topic,
                                          .partition = message->partition,
                                          .n = message->n,
                                          .message_id = message->message_id,
                                          .ok = true}};
    pump(self);
    return OK;
}

static void sim_hurry(struct bus *bus)
{
    (void)bus; /* a produced record is in the log at once */
}

static bool sim_delivered(struct bus *bus, struct bus_delivery *ret_delivery)
{
    struct sim_bus *self = self_of(bus);
    pump(self);
    if (self->delivered == self->pending_count) {
        self->pending_count = 0;
        self->delivered = 0;
        return false;
    }
    struct sim_pending *pending = &self->pending[self->delivered];
    if (!pending->written && pending->delivery.ok) {
        return false;
    }
    *ret_delivery = pending->delivery;
    if (!pending->written) {
        free_record(&pending->record);
        pending->written = true;
    }
    self->delivered++;
    return true;
}

static uint32_t sim_in_flight(struct bus *bus)
{
    return self_of(bus)->pending_count - self_of(bus)->delivered;
}

static STATUS sim_reset_producer(struct op *op, struct bus *bus)
{
    (void)op;
    drop_pending(self_of(bus));
    return OK;
}

static const struct bus_ops sim_bus_ops = {
    .close = sim_close,
    .cluster_id = sim_cluster_id,
    .topic_info = sim_topic_info,
    .tails = sim_tails,
    .assign = sim_assign,
    .unassign = sim_unassign,
    .poll = sim_poll,
    .release = sim_release,
    .wait = sim_wait,
    .wake = sim_wake,
    .commit_position = sim_commit_position,
    .produce = sim_produce,
    .hurry = sim_hurry,
    .delivered = sim_delivered,
    .in_flight = sim_in_flight,
    .reset_producer = sim_reset_producer,
};

struct bus *sim_kafka_bus(struct sim_kafka *kafka)
{
    struct sim_bus *self = calloc(1, sizeof(*self));
    ASSERT(self);
    self->bus.ops = &sim_bus_ops;
    self->kafka = kafka;
    return &self->bus;
}
