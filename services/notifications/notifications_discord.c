/*
 * Frozen requests and answers. Always holds: a call has failed only when Discord itself says so, with a
 * code of its own; anything else is asked again with the same bytes.
 */
#include "notifications/notifications_discord.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/defer.h"
#include "effects/effects.h"
#include "json/json_read.h"
#include "json/json_write.h"
#include "notifications/notifications_text.h"

/* A text of CONTENT_MAX_BYTES in JSON, each byte six at worst, and what stands around it. */
#define BODY_MAX_BYTES (6 * CONTENT_MAX_BYTES + 1024)
#define CODE_MAX_BYTES 32
#define NONCE_BYTES 12 /* as hex 24 characters: Discord takes 25 */

bool notifications_discord_is_id(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0 && text.len <= DISCORD_ID_MAX_BYTES;
}

struct id notifications_discord_subject(struct str discord_id)
{
    return id_v5(id_namespace(STR("holdfast/discord-user")), discord_id);
}

/* ---- Requests ---- */

static STATUS freeze(struct op *op, struct str path, struct json_writer *json,
                     struct str *ret_request)
{
    struct effects_request request = {
        .method = EFFECTS_POST, .path = path, .content_type = STR("application/json")};
    TRY(json_write_finish(op, json, &request.body));
    return effects_encode(op, &request, ret_request);
}

STATUS notifications_discord_open(struct op *op, struct str discord_id, struct str *ret_request)
{
    ASSERT(notifications_discord_is_id(discord_id));
    struct json_writer json;
    json_write_init(&json, op->arena, BODY_MAX_BYTES);
    json_write_object(&json, /* name */ NULL);
    json_write_str(&json, "recipient_id", discord_id);
    json_write_end(&json);
    return freeze(op, STR("/users/@me/channels"), &json, ret_request);
}

/* The end of the id: what differs between two deliveries of one moment. */
static struct str nonce_of(struct op *op, struct id delivery_id)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, 2 * NONCE_BYTES + 1);
    strbuf_add_hex(&buf, delivery_id.bytes + sizeof(delivery_id.bytes) - NONCE_BYTES, NONCE_BYTES);
    struct str nonce;
    return strbuf_finish(&buf, &nonce) ? nonce : (struct str){.ptr = NULL, .len = 0};
}

STATUS notifications_discord_write(struct op *op, struct str channel_id, struct id delivery_id,
                                   struct str content, struct str *ret_request)
{
    ASSERT(notifications_discord_is_id(channel_id));
    struct str nonce = nonce_of(op, delivery_id);
    struct strbuf path;
    strbuf_init(&path, op->arena, EFFECTS_PATH_MAX_BYTES);
    strbuf_addf(&path, "/channels/" STR_FMT "/messages", STR_ARG(channel_id));
    struct str path_text;
    if (!nonce.ptr || !strbuf_finish(&path, &path_text)) {
        return op_arena_full(op);
    }
    struct json_writer json;
    json_write_init(&json, op->arena, BODY_MAX_BYTES);
    json_write_object(&json, /* name */ NULL);
    json_write_str(&json, "content", content);
    json_write_object(&json, "allowed_mentions");
    json_write_array(&json, "parse");
    json_write_end(&json);
    json_write_end(&json);
    json_write_str(&json, "nonce", nonce);
    json_write_bool(&json, "enforce_nonce", true);
    json_write_end(&json);
    return freeze(op, path_text, &json, ret_request);
}

/* ---- Answers ---- */

static struct str number_code(struct op *op, const char *prefix, int64_t number)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, CODE_MAX_BYTES);
    strbuf_addf(&buf, "%s%" PRId64, prefix, number);
    struct str code;
    return strbuf_finish(&buf, &code) ? code : str_of(prefix);
}

/* "Cannot send messages to this user", whatever the reason. */
static const int64_t codes_closed[] = {50007, 50278};
#define CODE_UNKNOWN_CHANNEL 10003
/* About our account and not about this person: verify it, it is limited, it may not at all. */
static const int64_t codes_about_us[] = {0, 20001, 20002, 40001, 40002, 40333, 50014};

static bool is_among(int64_t code, const int64_t *codes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (codes[i] == code) {
            return true;
        }
    }
    return false;
}

/* 400, 403, 404: nothing was done and nothing will be, if the body says so with a code of Discord's. */
static enum engine_verdict judge_refusal(struct op *op, const struct json_value *root,
                                         struct discord_fact *ret_fact, struct str *ret_code)
{
    int64_t code;
    if (!json_i64_at(root, "/code", &code)) {
        *ret_code = STR(DISCORD_CODE_UNREADABLE);
        return ENGINE_VERDICT_UNKNOWN;
    }
    if (is_among(code, codes_about_us, ARRAY_LEN(codes_about_us))) {
        *ret_code = STR(DISCORD_CODE_REFUSES_US);
        return ENGINE_VERDICT_UNKNOWN;
    }
    *ret_code = number_code(op, "discord_", code);
    *ret_fact = (struct discord_fact){.kind = DISCORD_FACT_REFUSED, .code = *ret_code};
    if (is_among(code, codes_closed, ARRAY_LEN(codes_closed))) {
        ret_fact->kind = DISCORD_FACT_CLOSED;
    } else if (code == CODE_UNKNOWN_CHANNEL) {
        ret_fact->kind = DISCORD_FACT_NO_CHANNEL;
    }
    return ENGINE_VERDICT_FAILED;
}

static enum engine_verdict judge_success(const struct json_value *root,
                                         struct discord_fact *ret_fact, struct str *ret_code)
{
    struct str ref;
    if (!json_text_at(root, "/id", &ref) || !notifications_discord_is_id(ref)) {
        *ret_code = STR(DISCORD_CODE_UNREADABLE);
        return ENGINE_VERDICT_UNKNOWN;
    }
    *ret_fact = (struct discord_fact){.kind = DISCORD_FACT_DONE, .ref = ref, .code = STR("")};
    return ENGINE_VERDICT_DONE;
}

enum engine_verdict notifications_discord_judge(struct op *op, const struct caller_answer *answer,
                                                struct discord_fact *ret_fact, struct str *ret_code)
{
    int32_t http = answer->http_status;
    bool success = http >= 200 && http <= 299;
    *ret_fact = (struct discord_fact){.kind = DISCORD_FACT_NONE, .ref = STR(""), .code = STR("")};
    *ret_code = STR("");
    if (http == 429) {
        *ret_code = STR(DISCORD_CODE_RATE_LIMITED);
        return ENGINE_VERDICT_LATER;
    }
    if (http == 401) {
        *ret_code = STR(DISCORD_CODE_REFUSES_US);
        return ENGINE_VERDICT_UNKNOWN;
    }
    if (!success && http != 400 && http != 403 && http != 404) {
        *ret_code = number_code(op, "http_", http); /* 5xx and the like: as good as no answer */
        return ENGINE_VERDICT_UNKNOWN;
    }
    const struct json_value *root;
    if (status_failed(json_read_to_depth(op, answer->body, JSON_TREE_DEPTH_MAX, &root))) {
        *ret_code = STR(DISCORD_CODE_UNREADABLE);
        return ENGINE_VERDICT_UNKNOWN;
    }
    return success ? judge_success(root, ret_fact, ret_code)
                   : judge_refusal(op, root, ret_fact, ret_code);
}
