/*
 * Calls to the outside (R12): a row first, sent after the commit, the answer decided in its lane.
 * Unknown outcome: the same key and the same bytes again, with backoff; "not now": when the other side
 * said. An old one is looked up at the other side, and waits for a person where that tells nothing; or it has failed
 * where nobody would miss it; so has one that is not wanted any more when its turn comes.
 */
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "engine/engine_internal.h"
#include "engine/engine_probe.h"
#include "obs/log.h"

#define TAKEOVER_MAX 256
#define SEND_MARGIN_MS 500 /* before the lease runs out nothing may start to go out any more */

/* An answer that we made ourselves is not the caller's to release. */
static void let_go(struct engine *engine, struct caller_answer *answer)
{
    if (answer->outcome != CALLER_GIVEN_UP) {
        engine->ports.caller->ops->release(engine->ports.caller, answer);
    }
}

void engine_effect_forget_lane(struct engine *engine, int32_t lane)
{
    for (uint32_t i = 0; i < ENGINE_INFLIGHT_MAX; i++) {
        if (engine->inflight[i].used && engine->inflight[i].lane == lane) {
            engine->inflight[i].used = false; /* its answer will find no place, and is dropped */
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < engine->answer_count; i++) {
        if (engine->answers[i].lane == lane) {
            let_go(engine, &engine->answers[i]);
        } else {
            engine->answers[kept++] = engine->answers[i];
        }
    }
    engine->answer_count = kept;
}

static struct engine_inflight *find_inflight(struct engine *engine, struct id effect_id)
{
    for (uint32_t i = 0; i < ENGINE_INFLIGHT_MAX; i++) {
        if (engine->inflight[i].used && id_eq(engine->inflight[i].effect_id, effect_id)) {
            return &engine->inflight[i];
        }
    }
    return NULL;
}

bool engine_effect_is_under_way(struct engine *engine, struct id effect_id)
{
    return find_inflight(engine, effect_id) != NULL;
}

/* The key may be forgotten out there: it is never sent again. */
static bool is_old(const struct engine *engine, const struct effect_row *row)
{
    return engine->op.now_us - row->caused_at_us > ENGINE_EFFECT_SEND_AGE_US;
}

static void start_call(struct engine *engine, const struct effect_row *row, struct str request,
                       bool looks_up)
{
    struct caller *caller = engine->ports.caller;
    struct engine_inflight *place = NULL;
    for (uint32_t i = 0; i < ENGINE_INFLIGHT_MAX && !place; i++) {
        place = engine->inflight[i].used ? NULL : &engine->inflight[i];
    }
    struct engine_lane *lane = engine_lane_at(engine, row->lane);
    struct caller_call call = {.thread = engine->number,
                               .lane = row->lane,
                               .epoch = lane->epoch,
                               .effect_id = row->id,
                               .request = request,
                               .again = row->attempts > 1,
                               .not_after_ms = engine->lease_until_ms - SEND_MARGIN_MS};
    CRASH_POINT("effect-committed-before-sent");
    if (!place || !caller->ops->send(caller, &call)) {
        lane->effect_takeover = true; /* marked as sending and was not: look for it again */
        return;
    }
    CRASH_POINT("effect-sent-before-answer");
    *place = (struct engine_inflight){.used = true,
                                      .looks_up = looks_up,
                                      .lane = row->lane,
                                      .effect_id = row->id,
                                      .key = row->key};
    atomic_fetch_add_explicit(&engine->stats.effects_sent, 1, memory_order_relaxed);
}

void engine_effect_send(struct engine *engine, const struct effect_row *row)
{
    start_call(engine, row, row->request, /* looks_up */ false);
}

void engine_effect_take(struct engine *engine)
{
    struct caller *caller = engine->ports.caller;
    if (!caller) {
        return;
    }
    struct caller_answer answer;
    while (engine->answer_count < ENGINE_INFLIGHT_MAX &&
           caller->ops->take(caller, engine->number, &answer)) {
        struct engine_lane *lane = engine_lane_at(engine, answer.lane);
        const struct engine_inflight *inflight = find_inflight(engine, answer.effect_id);
        if (lane->mine && lane->epoch == answer.epoch && inflight) {
            answer.looked_up = inflight->looks_up;
            engine->answers[engine->answer_count++] = answer;
        } else {
            caller->ops->release(caller, &answer);
        }
    }
}

void engine_effect_answered(struct engine *engine, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct engine_inflight *inflight = find_inflight(engine, engine->answers[i].effect_id);
        if (inflight) {
            inflight->used = false;
        }
        let_go(engine, &engine->answers[i]);
    }
    engine->answer_count -= count;
    memmove(engine->answers, engine->answers + count,
            engine->answer_count * sizeof(engine->answers[0]));
}

