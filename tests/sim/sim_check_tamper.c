/* Rows and records that no service of ours would write. */
#include "sim_check_tamper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/lane.h"
#include "engine/engine_tables.h"
#include "escrow/escrow_repo.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "holdfast/oracle/v1/events.pb-c.h"
#include "holdfast/payments/v1/events.pb-c.h"
#include "payments/payments_repo.h"
#include "sim_check_internal.h"
#include "sim_rows.h"
#include "wire/wire.h"

/* ---- Parts ---- */

void tamper_a_part_is_paid_by_nobody(struct sim_run *run)
{
    CHANGED(struct escrow_part, part, tamper_first_row(run, SIM_ESCROW, &escrow_part_table));
    part.state = part.state == ESCROW_PART_PAID ? ESCROW_PART_SENDING : ESCROW_PART_PAID;
    tamper_put(run, SIM_ESCROW, &escrow_part_table, &part);
}

void tamper_a_part_was_never_released(struct sim_run *run)
{
    CHANGED(struct escrow_part, part, tamper_first_row(run, SIM_ESCROW, &escrow_part_table));
    part.id = part.leg_id = tamper_fresh();
    part.amount_minor = 0;
    part.state = ESCROW_PART_SENDING;
    tamper_put(run, SIM_ESCROW, &escrow_part_table, &part);
}

void tamper_a_part_brings_more(struct sim_run *run)
{
    CHANGED(struct escrow_part, part, tamper_first_row(run, SIM_ESCROW, &escrow_part_table));
    part.amount_minor++;
    tamper_put(run, SIM_ESCROW, &escrow_part_table, &part);
}

void tamper_more_was_released(struct sim_run *run)
{
    CHANGED(struct escrow, escrow, tamper_deal_in(run, ESCROW_EXPIRED));
    escrow.released_minor++;
    tamper_put(run, SIM_ESCROW, &escrow_table, &escrow);
}

void tamper_more_was_returned(struct sim_run *run)
{
    CHANGED(struct escrow, escrow, tamper_deal_in(run, ESCROW_EXPIRED));
    escrow.returned_minor++;
    tamper_put(run, SIM_ESCROW, &escrow_table, &escrow);
}

void tamper_a_part_went_to_the_other_one(struct sim_run *run)
{
    CHANGED(struct escrow_part, part, tamper_first_row(run, SIM_ESCROW, &escrow_part_table));
    part.to_buyer = !part.to_buyer;
    tamper_put(run, SIM_ESCROW, &escrow_part_table, &part);
}

/* ---- Finding things ---- */

const struct escrow *tamper_deal_in(struct sim_run *run, enum escrow_state state)
{
    uint32_t cursor = 0;
    const struct escrow *escrow;
    while ((escrow = sim_db_next(run->place.dbs[SIM_ESCROW], &escrow_table, &cursor))) {
        if (escrow->state == state) {
            return escrow;
        }
    }
    fail_msg("no deal in state %s", escrow_state_name(state));
    return NULL;
}

const void *tamper_first_row(struct sim_run *run, enum sim_service service,
                             const struct table *table)
{
    uint32_t cursor = 0;
    const void *row = sim_db_next(run->place.dbs[service], table, &cursor);
    assert_non_null(row);
    return row;
}

void tamper_put(struct sim_run *run, enum sim_service service, const struct table *table,
                const void *row)
{
    /* The stored row's texts are freed when it is replaced by what borrows them. */
    void *copy = sim_row_copy(table, row);
    sim_db_put(run->place.dbs[service], table, copy);
    sim_row_drop(copy);
}

struct id tamper_fresh(void)
{
    static uint32_t count;
    char name[16];
    (void)snprintf(name, sizeof(name), "%u", count++);
    return id_v5(id_namespace(STR("test/check")), str_of(name));
}

/* ---- Records ---- */

static struct lane_out_row line_of(struct sim_run *run, enum sim_service writer, enum topic topic,
                                   int32_t lane)
{
    const struct lane_out_row like = {.lane = lane, .topic = str_of(topology_topics[topic].name)};
    const struct lane_out_row *row =
        sim_db_find(run->place.dbs[writer], &engine_lane_out_table, &like);
    struct lane_out_row fallback = like;
    fallback.next_n = 1;
    fallback.first_n = 1;
    return row ? *row : fallback;
}

