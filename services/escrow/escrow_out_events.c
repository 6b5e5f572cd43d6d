/* In: steps of decisions. Out: records of escrow.events.v1. */
#include "escrow/escrow_out_events.h"

#include "base/assert.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "wire/wire.h"

/* Their states are our numbers; tests/contract compares the names too. */
_Static_assert((int)ESCROW_CREATED == (int)HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_CREATED,
               "first state");
_Static_assert((int)ESCROW_PARTIALLY_SETTLED ==
                   (int)HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_PARTIALLY_SETTLED,
               "last state");
_Static_assert(ESCROW_PARTIALLY_SETTLED + 1 == ESCROW_STATE_COUNT, "last state");
_Static_assert((int)ESCROW_MILESTONE_REJECTED ==
                   (int)HOLDFAST__ESCROW__V1__MILESTONE_STATE__MILESTONE_STATE_REJECTED,
               "last state of a milestone");
_Static_assert(ESCROW_MILESTONE_REJECTED + 1 == ESCROW_MILESTONE_STATE_COUNT,
               "last state of a milestone");

#define FIRST_BODY ((int)HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_CREATED)

/* Our events are the bodies' field numbers, counted from 1. */
#define BODY(event, name)                                                     \
    _Static_assert((int)HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_##name ==    \
                       FIRST_BODY + (int)(event) - (int)ESCROW_EVENT_CREATED, \
                   "escrow event")
BODY(ESCROW_EVENT_CREATED, ESCROW_CREATED);
BODY(ESCROW_EVENT_AWAIT_FUNDS, ESCROW_AWAIT_FUNDS);
BODY(ESCROW_EVENT_FUNDS_RECEIVED, ESCROW_FUNDS_RECEIVED);
BODY(ESCROW_EVENT_FUNDS_HELD, ESCROW_FUNDS_HELD);
BODY(ESCROW_EVENT_DELIVERED, ESCROW_DELIVERED);
BODY(ESCROW_EVENT_RELEASE_STARTED, ESCROW_RELEASE_STARTED);
BODY(ESCROW_EVENT_RELEASED, ESCROW_RELEASED);
BODY(ESCROW_EVENT_PAYOUT_FAILED, ESCROW_PAYOUT_FAILED);
BODY(ESCROW_EVENT_CANCELLED, ESCROW_CANCELLED);
BODY(ESCROW_EVENT_REFUND_STARTED, ESCROW_REFUND_STARTED);
BODY(ESCROW_EVENT_REFUNDED, ESCROW_REFUNDED);
BODY(ESCROW_EVENT_REFUND_FAILED, ESCROW_REFUND_FAILED);
BODY(ESCROW_EVENT_PAYMENT_FAILED, ESCROW_PAYMENT_FAILED);
BODY(ESCROW_EVENT_FUNDS_SUSPENDED, ESCROW_FUNDS_SUSPENDED);
BODY(ESCROW_EVENT_SUSPENSE_REFUNDED, ESCROW_SUSPENSE_REFUNDED);
BODY(ESCROW_EVENT_PAYOUT_RETRIED, ESCROW_PAYOUT_RETRIED);
BODY(ESCROW_EVENT_EXPIRED, ESCROW_EXPIRED);
BODY(ESCROW_EVENT_REJECTED, ESCROW_REJECTED);
BODY(ESCROW_EVENT_RETURN_ACCEPTED, ESCROW_RETURN_ACCEPTED);
BODY(ESCROW_EVENT_DISPUTED, ESCROW_DISPUTED);
BODY(ESCROW_EVENT_DISPUTE_WITHDRAWN, ESCROW_DISPUTE_WITHDRAWN);
BODY(ESCROW_EVENT_DISPUTE_ESCALATED, ESCROW_DISPUTE_ESCALATED);
BODY(ESCROW_EVENT_PARTIALLY_RELEASED, ESCROW_PARTIALLY_RELEASED);
BODY(ESCROW_EVENT_PART_PAID, ESCROW_PART_PAID);
BODY(ESCROW_EVENT_SPLIT_PROPOSED, ESCROW_SPLIT_PROPOSED);
BODY(ESCROW_EVENT_SPLIT_AGREED, ESCROW_SPLIT_AGREED);
BODY(ESCROW_EVENT_SETTLED, ESCROW_SETTLED);
BODY(ESCROW_EVENT_DISPUTE_RESOLVED, ESCROW_DISPUTE_RESOLVED);
BODY(ESCROW_EVENT_PARTIALLY_REFUNDED, ESCROW_PARTIALLY_REFUNDED);
BODY(ESCROW_EVENT_PART_REFUNDED, ESCROW_PART_REFUNDED);
BODY(ESCROW_EVENT_EVIDENCE_SUBMITTED, ESCROW_EVIDENCE_SUBMITTED);
BODY(ESCROW_EVENT_SPLIT_WITHDRAWN, ESCROW_SPLIT_WITHDRAWN);
_Static_assert(ESCROW_EVENT_COUNT == 33, "a new event needs its line above and its case below");

