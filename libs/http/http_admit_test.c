/* Whose quota a request is taken from, and what is told about it. The clock is the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "http/http_internal.h"

#define ARENA_BYTES ((size_t)1024 * 1024)
#define NOW_US INT64_C(5000000000)
#define TOKEN_QUOTA 2
#define ADDRESS_QUOTA 3

static uint32_t searched; /* tokens that were looked for */
static int64_t now_us;
static struct str ended; /* a token that was good */

static STATUS answer(struct op *op, void *deps, const struct http_request *req,
                     struct http_response *ret)
{
    (void)op;
    (void)deps;
    (void)req;
    (void)ret;
    return OK;
}

static STATUS search_token(struct op *op, void *deps, const struct http_request *req,
                           const void **ret_principal)
{
    (void)deps;
    searched++;
    if (!str_has_prefix(req->token, STR("good")) || str_eq(req->token, ended)) {
        return op_fail(op, STATUS_DENIED, "http.unauthenticated", "bad");
    }
    *ret_principal = "somebody";
    return OK;
}

static const struct http_route routes[] = {
    {HTTP_GET, "/mine", HTTP_AUTH_TOKEN, HTTP_BODY_NONE, 0, 1000, answer, 0, 0, 0},
    {HTTP_GET, "/refund", HTTP_AUTH_TOKEN, HTTP_BODY_NONE, 0, 1000, answer, HTTP_ROUTE_SAVES_MONEY,
     0, 0},
    {HTTP_GET, "/open", HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, 1000, answer, 0, 0, 0},
};

struct fixture {
    struct arena boot;
    struct arena arena;
    struct http_options options;
    struct http_response response;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.options = {.routes = routes,
                                           .route_count = ARRAY_LEN(routes),
                                           .authenticate = search_token}};
    arena_init(&fixture.boot, ARENA_BYTES);
    arena_init(&fixture.arena, 16 * ARENA_BYTES);
    struct op op = {.arena = &fixture.boot};
    struct http_options *options = &fixture.options;
    assert_int_equal(http_rate_new(&op, "token", TOKEN_QUOTA, &options->token_rate).kind,
                     STATUS_OK);
    assert_int_equal(http_rate_new(&op, "address", ADDRESS_QUOTA, &options->address_rate).kind,
                     STATUS_OK);
    now_us = NOW_US;
    searched = 0;
    ended = STR("");
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_rate_free(fixture->options.token_rate);
    http_rate_free(fixture->options.address_rate);
    arena_fini(&fixture->arena);
    arena_fini(&fixture->boot);
    return 0;
}

static int32_t get(struct fixture *fixture, const char *path, const char *token, const char *peer)
{
    struct op op = {.arena = &fixture->arena};
    char value[64];
    int len = snprintf(value, sizeof(value), "Bearer %s", token ? token : "");
    const struct http_pair header = {STR("Authorization"), {.ptr = value, .len = (size_t)len}};
    struct http_raw raw = {.method = STR("GET"),
                           .url = str_of(path),
                           .header_count = token ? 1 : 0,
                           .headers = &header,
                           .peer = str_of(peer),
                           .arrived_us = now_us};
    struct http_exchange exchange = {.options = &fixture->options, .raw = &raw};
    http_serve(&op, &exchange);
    fixture->response = exchange.response;
    return exchange.response.status;
}

static void expect_header(const struct fixture *fixture, const char *name, const char *value)
{
    struct str found = STR("(none)");
    for (uint32_t i = 0; i < fixture->response.header_count; i++) {
        if (str_eq(fixture->response.headers[i].name, str_of(name))) {
            found = fixture->response.headers[i].value;
        }
    }
    if (!str_eq(found, str_of(value))) {
        fail_msg("%s: " STR_FMT ", not %s", name, STR_ARG(found), value);
    }
}

static void expect_code(const struct fixture *fixture, const char *code)
{
    assert_non_null(strstr(fixture->response.body.ptr, code));
}

static void a_good_token_pays_for_itself_alone(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < TOKEN_QUOTA; i++) {
        assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.1"), 200);
    }
    expect_header(fixture, "RateLimit", "\"token\";r=0;t=10");
    expect_header(fixture, "RateLimit-Policy", "\"token\";q=2;w=10");
    expect_header(fixture, "Retry-After", "(none)");
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.9"), 429); /* wherever it comes from */
    expect_code(fixture, "\"code\":\"http.token_rate\"");
    expect_header(fixture, "Retry-After", "5");
    expect_header(fixture, "RateLimit", "\"token\";r=0;t=10");
    assert_int_equal(get(fixture, "/mine", "good2", "10.0.0.1"), 200);
    expect_header(fixture, "RateLimit", "\"token\";r=1;t=5");
    now_us += 5000000;
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.1"), 200);
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.1"), 429);
    /* None of this was taken from the address. */
    assert_int_equal(get(fixture, "/mine", "bad", "10.0.0.1"), 401);
    expect_header(fixture, "RateLimit", "\"address\";r=2;t=4");
}

static void guessing_is_paid_by_the_address(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(get(fixture, "/mine", "bad1", "10.0.0.1"), 401);
    assert_int_equal(get(fixture, "/mine", "bad2", "10.0.0.1"), 401);
    assert_int_equal(get(fixture, "/mine", NULL, "10.0.0.1"), 401);
    expect_header(fixture, "RateLimit", "\"address\";r=0;t=10");
    expect_header(fixture, "RateLimit-Policy", "\"address\";q=3;w=10");
    uint32_t before = searched;
    assert_int_equal(get(fixture, "/mine", "bad3", "10.0.0.1"), 429);
    expect_code(fixture, "\"code\":\"http.address_rate\"");
    expect_header(fixture, "Retry-After", "4");
    assert_int_equal(get(fixture, "/mine", "good", "10.0.0.1"), 429);
    assert_int_equal(searched, before); /* the database is not asked */
    assert_int_equal(get(fixture, "/mine", "good", "10.0.0.2"), 200);
}

