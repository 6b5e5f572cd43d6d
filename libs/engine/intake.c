/*
 * Many threads submit, one commits. While a commit runs the next requests gather, so that a busy
 * intake makes large groups and a quiet one commits at once. After the commit the waiting threads
 * are woken, then the records are produced; acknowledgements are written down once a second.
 */
#include "engine/intake.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/lane.h"
#include "base/mutex.h"
#include "base/pace.h"
#include "base/random.h"
#include "engine/bus_kafka.h"
#include "engine/intake_group.h"
#include "engine/intake_wait.h"
#include "obs/log.h"

#define ARENA_BYTES ((size_t)8 * 1024 * 1024) /* a group's columns, some 200 bytes a request */
#define SET_BUCKETS 8192                      /* a power of two above INTAKE_QUEUE_MAX */
#define ACK_MAX 8192                          /* remembered acknowledgements; more are let go */
#define ACK_EVERY_MS 1000
#define IDLE_WAIT_MS 1000
#define CONNECT_BACKOFF_MS 50
#define CONNECT_BACKOFF_MAX_MS 2000
#define CLOSE_POLL_MS 20
#define PRODUCER_LINGER_MS 1 /* measured: fuller requests cost the publisher no visible time */
/* Small groups (R16): a burst of them at once, then one each so many microseconds, while others gather. */
#define GROUP_SMALL 64
#define SMALL_EVERY_US 10000
#define SMALL_BURST 8
#define REST_SLICE_US 1000

_Static_assert((SET_BUCKETS & (SET_BUCKETS - 1)) == 0, "buckets are picked by mask");

struct intake {
    pthread_mutex_t mutex;
    pthread_cond_t left; /* a submitting thread went away */
    struct intake_entry *first;
    struct intake_entry **last_link;
    uint32_t queued;
    uint32_t submitting; /* threads inside intake_submit */
    size_t bytes;        /* of all entries, queued and in the group */
    bool closing;
    int64_t close_by_ms;
    int64_t backlog_max_ms; /* of the options */
    struct intake_entry *set[SET_BUCKETS];

    /* The committing thread's own. */
    pthread_t thread;
    struct pg_conn *conn;
    struct bus *bus;
    struct pace small_pace;
    struct arena arena;
    struct op op;
    struct random random;
    uint32_t connect_tries;
    int64_t connect_at_ms;
    struct intake_entry *group[INTAKE_GROUP_MAX];
    struct id acked[ACK_MAX];
    uint32_t acked_count;
    int64_t ack_at_ms;
    struct intake_wait wait;

    struct intake_stats stats;
};

static void count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* ---- Entries ---- */

/* Under the mutex. */
static void entry_let_go(struct intake *intake, struct intake_entry *entry)
{
    if (--entry->holders == 0) {
        intake->bytes -= entry->bytes;
        intake_entry_free(entry);
    }
}

static struct intake_entry **bucket_of(struct intake *intake, struct id id)
{
    struct str bytes = {.ptr = (const char *)id.bytes, .len = sizeof(id.bytes)};
    return &intake->set[hash_spread(bytes) & (SET_BUCKETS - 1)];
}

static bool set_has(struct intake *intake, struct id id)
{
    for (struct intake_entry *entry = *bucket_of(intake, id); entry; entry = entry->chain) {
        if (id_eq(entry->request.id, id)) {
            return true;
        }
    }
    return false;
}

static void set_remove(struct intake *intake, struct intake_entry *entry)
{
    struct intake_entry **link = bucket_of(intake, entry->request.id);
    while (*link != entry) {
        ASSERT(*link);
        link = &(*link)->chain;
    }
    *link = entry->chain;
}

/* ---- Submitting ---- */

/* Waits under the mutex; false when the deadline passed first. */
static bool wait_finished(struct intake *intake, struct intake_entry *entry, int64_t deadline_ms)
{
    while (!entry->finished) {
        if (deadline_ms == 0) {
            cond_wait(&entry->changed, &intake->mutex);
            continue;
        }
        if (!cond_wait_until(&entry->changed, &intake->mutex, deadline_ms)) {
            return false;
        }
    }
    return true;
}

