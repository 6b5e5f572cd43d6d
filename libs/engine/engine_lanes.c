/* Leases: heartbeat, fair share, claim, hand-over. Claim is the one recovery path. */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "engine/engine_internal.h"

#define INTRODUCTION_MS 50 /* between our first heartbeat and our first claims */
#define STOP_REASON_MAX_BYTES 400
#define PARKED_ARENA_BYTES ((size_t)1024 * 1024)

uint32_t engine_lanes_held(const struct engine *engine)
{
    uint32_t held = 0;
    for (int32_t p = 0; p < LANES; p++) {
        held += engine->lanes[p].mine ? 1 : 0;
    }
    return held;
}

static void count_lanes(struct engine *engine)
{
    atomic_store_explicit(&engine->stats.lanes_held, engine_lanes_held(engine),
                          memory_order_relaxed);
}

/* Stops reading the lane's topics and forgets what was read of them. */
static void stop_reading(struct engine *engine, struct engine_lane *lane)
{
    struct bus *bus = engine->ports.bus;
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        bus->ops->unassign(bus, engine->service->handlers[i].topic, lane->lane);
    }
    engine_queue_drop_lane(engine, lane->lane);
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
    count_lanes(engine);
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
    struct store_lane_ref ref = {.lane = lane->lane, .epoch = lane->epoch};
    struct status st = engine->ports.store->ops->stop(&engine->op, engine->ports.store, ref, line);
    status_ignore(
        st, "without the mark the lane is claimed again, and stops again for the same reason");
    engine_report(engine, lane->lane, "engine.lane_stopped");
    engine_lane_lose(engine, lane);
}

/* ---- Claim ---- */

static struct engine_in *in_of_topic(struct engine *engine, struct engine_lane *lane,
                                     struct str topic)
{
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        if (str_eq(topic, str_of(topology_topics[lane->ins[i].topic].name))) {
            return &lane->ins[i];
        }
    }
    return NULL;
}

static struct engine_out *out_of_topic(struct engine *engine, struct engine_lane *lane,
                                       struct str topic)
{
    for (uint32_t i = 0; i < engine->out_count; i++) {
        if (str_eq(topic, str_of(topology_topics[lane->outs[i].topic].name))) {
            return &lane->outs[i];
        }
    }
    return NULL;
}

/* The lane as it is before its rows are read: nothing read, nothing written. */
static void blank_lane(struct engine *engine, struct engine_lane *lane, int64_t epoch, bool clean)
{
    lane->epoch = epoch;
    lane->draining = false;
    lane->probes_left = clean ? 0 : engine->limits.batch_max;
    lane->probe = (struct lane_probe_row){.lane = lane->lane, .topic = STR("")};
    lane->probe_stored = false;
    lane->effect_due_us = 0;
    lane->effect_takeover = true;
    lane->strange_parks = 0;
    lane->parked_count = 0;
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        const struct engine_handler *handler = &engine->service->handlers[i];
        struct str name = str_of(topology_topics[handler->topic].name);
        lane->ins[i] = (struct engine_in){.topic = handler->topic, .handler = handler};
        lane->ins[i].row = (struct lane_in_row){.lane = lane->lane, .topic = name};
    }
    for (uint32_t i = 0; i < engine->out_count; i++) {
        struct str name = str_of(topology_topics[engine->out_topics[i]].name);
        lane->outs[i] = (struct engine_out){.topic = engine->out_topics[i]};
        lane->outs[i].row = (struct lane_out_row){.lane = lane->lane, .topic = name, .next_n = 1};
    }
}

static STATUS take_parked(struct engine *engine, struct engine_lane *lane,
                          const struct store_rows *rows)
{
    arena_fini(&lane->parked_arena);
    arena_init(&lane->parked_arena, PARKED_ARENA_BYTES);
    if (rows->count >= ENGINE_PARKED_MAX ||
        !map_init(&lane->parked, &lane->parked_arena, ENGINE_PARKED_MAX)) {
        return op_fail(&engine->op, STATUS_STOP, "engine.too_many_parked", "lane %" PRId32,
                       lane->lane);
    }
    const struct parked_key_row *parked = rows->rows;
    for (uint32_t i = 0; i < rows->count; i++) {
        map_set(&lane->parked, parked[i].key,
                parked[i].missing ? ENGINE_PARKED_MISSING : ENGINE_PARKED_BROKEN);
    }
    lane->parked_count = rows->count;
    return OK;
}

