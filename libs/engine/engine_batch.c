/*
 * Collect, decode, fence, load, decide, save, commit. A record leaves the queue only after the
 * transaction that decided it: a failed attempt changes nothing but the limit of the next one.
 */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "engine/engine_probe.h"
#include "engine/engine_seek.h"
#include "obs/log.h"

#define QUIET_BATCH 16 /* after one of no more than this, what goes out need not wait for company */
#define REST_SLICE_US 2000 /* so often a resting thread looks whether enough has gathered */

/* ---- The queue ---- */

static void queue_pop(struct engine *engine, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        engine->ports.bus->ops->release(engine->ports.bus, &engine->queue[i]);
    }
    engine->queue_count -= count;
    memmove(engine->queue, engine->queue + count, engine->queue_count * sizeof(engine->queue[0]));
}

void engine_queue_drop(struct engine *engine, int32_t lane, enum topic topic)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < engine->queue_count; i++) {
        const struct bus_record *record = &engine->queue[i];
        if (record->partition == lane && (topic == TOPIC_NONE || record->topic == topic)) {
            engine->ports.bus->ops->release(engine->ports.bus, &engine->queue[i]);
        } else {
            engine->queue[kept++] = engine->queue[i];
        }
    }
    engine->queue_count = kept;
    if (engine->condemned.set && engine->condemned.lane == lane) {
        engine->condemned = (struct engine_condemned){.set = false};
    }
}

/* Takes what the bus has; where an offset is gone, it is looked for anew. */
static STATUS fill_queue(struct engine *engine)
{
    struct bus *bus = engine->ports.bus;
    while (engine->queue_count < ENGINE_QUEUE_MAX) {
        struct bus_record record = {.partition = -1}; /* a failure may be about none */
        bool got;
        struct status st = bus->ops->poll(&engine->op, bus, &record, &got);
        if (st.kind == STATUS_STOP && record.partition >= 0 && record.partition < LANES) {
            struct engine_lane *lane = engine_lane_at(engine, record.partition);
            TRY(lane->mine ? engine_seek_position(engine, lane, record.topic) : OK);
            continue;
        }
        TRY(st);
        if (!got) {
            return OK;
        }
        struct engine_lane *lane = engine_lane_at(engine, record.partition);
        if (!lane->mine || lane->draining) {
            bus->ops->release(bus, &record);
            continue;
        }
        engine->queue[engine->queue_count++] = record;
    }
    return OK;
}

/* Of records and answers; when only a timer is due, there is none. */
static bool is_small(const struct engine *engine, uint32_t count)
{
    uint32_t enough = engine->limit < ENGINE_BATCH_SMALL ? engine->limit : ENGINE_BATCH_SMALL;
    return count > 0 && count < enough;
}

/* A quiet thread decides at once, a busy one gathers (R16). */
STATUS engine_collect(struct engine *engine, bool *ret_any)
{
    TRY(fill_queue(engine));
    int64_t wait_us = pace_wait_us(&engine->small_pace, clock_mono_us());
    while (wait_us > 0 && is_small(engine, engine->queue_count + engine->answer_count)) {
        engine->ports.bus->ops->rest(engine->ports.bus,
                                     wait_us < REST_SLICE_US ? wait_us : REST_SLICE_US);
        TRY(fill_queue(engine));
        engine_effect_take(engine);
        wait_us = pace_wait_us(&engine->small_pace, clock_mono_us());
    }
    *ret_any = engine->queue_count > 0 || engine->answer_count > 0 || engine_timer_is_due(engine);
    return OK;
}

/* ---- Making the items of an attempt ---- */

