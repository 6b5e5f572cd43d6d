#pragma once

#include <stdint.h>

#include "base/id.h"

/* From an id to a number, for what grows without a bound that is known: the simulation's own books. */

struct sim_index {
    struct id *keys;
    uint32_t *numbers; /* 0: empty, else number + 1 */
    uint32_t slot_count;
    uint32_t count;
};

#define SIM_INDEX_NONE UINT32_MAX

void sim_index_fini(struct sim_index *index); /* and it is empty again */
/* SIM_INDEX_NONE: not there. */
uint32_t sim_index_get(const struct sim_index *index, struct id key);
/* Replaces what was there. number < SIM_INDEX_NONE. */
void sim_index_set(struct sim_index *index, struct id key, uint32_t number);
