/*
 * Values in PostgreSQL's binary form: a column of many rows becomes one array. This is the hot path
 * of saving: one growing buffer for each column, no allocation and no call for each row.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "pg/pg_internal.h"

#define ARRAY_HEAD_BYTES 20 /* dimensions, flags, element type, count, lower bound */

void pg_pack_reset(struct pg_conn *conn)
{
    conn->value_count = 0;
}

void pg_pack_trim(struct pg_conn *conn)
{
    for (uint32_t i = 0; i < PG_VALUES_MAX; i++) {
        if (conn->buffers[i].capacity_bytes > PG_BUFFER_KEEP_BYTES) {
            free(conn->buffers[i].ptr);
            conn->buffers[i] = (struct pg_buffer){.ptr = NULL};
        }
    }
}

void pg_pack_fini(struct pg_conn *conn)
{
    for (uint32_t i = 0; i < PG_VALUES_MAX; i++) {
        free(conn->buffers[i].ptr);
        conn->buffers[i] = (struct pg_buffer){.ptr = NULL};
    }
}

/* Makes the next value of the statement, of exactly len bytes, which the caller then fills. */
static struct status add_value(struct op *op, struct pg_conn *conn, size_t len, char **ret_bytes)
{
    ASSERT(conn->value_count < PG_VALUES_MAX);
    if (len > PG_BATCH_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "pg.batch_too_large", "%zu bytes in one column", len);
    }
    struct pg_buffer *buffer = &conn->buffers[conn->value_count];
    if (len > buffer->capacity_bytes || !buffer->ptr) {
        size_t capacity = buffer->capacity_bytes * 2 > len ? buffer->capacity_bytes * 2 : len;
        capacity = capacity < 1024 ? 1024 : capacity;
        char *grown = realloc(buffer->ptr, capacity); /* LINT-OK: lives as long as the connection */
        if (!grown) {
            return op_fail(op, STATUS_LIMIT, "pg.batch_too_large", "no memory for %zu bytes", len);
        }
        buffer->ptr = grown;
        buffer->capacity_bytes = capacity;
    }
    conn->values[conn->value_count] = buffer->ptr;
    conn->lengths[conn->value_count] = (int)len;
    conn->value_count++;
    *ret_bytes = buffer->ptr;
    return OK;
}

static inline char *put_u32(char *to, uint32_t value)
{
    uint32_t big = htobe32(value);
    memcpy(to, &big, sizeof(big));
    return to + sizeof(big);
}

static inline char *put_u64(char *to, uint64_t value)
{
    uint64_t big = htobe64(value);
    memcpy(to, &big, sizeof(big));
    return to + sizeof(big);
}

static inline char *put_u16(char *to, uint16_t value)
{
    uint16_t big = htobe16(value);
    memcpy(to, &big, sizeof(big));
    return to + sizeof(big);
}

static inline char *put_bytes(char *to, const void *bytes, size_t len)
{
    to = put_u32(to, (uint32_t)len);
    if (len > 0) {
        memcpy(to, bytes, len);
    }
    return to + len;
}

static char *put_array_head(char *to, enum pg_oid element, uint32_t count)
{
    to = put_u32(to, count > 0 ? 1 : 0);
    to = put_u32(to, 0 /* no NULLs */);
    to = put_u32(to, (uint32_t)element);
    if (count > 0) {
        to = put_u32(to, count);
        to = put_u32(to, 1 /* lower bound */);
    }
    return to;
}

static struct status add_array(struct op *op, struct pg_conn *conn, enum pg_oid element,
                               uint32_t count, size_t element_bytes, char **ret_bytes)
{
    size_t len = ARRAY_HEAD_BYTES + (size_t)count * element_bytes;
    if (count == 0) {
        len = ARRAY_HEAD_BYTES - 2 * sizeof(uint32_t); /* an empty array has no dimension */
    }
    char *to = NULL;
    TRY(add_value(op, conn, len, &to));
    *ret_bytes = put_array_head(to, element, count);
    return OK;
}

static struct status enum_range(struct op *op, const char *column, int64_t value)
{
    return op_fail(op, STATUS_BUG, "pg.enum_range", "%s: %lld is not a smallint", column,
                   (long long)value);
}

static const struct str *str_at(const void *row, size_t offset)
{
    return (const struct str *)(const void *)((const char *)row + offset);
}

/* Text and bytea: two passes, the first for the size. */
static struct status pack_strs(struct op *op, struct pg_conn *conn,
                               const struct table_column *column, const void *const *rows,
                               uint32_t row_count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        bytes += str_at(rows[i], column->offset)->len;
        if (bytes > PG_BATCH_MAX_BYTES) {
            return op_fail(op, STATUS_LIMIT, "pg.batch_too_large", "%s: over %zu bytes",
                           column->name, PG_BATCH_MAX_BYTES);
        }
    }
    char *to = NULL;
    TRY(add_value(op, conn, ARRAY_HEAD_BYTES + bytes + (size_t)row_count * sizeof(uint32_t), &to));
    to = put_array_head(to, pg_sql_oid(column->type), row_count);
    for (uint32_t i = 0; i < row_count; i++) {
        const struct str *s = str_at(rows[i], column->offset);
        to = put_bytes(to, s->ptr, s->len);
    }
    return OK;
}

