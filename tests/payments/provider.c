#include "provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/defer.h"

static struct provider *provider_of(struct caller *caller)
{
    return (struct provider *)caller;
}

/* The value of a form parameter that needs no decoding. */
static struct str param(struct str form, const char *name)
{
    struct str rest = form;
    while (rest.len > 0) {
        struct str item = rest;
        struct str tail = {0};
        if (!str_cut(rest, '&', &item, &tail)) {
            tail = (struct str){0};
        }
        struct str key;
        struct str value;
        if (str_cut(item, '=', &key, &value) && str_eq(key, str_of(name))) {
            return value;
        }
        rest = tail;
    }
    return STR("");
}

static struct str format(struct arena *arena, const char *pattern, ...)
    __attribute__((format(printf, 2, 3)));

static struct str format(struct arena *arena, const char *pattern, ...)
{
    char *text = arena_alloc(arena, PROVIDER_TEXT_MAX, 1);
    ASSERT(text);
    va_list arguments;
    va_start(arguments, pattern);
    int len = vsnprintf(text, PROVIDER_TEXT_MAX, pattern, arguments);
    va_end(arguments);
    ASSERT(len > 0);
    ASSERT(len < PROVIDER_TEXT_MAX);
    return (struct str){.ptr = text, .len = (size_t)len};
}

static struct str metadata(struct provider *provider, const struct provider_object *object)
{
    char escrow[ID_TEXT_BYTES];
    char leg[ID_TEXT_BYTES];
    id_format(object->escrow_id, escrow);
    id_format(object->leg_id, leg);
    return format(provider->arena, "\"metadata\":{\"escrow_id\":\"%s\",\"leg_id\":\"%s\"}", escrow,
                  leg);
}

static bool begins(struct str path, const char *prefix)
{
    return str_has_prefix(path, str_of(prefix));
}

/* The intent that a path or a parameter names: "pi_<number of its object>". */
static const struct provider_object *intent_named(const struct provider *provider, struct str ref)
{
    for (uint32_t i = 0; i < provider->object_count; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "pi_%u", i);
        if (str_eq(ref, str_of(name))) {
            return &provider->objects[i];
        }
    }
    return NULL;
}

static void perform(struct provider *provider, struct provider_object *object,
                    const struct effects_request *request)
{
    uint32_t number = provider->object_count;
    object->http_status = 200;
    if (provider->refused_path && begins(object->path, provider->refused_path)) {
        object->http_status = 400;
        object->body = format(provider->arena,
                              "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"%s\"}}",
                              provider->refused_code);
        return;
    }
    struct str cancel = STR("/cancel");
    bool cancels = object->path.len > cancel.len &&
                   str_eq(str_after(object->path, object->path.len - cancel.len), cancel);
    if (cancels) {
        struct str ref = str_after(object->path, STR("/v1/payment_intents/").len);
        ref.len -= cancel.len;
        const struct provider_object *intent = intent_named(provider, ref);
        assert_non_null(intent);
        object->escrow_id = intent->escrow_id;
        object->leg_id = intent->leg_id;
        object->body = format(provider->arena,
                              "{\"id\":\"" STR_FMT "\",\"object\":\"payment_intent\",\"status\":"
                              "\"canceled\"," STR_FMT "}",
                              STR_ARG(ref), STR_ARG(metadata(provider, object)));
        return;
    }
    assert_true(id_parse(param(request->body, "metadata[escrow_id]"), &object->escrow_id));
    assert_true(id_parse(param(request->body, "metadata[leg_id]"), &object->leg_id));
    struct str about = metadata(provider, object);
    struct str amount = param(request->body, "amount");
    if (begins(object->path, "/v1/payment_intents")) {
        object->body =
            format(provider->arena,
                   "{\"id\":\"pi_%u\",\"object\":\"payment_intent\",\"client_secret\":\"pi_%u_"
                   "secret\",\"status\":\"requires_payment_method\"," STR_FMT "}",
                   number, number, STR_ARG(about));
    } else if (begins(object->path, "/v1/transfers")) {
        object->body = format(provider->arena,
                              "{\"id\":\"tr_%u\",\"object\":\"transfer\",\"amount\":" STR_FMT
                              ",\"currency\":\"usd\"," STR_FMT "}",
                              number, STR_ARG(amount), STR_ARG(about));
    } else {
        object->body = format(provider->arena,
                              "{\"id\":\"re_%u\",\"object\":\"refund\",\"status\":\"succeeded\","
                              "\"amount\":" STR_FMT ",\"currency\":\"usd\"," STR_FMT "}",
                              number, STR_ARG(amount), STR_ARG(about));
    }
}

