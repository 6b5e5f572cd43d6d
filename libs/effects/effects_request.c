/* The frozen request of an effect: version, flags, four lengths, four runs of bytes. What is encoded
 * is the whole meaning of the call but for its secrets, so that every attempt sends the same. */
#include <string.h>

#include "base/assert.h"
#include "effects/effects.h"

#define ENCODING_VERSION 1
#define FLAG_IDEMPOTENCY_KEY 0x01u
#define HEAD_BYTES 10 /* version, method, flags, type length, path length (2), body length (4) */
#define ENCODED_MAX_BYTES \
    (HEAD_BYTES + EFFECTS_PATH_MAX_BYTES + EFFECTS_TYPE_MAX_BYTES + EFFECTS_BODY_MAX_BYTES)

/* Printable ASCII without blanks: it goes into a request line. */
static bool is_path(struct str path)
{
    if (path.len == 0 || path.len > EFFECTS_PATH_MAX_BYTES || path.ptr[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] <= ' ' || path.ptr[i] >= 0x7f || path.ptr[i] == '#') {
            return false;
        }
    }
    return true;
}

static bool is_type(struct str type)
{
    if (type.len > EFFECTS_TYPE_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < type.len; i++) {
        if (type.ptr[i] < ' ' || type.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static STATUS check(struct op *op, const struct effects_request *request)
{
    if (request->method <= EFFECTS_METHOD_NONE || request->method >= EFFECTS_METHOD_COUNT) {
        return op_fail(op, STATUS_INVALID, "effects.request", "method %d", (int)request->method);
    }
    if (!is_path(request->path)) {
        return op_fail(op, STATUS_INVALID, "effects.request", "path of %zu bytes",
                       request->path.len);
    }
    if (!is_type(request->content_type) ||
        (request->content_type.len == 0) != (request->body.len == 0)) {
        return op_fail(op, STATUS_INVALID, "effects.request", "content type of %zu bytes",
                       request->content_type.len);
    }
    if (request->body.len > EFFECTS_BODY_MAX_BYTES) {
        return op_fail(op, STATUS_INVALID, "effects.request", "body of %zu bytes",
                       request->body.len);
    }
    return OK;
}

static void add_number(struct strbuf *buf, size_t value, uint32_t bytes)
{
    for (uint32_t i = bytes; i-- > 0;) {
        strbuf_add_char(buf, (char)(unsigned char)((value >> (8 * i)) & 0xff));
    }
}

STATUS effects_encode(struct op *op, const struct effects_request *request, struct str *ret_bytes)
{
    TRY(check(op, request));
    struct strbuf buf;
    strbuf_init(&buf, op->arena, ENCODED_MAX_BYTES);
    add_number(&buf, ENCODING_VERSION, 1);
    add_number(&buf, (size_t)request->method, 1);
    add_number(&buf, request->idempotency_key ? FLAG_IDEMPOTENCY_KEY : 0, 1);
    add_number(&buf, request->content_type.len, 1);
    add_number(&buf, request->path.len, 2);
    add_number(&buf, request->body.len, 4);
    strbuf_add(&buf, request->path);
    strbuf_add(&buf, request->content_type);
    strbuf_add(&buf, request->body);
    struct str bytes;
    if (!strbuf_finish(&buf, &bytes)) {
        return op_arena_full(op);
    }
    struct effects_request again;
    ASSERT(!status_failed(effects_decode(op, bytes, &again)));
    *ret_bytes = bytes;
    return OK;
}

static size_t read_number(struct str bytes, size_t at, uint32_t count)
{
    size_t value = 0;
    for (uint32_t i = 0; i < count; i++) {
        value = value << 8 | (unsigned char)bytes.ptr[at + i];
    }
    return value;
}

static struct str take(struct str *rest, size_t len)
{
    struct str head = {.ptr = rest->ptr, .len = len};
    *rest = str_after(*rest, len);
    return head;
}

STATUS effects_decode(struct op *op, struct str bytes, struct effects_request *ret_request)
{
    if (bytes.len < HEAD_BYTES || bytes.len > ENCODED_MAX_BYTES ||
        read_number(bytes, 0, 1) != ENCODING_VERSION) {
        return op_fail(op, STATUS_INVALID, "effects.request", "%zu bytes", bytes.len);
    }
    size_t method = read_number(bytes, 1, 1);
    size_t flags = read_number(bytes, 2, 1);
    size_t type_len = read_number(bytes, 3, 1);
    size_t path_len = read_number(bytes, 4, 2);
    size_t body_len = read_number(bytes, 6, 4);
    struct str rest = str_after(bytes, HEAD_BYTES);
    if (method >= EFFECTS_METHOD_COUNT || (flags & ~(size_t)FLAG_IDEMPOTENCY_KEY) != 0 ||
        rest.len != path_len + type_len + body_len) {
        return op_fail(op, STATUS_INVALID, "effects.request", "method %zu, flags %zu, %zu bytes",
                       method, flags, rest.len);
    }
    struct effects_request request = {.method = (enum effects_method)method,
                                      .idempotency_key = (flags & FLAG_IDEMPOTENCY_KEY) != 0};
    request.path = take(&rest, path_len);
    request.content_type = take(&rest, type_len);
    request.body = take(&rest, body_len);
    TRY(check(op, &request));
    *ret_request = request;
    return OK;
}
