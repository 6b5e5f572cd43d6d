#pragma once

#include <stdint.h>

/* A small seeded generator (splitmix64) for jitter, tests and simulation. Never for secrets. */

struct random {
    uint64_t state;
};

struct random random_seeded(uint64_t seed);
uint64_t random_next(struct random *random);
/* 0 <= result < bound; bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/*
 * Exponential backoff with full jitter: a wait in milliseconds between base_ms and
 * min(max_ms, base_ms * 2^attempt). attempt counts from 0.
 */
int64_t random_backoff_ms(struct random *random, uint32_t attempt, int64_t base_ms, int64_t max_ms);
