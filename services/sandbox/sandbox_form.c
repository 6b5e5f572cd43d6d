/* In: the bytes of a form or query. Out: pairs, each name once, all of it UTF-8 text. */
#include "sandbox/sandbox_form.h"

#include <inttypes.h>
#include <stdbool.h>

/* False when the text is not correctly encoded. */
static bool decode(struct str in, char *out, struct str *ret_text)
{
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < in.len ? str_hex_value(in.ptr[i + 1]) : -1;
            int low = i + 2 < in.len ? str_hex_value(in.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '=') {
            return false; /* must be encoded within a name or value */
        }
        out[len++] = c;
    }
    *ret_text = (struct str){.ptr = out, .len = len};
    return str_is_text(*ret_text);
}

static STATUS decode_into_arena(struct op *op, struct str in, struct str *ret_text)
{
    char *out = arena_alloc(op->arena, in.len + 1, 1);
    if (!out) {
        return op_arena_full(op);
    }
    if (!decode(in, out, ret_text)) {
        return op_fail(op, STATUS_INVALID, "sandbox.bad_form", "a name or value is badly encoded");
    }
    return OK;
}

static STATUS add_pair(struct op *op, struct sandbox_form *form, struct str pair)
{
    struct str name;
    struct str value;
    if (!str_cut(pair, '=', &name, &value) || name.len == 0) {
        return op_fail(op, STATUS_INVALID, "sandbox.bad_form", "a pair has no name or no '='");
    }
    if (form->count == SANDBOX_FORM_PAIRS_MAX) {
        return op_fail(op, STATUS_LIMIT, "sandbox.form_too_large", "over %d pairs",
                       SANDBOX_FORM_PAIRS_MAX);
    }
    struct sandbox_pair decoded = {.name = STR("")};
    TRY(decode_into_arena(op, name, &decoded.name));
    TRY(decode_into_arena(op, value, &decoded.value));
    if (sandbox_form_get(form, decoded.name).ptr) {
        return op_fail(op, STATUS_INVALID, "sandbox.bad_form", STR_FMT " is given twice",
                       STR_ARG(decoded.name));
    }
    form->pairs[form->count++] = decoded;
    return OK;
}

struct status sandbox_form_parse(struct op *op, struct str text, struct sandbox_form *ret_form)
{
    struct sandbox_form *form = ret_form;
    form->count = 0;
    struct str rest = text;
    while (rest.len > 0) {
        struct str pair = rest;
        struct str tail = {.ptr = rest.ptr, .len = 0};
        if (str_cut(rest, '&', &pair, &tail) && tail.len == 0) {
            return op_fail(op, STATUS_INVALID, "sandbox.bad_form", "the form ends with '&'");
        }
        TRY(add_pair(op, form, pair));
        rest = tail;
    }
    return OK;
}

struct str sandbox_form_get(const struct sandbox_form *form, struct str name)
{
    for (uint32_t i = 0; i < form->count; i++) {
        if (str_eq(form->pairs[i].name, name)) {
            return form->pairs[i].value;
        }
    }
    return (struct str){.ptr = NULL, .len = 0};
}

struct status sandbox_form_read(struct op *op, struct str text, struct sandbox_form **ret_form)
{
    struct sandbox_form *form = arena_new(op->arena, struct sandbox_form, 1);
    if (!form) {
        return op_arena_full(op);
    }
    TRY(sandbox_form_parse(op, text, form));
    *ret_form = form;
    return OK;
}

struct status sandbox_form_number(struct op *op, const struct sandbox_form *form, struct str name,
                                  int64_t max, int64_t *ret_number)
{
    struct str text = sandbox_form_get(form, name);
    if (text.ptr && (!str_to_i64(text, ret_number) || *ret_number < 0 || *ret_number > max)) {
        return op_fail(op, STATUS_INVALID, "sandbox.bad_form", STR_FMT " must be 0 to %" PRId64,
                       STR_ARG(name), max);
    }
    return OK;
}
