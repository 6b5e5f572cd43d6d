/*
 * Engines over the simulated ports, stepped in turn. A process that dies in a call is taken away by
 * sim_world_bury, after its turn: inside the call its engine is still on the stack.
 */
#include "sim_world.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/lane.h"

#define WORLD_ARENA_BYTES ((size_t)1024 * 1024 * 1024) /* a bound, not a need */
#define DRAIN_MS 5000
#define START_MONO_US INT64_C(1000000)

/* Engines have seeds of their own, and 0 is none. */
static uint64_t seed_of(const struct sim_world *world, uint32_t number)
{
    struct random random = random_seeded(world->seed + number * UINT64_C(0x9e3779b97f4a7c15));
    return random_next(&random) | 1;
}

struct sim_world *sim_world_open(uint64_t seed)
{
    struct sim_world *world = calloc(1, sizeof(*world));
    ASSERT(world);
    world->clock = (struct clock_fake){.mono_us = START_MONO_US, .wall_us = SIM_WORLD_START_US};
    clock_use_fake(&world->clock);
    world->seed = seed;
    world->random = random_seeded(seed);
    arena_init(&world->arena, WORLD_ARENA_BYTES);
    world->op = (struct op){.arena = &world->arena, .now_us = SIM_WORLD_START_US};
    world->kafka = sim_kafka_new(&world->clock);
    world->limits = engine_default_limits();
    return world;
}

void sim_world_close(struct sim_world *world)
{
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        if (world->processes[i].engine) {
            sim_world_kill(&world->processes[i]);
        }
    }
    for (uint32_t i = 0; i < world->service_count; i++) {
        sim_db_free(world->services[i].db);
    }
    sim_kafka_free(world->kafka);
    arena_fini(&world->arena);
    clock_use_fake(NULL);
    free(world);
}

uint32_t sim_world_add(struct sim_world *world, const struct engine_service *service)
{
    ASSERT(world->service_count < SIM_WORLD_SERVICES_MAX);
    world->services[world->service_count] =
        (struct sim_world_service){.service = service, .db = sim_db_new(&world->clock)};
    return world->service_count++;
}

void sim_world_connect(struct sim_world *world, uint32_t service, const struct sim_outside_ops *ops,
                       void *outside)
{
    world->services[service].outside_ops = ops;
    world->services[service].outside = outside;
}

/* ---- Processes ---- */

static void heard(void *context, enum sim_step step, const char *about, enum status_kind kind,
                  bool got)
{
    const struct sim_process *process = context;
    const struct sim_world_watch *watch = &process->world->watch;
    (void)step; /* process->fault.step is the same */
    process->world->steps++;
    if (watch->heard) {
        watch->heard(watch->context, process, about, kind, got);
    }
}

static void struck(void *context, enum sim_strike strike, enum sim_step step)
{
    const struct sim_process *process = context;
    const struct sim_world_watch *watch = &process->world->watch;
    (void)step;
    if (watch->struck) {
        watch->struck(watch->context, process, strike);
    }
}

static void lived(const struct sim_process *process, const char *what)
{
    const struct sim_world_watch *watch = &process->world->watch;
    if (watch->lived) {
        watch->lived(watch->context, process, what);
    }
}

struct sim_process *sim_world_start(struct sim_world *world, uint32_t service)
{
    uint32_t place = 0;
    while (place < SIM_WORLD_PROCESSES_MAX && world->processes[place].engine) {
        place++;
    }
    if (place == SIM_WORLD_PROCESSES_MAX) {
        return NULL;
    }
    const struct sim_world_service *kind = &world->services[service];
    struct sim_process *process = &world->processes[place];
    *process = (struct sim_process){
        .world = world, .service = service, .place = place, .number = ++world->started};
    process->is_older = kind->older && kind->starts_older;
    process->watch = (struct sim_watch){.heard = heard, .struck = struck, .context = process};
    process->fault.watch = &process->watch;
    struct engine_ports ports = {
        .store = sim_fault_store(&process->fault, sim_db_store(kind->db)),
        .bus = sim_fault_bus(&process->fault, sim_kafka_bus(world->kafka)),
    };
    if (kind->outside_ops) {
        ports.caller = sim_fault_caller_init(&process->caller, &process->fault,
                                             kind->outside_ops->connect(kind->outside, place));
    }
    struct engine_limits limits = world->limits;
    limits.seed = seed_of(world, process->number);
    process->engine = engine_new(process->is_older ? kind->older : kind->service, ports, limits, 0);
    lived(process, process->is_older ? "started, of the older version" : "started");
    return process;
}

