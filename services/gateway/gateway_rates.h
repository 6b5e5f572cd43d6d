#pragma once

#include "base/defer.h"
#include "conf/conf.h"
#include "http/http_rate.h"
#include "obs/metrics.h"

/* How often tokens and addresses may ask, as configured: HTTP_RATE_PER_TOKEN, HTTP_RATE_PER_ADDRESS. */

struct gateway_rates {
    struct http_rate *token, *address; /* NULL: no limit */
    struct metrics *metrics;
};

/* In op->arena, which outlives metrics. STATUS_LIMIT "op.arena_full". */
STATUS gateway_rates_open(struct op *op, const struct conf *conf, struct metrics *metrics,
                          struct gateway_rates **ret_rates);
void gateway_rates_close(struct gateway_rates *rates);
DEFINE_FREE_AT(struct gateway_rates, gateway_rates_close)
