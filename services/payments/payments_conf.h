#pragma once

#include "conf/conf.h"
#include "payments/payments_reconcile.h"
#include "payments/payments_signature.h"

/* What payments is told by its environment. */

extern const struct conf_key payments_conf_keys[];
extern const size_t payments_conf_key_count;

struct payments_conf {
    struct conf_address listen;   /* of the webhook */
    uint32_t per_address_max;     /* connections; 0: no limit */
    struct str api_base;          /* "https://api.stripe.com" */
    bool allow_http;              /* its base is plain http: never in production */
    bool live;                    /* real money: production */
    int64_t questions_per_second; /* about payments that nobody has made yet */
    const struct secret *api_key;
    const struct secret *webhook_secrets;
    uint32_t webhook_secret_count;
    struct payments_reconcile_options reconcile; /* without fetch */
};

/* Borrows from conf. STATUS_INVALID "payments.live_key": a live key outside production. */
STATUS payments_conf_read(struct op *op, const struct conf *conf, struct payments_conf *ret_conf);
