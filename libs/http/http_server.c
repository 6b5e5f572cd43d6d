/* The only user of the server library: starts it with our own options and turns its callbacks into
 * phases of a connection and calls of the adapter. Its own limits are a second line behind ours. */
#include "http/http_server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <ulfius.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/id.h"
#include "http/http_conn.h"
#include "http/http_internal.h"

#define SERVER_ARENA_BYTES (16 * 1024 * 1024)
#define REFUSED_ARENA_BYTES 4096
#define BACKLOG 511
#define SPARE_FDS 256 /* what a process needs beside its connections */
#define MHD_OPTIONS_COUNT 12

/* Handlers of ours stay below 16 KB a frame (a compiler flag sees to it). Sanitizers need more. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_BYTES (2 * 1024 * 1024)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_BYTES (2 * 1024 * 1024)
#endif
#endif
#ifndef STACK_BYTES
#define STACK_BYTES (256 * 1024)
#endif

/* Per connection, for the request line, the headers and what is read ahead. Small enough that the
 * library's quadratic header map stays cheap, large enough for our own limits to decide. */
#define CONNECTION_POOL_BYTES (48 * 1024)
_Static_assert(CONNECTION_POOL_BYTES > 2 * (HTTP_HEADERS_MAX_BYTES + HTTP_URL_MAX_BYTES),
               "the pool holds headers within our limits twice");

struct http_server {
    struct arena arena; /* this struct lives in it */
    struct http_options options;
    struct _u_instance instance;
    bool instance_made, running;
    int listen_fd; /* ours until the library runs */
    uint16_t port;
    struct http_conns conns;
    _Atomic bool draining;
};

/* ---- Callbacks of the library ---- */

static struct http_conn *conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static void format_peer(struct MHD_Connection *connection, char ret_text[HTTP_PEER_BYTES])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const void *address = NULL;
    int family = AF_UNSPEC;
    if (info != NULL && info->client_addr != NULL) {
        family = info->client_addr->sa_family;
        const void *any = info->client_addr;
        if (family == AF_INET) {
            address = &((const struct sockaddr_in *)any)->sin_addr;
        } else if (family == AF_INET6) {
            address = &((const struct sockaddr_in6 *)any)->sin6_addr;
        }
    }
    if (address == NULL || inet_ntop(family, address, ret_text, HTTP_PEER_BYTES) == NULL) {
        ret_text[0] = '\0';
    }
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        ASSERT(info != NULL);
        struct http_conn *conn = http_conn_open(&server->conns, info->connect_fd);
        conn->connection = connection;
        format_peer(connection, conn->peer);
        *socket_context = conn;
    } else if (*socket_context != NULL) {
        http_conn_close(*socket_context);
        *socket_context = NULL;
    }
}

/* Runs when the request line is there. The library knows two arguments of three. */
static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct http_conn *conn = conn_of(connection);
    ASSERT(conn != NULL);
    http_conn_receiving(conn);
    struct connection_info_struct *info = ulfius_uri_logger(cls, uri);
    if (info != NULL) {
        /* A field that only the library's own client uses; it finds the connection again. */
        info->request->timeout = conn->index;
    }
    return info;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode toe)
{
    mhd_request_completed(cls, connection, con_cls, toe);
    struct http_conn *conn = conn_of(connection);
    ASSERT(conn != NULL);
    http_conn_done(conn);
}

struct header_list {
    struct http_raw *raw;
    struct http_pair *pairs;
};

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                 size_t key_len, const char *value, size_t value_len)
{
    (void)kind;
    struct header_list *list = cls;
    struct http_raw *raw = list->raw;
    if (raw->header_count < HTTP_HEADERS_MAX) {
        list->pairs[raw->header_count] =
            (struct http_pair){.name = {.ptr = key, .len = key_len},
                               .value = {.ptr = value != NULL ? value : "", .len = value_len}};
    }
    raw->header_count++;
    raw->header_bytes += key_len + value_len;
    return MHD_YES;
}

/* ---- A response on its way out ---- */

