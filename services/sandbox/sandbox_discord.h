#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "sandbox/sandbox_world.h"

/*
 * What Discord knows of one bot: the people whom it may write to, its DM channels, what it wrote, and
 * how often it asked. Not thread-safe: the caller holds the sandbox's lock. All text lives in the
 * world's arena until reset. Ids are snowflakes: decimal numbers as text.
 */

#define SANDBOX_DISCORD_CONTENT_MAX 2000 /* characters; the real limits */
#define SANDBOX_DISCORD_NONCE_MAX_BYTES 25
#define SANDBOX_DISCORD_NONCE_MS 300000 /* "the past few minutes" */
#define SANDBOX_DISCORD_PEOPLE_MAX 4096 /* they are looked for one by one */

enum sandbox_discord_error {
    SANDBOX_DISCORD_ERROR_NONE = 0,
    SANDBOX_DISCORD_ERROR_UNAUTHORIZED,
    SANDBOX_DISCORD_ERROR_BAD_JSON,
    SANDBOX_DISCORD_ERROR_INVALID_FORM,
    SANDBOX_DISCORD_ERROR_EMPTY_MESSAGE,
    SANDBOX_DISCORD_ERROR_UNKNOWN_CHANNEL,
    SANDBOX_DISCORD_ERROR_CANNOT_DM,
    SANDBOX_DISCORD_ERROR_INTERNAL,
    SANDBOX_DISCORD_ERROR_COUNT,
};

struct sandbox_discord_error_row {
    int32_t http_status;
    int32_t code; /* Discord's own, in the body */
    const char *message;
};

extern const struct sandbox_discord_error_row sandbox_discord_errors[SANDBOX_DISCORD_ERROR_COUNT];

/* How often one bucket may be asked: `max` requests, and then not before the window ends. */
struct sandbox_discord_limit {
    uint32_t max; /* 0: as often as one likes */
    int64_t window_ms;
};

struct sandbox_discord_window {
    int64_t ends_ms;
    uint32_t used;
};

/* Somebody whom the bot has asked a channel for, or whose door a test has closed. */
struct sandbox_discord_person {
    struct str user_id;
    struct str channel_id; /* empty: no channel yet */
    bool closed;           /* takes no DMs from us */
    struct sandbox_discord_window window;
};

struct sandbox_discord_message {
    struct str id;
    struct str channel_id;
    struct str user_id;
    struct str content;
    struct str nonce;
    bool mentions_none; /* allowed_mentions was {"parse": []} */
    int64_t at_ms;
};

/* The limits that a request is under. */
enum sandbox_discord_bucket {
    SANDBOX_DISCORD_BUCKET_NONE = 0,
    SANDBOX_DISCORD_BUCKET_CHANNELS, /* POST /users/@me/channels */
    SANDBOX_DISCORD_BUCKET_MESSAGES, /* POST /channels/{id}/messages, for each channel its own */
    SANDBOX_DISCORD_BUCKET_GLOBAL,   /* all of the bot's requests */
    SANDBOX_DISCORD_BUCKET_COUNT,
};

struct sandbox_discord_counts {
    uint64_t requests;
    uint64_t deduplicated; /* by nonce */
    uint64_t rate_limited;
    uint64_t
        invalid; /* 401, 403 and 429, as Discord counts them: 10,000 in 10 minutes are too many */
};

struct sandbox_discord {
    int64_t channel_ids_from; /* random, so that no id comes again after a restart or a reset */
    int64_t message_ids_from;
    uint32_t channel_count;
    struct sandbox_shelf people;
    struct sandbox_shelf messages;
    struct sandbox_discord_limit limits[SANDBOX_DISCORD_BUCKET_COUNT];
    struct sandbox_discord_window windows[SANDBOX_DISCORD_BUCKET_COUNT]; /* not MESSAGES */
    struct sandbox_discord_counts counts;
};

/* Empty, with the limits that Discord is known for, and ids that were never given before. */
void sandbox_discord_init(struct sandbox_discord *discord);

/* By user or by channel; NULL: nobody. */
struct sandbox_discord_person *sandbox_discord_person(const struct sandbox_discord *discord,
                                                      struct str user_id);
struct sandbox_discord_person *sandbox_discord_person_of(const struct sandbox_discord *discord,
                                                         struct str channel_id);
/* Found or made; NULL: the world is full. */
struct sandbox_discord_person *sandbox_discord_meet(struct sandbox_discord *discord,
                                                    struct arena *arena, struct str user_id);

/* Opens the person's DM channel, the same one each time. */
enum sandbox_discord_error sandbox_discord_open(struct sandbox_discord *discord,
                                                struct arena *arena, struct str user_id,
                                                struct sandbox_discord_person **ret_person);

/* What a message is asked to be; the text is copied. */
struct sandbox_discord_post {
    struct str channel_id;
    struct str content;
    struct str nonce;   /* empty: none */
    bool enforce_nonce; /* the same nonce again gets the message that there is */
    bool mentions_none;
};

enum sandbox_discord_error sandbox_discord_write(struct sandbox_discord *discord,
                                                 struct arena *arena,
                                                 const struct sandbox_discord_post *post,
                                                 int64_t now_ms,
                                                 struct sandbox_discord_message **ret_message);

/* Another limit for a bucket, which is counted anew from now on. */
void sandbox_discord_set_limit(struct sandbox_discord *discord, enum sandbox_discord_bucket bucket,
                               struct sandbox_discord_limit limit);

/* What a bucket says of itself after it was asked. */
struct sandbox_discord_asked {
    bool allowed;
    bool global; /* refused by the limit over everything */
    uint32_t max;
    uint32_t remaining;
    int64_t reset_after_ms;
};

/* Counts one request; person: whose channel is written to, NULL for the other buckets. */
struct sandbox_discord_asked sandbox_discord_ask(struct sandbox_discord *discord,
                                                 enum sandbox_discord_bucket bucket,
                                                 struct sandbox_discord_person *person,
                                                 int64_t now_ms);
