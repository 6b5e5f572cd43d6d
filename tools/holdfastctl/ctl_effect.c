/* In: calls to the outside. Out: what became of them; and, said by two people, what became of one that is too old to be
 * repeated. */
#include "base/hash.h"
#include "base/lane.h"
#include "effects/effects.h"
#include "engine/engine.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_request.h"
#include "holdfastctl_sql.h"

#define LIST_DEFAULT 50
#define LINE_MAX_BYTES (EFFECTS_PATH_MAX_BYTES + 16)

static struct str state_word(enum effect_state state)
{
    switch (state) {
    case EFFECT_WAITING: return STR("waiting");
    case EFFECT_SENDING: return STR("sending");
    case EFFECT_DONE: return STR("done");
    case EFFECT_FAILED: return STR("failed");
    case EFFECT_UNKNOWN: return STR("unknown");
    case EFFECT_NONE:
    case EFFECT_STATE_COUNT: break;
    }
    return STR("");
}

static struct str method_word(enum effects_method method)
{
    switch (method) {
    case EFFECTS_GET: return STR("GET");
    case EFFECTS_POST: return STR("POST");
    case EFFECTS_PUT: return STR("PUT");
    case EFFECTS_PATCH: return STR("PATCH");
    case EFFECTS_DELETE: return STR("DELETE");
    case EFFECTS_METHOD_NONE:
    case EFFECTS_METHOD_COUNT: break;
    }
    return STR("");
}

/* "POST /v1/transfers". */
static STATUS request_line(struct op *op, const struct effects_request *request,
                           struct str *ret_line)
{
    struct strbuf line;
    strbuf_init(&line, op->arena, LINE_MAX_BYTES);
    strbuf_addf(&line, STR_FMT " " STR_FMT, STR_ARG(method_word(request->method)),
                STR_ARG(request->path));
    return strbuf_finish(&line, ret_line) ? OK : op_arena_full(op);
}

static STATUS add_effect(struct op *op, const struct pg_rows *rows, uint32_t row,
                         struct ctl_cell *cells)
{
    struct str bytes;
    struct effects_request request;
    int state;
    bool old;
    TRY(pg_rows_id(op, rows, row, "id", &cells[0].id));
    TRY(pg_rows_id(op, rows, row, "key", &cells[1].id));
    TRY(pg_rows_i64(op, rows, row, "lane", &cells[2].number));
    TRY(pg_rows_bytes(op, rows, row, "request", &bytes));
    TRY(effects_decode(op, bytes, &request));
    TRY(request_line(op, &request, &cells[3].text));
    TRY(pg_rows_enum(op, rows, row, "state", EFFECT_STATE_COUNT, &state));
    cells[4].text = state_word((enum effect_state)state);
    TRY(pg_rows_i64(op, rows, row, "attempts", &cells[5].number));
    TRY(pg_rows_i64(op, rows, row, "last_status", &cells[6].number));
    TRY(pg_rows_text(op, rows, row, "last_answer", &cells[7].text));
    TRY(pg_rows_i64(op, rows, row, "caused_at_us", &cells[8].number));
    TRY(pg_rows_bool(op, rows, row, "old", &old));
    cells[9].number = old;
    return OK;
}

struct status ctl_effect_list(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"service", CTL_CELL_TEXT},     {"id", CTL_CELL_ID},
        {"key", CTL_CELL_ID},           {"lane", CTL_CELL_NUMBER},
        {"request", CTL_CELL_TEXT},     {"state", CTL_CELL_TEXT},
        {"attempts", CTL_CELL_NUMBER},  {"http_status", CTL_CELL_NUMBER},
        {"last_answer", CTL_CELL_TEXT}, {"caused_at", CTL_CELL_TIME},
        {"too_old", CTL_CELL_BOOL},
    };
    const struct ctl_args *args = &ctl->args;
    int32_t limit = ctl_args_given(args, CTL_OPTION_LIMIT) ? (int32_t)args->number[CTL_OPTION_LIMIT]
                                                           : LIST_DEFAULT;
    const struct pg_param params[] = {PG_BOOL(ctl_args_given(args, CTL_OPTION_ATTENTION)),
                                      PG_I64(ENGINE_EFFECT_SEND_AGE_US), PG_I32(limit)};
    const struct str *services;
    uint32_t count;
    struct ctl_table table;
    TRY(ctl_services_asked(op, ctl, &services, &count));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), CTL_ROWS_MAX));
    for (uint32_t i = 0; i < count; i++) {
        DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
        DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
        TRY(ctl_db_open(op, ctl, services[i], &conn));
        TRY(pg_query(op, conn, &holdfastctl_sql_effect_list, params, ARRAY_LEN(params), &rows));
        for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
            struct ctl_cell *cells;
            TRY(ctl_table_add(op, &table, &cells));
            cells[0].text = services[i];
            TRY(add_effect(op, rows, row, &cells[1]));
        }
    }
    ctl_out_list(&ctl->out, "effects", /* heading */ NULL, &table);
    return OK;
}

/* ---- One of them ---- */

struct found {
    struct str service;
    struct id id, key, subject, correlation_id;
    int64_t lane, attempts, caused_at_us, last_status;
    enum effect_state state;
    struct str request, last_answer;
    bool old;
};

