/*
 * After a restore (R18): the decisions whose records were taken back from the log are made again. The
 * log is the witness: of the order, for a key's messages are put aside until they can be run in it; of
 * the time, which each decision is given; and of the outcome, for a record that is emitted again must be
 * the one in the log, which is then not published a second time. What differs waits for a person.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "base/clock.h"
#include "engine/engine_internal.h"

#define MESSAGES_MAX 1000 /* of one key that are looked through */
#define EFFECTS_MAX 4096  /* open ones of one lane */
#define STEP_MS 50        /* of one lane, before other work has its turn */
#define STEP_BYTES (ENGINE_ARENA_BYTES / 2)

/* The first of the ids that the decision of this message gives rise to. */
static struct id root_of(struct id cause, int64_t caused_at_us)
{
    return id_derive(cause, caused_at_us);
}

static struct id root_of_row(const struct restored_row *row)
{
    return id_nth(row->id, 0);
}

/* ---- What a decision meets ---- */

static bool is_on(const struct engine_turn *turn)
{
    return turn->engine->lanes[turn->item->lane].replay.on;
}

static bool is_open(const struct restored_row *row, struct id key)
{
    return row->open && id_eq(row->key, key);
}

void engine_replay_judge(const struct engine_turn *turn, struct engine_item *item)
{
    const struct store_rows *rows = &turn->batch->loaded_restored;
    bool waits = item->fate == ENGINE_FATE_DECIDE || item->fate == ENGINE_FATE_BEHIND;
    for (uint32_t i = 0; is_on(turn) && waits && i < rows->count; i++) {
        if (is_open((const struct restored_row *)rows->rows + i, item->key)) {
            item->fate = ENGINE_FATE_BEHIND;
            item->reason = ENGINE_RESTORING;
            return;
        }
    }
}

STATUS engine_replay_begin(struct engine_turn *turn)
{
    struct engine *engine = turn->engine;
    if (!is_on(turn)) {
        return OK;
    }
    const struct store_rows *rows = &turn->batch->loaded_restored;
    struct id root = root_of(turn->cause, turn->caused_at_us);
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct restored_row *row = (const struct restored_row *)rows->rows + i;
        if (is_open(row, turn->item->key) && id_eq(root_of_row(row), root)) {
            engine->op.now_us = row->at_us;
        }
    }
    return OK;
}

STATUS engine_replay_end(struct engine_turn *turn)
{
    struct engine *engine = turn->engine;
    if (!is_on(turn)) {
        return OK;
    }
    const struct store_rows *rows = &turn->batch->loaded_restored;
    struct id root = root_of(turn->cause, turn->caused_at_us);
    engine->op.now_us = turn->batch->fence.clock.now_us;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct restored_row *row = (const struct restored_row *)rows->rows + i;
        if (is_open(row, turn->item->key) && id_eq(root_of_row(row), root)) {
            return op_fail(&engine->op, STATUS_CONFLICT, "engine.restore_differs",
                           "decided again, it does not publish " STR_FMT " n=%" PRId64,
                           STR_ARG(row->topic), row->n);
        }
    }
    return OK;
}

STATUS engine_replay_emit(struct engine_turn *turn, enum topic topic, struct id id,
                          struct str payload, bool *ret_told)
{
    struct engine *engine = turn->engine;
    *ret_told = false;
    if (!is_on(turn) || topic == engine->service->dlq) {
        return OK;
    }
    struct restored_row *rows = turn->batch->loaded_restored.rows;
    struct restored_row *same = NULL;
    const struct restored_row *later = NULL;
    struct hash content = hash_of(payload);
    for (uint32_t i = 0; i < turn->batch->loaded_restored.count; i++) {
        if (is_open(&rows[i], turn->item->key) &&
            str_eq(rows[i].topic, str_of(topology_topics[topic].name))) {
            later = &rows[i];
            same = id_eq(rows[i].id, id) ? &rows[i] : same;
        }
    }
    if (same && hash_eq(&same->content, &content)) {
        same->open = false;
        *ret_told = true;
        return engine_rows_add(engine, &turn->batch->restored_changed, same, 0);
    }
    /* Records of a topic are published in order: one that is not in the log while others of the key are still
     * to come was never decided like this. */
    return later ? op_fail(&engine->op, STATUS_CONFLICT, "engine.restore_differs",
                           "decided again, it is another record than " STR_FMT " n=%" PRId64,
                           STR_ARG(later->topic), later->n)
                 : OK;
}

