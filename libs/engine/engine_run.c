/* Threads around engine_step: what each needs is opened by itself, and nothing is shared. */
#include "engine/engine_run.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "engine/bus_kafka.h"
#include "engine/store_pg.h"
#include "kafka/kafka_security.h"
#include "obs/log.h"
#include "obs/metrics.h"

#define THREADS_WANTED 2
#define IDLE_WAIT_MS 100
#define OPEN_BACKOFF_MS 100
#define OPEN_BACKOFF_MAX_MS 2000
#define BOOT_ARENA_BYTES ((size_t)4 * 1024 * 1024)
#define LINGER_MS \
    5 /* of a busy lane; a quiet one hurries. Requests of one message cost half the speed */
#define PAUSE_NS (20 * 1000000L)

struct run_thread {
    struct engine_run *run;
    uint32_t number;
    pthread_t thread;
    struct engine *engine;        /* under run->lock; there while the thread runs it */
    struct bus *bus;              /* the same */
    atomic_bool stopped_for_good; /* met what it cannot act on */
};

struct engine_run {
    struct svc *svc;
    struct engine_run_options options;
    struct engine_limits limits;
    struct metrics_histogram *timer_lateness; /* NULL: a service without timers */
    uint32_t thread_count;
    struct run_thread threads[ENGINE_THREADS_MAX];
    pthread_mutex_t
        lock; /* over every thread's engine and bus: metrics and wakes come from outside */
    atomic_bool stopping;
    _Atomic int64_t drain_ms;
};

/* ---- One thread ---- */

void engine_run_log_kafka(void *context, int level, struct str facility, struct str text)
{
    (void)context;
    (void)text; /* free text of a library: the facility and the level say enough for a line */
    if (level <= 4) {
        log_warn(NULL, "kafka.log", LOG_I64("level", level), LOG_STR("facility", facility),
                 LOG_STR("text", text));
    }
}

static STATUS open_ports(struct op *op, struct run_thread *self, struct engine_ports *ret_ports)
{
    const struct conf *conf = svc_conf(self->run->svc);
    struct str service = self->run->options.service->name;
    struct store_pg_options store_options = {
        .database_url = secret_reveal(conf_secret(conf, "DATABASE_URL")),
        .service = service,
        .sandbox_clock = conf_env(conf) != CONF_ENV_PRODUCTION};
    struct bus_kafka_options bus_options = {.brokers = conf_str(conf, "KAFKA_BROKERS"),
                                            .group_id = service,
                                            .client_id = service,
                                            .source = service,
                                            .linger_ms = LINGER_MS,
                                            .security = kafka_security_of(conf),
                                            .log = engine_run_log_kafka};
    TRY(store_options.sandbox_clock ? OK : store_pg_refuse_sandbox(op, &store_options));
    TRY(store_pg_open(op, &store_options, &ret_ports->store));
    struct status st = bus_kafka_open(op, &bus_options, &ret_ports->bus);
    if (status_failed(st)) {
        ret_ports->store->ops->close(ret_ports->store);
        return st;
    }
    ret_ports->caller = self->run->options.caller;
    ret_ports->timer_lateness = self->run->timer_lateness;
    return OK;
}

static void wait_a_little(struct run_thread *self, int64_t wait_ms)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;
    while (!atomic_load(&self->run->stopping) && clock_mono_ms() < until_ms) {
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        if (nanosleep(&pause, NULL) != 0) {
            continue; /* interrupted: only shorter */
        }
    }
}

/* Tries until the ports are open; false when the process stops before. */
static bool open_patiently(struct run_thread *self, struct engine_ports *ret_ports)
{
    int64_t wait_ms = OPEN_BACKOFF_MS;
    while (!atomic_load(&self->run->stopping)) {
        struct arena arena;
        arena_init(&arena, BOOT_ARENA_BYTES);
        struct op op = {.arena = &arena, .correlation_id = STR("boot")};
        struct status st = open_ports(&op, self, ret_ports);
        if (status_failed(st)) {
            log_warn(&op, "engine.not_open", LOG_I64("thread", self->number), LOG_STATUS(st),
                     LOG_FAILURE(&op));
        }
        arena_fini(&arena);
        if (!status_failed(st)) {
            return true;
        }
        if (st.kind == STATUS_STOP) {
            atomic_store(&self->stopped_for_good, true);
            svc_stop(self->run->svc, /* failed */ true);
            return false;
        }
        wait_a_little(self, wait_ms);
        wait_ms = wait_ms * 2 > OPEN_BACKOFF_MAX_MS ? OPEN_BACKOFF_MAX_MS : wait_ms * 2;
    }
    return false;
}

