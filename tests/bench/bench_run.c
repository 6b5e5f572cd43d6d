#include "bench_run.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "bench_report.h"
#include "engine/bus_kafka.h"
#include "testing/testing_kafka.h"

#define GROUND_ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define STALL_US ((int64_t)60 * 1000 * 1000)

void bench_ground_init(struct bench_ground *ground)
{
    *ground = (struct bench_ground){.brokers = testing_kafka_real()};
    arena_init(&ground->arena, GROUND_ARENA_BYTES);
    ground->op = (struct op){.arena = &ground->arena, .correlation_id = STR("bench")};
    ground->pg = testing_pg_new("escrow");
    if (!ground->pg || ground->brokers.len == 0) {
        bench_end("HOLDFAST_TEST_KAFKA and HOLDFAST_TEST_DATABASE_URL are not set");
    }
    ground->prefix = testing_kafka_prefix(&ground->op);
    bench_must(&ground->op, testing_kafka_create(&ground->op, ground->brokers, ground->prefix),
               "topics");
}

void bench_ground_fini(struct bench_ground *ground)
{
    testing_kafka_drop(&ground->op, ground->brokers, ground->prefix);
    testing_pg_free(ground->pg);
    arena_fini(&ground->arena);
}

void bench_run_open(struct bench_run *run, struct bench_ground *ground,
                    const struct bench_run_options *options)
{
    *run = (struct bench_run){.ground = ground,
                              .child_count = options->processes ? options->processes : 1,
                              .replay = options->record ? testing_pg_new("escrow") : NULL};
    const struct bench_child_options child_options = {
        .database_url = testing_pg_url(ground->pg),
        .replay_url = run->replay ? testing_pg_url(run->replay) : STR(""),
        .brokers = ground->brokers,
        .topic_prefix = ground->prefix,
        .threads = options->threads,
        .batch_max = options->batch_max,
        .linger_ms = options->linger_ms,
        .processes = run->child_count,
        .record = options->record};
    for (uint32_t i = 0; i < run->child_count; i++) {
        run->children[i] = bench_child_start(&child_options);
    }
    for (uint32_t i = 0; i < run->child_count; i++) {
        bench_child_wait_ready(&run->children[i]);
    }
    run->result.rss_idle_kb = bench_child_rss_kb(&run->children[0]);
    const struct bus_kafka_options bus_options = {.brokers = ground->brokers,
                                                  .client_id = STR("bench-parent"),
                                                  .source = STR("bench"),
                                                  .topic_prefix = ground->prefix,
                                                  .linger_ms = 2};
    bench_must(&ground->op, bus_kafka_open(&ground->op, &bus_options, &run->bus), "bus");
}

void bench_run_go(struct bench_run *run, bool go)
{
    for (uint32_t i = 0; i < run->child_count; i++) {
        atomic_store(&run->children[i].control->go, go);
    }
}

static uint64_t published_by(const struct bench_run *run)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < run->child_count; i++) {
        sum += atomic_load(&run->children[i].control->published);
    }
    return sum;
}

static uint64_t decided_by(const struct bench_run *run)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < run->child_count; i++) {
        sum += atomic_load(&run->children[i].control->decided);
    }
    return sum;
}

/* Now: until go, nobody pauses for long. Each of several knows only what is its own to wait for, about. */
static void set_awaited(struct bench_run *run)
{
    for (uint32_t i = 0; i < run->child_count; i++) {
        struct bench_control *control = run->children[i].control;
        uint64_t left = run->published - published_by(run);
        atomic_store(&control->awaited, atomic_load(&control->published) + left / run->child_count);
    }
}

/* A phase ends when as much is published as it leads to. Were that more than is written down, the rest would be done
 * while nobody looks at the clock, and every figure would be too good. */
static void check_done(const struct bench_run *run)
{
    if (decided_by(run) != run->decided || published_by(run) != run->published) {
        bench_end("%" PRIu64 " messages led to %" PRIu64 " records, not %" PRIu64 " to %" PRIu64,
                  decided_by(run), published_by(run), run->decided, run->published);
    }
}

/* Until what the phase leads to is acknowledged. No progress for a minute ends the benchmark. */
static void wait_published(const struct bench_run *run)
{
    uint64_t seen = 0;
    int64_t seen_us = clock_mono_us();
    while (seen < run->published) {
        uint64_t now = published_by(run);
        if (now != seen) {
            seen = now;
            seen_us = clock_mono_us();
        } else if (clock_mono_us() - seen_us > STALL_US) {
            bench_end("the engine stands at %" PRIu64 " of %" PRIu64 " records", seen,
                      run->published);
        }
        for (uint32_t i = 0; i < run->child_count; i++) {
            bench_child_check(&run->children[i]);
        }
        bench_child_pause(run->children[0].control);
    }
}

void bench_run_deals(struct bench_run *run, uint32_t deals, uint32_t phases)
{
    struct bench_deals *group = bench_deals_new(deals, &run->ground->numbers);
    for (uint32_t phase = 0; phase < phases; phase++) {
        bench_deals_prepare(group, phase);
        bench_run_go(run, false);
        bench_deals_produce(group, run->bus);
        run->decided += deals;
        run->published += bench_deals_outputs(group, phase);
        int64_t began_us = clock_mono_us();
        bench_run_go(run, true);
        set_awaited(run);
        wait_published(run);
        run->result.took_us += clock_mono_us() - began_us;
        run->result.commands += deals;
        check_done(run);
        int64_t rss_kb = bench_child_rss_kb(&run->children[0]);
        run->result.rss_busy_kb =
            rss_kb > run->result.rss_busy_kb ? rss_kb : run->result.rss_busy_kb;
        bench_deals_read_legs(group, phase, run->bus);
    }
    bench_deals_free(group);
}

int64_t bench_run_replay(struct bench_run *run)
{
    struct bench_control *control = run->children[0].control;
    ASSERT(run->child_count == 1);
    atomic_store(&control->replay, true);
    while (!atomic_load(&control->replayed)) {
        bench_child_check(&run->children[0]);
        bench_child_pause(control);
    }
    return atomic_load(&control->replay_us);
}

struct bench_result bench_run_close(struct bench_run *run)
{
    for (uint32_t i = 0; i < run->child_count; i++) {
        struct bench_child *child = &run->children[i];
        run->result.cpu_us += bench_child_cpu_us(child);
        run->result.batches += (int64_t)atomic_load(&child->control->batches);
        bench_child_stop(child);
    }
    run->bus->ops->close(run->bus);
    testing_pg_free(run->replay);
    return run->result;
}

struct bench_result bench_run_whole(const struct bench_run_options *options, uint32_t deals)
{
    struct bench_ground ground;
    struct bench_run run;
    bench_ground_init(&ground);
    bench_run_open(&run, &ground, options);
    bench_run_deals(&run, deals, BENCH_PHASES);
    struct bench_result result = bench_run_close(&run);
    bench_ground_fini(&ground);
    return result;
}

int64_t bench_run_floor(const struct bench_run_options *options, uint32_t deals)
{
    struct bench_ground ground;
    struct bench_run run;
    struct bench_run_options recorded = *options;
    recorded.record = true;
    bench_ground_init(&ground);
    bench_run_open(&run, &ground, &recorded);
    bench_run_deals(&run, deals, BENCH_PHASES);
    int64_t took_us = bench_run_replay(&run);
    struct bench_result result = bench_run_close(&run);
    bench_ground_fini(&ground);
    return bench_rate(result.commands, took_us);
}
