/* From method and URL to a row of the route table, with the decoded parts of path and query. */
#include <string.h>

#include "base/assert.h"
#include "http/http_internal.h"

#define ALLOW_MAX_BYTES 64

enum http_method http_route_method(struct str name)
{
    for (enum http_method m = HTTP_GET; m < HTTP_METHOD_COUNT; m++) {
        if (str_eq(http_method_name(m), name)) {
            return m;
        }
    }
    return HTTP_METHOD_NONE;
}

/* Percent-decoding; the result must be text without control characters. */
static bool decode(struct op *op, struct str encoded, bool plus_is_blank, struct str *ret_text)
{
    char *text = arena_alloc(op->arena, encoded.len + 1, 1);
    if (text == NULL) {
        return false;
    }
    size_t len = 0;
    for (size_t i = 0; i < encoded.len; i++) {
        char c = encoded.ptr[i];
        if (c == '%') {
            if (encoded.len - i < 3) {
                return false;
            }
            int high = str_hex_value(encoded.ptr[i + 1]);
            int low = str_hex_value(encoded.ptr[i + 2]);
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(unsigned char)((unsigned)high * 16 + (unsigned)low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if ((unsigned char)c < 0x20 || c == 0x7f) {
            return false;
        }
        text[len++] = c;
    }
    *ret_text = (struct str){.ptr = text, .len = len};
    return str_is_text(*ret_text);
}

/* Takes the segment before the next '/' off *rest; false at the end. */
static bool next_segment(struct str *rest, struct str *ret_segment)
{
    if (rest->ptr == NULL) {
        return false;
    }
    struct str tail;
    if (str_cut(*rest, '/', ret_segment, &tail)) {
        *rest = tail;
    } else {
        *ret_segment = *rest;
        *rest = (struct str){.ptr = NULL, .len = 0};
    }
    return true;
}

/* Fills ret_params with the raw segments of the :names. */
static bool matches(const struct http_route *route, struct str path,
                    struct str ret_params[HTTP_PARAMS_MAX])
{
    struct str pattern = str_of(route->path);
    uint32_t count = 0;
    for (;;) {
        struct str want = {.ptr = NULL, .len = 0};
        struct str have = {.ptr = NULL, .len = 0};
        bool more_pattern = next_segment(&pattern, &want);
        bool more_path = next_segment(&path, &have);
        if (!more_pattern || !more_path) {
            return more_pattern == more_path;
        }
        if (want.len > 0 && want.ptr[0] == ':') {
            ASSERT(count < HTTP_PARAMS_MAX);
            if (have.len == 0) {
                return false;
            }
            ret_params[count++] = have;
        } else if (!str_eq(want, have)) {
            return false;
        }
    }
}

static STATUS decode_params(struct op *op, struct http_request *req)
{
    for (uint32_t i = 0; i < HTTP_PARAMS_MAX; i++) {
        struct str raw = req->params[i];
        if (raw.len > 0 && !decode(op, raw, /* plus_is_blank */ false, &req->params[i])) {
            return op_fail(op, STATUS_INVALID, "http.path", "parameter %u", i);
        }
    }
    return OK;
}

/* Which methods the path has, for 405. */
static STATUS refuse_method(struct op *op, uint32_t methods, struct http_response *ret)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, ALLOW_MAX_BYTES);
    for (enum http_method m = HTTP_GET; m < HTTP_METHOD_COUNT; m++) {
        if ((methods & (1u << m)) != 0) {
            strbuf_add(&buf, buf.len > 0 ? STR(", ") : STR(""));
            strbuf_add(&buf, http_method_name(m));
        }
    }
    struct str allow;
    if (!strbuf_finish(&buf, &allow)) {
        return op_arena_full(op);
    }
    TRY(http_response_header(op, ret, STR("Allow"), allow));
    return op_fail(op, STATUS_INVALID, "http.method_not_allowed", "allowed: " STR_FMT,
                   STR_ARG(allow));
}

STATUS http_route_find(struct op *op, const struct http_options *options, struct http_request *req,
                       struct http_response *ret)
{
    uint32_t methods = 0;
    enum http_method wanted = req->method == HTTP_HEAD ? HTTP_GET : req->method;
    for (uint32_t i = 0; i < options->route_count; i++) {
        const struct http_route *route = &options->routes[i];
        struct str params[HTTP_PARAMS_MAX] = {{.ptr = NULL, .len = 0}};
        if (!matches(route, req->path, params)) {
            continue;
        }
        if (route->method == wanted) {
            req->route = route;
            memcpy(req->params, params, sizeof(params));
            return decode_params(op, req);
        }
        methods |= 1u << route->method;
        if (route->method == HTTP_GET) {
            methods |= 1u << HTTP_HEAD;
        }
    }
    if (methods != 0) {
        return refuse_method(op, methods, ret);
    }
    return op_fail(op, STATUS_NOT_FOUND, "http.not_found", "no such route");
}

static bool query_has(const struct http_pair *pairs, uint32_t count, struct str name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (str_eq(pairs[i].name, name)) {
            return true;
        }
    }
    return false;
}

STATUS http_route_query(struct op *op, struct str query, struct http_request *req)
{
    if (query.len == 0) {
        return OK;
    }
    struct http_pair *pairs = arena_new(op->arena, struct http_pair, HTTP_QUERY_MAX);
    if (pairs == NULL) {
        return op_arena_full(op);
    }
    uint32_t count = 0;
    for (bool more = true; more;) {
        struct str one = query;
        struct str tail = {.ptr = NULL, .len = 0};
        more = str_cut(query, '&', &one, &tail);
        query = tail;
        struct str name = one;
        struct str value = STR("");
        (void)str_cut(one, '=', &name, &value);
        if (count == HTTP_QUERY_MAX || name.len == 0 ||
            !decode(op, name, /* plus_is_blank */ true, &pairs[count].name) ||
            !decode(op, value, /* plus_is_blank */ true, &pairs[count].value) ||
            query_has(pairs, count, pairs[count].name)) {
            return op_fail(op, STATUS_INVALID, "http.query", "parameter %u", count);
        }
        count++;
    }
    req->query = pairs;
    req->query_count = count;
    return OK;
}
