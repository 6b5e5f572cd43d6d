/* The one list of what the sandbox answers. */
#include "sandbox/sandbox_routes.h"

#include "base/defer.h"
#include "sandbox/sandbox_fault.h"
#include "sandbox/sandbox_in_balance.h"
#include "sandbox/sandbox_in_control.h"
#include "sandbox/sandbox_in_discord.h"
#include "sandbox/sandbox_in_discord_control.h"
#include "sandbox/sandbox_in_stripe.h"

/* A fault may hold a request back for as long as SANDBOX_FAULT_DELAY_MAX_MS. */
#define DEADLINE_MS (SANDBOX_FAULT_DELAY_MAX_MS + 10000)
#define ARENA_BYTES (4 * 1024 * 1024)
#define STRIPE_BYTES SANDBOX_STRIPE_BODY_MAX_BYTES
#define DISCORD_BYTES SANDBOX_DISCORD_BODY_MAX_BYTES
#define CONTROL_BYTES SANDBOX_CONTROL_BODY_MAX_BYTES

/* Authorization is checked by the handlers, because its refusal has the provider's form. */
#define STRIPE_POST(path, handler)                                                                \
    {                                                                                             \
        HTTP_POST, path, HTTP_AUTH_NONE, HTTP_BODY_ANY, STRIPE_BYTES, DEADLINE_MS, handler, 0, 0, \
            ARENA_BYTES                                                                           \
    }
#define STRIPE_GET(path, handler)                                                                  \
    {                                                                                              \
        HTTP_GET, path, HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, DEADLINE_MS, handler, 0, 0, ARENA_BYTES \
    }
#define DISCORD_POST(path, handler)                                                                \
    {                                                                                              \
        HTTP_POST, path, HTTP_AUTH_NONE, HTTP_BODY_ANY, DISCORD_BYTES, DEADLINE_MS, handler, 0, 0, \
            ARENA_BYTES                                                                            \
    }
#define CONTROL_GET(path, handler)                                                                 \
    {                                                                                              \
        HTTP_GET, path, HTTP_AUTH_NONE, HTTP_BODY_NONE, 0, DEADLINE_MS, handler, 0, 0, ARENA_BYTES \
    }
#define CONTROL_POST(path, handler)                                                                \
    {                                                                                              \
        HTTP_POST, path, HTTP_AUTH_NONE, HTTP_BODY_ANY, CONTROL_BYTES, DEADLINE_MS, handler, 0, 0, \
            ARENA_BYTES                                                                            \
    }

/* clang-format off */
const struct http_route sandbox_routes[] = {
    STRIPE_POST("/v1/payment_intents",            sandbox_in_create_intent),
    STRIPE_GET ("/v1/payment_intents/:id",        sandbox_in_get_intent),
    STRIPE_POST("/v1/payment_intents/:id/cancel", sandbox_in_cancel_intent),
    STRIPE_GET ("/v1/charges/:id",                sandbox_in_get_charge),
    STRIPE_POST("/v1/transfers",                  sandbox_in_create_transfer),
    STRIPE_GET ("/v1/transfers",                  sandbox_in_list_transfers),
    STRIPE_GET ("/v1/transfers/:id",              sandbox_in_get_transfer),
    STRIPE_POST("/v1/refunds",                    sandbox_in_create_refund),
    STRIPE_GET ("/v1/refunds",                    sandbox_in_list_refunds),
    STRIPE_GET ("/v1/refunds/:id",                sandbox_in_get_refund),
    STRIPE_GET ("/v1/events",                     sandbox_in_list_events),
    STRIPE_GET ("/v1/balance_transactions",       sandbox_in_list_balance),
    DISCORD_POST("/api/v10/users/@me/channels",   sandbox_in_discord_channel),
    DISCORD_POST("/api/v10/channels/:id/messages", sandbox_in_discord_message),
    CONTROL_POST("/sandbox/pay",                  sandbox_in_pay),
    CONTROL_POST("/sandbox/decline",              sandbox_in_decline),
    CONTROL_POST("/sandbox/refund-fails",         sandbox_in_refund_fails),
    CONTROL_POST("/sandbox/balance",              sandbox_in_change_balance),
    CONTROL_POST("/sandbox/faults",               sandbox_in_add_fault),
    CONTROL_POST("/sandbox/end-faults",           sandbox_in_end_faults),
    CONTROL_POST("/sandbox/webhooks",             sandbox_in_webhooks),
    CONTROL_POST("/sandbox/reset",                sandbox_in_reset),
    CONTROL_GET ("/sandbox/counters",             sandbox_in_counters),
    CONTROL_POST("/sandbox/discord/dms",          sandbox_in_discord_dms),
    CONTROL_POST("/sandbox/discord/limits",       sandbox_in_discord_limits),
    CONTROL_GET ("/sandbox/discord/messages",     sandbox_in_discord_messages),
    CONTROL_GET ("/sandbox/discord/channels",     sandbox_in_discord_channels),
    CONTROL_GET ("/sandbox/discord/counters",     sandbox_in_discord_counters),
};
/* clang-format on */

const uint32_t sandbox_route_count = ARRAY_LEN(sandbox_routes);
