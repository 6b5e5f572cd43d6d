/* In: the installation's secret, a token. Out: HMAC of the token, under a key made for this use alone. */
#include "base/request_key.h"

#include <sodium.h>

struct hash request_key(const struct secret *secret, struct str token)
{
    struct hash root = hash_mac(secret_reveal(secret), STR("holdfast request key 1"));
    struct hash key =
        hash_mac((struct str){.ptr = (const char *)root.bytes, .len = HASH_BYTES}, token);
    sodium_memzero(&root, sizeof(root));
    return key;
}
