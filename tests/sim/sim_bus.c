/*
 * A client of the simulated cluster: what it reads, what it has produced and not heard of. A record
 * that was polled stays readable until it is released, whatever happens to its log.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/lane.h"
#include "sim_kafka_internal.h"
#include "sim_memory.h"

/* So long a wait takes when there is something already. */
#define SHORT_WAIT_US 100

enum sim_fate {
    SIM_FATE_WAITING = 0, /* in the client's queue */
    SIM_FATE_WRITTEN,
    SIM_FATE_FAILED, /* the client was told so; perhaps it was written all the same */
    SIM_FATE_TOLD,   /* and its report was fetched */
};

struct sim_pending {
    struct sim_record record; /* while WAITING */
    struct bus_delivery delivery;
    enum sim_fate fate;
    int64_t write_at_us, answer_at_us; /* mono */
};

struct sim_place {
    enum topic topic;
    int32_t partition;
    int64_t next;
    int64_t stalls_until_us; /* mono */
};

struct sim_bus {
    struct bus bus;
    struct sim_kafka *kafka;
    struct sim_place assigned[TOPIC_COUNT * LANES];
    uint32_t assigned_count;
    uint32_t turn; /* round robin over what is assigned */
    struct sim_pending *pending;
    uint32_t pending_count, pending_capacity;
    uint32_t first;     /* those before it were told */
    uint32_t waiting;   /* those before it are not WAITING */
    uint32_t in_flight; /* not TOLD */
    bool failed;        /* the producer, for good */
    bool woken;
    int64_t write_at_us[TOPIC_COUNT][LANES]; /* of the last one: order holds in a partition */
    int64_t answer_at_us[TOPIC_COUNT][LANES];
};

static struct sim_bus *self_of(struct bus *bus)
{
    return (struct sim_bus *)(void *)bus;
}

/* ---- The end of a producer ---- */

/* What has gone out on the wire arrives although nobody waits for it: of each partition the first few. */
static void leave_behind(struct sim_bus *self)
{
    struct sim_kafka *kafka = self->kafka;
    bool cut[TOPIC_COUNT][LANES] = {{false}};
    int64_t at_us[TOPIC_COUNT][LANES] = {{0}};
    for (uint32_t i = self->waiting; i < self->pending_count; i++) {
        struct sim_pending *pending = &self->pending[i];
        enum topic topic = pending->delivery.topic;
        int32_t partition = pending->delivery.partition;
        if (pending->fate != SIM_FATE_WAITING) {
            continue;
        }
        if (cut[topic][partition] || self->failed ||
            !sim_kafka_strikes(kafka, kafka->faults.late, &kafka->done.late)) {
            cut[topic][partition] = true;
            sim_record_drop(&pending->record);
            continue;
        }
        int64_t *last_us = &at_us[topic][partition];
        int64_t due_us = kafka->clock->mono_us +
                         sim_kafka_some_us(kafka, kafka->faults.late_us, &kafka->done.late_us);
        *last_us = due_us > *last_us ? due_us : *last_us;
        kafka->late = sim_array_room(kafka->late, kafka->late_count, &kafka->late_capacity,
                                     sizeof(kafka->late[0]));
        kafka->late[kafka->late_count++] =
            (struct sim_late){.record = pending->record, .at_us = *last_us};
    }
    self->pending_count = 0;
    self->first = 0;
    self->waiting = 0;
    self->in_flight = 0;
    self->failed = false;
}

static void sim_close(struct bus *bus)
{
    if (bus) {
        leave_behind(self_of(bus));
        free(self_of(bus)->pending);
        free(self_of(bus));
    }
}

static STATUS sim_reset_producer(struct op *op, struct bus *bus)
{
    (void)op;
    leave_behind(self_of(bus));
    return OK;
}

/* ---- Questions ---- */

static STATUS check(struct op *op, const struct sim_bus *self)
{
    return self->kafka->away ? op_fail(op, STATUS_RETRY, "kafka.unavailable", "simulated") : OK;
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
    const struct sim_kafka *kafka = self_of(bus)->kafka;
    TRY(check(op, self_of(bus)));
    *ret_info = (struct bus_topic_info){.partition_count = kafka->partitions[topic],
                                        .retention_ms = kafka->retention_ms[topic]};
    return OK;
}

