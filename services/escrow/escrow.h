#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fee.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/media.h"
#include "base/money.h"
#include "base/str.h"
#include "escrow/escrow_ledger.h"

/*
 * What escrow remembers: one struct for each of its tables. The numbers of the enums are those of
 * proto/holdfast/escrow/v1 and of the CHECKs in migrations/escrow; tests/contract compares them.
 */

enum escrow_state {
    ESCROW_NONE = 0, /* no such escrow */
    ESCROW_CREATED,
    ESCROW_AWAIT_FUNDS,
    ESCROW_FUNDS_HELD,
    ESCROW_DELIVERED,
    ESCROW_RELEASING,
    ESCROW_RELEASED, /* final */
    ESCROW_REFUNDING,
    ESCROW_REFUNDED,  /* final, unless the buyer's bank sends the money back */
    ESCROW_CANCELLED, /* final */
    ESCROW_EXPIRED,   /* final: not paid in time */
    ESCROW_DELIVERY_REJECTED,
    ESCROW_DISPUTED,
    ESCROW_ESCALATED,         /* disputed, and not settled in time */
    ESCROW_SETTLING,          /* divided: a payout and a refund are under way */
    ESCROW_SETTLED_SPLIT,     /* final, as REFUNDED is */
    ESCROW_PARTIALLY_SETTLED, /* some milestones have ended, the others wait to be delivered */
    ESCROW_STATE_COUNT,
};

/* What happened: the bodies of EscrowEvent, in the order of their field numbers. */
enum escrow_event {
    ESCROW_EVENT_NONE = 0,
    ESCROW_EVENT_CREATED,
    ESCROW_EVENT_AWAIT_FUNDS,
    ESCROW_EVENT_FUNDS_RECEIVED,
    ESCROW_EVENT_FUNDS_HELD,
    ESCROW_EVENT_DELIVERED,
    ESCROW_EVENT_RELEASE_STARTED,
    ESCROW_EVENT_RELEASED,
    ESCROW_EVENT_PAYOUT_FAILED,
    ESCROW_EVENT_CANCELLED,
    ESCROW_EVENT_REFUND_STARTED,
    ESCROW_EVENT_REFUNDED,
    ESCROW_EVENT_REFUND_FAILED,
    ESCROW_EVENT_PAYMENT_FAILED,
    ESCROW_EVENT_FUNDS_SUSPENDED,
    ESCROW_EVENT_SUSPENSE_REFUNDED,
    ESCROW_EVENT_PAYOUT_RETRIED,
    ESCROW_EVENT_EXPIRED,
    ESCROW_EVENT_REJECTED,
    ESCROW_EVENT_RETURN_ACCEPTED,
    ESCROW_EVENT_DISPUTED,
    ESCROW_EVENT_DISPUTE_WITHDRAWN,
    ESCROW_EVENT_DISPUTE_ESCALATED,
    ESCROW_EVENT_PARTIALLY_RELEASED,
    ESCROW_EVENT_PART_PAID,
    ESCROW_EVENT_SPLIT_PROPOSED,
    ESCROW_EVENT_SPLIT_AGREED,
    ESCROW_EVENT_SETTLED,
    ESCROW_EVENT_DISPUTE_RESOLVED,
    ESCROW_EVENT_PARTIALLY_REFUNDED,
    ESCROW_EVENT_PART_REFUNDED,
    ESCROW_EVENT_EVIDENCE_SUBMITTED,
    ESCROW_EVENT_SPLIT_WITHDRAWN,
    ESCROW_EVENT_COUNT,
};

/* The same for all deals: the first three clocks of a deal are its own terms. */
#define ESCROW_ANSWER_SECONDS 259200      /* 72 hours */
#define ESCROW_DISPUTE_SECONDS 1209600    /* 14 days */
#define ESCROW_ESCALATION_SECONDS 2592000 /* 30 days: a provider does not hold money for ever */
#define ESCROW_ARBITER_SECONDS 432000     /* 5 days of these: then staff may decide, too */
#define ESCROW_EVIDENCE_SECONDS 259200    /* 72 hours of these, for each side to show what it has */
#define ESCROW_EVIDENCE_REPLY_SECONDS 86400 /* 1 day to answer what the other side showed late */

_Static_assert(ESCROW_EVIDENCE_SECONDS + ESCROW_EVIDENCE_REPLY_SECONDS < ESCROW_ARBITER_SECONDS,
               "an arbiter has time for a docket that is closed");

