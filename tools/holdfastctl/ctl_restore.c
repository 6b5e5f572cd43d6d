/*
 * After a database was restored to an earlier moment. In: the services' lanes. Out: what each lane lacks
 * and how far it has come; and, asked for by two people, wishes to their owners to take back what the log
 * holds.
 */
#include "base/lane.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_request.h"
#include "holdfastctl_sql.h"

#define LOST STR("engine.database_lost_rows")
#define LOG_GONE STR("engine.restore_log_gone")

/* In the order of restore_list's columns. */
struct lane_state {
    int64_t lane;
    struct str stopped;
    int64_t taken;
    int64_t open;
    int64_t waiting;
    int64_t flagged;
    bool deciding;
};

static STATUS read_state(struct op *op, const struct pg_rows *rows, uint32_t row,
                         struct lane_state *ret_state)
{
    TRY(pg_rows_i64(op, rows, row, "p", &ret_state->lane));
    TRY(pg_rows_text(op, rows, row, "stopped", &ret_state->stopped));
    TRY(pg_rows_i64(op, rows, row, "taken", &ret_state->taken));
    TRY(pg_rows_i64(op, rows, row, "open", &ret_state->open));
    TRY(pg_rows_i64(op, rows, row, "waiting", &ret_state->waiting));
    TRY(pg_rows_i64(op, rows, row, "flagged", &ret_state->flagged));
    return pg_rows_bool(op, rows, row, "deciding", &ret_state->deciding);
}

static bool lacks(const struct lane_state *state)
{
    return str_has_prefix(state->stopped, LOST) || str_has_prefix(state->stopped, LOG_GONE);
}

/* The one word of what is to be done; the finished ones and those that need nothing are no finding. */
static struct str name_of(const struct lane_state *state)
{
    if (lacks(state)) {
        return STR("lost");
    }
    if (state->flagged > 0) {
        return STR("flagged");
    }
    return state->deciding ? STR("deciding") : STR("restored");
}

static STATUS list_service(struct op *op, const struct ctl *ctl, struct str service,
                           struct ctl_table *table, bool *unfinished)
{
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ctl_db_open(op, ctl, service, &conn));
    TRY(pg_query(op, conn, &holdfastctl_sql_restore_list, /* params */ NULL, 0, &rows));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        struct lane_state state;
        struct ctl_cell *cells;
        TRY(read_state(op, rows, row, &state));
        bool open = lacks(&state) || state.flagged > 0 || state.deciding;
        if (!open && state.taken == 0) {
            continue; /* no restore was ever about this lane */
        }
        *unfinished = *unfinished || open;
        TRY(ctl_table_add(op, table, &cells));
        cells[0].text = service;
        cells[1].number = state.lane;
        cells[2].text = name_of(&state);
        cells[3].number = state.taken;
        cells[4].number = state.open;
        cells[5].number = state.waiting;
        cells[6].number = state.flagged;
        cells[7].text = state.stopped;
    }
    return OK;
}

struct status ctl_restore_check(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"service", CTL_CELL_TEXT},       {"lane", CTL_CELL_NUMBER},
        {"state", CTL_CELL_TEXT},         {"taken_back", CTL_CELL_NUMBER},
        {"not_decided", CTL_CELL_NUMBER}, {"waiting", CTL_CELL_NUMBER},
        {"flagged", CTL_CELL_NUMBER},     {"stopped", CTL_CELL_TEXT},
    };
    const struct str *services;
    uint32_t count;
    bool unfinished = false;
    struct ctl_table table;
    TRY(ctl_services_asked(op, ctl, &services, &count));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), CTL_ROWS_MAX));
    for (uint32_t i = 0; i < count; i++) {
        TRY(list_service(op, ctl, services[i], &table, &unfinished));
    }
    ctl_out_list(&ctl->out, "lanes", /* heading */ NULL, &table);
    return unfinished ? op_fail(op, STATUS_CONFLICT, "ctl.findings", "a lane is not restored") : OK;
}

