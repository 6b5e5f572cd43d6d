/* Table of connections and the watchdog over their phases. Each phase change is one atomic word;
 * the lock guards the table, and keeps a socket from being closed while the watchdog uses it. */
#include "http/http_conn.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutex.h"

#define SWEEP_MS 100
#define PHASE_SHIFT 56
#define TIME_MASK ((UINT64_C(1) << PHASE_SHIFT) - 1)
/* Bytes during one request beyond the largest body that would be accepted. Pipelined requests count too, hence
 * the megabyte of room. */
#define FLOOD_BYTES (HTTP_HEADERS_MAX_BYTES + 1024 * 1024)

/* Why a connection is cut, and what is said before. */
struct cut {
    int32_t status;
    const char *code;
    const char *last_word;
};

#define LAST_WORD_HEADERS                        \
    "Content-Type: application/problem+json\r\n" \
    "Cache-Control: no-store\r\n"                \
    "Connection: close\r\n"
#define TIMEOUT_CODE "http.timeout"
#define TOO_SLOW_BODY                                      \
    "{\"type\":\"urn:holdfast:problem:" TIMEOUT_CODE "\"," \
    "\"title\":\"Request Timeout\",\"status\":408,\"code\":\"" TIMEOUT_CODE "\"}"
_Static_assert(sizeof(TOO_SLOW_BODY) - 1 == 105, "the Content-Length below");
#define TOO_SLOW                                                            \
    "HTTP/1.1 408 Request Timeout\r\n" LAST_WORD_HEADERS "Content-Length: " \
    "105\r\n\r\n" TOO_SLOW_BODY

#define TOO_LARGE_CODE "http.body_too_large"
#define TOO_LARGE_BODY                                       \
    "{\"type\":\"urn:holdfast:problem:" TOO_LARGE_CODE "\"," \
    "\"title\":\"Content Too Large\",\"status\":413,\"code\":\"" TOO_LARGE_CODE "\"}"
_Static_assert(sizeof(TOO_LARGE_BODY) - 1 == 121, "the Content-Length below");
#define TOO_LARGE                                          \
    "HTTP/1.1 413 Content Too Large\r\n" LAST_WORD_HEADERS \
    "Content-Length: 121\r\n\r\n" TOO_LARGE_BODY

#define TOO_MUCH_CODE "http.receiving_full"
#define TOO_MUCH_BODY                                       \
    "{\"type\":\"urn:holdfast:problem:" TOO_MUCH_CODE "\"," \
    "\"title\":\"Service Unavailable\",\"status\":503,\"code\":\"" TOO_MUCH_CODE "\"}"
_Static_assert(sizeof(TOO_MUCH_BODY) - 1 == 123, "the Content-Length below");
#define TOO_MUCH                                             \
    "HTTP/1.1 503 Service Unavailable\r\n" LAST_WORD_HEADERS \
    "Retry-After: 2\r\nContent-Length: 123\r\n\r\n" TOO_MUCH_BODY

static const struct cut too_slow = {408, TIMEOUT_CODE, TOO_SLOW};
static const struct cut too_large = {413, TOO_LARGE_CODE, TOO_LARGE};
static const struct cut too_much = {503, TOO_MUCH_CODE, TOO_MUCH};

static uint64_t stamp_of(enum http_phase phase)
{
    return ((uint64_t)phase << PHASE_SHIFT) | ((uint64_t)clock_mono_ms() & TIME_MASK);
}

static enum http_phase phase_of(uint64_t stamp)
{
    return (enum http_phase)(stamp >> PHASE_SHIFT);
}

/* Moves on unless the watchdog has killed the connection. */
static bool move(struct http_conn *conn, enum http_phase phase, enum http_phase *ret_from)
{
    uint64_t old = atomic_load(&conn->stamp);
    uint64_t new = stamp_of(phase);
    do {
        if (phase_of(old) == HTTP_PHASE_KILLED) {
            return false;
        }
        ASSERT(phase_of(old) != HTTP_PHASE_FREE);
    } while (!atomic_compare_exchange_weak(&conn->stamp, &old, new));
    *ret_from = phase_of(old);
    return true;
}

