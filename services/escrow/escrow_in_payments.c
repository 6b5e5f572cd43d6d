/* payments.events.v1: packed PaymentsEvents, which are certain, to decisions. */
#include "escrow/escrow_in.h"
#include "holdfast/payments/v1/events.pb-c.h"
#include "wire/wire.h"

#define CASE(name) HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_##name

_Static_assert((int)ESCROW_STAGE_SETUP ==
                   (int)HOLDFAST__PAYMENTS__V1__PAYMENT_STAGE__PAYMENT_STAGE_SETUP,
               "stage");
_Static_assert((int)ESCROW_STAGE_CHARGE ==
                   (int)HOLDFAST__PAYMENTS__V1__PAYMENT_STAGE__PAYMENT_STAGE_CHARGE,
               "stage");

static struct status read_body(struct op *op, const Holdfast__Payments__V1__PaymentsEvent *event,
                               struct escrow_message *body)
{
    switch (event->body_case) {
    case CASE(PAYMENT_INTENT_CREATED): body->kind = ESCROW_INTENT_CREATED; return OK;
    case CASE(PAYMENT_SUCCEEDED):
        body->kind = ESCROW_PAYMENT_SUCCEEDED;
        body->amount_minor = event->payment_succeeded->received_minor;
        body->currency = str_of(event->payment_succeeded->currency);
        return OK;
    case CASE(PAYMENT_FAILED):
        body->kind = ESCROW_PAYMENT_FAILED;
        body->stage = (enum escrow_stage)event->payment_failed->stage;
        body->text = str_of(event->payment_failed->code);
        return OK;
    case CASE(PAYMENT_CANCELED): body->kind = ESCROW_PAYMENT_CANCELED; return OK;
    case CASE(TRANSFER_SUCCEEDED):
        body->kind = ESCROW_TRANSFER_SUCCEEDED;
        body->amount_minor = event->transfer_succeeded->amount_minor;
        return OK;
    case CASE(TRANSFER_FAILED):
        body->kind = ESCROW_TRANSFER_FAILED;
        body->text = str_of(event->transfer_failed->code);
        return OK;
    case CASE(REFUND_SUCCEEDED):
        body->kind = ESCROW_REFUND_SUCCEEDED;
        body->amount_minor = event->refund_succeeded->amount_minor;
        return OK;
    case CASE(REFUND_FAILED):
        body->kind = ESCROW_REFUND_FAILED;
        body->text = str_of(event->refund_failed->code);
        return OK;
    case CASE(_NOT_SET):
    case _HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY__CASE_IS_INT_SIZE: break;
    }
    return op_fail(op, STATUS_INVALID, "escrow.unknown_type", "no event that this version knows");
}

STATUS escrow_in_payments_decode(struct op *op, const struct bus_record *record,
                                 struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__payments__v1__payments_event__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Payments__V1__PaymentsEvent *event =
        (const Holdfast__Payments__V1__PaymentsEvent *)unpacked;
    struct escrow_message *body;
    TRY(wire_id(op, "escrow_id", event->escrow_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    TRY(wire_meta_read(op, event->meta, ret_message));
    TRY(escrow_in_new_body(op, ret_message, &body));
    TRY(wire_id(op, "leg_id", event->leg_id, &body->leg_id));
    TRY(read_body(op, event, body));
    if (!escrow_message_is_sound(body)) { /* an amount, a currency or a stage that cannot be */
        return op_fail(op, STATUS_INVALID, "escrow.bad_news", "%s",
                       escrow_message_name(body->kind));
    }
    ret_message->type = (int32_t)body->kind;
    return OK;
}
