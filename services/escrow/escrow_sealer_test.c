/* Seals on a real PostgreSQL: of what, how often, by whom, and what is left when one fails. */
#include "escrow/escrow_sealer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/lane.h"
#include "escrow/escrow_repo.h"
#include "escrow/escrow_seal.h"
#include "escrow/testing/escrow_fixture.h"
#include "escrow_sql.h"
#include "pg/pg_batch.h"
#include "testing/testing_pg.h"

#define HOUR_US INT64_C(3600000000)
#define SQL_MAX_BYTES 1000

static struct testing_pg *database;

struct world {
    struct arena arena;
    struct op op;
    struct pg_conn *conn;
    struct sign_secret key;
};

static struct world world;

static void ok(struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", world.op.err.code, world.op.err.msg);
    }
}

static struct pg_conn *connect(void)
{
    const struct pg_conn_options options = {.conninfo = testing_pg_url(database),
                                            .application_name = STR("escrow_sealer_test"),
                                            .use = PG_USE_REQUEST,
                                            .stmts = escrow_sealer_stmts,
                                            .stmt_count = escrow_sealer_stmt_count};
    struct pg_conn *conn = NULL;
    ok(pg_conn_new(&world.op, &options, &conn));
    ok(pg_conn_connect(&world.op, conn));
    return conn;
}

