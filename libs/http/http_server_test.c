/* The server over real sockets: raw bytes in, raw bytes out. */
#include "http/http_server.h"

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

#define ANSWER_MAX_BYTES (512 * 1024)
#define WAIT_MS 20000
#define CROWD 1100
#define BIG_BODY_BYTES (32 * 1024)

struct fixture {
    struct arena arena;
    struct op op;
    struct http_server *server;
    _Atomic uint32_t calls; /* of handlers */
    _Atomic uint32_t seen;  /* by the observer */
    _Atomic int32_t last_status;
    _Atomic bool hold; /* the slow handler waits while this is true */
    _Atomic uint32_t streams_closed;
    uint8_t body[BIG_BODY_BYTES];
    size_t body_len;
    char peer[64];
};

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
    return op_fail(op, STATUS_RETRY, "op.not_listed_anywhere", "the database at 10.0.0.7 is away");
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

static STATUS authenticate(struct op *op, void *deps, const struct http_request *req,
                           const void **ret_principal)
{
    (void)deps;
    if (str_eq(req->token, STR("good"))) {
        *ret_principal = "buyer";
        return OK;
    }
    if (str_eq(req->token, STR("weak"))) {
        return op_fail(op, STATUS_DENIED, "op.not_listed_anywhere", "role");
    }
    return op_fail(op, STATUS_DENIED, "http.unauthenticated", "unknown token");
}

static void observe(struct op *op, void *deps, const struct http_seen *seen)
{
    struct fixture *fixture = deps;
    assert_int_equal(op->correlation_id.len, 36);
    assert_true(seen->took_us >= 0);
    atomic_store(&fixture->last_status, seen->status);
    atomic_fetch_add(&fixture->seen, 1);
}

static const struct http_route routes[] = {
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

static void open_with(struct fixture *fixture, struct http_options options)
{
    options.host = STR("127.0.0.1");
    options.routes = routes;
    options.route_count = ARRAY_LEN(routes);
    options.deps = fixture;
    options.authenticate = authenticate;
    options.observe = observe;
    struct status st = http_server_open(&fixture->op, &options, &fixture->server);
    assert_int_equal(st.kind, STATUS_OK);
}

static struct fixture *make_fixture(void)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture)); /* LINT-OK: a test's */
    assert_non_null(fixture);
    arena_init(&fixture->arena, 1024 * 1024);
    fixture->op = (struct op){.arena = &fixture->arena};
    return fixture;
}

static int setup(void **state)
{
    struct fixture *fixture = make_fixture();
    open_with(fixture, (struct http_options){.receive_ms = 6000});
    *state = fixture;
    return 0;
}

static int setup_quick(void **state)
{
    struct fixture *fixture = make_fixture();
    open_with(fixture, (struct http_options){.head_ms = 300, .receive_ms = 500, .idle_ms = 1000});
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    atomic_store(&fixture->hold, false);
    http_server_stop(fixture->server, 1000);
    arena_fini(&fixture->arena);
    free(fixture); /* LINT-OK: a test's */
    return 0;
}

/* ---- A client that sends what it is told ---- */

