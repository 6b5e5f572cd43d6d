#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/op.h"

/*
 * The rows of one answer, read by column name. Each getter checks that the column is there (or
 * STATUS_BUG, "pg.column"), has the type that is asked for ("pg.column_type"), and is not NULL
 * ("pg.column_null").
 */

struct pg_rows;

void pg_rows_free(struct pg_rows *rows);
DEFINE_FREE_AT(struct pg_rows, pg_rows_free)

uint32_t pg_rows_count(const struct pg_rows *rows);

STATUS pg_rows_id(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                  struct id *ret_id);
/* From bigint, integer or smallint. */
STATUS pg_rows_i64(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                   int64_t *ret_value);
/* The same; a value that does not fit is STATUS_BUG ("pg.column_range"). */
STATUS pg_rows_i32(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                   int32_t *ret_value);
/* An enum of ours: 0 <= value < count, else STATUS_BUG ("pg.column_range"). */
STATUS pg_rows_enum(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                    int count, int *ret_value);
STATUS pg_rows_bool(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                    bool *ret_value);
/* Copies into op->arena: they outlive the rows. */
STATUS pg_rows_text(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                    struct str *ret_text);
STATUS pg_rows_bytes(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                     struct str *ret_bytes);
/* A bytea of exactly HASH_BYTES. */
STATUS pg_rows_hash(struct op *op, const struct pg_rows *rows, uint32_t row, const char *column,
                    struct hash *ret_hash);