STATUS engine_batch_begin(struct engine *engine, struct engine_batch *batch, uint32_t item_max)
{
    struct arena *arena = &engine->arena;
    batch->item_max = item_max;
    if (!map_init(&batch->seen, arena, item_max)) {
        return op_arena_full(&engine->op);
    }
    for (uint32_t i = 0; i < engine->aggregate_count; i++) {
        if (!map_init(&batch->view_of[i], arena, item_max)) {
            return op_arena_full(&engine->op);
        }
    }
    batch->items = arena_new(arena, struct engine_item, item_max);
    batch->views = arena_new(arena, struct engine_view, item_max);
    batch->parked_changes = arena_new(arena, struct engine_parked_change, item_max);
    if (!batch->items || !batch->views || !batch->parked_changes) {
        return op_arena_full(&engine->op);
    }
    if (engine->ports.caller) {
        uint32_t slots = engine->ports.caller->ops->free_slots(engine->ports.caller);
        uint32_t room = 0;
        for (uint32_t i = 0; i < ENGINE_INFLIGHT_MAX; i++) {
            room += engine->inflight[i].used ? 0 : 1;
        }
        batch->slots_left = slots < room ? slots : room;
        batch->send_capacity = batch->slots_left;
        batch->sends = arena_new(arena, struct engine_new_effect *, batch->slots_left);
        if (!batch->sends) {
            return op_arena_full(&engine->op);
        }
    }
    for (int32_t p = 0; p < LANES; p++) {
        memcpy(batch->ins[p], engine->lanes[p].ins, sizeof(batch->ins[p]));
        memcpy(batch->outs[p], engine->lanes[p].outs, sizeof(batch->outs[p]));
    }
    return OK;
}

uint32_t engine_in_index(const struct engine *engine, enum topic topic)
{
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        if (engine->service->handlers[i].topic == topic) {
            return i;
        }
    }
    UNREACHABLE("a topic that is not read");
}

/* Of an answer or a timer; the answer's effect may be gone. */
static struct id name_of(const struct engine_item *item)
{
    return item->kind == ENGINE_ITEM_ANSWER ? item->answer.effect_id : item->message.id;
}

bool engine_item_is_condemned(const struct engine *engine, const struct engine_item *item)
{
    const struct engine_condemned *condemned = &engine->condemned;
    if (!condemned->set || condemned->kind != item->kind || condemned->lane != item->lane) {
        return false;
    }
    return item->kind == ENGINE_ITEM_RECORD ? condemned->topic == item->record->topic &&
                                                  condemned->offset == item->record->offset
                                            : id_eq(condemned->id, name_of(item));
}

void engine_put_aside(struct engine_item *item, const char *reason)
{
    item->fate = item->key_known ? ENGINE_FATE_PARK : ENGINE_FATE_QUARANTINE;
    item->reason = str_of(reason);
}

/* Reads the record into a message, or finds out what else is to be done with it. */
static STATUS decode_item(struct engine *engine, struct engine_batch *batch,
                          struct engine_item *item)
{
    const struct bus_record *record = item->record;
    struct id key;
    item->key_known = id_parse(record->key, &key) && lane_of_key(key) == item->lane;
    item->key = item->key_known ? key : (struct id){.bytes = {0}};
    TRY(engine_dedupe_record(engine, batch, item));
    if (item->fate != ENGINE_FATE_DECIDE) {
        return OK;
    }
    if (!item->key_known) {
        engine_put_aside(item, "engine.no_key");
        return OK;
    }
    if (record->value.len > BUS_VALUE_MAX_BYTES) {
        engine_put_aside(item, "engine.input_too_large");
        return OK;
    }
    struct status st = item->handler->decode(&engine->op, record, &item->message);
    item->message.topic = record->topic;
    item->message.lane = item->lane;
    item->message.committed_at_us = record->numbered ? record->committed_at_us : 0;
    if (st.kind == STATUS_LIMIT && batch->item_count > 1) {
        return st; /* the memory went to its neighbours, perhaps: alone it has all of it */
    }
    if (status_failed(st)) {
        item->message.id = record->message_id;
        engine_put_aside(item, engine->op.err.code);
    } else if (item->message.skip) {
        item->fate = ENGINE_FATE_IGNORE;
        atomic_fetch_add_explicit(&engine->stats.skipped, 1, memory_order_relaxed);
    } else if (!id_eq(item->message.key, item->key)) {
        engine_put_aside(item, "engine.key_differs");
    }
    return OK;
}