static void end(struct sim_process *process, const char *how)
{
    const struct sim_world_service *kind = &process->world->services[process->service];
    ASSERT(!process->inside);
    lived(process, how);
    engine_free(process->engine);
    process->engine = NULL;
    if (kind->outside_ops) {
        kind->outside_ops->hang_up(kind->outside, process->place);
    }
}

void sim_world_kill(struct sim_process *process)
{
    process->fault.dead = true; /* what its end would still do, it does not do */
    end(process, "killed");
}

/* What it does from now on it does by its own machine's clock. Returns how wrong that of the turn around it is:
 * turns are within turns, where somebody hangs in a call. */
static int64_t enter(struct sim_process *process)
{
    struct clock_fake *clock = &process->world->clock;
    int64_t outer_us = clock->ahead_us;
    process->inside = true;
    clock->ahead_us = process->ahead_us;
    return outer_us;
}

static void leave(struct sim_process *process, int64_t outer_us)
{
    struct clock_fake *clock = &process->world->clock;
    process->inside = false;
    process->ahead_us = clock->ahead_us;
    clock->ahead_us = outer_us;
}

void sim_world_stop(struct sim_process *process)
{
    int64_t outer_us = enter(process);
    engine_drain(process->engine, DRAIN_MS);
    leave(process, outer_us);
    end(process, process->fault.dead ? "crashed" : "stopped");
}

void sim_world_bury(struct sim_world *world)
{
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        struct sim_process *process = &world->processes[i];
        if (process->engine && process->fault.dead && !process->inside) {
            end(process, "crashed");
        }
    }
}

bool sim_process_lives(const struct sim_process *process)
{
    return process->engine && !process->fault.dead;
}

uint32_t sim_world_living(const struct sim_world *world, uint32_t service)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        const struct sim_process *process = &world->processes[i];
        count += process->service == service && sim_process_lives(process) ? 1 : 0;
    }
    return count;
}

/* ---- Time ---- */

void sim_world_turn(struct sim_process *process)
{
    if (!sim_process_lives(process) || process->frozen || process->inside) {
        return;
    }
    int64_t outer_us = enter(process);
    status_ignore(engine_step(process->engine, 0), "what it cannot act on is in its lane's row");
    leave(process, outer_us);
}

void sim_world_turns(struct sim_world *world)
{
    uint32_t first = (uint32_t)random_below(&world->random, SIM_WORLD_PROCESSES_MAX);
    uint32_t stride =
        1 + 2 * (uint32_t)random_below(&world->random, 2) * 2; /* 1 or 5: no divisor of 24 */
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        sim_world_turn(&world->processes[(first + i * stride) % SIM_WORLD_PROCESSES_MAX]);
    }
    sim_world_bury(world);
}

void sim_world_pass(struct sim_world *world, int64_t us)
{
    world->clock.mono_us += us;
    world->clock.wall_us += us;
}

void sim_world_run(struct sim_world *world, int64_t us, int64_t turn_us)
{
    for (int64_t until_us = world->clock.mono_us + us; world->clock.mono_us < until_us;) {
        sim_world_turns(world);
        sim_world_pass(world, turn_us);
    }
}

/* ---- What comes from elsewhere ---- */

void sim_world_append(struct sim_world *world, struct bus_message message, struct id key)
{
    char text[ID_TEXT_BYTES];
    id_format(key, text);
    message.partition = lane_of_key(key);
    message.key = (struct str){.ptr = text, .len = ID_TEXT_BYTES - 1};
    if (message.n == SIM_WORLD_NEXT_N) {
        message.n = ++world->numbered[message.topic][message.partition];
        message.committed_at_us = world->clock.wall_us;
    }
    sim_kafka_append(world->kafka, &message);
}
