/* The thread around escrow_sealer_look: its connection, its pauses, what it counts. */
#include "escrow/escrow_sealer.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "escrow/escrow_seal.h"
#include "obs/log.h"

/* A seal at its largest: 4,096 leaves, and the message of each, packed twice while it grows. */
#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define LOOK_DEADLINE_MS 10000

struct escrow_sealer {
    struct sign_secret key;
    int64_t period_us;
    struct pg_conn *conn;
    bool connected;
    struct arena arena;
    struct op op;
    int wake_fd; /* readable: come to an end */
    atomic_bool stopping;
    bool runs;
    pthread_t thread;
    struct escrow_sealer_counters counters;
    struct escrow_totals *totals;
    int64_t totals_at_ms; /* when they are read next */
};

static void count(struct metrics_counter *counter, uint64_t by)
{
    if (counter) {
        metrics_add(counter, by);
    }
}

static STATUS work(struct escrow_sealer *sealer, bool *ret_more)
{
    struct op *op = &sealer->op;
    struct escrow_sealer_round round = {.leaves = 0};
    arena_reset(&sealer->arena);
    op->deadline_ms = clock_mono_ms() + LOOK_DEADLINE_MS;
    if (!sealer->connected) {
        TRY(pg_conn_connect(op, sealer->conn));
        sealer->connected = true;
    }
    TRY(escrow_sealer_look(op, sealer->conn, &sealer->key, sealer->period_us, &round));
    if (round.leaves > 0) {
        count(sealer->counters.seals, 1);
        count(sealer->counters.leaves, round.leaves);
        log_debug(op, "escrow.sealed", LOG_I64("leaves", round.leaves));
        sealer->totals_at_ms = 0;
    }
    *ret_more = round.more;
    if (clock_mono_ms() >= sealer->totals_at_ms) {
        TRY(escrow_totals_read(op, sealer->conn, sealer->totals));
        sealer->totals_at_ms = clock_mono_ms() + ESCROW_SEALER_TOTALS_MS;
    }
    return OK;
}

static void *run(void *arg)
{
    struct escrow_sealer *sealer = arg;
    while (!atomic_load(&sealer->stopping)) {
        bool more = false;
        struct status st = work(sealer, &more);
        if (status_failed(st)) {
            sealer->connected = false;
            count(sealer->counters.failures, 1);
            log_warn(&sealer->op, "escrow.not_sealed", LOG_STATUS(st), LOG_FAILURE(&sealer->op));
        }
        if (!more) {
            int64_t period_ms = sealer->period_us / 1000;
            struct pollfd pollfd = {.fd = sealer->wake_fd, .events = POLLIN};
            (void)poll(
                &pollfd, 1,
                (int)(period_ms < ESCROW_SEALER_LOOK_MS ? period_ms : ESCROW_SEALER_LOOK_MS));
        }
    }
    return NULL;
}

struct escrow_sealer_counters escrow_sealer_count_in(struct metrics *metrics)
{
    return (struct escrow_sealer_counters){
        .seals = metrics_counter(metrics, "holdfast_seals_total", "Seals made by this process.",
                                 /* labels */ NULL, 0),
        .leaves = metrics_counter(metrics, "holdfast_sealed_heads_total",
                                  "Chain heads that these seals cover.", /* labels */ NULL, 0),
        .failures = metrics_counter(metrics, "holdfast_seal_failures_total",
                                    "Times that sealing failed; it is tried again at once.",
                                    /* labels */ NULL, 0),
    };
}

STATUS escrow_sealer_open(struct op *op, const struct escrow_sealer_options *options,
                          struct escrow_sealer **ret_sealer)
{
    DEFER(escrow_sealer_close_at)
    struct escrow_sealer *sealer = arena_new(op->arena, struct escrow_sealer, 1);
    if (!sealer) {
        return op_arena_full(op);
    }
    const struct pg_conn_options conn = {.conninfo = options->database_url,
                                         .application_name = STR("escrow-sealer"),
                                         .use = PG_USE_REQUEST,
                                         .stmts = escrow_sealer_stmts,
                                         .stmt_count = escrow_sealer_stmt_count};
    arena_init(&sealer->arena, ARENA_BYTES);
    sealer->op = (struct op){.arena = &sealer->arena, .correlation_id = STR("sealer")};
    sealer->key = *options->key;
    sealer->period_us = options->period_us;
    sealer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ASSERT(sealer->wake_fd >= 0);
    TRY(pg_conn_new(op, &conn, &sealer->conn));
    sealer->counters = options->counters;
    sealer->totals = options->totals;
    if (pthread_create(&sealer->thread, NULL, run, sealer) != 0) {
        return op_fail(op, STATUS_RETRY, "escrow.sealer_start", "no thread");
    }
    sealer->runs = true;
    *ret_sealer = TAKE(sealer);
    return OK;
}

void escrow_sealer_close(struct escrow_sealer *sealer)
{
    if (!sealer) {
        return;
    }
    uint64_t one = 1;
    atomic_store(&sealer->stopping, true);
    (void)!write(sealer->wake_fd, &one, sizeof(one));
    if (sealer->runs) {
        int failed = pthread_join(sealer->thread, NULL);
        ASSERT(failed == 0);
    }
    pg_conn_free(sealer->conn);
    sign_secret_fini(&sealer->key);
    (void)close(sealer->wake_fd);
    arena_fini(&sealer->arena);
}
