/*
 * Rows by key, by parent and by scan, as copies in the op's arena: of what is committed and what this
 * transaction wrote. Handed out by the next sync.
 */
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "sim_db_internal.h"

#define PIECE_ROWS 1024 /* what PostgreSQL has in 64 pages, or fewer */

struct answer {
    char *rows;
    uint32_t count, capacity;
};

static STATUS answer_add(struct op *op, const struct table *table, struct answer *answer,
                         const void *row)
{
    if (answer->count == answer->capacity) {
        uint32_t capacity = answer->capacity ? answer->capacity * 2 : 4;
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
            s = str_dup(op->arena, s); /* the stored row may be gone before it is used */
            if (!s.ptr) {
                return op_arena_full(op);
            }
            memcpy(copy + table->columns[c].offset, &s, sizeof(s));
        }
    }
    return OK;
}

/* ---- Seeing what the transaction itself wrote ---- */

static bool wrote(const struct sim_store *self, const struct table *table)
{
    for (uint32_t i = 0; i < self->write_count; i++) {
        if (self->writes[i].table == table) {
            return true;
        }
    }
    return false;
}

/* Every read begins so: *ret_looks says that the writes are there and are to be taken back. */
static STATUS look(struct op *op, struct sim_store *self, const struct table *table,
                   bool *ret_looks)
{
    TRY(sim_db_check(op, self));
    *ret_looks = wrote(self, table);
    return *ret_looks ? sim_db_apply_writes(op, self) : OK;
}

/* And ends so. */
static STATUS look_away(struct op *op, struct sim_store *self, bool looked, struct status st,
                        const struct answer *answer, struct store_rows *ret_rows)
{
    if (looked) {
        sim_db_undo_writes(self);
    }
    TRY(st);
    struct store_rows rows = {.rows = answer->rows, .count = answer->count};
    return sim_db_output(op, self, rows, ret_rows);
}

/* ---- By key and by parent ---- */

static STATUS find_rows(struct op *op, const struct sim_rows *rows, const struct sim_order *index,
                        const void *like, struct answer *answer)
{
    if (!index) {
        const void *row = sim_rows_find(rows, like);
        return row ? answer_add(op, rows->table, answer, row) : OK;
    }
    uint32_t end = sim_order_find(rows->table, index, like, 1, /* past */ true);
    for (uint32_t i = sim_order_find(rows->table, index, like, 1, false); i < end; i++) {
        TRY(answer_add(op, rows->table, answer, index->rows[i]));
    }
    return OK;
}

/* Each of the keys once, however often it is named: as `= ANY` does. */
static STATUS find_all(struct op *op, const struct sim_rows *rows, const struct sim_order *index,
                       const struct id *keys, uint32_t key_count, struct answer *answer)
{
    const struct table *table = rows->table;
    uint16_t column = index ? index->columns[0] : 0;
    struct map named;
    char *like = arena_alloc(op->arena, 1, table->row_bytes);
    if (!like || !map_init(&named, op->arena, key_count + 1)) {
        return op_arena_full(op);
    }
    memset(like, 0, table->row_bytes);
    ASSERT(table->columns[column].type == COLUMN_UUID);
    for (uint32_t k = 0; k < key_count; k++) {
        if (map_put(&named, keys[k], k) == k) {
            memcpy(like + table->columns[column].offset, &keys[k], sizeof(keys[k]));
            TRY(find_rows(op, rows, index, like, answer));
        }
    }
    return OK;
}

STATUS sim_db_load(struct op *op, struct store *store, const struct table *table,
                   const struct id *keys, uint32_t key_count, struct store_rows *ret_rows)
{
    struct sim_store *self = sim_store_of(store);
    struct answer answer = {.count = 0};
    bool looks = false;
    ASSERT(table->key_count == 1);
    TRY(look(op, self, table, &looks));
    struct status st = find_all(op, sim_db_table(self->db, table), NULL, keys, key_count, &answer);
    return look_away(op, self, looks, st, &answer, ret_rows);
}

/* Parents rise in the answer. */
static STATUS sort_ids(struct op *op, const struct id *ids, uint32_t count, struct id **ret_sorted)
{
    struct id *sorted = arena_alloc(op->arena, count + 1, sizeof(*sorted));
    if (!sorted) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) { /* mostly they come sorted, or are few */
        uint32_t at = i;
        while (at > 0 && id_compare(sorted[at - 1], ids[i]) > 0) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = ids[i];
    }
    *ret_sorted = sorted;
    return OK;
}

STATUS sim_db_load_children(struct op *op, struct store *store, const struct table *table,
                            const struct id *parents, uint32_t parent_count,
                            struct store_rows *ret_rows)
{
    struct sim_store *self = sim_store_of(store);
    struct answer answer = {.count = 0};
    struct id *sorted = NULL;
    bool looks = false;
    ASSERT(table->parent >= 0);
    uint16_t parent = (uint16_t)table->parent;
    TRY(sort_ids(op, parents, parent_count, &sorted));
    TRY(look(op, self, table, &looks));
    struct sim_rows *rows = sim_db_table(self->db, table);
    const struct sim_order *index =
        sim_rows_order(rows, table, &parent, 1, table->live > 0 ? table->live : TABLE_NO_COLUMN);
    struct status st = find_all(op, rows, index, sorted, parent_count, &answer);
    return look_away(op, self, looks, st, &answer, ret_rows);
}