/* The clocks of a deal. One runs at a time: which one is a function of the state. */
enum escrow_timer {
    ESCROW_TIMER_NONE = 0,
    ESCROW_TIMER_FUNDING,    /* the buyer's time to pay */
    ESCROW_TIMER_DELIVERY,   /* the seller's time to deliver */
    ESCROW_TIMER_INSPECTION, /* the buyer's time to object */
    ESCROW_TIMER_ANSWER,     /* the seller's time to answer a rejection */
    ESCROW_TIMER_DISPUTE,    /* the time to settle a dispute */
    ESCROW_TIMER_ESCALATION, /* the arbiter's time, and staff's, to settle one that was not */
    ESCROW_TIMER_COUNT,
};

/*
 * The aggregate. All sums are minor units of `currency`:
 * received = in + held + disputed + suspense + due_seller + due_buyer + paid_out + refunded + fee_deferred + fee.
 * Once the price has come: price = held + disputed + released + returned + what was given back of the rest. What the seller
 * is paid, what was earned, what a refund gives back, follow from `released`, `returned` and the terms.
 */
struct escrow {
    struct id id;
    int64_t version; /* raised by every decision that changes the row */
    int64_t seq;     /* of its last event */
    enum escrow_state state;
    enum currency currency;
    int64_t price_minor;
    int64_t received_minor;
    int64_t in_minor; /* between two steps of one decision only; no column: zero at rest */
    int64_t held_minor;
    int64_t disputed_minor;
    int64_t suspense_minor;
    int64_t due_seller_minor;
    int64_t due_buyer_minor;
    int64_t paid_out_minor;
    int64_t refunded_minor;
    int64_t fee_deferred_minor; /* the buyer's fee, while the price is held */
    int64_t fee_minor;          /* earned */
    int64_t released_minor;     /* of the price: the seller's, before the seller's fee */
    int64_t
        returned_minor; /* of the price: given back while the rest stayed held, without the buyer's fee */
    int64_t payout_failed_minor; /* of due_seller: their legs failed */
    int64_t refund_failed_minor; /* of due_buyer: their legs failed */
    bool payment_setup_failed;   /* the buyer has nothing that could be paid */
    bool foreign_money;          /* some suspense is in another currency: staff decide */
    struct id marketplace_id;
    struct id buyer_id;
    struct id seller_id;
    struct id arbiter_id;      /* decides a dispute that was not settled; none: staff */
    struct str arbiter_key;    /* SIGN_PUBLIC_BYTES of Ed25519; empty: there is no arbiter */
    struct str seller_account; /* the provider's name of the seller's account */
    int64_t funding_seconds;
    int64_t delivery_seconds;
    int64_t inspection_seconds;
    struct fee_terms fees;
    int64_t buyer_fee_minor; /* what the terms come to, with this price */
    int64_t seller_fee_minor;
    struct str description;
    int64_t milestone_count;     /* 0: the price is one */
    struct hash milestones_hash; /* of what they are: escrow_chain.h; zeros for none */
    struct id paid_leg_id;       /* the incoming leg: asked for, later the one that paid */
    struct id payout_leg_id; /* the last transfer of what no part is of; none before RELEASING */
    struct id
        refund_leg_id;   /* the last refund of what was left of the price; none before REFUNDING */
    int64_t split_count; /* offers to divide what is held, so far */
    struct id split_by;  /* of the two, whose offer is open; none: none is */
    int64_t split_seller_minor; /* of what is held; the rest is the buyer's; 0: no offer is open */
    int64_t deadline_seq;   /* the event that started the clock: its timer's generation; 0: none */
    int64_t deadline_at_us; /* when the clock of this state ends; 0: none runs */
    struct hash chain_head;
    int64_t created_at_us;
    int64_t updated_at_us;
};

enum escrow_suspense_state {
    ESCROW_SUSPENSE_NONE = 0,
    ESCROW_SUSPENSE_FLAGGED,       /* another currency: stays in SUSPENSE, staff decide */
    ESCROW_SUSPENSE_REFUNDING,     /* in DUE_BUYER, a refund is under way */
    ESCROW_SUSPENSE_REFUND_FAILED, /* in DUE_BUYER, its refund failed */
    ESCROW_SUSPENSE_REFUNDED,
    ESCROW_SUSPENSE_STATE_COUNT,
};

