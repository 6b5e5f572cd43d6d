/* Events of decisions to records of payments.events.v1. */
#include "payments/payments_out_events.h"

#include "base/assert.h"
#include "holdfast/payments/v1/events.pb-c.h"
#include "wire/wire.h"

typedef Holdfast__Payments__V1__PaymentsEvent wire_event;

/* One of each body; the event in hand uses one of them. */
struct bodies {
    Holdfast__Payments__V1__PaymentIntentCreated created;
    Holdfast__Payments__V1__PaymentSucceeded succeeded;
    Holdfast__Payments__V1__PaymentFailed failed;
    Holdfast__Payments__V1__PaymentCanceled canceled;
    Holdfast__Payments__V1__TransferSucceeded transferred;
    Holdfast__Payments__V1__TransferFailed transfer_failed;
    Holdfast__Payments__V1__RefundSucceeded refunded;
    Holdfast__Payments__V1__RefundFailed refund_failed;
};

static struct status fill_created(struct op *op, const struct payments_event *event,
                                  struct bodies *bodies, wire_event *out)
{
    holdfast__payments__v1__payment_intent_created__init(&bodies->created);
    out->body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_PAYMENT_INTENT_CREATED;
    out->payment_intent_created = &bodies->created;
    TRY(wire_fill_text(op, event->provider_ref, &bodies->created.provider_ref));
    return wire_fill_text(op, event->client_secret, &bodies->created.client_secret);
}

static struct status fill_succeeded(struct op *op, const struct payments_event *event,
                                    struct bodies *bodies, wire_event *out)
{
    holdfast__payments__v1__payment_succeeded__init(&bodies->succeeded);
    out->body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_PAYMENT_SUCCEEDED;
    out->payment_succeeded = &bodies->succeeded;
    bodies->succeeded.received_minor = event->amount_minor;
    TRY(wire_fill_text(op, event->provider_ref, &bodies->succeeded.provider_ref));
    return wire_fill_text(op, event->currency, &bodies->succeeded.currency);
}

static struct status fill_failed(struct op *op, const struct payments_event *event,
                                 struct bodies *bodies, wire_event *out)
{
    holdfast__payments__v1__payment_failed__init(&bodies->failed);
    out->body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_PAYMENT_FAILED;
    out->payment_failed = &bodies->failed;
    bodies->failed.stage = event->charge_declined
                               ? HOLDFAST__PAYMENTS__V1__PAYMENT_STAGE__PAYMENT_STAGE_CHARGE
                               : HOLDFAST__PAYMENTS__V1__PAYMENT_STAGE__PAYMENT_STAGE_SETUP;
    return wire_fill_text(op, event->code, &bodies->failed.code);
}

static struct status fill_canceled(struct op *op, const struct payments_event *event,
                                   struct bodies *bodies, wire_event *out)
{
    holdfast__payments__v1__payment_canceled__init(&bodies->canceled);
    out->body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_PAYMENT_CANCELED;
    out->payment_canceled = &bodies->canceled;
    return wire_fill_text(op, event->provider_ref, &bodies->canceled.provider_ref);
}

static struct status fill_transferred(struct op *op, const struct payments_event *event,
                                      struct bodies *bodies, wire_event *out)
{
    holdfast__payments__v1__transfer_succeeded__init(&bodies->transferred);
    out->body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_TRANSFER_SUCCEEDED;
    out->transfer_succeeded = &bodies->transferred;
    bodies->transferred.amount_minor = event->amount_minor;
    return wire_fill_text(op, event->provider_ref, &bodies->transferred.provider_ref);
}

static struct status fill_transfer_failed(struct op *op, const struct payments_event *event,
                                          struct bodies *bodies, wire_event *out)
{
    holdfast__payments__v1__transfer_failed__init(&bodies->transfer_failed);
    out->body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_TRANSFER_FAILED;
    out->transfer_failed = &bodies->transfer_failed;
    return wire_fill_text(op, event->code, &bodies->transfer_failed.code);
}

static struct status fill_refunded(struct op *op, const struct payments_event *event,
                                   struct bodies *bodies, wire_event *out)
{
    holdfast__payments__v1__refund_succeeded__init(&bodies->refunded);
    out->body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_REFUND_SUCCEEDED;
    out->refund_succeeded = &bodies->refunded;
    bodies->refunded.amount_minor = event->amount_minor;
    return wire_fill_text(op, event->provider_ref, &bodies->refunded.provider_ref);
}

static struct status fill_refund_failed(struct op *op, const struct payments_event *event,
                                        struct bodies *bodies, wire_event *out)
{
    holdfast__payments__v1__refund_failed__init(&bodies->refund_failed);
    out->body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_REFUND_FAILED;
    out->refund_failed = &bodies->refund_failed;
    return wire_fill_text(op, event->code, &bodies->refund_failed.code);
}

typedef struct status fill_fn(struct op *op, const struct payments_event *event,
                              struct bodies *bodies, wire_event *out);

static fill_fn *const fills[PAYMENTS_EVENT_COUNT] = {
    [PAYMENTS_PAYMENT_INTENT_CREATED] = fill_created,
    [PAYMENTS_PAYMENT_SUCCEEDED] = fill_succeeded,
    [PAYMENTS_PAYMENT_FAILED] = fill_failed,
    [PAYMENTS_PAYMENT_CANCELED] = fill_canceled,
    [PAYMENTS_TRANSFER_SUCCEEDED] = fill_transferred,
    [PAYMENTS_TRANSFER_FAILED] = fill_transfer_failed,
    [PAYMENTS_REFUND_SUCCEEDED] = fill_refunded,
    [PAYMENTS_REFUND_FAILED] = fill_refund_failed,
};

STATUS payments_out_event_pack(struct op *op, const struct engine_message *cause, struct id id,
                               const struct payments_event *event, struct str *ret_type,
                               struct str *ret_payload)
{
    ASSERT(event->kind > PAYMENTS_EVENT_NONE);
    ASSERT(event->kind < PAYMENTS_EVENT_COUNT);
    wire_event out;
    struct bodies bodies;
    holdfast__payments__v1__payments_event__init(&out);
    TRY(wire_meta_fill(op, cause, id, &out.meta));
    TRY(wire_fill_id(op, cause->key, &out.escrow_id));
    TRY(wire_fill_id(op, event->leg_id, &out.leg_id));
    out.seq = event->seq;
    TRY(fills[event->kind](op, event, &bodies, &out));
    /* All bodies of the oneof are messages, whose first member is the base. */
    *ret_type = wire_type((const ProtobufCMessage *)out.payment_intent_created);
    return wire_pack(op, &out.base, ret_payload);
}

STATUS payments_out_event(struct engine_turn *turn, const struct engine_message *cause,
                          const struct payments_event *event)
{
    struct id id = engine_next_id(turn);
    struct str type;
    struct str payload;
    TRY(payments_out_event_pack(engine_op(turn), cause, id, event, &type, &payload));
    return engine_emit(turn, TOPIC_PAYMENTS_EVENTS_V1, id, type, payload);
}
