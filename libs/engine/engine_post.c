/*
 * From one aggregate to another of the same service: a row of `intake` in the deciding transaction,
 * published after its commit by who decided it, or else by the sweep of its target's lane.
 */
#include "base/assert.h"
#include "base/crash.h"
#include "base/lane.h"
#include "engine/engine_internal.h"
#include "engine/intake.h"

/* One of the service's own intake topics, by whose decisions its rows are closed: no other would do. */
static bool is_internal(const struct engine *engine, enum topic topic)
{
    bool written = false;
    for (uint32_t i = 0; i < engine->intake_count; i++) {
        written |= engine->intake_topics[i] == topic;
    }
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        const struct engine_handler *handler = &engine->service->handlers[i];
        if (handler->topic == topic) {
            return written && handler->closes == ENGINE_CLOSES_MESSAGE;
        }
    }
    return false;
}

struct intake_row intake_row_of(enum topic topic, struct id id, struct str type, struct id key,
                                struct str payload)
{
    return (struct intake_row){
        .id = id,
        .lane = lane_of_key(key),
        .topic = str_of(topology_topics[topic].name),
        .key = key,
        .type = type,
        .payload = payload,
        .content = hash_of(payload), /* made once: nothing is ever compared with it */
        .open = true,
        .outcome_code = STR(""),
        .outcome_sentence = STR(""),
    };
}

STATUS engine_post(struct engine_turn *turn, enum topic topic, struct id id, struct str type,
                   struct id key, struct str payload)
{
    struct engine *engine = turn->engine;
    struct op *op = &engine->op;
    ASSERT(is_internal(engine, topic));
    ASSERT(!id_is_none(key));
    if (payload.len > BUS_VALUE_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "engine.output_too_large", "%zu bytes of " STR_FMT,
                       payload.len, STR_ARG(type));
    }
    if (turn->post_count == ENGINE_POSTS_MAX) {
        return op_fail(op, STATUS_LIMIT, "engine.too_many_posts", "over %d of one decision",
                       ENGINE_POSTS_MAX);
    }
    struct intake_row *row = arena_new(&engine->arena, struct intake_row, 1);
    if (!row) {
        return op_arena_full(op);
    }
    *row = intake_row_of(topic, id, type, key, payload);
    row->created_at_us = op->now_us;
    /* Like every intake's, by the clock that nobody sets on: the sweep goes by it. */
    row->due_at_us = op->now_us - engine->sandbox_us + INTAKE_REPUBLISH_AFTER_US;
    turn->post_count++;
    return engine_rows_add(engine, &turn->batch->posts, row, 0);
}

static enum topic topic_of(const struct engine *engine, struct str name)
{
    for (uint32_t i = 0; i < engine->intake_count; i++) {
        if (str_eq(name, str_of(topology_topics[engine->intake_topics[i]].name))) {
            return engine->intake_topics[i];
        }
    }
    return TOPIC_NONE;
}

bool engine_post_publish(struct engine *engine, const struct intake_row *row)
{
    enum topic topic = topic_of(engine, row->topic);
    if (topic == TOPIC_NONE) {
        engine_report(engine, row->lane, "engine.intake_topic_unknown");
        return false;
    }
    char key[ID_TEXT_BYTES];
    id_format(row->key, key);
    struct bus_message message = {
        .topic = topic,
        .partition = row->lane,
        .message_id = row->id,
        .type = row->type,
        .key = {.ptr = key, .len = ID_TEXT_BYTES - 1},
        .value = row->payload,
    };
    if (status_failed(engine->ports.bus->ops->produce(&engine->op, engine->ports.bus, &message))) {
        return false; /* the row stays open: it is published when it is due */
    }
    engine->intakes_produced++;
    return true;
}

void engine_post_batch(struct engine *engine, const struct engine_batch *batch)
{
    for (uint32_t i = 0; i < batch->posts.count; i++) {
        CRASH_POINT("engine-before-post");
        if (engine_post_publish(engine, batch->posts.rows[i])) {
            atomic_fetch_add_explicit(&engine->stats.posted, 1, memory_order_relaxed);
        }
    }
}
