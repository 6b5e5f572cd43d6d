#pragma once

#include "escrow/escrow_seal.h"
#include "holdfastctl/ctl_verify.h"

/*
 * A dossier: all that proves the history of one escrow, as a text that is checked without a database. One line of
 * JSON for each row (docs/audit.md): what it is, the terms, milestones, transitions, transfers, verdicts, evidence, suspense, seals, balances, the end. Columns
 * and names are those of the product's tables. There is one way to write a dossier: what is read is written anew and compared, byte
 * for byte, so that nothing in it can be changed without a difference.
 */

#define CTL_DOSSIER_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define CTL_DOSSIER_FORMAT "holdfast.dossier.v1"

struct ctl_dossier_seal {
    struct escrow_seal seal;
    struct escrow_seal_leaf leaf; /* its head is that of the transition */
    struct hash path[ESCROW_SEAL_PATH_MAX];
    uint32_t path_count;
};

struct ctl_dossier {
    struct escrow
        escrow; /* id and terms; seq, state and chain_head are those of the last transition */
    struct escrow_transition *transitions;
    uint32_t transition_count;
    struct escrow_transfer *transfers;
    uint32_t transfer_count;
    struct escrow_dispute_verdict *verdicts;
    uint32_t verdict_count;
    struct escrow_evidence *evidence;
    uint32_t evidence_count;
    struct escrow_suspense *suspense; /* what was fixed when it came, no more */
    uint32_t suspense_count;
    struct escrow_milestone *milestones; /* what was agreed to, no more */
    uint32_t milestone_count;
    struct ctl_dossier_seal *seals;
    uint32_t seal_count;
};

/* Sets what follows from the rows: the escrow's seq, state and head, its fees in minor units, the leaves' heads. */
void ctl_dossier_derive(struct ctl_dossier *dossier);

STATUS ctl_dossier_write(struct op *op, const struct ctl_dossier *dossier, struct str *ret_text);
/* STATUS_INVALID "ctl.dossier": the text is none, and by which line. Everything lives in op->arena. */
STATUS ctl_dossier_read(struct op *op, struct str text, struct ctl_dossier *ret_dossier);

/* Reads and proves it; what is off, and what cannot be read, are findings. */
STATUS ctl_dossier_verify(struct op *op, struct str text, const struct ctl_keys *keys,
                          struct ctl_verification *verification, struct ctl_dossier *ret_dossier);
