/*
 * Requests in, rows of `intake` out: one round trip when all ids are new, else a second look at what
 * is there already. An extra row is stored only together with a request that was new.
 */
#include "engine/intake_group.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/lane.h"
#include "base/map.h"
#include "engine_sql.h"
#include "obs/log.h"

#define DEADLOCK_TRIES 3
#define HALVES_MAX 16 /* a binary tree over INTAKE_GROUP_MAX entries is 10 deep */
#define NOT_FOUND UINT32_MAX

_Static_assert(INTAKE_GROUP_MAX <= 1 << (HALVES_MAX - 1), "the halves of a group fit the stack");

/* The columns of the rows to be added. Entries without a topic have none. */
struct columns {
    uint32_t count;
    struct id *ids;
    int32_t *lanes;
    struct str *topics;
    struct id *keys;
    struct str *types;
    struct str *payloads;
    struct str *contents;
    struct id *accounts;
    uint32_t *entries; /* whose row it is */
};

static STATUS make_columns(struct op *op, struct intake_entry *const *entries, uint32_t count,
                           struct columns *ret_columns)
{
    struct columns columns = {
        .ids = arena_new(op->arena, struct id, count),
        .lanes = arena_new(op->arena, int32_t, count),
        .topics = arena_new(op->arena, struct str, count),
        .keys = arena_new(op->arena, struct id, count),
        .types = arena_new(op->arena, struct str, count),
        .payloads = arena_new(op->arena, struct str, count),
        .contents = arena_new(op->arena, struct str, count),
        .accounts = arena_new(op->arena, struct id, count),
        .entries = arena_new(op->arena, uint32_t, count),
    };
    if (!columns.ids || !columns.lanes || !columns.topics || !columns.keys || !columns.types ||
        !columns.payloads || !columns.contents || !columns.accounts || !columns.entries) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct intake_request *request = &entries[i]->request;
        if (request->topic == TOPIC_NONE) {
            continue;
        }
        uint32_t at = columns.count++;
        columns.ids[at] = request->id;
        columns.lanes[at] = lane_of_key(request->key);
        columns.topics[at] = str_of(topology_topics[request->topic].name);
        columns.keys[at] = request->key;
        columns.types[at] = request->type;
        columns.payloads[at] = request->payload;
        columns.contents[at] =
            (struct str){.ptr = (const char *)request->content.bytes, .len = HASH_BYTES};
        columns.accounts[at] = request->account;
        columns.entries[at] = i;
    }
    *ret_columns = columns;
    return OK;
}

static STATUS queue_add(struct op *op, struct pg_conn *conn, const struct columns *columns,
                        struct pg_rows **ret_rows)
{
    if (columns->count == 0) {
        return OK;
    }
    uint32_t n = columns->count;
    const struct pg_param params[] = {
        PG_IDS(columns->ids, n),           PG_I32S(columns->lanes, n),
        PG_TEXTS(columns->topics, n),      PG_IDS(columns->keys, n),
        PG_TEXTS(columns->types, n),       PG_BYTESS(columns->payloads, n),
        PG_BYTESS(columns->contents, n),   PG_IDS(columns->accounts, n),
        PG_I64(INTAKE_REPUBLISH_AFTER_US),
    };
    if (ret_rows) {
        return pg_batch_stmt(op, conn, &engine_sql_intake_add_missing, params, ARRAY_LEN(params),
                             ret_rows);
    }
    return pg_batch_exec(op, conn, &engine_sql_intake_add, params, ARRAY_LEN(params), NULL);
}

/* The extra rows of entries that are stored, one statement for each table. */
static STATUS queue_extra(struct op *op, struct pg_conn *conn, struct intake_entry *const *entries,
                          uint32_t count)
{
    const void **rows = arena_alloc(op->arena, count, sizeof(*rows));
    bool *done = arena_new(op->arena, bool, count);
    if (!rows || !done) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct table *table = entries[i]->request.extra_table;
        uint32_t row_count = 0;
        for (uint32_t k = i; k < count && table && !done[i]; k++) {
            if (entries[k]->request.extra_table == table && entries[k]->result == INTAKE_STORED) {
                rows[row_count++] = entries[k]->request.extra_row;
                done[k] = true;
            }
        }
        if (row_count > 0) {
            TRY(pg_batch_insert_missing(op, conn, table, rows, row_count, NULL));
        }
    }
    return OK;
}

