/* Typed, checked reading of one answer by column name. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "pg/pg_internal.h"

struct pg_rows {
    PGresult *result;
};

STATUS pg_rows_of(struct op *op, PGresult *result, struct pg_rows **ret_rows)
{
    for (int i = 0; i < PQnfields(result); i++) {
        if (PQfformat(result, i) != 1 /* binary */) {
            return op_fail(op, STATUS_BUG, "pg.column_type", "%s is not binary",
                           PQfname(result, i));
        }
    }
    struct pg_rows *rows = calloc(1, sizeof(*rows)); /* LINT-OK: libpq's memory */
    ASSERT(rows);
    rows->result = result;
    *ret_rows = rows;
    return OK;
}

void pg_rows_free(struct pg_rows *rows)
{
    if (rows) {
        PQclear(rows->result);
        free(rows);
    }
}

uint32_t pg_rows_count(const struct pg_rows *rows)
{
    return (uint32_t)PQntuples(rows->result);
}

/* One cell: its type and bytes. */
struct cell {
    Oid type;
    bool null;
    const char *bytes;
    size_t len;
};

static struct status find_cell(struct op *op, const struct pg_rows *rows, uint32_t row,
                               const char *column, struct cell *ret_cell)
{
    ASSERT(row < pg_rows_count(rows));
    /* Not PQfnumber, which folds case and allocates. */
    int count = PQnfields(rows->result);
    for (int i = 0; i < count; i++) {
        if (strcmp(PQfname(rows->result, i), column) == 0) {
            *ret_cell = (struct cell){
                .type = PQftype(rows->result, i),
                .null = PQgetisnull(rows->result, (int)row, i) != 0,
                .bytes = PQgetvalue(rows->result, (int)row, i),
                .len = (size_t)PQgetlength(rows->result, (int)row, i),
            };
            return OK;
        }
    }
    return op_fail(op, STATUS_BUG, "pg.column", "no column %s", column);
}

static struct status find_value(struct op *op, const struct pg_rows *rows, uint32_t row,
                                const char *column, struct cell *ret_cell)
{
    TRY(find_cell(op, rows, row, column, ret_cell));
    if (ret_cell->null) {
        return op_fail(op, STATUS_BUG, "pg.column_null", "%s is NULL", column);
    }
    return OK;
}

static struct status wrong_type(struct op *op, const char *column, const struct cell *cell)
{
    return op_fail(op, STATUS_BUG, "pg.column_type", "%s has type %u and %zu bytes", column,
                   cell->type, cell->len);
}

STATUS pg_rows_id(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                  struct id *ret_id)
{
    struct cell cell;
    TRY(find_value(op, rows, row, column, &cell));
    if (cell.type != PG_OID_UUID || cell.len != sizeof(ret_id->bytes)) {
        return wrong_type(op, column, &cell);
    }
    memcpy(ret_id->bytes, cell.bytes, sizeof(ret_id->bytes));
    return OK;
}

STATUS pg_rows_i64(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                   int64_t *ret_value)
{
    struct cell cell;
    TRY(find_value(op, rows, row, column, &cell));
    if (cell.type == PG_OID_INT8 && cell.len == sizeof(uint64_t)) {
        uint64_t value;
        memcpy(&value, cell.bytes, sizeof(value));
        *ret_value = (int64_t)be64toh(value);
        return OK;
    }
    if (cell.type == PG_OID_INT4 && cell.len == sizeof(uint32_t)) {
        uint32_t value;
        memcpy(&value, cell.bytes, sizeof(value));
        *ret_value = (int32_t)be32toh(value);
        return OK;
    }
    if (cell.type == PG_OID_INT2 && cell.len == sizeof(uint16_t)) {
        uint16_t value;
        memcpy(&value, cell.bytes, sizeof(value));
        *ret_value = (int16_t)be16toh(value);
        return OK;
    }
    return wrong_type(op, column, &cell);
}

static struct status bounded(struct op *op, const struct pg_rows *rows, uint32_t row,
                             const char *column, const int64_t bounds[2], int *ret_value)
{
    int64_t value = 0;
    TRY(pg_rows_i64(op, rows, row, column, &value));
    if (value < bounds[0] || value > bounds[1]) {
        return op_fail(op, STATUS_BUG, "pg.column_range", "%s is %lld", column, (long long)value);
    }
    *ret_value = (int)value;
    return OK;
}

STATUS pg_rows_i32(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                   int32_t *ret_value)
{
    static const int64_t bounds[2] = {INT32_MIN, INT32_MAX};
    return bounded(op, rows, row, column, bounds, ret_value);
}

STATUS pg_rows_enum(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                    int count, int *ret_value)
{
    const int64_t bounds[2] = {0, count - 1};
    return bounded(op, rows, row, column, bounds, ret_value);
}

STATUS pg_rows_bool(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                    bool *ret_value)
{
    struct cell cell;
    TRY(find_value(op, rows, row, column, &cell));
    if (cell.type != PG_OID_BOOL || cell.len != 1) {
        return wrong_type(op, column, &cell);
    }
    *ret_value = cell.bytes[0] != 0;
    return OK;
}

static struct status copy_bytes(struct op *op, const struct cell *cell, struct str *ret_bytes)
{
    struct str copy = str_dup(op->arena, (struct str){.ptr = cell->bytes, .len = cell->len});
    if (!copy.ptr) {
        return op_arena_full(op);
    }
    *ret_bytes = copy;
    return OK;
}

STATUS pg_rows_text(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                    struct str *ret_text)
{
    struct cell cell;
    TRY(find_value(op, rows, row, column, &cell));
    if (cell.type != PG_OID_TEXT && cell.type != PG_OID_VARCHAR) {
        return wrong_type(op, column, &cell);
    }
    return copy_bytes(op, &cell, ret_text);
}

STATUS pg_rows_bytes(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                     struct str *ret_bytes)
{
    struct cell cell;
    TRY(find_value(op, rows, row, column, &cell));
    if (cell.type != PG_OID_BYTEA) {
        return wrong_type(op, column, &cell);
    }
    return copy_bytes(op, &cell, ret_bytes);
}

STATUS pg_rows_hash(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                    struct hash *ret_hash)
{
    struct cell cell;
    TRY(find_value(op, rows, row, column, &cell));
    if (cell.type != PG_OID_BYTEA || cell.len != HASH_BYTES) {
        return wrong_type(op, column, &cell);
    }
    memcpy(ret_hash->bytes, cell.bytes, HASH_BYTES);
    return OK;
}
