/* In: who stops payouts by a rail, or lets them go on, and why. Out: a wish to the owner of lane 0; and what was wished for. */
#include "base/defer.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_request.h"
#include "holdfastctl_sql.h"

#define LIST_ROWS 50

struct status ctl_rail_show(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"rail", CTL_CELL_TEXT},        {"asked", CTL_CELL_TEXT},  {"requested_by", CTL_CELL_TEXT},
        {"approved_by", CTL_CELL_TEXT}, {"reason", CTL_CELL_TEXT}, {"at", CTL_CELL_TIME},
        {"result", CTL_CELL_TEXT},
    };
    const struct pg_param params[] = {PG_I16(CTL_REQUEST_SWITCH_OFF), PG_I16(CTL_REQUEST_SWITCH_ON),
                                      PG_I32(LIST_ROWS)};
    struct ctl_table table;
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ctl_db_open(op, ctl, STR("payments"), &conn));
    TRY(pg_query(op, conn, &holdfastctl_sql_rail_list, params, ARRAY_LEN(params), &rows));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), pg_rows_count(rows)));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        bool off = false;
        struct ctl_cell *cells;
        TRY(ctl_table_add(op, &table, &cells));
        TRY(pg_rows_text(op, rows, row, "rail", &cells[0].text));
        TRY(pg_rows_bool(op, rows, row, "off", &off));
        cells[1].text = off ? STR("stop") : STR("release");
        TRY(pg_rows_text(op, rows, row, "requested_by", &cells[2].text));
        TRY(pg_rows_text(op, rows, row, "approved_by", &cells[3].text));
        TRY(pg_rows_text(op, rows, row, "reason", &cells[4].text));
        TRY(pg_rows_i64(op, rows, row, "created_at_us", &cells[5].number));
        TRY(pg_rows_text(op, rows, row, "result", &cells[6].text));
    }
    ctl_out_list(&ctl->out, "rails", /* heading */ NULL, &table);
    return OK;
}

static STATUS ask(struct op *op, struct ctl *ctl, enum ctl_request_kind kind)
{
    const struct ctl_request request = {
        .kind = kind, .service = STR("payments"), .lane = 0, .topic = ctl->args.argument};
    return ctl_request_run(op, ctl, &request);
}

struct status ctl_rail_stop(struct op *op, struct ctl *ctl)
{
    return ask(op, ctl, CTL_REQUEST_SWITCH_OFF);
}

struct status ctl_rail_release(struct op *op, struct ctl *ctl)
{
    return ask(op, ctl, CTL_REQUEST_SWITCH_ON);
}
