#pragma once

#include "base/hash.h"
#include "base/secret.h"

/*
 * The key that the requests of a signed API token are signed with. It is kept nowhere: who makes the
 * token and who checks a request both derive it from the installation's secret and the token's text.
 */

#define REQUEST_KEY_SECRET_MIN_BYTES 32 /* as strong as the keys that come from it */

/* Who lives on afterwards wipes it (sodium_memzero) as soon as it has been used. */
struct hash request_key(const struct secret *secret, struct str token);
