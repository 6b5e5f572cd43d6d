#include "pg/pg_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pg_test_sql.h"
#include "testing/testing_pg.h"

static struct testing_pg *testing;

enum color {
    COLOR_NONE = 0,
    COLOR_RED,
    COLOR_BLUE,
    COLOR_COUNT,
};

struct part {
    struct id id;
    int64_t version;
    struct id parent_id;
    int32_t place;
    enum color color;
    bool open;
    struct str label;
    struct str body;
    struct hash digest;
};

static const struct table_column part_columns[] = {
    TABLE_COLUMN(struct part, id, COLUMN_UUID),
    TABLE_COLUMN(struct part, version, COLUMN_INT8),
    TABLE_COLUMN(struct part, parent_id, COLUMN_UUID),
    TABLE_COLUMN(struct part, place, COLUMN_INT4),
    TABLE_COLUMN(struct part, color, COLUMN_ENUM),
    TABLE_COLUMN(struct part, open, COLUMN_BOOL),
    TABLE_COLUMN(struct part, label, COLUMN_TEXT),
    TABLE_COLUMN(struct part, body, COLUMN_BYTEA),
    TABLE_COLUMN(struct part, digest, COLUMN_HASH),
};

static const struct table part_table = {
    .name = "part",
    .row_bytes = sizeof(struct part),
    .columns = part_columns,
    .column_count = ARRAY_LEN(part_columns),
    .key_count = 1,
    .version = 1,
    .parent = 2,
};

/* The same rows under a key of two columns and without a version. */
static const struct table_column pair_columns[] = {
    TABLE_COLUMN(struct part, place, COLUMN_INT4),
    TABLE_COLUMN(struct part, label, COLUMN_TEXT),
    TABLE_COLUMN(struct part, version, COLUMN_INT8),
};

static const struct table pair_table = {
    .name = "pair",
    .row_bytes = sizeof(struct part),
    .columns = pair_columns,
    .column_count = ARRAY_LEN(pair_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

#define ROWS 300

struct fixture {
    struct arena arena;
    struct op op;
    struct pg_conn *conn;
    struct part parts[ROWS];
    const void *rows[ROWS];
};

static void ok(struct op *op, struct status st)
{
    if (status_failed(st)) {
        print_error("%s %s\n", op->err.code, op->err.msg);
    }
    assert_int_equal(st.kind, STATUS_OK);
}

static void failed(struct op *op, struct status st, enum status_kind kind, const char *code)
{
    assert_int_equal(st.kind, kind);
    assert_string_equal(op->err.code, code);
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.conn = NULL};
    arena_init(&f.arena, (size_t)64 * 1024 * 1024);
    f.op = (struct op){.arena = &f.arena, .correlation_id = STR("test")};
    struct pg_conn_options options = {.conninfo = testing_pg_url(testing),
                                      .application_name = STR("pg_batch_test"),
                                      .use = PG_USE_LANE};
    ok(&f.op, pg_conn_new(&f.op, &options, &f.conn));
    ok(&f.op, pg_conn_connect(&f.op, f.conn));
    testing_pg_run(testing, "TRUNCATE part, pair");
    for (uint32_t i = 0; i < ROWS; i++) {
        size_t body_bytes = i == 1 ? (size_t)256 * 1024 : i % 50;
        char *body = arena_alloc(&f.arena, body_bytes, 1);
        assert_non_null(body);
        for (size_t b = 0; b < body_bytes; b++) {
            body[b] = (char)(b * 7 + i);
        }
        f.parts[i] = (struct part){
            .id = id_random(),
            .version = i == 2 ? INT64_MIN : (int64_t)i - 5,
            .parent_id = {.bytes = {[15] = (uint8_t)(i % 3)}},
            .place = i == 3 ? INT32_MIN : (int32_t)(ROWS - i),
            .color = i % COLOR_COUNT,
            .open = i % 2 == 0,
            .label = i == 4 ? STR("") : STR("r\xc3\xa4t \xf0\x9f\x90\x80 'quoted' {a,b} \\ NULL"),
            .body = {.ptr = body, .len = body_bytes},
            .digest = hash_of((struct str){.ptr = body, .len = body_bytes}),
        };
        f.rows[i] = &f.parts[i];
    }
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pg_conn_free(f->conn);
    arena_fini(&f->arena);
    return 0;
}

static bool same(const struct part *a, const struct part *b)
{
    return id_eq(a->id, b->id) && a->version == b->version && id_eq(a->parent_id, b->parent_id) &&
           a->place == b->place && a->color == b->color && a->open == b->open &&
           str_eq(a->label, b->label) && str_eq(a->body, b->body) &&
           hash_eq(&a->digest, &b->digest);
}

static const struct part *find(const struct pg_batch_rows *rows, struct id id)
{
    const struct part *parts = rows->rows;
    for (uint32_t i = 0; i < rows->count; i++) {
        if (id_eq(parts[i].id, id)) {
            return &parts[i];
        }
    }
    return NULL;
}

static void insert_all(struct fixture *f)
{
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_insert(&f->op, f->conn, &part_table, f->rows, ROWS));
    ok(&f->op, pg_batch_commit(&f->op, f->conn));
}

