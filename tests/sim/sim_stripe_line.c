/* The caller port: calls go out, meet what they meet, and their answers come back, each in its time. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "sim_stripe_internal.h"

static struct sim_stripe_line *line_of(struct caller *caller)
{
    return (struct sim_stripe_line *)(void *)caller;
}

static enum sim_stripe_fault next_fault(struct sim_stripe *stripe)
{
    if (stripe->script_count > 0) {
        enum sim_stripe_fault fault = stripe->script[0];
        stripe->script_count--;
        memmove(stripe->script, stripe->script + 1, stripe->script_count * sizeof(fault));
        return fault;
    }
    uint64_t draw = random_below(&stripe->random, SIM_STRIPE_CHANCE);
    for (int fault = SIM_STRIPE_ANSWERS + 1; fault < SIM_STRIPE_FAULT_COUNT; fault++) {
        if (draw < stripe->rates.faults[fault]) {
            return (enum sim_stripe_fault)fault;
        }
        draw -= stripe->rates.faults[fault];
    }
    return SIM_STRIPE_ANSWERS;
}

/* ---- There ---- */

static uint32_t free_call(struct sim_stripe *stripe)
{
    for (uint32_t i = 0; i < stripe->call_count; i++) {
        if (!stripe->calls[i].used) {
            return i;
        }
    }
    stripe->calls = sim_stripe_room(stripe->calls, stripe->call_count, &stripe->call_capacity,
                                    sizeof(*stripe->calls));
    return stripe->call_count++;
}

static void plan(struct sim_stripe *stripe, enum stripe_task_kind kind, uint32_t at, int64_t in_us)
{
    stripe->calls[at].tasks++;
    sim_stripe_plan(stripe, (struct stripe_task){
                                .due_us = stripe->clock->mono_us + in_us, .kind = kind, .at = at});
}

/* Nothing arrives, or nobody hears of it: the line is told so when it gives up. */
static int64_t patience(struct sim_stripe *stripe)
{
    return stripe->rates.latency_us > 0 ? sim_stripe_delay(stripe, STRIPE_TIMEOUT_US) : 0;
}

static void set_out(struct sim_stripe *stripe, uint32_t at)
{
    struct stripe_call *call = &stripe->calls[at];
    int64_t there_us = sim_stripe_delay(stripe, stripe->rates.latency_us);
    switch (call->fault) {
    case SIM_STRIPE_NOT_SENT:
    case SIM_STRIPE_CALL_LOST: plan(stripe, STRIPE_TASK_ANSWER, at, patience(stripe)); return;
    case SIM_STRIPE_STRAYS: /* gives up first */
        plan(stripe, STRIPE_TASK_ANSWER, at, patience(stripe));
        plan(stripe, STRIPE_TASK_ARRIVE, at,
             STRIPE_TIMEOUT_US + sim_stripe_delay(stripe, STRIPE_STRAY_US));
        return;
    case SIM_STRIPE_ANSWERS:
    case SIM_STRIPE_REPLY_LOST:
    case SIM_STRIPE_ERROR_500:
    case SIM_STRIPE_SAVED_500:
    case SIM_STRIPE_SAVED_500_DONE:
    case SIM_STRIPE_GARBAGE:
    case SIM_STRIPE_BUSY_409:
    case SIM_STRIPE_LIMITED_429:
    case SIM_STRIPE_STRANGE:
    case SIM_STRIPE_STRANGE_DONE:
    case SIM_STRIPE_REFUSED: plan(stripe, STRIPE_TASK_ARRIVE, at, there_us); return;
    case SIM_STRIPE_FAULT_COUNT: break;
    }
    UNREACHABLE("a call meets something");
}

static uint32_t line_free_slots(struct caller *caller)
{
    const struct sim_stripe_line *line = line_of(caller);
    return line->slots - line->under_way;
}

static bool line_send(struct caller *caller, const struct caller_call *out)
{
    struct sim_stripe_line *line = line_of(caller);
    struct sim_stripe *stripe = line->stripe;
    if (line->under_way == line->slots) {
        return false;
    }
    uint32_t at = free_call(stripe);
    struct stripe_call *call = &stripe->calls[at];
    *call = (struct stripe_call){.used = true,
                                 .line = line,
                                 .sent_us = stripe->clock->wall_us,
                                 .call = *out,
                                 .fault = next_fault(stripe)};
    call->call.request =
        (struct str){.ptr = sim_stripe_copy(out->request), .len = out->request.len};
    if (clock_mono_ms() > out->not_after_ms) {
        call->fault = SIM_STRIPE_NOT_SENT;
    }
    stripe->counts.met[call->fault]++;
    call->answer = (struct caller_answer){
        .thread = out->thread,
        .lane = out->lane,
        .epoch = out->epoch,
        .effect_id = out->effect_id,
        .outcome = call->fault == SIM_STRIPE_NOT_SENT ? CALLER_NOT_SENT : CALLER_UNKNOWN,
    };
    line->under_way++;
    set_out(stripe, at);
    return true;
}

/* ---- Back ---- */

static void forget_if_over(struct stripe_call *call)
{
    if (call->tasks == 0 && !call->line) {
        free((void *)(uintptr_t)call->call.request.ptr);
        free((void *)(uintptr_t)call->answer.body.ptr);
        *call = (struct stripe_call){.used = false};
    }
}

static void set_answer(struct stripe_call *call, int32_t http_status, struct str body)
{
    call->answer.outcome = CALLER_ANSWERED;
    call->answer.http_status = http_status;
    call->answer.body = (struct str){.ptr = sim_stripe_copy(body), .len = body.len};
}

