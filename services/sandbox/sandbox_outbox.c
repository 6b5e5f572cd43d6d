/* In: indexes of events. Out: the same, in order, but for what a test asked: twice, reversed, later. */
#include "sandbox/sandbox_outbox.h"

#include "base/assert.h"

static bool push(struct sandbox_shelf *shelf, struct arena *arena, uint32_t event_index)
{
    uint32_t *slot = sandbox_shelf_add(shelf, arena, sizeof(*slot));
    if (slot) {
        *slot = event_index;
    }
    return slot;
}

static bool push_gathered(struct sandbox_outbox *outbox, struct arena *arena)
{
    bool pushed = true;
    while (outbox->gathered_count > 0) {
        outbox->gathered_count--;
        pushed = push(&outbox->queue, arena, outbox->gathered[outbox->gathered_count]) && pushed;
    }
    outbox->reorder_count = 0;
    return pushed;
}

bool sandbox_outbox_add(struct sandbox_outbox *outbox, struct arena *arena, uint32_t event_index)
{
    if (outbox->withhold) {
        return push(&outbox->held, arena, event_index);
    }
    if (outbox->reorder_count > 0) {
        ASSERT(outbox->gathered_count < outbox->reorder_count);
        outbox->gathered[outbox->gathered_count++] = event_index;
        return outbox->gathered_count < outbox->reorder_count || push_gathered(outbox, arena);
    }
    bool pushed = push(&outbox->queue, arena, event_index);
    if (pushed && outbox->duplicate_count > 0) {
        outbox->duplicate_count--;
        pushed = push(&outbox->queue, arena, event_index);
    }
    return pushed;
}

bool sandbox_outbox_release(struct sandbox_outbox *outbox, struct arena *arena)
{
    bool pushed = push_gathered(outbox, arena);
    outbox->withhold = false;
    while (pushed && outbox->held_head < outbox->held.count) {
        const uint32_t *slot = sandbox_shelf_at(&outbox->held, sizeof(*slot), outbox->held_head);
        pushed = push(&outbox->queue, arena, *slot);
        outbox->held_head++;
    }
    return pushed;
}

bool sandbox_outbox_take(struct sandbox_outbox *outbox, uint32_t *ret_event_index)
{
    if (outbox->queue_head == outbox->queue.count) {
        return false;
    }
    const uint32_t *slot = sandbox_shelf_at(&outbox->queue, sizeof(*slot), outbox->queue_head);
    *ret_event_index = *slot;
    outbox->queue_head++;
    outbox->in_hand++;
    return true;
}

void sandbox_outbox_delivered(struct sandbox_outbox *outbox)
{
    ASSERT(outbox->in_hand > 0);
    outbox->in_hand--;
}

uint32_t sandbox_outbox_queued(const struct sandbox_outbox *outbox)
{
    return outbox->queue.count - outbox->queue_head + outbox->in_hand;
}

uint32_t sandbox_outbox_held(const struct sandbox_outbox *outbox)
{
    return outbox->held.count - outbox->held_head + outbox->gathered_count;
}
