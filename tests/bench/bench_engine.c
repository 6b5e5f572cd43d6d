/*
 * bench-engine: escrow's engine against its floors, in turns in the same run. A child process runs the
 * engine's threads as the service does; this process plays gateway and payments.
 *
 *   engine   commands drained from Kafka, decided, saved, published, acknowledged
 *   floor    the same statements with the same rows from a tape, nothing else: PostgreSQL alone
 *   one      the engine with a batch limit of 1
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "bench_child.h"
#include "bench_deal.h"
#include "bench_latency.h"
#include "bench_probe.h"
#include "engine/bus_kafka.h"
#include "engine/engine.h"
#include "testing/testing_kafka.h"
#include "testing/testing_pg.h"

#define ROUNDS_MAX 15
#define PARENT_ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define STALL_US ((int64_t)60 * 1000 * 1000)
/* The compiler takes half of the broker's time after 100,000 messages, still a tenth after 1.5 million. */
#define WARM_UPS 2

struct settings {
    int64_t escrows;
    int64_t escrows_one; /* of the variant with a batch limit of 1 */
    int64_t rounds;
    int64_t threads;
    int64_t linger_ms;
};

/* One run over whole deals. */
struct result {
    int64_t commands;
    int64_t took_us;
    int64_t floor_us; /* of the replay, when it was recorded */
    int64_t cpu_us;   /* of the engine's process */
    int64_t batches;
    int64_t rss_idle_kb, rss_busy_kb;
};

static void must(struct op *op, struct status st, const char *what)
{
    if (status_failed(st)) {
        (void)fprintf(stderr, "bench: %s: %s: %s\n", what, op->err.code, op->err.msg);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
        exit(1); /* LINT-OK: a benchmark that cannot go on */
    }
}

static int64_t rate(int64_t commands, int64_t took_us)
{
    return took_us == 0 ? 0 : commands * 1000000 / took_us;
}

static int64_t percent_of(int64_t part, int64_t whole)
{
    return whole == 0 ? 0 : 100 * part / whole;
}

/* A phase ends when as much is published as it leads to. Were that more than is written down, the rest would be done
 * while nobody looks at the clock, and every figure would be too good. */
static void check_done(const struct bench_child *child, uint64_t decided, uint64_t published)
{
    const struct bench_control *control = child->control;
    if (atomic_load(&control->decided) != decided ||
        atomic_load(&control->published) != published) {
        (void)fprintf(stderr,
                      "bench-engine: %" PRIu64 " messages led to %" PRIu64 " records, not %" PRIu64
                      " to %" PRIu64 "\n",
                      atomic_load(&control->decided), atomic_load(&control->published), decided,
                      published);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
        exit(1); /* LINT-OK: a benchmark that counts wrong */
    }
}

/* Until what the phase leads to is acknowledged. No progress for a minute ends the benchmark. */
static void wait_published(struct bench_child *child, uint64_t published)
{
    uint64_t seen = 0;
    int64_t seen_us = clock_mono_us();
    while (seen < published) {
        uint64_t now = atomic_load(&child->control->published);
        if (now != seen) {
            seen = now;
            seen_us = clock_mono_us();
        } else if (clock_mono_us() - seen_us > STALL_US) {
            (void)fprintf(
                stderr, "bench-engine: the engine stands at %" PRIu64 " of %" PRIu64 " messages\n",
                seen, published);
            /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
            exit(1); /* LINT-OK: a benchmark that cannot go on */
        }
        bench_child_check(child);
        bench_child_pause(child->control);
    }
}

