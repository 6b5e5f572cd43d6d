/* Processes and time; the rest is in world_input.c, world_look.c and world_check.c. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "sim/sim_kafka.h"
#include "world_internal.h"

#define WORLD_ARENA_BYTES ((size_t)512 * 1024 * 1024)
#define STEP_MS 5
#define IDLE_STEPS \
    20 /* after so many without a commit or a record, nothing but time is waited for */
#define IDLE_STEP_MS 40 /* less than any beat of the engine */
#define DRAIN_MS 5000
#define TESTS_MAX 64
#define SKIPPED 77

void world_must(struct world *world, struct status st)
{
    if (status_failed(st)) {
        print_error("%s: %s\n", world->op.err.code, world->op.err.msg);
    }
    assert_false(status_failed(st));
}

void world_opened(struct world *world)
{
    arena_init(&world->arena, WORLD_ARENA_BYTES);
    world->op = (struct op){.arena = &world->arena, .correlation_id = STR("test")};
    world->service = &toy_service;
    world->slots = SIM_CALLER_SLOTS_MAX;
    world->reader = world->ops->new_store(world);
    world_must(world, world->reader->ops->connect(&world->op, world->reader));
    world->producer = world->ops->new_bus(world);
    world->clock_us = clock_wall_us();
    toy_reset();
}

void world_close(struct world *world)
{
    for (uint32_t i = 0; i < world->process_count; i++) {
        world_kill(&world->processes[i]);
    }
    world->reader->ops->close(world->reader);
    world->producer->ops->close(world->producer);
    arena_fini(&world->arena);
    world->ops->close(world);
    toy_reset();
}

/* ---- The test program ---- */

static bool real;

static void run_one(void **state)
{
    const struct world_test *test = *state;
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    if (real) {
        assert_true(world_open_real(world));
    } else {
        world_open_sim(world);
    }
    test->run(world);
    world_close(world);
    free(world);
}

static bool wanted(const struct world_test *test, const char *word)
{
    enum world_pairs not_here = real ? WORLD_SIM_ONLY : WORLD_REAL_ONLY;
    return test->pairs != not_here && (!word || strstr(test->name, word));
}

int world_main(int argc, char **argv, const struct world_test *tests, uint32_t test_count)
{
    struct CMUnitTest units[TESTS_MAX];
    uint32_t count = 0;
    real = argc > 1 && strcmp(argv[1], "--real") == 0;
    for (uint32_t i = 0; i < test_count; i++) {
        if (wanted(&tests[i], argc > 2 ? argv[2] : NULL)) {
            assert_true(count < TESTS_MAX);
            units[count++] = (struct CMUnitTest){.name = tests[i].name,
                                                 .test_func = run_one,
                                                 .initial_state = (void *)(uintptr_t)&tests[i]};
        }
    }
    if (real && !world_real_is_there()) {
        print_message("skipped: HOLDFAST_TEST_DATABASE_URL or HOLDFAST_TEST_KAFKA is not set\n");
        return SKIPPED;
    }
    if (count == 0) {
        print_error("there is no such test\n");
        return 1;
    }
    return _cmocka_run_group_tests(real ? "real" : "sim", units, count, NULL, NULL);
}

/* ---- Processes ---- */

struct process *world_start(struct world *world)
{
    uint32_t at = 0;
    while (at < world->process_count && world->processes[at].engine) {
        at++;
    }
    assert_true(at < WORLD_PROCESSES_MAX);
    world->process_count += at == world->process_count ? 1 : 0;
    struct process *process = &world->processes[at];
    *process = (struct process){.world = world};
    struct engine_ports ports = {
        .store = sim_fault_store(&process->fault, world->ops->new_store(world)),
        .bus = sim_fault_bus(&process->fault, world->ops->new_bus(world)),
        .caller = sim_fault_caller_init(
            &process->faulted_caller, &process->fault,
            sim_caller_init(&process->caller, &world->outside, world->slots))};
    process->engine = engine_new(world->service, ports, world->limits, 0);
    if (world->limits.seed != 0) {
        world->limits.seed++;
    }
    return process;
}

void world_kill(struct process *process)
{
    process->fault.dead = true;
    engine_free(process->engine);
    process->engine = NULL;
}

void world_end(struct process *process)
{
    engine_drain(process->engine, DRAIN_MS);
    engine_free(process->engine);
    process->engine = NULL;
}

/* Simulated time passes in big steps while only time is waited for. */
static int64_t simulated_step_ms(struct world *world)
{
    uint64_t done = 0;
    for (uint32_t i = 0; i < world->process_count; i++) {
        done += (uint64_t)world->processes[i].fault.commits;
    }
    for (int t = 0; t < TOPIC_COUNT; t++) {
        for (int32_t p = 0; p < LANES; p++) {
            done += t == TOY_CLOCK ? 0 : sim_kafka_count(world->kafka, (enum topic)t, p);
        }
    }
    world->idle_steps = done == world->done_before ? world->idle_steps + 1 : 0;
    world->done_before = done;
    return world->idle_steps > IDLE_STEPS ? IDLE_STEP_MS : STEP_MS;
}

void world_step(struct world *world)
{
    for (uint32_t i = 0; i < world->process_count; i++) {
        struct process *process = &world->processes[i];
        if (process->engine && !process->frozen && !process->fault.dead) {
            status_ignore(engine_step(process->engine, world->simulated ? 0 : STEP_MS),
                          "checks tell");
        }
    }
    if (world->simulated) {
        world->ops->advance(world, simulated_step_ms(world));
    }
}

bool world_run(struct world *world, bool (*done)(struct world *world, const void *context),
               const void *context, int64_t max_ms)
{
    int64_t until_ms = clock_mono_ms() + max_ms;
    while (!done(world, context)) {
        if (clock_mono_ms() >= until_ms) {
            return false;
        }
        world_step(world);
    }
    return true;
}

void world_run_for(struct world *world, int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < until_ms) {
        world_step(world);
    }
}

uint32_t world_lanes_held(const struct process *process)
{
    return atomic_load(&engine_stats(process->engine)->lanes_held);
}

static int64_t next_offset(const struct lane_in_row *rows, uint32_t count, int32_t lane,
                           enum topic topic)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].lane == lane && str_eq(rows[i].topic, str_of(topology_topics[topic].name))) {
            return rows[i].next_offset;
        }
    }
    return 0;
}

bool world_is_settled(struct world *world, const void *context)
{
    static const enum topic inputs[] = {TOY_COMMANDS, TOY_SIGNALS};

    bool busy[LANES] = {false};
    const void *rows;
    (void)context;

    uint32_t count = world_rows(world, &engine_lane_in_table, &rows);
    for (int32_t p = 0; p < LANES; p++) {
        for (uint32_t t = 0; t < ARRAY_LEN(inputs); t++) {
            busy[p] |= next_offset(rows, count, p, inputs[t]) < world->appended[inputs[t]][p];
        }
    }
    count = world_rows(world, &engine_lane_out_table, &rows);
    const struct lane_out_row *out = rows;
    for (uint32_t i = 0; i < count; i++) {
        busy[out[i].lane] |= out[i].published_n + 1 != out[i].next_n;
    }
    for (int32_t p = 0; p < LANES; p++) {
        if (busy[p] && !world->ops->lane(world, p).stopped) {
            return false;
        }
    }
    return true;
}

void world_settle(struct world *world)
{
    world_await(world, world_is_settled, NULL);
}
