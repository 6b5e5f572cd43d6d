/* The adapter without a server: what the server library could hand over one day but does not today,
 * and the table from kinds to HTTP. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/http_errors.h"
#include "http/http_internal.h"

#define ARENA_BYTES (256 * 1024)

static uint32_t calls;

static STATUS count(struct op *op, void *deps, const struct http_request *req,
                    struct http_response *ret)
{
    (void)op;
    (void)deps;
    (void)req;
    (void)ret;
    calls++;
    return OK;
}

static STATUS fill_arena(struct op *op, void *deps, const struct http_request *req,
                         struct http_response *ret)
{
    (void)deps;
    (void)req;
    (void)ret;
    while (arena_alloc(op->arena, 64, 1) != NULL) {
        calls++;
    }
    return op_arena_full(op);
}

static STATUS too_many_headers(struct op *op, void *deps, const struct http_request *req,
                               struct http_response *ret)
{
    (void)deps;
    (void)req;
    for (int i = 0; i < HTTP_RESPONSE_HEADERS_MAX; i++) {
        TRY(http_response_header(op, ret, STR("X-A"), STR("b")));
    }
    return OK;
}

/* Looks for its token until it must not any more, and then a second longer. */
static STATUS search_token(struct op *op, void *deps, const struct http_request *req,
                           const void **ret_principal)
{
    (void)deps;
    int64_t began_ms = clock_mono_ms();
    while (clock_mono_ms() - began_ms < (int64_t)req->route->deadline_ms + 1000) {
        TRY(op_check_deadline(op));
        (void)poll(NULL, 0, 1);
    }
    *ret_principal = "late";
    return OK;
}

static const struct http_route routes[] = {
    {HTTP_POST, "/in", HTTP_AUTH_NONE, HTTP_BODY_ANY, 10, 1000, count, 0, 0, 0},
    {HTTP_GET, "/full", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, fill_arena, 0, 0, 0},
    {HTTP_GET, "/headers", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, too_many_headers, 0, 0, 0},
    {HTTP_GET, "/mine", HTTP_AUTH_TOKEN, HTTP_BODY_NONE, 0, 1, count, 0, 0, 0},
};

static const struct http_options options = {
    .routes = routes, .route_count = ARRAY_LEN(routes), .authenticate = search_token};

static struct http_exchange serve(struct arena *arena, const struct http_raw *raw)
{
    struct op op = {.arena = arena};
    struct http_exchange exchange = {.options = &options, .raw = raw};
    http_serve(&op, &exchange);
    return exchange;
}

static void test_length_and_bytes_differ(void **state)
{
    (void)state;

    static const struct {
        const char *declared;
        const char *body;
        int32_t status;
    } rows[] = {
        {"9", "123456789", 200},
        {"10", "0123456789", 200},
        {"11", "01234567890", 413},
        {"11", "0123456789", 413},
        {"9", "0123456789", 400},
        {"10", "123456789", 400},
        {"0", "", 200},
        {"1", "", 400},
        {"2", "012345678901", 413},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_pair headers[] = {{STR("content-length"), str_of(rows[i].declared)}};
        struct http_raw raw = {.method = STR("POST"),
                               .url = STR("/in"),
                               .body = str_of(rows[i].body),
                               .header_count = 1,
                               .headers = headers};
        DEFER(arena_fini) struct arena arena;
        arena_init(&arena, ARENA_BYTES);
        calls = 0;
        struct http_exchange exchange = serve(&arena, &raw);
        assert_int_equal(exchange.response.status, rows[i].status);
        assert_int_equal(calls, rows[i].status == 200 ? 1 : 0);
        assert_int_equal(exchange.close, rows[i].status != 200);
    }
}

static void test_full_arena_is_answered(void **state)
{
    (void)state;
    struct http_raw raw = {.method = STR("GET"), .url = STR("/full")};
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct http_exchange exchange = serve(&arena, &raw);
    assert_int_equal(exchange.response.status, 413);
    assert_true(exchange.response.body.len > 0);
}