/* A body in the arena, initialised; `field` of the event points to it. */
#define NEW_BODY(op, event, type, init, field)    \
    type *body = arena_new((op)->arena, type, 1); \
    if (!body) {                                  \
        return op_arena_full(op);                 \
    }                                             \
    init(body);                                   \
    (event)->field = body;                        \
    *ret_body = &body->base

/* clang-format off */

#define DEFINE_EMPTY(name, type, init, field)                                                    \
    static struct status fill_##name(struct op *op, const struct escrow_step *step,              \
                                     Holdfast__Escrow__V1__EscrowEvent *event,                   \
                                     const ProtobufCMessage **ret_body)                          \
    {                                                                                            \
        (void)step; /* the event says it all */                                                  \
        NEW_BODY(op, event, type, init, field);                                                  \
        return OK;                                                                               \
    }

#define DEFINE_AMOUNT(name, type, init, field)                                                   \
    static struct status fill_##name(struct op *op, const struct escrow_step *step,              \
                                     Holdfast__Escrow__V1__EscrowEvent *event,                   \
                                     const ProtobufCMessage **ret_body)                          \
    {                                                                                            \
        NEW_BODY(op, event, type, init, field);                                                  \
        return wire_fill_money(op, step->after.currency, step->amount_minor, &body->amount);     \
    }

#define DEFINE_TEXT(name, type, init, field, text_field)                                         \
    static struct status fill_##name(struct op *op, const struct escrow_step *step,              \
                                     Holdfast__Escrow__V1__EscrowEvent *event,                   \
                                     const ProtobufCMessage **ret_body)                          \
    {                                                                                            \
        NEW_BODY(op, event, type, init, field);                                                  \
        return wire_fill_text(op, step->text, &body->text_field);                                \
    }

DEFINE_EMPTY(await_funds, Holdfast__Escrow__V1__EscrowAwaitFunds,
             holdfast__escrow__v1__escrow_await_funds__init, escrow_await_funds)
DEFINE_EMPTY(payout_retried, Holdfast__Escrow__V1__EscrowPayoutRetried,
             holdfast__escrow__v1__escrow_payout_retried__init, escrow_payout_retried)
DEFINE_EMPTY(expired, Holdfast__Escrow__V1__EscrowExpired,
             holdfast__escrow__v1__escrow_expired__init, escrow_expired)
DEFINE_EMPTY(return_accepted, Holdfast__Escrow__V1__EscrowReturnAccepted,
             holdfast__escrow__v1__escrow_return_accepted__init, escrow_return_accepted)
DEFINE_EMPTY(dispute_withdrawn, Holdfast__Escrow__V1__EscrowDisputeWithdrawn,
             holdfast__escrow__v1__escrow_dispute_withdrawn__init, escrow_dispute_withdrawn)
