/* See the header. */
#include "escrow/testing/escrow_fixture.h"

#include <string.h>

#include "base/assert.h"
#include "base/verdict.h"
#include "escrow/escrow_chain.h"

struct id fixture_id(uint8_t byte)
{
    struct id id;
    memset(id.bytes, byte, sizeof(id.bytes));
    return id;
}

/* What the terms say of a price of which so much was released in a part, or nothing: by arithmetic of our own. */
struct shares {
    int64_t part_minor, part_net_minor; /* the seller's, before it ends */
    int64_t rest_minor, rest_net_minor; /* all the rest, if it goes to the seller, too */
    int64_t part_fees_minor, rest_fees_minor;
    int64_t buyer_fee_minor; /* the buyer's on the rest */
    int64_t back_minor;      /* what a refund of the rest gives back */
    /* And when the rest is divided: FIXTURE_SPLIT_MINOR for the seller. */
    int64_t split_net_minor, split_fees_minor, split_back_minor;
};

static struct shares shares_of(const struct fee_split *split, bool refundable, int64_t part_minor)
{
    int64_t price_minor = FIXTURE_PRICE_MINOR;
    int64_t seller_fee_minor = split->seller_fee_minor * part_minor / price_minor;
    int64_t buyer_fee_minor = split->buyer_fee_minor * part_minor / price_minor;
    int64_t rest_fee_minor = split->buyer_fee_minor - buyer_fee_minor;
    struct shares shares = {
        .part_minor = part_minor,
        .part_net_minor = part_minor - seller_fee_minor,
        .rest_minor = price_minor - part_minor,
        .part_fees_minor = seller_fee_minor + buyer_fee_minor,
        .rest_fees_minor = split->platform_gets_minor - seller_fee_minor - buyer_fee_minor,
        .buyer_fee_minor = rest_fee_minor,
        .back_minor = price_minor - part_minor + (refundable ? rest_fee_minor : 0),
    };
    shares.rest_net_minor = split->seller_gets_minor - shares.part_net_minor;
    int64_t first_minor = part_minor + FIXTURE_SPLIT_MINOR;
    int64_t first_seller_fee_minor = split->seller_fee_minor * first_minor / price_minor;
    int64_t first_buyer_fee_minor = split->buyer_fee_minor * first_minor / price_minor;
    shares.split_net_minor = first_minor - first_seller_fee_minor - shares.part_net_minor;
    shares.split_back_minor = price_minor - first_minor +
                              (refundable ? split->buyer_fee_minor - first_buyer_fee_minor : 0);
    shares.split_fees_minor = split->buyer_pays_minor - shares.part_net_minor -
                              shares.split_net_minor - shares.split_back_minor -
                              shares.part_fees_minor;
    return shares;
}

static void place_rest(struct escrow *escrow, const struct shares *shares)
{
    bool settled = escrow->state == ESCROW_SETTLED_SPLIT;
    switch (escrow->state) {
    case ESCROW_FUNDS_HELD:
    case ESCROW_DELIVERED:
    case ESCROW_PARTIALLY_SETTLED:
    case ESCROW_DELIVERY_REJECTED:
        escrow->held_minor = shares->rest_minor;
        escrow->fee_deferred_minor = shares->buyer_fee_minor;
        return;
    case ESCROW_DISPUTED:
    case ESCROW_ESCALATED:
        escrow->disputed_minor = shares->rest_minor;
        escrow->fee_deferred_minor = shares->buyer_fee_minor;
        return;
    case ESCROW_RELEASING:
    case ESCROW_RELEASED:
        *(escrow->state == ESCROW_RELEASED ? &escrow->paid_out_minor : &escrow->due_seller_minor) +=
            shares->rest_net_minor;
        escrow->fee_minor += shares->rest_fees_minor;
        escrow->released_minor += shares->rest_minor;
        escrow->payout_leg_id = FIXTURE_PAYOUT_LEG;
        return;
    case ESCROW_REFUNDING:
    case ESCROW_REFUNDED:
        *(escrow->state == ESCROW_REFUNDED ? &escrow->refunded_minor : &escrow->due_buyer_minor) =
            shares->back_minor;
        escrow->fee_minor += shares->rest_minor + shares->buyer_fee_minor - shares->back_minor;
        escrow->refund_leg_id = FIXTURE_REFUND_LEG;
        return;
    case ESCROW_SETTLING:
    case ESCROW_SETTLED_SPLIT:
        *(settled ? &escrow->paid_out_minor : &escrow->due_seller_minor) += shares->split_net_minor;
        *(settled ? &escrow->refunded_minor : &escrow->due_buyer_minor) = shares->split_back_minor;
        escrow->fee_minor += shares->split_fees_minor;
        escrow->released_minor += FIXTURE_SPLIT_MINOR;
        escrow->payout_leg_id = FIXTURE_PAYOUT_LEG;
        escrow->refund_leg_id = FIXTURE_REFUND_LEG;
        return;
    case ESCROW_NONE:
    case ESCROW_CREATED:
    case ESCROW_AWAIT_FUNDS:
    case ESCROW_CANCELLED:
    case ESCROW_EXPIRED:
    case ESCROW_STATE_COUNT: break;
    }
    UNREACHABLE("a state without a price");
}