static void show_engine(struct run_thread *self, struct engine *engine, struct bus *bus)
{
    mutex_lock(&self->run->lock);
    self->engine = engine;
    self->bus = bus;
    mutex_unlock(&self->run->lock);
}

static void wake_thread(void *ctx)
{
    struct run_thread *self = ctx;
    mutex_lock(&self->run->lock);
    if (self->bus) {
        self->bus->ops->wake(self->bus);
    }
    mutex_unlock(&self->run->lock);
}

static void *run_thread(void *arg)
{
    struct run_thread *self = arg;
    struct engine_ports ports;
    if (!open_patiently(self, &ports)) {
        return NULL;
    }
    struct engine *engine =
        engine_new(self->run->options.service, ports, self->run->limits, self->number);
    show_engine(self, engine, ports.bus);
    while (!atomic_load(&self->run->stopping)) {
        struct status st = engine_step(engine, IDLE_WAIT_MS);
        if (st.kind == STATUS_STOP) {
            atomic_store(&self->stopped_for_good, true);
            wait_a_little(
                self, OPEN_BACKOFF_MAX_MS); /* a person is needed; look again from time to time */
        } else {
            atomic_store(&self->stopped_for_good, false);
        }
    }
    engine_drain(engine, atomic_load(&self->run->drain_ms));
    show_engine(self, NULL, NULL);
    engine_free(engine);
    return NULL;
}

/* ---- What the outside sees ---- */

static int64_t unpublished_ms(const struct engine_run *run)
{
    int64_t oldest_ms = 0;
    for (uint32_t i = 0; i < run->thread_count; i++) {
        struct engine *engine = run->threads[i].engine;
        if (engine) {
            int64_t age_ms =
                (int64_t)(atomic_load(&engine_stats(engine)->oldest_unpublished_us) / 1000);
            oldest_ms = age_ms > oldest_ms ? age_ms : oldest_ms;
        }
    }
    return oldest_ms;
}

static bool threads_ready(const struct engine_run *run)
{
    for (uint32_t i = 0; i < run->thread_count; i++) {
        struct engine *engine = run->threads[i].engine;
        if (!engine || atomic_load(&run->threads[i].stopped_for_good)) {
            return false;
        }
        const struct engine_stats *stats = engine_stats(engine);
        if (!atomic_load(&stats->connected) || atomic_load(&stats->lanes_stopped) > 0 ||
            (atomic_load(&stats->timers_held) > 0 && !run->options.service->timers_may_wait)) {
            return false;
        }
    }
    return unpublished_ms(run) < ENGINE_RUN_STALE_MS;
}

static bool is_ready(void *ctx)
{
    struct engine_run *run = ctx;
    mutex_lock(&run->lock);
    bool ready = threads_ready(run);
    mutex_unlock(&run->lock);
    return ready;
}

struct shown {
    enum metrics_type type;
    const char *name;
    const char *help;
    size_t offset;

    enum { SHOWN_U64, SHOWN_U32, SHOWN_US } kind;
};

#define COUNTED(field, text)                                       \
    {                                                              \
        METRICS_COUNTER, "holdfast_engine_" #field "_total", text, \
            offsetof(struct engine_stats, field), SHOWN_U64        \
    }

