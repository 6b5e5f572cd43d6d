#pragma once

#include "base/id.h"
#include "base/op.h"

/*
 * The provider's own books, a page at a time: Stripe's list of balance transactions, the newest first, each with the
 * object that moved the money, whose metadata say which leg that is. Pure but for the arena.
 */

/* A charge is some 4 KB where it is told with its card: a page must fit into HTTPC_ANSWER_MAX_BYTES. */
#define BALANCE_PAGE_LINES 8

/* A row of `balance_line`. */
struct balance_line {
    struct str id;       /* "txn_..." */
    struct str type;     /* "charge", "transfer", "refund", ... */
    struct str source;   /* "ch_...", "tr_...", "re_..."; empty: it has none */
    struct id leg_id;    /* none: it is about none of ours */
    struct str currency; /* upper case */
    int64_t amount_minor;
    int64_t fee_minor;
    int64_t net_minor;
    int64_t at_us;
};

struct balance_page {
    struct balance_line lines[BALANCE_PAGE_LINES];
    uint32_t count;
    bool has_more;
};

/* What is asked for: lines from one second to before another, behind the line `after` (empty: from the newest on). */
struct balance_question {
    int64_t from_us;
    int64_t to_us;
    uint32_t limit; /* 1 to BALANCE_PAGE_LINES */
    struct str after;
};

/* The path with its query, in op->arena. */
STATUS payments_balance_path(struct op *op, const struct balance_question *question,
                             struct str *ret_path);
/* STATUS_INVALID "payments.balance_unreadable": it is no such page. Its lines borrow from op->arena. */
STATUS payments_balance_read(struct op *op, struct str body, struct balance_page *ret_page);

/* ---- Where our books and the provider's differ ---- */

/* The numbers stand in the table `reconciliation_break`. */
enum payments_break_cause {
    PAYMENTS_BREAK_NONE = 0,
    PAYMENTS_BREAK_MISSING_AT_PROVIDER, /* we say that money moved, the provider has no line of it */
    PAYMENTS_BREAK_MISSING_WITH_US, /* the provider moved money, and no settled leg of ours did */
    PAYMENTS_BREAK_AMOUNT,
    PAYMENTS_BREAK_FEE, /* more than a card may cost, or of what costs nothing */
    PAYMENTS_BREAK_CURRENCY,
    PAYMENTS_BREAK_COUNT,
};

/* "missing_at_provider"; the empty string for none. */
const char *payments_break_name(enum payments_break_cause cause);
