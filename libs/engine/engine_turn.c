/* What a decision sees and makes: the batch's view of rows, and its outputs. Memory only. */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "engine/engine_internal.h"

#define NOT_FOUND UINT32_MAX
#define OUTPUTS_PER_ITEM 4 /* room to begin with: an event or two, a command, a timer */

struct op *engine_op(struct engine_turn *turn)
{
    return &turn->engine->op;
}

const struct engine_message *engine_cause(struct engine_turn *turn)
{
    return &turn->item->message;
}

/* ---- Bounded arrays in the batch's arena ---- */

STATUS engine_rows_add(struct engine *engine, struct engine_rows *rows, const void *row,
                       int64_t old_version)
{
    if (rows->count == rows->capacity) {
        uint32_t capacity = rows->capacity ? rows->capacity * 2 : 64;
        const void **bigger = arena_new(&engine->arena, const void *, capacity);
        int64_t *versions = arena_new(&engine->arena, int64_t, capacity);
        if (!bigger || !versions) {
            return op_arena_full(&engine->op);
        }
        if (rows->count > 0) {
            memcpy(bigger, rows->rows, rows->count * sizeof(*bigger));
            memcpy(versions, rows->old_versions, rows->count * sizeof(*versions));
        }
        rows->rows = bigger;
        rows->old_versions = versions;
        rows->capacity = capacity;
    }
    rows->rows[rows->count] = row;
    rows->old_versions[rows->count] = old_version;
    rows->count++;
    return OK;
}

static STATUS copy_row(struct engine *engine, const struct table *table, const void *row,
                       void **ret_copy)
{
    void *copy = arena_alloc(&engine->arena, 1, table->row_bytes);
    if (!copy) {
        return op_arena_full(&engine->op);
    }
    memcpy(copy, row, table->row_bytes);
    *ret_copy = copy;
    return OK;
}

/* ---- Views ---- */

static struct id id_at(const void *row, const struct table *table, uint16_t column)
{
    struct id id;
    memcpy(&id, (const char *)row + table->columns[column].offset, sizeof(id));
    return id;
}

static int64_t version_of(const void *row, const struct table *table)
{
    if (table->version < 0) {
        return 0;
    }
    int64_t version;
    memcpy(&version, (const char *)row + table->columns[table->version].offset, sizeof(version));
    return version;
}

static struct engine_view *find_view(struct engine_batch *batch, uint32_t aggregate, struct id key)
{
    uint32_t at = map_get(&batch->view_of[aggregate], key, NOT_FOUND);
    return at == NOT_FOUND ? NULL : &batch->views[at];
}

struct engine_view *engine_view_get(const struct engine *engine, struct engine_batch *batch,
                                    const struct engine_item *item)
{
    return find_view(batch, engine_aggregate_of(engine, item), item->key);
}

static STATUS child_add(struct engine *engine, struct engine_children *children,
                        struct engine_child child)
{
    if (children->count == children->capacity) {
        uint32_t capacity = children->capacity ? children->capacity * 2 : 4;
        struct engine_child *items = arena_new(&engine->arena, struct engine_child, capacity);
        void **rows = arena_new(&engine->arena, void *, capacity);
        if (!items || !rows) {
            return op_arena_full(&engine->op);
        }
        if (children->count > 0) {
            memcpy(items, children->items, children->count * sizeof(*items));
            memcpy(rows, children->rows, children->count * sizeof(*rows));
        }
        children->items = items;
        children->rows = rows;
        children->capacity = capacity;
    }
    children->items[children->count] = child;
    children->rows[children->count] = child.row;
    children->count++;
    return OK;
}

static STATUS take_children(struct engine *engine, struct engine_batch *batch, uint32_t aggregate,
                            uint32_t t)
{
    const struct table *table = engine->aggregates[aggregate]->children[t];
    const struct store_rows *loaded = &batch->loaded_children[aggregate][t];
    for (uint32_t i = 0; i < loaded->count; i++) {
        char *row = (char *)loaded->rows + i * table->row_bytes;
        struct engine_view *view =
            find_view(batch, aggregate, id_at(row, table, (uint16_t)table->parent));
        ASSERT(view);
        struct engine_child child = {
            .row = row, .loaded_version = version_of(row, table), .state = ENGINE_ROW_LOADED};
        TRY(child_add(engine, &view->children[t], child));
    }
    return OK;
}

/* Puts the rows that were loaded into the views of their keys. */
STATUS engine_view_init(struct engine *engine, struct engine_batch *batch)
{
    for (uint32_t a = 0; a < engine->aggregate_count; a++) {
        const struct engine_aggregate_kind *kind = engine->aggregates[a];
        for (uint32_t i = 0; i < batch->loaded_views[a].count; i++) {
            char *row = (char *)batch->loaded_views[a].rows + i * kind->table->row_bytes;
            struct engine_view *view = find_view(batch, a, id_at(row, kind->table, 0));
            ASSERT(view);
            view->row = row;
            view->loaded_version = version_of(row, kind->table);
            view->state = ENGINE_ROW_LOADED;
        }
        for (uint32_t t = 0; kind->children[t]; t++) {
            TRY(take_children(engine, batch, a, t));
        }
    }
    return OK;
}

