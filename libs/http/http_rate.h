#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/op.h"
#include "base/str.h"

/*
 * How often somebody may ask, kept in this process's memory: GCRA, a bucket that needs one number for
 * each key, the moment when the key's whole quota is there again. A quota of n requests in
 * HTTP_RATE_WINDOW_S lets n through at once and n in each window afterwards. Thread-safe.
 *
 * The table has HTTP_RATE_KEYS_MAX places and never grows: a new key takes the place of the one whose
 * quota is whole again soonest, which is nearly always one that owes nothing. So it also remembers who
 * has asked lately.
 */

#define HTTP_RATE_WINDOW_S 10
#define HTTP_RATE_QUOTA_MAX 1000000
#define HTTP_RATE_KEYS_MAX 16384

struct http_rate;

struct http_rate_verdict {
    bool allowed;
    int64_t remaining;     /* requests that would be let through at once, without the reserve */
    int64_t reset_s;       /* until the whole quota is there again */
    int64_t retry_after_s; /* until one is let through, at least 1; 0 when allowed */
};

/* In op->arena (less than half a megabyte). name: as clients read it, ours, borrowed. quota: 1 to
 * HTTP_RATE_QUOTA_MAX requests in a window. STATUS_LIMIT "op.arena_full". */
STATUS http_rate_new(struct op *op, const char *name, uint32_t quota, struct http_rate **ret_rate);
/* Its locks; the memory goes with its arena. Accepts NULL. */
void http_rate_free(struct http_rate *rate);
DEFINE_FREE_AT(struct http_rate, http_rate_free)

const char *http_rate_name(const struct http_rate *rate);
uint32_t http_rate_quota(const struct http_rate *rate);
/* Keys that were forgotten while they owed something, because the table was full. */
uint64_t http_rate_forgotten(const struct http_rate *rate);

/* Takes one request from the key's quota, if it is there. key: any bytes, also secret ones: only their
 * hash is kept. reserve: the request may overdraw by one more quota. now_us: monotonic clock. */
struct http_rate_verdict http_rate_take(struct http_rate *rate, struct str key, bool reserve,
                                        int64_t now_us);
/* What http_rate_take would say; nothing is taken. */
struct http_rate_verdict http_rate_look(struct http_rate *rate, struct str key, bool reserve,
                                        int64_t now_us);

/* Whether something was taken from the key's quota, as far as the table remembers, and the key was not
 * disowned since. */
bool http_rate_knows(struct http_rate *rate, struct str key);
/* The key is not known until something is taken from its quota again; what it owes stays. */
void http_rate_disown(struct http_rate *rate, struct str key);
