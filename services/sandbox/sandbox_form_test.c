/* The form decoder against what clients send, and against what they must not. */
#include "sandbox/sandbox_form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"

static void good_forms(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 65536);
    struct op op = {.arena = &arena};
    struct sandbox_form form;
    assert_int_equal(sandbox_form_parse(&op, STR("a=1&b%5Bc%5D=x+y%26%3d&d="), &form).kind,
                     STATUS_OK);
    assert_int_equal(form.count, 3);
    assert_true(str_eq(sandbox_form_get(&form, STR("a")), STR("1")));
    assert_true(str_eq(sandbox_form_get(&form, STR("b[c]")), STR("x y&=")));
    assert_int_equal(sandbox_form_get(&form, STR("d")).len, 0);
    assert_non_null(sandbox_form_get(&form, STR("d")).ptr);
    assert_null(sandbox_form_get(&form, STR("e")).ptr);
    assert_int_equal(sandbox_form_parse(&op, STR(""), &form).kind, STATUS_OK);
    assert_int_equal(form.count, 0);
    assert_int_equal(sandbox_form_parse(&op, STR("n=%c3%a9"), &form).kind, STATUS_OK);
    assert_true(str_eq(sandbox_form_get(&form, STR("n")), STR("\xc3\xa9")));
}

static void bad_forms(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a",     "=1",    "&a=1",  "a=1&",    "a=1&&b=2", "a=%",  "a=%4",
        "a=%4g", "a=%00", "a=%ff", "a=1&a=2", "a=1=2",    "%3=1", "a=1&%61=2",
    };
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 65536);
    struct op op = {.arena = &arena};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sandbox_form form;
        struct status st = sandbox_form_parse(&op, str_of(bad[i]), &form);
        if (st.kind != STATUS_INVALID) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void too_many_pairs(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 65536);
    struct op op = {.arena = &arena};
    for (uint32_t count = SANDBOX_FORM_PAIRS_MAX; count <= SANDBOX_FORM_PAIRS_MAX + 1; count++) {
        struct strbuf buf;
        struct str text;
        strbuf_init(&buf, &arena, 8192);
        for (uint32_t i = 0; i < count; i++) {
            strbuf_addf(&buf, "%sp%u=%u", i > 0 ? "&" : "", i, i);
        }
        assert_true(strbuf_finish(&buf, &text));
        struct sandbox_form form;
        struct status st = sandbox_form_parse(&op, text, &form);
        assert_int_equal(st.kind, count > SANDBOX_FORM_PAIRS_MAX ? STATUS_LIMIT : STATUS_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_forms),
        cmocka_unit_test(bad_forms),
        cmocka_unit_test(too_many_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
