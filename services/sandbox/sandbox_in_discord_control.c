/* In: wishes of tests. Out: what the bot did; other limits, closed doors. Never part of a real Discord. */
#include "sandbox/sandbox_in_discord_control.h"

#include "base/defer.h"
#include "base/mutex.h"
#include "sandbox/sandbox.h"
#include "sandbox/sandbox_render.h"

static const char *const bucket_names[SANDBOX_DISCORD_BUCKET_COUNT] = {
    [SANDBOX_DISCORD_BUCKET_CHANNELS] = "channels",
    [SANDBOX_DISCORD_BUCKET_MESSAGES] = "messages",
    [SANDBOX_DISCORD_BUCKET_GLOBAL] = "global",
};

struct status sandbox_in_discord_dms(struct op *op, void *deps, const struct http_request *req,
                                     struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct sandbox_form *form = NULL;
    TRY(sandbox_form_read(op, req->body, &form));
    struct str user_id = sandbox_form_get(form, STR("user_id"));
    struct str closed = sandbox_form_get(form, STR("closed"));
    if (user_id.len == 0 ||
        (closed.len > 0 && !str_eq(closed, STR("true")) && !str_eq(closed, STR("false")))) {
        return op_fail(op, STATUS_INVALID, "sandbox.bad_form", "user_id or closed is not right");
    }
    mutex_lock(&sandbox->lock);
    struct sandbox_discord_person *person =
        sandbox_discord_meet(&sandbox->discord, &sandbox->world.arena, user_id);
    if (person) {
        person->closed = !str_eq(closed, STR("false"));
    }
    mutex_unlock(&sandbox->lock);
    ret->body = STR("{}");
    return person ? OK : op_fail(op, STATUS_LIMIT, "sandbox.full", "too many people");
}

static STATUS read_limit(struct op *op, const struct sandbox_form *form,
                         enum sandbox_discord_bucket *ret_bucket,
                         struct sandbox_discord_limit *ret_limit)
{
    struct str name = sandbox_form_get(form, STR("bucket"));
    int64_t max = 0;
    int64_t window_ms = 1000;
    *ret_bucket = SANDBOX_DISCORD_BUCKET_NONE;
    for (int i = SANDBOX_DISCORD_BUCKET_CHANNELS; i < SANDBOX_DISCORD_BUCKET_COUNT; i++) {
        if (str_eq(name, str_of(bucket_names[i]))) {
            *ret_bucket = (enum sandbox_discord_bucket)i;
        }
    }
    TRY(sandbox_form_number(op, form, STR("max"), SANDBOX_FAULT_COUNT_MAX, &max));
    TRY(sandbox_form_number(op, form, STR("window_ms"), SANDBOX_FAULT_DELAY_MAX_MS, &window_ms));
    if (*ret_bucket == SANDBOX_DISCORD_BUCKET_NONE || window_ms == 0) {
        return op_fail(op, STATUS_INVALID, "sandbox.bad_form", "bucket or window_ms is not right");
    }
    *ret_limit = (struct sandbox_discord_limit){.max = (uint32_t)max, .window_ms = window_ms};
    return OK;
}

struct status sandbox_in_discord_limits(struct op *op, void *deps, const struct http_request *req,
                                        struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct sandbox_form *form = NULL;
    enum sandbox_discord_bucket bucket;
    struct sandbox_discord_limit limit;
    TRY(sandbox_form_read(op, req->body, &form));
    TRY(read_limit(op, form, &bucket, &limit));
    mutex_lock(&sandbox->lock);
    sandbox_discord_set_limit(&sandbox->discord, bucket, limit);
    mutex_unlock(&sandbox->lock);
    ret->body = STR("{}");
    return OK;
}

/* ---- What there is ---- */

