/* The caller over libs/httpc. An engine thread sends (reserve, build, start) and takes answers from
 * its own queue; the loop's thread puts them there and wakes it. Nobody waits for anybody: the lock
 * guards list operations only. Queues need no bound of their own: an answer keeps its slot. */
#include "effects/effects.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutex.h"

#define EFFECTS_ARENA_BYTES (1024 * 1024)
#define URL_MAX_BYTES (EFFECTS_PATH_MAX_BYTES + 256)

/* What goes with a slot from send to release. */
struct effects_item {
    struct effects *effects;
    struct effects_item *next;
    struct httpc_call *http;
    uint64_t bucket; /* with options.limit */
    bool again;
    struct caller_answer answer;
};

struct effects_queue {
    struct effects_item *first;
    struct effects_item *last;
    void (*wake)(void *ctx);
    void *wake_ctx;
};

struct effects {
    struct caller caller; /* first: the engine holds a pointer to it */
    struct arena arena;   /* this struct lives in it */
    struct effects_options options;
    struct httpc *httpc;
    struct effects_item *items;
    pthread_mutex_t lock;
    struct effects_item *free; /* under lock, as are the queues */
    struct effects_queue queues[EFFECTS_THREADS_MAX];
    struct effects_limit limit;     /* under lock */
    struct effects_breaker breaker; /* under lock */
    _Atomic uint64_t bad_requests, limited, held, broken;
};

static struct effects *effects_of(struct caller *caller)
{
    return (struct effects *)caller; /* its first member */
}

/* ---- Answers ---- */

static enum caller_outcome outcome_of(enum httpc_outcome outcome)
{
    switch (outcome) {
    case HTTPC_NOT_SENT: return CALLER_NOT_SENT;
    case HTTPC_ANSWERED: return CALLER_ANSWERED;
    case HTTPC_UNKNOWN: return CALLER_UNKNOWN;
    case HTTPC_OUTCOME_COUNT: break;
    }
    UNREACHABLE("outcome");
}

static void enqueue(struct effects_item *item)
{
    struct effects *effects = item->effects;
    struct effects_queue *queue = &effects->queues[item->answer.thread];
    item->next = NULL;
    mutex_lock(&effects->lock);
    if (queue->last == NULL) {
        queue->first = item;
    } else {
        queue->last->next = item;
    }
    queue->last = item;
    mutex_unlock(&effects->lock);
    if (queue->wake != NULL) { /* set before the first send, constant since */
        queue->wake(queue->wake_ctx);
    }
}

/* Before the engine hears of it: what it sends next must meet what this answer said. */
static void learn(struct effects_item *item, const struct httpc_answer *answer)
{
    struct effects *effects = item->effects;
    mutex_lock(&effects->lock);
    if (effects->options.limit != NULL) {
        effects_limit_told(&effects->limit, item->bucket, answer, clock_mono_ms());
    }
    if (effects->options.breaker) {
        effects_breaker_heard(&effects->breaker, answer, item->again, clock_mono_ms());
    }
    mutex_unlock(&effects->lock);
    atomic_fetch_add(&effects->limited, answer->status == 429 ? 1 : 0);
    if (effects->options.seen != NULL) {
        effects->options.seen(effects->options.seen_ctx, answer);
    }
}

static void on_done(void *ctx, struct httpc_call *call, const struct httpc_answer *answer)
{
    struct effects_item *item = ctx;
    ASSERT(item->http == call);
    _Static_assert(CALLER_BODY_MAX_BYTES == HTTPC_ANSWER_MAX_BYTES, "an answer fits");
    item->answer.outcome = outcome_of(answer->outcome);
    item->answer.http_status = answer->status;
    item->answer.retry_after_ms = answer->retry_after_ms;
    item->answer.body = answer->body;
    learn(item, answer);
    enqueue(item);
}

/* ---- Sending ---- */

static struct str method_name(enum effects_method method)
{
    switch (method) {
    case EFFECTS_GET: return STR("GET");
    case EFFECTS_POST: return STR("POST");
    case EFFECTS_PUT: return STR("PUT");
    case EFFECTS_PATCH: return STR("PATCH");
    case EFFECTS_DELETE: return STR("DELETE");
    case EFFECTS_METHOD_NONE:
    case EFFECTS_METHOD_COUNT: break;
    }
    UNREACHABLE("method"); /* decode lets no other one pass */
}

