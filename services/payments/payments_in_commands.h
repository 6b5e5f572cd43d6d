#pragma once

#include "engine/engine.h"

/* payments.commands.v1 -> decisions -> payments.events.v1 and requests to the provider. */

#define PAYMENTS_DESCRIPTION_MAX_BYTES 1000
#define PAYMENTS_ACCOUNT_MAX_BYTES 255

/* engine_handler.decode: body is a struct payments_command, type its kind. STATUS_INVALID with
 * wire.* or "payments.unknown_command". */
STATUS payments_in_commands_decode(struct op *op, const struct bus_record *record,
                                   struct engine_message *ret_message);
/* engine_handler.decide */
STATUS payments_in_commands_decide(struct engine_turn *turn, const struct engine_message *message);
/* engine_handler.dropped: whoever waits for the leg is told that it failed. */
STATUS payments_in_commands_dropped(struct engine_turn *turn, const struct engine_message *message);
