#pragma once

#include "http/http.h"
#include "http/http_rate.h"
#include "obs/metrics.h"

/*
 * The server: a thread per connection (small stacks), every limit ours. One request at a time per
 * connection; keep-alive and pipelining are served. TLS ends in front of it.
 *
 * Time limits: HTTP_HEAD_MS from the connection (or the last answer, plus HTTP_IDLE_MS) to the
 * whole request line, then HTTP_RECEIVE_MS until the whole request is there, both in total and not
 * per byte (headers and body share it: the library does not tell when the headers end);
 * HTTP_IDLE_MS without any byte; HTTP_SEND_MS to take the answer, and of a stream HTTP_STREAM_SEND_MS
 * to take each block of HTTP_STREAM_BLOCK_BYTES. Too late: 408 where it can be said, and the
 * connection is closed.
 *
 * A body is read (and dropped beyond the largest limit) before it is refused with 413; a sender of
 * far more is cut by the watchdog, and so are those who sent most of what is being received once it is more
 * than HTTP_RECEIVING_MAX_BYTES together (503): whatever is sent, and by however many, it fits into memory. What the library refuses before us (a request line or a length
 * that cannot be parsed, no Host, headers beyond its pool) gets 400, 413, 414 or 431 with its own
 * constant page instead of a problem document. At connections_max, and at per_address_max of one address,
 * further connections are closed as soon as they are accepted.
 */

#define HTTP_CONNECTIONS_MAX 1024
#define HTTP_HEAD_MS 5000
#define HTTP_HEAD_PRESSED_MS \
    1000 /* instead of HTTP_HEAD_MS once 7/8 of the connections are taken */
#define HTTP_RECEIVE_MS 10000
#define HTTP_RECEIVE_PRESSED_MS 2000 /* then as well: whoever stands in front sends quickly */
#define HTTP_IDLE_MS 10000
#define HTTP_SEND_MS 30000
#define HTTP_RECEIVING_MAX_BYTES ((uint64_t)64 * 1024 * 1024)
#define HTTP_STREAM_SEND_MS 10000
#define HTTP_RETRY_AFTER_S 2 /* told with each 503 whose handler says nothing else */

struct http_options {
    struct str host; /* a numeric address, v4 or v6 */
    uint16_t port;   /* 0: any free one, see http_server_port */
    const struct http_route *routes;
    uint32_t route_count;
    void *deps;                      /* handed to handlers and callbacks; shared by all threads */
    http_authenticate *authenticate; /* may be NULL when no route needs it */
    http_observe *observe;           /* may be NULL */
    uint32_t connections_max;        /* 0: HTTP_CONNECTIONS_MAX */
    uint32_t per_address_max;        /* connections of one address; 0: no limit */
    /* The address of the proxy in front: from it alone the last X-Forwarded-For is the peer. */
    struct str trusted_proxy;
    /*
     * Quotas of requests, 429 beyond; NULL: none. A token's are those made with it, whoever sends them;
     * an address' (an IPv6 /64) are those without a token that is good, so that guessing costs a
     * guesser only: tokens that were good here lately are let through when the address has none left. Answers tell the quota that was taken from (RateLimit, RateLimit-Policy).
     */
    struct http_rate *token_rate, *address_rate;
    /* Shows holdfast_http_connections, …_connections_max, …_in_flight, …_streams_open and …_timeouts_total, for one
     * server of a process; NULL: does not. */
    struct metrics *metrics;
    /* For tests, milliseconds; 0: the constants above. */
    int64_t head_ms, receive_ms, idle_ms, send_ms, stream_send_ms;
    uint64_t receiving_max_bytes; /* for tests; 0: HTTP_RECEIVING_MAX_BYTES */
};

struct http_server;

/* Listens and serves. options->routes and what it points to must outlive the server.
 * STATUS_INVALID "http.listen_address", STATUS_RETRY "http.listen" (port taken). */
STATUS http_server_open(struct op *op, const struct http_options *options,
                        struct http_server **ret_server);

uint16_t http_server_port(const struct http_server *server);

/* What the metrics show, for tests. In flight: between "all bytes there" and "answer sent", streams included; timeouts:
 * connections cut by a time limit or for sending far too much. */
struct http_server_counts {
    uint32_t connections, in_flight, streams;
    uint64_t timeouts;
};

struct http_server_counts http_server_counts(struct http_server *server);

/* From now on requests get 503 with Retry-After and a closed connection; streams are stopped. */
void http_server_drain(struct http_server *server);
/* Drains, waits at most drain_ms for what is in flight, stops listening, closes all connections,
 * frees. Handlers still running are waited for: their op's deadline bounds them. NULL is fine. */
void http_server_stop(struct http_server *server, int64_t drain_ms);
void http_server_free(struct http_server *server); /* stop with no drain */
DEFINE_FREE_AT(struct http_server, http_server_free)