static STATUS build(struct op *op, struct effects *effects, const struct caller_call *call,
                    const struct effects_request *request, struct httpc_request *ret_request)
{
    struct strbuf url;
    strbuf_init(&url, op->arena, URL_MAX_BYTES);
    strbuf_add(&url, effects->options.base_url);
    strbuf_add(&url, request->path);
    *ret_request = (struct httpc_request){.method = method_name(request->method),
                                          .body = request->body,
                                          .connect_ms = effects->options.connect_ms,
                                          .total_ms = effects->options.total_ms,
                                          .not_after_ms = call->not_after_ms};
    if (!strbuf_finish(&url, &ret_request->url)) {
        return op_arena_full(op);
    }
    if (request->content_type.len > 0) {
        TRY(httpc_request_header(op, ret_request, STR("Content-Type"), request->content_type));
    }
    if (request->idempotency_key) {
        struct str key = id_to_str(op->arena, call->effect_id);
        if (key.ptr == NULL) {
            return op_arena_full(op);
        }
        TRY(httpc_request_header(op, ret_request, STR("Idempotency-Key"), key));
    }
    if (effects->options.build != NULL) {
        TRY(effects->options.build(op, effects->options.deps, request, call->effect_id,
                                   ret_request));
    }
    return OK;
}

static struct effects_item *reserve(struct effects *effects)
{
    struct httpc_call *http = httpc_reserve(effects->httpc);
    if (http == NULL) {
        return NULL;
    }
    mutex_lock(&effects->lock);
    struct effects_item *item = effects->free;
    ASSERT(item != NULL); /* as many as slots */
    effects->free = item->next;
    mutex_unlock(&effects->lock);
    item->http = http;
    return item;
}

static int64_t ask_limit(struct effects *effects, const struct effects_request *request,
                         struct effects_item *item)
{
    if (effects->options.limit == NULL) {
        return 0;
    }
    item->bucket = effects_limit_bucket(method_name(request->method), request->path);
    mutex_lock(&effects->lock);
    int64_t wait_ms = effects_limit_ask(&effects->limit, item->bucket, clock_mono_ms());
    mutex_unlock(&effects->lock);
    atomic_fetch_add(&effects->held, wait_ms > 0 ? 1 : 0);
    return wait_ms;
}

static int64_t ask_breaker(struct effects *effects, bool again)
{
    if (!effects->options.breaker) {
        return 0;
    }
    mutex_lock(&effects->lock);
    int64_t wait_ms = effects_breaker_ask(&effects->breaker, again, clock_mono_ms());
    mutex_unlock(&effects->lock);
    atomic_fetch_add(&effects->broken, wait_ms > 0 ? 1 : 0);
    return wait_ms;
}

/* True when the call may go; false: the item says how long not. */
static bool may_go(struct effects *effects, const struct caller_call *call,
                   const struct effects_request *request, struct effects_item *item)
{
    int64_t wait_ms =
        effects->options.held ? effects->options.held(effects->options.held_ctx, request) : 0;
    wait_ms = wait_ms > 0 ? wait_ms : ask_breaker(effects, call->again);
    wait_ms = wait_ms > 0 ? wait_ms : ask_limit(effects, request, item);
    if (wait_ms == 0) {
        return true;
    }
    item->answer.outcome = CALLER_HELD;
    item->answer.retry_after_ms = wait_ms;
    return false;
}

static bool effects_send(struct caller *caller, const struct caller_call *call)
{
    struct effects *effects = effects_of(caller);
    ASSERT(call->thread < EFFECTS_THREADS_MAX);
    struct effects_item *item = reserve(effects);
    if (item == NULL) {
        return false;
    }
    item->answer = (struct caller_answer){.thread = call->thread,
                                          .lane = call->lane,
                                          .epoch = call->epoch,
                                          .effect_id = call->effect_id,
                                          .outcome = CALLER_NOT_SENT,
                                          .body = STR(""),
                                          .handle = item};
    item->again = call->again;
    struct op op = {.arena = httpc_arena(item->http)};
    struct effects_request frozen;
    struct httpc_request request;
    struct status st = effects_decode(&op, call->request, &frozen);
    if (!status_failed(st)) {
        st = build(&op, effects, call, &frozen, &request);
    }
    if (status_failed(st)) { /* answered at once: the engine sees an attempt that did not go out */
        atomic_fetch_add(&effects->bad_requests, 1);
        enqueue(item);
    } else if (!may_go(effects, call, &frozen, item)) {
        enqueue(item);
    } else {
        httpc_start(item->http, &request, on_done, item);
    }
    return true;
}