/* Errors with the numbers of refusals, which refuse nothing: of the provider's inside, of its doorman, of a
 * proxy. */
static void answer_strangely(struct sim_stripe *stripe, struct stripe_call *call)
{
    static const struct {
        int32_t http_status;
        const char *body;
    } words[] = {
        {400, "{\"error\":{\"type\":\"api_error\"}}"},
        {402, "{\"error\":{\"type\":\"api_error\",\"code\":\"lock_timeout\"}}"},
        {400, "{\"error\":{\"type\":\"idempotency_error\"}}"},
        {400, "{\"error\":{\"type\":\"rate_limit_error\",\"code\":\"rate_limit\"}}"},
        {404, "{\"error\":{\"type\":\"invalid_request_error\"}}"}, /* of the address */
        {400, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"livemode_mismatch\"}}"},
        {400, "{\"error\":\"bad request\"}"},
        {404, "<html>"},
    };

    uint64_t which = random_below(&stripe->random, ARRAY_LEN(words));
    set_answer(call, words[which].http_status, str_of(words[which].body));
}

/* What the provider does and says, now that the call is there. */
static void serve(struct sim_stripe *stripe, struct stripe_call *call)
{
    switch (call->fault) {
    case SIM_STRIPE_ERROR_500:
        stripe->counts.calls++;
        sim_index_set(&stripe->error_index, call->call.effect_id, 0);
        set_answer(call, 500, STR("{\"error\":{\"type\":\"api_error\"}}"));
        return;
    case SIM_STRIPE_GARBAGE:
        stripe->counts.calls++;
        set_answer(call, 200, STR("<html>"));
        return;
    case SIM_STRIPE_BUSY_409:
        stripe->counts.calls++;
        set_answer(call, 409, STR("{\"error\":{\"type\":\"idempotency_error\"}}"));
        return;
    case SIM_STRIPE_LIMITED_429:
        stripe->counts.calls++;
        set_answer(call, 429, STR("{\"error\":{\"type\":\"rate_limit\"}}"));
        call->answer.retry_after_ms = 1000;
        return;
    case SIM_STRIPE_STRANGE:
        stripe->counts.calls++;
        answer_strangely(stripe, call);
        return;
    case SIM_STRIPE_STRANGE_DONE:
        (void)sim_stripe_serve(stripe, &call->call, call->fault);
        answer_strangely(stripe, call);
        return;
    case SIM_STRIPE_ANSWERS:
    case SIM_STRIPE_SAVED_500:
    case SIM_STRIPE_SAVED_500_DONE:
    case SIM_STRIPE_REFUSED: {
        const struct stripe_key *key = sim_stripe_serve(stripe, &call->call, call->fault);
        set_answer(call, key->http_status, str_of(key->body));
        return;
    }
    case SIM_STRIPE_REPLY_LOST:
    case SIM_STRIPE_STRAYS: (void)sim_stripe_serve(stripe, &call->call, call->fault); return;
    case SIM_STRIPE_NOT_SENT:
    case SIM_STRIPE_CALL_LOST:
    case SIM_STRIPE_FAULT_COUNT: break;
    }
    UNREACHABLE("a call that arrived");
}

void sim_stripe_arrive(struct sim_stripe *stripe, uint32_t at)
{
    struct stripe_call *call = &stripe->calls[at];
    call->tasks--;
    stripe->sent_us = call->sent_us;
    serve(stripe, call);
    if (call->fault != SIM_STRIPE_STRAYS) {
        bool lost = call->fault == SIM_STRIPE_REPLY_LOST;
        plan(stripe, STRIPE_TASK_ANSWER, at,
             lost ? patience(stripe) : sim_stripe_delay(stripe, stripe->rates.latency_us));
    }
    forget_if_over(call);
}

void sim_stripe_answer(struct sim_stripe *stripe, uint32_t at)
{
    struct stripe_call *call = &stripe->calls[at];
    call->tasks--;
    call->answered = true;
    forget_if_over(call);
}

static bool line_take(struct caller *caller, uint32_t thread, struct caller_answer *ret_answer)
{
    struct sim_stripe_line *line = line_of(caller);
    struct sim_stripe *stripe = line->stripe;
    for (uint32_t i = 0; line->under_way > 0 && i < stripe->call_count; i++) {
        struct stripe_call *call = &stripe->calls[i];
        if (call->line == line && call->answered && call->answer.thread == thread) {
            *ret_answer = call->answer;
            ret_answer->handle = (void *)(uintptr_t)call->answer.body.ptr;
            call->answer.body = (struct str){.ptr = NULL};
            call->line = NULL;
            line->under_way--;
            forget_if_over(call);
            return true;
        }
    }
    return false;
}

static void line_release(struct caller *caller, struct caller_answer *answer)
{
    (void)caller;
    free(answer->handle);
    answer->handle = NULL;
}

static const struct caller_ops line_ops = {
    .free_slots = line_free_slots,
    .send = line_send,
    .take = line_take,
    .release = line_release,
};

struct caller *sim_stripe_line_init(struct sim_stripe_line *line, struct sim_stripe *stripe,
                                    uint32_t slots)
{
    ASSERT(slots > 0);
    *line =
        (struct sim_stripe_line){.caller = {.ops = &line_ops}, .stripe = stripe, .slots = slots};
    return &line->caller;
}

void sim_stripe_hang_up(struct sim_stripe_line *line)
{
    struct sim_stripe *stripe = line->stripe;
    for (uint32_t i = 0; i < stripe->call_count; i++) {
        struct stripe_call *call = &stripe->calls[i];
        if (call->line == line) {
            call->line = NULL;
            forget_if_over(call);
        }
    }
    line->under_way = 0;
}
