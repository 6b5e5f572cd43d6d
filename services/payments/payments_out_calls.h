#pragma once

#include "effects/effects.h"

/* Completes a call to the provider right before it is sent (effects_options.build): what is secret
 * never stands in a row. deps: the const struct secret of the API key. */
struct status payments_out_calls_build(struct op *op, void *deps,
                                       const struct effects_request *request, struct id effect_id,
                                       struct httpc_request *call);

/* Calls at once, of a replica: Stripe lets an account make 100 requests a second, and answers within some 300 ms. */
#define PAYMENTS_CALL_SLOTS 32
