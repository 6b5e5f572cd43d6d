/*
 * The bus over Kafka. Records come in one by one from partitions assigned by hand; messages go out
 * through one idempotent producer; one eventfd wakes the thread for both, and for `wake`.
 * Always: no record of a partition after its unassign, and a report for each message, once.
 */
#include "engine/bus_kafka.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "engine/bus_kafka_internal.h"

#define ARENA_MAX_BYTES (4 * 1024 * 1024)
#define TOPIC_NAME_MAX_BYTES 249 /* Kafka's own limit */
#define OPTION_MAX_BYTES 4096

/* Longest sleep in one go: a wake-up that librdkafka should lose costs no more than this. */
#define WAIT_SLICE_MS 100
#define ADMIN_MS 5000
/* The last positions at close: worth this much waiting, as only lag tools read them. */
#define POSITIONS_CLOSE_MS 500

/* The tail reader reads a record here and there: it keeps little, and its fetches end quickly so
 * that the next question need not wait for them. Its mark is never reached, because librdkafka
 * pauses a partition for a second when it is. */
#define TAIL_FETCH_WAIT_MS 5
#define TAIL_QUEUE_KBYTES 2048

/* ---- Opening and closing ---- */

static STATUS copy_option(struct op *op, struct bus_kafka *bus, struct str *option)
{
    if (option->len > OPTION_MAX_BYTES) {
        return op_fail(op, STATUS_STOP, "kafka.config", "an option is too long");
    }
    *option = str_dup(&bus->arena, *option);
    return option->ptr ? OK : op_arena_full(op);
}

static STATUS copy_options(struct op *op, struct bus_kafka *bus,
                           const struct bus_kafka_options *options)
{
    bus->options = *options;
    struct kafka_security *security = &bus->options.security;
    struct str *const copied[] = {
        &bus->options.brokers,     &bus->options.group_id,     &bus->options.client_id,
        &bus->options.source,      &bus->options.topic_prefix, &security->protocol,
        &security->sasl_mechanism, &security->username,        &security->ca_location,
    };
    for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
        TRY(copy_option(op, bus, copied[i]));
    }
    if (security->password) { /* kept, because reset_producer opens a new handle */
        bus->password = *security->password;
        security->password = &bus->password;
    }
    return OK;
}

static STATUS name_topics(struct op *op, struct bus_kafka *bus)
{
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        struct strbuf buf;
        strbuf_init(&buf, &bus->arena, TOPIC_NAME_MAX_BYTES);
        strbuf_add(&buf, bus->options.topic_prefix);
        strbuf_add(&buf, str_of(topology_topics[topic].name));
        struct str name;
        if (!strbuf_finish(&buf, &name)) {
            return op_fail(op, STATUS_STOP, "kafka.config", "a topic's name is too long");
        }
        bus->topic_names[topic] = name.ptr;
    }
    return OK;
}

static struct kafka_options common_options(const struct bus_kafka *bus)
{
    return (struct kafka_options){
        .brokers = bus->options.brokers,
        .client_id = bus->options.client_id,
        .security = bus->options.security,
        .log = bus->options.log,
        .log_context = bus->options.log_context,
    };
}

static STATUS open_handles(struct op *op, struct bus_kafka *bus)
{
    struct kafka_consumer_options consumer = {.common = common_options(bus),
                                              .group_id = bus->options.group_id,
                                              .queue_records = bus->options.queue_records,
                                              .queue_kbytes = bus->options.queue_kbytes};
    TRY(kafka_consumer_open(op, &consumer, &bus->consumer));
    kafka_consumer_notify(bus->consumer, bus->event_fd);
    struct kafka_consumer_options tail = consumer;
    tail.fetch_wait_ms = TAIL_FETCH_WAIT_MS;
    tail.queue_records = KAFKA_QUEUE_RECORDS;
    tail.queue_kbytes = TAIL_QUEUE_KBYTES;
    TRY(kafka_consumer_open(op, &tail, &bus->tail_reader));
    TRY(kafka_admin_borrow(op, bus->consumer, &bus->admin));
    return bus_kafka_out_open(op, bus);
}

static void bus_close(struct bus *handle)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    ASSERT(bus->held_count == 0); /* librdkafka would wait for the record for ever */
    if (bus->consumer) {
        bus_kafka_positions_flush(bus, POSITIONS_CLOSE_MS);
    }
    kafka_admin_free(bus->admin);
    kafka_consumer_free(bus->tail_reader);
    kafka_consumer_free(bus->consumer);
    kafka_producer_free(bus->producer);
    if (bus->event_fd >= 0) {
        close(bus->event_fd);
    }
    secret_fini(&bus->password);
    arena_fini(&bus->held_arena);
    struct arena arena = bus->arena; /* the struct lives in it */
    arena_fini(&arena);
}

