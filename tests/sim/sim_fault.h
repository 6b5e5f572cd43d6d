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

struct sim_fault {
    int64_t calls;    /* port calls so far */
    int64_t commits;  /* of these, commits of transactions */
    int64_t crash_at; /* dies instead of making this call (1 is the first); 0: never */
    int64_t pause_at; /* calls `pause` before making this call; 0: never */
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
