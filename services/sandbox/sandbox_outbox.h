#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "sandbox/sandbox_world.h"

/*
 * Which event is sent next to the webhook endpoint. Taken in the order in which they happened, unless a
 * test asks for something else; one sender, that keeps what it took until it is delivered, keeps the order. Only indexes into the world's events. Caller holds the lock.
 */

#define SANDBOX_REORDER_MAX 16

struct sandbox_outbox {
    struct sandbox_shelf queue; /* of uint32_t */
    uint32_t queue_head;        /* the first that nobody took yet */
    uint32_t in_hand;           /* taken, and not delivered yet */
    struct sandbox_shelf held;  /* of uint32_t: withheld */
    uint32_t held_head;
    bool withhold;
    uint32_t duplicate_count; /* the next so many events go out twice */
    uint32_t reorder_count;   /* the next so many events go out in reverse, all together */
    uint32_t gathered[SANDBOX_REORDER_MAX];
    uint32_t gathered_count;
};

/* A new event. False: the shelf is full. */
MUST_CHECK bool sandbox_outbox_add(struct sandbox_outbox *outbox, struct arena *arena,
                                   uint32_t event_index);
/* Puts what was withheld, and what was gathered for a reversal, behind the queue; ends both. */
MUST_CHECK bool sandbox_outbox_release(struct sandbox_outbox *outbox, struct arena *arena);
/* False: the queue is empty. */
MUST_CHECK bool sandbox_outbox_take(struct sandbox_outbox *outbox, uint32_t *ret_event_index);
/* One that was taken has arrived. */
void sandbox_outbox_delivered(struct sandbox_outbox *outbox);
/* Those that have not arrived, in hand or not. */
uint32_t sandbox_outbox_queued(const struct sandbox_outbox *outbox);
uint32_t sandbox_outbox_held(const struct sandbox_outbox *outbox);