static void check_all(struct fixture *f)
{
    struct id ids[ROWS + 1];
    for (uint32_t i = 0; i < ROWS; i++) {
        ids[i] = f->parts[i].id;
    }
    ids[ROWS] = id_random(); /* missing ones are missing */
    struct pg_batch_rows loaded = {.count = 0};
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_load(&f->op, f->conn, &part_table, ids, ROWS + 1, &loaded));
    assert_int_equal(loaded.count, 0); /* nothing before the sync */
    ok(&f->op, pg_batch_sync(&f->op, f->conn));
    assert_int_equal(loaded.count, ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        const struct part *part = find(&loaded, ids[i]);
        assert_non_null(part);
        assert_true(same(part, &f->parts[i]));
    }
    ok(&f->op, pg_batch_commit(&f->op, f->conn));
}

static void test_insert_and_load(void **state)
{
    struct fixture *f = *state;
    insert_all(f);
    check_all(f);
    struct pg_batch_rows none = {.count = 7};
    ok(&f->op, pg_batch_load(&f->op, f->conn, &part_table, NULL, 0, &none));
    ok(&f->op, pg_batch_insert(&f->op, f->conn, &part_table, NULL, 0));
    ok(&f->op, pg_batch_sync(&f->op, f->conn));
    assert_int_equal(none.count, 0);
}

static void test_update_writes_every_column(void **state)
{
    struct fixture *f = *state;
    insert_all(f);
    int64_t old[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        struct part *part = &f->parts[i];
        old[i] = part->version;
        part->version += 3;
        part->parent_id = id_random();
        part->place = (int32_t)i * -1000;
        part->color = (part->color + 1) % COLOR_COUNT;
        part->open = !part->open;
        part->label = STR("changed");
        part->body = STR("\0\0");
        part->digest = hash_of(STR("changed"));
    }
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_update(&f->op, f->conn, &part_table, f->rows, old, ROWS));
    ok(&f->op, pg_batch_commit(&f->op, f->conn));
    check_all(f);
}

static void test_update_leaves_fixed_columns(void **state)
{
    struct fixture *f = *state;
    insert_all(f);
    struct table_column columns[ARRAY_LEN(part_columns)];
    memcpy(columns, part_columns, sizeof(columns));
    columns[7].fixed = true; /* body */
    struct table table = part_table;
    table.columns = columns;
    int64_t old[ROWS];
    struct str bodies[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        old[i] = f->parts[i].version++;
        bodies[i] = f->parts[i].body;
        f->parts[i].label = STR("changed");
        f->parts[i].body = STR("not written");
    }
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_update(&f->op, f->conn, &table, f->rows, old, ROWS));
    ok(&f->op, pg_batch_commit(&f->op, f->conn));
    for (uint32_t i = 0; i < ROWS; i++) {
        f->parts[i].body = bodies[i];
    }
    check_all(f);
}

