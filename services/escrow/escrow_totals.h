#pragma once

#include <pthread.h>

#include "escrow/escrow_ledger.h"
#include "obs/metrics.h"
#include "pg/pg.h"

/*
 * How much money there is, by account and currency, as a metric: read from the totals that seals keep, which are a row
 * for each account and currency however long the ledger is.
 */

#define ESCROW_TOTALS_MAX 64 /* accounts times currencies that are shown */
#define ESCROW_TOTALS_CURRENCY_BYTES 8

struct escrow_total {
    enum escrow_account account;
    char currency[ESCROW_TOTALS_CURRENCY_BYTES];
    int64_t
        balance_minor; /* of an asset what we have, of a liability what we owe, of income what we earned */
};

struct escrow_totals {
    pthread_mutex_t lock;
    struct metrics *metrics;
    uint32_t count;
    struct escrow_total rows[ESCROW_TOTALS_MAX];
};

/* Shows them from now on, none at first. metrics NULL: shows nothing. */
void escrow_totals_init(struct escrow_totals *totals, struct metrics *metrics);
void escrow_totals_fini(struct escrow_totals *totals);

/* As they are now. */
STATUS escrow_totals_read(struct op *op, struct pg_conn *conn, struct escrow_totals *totals);
