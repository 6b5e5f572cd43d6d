/* In: the text of a dossier, public keys. Out: what does not fit. Everything is recomputed; nothing is asked for. */
#include <inttypes.h>
#include <string.h>

#include "base/defer.h"
#include "holdfastctl/ctl_dossier.h"

#define FOUND(what, ...) ctl_verify_add(op, verification, dossier->escrow.id, (what), __VA_ARGS__)

/* There is one way to write what was read. */
static STATUS check_form(struct op *op, struct ctl_verification *verification,
                         const struct ctl_dossier *dossier, struct str text)
{
    struct str written;
    TRY(ctl_dossier_write(op, dossier, &written));
    size_t at = 0;
    uint32_t line = 1;
    while (at < text.len && at < written.len && text.ptr[at] == written.ptr[at]) {
        line += text.ptr[at] == '\n' ? 1 : 0;
        at++;
    }
    if (at < text.len || at < written.len) {
        FOUND("form", "line %" PRIu32 " is not what the other lines make it", line);
    }
    return OK;
}

/* By rising (seq, ordinal), and each of a transition that says how many it has. */
static void check_transfers(struct op *op, struct ctl_verification *verification,
                            const struct ctl_dossier *dossier)
{
    int64_t told = 0;
    for (uint32_t i = 0; i < dossier->transition_count; i++) {
        told += dossier->transitions[i].transfer_count;
    }
    if (told != (int64_t)dossier->transfer_count) {
        FOUND("transfer_count", "%" PRIu32 " transfers, the transitions say %" PRId64,
              dossier->transfer_count, told);
    }
    for (uint32_t i = 1; i < dossier->transfer_count; i++) {
        const struct escrow_transfer *row = &dossier->transfers[i];
        if (row->seq < row[-1].seq ||
            (row->seq == row[-1].seq && row->ordinal <= row[-1].ordinal)) {
            FOUND("transfer_order", "transfer %" PRIu32 " is out of order", i + 1);
        }
    }
}

/* After each transition no liability is below zero, in any currency. */
static void check_ledger(struct op *op, struct ctl_verification *verification,
                         const struct ctl_dossier *dossier)
{
    for (uint32_t i = 0; i < dossier->transfer_count; i++) {
        const struct escrow_transfer *row = &dossier->transfers[i];
        if (!ctl_totals_add(op, verification->totals, &verification->total_count, row)) {
            FOUND("transfer", "seq %" PRId64 " ordinal %d cannot be counted", row->seq,
                  row->ordinal);
            return;
        }
        bool more = i + 1 < dossier->transfer_count && row[1].seq == row->seq;
        if (!more && ctl_totals_below_zero(verification->totals, verification->total_count)) {
            FOUND("liability", "after seq %" PRId64 " more is paid than is owed", row->seq);
        }
    }
}

static bool is_money_aside(const struct ctl_dossier *dossier, const struct escrow_transfer *line)
{
    return line->credit == ESCROW_ACCOUNT_SUSPENSE &&
           escrow_account_side(line->debit) == ESCROW_SIDE_ASSET && line->seq >= 1 &&
           line->seq <= (int64_t)dossier->transition_count;
}

/* The row that tells of it is as the ledger has it. */
static bool tells_of(const struct ctl_dossier *dossier, const struct escrow_suspense *row,
                     const struct escrow_transfer *line)
{
    return id_eq(row->leg_id, line->leg_id) && row->amount_minor == line->amount_minor &&
           str_eq(row->currency, line->currency) &&
           row->created_at_us == dossier->transitions[line->seq - 1].at_us;
}

/* Money that was put aside: one row for each transfer that did it, in the order of their legs. */
static void check_suspense(struct op *op, struct ctl_verification *verification,
                           const struct ctl_dossier *dossier)
{
    uint32_t lines = 0;
    uint32_t matched = 0;
    for (uint32_t i = 0; i < dossier->transfer_count; i++) {
        if (!is_money_aside(dossier, &dossier->transfers[i])) {
            continue;
        }
        lines++;
        for (uint32_t s = 0; s < dossier->suspense_count; s++) {
            matched += tells_of(dossier, &dossier->suspense[s], &dossier->transfers[i]) ? 1 : 0;
        }
    }
    bool in_order = true;
    for (uint32_t s = 1; s < dossier->suspense_count; s++) {
        in_order &= id_compare(dossier->suspense[s - 1].leg_id, dossier->suspense[s].leg_id) < 0;
    }
    if (matched != lines || lines != dossier->suspense_count || !in_order) {
        FOUND("suspense", "%" PRIu32 " rows, %" PRIu32 " transfers put money aside",
              dossier->suspense_count, lines);
    }
}