static ssize_t on_stream_read(void *cls, uint64_t offset, char *ret_bytes, size_t max_bytes)
{
    (void)offset;
    struct http_conn *conn = cls;
    struct http_server *server = conn->owner;
    int64_t len = http_conn_read_stream(conn, ret_bytes, max_bytes, atomic_load(&server->draining));
    if (len == HTTP_STREAM_BREAK) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return len < 0 ? (ssize_t)MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)len;
}

static void on_stream_close(void *cls)
{
    http_conn_end_stream(cls);
}

/* The library wants NUL-terminated text; a header that no memory is left for is left out. */
static void put_header(struct op *op, struct _u_response *out, struct str name, struct str value)
{
    struct str name_copy = str_dup(op->arena, name);
    struct str value_copy = str_dup(op->arena, value);
    if (name_copy.ptr != NULL && value_copy.ptr != NULL) {
        (void)u_map_put(out->map_header, name_copy.ptr, value_copy.ptr);
    }
}

static void emit(struct op *op, struct http_conn *conn, const struct http_response *response,
                 struct _u_response *out)
{
    for (uint32_t i = 0; i < response->header_count; i++) {
        put_header(op, out, response->headers[i].name, response->headers[i].value);
    }
    bool streams = response->stream.read != NULL;
    if (streams || response->body.len > 0) {
        put_header(op, out, STR("Content-Type"), response->content_type);
    }
    out->status = response->status;
    if (streams) {
        /* A read may wait for longer than the library waits for bytes; ours are the limits here. */
        (void)MHD_set_connection_option(conn->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
        http_conn_begin_stream(conn, &response->stream);
        out->stream_callback = on_stream_read;
        out->stream_callback_free = on_stream_close;
        out->stream_user_data = conn;
        out->stream_size = U_STREAM_SIZE_UNKNOWN;
        out->stream_block_size = HTTP_STREAM_BLOCK_BYTES;
    } else if (response->body.len > 0 &&
               ulfius_set_binary_body_response(out, (unsigned int)response->status,
                                               response->body.ptr, response->body.len) != U_OK) {
        out->status = 500;
    }
    http_conn_sending(conn, streams);
}

static int serve(struct http_conn *conn, const struct _u_request *request, struct _u_response *out)
{
    struct http_server *server = conn->owner;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, HTTP_ARENA_BYTES);
    struct op op = {.arena = &arena, .now_us = clock_wall_us()};
    struct http_raw raw = {
        .method = str_of(request->http_verb),
        .url = str_of(request->http_url),
        .body = {.ptr = request->binary_body, .len = request->binary_body_length},
        .peer = str_of(conn->peer),
        .arrived_us = clock_mono_us(),
        .draining = atomic_load(&server->draining),
    };
    struct header_list list = {.raw = &raw,
                               .pairs = arena_new(&arena, struct http_pair, HTTP_HEADERS_MAX)};
    struct http_exchange *exchange = arena_new(&arena, struct http_exchange, 1);
    ASSERT(list.pairs != NULL); /* both fit into a fresh arena */
    ASSERT(exchange != NULL);
    (void)MHD_get_connection_values_n(conn->connection, MHD_HEADER_KIND, on_header, &list);
    raw.headers = list.pairs;
    exchange->options = &server->options;
    exchange->raw = &raw;
    exchange->conns = &server->conns;
    http_serve(&op, exchange);
    emit(&op, conn, &exchange->response, out);
    return U_CALLBACK_COMPLETE;
}

static int on_request(const struct _u_request *request, struct _u_response *out, void *user_data)
{
    struct http_server *server = user_data;
    ASSERT(request->timeout < server->conns.limits.max);
    struct http_conn *conn = &server->conns.conns[request->timeout];
    if (!http_conn_handling(conn)) { /* the watchdog has given up on it: nobody reads this */
        out->status = 408;
        (void)u_map_put(out->map_header, "Connection", "close");
        return U_CALLBACK_COMPLETE;
    }
    return serve(conn, request, out);
}

/* Nobody has served it, so it is told from here. */
static void on_refused(void *owner, int32_t status, const char *code)
{
    struct http_server *server = owner;
    if (server->options.observe == NULL) {
        return;
    }
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, REFUSED_ARENA_BYTES);
    struct op op = {.arena = &arena, .now_us = clock_wall_us()};
    op.correlation_id = id_to_str(&arena, id_random());
    struct http_seen seen = {.status = status, .code = code};
    server->options.observe(&op, server->options.deps, &seen);
}

