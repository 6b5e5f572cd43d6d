#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "escrow/escrow.h"
#include "escrow/escrow_reason.h"

/*
 * The decision: (escrow or none, message, facts) to what happens. Pure and total: no I/O, no clock,
 * no memory, and it cannot fail; a refusal is a result. The whole life of an escrow is the table
 * in escrow_decide.c; golden/escrow_table.txt shows every cell.
 */

/* Terms that are accepted, ends included. */
#define ESCROW_PRICE_MIN_MINOR 1
#define ESCROW_PRICE_MAX_MINOR 99999999       /* the largest card charge; the gateway's is lower */
#define ESCROW_FUNDING_MIN_SECONDS 3600       /* 1 hour */
#define ESCROW_FUNDING_MAX_SECONDS 2592000    /* 30 days */
#define ESCROW_DELIVERY_MIN_SECONDS 3600      /* 1 hour */
#define ESCROW_DELIVERY_MAX_SECONDS 7776000   /* 90 days */
#define ESCROW_INSPECTION_MIN_SECONDS 86400   /* 1 day */
#define ESCROW_INSPECTION_MAX_SECONDS 2592000 /* 30 days */
#define ESCROW_ACCOUNT_MAX_BYTES 255
#define ESCROW_DESCRIPTION_MAX_BYTES 1000
#define ESCROW_REASON_MAX_BYTES 500

enum escrow_message_kind {
    ESCROW_MESSAGE_NONE = 0,
    /* commands */
    ESCROW_CREATE,
    ESCROW_MARK_DELIVERED,
    ESCROW_RELEASE,
    ESCROW_CANCEL,
    ESCROW_REFUND,
    ESCROW_RETRY_PAYOUT,
    ESCROW_REJECT_DELIVERY,
    ESCROW_ACCEPT_RETURN,
    ESCROW_RAISE_DISPUTE,
    ESCROW_WITHDRAW_DISPUTE,
    ESCROW_RELEASE_PART,
    ESCROW_PROPOSE_SPLIT,
    ESCROW_ACCEPT_SPLIT,
    ESCROW_RESOLVE_DISPUTE,
    ESCROW_SUBMIT_EVIDENCE,
    ESCROW_WITHDRAW_SPLIT,
    /* what payments reports; certain, never refused */
    ESCROW_INTENT_CREATED,
    ESCROW_PAYMENT_SUCCEEDED,
    ESCROW_PAYMENT_FAILED,
    ESCROW_PAYMENT_CANCELED,
    ESCROW_TRANSFER_SUCCEEDED,
    ESCROW_TRANSFER_FAILED,
    ESCROW_REFUND_SUCCEEDED,
    ESCROW_REFUND_FAILED,
    /* what oracle reports */
    ESCROW_TIMER_FIRED,
    ESCROW_MESSAGE_KIND_COUNT,
};

enum escrow_stage {
    ESCROW_STAGE_NONE = 0,
    ESCROW_STAGE_SETUP,
    ESCROW_STAGE_CHARGE,
    ESCROW_STAGE_COUNT,
};

struct escrow_milestone_terms {
    struct str title;
    int64_t amount_minor; /* of the price */
};

struct escrow_terms {
    struct id marketplace_id;
    struct id buyer_id;
    struct id seller_id;
    enum currency currency; /* CURRENCY_NONE: not one of ours */
    int64_t price_minor;
    struct str seller_account;
    int64_t funding_seconds;
    int64_t delivery_seconds;
    int64_t inspection_seconds;
    struct fee_terms fees;
    struct str description;
    const struct escrow_milestone_terms *milestones; /* none: the price is one */
    size_t milestone_count;                          /* as it was asked for: any */
    struct id arbiter_id;                            /* none: there is no arbiter */
    struct str arbiter_key;
};

