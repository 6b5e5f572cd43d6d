/*
 * bench-engine: escrow's engine against its floors and its peer, in turns in the same run. A child process runs the
 * engine's threads as the service does; this process plays gateway and payments.
 *
 *   engine   commands drained from Kafka, decided, saved, published, acknowledged
 *   floor    the same statements with the same rows from a tape, nothing else: PostgreSQL alone
 *   one      the engine with a batch limit of 1
 *   peer     a service in Node that does the same for each message
 *   paced    the engine again, while commands come one by one: from produce to the event at a consumer
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/defer.h"
#include "bench_offer.h"
#include "bench_peer.h"
#include "bench_report.h"
#include "bench_run.h"
#include "engine/engine.h"

/* The compiler takes half of the broker's time after 100,000 messages, still a tenth after 1.5 million. */
#define WARM_UPS 2
#define PACED_SECONDS 5

struct settings {
    int64_t deals;
    int64_t deals_one;  /* of the variant with a batch limit of 1 */
    int64_t deals_peer; /* 0: without */
    int64_t rounds;
    int64_t threads;
    int64_t linger_ms;
    int64_t warm_ups;
    int64_t paced; /* commands a second, that come one by one */
};

static const struct bench_option options[] = {
    {"--deals", offsetof(struct settings, deals), 100, 1000000, 500},
    {"--deals-one", offsetof(struct settings, deals_one), 10, 1000000, 50},
    {"--deals-peer", offsetof(struct settings, deals_peer), 0, 1000000, 50},
    {"--rounds", offsetof(struct settings, rounds), 1, BENCH_ROUNDS_MAX, 1},
    {"--threads", offsetof(struct settings, threads), 1, ENGINE_THREADS_MAX, -1},
    {"--linger-ms", offsetof(struct settings, linger_ms), 0, 100, -1},
    {"--warm-ups", offsetof(struct settings, warm_ups), 0, 10, 0},
    {"--paced", offsetof(struct settings, paced), 1, 20000, 200},
};

/* Figures of all rounds. */
struct figures {
    struct bench_series speed, floor, one, peer;
    struct bench_series to_floor, to_one, to_peer;
    struct bench_series idle_mb, busy_mb;
    struct bench_series p50, p99;
};

static struct bench_run_options run_options(const struct settings *settings)
{
    return (struct bench_run_options){.threads = (uint32_t)settings->threads,
                                      .batch_max = ENGINE_BATCH_MAX,
                                      .linger_ms = (uint32_t)settings->linger_ms};
}

static void run_peer(const struct settings *settings, struct figures *figures, int64_t speed)
{
    int64_t peer = settings->deals_peer > 0 ? bench_peer_run(settings->deals_peer) : -1;
    if (peer > 0) {
        bench_series_add(&figures->peer, peer);
        bench_series_add(&figures->to_peer, bench_percent_of(speed, peer));
        (void)printf("  peer in Node %" PRId64 "/s", peer);
    }
}

/* Whoever is drained has waited in line; this is the time of one who does not. */
static void run_paced(const struct settings *settings, struct arena *arena, struct figures *figures)
{
    const struct bench_run_options whole = run_options(settings);
    const struct bench_offer_options offer = {
        .topic = TOPIC_ESCROW_EVENTS_V1, .per_second = settings->paced, .seconds = PACED_SECONDS};
    struct bench_ground ground;
    struct bench_run run;
    struct bench_offered offered;
    bench_ground_init(&ground);
    bench_run_open(&run, &ground, &whole);
    bench_run_go(&run, true);
    bench_offer(&ground, arena, &offer, &offered);
    (void)bench_run_close(&run);
    bench_ground_fini(&ground);
    bench_series_add(&figures->p50, bench_histogram_at(offered.took, 5000));
    bench_series_add(&figures->p99, bench_histogram_at(offered.took, 9900));
    bench_histogram_print(offered.took, "  from produce to event");
}