static int dial(const struct fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(fixture->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const void *any = &to;
    assert_int_equal(connect(fd, any, sizeof(to)), 0);
    return fd;
}

static void put(int fd, struct str bytes)
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
static struct str take_until(int fd, struct arena *arena, const char *stop_at)
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
static struct str exchange(const struct fixture *fixture, struct arena *arena, struct str request)
{
    int fd = dial(fixture);
    put(fd, request);
    (void)shutdown(fd, SHUT_WR);
    struct str answer = take_until(fd, arena, NULL);
    (void)close(fd);
    return answer;
}

static bool contains(struct str text, const char *what)
{
    return memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

static void assert_answer(struct str answer, const char *status, const char *what)
{
    char line[64];
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %s ", status);
    if (!str_has_prefix(answer, str_of(line)) || (what != NULL && !contains(answer, what))) {
        print_error("wanted %s %s, got:\n" STR_FMT "\n", status, what != NULL ? what : "",
                    STR_ARG(answer));
        fail();
    }
}

#define HEAD(method, path) method " " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
#define JSON "Content-Type: application/json\r\n"

/* ---- Tests ---- */

static void test_rows(void **state)
{
    struct fixture *fixture = *state;

    static const struct {
        const char *request;
        const char *status;
        const char *what;
    } rows[] = {
        {HEAD("GET", "/nothing") "\r\n", "404", "http.not_found"},
        {HEAD("GET", "/") "\r\n", "404", "http.not_found"},
        {HEAD("GET", "/things/a/b") "\r\n", "404", "http.not_found"},
        {HEAD("GET", "/things/") "\r\n", "404", "http.not_found"},
        {HEAD("GET", "/things") "\r\n", "404", "http.not_found"},
        {HEAD("GET", "//things/a") "\r\n", "404", "http.not_found"},
        {HEAD("PUT", "/things/a") "Content-Length: 0\r\n\r\n", "405",
         "Allow: GET, HEAD, DELETE\r\n"},
        {HEAD("BREW", "/things/a") "\r\n", "405", "http.method_not_allowed"},
        {HEAD("OPTIONS", "/echo") "\r\n", "405", "Allow: POST\r\n"},
        {HEAD("TRACE", "/echo") "\r\n", "405", "Allow: POST\r\n"},
        {HEAD("GET", "/things/a%20b?limit=5") "\r\n", "200", "id=[a b] limit=[5] peer=[127.0.0.1]"},
        {HEAD("GET", "/things/%C3%A9?x=y&limit=a+b%26") "\r\n", "200", "limit=[a b&]"},
        {HEAD("GET", "/things/%zz") "\r\n", "400", "http.path"},
        {HEAD("GET", "/things/a%0") "\r\n", "400", "http.path"},
        {HEAD("GET", "/things/a%00b") "\r\n", "400", "http.path"},
        {HEAD("GET", "/things/%ff") "\r\n", "400", "http.path"},
        {HEAD("GET", "/inject/a%0d%0aX:1") "\r\n", "400", "http.path"},
        {HEAD("GET", "/inject") "\r\n", "500", "\"code\":\"http.header_value\""},
        {HEAD("GET", "/things/a?limit=1&limit=2") "\r\n", "400", "http.query"},
        {HEAD("GET", "/things/a?limit=1&") "\r\n", "400", "http.query"},
        {HEAD("GET", "/things/a?limit=%") "\r\n", "400", "http.query"},
        {HEAD("GET", "/things/a?a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=") "\r\n", "200",
         NULL},
        {HEAD("GET", "/things/a?a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=") "\r\n", "400",
         "http.query"},
        /* lengths */
        {HEAD("POST", "/echo") JSON "\r\n", "411", "http.length_required"},
        {HEAD("POST", "/echo") JSON "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "411",
         "http.transfer_encoding"},
        {HEAD("POST", "/echo") JSON
         "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
         "411", "Connection: close\r\n"},
        {HEAD("POST", "/echo") JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "400",
         "http.length_invalid"},
        {HEAD("POST", "/echo") JSON "Content-Length: 2\r\ncontent-length: 3\r\n\r\n{} ", "400",
         "http.length_invalid"},
        {HEAD("POST", "/echo") JSON "Content-Length: 2,2\r\n\r\n{}", "400", NULL},
        {HEAD("POST", "/echo") JSON "Content-Length: -2\r\n\r\n{}", "400", NULL},
        {HEAD("POST", "/echo") JSON "Content-Length: +2\r\n\r\n{}", "400", NULL},
        {HEAD("POST", "/echo") JSON "Content-Length: 0x2\r\n\r\n{}", "400", NULL},
        {HEAD("POST", "/echo") JSON "Content-Length: two\r\n\r\n{}", "400", NULL},
        {HEAD("POST", "/echo") JSON "Content-Length: 99999999999999999999\r\n\r\n{}", "413", NULL},
        {HEAD("POST", "/echo") JSON "Content-Length:\r\n\r\n", "400", NULL},
        {HEAD("GET", "/things/a") "Content-Length: 2\r\n\r\n{}", "413", "http.body_too_large"},
        {HEAD("GET", "/things/a") "Content-Length: 0\r\n\r\n", "200", NULL},
        /* types */
        {HEAD("POST", "/echo") JSON "Content-Length: 2\r\n\r\n{}", "200", "\r\n\r\n{}"},
        {HEAD("POST", "/echo") "Content-Type: Application/JSON ; charset=UTF-8\r\n"
                               "Content-Length: 2\r\n\r\n{}",
         "200", "\r\n\r\n{}"},
        {HEAD("POST", "/echo") "Content-Type: application/json; charset=latin1\r\n"
                               "Content-Length: 2\r\n\r\n{}",
         "415", "http.content_type"},
        {HEAD("POST", "/echo") "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", "415",
         "http.content_type"},
        {HEAD("POST", "/echo") "Content-Type: application/jsonx\r\nContent-Length: 2\r\n\r\n{}",
         "415", "http.content_type"},
        {HEAD("POST", "/echo") "Content-Length: 2\r\n\r\n{}", "415", "http.content_type"},
        {HEAD("POST", "/echo") "Content-Length: 0\r\n\r\n", "200", NULL},
        {HEAD("POST", "/echo") JSON "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "415",
         "http.content_encoding"},
        {HEAD("POST", "/echo") JSON "Content-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
         "415", "http.content_encoding"},
        {HEAD("POST", "/form") "Content-Type: application/x-www-form-urlencoded\r\n"
                               "Content-Length: 3\r\n\r\na=b",
         "200", "\r\n\r\na=b"},
        {HEAD("POST", "/echo") "Content-Type: application/x-www-form-urlencoded\r\n"
                               "Content-Length: 3\r\n\r\na=b",
         "415", NULL},
        {HEAD("POST", "/echo") "Content-Type: multipart/form-data; boundary=x\r\n"
                               "Content-Length: 3\r\n\r\na=b",
         "415", NULL},
        /* headers that may come once */
        {HEAD("POST", "/echo") JSON JSON "Content-Length: 2\r\n\r\n{}", "400",
         "http.duplicate_header"},
        {HEAD("GET", "/things/a") "Host: y\r\n\r\n", "400", "http.duplicate_header"},
        {HEAD("POST", "/money") JSON
         "Idempotency-Key: a\r\nIdempotency-Key: a\r\nContent-Length: 2\r\n\r\n{}",
         "400", "http.duplicate_header"},
        {HEAD("POST",
              "/raw") "Stripe-Signature: a\r\nSTRIPE-SIGNATURE: b\r\nContent-Length: 2\r\n\r\n{}",
         "400", "http.duplicate_header"},
        {"GET /things/a HTTP/1.1\r\nConnection: close\r\n\r\n", "400", NULL},
        {HEAD("POST", "/echo") JSON "Content-Length : 2\r\n\r\n{}", "400", "http.header_name"},
        /* idempotency keys */
        {HEAD("POST", "/money") JSON "Content-Length: 2\r\n\r\n{}", "400",
         "http.idempotency_key_missing"},
        {HEAD("POST", "/money") JSON "Idempotency-Key:\r\nContent-Length: 2\r\n\r\n{}", "400",
         "http.idempotency_key_malformed"},
        {HEAD("POST", "/money") JSON "Idempotency-Key: a b\r\nContent-Length: 2\r\n\r\n{}", "400",
         "http.idempotency_key_malformed"},
        {HEAD("POST", "/money") JSON
         "Idempotency-Key: 0123456789abcdef0123456789abcdef0123456789abcdef"
         "0123456789ABCD_-\r\nContent-Length: 2\r\n\r\n{}",
         "200", NULL},
        {HEAD("POST", "/money") JSON
         "Idempotency-Key: 0123456789abcdef0123456789abcdef0123456789abcdef"
         "0123456789ABCD_-x\r\nContent-Length: 2\r\n\r\n{}",
         "400", "http.idempotency_key_malformed"},
        /* who is there */
        {HEAD("GET", "/me") "\r\n", "401", "WWW-Authenticate: Bearer\r\n"},
        {HEAD("GET", "/me") "Authorization: Basic good\r\n\r\n", "401", "http.unauthenticated"},
        {HEAD("GET", "/me") "Authorization: Bearer \r\n\r\n", "401", "http.unauthenticated"},
        {HEAD("GET", "/me") "Authorization: Bearer bad\r\n\r\n", "401", "http.unauthenticated"},
        {HEAD("GET", "/me") "Authorization: Bearer weak\r\n\r\n", "403", "http.denied"},
        {HEAD("GET", "/me") "Authorization: bearer good\r\n\r\n", "200", "\r\n\r\nbuyer"},
        {HEAD("GET", "/me") "Authorization: Bearer good\r\nAuthorization: Bearer good\r\n\r\n",
         "400", "http.duplicate_header"},
        /* garbage before HTTP */
        {"\r\n\r\n\r\n" HEAD("GET", "/things/a") "\r\n", "200", NULL},
        {HEAD("GET", "http://elsewhere/things/a") "\r\n", "404", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, 2 * ANSWER_MAX_BYTES);
        struct str answer = exchange(fixture, &arena, str_of(rows[i].request));
        assert_answer(answer, rows[i].status, rows[i].what);
        arena_fini(&arena);
    }
}

static void test_common_headers(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 8 * ANSWER_MAX_BYTES);
    struct str answer = exchange(
        fixture, &arena,
        STR(HEAD("GET", "/things/a") "X-Request-Id: 6F9619FF-8B86-D011-B42D-00CF4FC964FF\r\n\r\n"));
    assert_answer(answer, "200", "Cache-Control: no-store\r\n");
    assert_true(contains(answer, "X-Content-Type-Options: nosniff\r\n"));
    assert_true(contains(answer, "X-Request-Id: 6f9619ff-8b86-d011-b42d-00cf4fc964ff\r\n"));
    answer =
        exchange(fixture, &arena, STR(HEAD("GET", "/refuse") "X-Request-Id: <script>\r\n\r\n"));
    assert_answer(answer, "503", "Retry-After: 7\r\n");
    assert_true(contains(answer, "Content-Type: application/problem+json\r\n"));
    assert_true(contains(answer, "\"code\":\"http.unavailable\""));
    assert_false(contains(answer, "script"));   /* nothing that was sent comes back */
    assert_false(contains(answer, "10.0.0.7")); /* what operators read stays inside */
    assert_false(contains(answer, "X-Secret"));
    answer = exchange(fixture, &arena, STR(HEAD("GET", "/<b>nothing</b>?x=%3Cb%3E") "\r\n"));
    assert_answer(answer, "404", NULL);
    assert_false(contains(answer, "<b>"));
    arena_fini(&arena);
}

static void test_head_has_no_body(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 2 * ANSWER_MAX_BYTES);
    struct str answer = exchange(fixture, &arena, STR(HEAD("HEAD", "/things/abc") "\r\n"));
    assert_answer(answer, "200", "Content-Length: ");
    assert_false(contains(answer, "id=["));
    arena_fini(&arena);
}

