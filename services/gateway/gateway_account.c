#include "gateway/gateway_account.h"

#include "base/assert.h"
#include "gateway/gateway.h"

/* ---- Bounds ---- */

/* C0, DEL, and C1 as UTF-8 has them (C2 80 to C2 9F). */
static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        unsigned char next = i + 1 < text.len ? (unsigned char)text.ptr[i + 1] : 0;
        if (c < 0x20 || c == 0x7F || (c == 0xC2 && next >= 0x80 && next <= 0x9F)) {
            return true;
        }
    }
    return false;
}

bool gateway_account_name_ok(struct str name)
{
    int64_t count = gateway_characters(name);
    return count >= 1 && count <= GATEWAY_DISPLAY_NAME_MAX_CHARS && !has_control(name);
}

bool gateway_account_discord_ok(struct str discord_id)
{
    int64_t number;
    if (discord_id.len < GATEWAY_DISCORD_ID_MIN_DIGITS ||
        discord_id.len > GATEWAY_DISCORD_ID_MAX_DIGITS || discord_id.ptr[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < discord_id.len; i++) {
        if (discord_id.ptr[i] < '0' || discord_id.ptr[i] > '9') {
            return false;
        }
    }
    return str_to_i64(discord_id, &number);
}

/* ---- Who ---- */

bool gateway_account_may_register(enum engine_actor_kind kind)
{
    return kind == ENGINE_ACTOR_MARKETPLACE || kind == ENGINE_ACTOR_STAFF;
}

bool gateway_account_may_link(const struct engine_actor *actor,
                              const struct gateway_account *account)
{
    return actor->kind == ENGINE_ACTOR_STAFF ||
           (actor->kind == ENGINE_ACTOR_MARKETPLACE && id_eq(actor->id, account->marketplace_id));
}

bool gateway_account_may_see(const struct engine_actor *actor,
                             const struct gateway_account *account)
{
    return gateway_account_may_link(actor, account) ||
           (actor->kind == ENGINE_ACTOR_USER && id_eq(actor->id, account->id));
}

struct id gateway_account_marketplace(const struct engine_actor *actor)
{
    struct id none = {.bytes = {0}};
    return actor->kind == ENGINE_ACTOR_MARKETPLACE ? actor->id : none;
}

/* ---- Refusals ---- */

static const struct gateway_account_refusal_text texts[GATEWAY_ACCOUNT_REFUSAL_COUNT] = {
    [GATEWAY_ACCOUNT_REFUSAL_NONE] = {"", ""},
    [GATEWAY_ACCOUNT_EXISTS] = {"user.exists", "A user with this id is registered already."},
    [GATEWAY_ACCOUNT_UNKNOWN] = {"user.unknown", "There is no such user."},
    [GATEWAY_ACCOUNT_NOT_ALLOWED] = {"user.not_allowed",
                                     "Only the user's marketplace, or staff, may do this."},
    [GATEWAY_ACCOUNT_BAD_NAME] =
        {"user.bad_name",
         "A display name has 1 to 80 characters, none of them a control character."},
    [GATEWAY_ACCOUNT_BAD_DISCORD_ID] = {"user.bad_discord_id",
                                        "A Discord id is a decimal number of 17 to 19 digits, "
                                        "without leading zeros, as a string."},
    [GATEWAY_ACCOUNT_DISCORD_TAKEN] = {"user.discord_id_taken",
                                       "Another user of the marketplace has this Discord id."},
};

const struct gateway_account_refusal_text *
gateway_account_refusal_text(enum gateway_account_refusal refusal)
{
    ASSERT(refusal < GATEWAY_ACCOUNT_REFUSAL_COUNT);
    return &texts[refusal];
}

/* ---- The decision ---- */

static struct gateway_account_decision refuse(enum gateway_account_refusal refusal)
{
    return (struct gateway_account_decision){.refusal = refusal};
}

static struct gateway_account_decision register_user(const struct gateway_account *now,
                                                     const struct gateway_account_ask *ask,
                                                     int64_t now_us)
{
    if (!gateway_account_may_register(ask->actor.kind)) {
        return refuse(GATEWAY_ACCOUNT_NOT_ALLOWED);
    }
    if (now) {
        return refuse(GATEWAY_ACCOUNT_EXISTS);
    }
    if (!gateway_account_name_ok(ask->display_name)) {
        return refuse(GATEWAY_ACCOUNT_BAD_NAME);
    }
    if (ask->discord_id.len > 0 && !gateway_account_discord_ok(ask->discord_id)) {
        return refuse(GATEWAY_ACCOUNT_BAD_DISCORD_ID);
    }
    return (struct gateway_account_decision){
        .news = GATEWAY_ACCOUNT_JOINED,
        .next = {.id = ask->user_id,
                 .seq = 1,
                 .marketplace_id = gateway_account_marketplace(&ask->actor),
                 .display_name = ask->display_name,
                 .discord_id = ask->discord_id,
                 .created_at_us = now_us,
                 .updated_at_us = now_us},
    };
}

static struct gateway_account_decision link_discord(const struct gateway_account *now,
                                                    const struct gateway_account_ask *ask,
                                                    int64_t now_us)
{
    if (!now) {
        return refuse(GATEWAY_ACCOUNT_UNKNOWN);
    }
    if (!gateway_account_may_link(&ask->actor, now)) {
        return refuse(GATEWAY_ACCOUNT_NOT_ALLOWED);
    }
    if (!gateway_account_discord_ok(ask->discord_id)) {
        return refuse(GATEWAY_ACCOUNT_BAD_DISCORD_ID);
    }
    if (str_eq(now->discord_id, ask->discord_id)) {
        return (struct gateway_account_decision){.news = GATEWAY_ACCOUNT_NEWS_NONE};
    }
    struct gateway_account_decision decision = {.news = GATEWAY_ACCOUNT_LINKED, .next = *now};
    decision.next.seq++;
    decision.next.discord_id = ask->discord_id;
    decision.next.updated_at_us = now_us;
    return decision;
}

static struct gateway_account_decision decide(const struct gateway_account *now,
                                              const struct gateway_account_ask *ask, int64_t now_us)
{
    switch (ask->verb) {
    case GATEWAY_ACCOUNT_REGISTER: return register_user(now, ask, now_us);
    case GATEWAY_ACCOUNT_LINK_DISCORD: return link_discord(now, ask, now_us);
    case GATEWAY_ACCOUNT_VERB_NONE:
    case GATEWAY_ACCOUNT_VERB_COUNT: break;
    }
    UNREACHABLE("account verb");
}

/* What could not be anyway is refused before anything is claimed for it. */
struct gateway_account_decision gateway_account_decide(const struct gateway_account *now,
                                                       const struct gateway_account_ask *ask,
                                                       int64_t now_us)
{
    struct gateway_account_decision decision = decide(now, ask, now_us);
    if (decision.news == GATEWAY_ACCOUNT_NEWS_NONE || decision.next.discord_id.len == 0) {
        return decision;
    }
    switch (ask->claim) {
    case GATEWAY_ACCOUNT_CLAIM_NONE: decision.needs_claim = true; return decision;
    case GATEWAY_ACCOUNT_CLAIM_GRANTED: return decision;
    case GATEWAY_ACCOUNT_CLAIM_TAKEN: return refuse(GATEWAY_ACCOUNT_DISCORD_TAKEN);
    case GATEWAY_ACCOUNT_CLAIM_COUNT: break;
    }
    UNREACHABLE("account claim");
}

bool gateway_account_is_sound(const struct gateway_account *account)
{
    return !id_is_none(account->id) && account->seq >= 1 &&
           gateway_account_name_ok(account->display_name) &&
           (account->discord_id.len == 0 || gateway_account_discord_ok(account->discord_id)) &&
           account->updated_at_us >= account->created_at_us;
}
