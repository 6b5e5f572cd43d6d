#pragma once

/*
 * The accounts of the double entry. A transfer debits one and credits another, so the ledger is
 * balanced by construction. Numbers are stored: never reuse one.
 */
enum escrow_account {
    ESCROW_ACCOUNT_NONE = 0,
    ESCROW_ACCOUNT_PSP_CLEAR,    /* asset: what the provider holds for us */
    ESCROW_ACCOUNT_ESCROW_IN,    /* liability: arrived, not yet placed; zero between decisions */
    ESCROW_ACCOUNT_ESCROW_HELD,  /* liability: held for the deal */
    ESCROW_ACCOUNT_DUE_SELLER,   /* liability: the seller's, on its way out */
    ESCROW_ACCOUNT_DUE_BUYER,    /* liability: the buyer's, on its way back */
    ESCROW_ACCOUNT_SUSPENSE,     /* liability: money that the deal does not expect */
    ESCROW_ACCOUNT_ESCROW_DISP,  /* liability: held for the deal, frozen by a dispute */
    ESCROW_ACCOUNT_FEE_DEFERRED, /* liability: the buyer's fee, not earned yet */
    ESCROW_ACCOUNT_FEE_INC,      /* income: fees that were earned */
    ESCROW_ACCOUNT_COUNT,
};

/* "PSP_CLEAR"; the empty string for none. */
const char *escrow_account_name(enum escrow_account account);

enum escrow_account_side {
    ESCROW_SIDE_NONE = 0,
    ESCROW_SIDE_ASSET,     /* what we have, or are owed: debits less credits */
    ESCROW_SIDE_LIABILITY, /* what we owe: credits less debits, never below zero */
    ESCROW_SIDE_RESULT,    /* income and cost: either way */
    ESCROW_SIDE_COUNT,
};

enum escrow_account_side escrow_account_side(enum escrow_account account);
