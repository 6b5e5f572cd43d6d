/* The net under the intakes (R5), and what people ask of this owner (admin_request). */
#include <inttypes.h>

#include "base/assert.h"
#include "base/crash.h"
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
    CRASH_POINT("engine-swept-before-publish");
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

/* What is left to do about a request that was carried out. */
enum asked {
    ASKED_ANSWER = 0, /* close its row with the result */
    ASKED_AGAIN,      /* there is more to do: call again */
    ASKED_ANSWERED,   /* its row is closed: in the transaction that did what must not be repeated */
};

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
    /* So that what is done later is later in every order, whatever the database's clock does meanwhile. */
    TRY(store->ops->touch(op, store, &fence));
    return store->ops->commit(op, store);
}

/* What a topic's messages are about may be money: then two people are needed to drop one of them. */
bool engine_drop_may(const struct engine *engine, const struct admin_request_row *request,
                     struct str topic)
{
    bool needs_two = true; /* a timer, an answer */
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        const struct engine_handler *handler = &engine->service->handlers[i];
        if (str_eq(topic, str_of(topology_topics[handler->topic].name))) {
            needs_two = handler->drop_needs_two;
        }
    }
    return !needs_two ||
           (request->approved_by.len > 0 && !str_eq(request->approved_by, request->requested_by));
}

static STATUS drop_first(struct engine *engine, const struct admin_request_row *request,
                         enum asked *ret_asked)
{
    struct store *store = engine->ports.store;
    struct parked_message_row like = {.key = request->key};
    struct store_rows rows;
    TRY(store->ops->scan(&engine->op, store, &engine_scan_parked_message, &like, 0, 1, &rows));
    TRY(store->ops->sync(&engine->op, store));
    const struct parked_message_row *parked = rows.rows;
    if (rows.count > 0 && !engine_drop_may(engine, request, parked->source)) {
        return op_fail(&engine->op, STATUS_DENIED, "engine.needs_two_people",
                       "dropping money messages");
    }
    struct engine_choice choice;
    bool left = false; /* the rest of a very long queue waits for a retry */
    TRY(engine_park_first(engine, request->key, &choice));
    TRY(engine_park_one(engine, request->key, &choice, request));
    *ret_asked = choice.count > 0 ? ASKED_ANSWERED : ASKED_ANSWER;
    return choice.count > 1 ? engine_park_run(engine, request->key, &left) : OK;
}

static STATUS republish(struct engine *engine, struct engine_lane *lane,
                        const struct admin_request_row *request)
{
    for (uint32_t i = 0; i < engine->out_count; i++) {
        struct engine_out *out = &lane->outs[i];
        if (!str_eq(out->row.topic, request->topic)) {
            continue;
        }
        if (out->row.next_n == out->row.first_n) {
            return op_fail(
                &engine->op, STATUS_INVALID, "engine.no_such_n",
                "this lane's outbox has no records of the topic; its next one is n=%" PRId64,
                out->row.next_n);
        }
        if (request->n < out->row.first_n || request->n >= out->row.next_n) {
            return op_fail(&engine->op, STATUS_INVALID, "engine.no_such_n",
                           "the outbox has n=%" PRId64 " to %" PRId64, out->row.first_n,
                           out->row.next_n - 1);
        }
        engine_publish_set_back(engine, out, request->n);
        return engine_advance_alone(
            engine); /* before the request is closed: the cursor is the deed */
    }
    return op_fail(&engine->op, STATUS_INVALID, "engine.not_our_topic", STR_FMT,
                   STR_ARG(request->topic));
}

static STATUS carry_out(struct engine *engine, const struct admin_request_row *request,
                        enum asked *ret_asked)
{
    bool left = false;
    *ret_asked = ASKED_ANSWER;
    struct engine_lane *lane = engine_lane_at(engine, request->lane);
    bool about_key = request->kind == ADMIN_PARK_RETRY || request->kind == ADMIN_PARK_DROP;
    bool parked = map_get(&lane->parked, request->key, ENGINE_PARKED_NOT) != ENGINE_PARKED_NOT;
    if (about_key && (!parked || lane_of_key(request->key) != request->lane)) {
        return op_fail(&engine->op, STATUS_NOT_FOUND, "engine.not_parked",
                       "no such parked key in this lane");
    }
    struct status st = OK;
    switch (request->kind) {
    case ADMIN_PARK_RETRY: st = engine_park_run(engine, request->key, &left); break;
    case ADMIN_PARK_DROP: st = drop_first(engine, request, ret_asked); break;
    case ADMIN_BUS_REPUBLISH: st = republish(engine, lane, request); break;
    case ADMIN_REPLAY:
        st = engine_person_replay(engine, request);
        *ret_asked = status_failed(st) ? ASKED_ANSWER : ASKED_ANSWERED;
        break;
    case ADMIN_SETTLE:
        st = engine_person_settle(engine, request);
        *ret_asked = status_failed(st) ? ASKED_ANSWER : ASKED_ANSWERED;
        break;
    case ADMIN_QUARANTINE_DROP:
        st = engine_person_forget(engine, request);
        *ret_asked = status_failed(st) ? ASKED_ANSWER : ASKED_ANSWERED;
        break;
    case ADMIN_SWITCH_OFF:
    case ADMIN_SWITCH_ON: st = engine_person_switch(engine, request); break;
    case ADMIN_RESTORE: /* carried out at the claim: a lane that runs lacks nothing any more */
    case ADMIN_NONE:
    case ADMIN_KIND_COUNT: break;
    }
    if (engine_park_stays(st.kind)) {
        engine->ports.store->ops->rollback(engine->ports.store);
    }
    if (left) {
        *ret_asked = ASKED_AGAIN;
    }
    return st;
}

STATUS engine_admin(struct engine *engine)
{
    struct admin_request_row request;
    bool found;
    TRY(find_request(engine, &request, &found));
    if (!found) {
        return OK;
    }
    CRASH_POINT("engine-before-request");
    struct str result = STR("done");
    enum asked asked = ASKED_ANSWER;
    struct status st = carry_out(engine, &request, &asked);
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
    if (asked != ASKED_ANSWER) {
        return OK; /* closed; or found again, and goes on */
    }
    CRASH_POINT("engine-before-request-answered");
    return answer_request(engine, &request, result);
}