/* In its state, with so much released before; paid out already, or owed. */
static void place_price(struct escrow *escrow, int64_t part_minor, bool part_paid)
{
    struct fee_split split;
    bool fits = fee_try_split(FIXTURE_PRICE_MINOR, &escrow->fees, &split);
    ASSERT(fits);
    if (escrow->state == ESCROW_CREATED || escrow->state == ESCROW_AWAIT_FUNDS ||
        escrow->state == ESCROW_CANCELLED || escrow->state == ESCROW_EXPIRED) {
        return;
    }
    struct shares shares = shares_of(&split, escrow->fees.buyer_refundable, part_minor);
    escrow->received_minor = split.buyer_pays_minor;
    escrow->released_minor = part_minor;
    escrow->due_seller_minor = part_paid ? 0 : shares.part_net_minor;
    escrow->paid_out_minor = part_paid ? shares.part_net_minor : 0;
    escrow->fee_minor = shares.part_fees_minor;
    place_rest(escrow, &shares);
}

static void add_dispute(struct fixture *fixture)
{
    fixture->dispute = (struct escrow_dispute){
        .id = FIXTURE_DISPUTE,
        .escrow_id = FIXTURE_ESCROW,
        .version = 1,
        .state = ESCROW_DISPUTE_OPEN,
        .number = 1,
        .raiser_id = FIXTURE_BUYER,
        .before = ESCROW_DELIVERED,
        .amount_minor = FIXTURE_PRICE_MINOR,
        .created_at_us = FIXTURE_NOW_US - 1,
        .updated_at_us = FIXTURE_NOW_US - 1,
    };
    fixture->disputes[0] = &fixture->dispute;
    fixture->facts.disputes = fixture->disputes;
    fixture->facts.dispute_count = 1;
}

static enum escrow_milestone_state milestone_state(enum escrow_state state, bool first)
{
    switch (state) {
    case ESCROW_DELIVERED:
    case ESCROW_DISPUTED:
    case ESCROW_ESCALATED: return first ? ESCROW_MILESTONE_DELIVERED : ESCROW_MILESTONE_OPEN;
    case ESCROW_PARTIALLY_SETTLED: return first ? ESCROW_MILESTONE_RELEASED : ESCROW_MILESTONE_OPEN;
    case ESCROW_DELIVERY_REJECTED: return first ? ESCROW_MILESTONE_REJECTED : ESCROW_MILESTONE_OPEN;
    case ESCROW_RELEASING:
    case ESCROW_RELEASED: return ESCROW_MILESTONE_RELEASED;
    case ESCROW_REFUNDING:
    case ESCROW_REFUNDED: return ESCROW_MILESTONE_REFUNDED;
    case ESCROW_SETTLING:
    case ESCROW_SETTLED_SPLIT: return ESCROW_MILESTONE_DIVIDED;
    case ESCROW_CREATED:
    case ESCROW_AWAIT_FUNDS:
    case ESCROW_FUNDS_HELD:
    case ESCROW_CANCELLED:
    case ESCROW_EXPIRED: return ESCROW_MILESTONE_OPEN;
    case ESCROW_NONE:
    case ESCROW_STATE_COUNT: break;
    }
    UNREACHABLE("a state without milestones");
}

