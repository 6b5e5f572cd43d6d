/* What came of a call: surely not sent, answered, or unknown; against raw sockets. */
#include "httpc/httpc.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "httpc/testing/httpc_test_server.h"

#define MANY_CALLS 1000
#define WAIT_MS 20000

struct fixture {
    struct arena arena;
    struct op op;
    struct raw_server server;
    struct httpc_options options;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.options = {.allow_http = true}};
    arena_init(&fixture.arena, 8 * 1024 * 1024);
    fixture.op = (struct op){.arena = &fixture.arena};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_fini(&fixture->arena);
    return 0;
}

static struct str url_of(struct fixture *fixture, const char *scheme, uint16_t port)
{
    struct strbuf buf;
    strbuf_init(&buf, &fixture->arena, 128);
    strbuf_addf(&buf, "%s://127.0.0.1:%u/x", scheme, (unsigned)port);
    struct str url;
    assert_true(strbuf_finish(&buf, &url));
    return url;
}

static struct httpc_request post(struct fixture *fixture)
{
    return (struct httpc_request){.method = STR("POST"),
                                  .url = url_of(fixture, "http", fixture->server.port),
                                  .body = STR("amount=1000"),
                                  .total_ms = 5000};
}

static struct httpc_answer perform(struct fixture *fixture, const struct httpc_request *request)
{
    struct httpc_answer answer;
    struct status st = httpc_perform(&fixture->op, &fixture->options, NULL, request, &answer);
    assert_int_equal(st.kind, STATUS_OK);
    return answer;
}

static struct httpc_answer one(struct fixture *fixture, enum raw_mode mode, struct str reply)
{
    raw_server_start(&fixture->server, mode, reply);
    struct httpc_request request = post(fixture);
    struct httpc_answer answer = perform(fixture, &request);
    raw_server_stop(&fixture->server);
    return answer;
}

static void assert_outcome(const struct httpc_answer *answer, enum httpc_outcome outcome,
                           const char *reason)
{
    assert_int_equal(answer->outcome, outcome);
    if (reason == NULL) {
        assert_null(answer->reason);
    } else {
        assert_string_equal(answer->reason, reason);
    }
}

static void test_answered(void **state)
{
    struct httpc_answer answer =
        one(*state, RAW_ANSWER,
            STR("HTTP/1.1 402 Payment Required\r\nRequest-Id: req_123\r\nContent-Length: 5\r\n\r\n"
                "{\"a\"}"));
    assert_outcome(&answer, HTTPC_ANSWERED, NULL);
    assert_int_equal(answer.status, 402);
    assert_true(str_eq(answer.body, STR("{\"a\"}")));
    assert_true(str_eq(answer.request_id, STR("req_123")));
    assert_int_equal(answer.retry_after_ms, 0);
    assert_true(answer.took_us > 0);
}

