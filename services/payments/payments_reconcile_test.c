/* The provider's books against ours, on a real PostgreSQL; the provider's are a list in here. */
#include "payments/payments_reconcile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "payments/payments_decide.h"
#include "payments_sql.h"
#include "testing/testing_pg.h"
#include "topology/topology.h"

#define SQL_MAX_BYTES 2000
#define LINES_MAX 64
#define BODY_MAX_BYTES ((size_t)64 * 1024)
#define NOBODY 0 /* a line's leg that is none of ours */

static struct testing_pg *database;

/* A line of the provider's, of our leg of this number. */
struct line {
    int number;
    int leg;
    const char *type;
    const char *currency;
    int64_t amount_minor;
    int64_t fee_minor;
    bool gone;
};

struct world {
    struct arena arena;
    struct op op;
    struct pg_conn *conn;
    struct line lines[LINES_MAX];
    uint32_t line_count;
    int64_t at_s;      /* of all lines */
    uint32_t too_many; /* answers are too large for so many lines; 0: never */
    bool away;
    uint32_t fetched;
    struct payments_reconcile_options options;
};

static struct world world;

static void ok(struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", world.op.err.code, world.op.err.msg);
    }
}

/* ---- The provider ---- */

/* The digits behind a name; 0: there is no such name. */
static int64_t number_after(struct str path, struct str name)
{
    int64_t found = 0;
    while (path.len > 0 && !str_has_prefix(path, name)) {
        path = str_after(path, 1);
    }
    for (struct str at = path.len > 0 ? str_after(path, name.len) : path;
         at.len > 0 && at.ptr[0] >= '0' && at.ptr[0] <= '9'; at = str_after(at, 1)) {
        found = found * 10 + (at.ptr[0] - '0');
    }
    return found;
}

static void write_line(struct strbuf *body, const struct line *line)
{
    strbuf_addf(body,
                "{\"id\":\"txn_%d\",\"object\":\"balance_transaction\",\"amount\":%lld,"
                "\"created\":%lld,\"currency\":\"%s\",\"fee\":%lld,\"net\":%lld,\"type\":\"%s\",",
                line->number, (long long)line->amount_minor, (long long)world.at_s, line->currency,
                (long long)line->fee_minor, (long long)(line->amount_minor - line->fee_minor),
                line->type);
    if (line->leg == NOBODY) {
        strbuf_add(body, STR("\"source\":null}"));
    } else {
        strbuf_addf(body,
                    "\"source\":{\"id\":\"obj_%d\",\"metadata\":{\"leg_id\":"
                    "\"00000000-0000-0000-0000-%012d\"}}}",
                    line->leg, line->leg);
    }
}

static struct status fetch(struct op *op, void *ctx, struct str path, struct str *ret_body)
{
    (void)ctx;
    struct strbuf body;
    uint32_t limit = (uint32_t)number_after(path, STR("limit="));
    int64_t after = number_after(path, STR("starting_after=txn_"));
    bool in_time = world.at_s >= number_after(path, STR("%5Bgte%5D=")) &&
                   world.at_s < number_after(path, STR("%5Blt%5D="));
    uint32_t told = 0;
    bool has_more = false;
    world.fetched++;
    if (world.away) {
        return op_fail(op, STATUS_RETRY, "payments.no_balance", "away");
    }
    if (world.too_many > 0 && limit >= world.too_many) {
        return op_fail(op, STATUS_LIMIT, "payments.no_balance", "too_large");
    }
    strbuf_init(&body, op->arena, BODY_MAX_BYTES);
    strbuf_add(&body, STR("{\"object\":\"list\",\"data\":["));
    for (uint32_t i = world.line_count; in_time && i > 0; i--) {
        const struct line *line = &world.lines[i - 1];
        if (line->gone || (after > 0 && line->number >= after)) {
            continue;
        }
        if (told == limit) {
            has_more = true;
            break;
        }
        strbuf_add(&body, told > 0 ? STR(",") : STR(""));
        write_line(&body, line);
        told++;
    }
    strbuf_addf(&body, "],\"has_more\":%s}", has_more ? "true" : "false");
    return strbuf_finish(&body, ret_body) ? OK : op_arena_full(op);
}

static struct line *add_line(int leg, const char *type, int64_t amount_minor)
{
    struct line *line = &world.lines[world.line_count++];
    *line = (struct line){.number = (int)world.line_count,
                          .leg = leg,
                          .type = type,
                          .currency = "usd",
                          .amount_minor = amount_minor};
    return line;
}

