/* What a request must keep before a handler sees it. Nothing that was sent goes into a message. */
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "http/http_internal.h"

bool http_str_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

static uint32_t count_header(const struct http_pair *headers, uint32_t header_count,
                             struct str name, struct str *ret_first)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < header_count; i++) {
        if (http_str_eq_nocase(headers[i].name, name)) {
            if (count == 0) {
                *ret_first = headers[i].value;
            }
            count++;
        }
    }
    return count;
}

STATUS http_check_size(struct op *op, const struct http_raw *raw)
{
    if (raw->url.len > HTTP_URL_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "http.url_too_long", "%zu bytes", raw->url.len);
    }
    if (raw->header_count > HTTP_HEADERS_MAX || raw->header_bytes > HTTP_HEADERS_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "http.headers_too_large", "%u headers, %zu bytes",
                       raw->header_count, raw->header_bytes);
    }
    return OK;
}

/* One decimal number without sign, as RFC 9110 wants it; a list, even of equal ones, is refused. */
static bool parse_length(struct str text, int64_t *ret_length)
{
    return text.len > 0 && text.ptr[0] != '-' && str_to_i64(text, ret_length);
}

/* RFC 9110's token. A blank before the colon hides a header from one reader and not from another. */
static bool is_token(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL) {
            return false;
        }
    }
    return name.len > 0;
}

STATUS http_check_framing(struct op *op, const struct http_raw *raw, int64_t *ret_declared)
{
    uint32_t held = raw->header_count;
    ASSERT(held <= HTTP_HEADERS_MAX);
    for (uint32_t i = 0; i < held; i++) {
        if (!is_token(raw->headers[i].name)) {
            return op_fail(op, STATUS_INVALID, "http.header_name", "header %u", i);
        }
    }
    struct str value = STR("");
    if (count_header(raw->headers, held, STR("Transfer-Encoding"), &value) > 0) {
        return op_fail(op, STATUS_INVALID, "http.transfer_encoding", "sent");
    }
    uint32_t lengths = count_header(raw->headers, held, STR("Content-Length"), &value);
    int64_t declared = -1;
    if (lengths > 1 || (lengths == 1 && !parse_length(value, &declared))) {
        return op_fail(op, STATUS_INVALID, "http.length_invalid", "%u of them", lengths);
    }
    *ret_declared = declared;
    return OK;
}

static bool wants_length(enum http_method method)
{
    return method == HTTP_POST || method == HTTP_PUT || method == HTTP_PATCH;
}

STATUS http_check_body(struct op *op, const struct http_request *req, int64_t declared)
{
    if (declared < 0) {
        if (wants_length(req->method)) {
            return op_fail(op, STATUS_INVALID, "http.length_required", "not sent");
        }
        declared = 0;
    }
    uint32_t max_bytes = req->route->body_max_bytes;
    if (declared > max_bytes || req->body.len > max_bytes) {
        return op_fail(op, STATUS_LIMIT, "http.body_too_large", "%lld bytes, %u at most",
                       (long long)declared, max_bytes);
    }
    /* The server library cuts a long body in silence, so the length is compared here. */
    if ((size_t)declared != req->body.len) {
        return op_fail(op, STATUS_INVALID, "http.length_mismatch", "declared %lld, read %zu",
                       (long long)declared, req->body.len);
    }
    return OK;
}

/* "<media type>" alone, or with charset=utf-8 as its only parameter. */
static bool is_type(struct str value, struct str media_type)
{
    struct str type = value;
    struct str parameter = STR("");
    bool has_parameter = str_cut(value, ';', &type, &parameter);
    if (!http_str_eq_nocase(str_trim(type), media_type)) {
        return false;
    }
    parameter = str_trim(parameter);
    return !has_parameter || http_str_eq_nocase(parameter, STR("charset=utf-8")) ||
           http_str_eq_nocase(parameter, STR("charset=\"utf-8\""));
}

STATUS http_check_type(struct op *op, const struct http_request *req)
{
    struct str value = STR("");
    if (http_request_header(req, STR("Content-Encoding"), &value)) {
        return op_fail(op, STATUS_INVALID, "http.content_encoding", "sent");
    }
    bool sent = http_request_header(req, STR("Content-Type"), &value);
    if (!sent && req->body.len == 0) {
        return OK;
    }
    bool fits = false;
    switch (req->route->body) {
    case HTTP_BODY_NONE: fits = req->body.len == 0; break;
    case HTTP_BODY_JSON: fits = sent && is_type(value, STR("application/json")); break;
    case HTTP_BODY_FORM:
        fits = sent && is_type(value, STR("application/x-www-form-urlencoded"));
        break;
    case HTTP_BODY_ANY: fits = true; break;
    case HTTP_BODY_COUNT: UNREACHABLE("body kind");
    }
    if (!fits) {
        return op_fail(op, STATUS_INVALID, "http.content_type", "another one is wanted");
    }
    return OK;
}

/* Two of these would let two readers of one request see different things. */
static const struct str once[] = {
    {.ptr = "Host", .len = 4},
    {.ptr = "Authorization", .len = 13},
    {.ptr = "Content-Type", .len = 12},
    {.ptr = "Content-Encoding", .len = 16},
    {.ptr = "Idempotency-Key", .len = 15},
    {.ptr = "X-Request-Id", .len = 12},
    {.ptr = "Content-Digest", .len = 14},
    {.ptr = "Signature", .len = 9},
    {.ptr = "Signature-Input", .len = 15},
    {.ptr = "Stripe-Signature", .len = 16},
    {.ptr = "X-Signature-Ed25519", .len = 19},
    {.ptr = "X-Signature-Timestamp", .len = 21},
};

static bool is_key(struct str key)
{
    if (key.len == 0 || key.len > HTTP_IDEMPOTENCY_KEY_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        if (!good) {
            return false;
        }
    }
    return true;
}

STATUS http_check_headers(struct op *op, struct http_request *req)
{
    struct str value = STR("");
    for (size_t i = 0; i < ARRAY_LEN(once); i++) {
        if (count_header(req->headers, req->header_count, once[i], &value) > 1) {
            return op_fail(op, STATUS_INVALID, "http.duplicate_header", STR_FMT, STR_ARG(once[i]));
        }
    }
    if (!http_request_header(req, STR("Idempotency-Key"), &value)) {
        if ((req->route->flags & HTTP_ROUTE_NEEDS_KEY) != 0) {
            return op_fail(op, STATUS_INVALID, "http.idempotency_key_missing", "not sent");
        }
        return OK;
    }
    if (!is_key(value)) {
        return op_fail(op, STATUS_INVALID, "http.idempotency_key_malformed", "%zu bytes",
                       value.len);
    }
    req->idempotency_key = value;
    return OK;
}

void http_check_token(struct http_request *req)
{
    struct str value = STR("");
    struct str scheme = STR("Bearer ");
    if (!http_request_header(req, STR("Authorization"), &value) || value.len <= scheme.len) {
        return;
    }
    struct str head = {.ptr = value.ptr, .len = scheme.len};
    if (http_str_eq_nocase(head, scheme)) {
        req->token = str_trim(str_after(value, scheme.len));
    }
}
