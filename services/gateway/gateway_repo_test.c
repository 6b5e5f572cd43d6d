/* What the lanes and the intake write is what requests read: every column, on a real PostgreSQL. */
#include "gateway/gateway_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "engine/engine_tables.h"
#include "gateway/gateway_in.h"
#include "gateway/testing/gateway_checks.h"
#include "pg/pg_batch.h"
#include "testing/testing_pg.h"

static struct testing_pg *database;

struct fixture {
    struct arena arena;
    struct op op;
    struct pg *pg;
};

static struct fixture fixture;

static void ok(struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", fixture.op.err.code, fixture.op.err.msg);
    }
}

static int setup(void **state)
{
    (void)state;
    fixture = (struct fixture){.pg = NULL};
    arena_init(&fixture.arena, (size_t)16 * 1024 * 1024);
    fixture.op = (struct op){.arena = &fixture.arena};
    const struct pg_options options = {.conninfo = testing_pg_url(database),
                                       .application_name = STR("gateway_repo_test"),
                                       .stmts = gateway_repo_stmts,
                                       .stmt_count = gateway_repo_stmt_count,
                                       .connections_max = 2};
    ok(pg_open(&fixture.op, &options, &fixture.pg));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pg_free(fixture.pg);
    arena_fini(&fixture.arena);
    return 0;
}

/* As the engine and the intake do it: by the descriptor. */
static void insert(const struct table *table, const void *row)
{
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    ok(pg_acquire(&fixture.op, fixture.pg, &conn));
    ok(pg_batch_begin(&fixture.op, conn));
    ok(pg_batch_insert(&fixture.op, conn, table, &row, 1));
    ok(pg_batch_commit(&fixture.op, conn));
}

static struct gateway_view view_of(uint8_t number)
{
    struct gateway_view view = gateway_full_view(100 * number);
    view.id = (struct id){.bytes = {number}};
    view.version = 1;
    view.seq = number;
    view.state = 4;
    view.payment_ref = STR("pi_1");
    view.payment_client_secret = STR("pi_1_secret");
    view.created_at_us = 1000 * number + 1;
    view.updated_at_us = 1000 * number + 2;
    return view;
}

/* The version is the lane's alone. */
static void same_view(const struct gateway_view *a, const struct gateway_view *b)
{
    same_row(&gateway_view_table, a, b, gateway_view_table.version);
}

static void a_view_is_read_whole(void **state)
{
    (void)state;
    struct gateway_view view = view_of(1);
    struct gateway_deal deal;
    insert(&gateway_view_table, &view);
    ok(gateway_repo_find_deal(&fixture.op, fixture.pg, view.id, &deal));
    assert_true(deal.in_view);
    same_view(&deal.view, &view);
}

static void every_list_reads_it_whole(void **state)
{
    (void)state;
    struct gateway_view view = view_of(2);
    insert(&gateway_view_table, &view);

    const struct gateway_caller callers[] = {
        {.kind = ENGINE_ACTOR_USER, .account_id = view.buyer_id},
        {.kind = ENGINE_ACTOR_USER, .account_id = view.seller_id},
        {.kind = ENGINE_ACTOR_USER, .account_id = view.arbiter_id},
        {.kind = ENGINE_ACTOR_MARKETPLACE, .account_id = view.marketplace_id},
        {.kind = ENGINE_ACTOR_STAFF, .account_id = {.bytes = {0xd1}}},
    };

    const struct gateway_cursor newest = {.before_us = INT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        const struct gateway_view *views = NULL;
        uint32_t count = 0;
        ok(gateway_repo_list(&fixture.op, fixture.pg, &callers[i], newest, 1, &views, &count));
        assert_int_equal(count, 1);
        same_view(&views[0], &view);
    }
}

