#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "sim/sim_fault.h"
#include "toy.h"

/*
 * Where an engine test happens: simulated (world_sim.c) or on a real PostgreSQL and a real Kafka
 * (world_real.c). Tests speak to this only, so every one runs on both pairs.
 */

struct sim_db;
struct sim_kafka;

struct world {
    struct store *(*new_store)(struct world *world); /* not connected yet */
    struct bus *(*new_bus)(struct world *world);
    /* Lets time pass: simulated at once, really by sleeping. */
    void (*advance)(struct world *world, int64_t ms);
    void (*close)(struct world *world);
    bool simulated;
    struct sim_db *db;       /* simulated only */
    struct sim_kafka *kafka; /* simulated only */
    void *impl;

    struct arena arena; /* for what checks read */
    struct op op;
    struct store *reader;        /* the test's own connection */
    struct bus *producer;        /* the test's own client */
    uint32_t appended[2][LANES]; /* n of lane-written inputs: TOY_COMMANDS */
    int64_t clock_us;            /* commit times of the inputs that the test writes */
};

void world_open_sim(struct world *world);
/* False when HOLDFAST_TEST_DATABASE_URL or HOLDFAST_TEST_KAFKA is not set: skip. */
bool world_open_real(struct world *world);
/* What both openings end with: the test's own connection and client. */
void world_opened(struct world *world);
void world_close(struct world *world);

/* An engine of the toy service in this world. fault and caller may be NULL. */
struct engine *world_engine(struct world *world, uint32_t number, struct sim_fault *fault,
                            struct caller *caller);

/* Steps the engines in turn until done says so, at most max_ms of the world's time; false: it never did. */
bool world_run(struct world *world, struct engine *const *engines, uint32_t engine_count,
               bool (*done)(struct world *world, const void *context), const void *context,
               int64_t max_ms);
/* Steps for so long, whatever happens. */
void world_run_for(struct world *world, struct engine *const *engines, uint32_t engine_count,
                   int64_t ms);

/* The i-th test account; ids spread over the lanes. */
struct id world_account(uint32_t i);
/* Writes the next numbered record to TOY_COMMANDS (as escrow's lane would). Returns its message id. */
struct id world_command(struct world *world, struct id account, const char *verb, int64_t amount);
/* The same with n and commit time as given, for gaps, duplicates and forks. */
void world_command_n(struct world *world, struct id account, const char *verb, int64_t amount,
                     int64_t n, int64_t committed_at_us, struct id message_id);
/* Writes a record to the intake topic TOY_SIGNALS. */
void world_signal(struct world *world, struct id account, const char *verb, int64_t amount,
                  struct id message_id);

/* All committed rows of a table, in no order; valid until the next world_rows. */
uint32_t world_rows(struct world *world, const struct table *table, const void **ret_rows);
const struct toy_account *world_find_account(struct world *world, struct id account);
/* Waits until so many journal lines are there. context: const uint32_t *. */
bool world_journal_has(struct world *world, const void *context);
/* Records in all partitions of a topic, duplicates counted. */
uint32_t world_topic_count(struct world *world, enum topic topic);

/*
 * What must hold at the end of every test: each account's journal is 1..seq without a gap and adds
 * up to its total; each partition of the events has every n from 1 on, first occurrences in order,
 * repetitions equal; events of an account are its journal in order; nothing is unpublished.
 */
void world_check(struct world *world);
