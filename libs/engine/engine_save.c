/* The batch's rows into the store: one set-based statement for each table and kind of change. */
#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "engine/engine_internal.h"

static STATUS insert(struct engine *engine, const struct table *table,
                     const struct engine_rows *rows)
{
    struct store *store = engine->ports.store;
    return rows->count == 0
               ? OK
               : store->ops->insert(&engine->op, store, table, rows->rows, rows->count);
}

static STATUS update(struct engine *engine, const struct table *table,
                     const struct engine_rows *rows)
{
    struct store *store = engine->ports.store;
    const int64_t *versions = table->version >= 0 ? rows->old_versions : NULL;
    return rows->count == 0
               ? OK
               : store->ops->update(&engine->op, store, table, rows->rows, versions, rows->count);
}

static STATUS erase(struct engine *engine, const struct table *table,
                    const struct engine_rows *rows)
{
    struct store *store = engine->ports.store;
    return rows->count == 0 ? OK
                            : store->ops->erase(&engine->op, store, table, rows->rows, rows->count);
}

/* Sorts one row into what is to be inserted or updated. */
static STATUS sort_row(struct engine *engine, enum engine_row_state state, const void *row,
                       int64_t loaded_version, struct engine_rows *created,
                       struct engine_rows *changed)
{
    switch (state) {
    case ENGINE_ROW_ABSENT:
    case ENGINE_ROW_LOADED: return OK;
    case ENGINE_ROW_CHANGED: return engine_rows_add(engine, changed, row, loaded_version);
    case ENGINE_ROW_CREATED: return engine_rows_add(engine, created, row, 0);
    }
    UNREACHABLE("row state");
}

static STATUS save_rows(struct engine *engine, struct engine_batch *batch, uint32_t aggregate)
{
    const struct table *table = engine->aggregates[aggregate]->table;
    struct engine_rows created = {.count = 0};
    struct engine_rows changed = {.count = 0};
    for (uint32_t i = 0; i < batch->view_count; i++) {
        const struct engine_view *view = &batch->views[i];
        if (view->aggregate == aggregate) {
            TRY(sort_row(engine, view->state, view->row, view->loaded_version, &created, &changed));
        }
    }
    TRY(insert(engine, table, &created));
    return update(engine, table, &changed);
}

static STATUS save_children(struct engine *engine, struct engine_batch *batch, uint32_t aggregate,
                            uint32_t t)
{
    const struct table *table = engine->aggregates[aggregate]->children[t];
    struct engine_rows created = {.count = 0};
    struct engine_rows changed = {.count = 0};
    for (uint32_t i = 0; i < batch->view_count; i++) {
        const struct engine_view *view = &batch->views[i];
        const struct engine_children *children = &view->children[t];
        for (uint32_t c = 0; view->aggregate == aggregate && c < children->count; c++) {
            const struct engine_child *child = &children->items[c];
            TRY(sort_row(engine, child->state, child->row, child->loaded_version, &created,
                         &changed));
        }
    }
    TRY(insert(engine, table, &created));
    return update(engine, table, &changed);
}

static STATUS save_aggregates(struct engine *engine, struct engine_batch *batch)
{
    for (uint32_t i = 0; i < engine->aggregate_count; i++) {
        TRY(engine->aggregates[i]->table ? save_rows(engine, batch, i) : OK);
        for (uint32_t t = 0; engine->aggregates[i]->children[t]; t++) {
            TRY(save_children(engine, batch, i, t));
        }
    }
    return OK;
}

static STATUS save_outputs(struct engine *engine, struct engine_batch *batch)
{
    struct engine_rows rows = {.count = 0};
    for (uint32_t i = 0; i < batch->output_count; i++) {
        TRY(engine_rows_add(engine, &rows, &batch->outputs[i].row, 0));
    }
    return insert(engine, &engine_outbox_table, &rows);
}

struct cursors {
    struct engine_rows ins_new, ins_old, outs_new, outs_old;
};

static STATUS sort_cursors(struct engine *engine, const struct engine_in *ins,
                           const struct engine_out *outs, struct cursors *cursors)
{
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        if (ins[i].dirty) {
            TRY(engine_rows_add(engine, ins[i].stored ? &cursors->ins_old : &cursors->ins_new,
                                &ins[i].row, 0));
        }
    }
    for (uint32_t i = 0; i < engine->out_count; i++) {
        if (outs[i].dirty) {
            TRY(engine_rows_add(engine, outs[i].stored ? &cursors->outs_old : &cursors->outs_new,
                                &outs[i].row, 0));
        }
    }
    return OK;
}

