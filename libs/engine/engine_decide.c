/* One item: is it new, must it wait, and then what the service decides. */
#include "base/assert.h"
#include "engine/engine_internal.h"

#define NOT_FOUND UINT32_MAX

/* R4: a message of an intake topic is taken once; the same id with another content is an alarm. */
static STATUS judge_inbox(struct engine *engine, struct engine_batch *batch,
                          struct engine_item *item)
{
    const struct inbox_row *rows = batch->loaded_inbox.rows;
    const struct inbox_row *found = NULL;
    for (uint32_t i = 0; i < batch->loaded_inbox.count && !found; i++) {
        found = id_eq(rows[i].id, item->message.id) ? &rows[i] : NULL;
    }
    uint32_t before = map_get(&batch->seen, item->message.id, NOT_FOUND);
    if (!found && before != NOT_FOUND) {
        found = batch->inbox.rows[before];
    }
    if (found) {
        static const struct hash unread = {.bytes = {0}};

        /* What could not be read when it came first has no content to compare. */
        bool same = (hash_eq(&found->content, &item->message.content) ||
                     hash_eq(&found->content, &unread)) &&
                    id_eq(found->key, item->key);
        if (same || item->fate != ENGINE_FATE_DECIDE) {
            item->fate = ENGINE_FATE_IGNORE;
            atomic_fetch_add_explicit(&engine->stats.duplicates, 1, memory_order_relaxed);
        } else {
            engine_put_aside(item, "engine.same_id_other_content");
        }
        return OK;
    }
    struct inbox_row *row = arena_new(&engine->arena, struct inbox_row, 1);
    if (!row) {
        return op_arena_full(&engine->op);
    }
    *row = (struct inbox_row){.id = item->message.id,
                              .key = item->key,
                              .content = item->message.content,
                              .lane = item->lane,
                              .at_us = engine->op.now_us};
    map_set(&batch->seen, row->id, batch->inbox.count);
    batch->inbox.table = &engine_inbox_table;
    return engine_rows_add(engine, &batch->inbox, row, 0);
}

/* What the message means for the intake row that it closes. */
static enum intake_outcome outcome_of(const struct engine_turn *turn, struct str *ret_code,
                                      struct str *ret_sentence)
{
    const struct engine_item *item = turn->item;
    if (item->kind == ENGINE_ITEM_DROPPED) {
        *ret_code = STR("engine.dropped");
        *ret_sentence = STR("it could not be processed and was dropped by a person");
        return INTAKE_REJECTED;
    }
    if (item->handler->outcome) {
        return item->handler->outcome(&item->message, ret_code, ret_sentence);
    }
    *ret_code = turn->refused_code;
    *ret_sentence = turn->refused_sentence;
    return turn->refused_code.len > 0 ? INTAKE_REJECTED : INTAKE_ACCEPTED;
}

/* The open row of this request, or NULL. */
static struct intake_row *open_intake(struct engine_batch *batch, struct id id)
{
    struct intake_row *rows = batch->loaded_intakes.rows;
    for (uint32_t i = 0; i < batch->loaded_intakes.count && !id_is_none(id); i++) {
        if (id_eq(rows[i].id, id) && rows[i].open) {
            return &rows[i];
        }
    }
    return NULL;
}

static STATUS close_row(struct engine *engine, struct engine_batch *batch, struct intake_row *row,
                        enum intake_outcome outcome)
{
    row->open = false;
    row->outcome = outcome;
    row->closed_at_us = engine->op.now_us;
    batch->intakes.table = &engine_intake_table;
    return engine_rows_add(engine, &batch->intakes, row, 0);
}

static STATUS close_intake(const struct engine_turn *turn, struct id id)
{
    struct intake_row *row = open_intake(turn->batch, id);
    if (!row) {
        return OK;
    }
    struct str code = STR("");
    struct str sentence = STR("");
    enum intake_outcome outcome = outcome_of(turn, &code, &sentence);
    if (outcome == INTAKE_OPEN) {
        return OK;
    }
    row->outcome_code = code;
    row->outcome_sentence = sentence;
    return close_row(turn->engine, turn->batch, row, outcome);
}

/* A request that was decided and is open all the same: a restored database lost its row, and it was asked
 * again. What came of it was told then. */
static STATUS close_lost(const struct engine_turn *turn)
{
    const struct engine_item *item = turn->item;
    struct engine_batch *batch = turn->batch;
    bool own = item->handler && item->handler->closes == ENGINE_CLOSES_MESSAGE;
    struct intake_row *row = own ? open_intake(batch, item->message.id) : NULL;
    if (!row || engine_parked_state(turn->engine, batch, item->lane, item->key) !=
                    ENGINE_PARKED_NOT) { /* it waits there, and is not decided yet */
        return OK;
    }
    row->outcome_code = STR("engine.decided_before");
    row->outcome_sentence = STR("it was decided before; what came of it was told then");
    return close_row(turn->engine, batch, row, INTAKE_REJECTED);
}

