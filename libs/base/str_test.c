/* Slices, numbers at their bounds, UTF-8, hex, and the builder's limits. */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

static void slices_compare_and_cut(void **state)
{
    (void)state;
    struct str empty = {.ptr = NULL, .len = 0};
    assert_true(str_eq(empty, STR("")));
    assert_true(str_eq(str_of(NULL), STR("")));
    assert_false(str_eq(STR("a"), STR("b")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_has_prefix(STR("abc"), STR("ab")));
    assert_true(str_has_prefix(STR("abc"), STR("")));
    assert_false(str_has_prefix(STR("a"), STR("ab")));
    struct str head;
    struct str tail;
    assert_true(str_cut(STR("k=v=w"), '=', &head, &tail));
    assert_true(str_eq(head, STR("k")));
    assert_true(str_eq(tail, STR("v=w")));
    assert_true(str_cut(STR("k="), '=', &head, &tail));
    assert_int_equal(tail.len, 0);
    assert_false(str_cut(STR("kv"), '=', &head, &tail));
    assert_false(str_cut(empty, '=', &head, &tail));
    assert_true(str_eq(str_trim(STR(" \t a b\r\n")), STR("a b")));
    assert_int_equal(str_trim(STR(" \n ")).len, 0);
    assert_int_equal(str_trim(empty).len, 0);
}

static void a_copy_is_terminated(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 64);
    struct str copy = str_dup(&arena, (struct str){.ptr = "abcdef", .len = 3});
    assert_string_equal(copy.ptr, "abc");
    assert_int_equal(copy.len, 3);
    assert_string_equal(str_dup(&arena, (struct str){.ptr = NULL, .len = 0}).ptr, "");
    static const char big[64];
    assert_null(str_dup(&arena, (struct str){.ptr = big, .len = 64}).ptr);
}

struct number_case {
    struct str text;
    bool good;
    int64_t value;
};

