#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim_place.h"

/*
 * What a seed makes of the world: how much of everything there is, which troubles it has and how
 * often. A subset, because a world that has every trouble at once never gets far enough to be hurt
 * by a rare one.
 */

enum sim_trouble {
    SIM_TROUBLE_NONE = 0,
    /* Of a process. */
    SIM_TROUBLE_CRASH,         /* dies at a port call */
    SIM_TROUBLE_KILL,          /* dies between two turns */
    SIM_TROUBLE_NAP,           /* hangs in a call, for less than its lease */
    SIM_TROUBLE_SLEEP,         /* hangs in a call, until long after others took its lanes */
    SIM_TROUBLE_FREEZE,        /* hangs between two turns, for as long */
    SIM_TROUBLE_ROLL,          /* is asked to end; another one may have begun before */
    SIM_TROUBLE_STORE_AWAY,    /* reaches no database */
    SIM_TROUBLE_BUS_AWAY,      /* reaches no broker */
    SIM_TROUBLE_COMMIT_LOST,   /* a commit is not carried out and not answered */
    SIM_TROUBLE_COMMIT_UNSAID, /* a commit is carried out and not answered */
    SIM_TROUBLE_OWN_CLOCK, /* its machine's clock is set, forward or back, in the middle of a call */
    SIM_TROUBLE_REFUSED,   /* one of its tables takes no new rows: something is wrong with them */
    /* Of everybody, met first in a call of one process. */
    SIM_TROUBLE_DB_AWAY,
    SIM_TROUBLE_KAFKA_AWAY,
    /* Of a server, for whom it concerns. */
    SIM_TROUBLE_DB_CLOCK, /* is set, forward or back */
    SIM_TROUBLE_PRODUCE_FAILS,
    SIM_TROUBLE_QUEUE_FULL,
    /* Of all databases alike. */
    SIM_TROUBLE_CLOCKS, /* sandbox time goes on by hours: deadlines pass in the middle of everything */
    /* Of everything, once. */
    SIM_TROUBLE_OUTAGE,  /* all processes die, and for a day or so only webhooks are taken in */
    SIM_TROUBLE_RESTORE, /* a database is put back to an earlier moment */
    /* Of servers, by themselves and all along. */
    SIM_TROUBLE_DB_FAULTS, /* connections break, commits are unanswered, deadlocks, rows refused */
    SIM_TROUBLE_KAFKA_FAULTS, /* records and answers are late, partitions stand still, producers fail */
    /* Of the outside. */
    SIM_TROUBLE_STRIPE,
    SIM_TROUBLE_DISCORD,
    SIM_TROUBLE_TRAFFIC,      /* people who ask at the wrong moment, twice, or pay something else */
    SIM_TROUBLE_DISCORD_AWAY, /* for hours: everything else comes to rest without it */
    /* Of Kafka, in the middle of a run: acknowledged records are lost. */
    SIM_TROUBLE_LOST_TAIL, /* the newest ones of a partition */
    SIM_TROUBLE_NEW_TOPIC, /* all of a topic, which was deleted and made anew */
    /* Of services: replicas of two versions, all along; each time it begins one more is rolled. */
    SIM_TROUBLE_VERSIONS,
    SIM_TROUBLE_COUNT,
};

/* "commit_unsaid" */
const char *sim_trouble_name(enum sim_trouble trouble);

struct sim_plan {
    uint64_t seed;
    bool on[SIM_TROUBLE_COUNT];
    uint32_t replicas[SIM_SERVICE_COUNT];
    uint32_t deals, people;
    uint32_t links; /* times that somebody is linked to another Discord account */
    uint32_t batch_max;
    bool spares_backends;       /* a claim does not end the backend of the owner before */
    uint32_t trouble_per_mille; /* of turns in which some trouble begins */
    int64_t troubled_us;        /* then all troubles stop */
    int64_t turn_us;            /* between two turns while there is work, at most */
};

struct sim_plan sim_plan_of(uint64_t seed);
/* In one line of at most the buffer's size. */
void sim_plan_tell(const struct sim_plan *plan, char *ret_text, uint32_t text_bytes);