struct escrow_message {
    enum escrow_message_kind kind;
    struct id escrow_id;
    struct engine_actor actor;
    struct escrow_terms terms; /* CREATE */
    struct str text;      /* a command's reason or description; *_FAILED: the provider's code */
    struct id leg_id;     /* payments: the provider operation */
    int64_t amount_minor; /* *_SUCCEEDED: > 0; RELEASE_PART: what was asked for */
    int64_t
        seller_minor; /* PROPOSE_SPLIT, RESOLVE_DISPUTE: what the seller is to have of what is held, */
    int64_t buyer_minor; /* and the buyer; both as they were asked for */
    int64_t
        number; /* ACCEPT_SPLIT, WITHDRAW_SPLIT: of the offer; RESOLVE_DISPUTE: of the dispute; MARK_DELIVERED,
                                  RELEASE, REFUND, REJECT_DELIVERY: of the milestone, 0 when none was named */
    struct hash head;        /* RESOLVE_DISPUTE by an arbiter: of the history that he saw, */
    struct str signature;    /* and his signature; empty: none */
    struct hash content;     /* SUBMIT_EVIDENCE: of its bytes; zeros: none was named */
    enum media evidence;     /* SUBMIT_EVIDENCE: NONE: not one of ours */
    int64_t size_bytes;      /* SUBMIT_EVIDENCE: as it was said */
    struct str currency;     /* PAYMENT_SUCCEEDED: three or four capitals */
    enum escrow_stage stage; /* PAYMENT_FAILED */
    enum escrow_timer timer; /* TIMER_FIRED */
    int64_t generation;      /* TIMER_FIRED: of the timer; >= 1 */
    int64_t fired_at_us;     /* TIMER_FIRED: by oracle's clock; > 0 */
};

/* The most legs that one decision starts. A retry that finds more takes the first; ask again. */
#define ESCROW_LEGS_MAX 8

/* How many of facts.legs, which name other new things too, a message of this kind can use. */
uint32_t escrow_legs_wanted(enum escrow_message_kind kind);

struct escrow_facts {
    int64_t now_us;                                /* the fence's time */
    const struct escrow_suspense *const *suspense; /* all rows of this escrow */
    uint32_t suspense_count;
    const struct escrow_dispute *const *disputes; /* all of this escrow, too */
    uint32_t dispute_count;
    const struct escrow_part *const *parts; /* and of this one */
    uint32_t part_count;
    const struct escrow_milestone *const *milestones; /* and of this one */
    uint32_t milestone_count;
    struct id legs[ESCROW_LEGS_MAX]; /* fresh ids, at least escrow_legs_wanted of them */
};

/* Of them, what is owed to somebody by a row of its own. */
struct escrow_debts escrow_debts_of(const struct escrow_facts *facts);

enum escrow_verdict {
    ESCROW_VERDICT_NONE = 0,
    ESCROW_ACCEPT,  /* the steps happen */
    ESCROW_REJECT,  /* a command is refused for `reason`; nothing changes */
    ESCROW_IGNORE,  /* news that is old, a stale timer: nothing changes, nobody is told */
    ESCROW_PARK,    /* news that cannot be booked (`reason`): a person must look */
    ESCROW_MISSING, /* news of an escrow that is not there (yet) */
    ESCROW_VERDICT_COUNT,
};

#define ESCROW_STEPS_MAX 2
#define ESCROW_TRANSFERS_MAX 5 /* a split: to each of the two, and three of fees */

struct escrow_move {
    enum escrow_account debit;
    enum escrow_account credit;
    struct str currency;
    int64_t amount_minor;
    struct id leg_id;
};

/* One event with its seq, and the ledger's lines that belong to it. */
struct escrow_step {
    enum escrow_event event;
    enum escrow_state from;
    struct escrow after; /* state, seq and sums as of this event */
    uint32_t move_count;
    struct escrow_move moves[ESCROW_TRANSFERS_MAX];
    /* details of the event, where it has them */
    int64_t amount_minor;
    struct str currency;
    struct id leg_id;
    struct str text; /* a reason, or the provider's code */
    bool flagged;    /* FUNDS_SUSPENDED: staff decide, no refund was started */
    /* DISPUTED, DISPUTE_RESOLVED, EVIDENCE_SUBMITTED: of the dispute; PARTIALLY_*: of the part; SPLIT_*: of the offer */
    int64_t number;
    /* PARTIALLY_RELEASED: what the seller gets of the amount; SPLIT_*, DISPUTE_RESOLVED: whose part of the price is how
     * much; SETTLED: what the two got */
    int64_t seller_minor;
    int64_t buyer_minor;
    int64_t seller_gets_minor; /* SPLIT_AGREED, DISPUTE_RESOLVED: what the two get of their parts */
    int64_t buyer_gets_minor;  /* PARTIALLY_REFUNDED, too */
    int64_t milestone;         /* that it is about; 0: the deal */
    struct str signature;      /* DISPUTE_RESOLVED: the arbiter's; empty: by staff */
    struct hash
        content; /* EVIDENCE_SUBMITTED, as the message has it; its description is the text */
    enum media evidence;
    int64_t size_bytes;
};