static void test_wrong_count_commits_nothing(void **state)
{
    struct fixture *f = *state;
    insert_all(f);
    int64_t old[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        old[i] = f->parts[i].version;
        f->parts[i].version++;
    }
    old[17]++; /* somebody else's version */
    struct part more = f->parts[0];
    more.id = id_random();
    const void *more_rows[] = {&more};
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_insert(&f->op, f->conn, &part_table, more_rows, 1));
    ok(&f->op, pg_batch_update(&f->op, f->conn, &part_table, f->rows, old, ROWS));
    failed(&f->op, pg_batch_commit(&f->op, f->conn), STATUS_BUG, "pg.refused");
    assert_string_equal(pg_conn_sqlstate(f->conn), "HF001");
    assert_non_null(strstr(f->op.err.msg, "299 of 300"));
    pg_batch_rollback(f->conn);
    for (uint32_t i = 0; i < ROWS; i++) {
        f->parts[i].version--;
    }
    check_all(f);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM part"), ROWS);
}

static void test_erase_counts_too(void **state)
{
    struct fixture *f = *state;
    insert_all(f);
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_erase(&f->op, f->conn, &part_table, f->rows, ROWS / 2));
    ok(&f->op, pg_batch_commit(&f->op, f->conn));
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM part"), ROWS - ROWS / 2);
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_erase(&f->op, f->conn, &part_table, &f->rows[ROWS / 2 - 1], 2));
    failed(&f->op, pg_batch_commit(&f->op, f->conn), STATUS_BUG, "pg.refused");
    pg_batch_rollback(f->conn);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM part"), ROWS - ROWS / 2);
}

static void test_composite_keys(void **state)
{
    struct fixture *f = *state;
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_insert(&f->op, f->conn, &pair_table, f->rows, ROWS));
    ok(&f->op, pg_batch_sync(&f->op, f->conn));
    f->parts[9].version = 4711;
    ok(&f->op, pg_batch_update(&f->op, f->conn, &pair_table, &f->rows[9], NULL, 1));
    ok(&f->op, pg_batch_erase(&f->op, f->conn, &pair_table, &f->rows[10], 2));
    ok(&f->op, pg_batch_commit(&f->op, f->conn));
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM pair"), ROWS - 2);
    assert_int_equal(testing_pg_number(
                         testing, "SELECT count(*) FROM pair WHERE version = 4711 AND place = 291"),
                     1);
}

static void test_unique_violation(void **state)
{
    struct fixture *f = *state;
    insert_all(f);
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_insert(&f->op, f->conn, &part_table, f->rows, 1));
    failed(&f->op, pg_batch_commit(&f->op, f->conn), STATUS_BUG, "pg.refused");
    assert_string_equal(pg_conn_sqlstate(f->conn), "23505");
    pg_batch_rollback(f->conn);
    struct part fresh = f->parts[0];
    fresh.id = id_random();
    const void *rows[] = {f->rows[0], &fresh, f->rows[1]};
    uint64_t inserted = 0;
    ok(&f->op, pg_batch_insert_missing(&f->op, f->conn, &part_table, rows, 3, &inserted));
    ok(&f->op, pg_batch_sync(&f->op, f->conn));
    assert_int_equal(inserted, 1);
}

static void test_children_come_in_order(void **state)
{
    struct fixture *f = *state;
    insert_all(f);
    const struct id parents[] = {{.bytes = {[15] = 2}}, {.bytes = {[15] = 0}}};
    struct pg_batch_rows rows;
    ok(&f->op, pg_batch_load_children(&f->op, f->conn, &part_table, parents, 2, &rows));
    ok(&f->op, pg_batch_sync(&f->op, f->conn));
    assert_int_equal(rows.count, 2 * ROWS / 3);
    const struct part *parts = rows.rows;
    for (uint32_t i = 1; i < rows.count; i++) {
        int order = id_compare(parts[i - 1].parent_id, parts[i].parent_id);
        assert_true(order < 0 || (order == 0 && id_compare(parts[i - 1].id, parts[i].id) < 0));
    }
}

