/* In: what a decision asks of payments. Out: records of payments.commands.v1. */
#include "escrow/escrow_out_payments.h"

#include "base/assert.h"
#include "holdfast/payments/v1/commands.pb-c.h"
#include "wire/wire.h"

#define CASE(name) HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_##name

/* All bodies; one of them is used. */
struct bodies {
    Holdfast__Payments__V1__CreatePaymentIntent create;
    Holdfast__Payments__V1__CancelPayment cancel;
    Holdfast__Payments__V1__TransferToSeller transfer;
    Holdfast__Payments__V1__RefundBuyer refund;
};

static struct status fill_create(struct op *op, const struct escrow *escrow,
                                 const struct escrow_request *request,
                                 Holdfast__Payments__V1__CreatePaymentIntent *body)
{
    holdfast__payments__v1__create_payment_intent__init(body);
    TRY(wire_fill_id(op, request->leg_id, &body->leg_id));
    TRY(wire_fill_text(op, escrow->description, &body->description));
    return wire_fill_money(op, escrow->currency, request->amount_minor, &body->amount);
}

static struct status fill_transfer(struct op *op, const struct escrow *escrow,
                                   const struct escrow_request *request,
                                   Holdfast__Payments__V1__TransferToSeller *body)
{
    holdfast__payments__v1__transfer_to_seller__init(body);
    TRY(wire_fill_id(op, request->leg_id, &body->leg_id));
    TRY(wire_fill_id(op, request->paid_leg_id, &body->paid_leg_id));
    TRY(wire_fill_text(op, escrow->seller_account, &body->seller_account));
    return wire_fill_money(op, escrow->currency, request->amount_minor, &body->amount);
}

static struct status fill_refund(struct op *op, const struct escrow *escrow,
                                 const struct escrow_request *request,
                                 Holdfast__Payments__V1__RefundBuyer *body)
{
    holdfast__payments__v1__refund_buyer__init(body);
    TRY(wire_fill_id(op, request->leg_id, &body->leg_id));
    TRY(wire_fill_id(op, request->paid_leg_id, &body->paid_leg_id));
    return wire_fill_money(op, escrow->currency, request->amount_minor, &body->amount);
}

static struct status fill_body(struct op *op, const struct escrow *escrow,
                               const struct escrow_request *request, struct bodies *bodies,
                               Holdfast__Payments__V1__PaymentsCommand *command)
{
    switch (request->kind) {
    case ESCROW_REQUEST_CREATE_PAYMENT_INTENT:
        command->body_case = CASE(CREATE_PAYMENT_INTENT);
        command->create_payment_intent = &bodies->create;
        return fill_create(op, escrow, request, &bodies->create);
    case ESCROW_REQUEST_CANCEL_PAYMENT:
        command->body_case = CASE(CANCEL_PAYMENT);
        command->cancel_payment = &bodies->cancel;
        holdfast__payments__v1__cancel_payment__init(&bodies->cancel);
        return OK;
    case ESCROW_REQUEST_TRANSFER_TO_SELLER:
        command->body_case = CASE(TRANSFER_TO_SELLER);
        command->transfer_to_seller = &bodies->transfer;
        return fill_transfer(op, escrow, request, &bodies->transfer);
    case ESCROW_REQUEST_REFUND_BUYER:
        command->body_case = CASE(REFUND_BUYER);
        command->refund_buyer = &bodies->refund;
        return fill_refund(op, escrow, request, &bodies->refund);
    case ESCROW_REQUEST_NONE:
    case ESCROW_REQUEST_KIND_COUNT: break;
    }
    UNREACHABLE("escrow request kind");
}

STATUS escrow_out_payment(struct engine_turn *turn, const struct engine_message *cause,
                          const struct escrow *escrow, const struct escrow_request *request)
{
    struct op *op = engine_op(turn);
    struct id id = engine_next_id(turn);
    struct bodies bodies;
    Holdfast__Payments__V1__PaymentsCommand command;
    struct str payload;
    holdfast__payments__v1__payments_command__init(&command);
    TRY(wire_meta_fill(op, cause, id, &command.meta));
    TRY(wire_fill_id(op, escrow->id, &command.escrow_id));
    TRY(fill_body(op, escrow, request, &bodies, &command));
    TRY(wire_pack(op, &command.base, &payload));
    /* The oneof is a union of pointers: any member is the body. */
    const ProtobufCMessage *body = &command.cancel_payment->base;
    return engine_emit(turn, TOPIC_PAYMENTS_COMMANDS_V1, id, wire_type(body), payload);
}
