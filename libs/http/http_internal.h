#pragma once

#include "http/http.h"
#include "http/http_conn.h"
#include "http/http_server.h"

/* Inside libs/http: what the server library hands over, and the steps from there to a handler. */

/* A request as it came. Header names and values end with a NUL beyond their length. */
struct http_raw {
    struct str method;
    struct str url; /* as sent: path and query */
    struct str body;
    uint32_t header_count; /* all that were sent; `headers` holds the first HTTP_HEADERS_MAX */
    size_t header_bytes;
    const struct http_pair *headers;
    struct str peer;
    int64_t arrived_us; /* when all of it was there; monotonic clock */
    bool draining;
};

struct http_exchange {
    const struct http_options *options;
    const struct http_raw *raw;
    struct http_conns *conns; /* where a stream needs a place; NULL: no server, as many as wanted */
    struct http_request req;
    struct http_response response;
    bool close;              /* the connection is not used again */
    struct http_rate *rated; /* the quota that was asked last; NULL: none */
    struct http_rate_verdict rate;
};

/* The whole way: checks, route, authentication, handler, problem document, observer. op is fresh;
 * exchange has options, raw and conns. Cannot fail: the answer is in exchange->response, a stream in it
 * has its place. */
void http_serve(struct op *op, struct http_exchange *exchange);

/* http_route.c */

/* The method of this name; HTTP_METHOD_NONE for any that we do not know. */
enum http_method http_route_method(struct str name);
/* Finds the route of path and method and fills req->route and params. "http.not_found";
 * "http.method_not_allowed", then ret->headers has Allow; "http.path". */
STATUS http_route_find(struct op *op, const struct http_options *options, struct http_request *req,
                       struct http_response *ret);
/* Decodes the query into req. "http.query". */
STATUS http_route_query(struct op *op, struct str query, struct http_request *req);

/* http_admit.c */

/* Whether the quota of the address lets the request through, before anything is done about it; a token that
 * was good lately need not ask. Needs the peer, the route and the token. "http.address_rate", then with
 * Retry-After. */
STATUS http_admit_address(struct op *op, struct http_exchange *exchange);
/* Takes the request from the quota of its token, which is good. "http.token_rate". */
STATUS http_admit_token(struct op *op, struct http_exchange *exchange);
/* Takes the request from the quota of its address, unless a good token paid for it. st: how it ended. */
void http_admit_settle(struct op *op, struct http_exchange *exchange, struct status st);
/* RateLimit and RateLimit-Policy, of draft-ietf-httpapi-ratelimit-headers-10. */
STATUS http_admit_headers(struct op *op, struct http_exchange *exchange);

/* http_check.c: each refuses with its own code; see error_codes.txt. */

/* Sizes of the request line and the headers. */
STATUS http_check_size(struct op *op, const struct http_raw *raw);
/* Lengths and encodings of the message itself: what follows cannot be trusted after a failure.
 * *ret_declared is the Content-Length, or -1. */
STATUS http_check_framing(struct op *op, const struct http_raw *raw, int64_t *ret_declared);
STATUS http_check_body(struct op *op, const struct http_request *req, int64_t declared);
STATUS http_check_type(struct op *op, const struct http_request *req);
/* Headers that may be sent once, and the Idempotency-Key, which goes into req. */
STATUS http_check_headers(struct op *op, struct http_request *req);
/* Takes the token from Authorization; it stays empty when there is none or it is not "Bearer x". */
void http_check_token(struct http_request *req);

bool http_str_eq_nocase(struct str a, struct str b);
