/* A binary heap by due_at_us, with an upper bound and a memory of what was left out. */
#include "engine/engine_timer_heap.h"

#include "base/assert.h"

void engine_timer_heap_forget(struct engine_timer_heap *heap)
{
    heap->count = 0;
    heap->complete_us = INT64_MIN;
}

bool engine_timer_heap_is_used_up(const struct engine_timer_heap *heap)
{
    return heap->count == 0 && heap->complete_us != INT64_MAX;
}

void engine_timer_heap_fill(struct engine_timer_heap *heap, const struct timer_row *rows,
                            uint32_t count)
{
    ASSERT(count <= ENGINE_TIMER_WINDOW);
    for (uint32_t i = 0; i < count; i++) { /* what is sorted is a heap */
        heap->entries[i] = (struct engine_timer_entry){.key = rows[i].key,
                                                       .kind = rows[i].kind,
                                                       .generation = rows[i].generation,
                                                       .due_at_us = rows[i].due_at_us};
    }
    heap->count = count;
    heap->complete_us = count < ENGINE_TIMER_WINDOW ? INT64_MAX : rows[count - 1].due_at_us;
}

static void swap(struct engine_timer_heap *heap, uint32_t a, uint32_t b)
{
    struct engine_timer_entry entry = heap->entries[a];
    heap->entries[a] = heap->entries[b];
    heap->entries[b] = entry;
}

static bool is_sooner(const struct engine_timer_heap *heap, uint32_t a, uint32_t b)
{
    return heap->entries[a].due_at_us < heap->entries[b].due_at_us;
}

static void rise(struct engine_timer_heap *heap, uint32_t at)
{
    while (at > 0 && is_sooner(heap, at, (at - 1) / 2)) {
        swap(heap, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void sink(struct engine_timer_heap *heap, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->count; child++) {
            least = is_sooner(heap, child, least) ? child : least;
        }
        if (least == at) {
            return;
        }
        swap(heap, at, least);
        at = least;
    }
}

static void take_out(struct engine_timer_heap *heap, uint32_t at)
{
    heap->count--;
    if (at < heap->count) {
        heap->entries[at] = heap->entries[heap->count];
        sink(heap, at);
        rise(heap, at);
    }
}

void engine_timer_heap_remove(struct engine_timer_heap *heap, struct id key, int kind)
{
    for (uint32_t i = 0; i < heap->count; i++) {
        if (heap->entries[i].kind == kind && id_eq(heap->entries[i].key, key)) {
            take_out(heap, i);
            return;
        }
    }
}

static uint32_t last_of(const struct engine_timer_heap *heap)
{
    uint32_t last = heap->count / 2; /* among the leaves */
    for (uint32_t i = last + 1; i < heap->count; i++) {
        last = is_sooner(heap, last, i) ? i : last;
    }
    return last;
}

void engine_timer_heap_put(struct engine_timer_heap *heap, const struct engine_timer_entry *entry)
{
    engine_timer_heap_remove(heap, entry->key, entry->kind);
    if (entry->due_at_us >= heap->complete_us) {
        return;
    }
    if (heap->count == ENGINE_TIMER_WINDOW) {
        uint32_t last = last_of(heap);
        if (heap->entries[last].due_at_us <= entry->due_at_us) {
            heap->complete_us = entry->due_at_us;
            return;
        }
        heap->complete_us = heap->entries[last].due_at_us;
        take_out(heap, last);
    }
    heap->entries[heap->count++] = *entry;
    rise(heap, heap->count - 1);
}

const struct engine_timer_entry *engine_timer_heap_first(const struct engine_timer_heap *heap)
{
    return heap->count > 0 ? &heap->entries[0] : NULL;
}

struct engine_timer_entry engine_timer_heap_pop(struct engine_timer_heap *heap)
{
    ASSERT(heap->count > 0);
    struct engine_timer_entry first = heap->entries[0];
    take_out(heap, 0);
    return first;
}
