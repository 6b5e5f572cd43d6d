#pragma once

#include "base/table.h"

/* The tables of schema escrow, told once: rows are the structs of escrow.h. */
extern const struct table escrow_table;            /* struct escrow */
extern const struct table escrow_suspense_table;   /* struct escrow_suspense, child */
extern const struct table escrow_dispute_table;    /* struct escrow_dispute, child */
extern const struct table escrow_part_table;       /* struct escrow_part, child */
extern const struct table escrow_milestone_table;  /* struct escrow_milestone, child */
extern const struct table escrow_transition_table; /* struct escrow_transition, insert-only */
extern const struct table escrow_transfer_table;   /* struct escrow_transfer, insert-only */
extern const struct table escrow_verdict_table;    /* struct escrow_dispute_verdict, insert-only */
extern const struct table escrow_evidence_table;   /* struct escrow_evidence, insert-only */
