/* Server-sent events over real sockets: what arrives, and every bound of a stream. */
#include "http/http_stream.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/testing/http_test_fixture.h"

#define LONG_MS 15000   /* of limits that a test does not want to meet */
#define AT_ONCE_MS 3000 /* far below LONG_MS, far above what a loaded machine needs */
#define PER_CALLER 2
#define CONNECTIONS 16
#define STREAMS 12 /* three quarters */

struct rig {
    struct fixture *fixture;
    struct http_stream_set *set;
    struct arena arena;
    _Atomic uint32_t full; /* answers that the observer saw as http.streams_full */
};

static struct rig rig;

static void observe(struct op *op, void *deps, const struct http_seen *seen)
{
    (void)op;
    (void)deps;
    if (seen->status == 503 && str_eq(str_of(seen->code), STR("http.streams_full"))) {
        atomic_fetch_add(&rig.full, 1);
    }
}

/* GET /events?as=3: the caller is told by the query, and remembered as what the feed is about. */
static STATUS open_events(struct op *op, void *deps, const struct http_request *req,
                          struct http_response *ret)
{
    (void)deps;
    struct str as = STR("0");
    struct id caller = {.bytes = {1}};
    (void)http_request_query(req, STR("as"), &as);
    caller.bytes[1] = (uint8_t)as.ptr[0];
    TRY(http_stream_open(op, rig.set, caller, as.ptr, 1, ret));
    if (http_request_query(req, STR("fail"), &as)) {
        return op_fail(op, STATUS_RETRY, "http.unavailable", "after it was opened");
    }
    return OK;
}

static STATUS answer(struct op *op, void *deps, const struct http_request *req,
                     struct http_response *ret)
{
    (void)op;
    (void)deps;
    (void)req;
    ret->body = STR("{\"plain\":true}");
    return OK;
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .path = "/events", .deadline_ms = 1000, .handler = open_events},
    {.method = HTTP_GET, .path = "/plain", .deadline_ms = 1000, .handler = answer},
};

static void open_rig(struct http_stream_limits limits, int64_t stream_send_ms)
{
    rig = (struct rig){.fixture = fixture_new()};
    arena_init(&rig.arena, (size_t)64 * 1024 * 1024);
    limits.per_caller_max = limits.per_caller_max ? limits.per_caller_max : PER_CALLER;
    limits.queue_max_bytes = limits.queue_max_bytes ? limits.queue_max_bytes : 64 * 1024;
    limits.behind_ms = limits.behind_ms ? limits.behind_ms : LONG_MS;
    limits.heartbeat_ms = limits.heartbeat_ms ? limits.heartbeat_ms : LONG_MS;
    limits.life_ms = limits.life_ms ? limits.life_ms : 10 * LONG_MS;
    limits.retry_ms = 2000;
    rig.set = http_stream_set_new(&limits);
    const struct http_options options = {.host = STR("127.0.0.1"),
                                         .routes = routes,
                                         .route_count = ARRAY_LEN(routes),
                                         .observe = observe,
                                         .connections_max = CONNECTIONS,
                                         .stream_send_ms = stream_send_ms};
    assert_int_equal(http_server_open(&rig.fixture->op, &options, &rig.fixture->server).kind,
                     STATUS_OK);
}

static int close_rig(void **state)
{
    (void)state;
    fixture_free(rig.fixture);
    http_stream_set_free(rig.set);
    arena_fini(&rig.arena);
    return 0;
}

static uint32_t count_open(void)
{
    return atomic_load(&http_stream_set_stats(rig.set)->open);
}

static void wait_open(uint32_t count)
{
    int64_t until_ms = clock_mono_ms() + AT_ONCE_MS;
    while (count_open() != count) {
        assert_true(clock_mono_ms() < until_ms);
        (void)poll(NULL, 0, 1);
    }
}

/* A client whose stream has begun. */
static int listen_as(char who)
{
    char request[96];
    int len =
        snprintf(request, sizeof(request), "GET /events?as=%c HTTP/1.1\r\nHost: x\r\n\r\n", who);
    assert_true(len > 0);
    int fd = dial(rig.fixture);
    put(fd, str_of(request));
    struct str head = take_until(fd, &rig.arena, "retry: 2000\n\n");
    assert_answer(head, "200", "Content-Type: text/event-stream\r\n");
    assert_true(contains(head, "Cache-Control: no-store\r\n"));
    return fd;
}

struct news {
    char who; /* 0: all */
    struct str data;
};

static void send_one(struct http_stream_feed *feed, void *ctx)
{
    const struct news *news = ctx;
    const char *who = http_stream_about(feed);
    if (news->who == 0 || news->who == *who) {
        http_stream_send(feed, STR("deal"), news->data);
    }
}

static void tell(char who, struct str data)
{
    struct news news = {.who = who, .data = data};
    http_stream_each(rig.set, send_one, &news);
}

