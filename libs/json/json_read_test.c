/* Every row of the table of bad JSON, each bound at its edge, and what a refusal may show. */
#include "json/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

struct fixture {
    struct arena arena;
    struct op op;
};

static int setup(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena, (size_t)16 * 1024 * 1024);
    fixture.op = (struct op){.arena = &fixture.arena};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_fini(&fixture->arena);
    return 0;
}

struct line {
    struct str name;
    int64_t count;
};

struct deal {
    int64_t amount;
    int64_t any;
    bool flag;
    struct str text;
    struct str note;
    struct id id;
    struct json_items lines; /* struct line */
};

static const struct json_field line_fields[] = {
    {"name", JSON_FIELD_TEXT, .required = true, .min = 1, .max = 3,
     .offset = offsetof(struct line, name)},
    {"count", JSON_FIELD_I64, .offset = offsetof(struct line, count)},
};

static const struct json_field deal_fields[] = {
    {"amount", JSON_FIELD_I64, .required = true, .min = -5, .max = 10,
     offsetof(struct deal, amount)},
    {"any", JSON_FIELD_I64, .offset = offsetof(struct deal, any)},
    {"flag", JSON_FIELD_BOOL, .offset = offsetof(struct deal, flag)},
    {"text", JSON_FIELD_TEXT, .min = 1, .max = 3, .offset = offsetof(struct deal, text)},
    {"note", JSON_FIELD_TEXT, .prose = true, .offset = offsetof(struct deal, note)},
    {"id", JSON_FIELD_ID, .offset = offsetof(struct deal, id)},
    {"lines", JSON_FIELD_ITEMS, .max = 3, .offset = offsetof(struct deal, lines),
     .item_fields = line_fields, .item_field_count = ARRAY_LEN(line_fields),
     .item_bytes = sizeof(struct line)},
};

static struct status read_deal(struct op *op, struct str body, struct deal *ret_deal)
{
    return json_read_object(op, body, deal_fields, ARRAY_LEN(deal_fields), ret_deal);
}

static void refused_object(struct op *op, struct str body, enum status_kind kind, const char *code,
                           const char *field)
{
    struct deal deal = {.amount = 77};
    struct status st = read_deal(op, body, &deal);
    if (st.kind != kind || strcmp(op->err.code, code) != 0 || strcmp(op->err.field, field) != 0) {
        fail_msg(STR_FMT ": %s %s '%s', not %s %s '%s'", STR_ARG(body), status_kind_name(st.kind),
                 op->err.code ? op->err.code : "-", op->err.field, status_kind_name(kind), code,
                 field);
    }
    assert_null(strstr(op->err.msg, "canary"));
}

