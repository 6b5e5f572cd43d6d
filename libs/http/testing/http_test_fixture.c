/* Routes and handlers for the tests, and the raw client. */
#include "http/testing/http_test_fixture.h"

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

/* ---- Handlers ---- */

static STATUS echo(struct op *op, void *deps, const struct http_request *req,
                   struct http_response *ret)
{
    struct fixture *fixture = deps;
    atomic_fetch_add(&fixture->calls, 1);
    ret->content_type = STR("application/octet-stream");
    ret->body = str_dup(op->arena, req->body);
    return OK;
}

static STATUS keep(struct op *op, void *deps, const struct http_request *req,
                   struct http_response *ret)
{
    (void)op;
    (void)ret;
    struct fixture *fixture = deps;
    atomic_fetch_add(&fixture->calls, 1);
    assert_true(req->body.len <= sizeof(fixture->body));
    memcpy(fixture->body, req->body.ptr, req->body.len);
    fixture->body_len = req->body.len;
    return OK;
}

static STATUS say_param(struct op *op, void *deps, const struct http_request *req,
                        struct http_response *ret)
{
    (void)deps;
    struct str limit = STR("-");
    (void)http_request_query(req, STR("limit"), &limit);
    struct strbuf buf;
    strbuf_init(&buf, op->arena, 4096);
    strbuf_addf(&buf, "id=[" STR_FMT "] limit=[" STR_FMT "] peer=[" STR_FMT "]",
                STR_ARG(http_request_param(req, STR("id"))), STR_ARG(limit), STR_ARG(req->peer));
    if (!strbuf_finish(&buf, &ret->body)) {
        return op_arena_full(op);
    }
    ret->content_type = STR("text/plain; charset=utf-8");
    return OK;
}

static STATUS wait_here(struct op *op, void *deps, const struct http_request *req,
                        struct http_response *ret)
{
    (void)req;
    struct fixture *fixture = deps;
    atomic_fetch_add(&fixture->calls, 1);
    while (atomic_load(&fixture->hold)) {
        TRY(op_check_deadline(op));
        (void)poll(NULL, 0, 1);
    }
    ret->body = STR("{\"done\":true}");
    return OK;
}

static STATUS refuse(struct op *op, void *deps, const struct http_request *req,
                     struct http_response *ret)
{
    (void)deps;
    (void)req;
    ret->retry_after_s = 7;
    TRY(http_response_header(op, ret, STR("X-Secret"), STR("must not be seen")));
    return op_fail(op, STATUS_RETRY, "http.unavailable", "the database at 10.0.0.7 is away");
}

static STATUS whoami(struct op *op, void *deps, const struct http_request *req,
                     struct http_response *ret)
{
    (void)op;
    (void)deps;
    ret->body = str_of(req->principal);
    ret->content_type = STR("text/plain");
    return OK;
}

static STATUS inject(struct op *op, void *deps, const struct http_request *req,
                     struct http_response *ret)
{
    (void)deps;
    return http_response_header(op, ret, STR("Location"), http_request_param(req, STR("id")));
}

static STATUS inject_line(struct op *op, void *deps, const struct http_request *req,
                          struct http_response *ret)
{
    (void)deps;
    (void)req;
    return http_response_header(op, ret, STR("Location"), STR("/x\r\nSet-Cookie: a=b"));
}

static int64_t count_to_three(void *ctx, char *ret_bytes, size_t max_bytes, bool stopping)
{
    int *count = ctx;
    if (*count == 3 || stopping) {
        return HTTP_STREAM_END;
    }
    (*count)++;
    int len = snprintf(ret_bytes, max_bytes, "data: %d\n\n", *count);
    return len;
}

static int64_t until_stopping(void *ctx, char *ret_bytes, size_t max_bytes, bool stopping)
{
    (void)ctx;
    if (stopping) {
        return HTTP_STREAM_END;
    }
    (void)poll(NULL, 0, 5);
    int len = snprintf(ret_bytes, max_bytes, ":\n");
    return len;
}

struct stream_state {
    int count; /* first: the reader's ctx */
    struct fixture *fixture;
};

static void close_stream(void *ctx)
{
    struct stream_state *state = ctx;
    atomic_fetch_add(&state->fixture->streams_closed, 1);
    free(state); /* LINT-OK: a stream outlives its request's arena */
}

static STATUS open_stream(struct op *op, void *deps, const struct http_request *req,
                          struct http_response *ret)
{
    (void)op;
    struct stream_state *state = calloc(1, sizeof(*state)); /* LINT-OK: outlives the arena */
    assert_non_null(state);
    state->fixture = deps;
    bool endless = str_eq(req->path, STR("/endless"));
    ret->content_type = STR("text/event-stream");
    ret->stream = (struct http_stream){
        .read = endless ? until_stopping : count_to_three, .close = close_stream, .ctx = state};
    return OK;
}

STATUS fixture_authenticate(struct op *op, void *deps, const struct http_request *req,
                            const void **ret_principal)
{
    (void)deps;
    if (str_eq(req->token, STR("good")) || req->token.len == 0) { /* never asked without one */
        *ret_principal = "buyer";
        return OK;
    }
    if (str_eq(req->token, STR("weak"))) {
        return op_fail(op, STATUS_DENIED, "http.denied", "role");
    }
    return op_fail(op, STATUS_DENIED, "http.unauthenticated", "unknown token");
}

