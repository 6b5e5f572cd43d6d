/*
 * Arbiters, and staff past a silent one. In: deals whose dispute was escalated. Out: verdicts, most of them right: signed with
 * the arbiter's key over the history as it stands; at times with another key, over an older history, too early, or of more
 * than there is. Drawn apart, so that nothing else of a seed's traffic depends on them.
 */
#include <string.h>

#include "base/assert.h"
#include "base/verdict.h"
#include "escrow/escrow.h"
#include "escrow/escrow_repo.h"
#include "gateway/gateway_repo.h"
#include "sim_traffic_internal.h"

#define REASON STR("not as seen")

/* What becomes of a dispute that the two do not settle. */
enum justice {
    JUSTICE_NONE = 0, /* nobody decides: time does */
    JUSTICE_ARBITER,
    JUSTICE_STAFF, /* asks from the beginning on */
    JUSTICE_BOTH,
    JUSTICE_COUNT,
};

static void write_hex(const uint8_t *bytes, size_t len, char *ret_text, size_t size)
{
    struct strbuf buf;
    struct str text;
    strbuf_init_fixed(&buf, ret_text, size);
    strbuf_add_hex(&buf, bytes, len);
    bool fits = strbuf_finish(&buf, &text);
    ASSERT(fits);
}

void traffic_know_arbiters(struct sim_traffic *traffic)
{
    bool read =
        sign_secret_read(STR("-----BEGIN PRIVATE KEY-----\n"
                             "MC4CAQAwBQYDK2VwBCIEIHByaXZhdGUga2V5IG9mIGEgdGVzdCwgdXNlbGVzcyEh\n"
                             "-----END PRIVATE KEY-----\n"),
                         &traffic->arbiter_secret);
    ASSERT(read);
    traffic->arbiter_key = sign_public_of(&traffic->arbiter_secret);
    write_hex(traffic->arbiter_key.bytes, SIGN_PUBLIC_BYTES, traffic->arbiter_hex,
              sizeof(traffic->arbiter_hex));
}

void traffic_draw_arbiter(struct sim_traffic *traffic, struct deal *deal)
{
    struct random *random = &traffic->arbiters;
    uint64_t first = random_below(random, traffic->options.people);
    bool has_one = random_below(random, 2) == 0;
    deal->justice = (int)random_below(random, JUSTICE_COUNT);
    deal->quarrels = random_below(random, 6) == 0;
    for (uint64_t i = 0; has_one && i < traffic->options.people; i++) {
        struct id id = traffic->people[(first + i) % traffic->options.people];
        if (!id_eq(id, deal->terms.buyer_id) && !id_eq(id, deal->terms.seller_id)) {
            deal->terms.arbiter_id = id;
            deal->terms.arbiter_key = str_of(traffic->arbiter_hex);
            return;
        }
    }
    deal->terms.arbiter_key = STR("");
}

/* The head of the deal, as its proof tells the arbiter. */
static struct hash head_of(const struct sim_traffic *traffic, const struct deal *deal)
{
    const struct escrow like = {.id = deal->escrow_id};
    const struct escrow *escrow =
        sim_db_find(traffic->place->dbs[SIM_ESCROW], &escrow_table, &like);
    return escrow ? escrow->chain_head : (struct hash){.bytes = {0}};
}

/* Of the request that will be sent. flaw 0: the key is another's; 1: it is over another history. */
static void sign(struct sim_traffic *traffic, struct deal *deal, uint64_t flaw)
{
    struct asked *asked = &deal->last;
    struct hash head = head_of(traffic, deal);
    head.bytes[0] ^= flaw == 1 ? 1 : 0;
    const struct verdict verdict = {
        .escrow_id = deal->escrow_id,
        .dispute = asked->offer,
        .head = head,
        .currency = CURRENCY_USD,
        .seller_minor = asked->seller_minor,
        .buyer_minor = asked->buyer_minor,
        .reason = REASON,
    };
    char text[VERDICT_TEXT_BYTES];
    struct signature signature =
        sign_text(&traffic->arbiter_secret, verdict_text(&verdict, &traffic->arbiter_key, text));
    signature.bytes[0] ^= flaw == 0 ? 1 : 0;
    write_hex(head.bytes, HASH_BYTES, asked->head, sizeof(asked->head));
    write_hex(signature.bytes, SIGN_BYTES, asked->signature, sizeof(asked->signature));
}

static void decide(struct sim_traffic *traffic, struct deal *deal, const struct gateway_view *view,
                   enum who who)
{
    struct random *random = &traffic->arbiters;
    uint64_t flaw = random_below(random, 8);
    int64_t kept_minor = view->disputed_minor + (flaw == 2 ? 1 : 0);
    deal->last = (struct asked){.action = GATEWAY_RESOLVE_DISPUTE,
                                .who = who,
                                .number = deal->asked_count++,
                                .offer = view->dispute_number,
                                .seller_minor = kept_minor * (int64_t)random_below(random, 5) / 4};
    deal->last.buyer_minor = kept_minor - deal->last.seller_minor;
    if (who == WHO_ARBITER) {
        sign(traffic, deal, flaw);
    }
    traffic_send(traffic, deal);
}

/* Whoever decides this deal's dispute does, or tries to. */
static void judge(struct sim_traffic *traffic, struct deal *deal, const struct gateway_view *view)
{
    bool has_arbiter = !id_is_none(deal->terms.arbiter_id);
    bool by_arbiter = has_arbiter && deal->justice == JUSTICE_ARBITER;
    bool by_staff =
        deal->justice == JUSTICE_STAFF || (!has_arbiter && deal->justice == JUSTICE_BOTH);
    if (has_arbiter && deal->justice == JUSTICE_BOTH) {
        by_arbiter = random_below(&traffic->arbiters, 2) == 0;
        by_staff = !by_arbiter;
    }
    if (by_arbiter || by_staff) {
        decide(traffic, deal, view, by_arbiter ? WHO_ARBITER : WHO_STAFF);
    }
}

bool traffic_quarrels(struct sim_traffic *traffic, struct deal *deal,
                      const struct gateway_view *view)
{
    enum escrow_state state = (enum escrow_state)view->state;
    if (state == ESCROW_ESCALATED && random_below(&traffic->arbiters, 4) == 0) {
        judge(traffic, deal, view);
        return true;
    }
    bool held = state == ESCROW_FUNDS_HELD || state == ESCROW_DELIVERED ||
                state == ESCROW_DELIVERY_REJECTED;
    if (deal->quarrels && held) {
        deal->last = (struct asked){.action = GATEWAY_RAISE_DISPUTE,
                                    .who = deal->justice % 2 == 0 ? WHO_BUYER : WHO_SELLER,
                                    .number = deal->asked_count++};
        traffic_send(traffic, deal);
    }
    return deal->quarrels && (held || state == ESCROW_DISPUTED || state == ESCROW_ESCALATED);
}

void sim_traffic_judge(struct sim_traffic *traffic)
{
    for (uint32_t i = 0; i < traffic->options.deals; i++) {
        struct deal *deal = &traffic->deals[i];
        const struct gateway_view like = {.id = deal->escrow_id};
        const struct gateway_view *view =
            deal->opened ? sim_db_find(traffic->place->dbs[SIM_GATEWAY], &gateway_view_table, &like)
                         : NULL;
        if (view && view->state == (int)ESCROW_ESCALATED) {
            judge(traffic, deal, view);
            if (deal->justice == JUSTICE_NONE) { /* nobody signs what this would make stale */
                traffic_show_late(traffic, deal);
            }
        }
    }
}
