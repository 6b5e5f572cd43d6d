#pragma once

#include "engine/engine.h"
#include "notifications/notifications.h"

/* notifications.messages.v1: news from a deal's lane to a person's, and back into a struct. */

STATUS notifications_message_post(struct engine_turn *turn, struct id user_id,
                                  const struct news *news);
/* engine_handler.decode; message.body is a struct news. */
STATUS notifications_message_decode(struct op *op, const struct bus_record *record,
                                    struct engine_message *ret_message);
