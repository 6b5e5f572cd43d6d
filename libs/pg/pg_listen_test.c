/* NOTIFY over a real server: what comes, what is not told, and what is lost. */
#include "pg/pg_listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pg/pg.h"
#include "testing/testing_pg.h"

#define PATIENCE_MS 60000
#define AT_ONCE_MS 0

static struct testing_pg *testing;

struct fixture {
    struct arena arena;
    struct op op;
    struct pg_conn *conn;
    struct str channel; /* of this schema alone */
};

static void ok(struct op *op, struct status st)
{
    if (status_failed(st)) {
        print_error("%s %s\n", op->err.code, op->err.msg);
    }
    assert_int_equal(st.kind, STATUS_OK);
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.channel = testing_pg_schema(testing)};
    arena_init(&f.arena, (size_t)1024 * 1024);
    f.op = (struct op){.arena = &f.arena, .correlation_id = STR("test")};
    const struct pg_conn_options options = {.conninfo = testing_pg_url(testing),
                                            .application_name = STR("pg_listen_test"),
                                            .use = PG_USE_REQUEST};
    ok(&f.op, pg_conn_new(&f.op, &options, &f.conn));
    ok(&f.op, pg_conn_connect(&f.op, f.conn));
    ok(&f.op, pg_listen(&f.op, f.conn, f.channel));
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

static bool told(struct fixture *f, int timeout_ms)
{
    bool told = false;
    ok(&f->op, pg_listen_wait(&f->op, f->conn, -1, timeout_ms, &told));
    return told;
}

#define TELL "SELECT pg_notify(current_schema(), '');"

static void test_hears_what_is_committed(void **state)
{
    struct fixture *f = *state;
    assert_false(told(f, AT_ONCE_MS));
    testing_pg_run(testing, TELL);
    assert_true(told(f, PATIENCE_MS));
    assert_false(told(f, AT_ONCE_MS)); /* once */
}

static void test_hears_nothing_of_a_rollback(void **state)
{
    struct fixture *f = *state;
    testing_pg_run(testing, "BEGIN; " TELL " ROLLBACK");
    testing_pg_run(testing, TELL); /* so that there is something to wait for */
    assert_true(told(f, PATIENCE_MS));
    assert_false(told(f, AT_ONCE_MS));
}

/* What comes while an answer is read is not lost. */
static void test_hears_while_it_asks(void **state)
{
    struct fixture *f = *state;
    testing_pg_run(testing, TELL);
    ok(&f->op, pg_conn_script(&f->op, f->conn, STR("SELECT 1")));
    assert_true(told(f, AT_ONCE_MS));
}

static void test_wakes_for_others(void **state)
{
    struct fixture *f = *state;
    int wake_fd = eventfd(1, EFD_CLOEXEC);
    bool heard = true;
    int64_t began_ms = clock_mono_ms();
    assert_true(wake_fd >= 0);
    ok(&f->op, pg_listen_wait(&f->op, f->conn, wake_fd, PATIENCE_MS, &heard));
    assert_false(heard);
    assert_true(clock_mono_ms() - began_ms < PATIENCE_MS); /* it did not just run out */
    (void)close(wake_fd);
}

static void test_tells_that_the_server_has_gone(void **state)
{
    struct fixture *f = *state;
    char sql[96];
    bool heard = false;
    int len = snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 5000)",
                       pg_conn_backend_pid(f->conn));
    assert_true(len > 0);
    testing_pg_run(testing, sql);
    struct status st = OK;
    for (int i = 0; i < 2 && !status_failed(st); i++) { /* a farewell first, then the end */
        st = pg_listen_wait(&f->op, f->conn, -1, PATIENCE_MS, &heard);
    }
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_false(pg_conn_is_open(f->conn));
    assert_int_equal(pg_listen_wait(&f->op, f->conn, -1, PATIENCE_MS, &heard).kind, STATUS_RETRY);
}

int main(void)
{
    testing = testing_pg_new(NULL);
    if (!testing) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hears_what_is_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hears_nothing_of_a_rollback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hears_while_it_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wakes_for_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tells_that_the_server_has_gone, setup, teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    testing_pg_free(testing);
    return failed;
}