/* ---- Starting and stopping ---- */

static STATUS listen_on(struct op *op, struct http_server *server)
{
    struct str host = str_dup(op->arena, server->options.host);
    if (host.ptr == NULL) {
        return op_arena_full(op);
    }
    char service[8];
    int len = snprintf(service, sizeof(service), "%u", (unsigned)server->options.port);
    ASSERT(len > 0);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (host.len == 0 || getaddrinfo(host.ptr, service, &hints, &found) != 0) {
        return op_fail(op, STATUS_INVALID, "http.listen_address", STR_FMT, STR_ARG(host));
    }
    int yes = 1;
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t bound_len = sizeof(bound);
    void *any = &bound;
    server->listen_fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good = server->listen_fd >= 0 &&
                setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
                bind(server->listen_fd, found->ai_addr, found->ai_addrlen) == 0 &&
                listen(server->listen_fd, BACKLOG) == 0 &&
                getsockname(server->listen_fd, any, &bound_len) == 0;
    freeaddrinfo(found);
    if (!good) {
        return op_fail(op, STATUS_RETRY, "http.listen", STR_FMT " port %u", STR_ARG(host),
                       (unsigned)server->options.port);
    }
    server->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)any)->sin6_port
                                                     : ((struct sockaddr_in *)any)->sin_port);
    return OK;
}

/* The soft limit on open files is often 1,024, which is less than our connections alone. */
static void raise_fd_limit(uint32_t connections_max)
{
    struct rlimit limit;
    rlim_t want = (rlim_t)connections_max + SPARE_FDS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < want) {
        limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* else accept fails at the limit, and recovers */
    }
}

static size_t largest_body(const struct http_options *options)
{
    size_t max_bytes = 0;
    for (uint32_t i = 0; i < options->route_count; i++) {
        ASSERT(options->routes[i].body_max_bytes <= HTTP_BODY_FILE_BYTES);
        ASSERT(options->routes[i].auth == HTTP_AUTH_NONE || options->authenticate != NULL);
        if (options->routes[i].body_max_bytes > max_bytes) {
            max_bytes = options->routes[i].body_max_bytes;
        }
    }
    return max_bytes;
}

static STATUS start(struct op *op, struct http_server *server)
{
    const struct http_options *options = &server->options;
    if (ulfius_init_instance(&server->instance, server->port, NULL, NULL) != U_OK) {
        return op_fail(op, STATUS_RETRY, "http.start", "no instance");
    }
    server->instance_made = true;
    server->instance.max_post_body_size = largest_body(options) + 1; /* one more is seen as such */
    server->instance.max_post_param_size = 1;
    server->instance.allowed_post_processor = U_POST_PROCESS_NONE;
    server->instance.check_utf8 = 0; /* a header that vanishes is worse than one that is odd */
    if (ulfius_set_default_endpoint(&server->instance, on_request, server) != U_OK) {
        return op_fail(op, STATUS_RETRY, "http.start", "no endpoint");
    }
    int64_t idle_ms = server->conns.limits.idle_ms;
    struct MHD_OptionItem items[MHD_OPTIONS_COUNT] = {
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_request_line, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server},
        {MHD_OPTION_LISTEN_SOCKET, server->listen_fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, options->connections_max, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->per_address_max, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)((idle_ms + 999) / 1000), NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_POOL_BYTES, NULL},
        {MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned int flags = MHD_USE_POLL | MHD_USE_INTERNAL_POLLING_THREAD |
                         MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC;
    if (ulfius_start_framework_with_mhd_options(&server->instance, flags, items) != U_OK) {
        return op_fail(op, STATUS_RETRY, "http.start", "the framework did not start");
    }
    server->running = true;
    return OK;
}

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

