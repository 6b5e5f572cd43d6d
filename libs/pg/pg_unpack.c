/* Rows of an answer become structs in the arena. Every type and length is checked: paired with what
 * the packer writes, so that a column that changed its type is found at the first row. */
#include <endian.h>
#include <string.h>

#include "base/assert.h"
#include "pg/pg_internal.h"

/* The bytes that a cell of this type must have; -1: any. */
static int cell_bytes(enum column_type type)
{
    switch (type) {
    case COLUMN_UUID: return sizeof(struct id);
    case COLUMN_INT8: return sizeof(int64_t);
    case COLUMN_INT4: return sizeof(int32_t);
    case COLUMN_ENUM: return sizeof(int16_t);
    case COLUMN_BOOL: return 1;
    case COLUMN_HASH: return HASH_BYTES;
    case COLUMN_TEXT:
    case COLUMN_BYTEA: return -1;
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("no such column type");
}

/* Checks the column's type and adds up the bytes of variable length. */
static struct status check_column(struct op *op, const struct table *table, const PGresult *result,
                                  int number, size_t *total_bytes)
{
    const struct table_column *column = &table->columns[number];
    if (PQftype(result, number) != (Oid)pg_sql_oid(column->type) ||
        PQfformat(result, number) != 1 /* binary */) {
        return op_fail(op, STATUS_BUG, "pg.column_type", "%s.%s has type %u", table->name,
                       column->name, PQftype(result, number));
    }
    int count = cell_bytes(column->type) < 0 ? PQntuples(result) : 0;
    for (int i = 0; i < count; i++) {
        *total_bytes += (size_t)PQgetlength(result, i, number);
    }
    return OK;
}

static void unpack_cell(enum column_type type, const char *from, char *to)
{
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    int value;
    bool flag;
    switch (type) {
    case COLUMN_UUID: memcpy(to, from, sizeof(struct id)); return;
    case COLUMN_HASH: memcpy(to, from, HASH_BYTES); return;
    case COLUMN_INT8:
        memcpy(&u64, from, sizeof(u64));
        u64 = be64toh(u64);
        memcpy(to, &u64, sizeof(u64));
        return;
    case COLUMN_INT4:
        memcpy(&u32, from, sizeof(u32));
        u32 = be32toh(u32);
        memcpy(to, &u32, sizeof(u32));
        return;
    case COLUMN_ENUM:
        memcpy(&u16, from, sizeof(u16));
        value = (int16_t)be16toh(u16);
        memcpy(to, &value, sizeof(value));
        return;
    case COLUMN_BOOL:
        flag = *from != 0;
        memcpy(to, &flag, sizeof(flag));
        return;
    case COLUMN_TEXT:
    case COLUMN_BYTEA:
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("no fixed length");
}

/* Row after row, as libpq keeps them. *bytes: where the next variable cell is copied to. */
static struct status unpack_row(struct op *op, const struct table *table, const PGresult *result,
                                int row, char *to, char **bytes)
{
    for (int c = 0; c < (int)table->column_count; c++) {
        const struct table_column *column = &table->columns[c];
        const char *from = PQgetvalue(result, row, c);
        int len = PQgetlength(result, row, c);
        int want = cell_bytes(column->type);
        if ((want >= 0 && len != want) || (len == 0 && PQgetisnull(result, row, c))) {
            return op_fail(op, STATUS_BUG, "pg.column_null", "%s.%s: NULL, or %d bytes",
                           table->name, column->name, len);
        }
        if (want >= 0) {
            unpack_cell(column->type, from, to + column->offset);
            continue;
        }
        struct str s = {.ptr = *bytes, .len = (size_t)len};
        memcpy(*bytes, from, s.len);
        memcpy(to + column->offset, &s, sizeof(s));
        *bytes += s.len;
    }
    return OK;
}

STATUS pg_unpack_table(struct op *op, const struct table *table, const PGresult *result,
                       struct pg_batch_rows *ret_rows)
{
    int count = PQntuples(result);
    if (PQnfields(result) != (int)table->column_count) {
        return op_fail(op, STATUS_BUG, "pg.column", "%s: %d columns came back", table->name,
                       PQnfields(result));
    }
    size_t total_bytes = 0;
    for (int c = 0; c < (int)table->column_count; c++) {
        TRY(check_column(op, table, result, c, &total_bytes));
    }
    char *rows = arena_alloc(op->arena, (size_t)count, table->row_bytes);
    char *bytes = arena_alloc(op->arena, total_bytes, 1);
    if (!rows || !bytes) {
        return op_arena_full(op);
    }
    for (int row = 0; row < count; row++) {
        TRY(unpack_row(op, table, result, row, rows + (size_t)row * table->row_bytes, &bytes));
    }
    *ret_rows = (struct pg_batch_rows){.rows = rows, .count = (uint32_t)count};
    return OK;
}
