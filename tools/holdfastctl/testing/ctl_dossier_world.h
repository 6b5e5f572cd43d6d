#pragma once

#include "base/arena.h"
#include "holdfastctl/ctl_dossier.h"

/*
 * A dossier that is right, as a world of rows that a test may change: a deal that was paid, once too often, and whose
 * dispute its arbiter decided. cmocka and its prerequisites are included before.
 */

#define TRANSITIONS 11
#define TRANSFERS 8
#define SEALS 3
#define LEAVES 5 /* of each seal; ours is one of them */
#define ARENA_BYTES ((size_t)8 * 1024 * 1024)

struct world {
    struct ctl_dossier dossier;
    struct escrow_transition transitions[TRANSITIONS + 1];
    struct escrow_transfer transfers[TRANSFERS + 1];
    struct escrow_dispute_verdict verdicts[2];
    struct escrow_evidence evidence[2];
    struct sign_public arbiter_key;
    struct signature verdict_signature;
    struct escrow_suspense suspense[2];
    struct ctl_dossier_seal seals[SEALS + 1];
    struct signature signatures[SEALS];
    struct sign_secret secret;
    struct ctl_keys keys;
};

struct move {
    enum escrow_account debit;
    enum escrow_account credit;
    int64_t amount_minor;
    uint8_t leg;
};

/* Somebody who has the sealer's key and writes what the arbiter did not say; each is signed and sealed as it stands. */
enum forgery {
    FORGERY_NONE = 0,
    FORGERY_SUMS,     /* others than were signed */
    FORGERY_REASON,   /* another */
    FORGERY_BY_PARTY, /* the seller's, with the arbiter's signature */
    FORGERY_BY_STAFF, /* staff's, with the arbiter's signature */
    FORGERY_UNSIGNED, /* the arbiter's, without one */
    FORGERY_MISSING,  /* none at all */
    FORGERY_EVIDENCE, /* the arbiter's own, instead of a party's */
    FORGERY_COUNT,
};

/* What the next build is made of; a test puts back what it changed. */
extern struct move moves[TRANSFERS];
extern struct fee_terms fees;
extern const struct fee_terms usual_fees;
extern enum forgery forgery;

extern struct arena arena;                   /* of what is asked below */
extern struct ctl_verification verification; /* of what was asked last */
extern struct world original;
extern struct world world; /* a copy to be changed */

void build(struct world *here);
/* The transitions and transfers alone, anew. */
void build_history(struct world *here);
/* After a world was copied. */
void point_at_rows(struct world *here);

/* The first finding, with the keys of `original`; "" when there is none. */
const char *found(struct str text);
/* Empty: it cannot be written. */
struct str written(const struct ctl_dossier *dossier);
struct str joined(struct str a, struct str b, struct str c);
struct str head_of(struct str text, size_t len);
