#pragma once

#include <stdint.h>

/* A drawing of what was measured at each offered load: throughput and p99, as an SVG. */

struct bench_point {
    int64_t offered; /* a second */
    int64_t reached; /* a second */
    int64_t p99_us;
};

/* Writes the file; ends the process when it cannot. Points in the order of offered. title: one line. */
void bench_plot(const char *path, const char *title, const struct bench_point *points,
                uint32_t point_count);