static const struct shown shown[] = {
    COUNTED(decided, "Messages decided, repeated attempts included."),
    COUNTED(duplicates, "Records that had been decided before."),
    COUNTED(skipped, "Records of a type that this version does not know."),
    COUNTED(batches, "Transactions committed."),
    COUNTED(refused_batches, "Attempts that were rolled back."),
    COUNTED(published, "Records acknowledged by Kafka."),
    COUNTED(gaps, "Times a numbered topic had a hole."),
    COUNTED(claims, "Lanes taken."),
    COUNTED(effects_sent, "Calls to the outside that were started."),
    COUNTED(effects_done, "Calls that certainly happened."),
    COUNTED(effects_failed, "Calls that were certainly refused."),
    COUNTED(effects_unknown, "Calls whose outcome is unknown; they are repeated."),
    COUNTED(effects_later, "Calls put off because the other side takes no more for now."),
    COUNTED(timers_set, "Timers set, those in place of others included; repeated attempts too."),
    COUNTED(timers_fired, "Timers that were decided."),
    COUNTED(timers_canceled, "Timers that ended before their moment; repeated attempts too."),
    COUNTED(intakes_republished, "Open intakes that were published again."),
    COUNTED(posted, "Messages to other aggregates of the service, published at once."),
    COUNTED(commits_failed, "Times a thread started over."),
    {METRICS_GAUGE, "holdfast_engine_lanes_held", "Lanes that the thread owns.",
     offsetof(struct engine_stats, lanes_held), SHOWN_U32},
    {METRICS_GAUGE, "holdfast_engine_parked_keys",
     "Keys behind which messages are put aside, in the lanes that the thread owns.",
     offsetof(struct engine_stats, parked_keys), SHOWN_U32},
    {METRICS_GAUGE, "holdfast_engine_lanes_stopped", "Lanes of the service that wait for a person.",
     offsetof(struct engine_stats, lanes_stopped), SHOWN_U32},
    {METRICS_GAUGE, "holdfast_engine_batch_limit", "Messages that the next transaction may decide.",
     offsetof(struct engine_stats, batch_limit), SHOWN_U32},
    {METRICS_GAUGE, "holdfast_engine_effects_need_person",
     "Calls to the outside that are too old to be repeated: looked up, or waiting for a person.",
     offsetof(struct engine_stats, effects_need_person), SHOWN_U64},
    {METRICS_GAUGE, "holdfast_engine_timers_waiting",
     "Open timers in memory: the soonest of each lane, 512 at most.",
     offsetof(struct engine_stats, timers_waiting), SHOWN_U64},
    {METRICS_GAUGE, "holdfast_engine_timers_held",
     "1: no timer fires, for the database's clock and Kafka's are too far apart or could not be "
     "compared.",
     offsetof(struct engine_stats, timers_held), SHOWN_U32},
    {METRICS_GAUGE, "holdfast_engine_clock_apart_seconds",
     "How far the database's clock and Kafka's were apart when last compared; services with "
     "timers.",
     offsetof(struct engine_stats, clock_apart_us), SHOWN_US},
    {METRICS_GAUGE, "holdfast_engine_unpublished_records",
     "Committed records that Kafka has not acknowledged.",
     offsetof(struct engine_stats, unpublished), SHOWN_U64},
    {METRICS_GAUGE, "holdfast_engine_oldest_unpublished_seconds",
     "Age of the oldest committed record that Kafka has not acknowledged.",
     offsetof(struct engine_stats, oldest_unpublished_us), SHOWN_US},
    {METRICS_GAUGE, "holdfast_engine_oldest_effect_seconds",
     "Age of what caused the oldest call to the outside that is not settled; looked at within a "
     "minute.",
     offsetof(struct engine_stats, oldest_effect_us), SHOWN_US},
};

static struct metrics_label thread_label(uint32_t thread)
{
    static const char *const numbers[ENGINE_THREADS_MAX] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    return (struct metrics_label){.name = "thread", .value = numbers[thread]};
}

static void show(struct metrics_page *page, const struct shown *what,
                 const struct engine_stats *stats, uint32_t thread)
{
    struct metrics_label label = thread_label(thread);
    const char *field = (const char *)stats + what->offset;
    switch (what->kind) {
    case SHOWN_U64:
        metrics_page_value(page, &label, 1,
                           (int64_t)atomic_load((const _Atomic uint64_t *)(const void *)field));
        return;
    case SHOWN_U32:
        metrics_page_value(page, &label, 1,
                           (int64_t)atomic_load((const _Atomic uint32_t *)(const void *)field));
        return;
    case SHOWN_US:
        metrics_page_value_us(page, &label, 1,
                              (int64_t)atomic_load((const _Atomic uint64_t *)(const void *)field));
        return;
    }
    UNREACHABLE("kind of number");
}

static void show_aside(struct metrics_page *page, const struct engine_stats *stats, uint32_t thread)
{
    for (uint32_t i = 0; i < ENGINE_ASIDE_MAX; i++) {
        const char *reason = atomic_load(&stats->aside[i].reason);
        const struct metrics_label labels[] = {thread_label(thread),
                                               {.name = "reason", .value = reason}};
        if (reason) {
            metrics_page_value(page, labels, ARRAY_LEN(labels),
                               (int64_t)atomic_load(&stats->aside[i].count));
        }
    }
}

static void show_forgotten(struct metrics_page *page, const struct engine_stats *stats,
                           uint32_t thread)
{
    for (uint32_t i = 0; i < ENGINE_FORGOTTEN_MAX; i++) {
        const char *table = atomic_load(&stats->forgotten[i].table);
        const struct metrics_label labels[] = {thread_label(thread),
                                               {.name = "table", .value = table}};
        if (table) {
            metrics_page_value(page, labels, ARRAY_LEN(labels),
                               (int64_t)atomic_load(&stats->forgotten[i].count));
        }
    }
}

