#pragma once

#include "engine/intake.h"
#include "gateway/gateway.h"
#include "gateway/gateway_command.h"
#include "gateway/gateway_repo.h"
#include "http/http.h"
#include "http/http_observer.h"
#include "objects/objects.h"
#include "pg/pg.h"

/* The gateway's HTTP side: what its handlers share, and the table of routes. */

#define GATEWAY_DEADLINE_ACCEPT_MS 5000
#define GATEWAY_DEADLINE_READ_MS 3000
#define GATEWAY_BODY_MAX_BYTES (16 * 1024)
#define GATEWAY_DEADLINE_UPLOAD_MS 10000 /* a file is made durable and read back */
/* A page of 100 deals with long texts, written twice while it grows. */
#define GATEWAY_READ_ARENA_BYTES (6 * 1024 * 1024)
#define GATEWAY_PAGE_MAX 100
#define GATEWAY_PAGE_DEFAULT 50
#define GATEWAY_RETRY_AFTER_S 1 /* a command is usually decided long before */

#define GATEWAY_SIGNING_SECRETS_MAX 2

/* Takes a command in: intake_submit, or a test's. */
typedef struct status gateway_submit(struct op *op, void *ctx, const struct intake_request *request,
                                     enum intake_result *ret_result);

/* Shared by all request threads; const but for what is thread-safe in itself. */
struct gateway {
    struct pg *pg;
    gateway_submit *submit;
    void *submit_ctx;
    struct gateway_live *live;
    struct objects *objects; /* where evidence lies; NULL: there is no place for it */
    bool production;         /* then tokens of the test kind are refused */
    struct http_observer *observer;
    /* The secrets that the keys of signed tokens are derived from: today's, and the one before it while
     * its tokens are replaced. None: no request of a signed token is let through. */
    uint32_t signing_secret_count;
    const struct secret *signing_secrets[GATEWAY_SIGNING_SECRETS_MAX];
};

extern const struct http_route gateway_routes[];
extern const uint32_t gateway_route_count;
/* "GET /v1/escrows/:id\n", one line for each route. */
STATUS gateway_routes_print(struct op *op, struct str *ret_text);

/* gateway_auth.c, gateway_signature.c: http_authenticate; the principal is a struct gateway_caller. */
STATUS gateway_authenticate(struct op *op, void *deps, const struct http_request *req,
                            const void **ret_principal);

/* gateway_in_commands.c */
/* Submits, and answers 202 with Location, or says why not. */
STATUS gateway_take_in(struct op *op, struct gateway *gateway, const struct intake_request *request,
                       struct http_response *ret);
struct gateway_order gateway_begin_order(const struct http_request *req,
                                         enum gateway_action action);
/* The deal must be there for this caller, and the caller must be one who may ask for this; an arbiter, by his signature. */
STATUS gateway_check_identity(struct op *op, struct gateway *gateway,
                              const struct gateway_order *order, struct http_response *ret,
                              struct gateway_deal *ret_deal);
http_handler gateway_post_escrow;
http_handler gateway_post_action; /* of the action whose verb ends the route's path */

/* gateway_in_users.c */
http_handler gateway_post_user;
http_handler gateway_post_link_discord;
http_handler gateway_get_user;

/* gateway_in_live.c */
http_handler gateway_get_events;

/* gateway_in_pages.c */
http_handler gateway_get_docs;
http_handler gateway_get_deal_page;
http_handler gateway_get_page_file;

/* gateway_in_evidence.c */
http_handler gateway_post_evidence;
http_handler gateway_get_evidence_list;
http_handler gateway_get_evidence;

/* gateway_in_reads.c */
/* The deal that the path names, and who the caller is to it. */
STATUS gateway_find_deal(struct op *op, struct gateway *gateway, const struct http_request *req,
                         struct gateway_deal *ret_deal, enum gateway_role *ret_role);
http_handler gateway_get_escrow;
http_handler gateway_get_escrows;
http_handler gateway_get_timeline;
http_handler gateway_get_proof;
http_handler gateway_get_command;
http_handler gateway_get_openapi;