/* A request line or headers around each limit. */
static struct str sized_request(struct arena *arena, size_t url_bytes, uint32_t header_count,
                                size_t header_value_bytes)
{
    struct strbuf buf;
    strbuf_init(&buf, arena, 256 * 1024);
    strbuf_add(&buf, STR("GET /things/"));
    for (size_t i = strlen("/things/"); i < url_bytes; i++) {
        strbuf_add_char(&buf, 'a');
    }
    strbuf_add(&buf, STR(" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"));
    for (uint32_t i = 2; i < header_count; i++) {
        strbuf_addf(&buf, "X-%u: ", i);
        for (size_t j = 0; j < header_value_bytes; j++) {
            strbuf_add_char(&buf, 'b');
        }
        strbuf_add(&buf, STR("\r\n"));
    }
    strbuf_add(&buf, STR("\r\n"));
    struct str request;
    assert_true(strbuf_finish(&buf, &request));
    return request;
}

static void test_sizes(void **state)
{
    struct fixture *fixture = *state;

    static const struct {
        size_t url_bytes;
        uint32_t header_count;
        size_t header_value_bytes;
        const char *status;
    } rows[] = {
        {HTTP_URL_MAX_BYTES, 2, 0, "200"},
        {HTTP_URL_MAX_BYTES + 1, 2, 0, "414"},
        {30000, 2, 0, "414"},
        {20, HTTP_HEADERS_MAX, 1, "200"},
        {20, HTTP_HEADERS_MAX + 1, 1, "431"},
        {20, 500, 1, "431"},
        {20, 18, 1000, "200"},
        {20, 19, 1000, "431"},
        {20, 60, 3000, "431"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        arena_init(&arena, 4 * ANSWER_MAX_BYTES);
        struct str request = sized_request(&arena, rows[i].url_bytes, rows[i].header_count,
                                           rows[i].header_value_bytes);
        struct str answer = exchange(fixture, &arena, request);
        assert_answer(answer, rows[i].status, NULL);
        arena_fini(&arena);
    }
}

static struct str body_request(struct arena *arena, size_t declared, size_t sent)
{
    struct strbuf buf;
    strbuf_init(&buf, arena, 16 * 1024 * 1024);
    strbuf_addf(&buf, HEAD("POST", "/raw") "Content-Length: %zu\r\n\r\n", declared);
    for (size_t i = 0; i < sent; i++) {
        strbuf_add_char(&buf, (char)(unsigned char)(i * 7 % 256));
    }
    struct str request;
    assert_true(strbuf_finish(&buf, &request));
    return request;
}

static void test_exact_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 4 * ANSWER_MAX_BYTES);
    struct str request = body_request(&arena, BIG_BODY_BYTES, BIG_BODY_BYTES);
    assert_answer(exchange(fixture, &arena, request), "200", NULL);
    assert_int_equal(fixture->body_len, BIG_BODY_BYTES);
    for (size_t i = 0; i < BIG_BODY_BYTES; i++) {
        assert_int_equal(fixture->body[i], i * 7 % 256);
    }
    assert_int_equal(atomic_load(&fixture->calls), 1);
    arena_fini(&arena);
}