static void collect(struct metrics_page *page, void *ctx)
{
    struct engine_run *run = ctx;
    mutex_lock(&run->lock);
    for (size_t m = 0; m < ARRAY_LEN(shown); m++) {
        metrics_page_family(page, shown[m].type, shown[m].name, shown[m].help);
        for (uint32_t i = 0; i < run->thread_count; i++) {
            struct engine *engine = run->threads[i].engine;
            if (engine) {
                show(page, &shown[m], engine_stats(engine), i);
            }
        }
    }
    metrics_page_family(page, METRICS_COUNTER, "holdfast_engine_put_aside_total",
                        "Messages put aside, by reason.");
    for (uint32_t i = 0; i < run->thread_count; i++) {
        struct engine *engine = run->threads[i].engine;
        if (engine) {
            show_aside(page, engine_stats(engine), i);
        }
    }
    metrics_page_family(page, METRICS_COUNTER, "holdfast_engine_forgotten_total",
                        "Rows deleted because nobody can ask for them any more, by table.");
    for (uint32_t i = 0; i < run->thread_count; i++) {
        struct engine *engine = run->threads[i].engine;
        if (engine) {
            show_forgotten(page, engine_stats(engine), i);
        }
    }
    mutex_unlock(&run->lock);
}

/* ---- Opening and closing ---- */

static STATUS start_threads(struct op *op, struct engine_run *run)
{
    for (uint32_t i = 0; i < run->thread_count; i++) {
        struct run_thread *thread = &run->threads[i];
        thread->run = run;
        thread->number = i;
        if (run->options.caller) {
            run->options.set_wake(run->options.caller, i, wake_thread, thread);
        }
    }
    for (uint32_t i = 0; i < run->thread_count; i++) {
        if (pthread_create(&run->threads[i].thread, NULL, run_thread, &run->threads[i]) != 0) {
            run->thread_count = i; /* those that run are closed by the caller */
            return op_fail(op, STATUS_RETRY, "engine.no_thread", "thread %" PRIu32, i);
        }
    }
    return OK;
}

static void end_threads(struct engine_run *run, int64_t drain_ms)
{
    atomic_store(&run->drain_ms, drain_ms);
    atomic_store(&run->stopping, true);
    for (uint32_t i = 0; i < run->thread_count; i++) {
        wake_thread(&run->threads[i]);
    }
    for (uint32_t i = 0; i < run->thread_count; i++) {
        int failed = pthread_join(run->threads[i].thread, NULL);
        ASSERT(failed == 0);
    }
}

/* More threads than there are processors for them make the same transactions smaller: on a machine of two that runs
 * all services a second thread made a deal cost half as much again. */
static uint32_t thread_count_of(const struct conf *conf)
{
    int64_t told = conf_i64(conf, "ENGINE_THREADS");
    cpu_set_t set;
    if (told > 0) {
        return (uint32_t)told;
    }
    int half = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) / 2 : 1;
    return half < 1 ? 1 : half > THREADS_WANTED ? THREADS_WANTED : (uint32_t)half;
}

STATUS engine_run_open(struct op *op, struct svc *svc, const struct engine_run_options *options,
                       struct engine_run **ret_run)
{
    struct engine_run *run = arena_new(op->arena, struct engine_run, 1); /* lives as long as svc */
    if (!run) {
        return op_arena_full(op);
    }
    mutex_init(&run->lock);
    run->svc = svc;
    run->options = *options;
    run->limits = engine_default_limits();
    run->limits.batch_max = (uint32_t)conf_i64(svc_conf(svc), "ENGINE_BATCH_MAX");
    run->limits.closed_kept_us = conf_i64(svc_conf(svc), "CLOSED_ROWS_KEPT_DAYS") * ENGINE_DAY_US;
    run->thread_count = thread_count_of(svc_conf(svc));
    if (options->service->timers_of) {
        run->timer_lateness =
            metrics_histogram(svc_metrics(svc), "holdfast_engine_timer_lateness_seconds",
                              "From a timer's moment to its decision.", NULL, 0);
    }
    struct status st = start_threads(op, run);
    if (status_failed(st)) {
        end_threads(run, /* drain_ms */ 0);
        return st;
    }
    svc_add_check(svc, "engine", is_ready, run);
    metrics_collector(svc_metrics(svc), collect, run);
    *ret_run = run;
    return OK;
}

void engine_run_close(struct engine_run *run)
{
    if (run) {
        end_threads(run, SVC_DRAIN_ENGINE_MS);
        metrics_collector_end(svc_metrics(run->svc), collect, run);
    }
}

STATUS engine_run_alone(struct op *op, struct svc *svc, const struct engine_service *service)
{
    const struct engine_run_options options = {.service = service};
    DEFER(engine_run_close_at) struct engine_run *run = NULL;
    TRY(engine_run_open(op, svc, &options, &run));
    svc_serve(svc);
    return OK;
}
