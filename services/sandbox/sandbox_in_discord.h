#pragma once

#include "http/http.h"

/* Discord's REST API as far as notifications uses it: /api/v10/… . The handlers' deps is the struct
 * sandbox. */

#define SANDBOX_DISCORD_BODY_MAX_BYTES (32 * 1024)
#define SANDBOX_DISCORD_GLOBAL "global" /* code of a fault: its 429 is over everything */

http_handler sandbox_in_discord_channel; /* POST /users/@me/channels */
http_handler sandbox_in_discord_message; /* POST /channels/:id/messages */
