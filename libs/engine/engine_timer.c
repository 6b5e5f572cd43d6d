/*
 * Timers (R14): rows of the lane, the soonest of them in a heap. What is due becomes an item of a
 * batch; under the fence it is decided, or goes back because the fence's time is before it or cannot be
 * trusted (engine_clock.c), or is ignored because its row says something else by now. The row is the truth, the heap a hint.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "engine/engine_internal.h"
#include "engine/engine_probe.h"
#include "obs/metrics.h"

#define NAME_MAX_BYTES 80 /* a UUID and two numbers */

/* ---- What a decision may do ---- */

static struct timer_row *find_row(struct engine_turn *turn, int kind)
{
    void *const *rows;
    uint32_t count = engine_children(turn, &engine_timer_table, &rows);
    for (uint32_t i = 0; i < count; i++) {
        struct timer_row *row = rows[i];
        if (row->kind == kind) {
            return row;
        }
    }
    return NULL;
}

STATUS engine_timer_set(struct engine_turn *turn, int kind, int64_t generation, int64_t due_at_us)
{
    ASSERT(kind >= 1);
    ASSERT(generation >= 1);
    struct timer_row *row = find_row(turn, kind);
    if (row && generation <= row->generation) {
        return OK;
    }
    struct timer_row set = {.key = turn->view->key,
                            .kind = kind,
                            .lane = turn->item->lane,
                            .generation = generation,
                            .due_at_us = due_at_us,
                            .correlation_id = turn->item->message.correlation_id,
                            .state = TIMER_WAITING,
                            .open = true};
    atomic_fetch_add_explicit(&turn->engine->stats.timers_set, 1, memory_order_relaxed);
    if (!row) {
        void *created;
        return engine_child_create(turn, &engine_timer_table, &set, &created);
    }
    *row = set;
    engine_child_changed(turn, &engine_timer_table, row);
    return OK;
}

static void close_row(struct engine_turn *turn, struct timer_row *row, enum timer_state state)
{
    row->state = state;
    row->open = false;
    row->closed_at_us = engine_op(turn)->now_us;
    engine_child_changed(turn, &engine_timer_table, row);
}

void engine_timer_cancel(struct engine_turn *turn, int kind, int64_t generation)
{
    struct timer_row *row = find_row(turn, kind);
    bool fires = row && (row->open || row->state == TIMER_PARKED);
    if (fires && row->generation == generation) {
        close_row(turn, row, TIMER_CANCELED);
        atomic_fetch_add_explicit(&turn->engine->stats.timers_canceled, 1, memory_order_relaxed);
    }
}

/* ---- The heap and the clock ---- */

static bool has_timers(const struct engine *engine)
{
    return engine->service->timers_of != NULL;
}

/* The lane's soonest timer, or NULL. */
static const struct engine_timer_entry *first_of(const struct engine *engine, int32_t p)
{
    const struct engine_lane *lane = &engine->lanes[p];
    return lane->mine && !lane->draining ? engine_timer_heap_first(&lane->timers) : NULL;
}

/* The soonest over all lanes, or NULL: there is none, or all are held back. *ret_lane is where it is. */
static const struct engine_timer_entry *soonest(const struct engine *engine, int32_t *ret_lane)
{
    const struct engine_timer_entry *best = NULL;
    for (int32_t p = 0; p < LANES && !engine_clock_holds(engine); p++) {
        const struct engine_timer_entry *entry = first_of(engine, p);
        if (entry && (!best || entry->due_at_us < best->due_at_us)) {
            best = entry;
            *ret_lane = p;
        }
    }
    return best;
}

