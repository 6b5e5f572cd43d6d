/* In: seals and paths. Out: EscrowMessages and SealEvents. */
#include "escrow/escrow_out_seals.h"

#include "holdfast/escrow/v1/seals.pb-c.h"
#include "wire/wire.h"

static void fill_seal(const struct escrow_seal *seal, Holdfast__Escrow__V1__Seal *ret)
{
    holdfast__escrow__v1__seal__init(ret);
    ret->n = seal->n;
    ret->at_us = seal->at_us;
    ret->leaf_count = seal->leaf_count;
    ret->prev = wire_borrow(seal->prev.bytes, HASH_BYTES);
    ret->root = wire_borrow(seal->root.bytes, HASH_BYTES);
    ret->key_id = wire_borrow(seal->key_id.bytes, HASH_BYTES);
    ret->signature = wire_borrow(seal->signature.ptr, seal->signature.len);
}

STATUS escrow_out_seal_message(struct op *op, struct id id, const struct escrow_seal_proof *proof,
                               struct str *ret_type, struct str *ret_payload)
{
    const struct engine_actor system = {.kind = ENGINE_ACTOR_SYSTEM};
    Holdfast__Escrow__V1__EscrowMessage message;
    Holdfast__Escrow__V1__TellSeal tell;
    Holdfast__Escrow__V1__SealProof told;
    Holdfast__Escrow__V1__Seal seal;
    holdfast__escrow__v1__escrow_message__init(&message);
    holdfast__escrow__v1__tell_seal__init(&tell);
    holdfast__escrow__v1__seal_proof__init(&told);
    fill_seal(proof->seal, &seal);
    told.seq = proof->leaf->seq;
    told.head = wire_borrow(proof->leaf->head.bytes, HASH_BYTES);
    told.prev_seal_n = proof->leaf->prev_seal_n;
    told.leaf_index = proof->leaf->leaf_index;
    told.path = wire_borrow(proof->path, proof->path_count * sizeof(struct hash));
    told.seal = &seal;
    tell.proof = &told;
    message.body_case = HOLDFAST__ESCROW__V1__ESCROW_MESSAGE__BODY_TELL_SEAL;
    message.tell_seal = &tell;
    TRY(wire_meta_origin(op, id, id, system, &message.meta));
    TRY(wire_fill_id(op, proof->leaf->escrow_id, &message.escrow_id));
    *ret_type = wire_type(&tell.base);
    return wire_pack(op, &message.base, ret_payload);
}

STATUS escrow_out_sealed(struct engine_turn *turn, const struct engine_message *message)
{
    struct op *op = engine_op(turn);
    const Holdfast__Escrow__V1__TellSeal *tell = message->body;
    struct id id = engine_next_id(turn);
    Holdfast__Escrow__V1__SealEvent event;
    Holdfast__Escrow__V1__EscrowSealed sealed;
    struct str payload;
    holdfast__escrow__v1__seal_event__init(&event);
    holdfast__escrow__v1__escrow_sealed__init(&sealed);
    sealed.proof = tell->proof;
    event.body_case = HOLDFAST__ESCROW__V1__SEAL_EVENT__BODY_ESCROW_SEALED;
    event.escrow_sealed = &sealed;
    TRY(wire_meta_fill(op, message, id, &event.meta));
    TRY(wire_fill_id(op, message->key, &event.escrow_id));
    TRY(wire_pack(op, &event.base, &payload));
    return engine_emit(turn, TOPIC_ESCROW_SEALS_V1, id, wire_type(&sealed.base), payload);
}
