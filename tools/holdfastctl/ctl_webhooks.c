/* In: what the provider told us, as it was signed. Out: what became of it; and a wish to its deal's lane to decide it again. */
#include "base/lane.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_request.h"
#include "holdfastctl_sql.h"
#include "payments/payments_stripe_event.h"

#define LIST_DEFAULT 50
#define PROVIDER STR("stripe")

/* What became of an event that a lane was told of: its row of `intake`. */
static struct str outcome_word(enum stripe_disposition disposition, bool open, struct str code)
{
    switch (disposition) {
    case STRIPE_SIGNALLED:
        if (open) {
            return STR("waiting");
        }
        return code.len > 0 ? code : STR("decided");
    case STRIPE_IGNORED: return STR("ignored");
    case STRIPE_UNMATCHED: return STR("unmatched");
    case STRIPE_DISPOSITION_NONE:
    case STRIPE_DISPOSITION_COUNT: break;
    }
    return STR("");
}

static STATUS read_outcome(struct op *op, const struct pg_rows *rows, uint32_t row,
                           struct str *ret_word)
{
    int disposition;
    bool open;
    struct str code;
    TRY(pg_rows_enum(op, rows, row, "disposition", STRIPE_DISPOSITION_COUNT, &disposition));
    TRY(pg_rows_bool(op, rows, row, "open", &open));
    TRY(pg_rows_text(op, rows, row, "code", &code));
    *ret_word = outcome_word((enum stripe_disposition)disposition, open, code);
    return OK;
}

struct status ctl_webhooks_list(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"event", CTL_CELL_TEXT},   {"type", CTL_CELL_TEXT},        {"outcome", CTL_CELL_TEXT},
        {"escrow_id", CTL_CELL_ID}, {"received_at", CTL_CELL_TIME}, {"bytes", CTL_CELL_NUMBER},
    };
    const struct ctl_args *args = &ctl->args;
    int32_t limit = ctl_args_given(args, CTL_OPTION_LIMIT) ? (int32_t)args->number[CTL_OPTION_LIMIT]
                                                           : LIST_DEFAULT;
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    struct ctl_table table;
    TRY(ctl_db_open(op, ctl, STR("payments"), &conn));
    const struct pg_param params[] = {PG_ID(args->uuid[CTL_OPTION_ESCROW]), /* zeros: all */
                                      PG_BOOL(ctl_args_given(args, CTL_OPTION_ATTENTION)),
                                      PG_I32(limit)};
    TRY(pg_query(op, conn, &holdfastctl_sql_webhook_list, params, ARRAY_LEN(params), &rows));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), pg_rows_count(rows)));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        struct ctl_cell *cells;
        TRY(ctl_table_add(op, &table, &cells));
        TRY(pg_rows_text(op, rows, row, "event_id", &cells[0].text));
        TRY(pg_rows_text(op, rows, row, "event_type", &cells[1].text));
        TRY(read_outcome(op, rows, row, &cells[2].text));
        TRY(pg_rows_id(op, rows, row, "escrow_id", &cells[3].id));
        TRY(pg_rows_i64(op, rows, row, "received_at_us", &cells[4].number));
        TRY(pg_rows_i64(op, rows, row, "bytes", &cells[5].number));
    }
    ctl_out_list(&ctl->out, "webhooks", /* heading */ NULL, &table);
    return OK;
}

/* ---- One of them ---- */

struct webhook {
    struct id id, escrow_id;
    struct str event_type, outcome, body;
    int64_t received_at_us, replays;
};

static STATUS load(struct op *op, const struct ctl *ctl, struct pg_conn *conn,
                   struct webhook *ret_webhook)
{
    const struct pg_param params[] = {PG_TEXT(PROVIDER), PG_TEXT(ctl->args.argument)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &holdfastctl_sql_webhook_show, params, ARRAY_LEN(params), &rows));
    if (pg_rows_count(rows) == 0) {
        return op_fail(op, STATUS_NOT_FOUND, "ctl.not_found", "no such event was received");
    }
    TRY(pg_rows_id(op, rows, 0, "id", &ret_webhook->id));
    TRY(pg_rows_id(op, rows, 0, "escrow_id", &ret_webhook->escrow_id));
    TRY(pg_rows_text(op, rows, 0, "event_type", &ret_webhook->event_type));
    TRY(read_outcome(op, rows, 0, &ret_webhook->outcome));
    TRY(pg_rows_bytes(op, rows, 0, "body", &ret_webhook->body));
    TRY(pg_rows_i64(op, rows, 0, "received_at_us", &ret_webhook->received_at_us));
    return pg_rows_i64(op, rows, 0, "replays", &ret_webhook->replays);
}

