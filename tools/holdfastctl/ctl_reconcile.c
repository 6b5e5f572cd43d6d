/* In: what payments compared with the provider's books, and the ledger of escrow. Out: where they differ; and a wish to compare
 * them now. */
#include <inttypes.h>
#include <poll.h>

#include "base/clock.h"
#include "base/defer.h"
#include "escrow/escrow_ledger.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_request.h"
#include "holdfastctl_sql.h"
#include "payments/payments_balance.h"

#define LIST_DEFAULT 20
#define BREAKS_MAX 1000
#define HOURS_DEFAULT 24
#define PAGE_LEGS 500
#define DIFFERS_MAX 1000
#define STATE_DONE 3
#define KIND_COUNT 4
/* What was settled a moment ago may be on its way to escrow. */
#define LEDGER_LAG_US INT64_C(5000000)

static const struct id no_leg = {.bytes = {0}};

struct run {
    int64_t n, from_us, to_us, open;
    int state;
};

/* ---- Reconciliations and their breaks ---- */

static const struct ctl_column run_columns[] = {
    {"n", CTL_CELL_NUMBER},     {"kind", CTL_CELL_TEXT},     {"state", CTL_CELL_TEXT},
    {"from", CTL_CELL_TIME},    {"to", CTL_CELL_TIME},       {"asked_by", CTL_CELL_TEXT},
    {"begun", CTL_CELL_NUMBER}, {"done_at", CTL_CELL_TIME},  {"lines", CTL_CELL_NUMBER},
    {"found", CTL_CELL_NUMBER}, {"healed", CTL_CELL_NUMBER}, {"open", CTL_CELL_NUMBER},
};

static STATUS read_run(struct op *op, const struct pg_rows *rows, uint32_t row,
                       struct ctl_cell *cells, struct run *ret_run)
{
    static const char *const kinds[KIND_COUNT] = {"", "hourly", "daily", "asked"};
    static const char *const states[STATE_DONE + 1] = {"", "waiting", "running", "done"};
    int kind = 0;
    TRY(pg_rows_enum(op, rows, row, "kind", KIND_COUNT, &kind));
    TRY(pg_rows_enum(op, rows, row, "state", STATE_DONE + 1, &ret_run->state));
    cells[1].text = str_of(kinds[kind]);
    cells[2].text = str_of(states[ret_run->state]);
    TRY(pg_rows_i64(op, rows, row, "n", &cells[0].number));
    TRY(pg_rows_i64(op, rows, row, "from_us", &cells[3].number));
    TRY(pg_rows_i64(op, rows, row, "to_us", &cells[4].number));
    TRY(pg_rows_text(op, rows, row, "asked_by", &cells[5].text));
    TRY(pg_rows_i64(op, rows, row, "epoch", &cells[6].number));
    TRY(pg_rows_i64(op, rows, row, "done_at_us", &cells[7].number));
    TRY(pg_rows_i64(op, rows, row, "line_count", &cells[8].number));
    TRY(pg_rows_i64(op, rows, row, "found_count", &cells[9].number));
    TRY(pg_rows_i64(op, rows, row, "healed_count", &cells[10].number));
    TRY(pg_rows_i64(op, rows, row, "open_count", &cells[11].number));
    ret_run->n = cells[0].number;
    ret_run->from_us = cells[3].number;
    ret_run->to_us = cells[4].number;
    ret_run->open = cells[11].number;
    return OK;
}

/* n 0: the last ones. *ret_run is the last that was read. */
static STATUS read_runs(struct op *op, struct pg_conn *conn, int64_t n, int32_t limit,
                        struct ctl_table *ret_table, struct run *ret_run)
{
    const struct pg_param params[] = {PG_I64(n), PG_I32(limit)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &holdfastctl_sql_reconcile_list, params, ARRAY_LEN(params), &rows));
    TRY(ctl_table_init(op, ret_table, run_columns, ARRAY_LEN(run_columns), pg_rows_count(rows)));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        struct ctl_cell *cells;
        TRY(ctl_table_add(op, ret_table, &cells));
        TRY(read_run(op, rows, row, cells, ret_run));
    }
    return OK;
}

static STATUS add_break(struct op *op, const struct pg_rows *rows, uint32_t row,
                        struct ctl_table *table)
{
    int cause = 0;
    struct ctl_cell *cells;
    TRY(ctl_table_add(op, table, &cells));
    TRY(pg_rows_enum(op, rows, row, "cause", PAYMENTS_BREAK_COUNT, &cause));
    cells[0].text = str_of(payments_break_name((enum payments_break_cause)cause));
    TRY(pg_rows_id(op, rows, row, "escrow_id", &cells[1].id));
    TRY(pg_rows_id(op, rows, row, "leg_id", &cells[2].id));
    TRY(pg_rows_i64(op, rows, row, "expected_minor", &cells[3].number));
    TRY(pg_rows_text(op, rows, row, "expected_currency", &cells[4].text));
    TRY(pg_rows_i64(op, rows, row, "found_minor", &cells[5].number));
    TRY(pg_rows_text(op, rows, row, "found_currency", &cells[6].text));
    TRY(pg_rows_i64(op, rows, row, "found_at_us", &cells[7].number));
    return pg_rows_text(op, rows, row, "lines", &cells[8].text);
}