STATUS engine_timer_fill(struct engine *engine)
{
    struct store *store = engine->ports.store;
    struct store_rows rows[LANES];
    bool asked[LANES] = {false};
    bool any = false;
    uint64_t waiting = 0;
    for (int32_t p = 0; p < LANES && has_timers(engine); p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        asked[p] = lane->mine && !lane->draining && engine_timer_heap_is_used_up(&lane->timers);
        if (asked[p]) {
            struct timer_row like = {.lane = p};
            TRY(store->ops->scan(&engine->op, store, &engine_scan_timer_open, &like, 0,
                                 ENGINE_TIMER_WINDOW, &rows[p]));
            any = true;
        }
    }
    TRY(any ? store->ops->sync(&engine->op, store) : OK);
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        if (asked[p]) {
            engine_timer_heap_fill(&lane->timers, rows[p].rows, rows[p].count);
        }
        waiting += lane->mine ? lane->timers.count : 0;
    }
    atomic_store_explicit(&engine->stats.timers_waiting, waiting, memory_order_relaxed);
    return OK;
}

bool engine_timer_is_due(const struct engine *engine)
{
    int32_t lane;
    const struct engine_timer_entry *entry = soonest(engine, &lane);
    return entry && entry->due_at_us <= engine_now_us(engine);
}

int64_t engine_timer_wait_ms(const struct engine *engine, int64_t max_wait_ms)
{
    int32_t lane;
    const struct engine_timer_entry *entry = soonest(engine, &lane);
    if (!entry) {
        return max_wait_ms;
    }
    int64_t now_us = engine_now_us(engine);
    if (entry->due_at_us <= now_us) {
        return 0;
    }
    /* Rounded up: a wait that ends before the moment would only be followed by another one. */
    int64_t wait_ms = (entry->due_at_us - now_us - 1) / 1000 + 1;
    return wait_ms < max_wait_ms ? wait_ms : max_wait_ms;
}

/* ---- Items ---- */

/* The same for whoever fires it, whenever. */
static STATUS name_of(struct engine *engine, const struct engine_timer_entry *timer,
                      struct id *ret_id)
{
    struct strbuf buf;
    struct str name;
    strbuf_init(&buf, &engine->arena, NAME_MAX_BYTES);
    strbuf_add(&buf, id_to_str(&engine->arena, timer->key));
    strbuf_addf(&buf, "/%d/%" PRId64, timer->kind, timer->generation);
    if (!strbuf_finish(&buf, &name)) {
        return op_arena_full(&engine->op);
    }
    *ret_id = id_v5(id_namespace(STR("holdfast/timer")), name);
    return OK;
}

STATUS engine_timer_make_item(struct engine *engine, struct engine_item *item)
{
    item->key = item->timer.key;
    item->key_known = true;
    item->fate = ENGINE_FATE_DECIDE;
    item->message = (struct engine_message){
        .key = item->key, .lane = item->lane, .actor = {.kind = ENGINE_ACTOR_SYSTEM}};
    return name_of(engine, &item->timer, &item->message.id);
}

STATUS engine_timer_items(struct engine *engine, struct engine_batch *batch)
{
    int64_t now_us = engine_now_us(engine);
    for (;;) {
        int32_t lane;
        const struct engine_timer_entry *entry = soonest(engine, &lane);
        if (!entry || entry->due_at_us > now_us || !engine_batch_takes(engine, batch, lane)) {
            return OK;
        }
        struct engine_item *item = &batch->items[batch->item_count++];
        *item = (struct engine_item){.kind = ENGINE_ITEM_TIMER, .lane = lane};
        item->timer = engine_timer_heap_pop(&engine_lane_at(engine, lane)->timers);
        CRASH_POINT("engine-timer-due");
        batch->lane_used[lane] = true;
        batch->timer_count++;
        TRY(engine_timer_make_item(engine, item));
        bool kills;
        TRY(engine_probe_note(engine, item, &kills));
        if (kills) {
            engine_put_aside(item, "engine.kills_process");
        } else if (engine_item_is_condemned(engine, item)) {
            engine_put_aside(item, engine->condemned.reason);
            item->missing = engine->condemned.missing;
        }
    }
}

void engine_timer_put_back(struct engine *engine, const struct engine_batch *batch)
{
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct engine_item *item = &batch->items[i];
        if (item->kind == ENGINE_ITEM_TIMER) {
            engine_timer_heap_put(&engine_lane_at(engine, item->lane)->timers, &item->timer);
        }
    }
}

