#include "bench_child.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "bench_record.h"
#include "engine/bus_kafka.h"
#include "engine/engine.h"
#include "engine/store_pg.h"
#include "escrow/escrow_in.h"
#include "obs/log.h"

#define PAUSE_NS (1000 * 1000L)
#define LONG_PAUSE_NS (20 * PAUSE_NS)
#define FAR_RECORDS 4000 /* not published in less than 50 ms */
#define OPEN_ARENA_BYTES ((size_t)16 * 1024 * 1024)
#define REPLAY_ARENA_BYTES ((size_t)256 * 1024 * 1024)
#define DRAIN_MS 5000
#define OWNER_MS (5 * 60 * 1000)

struct thread {
    pthread_t thread;
    uint32_t number;
    const struct bench_child_options *options;
    struct bench_control *control;
    struct engine *engine;
    struct bench_tape *tape;
    pthread_barrier_t *phases; /* of the replay */
};

static void must(struct op *op, struct status st, const char *what)
{
    if (status_failed(st)) {
        (void)fprintf(stderr, "bench: %s: %s: %s\n", what, op->err.code, op->err.msg);
        _exit(1);
    }
}

void bench_child_pause(const struct bench_control *control)
{
    bool far = atomic_load(&control->replay) ||
               atomic_load(&control->published) + FAR_RECORDS < atomic_load(&control->awaited);
    const struct timespec pause = {.tv_nsec = far ? LONG_PAUSE_NS : PAUSE_NS};
    if (nanosleep(&pause, NULL) != 0) {
        return; /* only shorter */
    }
}

static void open_engine(struct thread *self)
{
    const struct bench_child_options *options = self->options;
    struct arena arena;
    arena_init(&arena, OPEN_ARENA_BYTES);
    struct op op = {.arena = &arena, .correlation_id = STR("bench")};
    struct store_pg_options store_options = {.database_url = options->database_url,
                                             .service = STR("escrow")};
    struct bus_kafka_options bus_options = {.brokers = options->brokers,
                                            .client_id = STR("bench"),
                                            .source = STR("escrow"),
                                            .topic_prefix = options->topic_prefix,
                                            .linger_ms = options->linger_ms};
    struct engine_ports ports = {.caller = NULL};
    must(&op, store_pg_open(&op, &store_options, &ports.store), "store");
    must(&op, bus_kafka_open(&op, &bus_options, &ports.bus), "bus");
    if (options->record) {
        self->tape = bench_tape_new();
        ports.store = bench_recorder(self->tape, ports.store);
    }
    struct engine_limits limits = engine_default_limits();
    limits.batch_max = options->batch_max;
    limits.lease_ms = options->lease_ms ? options->lease_ms : OWNER_MS;
    self->engine = engine_new(&escrow_service, ports, limits, self->number);
    arena_fini(&arena);
}

static void replay(struct thread *self)
{
    struct arena arena;
    arena_init(&arena, REPLAY_ARENA_BYTES);
    struct op op = {.arena = &arena, .correlation_id = STR("bench")};
    struct store_pg_options options = {.database_url = self->options->replay_url,
                                       .service = STR("escrow")};
    struct store *store;
    must(&op, store_pg_open(&op, &options, &store), "replay store");
    must(&op, store->ops->connect(&op, store), "replay connect");
    must(&op, bench_replay_claim(&op, self->tape, store, id_random()), "replay claim");
    must(&op, bench_replay(&op, self->tape, store, self->phases), "replay");
    store->ops->close(store);
    arena_fini(&arena);
}

static void *run_thread(void *arg)
{
    struct thread *self = arg;
    struct bench_control *control = self->control;
    open_engine(self);
    bool stood = false;
    while (!atomic_load(&control->stop) && !atomic_load(&control->replay)) {
        bool ready = atomic_load(&control->ready);
        if (ready && !atomic_load(&control->go)) {
            stood = true;
            bench_child_pause(control);
            continue;
        }
        if (stood && self->tape) {
            bench_tape_phase(self->tape);
        }
        stood = false;
        struct op op = {.arena = NULL};
        must(&op, engine_step(self->engine, 20), "step");
    }
    engine_drain(self->engine, DRAIN_MS);
    engine_free(self->engine);
    self->engine = NULL;
    return NULL;
}

static void *replay_thread(void *arg)
{
    replay(arg);
    return NULL;
}

static void sum_up(struct thread *threads, uint32_t count, struct bench_control *control)
{
    uint64_t published = 0;
    uint64_t batches = 0;
    uint64_t decided = 0;
    uint32_t lanes = 0;
    uint32_t share = LANES / threads[0].options->processes;
    bool fair = true;
    for (uint32_t i = 0; i < count; i++) {
        struct engine *engine = threads[i].engine;
        if (!engine) {
            return;
        }
        published += atomic_load(&engine_stats(engine)->published);
        batches += atomic_load(&engine_stats(engine)->batches);
        decided += atomic_load(&engine_stats(engine)->decided);
        fair &= atomic_load(&engine_stats(engine)->lanes_held) >= share / count;
        lanes += atomic_load(&engine_stats(engine)->lanes_held);
    }
    atomic_store(&control->batches, batches);
    atomic_store(&control->decided, decided);
    atomic_store(&control->published, published); /* last: who waits for it finds the others true */
    if (lanes == share && fair) {                 /* so none moves any more */
        atomic_store(&control->ready, true);
    }
}

