/*
 * Whether people got what they asked for: their terms at the provider and in escrow, and an answer to each request.
 * What they asked for is known from them, not from any row.
 */
#include <inttypes.h>
#include <string.h>

#include "base/sign.h"
#include "engine/engine_tables.h"
#include "escrow/escrow_repo.h"
#include "sim_check_internal.h"

void sim_check_door(struct sim_check *check, const struct intake *door)
{
    check->doors[door->service] = door;
}

void sim_check_put_back(struct sim_check *check, enum sim_service service, int64_t backup_at_us)
{
    check->lost[service] =
        (struct check_lost){.from_us = backup_at_us, .to_us = check->place->clock->mono_us};
}

/* ---- Terms ---- */

static bool is_currency(struct str wanted, const char *lower)
{
    bool same = wanted.len == strlen(lower);
    for (size_t i = 0; same && i < wanted.len; i++) {
        same = wanted.ptr[i] - 'A' + 'a' == lower[i];
    }
    return same;
}

/* Our own arithmetic, not the product's: of a fee on the whole price, what falls on its first part_minor. */
static int64_t fee_of(const struct gateway_terms *terms, const struct fee_rate *rate,
                      int64_t part_minor)
{
    int64_t whole_minor = terms->amount_minor * rate->basis_points / 10000 + rate->fixed_minor;
    return whole_minor * part_minor / terms->amount_minor;
}

struct check_sums check_sums_of(const struct gateway_terms *terms, int64_t released_minor,
                                int64_t back_minor)
{
    int64_t all_minor = fee_of(terms, &terms->fees.buyer, terms->amount_minor);
    int64_t buyer_fee_minor = fee_of(terms, &terms->fees.buyer, released_minor);
    int64_t seller_fee_minor = fee_of(terms, &terms->fees.seller, released_minor);
    int64_t rest_fee_minor = fee_of(terms, &terms->fees.buyer, terms->amount_minor - back_minor);
    return (struct check_sums){
        .asked_minor = terms->amount_minor + all_minor,
        .seller_minor = released_minor - seller_fee_minor,
        .fee_minor = buyer_fee_minor + seller_fee_minor,
        .kept_fee_minor = terms->fees.buyer_refundable ? 0 : all_minor - rest_fee_minor,
    };
}

/* The seller had the price in more than one payout, or not all of it. */
static bool is_shared(const struct check_deal *deal)
{
    return deal->parts > 0 || deal->splits > 0 || deal->returns > 0;
}

/* What a refund is of depends on what came: check_source and the sums look at that. Of a deal that was released in parts
 * no payout is all of it; what they come to is has_shared's. */
static bool is_agreed(struct sim_check *check, const struct sim_stripe_object *object,
                      const struct gateway_terms *terms)
{
    if (object->kind == SIM_STRIPE_REFUND) {
        return true;
    }
    const struct check_sums sums = check_sums_of(terms, terms->amount_minor, 0);
    bool pays = object->kind == SIM_STRIPE_TRANSFER;
    bool in_parts = pays && is_shared(check_deal(check, object->escrow_id));
    int64_t whole_minor = pays ? sums.seller_minor : sums.asked_minor;
    bool amount_agreed = in_parts ? object->asked_minor > 0 && object->asked_minor < whole_minor
                                  : object->asked_minor == whole_minor;
    return amount_agreed && is_currency(terms->currency, object->asked_currency) &&
           str_eq(str_of(object->destination), pays ? terms->seller_account : STR(""));
}

static void check_calls_agreed(struct sim_check *check, struct sim_verdict *verdict)
{
    for (uint32_t i = 0; i < sim_stripe_count(check->stripe); i++) {
        const struct sim_stripe_object *object = sim_stripe_object(check->stripe, i);
        const struct gateway_terms *terms = sim_traffic_terms(check->traffic, object->escrow_id);
        if (!terms || !is_agreed(check, object, terms)) {
            sim_verdict_fail(verdict, SIM_RULE_TERMS,
                             "leg %s of escrow %s: asked for %" PRId64 " %s to \"%s\"",
                             check_text(object->leg_id), check_text(object->escrow_id),
                             object->asked_minor, object->asked_currency, object->destination);
        }
    }
}