static void place_milestones(struct fixture *fixture)
{
    static const int64_t prices[FIXTURE_MILESTONES] = {FIXTURE_PART_MINOR, FIXTURE_SECOND_MINOR,
                                                       FIXTURE_THIRD_MINOR};
    struct escrow *escrow = &fixture->escrow;
    for (uint32_t i = 0; i < FIXTURE_MILESTONES; i++) {
        struct escrow_milestone *row = &fixture->milestone[i];
        *row = (struct escrow_milestone){
            .escrow_id = FIXTURE_ESCROW,
            .number = i + 1,
            .version = 1,
            .state = milestone_state(escrow->state, i == 0),
            .title = STR("A wheel"),
            .price_minor = prices[i],
            .created_at_us = FIXTURE_NOW_US - 1,
            .updated_at_us = FIXTURE_NOW_US - 1,
        };
        bool runs = escrow_milestone_timer(row) != ESCROW_TIMER_NONE;
        row->deadline_at_us = runs ? FIXTURE_NOW_US : 0;
        fixture->milestones[FIXTURE_MILESTONES - 1 - i] = row; /* rows come in any order */
    }
    fixture->facts.milestones = fixture->milestones;
    fixture->facts.milestone_count = FIXTURE_MILESTONES;
    escrow->milestone_count = FIXTURE_MILESTONES;
    escrow->milestones_hash = escrow_chain_milestones(fixture->milestones, FIXTURE_MILESTONES);
}

void fixture_add_milestones(struct fixture *fixture)
{
    place_milestones(fixture);
    ASSERT(escrow_is_sound(&fixture->escrow));
    ASSERT(escrow_milestones_are_sound(&fixture->escrow, fixture->milestones, FIXTURE_MILESTONES));
}

void fixture_init(struct fixture *fixture, enum escrow_state state)
{
    const struct fee_terms none = {.buyer_refundable = false};
    fixture_init_with(fixture, state, &none);
}

void fixture_init_with(struct fixture *fixture, enum escrow_state state,
                       const struct fee_terms *fees)
{
    struct fee_split split;
    bool fits = fee_try_split(FIXTURE_PRICE_MINOR, fees, &split);
    ASSERT(fits);
    *fixture = (struct fixture){
        .escrow = {.id = FIXTURE_ESCROW,
                   .version = 7,
                   .seq = 5,
                   .state = state,
                   .currency = CURRENCY_USD,
                   .price_minor = FIXTURE_PRICE_MINOR,
                   .marketplace_id = FIXTURE_MARKETPLACE,
                   .buyer_id = FIXTURE_BUYER,
                   .seller_id = FIXTURE_SELLER,
                   .seller_account = STR("acct_1"),
                   .funding_seconds = ESCROW_FUNDING_MIN_SECONDS,
                   .delivery_seconds = ESCROW_DELIVERY_MIN_SECONDS + 1,
                   .inspection_seconds = ESCROW_INSPECTION_MIN_SECONDS,
                   .fees = *fees,
                   .buyer_fee_minor = split.buyer_fee_minor,
                   .seller_fee_minor = split.seller_fee_minor,
                   .description = STR("A bicycle"),
                   .paid_leg_id = FIXTURE_PAID_LEG,
                   .created_at_us = FIXTURE_NOW_US - 1,
                   .updated_at_us = FIXTURE_NOW_US - 1},
        .facts = {.now_us = FIXTURE_NOW_US},
    };
    place_price(&fixture->escrow, 0 /* no part */, false);
    if (escrow_timer_of(state) != ESCROW_TIMER_NONE) {
        fixture->escrow.deadline_seq = FIXTURE_DEADLINE_SEQ;
        fixture->escrow.deadline_at_us = FIXTURE_NOW_US;
    }
    for (uint8_t i = 0; i < ESCROW_LEGS_MAX; i++) {
        fixture->facts.legs[i] = fixture_id((uint8_t)(0x21 + i));
    }
    if (escrow_state_is_disputed(state)) {
        add_dispute(fixture);
    }
    if (state == ESCROW_PARTIALLY_SETTLED) {
        place_milestones(fixture);
        fixture_add_part(fixture, ESCROW_PART_PAID);
        fixture_add_milestones(fixture);
    }
    ASSERT(escrow_is_sound(&fixture->escrow));
}

