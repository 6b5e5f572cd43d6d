/*
 * Committed outbox rows to Kafka, each (lane, topic) in order of n by one cursor, and back: what is
 * acknowledged. Rows just committed are still in memory; when the producer's queue was full they
 * are read back later ("behind").
 */
#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "engine/engine_internal.h"

static STATUS produce(struct engine *engine, enum topic topic, const struct outbox_row *row)
{
    char key[ID_TEXT_BYTES];
    id_format(row->aggregateid, key);
    bool keyed = !id_is_none(row->aggregateid);
    struct bus_message message = {
        .topic = topic,
        .partition = row->lane,
        .n = row->n,
        .committed_at_us = row->committed_at_us,
        .message_id = row->id,
        .type = row->type,
        .key = {.ptr = key, .len = keyed ? ID_TEXT_BYTES - 1 : 0},
        .value = row->payload,
    };
    return engine->ports.bus->ops->produce(&engine->op, engine->ports.bus, &message);
}

static struct engine_out *find_out(struct engine_lane *lane, uint32_t count, enum topic topic)
{
    for (uint32_t i = 0; i < count; i++) {
        if (lane->outs[i].topic == topic) {
            return &lane->outs[i];
        }
    }
    return NULL;
}

void engine_publish_batch(struct engine *engine, const struct engine_batch *batch)
{
    for (uint32_t i = 0; i < batch->output_count; i++) {
        const struct engine_output *output = &batch->outputs[i];
        struct engine_lane *lane = engine_lane_at(engine, output->lane);
        struct engine_out *out = find_out(lane, engine->out_count, output->topic);
        ASSERT(out);
        CRASH_POINT("engine-before-produce");
        if (out->produced_n + 1 != output->row.n) {
            engine->behind = true; /* older rows wait: never overtake them */
            continue;
        }
        if (status_failed(produce(engine, output->topic, &output->row))) {
            engine->behind = true; /* the queue is full: read back when there is room */
            continue;
        }
        out->produced_n = output->row.n;
    }
}

/* Reads back and publishes one piece of what is behind; true when nothing is left of this topic. */
static STATUS catch_up(struct engine *engine, struct engine_lane *lane, struct engine_out *out,
                       bool *ret_done)
{
    struct store *store = engine->ports.store;
    struct outbox_row like = {.lane = lane->lane, .topic = out->topic};
    struct store_rows rows;
    *ret_done = false;
    TRY(store->ops->scan(&engine->op, store, &engine_scan_outbox, &like, out->produced_n,
                         ENGINE_PUBLISH_BATCH, &rows));
    TRY(store->ops->sync(&engine->op, store));
    const struct outbox_row *row = rows.rows;
    for (uint32_t i = 0; i < rows.count; i++) {
        if (row[i].n != out->produced_n + 1) {
            return op_fail(&engine->op, STATUS_STOP, "engine.outbox_hole",
                           "a row of the outbox is missing");
        }
        if (status_failed(produce(engine, out->topic, &row[i]))) {
            return OK;
        }
        out->produced_n = row[i].n;
        CRASH_POINT("engine-catching-up");
    }
    *ret_done = out->produced_n + 1 == out->row.next_n;
    if (!*ret_done && rows.count == 0) {
        return op_fail(&engine->op, STATUS_STOP, "engine.outbox_hole",
                       "rows of the outbox are missing");
    }
    return OK;
}

STATUS engine_publish_behind(struct engine *engine)
{
    bool all_done = true;
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        for (uint32_t i = 0; lane->mine && i < engine->out_count; i++) {
            struct engine_out *out = &lane->outs[i];
            if (out->produced_n + 1 == out->row.next_n) {
                continue;
            }
            bool done;
            struct status st = catch_up(engine, lane, out, &done);
            if (st.kind == STATUS_STOP) {
                engine_lane_stop(engine, lane, engine->op.err.code, str_of(engine->op.err.msg));
                break;
            }
            TRY(st);
            all_done &= done;
        }
    }
    engine->behind = !all_done;
    return OK;
}

void engine_note_waiting(struct engine_out *out)
{
    if (out->row.published_n + 1 == out->row.next_n) {
        out->waiting_since_ms = 0;
    } else if (out->waiting_since_ms == 0) {
        out->waiting_since_ms = clock_mono_ms();
    }
}

void engine_publish_set_back(struct engine *engine, struct engine_out *out, int64_t first_n)
{
    ASSERT(first_n >= 1);
    if (first_n < out->row.first_n) { /* what is before it was published, and is forgotten */
        first_n = out->row.first_n;
    }
    if (first_n <= out->row.published_n) {
        out->row.published_n = first_n - 1;
        out->dirty = true;
        engine_note_waiting(out);
    }
    if (first_n <= out->produced_n) { /* never forward: what is between would be left out */
        out->produced_n = first_n - 1;
    }
    engine->behind = true;
}

