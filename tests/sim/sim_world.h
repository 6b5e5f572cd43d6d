#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/op.h"
#include "base/random.h"
#include "engine/engine.h"
#include "sim_db.h"
#include "sim_fault.h"
#include "sim_kafka.h"

/*
 * Services as they run in production, but for the ports: one simulated Kafka, one simulated database
 * for each service, and any number of processes of each. One thread, one clock that only the world
 * moves. Everything that happens follows from what the caller does and from the seed. A step is one
 * port call.
 */

#define SIM_WORLD_START_US INT64_C(1790000000000000) /* some moment in 2026 */
#define SIM_WORLD_SERVICES_MAX 8
#define SIM_WORLD_PROCESSES_MAX 24 /* at one time */

/* The outside of a service, as each of its processes reaches it. NULL where it has none. */
struct sim_outside_ops {
    /* A line for the process in this place; there is none before. Borrowed until hang_up. */
    struct caller *(*connect)(void *outside, uint32_t place);
    /* The process is gone, and so are the answers that waited for it. */
    void (*hang_up)(void *outside, uint32_t place);
};

struct sim_world_service {
    const struct engine_service *service;
    const struct engine_service *older; /* NULL: there is one version */
    bool starts_older;                  /* processes that start now are of the older version */
    struct sim_db *db;
    const struct sim_outside_ops *outside_ops;
    void *outside;
};

struct sim_world;

struct sim_process {
    struct sim_world *world;
    struct engine *engine; /* NULL: nobody lives in this place */
    uint32_t service;      /* place in world->services */
    uint32_t place;        /* in world->processes */
    uint32_t number;       /* of all processes that were ever started, from 1 */
    struct sim_fault fault;
    struct sim_watch watch;
    struct sim_fault_caller caller;
    bool is_older;    /* of the service's older version */
    bool frozen;      /* takes no turn: it hangs between two calls, or in one */
    bool inside;      /* its turn has not come to an end: it hangs in a call */
    int64_t ahead_us; /* of its machine's wall clock; in its turn world->clock has it */
};

/* Who looks on. Every function may be NULL. */
struct sim_world_watch {
    void (*heard)(void *context, const struct sim_process *process, const char *about,
                  enum status_kind kind, bool got);
    void (*struck)(void *context, const struct sim_process *process, enum sim_strike strike);
    /* A process began (or ended, so: "killed", "crashed", "stopped"). */
    void (*lived)(void *context, const struct sim_process *process, const char *what);
    void *context;
};

struct sim_world {
    struct clock_fake clock;
    struct random random; /* the order of turns */
    uint64_t seed;
    struct arena arena; /* for whoever looks: lives as long as the world */
    struct op op;
    struct sim_kafka *kafka;
    struct sim_world_service services[SIM_WORLD_SERVICES_MAX];
    uint32_t service_count;
    struct sim_process processes[SIM_WORLD_PROCESSES_MAX];
    uint32_t started;            /* processes so far */
    struct engine_limits limits; /* of processes started from now on; seed is the world's affair */
    struct sim_world_watch watch;
    uint64_t steps;                       /* port calls of all processes */
    int64_t numbered[TOPIC_COUNT][LANES]; /* the last n that sim_world_append gave */
};

/* Uses the fake clock from now on, until it is closed: one world at a time. */
struct sim_world *sim_world_open(uint64_t seed);
/* Kills what still lives. */
void sim_world_close(struct sim_world *world);

/* Returns its place. The outside may come later, but before its first process. */
uint32_t sim_world_add(struct sim_world *world, const struct engine_service *service);
void sim_world_connect(struct sim_world *world, uint32_t service, const struct sim_outside_ops *ops,
                       void *outside);

/* ---- Processes ---- */

/* A process with one engine thread. NULL: every place is taken. */
struct sim_process *sim_world_start(struct sim_world *world, uint32_t service);
/* Ends between two instructions: nothing is handed over. Not while it is inside a turn. */
void sim_world_kill(struct sim_process *process);
/* Is asked to end and does: hands over what it has, as far as the ports let it. */
void sim_world_stop(struct sim_process *process);
/* Takes away those that died at a call. */
void sim_world_bury(struct sim_world *world);
/* Lives, and did not die at a call yet. */
bool sim_process_lives(const struct sim_process *process);
uint32_t sim_world_living(const struct sim_world *world, uint32_t service);

/* ---- Time ---- */

/* One turn of the process, unless it is frozen, inside one, or dead. */
void sim_world_turn(struct sim_process *process);
/* One turn of each process, in an order of the seed's. */
void sim_world_turns(struct sim_world *world);
void sim_world_pass(struct sim_world *world, int64_t us);
/* Turns of us each, until so much time has passed. */
void sim_world_run(struct sim_world *world, int64_t us, int64_t turn_us);

/* ---- What comes from elsewhere ---- */

#define SIM_WORLD_NEXT_N (-1)

/* Fills partition and key from the key's id and appends. n may be SIM_WORLD_NEXT_N: the next of its
 * partition, committed now. */
void sim_world_append(struct sim_world *world, struct bus_message message, struct id key);
