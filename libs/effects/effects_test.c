/* The caller as the engine uses it, against our own server and against raw sockets. */
#include "effects/effects.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "http/http_server.h"
#include "httpc/testing/httpc_test_server.h"

#define WAIT_MS 60000
#define MANY_CALLS 1000
#define SLOTS 8
#define THREADS 2

/* How an engine thread waits: a predicate and a condition, as its bus does. */
struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    uint32_t wakes;
};

struct fixture {
    struct arena arena;
    struct op op;
    struct http_server *http;
    struct raw_server raw;
    struct caller *caller;
    struct waiter waiters[THREADS];
    _Atomic uint32_t handled;
    _Atomic uint32_t limited; /* answered 429 */
    _Atomic bool key_seen;    /* the last request had the effect's id as Idempotency-Key */
    _Atomic bool secret_seen;
    struct id expected_id;
    struct str bytes; /* a frozen request */
    const struct effects_limit_options *limit;
    struct metrics *metrics;
    bool breaker;
    _Atomic int64_t held_ms; /* how long whoever asks must wait */
    _Atomic int seen;
};

/* ---- The other side ---- */

static STATUS take_transfer(struct op *op, void *deps, const struct http_request *req,
                            struct http_response *ret)
{
    struct fixture *fixture = deps;
    struct str secret = STR("");
    (void)http_request_header(req, STR("Authorization"), &secret);
    struct str key = id_to_str(op->arena, fixture->expected_id);
    atomic_store(&fixture->key_seen, str_eq(req->idempotency_key, key));
    atomic_store(&fixture->secret_seen, str_eq(secret, STR("Bearer sk_test")));
    atomic_fetch_add(&fixture->handled, 1);
    ret->status = 201;
    ret->body = str_dup(op->arena, req->body);
    return OK;
}

static STATUS busy(struct op *op, void *deps, const struct http_request *req,
                   struct http_response *ret)
{
    (void)deps;
    (void)req;
    ret->retry_after_s = 3;
    return op_fail(op, STATUS_RETRY, "http.draining", "always");
}

static STATUS deny(struct op *op, void *deps, const struct http_request *req,
                   struct http_response *ret)
{
    (void)op;
    (void)deps;
    (void)req;
    ret->status = 401;
    return OK;
}

static STATUS too_many(struct op *op, void *deps, const struct http_request *req,
                       struct http_response *ret)
{
    (void)req;
    struct fixture *fixture = deps;
    atomic_fetch_add(&fixture->limited, 1);
    ret->status = 429;
    ret->retry_after_s = 60;
    return http_response_header(op, ret, STR("X-RateLimit-Remaining"), STR("0"));
}

static const struct http_route routes[] = {
    {HTTP_POST, "/v1/transfers", HTTP_AUTH_NONE, HTTP_BODY_FORM, 1024, 1000, take_transfer,
     HTTP_ROUTE_NEEDS_KEY, 0, 0},
    {HTTP_POST, "/v1/denied", HTTP_AUTH_NONE, HTTP_BODY_FORM, 1024, 1000, deny, 0, 0, 0},
    {HTTP_POST, "/v1/limited", HTTP_AUTH_NONE, HTTP_BODY_FORM, 1024, 1000, too_many, 0, 0, 0},
    {HTTP_POST, "/v1/busy", HTTP_AUTH_NONE, HTTP_BODY_FORM, 1024, 1000, busy, 0, 0, 0},
};

/* ---- Our side ---- */

static STATUS add_secret(struct op *op, void *deps, const struct effects_request *request,
                         struct id effect_id, struct httpc_request *call)
{
    (void)deps;
    (void)effect_id;
    if (str_eq(request->path, STR("/v1/unbuildable"))) {
        return op_fail(op, STATUS_BUG, "effects.request", "on purpose");
    }
    return httpc_request_header(op, call, STR("Authorization"), STR("Bearer sk_test"));
}

static void wake(void *ctx)
{
    struct waiter *waiter = ctx;
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&waiter->lock);
    waiter->wakes++;
    cond_signal(&waiter->woken);
}

static void count_seen(void *ctx, const struct httpc_answer *answer)
{
    struct fixture *fixture = ctx;
    (void)answer;
    atomic_fetch_add(&fixture->seen, 1);
}

