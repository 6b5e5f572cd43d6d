/* Every answer is counted by route and class; what went wrong here is logged, once. */
#include "base/assert.h"
#include "gateway/gateway_http.h"
#include "http/http_errors.h"
#include "obs/log.h"

static const char *const classes[GATEWAY_CLASS_COUNT] = {"2xx", "3xx", "4xx", "5xx"};

/* What a request here can be refused with; other codes belong to other programs. */
static const char *const families[] = {"command.",     "engine.", "escrow.", "gateway.", "http.",
                                       "idempotency.", "intake.", "json.",   "op.",      "pg."};

static bool is_of_interest(const char *code)
{
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (str_has_prefix(str_of(code), str_of(families[i]))) {
            return true;
        }
    }
    return false;
}

static void init_refusals(struct gateway_metrics *metrics, struct metrics *registry)
{
    ASSERT(http_error_count <= GATEWAY_CODES_MAX);
    for (size_t i = 0; i < http_error_count; i++) {
        const struct metrics_label label = {"code", http_errors[i].code};
        metrics->refusals[i] = is_of_interest(http_errors[i].code)
                                   ? metrics_counter(registry, "holdfast_http_refusals_total",
                                                     "Requests refused, by error code.", &label, 1)
                                   : NULL;
    }
}

static void count_refusal(struct gateway_metrics *metrics, const char *code)
{
    const struct http_error *error = code ? http_error_find(code) : NULL;
    struct metrics_counter *counter = error ? metrics->refusals[error - http_errors] : NULL;
    if (counter) {
        metrics_add(counter, 1);
    }
}

void gateway_metrics_init(struct gateway_metrics *metrics, struct metrics *registry)
{
    ASSERT(gateway_route_count <= GATEWAY_ROUTES_MAX);
    init_refusals(metrics, registry);
    for (uint32_t i = 0; i <= gateway_route_count; i++) {
        bool none = i == gateway_route_count;
        const char *path = none ? "none" : gateway_routes[i].path;
        const char *method = none ? "any" : http_method_name(gateway_routes[i].method).ptr;
        uint32_t at = none ? GATEWAY_ROUTES_MAX : i;
        for (int class = 0; class < GATEWAY_CLASS_COUNT; class ++) {
            const struct metrics_label labels[] = {
                {"method", method}, {"route", path}, {"class", classes[class]}};
            metrics->answers[at][class] = metrics_counter(
                registry, "holdfast_http_requests_total",
                "Requests answered, by route and class of status.", labels, ARRAY_LEN(labels));
        }
        if (!none) {
            const struct metrics_label labels[] = {{"method", method}, {"route", path}};
            metrics->took[i] = metrics_histogram(registry, "holdfast_http_request_seconds",
                                                 "From the whole request to the ready answer.",
                                                 labels, ARRAY_LEN(labels));
        }
    }
}

void gateway_observe(struct op *op, void *deps, const struct http_seen *seen)
{
    struct gateway *gateway = deps;
    uint32_t at = seen->route ? (uint32_t)(seen->route - gateway_routes) : GATEWAY_ROUTES_MAX;
    int class = seen->status / 100 - 2;
    ASSERT(class >= 0);
    ASSERT(class < GATEWAY_CLASS_COUNT);
    metrics_add(gateway->metrics.answers[at][class], 1);
    if (seen->route) {
        metrics_observe_us(gateway->metrics.took[at], seen->took_us);
    }
    count_refusal(&gateway->metrics, seen->code);
    struct str route = seen->route ? str_of(seen->route->path) : STR("none");
    if (seen->status >= 500) {
        log_error(op, "http.failed", LOG_I64("status", seen->status), LOG_STR("route", route),
                  LOG_FAILURE(op));
        return;
    }
    log_debug(op, "http.answered", LOG_I64("status", seen->status), LOG_STR("route", route),
              LOG_I64("took_us", seen->took_us), LOG_TEXT("code", seen->code));
}
