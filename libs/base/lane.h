#pragma once

#include <stdint.h>

#include "base/hash.h"
#include "base/id.h"

/* A service has LANES lanes; lane p is partition p of every topic it reads or writes. */
#define LANES 12

/* The one function from key to partition: FNV-1a 64 of the key's 36-character text, modulo LANES. */
static inline int32_t lane_of_key(struct id key)
{
    char text[ID_TEXT_BYTES];
    id_format(key, text);
    return (int32_t)(hash_spread((struct str){.ptr = text, .len = ID_TEXT_BYTES - 1}) % LANES);
}
