/*
 * A database that is older than the log (R7, R18). In: the tails of the topics that the lane writes.
 * Out: the lane stops and tells what it lacks; or, once two people have asked for it, the records are
 * taken back as rows of the outbox, numbers go on behind them, and each is noted as one whose decision
 * is to be made again (engine_replay.c). Piece by piece: an attempt that is cut short is taken up at
 * the next claim.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "engine/engine_seek.h"

#define PIECE_BYTES ((size_t)64 * 1024 * 1024) /* BUS_RANGE_MAX of the largest records, and rows */
#define REQUESTS_MAX 16                        /* open ones of a lane that are looked through */
#define RESULT_MAX_BYTES 300

static bool is_lost(const struct engine_out *out, const struct bus_tail *tail)
{
    return tail->n >= out->row.next_n;
}

/* "payments.events.v1 n=13..19; …" */
static STATUS tell_lost(struct engine *engine, const struct engine_lane *lane,
                        const struct bus_tail *tails, struct str *ret_text)
{
    struct strbuf text;
    bool any = false;
    strbuf_init(&text, &engine->arena, RESULT_MAX_BYTES);
    for (uint32_t i = 0; i < engine->out_count; i++) {
        const struct engine_out *out = &lane->outs[i];
        if (is_lost(out, &tails[i])) {
            strbuf_addf(&text, "%s%s n=%" PRId64 "..%" PRId64, any ? "; " : "",
                        topology_topics[out->topic].name, out->row.next_n, tails[i].n);
            any = true;
        }
    }
    return strbuf_finish(&text, ret_text) ? OK : op_arena_full(&engine->op);
}

STATUS engine_adopt_asked(struct engine *engine, struct engine_lane *lane, bool *ret_asked,
                          struct admin_request_row *ret_request)
{
    struct store *store = engine->ports.store;
    struct admin_request_row like = {.lane = lane->lane};
    struct store_rows rows;
    TRY(store->ops->scan(&engine->op, store, &engine_scan_admin_request, &like, 0, REQUESTS_MAX,
                         &rows));
    TRY(store->ops->sync(&engine->op, store));
    *ret_asked = false;
    const struct admin_request_row *request = rows.rows;
    for (uint32_t i = 0; i < rows.count && !*ret_asked; i++) {
        *ret_asked = request[i].kind == ADMIN_RESTORE && request[i].approved_by.len > 0 &&
                     !str_eq(request[i].approved_by, request[i].requested_by);
        if (*ret_asked) {
            *ret_request = request[i];
        }
    }
    return OK;
}

/* ---- One transaction of the lane ---- */

static STATUS begin(struct engine *engine, struct op *op, const struct engine_lane *lane,
                    struct store_fence *ret_fence)
{
    struct store *store = engine->ports.store;
    struct store_lane_ref ref = {.lane = lane->lane, .epoch = lane->epoch};
    TRY(store->ops->begin(op, store, &ref, 1, ret_fence));
    TRY(store->ops->sync(op, store));
    if (ret_fence->held_count == 0) {
        store->ops->rollback(store);
        return op_fail(op, STATUS_RETRY, "engine.lane_lost", "lane %" PRId32, lane->lane);
    }
    return OK;
}

/* Up to where the inputs must be read before it is known in which order they were decided. */
static STATUS note_inputs(struct engine *engine, struct engine_lane *lane)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct lane_restore_row rows[ENGINE_HANDLERS_MAX];
    const void *list[ENGINE_HANDLERS_MAX];
    const void *gone[ENGINE_HANDLERS_MAX];
    enum topic topics[ENGINE_HANDLERS_MAX];
    struct bus_tail tails[ENGINE_HANDLERS_MAX];
    uint32_t count = engine->service->handler_count;
    for (uint32_t i = 0; i < count; i++) {
        topics[i] = lane->ins[i].topic;
    }
    TRY(engine->ports.bus->ops->tails(op, engine->ports.bus, topics, count, lane->lane, tails));
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (struct lane_restore_row){
            .lane = lane->lane, .topic = lane->ins[i].row.topic, .until_offset = tails[i].high};
        list[i] = &rows[i];
    }
    struct store_fence fence;
    struct store_rows old;
    struct lane_restore_row like = {.lane = lane->lane};
    TRY(begin(engine, op, lane, &fence));
    TRY(store->ops->scan(op, store, &engine_scan_lane_restore, &like, 0, ENGINE_HANDLERS_MAX,
                         &old));
    TRY(store->ops->sync(op, store));
    for (uint32_t i = 0; i < old.count; i++) { /* of an attempt, or a restore, before this one */
        gone[i] = (const struct lane_restore_row *)old.rows + i;
    }
    TRY(old.count > 0 ? store->ops->erase(op, store, &engine_lane_restore_table, gone, old.count)
                      : OK);
    TRY(store->ops->insert(op, store, &engine_lane_restore_table, list, count));
    return store->ops->commit(op, store);
}