static void test_limits(void **state)
{
    static const struct {
        const char *headers;
        struct httpc_limit limit;
    } rows[] = {
        {"", {.remaining = -1}},
        {"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset-After: 1.234\r\n",
         {.told = true, .remaining = 0, .reset_after_ms = 1234}},
        {"X-RateLimit-Reset-After: 2\r\n", {.told = true, .remaining = -1, .reset_after_ms = 2000}},
        {"X-RateLimit-Reset-After: 0.0601\r\n",
         {.told = true, .remaining = -1, .reset_after_ms = 61}},
        {"X-RateLimit-Reset-After: 99999999999\r\n",
         {.told = true, .remaining = -1, .reset_after_ms = HTTPC_RETRY_AFTER_MAX_MS}},
        {"X-RateLimit-Reset-After: 1.x\r\n", {.remaining = -1}},
        {"X-RateLimit-Reset-After: -1\r\n", {.remaining = -1}},
        {"X-RateLimit-Remaining: -4\r\n", {.remaining = -1}},
        {"X-RateLimit-Global: true\r\n", {.told = true, .everything = true, .remaining = -1}},
        {"X-RateLimit-Global: false\r\n", {.remaining = -1}},
        {"X-RateLimit-Scope: global\r\n", {.told = true, .everything = true, .remaining = -1}},
        {"X-RateLimit-Scope: user\r\n", {.told = true, .remaining = -1}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char reply[256];
        (void)snprintf(reply, sizeof(reply), "HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n",
                       rows[i].headers);
        struct httpc_answer answer = one(*state, RAW_ANSWER, str_of(reply));
        assert_outcome(&answer, HTTPC_ANSWERED, NULL);
        if (answer.limit.told != rows[i].limit.told ||
            answer.limit.everything != rows[i].limit.everything ||
            answer.limit.remaining != rows[i].limit.remaining ||
            answer.limit.reset_after_ms != rows[i].limit.reset_after_ms) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_retry_after(void **state)
{
    static const struct {
        const char *reply;
        int64_t wait_ms;
    } rows[] = {
        {"HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 7000},
        {"HTTP/1.1 429 X\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", 0},
        {"HTTP/1.1 429 X\r\nRetry-After: -7\r\nContent-Length: 0\r\n\r\n", 0},
        {"HTTP/1.1 429 X\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", 0},
        {"HTTP/1.1 429 X\r\nRetry-After: 86401\r\nContent-Length: 0\r\n\r\n",
         HTTPC_RETRY_AFTER_MAX_MS},
        {"HTTP/1.1 429 X\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n", -1},
        {"HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n"
         "Content-Length: 0\r\n\r\n",
         HTTPC_RETRY_AFTER_MAX_MS},
        {"HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n"
         "Content-Length: 0\r\n\r\n",
         0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct httpc_answer answer = one(*state, RAW_ANSWER, str_of(rows[i].reply));
        assert_outcome(&answer, HTTPC_ANSWERED, NULL);
        if (rows[i].wait_ms >= 0) {
            assert_int_equal(answer.retry_after_ms, rows[i].wait_ms);
        } else { /* more than fits: whatever it is taken for, within bounds */
            assert_in_range(answer.retry_after_ms, 0, HTTPC_RETRY_AFTER_MAX_MS);
        }
    }
}

static void test_redirect_is_an_answer(void **state)
{
    struct fixture *fixture = *state;
    struct httpc_answer answer = one(
        fixture, RAW_ANSWER,
        STR("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"));
    assert_outcome(&answer, HTTPC_ANSWERED, NULL);
    assert_int_equal(answer.status, 302);
    assert_int_equal(atomic_load(&fixture->server.requests), 1);
}

static void test_not_sent(void **state)
{
    struct fixture *fixture = *state;
    struct httpc_request request = post(fixture);
    request.url = url_of(fixture, "http", raw_server_dead_port());
    struct httpc_answer answer = perform(fixture, &request);
    assert_outcome(&answer, HTTPC_NOT_SENT, "connect");

    request.url = STR("http://does-not-exist.invalid/");
    request.total_ms = 2000;
    answer = perform(fixture, &request);
    assert_int_equal(answer.outcome, HTTPC_NOT_SENT);

    request.url = STR("ftp://127.0.0.1/");
    answer = perform(fixture, &request);
    assert_outcome(&answer, HTTPC_NOT_SENT, "request");

    fixture->options.allow_http = false;
    request.url = url_of(fixture, "http", raw_server_dead_port());
    answer = perform(fixture, &request);
    assert_outcome(&answer, HTTPC_NOT_SENT, "request");
}

/* The other side talks, but not TLS: nothing of the request leaves unencrypted. */
static void test_no_tls(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->server, RAW_CLOSE, STR(""));
    struct httpc_request request = post(fixture);
    request.url = url_of(fixture, "https", fixture->server.port);
    request.total_ms = 500; /* it waits for a blank line that never comes */
    struct httpc_answer answer = perform(fixture, &request);
    assert_int_equal(answer.outcome, HTTPC_NOT_SENT);
    raw_server_stop(&fixture->server);
}

static void test_unknown(void **state)
{
    struct fixture *fixture = *state;
    struct httpc_answer answer = one(fixture, RAW_CLOSE, STR(""));
    assert_outcome(&answer, HTTPC_UNKNOWN, "cut");
    answer = one(fixture, RAW_ANSWER_AND_CLOSE,
                 STR("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part"));
    assert_outcome(&answer, HTTPC_UNKNOWN, "cut");
    answer = one(fixture, RAW_ANSWER_AND_CLOSE, STR("HTTP/1.1 200 OK\r\nContent-Le"));
    assert_outcome(&answer, HTTPC_UNKNOWN, "cut");
    answer = one(fixture, RAW_ANSWER_AND_CLOSE, STR("SSH-2.0-OpenSSH_9.2\r\n"));
    assert_int_equal(answer.outcome, HTTPC_UNKNOWN);
}

static void test_slow_is_unknown(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->server, RAW_HANG, STR(""));
    struct httpc_request request = post(fixture);
    request.total_ms = 200;
    int64_t began_ms = clock_mono_ms();
    struct httpc_answer answer = perform(fixture, &request);
    int64_t took_ms = clock_mono_ms() - began_ms;
    assert_outcome(&answer, HTTPC_UNKNOWN, "timeout");
    assert_in_range(took_ms, 190, 2000);
    assert_int_equal(atomic_load(&fixture->server.requests), 1);

    /* The op's deadline is the shorter one. */
    fixture->op.deadline_ms = clock_mono_ms() + 100;
    request.total_ms = WAIT_MS;
    answer = perform(fixture, &request);
    assert_int_not_equal(answer.outcome, HTTPC_ANSWERED);
    assert_true(clock_mono_ms() < fixture->op.deadline_ms + 2000);
    raw_server_stop(&fixture->server);
}

static struct str sized_reply(struct fixture *fixture, size_t len)
{
    struct strbuf buf;
    strbuf_init(&buf, &fixture->arena, 128 * 1024);
    strbuf_addf(&buf, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"); /* no length is declared */
    for (size_t i = 0; i < len; i++) {
        strbuf_add_char(&buf, 'z');
    }
    struct str reply;
    assert_true(strbuf_finish(&buf, &reply));
    return reply;
}

static void test_answer_size(void **state)
{
    struct fixture *fixture = *state;
    struct str reply = sized_reply(fixture, HTTPC_ANSWER_MAX_BYTES);
    struct httpc_answer answer = one(fixture, RAW_ANSWER_AND_CLOSE, reply);
    assert_outcome(&answer, HTTPC_ANSWERED, NULL);
    assert_int_equal(answer.body.len, HTTPC_ANSWER_MAX_BYTES);
    reply = sized_reply(fixture, HTTPC_ANSWER_MAX_BYTES + 1);
    answer = one(fixture, RAW_ANSWER_AND_CLOSE, reply);
    assert_outcome(&answer, HTTPC_UNKNOWN, "too_large");
}

static void test_too_late(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->server, RAW_ANSWER, STR(""));
    struct httpc_request request = post(fixture);
    request.not_after_ms = clock_mono_ms() - 1;
    struct httpc_answer answer = perform(fixture, &request);
    assert_outcome(&answer, HTTPC_NOT_SENT, "late");
    raw_server_stop(&fixture->server);
    assert_int_equal(atomic_load(&fixture->server.received_bytes), 0);
}

static void test_bad_requests(void **state)
{
    struct fixture *fixture = *state;
    struct httpc_request request = post(fixture);
    assert_int_equal(httpc_request_header(&fixture->op, &request, STR("A"), STR("b\r\nC: d")).kind,
                     STATUS_INVALID);
    assert_int_equal(httpc_request_header(&fixture->op, &request, STR("A\n"), STR("b")).kind,
                     STATUS_INVALID);
    assert_int_equal(httpc_request_header(&fixture->op, &request, STR(""), STR("b")).kind,
                     STATUS_INVALID);
    for (int i = 0; i < HTTPC_HEADERS_MAX; i++) {
        assert_int_equal(httpc_request_header(&fixture->op, &request, STR("A"), STR("b")).kind,
                         STATUS_OK);
    }
    assert_int_equal(httpc_request_header(&fixture->op, &request, STR("A"), STR("b")).kind,
                     STATUS_INVALID);
    struct httpc_answer answer;
    request.url = STR("http://127.0.0.1/\r\nX: y");
    assert_int_equal(httpc_perform(&fixture->op, &fixture->options, NULL, &request, &answer).kind,
                     STATUS_INVALID);
    request = post(fixture);
    request.method = STR("POST / HTTP/1.1\r\nX: y");
    assert_int_equal(httpc_perform(&fixture->op, &fixture->options, NULL, &request, &answer).kind,
                     STATUS_INVALID);
}

static void test_no_proxy_from_outside(void **state)
{
    /* NOLINTBEGIN(concurrency-mt-unsafe): nobody else looks at the environment meanwhile */
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
    struct httpc_answer answer = one(*state, RAW_ANSWER, STR("HTTP/1.1 204 No Content\r\n\r\n"));
    assert_outcome(&answer, HTTPC_ANSWERED, NULL);
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
    /* NOLINTEND(concurrency-mt-unsafe) */
}

static void test_public_only(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.public_only = true;
    raw_server_start(&fixture->server, RAW_ANSWER, STR(""));
    struct httpc_request request = post(fixture);
    struct httpc_answer answer = perform(fixture, &request);
    assert_outcome(&answer, HTTPC_NOT_SENT, "connect");
    raw_server_stop(&fixture->server);
    assert_int_equal(atomic_load(&fixture->server.connections), 0);
}

/* ---- Many at once ---- */

struct tally {
    _Atomic uint32_t done;
    _Atomic uint32_t answered;
    _Atomic enum httpc_outcome last;
    const char *_Atomic last_reason;
};

static void count(void *ctx, struct httpc_call *call, const struct httpc_answer *answer)
{
    struct tally *tally = ctx;
    atomic_store(&tally->last, answer->outcome);
    atomic_store(&tally->last_reason, answer->reason);
    if (answer->outcome == HTTPC_ANSWERED && str_eq(answer->body, STR("ok"))) {
        atomic_fetch_add(&tally->answered, 1);
    }
    httpc_release(call);
    atomic_fetch_add(&tally->done, 1);
}

static void wait_done(struct tally *tally, uint32_t wanted)
{
    int64_t deadline_ms = clock_mono_ms() + WAIT_MS;
    while (atomic_load(&tally->done) < wanted) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, 1);
    }
}

static struct httpc *open_client(struct fixture *fixture, uint32_t slots)
{
    fixture->options.slots = slots;
    struct httpc *httpc = NULL;
    assert_int_equal(httpc_open(&fixture->op, &fixture->options, &httpc).kind, STATUS_OK);
    return httpc;
}

static void test_slots(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->server, RAW_HANG, STR(""));
    struct httpc *httpc = open_client(fixture, 3);
    struct tally tally = {.done = 0};
    struct httpc_request request = post(fixture);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(httpc_free_slots(httpc), 3 - i);
        struct httpc_call *call = httpc_reserve(httpc);
        assert_non_null(call);
        httpc_start(call, &request, count, &tally);
    }
    assert_int_equal(httpc_free_slots(httpc), 0);
    assert_null(httpc_reserve(httpc));
    httpc_free(httpc); /* gives up on three calls under way */
    assert_int_equal(atomic_load(&tally.done), 0);
    raw_server_stop(&fixture->server);
}

