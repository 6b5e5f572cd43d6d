/*
 * The topics against the outboxes and positions. A partition's first occurrences are what happened;
 * everything that comes again must be the same.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/defer.h"
#include "engine/engine_tables.h"
#include "escrow/escrow_repo.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "holdfast/gateway/v1/claims.pb-c.h"
#include "holdfast/notifications/v1/messages.pb-c.h"
#include "holdfast/oracle/v1/events.pb-c.h"
#include "holdfast/payments/v1/events.pb-c.h"
#include "sim_check_internal.h"
#include "wire/wire.h"

#define NAME_BYTES 96
#define CLOCKS_APART_US \
    (60 * INT64_C(1000000)) /* two clocks that are no further apart may both be right */

static const char *topic_name(enum topic topic)
{
    return topology_topics[topic].name;
}

/* One record's bytes, whatever comes of them: what is published twice is the same. */
static uint64_t content_of(const struct bus_record *record)
{
    const struct str id = {.ptr = (const char *)record->message_id.bytes,
                           .len = sizeof(record->message_id.bytes)};
    return hash_spread(record->value) * 31 + hash_spread(record->key) * 7 + hash_spread(id);
}

/* ---- What records of ours say ---- */

static bool unpack(struct sim_check *check, const ProtobufCMessageDescriptor *descriptor,
                   const struct bus_record *record, ProtobufCMessage **ret_message)
{
    arena_reset(&check->arena);
    struct op op = {.arena = &check->arena};
    return !status_failed(
        wire_unpack(&op, descriptor, record->value, WIRE_BUDGET_BYTES, ret_message));
}

static struct id id_of(ProtobufCBinaryData bytes)
{
    struct id id = {.bytes = {0}};
    for (size_t i = 0; i < sizeof(id.bytes) && bytes.len == sizeof(id.bytes); i++) {
        id.bytes[i] = bytes.data[i];
    }
    return id;
}

static void count_seq(int64_t *last, int64_t seq, struct id escrow_id, const char *what,
                      struct sim_verdict *verdict)
{
    if (seq != *last + 1) {
        sim_verdict_fail(verdict, SIM_RULE_SEQ, "escrow %s: %s has seq %" PRId64 " after %" PRId64,
                         check_text(escrow_id), what, seq, *last);
    }
    *last = seq;
}

static void read_escrow_event(struct sim_check *check, const struct bus_record *record,
                              struct sim_verdict *verdict)
{
    ProtobufCMessage *message;
    if (!unpack(check, &holdfast__escrow__v1__escrow_event__descriptor, record, &message)) {
        sim_verdict_fail(verdict, SIM_RULE_SEQ, "an event of escrow cannot be read");
        return;
    }
    const Holdfast__Escrow__V1__EscrowEvent *event =
        (const Holdfast__Escrow__V1__EscrowEvent *)message;
    struct id escrow_id = id_of(event->escrow_id);
    if (event->body_case != HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_COMMAND_REJECTED) {
        count_seq(&check_deal(check, escrow_id)->escrow_seq, event->seq, escrow_id, "escrow",
                  verdict);
    }
}

static enum payments_event_kind payments_kind(const Holdfast__Payments__V1__PaymentsEvent *event)
{
    /* The bodies are in the order of the kinds. */
    return (enum payments_event_kind)(
        event->body_case - HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_PAYMENT_INTENT_CREATED +
        PAYMENTS_PAYMENT_INTENT_CREATED);
}

/* INV28: a leg settles once. A charge may be declined often; a refund may fail after it succeeded. */
static void check_told(const struct check_leg *leg, struct sim_verdict *verdict)
{
    bool twice = leg->told[PAYMENTS_PAYMENT_INTENT_CREATED] > 1 ||
                 leg->told[PAYMENTS_PAYMENT_SUCCEEDED] > 1 ||
                 leg->told[PAYMENTS_PAYMENT_CANCELED] > 1 ||
                 leg->told[PAYMENTS_TRANSFER_SUCCEEDED] + leg->told[PAYMENTS_TRANSFER_FAILED] > 1 ||
                 leg->told[PAYMENTS_REFUND_SUCCEEDED] > 1 || leg->told[PAYMENTS_REFUND_FAILED] > 1;
    if (twice) {
        sim_verdict_fail(verdict, SIM_RULE_ONE_EVENT, "leg %s settled more than once",
                         check_text(leg->id));
    }
}