static void test_events_go_to_whom_they_concern(void **state)
{
    (void)state;
    open_rig((struct http_stream_limits){.per_caller_max = 0}, 0);
    int a = listen_as('a');
    int b = listen_as('b');
    tell('b', STR("{\"secret\":1}"));
    tell(0, STR("{\"all\":2}"));
    struct str to_a = take_until(a, &rig.arena, "event: deal\ndata: {\"all\":2}\n\n");
    assert_true(contains(to_a, "event: deal\ndata: {\"all\":2}\n\n"));
    assert_false(contains(to_a, "secret"));
    struct str to_b = take_until(b, &rig.arena, "{\"all\":2}\n\n");
    assert_true(contains(to_b, "event: deal\ndata: {\"secret\":1}\n\n"));
    assert_int_equal(atomic_load(&http_stream_set_stats(rig.set)->events), 3);
    (void)close(a);
    (void)close(b);
}

/* Again and again while nothing else is said, and no oftener: over a whole life, which a busy machine does
 * not make longer. */
static void test_heartbeats(void **state)
{
    enum { HEARTBEAT_MS = 50, LIFE_MS = 2000, AT_LEAST = 5 };

    (void)state;
    open_rig((struct http_stream_limits){.heartbeat_ms = HEARTBEAT_MS, .life_ms = LIFE_MS}, 0);
    int fd = listen_as('a');
    struct str quiet = take_until(fd, &rig.arena, "\r\n0\r\n\r\n");
    int beats = 0;
    for (const char *at = strstr(quiet.ptr, "\r\n:\n\n"); at; at = strstr(at + 1, "\r\n:\n\n")) {
        beats++;
    }
    assert_in_range(beats, AT_LEAST, LIFE_MS / HEARTBEAT_MS);
    (void)close(fd);
}

/* In order, and not before its time: an eighth of it is left to chance. */
static void test_life_ends(void **state)
{
    enum { LIFE_MS = 400 };

    (void)state;
    open_rig((struct http_stream_limits){.life_ms = LIFE_MS}, 0);
    int64_t began_ms = clock_mono_ms();
    int fd = listen_as('a');
    assert_true(contains(take_until(fd, &rig.arena, "0\r\n\r\n"), "0\r\n\r\n"));
    assert_true(clock_mono_ms() - began_ms >= LIFE_MS - LIFE_MS / 8);
    wait_open(0);
    (void)close(fd);
}

static void finish(struct http_stream_feed *feed, void *ctx)
{
    (void)ctx;
    http_stream_send(feed, STR("last"), STR("{}"));
    http_stream_finish(feed);
    http_stream_send(feed, STR("after"), STR("{}"));
}

static void test_finish_sends_what_is_queued(void **state)
{
    (void)state;
    open_rig((struct http_stream_limits){.per_caller_max = 0}, 0);
    int fd = listen_as('a');
    http_stream_each(rig.set, finish, NULL);
    struct str rest = take_until(fd, &rig.arena, "0\r\n\r\n");
    assert_true(contains(rest, "event: last\n"));
    assert_false(contains(rest, "event: after\n"));
    (void)close(fd);
}

/* One caller cannot take all places; a place is free again as soon as its client has gone. */
static void test_cap_per_caller(void **state)
{
    (void)state;
    open_rig((struct http_stream_limits){.per_caller_max = PER_CALLER}, 0);
    int own[PER_CALLER];
    for (int i = 0; i < PER_CALLER; i++) {
        own[i] = listen_as('a');
    }
    struct str refused = exchange(rig.fixture, &rig.arena, STR(HEAD("GET", "/events?as=a") "\r\n"));
    assert_answer(refused, "429", "http.streams_of_caller");
    assert_true(contains(refused, "Content-Type: application/problem+json"));
    assert_int_equal(atomic_load(&http_stream_set_stats(rig.set)->refused), 1);
    int other = listen_as('b');
    (void)close(own[0]);
    wait_open(PER_CALLER);
    own[0] = listen_as('a');
    for (int i = 0; i < PER_CALLER; i++) {
        (void)close(own[i]);
    }
    (void)close(other);
}

static void test_streams_leave_room_for_requests(void **state)
{
    (void)state;
    open_rig((struct http_stream_limits){.per_caller_max = CONNECTIONS}, 0);
    int fds[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        fds[i] = listen_as('a');
    }
    struct str refused = exchange(rig.fixture, &rig.arena, STR(HEAD("GET", "/events") "\r\n"));
    assert_answer(refused, "503", "http.streams_full");
    assert_true(contains(refused, "\r\nRetry-After: 2\r\n"));
    assert_true(contains(refused, "Content-Type: application/problem+json"));
    assert_int_equal(atomic_load(&rig.full), 1); /* and counted as what it is */
    assert_int_equal(count_open(), STREAMS);
    assert_answer(exchange(rig.fixture, &rig.arena, STR(HEAD("GET", "/plain") "\r\n")), "200",
                  "plain");
    for (int i = 0; i < STREAMS; i++) {
        (void)close(fds[i]);
    }
}