/* What payments is asked to do: the bodies of PaymentsCommand. */
enum escrow_request_kind {
    ESCROW_REQUEST_NONE = 0,
    ESCROW_REQUEST_CREATE_PAYMENT_INTENT,
    ESCROW_REQUEST_CANCEL_PAYMENT,
    ESCROW_REQUEST_TRANSFER_TO_SELLER,
    ESCROW_REQUEST_REFUND_BUYER,
    ESCROW_REQUEST_KIND_COUNT,
};

struct escrow_request {
    enum escrow_request_kind kind;
    struct id leg_id; /* of facts.legs; none for CANCEL_PAYMENT */
    int64_t amount_minor;
    struct id
        paid_leg_id; /* TRANSFER_TO_SELLER, REFUND_BUYER: the incoming leg whose money it is */
};

/* What oracle is asked to do. */
struct escrow_timer_order {
    enum escrow_timer timer;
    int64_t generation; /* the seq of the event that started the clock */
    int64_t due_at_us;  /* 0: cancel */
};

/* One clock stops, the next one starts. */
#define ESCROW_TIMERS_MAX 2

#define ESCROW_SUSPENSE_NEW UINT32_MAX

/* A suspense row that the decision made or changed. */
struct escrow_suspense_change {
    uint32_t index; /* in facts.suspense, or ESCROW_SUSPENSE_NEW */
    struct escrow_suspense row;
};

#define ESCROW_DISPUTE_NEW UINT32_MAX

/* A dispute that the decision made or changed. */
struct escrow_dispute_change {
    uint32_t index; /* in facts.disputes, or ESCROW_DISPUTE_NEW */
    struct escrow_dispute row;
};

#define ESCROW_PART_NEW UINT32_MAX

/* A part that the decision made or changed. */
struct escrow_part_change {
    uint32_t index; /* in facts.parts, or ESCROW_PART_NEW */
    struct escrow_part row;
};

#define ESCROW_MILESTONE_NEW UINT32_MAX

/* A milestone that the decision made or changed. */
struct escrow_milestone_change {
    uint32_t index; /* in facts.milestones, or ESCROW_MILESTONE_NEW */
    struct escrow_milestone row;
};

struct escrow_decision {
    enum escrow_verdict verdict;
    enum escrow_reason reason;
    struct escrow next; /* the row to save; chain_head is still that of before */
    uint32_t step_count;
    struct escrow_step steps[ESCROW_STEPS_MAX];
    uint32_t request_count;
    struct escrow_request requests[ESCROW_LEGS_MAX];
    uint32_t timer_count;
    struct escrow_timer_order timers[ESCROW_TIMERS_MAX];
    uint32_t suspense_count;
    struct escrow_suspense_change suspense[ESCROW_LEGS_MAX];
    bool has_dispute;
    struct escrow_dispute_change dispute;
    uint32_t part_count;
    struct escrow_part_change parts[ESCROW_LEGS_MAX];
    uint32_t milestone_count;
    struct escrow_milestone_change milestones[ESCROW_MILESTONES_MAX];
};

/* now: NULL when there is no such escrow. Everything in the decision that is text is borrowed. */
struct escrow_decision escrow_decide(const struct escrow *now, const struct escrow_message *message,
                                     const struct escrow_facts *facts);

/* What a decoder guarantees; escrow_decide asserts it. */
bool escrow_message_is_sound(const struct escrow_message *message);

/* What a deal becomes when the clock of this state ends; ESCROW_NONE where none runs. */
enum escrow_state escrow_state_when_over(enum escrow_state state);

bool escrow_message_is_command(enum escrow_message_kind kind);
/* "ReleaseFunds", "PaymentSucceeded", "RefundBuyer": as in proto/. The empty string for none. */
const char *escrow_message_name(enum escrow_message_kind kind);
