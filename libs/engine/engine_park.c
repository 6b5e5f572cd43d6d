/*
 * Parking is per key (R10): position, inbox row and message in one transaction; what comes later for
 * the key queues behind it, everything else flows. Running what was parked goes message by message,
 * each in a transaction of its own, in order, without deduplication.
 */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/crash.h"
#include "engine/engine_internal.h"
#include "obs/log.h"

/* Of one key in one go, and the memory for it; the rest follows in the next turn. */
#define PARK_RUN_MAX 1000
#define PARK_RUN_BYTES (ENGINE_ARENA_BYTES / 2)
#define PARKED_RECORD_TYPE STR("holdfast.common.v1.ParkedRecord")

enum engine_parked engine_parked_state(const struct engine *engine,
                                       const struct engine_batch *batch, int32_t lane,
                                       struct id key)
{
    for (uint32_t i = batch->parked_change_count; i > 0; i--) {
        if (id_eq(batch->parked_changes[i - 1].key, key)) {
            return batch->parked_changes[i - 1].state;
        }
    }
    return (enum engine_parked)map_get(&engine->lanes[lane].parked, key, ENGINE_PARKED_NOT);
}

static void note_change(struct engine_batch *batch, int32_t lane, struct id key,
                        enum engine_parked state)
{
    batch->parked_changes[batch->parked_change_count++] =
        (struct engine_parked_change){.lane = lane, .key = key, .state = state};
}

/* ---- Putting aside ---- */

/* The row is the truth; this tells whoever listens. */
static STATUS announce(struct engine_turn *turn, const struct engine_item *item)
{
    struct engine *engine = turn->engine;
    if (!item->record || !engine->service->parked_record) {
        return OK; /* an answer or a timer: its row shows it */
    }
    if (id_is_none(turn->cause)) { /* nothing of the record could be read: its place names it */
        struct strbuf name;
        struct str text;
        strbuf_init(&name, &engine->arena, OP_ERR_MSG_MAX_BYTES);
        strbuf_addf(&name, "%s/%" PRId32 "/%" PRId64, topology_topics[item->record->topic].name,
                    item->record->partition, item->record->offset);
        if (!strbuf_finish(&name, &text)) {
            return op_arena_full(&engine->op);
        }
        turn->cause = id_v5(id_namespace(STR("holdfast/record")), text);
    }
    /* Far from the ordinals of what the message itself will give rise to when it is run. */
    struct id id = id_nth(id_derive(turn->cause, turn->caused_at_us), ID_ORDINALS - 1);
    struct str payload =
        engine->service->parked_record(&engine->op, item->record, id, item->key, item->reason);
    if (!payload.ptr) {
        return op_arena_full(&engine->op);
    }
    return engine_emit_raw(turn, engine->service->dlq, id, PARKED_RECORD_TYPE, item->key, payload);
}

static STATUS quarantine(struct engine_turn *turn, const struct engine_item *item)
{
    struct engine *engine = turn->engine;
    const struct bus_record *record = item->record;
    struct quarantine_row *row = arena_new(&engine->arena, struct quarantine_row, 1);
    if (!row) {
        return op_arena_full(&engine->op);
    }
    struct str value = record->value;
    if (value.len > BUS_VALUE_MAX_BYTES) {
        value.len = BUS_VALUE_MAX_BYTES;
    }
    *row = (struct quarantine_row){.topic = turn->batch->ins[item->lane][item->in].row.topic,
                                   .lane = item->lane,
                                   .kafka_offset = record->offset,
                                   .n = record->n,
                                   .reason = item->reason,
                                   .key = record->key,
                                   .value = value,
                                   .at_us = engine->op.now_us};
    TRY(engine_rows_add(engine, &turn->batch->quarantine, row, 0));
    return announce(turn, item);
}

