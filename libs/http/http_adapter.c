/* One request from raw to answered: checks in a fixed order, the handler, the problem document.
 * The first failure decides; after one of the framing or size checks the connection is closed,
 * because where the next request begins cannot be trusted. */
#include "base/assert.h"
#include "base/clock.h"
#include "base/id.h"
#include "http/http_internal.h"

#define RETRY_AFTER_MAX_BYTES 24

static struct str correlation(struct op *op, const struct http_raw *raw)
{
    for (uint32_t i = 0; i < raw->header_count && i < HTTP_HEADERS_MAX; i++) {
        struct id id;
        if (http_str_eq_nocase(raw->headers[i].name, STR("X-Request-Id")) &&
            id_parse(raw->headers[i].value, &id)) {
            return id_to_str(op->arena, id); /* canonical: lower case */
        }
    }
    return id_to_str(op->arena, id_random());
}

/* The last address that the proxy in front has seen; a client can write only what stands left. */
static struct str peer_of(const struct http_options *options, const struct http_raw *raw)
{
    if (options->trusted_proxy.len == 0 || !str_eq(options->trusted_proxy, raw->peer)) {
        return raw->peer;
    }
    struct str peer = raw->peer;
    for (uint32_t i = 0; i < raw->header_count && i < HTTP_HEADERS_MAX; i++) {
        if (http_str_eq_nocase(raw->headers[i].name, STR("X-Forwarded-For"))) {
            peer = raw->headers[i].value;
        }
    }
    struct str head;
    struct str tail;
    while (str_cut(peer, ',', &head, &tail)) {
        peer = tail;
    }
    return str_trim(peer);
}

static STATUS authenticate(struct op *op, struct http_exchange *exchange)
{
    const struct http_options *options = exchange->options;
    struct http_request *req = &exchange->req;
    switch (req->route->auth) {
    case HTTP_AUTH_NONE: return OK;
    case HTTP_AUTH_TOKEN: {
        ASSERT(options->authenticate != NULL);
        if (req->token.len == 0) {
            return op_fail(op, STATUS_DENIED, "http.unauthenticated", "no bearer token");
        }
        TRY(options->authenticate(op, options->deps, req, &req->principal));
        ASSERT(req->principal != NULL);
        return http_admit_token(op, exchange);
    }
    case HTTP_AUTH_COUNT: break;
    }
    UNREACHABLE("auth kind");
}

static STATUS find_route(struct op *op, struct http_exchange *exchange)
{
    const struct http_raw *raw = exchange->raw;
    struct http_request *req = &exchange->req;
    req->path = raw->url;
    (void)str_cut(raw->url, '?', &req->path, &req->query_text);
    req->method = http_route_method(raw->method);
    req->headers = raw->headers;
    req->header_count = raw->header_count;
    req->body = raw->body;
    TRY(http_route_find(op, exchange->options, req, &exchange->response));
    ASSERT(req->route->deadline_ms > 0);
    op->deadline_ms = clock_mono_ms() + req->route->deadline_ms;
    if (req->route->arena_bytes > op->arena->max_bytes) {
        op->arena->max_bytes = req->route->arena_bytes;
    }
    if (raw->draining && (req->route->flags & HTTP_ROUTE_WHILE_DRAINING) == 0) {
        exchange->close = true;
        return op_fail(op, STATUS_RETRY, "http.draining", "draining");
    }
    return http_route_query(op, req->query_text, req);
}

static STATUS answer(struct op *op, struct http_exchange *exchange)
{
    struct http_request *req = &exchange->req;
    int64_t declared = -1;
    exchange->close = true;
    TRY(http_check_size(op, exchange->raw));
    TRY(http_check_framing(op, exchange->raw, &declared));
    exchange->close = false;
    TRY(find_route(op, exchange));
    struct status st = http_check_body(op, req, declared);
    if (status_failed(st)) {
        exchange->close = true;
        return st;
    }
    TRY(http_check_headers(op, req));
    if (req->route->auth == HTTP_AUTH_TOKEN) {
        http_check_token(req);
    }
    TRY(http_admit_address(op, exchange));
    TRY(authenticate(op, exchange));
    TRY(http_check_type(op, req));
    return req->route->handler(op, exchange->options->deps, req, &exchange->response);
}

