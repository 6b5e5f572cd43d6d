#pragma once

#include "vectors.h"

/* The tables that the store's vectors are about, and their rows from words and back. */

#define VECTORS_ROWS_MAX 16

/* The rows of one question. */
struct vectors_rows {
    const struct table *table;
    struct store_rows rows;
    bool any_order; /* so the port says: whoever prints them sorts them */
};

/* The table, or the scan, that word 2 of the line names; fails the test when there is none. */
const struct table *vectors_rows_table(const struct vectors *run);
const struct table_scan *vectors_rows_scan(const struct vectors *run);
/* A row of the words [first, end), which are "column=value"; the first column's may be the value alone. */
void *vectors_rows_read(struct vectors *run, const struct table *table, uint32_t first,
                        uint32_t end);
void vectors_rows_say(const struct vectors *run, const struct vectors_rows *output);
/* What the real tables' SQL says beyond their descriptors. */
void vectors_rows_constrain(struct sim_db *db);
