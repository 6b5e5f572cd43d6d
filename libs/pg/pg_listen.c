/* NOTIFY coming in: libpq collects them while it reads answers, and here while it reads nothing. */
#include "pg/pg_listen.h"

#include <poll.h>

#include "base/assert.h"
#include "pg/pg_internal.h"

#define LISTEN_MAX_BYTES 128

STATUS pg_listen(struct op *op, struct pg_conn *conn, struct str channel)
{
    struct strbuf buf;
    struct str sql;
    strbuf_init(&buf, op->arena, LISTEN_MAX_BYTES);
    strbuf_addf(&buf, "LISTEN \"" STR_FMT "\"", STR_ARG(channel)); /* a name of ours */
    if (!strbuf_finish(&buf, &sql)) {
        return op_arena_full(op);
    }
    return pg_conn_script(op, conn, sql);
}

/* Takes all that have come; false when there was none. */
static bool take(struct pg_conn *conn)
{
    bool any = false;
    for (PGnotify *told = PQnotifies(conn->db); told; told = PQnotifies(conn->db)) {
        PQfreemem(told);
        any = true;
    }
    return any;
}

STATUS pg_listen_wait(struct op *op, struct pg_conn *conn, int wake_fd, int timeout_ms,
                      bool *ret_told)
{
    ASSERT(!conn->in_tx);
    ASSERT(conn->pending_count == 0);
    if (!pg_conn_is_open(conn)) {
        return op_fail(op, STATUS_RETRY, "pg.unavailable", "not connected");
    }
    if (take(conn)) { /* came while an answer was read */
        *ret_told = true;
        return OK;
    }
    struct pollfd fds[] = {{.fd = PQsocket(conn->db), .events = POLLIN},
                           {.fd = wake_fd, .events = POLLIN}};
    bool ready = poll(fds, ARRAY_LEN(fds), timeout_ms) > 0;
    if (ready && fds[0].revents != 0 && !PQconsumeInput(conn->db)) {
        return pg_error_lost(op, conn, "listen");
    }
    *ret_told = take(conn);
    return OK;
}
