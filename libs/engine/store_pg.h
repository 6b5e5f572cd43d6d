#pragma once

#include "engine/store.h"

/* The store over PostgreSQL (libs/pg): one connection, pipelined; begin to the first sync is one
 * round trip, the last save to COMMIT another. */

struct store_pg_options {
    struct str database_url; /* copied */
    struct str service;      /* shown by pg_stat_activity */
};

/* Connects at once. STATUS_RETRY: the server is away; STATUS_STOP: the schema does not fit. */
STATUS store_pg_open(struct op *op, const struct store_pg_options *options,
                     struct store **ret_store);
