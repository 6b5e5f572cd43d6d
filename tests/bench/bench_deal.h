#pragma once

#include <stdint.h>

#include "engine/bus.h"

/*
 * The work that is measured: whole lives of escrows, ten messages each, in phases (a message of a
 * deal needs what the one before led to). The benchmark plays gateway and payments: it writes their
 * topics and reads payments.commands.v1 for the ids of the legs.
 */

#define BENCH_PHASES 10

struct bench_deals;

/* count deals with ids of their own. */
struct bench_deals *bench_deals_new(uint32_t count);
void bench_deals_free(struct bench_deals *deals);

/* Makes the records of a phase (not timed). */
void bench_deals_prepare(struct bench_deals *deals, uint32_t phase);
/* Writes them all and waits until Kafka has them. */
void bench_deals_produce(struct bench_deals *deals, struct bus *bus);
/* How many records escrow publishes in answer to this phase, commands to payments and oracle included. */
uint64_t bench_deals_outputs(const struct bench_deals *deals, uint32_t phase);
/* Reads what escrow asked of payments, until each deal's legs of this phase are known. */
void bench_deals_read_legs(struct bench_deals *deals, uint32_t phase, struct bus *bus);

/* A single CreateEscrow by its number, for latency: produce it, and know its event by the cause. */
struct id bench_deal_create(struct bus *bus, uint32_t number);
