#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/gateway_command.h"
#include "sim_intake.h"
#include "sim_stripe.h"

/*
 * The people: marketplaces that open deals with random terms, buyers who pay late, twice, the wrong
 * amount or never, sellers who deliver or not, all of them asking at the same time for things that
 * exclude each other, staff who retry what failed. Requests enter as the gateway's HTTP handlers leave
 * them: made by its own code, in its `intake`, on escrow.commands.v1. Deterministic.
 */

struct sim_traffic;

struct sim_traffic_options {
    uint64_t seed;
    uint32_t deals; /* to be opened in all */
    uint32_t people;
    uint32_t links; /* times that one of them is linked to another Discord account */
    int64_t
        open_within_us; /* from now: when deals are opened; their people take their time by it */
    /* Of 10,000: */
    uint16_t idle;     /* a deal that is left to its clocks */
    uint16_t hasty;    /* an action is asked for at a moment that does not suit it */
    uint16_t repeated; /* a request is sent again with the same key */
    uint16_t unpublished, published_twice; /* what becomes of the record */
    uint16_t odd_payment;                  /* less, more, another currency, declined first */
    uint16_t poison; /* a record that nobody can read, under the key of a deal of its own */
};

struct sim_traffic *sim_traffic_new(const struct sim_place *place, struct sim_stripe *stripe,
                                    const struct sim_traffic_options *options);
void sim_traffic_free(struct sim_traffic *traffic);

/* The mono_us of the next act; INT64_MAX: nobody will do anything by himself. */
int64_t sim_traffic_next_us(const struct sim_traffic *traffic);
/* Does the next act that is due. False when none is. */
bool sim_traffic_step(struct sim_traffic *traffic);
/* Faults have stopped: from now on nobody opens deals or does odd things, and staff retry what has
 * failed until it is done. Deals that nobody cares for are left to their clocks. */
void sim_traffic_settle(struct sim_traffic *traffic);

/* Arbiters, and staff, look at each dispute that waits for them now. */
void sim_traffic_judge(struct sim_traffic *traffic);

/* What was asked for. */
uint32_t sim_traffic_deal_count(const struct sim_traffic *traffic);
struct id sim_traffic_deal(const struct sim_traffic *traffic, uint32_t at);
/* What a marketplace asked for when it opened this deal; NULL: nobody ever asked for it. */
const struct gateway_terms *sim_traffic_terms(const struct sim_traffic *traffic,
                                              struct id escrow_id);
/* Who opens all deals. */
struct id sim_traffic_marketplace(const struct sim_traffic *traffic);
/* The request that opened a deal; none: it was not asked for. */
struct id sim_traffic_creation(const struct sim_traffic *traffic, uint32_t at);
/* Where its requests enter. */
const struct intake *sim_traffic_door(const struct sim_traffic *traffic);
/* This key was poisoned by us: it may be parked at the end. */
bool sim_traffic_is_poisoned(const struct sim_traffic *traffic, struct id key);
