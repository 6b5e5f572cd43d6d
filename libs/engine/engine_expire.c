/*
 * Rows that are closed and older than anything that could ask for them leave their tables: a piece of one table at a
 * time, as it lies on disk, so that no index is kept for it. Who owns the row's lane deletes it. What they are kept for is told in
 * docs/operations.md, "What is kept, and for how long"; money, transitions and calls about money are none of them.
 */
#include "base/assert.h"
#include "base/lane.h"
#include "engine/engine_internal.h"

#define BEGIN_MS 600000 /* who has just started has better things to do */
#define EVERY_MS 5000
#define PIECE_ROWS_MAX 256 /* of 256 KB at most: they fit into the arena */

/* Dedupe of requests (R4): every copy of the message has left the log, and its sender has closed it. */
static const struct engine_expiring inbox = {
    .scan = {.name = "inbox_old",
             .table = &engine_inbox_table,
             .filter = TABLE_NO_COLUMN,
             .order = 4 /* at_us */,
             .bound = SCAN_PIECE},
    .key = 1,
};
static const struct engine_expiring intake = {
    .scan = {.name = "intake_old",
             .table = &engine_intake_table,
             .filter = 11 /* open */,
             .order = 15 /* closed_at_us */,
             .bound = SCAN_PIECE},
    .key = 3,
};
/* The highest generation: an older one could come from the log alone. One that is parked is among its key's messages. */
static const struct engine_expiring timer = {
    .scan = {.name = "timer_old",
             .table = &engine_timer_table,
             .filter = 7 /* open */,
             .order = 8 /* closed_at_us */,
             .bound = SCAN_PIECE},
    .key = 0,
};
/* Of services whose calls nobody misses after a day (effects_expire): calls about money stay. */
static const struct engine_expiring effect = {
    .scan = {.name = "effect_old",
             .table = &engine_effect_table,
             .filter = 11 /* open */,
             .order = 10 /* caused_at_us */,
             .bound = SCAN_PIECE},
    .key = 2,
};

void engine_expire_init(struct engine *engine)
{
    const struct engine_service *service = engine->service;
    const struct engine_expiring *const own[] = {&inbox, &intake,
                                                 service->timers_of ? &timer : NULL,
                                                 service->effects_expire ? &effect : NULL};
    atomic_store(&engine->stats.forgotten[0].table, engine_outbox_table.name);
    for (size_t i = 0; i < ARRAY_LEN(own) + ENGINE_EXPIRING_MAX; i++) {
        const struct engine_expiring *each =
            i < ARRAY_LEN(own) ? own[i] : service->expiring[i - ARRAY_LEN(own)];
        if (each) {
            ASSERT(each->scan.bound == SCAN_PIECE);
            engine->expiring[engine->expiring_count++] = each;
            atomic_store(&engine->stats.forgotten[engine->expiring_count].table,
                         each->scan.table->name);
        }
    }
}

/* Rows without a key belong to no lane: the first one's owner looks after them. */
static bool may_go(struct engine *engine, const struct engine_expiring *what, const void *row)
{
    if (what->key < 0) {
        return engine->lanes[0].mine && !engine->lanes[0].draining;
    }
    const struct table_column *column = &what->scan.table->columns[what->key];
    ASSERT(column->type == COLUMN_UUID);
    struct id key = *(const struct id *)(const void *)((const char *)row + column->offset);
    const struct engine_lane *lane = &engine->lanes[lane_of_key(key)];
    return lane->mine && !lane->draining &&
           map_get(&lane->parked, key, ENGINE_PARKED_NOT) == ENGINE_PARKED_NOT;
}

/* Those of a piece that are ours: their place in ret_rows. */
static STATUS find(struct engine *engine, const struct engine_expiring *what,
                   const void *ret_rows[PIECE_ROWS_MAX], uint32_t *ret_count)
{
    struct store *store = engine->ports.store;
    const struct table *table = what->scan.table;
    struct store_rows found = {.count = 0};
    int64_t before_us = what->kept_us > 0
                            ? engine_clock_surely_us(engine) - what->kept_us
                            : engine_forget_before_us(engine, engine->limits.closed_kept_us);
    char *like = arena_alloc(engine->op.arena, 1, table->row_bytes);
    if (!like) {
        return op_arena_full(&engine->op);
    }
    *(int64_t *)(void *)(like + table->columns[what->scan.order].offset) = before_us;
    TRY(store->ops->scan(&engine->op, store, &what->scan, like, engine->expire_place,
                         PIECE_ROWS_MAX, &found));
    TRY(store->ops->sync(&engine->op, store));
    *ret_count = 0;
    for (uint32_t i = 0; i < found.count; i++) {
        const char *row = (const char *)found.rows + i * table->row_bytes;
        if (may_go(engine, what, row)) {
            ret_rows[(*ret_count)++] = row;
        }
    }
    return OK;
}

static STATUS erase(struct engine *engine, const struct table *table, const void *const *rows,
                    uint32_t count)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct store_lane_ref refs[LANES];
    struct store_fence fence;
    uint32_t ref_count = 0;
    for (int32_t p = 0; p < LANES; p++) {
        if (engine->lanes[p].mine && !engine->lanes[p].draining) {
            refs[ref_count++] = (struct store_lane_ref){.lane = p, .epoch = engine->lanes[p].epoch};
        }
    }
    TRY(store->ops->begin(op, store, refs, ref_count, &fence));
    TRY(store->ops->sync(op, store));
    if (fence.held_count < ref_count) {
        store->ops->rollback(store);
        engine->heartbeat_at_ms = 0; /* find out which lanes are lost */
        return OK;
    }
    TRY(store->ops->erase(op, store, table, rows, count));
    TRY(store->ops->commit(op, store));
    engine_forgot(engine, table, count);
    return OK;
}

void engine_forgot(struct engine *engine, const struct table *table, uint64_t count)
{
    for (uint32_t i = 0; i <= engine->expiring_count; i++) {
        struct engine_forgotten *each = &engine->stats.forgotten[i];
        if (atomic_load(&each->table) == table->name) {
            atomic_fetch_add_explicit(&each->count, count, memory_order_relaxed);
        }
    }
}

/* The same piece of each table, then the next one. */
static void go_on(struct engine *engine)
{
    engine->expire_next++;
    if (engine->expire_next == engine->expiring_count) {
        engine->expire_next = 0;
        engine->expire_place++;
    }
}

STATUS engine_expire(struct engine *engine, int64_t now_ms)
{
    if (engine->expire_at_ms == 0) {
        engine->expire_at_ms = now_ms + BEGIN_MS;
    }
    if (now_ms < engine->expire_at_ms) {
        return OK;
    }
    const struct engine_expiring *what = engine->expiring[engine->expire_next];
    const void *rows[PIECE_ROWS_MAX];
    uint32_t count = 0;
    TRY(find(engine, what, rows, &count));
    if (count == 0) {
        go_on(engine);
        engine->expire_at_ms = now_ms + EVERY_MS;
        return OK;
    }
    return erase(engine, what->scan.table, rows,
                 count); /* and this piece again: there may be more */
}
