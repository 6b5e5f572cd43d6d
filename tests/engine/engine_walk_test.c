/*
 * A random walk: processes that die, sleep, lose commits, lose sight of servers, while records come,
 * come again and are lost. In the end all must be as the books of the writer say.
 * usage: engine_walk_test --sim | --seed N | --seeds A..B
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/lane.h"
#include "base/str.h"
#include "engine_books.h"
#include "sim/sim_db.h"
#include "sim/sim_kafka.h"

#define SEEDS 200
#define ROUNDS 40
#define ALIVE_MAX 3
#define PLENTY 100000
#define LEASE_MS 1000
#define HEARTBEAT_MS 200
#define END_ROUNDS_MAX 1000
#define FAILURE 1

struct nap {
    struct walk *walk;
    struct process *sleeper;
};

struct walk {
    struct world *world;
    struct nap naps[WORLD_PROCESSES_MAX]; /* of each process */
    struct random random;
    struct books books;
    bool asleep; /* one process sleeps inside a call: the others go on below it */
};

static uint32_t below(struct walk *walk, uint32_t bound)
{
    return (uint32_t)random_below(&walk->random, bound);
}

/* ---- Processes ---- */

static struct process *some_process(struct walk *walk)
{
    struct process *chosen = NULL;
    uint32_t alive = 0;
    for (uint32_t i = 0; i < walk->world->process_count; i++) {
        struct process *process = &walk->world->processes[i];
        if (process->engine && !process->fault.dead && below(walk, ++alive) == 0) {
            chosen = process;
        }
    }
    return chosen;
}

static uint32_t alive(const struct walk *walk)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < walk->world->process_count; i++) {
        const struct process *process = &walk->world->processes[i];
        count += process->engine && !process->fault.dead ? 1 : 0;
    }
    return count;
}

/* Those that died at a call are no more. */
static void bury(struct walk *walk)
{
    for (uint32_t i = 0; i < walk->world->process_count; i++) {
        struct process *process = &walk->world->processes[i];
        if (process->engine && process->fault.dead) {
            world_kill(process);
        }
    }
}

static void run(struct walk *walk, uint32_t ms_max)
{
    world_run_for(walk->world, 5 + below(walk, ms_max));
    if (!walk->asleep) {
        bury(walk);
    }
}

static void sleep_in_call(void *context)
{
    struct nap *mine = context;
    if (mine->walk->asleep) {
        return; /* one at a time */
    }
    mine->walk->asleep = true;
    mine->sleeper->frozen = true;
    if (alive(mine->walk) < ALIVE_MAX) {
        world_start(mine->walk->world);
    }
    run(mine->walk, 3 * LEASE_MS);
    mine->sleeper->frozen = false;
    mine->walk->asleep = false;
}

static void trouble_process(struct walk *walk)
{
    struct process *process = some_process(walk);
    if (!process) {
        return;
    }
    switch (below(walk, 9)) {
    case 0: world_kill(process); break;
    case 1: process->fault.crash_at = process->fault.calls + 1 + below(walk, 300); break;
    case 2:
        process->fault.lose_commit_at = process->fault.commits + 1 + below(walk, 3);
        process->fault.lose_committed = below(walk, 2) == 0;
        break;
    case 3:
        process->fault.pause = sleep_in_call;
        process->fault.context = &walk->naps[process - walk->world->processes];
        walk->naps[process - walk->world->processes] =
            (struct nap){.walk = walk, .sleeper = process};
        process->fault.pause_at = process->fault.calls + 1 + below(walk, 300);
        break;
    case 4: process->frozen = !process->frozen; break;
    case 5: process->fault.store_away = !process->fault.store_away; break;
    case 6: process->caller.hold = !process->caller.hold; break;
    case 7: process->fault.bus_away = !process->fault.bus_away; break;
    case 8:
        if (!process->fault.store_away && !process->frozen) {
            world_end(process);
        }
        break;
    }
}

/* ---- Servers ---- */

/* Both servers are slow and unreliable for a while, each call in its own way. */
static void bad_weather(struct walk *walk)
{
    struct sim_db_faults db = {.cut = below(walk, 2000),
                               .unknown = below(walk, 50000),
                               .deadlock = below(walk, 30000),
                               .refused = below(walk, 3) == 0 ? 5000 : 0};
    struct sim_kafka_faults kafka = {.linger_us = below(walk, 20000),
                                     .answer_us = below(walk, 20000),
                                     .stall = below(walk, 100000),
                                     .stall_us = below(walk, 200000),
                                     .full = below(walk, 2) * 50000,
                                     .fail = below(walk, 3) == 0 ? 20000 : 0,
                                     .late = below(walk, 2) * 500000,
                                     .late_us = below(walk, 3000000)};
    sim_db_set_faults(walk->world->db, db, &walk->random);
    sim_kafka_set_faults(walk->world->kafka, kafka, &walk->random);
    run(walk, 2 * LEASE_MS);
    sim_db_set_faults(walk->world->db, (struct sim_db_faults){.cut = 0}, &walk->random);
    sim_kafka_set_faults(walk->world->kafka, (struct sim_kafka_faults){.fail = 0}, &walk->random);
}

