/* Open addressing, at most half full, nothing is ever removed. */
#include "sim_index.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

#define SLOTS_FIRST 64

void sim_index_fini(struct sim_index *index)
{
    free(index->keys);
    free(index->numbers);
    *index = (struct sim_index){.keys = NULL};
}

static uint32_t slot_of(const struct sim_index *index, struct id key)
{
    const struct str bytes = {.ptr = (const char *)key.bytes, .len = sizeof(key.bytes)};
    uint32_t at = (uint32_t)(hash_spread(bytes) >> 20) & (index->slot_count - 1);
    while (index->numbers[at] != 0 && !id_eq(index->keys[at], key)) {
        at = (at + 1) & (index->slot_count - 1);
    }
    return at;
}

static void put(struct sim_index *index, struct id key, uint32_t stored)
{
    uint32_t at = slot_of(index, key);
    index->count += index->numbers[at] == 0 ? 1 : 0;
    index->keys[at] = key;
    index->numbers[at] = stored;
}

static void grow(struct sim_index *index)
{
    struct sim_index bigger = {
        .slot_count = index->slot_count ? index->slot_count * 2 : SLOTS_FIRST,
    };
    bigger.keys = calloc(bigger.slot_count, sizeof(*bigger.keys));
    bigger.numbers = calloc(bigger.slot_count, sizeof(*bigger.numbers));
    ASSERT(bigger.keys);
    ASSERT(bigger.numbers);
    for (uint32_t i = 0; i < index->slot_count; i++) {
        if (index->numbers[i] != 0) {
            put(&bigger, index->keys[i], index->numbers[i]);
        }
    }
    sim_index_fini(index);
    *index = bigger;
}

uint32_t sim_index_get(const struct sim_index *index, struct id key)
{
    if (index->slot_count == 0) {
        return SIM_INDEX_NONE;
    }
    uint32_t stored = index->numbers[slot_of(index, key)];
    return stored == 0 ? SIM_INDEX_NONE : stored - 1;
}

void sim_index_set(struct sim_index *index, struct id key, uint32_t number)
{
    ASSERT(number < SIM_INDEX_NONE);
    if ((index->count + 1) * 2 > index->slot_count) {
        grow(index);
    }
    put(index, key, number + 1);
}
