/* A scan by pieces, as whoever clears a table up makes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pg/pg_batch.h"
#include "testing/testing_pg.h"

static struct testing_pg *testing;
static struct op op;
static struct pg_conn *conn;

struct pair {
    int32_t place;
    struct str label;
    int64_t version;
};

static const struct table_column pair_columns[] = {
    TABLE_COLUMN(struct pair, place, COLUMN_INT4),
    TABLE_COLUMN(struct pair, label, COLUMN_TEXT),
    TABLE_COLUMN(struct pair, version, COLUMN_INT8),
};

static const struct table pair_table = {
    .name = "pair",
    .row_bytes = sizeof(struct pair),
    .columns = pair_columns,
    .column_count = ARRAY_LEN(pair_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static void ok(const struct op *of, struct status st)
{
    if (status_failed(st)) {
        print_error("%s %s\n", of->err.code, of->err.msg);
    }
    assert_int_equal(st.kind, STATUS_OK);
}

/* Each old row is in exactly one piece, however many pieces there are. */
static void test_pieces_make_the_table(void **state)
{
    static const struct table_scan old = {.name = "pair_old",
                                          .table = &pair_table,
                                          .filter = TABLE_NO_COLUMN,
                                          .order = 2,
                                          .bound = SCAN_PIECE};
    (void)state;
    testing_pg_run(testing, "INSERT INTO pair SELECT g, repeat('x', 300), g % 10"
                            " FROM generate_series(1, 10000) g");
    int64_t pieces =
        testing_pg_number(testing, "SELECT pg_relation_size('pair') / (64 * 8192) + 1");
    assert_true(pieces > 5);
    const struct pair like = {.version = 6};
    static bool seen[10001];
    memset(seen, 0, sizeof(seen));
    uint32_t count = 0;
    for (int64_t place = 3; place < 3 + pieces; place++) {
        struct pg_batch_rows rows = {.count = 0};
        ok(&op, pg_batch_scan(&op, conn, &old, &like, place, 10000, &rows));
        ok(&op, pg_batch_sync(&op, conn));
        const struct pair *found = rows.rows;
        for (uint32_t i = 0; i < rows.count; i++, count++) {
            assert_true(found[i].version <= 6);
            assert_false(seen[found[i].place]);
            seen[found[i].place] = true;
        }
        assert_in_range(rows.count, 0, 7000 / 4);
    }
    assert_int_equal(count, 7000);
    struct pg_batch_rows few = {.count = 0};
    ok(&op, pg_batch_scan(&op, conn, &old, &like, 0, 5, &few));
    ok(&op, pg_batch_sync(&op, conn));
    assert_int_equal(few.count, 5);
}

int main(void)
{
    testing = testing_pg_new(NULL);
    if (!testing) {
        return TESTING_SKIPPED;
    }
    testing_pg_run(testing, "CREATE TABLE pair (place integer NOT NULL, label text NOT NULL,"
                            " version bigint NOT NULL, PRIMARY KEY (place, label));");
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)64 * 1024 * 1024);
    op = (struct op){.arena = &arena, .correlation_id = STR("test")};
    struct pg_conn_options options = {.conninfo = testing_pg_url(testing),
                                      .application_name = STR("pg_batch_piece_test"),
                                      .use = PG_USE_LANE};
    ok(&op, pg_conn_new(&op, &options, &conn));
    ok(&op, pg_conn_connect(&op, conn));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_make_the_table),
    };
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    pg_conn_free(conn);
    testing_pg_free(testing);
    return result;
}
