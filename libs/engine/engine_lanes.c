/* Leases: heartbeat, fair share, hand-over, stopping. */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/defer.h"
#include "engine/engine_probe.h"
#include "engine/engine_seek.h"
#include "obs/log.h"

#define INTRODUCTION_MS 50 /* between the first heartbeat of one who was not there and its claims */
#define STOP_REASON_MAX_BYTES 400

uint32_t engine_lanes_held(const struct engine *engine)
{
    uint32_t held = 0;
    for (int32_t p = 0; p < LANES; p++) {
        held += engine->lanes[p].mine ? 1 : 0;
    }
    return held;
}

void engine_lanes_count(struct engine *engine)
{
    uint32_t parked_keys = 0;
    for (int32_t p = 0; p < LANES; p++) {
        parked_keys += engine->lanes[p].mine ? engine->lanes[p].parked_keys : 0;
    }
    atomic_store_explicit(&engine->stats.lanes_held, engine_lanes_held(engine),
                          memory_order_relaxed);
    atomic_store_explicit(&engine->stats.parked_keys, parked_keys, memory_order_relaxed);
}

/* Stops reading the lane's topics and forgets what was read of them. */
static void stop_reading(struct engine *engine, struct engine_lane *lane)
{
    struct bus *bus = engine->ports.bus;
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        bus->ops->unassign(bus, engine->service->handlers[i].topic, lane->lane);
    }
    engine_queue_drop(engine, lane->lane, TOPIC_NONE);
}

void engine_lane_lose(struct engine *engine, struct engine_lane *lane)
{
    if (!lane->mine) {
        return;
    }
    stop_reading(engine, lane);
    engine_effect_forget_lane(engine, lane->lane);
    lane->mine = false;
    lane->draining = false;
    engine_lanes_count(engine);
}

void engine_lanes_lose_all(struct engine *engine)
{
    for (int32_t p = 0; p < LANES; p++) {
        engine_lane_lose(engine, &engine->lanes[p]);
    }
    engine->dirty_since_ms = 0;
    engine->behind = false;
}

void engine_lane_stop(struct engine *engine, struct engine_lane *lane, const char *code,
                      struct str reason)
{
    struct strbuf text;
    struct str line = STR("engine.lane_stopped");
    strbuf_init(&text, &engine->arena, STOP_REASON_MAX_BYTES);
    strbuf_addf(&text, "%s: " STR_FMT, code, STR_ARG(reason));
    struct str whole;
    if (strbuf_finish(&text, &whole)) {
        line = whole;
    }
    struct store *store = engine->ports.store;
    struct store_lane_ref ref = {.lane = lane->lane, .epoch = lane->epoch};
    log_error(&engine->op, "engine.lane_stopped", LOG_STR("engine_service", engine->service->name),
              LOG_I64("lane", lane->lane), LOG_TEXT("code", code), LOG_STR("error", reason));
    struct status st = store->ops->stop(&engine->op, store, ref, line);
    if (!status_failed(st)) { /* whoever has room for it may take it once it is resumed */
        st = store->ops->release(&engine->op, store, ref, lane->probes_left == 0);
    }
    status_ignore(
        st, "without the mark the lane is claimed again, and stops again for the same reason");
    engine_lane_lose(engine, lane);
}

/* ---- Fair share ---- */

/* How many lanes each owner should have: at least floor, at most ceiling. Stopped ones do not count. */
struct share {
    uint32_t floor;
    uint32_t ceiling;
};

static struct share share_of(const struct store_view *view)
{
    uint32_t alive = view->owners_alive > 0 ? view->owners_alive : 1;
    uint32_t running = 0;
    for (int32_t p = 0; p < LANES; p++) {
        running += view->lanes[p].stopped ? 0 : 1;
    }
    return (struct share){.floor = running / alive, .ceiling = (running + alive - 1) / alive};
}

/* Does an owner that is alive hold fewer lanes than everybody could? */
static bool somebody_starves(const struct store_view *view, uint32_t floor_share)
{
    struct id owners[LANES];
    uint32_t counts[LANES] = {0};
    uint32_t owner_count = 0;
    for (int32_t p = 0; p < LANES; p++) {
        const struct store_lane *lane = &view->lanes[p];
        if (!lane->owner_alive || lane->stopped) {
            continue;
        }
        uint32_t at = 0;
        while (at < owner_count && !id_eq(owners[at], lane->owner)) {
            at++;
        }
        if (at == owner_count) {
            owners[owner_count++] = lane->owner;
        }
        counts[at]++;
    }
    bool starves = floor_share > 0 && owner_count < view->owners_alive;
    for (uint32_t i = 0; i < owner_count; i++) {
        starves |= counts[i] < floor_share;
    }
    return starves;
}