static void set_results(struct intake_entry **entries, uint32_t count, enum intake_result result)
{
    for (uint32_t i = 0; i < count; i++) {
        entries[i]->result = result;
        entries[i]->status = OK;
    }
}

static STATUS store_new(struct op *op, struct pg_conn *conn, struct intake_entry **entries,
                        uint32_t count)
{
    struct columns columns;
    TRY(make_columns(op, entries, count, &columns));
    set_results(entries, count, INTAKE_STORED);
    TRY(pg_batch_begin(op, conn));
    TRY(queue_add(op, conn, &columns, NULL));
    TRY(queue_extra(op, conn, entries, count));
    return pg_batch_commit(op, conn);
}

/* Ids of rows, mapped to their row's number. */
static STATUS map_rows(struct op *op, const struct pg_rows *rows, struct map *ret_map)
{
    uint32_t count = rows ? pg_rows_count(rows) : 0;
    if (!map_init(ret_map, op->arena, count + 1)) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct id id;
        TRY(pg_rows_id(op, rows, i, "id", &id));
        if (map_put(ret_map, id, i) != i) {
            return op_fail(op, STATUS_BUG, "intake.not_stored", "an id came back twice");
        }
    }
    return OK;
}

/* What the rows that are there already say about those who sent their ids again. */
static STATUS compare(struct op *op, const struct columns *columns, const struct pg_rows *added,
                      const struct pg_rows *contents, struct intake_entry **entries)
{
    struct map added_map;
    struct map content_map;
    TRY(map_rows(op, added, &added_map));
    TRY(map_rows(op, contents, &content_map));
    for (uint32_t i = 0; i < columns->count; i++) {
        struct intake_entry *entry = entries[columns->entries[i]];
        uint32_t row = map_get(&content_map, columns->ids[i], NOT_FOUND);
        if (map_get(&added_map, columns->ids[i], NOT_FOUND) != NOT_FOUND) {
            entry->result = INTAKE_STORED;
        } else if (row == NOT_FOUND) { /* archived between the two statements */
            return op_fail(op, STATUS_RETRY, "intake.unavailable", "a row went away");
        } else {
            struct hash content;
            TRY(pg_rows_hash(op, contents, row, "content", &content));
            entry->result =
                hash_eq(&content, &entry->request.content) ? INTAKE_REPEATED : INTAKE_DIFFERENT;
        }
    }
    return OK;
}

static STATUS store_missing(struct op *op, struct pg_conn *conn, struct intake_entry **entries,
                            uint32_t count)
{
    struct columns columns;
    TRY(make_columns(op, entries, count, &columns));
    set_results(entries, count, INTAKE_STORED);
    DEFER(pg_rows_free_at) struct pg_rows *added = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *contents = NULL;
    const struct pg_param ids[] = {PG_IDS(columns.ids, columns.count)};
    TRY(pg_batch_begin(op, conn));
    TRY(queue_add(op, conn, &columns, &added));
    TRY(pg_batch_stmt(op, conn, &engine_sql_intake_contents, ids, ARRAY_LEN(ids), &contents));
    TRY(pg_batch_sync(op, conn));
    TRY(compare(op, &columns, added, contents, entries));
    TRY(queue_extra(op, conn, entries, count));
    return pg_batch_commit(op, conn);
}

/* One group, as often as a deadlock or the like asks for. */
static STATUS try_group(struct op *op, struct pg_conn *conn, struct intake_entry **entries,
                        uint32_t count)
{
    struct status st = store_new(op, conn, entries, count);
    for (int tries = 0; status_failed(st) && tries < DEADLOCK_TRIES; tries++) {
        bool repeated = strcmp(pg_conn_sqlstate(conn), "23505") == 0;
        bool deadlock = strncmp(pg_conn_sqlstate(conn), "40", 2) == 0;
        pg_batch_rollback(conn);
        if (!pg_conn_is_open(conn) || (!repeated && !deadlock)) {
            return st;
        }
        st = store_missing(op, conn, entries, count);
    }
    if (status_failed(st)) {
        pg_batch_rollback(conn);
    }
    return st;
}

