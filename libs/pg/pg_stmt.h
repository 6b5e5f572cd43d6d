#pragma once

#include <stdint.h>

/*
 * One SQL statement, told by a .sql file and turned into C by tools/sqlgen: its parameters' types
 * and how many rows it may return are known before it runs. Parameters travel in binary.
 */

enum pg_type {
    PG_TYPE_NONE = 0,
    PG_TYPE_UUID,  /* struct id */
    PG_TYPE_INT8,  /* int64_t */
    PG_TYPE_INT4,  /* int32_t */
    PG_TYPE_INT2,  /* an enum, or a number from -32768 to 32767 */
    PG_TYPE_BOOL,  /* bool */
    PG_TYPE_TEXT,  /* struct str: UTF-8 without NUL */
    PG_TYPE_BYTEA, /* struct str, or struct hash */
    PG_TYPE_UUID_ARRAY,
    PG_TYPE_INT8_ARRAY,
    PG_TYPE_INT4_ARRAY,
    PG_TYPE_INT2_ARRAY,
    PG_TYPE_TEXT_ARRAY,
    PG_TYPE_BYTEA_ARRAY,
    PG_TYPE_COUNT,
};

/* How many rows a statement gives back; another number is our mistake (STATUS_BUG). */
enum pg_returns {
    PG_RETURNS_NONE = 0,
    PG_RETURNS_ONE,
    PG_RETURNS_AT_MOST_ONE,
    PG_RETURNS_MANY,
    PG_RETURNS_COUNT,
};

#define PG_STMT_PARAMS_MAX 24

struct pg_stmt {
    const char *name; /* of the prepared statement: the file's name */
    const char *sql;
    const enum pg_type *param_types;
    uint32_t param_count; /* at most PG_STMT_PARAMS_MAX */
    enum pg_returns returns;
};
