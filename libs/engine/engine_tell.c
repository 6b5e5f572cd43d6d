/* What a batch changed, for those who watch: a row of lane_change for each lane, and one hint for all
 * of them. Both are in the batch's transaction, so nobody hears of what was not committed. */
#include "base/assert.h"
#include "base/lane.h"
#include "engine/engine_internal.h"

/* Two lists of ids in one lane, made when the first id comes. */
struct told {
    struct strbuf keys, requests;
    bool any;
};

static void add_id(struct strbuf *list, struct id id)
{
    strbuf_add(list, (struct str){.ptr = (const char *)id.bytes, .len = sizeof(id.bytes)});
}

static struct told *told_of(struct engine *engine, const struct engine_batch *batch,
                            struct told *lanes, int32_t lane)
{
    struct told *told = &lanes[lane];
    ASSERT(batch->lane_used[lane]);
    if (!told->any) {
        size_t keys_max = (size_t)batch->view_count * sizeof(struct id);
        size_t requests_max = (size_t)batch->intakes.count * sizeof(struct id);
        strbuf_init(&told->keys, &engine->arena, keys_max + 1);
        strbuf_init(&told->requests, &engine->arena, requests_max + 1);
        told->any = true;
    }
    return told;
}

static void collect(struct engine *engine, const struct engine_batch *batch, struct told *lanes)
{
    for (uint32_t i = 0; i < batch->view_count; i++) {
        const struct engine_view *view = &batch->views[i];
        if (view->state == ENGINE_ROW_CHANGED || view->state == ENGINE_ROW_CREATED) {
            add_id(&told_of(engine, batch, lanes, lane_of_key(view->key))->keys, view->key);
        }
    }
    for (uint32_t i = 0; i < batch->intakes.count; i++) {
        const struct intake_row *row = batch->intakes.rows[i];
        add_id(&told_of(engine, batch, lanes, row->lane)->requests, row->id);
    }
}

static STATUS add_row(struct engine *engine, const struct engine_batch *batch, int32_t lane,
                      struct told *told, struct engine_rows *rows)
{
    struct lane_change_row *row = arena_new(&engine->arena, struct lane_change_row, 1);
    if (!row) {
        return op_arena_full(&engine->op);
    }
    row->lane = lane;
    row->at_us = batch->fence.clock.now_us;
    if (!strbuf_finish(&told->keys, &row->keys) ||
        !strbuf_finish(&told->requests, &row->requests)) {
        return op_arena_full(&engine->op);
    }
    return engine_rows_add(engine, rows, row, 0);
}

STATUS engine_tell(struct engine *engine, struct engine_batch *batch)
{
    struct store *store = engine->ports.store;
    struct told lanes[LANES] = {{.any = false}};
    struct engine_rows rows = {.count = 0};
    if (!engine->service->tells) {
        return OK;
    }
    collect(engine, batch, lanes);
    for (int32_t lane = 0; lane < LANES; lane++) {
        if (lanes[lane].any) {
            TRY(add_row(engine, batch, lane, &lanes[lane], &rows));
        }
    }
    if (rows.count == 0) {
        return OK; /* nothing to see */
    }
    TRY(store->ops->insert(&engine->op, store, &engine_lane_change_table, rows.rows, rows.count));
    return store->ops->tell(&engine->op, store, &batch->fence);
}
