/* One statement at a time, for requests: queue it, wait for it. */
#include "base/assert.h"
#include "pg/pg_internal.h"

static const char *const tx_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

STATUS pg_query(struct op *op, struct pg_conn *conn, const struct pg_stmt *stmt,
                const struct pg_param *params, uint32_t param_count, struct pg_rows **ret_rows)
{
    TRY(pg_batch_stmt(op, conn, stmt, params, param_count, ret_rows));
    return pg_pipe_sync(op, conn);
}

STATUS pg_exec(struct op *op, struct pg_conn *conn, const struct pg_stmt *stmt,
               const struct pg_param *params, uint32_t param_count, uint64_t *ret_changed)
{
    TRY(pg_batch_exec(op, conn, stmt, params, param_count, ret_changed));
    return pg_pipe_sync(op, conn);
}

/* Only queued: it travels with the first statement. */
STATUS pg_begin(struct op *op, struct pg_conn *conn)
{
    return pg_batch_begin(op, conn);
}

STATUS pg_begin_snapshot(struct op *op, struct pg_conn *conn)
{
    ASSERT(!conn->in_tx);
    TRY(pg_pipe_send_tx(op, conn, tx_snapshot, PG_EXPECT_DONE));
    conn->in_tx = true;
    return OK;
}

STATUS pg_commit(struct op *op, struct pg_conn *conn)
{
    return pg_batch_commit(op, conn);
}

void pg_rollback(struct pg_conn *conn)
{
    pg_batch_rollback(conn);
}
