#pragma once

#include <stdint.h>

#include "base/id.h"
#include "base/op.h"
#include "base/table.h"
#include "pg/pg.h"

/*
 * Many statements in one round trip: calls queue, pg_batch_sync sends and waits for all answers.
 * Rows are read and written in sets through their table descriptor (base/table.h): one statement
 * per call, its SQL made once, prepared when first used, values as binary arrays.
 *
 * Everything given may be reused as soon as a call returns; outputs are written by the next sync
 * and loaded rows live in the op->arena of that sync. After a failed call the batch must be given up:
 * pg_batch_rollback, or pg_conn_connect when pg_conn_is_open says no.
 *
 * Failures on a PG_USE_LANE connection: 08, 40, 53, 55, 57, lost connection: STATUS_RETRY. 42:
 * STATUS_STOP. 22: STATUS_INVALID. 23, wrong row counts and the rest: STATUS_BUG. More than
 * PG_BATCH_MAX_BYTES of values in one statement: STATUS_LIMIT, "pg.batch_too_large".
 */

#define PG_BATCH_QUEUE_MAX 128                         /* statements between two syncs */
#define PG_BATCH_MAX_BYTES ((size_t)256 * 1024 * 1024) /* PostgreSQL ends at 1 GB */

/* Rows of one load: an array of table->row_bytes each. */
struct pg_batch_rows {
    void *rows;
    uint32_t count;
};

STATUS pg_batch_begin(struct op *op, struct pg_conn *conn);
/* A statement; its rows (NULL where it returns none) come with the sync and are the caller's. */
STATUS pg_batch_stmt(struct op *op, struct pg_conn *conn, const struct pg_stmt *stmt,
                     const struct pg_param *params, uint32_t param_count,
                     struct pg_rows **ret_rows);

/* The same for a statement that returns nothing. *ret_changed (or NULL) comes with the sync. */
STATUS pg_batch_exec(struct op *op, struct pg_conn *conn, const struct pg_stmt *stmt,
                     const struct pg_param *params, uint32_t param_count, uint64_t *ret_changed);

/* Rows with these primary keys (a single COLUMN_UUID), any order; missing ones are missing. */
STATUS pg_batch_load(struct op *op, struct pg_conn *conn, const struct table *table,
                     const struct id *keys, uint32_t key_count, struct pg_batch_rows *ret_rows);
/* Rows whose parent column is one of these, ordered by parent, then primary key. */
STATUS pg_batch_load_children(struct op *op, struct pg_conn *conn, const struct table *table,
                              const struct id *parents, uint32_t parent_count,
                              struct pg_batch_rows *ret_rows);
/* `like` holds the values of the scan's equal columns. */
STATUS pg_batch_scan(struct op *op, struct pg_conn *conn, const struct table_scan *scan,
                     const void *like, int64_t bound, uint32_t limit,
                     struct pg_batch_rows *ret_rows);

/* rows[i] points to a struct of the table. */
STATUS pg_batch_insert(struct op *op, struct pg_conn *conn, const struct table *table,
                       const void *const *rows, uint32_t row_count);
/* Rows whose key is there already are left alone. *ret_inserted (or NULL) comes with the sync. */
STATUS pg_batch_insert_missing(struct op *op, struct pg_conn *conn, const struct table *table,
                               const void *const *rows, uint32_t row_count, uint64_t *ret_inserted);
/* old_versions: NULL for tables without a version. A row that is not changed raises HF001. */
STATUS pg_batch_update(struct op *op, struct pg_conn *conn, const struct table *table,
                       const void *const *rows, const int64_t *old_versions, uint32_t row_count);
STATUS pg_batch_erase(struct op *op, struct pg_conn *conn, const struct table *table,
                      const void *const *rows, uint32_t row_count);

/* Sends what is queued and waits for all results: one round trip. */
STATUS pg_batch_sync(struct op *op, struct pg_conn *conn);
/* Sends what is queued with a COMMIT; OK only when the server said COMMIT. STATUS_RETRY with
 * "pg.commit_unknown": the connection broke before the answer came. */
STATUS pg_batch_commit(struct op *op, struct pg_conn *conn);
/* Forgets what is queued and rolls back. If that fails too, the connection is closed. */
void pg_batch_rollback(struct pg_conn *conn);
