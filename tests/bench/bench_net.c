/* Bytes in, news out: an epoll set; each connection has its buffer, which is read until nothing is left in it. */
#include "bench_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "bench_report.h"

#define READ_BYTES 65536
#define BUFFER_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define READY_MAX 64
#define HEAD_BYTES 1024

struct buffer {
    char *bytes;
    size_t len, capacity;
    size_t taken; /* from its beginning; dropped before more is read */
};

struct connection {
    int fd;
    uint32_t server;
    bool is_stream;
    bool began; /* a stream whose head was read */
    bool busy;
    uint64_t tag;
    struct buffer raw;
    struct buffer text; /* of a stream, without the chunks' frames */
    int32_t port;
    struct buffer
        asked; /* the request, for a server that hung up on an idle connection as it was sent */
    int64_t read_at_us;
};

struct server {
    uint32_t *free; /* numbers of connections */
    uint32_t free_count;
};

struct bench_net {
    int epoll_fd;
    struct connection connections[BENCH_NET_CONNECTIONS_MAX];
    uint32_t connection_count;
    struct server servers[BENCH_NET_SERVERS_MAX];
    uint32_t server_count;
    struct epoll_event ready[READY_MAX];
    uint32_t ready_count, ready_at;
    struct connection *current; /* its buffer may hold more news */
};

struct bench_net *bench_net_new(void)
{
    struct bench_net *net = calloc(1, sizeof(*net));
    ASSERT(net);
    net->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ASSERT(net->epoll_fd >= 0);
    return net;
}

void bench_net_free(struct bench_net *net)
{
    for (uint32_t i = 0; i < net->connection_count; i++) {
        (void)close(net->connections[i].fd);
        free(net->connections[i].raw.bytes);
        free(net->connections[i].text.bytes);
        free(net->connections[i].asked.bytes);
    }
    for (uint32_t i = 0; i < net->server_count; i++) {
        free(net->servers[i].free);
    }
    (void)close(net->epoll_fd);
    free(net);
}

/* ---- Buffers ---- */

static void append(struct buffer *buffer, const char *bytes, size_t len)
{
    if (buffer->taken > 0) {
        buffer->len -= buffer->taken;
        memmove(buffer->bytes, buffer->bytes + buffer->taken, buffer->len);
        buffer->taken = 0;
    }
    while (buffer->capacity < buffer->len + len) {
        buffer->capacity = buffer->capacity ? buffer->capacity * 2 : 2 * (size_t)READ_BYTES;
        ASSERT(buffer->capacity <= BUFFER_MAX_BYTES);
        char *more = realloc(buffer->bytes, buffer->capacity);
        ASSERT(more);
        buffer->bytes = more;
    }
    memcpy(buffer->bytes + buffer->len, bytes, len);
    buffer->len += len;
}

static struct str rest_of(const struct buffer *buffer)
{
    return (struct str){.ptr = buffer->bytes + buffer->taken, .len = buffer->len - buffer->taken};
}

/* The text before the mark; the mark is taken with it. */
static bool take_until(struct buffer *buffer, struct str mark, struct str *ret_text)
{
    struct str rest = rest_of(buffer);
    const char *at = rest.len > 0 ? memmem(rest.ptr, rest.len, mark.ptr, mark.len) : NULL;
    if (!at) {
        return false;
    }
    *ret_text = (struct str){.ptr = rest.ptr, .len = (size_t)(at - rest.ptr)};
    buffer->taken += ret_text->len + mark.len;
    return true;
}

/* ---- Connections ---- */

static int connect_to(int32_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0);
    if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0) {
        bench_end("cannot connect to port %d", port);
    }
    return fd;
}

static void watch(const struct bench_net *net, uint32_t number)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    int failed = epoll_ctl(net->epoll_fd, EPOLL_CTL_ADD, net->connections[number].fd, &event);
    ASSERT(failed == 0);
}

static uint32_t add_connection(struct bench_net *net, int32_t port)
{
    if (net->connection_count == BENCH_NET_CONNECTIONS_MAX) {
        bench_end("more than %d connections", BENCH_NET_CONNECTIONS_MAX);
    }
    uint32_t number = net->connection_count++;
    net->connections[number] = (struct connection){.fd = connect_to(port), .port = port};
    watch(net, number);
    return number;
}

