#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "engine/caller.h"

/*
 * Discord on a bad day, behind the caller port: it opens DM channels and takes messages, remembers a
 * message's nonce for a few minutes, limits, refuses people who take no messages, and loses answers.
 * It remembers every message that a person could read. Single-threaded, deterministic.
 */

struct sim_discord;

struct sim_discord *sim_discord_new(const struct clock_fake *clock, uint64_t seed);
void sim_discord_free(struct sim_discord *discord);

enum sim_discord_fault {
    SIM_DISCORD_ANSWERS = 0,
    SIM_DISCORD_NOT_SENT,
    SIM_DISCORD_CALL_LOST,
    SIM_DISCORD_REPLY_LOST,
    SIM_DISCORD_ERROR_500,
    SIM_DISCORD_GARBAGE,
    SIM_DISCORD_LIMITED_429,
    SIM_DISCORD_HELD,         /* by the caller itself: a bucket of ours is empty */
    SIM_DISCORD_CLOSED,       /* this person takes no messages */
    SIM_DISCORD_CHANNEL_GONE, /* 404: the channel has to be opened again */
    SIM_DISCORD_REFUSED,      /* for another reason */
    SIM_DISCORD_FAULT_COUNT,
};

/* "reply_lost" */
const char *sim_discord_fault_name(enum sim_discord_fault fault);

#define SIM_DISCORD_CHANCE 10000
#define SIM_DISCORD_NONCE_US (INT64_C(300) * 1000000) /* how long a nonce is remembered */

struct sim_discord_rates {
    uint16_t faults[SIM_DISCORD_FAULT_COUNT]; /* of SIM_DISCORD_CHANCE */
    int64_t latency_us;
};

void sim_discord_set_rates(struct sim_discord *discord, const struct sim_discord_rates *rates);

/* Nobody reaches it: calls meet no connection, no answer, or a server that is not there. What was on its way
 * is not answered either. */
void sim_discord_set_away(struct sim_discord *discord, bool away);

struct sim_discord_line {
    struct caller caller; /* first: the port */
    struct sim_discord *discord;
    uint32_t slots;
    uint32_t under_way;
};

struct caller *sim_discord_line_init(struct sim_discord_line *line, struct sim_discord *discord,
                                     uint32_t slots);
void sim_discord_hang_up(struct sim_discord_line *line);

/* The mono_us at which the next answer is there; INT64_MAX: none is under way. */
int64_t sim_discord_next_us(const struct sim_discord *discord);

/* ---- The truth ---- */

struct sim_discord_message {
    uint64_t id;
    uint64_t channel;
    uint64_t recipient; /* Discord's id of who reads it */
    char nonce[32];
    int64_t at_us; /* wall clock */
};

uint32_t sim_discord_count(const struct sim_discord *discord);
/* For tampering: not const. */
struct sim_discord_message *sim_discord_message(struct sim_discord *discord, uint32_t at);

struct sim_discord_counts {
    uint64_t calls;
    uint64_t bad;        /* requests that notifications never makes */
    uint64_t same_nonce; /* not said again */
    uint64_t away;       /* calls in vain while it was away */
    uint64_t met[SIM_DISCORD_FAULT_COUNT];
};

struct sim_discord_counts sim_discord_counts(const struct sim_discord *discord);
