#pragma once

#include "engine/engine.h"
#include "escrow/escrow_decide.h"

/* What the handlers of all topics share. */

/* The service as the engine sees it (escrow_service.c). */
extern const struct engine_service escrow_service;

/* escrow.commands.v1 */
STATUS escrow_in_commands_decode(struct op *op, const struct bus_record *record,
                                 struct engine_message *ret_message);
STATUS escrow_in_commands_dropped(struct engine_turn *turn, const struct engine_message *message);
/* payments.events.v1 */
STATUS escrow_in_payments_decode(struct op *op, const struct bus_record *record,
                                 struct engine_message *ret_message);

/* oracle.events.v1 */
STATUS escrow_in_oracle_decode(struct op *op, const struct bus_record *record,
                               struct engine_message *ret_message);

/* escrow.messages.v1: what the sealer leaves for an escrow goes out as a record of escrow.seals.v1. */
STATUS escrow_in_seals_decode(struct op *op, const struct bus_record *record,
                              struct engine_message *ret_message);
STATUS escrow_in_seals_decide(struct engine_turn *turn, const struct engine_message *message);

/* A body in the arena, with what all topics take from the envelope; message->body is it. */
STATUS escrow_in_new_body(struct op *op, struct engine_message *message,
                          struct escrow_message **ret_body);

/* Decides a decoded message and hands what happens to the engine. */
STATUS escrow_in_decide(struct engine_turn *turn, const struct engine_message *message);
