/* In: the time. Out: what is due of the clerk's work, one piece after the other. */
#include "payments/payments_clerk.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/id.h"
#include "httpc/httpc.h"
#include "obs/log.h"
#include "payments/payments_out_calls.h"
#include "payments_sql.h"

#define ARENA_BYTES ((size_t)4 * 1024 * 1024)
#define WORK_DEADLINE_MS 30000
#define CALL_MS 10000
#define URL_MAX_BYTES 1024

struct payments_clerk {
    struct payments_clerk_options options;
    struct pg_conn *conn;
    bool connected;
    struct arena arena;
    struct op op;
    int64_t census_at_ms; /* when it is taken next */
    struct payments_reconcile_options reconcile_options;
    struct payments_reconcile reconcile;
    struct httpc_keep keep;
    int wake_fd; /* readable: come to an end */
    atomic_bool stopping;
    bool runs;
    pthread_t thread;
};

/* ---- The provider's books ---- */

static STATUS answer_of(struct op *op, const struct httpc_answer *answer, struct str *ret_body)
{
    if (answer->outcome != HTTPC_ANSWERED) {
        bool large = str_eq(str_of(answer->reason), STR("too_large"));
        return op_fail(op, large ? STATUS_LIMIT : STATUS_RETRY, "payments.no_balance", "%s",
                       answer->reason);
    }
    if (answer->status != 200) {
        return op_fail(op, STATUS_RETRY, "payments.no_balance", "status %d", (int)answer->status);
    }
    *ret_body = answer->body;
    return OK;
}

static struct status fetch(struct op *op, void *ctx, struct str path, struct str *ret_body)
{
    struct payments_clerk *clerk = ctx;
    const struct payments_conf *conf = clerk->options.conf;
    const struct httpc_options options = {.allow_http = conf->allow_http};
    struct httpc_request request = {.method = STR("GET"), .total_ms = CALL_MS};
    struct httpc_answer answer;
    struct secret key = *conf->api_key; /* its deps are not const */
    struct strbuf url;
    strbuf_init(&url, op->arena, URL_MAX_BYTES);
    strbuf_add(&url, conf->api_base);
    strbuf_add(&url, path);
    if (!strbuf_finish(&url, &request.url)) {
        return op_arena_full(op);
    }
    struct status st =
        payments_out_calls_build(op, &key, /* request */ NULL, (struct id){.bytes = {0}}, &request);
    secret_fini(&key);
    TRY(st);
    TRY(httpc_perform(op, &options, &clerk->keep, &request, &answer));
    return answer_of(op, &answer, ret_body);
}

static STATUS reconcile(struct payments_clerk *clerk, bool *ret_more)
{
    struct op *op = &clerk->op;
    struct payments_reconciled reconciled;
    TRY(payments_reconcile_step(op, clerk->conn, &clerk->reconcile_options, &clerk->reconcile,
                                ret_more, &reconciled));
    if (reconciled.done) {
        log_info(op, "payments.reconciled", LOG_I64("n", reconciled.n),
                 LOG_I64("lines", reconciled.lines), LOG_I64("found", reconciled.found),
                 LOG_I64("healed", reconciled.healed), LOG_I64("open", reconciled.open));
    }
    if (reconciled.found > 0) {
        log_error(op, "payments.books_differ", LOG_I64("n", reconciled.n),
                  LOG_I64("found", reconciled.found), LOG_I64("open", reconciled.open));
        clerk->census_at_ms = 0; /* shown at once */
    }
    return OK;
}

/* ---- The thread ---- */

static STATUS work(struct payments_clerk *clerk, bool *ret_more)
{
    struct op *op = &clerk->op;
    arena_reset(&clerk->arena);
    op->deadline_ms = clock_mono_ms() + WORK_DEADLINE_MS;
    if (!clerk->connected) {
        TRY(pg_conn_connect(op, clerk->conn));
        clerk->connected = true;
    }
    TRY(payments_switch_read(op, clerk->conn, clerk->options.rail_switch));
    if (clock_mono_ms() >= clerk->census_at_ms) {
        TRY(payments_census_take(op, clerk->conn, clerk->options.census));
        clerk->census_at_ms = clock_mono_ms() + PAYMENTS_CENSUS_MS;
    }
    TRY(payments_reconcile_take(op, clerk->conn));
    return reconcile(clerk, ret_more);
}

static void *run(void *arg)
{
    struct payments_clerk *clerk = arg;
    while (!atomic_load(&clerk->stopping)) {
        bool more = false;
        struct status st = work(clerk, &more);
        if (status_failed(st)) {
            clerk->connected = clerk->connected && pg_conn_is_open(clerk->conn);
            log_warn(&clerk->op, "payments.clerk_failed", LOG_STATUS(st), LOG_FAILURE(&clerk->op));
        }
        if (!more) {
            struct pollfd pollfd = {.fd = clerk->wake_fd, .events = POLLIN};
            (void)poll(&pollfd, 1, PAYMENTS_CLERK_LOOK_MS);
        }
    }
    return NULL;
}

STATUS payments_clerk_open(struct op *op, const struct payments_clerk_options *options,
                           struct payments_clerk **ret_clerk)
{
    DEFER(payments_clerk_close_at)
    struct payments_clerk *clerk = arena_new(op->arena, struct payments_clerk, 1);
    if (!clerk) {
        return op_arena_full(op);
    }
    const struct pg_conn_options conn = {.conninfo = options->database_url,
                                         .application_name = STR("payments-clerk"),
                                         .use = PG_USE_REQUEST,
                                         .stmts = payments_sql_all,
                                         .stmt_count = PAYMENTS_SQL_COUNT};
    arena_init(&clerk->arena, ARENA_BYTES);
    clerk->op = (struct op){.arena = &clerk->arena, .correlation_id = STR("clerk")};
    clerk->options = *options;
    clerk->reconcile_options = options->conf->reconcile;
    clerk->reconcile_options.fetch = fetch;
    clerk->reconcile_options.ctx = clerk;
    clerk->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ASSERT(clerk->wake_fd >= 0);
    TRY(pg_conn_new(op, &conn, &clerk->conn));
    if (pthread_create(&clerk->thread, NULL, run, clerk) != 0) {
        return op_fail(op, STATUS_RETRY, "payments.clerk_start", "no thread");
    }
    clerk->runs = true;
    *ret_clerk = TAKE(clerk);
    return OK;
}

void payments_clerk_close(struct payments_clerk *clerk)
{
    if (!clerk) {
        return;
    }
    uint64_t one = 1;
    atomic_store(&clerk->stopping, true);
    (void)!write(clerk->wake_fd, &one, sizeof(one));
    if (clerk->runs) {
        int failed = pthread_join(clerk->thread, NULL);
        ASSERT(failed == 0);
    }
    pg_conn_free(clerk->conn);
    httpc_keep_fini(&clerk->keep);
    (void)close(clerk->wake_fd);
    arena_fini(&clerk->arena);
}