static bool has_rate(const struct fee_rate *rate, const struct fee_rate *agreed)
{
    return rate->basis_points == agreed->basis_points && rate->fixed_minor == agreed->fixed_minor;
}

/* Of what was released, the seller and the platform have what was agreed; a released deal released all that it did not give
 * back before. */
static bool has_shared(const struct check_deal *deal, const struct escrow *escrow,
                       const struct gateway_terms *terms)
{
    bool released = escrow->state == ESCROW_RELEASING || escrow->state == ESCROW_RELEASED;
    bool refunds = escrow->state == ESCROW_REFUNDING || escrow->state == ESCROW_REFUNDED ||
                   escrow->state == ESCROW_SETTLING || escrow->state == ESCROW_SETTLED_SPLIT;
    int64_t back_minor = refunds ? terms->amount_minor - deal->released_minor : deal->back_minor;
    const struct check_sums sums = check_sums_of(terms, deal->released_minor, back_minor);
    return escrow->released_minor == deal->released_minor &&
           escrow->returned_minor == deal->back_minor &&
           released == (deal->released_minor + deal->back_minor == terms->amount_minor) &&
           escrow->due_seller_minor + escrow->paid_out_minor == sums.seller_minor &&
           escrow->fee_minor == sums.fee_minor + sums.kept_fee_minor;
}

static bool has_key(struct str key, struct str hex)
{
    uint8_t bytes[SIGN_PUBLIC_BYTES];
    bool none = hex.len == 0 && key.len == 0;
    return none || (str_from_hex(hex, bytes, sizeof(bytes)) && key.len == sizeof(bytes) &&
                    memcmp(key.ptr, bytes, sizeof(bytes)) == 0);
}

static bool has_terms(const struct escrow *escrow, const struct gateway_terms *terms)
{
    return escrow->price_minor == terms->amount_minor &&
           str_eq(currency_name(escrow->currency), terms->currency) &&
           id_eq(escrow->buyer_id, terms->buyer_id) && id_eq(escrow->seller_id, terms->seller_id) &&
           id_eq(escrow->arbiter_id, terms->arbiter_id) &&
           has_key(escrow->arbiter_key, terms->arbiter_key) &&
           str_eq(escrow->seller_account, terms->seller_account) &&
           escrow->funding_seconds == terms->funding_seconds &&
           escrow->delivery_seconds == terms->delivery_seconds &&
           escrow->inspection_seconds == terms->inspection_seconds &&
           has_rate(&escrow->fees.buyer, &terms->fees.buyer) &&
           has_rate(&escrow->fees.seller, &terms->fees.seller) &&
           escrow->fees.buyer_refundable == terms->fees.buyer_refundable &&
           escrow->milestone_count == (int64_t)terms->milestones.count &&
           str_eq(escrow->description, terms->description);
}

static void check_deals_agreed(struct sim_check *check, struct sim_verdict *verdict)
{
    struct id marketplace = sim_traffic_marketplace(check->traffic);
    uint32_t cursor = 0;
    const struct escrow *escrow;
    while ((escrow = sim_db_next(check->place->dbs[SIM_ESCROW], &escrow_table, &cursor))) {
        const struct gateway_terms *terms = sim_traffic_terms(check->traffic, escrow->id);
        if (!terms || !has_terms(escrow, terms) ||
            !has_shared(check_deal(check, escrow->id), escrow, terms) ||
            !id_eq(escrow->marketplace_id, marketplace)) {
            sim_verdict_fail(verdict, SIM_RULE_TERMS, "escrow %s is not what was agreed",
                             check_text(escrow->id));
        }
    }
}