/* ---- Answers ---- */

/* The other side was asked what became of an old call, and its answer does not tell: a person is called, once for
 * each such answer. */
static bool tells_nothing(const struct caller_answer *answer)
{
    return answer->looked_up && answer->outcome == CALLER_ANSWERED && answer->http_status >= 200 &&
           answer->http_status <= 299;
}

static void call_person(const struct engine *engine, const struct effect_row *row, struct str code)
{
    log_error(&engine->op, "engine.effect_needs_person",
              LOG_STR("engine_service", engine->service->name), LOG_I64("lane", row->lane),
              LOG_ID("key", row->key), LOG_ID("effect_id", row->id), LOG_I64("kind", row->kind),
              LOG_ID("subject", row->subject), LOG_STR("last_answer", code));
}

/* Returns the wait until then. */
static int64_t ask_again_later(struct engine *engine, struct effect_row *row,
                               const struct caller_answer *answer)
{
    int64_t wait_ms = random_backoff_ms(&engine->random, (uint32_t)row->attempts,
                                        ENGINE_EFFECT_BACKOFF_MS, ENGINE_EFFECT_BACKOFF_MAX_MS);
    wait_ms = tells_nothing(answer) ? ENGINE_EFFECT_LOOK_AGAIN_MS : wait_ms;
    wait_ms = answer->retry_after_ms > wait_ms ? answer->retry_after_ms : wait_ms;
    row->state = answer->outcome == CALLER_NOT_SENT ? EFFECT_WAITING : EFFECT_UNKNOWN;
    atomic_fetch_add_explicit(&engine->stats.effects_unknown, 1, memory_order_relaxed);
    return wait_ms;
}

/* As if this attempt had not been: an earlier one may still have reached the other side. */
static int64_t come_back(struct engine *engine, struct effect_row *row,
                         const struct caller_answer *answer)
{
    row->attempts--;
    row->state = row->attempts == 0 ? EFFECT_WAITING : EFFECT_UNKNOWN;
    atomic_fetch_add_explicit(&engine->stats.effects_later, 1, memory_order_relaxed);
    return answer->retry_after_ms > 0 ? answer->retry_after_ms : ENGINE_EFFECT_BACKOFF_MS;
}

static enum engine_verdict verdict_of(struct engine *engine, const struct effect_row *row,
                                      const struct caller_answer *answer, struct str *ret_code)
{
    switch (answer->outcome) {
    case CALLER_ANSWERED: return engine->service->judge(&engine->op, row, answer, ret_code);
    case CALLER_HELD: return ENGINE_VERDICT_LATER;
    case CALLER_GIVEN_UP: *ret_code = answer->body; return ENGINE_VERDICT_FAILED;
    case CALLER_NOT_SENT:
    case CALLER_UNKNOWN: return ENGINE_VERDICT_UNKNOWN;
    case CALLER_OUTCOME_COUNT: break;
    }
    UNREACHABLE("outcome");
}

void engine_effect_close(struct engine *engine, struct effect_row *row, enum effect_state state)
{
    row->open = false;
    row->state = state;
    atomic_fetch_add_explicit(state == EFFECT_DONE ? &engine->stats.effects_done
                                                   : &engine->stats.effects_failed,
                              1, memory_order_relaxed);
}

