#include "bench_histogram.h"

#include <stdbool.h>

#include "base/defer.h"

/* Values below 2 * STEPS have a step each; above, the highest bits are the step. */
static uint32_t step_of(uint64_t us)
{
    if (us < BENCH_HISTOGRAM_STEPS) {
        return (uint32_t)us;
    }
    uint32_t shift = 63U - (uint32_t)__builtin_clzll(us) - BENCH_HISTOGRAM_BITS;
    return (shift + 1) * BENCH_HISTOGRAM_STEPS +
           ((uint32_t)(us >> shift) & (BENCH_HISTOGRAM_STEPS - 1));
}

/* The largest value of a step. */
static int64_t end_of(uint32_t step)
{
    if (step < BENCH_HISTOGRAM_STEPS) {
        return step;
    }
    uint32_t shift = step / BENCH_HISTOGRAM_STEPS - 1;
    uint64_t base = BENCH_HISTOGRAM_STEPS + step % BENCH_HISTOGRAM_STEPS;
    return (int64_t)(((base + 1) << shift) - 1);
}

void bench_histogram_add(struct bench_histogram *histogram, int64_t us)
{
    uint32_t step = step_of(us > 0 ? (uint64_t)us : 0);
    if (step >= ARRAY_LEN(histogram->counts)) {
        step = ARRAY_LEN(histogram->counts) - 1;
    }
    histogram->counts[step]++;
    histogram->count++;
    histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
}

int64_t bench_histogram_at(const struct bench_histogram *histogram, uint32_t of_10000)
{
    /* The smallest number of values that is at least this share. */
    uint64_t wanted = (histogram->count * of_10000 + 9999) / 10000;
    uint64_t seen = 0;
    for (uint32_t step = 0; step < ARRAY_LEN(histogram->counts); step++) {
        seen += histogram->counts[step];
        if (seen > 0 && seen >= wanted) {
            bool is_last = step == ARRAY_LEN(histogram->counts) - 1; /* whatever is beyond, too */
            return is_last || end_of(step) > histogram->max_us ? histogram->max_us : end_of(step);
        }
    }
    return histogram->max_us;
}
