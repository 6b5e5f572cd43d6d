/* Time, floods, crowds, streams and draining over real sockets. */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/testing/http_test_fixture.h"

#define CROWD 1100
#define PER_ADDRESS 3
/* Stack pages, the library's pools and this test's own: 1,024 times some 50 KiB. */
#define CROWD_MEMORY_MAX_KB (INT64_C(96) * 1024)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* One request was refused, and the observer was told why. */
static void assert_refusal_seen(struct fixture *fixture, int32_t status, const char *code)
{
    assert_int_equal(http_server_counts(fixture->server).timeouts, 1);
    assert_int_equal(atomic_load(&fixture->seen), 1);
    assert_int_equal(atomic_load(&fixture->last_status), status);
    assert_string_equal(atomic_load(&fixture->last_code), code);
}

/* A gigabyte is declared and sent as fast as it goes: cut long before its end. */
static void test_flood(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);
    put(fd, STR(HEAD("POST", "/raw") "Content-Length: 1073741824\r\n\r\n"));
    static const char block[64 * 1024];
    uint64_t sent_bytes = 0;
    while (sent_bytes < UINT64_C(1073741824)) {
        ssize_t sent = send(fd, block, sizeof(block), MSG_NOSIGNAL);
        if (sent <= 0) {
            break;
        }
        sent_bytes += (uint64_t)sent;
    }
    assert_true(sent_bytes < UINT64_C(1073741824));
    (void)close(fd);
    assert_int_equal(atomic_load(&fixture->calls), 0);
    assert_refusal_seen(fixture, 413, "http.body_too_large");
}

static void test_slow_head(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 2 * ANSWER_MAX_BYTES);
    int64_t began_ms = clock_mono_ms();
    int fd = dial(fixture);
    struct str request = STR("GET /things/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    for (size_t i = 0; i < request.len; i++) { /* one byte each 50 ms: never idle */
        put(fd, (struct str){.ptr = request.ptr + i, .len = 1});
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 50) == 1) {
            break; /* closed */
        }
    }
    struct str answer = take_until(fd, &arena, NULL);
    assert_int_equal(answer.len, 0);
    int64_t took_ms = clock_mono_ms() - began_ms;
    assert_true(took_ms >= 300);
    assert_true(took_ms < 2500);
    assert_refusal_seen(fixture, 408, "http.timeout");
    (void)close(fd);
    arena_fini(&arena);
}

static void test_slow_body(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 2 * ANSWER_MAX_BYTES);
    int64_t began_ms = clock_mono_ms();
    int fd = dial(fixture);
    put(fd, STR(HEAD("POST", "/raw") "Content-Length: 1000\r\n\r\n"));
    for (int i = 0; i < 1000; i++) {
        put(fd, STR("x"));
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 50) == 1) {
            break;
        }
    }
    struct str answer = take_until(fd, &arena, NULL);
    assert_answer(answer, "408", "http.timeout\"}");
    int64_t took_ms = clock_mono_ms() - began_ms;
    assert_true(took_ms >= 500);
    assert_true(took_ms < 2500);
    assert_int_equal(atomic_load(&fixture->calls), 0);
    assert_refusal_seen(fixture, 408, "http.timeout");
    (void)close(fd);
    arena_fini(&arena);
}

static void test_handler_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 2 * ANSWER_MAX_BYTES);
    atomic_store(&fixture->hold, true);
    struct str answer = exchange(fixture, &arena, STR(HEAD("GET", "/late") "\r\n"));
    assert_answer(answer, "503", "op.deadline");
    arena_fini(&arena);
}

static void test_stream(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 2 * ANSWER_MAX_BYTES);
    struct str answer = exchange(fixture, &arena, STR(HEAD("GET", "/count") "\r\n"));
    assert_answer(answer, "200", "data: 1\n\n");
    assert_true(contains(answer, "data: 3\n\n"));
    assert_true(contains(answer, "Content-Type: text/event-stream\r\n"));
    http_server_stop(fixture->server, 1000);
    fixture->server = NULL;
    assert_int_equal(atomic_load(&fixture->streams_closed), 1);
    arena_fini(&arena);
}

