/*
 * bench-latency: from the moment when a POST /v1/escrows was due until the deal is seen by a client of GET /v1/events. Nearly
 * alone, then at half of what gateway and escrow can do, which is found out first. In turns with its floor: the
 * three commits of the same rows and two Kafka hops, one after the other, with no service.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "base/map.h"
#include "bench_api.h"
#include "bench_busy.h"
#include "bench_floor.h"
#include "bench_net.h"
#include "bench_report.h"
#include "engine/bus_kafka.h"
#include "testing/testing_kafka.h"

#define ACCEPTED 202
#define CONNECTIONS 64
#define LOST_US ((int64_t)30 * 1000 * 1000) /* nothing more comes */
#define ARENA_BYTES ((size_t)512 * 1024 * 1024)
#define RECORD_BYTES 400 /* a command or an event of a deal's creation, headers not counted */
#define HOP_WAIT_MS 100
#define TOPIC_TRIES 5
#define LATE_ROOM 100000 /* events of deals before these */

struct settings {
    int64_t quiet_per_second;
    int64_t seconds;
    int64_t capacity_seconds;
    int64_t rounds;
};

static const struct bench_option options[] = {
    {"--quiet-per-second", offsetof(struct settings, quiet_per_second), 1, 1000, 10},
    {"--seconds", offsetof(struct settings, seconds), 1, 600, 2},
    {"--capacity-seconds", offsetof(struct settings, capacity_seconds), 1, 60, 1},
    {"--rounds", offsetof(struct settings, rounds), 1, BENCH_ROUNDS_MAX, 1},
};

/* The three transactions between a request and its event. */
static const struct bench_floor_part parts[] = {
    {.name = "taken", .service = "gateway", .tables = "intake,escrow_pending"},
    {.name = "decided", .service = "escrow", .tables = ""},
    {.name = "shown", .service = "gateway", .tables = "-intake,escrow_pending"},
};

struct deal {
    int64_t due_us;
    int64_t seen_us;
};

struct load {
    struct bench_net *net;
    struct bench_api api;
    uint32_t server;
    struct arena arena;
    struct map by_id;
    struct deal
        *deals; /* by the number that by_id has for an id: whoever comes first, answer or event */
    uint32_t deal_count, deal_room;
    int64_t *due_us; /* by tag */
    int64_t count, sent, accepted, seen;
    struct bench_histogram to_answer, to_event;
};

static void begin(struct load *load, int64_t count)
{
    arena_reset(&load->arena);
    load->count = count;
    load->sent = load->accepted = load->seen = 0;
    load->deal_count = 0;
    load->deal_room = (uint32_t)count + LATE_ROOM;
    load->to_answer = load->to_event = (struct bench_histogram){.count = 0};
    load->deals = arena_new(&load->arena, struct deal, load->deal_room);
    load->due_us = arena_new(&load->arena, int64_t, (size_t)count);
    bool room = map_init(&load->by_id, &load->arena, load->deal_room);
    ASSERT(room && load->deals && load->due_us);
}

static struct deal *deal_of(struct load *load, struct str text)
{
    struct id id;
    if (!id_parse(text, &id)) {
        bench_end("no id: " STR_FMT, STR_ARG(text));
    }
    uint32_t at = map_get(&load->by_id, id, UINT32_MAX);
    if (at == UINT32_MAX) {
        ASSERT(load->deal_count < load->deal_room);
        at = load->deal_count++;
        map_set(&load->by_id, id, at);
    }
    return &load->deals[at];
}

static void note_pair(struct load *load, const struct deal *deal)
{
    if (deal->due_us != 0 && deal->seen_us != 0) {
        bench_histogram_add(&load->to_event, deal->seen_us - deal->due_us);
        load->seen++;
    }
}

static void note(struct load *load, const struct bench_news *news)
{
    if (news->kind == BENCH_NEWS_EVENT) {
        struct deal *deal = str_eq(news->event, STR("deal"))
                                ? deal_of(load, bench_net_field(news->body, STR("\"id\":\"")))
                                : NULL;
        if (deal && deal->seen_us == 0) {
            deal->seen_us = news->at_us;
            note_pair(load, deal);
        }
        return;
    }
    if (news->status != ACCEPTED) {
        bench_end("the gateway answers %" PRId64 ": " STR_FMT, news->status, STR_ARG(news->body));
    }
    struct deal *deal = deal_of(load, bench_net_field(news->body, STR("\"escrow_id\":\"")));
    deal->due_us = load->due_us[news->tag];
    bench_histogram_add(&load->to_answer, news->at_us - deal->due_us);
    load->accepted++;
    note_pair(load, deal);
}

