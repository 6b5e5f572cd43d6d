#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "sim/sim_caller.h"
#include "sim/sim_fault.h"
#include "toy.h"

/*
 * Where an engine test happens: simulated (world_sim.c) or on a real PostgreSQL and a real Kafka
 * (world_real.c). Tests speak to this only, so every one runs on both pairs, unless it needs a fault
 * that only the simulation has. What a test asks for and does not get fails the test.
 */

struct clock_fake;
struct sim_db;
struct sim_kafka;
struct world;

/* A process of the toy service: one engine thread, its connections, its calls to the outside. */
struct process {
    struct world *world;
    struct engine *engine; /* NULL: ended */
    struct sim_fault fault;
    struct sim_caller caller;
    struct sim_fault_caller faulted_caller;
    bool frozen; /* not stepped: it hangs in a port call */
};

struct world_ops {
    struct store *(*new_store)(struct world *world); /* not connected yet */
    struct bus *(*new_bus)(struct world *world);
    /* Lets time pass: simulated at once, really by waiting. */
    void (*advance)(struct world *world, int64_t ms);
    struct store_lane (*lane)(struct world *world, int32_t lane);
    /* The lane is stopped and its reason begins with the code. */
    bool (*stopped_for)(struct world *world, int32_t lane, const char *code);
    void (*resume)(struct world *world, int32_t lane);
    /* Retention: records below offset are gone. */
    void (*expire)(struct world *world, enum topic topic, int32_t partition, int64_t low);
    /* One backup of the whole database, and the return to it. Not while processes live. */
    void (*backup)(struct world *world);
    void (*restore)(struct world *world);
    /* Sandbox time goes forward, as a person makes it. */
    void (*advance_clock)(struct world *world, int64_t us);
    void (*close)(struct world *world);
};

#define WORLD_PROCESSES_MAX 48

struct world {
    const struct world_ops *ops;
    bool simulated;
    struct sim_db *db;        /* simulated only */
    struct sim_kafka *kafka;  /* simulated only */
    struct clock_fake *clock; /* simulated only */
    void *impl;
    const struct engine_service *service; /* of processes started from now on */
    struct engine_limits limits;
    uint32_t slots; /* of their callers */
    int64_t patience_ms;

    struct arena arena; /* for what checks read */
    struct op op;
    struct store *reader; /* the test's own connection */
    struct bus *producer; /* the test's own client */
    struct process processes[WORLD_PROCESSES_MAX];
    uint32_t process_count;
    struct sim_outside outside;
    uint32_t appended[TOPIC_COUNT][LANES]; /* records that the test wrote */
    int64_t numbered[LANES];               /* the last n of TOY_COMMANDS */
    int64_t clock_us;                      /* commit times of the inputs that the test writes */
    uint32_t admin_count;
    uint64_t
        done_before; /* simulated: what had happened at the last step, to see that nothing does */
    uint32_t idle_steps;
};

void world_open_sim(struct world *world);
/* False when HOLDFAST_TEST_DATABASE_URL or HOLDFAST_TEST_KAFKA is not set. */
bool world_open_real(struct world *world);
/* What both openings end with: the test's own connection and client. */
void world_opened(struct world *world);
/* Kills what still lives. */
void world_close(struct world *world);

/* ---- The test program ---- */

enum world_pairs {
    WORLD_BOTH = 0,
    WORLD_SIM_ONLY, /* needs a fault that a real server does not have, or simulated time */
    WORLD_REAL_ONLY,
};

struct world_test {
    const char *name;
    void (*run)(struct world *world); /* in a world of its own */
    enum world_pairs pairs;
};

#define WORLD_TEST(function, which)                            \
    {                                                          \
        .name = #function, .run = (function), .pairs = (which) \
    }

/* --sim or --real; then, if given, only tests whose name contains the word. Returns main's result. */
int world_main(int argc, char **argv, const struct world_test *tests, uint32_t test_count);

/* ---- Processes ---- */

struct process *world_start(struct world *world);
/* The process dies between two instructions: nothing is handed over. */
void world_kill(struct process *process);
/* The process is asked to end and does. */
void world_end(struct process *process);

