/*
 * bench-openloop: commands come when they are due, whatever the engine does; a command's time runs from the moment it was
 * due until its event is seen by a consumer, so nothing hides behind a slow answer. In turns with its
 * floor: the same messages at the same rate through Kafka alone, written and read once.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "base/map.h"
#include "bench_busy.h"
#include "bench_child.h"
#include "bench_deal.h"
#include "bench_plot.h"
#include "bench_report.h"
#include "bench_run.h"
#include "engine/bus_kafka.h"
#include "engine/engine.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "testing/testing_env.h"
#include "testing/testing_kafka.h"
#include "wire/wire.h"

#define ARENA_BYTES ((size_t)1024 * 1024 * 1024)
#define MESSAGE_ARENA_BYTES ((size_t)256 * 1024)
#define LOST_US ((int64_t)30 * 1000 * 1000) /* nothing more comes */
/* Sent before the clock runs. A producer's first message to a partition asks for the partition's leader, for a
 * producer id, and goes alone: what the load maker pays for being new is no matter of the engine. */
#define WARM_UP_COUNT (20 * LANES)
/* From here on the load maker's producer waits for company, as a gateway's under such a load. */
#define BUSY_PER_SECOND 1000
#define BUSY_LINGER_MS 2
#define NAME_BYTES 64

struct settings {
    int64_t seconds;
    int64_t rounds;
    int64_t threads;
    int64_t max; /* the highest of the rates below that is offered */
};

static const struct bench_option options[] = {
    {"--seconds", offsetof(struct settings, seconds), 1, 600, 2},
    {"--rounds", offsetof(struct settings, rounds), 1, BENCH_ROUNDS_MAX, 1},
    {"--threads", offsetof(struct settings, threads), 1, ENGINE_THREADS_MAX, -1},
    {"--max", offsetof(struct settings, max), 200, 50000, 2000},
};

static const int64_t rates[] = {200, 1000, 2000, 5000, 10000, 15000, 20000, 30000, 40000, 50000};

struct offer {
    int64_t per_second;
    uint32_t count;
    enum topic topic; /* where what it leads to is read */
    int64_t *due_us;
    struct map by_id; /* of what is under way, or was */
    uint32_t sent, seen;
    int64_t last_us; /* when the last one was seen */
    struct bench_histogram took;
};

/* What all rounds said about one rate. */
struct rate_figures {
    struct bench_series p50, p99, p999, reached, busy, own, floor_p50, floor_p99;
};

/* ---- One offer ---- */

/* The command that a record is, or is the event of. */
static struct id cause_of(struct op *op, const struct offer *offer, const struct bus_record *record)
{
    if (offer->topic == TOPIC_ESCROW_COMMANDS_V1) {
        return record->message_id;
    }
    ProtobufCMessage *unpacked;
    struct id cause;
    arena_reset(op->arena);
    bench_must(op,
               wire_unpack(op, &holdfast__escrow__v1__escrow_event__descriptor, record->value,
                           WIRE_BUDGET_BYTES, &unpacked),
               "event");
    const Holdfast__Escrow__V1__EscrowEvent *event = (const void *)unpacked;
    bench_must(op, wire_id(op, "causation_id", event->meta->causation_id, &cause), "cause");
    return cause;
}

static void see(struct op *op, struct offer *offer, const struct bus_record *record)
{
    int64_t now_us = clock_mono_us();
    uint32_t at = map_get(&offer->by_id, cause_of(op, offer, record), UINT32_MAX);
    if (at != UINT32_MAX && offer->due_us[at] != 0) {
        bench_histogram_add(&offer->took, now_us - offer->due_us[at]);
        offer->due_us[at] = 0;
        offer->seen++;
        offer->last_us = now_us;
    }
}

static void look(struct op *op, struct offer *offer, struct bus *bus)
{
    struct bus_record record;
    bool got = true;
    struct bus_delivery delivery;
    while (bus->ops->delivered(bus, &delivery)) {
        ASSERT(delivery.ok);
    }
    while (got) {
        bench_must(op, bus->ops->poll(op, bus, &record, &got), "poll");
        if (got) {
            see(op, offer, &record);
            bus->ops->release(bus, &record);
        }
    }
}

/* Sleeps even below a millisecond: a load maker that spins measures itself. */
static void sleep_until(struct bus *bus, int64_t due_us)
{
    int64_t left_us = due_us - clock_mono_us();
    if (left_us >= 1000) {
        bus->ops->wait(bus, left_us / 1000);
    } else if (left_us > 0) {
        const struct timespec pause = {.tv_nsec = (long)left_us * 1000};
        (void)nanosleep(&pause, NULL); /* shorter is no harm */
    }
}