static void run_round(const struct settings *settings, struct arena *arena, uint32_t round,
                      struct figures *figures)
{
    struct bench_run_options whole = run_options(settings);
    struct bench_run_options one_by_one = run_options(settings);
    one_by_one.batch_max = 1;
    struct bench_result engine = bench_run_whole(&whole, (uint32_t)settings->deals);
    int64_t speed = bench_rate(engine.commands, engine.took_us);
    (void)printf("round %" PRIu32 ": engine %" PRId64 "/s (%" PRId64 " per batch, %" PRId64
                 " us CPU each, RssAnon %" PRId64 " MB idle, %" PRId64 " MB draining)",
                 round + 1, speed, engine.commands / (engine.batches + 1),
                 engine.cpu_us / engine.commands, engine.rss_idle_kb / 1024,
                 engine.rss_busy_kb / 1024);
    (void)fflush(stdout);
    int64_t floor = bench_run_floor(&whole, (uint32_t)settings->deals);
    struct bench_result one = bench_run_whole(&one_by_one, (uint32_t)settings->deals_one);
    int64_t one_speed = bench_rate(one.commands, one.took_us);
    (void)printf(", PostgreSQL alone %" PRId64 "/s, batch limit 1 %" PRId64 "/s", floor, one_speed);
    run_peer(settings, figures, speed);
    (void)printf("\n");
    run_paced(settings, arena, figures);
    bench_probes_print();
    bench_series_add(&figures->speed, speed);
    bench_series_add(&figures->floor, floor);
    bench_series_add(&figures->one, one_speed);
    bench_series_add(&figures->to_floor, bench_percent_of(speed, floor));
    bench_series_add(&figures->to_one, bench_percent_of(speed, one_speed));
    bench_series_add(&figures->idle_mb, engine.rss_idle_kb / 1024);
    bench_series_add(&figures->busy_mb, engine.rss_busy_kb / 1024);
}

/* A fresh broker compiles its code while it works: what that takes from the engine is no matter of
 * either. Runs that count for nothing. */
static void warm_up(const struct settings *settings)
{
    struct bench_run_options whole = run_options(settings);
    for (int64_t i = 0; i < settings->warm_ups; i++) {
        struct bench_result result = bench_run_whole(&whole, (uint32_t)settings->deals);
        (void)printf("warm-up: engine %" PRId64 "/s, not counted\n",
                     bench_rate(result.commands, result.took_us));
        (void)fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static struct figures figures;
    struct settings settings = {.deals = 20000,
                                .deals_one = 1000,
                                .deals_peer = 5000,
                                .rounds = 3,
                                .threads = 2,
                                .linger_ms = 5,
                                .warm_ups = WARM_UPS,
                                .paced = 1000};
    struct arena arena;
    arena_init(&arena, BENCH_OFFER_ARENA_BYTES);
    bench_options_read(&settings, options, ARRAY_LEN(options), argc, argv);
    (void)printf("%" PRId64 " commands over %" PRId64 " escrows, %" PRId64
                 " engine threads, fsync on, acks=all\n",
                 settings.deals * BENCH_PHASES, settings.deals, settings.threads);
    (void)fflush(stdout);
    warm_up(&settings);
    for (uint32_t round = 0; round < settings.rounds; round++) {
        run_round(&settings, &arena, round, &figures);
    }
    arena_fini(&arena);
    (void)printf("\n");
    bench_series_print(&figures.speed, "decided, saved, published", "/s");
    bench_series_print(&figures.floor, "PostgreSQL alone, the same statements", "/s");
    bench_series_print(&figures.one, "this engine with a batch limit of 1", "/s");
    bench_series_print(&figures.peer, "the peer in Node", "/s");
    bench_series_print_ratio(&figures.to_floor, "engine / PostgreSQL alone");
    bench_series_print_ratio(&figures.to_one, "engine / batch limit of 1");
    bench_series_print_ratio(&figures.to_peer, "engine / peer in Node");
    bench_series_print(&figures.p50, "from produce to event, p50", " us");
    bench_series_print(&figures.p99, "from produce to event, p99", " us");
    bench_series_print(&figures.idle_mb, "RssAnon of the engine's process, idle", " MB");
    bench_series_print(&figures.busy_mb, "RssAnon of the engine's process, draining", " MB");
    return 0;
}
