/* Descriptors and statements, queued: each call packs its values and sends them; sync waits. */
#include "pg/pg_batch.h"

#include <string.h>

#include "base/assert.h"
#include "pg/pg_internal.h"

static const char *const tx_begin = "BEGIN";
static const char *const tx_commit = "COMMIT";
static const char *const tx_rollback = "ROLLBACK";

STATUS pg_batch_begin(struct op *op, struct pg_conn *conn)
{
    ASSERT(!conn->in_tx);
    conn->sqlstate[0] = '\0';
    TRY(pg_pipe_send_tx(op, conn, tx_begin, PG_EXPECT_DONE));
    conn->in_tx = true;
    return OK;
}

static struct status check_params(struct op *op, const struct pg_stmt *stmt,
                                  const struct pg_param *params, uint32_t param_count)
{
    if (param_count != stmt->param_count) {
        return op_fail(op, STATUS_BUG, "pg.params", "%s: %u parameters", stmt->name, param_count);
    }
    for (uint32_t i = 0; i < param_count; i++) {
        if (params[i].type != stmt->param_types[i]) {
            return op_fail(op, STATUS_BUG, "pg.params", "%s: the type of $%u", stmt->name, i + 1);
        }
    }
    return OK;
}

static struct status queue_stmt(struct op *op, struct pg_conn *conn, const struct pg_param *params,
                                const struct pg_pending *pending)
{
    const struct pg_stmt *stmt = pending->stmt;
    struct pg_prepared *prepared = NULL;
    TRY(pg_pipe_prepare(op, conn, PG_TABLE_STMT, stmt, stmt->name, &prepared));
    pg_pack_reset(conn);
    for (uint32_t i = 0; i < stmt->param_count; i++) {
        TRY(pg_pack_param(op, conn, &params[i]));
    }
    return pg_pipe_send(op, conn, prepared, pending);
}

STATUS pg_batch_stmt(struct op *op, struct pg_conn *conn, const struct pg_stmt *stmt,
                     const struct pg_param *params, uint32_t param_count, struct pg_rows **ret_rows)
{
    TRY(check_params(op, stmt, params, param_count));
    struct pg_pending pending = {
        .expect = PG_EXPECT_STMT, .what = stmt->name, .stmt = stmt, .ret_rows = ret_rows};
    return queue_stmt(op, conn, params, &pending);
}

STATUS pg_batch_exec(struct op *op, struct pg_conn *conn, const struct pg_stmt *stmt,
                     const struct pg_param *params, uint32_t param_count, uint64_t *ret_changed)
{
    TRY(check_params(op, stmt, params, param_count));
    struct pg_pending pending = {
        .expect = PG_EXPECT_STMT, .what = stmt->name, .stmt = stmt, .ret_changed = ret_changed};
    return queue_stmt(op, conn, params, &pending);
}

static struct status load_by(struct op *op, struct pg_conn *conn, enum pg_table_use use,
                             const struct pg_param *ids, const struct pg_pending *pending)
{
    struct pg_prepared *prepared = NULL;
    TRY(pg_pipe_prepare(op, conn, use, pending->table, pending->what, &prepared));
    pg_pack_reset(conn);
    TRY(pg_pack_param(op, conn, ids));
    return pg_pipe_send(op, conn, prepared, pending);
}

STATUS pg_batch_load(struct op *op, struct pg_conn *conn, const struct table *table,
                     const struct id *keys, uint32_t key_count, struct pg_batch_rows *ret_rows)
{
    ASSERT(table->key_count == 1);
    struct pg_param ids = PG_IDS(keys, key_count);
    struct pg_pending pending = {
        .expect = PG_EXPECT_TABLE, .what = table->name, .table = table, .ret_table_rows = ret_rows};
    return load_by(op, conn, PG_TABLE_LOAD, &ids, &pending);
}

STATUS pg_batch_load_children(struct op *op, struct pg_conn *conn, const struct table *table,
                              const struct id *parents, uint32_t parent_count,
                              struct pg_batch_rows *ret_rows)
{
    struct pg_param ids = PG_IDS(parents, parent_count);
    struct pg_pending pending = {
        .expect = PG_EXPECT_TABLE, .what = table->name, .table = table, .ret_table_rows = ret_rows};
    return load_by(op, conn, PG_TABLE_CHILDREN, &ids, &pending);
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are those of the store's scan */
STATUS pg_batch_scan(struct op *op, struct pg_conn *conn, const struct table_scan *scan,
                     const void *like, int64_t bound, uint32_t limit,
                     struct pg_batch_rows *ret_rows)
{
    struct pg_prepared *prepared = NULL;
    TRY(pg_pipe_prepare(op, conn, PG_TABLE_SCAN, scan, scan->name, &prepared));
    pg_pack_reset(conn);
    for (uint32_t i = 0; i < scan->equal_count; i++) {
        TRY(pg_pack_cell(op, conn, &scan->table->columns[scan->equal[i]], like));
    }
    if (scan->bound == SCAN_PIECE) {
        TRY(pg_pack_cell(op, conn, &scan->table->columns[scan->order], like));
    }
    if (scan->bound != SCAN_ALL) {
        struct pg_param param = PG_I64(bound);
        TRY(pg_pack_param(op, conn, &param));
    }
    struct pg_param param = PG_I64(limit);
    TRY(pg_pack_param(op, conn, &param));
    struct pg_pending pending = {.expect = PG_EXPECT_TABLE,
                                 .what = scan->name,
                                 .table = scan->table,
                                 .ret_table_rows = ret_rows};
    return pg_pipe_send(op, conn, prepared, &pending);
}

static struct status pack_columns(struct op *op, struct pg_conn *conn, const struct table *table,
                                  enum pg_table_use use, const void *const *rows,
                                  uint32_t row_count)
{
    ASSERT(table->column_count <= PG_COLUMNS_MAX);
    pg_pack_reset(conn);
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (pg_sql_uses_column(table, use, i)) {
            TRY(pg_pack_column(op, conn, &table->columns[i], rows, row_count));
        }
    }
    return OK;
}

