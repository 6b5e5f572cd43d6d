#include "bench_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/str.h"
#include "bench_probe.h"
#include "testing/testing_env.h"

#define EXIT_USAGE 2

void bench_end(const char *format, ...)
{
    va_list args;
    (void)fflush(stdout);
    va_start(args, format);
    (void)fprintf(stderr, "bench: ");
    (void)vfprintf(stderr, format, args);
    (void)fprintf(stderr, "\n");
    va_end(args);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    exit(1); /* LINT-OK: a benchmark that cannot go on */
}

void bench_must(struct op *op, struct status st, const char *what)
{
    if (status_failed(st)) {
        bench_end("%s: %s: %s", what, op->err.code, op->err.msg);
    }
}

/* ---- Options ---- */

static int64_t *place(void *settings, const struct bench_option *option)
{
    return (int64_t *)(void *)((char *)settings + option->offset);
}

static bool read_one(void *settings, const struct bench_option *options, size_t option_count,
                     const char *name, const char *text)
{
    for (size_t i = 0; i < option_count; i++) {
        int64_t value;
        if (str_eq(str_of(name), str_of(options[i].name)) && text &&
            str_to_i64(str_of(text), &value) && value >= options[i].min &&
            value <= options[i].max) {
            *place(settings, &options[i]) = value;
            return true;
        }
    }
    return false;
}

static void be_quick(void *settings, const struct bench_option *options, size_t option_count)
{
    for (size_t i = 0; i < option_count; i++) {
        if (options[i].quick >= 0) {
            *place(settings, &options[i]) = options[i].quick;
        }
    }
}

void bench_options_read(void *settings, const struct bench_option *options, size_t option_count,
                        int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (str_eq(str_of(argv[i]), STR("--quick"))) {
            be_quick(settings, options, option_count);
            i--;
            continue;
        }
        if (!read_one(settings, options, option_count, argv[i],
                      i + 1 < argc ? argv[i + 1] : NULL)) {
            (void)fprintf(stderr, "bench: %s is not one of: --quick", argv[i]);
            for (size_t k = 0; k < option_count; k++) {
                (void)fprintf(stderr, ", %s %" PRId64 "..%" PRId64, options[k].name, options[k].min,
                              options[k].max);
            }
            (void)fprintf(stderr, "\n");
            /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
            exit(EXIT_USAGE); /* LINT-OK: a wrong option */
        }
    }
}

/* ---- Figures ---- */

void bench_series_add(struct bench_series *series, int64_t value)
{
    ASSERT(series->count < BENCH_ROUNDS_MAX);
    series->values[series->count++] = value;
}

static struct bench_series sorted(const struct bench_series *series)
{
    struct bench_series copy = *series;
    (void)bench_median(copy.values, copy.count);
    return copy;
}

int64_t bench_series_median(const struct bench_series *series)
{
    struct bench_series copy = sorted(series);
    return copy.count == 0 ? 0 : copy.values[copy.count / 2];
}

void bench_series_print(const struct bench_series *series, const char *name, const char *unit)
{
    struct bench_series in_order = sorted(series);
    if (in_order.count > 0) {
        (void)printf("%-48s %" PRId64 "%s   (%" PRId64 " to %" PRId64 ")\n", name,
                     bench_series_median(series), unit, in_order.values[0],
                     in_order.values[in_order.count - 1]);
    }
}

void bench_series_print_ratio(const struct bench_series *series, const char *name)
{
    struct bench_series in_order = sorted(series);
    if (in_order.count > 0) {
        int64_t median = bench_series_median(series);
        int64_t min = in_order.values[0];
        int64_t max = in_order.values[in_order.count - 1];
        (void)printf("%-48s %" PRId64 ".%02" PRId64 "   (%" PRId64 ".%02" PRId64 " to %" PRId64
                     ".%02" PRId64 ")\n",
                     name, median / 100, median % 100, min / 100, min % 100, max / 100, max % 100);
    }
}

int64_t bench_rate(int64_t count, int64_t took_us)
{
    return took_us == 0 ? 0 : count * 1000000 / took_us;
}

int64_t bench_percent_of(int64_t part, int64_t whole)
{
    return whole == 0 ? 0 : 100 * part / whole;
}

const char *bench_ms(int64_t us, char ret_text[BENCH_MS_BYTES])
{
    (void)snprintf(ret_text, BENCH_MS_BYTES, "%" PRId64 ".%02" PRId64 " ms", us / 1000,
                   us % 1000 / 10);
    return ret_text;
}

void bench_histogram_print(const struct bench_histogram *histogram, const char *name)
{
    char p50[BENCH_MS_BYTES];
    char p99[BENCH_MS_BYTES];
    char p999[BENCH_MS_BYTES];
    char max[BENCH_MS_BYTES];
    (void)printf("%-48s p50 %s, p99 %s, p99.9 %s, max %s\n", name,
                 bench_ms(bench_histogram_at(histogram, 5000), p50),
                 bench_ms(bench_histogram_at(histogram, 9900), p99),
                 bench_ms(bench_histogram_at(histogram, 9990), p999),
                 bench_ms(histogram->max_us, max));
    (void)fflush(stdout);
}

void bench_probes_print(void)
{
    int64_t delay_us = testing_env_i64("PG_FSYNC_DELAY_US", 0);
    (void)printf("probes: SHA-256 %" PRId64 " ns, fsync %" PRId64 " us", bench_probe_sha_ns(),
                 bench_probe_fsync_us());
    if (delay_us > 0) {
        (void)printf(" (+ %" PRId64 " us in PostgreSQL)", delay_us);
    }
    (void)printf("\n");
    (void)fflush(stdout);
}
