/* Verdicts as requests bring them: hex, and whose word it is. Pure but for the arena. */
#include "base/assert.h"
#include "base/verdict.h"
#include "gateway/gateway_command.h"

static struct status refuse(struct op *op, const char *code, struct str field)
{
    return op_blame(op, op_fail(op, STATUS_INVALID, code, STR_FMT, STR_ARG(field)), field);
}

bool gateway_is_hex(struct str text, size_t bytes)
{
    if (text.len != 2 * bytes) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

STATUS gateway_hex_bytes(struct op *op, struct str hex, struct str *ret_bytes)
{
    size_t len = hex.len / 2;
    uint8_t *bytes = arena_new(op->arena, uint8_t, len);
    if (!bytes) {
        return op_arena_full(op);
    }
    bool read = str_from_hex(hex, bytes, len);
    ASSERT(read);
    *ret_bytes = (struct str){.ptr = (const char *)bytes, .len = len};
    return OK;
}

STATUS gateway_verdict_check(struct op *op, const struct gateway_order *order,
                             const struct gateway_view *view)
{
    if (order->caller.kind == ENGINE_ACTOR_STAFF) {
        bool none = order->head.len == 0 && order->signature.len == 0;
        return none ? OK : refuse(op, "escrow.bad_signature", STR("/signature"));
    }
    struct verdict verdict = {
        .escrow_id = view->id,
        .dispute = order->number,
        .currency = view->currency,
        .seller_minor = order->seller_minor,
        .buyer_minor = order->buyer_minor,
        .reason = order->reason,
    };
    struct str key, signature;
    if (!gateway_is_hex(order->head, HASH_BYTES)) {
        return refuse(op, "escrow.bad_signature", STR("/head"));
    }
    if (!gateway_is_hex(order->signature, SIGN_BYTES) ||
        !gateway_is_hex(view->arbiter_key, SIGN_PUBLIC_BYTES)) {
        return refuse(op, "escrow.bad_signature", STR("/signature"));
    }
    bool read = str_from_hex(order->head, verdict.head.bytes, HASH_BYTES);
    ASSERT(read);
    TRY(gateway_hex_bytes(op, view->arbiter_key, &key));
    TRY(gateway_hex_bytes(op, order->signature, &signature));
    return verdict_is_signed(&verdict, key, signature)
               ? OK
               : refuse(op, "escrow.bad_signature", STR("/signature"));
}