static void kill_all(struct walk *walk)
{
    for (uint32_t i = 0; i < walk->world->process_count; i++) {
        if (walk->world->processes[i].engine) {
            world_kill(&walk->world->processes[i]);
        }
    }
}

static void trouble_servers(struct walk *walk)
{
    struct sim_kafka *kafka = walk->world->kafka;
    switch (below(walk, 9)) {
    case 0:
        sim_kafka_set_away(kafka, true);
        run(walk, 2 * LEASE_MS);
        sim_kafka_set_away(kafka, false);
        break;
    case 1:
        sim_kafka_fail_produce(kafka, 1 + below(walk, 3));
        run(walk, 300);
        sim_kafka_fail_produce(kafka, 0);
        break;
    case 2:
        sim_kafka_limit_queue(kafka, below(walk, 4));
        run(walk, 500);
        sim_kafka_limit_queue(kafka, PLENTY);
        break;
    case 3:
        sim_db_next_commit(walk->world->db,
                           below(walk, 2) == 0 ? SIM_COMMIT_LOST_BEFORE : SIM_COMMIT_LOST_AFTER);
        run(walk, 500);
        sim_db_next_commit(walk->world->db, SIM_COMMIT_OK);
        break;
    case 4:
        sim_db_set_away(walk->world->db, true);
        for (uint32_t i = 0; i < 20; i++) {
            world_step(walk->world);
        }
        bury(walk);
        sim_db_set_away(walk->world->db, false);
        break;
    case 5: /* everything goes dark, and the log's end is lost with it */
        kill_all(walk);
        for (int32_t p = 0; p < BOOKS_LANES; p++) {
            uint32_t count = sim_kafka_count(kafka, TOY_EVENTS, p);
            uint32_t lost = below(walk, 3);
            sim_kafka_truncate(kafka, TOY_EVENTS, p, count > lost ? count - lost : 0);
        }
        break;
    case 6:
    case 7: bad_weather(walk); break;
    case 8: /* somebody deletes a topic and makes it anew */
        if (below(walk, 4) == 0) {
            kill_all(walk);
            sim_kafka_recreate(kafka, TOY_EVENTS);
        }
        break;
    }
}

/* ---- People ---- */

/* Lanes stop for one reason here; another one is a failure. */
static void resume_lanes(struct walk *walk)
{
    for (int32_t p = 0; p < LANES; p++) {
        if (walk->world->ops->lane(walk->world, p).stopped) {
            if (!walk->world->ops->stopped_for(walk->world, p, "engine.parks_in_a_row")) {
                fail_msg("lane %d: %s", p, sim_db_stop_reason(walk->world->db, p));
            }
            walk->world->ops->resume(walk->world, p);
        }
    }
}

/* Never one that waits for its account alone: that is taken up by itself. */
static void retry_one(struct walk *walk)
{
    const void *rows;
    uint32_t count = world_rows(walk->world, &engine_parked_key_table, &rows);
    const struct parked_key_row *keys = rows;
    uint32_t at = count > 0 ? below(walk, count) : 0;
    if (count > 0 && !keys[at].missing) {
        const struct parked_key_row key = keys[at];
        const struct admin_request_row retry = {
            .kind = ADMIN_PARK_RETRY, .lane = key.lane, .key = key.key};
        world_ask(walk->world, &retry);
    }
}

static void walk_on(struct walk *walk)
{
    uint32_t told = below(walk, 12);
    for (uint32_t i = 0; i < told; i++) {
        books_tell(&walk->books);
    }
    switch (below(walk, 8)) {
    case 0: trouble_servers(walk); break;
    case 1:
    case 2:
    case 3: trouble_process(walk); break;
    case 4: retry_one(walk); break;
    case 5: resume_lanes(walk); break;
    }
    if (alive(walk) < ALIVE_MAX && below(walk, 3) == 0) {
        world_start(walk->world);
    }
    run(walk, 200);
}

/* ---- The end ---- */