/* What the other side does not take any more is sent again when it is seen that it has hung up. */
static void send_all(const struct connection *connection, struct str request)
{
    while (request.len > 0) {
        ssize_t sent = send(connection->fd, request.ptr, request.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        request = str_after(request, (size_t)sent);
    }
}

/* Servers close connections that were idle for long. A request that met that is repeated: it has an Idempotency-Key. */
static void connect_again(const struct bench_net *net, struct connection *connection)
{
    if (connection->is_stream || rest_of(&connection->raw).len > 0) {
        bench_end("a server has hung up in the middle of an answer");
    }
    (void)close(connection->fd); /* epoll forgets it */
    connection->fd = connect_to(connection->port);
    watch(net, (uint32_t)(connection - net->connections));
    if (connection->busy) {
        send_all(connection, rest_of(&connection->asked));
    }
}

uint32_t bench_net_server(struct bench_net *net, int32_t port, uint32_t connections)
{
    ASSERT(net->server_count < BENCH_NET_SERVERS_MAX);
    struct server *server = &net->servers[net->server_count];
    server->free = calloc(connections, sizeof(*server->free));
    ASSERT(server->free);
    for (uint32_t i = 0; i < connections; i++) {
        uint32_t number = add_connection(net, port);
        net->connections[number].server = net->server_count;
        server->free[server->free_count++] = number;
    }
    return net->server_count++;
}

void bench_net_stream(struct bench_net *net, int32_t port, struct str path, struct str token)
{
    char head[HEAD_BYTES];
    struct strbuf buf;
    struct str request;
    strbuf_init_fixed(&buf, head, sizeof(head));
    strbuf_addf(&buf,
                "GET " STR_FMT " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " STR_FMT
                "\r\n\r\n",
                STR_ARG(path), STR_ARG(token));
    bool fits = strbuf_finish(&buf, &request);
    ASSERT(fits);
    struct connection *connection = &net->connections[add_connection(net, port)];
    connection->is_stream = true;
    send_all(connection, request);
}

bool bench_net_send(struct bench_net *net, uint32_t server, uint64_t tag, struct str request)
{
    struct server *to = &net->servers[server];
    if (to->free_count == 0) {
        return false;
    }
    struct connection *connection = &net->connections[to->free[--to->free_count]];
    connection->busy = true;
    connection->tag = tag;
    connection->asked.taken = connection->asked.len; /* the one before */
    append(&connection->asked, request.ptr, request.len);
    send_all(connection, request);
    return true;
}

uint32_t bench_net_free_count(const struct bench_net *net, uint32_t server)
{
    return net->servers[server].free_count;
}

/* ---- News ---- */

/* "HTTP/1.1 202 Accepted ..." */
static int64_t status_of(struct str head)
{
    int64_t status = 0;
    if (head.len < 12 || !str_to_i64((struct str){.ptr = head.ptr + 9, .len = 3}, &status)) {
        bench_end("no answer: " STR_FMT, STR_ARG(head));
    }
    return status;
}

static size_t length_of(struct str head)
{
    static const char name[] = "Content-Length: ";
    const char *at = memmem(head.ptr, head.len, name, sizeof(name) - 1);
    int64_t len = 0;
    if (at) {
        struct str value = str_after(head, (size_t)(at - head.ptr) + sizeof(name) - 1);
        struct str digits = value;
        struct str after;
        bool more = str_cut(value, '\r', &digits, &after);
        if (!str_to_i64(more ? digits : value, &len) || len < 0) {
            bench_end("no length: " STR_FMT, STR_ARG(head));
        }
    }
    return (size_t)len;
}

static bool next_answer(struct bench_net *net, struct connection *connection,
                        struct bench_news *ret_news)
{
    struct buffer *raw = &connection->raw;
    size_t before = raw->taken;
    struct str head;
    if (!take_until(raw, STR("\r\n\r\n"), &head)) {
        return false;
    }
    size_t len = length_of(head);
    if (rest_of(raw).len < len) {
        raw->taken = before; /* the body is not there yet */
        return false;
    }
    if (!connection->busy) {
        bench_end("an answer to nothing: " STR_FMT, STR_ARG(head));
    }
    *ret_news = (struct bench_news){.kind = BENCH_NEWS_ANSWER,
                                    .at_us = connection->read_at_us,
                                    .tag = connection->tag,
                                    .status = status_of(head),
                                    .body = {.ptr = rest_of(raw).ptr, .len = len}};
    raw->taken += len;
    connection->busy = false;
    struct server *server = &net->servers[connection->server];
    server->free[server->free_count++] = (uint32_t)(connection - net->connections);
    return true;
}

/* The size of the chunk at the beginning and how long its line is; false: not there yet. */
static bool chunk_size(struct str rest, size_t *ret_line, size_t *ret_size)
{
    const char *end = rest.len > 0 ? memmem(rest.ptr, rest.len, "\r\n", 2) : NULL;
    if (!end) {
        return false;
    }
    *ret_size = 0;
    for (const char *at = rest.ptr; at < end; at++) {
        int digit = str_hex_value(*at);
        if (digit < 0) {
            bench_end("a stream without chunks");
        }
        *ret_size = *ret_size * 16 + (size_t)digit;
    }
    *ret_line = (size_t)(end - rest.ptr) + 2;
    return true;
}

static void unchunk(struct connection *connection)
{
    struct buffer *raw = &connection->raw;
    size_t line = 0;
    size_t size = 0;
    while (chunk_size(rest_of(raw), &line, &size) && rest_of(raw).len >= line + size + 2) {
        if (size == 0) {
            bench_end("a stream has ended");
        }
        append(&connection->text, rest_of(raw).ptr + line, size);
        raw->taken += line + size + 2;
    }
}

/* "event: deal\ndata: {...}"; a comment or a retry time has neither. */
static bool read_event(struct str block, struct bench_news *news)
{
    struct str line = block;
    struct str rest = {.len = 0};
    for (bool more = true; more; block = rest) {
        more = str_cut(block, '\n', &line, &rest);
        line = more ? line : block;
        if (str_has_prefix(line, STR("event: "))) {
            news->event = str_after(line, 7);
        } else if (str_has_prefix(line, STR("data: "))) {
            news->body = str_after(line, 6);
        }
    }
    return news->event.len > 0;
}

static bool next_event(struct connection *connection, struct bench_news *ret_news)
{
    struct str block;
    if (!connection->began) {
        struct str head;
        if (!take_until(&connection->raw, STR("\r\n\r\n"), &head)) {
            return false;
        }
        if (status_of(head) != 200) {
            bench_end("no stream: " STR_FMT, STR_ARG(head));
        }
        connection->began = true;
    }
    unchunk(connection);
    *ret_news = (struct bench_news){.kind = BENCH_NEWS_EVENT, .at_us = connection->read_at_us};
    while (take_until(&connection->text, STR("\n\n"), &block)) {
        if (read_event(block, ret_news)) {
            return true;
        }
    }
    return false;
}

static void read_some(const struct bench_net *net, struct connection *connection)
{
    static char bytes[READ_BYTES];
    ssize_t got = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    connection->read_at_us = clock_mono_us();
    if (got > 0) {
        append(&connection->raw, bytes, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        connect_again(net, connection);
    }
}

static bool from_current(struct bench_net *net, struct bench_news *ret_news)
{
    struct connection *connection = net->current;
    if (!connection) {
        return false;
    }
    bool got = connection->is_stream ? next_event(connection, ret_news)
                                     : next_answer(net, connection, ret_news);
    net->current = got ? connection : NULL;
    return got;
}

static bool wait_ready(struct bench_net *net, int64_t until_us)
{
    int64_t left_us = until_us - clock_mono_us();
    left_us = left_us > 0 ? left_us : 0;
    const struct timespec wait = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    int count = epoll_pwait2(net->epoll_fd, net->ready, READY_MAX, &wait, NULL);
    ASSERT(count >= 0 || errno == EINTR);
    net->ready_count = count > 0 ? (uint32_t)count : 0;
    net->ready_at = 0;
    return net->ready_count > 0;
}

bool bench_net_next(struct bench_net *net, int64_t until_us, struct bench_news *ret_news)
{
    while (!from_current(net, ret_news)) {
        if (net->ready_at == net->ready_count && !wait_ready(net, until_us)) {
            return false;
        }
        net->current = &net->connections[net->ready[net->ready_at++].data.u32];
        read_some(net, net->current);
    }
    return true;
}

struct str bench_net_field(struct str body, struct str before)
{
    const char *at = body.len > 0 ? memmem(body.ptr, body.len, before.ptr, before.len) : NULL;
    struct str field = {.len = 0};
    struct str rest;
    if (!at ||
        !str_cut(str_after(body, (size_t)(at - body.ptr) + before.len), '"', &field, &rest)) {
        return (struct str){.len = 0};
    }
    return field;
}