static STATUS print_breaks(struct op *op, struct ctl *ctl, struct pg_conn *conn)
{
    static const struct ctl_column columns[] = {
        {"cause", CTL_CELL_TEXT},    {"escrow_id", CTL_CELL_ID},
        {"leg_id", CTL_CELL_ID},     {"expected_minor", CTL_CELL_NUMBER},
        {"expected", CTL_CELL_TEXT}, {"found_minor", CTL_CELL_NUMBER},
        {"found", CTL_CELL_TEXT},    {"found_at", CTL_CELL_TIME},
        {"lines", CTL_CELL_TEXT},
    };
    const struct pg_param params[] = {PG_ID(no_leg), PG_I32(BREAKS_MAX)};
    struct ctl_table table;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &holdfastctl_sql_reconcile_breaks, params, ARRAY_LEN(params), &rows));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), pg_rows_count(rows)));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        TRY(add_break(op, rows, row, &table));
    }
    ctl_out_list(&ctl->out, "breaks", "Breaks", &table);
    return OK;
}

struct status ctl_reconcile_show(struct op *op, struct ctl *ctl)
{
    const struct ctl_args *args = &ctl->args;
    int32_t limit = ctl_args_given(args, CTL_OPTION_LIMIT) ? (int32_t)args->number[CTL_OPTION_LIMIT]
                                                           : LIST_DEFAULT;
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    struct run last = {.n = 0};
    struct ctl_table table;
    TRY(ctl_db_open(op, ctl, STR("payments"), &conn));
    TRY(read_runs(op, conn, /* n */ 0, limit, &table, &last));
    ctl_out_list(&ctl->out, "reconciliations", "Reconciliations", &table);
    return print_breaks(op, ctl, conn);
}

/* ---- The third book: the ledger ---- */

struct leg_row {
    struct id leg_id;
    struct id escrow_id;
    struct str currency;
    int64_t moved_minor;
};

struct leg_page {
    struct leg_row rows[PAGE_LEGS];
    struct id escrow_ids[PAGE_LEGS];
    uint32_t count;
};

static STATUS read_legs(struct op *op, struct pg_conn *conn, const struct run *run, struct id after,
                        struct leg_page *page)
{
    const struct pg_param params[] = {PG_I64(run->from_us), PG_I64(run->to_us - LEDGER_LAG_US),
                                      PG_ID(after), PG_I32(PAGE_LEGS)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &holdfastctl_sql_reconcile_legs, params, ARRAY_LEN(params), &rows));
    page->count = pg_rows_count(rows);
    for (uint32_t row = 0; row < page->count; row++) {
        TRY(pg_rows_id(op, rows, row, "leg_id", &page->rows[row].leg_id));
        TRY(pg_rows_id(op, rows, row, "escrow_id", &page->rows[row].escrow_id));
        TRY(pg_rows_text(op, rows, row, "currency", &page->rows[row].currency));
        TRY(pg_rows_i64(op, rows, row, "moved_minor", &page->rows[row].moved_minor));
        page->escrow_ids[row] = page->rows[row].escrow_id;
    }
    return OK;
}

/* What the ledger says of one leg; 0 and no currency: nothing. */
static STATUS booked(struct op *op, const struct pg_rows *rows, struct id leg_id,
                     int64_t *ret_minor, struct str *ret_currency)
{
    *ret_minor = 0;
    *ret_currency = STR("");
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        struct id id;
        TRY(pg_rows_id(op, rows, row, "leg_id", &id));
        if (id_eq(id, leg_id)) {
            TRY(pg_rows_i64(op, rows, row, "moved_minor", ret_minor));
            return pg_rows_text(op, rows, row, "currency", ret_currency);
        }
    }
    return OK;
}

static STATUS compare_page(struct op *op, struct pg_conn *escrow, const struct leg_page *page,
                           struct ctl_table *table)
{
    const struct pg_param params[] = {PG_IDS(page->escrow_ids, page->count),
                                      PG_I16(ESCROW_ACCOUNT_PSP_CLEAR)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, escrow, &holdfastctl_sql_reconcile_ledger, params, ARRAY_LEN(params), &rows));
    for (uint32_t i = 0; i < page->count; i++) {
        const struct leg_row *leg = &page->rows[i];
        int64_t minor = 0;
        struct str currency;
        TRY(booked(op, rows, leg->leg_id, &minor, &currency));
        if (minor == leg->moved_minor && (minor == 0 || str_eq(currency, leg->currency))) {
            continue;
        }
        struct ctl_cell *cells;
        TRY(ctl_table_add(op, table, &cells));
        cells[0].id = leg->escrow_id;
        cells[1].id = leg->leg_id;
        cells[2].number = leg->moved_minor;
        cells[3].text = leg->currency;
        cells[4].number = minor;
        cells[5].text = currency;
    }
    return OK;
}

