/* In: rows of the history. Out: their hashes, by the layout that the header documents. Pure. */
#include "escrow/escrow_chain.h"

static void add_id(struct hash_state *state, struct id id)
{
    hash_add(state, id.bytes, sizeof(id.bytes));
}

static void add_fees(struct hash_state *state, const struct fee_terms *fees)
{
    hash_add_u64(state, (uint64_t)fees->buyer.basis_points);
    hash_add_u64(state, (uint64_t)fees->buyer.fixed_minor);
    hash_add_u64(state, (uint64_t)fees->seller.basis_points);
    hash_add_u64(state, (uint64_t)fees->seller.fixed_minor);
    hash_add_u64(state, fees->buyer_refundable ? 1 : 0);
}

struct hash escrow_chain_milestones(const struct escrow_milestone *const *milestones,
                                    uint32_t milestone_count)
{
    struct hash_state state;
    hash_init(&state);
    hash_add_str(&state, STR("holdfast.escrow.milestones.v1"));
    hash_add_u64(&state, milestone_count);
    for (int64_t number = 1; number <= (int64_t)milestone_count; number++) {
        uint32_t at = escrow_milestone_at(milestones, milestone_count, number);
        hash_add_u64(&state, (uint64_t)number);
        hash_add_str(&state, at < milestone_count ? milestones[at]->title : STR(""));
        hash_add_u64(&state, at < milestone_count ? (uint64_t)milestones[at]->price_minor : 0);
    }
    return hash_done(&state);
}

struct hash escrow_chain_root(const struct escrow *escrow)
{
    struct hash_state state;
    hash_init(&state);
    hash_add_str(&state, STR("holdfast.escrow.terms.v3"));
    add_id(&state, escrow->id);
    add_id(&state, escrow->marketplace_id);
    add_id(&state, escrow->buyer_id);
    add_id(&state, escrow->seller_id);
    hash_add_str(&state, currency_name(escrow->currency));
    hash_add_u64(&state, (uint64_t)escrow->price_minor);
    hash_add_str(&state, escrow->seller_account);
    hash_add_u64(&state, (uint64_t)escrow->funding_seconds);
    hash_add_u64(&state, (uint64_t)escrow->delivery_seconds);
    hash_add_u64(&state, (uint64_t)escrow->inspection_seconds);
    hash_add_str(&state, escrow->description);
    hash_add_u64(&state, (uint64_t)escrow->created_at_us);
    add_fees(&state, &escrow->fees);
    add_id(&state, escrow->arbiter_id);
    hash_add_str(&state, escrow->arbiter_key);
    hash_add_u64(&state, (uint64_t)escrow->milestone_count);
    hash_add(&state, escrow->milestones_hash.bytes, sizeof(escrow->milestones_hash.bytes));
    return hash_done(&state);
}

static void add_transfer(struct hash_state *state, const struct escrow_transfer *transfer)
{
    hash_add_u64(state, (uint64_t)transfer->ordinal);
    hash_add_u64(state, (uint64_t)transfer->debit);
    hash_add_u64(state, (uint64_t)transfer->credit);
    hash_add_str(state, transfer->currency);
    hash_add_u64(state, (uint64_t)transfer->amount_minor);
    add_id(state, transfer->leg_id);
}

static void add_verdict(struct hash_state *state, const struct escrow_dispute_verdict *verdict)
{
    hash_add_u64(state, (uint64_t)verdict->dispute);
    hash_add_u64(state, (uint64_t)verdict->seller_minor);
    hash_add_u64(state, (uint64_t)verdict->buyer_minor);
    hash_add_str(state, verdict->reason);
    hash_add_str(state, verdict->signature);
}

static void add_evidence(struct hash_state *state, const struct escrow_evidence *evidence)
{
    hash_add_u64(state, (uint64_t)evidence->dispute);
    hash_add(state, evidence->content.bytes, sizeof(evidence->content.bytes));
    hash_add_u64(state, (uint64_t)evidence->type);
    hash_add_u64(state, (uint64_t)evidence->size_bytes);
    hash_add_str(state, evidence->description);
}

struct hash escrow_chain_hash(const struct escrow_transition *transition,
                              const struct escrow_transfer *transfers, struct escrow_said said)
{
    struct hash_state state;
    hash_init(&state);
    hash_add(&state, transition->prev_hash.bytes, sizeof(transition->prev_hash.bytes));
    hash_add_str(&state, STR("holdfast.escrow.transition.v2"));
    add_id(&state, transition->id);
    add_id(&state, transition->escrow_id);
    hash_add_u64(&state, (uint64_t)transition->seq);
    hash_add_u64(&state, (uint64_t)transition->event);
    hash_add_u64(&state, (uint64_t)transition->from_state);
    hash_add_u64(&state, (uint64_t)transition->to_state);
    add_id(&state, transition->cause_id);
    hash_add_u64(&state, (uint64_t)transition->actor_kind);
    add_id(&state, transition->actor_id);
    hash_add_u64(&state, (uint64_t)transition->at_us);
    hash_add_u64(&state, (uint64_t)transition->transfer_count);
    for (int i = 0; i < transition->transfer_count; i++) {
        add_transfer(&state, &transfers[i]);
    }
    hash_add_u64(&state, (uint64_t)transition->milestone);
    if (said.verdict) {
        add_verdict(&state, said.verdict);
    }
    if (said.evidence) {
        add_evidence(&state, said.evidence);
    }
    return hash_done(&state);
}
