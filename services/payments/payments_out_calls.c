/* The key and the version that every call to the provider carries. */
#include "payments/payments_out_calls.h"

#include "base/secret.h"
#include "payments/payments_rail_stripe.h"

struct status payments_out_calls_build(struct op *op, void *deps,
                                       const struct effects_request *request, struct id effect_id,
                                       struct httpc_request *call)
{
    (void)request;
    (void)effect_id; /* the Idempotency-Key is there already */
    const struct secret *key = deps;
    struct strbuf buf;
    strbuf_init(&buf, op->arena, SECRET_MAX_BYTES + sizeof("Bearer "));
    strbuf_add(&buf, STR("Bearer "));
    strbuf_add(&buf, secret_reveal(key));
    struct str authorization;
    if (!strbuf_finish(&buf, &authorization)) {
        return op_arena_full(op);
    }
    TRY(httpc_request_header(op, call, STR("Authorization"), authorization));
    return httpc_request_header(op, call, STR("Stripe-Version"), STR(STRIPE_API_VERSION));
}