int64_t intake_backlog_ms(struct intake *intake)
{
    int64_t since_ms = atomic_load_explicit(&intake->stats.waiting_since_ms, memory_order_relaxed);
    return since_ms == 0 ? 0 : clock_mono_ms() - since_ms;
}

/* Under the mutex. R17: why no more like this are taken, or NULL. */
static const char *why_refused(struct intake *intake, const struct intake_request *request)
{
    uint32_t kept = request->refused_last ? 0 : INTAKE_RESERVE;
    size_t kept_bytes = request->refused_last ? 0 : INTAKE_RESERVE_BYTES;
    if (!request->refused_last && intake->backlog_max_ms > 0 &&
        intake_backlog_ms(intake) > intake->backlog_max_ms) {
        return "intake.backlog";
    }
    if (intake->queued + kept >= INTAKE_QUEUE_MAX ||
        intake->bytes + intake_entry_bytes(request) + kept_bytes > INTAKE_QUEUE_MAX_BYTES) {
        return "intake.full";
    }
    return NULL;
}

/* Under the mutex. *ret_busy: the same id is on its way. */
static STATUS enqueue(struct op *op, struct intake *intake, const struct intake_request *request,
                      struct intake_entry **ret_entry, bool *ret_busy)
{
    if (intake->closing) {
        return op_fail(op, STATUS_RETRY, "intake.unavailable", "closing");
    }
    if (set_has(intake, request->id)) {
        *ret_busy = true;
        return OK;
    }
    const char *refusal = why_refused(intake, request);
    if (refusal) {
        return op_fail(op, STATUS_RETRY, refusal, "%u requests wait", intake->queued);
    }
    struct intake_entry *entry = intake_entry_new(request);
    if (!entry) {
        return op_fail(op, STATUS_RETRY, "intake.full", "no memory");
    }
    struct intake_entry **bucket = bucket_of(intake, request->id);
    entry->chain = *bucket;
    *bucket = entry;
    *intake->last_link = entry;
    intake->last_link = &entry->next;
    intake->bytes += entry->bytes;
    intake->queued++;
    atomic_store_explicit(&intake->stats.queued, intake->queued, memory_order_relaxed);
    *ret_entry = entry;
    return OK;
}

static STATUS check_request(struct op *op, const struct intake_request *request)
{
    ASSERT(!id_is_none(request->id));
    ASSERT(request->topic < TOPIC_COUNT);
    ASSERT(request->topic != TOPIC_NONE || request->extra_table);
    ASSERT(request->topic == TOPIC_NONE || topology_topics[request->topic].kind == TOPOLOGY_INTAKE);
    ASSERT(!request->extra_table == !request->extra_row);
    if (request->payload.len > BUS_VALUE_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "intake.too_large", "%zu bytes", request->payload.len);
    }
    return op_check_deadline(op);
}

/* Under the mutex: waits, and takes the outcome over. */
static STATUS await(struct op *op, struct intake *intake, struct intake_entry *entry,
                    enum intake_result *ret_result)
{
    if (!wait_finished(intake, entry, op->deadline_ms)) {
        return op_fail(op, STATUS_CANCELED, "op.deadline", "not stored yet");
    }
    if (status_failed(entry->status)) {
        op->err = entry->err;
        return entry->status;
    }
    *ret_result = entry->result;
    return OK;
}

STATUS intake_submit(struct op *op, struct intake *intake, const struct intake_request *request,
                     enum intake_result *ret_result)
{
    TRY(check_request(op, request));
    mutex_lock(&intake->mutex);
    bool was_empty = intake->queued == 0;
    bool busy = false;
    struct intake_entry *entry = NULL;
    struct status st = enqueue(op, intake, request, &entry, &busy);
    if (entry) {
        intake->submitting++;
        if (was_empty) {
            intake->bus->ops->wake(intake->bus);
        }
        st = await(op, intake, entry, ret_result);
        entry_let_go(intake, entry);
        intake->submitting--;
        if (intake->submitting == 0 && intake->closing) {
            cond_signal(&intake->left);
        }
    }
    mutex_unlock(&intake->mutex);
    if (busy) {
        count(&intake->stats.busy, 1);
        *ret_result = INTAKE_BUSY;
    }
    return st;
}

