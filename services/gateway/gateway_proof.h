#pragma once

#include "base/hash.h"
#include "base/table.h"
#include "gateway/gateway_repo.h"

/* What the last seal says of a deal, as escrow told it (escrow.seals.v1). Nothing is checked here but its form:
 * whoever wants to know does that with the key of the seals (docs/audit.md). */

#define GATEWAY_PROOF_PATH_MAX 12 /* hashes */
#define GATEWAY_PROOF_SIGNATURE_BYTES 64

/* A row of escrow_proof. */
struct gateway_proof {
    struct id id; /* the escrow's */
    int64_t version;
    int64_t seq;
    struct hash head;
    int64_t prev_seal_n;
    int64_t leaf_index;
    struct str path; /* at most GATEWAY_PROOF_PATH_MAX hashes, one after the other */
    int64_t seal_n;
    int64_t sealed_at_us;
    int64_t leaf_count;
    struct hash seal_prev;
    struct hash seal_root;
    struct hash key_id;
    struct str signature; /* GATEWAY_PROOF_SIGNATURE_BYTES */
};

extern const struct table gateway_proof_table;

/* *ret_found false: no seal covers it yet. */
STATUS gateway_proof_find(struct op *op, struct pg *pg, struct id escrow_id,
                          struct gateway_proof *ret_proof, bool *ret_found);

/* seq: of the deal's last event that the gateway knows of. */
STATUS gateway_proof_json(struct op *op, const struct gateway_proof *proof, int64_t seq,
                          struct str *ret_json);
