/* In: a lane or a topic. Out: who owns what; a lane set free; a publish cursor set back. */
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_request.h"
#include "holdfastctl_sql.h"
#include "topology/topology.h"

static STATUS add_lane(struct op *op, struct str service, const struct pg_rows *rows, uint32_t row,
                       struct ctl_table *table, bool *stopped)
{
    struct ctl_cell *cells;
    bool clean;
    bool alive;
    TRY(ctl_table_add(op, table, &cells));
    cells[0].text = service;
    TRY(pg_rows_i64(op, rows, row, "p", &cells[1].number));
    TRY(pg_rows_i64(op, rows, row, "epoch", &cells[2].number));
    TRY(pg_rows_id(op, rows, row, "owner", &cells[3].id));
    TRY(pg_rows_bool(op, rows, row, "alive", &alive));
    TRY(pg_rows_bool(op, rows, row, "clean", &clean));
    TRY(pg_rows_text(op, rows, row, "stopped", &cells[6].text));
    cells[4].number = alive ? 1 : 0;
    cells[5].number = clean ? 1 : 0;
    *stopped = *stopped || cells[6].text.len > 0;
    TRY(pg_rows_i64(op, rows, row, "pid", &cells[7].number));
    return pg_rows_i64(op, rows, row, "last_at_us", &cells[8].number);
}

static STATUS add_service(struct op *op, const struct ctl *ctl, struct str service,
                          struct ctl_table *table, bool *stopped)
{
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ctl_db_open(op, ctl, service, &conn));
    TRY(pg_query(op, conn, &holdfastctl_sql_lane_list, /* params */ NULL, 0, &rows));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        TRY(add_lane(op, service, rows, row, table, stopped));
    }
    return OK;
}

struct status ctl_lane_list(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"service", CTL_CELL_TEXT}, {"lane", CTL_CELL_NUMBER},        {"epoch", CTL_CELL_NUMBER},
        {"owner", CTL_CELL_ID},     {"alive", CTL_CELL_BOOL},         {"clean", CTL_CELL_BOOL},
        {"stopped", CTL_CELL_TEXT}, {"backend_pid", CTL_CELL_NUMBER}, {"last_at", CTL_CELL_TIME},
    };
    const struct str *services;
    uint32_t count;
    bool stopped = false;
    struct ctl_table table;
    TRY(ctl_services_asked(op, ctl, &services, &count));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), CTL_ROWS_MAX));
    for (uint32_t i = 0; i < count; i++) {
        TRY(add_service(op, ctl, services[i], &table, &stopped));
    }
    ctl_out_list(&ctl->out, "lanes", /* heading */ NULL, &table);
    return stopped ? op_fail(op, STATUS_CONFLICT, "ctl.findings", "a lane is stopped") : OK;
}

struct status ctl_lane_resume(struct op *op, struct ctl *ctl)
{
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ctl_db_open(op, ctl, ctl->args.text[CTL_OPTION_SERVICE], &conn));
    const struct pg_param params[] = {PG_I32((int32_t)ctl->args.number[CTL_OPTION_LANE])};
    TRY(pg_query(op, conn, &holdfastctl_sql_lane_resume, params, ARRAY_LEN(params), &rows));
    if (pg_rows_count(rows) == 0) {
        return op_fail(op, STATUS_NOT_FOUND, "ctl.not_found", "this lane is not stopped");
    }
    static const struct ctl_column columns[] = {{"service", CTL_CELL_TEXT},
                                                {"lane", CTL_CELL_NUMBER}};
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].text = ctl->args.text[CTL_OPTION_SERVICE];
    cells[1].number = ctl->args.number[CTL_OPTION_LANE];
    ctl_out_object(&ctl->out, "resumed", &table);
    return OK;
}

struct status ctl_bus_republish(struct op *op, struct ctl *ctl)
{
    struct str name = ctl->args.text[CTL_OPTION_TOPIC];
    for (int topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        if (!str_eq(name, str_of(topology_topics[topic].name))) {
            continue;
        }
        if (topology_topics[topic].kind != TOPOLOGY_LANE) {
            return op_fail(op, STATUS_INVALID, "ctl.usage",
                           "the records of this topic have no numbers; open requests are published "
                           "again by themselves");
        }
        const struct ctl_request request = {
            .kind = CTL_REQUEST_REPUBLISH,
            .service = str_of(topology_topics[topic].writer),
            .lane = (int32_t)ctl->args.number[CTL_OPTION_LANE],
            .topic = name,
            .n = ctl->args.number[CTL_OPTION_N],
        };
        return ctl_request_run(op, ctl, &request);
    }
    return op_fail(op, STATUS_INVALID, "ctl.usage", "there is no such topic");
}
