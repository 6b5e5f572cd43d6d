/* Out: token texts in base 62, from the kernel's randomness. */
#include "holdfastctl/ctl_token_text.h"

#include <sodium.h>

#include "base/defer.h"
#include "base/hash.h"

#define TOKEN_MAX_BYTES 128

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
#define BASE (sizeof(digits) - 1)

static void add_check(struct strbuf *buf, struct str text)
{
    struct hash hash = hash_of(text);
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(number); i++) {
        number = number << 8 | hash.bytes[i];
    }
    for (int i = 0; i < CTL_TOKEN_CHECK_CHARS; i++) {
        strbuf_add_char(buf, digits[number % BASE]);
        number /= BASE;
    }
}

struct status ctl_token_make(struct op *op, bool live, struct str *ret_token)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, TOKEN_MAX_BYTES);
    strbuf_add(&buf, live ? STR("hf_live_") : STR("hf_test_"));
    for (int i = 0; i < CTL_TOKEN_RANDOM_CHARS; i++) {
        strbuf_add_char(&buf, digits[randombytes_uniform((uint32_t)BASE)]);
    }
    struct str body = str_dup(op->arena, (struct str){.ptr = buf.ptr, .len = buf.len});
    if (!body.ptr) {
        return op_arena_full(op);
    }
    add_check(&buf, body);
    return strbuf_finish(&buf, ret_token) ? OK : op_arena_full(op);
}

bool ctl_token_is_whole(struct str token)
{
    struct str prefix = STR("hf_test_");
    size_t body_len = prefix.len + CTL_TOKEN_RANDOM_CHARS;
    if (token.len != body_len + CTL_TOKEN_CHECK_CHARS ||
        !(str_has_prefix(token, prefix) || str_has_prefix(token, STR("hf_live_")))) {
        return false;
    }
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)4 * TOKEN_MAX_BYTES);
    struct strbuf buf;
    struct str check;
    strbuf_init(&buf, &arena, TOKEN_MAX_BYTES);
    add_check(&buf, (struct str){.ptr = token.ptr, .len = body_len});
    return strbuf_finish(&buf, &check) && str_eq(check, str_after(token, body_len));
}