/* Sends the next one if the producer takes it; if not it is late, and its time runs. */
static void send(struct op *op, struct offer *offer, struct bus *bus, int64_t due_us)
{
    struct id id;
    struct status st = bench_deal_create(op, bus, &id);
    if (st.kind == STATUS_RETRY) {
        bus->ops->wait(bus, 1);
        return;
    }
    bench_must(op, st, "produce");
    offer->due_us[offer->sent] = due_us;
    map_set(&offer->by_id, id, offer->sent++);
}

static void make_offer(struct op *op, struct offer *offer, struct bus *bus)
{
    int64_t began_us = clock_mono_us();
    while (offer->sent < offer->count) {
        int64_t due_us = began_us + (int64_t)offer->sent * 1000000 / offer->per_second;
        if (clock_mono_us() >= due_us) {
            send(op, offer, bus, due_us);
        } else {
            sleep_until(bus, due_us);
        }
        look(op, offer, bus);
    }
    offer->last_us = clock_mono_us();
    while (offer->seen < offer->count && clock_mono_us() < offer->last_us + LOST_US) {
        bus->ops->wait(bus, 1);
        look(op, offer, bus);
    }
    if (offer->seen < offer->count) {
        bench_end("%" PRIu32 " of %" PRIu32 " never came", offer->count - offer->seen,
                  offer->count);
    }
}

static struct offer *new_offer(struct arena *arena, int64_t per_second, int64_t count,
                               enum topic topic)
{
    struct offer *offer = arena_new(arena, struct offer, 1);
    ASSERT(offer);
    offer->per_second = per_second;
    offer->count = (uint32_t)count;
    offer->topic = topic;
    offer->due_us = arena_new(arena, int64_t, offer->count);
    bool room = map_init(&offer->by_id, arena, offer->count);
    ASSERT(room && offer->due_us);
    return offer;
}

/* ---- One rate ---- */

static int64_t own_cpu_us(void)
{
    struct rusage usage;
    int failed = getrusage(RUSAGE_SELF, &usage);
    ASSERT(failed == 0);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* A bus that reads from the end of the topic on. */
static struct bus *open_bus(struct op *op, const struct bench_ground *ground, enum topic topic,
                            uint32_t linger_ms)
{
    const struct bus_kafka_options bus_options = {.brokers = ground->brokers,
                                                  .client_id = STR("bench-openloop"),
                                                  .source = STR("bench"),
                                                  .topic_prefix = ground->prefix,
                                                  .linger_ms = linger_ms};
    struct bus *bus;
    bench_must(op, bus_kafka_open(op, &bus_options, &bus), "bus");
    for (int32_t p = 0; p < LANES; p++) {
        struct bus_tail tail;
        bench_must(op, bus->ops->tails(op, bus, &topic, 1, p, &tail), "tails");
        bench_must(op, bus->ops->assign(op, bus, topic, p, tail.high), "assign");
    }
    return bus;
}

struct measured {
    struct offer *offer;
    int64_t reached; /* a second, until the last one was seen */
    int64_t busy;    /* hundredths of all processors */
    int64_t own;     /* of which the load maker's */
};

static void measure(struct bench_ground *ground, struct arena *arena, enum topic topic,
                    int64_t per_second, int64_t seconds, struct measured *ret)
{
    struct arena message_arena;
    arena_init(&message_arena, MESSAGE_ARENA_BYTES);
    arena_reset(arena);
    struct op op = {.arena = &message_arena, .correlation_id = STR("bench")};
    uint32_t linger_ms = per_second >= BUSY_PER_SECOND ? BUSY_LINGER_MS : 0;
    struct bus *bus = open_bus(&op, ground, topic, linger_ms);
    make_offer(&op, new_offer(arena, per_second, WARM_UP_COUNT, topic), bus);
    ret->offer = new_offer(arena, per_second, per_second * seconds, topic);
    struct bench_busy then = bench_busy_now();
    int64_t own_us = own_cpu_us();
    int64_t began_us = clock_mono_us();
    make_offer(&op, ret->offer, bus);
    int64_t took_us = ret->offer->last_us - began_us;
    ret->reached = bench_rate(ret->offer->count, took_us);
    ret->busy = bench_busy_since(then);
    ret->own = bench_percent_of(own_cpu_us() - own_us, took_us * sysconf(_SC_NPROCESSORS_ONLN));
    bus->ops->close(bus);
    arena_fini(&message_arena);
}

static void note(struct rate_figures *figures, const struct measured *measured)
{
    const struct bench_histogram *took = &measured->offer->took;
    bench_series_add(&figures->p50, bench_histogram_at(took, 5000));
    bench_series_add(&figures->p99, bench_histogram_at(took, 9900));
    bench_series_add(&figures->p999, bench_histogram_at(took, 9990));
    bench_series_add(&figures->reached, measured->reached);
    bench_series_add(&figures->busy, measured->busy);
    bench_series_add(&figures->own, measured->own);
}

/* All rates over one engine, then all over Kafka alone. */
static void run_round(const struct settings *settings, struct arena *arena,
                      struct rate_figures *figures)
{
    struct measured measured;
    const struct bench_run_options run_options = {
        .threads = (uint32_t)settings->threads, .batch_max = ENGINE_BATCH_MAX, .linger_ms = 5};
    struct bench_ground ground;
    struct bench_ground bare;
    struct bench_run run;
    bench_ground_init(&ground);
    bench_ground_init(&bare);
    bench_run_open(&run, &ground, &run_options);
    atomic_store(&run.child.control->go, true);
    for (size_t i = 0; i < ARRAY_LEN(rates) && rates[i] <= settings->max; i++) {
        measure(&ground, arena, TOPIC_ESCROW_EVENTS_V1, rates[i], settings->seconds, &measured);
        note(&figures[i], &measured);
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof(name),
                       "%" PRId64 "/s offered, %" PRId64 "/s, busy %" PRId64 " %%", rates[i],
                       measured.reached, measured.busy);
        bench_histogram_print(&measured.offer->took, name);
        measure(&bare, arena, TOPIC_ESCROW_COMMANDS_V1, rates[i], settings->seconds, &measured);
        bench_series_add(&figures[i].floor_p50, bench_histogram_at(&measured.offer->took, 5000));
        bench_series_add(&figures[i].floor_p99, bench_histogram_at(&measured.offer->took, 9900));
    }
    bench_probes_print();
    (void)bench_run_close(&run);
    bench_ground_fini(&bare);
    bench_ground_fini(&ground);
}

