#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "http/http.h"

/*
 * The connections of a server and their watchdog. The server library's own timeout counts from the
 * last byte, so that one byte every few seconds holds a thread for ever; the watchdog counts from
 * the beginning of each phase, and shuts a socket down when the phase lasts too long.
 */

#define HTTP_PEER_BYTES 46 /* an IPv6 address as text */

enum http_phase {
    HTTP_PHASE_FREE = 0,
    HTTP_PHASE_HEAD,      /* connected, no whole request line yet */
    HTTP_PHASE_RECEIVING, /* request line there, the rest under way */
    HTTP_PHASE_HANDLING,  /* all there: the adapter has it */
    HTTP_PHASE_SENDING,
    HTTP_PHASE_STREAMING, /* a block of a stream is on its way */
    HTTP_PHASE_WAITING,   /* the stream has nothing to send yet: it waits in its read */
    HTTP_PHASE_IDLE,      /* answered, waiting for the next request line */
    HTTP_PHASE_KILLED,
    HTTP_PHASE_COUNT,
};

struct http_conns;

struct http_conn {
    struct http_conns *conns;
    /* The phase in the upper byte and below it the clock_mono_ms of its beginning, in one word:
     * the watchdog and the connection's thread race for it by compare-and-swap. */
    _Atomic uint64_t stamp;
    int fd;
    uint32_t index;
    bool counted;              /* in in_flight; the connection's thread alone uses it */
    void *connection;          /* the server library's */
    void *owner;               /* the http_server */
    uint64_t flood_stamp;      /* the watchdog's: which request flood_base belongs to */
    uint64_t flood_base;       /* bytes received when the watchdog first saw it */
    uint64_t received;         /* and since then, when it last looked */
    struct http_stream stream; /* read NULL: none; changed under the lock of conns */
    char peer[HTTP_PEER_BYTES];
};

struct http_conn_limits {
    uint32_t max;
    int64_t head_ms, head_pressed_ms, receive_ms, receive_pressed_ms, idle_ms, send_ms;
    int64_t stream_send_ms;
    size_t body_max_bytes; /* the largest body that any route takes: no more of one is kept */
    uint64_t receiving_max_bytes; /* of all that are being received */
};

/* A request was cut before all of it was there. On the watchdog's thread, which holds
 * the lock of conns. */
typedef void http_conn_refused(void *owner, int32_t status, const char *code);

struct http_conns {
    struct http_conn_limits limits;
    http_conn_refused *refused;
    void *owner;
    struct http_conn *conns;
    uint32_t *free;      /* a stack of indices */
    uint32_t free_count; /* under lock, like `stopping` */
    bool stopping;
    bool watched; /* the watchdog's thread runs */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* for the watchdog; both on CLOCK_MONOTONIC */
    pthread_cond_t quiet;   /* nothing is in flight any more */
    pthread_t watchdog;
    _Atomic uint32_t in_flight;
    _Atomic uint32_t streams;
    _Atomic uint64_t timeouts;
};

/* Starts the watchdog. Memory from op->arena, which must outlive conns. "http.start". */
STATUS http_conns_init(struct op *op, struct http_conns *conns,
                       const struct http_conn_limits *limits, http_conn_refused *refused,
                       void *owner);
/* Ends the watchdog; all connections must be closed. Accepts zeroed memory. */
void http_conns_fini(struct http_conns *conns);

uint32_t http_conns_count(struct http_conns *conns);
/* Waits until nothing is in flight or deadline_ms (clock_mono_ms) has passed. */
void http_conns_wait_quiet(struct http_conns *conns, int64_t deadline_ms);

/* A new connection; never more than limits.max at once. fd must stay open until close. */
struct http_conn *http_conn_open(struct http_conns *conns, int fd);
void http_conn_close(struct http_conn *conn);
/* The request line is there. */
void http_conn_receiving(struct http_conn *conn);
/* The whole request is there: false when the watchdog was faster. Counts as in flight. */
bool http_conn_handling(struct http_conn *conn);
void http_conn_sending(struct http_conn *conn, bool streaming);
/* The exchange is over, however it ended. */
void http_conn_done(struct http_conn *conn);
/* Takes one of the places for streams; false when 3/4 of the connections are streams. */
bool http_conn_take_stream(struct http_conns *conns);
/* The stream that a place was taken for is this connection's, until end. */
void http_conn_begin_stream(struct http_conn *conn, const struct http_stream *stream);
/* The next block of it, by its read; HTTP_STREAM_BREAK when the watchdog has killed the connection. */
int64_t http_conn_read_stream(struct http_conn *conn, char *ret_bytes, size_t max_bytes,
                              bool stopping);
/* Closes it and gives the place back. */
void http_conn_end_stream(struct http_conn *conn);
/* Stops all streams that there are. */
void http_conns_stop_streams(struct http_conns *conns);