/* ---- Which message of a key comes next ---- */

static uint32_t topic_place(const struct engine *engine, struct str topic)
{
    uint32_t at = 0;
    while (at < engine->out_count &&
           !str_eq(topic, str_of(topology_topics[engine->out_topics[at]].name))) {
        at++;
    }
    return at;
}

/* By time; what was decided at one moment, in one batch, by its number in a topic. */
static bool is_before(const struct engine *engine, const struct restored_row *a,
                      const struct restored_row *b)
{
    uint32_t place_a = topic_place(engine, a->topic);
    uint32_t place_b = topic_place(engine, b->topic);
    if (a->at_us != b->at_us) {
        return a->at_us < b->at_us;
    }
    return place_a != place_b ? place_a < place_b : a->n < b->n;
}

static const struct restored_row *first_of(const struct engine *engine,
                                           const struct store_rows *restored)
{
    const struct restored_row *rows = restored->rows;
    const struct restored_row *first = NULL;
    for (uint32_t i = 0; i < restored->count; i++) {
        if (!first || is_before(engine, &rows[i], first)) {
            first = &rows[i];
        }
    }
    return first;
}

static struct id root_of_parked(const struct parked_message_row *message)
{
    return root_of(message->message_id, message->committed_at_us);
}

static bool is_record(const struct parked_message_row *message)
{
    return !str_eq(message->topic, ENGINE_PARKED_ANSWER) &&
           !str_eq(message->topic, ENGINE_PARKED_TIMER);
}

static bool is_witnessed(const struct store_rows *restored,
                         const struct parked_message_row *message)
{
    struct id root = root_of_parked(message);
    for (uint32_t i = 0; i < restored->count; i++) {
        if (id_eq(root_of_row((const struct restored_row *)restored->rows + i), root)) {
            return true;
        }
    }
    return false;
}

/* Is there one before it, of the same topic, that has its own place in the order? */
static bool is_overtaking(const struct store_rows *restored, const struct parked_message_row *rows,
                          uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (str_eq(rows[i].topic, rows[at].topic) && is_witnessed(restored, &rows[i])) {
            return true;
        }
    }
    return false;
}

/* The answer of a call, or a timer, that is still to come. */
static STATUS is_pending(struct engine *engine, const struct engine_lane *lane, struct id key,
                         struct id root, bool *ret_pending)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct store_rows effects = {.count = 0};
    struct store_rows timers = {.count = 0};
    struct effect_row like = {.lane = lane->lane};
    TRY(engine->service->effects_of ? store->ops->scan(op, store, &engine_scan_effect_due, &like,
                                                       INT64_MAX, EFFECTS_MAX, &effects)
                                    : OK);
    TRY(engine->service->timers_of
            ? store->ops->load_children(op, store, &engine_timer_table, &key, 1, &timers)
            : OK);
    TRY(store->ops->sync(op, store));
    *ret_pending = false;
    for (uint32_t i = 0; i < effects.count; i++) {
        const struct effect_row *effect = (const struct effect_row *)effects.rows + i;
        *ret_pending |=
            id_eq(effect->key, key) && id_eq(root_of(effect->id, effect->caused_at_us), root);
    }
    for (uint32_t i = 0; i < timers.count; i++) {
        const struct timer_row *timer = (const struct timer_row *)timers.rows + i;
        struct engine_item item = {.lane = lane->lane,
                                   .timer = {.key = key,
                                             .kind = timer->kind,
                                             .generation = timer->generation,
                                             .due_at_us = timer->due_at_us}};
        TRY(engine_timer_make_item(engine, &item));
        *ret_pending |= id_eq(root_of(item.message.id, timer->due_at_us), root);
    }
    return OK;
}

