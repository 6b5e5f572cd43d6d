/* From configuration to an open intake, and from its counters to the metrics page. */
#include "engine/intake_run.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "base/mutex.h"
#include "engine/engine_run.h"
#include "kafka/kafka_security.h"

struct intake_run {
    struct metrics *metrics;
    pthread_mutex_t lock;  /* over intake: readiness is asked by another thread than closes it */
    struct intake *intake; /* NULL: closed */
};

static int64_t load(const _Atomic uint64_t *value)
{
    return (int64_t)atomic_load_explicit(value, memory_order_relaxed);
}

static void collect(struct metrics_page *page, void *ctx)
{
    struct intake_run *run = ctx;
    const struct intake_stats *stats = intake_stats(run->intake);

    const struct {
        const char *result;
        int64_t count;
    } results[] = {{"stored", load(&stats->stored)},
                   {"repeated", load(&stats->repeated)},
                   {"different", load(&stats->different)},
                   {"busy", load(&stats->busy)},
                   {"failed", load(&stats->failed)}};

    metrics_page_family(page, METRICS_COUNTER, "holdfast_intake_requests_total",
                        "Requests from outside, by what became of them.");
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        const struct metrics_label label = {"result", results[i].result};
        metrics_page_value(page, &label, 1, results[i].count);
    }
    metrics_page_one(page, METRICS_COUNTER, "holdfast_intake_groups_total",
                     "Transactions that stored requests.", load(&stats->groups));
    metrics_page_one(page, METRICS_COUNTER, "holdfast_intake_published_total",
                     "Stored requests that Kafka acknowledged.", load(&stats->published));
    metrics_page_one(page, METRICS_GAUGE, "holdfast_intake_queued",
                     "Requests that wait for their commit.",
                     (int64_t)atomic_load_explicit(&stats->queued, memory_order_relaxed));
    metrics_page_one(
        page, METRICS_GAUGE, "holdfast_intake_queue_max",
        "At so many new requests get 503 intake.full, but for those that are refused last.",
        INTAKE_QUEUE_MAX - INTAKE_RESERVE);
    metrics_page_family(page, METRICS_GAUGE, "holdfast_intake_oldest_unpublished_seconds",
                        "Age of the oldest stored request that Kafka has not acknowledged.");
    metrics_page_value_us(page, /* labels */ NULL, 0, intake_backlog_ms(run->intake) * 1000);
}

/* What was stored reaches Kafka. */
static bool is_ready(void *ctx)
{
    struct intake_run *run = ctx;
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&run->lock);
    return run->intake && intake_backlog_ms(run->intake) < ENGINE_RUN_STALE_MS;
}

STATUS intake_run_open(struct op *op, struct svc *svc, struct str source, int64_t backlog_max_ms,
                       struct intake_run **ret_run)
{
    const struct conf *conf = svc_conf(svc);
    const struct intake_options options = {
        .database_url = secret_reveal(conf_secret(conf, "DATABASE_URL")),
        .kafka_brokers = conf_str(conf, "KAFKA_BROKERS"),
        .source = source,
        .backlog_max_ms = backlog_max_ms,
        .security = kafka_security_of(conf),
        .log = engine_run_log_kafka,
    };
    struct intake_run *run = arena_new(op->arena, struct intake_run, 1);
    if (!run) {
        return op_arena_full(op);
    }
    mutex_init(&run->lock);
    TRY(intake_open(op, &options, &run->intake));
    run->metrics = svc_metrics(svc);
    metrics_collector(run->metrics, collect, run);
    svc_add_check(svc, "intake", is_ready, run);
    *ret_run = run;
    return OK;
}

struct intake *intake_run_intake(struct intake_run *run)
{
    ASSERT(run->intake != NULL);
    return run->intake;
}

void intake_run_close(struct intake_run *run)
{
    if (!run) {
        return;
    }
    metrics_collector_end(run->metrics, collect, run);

    struct intake *intake = NULL;
    {
        DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&run->lock);
        intake = run->intake;
        run->intake = NULL;
    }

    intake_close(intake, SVC_DRAIN_INTAKE_MS);
}