static void read_payments_event(struct sim_check *check, const struct bus_record *record,
                                struct sim_verdict *verdict)
{
    ProtobufCMessage *message;
    if (!unpack(check, &holdfast__payments__v1__payments_event__descriptor, record, &message)) {
        sim_verdict_fail(verdict, SIM_RULE_SEQ, "an event of payments cannot be read");
        return;
    }
    const Holdfast__Payments__V1__PaymentsEvent *event =
        (const Holdfast__Payments__V1__PaymentsEvent *)message;
    struct id escrow_id = id_of(event->escrow_id);
    count_seq(&check_deal(check, escrow_id)->payments_seq, event->seq, escrow_id, "payments",
              verdict);
    enum payments_event_kind kind = payments_kind(event);
    if (kind > PAYMENTS_EVENT_NONE && kind < PAYMENTS_EVENT_COUNT) {
        struct check_leg *leg = check_leg(check, id_of(event->leg_id));
        leg->told[kind]++;
        check_told(leg, verdict);
    }
}

/* ---- Deadlines (INV32) ---- */

/* When the clock that this transition of the deal started is to fire: by the deal's terms, whatever oracle was told
 * or says. False: it started none of this kind. */
static bool find_deadline(const struct sim_check *check, struct id escrow_id,
                          struct check_clock clock, int64_t *ret_deadline_us)
{
    const struct sim_db *db = check->place->dbs[SIM_ESCROW];
    const struct escrow_transition like = {.escrow_id = escrow_id, .seq = clock.seq};
    const struct escrow_transition *started = sim_db_find(db, &escrow_transition_table, &like);
    const struct escrow escrow_like = {.id = escrow_id};
    const struct escrow *escrow = sim_db_find(db, &escrow_table, &escrow_like);
    if (!started || !escrow || clock.kind == (int)ESCROW_TIMER_NONE ||
        clock.kind != (int)escrow_timer_of(started->to_state)) {
        return false;
    }
    bool apart = escrow->milestone_count > 0 && (clock.kind == (int)ESCROW_TIMER_INSPECTION ||
                                                 clock.kind == (int)ESCROW_TIMER_ANSWER);
    *ret_deadline_us =
        apart ? check_milestone_end(check, escrow, clock.seq)
              : started->at_us + escrow_period_us(escrow, (enum escrow_timer)clock.kind);
    return true;
}

static void check_moment(struct sim_check *check, const struct bus_record *record,
                         struct id escrow_id, int64_t deadline_us, struct sim_verdict *verdict)
{
    if (record->committed_at_us < deadline_us) {
        sim_verdict_fail(verdict, SIM_RULE_TOO_EARLY,
                         "escrow %s: a timer fired %" PRId64 " us before its time",
                         check_text(escrow_id), deadline_us - record->committed_at_us);
    }
    /* Sandbox time only grows: it was no more when it fired. */
    const struct sim_db *oracle = check->place->dbs[SIM_ORACLE];
    int64_t sandbox_us = sim_db_decision_us(oracle) - sim_db_now_us(oracle);
    int64_t early_us = deadline_us - (record->broker_at_ms + 1) * 1000 - sandbox_us;
    if (early_us > CLOCKS_APART_US) {
        sim_verdict_fail(verdict, SIM_RULE_TOO_EARLY,
                         "escrow %s: a timer fired %" PRId64 " us before its time by Kafka's clock",
                         check_text(escrow_id), early_us);
    }
}

static void check_fired_once(struct sim_check *check, struct id escrow_id, struct check_clock clock,
                             struct sim_verdict *verdict)
{
    char name[NAME_BYTES];
    struct strbuf buf;
    struct str text;
    strbuf_init_fixed(&buf, name, sizeof(name));
    strbuf_addf(&buf, "%d %" PRId64, clock.kind, clock.seq);
    bool fits = strbuf_finish(&buf, &text);
    ASSERT(fits);
    struct id firing = id_v5(escrow_id, text);
    if (sim_index_get(&check->fired, firing) != SIM_INDEX_NONE) {
        sim_verdict_fail(verdict, SIM_RULE_TOO_EARLY, "escrow %s: timer %s fired twice",
                         check_text(escrow_id), name);
    }
    sim_index_set(&check->fired, firing, 0);
}

