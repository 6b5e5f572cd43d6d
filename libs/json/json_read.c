#include "json/json_read.h"

#include <jansson.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"

/*
 * Bytes are scanned once for what jansson does not bound (depth, NUL, minus zero), then parsed by
 * jansson, then copied into the arena, so that nothing of jansson outlives a call.
 */

static struct status invalid(struct op *op, const char *code)
{
    return op_fail(op, STATUS_INVALID, code, "the body is refused");
}

/* ---- The scan before the parser ---- */

struct scan {
    struct str text;
    size_t at;
    uint32_t depth;
    uint32_t depth_max;
};

/* Moves past the string that begins at scan->at; an unfinished one ends the scan. */
static struct status scan_string(struct op *op, struct scan *scan)
{
    for (scan->at++; scan->at < scan->text.len; scan->at++) {
        char c = scan->text.ptr[scan->at];
        if (c == '"') {
            return OK;
        }
        if (c == '\\') {
            if (str_has_prefix(str_after(scan->text, scan->at), STR("\\u0000"))) {
                return op_fail(op, STATUS_INVALID, "json.nul", "an escaped NUL");
            }
            scan->at++;
        }
    }
    return OK;
}

/* -0 would silently become 0. -0.5 and the like are judged as what they are: not integers. */
static bool is_minus_zero(struct str rest)
{
    if (!str_has_prefix(rest, STR("-0"))) {
        return false;
    }
    char next = rest.len > 2 ? rest.ptr[2] : ' ';
    return next != '.' && next != 'e' && next != 'E';
}

static struct status scan_token(struct op *op, struct scan *scan)
{
    char c = scan->text.ptr[scan->at];
    if (c == '"') {
        return scan_string(op, scan);
    }
    if ((c == '{' || c == '[') && ++scan->depth > scan->depth_max) {
        return op_fail(op, STATUS_LIMIT, "json.too_deep", "over %u levels", scan->depth_max);
    }
    if ((c == '}' || c == ']') && scan->depth > 0) {
        scan->depth--;
    }
    if (c == '-' && is_minus_zero(str_after(scan->text, scan->at))) {
        return invalid(op, "json.not_integer");
    }
    return OK;
}

static struct status scan_all(struct op *op, struct str text, uint32_t depth_max)
{
    if (text.len > JSON_INPUT_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "json.too_large", "over %zu bytes", JSON_INPUT_MAX_BYTES);
    }
    if (text.len > 0 && memchr(text.ptr, '\0', text.len)) {
        return invalid(op, "json.nul");
    }
    if (!str_is_text(text)) {
        return invalid(op, "json.not_utf8");
    }
    struct scan scan = {.text = text, .depth_max = depth_max};
    for (; scan.at < text.len; scan.at++) {
        TRY(scan_token(op, &scan));
    }
    return OK;
}

/* ---- The parser ---- */

static void json_decref_at(json_t **json)
{
    json_decref(*json);
}

static struct status parse(struct op *op, struct str text, json_t **ret_json)
{
    json_error_t error;
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json) {
        *ret_json = json;
        return OK;
    }
    /* The library's own enum; what it may add later is a syntax error to us. */
    enum json_error_code code = json_error_code(&error);
    if (code == json_error_duplicate_key) {
        return invalid(op, "json.duplicate_key");
    }
    if (code == json_error_numeric_overflow) {
        return invalid(op, "json.out_of_range");
    }
    if (code == json_error_out_of_memory) {
        return op_fail(op, STATUS_RETRY, "json.out_of_memory", "no memory to parse");
    }
    return invalid(op, "json.syntax");
}

/* ---- jansson's tree to ours ---- */

/* A container whose children are being copied. */
struct frame {
    json_t *from;
    void *iterator; /* OBJECT */
    struct json_value *items;
    struct str *names;
    uint32_t count;
    uint32_t next;
};

/* Copies a value without its children. The texts of jansson are NUL-free: the scan saw to it. */
static struct status copy_one(struct op *op, json_t *from, struct json_value *ret)
{
    switch (json_typeof(from)) {
    case JSON_NULL: ret->kind = JSON_KIND_NULL; return OK;
    case JSON_TRUE:
    case JSON_FALSE:
        ret->kind = JSON_KIND_BOOL;
        ret->yes = json_is_true(from);
        return OK;
    case JSON_INTEGER:
        ret->kind = JSON_KIND_I64;
        ret->i64 = json_integer_value(from);
        return OK;
    case JSON_REAL: ret->kind = JSON_KIND_REAL; return OK;
    case JSON_STRING:
        ret->kind = JSON_KIND_TEXT;
        ret->text = str_dup(op->arena, (struct str){.ptr = json_string_value(from),
                                                    .len = json_string_length(from)});
        return ret->text.ptr ? OK : op_arena_full(op);
    case JSON_ARRAY:
        ret->kind = JSON_KIND_ARRAY;
        ret->count = (uint32_t)json_array_size(from);
        return OK;
    case JSON_OBJECT:
        ret->kind = JSON_KIND_OBJECT;
        ret->count = (uint32_t)json_object_size(from);
        return OK;
    }
    UNREACHABLE("jansson type");
}