/* ---- We ---- */

static int64_t number(const char *sql)
{
    return testing_pg_number(database, sql);
}

/* A payment with one leg, and an event about it in the outbox of its lane. */
static void add_leg(int leg, enum leg_kind kind, enum leg_state state, int amount_minor)
{
    char sql[SQL_MAX_BYTES];
    int paid = kind == LEG_IN && state == LEG_DONE ? amount_minor : 0;
    (void)snprintf(
        sql, sizeof(sql),
        "INSERT INTO payment VALUES (lpad('9%03d', 32, '0')::uuid, 1, 0, false, 1, 1);"
        "INSERT INTO leg VALUES (lpad('%d', 32, '0')::uuid, lpad('9%03d', 32, '0')::uuid, 1, %d, "
        "%d,"
        " 1, 1, %d, %d, '%s', 'obj', '', '%s', gen_random_uuid(), '', 0, 1, 1);"
        "INSERT INTO lane_out VALUES (3, 'payments.events.v1', 1, 0, 1) ON CONFLICT DO NOTHING;"
        "INSERT INTO outbox SELECT 3, %d, next_n, gen_random_uuid(), 'payments.events.v1',"
        " lpad('9%03d', 32, '0')::uuid, 't', '', 1, gen_random_uuid() FROM lane_out WHERE lane = 3;"
        "UPDATE lane_out SET next_n = next_n + 1 WHERE lane = 3",
        leg, leg, leg, (int)kind, (int)state, amount_minor, paid, paid > 0 ? "USD" : "",
        kind == LEG_TRANSFER ? "acct_1" : "", (int)TOPIC_PAYMENTS_EVENTS_V1, leg);
    testing_pg_run(database, sql);
}

static void change_leg(int leg, enum leg_state state)
{
    char sql[SQL_MAX_BYTES];
    (void)snprintf(
        sql, sizeof(sql),
        "UPDATE leg SET state = %d WHERE id = lpad('%d', 32, '0')::uuid;"
        "INSERT INTO outbox SELECT 3, %d, next_n, gen_random_uuid(), 'payments.events.v1',"
        " lpad('9%03d', 32, '0')::uuid, 't', '', 1, gen_random_uuid() FROM lane_out WHERE lane = 3;"
        "UPDATE lane_out SET next_n = next_n + 1 WHERE lane = 3",
        (int)state, leg, (int)TOPIC_PAYMENTS_EVENTS_V1, leg);
    testing_pg_run(database, sql);
}

/* A paid leg, and what the provider says of it. */
static struct line *paid(int leg, int amount_minor)
{
    add_leg(leg, LEG_IN, LEG_DONE, amount_minor);
    struct line *line = add_line(leg, "charge", amount_minor);
    line->fee_minor = amount_minor * 29 / 1000 + 30;
    return line;
}

static int setup(void **state)
{
    (void)state;
    const struct pg_conn_options options = {.conninfo = testing_pg_url(database),
                                            .application_name = STR("payments_reconcile_test"),
                                            .use = PG_USE_REQUEST,
                                            .stmts = payments_sql_all,
                                            .stmt_count = PAYMENTS_SQL_COUNT};
    world = (struct world){.at_s = 0};
    arena_init(&world.arena, (size_t)32 * 1024 * 1024);
    world.op = (struct op){.arena = &world.arena};
    world.options = (struct payments_reconcile_options){
        .hourly_us = INT64_C(3600000000),
        .daily_us = INT64_C(86400000000),
        .lag_us = 0,
        .lease_us = PAYMENTS_RECONCILE_LEASE_US,
        .fee_max_basis_points = 600,
        .fee_max_fixed_minor = 100,
        .fetch = fetch,
    };
    ok(pg_conn_new(&world.op, &options, &world.conn));
    ok(pg_conn_connect(&world.op, world.conn));
    testing_pg_run(database,
                   "DELETE FROM leg; DELETE FROM payment; DELETE FROM outbox; DELETE FROM lane_out;"
                   "DELETE FROM settled_leg; DELETE FROM balance_line; DELETE FROM reconciliation;"
                   "DELETE FROM reconciliation_break; UPDATE settled_position SET n = 0;"
                   "UPDATE reconciler SET before_us = now_us(), to_us = now_us()");
    world.at_s = number("SELECT now_us() / 1000000 - 10");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pg_conn_free(world.conn);
    arena_fini(&world.arena);
    return 0;
}

