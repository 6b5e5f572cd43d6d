#pragma once

#include "engine/engine.h"
#include "escrow/escrow_decide.h"

/* escrow.events.v1: what happened, as packed EscrowEvents. */

/* Publishes one step of a decision about `cause`, under `id` (the transition's). */
STATUS escrow_out_event(struct engine_turn *turn, const struct engine_message *cause,
                        const struct escrow_step *step, struct id id);

/* Publishes CommandRejected for `cause`; state is that of the escrow now, ESCROW_NONE for none. */
STATUS escrow_out_rejection(struct engine_turn *turn, const struct engine_message *cause,
                            enum escrow_state state, enum escrow_reason reason);