/* Far more than sockets hold. */
static void flood(void)
{
    static char text[8 * 1024];
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 2048; i++) {
        tell(0, (struct str){.ptr = text, .len = sizeof(text)});
    }
}

/* The queue of a client that does not read has an end: it is cut, and its stream is not ended in
 * order, so that the client cannot take it for complete. */
static void test_slow_reader_is_cut_by_bytes(void **state)
{
    (void)state;
    open_rig((struct http_stream_limits){.queue_max_bytes = 64 * 1024}, LONG_MS);
    int fd = listen_as('a');
    flood();
    assert_int_equal(atomic_load(&http_stream_set_stats(rig.set)->cut), 1);
    char *rest = malloc(32 * 1024 * 1024); /* LINT-OK: test memory */
    ssize_t got = 0;
    size_t len = 0;
    while ((got = recv(fd, rest + len, 32 * 1024 * 1024 - len, 0)) > 0) {
        len += (size_t)got;
    }
    assert_true(len < 16 * 1024 * 1024);
    assert_memory_not_equal(rest + len - 5, "0\r\n\r\n", 5);
    wait_open(0);
    free(rest); /* LINT-OK: test memory */
    (void)close(fd);
}

static void test_slow_reader_is_cut_by_time(void **state)
{
    (void)state;
    open_rig((struct http_stream_limits){.queue_max_bytes = 64 * 1024 * 1024}, 300);
    int fd = listen_as('a');
    flood();
    wait_open(0); /* though it never read a byte of it */
    assert_int_equal(http_server_counts(rig.fixture->server).timeouts, 1);
    (void)close(fd);
}

/* Takes a block now and then: fast enough for the server's limit, but never done. */
static void test_slow_reader_is_cut_by_delay(void **state)
{
    (void)state;
    open_rig((struct http_stream_limits){.queue_max_bytes = 64 * 1024 * 1024, .behind_ms = 300},
             LONG_MS);
    int fd = listen_as('a');
    flood();
    int64_t until_ms = clock_mono_ms() + AT_ONCE_MS;
    static char some[4096];
    while (count_open() > 0) {
        assert_true(clock_mono_ms() < until_ms);
        (void)recv(fd, some, sizeof(some), MSG_DONTWAIT);
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(atomic_load(&http_stream_set_stats(rig.set)->cut), 1);
    (void)close(fd);
}

static void test_drain_ends_streams_at_once(void **state)
{
    (void)state;
    open_rig((struct http_stream_limits){.per_caller_max = STREAMS}, 0);
    int fds[STREAMS]; /* so many that the first ones wait in their reads by now */
    for (int i = 0; i < STREAMS; i++) {
        fds[i] = listen_as('a');
    }
    int64_t began_ms = clock_mono_ms();
    http_server_drain(rig.fixture->server);
    for (int i = 0; i < STREAMS; i++) {
        assert_true(contains(take_until(fds[i], &rig.arena, "0\r\n\r\n"), "0\r\n\r\n"));
        (void)close(fds[i]);
    }
    assert_true(clock_mono_ms() - began_ms < AT_ONCE_MS);
    assert_answer(exchange(rig.fixture, &rig.arena, STR(HEAD("GET", "/events") "\r\n")), "503",
                  "http.draining");
}

/* Nothing is left behind by an answer that has no body, or that became another one. */
static void test_closed_with_its_response(void **state)
{
    (void)state;
    open_rig((struct http_stream_limits){.per_caller_max = 0}, 0);
    (void)exchange(rig.fixture, &rig.arena, STR(HEAD("HEAD", "/events") "\r\n"));
    wait_open(0);
    struct str failed =
        exchange(rig.fixture, &rig.arena, STR(HEAD("GET", "/events?fail=1") "\r\n"));
    assert_answer(failed, "503", "http.unavailable");
    wait_open(0);
    assert_int_equal(atomic_load(&http_stream_set_stats(rig.set)->opened), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_events_go_to_whom_they_concern, close_rig),
        cmocka_unit_test_teardown(test_heartbeats, close_rig),
        cmocka_unit_test_teardown(test_life_ends, close_rig),
        cmocka_unit_test_teardown(test_finish_sends_what_is_queued, close_rig),
        cmocka_unit_test_teardown(test_cap_per_caller, close_rig),
        cmocka_unit_test_teardown(test_streams_leave_room_for_requests, close_rig),
        cmocka_unit_test_teardown(test_slow_reader_is_cut_by_bytes, close_rig),
        cmocka_unit_test_teardown(test_slow_reader_is_cut_by_time, close_rig),
        cmocka_unit_test_teardown(test_slow_reader_is_cut_by_delay, close_rig),
        cmocka_unit_test_teardown(test_drain_ends_streams_at_once, close_rig),
        cmocka_unit_test_teardown(test_closed_with_its_response, close_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
