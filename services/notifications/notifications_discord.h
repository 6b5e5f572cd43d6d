#pragma once

#include "base/op.h"
#include "engine/engine.h"
#include "notifications/notifications.h"

/*
 * Discord's REST API v10, pure: what we ask, as frozen bytes, and what its answers mean. Nobody is ever
 * mentioned. A message carries its delivery's nonce, which Discord is asked to enforce: whoever sends
 * the same bytes again within a few minutes says nothing twice.
 */

/* effect.kind */
enum discord_call {
    DISCORD_CALL_NONE = 0,
    DISCORD_CALL_CHANNEL, /* open the DM channel with a user; subject: notifications_discord_subject */
    DISCORD_CALL_MESSAGE, /* write into it; subject: the delivery */
    DISCORD_CALL_COUNT,
};

#define DISCORD_ID_MAX_BYTES 20 /* a snowflake: decimal digits of 64 bits */

bool notifications_discord_is_id(struct str text);
/* What a channel call is about: this user of Discord, and no other that the recipient may become. */
struct id notifications_discord_subject(struct str discord_id);

/* Bytes for engine_ask.request, in op->arena. */
STATUS notifications_discord_open(struct op *op, struct str discord_id, struct str *ret_request);
STATUS notifications_discord_write(struct op *op, struct str channel_id, struct id delivery_id,
                                   struct str content, struct str *ret_request);

/* ---- Answers ---- */

enum discord_fact_kind {
    DISCORD_FACT_NONE = 0,
    DISCORD_FACT_DONE,       /* ref: the channel, or the message */
    DISCORD_FACT_CLOSED,     /* this person takes no messages from us */
    DISCORD_FACT_NO_CHANNEL, /* the channel is not there any more */
    DISCORD_FACT_REFUSED,    /* for another reason: code */
    DISCORD_FACT_EXPIRED,    /* not asked any more: it is too old */
    DISCORD_FACT_RELINKED,   /* nor this: it is about an account that the person had before */
    DISCORD_FACT_COUNT,
};

struct discord_fact {
    enum discord_fact_kind kind;
    struct str ref;
    struct str code; /* "discord_50007" */
};

/* Codes of what is not certain. */
#define DISCORD_CODE_REFUSES_US "discord_refuses_us" /* the token or the address is wrong */
#define DISCORD_CODE_UNREADABLE "discord_unreadable"
#define DISCORD_CODE_RATE_LIMITED "discord_rate_limited"
/* Of a call that was not made another time. */
#define DISCORD_CODE_RELINKED "discord_relinked"

/* For an ANSWERED call. DONE and FAILED come with a fact. Text lives in op->arena. */
enum engine_verdict notifications_discord_judge(struct op *op, const struct caller_answer *answer,
                                                struct discord_fact *ret_fact,
                                                struct str *ret_code);
