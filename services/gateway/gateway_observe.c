/* Every answer is counted by route and class; what went wrong here is logged, once. */
#include "base/assert.h"
#include "gateway/gateway_http.h"
#include "obs/log.h"

static const char *const classes[GATEWAY_CLASS_COUNT] = {"2xx", "3xx", "4xx", "5xx"};

void gateway_metrics_init(struct gateway_metrics *metrics, struct metrics *registry)
{
    ASSERT(gateway_route_count <= GATEWAY_ROUTES_MAX);
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
    struct str route = seen->route ? str_of(seen->route->path) : STR("none");
    if (seen->status >= 500) {
        log_error(op, "http.failed", LOG_I64("status", seen->status), LOG_STR("route", route),
                  LOG_FAILURE(op));
        return;
    }
    log_debug(op, "http.answered", LOG_I64("status", seen->status), LOG_STR("route", route),
              LOG_I64("took_us", seen->took_us), LOG_TEXT("code", seen->code));
}
