/* Ids against the vectors of RFC 9562 and against values computed by another program. */
#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/lane.h"

static struct id parsed(const char *text)
{
    struct id id = {.bytes = {0}};
    assert_true(id_parse(str_of(text), &id));
    return id;
}

static void is(struct id id, const char *text)
{
    char formatted[ID_TEXT_BYTES];
    id_format(id, formatted);
    assert_string_equal(formatted, text);
}

#define DNS "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
#define EXAMPLE "2ed6657d-e927-568b-95e1-2665a8aea6a2"

static void v5_is_that_of_the_rfc(void **state)
{
    (void)state;
    is(id_v5(parsed(DNS), STR("www.example.com")), EXAMPLE); /* RFC 9562, A.4 */
    is(id_v5(parsed(DNS), STR("python.org")), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
    is(id_namespace(STR("holdfast/command")), "20363ce1-0c52-5781-80eb-a8cb6fb9a8ce");
}

static void texts_are_read_in_one_form_only(void **state)
{
    (void)state;
    is(parsed("2ED6657D-E927-568B-95E1-2665A8AEA6A2"), EXAMPLE);
    static const char *const bad[] = {
        "",
        "2ed6657d-e927-568b-95e1-2665a8aea6a",
        "2ed6657d-e927-568b-95e1-2665a8aea6a2 ",
        "2ed6657de927568b95e12665a8aea6a2",
        "{2ed6657d-e927-568b-95e1-2665a8aea6}",
        "2ed6657d-e927-568b-95e1-2665a8aea6ag",
        "2ed6657d+e927-568b-95e1-2665a8aea6a2",
        "2ed6657-de927-568b-95e1-2665a8aea6a2",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct id id = parsed(EXAMPLE);
        assert_false(id_parse(str_of(bad[i]), &id));
        is(id, EXAMPLE);
    }
}

static void a_nul_inside_is_not_the_end(void **state)
{
    (void)state;
    char text[] = EXAMPLE;
    text[35] = '\0';
    struct id id;
    assert_false(id_parse((struct str){.ptr = text, .len = 36}, &id));
}

static void ids_compare(void **state)
{
    (void)state;
    struct id none = {.bytes = {0}};
    assert_true(id_is_none(none));
    assert_false(id_is_none(parsed(EXAMPLE)));
    assert_true(id_eq(parsed(EXAMPLE), parsed(EXAMPLE)));
    assert_true(id_compare(none, parsed(EXAMPLE)) < 0);
    assert_true(id_compare(parsed(DNS), parsed(EXAMPLE)) > 0);
}

static void random_ids_are_version_4_and_differ(void **state)
{
    (void)state;
    struct id a = id_random();
    struct id b = id_random();
    assert_false(id_eq(a, b));
    assert_int_equal(a.bytes[6] >> 4, 4);
    assert_int_equal(a.bytes[8] >> 6, 2);
}

static void derived_ids_are_those_of_another_program(void **state)
{
    (void)state;
    struct id cause = parsed(EXAMPLE);
    int64_t at_us = INT64_C(1763697906789999); /* the last microsecond of its millisecond */
    is(id_derive(cause, at_us), "019aa496-5465-7000-b017-e297761aed08");
    is(id_nth(id_derive(cause, at_us), 1), "019aa496-5465-7001-b017-e297761aed08");
    is(id_nth(id_derive(cause, at_us), 258), "019aa496-5465-7102-b017-e297761aed08");
    is(id_nth(id_derive(cause, at_us), ID_ORDINALS - 1), "019aa496-5465-7fff-b017-e297761aed08");
}

static void derived_ids_rise_with_time(void **state)
{
    (void)state;
    struct id cause = parsed(EXAMPLE);
    struct id before = id_nth(id_derive(cause, INT64_C(1763697906789000)), ID_ORDINALS - 1);
    for (uint32_t i = 1; i < 1000; i++) {
        struct id after = id_derive(cause, INT64_C(1763697906789000) + i * INT64_C(1000));
        assert_true(id_compare(before, after) < 0);
        before = after;
    }
}

static void lanes_are_those_of_another_program(void **state)
{
    (void)state;
    assert_int_equal(lane_of_key(parsed(EXAMPLE)), 8);
    assert_int_equal(lane_of_key((struct id){.bytes = {0}}), 9);
    assert_int_equal(lane_of_key(parsed("886313e1-3b8a-5372-9b90-0c9aee199e5d")), 9);
    uint32_t seen[LANES] = {0};
    for (uint32_t i = 0; i < 12000; i++) {
        seen[lane_of_key(
            id_derive(parsed(EXAMPLE), INT64_C(1763697906789000) + i * INT64_C(1000)))]++;
    }
    for (int lane = 0; lane < LANES; lane++) {
        assert_true(seen[lane] > 800);
        assert_true(seen[lane] < 1200);
    }
}

static void text_in_an_arena(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 48);
    assert_string_equal(id_to_str(&arena, parsed(EXAMPLE)).ptr, EXAMPLE);
    assert_null(id_to_str(&arena, parsed(EXAMPLE)).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v5_is_that_of_the_rfc),
        cmocka_unit_test(texts_are_read_in_one_form_only),
        cmocka_unit_test(a_nul_inside_is_not_the_end),
        cmocka_unit_test(ids_compare),
        cmocka_unit_test(random_ids_are_version_4_and_differ),
        cmocka_unit_test(derived_ids_are_those_of_another_program),
        cmocka_unit_test(derived_ids_rise_with_time),
        cmocka_unit_test(lanes_are_those_of_another_program),
        cmocka_unit_test(text_in_an_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
