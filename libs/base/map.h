#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/id.h"

/*
 * A bounded hash map from id to a number (an index into somebody's array), for one batch or one
 * lane's set. Open addressing in arena memory; entries are never removed one by one.
 */

struct map_slot;

struct map {
    struct map_slot *slots;
    uint32_t slot_count; /* a power of two, at least twice the maximum */
    uint32_t count;
    uint32_t max;
};

/* Room for max entries; false when the arena is full. */
MUST_CHECK bool map_init(struct map *map, struct arena *arena, uint32_t max);

/* The number stored for key, or fallback. */
uint32_t map_get(const struct map *map, struct id key, uint32_t fallback);

/* Stores value, replacing what was there. ASSERTs that there is room. */
void map_set(struct map *map, struct id key, uint32_t value);

/* Stores value unless the key is there; returns what is stored now. ASSERTs that there is room. */
uint32_t map_put(struct map *map, struct id key, uint32_t value);