static void look_at_end(const struct sim_log *log, struct bus_tail *tail)
{
    int64_t from = (int64_t)log->count - BUS_TAIL_RECORDS;
    for (int64_t at = from < log->low ? log->low : from; at < log->count; at++) {
        const struct bus_record *record = &log->records[at].record;
        bus_tail_take(tail, record->n, record->committed_at_us, at + 1 == log->count);
    }
}

static STATUS sim_tails(struct op *op, struct bus *bus, const enum topic *topics,
                        uint32_t topic_count, int32_t partition, struct bus_tail *ret_tails)
{
    TRY(check(op, self_of(bus)));
    sim_kafka_arrive(self_of(bus)->kafka);
    for (uint32_t i = 0; i < topic_count; i++) {
        const struct sim_log *log = &self_of(bus)->kafka->logs[topics[i]][partition];
        sim_kafka_looked(self_of(bus)->kafka, log);
        ret_tails[i] = (struct bus_tail){.low = log->low, .high = log->count};
        look_at_end(log, &ret_tails[i]);
    }
    return OK;
}

static STATUS sim_read_back(struct op *op, struct bus *bus, const struct bus_range *range,
                            struct bus_record *ret_records)
{
    TRY(check(op, self_of(bus)));
    const struct sim_log *log = &self_of(bus)->kafka->logs[range->topic][range->partition];
    ASSERT(range->to - range->from <= BUS_RANGE_MAX);
    sim_kafka_looked(self_of(bus)->kafka, log);
    if (range->from < log->low || range->to > log->count) {
        return op_fail(op, STATUS_STOP, "bus.offset_gone", "simulated");
    }
    for (int64_t at = range->from; at < range->to; at++) {
        const struct bus_record *from = &log->records[at].record;
        struct bus_record *record = &ret_records[at - range->from];
        *record = *from;
        record->handle = NULL;
        record->key = str_dup(op->arena, from->key);
        record->value = str_dup(op->arena, from->value);
        record->type = str_dup(op->arena, log->records[at].type);
        if (!record->key.ptr || !record->value.ptr || !record->type.ptr) {
            return op_arena_full(op);
        }
    }
    return OK;
}

/* ---- Reading ---- */

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

/* Whether there is something to hear of this place: a record, or that its offset is gone. */
static bool has_news(const struct sim_bus *self, const struct sim_place *place)
{
    const struct sim_log *log = &self->kafka->logs[place->topic][place->partition];
    return place->next != log->count && place->stalls_until_us <= self->kafka->clock->mono_us;
}

static bool stalls(struct sim_bus *self, struct sim_place *place)
{
    struct sim_kafka *kafka = self->kafka;
    if (!sim_kafka_strikes(kafka, kafka->faults.stall, &kafka->done.stall)) {
        return false;
    }
    place->stalls_until_us =
        kafka->clock->mono_us + 1 +
        sim_kafka_some_us(kafka, kafka->faults.stall_us, &kafka->done.stall_us);
    return true;
}

static STATUS sim_poll(struct op *op, struct bus *bus, struct bus_record *ret_record, bool *ret_got)
{
    struct sim_bus *self = self_of(bus);
    *ret_got = false;
    sim_kafka_arrive(self->kafka);
    for (uint32_t i = 0; i < self->assigned_count && !self->kafka->away; i++) {
        uint32_t at = (self->turn + i) % self->assigned_count;
        struct sim_place *place = &self->assigned[at];
        const struct sim_log *log = &self->kafka->logs[place->topic][place->partition];
        if (!has_news(self, place) || stalls(self, place)) {
            continue;
        }
        if (place->next < log->low || place->next > log->count) {
            sim_kafka_looked(self->kafka, log);
            *ret_record = (struct bus_record){
                .topic = place->topic, .partition = place->partition, .offset = place->next};
            sim_unassign(bus, place->topic, place->partition);
            return op_fail(op, STATUS_STOP, "bus.offset_gone", "simulated");
        }
        sim_record_keep(&log->records[place->next]);
        *ret_record = log->records[place->next++].record;
        self->turn = at + 1;
        *ret_got = true;
        return OK;
    }
    return OK;
}