static bool ask(struct load *load, int64_t due_us)
{
    load->due_us[load->sent] = due_us;
    if (!bench_net_send(load->net, load->server, (uint64_t)load->sent,
                        bench_api_create(&load->api))) {
        return false;
    }
    load->sent++;
    return true;
}

static void wait_all(struct load *load)
{
    struct bench_news news;
    load->count = load->sent;
    while (load->seen < load->count) {
        if (!bench_net_next(load->net, clock_mono_us() + LOST_US, &news)) {
            bench_end("%" PRId64 " deals were never seen", load->count - load->seen);
        }
        note(load, &news);
    }
}

/* Open loop: each is sent when it is due, or as soon as a connection is free; its time runs from when it was due. */
static void offer(struct load *load, int64_t per_second, int64_t seconds)
{
    struct bench_news news;
    begin(load, per_second * seconds);
    int64_t began_us = clock_mono_us();
    while (load->sent < load->count) {
        int64_t due_us = began_us + load->sent * 1000000 / per_second;
        if (clock_mono_us() >= due_us && ask(load, due_us)) {
            continue;
        }
        /* All connections are busy, or nothing is due yet. */
        int64_t until_us = clock_mono_us() >= due_us ? clock_mono_us() + LOST_US : due_us;
        if (bench_net_next(load->net, until_us, &news)) {
            note(load, &news);
        }
    }
    wait_all(load);
}

/* Closed loop: as many a second as are seen when every connection is always busy. */
static int64_t capacity(struct load *load, int64_t seconds)
{
    struct bench_news news;
    begin(load, 50000 * seconds);
    int64_t began_us = clock_mono_us();
    while (clock_mono_us() - began_us < seconds * 1000000) {
        while (bench_net_free_count(load->net, load->server) > 0 && load->sent < load->count &&
               ask(load, clock_mono_us())) {
        }
        if (bench_net_next(load->net, clock_mono_us() + LOST_US, &news)) {
            note(load, &news);
        }
    }
    wait_all(load);
    return bench_rate(load->count, clock_mono_us() - began_us);
}

/* ---- The floor ---- */

struct hops {
    struct arena arena;
    struct op op;
    struct str brokers, prefix;
    struct bus *bus;
};

static void open_hops(struct hops *hops)
{
    arena_init(&hops->arena, 1024 * 1024);
    hops->op = (struct op){.arena = &hops->arena, .correlation_id = STR("bench")};
    hops->brokers = testing_kafka_real();
    hops->prefix = testing_kafka_prefix(&hops->op);
    struct status made = testing_kafka_create(&hops->op, hops->brokers, hops->prefix);
    for (int tries = 1; made.kind == STATUS_RETRY && tries < TOPIC_TRIES; tries++) {
        made = testing_kafka_create(&hops->op, hops->brokers, hops->prefix); /* a busy machine */
    }
    bench_must(&hops->op, made, "topics");
    const struct bus_kafka_options bus_options = {.brokers = hops->brokers,
                                                  .client_id = STR("bench-floor"),
                                                  .source = STR("bench"),
                                                  .topic_prefix = hops->prefix};
    bench_must(&hops->op, bus_kafka_open(&hops->op, &bus_options, &hops->bus), "bus");
    struct bus *bus = hops->bus;
    bench_must(&hops->op, bus->ops->assign(&hops->op, bus, TOPIC_ESCROW_COMMANDS_V1, 0, 0),
               "assign");
}

static void close_hops(struct hops *hops)
{
    hops->bus->ops->close(hops->bus);
    testing_kafka_drop(&hops->op, hops->brokers, hops->prefix);
    arena_fini(&hops->arena);
}

/* Written, acknowledged or not, and read back. */
static void hop(struct hops *hops)
{
    static const char value[RECORD_BYTES];
    struct bus *bus = hops->bus;
    struct bus_delivery delivery;
    struct bus_record record;
    const struct bus_message message = {.topic = TOPIC_ESCROW_COMMANDS_V1,
                                        .message_id = id_random(),
                                        .type = STR("holdfast.escrow.v1.CreateEscrow"),
                                        .key = STR("00000000-0000-0000-0000-000000000000"),
                                        .value = {.ptr = value, .len = sizeof(value)}};
    bench_must(&hops->op, bus->ops->produce(&hops->op, bus, &message), "produce");
    bus->ops->hurry(bus);
    for (bool got = false; !got;) {
        bench_must(&hops->op, bus->ops->poll(&hops->op, bus, &record, &got), "poll");
        if (!got) {
            bus->ops->wait(bus, HOP_WAIT_MS);
        }
        while (bus->ops->delivered(bus, &delivery)) {
            ASSERT(delivery.ok);
        }
    }
    bus->ops->release(bus, &record);
}

