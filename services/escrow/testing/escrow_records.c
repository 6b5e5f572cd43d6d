/* See the header. */
#include "escrow/testing/escrow_records.h"

#include "base/assert.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "holdfast/oracle/v1/events.pb-c.h"
#include "holdfast/payments/v1/events.pb-c.h"
#include "wire/wire.h"

union command_bodies {
    Holdfast__Escrow__V1__CreateEscrow create;
    Holdfast__Escrow__V1__MarkDelivered deliver;
    Holdfast__Escrow__V1__ReleaseFunds release;
    Holdfast__Escrow__V1__CancelEscrow cancel;
    Holdfast__Escrow__V1__Refund refund;
    Holdfast__Escrow__V1__RetryPayout retry;
    Holdfast__Escrow__V1__RejectDelivery reject;
    Holdfast__Escrow__V1__AcceptReturn accept_return;
    Holdfast__Escrow__V1__RaiseDispute raise;
    Holdfast__Escrow__V1__WithdrawDispute withdraw;
    Holdfast__Escrow__V1__ReleasePart release_part;
    Holdfast__Escrow__V1__ProposeSplit propose_split;
    Holdfast__Escrow__V1__AcceptSplit accept_split;
    Holdfast__Escrow__V1__ResolveDispute resolve;
    Holdfast__Escrow__V1__SubmitEvidence submit;
    Holdfast__Escrow__V1__WithdrawSplit withdraw_split;
};

static struct status fill_milestones(struct op *op, const struct escrow_terms *terms,
                                     Holdfast__Escrow__V1__CreateEscrow *create)
{
    size_t count = terms->milestone_count;
    Holdfast__Escrow__V1__Milestone *out =
        arena_new(op->arena, Holdfast__Escrow__V1__Milestone, count);
    create->milestones = arena_new(op->arena, Holdfast__Escrow__V1__Milestone *, count);
    if (!out || !create->milestones) {
        return op_arena_full(op);
    }
    for (size_t i = 0; i < count; i++) {
        holdfast__escrow__v1__milestone__init(&out[i]);
        out[i].amount_minor = terms->milestones[i].amount_minor;
        TRY(wire_fill_text(op, terms->milestones[i].title, &out[i].title));
        create->milestones[i] = &out[i];
    }
    create->n_milestones = count;
    return OK;
}

static struct status fill_create(struct op *op, const struct escrow_terms *terms,
                                 Holdfast__Escrow__V1__CreateEscrow *create)
{
    holdfast__escrow__v1__create_escrow__init(create);
    TRY(wire_fill_id(op, terms->marketplace_id, &create->marketplace_id));
    TRY(wire_fill_id(op, terms->buyer_id, &create->buyer_id));
    TRY(wire_fill_id(op, terms->seller_id, &create->seller_id));
    TRY(wire_fill_money(op, CURRENCY_USD, 1, &create->price));
    create->price->amount_minor = terms->price_minor; /* may be none that we accept */
    create->price->currency = (Holdfast__Common__V1__Currency)terms->currency;
    TRY(wire_fill_text(op, terms->seller_account, &create->seller_account));
    create->funding_seconds = terms->funding_seconds;
    create->delivery_seconds = terms->delivery_seconds;
    create->inspection_seconds = terms->inspection_seconds;
    TRY(wire_fill_fees(op, &terms->fees, &create->fees));
    TRY(fill_milestones(op, terms, create));
    TRY(wire_fill_id(op, terms->arbiter_id, &create->arbiter_id));
    create->arbiter_key = wire_borrow(terms->arbiter_key.ptr, terms->arbiter_key.len);
    return wire_fill_text(op, terms->description, &create->description);
}

#define COMMAND(name) HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_##name

