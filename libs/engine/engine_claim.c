/*
 * Taking a lane: the one recovery path. Start, takeover, hand-over, unknown commit, broken producer all
 * come here and look at what is really there, in the database and in the log.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "base/crash.h"
#include "engine/engine_internal.h"
#include "engine/engine_probe.h"
#include "obs/log.h"

#define DAY_MS INT64_C(86400000)
#define PARKED_ARENA_BYTES ((size_t)1024 * 1024)

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
static void blank_lane(struct engine *engine, struct engine_lane *lane, int64_t epoch)
{
    lane->epoch = epoch;
    lane->draining = false;
    lane->effect_due_us = 0;
    lane->effect_takeover = true;
    lane->effects_old = 0;
    lane->effect_since_us = 0;
    lane->strange_parks = 0;
    lane->look_for_missed = false;
    lane->replay = (struct engine_replay){.on = false};
    engine_timer_heap_forget(&lane->timers);
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        const struct engine_handler *handler = &engine->service->handlers[i];
        struct str name = str_of(topology_topics[handler->topic].name);
        lane->ins[i] = (struct engine_in){.topic = handler->topic, .handler = handler};
        lane->ins[i].row = (struct lane_in_row){.lane = lane->lane, .topic = name};
    }
    engine_probe_blank(engine, lane);
    for (uint32_t i = 0; i < engine->out_count; i++) {
        struct str name = str_of(topology_topics[engine->out_topics[i]].name);
        lane->outs[i] = (struct engine_out){.topic = engine->out_topics[i]};
        lane->outs[i].row =
            (struct lane_out_row){.lane = lane->lane, .topic = name, .next_n = 1, .first_n = 1};
    }
}

static enum engine_parked state_of(const struct parked_key_row *parked)
{
    if (parked->missing) {
        return ENGINE_PARKED_MISSING;
    }
    return str_eq(parked->reason, ENGINE_RESTORING) ? ENGINE_PARKED_RESTORING
                                                    : ENGINE_PARKED_BROKEN;
}

static STATUS take_parked(struct engine *engine, struct engine_lane *lane,
                          const struct store_rows *rows)
{
    arena_fini(&lane->parked_arena);
    arena_init(&lane->parked_arena, PARKED_ARENA_BYTES);
    if (rows->count > ENGINE_PARKED_MAX ||
        !map_init(&lane->parked, &lane->parked_arena, rows->count + ENGINE_PARKED_ROOM)) {
        return op_fail(&engine->op, STATUS_STOP, "engine.too_many_parked", "lane %" PRId32,
                       lane->lane);
    }
    const struct parked_key_row *parked = rows->rows;
    lane->parked_keys = rows->count;
    for (uint32_t i = 0; i < rows->count; i++) {
        map_set(&lane->parked, parked[i].key, state_of(&parked[i]));
        lane->look_for_missed |= parked[i].missing; /* the last owner may have died in between */
    }
    return OK;
}

/* The map forgets nothing: keys parked and released fill it up. Reads anew what is parked now. */
STATUS engine_tidy_parked(struct engine *engine)
{
    struct store *store = engine->ports.store;
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        if (!lane->mine || lane->parked.count + ENGINE_BATCH_MAX <= lane->parked.max) {
            continue; /* a batch parks at most as many keys as it has messages */
        }
        struct parked_key_row like = {.lane = p};
        struct store_rows parked;
        TRY(store->ops->scan(&engine->op, store, &engine_scan_parked_key, &like, 0,
                             ENGINE_PARKED_MAX + 1, &parked));
        TRY(store->ops->sync(&engine->op, store));
        struct status st = take_parked(engine, lane, &parked);
        if (status_failed(st)) {
            engine_lane_stop(engine, lane, engine->op.err.code, str_of(engine->op.err.msg));
        }
    }
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
    TRY(store->ops->scan(op, store, &engine_scan_parked_key, &like_parked, 0, ENGINE_PARKED_MAX + 1,
                         &parked));
    TRY(store->ops->scan(op, store, &engine_scan_lane_probe, &like_probe, 0,
                         ARRAY_LEN(lane->probes), &probes));
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
    engine_probe_adopt(engine, lane, &probes);
    return take_parked(engine, lane, &parked);
}

/* 1, 2, 3: so many are there without a hole. */
static int64_t whole_beginning(const struct bus_tail *tail)
{
    return ~tail->beginning == 0 ? BUS_TAIL_RECORDS : __builtin_ctzll(~tail->beginning);
}

/*
 * The first record that Kafka had acknowledged and has no more; 0: it lost none. More may have been written behind
 * what was lost. A short log that begins where all logs do holds all that there ever was.
 */
static int64_t first_lost(const struct lane_out_row *row, const struct bus_tail *tail)
{
    bool emptied = tail->high == tail->low && tail->high > 0; /* by retention: says nothing */
    bool begins = tail->low == 0 && tail->high <= BUS_TAIL_RECORDS;
    int64_t whole_n = tail->whole_n < tail->n ? tail->whole_n : tail->n;
    if (emptied) {
        return 0;
    }
    if (begins && row->first_n == 1) {
        whole_n = whole_beginning(tail);
    } else if (begins && tail->lowest_n > row->first_n) {
        return row->first_n;
    }
    return whole_n < row->published_n || whole_n < tail->n ? whole_n + 1 : 0;
}

/* R7: the broker's last record of each topic we write, against what we remember writing. */
STATUS engine_check_own_tail(struct engine *engine, struct engine_lane *lane,
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
    int64_t lost_n = first_lost(&out->row, tail);
    if (lost_n > 0) {
        engine_report(engine, lane->lane, "engine.kafka_lost_tail");
        engine_publish_set_back(engine, out, lost_n);
    }
    return OK;
}

