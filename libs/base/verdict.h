#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/id.h"
#include "base/money.h"
#include "base/sign.h"

/*
 * What an arbiter signs: who gets what of the sum that a dispute has frozen, and which history of the deal the arbiter had
 * before him. Whoever signs, whoever decides and whoever proves it later make the same text.
 *
 * What is signed is a text, each line ended by a newline:
 *   holdfast.verdict.v1
 *   escrow 0190b5c2-4f2e-7b3a-9c1d-2e8f6a7b0c11
 *   dispute 1
 *   head <64 hex digits: hash of the deal's last transition, as the proof of the deal says it>
 *   currency USD
 *   seller_minor 6000
 *   buyer_minor 4000
 *   reason <64 hex digits: SHA-256 of the reason, UTF-8>
 *   key <64 hex digits: sign_key_id of the arbiter's key>
 * The signature is Ed25519 over these bytes: `openssl pkeyutl -sign -rawin -inkey arbiter.key -in verdict.txt` makes it, too.
 */

#define VERDICT_TEXT_BYTES 512

struct verdict {
    struct id escrow_id;
    int64_t dispute;  /* its number in the deal: 1, 2, 3 */
    struct hash head; /* after this event nothing has happened in the deal */
    enum currency currency;
    int64_t seller_minor; /* of what is frozen; */
    int64_t buyer_minor;  /* both together are all of it */
    struct str reason;
};

/* The text that is signed with this key, in memory of the caller. */
struct str verdict_text(const struct verdict *verdict, const struct sign_public *key,
                        char ret_text[VERDICT_TEXT_BYTES]);
/* key: SIGN_PUBLIC_BYTES, signature: SIGN_BYTES; of another length they are wrong. */
bool verdict_is_signed(const struct verdict *verdict, struct str key, struct str signature);
