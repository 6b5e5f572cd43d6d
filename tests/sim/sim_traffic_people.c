/* Who the people are: they register, are linked to Discord accounts; what they agreed on, and asked for. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "escrow/escrow.h"
#include "gateway/gateway_account_command.h"
#include "sim_traffic_internal.h"

#define DISCORD_FIRST UINT64_C(100000000000000000)

static struct gateway_account_command registration(struct sim_traffic *traffic, struct op *op,
                                                   uint32_t person)
{
    char name[KEY_BYTES];
    char discord_id[KEY_BYTES];
    (void)snprintf(name, sizeof(name), "person %u", person);
    (void)snprintf(discord_id, sizeof(discord_id), "%" PRIu64, DISCORD_FIRST + person);
    const struct gateway_account_order order = {
        .verb = GATEWAY_ACCOUNT_REGISTER,
        .caller = {.kind = ENGINE_ACTOR_MARKETPLACE, .account_id = traffic->marketplace},
        .key = str_dup(op->arena, str_of(name)),
        .display_name = str_dup(op->arena, str_of(name)),
        /* Some have no Discord: their news reaches nobody. */
        .discord_id = str_dup(op->arena, person % 4 == 3 ? STR("") : str_of(discord_id)),
        .now_us = op->now_us,
    };
    struct gateway_account_command command;
    struct status st = gateway_account_command_make(op, &order, &command);
    ASSERT(!status_failed(st));
    command.request.extra_row = NULL;
    return command;
}

/* Their ids follow from how they register, as everybody's do. Each is paid at an account of its own. */
void traffic_know_people(struct sim_traffic *traffic)
{
    traffic->people = calloc(traffic->options.people, sizeof(*traffic->people));
    traffic->accounts = calloc(traffic->options.people, sizeof(*traffic->accounts));
    ASSERT(traffic->people);
    ASSERT(traffic->accounts);
    for (uint32_t i = 0; i < traffic->options.people; i++) {
        char correlation[ID_TEXT_BYTES];
        struct op op = traffic_begin_request(traffic, correlation);
        traffic->people[i] = registration(traffic, &op, i).request.key;
        (void)snprintf(traffic->accounts[i], KEY_BYTES, "acct_sim%u", i);
    }
}

void traffic_register_person(struct sim_traffic *traffic)
{
    char correlation[ID_TEXT_BYTES];
    struct op op = traffic_begin_request(traffic, correlation);
    struct gateway_account_command command = registration(traffic, &op, traffic->registered);
    command.request.extra_row = &command.pending; /* it has moved */
    traffic->registered += traffic_submit(traffic, &op, &command.request) ? 1 : 0;
    traffic->people_us =
        traffic->registered < traffic->options.people
            ? traffic->place->clock->mono_us + traffic_between(traffic, 0, 2 * SECOND_US)
            : INT64_MAX;
}

int64_t traffic_next_link_us(struct sim_traffic *traffic)
{
    int64_t within_us = traffic->options.open_within_us;
    return traffic->linked < traffic->options.links
               ? traffic->place->clock->mono_us +
                     (int64_t)random_below(&traffic->links,
                                           2 * (uint64_t)within_us / traffic->options.links)
               : INT64_MAX;
}

void traffic_link_person(struct sim_traffic *traffic)
{
    char correlation[ID_TEXT_BYTES];
    char key[KEY_BYTES];
    char discord_id[KEY_BYTES];
    struct op op = traffic_begin_request(traffic, correlation);
    uint32_t number = traffic->linked++;
    traffic->link_us = traffic_next_link_us(traffic);
    if (traffic->registered == 0) {
        return;
    }
    (void)snprintf(key, sizeof(key), "link %u", number);
    (void)snprintf(discord_id, sizeof(discord_id), "%" PRIu64,
                   DISCORD_FIRST + traffic->options.people + number);
    const struct gateway_account_order order = {
        .verb = GATEWAY_ACCOUNT_LINK_DISCORD,
        .caller = {.kind = ENGINE_ACTOR_MARKETPLACE, .account_id = traffic->marketplace},
        .key = str_of(key),
        .user_id = traffic->people[random_below(&traffic->links, traffic->registered)],
        .discord_id = str_of(discord_id),
        .now_us = op.now_us,
    };
    struct gateway_account_command command;
    struct status st = gateway_account_command_make(&op, &order, &command);
    ASSERT(!status_failed(st));
    (void)traffic_submit(traffic, &op, &command.request);
}

/* Half of the deals have fees. Drawn apart, so that nothing else of a seed's traffic depends on them. */
void traffic_draw_fees(struct sim_traffic *traffic, struct gateway_terms *terms)
{
    struct random *random = &traffic->fees;
    bool has_fees = random_below(random, 2) == 0;
    struct fee_terms fees = {
        .buyer = {(int64_t)random_below(random, 1000), (int64_t)random_below(random, 50)},
        .seller = {(int64_t)random_below(random, 1000), (int64_t)random_below(random, 50)},
        .buyer_refundable = random_below(random, 2) == 0,
    };
    if (terms->amount_minor <= 100) { /* the seller must get something */
        fees.seller = (struct fee_rate){.basis_points = 0};
    }
    terms->fees = has_fees ? fees : (struct fee_terms){.buyer_refundable = fees.buyer_refundable};
}

bool traffic_likes_a_part(struct sim_traffic *traffic, const struct gateway_view *view)
{
    bool can = view->state == (int)ESCROW_FUNDS_HELD || view->state == (int)ESCROW_DELIVERED;
    return can && random_below(&traffic->parts, 5) == 0;
}

/* ---- What was asked for ---- */

uint32_t sim_traffic_deal_count(const struct sim_traffic *traffic)
{
    return traffic->options.deals;
}

struct id sim_traffic_deal(const struct sim_traffic *traffic, uint32_t at)
{
    ASSERT(at < traffic->options.deals);
    return traffic->deals[at].escrow_id;
}

const struct gateway_terms *sim_traffic_terms(const struct sim_traffic *traffic,
                                              struct id escrow_id)
{
    uint32_t at = sim_index_get(&traffic->asked, escrow_id);
    return at == SIM_INDEX_NONE ? NULL : &traffic->deals[at].terms;
}

struct id sim_traffic_marketplace(const struct sim_traffic *traffic)
{
    return traffic->marketplace;
}

struct id sim_traffic_creation(const struct sim_traffic *traffic, uint32_t at)
{
    ASSERT(at < traffic->options.deals);
    return traffic->deals[at].creation;
}

const struct intake *sim_traffic_door(const struct sim_traffic *traffic)
{
    return &traffic->intake;
}

bool sim_traffic_is_poisoned(const struct sim_traffic *traffic, struct id key)
{
    return sim_index_get(&traffic->poisoned, key) != SIM_INDEX_NONE;
}