/* What the answer means; writes it into the row. *ret_wait_ms: until it is asked again, if it is. */
static enum engine_verdict judge(struct engine *engine, struct effect_row *row,
                                 const struct caller_answer *answer, int64_t *ret_wait_ms)
{
    struct str code = STR("");
    enum engine_verdict verdict = verdict_of(engine, row, answer, &code);
    if (verdict == ENGINE_VERDICT_UNKNOWN && tells_nothing(answer) &&
        !str_eq(row->last_answer, code)) {
        call_person(engine, row, code);
    }
    row->last_status = answer->http_status;
    row->last_answer = code;
    switch (verdict) {
    case ENGINE_VERDICT_DONE: engine_effect_close(engine, row, EFFECT_DONE); return verdict;
    case ENGINE_VERDICT_FAILED: engine_effect_close(engine, row, EFFECT_FAILED); return verdict;
    case ENGINE_VERDICT_UNKNOWN:
        *ret_wait_ms = ask_again_later(engine, row, answer);
        return verdict;
    case ENGINE_VERDICT_LATER: *ret_wait_ms = come_back(engine, row, answer); return verdict;
    case ENGINE_VERDICT_NONE:
    case ENGINE_VERDICT_COUNT: break;
    }
    UNREACHABLE("verdict");
}

static struct effect_row *find_row(const struct store_rows *rows, struct id id)
{
    struct effect_row *row = rows->rows;
    for (uint32_t i = 0; i < rows->count; i++) {
        if (id_eq(row[i].id, id)) {
            return &row[i];
        }
    }
    return NULL;
}

static STATUS add_answer(struct engine *engine, struct engine_batch *batch,
                         const struct caller_answer *answer, const struct store_rows *rows)
{
    struct engine_item *item = &batch->items[batch->item_count++];
    *item = (struct engine_item){.kind = ENGINE_ITEM_ANSWER,
                                 .fate = ENGINE_FATE_IGNORE,
                                 .lane = answer->lane,
                                 .answer = *answer,
                                 .effect = find_row(rows, answer->effect_id)};
    if (!item->effect || !item->effect->open) {
        return OK; /* decided before, by an answer to an earlier attempt */
    }
    batch->lane_used[item->lane] = true;
    item->key = item->effect->key;
    item->key_known = true;
    item->message = (struct engine_message){.id = item->effect->id,
                                            .key = item->key,
                                            .correlation_id = item->effect->correlation_id,
                                            .actor = {.kind = ENGINE_ACTOR_SYSTEM},
                                            .lane = item->lane};
    item->verdict = judge(engine, item->effect, answer, &item->wait_ms);
    if (item->verdict == ENGINE_VERDICT_DONE || item->verdict == ENGINE_VERDICT_FAILED) {
        item->fate = ENGINE_FATE_DECIDE;
    }
    bool kills = false;
    TRY(item->fate == ENGINE_FATE_DECIDE ? engine_probe_note(engine, item, &kills) : OK);
    if (kills) {
        engine_put_aside(item, "engine.kills_process");
    } else if (item->fate == ENGINE_FATE_DECIDE && engine_item_is_condemned(engine, item)) {
        engine_put_aside(item,
                         engine->condemned.reason); /* no answer is none to be kept for later */
    }
    return engine_rows_add(engine, &batch->effects_changed, item->effect, 0);
}

STATUS engine_effect_items(struct engine *engine, struct engine_batch *batch)
{
    struct store *store = engine->ports.store;
    uint32_t count =
        engine->answer_count < batch->item_max ? engine->answer_count : batch->item_max;
    if (count == 0) {
        return OK;
    }
    CRASH_POINT("effect-answered-before-stored");
    struct id *ids = arena_new(&engine->arena, struct id, count);
    if (!ids) {
        return op_arena_full(&engine->op);
    }
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = engine->answers[i].effect_id;
    }
    struct store_rows rows;
    TRY(store->ops->load(&engine->op, store, &engine_effect_table, ids, count, &rows));
    TRY(store->ops->sync(&engine->op, store));
    for (uint32_t i = 0; i < count; i++) {
        if (!engine_batch_takes(engine, batch, engine->answers[i].lane)) {
            return OK;
        }
        TRY(add_answer(engine, batch, &engine->answers[i], &rows));
    }
    return OK;
}