static void wait_calls(struct fixture *fixture, uint32_t calls)
{
    while (atomic_load(&fixture->calls) < calls) {
        (void)poll(NULL, 0, 1);
    }
}

static void test_drain(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 8 * ANSWER_MAX_BYTES);
    atomic_store(&fixture->hold, true);
    int slow = dial(fixture);
    put(slow, STR("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"));
    int stream = dial(fixture);
    put(stream, STR("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"));
    (void)take_until(stream, &arena, ":\n\r\n");
    int idle = dial(fixture);
    put(idle, STR("GET /things/a HTTP/1.1\r\nHost: x\r\n\r\n"));
    (void)take_until(idle, &arena, "id=[a]");
    wait_calls(fixture, 1);
    struct http_server_counts counts = http_server_counts(fixture->server);
    while (counts.in_flight != 2) { /* the idle one is done a moment later */
        (void)poll(NULL, 0, 1);
        counts = http_server_counts(fixture->server);
    }
    assert_int_equal(counts.connections, 3);
    assert_int_equal(counts.streams, 1);

    http_server_drain(fixture->server);
    struct str answer = exchange(fixture, &arena, STR(HEAD("GET", "/things/a") "\r\n"));
    assert_answer(answer, "503", "Retry-After: 2\r\n");
    put(idle, STR("GET /things/a HTTP/1.1\r\nHost: x\r\n\r\n")); /* on an old connection too */
    assert_answer(take_until(idle, &arena, NULL), "503", "Connection: close\r\n");
    (void)take_until(stream, &arena, "0\r\n\r\n"); /* streams end by themselves */
    atomic_store(&fixture->hold, false);
    http_server_stop(fixture->server, 5000);
    fixture->server = NULL;
    /* The request in flight was answered in full, then its connection was closed. */
    assert_answer(take_until(slow, &arena, NULL), "200", "{\"done\":true}");
    assert_int_equal(atomic_load(&fixture->streams_closed), 1);
    (void)close(slow);
    (void)close(idle);
    (void)close(stream);
    arena_fini(&arena);
}

