/* What is not settled, counted on a real PostgreSQL. */
#include "payments/payments_census.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "payments_sql.h"
#include "testing/testing_pg.h"

#define SQL_MAX_BYTES 1500
#define HOUR_S 3600

static struct testing_pg *database;

struct world {
    struct arena arena;
    struct op op;
    struct pg_conn *conn;
    struct payments_census census;
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
                                            .application_name = STR("payments_census_test"),
                                            .use = PG_USE_REQUEST,
                                            .stmts = payments_sql_all,
                                            .stmt_count = PAYMENTS_SQL_COUNT};
    arena_init(&world.arena, (size_t)4 * 1024 * 1024);
    world.op = (struct op){.arena = &world.arena};
    ok(pg_conn_new(&world.op, &options, &world.conn));
    ok(pg_conn_connect(&world.op, world.conn));
    payments_census_init(&world.census, metrics_new(&world.op, STR("payments"), STR("1")));
    testing_pg_run(database, "DELETE FROM leg; DELETE FROM payment; DELETE FROM timer;"
                             "DELETE FROM effect; DELETE FROM parked_key");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    payments_census_fini(&world.census);
    pg_conn_free(world.conn);
    arena_fini(&world.arena);
    return 0;
}

/* A payment of this number with one leg, so many seconds old. Nothing of it waits. */
static void add_leg(int number, enum leg_kind kind, enum leg_state state, int age_s)
{
    char sql[SQL_MAX_BYTES];
    (void)snprintf(
        sql, sizeof(sql),
        "WITH p AS (INSERT INTO payment VALUES (lpad('%d', 32, '0')::uuid, 1, 0, false, 1, 1)"
        " RETURNING escrow_id)"
        "INSERT INTO leg SELECT gen_random_uuid(), escrow_id, 1, %d, %d, 1, 1, 2500,"
        " CASE WHEN %d = 1 AND %d = 3 THEN 2500 ELSE 0 END,"
        " CASE WHEN %d = 1 AND %d = 3 THEN 'USD' ELSE '' END, '', '',"
        " CASE WHEN %d = 2 THEN 'acct_1' ELSE '' END, gen_random_uuid(), '', 0,"
        " now_us() - %d * 1000000::bigint, 1 FROM p",
        number, (int)kind, (int)state, (int)kind, (int)state, (int)kind, (int)state, (int)kind,
        age_s);
    testing_pg_run(database, sql);
}

static void wait_for_moment(int number)
{
    char sql[SQL_MAX_BYTES];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO timer VALUES (lpad('%d', 32, '0')::uuid, 1, 0, 1, 1,"
                   " gen_random_uuid(), 1, true, 0)",
                   number);
    testing_pg_run(database, sql);
}

static void add_call(int number, int kind, int state, int age_s)
{
    char sql[SQL_MAX_BYTES];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO effect VALUES (gen_random_uuid(), 0, lpad('%d', 32, '0')::uuid, %d,"
                   " gen_random_uuid(), gen_random_uuid(), '', %d, 1, 1,"
                   " now_us() - %d * 1000000::bigint, %d IN (1, 2, 5), 0, '')",
                   number, kind, state, age_s, state);
    testing_pg_run(database, sql);
}

static void take(void)
{
    ok(payments_census_take(&world.op, world.conn, &world.census));
}

static int64_t legs(enum leg_kind kind, enum leg_state state, enum payments_census_age age)
{
    return atomic_load(&world.census.legs[kind][state][age]->value);
}

static int64_t all_legs(void)
{
    int64_t sum = 0;
    for (int kind = LEG_IN; kind < LEG_KIND_COUNT; kind++) {
        for (int state = LEG_ASKED; state <= LEG_OPEN; state++) {
            for (int age = 0; age < PAYMENTS_AGE_COUNT; age++) {
                sum +=
                    legs((enum leg_kind)kind, (enum leg_state)state, (enum payments_census_age)age);
            }
        }
    }
    return sum;
}

