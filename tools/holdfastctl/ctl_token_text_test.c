/* Tokens are long, different, and know when a character is wrong. */
#include "holdfastctl/ctl_token_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"

static void tokens(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 65536);
    struct op op = {.arena = &arena};
    struct str one;
    struct str two;
    struct str live;
    assert_int_equal(ctl_token_make(&op, /* live */ false, &one).kind, STATUS_OK);
    assert_int_equal(ctl_token_make(&op, /* live */ false, &two).kind, STATUS_OK);
    assert_int_equal(ctl_token_make(&op, /* live */ true, &live).kind, STATUS_OK);
    assert_true(str_has_prefix(one, STR("hf_test_")));
    assert_true(str_has_prefix(live, STR("hf_live_")));
    assert_int_equal(one.len, 8 + CTL_TOKEN_RANDOM_CHARS + CTL_TOKEN_CHECK_CHARS);
    assert_false(str_eq(one, two));
    assert_true(ctl_token_is_whole(one));
    assert_true(ctl_token_is_whole(live));
    assert_false(ctl_token_is_whole((struct str){.ptr = one.ptr, .len = one.len - 1}));
    for (size_t i = 0; i < one.len; i++) {
        struct str broken = str_dup(&arena, one);
        assert_non_null(broken.ptr);
        struct strbuf buf;
        struct str text;
        strbuf_init(&buf, &arena, 128);
        strbuf_add(&buf, (struct str){.ptr = broken.ptr, .len = i});
        strbuf_add_char(&buf, broken.ptr[i] == 'x' ? 'y' : 'x');
        strbuf_add(&buf, str_after(broken, i + 1));
        assert_true(strbuf_finish(&buf, &text));
        assert_false(ctl_token_is_whole(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
