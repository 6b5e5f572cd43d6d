#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"

/* Rows of one descriptor, deep copies, with a hash index on the primary key. */

struct sim_rows {
    const struct table *table;
    void **rows; /* NULL where one was erased */
    uint32_t count;
    uint32_t capacity;
    uint32_t live;
    uint32_t *slots; /* hash index: 0 empty, else position + 1 */
    uint32_t slot_count;
};

void sim_rows_init(struct sim_rows *rows, const struct table *table);
void sim_rows_fini(struct sim_rows *rows);
void *sim_row_copy(const struct table *table, const void *row);
void sim_row_free(const struct table *table, void *row);
/* The stored row with the primary key of `like`, or NULL. */
void *sim_rows_find(const struct sim_rows *rows, const void *like);
/* Takes a copy. The key must be new. */
void sim_rows_insert(struct sim_rows *rows, const void *row);
/* Replaces the row with the same key by a copy; it must be there. */
void sim_rows_replace(struct sim_rows *rows, const void *row);
void sim_rows_erase(struct sim_rows *rows, const void *row);
/* Negative, zero, positive: like a, b compared by column. */
int sim_column_compare(const struct table *table, uint16_t column, const void *a, const void *b);
int64_t sim_column_i64(const struct table *table, uint16_t column, const void *row);