/* What payments says that moved, and what escrow booked of it. No service reads another's schema; who may read all does it. */
static STATUS compare_ledger(struct op *op, struct ctl *ctl, struct pg_conn *payments,
                             const struct run *run, uint32_t *ret_count)
{
    static const struct ctl_column columns[] = {
        {"escrow_id", CTL_CELL_ID},        {"leg_id", CTL_CELL_ID},
        {"moved_minor", CTL_CELL_NUMBER},  {"moved", CTL_CELL_TEXT},
        {"ledger_minor", CTL_CELL_NUMBER}, {"ledger", CTL_CELL_TEXT},
    };
    DEFER(pg_conn_free_at) struct pg_conn *escrow = NULL;
    struct leg_page *page = arena_new(op->arena, struct leg_page, 1);
    struct id after = no_leg;
    struct ctl_table table;
    if (!page) {
        return op_arena_full(op);
    }
    TRY(ctl_db_open(op, ctl, STR("escrow"), &escrow));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), DIFFERS_MAX));
    do {
        TRY(read_legs(op, payments, run, after, page));
        TRY(compare_page(op, escrow, page, &table));
        after = page->count > 0 ? page->rows[page->count - 1].leg_id : after;
    } while (page->count == PAGE_LEGS);
    ctl_out_list(&ctl->out, "ledger", "Ledger", &table);
    *ret_count = table.row_count;
    return OK;
}

/* ---- Now ---- */

static STATUS ask(struct op *op, const struct ctl *ctl, struct pg_conn *conn, int64_t *ret_n)
{
    const struct ctl_args *args = &ctl->args;
    int64_t hours =
        ctl_args_given(args, CTL_OPTION_HOURS) ? args->number[CTL_OPTION_HOURS] : HOURS_DEFAULT;
    const struct pg_param params[] = {PG_I64(hours),
                                      PG_TEXT(ctl_args_given(args, CTL_OPTION_REQUESTED_BY)
                                                  ? args->text[CTL_OPTION_REQUESTED_BY]
                                                  : STR(""))};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &holdfastctl_sql_reconcile_ask, params, ARRAY_LEN(params), &rows));
    return pg_rows_i64(op, rows, 0, "n", ret_n);
}

static STATUS wait_until_done(struct op *op, const struct ctl *ctl, struct pg_conn *conn, int64_t n,
                              struct ctl_table *ret_table, struct run *ret_run)
{
    int64_t wait_s = ctl_args_given(&ctl->args, CTL_OPTION_WAIT) ? ctl->args.number[CTL_OPTION_WAIT]
                                                                 : CTL_REQUEST_WAIT_DEFAULT_S;
    int64_t until_ms = clock_mono_ms() + wait_s * 1000;
    for (;;) {
        TRY(read_runs(op, conn, n, 1, ret_table, ret_run));
        if (ret_run->state == STATE_DONE) {
            return OK;
        }
        if (clock_mono_ms() >= until_ms) {
            return op_fail(op, STATUS_CANCELED, "ctl.no_answer",
                           "payments did not come to its end within %" PRId64 " s; it goes on: "
                           "reconcile show",
                           wait_s);
        }
        poll(/* fds */ NULL, 0, CTL_REQUEST_POLL_MS);
    }
}

struct status ctl_reconcile_run(struct op *op, struct ctl *ctl)
{
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    struct run run = {.n = 0};
    struct ctl_table table;
    uint32_t differs = 0;
    TRY(ctl_db_open(op, ctl, STR("payments"), &conn));
    TRY(ask(op, ctl, conn, &run.n));
    TRY(wait_until_done(op, ctl, conn, run.n, &table, &run));
    ctl_out_object(&ctl->out, "reconciliation", &table);
    TRY(print_breaks(op, ctl, conn));
    TRY(compare_ledger(op, ctl, conn, &run, &differs));
    if (ctl_args_given(&ctl->args, CTL_OPTION_OUT)) {
        ctl->out.file = ctl->args.text[CTL_OPTION_OUT];
    }
    return run.open == 0 && differs == 0
               ? OK
               : op_fail(op, STATUS_CONFLICT, "ctl.findings",
                         "%" PRId64 " breaks with the provider, %" PRIu32 " with the ledger",
                         run.open, differs);
}