void fixture_add_part(struct fixture *fixture, enum escrow_part_state state)
{
    struct escrow *escrow = &fixture->escrow;
    bool paid = state == ESCROW_PART_PAID;
    place_price(escrow, FIXTURE_PART_MINOR, paid);
    fixture->part = (struct escrow_part){
        .id = FIXTURE_PART,
        .escrow_id = FIXTURE_ESCROW,
        .version = 2,
        .state = state,
        .number = 1,
        .price_minor = FIXTURE_PART_MINOR,
        .amount_minor = FIXTURE_PART_MINOR -
                        escrow->seller_fee_minor * FIXTURE_PART_MINOR / FIXTURE_PRICE_MINOR,
        .leg_id = FIXTURE_PART_LEG,
        .created_at_us = FIXTURE_NOW_US - 1,
        .updated_at_us = FIXTURE_NOW_US - 1,
    };
    escrow->payout_failed_minor = state == ESCROW_PART_FAILED ? fixture->part.amount_minor : 0;
    fixture->dispute.amount_minor = escrow->disputed_minor;
    fixture->parts[0] = &fixture->part;
    fixture->facts.parts = fixture->parts;
    fixture->facts.part_count = 1;
    ASSERT(escrow_is_sound(escrow));
    ASSERT(escrow_parts_are_sound(escrow, fixture->parts, 1));
}

/* Where the other 6,000 are, with the fees on them. */
static void place_after_return(struct escrow *escrow)
{
    int64_t rest_minor = FIXTURE_PRICE_MINOR - FIXTURE_PART_MINOR;
    int64_t fee_minor = FIXTURE_BUYER_FEE_MINOR - FIXTURE_PART_BUYER_FEE_MINOR;
    bool ended = escrow_state_is_final(escrow->state);
    if (escrow->state == ESCROW_RELEASING || escrow->state == ESCROW_RELEASED) {
        *(ended ? &escrow->paid_out_minor : &escrow->due_seller_minor) =
            FIXTURE_AFTER_RETURN_NET_MINOR;
        escrow->fee_minor = rest_minor - FIXTURE_AFTER_RETURN_NET_MINOR + fee_minor;
        escrow->released_minor = rest_minor;
        escrow->payout_leg_id = FIXTURE_PAYOUT_LEG;
    } else if (escrow->state == ESCROW_REFUNDING || escrow->state == ESCROW_REFUNDED) {
        *(ended ? &escrow->refunded_minor : &escrow->due_buyer_minor) =
            FIXTURE_AFTER_RETURN_BACK_MINOR;
        escrow->refund_leg_id = FIXTURE_REFUND_LEG;
    } else {
        *(escrow_state_is_disputed(escrow->state) ? &escrow->disputed_minor : &escrow->held_minor) =
            rest_minor;
        escrow->fee_deferred_minor = fee_minor;
    }
}

static void return_part(struct fixture *fixture, enum escrow_part_state part)
{
    struct escrow *escrow = &fixture->escrow;
    fixture->part = (struct escrow_part){
        .id = FIXTURE_PART,
        .escrow_id = FIXTURE_ESCROW,
        .version = 2,
        .state = part,
        .number = 1,
        .to_buyer = true,
        .price_minor = FIXTURE_PART_MINOR,
        .amount_minor = FIXTURE_RETURN_MINOR,
        .leg_id = FIXTURE_PART_LEG,
        .created_at_us = FIXTURE_NOW_US - 1,
        .updated_at_us = FIXTURE_NOW_US - 1,
    };
    fixture->parts[0] = &fixture->part;
    fixture->facts.parts = fixture->parts;
    fixture->facts.part_count = 1;
    escrow->returned_minor = FIXTURE_PART_MINOR;
    *(part == ESCROW_PART_PAID ? &escrow->refunded_minor : &escrow->due_buyer_minor) +=
        FIXTURE_RETURN_MINOR;
    escrow->refund_failed_minor = part == ESCROW_PART_FAILED ? FIXTURE_RETURN_MINOR : 0;
}