/* None while a limit lets nothing go: what would come back at once is not even taken up. */
static uint32_t effects_free_slots(struct caller *caller)
{
    struct effects *effects = effects_of(caller);
    uint32_t room = httpc_free_slots(effects->httpc);
    int64_t now_ms = clock_mono_ms();
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&effects->lock);
    if (effects->options.limit != NULL) {
        uint32_t limit = effects_limit_room(&effects->limit, now_ms);
        room = limit < room ? limit : room;
    }
    if (effects->options.breaker) {
        uint32_t breaker = effects_breaker_room(&effects->breaker, now_ms);
        room = breaker < room ? breaker : room;
    }
    return room;
}

static bool effects_take(struct caller *caller, uint32_t thread, struct caller_answer *ret_answer)
{
    struct effects *effects = effects_of(caller);
    ASSERT(thread < EFFECTS_THREADS_MAX);
    struct effects_queue *queue = &effects->queues[thread];
    mutex_lock(&effects->lock);
    struct effects_item *item = queue->first;
    if (item != NULL) {
        queue->first = item->next;
        if (queue->first == NULL) {
            queue->last = NULL;
        }
    }
    mutex_unlock(&effects->lock);
    if (item == NULL) {
        return false;
    }
    *ret_answer = item->answer;
    return true;
}

static void effects_release(struct caller *caller, struct caller_answer *answer)
{
    struct effects *effects = effects_of(caller);
    struct effects_item *item = answer->handle;
    ASSERT(item != NULL);
    ASSERT(item->effects == effects);
    struct httpc_call *http = item->http;
    item->http = NULL;
    mutex_lock(&effects->lock);
    item->next = effects->free;
    effects->free = item;
    mutex_unlock(&effects->lock);
    httpc_release(http); /* after the item: whoever gets the slot finds one */
    *answer = (struct caller_answer){.handle = NULL};
}

static const struct caller_ops effects_ops = {
    .free_slots = effects_free_slots,
    .send = effects_send,
    .take = effects_take,
    .release = effects_release,
};

/* ---- What the outside sees ---- */

struct effects_counts effects_counts(struct caller *caller)
{
    struct effects *effects = effects_of(caller);
    struct effects_counts counts = {.slots_in_use =
                                        effects->options.slots - httpc_free_slots(effects->httpc),
                                    .bad_requests = atomic_load(&effects->bad_requests),
                                    .limited = atomic_load(&effects->limited),
                                    .held = atomic_load(&effects->held)};
    if (effects->options.limit) {
        DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&effects->lock);
        counts.refused = effects_limit_refused(&effects->limit, clock_mono_ms());
    }
    return counts;
}

struct effects_breaker_counts effects_breaker_counts(struct caller *caller)
{
    struct effects *effects = effects_of(caller);
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&effects->lock);
    return (struct effects_breaker_counts){.state = effects->breaker.state,
                                           .opened = effects->breaker.opened,
                                           .held = atomic_load(&effects->broken)};
}

static void collect_breaker(struct metrics_page *page, struct effects *effects)
{
    const struct effects_breaker_counts counts = effects_breaker_counts(&effects->caller);
    metrics_page_one(
        page, METRICS_GAUGE, "holdfast_effects_breaker",
        "0: calls go to the other side; 1: it answers again, they go one by one; 2: it "
        "is away, they wait.",
        (int64_t)counts.state);
    metrics_page_one(page, METRICS_COUNTER, "holdfast_effects_breaker_opened_total",
                     "How often the other side went away.", (int64_t)counts.opened);
    metrics_page_one(
        page, METRICS_COUNTER, "holdfast_effects_breaker_held_total",
        "Calls that were held back: the other side is away, or too much is asked again.",
        (int64_t)counts.held);
}