static void test_children_that_matter_no_more_are_left_out(void **state)
{
    struct fixture *f = *state;
    static struct table live_table;
    live_table = part_table;
    live_table.live = 5; /* open */
    insert_all(f);
    const struct id parents[] = {{.bytes = {[15] = 2}}, {.bytes = {[15] = 0}}};
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        wanted += f->parts[i].parent_id.bytes[15] != 1 && f->parts[i].open ? 1 : 0;
    }
    assert_in_range(wanted, 1, 2 * ROWS / 3 - 1);
    struct pg_batch_rows rows;
    ok(&f->op, pg_batch_load_children(&f->op, f->conn, &live_table, parents, 2, &rows));
    ok(&f->op, pg_batch_sync(&f->op, f->conn));
    assert_int_equal(rows.count, wanted);
    const struct part *parts = rows.rows;
    for (uint32_t i = 0; i < rows.count; i++) {
        assert_true(parts[i].open);
    }
}

/* Runs a scan and checks its rows against the fixture's, by brute force. */
static void check_scan(struct fixture *f, const struct table_scan *scan, const struct part *like,
                       int64_t bound, uint32_t limit)
{
    struct pg_batch_rows rows = {.count = 0};
    ok(&f->op, pg_batch_scan(&f->op, f->conn, scan, like, bound, limit, &rows));
    ok(&f->op, pg_batch_sync(&f->op, f->conn));
    uint32_t want = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        const struct part *part = &f->parts[i];
        bool in = scan->filter < 0 || part->open;
        for (uint32_t e = 0; e < scan->equal_count; e++) {
            in = in && (scan->equal[e] == 2 ? id_eq(part->parent_id, like->parent_id)
                                            : part->color == like->color);
        }
        in = in && (scan->bound != SCAN_ABOVE || part->place > bound);
        in = in && (scan->bound != SCAN_UP_TO || part->place <= bound);
        want += in ? 1 : 0;
    }
    assert_true(want > 0);
    assert_int_equal(rows.count, want < limit ? want : limit);
    const struct part *parts = rows.rows;
    for (uint32_t i = 1; i < rows.count && scan->order == 3; i++) {
        assert_true(parts[i - 1].place <= parts[i].place);
    }
    for (uint32_t i = 1; i < rows.count && scan->order == 0; i++) {
        assert_true(id_compare(parts[i - 1].id, parts[i].id) < 0);
    }
}

static void test_scans_of_every_shape(void **state)
{
    struct fixture *f = *state;
    insert_all(f);
    struct part like = {.parent_id = {.bytes = {[15] = 1}}, .color = COLOR_RED};
    static struct table_scan scans[64];
    size_t count = 0;
    static const int16_t filters[] = {TABLE_NO_COLUMN, 5};

    static const enum scan_bound bounds[] = {SCAN_ALL, SCAN_ABOVE, SCAN_UP_TO};

    for (size_t filter = 0; filter < ARRAY_LEN(filters); filter++) {
        for (uint16_t equals = 0; equals <= SCAN_EQUAL_MAX; equals++) {
            for (size_t bound = 0; bound < ARRAY_LEN(bounds); bound++) {
                struct table_scan *scan = &scans[count++];
                *scan = (struct table_scan){.name = "scan",
                                            .table = &part_table,
                                            .filter = filters[filter],
                                            .equal_count = equals,
                                            .equal = {2, 4},
                                            .order = 3,
                                            .bound = bounds[bound]};
                check_scan(f, scan, &like, 150, 1000);
                check_scan(f, scan, &like, 150, 7);
            }
        }
    }
    struct table_scan *by_id = &scans[count++];
    *by_id = (struct table_scan){.name = "by_id", .table = &part_table, .filter = 5, .order = 0};
    check_scan(f, by_id, &like, 0, 20);
    struct table_scan *any = &scans[count++];
    *any = (struct table_scan){
        .name = "any", .table = &part_table, .filter = 5, .order = TABLE_NO_COLUMN};
    check_scan(f, any, &like, 0, 20);
}