static const struct engine_aggregate_kind *kind_of(const struct engine_turn *turn)
{
    return turn->engine->aggregates[engine_aggregate_of(turn->engine, turn->item)];
}

void *engine_aggregate(struct engine_turn *turn)
{
    return turn->view->state == ENGINE_ROW_ABSENT ? NULL : turn->view->row;
}

void engine_changed(struct engine_turn *turn)
{
    ASSERT(turn->view->state != ENGINE_ROW_ABSENT);
    if (turn->view->state == ENGINE_ROW_LOADED) {
        turn->view->state = ENGINE_ROW_CHANGED;
    }
}

STATUS engine_create(struct engine_turn *turn, const void *row, void **ret_row)
{
    const struct table *table = kind_of(turn)->table;
    ASSERT(table);
    ASSERT(turn->view->state == ENGINE_ROW_ABSENT);
    ASSERT(id_eq(id_at(row, table, 0), turn->view->key));
    TRY(copy_row(turn->engine, table, row, &turn->view->row));
    turn->view->state = ENGINE_ROW_CREATED;
    *ret_row = turn->view->row;
    return OK;
}

struct engine_children *engine_view_children(const struct engine *engine, struct engine_view *view,
                                             const struct table *table)
{
    const struct engine_aggregate_kind *kind = engine->aggregates[view->aggregate];
    for (uint32_t t = 0; kind->children[t]; t++) {
        if (kind->children[t] == table) {
            return &view->children[t];
        }
    }
    UNREACHABLE("not a child table of this kind of aggregate");
}

uint32_t engine_children(struct engine_turn *turn, const struct table *table,
                         void *const **ret_rows)
{
    const struct engine_children *children = engine_view_children(turn->engine, turn->view, table);
    *ret_rows = children->rows;
    return children->count;
}

void engine_child_changed(struct engine_turn *turn, const struct table *table, const void *row)
{
    struct engine_children *children = engine_view_children(turn->engine, turn->view, table);
    for (uint32_t i = 0; i < children->count; i++) {
        if (children->items[i].row == row) {
            if (children->items[i].state == ENGINE_ROW_LOADED) {
                children->items[i].state = ENGINE_ROW_CHANGED;
            }
            return;
        }
    }
    UNREACHABLE("not a row of this aggregate");
}

STATUS engine_child_create(struct engine_turn *turn, const struct table *table, const void *row,
                           void **ret_row)
{
    struct engine_children *children = engine_view_children(turn->engine, turn->view, table);
    ASSERT(id_eq(id_at(row, table, (uint16_t)table->parent), turn->view->key));
    struct engine_child child = {.state = ENGINE_ROW_CREATED};
    TRY(copy_row(turn->engine, table, row, &child.row));
    TRY(child_add(turn->engine, children, child));
    *ret_row = child.row;
    return OK;
}

STATUS engine_append(struct engine_turn *turn, const struct table *table, const void *row)
{
    const struct engine_service *service = turn->engine->service;
    for (uint32_t t = 0; service->appends[t]; t++) {
        if (service->appends[t] == table) {
            void *copy;
            TRY(copy_row(turn->engine, table, row, &copy));
            turn->batch->appends[t].table = table;
            return engine_rows_add(turn->engine, &turn->batch->appends[t], copy, 0);
        }
    }
    UNREACHABLE("not an insert-only table of this service");
}

/* ---- What goes out ---- */

void engine_refuse(struct engine_turn *turn, struct str code, struct str sentence)
{
    ASSERT(turn->item->handler);
    ASSERT(turn->item->handler->closes == ENGINE_CLOSES_MESSAGE);
    ASSERT(code.len > 0);
    turn->refused_code = code;
    turn->refused_sentence = sentence;
}

void engine_close_later(struct engine_turn *turn)
{
    ASSERT(turn->item->handler);
    ASSERT(turn->item->handler->closes == ENGINE_CLOSES_MESSAGE);
    ASSERT(turn->post_count > 0);
    turn->closes_later = true;
}

struct afterwards {
    engine_afterwards_fn *tell;
    const void *about;
};

STATUS engine_afterwards(struct engine_turn *turn, engine_afterwards_fn *tell, const void *about)
{
    struct engine *engine = turn->engine;
    struct afterwards *one = arena_new(&engine->arena, struct afterwards, 1);
    if (!one) {
        return op_arena_full(&engine->op);
    }
    *one = (struct afterwards){.tell = tell, .about = about};
    return engine_rows_add(engine, &turn->batch->afterwards, one, 0);
}

