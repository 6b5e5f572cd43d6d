/*
 * People in; requests and payments out. Each deal has one next act; what it is follows from what its
 * people can see of the deal, which is what the gateway shows, and from chance. Always holds: a
 * request that was not taken is sent again with the same key.
 */
#include "sim_traffic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/lane.h"
#include "escrow/escrow.h"
#include "gateway/gateway_repo.h"
#include "sim_traffic_internal.h"

#define ARENA_BYTES ((size_t)1024 * 1024)
#define CHANCE 10000
#define HOUR_S 3600
#define ACTS_MAX 12 /* of one deal, before its people lose interest */
#define STAFF_EVERY_US (10 * MINUTE_US)

/* ---- Chance ---- */

static bool lucky(struct sim_traffic *traffic, uint32_t chance)
{
    return chance > 0 && random_below(&traffic->random, CHANCE) < chance;
}

int64_t traffic_between(struct sim_traffic *traffic, int64_t low, int64_t high)
{
    return low + (int64_t)random_below(&traffic->random, (uint64_t)(high - low + 1));
}

/* Most things follow soon, some at once, some so late that a clock may be quicker. */
static int64_t pause(struct sim_traffic *traffic)
{
    int64_t within_us = traffic->options.open_within_us;
    switch (random_below(&traffic->random, 8)) {
    case 0: return traffic_between(traffic, 0, 1000);
    case 1: return traffic_between(traffic, 0, within_us);
    default: return traffic_between(traffic, 1000, 1000 + within_us / 40);
    }
}

/* ---- Requests ---- */

struct id traffic_named(const char *what, uint64_t number)
{
    char name[KEY_BYTES];
    (void)snprintf(name, sizeof(name), "%s %" PRIu64, what, number);
    return id_v5(id_namespace(STR("holdfast/sim")), str_of(name));
}

struct op traffic_begin_request(struct sim_traffic *traffic, char correlation[ID_TEXT_BYTES])
{
    arena_reset(&traffic->arena);
    id_format(traffic_named("request", traffic->requests++), correlation);
    return (struct op){.arena = &traffic->arena,
                       .correlation_id = str_of(correlation),
                       .now_us = traffic->place->clock->wall_us};
}

bool traffic_submit(struct sim_traffic *traffic, struct op *op,
                    const struct intake_request *request)
{
    enum intake_result result;
    traffic->intake.next = SIM_PUBLISH_ONCE;
    if (lucky(traffic, traffic->options.unpublished)) {
        traffic->intake.next = SIM_PUBLISH_NEVER;
    } else if (lucky(traffic, traffic->options.published_twice)) {
        traffic->intake.next = SIM_PUBLISH_TWICE;
    }
    return !status_failed(intake_submit(op, &traffic->intake, request, &result));
}

static struct gateway_caller caller_of(const struct sim_traffic *traffic, const struct deal *deal,
                                       enum who who)
{
    switch (who) {
    case WHO_MARKETPLACE:
        return (struct gateway_caller){.kind = ENGINE_ACTOR_MARKETPLACE,
                                       .account_id = traffic->marketplace};
    case WHO_BUYER:
        return (struct gateway_caller){.kind = ENGINE_ACTOR_USER,
                                       .account_id = deal->terms.buyer_id};
    case WHO_SELLER:
        return (struct gateway_caller){.kind = ENGINE_ACTOR_USER,
                                       .account_id = deal->terms.seller_id};
    case WHO_STAFF:
        return (struct gateway_caller){.kind = ENGINE_ACTOR_STAFF, .account_id = traffic->staff};
    case WHO_ARBITER:
        return (struct gateway_caller){.kind = ENGINE_ACTOR_USER,
                                       .account_id = deal->terms.arbiter_id};
    case WHO_COUNT: break;
    }
    UNREACHABLE("somebody asks");
}