/* As many as there were deals, at the same pace. */
static void play_floor(struct bench_floor *floor, struct hops *hops, int64_t count,
                       int64_t per_second, struct bench_histogram *took)
{
    *took = (struct bench_histogram){.count = 0};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        (void)bench_floor_take(floor, &parts[i], count);
    }
    int64_t began_us = clock_mono_us();
    for (int64_t step = 0; step < count; step++) {
        int64_t due_us = began_us + step * 1000000 / per_second;
        while (clock_mono_us() < due_us) {
            hops->bus->ops->wait(hops->bus, (due_us - clock_mono_us()) / 1000 + 1);
        }
        int64_t from_us = clock_mono_us();
        bench_floor_step(floor, &parts[0], step);
        hop(hops);
        bench_floor_step(floor, &parts[1], step);
        hop(hops);
        bench_floor_step(floor, &parts[2], step);
        bench_histogram_add(took, clock_mono_us() - from_us);
    }
}

/* ---- Rounds ---- */

struct figures {
    struct bench_series quiet_p50, quiet_p99, half_p50, half_p99, floor_p50, to_floor;
};

static void run_round(struct load *load, struct bench_floor *floor, struct hops *hops,
                      const struct settings *settings, struct figures *figures)
{
    static struct bench_histogram took;
    bench_floor_mark(floor);
    offer(load, settings->quiet_per_second, settings->seconds);
    int64_t quiet = load->count;
    bench_histogram_print(&load->to_answer, "nearly alone: POST to 202");
    bench_histogram_print(&load->to_event, "nearly alone: POST to event");
    bench_series_add(&figures->quiet_p50, bench_histogram_at(&load->to_event, 5000));
    bench_series_add(&figures->quiet_p99, bench_histogram_at(&load->to_event, 9900));
    play_floor(floor, hops, quiet, settings->quiet_per_second, &took);
    bench_histogram_print(&took, "floor: 3 commits, 2 Kafka hops");
    bench_series_add(&figures->floor_p50, bench_histogram_at(&took, 5000));
    bench_series_add(&figures->to_floor, bench_percent_of(bench_histogram_at(&load->to_event, 5000),
                                                          bench_histogram_at(&took, 5000)));

    int64_t most = capacity(load, settings->capacity_seconds);
    int64_t half = most / 2 > 0 ? most / 2 : 1;
    struct bench_busy then = bench_busy_now();
    offer(load, half, settings->seconds);
    (void)printf("%" PRId64 " deals/s are all; offered %" PRId64 "/s: busy %" PRId64 " %%\n", most,
                 half, bench_busy_since(then));
    bench_histogram_print(&load->to_answer, "half load: POST to 202");
    bench_histogram_print(&load->to_event, "half load: POST to event");
    bench_series_add(&figures->half_p50, bench_histogram_at(&load->to_event, 5000));
    bench_series_add(&figures->half_p99, bench_histogram_at(&load->to_event, 9900));
    bench_probes_print();
}

int main(int argc, char **argv)
{
    static struct load load;
    static struct hops hops;
    static struct figures figures;
    struct settings settings = {
        .quiet_per_second = 20, .seconds = 20, .capacity_seconds = 3, .rounds = 3};
    bench_options_read(&settings, options, ARRAY_LEN(options), argc, argv);
    bench_api_init(&load.api);
    arena_init(&load.arena, ARENA_BYTES);
    load.net = bench_net_new();
    load.server = bench_net_server(load.net, load.api.gateway_port, CONNECTIONS);
    bench_net_stream(load.net, load.api.gateway_port, STR("/v1/events"), load.api.marketplace);
    struct bench_floor *floor = bench_floor_new();
    open_hops(&hops);
    offer(&load, settings.quiet_per_second, 1); /* who is new pays for it; not counted */
    for (int64_t round = 0; round < settings.rounds; round++) {
        (void)printf("round %" PRId64 "\n", round + 1);
        run_round(&load, floor, &hops, &settings, &figures);
    }
    close_hops(&hops);
    bench_floor_free(floor);
    bench_net_free(load.net);
    arena_fini(&load.arena);
    (void)printf("\n");
    bench_series_print(&figures.quiet_p50, "POST to event, nearly alone, p50", " us");
    bench_series_print(&figures.quiet_p99, "POST to event, nearly alone, p99", " us");
    bench_series_print(&figures.half_p50, "POST to event, half load, p50", " us");
    bench_series_print(&figures.half_p99, "POST to event, half load, p99", " us");
    bench_series_print(&figures.floor_p50, "3 commits and 2 Kafka hops, p50", " us");
    bench_series_print_ratio(&figures.to_floor, "nearly alone / floor, p50 (smaller is better)");
    return 0;
}
