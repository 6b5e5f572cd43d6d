#include "pg/pg.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pg_test_sql.h"
#include "testing/testing_pg.h"

static struct testing_pg *testing;

struct fixture {
    struct arena arena;
    struct op op;
    struct pg *pg;
};

static struct pg *open_measured(struct op *op, uint32_t connections_max, struct metrics *metrics)
{
    struct pg_options options = {
        .conninfo = testing_pg_url(testing),
        .application_name = STR("pg_test"),
        .stmts = pg_test_sql_all,
        .stmt_count = PG_TEST_SQL_COUNT,
        .connections_max = connections_max,
        .metrics = metrics,
    };
    struct pg *pg = NULL;
    struct status st = pg_open(op, &options, &pg);
    if (status_failed(st)) {
        print_error("%s %s\n", op->err.code, op->err.msg);
    }
    assert_int_equal(st.kind, STATUS_OK);
    return pg;
}

static struct pg *open_pool(struct op *op, uint32_t connections_max)
{
    return open_measured(op, connections_max, /* metrics */ NULL);
}

static struct fixture fixture_open(void)
{
    struct fixture f = {.pg = NULL};
    arena_init(&f.arena, (size_t)16 * 1024 * 1024);
    f.op = (struct op){.correlation_id = STR("test")};
    return f;
}

static void fixture_fini(struct fixture *f)
{
    pg_free(f->pg);
    arena_fini(&f->arena);
}

#define FIXTURE(name, connections)                            \
    DEFER(fixture_fini) struct fixture name = fixture_open(); \
    (name).op.arena = &(name).arena;                          \
    (name).pg = open_pool(&(name).op, (connections))

static void ok(struct op *op, struct status st)
{
    if (status_failed(st)) {
        print_error("%s %s\n", op->err.code, op->err.msg);
    }
    assert_int_equal(st.kind, STATUS_OK);
}

static void test_types_go_there_and_back(void **state)
{
    (void)state;
    FIXTURE(f, 1);
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    ok(&f.op, pg_acquire(&f.op, f.pg, &conn));
    struct hash hash = hash_of(STR("x"));

    const struct {
        struct id id;
        int64_t i64;
        int32_t i32;
        int16_t i16;
        bool flag;
        struct str text;
        struct str bytes;
    } cases[] = {
        {id_random(),
         INT64_MIN,
         INT32_MIN,
         INT16_MIN,
         true,
         STR("r\xc3\xa4t \xf0\x9f\x90\x80"),
         {.ptr = (const char *)hash.bytes, .len = HASH_BYTES}},
        {(struct id){.bytes = {0}}, INT64_MAX, INT32_MAX, INT16_MAX, false, STR(""), STR("")},
        {id_random(), 0, -1, 1, true, STR("'; DROP TABLE x; --"), STR("a\0b")},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pg_param params[] = {PG_ID(cases[i].id),      PG_I64(cases[i].i64),
                                    PG_I32(cases[i].i32),    PG_I16(cases[i].i16),
                                    PG_BOOL(cases[i].flag),  PG_TEXT(cases[i].text),
                                    PG_BYTES(cases[i].bytes)};
        DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
        ok(&f.op, pg_query(&f.op, conn, &pg_test_sql_all_types, params, ARRAY_LEN(params), &rows));
        assert_int_equal(pg_rows_count(rows), 1);
        struct id id;
        int64_t i64;
        int32_t i32;
        int small;
        bool flag;
        struct str text, bytes;
        ok(&f.op, pg_rows_id(&f.op, rows, 0, "a", &id));
        assert_true(id_eq(id, cases[i].id));
        ok(&f.op, pg_rows_i64(&f.op, rows, 0, "b", &i64));
        assert_int_equal(i64, cases[i].i64);
        ok(&f.op, pg_rows_i32(&f.op, rows, 0, "c", &i32));
        assert_int_equal(i32, cases[i].i32);
        ok(&f.op, pg_rows_i32(&f.op, rows, 0, "d", &small));
        assert_int_equal(small, cases[i].i16);
        ok(&f.op, pg_rows_bool(&f.op, rows, 0, "e", &flag));
        assert_int_equal(flag, cases[i].flag);
        ok(&f.op, pg_rows_text(&f.op, rows, 0, "f", &text));
        assert_true(str_eq(text, cases[i].text));
        ok(&f.op, pg_rows_bytes(&f.op, rows, 0, "g", &bytes));
        assert_true(str_eq(bytes, cases[i].bytes));
        struct hash got;
        struct status st = pg_rows_hash(&f.op, rows, 0, "g", &got);
        assert_int_equal(st.kind, i == 0 ? STATUS_OK : STATUS_BUG);
        if (i == 0) {
            assert_true(hash_eq(&got, &hash));
        }
    }
}

