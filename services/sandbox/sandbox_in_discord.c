/* In: Discord's requests. Out: its answers, with the buckets they are counted in and the faults that
 * tests asked for. The lock is held but for the time of a delay. */
#include "sandbox/sandbox_in_discord.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "json/json_read.h"
#include "json/json_write.h"
#include "sandbox/sandbox_meet.h"
#include "sandbox/sandbox_render.h"

#define NUMBER_MAX_BYTES 32
#define RETRY_AFTER_MS 1000 /* of a fault that does not say */

/* One request on its way through. */
struct call {
    struct op *op;
    struct sandbox *sandbox;
    const struct http_request *req;
    enum sandbox_discord_bucket bucket;
    enum sandbox_discord_error (*work)(struct call *call, struct json_writer *json);
    const struct json_value *body;
    struct sandbox_discord_asked asked;
    int64_t now_ms;
    struct sandbox_answer answer;
};

/* ---- Work ---- */

static enum sandbox_discord_error open_channel(struct call *call, struct json_writer *json)
{
    struct sandbox *sandbox = call->sandbox;
    struct str user_id;
    struct sandbox_discord_person *person = NULL;
    if (!json_text_at(call->body, "/recipient_id", &user_id)) {
        return SANDBOX_DISCORD_ERROR_INVALID_FORM;
    }
    enum sandbox_discord_error error =
        sandbox_discord_open(&sandbox->discord, &sandbox->world.arena, user_id, &person);
    if (error) {
        return error;
    }
    json_write_object(json, /* name */ NULL);
    json_write_str(json, "id", person->channel_id);
    json_write_i64(json, "type", 1); /* DM */
    json_write_i64(json, "flags", 0);
    json_write_null(json, "last_message_id");
    json_write_array(json, "recipients");
    json_write_object(json, /* name */ NULL);
    json_write_str(json, "id", person->user_id);
    json_write_end(json);
    json_write_end(json);
    json_write_end(json);
    return SANDBOX_DISCORD_ERROR_NONE;
}

/* A nonce is a text or a number; as text it is the same. */
static struct str nonce_of(struct call *call)
{
    struct str nonce = STR("");
    int64_t number = 0;
    if (json_i64_at(call->body, "/nonce", &number)) {
        struct strbuf buf;
        strbuf_init(&buf, call->op->arena, NUMBER_MAX_BYTES);
        strbuf_addf(&buf, "%" PRId64, number);
        return strbuf_finish(&buf, &nonce) ? nonce : STR("");
    }
    return json_text_at(call->body, "/nonce", &nonce) ? nonce : STR("");
}

static enum sandbox_discord_error write_message(struct call *call, struct json_writer *json)
{
    struct sandbox *sandbox = call->sandbox;
    const struct json_value *parse = json_at(call->body, "/allowed_mentions/parse");
    struct sandbox_discord_post post = {.channel_id = http_request_param(call->req, STR("id")),
                                        .content = STR(""),
                                        .nonce = nonce_of(call),
                                        .mentions_none =
                                            parse->kind == JSON_KIND_ARRAY && parse->count == 0 &&
                                            json_at(call->body, "/allowed_mentions")->count == 1};
    bool said = json_text_at(call->body, "/content", &post.content);
    bool asked = json_bool_at(call->body, "/enforce_nonce", &post.enforce_nonce);
    post.content = said ? post.content : STR(""); /* both may be left out */
    post.enforce_nonce = asked && post.enforce_nonce;
    struct sandbox_discord_message *message = NULL;
    enum sandbox_discord_error error = sandbox_discord_write(
        &sandbox->discord, &sandbox->world.arena, &post, call->now_ms, &message);
    if (error) {
        return error;
    }
    json_write_object(json, /* name */ NULL);
    json_write_str(json, "id", message->id);
    json_write_i64(json, "type", 0);
    json_write_str(json, "channel_id", message->channel_id);
    json_write_str(json, "content", message->content);
    json_write_str(json, "nonce", message->nonce);
    json_write_time(json, "timestamp", clock_wall_us());
    json_write_bool(json, "mention_everyone", false);
    json_write_end(json);
    return SANDBOX_DISCORD_ERROR_NONE;
}