static void fail(const struct op *op, struct status st, struct intake_entry **entries,
                 uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        entries[i]->result = INTAKE_RESULT_NONE;
        entries[i]->status = st;
        entries[i]->err = op->err;
    }
}

/* Does the failure belong to one of the requests, so that the others may do without it? */
static bool is_somebodys(enum status_kind kind)
{
    switch (kind) {
    case STATUS_INVALID:
    case STATUS_DENIED:
    case STATUS_NOT_FOUND:
    case STATUS_CONFLICT:
    case STATUS_LIMIT:
    case STATUS_BUG: return true;
    case STATUS_OK:
    case STATUS_RETRY:
    case STATUS_CANCELED:
    case STATUS_STOP:
    case STATUS_KIND_COUNT: return false;
    }
    UNREACHABLE("no such status");
}

static STATUS unavailable(struct op *op)
{
    struct op_err why = op->err;
    return op_fail(op, STATUS_RETRY, "intake.unavailable", "%s %s", why.code, why.msg);
}

struct range {
    uint32_t first;
    uint32_t count;
};

void intake_group_store(struct op *op, struct pg_conn *conn, struct intake_entry **entries,
                        uint32_t count)
{
    bool away = false; /* what is left of the group then fails without being tried */
    struct range todo[HALVES_MAX];
    uint32_t depth = 0;
    todo[depth++] = (struct range){.first = 0, .count = count};
    while (depth > 0) {
        struct range range = todo[--depth];
        struct intake_entry **part = entries + range.first;
        arena_reset(op->arena);
        if (away) {
            fail(op, unavailable(op), part, range.count);
            continue;
        }
        struct status st = try_group(op, conn, part, range.count);
        if (!status_failed(st)) {
            continue;
        }
        if (!is_somebodys(st.kind)) {
            log_warn(op, "intake.group_failed", LOG_STATUS(st), LOG_FAILURE(op));
            away = true;
            fail(op, st.kind == STATUS_STOP ? st : unavailable(op), part, range.count);
        } else if (range.count == 1) {
            log_error(op, "intake.request_failed", LOG_STATUS(st), LOG_FAILURE(op),
                      LOG_ID("intake_id", part[0]->request.id));
            fail(op, st, part, 1);
        } else {
            ASSERT(depth + 2 <= HALVES_MAX);
            uint32_t half = range.count / 2;
            todo[depth++] =
                (struct range){.first = range.first + half, .count = range.count - half};
            todo[depth++] = (struct range){.first = range.first, .count = half};
        }
    }
}

STATUS intake_group_acknowledged(struct op *op, struct pg_conn *conn, const struct id *ids,
                                 uint32_t count)
{
    const struct pg_param params[] = {PG_IDS(ids, count), PG_I64(INTAKE_REPUBLISH_NO_OUTCOME_US)};
    struct status st =
        pg_exec(op, conn, &engine_sql_intake_acknowledged, params, ARRAY_LEN(params), NULL);
    if (status_failed(st)) {
        pg_batch_rollback(conn);
    }
    return st;
}

STATUS intake_group_conn(struct op *op, const struct intake_options *options,
                         struct pg_conn **ret_conn)
{
    static const struct pg_stmt *const stmts[] = {
        &engine_sql_intake_add, &engine_sql_intake_add_missing, &engine_sql_intake_contents,
        &engine_sql_intake_acknowledged};
    struct strbuf name;
    struct str application_name;
    strbuf_init(&name, op->arena, 64);
    strbuf_add(&name, options->source);
    strbuf_add(&name, STR("-intake"));
    if (!strbuf_finish(&name, &application_name)) {
        return op_arena_full(op);
    }
    struct pg_conn_options conn_options = {.conninfo = options->database_url,
                                           .application_name = application_name,
                                           .use = PG_USE_LANE,
                                           .stmts = stmts,
                                           .stmt_count = ARRAY_LEN(stmts)};
    return pg_conn_new(op, &conn_options, ret_conn);
}