static void test_body_too_large(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 4 * ANSWER_MAX_BYTES);
    struct str request = body_request(&arena, BIG_BODY_BYTES + 1, BIG_BODY_BYTES + 1);
    assert_answer(exchange(fixture, &arena, request), "413", "Connection: close\r\n");
    request = body_request(&arena, 3UL * BIG_BODY_BYTES, 3UL * BIG_BODY_BYTES);
    assert_answer(exchange(fixture, &arena, request), "413", "http.body_too_large");
    assert_int_equal(atomic_load(&fixture->calls), 0);
    arena_fini(&arena);
}

/* The sender closes in the middle of the body: no handler sees a part of it. */
static void test_body_cut(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 4 * ANSWER_MAX_BYTES);
    struct str answer = exchange(fixture, &arena, body_request(&arena, 100, 60));
    assert_false(str_has_prefix(answer, STR("HTTP/1.1 200")));
    assert_int_equal(atomic_load(&fixture->calls), 0);
    arena_fini(&arena);
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
    assert_int_equal(http_server_timeouts(fixture->server), 1);
}

static void test_keep_alive_and_pipelining(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 8 * ANSWER_MAX_BYTES);
    int fd = dial(fixture);
    put(fd, STR("POST /echo HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: 5\r\n\r\n[\"a\"]"));
    struct str answer = take_until(fd, &arena, "[\"a\"]");
    assert_answer(answer, "200", NULL);
    put(fd, STR("POST /echo HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: 5\r\n\r\n[\"b\"]"
                "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
                "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" JSON
                "Content-Length: 5\r\n\r\n[\"c\"]"));
    answer = take_until(fd, &arena, NULL);
    const char *b = memmem(answer.ptr, answer.len, "[\"b\"]", 5);
    const char *missing = memmem(answer.ptr, answer.len, "http.not_found", 14);
    const char *c = memmem(answer.ptr, answer.len, "[\"c\"]", 5);
    assert_non_null(b);
    assert_true(missing > b);
    assert_true(c > missing);
    assert_int_equal(http_server_in_flight(fixture->server), 0);
    (void)close(fd);
    arena_fini(&arena);
}