/* ---- Answers ---- */

static STATUS answer_error(struct call *call, int32_t http_status, int64_t code, struct str message)
{
    struct json_writer json;
    json_write_init(&json, call->op->arena, SANDBOX_BODY_MAX_BYTES);
    json_write_object(&json, /* name */ NULL);
    json_write_str(&json, "message", message);
    json_write_i64(&json, "code", code);
    json_write_end(&json);
    call->answer.http_status = http_status;
    return json_write_finish(call->op, &json, &call->answer.body);
}

static STATUS answer_row(struct call *call, enum sandbox_discord_error error)
{
    const struct sandbox_discord_error_row *row = &sandbox_discord_errors[error];
    return answer_error(call, row->http_status, row->code, str_of(row->message));
}

/* "1.234": seconds as Discord writes them. */
static struct str seconds(struct op *op, int64_t ms)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, NUMBER_MAX_BYTES);
    strbuf_addf(&buf, "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
    struct str text;
    return strbuf_finish(&buf, &text) ? text : STR("1.000");
}

static STATUS answer_rate_limited(struct call *call)
{
    struct json_writer json;
    json_write_init(&json, call->op->arena, SANDBOX_BODY_MAX_BYTES);
    json_write_object(&json, /* name */ NULL);
    json_write_str(&json, "message", STR("You are being rate limited."));
    json_write_raw(&json, "retry_after", seconds(call->op, call->asked.reset_after_ms));
    json_write_bool(&json, "global", call->asked.global);
    json_write_end(&json);
    call->answer.http_status = 429;
    return json_write_finish(call->op, &json, &call->answer.body);
}

static struct status work_or_error(void *ctx)
{
    struct call *call = ctx;
    struct sandbox_discord_person *person = NULL;
    if (call->bucket == SANDBOX_DISCORD_BUCKET_MESSAGES) {
        person = sandbox_discord_person_of(&call->sandbox->discord,
                                           http_request_param(call->req, STR("id")));
    }
    call->asked = sandbox_discord_ask(&call->sandbox->discord, call->bucket, person, call->now_ms);
    if (!call->asked.allowed) {
        return answer_rate_limited(call);
    }
    if (status_failed(json_read(call->op, call->req->body, &call->body)) ||
        call->body->kind != JSON_KIND_OBJECT) {
        return answer_row(call, SANDBOX_DISCORD_ERROR_BAD_JSON);
    }
    struct json_writer json;
    json_write_init(&json, call->op->arena, SANDBOX_BODY_MAX_BYTES);
    enum sandbox_discord_error error = call->work(call, &json);
    if (error) {
        return answer_row(call, error);
    }
    call->answer.http_status = 200;
    return json_write_finish(call->op, &json, &call->answer.body);
}

static struct status fault_answer(void *ctx, const struct sandbox_fault *fault)
{
    struct call *call = ctx;
    int64_t code = 0;
    if (fault->mode == SANDBOX_FAULT_GARBAGE) {
        call->answer = (struct sandbox_answer){.http_status = 200, .body = STR("<html>oops")};
        return OK;
    }
    if (fault->http_status == 429) {
        call->asked = (struct sandbox_discord_asked){
            .max = 1,
            .global = str_eq(fault->code, STR(SANDBOX_DISCORD_GLOBAL)),
            .reset_after_ms = fault->delay_ms > 0 ? fault->delay_ms : RETRY_AFTER_MS};
        return answer_rate_limited(call);
    }
    if (!str_to_i64(fault->code, &code)) {
        code = 0;
    }
    return answer_error(call, fault->http_status, code, STR("A test asked for this error."));
}

/* ---- Through ---- */

static STATUS number_header(struct op *op, struct http_response *ret, struct str name,
                            int64_t value)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, NUMBER_MAX_BYTES);
    strbuf_addf(&buf, "%" PRId64, value);
    struct str text;
    return strbuf_finish(&buf, &text) ? http_response_header(op, ret, name, text)
                                      : op_arena_full(op);
}

