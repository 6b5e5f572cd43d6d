/* In: legs and calls that are open. Out: gauges. */
#include "payments/payments_census.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "payments/payments_rail.h"
#include "payments_sql.h"

#define HOUR_US (INT64_C(3600) * 1000000)

static const char *const kind_names[LEG_KIND_COUNT] = {
    [LEG_IN] = "in", [LEG_TRANSFER] = "transfer", [LEG_REFUND] = "refund"};
static const char *const state_names[LEG_OPEN + 1] = {[LEG_ASKED] = "asked", [LEG_OPEN] = "open"};
static const char *const age_names[PAYMENTS_AGE_COUNT] = {
    [PAYMENTS_AGE_MINUTES] = "minutes",
    [PAYMENTS_AGE_HOURS] = "hours",
    [PAYMENTS_AGE_DAYS] = "days",
    [PAYMENTS_AGE_WEEKS] = "weeks",
};

static void collect(struct metrics_page *page, void *ctx)
{
    const struct payments_census *census = ctx;
    metrics_page_family(page, METRICS_GAUGE, "holdfast_payments_oldest_unknown_seconds",
                        "Age of the oldest call of which nobody knows whether it moved money.");
    metrics_page_value_us(page, /* labels */ NULL, 0, atomic_load(&census->unknown_us));
    metrics_page_family(page, METRICS_GAUGE, "holdfast_payments_reconciled_age_seconds",
                        "How long ago our books were compared with the provider's.");
    metrics_page_value_us(page, /* labels */ NULL, 0, atomic_load(&census->compared_us));
    metrics_page_family(page, METRICS_GAUGE, "holdfast_payments_census_age_seconds",
                        "How long ago what is not settled was counted.");
    metrics_page_value_us(page, /* labels */ NULL, 0,
                          (clock_mono_ms() - atomic_load(&census->at_ms)) * 1000);
}

static void init_legs(struct payments_census *census, struct metrics *metrics)
{
    for (int kind = LEG_IN; kind < LEG_KIND_COUNT; kind++) {
        for (int state = LEG_ASKED; state <= LEG_OPEN; state++) {
            for (int age = 0; age < PAYMENTS_AGE_COUNT; age++) {
                const struct metrics_label labels[] = {
                    {.name = "kind", .value = kind_names[kind]},
                    {.name = "state", .value = state_names[state]},
                    {.name = "age", .value = age_names[age]}};
                census->legs[kind][state][age] = metrics_gauge(
                    metrics, "holdfast_payments_legs",
                    "Operations at the provider that are not settled.", labels, ARRAY_LEN(labels));
            }
        }
    }
}

void payments_census_init(struct payments_census *census, struct metrics *metrics)
{
    *census = (struct payments_census){.metrics = metrics};
    atomic_store(&census->at_ms, clock_mono_ms());
    init_legs(census, metrics);
    for (int cause = PAYMENTS_BREAK_NONE + 1; cause < PAYMENTS_BREAK_COUNT; cause++) {
        const struct metrics_label label = {
            .name = "cause", .value = payments_break_name((enum payments_break_cause)cause)};
        census->breaks[cause] =
            metrics_gauge(metrics, "holdfast_payments_reconciliation_breaks",
                          "Where our books and the provider's differ.", &label, 1);
    }
    metrics_collector(metrics, collect, census);
}

void payments_census_fini(struct payments_census *census)
{
    metrics_collector_end(census->metrics, collect, census);
}

typedef int64_t leg_counts[LEG_KIND_COUNT][LEG_OPEN + 1][PAYMENTS_AGE_COUNT];

static STATUS count_legs(struct op *op, struct pg_conn *conn, leg_counts ret_counts)
{
    const struct pg_param params[] = {PG_I64(HOUR_US)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &payments_sql_census_legs, params, ARRAY_LEN(params), &rows));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        int kind = 0;
        int state = 0;
        int age = 0;
        TRY(pg_rows_enum(op, rows, row, "kind", LEG_KIND_COUNT, &kind));
        TRY(pg_rows_enum(op, rows, row, "state", LEG_OPEN + 1, &state));
        TRY(pg_rows_enum(op, rows, row, "age", PAYMENTS_AGE_COUNT, &age));
        TRY(pg_rows_i64(op, rows, row, "legs", &ret_counts[kind][state][age]));
    }
    return OK;
}

struct break_counts {
    int64_t of[PAYMENTS_BREAK_COUNT];
    int64_t compared_us;
};

static STATUS count_breaks(struct op *op, struct pg_conn *conn, struct break_counts *ret_counts)
{
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &payments_sql_census_breaks, /* params */ NULL, 0, &rows));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        int cause = 0;
        TRY(pg_rows_enum(op, rows, row, "cause", PAYMENTS_BREAK_COUNT, &cause));
        TRY(pg_rows_i64(op, rows, row, "breaks", &ret_counts->of[cause]));
        if (cause == PAYMENTS_BREAK_NONE) {
            TRY(pg_rows_i64(op, rows, row, "age_us", &ret_counts->compared_us));
        }
    }
    return OK;
}

STATUS payments_census_take(struct op *op, struct pg_conn *conn, struct payments_census *census)
{
    const struct pg_param params[] = {PG_I32(PAYMENTS_RAIL_EFFECTS),
                                      PG_I32(PAYMENTS_EFFECT_CREATE_REFUND)};
    leg_counts counts = {0};
    struct break_counts breaks = {.compared_us = 0};
    int64_t unknown_us = 0;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(count_legs(op, conn, counts));
    TRY(count_breaks(op, conn, &breaks));
    TRY(pg_query(op, conn, &payments_sql_census_unknown, params, ARRAY_LEN(params), &rows));
    TRY(pg_rows_i64(op, rows, 0, "age_us", &unknown_us));
    for (int kind = LEG_IN; kind < LEG_KIND_COUNT; kind++) {
        for (int state = LEG_ASKED; state <= LEG_OPEN; state++) {
            for (int age = 0; age < PAYMENTS_AGE_COUNT; age++) {
                metrics_set(census->legs[kind][state][age], counts[kind][state][age]);
            }
        }
    }
    for (int cause = PAYMENTS_BREAK_NONE + 1; cause < PAYMENTS_BREAK_COUNT; cause++) {
        metrics_set(census->breaks[cause], breaks.of[cause]);
    }
    atomic_store(&census->compared_us, breaks.compared_us);
    atomic_store(&census->unknown_us, unknown_us);
    atomic_store(&census->at_ms, clock_mono_ms());
    return OK;
}
