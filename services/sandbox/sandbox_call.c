/* In: a request of the provider's API. Out: its answer, once per idempotency key, with the faults that
 * tests asked for. The lock is held but for the time of a delay. */
#include "sandbox/sandbox_call.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "sandbox/sandbox_meet.h"
#include "sandbox/sandbox_render.h"

static STATUS render_refusal(struct op *op, struct sandbox_refusal refusal,
                             struct sandbox_answer *ret_answer)
{
    struct json_writer json;
    json_write_init(&json, op->arena, SANDBOX_BODY_MAX_BYTES);
    sandbox_render_error(&json, refusal);
    TRY(json_write_finish(op, &json, &ret_answer->body));
    ret_answer->http_status = sandbox_errors[refusal.error].http_status;
    return OK;
}

static STATUS render_error(struct op *op, enum sandbox_error error, struct str about,
                           struct sandbox_answer *ret_answer)
{
    return render_refusal(op, (struct sandbox_refusal){.error = error, .about = about}, ret_answer);
}

static bool is_authorized(const struct sandbox *sandbox, const struct http_request *req)
{
    struct str value;
    struct str prefix = STR("Bearer ");
    return http_request_header(req, STR("Authorization"), &value) &&
           str_has_prefix(value, prefix) &&
           secret_eq(&sandbox->options.api_key, str_after(value, prefix.len));
}

/* The parameters: a POST's body, which must be a form, or a GET's query, decoded already. */
static STATUS read_form(struct sandbox_call *call)
{
    const struct http_request *req = call->req;
    struct str type;
    if (req->method == HTTP_POST) {
        struct str form_type = STR("application/x-www-form-urlencoded");
        if (!http_request_header(req, STR("Content-Type"), &type) ||
            !str_has_prefix(type, form_type)) {
            return op_fail(call->op, STATUS_INVALID, "sandbox.bad_form", "not a form");
        }
        return sandbox_form_parse(call->op, req->body, &call->form);
    }
    call->form.count = 0;
    for (uint32_t i = 0; i < req->query_count; i++) {
        call->form.pairs[call->form.count++] =
            (struct sandbox_pair){.name = req->query[i].name, .value = req->query[i].value};
    }
    return OK;
}

/* What a request asks, whatever the order of its parameters: a sum of hashes does not know order. */
static struct hash asked_of(const struct sandbox_call *call)
{
    struct hash sum = {.bytes = {0}};
    for (uint32_t i = 0; i < call->form.count; i++) {
        struct hash_state pair;
        hash_init(&pair);
        hash_add_str(&pair, call->form.pairs[i].name);
        hash_add_str(&pair, call->form.pairs[i].value);
        struct hash one = hash_done(&pair);
        for (size_t b = 0; b < HASH_BYTES; b++) {
            sum.bytes[b] ^= one.bytes[b];
        }
    }
    struct hash_state all;
    hash_init(&all);
    hash_add_str(&all, http_method_name(call->req->method));
    hash_add_str(&all, call->req->path);
    hash_add(&all, sum.bytes, HASH_BYTES);
    return hash_done(&all);
}

/* The world has changed or not: its answer. Lock held. */
static STATUS work_or_error(void *ctx)
{
    struct sandbox_call *call = ctx;
    struct sandbox_refusal refusal = {.error = SANDBOX_ERROR_NONE};
    call->answer = (struct sandbox_answer){.http_status = 200};
    struct status st = call->work(call, &refusal);
    if (status_failed(st)) {
        refusal = (struct sandbox_refusal){.error = SANDBOX_ERROR_FULL};
    }
    return refusal.error ? render_refusal(call->op, refusal, &call->answer) : OK;
}

static STATUS fault_answer(void *ctx, const struct sandbox_fault *fault)
{
    struct sandbox_call *call = ctx;
    if (fault->mode == SANDBOX_FAULT_GARBAGE) {
        call->answer = (struct sandbox_answer){.http_status = 200, .body = STR("<html>oops")};
        return OK;
    }
    enum sandbox_error error = fault->http_status == 429   ? SANDBOX_ERROR_RATE_LIMIT
                               : fault->http_status >= 500 ? SANDBOX_ERROR_INTERNAL
                                                           : SANDBOX_ERROR_ACCOUNT_INVALID;
    TRY(render_error(call->op, error, fault->code, &call->answer));
    call->answer.http_status = fault->http_status;
    if (fault->code.len > 0 && error != SANDBOX_ERROR_INTERNAL) {
        struct json_writer json;
        json_write_init(&json, call->op->arena, SANDBOX_BODY_MAX_BYTES);
        json_write_object(&json, /* name */ NULL);
        json_write_object(&json, "error");
        json_write_str(&json, "type", STR("invalid_request_error"));
        json_write_str(&json, "code", fault->code);
        json_write_str(&json, "message", STR("A test asked for this error."));
        json_write_end(&json);
        json_write_end(&json);
        TRY(json_write_finish(call->op, &json, &call->answer.body));
    }
    return OK;
}

static const struct sandbox_meet meet = {.work = work_or_error, .answer = fault_answer};

