#pragma once

#include "payments/payments_rail.h"

/* Stripe: PaymentIntents in, Transfers out to connected accounts, Refunds back. */

/* The version that requests and answers are written for; sent with every call. */
#define STRIPE_API_VERSION "2026-08-26.dahlia"

extern const struct payments_rail payments_rail_stripe;

/* Adds one form parameter, percent-encoded as official clients do: all bytes but letters, digits,
 * '-', '.', '_' and '~' in values; brackets in names stay. */
void payments_rail_stripe_param(struct strbuf *buf, const char *name, struct str value);
