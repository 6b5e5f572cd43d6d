/* Events in from any thread, bytes out in the connection's. The set's lock guards its list and keeps
 * feeds alive; a feed's own lock guards its queue. Order: set, then feed. */
#include "http/http_stream.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "http/http_conn.h"

#define HEARTBEAT ":\n\n"
#define RETRY_MAX_BYTES 32
#define QUEUE_FIRST_BYTES 4096 /* of a queue's memory; it doubles from there */

struct http_stream_feed {
    struct http_stream_set *set;
    struct http_stream_feed *next, *before;
    struct id caller;
    void *about;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *queue; /* bytes [taken, len) wait to be sent */
    size_t taken, len, capacity_bytes;
    int64_t behind_since_ms; /* since when something waits; 0: nothing does */
    int64_t heartbeat_at_ms, ends_at_ms;
    bool finished; /* ends when the queue is empty */
    bool stopped;  /* ends now */
    bool cut;      /* the client was too slow */
};

struct http_stream_set {
    struct http_stream_limits limits;
    struct http_stream_stats stats;
    pthread_mutex_t lock;
    struct http_stream_feed *first;
};

struct http_stream_set *http_stream_set_new(const struct http_stream_limits *limits)
{
    ASSERT(limits->heartbeat_ms <= HTTP_STREAM_WAIT_MS);
    struct http_stream_set *set =
        calloc(1, sizeof(*set)); /* LINT-OK: lives as long as the server */
    ASSERT(set);
    set->limits = *limits;
    mutex_init(&set->lock);
    return set;
}

void http_stream_set_free(struct http_stream_set *set)
{
    if (!set) {
        return;
    }
    ASSERT(!set->first);
    mutex_fini(&set->lock);
    free(set);
}

const struct http_stream_stats *http_stream_set_stats(const struct http_stream_set *set)
{
    return &set->stats;
}

/* ---- The queue; the feed's lock is held ---- */

static void drop_queue(struct http_stream_feed *feed)
{
    free(feed->queue);
    feed->queue = NULL;
    feed->taken = feed->len = feed->capacity_bytes = 0;
    feed->behind_since_ms = 0;
}

/* Room for so many bytes more: what was sent goes first, then it grows. */
static void make_room(struct http_stream_feed *feed, size_t bytes)
{
    if (feed->taken > 0) {
        memmove(feed->queue, feed->queue + feed->taken, feed->len - feed->taken);
        feed->len -= feed->taken;
        feed->taken = 0;
    }
    size_t capacity = feed->capacity_bytes > 0 ? feed->capacity_bytes : QUEUE_FIRST_BYTES;
    while (capacity < feed->len + bytes) {
        capacity *= 2;
    }
    if (capacity > feed->capacity_bytes) {
        char *larger = realloc(feed->queue, capacity); /* LINT-OK: outlives every op */
        ASSERT(larger);
        feed->queue = larger;
        feed->capacity_bytes = capacity;
    }
}

static void put(struct http_stream_feed *feed, struct str bytes)
{
    memcpy(feed->queue + feed->len, bytes.ptr, bytes.len);
    feed->len += bytes.len;
}

/* Too much waits, or for too long: nothing more is kept for this client. */
static void cut(struct http_stream_feed *feed)
{
    feed->cut = true;
    drop_queue(feed);
    atomic_fetch_add(&feed->set->stats.cut, 1);
}

static bool is_behind(const struct http_stream_feed *feed, int64_t now_ms)
{
    return feed->behind_since_ms > 0 &&
           now_ms - feed->behind_since_ms > feed->set->limits.behind_ms;
}