/* Resident memory of this process in KiB. */
static int64_t resident_kb(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* An honest client tries until it is served: a refusal is a closed connection, never a wrong
 * answer, and it is over long before the usual time limits. */
static void serve_despite(const struct fixture *fixture)
{
    int64_t began_ms = clock_mono_ms();
    bool served = false;
    while (!served) {
        struct arena arena;
        arena_init(&arena, 2 * ANSWER_MAX_BYTES);
        struct str answer = exchange(fixture, &arena, STR(HEAD("GET", "/things/a") "\r\n"));
        assert_true(answer.len == 0 || str_has_prefix(answer, STR("HTTP/1.1 200")));
        served = answer.len > 0;
        arena_fini(&arena);
        if (!served) {
            (void)poll(NULL, 0, 50);
        }
        assert_true(clock_mono_ms() - began_ms < HTTP_HEAD_MS);
    }
}

/* More silent connections than there are places: an honest request is refused cleanly at the most,
 * and served as soon as the watchdog has made room. */
static void test_crowd(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int64_t before_kb = resident_kb();
    static int crowd[CROWD];
    for (uint32_t i = 0; i < CROWD; i++) {
        crowd[i] = dial(fixture);
        put(crowd[i], STR("GET /things/a HTTP/1.1\r\n"));
    }
    assert_true(http_server_counts(fixture->server).connections <= HTTP_CONNECTIONS_MAX);
    serve_despite(fixture);
    int64_t grown_kb = resident_kb() - before_kb;
    assert_true(SANITIZED || grown_kb < CROWD_MEMORY_MAX_KB);
    for (uint32_t i = 0; i < CROWD; i++) {
        (void)close(crowd[i]);
    }
}

/* The same with connections that say nothing at all: they go after the pressed limit. */
static void test_silent_crowd(void **state)
{
    struct fixture *fixture = *state;
    static int crowd[CROWD];
    for (uint32_t i = 0; i < CROWD; i++) {
        crowd[i] = dial(fixture);
    }
    serve_despite(fixture);
    for (uint32_t i = 0; i < CROWD; i++) {
        (void)close(crowd[i]);
    }
}

/* One address has what it may have; another one is served beside it, and the first again as soon as
 * one of its connections is gone. */
static void test_one_address(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 8 * ANSWER_MAX_BYTES);
    int held[PER_ADDRESS];
    for (uint32_t i = 0; i < PER_ADDRESS; i++) {
        held[i] = dial(fixture);
        put(held[i], STR("GET /things/a HTTP/1.1\r\nHost: x\r\n\r\n"));
        (void)take_until(held[i], &arena, "peer=[127.0.0.1]");
    }
    struct str request = STR(HEAD("GET", "/things/a") "\r\n");
    assert_int_equal(exchange(fixture, &arena, request).len, 0);
    int other = dial_from(fixture, "127.0.0.2");
    put(other, request);
    assert_answer(take_until(other, &arena, NULL), "200", "peer=[127.0.0.2]");
    put(held[0], STR("GET /things/b HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(contains(take_until(held[0], &arena, "peer="), "id=[b]"));

    (void)close(held[0]);
    while (http_server_counts(fixture->server).connections >= PER_ADDRESS) {
        (void)poll(NULL, 0, 1);
    }
    serve_despite(fixture); /* the library forgets a connection a moment after we do */
    for (uint32_t i = 1; i < PER_ADDRESS; i++) {
        (void)close(held[i]);
    }
    (void)close(other);
    arena_fini(&arena);
}

static bool page_says(struct metrics *metrics, const char *what)
{
    struct arena arena;
    arena_init(&arena, 2 * METRICS_PAGE_MAX_BYTES);
    struct op op = {.arena = &arena};
    struct str page = STR("");
    assert_int_equal(metrics_render(&op, metrics, &page).kind, STATUS_OK);
    bool says = contains(page, what);
    arena_fini(&arena);
    return says;
}

/* Also while it drains, and not a moment after it is gone. */
static void test_metrics(void **state)
{
    struct fixture *fixture = *state;
    struct metrics *metrics = metrics_new(&fixture->op, STR("tester"), STR("1"));
    fixture_open(fixture,
                 (struct http_options){.metrics = metrics, .connections_max = 7, .head_ms = 300});
    int silent = dial(fixture);
    while (http_server_counts(fixture->server).connections != 1) {
        (void)poll(NULL, 0, 1);
    }
    assert_true(page_says(metrics, "\nholdfast_http_connections 1\n"));
    assert_true(page_says(metrics, "\nholdfast_http_connections_max 7\n"));
    assert_true(page_says(metrics, "\nholdfast_http_in_flight 0\n"));
    assert_true(page_says(metrics, "\nholdfast_http_streams_open 0\n"));
    while (http_server_counts(fixture->server).timeouts != 1) {
        (void)poll(NULL, 0, 10);
    }
    assert_true(page_says(metrics, "\nholdfast_http_timeouts_total 1\n"));
    http_server_drain(fixture->server);
    assert_true(page_says(metrics, "\nholdfast_http_connections_max 7\n"));
    http_server_stop(fixture->server, 0);
    fixture->server = NULL;
    assert_false(page_says(metrics, "holdfast_http_"));
    (void)close(silent);
}

static int setup_closed(void **state)
{
    *state = fixture_new();
    return 0;
}

static int setup_per_address(void **state)
{
    struct fixture *fixture = fixture_new();
    fixture_open(fixture, (struct http_options){.per_address_max = PER_ADDRESS});
    *state = fixture;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_flood, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_slow_head, fixture_setup_quick, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_slow_body, fixture_setup_quick, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_handler_deadline, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_metrics, setup_closed, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_stream, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_drain, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_crowd, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_silent_crowd, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_one_address, setup_per_address, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