DEFINE_EMPTY(dispute_escalated, Holdfast__Escrow__V1__EscrowDisputeEscalated,
             holdfast__escrow__v1__escrow_dispute_escalated__init, escrow_dispute_escalated)
DEFINE_AMOUNT(funds_held, Holdfast__Escrow__V1__EscrowFundsHeld,
              holdfast__escrow__v1__escrow_funds_held__init, escrow_funds_held)
DEFINE_AMOUNT(released, Holdfast__Escrow__V1__EscrowReleased,
              holdfast__escrow__v1__escrow_released__init, escrow_released)
DEFINE_AMOUNT(refunded, Holdfast__Escrow__V1__EscrowRefunded,
              holdfast__escrow__v1__escrow_refunded__init, escrow_refunded)
DEFINE_AMOUNT(suspense_refunded, Holdfast__Escrow__V1__EscrowSuspenseRefunded,
              holdfast__escrow__v1__escrow_suspense_refunded__init, escrow_suspense_refunded)
DEFINE_AMOUNT(part_paid, Holdfast__Escrow__V1__EscrowPartPaid,
              holdfast__escrow__v1__escrow_part_paid__init, escrow_part_paid)
DEFINE_AMOUNT(part_refunded, Holdfast__Escrow__V1__EscrowPartRefunded,
              holdfast__escrow__v1__escrow_part_refunded__init, escrow_part_refunded)
DEFINE_TEXT(payout_failed, Holdfast__Escrow__V1__EscrowPayoutFailed,
            holdfast__escrow__v1__escrow_payout_failed__init, escrow_payout_failed, code)
DEFINE_TEXT(refund_failed, Holdfast__Escrow__V1__EscrowRefundFailed,
            holdfast__escrow__v1__escrow_refund_failed__init, escrow_refund_failed, code)
DEFINE_TEXT(payment_failed, Holdfast__Escrow__V1__EscrowPaymentFailed,
            holdfast__escrow__v1__escrow_payment_failed__init, escrow_payment_failed, code)
DEFINE_TEXT(cancelled, Holdfast__Escrow__V1__EscrowCancelled,
            holdfast__escrow__v1__escrow_cancelled__init, escrow_cancelled, reason)

/* clang-format on */

static struct status fill_created(struct op *op, const struct escrow_step *step,
                                  Holdfast__Escrow__V1__EscrowEvent *event,
                                  const ProtobufCMessage **ret_body)
{
    const struct escrow *escrow = &step->after;
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowCreated,
             holdfast__escrow__v1__escrow_created__init, escrow_created);
    TRY(wire_fill_id(op, escrow->marketplace_id, &body->marketplace_id));
    TRY(wire_fill_id(op, escrow->buyer_id, &body->buyer_id));
    TRY(wire_fill_id(op, escrow->seller_id, &body->seller_id));
    TRY(wire_fill_money(op, escrow->currency, escrow->price_minor, &body->price));
    TRY(wire_fill_text(op, escrow->seller_account, &body->seller_account));
    body->funding_seconds = escrow->funding_seconds;
    body->delivery_seconds = escrow->delivery_seconds;
    body->inspection_seconds = escrow->inspection_seconds;
    body->buyer_fee_minor = escrow->buyer_fee_minor;
    body->seller_fee_minor = escrow->seller_fee_minor;
    TRY(wire_fill_fees(op, &escrow->fees, &body->fees));
    TRY(wire_fill_id(op, escrow->arbiter_id, &body->arbiter_id));
    body->arbiter_key = wire_borrow(escrow->arbiter_key.ptr, escrow->arbiter_key.len);
    return wire_fill_text(op, escrow->description, &body->description);
}