/* Bytes that are no text are shown in hex. */
static STATUS readable(struct op *op, struct str body, struct str *ret_text)
{
    struct strbuf hex;
    if (str_is_text(body)) {
        *ret_text = body;
        return OK;
    }
    strbuf_init(&hex, op->arena, 2 * body.len + 1);
    strbuf_add_hex(&hex, (const uint8_t *)body.ptr, body.len);
    return strbuf_finish(&hex, ret_text) ? OK : op_arena_full(op);
}

struct status ctl_webhooks_show(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"event", CTL_CELL_TEXT},   {"type", CTL_CELL_TEXT},        {"outcome", CTL_CELL_TEXT},
        {"escrow_id", CTL_CELL_ID}, {"received_at", CTL_CELL_TIME}, {"replays", CTL_CELL_NUMBER},
        {"body", CTL_CELL_TEXT},
    };
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    struct webhook webhook;
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_db_open(op, ctl, STR("payments"), &conn));
    TRY(load(op, ctl, conn, &webhook));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].text = ctl->args.argument;
    cells[1].text = webhook.event_type;
    cells[2].text = webhook.outcome;
    cells[3].id = webhook.escrow_id;
    cells[4].number = webhook.received_at_us;
    cells[5].number = webhook.replays;
    TRY(readable(op, webhook.body, &cells[6].text));
    ctl_out_object(&ctl->out, "webhook", &table);
    return OK;
}

/* ---- Again ---- */

/* 0: the deal is not known. */
static STATUS version_of(struct op *op, struct pg_conn *conn, struct id escrow_id,
                         int64_t *ret_version)
{
    const struct pg_param params[] = {PG_ID(escrow_id)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    *ret_version = 0;
    TRY(pg_query(op, conn, &holdfastctl_sql_payment_version, params, ARRAY_LEN(params), &rows));
    return pg_rows_count(rows) > 0 ? pg_rows_i64(op, rows, 0, "version", ret_version) : OK;
}

/* What the event is about says whose lane it is for; by what is decided, its owner reads it himself. */
static STATUS read_deal(struct op *op, struct str body, struct id *ret_escrow_id)
{
    struct stripe_event event;
    TRY(payments_stripe_event_read(op, body, &event));
    if (event.disposition != STRIPE_SIGNALLED) {
        return op_fail(op, STATUS_CONFLICT, "ctl.refused",
                       "an event of type " STR_FMT " that is about none of our operations",
                       STR_ARG(event.type));
    }
    *ret_escrow_id = event.escrow_id;
    return OK;
}

struct status ctl_webhooks_replay(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {{"escrow_id", CTL_CELL_ID},
                                                {"changed", CTL_CELL_BOOL}};
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    struct webhook webhook;
    struct id escrow_id;
    int64_t before = 0;
    int64_t after = 0;
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_db_open(op, ctl, STR("payments"), &conn));
    TRY(load(op, ctl, conn, &webhook));
    TRY(read_deal(op, webhook.body, &escrow_id));
    TRY(version_of(op, conn, escrow_id, &before));
    const struct ctl_request request = {.kind = CTL_REQUEST_REPLAY,
                                        .service = STR("payments"),
                                        .lane = lane_of_key(escrow_id),
                                        .key = webhook.id,
                                        .topic = STR("")};
    TRY(ctl_request_run(op, ctl, &request));
    TRY(version_of(op, conn, escrow_id, &after));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].id = escrow_id;
    cells[1].number = before != after;
    ctl_out_object(&ctl->out, "deal", &table);
    return OK;
}
