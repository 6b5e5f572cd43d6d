/*
 * What a person asks of a lane's owner and what is decided like a message (admin_request): something that the service
 * keeps is decided again, past deduplication; or two people say what became of a call that is too old to be repeated.
 * The decision and the end of the request are one transaction; what fails changes nothing and is told to who asked.
 */
#include <inttypes.h>
#include <string.h>

#include "base/lane.h"
#include "engine/engine_internal.h"

/* The code of a call that did not happen, as people say. */
#define SETTLED STR("settled_by_staff")

STATUS engine_person_close(struct engine *engine, struct engine_batch *batch,
                           const struct admin_request_row *request)
{
    struct admin_request_row *done = arena_new(&engine->arena, struct admin_request_row, 1);
    if (!done) {
        return op_arena_full(&engine->op);
    }
    *done = *request;
    done->open = false;
    done->result = STR("done");
    done->done_at_us = engine_now_us(engine);
    return engine_rows_add(engine, &batch->requests, done, 0);
}

/* A batch of one item of the request's lane, which closes the request. */
static STATUS begin(struct engine *engine, const struct admin_request_row *request,
                    struct engine_batch **ret_batch)
{
    struct engine_batch *batch = arena_new(&engine->arena, struct engine_batch, 1);
    if (!batch) {
        return op_arena_full(&engine->op);
    }
    TRY(engine_batch_begin(engine, batch, 1));
    batch->lane_used[request->lane] = true;
    batch->item_count = 1;
    *ret_batch = batch;
    return engine_person_close(engine, batch, request);
}

/* ---- Something that is kept, again ---- */

static STATUS load_kept(struct engine *engine, const struct admin_request_row *request,
                        struct bus_record *ret_record)
{
    struct store *store = engine->ports.store;
    struct store_rows rows;
    if (!engine->service->kept) {
        return op_fail(&engine->op, STATUS_INVALID, "engine.nothing_kept", "by this service");
    }
    TRY(store->ops->load(&engine->op, store, engine->service->kept, &request->key, 1, &rows));
    TRY(store->ops->sync(&engine->op, store));
    if (rows.count == 0) {
        return op_fail(&engine->op, STATUS_NOT_FOUND, "engine.not_kept", "no row has this id");
    }
    return engine->service->again(&engine->op, rows.rows, request->id, ret_record);
}

/* What waits behind the key came first. */
static STATUS check_key(struct engine *engine, const struct admin_request_row *request,
                        const struct bus_record *record, struct id *ret_key)
{
    struct engine_lane *lane = engine_lane_at(engine, request->lane);
    if (!id_parse(record->key, ret_key) || lane_of_key(*ret_key) != request->lane) {
        return op_fail(&engine->op, STATUS_INVALID, "engine.other_lane",
                       "it is about a key of another lane");
    }
    if (lane->replay.on ||
        map_get(&lane->parked, *ret_key, ENGINE_PARKED_NOT) != ENGINE_PARKED_NOT) {
        return op_fail(&engine->op, STATUS_CONFLICT, "engine.key_waits",
                       "messages of this key wait: they come first");
    }
    return OK;
}

STATUS engine_person_replay(struct engine *engine, const struct admin_request_row *request)
{
    struct bus_record record = {.partition = request->lane, .message_id = request->id};
    struct id key;
    struct engine_batch *batch;
    struct parked_message_row *again = arena_new(&engine->arena, struct parked_message_row, 1);
    if (!again) {
        return op_arena_full(&engine->op);
    }
    TRY(load_kept(engine, request, &record));
    TRY(check_key(engine, request, &record, &key));
    TRY(begin(engine, request, &batch));
    *again = (struct parked_message_row){.key = key,
                                         .lane = request->lane,
                                         .message_id = request->id,
                                         .committed_at_us = engine_now_us(engine)};
    struct engine_item *item = &batch->items[0];
    *item = (struct engine_item){.kind = ENGINE_ITEM_PARKED,
                                 .fate = ENGINE_FATE_DECIDE,
                                 .lane = request->lane,
                                 .in = engine_in_index(engine, record.topic),
                                 .key = key,
                                 .key_known = true,
                                 .parked = again};
    item->handler = &engine->service->handlers[item->in];
    TRY(item->handler->decode(&engine->op, &record, &item->message));
    item->message.topic = record.topic;
    item->message.lane = request->lane;
    return engine_batch_items(engine, batch);
}

/* ---- What became of a call ---- */

static STATUS check_settle(struct engine *engine, const struct admin_request_row *request)
{
    bool done = request->verdict == ENGINE_VERDICT_DONE;
    if (request->approved_by.len == 0 || str_eq(request->approved_by, request->requested_by)) {
        return op_fail(&engine->op, STATUS_DENIED, "engine.needs_two_people", "settling a call");
    }
    if ((!done && request->verdict != ENGINE_VERDICT_FAILED) || done != (request->answer.len > 0) ||
        request->reason.len == 0) {
        return op_fail(&engine->op, STATUS_INVALID, "engine.settle_incomplete",
                       "a verdict, a reason, and the name of what was done");
    }
    return OK;
}