/* 429 and work that never began leave the key free; everything else is kept, a 500 too. */
static bool is_kept(const struct sandbox_call *call, const struct sandbox_fault *fault)
{
    bool never_began =
        fault->mode == SANDBOX_FAULT_DROP_ANSWER && fault->when == SANDBOX_FAULT_BEFORE;
    return !never_began && call->answer.http_status != 429;
}

static STATUS refuse_key(struct sandbox_call *call, enum sandbox_replay_result result)
{
    switch (result) {
    case SANDBOX_REPLAY_DIFFERENT:
        return render_error(call->op, SANDBOX_ERROR_KEY_REUSED, call->key, &call->answer);
    case SANDBOX_REPLAY_RUNNING:
        return render_error(call->op, SANDBOX_ERROR_KEY_IN_USE, call->key, &call->answer);
    case SANDBOX_REPLAY_NONE:
    case SANDBOX_REPLAY_FIRST:
    case SANDBOX_REPLAY_SAME:
    case SANDBOX_REPLAY_FULL:
    case SANDBOX_REPLAY_RESULT_COUNT: break;
    }
    return render_error(call->op, SANDBOX_ERROR_FULL, STR(""), &call->answer);
}

/* Begins, does and keeps what was asked with a key; or finds that it was asked before. Lock held. */
static STATUS run_keyed(struct sandbox_call *call, const struct sandbox_fault *fault,
                        bool *ret_replayed)
{
    struct sandbox *sandbox = call->sandbox;
    struct hash asked = asked_of(call);
    struct sandbox_replay_entry *entry = NULL;
    uint64_t generation = sandbox->generation;
    enum sandbox_replay_result result =
        sandbox_replay_begin(&sandbox->replay, call->key, &asked, &entry);
    if (result == SANDBOX_REPLAY_SAME) {
        call->answer =
            (struct sandbox_answer){.http_status = entry->answer.http_status,
                                    .body = str_dup(call->op->arena, entry->answer.body)};
        sandbox->counts.replayed++;
        *ret_replayed = true;
        return call->answer.body.ptr ? OK : op_arena_full(call->op);
    }
    if (result != SANDBOX_REPLAY_FIRST) {
        return refuse_key(call, result);
    }
    struct status st = sandbox_meet_run(sandbox, fault, &meet, call);
    if (sandbox->generation != generation) {
        return st; /* a reset came in between: the entry is gone */
    }
    if (status_failed(st) || !is_kept(call, fault) ||
        !sandbox_replay_keep(&sandbox->replay, entry, &call->answer)) {
        sandbox_replay_forget(entry);
    }
    return st;
}

static STATUS respond(struct sandbox_call *call, const struct sandbox_fault *fault, bool replayed,
                      struct http_response *ret)
{
    if (sandbox_meet_drops(fault, ret)) {
        return OK;
    }
    ret->status = call->answer.http_status;
    ret->body = call->answer.body;
    return replayed ? http_response_header(call->op, ret, STR("Idempotent-Replayed"), STR("true"))
                    : OK;
}

/* Checks that come before any work, in the provider's order. ret_error NONE: go on. */
static STATUS check_call(struct sandbox_call *call, enum sandbox_error *ret_error)
{
    *ret_error = SANDBOX_ERROR_NONE;
    if (!is_authorized(call->sandbox, call->req)) {
        *ret_error = SANDBOX_ERROR_UNAUTHENTICATED;
    } else if (status_failed(read_form(call))) {
        *ret_error = SANDBOX_ERROR_BAD_FORM;
    } else if (http_request_header(call->req, STR("Idempotency-Key"), &call->key) &&
               (call->key.len == 0 || call->key.len > SANDBOX_KEY_MAX_BYTES)) {
        *ret_error = SANDBOX_ERROR_KEY_TOO_LONG;
    }
    return *ret_error ? render_error(call->op, *ret_error, STR(""), &call->answer) : OK;
}

struct status sandbox_call_run(struct op *op, struct sandbox *sandbox,
                               const struct http_request *req, sandbox_work *work,
                               struct http_response *ret)
{
    struct sandbox_call *call = arena_new(op->arena, struct sandbox_call, 1);
    if (!call) {
        return op_arena_full(op);
    }
    *call = (struct sandbox_call){
        .op = op, .sandbox = sandbox, .req = req, .work = work, .now_s = clock_wall_us() / 1000000};
    struct sandbox_fault fault = {.mode = SANDBOX_FAULT_NONE};
    enum sandbox_error error;
    TRY(check_call(call, &error));
    if (error) {
        return respond(call, &fault, /* replayed */ false, ret);
    }
    bool replayed = false;
    mutex_lock(&sandbox->lock);
    sandbox->counts.requests++;
    fault = sandbox_faults_take(&sandbox->faults, http_method_name(req->method), req->path);
    bool keyed = req->method == HTTP_POST && call->key.len > 0;
    struct status st =
        keyed ? run_keyed(call, &fault, &replayed) : sandbox_meet_run(sandbox, &fault, &meet, call);
    sandbox_meet_end(sandbox, &fault);
    mutex_unlock(&sandbox->lock);
    TRY(st);
    return respond(call, &fault, replayed, ret);
}
