/*
 * bench-large: does it matter how much is there already? A million deals are opened and paid first, by the engine itself
 * (3 million transitions); then whole deals run over these tables and over empty ones, in turns. Empty ones are
 * the floor here.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/defer.h"
#include "bench_report.h"
#include "bench_run.h"
#include "engine/engine.h"

#define FILL_GROUP 50000 /* deals at a time: this process holds their messages */
#define FILL_PHASES 3    /* opened, payment prepared, paid: 4 events */

struct settings {
    int64_t escrows;
    int64_t deals;
    int64_t rounds;
    int64_t threads;
};

static const struct bench_option options[] = {
    {"--escrows", offsetof(struct settings, escrows), 100, 100000000, 1000},
    {"--deals", offsetof(struct settings, deals), 100, 1000000, 500},
    {"--rounds", offsetof(struct settings, rounds), 1, BENCH_ROUNDS_MAX, 1},
    {"--threads", offsetof(struct settings, threads), 1, ENGINE_THREADS_MAX, -1},
};

static void fill(struct bench_ground *ground, const struct bench_run_options *options_of_run,
                 int64_t escrows)
{
    struct bench_run run;
    bench_run_open(&run, ground, options_of_run);
    for (int64_t left = escrows; left > 0; left -= FILL_GROUP) {
        bench_run_deals(&run, (uint32_t)(left < FILL_GROUP ? left : FILL_GROUP), FILL_PHASES);
    }
    struct bench_result result = bench_run_close(&run);
    testing_pg_run(ground->pg, "CHECKPOINT");
    (void)printf(
        "filled: %" PRId64 " escrows, %" PRId64 " transitions, %" PRId64 " MB (at %" PRId64
        " commands/s)\n",
        testing_pg_number(ground->pg, "SELECT count(*) FROM escrow"),
        testing_pg_number(ground->pg, "SELECT count(*) FROM transition"),
        testing_pg_number(ground->pg,
                          "SELECT sum(pg_total_relation_size(oid)) / 1048576 FROM pg_class "
                          "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"),
        bench_rate(result.commands, result.took_us));
    (void)fflush(stdout);
}

static int64_t measure(struct bench_ground *ground, const struct bench_run_options *options_of_run,
                       uint32_t deals)
{
    struct bench_run run;
    bench_run_open(&run, ground, options_of_run);
    bench_run_deals(&run, deals, BENCH_PHASES);
    struct bench_result result = bench_run_close(&run);
    return bench_rate(result.commands, result.took_us);
}

int main(int argc, char **argv)
{
    struct settings settings = {.escrows = 1000000, .deals = 20000, .rounds = 3, .threads = 2};
    bench_options_read(&settings, options, ARRAY_LEN(options), argc, argv);
    const struct bench_run_options run = {
        .threads = (uint32_t)settings.threads, .batch_max = ENGINE_BATCH_MAX, .linger_ms = 5};
    struct bench_series full = {.count = 0};
    struct bench_series empty = {.count = 0};
    struct bench_series ratio = {.count = 0};
    struct bench_ground ground;
    bench_ground_init(&ground);
    fill(&ground, &run, settings.escrows);
    for (int64_t round = 0; round < settings.rounds; round++) {
        int64_t with = measure(&ground, &run, (uint32_t)settings.deals);
        struct bench_result alone = bench_run_whole(&run, (uint32_t)settings.deals);
        int64_t without = bench_rate(alone.commands, alone.took_us);
        (void)printf("round %" PRId64 ": full tables %" PRId64 "/s, empty ones %" PRId64 "/s\n",
                     round + 1, with, without);
        bench_probes_print();
        bench_series_add(&full, with);
        bench_series_add(&empty, without);
        bench_series_add(&ratio, bench_percent_of(with, without));
    }
    bench_ground_fini(&ground);
    (void)printf("\n");
    bench_series_print(&full, "commands over full tables", "/s");
    bench_series_print(&empty, "commands over empty tables", "/s");
    bench_series_print_ratio(&ratio, "full / empty");
    return 0;
}