/* ---- Taking back ---- */

static STATUS find_offset(struct engine *engine, struct op *op, const struct engine_out *out,
                          const struct bus_tail *tail, int64_t *ret_offset)
{
    struct bus_range whole = {
        .topic = out->topic, .partition = out->row.lane, .from = tail->low, .to = tail->high};
    struct engine_seek seek;
    TRY(engine_seek_back(engine, op, &whole, out->row.next_n, &seek));
    *ret_offset = seek.offset;
    return seek.first <= out->row.next_n
               ? OK
               : op_fail(op, STATUS_STOP, "engine.restore_log_gone",
                         "%s/%" PRId32 " begins with n=%" PRId64 ", n=%" PRId64 " is wanted",
                         topology_topics[out->topic].name, out->row.lane, seek.first,
                         out->row.next_n);
}

struct piece {
    struct outbox_row outbox[BUS_RANGE_MAX];
    struct restored_row restored[BUS_RANGE_MAX];
    const void *outbox_rows[BUS_RANGE_MAX];
    const void *restored_rows[BUS_RANGE_MAX];
    uint32_t outbox_count;
    uint32_t restored_count;
    int64_t last_at_us;
};

static STATUS add_record(struct engine *engine, struct op *op, struct engine_out *out,
                         const struct bus_record *record, struct piece *piece)
{
    struct id key = {.bytes = {0}};
    bool keyed = record->key.len == 0 || id_parse(record->key, &key);
    if (!record->numbered || id_is_none(record->message_id) || !keyed) {
        return op_fail(op, STATUS_STOP, "engine.foreign_record", "%s/%" PRId32 " offset %" PRId64,
                       topology_topics[out->topic].name, out->row.lane, record->offset);
    }
    if (record->n < out->row.next_n) {
        return OK; /* a repetition */
    }
    if (record->n > out->row.next_n) {
        return op_fail(op, STATUS_STOP, "engine.restore_log_gone",
                       "%s/%" PRId32 " has n=%" PRId64 " after n=%" PRId64,
                       topology_topics[out->topic].name, out->row.lane, record->n,
                       out->row.next_n - 1);
    }
    struct outbox_row *row = &piece->outbox[piece->outbox_count];
    *row = (struct outbox_row){.lane = out->row.lane,
                               .topic = out->topic,
                               .n = record->n,
                               .id = record->message_id,
                               .aggregatetype = out->row.topic,
                               .aggregateid = key,
                               .type = record->type,
                               .payload = record->value,
                               .committed_at_us = record->committed_at_us};
    piece->outbox_rows[piece->outbox_count++] = row;
    piece->last_at_us = record->committed_at_us;
    out->row.next_n++;
    if (out->topic == engine->service->dlq) {
        return OK; /* an announcement: it decides nothing, and what it told may be otherwise now */
    }
    struct restored_row *note = &piece->restored[piece->restored_count];
    *note = (struct restored_row){.id = row->id,
                                  .key = key,
                                  .lane = row->lane,
                                  .topic = out->row.topic,
                                  .n = row->n,
                                  .at_us = row->committed_at_us,
                                  .content = hash_of(row->payload),
                                  .open = true};
    piece->restored_rows[piece->restored_count++] = note;
    return OK;
}