void fixture_init_returned(struct fixture *fixture, enum escrow_state state,
                           enum escrow_part_state part)
{
    const struct fee_terms fees = FIXTURE_FEES(/* refundable */ true);
    fixture_init_with(fixture, state, &fees);
    struct escrow *escrow = &fixture->escrow;
    escrow->held_minor = escrow->disputed_minor = escrow->fee_deferred_minor = 0;
    escrow->due_seller_minor = escrow->due_buyer_minor = escrow->paid_out_minor = 0;
    escrow->refunded_minor = escrow->released_minor = escrow->fee_minor = 0;
    place_milestones(fixture);
    fixture->milestone[0].state = ESCROW_MILESTONE_REFUNDED;
    fixture->milestone[0].deadline_at_us = 0;
    if (state == ESCROW_DELIVERED) {
        fixture->milestone[1].state = ESCROW_MILESTONE_DELIVERED;
        fixture->milestone[1].deadline_at_us = FIXTURE_NOW_US;
    }
    place_after_return(escrow);
    return_part(fixture, part);
    fixture->dispute.before = ESCROW_PARTIALLY_SETTLED;
    fixture->dispute.amount_minor = escrow->disputed_minor;
    const struct escrow_debts debts = escrow_debts_of(&fixture->facts);
    ASSERT(escrow_case_is_sound(escrow, &debts));
    ASSERT(escrow_parts_are_sound(escrow, fixture->parts, 1));
    ASSERT(escrow_milestones_are_sound(escrow, fixture->milestones, FIXTURE_MILESTONES));
}

/* openssl genpkey -algorithm ed25519: of these tests, and of nothing else. */
#define ARBITER_KEY                                                      \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MC4CAQAwBQYDK2VwBCIEIHByaXZhdGUga2V5IG9mIGEgdGVzdCwgdXNlbGVzcyEh\n" \
    "-----END PRIVATE KEY-----\n"

void fixture_add_arbiter(struct fixture *fixture)
{
    bool read = sign_secret_read(STR(ARBITER_KEY), &fixture->arbiter_secret);
    ASSERT(read);
    fixture->arbiter_key = sign_public_of(&fixture->arbiter_secret);
    fixture->escrow.arbiter_id = FIXTURE_ARBITER;
    fixture->escrow.arbiter_key =
        (struct str){.ptr = (const char *)fixture->arbiter_key.bytes, .len = SIGN_PUBLIC_BYTES};
    memset(fixture->escrow.chain_head.bytes, 0x5e, HASH_BYTES);
    ASSERT(escrow_is_sound(&fixture->escrow));
}

void fixture_sign(struct fixture *fixture, struct escrow_message *message)
{
    char text[VERDICT_TEXT_BYTES];
    message->head = fixture->escrow.chain_head;
    const struct verdict verdict = {
        .escrow_id = fixture->escrow.id,
        .dispute = message->number,
        .head = message->head,
        .currency = fixture->escrow.currency,
        .seller_minor = message->seller_minor,
        .buyer_minor = message->buyer_minor,
        .reason = message->text,
    };
    fixture->signature =
        sign_text(&fixture->arbiter_secret, verdict_text(&verdict, &fixture->arbiter_key, text));
    message->signature =
        (struct str){.ptr = (const char *)fixture->signature.bytes, .len = SIGN_BYTES};
}

struct escrow_message fixture_verdict(struct fixture *fixture)
{
    struct escrow_message message = fixture_message(ESCROW_RESOLVE_DISPUTE);
    message.actor = (struct engine_actor){ENGINE_ACTOR_USER, FIXTURE_ARBITER};
    message.buyer_minor = escrow_kept_minor(&fixture->escrow) - FIXTURE_SPLIT_MINOR;
    fixture_sign(fixture, &message);
    return message;
}

void fixture_add_offer(struct fixture *fixture, struct id proposer_id)
{
    fixture->escrow.split_count = 1;
    fixture->escrow.split_by = proposer_id;
    fixture->escrow.split_seller_minor = FIXTURE_SPLIT_MINOR;
    ASSERT(escrow_is_sound(&fixture->escrow));
}