/* Reads what the lane's last owner committed: by a later statement than the claim's own. */
static STATUS read_cursors(struct engine *engine, struct engine_lane *lane)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct lane_in_row like_in = {.lane = lane->lane};
    struct lane_out_row like_out = {.lane = lane->lane};
    struct parked_key_row like_parked = {.lane = lane->lane};
    struct lane_probe_row like_probe = {.lane = lane->lane};
    struct store_rows ins;
    struct store_rows outs;
    struct store_rows parked;
    struct store_rows probes;
    TRY(store->ops->scan(op, store, &engine_scan_lane_in, &like_in, 0, TOPIC_COUNT, &ins));
    TRY(store->ops->scan(op, store, &engine_scan_lane_out, &like_out, 0, TOPIC_COUNT, &outs));
    TRY(store->ops->scan(op, store, &engine_scan_parked_key, &like_parked, 0, ENGINE_PARKED_MAX,
                         &parked));
    TRY(store->ops->scan(op, store, &engine_scan_lane_probe, &like_probe, 0, 1, &probes));
    TRY(store->ops->sync(op, store));

    const struct lane_in_row *in_rows = ins.rows;
    for (uint32_t i = 0; i < ins.count; i++) {
        struct engine_in *in = in_of_topic(engine, lane, in_rows[i].topic);
        if (in) {
            struct str name = in->row.topic; /* ours lives for ever, the row's with the arena */
            in->row = in_rows[i];
            in->row.topic = name;
            in->stored = true;
            in->started = true;
        }
    }
    const struct lane_out_row *out_rows = outs.rows;
    for (uint32_t i = 0; i < outs.count; i++) {
        struct engine_out *out = out_of_topic(engine, lane, out_rows[i].topic);
        if (out) {
            struct str name = out->row.topic;
            out->row = out_rows[i];
            out->row.topic = name;
            out->stored = true;
        }
    }
    if (probes.count > 0) {
        lane->probe = *(const struct lane_probe_row *)probes.rows;
        lane->probe.topic = STR(""); /* set below, to a name that outlives the arena */
        for (uint32_t i = 0; i < engine->service->handler_count; i++) {
            if (str_eq(((const struct lane_probe_row *)probes.rows)->topic,
                       lane->ins[i].row.topic)) {
                lane->probe.topic = lane->ins[i].row.topic;
            }
        }
        lane->probe_stored = true;
    }
    return take_parked(engine, lane, &parked);
}

/* R7: the broker's last record of each topic we write, against what we remember writing. */
static STATUS check_own_tail(struct engine *engine, struct engine_lane *lane,
                             struct engine_out *out, const struct bus_tail *tail)
{
    struct op *op = &engine->op;
    const char *name = topology_topics[out->topic].name;
    if (tail->high > tail->low && tail->n == 0) {
        return op_fail(op, STATUS_STOP, "engine.foreign_record",
                       "%s/%" PRId32 " ends with a record without n", name, lane->lane);
    }
    if (tail->n >= out->row.next_n) {
        return op_fail(op, STATUS_STOP, "engine.database_lost_rows",
                       "%s/%" PRId32 " holds n=%" PRId64 ", this database would write n=%" PRId64,
                       name, lane->lane, tail->n, out->row.next_n);
    }
    bool emptied = tail->high == tail->low && tail->high > 0; /* by retention: says nothing */
    if (!emptied && tail->n < out->row.published_n) {
        engine_report(engine, lane->lane, "engine.kafka_lost_tail");
        out->row.published_n = tail->n;
        out->dirty = true;
    }
    return OK;
}