/* ---- By scan ---- */

static const struct sim_order *index_of(struct sim_rows *rows, const struct table_scan *scan)
{
    uint16_t columns[SCAN_EQUAL_MAX + 1];
    uint16_t count = 0;
    for (uint16_t i = 0; i < scan->equal_count; i++) {
        columns[count++] = scan->equal[i];
    }
    if (scan->order >= 0) {
        columns[count++] = (uint16_t)scan->order;
    }
    return sim_rows_order(rows, scan, columns, count, scan->filter);
}

static bool within(const struct table_scan *scan, const void *row, int64_t bound)
{
    switch (scan->bound) {
    case SCAN_ALL: return true;
    case SCAN_ABOVE: return sim_column_i64(scan->table, (uint16_t)scan->order, row) > bound;
    case SCAN_UP_TO: return sim_column_i64(scan->table, (uint16_t)scan->order, row) <= bound;
    case SCAN_PIECE: break; /* not by an index */
    }
    UNREACHABLE("scan bound");
}

/* The first row of the range [at, end), which rises, that is above the bound. */
static uint32_t skip_up_to(const struct table_scan *scan, const struct sim_order *index,
                           int64_t bound, uint32_t at, uint32_t end)
{
    while (at < end) {
        uint32_t middle = at + (end - at) / 2;
        if (within(scan, index->rows[middle], bound)) {
            end = middle;
        } else {
            at = middle + 1;
        }
    }
    return at;
}

static STATUS find_scanned(struct op *op, struct sim_rows *rows, const struct table_scan *scan,
                           const void *like, int64_t bound, uint32_t limit, struct answer *answer)
{
    const struct sim_order *index = index_of(rows, scan);
    uint32_t at = sim_order_find(scan->table, index, like, scan->equal_count, false);
    uint32_t end = sim_order_find(scan->table, index, like, scan->equal_count, /* past */ true);
    at = scan->bound == SCAN_ABOVE ? skip_up_to(scan, index, bound, at, end) : at;
    while (at < end && answer->count < limit && within(scan, index->rows[at], bound)) {
        TRY(answer_add(op, scan->table, answer, index->rows[at++]));
    }
    return OK;
}

static bool is_among(const struct table_scan *scan, const void *row)
{
    bool is = scan->among.count == 0;
    for (uint16_t i = 0; i < scan->among.count; i++) {
        is |= sim_column_i64(scan->table, scan->among.column, row) == scan->among.values[i];
    }
    return is;
}

/* *ret_is: there is no row of the other table whose key its column is. */
static STATUS is_widow(struct op *op, struct sim_store *self, const struct table_scan *scan,
                       const void *row, bool *ret_is)
{
    const struct table *of = scan->widow.of;
    *ret_is = true;
    if (of) {
        char *like = arena_alloc(op->arena, 1, of->row_bytes);
        if (!like) {
            return op_arena_full(op);
        }
        memcpy(like + of->columns[0].offset,
               (const char *)row + scan->table->columns[scan->widow.column].offset,
               sizeof(struct id));
        *ret_is = !sim_rows_find(sim_db_table(self->db, of), like);
    }
    return OK;
}

static STATUS find_in_piece(struct op *op, struct sim_store *self, const struct table_scan *scan,
                            const void *like, int64_t place, uint32_t limit, struct answer *answer)
{
    const struct sim_rows *rows = sim_db_table(self->db, scan->table);
    int64_t before = sim_column_i64(scan->table, (uint16_t)scan->order, like);
    uint32_t at = (uint32_t)(place % (rows->count / PIECE_ROWS + 1)) * PIECE_ROWS;
    for (uint32_t end = at + PIECE_ROWS; at < end && at < rows->count; at++) {
        const void *row = rows->rows[at];
        bool fits = row != NULL && answer->count < limit;
        for (uint16_t i = 0; fits && i < scan->equal_count; i++) {
            fits = sim_column_compare(scan->table, scan->equal[i], like, row) == 0;
        }
        fits = fits && sim_column_i64(scan->table, (uint16_t)scan->order, row) <= before &&
               (scan->filter < 0 || !sim_column_bool(scan->table, (uint16_t)scan->filter, row)) &&
               is_among(scan, row);
        if (fits) {
            TRY(is_widow(op, self, scan, row, &fits));
        }
        if (fits) {
            TRY(answer_add(op, scan->table, answer, row));
        }
    }
    return OK;
}

STATUS sim_db_scan(struct op *op, struct store *store, const struct table_scan *scan,
                   const void *like, int64_t bound, uint32_t limit, struct store_rows *ret_rows)
{
    struct sim_store *self = sim_store_of(store);
    struct answer answer = {.count = 0};
    bool looks = false;
    bool other = scan->widow.of && wrote(self, scan->widow.of);
    TRY(look(op, self, other ? scan->widow.of : scan->table, &looks));
    struct sim_rows *rows = sim_db_table(self->db, scan->table);
    struct status st = scan->bound == SCAN_PIECE
                           ? find_in_piece(op, self, scan, like, bound, limit, &answer)
                           : find_scanned(op, rows, scan, like, bound, limit, &answer);
    return look_away(op, self, looks, st, &answer, ret_rows);
}