static struct status fill_verdict(struct op *op, const struct escrow_message *message,
                                  Holdfast__Escrow__V1__ResolveDispute *resolve)
{
    holdfast__escrow__v1__resolve_dispute__init(resolve);
    resolve->number = message->number;
    resolve->seller_minor = message->seller_minor;
    resolve->buyer_minor = message->buyer_minor;
    if (message->signature.len > 0) {
        resolve->head = wire_borrow(message->head.bytes, HASH_BYTES);
        resolve->signature = wire_borrow(message->signature.ptr, message->signature.len);
    }
    return wire_fill_text(op, message->text, &resolve->reason);
}

static struct status fill_evidence(struct op *op, const struct escrow_message *message,
                                   Holdfast__Escrow__V1__SubmitEvidence *submit)
{
    holdfast__escrow__v1__submit_evidence__init(submit);
    submit->content = wire_borrow(message->content.bytes, HASH_BYTES);
    submit->type = (Holdfast__Escrow__V1__EvidenceType)message->evidence;
    submit->size_bytes = message->size_bytes;
    return wire_fill_text(op, message->text, &submit->description);
}

static struct status fill_later_command(struct op *op, const struct escrow_message *message,
                                        union command_bodies *bodies,
                                        Holdfast__Escrow__V1__EscrowCommand *command)
{
    if (message->kind == ESCROW_REJECT_DELIVERY) {
        command->body_case = COMMAND(REJECT_DELIVERY);
        holdfast__escrow__v1__reject_delivery__init(&bodies->reject);
        bodies->reject.milestone = message->number;
        return wire_fill_text(op, message->text, &bodies->reject.reason);
    }
    if (message->kind == ESCROW_ACCEPT_RETURN) {
        command->body_case = COMMAND(ACCEPT_RETURN);
        holdfast__escrow__v1__accept_return__init(&bodies->accept_return);
        return OK;
    }
    if (message->kind == ESCROW_RAISE_DISPUTE) {
        command->body_case = COMMAND(RAISE_DISPUTE);
        holdfast__escrow__v1__raise_dispute__init(&bodies->raise);
        return wire_fill_text(op, message->text, &bodies->raise.reason);
    }
    if (message->kind == ESCROW_RELEASE_PART) {
        command->body_case = COMMAND(RELEASE_PART);
        holdfast__escrow__v1__release_part__init(&bodies->release_part);
        bodies->release_part.amount_minor = message->amount_minor;
        return OK;
    }
    if (message->kind == ESCROW_PROPOSE_SPLIT) {
        command->body_case = COMMAND(PROPOSE_SPLIT);
        holdfast__escrow__v1__propose_split__init(&bodies->propose_split);
        bodies->propose_split.seller_minor = message->seller_minor;
        bodies->propose_split.buyer_minor = message->buyer_minor;
        return OK;
    }
    if (message->kind == ESCROW_ACCEPT_SPLIT) {
        command->body_case = COMMAND(ACCEPT_SPLIT);
        holdfast__escrow__v1__accept_split__init(&bodies->accept_split);
        bodies->accept_split.number = message->number;
        return OK;
    }
    if (message->kind == ESCROW_RESOLVE_DISPUTE) {
        command->body_case = COMMAND(RESOLVE_DISPUTE);
        return fill_verdict(op, message, &bodies->resolve);
    }
    if (message->kind == ESCROW_SUBMIT_EVIDENCE) {
        command->body_case = COMMAND(SUBMIT_EVIDENCE);
        return fill_evidence(op, message, &bodies->submit);
    }
    if (message->kind == ESCROW_WITHDRAW_SPLIT) {
        command->body_case = COMMAND(WITHDRAW_SPLIT);
        holdfast__escrow__v1__withdraw_split__init(&bodies->withdraw_split);
        bodies->withdraw_split.number = message->number;
        return OK;
    }
    ASSERT(message->kind == ESCROW_WITHDRAW_DISPUTE);
    command->body_case = COMMAND(WITHDRAW_DISPUTE);
    holdfast__escrow__v1__withdraw_dispute__init(&bodies->withdraw);
    return OK;
}