static void append(struct sim_run *run, const struct outbox_row *row, enum topic topic, int64_t n)
{
    char key[ID_TEXT_BYTES];
    id_format(row->aggregateid, key);
    const struct bus_message message = {
        .topic = topic,
        .partition = row->lane,
        .n = n,
        .committed_at_us = row->committed_at_us,
        .message_id = row->id,
        .type = STR("test"),
        .key = str_of(key),
        .value = row->payload,
    };
    sim_kafka_append(run->place.kafka, &message);
}

/* As if the writer had decided and published it, and everybody had read it. */
static struct outbox_row publish(struct sim_run *run, enum topic topic, struct id key,
                                 struct str payload)
{
    enum sim_service writer = check_service(topology_topics[topic].writer);
    struct lane_out_row line = line_of(run, writer, topic, lane_of_key(key));
    int64_t now_us = sim_db_decision_us(run->place.dbs[writer]);
    const struct outbox_row row = {
        .lane = line.lane,
        .topic = topic,
        .n = line.next_n,
        .id = tamper_fresh(),
        .aggregatetype = line.topic,
        .aggregateid = key,
        .type = STR("test"),
        .payload = payload,
        .committed_at_us = now_us,
    };
    tamper_put(run, writer, &engine_outbox_table, &row);
    line.next_n++;
    line.published_n = line.next_n - 1;
    tamper_put(run, writer, &engine_lane_out_table, &line);
    append(run, &row, topic, row.n);
    for (int i = 0; topology_topics[topic].readers[i]; i++) {
        enum sim_service reader = check_service(topology_topics[topic].readers[i]);
        const struct lane_in_row in = {
            .lane = line.lane,
            .topic = str_of(topology_topics[topic].name),
            .next_offset = sim_kafka_count(run->place.kafka, topic, line.lane),
            .last_n = row.n,
        };
        tamper_put(run, reader, &engine_lane_in_table, &in);
    }
    return row;
}

void tamper_a_number_is_left_out(struct sim_run *run)
{
    struct outbox_row row = publish(run, TOPIC_ORACLE_DLQ_V1, tamper_fresh(), STR("a"));
    append(run, &row, TOPIC_ORACLE_DLQ_V1, row.n + 2);
}

void tamper_a_number_has_two_records(struct sim_run *run)
{
    struct outbox_row row = publish(run, TOPIC_ORACLE_DLQ_V1, tamper_fresh(), STR("a"));
    row.payload = STR("b");
    append(run, &row, TOPIC_ORACLE_DLQ_V1, row.n);
}

void tamper_a_record_was_never_committed(struct sim_run *run)
{
    struct outbox_row row = publish(run, TOPIC_ORACLE_DLQ_V1, tamper_fresh(), STR("a"));
    row.payload = STR("b");
    tamper_put(run, SIM_ORACLE, &engine_outbox_table, &row);
}

void tamper_the_outbox_forgets_too_early(struct sim_run *run)
{
    struct outbox_row row = publish(run, TOPIC_ORACLE_DLQ_V1, tamper_fresh(), STR("a"));
    row.id = tamper_fresh();
    append(run, &row, TOPIC_ORACLE_DLQ_V1, row.n + 1);
    struct lane_out_row line = line_of(run, SIM_ORACLE, TOPIC_ORACLE_DLQ_V1, row.lane);
    line.published_n = row.n + 1;
    line.next_n = row.n + 2;
    line.first_n = line.next_n;
    tamper_put(run, SIM_ORACLE, &engine_lane_out_table, &line);
}

void tamper_a_commit_was_never_published(struct sim_run *run)
{
    CHANGED(struct lane_out_row, line, tamper_first_row(run, SIM_ESCROW, &engine_lane_out_table));
    line.next_n++;
    tamper_put(run, SIM_ESCROW, &engine_lane_out_table, &line);
}

static void fill_id(struct sim_run *run, struct id id, ProtobufCBinaryData *ret_bytes)
{
    assert_int_equal(wire_fill_id(&run->world->op, id, ret_bytes).kind, STATUS_OK);
}

static struct str packed(struct sim_run *run, const ProtobufCMessage *message)
{
    struct str bytes;
    assert_int_equal(wire_pack(&run->world->op, message, &bytes).kind, STATUS_OK);
    return bytes;
}