static int64_t held(void *ctx, const struct effects_request *request)
{
    struct fixture *fixture = ctx;
    assert_true(str_has_prefix(request->path, STR("/")));
    return atomic_load(&fixture->held_ms);
}

static void open_caller(struct fixture *fixture, uint16_t port, uint32_t slots, int64_t total_ms)
{
    struct strbuf buf;
    strbuf_init(&buf, &fixture->arena, 64);
    strbuf_addf(&buf, "http://127.0.0.1:%u", (unsigned)port);
    struct effects_options options = {.slots = slots,
                                      .allow_http = true,
                                      .build = add_secret,
                                      .deps = fixture,
                                      .limit = fixture->limit,
                                      .metrics = fixture->metrics,
                                      .breaker = fixture->breaker,
                                      .seen = fixture->breaker ? count_seen : NULL,
                                      .seen_ctx = fixture,
                                      .held = held,
                                      .held_ctx = fixture,
                                      .total_ms = total_ms};
    assert_true(strbuf_finish(&buf, &options.base_url));
    assert_int_equal(effects_open(&fixture->op, &options, &fixture->caller).kind, STATUS_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        effects_set_wake(fixture->caller, i, wake, &fixture->waiters[i]);
    }
}

static struct str freeze(struct fixture *fixture, struct str path)
{
    struct effects_request request = {.method = EFFECTS_POST,
                                      .idempotency_key = true,
                                      .path = path,
                                      .content_type = STR("application/x-www-form-urlencoded"),
                                      .body = STR("amount=1000")};
    struct str bytes;
    assert_int_equal(effects_encode(&fixture->op, &request, &bytes).kind, STATUS_OK);
    return bytes;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.expected_id = id_random()};
    arena_init(&fixture.arena, 4 * 1024 * 1024);
    fixture.op = (struct op){.arena = &fixture.arena};
    for (uint32_t i = 0; i < THREADS; i++) {
        mutex_init(&fixture.waiters[i].lock);
        cond_init(&fixture.waiters[i].woken);
    }
    struct http_options options = {.host = STR("127.0.0.1"),
                                   .routes = routes,
                                   .route_count = ARRAY_LEN(routes),
                                   .deps = &fixture,
                                   .connections_max = 64};
    assert_int_equal(http_server_open(&fixture.op, &options, &fixture.http).kind, STATUS_OK);
    fixture.bytes = freeze(&fixture, STR("/v1/transfers"));
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    effects_free(fixture->caller);
    http_server_stop(fixture->http, 100);
    for (uint32_t i = 0; i < THREADS; i++) {
        cond_fini(&fixture->waiters[i].woken);
        mutex_fini(&fixture->waiters[i].lock);
    }
    arena_fini(&fixture->arena);
    return 0;
}

static struct caller_call call_of(const struct fixture *fixture)
{
    return (struct caller_call){.thread = 0,
                                .lane = 5,
                                .epoch = 42,
                                .effect_id = fixture->expected_id,
                                .request = fixture->bytes,
                                .not_after_ms = clock_mono_ms() + WAIT_MS};
}

static bool send_call(struct fixture *fixture, const struct caller_call *call)
{
    return fixture->caller->ops->send(fixture->caller, call);
}

/* Waits to be woken, then takes: an answer without a wake fails here. */
static struct caller_answer wait_answer(struct fixture *fixture, uint32_t thread)
{
    struct waiter *waiter = &fixture->waiters[thread];
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    mutex_lock(&waiter->lock);
    while (waiter->wakes == 0) {
        assert_true(cond_wait_until(&waiter->woken, &waiter->lock, until_ms));
    }
    waiter->wakes--;
    mutex_unlock(&waiter->lock);
    struct caller_answer answer;
    assert_true(fixture->caller->ops->take(fixture->caller, thread, &answer));
    return answer;
}

static void release(struct fixture *fixture, struct caller_answer *answer)
{
    fixture->caller->ops->release(fixture->caller, answer);
    assert_null(answer->handle);
}

/* Sends one call and says what came of it. */
static enum caller_outcome outcome_of(struct fixture *fixture, const struct caller_call *call)
{
    assert_true(send_call(fixture, call));
    struct caller_answer answer = wait_answer(fixture, call->thread);
    enum caller_outcome outcome = answer.outcome;
    release(fixture, &answer);
    return outcome;
}

/* ---- Tests ---- */