struct intake_stats *intake_stats(struct intake *intake)
{
    return &intake->stats;
}

/* ---- The committing thread ---- */

static int by_id(const void *a, const void *b)
{
    const struct intake_entry *const *left = a;
    const struct intake_entry *const *right = b;
    return id_compare((*left)->request.id, (*right)->request.id);
}

static bool is_small(const struct intake *intake)
{
    uint32_t queued = atomic_load(&intake->stats.queued);
    return queued > 0 && queued < GROUP_SMALL;
}

/* A quiet intake takes what is there, a busy one lets a group gather. */
static void gather(struct intake *intake)
{
    int64_t wait_us = pace_wait_us(&intake->small_pace, clock_mono_us());
    while (wait_us > 0 && is_small(intake)) {
        intake->bus->ops->rest(intake->bus, wait_us < REST_SLICE_US ? wait_us : REST_SLICE_US);
        wait_us = pace_wait_us(&intake->small_pace, clock_mono_us());
    }
}

static uint32_t take_group(struct intake *intake)
{
    uint32_t taken = 0;
    mutex_lock(&intake->mutex);
    while (intake->first && taken < INTAKE_GROUP_MAX) {
        struct intake_entry *entry = intake->first;
        intake->first = entry->next;
        intake->group[taken++] = entry;
    }
    if (!intake->first) {
        intake->last_link = &intake->first;
    }
    intake->queued -= taken;
    atomic_store_explicit(&intake->stats.queued, intake->queued, memory_order_relaxed);
    mutex_unlock(&intake->mutex);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers is sorted */
    qsort(intake->group, taken, sizeof(intake->group[0]), by_id);
    return taken;
}

/* Connected, or not the time to try again. */
static bool is_connected(struct intake *intake)
{
    if (pg_conn_is_alive(intake->conn)) {
        return true;
    }
    if (clock_mono_ms() < intake->connect_at_ms) {
        return false;
    }
    struct status st = pg_conn_connect(&intake->op, intake->conn);
    if (status_failed(st)) {
        log_warn(&intake->op, "intake.no_database", LOG_STATUS(st), LOG_FAILURE(&intake->op));
        intake->connect_at_ms =
            clock_mono_ms() + random_backoff_ms(&intake->random, intake->connect_tries,
                                                CONNECT_BACKOFF_MS, CONNECT_BACKOFF_MAX_MS);
        intake->connect_tries++;
        return false;
    }
    intake->connect_tries = 0;
    return true;
}

static void tally(struct intake *intake, uint32_t group_count)
{
    uint64_t results[INTAKE_RESULT_COUNT] = {0};
    for (uint32_t i = 0; i < group_count; i++) {
        results[intake->group[i]->result]++;
    }
    count(&intake->stats.groups, 1);
    count(&intake->stats.stored, results[INTAKE_STORED]);
    count(&intake->stats.repeated, results[INTAKE_REPEATED]);
    count(&intake->stats.different, results[INTAKE_DIFFERENT]);
    count(&intake->stats.failed, results[INTAKE_RESULT_NONE]);
}

/* Their ids may be used again from here on; the entries stay ours until they are let go. */
static void wake_submitters(struct intake *intake, uint32_t group_count)
{
    mutex_lock(&intake->mutex);
    for (uint32_t i = 0; i < group_count; i++) {
        struct intake_entry *entry = intake->group[i];
        set_remove(intake, entry);
        entry->finished = true;
        cond_signal(&entry->changed);
    }
    mutex_unlock(&intake->mutex);
}

/* What cannot be produced now is published by the owner of its lane when it is due. */
static void publish(struct intake *intake, const struct intake_entry *entry)
{
    const struct intake_request *request = &entry->request;
    if (entry->result != INTAKE_STORED || request->topic == TOPIC_NONE) {
        return;
    }
    char key[ID_TEXT_BYTES];
    id_format(request->key, key);
    struct bus_message message = {
        .topic = request->topic,
        .partition = lane_of_key(request->key),
        .message_id = request->id,
        .type = request->type,
        .key = {.ptr = key, .len = ID_TEXT_BYTES - 1},
        .value = request->payload,
    };
    struct status st = intake->bus->ops->produce(&intake->op, intake->bus, &message);
    if (status_failed(st)) {
        log_warn(&intake->op, "intake.not_produced", LOG_STATUS(st), LOG_FAILURE(&intake->op));
        intake_wait_left(&intake->wait, clock_mono_ms());
        return;
    }
    intake_wait_produced(&intake->wait, message.partition, clock_mono_ms());
}

