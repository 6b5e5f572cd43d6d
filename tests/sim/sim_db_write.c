/* The writes of one transaction: remembered until the commit, then applied all or none. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim_db_internal.h"
#include "sim_memory.h"

/* ---- What a value may be ---- */

/* PostgreSQL refuses what is no UTF-8 or has a NUL (class 22), and numbers that its types do not hold. */
static STATUS check_values(struct op *op, const struct table *table, const void *row)
{
    for (uint16_t c = 0; c < table->column_count; c++) {
        const struct table_column *column = &table->columns[c];
        if (column->type == COLUMN_TEXT) {
            struct str text;
            memcpy(&text, (const char *)row + column->offset, sizeof(text));
            if (!str_is_text(text)) {
                return op_fail(op, STATUS_INVALID, "pg.invalid", "simulated: 22021 %s.%s",
                               table->name, column->name);
            }
        }
    }
    return OK;
}

/* ---- The write set ---- */

static bool same_row(const struct sim_write *write, const struct table *table, const void *row)
{
    if (write->table != table) {
        return false;
    }
    for (uint16_t c = 0; c < table->key_count; c++) {
        if (sim_column_compare(table, c, write->row, row) != 0) {
            return false;
        }
    }
    return true;
}

/* Somebody else's open transaction wrote this row: it is locked. */
static bool is_locked(const struct sim_store *self, const struct table *table, const void *row)
{
    for (const struct sim_store *other = self->db->stores; other; other = other->next) {
        for (uint32_t i = 0; other != self && i < other->write_count; i++) {
            if (same_row(&other->writes[i], table, row)) {
                return true;
            }
        }
    }
    return false;
}

static STATUS lock_row(struct op *op, struct sim_store *self, const struct table *table,
                       const void *row)
{
    if (is_locked(self, table, row)) {
        sim_db_evict_idle(self->db);
        if (is_locked(self, table, row)) {
            return sim_db_lock_timeout(op);
        }
    }
    return OK;
}

static STATUS write_rows(struct op *op, struct sim_store *self, struct sim_write write,
                         const void *const *rows, const int64_t *old_versions, uint32_t row_count)
{
    TRY(sim_db_check(op, self));
    ASSERT(self->open);
    enum status_kind next = self->db->next_write;
    self->db->next_write = STATUS_OK;
    if (next != STATUS_OK) {
        return op_fail(op, next, "sim.refused", "%s", write.table->name);
    }
    for (uint32_t i = 0; i < row_count; i++) {
        TRY(check_values(op, write.table, rows[i]));
        TRY(lock_row(op, self, write.table, rows[i]));
        write.row = sim_row_copy(write.table, rows[i]);
        write.versioned = old_versions != NULL;
        write.old_version = old_versions ? old_versions[i] : 0;
        self->writes = sim_array_room(self->writes, self->write_count, &self->write_capacity,
                                      sizeof(self->writes[0]));
        self->writes[self->write_count++] = write;
    }
    return OK;
}

STATUS sim_db_insert(struct op *op, struct store *store, const struct table *table,
                     const void *const *rows, uint32_t row_count)
{
    struct sim_write write = {.kind = SIM_WRITE_INSERT, .table = table};
    return write_rows(op, sim_store_of(store), write, rows, NULL, row_count);
}

STATUS sim_db_update(struct op *op, struct store *store, const struct table *table,
                     const void *const *rows, const int64_t *old_versions, uint32_t row_count)
{
    ASSERT((table->version >= 0) == (old_versions != NULL));
    struct sim_write write = {.kind = SIM_WRITE_UPDATE, .table = table};
    return write_rows(op, sim_store_of(store), write, rows, old_versions, row_count);
}

STATUS sim_db_erase(struct op *op, struct store *store, const struct table *table,
                    const void *const *rows, uint32_t row_count)
{
    struct sim_write write = {.kind = SIM_WRITE_ERASE, .table = table};
    return write_rows(op, sim_store_of(store), write, rows, NULL, row_count);
}

