#pragma once

#include <stdint.h>

/*
 * Times in microseconds, counted in steps that grow with the value: 128 for each doubling, so that what is told
 * is less than 1 % above what was measured, from a microsecond to two weeks, in 36 KB. Lives in anybody's memory; zeroed
 * memory is an empty one.
 */

#define BENCH_HISTOGRAM_BITS 7 /* 128 steps */
#define BENCH_HISTOGRAM_STEPS (1U << BENCH_HISTOGRAM_BITS)
#define BENCH_HISTOGRAM_DOUBLINGS 34

struct bench_histogram {
    uint64_t count;
    int64_t max_us;
    uint64_t counts[BENCH_HISTOGRAM_STEPS * BENCH_HISTOGRAM_DOUBLINGS];
};

/* Below zero counts as zero, beyond the last step as the last one. */
void bench_histogram_add(struct bench_histogram *histogram, int64_t us);
/* The value that so many of 10,000 are not above: 5000 is the median, 9990 the p99.9. 0 when it is empty. */
int64_t bench_histogram_at(const struct bench_histogram *histogram, uint32_t of_10000);
