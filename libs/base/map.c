#include "base/map.h"

#include <string.h>

#include "base/assert.h"

struct map_slot {
    struct id key;
    uint32_t value;
    bool used;
};

bool map_init(struct map *map, struct arena *arena, uint32_t max)
{
    uint32_t slot_count = 8;
    while (slot_count < 2 * max) {
        slot_count *= 2;
    }
    struct map_slot *slots = arena_new(arena, struct map_slot, slot_count);
    if (!slots) {
        return false;
    }
    *map = (struct map){.slots = slots, .slot_count = slot_count, .max = max};
    return true;
}

/* The slot that holds the key, or the free one where it would go. */
static struct map_slot *find(const struct map *map, struct id key)
{
    uint64_t half[2]; /* ids of one moment share the first bytes, those of one message the last */
    memcpy(half, key.bytes, sizeof(half));
    uint64_t mixed = (half[1] ^ half[0] >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(mixed >> 32) & (map->slot_count - 1);
    while (map->slots[at].used && !id_eq(map->slots[at].key, key)) {
        at = (at + 1) & (map->slot_count - 1);
    }
    return &map->slots[at];
}

uint32_t map_get(const struct map *map, struct id key, uint32_t fallback)
{
    const struct map_slot *slot = find(map, key);
    return slot->used ? slot->value : fallback;
}

void map_set(struct map *map, struct id key, uint32_t value)
{
    struct map_slot *slot = find(map, key);
    if (!slot->used) {
        ASSERT(map->count < map->max);
        *slot = (struct map_slot){.key = key, .used = true};
        map->count++;
    }
    slot->value = value;
}

uint32_t map_put(struct map *map, struct id key, uint32_t value)
{
    struct map_slot *slot = find(map, key);
    if (!slot->used) {
        ASSERT(map->count < map->max);
        *slot = (struct map_slot){.key = key, .value = value, .used = true};
        map->count++;
    }
    return slot->value;
}