/* All or nothing of the pieces. */
static void queue(struct http_stream_feed *feed, const struct str *pieces, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += pieces[i].len;
    }
    int64_t now_ms = clock_mono_ms();
    if (feed->cut || feed->stopped || feed->finished) {
        return;
    }
    if (feed->len - feed->taken + bytes > feed->set->limits.queue_max_bytes ||
        is_behind(feed, now_ms)) {
        cut(feed);
        return;
    }
    make_room(feed, bytes);
    for (size_t i = 0; i < count; i++) {
        put(feed, pieces[i]);
    }
    if (feed->behind_since_ms == 0) {
        feed->behind_since_ms = now_ms;
    }
}

/* ---- What the server calls ---- */

static size_t take(struct http_stream_feed *feed, char *ret_bytes, size_t max_bytes)
{
    size_t waiting = feed->len - feed->taken;
    size_t bytes = waiting < max_bytes ? waiting : max_bytes;
    memcpy(ret_bytes, feed->queue + feed->taken, bytes);
    feed->taken += bytes;
    if (bytes == waiting) {
        drop_queue(feed);
    }
    return bytes;
}

static void wait_for_news(struct http_stream_feed *feed)
{
    int64_t until_ms =
        feed->heartbeat_at_ms < feed->ends_at_ms ? feed->heartbeat_at_ms : feed->ends_at_ms;
    while (feed->len == feed->taken && !feed->stopped && !feed->finished && !feed->cut) {
        if (!cond_wait_until(&feed->changed, &feed->lock, until_ms)) {
            return;
        }
    }
}

/* The feed's lock is held. */
static int64_t next_block(struct http_stream_feed *feed, char *ret_bytes, size_t max_bytes)
{
    wait_for_news(feed);
    int64_t now_ms = clock_mono_ms();
    if (feed->stopped) {
        return HTTP_STREAM_END;
    }
    if (!feed->cut && is_behind(feed, now_ms)) {
        cut(feed);
    }
    if (feed->cut) {
        return HTTP_STREAM_BREAK;
    }
    struct str heartbeat = STR(HEARTBEAT);
    size_t bytes = 0;
    if (feed->len > feed->taken) {
        bytes = take(feed, ret_bytes, max_bytes);
    } else if (feed->finished || now_ms >= feed->ends_at_ms || max_bytes < heartbeat.len) {
        return HTTP_STREAM_END;
    } else {
        memcpy(ret_bytes, heartbeat.ptr, heartbeat.len);
        bytes = heartbeat.len;
    }
    feed->heartbeat_at_ms = now_ms + feed->set->limits.heartbeat_ms;
    return (int64_t)bytes;
}

static int64_t read_feed(void *ctx, char *ret_bytes, size_t max_bytes, bool stopping)
{
    struct http_stream_feed *feed = ctx;
    mutex_lock(&feed->lock);
    feed->stopped |= stopping;
    int64_t len = next_block(feed, ret_bytes, max_bytes);
    mutex_unlock(&feed->lock);
    return len;
}

static void stop_feed(void *ctx)
{
    struct http_stream_feed *feed = ctx;
    mutex_lock(&feed->lock);
    feed->stopped = true;
    cond_signal(&feed->changed);
    mutex_unlock(&feed->lock);
}

static void free_feed(struct http_stream_feed *feed)
{
    drop_queue(feed);
    cond_fini(&feed->changed);
    mutex_fini(&feed->lock);
    free(feed->about);
    free(feed);
}

static void close_feed(void *ctx)
{
    struct http_stream_feed *feed = ctx;
    struct http_stream_set *set = feed->set;
    mutex_lock(&set->lock);
    if (feed->before) {
        feed->before->next = feed->next;
    } else {
        set->first = feed->next;
    }
    if (feed->next) {
        feed->next->before = feed->before;
    }
    atomic_fetch_sub(&set->stats.open, 1);
    mutex_unlock(&set->lock);
    free_feed(feed);
}

/* ---- Opening ---- */

static void init_lock(struct http_stream_feed *feed)
{
    mutex_init(&feed->lock);
    cond_init(&feed->changed);
}

