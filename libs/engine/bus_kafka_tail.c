/*
 * What the last records of a partition are, for several topics at once: the claim compares it with the
 * database. And what we wrote before, for a database that lost it. A consumer of its own, kept open, so
 * that what is being read is not disturbed.
 */
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "engine/bus_kafka_internal.h"

/* A broker that answers does so in milliseconds; the claim tries again after this. */
#define TAILS_MS 3000
#define ASK_AGAIN_MS 20

struct tails {
    struct bus_kafka *bus;
    const enum topic *topics;
    uint32_t topic_count;
    int32_t partition;
    int64_t until_ms;
    struct bus_tail tails[TOPIC_COUNT];
    bool reading[TOPIC_COUNT]; /* assigned, and its last record has not come */
    int64_t next[TOPIC_COUNT]; /* offset; what was fetched for somebody before us may still come */
    uint32_t reading_count;
};

static int left_ms(const struct tails *tails)
{
    int64_t left = tails->until_ms - clock_mono_ms();
    return left > 0 ? (int)left : 0;
}

static STATUS too_late(struct op *op, const struct tails *tails)
{
    return op_fail(op, STATUS_RETRY, "kafka.unavailable",
                   "the last records of partition %d did not come", (int)tails->partition);
}

static void stop_reading(struct tails *tails, uint32_t i)
{
    if (tails->reading[i]) {
        kafka_consumer_unassign(tails->bus->tail_reader,
                                bus_kafka_topic_name(tails->bus, tails->topics[i]),
                                tails->partition);
        tails->reading[i] = false;
        tails->reading_count--;
    }
}

/* Where each partition begins and ends. A handle that has just been opened, or whose broker is just
 * being replaced, may fail at once: then again, while there is time. */
static STATUS ask_watermarks(struct op *op, struct tails *tails, struct kafka_watermark *marks)
{
    for (;;) {
        struct status st = kafka_consumer_watermarks(op, tails->bus->tail_reader, marks,
                                                     tails->topic_count, left_ms(tails));
        if (st.kind != STATUS_RETRY || left_ms(tails) == 0) {
            return st;
        }
        struct kafka_record record = {0};
        bool got = false;
        TRY(kafka_consumer_poll(op, tails->bus->tail_reader, ASK_AGAIN_MS, &record, &got));
        if (got) {
            kafka_record_free(&record); /* nothing is assigned: a late one */
        }
    }
}

static STATUS start_reading(struct op *op, struct tails *tails)
{
    struct kafka_watermark marks[TOPIC_COUNT] = {0};
    for (uint32_t i = 0; i < tails->topic_count; i++) {
        marks[i].topic = bus_kafka_topic_name(tails->bus, tails->topics[i]);
        marks[i].partition = tails->partition;
    }
    TRY(ask_watermarks(op, tails, marks));
    for (uint32_t i = 0; i < tails->topic_count; i++) {
        tails->tails[i] = (struct bus_tail){.low = marks[i].low, .high = marks[i].high};
        if (marks[i].high <= marks[i].low) {
            continue; /* nothing there: n stays 0 */
        }
        int64_t from = marks[i].high - BUS_TAIL_RECORDS;
        tails->next[i] = from < marks[i].low ? marks[i].low : from;
        TRY(kafka_consumer_assign(op, tails->bus->tail_reader, marks[i].topic, tails->partition,
                                  tails->next[i]));
        tails->reading[i] = true;
        tails->reading_count++;
    }
    return OK;
}

static void take_for(struct tails *tails, uint32_t i, const struct kafka_record *record)
{
    struct bus_tail *tail = &tails->tails[i];
    struct bus_kafka_headers headers = bus_kafka_headers_read(record);
    bool last = record->offset == tail->high - 1;
    bus_tail_take(tail, headers.n, headers.committed_at_us, last);
    tails->next[i]++;
    if (last) {
        stop_reading(tails, i);
    }
}

static void take(struct tails *tails, const struct kafka_record *record)
{
    for (uint32_t i = 0; i < tails->topic_count; i++) {
        const char *name = bus_kafka_topic_name(tails->bus, tails->topics[i]);
        if (tails->reading[i] && record->partition == tails->partition &&
            record->offset == tails->next[i] && strcmp(record->topic, name) == 0) {
            take_for(tails, i, record);
            return;
        }
    }
}