/* The row that each of these waits for is asked for its time, by the outbox's primary key. */
static STATUS ask_ages(struct engine *engine, struct engine_out *const *outs, uint32_t count,
                       int64_t *oldest_us)
{
    struct store *store = engine->ports.store;
    struct store_rows rows[LANES * ENGINE_OUT_TOPICS_MAX];
    if (count == 0) {
        return OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct outbox_row like = {.lane = outs[i]->row.lane, .topic = outs[i]->topic};
        TRY(store->ops->scan(&engine->op, store, &engine_scan_outbox, &like,
                             outs[i]->row.published_n, /* limit */ 1, &rows[i]));
    }
    TRY(store->ops->sync(&engine->op, store));
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].count == 0) {
            continue; /* a hole is met, and told, by whoever publishes it */
        }
        const struct outbox_row *row = rows[i].rows;
        int64_t age_us = engine_now_us(engine) - row->committed_at_us;
        int64_t waits_us = (clock_mono_ms() - outs[i]->waiting_since_ms) * 1000;
        age_us = waits_us < age_us ? waits_us : age_us; /* it was acknowledged, and set back */
        *oldest_us = age_us > *oldest_us ? age_us : *oldest_us;
    }
    return OK;
}

STATUS engine_publish_measure(struct engine *engine)
{
    int64_t now_ms = clock_mono_ms();
    int64_t oldest_us = 0;
    uint64_t unpublished = 0;
    struct engine_out *asked[LANES * ENGINE_OUT_TOPICS_MAX];
    uint32_t asked_count = 0;
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        for (uint32_t i = 0; lane->mine && i < engine->out_count; i++) {
            struct engine_out *out = &lane->outs[i];
            unpublished += (uint64_t)(out->row.next_n - 1 - out->row.published_n);
            int64_t waits_ms = out->waiting_since_ms == 0 ? 0 : now_ms - out->waiting_since_ms;
            if (waits_ms > ENGINE_WAITING_ASK_MS) {
                asked[asked_count++] = out;
            } else if (waits_ms * 1000 > oldest_us) {
                oldest_us = waits_ms * 1000;
            }
        }
    }
    atomic_store_explicit(&engine->stats.unpublished, unpublished, memory_order_relaxed);
    TRY(ask_ages(engine, asked, asked_count, &oldest_us));
    atomic_store_explicit(&engine->stats.oldest_unpublished_us, (uint64_t)oldest_us,
                          memory_order_relaxed);
    return OK;
}

void engine_note_dirty(struct engine *engine)
{
    if (engine->dirty_since_ms == 0) {
        engine->dirty_since_ms = clock_mono_ms();
    }
}

/* R2: a message that the producer gave up takes the whole producer with it; all goes again. As at a
 * claim, the log tells from where: brokers that gave up may have lost what they had acknowledged. */
static STATUS start_producer_over(struct engine *engine)
{
    engine_report(engine, -1, "engine.producer_reset");
    TRY(engine->ports.bus->ops->reset_producer(&engine->op, engine->ports.bus));
    engine->intakes_reported = engine->intakes_produced;
    engine_clock_forget(engine);
    for (int32_t p = 0; p < LANES; p++) {
        for (uint32_t i = 0; i < engine->out_count; i++) {
            struct engine_out *out = &engine->lanes[p].outs[i];
            out->produced_n = out->row.published_n;
        }
    }
    engine->behind = true;
    return engine_lanes_check_tails(engine);
}

STATUS engine_deliveries(struct engine *engine)
{
    struct bus *bus = engine->ports.bus;
    struct bus_delivery delivery;
    while (bus->ops->delivered(bus, &delivery)) {
        if (!delivery.ok) {
            return start_producer_over(engine);
        }
        if (engine_clock_heard(engine, &delivery)) {
            continue;
        }
        if (delivery.n == 0 && engine->intakes_reported < engine->intakes_produced) {
            engine->intakes_reported++;
        }
        struct engine_lane *lane = engine_lane_at(engine, delivery.partition);
        struct engine_out *out =
            lane->mine ? find_out(lane, engine->out_count, delivery.topic) : NULL;
        if (!out || delivery.n != out->row.published_n + 1) {
            continue; /* an intake, a lane that moved, or a repetition after a cursor was set back */
        }
        out->row.published_n = delivery.n;
        out->dirty = true;
        engine_note_waiting(out);
        engine_note_dirty(engine);
        atomic_fetch_add_explicit(&engine->stats.published, 1, memory_order_relaxed);
    }
    return OK;
}
