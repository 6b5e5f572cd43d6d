#pragma once

#include <stdbool.h>

#include "base/str.h"

/* A secret: no formatter accepts it, it is compared in constant time and wiped when freed. */

#define SECRET_MAX_BYTES 512

struct secret {
    char bytes[SECRET_MAX_BYTES];
    size_t len;
};

/* False when it is longer than SECRET_MAX_BYTES; *ret_secret is then empty. */
MUST_CHECK bool secret_set(struct secret *ret_secret, struct str value);
/* Wipes. Fit for DEFER. */
void secret_fini(struct secret *secret);
/* Constant-time in the contents (not in the lengths). */
bool secret_eq(const struct secret *secret, struct str other);
/* For the one place that must send or hash it. The slice lives as long as the secret. */
struct str secret_reveal(const struct secret *secret);
