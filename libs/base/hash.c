#include "base/hash.h"

/* The block functions, deprecated since OpenSSL 3.0 in favour of EVP, which allocates and costs half
 * again as much for a few hundred bytes. Each command is hashed four times. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <endian.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#include "base/assert.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(((struct hash_state *)0)->opaque),
               "OpenSSL's SHA-256 state must fit");
_Static_assert(SHA256_DIGEST_LENGTH == HASH_BYTES, "SHA-256 is 32 bytes");

static SHA256_CTX *inner(struct hash_state *state)
{
    return (SHA256_CTX *)(void *)state->opaque;
}

void hash_init(struct hash_state *state)
{
    int done = SHA256_Init(inner(state));
    ASSERT(done == 1);
}

void hash_add(struct hash_state *state, const void *bytes, size_t len)
{
    if (len > 0) {
        int done = SHA256_Update(inner(state), bytes, len);
        ASSERT(done == 1);
    }
}

void hash_add_str(struct hash_state *state, struct str s)
{
    hash_add_u64(state, s.len);
    hash_add(state, s.ptr, s.len);
}

void hash_add_u64(struct hash_state *state, uint64_t value)
{
    uint64_t big = htobe64(value);
    hash_add(state, &big, sizeof(big));
}

struct hash hash_done(struct hash_state *state)
{
    struct hash hash;
    int done = SHA256_Final(hash.bytes, inner(state));
    ASSERT(done == 1);
    return hash;
}

struct hash hash_of(struct str s)
{
    struct hash_state state;
    hash_init(&state);
    hash_add(&state, s.ptr, s.len);
    return hash_done(&state);
}

bool hash_eq(const struct hash *a, const struct hash *b)
{
    return sodium_memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

_Static_assert(crypto_auth_hmacsha256_BYTES == HASH_BYTES, "a MAC is a hash");

struct hash hash_mac(struct str key, struct str text)
{
    struct hash mac;
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.ptr, key.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text.ptr, text.len);
    crypto_auth_hmacsha256_final(&state, mac.bytes);
    sodium_memzero(&state, sizeof(state));
    return mac;
}

uint64_t hash_spread(struct str s)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.len; i++) {
        value = (value ^ (uint8_t)s.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return value;
}
