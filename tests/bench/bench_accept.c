/*
 * bench-accept: how many POST /v1/escrows a second the gateway makes durable and answers with 202. So many clients, each
 * sends the next as soon as it has its answer. In turns with its floor: the same rows in the same group commits at
 * PostgreSQL alone.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/defer.h"
#include "bench_api.h"
#include "bench_busy.h"
#include "bench_floor.h"
#include "bench_net.h"
#include "bench_report.h"

#define ACCEPTED 202
#define ANSWER_US ((int64_t)30 * 1000 * 1000) /* after that none comes any more */
#define WARM_UP_US ((int64_t)1000 * 1000)

struct settings {
    int64_t clients;
    int64_t seconds;
    int64_t rounds;
};

static const struct bench_option options[] = {
    {"--clients", offsetof(struct settings, clients), 1, 250, 16},
    {"--seconds", offsetof(struct settings, seconds), 1, 600, 2},
    {"--rounds", offsetof(struct settings, rounds), 1, BENCH_ROUNDS_MAX, 1},
};

static const struct bench_floor_part intake = {
    .name = "accept", .service = "gateway", .tables = "intake,escrow_pending"};

struct load {
    struct bench_net *net;
    struct bench_api api;
    uint32_t server;
    int64_t clients;
    int64_t accepted;
    int64_t sent_us[BENCH_NET_CONNECTIONS_MAX]; /* by tag: the client's number */
    struct bench_histogram took;
};

static void ask(struct load *load, uint64_t client)
{
    load->sent_us[client] = clock_mono_us();
    if (!bench_net_send(load->net, load->server, client, bench_api_create(&load->api))) {
        bench_end("no connection is free");
    }
}

static void note(struct load *load, const struct bench_news *news)
{
    if (news->status != ACCEPTED) {
        bench_end("the gateway answers %" PRId64 ": " STR_FMT, news->status, STR_ARG(news->body));
    }
    bench_histogram_add(&load->took, news->at_us - load->sent_us[news->tag]);
    load->accepted++;
}

/* Until all have their last answer, which is counted. Returns how long it took. */
static int64_t make_load(struct load *load, int64_t for_us)
{
    struct bench_news news;
    int64_t began_us = clock_mono_us();
    load->accepted = 0;
    load->took = (struct bench_histogram){.count = 0};
    for (int64_t client = 0; client < load->clients; client++) {
        ask(load, (uint64_t)client);
    }
    for (int64_t open = load->clients; open > 0;) {
        if (!bench_net_next(load->net, clock_mono_us() + ANSWER_US, &news)) {
            bench_end("the gateway does not answer");
        }
        note(load, &news);
        if (clock_mono_us() - began_us < for_us) {
            ask(load, news.tag);
        } else {
            open--;
        }
    }
    return clock_mono_us() - began_us;
}

static void run_round(struct load *load, struct bench_floor *floor, const struct settings *settings,
                      struct bench_series *speed, struct bench_series *ratio)
{
    (void)make_load(load, WARM_UP_US);
    bench_floor_mark(floor);
    struct bench_busy then = bench_busy_now();
    int64_t took_us = make_load(load, settings->seconds * 1000000);
    int64_t busy = bench_busy_since(then);
    int64_t rate = bench_rate(load->accepted, took_us);
    bench_series_add(speed, rate);
    (void)printf("%" PRId64 " POST/s of %" PRId64 " clients, busy %" PRId64 " %%\n", rate,
                 load->clients, busy);
    bench_histogram_print(&load->took, "POST to 202");
    int64_t floor_rate = bench_rate(load->accepted, bench_floor_play(floor, &intake, 1));
    bench_series_add(ratio, bench_percent_of(rate, floor_rate));
    (void)printf("PostgreSQL alone: %" PRId64 "/s\n", floor_rate);
    bench_probes_print();
}

int main(int argc, char **argv)
{
    static struct load load;
    struct settings settings = {.clients = 128, .seconds = 5, .rounds = 3};
    struct bench_series speed = {.count = 0};
    struct bench_series ratio = {.count = 0};
    struct bench_series p99 = {.count = 0};
    bench_options_read(&settings, options, ARRAY_LEN(options), argc, argv);
    bench_api_init(&load.api);
    load.net = bench_net_new();
    load.clients = settings.clients;
    load.server = bench_net_server(load.net, load.api.gateway_port, (uint32_t)settings.clients);
    struct bench_floor *floor = bench_floor_new();
    for (int64_t round = 0; round < settings.rounds; round++) {
        (void)printf("round %" PRId64 ": ", round + 1);
        run_round(&load, floor, &settings, &speed, &ratio);
        bench_series_add(&p99, bench_histogram_at(&load.took, 9900));
    }
    bench_floor_free(floor);
    bench_net_free(load.net);
    (void)printf("\n");
    bench_series_print(&speed, "accepted, durable", " POST/s");
    bench_series_print(&p99, "p99 of POST to 202", " us");
    bench_series_print_ratio(&ratio, "gateway / PostgreSQL alone");
    return 0;
}