static void read_firing(struct sim_check *check, const struct bus_record *record,
                        struct sim_verdict *verdict)
{
    ProtobufCMessage *message;
    if (!unpack(check, &holdfast__oracle__v1__oracle_event__descriptor, record, &message) ||
        !((const Holdfast__Oracle__V1__OracleEvent *)message)->timer_fired) {
        sim_verdict_fail(verdict, SIM_RULE_TOO_EARLY, "a firing of oracle cannot be read");
        return;
    }
    const Holdfast__Oracle__V1__OracleEvent *event =
        (const Holdfast__Oracle__V1__OracleEvent *)message;
    const Holdfast__Oracle__V1__TimerFired *fired = event->timer_fired;
    const struct check_clock clock = {.kind = (int)fired->kind, .seq = fired->generation};
    struct id escrow_id = id_of(event->escrow_id);
    int64_t deadline_us = 0;
    bool known = find_deadline(check, escrow_id, clock, &deadline_us);
    if (!known || fired->due_at_us != deadline_us) {
        sim_verdict_fail(verdict, SIM_RULE_TOO_EARLY,
                         "escrow %s: timer %d of seq %" PRId64 " fired for %" PRId64
                         ", its deadline is %" PRId64,
                         check_text(escrow_id), clock.kind, clock.seq, fired->due_at_us,
                         deadline_us);
    }
    if (known) {
        check_moment(check, record, escrow_id, deadline_us, verdict);
    }
    check_fired_once(check, escrow_id, clock, verdict);
    check_cause(check, record->message_id)->fired = clock;
}

static void read_record(struct sim_check *check, const struct bus_record *record,
                        struct sim_verdict *verdict)
{
    if (record->topic == TOPIC_ESCROW_EVENTS_V1) {
        read_escrow_event(check, record, verdict);
    } else if (record->topic == TOPIC_PAYMENTS_EVENTS_V1) {
        read_payments_event(check, record, verdict);
    } else if (record->topic == TOPIC_ORACLE_EVENTS_V1) {
        read_firing(check, record, verdict);
    }
}

/* ---- Lane-written topics ---- */

static void make_room(struct check_line *line, int64_t n)
{
    uint32_t capacity = line->capacity ? line->capacity : 64;
    while ((int64_t)capacity < n) {
        capacity *= 2;
    }
    if (capacity == line->capacity) {
        return;
    }
    int64_t *at_us = realloc(line->at_us, capacity * sizeof(*at_us));
    uint64_t *contents = realloc(line->contents, capacity * sizeof(*contents));
    ASSERT(at_us);
    ASSERT(contents);
    line->at_us = at_us;
    line->contents = contents;
    for (uint32_t i = line->capacity; i < capacity; i++) {
        line->at_us[i] = 0;
    }
    line->capacity = capacity;
}

/* R1: the outbox forgets what was published 180 days ago by its database's clock, which may have been wrong by days. */
#define FORGOTTEN_AFTER_US (177 * 24 * INT64_C(3600) * 1000000)

static bool is_forgotten(const struct sim_db *db, const struct bus_record *record)
{
    const struct lane_out_row like = {.lane = record->partition,
                                      .topic = str_of(topic_name(record->topic))};
    const struct lane_out_row *out = sim_db_find(db, &engine_lane_out_table, &like);
    return out && record->n < out->first_n &&
           sim_db_decision_us(db) - record->committed_at_us > FORGOTTEN_AFTER_US;
}

/* INV13, one half: what was published is what was committed. */
static void check_committed(struct sim_check *check, const struct bus_record *record,
                            struct sim_verdict *verdict)
{
    enum sim_service writer = check_service(topology_topics[record->topic].writer);
    const struct outbox_row like = {
        .lane = record->partition, .topic = record->topic, .n = record->n};
    const struct sim_db *db = check->place->dbs[writer];
    const struct outbox_row *row = sim_db_find(db, &engine_outbox_table, &like);
    if (!row && is_forgotten(db, record)) {
        return;
    }
    if (!row || !id_eq(row->id, record->message_id) || !str_eq(row->payload, record->value) ||
        row->committed_at_us != record->committed_at_us) {
        sim_verdict_fail(verdict, SIM_RULE_OUTBOX,
                         "%s/%d n %" PRId64 " was published and not committed so",
                         topic_name(record->topic), record->partition, record->n);
    }
}

