#pragma once

#include "payments/payments_rail.h"

/* Stripe: PaymentIntents in, Transfers out to connected accounts, Refunds back. */

/* The version that requests and answers are written for; sent with every call. */
#define STRIPE_API_VERSION "2026-08-26.dahlia"

/* Stripe saves a 500 under its idempotency key like any other answer, so asking again brings the same
 * for ever. After so many attempts it is taken for a saved one: an intent is given up (nobody has
 * its secret, so nobody can pay it, and if it was made after all its webhooks are still heard);
 * what moves money out stays uncertain and calls a person. */
#define STRIPE_SAVED_ERROR_ATTEMPTS 5

/* REQ-H1: 10,000.00 USD, the end included; what the buyer is charged, fee and all. */
#define STRIPE_AMOUNT_MAX_MINOR 1000000

extern const struct payments_rail payments_rail_stripe;

/* Adds one form parameter, percent-encoded as official clients do: all bytes but letters, digits,
 * '-', '.', '_' and '~' in values; brackets in names stay. */
void payments_rail_stripe_param(struct strbuf *buf, const char *name, struct str value);
