#pragma once

#include "escrow/escrow_decide.h"

/*
 * Inside of the decision: what the steps of the table are made of. Used by escrow_decide.c and
 * escrow_do_*.c alone.
 */

/* One decision on its way. */
struct deciding {
    const struct escrow *now; /* NULL: none */
    const struct escrow_message *message;
    const struct escrow_facts *facts;
    const struct escrow_rule *rule;
    uint32_t legs_used;
    struct escrow_decision *out;
};

typedef void escrow_do(struct deciding *d);

/* A cell of the table. */
struct escrow_rule {
    escrow_do *step; /* NULL: an empty cell */
    enum escrow_state next;
    enum escrow_event event;
};

/* Outcomes other than acceptance. */
void deciding_reject(struct deciding *d, enum escrow_reason reason);
void deciding_park(struct deciding *d, enum escrow_reason reason);
void deciding_ignore(struct deciding *d);

/* A step: begun, filled, ended with the state that it leads to. Entering a state stops the clock of
 * the one before and starts its own; new payment instructions start theirs anew. */
struct escrow_step *deciding_begin_step(struct deciding *d, enum escrow_event event);
void deciding_end_step(struct deciding *d, struct escrow_step *step, enum escrow_state next);
/* A line of the ledger in the escrow's currency; moves the escrow's sums with it. The lines that
 * touch PSP_CLEAR are money that comes or goes by the message's leg. */
void deciding_add_move(struct deciding *d, struct escrow_step *step, enum escrow_account debit,
                       enum escrow_account credit, int64_t amount_minor);
/* As deciding_add_move; no line for a fee of nothing. */
void deciding_add_fee(struct deciding *d, struct escrow_step *step, enum escrow_account debit,
                      enum escrow_account credit, int64_t fee_minor);
/* A line in another currency: the escrow's sums do not see it. */
void deciding_add_foreign_move(struct deciding *d, struct escrow_step *step,
                               enum escrow_account debit, enum escrow_account credit);
/* The next of the facts' fresh ids. */
struct id deciding_new_id(struct deciding *d);
/* Asks payments; returns the fresh leg that it will answer by. */
struct id deciding_ask(struct deciding *d, enum escrow_request_kind kind, int64_t amount_minor,
                       struct id paid_leg_id);
/* Takes the payment instructions back: what comes all the same is not expected any more. */
void deciding_cancel_payment(struct deciding *d);
/* What is held of the price, or frozen by a dispute, less the seller's fee on it, becomes the seller's; or it becomes
 * the buyer's again, with the buyer's fee on it where the terms say so; and is sent. Fees that are left are
 * earned. reason: of the event. */
void deciding_release(struct deciding *d, struct str reason);
void deciding_refund(struct deciding *d, struct str reason);
/* What lies in `from` for the seller: amount_minor of the price becomes his, less the seller's fee on it, and the fees on
 * it are earned. Returns what he gets. */
int64_t deciding_give_seller(struct deciding *d, struct escrow_step *step, enum escrow_account from,
                             int64_t amount_minor);
/* It is all that is held, or frozen by a dispute, and nobody is paid nothing of a part that is something. */
bool deciding_divides_all(const struct escrow *now, int64_t seller_minor, int64_t buyer_minor);
/* What is held of the price, or frozen by a dispute, is divided: seller_minor is the seller's and the rest the buyer's, each
 * as above. Both are sent; who gets all of it is released to, or refunded. Begins with the rule's event, which has this
 * number; ends the dispute, if one is open. reason: of a release or refund. */
void deciding_divide(struct deciding *d, int64_t seller_minor, int64_t number, struct str reason);
/* No offer to divide what is held is open any more. */
void deciding_close_offer(struct deciding *d);
/* Ends the step of a debt that was paid. When it was the last one, the deal goes where the rule says; who had a part of
 * it only is told, too, that all is done. */
void deciding_end_debt(struct deciding *d, struct escrow_step *step, bool was_last);
/* The row to write for a suspense row of the facts, as a copy to be changed. */
struct escrow_suspense *deciding_change_suspense(struct deciding *d, uint32_t index);
/* The dispute that is open: the deal is disputed. And the row to write for it, as a copy to be changed. */
const struct escrow_dispute *deciding_open_dispute(const struct deciding *d);
struct escrow_dispute *deciding_change_dispute(struct deciding *d);
/* The row to write for a part of the facts, as a copy to be changed; or for a new one. */
struct escrow_part *deciding_change_part(struct deciding *d, uint32_t index);
void deciding_add_part(struct deciding *d, const struct escrow_part *part);
/* The milestones of the deal as they are after what this decision changed so far; their count is the facts', or the new
 * deal's. */
void deciding_milestones(const struct deciding *d,
                         const struct escrow_milestone *milestones[ESCROW_MILESTONES_MAX],
                         uint32_t *ret_count);
/* The row to write for a milestone of the facts: a copy to be changed, once. */
struct escrow_milestone *deciding_change_milestone(struct deciding *d, uint32_t index);
/* All that have not ended yet end so. */
void deciding_end_milestones(struct deciding *d, enum escrow_milestone_state state);
/* A part of what is held goes to the seller, by a transfer of its own, and the rest stays. milestone: that it is, or 0. */
void deciding_release_part(struct deciding *d, int64_t amount_minor, int64_t milestone,
                           struct str reason, enum escrow_state next);
/* The same to the buyer, with the buyer's fee on it where the terms say so, by a refund of its own. */
void deciding_refund_part(struct deciding *d, int64_t amount_minor, int64_t milestone,
                          struct str reason, enum escrow_state next);
/* No price has come yet, and it may still come. */
bool deciding_is_unpaid(const struct escrow *now);

/* The steps: of commands (escrow_do_commands.c), */
escrow_do escrow_do_create, escrow_do_plain, escrow_do_cancel;
escrow_do escrow_do_retry, escrow_do_has_funds;
/* of rejections and disputes (escrow_do_disputes.c), */
escrow_do escrow_do_accept_return;
escrow_do escrow_do_raise_dispute, escrow_do_disputed_already, escrow_do_withdraw_dispute;
escrow_do escrow_do_concede_release, escrow_do_concede_refund, escrow_do_refund_unresolved;
escrow_do escrow_do_resolve_dispute;
/* of parts and what they come to (escrow_do_parts.c), */
escrow_do escrow_do_release_part, escrow_do_transfer_succeeded, escrow_do_transfer_failed;
/* of milestones, and of what is delivered at once (escrow_do_milestones.c), */
escrow_do escrow_do_deliver, escrow_do_deliver_next, escrow_do_release,
    escrow_do_release_undelivered;
escrow_do escrow_do_refund;
escrow_do escrow_do_reject, escrow_do_release_inspected, escrow_do_refund_unanswered;
/* of offers to divide what is held (escrow_do_splits.c), */
escrow_do escrow_do_propose_split, escrow_do_accept_split, escrow_do_withdraw_split;
/* of evidence (escrow_do_evidence.c), */
escrow_do escrow_do_submit_evidence;
/* of timers (escrow_do_timers.c); that the timer is the one that runs is decided already, */
escrow_do escrow_do_expire, escrow_do_refund_undelivered;
/* and of what payments reports (escrow_do_payments.c). */
escrow_do escrow_do_old_news, escrow_do_intent_created, escrow_do_payment_failed;
escrow_do escrow_do_funds, escrow_do_unexpected_funds;
escrow_do escrow_do_refund_succeeded, escrow_do_refund_failed;