static STATUS save_cursors(struct engine *engine, const struct cursors *cursors)
{
    TRY(insert(engine, &engine_lane_in_table, &cursors->ins_new));
    TRY(update(engine, &engine_lane_in_table, &cursors->ins_old));
    TRY(insert(engine, &engine_lane_out_table, &cursors->outs_new));
    return update(engine, &engine_lane_out_table, &cursors->outs_old);
}

STATUS engine_save(struct engine *engine, struct engine_batch *batch)
{
    const struct engine_service *service = engine->service;
    TRY(insert(engine, &engine_inbox_table, &batch->inbox));
    TRY(save_aggregates(engine, batch));
    for (uint32_t t = 0; service->appends[t]; t++) {
        TRY(insert(engine, service->appends[t], &batch->appends[t]));
    }
    TRY(insert(engine, &engine_effect_table, &batch->effects_new));
    TRY(update(engine, &engine_effect_table, &batch->effects_changed));
    TRY(update(engine, &engine_intake_table, &batch->intakes));
    TRY(insert(engine, &engine_intake_table, &batch->posts));
    TRY(insert(engine, &engine_quarantine_table, &batch->quarantine));
    TRY(insert(engine, &engine_parked_key_table, &batch->parked_keys_new));
    TRY(update(engine, &engine_parked_key_table, &batch->parked_keys_changed));
    TRY(insert(engine, &engine_parked_message_table, &batch->parked_messages));
    TRY(erase(engine, &engine_parked_message_table, &batch->parked_messages_gone));
    TRY(erase(engine, &engine_parked_key_table, &batch->parked_keys_gone));
    TRY(update(engine, &engine_admin_request_table, &batch->requests));
    TRY(update(engine, &engine_restored_table, &batch->restored_changed));
    TRY(save_outputs(engine, batch));
    struct cursors cursors = {.ins_new = {.count = 0}};
    for (int32_t p = 0; p < LANES; p++) {
        if (batch->lane_used[p]) {
            TRY(sort_cursors(engine, batch->ins[p], batch->outs[p], &cursors));
        }
    }
    TRY(save_cursors(engine, &cursors));
    TRY(engine_tell(engine, batch));
    return engine->ports.store->ops->touch(&engine->op, engine->ports.store, &batch->fence);
}

/* The cursors of all lanes that moved since they were last written, in a transaction of their own. */
STATUS engine_advance_alone(struct engine *engine)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct store_lane_ref refs[LANES];
    uint32_t ref_count = 0;
    struct cursors cursors = {.ins_new = {.count = 0}};
    engine->dirty_since_ms = 0;
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        bool dirty = false;
        for (uint32_t i = 0; i < engine->out_count; i++) {
            dirty |= lane->outs[i].dirty;
        }
        for (uint32_t i = 0; i < engine->service->handler_count; i++) {
            dirty |= lane->ins[i].dirty; /* a position that was looked for anew */
        }
        if (lane->mine && dirty) {
            TRY(sort_cursors(engine, lane->ins, lane->outs, &cursors));
            refs[ref_count++] = (struct store_lane_ref){.lane = p, .epoch = lane->epoch};
        }
    }
    if (ref_count == 0) {
        return OK;
    }
    struct store_fence fence;
    CRASH_POINT("engine-before-advance");
    TRY(store->ops->begin(op, store, refs, ref_count, &fence));
    TRY(store->ops->sync(op, store));
    if (fence.held_count != ref_count) { /* a successor claims and looks for itself */
        store->ops->rollback(store);
        engine->heartbeat_at_ms = 0; /* find out which lanes are lost */
        return OK;
    }
    TRY(save_cursors(engine, &cursors));
    TRY(store->ops->commit(op, store));
    for (uint32_t r = 0; r < ref_count; r++) {
        for (uint32_t i = 0; i < engine->out_count; i++) {
            struct engine_out *out = &engine->lanes[refs[r].lane].outs[i];
            out->stored |= out->dirty;
            out->dirty = false;
        }
        for (uint32_t i = 0; i < engine->service->handler_count; i++) {
            engine->lanes[refs[r].lane].ins[i].dirty = false;
        }
    }
    return OK;
}
