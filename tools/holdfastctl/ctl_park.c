/* In: a key whose messages wait. Out: what waits there; wishes to its lane's owner. */
#include <inttypes.h>

#include "base/lane.h"
#include "engine/engine.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_request.h"
#include "holdfastctl_sql.h"

#define LIST_DEFAULT 50
#define PLACE_MAX_BYTES 320 /* a topic's name has 249 at most */

static int32_t limit_of(const struct ctl_args *args)
{
    return ctl_args_given(args, CTL_OPTION_LIMIT) ? (int32_t)args->number[CTL_OPTION_LIMIT]
                                                  : LIST_DEFAULT;
}

static STATUS add_keys(struct op *op, struct pg_conn *conn, struct str service, int32_t limit,
                       struct ctl_table *table)
{
    const struct pg_param params[] = {PG_I32(limit)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &holdfastctl_sql_park_list, params, ARRAY_LEN(params), &rows));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        struct ctl_cell *cells;
        bool missing;
        TRY(ctl_table_add(op, table, &cells));
        cells[0].text = service;
        TRY(pg_rows_id(op, rows, row, "key", &cells[1].id));
        TRY(pg_rows_i64(op, rows, row, "lane", &cells[2].number));
        TRY(pg_rows_text(op, rows, row, "reason", &cells[3].text));
        TRY(pg_rows_bool(op, rows, row, "missing", &missing));
        cells[4].number = missing ? 1 : 0;
        TRY(pg_rows_i64(op, rows, row, "messages", &cells[5].number));
        TRY(pg_rows_i64(op, rows, row, "since_us", &cells[6].number));
    }
    return OK;
}

/* As quarantine show and drop want it. */
static STATUS place_of(struct op *op, const struct ctl_cell *cells, struct str *ret_place)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, PLACE_MAX_BYTES);
    strbuf_addf(&buf, STR_FMT "/%" PRId64 "/%" PRId64, STR_ARG(cells[1].text), cells[2].number,
                cells[3].number);
    return strbuf_finish(&buf, ret_place) ? OK : op_arena_full(op);
}

static STATUS add_quarantined(struct op *op, struct pg_conn *conn, struct str service,
                              int32_t limit, struct ctl_table *table)
{
    const struct pg_param params[] = {PG_I32(limit)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &holdfastctl_sql_quarantine_list, params, ARRAY_LEN(params), &rows));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        struct ctl_cell *cells;
        TRY(ctl_table_add(op, table, &cells));
        cells[0].text = service;
        TRY(pg_rows_text(op, rows, row, "topic", &cells[1].text));
        TRY(pg_rows_i64(op, rows, row, "lane", &cells[2].number));
        TRY(pg_rows_i64(op, rows, row, "kafka_offset", &cells[3].number));
        TRY(pg_rows_i64(op, rows, row, "n", &cells[4].number));
        TRY(pg_rows_text(op, rows, row, "reason", &cells[5].text));
        TRY(pg_rows_i64(op, rows, row, "value_bytes", &cells[6].number));
        TRY(pg_rows_i64(op, rows, row, "at_us", &cells[7].number));
        TRY(place_of(op, cells, &cells[8].text));
    }
    return OK;
}

