#pragma once

#include "engine/engine.h"
#include "escrow/escrow_seal.h"

/* A seal on its way: from the sealer to an escrow's lane, and from there to whoever wants to show it. */

/* What a seal says of one escrow, with the way from its leaf to the root. */
struct escrow_seal_proof {
    const struct escrow_seal *seal;
    const struct escrow_seal_leaf *leaf;
    const struct hash *path;
    uint32_t path_count;
};

/* The value of a record of escrow.messages.v1, by SYSTEM, and its CloudEvents type. */
STATUS escrow_out_seal_message(struct op *op, struct id id, const struct escrow_seal_proof *proof,
                               struct str *ret_type, struct str *ret_payload);

/* Publishes what such a message holds. */
STATUS escrow_out_sealed(struct engine_turn *turn, const struct engine_message *message);
