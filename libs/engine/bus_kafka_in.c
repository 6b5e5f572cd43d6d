/* The reading half of the bus over Kafka: partitions, records, headers, positions for lag tools. */
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "engine/bus_kafka_internal.h"

/* Records of partitions that are not ours any more, passed over in one poll: so that poll ends. */
#define STALE_MAX 1024
/* Lag tools look every few seconds; more often is load for nothing. */
#define POSITIONS_EVERY_MS 1000
/* The broker forgets a position that nobody commits for a week: an idle partition's too. */
#define POSITIONS_ALL_EVERY_MS (60 * 60 * 1000)
/* With no broker there, assigning goes on without: the records come when it is back. */
#define MEET_MS 500
/* A record of ours has eight or nine headers; what comes after this many is not looked at. */
#define HEADERS_READ_MAX 32

static struct bus_kafka_partition *partition_of(struct bus_kafka *bus, enum topic topic,
                                                int32_t partition)
{
    ASSERT(topic > TOPIC_NONE && topic < TOPIC_COUNT);
    ASSERT(partition >= 0 && partition < LANES);
    return &bus->partitions[topic][partition];
}

/* An idle handle looks for a topic it does not know only once a second: a claim would wait for that.
 * So the topic is asked for before its first partition is assigned. */
static void meet_topic(struct op *op, struct bus_kafka *bus, enum topic topic)
{
    int32_t count = 0;
    if (!bus->topic_met[topic]) {
        struct status st = kafka_admin_partition_count(
            op, bus->admin, bus_kafka_topic_name(bus, topic), MEET_MS, &count);
        bus->topic_met[topic] = !status_failed(st) && count > 0;
    }
}

STATUS bus_kafka_assign(struct op *op, struct bus *handle, enum topic topic, int32_t partition,
                        int64_t offset)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    struct bus_kafka_partition *entry = partition_of(bus, topic, partition);
    ASSERT(!entry->assigned);
    meet_topic(op, bus, topic);
    TRY(kafka_consumer_assign(op, bus->consumer, bus_kafka_topic_name(bus, topic), partition,
                              offset));
    *entry = (struct bus_kafka_partition){.assigned = true, .next_offset = offset};
    return OK;
}

void bus_kafka_unassign(struct bus *handle, enum topic topic, int32_t partition)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    struct bus_kafka_partition *entry = partition_of(bus, topic, partition);
    if (!entry->assigned) {
        return;
    }
    struct bus_kafka_position *position = &bus->positions[topic][partition];
    if (position->changed) {
        bus_kafka_positions_flush(bus, 0);
    }
    /* Forgotten: repeated later, it would pull the next owner's position back. */
    *position = (struct bus_kafka_position){0};
    kafka_consumer_unassign(bus->consumer, bus_kafka_topic_name(bus, topic), partition);
    *entry = (struct bus_kafka_partition){0};
}

static enum topic topic_of(const struct bus_kafka *bus, const char *name)
{
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        if (strcmp(name, bus->topic_names[topic]) == 0) {
            return topic;
        }
    }
    return TOPIC_NONE;
}

/* The partition that the record belongs to, or NULL: it is not being read. */
static struct bus_kafka_partition *
assigned_partition(struct bus_kafka *bus, const struct kafka_record *record, enum topic *ret_topic)
{
    *ret_topic = record->topic ? topic_of(bus, record->topic) : TOPIC_NONE;
    if (*ret_topic == TOPIC_NONE || record->partition < 0 || record->partition >= LANES) {
        return NULL;
    }
    struct bus_kafka_partition *entry = &bus->partitions[*ret_topic][record->partition];
    return entry->assigned ? entry : NULL;
}

/* A number in a header: once, decimal, not negative. */
static void read_number(struct str value, bool *seen, bool *broken, int64_t *ret_number)
{
    if (*seen || !str_to_i64(value, ret_number) || *ret_number < 0) {
        *broken = true;
    }
    *seen = true;
}

struct bus_kafka_headers bus_kafka_headers_read(const struct kafka_record *record)
{
    struct bus_kafka_headers headers = {0};
    bool n_seen = false;
    bool at_seen = false;
    bool id_seen = false;
    bool broken = false;
    bool id_broken = false;
    struct str name;
    struct str value;
    for (size_t i = 0; i < HEADERS_READ_MAX && kafka_record_header(record, i, &name, &value); i++) {
        if (str_eq(name, STR("hf_n"))) {
            read_number(value, &n_seen, &broken, &headers.n);
        } else if (str_eq(name, STR("hf_at"))) {
            read_number(value, &at_seen, &broken, &headers.committed_at_us);
        } else if (str_eq(name, STR("ce_id"))) {
            id_broken = id_broken || id_seen || !id_parse(value, &headers.message_id);
            id_seen = true;
        } else if (str_eq(name, STR("ce_type"))) {
            headers.type = value;
        }
    }
    headers.numbered = n_seen && at_seen && !broken && headers.n > 0;
    if (!headers.numbered) {
        headers.n = 0;
        headers.committed_at_us = 0;
    }
    if (id_broken) {
        headers.message_id = (struct id){0};
    }
    return headers;
}