static bool is_gathering(const struct engine *engine, const struct engine_lane *lane)
{
    bool gathers = false;
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        gathers |= lane->ins[i].row.next_offset < lane->replay.until[i];
    }
    return gathers;
}

/* The messages' own order, where the log says nothing: those that published nothing, as late as they
 * can be. Answers and timers of that sort changed nothing any more: they come last. */
static STATUS choose_silent(struct engine *engine, const struct store_rows *restored,
                            const struct store_rows *parked, const struct restored_row *awaited,
                            struct engine_choice *choice)
{
    const struct parked_message_row *rows = parked->rows;
    for (uint32_t i = 0; i < parked->count; i++) {
        if (is_record(&rows[i]) && !is_witnessed(restored, &rows[i]) &&
            !is_overtaking(restored, rows, i)) {
            choice->parked = &rows[i];
            return OK;
        }
    }
    return op_fail(&engine->op, STATUS_CONFLICT, "engine.restore_stuck",
                   "nothing that waits published " STR_FMT " n=%" PRId64, STR_ARG(awaited->topic),
                   awaited->n);
}

STATUS engine_replay_choose(struct engine *engine, struct engine_lane *lane, struct id key,
                            struct engine_choice *ret_choice)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct parked_message_row like = {.key = key};
    struct store_rows parked;
    struct store_rows restored;
    TRY(store->ops->scan(op, store, &engine_scan_parked_message, &like, 0, MESSAGES_MAX, &parked));
    TRY(store->ops->load_children(op, store, &engine_restored_table, &key, 1, &restored));
    TRY(store->ops->sync(op, store));
    const struct parked_message_row *rows = parked.rows;
    const struct restored_row *awaited = first_of(engine, &restored);
    *ret_choice = (struct engine_choice){.count = parked.count};
    if (!awaited || parked.count == 0) {
        ret_choice->parked = parked.count > 0 ? &rows[0] : NULL;
        return OK;
    }
    for (uint32_t i = 0; i < parked.count; i++) {
        if (id_eq(root_of_parked(&rows[i]), root_of_row(awaited))) {
            ret_choice->parked = &rows[i];
            return OK;
        }
    }
    bool pending = false;
    TRY(is_pending(engine, lane, key, root_of_row(awaited), &pending));
    return pending || is_gathering(engine, lane)
               ? OK
               : choose_silent(engine, &restored, &parked, awaited, ret_choice);
}

/* ---- The lane ---- */

STATUS engine_replay_open(struct engine *engine, struct engine_lane *lane)
{
    struct store *store = engine->ports.store;
    struct lane_restore_row like = {.lane = lane->lane};
    struct store_rows rows;
    TRY(store->ops->scan(&engine->op, store, &engine_scan_lane_restore, &like, 0, TOPIC_COUNT,
                         &rows));
    TRY(store->ops->sync(&engine->op, store));
    lane->replay = (struct engine_replay){.on = rows.count > 0, .due = rows.count > 0};
    for (uint32_t i = 0; i < rows.count; i++) {
        const struct lane_restore_row *row = (const struct lane_restore_row *)rows.rows + i;
        for (uint32_t t = 0; t < engine->service->handler_count; t++) {
            if (str_eq(row->topic, lane->ins[t].row.topic)) {
                lane->replay.until[t] = row->until_offset;
            }
        }
    }
    return OK;
}

