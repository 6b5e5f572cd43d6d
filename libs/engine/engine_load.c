/* Opens the batch's transaction over its lanes and loads what the decisions need: one round trip. */
#include <inttypes.h>

#include "base/assert.h"
#include "engine/engine_internal.h"

#define NOT_FOUND UINT32_MAX

bool engine_item_is_intake(const struct engine_item *item)
{
    return item->kind == ENGINE_ITEM_RECORD && !topology_topics[item->record->topic].lane_written;
}

static bool needs_view(const struct engine_item *item)
{
    return item->fate == ENGINE_FATE_DECIDE || item->fate == ENGINE_FATE_PARK;
}

struct id engine_item_closes(const struct engine_item *item)
{
    if (item->fate != ENGINE_FATE_DECIDE || !item->handler) {
        return (struct id){.bytes = {0}};
    }
    switch (item->handler->closes) {
    case ENGINE_CLOSES_CAUSE: /* a dropped event tells nothing about its cause */
        return item->kind == ENGINE_ITEM_DROPPED ? (struct id){.bytes = {0}}
                                                 : item->message.causation_id;
    case ENGINE_CLOSES_MESSAGE: return item->message.id;
    case ENGINE_CLOSES_NONE:
    case ENGINE_CLOSES_COUNT: break;
    }
    return (struct id){.bytes = {0}};
}

struct wanted {
    struct id *keys, *inbox, *intakes, *effects, *parked;
    uint32_t key_count, inbox_count, intake_count, effect_count, parked_count;
};

static STATUS want(struct engine *engine, struct engine_batch *batch, struct wanted *ret_wanted)
{
    struct wanted wanted = {.key_count = 0};
    struct id **lists[] = {&wanted.keys, &wanted.inbox, &wanted.intakes, &wanted.effects,
                           &wanted.parked};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        *lists[i] = arena_new(&engine->arena, struct id, batch->item_count + 1);
        if (!*lists[i]) {
            return op_arena_full(&engine->op);
        }
    }
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct engine_item *item = &batch->items[i];
        if (needs_view(item) && map_get(&batch->view_of, item->key, NOT_FOUND) == NOT_FOUND) {
            uint32_t at = batch->view_count++;
            batch->views[at].key = item->key;
            map_set(&batch->view_of, item->key, at);
            wanted.keys[wanted.key_count++] = item->key;
        }
        if (engine_item_is_intake(item) && item->fate != ENGINE_FATE_IGNORE &&
            !id_is_none(item->message.id)) {
            wanted.inbox[wanted.inbox_count++] = item->message.id;
        }
        if (!id_is_none(engine_item_closes(item))) {
            wanted.intakes[wanted.intake_count++] = engine_item_closes(item);
        }
        if (engine_parked_state(engine, batch, item->lane, item->key) != ENGINE_PARKED_NOT) {
            wanted.parked[wanted.parked_count++] = item->key;
        }
    }
    *ret_wanted = wanted;
    return OK;
}

static STATUS queue_loads(struct engine *engine, struct engine_batch *batch,
                          const struct wanted *wanted)
{
    const struct engine_service *service = engine->service;
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    if (wanted->inbox_count > 0) {
        TRY(store->ops->load(op, store, &engine_inbox_table, wanted->inbox, wanted->inbox_count,
                             &batch->loaded_inbox));
    }
    if (wanted->key_count > 0) {
        TRY(store->ops->load(op, store, service->aggregate, wanted->keys, wanted->key_count,
                             &batch->loaded_views));
    }
    for (uint32_t t = 0; wanted->key_count > 0 && service->children[t]; t++) {
        TRY(store->ops->load_children(op, store, service->children[t], wanted->keys,
                                      wanted->key_count, &batch->loaded_children[t]));
    }
    if (wanted->intake_count > 0) {
        TRY(store->ops->load(op, store, &engine_intake_table, wanted->intakes, wanted->intake_count,
                             &batch->loaded_intakes));
    }
    if (wanted->parked_count > 0) {
        TRY(store->ops->load(op, store, &engine_parked_key_table, wanted->parked,
                             wanted->parked_count, &batch->loaded_parked));
    }
    return OK;
}

/* Opens the transaction over the batch's lanes and loads what the decisions need: one round trip. */
STATUS engine_load(struct engine *engine, struct engine_batch *batch)
{
    struct store *store = engine->ports.store;
    struct store_lane_ref refs[LANES];
    uint32_t ref_count = 0;
    for (int32_t p = 0; p < LANES; p++) {
        if (batch->lane_used[p]) {
            refs[ref_count++] = (struct store_lane_ref){.lane = p, .epoch = engine->lanes[p].epoch};
        }
    }
    struct wanted wanted = {.key_count = 0};
    TRY(want(engine, batch, &wanted));
    TRY(store->ops->begin(&engine->op, store, refs, ref_count, &batch->fence));
    TRY(queue_loads(engine, batch, &wanted));
    TRY(store->ops->sync(&engine->op, store));
    if (batch->fence.held_count > 0) {
        engine_set_now(engine, &batch->fence);
    }
    return batch->fence.held_count == ref_count
               ? OK
               : op_fail(&engine->op, STATUS_CANCELED, "engine.lanes_lost",
                         "%" PRIu32 " of %" PRIu32 " held", batch->fence.held_count, ref_count);
}
