/* The frozen request: what goes in comes out, and nothing else decodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "effects/effects.h"
#include "testing/testing_env.h"

#define GARBAGE_ROUNDS 20000

static struct op make_op(struct arena *arena)
{
    arena_init(arena, 4 * 1024 * 1024);
    return (struct op){.arena = arena};
}

static struct effects_request transfer(void)
{
    return (struct effects_request){.method = EFFECTS_POST,
                                    .idempotency_key = true,
                                    .path = STR("/v1/transfers?x=1"),
                                    .content_type = STR("application/x-www-form-urlencoded"),
                                    .body = STR("amount=1000\0binary too")};
}

static bool same(const struct effects_request *a, const struct effects_request *b)
{
    return a->method == b->method && a->idempotency_key == b->idempotency_key &&
           str_eq(a->path, b->path) && str_eq(a->content_type, b->content_type) &&
           str_eq(a->body, b->body);
}

static void test_round_trip(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    struct op op = make_op(&arena);
    struct effects_request request = transfer();
    for (enum effects_method m = EFFECTS_GET; m < EFFECTS_METHOD_COUNT; m++) {
        request.method = m;
        request.idempotency_key = !request.idempotency_key;
        struct str bytes;
        struct effects_request back;
        assert_int_equal(effects_encode(&op, &request, &bytes).kind, STATUS_OK);
        assert_int_equal(effects_decode(&op, bytes, &back).kind, STATUS_OK);
        assert_true(same(&request, &back));
    }
}

static struct str run_of(struct arena *arena, char first, size_t len)
{
    struct strbuf buf;
    strbuf_init(&buf, arena, len + 1);
    for (size_t i = 0; i < len; i++) {
        strbuf_add_char(&buf, i == 0 ? first : 'a');
    }
    struct str text;
    assert_true(strbuf_finish(&buf, &text));
    return text;
}

static void test_bounds(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    struct op op = make_op(&arena);

    struct {
        struct effects_request request;
        enum status_kind kind;
    } rows[24];

    size_t count = 0;
#define ROW(field, value, expected)          \
    do {                                     \
        rows[count].request = transfer();    \
        rows[count].request.field = (value); \
        rows[count++].kind = (expected);     \
    } while (0)
    ROW(method, EFFECTS_METHOD_NONE, STATUS_INVALID);
    ROW(method, EFFECTS_METHOD_COUNT, STATUS_INVALID);
    ROW(path, STR(""), STATUS_INVALID);
    ROW(path, STR("v1"), STATUS_INVALID);
    ROW(path, STR("/a b"), STATUS_INVALID);
    ROW(path, STR("/a\r\nX: y"), STATUS_INVALID);
    ROW(path, STR("/a#b"), STATUS_INVALID);
    ROW(path, STR("/\xc3\xa9"), STATUS_INVALID);
    ROW(path, run_of(&arena, '/', EFFECTS_PATH_MAX_BYTES), STATUS_OK);
    ROW(path, run_of(&arena, '/', EFFECTS_PATH_MAX_BYTES + 1), STATUS_INVALID);
    ROW(content_type, STR("a\nb"), STATUS_INVALID);
    ROW(content_type, STR(""), STATUS_INVALID);
    ROW(content_type, run_of(&arena, 'a', EFFECTS_TYPE_MAX_BYTES), STATUS_OK);
    ROW(content_type, run_of(&arena, 'a', EFFECTS_TYPE_MAX_BYTES + 1), STATUS_INVALID);
    ROW(body, STR(""), STATUS_INVALID); /* a type without a body */
    ROW(body, run_of(&arena, 'a', EFFECTS_BODY_MAX_BYTES), STATUS_OK);
    ROW(body, run_of(&arena, 'a', EFFECTS_BODY_MAX_BYTES + 1), STATUS_INVALID);
#undef ROW
    for (size_t i = 0; i < count; i++) {
        struct str bytes;
        struct status st = effects_encode(&op, &rows[i].request, &bytes);
        if (st.kind != rows[i].kind) {
            fail_msg("row %zu: %s", i, op.err.msg);
        }
    }
}

/* Bytes changed, cut, or added: refused, or decoded to a request that encodes to exactly them. */
static void test_garbage(void **state)
{
    (void)state;
    struct random random = random_seeded(testing_env_seed(7));
    uint32_t refused = 0;
    for (uint32_t round = 0; round < GARBAGE_ROUNDS; round++) {
        DEFER(arena_fini) struct arena arena;
        struct op op = make_op(&arena);
        struct effects_request request = transfer();
        struct str good;
        assert_int_equal(effects_encode(&op, &request, &good).kind, STATUS_OK);
        size_t len = good.len;
        char *bytes = arena_alloc(&arena, len + 4, 1);
        assert_non_null(bytes);
        memcpy(bytes, good.ptr, len);
        for (uint64_t i = random_below(&random, 4); i > 0; i--) {
            bytes[random_below(&random, len)] = (char)random_below(&random, 256);
        }
        if (random_below(&random, 4) == 0) {
            len = random_below(&random, len + 4);
        }
        struct str mangled = {.ptr = bytes, .len = len};
        struct effects_request back;
        if (status_failed(effects_decode(&op, mangled, &back))) {
            assert_string_equal(op.err.code, "effects.request");
            refused++;
            continue;
        }
        struct str again;
        assert_int_equal(effects_encode(&op, &back, &again).kind, STATUS_OK);
        assert_true(str_eq(again, mangled));
    }
    assert_in_range(refused, GARBAGE_ROUNDS / 10, GARBAGE_ROUNDS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
