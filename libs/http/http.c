/* The request and response as handlers see them: look-ups and bounded additions. */
#include "http/http.h"

#include <strings.h>

#include "base/assert.h"

static const struct str method_names[HTTP_METHOD_COUNT] = {
    [HTTP_METHOD_NONE] = {.ptr = "", .len = 0},  [HTTP_GET] = {.ptr = "GET", .len = 3},
    [HTTP_HEAD] = {.ptr = "HEAD", .len = 4},     [HTTP_POST] = {.ptr = "POST", .len = 4},
    [HTTP_PUT] = {.ptr = "PUT", .len = 3},       [HTTP_PATCH] = {.ptr = "PATCH", .len = 5},
    [HTTP_DELETE] = {.ptr = "DELETE", .len = 6},
};

struct str http_method_name(enum http_method method)
{
    ASSERT(method < HTTP_METHOD_COUNT);
    return method_names[method];
}

static bool eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

struct str http_request_param(const struct http_request *req, struct str name)
{
    struct str rest = str_of(req->route->path);
    uint32_t index = 0;
    while (rest.len > 0) {
        struct str segment = rest;
        struct str tail = {.ptr = rest.ptr + rest.len, .len = 0};
        if (str_cut(rest, '/', &segment, &tail)) {
            rest = tail;
        } else {
            rest = (struct str){.ptr = rest.ptr + rest.len, .len = 0};
        }
        if (segment.len > 0 && segment.ptr[0] == ':') {
            if (str_eq(str_after(segment, 1), name)) {
                return req->params[index];
            }
            index++;
        }
    }
    UNREACHABLE("the route has no such parameter");
}

bool http_request_query(const struct http_request *req, struct str name, struct str *ret_value)
{
    for (uint32_t i = 0; i < req->query_count; i++) {
        if (str_eq(req->query[i].name, name)) {
            *ret_value = req->query[i].value;
            return true;
        }
    }
    return false;
}

bool http_request_header(const struct http_request *req, struct str name, struct str *ret_value)
{
    for (uint32_t i = 0; i < req->header_count; i++) {
        if (eq_nocase(req->headers[i].name, name)) {
            *ret_value = req->headers[i].value;
            return true;
        }
    }
    return false;
}

STATUS http_response_header(struct op *op, struct http_response *ret, struct str name,
                            struct str value)
{
    if (ret->header_count == HTTP_RESPONSE_HEADERS_MAX) {
        return op_fail(op, STATUS_BUG, "http.response_headers", "over %d headers",
                       HTTP_RESPONSE_HEADERS_MAX);
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c < 0x20 || c == 0x7f) { /* a line break here would write headers of its own */
            return op_fail(op, STATUS_BUG, "http.header_value", "control character in " STR_FMT,
                           STR_ARG(name));
        }
    }
    ret->headers[ret->header_count++] = (struct http_pair){.name = name, .value = value};
    return OK;
}