static STATUS add_record(struct engine *engine, struct engine_batch *batch,
                         const struct bus_record *record)
{
    struct engine_item *item = &batch->items[batch->item_count];
    *item = (struct engine_item){.kind = ENGINE_ITEM_RECORD,
                                 .lane = record->partition,
                                 .in = engine_in_index(engine, record->topic),
                                 .record = record};
    item->handler = &engine->service->handlers[item->in];
    batch->item_count++;
    batch->record_count++;
    batch->lane_used[item->lane] = true;
    bool kills;
    TRY(engine_probe_note(engine, item, &kills));
    if (kills) {
        TRY(engine_dedupe_record(engine, batch, item));
        item->key_known = id_parse(record->key, &item->key) && lane_of_key(item->key) == item->lane;
        item->message.id = record->message_id;
        if (item->fate == ENGINE_FATE_DECIDE) {
            engine_put_aside(item, "engine.kills_process");
        }
        return OK;
    }
    TRY(decode_item(engine, batch, item));
    if (engine_item_is_condemned(engine, item) && item->fate == ENGINE_FATE_DECIDE) {
        engine_put_aside(item, engine->condemned.reason);
        item->missing = engine->condemned.missing;
    }
    return OK;
}

bool engine_batch_takes(const struct engine *engine, struct engine_batch *batch, int32_t lane)
{
    bool alone = engine->lanes[lane].probes_left > 0;
    if (batch->item_count >= batch->item_max || batch->is_probe ||
        (alone && batch->item_count > 0)) {
        return false;
    }
    batch->is_probe = alone;
    return true;
}

static STATUS record_items(struct engine *engine, struct engine_batch *batch)
{
    for (uint32_t i = 0; i < engine->queue_count; i++) {
        const struct bus_record *record = &engine->queue[i];
        if (!engine_batch_takes(engine, batch, record->partition)) {
            return OK;
        }
        TRY(add_record(engine, batch, record));
    }
    return OK;
}

/*
 * Answers first, then timers, then records in the order they came, up to the limit. While things are tried alone, each
 * of the three is first in turn: timers that become due as fast as one after the other is tried would hold up all records.
 */
static STATUS make_items(struct engine *engine, struct engine_batch *batch)
{
    struct status (*const kinds[])(struct engine *, struct engine_batch *) = {
        engine_effect_items, engine_timer_items, record_items};
    for (uint32_t i = 0; i < ARRAY_LEN(kinds); i++) {
        TRY(kinds[(engine->first_kind + i) % ARRAY_LEN(kinds)](engine, batch));
    }
    return OK;
}

/* What failed is met again first, until it is known what becomes of it; so not before the commit. Nor only after what was
 * tried alone: answers of other lanes would keep a record that must be alone from ever being the first. */
static void pass_the_turn(struct engine *engine)
{
    bool probes = false;
    for (int32_t p = 0; p < LANES; p++) {
        const struct engine_lane *lane = engine_lane_at(engine, p);
        probes |= lane->mine && lane->probes_left > 0;
    }
    engine->first_kind = probes ? engine->first_kind + 1 : 0;
}

/* ---- After the commit ---- */

static void adopt(struct engine *engine, struct engine_batch *batch)
{
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        if (!batch->lane_used[p]) {
            continue;
        }
        lane->look_for_missed |= batch->created_missed[p];
        lane->replay.due |= lane->replay.on;
        for (uint32_t i = 0; i < engine->service->handler_count; i++) {
            bool written = batch->ins[p][i].dirty;
            lane->ins[i] = batch->ins[p][i];
            lane->ins[i].stored |= written;
            lane->ins[i].dirty = false;
            if (written) {
                engine->ports.bus->ops->commit_position(engine->ports.bus, lane->ins[i].topic, p,
                                                        lane->ins[i].row.next_offset);
            }
        }
        for (uint32_t i = 0; i < engine->out_count; i++) {
            bool written = batch->outs[p][i].dirty;
            lane->outs[i] = batch->outs[p][i];
            lane->outs[i].stored |= written;
            lane->outs[i].dirty = false;
            engine_note_waiting(&lane->outs[i]);
        }
    }
    for (uint32_t i = 0; i < batch->parked_change_count; i++) {
        const struct engine_parked_change *change = &batch->parked_changes[i];
        struct engine_lane *lane = engine_lane_at(engine, change->lane);
        bool was = map_get(&lane->parked, change->key, ENGINE_PARKED_NOT) != ENGINE_PARKED_NOT;
        bool is = change->state != ENGINE_PARKED_NOT;
        lane->parked_keys = lane->parked_keys + (is ? 1 : 0) - (was ? 1 : 0);
        map_set(&lane->parked, change->key, change->state);
    }
    if (batch->parked_change_count > 0) {
        engine_lanes_count(engine);
    }
}

