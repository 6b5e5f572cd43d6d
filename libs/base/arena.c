/* Bump allocation in blocks. Under ASan each allocation is its own malloc, so overruns are seen. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define ARENA_BLOCK_BYTES ((size_t)64 * 1024)
#define ARENA_ALIGN alignof(max_align_t)

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_EACH_ALONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_EACH_ALONE 1
#endif
#endif
#ifndef ARENA_EACH_ALONE
#define ARENA_EACH_ALONE 0
#endif

struct arena_block {
    struct arena_block *next;
    size_t size_bytes;
    size_t used_bytes;
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *arena, size_t max_bytes)
{
    ASSERT(max_bytes > 0);
    *arena = (struct arena){.max_bytes = max_bytes};
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_fini(struct arena *arena)
{
    free_blocks(arena->blocks);
    *arena = (struct arena){.max_bytes = 0};
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = NULL;
    for (struct arena_block *block = arena->blocks; block;) {
        struct arena_block *next = block->next;
        if (!ARENA_EACH_ALONE && !keep && block->size_bytes == ARENA_BLOCK_BYTES) {
            keep = block;
        } else {
            free(block);
        }
        block = next;
    }
    if (keep) {
        keep->next = NULL;
        keep->used_bytes = 0;
    }
    arena->blocks = keep;
    arena->used_bytes = 0;
}

/* A block made for one large object goes behind the newest, which still has room for small ones. */
static struct arena_block *new_block(struct arena *arena, size_t size_bytes, bool alone)
{
    struct arena_block *block = malloc(sizeof(*block) + size_bytes);
    if (!block) {
        return NULL;
    }
    struct arena_block **place = alone && arena->blocks ? &arena->blocks->next : &arena->blocks;
    *block = (struct arena_block){.next = *place, .size_bytes = size_bytes};
    *place = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > arena->max_bytes) {
        return NULL;
    }
    bytes = (bytes + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (bytes == 0) {
        bytes = ARENA_ALIGN; /* a distinct address, so that NULL always means failure */
    }
    if (arena->used_bytes + bytes > arena->max_bytes) {
        return NULL;
    }
    struct arena_block *block = arena->blocks;
    if (ARENA_EACH_ALONE || !block || block->size_bytes - block->used_bytes < bytes) {
        bool alone = ARENA_EACH_ALONE || bytes > ARENA_BLOCK_BYTES / 4;
        block = new_block(arena, alone ? bytes : ARENA_BLOCK_BYTES, alone);
        if (!block) {
            return NULL;
        }
    }
    void *memory = block->data + block->used_bytes;
    block->used_bytes += bytes;
    arena->used_bytes += bytes;
    memset(memory, 0, bytes);
    return memory;
}