/* The row of the item's key: of this batch, loaded, or a new one. */
static STATUS key_row(struct engine_turn *turn, const struct engine_item *item,
                      struct parked_key_row **ret_row)
{
    struct engine *engine = turn->engine;
    struct engine_batch *batch = turn->batch;
    for (uint32_t i = 0; i < batch->parked_keys_new.count; i++) {
        const struct parked_key_row *row = batch->parked_keys_new.rows[i];
        if (id_eq(row->key, item->key)) {
            *ret_row = (struct parked_key_row *)(uintptr_t)row;
            return OK;
        }
    }
    struct parked_key_row *rows = batch->loaded_parked.rows;
    for (uint32_t i = 0; i < batch->loaded_parked.count; i++) {
        if (id_eq(rows[i].key, item->key)) {
            bool listed = false;
            for (uint32_t c = 0; c < batch->parked_keys_changed.count; c++) {
                listed |= batch->parked_keys_changed.rows[c] == &rows[i];
            }
            *ret_row = &rows[i];
            return listed ? OK : engine_rows_add(engine, &batch->parked_keys_changed, &rows[i], 0);
        }
    }
    struct parked_key_row *row = arena_new(&engine->arena, struct parked_key_row, 1);
    if (!row) {
        return op_arena_full(&engine->op);
    }
    *row = (struct parked_key_row){.key = item->key,
                                   .lane = item->lane,
                                   .reason =
                                       item->reason.len > 0 ? item->reason : STR("engine.parked"),
                                   .missing = item->missing,
                                   .since_us = engine->op.now_us,
                                   .next_seq = 1};
    enum engine_parked waits =
        str_eq(item->reason, ENGINE_RESTORING) ? ENGINE_PARKED_RESTORING : ENGINE_PARKED_BROKEN;
    note_change(batch, item->lane, item->key, item->missing ? ENGINE_PARKED_MISSING : waits);
    *ret_row = row;
    return engine_rows_add(engine, &batch->parked_keys_new, row, 0);
}

static void fill_from_record(struct engine_turn *turn, const struct engine_item *item,
                             struct parked_message_row *row)
{
    const struct bus_record *record = item->record;
    row->source = turn->batch->ins[item->lane][item->in].row.topic;
    row->kafka_offset = record->offset;
    row->n = record->n;
    row->message_id = record->message_id;
    row->committed_at_us = turn->caused_at_us;
    row->value = record->value;
    if (row->value.len > BUS_VALUE_MAX_BYTES) {
        row->value.len = BUS_VALUE_MAX_BYTES;
    }
}

static void fill_from_timer(const struct engine_turn *turn, const struct engine_item *item,
                            struct parked_message_row *row)
{
    row->source = ENGINE_SOURCE_TIMER;
    row->timer_kind = item->timer.kind;
    row->timer_generation = item->timer.generation;
    row->message_id = turn->cause;
    row->committed_at_us = turn->caused_at_us;
    row->value = STR("");
}

static void fill_from_answer(const struct engine_item *item, struct parked_message_row *row)
{
    row->source = ENGINE_SOURCE_ANSWER;
    row->verdict = item->verdict;
    row->http_status = item->answer.http_status;
    row->message_id = item->effect->id;
    row->committed_at_us = item->effect->caused_at_us;
    row->value = item->answer.body;
}

STATUS engine_park_item(struct engine_turn *turn, struct engine_item *item)
{
    struct engine *engine = turn->engine;
    if (item->fate == ENGINE_FATE_QUARANTINE) {
        return quarantine(turn, item);
    }
    struct parked_key_row *key = NULL;
    TRY(key_row(turn, item, &key));
    if (key->missing && str_eq(item->reason, ENGINE_RESTORING)) {
        key->missing = false; /* its creation is among what is decided again, in its order */
        key->reason = ENGINE_RESTORING;
        note_change(turn->batch, item->lane, item->key, ENGINE_PARKED_RESTORING);
    }
    struct parked_message_row *row = arena_new(&engine->arena, struct parked_message_row, 1);
    if (!row) {
        return op_arena_full(&engine->op);
    }
    row->key = item->key;
    row->seq = key->next_seq++;
    row->lane = item->lane;
    row->kafka_offset = -1;
    row->at_us = engine->op.now_us;
    if (item->kind == ENGINE_ITEM_ANSWER) {
        fill_from_answer(item, row);
    } else if (item->kind == ENGINE_ITEM_TIMER) {
        engine_timer_park(turn, item);
        fill_from_timer(turn, item, row);
    } else {
        fill_from_record(turn, item, row);
    }
    TRY(engine_rows_add(engine, &turn->batch->parked_messages, row, 0));
    return item->fate == ENGINE_FATE_PARK ? announce(turn, item) : OK;
}

/* ---- Running and dropping ---- */