/* What is decided from now on comes after what the log holds, by the commit times too. */
static STATUS save_piece(struct engine *engine, struct op *op, struct engine_lane *lane,
                         struct engine_out *out, const struct piece *piece)
{
    struct store *store = engine->ports.store;
    struct store_fence fence;
    const void *cursor[] = {&out->row};
    out->row.published_n = out->row.next_n - 1;
    TRY(begin(engine, op, lane, &fence));
    if (fence.clock.now_us < piece->last_at_us) {
        fence.clock.now_us = piece->last_at_us;
    }
    TRY(store->ops->insert(op, store, &engine_outbox_table, piece->outbox_rows,
                           piece->outbox_count));
    TRY(piece->restored_count == 0
            ? OK
            : store->ops->insert(op, store, &engine_restored_table, piece->restored_rows,
                                 piece->restored_count));
    TRY(out->stored ? store->ops->update(op, store, &engine_lane_out_table, cursor, NULL, 1)
                    : store->ops->insert(op, store, &engine_lane_out_table, cursor, 1));
    TRY(store->ops->touch(op, store, &fence));
    TRY(store->ops->commit(op, store));
    out->stored = true;
    return OK;
}

static STATUS take_piece(struct engine *engine, struct op *op, struct engine_lane *lane,
                         struct engine_out *out, const struct bus_range *range)
{
    struct bus *bus = engine->ports.bus;
    struct piece *piece = arena_new(op->arena, struct piece, 1);
    struct bus_record *records = arena_new(op->arena, struct bus_record, BUS_RANGE_MAX);
    if (!piece || !records) {
        return op_arena_full(op);
    }
    TRY(bus->ops->read_back(op, bus, range, records));
    for (int64_t i = 0; i < range->to - range->from; i++) {
        TRY(add_record(engine, op, out, &records[i], piece));
    }
    return piece->outbox_count == 0 ? OK : save_piece(engine, op, lane, out, piece);
}

static STATUS take_topic(struct engine *engine, struct op *op, struct engine_lane *lane,
                         struct engine_out *out, const struct bus_tail *tail)
{
    struct bus_range range = {.topic = out->topic, .partition = lane->lane};
    TRY(find_offset(engine, op, out, tail, &range.from));
    while (range.from < tail->high) {
        range.to =
            range.from + BUS_RANGE_MAX < tail->high ? range.from + BUS_RANGE_MAX : tail->high;
        arena_reset(op->arena);
        TRY(engine_lease_renew(engine, op));
        TRY(take_piece(engine, op, lane, out, &range));
        range.from = range.to;
    }
    return OK;
}

/* With memory of its own: a day's records are more than one step of the engine may hold. */
static STATUS take_topics(struct engine *engine, struct engine_lane *lane,
                          const struct bus_tail *tails)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, PIECE_BYTES);
    struct op op = {.arena = &arena, .correlation_id = STR("engine")};
    struct status st = OK;
    for (uint32_t i = 0; i < engine->out_count && !status_failed(st); i++) {
        if (is_lost(&lane->outs[i], &tails[i])) {
            st = take_topic(engine, &op, lane, &lane->outs[i], &tails[i]);
        }
    }
    engine->op.err = status_failed(st) ? op.err : engine->op.err;
    return st;
}

static STATUS answer(struct engine *engine, struct engine_lane *lane,
                     struct admin_request_row *request, struct str lost)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct strbuf text;
    strbuf_init(&text, &engine->arena, RESULT_MAX_BYTES);
    strbuf_addf(&text, "taken back: " STR_FMT, STR_ARG(lost));
    if (!strbuf_finish(&text, &request->result)) {
        request->result = STR("taken back");
    }
    struct store_fence fence;
    const void *rows[] = {request};
    TRY(begin(engine, op, lane, &fence));
    request->open = false;
    request->done_at_us = fence.clock.now_us;
    TRY(store->ops->update(op, store, &engine_admin_request_table, rows, NULL, 1));
    return store->ops->commit(op, store);
}

STATUS engine_adopt(struct engine *engine, struct engine_lane *lane, const struct bus_tail *tails)
{
    bool any = false;
    for (uint32_t i = 0; i < engine->out_count; i++) {
        any |= is_lost(&lane->outs[i], &tails[i]);
    }
    if (!any) {
        return OK;
    }
    struct str lost;
    bool asked = false;
    struct admin_request_row request;
    TRY(tell_lost(engine, lane, tails, &lost));
    TRY(engine_adopt_asked(engine, lane, &asked, &request));
    if (!asked) {
        return op_fail(&engine->op, STATUS_STOP, "engine.database_lost_rows",
                       "in the log and not in this database: " STR_FMT, STR_ARG(lost));
    }
    TRY(note_inputs(engine, lane));
    TRY(take_topics(engine, lane, tails));
    engine_report(engine, lane->lane, "engine.taken_back");
    return answer(engine, lane, &request, lost);
}