static struct status fill_delivered(struct op *op, const struct escrow_step *step,
                                    Holdfast__Escrow__V1__EscrowEvent *event,
                                    const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowDelivered,
             holdfast__escrow__v1__escrow_delivered__init, escrow_delivered);
    body->milestone = step->milestone;
    return OK;
}

static struct status fill_rejected(struct op *op, const struct escrow_step *step,
                                   Holdfast__Escrow__V1__EscrowEvent *event,
                                   const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowRejected,
             holdfast__escrow__v1__escrow_rejected__init, escrow_rejected);
    body->milestone = step->milestone;
    return wire_fill_text(op, step->text, &body->reason);
}

static struct status fill_funds_received(struct op *op, const struct escrow_step *step,
                                         Holdfast__Escrow__V1__EscrowEvent *event,
                                         const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowFundsReceived,
             holdfast__escrow__v1__escrow_funds_received__init, escrow_funds_received);
    TRY(wire_fill_id(op, step->leg_id, &body->leg_id));
    return wire_fill_money(op, step->after.currency, step->amount_minor, &body->amount);
}

static struct status fill_release_started(struct op *op, const struct escrow_step *step,
                                          Holdfast__Escrow__V1__EscrowEvent *event,
                                          const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowReleaseStarted,
             holdfast__escrow__v1__escrow_release_started__init, escrow_release_started);
    body->milestone = step->milestone;
    TRY(wire_fill_text(op, step->text, &body->reason));
    return wire_fill_money(op, step->after.currency, step->amount_minor, &body->amount);
}

static struct status fill_refund_started(struct op *op, const struct escrow_step *step,
                                         Holdfast__Escrow__V1__EscrowEvent *event,
                                         const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowRefundStarted,
             holdfast__escrow__v1__escrow_refund_started__init, escrow_refund_started);
    body->milestone = step->milestone;
    TRY(wire_fill_text(op, step->text, &body->reason));
    return wire_fill_money(op, step->after.currency, step->amount_minor, &body->amount);
}

static struct status fill_disputed(struct op *op, const struct escrow_step *step,
                                   Holdfast__Escrow__V1__EscrowEvent *event,
                                   const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowDisputed,
             holdfast__escrow__v1__escrow_disputed__init, escrow_disputed);
    body->number = step->number;
    TRY(wire_fill_text(op, step->text, &body->reason));
    return wire_fill_money(op, step->after.currency, step->amount_minor, &body->amount);
}

static struct status fill_funds_suspended(struct op *op, const struct escrow_step *step,
                                          Holdfast__Escrow__V1__EscrowEvent *event,
                                          const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowFundsSuspended,
             holdfast__escrow__v1__escrow_funds_suspended__init, escrow_funds_suspended);
    TRY(wire_fill_id(op, step->leg_id, &body->leg_id));
    TRY(wire_fill_text(op, step->currency, &body->currency));
    TRY(wire_fill_money(op, step->after.currency, step->amount_minor, &body->amount));
    body->flagged = step->flagged;
    if (step->flagged) { /* its currency may not be one of ours; the text says which it is */
        body->amount->currency = HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_UNSPECIFIED;
    }
    return OK;
}

static struct status fill_partially_released(struct op *op, const struct escrow_step *step,
                                             Holdfast__Escrow__V1__EscrowEvent *event,
                                             const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowPartiallyReleased,
             holdfast__escrow__v1__escrow_partially_released__init, escrow_partially_released);
    enum currency currency = step->after.currency;
    body->number = step->number;
    body->milestone = step->milestone;
    TRY(wire_fill_text(op, step->text, &body->reason));
    TRY(wire_fill_money(op, currency, step->amount_minor, &body->amount));
    TRY(wire_fill_money(op, currency, step->after.held_minor, &body->left));
    return wire_fill_money(op, currency, step->seller_minor, &body->seller_gets);
}

