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
#define CALLS_MAX 16      /* the first ids of a decision: calls are among them */
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

static bool is_gathering(const struct engine *engine, const struct engine_lane *lane)
{
    bool gathers = false;
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        gathers |= lane->ins[i].row.next_offset < lane->replay.until[i];
    }
    return gathers;
}

static bool has_witness(const struct engine_turn *turn, struct id key)
{
    const struct store_rows *rows = &turn->batch->loaded_restored;
    bool has = false;
    for (uint32_t i = 0; i < rows->count && !has; i++) {
        has = is_open((const struct restored_row *)rows->rows + i, key);
    }
    return has;
}

/* It was tried and failed. Perhaps what came before it, from another topic, was not read again yet. */
static bool is_early(const struct engine_turn *turn, const struct engine_item *item)
{
    return item->fate == ENGINE_FATE_PARK && engine_item_is_condemned(turn->engine, item) &&
           is_gathering(turn->engine, &turn->engine->lanes[item->lane]);
}

void engine_replay_judge(const struct engine_turn *turn, struct engine_item *item)
{
    bool decides = item->fate == ENGINE_FATE_DECIDE || item->fate == ENGINE_FATE_BEHIND;
    if (is_on(turn) && ((decides && has_witness(turn, item->key)) || is_early(turn, item))) {
        item->fate = ENGINE_FATE_BEHIND;
        item->reason = ENGINE_RESTORING;
        item->missing = false;
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

static bool is_made(const struct engine_turn *turn, struct id effect_id)
{
    const struct engine_rows *made = &turn->batch->effects_new;
    bool found = false;
    for (uint32_t i = 0; i < made->count && !found; i++) {
        found = id_eq(((const struct effect_row *)made->rows[i])->id, effect_id);
    }
    return found;
}

/* A call whose answer published a record had this message as its cause, and was not made now. */
static bool lacks_call(const struct engine_turn *turn, const struct restored_row *row)
{
    struct id first = root_of(turn->cause, turn->caused_at_us);
    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        struct id effect_id = id_nth(first, i);
        if (id_eq(root_of(effect_id, turn->caused_at_us), root_of_row(row))) {
            return !is_made(turn, effect_id);
        }
    }
    return false;
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
        if (!is_open(row, turn->item->key)) {
            continue;
        }
        if (id_eq(root_of_row(row), root) || lacks_call(turn, row)) {
            return op_fail(&engine->op, STATUS_CONFLICT, "engine.restore_differs",
                           "decided again, it does not lead to " STR_FMT " n=%" PRId64,
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
    return !str_eq(message->source, ENGINE_SOURCE_ANSWER) &&
           !str_eq(message->source, ENGINE_SOURCE_TIMER);
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

/* How the message that led to a witness comes, if it is none that is there. */
enum pending {
    PENDING_NOT = 0,
    PENDING_ANSWER,
    PENDING_TIMER,
    PENDING_COUNT,
};

static STATUS find_pending(struct engine *engine, const struct engine_lane *lane, struct id key,
                           struct id root, enum pending *ret_pending)
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
    *ret_pending = PENDING_NOT;
    for (uint32_t i = 0; i < effects.count; i++) {
        const struct effect_row *effect = (const struct effect_row *)effects.rows + i;
        if (id_eq(effect->key, key) && id_eq(root_of(effect->id, effect->caused_at_us), root)) {
            *ret_pending = PENDING_ANSWER;
        }
    }
    for (uint32_t i = 0; i < timers.count; i++) {
        const struct timer_row *timer = (const struct timer_row *)timers.rows + i;
        struct engine_item item = {.lane = lane->lane,
                                   .timer = {.key = key,
                                             .kind = timer->kind,
                                             .generation = timer->generation,
                                             .due_at_us = timer->due_at_us}};
        TRY(engine_timer_make_item(engine, &item));
        if (id_eq(root_of(item.message.id, timer->due_at_us), root)) {
            *ret_pending = PENDING_TIMER;
        }
    }
    return OK;
}

/* Topics of a key's parked messages. */
struct topics {
    struct str names[ENGINE_HANDLERS_MAX];
    uint32_t count;
};

static bool is_among(const struct topics *topics, struct str name)
{
    bool found = false;
    for (uint32_t i = 0; i < topics->count; i++) {
        found |= str_eq(topics->names[i], name);
    }
    return found;
}

static void add_topic(struct topics *topics, struct str name)
{
    if (topics->count < ARRAY_LEN(topics->names) && !is_among(topics, name)) {
        topics->names[topics->count++] = name;
    }
}

/* The messages' own order, where the log says nothing: that of each topic, and between topics by their times,
 * which clocks of several machines told. NULL: each is behind one that has its place in the log, or was
 * tried in vain. */
static const struct parked_message_row *oldest_silent(const struct store_rows *restored,
                                                      const struct store_rows *parked,
                                                      const struct topics *tried)
{
    const struct parked_message_row *rows = parked->rows;
    const struct parked_message_row *oldest = NULL;
    struct topics seen = *tried;
    for (uint32_t i = 0; i < parked->count; i++) {
        if (!is_record(&rows[i]) || is_among(&seen, rows[i].source)) {
            continue;
        }
        add_topic(&seen, rows[i].source);
        if (!is_witnessed(restored, &rows[i]) &&
            (!oldest || rows[i].committed_at_us < oldest->committed_at_us)) {
            oldest = &rows[i];
        }
    }
    return oldest;
}

/* The search for a key's next message. */
struct search {
    struct store_rows parked;
    struct store_rows restored;
    const struct restored_row *awaited; /* the oldest open witness; NULL: none is left */
    bool comes;                         /* its message is there, or will be */
    bool failed;                        /* its message was tried: something was before it */
    struct topics tried;                /* whose silent messages were, in vain */
    struct status first;                /* what the first of all these failed with */
    struct op_err why;
};

static STATUS look(struct engine *engine, struct id key, struct search *search)
{
    struct store *store = engine->ports.store;
    struct op *op = &engine->op;
    struct parked_message_row like = {.key = key};
    TRY(store->ops->scan(op, store, &engine_scan_parked_message, &like, 0, MESSAGES_MAX,
                         &search->parked));
    TRY(store->ops->load_children(op, store, &engine_restored_table, &key, 1, &search->restored));
    TRY(store->ops->sync(op, store));
    search->awaited = first_of(engine, &search->restored);
    return OK;
}

/* The one that led to the oldest open witness; NULL: it is not there, or was tried in vain. */
static const struct parked_message_row *find_awaited(const struct search *search)
{
    const struct parked_message_row *rows = search->parked.rows;
    for (uint32_t i = 0; i < search->parked.count && search->awaited && !search->failed; i++) {
        if (id_eq(root_of_parked(&rows[i]), root_of_row(search->awaited))) {
            return &rows[i];
        }
    }
    return NULL;
}

static STATUS nothing_left(struct engine *engine, const struct search *search,
                           struct engine_choice *choice)
{
    if (status_failed(search->first)) {
        engine->op.err = search->why;
        return search->first;
    }
    if (search->awaited) {
        return op_fail(&engine->op, STATUS_CONFLICT, "engine.restore_stuck",
                       "nothing that waits published " STR_FMT " n=%" PRId64,
                       STR_ARG(search->awaited->topic), search->awaited->n);
    }
    choice->parked = search->parked.rows; /* answers and timers that published nothing: last */
    return OK;
}

/*
 * What published nothing comes before the oldest witness if it was there by then. But not before a timer: one
 * that fires waits for nobody, and what is silent is what came too late for it. Whatever fails came too early:
 * the next best is tried before it. parked NULL: none of them yet.
 */
static STATUS choose(struct engine *engine, struct engine_lane *lane, struct id key,
                     struct search *search, struct engine_choice *ret_choice)
{
    TRY(look(engine, key, search));
    *ret_choice = (struct engine_choice){.count = search->parked.count};
    if (search->parked.count == 0 || is_gathering(engine, lane)) {
        return OK;
    }
    const struct parked_message_row *silent =
        oldest_silent(&search->restored, &search->parked, &search->tried);
    const struct parked_message_row *witnessed = find_awaited(search);
    enum pending pending = PENDING_NOT;
    TRY(search->awaited && !search->failed
            ? find_pending(engine, lane, key, root_of_row(search->awaited), &pending)
            : OK);
    bool fires =
        witnessed ? str_eq(witnessed->source, ENGINE_SOURCE_TIMER) : pending == PENDING_TIMER;
    search->comes = witnessed || pending != PENDING_NOT;
    bool before =
        silent && search->awaited && !fires && silent->committed_at_us <= search->awaited->at_us;
    ret_choice->silent = silent && (before || !search->comes);
    ret_choice->parked = ret_choice->silent ? silent : witnessed;
    return ret_choice->parked || search->comes ? OK : nothing_left(engine, search, ret_choice);
}

/* What was tried came too early, perhaps: another message is tried before it. */
static void pass_over(struct engine *engine, const struct engine_choice *choice, struct status st,
                      struct search *search)
{
    engine->ports.store->ops->rollback(engine->ports.store);
    if (!status_failed(search->first)) {
        search->first = st;
        search->why = engine->op.err;
    }
    if (choice->silent) {
        add_topic(&search->tried, choice->parked->source);
    } else {
        search->failed = true;
        search->tried.count = 0; /* now they need not hold back any more */
    }
}

STATUS engine_replay_one(struct engine *engine, struct engine_lane *lane, struct id key,
                         struct engine_choice *ret_choice)
{
    struct search search = {.failed = false};
    for (;;) {
        TRY(choose(engine, lane, key, &search, ret_choice));
        if (ret_choice->count > 0 && !ret_choice->parked) {
            return OK;
        }
        struct status st = engine_park_one(engine, key, ret_choice, /* drop */ NULL);
        bool ordered = ret_choice->silent || (search.awaited && !search.failed);
        if (!ordered || !engine_park_stays(st.kind)) {
            return st;
        }
        pass_over(engine, ret_choice, st, &search);
    }
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
        TRY(engine_replay_one(engine, lane, key, &choice));
        if (choice.count > 0 && !choice.parked) {
            return OK;
        }
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
            engine_park_tell_stays(engine, lane->lane, rows[i].key);
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
