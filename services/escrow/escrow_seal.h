#pragma once

#include "base/hash.h"
#include "base/id.h"
#include "base/sign.h"
#include "base/table.h"

/*
 * Seals: a Merkle tree over the chain heads that changed since the last seal, its root signed with a key that the
 * database does not hold, each seal linked to the one before. Whoever rewrites a sealed history, chain and all, would
 * have to sign it anew. Pure.
 *
 * A leaf, SHA-256 over (RFC 6962 puts 0x00 before leaves and 0x01 before nodes, so that neither can be taken for the
 * other):
 *   byte 0x00   id escrow   u64 seq   32 bytes hash of the transition of that seq   u64 number of the seal before this
 *   one that covered the same escrow, 0 for the first
 * A node: SHA-256 over byte 0x01, left hash, right hash. The tree is RFC 6962's: n leaves are split at the largest power of two
 * below n. Leaves stand in the order of the escrows' ids.
 *
 * What is signed is a text, each line ended by a newline:
 *   holdfast.seal.v1
 *   n 17
 *   at_us 1790000000000000
 *   leaves 3
 *   prev <64 hex digits: hash of seal 16; zeros for the first>
 *   root <64 hex digits>
 *   key <64 hex digits: sign_key_id>
 * The hash of a seal: SHA-256 over this text and the 64 bytes of its signature.
 */

#define ESCROW_SEAL_LEAVES_MAX 4096
#define ESCROW_SEAL_PATH_MAX 12 /* hashes: log2 of it */
#define ESCROW_SEAL_TEXT_BYTES 400
_Static_assert(1 << ESCROW_SEAL_PATH_MAX == ESCROW_SEAL_LEAVES_MAX, "the deepest tree");

/* A row of `seal`. */
struct escrow_seal {
    int64_t n; /* 1, 2, 3 … without a gap */
    int64_t at_us;
    int64_t leaf_count;
    struct hash prev;
    struct hash root;
    struct hash key_id;
    struct str signature; /* SIGN_BYTES */
    struct hash hash;
};

/* A row of `seal_leaf`: what a seal says of one escrow. */
struct escrow_seal_leaf {
    struct id escrow_id;
    int64_t seal_n;
    int64_t leaf_index; /* from 0 */
    int64_t seq;
    struct hash head;
    int64_t prev_seal_n;
};

extern const struct table escrow_seal_table;      /* insert-only */
extern const struct table escrow_seal_leaf_table; /* insert-only */

struct hash escrow_seal_leaf_hash(const struct escrow_seal_leaf *leaf);

/* Of 1 to ESCROW_SEAL_LEAVES_MAX leaf hashes. */
struct hash escrow_seal_root(const struct hash *leaves, uint32_t leaf_count);
/* The hashes beside the way from a leaf to the root, from below; how many. */
uint32_t escrow_seal_path(const struct hash *leaves, uint32_t leaf_count, uint32_t index,
                          struct hash ret_path[ESCROW_SEAL_PATH_MAX]);
/* Does the path lead from the leaf, at this index of so many, to the root? */
bool escrow_seal_includes(const struct hash *root, int64_t leaf_count, int64_t index,
                          const struct hash *leaf, const struct hash *path, uint32_t path_count);

/* The text that is signed, in memory of the caller. */
struct str escrow_seal_text(const struct escrow_seal *seal, char ret_text[ESCROW_SEAL_TEXT_BYTES]);
/* By its text and its signature, which must be SIGN_BYTES long. */
struct hash escrow_seal_hash(const struct escrow_seal *seal);
bool escrow_seal_signature_is_right(const struct escrow_seal *seal,
                                    const struct sign_public *public_key);
