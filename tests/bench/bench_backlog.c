/*
 * bench-backlog: what an outage leaves behind. An hour of 1,000 commands a second, 3.6 million, is drained by one process.
 * It lies in Kafka ten times a tenth, for a message of a deal needs what the one before led to. Checkpoints and autovacuum
 * fall into it as they do. Before and after it: PostgreSQL alone, the same statements, a tenth of them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/defer.h"
#include "bench_report.h"
#include "bench_run.h"
#include "engine/engine.h"

#define FLOOR_SHARE 10

struct settings {
    int64_t commands;
    int64_t threads;
};

static const struct bench_option options[] = {
    {"--commands", offsetof(struct settings, commands), 1000, 10000000, 10000},
    {"--threads", offsetof(struct settings, threads), 1, ENGINE_THREADS_MAX, -1},
};

static int64_t floor_of(const struct bench_run_options *run, uint32_t deals)
{
    int64_t floor = bench_run_floor(run, deals / FLOOR_SHARE);
    (void)printf("PostgreSQL alone %" PRId64 "/s\n", floor);
    bench_probes_print();
    return floor;
}

int main(int argc, char **argv)
{
    struct settings settings = {.commands = 3600000, .threads = 2};
    bench_options_read(&settings, options, ARRAY_LEN(options), argc, argv);
    uint32_t deals = (uint32_t)(settings.commands / BENCH_PHASES);
    const struct bench_run_options run = {
        .threads = (uint32_t)settings.threads, .batch_max = ENGINE_BATCH_MAX, .linger_ms = 5};
    struct bench_series to_floor = {.count = 0};

    int64_t before = floor_of(&run, deals);
    struct bench_result result = bench_run_whole(&run, deals);
    int64_t after = floor_of(&run, deals);
    int64_t speed = bench_rate(result.commands, result.took_us);
    bench_series_add(&to_floor, bench_percent_of(speed, before));
    bench_series_add(&to_floor, bench_percent_of(speed, after));
    (void)printf("\n%" PRId64 " commands in %" PRId64 " s: %" PRId64 "/s, RssAnon %" PRId64 " MB\n",
                 result.commands, result.took_us / 1000000, speed, result.rss_busy_kb / 1024);
    bench_series_print_ratio(&to_floor, "engine / PostgreSQL alone (before, after)");
    return 0;
}