void traffic_send(struct sim_traffic *traffic, struct deal *deal)
{
    char correlation[ID_TEXT_BYTES];
    char key[KEY_BYTES];
    struct op op = traffic_begin_request(traffic, correlation);
    (void)snprintf(key, sizeof(key), "sim-%u-%u", (unsigned)(deal - traffic->deals),
                   deal->last.number);
    const struct gateway_order order = {
        .action = deal->last.action,
        .caller = caller_of(traffic, deal, deal->last.who),
        .key = str_of(key),
        .escrow_id =
            deal->last.action == GATEWAY_CREATE ? (struct id){.bytes = {0}} : deal->escrow_id,
        .terms = deal->terms,
        .reason = gateway_action_reason(deal->last.action) == GATEWAY_REASON_MUST
                      ? STR("not as seen")
                      : STR(""),
        .amount_minor = deal->last.amount_minor,
        .seller_minor = deal->last.seller_minor,
        .buyer_minor = deal->last.buyer_minor,
        .number = deal->last.offer,
        .milestone = deal->last.milestone,
        .content = hash_of(str_of(key)), /* another one each time */
        .media = MEDIA_PNG,
        .size_bytes = deal->last.size_bytes,
        .head = str_of(deal->last.head),
        .signature = str_of(deal->last.signature),
        .now_us = op.now_us,
    };
    struct gateway_command command;
    struct status st = gateway_command_make(&op, &order, &command);
    ASSERT(!status_failed(st));
    deal->escrow_id = command.escrow_id;
    if (deal->last.action == GATEWAY_CREATE) {
        deal->creation = command.request.id;
        sim_index_set(&traffic->asked, deal->escrow_id, (uint32_t)(deal - traffic->deals));
    }
    deal->last.taken = traffic_submit(traffic, &op, &command.request);
}

const struct gateway_view *traffic_view(const struct sim_traffic *traffic, const struct deal *deal)
{
    const struct gateway_view like = {.id = deal->escrow_id};
    return sim_db_find(traffic->place->dbs[SIM_GATEWAY], &gateway_view_table, &like);
}

static void ask(struct sim_traffic *traffic, struct deal *deal, enum gateway_action action,
                enum who who)
{
    deal->last = (struct asked){.action = action, .who = who, .number = deal->asked_count++};
    if (action == GATEWAY_RELEASE_PART) { /* at times too much */
        deal->last.amount_minor =
            1 + (int64_t)random_below(&traffic->parts, (uint64_t)deal->terms.amount_minor);
    }
    deal->last.milestone = traffic_choose_milestone(traffic, deal, action);
    traffic_send(traffic, deal);
}

/* Of so much, at times all of it to one of the two; or, by its number, an agreement to what was offered. */
static void ask_split(struct sim_traffic *traffic, struct deal *deal, enum who who,
                      int64_t kept_minor, int64_t offer)
{
    int64_t quarters = offer > 0 ? 0 : (int64_t)random_below(&traffic->splits, 5);
    enum gateway_action action = offer > 0 ? GATEWAY_ACCEPT_SPLIT : GATEWAY_PROPOSE_SPLIT;
    deal->last = (struct asked){.action = action, .who = who, .number = deal->asked_count++};
    deal->last.seller_minor = kept_minor * quarters / 4;
    deal->last.buyer_minor = kept_minor - deal->last.seller_minor;
    deal->last.offer = offer;
    traffic_send(traffic, deal);
}

/* ---- Beginning ---- */

static void draw_deal(struct sim_traffic *traffic, struct deal *deal)
{
    uint64_t buyer = random_below(&traffic->random, traffic->options.people);
    uint64_t other = random_below(&traffic->random, traffic->options.people - 1);
    uint64_t seller = other < buyer ? other : other + 1;
    bool idle = lucky(traffic, traffic->options.idle);
    *deal = (struct deal){
        .poison = lucky(traffic, traffic->options.poison),
        .acts_left = (uint32_t)traffic_between(traffic, idle ? 1 : 4, idle ? 3 : ACTS_MAX),
        .next_us = traffic->place->clock->mono_us +
                   traffic_between(traffic, 0, traffic->options.open_within_us),
    };
    deal->terms = (struct gateway_terms){
        .buyer_id = traffic->people[buyer],
        .seller_id = traffic->people[seller],
        .seller_account = str_of(traffic->accounts[seller]),
        .amount_minor = traffic_between(traffic, 1, 20000),
        .currency = STR("USD"),
        .funding_seconds = traffic_between(traffic, HOUR_S, 6 * HOUR_S),
        .delivery_seconds = traffic_between(traffic, HOUR_S, 12 * HOUR_S),
        .inspection_seconds = traffic_between(traffic, 24 * HOUR_S, 30 * HOUR_S),
        .description = STR("one thing, as seen"),
    };
}

