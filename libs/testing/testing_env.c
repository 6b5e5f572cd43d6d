/* Where tests read the environment: the seed of a random walk, the servers they may use. */
#include "testing/testing_env.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

struct str testing_env(const char *name)
{
    const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe): before there are threads */
    return str_of(value ? value : "");
}

int64_t testing_env_i64(const char *name, int64_t fallback)
{
    struct str text = testing_env(name);
    int64_t value = fallback;
    bool readable = text.len == 0 || str_to_i64(text, &value);
    ASSERT(readable);
    return value;
}

uint64_t testing_env_seed(int64_t fallback)
{
    int64_t seed = testing_env_i64("SEED", fallback);
    (void)fprintf(stderr, "SEED=%" PRId64 "\n", seed);
    return (uint64_t)seed;
}
