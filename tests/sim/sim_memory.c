/* Growing arrays of the simulated world, whose end nobody knows beforehand. */
#include "sim_memory.h"

#include <stdlib.h>

#include "base/assert.h"

#define FIRST_CAPACITY 64

void *sim_array_room(void *array, uint32_t count, uint32_t *capacity, size_t element_bytes)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity ? *capacity * 2 : FIRST_CAPACITY;
    void *bigger = realloc(array, *capacity * element_bytes);
    ASSERT(bigger);
    return bigger;
}
