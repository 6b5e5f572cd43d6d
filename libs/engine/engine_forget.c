/*
 * What was published long ago leaves the outbox (R1): one piece of one topic of one lane at a time, by
 * the lane's owner. lane_out.first_n says where the rest begins, so that a row that is missing behind
 * it is a hole, as ever.
 */
#include "engine/engine_internal.h"

#define FORGET_MS 600000 /* so often everything is looked at */
#define RETENTION_MAX_MS \
    ((int64_t)10000 * 365 * 86400000) /* longer is for ever, and may be INT64_MAX */

int64_t engine_forget_before_us(const struct engine *engine, int64_t usual_us)
{
    if (engine->longest_retention_ms < 0 || engine->longest_retention_ms > RETENTION_MAX_MS) {
        return INT64_MIN;
    }
    int64_t twice_us = engine->longest_retention_ms * 2000;
    return engine_clock_surely_us(engine) - (twice_us > usual_us ? twice_us : usual_us);
}

/* How many of the rows, which begin at first_n, nobody can ask for any more. They are old by Kafka's clock too: a
 * database that wakes up half a year ahead must not forget what Kafka still has. */
static uint32_t count_old(const struct engine *engine, const struct engine_out *out,
                          const struct store_rows *found)
{
    const struct outbox_row *row = found->rows;
    int64_t before_us = engine_forget_before_us(engine, ENGINE_OUTBOX_KEPT_US);
    uint32_t count = 0;
    while (count < found->count && row[count].n <= out->row.published_n &&
           row[count].committed_at_us < before_us) {
        count++;
    }
    return count;
}

static STATUS find_old(struct engine *engine, const struct engine_lane *lane,
                       const struct engine_out *out, uint32_t limit, struct store_rows *ret_old)
{
    struct store *store = engine->ports.store;
    struct outbox_row like = {.lane = lane->lane, .topic = out->topic};
    TRY(store->ops->scan(&engine->op, store, &engine_scan_outbox, &like, out->row.first_n - 1,
                         limit, ret_old));
    TRY(store->ops->sync(&engine->op, store));
    ret_old->count = count_old(engine, out, ret_old);
    return OK;
}

static STATUS erase(struct engine *engine, const struct engine_lane *lane, struct engine_out *out,
                    const struct store_rows *old)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    const void *rows[ENGINE_PUBLISH_BATCH];
    const struct outbox_row *row = old->rows;
    for (uint32_t i = 0; i < old->count; i++) {
        rows[i] = &row[i];
    }
    struct lane_out_row moved = out->row;
    moved.first_n = row[old->count - 1].n + 1;
    const void *cursor[] = {&moved};
    struct store_lane_ref ref = {.lane = lane->lane, .epoch = lane->epoch};
    struct store_fence fence;
    TRY(store->ops->begin(op, store, &ref, 1, &fence));
    TRY(store->ops->sync(op, store));
    if (fence.held_count == 0) {
        store->ops->rollback(store);
        engine->heartbeat_at_ms = 0; /* find out which lanes are lost */
        return OK;
    }
    TRY(store->ops->erase(op, store, &engine_outbox_table, rows, old->count));
    TRY(store->ops->update(op, store, &engine_lane_out_table, cursor, NULL, 1));
    TRY(store->ops->commit(op, store));
    out->row.first_n = moved.first_n;
    engine_forgot(engine, &engine_outbox_table, old->count);
    return OK;
}

/* The next one; past the last of them there is time until all are looked at again. */
static void go_on(struct engine *engine, int64_t now_ms)
{
    engine->forget_next++;
    if (engine->forget_next >= LANES * engine->out_count) {
        engine->forget_next = 0;
        engine->forget_at_ms = now_ms + FORGET_MS;
    }
}

STATUS engine_forget(struct engine *engine, int64_t now_ms)
{
    if (engine->forget_at_ms == 0) { /* who has just started has better things to do */
        engine->forget_at_ms = now_ms + FORGET_MS;
    }
    if (now_ms < engine->forget_at_ms || engine->out_count == 0) {
        return OK;
    }
    struct engine_lane *lane = engine_lane_at(engine, (int32_t)(engine->forget_next % LANES));
    struct engine_out *out = &lane->outs[engine->forget_next / LANES];
    struct store_rows old = {.count = 0};
    if (lane->mine) { /* the first alone: most often there is nothing to do */
        TRY(find_old(engine, lane, out, 1, &old));
    }
    if (old.count > 0) {
        TRY(find_old(engine, lane, out, ENGINE_PUBLISH_BATCH, &old));
        return erase(engine, lane, out, &old);
    }
    go_on(engine, now_ms);
    return OK;
}
