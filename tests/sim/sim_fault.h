#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/bus.h"
#include "engine/caller.h"
#include "engine/store.h"

/*
 * Counts the port calls of one simulated process and ends or interrupts it at one of them. A dead
 * process does nothing more: every later call fails and changes nothing, as seen from the
 * outside. Works over any store, bus and caller, real ones too.
 */

/* The functions of the ports that are counted: each is a place to die at. */
enum sim_step {
    SIM_STEP_NONE = 0,
    SIM_STEP_CONNECT, /* store */
    SIM_STEP_HEARTBEAT,
    SIM_STEP_RETIRE,
    SIM_STEP_CLAIM,
    SIM_STEP_RELEASE,
    SIM_STEP_STOP,
    SIM_STEP_BEGIN,
    SIM_STEP_LOAD,
    SIM_STEP_LOAD_CHILDREN,
    SIM_STEP_SCAN,
    SIM_STEP_INSERT,
    SIM_STEP_UPDATE,
    SIM_STEP_ERASE,
    SIM_STEP_TOUCH,
    SIM_STEP_TELL,
    SIM_STEP_SYNC,
    SIM_STEP_COMMIT,
    SIM_STEP_ROLLBACK,
    SIM_STEP_CLUSTER_ID, /* bus */
    SIM_STEP_TOPIC_INFO,
    SIM_STEP_TAILS,
    SIM_STEP_READ_BACK,
    SIM_STEP_ASSIGN,
    SIM_STEP_POLL,
    SIM_STEP_COMMIT_POSITION,
    SIM_STEP_PRODUCE,
    SIM_STEP_HURRY,
    SIM_STEP_DELIVERED,
    SIM_STEP_RESET_PRODUCER,
    SIM_STEP_FREE_SLOTS, /* caller */
    SIM_STEP_SEND,
    SIM_STEP_TAKE,
    SIM_STEP_COUNT,
};

#define SIM_STEP_BUS_FIRST SIM_STEP_CLUSTER_ID
#define SIM_STEP_CALLER_FIRST SIM_STEP_FREE_SLOTS

/* "load_children". */
const char *sim_step_name(enum sim_step step);

/* What this wrapper may do to a call. */
enum sim_strike {
    SIM_STRIKE_NONE = 0,
    SIM_STRIKE_CRASH,
    SIM_STRIKE_PAUSE,
    SIM_STRIKE_STORE_AWAY,
    SIM_STRIKE_BUS_AWAY,
    SIM_STRIKE_COMMIT_LOST,   /* nothing was committed, and nothing heard */
    SIM_STRIKE_COMMIT_UNSAID, /* everything was committed, and nothing heard */
    SIM_STRIKE_REFUSED,
    SIM_STRIKE_COUNT,
};

/* Who looks on. about: the table or topic, NULL where there is none; it lives as long as the program. */
struct sim_watch {
    /* The call came to an end: so, and with something to show for it (a record, an answer) or not. */
    void (*heard)(void *context, enum sim_step step, const char *about, enum status_kind kind,
                  bool got);
    void (*struck)(void *context, enum sim_strike strike, enum sim_step step);
    void *context;
};

struct sim_fault {
    const struct sim_watch *watch; /* NULL: nobody looks on */
    enum sim_step step;            /* the one that is being made */
    const char *about;
    int64_t calls;            /* port calls so far */
    int64_t commits;          /* of these, commits of transactions */
    int64_t crash_at;         /* dies instead of making this call (1 is the first); 0: never */
    int64_t pause_at;         /* calls `pause` before making this call; 0: never */
    enum sim_step crash_step; /* the same at the next call of this kind, once; NONE: never */
    enum sim_step pause_step;
    void (*pause)(void *context);
    void *context;
    bool dead;
    int64_t lose_commit_at; /* the answer to this commit (1 is the first) never comes; 0: never */
    bool lose_committed;    /* it was carried out all the same */
    bool store_away;        /* no store can be reached: calls fail, connections are gone */
    bool bus_away;          /* no broker answers this process */
    const struct table *refused_table; /* inserts into it fail, as by a constraint; NULL: none */
    enum status_kind refused_kind;     /* so */
};

/* Wrappers. Each owns what it wraps (but for the caller) and is freed by its close. */
struct store *sim_fault_store(struct sim_fault *fault, struct store *inner);
struct bus *sim_fault_bus(struct sim_fault *fault, struct bus *inner);

struct sim_fault_caller {
    struct caller caller;
    struct sim_fault *fault;
    struct caller *inner;
};
struct caller *sim_fault_caller_init(struct sim_fault_caller *caller, struct sim_fault *fault,
                                     struct caller *inner);
