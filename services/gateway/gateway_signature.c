/* In: a request with a good token that must be signed. Out: let through, once, or why not. The cheap
 * checks come first, the MAC before anything is written, so that a stranger cannot use nonces up. */
#include "gateway/gateway_signature.h"

#include <sodium.h>

#include "base/defer.h"
#include "base/request_key.h"
#include "http/http_signature.h"

_Static_assert(GATEWAY_SIGNATURE_MEMORY_S > 2 * GATEWAY_SIGNATURE_WINDOW_S,
               "a nonce is forgotten after its request has become too old, never before");

#define SECOND_US INT64_C(1000000)

/* What every signature says, whatever else it covers. */
static STATUS check_profile(struct op *op, const struct http_signature *signature)
{
    if (signature->created_s < 0 || signature->keyid.len == 0 ||
        !str_eq(signature->alg, STR("hmac-sha256")) ||
        signature->nonce.len < GATEWAY_SIGNATURE_NONCE_MIN_BYTES ||
        signature->nonce.len > GATEWAY_SIGNATURE_NONCE_MAX_BYTES) {
        return op_fail(op, STATUS_DENIED, "signature.malformed",
                       "a parameter is not the profile's");
    }
    return OK;
}

static STATUS check_covered(struct op *op, const struct http_request *req,
                            const struct http_signature *signature)
{
    const struct {
        struct str name;
        bool is_wanted;
    } components[] = {
        {STR("@method"), true},
        {STR("@path"), true},
        {STR("@query"), req->query_text.len > 0},
        {STR("content-digest"), req->body.len > 0},
        {STR("idempotency-key"), req->idempotency_key.len > 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(components); i++) {
        if (components[i].is_wanted && !http_signature_covers(signature, components[i].name)) {
            return op_fail(op, STATUS_DENIED, "signature.components", "without " STR_FMT,
                           STR_ARG(components[i].name));
        }
    }
    return OK;
}

static STATUS check_key_id(struct op *op, struct str keyid, const struct hash *token_hash)
{
    struct hash hash;
    return str_from_hex(keyid, hash.bytes, HASH_BYTES) && hash_eq(&hash, token_hash)
               ? OK
               : op_fail(op, STATUS_DENIED, "signature.unknown_key", "not this token's");
}

static STATUS check_created(struct op *op, int64_t created_s, int64_t now_us)
{
    int64_t age_us = now_us - created_s * SECOND_US;
    if (age_us > GATEWAY_SIGNATURE_WINDOW_S * SECOND_US) {
        return op_fail(op, STATUS_DENIED, "signature.too_old", "%lld us", (long long)age_us);
    }
    if (age_us < -GATEWAY_SIGNATURE_WINDOW_S * SECOND_US) {
        return op_fail(op, STATUS_DENIED, "signature.too_early", "%lld us", (long long)age_us);
    }
    return OK;
}

static bool is_made_with(const struct secret *secret, struct str token, struct str base,
                         const struct hash *mac)
{
    struct hash key = request_key(secret, token);
    struct hash wanted =
        hash_mac((struct str){.ptr = (const char *)key.bytes, .len = HASH_BYTES}, base);
    sodium_memzero(&key, sizeof(key));
    bool fits = hash_eq(&wanted, mac);
    sodium_memzero(&wanted, sizeof(wanted));
    return fits;
}

static STATUS check_mac(struct op *op, const struct gateway *gateway,
                        const struct http_request *req, const struct http_signature *signature)
{
    struct str base;
    TRY(http_signature_base(op, req, signature, &base));
    if (gateway->signing_secret_count == 0) {
        return op_fail(op, STATUS_RETRY, "signature.no_secret",
                       "REQUEST_SIGNING_SECRET is not set");
    }
    for (uint32_t i = 0; i < gateway->signing_secret_count; i++) {
        if (is_made_with(gateway->signing_secrets[i], req->token, base, &signature->mac)) {
            return OK;
        }
    }
    return op_fail(op, STATUS_DENIED, "signature.wrong", "another MAC");
}

STATUS gateway_signature_check(struct op *op, const struct gateway *gateway,
                               const struct http_request *req, const struct gateway_token *token,
                               struct str *ret_nonce)
{
    struct http_signature signature;
    TRY(http_signature_read(op, req, &signature));
    TRY(check_profile(op, &signature));
    TRY(check_covered(op, req, &signature));
    TRY(check_key_id(op, signature.keyid, &token->hash));
    TRY(check_created(op, signature.created_s, token->now_us));
    if (http_signature_covers(&signature, STR("content-digest"))) {
        TRY(http_signature_check_digest(op, req));
    }
    TRY(check_mac(op, gateway, req, &signature));
    *ret_nonce = signature.nonce;
    return OK;
}

STATUS gateway_signature_accept(struct op *op, const struct gateway *gateway,
                                const struct http_request *req, const struct gateway_token *token)
{
    struct str nonce;
    bool is_new = false;
    TRY(gateway_signature_check(op, gateway, req, token, &nonce));
    TRY(gateway_repo_use_nonce(op, gateway->pg, &token->hash, nonce, GATEWAY_SIGNATURE_MEMORY_S,
                               &is_new));
    return is_new ? OK : op_fail(op, STATUS_DENIED, "signature.replayed", "its nonce was used");
}
