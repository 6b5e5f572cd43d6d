#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench_child.h"
#include "bench_deal.h"
#include "testing/testing_pg.h"

/*
 * Deals through an engine of its own process, timed: from the moment when all messages of a phase lie in Kafka
 * until everything that they lead to is acknowledged by Kafka and committed. This process plays gateway and
 * payments, and keeps still meanwhile.
 */

/* Where an engine works: a schema with escrow's tables, and topics. Several runs may follow each other on one. */
struct bench_ground {
    struct testing_pg *pg;
    struct arena arena;
    struct op op;
    struct str brokers;
    struct str prefix;
    struct bench_numbers numbers;
};

void bench_ground_init(struct bench_ground *ground);
void bench_ground_fini(struct bench_ground *ground);

#define BENCH_PROCESSES_MAX 4

struct bench_run_options {
    uint32_t processes; /* 0: one */
    uint32_t threads;   /* of each */
    uint32_t batch_max;
    uint32_t linger_ms;
    bool record; /* keep a tape, for bench_run_replay */
};

struct bench_result {
    int64_t commands;
    int64_t took_us;
    int64_t cpu_us; /* of the engine's processes */
    int64_t batches;
    int64_t rss_idle_kb, rss_busy_kb; /* of the first one */
};

struct bench_run {
    struct bench_ground *ground;
    struct testing_pg *replay; /* with record: where the tape is played */
    struct bench_child children[BENCH_PROCESSES_MAX];
    uint32_t child_count;
    struct bus *bus;
    uint64_t decided, published; /* so far */
    struct bench_result result;
};

/* Starts the engine and waits until it holds its lanes. */
void bench_run_open(struct bench_run *run, struct bench_ground *ground,
                    const struct bench_run_options *options);
/* Lets the engines work, or stand still. */
void bench_run_go(struct bench_run *run, bool go);
/* So many new deals through the first phases (all: BENCH_PHASES). Adds to run->result. */
void bench_run_deals(struct bench_run *run, uint32_t deals, uint32_t phases);
/* Plays what was recorded on PostgreSQL alone; the time it took. Afterwards only bench_run_close may follow. */
int64_t bench_run_replay(struct bench_run *run);
/* Ends the engine. */
struct bench_result bench_run_close(struct bench_run *run);

/* All of it, on a ground of its own: whole lives of so many deals. */
struct bench_result bench_run_whole(const struct bench_run_options *options, uint32_t deals);
/* The same recorded, then played on PostgreSQL alone: how many messages of these statements a second. */
int64_t bench_run_floor(const struct bench_run_options *options, uint32_t deals);
