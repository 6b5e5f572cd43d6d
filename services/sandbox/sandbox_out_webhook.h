#pragma once

#include "base/op.h"
#include "base/secret.h"

/* Events on their way to the endpoint: signed, each again until it answers 2xx. */

#define SANDBOX_WEBHOOK_TOTAL_MS \
    2000 /* of a single sender: who does not answer keeps the others waiting */
#define SANDBOX_WEBHOOK_AWAY_MS 3000 /* a replica that failed is passed over for so long */
#define SANDBOX_WEBHOOK_BACKOFF_MIN_MS 50
#define SANDBOX_WEBHOOK_BACKOFF_MAX_MS 2000

/* A sender's thread; its argument is the struct sandbox. Returns when the sandbox stops. */
void *sandbox_out_webhook_run(void *argument);

/* The value of the Stripe-Signature header: "t=…,v1=…" with HMAC-SHA256 over "t.body". */
STATUS sandbox_out_webhook_sign(struct op *op, const struct secret *secret, struct str body,
                                int64_t now_s, struct str *ret_header);