static struct http_stream_feed *new_feed(struct http_stream_set *set, struct id caller,
                                         const void *about, size_t about_bytes)
{
    struct http_stream_feed *feed = calloc(1, sizeof(*feed)); /* LINT-OK: outlives its request */
    ASSERT(feed);
    feed->about = calloc(1, about_bytes + 1); /* LINT-OK: outlives its request */
    ASSERT(feed->about);
    if (about_bytes > 0) {
        memcpy(feed->about, about, about_bytes);
    }
    const struct http_stream_limits *limits = &set->limits;
    int64_t earlier_ms = clock_mono_us() % (limits->life_ms / 8 + 1);
    int64_t now_ms = clock_mono_ms();
    feed->set = set;
    feed->caller = caller;
    feed->heartbeat_at_ms = now_ms + limits->heartbeat_ms;
    feed->ends_at_ms = now_ms + limits->life_ms - earlier_ms;
    init_lock(feed);
    return feed;
}

/* False when the caller has as many as one may have. */
static bool join(struct http_stream_set *set, struct http_stream_feed *feed)
{
    uint32_t own = 0;
    mutex_lock(&set->lock);
    for (const struct http_stream_feed *each = set->first; each; each = each->next) {
        own += id_eq(each->caller, feed->caller) ? 1 : 0;
    }
    bool free_place = own < set->limits.per_caller_max;
    if (free_place) {
        feed->next = set->first;
        if (set->first) {
            set->first->before = feed;
        }
        set->first = feed;
        atomic_fetch_add(&set->stats.open, 1);
        atomic_fetch_add(&set->stats.opened, 1);
    } else {
        atomic_fetch_add(&set->stats.refused, 1);
    }
    mutex_unlock(&set->lock);
    return free_place;
}

STATUS http_stream_open(struct op *op, struct http_stream_set *set, struct id caller,
                        const void *about, size_t about_bytes, struct http_response *ret)
{
    struct strbuf buf;
    struct str retry;
    strbuf_init(&buf, op->arena, RETRY_MAX_BYTES);
    strbuf_addf(&buf, "retry: %lld\n\n", (long long)set->limits.retry_ms);
    if (!strbuf_finish(&buf, &retry)) {
        return op_arena_full(op);
    }
    struct http_stream_feed *feed = new_feed(set, caller, about, about_bytes);
    queue(feed, &retry, 1);
    if (!join(set, feed)) {
        free_feed(feed);
        return op_fail(op, STATUS_LIMIT, "http.streams_of_caller", "%u are open",
                       set->limits.per_caller_max);
    }
    ret->content_type = STR("text/event-stream");
    ret->stream = (struct http_stream){
        .read = read_feed, .close = close_feed, .stop = stop_feed, .ctx = feed};
    return OK;
}

/* ---- News ---- */

void http_stream_each(struct http_stream_set *set,
                      void (*visit)(struct http_stream_feed *feed, void *ctx), void *ctx)
{
    mutex_lock(&set->lock);
    for (struct http_stream_feed *each = set->first; each; each = each->next) {
        visit(each, ctx);
    }
    mutex_unlock(&set->lock);
}

void *http_stream_about(struct http_stream_feed *feed)
{
    return feed->about;
}

void http_stream_send(struct http_stream_feed *feed, struct str event, struct str data)
{
    ASSERT(!memchr(data.ptr, '\n', data.len)); /* a line break would begin another field */
    const struct str pieces[] = {STR("event: "), event, STR("\ndata: "), data, STR("\n\n")};
    mutex_lock(&feed->lock);
    queue(feed, pieces, ARRAY_LEN(pieces));
    cond_signal(&feed->changed);
    mutex_unlock(&feed->lock);
    atomic_fetch_add(&feed->set->stats.events, 1);
}

void http_stream_finish(struct http_stream_feed *feed)
{
    mutex_lock(&feed->lock);
    feed->finished = true;
    cond_signal(&feed->changed);
    mutex_unlock(&feed->lock);
}
