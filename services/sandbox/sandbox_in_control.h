#pragma once

#include "http/http.h"

/* What tests and demos ask of the sandbox itself: /sandbox/… . Bodies are forms, answers JSON, no
 * key is needed. The handlers' deps is the struct sandbox. */

#define SANDBOX_CONTROL_BODY_MAX_BYTES (16 * 1024)

/* The buyer pays: payment_intent or client_secret; amount, currency (default: as asked). */
http_handler sandbox_in_pay;
/* The buyer's card is declined: payment_intent or client_secret; code (default: generic_decline). */
http_handler sandbox_in_decline;
/* The buyer's bank sends a refund back: escrow_id (its last refund that has not failed);
 * failure_reason (default: lost_or_stolen_card). */
http_handler sandbox_in_refund_fails;
/* match (path prefix), mode (delay | drop_answer | status | garbage), when (before | after; default
 * after), method, delay_ms (of a 429 from Discord: how long to wait), status, code, count (default
 * 1). */
http_handler sandbox_in_add_fault;
/* match: the rules for exactly this path prefix are forgotten, however often they were still good. */
http_handler sandbox_in_end_faults;
/* mode: withhold | release | duplicate | reorder; count for the last two (default 1, 2). */
http_handler sandbox_in_webhooks;
/* Effects so far; ?escrow_id= or ?leg_id= counts those whose metadata says so. */
http_handler sandbox_in_counters;
http_handler sandbox_in_reset;