static int setup(void **state)
{
    (void)state;
    arena_init(&world.arena, (size_t)64 * 1024 * 1024);
    world.op = (struct op){.arena = &world.arena};
    world.conn = connect();
    assert_true(
        sign_secret_read(STR("-----BEGIN PRIVATE KEY-----\n"
                             "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                             "-----END PRIVATE KEY-----\n"),
                         &world.key));
    testing_pg_run(
        database,
        "ALTER TABLE seal DISABLE TRIGGER ALL; ALTER TABLE seal_leaf DISABLE TRIGGER ALL;"
        "DELETE FROM seal_leaf; DELETE FROM seal; DELETE FROM outbox; DELETE FROM lane_out;"
        "DELETE FROM intake; DELETE FROM escrow; DELETE FROM ledger_total;"
        "ALTER TABLE transfer DISABLE TRIGGER ALL; DELETE FROM transfer;"
        "UPDATE sealer SET last_n = 0, looked_at_us = 0,"
        "  last_hash = decode(repeat('00', 32), 'hex');"
        "UPDATE sealer_position SET n = 0;"
        "ALTER TABLE seal ENABLE ALWAYS TRIGGER seal_append_only;"
        "ALTER TABLE seal_leaf ENABLE ALWAYS TRIGGER seal_leaf_append_only");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pg_conn_free(world.conn);
    arena_fini(&world.arena);
    return 0;
}

static int64_t number(const char *sql)
{
    return testing_pg_number(database, sql);
}

/* An escrow of this number, as its lane leaves it: with `events` of its events in the outbox. */
static struct id add_escrow(uint8_t number, int events)
{
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    fixture.escrow.id.bytes[0] = number;
    fixture.escrow.chain_head.bytes[0] = number;
    const void *row = &fixture.escrow;
    ok(pg_batch_begin(&world.op, world.conn));
    ok(pg_batch_insert(&world.op, world.conn, &escrow_table, &row, 1));
    ok(pg_batch_commit(&world.op, world.conn));
    char id[ID_TEXT_BYTES];
    char sql[SQL_MAX_BYTES];
    id_format(fixture.escrow.id, id);
    int32_t lane = lane_of_key(fixture.escrow.id);
    (void)snprintf(
        sql, sizeof(sql),
        "INSERT INTO lane_out VALUES (%d, 'escrow.events.v1', 1, 0, 1) ON CONFLICT DO NOTHING;"
        "INSERT INTO outbox SELECT o.lane, 2, o.next_n + g, gen_random_uuid(), 'escrow',"
        " '%s', 't', '', 1, gen_random_uuid() FROM lane_out o, generate_series(0, %d - 1) g"
        " WHERE o.lane = %d; UPDATE lane_out SET next_n = next_n + %d WHERE lane = %d",
        (int)lane, id, events, (int)lane, events, (int)lane);
    testing_pg_run(database, sql);
    return fixture.escrow.id;
}

/* The head moves on, as with an event. */
static void change(struct id escrow_id, int seq_more)
{
    char id[ID_TEXT_BYTES];
    char sql[SQL_MAX_BYTES];
    id_format(escrow_id, id);
    int32_t lane = lane_of_key(escrow_id);
    (void)snprintf(
        sql, sizeof(sql),
        "UPDATE escrow SET seq = seq + %d WHERE id = '%s';"
        "INSERT INTO outbox SELECT o.lane, 2, o.next_n, gen_random_uuid(), 'escrow', '%s',"
        " 't', '', 1, gen_random_uuid() FROM lane_out o WHERE o.lane = %d;"
        "UPDATE lane_out SET next_n = next_n + 1 WHERE lane = %d",
        seq_more, id, id, (int)lane, (int)lane);
    testing_pg_run(database, sql);
}

static struct escrow_sealer_round look(int64_t period_us)
{
    struct escrow_sealer_round round = {.leaves = 0};
    ok(escrow_sealer_look(&world.op, world.conn, &world.key, period_us, &round));
    return round;
}

static const struct table_scan seals_from = {.name = "seals_from",
                                             .table = &escrow_seal_table,
                                             .filter = TABLE_NO_COLUMN,
                                             .order = 0,
                                             .bound = SCAN_ABOVE};

/* All that is stored of a seal fits together. */
static void expect_seal(int64_t n, struct hash prev)
{
    struct pg_batch_rows rows;
    struct sign_public public_key = sign_public_of(&world.key);
    ok(pg_batch_scan(&world.op, world.conn, &seals_from, &(struct escrow_seal){.n = 0}, n - 1, 1,
                     &rows));
    ok(pg_batch_sync(&world.op, world.conn));
    assert_int_equal(rows.count, 1);
    const struct escrow_seal *seal = rows.rows;
    struct hash hash = escrow_seal_hash(seal);
    assert_int_equal(seal->n, n);
    assert_true(hash_eq(&seal->prev, &prev));
    assert_true(hash_eq(&seal->hash, &hash));
    assert_true(escrow_seal_signature_is_right(seal, &public_key));
}

static struct hash stored_hash(int64_t n)
{
    struct pg_batch_rows rows;
    ok(pg_batch_scan(&world.op, world.conn, &seals_from, &(struct escrow_seal){.n = 0}, n - 1, 1,
                     &rows));
    ok(pg_batch_sync(&world.op, world.conn));
    assert_int_equal(rows.count, 1);
    return ((const struct escrow_seal *)rows.rows)->hash;
}

static void what_changed_is_sealed_once(void **state)
{
    (void)state;
    const struct hash none = {.bytes = {0}};
    assert_int_equal(look(0).leaves, 0);
    struct id first = add_escrow(1, 3);
    (void)add_escrow(2, 2);
    struct escrow_sealer_round round = look(0);
    assert_int_equal(round.leaves, 2);
    assert_false(round.more);
    expect_seal(1, none);
    assert_int_equal(number("SELECT count(*) FROM seal_leaf WHERE seal_n = 1 AND prev_seal_n = 0"),
                     2);
    assert_int_equal(
        number("SELECT count(*) FROM intake WHERE open AND topic = 'escrow.messages.v1'"
               " AND key IN (SELECT escrow_id FROM seal_leaf)"),
        2);
    assert_int_equal(look(0).leaves, 0);
    change(first, 1);
    assert_int_equal(look(0).leaves, 1);
    expect_seal(2, stored_hash(1));
    assert_int_equal(number("SELECT prev_seal_n FROM seal_leaf WHERE seal_n = 2"), 1);
    assert_int_equal(number("SELECT count(*) FROM seal"), 2);
}

/* A refusal is an event without a new head. */
static void an_event_that_changes_nothing_is_not_sealed(void **state)
{
    (void)state;
    struct id id = add_escrow(1, 1);
    assert_int_equal(look(0).leaves, 1);
    change(id, 0);
    assert_int_equal(look(0).leaves, 0);
    assert_int_equal(number("SELECT count(*) FROM seal"), 1);
}

static void a_period_has_one_look(void **state)
{
    (void)state;
    (void)add_escrow(1, 1);
    assert_int_equal(look(HOUR_US).leaves, 1);
    (void)add_escrow(2, 1);
    assert_int_equal(look(HOUR_US).leaves, 0);
    testing_pg_run(database, "UPDATE sealer SET looked_at_us = looked_at_us - 3600000000");
    assert_int_equal(look(HOUR_US).leaves, 1);
}

/* What was taken back from the log is in the outbox before its deals are where it says. */
static void a_restored_lane_is_waited_for(void **state)
{
    (void)state;
    struct id id = add_escrow(1, 2);
    char sql[SQL_MAX_BYTES];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO restored VALUES (gen_random_uuid(), gen_random_uuid(), %d,"
                   " 'escrow.events.v1', 1, 1, decode(repeat('00', 32), 'hex'), true)",
                   (int)lane_of_key(id));
    testing_pg_run(database, sql);
    struct escrow_sealer_round round = look(0);
    assert_int_equal(round.leaves, 0);
    assert_false(round.more);
    testing_pg_run(database, "UPDATE restored SET open = false");
    assert_int_equal(look(0).leaves, 1);
    testing_pg_run(database, "DELETE FROM restored");
}

static void what_does_not_fit_follows_at_once(void **state)
{
    (void)state;
    (void)add_escrow(1, 1000);
    struct escrow_sealer_round round = look(HOUR_US);
    assert_int_equal(round.leaves, 1);
    assert_true(round.more);
    round = look(HOUR_US); /* the same head: nothing new, but the events are taken up */
    assert_int_equal(round.leaves, 0);
    assert_true(round.more);
    assert_false(look(HOUR_US).more);
    assert_int_equal(number("SELECT max(n) FROM sealer_position"), 1000);
}

/* Of the escrow's transition `seq`. Its trigger is off: there is no such transition here. */
static void transfer(struct id escrow_id, int seq, enum escrow_account debit,
                     enum escrow_account credit, const char *currency, int amount_minor)
{
    char id[ID_TEXT_BYTES];
    char sql[SQL_MAX_BYTES];
    id_format(escrow_id, id);
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO transfer SELECT '%s', %d, count(*), %d, %d, '%s', %d,"
                   " gen_random_uuid() FROM transfer WHERE escrow_id = '%s' AND seq = %d",
                   id, seq, (int)debit, (int)credit, currency, amount_minor, id, seq);
    testing_pg_run(database, sql);
}