static void test_no_room_for_our_headers(void **state)
{
    (void)state;
    struct http_raw raw = {.method = STR("GET"), .url = STR("/headers")};
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct http_exchange exchange = serve(&arena, &raw);
    assert_int_equal(exchange.response.status, 500);
}

/* The time of a request is that of its token's search too. */
static void test_deadline_holds_for_the_token(void **state)
{
    (void)state;
    struct http_pair headers[] = {{STR("Authorization"), STR("Bearer abc")}};
    struct http_raw raw = {
        .method = STR("GET"), .url = STR("/mine"), .header_count = 1, .headers = headers};
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    calls = 0;
    struct http_exchange exchange = serve(&arena, &raw);
    assert_int_equal(exchange.response.status, 503);
    assert_int_equal(exchange.response.retry_after_s, HTTP_RETRY_AFTER_S);
    assert_non_null(strstr(exchange.response.body.ptr, "op.deadline"));
    assert_int_equal(calls, 0);
}

static void test_kinds(void **state)
{
    (void)state;
    static const int32_t expected[STATUS_KIND_COUNT] = {
        [STATUS_INVALID] = 400,  [STATUS_DENIED] = 403, [STATUS_NOT_FOUND] = 404,
        [STATUS_CONFLICT] = 409, [STATUS_LIMIT] = 413,  [STATUS_RETRY] = 503,
        [STATUS_CANCELED] = 503, [STATUS_BUG] = 500,    [STATUS_STOP] = 503,
    };
    for (enum status_kind kind = STATUS_INVALID; kind < STATUS_KIND_COUNT; kind++) {
        struct op op = {.arena = NULL};
        assert_int_equal(http_problem_status(&op, (struct status){kind}), expected[kind]);
        op.err.code = "http.header_name"; /* listed as INVALID: for other kinds the kind decides */
        assert_int_equal(http_problem_status(&op, (struct status){kind}), expected[kind]);
    }
    struct op op = {.arena = NULL, .err = {.code = "http.content_type"}};
    assert_int_equal(http_problem_status(&op, (struct status){STATUS_INVALID}), 415);
}

/* Whatever the reason for a 401 is, the client reads one and the same, but for signatures: there the
 * token was good. */
static void test_one_body_for_401(void **state)
{
    (void)state;
    for (size_t i = 0; i < http_error_count; i++) {
        if (http_errors[i].http != 401) {
            continue;
        }
        DEFER(arena_fini) struct arena arena;
        arena_init(&arena, ARENA_BYTES);
        struct op op = {.arena = &arena, .err = {.code = http_errors[i].code}};
        struct http_response response = {.status = 200};
        http_problem(&op, (struct status){http_errors[i].kind}, &response);
        assert_int_equal(response.status, 401);
        bool told = str_has_prefix(str_of(http_errors[i].code), STR("signature."));
        const char *code = told ? http_errors[i].code : "\"http.unauthenticated\"";
        const char *sentence = told ? http_errors[i].sentence : "Valid credentials are required.";
        assert_non_null(strstr(response.body.ptr, code));
        assert_non_null(strstr(response.body.ptr, sentence));
    }
}

static void test_codes_are_found(void **state)
{
    (void)state;
    assert_true(http_error_count > 20);
    for (size_t i = 0; i < http_error_count; i++) {
        assert_ptr_equal(http_error_find(http_errors[i].code), &http_errors[i]);
    }
    assert_null(http_error_find("no.such"));
    assert_null(http_error_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length_and_bytes_differ),
        cmocka_unit_test(test_full_arena_is_answered),
        cmocka_unit_test(test_no_room_for_our_headers),
        cmocka_unit_test(test_deadline_holds_for_the_token),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_one_body_for_401),
        cmocka_unit_test(test_codes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
