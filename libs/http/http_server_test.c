/* The checks and routes over real sockets: raw bytes in, raw bytes out. */
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

/* ---- Tests ---- */

static const struct {
    const char *request;
    const char *status;
    const char *what;
} http_rows[] = {
    {HEAD("GET", "/nothing") "\r\n", "404", "http.not_found"},
    {HEAD("GET", "/") "\r\n", "404", "http.not_found"},
    {HEAD("GET", "/things/a/b") "\r\n", "404", "http.not_found"},
    {HEAD("GET", "/things/") "\r\n", "404", "http.not_found"},
    {HEAD("GET", "/things") "\r\n", "404", "http.not_found"},
    {HEAD("GET", "//things/a") "\r\n", "404", "http.not_found"},
    {HEAD("PUT", "/things/a") "Content-Length: 0\r\n\r\n", "405", "Allow: GET, HEAD, DELETE\r\n"},
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
    {HEAD("GET", "/things/a?a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=") "\r\n", "200", NULL},
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
    {HEAD("POST", "/echo") "Content-Type: application/jsonx\r\nContent-Length: 2\r\n\r\n{}", "415",
     "http.content_type"},
    {HEAD("POST", "/echo") "Content-Length: 2\r\n\r\n{}", "415", "http.content_type"},
    {HEAD("POST", "/echo") "Content-Length: 0\r\n\r\n", "200", NULL},
    {HEAD("POST", "/echo") JSON "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "415",
     "http.content_encoding"},
    {HEAD("POST", "/echo") JSON "Content-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", "415",
     "http.content_encoding"},
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
    {HEAD("POST", "/echo") JSON JSON "Content-Length: 2\r\n\r\n{}", "400", "http.duplicate_header"},
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
    {HEAD("POST", "/money") JSON "Idempotency-Key: 0123456789abcdef0123456789abcdef0123456789abcdef"
                                 "0123456789ABCD_-\r\nContent-Length: 2\r\n\r\n{}",
     "200", NULL},
    {HEAD("POST", "/money") JSON "Idempotency-Key: 0123456789abcdef0123456789abcdef0123456789abcdef"
                                 "0123456789ABCD_-x\r\nContent-Length: 2\r\n\r\n{}",
     "400", "http.idempotency_key_malformed"},
    /* who is there */
    {HEAD("GET", "/me") "\r\n", "401", "WWW-Authenticate: Bearer\r\n"},
    {HEAD("GET", "/me") "Authorization: Basic good\r\n\r\n", "401", "http.unauthenticated"},
    {HEAD("GET", "/me") "Authorization: Bearer \r\n\r\n", "401", "http.unauthenticated"},
    {HEAD("GET", "/me") "Authorization: Bearer bad\r\n\r\n", "401", "http.unauthenticated"},
    {HEAD("GET", "/me") "Authorization: Bearer weak\r\n\r\n", "403", "http.denied"},
    {HEAD("GET", "/me") "Authorization: bearer good\r\n\r\n", "200", "\r\n\r\nbuyer"},
    {HEAD("GET", "/me") "Authorization: Bearer good\r\nAuthorization: Bearer good\r\n\r\n", "400",
     "http.duplicate_header"},
    /* garbage before HTTP */
    {"\r\n\r\n\r\n" HEAD("GET", "/things/a") "\r\n", "200", NULL},
    {HEAD("GET", "http://elsewhere/things/a") "\r\n", "404", NULL},
};

static void test_rows(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(http_rows); i++) {
        struct arena arena;
        arena_init(&arena, 2 * ANSWER_MAX_BYTES);
        struct str answer = exchange(fixture, &arena, str_of(http_rows[i].request));
        assert_answer(answer, http_rows[i].status, http_rows[i].what);
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
    struct fixture *fixture = fixture_new();
    struct arena arena;
    arena_init(&arena, 4 * ANSWER_MAX_BYTES);
    fixture_open(fixture, (struct http_options){.trusted_proxy = STR("127.0.0.1")});
    struct str answer =
        exchange(fixture, &arena,
                 STR(HEAD("GET", "/things/a") "X-Forwarded-For: 6.6.6.6, 2001:db8::7\r\n\r\n"));
    assert_answer(answer, "200", "peer=[2001:db8::7]");
    http_server_stop(fixture->server, 0);
    fixture_open(fixture, (struct http_options){.trusted_proxy = STR("10.0.0.1")});
    answer =
        exchange(fixture, &arena, STR(HEAD("GET", "/things/a") "X-Forwarded-For: 6.6.6.6\r\n\r\n"));
    assert_answer(answer, "200", "peer=[127.0.0.1]");
    http_server_stop(fixture->server, 0);
    arena_fini(&arena);
    fixture->server = NULL;
    fixture_free(fixture);
}

static void test_cannot_listen(void **state)
{
    struct fixture *fixture = *state;
    struct http_options options = {.host = STR("127.0.0.1"),
                                   .port = http_server_port(fixture->server),
                                   .routes = fixture_routes,
                                   .route_count = fixture_route_count,
                                   .authenticate = fixture_authenticate};
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
        cmocka_unit_test_setup_teardown(test_rows, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_common_headers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_head_has_no_body, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_sizes, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_exact_bytes, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_body_too_large, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_body_cut, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_keep_alive_and_pipelining, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_no_smuggling, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_observer, fixture_setup, fixture_teardown),
        cmocka_unit_test(test_trusted_proxy),
        cmocka_unit_test_setup_teardown(test_cannot_listen, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