static void expect_total(struct escrow_total expected)
{
    struct escrow_totals totals;
    int64_t found_minor = 0;
    escrow_totals_init(&totals, /* metrics */ NULL);
    ok(escrow_totals_read(&world.op, world.conn, &totals));
    for (uint32_t i = 0; i < totals.count; i++) {
        if (totals.rows[i].account == expected.account &&
            strcmp(totals.rows[i].currency, expected.currency) == 0) {
            found_minor = totals.rows[i].balance_minor;
        }
    }
    escrow_totals_fini(&totals);
    assert_int_equal(found_minor, expected.balance_minor);
}

/* Each transfer once, with the seal that covers it: not before, and not again with the next one. */
static void what_is_sealed_is_added_up_once(void **state)
{
    (void)state;
    struct id first = add_escrow(1, 1);
    struct id second = add_escrow(2, 1);
    change(first, 2);
    transfer(first, 2, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_ESCROW_IN, "USD", 2500);
    transfer(first, 2, ESCROW_ACCOUNT_ESCROW_IN, ESCROW_ACCOUNT_ESCROW_HELD, "USD", 2500);
    transfer(second, 1, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_SUSPENSE, "EUR", 7);
    expect_total((struct escrow_total){ESCROW_ACCOUNT_PSP_CLEAR, "USD", 0});
    assert_int_equal(look(0).leaves, 2);
    expect_total((struct escrow_total){ESCROW_ACCOUNT_PSP_CLEAR, "USD", 2500});
    expect_total((struct escrow_total){ESCROW_ACCOUNT_ESCROW_IN, "USD", 0});
    expect_total((struct escrow_total){ESCROW_ACCOUNT_ESCROW_HELD, "USD", 2500});
    expect_total((struct escrow_total){ESCROW_ACCOUNT_SUSPENSE, "EUR", 7});
    expect_total((struct escrow_total){ESCROW_ACCOUNT_PSP_CLEAR, "EUR", 7});

    change(first, 2);
    transfer(first, 8, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_FEE_INC, "USD", 100);
    transfer(first, 8, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_SELLER, "USD", 2400);
    assert_int_equal(look(0).leaves, 1);
    expect_total((struct escrow_total){ESCROW_ACCOUNT_PSP_CLEAR, "USD", 2500});
    expect_total((struct escrow_total){ESCROW_ACCOUNT_ESCROW_HELD, "USD", 0});
    expect_total((struct escrow_total){ESCROW_ACCOUNT_DUE_SELLER, "USD", 2400});
    expect_total((struct escrow_total){ESCROW_ACCOUNT_FEE_INC, "USD", 100});
    assert_int_equal(number("SELECT sum(debit_minor - credit_minor) FROM ledger_total"), 0);
}

static void one_seals_at_a_time(void **state)
{
    (void)state;
    (void)add_escrow(1, 1);
    struct pg_conn *other = connect();
    const struct pg_param params[] = {PG_I64(0)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    ok(pg_begin(&world.op, other));
    ok(pg_query(&world.op, other, &escrow_sql_sealer_take, params, ARRAY_LEN(params), &rows));
    assert_int_equal(pg_rows_count(rows), 1);
    assert_int_equal(look(0).leaves, 0);
    pg_rollback(other);
    pg_conn_free(other);
    assert_int_equal(look(0).leaves, 1);
}

static void a_failure_leaves_nothing(void **state)
{
    (void)state;
    struct escrow_sealer_round round;
    (void)add_escrow(1, 1);
    testing_pg_run(database, "ALTER TABLE intake ADD CONSTRAINT no_more CHECK (false) NOT VALID");
    assert_true(status_failed(escrow_sealer_look(&world.op, world.conn, &world.key, 0, &round)));
    testing_pg_run(database, "ALTER TABLE intake DROP CONSTRAINT no_more");
    assert_int_equal(number("SELECT count(*) FROM seal"), 0);
    assert_int_equal(number("SELECT max(n) FROM sealer_position"), 0);
    assert_int_equal(look(0).leaves, 1);
    assert_int_equal(number("SELECT max(n) FROM seal"), 1);
}

int main(void)
{
    database = testing_pg_new("escrow");
    if (!database) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_changed_is_sealed_once, setup, teardown),
        cmocka_unit_test_setup_teardown(an_event_that_changes_nothing_is_not_sealed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_period_has_one_look, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restored_lane_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_fit_follows_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_sealed_is_added_up_once, setup, teardown),
        cmocka_unit_test_setup_teardown(one_seals_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_leaves_nothing, setup, teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    testing_pg_free(database);
    return failed;
}