/* INV15 and INV16. */
static void read_numbered(struct sim_check *check, struct check_line *line,
                          const struct bus_record *record, struct sim_verdict *verdict)
{
    const char *name = topic_name(record->topic);
    if (!record->numbered || record->n < 1) {
        sim_verdict_fail(verdict, SIM_RULE_GAPLESS, "%s/%d has a record without a number", name,
                         record->partition);
        return;
    }
    make_room(line, record->n);
    int64_t *at_us = &line->at_us[record->n - 1];
    uint64_t content = content_of(record);
    if (*at_us != 0) {
        if (*at_us != record->committed_at_us || line->contents[record->n - 1] != content) {
            sim_verdict_fail(verdict, SIM_RULE_SAME_N, "%s/%d n %" PRId64 " is two records", name,
                             record->partition, record->n);
        }
        return;
    }
    bool next = record->n == line->max_n + 1;
    bool later = record->n == 1 || record->committed_at_us >= line->at_us[record->n - 2];
    if (!next || !later) {
        sim_verdict_fail(verdict, SIM_RULE_GAPLESS, "%s/%d n %" PRId64 " comes after %" PRId64,
                         name, record->partition, record->n, line->max_n);
    }
    *at_us = record->committed_at_us;
    line->contents[record->n - 1] = content;
    line->max_n = record->n > line->max_n ? record->n : line->max_n;
    check_committed(check, record, verdict);
    read_record(check, record, verdict);
}

/* ---- Intake topics ---- */

/* What is made anew after a restore, posted by a lane or asked for again with the same key; NULL: nothing is. */
static const ProtobufCMessageDescriptor *made_anew(enum topic topic)
{
    static const ProtobufCMessageDescriptor *const descriptors[TOPIC_COUNT] = {
        [TOPIC_ESCROW_COMMANDS_V1] = &holdfast__escrow__v1__escrow_command__descriptor,
        [TOPIC_GATEWAY_CLAIMS_V1] = &holdfast__gateway__v1__gateway_claim__descriptor,
        [TOPIC_GATEWAY_COMMANDS_V1] = &holdfast__gateway__v1__gateway_command__descriptor,
        [TOPIC_NOTIFICATIONS_MESSAGES_V1] =
            &holdfast__notifications__v1__notifications_message__descriptor,
    };

    return descriptors[topic];
}

/* It then tells another time and correlation, and the same in all else. */
static uint64_t said_by(struct sim_check *check, const struct bus_record *record)
{
    const ProtobufCMessageDescriptor *descriptor = made_anew(record->topic);
    ProtobufCMessage *message;
    if (!descriptor || !unpack(check, descriptor, record, &message)) {
        return content_of(record);
    }
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(descriptor, "meta");
    Holdfast__Common__V1__Meta **meta = (void *)((char *)message + field->offset);
    struct op op = {.arena = &check->arena};
    struct bus_record timeless = *record;
    (*meta)->committed_at_us = 0;
    (*meta)->correlation_id.len = 0;
    struct status st = wire_pack(&op, message, &timeless.value);
    ASSERT(!status_failed(st));
    return content_of(&timeless);
}

/* INV14: nothing in here may differ from what came first under its id. */
static void read_unnumbered(struct sim_check *check, const struct bus_record *record, uint32_t at,
                            struct sim_verdict *verdict)
{
    struct check_record *known = check_record(check, record->message_id);
    uint64_t content = said_by(check, record);
    struct id key = {.bytes = {0}};
    (void)id_parse(record->key, &key);
    if (known->topic == TOPIC_NONE) {
        *known = (struct check_record){.key = key,
                                       .content = content,
                                       .topic = record->topic,
                                       .lane = record->partition,
                                       .at = at};
    } else if (known->content != content || known->topic != record->topic) {
        sim_verdict_fail(verdict, SIM_RULE_INBOX, "message %s is two records in %s",
                         check_text(record->message_id), topic_name(record->topic));
    }
}

/* A record of all that was ever in a partition: what it lost, then what it has. */
static struct bus_record ever(const struct sim_kafka *kafka, enum topic topic, int32_t lane,
                              uint32_t at)
{
    uint32_t lost = sim_kafka_lost_count(kafka, topic, lane);
    return at < lost ? sim_kafka_lost(kafka, topic, lane, at)
                     : sim_kafka_record(kafka, topic, lane, at - lost);
}