/* Whose topic it is; none when it is an answer, or of a topic that is not read. */
static void find_handler(struct engine *engine, struct str topic, struct engine_item *item)
{
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        if (str_eq(topic, engine_lane_at(engine, item->lane)->ins[i].row.topic)) {
            item->in = i;
            item->handler = &engine->service->handlers[i];
        }
    }
}

static STATUS read_record(struct engine *engine, const struct parked_message_row *parked,
                          struct engine_item *item)
{
    find_handler(engine, parked->source, item);
    if (!item->handler) {
        return op_fail(&engine->op, STATUS_INVALID, "engine.parked_topic_unknown", STR_FMT,
                       STR_ARG(parked->source));
    }
    struct bus_record record = {.topic = item->handler->topic,
                                .partition = item->lane,
                                .offset = parked->kafka_offset,
                                .key = id_to_str(&engine->arena, parked->key),
                                .value = parked->value,
                                .numbered = parked->n > 0,
                                .n = parked->n,
                                .committed_at_us = parked->committed_at_us,
                                .message_id = parked->message_id};
    struct status st = item->handler->decode(&engine->op, &record, &item->message);
    if (status_failed(st) && item->kind == ENGINE_ITEM_DROPPED) {
        item->message = (struct engine_message){.id = parked->message_id,
                                                .key = parked->key,
                                                .correlation_id = parked->message_id,
                                                .actor = {.kind = ENGINE_ACTOR_SYSTEM}};
        st = OK; /* whoever waits is told all the same */
    }
    item->message.topic = item->handler->topic;
    item->message.lane = item->lane;
    item->message.committed_at_us = parked->n > 0 ? parked->committed_at_us : 0;
    return st;
}

static STATUS read_answer(struct engine *engine, const struct parked_message_row *parked,
                          struct engine_item *item)
{
    struct store *store = engine->ports.store;
    struct store_rows rows;
    TRY(store->ops->load(&engine->op, store, &engine_effect_table, &parked->message_id, 1, &rows));
    TRY(store->ops->sync(&engine->op, store));
    if (rows.count == 0) {
        return op_fail(&engine->op, STATUS_BUG, "engine.effect_gone", "of a parked answer");
    }
    item->effect = rows.rows;
    item->verdict = parked->verdict;
    item->answer = (struct caller_answer){.effect_id = item->effect->id,
                                          .lane = item->lane,
                                          .outcome = parked->http_status == 0 ? CALLER_GIVEN_UP
                                                                              : CALLER_ANSWERED,
                                          .http_status = parked->http_status,
                                          .body = parked->value};
    item->message = (struct engine_message){.id = item->effect->id,
                                            .key = item->effect->key,
                                            .correlation_id = item->effect->correlation_id,
                                            .actor = {.kind = ENGINE_ACTOR_SYSTEM}};
    return OK;
}

static STATUS read_timer(struct engine *engine, const struct parked_message_row *parked,
                         struct engine_item *item)
{
    item->timer = (struct engine_timer_entry){.key = parked->key,
                                              .kind = parked->timer_kind,
                                              .generation = parked->timer_generation,
                                              .due_at_us = parked->committed_at_us};
    return engine_timer_make_item(engine, item);
}

static STATUS read_parked(struct engine *engine, const struct parked_message_row *parked,
                          struct engine_item *item)
{
    if (str_eq(parked->source, ENGINE_SOURCE_ANSWER)) {
        return read_answer(engine, parked, item);
    }
    if (str_eq(parked->source, ENGINE_SOURCE_TIMER)) {
        return read_timer(engine, parked, item);
    }
    return read_record(engine, parked, item);
}

/* Is there anything to decide, or anybody who must hear that this message was dropped? Nobody waits for one
 * without id; one that was parked unread may be of a type that is skipped. */
static bool is_of_use(const struct engine_item *item)
{
    if (item->kind != ENGINE_ITEM_DROPPED) {
        return !item->message.skip;
    }
    return item->timer.generation > 0 ||
           (item->handler && !id_is_none(item->message.id) &&
            (item->handler->dropped || item->handler->closes == ENGINE_CLOSES_MESSAGE));
}

