#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * A client of HTTP/1.1 for one thread: pools of kept-alive connections with one request under way on each, and streams of
 * server-sent events. As little as our own servers need (answers with a Content-Length, streams in chunks), so that
 * it takes little from the machine that it measures. Whatever goes wrong ends the benchmark.
 */

#define BENCH_NET_SERVERS_MAX 4
#define BENCH_NET_CONNECTIONS_MAX 512 /* of all servers, streams included */

struct bench_net;

struct bench_net *bench_net_new(void);
void bench_net_free(struct bench_net *net);

/* So many connections to 127.0.0.1:port. Returns the server's number. */
uint32_t bench_net_server(struct bench_net *net, int32_t port, uint32_t connections);
/* A stream of GET path, which tells its events as news. */
void bench_net_stream(struct bench_net *net, int32_t port, struct str path, struct str token);

/* Sends a whole request on a free connection; all of it is copied. false: none is free, ask for news first. */
bool bench_net_send(struct bench_net *net, uint32_t server, uint64_t tag, struct str request);
uint32_t bench_net_free_count(const struct bench_net *net, uint32_t server);

enum bench_news_kind {
    BENCH_NEWS_NONE = 0,
    BENCH_NEWS_ANSWER,
    BENCH_NEWS_EVENT,
};

/* Text is borrowed until the next call. */
struct bench_news {
    enum bench_news_kind kind;
    int64_t at_us; /* when its bytes were read */
    uint64_t tag;  /* of an answer */
    int64_t status;
    struct str event; /* its name */
    struct str body;  /* of an answer, or an event's data */
};

/* The next news, or false when there was none until that moment of clock_mono_us. */
bool bench_net_next(struct bench_net *net, int64_t until_us, struct bench_news *ret_news);

/* The text between the first "before" and the next quote, as in "\"id\":\""; empty when there is none. */
struct str bench_net_field(struct str body, struct str before);