static void test_answered(void **state)
{
    struct fixture *fixture = *state;
    open_caller(fixture, http_server_port(fixture->http), SLOTS, 0);
    struct caller_call call = call_of(fixture);
    call.thread = 1;
    assert_true(send_call(fixture, &call));
    struct caller_answer answer = wait_answer(fixture, 1);
    assert_int_equal(answer.outcome, CALLER_ANSWERED);
    assert_int_equal(answer.http_status, 201);
    assert_true(str_eq(answer.body, STR("amount=1000")));
    assert_int_equal(answer.thread, 1);
    assert_int_equal(answer.lane, 5);
    assert_int_equal(answer.epoch, 42);
    assert_true(id_eq(answer.effect_id, fixture->expected_id));
    assert_true(atomic_load(&fixture->key_seen));
    assert_true(atomic_load(&fixture->secret_seen));
    struct caller_answer none;
    assert_false(fixture->caller->ops->take(fixture->caller, 0, &none));
    assert_false(fixture->caller->ops->take(fixture->caller, 1, &none));
    release(fixture, &answer);
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), SLOTS);
}

static void test_retry_after(void **state)
{
    struct fixture *fixture = *state;
    open_caller(fixture, http_server_port(fixture->http), SLOTS, 0);
    struct caller_call call = call_of(fixture);
    call.request = freeze(fixture, STR("/v1/busy"));
    assert_true(send_call(fixture, &call));
    struct caller_answer answer = wait_answer(fixture, 0);
    assert_int_equal(answer.outcome, CALLER_ANSWERED);
    assert_int_equal(answer.http_status, 503);
    assert_int_equal(answer.retry_after_ms, 3000);
    release(fixture, &answer);
}

/* A 429 holds back what comes after it, and what comes after it alone. */
static void test_limits(void **state)
{
    struct fixture *fixture = *state;
    static const struct effects_limit_options limit = {.per_second_max = 100};
    fixture->limit = &limit;
    open_caller(fixture, http_server_port(fixture->http), SLOTS, 0);
    struct caller_call call = call_of(fixture);
    call.request = freeze(fixture, STR("/v1/limited"));
    assert_int_equal(outcome_of(fixture, &call), CALLER_ANSWERED);
    assert_true(send_call(fixture, &call));
    struct caller_answer answer = wait_answer(fixture, 0);
    assert_int_equal(answer.outcome, CALLER_HELD);
    assert_in_range(answer.retry_after_ms, 1, 60000);
    release(fixture, &answer);
    assert_int_equal(atomic_load(&fixture->limited), 1);
    call.request = fixture->bytes;
    assert_int_equal(outcome_of(fixture, &call), CALLER_ANSWERED);
    assert_int_equal(effects_counts(fixture->caller).limited, 1);
    assert_int_equal(effects_counts(fixture->caller).held, 1);
    assert_int_equal(effects_counts(fixture->caller).bad_requests, 0);
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), SLOTS);
}

/* The engine does not even take up what would only come back. */
static void test_no_slot_is_free_while_all_is_closed(void **state)
{
    struct fixture *fixture = *state;
    static const struct effects_limit_options limit = {.per_second_max = 2};
    fixture->limit = &limit;
    open_caller(fixture, http_server_port(fixture->http), SLOTS, 0);
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), 2);
    struct caller_call call = call_of(fixture);
    call.request = freeze(fixture, STR("/v1/denied"));
    assert_int_equal(outcome_of(fixture, &call), CALLER_ANSWERED);
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), 0); /* for a minute */
}

/* Nobody is there for longer than ten seconds: no place is free, and what is sent all the same waits unsent. */
static void test_the_other_side_is_away(void **state)
{
    struct fixture *fixture = *state;
    fixture->breaker = true;
    open_caller(fixture, raw_server_dead_port(), SLOTS, 0);
    struct caller_call call = call_of(fixture);
    int64_t began_ms = clock_mono_ms();
    while (effects_breaker_counts(fixture->caller).state != EFFECTS_BREAKER_OPEN) {
        assert_true(clock_mono_ms() < began_ms + 60000);
        assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), SLOTS);
        assert_int_equal(outcome_of(fixture, &call), CALLER_NOT_SENT);
        struct timespec half = {.tv_nsec = 500000000};
        (void)nanosleep(&half, NULL);
    }
    assert_true(clock_mono_ms() - began_ms > EFFECTS_BREAKER_BAD_MS);
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), 0);
    int seen = atomic_load(&fixture->seen);
    assert_true(send_call(fixture, &call));
    struct caller_answer answer = wait_answer(fixture, 0);
    assert_int_equal(answer.outcome, CALLER_HELD);
    assert_in_range(answer.retry_after_ms, 1, EFFECTS_BREAKER_PROBE_MS);
    release(fixture, &answer);
    assert_int_equal(atomic_load(&fixture->seen), seen); /* nothing went out */
    assert_int_equal(effects_breaker_counts(fixture->caller).opened, 1);
    assert_int_equal(effects_breaker_counts(fixture->caller).held, 1);
}