/* Money that a deal did not expect: one incoming leg. It can only go back to where it came from,
 * so each remembers its own leg. */
struct escrow_suspense {
    struct id leg_id; /* the incoming leg */
    struct id escrow_id;
    int64_t version;
    enum escrow_suspense_state state;
    struct str currency; /* ISO 4217, as the provider said it */
    int64_t amount_minor;
    struct id refund_leg_id; /* its last refund; none when flagged */
    int64_t created_at_us;
    int64_t updated_at_us;
};

enum escrow_dispute_state {
    ESCROW_DISPUTE_NONE = 0,
    ESCROW_DISPUTE_OPEN,
    ESCROW_DISPUTE_WITHDRAWN,
    ESCROW_DISPUTE_SETTLED,
    ESCROW_DISPUTE_STATE_COUNT,
};

#define ESCROW_DISPUTES_MAX 3 /* of one deal: each of them stops its clock */

#define ESCROW_SPLITS_MAX 50 /* offers of one deal: each is an event that both hear of */

/* The two who may lay something before whoever decides a dispute. */
enum escrow_party {
    ESCROW_PARTY_BUYER = 0,
    ESCROW_PARTY_SELLER,
    ESCROW_PARTY_COUNT,
};

/* What one of them has laid before in one dispute. */
struct escrow_docket {
    int64_t items;
    int64_t bytes;
    int64_t last_at_us; /* 0: nothing yet */
};

/* Buyer and seller do not agree about the held sum. */
struct escrow_dispute {
    struct id id;
    struct id escrow_id;
    int64_t version;
    enum escrow_dispute_state state;
    int64_t number; /* 1, 2, 3 of its escrow */
    struct id raiser_id;
    enum escrow_state before; /* where a withdrawal leads back to */
    int64_t amount_minor;
    int64_t seller_minor; /* SETTLED: who got what of the amount */
    int64_t buyer_minor;
    struct escrow_docket docket[ESCROW_PARTY_COUNT];
    int64_t created_at_us;
    int64_t updated_at_us;
};

/* What the transition of a verdict says beside its transfers. */
struct escrow_dispute_verdict {
    struct id escrow_id;
    int64_t seq;     /* of the transition */
    int64_t dispute; /* its number */
    int64_t seller_minor;
    int64_t buyer_minor;
    struct str reason;
    struct str
        signature; /* SIGN_BYTES of the arbiter's over base/verdict.h's text; empty: by staff */
};

#define ESCROW_EVIDENCE_MAX_BYTES 4194304 /* 4 MiB: a photo, some pages */
#define ESCROW_EVIDENCE_ITEMS_MAX 10      /* of one side in one dispute: somebody reads them all */
#define ESCROW_EVIDENCE_SUM_MAX_BYTES 16777216 /* and together 16 MiB */
#define ESCROW_EVIDENCE_TEXT_MAX_BYTES 500     /* of its description */

/* What the transition of a piece of evidence says; its bytes are in the object store. */
struct escrow_evidence {
    struct id escrow_id;
    int64_t seq;     /* of the transition */
    int64_t dispute; /* its number */
    struct hash content;
    enum media type;
    int64_t size_bytes;
    struct str description;
};

enum escrow_part_state {
    ESCROW_PART_NONE = 0,
    ESCROW_PART_SENDING,
    ESCROW_PART_FAILED, /* in DUE_SELLER or DUE_BUYER, its transfer or refund failed */
    ESCROW_PART_PAID,
    ESCROW_PART_STATE_COUNT,
};

#define ESCROW_PARTS_MAX \
    20 /* of one deal: each of them is a transfer, which costs the platform something */

/* A part of the price that was released, or given back, while the rest stays held. What goes at the end is none. */
struct escrow_part {
    struct id id; /* its first transfer, or refund */
    struct id escrow_id;
    int64_t version;
    enum escrow_part_state state;
    int64_t number;      /* 1, 2, 3 of its escrow */
    bool to_buyer;       /* given back; else released to the seller */
    int64_t price_minor; /* of the price */
    int64_t
        amount_minor; /* what the seller gets of it, or the buyer, with his fee on it where the terms say so */
    struct id leg_id; /* its last transfer, or refund */
    int64_t created_at_us;
    int64_t updated_at_us;
};

