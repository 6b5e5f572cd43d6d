#pragma once

#include "base/table.h"
#include "payments/payments_decide.h"
#include "payments/payments_stripe_event.h"

/* Rows and their structs, told once: migrations/payments has the tables. */

/* A row of `webhook`: what was received, as received. Written at the intake, never changed. */
struct payments_webhook {
    struct id id; /* payments_signal_id of provider and event id */
    struct str provider;
    struct str event_id;
    struct str event_type;
    enum stripe_disposition disposition;
    struct str body;
    int64_t received_at_us;
};

extern const struct table payments_repo_payment; /* struct payment; key: the escrow's id */
extern const struct table payments_repo_leg;     /* struct leg; children of a payment */
extern const struct table payments_repo_webhook; /* struct payments_webhook */
