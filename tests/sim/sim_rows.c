/* Copies of rows by descriptor: what makes the simulated database need no code for any table. */
#include "sim_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim_memory.h"

#define FIRST_SLOTS 64

/* ---- Columns ---- */

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

int64_t sim_column_i64(const struct table *table, uint16_t column, const void *row)
{
    const struct table_column *c = &table->columns[column];
    if (c->type == COLUMN_INT4 || c->type == COLUMN_ENUM) {
        int32_t value;
        memcpy(&value, (const char *)row + c->offset, sizeof(value));
        return value;
    }
    ASSERT(c->type == COLUMN_INT8);
    int64_t value;
    memcpy(&value, (const char *)row + c->offset, sizeof(value));
    return value;
}

bool sim_column_bool(const struct table *table, uint16_t column, const void *row)
{
    ASSERT(table->columns[column].type == COLUMN_BOOL);
    bool value;
    memcpy(&value, (const char *)row + table->columns[column].offset, sizeof(value));
    return value;
}

void sim_column_copy(const struct table *table, uint16_t column, const void *from, void *to)
{
    const struct table_column *c = &table->columns[column];
    memcpy((char *)to + c->offset, (const char *)from + c->offset, column_bytes(c->type));
}

int sim_column_compare(const struct table *table, uint16_t column, const void *a, const void *b)
{
    const struct table_column *c = &table->columns[column];
    if (c->type == COLUMN_INT4 || c->type == COLUMN_INT8 || c->type == COLUMN_ENUM) {
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

/* ---- Copies ---- */

struct row_head {
    _Alignas(16) uint32_t references;
};

static struct row_head *head_of(void *row)
{
    return (struct row_head *)(void *)((char *)row - sizeof(struct row_head));
}

void *sim_row_copy(const struct table *table, const void *row)
{
    size_t text_bytes = 0;
    for (uint16_t c = 0; c < table->column_count; c++) {
        if (is_bytes(table->columns[c].type)) {
            text_bytes += str_at(row, &table->columns[c]).len + 1;
        }
    }
    struct row_head *head = malloc(sizeof(*head) + table->row_bytes + text_bytes);
    ASSERT(head);
    *head = (struct row_head){.references = 1};
    char *copy = (char *)(head + 1);
    char *text = copy + table->row_bytes;
    memcpy(copy, row, table->row_bytes);
    for (uint16_t c = 0; c < table->column_count; c++) {
        if (is_bytes(table->columns[c].type)) {
            struct str s = str_at(row, &table->columns[c]);
            if (s.len > 0) {
                memcpy(text, s.ptr, s.len);
            }
            text[s.len] = '\0';
            s.ptr = text;
            text += s.len + 1;
            memcpy(copy + table->columns[c].offset, &s, sizeof(s));
        }
    }
    return copy;
}

void *sim_row_keep(void *row)
{
    head_of(row)->references++;
    return row;
}

void sim_row_drop(void *row)
{
    if (row && --head_of(row)->references == 0) {
        free(head_of(row));
    }
}

/* ---- By primary key ---- */

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
    *rows = (struct sim_rows){.table = table, .slot_count = FIRST_SLOTS};
    rows->slots = calloc(rows->slot_count, sizeof(*rows->slots));
    ASSERT(rows->slots);
}

void sim_rows_clear(struct sim_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        sim_row_drop(rows->rows[i]);
    }
    for (uint32_t i = 0; i < rows->index_count; i++) {
        rows->indexes[i].count = 0;
    }
    rows->count = 0;
    rows->live = 0;
    memset(rows->slots, 0, rows->slot_count * sizeof(*rows->slots));
}

void sim_rows_fini(struct sim_rows *rows)
{
    sim_rows_clear(rows);
    for (uint32_t i = 0; i < rows->index_count; i++) {
        free((void *)rows->indexes[i].rows);
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

/* Forgets the places of erased rows and makes the hash index anew. */
static void tidy(struct sim_rows *rows)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        if (rows->rows[i]) {
            rows->rows[kept++] = rows->rows[i];
        }
    }
    rows->count = kept;
    while (rows->slot_count < kept * 4) {
        rows->slot_count *= 2;
    }
    ASSERT(rows->slot_count > 0);
    free(rows->slots);
    rows->slots = calloc(rows->slot_count, sizeof(*rows->slots));
    ASSERT(rows->slots);
    for (uint32_t i = 0; i < kept; i++) {
        rows->slots[slot_of(rows, rows->rows[i])] = i + 1;
    }
}

void *sim_rows_find(const struct sim_rows *rows, const void *like)
{
    uint32_t position = rows->slots[slot_of(rows, like)];
    return position == 0 ? NULL : rows->rows[position - 1];
}

/* ---- By indexes ---- */

static int compare_by(const struct table *table, const uint16_t *columns, uint16_t column_count,
                      const void *a, const void *b)
{
    int order = 0;
    for (uint16_t c = 0; c < column_count && order == 0; c++) {
        order = sim_column_compare(table, columns[c], a, b);
    }
    return order;
}

