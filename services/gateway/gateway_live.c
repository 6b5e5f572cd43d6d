/* One thread: waits for a hint, looks, tells. It alone touches its connection and position; streams
 * are shared with the connections' threads, under the lock of their set. */
#include "gateway/gateway_live.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "gateway/gateway_live_repo.h"
#include "gateway/gateway_out_live.h"
#include "obs/log.h"
#include "pg/pg_listen.h"

#define ARENA_BYTES ((size_t)128 * 1024 * 1024) /* what the largest look needs; a usual one: KBs */
#define LOOK_DEADLINE_MS 5000
#define CONNECT_AGAIN_MS 250

/* What a feed is about. */
struct audience {
    struct gateway_caller caller;
    struct id escrow_id; /* none: all deals of the caller */
    uint64_t serial;     /* tells this feed from all others, also after it is gone */
    bool started;        /* has its snapshot */
};

/* A snapshot on its way to the feed of this serial. */
struct start {
    struct audience audience;
    struct str json;
};

struct gateway_live {
    struct http_stream_set *set;
    struct pg_conn *conn;
    struct str channel;
    struct metrics_histogram *lag; /* NULL without metrics */
    int net_ms;
    int64_t blind_ms;
    struct metrics *metrics; /* the same */
    int wake_fd;
    pthread_t thread;
    bool runs;
    _Atomic bool stopping;
    _Atomic uint64_t serial;
    /* Of the thread alone. */
    struct arena arena;
    struct op op;
    bool connected;
    bool following; /* `seen` counts: there were streams since */
    struct gateway_live_seen seen;
    int64_t looked_ms; /* when the last look that came to its end began */
    struct start starts[GATEWAY_LIVE_STARTS_MAX];
    uint32_t start_count;
    bool starts_left; /* there are more than fit into one look */
};

/* ---- Joining ---- */

static void wake(struct gateway_live *live)
{
    uint64_t one = 1;
    (void)!write(live->wake_fd, &one, sizeof(one));
}

STATUS gateway_live_join(struct op *op, struct gateway_live *live,
                         const struct gateway_caller *caller, struct id escrow_id,
                         struct http_response *ret)
{
    const struct audience audience = {.caller = *caller,
                                      .escrow_id = escrow_id,
                                      .serial = atomic_fetch_add(&live->serial, 1) + 1};
    TRY(http_stream_open(op, live->set, caller->account_id, &audience, sizeof(audience), ret));
    wake(live);
    return OK;
}

/* ---- Looking ---- */

static void note_start(struct http_stream_feed *feed, void *ctx)
{
    struct gateway_live *live = ctx;
    const struct audience *audience = http_stream_about(feed);
    if (audience->started) {
        return;
    }
    if (live->start_count == GATEWAY_LIVE_STARTS_MAX) {
        live->starts_left = true;
        return;
    }
    live->starts[live->start_count++] = (struct start){.audience = *audience};
}

static STATUS make_starts(struct gateway_live *live)
{
    struct op *op = &live->op;
    live->start_count = 0;
    live->starts_left = false;
    http_stream_each(live->set, note_start, live);
    for (uint32_t i = 0; i < live->start_count; i++) {
        struct start *start = &live->starts[i];
        const struct audience *audience = &start->audience;
        struct gateway_live_start found;
        TRY(gateway_live_repo_start(op, live->conn, &audience->caller, audience->escrow_id,
                                    clock_wall_us(), &found));
        TRY(gateway_out_live_start(op, &found, &audience->caller, audience->escrow_id,
                                   &start->json));
    }
    return OK;
}

/* All of a look sees the same moment. When there are more changes than fit into one look, that moment is later than
 * `seen`, and what a snapshot holds already is told once more by the next looks; snapshots must not wait until there
 * are fewer, which may never be. */
static STATUS read_all(struct gateway_live *live, struct gateway_live_news *ret_news)
{
    struct op *op = &live->op;
    *ret_news = (struct gateway_live_news){.more = false};
    TRY(pg_begin_snapshot(op, live->conn));
    if (live->following) {
        TRY(gateway_live_repo_news(op, live->conn, &live->seen, ret_news));
    } else {
        TRY(gateway_live_repo_positions(op, live->conn, &ret_news->seen));
    }
    TRY(make_starts(live));
    return pg_commit(op, live->conn);
}