STATUS engine_park_first(struct engine *engine, struct id key, struct engine_choice *ret_choice)
{
    struct store *store = engine->ports.store;
    struct parked_message_row like = {.key = key};
    struct store_rows rows;
    TRY(store->ops->scan(&engine->op, store, &engine_scan_parked_message, &like, 0, 2, &rows));
    TRY(store->ops->sync(&engine->op, store));
    *ret_choice =
        (struct engine_choice){.parked = rows.count > 0 ? rows.rows : NULL, .count = rows.count};
    return OK;
}

STATUS engine_park_one(struct engine *engine, struct id key, const struct engine_choice *choice,
                       const struct admin_request_row *drop)
{
    struct engine_batch *batch = arena_new(&engine->arena, struct engine_batch, 1);
    struct parked_key_row *gone = arena_new(&engine->arena, struct parked_key_row, 1);
    if (!batch || !gone) {
        return op_arena_full(&engine->op);
    }
    TRY(engine_batch_begin(engine, batch, 1));
    const struct parked_message_row *parked = choice->parked;
    int32_t lane = lane_of_key(key);
    batch->lane_used[lane] = true;
    if (parked) {
        struct engine_item *item = &batch->items[0];
        *item = (struct engine_item){.kind = drop ? ENGINE_ITEM_DROPPED : ENGINE_ITEM_PARKED,
                                     .lane = lane,
                                     .key = key,
                                     .key_known = true,
                                     .parked = parked};
        batch->item_count = 1;
        TRY(read_parked(engine, parked, item));
        item->fate = is_of_use(item) ? ENGINE_FATE_DECIDE : ENGINE_FATE_IGNORE;
        TRY(engine_rows_add(engine, &batch->parked_messages_gone, parked, 0));
        TRY(drop ? engine_person_close(engine, batch, drop) : OK);
    }
    if (choice->count <= 1) {
        gone->key = key;
        TRY(engine_rows_add(engine, &batch->parked_keys_gone, gone, 0));
        note_change(batch, lane, key, ENGINE_PARKED_NOT);
    }
    return engine_batch_items(engine, batch);
}

/* In the order in which they came; while decisions are made again, in the order of the log. */
static STATUS run_one(struct engine *engine, struct engine_lane *lane, struct id key,
                      struct engine_choice *ret_choice)
{
    if (lane->replay.on) {
        return engine_replay_one(engine, lane, key, ret_choice);
    }
    TRY(engine_park_first(engine, key, ret_choice));
    return engine_park_one(engine, key, ret_choice, /* drop */ NULL);
}

STATUS engine_park_run(struct engine *engine, struct id key, bool *ret_left)
{
    struct engine_lane *lane = engine_lane_at(engine, lane_of_key(key));
    *ret_left = false;
    if (!lane->mine || map_get(&lane->parked, key, ENGINE_PARKED_NOT) == ENGINE_PARKED_NOT) {
        return OK;
    }
    struct engine_choice choice = {.count = 2};
    for (uint32_t i = 0;
         i < PARK_RUN_MAX && choice.count > 1 && engine->arena.used_bytes < PARK_RUN_BYTES; i++) {
        struct status st = run_one(engine, lane, key, &choice);
        if (status_failed(st)) {
            engine->ports.store->ops->rollback(engine->ports.store);
            engine_park_tell_stays(engine, lane->lane, key);
            return st;
        }
        if (choice.count > 0 && !choice.parked) {
            return OK; /* the next one in order is still to come */
        }
        CRASH_POINT("engine-after-unpark");
    }
    *ret_left = choice.count > 1;
    return OK;
}

/* ---- What waited for a creation ---- */

static bool is_listed(const struct table *table, const struct store_rows *rows, struct id key)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct id id;
        memcpy(&id, (const char *)rows->rows + i * table->row_bytes, sizeof(id));
        if (id_eq(id, key)) {
            return true;
        }
    }
    return false;
}

static STATUS missing_keys(struct engine *engine, int32_t lane, struct id **ret_keys,
                           uint32_t *ret_count)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct parked_key_row like = {.lane = lane};
    struct store_rows parked;
    TRY(store->ops->scan(op, store, &engine_scan_parked_key, &like, 0, ENGINE_PARKED_MAX, &parked));
    TRY(store->ops->sync(op, store));
    struct id *keys = arena_new(&engine->arena, struct id, parked.count);
    if (!keys) {
        return op_arena_full(op);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < parked.count; i++) {
        const struct parked_key_row *row = (const struct parked_key_row *)parked.rows + i;
        if (row->missing) {
            keys[count++] = row->key;
        }
    }
    *ret_keys = keys;
    *ret_count = count;
    return OK;
}