/* What follows a request with two lengths is not read as a request. */
static void test_no_smuggling(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 2 * ANSWER_MAX_BYTES);
    int fd = dial(fixture);
    put(fd, STR("POST /echo HTTP/1.1\r\nHost: x\r\n" JSON
                "Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}"
                "POST /echo HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: 0\r\n\r\n"));
    struct str answer = take_until(fd, &arena, NULL);
    assert_answer(answer, "400", "http.length_invalid");
    assert_false(contains(str_after(answer, 12), "HTTP/1.1 "));
    assert_int_equal(atomic_load(&fixture->calls), 0);
    (void)close(fd);
    arena_fini(&arena);
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
    assert_int_equal(http_server_timeouts(fixture->server), 1);
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
    assert_int_equal(http_server_in_flight(fixture->server), 2);

    http_server_drain(fixture->server);
    struct str answer = exchange(fixture, &arena, STR(HEAD("GET", "/things/a") "\r\n"));
    assert_answer(answer, "503", "Retry-After: 2\r\n");
    put(idle, STR("GET /things/a HTTP/1.1\r\nHost: x\r\n\r\n")); /* on an old connection too */
    assert_answer(take_until(idle, &arena, NULL), "503", "Connection: close\r\n");
    (void)take_until(stream, &arena, "\r\n0\r\n\r\n"); /* streams end by themselves */
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

/* More silent connections than there are places: an honest request is refused cleanly at the most,
 * and served as soon as the watchdog has made room. */