static void a_good_object_fills_the_struct(void **state)
{
    struct fixture *fixture = *state;
    struct deal deal = {.any = 42};
    struct str body = STR(" {\"amount\": -5, \"text\":\"\xC3\xA9\\u20ac\\n\", \"flag\":true,"
                          "\"id\":\"6BA7B810-9DAD-11D1-80B4-00C04FD430C8\"}\r\n");
    assert_int_equal(read_deal(&fixture->op, body, &deal).kind, STATUS_OK);
    assert_int_equal(deal.amount, -5);
    assert_int_equal(deal.any, 42); /* not sent: the default stays */
    assert_true(deal.flag);
    assert_true(str_eq(deal.text, STR("\xC3\xA9\xE2\x82\xAC\n")));
    char text[ID_TEXT_BYTES];
    id_format(deal.id, text);
    assert_string_equal(text, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
}

static void an_array_of_objects_fills_structs(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    struct deal deal = {.amount = 0};
    assert_int_equal(read_deal(op, STR("{\"amount\":1}"), &deal).kind, STATUS_OK);
    assert_null(deal.lines.rows); /* not there is not the same as none */
    assert_int_equal(read_deal(op, STR("{\"amount\":1,\"lines\":[]}"), &deal).kind, STATUS_OK);
    assert_non_null(deal.lines.rows);
    assert_int_equal(deal.lines.count, 0);
    struct str body =
        STR("{\"amount\":1,\"lines\":[{\"name\":\"ab\",\"count\":7},{\"name\":\"c\"}]}");
    assert_int_equal(read_deal(op, body, &deal).kind, STATUS_OK);
    const struct line *lines = deal.lines.rows;
    assert_int_equal(deal.lines.count, 2);
    assert_true(str_eq(lines[0].name, STR("ab")) && str_eq(lines[1].name, STR("c")));
    assert_true(lines[0].count == 7 && lines[1].count == 0);
    refused_object(op, STR("{\"amount\":1,\"lines\":{}}"), STATUS_INVALID, "json.wrong_type",
                   "/lines");
    refused_object(op, STR("{\"amount\":1,\"lines\":[{},{},{},{}]}"), STATUS_INVALID,
                   "json.out_of_range", "/lines");
    refused_object(op, STR("{\"amount\":1,\"lines\":[{\"name\":\"a\"},{}]}"), STATUS_INVALID,
                   "json.missing_field", "/lines/1/name");
    refused_object(op, STR("{\"amount\":1,\"lines\":[{\"name\":\"abcd\"}]}"), STATUS_INVALID,
                   "json.out_of_range", "/lines/0/name");
    refused_object(op, STR("{\"amount\":1,\"lines\":[{\"name\":\"a\",\"canary\":1}]}"),
                   STATUS_INVALID, "json.unknown_field", "/lines/0");
    refused_object(op, STR("{\"amount\":1,\"lines\":[1]}"), STATUS_INVALID, "json.not_an_object",
                   "/lines/0");
}

static void integers_are_exact(void **state)
{
    struct fixture *fixture = *state;
    struct deal deal = {0};
    struct str good[] = {
        STR("{\"amount\":10,\"any\":9223372036854775807}"),
        STR("{\"amount\":-5,\"any\":-9223372036854775808}"),
    };
    int64_t any[] = {INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(read_deal(&fixture->op, good[i], &deal).kind, STATUS_OK);
        assert_true(deal.any == any[i]);
    }
}

struct bad {
    struct str body;
    const char *code;
    const char *field;
};

static void bad_objects_are_refused(void **state)
{
    struct fixture *fixture = *state;
    const struct bad cases[] = {
        {STR("{\"amount\":1.0}"), "json.not_integer", "/amount"},
        {STR("{\"amount\":1e0}"), "json.not_integer", "/amount"},
        {STR("{\"amount\":1E3}"), "json.not_integer", "/amount"},
        {STR("{\"amount\":-0.0}"), "json.not_integer", "/amount"},
        {STR("{\"amount\":-0}"), "json.not_integer", ""},
        {STR("{\"amount\":\"1\"}"), "json.wrong_type", "/amount"},
        {STR("{\"amount\":null}"), "json.wrong_type", "/amount"},
        {STR("{\"amount\":true}"), "json.wrong_type", "/amount"},
        {STR("{\"amount\":[1]}"), "json.wrong_type", "/amount"},
        {STR("{\"amount\":11}"), "json.out_of_range", "/amount"},
        {STR("{\"amount\":-6}"), "json.out_of_range", "/amount"},
        {STR("{\"amount\":9223372036854775808}"), "json.out_of_range", ""},
        {STR("{\"amount\":-9223372036854775809}"), "json.out_of_range", ""},
        {STR("{\"amount\":1e400}"), "json.out_of_range", ""},
        {STR("{}"), "json.missing_field", "/amount"},
        {STR("{\"amount\":1,\"canary\":1}"), "json.unknown_field", ""},
        {STR("{\"amount\":1,\"Amount\":1}"), "json.unknown_field", ""},
        {STR("{\"amount\":1,\"amount\":1}"), "json.duplicate_key", ""},
        {STR("{\"amount\":1,\"\\u0061mount\":1}"), "json.duplicate_key", ""},
        {STR("{\"amount\":1}{}"), "json.syntax", ""},
        {STR("{\"amount\":1}canary"), "json.syntax", ""},
        {STR("{\"amount\":01}"), "json.syntax", ""},
        {STR("{\"amount\":+1}"), "json.syntax", ""},
        {STR("{\"amount\":0x1}"), "json.syntax", ""},
        {STR("{\"amount\":NaN}"), "json.syntax", ""},
        {STR("{\"amount\":1,}"), "json.syntax", ""},
        {STR("{'amount':1}"), "json.syntax", ""},
        {STR("{\"amount\":1/**/}"), "json.syntax", ""},
        {STR("\xEF\xBB\xBF{\"amount\":1}"), "json.syntax", ""},
        {STR("{\"amount\""), "json.syntax", ""},
        {STR("{\"amount\":\"canary"), "json.syntax", ""},
        {STR(""), "json.syntax", ""},
        {STR("[]"), "json.not_an_object", ""},
        {STR("7"), "json.not_an_object", ""},
        {STR("null"), "json.not_an_object", ""},
        {STR("{\"amount\":1,\"text\":\"\\u0000\"}"), "json.nul", ""},
        {STR("{\"amount\":1,\"\\u0000\":1}"), "json.nul", ""},
        {STR("{\"amount\":1,\"text\":\"\0\"}"), "json.nul", ""},
        {STR("{\"amount\":1,\"text\":\"\xC3\x28\"}"), "json.not_utf8", ""},
        {STR("{\"amount\":1,\"text\":\"\xED\xA0\x80\"}"), "json.not_utf8", ""},
        {STR("{\"amount\":1,\"text\":\"\\ud800\"}"), "json.syntax", ""},
        {STR("{\"amount\":1,\"text\":\"\"}"), "json.out_of_range", "/text"},
        {STR("{\"amount\":1,\"text\":\"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\"}"), "json.out_of_range",
         "/text"},
        {STR("{\"amount\":1,\"text\":1}"), "json.wrong_type", "/text"},
        {STR("{\"amount\":1,\"note\":\"canary 4242-4242-4242-4242\"}"), "json.card_number",
         "/note"},
        {STR("{\"amount\":1,\"note\":\"\\u0034242424242424242\"}"), "json.card_number", "/note"},
        {STR("{\"amount\":1,\"flag\":1}"), "json.wrong_type", "/flag"},
        {STR("{\"amount\":1,\"flag\":\"true\"}"), "json.wrong_type", "/flag"},
        {STR("{\"amount\":1,\"id\":\"canary\"}"), "json.bad_id", "/id"},
        {STR("{\"amount\":1,\"id\":\"00000000-0000-0000-0000-000000000000\"}"), "json.bad_id",
         "/id"},
        {STR("{\"amount\":1,\"id\":7}"), "json.wrong_type", "/id"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        refused_object(&fixture->op, cases[i].body, STATUS_INVALID, cases[i].code, cases[i].field);
    }
}

/* An escaped backslash before u0000 is four harmless letters. */
static void an_escaped_backslash_is_not_an_escape(void **state)
{
    struct fixture *fixture = *state;
    const struct json_value *value = NULL;
    assert_int_equal(json_read(&fixture->op, STR("\"\\\\u0000[[[[[[[[[[{-0\\\"\""), &value).kind,
                     STATUS_OK);
    assert_true(str_eq(value->text, STR("\\u0000[[[[[[[[[[{-0\"")));
}

static struct str nested(struct arena *arena, int depth)
{
    struct strbuf buf;
    strbuf_init(&buf, arena, 4096);
    for (int i = 0; i < depth; i++) {
        strbuf_add(&buf, i % 2 == 0 ? STR("{\"a\":") : STR("["));
    }
    strbuf_add(&buf, STR("1"));
    for (int i = depth - 1; i >= 0; i--) {
        strbuf_add(&buf, i % 2 == 0 ? STR("}") : STR("]"));
    }
    struct str text;
    assert_true(strbuf_finish(&buf, &text));
    return text;
}

static void depth_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    const struct json_value *value = NULL;
    struct str deepest = nested(&fixture->arena, JSON_TREE_DEPTH_MAX);
    assert_int_equal(json_read(&fixture->op, deepest, &value).kind, STATUS_OK);
    int64_t inner = 0;
    assert_true(json_i64_at(value, "/a/0/a/0/a/0/a/0/a/0/a/0/a/0/a/0", &inner));
    assert_int_equal(inner, 1);
    struct str deeper = nested(&fixture->arena, JSON_TREE_DEPTH_MAX + 1);
    assert_int_equal(json_read(&fixture->op, deeper, &value).kind, STATUS_LIMIT);
    assert_string_equal(fixture->op.err.code, "json.too_deep");

    /* By table, where our own API is asked, only half of that. */
    static const struct json_field fields[] = {{.name = "b", .type = JSON_FIELD_I64}};
    int64_t ignored = 0;
    struct str known = nested(&fixture->arena, JSON_DEPTH_MAX);
    assert_int_equal(json_read_object(&fixture->op, known, fields, 1, &ignored).kind,
                     STATUS_INVALID);
    assert_string_equal(fixture->op.err.code, "json.unknown_field");
    struct str over = nested(&fixture->arena, JSON_DEPTH_MAX + 1);
    assert_int_equal(json_read_object(&fixture->op, over, fields, 1, &ignored).kind, STATUS_LIMIT);
    assert_string_equal(fixture->op.err.code, "json.too_deep");
}

static struct str of_size(struct arena *arena, size_t size)
{
    char *text = arena_new(arena, char, size);
    assert_non_null(text);
    memset(text, 'x', size);
    text[0] = '"';
    text[size - 1] = '"';
    return (struct str){.ptr = text, .len = size};
}

static void size_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    const struct json_value *value = NULL;
    struct str largest = of_size(&fixture->arena, JSON_INPUT_MAX_BYTES);
    assert_int_equal(json_read(&fixture->op, largest, &value).kind, STATUS_OK);
    assert_int_equal(value->text.len, JSON_INPUT_MAX_BYTES - 2);
    struct str larger = of_size(&fixture->arena, JSON_INPUT_MAX_BYTES + 1);
    assert_int_equal(json_read(&fixture->op, larger, &value).kind, STATUS_LIMIT);
    assert_string_equal(fixture->op.err.code, "json.too_large");
}

