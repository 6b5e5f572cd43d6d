#pragma once

#include "toy.h"

/*
 * The toy service with two kinds of aggregates: TOY_COMMANDS is about accounts as ever, TOY_SIGNALS about
 * purses, whose keys may be those of accounts. "open N" makes a purse, "add N" puts a coin of N into it.
 */

struct toy_purse {
    struct id id;
    int64_t version;
    int64_t total;
};

struct toy_coin { /* a child */
    struct id id;
    struct id purse_id;
    int64_t amount;
};

extern const struct table toy_purse_table;
extern const struct table toy_coin_table;
const struct engine_service *toy_purse_service(void);