static void observe(struct op *op, void *deps, const struct http_seen *seen)
{
    struct fixture *fixture = deps;
    assert_int_equal(op->correlation_id.len, 36);
    assert_true(seen->took_us >= 0);
    atomic_store(&fixture->last_status, seen->status);
    atomic_store(&fixture->last_code, seen->code);
    atomic_fetch_add(&fixture->seen, 1);
}

const struct http_route fixture_routes[] = {
    {HTTP_POST, "/echo", HTTP_AUTH_NONE, HTTP_BODY_JSON, 64, 1000, echo, 0, 0, 0},
    {HTTP_POST, "/raw", HTTP_AUTH_NONE, HTTP_BODY_ANY, BIG_BODY_BYTES, 1000, keep, 0, 0, 0},
    {HTTP_POST, "/form", HTTP_AUTH_NONE, HTTP_BODY_FORM, 64, 1000, echo, 0, 0, 0},
    {HTTP_GET, "/things/:id", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, say_param, 0, 0, 0},
    {HTTP_DELETE, "/things/:id", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, say_param, 0, 0, 0},
    {HTTP_POST, "/money", HTTP_AUTH_NONE, HTTP_BODY_JSON, 64, 1000, echo, HTTP_ROUTE_NEEDS_KEY, 0,
     0},
    {HTTP_GET, "/slow", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 10000, wait_here, 0, 0, 0},
    {HTTP_GET, "/late", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1, wait_here, 0, 0, 0},
    {HTTP_GET, "/refuse", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, refuse, 0, 0, 0},
    {HTTP_GET, "/inject/:id", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, inject, 0, 0, 0},
    {HTTP_GET, "/inject", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, inject_line, 0, 0, 0},
    {HTTP_GET, "/me", HTTP_AUTH_TOKEN, HTTP_BODY_NONE, 0, 1000, whoami, 0, 0, 0},
    {HTTP_GET, "/count", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, open_stream, 0, 0, 0},
    {HTTP_GET, "/endless", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, open_stream, 0, 0, 0},
    {HTTP_GET, "/health", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, wait_here,
     HTTP_ROUTE_WHILE_DRAINING, 0, 0},
};

const uint32_t fixture_route_count = ARRAY_LEN(fixture_routes);

void fixture_open(struct fixture *fixture, struct http_options options)
{
    options.host = STR("127.0.0.1");
    options.routes = fixture_routes;
    options.route_count = ARRAY_LEN(fixture_routes);
    options.deps = fixture;
    options.authenticate = fixture_authenticate;
    options.observe = observe;
    struct status st = http_server_open(&fixture->op, &options, &fixture->server);
    assert_int_equal(st.kind, STATUS_OK);
}

struct fixture *fixture_new(void)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture)); /* LINT-OK: test memory */
    assert_non_null(fixture);
    arena_init(&fixture->arena, 1024 * 1024);
    fixture->op = (struct op){.arena = &fixture->arena};
    return fixture;
}

int fixture_setup(void **state)
{
    struct fixture *fixture = fixture_new();
    fixture_open(fixture, (struct http_options){.receive_ms = 6000});
    *state = fixture;
    return 0;
}

int fixture_setup_quick(void **state)
{
    struct fixture *fixture = fixture_new();
    fixture_open(fixture,
                 (struct http_options){.head_ms = 300, .receive_ms = 500, .idle_ms = 1000});
    *state = fixture;
    return 0;
}

void fixture_free(struct fixture *fixture)
{
    atomic_store(&fixture->hold, false);
    http_server_stop(fixture->server, 1000);
    arena_fini(&fixture->arena);
    free(fixture); /* LINT-OK: test memory */
}

int fixture_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

/* ---- A client that sends what it is told ---- */

int dial_from(const struct fixture *fixture, const char *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in from = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
    const void *source = &from;
    assert_int_equal(bind(fd, source, sizeof(from)), 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(fixture->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const void *any = &to;
    assert_int_equal(connect(fd, any, sizeof(to)), 0);
    return fd;
}

int dial(const struct fixture *fixture)
{
    return dial_from(fixture, "127.0.0.1");
}

void put(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the server has had enough */
        }
        bytes = str_after(bytes, (size_t)sent);
    }
}

/* Reads until the other side closes, or until `stop_at` has been seen. */
struct str take_until(int fd, struct arena *arena, const char *stop_at)
{
    char *bytes = arena_alloc(arena, ANSWER_MAX_BYTES, 1);
    assert_non_null(bytes);
    size_t len = 0;
    while (len < ANSWER_MAX_BYTES - 1) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
        ssize_t got = recv(fd, bytes + len, ANSWER_MAX_BYTES - 1 - len, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        bytes[len] = '\0';
        if (stop_at != NULL && strstr(bytes, stop_at) != NULL) {
            break;
        }
    }
    return (struct str){.ptr = bytes, .len = len};
}

/* One request on a connection of its own; the answer until the server closes. */
struct str exchange(const struct fixture *fixture, struct arena *arena, struct str request)
{
    int fd = dial(fixture);
    put(fd, request);
    (void)shutdown(fd, SHUT_WR);
    struct str answer = take_until(fd, arena, NULL);
    (void)close(fd);
    return answer;
}

bool contains(struct str text, const char *what)
{
    return memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

void assert_answer(struct str answer, const char *status, const char *what)
{
    char line[64];
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %s ", status);
    if (!str_has_prefix(answer, str_of(line)) || (what != NULL && !contains(answer, what))) {
        print_error("wanted %s %s, got:\n" STR_FMT "\n", status, what != NULL ? what : "",
                    STR_ARG(answer));
        fail();
    }
}