/* ---- Under the fence ---- */

void engine_timer_judge(struct engine_turn *turn, struct engine_item *item)
{
    const struct timer_row *row = find_row(turn, item->timer.kind);
    if (!row || !row->open || row->generation != item->timer.generation) {
        item->fate = ENGINE_FATE_IGNORE; /* replaced or canceled since it was read */
        return;
    }
    /* Not by the decision's time: a lane that committed while the clock was ahead stays there. */
    int64_t now_us = store_clock_now_us(turn->batch->fence.clock);
    if (row->due_at_us > now_us || engine_clock_holds(turn->engine)) {
        item->fate = ENGINE_FATE_NOT_YET;
    }
}

STATUS engine_timer_fire(struct engine_turn *turn, struct engine_item *item)
{
    struct timer_row *row = find_row(turn, item->timer.kind);
    bool fires = row && (row->open || row->state == TIMER_PARKED);
    if (!fires || row->generation != item->timer.generation) {
        return OK; /* replaced or canceled by what was parked before it */
    }
    item->message.correlation_id = row->correlation_id; /* taken up from the parked ones, too */
    close_row(turn, row, TIMER_FIRED);
    CRASH_POINT("engine-timer-fired");
    return turn->engine->service->fired(turn, row);
}

void engine_timer_park(struct engine_turn *turn, const struct engine_item *item)
{
    struct timer_row *row = find_row(turn, item->timer.kind);
    ASSERT(row);
    close_row(turn, row, TIMER_PARKED);
}

void engine_timer_drop(struct engine_turn *turn, const struct engine_item *item)
{
    struct timer_row *row = find_row(turn, item->timer.kind);
    if (row && row->state == TIMER_PARKED && row->generation == item->timer.generation) {
        close_row(turn, row, TIMER_CANCELED);
    }
}

/* ---- After the commit ---- */

static void adopt_row(struct engine *engine, const struct timer_row *row)
{
    struct engine_timer_heap *heap = &engine_lane_at(engine, row->lane)->timers;
    struct engine_timer_entry entry = {.key = row->key,
                                       .kind = row->kind,
                                       .generation = row->generation,
                                       .due_at_us = row->due_at_us};
    if (row->open) {
        engine_timer_heap_put(heap, &entry);
    } else {
        engine_timer_heap_remove(heap, row->key, row->kind);
    }
}

static void adopt_rows(struct engine *engine, const struct engine_children *timers)
{
    for (uint32_t i = 0; i < timers->count; i++) {
        if (timers->items[i].state != ENGINE_ROW_LOADED) {
            adopt_row(engine, timers->items[i].row);
        }
    }
}

static void count_fired(struct engine *engine, const struct engine_batch *batch)
{
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct engine_item *item = &batch->items[i];
        if (item->timer.generation == 0 || item->fate != ENGINE_FATE_DECIDE ||
            item->kind == ENGINE_ITEM_DROPPED) {
            continue;
        }
        atomic_fetch_add_explicit(&engine->stats.timers_fired, 1, memory_order_relaxed);
        if (engine->ports.timer_lateness) {
            metrics_observe_us(engine->ports.timer_lateness,
                               engine->op.now_us - item->timer.due_at_us);
        }
    }
}

void engine_timer_committed(struct engine *engine, const struct engine_batch *batch)
{
    if (!has_timers(engine)) {
        return;
    }
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct engine_item *item = &batch->items[i];
        if (item->kind == ENGINE_ITEM_TIMER && item->fate == ENGINE_FATE_NOT_YET) {
            engine_timer_heap_put(&engine_lane_at(engine, item->lane)->timers, &item->timer);
        }
    }
    for (uint32_t v = 0; v < batch->view_count; v++) {
        struct engine_view *view = &batch->views[v];
        if (engine->aggregates[view->aggregate] == engine->service->timers_of) {
            adopt_rows(engine, engine_view_children(engine, view, &engine_timer_table));
        }
    }
    count_fired(engine, batch);
}
