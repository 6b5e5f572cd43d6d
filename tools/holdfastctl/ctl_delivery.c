/* In: a deal or a user. Out: what people were told, and what became of it. */
#include "holdfastctl/ctl_db.h"
#include "holdfastctl_sql.h"
#include "notifications/notifications.h"

#define LIST_DEFAULT 50

static STATUS add_words(struct op *op, const struct pg_rows *rows, uint32_t row,
                        struct ctl_cell *cells)
{
    int notice;
    int role;
    int state;
    TRY(pg_rows_enum(op, rows, row, "notice", NOTICE_COUNT, &notice));
    TRY(pg_rows_enum(op, rows, row, "role", ROLE_COUNT, &role));
    TRY(pg_rows_enum(op, rows, row, "state", DELIVERY_STATE_COUNT, &state));
    cells[0].text = notice_name((enum notice)notice);
    cells[1].text = role_name((enum role)role);
    cells[2].text = delivery_state_name((enum delivery_state)state);
    return OK;
}

static STATUS add_delivery(struct op *op, const struct pg_rows *rows, uint32_t row,
                           struct ctl_table *table)
{
    struct ctl_cell *cells;
    TRY(ctl_table_add(op, table, &cells));
    TRY(pg_rows_id(op, rows, row, "escrow_id", &cells[0].id));
    TRY(pg_rows_i64(op, rows, row, "seq", &cells[1].number));
    TRY(add_words(op, rows, row, &cells[2]));
    bool open;
    TRY(pg_rows_bool(op, rows, row, "open", &open));
    cells[5].number = open;
    TRY(pg_rows_text(op, rows, row, "code", &cells[6].text));
    TRY(pg_rows_id(op, rows, row, "user_id", &cells[7].id));
    TRY(pg_rows_text(op, rows, row, "discord_id", &cells[8].text));
    TRY(pg_rows_text(op, rows, row, "message_ref", &cells[9].text));
    TRY(pg_rows_i64(op, rows, row, "happened_at_us", &cells[10].number));
    TRY(pg_rows_i64(op, rows, row, "updated_at_us", &cells[11].number));
    return pg_rows_text(op, rows, row, "content", &cells[12].text);
}

struct status ctl_delivery_list(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"escrow_id", CTL_CELL_ID},     {"seq", CTL_CELL_NUMBER},
        {"notice", CTL_CELL_TEXT},      {"role", CTL_CELL_TEXT},
        {"state", CTL_CELL_TEXT},       {"open", CTL_CELL_BOOL},
        {"code", CTL_CELL_TEXT},        {"user_id", CTL_CELL_ID},
        {"discord_id", CTL_CELL_TEXT},  {"message_id", CTL_CELL_TEXT},
        {"happened_at", CTL_CELL_TIME}, {"updated_at", CTL_CELL_TIME},
        {"content", CTL_CELL_TEXT},
    };
    const struct ctl_args *args = &ctl->args;
    int32_t limit = ctl_args_given(args, CTL_OPTION_LIMIT) ? (int32_t)args->number[CTL_OPTION_LIMIT]
                                                           : LIST_DEFAULT;
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    struct ctl_table table;
    TRY(ctl_db_open(op, ctl, STR("notifications"), &conn));
    const struct pg_param params[] = {PG_ID(args->uuid[CTL_OPTION_ESCROW]), /* zeros: all */
                                      PG_ID(args->uuid[CTL_OPTION_USER]), PG_I32(limit)};
    TRY(pg_query(op, conn, &holdfastctl_sql_delivery_list, params, ARRAY_LEN(params), &rows));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), pg_rows_count(rows)));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        TRY(add_delivery(op, rows, row, &table));
    }
    ctl_out_list(&ctl->out, "deliveries", /* heading */ NULL, &table);
    return OK;
}