/* The same, but one that takes nothing for a whole lease (its broker is away, say) is not waited for. */
static bool must_yield(struct engine *engine, const struct store_view *view, struct share share)
{
    int64_t now_ms = clock_mono_ms();
    if (!somebody_starves(view, share.floor)) {
        engine->starving_since_ms = 0;
        return false;
    }
    if (engine->starving_since_ms == 0) {
        engine->starving_since_ms = now_ms;
    }
    return now_ms - engine->starving_since_ms <= engine->limits.lease_ms;
}

bool engine_lane_finish_draining(struct engine *engine, struct engine_lane *lane)
{
    for (uint32_t i = 0; i < engine->out_count; i++) {
        if (lane->outs[i].row.published_n + 1 < lane->outs[i].row.next_n) {
            return false;
        }
    }
    return true;
}

/* Starts to give away as many lanes as are beyond our share; finishes those that are done. */
static STATUS hand_over(struct engine *engine, uint32_t surplus, bool *ret_gave)
{
    struct store *store = engine->ports.store;
    bool finished = false;
    *ret_gave = false;
    for (int32_t p = LANES - 1; p >= 0; p--) {
        struct engine_lane *lane = &engine->lanes[p];
        if (lane->mine && !lane->draining && surplus > 0) {
            stop_reading(engine, lane);
            lane->draining = true;
            surplus--;
        }
        finished |= lane->mine && lane->draining && engine_lane_finish_draining(engine, lane);
    }
    if (!finished) {
        return OK;
    }
    TRY(engine_advance_alone(engine));
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = &engine->lanes[p];
        if (lane->mine && lane->draining && engine_lane_finish_draining(engine, lane)) {
            struct store_lane_ref ref = {.lane = p, .epoch = lane->epoch};
            TRY(store->ops->release(&engine->op, store, ref, /* clean */ lane->probes_left == 0));
            CRASH_POINT("engine-after-handover");
            engine_lane_lose(engine, lane);
            *ret_gave = true;
        }
    }
    return OK;
}

static uint32_t surplus_of(const struct engine *engine, struct share share, bool yields)
{
    uint32_t staying = 0;
    for (int32_t p = 0; p < LANES; p++) {
        staying += engine->lanes[p].mine && !engine->lanes[p].draining ? 1 : 0;
    }
    if (staying > share.ceiling) {
        return staying - share.ceiling;
    }
    return staying > share.floor && yields ? 1 : 0;
}

/* A lane that we had, lost track of and have no room for: without this nobody could take it while we live. */
static STATUS give_back(struct engine *engine, const struct store_lane *seen)
{
    struct store *store = engine->ports.store;
    struct store_lane_ref ref = {.lane = seen->lane, .epoch = seen->epoch};
    return store->ops->release(&engine->op, store, ref,
                               /* clean */ engine->lanes[seen->lane].probes_left == 0);
}

/* Up to the ceiling; while others have less than the floor, up to that: soon there is another look. */
static STATUS claim_share(struct engine *engine, const struct store_view *view, struct share share,
                          bool yields)
{
    uint32_t most = yields ? share.floor : share.ceiling;
    uint32_t held = engine_lanes_held(engine);
    bool more = false;
    int32_t first = (int32_t)random_below(&engine->random, LANES);
    for (int32_t i = 0; i < LANES; i++) {
        const struct store_lane *seen = &view->lanes[(first + i) % LANES];
        bool ours = id_eq(seen->owner, engine->owner);
        bool free = id_is_none(seen->owner) || !seen->owner_alive || ours;
        if (!free || seen->stopped || engine->lanes[seen->lane].mine) {
            continue;
        }
        if (held < most) {
            TRY(engine_claim(engine, seen));
            TRY(engine_lease_renew(engine, &engine->op));
            held = engine_lanes_held(engine);
            continue;
        }
        more = true;
        TRY(ours ? give_back(engine, seen) : OK);
    }
    if (more && held < share.ceiling) {
        engine->heartbeat_at_ms = clock_mono_ms() + INTRODUCTION_MS;
    }
    return OK;
}

