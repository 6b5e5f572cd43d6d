/*
 * Finding a place in a log by the numbers of its records: for a reader whose position is not there any more,
 * and for a database that lacks what its log has.
 */
#include "engine/engine_seek.h"

#include "base/assert.h"
#include "base/clock.h"

#define PIECE_BYTES ((size_t)48 * 1024 * 1024) /* BUS_RANGE_MAX of the largest records */

static STATUS lowest_and_highest(struct engine *engine, struct op *op,
                                 const struct bus_range *range, int64_t *ret_lowest,
                                 int64_t *ret_highest)
{
    struct bus *bus = engine->ports.bus;
    struct bus_record *records = arena_new(op->arena, struct bus_record, BUS_RANGE_MAX);
    if (!records) {
        return op_arena_full(op);
    }
    TRY(bus->ops->read_back(op, bus, range, records));
    *ret_lowest = *ret_highest = records[0].n;
    for (int64_t i = 1; i < range->to - range->from; i++) {
        *ret_lowest = records[i].n < *ret_lowest ? records[i].n : *ret_lowest;
        *ret_highest = records[i].n > *ret_highest ? records[i].n : *ret_highest;
    }
    return OK;
}

/*
 * Piece by piece, until nothing in a whole piece is as high as the number. The last records, too, may be
 * repetitions: what a producer left on its way when it died is written later than its successor's.
 */
STATUS engine_seek_back(struct engine *engine, struct op *op, const struct bus_range *whole,
                        int64_t first_n, struct engine_seek *ret_seek)
{
    struct bus_range piece = *whole;
    piece.from = whole->to;
    *ret_seek = (struct engine_seek){.offset = whole->to};
    while (piece.from > whole->from) {
        int64_t lowest = 0;
        int64_t highest = 0;
        piece.to = piece.from;
        piece.from =
            piece.to - BUS_RANGE_MAX < whole->from ? whole->from : piece.to - BUS_RANGE_MAX;
        arena_reset(op->arena);
        TRY(engine_lease_renew(engine, op));
        TRY(lowest_and_highest(engine, op, &piece, &lowest, &highest));
        ret_seek->offset = piece.from;
        if (highest < first_n) {
            return OK;
        }
        ret_seek->first = piece.from == whole->from ? lowest : 0;
    }
    return OK;
}

/* What an intake left unread is still open there, and comes again (R5): a piece of the end will do. */
static STATUS find(struct engine *engine, const struct engine_in *in, const struct bus_range *whole,
                   struct engine_seek *ret_seek)
{
    DEFER(arena_fini) struct arena arena;
    if (topology_topics[in->topic].kind != TOPOLOGY_LANE) {
        int64_t from = whole->to - BUS_RANGE_MAX;
        *ret_seek = (struct engine_seek){.offset = from < whole->from ? whole->from : from};
        return OK;
    }
    arena_init(&arena, PIECE_BYTES);
    struct op op = {.arena = &arena, .correlation_id = STR("engine")};
    struct status st = engine_seek_back(engine, &op, whole, in->row.last_n + 1, ret_seek);
    engine->op.err = status_failed(st) ? op.err : engine->op.err;
    return st;
}

/* Reads on from another place. */
static STATUS move(struct engine *engine, struct engine_lane *lane, struct engine_in *in)
{
    struct bus *bus = engine->ports.bus;
    struct engine_seek seek;
    struct bus_tail tail;
    bus->ops->unassign(bus, in->topic, lane->lane);
    engine_queue_drop(engine, lane->lane, in->topic);
    TRY(bus->ops->tails(&engine->op, bus, &in->topic, 1, lane->lane, &tail));
    const struct bus_range whole = {
        .topic = in->topic, .partition = lane->lane, .from = tail.low, .to = tail.high};
    if (in->row.next_offset < tail.low) { /* all that is left is unread */
        seek.offset = tail.low;
    } else {
        TRY(find(engine, in, &whole, &seek));
    }
    in->row.next_offset = seek.offset;
    in->dirty = in->stored; /* one that has read nothing finds its beginning again at each claim */
    engine_note_dirty(engine);
    return bus->ops->assign(&engine->op, bus, in->topic, lane->lane, seek.offset);
}

STATUS engine_seek_position(struct engine *engine, struct engine_lane *lane, enum topic topic)
{
    engine_report(engine, lane->lane, "engine.position_gone");
    return move(engine, lane, &lane->ins[engine_in_index(engine, topic)]);
}

STATUS engine_seek_missing(struct engine *engine, struct engine_lane *lane,
                           const struct bus_tail *tails)
{
    for (uint32_t i = 0; i < engine->service->handler_count && !lane->draining; i++) {
        struct engine_in *in = &lane->ins[i];
        bool missed = tails[i].n > in->row.last_n && in->row.next_offset >= tails[i].high;
        TRY(missed ? move(engine, lane, in) : OK);
    }
    return OK;
}
