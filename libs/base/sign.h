#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/str.h"

/*
 * Ed25519 signatures (RFC 8032) by libsodium, with keys in the PEM form (RFC 7468, RFC 8410) that `openssl genpkey
 * -algorithm ed25519` and `openssl pkey -pubout` write, so that others can check what we sign.
 */

#define SIGN_BYTES 64
#define SIGN_PUBLIC_BYTES 32
#define SIGN_SECRET_BYTES 64
#define SIGN_FILE_MAX_BYTES ((size_t)64 * 1024) /* a file of keys */

struct sign_public {
    uint8_t bytes[SIGN_PUBLIC_BYTES];
};

struct sign_secret {
    uint8_t bytes[SIGN_SECRET_BYTES];
};

struct signature {
    uint8_t bytes[SIGN_BYTES];
};

/* The first private key of the text, which is PEM; false when there is none. */
bool sign_secret_read(struct str pem, struct sign_secret *ret_secret);
/* Wipes. Fit for DEFER. */
void sign_secret_fini(struct sign_secret *secret);
struct sign_public sign_public_of(const struct sign_secret *secret);

/* The next public key of *rest, which moves on behind it; false when there is no further one. Anything else
 * between the keys is passed over. */
bool sign_public_next(struct str *rest, struct sign_public *ret_public);

/* The name of a key: SHA-256 of its DER form, as `openssl pkey -pubin -outform DER | sha256sum` says it. */
struct hash sign_key_id(const struct sign_public *public_key);

struct signature sign_text(const struct sign_secret *secret, struct str text);
bool sign_is_right(const struct sign_public *public_key, struct str text,
                   const struct signature *signature);