/* It stops nothing: what is longer, we keep longer, too (INV19); what is shorter, readers and restores must know. */
static void check_retention(struct engine *engine, enum topic topic, int64_t retention_ms)
{
    int64_t wanted_ms = topology_topics[topic].retention_days * DAY_MS;
    if (retention_ms != wanted_ms) {
        log_warn(&engine->op, "engine.retention_differs",
                 LOG_STR("topic", str_of(topology_topics[topic].name)),
                 LOG_I64("retention_ms", retention_ms), LOG_I64("wanted_ms", wanted_ms));
    }
    if (engine->longest_retention_ms >= 0 &&
        (retention_ms < 0 || retention_ms > engine->longest_retention_ms)) {
        engine->longest_retention_ms = retention_ms;
    }
}

static STATUS check_topology(struct engine *engine)
{
    if (engine->topology_checked) {
        return OK;
    }
    struct bus *bus = engine->ports.bus;
    enum topic topics[ENGINE_HANDLERS_MAX + ENGINE_OUT_TOPICS_MAX + 1];
    uint32_t count = 0;
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        topics[count++] = engine->service->handlers[i].topic;
    }
    for (uint32_t i = 0; i < engine->out_count; i++) {
        topics[count++] = engine->out_topics[i];
    }
    if (engine->service->clock != TOPIC_NONE) {
        topics[count++] = engine->service->clock;
    }
    engine->longest_retention_ms = 0;
    for (uint32_t i = 0; i < count; i++) {
        enum topic topic = topics[i];
        struct bus_topic_info info;
        TRY(bus->ops->topic_info(&engine->op, bus, topic, &info));
        if (info.partition_count == 0) { /* not made yet: a matter of order at the first start */
            return op_fail(&engine->op, STATUS_RETRY, "engine.topic_missing", "%s",
                           topology_topics[topic].name);
        }
        if (info.partition_count != LANES) {
            return op_fail(&engine->op, STATUS_STOP, "engine.partition_count",
                           "%s has %" PRId32 " partitions", topology_topics[topic].name,
                           info.partition_count);
        }
        check_retention(engine, topic, info.retention_ms);
    }
    engine->topology_checked = true;
    return OK;
}

/* The cursors are offsets of one cluster; those of another would be read as if they were ours. */
static STATUS check_cluster(struct engine *engine, struct engine_lane *lane)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct lane_cluster_row row = {.lane = lane->lane};
    struct store_rows rows;
    TRY(engine->ports.bus->ops->cluster_id(op, engine->ports.bus, &row.cluster_id));
    TRY(store->ops->scan(op, store, &engine_scan_lane_cluster, &row, 0, 1, &rows));
    TRY(store->ops->sync(op, store));
    if (rows.count > 0) {
        const struct lane_cluster_row *known = rows.rows;
        return str_eq(known->cluster_id, row.cluster_id)
                   ? OK
                   : op_fail(op, STATUS_STOP, "engine.other_cluster",
                             "cursors of cluster " STR_FMT ", connected to " STR_FMT,
                             STR_ARG(known->cluster_id), STR_ARG(row.cluster_id));
    }
    struct store_lane_ref ref = {.lane = lane->lane, .epoch = lane->epoch};
    struct store_fence fence;
    const void *list[] = {&row};
    TRY(store->ops->begin(op, store, &ref, 1, &fence));
    TRY(store->ops->insert(op, store, &engine_lane_cluster_table, list, 1));
    return store->ops->commit(op, store);
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
    TRY(engine_adopt(engine, lane, tails));
    for (uint32_t i = 0; i < engine->out_count; i++) {
        TRY(engine_check_own_tail(engine, lane, &lane->outs[i], &tails[i]));
        lane->outs[i].produced_n = lane->outs[i].row.published_n;
        engine->behind |= lane->outs[i].produced_n + 1 < lane->outs[i].row.next_n;
        lane->outs[i].waiting_since_ms = ENGINE_WAITING_BEFORE_MS;
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

static STATUS open_lane(struct engine *engine, struct engine_lane *lane,
                        const struct store_lane *seen)
{
    struct bus *bus = engine->ports.bus;
    TRY(read_cursors(engine, lane));
    TRY(engine_probe_claimed(engine, lane, seen));
    TRY(check_topology(engine));
    TRY(check_cluster(engine, lane));
    TRY(look_at_log(engine, lane));
    TRY(engine_replay_open(engine, lane));
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        struct engine_in *in = &lane->ins[i];
        TRY(bus->ops->assign(&engine->op, bus, in->topic, lane->lane, in->row.next_offset));
    }
    return OK;
}

/* Takes one lane; another owner being quicker is no failure. */
STATUS engine_claim(struct engine *engine, const struct store_lane *seen)
{
    struct store *store = engine->ports.store;
    struct engine_lane *lane = &engine->lanes[seen->lane];
    int64_t epoch;
    struct status st = store->ops->claim(&engine->op, store, seen, engine->owner, &epoch);
    if (st.kind == STATUS_CONFLICT) {
        return OK;
    }
    TRY(st);
    CRASH_POINT("engine-after-claim");
    atomic_fetch_add_explicit(&engine->stats.claims, 1, memory_order_relaxed);
    blank_lane(engine, lane, epoch);
    st = open_lane(engine, lane, seen);
    if (!status_failed(st)) {
        lane->mine = true;
        engine_lanes_count(engine);
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
    status_ignore(store->ops->release(&engine->op, store, ref, lane->probes_left == 0),
                  "a lane that is not given back is claimed when this owner's lease runs out");
    engine->op.err = err;
    return st;
}
