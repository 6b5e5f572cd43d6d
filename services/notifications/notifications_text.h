#pragma once

#include "base/op.h"
#include "notifications/notifications.h"

/* What each event says to whom. Only what the event itself says, as of its moment, so that no message is
 * false when it comes late: nothing is promised or guessed. */

#define CONTENT_MAX_CHARACTERS 2000 /* Discord's */
#define CONTENT_MAX_BYTES ((size_t)4 * CONTENT_MAX_CHARACTERS)
#define QUOTE_MAX_CHARACTERS 100 /* of words that somebody else wrote; more are cut */

/* Whether this party is told of this at all. */
bool notifications_text_is_told(enum notice notice, enum role role);

/*
 * The message's content in Discord's markdown, in op->arena: the sentence, then the deal and the time.
 * Words from outside stand in code spans without control or direction characters, so they can neither
 * mention, link nor format. At most CONTENT_MAX_CHARACTERS. The party must be told of it (ASSERT).
 */
STATUS notifications_text_write(struct op *op, const struct news *news, struct str *ret_content);
