/* What is written is what json_read reads back; limits are told once, at the end. */
#include "json/json_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "json/json_read.h"

#define TEST_ARENA_BYTES ((size_t)1024 * 1024)

static void everything_is_written(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    struct json_writer out;
    struct id id;
    assert_true(id_parse(STR("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), &id));
    json_write_init(&out, &arena, 4096);
    json_write_object(&out, NULL);
    json_write_i64(&out, "min", INT64_MIN);
    json_write_bool(&out, "yes", true);
    json_write_null(&out, "none");
    json_write_id(&out, "id", id);
    json_write_id(&out, "no_id", (struct id){.bytes = {0}});
    json_write_time(&out, "at", INT64_C(1763697906789000));
    json_write_array(&out, "list");
    json_write_i64(&out, NULL, 1);
    json_write_object(&out, NULL);
    json_write_end(&out);
    json_write_str(&out, NULL, STR("x"));
    json_write_end(&out);
    json_write_raw(&out, "raw", STR("[true]"));
    json_write_end(&out);
    struct str text;
    assert_int_equal(json_write_finish(&op, &out, &text).kind, STATUS_OK);
    assert_string_equal(
        text.ptr, "{\"min\":-9223372036854775808,\"yes\":true,\"none\":null,"
                  "\"id\":\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\",\"no_id\":null,"
                  "\"at\":\"2025-11-21T04:05:06.789Z\",\"list\":[1,{},\"x\"],\"raw\":[true]}");
}

static void texts_are_escaped(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    struct str nasty = STR("\"\\/\b\n\x1f\x7f\xC3\xA9\xF0\x9F\x98\x80</script>");
    struct json_writer out;
    json_write_init(&out, &arena, 4096);
    json_write_str(&out, NULL, nasty);
    struct str text;
    assert_int_equal(json_write_finish(&op, &out, &text).kind, STATUS_OK);
    const struct json_value *value = NULL;
    assert_int_equal(json_read(&op, text, &value).kind, STATUS_OK);
    assert_true(str_eq(value->text, nasty));
    for (size_t i = 0; i < text.len; i++) {
        assert_true((unsigned char)text.ptr[i] >= 0x20);
    }
}

static void broken_utf8_becomes_a_replacement(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    struct json_writer out;
    json_write_init(&out, &arena, 4096);
    json_write_str(&out, NULL, STR("a\xFF\xC3z\0"));
    struct str text;
    assert_int_equal(json_write_finish(&op, &out, &text).kind, STATUS_OK);
    assert_string_equal(text.ptr, "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\\u0000\"");
}

static void the_limit_is_exact(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    for (size_t max = 1; max <= 12; max++) {
        struct json_writer out;
        json_write_init(&out, &arena, max);
        json_write_array(&out, NULL);
        json_write_str(&out, NULL, STR("1234567"));
        json_write_end(&out);
        struct str text;
        struct status st = json_write_finish(&op, &out, &text);
        assert_int_equal(st.kind, max < 11 ? STATUS_LIMIT : STATUS_OK);
    }
    assert_string_equal(op.err.code, "json.output_too_large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_written),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(broken_utf8_becomes_a_replacement),
        cmocka_unit_test(the_limit_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
