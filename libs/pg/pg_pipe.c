/*
 * Queueing statements and waiting for their answers, with libpq in pipeline mode and non-blocking,
 * so that neither side can wait for the other with full buffers. Answers come in the order of the
 * questions; all of them are read before any output is written.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "pg/pg_internal.h"

void pg_pipe_forget(struct pg_conn *conn)
{
    for (uint32_t i = 0; i < conn->pending_count; i++) {
        PQclear(conn->pending[i].result);
        if (conn->pending[i].prepared) {
            conn->pending[i].prepared->queued = false;
        }
        conn->pending[i] = (struct pg_pending){.expect = PG_EXPECT_NONE};
    }
    conn->pending_count = 0;
    conn->commit_queued = false;
}

/* Two places stay free, for the end of the transaction and for the Sync. */
static struct status add_pending(struct op *op, struct pg_conn *conn,
                                 const struct pg_pending *pending)
{
    uint32_t max = PG_PENDING_MAX;
    if (pending->expect != PG_EXPECT_SYNC && pending->expect != PG_EXPECT_COMMIT) {
        max -= 2;
    }
    if (conn->pending_count >= max) {
        return op_fail(op, STATUS_BUG, "pg.queue_full", "%s: over %d statements", pending->what,
                       PG_BATCH_QUEUE_MAX);
    }
    conn->pending[conn->pending_count++] = *pending;
    return OK;
}

static struct pg_prepared *find_prepared(struct pg_conn *conn, enum pg_table_use use,
                                         const void *about)
{
    for (uint32_t i = 0; i < conn->prepared_count; i++) {
        if (conn->prepared[i].about == about && conn->prepared[i].use == use) {
            return &conn->prepared[i];
        }
    }
    if (conn->prepared_count == PG_PREPARED_MAX) {
        return NULL;
    }
    struct pg_prepared *prepared = &conn->prepared[conn->prepared_count];
    *prepared = (struct pg_prepared){.about = about, .use = use};
    int len = snprintf(prepared->name, sizeof(prepared->name), "p%u", conn->prepared_count);
    ASSERT(len > 0);
    conn->prepared_count++;
    return prepared;
}

STATUS pg_pipe_prepare(struct op *op, struct pg_conn *conn, enum pg_table_use use,
                       const void *about, const char *what, struct pg_prepared **ret_prepared)
{
    if (!conn->db) {
        return op_fail(op, STATUS_RETRY, "pg.unavailable", "not connected");
    }
    struct pg_prepared *prepared = find_prepared(conn, use, about);
    if (!prepared) {
        return op_fail(op, STATUS_BUG, "pg.queue_full", "over %d prepared statements",
                       PG_PREPARED_MAX);
    }
    *ret_prepared = prepared;
    if (prepared->ready || prepared->queued) {
        return OK;
    }
    struct pg_sql sql;
    TRY(pg_sql_of(op, use, about, &sql));
    struct pg_pending pending = {.expect = PG_EXPECT_PREPARED, .what = what, .prepared = prepared};
    TRY(add_pending(op, conn, &pending));
    if (!PQsendPrepare(conn->db, prepared->name, sql.text, (int)sql.param_count, sql.param_types)) {
        return pg_error_lost(op, conn, what);
    }
    prepared->queued = true;
    return OK;
}

STATUS pg_pipe_send(struct op *op, struct pg_conn *conn, const struct pg_prepared *prepared,
                    const struct pg_pending *pending)
{
    TRY(add_pending(op, conn, pending));
    int formats[PG_VALUES_MAX];
    for (uint32_t i = 0; i < conn->value_count; i++) {
        formats[i] = 1; /* binary */
    }
    if (!PQsendQueryPrepared(conn->db, prepared->name, (int)conn->value_count, conn->values,
                             conn->lengths, formats, 1 /* binary */)) {
        return pg_error_lost(op, conn, pending->what);
    }
    return OK;
}

