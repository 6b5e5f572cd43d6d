#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/str.h"

/* For tests: a TCP server on 127.0.0.1 that does not care for HTTP. It serves one connection after
 * the other: reads until the blank line and the body of the declared length are there, then does
 * what it was told. Every function fails the test by itself. */

#define RAW_WAIT_MS 200

enum raw_mode {
    RAW_ANSWER = 0, /* sends `answer` and waits for the next request on the connection */
    RAW_ANSWER_AND_CLOSE,
    RAW_CLOSE,          /* closes when the whole request has come */
    RAW_WAIT_AND_CLOSE, /* the same RAW_WAIT_MS later */
    RAW_HANG,           /* says nothing until the other side closes */
    RAW_MODE_COUNT,
};

struct raw_server {
    int fd;
    uint16_t port;
    pthread_t thread;
    _Atomic enum raw_mode mode;
    struct str answer;
    _Atomic bool stopping;
    _Atomic uint32_t connections;
    _Atomic uint32_t requests;
    _Atomic uint64_t received_bytes;
};

void raw_server_start(struct raw_server *server, enum raw_mode mode, struct str answer);
void raw_server_stop(struct raw_server *server);
/* A port of 127.0.0.1 where nobody listens (it was free a moment ago). */
uint16_t raw_server_dead_port(void);
