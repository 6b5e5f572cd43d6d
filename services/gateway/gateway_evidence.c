/* The rows of evidence and of uploads: as the tables have them, as questions find them, as clients see them. */
#include "gateway/gateway_evidence.h"

#include "gateway_sql.h"
#include "json/json_write.h"

#define JSON_MAX_BYTES ((size_t)256 * 1024) /* all of them, with their texts escaped */
#define DOCKET_MAX_BYTES 512
#define SWEEP_MAX 2 /* one more than comes with it, so that what was left over goes, too */

#define E(field, kind) TABLE_COLUMN(struct gateway_evidence, field, kind)
static const struct table_column evidence_columns[] = {
    E(escrow_id, COLUMN_UUID),    E(seq, COLUMN_INT8),         E(dispute, COLUMN_INT8),
    E(submitted_by, COLUMN_UUID), E(content, COLUMN_HASH),     E(type, COLUMN_ENUM),
    E(size_bytes, COLUMN_INT8),   E(description, COLUMN_TEXT), E(at_us, COLUMN_INT8),
};
#undef E

const struct table gateway_evidence_table = {
    .name = "escrow_evidence",
    .row_bytes = sizeof(struct gateway_evidence),
    .columns = evidence_columns,
    .column_count = ARRAY_LEN(evidence_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = 0,
};

/* ---- As clients see it ---- */

STATUS gateway_evidence_docket(struct op *op, const struct gateway_docket *docket,
                               struct str *ret_json)
{
    struct json_writer out;
    json_write_init(&out, op->arena, DOCKET_MAX_BYTES);
    json_write_object(&out, NULL);
    json_write_i64(&out, "buyer_items", docket->buyer_items);
    json_write_i64(&out, "seller_items", docket->seller_items);
    json_write_time(&out, "buyer_until", docket->buyer_until_us);
    json_write_time(&out, "seller_until", docket->seller_until_us);
    json_write_time(&out, "staff_decides_at", docket->staff_decides_at_us);
    json_write_end(&out);
    return json_write_finish(op, &out, ret_json);
}

static void write_hash(struct json_writer *out, const char *name, const struct hash *hash)
{
    char memory[2 * HASH_BYTES + 1];
    struct strbuf buf;
    struct str hex;
    strbuf_init_fixed(&buf, memory, sizeof(memory));
    strbuf_add_hex(&buf, hash->bytes, HASH_BYTES);
    bool fits = strbuf_finish(&buf, &hex);
    ASSERT(fits);
    json_write_str(out, name, hex);
}

STATUS gateway_evidence_json(struct op *op, const struct gateway_evidence *rows, uint32_t count,
                             struct str *ret_json)
{
    struct json_writer out;
    json_write_init(&out, op->arena, JSON_MAX_BYTES);
    json_write_object(&out, NULL);
    json_write_array(&out, "evidence");
    for (uint32_t i = 0; i < count; i++) {
        json_write_object(&out, NULL);
        json_write_i64(&out, "seq", rows[i].seq);
        json_write_i64(&out, "dispute", rows[i].dispute);
        json_write_id(&out, "submitted_by", rows[i].submitted_by);
        json_write_time(&out, "at", rows[i].at_us);
        write_hash(&out, "hash", &rows[i].content);
        json_write_str(&out, "type", media_type((enum media)rows[i].type));
        json_write_i64(&out, "size_bytes", rows[i].size_bytes);
        json_write_str(&out, "description", rows[i].description);
        json_write_end(&out);
    }
    json_write_end(&out);
    json_write_end(&out);
    return json_write_finish(op, &out, ret_json);
}

/* ---- Questions ---- */

static STATUS ask(struct op *op, struct pg *pg, const struct pg_stmt *stmt,
                  const struct pg_param *params, uint32_t param_count, struct pg_rows **ret_rows)
{
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    TRY(pg_acquire(op, pg, &conn));
    return pg_query(op, conn, stmt, params, param_count, ret_rows);
}

static STATUS read_row(struct op *op, const struct pg_rows *rows, uint32_t row,
                       struct gateway_evidence *ret)
{
    TRY(pg_rows_id(op, rows, row, "escrow_id", &ret->escrow_id));
    TRY(pg_rows_i64(op, rows, row, "seq", &ret->seq));
    TRY(pg_rows_i64(op, rows, row, "dispute", &ret->dispute));
    TRY(pg_rows_id(op, rows, row, "submitted_by", &ret->submitted_by));
    TRY(pg_rows_hash(op, rows, row, "content", &ret->content));
    TRY(pg_rows_enum(op, rows, row, "type", MEDIA_COUNT, &ret->type));
    TRY(pg_rows_i64(op, rows, row, "size_bytes", &ret->size_bytes));
    TRY(pg_rows_text(op, rows, row, "description", &ret->description));
    return pg_rows_i64(op, rows, row, "at_us", &ret->at_us);
}

STATUS gateway_evidence_list(struct op *op, struct pg *pg, struct id escrow_id,
                             const struct gateway_evidence **ret_rows, uint32_t *ret_count)
{
    const struct pg_param params[] = {PG_ID(escrow_id), PG_I32(GATEWAY_EVIDENCE_LIST_MAX)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ask(op, pg, &gateway_sql_evidence_list, params, ARRAY_LEN(params), &rows));
    uint32_t count = pg_rows_count(rows);
    struct gateway_evidence *out = arena_new(op->arena, struct gateway_evidence, count);
    if (!out) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_row(op, rows, i, &out[i]));
    }
    *ret_rows = out;
    *ret_count = count;
    return OK;
}

