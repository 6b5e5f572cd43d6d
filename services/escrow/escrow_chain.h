#pragma once

#include "escrow/escrow.h"

/*
 * The hash chain of one escrow: whoever changes, drops, adds or reorders anything in its history
 * changes the head.
 *
 * Root (the prev_hash of seq 1), SHA-256 over:
 *   str "holdfast.escrow.terms.v3"
 *   id  escrow   id marketplace   id buyer   id seller
 *   str currency ("USD")   u64 price_minor   str seller_account
 *   u64 funding_seconds   u64 delivery_seconds   u64 inspection_seconds
 *   str description   u64 created_at_us
 *   u64 buyer_fee_basis_points   u64 buyer_fee_fixed_minor
 *   u64 seller_fee_basis_points   u64 seller_fee_fixed_minor   u64 buyer_fee_refundable (0 or 1)
 *   id  arbiter   str arbiter_key (32 bytes; no arbiter: none)
 *   u64 milestone_count   32 bytes milestones_hash: zeros where there are none, else SHA-256 over:
 *     str "holdfast.escrow.milestones.v1"   u64 milestone_count
 *     then for each, by rising number: u64 number   str title   u64 price_minor
 *
 * hash of a transition, SHA-256 over:
 *   32 bytes prev_hash
 *   str "holdfast.escrow.transition.v2"
 *   id  transition   id escrow   u64 seq   u64 event   u64 from_state   u64 to_state
 *   id  cause   u64 actor_kind   id actor   u64 at_us   u64 transfer_count
 *   then for each transfer, by rising ordinal:
 *     u64 ordinal   u64 debit   u64 credit   str currency   u64 amount_minor   id leg
 *   u64 milestone (that it is about; 0: the deal)
 *   and of an EscrowDisputeResolved:
 *     u64 dispute   u64 seller_minor   u64 buyer_minor   str reason   str signature (64 bytes; by staff: none)
 *   and of an EscrowEvidenceSubmitted:
 *     u64 dispute   32 bytes content (SHA-256 of the bytes)   u64 type   u64 size_bytes   str description
 *
 * A deadline follows from these: the at_us of the transition that started the clock, and its period. The inspection of a
 * deal with milestones ends when that of the first one does: its period counts from the at_us of the transition by which it
 * was delivered, or by which the last dispute was withdrawn.
 *
 * id: 16 bytes. u64: 8 bytes, big-endian; a signed number by its two's complement. str: its length
 * in bytes as u64, then the bytes.
 */

/* Over rows in any order, at most ESCROW_MILESTONES_MAX, numbered from 1. */
struct hash escrow_chain_milestones(const struct escrow_milestone *const *milestones,
                                    uint32_t milestone_count);

struct hash escrow_chain_root(const struct escrow *escrow);

/* What a transition says beside its transfers; each NULL where it is of another event. */
struct escrow_said {
    const struct escrow_dispute_verdict *verdict; /* EscrowDisputeResolved */
    const struct escrow_evidence *evidence;       /* EscrowEvidenceSubmitted */
};

/* transition->hash is not read; transfer_count rows of `transfers`, by rising ordinal. */
struct hash escrow_chain_hash(const struct escrow_transition *transition,
                              const struct escrow_transfer *transfers, struct escrow_said said);