static int64_t at_most(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

struct http_server_counts http_server_counts(struct http_server *server)
{
    struct http_conns *conns = &server->conns;
    return (struct http_server_counts){.connections = http_conns_count(conns),
                                       .in_flight = atomic_load(&conns->in_flight),
                                       .streams = atomic_load(&conns->streams),
                                       .timeouts = atomic_load(&conns->timeouts)};
}

static void collect(struct metrics_page *page, void *ctx)
{
    struct http_server *server = ctx;
    const struct http_server_counts counts = http_server_counts(server);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_http_connections", "Connections that are open.",
                     counts.connections);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_http_connections_max",
                     "At so many further ones are closed as soon as they come.",
                     server->conns.limits.max);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_http_in_flight",
                     "Requests that are being answered, streams included.", counts.in_flight);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_http_streams_open",
                     "Connections that are streams: at most three quarters of all.",
                     counts.streams);
    metrics_page_one(page, METRICS_COUNTER, "holdfast_http_timeouts_total",
                     "Connections cut by a time limit, or for sending far too much.",
                     (int64_t)counts.timeouts);
}

static STATUS open_server(struct op *op, struct http_server *server)
{
    struct http_options *options = &server->options;
    if (options->connections_max == 0) {
        options->connections_max = HTTP_CONNECTIONS_MAX;
    }
    struct http_conn_limits limits = {
        .max = options->connections_max,
        .head_ms = or_default(options->head_ms, HTTP_HEAD_MS),
        .receive_ms = or_default(options->receive_ms, HTTP_RECEIVE_MS),
        .idle_ms = or_default(options->idle_ms, HTTP_IDLE_MS),
        .send_ms = or_default(options->send_ms, HTTP_SEND_MS),
        .stream_send_ms = or_default(options->stream_send_ms, HTTP_STREAM_SEND_MS),
        .body_max_bytes = largest_body(options),
        .receiving_max_bytes = options->receiving_max_bytes > 0 ? options->receiving_max_bytes
                                                                : HTTP_RECEIVING_MAX_BYTES,
    };
    limits.head_pressed_ms = at_most(limits.head_ms, HTTP_HEAD_PRESSED_MS);
    limits.receive_pressed_ms = at_most(limits.receive_ms, HTTP_RECEIVE_PRESSED_MS);
    raise_fd_limit(limits.max);
    TRY(listen_on(op, server));
    struct op own = {.arena = &server->arena};
    struct status st = http_conns_init(&own, &server->conns, &limits, on_refused, server);
    if (status_failed(st)) {
        return op_fail(op, st.kind, own.err.code, "%s", own.err.msg);
    }
    for (uint32_t i = 0; i < limits.max; i++) {
        server->conns.conns[i].owner = server;
    }
    return start(op, server);
}

STATUS http_server_open(struct op *op, const struct http_options *options,
                        struct http_server **ret_server)
{
    struct arena arena;
    arena_init(&arena, SERVER_ARENA_BYTES);
    DEFER(http_server_free_at)
    struct http_server *server = arena_new(&arena, struct http_server, 1);
    if (server == NULL) {
        arena_fini(&arena);
        return op_arena_full(op);
    }
    server->arena = arena;
    server->options = *options;
    server->listen_fd = -1;
    TRY(open_server(op, server));
    metrics_collector(options->metrics, collect, server);
    *ret_server = TAKE(server);
    return OK;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_drain(struct http_server *server)
{
    atomic_store(&server->draining, true);
    if (server->conns.watched) {
        http_conns_stop_streams(&server->conns);
    }
}

void http_server_stop(struct http_server *server, int64_t drain_ms)
{
    if (server == NULL) {
        return;
    }
    http_server_drain(server);
    if (server->running) {
        http_conns_wait_quiet(&server->conns, clock_mono_ms() + drain_ms);
        (void)ulfius_stop_framework(&server->instance); /* closes the listening socket too */
        server->listen_fd = -1;
    }
    if (server->listen_fd >= 0) {
        (void)close(server->listen_fd);
    }
    if (server->instance_made) {
        ulfius_clean_instance(&server->instance);
    }
    metrics_collector_end(server->options.metrics, collect, server); /* shown while it drains */
    http_conns_fini(&server->conns);
    struct arena arena = server->arena;
    arena_fini(&arena);
}

void http_server_free(struct http_server *server)
{
    http_server_stop(server, /* drain_ms */ 0);
}
