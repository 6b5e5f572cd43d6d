/* The row of a proof: as the table has it, as a question finds it, as clients see it. */
#include "gateway/gateway_proof.h"

#include "base/defer.h"
#include "gateway/gateway_out_json.h"
#include "gateway_sql.h"
#include "json/json_write.h"

#define P(field, kind) TABLE_COLUMN(struct gateway_proof, field, kind)
static const struct table_column proof_columns[] = {
    P(id, COLUMN_UUID),         P(version, COLUMN_INT8),     P(seq, COLUMN_INT8),
    P(head, COLUMN_HASH),       P(prev_seal_n, COLUMN_INT8), P(leaf_index, COLUMN_INT8),
    P(path, COLUMN_BYTEA),      P(seal_n, COLUMN_INT8),      P(sealed_at_us, COLUMN_INT8),
    P(leaf_count, COLUMN_INT8), P(seal_prev, COLUMN_HASH),   P(seal_root, COLUMN_HASH),
    P(key_id, COLUMN_HASH),     P(signature, COLUMN_BYTEA),
};
#undef P

const struct table gateway_proof_table = {
    .name = "escrow_proof",
    .row_bytes = sizeof(struct gateway_proof),
    .columns = proof_columns,
    .column_count = ARRAY_LEN(proof_columns),
    .key_count = 1,
    .version = 1,
    .parent = TABLE_NO_COLUMN,
};

static STATUS read_proof(struct op *op, const struct pg_rows *rows, struct gateway_proof *ret)
{
    TRY(pg_rows_id(op, rows, 0, "id", &ret->id));
    TRY(pg_rows_i64(op, rows, 0, "seq", &ret->seq));
    TRY(pg_rows_hash(op, rows, 0, "head", &ret->head));
    TRY(pg_rows_i64(op, rows, 0, "prev_seal_n", &ret->prev_seal_n));
    TRY(pg_rows_i64(op, rows, 0, "leaf_index", &ret->leaf_index));
    TRY(pg_rows_bytes(op, rows, 0, "path", &ret->path));
    TRY(pg_rows_i64(op, rows, 0, "seal_n", &ret->seal_n));
    TRY(pg_rows_i64(op, rows, 0, "sealed_at_us", &ret->sealed_at_us));
    TRY(pg_rows_i64(op, rows, 0, "leaf_count", &ret->leaf_count));
    TRY(pg_rows_hash(op, rows, 0, "seal_prev", &ret->seal_prev));
    TRY(pg_rows_hash(op, rows, 0, "seal_root", &ret->seal_root));
    TRY(pg_rows_hash(op, rows, 0, "key_id", &ret->key_id));
    return pg_rows_bytes(op, rows, 0, "signature", &ret->signature);
}

STATUS gateway_proof_find(struct op *op, struct pg *pg, struct id escrow_id,
                          struct gateway_proof *ret_proof, bool *ret_found)
{
    const struct pg_param params[] = {PG_ID(escrow_id)};
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_acquire(op, pg, &conn));
    TRY(pg_query(op, conn, &gateway_sql_proof_get, params, ARRAY_LEN(params), &rows));
    *ret_found = pg_rows_count(rows) > 0;
    return *ret_found ? read_proof(op, rows, ret_proof) : OK;
}

static STATUS write_hex(struct op *op, struct json_writer *out, const char *name, struct str bytes)
{
    struct strbuf buf;
    struct str hex;
    strbuf_init(&buf, op->arena, 2 * bytes.len + 1);
    strbuf_add_hex(&buf, (const uint8_t *)bytes.ptr, bytes.len);
    if (!strbuf_finish(&buf, &hex)) {
        return op_arena_full(op);
    }
    json_write_str(out, name, hex);
    return OK;
}

static struct str bytes_of(const struct hash *hash)
{
    return (struct str){.ptr = (const char *)hash->bytes, .len = HASH_BYTES};
}

static STATUS write_seal(struct op *op, struct json_writer *out, const struct gateway_proof *proof)
{
    json_write_object(out, "seal");
    json_write_i64(out, "n", proof->seal_n);
    json_write_i64(out, "at_us", proof->sealed_at_us);
    json_write_i64(out, "leaves", proof->leaf_count);
    TRY(write_hex(op, out, "prev", bytes_of(&proof->seal_prev)));
    TRY(write_hex(op, out, "root", bytes_of(&proof->seal_root)));
    TRY(write_hex(op, out, "key", bytes_of(&proof->key_id)));
    TRY(write_hex(op, out, "signature", proof->signature));
    json_write_end(out);
    return OK;
}

STATUS gateway_proof_json(struct op *op, const struct gateway_proof *proof, int64_t seq,
                          struct str *ret_json)
{
    struct json_writer out;
    json_write_init(&out, op->arena, GATEWAY_JSON_MAX_BYTES);
    json_write_object(&out, NULL);
    json_write_id(&out, "escrow_id", proof->id);
    json_write_i64(&out, "seq", proof->seq);
    TRY(write_hex(op, &out, "head", bytes_of(&proof->head)));
    json_write_i64(&out, "current_seq", seq > proof->seq ? seq : proof->seq);
    json_write_i64(&out, "prev_seal_n", proof->prev_seal_n);
    json_write_i64(&out, "leaf_index", proof->leaf_index);
    json_write_array(&out, "path");
    for (size_t at = 0; at + HASH_BYTES <= proof->path.len; at += HASH_BYTES) {
        TRY(write_hex(op, &out, NULL,
                      (struct str){.ptr = proof->path.ptr + at, .len = HASH_BYTES}));
    }
    json_write_end(&out);
    TRY(write_seal(op, &out, proof));
    json_write_end(&out);
    return json_write_finish(op, &out, ret_json);
}
