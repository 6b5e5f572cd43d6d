/* In: answered requests. Out: metrics and log lines. Our own defects are logged once, here;
 * who says 503 tells what is away where it is away. */
#include "http/http_observer.h"

#include "base/assert.h"
#include "http/http_errors.h"
#include "obs/log.h"

#define STATUS_CLASSES 4 /* 2xx to 5xx */

static const char *const classes[STATUS_CLASSES] = {"2xx", "3xx", "4xx", "5xx"};

/* What any service that takes requests in can refuse them with. */
static const char *const common_families[] = {"engine.", "http.", "idempotency.", "intake.",
                                              "json.",   "op.",   "pg."};

struct http_observer {
    const struct http_route *routes;
    uint32_t route_count;
    /* Of route_count + 1: the last for requests without a route. */
    struct metrics_counter *(*answers)[STATUS_CLASSES];
    struct metrics_histogram **took; /* of route_count */
    /* By the place of the code in http_errors; the last is "other". */
    struct metrics_counter **refusals;
};

static bool begins_with_one_of(struct str code, const char *const *families, size_t count)
{
    for (size_t i = 0; i < count && families[i]; i++) {
        if (str_has_prefix(code, str_of(families[i]))) {
            return true;
        }
    }
    return false;
}

static struct metrics_counter *refusal(struct metrics *metrics, const char *code)
{
    const struct metrics_label label = {"code", code};
    return metrics_counter(metrics, "holdfast_http_refusals_total",
                           "Requests refused, by error code.", &label, 1);
}

/* Shown from the first scrape on, so that the first refusal is seen as an increase. */
static void init_refusals(struct http_observer *observer,
                          const struct http_observer_options *options)
{
    struct metrics_counter *other = refusal(options->metrics, "other");
    for (size_t i = 0; i < http_error_count; i++) {
        struct str code = str_of(http_errors[i].code);
        bool ours = begins_with_one_of(code, common_families, ARRAY_LEN(common_families)) ||
                    begins_with_one_of(code, options->families, HTTP_OBSERVER_FAMILIES_MAX);
        observer->refusals[i] = ours ? refusal(options->metrics, http_errors[i].code) : other;
    }
    observer->refusals[http_error_count] = other;
}

static void init_answers(struct http_observer *observer, struct metrics *metrics, uint32_t at)
{
    bool none = at == observer->route_count;
    const char *path = none ? "none" : observer->routes[at].path;
    const char *method = none ? "any" : http_method_name(observer->routes[at].method).ptr;
    for (int class = 0; class < STATUS_CLASSES; class ++) {
        const struct metrics_label labels[] = {
            {"method", method}, {"route", path}, {"class", classes[class]}};
        observer->answers[at][class] = metrics_counter(
            metrics, "holdfast_http_requests_total",
            "Requests answered, by route and class of status.", labels, ARRAY_LEN(labels));
    }
    if (!none) {
        const struct metrics_label labels[] = {{"method", method}, {"route", path}};
        observer->took[at] = metrics_histogram(metrics, "holdfast_http_request_seconds",
                                               "From the whole request to the ready answer.",
                                               labels, ARRAY_LEN(labels));
    }
}

struct http_observer *http_observer_new(struct op *op, const struct http_observer_options *options)
{
    struct http_observer *observer = arena_new(op->arena, struct http_observer, 1);
    ASSERT(observer);
    observer->routes = options->routes;
    observer->route_count = options->route_count;
    observer->answers =
        arena_alloc(op->arena, options->route_count + 1, sizeof(*observer->answers));
    observer->took = arena_new(op->arena, struct metrics_histogram *, options->route_count);
    observer->refusals = arena_new(op->arena, struct metrics_counter *, http_error_count + 1);
    ASSERT(observer->answers);
    ASSERT(observer->took);
    ASSERT(observer->refusals);
    init_refusals(observer, options);
    for (uint32_t at = 0; at <= options->route_count; at++) {
        init_answers(observer, options->metrics, at);
    }
    return observer;
}

static void count_refusal(struct http_observer *observer, const char *code)
{
    const struct http_error *error = http_error_find(code);
    size_t at = error ? (size_t)(error - http_errors) : http_error_count;
    metrics_add(observer->refusals[at], 1);
}

void http_observer_note(struct op *op, struct http_observer *observer, const struct http_seen *seen)
{
    uint32_t at = seen->route ? (uint32_t)(seen->route - observer->routes) : observer->route_count;
    int class = seen->status / 100 - 2;
    ASSERT(at <= observer->route_count);
    ASSERT(class >= 0);
    ASSERT(class < STATUS_CLASSES);
    metrics_add(observer->answers[at][class], 1);
    if (seen->route) {
        metrics_observe_us(observer->took[at], seen->took_us);
    }
    if (seen->code) {
        count_refusal(observer, seen->code);
    }
    struct str route = seen->route ? str_of(seen->route->path) : STR("none");
    if (seen->status == 500) {
        log_error(op, "http.failed", LOG_I64("status", seen->status), LOG_STR("route", route),
                  LOG_FAILURE(op));
        return;
    }
    log_debug(op, "http.answered", LOG_I64("status", seen->status), LOG_STR("route", route),
              LOG_I64("took_us", seen->took_us), LOG_TEXT("code", seen->code));
}
