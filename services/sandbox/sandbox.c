/* In: what happened. Out: events, kept and queued for sending. Owns the lock's objects and lifetime. */
#include "sandbox/sandbox.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "sandbox/sandbox_out_webhook.h"
#include "sandbox/sandbox_render.h"

static STATUS world_full(struct op *op)
{
    return op_fail(op, STATUS_LIMIT, "sandbox.full", "the world is full");
}

struct status sandbox_open(struct op *op, struct sandbox *sandbox,
                           const struct sandbox_options *options)
{
    *sandbox = (struct sandbox){.options = *options};
    mutex_init(&sandbox->lock);
    cond_init(&sandbox->changed);
    sandbox_world_init(&sandbox->world);
    sandbox_discord_init(&sandbox->discord);
    if (!sandbox_replay_init(&sandbox->replay, &sandbox->world.arena)) {
        return world_full(op);
    }
    ASSERT(options->webhook_senders >= 1 &&
           options->webhook_senders <= SANDBOX_WEBHOOK_SENDERS_MAX);
    for (uint32_t i = 0; i < options->webhook_senders; i++) {
        int failed =
            pthread_create(&sandbox->senders[i], /* attr */ NULL, sandbox_out_webhook_run, sandbox);
        if (failed != 0) {
            return op_fail(op, STATUS_RETRY, "sandbox.thread", "pthread_create: error %d", failed);
        }
        sandbox->sender_count++;
    }
    return OK;
}

void sandbox_stop(struct sandbox *sandbox)
{
    mutex_lock(&sandbox->lock);
    sandbox->stopping = true;
    cond_broadcast(&sandbox->changed);
    mutex_unlock(&sandbox->lock);
}

void sandbox_close(struct sandbox *sandbox)
{
    if (sandbox->sender_count > 0) {
        sandbox_stop(sandbox);
        for (uint32_t i = 0; i < sandbox->sender_count; i++) {
            pthread_join(sandbox->senders[i], /* ret */ NULL);
        }
        cond_fini(&sandbox->changed);
        mutex_fini(&sandbox->lock);
    }
    sandbox_world_fini(&sandbox->world);
    secret_fini(&sandbox->options.api_key);
    secret_fini(&sandbox->options.webhook_secret);
    secret_fini(&sandbox->options.bot_token);
    *sandbox = (struct sandbox){.stopping = true};
}

struct status sandbox_reset(struct op *op, struct sandbox *sandbox)
{
    sandbox_world_fini(&sandbox->world);
    sandbox_world_init(&sandbox->world);
    sandbox_discord_init(&sandbox->discord);
    sandbox->generation++;
    sandbox->faults = (struct sandbox_faults){.count = 0};
    sandbox->outbox = (struct sandbox_outbox){.withhold = false};
    sandbox->counts = (struct sandbox_counts){.requests = 0};
    cond_broadcast(&sandbox->changed);
    return sandbox_replay_init(&sandbox->replay, &sandbox->world.arena) ? OK : world_full(op);
}

void sandbox_wait_until(struct sandbox *sandbox, int64_t until_ms)
{
    uint64_t generation = sandbox->generation;
    while (!sandbox->stopping && sandbox->generation == generation) {
        if (!cond_wait_until(&sandbox->changed, &sandbox->lock, until_ms)) {
            return;
        }
    }
}

/* Whether the endpoint wants this type of event. */
static bool wanted(struct str list, struct str type)
{
    struct str rest = list;
    while (rest.len > 0) {
        struct str item = rest;
        struct str tail = STR("");
        if (!str_cut(rest, ',', &item, &tail)) {
            tail = STR("");
        }
        if (str_eq(str_trim(item), type)) {
            return true;
        }
        rest = tail;
    }
    return list.len == 0;
}

struct status sandbox_happened(struct op *op, struct sandbox *sandbox, const char *type,
                               struct str object, struct str idempotency_key)
{
    struct sandbox_world *world = &sandbox->world;
    int64_t now_s = clock_wall_us() / 1000000;
    struct sandbox_event *event = sandbox_world_new_event(world, str_of(type), now_s);
    if (!event) {
        return world_full(op);
    }
    struct json_writer json;
    json_write_init(&json, op->arena, SANDBOX_BODY_MAX_BYTES);
    json_write_object(&json, /* name */ NULL);
    json_write_str(&json, "id", event->id);
    json_write_str(&json, "object", STR("event"));
    json_write_str(&json, "api_version", STR(SANDBOX_API_VERSION));
    json_write_i64(&json, "created", now_s);
    json_write_object(&json, "data");
    json_write_raw(&json, "object", object);
    json_write_end(&json);
    json_write_bool(&json, "livemode", false);
    json_write_i64(&json, "pending_webhooks", 1);
    json_write_object(&json, "request");
    json_write_null(&json, "id");
    json_write_str(&json, "idempotency_key", idempotency_key);
    json_write_end(&json);
    json_write_str(&json, "type", event->type);
    json_write_end(&json);
    struct str body;
    TRY(json_write_finish(op, &json, &body));
    event->body = str_dup(&world->arena, body);
    if (!event->body.ptr) {
        return world_full(op);
    }
    if (!wanted(sandbox->options.webhook_events, event->type)) {
        return OK;
    }
    if (!sandbox_outbox_add(&sandbox->outbox, &world->arena, world->events.count - 1)) {
        return world_full(op);
    }
    cond_broadcast(&sandbox->changed);
    return OK;
}
