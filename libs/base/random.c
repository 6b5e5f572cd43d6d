#include "base/random.h"

#include "base/assert.h"

struct random random_seeded(uint64_t seed)
{
    return (struct random){.state = seed};
}

uint64_t random_next(struct random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    ASSERT(bound > 0);
    return random_next(random) % bound;
}

int64_t random_backoff_ms(struct random *random, uint32_t attempt, int64_t base_ms, int64_t max_ms)
{
    ASSERT(base_ms > 0);
    ASSERT(max_ms >= base_ms);
    int64_t ceiling = base_ms;
    for (uint32_t i = 0; i < attempt && ceiling < max_ms; i++) {
        ceiling = ceiling > max_ms / 2 ? max_ms : ceiling * 2;
    }
    return base_ms + (int64_t)random_below(random, (uint64_t)(ceiling - base_ms) + 1);
}
