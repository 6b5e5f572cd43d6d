/* In: what people asked for. Out: whether a call may go. */
#include "payments/payments_switch.h"

#include "base/clock.h"
#include "base/defer.h"
#include "engine/engine_tables.h"
#include "payments_sql.h"

void payments_switch_init(struct payments_switch *rail_switch, struct metrics *metrics)
{
    *rail_switch = (struct payments_switch){
        .held = metrics_counter(metrics, "holdfast_payments_switch_held_total",
                                "Calls that were held back because their rail is switched off.",
                                /* labels */ NULL, 0)};
    for (int kind = LEG_RAIL_NONE + 1; kind < LEG_RAIL_COUNT; kind++) {
        const struct metrics_label label = {
            .name = "rail", .value = payments_rail_of((enum leg_rail)kind)->name.ptr};
        rail_switch->shown[kind] =
            metrics_gauge(metrics, "holdfast_payments_switched_off",
                          "1: nothing pays out by this rail, for people said so.", &label, 1);
    }
}

STATUS payments_switch_read(struct op *op, struct pg_conn *conn,
                            struct payments_switch *rail_switch)
{
    const struct pg_param params[] = {PG_I16(ADMIN_SWITCH_OFF), PG_I16(ADMIN_SWITCH_ON)};
    bool off[LEG_RAIL_COUNT] = {false};
    int64_t now_ms = clock_mono_ms(); /* before it is asked: as old as that, at most */
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &payments_sql_switches, params, ARRAY_LEN(params), &rows));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        struct str name;
        TRY(pg_rows_text(op, rows, row, "name", &name));
        const struct payments_rail *rail = payments_rail_named(name);
        if (rail) {
            TRY(pg_rows_bool(op, rows, row, "off", &off[rail->kind]));
        }
    }
    for (int kind = LEG_RAIL_NONE + 1; kind < LEG_RAIL_COUNT; kind++) {
        atomic_store(&rail_switch->off[kind], off[kind]);
        metrics_set(rail_switch->shown[kind], off[kind] ? 1 : 0);
    }
    atomic_store(&rail_switch->at_ms, now_ms);
    return OK;
}

int64_t payments_switch_held(void *ctx, const struct effects_request *request)
{
    struct payments_switch *rail_switch = ctx;
    for (int kind = LEG_RAIL_NONE + 1; kind < LEG_RAIL_COUNT; kind++) {
        int64_t at_ms = atomic_load(&rail_switch->at_ms);
        if (!payments_rail_of((enum leg_rail)kind)->pays_out(request)) {
            continue;
        }
        if (at_ms == 0 || clock_mono_ms() - at_ms > PAYMENTS_SWITCH_STALE_MS) {
            return PAYMENTS_SWITCH_UNREAD_MS;
        }
        if (atomic_load(&rail_switch->off[kind])) {
            metrics_add(rail_switch->held, 1);
            return PAYMENTS_SWITCH_OFF_MS;
        }
    }
    return 0;
}
