#pragma once

#include "payments/payments_balance.h"
#include "pg/pg.h"

/*
 * Reconciliation: the provider's books, line by line, against what our settled legs must have moved there. Hourly the
 * lines since the time before; daily those of the last days again, for lines that were changed or taken away later; and
 * whenever a person asks. What legs moved is taken from what payments published, in the order of each lane, so that none
 * is left out; the lines are kept. Where they differ is a row of reconciliation_break, open until it is not found again.
 *
 * Among replicas one works at a time, as with lanes: a lease in the database, and an epoch that every step checks in its
 * own transaction. Whoever dies leaves a reconciliation that another one begins anew when the lease has run out: each
 * line is kept once, however often it is read.
 */

#define PAYMENTS_RECONCILE_LEASE_US (INT64_C(60) * 1000000)

/* Asks the provider: the body of a 200. STATUS_LIMIT: the answer is too large, ask for less. */
typedef struct status payments_reconcile_fetch(struct op *op, void *ctx, struct str path,
                                               struct str *ret_body);

struct payments_reconcile_options {
    int64_t hourly_us;
    int64_t daily_us;
    int64_t
        lag_us; /* younger lines and legs are left to the next time: the other side may not know them yet */
    int64_t lease_us;
    int64_t fee_max_basis_points; /* of a card's payment */
    int64_t fee_max_fixed_minor;
    payments_reconcile_fetch *fetch;
    void *ctx;
};

#define RECONCILE_AFTER_MAX_BYTES 256

/* What is under way, between two steps. Zero at first. */
struct payments_reconcile {
    bool running;
    bool whole; /* all lines were read */
    int64_t n;
    int64_t epoch;
    int64_t from_us;
    int64_t to_us;
    uint32_t limit;
    char after[RECONCILE_AFTER_MAX_BYTES]; /* the last line that was read */
    size_t after_len;
};

/* What came of one that is done. */
struct payments_reconciled {
    bool done;
    int64_t n;
    int64_t lines;
    int64_t found;
    int64_t healed;
    int64_t open;
};

/* Notes what the legs moved that payments told of since. Cheap when there is nothing. */
STATUS payments_reconcile_take(struct op *op, struct pg_conn *conn);
/* One step: begins what is due, reads a page, or compares. *ret_more: there is another step to do now. What fails is
 * tried again by the next call, or by another process. */
STATUS payments_reconcile_step(struct op *op, struct pg_conn *conn,
                               const struct payments_reconcile_options *options,
                               struct payments_reconcile *reconcile, bool *ret_more,
                               struct payments_reconciled *ret_reconciled);
