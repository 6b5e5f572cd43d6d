#pragma once

#include "engine/engine.h"
#include "engine/engine_tables.h"

/*
 * A small service for the engine's tests. It stands in for payments (reads payments.commands.v1,
 * a lane-written topic, and its own intake payments.signals.v1; writes payments.events.v1) and keeps
 * accounts: each message adds a number, gets a gapless seq, a journal line and an event.
 *
 * A value is "<verb> <number>":
 *   open N     creates the account, adds N            add N      adds N; MISSING without account
 *   garble N   cannot be decoded until toy_heal       fault N    STATUS_BUG when decided, until toy_heal
 *   huge N     emits an event over the limit          call N     asks the outside, adds N when it is done
 *   trap N     the same, and its answer runs toy_on_die
 *   buy N      add N, then call N
 *   die N      runs toy_on_die while it is decoded    unknown N  a type this version does not know; add N after toy_heal
 *   post N     adds N, posts "add N" to a target      fan N      adds N, posts "add 1" to N targets
 *   bulky N    posts more bytes than go
 *   timer N    N = TOY_TIMER(generation, ms): sets one for ms after its decision, which adds the generation
 *   alarm N    adds 1, then as timer N
 *   bomb N     the same, of another kind; its firing is STATUS_BUG until toy_heal
 *   mine N     the same, of a third kind; its firing runs toy_on_die
 *   cancel N   cancels the timer of generation N, of the first kind
 */

#define TOY_TIMER(generation, ms) ((generation)*INT64_C(10000000000) + (ms))

enum toy_timer_kind {
    TOY_TIMER_NONE = 0,
    TOY_TIMER_PLAIN,
    TOY_TIMER_BOMB,
    TOY_TIMER_MINE,
    TOY_TIMER_KIND_COUNT,
};

struct toy_account {
    struct id id;
    int64_t version;
    int64_t seq;
    int64_t total;
};

struct toy_call { /* a child: one call to the outside */
    struct id id;
    struct id account_id;
    int64_t version;
    int64_t amount;
    bool done;
};

struct toy_journal {
    struct id account_id;
    int64_t seq;
    int64_t amount;
    struct id cause;
};

extern const struct table toy_account_table;
extern const struct table toy_call_table;
extern const struct table toy_journal_table;
extern const struct engine_aggregate_kind toy_account_kind;
extern const struct engine_service toy_service;

/* From now on garbled and faulty messages are fine: the bug was fixed. toy_reset undoes it. */
void toy_heal(void);
void toy_reset(void);
/* How many decisions that added were told of afterwards (engine_afterwards). */
uint32_t toy_afterwards(void);
/* The number of a decoded message. */
int64_t toy_amount(const struct engine_message *message);
/* Called when a "die" message is decoded, a mine fires, the answer to a trap is decided. */
extern void (*toy_on_die)(void);
/* Whom accounts post to: "post N" to the N-th, "fan N" to the first N, round and round. Borrowed. */
void toy_set_targets(const struct id *ids, uint32_t count);

#define TOY_COMMANDS TOPIC_PAYMENTS_COMMANDS_V1
#define TOY_SIGNALS TOPIC_PAYMENTS_SIGNALS_V1
#define TOY_EVENTS TOPIC_PAYMENTS_EVENTS_V1
#define TOY_DLQ TOPIC_PAYMENTS_DLQ_V1
#define TOY_CLOCK TOPIC_PAYMENTS_CLOCK_V1
