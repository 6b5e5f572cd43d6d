#pragma once

#include "engine/intake_entry.h"
#include "pg/pg_batch.h"

/* One transaction of the intake: what a group of requests becomes in the database. */

/* A connection with the statements of what follows, not connected yet. */
STATUS intake_group_conn(struct op *op, const struct intake_options *options,
                         struct pg_conn **ret_conn);

/*
 * Stores the entries (different ids, sorted by id: no two processes lock them in different orders)
 * and sets result, status and err of each. A group that fails is halved until the bad one is alone.
 * Resets op->arena.
 */
void intake_group_store(struct op *op, struct pg_conn *conn, struct intake_entry **entries,
                        uint32_t count);

/* Kafka has these records. Failing is harmless: they are published again, and dropped as known. */
STATUS intake_group_acknowledged(struct op *op, struct pg_conn *conn, const struct id *ids,
                                 uint32_t count);