static void test_refused_start(void **state)
{
    struct fixture *fixture = *state;
    struct httpc *httpc = open_client(fixture, 1);
    struct tally tally = {.done = 0};
    struct httpc_request request = post(fixture);
    request.url = STR("http://x/\n");
    httpc_start(httpc_reserve(httpc), &request, count, &tally);
    wait_done(&tally, 1);
    assert_int_equal(atomic_load(&tally.last), HTTPC_NOT_SENT);
    assert_int_equal(httpc_free_slots(httpc), 1);
    httpc_free(httpc);
}

/* On a connection that is kept, "too late" is found just as well. */
static void test_late_on_kept_connection(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->server, RAW_ANSWER,
                     STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    struct httpc *httpc = open_client(fixture, 1);
    struct tally tally = {.done = 0};
    struct httpc_request request = post(fixture);
    httpc_start(httpc_reserve(httpc), &request, count, &tally);
    wait_done(&tally, 1);
    assert_int_equal(atomic_load(&tally.answered), 1);
    request.not_after_ms = clock_mono_ms() - 1;
    httpc_start(httpc_reserve(httpc), &request, count, &tally);
    wait_done(&tally, 2);
    assert_int_equal(atomic_load(&tally.last), HTTPC_NOT_SENT);
    assert_string_equal(atomic_load(&tally.last_reason), "late");
    assert_int_equal(atomic_load(&fixture->server.requests), 1);
    httpc_free(httpc);
    raw_server_stop(&fixture->server);
}