static void collect(struct metrics_page *page, void *ctx)
{
    struct effects *effects = ctx;
    const struct effects_counts counts = effects_counts(&effects->caller);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_effects_slots",
                     "Calls to the outside that may be under way at once.", effects->options.slots);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_effects_slots_in_use",
                     "Calls that are, answers that no lane has taken yet included.",
                     counts.slots_in_use);
    metrics_page_one(page, METRICS_COUNTER, "holdfast_effects_bad_requests_total",
                     "Calls that could not be sent as they were written down: a defect of ours.",
                     (int64_t)counts.bad_requests);
    if (effects->options.breaker) {
        collect_breaker(page, effects);
    }
    if (!effects->options.limit) {
        return;
    }
    metrics_page_one(page, METRICS_COUNTER, "holdfast_effects_rate_limited_total",
                     "Calls that the other side answered with 429.", (int64_t)counts.limited);
    metrics_page_one(page, METRICS_COUNTER, "holdfast_effects_held_total",
                     "Calls that were held back, so that the other side need not refuse them.",
                     (int64_t)counts.held);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_effects_refusals",
                     "Calls refused in the last ten minutes; at DISCORD_REFUSED_MAX none is made.",
                     counts.refused);
}

/* ---- Opening and closing ---- */

static bool is_base_url(struct str url, bool allow_http)
{
    struct str https = STR("https://");
    struct str http = STR("http://");
    struct str rest;
    if (str_has_prefix(url, https)) {
        rest = str_after(url, https.len);
    } else if (allow_http && str_has_prefix(url, http)) {
        rest = str_after(url, http.len);
    } else {
        return false;
    }
    if (rest.len == 0 || url.len > URL_MAX_BYTES - EFFECTS_PATH_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < rest.len; i++) {
        char c = rest.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '@' || c == '?' || c == '#') {
            return false;
        }
    }
    return rest.ptr[rest.len - 1] != '/';
}

static STATUS open_effects(struct op *op, struct effects *effects)
{
    const struct effects_options *options = &effects->options;
    if (!is_base_url(options->base_url, options->allow_http)) {
        return op_fail(op, STATUS_INVALID, "effects.options", "base url of %zu bytes",
                       options->base_url.len);
    }
    effects->options.base_url = str_dup(&effects->arena, options->base_url);
    effects->items = arena_new(&effects->arena, struct effects_item, options->slots);
    if (effects->options.base_url.ptr == NULL || effects->items == NULL) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < options->slots; i++) {
        effects->items[i].effects = effects;
        effects->items[i].next = effects->free;
        effects->free = &effects->items[i];
    }
    if (options->limit != NULL) {
        effects_limit_init(&effects->limit, options->limit);
        effects->options.limit = &effects->limit.options;
    }
    struct id seed = id_random();
    uint64_t number;
    memcpy(&number, seed.bytes + sizeof(seed.bytes) - sizeof(number), sizeof(number));
    effects_breaker_init(&effects->breaker, number, clock_mono_ms());
    struct httpc_options http = {
        .slots = options->slots, .allow_http = options->allow_http, .ca_file = options->ca_file};
    return httpc_open(op, &http, &effects->httpc);
}

STATUS effects_open(struct op *op, const struct effects_options *options,
                    struct caller **ret_caller)
{
    struct arena arena;
    arena_init(&arena, EFFECTS_ARENA_BYTES);
    struct effects *effects = arena_new(&arena, struct effects, 1);
    if (effects == NULL) {
        arena_fini(&arena);
        return op_arena_full(op);
    }
    effects->arena = arena;
    effects->caller.ops = &effects_ops;
    effects->options = *options;
    mutex_init(&effects->lock);
    DEFER(effects_free_at) struct caller *caller = &effects->caller;
    TRY(open_effects(op, effects));
    metrics_collector(options->metrics, collect, effects);
    *ret_caller = TAKE(caller);
    return OK;
}

void effects_set_wake(struct caller *caller, uint32_t thread, void (*wake)(void *ctx), void *ctx)
{
    struct effects *effects = effects_of(caller);
    ASSERT(thread < EFFECTS_THREADS_MAX);
    mutex_lock(&effects->lock);
    effects->queues[thread].wake = wake;
    effects->queues[thread].wake_ctx = ctx;
    mutex_unlock(&effects->lock);
}

void effects_free(struct caller *caller)
{
    if (caller == NULL) {
        return;
    }
    struct effects *effects = effects_of(caller);
    metrics_collector_end(effects->options.metrics, collect, effects);
    httpc_free(effects->httpc); /* first: its thread uses the queues */
    mutex_fini(&effects->lock);
    struct arena arena = effects->arena;
    arena_fini(&arena);
}