/* ---- The whole ---- */

static void print_table(const struct settings *settings, const struct rate_figures *figures)
{
    (void)printf("\nmedians of %" PRId64
                 " rounds\noffered/s  reached/s  busy %%  of it load maker  "
                 "p50          p99          p99.9        Kafka alone, one hop: p50, p99\n",
                 settings->rounds);
    for (size_t i = 0; i < ARRAY_LEN(rates) && rates[i] <= settings->max; i++) {
        char text[5][BENCH_MS_BYTES];
        (void)printf("%9" PRId64 "  %9" PRId64 "  %6" PRId64 "  %16" PRId64
                     "  %-11s  %-11s  %-11s  %s, %s\n",
                     rates[i], bench_series_median(&figures[i].reached),
                     bench_series_median(&figures[i].busy), bench_series_median(&figures[i].own),
                     bench_ms(bench_series_median(&figures[i].p50), text[0]),
                     bench_ms(bench_series_median(&figures[i].p99), text[1]),
                     bench_ms(bench_series_median(&figures[i].p999), text[2]),
                     bench_ms(bench_series_median(&figures[i].floor_p50), text[3]),
                     bench_ms(bench_series_median(&figures[i].floor_p99), text[4]));
    }
}

static void draw(const struct settings *settings, const struct rate_figures *figures)
{
    struct str path = testing_env("HOLDFAST_BENCH_PLOT");
    struct bench_point points[ARRAY_LEN(rates)];
    uint32_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(rates) && rates[i] <= settings->max; i++) {
        points[count++] = (struct bench_point){.offered = rates[i],
                                               .reached = bench_series_median(&figures[i].reached),
                                               .p99_us = bench_series_median(&figures[i].p99)};
    }
    if (path.len > 0) {
        bench_plot(path.ptr, "Holdfast escrow: command to event, open loop", points, count);
        (void)printf("drawn in %s\n", path.ptr);
    }
}

int main(int argc, char **argv)
{
    static struct rate_figures figures[ARRAY_LEN(rates)];
    struct settings settings = {.seconds = 10, .rounds = 3, .threads = 2, .max = 20000};
    bench_options_read(&settings, options, ARRAY_LEN(options), argc, argv);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    for (int64_t round = 0; round < settings.rounds; round++) {
        (void)printf("round %" PRId64 "\n", round + 1);
        run_round(&settings, &arena, figures);
    }
    arena_fini(&arena);
    print_table(&settings, figures);
    draw(&settings, figures);
    return 0;
}
