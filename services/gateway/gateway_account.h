#pragma once

#include "base/id.h"
#include "base/str.h"
#include "engine/engine.h"

/*
 * Users: the gateway's own aggregate. Who may register and link whom, what names and Discord ids may
 * be, and what follows. Pure. Two marketplaces may have the same person, but no two users of one
 * marketplace have the same Discord id: whatever gives a user one needs a grant first (gateway_claim.h).
 */

/* What is accepted from outside, ends included. */
#define GATEWAY_DISPLAY_NAME_MAX_CHARS 80
/* A snowflake: below 2^63, so 19 digits at most; 17 since 2015. Without leading zeros: one text each. */
#define GATEWAY_DISCORD_ID_MIN_DIGITS 17
#define GATEWAY_DISCORD_ID_MAX_DIGITS 19

/* A row of account. */
struct gateway_account {
    struct id id;
    int64_t seq;              /* of its last event */
    struct id marketplace_id; /* whose user it is; none: staff registered it */
    struct str display_name;
    struct str discord_id; /* empty: none */
    int64_t created_at_us;
    int64_t updated_at_us;
};

/* A row of account_pending. */
struct gateway_account_pending {
    struct id id;
    struct id command_id;
    struct id marketplace_id;
    struct str display_name;
    struct str discord_id;
    int64_t created_at_us;
};

/* 1 to 80 characters of UTF-8 (which is not checked here), none of them a control character. */
bool gateway_account_name_ok(struct str name);
bool gateway_account_discord_ok(struct str discord_id);

/* A stranger's user does not exist; the user itself sees it and changes nothing: a Discord id that
 * somebody claims for himself may be another's. */
bool gateway_account_may_register(enum engine_actor_kind kind);
bool gateway_account_may_see(const struct engine_actor *actor,
                             const struct gateway_account *account);
bool gateway_account_may_link(const struct engine_actor *actor,
                              const struct gateway_account *account);
/* Whose a user is that this actor registers. */
struct id gateway_account_marketplace(const struct engine_actor *actor);

enum gateway_account_verb {
    GATEWAY_ACCOUNT_VERB_NONE = 0,
    GATEWAY_ACCOUNT_REGISTER,
    GATEWAY_ACCOUNT_LINK_DISCORD,
    GATEWAY_ACCOUNT_VERB_COUNT,
};

/* What a lane of claims said of what is asked. */
enum gateway_account_claim {
    GATEWAY_ACCOUNT_CLAIM_NONE = 0, /* it was not asked yet */
    GATEWAY_ACCOUNT_CLAIM_GRANTED,
    GATEWAY_ACCOUNT_CLAIM_TAKEN, /* another user of the marketplace has it */
    GATEWAY_ACCOUNT_CLAIM_COUNT,
};

struct gateway_account_ask {
    enum gateway_account_verb verb;
    enum gateway_account_claim claim;
    struct id command_id; /* with a claim: what first asked for it */
    struct id user_id;
    struct engine_actor actor;
    struct str display_name; /* REGISTER */
    struct str discord_id;   /* REGISTER: may be empty */
};

enum gateway_account_refusal {
    GATEWAY_ACCOUNT_REFUSAL_NONE = 0,
    GATEWAY_ACCOUNT_EXISTS,
    GATEWAY_ACCOUNT_UNKNOWN,
    GATEWAY_ACCOUNT_NOT_ALLOWED,
    GATEWAY_ACCOUNT_BAD_NAME,
    GATEWAY_ACCOUNT_BAD_DISCORD_ID,
    GATEWAY_ACCOUNT_DISCORD_TAKEN,
    GATEWAY_ACCOUNT_REFUSAL_COUNT,
};

struct gateway_account_refusal_text {
    const char *code; /* of libs/base/error_codes.txt */
    const char *sentence;
};

const struct gateway_account_refusal_text *
gateway_account_refusal_text(enum gateway_account_refusal refusal);

enum gateway_account_news {
    GATEWAY_ACCOUNT_NEWS_NONE = 0, /* refused, or it was so already */
    GATEWAY_ACCOUNT_JOINED,
    GATEWAY_ACCOUNT_LINKED,
    GATEWAY_ACCOUNT_NEWS_COUNT,
};

struct gateway_account_decision {
    enum gateway_account_refusal refusal;
    enum gateway_account_news news;
    struct gateway_account next; /* with news */
    bool needs_claim;            /* with news, which wait: its discord_id must be granted first */
};

/* now: NULL when there is none. */
struct gateway_account_decision gateway_account_decide(const struct gateway_account *now,
                                                       const struct gateway_account_ask *ask,
                                                       int64_t now_us);

/* What every stored row keeps. */
bool gateway_account_is_sound(const struct gateway_account *account);
