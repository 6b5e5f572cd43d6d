#pragma once

#include "base/sign.h"
#include "escrow/escrow_decide.h"

/* Sound escrows in every state, and messages about them: for the tests and for the printed table. */

#define FIXTURE_PRICE_MINOR 10000
/* With these the buyer pays 10,280 for 10,000 and the seller gets 9,480. */
#define FIXTURE_FEES(refundable) \
    ((struct fee_terms){.buyer = {250, 30}, .seller = {500, 20}, .buyer_refundable = (refundable)})
#define FIXTURE_BUYER_FEE_MINOR 280
#define FIXTURE_SELLER_FEE_MINOR 520
#define FIXTURE_ASKED_MINOR (FIXTURE_PRICE_MINOR + FIXTURE_BUYER_FEE_MINOR)
#define FIXTURE_NET_MINOR (FIXTURE_PRICE_MINOR - FIXTURE_SELLER_FEE_MINOR)

#define FIXTURE_NOW_US INT64_C(1700000000000000)

#define FIXTURE_DEADLINE_SEQ 4 /* where a clock runs; it ends now */

/* Ids that a reader recognises: all bytes are `byte`. */
struct id fixture_id(uint8_t byte);

#define FIXTURE_ESCROW fixture_id(0xe0)
#define FIXTURE_MARKETPLACE fixture_id(0xa0)
#define FIXTURE_BUYER fixture_id(0xb0)
#define FIXTURE_SELLER fixture_id(0xc0)
#define FIXTURE_STAFF fixture_id(0xd0)
#define FIXTURE_STRANGER fixture_id(0xf0)
#define FIXTURE_ARBITER fixture_id(0xd1)
#define FIXTURE_CONTENT ((struct hash){.bytes = {0xee, 1}})
#define FIXTURE_EVIDENCE_BYTES 1000
#define FIXTURE_PAID_LEG fixture_id(0x11)
#define FIXTURE_PAYOUT_LEG fixture_id(0x12)
#define FIXTURE_REFUND_LEG fixture_id(0x13)
#define FIXTURE_OTHER_LEG fixture_id(0x14)
#define FIXTURE_EXTRA_LEG fixture_id(0x15)        /* brought the money in suspense */
#define FIXTURE_EXTRA_REFUND_LEG fixture_id(0x16) /* takes it back; none for FLAGGED */

#define FIXTURE_DISPUTE fixture_id(0x17)

#define FIXTURE_PART fixture_id(0x18)
#define FIXTURE_PART_LEG fixture_id(0x19)
/* With FIXTURE_FEES the seller gets 3,792 of it, and the platform 208 of him and 112 of the buyer. */
#define FIXTURE_PART_MINOR 4000
#define FIXTURE_PART_NET_MINOR 3792
#define FIXTURE_PART_BUYER_FEE_MINOR 112
/* Given back, the buyer gets 4,112 of it where the terms give his fee back. */
#define FIXTURE_RETURN_MINOR 4112
/* Then the seller gets 5,688 of the other 6,000, or the buyer 6,168. */
#define FIXTURE_AFTER_RETURN_NET_MINOR 5688
#define FIXTURE_AFTER_RETURN_BACK_MINOR 6168

/* What the seller is to have of what is held. With FIXTURE_FEES he gets 2,844 of it. */
#define FIXTURE_SPLIT_MINOR 3000
#define FIXTURE_SPLIT_NET_MINOR 2844

/* The first is FIXTURE_PART_MINOR of the price: where some are released, it is that one. */
#define FIXTURE_MILESTONES 3
#define FIXTURE_SECOND_MINOR 3500
#define FIXTURE_THIRD_MINOR 2500

struct fixture {
    struct escrow escrow;
    struct escrow_suspense suspense;
    struct escrow_dispute
        dispute; /* where one is open: the first, raised by the buyer in DELIVERED */
    const struct escrow_dispute *disputes[1];
    struct escrow_part part;
    const struct escrow_part *parts[1];
    struct escrow_milestone milestone[FIXTURE_MILESTONES];
    const struct escrow_milestone *milestones[FIXTURE_MILESTONES];
    const struct escrow_suspense *rows[1];
    struct sign_secret arbiter_secret;
    struct sign_public arbiter_key;
    struct signature signature;
    struct escrow_facts facts; /* no suspense rows, no parts; fresh legs are 0x21, 0x22, … */
};

/* In `state`, nothing failed, nothing in suspense. Not for ESCROW_NONE. */
void fixture_init(struct fixture *fixture, enum escrow_state state);
/* The same with fees. */
void fixture_init_with(struct fixture *fixture, enum escrow_state state,
                       const struct fee_terms *fees);
/* As if 4,000 of the price had been released before: the rest is where all of it was. PAID alone for deals that have
 * ended. Before anything is added to suspense. */
void fixture_add_part(struct fixture *fixture, enum escrow_part_state state);
/* As if it had been agreed to in three milestones: where the deal is DELIVERED or disputed the first one was, and where that
 * was rejected it was that one. In PARTIALLY_SETTLED they are there already, and the first is released and paid out. */
void fixture_add_milestones(struct fixture *fixture);
/* As if the first of them had been given back to the buyer before; PAID, FAILED or SENDING is its refund. What is left is
 * where all was: PARTIALLY_SETTLED, DELIVERED (the second is), disputed, released or refunded. With FIXTURE_FEES, the
 * buyer's fee refundable. */
void fixture_init_returned(struct fixture *fixture, enum escrow_state state,
                           enum escrow_part_state part);
/* An offer to divide what is held, FIXTURE_SPLIT_MINOR for the seller, is open. */
void fixture_add_offer(struct fixture *fixture, struct id proposer_id);
/* Adds a leg of 250 minor units in suspense, in this state. */
void fixture_add_suspense(struct fixture *fixture, enum escrow_suspense_state state);

/* FIXTURE_ARBITER is the deal's, with a key of the fixture's own. Anything that is signed comes after it. */
void fixture_add_arbiter(struct fixture *fixture);
/* The arbiter's verdict on the fixture's deal: FIXTURE_SPLIT_MINOR for the seller, the rest for the buyer; signed by
 * fixture_sign, which a test calls again after it changed anything that counts. */
struct escrow_message fixture_verdict(struct fixture *fixture);
/* With the fixture's key, over the deal as it is: head and signature of the message. */
void fixture_sign(struct fixture *fixture, struct escrow_message *message);

/* A message of `kind` by staff (commands), about the leg that is asked about (news), or of the FUNDING
 * timer (TIMER_FIRED), in full. */
struct escrow_message fixture_message(enum escrow_message_kind kind);

#define FIXTURE_SUSPENSE_MINOR 250
