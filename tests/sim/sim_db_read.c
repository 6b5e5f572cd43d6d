/* Rows by key, by parent and by scan, as copies in the op's arena: of what is committed alone. */
#include <string.h>

#include "base/assert.h"
#include "sim_db_internal.h"

struct answer {
    char *rows;
    uint32_t count, capacity;
};

static STATUS answer_add(struct op *op, const struct table *table, struct answer *answer,
                         const void *row)
{
    if (answer->count == answer->capacity) {
        uint32_t capacity = answer->capacity ? answer->capacity * 2 : 16;
        char *bigger = arena_alloc(op->arena, capacity, table->row_bytes);
        if (!bigger) {
            return op_arena_full(op);
        }
        if (answer->count > 0) {
            memcpy(bigger, answer->rows, answer->count * table->row_bytes);
        }
        answer->rows = bigger;
        answer->capacity = capacity;
    }
    char *copy = answer->rows + answer->count++ * table->row_bytes;
    memcpy(copy, row, table->row_bytes);
    for (uint16_t c = 0; c < table->column_count; c++) {
        if (table->columns[c].type == COLUMN_TEXT || table->columns[c].type == COLUMN_BYTEA) {
            struct str s;
            memcpy(&s, copy + table->columns[c].offset, sizeof(s));
            s = str_dup(op->arena, s); /* the committed row may be replaced before it is used */
            if (!s.ptr) {
                return op_arena_full(op);
            }
            memcpy(copy + table->columns[c].offset, &s, sizeof(s));
        }
    }
    return OK;
}

static struct store_rows answer_done(const struct answer *answer)
{
    return (struct store_rows){.rows = answer->rows, .count = answer->count};
}

/* A set of keys finds each row once, however often it names it: as `= ANY` does. */
static bool named_before(const struct id *keys, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (id_eq(keys[i], keys[at])) {
            return true;
        }
    }
    return false;
}

/* Whether the row is one that load_children gives. */
static bool is_live(const struct table *table, const void *row)
{
    bool value = true;
    if (table->live > 0) {
        memcpy(&value, (const char *)row + table->columns[table->live].offset, sizeof(value));
    }
    return value;
}

static STATUS load_where(struct op *op, struct sim_store *self, const struct table *table,
                         uint16_t column, const struct id *keys, uint32_t key_count,
                         struct store_rows *ret_rows)
{
    TRY(sim_db_check(op, self));
    ASSERT(table->columns[column].type == COLUMN_UUID);
    struct sim_rows *rows = sim_db_table(self->db, table);
    struct answer answer = {.count = 0};
    char *like = arena_alloc(op->arena, 1, table->row_bytes);
    if (!like) {
        return op_arena_full(op);
    }
    for (uint32_t k = 0; k < key_count; k++) {
        if (named_before(keys, k)) {
            continue;
        }
        memcpy(like + table->columns[column].offset, &keys[k], sizeof(keys[k]));
        if (column == 0 && table->key_count == 1) {
            const void *row = sim_rows_find(rows, like);
            TRY(row ? answer_add(op, table, &answer, row) : OK);
            continue;
        }
        for (uint32_t i = 0; i < rows->count; i++) {
            if (rows->rows[i] && sim_column_compare(table, column, rows->rows[i], like) == 0 &&
                is_live(table, rows->rows[i])) {
                TRY(answer_add(op, table, &answer, rows->rows[i]));
            }
        }
    }
    *ret_rows = answer_done(&answer);
    return OK;
}

STATUS sim_db_load(struct op *op, struct store *store, const struct table *table,
                   const struct id *keys, uint32_t key_count, struct store_rows *ret_rows)
{
    return load_where(op, sim_store_of(store), table, 0, keys, key_count, ret_rows);
}

STATUS sim_db_load_children(struct op *op, struct store *store, const struct table *table,
                            const struct id *parents, uint32_t parent_count,
                            struct store_rows *ret_rows)
{
    ASSERT(table->parent >= 0);
    return load_where(op, sim_store_of(store), table, (uint16_t)table->parent, parents,
                      parent_count, ret_rows);
}

static bool scan_matches(const struct table_scan *scan, const void *row, const void *like,
                         int64_t bound)
{
    if (scan->filter >= 0) {
        bool value;
        memcpy(&value, (const char *)row + scan->table->columns[scan->filter].offset,
               sizeof(value));
        if (!value) {
            return false;
        }
    }
    for (uint16_t i = 0; i < scan->equal_count; i++) {
        if (sim_column_compare(scan->table, scan->equal[i], row, like) != 0) {
            return false;
        }
    }
    switch (scan->bound) {
    case SCAN_ALL: return true;
    case SCAN_ABOVE: return sim_column_i64(scan->table, (uint16_t)scan->order, row) > bound;
    case SCAN_UP_TO: return sim_column_i64(scan->table, (uint16_t)scan->order, row) <= bound;
    }
    UNREACHABLE("scan bound");
}

STATUS sim_db_scan(struct op *op, struct store *store, const struct table_scan *scan,
                   const void *like, int64_t bound, uint32_t limit, struct store_rows *ret_rows)
{
    struct sim_store *self = sim_store_of(store);
    TRY(sim_db_check(op, self));
    struct sim_rows *rows = sim_db_table(self->db, scan->table);
    struct answer answer = {.count = 0};
    const void *last = NULL;
    while (answer.count < limit) { /* selection in order: the sets are small */
        const void *best = NULL;
        for (uint32_t i = 0; i < rows->count; i++) {
            const void *row = rows->rows[i];
            if (!row || !scan_matches(scan, row, like, bound)) {
                continue;
            }
            if (scan->order < 0) {
                TRY(answer.count < limit ? answer_add(op, scan->table, &answer, row) : OK);
                continue;
            }
            uint16_t order = (uint16_t)scan->order;
            bool after_last = !last || sim_column_compare(scan->table, order, row, last) > 0;
            if (after_last && (!best || sim_column_compare(scan->table, order, row, best) < 0)) {
                best = row;
            }
        }
        if (!best) {
            break;
        }
        for (uint32_t i = 0; i < rows->count && answer.count < limit;
             i++) { /* all that tie with it */
            const void *row = rows->rows[i];
            if (row && scan_matches(scan, row, like, bound) &&
                sim_column_compare(scan->table, (uint16_t)scan->order, row, best) == 0) {
                TRY(answer_add(op, scan->table, &answer, row));
            }
        }
        last = best;
    }
    *ret_rows = answer_done(&answer);
    return OK;
}
