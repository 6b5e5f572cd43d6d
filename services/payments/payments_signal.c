/* Signals to records and back. The content hash of both ends is made by one function. */
#include "payments/payments_signal.h"

#include <string.h>

#include "holdfast/payments/v1/signals.pb-c.h"
#include "payments/payments_rail.h"
#include "payments/payments_stripe_event.h"
#include "wire/wire.h"

typedef Holdfast__Payments__V1__PaymentsSignal wire_signal;

static const struct engine_actor signal_actor = {.kind = ENGINE_ACTOR_SYSTEM};

struct id payments_signal_id(struct str provider, struct str event_id)
{
    return id_v5(id_v5(id_namespace(STR("holdfast/webhook")), provider), event_id);
}

struct str payments_signal_type(void)
{
    return str_of(holdfast__payments__v1__payments_signal__descriptor.name);
}

/* What makes two signals the same: all but meta and the raw body. Changes and restores nothing. */
static struct status content_of(struct op *op, const wire_signal *signal, struct id key,
                                struct hash *ret_content)
{
    wire_signal bare = *signal;
    bare.meta = NULL;
    bare.raw = (ProtobufCBinaryData){0};
    bare.base.n_unknown_fields = 0;
    bare.base.unknown_fields = NULL;
    struct str bytes;
    TRY(wire_pack(op, &bare.base, &bytes));
    *ret_content = wire_content_hash(payments_signal_type(), key, signal_actor, bytes);
    return OK;
}

static struct status fill_bytes(struct op *op, struct str bytes, ProtobufCBinaryData *ret_bytes)
{
    uint8_t *copy = arena_new(op->arena, uint8_t, bytes.len + 1); /* the field is not const */
    if (!copy) {
        return op_arena_full(op);
    }
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    *ret_bytes = (ProtobufCBinaryData){.len = bytes.len, .data = copy};
    return OK;
}

STATUS payments_signal_pack(struct op *op, struct id id, const struct payments_signal *signal,
                            struct str *ret_payload, struct hash *ret_content)
{
    wire_signal out;
    holdfast__payments__v1__payments_signal__init(&out);
    TRY(wire_meta_origin(op, id, id, signal_actor, &out.meta));
    TRY(wire_fill_id(op, signal->escrow_id, &out.escrow_id));
    TRY(wire_fill_id(op, signal->leg_id, &out.leg_id));
    TRY(wire_fill_text(op, signal->provider, &out.provider));
    TRY(wire_fill_text(op, signal->event_id, &out.event_id));
    TRY(wire_fill_text(op, signal->event_type, &out.event_type));
    TRY(wire_fill_text(op, signal->object_id, &out.object_id));
    TRY(wire_fill_text(op, signal->object_state, &out.object_state));
    TRY(wire_fill_text(op, signal->currency, &out.currency));
    TRY(wire_fill_text(op, signal->charge_id, &out.charge_id));
    TRY(wire_fill_text(op, signal->failure_code, &out.failure_code));
    out.amount_minor = signal->amount_minor;
    TRY(content_of(op, &out, signal->escrow_id, ret_content));
    if (signal->raw.len <= SIGNAL_RAW_MAX_BYTES) {
        TRY(fill_bytes(op, signal->raw, &out.raw));
    }
    return wire_pack(op, &out.base, ret_payload);
}

static struct status read_texts(struct op *op, const wire_signal *in,
                                struct payments_signal *signal)
{
    TRY(wire_text(op, "provider", in->provider, 1, STRIPE_CODE_MAX_BYTES, &signal->provider));
    TRY(wire_text(op, "event_id", in->event_id, 1, STRIPE_ID_MAX_BYTES, &signal->event_id));
    TRY(wire_text(op, "event_type", in->event_type, 1, STRIPE_TYPE_MAX_BYTES, &signal->event_type));
    TRY(wire_text(op, "object_id", in->object_id, 1, STRIPE_ID_MAX_BYTES, &signal->object_id));
    TRY(wire_text(op, "object_state", in->object_state, 0, STRIPE_CODE_MAX_BYTES,
                  &signal->object_state));
    TRY(wire_text(op, "currency", in->currency, 0, 3, &signal->currency));
    TRY(wire_text(op, "charge_id", in->charge_id, 0, STRIPE_ID_MAX_BYTES, &signal->charge_id));
    return wire_text(op, "failure_code", in->failure_code, 0, STRIPE_CODE_MAX_BYTES,
                     &signal->failure_code);
}

STATUS payments_signal_decode(struct op *op, const struct bus_record *record,
                              struct engine_message *ret_message)
{
    ProtobufCMessage *message;
    TRY(wire_unpack(op, &holdfast__payments__v1__payments_signal__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &message));
    const wire_signal *in = (const wire_signal *)message;
    struct payments_signal *signal = arena_new(op->arena, struct payments_signal, 1);
    if (!signal) {
        return op_arena_full(op);
    }
    TRY(wire_meta_read(op, in->meta, ret_message));
    TRY(wire_id(op, "escrow_id", in->escrow_id, &signal->escrow_id));
    TRY(wire_id(op, "leg_id", in->leg_id, &signal->leg_id));
    TRY(wire_check_key(op, record, signal->escrow_id));
    TRY(read_texts(op, in, signal));
    signal->amount_minor = in->amount_minor;
    signal->raw = (struct str){.ptr = (const char *)in->raw.data, .len = in->raw.len};
    const struct payments_rail *rail = payments_rail_named(signal->provider);
    if (!rail || rail->fact(signal).kind == PAYMENTS_FACT_NONE || signal->amount_minor < 0 ||
        (signal->amount_minor > 0) != (signal->currency.len == 3)) {
        return op_fail(op, STATUS_INVALID, "payments.signal_invalid", "not one of ours");
    }
    TRY(content_of(op, in, signal->escrow_id, &ret_message->content));
    ret_message->key = signal->escrow_id;
    ret_message->type = PAYMENTS_FACT_NONE; /* read from the signal */
    ret_message->body = signal;
    return OK;
}
