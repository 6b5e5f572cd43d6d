#pragma once

#include <stddef.h>
#include <stdint.h>

/* Arrays that grow for as long as a simulated world lives. */

/* Room for one element more; returns the array, which may have moved. */
void *sim_array_room(void *array, uint32_t count, uint32_t *capacity, size_t element_bytes);
