#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/id.h"
#include "base/op.h"
#include "http/http.h"

/*
 * Server-sent events (text/event-stream). A feed is one client's stream: whoever has news queues
 * events from any thread, the connection's thread sends them. A set holds the feeds of one kind and
 * their limits. Every feed is bounded:
 *
 *   in number   per_caller_max of one caller (429), and by the server 3/4 of all connections (503);
 *   in bytes    a client for whom more than queue_max_bytes wait is cut;
 *   in delay    so is one that has not taken all for behind_ms (and one block for HTTP_STREAM_SEND_MS);
 *   in life     it ends by itself after life_ms, up to an eighth earlier, so that not all come
 *               back at once; and as soon as the server drains.
 *
 * A comment line goes out after heartbeat_ms without an event. Each stream begins with `retry:`, which
 * tells a client how long to wait before it comes back. Nothing is kept for those who come back.
 */

struct http_stream_limits {
    uint32_t per_caller_max;
    uint32_t queue_max_bytes;
    int64_t behind_ms;
    int64_t heartbeat_ms; /* at most HTTP_STREAM_WAIT_MS */
    int64_t life_ms;
    int64_t retry_ms;
};

/* Counts of one set, for metrics. */
struct http_stream_stats {
    _Atomic uint32_t open;
    _Atomic uint64_t opened, refused, events;
    _Atomic uint64_t cut; /* for being behind */
};

struct http_stream_set;
struct http_stream_feed;

/* Allocates; never fails but by ASSERT. */
struct http_stream_set *http_stream_set_new(const struct http_stream_limits *limits);
/* All feeds must have been closed: stop the server first. NULL is fine. */
void http_stream_set_free(struct http_stream_set *set);
DEFINE_FREE_AT(struct http_stream_set, http_stream_set_free)

const struct http_stream_stats *http_stream_set_stats(const struct http_stream_set *set);

/*
 * Opens a feed and makes it the response: it closes with the response, also when the handler fails
 * after this. about: about_bytes are copied, see http_stream_about. STATUS_LIMIT
 * "http.streams_of_caller" (429).
 */
STATUS http_stream_open(struct op *op, struct http_stream_set *set, struct id caller,
                        const void *about, size_t about_bytes, struct http_response *ret);

/* Calls visit for each feed that is open. The set is locked meanwhile, so the feeds live; visit must
 * not wait for anything. */
void http_stream_each(struct http_stream_set *set,
                      void (*visit)(struct http_stream_feed *feed, void *ctx), void *ctx);

/* Inside http_stream_each: the copy of what http_stream_open was given; visit may change it. */
void *http_stream_about(struct http_stream_feed *feed);
/* Inside http_stream_each: queues an event. data: one line of text. */
void http_stream_send(struct http_stream_feed *feed, struct str event, struct str data);
/* Inside http_stream_each: what is queued is sent, then the stream ends. */
void http_stream_finish(struct http_stream_feed *feed);
