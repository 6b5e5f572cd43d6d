/* In: rows of ledger_total. Out: a series for each account and currency. */
#include "escrow/escrow_totals.h"

#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/mutex.h"
#include "escrow_sql.h"

static void collect(struct metrics_page *page, void *ctx)
{
    struct escrow_totals *totals = ctx;
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&totals->lock);
    metrics_page_family(page, METRICS_GAUGE, "holdfast_ledger_balance_minor",
                        "Money in each account of the ledger, as of the last seal.");
    for (uint32_t i = 0; i < totals->count; i++) {
        const struct escrow_total *total = &totals->rows[i];
        const struct metrics_label labels[] = {
            {.name = "account", .value = escrow_account_name(total->account)},
            {.name = "currency", .value = total->currency}};
        metrics_page_value(page, labels, ARRAY_LEN(labels), total->balance_minor);
    }
}

void escrow_totals_init(struct escrow_totals *totals, struct metrics *metrics)
{
    *totals = (struct escrow_totals){.metrics = metrics};
    mutex_init(&totals->lock);
    metrics_collector(metrics, collect, totals);
}

void escrow_totals_fini(struct escrow_totals *totals)
{
    metrics_collector_end(totals->metrics, collect, totals);
    mutex_fini(&totals->lock);
}

static STATUS read_row(struct op *op, const struct pg_rows *rows, uint32_t row,
                       struct escrow_total *ret_total)
{
    int account = 0;
    int64_t debit_minor = 0;
    int64_t credit_minor = 0;
    struct str currency;
    struct escrow_total total = {.account = ESCROW_ACCOUNT_NONE};
    TRY(pg_rows_enum(op, rows, row, "account", ESCROW_ACCOUNT_COUNT, &account));
    TRY(pg_rows_i64(op, rows, row, "debit_minor", &debit_minor));
    TRY(pg_rows_i64(op, rows, row, "credit_minor", &credit_minor));
    TRY(pg_rows_text(op, rows, row, "currency", &currency));
    if (currency.len >= sizeof(total.currency)) {
        return op_fail(op, STATUS_BUG, "escrow.total_currency", "no name of a currency");
    }
    memcpy(total.currency, currency.ptr, currency.len);
    total.account = (enum escrow_account)account;
    /* Both are at least 0: their difference fits. */
    total.balance_minor = escrow_account_side(total.account) == ESCROW_SIDE_ASSET
                              ? debit_minor - credit_minor
                              : credit_minor - debit_minor;
    *ret_total = total;
    return OK;
}

STATUS escrow_totals_read(struct op *op, struct pg_conn *conn, struct escrow_totals *totals)
{
    const struct pg_param params[] = {PG_I32(ESCROW_TOTALS_MAX)};
    struct escrow_total read[ESCROW_TOTALS_MAX];
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &escrow_sql_ledger_totals, params, ARRAY_LEN(params), &rows));
    uint32_t count = pg_rows_count(rows);
    ASSERT(count <= ESCROW_TOTALS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_row(op, rows, i, &read[i]));
    }
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&totals->lock);
    memcpy(totals->rows, read, count * sizeof(read[0]));
    totals->count = count;
    return OK;
}