/* Nothing goes out while somebody says so, and a call that waits takes no slot. */
static void test_calls_are_held(void **state)
{
    struct fixture *fixture = *state;
    open_caller(fixture, http_server_port(fixture->http), 1, 0);
    struct caller_call call = call_of(fixture);
    atomic_store(&fixture->held_ms, 700);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(outcome_of(fixture, &call), CALLER_HELD);
    }
    assert_int_equal(atomic_load(&fixture->handled), 0);
    atomic_store(&fixture->held_ms, 0);
    assert_int_equal(outcome_of(fixture, &call), CALLER_ANSWERED);
    assert_int_equal(atomic_load(&fixture->handled), 1);
}

/* What was made before has a budget; what is new does not wait for it. */
static void test_what_is_made_again_waits(void **state)
{
    struct fixture *fixture = *state;
    fixture->breaker = true;
    open_caller(fixture, http_server_port(fixture->http), SLOTS, 0);
    struct caller_call call = call_of(fixture);
    call.again = true;
    uint32_t held = 0;
    for (int i = 0; i < 50 * EFFECTS_BREAKER_AGAIN_BURST && held == 0; i++) {
        held += outcome_of(fixture, &call) == CALLER_HELD ? 1 : 0;
    }
    assert_int_equal(held, 1);
    call.again = false;
    assert_int_equal(outcome_of(fixture, &call), CALLER_ANSWERED);
}

static void test_refused_port(void **state)
{
    struct fixture *fixture = *state;
    open_caller(fixture, raw_server_dead_port(), SLOTS, 0);
    struct caller_call call = call_of(fixture);
    assert_int_equal(outcome_of(fixture, &call), CALLER_NOT_SENT);
}

static void test_cut_and_slow(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->raw, RAW_CLOSE, STR(""));
    open_caller(fixture, fixture->raw.port, SLOTS, 300);
    struct caller_call call = call_of(fixture);
    assert_int_equal(outcome_of(fixture, &call), CALLER_UNKNOWN);
    atomic_store(&fixture->raw.mode, RAW_HANG);
    int64_t began_ms = clock_mono_ms();
    assert_int_equal(outcome_of(fixture, &call), CALLER_UNKNOWN);
    assert_in_range(clock_mono_ms() - began_ms, 290, 3000);
    raw_server_stop(&fixture->raw);
    assert_int_equal(atomic_load(&fixture->raw.requests), 2);
}

static void test_too_late(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->raw, RAW_CLOSE, STR(""));
    open_caller(fixture, fixture->raw.port, SLOTS, 0);
    struct caller_call call = call_of(fixture);
    call.not_after_ms = clock_mono_ms() - 1;
    assert_int_equal(outcome_of(fixture, &call), CALLER_NOT_SENT);
    raw_server_stop(&fixture->raw);
    assert_int_equal(atomic_load(&fixture->raw.received_bytes), 0);
}

static void test_bad_requests(void **state)
{
    struct fixture *fixture = *state;
    open_caller(fixture, http_server_port(fixture->http), SLOTS, 0);
    struct caller_call call = call_of(fixture);
    call.request = STR("garbage");
    assert_int_equal(outcome_of(fixture, &call), CALLER_NOT_SENT);
    call.request = freeze(fixture, STR("/v1/unbuildable"));
    assert_int_equal(outcome_of(fixture, &call), CALLER_NOT_SENT);
    assert_int_equal(effects_counts(fixture->caller).bad_requests, 2);
    assert_int_equal(atomic_load(&fixture->handled), 0);
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), SLOTS);
}