/* Every getter refuses a wrong column, type, range, or NULL, and says so. */
static void test_getters_check(void **state)
{
    (void)state;
    FIXTURE(f, 1);
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    ok(&f.op, pg_acquire(&f.op, f.pg, &conn));
    struct pg_param params[] = {PG_ID(id_random()), PG_I64((int64_t)INT32_MAX + 1),
                                PG_I32(7),          PG_I16(7),
                                PG_BOOL(true),      PG_TEXT(STR("t")),
                                PG_BYTES(STR("b"))};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    ok(&f.op, pg_query(&f.op, conn, &pg_test_sql_all_types, params, ARRAY_LEN(params), &rows));
    struct id id;
    int64_t i64;
    int32_t i32;
    int small;
    bool flag;
    struct str str;
    struct hash hash;
    struct op *op = &f.op;
#define REFUSED(call, expected_code)                      \
    do {                                                  \
        struct status refused_ = (call);                  \
        assert_int_equal(refused_.kind, STATUS_BUG);      \
        assert_string_equal(op->err.code, expected_code); \
    } while (0)
    REFUSED(pg_rows_i64(op, rows, 0, "zz", &i64), "pg.column");
    REFUSED(pg_rows_i64(op, rows, 0, "nothing", &i64), "pg.column_null");
    REFUSED(pg_rows_i64(op, rows, 0, "a", &i64), "pg.column_type");
    REFUSED(pg_rows_i32(op, rows, 0, "b", &i32), "pg.column_range");
    REFUSED(pg_rows_enum(op, rows, 0, "d", 7, &small), "pg.column_range");
    ok(op, pg_rows_enum(op, rows, 0, "d", 8, &small));
    REFUSED(pg_rows_id(op, rows, 0, "b", &id), "pg.column_type");
    REFUSED(pg_rows_bool(op, rows, 0, "d", &flag), "pg.column_type");
    REFUSED(pg_rows_text(op, rows, 0, "g", &str), "pg.column_type");
    REFUSED(pg_rows_bytes(op, rows, 0, "f", &str), "pg.column_type");
    REFUSED(pg_rows_hash(op, rows, 0, "g", &hash), "pg.column_type");
}