static void show_waiting(struct intake *intake)
{
    atomic_store_explicit(&intake->stats.waiting_since_ms, intake_wait_since_ms(&intake->wait),
                          memory_order_relaxed);
}

static void finish_group(struct intake *intake, uint32_t group_count)
{
    tally(intake, group_count);
    CRASH_POINT("intake-after-commit-before-publish");
    wake_submitters(intake, group_count);
    for (uint32_t i = 0; i < group_count; i++) {
        publish(intake, intake->group[i]);
    }
    CRASH_POINT("intake-after-publish");
    show_waiting(intake);
    mutex_lock(&intake->mutex);
    for (uint32_t i = 0; i < group_count; i++) {
        entry_let_go(intake, intake->group[i]);
    }
    mutex_unlock(&intake->mutex);
}

static void fail_group(struct intake *intake, uint32_t group_count)
{
    struct op *op = &intake->op;
    struct status st = op_fail(op, STATUS_RETRY, "intake.unavailable", "no database");
    for (uint32_t i = 0; i < group_count; i++) {
        intake->group[i]->status = st;
        intake->group[i]->err = op->err;
    }
}

static void begin_work(struct intake *intake, int64_t deadline_ms)
{
    arena_reset(&intake->arena);
    intake->op = (struct op){
        .arena = &intake->arena, .correlation_id = STR("intake"), .deadline_ms = deadline_ms};
}

static void take_deliveries(struct intake *intake)
{
    struct bus_delivery delivery;
    bool broken = false;
    while (intake->bus->ops->delivered(intake->bus, &delivery)) {
        if (!delivery.ok) {
            broken = true;
            continue;
        }
        intake_wait_acknowledged(&intake->wait, delivery.partition);
        count(&intake->stats.published, 1);
        if (intake->acked_count < ACK_MAX) {
            intake->acked[intake->acked_count++] = delivery.message_id;
        }
    }
    if (broken) { /* what it dropped is published again when it is due */
        struct status st = intake->bus->ops->reset_producer(&intake->op, intake->bus);
        intake_wait_dropped(&intake->wait, clock_mono_ms());
        log_warn(&intake->op, "intake.producer_reset", LOG_STATUS(st));
    }
    show_waiting(intake);
}

/* now: do not wait for the second to pass. */
static void write_acks(struct intake *intake, bool now)
{
    bool due = now || clock_mono_ms() >= intake->ack_at_ms || intake->acked_count == ACK_MAX;
    if (intake->acked_count == 0 || !due) {
        return;
    }
    intake->ack_at_ms = clock_mono_ms() + ACK_EVERY_MS;
    if (!is_connected(intake)) {
        return;
    }
    CRASH_POINT("intake-before-acknowledged");
    struct status st =
        intake_group_acknowledged(&intake->op, intake->conn, intake->acked, intake->acked_count);
    if (status_failed(st)) {
        log_warn(&intake->op, "intake.acks_failed", LOG_STATUS(st), LOG_FAILURE(&intake->op));
    }
    intake->acked_count = 0; /* written, or not worth a second try */
}

/* Takes one group, if there is one, from the queue to Kafka. */
static bool work(struct intake *intake, int64_t deadline_ms)
{
    begin_work(intake, deadline_ms);
    gather(intake);
    uint32_t group_count = take_group(intake);
    if (group_count > 0 && group_count < GROUP_SMALL) {
        pace_take(&intake->small_pace, clock_mono_us());
    }
    if (group_count > 0) {
        CRASH_POINT("intake-before-store");
        if (is_connected(intake)) {
            intake_group_store(&intake->op, intake->conn, intake->group, group_count);
        } else {
            fail_group(intake, group_count);
        }
        finish_group(intake, group_count);
        begin_work(intake, deadline_ms);
    }
    take_deliveries(intake);
    write_acks(intake, false);
    return group_count > 0;
}

