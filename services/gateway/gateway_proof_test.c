/* Who sees a proof, and what it shows: over a real PostgreSQL. */
#include "gateway/gateway_proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "gateway/testing/gateway_checks.h"
#include "gateway/testing/gateway_fixture.h"
#include "json/json_read.h"
#include "pg/pg_batch.h"

#define ESCROW "e0000000-0000-4000-8000-000000000005"
#define STRANGER "f0000000-0000-4000-8000-000000000004"
#define STAFF "d0000000-0000-4000-8000-000000000004"

static void ok(struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", fixture.op.err.code, fixture.op.err.msg);
    }
}

/* As the engine does it: by the descriptor. */
static void insert(const struct table *table, const void *row)
{
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    ok(pg_acquire(&fixture.op, fixture.gateway.pg, &conn));
    ok(pg_batch_begin(&fixture.op, conn));
    ok(pg_batch_insert(&fixture.op, conn, table, &row, 1));
    ok(pg_batch_commit(&fixture.op, conn));
}

static struct status ask(enum engine_actor_kind kind, const char *account)
{
    fixture_as(kind, account);
    return fixture_call(HTTP_GET, "/v1/escrows/:id/proof", ESCROW, STR(""));
}

static struct gateway_proof some_proof(void)
{
    static char path[2 * HASH_BYTES];
    static char signature[GATEWAY_PROOF_SIGNATURE_BYTES];
    memset(path, 0xaa, HASH_BYTES);
    memset(path + HASH_BYTES, 0xbb, HASH_BYTES);
    memset(signature, 0x51, sizeof(signature));
    struct gateway_proof proof = {.id = fixture_id(ESCROW),
                                  .version = 1,
                                  .seq = 3,
                                  .prev_seal_n = 6,
                                  .leaf_index = 2,
                                  .path = {.ptr = path, .len = sizeof(path)},
                                  .seal_n = 7,
                                  .sealed_at_us = 1790000000000000,
                                  .leaf_count = 4,
                                  .signature = {.ptr = signature, .len = sizeof(signature)}};
    proof.head.bytes[0] = 0x11;
    proof.seal_prev.bytes[0] = 0x22;
    proof.seal_root.bytes[0] = 0x33;
    proof.key_id.bytes[0] = 0x44;
    return proof;
}

#define ZEROS_31 "00000000000000000000000000000000000000000000000000000000000000"

static void expect_text(const struct json_value *value, const char *pointer, const char *wanted)
{
    struct str text = STR("(not there)");
    (void)json_text_at(value, pointer, &text);
    assert_true(str_eq(text, str_of(wanted)));
}

static void a_proof_is_for_the_parties(void **state)
{
    (void)state;
    struct gateway_view view = gateway_full_view(100);
    view.id = fixture_id(ESCROW);
    view.version = 1;
    view.seq = 5;
    view.state = 4;
    insert(&gateway_view_table, &view);
    assert_int_equal(ask(ENGINE_ACTOR_STAFF, STAFF).kind, STATUS_NOT_FOUND);
    assert_string_equal(fixture.op.err.code, "escrow.not_sealed");
    struct gateway_proof proof = some_proof();
    insert(&gateway_proof_table, &proof);
    assert_int_equal(ask(ENGINE_ACTOR_USER, STRANGER).kind, STATUS_NOT_FOUND);
    assert_string_equal(fixture.op.err.code, "escrow.unknown");
    ok(ask(ENGINE_ACTOR_STAFF, STAFF));
    const struct json_value *value = NULL;
    ok(json_read(&fixture.op, fixture.ret.body, &value));
    int64_t number = 0;
    expect_text(value, "/escrow_id", ESCROW);
    expect_text(value, "/head", "11" ZEROS_31);
    expect_text(value, "/seal/prev", "22" ZEROS_31);
    expect_text(value, "/seal/root", "33" ZEROS_31);
    expect_text(value, "/seal/key", "44" ZEROS_31);
    expect_text(value, "/path/0",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    expect_text(value, "/path/1",
                "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    assert_int_equal(json_at(value, "/path")->count, 2);

    const struct {
        const char *pointer;
        int64_t wanted;
    } numbers[] = {{"/seq", 3},
                   {"/current_seq", 5},
                   {"/prev_seal_n", 6},
                   {"/leaf_index", 2},
                   {"/seal/n", 7},
                   {"/seal/leaves", 4},
                   {"/seal/at_us", 1790000000000000}};

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        assert_true(json_i64_at(value, numbers[i].pointer, &number));
        assert_int_equal(number, numbers[i].wanted);
    }
}

int main(void)
{
    if (!fixture_open("SELECT 1")) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_proof_is_for_the_parties, fixture_setup,
                                        fixture_teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bool opened = true;
    fixture_close(&opened);
    return failed;
}
