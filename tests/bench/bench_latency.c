#include "bench_latency.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/map.h"
#include "bench_child.h"
#include "bench_deal.h"
#include "bench_probe.h"
#include "engine/bus_kafka.h"
#include "engine/engine.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "testing/testing_kafka.h"
#include "testing/testing_pg.h"
#include "wire/wire.h"

#define ARENA_BYTES ((size_t)256 * 1024 * 1024)
#define SECONDS 5
/* Sent before the clock runs. A producer's first message to a partition asks for the partition's leader, for a
 * producer id, and goes alone: what the load maker pays for being new is no matter of the engine. */
#define WARM_UP_COUNT (20 * LANES)

struct offer {
    uint32_t per_second;
    uint32_t count;
    int64_t *due_us;
    int64_t *took_us;
    struct map by_id;
    uint32_t seen;
};

static void must(struct op *op, struct status st, const char *what)
{
    if (status_failed(st)) {
        (void)fprintf(stderr, "bench: %s: %s: %s\n", what, op->err.code, op->err.msg);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
        exit(1); /* LINT-OK: a benchmark that cannot go on */
    }
}

static void see(struct op *op, struct offer *offer, const struct bus_record *record)
{
    int64_t now_us = clock_mono_us();
    ProtobufCMessage *unpacked;
    must(op,
         wire_unpack(op, &holdfast__escrow__v1__escrow_event__descriptor, record->value,
                     WIRE_BUDGET_BYTES, &unpacked),
         "event");
    const Holdfast__Escrow__V1__EscrowEvent *event = (const void *)unpacked;
    struct id cause;
    must(op, wire_id(op, "causation_id", event->meta->causation_id, &cause), "cause");
    uint32_t at = map_get(&offer->by_id, cause, UINT32_MAX);
    if (at != UINT32_MAX && offer->took_us[at] == 0) {
        offer->took_us[at] = now_us - offer->due_us[at];
        offer->seen++;
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
        must(op, bus->ops->poll(op, bus, &record, &got), "poll");
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

static void make_offer(struct op *op, struct offer *offer, struct bus *bus)
{
    int64_t began_us = clock_mono_us();
    for (uint32_t i = 0; i < offer->count;) {
        int64_t due_us = began_us + (int64_t)i * 1000000 / offer->per_second;
        if (clock_mono_us() >= due_us) {
            offer->due_us[i] = due_us;
            map_set(&offer->by_id, bench_deal_create(bus, i), i);
            i++;
        } else {
            sleep_until(bus, due_us);
        }
        look(op, offer, bus);
    }
    int64_t until_us = clock_mono_us() + 10 * 1000000;
    while (offer->seen < offer->count && clock_mono_us() < until_us) {
        bus->ops->wait(bus, 1);
        look(op, offer, bus);
    }
}

static struct offer new_offer(struct op *op, uint32_t per_second, uint32_t count)
{
    struct offer offer = {.per_second = per_second, .count = count};
    offer.due_us = arena_new(op->arena, int64_t, count);
    offer.took_us = arena_new(op->arena, int64_t, count);
    bool room = map_init(&offer.by_id, op->arena, count);
    ASSERT(room && offer.due_us && offer.took_us);
    return offer;
}

/* linger_ms: of the load maker, as a gateway under such a load would have it. */
static void measure(struct op *op, const struct bus_kafka_options *common, uint32_t linger_ms,
                    uint32_t per_second)
{
    struct bus_kafka_options options = *common;
    options.linger_ms = linger_ms;
    struct bus *bus;
    must(op, bus_kafka_open(op, &options, &bus), "bus");
    for (int32_t p = 0; p < LANES; p++) {
        must(op, bus->ops->assign(op, bus, TOPIC_ESCROW_EVENTS_V1, p, 0), "assign");
    }
    struct offer warm_up = new_offer(op, per_second, WARM_UP_COUNT);
    make_offer(op, &warm_up, bus);
    struct offer offer = new_offer(op, per_second, per_second * SECONDS);
    make_offer(op, &offer, bus);
    (void)bench_median(offer.took_us, offer.count); /* sorts */
    (void)printf("offered %6" PRIu32 "/s: produce to event p50 %" PRId64 ".%02" PRId64
                 " ms, p99 %" PRId64 ".%02" PRId64 " ms%s\n",
                 per_second, bench_percentile(offer.took_us, offer.count, 50) / 1000,
                 bench_percentile(offer.took_us, offer.count, 50) % 1000 / 10,
                 bench_percentile(offer.took_us, offer.count, 99) / 1000,
                 bench_percentile(offer.took_us, offer.count, 99) % 1000 / 10,
                 offer.seen == offer.count ? "" : " (some never came)");
    (void)fflush(stdout);
    bus->ops->close(bus);
}

void bench_latency(uint32_t threads)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct op op = {.arena = &arena, .correlation_id = STR("bench")};
    DEFER(testing_pg_free_at) struct testing_pg *pg = testing_pg_new("escrow");
    struct str brokers = testing_kafka_real();
    struct str prefix = testing_kafka_prefix(&op);
    must(&op, testing_kafka_create(&op, brokers, prefix), "topics");
    struct bench_child_options options = {.database_url = testing_pg_url(pg),
                                          .brokers = brokers,
                                          .topic_prefix = prefix,
                                          .threads = threads,
                                          .batch_max = ENGINE_BATCH_MAX,
                                          .linger_ms = 5};
    struct bench_child child = bench_child_start(&options);
    bench_child_wait_ready(&child);
    atomic_store(&child.control->go, true);
    struct bus_kafka_options bus_options = {.brokers = brokers,
                                            .client_id = STR("bench-latency"),
                                            .source = STR("bench"),
                                            .topic_prefix = prefix};
    measure(&op, &bus_options, 0, 200);
    measure(&op, &bus_options, 0, 200);
    measure(&op, &bus_options, 2, 2000);
    bench_child_stop(&child);
    testing_kafka_drop(&op, brokers, prefix);
    arena_fini(&arena);
}
