#pragma once

#include "engine/engine.h"

/* accounts.events.v1: where people are. */

STATUS notifications_in_accounts_decode(struct op *op, const struct bus_record *record,
                                        struct engine_message *ret_message);
STATUS notifications_in_accounts_decide(struct engine_turn *turn,
                                        const struct engine_message *message);
