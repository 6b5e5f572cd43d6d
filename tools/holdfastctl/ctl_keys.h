#pragma once

#include "base/op.h"
#include "base/sign.h"

/* The public keys that seals may be signed with: today's, and all before it, for seals are checked for ever. */

#define CTL_KEYS_MAX 64

struct ctl_keys {
    struct sign_public keys[CTL_KEYS_MAX];
    struct hash ids[CTL_KEYS_MAX];
    uint32_t count;
};

/* A file of PEM blocks. STATUS_INVALID "ctl.usage": it has none, or too many. */
STATUS ctl_keys_read(struct op *op, struct str path, struct ctl_keys *ret_keys);
/* NULL: none of them has this name. */
const struct sign_public *ctl_keys_find(const struct ctl_keys *keys, const struct hash *id);