uint32_t sim_order_find(const struct table *table, const struct sim_order *index, const void *like,
                        uint16_t column_count, bool past)
{
    uint32_t low = 0;
    uint32_t high = index->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_by(table, index->columns, column_count, index->rows[middle], like);
        if (order < 0 || (past && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_indexed(const struct table *table, const struct sim_order *index, const void *row)
{
    return index->filter < 0 || sim_column_bool(table, (uint16_t)index->filter, row);
}

static void index_add(const struct table *table, struct sim_order *index, void *row)
{
    if (!is_indexed(table, index, row)) {
        return;
    }
    index->rows = sim_array_room(index->rows, index->count, &index->capacity, sizeof(void *));
    uint32_t at = index->count; /* most rows are the last by whatever they are ordered by */
    if (at > 0 &&
        compare_by(table, index->columns, index->column_count, index->rows[at - 1], row) > 0) {
        at = sim_order_find(table, index, row, index->column_count, false);
        memmove((void *)&index->rows[at + 1], (const void *)&index->rows[at],
                (index->count - at) * sizeof(void *));
    }
    index->rows[at] = row;
    index->count++;
}

static void index_remove(const struct table *table, struct sim_order *index, const void *row)
{
    if (!is_indexed(table, index, row)) {
        return;
    }
    uint32_t at = sim_order_find(table, index, row, index->column_count, false);
    ASSERT(at < index->count && index->rows[at] == row);
    index->count--;
    memmove((void *)&index->rows[at], (const void *)&index->rows[at + 1],
            (index->count - at) * sizeof(void *));
}

static void indexes_add(struct sim_rows *rows, void *row)
{
    for (uint32_t i = 0; i < rows->index_count; i++) {
        index_add(rows->table, &rows->indexes[i], row);
    }
}

static void indexes_remove(struct sim_rows *rows, const void *row)
{
    for (uint32_t i = 0; i < rows->index_count; i++) {
        index_remove(rows->table, &rows->indexes[i], row);
    }
}

struct sim_order *sim_rows_order(struct sim_rows *rows, const void *about, const uint16_t *columns,
                                 uint16_t column_count, int16_t filter)
{
    for (uint32_t i = 0; i < rows->index_count; i++) {
        if (rows->indexes[i].about == about) {
            return &rows->indexes[i];
        }
    }
    ASSERT(rows->index_count < SIM_ORDERS_MAX);
    ASSERT(column_count + rows->table->key_count <= SIM_ORDER_COLUMNS_MAX);
    struct sim_order *index = &rows->indexes[rows->index_count++];
    *index = (struct sim_order){.about = about, .filter = filter};
    for (uint16_t c = 0; c < column_count; c++) {
        index->columns[index->column_count++] = columns[c];
    }
    for (uint16_t c = 0; c < rows->table->key_count; c++) {
        index->columns[index->column_count++] = c;
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        if (rows->rows[i]) {
            index_add(rows->table, index, rows->rows[i]);
        }
    }
    return index;
}

/* ---- Changes ---- */

bool sim_rows_clashes(const struct sim_rows *rows, const void *row)
{
    for (uint32_t i = 0; i < rows->index_count; i++) {
        const struct sim_order *index = &rows->indexes[i];
        if (index->unique_count == 0) {
            continue;
        }
        uint32_t at = sim_order_find(rows->table, index, row, index->unique_count, false);
        if (at < index->count &&
            compare_by(rows->table, index->columns, index->unique_count, index->rows[at], row) ==
                0 &&
            !same_key(rows->table, index->rows[at], row)) {
            return true;
        }
    }
    return false;
}

void sim_rows_insert(struct sim_rows *rows, void *row)
{
    if (rows->count * 2 >= rows->slot_count) {
        tidy(rows);
    }
    uint32_t slot = slot_of(rows, row);
    ASSERT(rows->slots[slot] == 0);
    rows->rows = sim_array_room(rows->rows, rows->count, &rows->capacity, sizeof(void *));
    rows->rows[rows->count++] = row;
    rows->live++;
    rows->slots[slot] = rows->count;
    indexes_add(rows, row);
}

void *sim_rows_replace(struct sim_rows *rows, void *row)
{
    uint32_t position = rows->slots[slot_of(rows, row)];
    ASSERT(position > 0);
    void *before = rows->rows[position - 1];
    indexes_remove(rows, before);
    rows->rows[position - 1] = row;
    indexes_add(rows, row);
    return before;
}

void *sim_rows_erase(struct sim_rows *rows, const void *like)
{
    uint32_t position = rows->slots[slot_of(rows, like)];
    ASSERT(position > 0);
    void *before = rows->rows[position - 1];
    indexes_remove(rows, before);
    rows->rows[position - 1] = NULL;
    rows->live--;
    return before;
}
