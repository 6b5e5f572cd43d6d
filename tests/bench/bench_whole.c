/*
 * bench-deal: whole deals from creation to payout over gateway, escrow and payments, with the sandbox as provider: created by
 * the marketplace, paid by the buyer, delivered by the seller, released by the buyer. So many deals are under way at
 * any time; each goes on when a stream tells that it may. In turns with the floor: the rows of the three
 * services at PostgreSQL alone.
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

#define GATEWAY_CONNECTIONS 64
#define SANDBOX_CONNECTIONS 16
#define LOST_US ((int64_t)60 * 1000 * 1000) /* nothing goes on any more */
#define ARENA_BYTES ((size_t)512 * 1024 * 1024)
#define SECRET_BYTES 128
#define EARLY_MAX 64

struct settings {
    int64_t deals;
    int64_t warm_up;
    int64_t under_way;
    int64_t rounds;
};

static const struct bench_option options[] = {
    {"--deals", offsetof(struct settings, deals), 10, 1000000, 50},
    {"--warm-up", offsetof(struct settings, warm_up), 1, 1000000, 10},
    {"--under-way", offsetof(struct settings, under_way), 1, 10000, 20},
    {"--rounds", offsetof(struct settings, rounds), 1, BENCH_ROUNDS_MAX, 1},
};

static const struct bench_floor_part parts[] = {
    {.name = "gateway", .service = "gateway", .tables = ""},
    {.name = "escrow", .service = "escrow", .tables = ""},
    {.name = "payments", .service = "payments", .tables = ""},
};

/* What the deal does next, as soon as a connection is free. */
enum next {
    NEXT_NONE = 0, /* it waits for an event */
    NEXT_CREATE,
    NEXT_PAY,
    NEXT_DELIVER,
    NEXT_RELEASE,
    NEXT_DONE,
};

struct deal {
    int64_t began_us;
    enum next next;
    enum next reached; /* the last thing it was told to do: events may tell it twice */
    char id[ID_TEXT_BYTES];
    char secret[SECRET_BYTES];
};

/* A deal that could be paid before the answer to its creation was read: both were there. */
struct early {
    struct id id;
    char secret[SECRET_BYTES];
};

struct load {
    struct bench_net *net;
    struct bench_api api;
    uint32_t gateway, sandbox;
    struct arena arena;
    struct map by_id;
    struct deal *deals;
    uint32_t *todo; /* deals that can go on; a ring */
    uint32_t todo_from, todo_to;
    uint32_t count, created, done;
    struct early early[EARLY_MAX];
    uint32_t early_count;
    struct bench_histogram took;
};

static void can(struct load *load, uint32_t number, enum next next)
{
    struct deal *deal = &load->deals[number];
    if (next > deal->reached) {
        deal->reached = deal->next = next;
        load->todo[load->todo_to++ % load->count] = number;
    }
}

static void copy(struct str text, char *ret, size_t size)
{
    struct strbuf buf;
    struct str all;
    strbuf_init_fixed(&buf, ret, size);
    strbuf_add(&buf, text);
    bool fits = strbuf_finish(&buf, &all);
    ASSERT(fits);
}

/* Sends what the deal wants; false: no connection is free. */
static bool go_on(struct load *load, uint32_t number)
{
    struct deal *deal = &load->deals[number];
    struct bench_api *api = &load->api;
    struct str id = str_of(deal->id);
    uint32_t server = deal->next == NEXT_PAY ? load->sandbox : load->gateway;
    struct str request = {.len = 0};
    if (bench_net_free_count(load->net, server) == 0) {
        return false;
    }
    switch (deal->next) {
    case NEXT_CREATE:
        deal->began_us = clock_mono_us();
        request = bench_api_create(api);
        break;
    case NEXT_PAY: request = bench_api_pay(api, str_of(deal->secret)); break;
    case NEXT_DELIVER: request = bench_api_act(api, id, "mark-delivered", api->seller); break;
    case NEXT_RELEASE: request = bench_api_act(api, id, "release", api->buyer); break;
    case NEXT_NONE:
    case NEXT_DONE: UNREACHABLE("nothing to do");
    }
    deal->next = NEXT_NONE;
    return bench_net_send(load->net, server, number, request);
}

static void work(struct load *load)
{
    uint32_t waiting = load->todo_to - load->todo_from;
    for (uint32_t i = 0; i < waiting; i++) {
        uint32_t number = load->todo[load->todo_from++ % load->count];
        if (!go_on(load, number)) { /* others may want another server */
            load->todo[load->todo_to++ % load->count] = number;
        }
    }
}

static void may_pay(struct load *load, uint32_t number, struct str secret)
{
    copy(secret, load->deals[number].secret, SECRET_BYTES);
    can(load, number, NEXT_PAY);
}

static void note_early(struct load *load, struct id id, struct str secret)
{
    ASSERT(load->early_count < EARLY_MAX);
    struct early *early = &load->early[load->early_count++];
    early->id = id;
    copy(secret, early->secret, SECRET_BYTES);
}

static void name_deal(struct load *load, uint32_t number, struct id id)
{
    id_format(id, load->deals[number].id);
    map_set(&load->by_id, id, number);
    for (uint32_t i = 0; i < load->early_count; i++) {
        if (id_eq(load->early[i].id, id)) {
            may_pay(load, number, str_of(load->early[i].secret));
            load->early[i] = load->early[--load->early_count];
        }
    }
}

