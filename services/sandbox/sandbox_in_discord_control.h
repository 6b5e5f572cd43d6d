#pragma once

#include "http/http.h"

/* What tests and demos ask of the played Discord: /sandbox/discord/… . Bodies are forms, answers
 * JSON, no token is needed. The handlers' deps is the struct sandbox. */

#define SANDBOX_DISCORD_LIST_MAX 200 /* messages and people in one answer: the newest */

/* user_id; closed: true or false (default true): takes no more DMs, or takes them again. */
http_handler sandbox_in_discord_dms;
/* bucket (channels | messages | global); max (0: no limit), window_ms. */
http_handler sandbox_in_discord_limits;
/* What was written, oldest first; ?user_id= to one person alone. */
http_handler sandbox_in_discord_messages;
http_handler sandbox_in_discord_channels;
http_handler sandbox_in_discord_counters;
