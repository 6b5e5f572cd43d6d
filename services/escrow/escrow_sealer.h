#pragma once

#include "base/defer.h"
#include "base/sign.h"
#include "escrow/escrow_totals.h"
#include "obs/metrics.h"
#include "pg/pg.h"

/*
 * The sealer: once a period, whichever process of escrow comes first locks the one row of `sealer`, takes up what the
 * lanes' events say has changed, and stores a seal of at most ESCROW_SEAL_LEAVES_MAX heads with its leaves, the new
 * positions, what the accounts' totals are with what it covers, and a message for the lane of each escrow, in one transaction. Whatever dies before the commit has left
 * nothing; afterwards the messages are published by their lanes. What did not fit, or was missed while no sealer ran,
 * follows in further seals at once. The key is in the memory of this process alone.
 */

#define ESCROW_SEALER_LOOK_MS \
    1000 /* between looks whether a period is over: cheap, and late by this at most */

#define ESCROW_SEALER_TOTALS_MS 15000

struct escrow_sealer;

/* NULL: not counted. */
struct escrow_sealer_counters {
    struct metrics_counter *seals, *leaves, *failures;
};

/* Once at boot. A process without a key shows them, too, at zero: an alarm can be written against that. */
struct escrow_sealer_counters escrow_sealer_count_in(struct metrics *metrics);

struct escrow_sealer_options {
    struct str database_url;
    const struct sign_secret *key; /* copied */
    int64_t period_us;
    struct escrow_sealer_counters counters;
    struct escrow_totals *totals; /* read anew every ESCROW_SEALER_TOTALS_MS */
};

/* Starts the thread, which connects by itself, again and again. op's arena must outlive it. */
STATUS escrow_sealer_open(struct op *op, const struct escrow_sealer_options *options,
                          struct escrow_sealer **ret_sealer);
/* NULL is fine. */
void escrow_sealer_close(struct escrow_sealer *sealer);
DEFINE_FREE_AT(struct escrow_sealer, escrow_sealer_close)

/* What one look did. */
struct escrow_sealer_round {
    uint32_t leaves; /* of the seal that was made; 0: none */
    bool more;       /* there is more to seal now */
};

/* The statements that a round needs prepared. */
extern const struct pg_stmt *const *const escrow_sealer_stmts;
extern const uint32_t escrow_sealer_stmt_count;

/* One look, one transaction, rolled back when it fails. */
STATUS escrow_sealer_look(struct op *op, struct pg_conn *conn, const struct sign_secret *key,
                          int64_t period_us, struct escrow_sealer_round *ret_round);