/* Where records were lost, what came first is not told by the log any more: in the order of n, each once. */
static void read_again(struct sim_check *check, struct check_line *line, enum topic topic,
                       int32_t lane, struct sim_verdict *verdict)
{
    const struct sim_kafka *kafka = check->place->kafka;
    uint32_t count = sim_kafka_lost_count(kafka, topic, lane) + sim_kafka_count(kafka, topic, lane);
    int64_t highest = 0;
    for (uint32_t at = 0; at < count; at++) {
        int64_t n = ever(kafka, topic, lane, at).n;
        highest = n > highest ? n : highest;
    }
    uint32_t *first = calloc((size_t)highest + 1, sizeof(*first)); /* by n; one more than at */
    ASSERT(first);
    for (uint32_t at = 0; at < count; at++) {
        int64_t n = ever(kafka, topic, lane, at).n;
        first[n] = first[n] == 0 ? at + 1 : first[n];
    }
    for (int64_t n = 1; n <= highest; n++) {
        if (first[n] > 0) {
            struct bus_record record = ever(kafka, topic, lane, first[n] - 1);
            read_numbered(check, line, &record, verdict);
        }
    }
    free(first);
}

void sim_check_losing(struct sim_check *check, struct sim_verdict *verdict)
{
    check_topics(check, verdict);
}

void check_topics(struct sim_check *check, struct sim_verdict *verdict)
{
    for (int topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        for (int32_t lane = 0; lane < LANES; lane++) {
            struct check_line *line = &check->lines[topic][lane];
            uint32_t count = sim_kafka_count(check->place->kafka, (enum topic)topic, lane);
            uint32_t lost = sim_kafka_lost_count(check->place->kafka, (enum topic)topic, lane);
            if (lost != line->lost) { /* what it has now is other records, or the same again */
                line->lost = lost;
                line->cursor = 0;
            }
            if (lost > 0 && line->max_n == 0 && topology_topics[topic].kind == TOPOLOGY_LANE) {
                read_again(check, line, (enum topic)topic, lane, verdict);
            }
            while (line->cursor < count) {
                uint32_t at = line->cursor++;
                struct bus_record record =
                    sim_kafka_record(check->place->kafka, (enum topic)topic, lane, at);
                if (topology_topics[topic].kind == TOPOLOGY_LANE) {
                    read_numbered(check, line, &record, verdict);
                } else if (topology_topics[topic].kind == TOPOLOGY_INTAKE) {
                    read_unnumbered(check, &record, at, verdict);
                }
            }
        }
    }
}

/* ---- Positions ---- */

static const struct lane_in_row *
position_of(const struct sim_check *check, enum sim_service service, enum topic topic, int32_t lane)
{
    const struct lane_in_row like = {.lane = lane, .topic = str_of(topic_name(topic))};
    return sim_db_find(check->place->dbs[service], &engine_lane_in_table, &like);
}

typedef void look_at(struct sim_check *check, enum sim_service service, enum topic topic,
                     int32_t lane, struct sim_verdict *verdict);

/* Every partition of every topic, for each service that reads it. */
static void for_each_reader(struct sim_check *check, look_at *look, struct sim_verdict *verdict)
{
    for (int topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        for (int i = 0; topology_topics[topic].readers[i]; i++) {
            enum sim_service reader = check_service(topology_topics[topic].readers[i]);
            for (int32_t lane = 0; reader < SIM_SERVICE_COUNT && lane < LANES; lane++) {
                look(check, reader, (enum topic)topic, lane, verdict);
            }
        }
    }
}

/* INV17 */
static void check_position(struct sim_check *check, enum sim_service service, enum topic topic,
                           int32_t lane, struct sim_verdict *verdict)
{
    const struct lane_in_row *row = position_of(check, service, topic, lane);
    uint32_t count = sim_kafka_count(check->place->kafka, topic, lane);
    bool lost = sim_kafka_lost_count(check->place->kafka, topic, lane) > 0; /* then by n alone */
    if (row &&
        ((row->next_offset > count && !lost) || row->last_n > check->lines[topic][lane].max_n)) {
        sim_verdict_fail(verdict, SIM_RULE_POSITION,
                         "%d reads %s/%d at %" PRId64 " (n %" PRId64 "), which ends at %u",
                         (int)service, topic_name(topic), lane, row->next_offset, row->last_n,
                         count);
    }
}