static void numbers_are_read_whole_and_within_bounds(void **state)
{
    (void)state;
    const struct number_case cases[] = {
        {STR("0"), true, 0},
        {STR("-1"), true, -1},
        {STR("0042"), true, 42},
        {STR("9223372036854775807"), true, INT64_MAX},
        {STR("9223372036854775808"), false, 0},
        {STR("9223372036854775810"), false, 0},
        {STR("-9223372036854775808"), true, INT64_MIN},
        {STR("-9223372036854775809"), false, 0},
        {STR("99999999999999999999999999"), false, 0},
        {STR(""), false, 0},
        {STR("-"), false, 0},
        {STR("--1"), false, 0},
        {STR("+1"), false, 0},
        {STR(" 1"), false, 0},
        {STR("1 "), false, 0},
        {STR("1a"), false, 0},
        {STR("1.0"), false, 0},
        {STR("0x1"), false, 0},
        {STR("1\0"), false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value = 77;
        assert_int_equal(str_to_i64(cases[i].text, &value), cases[i].good);
        assert_true(value == (cases[i].good ? cases[i].value : 77));
    }
}

static void text_is_utf8_without_nul(void **state)
{
    (void)state;
    const struct str good[] = {
        STR(""),
        STR("plain \x7f"),
        STR("\xC2\x80"),         /* U+0080, the first of two bytes */
        STR("\xDF\xBF"),         /* U+07FF, the last */
        STR("\xE0\xA0\x80"),     /* U+0800 */
        STR("\xED\x9F\xBF"),     /* U+D7FF, before the surrogates */
        STR("\xEE\x80\x80"),     /* U+E000, after them */
        STR("\xEF\xBF\xBF"),     /* U+FFFF */
        STR("\xF0\x90\x80\x80"), /* U+10000 */
        STR("\xF4\x8F\xBF\xBF"), /* U+10FFFF, the last of all */
    };
    const struct str bad[] = {
        STR("\0"),
        STR("a\0b"),
        STR("\x80"),             /* a continuation alone */
        STR("\xC0\x80"),         /* NUL, overlong */
        STR("\xC1\xBF"),         /* overlong */
        STR("\xE0\x9F\xBF"),     /* overlong */
        STR("\xF0\x8F\xBF\xBF"), /* overlong */
        STR("\xED\xA0\x80"),     /* U+D800, a surrogate */
        STR("\xED\xBF\xBF"),     /* U+DFFF */
        STR("\xF4\x90\x80\x80"), /* U+110000 */
        STR("\xF5\x80\x80\x80"),
        STR("\xFF"),
        STR("\xFE"),
        STR("\xC2"), /* cut */
        STR("\xE2\x82"),
        STR("\xF0\x9F\x98"),
        STR("\xC2\x41"), /* no continuation */
        STR("\xE2\x82\x41"),
        STR("\xE2\x41\xAC"),
        STR("ok\xF0\x9F\x98\xC0"),
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(str_is_text(good[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (str_is_text(bad[i])) {
            fail_msg("bad text %zu passed", i);
        }
    }
}

static void hex_is_exact(void **state)
{
    (void)state;
    uint8_t bytes[3] = {9, 9, 9};
    assert_true(str_from_hex(STR("00fFa5"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xFF\xA5", 3);
    assert_false(str_from_hex(STR("00fFa"), bytes, 3));
    assert_false(str_from_hex(STR("00fFa50"), bytes, 3));
    assert_false(str_from_hex(STR("0g0000"), bytes, 3));
    assert_false(str_from_hex(STR("0x0000"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xFF\xA5", 3); /* a failure leaves them alone */
}

static void the_builder_grows_to_its_limit(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)64 * 1024);
    for (size_t max = 1; max < 600; max += 37) {
        struct strbuf buf;
        struct str text;
        strbuf_init(&buf, &arena, max);
        for (size_t i = 0; i < max; i++) {
            strbuf_add_char(&buf, (char)('a' + i % 26));
        }
        assert_true(strbuf_finish(&buf, &text));
        assert_int_equal(text.len, max);
        assert_int_equal(strlen(text.ptr), max);
        assert_int_equal(text.ptr[max - 1], 'a' + (max - 1) % 26);
        strbuf_add_char(&buf, 'x');
        strbuf_add(&buf, STR("")); /* the failure is remembered */
        assert_false(strbuf_finish(&buf, &text));
    }
}

static void the_builder_formats(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)64 * 1024);
    struct strbuf buf;
    struct str text;
    strbuf_init(&buf, &arena, 9);
    strbuf_addf(&buf, "%d-" STR_FMT, -12, STR_ARG(STR("abc")));
    strbuf_add_hex(&buf, (const uint8_t *)"\x0f", 1);
    assert_true(strbuf_finish(&buf, &text));
    assert_string_equal(text.ptr, "-12-abc0f");
    strbuf_init(&buf, &arena, 9);
    strbuf_addf(&buf, "%s", "ten chars!");
    assert_false(strbuf_finish(&buf, &text));
    strbuf_init(&buf, &arena, 9);
    assert_true(strbuf_finish(&buf, &text));
    assert_string_equal(text.ptr, "");
}

static void a_full_arena_fails_the_builder(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 256);
    struct strbuf buf;
    struct str text;
    strbuf_init(&buf, &arena, 10000);
    for (int i = 0; i < 1000; i++) {
        strbuf_add(&buf, STR("abc"));
    }
    assert_false(strbuf_finish(&buf, &text));
}

static void a_fixed_builder_never_leaves_its_memory(void **state)
{
    (void)state;
    char memory[10];
    memset(memory, '#', sizeof(memory));
    struct strbuf buf;
    struct str text;
    strbuf_init_fixed(&buf, memory, 9);
    strbuf_add(&buf, STR("12345678"));
    assert_true(strbuf_finish(&buf, &text));
    assert_string_equal(memory, "12345678");
    assert_int_equal(memory[9], '#');
    strbuf_add_char(&buf, '9');
    assert_false(strbuf_finish(&buf, &text));
    assert_int_equal(memory[9], '#');
}

static void json_text_is_escaped(void **state)
{
    (void)state;
    char memory[128];
    struct strbuf buf;
    struct str text;
    strbuf_init_fixed(&buf, memory, sizeof(memory));
    strbuf_add_json(&buf, STR("a\"\\\n\0\x1f\x7f\xC3\xA9\xC3\xE2\x82/"));
    assert_true(strbuf_finish(&buf, &text));
    assert_string_equal(text.ptr, "a\\\"\\\\\\u000a\\u0000\\u001f\\u007f\xC3\xA9"
                                  "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_and_cut),
        cmocka_unit_test(a_copy_is_terminated),
        cmocka_unit_test(numbers_are_read_whole_and_within_bounds),
        cmocka_unit_test(text_is_utf8_without_nul),
        cmocka_unit_test(hex_is_exact),
        cmocka_unit_test(the_builder_grows_to_its_limit),
        cmocka_unit_test(the_builder_formats),
        cmocka_unit_test(a_full_arena_fails_the_builder),
        cmocka_unit_test(a_fixed_builder_never_leaves_its_memory),
        cmocka_unit_test(json_text_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