void engine_tell_afterwards(const struct engine *engine, const struct engine_batch *batch)
{
    for (uint32_t i = 0; i < batch->afterwards.count; i++) {
        const struct afterwards *one = batch->afterwards.rows[i];
        one->tell(&engine->op, one->about);
    }
}

struct id engine_next_id(struct engine_turn *turn)
{
    if (turn->ordinal == 0) {
        turn->first_id = id_derive(turn->cause, turn->caused_at_us);
    }
    return id_nth(turn->first_id, turn->ordinal++);
}

static struct engine_out *out_of(struct engine_turn *turn, int32_t lane, enum topic topic)
{
    for (uint32_t i = 0; i < turn->engine->out_count; i++) {
        if (turn->engine->out_topics[i] == topic) {
            return &turn->batch->outs[lane][i];
        }
    }
    UNREACHABLE("not a lane-written topic of this service");
}

static STATUS output_add(struct engine_turn *turn, const struct engine_output *output)
{
    struct engine_batch *batch = turn->batch;
    if (batch->output_count == batch->output_capacity) {
        uint32_t capacity = batch->output_capacity ? batch->output_capacity * 2
                                                   : batch->item_count * OUTPUTS_PER_ITEM;
        struct engine_output *bigger =
            arena_new(&turn->engine->arena, struct engine_output, capacity);
        if (!bigger) {
            return op_arena_full(&turn->engine->op);
        }
        if (batch->output_count > 0) {
            memcpy(bigger, batch->outputs, batch->output_count * sizeof(*bigger));
        }
        batch->outputs = bigger;
        batch->output_capacity = capacity;
    }
    batch->outputs[batch->output_count++] = *output;
    return OK;
}

STATUS engine_emit_raw(struct engine_turn *turn, enum topic topic, struct id id, struct str type,
                       struct id key, struct str payload)
{
    struct op *op = &turn->engine->op;
    int32_t lane = turn->item->lane;
    if (payload.len > BUS_VALUE_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "engine.output_too_large", "%zu bytes of " STR_FMT,
                       payload.len, STR_ARG(type));
    }
    bool told = false;
    TRY(engine_replay_emit(turn, topic, id, payload, &told));
    if (told) {
        return OK;
    }
    struct engine_out *out = out_of(turn, lane, topic);
    /* Commit times follow n, even if the decision is one made again, at a time of its own (R18). */
    int64_t committed_at_us = turn->batch->fence.clock.now_us;
    struct engine_output output = {
        .topic = topic,
        .lane = lane,
        .row = {.lane = lane,
                .topic = topic,
                .n = out->row.next_n,
                .id = id,
                .aggregatetype = out->row.topic,
                .aggregateid = key,
                .type = type,
                .payload = payload,
                .committed_at_us = committed_at_us,
                .causation_id = turn->cause},
    };
    TRY(output_add(turn, &output));
    out->row.next_n++;
    out->dirty = true;
    return OK;
}

STATUS engine_emit(struct engine_turn *turn, enum topic topic, struct id id, struct str type,
                   struct str payload)
{
    /* The record has the key of what is being decided: its partition is this lane. */
    ASSERT(lane_of_key(turn->view->key) == turn->item->lane);
    return engine_emit_raw(turn, topic, id, type, turn->view->key, payload);
}

STATUS engine_effect(struct engine_turn *turn, const struct engine_ask *ask)
{
    struct engine *engine = turn->engine;
    struct engine_batch *batch = turn->batch;
    ASSERT(engine->ports.caller);
    ASSERT(kind_of(turn) == engine->service->effects_of); /* the answer's decision will see it */
    int64_t now_us = batch->fence.clock.now_us; /* a decision made again has its own time (R18) */
    int64_t caused_at_us = ask->caused_at_us > 0 ? ask->caused_at_us : turn->caused_at_us;
    bool fresh = now_us - caused_at_us <= ENGINE_EFFECT_SEND_AGE_US;
    bool send = fresh && batch->slots_left > 0;
    struct engine_new_effect *effect = arena_new(&engine->arena, struct engine_new_effect, 1);
    if (!effect) {
        return op_arena_full(&engine->op);
    }
    *effect = (struct engine_new_effect){
        .row = {.id = ask->id,
                .lane = turn->item->lane,
                .key = turn->view->key,
                .kind = ask->kind,
                .subject = ask->subject,
                .correlation_id = turn->item->message.correlation_id,
                .request = ask->request,
                .state = send ? EFFECT_SENDING : EFFECT_WAITING,
                .attempts = send ? 1 : 0,
                .due_at_us = send ? now_us + ENGINE_EFFECT_WATCH_US : now_us,
                .caused_at_us = caused_at_us,
                .open = true,
                .last_answer = STR("")},
        .send = send,
    };
    if (send) {
        ASSERT(batch->send_count < batch->send_capacity);
        batch->sends[batch->send_count++] = effect;
        batch->slots_left--;
    }
    batch->effects_new.table = &engine_effect_table;
    return engine_rows_add(engine, &batch->effects_new, &effect->row, 0);
}
