#pragma once

#include "http/http.h"

/* The provider's API: /v1/… . The handlers' deps is the struct sandbox. */

#define SANDBOX_STRIPE_BODY_MAX_BYTES (64 * 1024)

http_handler sandbox_in_create_intent;
http_handler sandbox_in_get_intent;
http_handler sandbox_in_cancel_intent;
http_handler sandbox_in_get_charge;
http_handler sandbox_in_create_transfer;
http_handler sandbox_in_get_transfer;
http_handler sandbox_in_list_transfers;
http_handler sandbox_in_create_refund;
http_handler sandbox_in_get_refund;
http_handler sandbox_in_list_refunds;
http_handler sandbox_in_list_events;
