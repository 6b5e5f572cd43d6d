/* A call reaches the outside while it is sent; its answer waits in the caller until it is taken. */
#include "sim_caller.h"

#include <string.h>

#include "base/assert.h"
#include "base/clock.h"

/* ---- The outside ---- */

static struct sim_request *find(struct sim_outside *outside, struct id key)
{
    for (uint32_t i = 0; i < outside->request_count; i++) {
        if (id_eq(outside->requests[i].key, key)) {
            return &outside->requests[i];
        }
    }
    return NULL;
}

const struct sim_request *sim_outside_find(const struct sim_outside *outside, struct id key)
{
    for (uint32_t i = 0; i < outside->request_count; i++) {
        if (id_eq(outside->requests[i].key, key)) {
            return &outside->requests[i];
        }
    }
    return NULL;
}

uint32_t sim_outside_carried_out(const struct sim_outside *outside)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < outside->request_count; i++) {
        count += outside->requests[i].carried_out ? 1 : 0;
    }
    return count;
}

static enum sim_reply choose(struct sim_outside *outside)
{
    if (outside->choose) {
        return outside->choose(outside->context);
    }
    return outside->calls < outside->script_count ? outside->script[outside->calls]
                                                  : outside->usual;
}

static struct sim_request *note(struct sim_outside *outside, const struct caller_call *call)
{
    struct sim_request *request = find(outside, call->effect_id);
    if (!request) {
        ASSERT(outside->request_count < SIM_OUTSIDE_KEYS_MAX);
        ASSERT(call->request.len <= SIM_OUTSIDE_REQUEST_MAX_BYTES);
        request = &outside->requests[outside->request_count++];
        *request = (struct sim_request){.key = call->effect_id, .len = call->request.len};
        memcpy(request->bytes, call->request.ptr, call->request.len);
    }
    struct str before = {.ptr = request->bytes, .len = request->len};
    outside->different += str_eq(before, call->request) ? 0 : 1;
    request->attempts++;
    request->last_at_ms = clock_mono_ms();
    return request;
}

static struct sim_call answered(struct sim_call call, int32_t http_status, struct str body)
{
    call.outcome = CALLER_ANSWERED;
    call.http_status = http_status;
    call.body = body;
    return call;
}

/* What became of this key, and no call of its own: "nothing" where it never arrived. */
static struct sim_call looked_up(struct sim_outside *outside, const struct caller_call *asked,
                                 struct sim_call call)
{
    const struct sim_request *request = find(outside, asked->effect_id);
    outside->look_ups++;
    return answered(call, 200, request && request->carried_out ? STR("done") : STR("nothing"));
}

/* The same key gets the same final answer, whatever the script says now: as providers do it. */
static struct sim_call reach(struct sim_outside *outside, const struct caller_call *asked,
                             struct sim_call call)
{
    if (str_has_prefix(asked->request, SIM_LOOK_UP)) {
        return looked_up(outside, asked, call);
    }
    enum sim_reply reply = choose(outside);
    outside->calls++;
    if (reply == SIM_REPLY_NOT_SENT) {
        call.outcome = CALLER_NOT_SENT;
        return call;
    }
    if (reply == SIM_REPLY_HELD) {
        call.outcome = CALLER_HELD;
        call.retry_after_ms = outside->retry_after_ms;
        return call;
    }
    struct sim_request *request = note(outside, asked);
    bool settled = request->carried_out || request->refused;
    bool heard = reply != SIM_REPLY_DONE_UNSAID && reply != SIM_REPLY_LOST;
    if (!settled) {
        request->carried_out = reply == SIM_REPLY_DONE || reply == SIM_REPLY_DONE_UNSAID;
        request->refused = reply == SIM_REPLY_FAILED;
    }
    if (!heard) {
        call.outcome = CALLER_UNKNOWN;
        return call;
    }
    if (request->carried_out) {
        return answered(call, 200, STR("done"));
    }
    if (request->refused) {
        return answered(call, 402, STR("failed"));
    }
    call.retry_after_ms = outside->retry_after_ms;
    return reply == SIM_REPLY_LATER ? answered(call, 429, STR("later"))
                                    : answered(call, 503, STR("what?"));
}

/* ---- The caller ---- */

static struct sim_caller *self_of(struct caller *caller)
{
    return (struct sim_caller *)(void *)caller;
}

static uint32_t free_slots(struct caller *caller)
{
    struct sim_caller *self = self_of(caller);
    uint32_t used = 0;
    for (uint32_t i = 0; i < SIM_CALLER_SLOTS_MAX; i++) {
        used += self->calls[i].used ? 1 : 0;
    }
    return used < self->slots ? self->slots - used : 0;
}

static bool send(struct caller *caller, const struct caller_call *call)
{
    struct sim_caller *self = self_of(caller);
    uint32_t at = 0;
    while (at < SIM_CALLER_SLOTS_MAX && self->calls[at].used) {
        at++;
    }
    if (free_slots(caller) == 0 || at == SIM_CALLER_SLOTS_MAX) {
        return false;
    }
    struct sim_call made = {.used = true,
                            .thread = call->thread,
                            .lane = call->lane,
                            .epoch = call->epoch,
                            .effect_id = call->effect_id,
                            .order = ++self->order};
    if (clock_mono_ms() > call->not_after_ms) {
        self->outside->too_late++;
        made.outcome = CALLER_NOT_SENT;
    } else {
        made = reach(self->outside, call, made);
    }
    self->calls[at] = made;
    return true;
}

static bool take(struct caller *caller, uint32_t thread, struct caller_answer *ret_answer)
{
    struct sim_caller *self = self_of(caller);
    struct sim_call *first = NULL;
    for (uint32_t i = 0; i < SIM_CALLER_SLOTS_MAX; i++) {
        struct sim_call *call = &self->calls[i];
        bool held = self->hold && call->outcome != CALLER_NOT_SENT;
        bool ready = call->used && call->thread == thread && call->order > 0 && !held;
        first = ready && (!first || call->order < first->order) ? call : first;
    }
    if (!first) {
        return false;
    }
    first->order = 0; /* taken: its slot is free again once it is released */
    *ret_answer = (struct caller_answer){.thread = first->thread,
                                         .lane = first->lane,
                                         .epoch = first->epoch,
                                         .effect_id = first->effect_id,
                                         .outcome = first->outcome,
                                         .http_status = first->http_status,
                                         .retry_after_ms = first->retry_after_ms,
                                         .body = first->body,
                                         .handle = first};
    return true;
}

static void release(struct caller *caller, struct caller_answer *answer)
{
    struct sim_call *call = answer->handle;
    (void)caller;
    ASSERT(call->used);
    ASSERT(call->order == 0);
    call->used = false;
}

struct caller *sim_caller_init(struct sim_caller *caller, struct sim_outside *outside,
                               uint32_t slots)
{
    static const struct caller_ops ops = {
        .free_slots = free_slots, .send = send, .take = take, .release = release};

    ASSERT(slots <= SIM_CALLER_SLOTS_MAX);
    *caller = (struct sim_caller){.caller = {.ops = &ops}, .outside = outside, .slots = slots};
    return &caller->caller;
}
