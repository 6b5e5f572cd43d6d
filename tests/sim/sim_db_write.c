/* The writes of one transaction: remembered until the commit, then applied all or none. */
#include <stdlib.h>

#include "base/assert.h"
#include "sim_db_internal.h"

static void write_add(struct sim_store *self, struct sim_write write)
{
    ASSERT(self->open);
    if (self->write_count == self->write_capacity) {
        self->write_capacity = self->write_capacity ? self->write_capacity * 2 : 64;
        struct sim_write *more = realloc(self->writes, self->write_capacity * sizeof(*more));
        ASSERT(more);
        self->writes = more;
    }
    self->writes[self->write_count++] = write;
}

static STATUS write_rows(struct op *op, struct sim_store *self, enum sim_write_kind kind,
                         const struct table *table, const void *const *rows,
                         const int64_t *old_versions, uint32_t row_count)
{
    TRY(sim_db_check(op, self));
    for (uint32_t i = 0; i < row_count; i++) {
        write_add(self, (struct sim_write){.kind = kind,
                                           .table = table,
                                           .row = sim_row_copy(table, rows[i]),
                                           .versioned = old_versions != NULL,
                                           .old_version = old_versions ? old_versions[i] : 0});
    }
    return OK;
}

STATUS sim_db_insert(struct op *op, struct store *store, const struct table *table,
                     const void *const *rows, uint32_t row_count)
{
    return write_rows(op, sim_store_of(store), SIM_WRITE_INSERT, table, rows, NULL, row_count);
}

STATUS sim_db_update(struct op *op, struct store *store, const struct table *table,
                     const void *const *rows, const int64_t *old_versions, uint32_t row_count)
{
    ASSERT((table->version >= 0) == (old_versions != NULL));
    return write_rows(op, sim_store_of(store), SIM_WRITE_UPDATE, table, rows, old_versions,
                      row_count);
}

STATUS sim_db_erase(struct op *op, struct store *store, const struct table *table,
                    const void *const *rows, uint32_t row_count)
{
    return write_rows(op, sim_store_of(store), SIM_WRITE_ERASE, table, rows, NULL, row_count);
}

/* Would this write violate something, given what is committed and the writes before it? */
static STATUS apply(struct op *op, struct sim_store *self, const struct sim_write *write)
{
    struct sim_rows *rows = sim_db_table(self->db, write->table);
    const void *found = sim_rows_find(rows, write->row);
    if (write->kind == SIM_WRITE_INSERT) {
        if (found) {
            return op_fail(op, STATUS_BUG, "pg.unique_violation", "%s", write->table->name);
        }
        sim_rows_insert(rows, write->row);
        return OK;
    }
    bool stale =
        found && write->versioned &&
        sim_column_i64(write->table, (uint16_t)write->table->version, found) != write->old_version;
    if (!found || stale) {
        return op_fail(op, STATUS_BUG, "pg.wrong_row_count", "%s", write->table->name);
    }
    if (write->kind == SIM_WRITE_UPDATE) {
        for (uint16_t c = 0; c < write->table->column_count; c++) { /* PostgreSQL would ignore it */
            ASSERT(!write->table->columns[c].fixed ||
                   sim_column_compare(write->table, c, found, write->row) == 0);
        }
        sim_rows_replace(rows, write->row);
    } else {
        sim_rows_erase(rows, write->row);
    }
    return OK;
}

/* Takes back the first `count` writes, last first. */
static void undo(struct sim_store *self, void *const *before, uint32_t count)
{
    for (uint32_t i = count; i > 0; i--) {
        const struct sim_write *write = &self->writes[i - 1];
        struct sim_rows *rows = sim_db_table(self->db, write->table);
        switch (write->kind) {
        case SIM_WRITE_INSERT: sim_rows_erase(rows, write->row); break;
        case SIM_WRITE_UPDATE: sim_rows_replace(rows, before[i - 1]); break;
        case SIM_WRITE_ERASE: sim_rows_insert(rows, before[i - 1]); break;
        }
    }
}

STATUS sim_db_apply_writes(struct op *op, struct sim_store *self)
{
    void **before = (void **)calloc(self->write_count + 1, sizeof(*before));
    ASSERT(before);
    struct status st = OK;
    uint32_t done = 0;
    while (done < self->write_count && !status_failed(st)) {
        const struct sim_write *write = &self->writes[done];
        const void *found = sim_rows_find(sim_db_table(self->db, write->table), write->row);
        before[done] = found ? sim_row_copy(write->table, found) : NULL;
        st = apply(op, self, write);
        done++;
    }
    if (status_failed(st)) {
        undo(self, before, done - 1);
    }
    for (uint32_t i = 0; i < done; i++) {
        sim_row_free(self->writes[i].table, before[i]);
    }
    free((void *)before);
    return st;
}

void sim_db_forget_writes(struct sim_store *self)
{
    for (uint32_t i = 0; i < self->write_count; i++) {
        if (self->writes[i].row) {
            sim_row_free(self->writes[i].table, self->writes[i].row);
        }
    }
    self->write_count = 0;
}
