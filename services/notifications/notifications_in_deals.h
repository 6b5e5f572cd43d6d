#pragma once

#include "engine/engine.h"

/*
 * escrow.events.v1: who the parties of a deal are, and what they are told of it. A refusal is told to
 * nobody: it changed nothing, and who asked sees it in the answer to their command.
 */

extern const struct engine_aggregate_kind notifications_in_deals_kind;

STATUS notifications_in_deals_decode(struct op *op, const struct bus_record *record,
                                     struct engine_message *ret_message);
STATUS notifications_in_deals_decide(struct engine_turn *turn,
                                     const struct engine_message *message);