static void test_arrays(void **state)
{
    (void)state;
    FIXTURE(f, 1);
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    ok(&f.op, pg_acquire(&f.op, f.pg, &conn));
    const struct id ids[] = {id_random(), id_random()};
    const int64_t i64s[] = {INT64_MAX, -7};
    const int32_t i32s[] = {1000000, 1};
    const int32_t i16s[] = {-30000, 1};
    const struct str texts[] = {STR("a"), STR("")};
    const struct str bytes[] = {STR(""), STR("x\0y")};
    struct pg_param params[] = {PG_IDS(ids, 2),   PG_I64S(i64s, 2),   PG_I32S(i32s, 2),
                                PG_I16S(i16s, 2), PG_TEXTS(texts, 2), PG_BYTESS(bytes, 2)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    ok(&f.op, pg_query(&f.op, conn, &pg_test_sql_arrays, params, ARRAY_LEN(params), &rows));
    int64_t number;
    struct str str;
    struct id id;
    ok(&f.op, pg_rows_i64(&f.op, rows, 0, "a", &number));
    assert_int_equal(number, 2);
    ok(&f.op, pg_rows_i64(&f.op, rows, 0, "b", &number));
    assert_int_equal(number, INT64_MAX - 7);
    ok(&f.op, pg_rows_i64(&f.op, rows, 0, "c", &number));
    assert_int_equal(number, 1000001);
    ok(&f.op, pg_rows_i64(&f.op, rows, 0, "d", &number));
    assert_int_equal(number, -29999);
    ok(&f.op, pg_rows_text(&f.op, rows, 0, "e", &str));
    assert_true(str_eq(str, STR("a|")));
    ok(&f.op, pg_rows_bytes(&f.op, rows, 0, "f", &str));
    assert_true(str_eq(str, bytes[1]));
    ok(&f.op, pg_rows_id(&f.op, rows, 0, "g", &id));
    assert_true(id_eq(id, ids[1]));

    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        params[i].count = 0;
    }
    DEFER(pg_rows_free_at) struct pg_rows *empty = NULL;
    ok(&f.op, pg_query(&f.op, conn, &pg_test_sql_arrays, params, ARRAY_LEN(params), &empty));
    ok(&f.op, pg_rows_i64(&f.op, empty, 0, "a", &number));
    assert_int_equal(number, 0);

    const int32_t wide[] = {INT16_MAX + 1};
    params[3] = PG_I16S(wide, 1);
    DEFER(pg_rows_free_at) struct pg_rows *none = NULL;
    struct status st = pg_query(&f.op, conn, &pg_test_sql_arrays, params, ARRAY_LEN(params), &none);
    assert_int_equal(st.kind, STATUS_BUG);
    assert_string_equal(f.op.err.code, "pg.enum_range");
}

static void add(struct op *op, struct pg_conn *conn, struct id id, struct str note,
                enum status_kind expected)
{
    struct pg_param params[] = {PG_ID(id), PG_TEXT(note)};
    uint64_t changed = 9;
    struct status st = pg_exec(op, conn, &pg_test_sql_add, params, ARRAY_LEN(params), &changed);
    if (st.kind != expected) {
        print_error("%s %s\n", op->err.code, op->err.msg);
    }
    assert_int_equal(st.kind, expected);
    assert_int_equal(changed, expected == STATUS_OK ? 1 : 9);
}

static bool is_there(struct op *op, struct pg_conn *conn, struct id id)
{
    struct pg_param param = PG_ID(id);
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    ok(op, pg_query(op, conn, &pg_test_sql_find, &param, 1, &rows));
    return pg_rows_count(rows) == 1;
}

static void test_transactions(void **state)
{
    (void)state;
    FIXTURE(f, 2);
    DEFER(pg_release_at) struct pg_conn *other = NULL;
    ok(&f.op, pg_acquire(&f.op, f.pg, &other));
    struct id kept = id_random();

    struct id dropped = id_random();
    {
        DEFER(pg_release_at) struct pg_conn *conn = NULL;
        ok(&f.op, pg_acquire(&f.op, f.pg, &conn));
        ok(&f.op, pg_begin(&f.op, conn));
        add(&f.op, conn, kept, STR("kept"), STATUS_OK);
        assert_false(is_there(&f.op, other, kept));
        ok(&f.op, pg_commit(&f.op, conn));
        assert_true(is_there(&f.op, other, kept));

        ok(&f.op, pg_begin(&f.op, conn));
        add(&f.op, conn, dropped, STR("dropped"), STATUS_OK);
        pg_rollback(conn);
        assert_false(is_there(&f.op, conn, dropped));

        ok(&f.op, pg_begin_snapshot(&f.op, conn));
        assert_false(is_there(&f.op, conn, dropped));
        add(&f.op, other, dropped, STR("x"), STATUS_OK);
        assert_false(is_there(&f.op, conn, dropped));
        pg_rollback(conn);
        assert_true(is_there(&f.op, conn, dropped));

        ok(&f.op, pg_begin(&f.op, conn));
        add(&f.op, conn, id_random(), STR("left open"), STATUS_OK);
    } /* released with an open transaction */

    assert_int_equal(
        testing_pg_number(testing, "SELECT count(*) FROM thing WHERE note = 'left open'"), 0);
}