/* How long a phase may last, in milliseconds; 0: as long as it likes. */
static int64_t allowed_ms(const struct http_conn_limits *limits, enum http_phase phase,
                          bool pressed)
{
    switch (phase) {
    case HTTP_PHASE_HEAD: return pressed ? limits->head_pressed_ms : limits->head_ms;
    case HTTP_PHASE_IDLE:
        return pressed ? limits->head_pressed_ms : limits->idle_ms + limits->head_ms;
    case HTTP_PHASE_RECEIVING: return pressed ? limits->receive_pressed_ms : limits->receive_ms;
    case HTTP_PHASE_SENDING: return limits->send_ms;
    case HTTP_PHASE_STREAMING: return limits->stream_send_ms;
    case HTTP_PHASE_FREE:
    case HTTP_PHASE_HANDLING: /* bounded by the op's deadline */
    case HTTP_PHASE_WAITING:  /* bounded by HTTP_STREAM_WAIT_MS */
    case HTTP_PHASE_KILLED: return 0;
    case HTTP_PHASE_COUNT: break;
    }
    UNREACHABLE("phase");
}

/* What came of the request that is being received, since the watchdog first saw it. */
static void count_received(struct http_conn *conn, uint64_t stamp)
{
    struct tcp_info info = {.tcpi_state = 0};
    socklen_t len = sizeof(info);
    if (getsockopt(conn->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) {
        conn->received = 0;
        return;
    }
    if (conn->flood_stamp != stamp) {
        conn->flood_stamp = stamp;
        conn->flood_base = info.tcpi_bytes_received;
    }
    conn->received = info.tcpi_bytes_received - conn->flood_base;
}

static uint64_t kept_of(const struct http_conns *conns, const struct http_conn *conn)
{
    uint64_t most = conns->limits.body_max_bytes + 1; /* what is more is dropped */
    return conn->received < most ? conn->received : most;
}

/* In RECEIVING nobody else writes but a 100 Continue, so a last word can be said; it is not waited
 * for. A connection that was answered, or that has nothing asked of it, was refused nothing. */
static void kill(struct http_conns *conns, struct http_conn *conn, uint64_t stamp,
                 const struct cut *cut)
{
    if (!atomic_compare_exchange_strong(&conn->stamp, &stamp, stamp_of(HTTP_PHASE_KILLED))) {
        return; /* it has just moved on */
    }
    atomic_fetch_add(&conns->timeouts, 1);
    enum http_phase phase = phase_of(stamp);
    if (phase == HTTP_PHASE_RECEIVING) {
        struct str last_word = str_of(cut->last_word);
        (void)!send(conn->fd, last_word.ptr, last_word.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (phase == HTTP_PHASE_HEAD || phase == HTTP_PHASE_RECEIVING) {
        conns->refused(conns->owner, cut->status, cut->code);
    }
    (void)shutdown(conn->fd, SHUT_RDWR);
}

/* While a stream waits nobody reads its socket: a client that went away would keep its place until
 * the next block is sent. */
static bool has_hung_up(const struct http_conn *conn)
{
    char byte;
    return recv(conn->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void stop_stream(const struct http_stream *stream)
{
    if (stream->read && stream->stop) {
        stream->stop(stream->ctx);
    }
}

/* Together they have sent more than there is room for: who sent most goes first. */
static void make_room(struct http_conns *conns, uint64_t kept)
{
    while (kept > conns->limits.receiving_max_bytes) {
        struct http_conn *most = NULL;
        for (uint32_t i = 0; i < conns->limits.max; i++) {
            struct http_conn *conn = &conns->conns[i];
            bool receives = phase_of(atomic_load(&conn->stamp)) == HTTP_PHASE_RECEIVING;
            if (receives && conn->received > 0 && (!most || conn->received > most->received)) {
                most = conn;
            }
        }
        if (!most) { /* they were all there meanwhile */
            return;
        }
        kept -= kept_of(conns, most);
        kill(conns, most, most->flood_stamp, &too_much);
        most->received = 0;
    }
}

static void sweep(struct http_conns *conns)
{
    uint64_t kept = 0;
    uint64_t now = (uint64_t)clock_mono_ms() & TIME_MASK;
    uint32_t used = conns->limits.max - conns->free_count;
    bool pressed = used >= conns->limits.max - conns->limits.max / 8;
    for (uint32_t i = 0; i < conns->limits.max; i++) {
        struct http_conn *conn = &conns->conns[i];
        uint64_t stamp = atomic_load(&conn->stamp);
        enum http_phase phase = phase_of(stamp);
        int64_t limit_ms = allowed_ms(&conns->limits, phase, pressed);
        uint64_t since = stamp & TIME_MASK;
        conn->received = 0;
        if (limit_ms > 0 && now > since && now - since >= (uint64_t)limit_ms) {
            kill(conns, conn, stamp, &too_slow);
        } else if (phase == HTTP_PHASE_RECEIVING) {
            count_received(conn, stamp);
            kept += kept_of(conns, conn);
            if (conn->received > conns->limits.body_max_bytes + FLOOD_BYTES) {
                kill(conns, conn, stamp, &too_large);
            }
        } else if (phase == HTTP_PHASE_WAITING && has_hung_up(conn)) {
            stop_stream(&conn->stream);
        }
    }
    make_room(conns, kept);
}

static void *watch(void *arg)
{
    struct http_conns *conns = arg;
    mutex_lock(&conns->lock);
    while (!conns->stopping) {
        if (conns->free_count == conns->limits.max) {
            cond_wait(&conns->changed, &conns->lock);
            continue;
        }
        sweep(conns);
        (void)cond_wait_until(&conns->changed, &conns->lock, clock_mono_ms() + SWEEP_MS);
    }
    mutex_unlock(&conns->lock);
    return NULL;
}

STATUS http_conns_init(struct op *op, struct http_conns *conns,
                       const struct http_conn_limits *limits, http_conn_refused *refused,
                       void *owner)
{
    conns->limits = *limits;
    conns->refused = refused;
    conns->owner = owner;
    conns->conns = arena_new(op->arena, struct http_conn, limits->max);
    conns->free = arena_new(op->arena, uint32_t, limits->max);
    if (conns->conns == NULL || conns->free == NULL) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < limits->max; i++) {
        conns->conns[i].conns = conns;
        conns->conns[i].index = i;
        conns->free[i] = limits->max - 1 - i;
    }
    conns->free_count = limits->max;
    mutex_init(&conns->lock);
    cond_init(&conns->changed);
    cond_init(&conns->quiet);
    if (pthread_create(&conns->watchdog, NULL, watch, conns) != 0) {
        return op_fail(op, STATUS_RETRY, "http.start", "no thread for the watchdog");
    }
    conns->watched = true;
    return OK;
}

void http_conns_fini(struct http_conns *conns)
{
    if (!conns->watched) {
        return;
    }
    mutex_lock(&conns->lock);
    conns->stopping = true;
    cond_signal(&conns->changed);
    mutex_unlock(&conns->lock);
    int failed = pthread_join(conns->watchdog, NULL);
    ASSERT(failed == 0);
    ASSERT(conns->free_count == conns->limits.max);
    cond_fini(&conns->changed);
    cond_fini(&conns->quiet);
    mutex_fini(&conns->lock);
    conns->watched = false;
}

uint32_t http_conns_count(struct http_conns *conns)
{
    mutex_lock(&conns->lock);
    uint32_t count = conns->limits.max - conns->free_count;
    mutex_unlock(&conns->lock);
    return count;
}

void http_conns_wait_quiet(struct http_conns *conns, int64_t deadline_ms)
{
    mutex_lock(&conns->lock);
    while (atomic_load(&conns->in_flight) > 0 &&
           cond_wait_until(&conns->quiet, &conns->lock, deadline_ms)) {
    }
    mutex_unlock(&conns->lock);
}

struct http_conn *http_conn_open(struct http_conns *conns, int fd)
{
    mutex_lock(&conns->lock);
    ASSERT(conns->free_count > 0); /* the server library keeps the same limit */
    struct http_conn *conn = &conns->conns[conns->free[--conns->free_count]];
    conn->fd = fd;
    conn->flood_stamp = 0;
    atomic_store(&conn->stamp, stamp_of(HTTP_PHASE_HEAD));
    if (conns->free_count == conns->limits.max - 1) { /* the first one: the watchdog slept */
        cond_signal(&conns->changed);
    }
    mutex_unlock(&conns->lock);
    return conn;
}

void http_conn_close(struct http_conn *conn)
{
    struct http_conns *conns = conn->conns;
    mutex_lock(&conns->lock);
    ASSERT(phase_of(atomic_load(&conn->stamp)) != HTTP_PHASE_FREE);
    atomic_store(&conn->stamp, 0);
    conn->fd = -1;
    conn->connection = NULL;
    conns->free[conns->free_count++] = conn->index;
    mutex_unlock(&conns->lock);
}

void http_conn_receiving(struct http_conn *conn)
{
    enum http_phase from;
    (void)move(conn, HTTP_PHASE_RECEIVING, &from); /* killed: the socket is dead already */
}

bool http_conn_handling(struct http_conn *conn)
{
    enum http_phase from;
    if (!move(conn, HTTP_PHASE_HANDLING, &from)) {
        return false;
    }
    ASSERT(from == HTTP_PHASE_RECEIVING);
    conn->counted = true;
    atomic_fetch_add(&conn->conns->in_flight, 1);
    return true;
}

void http_conn_sending(struct http_conn *conn, bool streaming)
{
    enum http_phase from;
    bool moved = move(conn, streaming ? HTTP_PHASE_STREAMING : HTTP_PHASE_SENDING, &from);
    ASSERT(moved); /* HANDLING is never killed */
}

void http_conn_done(struct http_conn *conn)
{
    bool in_flight = conn->counted;
    conn->counted = false;
    enum http_phase from;
    (void)move(conn, HTTP_PHASE_IDLE, &from);
    if (!in_flight) {
        return; /* it ended before it was a whole request */
    }
    struct http_conns *conns = conn->conns;
    if (atomic_fetch_sub(&conns->in_flight, 1) == 1) {
        mutex_lock(&conns->lock); /* so that a waiter is either before its look or in its wait */
        cond_broadcast(&conns->quiet);
        mutex_unlock(&conns->lock);
    }
}

bool http_conn_take_stream(struct http_conns *conns)
{
    uint32_t count = atomic_fetch_add(&conns->streams, 1);
    if (count >= conns->limits.max - conns->limits.max / 4) {
        atomic_fetch_sub(&conns->streams, 1);
        return false;
    }
    return true;
}

void http_conn_begin_stream(struct http_conn *conn, const struct http_stream *stream)
{
    mutex_lock(&conn->conns->lock);
    conn->stream = *stream;
    mutex_unlock(&conn->conns->lock);
}

int64_t http_conn_read_stream(struct http_conn *conn, char *ret_bytes, size_t max_bytes,
                              bool stopping)
{
    enum http_phase from;
    if (!move(conn, HTTP_PHASE_WAITING, &from)) {
        return HTTP_STREAM_BREAK;
    }
    int64_t len = conn->stream.read(conn->stream.ctx, ret_bytes, max_bytes, stopping);
    ASSERT(len <= (int64_t)max_bytes);
    bool moved = move(conn, HTTP_PHASE_STREAMING, &from);
    ASSERT(moved); /* WAITING is never killed */
    return len;
}

void http_conn_end_stream(struct http_conn *conn)
{
    mutex_lock(&conn->conns->lock);
    struct http_stream stream = conn->stream;
    conn->stream = (struct http_stream){.read = NULL};
    mutex_unlock(&conn->conns->lock);
    stream.close(stream.ctx);
    atomic_fetch_sub(&conn->conns->streams, 1);
}

void http_conns_stop_streams(struct http_conns *conns)
{
    mutex_lock(&conns->lock);
    for (uint32_t i = 0; i < conns->limits.max; i++) {
        stop_stream(&conns->conns[i].stream);
    }
    mutex_unlock(&conns->lock);
}