static void find_soonest(struct sim_traffic *traffic)
{
    traffic->soonest = 0;
    for (uint32_t i = 1; i < traffic->options.deals; i++) {
        if (traffic->deals[i].next_us < traffic->deals[traffic->soonest].next_us) {
            traffic->soonest = i;
        }
    }
}

struct sim_traffic *sim_traffic_new(const struct sim_place *place, struct sim_stripe *stripe,
                                    const struct sim_traffic_options *options)
{
    ASSERT(options->deals > 0);
    ASSERT(options->people > 1);
    struct sim_traffic *traffic = calloc(1, sizeof(*traffic));
    ASSERT(traffic);
    traffic->place = place;
    traffic->stripe = stripe;
    traffic->options = *options;
    traffic->random = random_seeded(options->seed);
    traffic->marketplace = traffic_named("marketplace", 0);
    traffic->staff = traffic_named("staff", 0);
    traffic->people_us = place->clock->mono_us;
    traffic->staff_us = INT64_MAX;
    traffic->links = random_seeded(options->seed ^ UINT64_C(0x6c696e6b));
    traffic->fees = random_seeded(options->seed ^ UINT64_C(0x66656573));
    traffic->splits = random_seeded(options->seed ^ UINT64_C(0x73706c697473));
    traffic->parts = random_seeded(options->seed ^ UINT64_C(0x7061727473));
    traffic->milestones = random_seeded(options->seed ^ UINT64_C(0x6d696c6573));
    traffic->arbiters = random_seeded(options->seed ^ UINT64_C(0x61726269746572));
    traffic->evidence = random_seeded(options->seed ^ UINT64_C(0x65766964656e6365));
    traffic->link_us = traffic_next_link_us(traffic);
    sim_intake_init(&traffic->intake, place, SIM_GATEWAY);
    arena_init(&traffic->arena, ARENA_BYTES);
    traffic_know_people(traffic);
    traffic_know_arbiters(traffic);
    traffic->deals = calloc(options->deals, sizeof(*traffic->deals));
    ASSERT(traffic->deals);
    for (uint32_t i = 0; i < options->deals; i++) {
        draw_deal(traffic, &traffic->deals[i]);
        traffic_draw_fees(traffic, &traffic->deals[i].terms);
        traffic_draw_milestones(traffic, &traffic->deals[i]);
        traffic_draw_arbiter(traffic, &traffic->deals[i]);
    }
    find_soonest(traffic);
    return traffic;
}

void sim_traffic_free(struct sim_traffic *traffic)
{
    if (!traffic) {
        return;
    }
    sim_intake_fini(&traffic->intake);
    sim_index_fini(&traffic->asked);
    sim_index_fini(&traffic->poisoned);
    arena_fini(&traffic->arena);
    free(traffic->people);
    free(traffic->accounts);
    free(traffic->deals);
    free(traffic);
}

/* ---- Acting ---- */

static bool has_failed(const struct gateway_view *view)
{
    return view && (view->payout_failed_minor > 0 || view->refund_failed_minor > 0 ||
                    (view->payment_setup_failed && view->state == GATEWAY_STATE_CREATED));
}

/* Bytes that are no command, under a key that no deal has. */
static void poison(struct sim_traffic *traffic, struct deal *deal)
{
    char key[ID_TEXT_BYTES];
    deal->escrow_id = traffic_named("poison", (uint64_t)(deal - traffic->deals));
    id_format(deal->escrow_id, key);
    sim_index_set(&traffic->poisoned, deal->escrow_id, 0);
    sim_kafka_append_raw(traffic->place->kafka, TOPIC_ESCROW_COMMANDS_V1,
                         lane_of_key(deal->escrow_id),
                         traffic_named("poison record", traffic->requests++), str_of(key),
                         STR("\xff\xff no command"));
    deal->next_us = INT64_MAX;
}