/* A commit that the server turns into a rollback is never taken for one. */
static void test_commit_after_a_failure_is_refused(void **state)
{
    (void)state;
    FIXTURE(f, 1);
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    ok(&f.op, pg_acquire(&f.op, f.pg, &conn));
    struct id id = id_random();
    ok(&f.op, pg_begin(&f.op, conn));
    add(&f.op, conn, id, STR("one"), STATUS_OK);
    add(&f.op, conn, id, STR("again"), STATUS_CONFLICT);
    assert_string_equal(f.op.err.code, "pg.conflict");
    struct status st = pg_commit(&f.op, conn);
    assert_int_equal(st.kind, STATUS_BUG);
    assert_string_equal(f.op.err.code, "pg.not_committed");
    pg_rollback(conn);
    assert_false(is_there(&f.op, conn, id));
}

static void test_what_sqlstates_mean(void **state)
{
    (void)state;
    FIXTURE(f, 1);
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    ok(&f.op, pg_acquire(&f.op, f.pg, &conn));
    add(&f.op, conn, id_random(), STR("bad \xff utf-8, secret"), STATUS_INVALID);
    assert_string_equal(f.op.err.code, "pg.invalid");
    assert_null(strstr(f.op.err.msg, "secret"));
    assert_string_equal(pg_conn_sqlstate(conn), "22021");
    add(&f.op, conn, id_random(), STR("refused by the check"), STATUS_BUG);
    assert_string_equal(f.op.err.code, "pg.refused");

    static const struct pg_stmt wrong = {.name = "wrong", .sql = "SELECT nothing FROM nowhere"};
    struct status st = pg_exec(&f.op, conn, &wrong, NULL, 0, NULL);
    assert_int_equal(st.kind, STATUS_BUG);
    assert_string_equal(pg_conn_sqlstate(conn), "42P01");
    add(&f.op, conn, id_random(), STR("the session goes on"), STATUS_OK);

    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    st = pg_query(&f.op, conn, &pg_test_sql_two_rows, NULL, 0, &rows);
    assert_int_equal(st.kind, STATUS_BUG);
    assert_string_equal(f.op.err.code, "pg.row_count");
    assert_null(rows);
    struct pg_param param = PG_I64(1);
    st = pg_query(&f.op, conn, &pg_test_sql_find, &param, 1, &rows);
    assert_int_equal(st.kind, STATUS_BUG);
    assert_string_equal(f.op.err.code, "pg.params");
    st = pg_query(&f.op, conn, &pg_test_sql_find, NULL, 0, &rows);
    assert_string_equal(f.op.err.code, "pg.params");
    assert_int_equal(st.kind, STATUS_BUG);
}

static void test_lock_timeout_is_retry(void **state)
{
    (void)state;
    FIXTURE(f, 2);
    DEFER(pg_release_at) struct pg_conn *one = NULL;
    DEFER(pg_release_at) struct pg_conn *two = NULL;
    ok(&f.op, pg_acquire(&f.op, f.pg, &one));
    ok(&f.op, pg_acquire(&f.op, f.pg, &two));
    struct id id = id_random();
    ok(&f.op, pg_begin(&f.op, one));
    add(&f.op, one, id, STR("first"), STATUS_OK);
    add(&f.op, two, id, STR("waits for the first"), STATUS_RETRY);
    assert_string_equal(pg_conn_sqlstate(two), "55P03");
}

static void test_deadline_ends_a_statement(void **state)
{
    (void)state;
    FIXTURE(f, 1);
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    ok(&f.op, pg_acquire(&f.op, f.pg, &conn));
    int64_t started_ms = clock_mono_ms();
    f.op.deadline_ms = started_ms + 100;
    struct pg_param param = PG_I64(8000);
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    struct status st = pg_query(&f.op, conn, &pg_test_sql_sleep, &param, 1, &rows);
    assert_int_equal(st.kind, STATUS_CANCELED);
    assert_string_equal(f.op.err.code, "op.deadline");
    assert_true(clock_mono_ms() - started_ms < 3000);
    f.op.deadline_ms = 0;
    pg_release(TAKE(conn));
    ok(&f.op, pg_acquire(&f.op, f.pg, &conn)); /* a new session */
    param = PG_I64(0);
    ok(&f.op, pg_query(&f.op, conn, &pg_test_sql_sleep, &param, 1, &rows));
}

