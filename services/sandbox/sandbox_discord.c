/* In: what a bot asks. Out: channels, messages and refusals, as Discord's documentation describes. */
#include "sandbox/sandbox_discord.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/id.h"

#define ID_TEXT_MAX_BYTES 24
#define SNOWFLAKE_MAX_BYTES 20
#define CHANNEL_IDS_FROM INT64_C(1300000000000000000)
#define MESSAGE_IDS_FROM INT64_C(1400000000000000000)
#define ID_RANDOM_BYTES 7 /* 2^56 ids: the two kinds stay apart */

/* clang-format off */
const struct sandbox_discord_error_row sandbox_discord_errors[SANDBOX_DISCORD_ERROR_COUNT] = {
    [SANDBOX_DISCORD_ERROR_UNAUTHORIZED]    = {401, 0,     "401: Unauthorized"},
    [SANDBOX_DISCORD_ERROR_BAD_JSON]        = {400, 50109, "The request body contains invalid JSON."},
    [SANDBOX_DISCORD_ERROR_INVALID_FORM]    = {400, 50035, "Invalid Form Body"},
    [SANDBOX_DISCORD_ERROR_EMPTY_MESSAGE]   = {400, 50006, "Cannot send an empty message"},
    [SANDBOX_DISCORD_ERROR_UNKNOWN_CHANNEL] = {404, 10003, "Unknown Channel"},
    [SANDBOX_DISCORD_ERROR_CANNOT_DM]       = {403, 50007, "Cannot send messages to this user"},
    [SANDBOX_DISCORD_ERROR_INTERNAL]        = {500, 0,     "500: Internal Server Error"},
};

/* clang-format on */

/* Whoever wrote down an id before a restart or a reset must not meet somebody else under it. */
static int64_t random_offset(void)
{
    struct id random = id_random();
    const uint8_t *end = random.bytes + sizeof(random.bytes);
    int64_t offset = 0;
    for (const uint8_t *byte = end - ID_RANDOM_BYTES; byte < end; byte++) {
        offset = offset << 8 | *byte;
    }
    return offset;
}

void sandbox_discord_init(struct sandbox_discord *discord)
{
    *discord = (struct sandbox_discord){
        .channel_ids_from = CHANNEL_IDS_FROM + random_offset(),
        .message_ids_from = MESSAGE_IDS_FROM + random_offset(),
        .limits = {[SANDBOX_DISCORD_BUCKET_CHANNELS] = {.max = 10, .window_ms = 10000},
                   [SANDBOX_DISCORD_BUCKET_MESSAGES] = {.max = 5, .window_ms = 5000},
                   [SANDBOX_DISCORD_BUCKET_GLOBAL] = {.max = 50, .window_ms = 1000}}};
}

/* ---- People and channels ---- */

static struct sandbox_discord_person *person_at(const struct sandbox_discord *discord,
                                                uint32_t index)
{
    return sandbox_shelf_at(&discord->people, sizeof(struct sandbox_discord_person), index);
}

struct sandbox_discord_person *sandbox_discord_person(const struct sandbox_discord *discord,
                                                      struct str user_id)
{
    for (uint32_t i = 0; i < discord->people.count; i++) {
        if (str_eq(person_at(discord, i)->user_id, user_id)) {
            return person_at(discord, i);
        }
    }
    return NULL;
}

struct sandbox_discord_person *sandbox_discord_person_of(const struct sandbox_discord *discord,
                                                         struct str channel_id)
{
    for (uint32_t i = 0; i < discord->people.count && channel_id.len > 0; i++) {
        if (str_eq(person_at(discord, i)->channel_id, channel_id)) {
            return person_at(discord, i);
        }
    }
    return NULL;
}

struct sandbox_discord_person *sandbox_discord_meet(struct sandbox_discord *discord,
                                                    struct arena *arena, struct str user_id)
{
    struct sandbox_discord_person *person = sandbox_discord_person(discord, user_id);
    if (person) {
        return person;
    }
    struct str copy = str_dup(arena, user_id);
    if (!copy.ptr || discord->people.count == SANDBOX_DISCORD_PEOPLE_MAX) {
        return NULL;
    }
    person = sandbox_shelf_add(&discord->people, arena, sizeof(*person));
    if (person) {
        *person = (struct sandbox_discord_person){.user_id = copy, .channel_id = STR("")};
    }
    return person;
}

static bool is_snowflake(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] < '0' || id.ptr[i] > '9') {
            return false;
        }
    }
    return id.len > 0 && id.len <= SNOWFLAKE_MAX_BYTES;
}

static struct str snowflake(struct arena *arena, int64_t first, uint32_t index)
{
    struct strbuf buf;
    strbuf_init(&buf, arena, ID_TEXT_MAX_BYTES);
    strbuf_addf(&buf, "%" PRId64, first + index);
    struct str id;
    return strbuf_finish(&buf, &id) ? id : (struct str){.ptr = NULL, .len = 0};
}

enum sandbox_discord_error sandbox_discord_open(struct sandbox_discord *discord,
                                                struct arena *arena, struct str user_id,
                                                struct sandbox_discord_person **ret_person)
{
    if (!is_snowflake(user_id)) {
        return SANDBOX_DISCORD_ERROR_INVALID_FORM;
    }
    struct sandbox_discord_person *person = sandbox_discord_meet(discord, arena, user_id);
    if (!person) {
        return SANDBOX_DISCORD_ERROR_INTERNAL;
    }
    if (person->channel_id.len == 0) {
        struct str id = snowflake(arena, discord->channel_ids_from, discord->channel_count);
        if (!id.ptr) {
            return SANDBOX_DISCORD_ERROR_INTERNAL;
        }
        person->channel_id = id;
        discord->channel_count++;
    }
    *ret_person = person;
    return SANDBOX_DISCORD_ERROR_NONE;
}