STATUS pg_pipe_send_tx(struct op *op, struct pg_conn *conn, const char *sql, enum pg_expect expect)
{
    struct pg_prepared *prepared = NULL;
    TRY(pg_pipe_prepare(op, conn, PG_TABLE_TX, sql, sql, &prepared));
    pg_pack_reset(conn);
    struct pg_pending pending = {.expect = expect, .what = sql};
    return pg_pipe_send(op, conn, prepared, &pending);
}

/* Closes the session, so that nothing goes on behind the caller's back (PG_CLIENT_CHECK_MS). */
static struct status too_late(struct op *op, struct pg_conn *conn, const char *what)
{
    bool own_deadline = !conn->commit_queued && status_failed(op_check_deadline(op));
    struct status st = pg_error_lost(op, conn, what);
    return own_deadline ? op_check_deadline(op) : st;
}

/* Waits until the next result can be read without blocking, sending what still is to be sent. */
static struct status wait_result(struct op *op, struct pg_conn *conn, int64_t until_ms,
                                 const char *what)
{
    for (;;) {
        int unsent = PQflush(conn->db);
        if (unsent < 0) {
            return pg_error_lost(op, conn, what);
        }
        if (!PQisBusy(conn->db)) {
            return OK;
        }
        int64_t left_ms = until_ms - clock_mono_ms();
        if (left_ms <= 0) {
            return too_late(op, conn, what);
        }
        struct pollfd pollfd = {.fd = PQsocket(conn->db), .events = POLLIN};
        if (unsent > 0) {
            pollfd.events |= POLLOUT;
        }
        int ready = poll(&pollfd, 1, (int)left_ms);
        if (ready < 0 && errno != EINTR) {
            return pg_error_lost(op, conn, what);
        }
        if (ready > 0 && (pollfd.revents & ~POLLOUT) != 0 && !PQconsumeInput(conn->db)) {
            return pg_error_lost(op, conn, what);
        }
    }
}

/* The results of one question; libpq ends each but the Sync with a NULL. */
static struct status read_result(struct op *op, struct pg_conn *conn, struct pg_pending *pending,
                                 int64_t until_ms)
{
    TRY(wait_result(op, conn, until_ms, pending->what));
    pending->result = PQgetResult(conn->db);
    if (!pending->result) {
        return pg_error_lost(op, conn, pending->what);
    }
    if (pending->expect == PG_EXPECT_SYNC) {
        return OK;
    }
    for (;;) {
        TRY(wait_result(op, conn, until_ms, pending->what));
        PGresult *more = PQgetResult(conn->db);
        if (!more) {
            return OK;
        }
        PQclear(more);
    }
}

static uint64_t changed_rows(PGresult *result)
{
    int64_t changed = 0;
    return str_to_i64(str_of(PQcmdTuples(result)), &changed) ? (uint64_t)changed : 0;
}

static struct status check_row_count(struct op *op, const struct pg_pending *pending)
{
    int count = PQntuples(pending->result);
    enum pg_returns returns = pending->stmt->returns;
    if ((returns == PG_RETURNS_ONE && count != 1) ||
        (returns == PG_RETURNS_AT_MOST_ONE && count > 1) ||
        (returns == PG_RETURNS_NONE && count != 0)) {
        return op_fail(op, STATUS_BUG, "pg.row_count", "%s: %d rows", pending->what, count);
    }
    return OK;
}

static struct status check_commit(struct op *op, struct pg_conn *conn,
                                  const struct pg_pending *pending)
{
    conn->commit_queued = false;
    conn->in_tx = false;
    if (!str_eq(str_of(PQcmdStatus(pending->result)), STR("COMMIT"))) {
        return op_fail(op, STATUS_BUG, "pg.not_committed", "the server said %s",
                       PQcmdStatus(pending->result));
    }
    if (conn->not_replicated) { /* a failover now would lose it: as good as unknown */
        return op_fail(op, STATUS_RETRY, "pg.commit_unknown", "committed here, not on the standby");
    }
    return OK;
}