static void open(struct sim_traffic *traffic, struct deal *deal)
{
    if (deal->poison) {
        poison(traffic, deal);
        return;
    }
    ask(traffic, deal, GATEWAY_CREATE, WHO_MARKETPLACE);
    deal->opened = true;
}

/* Whoever may ask for it at all, whatever the moment. */
static void ask_anything(struct sim_traffic *traffic, struct deal *deal)
{
    static const struct {
        enum gateway_action action;
        enum who who;
    } askable[] = {
        {GATEWAY_MARK_DELIVERED, WHO_SELLER},
        {GATEWAY_RELEASE, WHO_BUYER},
        {GATEWAY_CANCEL, WHO_BUYER},
        {GATEWAY_CANCEL, WHO_SELLER},
        {GATEWAY_CANCEL, WHO_MARKETPLACE},
        {GATEWAY_CANCEL, WHO_STAFF},
        {GATEWAY_REFUND, WHO_SELLER},
        {GATEWAY_REFUND, WHO_STAFF},
        {GATEWAY_RETRY, WHO_STAFF},
        {GATEWAY_REJECT_DELIVERY, WHO_BUYER},
        {GATEWAY_ACCEPT_RETURN, WHO_SELLER},
        {GATEWAY_RAISE_DISPUTE, WHO_BUYER},
        {GATEWAY_RAISE_DISPUTE, WHO_SELLER},
        {GATEWAY_WITHDRAW_DISPUTE, WHO_BUYER},
        {GATEWAY_WITHDRAW_DISPUTE, WHO_SELLER},
        {GATEWAY_RELEASE_PART, WHO_BUYER},
        {GATEWAY_RESOLVE_DISPUTE, WHO_STAFF},
    };

    if (traffic_shows_anything(traffic, deal)) {
        return;
    }
    if (random_below(&traffic->splits, 8) == 0) { /* of the price, whatever is held of it */
        enum who who = random_below(&traffic->splits, 2) == 0 ? WHO_BUYER : WHO_SELLER;
        bool offers = random_below(&traffic->splits, 2) == 0;
        ask_split(traffic, deal, who, deal->terms.amount_minor,
                  offers ? 0 : 1 + (int64_t)random_below(&traffic->splits, 2));
        return;
    }
    uint64_t which = random_below(&traffic->random, ARRAY_LEN(askable));
    ask(traffic, deal, askable[which].action, askable[which].who);
}

static void pay(struct sim_traffic *traffic, struct deal *deal)
{
    enum sim_stripe_pay how = SIM_PAY_GOOD;
    if (lucky(traffic, traffic->options.odd_payment)) {
        how = (enum sim_stripe_pay)random_below(&traffic->random, SIM_PAY_COUNT);
    }
    (void)sim_stripe_pay(traffic->stripe, deal->escrow_id,
                         how); /* there may be nothing to pay yet */
}

/* One of them gives in, or takes it back if it is his to take back; or nobody does anything. */
static void settle(struct sim_traffic *traffic, struct deal *deal, uint64_t mood)
{
    static const struct {
        enum gateway_action action;
        enum who who;
    } ways[] = {
        {GATEWAY_RELEASE, WHO_BUYER},
        {GATEWAY_REFUND, WHO_SELLER},
        {GATEWAY_REFUND, WHO_STAFF},
        {GATEWAY_WITHDRAW_DISPUTE, WHO_BUYER},
        {GATEWAY_WITHDRAW_DISPUTE, WHO_SELLER},
    };

    if (mood < ARRAY_LEN(ways)) {
        ask(traffic, deal, ways[mood].action, ways[mood].who);
    }
}

/* Whoever was offered a part of what is held often agrees; at times one of the two offers one. Drawn apart, too. */
static bool divides(struct sim_traffic *traffic, struct deal *deal, const struct gateway_view *view)
{
    int64_t kept_minor = view->held_minor + view->disputed_minor;
    uint64_t mood = random_below(&traffic->splits, 8);
    if (kept_minor == 0 || mood >= 4) {
        return false;
    }
    if (view->split_number > 0) {
        bool buyers = id_eq(view->split_by, view->buyer_id);
        ask_split(traffic, deal, buyers ? WHO_SELLER : WHO_BUYER, kept_minor, view->split_number);
    } else if (mood < 2) {
        ask_split(traffic, deal, mood == 0 ? WHO_BUYER : WHO_SELLER, kept_minor, 0 /* none */);
    }
    return view->split_number > 0 || mood < 2;
}

