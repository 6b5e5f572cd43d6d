#pragma once

#include "engine/engine.h"
#include "escrow/escrow.h"

/*
 * An engine of one escrow, for tests of the handlers: it decodes, decides, keeps the rows and what
 * was published, and takes everything back when a handler fails. No lanes, no deduplication.
 */

#define FAKE_SUSPENSE_MAX 64
#define FAKE_HISTORY_MAX 1024
#define FAKE_RECORDS_MAX 1024
#define FAKE_AFTERWARDS_MAX 8 /* of one decision */
#define FAKE_ARENA_BYTES ((size_t)32 * 1024 * 1024)

struct fake_record {
    enum topic topic;
    struct id id;
    struct str type;
    struct str payload;
};

/* All that two can submit. */
#define FAKE_EVIDENCE_MAX (ESCROW_DISPUTES_MAX * ESCROW_PARTY_COUNT * ESCROW_EVIDENCE_ITEMS_MAX)

struct fake_rows {
    bool exists;
    struct escrow escrow;
    struct escrow_suspense suspense[FAKE_SUSPENSE_MAX];
    uint32_t suspense_count;
    struct escrow_dispute disputes[ESCROW_DISPUTES_MAX];
    uint32_t dispute_count;
    struct escrow_part parts[ESCROW_PARTS_MAX];
    uint32_t part_count;
    struct escrow_milestone milestones[ESCROW_MILESTONES_MAX];
    uint32_t milestone_count;
    uint32_t transition_count;
    uint32_t transfer_count;
    uint32_t verdict_count;
    uint32_t evidence_count;
    uint32_t record_count;
};

struct engine_turn {
    struct arena arena;
    struct op op;
    struct fake_rows rows;
    struct fake_rows before; /* as of the message's beginning */
    bool changed;            /* engine_changed was called */
    uint64_t changed_rows;   /* bit i: suspense[i] may differ from before */
    void *suspense_rows[FAKE_SUSPENSE_MAX];
    uint64_t changed_disputes; /* bit i: disputes[i] may differ from before */
    void *dispute_rows[ESCROW_DISPUTES_MAX];
    uint64_t changed_parts; /* bit i: parts[i] may differ from before */
    void *part_rows[ESCROW_PARTS_MAX];
    uint64_t changed_milestones; /* bit i: milestones[i] may differ from before */
    void *milestone_rows[ESCROW_MILESTONES_MAX];
    struct escrow_transition transitions[FAKE_HISTORY_MAX];
    struct escrow_transfer transfers[FAKE_HISTORY_MAX];
    struct escrow_dispute_verdict verdicts[ESCROW_DISPUTES_MAX];
    struct escrow_evidence evidence[FAKE_EVIDENCE_MAX];
    struct fake_record records[FAKE_RECORDS_MAX];
    struct engine_message message;
    uint32_t ordinal;
    uint32_t to_tell; /* engine_afterwards */
    engine_afterwards_fn *tell[FAKE_AFTERWARDS_MAX];
    const void *about[FAKE_AFTERWARDS_MAX];
};

/* A clean one, at the time of the fixtures. The fake is large: not for the stack. */
void fake_init(struct engine_turn *fake);
void fake_fini(struct engine_turn *fake);

/* Decodes and decides one record of `topic` for `key`. A failure changes nothing. ASSERTs that rows
 * that were changed were also said to be. */
STATUS fake_deliver(struct engine_turn *fake, enum topic topic, struct id key, struct str value);
/* Decodes and drops it, as a person would. */
STATUS fake_drop(struct engine_turn *fake, enum topic topic, struct id key, struct str value);