/* A slot is taken from send to release, an answer that waits included. */
static bool page_says(struct fixture *fixture, const char *what)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 2 * METRICS_PAGE_MAX_BYTES);
    struct op op = {.arena = &arena};
    struct str page = STR("");
    assert_int_equal(metrics_render(&op, fixture->metrics, &page).kind, STATUS_OK);
    return memmem(page.ptr, page.len, what, strlen(what)) != NULL;
}

static void test_slots(void **state)
{
    struct fixture *fixture = *state;
    fixture->metrics = metrics_new(&fixture->op, STR("tester"), STR("1"));
    open_caller(fixture, http_server_port(fixture->http), 2, 0);
    struct caller_call call = call_of(fixture);
    assert_true(send_call(fixture, &call));
    assert_true(send_call(fixture, &call));
    assert_false(send_call(fixture, &call));
    struct caller_answer first = wait_answer(fixture, 0);
    struct caller_answer second = wait_answer(fixture, 0);
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), 0);
    assert_true(page_says(fixture, "\nholdfast_effects_slots 2\n"));
    assert_true(page_says(fixture, "\nholdfast_effects_slots_in_use 2\n"));
    assert_false(send_call(fixture, &call));
    release(fixture, &first);
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), 1);
    assert_int_equal(outcome_of(fixture, &call), CALLER_ANSWERED);
    release(fixture, &second);
    assert_int_equal(atomic_load(&fixture->handled), 3);
    assert_true(page_says(fixture, "\nholdfast_effects_slots_in_use 0\n"));
    effects_free(fixture->caller);
    fixture->caller = NULL;
    assert_false(page_says(fixture, "holdfast_effects_"));
}

static void test_given_up(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->raw, RAW_HANG, STR(""));
    open_caller(fixture, fixture->raw.port, SLOTS, 0);
    struct caller_call call = call_of(fixture);
    assert_true(send_call(fixture, &call));
    while (atomic_load(&fixture->raw.requests) == 0) {
        (void)poll(NULL, 0, 1);
    }
    effects_free(fixture->caller); /* does not wait for the thirty seconds */
    fixture->caller = NULL;
    raw_server_stop(&fixture->raw);
}

/* Two engine threads, each sending its half and taking its own answers only. */
struct engine_thread {
    struct fixture *fixture;
    uint32_t number;
    uint32_t answered;
};

static void *drive(void *arg)
{
    struct engine_thread *self = arg;
    struct fixture *fixture = self->fixture;
    uint32_t sent = 0;
    uint32_t open = 0;
    while (self->answered < MANY_CALLS / THREADS) {
        struct caller_call call = call_of(fixture);
        call.thread = self->number;
        call.lane = (int32_t)self->number;
        if (sent < MANY_CALLS / THREADS && send_call(fixture, &call)) {
            sent++;
            open++;
            continue;
        }
        if (open == 0) { /* the other thread has all slots */
            (void)poll(NULL, 0, 1);
            continue;
        }
        struct caller_answer answer = wait_answer(fixture, self->number);
        if (answer.outcome != CALLER_ANSWERED || answer.lane != (int32_t)self->number) {
            return NULL;
        }
        release(fixture, &answer);
        self->answered++;
        open--;
    }
    return NULL;
}

static void test_many(void **state)
{
    struct fixture *fixture = *state;
    open_caller(fixture, http_server_port(fixture->http), SLOTS, 0);
    struct engine_thread engines[THREADS];
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        engines[i] = (struct engine_thread){.fixture = fixture, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, drive, &engines[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(engines[i].answered, MANY_CALLS / THREADS);
    }
    assert_int_equal(atomic_load(&fixture->handled), MANY_CALLS);
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), SLOTS);
}

static void test_options(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {"",
                                      "api.stripe.com",
                                      "http://x",
                                      "https://",
                                      "https://x/",
                                      "https://a@b",
                                      "https://x?y",
                                      "https://x#y",
                                      "https://x y",
                                      "ftp://x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct effects_options options = {.slots = 1, .base_url = str_of(bad[i])};
        struct caller *caller = NULL;
        assert_int_equal(effects_open(&fixture->op, &options, &caller).kind, STATUS_INVALID);
        assert_null(caller);
    }
    struct effects_options options = {.slots = 1, .base_url = STR("https://api.stripe.com")};
    assert_int_equal(effects_open(&fixture->op, &options, &fixture->caller).kind, STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retry_after, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_slot_is_free_while_all_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_other_side_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls_are_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_made_again_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_and_slow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
