/* Commands of escrow: bytes to struct to decision. */
#include "payments/payments_in_commands.h"

#include "base/assert.h"
#include "holdfast/payments/v1/commands.pb-c.h"
#include "payments/payments_act.h"
#include "payments/payments_rail.h"
#include "wire/wire.h"

typedef Holdfast__Payments__V1__PaymentsCommand wire_command;

static struct status read_create(struct op *op,
                                 const Holdfast__Payments__V1__CreatePaymentIntent *in,
                                 struct payments_command *out)
{
    out->kind = PAYMENTS_CREATE_PAYMENT_INTENT;
    TRY(wire_id(op, "leg_id", in->leg_id, &out->leg_id));
    TRY(wire_money(op, "amount", in->amount, &out->currency, &out->amount_minor));
    out->rail = payments_rail_choose(out->currency, out->amount_minor);
    return wire_text(op, "description", in->description, 0, PAYMENTS_DESCRIPTION_MAX_BYTES,
                     &out->description);
}

static struct status read_transfer(struct op *op,
                                   const Holdfast__Payments__V1__TransferToSeller *in,
                                   struct payments_command *out)
{
    out->kind = PAYMENTS_TRANSFER_TO_SELLER;
    TRY(wire_id(op, "leg_id", in->leg_id, &out->leg_id));
    TRY(wire_money(op, "amount", in->amount, &out->currency, &out->amount_minor));
    TRY(wire_id(op, "paid_leg_id", in->paid_leg_id, &out->paid_leg_id));
    return wire_text(op, "seller_account", in->seller_account, 1, PAYMENTS_ACCOUNT_MAX_BYTES,
                     &out->seller_account);
}

static struct status read_refund(struct op *op, const Holdfast__Payments__V1__RefundBuyer *in,
                                 struct payments_command *out)
{
    out->kind = PAYMENTS_REFUND_BUYER;
    TRY(wire_id(op, "leg_id", in->leg_id, &out->leg_id));
    TRY(wire_money(op, "amount", in->amount, &out->currency, &out->amount_minor));
    return wire_id(op, "paid_leg_id", in->paid_leg_id, &out->paid_leg_id);
}

static struct status read_body(struct op *op, const wire_command *in, struct payments_command *out)
{
    switch (in->body_case) {
    case HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_CREATE_PAYMENT_INTENT:
        return read_create(op, in->create_payment_intent, out);
    case HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_CANCEL_PAYMENT:
        out->kind = PAYMENTS_CANCEL_PAYMENT;
        return OK;
    case HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_TRANSFER_TO_SELLER:
        return read_transfer(op, in->transfer_to_seller, out);
    case HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_REFUND_BUYER:
        return read_refund(op, in->refund_buyer, out);
    case HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY__NOT_SET:
    case _HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY__CASE_IS_INT_SIZE: break;
    }
    /* A newer escrow may know more: its key waits until this service does too. */
    return op_fail(op, STATUS_INVALID, "payments.unknown_command", "none that this version knows");
}

STATUS payments_in_commands_decode(struct op *op, const struct bus_record *record,
                                   struct engine_message *ret_message)
{
    ProtobufCMessage *message;
    TRY(wire_unpack(op, &holdfast__payments__v1__payments_command__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &message));
    const wire_command *in = (const wire_command *)message;
    struct payments_command *command = arena_new(op->arena, struct payments_command, 1);
    if (!command) {
        return op_arena_full(op);
    }
    TRY(wire_meta_read(op, in->meta, ret_message));
    TRY(wire_id(op, "escrow_id", in->escrow_id, &command->escrow_id));
    TRY(wire_check_key(op, record, command->escrow_id));
    TRY(read_body(op, in, command));
    ret_message->key = command->escrow_id;
    ret_message->creates = command->kind == PAYMENTS_CREATE_PAYMENT_INTENT;
    ret_message->type = (int32_t)command->kind;
    ret_message->body = command;
    return OK;
}

STATUS payments_in_commands_decide(struct engine_turn *turn, const struct engine_message *message)
{
    struct payments_view view;
    TRY(payments_act_view(turn, &view));
    struct payments_decision decision =
        payments_decide_command(&view, message->body, engine_op(turn)->now_us);
    return payments_act(turn, message, &decision);
}

STATUS payments_in_commands_dropped(struct engine_turn *turn, const struct engine_message *message)
{
    struct payments_view view;
    TRY(payments_act_view(turn, &view));
    struct payments_decision decision =
        payments_decide_dropped(&view, message->body, engine_op(turn)->now_us);
    return payments_act(turn, message, &decision);
}