static void note_answer(struct load *load, const struct bench_news *news)
{
    uint32_t number = (uint32_t)news->tag;
    struct deal *deal = &load->deals[number];
    if (news->status != 200 && news->status != 202) {
        bench_end("%" PRId64 " for a deal: " STR_FMT, news->status, STR_ARG(news->body));
    }
    if (deal->id[0] == '\0') {
        struct id id;
        struct str text = bench_net_field(news->body, STR("\"escrow_id\":\""));
        if (!id_parse(text, &id)) {
            bench_end("no escrow_id: " STR_FMT, STR_ARG(news->body));
        }
        name_deal(load, number, id);
    }
}

/* What the buyer's stream says about a deal. */
static void note_event(struct load *load, const struct bench_news *news)
{
    struct id id;
    if (!str_eq(news->event, STR("deal")) ||
        !id_parse(bench_net_field(news->body, STR("\"id\":\"")), &id)) {
        return;
    }
    struct str state = bench_net_field(news->body, STR("\"state\":\""));
    struct str secret = bench_net_field(news->body, STR("\"client_secret\":\""));
    bool payable = str_eq(state, STR("AWAIT_FUNDS")) && secret.len > 0;
    uint32_t number = map_get(&load->by_id, id, UINT32_MAX);
    if (number == UINT32_MAX) {
        if (payable) {
            note_early(load, id, secret);
        }
    } else if (payable) {
        may_pay(load, number, secret);
    } else if (str_eq(state, STR("FUNDS_HELD"))) {
        can(load, number, NEXT_DELIVER);
    } else if (str_eq(state, STR("DELIVERED"))) {
        can(load, number, NEXT_RELEASE);
    } else if (str_eq(state, STR("RELEASED")) && load->deals[number].reached < NEXT_DONE) {
        load->deals[number].reached = NEXT_DONE;
        bench_histogram_add(&load->took, news->at_us - load->deals[number].began_us);
        load->done++;
    }
}

/* So many whole deals. Returns how long it took. */
static int64_t run_deals(struct load *load, uint32_t count, uint32_t under_way)
{
    struct bench_news news;
    arena_reset(&load->arena);
    load->count = count;
    load->created = load->done = load->todo_from = load->todo_to = 0;
    load->took = (struct bench_histogram){.count = 0};
    load->deals = arena_new(&load->arena, struct deal, count);
    load->todo = arena_new(&load->arena, uint32_t, count);
    bool room = map_init(&load->by_id, &load->arena, count);
    ASSERT(room && load->deals && load->todo);
    int64_t began_us = clock_mono_us();
    while (load->done < count) {
        while (load->created < count && load->created - load->done < under_way) {
            can(load, load->created++, NEXT_CREATE);
        }
        work(load);
        if (!bench_net_next(load->net, clock_mono_us() + LOST_US, &news)) {
            bench_end("%" PRIu32 " of %" PRIu32 " deals are done, and nothing goes on", load->done,
                      count);
        }
        if (news.kind == BENCH_NEWS_ANSWER) {
            note_answer(load, &news);
        } else {
            note_event(load, &news);
        }
    }
    return clock_mono_us() - began_us;
}

static void open_load(struct load *load)
{
    bench_api_init(&load->api);
    arena_init(&load->arena, ARENA_BYTES);
    load->net = bench_net_new();
    load->gateway = bench_net_server(load->net, load->api.gateway_port, GATEWAY_CONNECTIONS);
    load->sandbox = bench_net_server(load->net, load->api.sandbox_port, SANDBOX_CONNECTIONS);
    bench_net_stream(load->net, load->api.gateway_port, STR("/v1/events"), load->api.buyer);
}

int main(int argc, char **argv)
{
    static struct load load;
    struct settings settings = {.deals = 5000, .warm_up = 2000, .under_way = 500, .rounds = 3};
    struct bench_series speed = {.count = 0};
    struct bench_series ratio = {.count = 0};
    bench_options_read(&settings, options, ARRAY_LEN(options), argc, argv);
    open_load(&load);
    struct bench_floor *floor = bench_floor_new();
    (void)run_deals(&load, (uint32_t)settings.warm_up, (uint32_t)settings.under_way);
    for (int64_t round = 0; round < settings.rounds; round++) {
        bench_floor_mark(floor);
        struct bench_busy then = bench_busy_now();
        int64_t took_us = run_deals(&load, (uint32_t)settings.deals, (uint32_t)settings.under_way);
        int64_t rate = bench_rate(load.count, took_us);
        (void)printf("round %" PRId64 ": %" PRId64 " whole deals/s, busy %" PRId64 " %%\n",
                     round + 1, rate, bench_busy_since(then));
        bench_histogram_print(&load.took, "a whole deal");
        int64_t floor_us = bench_floor_play(floor, parts, ARRAY_LEN(parts));
        (void)printf("PostgreSQL alone: %" PRId64 " deals/s\n", bench_rate(load.count, floor_us));
        bench_probes_print();
        bench_series_add(&speed, rate);
        bench_series_add(&ratio, bench_percent_of(rate, bench_rate(load.count, floor_us)));
    }
    bench_floor_free(floor);
    bench_net_free(load.net);
    arena_fini(&load.arena);
    (void)printf("\n");
    bench_series_print(&speed, "whole deals", "/s");
    bench_series_print_ratio(&ratio, "product / its rows at PostgreSQL alone");
    return 0;
}