void fixture_add_suspense(struct fixture *fixture, enum escrow_suspense_state state)
{
    bool ours = state != ESCROW_SUSPENSE_FLAGGED;
    int64_t amount_minor = FIXTURE_SUSPENSE_MINOR;
    fixture->suspense = (struct escrow_suspense){
        .leg_id = FIXTURE_EXTRA_LEG,
        .escrow_id = FIXTURE_ESCROW,
        .version = 3,
        .state = state,
        .currency = ours ? STR("USD") : STR("EUR"),
        .amount_minor = amount_minor,
        .created_at_us = FIXTURE_NOW_US - 1,
        .updated_at_us = FIXTURE_NOW_US - 1,
    };
    if (ours) {
        fixture->suspense.refund_leg_id = FIXTURE_EXTRA_REFUND_LEG;
    }
    struct escrow *escrow = &fixture->escrow;
    escrow->received_minor += ours ? amount_minor : 0;
    escrow->foreign_money = !ours;
    if (state == ESCROW_SUSPENSE_REFUNDED) {
        escrow->refunded_minor += amount_minor;
    } else if (ours) {
        escrow->due_buyer_minor += amount_minor;
    }
    escrow->refund_failed_minor = state == ESCROW_SUSPENSE_REFUND_FAILED ? amount_minor : 0;
    fixture->rows[0] = &fixture->suspense;
    fixture->facts.suspense = fixture->rows;
    fixture->facts.suspense_count = 1;
    const struct escrow_debts debts = escrow_debts_of(&fixture->facts);
    ASSERT(escrow_case_is_sound(escrow, &debts));
}

struct escrow_message fixture_message(enum escrow_message_kind kind)
{
    bool payout = kind == ESCROW_TRANSFER_SUCCEEDED || kind == ESCROW_TRANSFER_FAILED;
    bool refund = kind == ESCROW_REFUND_SUCCEEDED || kind == ESCROW_REFUND_FAILED;
    bool command = escrow_message_is_command(kind);
    struct escrow_message message = {
        .kind = kind,
        .escrow_id = FIXTURE_ESCROW,
        .actor = {.kind = command ? ENGINE_ACTOR_STAFF : ENGINE_ACTOR_SYSTEM},
        .terms = {.marketplace_id = FIXTURE_MARKETPLACE,
                  .buyer_id = FIXTURE_BUYER,
                  .seller_id = FIXTURE_SELLER,
                  .currency = CURRENCY_USD,
                  .price_minor = FIXTURE_PRICE_MINOR,
                  .seller_account = STR("acct_1"),
                  .funding_seconds = ESCROW_FUNDING_MIN_SECONDS,
                  .delivery_seconds = ESCROW_DELIVERY_MIN_SECONDS + 1,
                  .inspection_seconds = ESCROW_INSPECTION_MIN_SECONDS,
                  .description = STR("A bicycle")},
        .text = STR("why"),
    };
    if (command) {
        message.amount_minor = FIXTURE_PART_MINOR;
        message.seller_minor = FIXTURE_SPLIT_MINOR;
        message.buyer_minor = FIXTURE_PRICE_MINOR - FIXTURE_SPLIT_MINOR;
        message.number = kind == ESCROW_ACCEPT_SPLIT || kind == ESCROW_RESOLVE_DISPUTE ||
                                 kind == ESCROW_WITHDRAW_SPLIT
                             ? 1
                             : 0;
        message.content = FIXTURE_CONTENT;
        message.evidence = MEDIA_PNG;
        message.size_bytes = FIXTURE_EVIDENCE_BYTES;
        message.actor.id = FIXTURE_STAFF;
        return message;
    }
    if (kind == ESCROW_TIMER_FIRED) {
        message.timer = ESCROW_TIMER_FUNDING;
        message.generation = FIXTURE_DEADLINE_SEQ;
        message.fired_at_us = FIXTURE_NOW_US;
        return message;
    }
    message.leg_id = FIXTURE_PAID_LEG;
    if (payout || refund) {
        message.leg_id = payout ? FIXTURE_PAYOUT_LEG : FIXTURE_REFUND_LEG;
    }
    message.amount_minor = FIXTURE_PRICE_MINOR;
    message.currency = STR("USD");
    message.stage = ESCROW_STAGE_SETUP;
    return message;
}