static struct gateway_pending pending_of(uint8_t number)
{
    return (struct gateway_pending){
        .id = {.bytes = {number}},
        .command_id = {.bytes = {0x32, number}},
        .marketplace_id = {.bytes = {0xa1}},
        .buyer_id = {.bytes = {0xb1}},
        .seller_id = {.bytes = {0xc1}},
        .arbiter_id = {.bytes = {0xe1}},
        .arbiter_key = STR("0123"),
        .currency = CURRENCY_USD,
        .price_minor = 1,
        .seller_account = STR("acct_1"),
        .funding_seconds = 2,
        .delivery_seconds = 3,
        .inspection_seconds = 4,
        .fees = {.buyer = {6, 7}, .seller = {8, 9}, .buyer_refundable = true},
        .description = STR("A sword"),
        .created_at_us = 5,
    };
}

static void take_in(struct id command_id, struct id key)
{
    const struct intake_row request = {
        .id = command_id,
        .topic = STR("escrow.commands.v1"),
        .key = key,
        .type = STR("x"),
        .payload = STR("x"),
        .account = {.bytes = {0xa1}},
        .created_at_us = 5,
        .open = true,
        .outcome_code = STR(""),
        .outcome_sentence = STR(""),
    };
    insert(&engine_intake_table, &request);
}

static void what_is_pending_is_read_whole(void **state)
{
    (void)state;
    const struct gateway_pending pending = pending_of(0x31);
    insert(&gateway_pending_table, &pending);
    take_in(pending.command_id, pending.id);
    struct gateway_deal deal;
    ok(gateway_repo_find_deal(&fixture.op, fixture.pg, pending.id, &deal));
    assert_false(deal.in_view);
    assert_true(deal.is_pending);
    same_row(&gateway_pending_table, &deal.pending, &pending, TABLE_NO_COLUMN);
}

/* How many rows the service would let go that are at least so old. */
static uint32_t going(const struct table_scan *scan, int64_t before_us)
{
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    struct pg_batch_rows rows = {.count = 0};
    const struct table_column *order = &scan->table->columns[scan->order];
    assert_string_equal(order->name, "created_at_us");
    char *like = arena_alloc(&fixture.arena, 1, scan->table->row_bytes);
    assert_non_null(like);
    memcpy(like + order->offset, &before_us, sizeof(before_us));
    ok(pg_acquire(&fixture.op, fixture.pg, &conn));
    ok(pg_batch_scan(&fixture.op, conn, scan, like, /* place */ 0, /* limit */ 10, &rows));
    ok(pg_batch_sync(&fixture.op, conn));
    return rows.count;
}

static void what_was_pending_goes_after_its_request(void **state)
{
    (void)state;
    const struct gateway_pending deal = pending_of(0x41);
    const struct gateway_account_pending account = {.id = {.bytes = {0x42}},
                                                    .command_id = {.bytes = {0x32, 0x42}},
                                                    .display_name = STR("Ada"),
                                                    .discord_id = STR(""),
                                                    .created_at_us = 5};
    insert(&gateway_pending_table, &deal);
    take_in(deal.command_id, deal.id);
    insert(&gateway_account_pending_table, &account);
    take_in(account.command_id, account.id);
    for (size_t i = 0; i < ENGINE_EXPIRING_MAX; i++) {
        assert_int_equal(going(&gateway_service.expiring[i]->scan, INT64_MAX), 0);
    }
    testing_pg_run(database, "DELETE FROM intake WHERE key IN"
                             " ('41000000-0000-0000-0000-000000000000',"
                             " '42000000-0000-0000-0000-000000000000')");
    for (size_t i = 0; i < ENGINE_EXPIRING_MAX; i++) {
        assert_int_equal(going(&gateway_service.expiring[i]->scan, 4), 0);
        assert_int_equal(going(&gateway_service.expiring[i]->scan, 5), 1);
    }
}

int main(void)
{
    DEFER(testing_pg_free_at) struct testing_pg *testing = testing_pg_new("gateway");
    if (!testing) {
        return TESTING_SKIPPED;
    }
    database = testing;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_view_is_read_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(every_list_reads_it_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_pending_is_read_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_pending_goes_after_its_request, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