static void sim_release(struct bus *bus, struct bus_record *record)
{
    (void)bus;
    ASSERT(record->handle);
    struct sim_record read = {.record = *record};
    sim_record_drop(&read);
    *record = (struct bus_record){.handle = NULL};
}

static void sim_commit_position(struct bus *bus, enum topic topic, int32_t partition,
                                int64_t next_offset)
{
    (void)bus;
    (void)topic;
    (void)partition;
    (void)next_offset;
}

/* ---- Writing ---- */

static void fail_one(struct sim_bus *self, struct sim_pending *pending, bool written)
{
    if (written) {
        sim_kafka_write(self->kafka, pending->record);
    } else {
        sim_record_drop(&pending->record);
    }
    pending->delivery.ok = false;
    pending->fate = SIM_FATE_FAILED;
}

/* The producer breaks: all that waits fails. Of a partition the first few may be in the log; what is produced
 * afterwards never is. */
static void fail_all(struct sim_bus *self)
{
    bool cut[TOPIC_COUNT][LANES] = {{false}};
    bool was_broken = self->failed;
    self->failed = true;
    for (uint32_t i = self->waiting; i < self->pending_count; i++) {
        struct sim_pending *pending = &self->pending[i];
        bool *ends = &cut[pending->delivery.topic][pending->delivery.partition];
        if (pending->fate == SIM_FATE_WAITING) {
            *ends |= was_broken || self->kafka->faults.fail == 0 ||
                     random_below(self->kafka->random, 2) == 0;
            fail_one(self, pending, !*ends);
        }
    }
}

static bool breaks(struct sim_kafka *kafka)
{
    if (kafka->fail_produce > 0) {
        kafka->fail_produce--;
        return true;
    }
    return sim_kafka_strikes(kafka, kafka->faults.fail, &kafka->done.fail);
}

/* Writes what is due, unless the cluster is away. A failure fails all that follow. */
static void pump(struct sim_bus *self)
{
    struct sim_kafka *kafka = self->kafka;
    sim_kafka_arrive(kafka);
    for (uint32_t i = self->waiting; i < self->pending_count && !kafka->away; i++) {
        struct sim_pending *pending = &self->pending[i];
        if (pending->fate != SIM_FATE_WAITING || pending->write_at_us > kafka->clock->mono_us) {
            continue;
        }
        if (self->failed || breaks(kafka)) {
            fail_all(self);
            break;
        }
        sim_kafka_write(kafka, pending->record);
        pending->delivery.broker_at_ms = kafka->clock->wall_us / 1000;
        pending->fate = SIM_FATE_WRITTEN;
    }
    while (self->waiting < self->pending_count &&
           self->pending[self->waiting].fate != SIM_FATE_WAITING) {
        self->waiting++;
    }
}

/* The later of the two: within a partition nothing overtakes. */
static int64_t in_order(int64_t *last_us, int64_t at_us)
{
    *last_us = at_us > *last_us ? at_us : *last_us;
    return *last_us;
}

static STATUS sim_produce(struct op *op, struct bus *bus, const struct bus_message *message)
{
    struct sim_bus *self = self_of(bus);
    struct sim_kafka *kafka = self->kafka;
    enum topic topic = message->topic;
    int32_t partition = message->partition;
    if (message->value.len > BUS_VALUE_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "kafka.too_large", "simulated");
    }
    if (self->in_flight >= kafka->queue_max ||
        sim_kafka_strikes(kafka, kafka->faults.full, &kafka->done.full)) {
        return op_fail(op, STATUS_RETRY, "kafka.queue_full", "simulated");
    }
    int64_t write_us = kafka->clock->mono_us +
                       sim_kafka_some_us(kafka, kafka->faults.linger_us, &kafka->done.linger_us);
    write_us = in_order(&self->write_at_us[topic][partition], write_us);
    int64_t answer_us =
        write_us + sim_kafka_some_us(kafka, kafka->faults.answer_us, &kafka->done.answer_us);
    answer_us = in_order(&self->answer_at_us[topic][partition], answer_us);
    self->pending = sim_array_room(self->pending, self->pending_count, &self->pending_capacity,
                                   sizeof(self->pending[0]));
    self->pending[self->pending_count++] =
        (struct sim_pending){.record = sim_record_of(message),
                             .delivery = {.topic = topic,
                                          .partition = partition,
                                          .n = message->n,
                                          .message_id = message->message_id,
                                          .ok = true,
                                          .broker_at_ms = -1},
                             .write_at_us = write_us,
                             .answer_at_us = answer_us};
    self->in_flight++;
    pump(self);
    return OK;
}