/* Times all phases: from the moment the records are in Kafka until what they led to is acknowledged. */
static void run_phases(struct bench_child *child, struct bench_deals *deals, struct bus *bus,
                       struct result *result)
{
    struct bench_control *control = child->control;
    uint64_t of_each_phase = (uint64_t)result->commands / BENCH_PHASES;
    uint64_t published = 0;
    for (uint32_t phase = 0; phase < BENCH_PHASES; phase++) {
        bench_deals_prepare(deals, phase);
        atomic_store(&control->go, false);
        bench_deals_produce(deals, bus);
        published += bench_deals_outputs(deals, phase);
        int64_t began_us = clock_mono_us();
        atomic_store(&control->go, true);
        atomic_store(&control->awaited, published); /* now: until go, nobody pauses for long */
        wait_published(child, published);
        result->took_us += clock_mono_us() - began_us;
        check_done(child, (phase + 1) * of_each_phase, published);
        int64_t rss_kb = bench_child_rss_kb(child);
        result->rss_busy_kb = rss_kb > result->rss_busy_kb ? rss_kb : result->rss_busy_kb;
        bench_deals_read_legs(deals, phase, bus);
    }
}

static struct result run(const struct settings *settings, uint32_t escrows, uint32_t batch_max,
                         bool record)
{
    struct arena arena;
    arena_init(&arena, PARENT_ARENA_BYTES);
    struct op op = {.arena = &arena, .correlation_id = STR("bench")};
    struct result result = {.commands = (int64_t)escrows * BENCH_PHASES};
    DEFER(testing_pg_free_at) struct testing_pg *pg = testing_pg_new("escrow");
    DEFER(testing_pg_free_at) struct testing_pg *replay = record ? testing_pg_new("escrow") : NULL;
    struct str brokers = testing_kafka_real();
    struct str prefix = testing_kafka_prefix(&op);
    must(&op, testing_kafka_create(&op, brokers, prefix), "topics");
    struct bench_child_options options = {.database_url = testing_pg_url(pg),
                                          .replay_url = record ? testing_pg_url(replay) : STR(""),
                                          .brokers = brokers,
                                          .topic_prefix = prefix,
                                          .threads = (uint32_t)settings->threads,
                                          .batch_max = batch_max,
                                          .linger_ms = (uint32_t)settings->linger_ms,
                                          .record = record};
    struct bench_child child = bench_child_start(&options);
    bench_child_wait_ready(&child);
    result.rss_idle_kb = bench_child_rss_kb(&child);
    struct bus_kafka_options bus_options = {.brokers = brokers,
                                            .client_id = STR("bench-parent"),
                                            .source = STR("bench"),
                                            .topic_prefix = prefix,
                                            .linger_ms = 2};
    struct bus *bus;
    must(&op, bus_kafka_open(&op, &bus_options, &bus), "bus");
    struct bench_deals *deals = bench_deals_new(escrows);
    run_phases(&child, deals, bus, &result);
    result.cpu_us = bench_child_cpu_us(&child);
    result.batches = (int64_t)atomic_load(&child.control->batches);
    if (record) {
        atomic_store(&child.control->replay, true);
        while (!atomic_load(&child.control->replayed)) {
            bench_child_check(&child);
            bench_child_pause(child.control);
        }
        result.floor_us = atomic_load(&child.control->replay_us);
    }
    bench_child_stop(&child);
    bench_deals_free(deals);
    bus->ops->close(bus);
    testing_kafka_drop(&op, brokers, prefix);
    arena_fini(&arena);
    return result;
}

/* ---- Reports: ratios in hundredths, without floating point ---- */

static void print_ratio(const char *name, int64_t *percent, uint32_t count)
{
    int64_t median = bench_median(percent, count); /* sorts */
    (void)printf("%-44s %" PRId64 ".%02" PRId64 "   (%" PRId64 ".%02" PRId64 " to %" PRId64
                 ".%02" PRId64 ")\n",
                 name, median / 100, median % 100, percent[0] / 100, percent[0] % 100,
                 percent[count - 1] / 100, percent[count - 1] % 100);
}

static void print_round(uint32_t round, const struct result *engine, const struct result *recorded,
                        const struct result *one)
{
    (void)printf("round %" PRIu32 ": engine %" PRId64 "/s (%" PRId64 " per batch, %" PRId64
                 " us CPU each), PostgreSQL alone %" PRId64 "/s, batch limit 1 %" PRId64
                 "/s; RssAnon idle %" PRId64 " MB, draining %" PRId64
                 " MB; probes: SHA-256 %" PRId64 " ns, fsync %" PRId64 " us\n",
                 round + 1, rate(engine->commands, engine->took_us),
                 engine->commands / (engine->batches + 1), engine->cpu_us / engine->commands,
                 rate(recorded->commands, recorded->floor_us), rate(one->commands, one->took_us),
                 engine->rss_idle_kb / 1024, engine->rss_busy_kb / 1024, bench_probe_sha_ns(),
                 bench_probe_fsync_us());
    (void)fflush(stdout);
}

