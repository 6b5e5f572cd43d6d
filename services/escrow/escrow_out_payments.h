#pragma once

#include "engine/engine.h"
#include "escrow/escrow_decide.h"

/* payments.commands.v1: publishes one request of a decision about `cause`; escrow is the row after it. */
STATUS escrow_out_payment(struct engine_turn *turn, const struct engine_message *cause,
                          const struct escrow *escrow, const struct escrow_request *request);
