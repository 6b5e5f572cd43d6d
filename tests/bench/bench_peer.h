#pragma once

#include <stdint.h>

/* The peer: a service in Node with kafkajs and pg that does the same for each message, see peer/README.md. */

/* One run over whole lives of so many deals: messages a second, published; -1 when ./dev has not installed it. */
int64_t bench_peer_run(int64_t deals);