static void publish_payments(struct sim_run *run, const struct leg *leg, int64_t seq)
{
    Holdfast__Payments__V1__PaymentsEvent event;
    Holdfast__Payments__V1__TransferSucceeded body;
    holdfast__payments__v1__payments_event__init(&event);
    holdfast__payments__v1__transfer_succeeded__init(&body);
    event.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_TRANSFER_SUCCEEDED;
    event.transfer_succeeded = &body;
    event.seq = seq;
    fill_id(run, leg->escrow_id, &event.escrow_id);
    fill_id(run, leg->id, &event.leg_id);
    (void)publish(run, TOPIC_PAYMENTS_EVENTS_V1, leg->escrow_id, packed(run, &event.base));
}

static const struct leg *transfer_leg(struct sim_run *run)
{
    uint32_t cursor = 0;
    const struct leg *leg;
    while ((leg = sim_db_next(run->place.dbs[SIM_PAYMENTS], &payments_repo_leg, &cursor))) {
        if (leg->kind == LEG_TRANSFER && leg->state == LEG_DONE) {
            return leg;
        }
    }
    fail_msg("no transfer");
    return NULL;
}

void tamper_a_leg_settles_twice(struct sim_run *run)
{
    const struct leg *leg = transfer_leg(run);
    const struct payment like = {.escrow_id = leg->escrow_id};
    const struct payment *payment =
        sim_db_find(run->place.dbs[SIM_PAYMENTS], &payments_repo_payment, &like);
    publish_payments(run, leg, payment->seq + 1);
}

void tamper_an_event_skips_a_seq(struct sim_run *run)
{
    struct leg other = *transfer_leg(run);
    other.escrow_id = tamper_fresh();
    other.id = tamper_fresh();
    publish_payments(run, &other, 2);
}

void tamper_an_escrow_event_comes_twice(struct sim_run *run)
{
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__EscrowAwaitFunds body;
    const struct escrow *escrow = tamper_deal_in(run, ESCROW_RELEASED);
    holdfast__escrow__v1__escrow_event__init(&event);
    holdfast__escrow__v1__escrow_await_funds__init(&body);
    event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_AWAIT_FUNDS;
    event.escrow_await_funds = &body;
    event.seq = escrow->seq;
    fill_id(run, escrow->id, &event.escrow_id);
    (void)publish(run, TOPIC_ESCROW_EVENTS_V1, escrow->id, packed(run, &event.base));
}

/* The clock for paying this deal: the transition that started it. */
static struct escrow_transition funding_clock(struct sim_run *run, const struct escrow *escrow)
{
    uint32_t cursor = 0;
    const struct escrow_transition *row;
    while ((row = sim_db_next(run->place.dbs[SIM_ESCROW], &escrow_transition_table, &cursor))) {
        if (id_eq(row->escrow_id, escrow->id) && row->event == ESCROW_EVENT_AWAIT_FUNDS) {
            return *row;
        }
    }
    fail_msg("nobody was to pay");
    return (struct escrow_transition){.seq = 0};
}

/* The firing's message id. */
static struct id publish_firing(struct sim_run *run, const struct escrow *escrow, int64_t seq,
                                int64_t due_at_us)
{
    Holdfast__Oracle__V1__OracleEvent event;
    Holdfast__Oracle__V1__TimerFired body;
    holdfast__oracle__v1__oracle_event__init(&event);
    holdfast__oracle__v1__timer_fired__init(&body);
    event.body_case = HOLDFAST__ORACLE__V1__ORACLE_EVENT__BODY_TIMER_FIRED;
    event.timer_fired = &body;
    body.kind = HOLDFAST__ORACLE__V1__TIMER_KIND__TIMER_KIND_FUNDING;
    body.generation = seq;
    body.due_at_us = due_at_us;
    fill_id(run, escrow->id, &event.escrow_id);
    return publish(run, TOPIC_ORACLE_EVENTS_V1, escrow->id, packed(run, &event.base)).id;
}

/* A deal that was paid in time, so that its first clock never fired. */
static struct id publish_deadline(struct sim_run *run, int64_t more_us)
{
    const struct escrow *escrow = tamper_deal_in(run, ESCROW_RELEASED);
    struct escrow_transition start = funding_clock(run, escrow);
    return publish_firing(run, escrow, start.seq,
                          start.at_us + escrow_period_us(escrow, ESCROW_TIMER_FUNDING) + more_us);
}

void tamper_a_timer_fires_too_early(struct sim_run *run)
{
    CHANGED(struct escrow, escrow, tamper_deal_in(run, ESCROW_RELEASED));
    escrow.funding_seconds += 1000 * 86400; /* more than all clocks were set on by */
    tamper_put(run, SIM_ESCROW, &escrow_table, &escrow);
    (void)publish_deadline(run, 0);
}