/* By the fence's time: our own idea of it may be far ahead, and nobody would ask until then. */
void engine_effect_ask_again(struct engine *engine, struct engine_batch *batch)
{
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct engine_item *item = &batch->items[i];
        if (item->verdict != ENGINE_VERDICT_UNKNOWN && item->verdict != ENGINE_VERDICT_LATER) {
            continue;
        }
        struct engine_lane *lane = engine_lane_at(engine, item->lane);
        item->effect->due_at_us = engine->op.now_us + item->wait_ms * 1000;
        if (item->effect->due_at_us < lane->effect_due_us) {
            lane->effect_due_us = item->effect->due_at_us;
        }
    }
}

/* ---- Effects that are due ---- */

static uint32_t free_places(const struct engine *engine)
{
    uint32_t slots = engine->ports.caller->ops->free_slots(engine->ports.caller);
    uint32_t places = 0;
    for (uint32_t i = 0; i < ENGINE_INFLIGHT_MAX; i++) {
        places += engine->inflight[i].used ? 0 : 1;
    }
    return slots < places ? slots : places;
}

/* SENDING and not under way: the owner before may have sent it. */
static bool has_come(const struct engine *engine, const struct effect_row *row)
{
    return row->state == EFFECT_SENDING || row->due_at_us <= engine->op.now_us;
}

/* Whether the row is to be sent now. If it is to be looked at again, when is noted in the lane. */
static bool is_due(struct engine *engine, struct engine_lane *lane, const struct effect_row *row)
{
    if (find_inflight(engine, row->id)) {
        return false; /* its answer will say */
    }
    if (has_come(engine, row)) {
        return true;
    }
    lane->effect_due_us =
        row->due_at_us < lane->effect_due_us ? row->due_at_us : lane->effect_due_us;
    return false;
}

/* Nobody but a person can look it up. */
static STATUS give_to_person(struct engine *engine, struct effect_row *row,
                             struct engine_rows *changed)
{
    if (row->due_at_us >= row->caused_at_us + ENGINE_EFFECT_OLD_DUE_US) {
        return OK; /* known already */
    }
    call_person(engine, row, row->last_answer);
    row->due_at_us = row->caused_at_us + ENGINE_EFFECT_OLD_DUE_US;
    row->state = row->attempts == 0 ? EFFECT_WAITING : EFFECT_UNKNOWN;
    return engine_rows_add(engine, changed, row, 0);
}

/* Nobody will ask for it any more: an answer of our own, decided in the next batch. */
static void give_up(struct engine *engine, struct engine_lane *lane, const struct effect_row *row,
                    struct str code)
{
    if (engine->answer_count == ENGINE_INFLIGHT_MAX) {
        lane->effect_due_us = engine->op.now_us;
        return;
    }
    engine->answers[engine->answer_count++] = (struct caller_answer){.thread = engine->number,
                                                                     .lane = row->lane,
                                                                     .epoch = lane->epoch,
                                                                     .effect_id = row->id,
                                                                     .outcome = CALLER_GIVEN_UP,
                                                                     .body = code};
}

/* Marks a call that is sent as soon as this is committed. */
static STATUS mark_sending(struct engine *engine, struct effect_row *row, uint32_t *places,
                           struct engine_rows *changed)
{
    (*places)--;
    row->state = EFFECT_SENDING;
    row->attempts++;
    row->due_at_us = engine->op.now_us + ENGINE_EFFECT_WATCH_US;
    return engine_rows_add(engine, changed, row, 0);
}

