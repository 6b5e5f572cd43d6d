/* Opens the batch's transaction over its lanes and loads what the decisions need: one round trip. */
#include <inttypes.h>

#include "base/assert.h"
#include "engine/engine_internal.h"

#define NOT_FOUND UINT32_MAX

bool engine_item_is_intake(const struct engine_item *item)
{
    return item->kind == ENGINE_ITEM_RECORD &&
           topology_topics[item->record->topic].kind == TOPOLOGY_INTAKE;
}

static bool needs_view(const struct engine_item *item)
{
    return item->fate == ENGINE_FATE_DECIDE || item->fate == ENGINE_FATE_PARK;
}

static uint32_t add_id(struct id id, uint32_t count, struct id ret_ids[ENGINE_ITEM_CLOSES_MAX])
{
    if (id_is_none(id)) {
        return count;
    }
    ret_ids[count] = id;
    return count + 1;
}

uint32_t engine_item_closes(const struct engine_item *item,
                            struct id ret_ids[ENGINE_ITEM_CLOSES_MAX])
{
    if (item->fate != ENGINE_FATE_DECIDE || !item->handler) {
        return 0;
    }
    switch (item->handler->closes) {
    case ENGINE_CLOSES_CAUSE: /* a dropped event tells nothing about its cause */
        return item->kind == ENGINE_ITEM_DROPPED ? 0
                                                 : add_id(item->message.causation_id, 0, ret_ids);
    case ENGINE_CLOSES_MESSAGE:
        return add_id(item->message.also_closes, add_id(item->message.id, 0, ret_ids), ret_ids);
    case ENGINE_CLOSES_NONE:
    case ENGINE_CLOSES_COUNT: break;
    }
    return 0;
}

struct wanted {
    struct id *keys[ENGINE_AGGREGATES_MAX]; /* of each kind */
    uint32_t key_counts[ENGINE_AGGREGATES_MAX];
    struct id *inbox, *intakes, *parked, *restored;
    uint32_t inbox_count, intake_count, parked_count, restored_count;
};

static STATUS make_lists(struct engine *engine, uint32_t item_count, struct wanted *wanted)
{
    struct id **lists[] = {&wanted->inbox, &wanted->intakes, &wanted->parked, &wanted->restored};
    for (size_t i = 0; i < ARRAY_LEN(lists) + engine->aggregate_count; i++) {
        struct id **list = i < ARRAY_LEN(lists) ? lists[i] : &wanted->keys[i - ARRAY_LEN(lists)];
        *list = arena_new(&engine->arena, struct id, ENGINE_ITEM_CLOSES_MAX * item_count + 1);
        if (!*list) {
            return op_arena_full(&engine->op);
        }
    }
    return OK;
}

static void want_view(struct engine *engine, struct engine_batch *batch,
                      const struct engine_item *item, struct wanted *wanted)
{
    uint32_t aggregate = engine_aggregate_of(engine, item);
    struct map *view_of = &batch->view_of[aggregate];
    if (map_get(view_of, item->key, NOT_FOUND) != NOT_FOUND) {
        return;
    }
    uint32_t at = batch->view_count++;
    batch->views[at].aggregate = aggregate;
    batch->views[at].key = item->key;
    map_set(view_of, item->key, at);
    wanted->keys[aggregate][wanted->key_counts[aggregate]++] = item->key;
}

static STATUS want(struct engine *engine, struct engine_batch *batch, struct wanted *ret_wanted)
{
    struct wanted wanted = {.inbox_count = 0};
    TRY(make_lists(engine, batch->item_count, &wanted));
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct engine_item *item = &batch->items[i];
        if (needs_view(item)) {
            want_view(engine, batch, item, &wanted);
        }
        if (engine_item_is_intake(item) && item->fate != ENGINE_FATE_IGNORE &&
            !id_is_none(item->message.id)) {
            wanted.inbox[wanted.inbox_count++] = item->message.id;
        }
        wanted.intake_count += engine_item_closes(item, &wanted.intakes[wanted.intake_count]);
        if (engine_parked_state(engine, batch, item->lane, item->key) != ENGINE_PARKED_NOT) {
            wanted.parked[wanted.parked_count++] = item->key;
        }
        if (engine->lanes[item->lane].replay.on && needs_view(item)) {
            wanted.restored[wanted.restored_count++] = item->key;
        }
    }
    *ret_wanted = wanted;
    return OK;
}

static STATUS queue_aggregate(struct engine *engine, struct engine_batch *batch, uint32_t aggregate,
                              const struct id *keys, uint32_t key_count)
{
    const struct engine_aggregate_kind *kind = engine->aggregates[aggregate];
    struct store *store = engine->ports.store;
    if (key_count == 0) {
        return OK;
    }
    if (kind->table) {
        TRY(store->ops->load(&engine->op, store, kind->table, keys, key_count,
                             &batch->loaded_views[aggregate]));
    }
    for (uint32_t t = 0; kind->children[t]; t++) {
        TRY(store->ops->load_children(&engine->op, store, kind->children[t], keys, key_count,
                                      &batch->loaded_children[aggregate][t]));
    }
    return OK;
}

static STATUS queue_loads(struct engine *engine, struct engine_batch *batch,
                          const struct wanted *wanted)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    if (wanted->inbox_count > 0) {
        TRY(store->ops->load(op, store, &engine_inbox_table, wanted->inbox, wanted->inbox_count,
                             &batch->loaded_inbox));
    }
    for (uint32_t i = 0; i < engine->aggregate_count; i++) {
        TRY(queue_aggregate(engine, batch, i, wanted->keys[i], wanted->key_counts[i]));
    }
    if (wanted->intake_count > 0) {
        TRY(store->ops->load(op, store, &engine_intake_table, wanted->intakes, wanted->intake_count,
                             &batch->loaded_intakes));
    }
    if (wanted->parked_count > 0) {
        TRY(store->ops->load(op, store, &engine_parked_key_table, wanted->parked,
                             wanted->parked_count, &batch->loaded_parked));
    }
    if (wanted->restored_count > 0) {
        TRY(store->ops->load_children(op, store, &engine_restored_table, wanted->restored,
                                      wanted->restored_count, &batch->loaded_restored));
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
    struct wanted wanted;
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