enum escrow_milestone_state {
    ESCROW_MILESTONE_NONE = 0,
    ESCROW_MILESTONE_OPEN,      /* waits to be delivered */
    ESCROW_MILESTONE_DELIVERED, /* its inspection clock runs */
    ESCROW_MILESTONE_RELEASED,
    ESCROW_MILESTONE_REFUNDED, /* given back, by itself or with the rest of the price */
    ESCROW_MILESTONE_DIVIDED,  /* ended by an agreement about the rest of the price */
    ESCROW_MILESTONE_REJECTED, /* delivered, and not taken: the seller's time to answer runs */
    ESCROW_MILESTONE_STATE_COUNT,
};

#define ESCROW_MILESTONES_MIN 2 /* a price that is one needs none */
#define ESCROW_MILESTONES_MAX 20
#define ESCROW_TITLE_MAX_BYTES 160

/* All but the last that ends are parts. */
_Static_assert(ESCROW_MILESTONES_MAX <= ESCROW_PARTS_MAX + 1, "each milestone is paid by itself");

/* What the price is for, piece by piece: agreed to when the deal is made, delivered and released one by one. */
struct escrow_milestone {
    struct id escrow_id;
    int64_t number; /* 1, 2, 3 of its escrow */
    int64_t version;
    enum escrow_milestone_state state;
    struct str title;
    int64_t price_minor; /* together the price */
    int64_t
        deadline_at_us; /* DELIVERED: when its inspection ends; REJECTED: the time to answer; stands still in a dispute. Else 0 */
    int64_t created_at_us;
    int64_t updated_at_us;
};

/* One event with a seq. */
struct escrow_transition {
    struct id id; /* also the event's message id */
    struct id escrow_id;
    int64_t seq;
    enum escrow_event event;
    enum escrow_state from_state;
    enum escrow_state to_state;
    struct id cause_id;
    int actor_kind; /* enum engine_actor_kind */
    struct id actor_id;
    int transfer_count;
    int milestone; /* that it is about; 0: the deal */
    int64_t at_us;
    struct hash prev_hash;
    struct hash hash; /* escrow_chain.h */
};

/* One line of the ledger. */
struct escrow_transfer {
    struct id escrow_id;
    int64_t seq;
    int ordinal; /* within its transition, from 0 */
    enum escrow_account debit;
    enum escrow_account credit;
    struct str currency;
    int64_t amount_minor;
    struct id leg_id; /* the provider operation that it stands for; none: none */
};

/* Short names: "AWAIT_FUNDS", "FUNDS_HELD". The empty string for none. */
const char *escrow_state_name(enum escrow_state state);
const char *escrow_event_name(enum escrow_event event);
/* "FUNDING". The empty string for none. */
const char *escrow_timer_name(enum escrow_timer timer);
/* The clock that runs in a state. */
enum escrow_timer escrow_timer_of(enum escrow_state state);
/* How long a clock of this deal runs, by its terms. Not for ESCROW_TIMER_NONE. */
int64_t escrow_period_us(const struct escrow *escrow, enum escrow_timer timer);
/* What is held of the price, or frozen by a dispute. */
int64_t escrow_kept_minor(const struct escrow *escrow);
/* What the buyer is asked for. */
int64_t escrow_asked_minor(const struct escrow *escrow);
/* What a refund of all that is left gives back: what was not released or returned of the price, and the buyer's fee on it
 * where the terms say so. */
int64_t escrow_refund_minor(const struct escrow *escrow);
/* What the buyer gets of the first part_minor of the price that goes back. */
int64_t escrow_back_of(const struct escrow *escrow, int64_t part_minor);
/* What all that went back of the price comes to, once nothing of it is kept any more. */
int64_t escrow_back_minor(const struct escrow *escrow);
/* What of the fees falls on the first part_minor of the price. */
int64_t escrow_buyer_fee_of(const struct escrow *escrow, int64_t part_minor);
int64_t escrow_seller_fee_of(const struct escrow *escrow, int64_t part_minor);
/* What the seller gets of the next amount_minor of the price. */
int64_t escrow_net_of_next(const struct escrow *escrow, int64_t amount_minor);
/* For tests: no command leads out of it. */
bool escrow_state_is_final(enum escrow_state state);

/* Every invariant that one row, and a row with all of its suspense rows, must keep at rest:
 * checked after a load and before a save. The database's CHECKs say the same of the row. */
bool escrow_is_sound(const struct escrow *escrow);
bool escrow_suspense_is_sound(const struct escrow_suspense *suspense);

