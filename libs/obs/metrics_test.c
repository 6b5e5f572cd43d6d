/* The page, line by line. With --page it prints one for `promtool check metrics`. */
#include "obs/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

#define TEST_ARENA_BYTES ((size_t)8 * 1024 * 1024)

static void collect_lanes(struct metrics_page *page, void *ctx)
{
    const int64_t *lanes = ctx;
    metrics_page_family(page, METRICS_GAUGE, "holdfast_lanes_held", "Lanes held.");
    const struct metrics_label first = {"thread", "0"};
    const struct metrics_label second = {"thread", "1"};
    metrics_page_value(page, &first, 1, lanes[0]);
    metrics_page_value(page, &second, 1, lanes[1]);
    metrics_page_family(page, METRICS_GAUGE, "holdfast_oldest_unpublished_seconds", "Its age.");
    metrics_page_value_us(page, NULL, 0, 1500000);
}

static int64_t lanes_held[2] = {5, 7};

static struct str make_page(struct op *op)
{
    struct metrics *metrics = metrics_new(op, STR("tester"), STR("1.2\"3"));
    const struct metrics_label ok[] = {{"route", "/v1/escrows"}, {"code", "202"}};
    const struct metrics_label bad[] = {{"route", "/v1/escrows"}, {"code", "400"}};
    struct metrics_counter *ok_total =
        metrics_counter(metrics, "holdfast_requests_total", "Requests.", ok, ARRAY_LEN(ok));
    struct metrics_gauge *open_now = metrics_gauge(metrics, "holdfast_open", "Open now.", NULL, 0);
    struct metrics_counter *bad_total =
        metrics_counter(metrics, "holdfast_requests_total", "Requests.", bad, ARRAY_LEN(bad));
    struct metrics_histogram *took =
        metrics_histogram(metrics, "holdfast_request_seconds", "Time taken.", NULL, 0);
    metrics_add(ok_total, 3);
    metrics_add(bad_total, 1);
    metrics_set(open_now, -4);
    metrics_gauge_add(open_now, 1);
    metrics_observe_us(took, 100);      /* on a bound: belongs to it */
    metrics_observe_us(took, 101);      /* just above */
    metrics_observe_us(took, -5);       /* a clock that jumped */
    metrics_observe_us(took, 10000001); /* beyond the last */
    metrics_collector(metrics, collect_lanes, lanes_held);
    struct str page;
    struct status st = metrics_render(op, metrics, &page);
    return st.kind == STATUS_OK ? page : STR("");
}

static void has(struct str page, const char *text)
{
    assert_non_null(page.ptr);
    if (!strstr(page.ptr, text)) {
        fail_msg("missing: %s\nin: " STR_FMT, text, STR_ARG(page));
    }
}

static void the_page_has_everything(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    struct str page = make_page(&op);
    has(page, "# HELP holdfast_build_info Which service this is. Always 1.\n"
              "# TYPE holdfast_build_info gauge\n"
              "holdfast_build_info{service=\"tester\",version=\"1.2\\\"3\"} 1\n");
    has(page, "# TYPE holdfast_requests_total counter\n"
              "holdfast_requests_total{route=\"/v1/escrows\",code=\"202\"} 3\n"
              "holdfast_requests_total{route=\"/v1/escrows\",code=\"400\"} 1\n# HELP");
    has(page, "# TYPE holdfast_open gauge\nholdfast_open -3\n");
    has(page, "# TYPE holdfast_request_seconds histogram\n"
              "holdfast_request_seconds_bucket{le=\"0.0001\"} 2\n"
              "holdfast_request_seconds_bucket{le=\"0.0002\"} 3\n"
              "holdfast_request_seconds_bucket{le=\"0.0005\"} 3\n");
    has(page, "holdfast_request_seconds_bucket{le=\"10\"} 3\n"
              "holdfast_request_seconds_bucket{le=\"+Inf\"} 4\n"
              "holdfast_request_seconds_sum 10.000202\n"
              "holdfast_request_seconds_count 4\n");
    has(page, "# TYPE holdfast_lanes_held gauge\nholdfast_lanes_held{thread=\"0\"} 5\n"
              "holdfast_lanes_held{thread=\"1\"} 7\n");
    has(page, "holdfast_oldest_unpublished_seconds 1.5\n");
    const char *process[] = {"process_cpu_seconds_total ",
                             "process_resident_memory_bytes ",
                             "process_virtual_memory_bytes ",
                             "process_open_fds ",
                             "process_max_fds ",
                             "process_start_time_seconds 1",
                             "process_threads 1\n",
                             "holdfast_log_lines_total{level=\"info\"} 0\n"};
    for (size_t i = 0; i < ARRAY_LEN(process); i++) {
        has(page, process[i]);
    }
    /* A family is told once. */
    const char *type = "# TYPE holdfast_requests_total";
    assert_null(strstr(strstr(page.ptr, type) + 1, type));
}

