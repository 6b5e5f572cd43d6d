#include "gateway/gateway_http.h"

/* The whole public surface. openapi.yaml says the same; tests/contract compares the two. */

#define ROUTES_TEXT_MAX_BYTES 4096

#define COMMAND_WITH(route_path, route_handler, more_flags)                    \
    {                                                                          \
        .method = HTTP_POST, .path = (route_path), .auth = HTTP_AUTH_TOKEN,    \
        .body = HTTP_BODY_JSON, .body_max_bytes = GATEWAY_BODY_MAX_BYTES,      \
        .deadline_ms = GATEWAY_DEADLINE_ACCEPT_MS, .handler = (route_handler), \
        .flags = HTTP_ROUTE_NEEDS_KEY | (more_flags),                          \
    }
#define COMMAND(route_path, route_handler) COMMAND_WITH(route_path, route_handler, 0)
/* Gives money back, or keeps it from going out: the last to be refused when there are too many requests (R17). */
#define RESCUE(route_path, route_handler) \
    COMMAND_WITH(route_path, route_handler, HTTP_ROUTE_SAVES_MONEY)
#define UPLOAD(route_path, route_handler)                                                          \
    {                                                                                              \
        .method = HTTP_POST, .path = (route_path), .auth = HTTP_AUTH_TOKEN, .body = HTTP_BODY_ANY, \
        .body_max_bytes = HTTP_BODY_FILE_BYTES, .deadline_ms = GATEWAY_DEADLINE_UPLOAD_MS,         \
        .handler = (route_handler), .flags = HTTP_ROUTE_NEEDS_KEY,                                 \
    }
#define READ(route_path, route_handler)                                      \
    {                                                                        \
        .method = HTTP_GET, .path = (route_path), .auth = HTTP_AUTH_TOKEN,   \
        .deadline_ms = GATEWAY_DEADLINE_READ_MS, .handler = (route_handler), \
        .arena_bytes = GATEWAY_READ_ARENA_BYTES,                             \
    }

#define OPEN(route_path, route_handler)                                                    \
    {                                                                                      \
        .method = HTTP_GET, .path = (route_path), .deadline_ms = GATEWAY_DEADLINE_READ_MS, \
        .handler = (route_handler)                                                         \
    }

/* clang-format off */
const struct http_route gateway_routes[] = {
    COMMAND("/v1/escrows",                    gateway_post_escrow),
    COMMAND("/v1/escrows/:id/mark-delivered", gateway_post_action),
    COMMAND("/v1/escrows/:id/release",        gateway_post_action),
    COMMAND("/v1/escrows/:id/release-part",   gateway_post_action),
    COMMAND("/v1/escrows/:id/cancel",         gateway_post_action),
    RESCUE("/v1/escrows/:id/refund",          gateway_post_action),
    COMMAND("/v1/escrows/:id/retry",          gateway_post_action),
    RESCUE("/v1/escrows/:id/reject-delivery", gateway_post_action),
    RESCUE("/v1/escrows/:id/accept-return",   gateway_post_action),
    RESCUE("/v1/escrows/:id/raise-dispute",   gateway_post_action),
    COMMAND("/v1/escrows/:id/withdraw-dispute", gateway_post_action),
    COMMAND("/v1/escrows/:id/propose-split",  gateway_post_action),
    RESCUE("/v1/escrows/:id/accept-split",    gateway_post_action),
    COMMAND("/v1/escrows/:id/withdraw-split", gateway_post_action),
    RESCUE("/v1/escrows/:id/resolve-dispute", gateway_post_action),
    UPLOAD("/v1/escrows/:id/evidence",       gateway_post_evidence),
    /* REQ-D9, REQ-D10: the names that clients of old know. */
    COMMAND("/api/escrow/:id/mark-delivered", gateway_post_action),
    COMMAND("/api/escrow/:id/release",        gateway_post_action),
    COMMAND("/v1/users",                      gateway_post_user),
    COMMAND("/v1/users/:id/link-discord",     gateway_post_link_discord),
    READ("/v1/escrows",                       gateway_get_escrows),
    READ("/v1/escrows/:id",                   gateway_get_escrow),
    READ("/v1/escrows/:id/timeline",          gateway_get_timeline),
    READ("/v1/escrows/:id/proof",             gateway_get_proof),
    READ("/v1/escrows/:id/evidence",          gateway_get_evidence_list),
    READ("/v1/escrows/:id/evidence/:hash",    gateway_get_evidence),
    READ("/v1/users/:id",                     gateway_get_user),
    READ("/v1/commands/:id",                  gateway_get_command),
    READ("/v1/events",                        gateway_get_events),
    OPEN("/openapi.json",                     gateway_get_openapi),
    OPEN("/docs",                             gateway_get_docs),
    OPEN("/deals/:escrow_id",                 gateway_get_deal_page),
    OPEN("/pages/:name",                      gateway_get_page_file),
};
/* clang-format on */
const uint32_t gateway_route_count = ARRAY_LEN(gateway_routes);

STATUS gateway_routes_print(struct op *op, struct str *ret_text)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, ROUTES_TEXT_MAX_BYTES);
    for (uint32_t i = 0; i < gateway_route_count; i++) {
        const struct http_route *route = &gateway_routes[i];
        strbuf_addf(&buf, STR_FMT " %s%s%s\n", STR_ARG(http_method_name(route->method)),
                    route->path, route->auth == HTTP_AUTH_TOKEN ? " token" : "",
                    (route->flags & HTTP_ROUTE_NEEDS_KEY) != 0 ? " key" : "");
    }
    return strbuf_finish(&buf, ret_text) ? OK : op_arena_full(op);
}
