/* In: events of ours, pages of the provider. Out: lines, and where the two differ. The comparing is sql/reconcile_judge.sql. */
#include "payments/payments_reconcile.h"

#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/money.h"
#include "payments_sql.h"
#include "topology/topology.h"

#define TAKE_EVENTS_MAX 500 /* of each lane at a time */
#define HOUR_US (INT64_C(3600) * 1000000)
#define DAILY_DAYS_US (3 * 24 * HOUR_US)

STATUS payments_reconcile_take(struct op *op, struct pg_conn *conn)
{
    struct str currencies[CURRENCY_COUNT - 1]; /* SQL counts from 1, where ours begin */
    for (int i = CURRENCY_NONE + 1; i < CURRENCY_COUNT; i++) {
        currencies[i - 1] = currency_name((enum currency)i);
    }
    const struct pg_param params[] = {
        PG_TEXT(str_of(topology_topics[TOPIC_PAYMENTS_EVENTS_V1].name)),
        PG_I16(TOPIC_PAYMENTS_EVENTS_V1), PG_I64(TAKE_EVENTS_MAX),
        PG_TEXTS(currencies, ARRAY_LEN(currencies))};
    return pg_exec(op, conn, &payments_sql_settled_take, params, ARRAY_LEN(params),
                   /* changed */ NULL);
}

static STATUS begin(struct op *op, struct pg_conn *conn,
                    const struct payments_reconcile_options *options,
                    struct payments_reconcile *reconcile)
{
    const struct pg_param due[] = {PG_I64(options->hourly_us), PG_I64(options->daily_us),
                                   PG_I64(options->lag_us), PG_I64(HOUR_US), PG_I64(DAILY_DAYS_US)};
    const struct pg_param take[] = {PG_I64(options->lease_us)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    struct payments_reconcile begun = {.running = true, .limit = BALANCE_PAGE_LINES};
    TRY(pg_exec(op, conn, &payments_sql_reconcile_due, due, ARRAY_LEN(due), /* changed */ NULL));
    TRY(pg_query(op, conn, &payments_sql_reconcile_take, take, ARRAY_LEN(take), &rows));
    if (pg_rows_count(rows) == 0) {
        return OK;
    }
    TRY(pg_rows_i64(op, rows, 0, "n", &begun.n));
    TRY(pg_rows_i64(op, rows, 0, "epoch", &begun.epoch));
    TRY(pg_rows_i64(op, rows, 0, "from_us", &begun.from_us));
    TRY(pg_rows_i64(op, rows, 0, "to_us", &begun.to_us));
    *reconcile = begun;
    return OK;
}

/* Within the step's transaction. *ret_held false: somebody else has begun it anew. */
static STATUS hold(struct op *op, struct pg_conn *conn,
                   const struct payments_reconcile_options *options,
                   const struct payments_reconcile *reconcile, bool *ret_held)
{
    const struct pg_param params[] = {PG_I64(reconcile->n), PG_I64(reconcile->epoch),
                                      PG_I64(options->lease_us)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &payments_sql_reconcile_hold, params, ARRAY_LEN(params), &rows));
    *ret_held = pg_rows_count(rows) > 0;
    return OK;
}

/* ---- A page ---- */

static STATUS keep_lines(struct op *op, struct pg_conn *conn, int64_t n,
                         const struct balance_page *page)
{
    struct str ids[BALANCE_PAGE_LINES];
    struct str types[BALANCE_PAGE_LINES];
    struct str sources[BALANCE_PAGE_LINES];
    struct id leg_ids[BALANCE_PAGE_LINES];
    struct str currencies[BALANCE_PAGE_LINES];
    int64_t amounts[BALANCE_PAGE_LINES];
    int64_t fees[BALANCE_PAGE_LINES];
    int64_t nets[BALANCE_PAGE_LINES];
    int64_t ats[BALANCE_PAGE_LINES];
    for (uint32_t i = 0; i < page->count; i++) {
        const struct balance_line *line = &page->lines[i];
        ids[i] = line->id;
        types[i] = line->type;
        sources[i] = line->source;
        leg_ids[i] = line->leg_id;
        currencies[i] = line->currency;
        amounts[i] = line->amount_minor;
        fees[i] = line->fee_minor;
        nets[i] = line->net_minor;
        ats[i] = line->at_us;
    }
    const struct pg_param params[] = {
        PG_I64(n),
        PG_TEXTS(ids, page->count),
        PG_TEXTS(types, page->count),
        PG_TEXTS(sources, page->count),
        PG_IDS(leg_ids, page->count),
        PG_TEXTS(currencies, page->count),
        PG_I64S(amounts, page->count),
        PG_I64S(fees, page->count),
        PG_I64S(nets, page->count),
        PG_I64S(ats, page->count),
    };
    return pg_exec(op, conn, &payments_sql_reconcile_lines, params, ARRAY_LEN(params),
                   /* changed */ NULL);
}

