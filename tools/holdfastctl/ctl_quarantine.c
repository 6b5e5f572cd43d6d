/* In: a record that was put aside because no key could be read in it. Out: what it is; a wish to its lane's owner. */
#include "base/lane.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_request.h"
#include "holdfastctl_sql.h"

/* A record by its place in Kafka, as `park list` shows it: TOPIC/LANE/OFFSET. */
struct place {
    struct str topic;
    int64_t lane;
    int64_t offset;
};

static STATUS read_place(struct op *op, const struct ctl *ctl, struct place *ret_place)
{
    struct place place;
    struct str rest;
    struct str lane;
    struct str offset;
    if (!str_cut(ctl->args.argument, '/', &place.topic, &rest) ||
        !str_cut(rest, '/', &lane, &offset) || !str_to_i64(lane, &place.lane) ||
        !str_to_i64(offset, &place.offset) || place.lane < 0 || place.lane >= LANES ||
        place.offset < 0) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "the record must be TOPIC/LANE/OFFSET, as park list shows it");
    }
    *ret_place = place;
    return OK;
}

static STATUS look(struct op *op, const struct ctl *ctl, struct str service,
                   const struct place *place, struct pg_rows **ret_rows)
{
    const struct pg_param params[] = {PG_TEXT(place->topic), PG_I32((int32_t)place->lane),
                                      PG_I64(place->offset)};
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    TRY(ctl_db_open(op, ctl, service, &conn));
    return pg_query(op, conn, &holdfastctl_sql_quarantine_show, params, ARRAY_LEN(params),
                    ret_rows);
}

/* Looks in every service (or that of --service): several may read a topic, and each puts aside for itself. */
static STATUS find(struct op *op, const struct ctl *ctl, const struct place *place,
                   struct str *ret_service, struct pg_rows **ret_rows)
{
    const struct str *services;
    uint32_t count;
    DEFER(pg_rows_free_at) struct pg_rows *found = NULL;
    TRY(ctl_services_asked(op, ctl, &services, &count));
    for (uint32_t i = 0; i < count; i++) {
        DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
        TRY(look(op, ctl, services[i], place, &rows));
        if (pg_rows_count(rows) == 0) {
            continue;
        }
        if (found) {
            return op_fail(op, STATUS_INVALID, "ctl.usage",
                           "more than one service put this record aside: say --service");
        }
        found = TAKE(rows);
        *ret_service = services[i];
    }
    if (!found) {
        return op_fail(op, STATUS_NOT_FOUND, "ctl.not_found",
                       "nobody has this record in quarantine");
    }
    *ret_rows = TAKE(found);
    return OK;
}

struct status ctl_quarantine_show(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"service", CTL_CELL_TEXT},   {"topic", CTL_CELL_TEXT},   {"lane", CTL_CELL_NUMBER},
        {"offset", CTL_CELL_NUMBER},  {"n", CTL_CELL_NUMBER},     {"reason", CTL_CELL_TEXT},
        {"at", CTL_CELL_TIME},        {"bytes", CTL_CELL_NUMBER}, {"key_hex", CTL_CELL_TEXT},
        {"value_hex", CTL_CELL_TEXT},
    };
    struct place place;
    struct str service = STR("");
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(read_place(op, ctl, &place));
    TRY(find(op, ctl, &place, &service, &rows));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].text = service;
    cells[1].text = place.topic;
    cells[2].number = place.lane;
    cells[3].number = place.offset;
    TRY(pg_rows_i64(op, rows, 0, "n", &cells[4].number));
    TRY(pg_rows_text(op, rows, 0, "reason", &cells[5].text));
    TRY(pg_rows_i64(op, rows, 0, "at_us", &cells[6].number));
    TRY(pg_rows_i64(op, rows, 0, "value_bytes", &cells[7].number));
    TRY(pg_rows_text(op, rows, 0, "key", &cells[8].text));
    TRY(pg_rows_text(op, rows, 0, "value", &cells[9].text));
    ctl_out_object(&ctl->out, "record", &table);
    return OK;
}

struct status ctl_quarantine_drop(struct op *op, struct ctl *ctl)
{
    struct place place;
    struct ctl_request request = {.kind = CTL_REQUEST_QUARANTINE_DROP};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(read_place(op, ctl, &place));
    TRY(find(op, ctl, &place, &request.service, &rows));
    request.lane = (int32_t)place.lane;
    request.topic = place.topic;
    request.n = place.offset;
    return ctl_request_run(op, ctl, &request);
}
