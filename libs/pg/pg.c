/* A pool: threads take a connection, use it alone, give it back. Opened lazily, never shared. */
#include "pg/pg.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "pg/pg_internal.h"

struct pg {
    pthread_mutex_t mutex;
    pthread_cond_t released;
    uint32_t max;
    struct pg_conn *conns[PG_POOL_MAX];
    uint32_t idle[PG_POOL_MAX]; /* a stack, so that the warmest is used again */
    uint32_t idle_count;
    uint32_t waiting;     /* threads, right now */
    uint64_t waits, busy; /* that ever waited; that waited in vain */
    struct metrics *metrics;
};

static struct pg *new_pool(uint32_t max)
{
    struct pg *pg = calloc(1, sizeof(*pg)); /* LINT-OK: lives as long as the process */
    ASSERT(pg);
    cond_init(&pg->released);
    mutex_init(&pg->mutex);
    pg->max = max;
    return pg;
}

static void collect(struct metrics_page *page, void *ctx)
{
    struct pg *pg = ctx;
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&pg->mutex);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_pg_pool_max",
                     "Connections to the database that requests may use.", pg->max);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_pg_pool_in_use", "Of these, in use right now.",
                     pg->max - pg->idle_count);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_pg_pool_waiting",
                     "Requests that wait for one right now.", pg->waiting);
    metrics_page_one(page, METRICS_COUNTER, "holdfast_pg_pool_waits_total",
                     "Times that a request had to wait for one.", (int64_t)pg->waits);
    metrics_page_one(page, METRICS_COUNTER, "holdfast_pg_pool_busy_total",
                     "Times that it waited in vain, and was answered 503 pg.pool_busy.",
                     (int64_t)pg->busy);
}

STATUS pg_open(struct op *op, const struct pg_options *options, struct pg **ret_pg)
{
    ASSERT(options->connections_max >= 1);
    ASSERT(options->connections_max <= PG_POOL_MAX);
    DEFER(pg_free_at) struct pg *pg = new_pool(options->connections_max);
    struct pg_conn_options each = {
        .conninfo = options->conninfo,
        .application_name = options->application_name,
        .use = PG_USE_REQUEST,
        .stmts = options->stmts,
        .stmt_count = options->stmt_count,
    };
    for (uint32_t i = 0; i < pg->max; i++) {
        TRY(pg_conn_new(op, &each, &pg->conns[i]));
        pg->conns[i]->pool = pg;
        pg->conns[i]->pool_index = i;
        pg->idle[pg->idle_count++] = i;
    }
    TRY(pg_conn_connect(op, pg->conns[pg->max - 1])); /* the top of the stack */
    pg->metrics = options->metrics;
    metrics_collector(pg->metrics, collect, pg);
    *ret_pg = TAKE(pg);
    return OK;
}

void pg_free(struct pg *pg)
{
    if (!pg) {
        return;
    }
    metrics_collector_end(pg->metrics, collect, pg);
    for (uint32_t i = 0; i < pg->max; i++) {
        pg_conn_free(pg->conns[i]);
    }
    cond_fini(&pg->released);
    mutex_fini(&pg->mutex);
    free(pg);
}

/* Waits for an idle one; false when there is none in time. */
static bool take_idle(struct op *op, struct pg *pg, uint32_t *ret_index)
{
    int64_t until_ms = clock_mono_ms() + PG_ACQUIRE_MAX_MS;
    if (op->deadline_ms != 0 && op->deadline_ms < until_ms) {
        until_ms = op->deadline_ms;
    }
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&pg->mutex);
    pg->waits += pg->idle_count == 0 ? 1 : 0;
    while (pg->idle_count == 0) {
        pg->waiting++;
        bool in_time = cond_wait_until(&pg->released, held, until_ms);
        pg->waiting--;
        if (!in_time && pg->idle_count == 0) {
            pg->busy++;
            return false;
        }
    }
    *ret_index = pg->idle[--pg->idle_count];
    return true;
}

STATUS pg_acquire(struct op *op, struct pg *pg, struct pg_conn **ret_conn)
{
    uint32_t index = 0;
    if (!take_idle(op, pg, &index)) {
        return op_fail(op, STATUS_RETRY, "pg.pool_busy", "all %u connections are in use", pg->max);
    }
    DEFER(pg_release_at) struct pg_conn *conn = pg->conns[index];
    if (!pg_conn_is_alive(conn)) {
        TRY(pg_conn_connect(op, conn));
    }
    *ret_conn = TAKE(conn);
    return OK;
}

void pg_release(struct pg_conn *conn)
{
    if (!conn) {
        return;
    }
    pg_batch_rollback(conn);
    struct pg *pg = conn->pool;
    mutex_lock(&pg->mutex);
    pg->idle[pg->idle_count++] = conn->pool_index;
    mutex_unlock(&pg->mutex);
    cond_signal(&pg->released);
}
