#pragma once

#include <stdint.h>

#include "base/id.h"
#include "base/str.h"

/*
 * The requests of a marketplace, its buyer and its seller, ready to be sent by bench_net. Where the servers are and who calls
 * comes from the environment (tests/bench/stack_bench.py).
 */

struct bench_api {
    int32_t gateway_port, sandbox_port;
    struct str marketplace, buyer, seller; /* tokens */
    struct str buyer_id, seller_id;
    char text[4096]; /* of the last request */
};

/* Reads the environment; ends the process when something is missing. */
void bench_api_init(struct bench_api *api);

/* Each returns the bytes of a request, which live until the next call. */
struct str bench_api_create(struct bench_api *api);
/* verb: "mark-delivered" by the seller, "release" by the buyer. */
struct str bench_api_act(struct bench_api *api, struct str escrow_id, const char *verb,
                         struct str token);
struct str bench_api_pay(struct bench_api *api, struct str client_secret);
