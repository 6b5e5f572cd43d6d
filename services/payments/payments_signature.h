#pragma once

#include <stdint.h>

#include "base/secret.h"
#include "base/str.h"

/*
 * The header Stripe-Signature: "t=SECONDS,v1=HEX[,v1=HEX...]", where each v1 is the HMAC-SHA256 of
 * "SECONDS.BODY" under one of the endpoint's secrets (two during a rotation). Pure.
 */

/* Both ways: an old one may be a replay, one from the future says that a clock is wrong. */
#define SIGNATURE_TOLERANCE_S 300
/* Stripe sends one v1 for each secret that is valid, at most two. */
#define SIGNATURE_V1_MAX 8
#define SIGNATURE_HEADER_MAX_BYTES 2048
#define SIGNATURE_SECRETS_MAX 4

enum signature_verdict {
    SIGNATURE_NONE = 0,
    SIGNATURE_GOOD,
    SIGNATURE_MISSING,   /* no header */
    SIGNATURE_MALFORMED, /* not exactly one t, no v1, a v1 that is not 64 lower-case hex digits */
    SIGNATURE_STALE,     /* right or wrong, it is more than the tolerance away from now */
    SIGNATURE_WRONG,     /* no v1 fits any secret */
    SIGNATURE_VERDICT_COUNT,
};

/*
 * now_us: the wall clock, microseconds since 1970. Comparison is constant-time over every pair of
 * v1 and secret; what a caller outside may see must not depend on which of the bad verdicts it is.
 */
enum signature_verdict payments_signature_check(struct str header, struct str body, int64_t now_us,
                                                const struct secret *secrets,
                                                uint32_t secret_count);

/* The stable word of a verdict, for logs and metrics. */
const char *payments_signature_name(enum signature_verdict verdict);