static struct status fill_partially_refunded(struct op *op, const struct escrow_step *step,
                                             Holdfast__Escrow__V1__EscrowEvent *event,
                                             const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowPartiallyRefunded,
             holdfast__escrow__v1__escrow_partially_refunded__init, escrow_partially_refunded);
    enum currency currency = step->after.currency;
    body->number = step->number;
    body->milestone = step->milestone;
    TRY(wire_fill_text(op, step->text, &body->reason));
    TRY(wire_fill_money(op, currency, step->amount_minor, &body->amount));
    TRY(wire_fill_money(op, currency, step->after.held_minor, &body->left));
    return wire_fill_money(op, currency, step->buyer_gets_minor, &body->buyer_gets);
}

static struct status fill_split_proposed(struct op *op, const struct escrow_step *step,
                                         Holdfast__Escrow__V1__EscrowEvent *event,
                                         const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowSplitProposed,
             holdfast__escrow__v1__escrow_split_proposed__init, escrow_split_proposed);
    body->number = step->number;
    body->seller_minor = step->seller_minor;
    body->buyer_minor = step->buyer_minor;
    return OK;
}

static struct status fill_split_agreed(struct op *op, const struct escrow_step *step,
                                       Holdfast__Escrow__V1__EscrowEvent *event,
                                       const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowSplitAgreed,
             holdfast__escrow__v1__escrow_split_agreed__init, escrow_split_agreed);
    body->number = step->number;
    body->seller_minor = step->seller_minor;
    body->buyer_minor = step->buyer_minor;
    body->seller_gets_minor = step->seller_gets_minor;
    body->buyer_gets_minor = step->buyer_gets_minor;
    return OK;
}

static struct status fill_settled(struct op *op, const struct escrow_step *step,
                                  Holdfast__Escrow__V1__EscrowEvent *event,
                                  const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowSettled,
             holdfast__escrow__v1__escrow_settled__init, escrow_settled);
    body->seller_got_minor = step->seller_minor;
    body->buyer_got_minor = step->buyer_minor;
    return OK;
}

static struct status fill_dispute_resolved(struct op *op, const struct escrow_step *step,
                                           Holdfast__Escrow__V1__EscrowEvent *event,
                                           const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowDisputeResolved,
             holdfast__escrow__v1__escrow_dispute_resolved__init, escrow_dispute_resolved);
    body->number = step->number;
    body->seller_minor = step->seller_minor;
    body->buyer_minor = step->buyer_minor;
    body->seller_gets_minor = step->seller_gets_minor;
    body->buyer_gets_minor = step->buyer_gets_minor;
    if (step->signature.len > 0) { /* the row after a step has the head of before the decision */
        body->head = wire_borrow(step->after.chain_head.bytes, HASH_BYTES);
        body->signature = wire_borrow(step->signature.ptr, step->signature.len);
    }
    return wire_fill_text(op, step->text, &body->reason);
}

static struct status fill_evidence_submitted(struct op *op, const struct escrow_step *step,
                                             Holdfast__Escrow__V1__EscrowEvent *event,
                                             const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowEvidenceSubmitted,
             holdfast__escrow__v1__escrow_evidence_submitted__init, escrow_evidence_submitted);
    body->dispute = step->number;
    body->content = wire_borrow(step->content.bytes, HASH_BYTES);
    body->type = (Holdfast__Escrow__V1__EvidenceType)step->evidence;
    body->size_bytes = step->size_bytes;
    return wire_fill_text(op, step->text, &body->description);
}

static struct status fill_split_withdrawn(struct op *op, const struct escrow_step *step,
                                          Holdfast__Escrow__V1__EscrowEvent *event,
                                          const ProtobufCMessage **ret_body)
{
    NEW_BODY(op, event, Holdfast__Escrow__V1__EscrowSplitWithdrawn,
             holdfast__escrow__v1__escrow_split_withdrawn__init, escrow_split_withdrawn);
    body->number = step->number;
    return OK;
}