static struct status fill_command(struct op *op, const struct escrow_message *message,
                                  union command_bodies *bodies,
                                  Holdfast__Escrow__V1__EscrowCommand *command)
{
    command->create_escrow = &bodies->create; /* all pointers are one */
    if (message->kind == ESCROW_CREATE) {
        command->body_case = COMMAND(CREATE_ESCROW);
        return fill_create(op, &message->terms, &bodies->create);
    }
    if (message->kind == ESCROW_MARK_DELIVERED) {
        command->body_case = COMMAND(MARK_DELIVERED);
        holdfast__escrow__v1__mark_delivered__init(&bodies->deliver);
        bodies->deliver.milestone = message->number;
        return OK;
    }
    if (message->kind == ESCROW_RELEASE) {
        command->body_case = COMMAND(RELEASE_FUNDS);
        holdfast__escrow__v1__release_funds__init(&bodies->release);
        bodies->release.milestone = message->number;
        return OK;
    }
    if (message->kind == ESCROW_CANCEL) {
        command->body_case = COMMAND(CANCEL_ESCROW);
        holdfast__escrow__v1__cancel_escrow__init(&bodies->cancel);
        return wire_fill_text(op, message->text, &bodies->cancel.reason);
    }
    if (message->kind == ESCROW_REFUND) {
        command->body_case = COMMAND(REFUND);
        holdfast__escrow__v1__refund__init(&bodies->refund);
        bodies->refund.milestone = message->number;
        return wire_fill_text(op, message->text, &bodies->refund.reason);
    }
    if (message->kind > ESCROW_RETRY_PAYOUT) {
        return fill_later_command(op, message, bodies, command);
    }
    ASSERT(message->kind == ESCROW_RETRY_PAYOUT);
    command->body_case = COMMAND(RETRY_PAYOUT);
    holdfast__escrow__v1__retry_payout__init(&bodies->retry);
    return OK;
}

STATUS records_command(struct op *op, const struct escrow_message *message, struct id id,
                       struct str *ret_value)
{
    union command_bodies bodies;
    Holdfast__Escrow__V1__EscrowCommand command;
    holdfast__escrow__v1__escrow_command__init(&command);
    TRY(wire_meta_origin(op, id, id, message->actor, &command.meta));
    TRY(wire_fill_id(op, message->escrow_id, &command.escrow_id));
    TRY(fill_command(op, message, &bodies, &command));
    return wire_pack(op, &command.base, ret_value);
}

union news_bodies {
    Holdfast__Payments__V1__PaymentIntentCreated intent;
    Holdfast__Payments__V1__PaymentSucceeded paid;
    Holdfast__Payments__V1__PaymentFailed failed;
    Holdfast__Payments__V1__PaymentCanceled canceled;
    Holdfast__Payments__V1__TransferSucceeded sent;
    Holdfast__Payments__V1__TransferFailed unsent;
    Holdfast__Payments__V1__RefundSucceeded refunded;
    Holdfast__Payments__V1__RefundFailed unrefunded;
};

#define EVENT(name) HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_##name

static struct status fill_news_in(struct op *op, const struct escrow_message *message,
                                  union news_bodies *bodies,
                                  Holdfast__Payments__V1__PaymentsEvent *event)
{
    if (message->kind == ESCROW_INTENT_CREATED) {
        event->body_case = EVENT(PAYMENT_INTENT_CREATED);
        holdfast__payments__v1__payment_intent_created__init(&bodies->intent);
        return OK;
    }
    if (message->kind == ESCROW_PAYMENT_SUCCEEDED) {
        event->body_case = EVENT(PAYMENT_SUCCEEDED);
        holdfast__payments__v1__payment_succeeded__init(&bodies->paid);
        bodies->paid.received_minor = message->amount_minor;
        return wire_fill_text(op, message->currency, &bodies->paid.currency);
    }
    if (message->kind == ESCROW_PAYMENT_CANCELED) {
        event->body_case = EVENT(PAYMENT_CANCELED);
        holdfast__payments__v1__payment_canceled__init(&bodies->canceled);
        return OK;
    }
    ASSERT(message->kind == ESCROW_PAYMENT_FAILED);
    event->body_case = EVENT(PAYMENT_FAILED);
    holdfast__payments__v1__payment_failed__init(&bodies->failed);
    bodies->failed.stage = (Holdfast__Payments__V1__PaymentStage)message->stage;
    return wire_fill_text(op, message->text, &bodies->failed.code);
}