/* ---- Messages ---- */

static struct sandbox_discord_message *said_before(const struct sandbox_discord *discord,
                                                   const struct sandbox_discord_post *post,
                                                   int64_t now_ms)
{
    for (uint32_t i = discord->messages.count; i > 0 && post->nonce.len > 0; i--) {
        struct sandbox_discord_message *message =
            sandbox_shelf_at(&discord->messages, sizeof(*message), i - 1);
        if (now_ms - message->at_ms > SANDBOX_DISCORD_NONCE_MS) {
            return NULL; /* and so are all before */
        }
        if (str_eq(message->nonce, post->nonce)) {
            return message;
        }
    }
    return NULL;
}

/* Characters of UTF-8 text: all bytes but those that continue one. */
static size_t characters(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xc0) == 0x80 ? 0 : 1;
    }
    return count;
}

static enum sandbox_discord_error check_post(const struct sandbox_discord_post *post)
{
    if (post->content.len == 0) {
        return SANDBOX_DISCORD_ERROR_EMPTY_MESSAGE;
    }
    bool fits = characters(post->content) <= SANDBOX_DISCORD_CONTENT_MAX &&
                post->nonce.len <= SANDBOX_DISCORD_NONCE_MAX_BYTES;
    return fits ? SANDBOX_DISCORD_ERROR_NONE : SANDBOX_DISCORD_ERROR_INVALID_FORM;
}

enum sandbox_discord_error sandbox_discord_write(struct sandbox_discord *discord,
                                                 struct arena *arena,
                                                 const struct sandbox_discord_post *post,
                                                 int64_t now_ms,
                                                 struct sandbox_discord_message **ret_message)
{
    const struct sandbox_discord_person *person =
        sandbox_discord_person_of(discord, post->channel_id);
    if (!person) {
        return SANDBOX_DISCORD_ERROR_UNKNOWN_CHANNEL;
    }
    enum sandbox_discord_error error = check_post(post);
    if (error) {
        return error;
    }
    if (person->closed) {
        return SANDBOX_DISCORD_ERROR_CANNOT_DM;
    }
    struct sandbox_discord_message *before =
        post->enforce_nonce ? said_before(discord, post, now_ms) : NULL;
    if (before) {
        discord->counts.deduplicated++;
        *ret_message = before;
        return SANDBOX_DISCORD_ERROR_NONE;
    }
    struct sandbox_discord_message message = {
        .id = snowflake(arena, discord->message_ids_from, discord->messages.count),
        .channel_id = person->channel_id,
        .user_id = person->user_id,
        .content = str_dup(arena, post->content),
        .nonce = str_dup(arena, post->nonce),
        .mentions_none = post->mentions_none,
        .at_ms = now_ms,
    };
    struct sandbox_discord_message *place =
        message.id.ptr && message.content.ptr && message.nonce.ptr
            ? sandbox_shelf_add(&discord->messages, arena, sizeof(*place))
            : NULL;
    if (!place) {
        return SANDBOX_DISCORD_ERROR_INTERNAL;
    }
    *place = message;
    *ret_message = place;
    return SANDBOX_DISCORD_ERROR_NONE;
}

/* ---- Limits ---- */

void sandbox_discord_set_limit(struct sandbox_discord *discord, enum sandbox_discord_bucket bucket,
                               struct sandbox_discord_limit limit)
{
    discord->limits[bucket] = limit;
    discord->windows[bucket] = (struct sandbox_discord_window){.used = 0};
    for (uint32_t i = 0; i < discord->people.count && bucket == SANDBOX_DISCORD_BUCKET_MESSAGES;
         i++) {
        person_at(discord, i)->window = (struct sandbox_discord_window){.used = 0};
    }
}

static struct sandbox_discord_asked count_one(const struct sandbox_discord_limit *limit,
                                              struct sandbox_discord_window *window, int64_t now_ms)
{
    if (limit->max == 0) {
        return (struct sandbox_discord_asked){.allowed = true};
    }
    if (now_ms >= window->ends_ms) {
        *window = (struct sandbox_discord_window){.ends_ms = now_ms + limit->window_ms};
    }
    bool allowed = window->used < limit->max;
    window->used += allowed ? 1 : 0;
    return (struct sandbox_discord_asked){.allowed = allowed,
                                          .max = limit->max,
                                          .remaining = limit->max - window->used,
                                          .reset_after_ms = window->ends_ms - now_ms};
}

struct sandbox_discord_asked sandbox_discord_ask(struct sandbox_discord *discord,
                                                 enum sandbox_discord_bucket bucket,
                                                 struct sandbox_discord_person *person,
                                                 int64_t now_ms)
{
    ASSERT(bucket != SANDBOX_DISCORD_BUCKET_NONE);
    ASSERT(bucket < SANDBOX_DISCORD_BUCKET_GLOBAL);
    struct sandbox_discord_asked all =
        count_one(&discord->limits[SANDBOX_DISCORD_BUCKET_GLOBAL],
                  &discord->windows[SANDBOX_DISCORD_BUCKET_GLOBAL], now_ms);
    if (!all.allowed) {
        all.global = true;
        return all;
    }
    struct sandbox_discord_window *window = person ? &person->window : &discord->windows[bucket];
    return count_one(&discord->limits[bucket], window, now_ms);
}