typedef struct status fill_fn(struct op *op, const struct escrow_step *step,
                              Holdfast__Escrow__V1__EscrowEvent *event,
                              const ProtobufCMessage **ret_body);

static fill_fn *const fills[ESCROW_EVENT_COUNT] = {
    [ESCROW_EVENT_CREATED] = fill_created,
    [ESCROW_EVENT_AWAIT_FUNDS] = fill_await_funds,
    [ESCROW_EVENT_FUNDS_RECEIVED] = fill_funds_received,
    [ESCROW_EVENT_FUNDS_HELD] = fill_funds_held,
    [ESCROW_EVENT_DELIVERED] = fill_delivered,
    [ESCROW_EVENT_RELEASE_STARTED] = fill_release_started,
    [ESCROW_EVENT_RELEASED] = fill_released,
    [ESCROW_EVENT_PAYOUT_FAILED] = fill_payout_failed,
    [ESCROW_EVENT_CANCELLED] = fill_cancelled,
    [ESCROW_EVENT_REFUND_STARTED] = fill_refund_started,
    [ESCROW_EVENT_REFUNDED] = fill_refunded,
    [ESCROW_EVENT_REFUND_FAILED] = fill_refund_failed,
    [ESCROW_EVENT_PAYMENT_FAILED] = fill_payment_failed,
    [ESCROW_EVENT_FUNDS_SUSPENDED] = fill_funds_suspended,
    [ESCROW_EVENT_SUSPENSE_REFUNDED] = fill_suspense_refunded,
    [ESCROW_EVENT_PAYOUT_RETRIED] = fill_payout_retried,
    [ESCROW_EVENT_EXPIRED] = fill_expired,
    [ESCROW_EVENT_REJECTED] = fill_rejected,
    [ESCROW_EVENT_RETURN_ACCEPTED] = fill_return_accepted,
    [ESCROW_EVENT_DISPUTED] = fill_disputed,
    [ESCROW_EVENT_DISPUTE_WITHDRAWN] = fill_dispute_withdrawn,
    [ESCROW_EVENT_DISPUTE_ESCALATED] = fill_dispute_escalated,
    [ESCROW_EVENT_PARTIALLY_RELEASED] = fill_partially_released,
    [ESCROW_EVENT_PART_PAID] = fill_part_paid,
    [ESCROW_EVENT_SPLIT_PROPOSED] = fill_split_proposed,
    [ESCROW_EVENT_SPLIT_AGREED] = fill_split_agreed,
    [ESCROW_EVENT_SETTLED] = fill_settled,
    [ESCROW_EVENT_DISPUTE_RESOLVED] = fill_dispute_resolved,
    [ESCROW_EVENT_PARTIALLY_REFUNDED] = fill_partially_refunded,
    [ESCROW_EVENT_PART_REFUNDED] = fill_part_refunded,
    [ESCROW_EVENT_EVIDENCE_SUBMITTED] = fill_evidence_submitted,
    [ESCROW_EVENT_SPLIT_WITHDRAWN] = fill_split_withdrawn,
};

/* What every event tells of the escrow after it. */
struct standing {
    Holdfast__Escrow__V1__Balances balances;
    Holdfast__Escrow__V1__Attention attention;
    Holdfast__Escrow__V1__Deadline deadline;
    Holdfast__Escrow__V1__Split split;
    Holdfast__Escrow__V1__Docket docket;
};

/* The clocks of its milestones run; in a dispute they stand still. */
static bool are_running(const struct escrow_told *told)
{
    enum escrow_state state = told->step->after.state;
    return told->milestone_count > 0 &&
           (state == ESCROW_DELIVERED || state == ESCROW_DELIVERY_REJECTED);
}

/* When the first of them ends, one milestone does. */
static enum escrow_state state_when_over(const struct escrow_told *told)
{
    return are_running(told)
               ? escrow_state_when_soonest_over(told->milestones, told->milestone_count)
               : escrow_state_when_over(told->step->after.state);
}

