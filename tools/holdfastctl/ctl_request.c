/* In: a wish. Out: a row for the lane's owner, and what the owner said. */
#include "holdfastctl/ctl_request.h"

#include <inttypes.h>
#include <poll.h>

#include "base/clock.h"
#include "base/crash.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl_sql.h"

static struct str text_or_empty(const struct ctl_args *args, enum ctl_option option)
{
    return ctl_args_given(args, option) ? args->text[option] : STR("");
}

static struct str or_empty(struct str text)
{
    return text.ptr ? text : STR("");
}

struct status ctl_request_add(struct op *op, const struct ctl *ctl, struct pg_conn *conn,
                              struct id id, const struct ctl_request *request)
{
    const struct pg_param params[] = {
        PG_ID(id),
        PG_I32(request->lane),
        PG_I16(request->kind),
        PG_ID(request->key),
        PG_TEXT(request->topic),
        PG_I64(request->n),
        PG_I16(request->verdict),
        PG_TEXT(or_empty(request->answer)),
        PG_BYTES(or_empty(request->content)),
        PG_TEXT(text_or_empty(&ctl->args, CTL_OPTION_REASON)),
        PG_TEXT(text_or_empty(&ctl->args, CTL_OPTION_REQUESTED_BY)),
        PG_TEXT(text_or_empty(&ctl->args, CTL_OPTION_APPROVED_BY)),
    };
    return pg_exec(op, conn, &holdfastctl_sql_request_add, params, ARRAY_LEN(params),
                   /* ret_changed */ NULL);
}

static STATUS look(struct op *op, struct pg_conn *conn, struct id id, bool *ret_open,
                   struct str *ret_result)
{
    const struct pg_param params[] = {PG_ID(id)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &holdfastctl_sql_request_result, params, ARRAY_LEN(params), &rows));
    if (pg_rows_count(rows) == 0) {
        return op_fail(op, STATUS_NOT_FOUND, "ctl.not_found", "the request is gone");
    }
    TRY(pg_rows_bool(op, rows, 0, "open", ret_open));
    return pg_rows_text(op, rows, 0, "result", ret_result);
}

struct status ctl_request_wait(struct op *op, const struct ctl *ctl, struct pg_conn *conn,
                               struct id id, struct str *ret_result)
{
    int64_t wait_s = ctl_args_given(&ctl->args, CTL_OPTION_WAIT) ? ctl->args.number[CTL_OPTION_WAIT]
                                                                 : CTL_REQUEST_WAIT_DEFAULT_S;
    int64_t until_ms = clock_mono_ms() + wait_s * 1000;
    bool open = true;
    for (;;) {
        TRY(look(op, conn, id, &open, ret_result));
        if (!open) {
            return OK;
        }
        if (clock_mono_ms() >= until_ms) {
            return op_fail(op, STATUS_CANCELED, "ctl.no_answer",
                           "nobody carried it out within %" PRId64 " s; the request stays", wait_s);
        }
        poll(/* fds */ NULL, 0, CTL_REQUEST_POLL_MS);
    }
}

struct status ctl_request_run(struct op *op, struct ctl *ctl, const struct ctl_request *request)
{
    static const struct ctl_column columns[] = {{"request_id", CTL_CELL_ID},
                                                {"service", CTL_CELL_TEXT},
                                                {"lane", CTL_CELL_NUMBER},
                                                {"result", CTL_CELL_TEXT}};
    struct id id = id_random();
    struct str result = STR("");
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    TRY(ctl_db_open(op, ctl, request->service, &conn));
    TRY(ctl_request_add(op, ctl, conn, id, request));
    CRASH_POINT("ctl-request-left");
    TRY(ctl_request_wait(op, ctl, conn, id, &result));
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].id = id;
    cells[1].text = request->service;
    cells[2].number = request->lane;
    cells[3].text = result;
    ctl_out_object(&ctl->out, "request", &table);
    return str_eq(result, STR("done"))
               ? OK
               : op_fail(op, STATUS_CONFLICT, "ctl.refused", "the owner of the lane said: " STR_FMT,
                         STR_ARG(result));
}