/* ---- Telling ---- */

struct telling {
    struct gateway_live *live;
    const struct gateway_live_news *news;
    /* The JSON of a deal as a role sees it, made when the first of that role is there. */
    struct str *views;   /* view_count × GATEWAY_ROLE_COUNT */
    struct str *refused; /* refused_count × GATEWAY_ROLE_COUNT */
    struct str *commands;
};

/* INV36: a deal is for its parties; staff see the one that they asked for. */
static enum gateway_role role_in(const struct audience *audience, struct id escrow_id,
                                 const struct gateway_parties *parties)
{
    if (!id_is_none(audience->escrow_id) && !id_eq(audience->escrow_id, escrow_id)) {
        return GATEWAY_ROLE_NONE;
    }
    return gateway_role_of(&audience->caller, parties);
}

/* A feed that cannot be told something must not look alive. */
static void send_or_finish(struct http_stream_feed *feed, struct status made, const char *event,
                           struct str json)
{
    if (status_failed(made)) {
        http_stream_finish(feed);
        return;
    }
    http_stream_send(feed, str_of(event), json);
}

static void tell_view(struct telling *telling, struct http_stream_feed *feed, uint32_t i)
{
    const struct gateway_view *view = &telling->news->views[i];
    const struct gateway_parties parties = gateway_view_parties(view);
    enum gateway_role role = role_in(http_stream_about(feed), view->id, &parties);
    if (role == GATEWAY_ROLE_NONE) {
        return;
    }
    struct str *json = &telling->views[i * GATEWAY_ROLE_COUNT + role];
    struct status made = json->ptr ? OK : gateway_out_view(&telling->live->op, view, role, json);
    send_or_finish(feed, made, "deal", *json);
}

static void tell_refused(struct telling *telling, struct http_stream_feed *feed, uint32_t i)
{
    const struct gateway_deal *deal = &telling->news->refused[i];
    const struct gateway_parties parties = gateway_deal_parties(deal);
    enum gateway_role role = role_in(http_stream_about(feed), deal->pending.id, &parties);
    if (role == GATEWAY_ROLE_NONE) {
        return;
    }
    struct str *json = &telling->refused[i * GATEWAY_ROLE_COUNT + role];
    struct status made = json->ptr ? OK : gateway_out_pending(&telling->live->op, deal, role, json);
    send_or_finish(feed, made, "deal", *json);
}

static void tell_command(struct telling *telling, struct http_stream_feed *feed, uint32_t i)
{
    const struct gateway_command_row *command = &telling->news->commands[i];
    const struct audience *audience = http_stream_about(feed);
    bool asked = id_is_none(audience->escrow_id) || id_eq(audience->escrow_id, command->key);
    if (!asked || !id_eq(audience->caller.account_id, command->account_id)) {
        return;
    }
    struct str *json = &telling->commands[i];
    struct status made = json->ptr ? OK : gateway_out_command(&telling->live->op, command, json);
    send_or_finish(feed, made, "command", *json);
}

static void begin_feed(struct gateway_live *live, struct http_stream_feed *feed)
{
    struct audience *audience = http_stream_about(feed);
    for (uint32_t i = 0; i < live->start_count; i++) {
        if (live->starts[i].audience.serial == audience->serial) {
            http_stream_send(feed, STR("snapshot"), live->starts[i].json);
            audience->started = true;
        }
    }
}

/* Deals before commands: who sees that a command was done sees what it did. */
static void tell_feed(struct http_stream_feed *feed, void *ctx)
{
    struct telling *telling = ctx;
    const struct audience *audience = http_stream_about(feed);
    if (!audience->started) { /* its snapshot is not older than the news */
        begin_feed(telling->live, feed);
        return;
    }
    for (uint32_t i = 0; i < telling->news->view_count; i++) {
        tell_view(telling, feed, i);
    }
    for (uint32_t i = 0; i < telling->news->refused_count; i++) {
        tell_refused(telling, feed, i);
    }
    for (uint32_t i = 0; i < telling->news->command_count; i++) {
        tell_command(telling, feed, i);
    }
}