static struct status fill_news_out(struct op *op, const struct escrow_message *message,
                                   union news_bodies *bodies,
                                   Holdfast__Payments__V1__PaymentsEvent *event)
{
    if (message->kind == ESCROW_TRANSFER_SUCCEEDED) {
        event->body_case = EVENT(TRANSFER_SUCCEEDED);
        holdfast__payments__v1__transfer_succeeded__init(&bodies->sent);
        bodies->sent.amount_minor = message->amount_minor;
        return OK;
    }
    if (message->kind == ESCROW_TRANSFER_FAILED) {
        event->body_case = EVENT(TRANSFER_FAILED);
        holdfast__payments__v1__transfer_failed__init(&bodies->unsent);
        return wire_fill_text(op, message->text, &bodies->unsent.code);
    }
    if (message->kind == ESCROW_REFUND_SUCCEEDED) {
        event->body_case = EVENT(REFUND_SUCCEEDED);
        holdfast__payments__v1__refund_succeeded__init(&bodies->refunded);
        bodies->refunded.amount_minor = message->amount_minor;
        return OK;
    }
    ASSERT(message->kind == ESCROW_REFUND_FAILED);
    event->body_case = EVENT(REFUND_FAILED);
    holdfast__payments__v1__refund_failed__init(&bodies->unrefunded);
    return wire_fill_text(op, message->text, &bodies->unrefunded.code);
}

STATUS records_news(struct op *op, const struct escrow_message *message, struct id id,
                    struct str *ret_value)
{
    union news_bodies bodies;
    Holdfast__Payments__V1__PaymentsEvent event;
    holdfast__payments__v1__payments_event__init(&event);
    event.payment_intent_created = &bodies.intent; /* all pointers are one */
    TRY(wire_meta_origin(op, id, id, message->actor, &event.meta));
    TRY(wire_fill_id(op, message->escrow_id, &event.escrow_id));
    TRY(wire_fill_id(op, message->leg_id, &event.leg_id));
    if (message->kind < ESCROW_TRANSFER_SUCCEEDED) {
        TRY(fill_news_in(op, message, &bodies, &event));
    } else {
        TRY(fill_news_out(op, message, &bodies, &event));
    }
    return wire_pack(op, &event.base, ret_value);
}

STATUS records_firing(struct op *op, const struct escrow_message *message, struct id id,
                      struct str *ret_value)
{
    Holdfast__Oracle__V1__OracleEvent event;
    Holdfast__Oracle__V1__TimerFired fired;
    holdfast__oracle__v1__oracle_event__init(&event);
    holdfast__oracle__v1__timer_fired__init(&fired);
    fired.kind = (Holdfast__Oracle__V1__TimerKind)message->timer;
    fired.generation = message->generation;
    fired.due_at_us = message->fired_at_us;
    fired.fired_at_us = message->fired_at_us;
    event.body_case = HOLDFAST__ORACLE__V1__ORACLE_EVENT__BODY_TIMER_FIRED;
    event.timer_fired = &fired;
    TRY(wire_meta_origin(op, id, id, message->actor, &event.meta));
    TRY(wire_fill_id(op, message->escrow_id, &event.escrow_id));
    return wire_pack(op, &event.base, ret_value);
}