static void ask_for_one(void)
{
    testing_pg_run(database,
                   "INSERT INTO reconciliation (kind, from_us, to_us) SELECT 3,"
                   " (now_us() / 1000000 - 3600) * 1000000, (now_us() / 1000000 + 1) * 1000000");
}

static struct payments_reconciled run_all(struct payments_reconcile *reconcile)
{
    struct payments_reconciled reconciled = {.done = false};
    struct payments_reconciled last = {.done = false};
    bool more = true;
    ok(payments_reconcile_take(&world.op, world.conn));
    while (more) {
        ok(payments_reconcile_step(&world.op, world.conn, &world.options, reconcile, &more,
                                   &reconciled));
        last = reconciled.done ? reconciled : last;
    }
    return last;
}

static struct payments_reconciled reconcile(void)
{
    struct payments_reconcile under_way = {.running = false};
    ok(payments_reconcile_take(&world.op, world.conn));
    ask_for_one();
    struct payments_reconciled reconciled = run_all(&under_way);
    assert_true(reconciled.done);
    return reconciled;
}

static int64_t open_breaks(enum payments_break_cause cause, int leg)
{
    char sql[SQL_MAX_BYTES];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM reconciliation_break WHERE state = 1 AND cause = %d"
                   " AND leg_id = lpad('%d', 32, '0')::uuid",
                   (int)cause, leg);
    return number(sql);
}

static void expect_one(enum payments_break_cause cause, int leg)
{
    assert_int_equal(open_breaks(cause, leg), 1);
    assert_int_equal(number("SELECT count(*) FROM reconciliation_break WHERE state = 1"), 1);
}

/* ---- The tests ---- */

static void books_that_agree_have_no_break(void **state)
{
    (void)state;
    for (int leg = 1; leg <= 20; leg++) { /* three pages */
        (void)paid(leg, 2500);
    }
    add_leg(21, LEG_TRANSFER, LEG_DONE, 2400);
    (void)add_line(21, "transfer", -2400);
    add_leg(22, LEG_REFUND, LEG_DONE, 100);
    (void)add_line(22, "refund", -100);
    add_leg(23, LEG_TRANSFER, LEG_FAILED, 100); /* never moved, and is not looked for */
    (void)add_line(NOBODY, "payout", -50000);   /* the account's own */
    struct payments_reconciled reconciled = reconcile();
    assert_int_equal(reconciled.lines, 23);
    assert_int_equal(reconciled.found, 0);
    assert_int_equal(reconciled.open, 0);
    assert_int_equal(number("SELECT count(*) FROM settled_leg WHERE matched"), 22);
    assert_int_equal(number("SELECT count(*) FROM settled_leg"), 22);
    assert_int_equal(world.fetched, 3);
    assert_int_equal(number("SELECT n FROM settled_position WHERE lane = 3"), 23);
}

static void what_the_provider_lacks_is_found(void **state)
{
    (void)state;
    (void)paid(1, 2500);
    paid(2, 2500)->gone = true;
    struct payments_reconciled reconciled = reconcile();
    assert_int_equal(reconciled.found, 1);
    expect_one(PAYMENTS_BREAK_MISSING_AT_PROVIDER, 2);
    /* Not found twice; and once it is there, healed. */
    reconciled = reconcile();
    assert_int_equal(reconciled.found, 0);
    assert_int_equal(reconciled.open, 1);
    world.lines[1].gone = false;
    reconciled = reconcile();
    assert_int_equal(reconciled.healed, 1);
    assert_int_equal(reconciled.open, 0);
}

static void what_is_taken_away_later_is_found(void **state)
{
    (void)state;
    struct line *line = paid(1, 2500);
    assert_int_equal(reconcile().open, 0);
    assert_int_equal(number("SELECT count(*) FROM settled_leg WHERE matched"), 1);
    line->gone = true;
    assert_int_equal(reconcile().found, 1);
    expect_one(PAYMENTS_BREAK_MISSING_AT_PROVIDER, 1);
    assert_int_equal(number("SELECT count(*) FROM balance_line WHERE gone"), 1);
}

static void what_we_lack_is_found(void **state)
{
    (void)state;
    (void)add_line(NOBODY, "adjustment", -2500);
    assert_int_equal(reconcile().found, 1);
    expect_one(PAYMENTS_BREAK_MISSING_WITH_US, NOBODY);
    assert_int_equal(number("SELECT count(*) FROM reconciliation_break WHERE line_id = 'txn_1'"),
                     1);
    assert_int_equal(reconcile().open, 1);
    world.lines[0].gone = true;
    assert_int_equal(reconcile().healed, 1);
    /* A leg that is not settled with us, and is there. */
    add_leg(5, LEG_IN, LEG_OPEN, 2500);
    (void)add_line(5, "charge", 2500);
    assert_int_equal(reconcile().found, 1);
    expect_one(PAYMENTS_BREAK_MISSING_WITH_US, 5);
    testing_pg_run(database,
                   "UPDATE leg SET received_minor = 2500, received_currency = 'USD', state = 3");
    change_leg(5, LEG_DONE);
    assert_int_equal(reconcile().healed, 1);
}

