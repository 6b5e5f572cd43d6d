#include "bench_offer.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "base/map.h"
#include "bench_busy.h"
#include "bench_deal.h"
#include "bench_report.h"
#include "engine/bus_kafka.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "wire/wire.h"

#define MESSAGE_ARENA_BYTES ((size_t)256 * 1024)
#define LOST_US ((int64_t)30 * 1000 * 1000) /* nothing more comes */
/* Sent before the clock runs. A producer's first message to a partition asks for the partition's leader, for a
 * producer id, and goes alone: what the load maker pays for being new is no matter of the engine. */
#define WARM_UP_COUNT (20 * LANES)
/* From here on the load maker's producer waits for company, as a gateway's under such a load. */
#define BUSY_PER_SECOND 1000
#define BUSY_LINGER_MS 2

struct offer {
    int64_t per_second;
    uint32_t count;
    enum topic topic; /* where what it leads to is read */
    int64_t *due_us;
    struct map by_id; /* of what is under way, or was */
    uint32_t sent, seen;
    int64_t last_us; /* when the last one was seen */
    struct bench_histogram took;
    struct bench_histogram lanes[LANES];
    const struct bench_offer_options *options;
    bool struck;
};

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
        bench_histogram_add(&offer->lanes[record->partition], now_us - offer->due_us[at]);
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

static void strike_if_due(struct offer *offer, int64_t began_us)
{
    const struct bench_offer_options *options = offer->options;
    if (options && options->strike_ms > 0 && !offer->struck &&
        clock_mono_us() - began_us >= options->strike_ms * 1000) {
        offer->struck = true;
        options->strike(options->ctx);
    }
}

static void make_offer(struct op *op, struct offer *offer, struct bus *bus)
{
    int64_t began_us = clock_mono_us();
    while (offer->sent < offer->count) {
        strike_if_due(offer, began_us);
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
                                                  .client_id = STR("bench-offer"),
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

void bench_offer(const struct bench_ground *ground, struct arena *arena,
                 const struct bench_offer_options *options, struct bench_offered *ret)
{
    enum topic topic = options->topic;
    int64_t per_second = options->per_second;
    struct arena message_arena;
    arena_init(&message_arena, MESSAGE_ARENA_BYTES);
    arena_reset(arena);
    struct op op = {.arena = &message_arena, .correlation_id = STR("bench")};
    uint32_t linger_ms = per_second >= BUSY_PER_SECOND ? BUSY_LINGER_MS : 0;
    struct bus *bus = open_bus(&op, ground, topic, linger_ms);
    make_offer(&op, new_offer(arena, per_second, WARM_UP_COUNT, topic), bus);
    struct offer *offer = new_offer(arena, per_second, per_second * options->seconds, topic);
    offer->options = options;
    struct bench_busy then = bench_busy_now();
    int64_t own_us = own_cpu_us();
    int64_t began_us = clock_mono_us();
    make_offer(&op, offer, bus);
    ret->took = &offer->took;
    ret->lanes = offer->lanes;
    int64_t took_us = offer->last_us - began_us;
    ret->reached = bench_rate(offer->count, took_us);
    ret->busy = bench_busy_since(then);
    ret->own = bench_percent_of(own_cpu_us() - own_us, took_us * sysconf(_SC_NPROCESSORS_ONLN));
    bus->ops->close(bus);
    arena_fini(&message_arena);
}