static void start(struct thread *threads, uint32_t count, void *(*run)(void *))
{
    for (uint32_t i = 0; i < count; i++) {
        int failed = pthread_create(&threads[i].thread, NULL, run, &threads[i]);
        ASSERT(failed == 0);
    }
}

static void join(struct thread *threads, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int failed = pthread_join(threads[i].thread, NULL);
        ASSERT(failed == 0);
    }
}

static void child_main(const struct bench_child_options *options, struct bench_control *control)
{
    struct thread *threads = calloc(options->threads, sizeof(*threads));
    ASSERT(threads);
    log_open(&(struct log_options){
        .service = STR("bench"), .version = STR("0"), .level = LOG_LEVEL_ERROR, .fd = 2});
    for (uint32_t i = 0; i < options->threads; i++) {
        threads[i] = (struct thread){.number = i, .options = options, .control = control};
    }
    while (options->later && !atomic_load(&control->begin)) {
        bench_child_pause(control);
    }
    start(threads, options->threads, run_thread);
    while (!atomic_load(&control->stop) && !atomic_load(&control->replay)) {
        sum_up(threads, options->threads, control);
        bench_child_pause(control);
    }
    join(threads, options->threads);
    if (atomic_load(&control->replay)) {
        pthread_barrier_t phases;
        int failed = pthread_barrier_init(&phases, NULL, options->threads);
        ASSERT(failed == 0);
        for (uint32_t i = 0; i < options->threads; i++) {
            threads[i].phases = &phases;
        }
        int64_t began_us = clock_mono_us();
        start(threads, options->threads, replay_thread);
        join(threads, options->threads);
        atomic_store(&control->replay_us, clock_mono_us() - began_us);
        for (uint32_t i = 0; i < options->threads; i++) {
            atomic_fetch_add(&control->transactions, bench_tape_transactions(threads[i].tape));
        }
        atomic_store(&control->replayed, true);
        while (!atomic_load(&control->stop)) {
            bench_child_pause(control);
        }
    }
}

struct bench_child bench_child_start(const struct bench_child_options *options)
{
    void *page = mmap(NULL, sizeof(struct bench_control), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(page != MAP_FAILED);
    struct bench_child child = {.control = page};
    memset(page, 0, sizeof(struct bench_control));
    (void)fflush(stdout);
    (void)malloc_trim(0); /* what the parent has freed would count as the child's */
    child.pid = fork();
    ASSERT(child.pid >= 0);
    if (child.pid == 0) {
        int failed = prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlives who measures it */
        ASSERT(failed == 0);
        child_main(options, child.control);
        _exit(0); /* what the parent had open is the parent's */
    }
    return child;
}

void bench_child_check(const struct bench_child *child)
{
    int status;
    if (waitpid(child->pid, &status, WNOHANG) != 0) {
        (void)fprintf(stderr, "bench: the engine's process ended\n");
        /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
        exit(1); /* LINT-OK: a benchmark that cannot go on */
    }
}

void bench_child_wait_ready(const struct bench_child *child)
{
    while (!atomic_load(&child->control->ready)) {
        bench_child_check(child);
        bench_child_pause(child->control);
    }
}

void bench_child_stop(struct bench_child *child)
{
    atomic_store(&child->control->stop, true);
    int status;
    pid_t got = waitpid(child->pid, &status, 0);
    ASSERT(got == child->pid);
    ASSERT(WIFEXITED(status));
    ASSERT(WEXITSTATUS(status) == 0);
    int failed = munmap(child->control, sizeof(*child->control));
    ASSERT(failed == 0);
}

void bench_child_kill(struct bench_child *child)
{
    int failed = kill(child->pid, SIGKILL);
    ASSERT(failed == 0);
    int status;
    pid_t got = waitpid(child->pid, &status, 0);
    ASSERT(got == child->pid);
    failed = munmap(child->control, sizeof(*child->control));
    ASSERT(failed == 0);
}

int64_t bench_child_cpu_us(const struct bench_child *child)
{
    clockid_t clock;
    struct timespec used;
    int failed = clock_getcpuclockid(child->pid, &clock);
    ASSERT(failed == 0);
    failed = clock_gettime(clock, &used);
    ASSERT(failed == 0);
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

int64_t bench_child_rss_kb(const struct bench_child *child)
{
    char path[64];
    char line[256];
    int64_t kb = -1;
    int len = snprintf(path, sizeof(path), "/proc/%d/status", (int)child->pid);
    ASSERT(len > 0);
    FILE *file = fopen(path, "re");
    ASSERT(file);
    while (fgets(line, sizeof(line), file)) {
        struct str text = str_of(line);
        if (str_has_prefix(text, STR("RssAnon:"))) {
            struct str number = str_trim(str_after(text, 8));
            struct str digits;
            struct str unit;
            if (!str_cut(number, ' ', &digits, &unit) || !str_to_i64(digits, &kb)) {
                kb = -1;
            }
        }
    }
    int failed = fclose(file);
    ASSERT(failed == 0);
    return kb;
}