#define PARTS 300

struct scraper {
    struct metrics *metrics;
    _Atomic bool stop;
    _Atomic uint32_t pages;
};

static void *scrape(void *arg)
{
    struct scraper *scraper = arg;
    while (!atomic_load(&scraper->stop)) {
        DEFER(arena_fini) struct arena arena;
        arena_init(&arena, TEST_ARENA_BYTES);
        struct op op = {.arena = &arena};
        struct str page;
        struct status st = metrics_render(&op, scraper->metrics, &page);
        assert_int_equal(st.kind, STATUS_OK);
        atomic_fetch_add(&scraper->pages, 1);
    }
    return NULL;
}

static void wait_pages(struct scraper *scraper, uint32_t more)
{
    uint32_t seen = atomic_load(&scraper->pages);
    while (atomic_load(&scraper->pages) - seen < more) {
    }
}

/* What is measured is freed as soon as its collector has ended, and series come, while pages are rendered. */
static void parts_come_and_go_while_pages_are_rendered(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    struct scraper scraper = {.metrics = metrics_new(&op, STR("tester"), STR("1"))};
    static char names[PARTS][32];
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, scrape, &scraper), 0);
    wait_pages(&scraper, 1);
    for (uint32_t i = 0; i < PARTS; i++) {
        int64_t *lanes = calloc(2, sizeof(*lanes)); /* LINT-OK: memory that a sanitizer watches */
        assert_non_null(lanes);
        metrics_collector(scraper.metrics, collect_lanes, lanes);
        assert_true(snprintf(names[i], sizeof(names[i]), "holdfast_part_%u_total", i) > 0);
        (void)metrics_histogram(scraper.metrics, names[i], "A part.", NULL, 0);
        metrics_collector_end(scraper.metrics, collect_lanes, lanes);
        free(lanes); /* LINT-OK: the same */
    }
    wait_pages(&scraper, 2);
    atomic_store(&scraper.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    struct str page;
    assert_int_equal(metrics_render(&op, scraper.metrics, &page).kind, STATUS_OK);
    assert_null(strstr(page.ptr, "holdfast_lanes_held"));
}

static void an_ended_collector_leaves_the_others(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    struct metrics *metrics = metrics_new(&op, STR("tester"), STR("1"));
    int64_t gone[2] = {1, 2};
    metrics_collector(metrics, collect_lanes, gone);
    metrics_collector(metrics, collect_lanes, lanes_held);
    metrics_collector_end(metrics, collect_lanes, gone);
    metrics_collector_end(metrics, collect_lanes, gone); /* of a part that never opened wholly */
    struct str page;
    assert_int_equal(metrics_render(&op, metrics, &page).kind, STATUS_OK);
    has(page, "holdfast_lanes_held{thread=\"0\"} 5\n");
    has(page, "process_threads ");
    assert_null(strstr(page.ptr, "holdfast_lanes_held{thread=\"0\"} 1\n"));
    metrics_collector(NULL, collect_lanes, gone); /* nothing is measured */
    metrics_collector_end(NULL, collect_lanes, gone);
}

static void a_page_too_large_is_a_limit(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    struct metrics *metrics = metrics_new(&op, STR("tester"), STR("1"));
    DEFER(arena_fini) struct arena small;
    arena_init(&small, 1024);
    struct op request = {.arena = &small};
    struct str page;
    assert_int_equal(metrics_render(&request, metrics, &page).kind, STATUS_LIMIT);
    assert_string_equal(request.err.code, "metrics.page_too_large");
}

static int print_page(void)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    struct str page = make_page(&op);
    return fwrite(page.ptr, 1, page.len, stdout) == page.len && page.len > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--page") == 0) {
        return print_page();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_has_everything),
        cmocka_unit_test(parts_come_and_go_while_pages_are_rendered),
        cmocka_unit_test(an_ended_collector_leaves_the_others),
        cmocka_unit_test(a_page_too_large_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