/* By rising number, from 1 on. */
static void check_milestones(struct op *op, struct ctl_verification *verification,
                             const struct ctl_dossier *dossier)
{
    for (uint32_t i = 0; i < dossier->milestone_count; i++) {
        if (dossier->milestones[i].number != (int64_t)i + 1) {
            FOUND("milestones", "milestone %" PRIu32 " is out of order", i + 1);
        }
    }
}

static void check_seal(struct op *op, struct ctl_verification *verification,
                       const struct ctl_dossier *dossier, const struct ctl_dossier_seal *seal,
                       const struct ctl_keys *keys)
{
    struct hash leaf = escrow_seal_leaf_hash(&seal->leaf);
    struct hash hash = {.bytes = {0}};
    if (seal->seal.signature.len == SIGN_BYTES) {
        hash = escrow_seal_hash(&seal->seal);
    }
    if (!hash_eq(&hash, &seal->seal.hash)) {
        FOUND("seal_hash", "seal %" PRId64 " was changed", seal->seal.n);
    }
    if (!escrow_seal_includes(&seal->seal.root, seal->seal.leaf_count, seal->leaf.leaf_index, &leaf,
                              seal->path, seal->path_count)) {
        FOUND("seal_path", "seal %" PRId64 " does not cover seq %" PRId64, seal->seal.n,
              seal->leaf.seq);
    }
    ctl_verify_signature(op, verification, dossier->escrow.id, &seal->seal, keys);
}

static STATUS check_seals(struct op *op, struct ctl_verification *verification,
                          const struct ctl_dossier *dossier, const struct ctl_keys *keys,
                          struct ctl_history *history)
{
    struct escrow_seal_leaf *leaves =
        arena_new(op->arena, struct escrow_seal_leaf, dossier->seal_count);
    if (!leaves) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < dossier->seal_count; i++) {
        leaves[i] = dossier->seals[i].leaf;
        check_seal(op, verification, dossier, &dossier->seals[i], keys);
    }
    verification->seals += dossier->seal_count;
    history->leaves = leaves;
    history->leaf_count = dossier->seal_count;
    ctl_verify_leaves(op, verification, history);
    if (verification->unsealed > 0) {
        FOUND("unsealed", "no seal covers the last transition");
    }
    return OK;
}

static STATUS check_all(struct op *op, struct str text, const struct ctl_keys *keys,
                        struct ctl_verification *verification, const struct ctl_dossier *dossier)
{
    struct ctl_history history = {
        .escrow = &dossier->escrow,
        .transitions = dossier->transitions,
        .transition_count = dossier->transition_count,
        .transfers = dossier->transfers,
        .transfer_count = dossier->transfer_count,
        .verdicts = dossier->verdicts,
        .verdict_count = dossier->verdict_count,
        .evidence = dossier->evidence,
        .evidence_count = dossier->evidence_count,
        .suspense = dossier->suspense,
        .suspense_count = dossier->suspense_count,
        .milestones = dossier->milestones,
        .milestone_count = dossier->milestone_count,
    };
    verification->escrows++;
    verification->transitions += dossier->transition_count;
    verification->transfers += dossier->transfer_count;
    TRY(check_form(op, verification, dossier, text));
    if (dossier->transition_count == 0) {
        FOUND("empty", "there is no transition");
    }
    ctl_verify_milestones(op, verification, &history);
    check_milestones(op, verification, dossier);
    ctl_verify_chain(op, verification, &history);
    ctl_verify_verdicts(op, verification, &history);
    ctl_verify_evidence(op, verification, &history);
    check_transfers(op, verification, dossier);
    check_ledger(op, verification, dossier);
    check_suspense(op, verification, dossier);
    return check_seals(op, verification, dossier, keys, &history);
}

STATUS ctl_dossier_verify(struct op *op, struct str text, const struct ctl_keys *keys,
                          struct ctl_verification *verification, struct ctl_dossier *ret_dossier)
{
    struct status st = ctl_dossier_read(op, text, ret_dossier);
    if (!status_failed(st)) {
        st = check_all(op, text, keys, verification, ret_dossier);
    }
    if (st.kind == STATUS_INVALID) { /* it cannot be read: that is what was found */
        ctl_verify_add(op, verification, (struct id){.bytes = {0}}, "form", "%s", op->err.msg);
        return verification->failed ? op_arena_full(op) : OK;
    }
    TRY(st);
    return verification->failed ? op_arena_full(op) : OK;
}
