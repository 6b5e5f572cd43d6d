/* escrow.messages.v1: seals that cover an escrow. Out: records of escrow.seals.v1. Nothing of the escrow changes. */
#include "escrow/escrow_in.h"
#include "escrow/escrow_out_seals.h"
#include "holdfast/escrow/v1/seals.pb-c.h"
#include "wire/wire.h"

STATUS escrow_in_seals_decode(struct op *op, const struct bus_record *record,
                              struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__escrow__v1__escrow_message__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Escrow__V1__EscrowMessage *message =
        (const Holdfast__Escrow__V1__EscrowMessage *)unpacked;
    TRY(wire_id(op, "escrow_id", message->escrow_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    TRY(wire_meta_read(op, message->meta, ret_message));
    if (message->body_case != HOLDFAST__ESCROW__V1__ESCROW_MESSAGE__BODY_TELL_SEAL) {
        return op_fail(op, STATUS_INVALID, "escrow.unknown_type",
                       "no message that this version knows");
    }
    if (!message->tell_seal->proof) {
        return op_fail(op, STATUS_INVALID, "escrow.bad_seal", "no proof");
    }
    ret_message->type = (int32_t)message->body_case;
    ret_message->body = message->tell_seal;
    return wire_content_of(op, ret_message->key, ret_message->actor, &message->tell_seal->base,
                           &ret_message->content);
}

STATUS escrow_in_seals_decide(struct engine_turn *turn, const struct engine_message *message)
{
    if (!engine_aggregate(turn)) {
        return op_fail(engine_op(turn), STATUS_NOT_FOUND, "escrow.missing", "of a seal");
    }
    return escrow_out_sealed(turn, message);
}
