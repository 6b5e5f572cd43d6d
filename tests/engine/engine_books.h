#pragma once

#include "base/random.h"
#include "world.h"

/*
 * The writer of a random walk, and its own books: what it told the engine, in which order, and what
 * must have come of it. It never asks the engine what is right.
 */

#define BOOKS_LANES 3
#define BOOKS_ACCOUNTS 12 /* four in each lane */
#define BOOKS_MESSAGES_MAX 1024

struct books_message {
    struct id id;
    uint32_t account;
    const char *verb;
    int64_t amount;
    int64_t n; /* of a command; 0: a signal */
    int64_t committed_at_us;
    bool swept; /* a signal that only its row told of: it comes when it comes */
};

struct books {
    struct world *world;
    struct random *random;
    struct books_message messages[BOOKS_MESSAGES_MAX];
    uint32_t count;
    bool opened[BOOKS_ACCOUNTS];
    int64_t missing[BOOKS_LANES]; /* the first command of the lane that the log lost; 0: none */
};

void books_init(struct books *books, struct world *world, struct random *random);
/* Tells something new, or something old again, or loses it on the way. */
void books_tell(struct books *books);
/* Tells all that was lost, and opens what was never opened. */
void books_complete(struct books *books);
/* Each message was decided once, in order; each call was made and answered once; the totals are ours. */
void books_check(struct books *books);
