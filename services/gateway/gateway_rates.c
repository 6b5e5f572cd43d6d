#include "gateway/gateway_rates.h"

static struct status open_rate(struct op *op, const struct conf *conf, const char *key,
                               const char *name, struct http_rate **ret_rate)
{
    int64_t quota = conf_i64(conf, key);
    return quota > 0 ? http_rate_new(op, name, (uint32_t)quota, ret_rate) : OK;
}

static void collect(struct metrics_page *page, void *ctx)
{
    const struct gateway_rates *rates = ctx;
    const struct http_rate *const each[] = {rates->token, rates->address};
    metrics_page_family(page, METRICS_COUNTER, "holdfast_http_rate_forgotten_total",
                        "Tokens and addresses forgotten while their quota was in use, because the "
                        "table was full.");
    for (size_t i = 0; i < ARRAY_LEN(each); i++) {
        if (each[i]) {
            const struct metrics_label label = {"policy", http_rate_name(each[i])};
            metrics_page_value(page, &label, 1, (int64_t)http_rate_forgotten(each[i]));
        }
    }
}

STATUS gateway_rates_open(struct op *op, const struct conf *conf, struct metrics *metrics,
                          struct gateway_rates **ret_rates)
{
    struct gateway_rates *rates = arena_new(op->arena, struct gateway_rates, 1);
    if (!rates) {
        return op_arena_full(op);
    }
    TRY(open_rate(op, conf, "HTTP_RATE_PER_TOKEN", "token", &rates->token));
    TRY(open_rate(op, conf, "HTTP_RATE_PER_ADDRESS", "address", &rates->address));
    rates->metrics = metrics;
    metrics_collector(metrics, collect, rates);
    *ret_rates = rates;
    return OK;
}

void gateway_rates_close(struct gateway_rates *rates)
{
    if (rates) {
        metrics_collector_end(rates->metrics, collect, rates);
        http_rate_free(rates->token);
        http_rate_free(rates->address);
    }
}
