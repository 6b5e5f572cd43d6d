#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

/*
 * The soonest open timers of one lane, in memory: a binary heap with a bound. What does not fit stays
 * in the database alone, and the heap knows from which moment on: every open timer that is due
 * before complete_us is in it. Used up, it is filled again by the index.
 */

/* 24 KiB a lane; a refill is one indexed read for so many firings. */
#define ENGINE_TIMER_WINDOW 512

struct engine_timer_entry {
    struct id key;
    int kind;
    int64_t generation;
    int64_t due_at_us;
};

struct engine_timer_heap {
    struct engine_timer_entry entries[ENGINE_TIMER_WINDOW];
    uint32_t count;
    int64_t complete_us; /* INT64_MIN: nothing was read yet; INT64_MAX: all open ones are here */
};

/* Empty, and nothing is known. */
void engine_timer_heap_forget(struct engine_timer_heap *heap);
/* It is empty, and there may be more in the database. */
bool engine_timer_heap_is_used_up(const struct engine_timer_heap *heap);
/* Begins anew with what the database gave: the lane's open ones, the soonest first, all of them or
 * ENGINE_TIMER_WINDOW. */
void engine_timer_heap_fill(struct engine_timer_heap *heap, const struct timer_row *rows,
                            uint32_t count);
/* Takes the place of the entry with the same key and kind. What is due too late is left out. */
void engine_timer_heap_put(struct engine_timer_heap *heap, const struct engine_timer_entry *entry);
/* Harmless when there is none. */
void engine_timer_heap_remove(struct engine_timer_heap *heap, struct id key, int kind);
/* The soonest one, or NULL; valid until the heap changes. */
const struct engine_timer_entry *engine_timer_heap_first(const struct engine_timer_heap *heap);
/* Takes the soonest one out; there must be one. */
struct engine_timer_entry engine_timer_heap_pop(struct engine_timer_heap *heap);