static void test_lost_connections_come_back(void **state)
{
    (void)state;
    FIXTURE(f, 1);
    struct pg_conn *conn = NULL;
    ok(&f.op, pg_acquire(&f.op, f.pg, &conn));
    ok(&f.op, pg_begin(&f.op, conn));
    add(&f.op, conn, id_random(), STR("lost"), STATUS_OK);
    char sql[64];
    int len = snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 5000)::int",
                       pg_conn_backend_pid(conn));
    assert_true(len > 0);
    assert_int_equal(testing_pg_number(testing, sql), 1);
    struct status st = pg_commit(&f.op, conn);
    assert_int_equal(st.kind, STATUS_RETRY);
    pg_release(conn);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM thing WHERE note = 'lost'"),
                     0);
    /* Idle in the pool while it is cut: found out before it is handed out. */
    ok(&f.op, pg_acquire(&f.op, f.pg, &conn));
    len = snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 5000)::int",
                   pg_conn_backend_pid(conn));
    assert_true(len > 0);
    pg_release(conn);
    assert_int_equal(testing_pg_number(testing, sql), 1);
    ok(&f.op, pg_acquire(&f.op, f.pg, &conn));
    add(&f.op, conn, id_random(), STR("back"), STATUS_OK);
    pg_release(conn);
}

struct waiter {
    struct pg *pg;
    struct status st;
    struct id id;
};

static void *wait_for_one(void *arg)
{
    struct waiter *waiter = arg;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct op op = {.arena = &arena, .correlation_id = STR("waiter")};
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    waiter->st = pg_acquire(&op, waiter->pg, &conn);
    if (!status_failed(waiter->st)) {
        struct pg_param params[] = {PG_ID(waiter->id), PG_TEXT(STR("thread"))};
        waiter->st = pg_exec(&op, conn, &pg_test_sql_add, params, ARRAY_LEN(params), NULL);
    }
    return NULL;
}

static void test_threads_share_the_pool(void **state)
{
    (void)state;
    FIXTURE(f, 3);
    pthread_t threads[16];
    struct waiter waiters[16];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        waiters[i] = (struct waiter){.pg = f.pg, .id = id_random()};
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_one, &waiters[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(waiters[i].st.kind, STATUS_OK);
    }
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM thing WHERE note = 'thread'"),
                     16);
    /* All taken: the next waits until its deadline. */
    struct pg_conn *conns[3];
    for (size_t i = 0; i < ARRAY_LEN(conns); i++) {
        ok(&f.op, pg_acquire(&f.op, f.pg, &conns[i]));
    }
    f.op.deadline_ms = clock_mono_ms() + 50;
    struct pg_conn *fourth = NULL;
    struct status st = pg_acquire(&f.op, f.pg, &fourth);
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_string_equal(f.op.err.code, "pg.pool_busy");
    for (size_t i = 0; i < ARRAY_LEN(conns); i++) {
        pg_release(conns[i]);
    }
}

static bool page_says(struct metrics *metrics, const char *what)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 2 * METRICS_PAGE_MAX_BYTES);
    struct op op = {.arena = &arena};
    struct str page = STR("");
    ok(&op, metrics_render(&op, metrics, &page));
    return memmem(page.ptr, page.len, what, strlen(what)) != NULL;
}