static struct status pack_enums(struct op *op, const struct table_column *column, char *to,
                                const void *const *rows, uint32_t row_count)
{
    for (uint32_t i = 0; i < row_count; i++) {
        int value;
        memcpy(&value, (const char *)rows[i] + column->offset, sizeof(value));
        if (value < INT16_MIN || value > INT16_MAX) {
            return enum_range(op, column->name, value);
        }
        to = put_u16(put_u32(to, sizeof(int16_t)), (uint16_t)value);
    }
    return OK;
}

/* Elements whose bytes are those in the struct. */
static void pack_raw(char *to, size_t offset, size_t len, const void *const *rows,
                     uint32_t row_count)
{
    for (uint32_t i = 0; i < row_count; i++) {
        to = put_u32(to, (uint32_t)len);
        memcpy(to, (const char *)rows[i] + offset, len);
        to += len;
    }
}

static void pack_i64s(char *to, size_t offset, const void *const *rows, uint32_t row_count)
{
    for (uint32_t i = 0; i < row_count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)rows[i] + offset, sizeof(value));
        to = put_u64(put_u32(to, sizeof(value)), value);
    }
}

static void pack_i32s(char *to, size_t offset, const void *const *rows, uint32_t row_count)
{
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t value;
        memcpy(&value, (const char *)rows[i] + offset, sizeof(value));
        to = put_u32(put_u32(to, sizeof(value)), value);
    }
}

static void pack_bools(char *to, size_t offset, const void *const *rows, uint32_t row_count)
{
    for (uint32_t i = 0; i < row_count; i++) {
        to = put_u32(to, 1);
        *to++ = *(const bool *)((const char *)rows[i] + offset) ? 1 : 0;
    }
}

static size_t element_bytes(enum column_type type)
{
    switch (type) {
    case COLUMN_UUID: return sizeof(uint32_t) + sizeof(struct id);
    case COLUMN_INT8: return sizeof(uint32_t) + sizeof(int64_t);
    case COLUMN_INT4: return sizeof(uint32_t) + sizeof(int32_t);
    case COLUMN_ENUM: return sizeof(uint32_t) + sizeof(int16_t);
    case COLUMN_BOOL: return sizeof(uint32_t) + 1;
    case COLUMN_HASH: return sizeof(uint32_t) + HASH_BYTES;
    case COLUMN_TEXT:
    case COLUMN_BYTEA:
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("no fixed length");
}

STATUS pg_pack_column(struct op *op, struct pg_conn *conn, const struct table_column *column,
                      const void *const *rows, uint32_t row_count)
{
    if (column->type == COLUMN_TEXT || column->type == COLUMN_BYTEA) {
        return pack_strs(op, conn, column, rows, row_count);
    }
    char *to = NULL;
    TRY(add_array(op, conn, pg_sql_oid(column->type), row_count, element_bytes(column->type), &to));
    switch (column->type) {
    case COLUMN_UUID: pack_raw(to, column->offset, sizeof(struct id), rows, row_count); return OK;
    case COLUMN_HASH: pack_raw(to, column->offset, HASH_BYTES, rows, row_count); return OK;
    case COLUMN_INT8: pack_i64s(to, column->offset, rows, row_count); return OK;
    case COLUMN_INT4: pack_i32s(to, column->offset, rows, row_count); return OK;
    case COLUMN_ENUM: return pack_enums(op, column, to, rows, row_count);
    case COLUMN_BOOL: pack_bools(to, column->offset, rows, row_count); return OK;
    case COLUMN_TEXT:
    case COLUMN_BYTEA:
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("no such column type");
}

static struct status pack_i32_array(struct op *op, struct pg_conn *conn,
                                    const struct pg_param *param, bool small)
{
    char *to = NULL;
    TRY(add_array(op, conn, small ? PG_OID_INT2 : PG_OID_INT4, param->count,
                  sizeof(uint32_t) + (small ? sizeof(int16_t) : sizeof(int32_t)), &to));
    for (uint32_t i = 0; i < param->count; i++) {
        int32_t value = param->value.i32s[i];
        if (!small) {
            to = put_u32(put_u32(to, sizeof(value)), (uint32_t)value);
        } else if (value < INT16_MIN || value > INT16_MAX) {
            return enum_range(op, "a parameter", value);
        } else {
            to = put_u16(put_u32(to, sizeof(int16_t)), (uint16_t)value);
        }
    }
    return OK;
}

static struct status pack_str_array(struct op *op, struct pg_conn *conn,
                                    const struct pg_param *param, enum pg_oid element)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < param->count; i++) {
        bytes += sizeof(uint32_t) + param->value.strs[i].len;
    }
    char *to = NULL;
    TRY(add_value(op, conn, ARRAY_HEAD_BYTES + bytes, &to));
    char *at = put_array_head(to, element, param->count);
    for (uint32_t i = 0; i < param->count; i++) {
        at = put_bytes(at, param->value.strs[i].ptr, param->value.strs[i].len);
    }
    conn->lengths[conn->value_count - 1] = (int)(at - to);
    return OK;
}