void check_terms(struct sim_check *check, struct sim_verdict *verdict)
{
    if (check->traffic) {
        check_calls_agreed(check, verdict);
        check_deals_agreed(check, verdict);
        check_milestone_rows(check, verdict);
    }
}

/* ---- Requests that were taken ---- */

/* Promised, and gone with the rows that a restore took back: who asks again with the same key is taken anew. */
static bool is_lost(const struct sim_check *check, enum sim_service service, int64_t taken_at_us)
{
    const struct check_lost *lost = &check->lost[service];
    return taken_at_us >= lost->from_us && taken_at_us < lost->to_us;
}

static bool is_in_inbox(const struct sim_check *check, const struct intake_row *row)
{
    const struct inbox_row like = {.id = row->id};
    enum sim_service reader =
        check_service(topology_topics[check_topic_named(row->topic)].readers[0]);
    const struct inbox_row *inbox =
        sim_db_find(check->place->dbs[reader], &engine_inbox_table, &like);
    return inbox && id_eq(inbox->key, row->key);
}

/* A request that was closed was read by whom it is for. Those of people and those that lanes post. */
static void check_closed(struct sim_check *check, struct sim_verdict *verdict)
{
    for (int service = 0; service < SIM_SERVICE_COUNT; service++) {
        uint32_t cursor = 0;
        const struct intake_row *row;
        while ((row = sim_db_next(check->place->dbs[service], &engine_intake_table, &cursor))) {
            if (!row->open && !is_in_inbox(check, row)) {
                sim_verdict_fail(verdict, SIM_RULE_TAKEN,
                                 "request %s about %s is closed and in no inbox",
                                 check_text(row->id), check_text(row->key));
            }
        }
    }
}

/* What a door took has its row, as it was taken. */
static void check_kept(struct sim_check *check, const struct intake *door,
                       struct sim_verdict *verdict)
{
    for (uint32_t i = 0; i < door->taken_count; i++) {
        const struct sim_taken *taken = &door->taken[i];
        const struct intake_row like = {.id = taken->id};
        const struct intake_row *row =
            sim_db_find(check->place->dbs[door->service], &engine_intake_table, &like);
        bool same = row && id_eq(row->key, taken->key) && hash_eq(&row->content, &taken->content) &&
                    str_eq(row->topic, str_of(topology_topics[taken->topic].name));
        if (!same && (row || !is_lost(check, door->service, taken->at_us))) {
            sim_verdict_fail(verdict, SIM_RULE_TAKEN, "request %s about %s was taken and is %s",
                             check_text(taken->id), check_text(taken->key),
                             row ? "another one" : "gone");
        }
    }
}

/* A deal that was asked for is there: nothing that people ask for here is refused from the start. */
static void check_opened(struct sim_check *check, struct sim_verdict *verdict)
{
    for (uint32_t i = 0; i < sim_traffic_deal_count(check->traffic); i++) {
        const struct intake_row row_like = {.id = sim_traffic_creation(check->traffic, i)};
        const struct escrow escrow_like = {.id = sim_traffic_deal(check->traffic, i)};
        const struct intake_row *row =
            sim_db_find(check->place->dbs[SIM_GATEWAY], &engine_intake_table, &row_like);
        bool accepted =
            row && row->outcome == INTAKE_ACCEPTED &&
            sim_db_find(check->place->dbs[SIM_ESCROW], &escrow_table, &escrow_like) != NULL;
        if (row && !accepted) {
            sim_verdict_fail(verdict, SIM_RULE_TAKEN, "escrow %s was asked for and is not there",
                             check_text(escrow_like.id));
        }
    }
}

void check_taken(struct sim_check *check, struct sim_verdict *verdict)
{
    check_closed(check, verdict);
    for (int service = 0; service < SIM_SERVICE_COUNT; service++) {
        if (check->doors[service]) {
            check_kept(check, check->doors[service], verdict);
        }
    }
    if (check->traffic) {
        check_opened(check, verdict);
    }
}
