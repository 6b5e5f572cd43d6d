#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/*
 * Memory of one unit of work: allocations are freed all at once, and never more than max_bytes
 * are handed out. Not thread-safe: an arena belongs to one thread at a time.
 */

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t max_bytes;
    size_t used_bytes; /* handed out since the last reset, padding included */
};

/* Prepares an arena that hands out at most max_bytes. Allocates nothing yet. */
void arena_init(struct arena *arena, size_t max_bytes);

/* Frees everything. Fit for DEFER(arena_fini); accepts zeroed memory. */
void arena_fini(struct arena *arena);

/* Forgets all allocations but keeps the first block for reuse. */
void arena_reset(struct arena *arena);

/* Zeroed memory for count objects of size bytes, aligned for any type; NULL past the maximum. */
MUST_CHECK void *arena_alloc(struct arena *arena, size_t count, size_t size);

#define arena_new(arena, type, count) ((type *)arena_alloc((arena), (count), sizeof(type)))

/* A place to which an arena can be rolled back is not offered on purpose: use a second arena. */
