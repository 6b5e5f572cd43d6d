#pragma once

#include "engine/store.h"

/* The store over PostgreSQL (libs/pg): one connection, pipelined; begin to the first sync is one
 * round trip, the last save to COMMIT another. */

struct store_pg_options {
    struct str database_url; /* copied */
    struct str service;      /* part of the session's name in pg_stat_activity */
    bool sandbox_clock;      /* development and test: the table `clock` counts */
};

/* An owner that holds no lane is forgotten this long after its lease ended. */
#define STORE_PG_FORGET_DEAD_US ((int64_t)60 * 1000000)

/* The channel on which the service's lanes tell (store.tell): "holdfast_gateway". Names of services
 * are ours and short. */
#define STORE_PG_CHANNEL_BYTES 64
void store_pg_channel(struct str service, char ret_channel[STORE_PG_CHANNEL_BYTES]);

/* Makes the store; ops->connect connects it. STATUS_INVALID: the URL cannot be read. */
STATUS store_pg_open(struct op *op, const struct store_pg_options *options,
                     struct store **ret_store);

/* For a process that does not live in sandbox time: STATUS_STOP "store.sandbox_clock" when the
 * table `clock` is not at zero. Connects for it. STATUS_RETRY: cannot tell now. */
STATUS store_pg_refuse_sandbox(struct op *op, const struct store_pg_options *options);