/* R8: three different keys parked in a row without a success is no matter of one message. */
static void count_parks(struct engine *engine, const struct engine_batch *batch)
{
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct engine_item *item = &batch->items[i];
        struct engine_lane *lane = engine_lane_at(engine, item->lane);
        engine_aside_note(engine, item);
        if (item->fate != ENGINE_FATE_NOT_YET && lane->probes_left > 0) {
            lane->probes_left--;
        }
        if (item->fate == ENGINE_FATE_DECIDE) {
            lane->strange_parks = 0;
        } else if (item->fate == ENGINE_FATE_PARK && !item->missing) {
            lane->strange_parks++;
        }
        if (lane->mine && lane->strange_parks >= ENGINE_STRANGE_PARKS_MAX) {
            engine_lane_stop(engine, lane, "engine.parks_in_a_row", item->reason);
        }
    }
}

static void after_commit(struct engine *engine, struct engine_batch *batch)
{
    struct bus *bus = engine->ports.bus;
    bool quiet = batch->item_count <= QUIET_BATCH && bus->ops->in_flight(bus) == 0;
    adopt(engine, batch);
    pass_the_turn(engine);
    engine_timer_committed(engine, batch);
    engine_publish_batch(engine, batch);
    engine_post_batch(engine, batch);
    /* R16, and Nagle's rule (RFC 896): who is alone goes at once, company gathers behind what is on its
     * way. Requests of one message each would eat the broker's time. */
    if (quiet && batch->output_count + batch->posts.count > 0) {
        bus->ops->hurry(bus);
    }
    for (uint32_t i = 0; i < batch->send_count; i++) {
        engine_effect_send(engine, &batch->sends[i]->row);
    }
    for (uint32_t i = 0; i < batch->effects_new.count; i++) {
        const struct effect_row *effect = batch->effects_new.rows[i];
        if (effect->state == EFFECT_WAITING) { /* goes out as soon as there is a slot */
            engine_lane_at(engine, effect->lane)->effect_due_us = effect->due_at_us;
        }
    }
    atomic_fetch_add_explicit(&engine->stats.batches, 1, memory_order_relaxed);
    engine_tell_afterwards(engine, batch);
}

/* ---- When it fails ---- */

/* The lanes that the fence did not find: a successor has them. The others go on. */
static void lose_unfenced(struct engine *engine, const struct engine_batch *batch)
{
    for (int32_t p = 0; p < LANES; p++) {
        bool held = false;
        for (uint32_t i = 0; i < batch->fence.held_count; i++) {
            held |= batch->fence.held[i] == p;
        }
        if (batch->lane_used[p] && !held) {
            engine_report(engine, p, "engine.lane_lost");
            engine_lane_lose(engine, engine_lane_at(engine, p));
        }
    }
}

static void condemn(struct engine *engine, const struct engine_batch *batch, enum status_kind kind)
{
    const struct engine_item *item = &batch->items[0];
    engine->condemned = (struct engine_condemned){.set = true,
                                                  .kind = item->kind,
                                                  .lane = item->lane,
                                                  .id = name_of(item),
                                                  .missing = kind == STATUS_NOT_FOUND,
                                                  .reason = engine->op.err.code};
    if (item->kind == ENGINE_ITEM_RECORD) {
        engine->condemned.topic = item->record->topic;
        engine->condemned.offset = item->record->offset;
    }
    log_warn(&engine->op, "engine.message_condemned",
             LOG_STR("engine_service", engine->service->name), LOG_I64("lane", item->lane),
             LOG_ID("key", item->key), LOG_ID("message_id", engine->condemned.id),
             LOG_FAILURE(&engine->op));
}

static STATUS stop_lanes(struct engine *engine, const struct engine_batch *batch)
{
    ASSERT(batch->item_count > 0);
    const char *code = engine->op.err.code;
    struct str reason = str_of(engine->op.err.msg);
    for (int32_t p = 0; p < LANES; p++) {
        /* A record that stops its lane failed while it was added: it is the last item. */
        bool at_fault = batch->view_count > 0 || batch->items[batch->item_count - 1].lane == p;
        if (batch->lane_used[p] && at_fault) {
            engine_lane_stop(engine, engine_lane_at(engine, p), code, reason);
        }
    }
    return OK;
}

