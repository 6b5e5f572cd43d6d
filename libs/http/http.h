#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/op.h"
#include "base/str.h"

/*
 * HTTP as handlers see it: a request that has passed every check of its route, a response to fill.
 * Nothing here knows the server library, so a handler is called from a test without a server.
 */

enum http_method {
    HTTP_METHOD_NONE = 0,
    HTTP_GET, /* a GET route answers HEAD too */
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_METHOD_COUNT,
};

/* "GET"; "" for HTTP_METHOD_NONE. */
struct str http_method_name(enum http_method method);

#define HTTP_URL_MAX_BYTES 2048            /* path and query as sent; more: 414 */
#define HTTP_HEADERS_MAX 64                /* more: 431 */
#define HTTP_HEADERS_MAX_BYTES (16 * 1024) /* names and values; more: 431 */
#define HTTP_QUERY_MAX 16                  /* parameters; more: 400 */
#define HTTP_PARAMS_MAX 4                  /* :names in a route's path */
#define HTTP_RESPONSE_HEADERS_MAX 16
#define HTTP_IDEMPOTENCY_KEY_MAX_BYTES 64
#define HTTP_BODY_JSON_BYTES (64 * 1024)       /* the largest body_max_bytes of an API route */
#define HTTP_BODY_WEBHOOK_BYTES (256 * 1024)   /* and of one for webhooks */
#define HTTP_BODY_FILE_BYTES (4 * 1024 * 1024) /* the largest body_max_bytes of any route */
#define HTTP_ARENA_BYTES (1024 * 1024)         /* what one request may use; see http_route */

struct http_pair {
    struct str name;
    struct str value;
};

struct http_route;

/* Everything is borrowed for the time of the handler's call. */
struct http_request {
    enum http_method method;
    const struct http_route *route;
    struct str path;       /* as sent, without the query */
    struct str query_text; /* as sent, behind the '?' */
    /* The values of the route's :names in their order: percent-decoded, text, never empty. */
    struct str params[HTTP_PARAMS_MAX];
    uint32_t query_count;
    const struct http_pair *query; /* decoded, text; no name occurs twice */
    uint32_t header_count;
    const struct http_pair *headers; /* as sent; names in any case */
    struct str body;                 /* the exact bytes; empty when there is none */
    struct str peer;                 /* the client's address as text, see http_options */
    struct str token;                /* the bearer token, or empty; a secret: never log it */
    struct str idempotency_key;      /* checked; empty unless the client sent one */
    const void *principal;           /* what authenticate made; NULL with HTTP_AUTH_NONE */
};

/* The value of the route's :name. ASSERTs that the route has it. */
struct str http_request_param(const struct http_request *req, struct str name);
/* The value of a query parameter; false when it was not sent. */
bool http_request_query(const struct http_request *req, struct str name, struct str *ret_value);
/* The first header of this name, in any case; false when it was not sent. Headers that must not be
 * sent twice (lengths, types, keys, signatures) were refused with 400 before. */
bool http_request_header(const struct http_request *req, struct str name, struct str *ret_value);

/*
 * Body of a response that is made while it is sent (http_stream.h makes server-sent events of it).
 * Its state must not live in the request's arena, which ends with the handler. read is called in the
 * connection's own thread: it may block, but not longer than HTTP_STREAM_WAIT_MS, and sends
 * something (a comment line) at least that often, so that a dead network is noticed. It sees
 * `stopping` when the server drains. What it gave must be taken within HTTP_STREAM_SEND_MS.
 */
#define HTTP_STREAM_WAIT_MS 15000
#define HTTP_STREAM_END (-1)
#define HTTP_STREAM_BLOCK_BYTES (16 * 1024)
/* Closes the connection at once, so that the client sees a cut answer: for faults. */
#define HTTP_STREAM_BREAK (-2)

