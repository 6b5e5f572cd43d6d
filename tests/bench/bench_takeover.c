/*
 * bench-takeover: commands come when they are due; one of two processes is killed meanwhile, and its lanes are taken by the
 * other; later a third joins and is given its share. How long do the lanes that move stand still, and what do the others
 * notice? Beside it, in the same run, the same load with nobody killed.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/lane.h"
#include "bench_offer.h"
#include "bench_report.h"
#include "bench_run.h"
#include "engine/engine.h"

struct settings {
    int64_t seconds;
    int64_t rounds;
    int64_t threads;
    int64_t rate;
};

static const struct bench_option options[] = {
    {"--seconds", offsetof(struct settings, seconds), 8, 600, 8},
    {"--rounds", offsetof(struct settings, rounds), 1, BENCH_ROUNDS_MAX, 1},
    {"--threads", offsetof(struct settings, threads), 1, ENGINE_THREADS_MAX, -1},
    {"--rate", offsetof(struct settings, rate), 100, 10000, 200},
};

enum moment {
    MOMENT_NOTHING = 0,
    MOMENT_DEATH,
    MOMENT_ARRIVAL,
    MOMENT_COUNT,
};

static const char *const moment_names[MOMENT_COUNT] = {
    [MOMENT_NOTHING] = "nothing happens",
    [MOMENT_DEATH] = "one of two is killed",
    [MOMENT_ARRIVAL] = "another one joins",
};

/* The longest of each lane's times; in the middle, and the longest of all. p99 is that of all messages. */
struct figures {
    struct bench_series moved_p99, moved_max, others_p99, others_max;
};

struct trio {
    struct bench_child first, second, third;
};

static struct bench_child start(const struct settings *settings, const struct bench_ground *ground,
                                bool later)
{
    const struct bench_child_options child_options = {.database_url = testing_pg_url(ground->pg),
                                                      .brokers = ground->brokers,
                                                      .topic_prefix = ground->prefix,
                                                      .threads = (uint32_t)settings->threads,
                                                      .batch_max = ENGINE_BATCH_MAX,
                                                      .linger_ms = 5,
                                                      .processes = 2,
                                                      .lease_ms = ENGINE_LEASE_MS,
                                                      .later = later};
    struct bench_child child = bench_child_start(&child_options);
    atomic_store(&child.control->go, true);
    return child;
}

static void kill_second(void *ctx)
{
    struct trio *trio = ctx;
    bench_child_kill(&trio->second);
}

static void begin_third(void *ctx)
{
    struct trio *trio = ctx;
    atomic_store(&trio->third.control->begin, true);
}

/* A number for each lane that is another one when the lane has moved. */
static void see_owners(const struct bench_ground *ground, int64_t ret_owners[LANES])
{
    for (int32_t p = 0; p < LANES; p++) {
        char sql[96];
        int len =
            snprintf(sql, sizeof(sql), "SELECT hashtext(owner::text) FROM lane WHERE p = %d", p);
        ASSERT(len > 0 && (size_t)len < sizeof(sql));
        ret_owners[p] = testing_pg_number(ground->pg, sql);
    }
}

static void note(const struct bench_offered *offered, const int64_t *before, const int64_t *after,
                 struct figures *figures)
{
    struct bench_series *p99[] = {&figures->others_p99, &figures->moved_p99};
    struct bench_series *max[] = {&figures->others_max, &figures->moved_max};
    int64_t p99_us[2] = {0, 0};
    int64_t max_us[2] = {0, 0};
    for (int32_t p = 0; p < LANES; p++) {
        bool moved = before[p] != after[p];
        int64_t lane_p99_us = bench_histogram_at(&offered->lanes[p], 9900);
        p99_us[moved] = lane_p99_us > p99_us[moved] ? lane_p99_us : p99_us[moved];
        max_us[moved] =
            offered->lanes[p].max_us > max_us[moved] ? offered->lanes[p].max_us : max_us[moved];
    }
    for (int i = 0; i < 2; i++) {
        bench_series_add(p99[i], p99_us[i]);
        bench_series_add(max[i], max_us[i]);
    }
}

static void run_round(const struct settings *settings, struct arena *arena, struct figures *figures)
{
    struct bench_ground ground;
    bench_ground_init(&ground);
    struct trio trio = {.first = start(settings, &ground, false),
                        .second = start(settings, &ground, false),
                        .third = start(settings, &ground, true)};
    bench_child_wait_ready(&trio.first);
    bench_child_wait_ready(&trio.second);
    void (*const strikes[MOMENT_COUNT])(void *) = {
        [MOMENT_DEATH] = kill_second, [MOMENT_ARRIVAL] = begin_third};
    for (int moment = 0; moment < MOMENT_COUNT; moment++) {
        const struct bench_offer_options offer = {
            .topic = TOPIC_ESCROW_EVENTS_V1,
            .per_second = settings->rate,
            .seconds = settings->seconds,
            .strike_ms = strikes[moment] ? settings->seconds * 1000 / 4 : 0,
            .strike = strikes[moment],
            .ctx = &trio};
        int64_t before[LANES];
        int64_t after[LANES];
        struct bench_offered offered;
        see_owners(&ground, before);
        bench_offer(&ground, arena, &offer, &offered);
        see_owners(&ground, after);
        note(&offered, before, after, &figures[moment]);
        bench_histogram_print(offered.took, moment_names[moment]);
    }
    bench_probes_print();
    bench_child_stop(&trio.first);
    bench_child_stop(&trio.third);
    bench_ground_fini(&ground);
}

static void print_moment(const char *name, const struct figures *figures)
{
    char text[4][BENCH_MS_BYTES];
    (void)printf("%-22s  %-11s  %-11s  %-11s  %s\n", name,
                 bench_ms(bench_series_median(&figures->moved_p99), text[0]),
                 bench_ms(bench_series_median(&figures->moved_max), text[1]),
                 bench_ms(bench_series_median(&figures->others_p99), text[2]),
                 bench_ms(bench_series_median(&figures->others_max), text[3]));
}

int main(int argc, char **argv)
{
    static struct figures figures[MOMENT_COUNT];
    struct settings settings = {.seconds = 20, .rounds = 3, .threads = 1, .rate = 1000};
    bench_options_read(&settings, options, ARRAY_LEN(options), argc, argv);
    struct arena arena;
    arena_init(&arena, BENCH_OFFER_ARENA_BYTES);
    for (int64_t round = 0; round < settings.rounds; round++) {
        (void)printf("round %" PRId64 "\n", round + 1);
        run_round(&settings, &arena, figures);
    }
    arena_fini(&arena);
    (void)printf("\n%" PRId64 " commands a second; of the slowest lane, medians of %" PRId64
                 " rounds\n%-22s  lanes that moved: p99, longest; the others: p99, longest\n",
                 settings.rate, settings.rounds, "");
    for (int moment = 0; moment < MOMENT_COUNT; moment++) {
        print_moment(moment_names[moment], &figures[moment]);
    }
    return 0;
}