static void test_kept_between_calls(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->server, RAW_ANSWER,
                     STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    struct httpc_request request = post(fixture);
    struct httpc_keep keep = {.easy = NULL};
    for (int i = 0; i < 3; i++) {
        struct httpc_answer answer;
        struct status st = httpc_perform(&fixture->op, &fixture->options, &keep, &request, &answer);
        assert_int_equal(st.kind, STATUS_OK);
        assert_outcome(&answer, HTTPC_ANSWERED, NULL);
    }
    httpc_keep_fini(&keep);
    raw_server_stop(&fixture->server);
    assert_int_equal(atomic_load(&fixture->server.requests), 3);
    assert_int_equal(atomic_load(&fixture->server.connections), 1);
}

/* A kept connection on which the other side hangs up while the second request is under way: its
 * bytes may have been read, so this is not NOT_SENT, whatever happens after. */
static void test_kept_connection_dies(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->server, RAW_ANSWER,
                     STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    struct httpc *httpc = open_client(fixture, 1);
    struct tally tally = {.done = 0};
    struct httpc_request request = post(fixture);
    httpc_start(httpc_reserve(httpc), &request, count, &tally);
    wait_done(&tally, 1);
    atomic_store(&fixture->server.mode, RAW_CLOSE);
    httpc_start(httpc_reserve(httpc), &request, count, &tally);
    wait_done(&tally, 2);
    assert_int_equal(atomic_load(&tally.last), HTTPC_UNKNOWN);
    httpc_free(httpc);
    raw_server_stop(&fixture->server);
}

