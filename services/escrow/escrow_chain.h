#pragma once

#include "escrow/escrow.h"

/*
 * The hash chain of one escrow: whoever changes, drops, adds or reorders anything in its history
 * changes the head.
 *
 * Root (the prev_hash of seq 1), SHA-256 over:
 *   str "holdfast.escrow.terms.v1"
 *   id  escrow   id marketplace   id buyer   id seller
 *   str currency ("USD")   u64 price_minor   str seller_account
 *   u64 funding_seconds   u64 delivery_seconds   u64 inspection_seconds
 *   str description   u64 created_at_us
 * and of a deal with fees, whose first str is "holdfast.escrow.terms.v2":
 *   u64 buyer_fee_basis_points   u64 buyer_fee_fixed_minor
 *   u64 seller_fee_basis_points   u64 seller_fee_fixed_minor   u64 buyer_fee_refundable (0 or 1)
 *
 * hash of a transition, SHA-256 over:
 *   32 bytes prev_hash
 *   str "holdfast.escrow.transition.v1"
 *   id  transition   id escrow   u64 seq   u64 event   u64 from_state   u64 to_state
 *   id  cause   u64 actor_kind   id actor   u64 at_us   u64 transfer_count
 *   then for each transfer, by rising ordinal:
 *     u64 ordinal   u64 debit   u64 credit   str currency   u64 amount_minor   id leg
 *
 * A deadline follows from these: the at_us of the transition that started the clock, and its period.
 *
 * id: 16 bytes. u64: 8 bytes, big-endian; a signed number by its two's complement. str: its length
 * in bytes as u64, then the bytes.
 */

struct hash escrow_chain_root(const struct escrow *escrow);

/* transition->hash is not read; transfer_count rows of `transfers`, by rising ordinal. */
struct hash escrow_chain_hash(const struct escrow_transition *transition,
                              const struct escrow_transfer *transfers);