static STATUS check_topology(struct engine *engine)
{
    if (engine->topology_checked) {
        return OK;
    }
    struct bus *bus = engine->ports.bus;
    for (uint32_t i = 0; i < engine->service->handler_count + engine->out_count; i++) {
        enum topic topic = i < engine->service->handler_count
                               ? engine->service->handlers[i].topic
                               : engine->out_topics[i - engine->service->handler_count];
        struct bus_topic_info info;
        TRY(bus->ops->topic_info(&engine->op, bus, topic, &info));
        if (info.partition_count != LANES) {
            return op_fail(&engine->op, STATUS_STOP, "engine.partition_count",
                           "%s has %" PRId32 " partitions", topology_topics[topic].name,
                           info.partition_count);
        }
    }
    engine->topology_checked = true;
    return OK;
}

/* Tails of the topics we write, then those of the topics we read for the first time. */
static STATUS look_at_log(struct engine *engine, struct engine_lane *lane)
{
    struct bus *bus = engine->ports.bus;
    enum topic topics[ENGINE_OUT_TOPICS_MAX + ENGINE_HANDLERS_MAX];
    struct bus_tail tails[ENGINE_OUT_TOPICS_MAX + ENGINE_HANDLERS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < engine->out_count; i++) {
        topics[count++] = lane->outs[i].topic;
    }
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        if (!lane->ins[i].stored) {
            topics[count++] = lane->ins[i].topic;
        }
    }
    TRY(bus->ops->tails(&engine->op, bus, topics, count, lane->lane, tails));
    for (uint32_t i = 0; i < engine->out_count; i++) {
        TRY(check_own_tail(engine, lane, &lane->outs[i], &tails[i]));
        lane->outs[i].produced_n = lane->outs[i].row.published_n;
        engine->behind |= lane->outs[i].produced_n + 1 < lane->outs[i].row.next_n;
        engine_note_waiting(&lane->outs[i]);
    }
    uint32_t next = engine->out_count;
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        if (!lane->ins[i].stored) {
            lane->ins[i].row.next_offset = tails[next++].low;
        }
    }
    return OK;
}

static STATUS open_lane(struct engine *engine, struct engine_lane *lane)
{
    struct bus *bus = engine->ports.bus;
    TRY(read_cursors(engine, lane));
    TRY(check_topology(engine));
    TRY(look_at_log(engine, lane));
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        struct engine_in *in = &lane->ins[i];
        TRY(bus->ops->assign(&engine->op, bus, in->topic, lane->lane, in->row.next_offset));
    }
    return OK;
}

/* Takes one lane; another owner being quicker is no failure. */
static STATUS claim(struct engine *engine, const struct store_lane *seen)
{
    struct store *store = engine->ports.store;
    struct engine_lane *lane = &engine->lanes[seen->lane];
    int64_t epoch;
    struct status st = store->ops->claim(&engine->op, store, seen, engine->owner, &epoch);
    if (st.kind == STATUS_CONFLICT) {
        return OK;
    }
    TRY(st);
    atomic_fetch_add_explicit(&engine->stats.claims, 1, memory_order_relaxed);
    blank_lane(engine, lane, epoch, seen->clean);
    st = open_lane(engine, lane);
    if (!status_failed(st)) {
        lane->mine = true;
        count_lanes(engine);
        return OK;
    }
    lane->mine = true; /* so that losing it undoes what was assigned */
    if (st.kind == STATUS_STOP) {
        atomic_fetch_add_explicit(&engine->stats.lanes_stopped, 1, memory_order_relaxed);
        engine_lane_stop(engine, lane, engine->op.err.code, str_of(engine->op.err.msg));
        return OK;
    }
    engine_lane_lose(engine, lane);
    struct op_err err = engine->op.err;
    struct store_lane_ref ref = {.lane = lane->lane, .epoch = epoch};
    status_ignore(store->ops->release(&engine->op, store, ref, seen->clean),
                  "a lane that is not given back is claimed when this owner's lease runs out");
    engine->op.err = err;
    return st;
}

