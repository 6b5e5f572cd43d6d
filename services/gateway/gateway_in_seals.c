/* escrow.seals.v1: what seals say of deals. Out: rows of escrow_proof, one for each deal, of its latest seal. */
#include <string.h>

#include "gateway/gateway_in.h"
#include "gateway/gateway_proof.h"
#include "holdfast/escrow/v1/seals.pb-c.h"
#include "wire/wire.h"

static STATUS take_hash(struct op *op, ProtobufCBinaryData bytes, struct hash *ret_hash)
{
    if (bytes.len != HASH_BYTES) {
        return op_fail(op, STATUS_INVALID, "gateway.bad_seal", "a hash of %zu bytes", bytes.len);
    }
    memcpy(ret_hash->bytes, bytes.data, HASH_BYTES);
    return OK;
}

static struct str borrow(ProtobufCBinaryData bytes)
{
    return (struct str){.ptr = bytes.len > 0 ? (const char *)bytes.data : "", .len = bytes.len};
}

static STATUS read_seal(struct op *op, const Holdfast__Escrow__V1__Seal *seal,
                        struct gateway_proof *proof)
{
    if (!seal || seal->n < 1 || seal->signature.len != GATEWAY_PROOF_SIGNATURE_BYTES) {
        return op_fail(op, STATUS_INVALID, "gateway.bad_seal", "no seal, number or signature");
    }
    proof->seal_n = seal->n;
    proof->sealed_at_us = seal->at_us;
    proof->leaf_count = seal->leaf_count;
    proof->signature = borrow(seal->signature);
    TRY(take_hash(op, seal->prev, &proof->seal_prev));
    TRY(take_hash(op, seal->root, &proof->seal_root));
    return take_hash(op, seal->key_id, &proof->key_id);
}

static STATUS read_proof(struct op *op, const Holdfast__Escrow__V1__SealProof *told,
                         struct gateway_proof *proof)
{
    if (!told || told->seq < 1 || told->path.len % HASH_BYTES != 0 ||
        told->path.len > (size_t)GATEWAY_PROOF_PATH_MAX * HASH_BYTES) {
        return op_fail(op, STATUS_INVALID, "gateway.bad_seal", "no proof, seq or path");
    }
    proof->seq = told->seq;
    proof->prev_seal_n = told->prev_seal_n;
    proof->leaf_index = told->leaf_index;
    proof->path = borrow(told->path);
    TRY(take_hash(op, told->head, &proof->head));
    return read_seal(op, told->seal, proof);
}

STATUS gateway_in_seals_decode(struct op *op, const struct bus_record *record,
                               struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__escrow__v1__seal_event__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Escrow__V1__SealEvent *event =
        (const Holdfast__Escrow__V1__SealEvent *)unpacked;
    struct gateway_proof *proof = arena_new(op->arena, struct gateway_proof, 1);
    if (!proof) {
        return op_arena_full(op);
    }
    TRY(wire_id(op, "escrow_id", event->escrow_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    TRY(wire_meta_read(op, event->meta, ret_message));
    ret_message->type = (int32_t)event->body_case;
    if (event->body_case != HOLDFAST__ESCROW__V1__SEAL_EVENT__BODY_ESCROW_SEALED) {
        ret_message->skip = true; /* of a newer version */
        return OK;
    }
    TRY(read_proof(op, event->escrow_sealed->proof, proof));
    proof->id = ret_message->key;
    proof->version = 1;
    ret_message->body = proof;
    return OK;
}

STATUS gateway_in_seals_decide(struct engine_turn *turn, const struct engine_message *message)
{
    const struct gateway_proof *told = message->body;
    struct gateway_proof *now = engine_aggregate(turn);
    if (!now) {
        void *row = NULL;
        return engine_create(turn, told, &row);
    }
    if (told->seq > now->seq) { /* messages to a lane may overtake each other */
        int64_t version = now->version;
        *now = *told;
        now->version = version + 1;
        engine_changed(turn);
    }
    return OK;
}