struct status ctl_park_list(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column key_columns[] = {
        {"service", CTL_CELL_TEXT}, {"key", CTL_CELL_ID},       {"lane", CTL_CELL_NUMBER},
        {"reason", CTL_CELL_TEXT},  {"missing", CTL_CELL_BOOL}, {"messages", CTL_CELL_NUMBER},
        {"since", CTL_CELL_TIME},
    };
    static const struct ctl_column quarantine_columns[] = {
        {"service", CTL_CELL_TEXT},  {"topic", CTL_CELL_TEXT}, {"lane", CTL_CELL_NUMBER},
        {"offset", CTL_CELL_NUMBER}, {"n", CTL_CELL_NUMBER},   {"reason", CTL_CELL_TEXT},
        {"bytes", CTL_CELL_NUMBER},  {"at", CTL_CELL_TIME},    {"record", CTL_CELL_TEXT},
    };
    const struct str *services;
    uint32_t count;
    struct ctl_table keys;
    struct ctl_table quarantine;
    TRY(ctl_services_asked(op, ctl, &services, &count));
    TRY(ctl_table_init(op, &keys, key_columns, ARRAY_LEN(key_columns), CTL_ROWS_MAX));
    TRY(ctl_table_init(op, &quarantine, quarantine_columns, ARRAY_LEN(quarantine_columns),
                       CTL_ROWS_MAX));
    for (uint32_t i = 0; i < count; i++) {
        DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
        TRY(ctl_db_open(op, ctl, services[i], &conn));
        TRY(add_keys(op, conn, services[i], limit_of(&ctl->args), &keys));
        TRY(add_quarantined(op, conn, services[i], limit_of(&ctl->args), &quarantine));
    }
    ctl_out_list(&ctl->out, "keys", "Parked keys", &keys);
    ctl_out_list(&ctl->out, "quarantine", "Records without a readable key", &quarantine);
    return OK;
}

struct parked {
    struct str service;
    int32_t lane;
    struct str reason;
    int64_t since_us;
};

static STATUS look_for(struct op *op, const struct ctl *ctl, struct str service, struct id key,
                       struct parked *parked)
{
    const struct pg_param params[] = {PG_ID(key)};
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ctl_db_open(op, ctl, service, &conn));
    TRY(pg_query(op, conn, &holdfastctl_sql_park_key, params, ARRAY_LEN(params), &rows));
    if (pg_rows_count(rows) == 0) {
        return OK;
    }
    if (parked->service.len > 0) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "more than one service has parked this key: say --service");
    }
    parked->service = service;
    TRY(pg_rows_i32(op, rows, 0, "lane", &parked->lane));
    TRY(pg_rows_text(op, rows, 0, "reason", &parked->reason));
    return pg_rows_i64(op, rows, 0, "since_us", &parked->since_us);
}

/* Looks in every service (or that of --service); a key that several have parked needs --service. */
static STATUS find_parked(struct op *op, const struct ctl *ctl, struct id key,
                          struct parked *ret_parked)
{
    const struct str *services;
    uint32_t count;
    struct parked parked = {.service = STR("")};
    TRY(ctl_services_asked(op, ctl, &services, &count));
    for (uint32_t i = 0; i < count; i++) {
        TRY(look_for(op, ctl, services[i], key, &parked));
    }
    if (parked.service.len == 0) {
        return op_fail(op, STATUS_NOT_FOUND, "ctl.not_found", "nobody has parked this key");
    }
    *ret_parked = parked;
    return OK;
}

static STATUS key_of(struct op *op, const struct ctl *ctl, struct id *ret_key)
{
    return id_parse(ctl->args.argument, ret_key)
               ? OK
               : op_fail(op, STATUS_INVALID, "ctl.usage", "the key must be a UUID");
}

static STATUS print_key(struct op *op, struct ctl *ctl, struct id key, const struct parked *parked)
{
    static const struct ctl_column columns[] = {{"service", CTL_CELL_TEXT},
                                                {"key", CTL_CELL_ID},
                                                {"lane", CTL_CELL_NUMBER},
                                                {"reason", CTL_CELL_TEXT},
                                                {"since", CTL_CELL_TIME}};
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].text = parked->service;
    cells[1].id = key;
    cells[2].number = parked->lane;
    cells[3].text = parked->reason;
    cells[4].number = parked->since_us;
    ctl_out_object(&ctl->out, "parked", &table);
    return OK;
}

static struct str verdict_word(enum engine_verdict verdict)
{
    switch (verdict) {
    case ENGINE_VERDICT_DONE: return STR("done");
    case ENGINE_VERDICT_FAILED: return STR("failed");
    case ENGINE_VERDICT_NONE:
    case ENGINE_VERDICT_UNKNOWN: /* asked again, never parked */
    case ENGINE_VERDICT_LATER:
    case ENGINE_VERDICT_COUNT: break;
    }
    return STR("");
}

