#pragma once

#include <stdint.h>

#include "base/defer.h"
#include "testing/testing_frames.h"

/*
 * A TCP proxy on 127.0.0.1 that knows what goes through it and breaks it at a chosen message. A thread for each
 * connection. Kafka's clients find all brokers through it: addresses of the upstream port become the proxy's own.
 */

enum testing_fault {
    TESTING_FAULT_NONE = 0,
    /* Once, at the n-th question (COMMIT, Produce) from now on, over all connections: */
    TESTING_CUT_QUESTION, /* hangs up instead of forwarding it: it did not happen */
    TESTING_CUT_SENT,     /* forwards it and hangs up: it may have happened */
    TESTING_CUT_ANSWER,   /* hangs up instead of forwarding its answer: it happened */
    /* Once, when the servers have sent n more bytes: */
    TESTING_CUT_BYTES,
    /* Until something else is set: */
    TESTING_SLOW,   /* whatever comes goes on n ms later */
    TESTING_SILENT, /* connections stay, and nothing goes through */
    TESTING_REFUSE, /* hangs up on everybody, at once */
    TESTING_FAULT_COUNT,
};

struct testing_proxy;

struct testing_proxy *testing_proxy_new(enum testing_protocol protocol, uint16_t upstream_port);
void testing_proxy_free(struct testing_proxy *proxy);
DEFINE_FREE_AT(struct testing_proxy, testing_proxy_free)

uint16_t testing_proxy_port(const struct testing_proxy *proxy);
void testing_proxy_set(struct testing_proxy *proxy, enum testing_fault fault, int64_t n);
/* How many connections were cut by a fault that happens once. */
uint64_t testing_proxy_cuts(struct testing_proxy *proxy);