static void fill_standing(const struct escrow_told *told, struct standing *standing,
                          Holdfast__Escrow__V1__EscrowEvent *event)
{
    const struct escrow *escrow = &told->step->after;
    Holdfast__Escrow__V1__Balances *balances = &standing->balances;
    Holdfast__Escrow__V1__Attention *attention = &standing->attention;
    holdfast__escrow__v1__balances__init(balances);
    holdfast__escrow__v1__attention__init(attention);
    balances->received_minor = escrow->received_minor;
    balances->in_minor = escrow->in_minor;
    balances->held_minor = escrow->held_minor;
    balances->disputed_minor = escrow->disputed_minor;
    balances->suspense_minor = escrow->suspense_minor;
    balances->due_seller_minor = escrow->due_seller_minor;
    balances->due_buyer_minor = escrow->due_buyer_minor;
    balances->paid_out_minor = escrow->paid_out_minor;
    balances->refunded_minor = escrow->refunded_minor;
    balances->fee_deferred_minor = escrow->fee_deferred_minor;
    balances->fee_minor = escrow->fee_minor;
    balances->released_minor = escrow->released_minor;
    balances->returned_minor = escrow->returned_minor;
    attention->payment_setup_failed = escrow->payment_setup_failed;
    attention->payout_failed_minor = escrow->payout_failed_minor;
    attention->refund_failed_minor = escrow->refund_failed_minor;
    attention->foreign_money = escrow->foreign_money;
    event->balances = balances;
    event->attention = attention;
    if (escrow->deadline_at_us > 0) {
        holdfast__escrow__v1__deadline__init(&standing->deadline);
        standing->deadline.at_us = escrow->deadline_at_us;
        standing->deadline.next_state = (Holdfast__Escrow__V1__EscrowState)state_when_over(told);
        event->deadline = &standing->deadline;
    }
}

static struct status fill_split(struct op *op, const struct escrow *escrow,
                                struct standing *standing, Holdfast__Escrow__V1__EscrowEvent *event)
{
    if (id_is_none(escrow->split_by)) {
        return OK;
    }
    holdfast__escrow__v1__split__init(&standing->split);
    standing->split.number = escrow->split_count;
    standing->split.seller_minor = escrow->split_seller_minor;
    standing->split.buyer_minor = escrow_kept_minor(escrow) - escrow->split_seller_minor;
    event->split = &standing->split;
    return wire_fill_id(op, escrow->split_by, &standing->split.proposer_id);
}

/* By rising number, whatever the order of the rows. */
static struct status fill_milestones(struct op *op, const struct escrow_told *told,
                                     Holdfast__Escrow__V1__EscrowEvent *event)
{
    uint32_t count = told->milestone_count;
    if (count == 0) {
        return OK;
    }
    Holdfast__Escrow__V1__MilestoneStanding *out =
        arena_new(op->arena, Holdfast__Escrow__V1__MilestoneStanding, count);
    event->milestones = arena_new(op->arena, Holdfast__Escrow__V1__MilestoneStanding *, count);
    if (!out || !event->milestones) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct escrow_milestone *row = told->milestones[i];
        uint32_t at = (uint32_t)row->number - 1;
        ASSERT(at < count); /* the rows were checked */
        holdfast__escrow__v1__milestone_standing__init(&out[at]);
        out[at].number = row->number;
        out[at].amount_minor = row->price_minor;
        out[at].state = (Holdfast__Escrow__V1__MilestoneState)row->state;
        int64_t ends_at_us = are_running(told) ? row->deadline_at_us : 0;
        bool answers = row->state == ESCROW_MILESTONE_REJECTED;
        out[at].inspection_ends_at_us = answers ? 0 : ends_at_us;
        out[at].answer_ends_at_us = answers ? ends_at_us : 0;
        TRY(wire_fill_text(op, row->title, &out[at].title));
        event->milestones[at] = &out[at];
    }
    event->n_milestones = count;
    return OK;
}

