/* In: answers with what they say of limits. Out: whether a call may go now. Always holds: nothing goes
 * into a bucket that is used up, and nothing at all while everything is closed. */
#include "effects/effects_limit.h"

#include "base/hash.h"

#define SECOND_MS 1000
#define BUCKET_TEXT_BYTES 1100 /* a method, a path of EFFECTS_PATH_MAX_BYTES */

void effects_limit_init(struct effects_limit *limit, const struct effects_limit_options *options)
{
    *limit = (struct effects_limit){.options = *options};
}

uint64_t effects_limit_bucket(struct str method, struct str path)
{
    char text[BUCKET_TEXT_BYTES];
    struct strbuf buf;
    strbuf_init_fixed(&buf, text, sizeof(text));
    strbuf_add(&buf, method);
    strbuf_add_char(&buf, ' ');
    strbuf_add(&buf, path);
    struct str key;
    return hash_spread(strbuf_finish(&buf, &key) ? key : path);
}

/* The bucket's place; with `make` one is found for it when it has none. */
static struct effects_limit_bucket *find(struct effects_limit *limit, uint64_t id, bool make,
                                         int64_t now_ms)
{
    struct effects_limit_bucket *oldest = &limit->buckets[0];
    for (uint32_t i = 0; i < EFFECTS_LIMIT_BUCKETS_MAX; i++) {
        struct effects_limit_bucket *bucket = &limit->buckets[i];
        if (bucket->id == id && bucket->ends_ms > now_ms) {
            return bucket;
        }
        oldest = bucket->ends_ms < oldest->ends_ms ? bucket : oldest;
    }
    return make ? oldest : NULL;
}

/* ---- Refusals, in slices of the window ---- */

static int64_t slice_ms(const struct effects_limit *limit)
{
    return limit->options.refused_window_ms / EFFECTS_LIMIT_SLICES;
}

/* Moves the slices on to now; what is older than the window is forgotten. */
static void turn_slices(struct effects_limit *limit, int64_t now_ms)
{
    int64_t past = (now_ms - limit->slice_begins_ms) / slice_ms(limit);
    int64_t steps = past < EFFECTS_LIMIT_SLICES ? past : EFFECTS_LIMIT_SLICES;
    for (int64_t step = 0; step < steps; step++) {
        for (uint32_t i = EFFECTS_LIMIT_SLICES - 1; i > 0; i--) {
            limit->slices[i] = limit->slices[i - 1];
        }
        limit->slices[0] = 0;
    }
    limit->slice_begins_ms += past * slice_ms(limit);
}

uint32_t effects_limit_refused(struct effects_limit *limit, int64_t now_ms)
{
    if (limit->options.refused_max == 0) {
        return 0;
    }
    turn_slices(limit, now_ms);
    uint32_t count = 0;
    for (uint32_t i = 0; i < EFFECTS_LIMIT_SLICES; i++) {
        count += limit->slices[i];
    }
    return count;
}

/* How long until enough of them are forgotten. */
static int64_t refused_wait_ms(struct effects_limit *limit, int64_t now_ms)
{
    uint32_t count = effects_limit_refused(limit, now_ms);
    if (count == 0) {
        return 0;
    }
    int64_t wait_ms = 0;
    for (uint32_t i = EFFECTS_LIMIT_SLICES; i > 0 && count >= limit->options.refused_max; i--) {
        count -= limit->slices[i - 1];
        wait_ms = limit->slice_begins_ms +
                  (int64_t)(EFFECTS_LIMIT_SLICES - i + 1) * slice_ms(limit) - now_ms;
    }
    return wait_ms;
}

static bool is_refusal(int32_t http_status)
{
    return http_status == 401 || http_status == 403 || http_status == 404 || http_status == 429;
}

static void count_refusal(struct effects_limit *limit, int64_t now_ms)
{
    if (limit->options.refused_max > 0) {
        turn_slices(limit, now_ms);
        limit->slices[0]++;
    }
}

/* ---- Asking ---- */

static int64_t pace_wait_ms(struct effects_limit *limit, int64_t now_ms)
{
    if (now_ms >= limit->second_ends_ms) {
        limit->second_ends_ms = now_ms + SECOND_MS;
        limit->second_count = 0;
    }
    bool full =
        limit->options.per_second_max > 0 && limit->second_count >= limit->options.per_second_max;
    return full ? limit->second_ends_ms - now_ms : 0;
}

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* For everything, whatever its bucket. */
static int64_t common_wait_ms(struct effects_limit *limit, int64_t now_ms)
{
    int64_t wait_ms = longer(limit->closed_until_ms - now_ms, 0);
    wait_ms = longer(wait_ms, refused_wait_ms(limit, now_ms));
    return longer(wait_ms, pace_wait_ms(limit, now_ms));
}

uint32_t effects_limit_room(struct effects_limit *limit, int64_t now_ms)
{
    if (common_wait_ms(limit, now_ms) > 0) {
        return 0;
    }
    uint32_t max = limit->options.per_second_max;
    return max > 0 ? max - limit->second_count : UINT32_MAX;
}

int64_t effects_limit_ask(struct effects_limit *limit, uint64_t id, int64_t now_ms)
{
    struct effects_limit_bucket *bucket = find(limit, id, /* make */ false, now_ms);
    int64_t wait_ms = common_wait_ms(limit, now_ms);
    wait_ms = longer(wait_ms, bucket && bucket->left == 0 ? bucket->ends_ms - now_ms : 0);
    if (wait_ms > 0) {
        return wait_ms;
    }
    limit->second_count++;
    if (bucket) {
        bucket->left--;
    }
    return 0;
}

/* ---- What came of it ---- */

static void close_for(struct effects_limit *limit, int64_t wait_ms, int64_t now_ms)
{
    limit->closed_until_ms = longer(limit->closed_until_ms, now_ms + wait_ms);
}

static void too_many(struct effects_limit *limit, uint64_t id, const struct httpc_answer *answer,
                     int64_t now_ms)
{
    int64_t wait_ms = longer(answer->retry_after_ms, answer->limit.reset_after_ms);
    wait_ms = wait_ms > 0 ? wait_ms : EFFECTS_LIMIT_WAIT_MS;
    if (answer->limit.everything || !answer->limit.told) {
        close_for(limit, wait_ms, now_ms); /* without a bucket it comes from what stands in front */
        return;
    }
    struct effects_limit_bucket *bucket = find(limit, id, /* make */ true, now_ms);
    *bucket = (struct effects_limit_bucket){.id = id, .ends_ms = now_ms + wait_ms, .left = 0};
}

void effects_limit_told(struct effects_limit *limit, uint64_t id, const struct httpc_answer *answer,
                        int64_t now_ms)
{
    if (answer->outcome != HTTPC_ANSWERED) {
        return;
    }
    if (is_refusal(answer->status)) {
        count_refusal(limit, now_ms);
    }
    if (answer->status == 401) {
        close_for(limit, EFFECTS_LIMIT_DENIED_MS, now_ms);
    }
    if (answer->status == 429) {
        too_many(limit, id, answer, now_ms);
        return;
    }
    if (answer->limit.remaining < 0 || answer->limit.reset_after_ms == 0) {
        return;
    }
    struct effects_limit_bucket *bucket = find(limit, id, /* make */ true, now_ms);
    bool known = bucket->id == id && bucket->ends_ms > now_ms;
    int64_t left = answer->limit.remaining; /* others may be on their way: the fewer counts */
    left = known && bucket->left < left ? bucket->left : left;
    *bucket = (struct effects_limit_bucket){
        .id = id, .ends_ms = now_ms + answer->limit.reset_after_ms, .left = left};
}