/* ---- Fair share ---- */

/* Does an owner that is alive hold fewer lanes than everybody could? */
static bool somebody_starves(const struct store_view *view, uint32_t floor_share)
{
    struct id owners[LANES];
    uint32_t counts[LANES] = {0};
    uint32_t owner_count = 0;
    for (int32_t p = 0; p < LANES; p++) {
        const struct store_lane *lane = &view->lanes[p];
        if (!lane->owner_alive) {
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
static STATUS hand_over(struct engine *engine, uint32_t surplus)
{
    struct store *store = engine->ports.store;
    bool finished = false;
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
            engine_lane_lose(engine, lane);
        }
    }
    return OK;
}

static uint32_t surplus_of(const struct engine *engine, const struct store_view *view)
{
    uint32_t alive = view->owners_alive > 0 ? view->owners_alive : 1;
    uint32_t floor_share = LANES / alive;
    uint32_t ceiling = (LANES + alive - 1) / alive;
    uint32_t staying = 0;
    for (int32_t p = 0; p < LANES; p++) {
        staying += engine->lanes[p].mine && !engine->lanes[p].draining ? 1 : 0;
    }
    if (staying > ceiling) {
        return staying - ceiling;
    }
    return staying > floor_share && somebody_starves(view, floor_share) ? 1 : 0;
}

static STATUS claim_share(struct engine *engine, const struct store_view *view)
{
    uint32_t alive = view->owners_alive > 0 ? view->owners_alive : 1;
    uint32_t ceiling = (LANES + alive - 1) / alive;
    uint32_t held = engine_lanes_held(engine);
    int32_t first = (int32_t)random_below(&engine->random, LANES);
    for (int32_t i = 0; i < LANES && held < ceiling; i++) {
        const struct store_lane *seen = &view->lanes[(first + i) % LANES];
        bool ours = id_eq(seen->owner, engine->owner);
        bool free = id_is_none(seen->owner) || !seen->owner_alive || ours;
        if (free && !seen->stopped && !engine->lanes[seen->lane].mine) {
            TRY(claim(engine, seen));
            held = engine_lanes_held(engine);
        }
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

STATUS engine_lanes_tend(struct engine *engine)
{
    struct store *store = engine->ports.store;
    int64_t sent_ms = clock_mono_ms();
    struct store_view view;
    TRY(store->ops->heartbeat(&engine->op, store, engine->owner, engine->limits.lease_ms, &view));
    engine->lease_until_ms = sent_ms + engine->limits.lease_ms;
    engine->heartbeat_at_ms = sent_ms + engine->limits.heartbeat_ms;
    drop_lost(engine, &view);
    engine_publish_measure(engine);
    if (!engine->introduced) { /* let threads that start together see each other first */
        engine->introduced = true;
        engine->heartbeat_at_ms = sent_ms + INTRODUCTION_MS;
        return OK;
    }
    TRY(hand_over(engine, surplus_of(engine, &view)));
    return claim_share(engine, &view);
}

STATUS engine_lanes_check_tails(struct engine *engine)
{
    struct bus *bus = engine->ports.bus;
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = &engine->lanes[p];
        struct bus_tail tails[ENGINE_OUT_TOPICS_MAX];
        if (!lane->mine || engine->out_count == 0 || bus->ops->in_flight(bus) > 0) {
            continue;
        }
        TRY(bus->ops->tails(&engine->op, bus, engine->out_topics, engine->out_count, p, tails));
        for (uint32_t i = 0; i < engine->out_count; i++) {
            struct status st = check_own_tail(engine, lane, &lane->outs[i], &tails[i]);
            if (st.kind == STATUS_STOP) {
                engine_lane_stop(engine, lane, engine->op.err.code, str_of(engine->op.err.msg));
                break;
            }
            TRY(st);
            if (lane->outs[i].row.published_n < lane->outs[i].produced_n) {
                lane->outs[i].produced_n = lane->outs[i].row.published_n;
                engine->behind = true;
            }
        }
    }
    return OK;
}