/* Sends at once what would have waited; the answers come when they come. */
static void sim_hurry(struct bus *bus)
{
    struct sim_bus *self = self_of(bus);
    int64_t now_us = self->kafka->clock->mono_us;
    for (uint32_t i = self->waiting; i < self->pending_count; i++) {
        struct sim_pending *pending = &self->pending[i];
        pending->write_at_us = pending->write_at_us < now_us ? pending->write_at_us : now_us;
    }
    pump(self);
}

static bool is_answered(const struct sim_bus *self, const struct sim_pending *pending)
{
    switch (pending->fate) {
    case SIM_FATE_WAITING:
    case SIM_FATE_TOLD: return false;
    case SIM_FATE_FAILED: return true;
    case SIM_FATE_WRITTEN:
        return pending->answer_at_us <= self->kafka->clock->mono_us && !self->kafka->away;
    }
    UNREACHABLE("fate of a record");
}

static bool sim_delivered(struct bus *bus, struct bus_delivery *ret_delivery)
{
    struct sim_bus *self = self_of(bus);
    pump(self);
    for (uint32_t i = self->first; i < self->pending_count; i++) {
        struct sim_pending *pending = &self->pending[i];
        if (!is_answered(self, pending)) {
            continue;
        }
        *ret_delivery = pending->delivery;
        pending->fate = SIM_FATE_TOLD;
        self->in_flight--;
        while (self->first < self->pending_count &&
               self->pending[self->first].fate == SIM_FATE_TOLD) {
            self->first++;
        }
        if (self->first == self->pending_count) {
            self->pending_count = 0;
            self->first = 0;
            self->waiting = 0;
        }
        return true;
    }
    return false;
}

static uint32_t sim_in_flight(struct bus *bus)
{
    return self_of(bus)->in_flight;
}

/* ---- Waiting ---- */

static bool something_there(const struct sim_bus *self)
{
    for (uint32_t i = 0; i < self->assigned_count && !self->kafka->away; i++) {
        if (has_news(self, &self->assigned[i])) {
            return true;
        }
    }
    for (uint32_t i = self->first; i < self->pending_count; i++) {
        if (is_answered(self, &self->pending[i])) {
            return true;
        }
    }
    return false;
}

static void sim_wait(struct bus *bus, int64_t timeout_ms)
{
    struct sim_bus *self = self_of(bus);
    struct clock_fake *clock = self->kafka->clock;
    int64_t wait_us = timeout_ms * 1000;
    if ((self->woken || something_there(self)) && wait_us > SHORT_WAIT_US) {
        wait_us = SHORT_WAIT_US;
    }
    self->woken = false;
    clock->mono_us += wait_us;
    clock->wall_us += wait_us;
}

static void sim_rest(struct bus *bus, int64_t timeout_us)
{
    struct clock_fake *clock = self_of(bus)->kafka->clock;
    clock->mono_us += timeout_us;
    clock->wall_us += timeout_us;
}

static void sim_wake(struct bus *bus)
{
    self_of(bus)->woken = true;
}

static const struct bus_ops sim_bus_ops = {
    .close = sim_close,
    .cluster_id = sim_cluster_id,
    .topic_info = sim_topic_info,
    .tails = sim_tails,
    .read_back = sim_read_back,
    .assign = sim_assign,
    .unassign = sim_unassign,
    .poll = sim_poll,
    .release = sim_release,
    .wait = sim_wait,
    .rest = sim_rest,
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