static bool is_closing(struct intake *intake, int64_t *ret_close_by_ms)
{
    mutex_lock(&intake->mutex);
    bool closing = intake->closing;
    *ret_close_by_ms = intake->close_by_ms;
    mutex_unlock(&intake->mutex);
    return closing;
}

/* The queue is taken to its end, which is quick when the database is away; then Kafka may answer. */
static void drain(struct intake *intake, int64_t close_by_ms)
{
    while (work(intake, close_by_ms)) {
    }
    struct bus *bus = intake->bus;
    while (bus->ops->in_flight(bus) > 0 && clock_mono_ms() < close_by_ms) {
        bus->ops->wait(bus, CLOSE_POLL_MS);
        begin_work(intake, close_by_ms);
        take_deliveries(intake);
    }
    begin_work(intake, close_by_ms);
    take_deliveries(intake);
    write_acks(intake, true);
}

static void *run(void *arg)
{
    struct intake *intake = arg;
    int64_t close_by_ms = 0;
    begin_work(intake, 0);
    (void)is_connected(intake); /* the first request need not wait for it */
    while (!is_closing(intake, &close_by_ms)) {
        if (!work(intake, 0)) {
            int64_t wait_ms =
                intake->acked_count > 0 ? intake->ack_at_ms - clock_mono_ms() : IDLE_WAIT_MS;
            intake->bus->ops->wait(intake->bus, wait_ms > 0 ? wait_ms : 0);
        }
    }
    drain(intake, close_by_ms);
    return NULL;
}

/* ---- Opening and closing ---- */

static void intake_free(struct intake *intake)
{
    if (!intake) {
        return;
    }
    pg_conn_free(intake->conn);
    if (intake->bus) {
        intake->bus->ops->close(intake->bus);
    }
    arena_fini(&intake->arena);
    cond_fini(&intake->left);
    mutex_fini(&intake->mutex);
    free(intake);
}

DEFINE_FREE_AT(struct intake, intake_free)

static struct intake *intake_new(void)
{
    struct intake *intake = calloc(1, sizeof(*intake)); /* LINT-OK: lives as long as the process */
    ASSERT(intake);
    mutex_init(&intake->mutex);
    cond_init(&intake->left);
    intake->last_link = &intake->first;
    arena_init(&intake->arena, ARENA_BYTES);
    uint64_t seed;
    struct id id = id_random();
    memcpy(&seed, id.bytes, sizeof(seed));
    intake->random = random_seeded(seed);
    return intake;
}

STATUS intake_open(struct op *op, const struct intake_options *options, struct intake **ret_intake)
{
    DEFER(intake_free_at) struct intake *intake = intake_new();
    intake->backlog_max_ms = options->backlog_max_ms;
    intake->small_pace = (struct pace){.interval_us = SMALL_EVERY_US, .burst = SMALL_BURST};
    TRY(intake_group_conn(op, options, &intake->conn));
    if (options->bus) {
        intake->bus = options->bus;
    } else {
        struct bus_kafka_options bus = {.brokers = options->kafka_brokers,
                                        .client_id = options->source,
                                        .source = options->source,
                                        .linger_ms = PRODUCER_LINGER_MS,
                                        .security = options->security,
                                        .log = options->log};
        TRY(bus_kafka_open(op, &bus, &intake->bus));
    }
    int failed = pthread_create(&intake->thread, NULL, run, intake);
    ASSERT(failed == 0);
    *ret_intake = TAKE(intake);
    return OK;
}

void intake_close(struct intake *intake, int64_t drain_ms)
{
    if (!intake) {
        return;
    }
    mutex_lock(&intake->mutex);
    intake->closing = true;
    intake->close_by_ms = clock_mono_ms() + drain_ms;
    mutex_unlock(&intake->mutex);
    intake->bus->ops->wake(intake->bus);
    int failed = pthread_join(intake->thread, NULL);
    ASSERT(failed == 0);
    mutex_lock(&intake->mutex);
    while (intake->submitting > 0) { /* they were woken, and only have to leave */
        cond_wait(&intake->left, &intake->mutex);
    }
    mutex_unlock(&intake->mutex);
    intake_free(intake);
}
