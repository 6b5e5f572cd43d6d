/* The token that every call to Discord carries, and the name that Discord asks bots for. */
#include "notifications/notifications_out_calls.h"

#include "base/secret.h"

struct status notifications_out_calls_build(struct op *op, void *deps,
                                            const struct effects_request *request,
                                            struct id effect_id, struct httpc_request *call)
{
    (void)request;
    (void)effect_id; /* a message carries its nonce */
    const struct secret *token = deps;
    struct strbuf buf;
    strbuf_init(&buf, op->arena, SECRET_MAX_BYTES + sizeof("Bot "));
    strbuf_add(&buf, STR("Bot "));
    strbuf_add(&buf, secret_reveal(token));
    struct str authorization;
    if (!strbuf_finish(&buf, &authorization)) {
        return op_arena_full(op);
    }
    TRY(httpc_request_header(op, call, STR("Authorization"), authorization));
    return httpc_request_header(op, call, STR("User-Agent"), STR("DiscordBot (holdfast, 1)"));
}
