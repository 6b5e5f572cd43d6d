/* See the header. */
#include "holdfastctl/testing/ctl_dossier_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/verdict.h"
#include "escrow/escrow_chain.h"

struct world original;
struct world world;
enum forgery forgery;
struct arena arena;
struct ctl_verification verification;

static struct id id_of(uint8_t number)
{
    struct id id = {.bytes = {0}};
    id.bytes[0] = 1;
    id.bytes[15] = number;
    return id;
}

/* ---- A deal that was paid, once too often, and divided by its arbiter ---- */

struct step {
    enum escrow_event event;
    enum escrow_state to;
    uint32_t transfers; /* of the list below, one after the other */
};

static const struct step steps[TRANSITIONS] = {
    {ESCROW_EVENT_CREATED, ESCROW_CREATED, 0},
    {ESCROW_EVENT_AWAIT_FUNDS, ESCROW_AWAIT_FUNDS, 0},
    {ESCROW_EVENT_FUNDS_SUSPENDED, ESCROW_AWAIT_FUNDS, 2},
    {ESCROW_EVENT_FUNDS_RECEIVED, ESCROW_AWAIT_FUNDS, 1},
    {ESCROW_EVENT_FUNDS_HELD, ESCROW_FUNDS_HELD, 1},
    {ESCROW_EVENT_SUSPENSE_REFUNDED, ESCROW_FUNDS_HELD, 1},
    {ESCROW_EVENT_DISPUTED, ESCROW_DISPUTED, 1},
    {ESCROW_EVENT_EVIDENCE_SUBMITTED, ESCROW_DISPUTED, 0},
    {ESCROW_EVENT_DISPUTE_ESCALATED, ESCROW_ESCALATED, 0},
    {ESCROW_EVENT_DISPUTE_RESOLVED, ESCROW_SETTLING, 2},
    {ESCROW_EVENT_PART_PAID, ESCROW_SETTLING, 0},
};

#define SUBMITTED 7 /* index of the transition */
#define RESOLVED 9

struct move moves[TRANSFERS] = {
    {ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_SUSPENSE, 300, 7},
    {ESCROW_ACCOUNT_SUSPENSE, ESCROW_ACCOUNT_DUE_BUYER, 300, 0},
    {ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_ESCROW_IN, 5000, 9},
    {ESCROW_ACCOUNT_ESCROW_IN, ESCROW_ACCOUNT_ESCROW_HELD, 5000, 0},
    {ESCROW_ACCOUNT_DUE_BUYER, ESCROW_ACCOUNT_PSP_CLEAR, 300, 8},
    {ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_ESCROW_DISP, 5000, 0},
    {ESCROW_ACCOUNT_ESCROW_DISP, ESCROW_ACCOUNT_DUE_SELLER, 3000, 0},
    {ESCROW_ACCOUNT_ESCROW_DISP, ESCROW_ACCOUNT_DUE_BUYER, 2000, 0},
};

const struct fee_terms usual_fees = {.buyer = {250, 30}, .seller = {500, 0}};
struct fee_terms fees = {.buyer = {250, 30}, .seller = {500, 0}};

static void build_terms(struct world *here)
{
    struct escrow *escrow = &here->dossier.escrow;
    *escrow =
        (struct escrow){.id = id_of(1),
                        .currency = CURRENCY_USD,
                        .price_minor = 5000,
                        .fees = fees,
                        .marketplace_id = id_of(2),
                        .buyer_id = id_of(3),
                        .seller_id = id_of(4),
                        .arbiter_id = id_of(5),
                        .arbiter_key = {(const char *)here->arbiter_key.bytes, SIGN_PUBLIC_BYTES},
                        .seller_account = STR("acct_1"),
                        .funding_seconds = 7200,
                        .delivery_seconds = 3600,
                        .inspection_seconds = 86400,
                        .description = STR("a \"sword\"\n of st\xc3\xa9"
                                           "el"),
                        .created_at_us = 1000};
}

static void forge(struct world *here, struct escrow_transition *row)
{
    struct escrow_dispute_verdict *said = &here->verdicts[0];
    if (forgery == FORGERY_SUMS) {
        said->seller_minor++;
    } else if (forgery == FORGERY_REASON) {
        said->reason = STR("all of it was there");
    } else if (forgery == FORGERY_BY_PARTY) {
        row->actor_id = here->dossier.escrow.seller_id;
    } else if (forgery == FORGERY_BY_STAFF) {
        row->actor_kind = ENGINE_ACTOR_STAFF;
    } else if (forgery == FORGERY_UNSIGNED) {
        said->signature.len = 0;
    } else if (forgery == FORGERY_MISSING) {
        here->dossier.verdict_count = 0;
    }
}