static void test_the_pool_is_measured(void **state)
{
    (void)state;
    DEFER(fixture_fini) struct fixture f = fixture_open();
    f.op.arena = &f.arena;
    struct metrics *metrics = metrics_new(&f.op, STR("tester"), STR("1"));
    struct pg *pg = open_measured(&f.op, 1, metrics);
    assert_true(page_says(metrics, "\nholdfast_pg_pool_in_use 0\n"));
    struct pg_conn *conn = NULL;
    ok(&f.op, pg_acquire(&f.op, pg, &conn));
    struct waiter waiter = {.pg = pg, .id = id_random()};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_one, &waiter), 0);
    int64_t until_ms = clock_mono_ms() + PG_ACQUIRE_MAX_MS;
    while (!page_says(metrics, "\nholdfast_pg_pool_waiting 1\n")) {
        assert_true(clock_mono_ms() < until_ms);
    }
    pg_release(conn);
    assert_int_equal(pthread_join(thread, NULL), 0);
    ok(&f.op, waiter.st);
    ok(&f.op, pg_acquire(&f.op, pg, &conn));
    f.op.deadline_ms = clock_mono_ms() + 20;
    struct pg_conn *second = NULL;
    assert_int_equal(pg_acquire(&f.op, pg, &second).kind, STATUS_RETRY);
    f.op.deadline_ms = 0;
    assert_true(page_says(metrics, "\nholdfast_pg_pool_max 1\n"));
    assert_true(page_says(metrics, "\nholdfast_pg_pool_in_use 1\n"));
    assert_true(page_says(metrics, "\nholdfast_pg_pool_waiting 0\n"));
    assert_true(page_says(metrics, "\nholdfast_pg_pool_waits_total 2\n"));
    assert_true(page_says(metrics, "\nholdfast_pg_pool_busy_total 1\n"));
    pg_release(conn);
    pg_free(pg);
    assert_false(page_says(metrics, "holdfast_pg_pool_"));
}

static void test_nobody_there(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct op op = {.arena = &arena};
    struct pg_options options = {.conninfo = STR("host=/nowhere password=hush"),
                                 .connections_max = 1};
    struct pg *pg = NULL;
    struct status st = pg_open(&op, &options, &pg);
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_null(strstr(op.err.msg, "hush"));
    options.conninfo = STR("nonsense=1 password=hush");
    st = pg_open(&op, &options, &pg);
    assert_int_equal(st.kind, STATUS_INVALID);
    assert_null(strstr(op.err.msg, "hush"));
    assert_null(pg);
    struct str with;
    ok(&op, pg_conninfo_with(&op, STR("postgresql://u:p%27x@h/db?options=-c%20a%3Db"),
                             STR("-c c=d"), &with));
    assert_non_null(strstr(with.ptr, "password='p\\'x'"));
    assert_non_null(strstr(with.ptr, "options='-c a=b -c c=d'"));
}

/* The program does not start when a statement does not fit the schema. */
static void test_statements_are_prepared_at_start(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct op op = {.arena = &arena};
    static const struct pg_stmt wrong = {.name = "wrong", .sql = "SELECT nothing FROM nowhere"};
    static const struct pg_stmt *const stmts[] = {&wrong};
    struct pg_options options = {
        .conninfo = testing_pg_url(testing), .stmts = stmts, .stmt_count = 1, .connections_max = 1};
    struct pg *pg = NULL;
    struct status st = pg_open(&op, &options, &pg);
    assert_int_equal(st.kind, STATUS_BUG);
    assert_non_null(strstr(op.err.msg, "wrong"));
}

int main(void)
{
    testing = testing_pg_new(NULL);
    if (!testing) {
        return TESTING_SKIPPED;
    }
    testing_pg_run(testing, "CREATE TABLE thing (id uuid PRIMARY KEY, note text NOT NULL"
                            " CHECK (note NOT LIKE 'refused%'))");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_go_there_and_back),
        cmocka_unit_test(test_getters_check),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_commit_after_a_failure_is_refused),
        cmocka_unit_test(test_what_sqlstates_mean),
        cmocka_unit_test(test_lock_timeout_is_retry),
        cmocka_unit_test(test_deadline_ends_a_statement),
        cmocka_unit_test(test_lost_connections_come_back),
        cmocka_unit_test(test_threads_share_the_pool),
        cmocka_unit_test(test_the_pool_is_measured),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_statements_are_prepared_at_start),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    testing_pg_free(testing);
    return failed;
}