static STATUS too_old(struct engine *engine, struct engine_lane *lane, struct effect_row *row,
                      uint32_t *places, struct engine_rows *changed)
{
    if (engine->service->effects_expire) {
        give_up(engine, lane, row, ENGINE_EXPIRED);
        return OK;
    }
    lane->effects_old++;
    if (!engine->service->look_up) {
        return give_to_person(engine, row, changed);
    }
    if (!is_due(engine, lane, row)) {
        return OK;
    }
    if (*places == 0) {
        lane->effect_due_us = engine->op.now_us;
        return OK;
    }
    return mark_sending(engine, row, places, changed);
}

/* What is open in some lanes, and the aggregates of what may go out, where the service wants to see them. */
struct open_effects {
    struct store_rows of_lane[LANES]; /* by the lane's place among them */
    struct store_rows aggregates;
};

static bool is_still_wanted(const struct engine *engine, const struct store_rows *aggregates,
                            const struct effect_row *row, struct str *ret_code)
{
    const void *aggregate = NULL;
    if (!engine->service->still_wanted) {
        return true;
    }
    const struct table *table = engine->service->effects_of->table;
    for (uint32_t i = 0; i < aggregates->count && !aggregate; i++) {
        const char *at = (const char *)aggregates->rows + i * table->row_bytes;
        struct id key; /* the first column */
        memcpy(&key, at + table->columns[0].offset, sizeof(key));
        aggregate = id_eq(key, row->key) ? at : NULL;
    }
    return engine->service->still_wanted(row, aggregate, ret_code);
}

/* Which of the lane's open effects go out now; marks them. Others tell when to look again. */
static STATUS choose(struct engine *engine, struct engine_lane *lane, const struct store_rows *rows,
                     const struct store_rows *aggregates, uint32_t *places,
                     struct engine_rows *changed)
{
    struct effect_row *row = rows->rows;
    struct str code;
    int64_t now_us = engine->op.now_us;
    lane->effect_due_us = now_us + ENGINE_EFFECT_WATCH_US;
    lane->effects_old = 0;
    lane->effect_since_us = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        if (lane->effect_since_us == 0 || row[i].caused_at_us < lane->effect_since_us) {
            lane->effect_since_us = row[i].caused_at_us;
        }
        if (is_old(engine, &row[i]) && !find_inflight(engine, row[i].id)) {
            TRY(too_old(engine, lane, &row[i], places, changed));
            continue;
        }
        if (!is_due(engine, lane, &row[i])) {
            continue;
        }
        if (!is_still_wanted(engine, aggregates, &row[i], &code)) {
            give_up(engine, lane, &row[i], code);
            continue;
        }
        if (*places == 0) {
            lane->effect_due_us = now_us;
            continue;
        }
        TRY(mark_sending(engine, &row[i], places, changed));
    }
    return OK;
}

/* What waits, and what waits for people, over all lanes of this thread. */
static void count_waiting(struct engine *engine)
{
    uint64_t old = 0;
    int64_t since_us = 0;
    for (int32_t p = 0; p < LANES; p++) {
        const struct engine_lane *lane = engine_lane_at(engine, p);
        if (!lane->mine) {
            continue;
        }
        old += lane->effects_old;
        bool older =
            lane->effect_since_us > 0 && (since_us == 0 || lane->effect_since_us < since_us);
        since_us = older ? lane->effect_since_us : since_us;
    }
    int64_t age_us = since_us > 0 ? engine->op.now_us - since_us : 0;
    atomic_store_explicit(&engine->stats.effects_need_person, old, memory_order_relaxed);
    atomic_store_explicit(&engine->stats.oldest_effect_us, age_us > 0 ? (uint64_t)age_us : 0,
                          memory_order_relaxed);
}

static bool looks_due(const struct engine_lane *lane, int64_t now_us)
{
    return lane->mine && !lane->draining &&
           (lane->effect_takeover || lane->effect_due_us <= now_us);
}

