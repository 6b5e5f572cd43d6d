#include "base/hash.h"

#include <sodium.h>
#include <string.h>

#include "base/assert.h"

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(((struct hash_state *)0)->opaque),
               "libsodium's SHA-256 state must fit");
_Static_assert(crypto_hash_sha256_BYTES == HASH_BYTES, "SHA-256 is 32 bytes");

static crypto_hash_sha256_state *inner(struct hash_state *state)
{
    return (crypto_hash_sha256_state *)(void *)state->opaque;
}

void hash_init(struct hash_state *state)
{
    int failed = crypto_hash_sha256_init(inner(state));
    ASSERT(failed == 0);
}

void hash_add(struct hash_state *state, const void *bytes, size_t len)
{
    if (len > 0) {
        int failed = crypto_hash_sha256_update(inner(state), bytes, len);
        ASSERT(failed == 0);
    }
}

void hash_add_str(struct hash_state *state, struct str s)
{
    hash_add_u64(state, s.len);
    hash_add(state, s.ptr, s.len);
}

void hash_add_u64(struct hash_state *state, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    }
    hash_add(state, bytes, sizeof(bytes));
}

struct hash hash_done(struct hash_state *state)
{
    struct hash hash;
    int failed = crypto_hash_sha256_final(inner(state), hash.bytes);
    ASSERT(failed == 0);
    return hash;
}

struct hash hash_of(struct str s)
{
    struct hash hash;
    int failed = crypto_hash_sha256(hash.bytes, (const unsigned char *)s.ptr, s.len);
    ASSERT(failed == 0);
    return hash;
}

bool hash_eq(const struct hash *a, const struct hash *b)
{
    return sodium_memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

uint64_t hash_spread(struct str s)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.len; i++) {
        value = (value ^ (uint8_t)s.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return value;
}
