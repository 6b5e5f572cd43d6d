/* Every answer is counted by its route, and every refusal by its code, those included that nobody expects here. */
#include "http/http_observer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "obs/log.h"

#define LOG_BYTES 4096
#define ARENA_BYTES ((size_t)8 * 1024 * 1024)

static const struct http_route routes[] = {
    {.method = HTTP_GET, .path = "/a/:id"},
    {.method = HTTP_POST, .path = "/a"},
};

struct fixture {
    struct arena arena;
    struct op op;
    struct metrics *metrics;
    struct http_observer *observer;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    arena_init(&fixture->arena, ARENA_BYTES);
    fixture->op = (struct op){.arena = &fixture->arena};
    fixture->metrics = metrics_new(&fixture->op, STR("tester"), STR("1"));
    const struct http_observer_options options = {
        .metrics = fixture->metrics,
        .routes = routes,
        .route_count = ARRAY_LEN(routes),
        .families = {"user."},
    };
    fixture->observer = http_observer_new(&fixture->op, &options);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_fini(&fixture->arena);
    test_free(fixture);
    return 0;
}

static void seen(struct fixture *fixture, const struct http_route *route, int32_t status,
                 const char *code)
{
    const struct http_seen one = {
        .route = route, .method = HTTP_GET, .status = status, .took_us = 150, .code = code};
    http_observer_note(&fixture->op, fixture->observer, &one);
}

static void page_has(struct fixture *fixture, const char *text)
{
    struct str page;
    assert_false(status_failed(metrics_render(&fixture->op, fixture->metrics, &page)));
    if (!strstr(page.ptr, text)) {
        fail_msg("missing: %s\nin: " STR_FMT, text, STR_ARG(page));
    }
}

static void counts_by_route_and_class(void **state)
{
    struct fixture *fixture = *state;
    seen(fixture, &routes[0], 200, NULL);
    seen(fixture, &routes[0], 404, "user.unknown");
    seen(fixture, &routes[1], 202, NULL);
    seen(fixture, &routes[1], 202, NULL);
    seen(fixture, &routes[1], 503, "pg.unavailable");
    seen(fixture, NULL, 404, "http.not_found");
#define REQUESTS "holdfast_http_requests_total{method="
    page_has(fixture, REQUESTS "\"GET\",route=\"/a/:id\",class=\"2xx\"} 1\n");
    page_has(fixture, REQUESTS "\"GET\",route=\"/a/:id\",class=\"4xx\"} 1\n");
    page_has(fixture, REQUESTS "\"POST\",route=\"/a\",class=\"2xx\"} 2\n");
    page_has(fixture, REQUESTS "\"POST\",route=\"/a\",class=\"5xx\"} 1\n");
    page_has(fixture, REQUESTS "\"any\",route=\"none\",class=\"4xx\"} 1\n");
    page_has(fixture, "holdfast_http_request_seconds_count{method=\"POST\",route=\"/a\"} 3\n");
}

static void counts_refusals_by_code(void **state)
{
    struct fixture *fixture = *state;
    page_has(fixture, "holdfast_http_refusals_total{code=\"user.exists\"} 0\n");
    seen(fixture, NULL, 404, "http.not_found");
    seen(fixture, &routes[1], 422, "user.bad_name");
    seen(fixture, &routes[1], 422, "user.bad_name");
    page_has(fixture, "holdfast_http_refusals_total{code=\"http.not_found\"} 1\n");
    page_has(fixture, "holdfast_http_refusals_total{code=\"user.bad_name\"} 2\n");
    page_has(fixture, "holdfast_http_refusals_total{code=\"other\"} 0\n");
}

/* Another family's code, and one that is in no list: neither is lost. */
static void counts_what_nobody_expects(void **state)
{
    struct fixture *fixture = *state;
    seen(fixture, &routes[1], 500, "escrow.unsound");
    seen(fixture, &routes[1], 500, "not.listed");
    page_has(fixture, "holdfast_http_refusals_total{code=\"other\"} 2\n");
}

/* The lines of the log that one answer leaves; ret_text holds LOG_BYTES. */
static void logged(struct fixture *fixture, int32_t status, const char *code, char *ret_text)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    log_open(&(struct log_options){
        .service = STR("tester"), .version = STR("1"), .level = LOG_LEVEL_INFO, .fd = ends[1]});
    seen(fixture, &routes[1], status, code);
    log_close();
    (void)close(ends[1]);
    ssize_t len = read(ends[0], ret_text, LOG_BYTES - 1);
    assert_true(len >= 0);
    ret_text[len] = '\0';
    (void)close(ends[0]);
}

/* What is away tells so itself, once; each client that was refused for it is no defect of ours. */
static void only_a_500_is_a_defect(void **state)
{
    struct fixture *fixture = *state;
    char text[LOG_BYTES];
    logged(fixture, 500, "http.internal", text);
    assert_non_null(strstr(text, "\"http.failed\""));
    assert_non_null(strstr(text, "\"error\""));
    logged(fixture, 503, "intake.backlog", text);
    assert_string_equal(text, "");
    page_has(fixture, "holdfast_http_refusals_total{code=\"intake.backlog\"} 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_by_route_and_class, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_refusals_by_code, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_what_nobody_expects, setup, teardown),
        cmocka_unit_test_setup_teardown(only_a_500_is_a_defect, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