static void test_crowd(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 512 * ANSWER_MAX_BYTES);
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
    assert_true(http_server_connections(fixture->server) <= HTTP_CONNECTIONS_MAX);
    int64_t began_ms = clock_mono_ms();
    bool served = false;
    while (!served && clock_mono_ms() - began_ms < WAIT_MS) {
        struct str answer = exchange(fixture, &arena, STR(HEAD("GET", "/things/a") "\r\n"));
        assert_true(answer.len == 0 || str_has_prefix(answer, STR("HTTP/1.1 200")));
        served = answer.len > 0;
        if (!served) {
            (void)poll(NULL, 0, 50);
        }
    }
    assert_true(served);
    print_message("served after %lld ms, memory grew by %lld KiB\n",
                  (long long)(clock_mono_ms() - began_ms), (long long)(resident_kb() - before_kb));
    for (uint32_t i = 0; i < CROWD; i++) {
        (void)close(crowd[i]);
    }
    arena_fini(&arena);
}

/* The same with connections that say nothing at all: they go after the pressed limit. */
static void test_silent_crowd(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 8 * ANSWER_MAX_BYTES);
    static int crowd[HTTP_CONNECTIONS_MAX];
    for (uint32_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        crowd[i] = dial(fixture);
    }
    int64_t began_ms = clock_mono_ms();
    while (http_server_connections(fixture->server) < HTTP_CONNECTIONS_MAX) {
        assert_true(clock_mono_ms() - began_ms < HTTP_HEAD_MS); /* all are accepted at first */
        (void)poll(NULL, 0, 1);
    }
    while (http_server_connections(fixture->server) >
           HTTP_CONNECTIONS_MAX - HTTP_CONNECTIONS_MAX / 8) {
        assert_true(clock_mono_ms() - began_ms < HTTP_HEAD_MS); /* not by the usual limit */
        (void)poll(NULL, 0, 10);
    }
    struct str answer = exchange(fixture, &arena, STR(HEAD("GET", "/things/a") "\r\n"));
    assert_answer(answer, "200", NULL);
    for (uint32_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        (void)close(crowd[i]);
    }
    arena_fini(&arena);
}

static void test_observer(void **state)
{
    struct fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 2 * ANSWER_MAX_BYTES);
    (void)exchange(fixture, &arena, STR(HEAD("GET", "/nothing") "\r\n"));
    assert_int_equal(atomic_load(&fixture->seen), 1);
    assert_int_equal(atomic_load(&fixture->last_status), 404);
    arena_fini(&arena);
}

static void test_trusted_proxy(void **state)
{
    (void)state;
    struct fixture *fixture = make_fixture();
    struct arena arena;
    arena_init(&arena, 4 * ANSWER_MAX_BYTES);
    open_with(fixture, (struct http_options){.trusted_proxy = STR("127.0.0.1")});
    struct str answer =
        exchange(fixture, &arena,
                 STR(HEAD("GET", "/things/a") "X-Forwarded-For: 6.6.6.6, 2001:db8::7\r\n\r\n"));
    assert_answer(answer, "200", "peer=[2001:db8::7]");
    http_server_stop(fixture->server, 0);
    open_with(fixture, (struct http_options){.trusted_proxy = STR("10.0.0.1")});
    answer =
        exchange(fixture, &arena, STR(HEAD("GET", "/things/a") "X-Forwarded-For: 6.6.6.6\r\n\r\n"));
    assert_answer(answer, "200", "peer=[127.0.0.1]");
    http_server_stop(fixture->server, 0);
    arena_fini(&arena);
    arena_fini(&fixture->arena);
    free(fixture); /* LINT-OK: a test's */
}

static void test_cannot_listen(void **state)
{
    struct fixture *fixture = *state;
    struct http_options options = {.host = STR("127.0.0.1"),
                                   .port = http_server_port(fixture->server),
                                   .routes = routes,
                                   .route_count = ARRAY_LEN(routes),
                                   .authenticate = authenticate};
    struct http_server *server = NULL;
    struct status st = http_server_open(&fixture->op, &options, &server);
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_string_equal(fixture->op.err.code, "http.listen");
    options.host = STR("localhost");
    st = http_server_open(&fixture->op, &options, &server);
    assert_int_equal(st.kind, STATUS_INVALID);
    assert_null(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_common_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_has_no_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exact_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keep_alive_and_pipelining, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_smuggling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_head, setup_quick, teardown),
        cmocka_unit_test_setup_teardown(test_slow_body, setup_quick, teardown),
        cmocka_unit_test_setup_teardown(test_handler_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silent_crowd, setup, teardown),
        cmocka_unit_test_setup_teardown(test_observer, setup, teardown),
        cmocka_unit_test(test_trusted_proxy),
        cmocka_unit_test_setup_teardown(test_cannot_listen, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
