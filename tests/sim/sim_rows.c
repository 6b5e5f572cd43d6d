/* Copies of rows by descriptor: what makes the simulated database need no code for any table. */
#include "sim_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static size_t column_bytes(enum column_type type)
{
    switch (type) {
    case COLUMN_UUID: return sizeof(struct id);
    case COLUMN_INT8: return sizeof(int64_t);
    case COLUMN_INT4: return sizeof(int32_t);
    case COLUMN_ENUM: return sizeof(int);
    case COLUMN_BOOL: return sizeof(bool);
    case COLUMN_TEXT:
    case COLUMN_BYTEA: return sizeof(struct str);
    case COLUMN_HASH: return sizeof(struct hash);
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("column type");
}

static bool is_bytes(enum column_type type)
{
    return type == COLUMN_TEXT || type == COLUMN_BYTEA;
}

static struct str str_at(const void *row, const struct table_column *column)
{
    struct str s;
    memcpy(&s, (const char *)row + column->offset, sizeof(s));
    return s;
}

void *sim_row_copy(const struct table *table, const void *row)
{
    char *copy = calloc(1, table->row_bytes);
    ASSERT(copy);
    for (uint16_t c = 0; c < table->column_count; c++) {
        const struct table_column *column = &table->columns[c];
        memcpy(copy + column->offset, (const char *)row + column->offset,
               column_bytes(column->type));
        if (is_bytes(column->type)) {
            struct str s = str_at(row, column);
            char *bytes = calloc(1, s.len + 1);
            ASSERT(bytes);
            if (s.len > 0) {
                memcpy(bytes, s.ptr, s.len);
            }
            s.ptr = bytes;
            memcpy(copy + column->offset, &s, sizeof(s));
        }
    }
    return copy;
}

void sim_row_free(const struct table *table, void *row)
{
    for (uint16_t c = 0; row && c < table->column_count; c++) {
        if (is_bytes(table->columns[c].type)) {
            free((void *)(uintptr_t)str_at(row, &table->columns[c]).ptr);
        }
    }
    free(row);
}

int64_t sim_column_i64(const struct table *table, uint16_t column, const void *row)
{
    const struct table_column *c = &table->columns[column];
    if (c->type == COLUMN_INT4) {
        int32_t value;
        memcpy(&value, (const char *)row + c->offset, sizeof(value));
        return value;
    }
    ASSERT(c->type == COLUMN_INT8);
    int64_t value;
    memcpy(&value, (const char *)row + c->offset, sizeof(value));
    return value;
}

int sim_column_compare(const struct table *table, uint16_t column, const void *a, const void *b)
{
    const struct table_column *c = &table->columns[column];
    if (c->type == COLUMN_INT4 || c->type == COLUMN_INT8) {
        int64_t x = sim_column_i64(table, column, a);
        int64_t y = sim_column_i64(table, column, b);
        return (x > y) - (x < y);
    }
    if (is_bytes(c->type)) {
        struct str x = str_at(a, c);
        struct str y = str_at(b, c);
        size_t shorter = x.len < y.len ? x.len : y.len;
        int order = shorter > 0 ? memcmp(x.ptr, y.ptr, shorter) : 0;
        return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
    }
    return memcmp((const char *)a + c->offset, (const char *)b + c->offset, column_bytes(c->type));
}

static bool same_key(const struct table *table, const void *a, const void *b)
{
    for (uint16_t c = 0; c < table->key_count; c++) {
        if (sim_column_compare(table, c, a, b) != 0) {
            return false;
        }
    }
    return true;
}

static uint64_t key_hash(const struct table *table, const void *row)
{
    uint64_t hash = 0;
    for (uint16_t c = 0; c < table->key_count; c++) {
        const struct table_column *column = &table->columns[c];
        struct str bytes = {.ptr = (const char *)row + column->offset,
                            .len = column_bytes(column->type)};
        if (is_bytes(column->type)) {
            bytes = str_at(row, column);
        }
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) + hash_spread(bytes);
    }
    return hash;
}

void sim_rows_init(struct sim_rows *rows, const struct table *table)
{
    *rows = (struct sim_rows){.table = table, .slot_count = 64};
    rows->slots = calloc(rows->slot_count, sizeof(*rows->slots));
    ASSERT(rows->slots);
}

void sim_rows_fini(struct sim_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        sim_row_free(rows->table, rows->rows[i]);
    }
    free((void *)rows->rows);
    free(rows->slots);
    *rows = (struct sim_rows){.table = NULL};
}

/* The slot of this key, or the empty one where it would go. Erased rows keep their slots. */
static uint32_t slot_of(const struct sim_rows *rows, const void *like)
{
    uint32_t at = (uint32_t)(key_hash(rows->table, like) >> 20) & (rows->slot_count - 1);
    while (rows->slots[at] != 0) {
        const void *row = rows->rows[rows->slots[at] - 1];
        if (row && same_key(rows->table, row, like)) {
            return at;
        }
        at = (at + 1) & (rows->slot_count - 1);
    }
    return at;
}

static void grow_index(struct sim_rows *rows)
{
    free(rows->slots);
    rows->slot_count *= 2;
    rows->slots = calloc(rows->slot_count, sizeof(*rows->slots));
    ASSERT(rows->slots);
    for (uint32_t i = 0; i < rows->count; i++) {
        if (rows->rows[i]) {
            rows->slots[slot_of(rows, rows->rows[i])] = i + 1;
        }
    }
}

void *sim_rows_find(const struct sim_rows *rows, const void *like)
{
    uint32_t position = rows->slots[slot_of(rows, like)];
    return position == 0 ? NULL : rows->rows[position - 1];
}

void sim_rows_insert(struct sim_rows *rows, const void *row)
{
    ASSERT(!sim_rows_find(rows, row));
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? rows->capacity * 2 : 64;
        void **more = (void **)realloc((void *)rows->rows, rows->capacity * sizeof(*more));
        ASSERT(more);
        rows->rows = more;
    }
    rows->rows[rows->count++] = sim_row_copy(rows->table, row);
    rows->live++;
    if (rows->count * 2 > rows->slot_count) {
        grow_index(rows);
    } else {
        rows->slots[slot_of(rows, row)] = rows->count;
    }
}

void sim_rows_replace(struct sim_rows *rows, const void *row)
{
    uint32_t position = rows->slots[slot_of(rows, row)];
    ASSERT(position > 0);
    void *copy = sim_row_copy(rows->table, row);
    sim_row_free(rows->table, rows->rows[position - 1]);
    rows->rows[position - 1] = copy;
}

void sim_rows_erase(struct sim_rows *rows, const void *row)
{
    uint32_t position = rows->slots[slot_of(rows, row)];
    ASSERT(position > 0);
    sim_row_free(rows->table, rows->rows[position - 1]);
    rows->rows[position - 1] = NULL;
    rows->live--;
}
