#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* SHA-256 by OpenSSL, fed in pieces, with fixed-width big-endian integers for canonical bytes; HMAC by
 * libsodium. */

#define HASH_BYTES 32

struct hash {
    uint8_t bytes[HASH_BYTES];
};

struct hash_state {
    _Alignas(16) unsigned char opaque[128]; /* holds OpenSSL's state; checked at build time */
};

void hash_init(struct hash_state *state);
void hash_add(struct hash_state *state, const void *bytes, size_t len);
/* The length (8 bytes) and then the bytes, so that neighbours cannot be confused. */
void hash_add_str(struct hash_state *state, struct str s);
void hash_add_u64(struct hash_state *state, uint64_t value);
struct hash hash_done(struct hash_state *state);

struct hash hash_of(struct str s);
/* Constant-time. */
bool hash_eq(const struct hash *a, const struct hash *b);

/* HMAC-SHA-256 of the text under a key of any length. */
struct hash hash_mac(struct str key, struct str text);

/* FNV-1a 64: for spreading keys, never for security. */
uint64_t hash_spread(struct str s);
