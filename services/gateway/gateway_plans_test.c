/*
 * A connection keeps the plan that it made while a table was empty or nearly so, until statistics are gathered again. Here every
 * statement of a request is asked often enough for its plan to be kept, then the tables are filled, and no statement may read them
 * from one end to the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/gateway_repo.h"
#include "pg/pg_conn.h"
#include "testing/testing_pg.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define USES 8            /* PostgreSQL decides on the plan that is kept at the sixth */
#define READ_ROWS_MAX 200 /* of one statement, by scanning tables of thousands */

static struct testing_pg *database;
static struct arena arena;
static struct op op;
static struct pg_conn *conn;

static const struct pg_stmt scanned = {
    .name = "plans_scanned",
    .sql = "SELECT coalesce(sum(seq_tup_read), 0)::bigint AS rows FROM pg_stat_xact_user_tables "
           "WHERE schemaname = current_schema()",
    .returns = PG_RETURNS_ONE,
};

/* Rows of every table that grows, with numbers from $ to $. Nothing tells PostgreSQL that they are there. */
static const char fill_function[] =
    "CREATE FUNCTION plans_id(kind text, i integer) RETURNS uuid LANGUAGE sql AS "
    "$$ SELECT md5(kind || i)::uuid $$;"
    "CREATE PROCEDURE plans_fill(a integer, b integer) LANGUAGE plpgsql AS $$ BEGIN "
    "INSERT INTO intake SELECT plans_id('command', i), i % 12, 'escrow.commands.v1', "
    "plans_id('escrow', i), 't', 'p', "
    "  sha256(i::text::bytea), plans_id('account', i % 100), i, i, 0, i % 2 = 0, i % 2, '', '', 0 "
    "  FROM generate_series(a, b) AS i;"
    "INSERT INTO escrow_pending SELECT plans_id('escrow', i), plans_id('command', i), "
    "plans_id('account', i % 100), "
    "  plans_id('buyer', i % 100), plans_id('seller', i % 100), 1, 100, 'acct_1', 3600, 3600, "
    "86400, '', i "
    "  FROM generate_series(a, b) AS i;"
    "INSERT INTO escrow_view SELECT plans_id('escrow', i), 1, 1, 1, 1, 100, 0, 0, 0, 0, 0, 0, 0, "
    "0, 0, false, false, "
    "  plans_id('account', i % 100), plans_id('buyer', i % 100), plans_id('seller', i % 100), "
    "'acct_1', 3600, 3600, "
    "  86400, 0, 0, '', '', '', i, i FROM generate_series(a, b) AS i;"
    "INSERT INTO escrow_timeline SELECT plans_id('escrow', i), 1, 'EscrowCreated', 1, 0, 0, '', 1, "
    "plans_id('account', i), i "
    "  FROM generate_series(a, b) AS i;"
    "INSERT INTO account SELECT plans_id('user', i), 1, plans_id('account', i % 100), 'Ada', '', "
    "i, i "
    "  FROM generate_series(a, b) AS i;"
    "INSERT INTO account_pending SELECT plans_id('user', i), plans_id('command', i), "
    "plans_id('account', i % 100), 'Ada', "
    "  '', i FROM generate_series(a, b) AS i;"
    "INSERT INTO api_token (hash, kind, account_id, label) SELECT sha256(i::text::bytea), 1, "
    "plans_id('account', i), '' "
    "  FROM generate_series(a, b) AS i;"
    "INSERT INTO request_nonce SELECT sha256(i::text::bytea), 'nonce-of-16-bytes-' || i, now() "
    "  FROM generate_series(a, b) AS i;"
    "INSERT INTO escrow_proof SELECT plans_id('escrow', i), 1, 1, sha256(i::text::bytea), 0, 0, "
    "'', 1, i, 1, "
    "  sha256('prev'), sha256('root'), sha256('key'), sha256('one') || sha256('two') FROM "
    "generate_series(a, b) AS i;"
    "INSERT INTO lane_change SELECT i % 12, i, '', '' FROM generate_series(a, b) AS i;"
    "END $$;";

