#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/op.h"
#include "pg/pg_stmt.h"

/*
 * One connection, used by one thread at a time. Always in pipeline mode and non-blocking: what is
 * sent waits for its answers at most until the deadline of op or PG_ANSWER_MAX_MS.
 */

struct pg_conn;

/* Who uses it: this decides what an SQLSTATE means and how the server may plan. */
enum pg_use {
    PG_USE_NONE = 0,
    PG_USE_REQUEST, /* requests: pg.h; no plan scans a whole table that has an index for it */
    PG_USE_LANE,    /* the engine and the intake: architecture R8, plans by index only */
    PG_USE_ADMIN,   /* migrations and reports: as a request, but statements may take their time */
    PG_USE_COUNT,
};

/*
 * Limits of one session. The chain: a lock is waited for shorter than a lease lasts (2,500 ms), so
 * a claimer gives up before it is itself taken for dead; a statement ends before the client stops
 * waiting for it; a transaction that its client forgot ends after 5 s, which frees its lanes.
 */
#define PG_LOCK_TIMEOUT_MS 2000
#define PG_STATEMENT_TIMEOUT_MS 10000
#define PG_IDLE_IN_TX_TIMEOUT_MS 5000
/* The server looks for a vanished client this often while it works for it. */
#define PG_CLIENT_CHECK_MS 1000
/* A server that stopped without closing the socket is noticed even on a Unix socket. */
#define PG_ANSWER_MAX_MS (PG_STATEMENT_TIMEOUT_MS + 2000)
/* The same for PG_USE_ADMIN, whose statements have no timeout of their own. */
#define PG_ADMIN_ANSWER_MAX_MS (60 * 60 * 1000)
#define PG_CONNECT_TIMEOUT_S 5
/* A dead network: 2 s quiet, then 3 probes 1 s apart = 5 s; unacknowledged data the same 5 s. */
#define PG_KEEPALIVE_IDLE_S 2
#define PG_KEEPALIVE_INTERVAL_S 1
#define PG_KEEPALIVE_COUNT 3
#define PG_TCP_USER_TIMEOUT_MS 5000

_Static_assert(PG_LOCK_TIMEOUT_MS < PG_STATEMENT_TIMEOUT_MS, "a lock wait must end by itself");
_Static_assert(PG_STATEMENT_TIMEOUT_MS < PG_ANSWER_MAX_MS, "the server gives up first");
_Static_assert(PG_TCP_USER_TIMEOUT_MS <=
                   (PG_KEEPALIVE_IDLE_S + PG_KEEPALIVE_COUNT * PG_KEEPALIVE_INTERVAL_S) * 1000,
               "both ways of noticing a dead network take the same time");

struct pg_conn_options {
    struct str conninfo; /* copied */
    struct str application_name;
    enum pg_use use;
    const struct pg_stmt *const *stmts; /* prepared on connect; static memory */
    uint32_t stmt_count;
};

/* Makes the object; connects nothing yet. STATUS_INVALID: the conninfo cannot be read. */
STATUS pg_conn_new(struct op *op, const struct pg_conn_options *options, struct pg_conn **ret_conn);
void pg_conn_free(struct pg_conn *conn);
DEFINE_FREE_AT(struct pg_conn, pg_conn_free)

/* Connects, or drops what was and connects anew, and prepares. STATUS_RETRY: not now. */
STATUS pg_conn_connect(struct op *op, struct pg_conn *conn);
/* Closes the session at once; pg_conn_connect opens another one. */
void pg_conn_drop(struct pg_conn *conn);
bool pg_conn_is_open(const struct pg_conn *conn);
/* Looks at the socket of an idle session, without waiting, for a server that has hung up. */
bool pg_conn_is_alive(struct pg_conn *conn);
/* For tests: the process number of our backend; 0 when there is none. */
int32_t pg_conn_backend_pid(const struct pg_conn *conn);
/* The SQLSTATE of the last failure since the transaction began; "" when the server said none. */
const char *pg_conn_sqlstate(const struct pg_conn *conn);

/* Runs a script of many statements in the simple protocol; for migrations and tests. Its own
 * transaction control counts; without any it is one transaction. No open transaction before. */
STATUS pg_conn_script(struct op *op, struct pg_conn *conn, struct str sql);

/*
 * The same conninfo in keyword form with another session option ("-c search_path=x") behind those
 * that it has. In op->arena. STATUS_INVALID: it cannot be read.
 */
STATUS pg_conninfo_with(struct op *op, struct str conninfo, struct str option,
                        struct str *ret_conninfo);