/* At times a buyer does not wait for a milestone, and releases it. */
static void deliver(struct sim_traffic *traffic, struct deal *deal, uint64_t mood)
{
    if (deal->terms.milestones.count > 0 && random_below(&traffic->milestones, 6) == 0) {
        ask(traffic, deal, GATEWAY_RELEASE, WHO_BUYER);
    } else if (mood == 0) {
        ask(traffic, deal, GATEWAY_REFUND, WHO_SELLER);
    } else {
        ask(traffic, deal, GATEWAY_MARK_DELIVERED, WHO_SELLER);
    }
}

/* A seller does not wait with the next milestone until the buyer has looked at the one before. */
static bool inspects_apart(struct sim_traffic *traffic, const struct deal *deal)
{
    return deal->terms.milestones.count > 0 && random_below(&traffic->milestones, 3) == 0;
}

static void inspect(struct sim_traffic *traffic, struct deal *deal, uint64_t mood)
{
    if (inspects_apart(traffic, deal)) {
        ask(traffic, deal, GATEWAY_MARK_DELIVERED, WHO_SELLER);
    } else if (mood < 2) {
        ask(traffic, deal, GATEWAY_REFUND, WHO_SELLER);
    } else if (mood == 2) {
        ask(traffic, deal, GATEWAY_REJECT_DELIVERY, WHO_BUYER);
    } else if (mood == 3) {
        ask(traffic, deal, GATEWAY_RAISE_DISPUTE, WHO_BUYER);
    } else {
        ask(traffic, deal, GATEWAY_RELEASE, WHO_BUYER);
    }
}

/* Of milestones the seller delivers one once more, or gives it back; of what is one piece he takes it all back. */
static void answer(struct sim_traffic *traffic, struct deal *deal, uint64_t mood)
{
    bool pieces = deal->terms.milestones.count > 0;
    if (mood < 2) {
        ask(traffic, deal, GATEWAY_RELEASE, WHO_BUYER); /* it was right after all */
    } else if (mood < 4 && pieces) {
        ask(traffic, deal, GATEWAY_MARK_DELIVERED, WHO_SELLER);
    } else if (mood < 5) {
        ask(traffic, deal, pieces ? GATEWAY_REFUND : GATEWAY_ACCEPT_RETURN, WHO_SELLER);
    } else if (mood == 5) {
        ask(traffic, deal, GATEWAY_RAISE_DISPUTE, WHO_SELLER);
    } /* or nobody answers */
}

/* What a sensible person does next, most of the time. */
static void go_on(struct sim_traffic *traffic, struct deal *deal, const struct gateway_view *view)
{
    uint64_t mood = random_below(&traffic->random, 8);
    switch ((enum escrow_state)view->state) {
    case ESCROW_NONE: return;
    case ESCROW_CREATED:
        if (mood < 3) { /* before there is anything to pay */
            ask(traffic, deal, GATEWAY_CANCEL, WHO_MARKETPLACE);
        } else if (view->payment_setup_failed) {
            ask(traffic, deal, GATEWAY_RETRY, WHO_STAFF);
        }
        return;
    case ESCROW_AWAIT_FUNDS:
        if (mood == 0) {
            ask(traffic, deal, GATEWAY_CANCEL, WHO_BUYER);
        } else if (view->payment_setup_failed) {
            ask(traffic, deal, GATEWAY_RETRY, WHO_STAFF);
        } else {
            pay(traffic, deal);
        }
        return;
    case ESCROW_FUNDS_HELD:
    case ESCROW_PARTIALLY_SETTLED: deliver(traffic, deal, mood); return;
    case ESCROW_DELIVERED: inspect(traffic, deal, mood); return;
    case ESCROW_DELIVERY_REJECTED: answer(traffic, deal, mood); return;
    case ESCROW_DISPUTED:
    case ESCROW_ESCALATED: settle(traffic, deal, mood); return;
    case ESCROW_RELEASING:
    case ESCROW_REFUNDING:
    case ESCROW_SETTLING:
        if (has_failed(view) || mood < 2) { /* some do not wait for an answer */
            ask(traffic, deal, GATEWAY_RETRY, WHO_STAFF);
        }
        return;
    case ESCROW_RELEASED:
    case ESCROW_REFUNDED:
    case ESCROW_SETTLED_SPLIT:
    case ESCROW_CANCELLED:
    case ESCROW_EXPIRED:
        if (mood == 0) {
            pay(traffic, deal); /* whoever finds an old page open */
        }
        return;
    case ESCROW_STATE_COUNT: break;
    }
    UNREACHABLE("the gateway shows a state");
}

