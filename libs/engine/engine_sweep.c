/* The net under the intakes (R5), and what people ask of this owner (admin_request). */
#include "base/assert.h"
#include "engine/engine_internal.h"
#include "engine/intake.h"

#define SWEEP_MAX 128
#define RESULT_MAX_BYTES 300

/* ---- Open intakes ---- */

/* Doubles from the first wait up to the longest. */
static int64_t next_due_us(const struct intake_row *row, int64_t now_us)
{
    int64_t wait_us = INTAKE_REPUBLISH_AFTER_US;
    for (int32_t i = 0; i < row->attempts && wait_us < INTAKE_REPUBLISH_NO_OUTCOME_US; i++) {
        wait_us *= 2;
    }
    return now_us +
           (wait_us < INTAKE_REPUBLISH_NO_OUTCOME_US ? wait_us : INTAKE_REPUBLISH_NO_OUTCOME_US);
}

static uint32_t held_refs(const struct engine *engine, struct store_lane_ref refs[LANES])
{
    uint32_t count = 0;
    for (int32_t p = 0; p < LANES; p++) {
        if (engine->lanes[p].mine && !engine->lanes[p].draining) {
            refs[count++] = (struct store_lane_ref){.lane = p, .epoch = engine->lanes[p].epoch};
        }
    }
    return count;
}

/* The due times of intakes are set where sandbox time is not known. */
static STATUS push_due(struct engine *engine, const struct store_rows rows[LANES],
                       uint32_t lane_count, struct engine_rows *changed)
{
    for (uint32_t i = 0; i < lane_count; i++) {
        struct intake_row *row = rows[i].rows;
        for (uint32_t r = 0; r < rows[i].count; r++) {
            row[r].due_at_us = next_due_us(&row[r], engine->op.now_us - engine->sandbox_us);
            row[r].attempts++;
            TRY(engine_rows_add(engine, changed, &row[r], 0));
        }
    }
    return OK;
}

static STATUS sweep(struct engine *engine)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct store_lane_ref refs[LANES];
    uint32_t ref_count = held_refs(engine, refs);
    if (ref_count == 0 || engine->intake_count == 0) {
        return OK;
    }
    struct store_fence fence;
    struct store_rows rows[LANES];
    TRY(store->ops->begin(op, store, refs, ref_count, &fence));
    for (uint32_t i = 0; i < ref_count; i++) {
        struct intake_row like = {.lane = refs[i].lane};
        TRY(store->ops->scan(op, store, &engine_scan_intake_due, &like,
                             engine_now_us(engine) - engine->sandbox_us, SWEEP_MAX, &rows[i]));
    }
    TRY(store->ops->sync(op, store));
    if (fence.held_count > 0) {
        engine_set_now(engine, &fence);
    }
    struct engine_rows changed = {.count = 0};
    if (fence.held_count == ref_count) {
        TRY(push_due(engine, rows, ref_count, &changed));
    }
    if (changed.count == 0) {
        store->ops->rollback(store);
        return OK;
    }
    TRY(store->ops->update(op, store, &engine_intake_table, changed.rows, NULL, changed.count));
    TRY(store->ops->commit(op, store));
    for (uint32_t i = 0; i < changed.count; i++) {
        if (engine_post_publish(engine, changed.rows[i])) {
            atomic_fetch_add_explicit(&engine->stats.intakes_republished, 1, memory_order_relaxed);
        }
    }
    return OK;
}

/* Not while our own producer still has some of those that it had when we looked last: what is due now
 * may be among them. Posts that come and go meanwhile hold nothing up. */
STATUS engine_sweep(struct engine *engine)
{
    if (engine->intakes_reported < engine->intakes_awaited) {
        return OK;
    }
    TRY(sweep(engine));
    engine->intakes_awaited = engine->intakes_produced;
    return OK;
}

/* ---- Requests of people ---- */

static STATUS find_request(struct engine *engine, struct admin_request_row *ret_request,
                           bool *ret_found)
{
    struct store *store = engine->ports.store;
    struct store_lane_ref refs[LANES];
    struct store_rows rows[LANES];
    uint32_t ref_count = held_refs(engine, refs);
    *ret_found = false;
    for (uint32_t i = 0; i < ref_count; i++) {
        struct admin_request_row like = {.lane = refs[i].lane};
        TRY(store->ops->scan(&engine->op, store, &engine_scan_admin_request, &like, 0, 1,
                             &rows[i]));
    }
    if (ref_count > 0) {
        TRY(store->ops->sync(&engine->op, store));
    }
    for (uint32_t i = 0; i < ref_count && !*ret_found; i++) {
        if (rows[i].count > 0) {
            *ret_request = *(const struct admin_request_row *)rows[i].rows;
            *ret_found = true;
        }
    }
    return OK;
}

/* The result a person reads: "done", or the code and the words of what went wrong. */
static STATUS answer_request(struct engine *engine, struct admin_request_row *request,
                             struct str result)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct engine_lane *lane = engine_lane_at(engine, request->lane);
    if (!lane->mine) {
        return OK; /* the next owner finds it again */
    }
    struct store_lane_ref ref = {.lane = request->lane, .epoch = lane->epoch};
    struct store_fence fence;
    TRY(store->ops->begin(op, store, &ref, 1, &fence));
    TRY(store->ops->sync(op, store));
    if (fence.held_count == 0) {
        store->ops->rollback(store);
        return OK;
    }
    request->open = false;
    request->result = result;
    request->done_at_us = fence.clock.now_us;
    const void *rows[] = {request};
    TRY(store->ops->update(op, store, &engine_admin_request_table, rows, NULL, 1));
    return store->ops->commit(op, store);
}

STATUS engine_admin(struct engine *engine)
{
    struct admin_request_row request;
    bool found;
    TRY(find_request(engine, &request, &found));
    if (!found) {
        return OK;
    }
    struct str result = STR("done");
    enum engine_asked asked = ENGINE_ASKED_ANSWER;
    struct status st = engine_park_request(engine, &request, &asked);
    if (st.kind == STATUS_RETRY || st.kind == STATUS_CANCELED || st.kind == STATUS_STOP) {
        return st; /* not about the request: it is found again */
    }
    if (status_failed(st)) {
        struct strbuf text;
        strbuf_init(&text, &engine->arena, RESULT_MAX_BYTES);
        strbuf_addf(&text, "%s: %s", engine->op.err.code, engine->op.err.msg);
        if (!strbuf_finish(&text, &result)) {
            result = STR("failed");
        }
    }
    engine->admin_at_ms = 0; /* there may be more */
    if (asked != ENGINE_ASKED_ANSWER) {
        return OK; /* closed; or found again, and goes on */
    }
    return answer_request(engine, &request, result);
}
