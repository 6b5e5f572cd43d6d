#pragma once

#include "effects/effects.h"

/* Completes a call to the provider right before it is sent (effects_options.build): what is secret
 * never stands in a row. deps: the const struct secret of the API key. */
struct status payments_out_calls_build(struct op *op, void *deps,
                                       const struct effects_request *request, struct id effect_id,
                                       struct httpc_request *call);

/* Calls at once: as many as the provider likes to see from one place. */
#define PAYMENTS_CALL_SLOTS 8
