#pragma once

#include <stdint.h>

#include "base/lane.h"
#include "engine/bus.h"

/*
 * The work that is measured: whole lives of escrows, ten messages each, in phases (a message of a
 * deal needs what the one before led to). The benchmark plays gateway and payments: it writes their
 * topics and reads payments.commands.v1 for the ids of the legs.
 */

#define BENCH_PHASES 10

struct bench_deals;

/* What goes on from one group of deals to the next over the same topics. Begins zeroed. */
struct bench_numbers {
    int64_t next_n[LANES];  /* of payments.events.v1 */
    int64_t legs_at[LANES]; /* payments.commands.v1 is read up to here */
    int64_t clock_us;       /* commit times that only rise; 0: now */
};

/* count deals with ids of their own. numbers is borrowed. */
struct bench_deals *bench_deals_new(uint32_t count, struct bench_numbers *numbers);
void bench_deals_free(struct bench_deals *deals);

/* Makes the records of a phase (not timed). */
void bench_deals_prepare(struct bench_deals *deals, uint32_t phase);
/* Writes them all and waits until Kafka has them. */
void bench_deals_produce(struct bench_deals *deals, struct bus *bus);
/* How many records escrow publishes in answer to this phase, commands to payments and oracle included. */
uint64_t bench_deals_outputs(const struct bench_deals *deals, uint32_t phase);
/* Reads what escrow asked of payments, until each deal's legs of this phase are known. */
void bench_deals_read_legs(struct bench_deals *deals, uint32_t phase, struct bus *bus);

/* A single CreateEscrow, for latency: produces it, and tells the id by which its event names its cause. Resets op->arena.
 * STATUS_RETRY: the producer's queue is full. */
STATUS bench_deal_create(struct op *op, struct bus *bus, struct id *ret_cause);
