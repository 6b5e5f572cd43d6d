/* payments.events.v1: only how the buyer can pay; what money did is told by escrow. */
#include "gateway/gateway_in.h"
#include "holdfast/payments/v1/events.pb-c.h"
#include "wire/wire.h"

#define PAYMENT_REF_MAX_BYTES 255
#define CLIENT_SECRET_MAX_BYTES 512

STATUS gateway_in_payments_decode(struct op *op, const struct bus_record *record,
                                  struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__payments__v1__payments_event__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Payments__V1__PaymentsEvent *event =
        (const Holdfast__Payments__V1__PaymentsEvent *)unpacked;
    TRY(wire_id(op, "escrow_id", event->escrow_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    TRY(wire_meta_read(op, event->meta, ret_message));
    if (event->body_case != HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_PAYMENT_INTENT_CREATED) {
        ret_message->skip = true;
        return OK;
    }
    struct gateway_news *news = arena_new(op->arena, struct gateway_news, 1);
    if (!news) {
        return op_arena_full(op);
    }
    const Holdfast__Payments__V1__PaymentIntentCreated *created = event->payment_intent_created;
    TRY(wire_text(op, "provider_ref", created->provider_ref, 1, PAYMENT_REF_MAX_BYTES,
                  &news->told.payment_ref));
    /* Empty when the intent ended before it was announced: a webhook overtook the answer. */
    TRY(wire_text(op, "client_secret", created->client_secret, 0, CLIENT_SECRET_MAX_BYTES,
                  &news->told.payment_client_secret));
    news->kind = GATEWAY_NEWS_PAYMENT;
    ret_message->type = (int32_t)event->body_case;
    ret_message->body = news;
    return OK;
}
