/* What we ask of Discord, byte for byte, and what each of its answers means. */
#include "notifications/notifications_discord.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "effects/effects.h"

static const struct id delivery_id = {
    .bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

static void asks(struct arena *arena, struct str frozen, const char *path, const char *body)
{
    struct op op = {.arena = arena};
    struct effects_request request;
    assert_int_equal(effects_decode(&op, frozen, &request).kind, STATUS_OK);
    assert_int_equal(request.method, EFFECTS_POST);
    assert_false(request.idempotency_key);
    assert_true(str_eq(request.path, str_of(path)));
    assert_true(str_eq(request.content_type, STR("application/json")));
    if (!str_eq(request.body, str_of(body))) {
        fail_msg(STR_FMT, STR_ARG(request.body));
    }
}

static void requests_are_these_bytes(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct op op = {.arena = &arena};
    struct str frozen;
    assert_int_equal(notifications_discord_open(&op, STR("80351110224678912"), &frozen).kind,
                     STATUS_OK);
    asks(&arena, frozen, "/users/@me/channels", "{\"recipient_id\":\"80351110224678912\"}");
    assert_int_equal(notifications_discord_write(&op, STR("1300000000000000001"), delivery_id,
                                                 STR("say \"hi\"\n@everyone"), &frozen)
                         .kind,
                     STATUS_OK);
    asks(&arena, frozen, "/channels/1300000000000000001/messages",
         "{\"content\":\"say \\\"hi\\\"\\u000a@everyone\",\"allowed_mentions\":{\"parse\":[]},"
         "\"nonce\":\"05060708090a0b0c0d0e0f10\",\"enforce_nonce\":true}");
}

static void ids_are_snowflakes(void **state)
{
    (void)state;
    assert_true(notifications_discord_is_id(STR("0")));
    assert_true(notifications_discord_is_id(STR("12345678901234567890")));
    assert_false(notifications_discord_is_id(STR("123456789012345678901")));
    assert_false(notifications_discord_is_id(STR("")));
    assert_false(notifications_discord_is_id(STR("12/34")));
    assert_false(notifications_discord_is_id(STR("1 ")));
    struct id one = notifications_discord_subject(STR("1"));
    assert_false(id_eq(one, notifications_discord_subject(STR("2"))));
    assert_true(id_eq(one, notifications_discord_subject(STR("1"))));
}

#define DONE ENGINE_VERDICT_DONE
#define FAILED ENGINE_VERDICT_FAILED
#define UNKNOWN ENGINE_VERDICT_UNKNOWN
#define LATER ENGINE_VERDICT_LATER

struct row {
    int32_t http_status;
    const char *body;
    enum engine_verdict verdict;
    const char *code;
    enum discord_fact_kind fact;
    const char *ref;
};

static const struct row rows[] = {
    {200, "{\"id\":\"42\",\"type\":1}", DONE, "", DISCORD_FACT_DONE, "42"},
    {201, "{\"id\":\"42\"}", DONE, "", DISCORD_FACT_DONE, "42"},
    {200, "{\"id\":42}", UNKNOWN, DISCORD_CODE_UNREADABLE, DISCORD_FACT_NONE, ""},
    {200, "{\"id\":\"4x2\"}", UNKNOWN, DISCORD_CODE_UNREADABLE, DISCORD_FACT_NONE, ""},
    {200, "{}", UNKNOWN, DISCORD_CODE_UNREADABLE, DISCORD_FACT_NONE, ""},
    {200, "<html>oops", UNKNOWN, DISCORD_CODE_UNREADABLE, DISCORD_FACT_NONE, ""},
    {204, "", UNKNOWN, DISCORD_CODE_UNREADABLE, DISCORD_FACT_NONE, ""},
    {400, "{\"code\":50035,\"message\":\"m\"}", FAILED, "discord_50035", DISCORD_FACT_REFUSED, ""},
    {400, "{\"message\":\"m\"}", UNKNOWN, DISCORD_CODE_UNREADABLE, DISCORD_FACT_NONE, ""},
    {401, "{\"code\":0,\"message\":\"m\"}", UNKNOWN, DISCORD_CODE_REFUSES_US, DISCORD_FACT_NONE,
     ""},
    {403, "{\"code\":50007,\"message\":\"m\"}", FAILED, "discord_50007", DISCORD_FACT_CLOSED, ""},
    {403, "{\"code\":50278,\"message\":\"m\"}", FAILED, "discord_50278", DISCORD_FACT_CLOSED, ""},
    {403, "{\"code\":50001,\"message\":\"m\"}", FAILED, "discord_50001", DISCORD_FACT_REFUSED, ""},
    {403, "{\"code\":40002,\"message\":\"m\"}", UNKNOWN, DISCORD_CODE_REFUSES_US, DISCORD_FACT_NONE,
     ""},
    {403, "error code: 1015", UNKNOWN, DISCORD_CODE_UNREADABLE, DISCORD_FACT_NONE, ""},
    {404, "{\"code\":10003,\"message\":\"m\"}", FAILED, "discord_10003", DISCORD_FACT_NO_CHANNEL,
     ""},
    {404, "{\"code\":10013,\"message\":\"m\"}", FAILED, "discord_10013", DISCORD_FACT_REFUSED, ""},
    {404, "{\"code\":0,\"message\":\"404: Not Found\"}", UNKNOWN, DISCORD_CODE_REFUSES_US,
     DISCORD_FACT_NONE, ""},
    {405, "{\"code\":1}", UNKNOWN, "http_405", DISCORD_FACT_NONE, ""},
    {429, "{\"retry_after\":1.5,\"global\":false}", LATER, DISCORD_CODE_RATE_LIMITED,
     DISCORD_FACT_NONE, ""},
    {429, "", LATER, DISCORD_CODE_RATE_LIMITED, DISCORD_FACT_NONE, ""},
    {500, "{\"code\":0}", UNKNOWN, "http_500", DISCORD_FACT_NONE, ""},
    {503, "", UNKNOWN, "http_503", DISCORD_FACT_NONE, ""},
    {302, "", UNKNOWN, "http_302", DISCORD_FACT_NONE, ""},
};

static void answers_mean_this(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        DEFER(arena_fini) struct arena arena;
        arena_init(&arena, (size_t)1024 * 1024);
        struct op op = {.arena = &arena};
        const struct caller_answer answer = {.outcome = CALLER_ANSWERED,
                                             .http_status = rows[i].http_status,
                                             .body = str_of(rows[i].body)};
        struct discord_fact fact;
        struct str code;
        enum engine_verdict verdict = notifications_discord_judge(&op, &answer, &fact, &code);
        bool same = verdict == rows[i].verdict && str_eq(code, str_of(rows[i].code)) &&
                    fact.kind == rows[i].fact && str_eq(fact.ref, str_of(rows[i].ref)) &&
                    (verdict != FAILED || str_eq(fact.code, code));
        if (!same) {
            fail_msg("row %zu: %d " STR_FMT, i, (int)verdict, STR_ARG(code));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_these_bytes),
        cmocka_unit_test(ids_are_snowflakes),
        cmocka_unit_test(answers_mean_this),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
