/* One thread accepts; each connection has a thread that copies both ways, frame by frame, until told to break it. */
#include "testing/testing_proxy.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mutex.h"

#define CHUNK_BYTES 65536
#define HOST "127.0.0.1"
#define PORT_BYTES 4

struct connection {
    struct testing_proxy *proxy;
    struct connection *next;
    int fds[TESTING_SIDE_COUNT];
    enum testing_fault fault; /* met by this connection's last question */
    struct testing_frames frames;
    char chunk[CHUNK_BYTES];
};

struct testing_proxy {
    enum testing_protocol protocol;
    uint16_t port, upstream_port;
    int listener;
    pthread_t thread;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    enum testing_fault fault;
    int64_t n;
    uint64_t cuts;
    bool stopping;
    struct connection *connections;
};

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* ---- Faults ---- */

static bool is_cut(enum testing_fault fault)
{
    return fault == TESTING_CUT_QUESTION || fault == TESTING_CUT_SENT ||
           fault == TESTING_CUT_ANSWER;
}

/* A connection is about to be hung up on. */
static void count_cut(struct testing_proxy *proxy)
{
    mutex_lock(&proxy->lock);
    proxy->cuts++;
    mutex_unlock(&proxy->lock);
}

/* A question begins: is it the one? */
static enum testing_fault meet(struct testing_proxy *proxy)
{
    enum testing_fault met = TESTING_FAULT_NONE;
    mutex_lock(&proxy->lock);
    if (is_cut(proxy->fault) && --proxy->n == 0) {
        met = proxy->fault;
        proxy->fault = TESTING_FAULT_NONE;
    }
    mutex_unlock(&proxy->lock);
    return met;
}

/* Sleeps, or waits while nothing may pass; false: hang up. */
static bool pass(struct testing_proxy *proxy)
{
    mutex_lock(&proxy->lock);
    while (proxy->fault == TESTING_SILENT && !proxy->stopping) {
        cond_wait(&proxy->changed, &proxy->lock);
    }
    int64_t wait_ms = proxy->fault == TESTING_SLOW ? proxy->n : 0;
    bool open = !proxy->stopping && proxy->fault != TESTING_REFUSE;
    mutex_unlock(&proxy->lock);
    struct timespec pause = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    while (wait_ms > 0 && nanosleep(&pause, &pause) != 0) {
    }
    return open;
}

/* How many of the server's bytes may still go through; *ret_cut: and then no more. */
static size_t allowed(struct testing_proxy *proxy, size_t count, bool *ret_cut)
{
    mutex_lock(&proxy->lock);
    if (proxy->fault == TESTING_CUT_BYTES) {
        *ret_cut = (uint64_t)proxy->n <= count;
        count = *ret_cut ? (size_t)proxy->n : count;
        proxy->n -= (int64_t)count;
        if (*ret_cut) {
            proxy->fault = TESTING_FAULT_NONE;
            proxy->cuts++;
        }
    }
    mutex_unlock(&proxy->lock);
    return count;
}

/* ---- Copying ---- */

