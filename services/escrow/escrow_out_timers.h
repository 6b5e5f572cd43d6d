#pragma once

#include "engine/engine.h"
#include "escrow/escrow_decide.h"

/* oracle.commands.v1: publishes one timer order of a decision about `cause`, which is about `escrow_id`. */
STATUS escrow_out_timer(struct engine_turn *turn, const struct engine_message *cause,
                        struct id escrow_id, const struct escrow_timer_order *order);
