/* Rows and their structs: loading, inserting, updating and the simulator's copies come from here. */
#include "escrow/escrow_repo.h"

#include "base/defer.h"
#include "escrow/escrow.h"

#define E(field, kind) TABLE_COLUMN(struct escrow, field, kind)
#define TERM(field, kind) TABLE_FIXED_COLUMN(struct escrow, field, kind)
#define FEE(path, name, kind) TABLE_INNER_COLUMN(struct escrow, fees.path, name, kind, true)
static const struct table_column escrow_columns[] = {
    E(id, COLUMN_UUID),
    E(version, COLUMN_INT8),
    E(seq, COLUMN_INT8),
    E(state, COLUMN_ENUM),
    TERM(currency, COLUMN_ENUM),
    TERM(price_minor, COLUMN_INT8),
    E(received_minor, COLUMN_INT8),
    E(held_minor, COLUMN_INT8),
    E(disputed_minor, COLUMN_INT8),
    E(suspense_minor, COLUMN_INT8),
    E(due_seller_minor, COLUMN_INT8),
    E(due_buyer_minor, COLUMN_INT8),
    E(paid_out_minor, COLUMN_INT8),
    E(refunded_minor, COLUMN_INT8),
    E(fee_deferred_minor, COLUMN_INT8),
    E(fee_minor, COLUMN_INT8),
    E(released_minor, COLUMN_INT8),
    E(returned_minor, COLUMN_INT8),
    E(payout_failed_minor, COLUMN_INT8),
    E(refund_failed_minor, COLUMN_INT8),
    E(payment_setup_failed, COLUMN_BOOL),
    E(foreign_money, COLUMN_BOOL),
    TERM(marketplace_id, COLUMN_UUID),
    TERM(buyer_id, COLUMN_UUID),
    TERM(seller_id, COLUMN_UUID),
    TERM(arbiter_id, COLUMN_UUID),
    TERM(arbiter_key, COLUMN_BYTEA),
    TERM(seller_account, COLUMN_TEXT),
    TERM(funding_seconds, COLUMN_INT8),
    TERM(delivery_seconds, COLUMN_INT8),
    TERM(inspection_seconds, COLUMN_INT8),
    FEE(buyer.basis_points, "buyer_fee_basis_points", COLUMN_INT8),
    FEE(buyer.fixed_minor, "buyer_fee_fixed_minor", COLUMN_INT8),
    FEE(seller.basis_points, "seller_fee_basis_points", COLUMN_INT8),
    FEE(seller.fixed_minor, "seller_fee_fixed_minor", COLUMN_INT8),
    FEE(buyer_refundable, "buyer_fee_refundable", COLUMN_BOOL),
    TERM(buyer_fee_minor, COLUMN_INT8),
    TERM(seller_fee_minor, COLUMN_INT8),
    TERM(description, COLUMN_TEXT),
    TERM(milestone_count, COLUMN_INT8),
    TERM(milestones_hash, COLUMN_HASH),
    E(paid_leg_id, COLUMN_UUID),
    E(payout_leg_id, COLUMN_UUID),
    E(refund_leg_id, COLUMN_UUID),
    E(split_count, COLUMN_INT8),
    E(split_by, COLUMN_UUID),
    E(split_seller_minor, COLUMN_INT8),
    E(deadline_seq, COLUMN_INT8),
    E(deadline_at_us, COLUMN_INT8),
    E(chain_head, COLUMN_HASH),
    TERM(created_at_us, COLUMN_INT8),
    E(updated_at_us, COLUMN_INT8),
};
#undef E
#undef TERM
#undef FEE

const struct table escrow_table = {
    .name = "escrow",
    .row_bytes = sizeof(struct escrow),
    .columns = escrow_columns,
    .column_count = ARRAY_LEN(escrow_columns),
    .key_count = 1,
    .version = 1,
    .parent = TABLE_NO_COLUMN,
};