static struct status open_frame(struct op *op, json_t *from, struct json_value *to,
                                struct frame *ret_frame)
{
    struct frame frame = {.from = from, .count = to->count};
    if (frame.count > 0) {
        frame.items = arena_new(op->arena, struct json_value, frame.count);
        if (!frame.items) {
            return op_arena_full(op);
        }
    }
    if (frame.count > 0 && to->kind == JSON_KIND_OBJECT) {
        frame.names = arena_new(op->arena, struct str, frame.count);
        if (!frame.names) {
            return op_arena_full(op);
        }
        frame.iterator = json_object_iter(from);
    }
    to->items = frame.items;
    to->names = frame.names;
    *ret_frame = frame;
    return OK;
}

/* The next child of the frame, with its name copied. */
static struct status next_child(struct op *op, struct frame *frame, json_t **ret_from,
                                struct json_value **ret_to)
{
    uint32_t at = frame->next++;
    *ret_to = &frame->items[at];
    if (!frame->names) {
        *ret_from = json_array_get(frame->from, at);
        return OK;
    }
    ASSERT(frame->iterator != NULL);
    struct str name = {.ptr = json_object_iter_key(frame->iterator),
                       .len = json_object_iter_key_len(frame->iterator)};
    frame->names[at] = str_dup(op->arena, name);
    if (!frame->names[at].ptr) {
        return op_arena_full(op);
    }
    *ret_from = json_object_iter_value(frame->iterator);
    frame->iterator = json_object_iter_next(frame->from, frame->iterator);
    return OK;
}

static bool has_children(const struct json_value *value)
{
    return value->kind == JSON_KIND_ARRAY || value->kind == JSON_KIND_OBJECT;
}

static struct status copy_tree(struct op *op, json_t *from, struct json_value *ret)
{
    struct frame frames[JSON_TREE_DEPTH_MAX];
    uint32_t depth = 0;
    TRY(copy_one(op, from, ret));
    if (has_children(ret)) {
        TRY(open_frame(op, from, ret, &frames[depth++]));
    }
    while (depth > 0) {
        struct frame *frame = &frames[depth - 1];
        if (frame->next == frame->count) {
            depth--;
            continue;
        }
        json_t *child = NULL;
        struct json_value *to = NULL;
        TRY(next_child(op, frame, &child, &to));
        TRY(copy_one(op, child, to));
        if (has_children(to)) {
            ASSERT(depth < JSON_TREE_DEPTH_MAX); /* the scan refused deeper ones */
            TRY(open_frame(op, child, to, &frames[depth++]));
        }
    }
    return OK;
}

STATUS json_read_to_depth(struct op *op, struct str body, uint32_t depth_max,
                          const struct json_value **ret_value)
{
    ASSERT(depth_max <= JSON_TREE_DEPTH_MAX);
    TRY(scan_all(op, body, depth_max));
    struct json_value *value = arena_new(op->arena, struct json_value, 1);
    if (!value) {
        return op_arena_full(op);
    }
    DEFER(json_decref_at) json_t *json = NULL;
    TRY(parse(op, body, &json));
    TRY(copy_tree(op, json, value));
    *ret_value = value;
    return OK;
}

STATUS json_read(struct op *op, struct str body, const struct json_value **ret_value)
{
    return json_read_to_depth(op, body, JSON_TREE_DEPTH_MAX, ret_value);
}

/* ---- Finding ---- */

static const struct json_value nothing = {.kind = JSON_KIND_NONE};

static const struct json_value *child_of(const struct json_value *value, struct str name)
{
    int64_t at = 0;
    if (value->kind == JSON_KIND_ARRAY && str_to_i64(name, &at) && at >= 0 && at < value->count) {
        return &value->items[at];
    }
    for (uint32_t i = 0; value->kind == JSON_KIND_OBJECT && i < value->count; i++) {
        if (str_eq(value->names[i], name)) {
            return &value->items[i];
        }
    }
    return &nothing;
}

const struct json_value *json_at(const struct json_value *value, const char *pointer)
{
    struct str rest = str_of(pointer);
    while (rest.len > 0) {
        ASSERT(rest.ptr[0] == '/');
        struct str name = str_after(rest, 1);
        const char *end = name.len > 0 ? memchr(name.ptr, '/', name.len) : NULL;
        if (end) {
            name.len = (size_t)(end - name.ptr);
        }
        rest = str_after(rest, 1 + name.len);
        value = child_of(value, name);
    }
    return value;
}

bool json_text_at(const struct json_value *value, const char *pointer, struct str *ret_text)
{
    const struct json_value *found = json_at(value, pointer);
    if (found->kind != JSON_KIND_TEXT) {
        return false;
    }
    *ret_text = found->text;
    return true;
}

bool json_i64_at(const struct json_value *value, const char *pointer, int64_t *ret_i64)
{
    const struct json_value *found = json_at(value, pointer);
    if (found->kind != JSON_KIND_I64) {
        return false;
    }
    *ret_i64 = found->i64;
    return true;
}

bool json_bool_at(const struct json_value *value, const char *pointer, bool *ret_yes)
{
    const struct json_value *found = json_at(value, pointer);
    if (found->kind != JSON_KIND_BOOL) {
        return false;
    }
    *ret_yes = found->yes;
    return true;
}
