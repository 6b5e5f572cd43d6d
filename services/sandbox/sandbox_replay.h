#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/str.h"

/*
 * Idempotency keys: what was asked with a key, and what was answered. An answer is kept from the
 * moment its work began, whether it was a success or a failure; a request that never began (bad
 * parameters, too many requests) keeps nothing. Caller holds the sandbox's lock.
 */

#define SANDBOX_KEY_MAX_BYTES 255
#define SANDBOX_KEYS_MAX 262144

struct sandbox_answer {
    int32_t http_status;
    struct str body;
};

struct sandbox_replay_entry {
    struct hash asked;
    bool running;
    bool forgotten; /* its request never began: the key is free again */
    struct sandbox_answer answer;
};

struct sandbox_replay {
    struct arena *arena; /* the world's: answers live until reset */
    struct map map;
    struct sandbox_replay_entry *entries;
    uint32_t count;
};

enum sandbox_replay_result {
    SANDBOX_REPLAY_NONE = 0,
    SANDBOX_REPLAY_FIRST,     /* go on; finish with keep or forget */
    SANDBOX_REPLAY_SAME,      /* answer with *ret_entry's answer */
    SANDBOX_REPLAY_DIFFERENT, /* the key was used for something else */
    SANDBOX_REPLAY_RUNNING,   /* the first request is still at work */
    SANDBOX_REPLAY_FULL,
    SANDBOX_REPLAY_RESULT_COUNT,
};

/* False when the arena is full. */
MUST_CHECK bool sandbox_replay_init(struct sandbox_replay *replay, struct arena *arena);

enum sandbox_replay_result sandbox_replay_begin(struct sandbox_replay *replay, struct str key,
                                                const struct hash *asked,
                                                struct sandbox_replay_entry **ret_entry);
/* The answer of a begun request (copied), as every later request with its key will get it. */
MUST_CHECK bool sandbox_replay_keep(struct sandbox_replay *replay,
                                    struct sandbox_replay_entry *entry,
                                    const struct sandbox_answer *answer);
void sandbox_replay_forget(struct sandbox_replay_entry *entry);