static void act(struct sim_traffic *traffic, struct deal *deal)
{
    deal->next_us = traffic->place->clock->mono_us + pause(traffic);
    if (deal->last.action != GATEWAY_ACTION_NONE && !deal->last.taken) {
        traffic_send(traffic, deal);
        return;
    }
    if (!deal->opened) {
        open(traffic, deal);
        return;
    }
    if (lucky(traffic, traffic->options.repeated)) {
        traffic_send(traffic, deal);
    }
    const struct gateway_view *view = traffic_view(traffic, deal);
    if (lucky(traffic, traffic->options.hasty)) {
        ask_anything(traffic, deal);
    } else if (view && (traffic_shows(traffic, deal, view) ||
                        traffic_quarrels(traffic, deal, view) || divides(traffic, deal, view))) {
        ; /* it was asked for */
    } else if (view && traffic_likes_a_part(traffic, view)) {
        ask(traffic, deal, GATEWAY_RELEASE_PART, WHO_BUYER);
    } else if (view) {
        go_on(traffic, deal, view);
    }
    deal->acts_left--;
    if (deal->acts_left == 0 && deal->last.taken) {
        deal->next_us = INT64_MAX;
    } else if (deal->acts_left == 0) {
        deal->acts_left = 1;
    }
}

/* ---- Settling ---- */

/* The staff's round: what failed is tried again, until it no longer fails. */
static void look_after(struct sim_traffic *traffic)
{
    traffic->staff_us = traffic->place->clock->mono_us + STAFF_EVERY_US;
    for (uint32_t i = 0; i < traffic->options.deals; i++) {
        struct deal *deal = &traffic->deals[i];
        if (deal->opened && has_failed(traffic_view(traffic, deal))) {
            ask(traffic, deal, GATEWAY_RETRY, WHO_STAFF);
        }
    }
}

void sim_traffic_settle(struct sim_traffic *traffic)
{
    traffic->settling = true;
    traffic->link_us = INT64_MAX;
    traffic->options.unpublished = 0;
    traffic->options.published_twice = 0;
    traffic->staff_us = traffic->place->clock->mono_us;
    for (uint32_t i = 0; i < traffic->options.deals; i++) {
        struct deal *deal = &traffic->deals[i];
        bool unsent = deal->last.action != GATEWAY_ACTION_NONE && !deal->last.taken;
        deal->acts_left = 1;
        deal->next_us = unsent ? traffic->place->clock->mono_us : INT64_MAX;
    }
    find_soonest(traffic);
}

/* ---- The agenda ---- */

int64_t sim_traffic_next_us(const struct sim_traffic *traffic)
{
    int64_t next_us = traffic->deals[traffic->soonest].next_us;
    next_us = traffic->people_us < next_us ? traffic->people_us : next_us;
    next_us = traffic->link_us < next_us ? traffic->link_us : next_us;
    return traffic->staff_us < next_us ? traffic->staff_us : next_us;
}

bool sim_traffic_step(struct sim_traffic *traffic)
{
    int64_t now_us = traffic->place->clock->mono_us;
    if (traffic->people_us <= now_us) {
        traffic_register_person(traffic);
        return true;
    }
    if (traffic->link_us <= now_us) {
        traffic_link_person(traffic);
        return true;
    }
    if (traffic->staff_us <= now_us) {
        look_after(traffic);
        return true;
    }
    struct deal *deal = &traffic->deals[traffic->soonest];
    if (deal->next_us > now_us) {
        return false;
    }
    act(traffic, deal);
    if (traffic->settling && deal->last.taken) {
        deal->next_us = INT64_MAX;
    }
    find_soonest(traffic);
    return true;
}
