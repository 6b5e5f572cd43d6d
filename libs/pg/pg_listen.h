#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/op.h"
#include "base/str.h"
#include "pg/pg_conn.h"

/*
 * Waiting for NOTIFY on a connection that may be asked other things in between. A notification is a
 * hint: it tells that something was committed, may come twice, and is lost with its connection.
 */

/* From now on, until the session ends. STATUS_RETRY: the connection is gone. */
STATUS pg_listen(struct op *op, struct pg_conn *conn, struct str channel);

/*
 * Waits until a notification has come since the last call, wake_fd can be read (-1: none), or
 * timeout_ms have passed; *ret_told: which of them it was, true for a notification. Outside a
 * transaction. STATUS_RETRY: the server has hung up.
 */
STATUS pg_listen_wait(struct op *op, struct pg_conn *conn, int wake_fd, int timeout_ms,
                      bool *ret_told);