/* Lanes that we think are ours and the table says are not: a successor took them. */
static void drop_lost(struct engine *engine, const struct store_view *view)
{
    uint32_t stopped = 0;
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = &engine->lanes[p];
        stopped += view->lanes[p].stopped ? 1 : 0;
        if (lane->mine && (view->lanes[p].epoch != lane->epoch || view->lanes[p].stopped)) {
            engine_report(engine, p, "engine.lane_lost");
            engine_lane_lose(engine, lane);
        }
    }
    atomic_store_explicit(&engine->stats.lanes_stopped, stopped, memory_order_relaxed);
}

static STATUS heartbeat(struct engine *engine, struct op *op, struct store_view *ret_view)
{
    struct store *store = engine->ports.store;
    int64_t sent_ms = clock_mono_ms();
    TRY(store->ops->heartbeat(op, store, engine->owner, engine->limits.lease_ms, ret_view));
    engine->lease_until_ms = sent_ms + engine->limits.lease_ms;
    engine->heartbeat_at_ms = sent_ms + engine->limits.heartbeat_ms;
    return OK;
}

STATUS engine_lease_renew(struct engine *engine, struct op *op)
{
    struct store_view view;
    return clock_mono_ms() < engine->heartbeat_at_ms ? OK : heartbeat(engine, op, &view);
}

/* Whoever was not there for half a lease takes nothing by its first look: threads that start together see each other
 * first, and what held us up (the database's disk, say) may have held up the others, too. */
static bool must_look_twice(struct engine *engine)
{
    bool away = clock_mono_ms() > engine->lease_until_ms - engine->limits.lease_ms / 2;
    engine->was_away = away && !engine->was_away;
    return engine->was_away;
}

STATUS engine_lanes_tend(struct engine *engine)
{
    bool looks_twice = must_look_twice(engine);
    struct store_view view;
    TRY(heartbeat(engine, &engine->op, &view));
    CRASH_POINT("engine-after-heartbeat");
    engine_set_clock(engine, view.clock);
    drop_lost(engine, &view);
    TRY(engine_probe_forgive(engine));
    TRY(engine_publish_measure(engine));
    if (looks_twice) {
        engine->heartbeat_at_ms = clock_mono_ms() + INTRODUCTION_MS;
        return OK;
    }
    struct share share = share_of(&view);
    bool yields = must_yield(engine, &view, share);
    bool gave;
    TRY(hand_over(engine, surplus_of(engine, share, yields), &gave));
    return gave ? OK /* the view still shows as ours what we gave */
                : claim_share(engine, &view, share, yields);
}

/* R7, of what we write. */
static STATUS check_outs(struct engine *engine, struct engine_lane *lane,
                         const struct bus_tail *tails)
{
    for (uint32_t i = 0; i < engine->out_count; i++) {
        struct engine_out *out = &lane->outs[i];
        struct status st = engine_check_own_tail(engine, lane, out, &tails[i]);
        if (st.kind == STATUS_STOP) {
            engine_lane_stop(engine, lane, engine->op.err.code, str_of(engine->op.err.msg));
            return OK;
        }
        TRY(st);
        if (out->row.published_n < out->produced_n) {
            out->produced_n = out->row.published_n;
            engine->behind = true;
        }
    }
    return OK;
}

STATUS engine_lanes_check_tails(struct engine *engine)
{
    struct bus *bus = engine->ports.bus;
    enum topic topics[ENGINE_OUT_TOPICS_MAX + ENGINE_HANDLERS_MAX];
    struct bus_tail tails[ARRAY_LEN(topics)];
    memcpy(topics, engine->out_topics, sizeof(engine->out_topics));
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        topics[engine->out_count + i] = engine->service->handlers[i].topic;
    }
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = &engine->lanes[p];
        if (!lane->mine || bus->ops->in_flight(bus) > 0) {
            continue;
        }
        TRY(bus->ops->tails(&engine->op, bus, topics,
                            engine->out_count + engine->service->handler_count, p, tails));
        TRY(check_outs(engine, lane, tails));
        TRY(lane->mine ? engine_seek_missing(engine, lane, tails + engine->out_count) : OK);
        TRY(engine_lease_renew(engine, &engine->op));
    }
    return OK;
}