static STATUS store_page(struct op *op, struct pg_conn *conn,
                         const struct payments_reconcile_options *options,
                         struct payments_reconcile *reconcile, const struct balance_page *page)
{
    bool held = false;
    TRY(pg_begin(op, conn));
    TRY(hold(op, conn, options, reconcile, &held));
    if (!held) {
        pg_rollback(conn);
        reconcile->running = false;
        return OK;
    }
    TRY(keep_lines(op, conn, reconcile->n, page));
    return pg_commit(op, conn);
}

static STATUS read_page(struct op *op, struct pg_conn *conn,
                        const struct payments_reconcile_options *options,
                        struct payments_reconcile *reconcile)
{
    const struct balance_question question = {
        .from_us = reconcile->from_us,
        .to_us = reconcile->to_us,
        .limit = reconcile->limit,
        .after = {.ptr = reconcile->after, .len = reconcile->after_len},
    };
    struct str path;
    struct str body;
    struct balance_page page;
    TRY(payments_balance_path(op, &question, &path));
    struct status st = options->fetch(op, options->ctx, path, &body);
    if (st.kind == STATUS_LIMIT && reconcile->limit > 1) {
        reconcile->limit /= 2;
        return OK;
    }
    TRY(st);
    TRY(payments_balance_read(op, body, &page));
    TRY(store_page(op, conn, options, reconcile, &page));
    reconcile->whole = !page.has_more;
    if (page.has_more) {
        struct str last = page.lines[page.count - 1].id;
        ASSERT(last.len <= sizeof(reconcile->after)); /* STRIPE_ID_MAX_BYTES */
        memcpy(reconcile->after, last.ptr, last.len);
        reconcile->after_len = last.len;
    }
    return OK;
}

/* ---- The comparison ---- */

static STATUS compare(struct op *op, struct pg_conn *conn,
                      const struct payments_reconcile_options *options,
                      const struct payments_reconcile *reconcile)
{
    const struct id no_leg = {.bytes = {0}};
    const struct pg_param window[] = {PG_I64(reconcile->n),
                                      PG_I64(reconcile->from_us),
                                      PG_I64(reconcile->to_us),
                                      PG_I64(options->fee_max_basis_points),
                                      PG_I64(options->fee_max_fixed_minor),
                                      PG_ID(no_leg)};
    const struct pg_param to[] = {PG_I64(reconcile->to_us)};
    TRY(pg_exec(op, conn, &payments_sql_reconcile_gone, window, 3, /* changed */ NULL));
    TRY(pg_exec(op, conn, &payments_sql_reconcile_judge, window, ARRAY_LEN(window),
                /* changed */ NULL));
    TRY(pg_exec(op, conn, &payments_sql_reconcile_heal, window, 1, /* changed */ NULL));
    return pg_exec(op, conn, &payments_sql_reconcile_match, to, ARRAY_LEN(to), /* changed */ NULL);
}

static STATUS finish(struct op *op, struct pg_conn *conn,
                     const struct payments_reconcile_options *options,
                     struct payments_reconcile *reconcile,
                     struct payments_reconciled *ret_reconciled)
{
    const struct pg_param params[] = {PG_I64(reconcile->n), PG_I64(reconcile->epoch)};
    struct payments_reconciled reconciled = {.done = true, .n = reconcile->n};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    bool held = false;
    TRY(pg_begin(op, conn));
    TRY(hold(op, conn, options, reconcile, &held));
    if (!held) {
        pg_rollback(conn);
        reconcile->running = false;
        return OK;
    }
    TRY(compare(op, conn, options, reconcile));
    TRY(pg_query(op, conn, &payments_sql_reconcile_done, params, ARRAY_LEN(params), &rows));
    TRY(pg_rows_i64(op, rows, 0, "line_count", &reconciled.lines));
    TRY(pg_rows_i64(op, rows, 0, "found_count", &reconciled.found));
    TRY(pg_rows_i64(op, rows, 0, "healed_count", &reconciled.healed));
    TRY(pg_rows_i64(op, rows, 0, "open_count", &reconciled.open));
    TRY(pg_commit(op, conn));
    *ret_reconciled = reconciled;
    reconcile->running = false;
    return OK;
}

static STATUS step(struct op *op, struct pg_conn *conn,
                   const struct payments_reconcile_options *options,
                   struct payments_reconcile *reconcile, struct payments_reconciled *ret_reconciled)
{
    if (!reconcile->running) {
        return begin(op, conn, options, reconcile);
    }
    return reconcile->whole ? finish(op, conn, options, reconcile, ret_reconciled)
                            : read_page(op, conn, options, reconcile);
}

STATUS payments_reconcile_step(struct op *op, struct pg_conn *conn,
                               const struct payments_reconcile_options *options,
                               struct payments_reconcile *reconcile, bool *ret_more,
                               struct payments_reconciled *ret_reconciled)
{
    *ret_reconciled = (struct payments_reconciled){.done = false};
    struct status st = step(op, conn, options, reconcile, ret_reconciled);
    if (status_failed(st)) {
        pg_rollback(conn);
    }
    *ret_more = !status_failed(st) && (reconcile->running || ret_reconciled->done);
    return st;
}
