/* In: a bearer token. Out: who it belongs to. Only the token's SHA-256 is ever looked for. A token that was
 * made for signed requests is good for nothing without a signature. */
#include "gateway/gateway_http.h"
#include "gateway/gateway_repo.h"
#include "gateway/gateway_signature.h"

#define TOKEN_MIN_BYTES 32
#define TOKEN_MAX_BYTES 128

/* Tells the form from noise without asking the database; says nothing about whether it exists. */
static bool is_token(const struct gateway *gateway, struct str token)
{
    bool live = str_has_prefix(token, STR("hf_live_"));
    bool test = str_has_prefix(token, STR("hf_test_")) && !gateway->production;
    return (live || test) && token.len >= TOKEN_MIN_BYTES && token.len <= TOKEN_MAX_BYTES;
}

STATUS gateway_authenticate(struct op *op, void *deps, const struct http_request *req,
                            const void **ret_principal)
{
    struct gateway *gateway = deps;
    struct gateway_token *token = arena_new(op->arena, struct gateway_token, 1);
    if (!token) {
        return op_arena_full(op);
    }
    bool found = false;
    if (is_token(gateway, req->token)) {
        struct hash hash = hash_of(req->token);
        TRY(gateway_repo_find_token(op, gateway->pg, &hash, token, &found));
    }
    if (!found) { /* one answer for all reasons */
        return op_fail(op, STATUS_DENIED, "gateway.token", "no such token, or no longer");
    }
    if (token->is_signed) {
        TRY(gateway_signature_accept(op, gateway, req, token));
    }
    *ret_principal = &token->caller;
    return OK;
}
