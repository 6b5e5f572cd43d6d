#pragma once

#include "engine/engine.h"

/* oracle.commands.v1: bytes to struct oracle_command. oracle.bad_timer (STATUS_INVALID) for a kind, a
 * generation or a moment that cannot be; a body that this version does not know is skipped. */
STATUS oracle_in_commands_decode(struct op *op, const struct bus_record *record,
                                 struct engine_message *ret_message);
STATUS oracle_in_commands_decide(struct engine_turn *turn, const struct engine_message *message);
