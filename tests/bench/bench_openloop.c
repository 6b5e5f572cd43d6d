/*
 * bench-openloop: commands come when they are due, whatever the engine does; a command's time runs from the moment it was
 * due until its event is seen by a consumer, so nothing hides behind a slow answer. In turns with its
 * floor: the same messages at the same rate through Kafka alone, written and read once.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/defer.h"
#include "bench_offer.h"
#include "bench_plot.h"
#include "bench_report.h"
#include "bench_run.h"
#include "engine/engine.h"
#include "testing/testing_env.h"

#define NAME_BYTES 64

struct settings {
    int64_t seconds;
    int64_t rounds;
    int64_t threads;
    int64_t max; /* the highest of the rates below that is offered */
};

static const struct bench_option options[] = {
    {"--seconds", offsetof(struct settings, seconds), 1, 600, 2},
    {"--rounds", offsetof(struct settings, rounds), 1, BENCH_ROUNDS_MAX, 1},
    {"--threads", offsetof(struct settings, threads), 1, ENGINE_THREADS_MAX, -1},
    {"--max", offsetof(struct settings, max), 200, 50000, 2000},
};

static const int64_t rates[] = {200, 1000, 2000, 5000, 10000, 15000, 20000, 30000, 40000, 50000};

/* What all rounds said about one rate. */
struct rate_figures {
    struct bench_series p50, p99, p999, reached, busy, own, floor_p50, floor_p99;
};

static void note(struct rate_figures *figures, const struct bench_offered *measured)
{
    const struct bench_histogram *took = measured->took;
    bench_series_add(&figures->p50, bench_histogram_at(took, 5000));
    bench_series_add(&figures->p99, bench_histogram_at(took, 9900));
    bench_series_add(&figures->p999, bench_histogram_at(took, 9990));
    bench_series_add(&figures->reached, measured->reached);
    bench_series_add(&figures->busy, measured->busy);
    bench_series_add(&figures->own, measured->own);
}

/* All rates over one engine, then all over Kafka alone. */
static void run_round(const struct settings *settings, struct arena *arena,
                      struct rate_figures *figures)
{
    struct bench_offered measured;
    const struct bench_run_options run_options = {
        .threads = (uint32_t)settings->threads, .batch_max = ENGINE_BATCH_MAX, .linger_ms = 5};
    struct bench_ground ground;
    struct bench_ground bare;
    struct bench_run run;
    bench_ground_init(&ground);
    bench_ground_init(&bare);
    bench_run_open(&run, &ground, &run_options);
    bench_run_go(&run, true);
    for (size_t i = 0; i < ARRAY_LEN(rates) && rates[i] <= settings->max; i++) {
        struct bench_offer_options offer = {
            .topic = TOPIC_ESCROW_EVENTS_V1, .per_second = rates[i], .seconds = settings->seconds};
        bench_offer(&ground, arena, &offer, &measured);
        note(&figures[i], &measured);
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof(name),
                       "%" PRId64 "/s offered, %" PRId64 "/s, busy %" PRId64 " %%", rates[i],
                       measured.reached, measured.busy);
        bench_histogram_print(measured.took, name);
        offer.topic = TOPIC_ESCROW_COMMANDS_V1;
        bench_offer(&bare, arena, &offer, &measured);
        bench_series_add(&figures[i].floor_p50, bench_histogram_at(measured.took, 5000));
        bench_series_add(&figures[i].floor_p99, bench_histogram_at(measured.took, 9900));
    }
    bench_probes_print();
    (void)bench_run_close(&run);
    bench_ground_fini(&bare);
    bench_ground_fini(&ground);
}

/* ---- The whole ---- */

static void print_table(const struct settings *settings, const struct rate_figures *figures)
{
    (void)printf("\nmedians of %" PRId64
                 " rounds\noffered/s  reached/s  busy %%  of it load maker  "
                 "p50          p99          p99.9        Kafka alone, one hop: p50, p99\n",
                 settings->rounds);
    for (size_t i = 0; i < ARRAY_LEN(rates) && rates[i] <= settings->max; i++) {
        char text[5][BENCH_MS_BYTES];
        (void)printf("%9" PRId64 "  %9" PRId64 "  %6" PRId64 "  %16" PRId64
                     "  %-11s  %-11s  %-11s  %s, %s\n",
                     rates[i], bench_series_median(&figures[i].reached),
                     bench_series_median(&figures[i].busy), bench_series_median(&figures[i].own),
                     bench_ms(bench_series_median(&figures[i].p50), text[0]),
                     bench_ms(bench_series_median(&figures[i].p99), text[1]),
                     bench_ms(bench_series_median(&figures[i].p999), text[2]),
                     bench_ms(bench_series_median(&figures[i].floor_p50), text[3]),
                     bench_ms(bench_series_median(&figures[i].floor_p99), text[4]));
    }
}

static void draw(const struct settings *settings, const struct rate_figures *figures)
{
    struct str path = testing_env("HOLDFAST_BENCH_PLOT");
    struct bench_point points[ARRAY_LEN(rates)];
    uint32_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(rates) && rates[i] <= settings->max; i++) {
        points[count++] = (struct bench_point){.offered = rates[i],
                                               .reached = bench_series_median(&figures[i].reached),
                                               .p99_us = bench_series_median(&figures[i].p99)};
    }
    if (path.len > 0) {
        bench_plot(path.ptr, "Holdfast escrow: command to event, open loop", points, count);
        (void)printf("drawn in %s\n", path.ptr);
    }
}

int main(int argc, char **argv)
{
    static struct rate_figures figures[ARRAY_LEN(rates)];
    struct settings settings = {.seconds = 10, .rounds = 3, .threads = 2, .max = 20000};
    bench_options_read(&settings, options, ARRAY_LEN(options), argc, argv);
    struct arena arena;
    arena_init(&arena, BENCH_OFFER_ARENA_BYTES);
    for (int64_t round = 0; round < settings.rounds; round++) {
        (void)printf("round %" PRId64 "\n", round + 1);
        run_round(&settings, &arena, figures);
    }
    arena_fini(&arena);
    print_table(&settings, figures);
    draw(&settings, figures);
    return 0;
}