/* One each of all that a leg can wait for, and of all ages. */
static void what_waits_is_counted_once(void **state)
{
    (void)state;
    add_leg(1, LEG_IN, LEG_OPEN, 10);
    wait_for_moment(1);
    add_leg(2, LEG_IN, LEG_OPEN, 3 * HOUR_S);
    add_call(2, PAYMENTS_EFFECT_LOOK_AT_INTENT, EFFECT_SENDING, 5);
    add_leg(3, LEG_TRANSFER, LEG_ASKED, 30 * HOUR_S);
    testing_pg_run(database, "INSERT INTO parked_key"
                             " VALUES (lpad('3', 32, '0')::uuid, 0, 'x', false, 1, 1)");
    add_leg(4, LEG_REFUND, LEG_OPEN, 200 * HOUR_S);
    wait_for_moment(4);
    add_call(4, PAYMENTS_EFFECT_CREATE_REFUND, EFFECT_UNKNOWN, 5);
    take();
    assert_int_equal(legs(LEG_IN, LEG_OPEN, PAYMENTS_AGE_MINUTES), 1);
    assert_int_equal(legs(LEG_IN, LEG_OPEN, PAYMENTS_AGE_HOURS), 1);
    assert_int_equal(legs(LEG_TRANSFER, LEG_ASKED, PAYMENTS_AGE_DAYS), 1);
    assert_int_equal(legs(LEG_REFUND, LEG_OPEN, PAYMENTS_AGE_WEEKS), 1);
    assert_int_equal(all_legs(), 4);
    testing_pg_run(database, "UPDATE leg SET state = 4 WHERE escrow_id = lpad('3', 32, '0')::uuid");
    take();
    assert_int_equal(legs(LEG_TRANSFER, LEG_ASKED, PAYMENTS_AGE_DAYS), 0);
    assert_int_equal(all_legs(), 3);
}

static void what_is_settled_is_not_counted(void **state)
{
    (void)state;
    add_leg(1, LEG_IN, LEG_DONE, 10);
    wait_for_moment(1);
    add_leg(2, LEG_TRANSFER, LEG_FAILED, 10);
    add_call(2, PAYMENTS_EFFECT_CREATE_TRANSFER, EFFECT_FAILED, 10);
    take();
    assert_int_equal(all_legs(), 0);
}

/* Decisions see sandbox time; so do ages. It never goes back. */
static void ages_are_those_of_decisions(void **state)
{
    (void)state;
    add_leg(1, LEG_IN, LEG_OPEN, 10);
    wait_for_moment(1);
    add_call(1, PAYMENTS_EFFECT_CREATE_INTENT, EFFECT_UNKNOWN, 10);
    testing_pg_run(database, "UPDATE clock SET offset_us = 2 * 3600 * 1000000::bigint");
    take();
    assert_int_equal(legs(LEG_IN, LEG_OPEN, PAYMENTS_AGE_HOURS), 1);
    assert_true(atomic_load(&world.census.unknown_us) > INT64_C(7200) * 1000000);
}

/* A question moves nothing, and who has certainly not been sent is not unknown. */
static void the_oldest_unknown_is_of_what_moves_money(void **state)
{
    (void)state;
    add_call(1, PAYMENTS_EFFECT_LOOK_AT_TRANSFER, EFFECT_UNKNOWN, 9000);
    add_call(1, PAYMENTS_EFFECT_CREATE_TRANSFER, EFFECT_WAITING, 8000);
    add_call(1, PAYMENTS_EFFECT_CREATE_TRANSFER, EFFECT_DONE, 7000);
    take();
    assert_int_equal(atomic_load(&world.census.unknown_us), 0);
    add_call(1, PAYMENTS_EFFECT_CREATE_REFUND, EFFECT_UNKNOWN, 400);
    add_call(1, PAYMENTS_EFFECT_CREATE_TRANSFER, EFFECT_UNKNOWN, 300);
    take();
    assert_in_range(atomic_load(&world.census.unknown_us), INT64_C(400000000), INT64_C(450000000));
}

int main(void)
{
    database = testing_pg_new("payments");
    if (!database) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_waits_is_counted_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_settled_is_not_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_unknown_is_of_what_moves_money, setup, teardown),
        cmocka_unit_test_setup_teardown(ages_are_those_of_decisions, setup, teardown), /* last */
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    testing_pg_free(database);
    return failed;
}