static void a_full_arena_is_a_limit(void **state)
{
    (void)state;
    struct str body = STR("{\"a\":[1,2,{\"b\":\"text\"}],\"c\":\"more\"}");
    bool seen_ok = false;
    for (size_t max = 16; max < 4096 && !seen_ok; max += 16) {
        DEFER(arena_fini) struct arena arena;
        arena_init(&arena, max);
        struct op op = {.arena = &arena};
        const struct json_value *value = NULL;
        struct status st = json_read(&op, body, &value);
        seen_ok = st.kind == STATUS_OK;
        if (!seen_ok) {
            assert_int_equal(st.kind, STATUS_LIMIT);
            assert_string_equal(op.err.code, "op.arena_full");
        }
    }
    assert_true(seen_ok);
}

static void a_tree_is_found_by_pointer(void **state)
{
    struct fixture *fixture = *state;
    const struct json_value *value = NULL;
    struct str body = STR("{\"data\":{\"object\":{\"id\":\"pi_1\",\"n\":[1.5,-2,{}],\"paid\":false,"
                          "\"none\":null,\"empty\":[]}}}");
    assert_int_equal(json_read(&fixture->op, body, &value).kind, STATUS_OK);
    struct str text;
    int64_t number = 0;
    bool yes = true;
    assert_true(json_text_at(value, "/data/object/id", &text));
    assert_true(str_eq(text, STR("pi_1")));
    assert_true(json_i64_at(value, "/data/object/n/1", &number));
    assert_int_equal(number, -2);
    assert_true(json_bool_at(value, "/data/object/paid", &yes));
    assert_false(yes);
    assert_int_equal(json_at(value, "")->kind, JSON_KIND_OBJECT);
    assert_int_equal(json_at(value, "/data/object/n/0")->kind, JSON_KIND_REAL);
    assert_int_equal(json_at(value, "/data/object/n/2")->kind, JSON_KIND_OBJECT);
    assert_int_equal(json_at(value, "/data/object/none")->kind, JSON_KIND_NULL);
    assert_int_equal(json_at(value, "/data/object/empty")->kind, JSON_KIND_ARRAY);
    const char *absent[] = {"/x",
                            "/data/object/n/3",
                            "/data/object/n/-1",
                            "/data/object/n/x",
                            "/data/object/id/x",
                            "/data/object/empty/0",
                            "/data//id"};
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        assert_int_equal(json_at(value, absent[i])->kind, JSON_KIND_NONE);
        assert_false(json_text_at(value, absent[i], &text));
        assert_false(json_i64_at(value, absent[i], &number));
        assert_false(json_bool_at(value, absent[i], &yes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_object_fills_the_struct, setup, teardown),
        cmocka_unit_test_setup_teardown(an_array_of_objects_fills_structs, setup, teardown),
        cmocka_unit_test_setup_teardown(integers_are_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_objects_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_escaped_backslash_is_not_an_escape, setup, teardown),
        cmocka_unit_test_setup_teardown(depth_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(size_is_bounded, setup, teardown),
        cmocka_unit_test(a_full_arena_is_a_limit),
        cmocka_unit_test_setup_teardown(a_tree_is_found_by_pointer, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