/* The saved answer of the key, made now if it is new. The same key must bring the same bytes. */
static const struct provider_object *serve(struct provider *provider,
                                           const struct caller_call *call)
{
    for (uint32_t i = 0; i < provider->object_count; i++) {
        if (id_eq(provider->objects[i].key, call->effect_id)) {
            assert_true(str_eq(provider->objects[i].request, call->request));
            return &provider->objects[i];
        }
    }
    ASSERT(provider->object_count < PROVIDER_OBJECTS_MAX);
    struct provider_object *object = &provider->objects[provider->object_count];
    *object = (struct provider_object){.key = call->effect_id,
                                       .request = str_dup(provider->arena, call->request)};
    struct op op = {.arena = provider->arena};
    struct effects_request request;
    assert_int_equal(effects_decode(&op, object->request, &request).kind, STATUS_OK);
    assert_true(request.idempotency_key);
    object->path = request.path;
    perform(provider, object, &request);
    provider->object_count++;
    return object;
}

static uint32_t free_slots(struct caller *caller)
{
    return 8 - provider_of(caller)->answer_count;
}

static bool send(struct caller *caller, const struct caller_call *call)
{
    struct provider *provider = provider_of(caller);
    if (provider->answer_count == 8) {
        return false;
    }
    enum provider_fault fault = PROVIDER_ANSWERS;
    if (provider->fault_count > 0) {
        fault = provider->faults[0];
        provider->fault_count--;
        memmove(provider->faults, provider->faults + 1,
                provider->fault_count * sizeof(provider->faults[0]));
    }
    provider->calls++;
    struct caller_answer answer = {
        .thread = call->thread,
        .lane = call->lane,
        .epoch = call->epoch,
        .effect_id = call->effect_id,
        .outcome = CALLER_ANSWERED,
    };
    if (fault == PROVIDER_ANSWERS || fault == PROVIDER_LOSES_REPLY) {
        const struct provider_object *object = serve(provider, call);
        answer.http_status = object->http_status;
        answer.body = object->body;
    }
    if (fault == PROVIDER_LOSES_REPLY || fault == PROVIDER_LOSES_CALL) {
        answer = (struct caller_answer){.thread = call->thread,
                                        .lane = call->lane,
                                        .epoch = call->epoch,
                                        .effect_id = call->effect_id,
                                        .outcome = CALLER_UNKNOWN};
    } else if (fault == PROVIDER_NOT_SENT) {
        answer.outcome = CALLER_NOT_SENT;
    } else if (fault == PROVIDER_SAYS_500) {
        answer.http_status = 500;
        answer.body = STR("{\"error\":{\"type\":\"api_error\"}}");
    } else if (fault == PROVIDER_SAYS_GARBAGE) {
        answer.http_status = 200;
        answer.body = STR("<html>");
    }
    provider->answers[provider->answer_count++] = answer;
    return true;
}

static bool take(struct caller *caller, uint32_t thread, struct caller_answer *ret_answer)
{
    struct provider *provider = provider_of(caller);
    for (uint32_t i = 0; i < provider->answer_count; i++) {
        if (provider->answers[i].thread == thread) {
            *ret_answer = provider->answers[i];
            provider->answer_count--;
            memmove(&provider->answers[i], &provider->answers[i + 1],
                    (provider->answer_count - i) * sizeof(provider->answers[0]));
            return true;
        }
    }
    return false;
}

static void release(struct caller *caller, struct caller_answer *answer)
{
    (void)caller; /* bodies live in the arena */
    (void)answer;
}

static const struct caller_ops provider_ops = {
    .free_slots = free_slots,
    .send = send,
    .take = take,
    .release = release,
};

void provider_init(struct provider *provider, struct arena *arena)
{
    *provider = (struct provider){.caller = {.ops = &provider_ops}, .arena = arena};
}

void provider_hang_up(struct provider *provider)
{
    provider->answer_count = 0;
}

uint32_t provider_done(const struct provider *provider, const char *path)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < provider->object_count; i++) {
        done += begins(provider->objects[i].path, path) && provider->objects[i].http_status == 200
                    ? 1
                    : 0;
    }
    return done;
}

const struct provider_object *provider_find(const struct provider *provider, const char *path,
                                            struct id escrow_id)
{
    for (uint32_t i = 0; i < provider->object_count; i++) {
        if (begins(provider->objects[i].path, path) && provider->objects[i].http_status == 200 &&
            id_eq(provider->objects[i].escrow_id, escrow_id)) {
            return &provider->objects[i];
        }
    }
    return NULL;
}