static void compare(const struct settings *settings)
{
    int64_t speed[ROUNDS_MAX];
    int64_t to_floor[ROUNDS_MAX];
    int64_t to_one[ROUNDS_MAX];
    /* A fresh broker compiles its code while it works: what that takes from the engine is no matter of
     * either. Runs that count for nothing. */
    for (uint32_t i = 0; i < WARM_UPS; i++) {
        struct result warm_up =
            run(settings, (uint32_t)settings->escrows, ENGINE_BATCH_MAX, /* record */ false);
        (void)printf("warm-up: engine %" PRId64 "/s, not counted\n",
                     rate(warm_up.commands, warm_up.took_us));
    }
    for (uint32_t round = 0; round < settings->rounds; round++) {
        struct result engine =
            run(settings, (uint32_t)settings->escrows, ENGINE_BATCH_MAX, /* record */ false);
        struct result recorded =
            run(settings, (uint32_t)settings->escrows, ENGINE_BATCH_MAX, /* record */ true);
        struct result one = run(settings, (uint32_t)settings->escrows_one, 1, /* record */ false);
        print_round(round, &engine, &recorded, &one);
        speed[round] = rate(engine.commands, engine.took_us);
        to_floor[round] = percent_of(speed[round], rate(recorded.commands, recorded.floor_us));
        to_one[round] = percent_of(speed[round], rate(one.commands, one.took_us));
    }
    uint32_t count = (uint32_t)settings->rounds;
    (void)printf("\n%-44s %" PRId64 "/s (median of %" PRIu32 ")\n", "decided, saved, published",
                 bench_median(speed, count), count);
    print_ratio("against PostgreSQL alone, the same statements", to_floor, count);
    print_ratio("against this engine with a batch limit of 1", to_one, count);
}

/* "--escrows 20000" */
static bool read_option(struct settings *settings, const char *name, const char *text)
{
    static const struct {
        const char *name;
        size_t offset;
        int64_t min, max;
    } options[] = {{"--escrows", offsetof(struct settings, escrows), 100, 1000000},
                   {"--escrows-one", offsetof(struct settings, escrows_one), 10, 1000000},
                   {"--rounds", offsetof(struct settings, rounds), 0, ROUNDS_MAX},
                   {"--linger-ms", offsetof(struct settings, linger_ms), 0, 100},
                   {"--threads", offsetof(struct settings, threads), 1, ENGINE_THREADS_MAX}};

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        int64_t value;
        if (str_eq(str_of(name), str_of(options[i].name)) && str_to_i64(str_of(text), &value) &&
            value >= options[i].min && value <= options[i].max) {
            *(int64_t *)(void *)((char *)settings + options[i].offset) = value;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .escrows = 20000, .escrows_one = 1000, .rounds = 3, .threads = 2, .linger_ms = 5};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!read_option(&settings, argv[i], argv[i + 1])) {
            (void)fprintf(stderr, "bench-engine: --escrows N, --escrows-one N, --rounds N, "
                                  "--threads N, --linger-ms N\n");
            return 2;
        }
    }
    if (testing_kafka_real().len == 0) {
        (void)fprintf(
            stderr,
            "bench-engine: HOLDFAST_TEST_KAFKA and HOLDFAST_TEST_DATABASE_URL are not set\n");
        return TESTING_SKIPPED;
    }
    (void)printf("%" PRId64 " commands over %" PRId64 " escrows, %" PRId64
                 " engine threads, fsync on, acks=all\n",
                 settings.escrows * BENCH_PHASES, settings.escrows, settings.threads);
    (void)fflush(stdout);
    if (settings.rounds > 0) { /* else: the latency alone */
        compare(&settings);
    }
    bench_latency((uint32_t)settings.threads);
    return 0;
}
