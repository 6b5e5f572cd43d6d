#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/op.h"
#include "base/secret.h"
#include "sandbox/sandbox_discord.h"
#include "sandbox/sandbox_fault.h"
#include "sandbox/sandbox_outbox.h"
#include "sandbox/sandbox_replay.h"
#include "sandbox/sandbox_world.h"

/*
 * The sandbox: everything it knows behind one lock. HTTP threads ask and change it, senders
 * send the webhooks. Nothing survives the process.
 */

#define SANDBOX_WEBHOOK_URLS_MAX 8
#define SANDBOX_WEBHOOK_SENDERS_MAX 128

struct sandbox_options {
    struct secret api_key;                             /* what clients must send */
    struct secret webhook_secret;                      /* what webhooks are signed with */
    struct secret bot_token;                           /* of the bot at the played Discord */
    struct str webhook_urls[SANDBOX_WEBHOOK_URLS_MAX]; /* replicas of one endpoint, tried in turn */
    uint32_t webhook_url_count;
    uint32_t
        webhook_senders; /* how many webhooks are under way at a time; 1: they keep their order */
    struct str webhook_events; /* comma separated event types to send; empty: all */
};

struct sandbox_counts {
    uint64_t requests;
    uint64_t replayed;
    uint64_t dropped;
    uint64_t webhook_attempts;
    uint64_t webhooks_delivered;
};

struct sandbox {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* an event, a reset, stopping: whoever waits looks again */
    bool stopping;
    uint64_t generation; /* counts resets: what was begun before one must not touch the new world */
    struct sandbox_world world;
    struct sandbox_discord discord; /* its memory is the world's */
    struct sandbox_replay replay;
    struct sandbox_faults faults;
    struct sandbox_outbox outbox;
    struct sandbox_counts counts;
    struct sandbox_options options; /* const after open */
    pthread_t senders[SANDBOX_WEBHOOK_SENDERS_MAX];
    uint32_t sender_count; /* that run */
};

/* Starts the senders. The sandbox is a few KB; its world grows with use. */
STATUS sandbox_open(struct op *op, struct sandbox *sandbox, const struct sandbox_options *options);
/* Ends all waiting: requests that a fault holds back go on, no webhook is begun any more. */
void sandbox_stop(struct sandbox *sandbox);
/* Ends the senders and all waiting; frees the world. HTTP must have ended before. */
void sandbox_close(struct sandbox *sandbox);
DEFINE_FREE_AT(struct sandbox, sandbox_close)

/* With the lock held. */
STATUS sandbox_reset(struct op *op, struct sandbox *sandbox);
/* With the lock held: gives it up until the time (clock_mono_ms), a reset or the stop. */
void sandbox_wait_until(struct sandbox *sandbox, int64_t until_ms);
/* With the lock held: records that something happened, for GET /v1/events and the webhooks. json is
 * the object's. STATUS_LIMIT when the world is full. */
STATUS sandbox_happened(struct op *op, struct sandbox *sandbox, const char *type, struct str object,
                        struct str idempotency_key);
