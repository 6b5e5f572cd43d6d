#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"

/*
 * Rows of one descriptor: deep copies, found by primary key and, in order, by what is asked often.
 * A copy never changes: who changes a row replaces it. So tables, write sets and backups share them.
 */

#define SIM_ORDERS_MAX 8
#define SIM_ORDER_COLUMNS_MAX 8

/* Rows in the order of some columns, then of the primary key. */
struct sim_order {
    const void *about; /* the scan, or the table whose children it finds, or what is unique */
    uint16_t columns[SIM_ORDER_COLUMNS_MAX];
    uint16_t column_count;
    uint16_t unique_count; /* the first so many columns are unique together; 0: they need not be */
    int16_t filter;        /* COLUMN_BOOL: only rows where it is true; or TABLE_NO_COLUMN */
    void **rows;
    uint32_t count;
    uint32_t capacity;
};

struct sim_rows {
    const struct table *table;
    void **rows; /* as they were inserted; NULL where one was erased */
    uint32_t count;
    uint32_t capacity;
    uint32_t live;
    uint32_t *slots; /* hash index: 0 empty, else position + 1 */
    uint32_t slot_count;
    struct sim_order indexes[SIM_ORDERS_MAX];
    uint32_t index_count;
};

void sim_rows_init(struct sim_rows *rows, const struct table *table);
void sim_rows_fini(struct sim_rows *rows);
/* No row is left; indexes stay. */
void sim_rows_clear(struct sim_rows *rows);

/* A copy with one reference; row_bytes of it are the struct, its texts lie behind. */
void *sim_row_copy(const struct table *table, const void *row);
/* One reference more; returns the row. */
void *sim_row_keep(void *row);
/* One reference less. NULL is fine. */
void sim_row_drop(void *row);

/* The stored row with the primary key of `like`, or NULL. */
void *sim_rows_find(const struct sim_rows *rows, const void *like);
/* True when another row than the one with its key has what must be unique. */
bool sim_rows_clashes(const struct sim_rows *rows, const void *row);
/* Takes over a reference. The key must be new. */
void sim_rows_insert(struct sim_rows *rows, void *row);
/* Takes over a reference, and gives that of the row with this key, which must be there. */
void *sim_rows_replace(struct sim_rows *rows, void *row);
/* Gives the reference of the row with this key, which must be there. */
void *sim_rows_erase(struct sim_rows *rows, const void *like);

/* The index with this name, made when it is asked for first. */
struct sim_order *sim_rows_order(struct sim_rows *rows, const void *about, const uint16_t *columns,
                                 uint16_t column_count, int16_t filter);
/* The first place whose row is not below `like` (above it: with past) by the first columns. */
uint32_t sim_order_find(const struct table *table, const struct sim_order *index, const void *like,
                        uint16_t column_count, bool past);

/* Negative, zero, positive: like a, b compared by column, as PostgreSQL orders it. */
int sim_column_compare(const struct table *table, uint16_t column, const void *a, const void *b);
int64_t sim_column_i64(const struct table *table, uint16_t column, const void *row);
/* Both are rows of the table; texts are shared. */
void sim_column_copy(const struct table *table, uint16_t column, const void *from, void *to);
bool sim_column_bool(const struct table *table, uint16_t column, const void *row);
