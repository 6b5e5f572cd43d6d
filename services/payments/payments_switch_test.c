/* Switches of rails, on a real PostgreSQL. */
#include "payments/payments_switch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "engine/engine_tables.h"
#include "payments_sql.h"
#include "testing/testing_pg.h"

#define SQL_MAX_BYTES 500

static struct testing_pg *database;

struct world {
    struct arena arena;
    struct op op;
    struct pg_conn *conn;
    struct payments_switch rail_switch;
    struct clock_fake clock;
};

static struct world world;

static void ok(struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", world.op.err.code, world.op.err.msg);
    }
}

static int setup(void **state)
{
    (void)state;
    const struct pg_conn_options options = {.conninfo = testing_pg_url(database),
                                            .application_name = STR("payments_switch_test"),
                                            .use = PG_USE_REQUEST,
                                            .stmts = payments_sql_all,
                                            .stmt_count = PAYMENTS_SQL_COUNT};
    arena_init(&world.arena, (size_t)1024 * 1024);
    world.op = (struct op){.arena = &world.arena};
    ok(pg_conn_new(&world.op, &options, &world.conn));
    ok(pg_conn_connect(&world.op, world.conn));
    payments_switch_init(&world.rail_switch, metrics_new(&world.op, STR("payments"), STR("1")));
    testing_pg_run(database, "DELETE FROM admin_request");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clock_use_fake(NULL);
    pg_conn_free(world.conn);
    arena_fini(&world.arena);
    return 0;
}

/* Asked for, and what its owner said of it at that moment; 0: nothing yet. */
static void ask(enum admin_kind kind, const char *rail, const char *result, int done_at_us)
{
    char sql[SQL_MAX_BYTES];
    (void)snprintf(
        sql, sizeof(sql),
        "INSERT INTO admin_request (id, lane, kind, key, topic, n, requested_by,"
        " approved_by, created_at_us, open, result, done_at_us)"
        " VALUES (gen_random_uuid(), 0, %d, gen_random_uuid(), '%s', 0, 'ada', '', 1, %s,"
        " '%s', %d)",
        (int)kind, rail, done_at_us == 0 ? "true" : "false", result, done_at_us);
    testing_pg_run(database, sql);
}

static int64_t held(enum effects_method method, const char *path)
{
    const struct effects_request request = {.method = method, .path = str_of(path)};
    return payments_switch_held(&world.rail_switch, &request);
}

static int64_t transfer_held(void)
{
    ok(payments_switch_read(&world.op, world.conn, &world.rail_switch));
    return held(EFFECTS_POST, "/v1/transfers");
}

static void what_pays_out_is_held(void **state)
{
    (void)state;
    assert_int_equal(transfer_held(), 0);
    ask(ADMIN_SWITCH_OFF, "stripe", "done", 1);
    assert_int_equal(transfer_held(), PAYMENTS_SWITCH_OFF_MS);
    assert_int_equal(held(EFFECTS_POST, "/v1/refunds"), PAYMENTS_SWITCH_OFF_MS);
    /* Money in, what ends it, and questions go on. */
    assert_int_equal(held(EFFECTS_POST, "/v1/payment_intents"), 0);
    assert_int_equal(held(EFFECTS_POST, "/v1/payment_intents/pi_1/cancel"), 0);
    assert_int_equal(held(EFFECTS_GET, "/v1/transfers?transfer_group=x"), 0);
    assert_int_equal(held(EFFECTS_GET, "/v1/refunds/re_1"), 0);
    assert_int_equal(atomic_load(&world.rail_switch.shown[LEG_RAIL_STRIPE]->value), 1);
    assert_int_equal(atomic_load(&world.rail_switch.held->value), 2);
}

static void the_last_that_was_done_counts(void **state)
{
    (void)state;
    ask(ADMIN_SWITCH_OFF, "stripe", "done", 5);
    ask(ADMIN_SWITCH_ON, "stripe", "engine.needs_two_people: one is not enough", 6);
    ask(ADMIN_SWITCH_ON, "stripe", "done", 4); /* before it */
    assert_int_equal(transfer_held(), PAYMENTS_SWITCH_OFF_MS);
    ask(ADMIN_SWITCH_ON, "stripe", "", 0); /* asked for, not done */
    assert_int_equal(transfer_held(), PAYMENTS_SWITCH_OFF_MS);
    ask(ADMIN_SWITCH_ON, "stripe", "done", 7);
    assert_int_equal(transfer_held(), 0);
    ask(ADMIN_SWITCH_OFF, "other", "done", 8);
    assert_int_equal(transfer_held(), 0);
    ask(ADMIN_SWITCH_OFF, "stripe", "", 0); /* off at once */
    assert_int_equal(transfer_held(), PAYMENTS_SWITCH_OFF_MS);
}

/* Who cannot know holds back. */
static void what_was_not_looked_at_is_off(void **state)
{
    (void)state;
    world.clock = (struct clock_fake){.mono_us = 1000000};
    clock_use_fake(&world.clock);
    assert_int_equal(held(EFFECTS_POST, "/v1/transfers"), PAYMENTS_SWITCH_UNREAD_MS);
    assert_int_equal(transfer_held(), 0);
    world.clock.mono_us += PAYMENTS_SWITCH_STALE_MS * INT64_C(1000);
    assert_int_equal(held(EFFECTS_POST, "/v1/transfers"), 0);
    world.clock.mono_us += 1000;
    assert_int_equal(held(EFFECTS_POST, "/v1/transfers"), PAYMENTS_SWITCH_UNREAD_MS);
    assert_int_equal(transfer_held(), 0);
}

int main(void)
{
    database = testing_pg_new("payments");
    if (!database) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_pays_out_is_held, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_that_was_done_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_looked_at_is_off, setup, teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    testing_pg_free(database);
    return failed;
}
