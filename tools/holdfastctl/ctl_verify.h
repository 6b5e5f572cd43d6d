#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/op.h"
#include "engine/engine.h"
#include "escrow/escrow.h"
#include "escrow/escrow_seal.h"
#include "holdfastctl/ctl_keys.h"

/*
 * Is what is stored about one escrow what its history says? Pure: rows in, findings out. Everything
 * is recomputed from the transitions and transfers; nothing is taken from the escrow's row but to be
 * compared.
 */

#define CTL_FINDINGS_MAX 200
#define CTL_TOTALS_MAX 16 /* currencies */

struct ctl_finding {
    struct id escrow_id;
    const char *what; /* a stable word: "hash", "seq_gap", "balance", ... */
    struct str detail;
};

/* What went through one account in one currency, over all escrows. */
struct ctl_account_sum {
    int64_t debit_minor;
    int64_t credit_minor;
};

struct ctl_totals {
    struct str currency;
    struct ctl_account_sum accounts[ESCROW_ACCOUNT_COUNT];
};

struct ctl_verification {
    struct ctl_finding findings[CTL_FINDINGS_MAX];
    uint32_t finding_count;  /* listed */
    bool failed;             /* the arena was full: remembered, told once, by ctl_verify_finish */
    uint64_t findings_total; /* all */
    struct ctl_totals totals[CTL_TOTALS_MAX];
    uint32_t total_count;
    uint64_t escrows;
    uint64_t transitions;
    uint64_t transfers;
    uint64_t seals;
    uint64_t unsealed; /* escrows that have events which no seal covers yet */
};

/* All that is stored about one escrow. Transitions by rising seq; transfers by rising (seq, ordinal). */
struct ctl_history {
    const struct escrow *escrow;
    const struct escrow_transition *transitions;
    uint32_t transition_count;
    const struct escrow_transfer *transfers;
    uint32_t transfer_count;
    const struct escrow_dispute_verdict *verdicts; /* by rising seq */
    uint32_t verdict_count;
    const struct escrow_evidence *evidence; /* by rising seq */
    uint32_t evidence_count;
    const struct escrow_suspense *suspense;
    uint32_t suspense_count;
    const struct escrow_part *parts;
    uint32_t part_count;
    const struct escrow_milestone *milestones;
    uint32_t milestone_count;
    const struct escrow_seal_leaf *leaves; /* by rising seal_n */
    uint32_t leaf_count;
};

/* Adds to the totals and findings. */
void ctl_verify_escrow(struct op *op, struct ctl_verification *verification,
                       const struct ctl_history *history);

/* A finding that is about no single escrow (id none), or from elsewhere. */
void ctl_verify_add(struct op *op, struct ctl_verification *verification, struct id escrow_id,
                    const char *what, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Parts of it: the chain from the terms to the row's head, seq and state; verdicts, by whom they were signed and what they
 * moved; what seals say of the history. */
void ctl_verify_chain(struct op *op, struct ctl_verification *verification,
                      const struct ctl_history *history);
/* The milestones are those of the terms. */
void ctl_verify_milestones(struct op *op, struct ctl_verification *verification,
                           const struct ctl_history *history);
void ctl_verify_verdicts(struct op *op, struct ctl_verification *verification,
                         const struct ctl_history *history);
/* Each piece of evidence is of one of the two, and of a transition that says so. */
void ctl_verify_evidence(struct op *op, struct ctl_verification *verification,
                         const struct ctl_history *history);
void ctl_verify_leaves(struct op *op, struct ctl_verification *verification,
                       const struct ctl_history *history);

/* What the transition says beside its transfers; NULL: nothing, or it is missing. */
const struct escrow_dispute_verdict *ctl_verdict_of(const struct ctl_history *history,
                                                    const struct escrow_transition *row);
const struct escrow_evidence *ctl_evidence_of(const struct ctl_history *history,
                                              const struct escrow_transition *row);

struct ctl_last_seal {
    int64_t n; /* 0: none */
    struct hash hash;
};

/* One seal with the hashes of its leaves, and the one before it. */
void ctl_verify_seal(struct op *op, struct ctl_verification *verification,
                     const struct escrow_seal *seal, const struct ctl_last_seal *before,
                     const struct hash *leaves, uint32_t leaf_count);
/* Its signature, with the key that it names; a finding about this escrow, or none. */
void ctl_verify_signature(struct op *op, struct ctl_verification *verification, struct id escrow_id,
                          const struct escrow_seal *seal, const struct ctl_keys *keys);

/* Adds a line to the sums of its currency, which are made when it is met first. False: it is no transfer between two
 * accounts, a sum does not fit, or there are more than CTL_TOTALS_MAX currencies. */
bool ctl_totals_add(struct op *op, struct ctl_totals totals[CTL_TOTALS_MAX], uint32_t *count,
                    const struct escrow_transfer *line);
/* Is a liability below zero in any currency? */
bool ctl_totals_below_zero(const struct ctl_totals *totals, uint32_t count);

/* After all escrows: debits and credits of all accounts are equal in every currency, and no liability
 * is below zero. Fails when the arena was ever full. */
STATUS ctl_verify_finish(struct op *op, struct ctl_verification *verification);
