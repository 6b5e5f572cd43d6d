#pragma once

#include <stdint.h>

#include "base/defer.h"

/* A TCP proxy on 127.0.0.1 that breaks connections at a chosen moment. One client at a time. */

enum testing_proxy_mode {
    TESTING_PROXY_FORWARD = 0,
    TESTING_PROXY_CUT_ANSWER,   /* lets the question through and hangs up when its answer comes */
    TESTING_PROXY_CUT_QUESTION, /* hangs up when the next question comes, before forwarding it */
    TESTING_PROXY_REFUSE,       /* hangs up at once, whoever comes */
    TESTING_PROXY_MODE_COUNT,
};

struct testing_proxy;

struct testing_proxy *testing_proxy_new(uint16_t upstream_port);
void testing_proxy_free(struct testing_proxy *proxy);
DEFINE_FREE_AT(struct testing_proxy, testing_proxy_free)

uint16_t testing_proxy_port(const struct testing_proxy *proxy);
/* CUT_ANSWER and CUT_QUESTION happen once; then it forwards again. */
void testing_proxy_set(struct testing_proxy *proxy, enum testing_proxy_mode mode);