static void fill_docket(const struct escrow_told *told, struct standing *standing,
                        Holdfast__Escrow__V1__EscrowEvent *event)
{
    const struct escrow *after = &told->step->after;
    const struct escrow_dispute *dispute = told->dispute;
    if (!escrow_state_is_disputed(after->state)) {
        return;
    }
    ASSERT(dispute); /* the rows were checked */
    Holdfast__Escrow__V1__Docket *docket = &standing->docket;
    holdfast__escrow__v1__docket__init(docket);
    docket->dispute = dispute->number;
    docket->buyer_items = dispute->docket[ESCROW_PARTY_BUYER].items;
    docket->seller_items = dispute->docket[ESCROW_PARTY_SELLER].items;
    docket->buyer_until_us = escrow_evidence_until_us(after, dispute, ESCROW_PARTY_BUYER);
    docket->seller_until_us = escrow_evidence_until_us(after, dispute, ESCROW_PARTY_SELLER);
    docket->staff_decides_at_us = escrow_staff_decides_at_us(after);
    event->docket = docket;
}

static struct status emit(struct engine_turn *turn, struct id id, const ProtobufCMessage *body,
                          const Holdfast__Escrow__V1__EscrowEvent *event)
{
    struct str payload;
    TRY(wire_pack(engine_op(turn), &event->base, &payload));
    return engine_emit(turn, TOPIC_ESCROW_EVENTS_V1, id, wire_type(body), payload);
}

STATUS escrow_out_event(struct engine_turn *turn, const struct engine_message *cause,
                        const struct escrow_told *told)
{
    const struct escrow_step *step = told->step;
    ASSERT(step->event > ESCROW_EVENT_NONE);
    ASSERT(step->event < ESCROW_EVENT_COUNT);
    struct op *op = engine_op(turn);
    Holdfast__Escrow__V1__EscrowEvent event;
    struct standing standing;
    const ProtobufCMessage *body;
    holdfast__escrow__v1__escrow_event__init(&event);
    fill_standing(told, &standing, &event);
    TRY(fill_split(op, &step->after, &standing, &event));
    TRY(fill_milestones(op, told, &event));
    fill_docket(told, &standing, &event);
    TRY(wire_meta_fill(op, cause, told->id, &event.meta));
    TRY(wire_fill_id(op, step->after.id, &event.escrow_id));
    event.seq = step->after.seq;
    event.state = (Holdfast__Escrow__V1__EscrowState)step->after.state;
    event.body_case = (Holdfast__Escrow__V1__EscrowEvent__BodyCase)(FIRST_BODY + (int)step->event -
                                                                    (int)ESCROW_EVENT_CREATED);
    TRY(fills[step->event](op, step, &event, &body));
    return emit(turn, told->id, body, &event);
}

STATUS escrow_out_rejection(struct engine_turn *turn, const struct engine_message *cause,
                            enum escrow_state state, enum escrow_reason reason)
{
    struct op *op = engine_op(turn);
    const struct escrow_reason_text *text = escrow_reason_text(reason);
    struct id id = engine_next_id(turn);
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__CommandRejected rejected;
    holdfast__escrow__v1__escrow_event__init(&event);
    holdfast__escrow__v1__command_rejected__init(&rejected);
    TRY(wire_meta_fill(op, cause, id, &event.meta));
    TRY(wire_fill_id(op, cause->key, &event.escrow_id));
    TRY(wire_fill_text(op, str_of(text->code), &rejected.code));
    TRY(wire_fill_text(op, str_of(text->sentence), &rejected.sentence));
    event.state = (Holdfast__Escrow__V1__EscrowState)state;
    event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_COMMAND_REJECTED;
    event.command_rejected = &rejected;
    return emit(turn, id, &rejected.base, &event);
}
