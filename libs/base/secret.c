#include "base/secret.h"

#include <sodium.h>
#include <string.h>

bool secret_set(struct secret *ret_secret, struct str value)
{
    *ret_secret = (struct secret){.len = 0};
    if (value.len > SECRET_MAX_BYTES) {
        return false;
    }
    if (value.len > 0) {
        memcpy(ret_secret->bytes, value.ptr, value.len);
    }
    ret_secret->len = value.len;
    return true;
}

void secret_fini(struct secret *secret)
{
    sodium_memzero(secret, sizeof(*secret));
}

bool secret_eq(const struct secret *secret, struct str other)
{
    return secret->len == other.len && sodium_memcmp(secret->bytes, other.ptr, other.len) == 0;
}

struct str secret_reveal(const struct secret *secret)
{
    return (struct str){.ptr = secret->bytes, .len = secret->len};
}