static void bus_free_at(struct bus_kafka **bus)
{
    if (*bus) {
        bus_close(&(*bus)->bus);
    }
}

/* ---- Questions about the cluster ---- */

static STATUS bus_cluster_id(struct op *op, struct bus *bus, struct str *ret_id)
{
    return kafka_admin_cluster_id(op, bus_kafka_of(bus)->admin, ADMIN_MS, ret_id);
}

static STATUS bus_topic_info(struct op *op, struct bus *handle, enum topic topic,
                             struct bus_topic_info *ret_info)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    const char *name = bus_kafka_topic_name(bus, topic);
    struct bus_topic_info info = {0};
    TRY(kafka_admin_partition_count(op, bus->admin, name, ADMIN_MS, &info.partition_count));
    if (info.partition_count > 0) {
        TRY(kafka_admin_retention(op, bus->admin, name, ADMIN_MS, &info.retention_ms));
    }
    *ret_info = info;
    return OK;
}

/* ---- Waiting ---- */

static bool something_there(const struct bus_kafka *bus)
{
    return kafka_consumer_ready(bus->consumer) || bus->report_count > 0 ||
           (bus->producer && kafka_producer_ready(bus->producer));
}

/* True when the eventfd was written; it is then empty again. */
static bool sleep_until_event(struct bus_kafka *bus, int64_t timeout_ms)
{
    struct pollfd event = {.fd = bus->event_fd, .events = POLLIN};
    if (poll(&event, 1, (int)timeout_ms) <= 0) {
        return false;
    }
    uint64_t count = 0;
    ssize_t len = read(bus->event_fd, &count, sizeof(count));
    return len == (ssize_t)sizeof(count);
}

static void bus_wait(struct bus *handle, int64_t timeout_ms)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    int64_t until_ms = clock_mono_ms() + timeout_ms;
    for (;;) {
        bus_kafka_positions_tick(bus);
        /* Asked before each sleep: librdkafka writes the eventfd only when a queue that was found
         * empty gets something. */
        int64_t left_ms = something_there(bus) ? 0 : until_ms - clock_mono_ms();
        left_ms = left_ms < 0 ? 0 : left_ms > WAIT_SLICE_MS ? WAIT_SLICE_MS : left_ms;
        if (sleep_until_event(bus, left_ms) || left_ms == 0 || something_there(bus)) {
            return;
        }
    }
}

static void bus_rest(struct bus *handle, int64_t timeout_us)
{
    (void)handle; /* what comes is fetched by librdkafka's threads meanwhile */
    const struct timespec pause = {.tv_sec = timeout_us / 1000000,
                                   .tv_nsec = timeout_us % 1000000 * 1000};
    if (nanosleep(&pause, NULL) != 0) {
        return; /* interrupted: only shorter */
    }
}

static void bus_wake(struct bus *handle)
{
    uint64_t one = 1;
    ssize_t len = write(bus_kafka_of(handle)->event_fd, &one, sizeof(one));
    /* A full counter wakes as well. */
    ASSERT(len == (ssize_t)sizeof(one) || len < 0);
}

static const struct bus_ops bus_kafka_ops = {
    .close = bus_close,
    .cluster_id = bus_cluster_id,
    .topic_info = bus_topic_info,
    .tails = bus_kafka_tails,
    .read_back = bus_kafka_read_back,
    .assign = bus_kafka_assign,
    .unassign = bus_kafka_unassign,
    .poll = bus_kafka_poll,
    .release = bus_kafka_release,
    .wait = bus_wait,
    .rest = bus_rest,
    .wake = bus_wake,
    .commit_position = bus_kafka_commit_position,
    .produce = bus_kafka_produce,
    .hurry = bus_kafka_hurry,
    .delivered = bus_kafka_delivered,
    .in_flight = bus_kafka_in_flight,
    .reset_producer = bus_kafka_reset_producer,
};

STATUS bus_kafka_open(struct op *op, const struct bus_kafka_options *options, struct bus **ret_bus)
{
    struct arena arena;
    arena_init(&arena, ARENA_MAX_BYTES);
    struct bus_kafka *made = arena_new(&arena, struct bus_kafka, 1);
    if (!made) {
        return op_arena_full(op);
    }
    made->arena = arena;
    made->event_fd = -1;
    made->bus.ops = &bus_kafka_ops;
    DEFER(bus_free_at) struct bus_kafka *bus = made;
    TRY(copy_options(op, bus, options));
    TRY(name_topics(op, bus));
    bus->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (bus->event_fd < 0) {
        return op_fail(op, STATUS_RETRY, "kafka.unavailable", "no file descriptor is free");
    }
    TRY(open_handles(op, bus));
    *ret_bus = &TAKE(bus)->bus;
    return OK;
}
