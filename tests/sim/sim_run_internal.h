#pragma once

#include "engine/engine_tables.h"
#include "sim_check.h"
#include "sim_run.h"
#include "sim_trace.h"
#include "sim_world.h"

/* What sim_run.c (the phases of a seed) and sim_run_trouble.c (what goes wrong) share. */

struct sim_run;

/* A place for a process, and what is wrong with whoever has it. Times are of mono_us; 0: nothing is. */
struct sim_seat {
    struct sim_run *run;
    enum sim_trouble armed; /* what its next pause is */
    int64_t hangs_us;       /* for how long */
    int64_t frozen_until_us, store_until_us, bus_until_us, refused_until_us;
    struct sim_stripe_line stripe;
    struct sim_discord_line discord;
};

struct sim_run {
    struct sim_plan plan;
    struct random random;
    struct sim_world *world;
    struct sim_place place;
    struct sim_stripe *stripe;
    struct sim_discord *discord;
    struct sim_traffic *traffic;
    struct sim_check *check;
    struct intake door;    /* of payments: for webhooks */
    bool put_back;         /* a database is behind the log and the outside, until all is at rest */
    struct sim_db *backup; /* NULL: none was made */
    uint32_t restored;     /* the service that it is of */
    int64_t backup_at_us;  /* mono */
    int64_t sandbox_us;    /* by so much the clocks of all databases were set on */
    int64_t backup_sandbox_us; /* of that, before the backup */
    struct sim_seat seats[SIM_WORLD_PROCESSES_MAX];
    int64_t db_until_us[SIM_SERVICE_COUNT];
    uint64_t db_faults_seen[SIM_SERVICE_COUNT];
    uint64_t losses_met[SIM_LOSS_COUNT];
    int64_t kafka_until_us, queue_until_us;
    int64_t discord_until_us;     /* 0: it was not away, or is back */
    bool long_turns;              /* nothing but time has to pass */
    bool troubled;                /* troubles begin */
    uint32_t hanging;             /* processes that hang in a call: turns within turns */
    uint64_t turns, busy_at_turn; /* the last turn in which something happened */
    int64_t person_at_us;         /* when a person looks at what is parked or stopped */
    struct sim_trace trace;
    struct sim_outcome *outcome;
};

/* A world by this plan, into zeroed memory. Whoever opens it may look at it, and tamper with it, until
 * it is closed. */
void sim_run_open(struct sim_run *run, const struct sim_plan *plan, struct sim_outcome *outcome);
/* All the phases of a seed, and the verdict. */
void sim_run_live(struct sim_run *run);
void sim_run_close(struct sim_run *run);
/* One turn of everything there is, and the time until the next one. */
void sim_run_turn(struct sim_run *run);

/* ---- The servers ---- */

/* Tells the databases what is unique. Once they are there. */
void sim_run_tell_keys(struct sim_run *run);

/* ---- Troubles ---- */

bool sim_run_chance(struct sim_run *run, uint32_t per_mille);
uint64_t sim_run_below(struct sim_run *run, uint64_t bound);
/* What the servers do wrong by themselves, by the rates of this seed, until it is ended and counted. */
void sim_run_servers_err(struct sim_run *run);
void sim_run_servers_heal(struct sim_run *run);
/* A call came to an end: did a fault of its database strike it? */
void sim_run_servers_heard(struct sim_run *run, const struct sim_process *process);
/* Something may begin now; what has lasted long enough ends. */
void sim_run_trouble(struct sim_run *run);
/* Nobody works for a day or so. Not while somebody hangs in a call. */
void sim_run_outage(struct sim_run *run);
/* Discord is gone, for one to three hours. */
void sim_run_leave_discord(struct sim_run *run);
/* What restore will go back to: this moment of one of the databases, once. */
void sim_run_back_up(struct sim_run *run);
/* Goes back to the backup, if there is one. Not while somebody hangs in a call. */
void sim_run_restore(struct sim_run *run);
/* The operator has lanes that stopped for it take back what they lack; returns how many he found. */
uint32_t sim_run_take_back(struct sim_run *run);
/* Two people settle the calls of payments that did not happen; returns how many. */
uint32_t sim_run_settle_calls(struct sim_run *run);
/* A partition loses its tail; a topic is deleted and made anew. */
void sim_run_lose_tail(struct sim_run *run);
void sim_run_make_topic_anew(struct sim_run *run);
/* Ends a process as a person does who rolls something out; a new one begins before, or after. */
void sim_run_roll(struct sim_run *run, struct sim_process *process);
/* Services begin with an older version, if the seed has two. */
void sim_run_begin_old(struct sim_run *run);
/* One more replica is of the version that is being rolled out, or back. */
void sim_run_roll_on(struct sim_run *run);
/* All of them are of the newer version from now on. */
void sim_run_finish_roll(struct sim_run *run);
/* A call came to an end: did it meet a partition that lost something? */
void sim_run_losses_heard(struct sim_run *run, const struct sim_process *process);
/* Two people leave a request for the owner of a lane: lane, kind and what it is about are given. */
void sim_run_ask(struct sim_run *run, struct sim_db *db, const struct admin_request_row *about);
/* All is at rest again: from now on the rules hold at every moment. */
void sim_run_restored(struct sim_run *run);
/* Every trouble ends, those too that were still to come. */
void sim_run_heal(struct sim_run *run);
/* A call was struck, or failed while something was away. */
void sim_run_struck(void *context, const struct sim_process *process, enum sim_strike strike);
void sim_run_missed(struct sim_run *run, const struct sim_process *process, enum status_kind kind);