static void guess(struct fixture *fixture, const char *peer)
{
    for (int i = 0; i < ADDRESS_QUOTA; i++) {
        (void)get(fixture, "/mine", "bad", peer);
    }
    assert_int_equal(get(fixture, "/mine", "bad", peer), 429);
    expect_code(fixture, "\"code\":\"http.address_rate\"");
}

/* Behind one address of a whole house, somebody guesses. */
static void a_token_that_was_good_is_not_held_by_its_address(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.2"), 200);
    guess(fixture, "10.0.0.1");
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.1"), 200); /* known from elsewhere */
    expect_header(fixture, "RateLimit-Policy", "\"token\";q=2;w=10");
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.1"), 429);
    expect_code(fixture, "\"code\":\"http.token_rate\"");
    assert_int_equal(get(fixture, "/mine", "good2", "10.0.0.1"), 429); /* never seen here */
    expect_code(fixture, "\"code\":\"http.address_rate\"");
    now_us += INT64_C(3600000000); /* it is remembered for as long as there is room */
    guess(fixture, "10.0.0.1");
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.1"), 200);
}

/* A token that has ended opens the way to the database once more, and what it owed it still owes. */
static void one_that_has_ended_is_known_no_longer(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.1"), 200);
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.1"), 200);
    guess(fixture, "10.0.0.1");
    ended = STR("good1");
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.1"), 401);
    uint32_t before = searched;
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.1"), 429);
    expect_code(fixture, "\"code\":\"http.address_rate\"");
    assert_int_equal(searched, before);
    ended = STR("");
    assert_int_equal(get(fixture, "/mine", "good1", "10.0.0.2"), 429);
    expect_code(fixture, "\"code\":\"http.token_rate\"");
}

static void what_needs_no_token_is_paid_by_the_address_too(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < ADDRESS_QUOTA; i++) {
        assert_int_equal(get(fixture, i == 0 ? "/nothing" : "/open", "good", "10.0.0.1"),
                         i == 0 ? 404 : 200);
    }
    assert_int_equal(get(fixture, "/open", "good", "10.0.0.1"), 429);
    assert_int_equal(get(fixture, "/nothing", NULL, "10.0.0.1"), 404); /* costs nothing to say */
}

static void what_saves_money_is_refused_last(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < TOKEN_QUOTA; i++) {
        assert_int_equal(get(fixture, "/mine", "good", "10.0.0.1"), 200);
    }
    for (int i = 0; i < ADDRESS_QUOTA; i++) {
        assert_int_equal(get(fixture, "/open", NULL, "10.0.0.1"), 200);
    }
    assert_int_equal(get(fixture, "/mine", "good", "10.0.0.2"), 429);
    for (int i = 0; i < TOKEN_QUOTA; i++) {
        assert_int_equal(get(fixture, "/refund", "good", "10.0.0.1"), 200);
    }
    assert_int_equal(get(fixture, "/refund", "good", "10.0.0.1"), 429);
    expect_code(fixture, "\"code\":\"http.token_rate\"");
}

/* Addresses of one network count as one, those of IPv4 never do. */
static void a_network_is_one_address(void **state)
{
    static const struct {
        const char *first, *second;
        bool same;
    } rows[] = {
        {"10.0.0.1", "10.0.0.2", false},
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff::9", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"::ffff:10.0.0.1", "::ffff:10.0.0.2", false},
        {"unknown", "unknown", true},
        {"unknown", "", false},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        now_us += INT64_C(60000000);
        for (int j = 0; j < ADDRESS_QUOTA; j++) {
            assert_int_equal(get(fixture, "/open", NULL, rows[i].first), 200);
        }
        assert_int_equal(get(fixture, "/open", NULL, rows[i].second), rows[i].same ? 429 : 200);
    }
}

static void without_quotas_nothing_is_refused_or_told(void **state)
{
    struct fixture *fixture = *state;
    struct http_options *options = &fixture->options;
    DEFER(http_rate_free_at) struct http_rate *token_rate = TAKE(options->token_rate);
    DEFER(http_rate_free_at) struct http_rate *address_rate = TAKE(options->address_rate);
    for (int i = 0; i < 2 * ADDRESS_QUOTA; i++) {
        assert_int_equal(get(fixture, "/mine", "good", "10.0.0.1"), 200);
        assert_int_equal(get(fixture, "/open", NULL, "10.0.0.1"), 200);
        expect_header(fixture, "RateLimit", "(none)");
        expect_header(fixture, "RateLimit-Policy", "(none)");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_token_pays_for_itself_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(guessing_is_paid_by_the_address, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_that_was_good_is_not_held_by_its_address, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_has_ended_is_known_no_longer, setup, teardown),
        cmocka_unit_test_setup_teardown(what_needs_no_token_is_paid_by_the_address_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_saves_money_is_refused_last, setup, teardown),
        cmocka_unit_test_setup_teardown(a_network_is_one_address, setup, teardown),
        cmocka_unit_test_setup_teardown(without_quotas_nothing_is_refused_or_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