static bool send_on(struct connection *connection, enum testing_side from, const char *bytes,
                    size_t count)
{
    bool cut = false;
    if (from == TESTING_SERVER) {
        count = allowed(connection->proxy, count, &cut);
    }
    while (count > 0) {
        ssize_t sent =
            send(connection->fds[TESTING_SIDE_COUNT - 1 - from], bytes, count, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        count -= (size_t)sent;
    }
    return !cut;
}

/* The broker says where it is, and clients would go there without us. The same length, so nothing else changes. */
static void rename_brokers(const struct testing_proxy *proxy, struct testing_reader *reader)
{
    char from[sizeof(HOST) - 1 + PORT_BYTES] = HOST;
    char to[sizeof(from)] = HOST;
    uint32_t ports[] = {htonl(proxy->upstream_port), htonl(proxy->port)};
    memcpy(from + sizeof(HOST) - 1, &ports[0], PORT_BYTES);
    memcpy(to + sizeof(HOST) - 1, &ports[1], PORT_BYTES);
    for (size_t at = 0; at + sizeof(from) <= reader->head_bytes; at++) {
        if (memcmp(reader->head + at, from, sizeof(from)) == 0) {
            memcpy(reader->head + at, to, sizeof(to));
        }
    }
}

/* The rest of a frame whose head is gone already; false: hang up. */
static bool copy_rest(struct connection *connection, enum testing_side from, const char **bytes,
                      size_t *count)
{
    struct testing_reader *reader = &connection->frames.readers[from];
    size_t some = reader->rest_bytes < *count ? (size_t)reader->rest_bytes : *count;
    if (!send_on(connection, from, *bytes, some)) {
        return false;
    }
    reader->rest_bytes -= some;
    *bytes += some;
    *count -= some;
    return true;
}

/* A head is complete: may it go on? */
static bool forward_head(struct connection *connection, enum testing_side from,
                         const struct testing_frame *frame)
{
    struct testing_reader *reader = &connection->frames.readers[from];
    if (frame->question && connection->fault == TESTING_FAULT_NONE) {
        connection->fault = meet(connection->proxy);
    }
    bool cut = (frame->question && connection->fault == TESTING_CUT_QUESTION) ||
               (frame->answer && connection->fault == TESTING_CUT_ANSWER);
    if (cut) {
        count_cut(connection->proxy);
        return false;
    }
    if (frame->addresses) {
        rename_brokers(connection->proxy, reader);
    }
    bool sent = send_on(connection, from, reader->head, reader->head_bytes);
    reader->head_bytes = 0;
    return sent;
}

static bool forward(struct connection *connection, enum testing_side from, const char *bytes,
                    size_t count)
{
    struct testing_reader *reader = &connection->frames.readers[from];
    bool ends = false; /* the frame that is being forwarded ends a question */
    while (count > 0) {
        struct testing_frame frame;
        bool complete;
        size_t taken =
            testing_frames_read(&connection->frames, from, bytes, count, &complete, &frame);
        bytes += taken;
        count -= taken;
        if (!complete) {
            return true;
        }
        ends = frame.question_ends;
        if (!forward_head(connection, from, &frame) ||
            !copy_rest(connection, from, &bytes, &count)) {
            return false;
        }
        if (ends && connection->fault == TESTING_CUT_SENT && reader->rest_bytes == 0) {
            count_cut(connection->proxy);
            return false;
        }
    }
    return true;
}

static bool copy(struct connection *connection, enum testing_side from)
{
    ssize_t len = read(connection->fds[from], connection->chunk, sizeof(connection->chunk));
    if (len <= 0 || !pass(connection->proxy)) {
        return false;
    }
    const char *bytes = connection->chunk;
    size_t count = (size_t)len;
    return copy_rest(connection, from, &bytes, &count) && forward(connection, from, bytes, count);
}

/* ---- Connections ---- */

static void forget(struct connection *connection)
{
    struct testing_proxy *proxy = connection->proxy;
    mutex_lock(&proxy->lock);
    struct connection **link = &proxy->connections;
    while (*link != connection) {
        link = &(*link)->next;
    }
    *link = connection->next;
    close(
        connection->fds
            [TESTING_CLIENT]); /* under the lock: nobody shuts down a number that is somebody else's */
    close(connection->fds[TESTING_SERVER]);
    cond_broadcast(&proxy->changed);
    mutex_unlock(&proxy->lock);
    free(connection);
}

static void *serve(void *arg)
{
    struct connection *connection = arg;
    struct sockaddr_in upstream = loopback(connection->proxy->upstream_port);
    const int *fds = connection->fds;
    bool open = connect(fds[TESTING_SERVER], (struct sockaddr *)&upstream, sizeof(upstream)) == 0;
    while (open) {
        struct pollfd polled[] = {{.fd = fds[TESTING_CLIENT], .events = POLLIN},
                                  {.fd = fds[TESTING_SERVER], .events = POLLIN}};
        int ready = poll(polled, ARRAY_LEN(polled), /* no timeout */ -1);
        ASSERT(ready > 0);
        open = (!polled[TESTING_CLIENT].revents || copy(connection, TESTING_CLIENT)) &&
               (!polled[TESTING_SERVER].revents || copy(connection, TESTING_SERVER));
    }
    forget(connection);
    return NULL;
}

/* A frame's head and its rest are sent one after the other: neither waits until the other is acknowledged, which takes
 * 40 ms. What a client of the proxy is slow at would be hidden by it. */
static void send_at_once(int fd)
{
    int on = 1;
    int failed = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ASSERT(failed == 0);
}

static void begin(struct testing_proxy *proxy, int client)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    ASSERT(connection);
    *connection = (struct connection){.proxy = proxy, .frames = {.protocol = proxy->protocol}};
    connection->fds[TESTING_CLIENT] = client;
    connection->fds[TESTING_SERVER] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(connection->fds[TESTING_SERVER] >= 0);
    send_at_once(client);
    send_at_once(connection->fds[TESTING_SERVER]);
    mutex_lock(&proxy->lock);
    bool refused = proxy->stopping || proxy->fault == TESTING_REFUSE;
    connection->next = proxy->connections;
    proxy->connections = connection;
    mutex_unlock(&proxy->lock);
    if (refused) {
        forget(connection);
        return;
    }
    pthread_t thread;
    int failed = pthread_create(&thread, /* attributes */ NULL, serve, connection);
    ASSERT(failed == 0);
    failed = pthread_detach(thread); /* forget() tells when it is done with the proxy */
    ASSERT(failed == 0);
}

