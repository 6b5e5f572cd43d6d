/*
 * bench-scale: the same deals drained by one engine thread and by more, in one process and in two, in turns; each beside
 * PostgreSQL alone with as many sessions. Where the processors are all busy with one, more threads show no gain.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/defer.h"
#include "bench_report.h"
#include "bench_run.h"
#include "engine/engine.h"

struct settings {
    int64_t deals;
    int64_t rounds;
};

static const struct bench_option options[] = {
    {"--deals", offsetof(struct settings, deals), 100, 100000, 200},
    {"--rounds", offsetof(struct settings, rounds), 1, BENCH_ROUNDS_MAX, 1},
};

static const struct {
    uint32_t processes, threads;
} shapes[] = {{1, 1}, {1, 2}, {1, 4}, {2, 1}, {2, 2}};

struct figures {
    struct bench_series speed, to_one, to_floor;
};

static void run_round(const struct settings *settings, struct figures *figures)
{
    int64_t one = 0;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct bench_run_options run = {.processes = shapes[i].processes,
                                        .threads = shapes[i].threads,
                                        .batch_max = ENGINE_BATCH_MAX,
                                        .linger_ms = 5};
        struct bench_result result = bench_run_whole(&run, (uint32_t)settings->deals);
        int64_t speed = bench_rate(result.commands, result.took_us);
        one = i == 0 ? speed : one;
        run.processes = 1;
        run.threads = shapes[i].processes * shapes[i].threads;
        int64_t floor = bench_run_floor(&run, (uint32_t)settings->deals);
        bench_series_add(&figures[i].speed, speed);
        bench_series_add(&figures[i].to_one, bench_percent_of(speed, one));
        bench_series_add(&figures[i].to_floor, bench_percent_of(speed, floor));
        (void)printf("%" PRIu32 " processes of %" PRIu32 " threads: %" PRId64
                     "/s; PostgreSQL alone with %" PRIu32 " sessions: %" PRId64 "/s\n",
                     shapes[i].processes, shapes[i].threads, speed, run.threads, floor);
        (void)fflush(stdout);
    }
    bench_probes_print();
}

int main(int argc, char **argv)
{
    static struct figures figures[ARRAY_LEN(shapes)];
    struct settings settings = {.deals = 10000, .rounds = 3};
    bench_options_read(&settings, options, ARRAY_LEN(options), argc, argv);
    for (int64_t round = 0; round < settings.rounds; round++) {
        run_round(&settings, figures);
    }
    (void)printf("\n%ld processors\n", sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        (void)printf("processes: %" PRIu32 ", threads of each: %" PRIu32 "\n", shapes[i].processes,
                     shapes[i].threads);
        bench_series_print(&figures[i].speed, "  decided, saved, published", "/s");
        bench_series_print_ratio(&figures[i].to_one, "  / one thread");
        bench_series_print_ratio(&figures[i].to_floor, "  / PostgreSQL alone, as many sessions");
    }
    return 0;
}