void sim_db_forget_writes(struct sim_store *self)
{
    for (uint32_t i = 0; i < self->write_count; i++) {
        sim_row_drop(self->writes[i].row);
    }
    self->write_count = 0;
    self->written = 0;
}

/* ---- Carrying out ---- */

static STATUS refused(struct op *op, const struct table *table, const char *why)
{
    return op_fail(op, STATUS_BUG, "pg.refused", "simulated: %s: %s", why, table->name);
}

/* An update leaves out what was fixed by the insert: that stays as it was found. */
static void keep_fixed(const struct table *table, const void *found, struct sim_write *write)
{
    char *merged = NULL;
    for (uint16_t c = 0; c < table->column_count; c++) {
        if (!table->columns[c].fixed || sim_column_compare(table, c, found, write->row) == 0) {
            continue;
        }
        if (!merged) {
            merged = malloc(table->row_bytes);
            ASSERT(merged);
            memcpy(merged, write->row, table->row_bytes);
        }
        sim_column_copy(table, c, found, merged);
    }
    if (merged) {
        void *row = sim_row_copy(table, merged);
        sim_row_drop(write->row);
        write->row = row;
        free(merged);
    }
}

static STATUS apply_insert(struct op *op, struct sim_rows *rows, struct sim_write *write)
{
    if (sim_rows_find(rows, write->row) || sim_rows_clashes(rows, write->row)) {
        return refused(op, write->table, "23505 unique violation");
    }
    sim_rows_insert(rows, sim_row_keep(write->row));
    return OK;
}

static STATUS apply_change(struct op *op, struct sim_rows *rows, struct sim_write *write)
{
    const struct table *table = write->table;
    const void *found = sim_rows_find(rows, write->row);
    bool stale = found && write->versioned &&
                 sim_column_i64(table, (uint16_t)table->version, found) != write->old_version;
    if (!found || stale) {
        return refused(op, table, "HF001 wrong row count");
    }
    if (write->kind == SIM_WRITE_ERASE) {
        void *erased = sim_rows_erase(rows, write->row);
        sim_row_drop(write->row);
        write->row = erased;
        return OK;
    }
    if (sim_rows_clashes(rows, write->row)) {
        return refused(op, table, "23505 unique violation");
    }
    keep_fixed(table, found, write);
    write->row = sim_rows_replace(rows, write->row);
    return OK;
}

static STATUS apply(struct op *op, struct sim_store *self, struct sim_write *write)
{
    struct sim_rows *rows = sim_db_table(self->db, write->table);
    return write->kind == SIM_WRITE_INSERT ? apply_insert(op, rows, write)
                                           : apply_change(op, rows, write);
}

/* Takes back the first `count` writes, last first: what was there before is in them, or nothing was. */
static void undo(struct sim_store *self, uint32_t count)
{
    for (uint32_t i = count; i > 0; i--) {
        struct sim_write *write = &self->writes[i - 1];
        struct sim_rows *rows = sim_db_table(self->db, write->table);
        switch (write->kind) {
        case SIM_WRITE_INSERT: sim_row_drop(sim_rows_erase(rows, write->row)); break;
        case SIM_WRITE_UPDATE: write->row = sim_rows_replace(rows, write->row); break;
        case SIM_WRITE_ERASE: sim_rows_insert(rows, sim_row_keep(write->row)); break;
        }
    }
}

STATUS sim_db_apply_writes(struct op *op, struct sim_store *self)
{
    for (uint32_t i = 0; i < self->write_count; i++) {
        struct status st = apply(op, self, &self->writes[i]);
        if (status_failed(st)) {
            undo(self, i);
            return st;
        }
    }
    return OK;
}

void sim_db_undo_writes(struct sim_store *self)
{
    undo(self, self->write_count);
}