static struct status pack_array_param(struct op *op, struct pg_conn *conn,
                                      const struct pg_param *param)
{
    char *to = NULL;
    uint32_t count = param->count;
    if (param->type == PG_TYPE_UUID_ARRAY) {
        TRY(add_array(op, conn, PG_OID_UUID, count, sizeof(uint32_t) + sizeof(struct id), &to));
        for (uint32_t i = 0; i < count; i++) {
            to = put_bytes(to, param->value.ids[i].bytes, sizeof(struct id));
        }
        return OK;
    }
    if (param->type == PG_TYPE_INT8_ARRAY) {
        TRY(add_array(op, conn, PG_OID_INT8, count, sizeof(uint32_t) + sizeof(int64_t), &to));
        for (uint32_t i = 0; i < count; i++) {
            to = put_u64(put_u32(to, sizeof(int64_t)), (uint64_t)param->value.i64s[i]);
        }
        return OK;
    }
    if (param->type == PG_TYPE_TEXT_ARRAY) {
        return pack_str_array(op, conn, param, PG_OID_TEXT);
    }
    if (param->type == PG_TYPE_BYTEA_ARRAY) {
        return pack_str_array(op, conn, param, PG_OID_BYTEA);
    }
    return pack_i32_array(op, conn, param, param->type == PG_TYPE_INT2_ARRAY);
}

static struct status pack_number(struct op *op, struct pg_conn *conn, size_t bytes, int64_t value)
{
    char *to = NULL;
    TRY(add_value(op, conn, bytes, &to));
    uint64_t big = htobe64((uint64_t)value);
    memcpy(to, (const char *)&big + sizeof(big) - bytes, bytes);
    return OK;
}

static struct status pack_bytes(struct op *op, struct pg_conn *conn, const void *bytes, size_t len)
{
    char *to = NULL;
    TRY(add_value(op, conn, len, &to));
    if (len > 0) {
        memcpy(to, bytes, len);
    }
    return OK;
}

STATUS pg_pack_param(struct op *op, struct pg_conn *conn, const struct pg_param *param)
{
    int64_t number = param->value.number;
    switch (param->type) {
    case PG_TYPE_UUID: return pack_bytes(op, conn, param->value.id.bytes, sizeof(struct id));
    case PG_TYPE_INT8: return pack_number(op, conn, sizeof(int64_t), number);
    case PG_TYPE_INT4:
        if (number < INT32_MIN || number > INT32_MAX) {
            return op_fail(op, STATUS_BUG, "pg.params", "%lld is not an integer",
                           (long long)number);
        }
        return pack_number(op, conn, sizeof(int32_t), number);
    case PG_TYPE_INT2:
        if (number < INT16_MIN || number > INT16_MAX) {
            return enum_range(op, "a parameter", number);
        }
        return pack_number(op, conn, sizeof(int16_t), number);
    case PG_TYPE_BOOL: return pack_number(op, conn, 1, number != 0);
    case PG_TYPE_TEXT:
    case PG_TYPE_BYTEA: return pack_bytes(op, conn, param->value.str.ptr, param->value.str.len);
    case PG_TYPE_UUID_ARRAY:
    case PG_TYPE_INT8_ARRAY:
    case PG_TYPE_INT4_ARRAY:
    case PG_TYPE_INT2_ARRAY:
    case PG_TYPE_TEXT_ARRAY:
    case PG_TYPE_BYTEA_ARRAY: return pack_array_param(op, conn, param);
    case PG_TYPE_NONE:
    case PG_TYPE_COUNT: break;
    }
    UNREACHABLE("no such type of parameter");
}

STATUS pg_pack_cell(struct op *op, struct pg_conn *conn, const struct table_column *column,
                    const void *row)
{
    const char *field = (const char *)row + column->offset;
    struct pg_param param = {.type = PG_TYPE_NONE};
    switch (column->type) {
    case COLUMN_UUID: return pack_bytes(op, conn, field, sizeof(struct id));
    case COLUMN_HASH: return pack_bytes(op, conn, field, HASH_BYTES);
    case COLUMN_INT8:
        param = PG_I64(*(const int64_t *)(const void *)field);
        return pg_pack_param(op, conn, &param);
    case COLUMN_INT4:
        param = PG_I32(*(const int32_t *)(const void *)field);
        return pg_pack_param(op, conn, &param);
    case COLUMN_ENUM:
        param = PG_I16(*(const int *)(const void *)field);
        return pg_pack_param(op, conn, &param);
    case COLUMN_BOOL: param = PG_BOOL(*(const bool *)field); return pg_pack_param(op, conn, &param);
    case COLUMN_TEXT:
    case COLUMN_BYTEA: {
        const struct str *s = (const struct str *)(const void *)field;
        return pack_bytes(op, conn, s->ptr, s->len);
    }
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("no such column type");
}