/* The arbiter's key is the sealer's: whose it is, the tests do not ask. */
static void build_verdict(struct world *here, const struct escrow_transition *row)
{
    struct ctl_dossier *dossier = &here->dossier;
    struct escrow_dispute_verdict *said = &here->verdicts[0];
    const struct verdict verdict = {.escrow_id = dossier->escrow.id,
                                    .dispute = 1,
                                    .head = row->prev_hash,
                                    .currency = CURRENCY_USD,
                                    .seller_minor = 3000,
                                    .buyer_minor = 2000,
                                    .reason = STR("half of it was there")};
    char text[VERDICT_TEXT_BYTES];
    here->verdict_signature =
        sign_text(&here->secret, verdict_text(&verdict, &here->arbiter_key, text));
    *said = (struct escrow_dispute_verdict){
        .escrow_id = dossier->escrow.id,
        .seq = row->seq,
        .dispute = verdict.dispute,
        .seller_minor = verdict.seller_minor,
        .buyer_minor = verdict.buyer_minor,
        .reason = verdict.reason,
        .signature = {(const char *)here->verdict_signature.bytes, SIGN_BYTES}};
    dossier->verdict_count = 1;
}

static void build_evidence(struct world *here, struct escrow_transition *row)
{
    struct ctl_dossier *dossier = &here->dossier;
    row->actor_kind = ENGINE_ACTOR_USER;
    row->actor_id =
        forgery == FORGERY_EVIDENCE ? dossier->escrow.arbiter_id : dossier->escrow.buyer_id;
    here->evidence[0] = (struct escrow_evidence){.escrow_id = dossier->escrow.id,
                                                 .seq = row->seq,
                                                 .dispute = 1,
                                                 .content = hash_of(STR("half a sword")),
                                                 .type = MEDIA_PNG,
                                                 .size_bytes = 12,
                                                 .description = STR("what came")};
    dossier->evidence_count = 1;
}

void build_history(struct world *here)
{
    struct ctl_dossier *dossier = &here->dossier;
    struct hash prev = escrow_chain_root(&dossier->escrow);
    enum escrow_state from = ESCROW_NONE;
    for (uint32_t i = 0; i < TRANSITIONS; i++) {
        struct escrow_transfer *first = &here->transfers[dossier->transfer_count];
        for (uint32_t t = 0; t < steps[i].transfers; t++) {
            uint32_t at = dossier->transfer_count++;
            first[t] = (struct escrow_transfer){
                .escrow_id = dossier->escrow.id,
                .seq = i + 1,
                .ordinal = (int)t,
                .debit = moves[at].debit,
                .credit = moves[at].credit,
                .currency = STR("USD"),
                .amount_minor = moves[at].amount_minor,
                .leg_id = moves[at].leg > 0 ? id_of(moves[at].leg) : (struct id){.bytes = {0}}};
        }
        struct escrow_transition *row = &here->transitions[i];
        *row = (struct escrow_transition){.id = id_of((uint8_t)(20 + i)),
                                          .escrow_id = dossier->escrow.id,
                                          .seq = i + 1,
                                          .event = steps[i].event,
                                          .from_state = from,
                                          .to_state = steps[i].to,
                                          .cause_id = id_of((uint8_t)(40 + i)),
                                          .actor_kind = 4,
                                          .transfer_count = (int)steps[i].transfers,
                                          .at_us = 1000 + i,
                                          .prev_hash = prev};
        if (i == RESOLVED) {
            row->actor_kind = ENGINE_ACTOR_USER;
            row->actor_id = dossier->escrow.arbiter_id;
            build_verdict(here, row);
            forge(here, row);
        }
        if (i == SUBMITTED) {
            build_evidence(here, row);
        }
        bool says = i == RESOLVED && dossier->verdict_count > 0;
        const struct escrow_said said = {.verdict = says ? &here->verdicts[0] : NULL,
                                         .evidence = i == SUBMITTED ? &here->evidence[0] : NULL};
        row->hash = escrow_chain_hash(row, first, said);
        prev = row->hash;
        from = row->to_state;
    }
    dossier->transition_count = TRANSITIONS;
    here->suspense[0] = (struct escrow_suspense){.leg_id = id_of(7),
                                                 .escrow_id = dossier->escrow.id,
                                                 .currency = STR("USD"),
                                                 .amount_minor = 300,
                                                 .created_at_us = 1002};
    dossier->suspense_count = 1;
}