struct bus_record bus_kafka_record_of(const struct kafka_record *from, enum topic topic)
{
    struct bus_kafka_headers headers = bus_kafka_headers_read(from);
    return (struct bus_record){
        .topic = topic,
        .partition = from->partition,
        .offset = from->offset,
        .broker_at_ms = from->broker_at_ms,
        .key = from->key,
        .value = from->value,
        .numbered = headers.numbered,
        .n = headers.n,
        .committed_at_us = headers.committed_at_us,
        .message_id = headers.message_id,
        .type = headers.type,
        .handle = from->handle,
    };
}

STATUS bus_kafka_poll(struct op *op, struct bus *handle, struct bus_record *ret_record,
                      bool *ret_got)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    for (int stale = 0; stale < STALE_MAX; stale++) {
        struct kafka_record record = {0};
        bool got = false;
        struct status st = kafka_consumer_poll(op, bus->consumer, 0, &record, &got);
        enum topic topic = TOPIC_NONE;
        struct bus_kafka_partition *entry = assigned_partition(bus, &record, &topic);
        if (status_failed(st)) {
            if (record.topic && !entry) {
                continue; /* of a partition that is not read any more */
            }
            *ret_record = (struct bus_record){
                .topic = topic, .partition = record.partition, .offset = record.offset};
            return st;
        }
        if (!got) {
            break;
        }
        if (!entry || record.offset < entry->next_offset) {
            kafka_record_free(&record);
            continue;
        }
        entry->next_offset = record.offset + 1;
        bus->held_count++;
        *ret_record = bus_kafka_record_of(&record, topic);
        *ret_got = true;
        return OK;
    }
    *ret_got = false;
    return OK;
}

void bus_kafka_release(struct bus *handle, struct bus_record *record)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    ASSERT(record->handle);
    ASSERT(bus->held_count > 0);
    bus->held_count--;
    struct kafka_record read = {.handle = record->handle};
    kafka_record_free(&read);
    *record = (struct bus_record){0};
}

/* ---- Positions, for lag tools ---- */

void bus_kafka_commit_position(struct bus *handle, enum topic topic, int32_t partition,
                               int64_t next_offset)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    ASSERT(partition_of(bus, topic, partition));
    struct bus_kafka_position *position = &bus->positions[topic][partition];
    if (!position->known || position->next_offset != next_offset) {
        *position =
            (struct bus_kafka_position){.known = true, .changed = true, .next_offset = next_offset};
        bus->positions_changed = true;
    }
    bus_kafka_positions_tick(bus);
}

void bus_kafka_positions_tick(struct bus_kafka *bus)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms - bus->positions_all_at_ms >= POSITIONS_ALL_EVERY_MS) {
        for (size_t i = 0; i < (size_t)TOPIC_COUNT * LANES; i++) {
            struct bus_kafka_position *position = &bus->positions[i / LANES][i % LANES];
            position->changed = position->known;
            bus->positions_changed = bus->positions_changed || position->known;
        }
        bus->positions_all_at_ms = now_ms;
    }
    if (bus->positions_changed && now_ms - bus->positions_at_ms >= POSITIONS_EVERY_MS) {
        bus_kafka_positions_flush(bus, 0);
    }
}

void bus_kafka_positions_flush(struct bus_kafka *bus, int wait_ms)
{
    struct kafka_position changed[TOPIC_COUNT * LANES];
    size_t count = 0;
    for (size_t i = 0; i < (size_t)TOPIC_COUNT * LANES; i++) {
        struct bus_kafka_position *position = &bus->positions[i / LANES][i % LANES];
        if (position->changed) {
            changed[count++] = (struct kafka_position){.topic = bus->topic_names[i / LANES],
                                                       .partition = (int32_t)(i % LANES),
                                                       .next_offset = position->next_offset};
            position->changed = false;
        }
    }
    bus->positions_changed = false;
    bus->positions_at_ms = clock_mono_ms();
    kafka_consumer_commit(bus->consumer, changed, count, wait_ms);
}