struct http_stream {
    /* Fills at most max_bytes (at least 1) and returns how many, or HTTP_STREAM_END or _BREAK. */
    int64_t (*read)(void *ctx, char *ret_bytes, size_t max_bytes, bool stopping);
    void (*close)(void *ctx); /* called exactly once, from any thread */
    /* May be NULL. The server drains, or the client has hung up: a read that waits returns soon, and
     * later ones do not wait. From any thread, never after close; must not block. */
    void (*stop)(void *ctx);
    void *ctx;
};

/* Starts as 200 with an empty body. */
struct http_response {
    int32_t status;
    struct str content_type; /* starts as application/json; left out when the body is empty */
    struct str body;         /* in the op's arena, or static */
    int64_t retry_after_s;   /* > 0: a Retry-After header, on failures too */
    uint32_t header_count;
    struct http_pair headers[HTTP_RESPONSE_HEADERS_MAX]; /* use http_response_header */
    struct http_stream stream; /* read != NULL: instead of body; at most 3/4 of connections_max */
};

/* Adds a header. name is ours; value lives in the arena. STATUS_BUG: "http.header_value" when the
 * value has control characters, "http.response_headers" past HTTP_RESPONSE_HEADERS_MAX. */
STATUS http_response_header(struct op *op, struct http_response *ret, struct str name,
                            struct str value);

/*
 * A failed status becomes a problem document (RFC 9457) by the one table in http_problem.c: the
 * handler returns op_fail(...) and leaves ret alone (but for retry_after_s).
 */
typedef struct status http_handler(struct op *op, void *deps, const struct http_request *req,
                                   struct http_response *ret);

enum http_auth {
    HTTP_AUTH_NONE = 0, /* anybody; a token that is sent is not looked at */
    HTTP_AUTH_TOKEN,    /* a bearer token that options.authenticate accepts */
    HTTP_AUTH_COUNT,
};

enum http_body {
    HTTP_BODY_NONE = 0, /* none, or empty */
    HTTP_BODY_JSON,     /* application/json in UTF-8 */
    HTTP_BODY_FORM,     /* application/x-www-form-urlencoded, unparsed */
    HTTP_BODY_ANY,      /* webhooks, files: the bytes, whatever the type says */
    HTTP_BODY_COUNT,
};

#define HTTP_ROUTE_NEEDS_KEY 0x1u      /* 400 without an Idempotency-Key */
#define HTTP_ROUTE_WHILE_DRAINING 0x2u /* answered while draining too: health, metrics */
#define HTTP_ROUTE_SAVES_MONEY 0x4u    /* refused last: may overdraw both quotas, see http_rate.h */

struct http_route {
    enum http_method method;
    const char *path; /* "/v1/escrows/:id"; a :name takes one whole segment */
    enum http_auth auth;
    enum http_body body;
    uint32_t body_max_bytes;
    uint32_t deadline_ms; /* for authenticate and the handler together: op->deadline_ms; > 0 */
    http_handler *handler;
    uint32_t flags;       /* HTTP_ROUTE_ */
    uint32_t allowed;     /* the service's own bits, for authenticate: who may call */
    uint32_t arena_bytes; /* more than HTTP_ARENA_BYTES for the request; 0: that */
};

/*
 * Turns the request's bearer token into an opaque principal in op->arena, or fails: DENIED with a
 * code whose HTTP status is 401 or 403. A 401 has a constant body, whatever the reason, but for what
 * is wrong with a signature ("signature."): then the token was good.
 */
typedef struct status http_authenticate(struct op *op, void *deps, const struct http_request *req,
                                        const void **ret_principal);

/* One answered request, for metrics and the access log. */
struct http_seen {
    const struct http_route *route; /* NULL: no route was found */
    enum http_method method;
    int32_t status;
    /* From the whole request being there to the answer being ready; 0: it was cut before. */
    int64_t took_us;
    const char *code; /* the error code, or NULL */
};

typedef void http_observe(struct op *op, void *deps, const struct http_seen *seen);

/* The answer to a failed status: code, kind, sentence. Fills ret; cannot fail. */
void http_problem(struct op *op, struct status st, struct http_response *ret);
/* The HTTP status that http_problem would use. */
int32_t http_problem_status(const struct op *op, struct status st);