/* R8: what failed decides what happens. Nothing of the attempt is kept. */
static STATUS give_up(struct engine *engine, struct engine_batch *batch, struct status st)
{
    engine->ports.store->ops->rollback(engine->ports.store);
    atomic_fetch_add_explicit(&engine->stats.refused_batches, 1, memory_order_relaxed);
    if (batch->item_count == 0) {
        return st; /* about no message: start over, or stop */
    }
    switch (st.kind) {
    case STATUS_RETRY: return st;
    case STATUS_CANCELED: lose_unfenced(engine, batch); return OK;
    case STATUS_STOP: return stop_lanes(engine, batch);
    case STATUS_INVALID:
    case STATUS_DENIED:
    case STATUS_NOT_FOUND:
    case STATUS_CONFLICT:
    case STATUS_LIMIT:
    case STATUS_BUG:
        engine_report(engine, -1, "engine.batch_failed");
        if (batch->item_count > 1) {
            engine->limit = batch->item_count / 2;
            return OK;
        }
        if (engine_item_is_condemned(engine, &batch->items[0])) { /* even putting it aside fails */
            engine->condemned.set = false;
            return stop_lanes(engine, batch);
        }
        condemn(engine, batch, st.kind);
        return OK;
    case STATUS_OK:
    case STATUS_KIND_COUNT: break;
    }
    UNREACHABLE("status kind");
}

STATUS engine_batch_items(struct engine *engine, struct engine_batch *batch)
{
    CRASH_POINT("engine-before-load");
    TRY(engine_load(engine, batch));
    CRASH_POINT("engine-after-load");
    engine_effect_ask_again(engine, batch);
    TRY(engine_view_init(engine, batch));
    for (uint32_t i = 0; i < batch->item_count; i++) {
        TRY(engine_decide(engine, batch, &batch->items[i]));
    }
    TRY(engine_save(engine, batch));
    CRASH_POINT("engine-before-commit");
    TRY(engine->ports.store->ops->commit(&engine->op, engine->ports.store));
    CRASH_POINT("engine-after-commit-before-publish");
    after_commit(engine, batch);
    return OK;
}

/* What is there, up to the limit: room for a full batch is 400 KB to be zeroed, which a quiet lane need not pay for each
 * message. Timers that are due are not counted before they are taken. */
static uint32_t room_wanted(const struct engine *engine)
{
    uint32_t there = engine->queue_count + engine->answer_count;
    return there < engine->limit && !engine_timer_is_due(engine) ? there : engine->limit;
}

static STATUS attempt(struct engine *engine, struct engine_batch *batch)
{
    TRY(engine_batch_begin(engine, batch, room_wanted(engine)));
    TRY(make_items(engine, batch));
    if (batch->item_count == 0) {
        return OK;
    }
    return engine_batch_items(engine, batch);
}

STATUS engine_batch_run(struct engine *engine)
{
    struct engine_batch *batch = arena_new(&engine->arena, struct engine_batch, 1);
    if (!batch) {
        return op_arena_full(&engine->op);
    }
    struct status st = attempt(engine, batch);
    if (status_failed(st)) {
        engine_timer_put_back(engine, batch);
        return give_up(engine, batch, st);
    }
    for (uint32_t i = 0; i < batch->item_count && engine->condemned.set; i++) {
        engine->condemned.set = !engine_item_is_condemned(engine, &batch->items[i]);
    }
    if (is_small(engine, batch->item_count)) {
        pace_take(&engine->small_pace, clock_mono_us());
    }
    engine->limit =
        engine->limit * 2 > engine->limits.batch_max ? engine->limits.batch_max : engine->limit * 2;
    atomic_store_explicit(&engine->stats.batch_limit, engine->limit, memory_order_relaxed);
    CRASH_POINT("engine-after-publish");
    uint32_t answers = batch->item_count - batch->record_count - batch->timer_count;
    queue_pop(engine, batch->record_count);
    engine_effect_answered(engine, answers); /* before a lane stops and forgets its answers */
    count_parks(engine, batch);
    return OK;
}
