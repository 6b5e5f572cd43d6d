/*
 * R9: after two unclean ends what is about to be tried is noted before, in a transaction of its own, and
 * tried alone; what was noted three times and never came to its end has killed its process, and is
 * parked unread. Each source of a lane has a note of its own: a topic, the timers, the answers of
 * effects. So what comes first again and again from one does not wipe out what is known of another.
 * Another note counts the owners that died, each within ten minutes of the one before, whoever had the lane in between.
 * The first death proves nothing, a machine fails or somebody kills; and one by one a lane under load falls behind.
 */
#include "engine/engine_probe.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"

_Static_assert(ENGINE_TRIES_MAX > 1, "the first time it may be in bad company");

/* By then an owner has met all that waited for it: records and timers at once, answers when their calls have ended. */
#define FORGIVEN_AFTER_MS (INT64_C(10) * 60 * 1000)

/* The place of a source in lane->probes: handlers, timers, answers; then the owners. */
static uint32_t timers_at(const struct engine *engine)
{
    return engine->service->handler_count;
}

static uint32_t owners_at(const struct engine *engine)
{
    return timers_at(engine) + 2;
}

static struct str source_name(const struct engine *engine, const struct engine_lane *lane,
                              uint32_t i)
{
    const struct str names[] = {ENGINE_SOURCE_TIMER, ENGINE_SOURCE_ANSWER, ENGINE_SOURCE_OWNER};
    return i < timers_at(engine) ? lane->ins[i].row.topic : names[i - timers_at(engine)];
}

static uint32_t source_of(const struct engine *engine, const struct engine_item *item)
{
    switch (item->kind) {
    case ENGINE_ITEM_RECORD: return item->in;
    case ENGINE_ITEM_TIMER: return timers_at(engine);
    case ENGINE_ITEM_ANSWER: return timers_at(engine) + 1;
    case ENGINE_ITEM_PARKED:
    case ENGINE_ITEM_DROPPED: break; /* a person asked for it */
    }
    UNREACHABLE("nothing that is tried by itself");
}

/* Which of its source it is: a record by its offset, anything else by its id. */
static struct engine_trial trial_of(const struct engine_item *item)
{
    if (item->kind == ENGINE_ITEM_RECORD) {
        return (struct engine_trial){.kafka_offset = item->record->offset};
    }
    return (struct engine_trial){.kafka_offset = -1, .item_id = item->message.id};
}

/* Of no row yet: no item is like it, for tries begin with 1 anyway. */
static struct engine_trial trial_of_row(const struct lane_probe_row *row)
{
    return (struct engine_trial){.kafka_offset = row->kafka_offset, .item_id = row->item_id};
}

static bool is_same(const struct engine_trial *a, const struct engine_trial *b)
{
    return a->kafka_offset == b->kafka_offset && id_eq(a->item_id, b->item_id);
}

void engine_probe_blank(const struct engine *engine, struct engine_lane *lane)
{
    for (uint32_t i = 0; i <= owners_at(engine); i++) {
        lane->probes[i].row =
            (struct lane_probe_row){.lane = lane->lane, .source = source_name(engine, lane, i)};
        lane->probes[i].stored = false;
    }
}

void engine_probe_adopt(const struct engine *engine, struct engine_lane *lane,
                        const struct store_rows *rows)
{
    const struct lane_probe_row *row = rows->rows;
    for (uint32_t r = 0; r < rows->count; r++) {
        for (uint32_t i = 0; i <= owners_at(engine); i++) {
            struct engine_probe *probe = &lane->probes[i];
            if (str_eq(row[r].source, probe->row.source)) {
                struct str source = probe->row.source; /* lives for ever, the row's in the arena */
                probe->row = row[r];
                probe->row.source = source;
                probe->stored = true;
            }
        }
    }
}

static STATUS store_note(struct engine *engine, const struct engine_lane *lane,
                         const struct engine_probe *probe)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct store_lane_ref ref = {.lane = lane->lane, .epoch = lane->epoch};
    struct store_fence fence;
    const void *rows[] = {&probe->row};
    TRY(store->ops->begin(op, store, &ref, 1, &fence));
    TRY(probe->stored ? store->ops->update(op, store, &engine_lane_probe_table, rows, NULL, 1)
                      : store->ops->insert(op, store, &engine_lane_probe_table, rows, 1));
    TRY(store->ops->sync(op, store));
    if (fence.held_count == 0) {
        store->ops->rollback(store);
        return op_fail(op, STATUS_RETRY, "engine.lane_lost", "lane %" PRId32, lane->lane);
    }
    return store->ops->commit(op, store);
}

STATUS engine_probe_note(struct engine *engine, const struct engine_item *item, bool *ret_kills)
{
    struct engine_lane *lane = engine_lane_at(engine, item->lane);
    struct engine_probe *probe = &lane->probes[source_of(engine, item)];
    const struct engine_trial trial = trial_of(item);
    *ret_kills = false;
    if (lane->probes_left == 0) {
        return OK;
    }
    if (probe->has_survived && is_same(&probe->survived, &trial)) {
        return OK; /* what failed then was something else: the try is noted already */
    }
    const struct engine_trial before = trial_of_row(&probe->row);
    struct engine_probe noted = *probe;
    noted.row.tries = is_same(&before, &trial) ? probe->row.tries + 1 : 1;
    noted.row.kafka_offset = trial.kafka_offset;
    noted.row.item_id = trial.item_id;
    TRY(store_note(engine, lane, &noted));
    CRASH_POINT("engine-after-probe");
    noted.stored = true;
    *ret_kills = noted.row.tries >= ENGINE_TRIES_MAX;
    if (!*ret_kills) { /* if it does kill us, nobody will remember this */
        noted.has_survived = true;
        noted.survived = trial;
    }
    *probe = noted;
    return OK;
}

/* ---- Owners that died ---- */

static STATUS note_deaths(struct engine *engine, struct engine_lane *lane, int32_t deaths)
{
    struct engine_probe *owners = &lane->probes[owners_at(engine)];
    struct engine_probe noted = *owners;
    if (noted.row.tries == deaths) {
        return OK;
    }
    noted.row.tries = deaths;
    TRY(store_note(engine, lane, &noted));
    owners->row.tries = deaths;
    owners->stored = true;
    return OK;
}

/* Claimed by us and lost again before its deaths were counted, it is as the one before us left it. */
static bool is_ours(const struct engine *engine, const struct engine_lane *lane,
                    const struct store_lane *seen)
{
    return id_eq(seen->owner, engine->owner) && seen->epoch == lane->judged_epoch;
}

STATUS engine_probe_claimed(struct engine *engine, struct engine_lane *lane,
                            const struct store_lane *seen)
{
    int32_t before = lane->probes[owners_at(engine)].row.tries;
    if (!is_ours(engine, lane, seen)) {
        for (uint32_t i = 0; i <= owners_at(engine); i++) {
            lane->probes[i].has_survived = false;
        }
        lane->probes_left = !seen->clean && before > 0 ? engine->limits.batch_max : 0;
        lane->forgiven_at_ms = clock_mono_ms() + FORGIVEN_AFTER_MS;
        TRY(note_deaths(engine, lane, seen->clean ? before : before + 1));
    }
    lane->judged_epoch = lane->epoch;
    return OK;
}

STATUS engine_probe_forgive(struct engine *engine)
{
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        if (lane->mine && lane->probes_left == 0 && clock_mono_ms() >= lane->forgiven_at_ms) {
            TRY(note_deaths(engine, lane, 0));
        }
    }
    return OK;
}