/* What those that may go out now are about. */
static STATUS load_aggregates(struct engine *engine, struct open_effects *open, uint32_t lane_count)
{
    struct store *store = engine->ports.store;
    uint32_t key_count = 0;
    if (!engine->service->still_wanted) {
        return OK;
    }
    struct id *keys = arena_new(&engine->arena, struct id, (size_t)lane_count * TAKEOVER_MAX);
    if (!keys) {
        return op_arena_full(&engine->op);
    }
    for (uint32_t i = 0; i < lane_count; i++) {
        const struct effect_row *row = open->of_lane[i].rows;
        for (uint32_t r = 0; r < open->of_lane[i].count; r++) {
            if (has_come(engine, &row[r])) {
                keys[key_count++] = row[r].key;
            }
        }
    }
    if (key_count == 0) {
        return OK;
    }
    TRY(store->ops->load(&engine->op, store, engine->service->effects_of->table, keys, key_count,
                         &open->aggregates));
    return store->ops->sync(&engine->op, store);
}

/* After the commit. */
static STATUS start_marked(struct engine *engine, const struct engine_rows *marked)
{
    for (uint32_t i = 0; i < marked->count; i++) {
        const struct effect_row *row = marked->rows[i];
        struct str look_up;
        if (row->state != EFFECT_SENDING) {
            continue;
        }
        if (is_old(engine, row)) {
            TRY(engine->service->look_up(&engine->op, row, &look_up));
            start_call(engine, row, look_up, /* looks_up */ true);
        } else {
            engine_effect_send(engine, row);
        }
    }
    return OK;
}

/* One transaction over the lanes that have something due. */
static STATUS send_due(struct engine *engine, const struct store_lane_ref *refs, uint32_t ref_count)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct store_fence fence;
    struct open_effects open = {.aggregates = {.count = 0}};
    uint32_t places = free_places(engine);
    TRY(store->ops->begin(op, store, refs, ref_count, &fence));
    for (uint32_t i = 0; i < ref_count; i++) {
        struct effect_row like = {.lane = refs[i].lane};
        TRY(store->ops->scan(op, store, &engine_scan_effect_due, &like, INT64_MAX, TAKEOVER_MAX,
                             &open.of_lane[i]));
    }
    TRY(store->ops->sync(op, store));
    if (fence.held_count > 0) {
        engine_set_now(engine, &fence);
    }
    TRY(load_aggregates(engine, &open, ref_count));
    struct engine_rows changed = {.count = 0};
    ASSERT(ref_count > 0); /* few places: each lane has its turn to be the first */
    uint32_t first = (uint32_t)((uint64_t)engine->op.now_us % ref_count);
    for (uint32_t i = 0; i < ref_count && fence.held_count == ref_count; i++) {
        uint32_t at = (first + i) % ref_count;
        struct engine_lane *lane = engine_lane_at(engine, refs[at].lane);
        lane->effect_takeover = false;
        TRY(choose(engine, lane, &open.of_lane[at], &open.aggregates, &places, &changed));
    }
    count_waiting(engine);
    if (fence.held_count != ref_count) {
        store->ops->rollback(store);
        engine->heartbeat_at_ms = 0; /* find out which lanes are lost */
        return OK;
    }
    if (changed.count == 0) {
        store->ops->rollback(store);
        return OK;
    }
    TRY(store->ops->update(op, store, &engine_effect_table, changed.rows, NULL, changed.count));
    TRY(store->ops->commit(op, store));
    return start_marked(engine, &changed);
}

STATUS engine_effect_due(struct engine *engine)
{
    if (!engine->ports.caller || free_places(engine) == 0) {
        return OK;
    }
    struct store_lane_ref refs[LANES];
    uint32_t ref_count = 0;
    int64_t now_us = engine_now_us(engine);
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        if (looks_due(lane, now_us)) {
            refs[ref_count++] = (struct store_lane_ref){.lane = p, .epoch = lane->epoch};
        }
    }
    return ref_count == 0 ? OK : send_due(engine, refs, ref_count);
}
