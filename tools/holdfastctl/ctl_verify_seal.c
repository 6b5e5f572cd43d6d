/* In: seals, and what they say of escrows. Out: what does not fit. Pure. */
#include <inttypes.h>

#include "holdfastctl/ctl_verify.h"

static const struct id of_none = {.bytes = {0}};

void ctl_verify_signature(struct op *op, struct ctl_verification *verification, struct id escrow_id,
                          const struct escrow_seal *seal, const struct ctl_keys *keys)
{
    const struct sign_public *key = ctl_keys_find(keys, &seal->key_id);
    if (!key) {
        ctl_verify_add(op, verification, escrow_id, "seal_key",
                       "seal %" PRId64 " is signed with a key that was not given", seal->n);
    } else if (!escrow_seal_signature_is_right(seal, key)) {
        ctl_verify_add(op, verification, escrow_id, "seal_signature",
                       "seal %" PRId64 " is not what was signed", seal->n);
    }
}

void ctl_verify_seal(struct op *op, struct ctl_verification *verification,
                     const struct escrow_seal *seal, const struct ctl_last_seal *before,
                     const struct hash *leaves, uint32_t leaf_count)
{
    verification->seals++;
    if (seal->n != before->n + 1) {
        ctl_verify_add(op, verification, of_none, "seal_gap", "seal %" PRId64 " follows %" PRId64,
                       seal->n, before->n);
    }
    if (!hash_eq(&seal->prev, &before->hash)) {
        ctl_verify_add(op, verification, of_none, "seal_chain",
                       "seal %" PRId64 " does not follow the one before", seal->n);
    }
    bool counts = leaf_count > 0 && leaf_count <= ESCROW_SEAL_LEAVES_MAX;
    struct hash root = {.bytes = {0}};
    if (counts) {
        root = escrow_seal_root(leaves, leaf_count);
    }
    if (!counts || (int64_t)leaf_count != seal->leaf_count || !hash_eq(&root, &seal->root)) {
        ctl_verify_add(op, verification, of_none, "seal_root",
                       "seal %" PRId64 " is not over its %" PRIu32 " leaves", seal->n, leaf_count);
    }
    struct hash hash = {.bytes = {0}};
    if (seal->signature.len == SIGN_BYTES) {
        hash = escrow_seal_hash(seal);
    }
    if (!hash_eq(&hash, &seal->hash)) {
        ctl_verify_add(op, verification, of_none, "seal_hash", "seal %" PRId64 " was changed",
                       seal->n);
    }
}

void ctl_verify_leaves(struct op *op, struct ctl_verification *verification,
                       const struct ctl_history *history)
{
    int64_t prev_n = 0;
    int64_t seq = 0;
    for (uint32_t i = 0; i < history->leaf_count; i++) {
        const struct escrow_seal_leaf *leaf = &history->leaves[i];
        bool there = leaf->seq > seq && leaf->seq <= (int64_t)history->transition_count;
        if (!there || !hash_eq(&leaf->head, &history->transitions[leaf->seq - 1].hash)) {
            ctl_verify_add(op, verification, leaf->escrow_id, "sealed_head",
                           "seal %" PRId64 " covers another history at seq %" PRId64, leaf->seal_n,
                           leaf->seq);
        }
        if (leaf->prev_seal_n != prev_n) {
            ctl_verify_add(op, verification, leaf->escrow_id, "seal_missing",
                           "seal %" PRId64 " follows %" PRId64 ", not %" PRId64, leaf->seal_n,
                           leaf->prev_seal_n, prev_n);
        }
        prev_n = leaf->seal_n;
        seq = leaf->seq;
    }
    verification->unsealed += seq < (int64_t)history->transition_count ? 1 : 0;
}