/* ---- Applying ---- */

struct wish {
    struct str service;
    int64_t lane;
    struct id id;
};

struct wishes {
    struct wish items[CTL_SERVICES_MAX * LANES];
    uint32_t count;
};

/* The wish is there before the lane may be claimed again: its next owner must find it. */
static STATUS leave(struct op *op, const struct ctl *ctl, struct pg_conn *conn, struct str service,
                    int64_t lane, struct wishes *wishes)
{
    struct wish *wish = &wishes->items[wishes->count];
    const struct ctl_request request = {
        .kind = CTL_REQUEST_RESTORE, .service = service, .lane = (int32_t)lane, .topic = STR("")};
    const struct pg_param params[] = {PG_I32((int32_t)lane)};
    *wish = (struct wish){.service = service, .lane = lane, .id = id_random()};
    TRY(ctl_request_add(op, ctl, conn, wish->id, &request));
    TRY(pg_exec(op, conn, &holdfastctl_sql_lane_resume, params, ARRAY_LEN(params),
                /* ret_changed */ NULL));
    wishes->count++;
    return OK;
}

static STATUS ask_service(struct op *op, const struct ctl *ctl, struct str service,
                          struct wishes *wishes)
{
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ctl_db_open(op, ctl, service, &conn));
    TRY(pg_query(op, conn, &holdfastctl_sql_restore_list, /* params */ NULL, 0, &rows));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        struct lane_state state;
        TRY(read_state(op, rows, row, &state));
        if (lacks(&state)) {
            TRY(leave(op, ctl, conn, service, state.lane, wishes));
        }
    }
    return OK;
}

static STATUS await(struct op *op, const struct ctl *ctl, const struct wishes *wishes,
                    struct ctl_table *table, bool *all_taken)
{
    for (uint32_t i = 0; i < wishes->count; i++) {
        const struct wish *wish = &wishes->items[i];
        DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
        struct ctl_cell *cells;
        struct str result = STR("");
        TRY(ctl_db_open(op, ctl, wish->service, &conn));
        struct status st = ctl_request_wait(op, ctl, conn, wish->id, &result);
        if (st.kind != STATUS_CANCELED) {
            TRY(st);
        }
        *all_taken = *all_taken && !status_failed(st);
        TRY(ctl_table_add(op, table, &cells));
        cells[0].text = wish->service;
        cells[1].number = wish->lane;
        cells[2].id = wish->id;
        cells[3].text = status_failed(st) ? STR("nobody has carried it out yet") : result;
    }
    return OK;
}

struct status ctl_restore_apply(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {{"service", CTL_CELL_TEXT},
                                                {"lane", CTL_CELL_NUMBER},
                                                {"request_id", CTL_CELL_ID},
                                                {"result", CTL_CELL_TEXT}};
    const struct str *services;
    uint32_t count;
    bool all_taken = true;
    struct ctl_table table;
    struct wishes *wishes = arena_new(op->arena, struct wishes, 1);
    if (!wishes) {
        return op_arena_full(op);
    }
    if (str_eq(ctl->args.text[CTL_OPTION_REQUESTED_BY], ctl->args.text[CTL_OPTION_APPROVED_BY])) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "a second person must approve it");
    }
    TRY(ctl_services_asked(op, ctl, &services, &count));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), CTL_SERVICES_MAX * LANES));
    for (uint32_t i = 0; i < count; i++) {
        TRY(ask_service(op, ctl, services[i], wishes));
    }
    TRY(await(op, ctl, wishes, &table, &all_taken));
    ctl_out_list(&ctl->out, "lanes", /* heading */ NULL, &table);
    return all_taken ? OK
                     : op_fail(op, STATUS_CONFLICT, "ctl.findings",
                               "a lane has not taken back what it lacks: see restore check");
}
