#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/op.h"
#include "obs/metrics.h"
#include "pg/pg_conn.h"
#include "pg/pg_rows.h"
#include "pg/pg_stmt.h"

/*
 * PostgreSQL for the threads that answer requests: a pool of connections, statements from .sql
 * files, transactions. Lanes have their own connection instead: engine/store_pg.h over pg_batch.h.
 *
 * Failures by SQLSTATE: 08, 53, 57P0x, 40001, 40P01, 55P03 and lost connections STATUS_RETRY;
 * 57014 STATUS_CANCELED; 23505 STATUS_CONFLICT; 22 STATUS_INVALID; all else STATUS_BUG.
 * Parameters never reach a log or an error message.
 */

#define PG_POOL_MAX 64 /* connections of one pool */

struct pg;

struct pg_options {
    struct str conninfo; /* libpq's keyword form or URI; borrowed during pg_open only */
    struct str application_name;
    const struct pg_stmt *const *stmts; /* prepared on each new connection; static memory */
    uint32_t stmt_count;
    uint32_t connections_max; /* 1 to PG_POOL_MAX; opened when they are needed */
    struct metrics
        *metrics; /* shows holdfast_pg_pool_…, for one pool of a process; NULL: does not */
};

/*
 * Opens the pool and one connection of it, so that a wrong address or a statement that does not fit
 * the schema is found at start. STATUS_RETRY: the server is away or still starting.
 */
STATUS pg_open(struct op *op, const struct pg_options *options, struct pg **ret_pg);
/* All connections must have been released. */
void pg_free(struct pg *pg);
DEFINE_FREE_AT(struct pg, pg_free)

/*
 * A connection for this thread alone, checked and reconnected where needed. Waits for a free one
 * until the deadline of op, at most PG_ACQUIRE_MAX_MS: STATUS_RETRY, "pg.pool_busy".
 */
STATUS pg_acquire(struct op *op, struct pg *pg, struct pg_conn **ret_conn);
/* Gives it back; an open transaction is rolled back. NULL is fine. */
void pg_release(struct pg_conn *conn);
DEFINE_FREE_AT(struct pg_conn, pg_release)

#define PG_ACQUIRE_MAX_MS 1000

struct pg_param {
    enum pg_type type;
    uint32_t count; /* of arrays: elements */

    union {
        struct id id;
        int64_t number; /* INT8, INT4, INT2, BOOL */
        struct str str; /* TEXT, BYTEA; borrowed until the call returns */
        const struct id *ids;
        const int64_t *i64s; /* INT8_ARRAY */
        const int32_t *i32s; /* INT4_ARRAY, INT2_ARRAY */
        const struct str *strs;
    } value;
};

#define PG_ID(v) ((struct pg_param){.type = PG_TYPE_UUID, .value = {.id = (v)}})
#define PG_I64(v) ((struct pg_param){.type = PG_TYPE_INT8, .value = {.number = (v)}})
#define PG_I32(v) ((struct pg_param){.type = PG_TYPE_INT4, .value = {.number = (v)}})
#define PG_I16(v) ((struct pg_param){.type = PG_TYPE_INT2, .value = {.number = (v)}})
#define PG_BOOL(v) ((struct pg_param){.type = PG_TYPE_BOOL, .value = {.number = (v) ? 1 : 0}})
#define PG_TEXT(v) ((struct pg_param){.type = PG_TYPE_TEXT, .value = {.str = (v)}})
#define PG_BYTES(v) ((struct pg_param){.type = PG_TYPE_BYTEA, .value = {.str = (v)}})
/* v: const struct hash *, which must outlive the call. */
#define PG_HASH(v)                            \
    ((struct pg_param){.type = PG_TYPE_BYTEA, \
                       .value = {.str = {.ptr = (const char *)(v)->bytes, .len = HASH_BYTES}}})
#define PG_IDS(v, n) \
    ((struct pg_param){.type = PG_TYPE_UUID_ARRAY, .count = (n), .value = {.ids = (v)}})
#define PG_I64S(v, n) \
    ((struct pg_param){.type = PG_TYPE_INT8_ARRAY, .count = (n), .value = {.i64s = (v)}})
#define PG_I32S(v, n) \
    ((struct pg_param){.type = PG_TYPE_INT4_ARRAY, .count = (n), .value = {.i32s = (v)}})
#define PG_I16S(v, n) \
    ((struct pg_param){.type = PG_TYPE_INT2_ARRAY, .count = (n), .value = {.i32s = (v)}})
#define PG_TEXTS(v, n) \
    ((struct pg_param){.type = PG_TYPE_TEXT_ARRAY, .count = (n), .value = {.strs = (v)}})
#define PG_BYTESS(v, n) \
    ((struct pg_param){.type = PG_TYPE_BYTEA_ARRAY, .count = (n), .value = {.strs = (v)}})

/*
 * Runs a statement, within the open transaction or as its own. The parameters must be those that
 * the .sql file tells (STATUS_BUG, "pg.params"). Free the rows with pg_rows_free.
 */
STATUS pg_query(struct op *op, struct pg_conn *conn, const struct pg_stmt *stmt,
                const struct pg_param *params, uint32_t param_count, struct pg_rows **ret_rows);
/* The same for a statement that returns no rows. *ret_changed (or NULL): rows it touched. */
STATUS pg_exec(struct op *op, struct pg_conn *conn, const struct pg_stmt *stmt,
               const struct pg_param *params, uint32_t param_count, uint64_t *ret_changed);

/* READ COMMITTED. */
STATUS pg_begin(struct op *op, struct pg_conn *conn);
/* REPEATABLE READ READ ONLY: all statements see the same moment. */
STATUS pg_begin_snapshot(struct op *op, struct pg_conn *conn);
/*
 * OK only when the server said COMMIT. STATUS_RETRY with "pg.commit_unknown": the connection broke
 * while the answer was awaited, so it may or may not have been committed.
 */
STATUS pg_commit(struct op *op, struct pg_conn *conn);
/* Never fails: a connection that cannot roll back is closed. Harmless without a transaction. */
void pg_rollback(struct pg_conn *conn);