/* Is the first message that waits for this key about this kind of aggregate? */
static STATUS waits_for(struct engine *engine, struct id key,
                        const struct engine_aggregate_kind *kind, bool *ret_waits)
{
    struct store *store = engine->ports.store;
    struct parked_message_row like = {.key = key};
    struct store_rows rows;
    TRY(store->ops->scan(&engine->op, store, &engine_scan_parked_message, &like, 0, 1, &rows));
    TRY(store->ops->sync(&engine->op, store));
    struct engine_item item = {.lane = lane_of_key(key)};
    if (rows.count > 0) {
        const struct parked_message_row *parked = rows.rows;
        find_handler(engine, parked->source, &item);
        item.timer.generation = parked->timer_generation;
    }
    *ret_waits = kind == engine_kind_of(engine, &item);
    return OK;
}

/* A key of the lane that was parked as MISSING and is not missing any more, or none. */
static STATUS find_missed(struct engine *engine, const struct engine_lane *lane, struct id *ret_key)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct store_rows found[ENGINE_AGGREGATES_MAX] = {{.count = 0}};
    struct id *keys = NULL;
    uint32_t count = 0;
    *ret_key = (struct id){.bytes = {0}};
    TRY(missing_keys(engine, lane->lane, &keys, &count));
    if (count == 0) {
        return OK;
    }
    for (uint32_t a = 0; a < engine->aggregate_count; a++) {
        const struct table *table = engine->aggregates[a]->table;
        TRY(table ? store->ops->load(op, store, table, keys, count, &found[a]) : OK);
    }
    TRY(store->ops->sync(op, store));
    for (uint32_t a = 0; a < engine->aggregate_count; a++) {
        const struct engine_aggregate_kind *kind = engine->aggregates[a];
        for (uint32_t i = 0; i < count && id_is_none(*ret_key); i++) {
            bool missed = is_listed(kind->table, &found[a], keys[i]);
            TRY(missed ? waits_for(engine, keys[i], kind, &missed) : OK);
            *ret_key = missed ? keys[i] : *ret_key;
        }
    }
    return OK;
}

STATUS engine_park_give_up(struct engine *engine, struct engine_lane *lane, struct id key,
                           struct str reason)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct store_lane_ref ref = {.lane = lane->lane, .epoch = lane->epoch};
    struct store_fence fence;
    struct store_rows rows;
    TRY(store->ops->begin(op, store, &ref, 1, &fence));
    TRY(store->ops->load(op, store, &engine_parked_key_table, &key, 1, &rows));
    TRY(store->ops->sync(op, store));
    if (fence.held_count == 0 || rows.count == 0) {
        store->ops->rollback(store);
        engine->heartbeat_at_ms = 0; /* find out which lanes are lost */
        return OK;
    }
    struct parked_key_row *row = rows.rows;
    row->missing = false;
    row->reason = reason;
    const void *list[] = {row};
    TRY(store->ops->update(op, store, &engine_parked_key_table, list, NULL, 1));
    TRY(store->ops->commit(op, store));
    map_set(&lane->parked, key, ENGINE_PARKED_BROKEN);
    return OK;
}

void engine_park_tell_stays(const struct engine *engine, int32_t lane, struct id key)
{
    log_warn(&engine->op, "engine.still_parked", LOG_STR("engine_service", engine->service->name),
             LOG_I64("lane", lane), LOG_ID("key", key), LOG_FAILURE(&engine->op));
}

bool engine_park_stays(enum status_kind kind)
{
    return kind != STATUS_RETRY && kind != STATUS_CANCELED && kind != STATUS_STOP &&
           kind != STATUS_OK;
}

STATUS engine_park_release(struct engine *engine)
{
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        if (!lane->mine || lane->draining || !lane->look_for_missed) {
            continue;
        }
        struct id key;
        TRY(find_missed(engine, lane, &key));
        if (id_is_none(key)) {
            lane->look_for_missed = false;
            continue;
        }
        bool left;
        struct status st = engine_park_run(engine, key, &left);
        return engine_park_stays(st.kind)
                   ? engine_park_give_up(engine, lane, key, str_of(engine->op.err.code))
                   : st;
    }
    return OK;
}