static STATUS read_effect(struct op *op, const struct pg_rows *rows, struct found *found)
{
    int state;
    TRY(pg_rows_id(op, rows, 0, "id", &found->id));
    TRY(pg_rows_id(op, rows, 0, "key", &found->key));
    TRY(pg_rows_id(op, rows, 0, "subject", &found->subject));
    TRY(pg_rows_id(op, rows, 0, "correlation_id", &found->correlation_id));
    TRY(pg_rows_i64(op, rows, 0, "lane", &found->lane));
    TRY(pg_rows_bytes(op, rows, 0, "request", &found->request));
    TRY(pg_rows_enum(op, rows, 0, "state", EFFECT_STATE_COUNT, &state));
    TRY(pg_rows_i64(op, rows, 0, "attempts", &found->attempts));
    TRY(pg_rows_i64(op, rows, 0, "caused_at_us", &found->caused_at_us));
    TRY(pg_rows_i64(op, rows, 0, "last_status", &found->last_status));
    TRY(pg_rows_text(op, rows, 0, "last_answer", &found->last_answer));
    found->state = (enum effect_state)state;
    return pg_rows_bool(op, rows, 0, "old", &found->old);
}

/* Ids of effects are derived from what caused them: no two services have the same. */
static STATUS find(struct op *op, const struct ctl *ctl, struct found *ret_found)
{
    const struct str *services;
    uint32_t count;
    struct id id;
    if (!id_parse(ctl->args.argument, &id)) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "the id must be a UUID");
    }
    const struct pg_param params[] = {PG_ID(id), PG_I64(ENGINE_EFFECT_SEND_AGE_US)};
    TRY(ctl_services_asked(op, ctl, &services, &count));
    for (uint32_t i = 0; i < count; i++) {
        DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
        DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
        TRY(ctl_db_open(op, ctl, services[i], &conn));
        TRY(pg_query(op, conn, &holdfastctl_sql_effect_show, params, ARRAY_LEN(params), &rows));
        if (pg_rows_count(rows) > 0) {
            ret_found->service = services[i];
            return read_effect(op, rows, ret_found);
        }
    }
    return op_fail(op, STATUS_NOT_FOUND, "ctl.not_found", "no call has this id");
}

static STATUS hex_of(struct op *op, struct str bytes, struct str *ret_hex)
{
    struct hash hash = hash_of(bytes);
    struct strbuf hex;
    strbuf_init(&hex, op->arena, 2 * sizeof(hash.bytes) + 1);
    strbuf_add_hex(&hex, hash.bytes, sizeof(hash.bytes));
    return strbuf_finish(&hex, ret_hex) ? OK : op_arena_full(op);
}

struct status ctl_effect_show(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"service", CTL_CELL_TEXT},
        {"id", CTL_CELL_ID},
        {"key", CTL_CELL_ID},
        {"subject", CTL_CELL_ID},
        {"correlation_id", CTL_CELL_ID},
        {"lane", CTL_CELL_NUMBER},
        {"state", CTL_CELL_TEXT},
        {"attempts", CTL_CELL_NUMBER},
        {"http_status", CTL_CELL_NUMBER},
        {"last_answer", CTL_CELL_TEXT},
        {"caused_at", CTL_CELL_TIME},
        {"too_old", CTL_CELL_BOOL},
        {"request", CTL_CELL_TEXT},
        {"body", CTL_CELL_TEXT},
        {"sha256", CTL_CELL_TEXT},
    };
    struct found found = {.old = false};
    struct effects_request request;
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(find(op, ctl, &found));
    TRY(effects_decode(op, found.request, &request));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].text = found.service;
    cells[1].id = found.id;
    cells[2].id = found.key;
    cells[3].id = found.subject;
    cells[4].id = found.correlation_id;
    cells[5].number = found.lane;
    cells[6].text = state_word(found.state);
    cells[7].number = found.attempts;
    cells[8].number = found.last_status;
    cells[9].text = found.last_answer;
    cells[10].number = found.caused_at_us;
    cells[11].number = found.old;
    TRY(request_line(op, &request, &cells[12].text));
    cells[13].text = request.body;
    TRY(hex_of(op, found.request, &cells[14].text));
    ctl_out_object(&ctl->out, "effect", &table);
    return OK;
}

/* ---- What two people say of it ---- */

static STATUS read_verdict(struct op *op, const struct ctl_args *args, int16_t *ret_verdict)
{
    bool done = str_eq(args->text[CTL_OPTION_OUTCOME], STR("done"));
    if (!done && !str_eq(args->text[CTL_OPTION_OUTCOME], STR("failed"))) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "--outcome is done or failed");
    }
    if (done != ctl_args_given(args, CTL_OPTION_OBJECT)) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "--object goes with --outcome done: what the provider calls it");
    }
    if (str_eq(args->text[CTL_OPTION_REQUESTED_BY], args->text[CTL_OPTION_APPROVED_BY])) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "a second person must approve it");
    }
    *ret_verdict = done ? ENGINE_VERDICT_DONE : ENGINE_VERDICT_FAILED;
    return OK;
}

/* The owner of the lane checks the same; what is said here saves a wait. */
struct status ctl_effect_settle(struct op *op, struct ctl *ctl)
{
    const struct ctl_args *args = &ctl->args;
    struct found found = {.old = false};
    struct hash content;
    struct ctl_request request = {.kind = CTL_REQUEST_SETTLE, .topic = STR("")};
    TRY(read_verdict(op, args, &request.verdict));
    if (!str_from_hex(args->text[CTL_OPTION_SHA256], content.bytes, sizeof(content.bytes))) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "--sha256 is 64 lower-case hex digits, see effect show");
    }
    TRY(find(op, ctl, &found));
    request.service = found.service;
    request.lane = (int32_t)found.lane;
    request.key = found.id;
    request.answer =
        ctl_args_given(args, CTL_OPTION_OBJECT) ? args->text[CTL_OPTION_OBJECT] : STR("");
    request.content =
        (struct str){.ptr = (const char *)content.bytes, .len = sizeof(content.bytes)};
    return ctl_request_run(op, ctl, &request);
}
