#pragma once

/* Why a message was not done. Codes and sentences are stable: clients read them. */

enum escrow_reason {
    ESCROW_REASON_NONE = 0,
    /* refusals of commands */
    ESCROW_REASON_UNKNOWN,
    ESCROW_REASON_EXISTS,
    ESCROW_REASON_NOT_ALLOWED,
    ESCROW_REASON_WRONG_STATE,
    ESCROW_REASON_HAS_FUNDS,
    ESCROW_REASON_NOTHING_FAILED,
    ESCROW_REASON_SAME_PARTY,
    ESCROW_REASON_BAD_PRICE,
    ESCROW_REASON_BAD_FUNDING,
    ESCROW_REASON_BAD_DELIVERY,
    ESCROW_REASON_BAD_INSPECTION,
    ESCROW_REASON_BAD_FEES,
    ESCROW_REASON_BAD_TEXT,
    ESCROW_REASON_DROPPED,
    ESCROW_REASON_DISPUTED,
    ESCROW_REASON_NOT_RAISER,
    ESCROW_REASON_TOO_MANY_DISPUTES,
    ESCROW_REASON_BAD_PART,
    ESCROW_REASON_TOO_MANY_PARTS,
    ESCROW_REASON_BAD_SPLIT,
    ESCROW_REASON_NO_SPLIT,
    ESCROW_REASON_OWN_SPLIT,
    ESCROW_REASON_TOO_MANY_SPLITS,
    ESCROW_REASON_BAD_MILESTONES,
    ESCROW_REASON_WHICH_MILESTONE,
    ESCROW_REASON_NO_MILESTONE,
    ESCROW_REASON_MILESTONE_STATE,
    ESCROW_REASON_HAS_MILESTONES,
    /* messages of payments that a person must look at */
    ESCROW_REASON_UNEXPECTED,
    ESCROW_REASON_OVERFLOW,
    /* messages of oracle that a person must look at */
    ESCROW_REASON_EARLY_TIMER,
    ESCROW_REASON_COUNT,
};

struct escrow_reason_text {
    const char *code;     /* dotted, listed in error_codes.txt */
    const char *sentence; /* for a buyer */
};

const struct escrow_reason_text *escrow_reason_text(enum escrow_reason reason);