struct sqlstate_case {
    const char *sqlstate;
    enum status_kind kind;
};

/* REQ: what failed decides what happens (R8). */
static void test_classes_of_failures(void **state)
{
    struct fixture *f = *state;
    static const struct sqlstate_case cases[] = {
        {"22003", STATUS_INVALID}, {"23514", STATUS_BUG},   {"23505", STATUS_BUG},
        {"25006", STATUS_RETRY},   {"40001", STATUS_RETRY}, {"40P01", STATUS_RETRY},
        {"42501", STATUS_STOP},    {"42P01", STATUS_STOP},  {"53100", STATUS_RETRY},
        {"53300", STATUS_RETRY},   {"55P03", STATUS_RETRY}, {"57014", STATUS_RETRY},
        {"57P01", STATUS_RETRY},   {"58030", STATUS_RETRY}, {"08006", STATUS_RETRY},
        {"XX000", STATUS_BUG},     {"P0001", STATUS_BUG},
    };

    static const enum pg_type types[] = {PG_TYPE_TEXT};
    static const struct pg_stmt raise = {.name = "raise",
                                         .sql = "SELECT raise_it($1)",
                                         .param_types = types,
                                         .param_count = 1,
                                         .returns = PG_RETURNS_ONE};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pg_param param = PG_TEXT(str_of(cases[i].sqlstate));
        ok(&f->op, pg_batch_begin(&f->op, f->conn));
        ok(&f->op, pg_batch_stmt(&f->op, f->conn, &raise, &param, 1, NULL));
        ok(&f->op, pg_batch_insert(&f->op, f->conn, &part_table, f->rows, 1));
        struct status st = pg_batch_commit(&f->op, f->conn);
        assert_int_equal(st.kind, cases[i].kind);
        assert_string_equal(pg_conn_sqlstate(f->conn), cases[i].sqlstate);
        pg_batch_rollback(f->conn);
        assert_true(pg_conn_is_open(f->conn));
    }
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM part"), 0);
    insert_all(f); /* the Prepare that was skipped by the failures is made up for */
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    f->parts[0].color = (enum color)40000;
    failed(&f->op, pg_batch_insert(&f->op, f->conn, &part_table, f->rows, 1), STATUS_BUG,
           "pg.enum_range");
    pg_batch_rollback(f->conn);
    f->parts[0].color = COLOR_NONE;
    f->parts[0].body.len = PG_BATCH_MAX_BYTES + 1; /* never read: the sum comes first */
    failed(&f->op, pg_batch_insert(&f->op, f->conn, &part_table, f->rows, 1), STATUS_LIMIT,
           "pg.batch_too_large");
    pg_batch_rollback(f->conn);
    struct pg_param param = PG_ID(id_random());
    struct status st = OK;
    for (uint32_t i = 0; i < 1000 && !status_failed(st); i++) {
        st = pg_batch_stmt(&f->op, f->conn, &pg_test_sql_find, &param, 1, NULL);
    }
    failed(&f->op, st, STATUS_BUG, "pg.queue_full");
    pg_batch_rollback(f->conn);
    /* Loading more than the arena holds fails alone; the session goes on. */
    f->parts[0].body.len = 0;
    insert_all(f);
    DEFER(arena_fini) struct arena small;
    arena_init(&small, (size_t)128 * 1024);
    struct op op = {.arena = &small};
    struct pg_batch_rows rows = {.count = 0};
    ok(&op, pg_batch_load(&op, f->conn, &part_table, &f->parts[1].id, 1, &rows));
    failed(&op, pg_batch_sync(&op, f->conn), STATUS_LIMIT, "op.arena_full");
    assert_int_equal(rows.count, 0);
    check_all(f);
}