static STATUS add_message(struct op *op, const struct pg_rows *rows, uint32_t row,
                          struct ctl_table *table)
{
    struct ctl_cell *cells;
    int verdict;
    TRY(ctl_table_add(op, table, &cells));
    TRY(pg_rows_i64(op, rows, row, "seq", &cells[0].number));
    TRY(pg_rows_text(op, rows, row, "source", &cells[1].text));
    TRY(pg_rows_i64(op, rows, row, "kafka_offset", &cells[2].number));
    TRY(pg_rows_i64(op, rows, row, "n", &cells[3].number));
    TRY(pg_rows_i64(op, rows, row, "timer_kind", &cells[4].number));
    TRY(pg_rows_i64(op, rows, row, "timer_generation", &cells[5].number));
    TRY(pg_rows_enum(op, rows, row, "verdict", ENGINE_VERDICT_COUNT, &verdict));
    cells[6].text = verdict_word((enum engine_verdict)verdict);
    TRY(pg_rows_i64(op, rows, row, "http_status", &cells[7].number));
    TRY(pg_rows_id(op, rows, row, "message_id", &cells[8].id));
    TRY(pg_rows_i64(op, rows, row, "at_us", &cells[9].number));
    TRY(pg_rows_i64(op, rows, row, "value_bytes", &cells[10].number));
    return pg_rows_text(op, rows, row, "value", &cells[11].text);
}

struct status ctl_park_show(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"seq", CTL_CELL_NUMBER},        {"source", CTL_CELL_TEXT},
        {"offset", CTL_CELL_NUMBER},     {"n", CTL_CELL_NUMBER},
        {"timer_kind", CTL_CELL_NUMBER}, {"timer_generation", CTL_CELL_NUMBER},
        {"verdict", CTL_CELL_TEXT},      {"http_status", CTL_CELL_NUMBER},
        {"message_id", CTL_CELL_ID},     {"at", CTL_CELL_TIME},
        {"bytes", CTL_CELL_NUMBER},      {"value_hex", CTL_CELL_TEXT},
    };
    struct id key;
    struct parked parked = {.service = STR("")};
    struct ctl_table table;
    TRY(key_of(op, ctl, &key));
    TRY(find_parked(op, ctl, key, &parked));
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ctl_db_open(op, ctl, parked.service, &conn));
    const struct pg_param params[] = {PG_ID(key), PG_I32(limit_of(&ctl->args))};
    TRY(pg_query(op, conn, &holdfastctl_sql_park_messages, params, ARRAY_LEN(params), &rows));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), pg_rows_count(rows)));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        TRY(add_message(op, rows, row, &table));
    }
    TRY(print_key(op, ctl, key, &parked));
    ctl_out_list(&ctl->out, "messages", "Messages (the first 4096 bytes in hex)", &table);
    return OK;
}

static STATUS ask(struct op *op, struct ctl *ctl, enum ctl_request_kind kind)
{
    struct id key;
    struct parked parked = {.service = STR("")};
    TRY(key_of(op, ctl, &key));
    TRY(find_parked(op, ctl, key, &parked));
    const struct ctl_args *args = &ctl->args;
    bool second = ctl_args_given(args, CTL_OPTION_APPROVED_BY);
    /* The owner checks the same; here it only saves a wait. */
    if (kind == CTL_REQUEST_PARK_DROP && str_eq(parked.service, STR("payments")) &&
        (!second || !ctl_args_given(args, CTL_OPTION_REQUESTED_BY) ||
         str_eq(args->text[CTL_OPTION_APPROVED_BY], args->text[CTL_OPTION_REQUESTED_BY]))) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "dropping a message of payments needs two names: --requested-by and "
                       "--approved-by");
    }
    const struct ctl_request request = {
        .kind = kind, .service = parked.service, .lane = parked.lane, .key = key, .topic = STR("")};
    return ctl_request_run(op, ctl, &request);
}

struct status ctl_park_retry(struct op *op, struct ctl *ctl)
{
    return ask(op, ctl, CTL_REQUEST_PARK_RETRY);
}

struct status ctl_park_drop(struct op *op, struct ctl *ctl)
{
    return ask(op, ctl, CTL_REQUEST_PARK_DROP);
}