/* The very call that these people looked at, and nobody asks for it any more. */
static STATUS check_effect(struct engine *engine, const struct admin_request_row *request,
                           const struct effect_row *effect)
{
    struct op *op = &engine->op;
    struct hash frozen = hash_of(effect->request);
    struct str content = {.ptr = (const char *)frozen.bytes, .len = sizeof(frozen.bytes)};
    if (!effect->open) {
        return op_fail(op, STATUS_CONFLICT, "engine.effect_settled", "its outcome is known");
    }
    if (!str_eq(content, request->content)) {
        return op_fail(op, STATUS_CONFLICT, "engine.effect_differs",
                       "the hash is not that of its request");
    }
    if (op->now_us - effect->caused_at_us <= ENGINE_EFFECT_SETTLE_AGE_US) {
        return op_fail(op, STATUS_CONFLICT, "engine.effect_goes_on",
                       "it is younger than 21 h: it is asked for, or may still arrive");
    }
    if (engine_effect_is_under_way(engine, effect->id)) {
        return op_fail(op, STATUS_CONFLICT, "engine.effect_goes_on",
                       "it is being looked up right now: ask again");
    }
    return OK;
}

static STATUS load_effect(struct engine *engine, const struct admin_request_row *request,
                          struct effect_row **ret_effect)
{
    struct store *store = engine->ports.store;
    struct store_rows rows;
    TRY(store->ops->load(&engine->op, store, &engine_effect_table, &request->key, 1, &rows));
    TRY(store->ops->sync(&engine->op, store));
    struct effect_row *effect = rows.rows;
    if (rows.count == 0 || effect->lane != request->lane) {
        return op_fail(&engine->op, STATUS_NOT_FOUND, "engine.no_effect", "none of this lane");
    }
    *ret_effect = effect;
    return check_effect(engine, request, effect);
}

STATUS engine_person_settle(struct engine *engine, const struct admin_request_row *request)
{
    struct engine_lane *lane = engine_lane_at(engine, request->lane);
    struct effect_row *effect;
    struct engine_batch *batch;
    bool done = request->verdict == ENGINE_VERDICT_DONE;
    engine->op.now_us = engine_now_us(engine); /* its age is judged by it */
    TRY(check_settle(engine, request));
    TRY(load_effect(engine, request, &effect));
    TRY(begin(engine, request, &batch));
    effect->last_status = 0;
    effect->last_answer = SETTLED;
    engine_effect_close(engine, effect, done ? EFFECT_DONE : EFFECT_FAILED);
    struct engine_item *item = &batch->items[0];
    *item = (struct engine_item){
        .kind = ENGINE_ITEM_ANSWER,
        .fate = ENGINE_FATE_DECIDE,
        .lane = request->lane,
        .key = effect->key,
        .key_known = true,
        .message = {.id = effect->id,
                    .key = effect->key,
                    .correlation_id = effect->correlation_id,
                    .actor = {.kind = ENGINE_ACTOR_SYSTEM},
                    .lane = request->lane},
        .effect = effect,
        .verdict = request->verdict,
        .answer = {.thread = engine->number,
                   .lane = request->lane,
                   .epoch = lane->epoch,
                   .effect_id = effect->id,
                   .outcome = CALLER_GIVEN_UP,
                   .body = done ? request->answer : SETTLED},
    };
    TRY(engine_rows_add(engine, &batch->effects_changed, effect, 0));
    TRY(engine_batch_items(engine, batch));
    lane->effect_due_us = 0; /* what waits is counted again */
    return OK;
}

/* ---- A switch ---- */

STATUS engine_person_switch(struct engine *engine, const struct admin_request_row *request)
{
    struct op *op = &engine->op;
    bool two = request->approved_by.len > 0 && !str_eq(request->approved_by, request->requested_by);
    if (!engine->service->has_switch || !engine->service->has_switch(request->topic)) {
        return op_fail(op, STATUS_NOT_FOUND, "engine.no_switch", "none of this name");
    }
    if (request->kind == ADMIN_SWITCH_ON && !two) {
        return op_fail(op, STATUS_DENIED, "engine.needs_two_people", "switching it on again");
    }
    return OK;
}

/* ---- A record without a readable key, forgotten ---- */

/* Nothing waits for it: it was passed over. What it was stays in the log for as long as its topic keeps it, and in the request. */
STATUS engine_person_forget(struct engine *engine, const struct admin_request_row *request)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct engine_lane *lane = engine_lane_at(engine, request->lane);
    struct store_lane_ref ref = {.lane = request->lane, .epoch = lane->epoch};
    struct quarantine_row like = {
        .lane = request->lane, .topic = request->topic, .kafka_offset = request->n};
    struct store_rows found;
    struct store_fence fence;
    if (!engine_drop_may(engine, request, request->topic)) {
        return op_fail(op, STATUS_DENIED, "engine.needs_two_people", "dropping money messages");
    }
    TRY(store->ops->begin(op, store, &ref, 1, &fence));
    TRY(store->ops->scan(op, store, &engine_scan_quarantine, &like, request->n - 1, 1, &found));
    TRY(store->ops->sync(op, store));
    const struct quarantine_row *row = found.rows;
    if (fence.held_count == 0 || found.count == 0 || row->kafka_offset != request->n) {
        store->ops->rollback(store);
        return fence.held_count == 0
                   ? op_fail(op, STATUS_RETRY, "engine.lane_lost", "lane %" PRId32, request->lane)
                   : op_fail(op, STATUS_NOT_FOUND, "engine.not_in_quarantine",
                             "no record of this topic and offset");
    }
    struct admin_request_row done = *request;
    done.open = false;
    done.result = STR("done");
    done.done_at_us = fence.clock.now_us;
    const void *rows[] = {row};
    const void *requests[] = {&done};
    TRY(store->ops->erase(op, store, &engine_quarantine_table, rows, 1));
    TRY(store->ops->update(op, store, &engine_admin_request_table, requests, NULL, 1));
    return store->ops->commit(op, store);
}