static STATUS tell_all(struct gateway_live *live, const struct gateway_live_news *news)
{
    struct arena *arena = &live->arena;
    struct telling telling = {
        .live = live,
        .news = news,
        .views = arena_new(arena, struct str, (size_t)news->view_count * GATEWAY_ROLE_COUNT),
        .refused = arena_new(arena, struct str, (size_t)news->refused_count * GATEWAY_ROLE_COUNT),
        .commands = arena_new(arena, struct str, news->command_count),
    };
    if (!telling.views || !telling.refused || !telling.commands) {
        return op_arena_full(&live->op);
    }
    http_stream_each(live->set, tell_feed, &telling);
    for (uint32_t i = 0; i < news->change_count && live->lag; i++) {
        metrics_observe_us(live->lag, clock_wall_us() - news->change_at_us[i]);
    }
    return OK;
}

static void end_feed(struct http_stream_feed *feed, void *ctx)
{
    (void)ctx;
    http_stream_finish(feed);
}

static bool is_blind(const struct gateway_live *live)
{
    return clock_mono_ms() - live->looked_ms >= live->blind_ms;
}

static void end_all(struct gateway_live *live)
{
    http_stream_each(live->set, end_feed, NULL);
    live->following = false;
}

/* Reads and tells. After a time of blindness what was read may not be all there was. */
static STATUS read_and_tell(struct gateway_live *live, bool *ret_again)
{
    struct gateway_live_news news;
    TRY(read_all(live, &news));
    if (live->following && is_blind(live)) {
        end_all(live);
        return OK;
    }
    CRASH_POINT("live-before-told");
    TRY(tell_all(live, &news));
    live->seen = news.seen;
    live->following = true;
    *ret_again = news.more || live->starts_left;
    return OK;
}

/* *ret_again: there is more to do at once. */
static STATUS look(struct gateway_live *live, bool *ret_again)
{
    int64_t began_ms = clock_mono_ms();
    arena_reset(&live->arena);
    live->op.deadline_ms = began_ms + LOOK_DEADLINE_MS;
    *ret_again = false;
    if (atomic_load(&http_stream_set_stats(live->set)->open) == 0) {
        live->following = false; /* nobody to tell: the next one begins with a snapshot anyway */
    } else {
        TRY(read_and_tell(live, ret_again));
    }
    live->looked_ms = began_ms;
    return OK;
}

/* ---- The thread ---- */

static STATUS connect_and_listen(struct gateway_live *live)
{
    arena_reset(&live->arena);
    live->op.deadline_ms = clock_mono_ms() + LOOK_DEADLINE_MS;
    TRY(pg_conn_connect(&live->op, live->conn));
    return pg_listen(&live->op, live->conn, live->channel);
}

static STATUS wait_for_hint(struct gateway_live *live)
{
    bool told = false;
    uint64_t count = 0;
    TRY(pg_listen_wait(&live->op, live->conn, live->wake_fd, live->net_ms, &told));
    (void)!read(live->wake_fd, &count, sizeof(count));
    return OK;
}

/* One round; the position stays where it was when it fails. */
static STATUS work(struct gateway_live *live)
{
    bool again = false;
    if (!live->connected) {
        TRY(connect_and_listen(live));
        live->connected = true;
    }
    TRY(look(live, &again));
    return again ? OK : wait_for_hint(live);
}

static void note_failure(struct gateway_live *live)
{
    pg_rollback(live->conn);
    live->connected = false;
    log_warn(&live->op, "gateway.live_failed", LOG_FAILURE(&live->op));
    if (is_blind(live)) {
        end_all(live);
    }
}

static void pause_until_woken(struct gateway_live *live)
{
    struct pollfd pollfd = {.fd = live->wake_fd, .events = POLLIN};
    (void)poll(&pollfd, 1, CONNECT_AGAIN_MS); /* joiners keep it readable: then the time is short */
    if (!atomic_load(&live->stopping)) {
        (void)poll(NULL, 0, CONNECT_AGAIN_MS);
    }
}

static void *run(void *arg)
{
    struct gateway_live *live = arg;
    while (!atomic_load(&live->stopping)) {
        struct status st = work(live);
        if (status_failed(st)) {
            note_failure(live);
            pause_until_woken(live);
        }
    }
    return NULL;
}