static bool all_closed(struct walk *walk)
{
    const void *rows;
    uint32_t open = world_count(walk->world, &engine_parked_key_table);
    uint32_t count = world_rows(walk->world, &engine_effect_table, &rows);
    for (uint32_t i = 0; i < count; i++) {
        open += ((const struct effect_row *)rows)[i].open ? 1 : 0;
    }
    count = world_rows(walk->world, &engine_intake_table, &rows);
    for (uint32_t i = 0; i < count; i++) {
        open += ((const struct intake_row *)rows)[i].open ? 1 : 0;
    }
    count = world_rows(walk->world, &engine_admin_request_table, &rows);
    for (uint32_t i = 0; i < count; i++) {
        open += ((const struct admin_request_row *)rows)[i].open ? 1 : 0;
    }
    return open == 0;
}

/* No more trouble; everything that was told is decided. */
static void come_to_rest(struct walk *walk)
{
    struct world *world = walk->world;
    for (uint32_t i = 0; i < world->process_count; i++) {
        struct process *process = &world->processes[i];
        process->frozen = false;
        process->caller.hold = false;
        process->fault = (struct sim_fault){.calls = process->fault.calls,
                                            .commits = process->fault.commits,
                                            .dead = process->fault.dead};
    }
    bury(walk);
    if (alive(walk) == 0) {
        world_start(world);
    }
    world->outside.choose = NULL; /* it does what it is asked, and says so */
    toy_heal();
    books_complete(&walk->books);
    for (uint32_t i = 0; i < END_ROUNDS_MAX; i++) {
        run(walk, 400);
        resume_lanes(walk);
        if (world_is_settled(world, NULL) && all_closed(walk)) {
            return;
        }
        retry_one(walk);
    }
    world_dump(world);
    fail_msg("it does not come to rest");
}

static enum sim_reply reply(void *context)
{
    static const enum sim_reply replies[] = {
        SIM_REPLY_DONE, SIM_REPLY_DONE, SIM_REPLY_DONE,    SIM_REPLY_DONE_UNSAID, SIM_REPLY_FAILED,
        SIM_REPLY_LOST, SIM_REPLY_DONE, SIM_REPLY_STRANGE, SIM_REPLY_NOT_SENT};

    return replies[random_below(context, ARRAY_LEN(replies))];
}

static uint64_t current_seed;
static bool arrived;

static void walk_seed(uint64_t seed)
{
    static const uint32_t batches[] = {1, 2, 7, ENGINE_BATCH_MAX};

    struct walk *walk = test_calloc(1, sizeof(*walk));
    struct world *world = test_calloc(1, sizeof(*world));
    current_seed = seed;
    arrived = false;
    walk->world = world;
    walk->random = random_seeded(seed);
    world_open_sim(world);
    world->limits.seed = seed * 1000 + 1;
    world->limits.lease_ms = LEASE_MS;
    world->limits.heartbeat_ms = HEARTBEAT_MS;
    world->limits.batch_max = batches[below(walk, ARRAY_LEN(batches))];
    world->slots = 1 + below(walk, 8);
    sim_db_spare_backends(world->db, below(walk, 2) == 0);
    world->outside.choose = reply;
    world->outside.context = &walk->random;
    books_init(&walk->books, world, &walk->random);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        walk_on(walk);
    }
    come_to_rest(walk);
    books_check(&walk->books);
    world_check(world);
    arrived = true;
    world_close(world);
    test_free(world);
    test_free(walk);
}

static int tell_seed(void **state)
{
    (void)state;
    if (!arrived) {
        print_error("walk again: engine_walk_test --seed %llu\n", (unsigned long long)current_seed);
    }
    return 0;
}

static int64_t first_seed = 1;
static int64_t last_seed = SEEDS;

static void walks_seeds(void **state)
{
    (void)state;
    for (int64_t seed = first_seed; seed <= last_seed; seed++) {
        print_message("seed %lld\n", (long long)seed);
        walk_seed((uint64_t)seed);
    }
}

static bool read_seeds(int argc, char **argv)
{
    struct str first;
    struct str rest;
    if (argc == 2 && strcmp(argv[1], "--sim") == 0) {
        return true;
    }
    if (argc != 3) {
        return false;
    }
    if (strcmp(argv[1], "--seed") == 0) {
        bool right = str_to_i64(str_of(argv[2]), &first_seed);
        last_seed = first_seed;
        return right && first_seed >= 1;
    }
    return strcmp(argv[1], "--seeds") == 0 && str_cut(str_of(argv[2]), '.', &first, &rest) &&
           rest.len > 1 && rest.ptr[0] == '.' && str_to_i64(first, &first_seed) &&
           str_to_i64(str_after(rest, 1), &last_seed) && first_seed >= 1 && last_seed >= first_seed;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest walks[] = {cmocka_unit_test_teardown(walks_seeds, tell_seed)};
    if (!read_seeds(argc, argv)) {
        print_error("usage: engine_walk_test --sim | --seed N | --seeds A..B\n");
        return FAILURE;
    }
    return cmocka_run_group_tests(walks, NULL, NULL);
}