static void test_terminated_backend(void **state)
{
    struct fixture *f = *state;
    char sql[64];
    int len = snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 5000)::int",
                       pg_conn_backend_pid(f->conn));
    assert_true(len > 0);
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_insert(&f->op, f->conn, &part_table, f->rows, ROWS));
    ok(&f->op, pg_batch_sync(&f->op, f->conn));
    assert_int_equal(testing_pg_number(testing, sql), 1);
    struct status st = pg_batch_commit(&f->op, f->conn);
    assert_int_equal(st.kind, STATUS_RETRY);
    pg_batch_rollback(f->conn);
    st = pg_batch_begin(&f->op, f->conn);
    assert_int_equal(st.kind, STATUS_RETRY); /* until somebody connects */
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM part"), 0);
    ok(&f->op, pg_conn_connect(&f->op, f->conn));
    insert_all(f);
}

/* A descriptor that does not fit its table stops the lane instead of parking messages. */
static void test_schema_that_does_not_fit(void **state)
{
    struct fixture *f = *state;
    static const struct table_column columns[] = {
        TABLE_COLUMN(struct part, id, COLUMN_UUID),
        {.name = "no_such_column", .type = COLUMN_INT8, .offset = offsetof(struct part, version)},
    };
    static const struct table table = {.name = "part",
                                       .row_bytes = sizeof(struct part),
                                       .columns = columns,
                                       .column_count = 2,
                                       .key_count = 1,
                                       .version = TABLE_NO_COLUMN,
                                       .parent = TABLE_NO_COLUMN};
    static const struct table_column wrong_columns[] = {
        TABLE_COLUMN(struct part, id, COLUMN_UUID),
        {.name = "version", .type = COLUMN_INT4, .offset = offsetof(struct part, place)},
    };
    static const struct table wrong = {.name = "part",
                                       .row_bytes = sizeof(struct part),
                                       .columns = wrong_columns,
                                       .column_count = 2,
                                       .key_count = 1,
                                       .version = TABLE_NO_COLUMN,
                                       .parent = TABLE_NO_COLUMN};
    ok(&f->op, pg_batch_begin(&f->op, f->conn));
    ok(&f->op, pg_batch_insert(&f->op, f->conn, &table, f->rows, 1));
    failed(&f->op, pg_batch_sync(&f->op, f->conn), STATUS_STOP, "pg.schema");
    pg_batch_rollback(f->conn);
    insert_all(f);
    struct pg_batch_rows rows = {.count = 0};
    ok(&f->op, pg_batch_load(&f->op, f->conn, &wrong, &f->parts[0].id, 1, &rows));
    failed(&f->op, pg_batch_sync(&f->op, f->conn), STATUS_BUG, "pg.column_type");
}

int main(void)
{
    testing = testing_pg_new(NULL);
    if (!testing) {
        return TESTING_SKIPPED;
    }
    testing_pg_run(testing,
                   "CREATE TABLE thing (id uuid PRIMARY KEY, note text NOT NULL);"
                   "CREATE TABLE part (id uuid PRIMARY KEY, version bigint NOT NULL,"
                   " parent_id uuid NOT NULL, place integer NOT NULL, color smallint NOT NULL,"
                   " open boolean NOT NULL, label text NOT NULL, body bytea NOT NULL,"
                   " digest bytea NOT NULL);"
                   "CREATE INDEX part_parent ON part (parent_id);"
                   "CREATE TABLE pair (place integer NOT NULL, label text NOT NULL,"
                   " version bigint NOT NULL, PRIMARY KEY (place, label));"
                   "CREATE FUNCTION raise_it(state text) RETURNS integer LANGUAGE plpgsql AS"
                   " $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = state; END $$");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_insert_and_load, setup, teardown),
        cmocka_unit_test_setup_teardown(test_update_writes_every_column, setup, teardown),
        cmocka_unit_test_setup_teardown(test_update_leaves_fixed_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_count_commits_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_erase_counts_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_composite_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unique_violation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_children_come_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_children_that_matter_no_more_are_left_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_scans_of_every_shape, setup, teardown),
        cmocka_unit_test_setup_teardown(test_classes_of_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_terminated_backend, setup, teardown),
        cmocka_unit_test_setup_teardown(test_schema_that_does_not_fit, setup, teardown),
    };
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    testing_pg_free(testing);
    return result;
}