/* All is decided again: from here on the lane is like any other. */
static STATUS finish(struct engine *engine, struct engine_lane *lane)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct restored_row like_restored = {.lane = lane->lane};
    struct lane_restore_row like = {.lane = lane->lane};
    struct store_lane_ref ref = {.lane = lane->lane, .epoch = lane->epoch};
    struct store_rows open;
    struct store_rows rows;
    struct store_fence fence;
    TRY(store->ops->begin(op, store, &ref, 1, &fence));
    TRY(store->ops->scan(op, store, &engine_scan_restored_open, &like_restored, 0, 1, &open));
    TRY(store->ops->scan(op, store, &engine_scan_lane_restore, &like, 0, TOPIC_COUNT, &rows));
    TRY(store->ops->sync(op, store));
    if (fence.held_count == 0 || open.count > 0) {
        store->ops->rollback(store);
        return OK; /* lost; or it waits: for an answer, a timer, a person */
    }
    const void *gone[TOPIC_COUNT];
    for (uint32_t i = 0; i < rows.count; i++) {
        gone[i] = (const struct lane_restore_row *)rows.rows + i;
    }
    TRY(store->ops->erase(op, store, &engine_lane_restore_table, gone, rows.count));
    TRY(store->ops->commit(op, store));
    lane->replay = (struct engine_replay){.on = false};
    engine_report(engine, lane->lane, "engine.restored");
    return OK;
}

/* Runs what can be run of one key, message by message. */
static STATUS run_key(struct engine *engine, struct engine_lane *lane, struct id key,
                      bool *ret_left)
{
    *ret_left = true;
    while (*ret_left && engine->arena.used_bytes < STEP_BYTES) {
        struct engine_choice choice;
        TRY(engine_replay_choose(engine, lane, key, &choice));
        if (choice.count > 0 && !choice.parked) {
            return OK;
        }
        TRY(engine_park_one(engine, key, &choice, /* drop */ NULL));
        lane->replay.progressed = true;
        *ret_left = choice.count > 1;
    }
    return OK;
}

static STATUS run_keys(struct engine *engine, struct engine_lane *lane,
                       const struct store_rows *keys)
{
    int64_t until_ms = clock_mono_ms() + STEP_MS;
    const struct parked_key_row *rows = keys->rows;
    for (uint32_t i = lane->replay.skip; i < keys->count; i++) {
        bool left = true;
        struct status st = run_key(engine, lane, rows[i].key, &left);
        if (engine_park_stays(st.kind)) {
            engine->ports.store->ops->rollback(engine->ports.store);
            engine_report(engine, lane->lane, "engine.still_parked");
            TRY(engine_park_give_up(engine, lane, rows[i].key, str_of(engine->op.err.code)));
            left = false;
            st = OK;
        }
        TRY(st);
        lane->replay.skip += left ? 1 : 0;
        if (clock_mono_ms() >= until_ms || engine->arena.used_bytes >= STEP_BYTES) {
            return OK;
        }
    }
    lane->replay.due = lane->replay.progressed; /* another round, until nothing moves */
    lane->replay.progressed = false;
    lane->replay.skip = 0;
    return OK;
}

static STATUS run_lane(struct engine *engine, struct engine_lane *lane)
{
    struct store *store = engine->ports.store;
    struct parked_key_row like = {.lane = lane->lane, .reason = ENGINE_RESTORING};
    struct store_rows keys;
    TRY(store->ops->scan(&engine->op, store, &engine_scan_parked_for, &like, 0, ENGINE_PARKED_MAX,
                         &keys));
    TRY(store->ops->sync(&engine->op, store));
    if (keys.count > 0) {
        return run_keys(engine, lane, &keys);
    }
    lane->replay.due = false;
    return finish(engine, lane);
}

STATUS engine_replay_run(struct engine *engine)
{
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = engine_lane_at(engine, p);
        if (!lane->mine || lane->draining || !lane->replay.due) {
            continue;
        }
        if (is_gathering(engine, lane)) {
            lane->replay.due = false; /* what is read next says when to look again */
            continue;
        }
        TRY(run_lane(engine, lane));
    }
    return OK;
}