STATUS gateway_evidence_find(struct op *op, struct pg *pg, struct id escrow_id,
                             const struct hash *content, struct gateway_evidence *ret_row,
                             bool *ret_found)
{
    const struct pg_param params[] = {PG_ID(escrow_id), PG_HASH(content)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ask(op, pg, &gateway_sql_evidence_find, params, ARRAY_LEN(params), &rows));
    *ret_found = pg_rows_count(rows) > 0;
    return *ret_found ? read_row(op, rows, 0, ret_row) : OK;
}

STATUS gateway_evidence_begin(struct op *op, struct pg *pg, const struct gateway_upload *upload,
                              bool *ret_has_room)
{
    const struct pg_param params[] = {PG_ID(upload->command_id),   PG_HASH(&upload->content),
                                      PG_ID(upload->account_id),   PG_ID(upload->escrow_id),
                                      PG_I32(GATEWAY_UPLOADS_MAX), PG_I32(GATEWAY_UPLOAD_KEPT_S)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ask(op, pg, &gateway_sql_upload_begin, params, ARRAY_LEN(params), &rows));
    *ret_has_room = pg_rows_count(rows) > 0;
    return OK;
}

/* ---- Uploads that came to nothing ---- */

/* Under the lock of these bytes, which whoever stores them takes, too: so they are removed, or wanted, not both. */
static STATUS forget(struct op *op, struct pg_conn *conn, struct objects *objects,
                     struct id command_id, const struct hash *content)
{
    const struct pg_param lock[] = {PG_HASH(content)};
    const struct pg_param which[] = {PG_ID(command_id), PG_HASH(content),
                                     PG_I32(GATEWAY_UPLOAD_KEPT_S)};
    DEFER(pg_rows_free_at) struct pg_rows *locked = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    bool is_unneeded = false;
    TRY(pg_begin(op, conn));
    TRY(pg_query(op, conn, &gateway_sql_upload_lock, lock, ARRAY_LEN(lock), &locked));
    TRY(pg_query(op, conn, &gateway_sql_upload_forget, which, ARRAY_LEN(which), &rows));
    if (pg_rows_count(rows) > 0) {
        TRY(pg_rows_bool(op, rows, 0, "is_unneeded", &is_unneeded));
    }
    if (is_unneeded) {
        TRY(objects_remove(op, objects, content));
    }
    return pg_commit(op, conn);
}

STATUS gateway_evidence_sweep(struct op *op, struct pg *pg, struct objects *objects)
{
    const struct pg_param params[] = {PG_I32(GATEWAY_UPLOAD_KEPT_S), PG_I32(SWEEP_MAX)};
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_acquire(op, pg, &conn));
    TRY(pg_query(op, conn, &gateway_sql_upload_old, params, ARRAY_LEN(params), &rows));
    for (uint32_t i = 0; i < pg_rows_count(rows); i++) {
        struct id command_id;
        struct hash content;
        TRY(pg_rows_id(op, rows, i, "command_id", &command_id));
        TRY(pg_rows_hash(op, rows, i, "content", &content));
        struct status st = forget(op, conn, objects, command_id, &content);
        if (status_failed(st)) {
            pg_rollback(conn);
            return st;
        }
    }
    return OK;
}