/* All that is owed to somebody by a row of its own. */
struct escrow_debts {
    const struct escrow_suspense *const *suspense;
    uint32_t suspense_count;
    const struct escrow_part *const *parts;
    uint32_t part_count;
};

/* What due_buyer, and refund_failed, hold beyond these: the refund of what was left of the price is owed, or failed and
 * was not retried. */
int64_t escrow_rest_refund_due_minor(const struct escrow *escrow, const struct escrow_debts *debts);
int64_t escrow_rest_refund_failed_minor(const struct escrow *escrow,
                                        const struct escrow_debts *debts);
/* A dispute is open exactly while the deal is disputed, and it is about what is frozen. */
bool escrow_disputes_are_sound(const struct escrow *escrow,
                               const struct escrow_dispute *const *disputes,
                               uint32_t dispute_count);
bool escrow_state_is_disputed(enum escrow_state state);
bool escrow_case_is_sound(const struct escrow *escrow, const struct escrow_debts *debts);

/* ---- Dockets (escrow_docket.c): of deals that are disputed ---- */

/* From when on staff may decide the dispute: when it is escalated, or when its arbiter was silent for too long. */
int64_t escrow_staff_decides_at_us(const struct escrow *escrow);
/* Until when this side may submit evidence in the dispute that is open. */
int64_t escrow_evidence_until_us(const struct escrow *escrow, const struct escrow_dispute *dispute,
                                 enum escrow_party party);
/* It is one of a type that is taken, and within the bounds. */
bool escrow_evidence_is_sound(const struct escrow_evidence *evidence);
/* Within the bounds, and nothing of nobody. */
bool escrow_docket_is_sound(const struct escrow_docket *docket);

/* ---- Parts (escrow_parts.c) ---- */

/* "SENDING". The empty string for none. */
const char *escrow_part_state_name(enum escrow_part_state state);

/* What the buyer is owed of the parts that go back; its *ret_failed_minor of it failed. False: they do not fit. */
bool escrow_parts_back(const struct escrow_part *const *parts, uint32_t part_count,
                       int64_t *ret_due_minor, int64_t *ret_failed_minor);

/* What the seller is owed beyond the parts, and what of that failed and was not retried. */
int64_t escrow_rest_due_minor(const struct escrow *escrow, const struct escrow_part *const *parts,
                              uint32_t part_count);
int64_t escrow_rest_failed_minor(const struct escrow *escrow,
                                 const struct escrow_part *const *parts, uint32_t part_count);
/* What was released is what the parts to the seller are of, and the rest once the deal was released; what was returned,
 * what those to the buyer are of. */
bool escrow_parts_are_sound(const struct escrow *escrow, const struct escrow_part *const *parts,
                            uint32_t part_count);

/* ---- Milestones (escrow_milestones.c) ---- */

/* "OPEN". The empty string for none. */
const char *escrow_milestone_state_name(enum escrow_milestone_state state);
/* It may still be delivered, or released. */
bool escrow_milestone_is_alive(const struct escrow_milestone *milestone);
/* The one of this number; milestone_count when there is none. */
uint32_t escrow_milestone_at(const struct escrow_milestone *const *milestones,
                             uint32_t milestone_count, int64_t number);
/* The clock of its own that runs: of its inspection, or of the seller's answer. */
enum escrow_timer escrow_milestone_timer(const struct escrow_milestone *milestone);
/* Of those with a clock of their own, the one whose ends first, the first of these; milestone_count when none runs. */
uint32_t escrow_milestone_soonest(const struct escrow_milestone *const *milestones,
                                  uint32_t milestone_count);
/* Where a deal that holds the rest of its price is, by its milestones: FUNDS_HELD, DELIVERED, DELIVERY_REJECTED,
 * PARTIALLY_SETTLED. */
enum escrow_state escrow_state_by_milestones(const struct escrow_milestone *const *milestones,
                                             uint32_t milestone_count);
/* What the deal becomes when the first of these clocks ends: that milestone is released, or refunded. */
enum escrow_state escrow_state_when_soonest_over(const struct escrow_milestone *const *milestones,
                                                 uint32_t milestone_count);
/* They come to the price, and their states are those that the deal's state and sums ask for. */
bool escrow_milestones_are_sound(const struct escrow *escrow,
                                 const struct escrow_milestone *const *milestones,
                                 uint32_t milestone_count);
