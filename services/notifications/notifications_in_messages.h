#pragma once

#include "engine/engine.h"

/* notifications.messages.v1: a person is told something. */
STATUS notifications_in_messages_decide(struct engine_turn *turn,
                                        const struct engine_message *message);