static STATUS close_intakes(const struct engine_turn *turn)
{
    struct id ids[ENGINE_ITEM_CLOSES_MAX];
    uint32_t count = turn->closes_later ? 0 : engine_item_closes(turn->item, ids);
    for (uint32_t i = 0; i < count; i++) {
        TRY(close_intake(turn, ids[i]));
    }
    return OK;
}

static struct engine_turn turn_of(struct engine *engine, struct engine_batch *batch,
                                  struct engine_item *item)
{
    struct engine_turn turn = {
        .engine = engine, .batch = batch, .item = item, .cause = item->message.id};
    turn.view = engine_view_get(engine, batch, item);
    switch (item->kind) {
    case ENGINE_ITEM_RECORD:
        turn.caused_at_us = item->record->numbered ? item->record->committed_at_us
                                                   : item->record->broker_at_ms * 1000;
        break;
    case ENGINE_ITEM_ANSWER:
        turn.caused_at_us = item->effect ? item->effect->caused_at_us : 0; /* none: ignored */
        break;
    case ENGINE_ITEM_TIMER: turn.caused_at_us = item->timer.due_at_us; break;
    case ENGINE_ITEM_PARKED:
    case ENGINE_ITEM_DROPPED: turn.caused_at_us = item->parked->committed_at_us; break;
    }
    return turn;
}

/* A key parked as MISSING lets the message that creates its aggregate through. */
static void judge_parked(struct engine *engine, struct engine_batch *batch,
                         struct engine_item *item)
{
    enum engine_parked parked = engine_parked_state(engine, batch, item->lane, item->key);
    if (parked == ENGINE_PARKED_MISSING && item->kind == ENGINE_ITEM_RECORD &&
        item->fate == ENGINE_FATE_DECIDE && item->message.creates) {
        batch->created_missed[item->lane] = true;
        return;
    }
    bool waits = item->fate == ENGINE_FATE_DECIDE || item->fate == ENGINE_FATE_PARK;
    if (parked != ENGINE_PARKED_NOT && waits) {
        item->fate = ENGINE_FATE_BEHIND;
    }
}

static STATUS decide_item(struct engine_turn *turn, struct engine_item *item)
{
    switch (item->kind) {
    case ENGINE_ITEM_RECORD:
    case ENGINE_ITEM_PARKED:
        if (item->effect) {
            return turn->engine->service->answered(turn, item->effect, item->verdict,
                                                   &item->answer);
        }
        if (item->timer.generation > 0) {
            return engine_timer_fire(turn, item);
        }
        TRY(item->handler->decide(turn, &item->message));
        return close_intakes(turn);
    case ENGINE_ITEM_TIMER: return engine_timer_fire(turn, item);
    case ENGINE_ITEM_DROPPED:
        if (item->timer.generation > 0) {
            engine_timer_drop(turn, item);
            return OK;
        }
        TRY(item->handler->dropped ? item->handler->dropped(turn, &item->message) : OK);
        return close_intakes(turn);
    case ENGINE_ITEM_ANSWER:
        return turn->engine->service->answered(turn, item->effect, item->verdict, &item->answer);
    }
    UNREACHABLE("item kind");
}

STATUS engine_decide(struct engine *engine, struct engine_batch *batch, struct engine_item *item)
{
    bool from_outside = item->kind == ENGINE_ITEM_RECORD || item->kind == ENGINE_ITEM_ANSWER ||
                        item->kind == ENGINE_ITEM_TIMER;
    struct engine_turn turn = turn_of(engine, batch, item);
    if (item->kind == ENGINE_ITEM_TIMER) {
        engine_timer_judge(&turn, item);
    }
    if (engine_item_is_intake(item) && item->fate != ENGINE_FATE_IGNORE &&
        !id_is_none(item->message.id)) {
        TRY(judge_inbox(engine, batch, item));
        TRY(item->fate == ENGINE_FATE_IGNORE ? close_lost(&turn) : OK);
    }
    if (from_outside && item->key_known) {
        judge_parked(engine, batch, item);
        engine_replay_judge(&turn, item);
    }
    switch (item->fate) {
    case ENGINE_FATE_IGNORE:
    case ENGINE_FATE_NOT_YET: return OK;
    case ENGINE_FATE_DECIDE:
        atomic_fetch_add_explicit(&engine->stats.decided, 1, memory_order_relaxed);
        TRY(engine_replay_begin(&turn));
        TRY(decide_item(&turn, item));
        return engine_replay_end(&turn);
    case ENGINE_FATE_BEHIND:
    case ENGINE_FATE_PARK:
    case ENGINE_FATE_QUARANTINE: return engine_park_item(&turn, item);
    }
    UNREACHABLE("fate");
}