/* Whether the server did what was asked. */
static struct status check_result(struct op *op, struct pg_conn *conn, struct pg_pending *pending)
{
    ExecStatusType status = PQresultStatus(pending->result);
    if (pending->expect == PG_EXPECT_SYNC && status == PGRES_PIPELINE_SYNC) {
        return OK;
    }
    if (status == PGRES_PIPELINE_ABORTED) {
        return op_fail(op, STATUS_BUG, "pg.aborted", "%s: an earlier statement failed",
                       pending->what);
    }
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        return pg_error_of(op, conn, pending->result, pending->what);
    }
    switch (pending->expect) {
    case PG_EXPECT_PREPARED: pending->prepared->ready = true; return OK;
    case PG_EXPECT_DONE:
    case PG_EXPECT_TABLE:
    case PG_EXPECT_CHANGED: return OK;
    case PG_EXPECT_STMT: return check_row_count(op, pending);
    case PG_EXPECT_INSERTED:
        if (changed_rows(pending->result) != pending->wanted) {
            return op_fail(op, STATUS_BUG, "pg.row_count", "%s: not all rows were inserted",
                           pending->what);
        }
        return OK;
    case PG_EXPECT_COMMIT: return check_commit(op, conn, pending);
    case PG_EXPECT_SYNC: return op_fail(op, STATUS_BUG, "pg.aborted", "an answer too many");
    case PG_EXPECT_NONE:
    case PG_EXPECT_COUNT: break;
    }
    UNREACHABLE("no such expectation");
}

static struct status write_output(struct op *op, struct pg_pending *pending)
{
    if (pending->expect == PG_EXPECT_TABLE) {
        return pg_unpack_table(op, pending->table, pending->result, pending->ret_table_rows);
    }
    if (pending->ret_changed) {
        *pending->ret_changed = changed_rows(pending->result);
    }
    if (pending->ret_rows) {
        TRY(pg_rows_of(op, pending->result, pending->ret_rows));
        pending->result = NULL;
    }
    return OK;
}

/* Reads all answers and keeps the first failure; the later ones only follow from it. */
static struct status drain(struct op *op, struct pg_conn *conn)
{
    int64_t max_ms = conn->use == PG_USE_ADMIN ? PG_ADMIN_ANSWER_MAX_MS : PG_ANSWER_MAX_MS;
    int64_t until_ms = clock_mono_ms() + max_ms;
    if (op->deadline_ms != 0 && op->deadline_ms < until_ms) {
        until_ms = op->deadline_ms;
    }
    struct status first = OK;
    struct op later = *op; /* what follows from the first failure must not overwrite its reason */
    for (uint32_t i = 0; i < conn->pending_count; i++) {
        struct op *report = status_failed(first) ? &later : op;
        struct status st = read_result(report, conn, &conn->pending[i], until_ms);
        bool lost = status_failed(st);
        if (!lost) {
            st = check_result(report, conn, &conn->pending[i]);
            lost = !conn->db;
        }
        if (!status_failed(first)) {
            first = st;
        }
        if (lost) {
            return first;
        }
    }
    return first;
}

STATUS pg_pipe_sync(struct op *op, struct pg_conn *conn)
{
    if (!conn->db) {
        return op_fail(op, STATUS_RETRY, "pg.unavailable", "not connected");
    }
    struct pg_pending sync = {.expect = PG_EXPECT_SYNC, .what = "sync"};
    TRY(add_pending(op, conn, &sync));
    if (!PQpipelineSync(conn->db)) {
        return pg_error_lost(op, conn, "sync");
    }
    if (conn->commit_queued) {
        CRASH_POINT("pg-commit-sent");
    }
    struct status st = drain(op, conn);
    for (uint32_t i = 0; i < conn->pending_count && !status_failed(st); i++) {
        st = write_output(op, &conn->pending[i]);
    }
    pg_pipe_forget(conn);
    pg_pack_trim(conn);
    return st;
}