STATUS pg_batch_insert(struct op *op, struct pg_conn *conn, const struct table *table,
                       const void *const *rows, uint32_t row_count)
{
    if (row_count == 0) {
        return OK;
    }
    struct pg_prepared *prepared = NULL;
    TRY(pg_pipe_prepare(op, conn, PG_TABLE_INSERT, table, table->name, &prepared));
    TRY(pack_columns(op, conn, table, PG_TABLE_INSERT, rows, row_count));
    struct pg_pending pending = {
        .expect = PG_EXPECT_INSERTED, .what = table->name, .wanted = row_count};
    return pg_pipe_send(op, conn, prepared, &pending);
}

STATUS pg_batch_insert_missing(struct op *op, struct pg_conn *conn, const struct table *table,
                               const void *const *rows, uint32_t row_count, uint64_t *ret_inserted)
{
    if (row_count == 0) {
        if (ret_inserted) {
            *ret_inserted = 0;
        }
        return OK;
    }
    struct pg_prepared *prepared = NULL;
    TRY(pg_pipe_prepare(op, conn, PG_TABLE_INSERT_MISSING, table, table->name, &prepared));
    TRY(pack_columns(op, conn, table, PG_TABLE_INSERT, rows, row_count));
    struct pg_pending pending = {
        .expect = PG_EXPECT_CHANGED, .what = table->name, .ret_changed = ret_inserted};
    return pg_pipe_send(op, conn, prepared, &pending);
}

static struct status send_counted(struct op *op, struct pg_conn *conn, const struct table *table,
                                  const struct pg_prepared *prepared, uint32_t row_count)
{
    struct pg_param count = PG_I64(row_count);
    TRY(pg_pack_param(op, conn, &count));
    struct pg_pending pending = {.expect = PG_EXPECT_DONE, .what = table->name};
    return pg_pipe_send(op, conn, prepared, &pending);
}

STATUS pg_batch_update(struct op *op, struct pg_conn *conn, const struct table *table,
                       const void *const *rows, const int64_t *old_versions, uint32_t row_count)
{
    ASSERT((table->version >= 0) == (old_versions != NULL));
    if (row_count == 0) {
        return OK;
    }
    struct pg_prepared *prepared = NULL;
    TRY(pg_pipe_prepare(op, conn, PG_TABLE_UPDATE, table, table->name, &prepared));
    TRY(pack_columns(op, conn, table, PG_TABLE_UPDATE, rows, row_count));
    if (old_versions) {
        struct pg_param versions = PG_I64S(old_versions, row_count);
        TRY(pg_pack_param(op, conn, &versions));
    }
    return send_counted(op, conn, table, prepared, row_count);
}

STATUS pg_batch_erase(struct op *op, struct pg_conn *conn, const struct table *table,
                      const void *const *rows, uint32_t row_count)
{
    if (row_count == 0) {
        return OK;
    }
    struct pg_prepared *prepared = NULL;
    TRY(pg_pipe_prepare(op, conn, PG_TABLE_ERASE, table, table->name, &prepared));
    TRY(pack_columns(op, conn, table, PG_TABLE_ERASE, rows, row_count));
    return send_counted(op, conn, table, prepared, row_count);
}

STATUS pg_batch_sync(struct op *op, struct pg_conn *conn)
{
    return pg_pipe_sync(op, conn);
}

STATUS pg_batch_commit(struct op *op, struct pg_conn *conn)
{
    if (!conn->in_tx) { /* the connection was lost and made anew behind the caller's back */
        return op_fail(op, STATUS_BUG, "pg.not_committed", "no transaction is open");
    }
    conn->not_replicated = false;
    TRY(pg_pipe_send_tx(op, conn, tx_commit, PG_EXPECT_COMMIT));
    conn->commit_queued = true;
    return pg_pipe_sync(op, conn);
}

void pg_batch_rollback(struct pg_conn *conn)
{
    if (!conn->db || (!conn->in_tx && conn->pending_count == 0)) {
        return;
    }
    /* A small arena of its own: the caller's may be full, which may be why we are here. */
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)256 * 1024);
    struct op op = {.arena = &arena};
    struct status st = OK;
    if (conn->pending_count > 0) {
        /* Outputs of what was queued belong to a caller who no longer wants them. */
        for (uint32_t i = 0; i < conn->pending_count; i++) {
            if (conn->pending[i].expect != PG_EXPECT_PREPARED) {
                conn->pending[i].expect = PG_EXPECT_DONE;
                conn->pending[i].ret_rows = NULL;
                conn->pending[i].ret_changed = NULL;
            }
        }
        status_ignore(pg_pipe_sync(&op, conn), "whatever it says, ROLLBACK follows");
    }
    if (!conn->db) {
        return;
    }
    st = pg_pipe_send_tx(&op, conn, tx_rollback, PG_EXPECT_DONE);
    if (!status_failed(st)) {
        st = pg_pipe_sync(&op, conn);
    }
    conn->in_tx = false;
    if (status_failed(st)) {
        pg_conn_drop(conn);
    }
}