static void *run(void *arg)
{
    struct testing_proxy *proxy = arg;
    for (;;) {
        int client = accept(proxy->listener, /* address */ NULL, NULL);
        if (client < 0) {
            return NULL; /* shut down */
        }
        begin(proxy, client);
    }
}

/* Under the lock: their threads see the end and leave. */
static void hang_up_on_all(struct testing_proxy *proxy)
{
    for (struct connection *connection = proxy->connections; connection;
         connection = connection->next) {
        shutdown(connection->fds[TESTING_CLIENT], SHUT_RDWR);
        shutdown(connection->fds[TESTING_SERVER], SHUT_RDWR);
    }
}

/* ---- Opening and closing ---- */

struct testing_proxy *testing_proxy_new(enum testing_protocol protocol, uint16_t upstream_port)
{
    struct testing_proxy *proxy = calloc(1, sizeof(*proxy));
    ASSERT(proxy);
    proxy->protocol = protocol;
    proxy->upstream_port = upstream_port;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(proxy->listener >= 0);
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);
    int failed = bind(proxy->listener, (struct sockaddr *)&address, sizeof(address));
    failed |= listen(proxy->listener, SOMAXCONN);
    failed |= getsockname(proxy->listener, (struct sockaddr *)&address, &len);
    ASSERT(failed == 0);
    mutex_init(&proxy->lock);
    cond_init(&proxy->changed);
    proxy->port = ntohs(address.sin_port);
    failed = pthread_create(&proxy->thread, NULL, run, proxy);
    ASSERT(failed == 0);
    return proxy;
}

void testing_proxy_free(struct testing_proxy *proxy)
{
    if (!proxy) {
        return;
    }
    mutex_lock(&proxy->lock);
    proxy->stopping = true;
    hang_up_on_all(proxy);
    cond_broadcast(&proxy->changed);
    while (proxy->connections) {
        cond_wait(&proxy->changed, &proxy->lock);
    }
    mutex_unlock(&proxy->lock);
    shutdown(proxy->listener, SHUT_RDWR);
    int failed = pthread_join(proxy->thread, NULL);
    ASSERT(failed == 0);
    close(proxy->listener);
    cond_fini(&proxy->changed);
    mutex_fini(&proxy->lock);
    free(proxy);
}

uint16_t testing_proxy_port(const struct testing_proxy *proxy)
{
    return proxy->port;
}

void testing_proxy_set(struct testing_proxy *proxy, enum testing_fault fault, int64_t n)
{
    mutex_lock(&proxy->lock);
    proxy->fault = fault;
    proxy->n = n;
    if (fault == TESTING_REFUSE) {
        hang_up_on_all(proxy);
    }
    cond_broadcast(&proxy->changed);
    mutex_unlock(&proxy->lock);
}

uint64_t testing_proxy_cuts(struct testing_proxy *proxy)
{
    mutex_lock(&proxy->lock);
    uint64_t cuts = proxy->cuts;
    mutex_unlock(&proxy->lock);
    return cuts;
}
