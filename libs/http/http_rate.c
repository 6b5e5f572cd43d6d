/* Always holds: an entry's full_us is at most two windows ahead, whatever is asked. */
#include "http/http_rate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mutex.h"

#define WINDOW_US ((int64_t)HTTP_RATE_WINDOW_S * 1000000)
#define WAYS 8 /* places that a key can have */
#define SETS (HTTP_RATE_KEYS_MAX / WAYS)
#define LOCKS 64 /* each guards the sets of one remainder */

struct entry {
    uint64_t key; /* 0: free */
    int64_t full_us;
    bool disowned;
};

struct http_rate {
    const char *name;
    uint32_t quota;
    int64_t interval_us; /* what one request costs */
    _Atomic uint64_t forgotten;
    pthread_mutex_t locks[LOCKS];
    struct entry entries[SETS][WAYS];
};

STATUS http_rate_new(struct op *op, const char *name, uint32_t quota, struct http_rate **ret_rate)
{
    ASSERT(quota > 0);
    ASSERT(quota <= HTTP_RATE_QUOTA_MAX);
    struct http_rate *rate = arena_new(op->arena, struct http_rate, 1);
    if (!rate) {
        return op_arena_full(op);
    }
    rate->name = name;
    rate->quota = quota;
    rate->interval_us = WINDOW_US / quota;
    for (uint32_t i = 0; i < LOCKS; i++) {
        mutex_init(&rate->locks[i]);
    }
    *ret_rate = rate;
    return OK;
}

void http_rate_free(struct http_rate *rate)
{
    for (uint32_t i = 0; rate && i < LOCKS; i++) {
        mutex_fini(&rate->locks[i]);
    }
}

const char *http_rate_name(const struct http_rate *rate)
{
    return rate->name;
}

uint32_t http_rate_quota(const struct http_rate *rate)
{
    return rate->quota;
}

uint64_t http_rate_forgotten(const struct http_rate *rate)
{
    return atomic_load_explicit(&rate->forgotten, memory_order_relaxed);
}

static uint64_t key_of(struct str text)
{
    struct hash hash = hash_of(text);
    uint64_t key = 0;
    memcpy(&key, hash.bytes, sizeof(key));
    return key != 0 ? key : 1;
}

/* The key's own entry, or the one of its set that owes least: the caller sees by the key. */
static struct entry *find(struct http_rate *rate, uint64_t key)
{
    struct entry *set = rate->entries[key % SETS];
    struct entry *least = &set[0];
    for (uint32_t i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        if (set[i].full_us < least->full_us) {
            least = &set[i];
        }
    }
    return least;
}

static pthread_mutex_t *lock_of(struct http_rate *rate, uint64_t key)
{
    return &rate->locks[key % SETS % LOCKS];
}

static int64_t seconds_up(int64_t us)
{
    return (us + 999999) / 1000000;
}

/* full_us: of the key before this request, not in the past. */
static struct http_rate_verdict judge(const struct http_rate *rate, int64_t full_us, bool reserve,
                                      int64_t now_us)
{
    int64_t quota_us = rate->interval_us * rate->quota;
    int64_t bound_us = reserve ? 2 * quota_us : quota_us;
    int64_t over_us = full_us + rate->interval_us - now_us - bound_us;
    struct http_rate_verdict verdict = {.allowed = over_us <= 0};
    if (!verdict.allowed) {
        verdict.retry_after_s = seconds_up(over_us);
    }
    int64_t left_us = quota_us - (full_us - now_us);
    verdict.remaining = left_us > 0 ? left_us / rate->interval_us : 0;
    verdict.reset_s = seconds_up(full_us - now_us);
    return verdict;
}

static struct http_rate_verdict ask(struct http_rate *rate, struct str text, bool reserve,
                                    bool takes, int64_t now_us)
{
    uint64_t key = key_of(text);
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(lock_of(rate, key));
    struct entry *entry = find(rate, key);
    int64_t full_us = entry->key == key && entry->full_us > now_us ? entry->full_us : now_us;
    struct http_rate_verdict verdict = judge(rate, full_us, reserve, now_us);
    if (takes && verdict.allowed) {
        if (entry->key != key && entry->full_us > now_us) {
            atomic_fetch_add_explicit(&rate->forgotten, 1, memory_order_relaxed);
        }
        *entry = (struct entry){.key = key, .full_us = full_us + rate->interval_us};
        struct http_rate_verdict after = judge(rate, entry->full_us, reserve, now_us);
        verdict.remaining = after.remaining;
        verdict.reset_s = after.reset_s;
    }
    return verdict;
}

struct http_rate_verdict http_rate_take(struct http_rate *rate, struct str key, bool reserve,
                                        int64_t now_us)
{
    return ask(rate, key, reserve, /* takes */ true, now_us);
}

struct http_rate_verdict http_rate_look(struct http_rate *rate, struct str key, bool reserve,
                                        int64_t now_us)
{
    return ask(rate, key, reserve, /* takes */ false, now_us);
}

bool http_rate_knows(struct http_rate *rate, struct str key)
{
    uint64_t number = key_of(key);
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(lock_of(rate, number));
    const struct entry *entry = find(rate, number);
    return entry->key == number && !entry->disowned;
}

void http_rate_disown(struct http_rate *rate, struct str key)
{
    uint64_t number = key_of(key);
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(lock_of(rate, number));
    struct entry *entry = find(rate, number);
    if (entry->key == number) {
        entry->disowned = true;
    }
}