void check_positions(struct sim_check *check, struct sim_verdict *verdict)
{
    for_each_reader(check, check_position, verdict);
}

static void check_consumed(struct sim_check *check, enum sim_service service, enum topic topic,
                           int32_t lane, struct sim_verdict *verdict)
{
    const struct lane_in_row *row = position_of(check, service, topic, lane);
    uint32_t count = sim_kafka_count(check->place->kafka, topic, lane);
    int64_t next_offset = row ? row->next_offset : 0;
    int64_t last_n = row ? row->last_n : 0;
    if (next_offset != count || last_n != check->lines[topic][lane].max_n) {
        sim_verdict_fail(verdict, SIM_RULE_CAUGHT_UP,
                         "%d reads %s/%d at %" PRId64 " (n %" PRId64 "), which ends at %u",
                         (int)service, topic_name(topic), lane, next_offset, last_n, count);
    }
}

void check_caught_up(struct sim_check *check, struct sim_verdict *verdict)
{
    check_topics(check, verdict);
    for_each_reader(check, check_consumed, verdict);
}

/* ---- Once drained ---- */

enum topic check_topic_named(struct str name)
{
    int topic = TOPIC_NONE + 1;
    while (topic < TOPIC_COUNT && !str_eq(name, str_of(topic_name((enum topic)topic)))) {
        topic++;
    }
    return topic < TOPIC_COUNT ? (enum topic)topic : TOPIC_NONE;
}

/* Up to where the log holds every number, in whatever order: what Kafka lost is there again (R7). */
static int64_t whole_n(const struct sim_kafka *kafka, enum topic topic, int32_t lane)
{
    uint32_t count = sim_kafka_count(kafka, topic, lane);
    int64_t whole = 0;
    int64_t before;
    do {
        before = whole;
        for (uint32_t at = 0; at < count; at++) {
            whole += sim_kafka_record(kafka, topic, lane, at).n == whole + 1 ? 1 : 0;
        }
    } while (whole != before);
    return whole;
}

static void check_outbox(struct sim_check *check, const struct lane_out_row *row,
                         struct sim_verdict *verdict)
{
    enum topic topic = check_topic_named(row->topic);
    const struct check_line *line = &check->lines[topic][row->lane];
    bool whole = line->max_n == row->next_n - 1 &&
                 whole_n(check->place->kafka, topic, row->lane) == line->max_n;
    for (int64_t n = 1; whole && n <= line->max_n; n++) {
        whole = line->at_us[n - 1] != 0;
    }
    if (!whole || row->published_n != row->next_n - 1) {
        sim_verdict_fail(verdict, SIM_RULE_OUTBOX,
                         "%s/%d: committed up to %" PRId64 ", published up to %" PRId64
                         ", in the log up to %" PRId64,
                         topic_name(topic), row->lane, row->next_n - 1, row->published_n,
                         line->max_n);
    }
}

/* INV13, the other half: what was committed is published. */
void check_published(struct sim_check *check, struct sim_verdict *verdict)
{
    check_topics(check, verdict);
    for (int service = 0; service < SIM_SERVICE_COUNT; service++) {
        uint32_t cursor = 0;
        const struct lane_out_row *row;
        while ((row = sim_db_next(check->place->dbs[service], &engine_lane_out_table, &cursor))) {
            check_outbox(check, row, verdict);
        }
    }
}

/* INV14: what came in was noted by whoever reads it, once. */
void check_inboxes(struct sim_check *check, struct sim_verdict *verdict)
{
    for (uint32_t slot = 0; slot < check->record_index.slot_count; slot++) {
        if (check->record_index.numbers[slot] == 0) {
            continue;
        }
        struct id id = check->record_index.keys[slot];
        const struct check_record *record = &check->records[check->record_index.numbers[slot] - 1];
        enum sim_service reader = check_service(topology_topics[record->topic].readers[0]);
        const struct inbox_row like = {.id = id};
        bool poisoned = check->traffic && sim_traffic_is_poisoned(check->traffic, record->key);
        const struct inbox_row *row =
            sim_db_find(check->place->dbs[reader], &engine_inbox_table, &like);
        if (!poisoned && (!row || !id_eq(row->key, record->key))) {
            sim_verdict_fail(verdict, SIM_RULE_INBOX, "message %s of %s is in no inbox",
                             check_text(id), topic_name(record->topic));
        }
    }
}