/* Curl sends again by itself when a kept connection dies without a byte. If it is too late by then,
 * the first bytes were out all the same. */
static void test_late_when_sent_again(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->server, RAW_ANSWER,
                     STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    struct httpc *httpc = open_client(fixture, 1);
    struct tally tally = {.done = 0};
    struct httpc_request request = post(fixture);
    httpc_start(httpc_reserve(httpc), &request, count, &tally);
    wait_done(&tally, 1);
    atomic_store(&fixture->server.mode, RAW_WAIT_AND_CLOSE);
    request.not_after_ms = clock_mono_ms() + RAW_WAIT_MS / 2;
    httpc_start(httpc_reserve(httpc), &request, count, &tally);
    wait_done(&tally, 2);
    assert_int_equal(atomic_load(&tally.last), HTTPC_UNKNOWN);
    assert_string_equal(atomic_load(&tally.last_reason), "late");
    assert_int_equal(atomic_load(&fixture->server.requests), 2);
    httpc_free(httpc);
    raw_server_stop(&fixture->server);
}

static void test_many(void **state)
{
    struct fixture *fixture = *state;
    raw_server_start(&fixture->server, RAW_ANSWER_AND_CLOSE,
                     STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"));
    struct httpc *httpc = open_client(fixture, 8);
    struct tally tally = {.done = 0};
    struct httpc_request request = post(fixture);
    int64_t deadline_ms = clock_mono_ms() + WAIT_MS;
    for (uint32_t started = 0; started < MANY_CALLS;) {
        struct httpc_call *call = httpc_reserve(httpc);
        if (call == NULL) {
            assert_true(clock_mono_ms() < deadline_ms);
            (void)poll(NULL, 0, 1);
            continue;
        }
        httpc_start(call, &request, count, &tally);
        started++;
    }
    wait_done(&tally, MANY_CALLS);
    assert_int_equal(atomic_load(&tally.answered), MANY_CALLS);
    assert_int_equal(atomic_load(&fixture->server.requests), MANY_CALLS);
    httpc_free(httpc);
    raw_server_stop(&fixture->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retry_after, setup, teardown),
        cmocka_unit_test_setup_teardown(test_redirect_is_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_proxy_from_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_public_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_on_kept_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_between_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_connection_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_when_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
