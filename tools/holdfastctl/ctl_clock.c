/*
 * In: a duration. Out: sandbox time of every service, as far ahead as the furthest of them was, and so
 * much more: an advance that was cut short is mended by the next one. Whose timers fire goes last: in
 * between, a deadline that is set by somebody who hears of the time later would be over at once.
 */
#include "base/assert.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl_sql.h"
#include "topology/topology.h"

static STATUS read_clock(struct op *op, const struct pg_rows *rows, int64_t *ret_offset_us,
                         int64_t *ret_now_us)
{
    TRY(pg_rows_i64(op, rows, 0, "offset_us", ret_offset_us));
    return pg_rows_i64(op, rows, 0, "now_us", ret_now_us);
}

/* The service's clock; with advance_to_us > 0 after it was set. */
static STATUS visit(struct op *op, const struct ctl *ctl, struct str service, int64_t advance_to_us,
                    struct ctl_cell *cells)
{
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    const struct pg_param params[] = {PG_I64(advance_to_us)};
    TRY(ctl_db_open(op, ctl, service, &conn));
    if (advance_to_us > 0) {
        TRY(pg_query(op, conn, &holdfastctl_sql_clock_advance, params, ARRAY_LEN(params), &rows));
    } else {
        TRY(pg_query(op, conn, &holdfastctl_sql_clock_show, /* params */ NULL, 0, &rows));
    }
    int64_t offset_us = 0;
    TRY(read_clock(op, rows, &offset_us, &cells[2].number));
    cells[0].text = service;
    cells[1].number = offset_us / CTL_SECOND_US;
    return OK;
}

static STATUS visit_row(struct op *op, const struct ctl *ctl, struct str service,
                        int64_t advance_to_us, struct ctl_table *table)
{
    struct ctl_cell *cells;
    TRY(ctl_table_add(op, table, &cells));
    return visit(op, ctl, service, advance_to_us, cells);
}

/* All services, those that set deadlines before the one whose timers fire. */
static STATUS visit_all(struct op *op, struct ctl *ctl, int64_t advance_to_us,
                        struct ctl_table *ret_table)
{
    static const struct ctl_column columns[] = {
        {"service", CTL_CELL_TEXT}, {"ahead_seconds", CTL_CELL_NUMBER}, {"now", CTL_CELL_TIME}};
    const struct str *services = NULL;
    uint32_t count = 0;
    TRY(ctl_services(op, &services, &count));
    TRY(ctl_table_init(op, ret_table, columns, ARRAY_LEN(columns), CTL_SERVICES_MAX));
    struct str fires = str_of(topology_topics[TOPIC_ORACLE_EVENTS_V1].writer);
    for (uint32_t i = 0; i < count; i++) {
        if (!str_eq(services[i], fires)) {
            TRY(visit_row(op, ctl, services[i], advance_to_us, ret_table));
        }
    }
    return visit_row(op, ctl, fires, advance_to_us, ret_table);
}

static int64_t ahead_seconds(const struct ctl_table *table, uint32_t row)
{
    return table->cells[row * table->column_count + 1].number;
}

struct status ctl_clock_show(struct op *op, struct ctl *ctl)
{
    struct ctl_table table;
    bool same = true;
    TRY(visit_all(op, ctl, /* advance_to_us */ 0, &table));
    for (uint32_t row = 1; row < table.row_count; row++) {
        same = same && ahead_seconds(&table, row) == ahead_seconds(&table, 0);
    }
    ctl_out_list(&ctl->out, "clocks", /* heading */ NULL, &table);
    return same ? OK
                : op_fail(op, STATUS_CONFLICT, "ctl.findings",
                          "the services do not live in the same time; advance by 1s mends it");
}

/* A production system must not be told that a week has passed: all its services would stop. */
static STATUS check_environment(struct op *op, const struct ctl *ctl)
{
    struct str env =
        conf_given(ctl->conf, "HOLDFAST_ENV") ? conf_str(ctl->conf, "HOLDFAST_ENV") : STR("");
    bool sandbox = str_eq(env, STR("development")) || str_eq(env, STR("test"));
    return sandbox ? OK
                   : op_fail(op, STATUS_STOP, "ctl.not_a_sandbox",
                             "sandbox time is for HOLDFAST_ENV=development or test");
}

struct status ctl_clock_advance(struct op *op, struct ctl *ctl)
{
    struct ctl_table table;
    int64_t by_us = 0;
    int64_t furthest_seconds = 0;
    TRY(ctl_args_duration(op, ctl->args.argument, &by_us));
    TRY(check_environment(op, ctl));
    TRY(visit_all(op, ctl, /* advance_to_us */ 0, &table));
    for (uint32_t row = 0; row < table.row_count; row++) {
        int64_t ahead = ahead_seconds(&table, row);
        furthest_seconds = ahead > furthest_seconds ? ahead : furthest_seconds;
    }
    TRY(visit_all(op, ctl, furthest_seconds * CTL_SECOND_US + by_us, &table));
    ctl_out_list(&ctl->out, "clocks", /* heading */ NULL, &table);
    return OK;
}