static STATUS read_all(struct op *op, struct tails *tails)
{
    while (tails->reading_count > 0) {
        int wait_ms = left_ms(tails);
        if (wait_ms == 0) {
            return too_late(op, tails);
        }
        struct kafka_record record = {0};
        bool got = false;
        struct status st = kafka_consumer_poll(op, tails->bus->tail_reader, wait_ms, &record, &got);
        if (status_failed(st)) {
            /* Retention may have removed the record since we asked: ask again. */
            return st.kind == STATUS_STOP && strcmp(op->err.code, "bus.offset_gone") == 0
                       ? too_late(op, tails)
                       : st;
        }
        if (got) {
            take(tails, &record);
            kafka_record_free(&record);
        }
    }
    return OK;
}

static STATUS ask(struct op *op, struct tails *tails)
{
    TRY(start_reading(op, tails));
    return read_all(op, tails);
}

STATUS bus_kafka_tails(struct op *op, struct bus *handle, const enum topic *topics,
                       uint32_t topic_count, int32_t partition, struct bus_tail *ret_tails)
{
    ASSERT(topic_count <= TOPIC_COUNT);
    struct tails tails = {
        .bus = bus_kafka_of(handle),
        .topics = topics,
        .topic_count = topic_count,
        .partition = partition,
        .until_ms = clock_mono_ms() + TAILS_MS,
    };
    if (op->deadline_ms != 0 && op->deadline_ms < tails.until_ms) {
        tails.until_ms = op->deadline_ms;
    }
    struct status st = ask(op, &tails);
    for (uint32_t i = 0; i < topic_count; i++) {
        stop_reading(&tails, i);
    }
    TRY(st);
    memcpy(ret_tails, tails.tails, topic_count * sizeof(tails.tails[0]));
    return OK;
}

/* ---- Reading back ---- */

/* A copy that outlives the record it is of. */
static STATUS keep(struct op *op, const struct kafka_record *from, enum topic topic,
                   struct bus_record *ret_record)
{
    struct bus_record record = bus_kafka_record_of(from, topic);
    struct str *texts[] = {&record.key, &record.value, &record.type};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = str_dup(op->arena, *texts[i]);
        if (!texts[i]->ptr) {
            return op_arena_full(op);
        }
    }
    record.handle = NULL;
    *ret_record = record;
    return OK;
}

static STATUS read_range(struct op *op, struct bus_kafka *bus, const struct bus_range *range,
                         struct bus_record *ret_records)
{
    int64_t until_ms = clock_mono_ms() + TAILS_MS;
    int64_t next = range->from;
    while (next < range->to) {
        int64_t left = until_ms - clock_mono_ms();
        if (left <= 0) {
            return op_fail(op, STATUS_RETRY, "kafka.unavailable",
                           "records of partition %d did not come", (int)range->partition);
        }
        struct kafka_record record = {0};
        bool got = false;
        TRY(kafka_consumer_poll(op, bus->tail_reader, (int)left, &record, &got));
        if (!got) {
            continue;
        }
        /* What was fetched for somebody before us may still come. */
        bool wanted = record.partition == range->partition && record.offset == next &&
                      strcmp(record.topic, bus_kafka_topic_name(bus, range->topic)) == 0;
        struct status st =
            wanted ? keep(op, &record, range->topic, &ret_records[next - range->from]) : OK;
        kafka_record_free(&record);
        TRY(st);
        next += wanted ? 1 : 0;
    }
    return OK;
}

STATUS bus_kafka_read_back(struct op *op, struct bus *handle, const struct bus_range *range,
                           struct bus_record *ret_records)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    const char *topic = bus_kafka_topic_name(bus, range->topic);
    ASSERT(range->from <= range->to);
    ASSERT(range->to - range->from <= BUS_RANGE_MAX);
    TRY(kafka_consumer_assign(op, bus->tail_reader, topic, range->partition, range->from));
    struct status st = read_range(op, bus, range, ret_records);
    kafka_consumer_unassign(bus->tail_reader, topic, range->partition);
    return st;
}