/* ---- Opening and closing ---- */

static void collect(struct metrics_page *page, void *ctx)
{
    struct gateway_live *live = ctx;
    const struct http_stream_stats *stats = http_stream_set_stats(live->set);
    metrics_page_one(page, METRICS_GAUGE, "holdfast_live_streams", "Streams that are open.",
                     (int64_t)atomic_load(&stats->open));
    metrics_page_one(page, METRICS_COUNTER, "holdfast_live_streams_opened_total",
                     "Streams that were opened.", (int64_t)atomic_load(&stats->opened));
    metrics_page_one(page, METRICS_COUNTER, "holdfast_live_streams_refused_total",
                     "Streams refused because their caller has as many as one may have.",
                     (int64_t)atomic_load(&stats->refused));
    metrics_page_one(page, METRICS_COUNTER, "holdfast_live_streams_cut_total",
                     "Streams cut because their client did not keep up.",
                     (int64_t)atomic_load(&stats->cut));
    metrics_page_one(page, METRICS_COUNTER, "holdfast_live_events_total",
                     "Events queued for streams.", (int64_t)atomic_load(&stats->events));
}

static void init_metrics(struct gateway_live *live, struct metrics *metrics)
{
    if (metrics) {
        live->metrics = metrics;
        live->lag =
            metrics_histogram(metrics, "holdfast_live_lag_seconds",
                              "From a batch's decision to its events in the streams.", NULL, 0);
        metrics_collector(metrics, collect, live);
    }
}

STATUS gateway_live_open(struct op *op, const struct gateway_live_options *options,
                         struct gateway_live **ret_live)
{
    static const struct http_stream_limits usual = {
        .per_caller_max = GATEWAY_LIVE_PER_CALLER,
        .queue_max_bytes = GATEWAY_LIVE_QUEUE_BYTES,
        .behind_ms = GATEWAY_LIVE_BEHIND_MS,
        .heartbeat_ms = GATEWAY_LIVE_HEARTBEAT_MS,
        .life_ms = GATEWAY_LIVE_LIFE_MS,
        .retry_ms = GATEWAY_LIVE_RETRY_MS,
    };
    DEFER(gateway_live_close_at)
    struct gateway_live *live = arena_new(op->arena, struct gateway_live, 1);
    if (!live) {
        return op_arena_full(op);
    }
    const struct pg_conn_options conn = {.conninfo = options->database_url,
                                         .application_name = STR("gateway-live"),
                                         .use = PG_USE_REQUEST,
                                         .stmts = gateway_repo_stmts,
                                         .stmt_count = gateway_repo_stmt_count};
    arena_init(&live->arena, ARENA_BYTES);
    live->op = (struct op){.arena = &live->arena, .correlation_id = STR("live")};
    live->net_ms = options->net_ms > 0 ? options->net_ms : GATEWAY_LIVE_NET_MS;
    live->blind_ms = options->blind_ms > 0 ? options->blind_ms : GATEWAY_LIVE_BLIND_MS;
    live->looked_ms = clock_mono_ms();
    live->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ASSERT(live->wake_fd >= 0);
    live->set = http_stream_set_new(options->limits ? options->limits : &usual);
    live->channel = str_dup(op->arena, options->channel);
    if (!live->channel.ptr) {
        return op_arena_full(op);
    }
    TRY(pg_conn_new(op, &conn, &live->conn));
    init_metrics(live, options->metrics);
    if (pthread_create(&live->thread, NULL, run, live) != 0) {
        return op_fail(op, STATUS_RETRY, "gateway.live_start", "no thread");
    }
    live->runs = true;
    *ret_live = TAKE(live);
    return OK;
}

void gateway_live_close(struct gateway_live *live)
{
    if (!live) {
        return;
    }
    atomic_store(&live->stopping, true);
    wake(live);
    if (live->runs) {
        int failed = pthread_join(live->thread, NULL);
        ASSERT(failed == 0);
    }
    metrics_collector_end(live->metrics, collect, live);
    pg_conn_free(live->conn);
    http_stream_set_free(live->set);
    (void)close(live->wake_fd);
    arena_fini(&live->arena);
}