static void start_response(struct http_response *ret)
{
    *ret = (struct http_response){.status = 200, .content_type = STR("application/json")};
}

/* What a handler had filled in before it failed is dropped, but for Allow and Retry-After. */
static void become_problem(struct op *op, struct http_exchange *exchange, struct status st)
{
    struct http_response *ret = &exchange->response;
    if (ret->stream.read != NULL) {
        ret->stream.close(ret->stream.ctx);
    }
    bool keeps_headers = exchange->req.route == NULL; /* 405 has Allow */
    struct http_response kept = *ret;
    start_response(ret);
    ret->retry_after_s = kept.retry_after_s;
    if (keeps_headers && kept.header_count > 0) {
        ret->headers[0] = kept.headers[0];
        ret->header_count = 1;
    }
    http_problem(op, st, ret);
    if (ret->status == 503 && ret->retry_after_s == 0) {
        ret->retry_after_s = HTTP_RETRY_AFTER_S;
    }
}

static bool has_header(const struct http_response *ret, struct str name)
{
    for (uint32_t i = 0; i < ret->header_count; i++) {
        if (http_str_eq_nocase(ret->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static STATUS add_common(struct op *op, struct http_exchange *exchange)
{
    struct http_response *ret = &exchange->response;
    if (!has_header(ret, STR("Cache-Control"))) {
        TRY(http_response_header(op, ret, STR("Cache-Control"), STR("no-store")));
    }
    TRY(http_response_header(op, ret, STR("X-Content-Type-Options"), STR("nosniff")));
    TRY(http_response_header(op, ret, STR("X-Request-Id"), op->correlation_id));
    if (ret->status == 401) {
        TRY(http_response_header(op, ret, STR("WWW-Authenticate"), STR("Bearer")));
    }
    TRY(http_admit_headers(op, exchange));
    if (ret->retry_after_s > 0) {
        struct strbuf buf;
        strbuf_init(&buf, op->arena, RETRY_AFTER_MAX_BYTES);
        strbuf_addf(&buf, "%lld", (long long)ret->retry_after_s);
        struct str text;
        if (!strbuf_finish(&buf, &text)) {
            return op_arena_full(op);
        }
        TRY(http_response_header(op, ret, STR("Retry-After"), text));
    }
    if (exchange->close) {
        TRY(http_response_header(op, ret, STR("Connection"), STR("close")));
    }
    return OK;
}

_Static_assert(HTTP_RESPONSE_HEADERS_MAX >= 8 + 4, "ours and some of the handler's");

/* The last step: whoever has a place keeps it until the stream ends. */
static STATUS admit_stream(struct op *op, const struct http_exchange *exchange)
{
    bool waits = exchange->response.stream.read != NULL && exchange->conns != NULL;
    return !waits || http_conn_take_stream(exchange->conns)
               ? OK
               : op_fail(op, STATUS_RETRY, "http.streams_full", "no place");
}

void http_serve(struct op *op, struct http_exchange *exchange)
{
    start_response(&exchange->response);
    op->correlation_id = correlation(op, exchange->raw);
    exchange->req.peer = peer_of(exchange->options, exchange->raw);
    struct status st = answer(op, exchange);
    http_admit_settle(op, exchange, st);
    if (!status_failed(st)) {
        st = add_common(op, exchange);
    }
    if (!status_failed(st)) {
        st = admit_stream(op, exchange);
    }
    const char *code = NULL;
    if (status_failed(st)) {
        code = op->err.code;
        become_problem(op, exchange, st);
        status_ignore(add_common(op, exchange), "only the arena can be full: then headers lack");
    }
    ASSERT(exchange->response.status >= 200);
    ASSERT(exchange->response.status < 600);
    if (exchange->options->observe != NULL) {
        struct http_seen seen = {.route = exchange->req.route,
                                 .method = exchange->req.method,
                                 .status = exchange->response.status,
                                 .took_us = clock_mono_us() - exchange->raw->arrived_us,
                                 .code = code};
        exchange->options->observe(op, exchange->options->deps, &seen);
    }
}
