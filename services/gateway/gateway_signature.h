#pragma once

#include "gateway/gateway_http.h"
#include "gateway/gateway_repo.h"

/*
 * Requests of tokens that were made with --signed (docs/api.md, "Signed requests"): the profile of
 * RFC 9421 that is asked for. Whoever has seen such a request, token and all, can neither change it
 * nor send it again. What cannot be checked is refused.
 */

/*
 * REQ-J7. `created` may be so far from the database's clock, on either side. A request is therefore good
 * for at most twice that after it was first let through, and its nonce is remembered for longer.
 */
#define GATEWAY_SIGNATURE_WINDOW_S 30
#define GATEWAY_SIGNATURE_MEMORY_S 90
#define GATEWAY_SIGNATURE_NONCE_MIN_BYTES 16
#define GATEWAY_SIGNATURE_NONCE_MAX_BYTES 64

/*
 * Everything but whether the nonce is new, without I/O. *ret_nonce is the request's. STATUS_DENIED with
 * "signature.missing", "malformed", "components", "unknown_key", "too_old", "too_early", "digest" or
 * "wrong"; STATUS_RETRY "signature.no_secret".
 */
STATUS gateway_signature_check(struct op *op, const struct gateway *gateway,
                               const struct http_request *req, const struct gateway_token *token,
                               struct str *ret_nonce);

/* The same, and uses the nonce up. "signature.replayed" as well; STATUS_RETRY when the database is away. */
STATUS gateway_signature_accept(struct op *op, const struct gateway *gateway,
                                const struct http_request *req, const struct gateway_token *token);