static STATUS limit_headers(struct call *call, struct http_response *ret)
{
    struct op *op = call->op;
    const struct sandbox_discord_asked *asked = &call->asked;
    bool limited = call->answer.http_status == 429;
    if (limited) {
        ret->retry_after_s = (asked->reset_after_ms + 999) / 1000;
        TRY(http_response_header(op, ret, STR("X-RateLimit-Scope"),
                                 asked->global ? STR("global") : STR("user")));
    }
    if (asked->global) {
        return http_response_header(op, ret, STR("X-RateLimit-Global"), STR("true"));
    }
    if (asked->max == 0) {
        return OK;
    }
    TRY(number_header(op, ret, STR("X-RateLimit-Limit"), asked->max));
    TRY(number_header(op, ret, STR("X-RateLimit-Remaining"), asked->remaining));
    TRY(http_response_header(op, ret, STR("X-RateLimit-Reset"),
                             seconds(op, clock_wall_us() / 1000 + asked->reset_after_ms)));
    TRY(http_response_header(op, ret, STR("X-RateLimit-Reset-After"),
                             seconds(op, asked->reset_after_ms)));
    return http_response_header(op, ret, STR("X-RateLimit-Bucket"),
                                call->bucket == SANDBOX_DISCORD_BUCKET_MESSAGES
                                    ? STR("5a5ffbb2b3ae4c6ba6aa9e1a3f3a0f0a")
                                    : STR("1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f"));
}

static bool is_authorized(const struct sandbox *sandbox, const struct http_request *req)
{
    struct str value;
    struct str prefix = STR("Bot ");
    return http_request_header(req, STR("Authorization"), &value) &&
           str_has_prefix(value, prefix) &&
           secret_eq(&sandbox->options.bot_token, str_after(value, prefix.len));
}

/* Discord counts them, and shuts out who has too many. Lock held. */
static void count_answer(struct sandbox_discord_counts *counts, int32_t http_status)
{
    counts->requests++;
    counts->rate_limited += http_status == 429 ? 1 : 0;
    counts->invalid += http_status == 401 || http_status == 403 || http_status == 429 ? 1 : 0;
}

static STATUS run_locked(struct call *call, struct sandbox_fault *ret_fault)
{
    static const struct sandbox_meet meet = {.work = work_or_error, .answer = fault_answer};
    struct sandbox *sandbox = call->sandbox;
    const struct http_request *req = call->req;
    *ret_fault = (struct sandbox_fault){.mode = SANDBOX_FAULT_NONE};
    if (is_authorized(sandbox, req)) {
        *ret_fault =
            sandbox_faults_take(&sandbox->faults, http_method_name(req->method), req->path);
        TRY(sandbox_meet_run(sandbox, ret_fault, &meet, call));
        sandbox_meet_end(sandbox, ret_fault);
    } else {
        TRY(answer_row(call, SANDBOX_DISCORD_ERROR_UNAUTHORIZED));
    }
    count_answer(&sandbox->discord.counts, call->answer.http_status);
    return OK;
}

static STATUS run(struct call *call, struct http_response *ret)
{
    struct sandbox *sandbox = call->sandbox;
    struct sandbox_fault fault;
    call->now_ms = clock_mono_ms();
    mutex_lock(&sandbox->lock);
    struct status st = run_locked(call, &fault);
    mutex_unlock(&sandbox->lock);
    TRY(st);
    if (sandbox_meet_drops(&fault, ret)) {
        return OK;
    }
    ret->status = call->answer.http_status;
    ret->body = call->answer.body;
    return limit_headers(call, ret);
}

struct status sandbox_in_discord_channel(struct op *op, void *deps, const struct http_request *req,
                                         struct http_response *ret)
{
    struct call call = {.op = op,
                        .sandbox = deps,
                        .req = req,
                        .bucket = SANDBOX_DISCORD_BUCKET_CHANNELS,
                        .work = open_channel};
    return run(&call, ret);
}

struct status sandbox_in_discord_message(struct op *op, void *deps, const struct http_request *req,
                                         struct http_response *ret)
{
    struct call call = {.op = op,
                        .sandbox = deps,
                        .req = req,
                        .bucket = SANDBOX_DISCORD_BUCKET_MESSAGES,
                        .work = write_message};
    return run(&call, ret);
}