/* Seal number `at`, over this seq and some leaves of others. */
static void build_seal(struct world *here, uint32_t at, int64_t seq)
{
    struct ctl_dossier_seal *row = &here->seals[at];
    struct hash leaves[LEAVES] = {{{0}}};
    row->leaf = (struct escrow_seal_leaf){.escrow_id = here->dossier.escrow.id,
                                          .seal_n = 3 + 4 * at,
                                          .leaf_index = 1 + at,
                                          .seq = seq,
                                          .head = here->transitions[seq - 1].hash,
                                          .prev_seal_n = at > 0 ? 3 + 4 * (at - 1) : 0};
    for (uint32_t i = 0; i < LEAVES; i++) {
        leaves[i].bytes[0] = (uint8_t)(i + 10 * at);
    }
    leaves[row->leaf.leaf_index] = escrow_seal_leaf_hash(&row->leaf);
    struct escrow_seal *seal = &row->seal;
    *seal = (struct escrow_seal){.n = row->leaf.seal_n, .at_us = 5000 + at, .leaf_count = LEAVES};
    seal->prev.bytes[0] = (uint8_t)at;
    seal->root = escrow_seal_root(leaves, LEAVES);
    seal->key_id = here->keys.ids[0];
    char memory[ESCROW_SEAL_TEXT_BYTES];
    here->signatures[at] = sign_text(&here->secret, escrow_seal_text(seal, memory));
    seal->signature =
        (struct str){.ptr = (const char *)here->signatures[at].bytes, .len = SIGN_BYTES};
    seal->hash = escrow_seal_hash(seal);
    row->path_count = escrow_seal_path(leaves, LEAVES, (uint32_t)row->leaf.leaf_index, row->path);
}

void point_at_rows(struct world *here)
{
    here->dossier.transitions = here->transitions;
    here->dossier.transfers = here->transfers;
    here->dossier.verdicts = here->verdicts;
    here->dossier.evidence = here->evidence;
    here->dossier.suspense = here->suspense;
    here->dossier.seals = here->seals;
}

void build(struct world *here)
{
    memset(here, 0, sizeof(*here));
    assert_true(
        sign_secret_read(STR("-----BEGIN PRIVATE KEY-----\n"
                             "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                             "-----END PRIVATE KEY-----\n"),
                         &here->secret));
    here->keys.keys[0] = sign_public_of(&here->secret);
    here->arbiter_key = here->keys.keys[0];
    here->keys.ids[0] = sign_key_id(&here->keys.keys[0]);
    here->keys.count = 1;
    build_terms(here);
    build_history(here);
    build_seal(here, 0, 2);
    build_seal(here, 1, 5);
    build_seal(here, 2, TRANSITIONS);
    here->dossier.seal_count = SEALS;
    point_at_rows(here);
    ctl_dossier_derive(&here->dossier);
}

/* ---- Asking ---- */

/* The first finding; "" when there is none. */
const char *found(struct str text)
{
    struct op op = {.arena = &arena};
    struct ctl_dossier dossier = {.transition_count = 0};
    memset(&verification, 0, sizeof(verification));
    struct status st = ctl_dossier_verify(&op, text, &original.keys, &verification, &dossier);
    if (status_failed(st)) {
        fail_msg("%s: %s", op.err.code, op.err.msg);
    }
    return verification.findings_total > 0 ? verification.findings[0].what : "";
}

struct str written(const struct ctl_dossier *dossier)
{
    struct op op = {.arena = &arena};
    struct str text = STR("");
    struct status st = ctl_dossier_write(&op, dossier, &text);
    return status_failed(st) ? STR("") : text; /* what cannot be counted cannot be written */
}

struct str joined(struct str a, struct str b, struct str c)
{
    struct strbuf buf;
    struct str text;
    strbuf_init(&buf, &arena, CTL_DOSSIER_MAX_BYTES);
    strbuf_add(&buf, a);
    strbuf_add(&buf, b);
    strbuf_add(&buf, c);
    assert_true(strbuf_finish(&buf, &text));
    return text;
}

struct str head_of(struct str text, size_t len)
{
    return (struct str){.ptr = text.ptr, .len = len};
}