static void another_amount_is_found(void **state)
{
    (void)state;
    struct line *line = paid(1, 2500);
    assert_int_equal(reconcile().open, 0);
    line->amount_minor = 2499; /* after it agreed */
    assert_int_equal(reconcile().found, 1);
    expect_one(PAYMENTS_BREAK_AMOUNT, 1);
    assert_int_equal(number("SELECT expected_minor - found_minor FROM reconciliation_break"), 1);
}

/* The same object paid twice is twice the money. */
static void a_second_line_is_found(void **state)
{
    (void)state;
    add_leg(1, LEG_TRANSFER, LEG_DONE, 2400);
    (void)add_line(1, "transfer", -2400);
    (void)add_line(1, "transfer", -2400);
    (void)reconcile();
    expect_one(PAYMENTS_BREAK_AMOUNT, 1);
}

static void an_unexpected_fee_is_found(void **state)
{
    (void)state;
    paid(1, 10000)->fee_minor = 700; /* 6 % and 1.00: the most */
    assert_int_equal(reconcile().found, 0);
    world.lines[0].fee_minor = 701;
    assert_int_equal(reconcile().found, 1);
    expect_one(PAYMENTS_BREAK_FEE, 1);
    world.lines[0].fee_minor = 0;
    assert_int_equal(reconcile().open, 0);
    add_leg(2, LEG_TRANSFER, LEG_DONE, 2400);
    add_line(2, "transfer", -2400)->fee_minor = 1;
    (void)reconcile();
    expect_one(PAYMENTS_BREAK_FEE, 2);
}

static void another_currency_is_found(void **state)
{
    (void)state;
    paid(1, 2500)->currency = "eur";
    (void)reconcile();
    expect_one(PAYMENTS_BREAK_CURRENCY, 1);
}

/* A refund that the bank sends back: out, and in again. */
static void what_came_back_moved_nothing(void **state)
{
    (void)state;
    add_leg(1, LEG_REFUND, LEG_DONE, 100);
    (void)add_line(1, "refund", -100);
    assert_int_equal(reconcile().open, 0);
    change_leg(1, LEG_FAILED);
    assert_int_equal(reconcile().found, 1); /* we say that it came back, the provider does not */
    expect_one(PAYMENTS_BREAK_AMOUNT, 1);
    (void)add_line(1, "refund_failure", 100);
    assert_int_equal(reconcile().healed, 1);
}

/* What is too young is left to the next time. */
static void what_is_settled_later_is_not_missed(void **state)
{
    (void)state;
    paid(1, 2500)->gone = true;
    ok(payments_reconcile_take(&world.op, world.conn));
    testing_pg_run(database, "UPDATE settled_leg SET taken_at_us = now_us() + 60000000");
    assert_int_equal(reconcile().found, 0);
    assert_int_equal(number("SELECT count(*) FROM settled_leg WHERE matched"), 0);
    testing_pg_run(database, "UPDATE settled_leg SET taken_at_us = now_us() - 1");
    assert_int_equal(reconcile().found, 1);
}

/* What was taken back from the log is in the outbox before its legs are settled again. */
static void a_restored_lane_is_waited_for(void **state)
{
    (void)state;
    add_leg(1, LEG_IN, LEG_OPEN, 2500);
    testing_pg_run(database, "INSERT INTO restored VALUES (gen_random_uuid(), gen_random_uuid(), 3,"
                             " 'payments.events.v1', 1, 1, decode(repeat('00', 32), 'hex'), true)");
    ok(payments_reconcile_take(&world.op, world.conn));
    assert_int_equal(number("SELECT n FROM settled_position WHERE lane = 3"), 0);
    testing_pg_run(database,
                   "UPDATE leg SET received_minor = 2500, received_currency = 'USD', state = 3;"
                   "UPDATE restored SET open = false");
    (void)add_line(1, "charge", 2500);
    assert_int_equal(reconcile().open, 0);
    assert_int_equal(number("SELECT count(*) FROM settled_leg WHERE matched"), 1);
}

