#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/op.h"
#include "bench_histogram.h"

/* What every benchmark does with its settings and figures. Numbers are integers: ratios come in hundredths, times in
 * microseconds. */

/* Ends the process with a sentence when it failed: a benchmark that cannot go on has no figure. */
void bench_must(struct op *op, struct status st, const char *what);
/* The same for what is not a status. */
_Noreturn void bench_end(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- Options: "--rounds 5" ---- */

struct bench_option {
    const char *name;
    size_t offset; /* of an int64_t in the settings */
    int64_t min, max;
    int64_t quick; /* its value with --quick; -1: as without */
};

/* Reads argv into settings, which hold the defaults. Ends the process with exit code 2 and the list of
 * options when there is one that nobody knows. --quick stands first: what comes after it counts. */
void bench_options_read(void *settings, const struct bench_option *options, size_t option_count,
                        int argc, char **argv);

/* ---- Figures ---- */

#define BENCH_ROUNDS_MAX 15

/* One figure, measured in each round. */
struct bench_series {
    int64_t values[BENCH_ROUNDS_MAX];
    uint32_t count;
};

void bench_series_add(struct bench_series *series, int64_t value);
int64_t bench_series_median(const struct bench_series *series);
/* "name    18,000 /s   (17,000 to 19,000)" */
void bench_series_print(const struct bench_series *series, const char *name, const char *unit);
/* The same of hundredths: "name    0.87   (0.67 to 0.94)". */
void bench_series_print_ratio(const struct bench_series *series, const char *name);

int64_t bench_rate(int64_t count, int64_t took_us);    /* a second */
int64_t bench_percent_of(int64_t part, int64_t whole); /* hundredths; 0 of nothing */

/* "4.25 ms" of microseconds, in the caller's memory, which it returns. */
#define BENCH_MS_BYTES 32
const char *bench_ms(int64_t us, char ret_text[BENCH_MS_BYTES]);
/* "p50 4.25 ms, p99 12.00 ms, p99.9 20.10 ms, max 31.00 ms", in one line with the name before it. */
void bench_histogram_print(const struct bench_histogram *histogram, const char *name);

/* How fast the machine is now, and how slow its disk (with what --fsync-delay adds to PostgreSQL's). */
void bench_probes_print(void);