#define S(field, kind) TABLE_COLUMN(struct escrow_suspense, field, kind)
#define GIVEN(field, kind) TABLE_FIXED_COLUMN(struct escrow_suspense, field, kind)
static const struct table_column suspense_columns[] = {
    S(leg_id, COLUMN_UUID),        GIVEN(escrow_id, COLUMN_UUID),
    S(version, COLUMN_INT8),       S(state, COLUMN_ENUM),
    GIVEN(currency, COLUMN_TEXT),  GIVEN(amount_minor, COLUMN_INT8),
    S(refund_leg_id, COLUMN_UUID), GIVEN(created_at_us, COLUMN_INT8),
    S(updated_at_us, COLUMN_INT8),
};
#undef S
#undef GIVEN

const struct table escrow_suspense_table = {
    .name = "suspense",
    .row_bytes = sizeof(struct escrow_suspense),
    .columns = suspense_columns,
    .column_count = ARRAY_LEN(suspense_columns),
    .key_count = 1,
    .version = 2,
    .parent = 1,
};

#define D(field, kind) TABLE_COLUMN(struct escrow_dispute, field, kind)
#define DOCKET_COLUMN(which, field, name)                                               \
    TABLE_INNER_COLUMN(struct escrow_dispute, docket[ESCROW_PARTY_##which].field, name, \
                       COLUMN_INT8, false)
#define DOCKET(which, name)                                                                 \
    DOCKET_COLUMN(which, items, name "_items"), DOCKET_COLUMN(which, bytes, name "_bytes"), \
        DOCKET_COLUMN(which, last_at_us, name "_last_at_us")
#define GIVEN(field, kind) TABLE_FIXED_COLUMN(struct escrow_dispute, field, kind)
static const struct table_column dispute_columns[] = {
    D(id, COLUMN_UUID),
    GIVEN(escrow_id, COLUMN_UUID),
    D(version, COLUMN_INT8),
    D(state, COLUMN_ENUM),
    GIVEN(number, COLUMN_INT8),
    GIVEN(raiser_id, COLUMN_UUID),
    GIVEN(before, COLUMN_ENUM),
    GIVEN(amount_minor, COLUMN_INT8),
    D(seller_minor, COLUMN_INT8),
    D(buyer_minor, COLUMN_INT8),
    DOCKET(BUYER, "buyer"),
    DOCKET(SELLER, "seller"),
    GIVEN(created_at_us, COLUMN_INT8),
    D(updated_at_us, COLUMN_INT8),
};
#undef D
#undef DOCKET
#undef GIVEN

const struct table escrow_dispute_table = {
    .name = "dispute",
    .row_bytes = sizeof(struct escrow_dispute),
    .columns = dispute_columns,
    .column_count = ARRAY_LEN(dispute_columns),
    .key_count = 1,
    .version = 2,
    .parent = 1,
};

#define P(field, kind) TABLE_COLUMN(struct escrow_part, field, kind)
#define GIVEN(field, kind) TABLE_FIXED_COLUMN(struct escrow_part, field, kind)
static const struct table_column part_columns[] = {
    P(id, COLUMN_UUID),
    GIVEN(escrow_id, COLUMN_UUID),
    P(version, COLUMN_INT8),
    P(state, COLUMN_ENUM),
    GIVEN(number, COLUMN_INT8),
    GIVEN(to_buyer, COLUMN_BOOL),
    GIVEN(price_minor, COLUMN_INT8),
    GIVEN(amount_minor, COLUMN_INT8),
    P(leg_id, COLUMN_UUID),
    GIVEN(created_at_us, COLUMN_INT8),
    P(updated_at_us, COLUMN_INT8),
};
#undef P
#undef GIVEN

const struct table escrow_part_table = {
    .name = "part",
    .row_bytes = sizeof(struct escrow_part),
    .columns = part_columns,
    .column_count = ARRAY_LEN(part_columns),
    .key_count = 1,
    .version = 2,
    .parent = 1,
};

#define M(field, kind) TABLE_COLUMN(struct escrow_milestone, field, kind)
#define GIVEN(field, kind) TABLE_FIXED_COLUMN(struct escrow_milestone, field, kind)
static const struct table_column milestone_columns[] = {
    M(escrow_id, COLUMN_UUID),      M(number, COLUMN_INT8),
    M(version, COLUMN_INT8),        M(state, COLUMN_ENUM),
    GIVEN(title, COLUMN_TEXT),      GIVEN(price_minor, COLUMN_INT8),
    M(deadline_at_us, COLUMN_INT8), GIVEN(created_at_us, COLUMN_INT8),
    M(updated_at_us, COLUMN_INT8),
};
#undef M
#undef GIVEN

const struct table escrow_milestone_table = {
    .name = "milestone",
    .row_bytes = sizeof(struct escrow_milestone),
    .columns = milestone_columns,
    .column_count = ARRAY_LEN(milestone_columns),
    .key_count = 2,
    .version = 2,
    .parent = 0,
};

#define T(field, kind) TABLE_COLUMN(struct escrow_transition, field, kind)
static const struct table_column transition_columns[] = {
    T(escrow_id, COLUMN_UUID),      T(seq, COLUMN_INT8),        T(id, COLUMN_UUID),
    T(event, COLUMN_ENUM),          T(from_state, COLUMN_ENUM), T(to_state, COLUMN_ENUM),
    T(cause_id, COLUMN_UUID),       T(actor_kind, COLUMN_ENUM), T(actor_id, COLUMN_UUID),
    T(transfer_count, COLUMN_ENUM), T(milestone, COLUMN_ENUM),  T(at_us, COLUMN_INT8),
    T(prev_hash, COLUMN_HASH),      T(hash, COLUMN_HASH),
};
#undef T

const struct table escrow_transition_table = {
    .name = "transition",
    .row_bytes = sizeof(struct escrow_transition),
    .columns = transition_columns,
    .column_count = ARRAY_LEN(transition_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = 0,
};

#define L(field, kind) TABLE_COLUMN(struct escrow_transfer, field, kind)
static const struct table_column transfer_columns[] = {
    L(escrow_id, COLUMN_UUID),    L(seq, COLUMN_INT8),    L(ordinal, COLUMN_ENUM),
    L(debit, COLUMN_ENUM),        L(credit, COLUMN_ENUM), L(currency, COLUMN_TEXT),
    L(amount_minor, COLUMN_INT8), L(leg_id, COLUMN_UUID),
};
#undef L

const struct table escrow_transfer_table = {
    .name = "transfer",
    .row_bytes = sizeof(struct escrow_transfer),
    .columns = transfer_columns,
    .column_count = ARRAY_LEN(transfer_columns),
    .key_count = 3,
    .version = TABLE_NO_COLUMN,
    .parent = 0,
};

#define V(field, kind) TABLE_COLUMN(struct escrow_dispute_verdict, field, kind)
static const struct table_column verdict_columns[] = {
    V(escrow_id, COLUMN_UUID),    V(seq, COLUMN_INT8),         V(dispute, COLUMN_INT8),
    V(seller_minor, COLUMN_INT8), V(buyer_minor, COLUMN_INT8), V(reason, COLUMN_TEXT),
    V(signature, COLUMN_BYTEA),
};
#undef V

const struct table escrow_verdict_table = {
    .name = "verdict",
    .row_bytes = sizeof(struct escrow_dispute_verdict),
    .columns = verdict_columns,
    .column_count = ARRAY_LEN(verdict_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = 0,
};

#define N(field, kind) TABLE_COLUMN(struct escrow_evidence, field, kind)
static const struct table_column evidence_columns[] = {
    N(escrow_id, COLUMN_UUID),   N(seq, COLUMN_INT8),  N(dispute, COLUMN_INT8),
    N(content, COLUMN_HASH),     N(type, COLUMN_ENUM), N(size_bytes, COLUMN_INT8),
    N(description, COLUMN_TEXT),
};
#undef N

const struct table escrow_evidence_table = {
    .name = "evidence",
    .row_bytes = sizeof(struct escrow_evidence),
    .columns = evidence_columns,
    .column_count = ARRAY_LEN(evidence_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = 0,
};