static void write_message(struct json_writer *json, const struct sandbox_discord_message *message)
{
    json_write_object(json, /* name */ NULL);
    json_write_str(json, "id", message->id);
    json_write_str(json, "channel_id", message->channel_id);
    json_write_str(json, "user_id", message->user_id);
    json_write_str(json, "content", message->content);
    json_write_str(json, "nonce", message->nonce);
    json_write_bool(json, "mentions_none", message->mentions_none);
    json_write_end(json);
}

static void write_messages(struct json_writer *json, const struct sandbox_discord *discord,
                           struct str user_id)
{
    uint32_t count = 0;
    uint32_t first = discord->messages.count;
    while (first > 0 && count < SANDBOX_DISCORD_LIST_MAX) {
        const struct sandbox_discord_message *message =
            sandbox_shelf_at(&discord->messages, sizeof(*message), --first);
        count += user_id.len == 0 || str_eq(message->user_id, user_id) ? 1 : 0;
    }
    for (uint32_t i = first; i < discord->messages.count; i++) {
        const struct sandbox_discord_message *message =
            sandbox_shelf_at(&discord->messages, sizeof(*message), i);
        if (user_id.len == 0 || str_eq(message->user_id, user_id)) {
            write_message(json, message);
        }
    }
}

struct status sandbox_in_discord_messages(struct op *op, void *deps, const struct http_request *req,
                                          struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct str user_id = STR("");
    (void)http_request_query(req, STR("user_id"), &user_id);
    struct json_writer json;
    json_write_init(&json, op->arena, SANDBOX_BODY_MAX_BYTES);
    json_write_object(&json, /* name */ NULL);
    json_write_array(&json, "messages");
    mutex_lock(&sandbox->lock);
    write_messages(&json, &sandbox->discord, user_id);
    mutex_unlock(&sandbox->lock);
    json_write_end(&json);
    json_write_end(&json);
    return json_write_finish(op, &json, &ret->body);
}

struct status sandbox_in_discord_channels(struct op *op, void *deps, const struct http_request *req,
                                          struct http_response *ret)
{
    (void)req;
    struct sandbox *sandbox = deps;
    const struct sandbox_shelf *people = &sandbox->discord.people;
    struct json_writer json;
    json_write_init(&json, op->arena, SANDBOX_BODY_MAX_BYTES);
    json_write_object(&json, /* name */ NULL);
    json_write_array(&json, "channels");
    mutex_lock(&sandbox->lock);
    for (uint32_t i = 0; i < people->count && i < SANDBOX_DISCORD_LIST_MAX; i++) {
        const struct sandbox_discord_person *person = sandbox_shelf_at(people, sizeof(*person), i);
        json_write_object(&json, /* name */ NULL);
        json_write_str(&json, "id", person->channel_id);
        json_write_str(&json, "user_id", person->user_id);
        json_write_bool(&json, "closed", person->closed);
        json_write_end(&json);
    }
    mutex_unlock(&sandbox->lock);
    json_write_end(&json);
    json_write_end(&json);
    return json_write_finish(op, &json, &ret->body);
}

struct status sandbox_in_discord_counters(struct op *op, void *deps, const struct http_request *req,
                                          struct http_response *ret)
{
    (void)req;
    struct sandbox *sandbox = deps;
    struct json_writer json;
    json_write_init(&json, op->arena, SANDBOX_BODY_MAX_BYTES);
    mutex_lock(&sandbox->lock);
    const struct sandbox_discord *discord = &sandbox->discord;
    json_write_object(&json, /* name */ NULL);
    json_write_i64(&json, "requests", (int64_t)discord->counts.requests);
    json_write_i64(&json, "messages", discord->messages.count);
    json_write_i64(&json, "deduplicated", (int64_t)discord->counts.deduplicated);
    json_write_i64(&json, "rate_limited", (int64_t)discord->counts.rate_limited);
    json_write_i64(&json, "invalid", (int64_t)discord->counts.invalid);
    json_write_end(&json);
    mutex_unlock(&sandbox->lock);
    return json_write_finish(op, &json, &ret->body);
}