/* Steps all processes in turn, and lets time pass. */
void world_step(struct world *world);
/* Steps until done says so, at most max_ms of the world's time; false: it never did. */
bool world_run(struct world *world, bool (*done)(struct world *world, const void *context),
               const void *context, int64_t max_ms);
/* Steps for so long, whatever happens. */
void world_run_for(struct world *world, int64_t ms);
/* Until everything the test wrote was read and everything decided is published. */
void world_settle(struct world *world);
bool world_is_settled(struct world *world, const void *context);
uint32_t world_lanes_held(const struct process *process);

/* ---- Inputs ---- */

/* The i-th test account; ids spread over the lanes. */
struct id world_account(uint32_t i);
/* The i-th account of one lane. */
struct id world_account_in(int32_t lane, uint32_t i);
/* Writes the next numbered record to TOY_COMMANDS (as escrow's lane would). Returns its message id. */
struct id world_command(struct world *world, struct id account, const char *verb, int64_t amount);
/* The same with n and commit time as given, for gaps, duplicates and forks. */
void world_command_n(struct world *world, struct id account, const char *verb, int64_t amount,
                     int64_t n, int64_t committed_at_us, struct id message_id);
/* Writes a record to the intake topic TOY_SIGNALS. */
void world_signal(struct world *world, struct id account, const char *verb, int64_t amount,
                  struct id message_id);
/* Writes any record. */
void world_write(struct world *world, const struct bus_message *message);
struct id world_id(const char *name, uint32_t i);

/* ---- Planting ---- */

/* Inserts a row, as if it had been committed. */
void world_put(struct world *world, const struct table *table, const void *row);
/* A request of a person; returns its id. */
struct id world_ask(struct world *world, const struct admin_request_row *request);
/* Steps until it was answered; fails unless the answer begins so. */
void world_answered(struct world *world, struct id request, const char *prefix);
/* A signal that was accepted from outside and is not published yet. */
void world_intake(struct world *world, struct id account, const char *verb, int64_t amount,
                  struct id message_id, int64_t due_at_us);

/* ---- Looking ---- */

/* All committed rows of a table, in no order; valid until the next world_rows. */
uint32_t world_rows(struct world *world, const struct table *table, const void **ret_rows);
uint32_t world_count(struct world *world, const struct table *table);
const struct toy_account *world_find_account(struct world *world, struct id account);
/* Records in all partitions of a topic, duplicates counted. */
uint32_t world_topic_count(struct world *world, enum topic topic);
/* How many of them have this ce_type (simulated) or value (both). */
uint32_t world_topic_values(struct world *world, enum topic topic, const char *value_prefix);

/* The key's row among the parked ones, or NULL; valid until the next world_rows. */
const struct parked_key_row *world_find_parked(struct world *world, struct id key);
/* Fails the test when there is none. */
const struct intake_row *world_find_intake(struct world *world, struct id id);
/* A count of the process's engine, as WORLD_STAT(process, parked). */
#define WORLD_STAT(process, name) atomic_load(&engine_stats((process)->engine)->name)
/* How many messages the process put aside for this reason. */
uint64_t world_put_aside(const struct process *process, const char *reason);

/* Tells on standard error where everything stands. */
void world_dump(struct world *world);

/* ---- Waiting for what must come; each fails the test when it does not ---- */

void world_await(struct world *world, bool (*done)(struct world *world, const void *context),
                 const void *context);
void world_await_journal(struct world *world, uint32_t lines);
void world_await_rows(struct world *world, const struct table *table, uint32_t count);
void world_await_parked(struct world *world, struct id key);
void world_await_stopped(struct world *world, int32_t lane, const char *code);
void world_await_total(struct world *world, struct id account, int64_t total);

/*
 * What must hold at the end of every test: each account's journal is 1..seq without a gap, adds
 * up to its total and names each cause once; each partition of the events and of the announcements
 * has every n from 1 on, first occurrences in order, repetitions equal; events of an account are its
 * journal in order; nothing is unpublished; the outside never saw one key with two contents, and what
 * we believe of it is what it did.
 */
void world_check(struct world *world);
/* The account's journal has exactly these amounts, in this order. */
void world_check_amounts(struct world *world, struct id account, const int64_t *amounts,
                         uint32_t count);