void tamper_a_timer_fires_for_another_moment(struct sim_run *run)
{
    (void)publish_deadline(run, -1);
}

void tamper_a_timer_fires_twice(struct sim_run *run)
{
    (void)publish_deadline(run, 0);
    (void)publish_deadline(run, 0);
}

void tamper_a_timer_fires_for_nothing(struct sim_run *run)
{
    (void)publish_firing(run, tamper_deal_in(run, ESCROW_RELEASED), 1, 1);
}

void tamper_a_stale_clock_counts(struct sim_run *run)
{
    const struct escrow *escrow = tamper_deal_in(run, ESCROW_RELEASED);
    const struct escrow_transition like = {.escrow_id = escrow->id, .seq = escrow->seq};
    CHANGED(struct escrow_transition, last,
            sim_db_find(run->place.dbs[SIM_ESCROW], &escrow_transition_table, &like));
    last.cause_id = publish_deadline(run, 0);
    tamper_put(run, SIM_ESCROW, &escrow_transition_table, &last);
}

void tamper_somebody_is_ahead_of_the_log(struct sim_run *run)
{
    CHANGED(struct lane_in_row, row, tamper_first_row(run, SIM_ESCROW, &engine_lane_in_table));
    row.next_offset++;
    tamper_put(run, SIM_ESCROW, &engine_lane_in_table, &row);
}

void tamper_somebody_is_behind_the_log(struct sim_run *run)
{
    CHANGED(struct lane_in_row, row, tamper_first_row(run, SIM_ESCROW, &engine_lane_in_table));
    row.next_offset--;
    tamper_put(run, SIM_ESCROW, &engine_lane_in_table, &row);
}

void tamper_a_message_is_noted_for_another_key(struct sim_run *run)
{
    CHANGED(struct inbox_row, row, tamper_first_row(run, SIM_ESCROW, &engine_inbox_table));
    row.key = tamper_fresh();
    tamper_put(run, SIM_ESCROW, &engine_inbox_table, &row);
}

void tamper_a_request_has_two_contents(struct sim_run *run)
{
    CHANGED(struct intake_row, row, tamper_first_row(run, SIM_GATEWAY, &engine_intake_table));
    char key[ID_TEXT_BYTES];
    id_format(row.key, key);
    int topic = TOPIC_NONE + 1;
    while (!str_eq(row.topic, str_of(topology_topics[topic].name))) {
        topic++;
    }
    sim_kafka_append_raw(run->place.kafka, (enum topic)topic, row.lane, row.id, str_of(key),
                         STR("other"));
}

void tamper_a_message_is_decided_twice(struct sim_run *run)
{
    struct sim_db *db = run->place.dbs[SIM_ESCROW];
    CHANGED(struct escrow_transition, first,
            tamper_first_row(run, SIM_ESCROW, &escrow_transition_table));
    const struct escrow_transition like = {.escrow_id = first.escrow_id, .seq = 2};
    CHANGED(struct escrow_transition, row, sim_db_find(db, &escrow_transition_table, &like));
    row.cause_id = first.cause_id;
    tamper_put(run, SIM_ESCROW, &escrow_transition_table, &row);
}

/* ---- Looks ---- */

static const struct leg *leg_in(struct sim_run *run, enum leg_state state)
{
    uint32_t cursor = 0;
    const struct leg *leg;
    do {
        leg = sim_db_next(run->place.dbs[SIM_PAYMENTS], &payments_repo_leg, &cursor);
        ASSERT(leg);
    } while (leg->state != state);
    return leg;
}

void tamper_a_leg_is_forgotten(struct sim_run *run)
{
    CHANGED(struct leg, leg, leg_in(run, LEG_CANCELED));
    leg.state = LEG_OPEN;
    tamper_put(run, SIM_PAYMENTS, &payments_repo_leg, &leg);
}

void tamper_a_settled_leg_is_looked_at(struct sim_run *run)
{
    CHANGED(struct leg, leg, leg_in(run, LEG_DONE));
    leg.look_at_us = 1;
    tamper_put(run, SIM_PAYMENTS, &payments_repo_leg, &leg);
}

/* ---- What waits ---- */

void tamper_a_key_is_parked(struct sim_run *run)
{
    const struct parked_key_row row = {.key = tamper_fresh(), .reason = STR("test")};
    tamper_put(run, SIM_ESCROW, &engine_parked_key_table, &row);
}
