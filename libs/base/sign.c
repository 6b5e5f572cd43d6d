/* In: keys as PEM, texts. Out: signatures, and whether they are right. */
#include "base/sign.h"

#include <sodium.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"

_Static_assert(crypto_sign_BYTES == SIGN_BYTES, "Ed25519 signature");
_Static_assert(crypto_sign_PUBLICKEYBYTES == SIGN_PUBLIC_BYTES, "Ed25519 public key");
_Static_assert(crypto_sign_SECRETKEYBYTES == SIGN_SECRET_BYTES, "Ed25519 secret key");

/* RFC 8410: what stands in DER before the 32 bytes of a seed, and of a public key. */
static const uint8_t secret_head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                      0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
static const uint8_t public_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

#define DER_MAX_BYTES 64 /* the longer of the two has 48 */

/* The bytes between the next "-----BEGIN label-----" and its end; false when there is no such block, or one that is
 * not base64 of at most DER_MAX_BYTES. */
static bool next_block(struct str *rest, struct str begin, struct str end,
                       uint8_t ret_der[DER_MAX_BYTES], size_t *ret_len)
{
    const char *from = memmem(rest->ptr, rest->len, begin.ptr, begin.len);
    if (!from) {
        return false;
    }
    struct str body = str_after(*rest, (size_t)(from - rest->ptr) + begin.len);
    const char *to = memmem(body.ptr, body.len, end.ptr, end.len);
    if (!to) {
        return false;
    }
    size_t len = (size_t)(to - body.ptr);
    *rest = str_after(body, len + end.len);
    return sodium_base642bin(ret_der, DER_MAX_BYTES, body.ptr, len, "\r\n", ret_len,
                             /* b64_end */ NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
}

bool sign_secret_read(struct str pem, struct sign_secret *ret_secret)
{
    uint8_t der[DER_MAX_BYTES];
    size_t len = 0;
    bool there = next_block(&pem, STR("-----BEGIN PRIVATE KEY-----"),
                            STR("-----END PRIVATE KEY-----"), der, &len) &&
                 len == sizeof(secret_head) + crypto_sign_SEEDBYTES &&
                 memcmp(der, secret_head, sizeof(secret_head)) == 0;
    if (there) {
        uint8_t public_key[SIGN_PUBLIC_BYTES];
        int made =
            crypto_sign_seed_keypair(public_key, ret_secret->bytes, der + sizeof(secret_head));
        ASSERT(made == 0);
    }
    sodium_memzero(der, sizeof(der));
    return there;
}

void sign_secret_fini(struct sign_secret *secret)
{
    sodium_memzero(secret, sizeof(*secret));
}

struct sign_public sign_public_of(const struct sign_secret *secret)
{
    struct sign_public found;
    int done = crypto_sign_ed25519_sk_to_pk(found.bytes, secret->bytes);
    ASSERT(done == 0);
    return found;
}

bool sign_public_next(struct str *rest, struct sign_public *ret_public)
{
    uint8_t der[DER_MAX_BYTES];
    size_t len = 0;
    if (!next_block(rest, STR("-----BEGIN PUBLIC KEY-----"), STR("-----END PUBLIC KEY-----"), der,
                    &len) ||
        len != sizeof(public_head) + SIGN_PUBLIC_BYTES ||
        memcmp(der, public_head, sizeof(public_head)) != 0) {
        return false;
    }
    memcpy(ret_public->bytes, der + sizeof(public_head), SIGN_PUBLIC_BYTES);
    return true;
}

struct hash sign_key_id(const struct sign_public *public_key)
{
    struct hash_state state;
    hash_init(&state);
    hash_add(&state, public_head, sizeof(public_head));
    hash_add(&state, public_key->bytes, SIGN_PUBLIC_BYTES);
    return hash_done(&state);
}

struct signature sign_text(const struct sign_secret *secret, struct str text)
{
    struct signature made;
    int done = crypto_sign_detached(made.bytes, /* length */ NULL, (const unsigned char *)text.ptr,
                                    text.len, secret->bytes);
    ASSERT(done == 0);
    return made;
}

bool sign_is_right(const struct sign_public *public_key, struct str text,
                   const struct signature *signature)
{
    return crypto_sign_verify_detached(signature->bytes, (const unsigned char *)text.ptr, text.len,
                                       public_key->bytes) == 0;
}