/* Who dies in the middle of it leaves a lease; then another one begins anew, and the first, should it live, is fenced. */
static void who_dies_is_replaced(void **state)
{
    (void)state;
    struct payments_reconcile first = {.running = false};
    struct payments_reconcile second = {.running = false};
    struct payments_reconciled reconciled;
    bool more = false;
    for (int leg = 1; leg <= 20; leg++) {
        (void)paid(leg, 2500);
    }
    world.lines[19].gone = true;
    ok(payments_reconcile_take(&world.op, world.conn));
    ask_for_one();
    for (int i = 0; i < 2; i++) { /* begun, and one page */
        ok(payments_reconcile_step(&world.op, world.conn, &world.options, &first, &more,
                                   &reconciled));
    }
    assert_int_equal(number("SELECT count(*) FROM balance_line"), 8);
    ok(payments_reconcile_step(&world.op, world.conn, &world.options, &second, &more, &reconciled));
    assert_false(second.running); /* not while the lease runs */
    testing_pg_run(database, "UPDATE reconciliation SET lease_until_us = now_us() - 1");
    ok(payments_reconcile_step(&world.op, world.conn, &world.options, &second, &more, &reconciled));
    assert_true(second.running);
    uint32_t fetched = world.fetched;
    ok(payments_reconcile_step(&world.op, world.conn, &world.options, &first, &more, &reconciled));
    assert_int_equal(world.fetched, fetched + 1);
    assert_false(first.running); /* and kept nothing */
    assert_int_equal(number("SELECT count(*) FROM balance_line"), 8);
    reconciled = run_all(&second);
    assert_int_equal(reconciled.lines, 19);
    assert_int_equal(reconciled.found, 1);
    expect_one(PAYMENTS_BREAK_MISSING_AT_PROVIDER, 20);
    assert_int_equal(number("SELECT epoch FROM reconciliation"), 2);
}

static void a_provider_that_is_away_is_asked_again(void **state)
{
    (void)state;
    struct payments_reconcile under_way = {.running = false};
    struct payments_reconciled reconciled;
    bool more = false;
    (void)paid(1, 2500);
    ok(payments_reconcile_take(&world.op, world.conn));
    ask_for_one();
    world.away = true;
    ok(payments_reconcile_step(&world.op, world.conn, &world.options, &under_way, &more,
                               &reconciled));
    assert_true(status_failed(payments_reconcile_step(&world.op, world.conn, &world.options,
                                                      &under_way, &more, &reconciled)));
    assert_false(more);
    world.away = false;
    world.too_many = 2; /* a line at a time */
    assert_int_equal(run_all(&under_way).lines, 1);
    assert_int_equal(under_way.limit, 1);
}

static void they_are_due_by_the_clock_and_once(void **state)
{
    (void)state;
    struct payments_reconcile first = {.running = false};
    struct payments_reconciled reconciled;
    bool more = true;
    (void)run_all(&first);
    assert_int_equal(number("SELECT count(*) FROM reconciliation"), 0);
    testing_pg_run(database, "UPDATE reconciler SET to_us = to_us - 3601 * 1000000::bigint");
    assert_true(run_all(&first).done);
    assert_int_equal(number("SELECT count(*) FROM reconciliation WHERE kind = 1 AND state = 3"), 1);
    /* From where the one before ended, and a while before that. */
    assert_in_range(number("SELECT (to_us - from_us) / 1000000 FROM reconciliation"), 7199, 7210);
    testing_pg_run(database, "UPDATE reconciler SET to_us = to_us - 86401 * 1000000::bigint");
    while (more) {
        ok(payments_reconcile_step(&world.op, world.conn, &world.options, &first, &more,
                                   &reconciled));
    }
    assert_int_equal(number("SELECT count(*) FROM reconciliation WHERE state = 3"), 3);
    assert_int_equal(
        number("SELECT (to_us - from_us) / 1000000 FROM reconciliation WHERE kind = 2"), 259200);
}

int main(void)
{
    database = testing_pg_new("payments");
    if (!database) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(books_that_agree_have_no_break, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_provider_lacks_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_taken_away_later_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(what_we_lack_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(another_amount_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_line_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unexpected_fee_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(another_currency_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(what_came_back_moved_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_settled_later_is_not_missed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restored_lane_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(who_dies_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_provider_that_is_away_is_asked_again, setup, teardown),
        cmocka_unit_test_setup_teardown(they_are_due_by_the_clock_and_once, setup, teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    testing_pg_free(database);
    return failed;
}