static void ok(struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", op.err.code, op.err.msg);
    }
}

/* Some value of the type: what is found does not matter, the way there does. */
static struct pg_param value_of(enum pg_type type)
{
    static const struct id id;
    static const struct str text = {.ptr = "12345678901234567890123456789012", .len = 32};
    static const int64_t number = 1;
    static const int32_t small = 1;
    switch (type) {
    case PG_TYPE_UUID: return PG_ID(id);
    case PG_TYPE_INT8: return PG_I64(1);
    case PG_TYPE_INT4: return PG_I32(1);
    case PG_TYPE_INT2: return PG_I16(1);
    case PG_TYPE_BOOL: return PG_BOOL(true);
    case PG_TYPE_TEXT: return PG_TEXT(text);
    case PG_TYPE_BYTEA: return PG_BYTES(text);
    case PG_TYPE_UUID_ARRAY: return PG_IDS(&id, 1);
    case PG_TYPE_INT8_ARRAY: return PG_I64S(&number, 1);
    case PG_TYPE_INT4_ARRAY: return PG_I32S(&small, 1);
    case PG_TYPE_INT2_ARRAY: return PG_I16S(&small, 1);
    case PG_TYPE_TEXT_ARRAY: return PG_TEXTS(&text, 1);
    case PG_TYPE_BYTEA_ARRAY: return PG_BYTESS(&text, 1);
    case PG_TYPE_NONE:
    case PG_TYPE_COUNT: break;
    }
    fail_msg("a parameter without a type");
    return PG_I64(0);
}

/* Rows that the statement read by scanning whole tables. Leaves nothing behind. */
static int64_t use(const struct pg_stmt *stmt)
{
    struct pg_param params[PG_STMT_PARAMS_MAX];
    struct pg_rows *rows = NULL;
    int64_t read = 0;
    for (uint32_t i = 0; i < stmt->param_count; i++) {
        params[i] = value_of(stmt->param_types[i]);
    }
    arena_reset(&arena);
    ok(pg_begin(&op, conn));
    ok(pg_query(&op, conn, stmt, params, stmt->param_count, &rows));
    pg_rows_free(rows);
    ok(pg_query(&op, conn, &scanned, NULL, 0, &rows));
    ok(pg_rows_i64(&op, rows, 0, "rows", &read));
    pg_rows_free(rows);
    pg_rollback(conn);
    return read;
}

static void test_no_scan_of_what_has_grown(void **state)
{
    (void)state;
    testing_pg_run(database,
                   "CALL plans_fill(1, 20); ANALYZE;"); /* few: scanning them would be right */
    for (uint32_t i = 0; i < gateway_repo_stmt_count; i++) {
        for (int n = 0; n < USES; n++) {
            (void)use(gateway_repo_stmts[i]);
        }
    }
    testing_pg_run(database, "CALL plans_fill(21, 20000);");
    for (uint32_t i = 0; i < gateway_repo_stmt_count; i++) {
        int64_t read = use(gateway_repo_stmts[i]);
        if (read > READ_ROWS_MAX) {
            fail_msg("%s scans: %lld rows", gateway_repo_stmts[i]->name, (long long)read);
        }
    }
}

static int setup(void **state)
{
    (void)state;
    const struct pg_conn_options options = {.conninfo = testing_pg_url(database),
                                            .application_name = STR("gateway_plans_test"),
                                            .use = PG_USE_REQUEST,
                                            .stmts = gateway_repo_stmts,
                                            .stmt_count = gateway_repo_stmt_count};
    arena_init(&arena, ARENA_BYTES);
    op = (struct op){.arena = &arena};
    testing_pg_run(database, fill_function);
    ok(pg_conn_new(&op, &options, &conn));
    ok(pg_conn_connect(&op, conn));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pg_conn_free(conn);
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    database = testing_pg_new("gateway");
    if (!database) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_scan_of_what_has_grown, setup, teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    testing_pg_free(database);
    return failed;
}
