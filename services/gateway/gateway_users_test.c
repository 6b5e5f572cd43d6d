/* The routes of users against a real PostgreSQL: who may see and do what, and what each refusal is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "gateway/gateway_repo.h"
#include "gateway/testing/gateway_fixture.h"
#include "json/json_read.h"

#define MARKETPLACE "a0000000-0000-4000-8000-000000000001"
#define OTHER_MARKETPLACE "a0000000-0000-4000-8000-000000000002"
#define STAFF "a0000000-0000-4000-8000-000000000003"
#define USER "b0000000-0000-4000-8000-000000000001"
#define OF_STAFF "b0000000-0000-4000-8000-000000000002"
#define PENDING "b0000000-0000-4000-8000-000000000003"
#define REFUSED "b0000000-0000-4000-8000-000000000004"
#define STRANGER "b0000000-0000-4000-8000-0000000000ff"
#define OPEN_COMMAND "d0000000-0000-4000-8000-000000000003"
#define REFUSED_COMMAND "d0000000-0000-4000-8000-000000000004"
#define DISCORD "123456789012345678"

#define POST_USERS HTTP_POST, "/v1/users"
#define POST_LINK HTTP_POST, "/v1/users/:id/link-discord"
#define GET_USER HTTP_GET, "/v1/users/:id"
#define GET_COMMAND HTTP_GET, "/v1/commands/:id"
#define LINK_BODY STR("{\"discord_id\":\"" DISCORD "\"}")

static const char *const rows =
    "INSERT INTO account VALUES"
    " ('" USER "', 1, '" MARKETPLACE "', 'Ada', '" DISCORD "', 1000000, 2000000),"
    " ('" OF_STAFF "', 1, '00000000-0000-0000-0000-000000000000', 'Eva', '', 1000000, 1000000);"
    "INSERT INTO account_pending VALUES"
    " ('" PENDING "', '" OPEN_COMMAND "', '" MARKETPLACE "', 'Ida', '', 3000000),"
    " ('" REFUSED "', '" REFUSED_COMMAND "', '" MARKETPLACE "', 'Uta', '', 3000000);"
    "INSERT INTO intake (id, lane, topic, key, type, payload, content, account, created_at_us,"
    " due_at_us, attempts, open, outcome, outcome_code, outcome_sentence, closed_at_us) VALUES"
    " ('" OPEN_COMMAND "', 0, 'gateway.commands.v1', '" PENDING
    "', 'holdfast.gateway.v1.RegisterUser', '\\x00', decode(repeat('00', 32), 'hex'), '" MARKETPLACE
    "', 3000000, 0, 0, true, 0, '', '', 0),"
    " ('" REFUSED_COMMAND "', 0, 'gateway.commands.v1', '" REFUSED
    "', 'holdfast.gateway.v1.RegisterUser', '\\x00', decode(repeat('00', 32), 'hex'), '" MARKETPLACE
    "', 3000000, 0, 0, false, 2, 'user.bad_name', 'Such a name.', 4000000);";

/* ---- Asking ---- */

/* Asks, and expects success with this HTTP status, or else the code of a failure. */
static void ask(enum http_method method, const char *path, const char *id, struct str body,
                int32_t http, const char *code)
{
    struct status st = fixture_call(method, path, id, body);
    assert_string_equal(status_failed(st) ? fixture.op.err.code : "", code ? code : "");
    assert_int_equal(status_failed(st) ? http_problem_status(&fixture.op, st) : fixture.ret.status,
                     http);
}

static void tells(const char *pointer, const char *wanted)
{
    const struct json_value *value = NULL;
    struct str text;
    assert_int_equal(json_read(&fixture.op, fixture.ret.body, &value).kind, STATUS_OK);
    if (!wanted) {
        assert_int_equal(json_at(value, pointer)->kind, JSON_KIND_NULL);
        return;
    }
    assert_true(json_text_at(value, pointer, &text));
    assert_true(str_eq(text, str_of(wanted)));
}

static void tells_id(const char *pointer, struct id id)
{
    char text[ID_TEXT_BYTES];
    id_format(id, text);
    tells(pointer, text);
}

/* ---- The tests ---- */

static void marketplaces_and_staff_register(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE);
    ask(POST_USERS, "", STR("{\"display_name\":\"Ada\"}"), 202, NULL);
    struct str first = fixture.ret.body;
    const struct gateway_account_pending *pending = fixture.last.extra_row;
    tells_id("/command_id", fixture.last.id);
    tells_id("/user_id", fixture.last.key);
    tells("/escrow_id", NULL);
    tells("/status", "pending");
    assert_int_equal(fixture.last.topic, TOPIC_GATEWAY_COMMANDS_V1);
    assert_true(id_eq(fixture.last.account, fixture_id(MARKETPLACE)));
    assert_true(str_eq(fixture.ret.headers[0].name, STR("Location")));
    assert_true(str_has_prefix(fixture.ret.headers[0].value, STR("/v1/commands/")));
    assert_int_equal(fixture.ret.retry_after_s, 1);
    assert_true(str_eq(pending->display_name, STR("Ada")));
    assert_int_equal(pending->discord_id.len, 0);
    ask(POST_USERS, "", STR("{\"display_name\":\"Ada\"}"), 202, NULL);
    assert_true(str_eq(first, fixture.ret.body)); /* INV34: the same bytes */
    ask(POST_USERS, "", STR("{\"display_name\":\"Ada\",\"discord_id\":\"" DISCORD "\"}"), 202,
        NULL);
    pending = fixture.last.extra_row;
    assert_true(str_eq(pending->discord_id, STR(DISCORD)));
    assert_true(id_eq(pending->marketplace_id, fixture_id(MARKETPLACE)));
    fixture_as(ENGINE_ACTOR_STAFF, STAFF);
    ask(POST_USERS, "", STR("{\"display_name\":\"Ada\"}"), 202, NULL);
    pending = fixture.last.extra_row;
    assert_true(id_is_none(pending->marketplace_id));
    fixture.submit_status.kind = STATUS_RETRY;
    ask(POST_USERS, "", STR("{\"display_name\":\"Ada\"}"), 503, "intake.full");
    assert_int_equal(fixture.ret.retry_after_s, 1);
}

static void bad_registrations_reach_nobody(void **state)
{
    (void)state;

    static const struct {
        struct str body;
        int32_t http;
        const char *code;
        const char *field;
    } cases[] = {
        {STR(""), 400, "json.syntax", NULL},
        {STR("{}"), 400, "json.missing_field", "/display_name"},
        {STR("{\"display_name\":7}"), 400, "json.wrong_type", "/display_name"},
        {STR("{\"display_name\":null}"), 400, "json.wrong_type", "/display_name"},
        {STR("{\"display_name\":\"\"}"), 422, "user.bad_name", "/display_name"},
        {STR("{\"display_name\":\"a\\u0007\"}"), 422, "user.bad_name", "/display_name"},
        {STR("{\"display_name\":\"a\\u0085\"}"), 422, "user.bad_name", "/display_name"},
        {STR("{\"display_name\":\"a\\u0000\"}"), 400, "json.nul", NULL},
        {STR("{\"display_name\":\"a\xff\"}"), 400, "json.not_utf8", NULL},
        {STR("{\"display_name\":\"a\",\"discord_id\":\"\"}"), 422, "user.bad_discord_id",
         "/discord_id"},
        {STR("{\"display_name\":\"a\",\"discord_id\":123456789012345678}"), 400, "json.wrong_type",
         "/discord_id"},
        {STR("{\"display_name\":\"a\",\"discord_id\":\"9223372036854775808\"}"), 422,
         "user.bad_discord_id", "/discord_id"},
        {STR("{\"display_name\":\"a\",\"marketplace_id\":\"" MARKETPLACE "\"}"), 400,
         "json.unknown_field", NULL},
    };

    fixture_as(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ask(POST_USERS, "", cases[i].body, cases[i].http, cases[i].code);
        if (cases[i].field) {
            assert_string_equal(fixture.op.err.field, cases[i].field);
        }
    }
    fixture_as(ENGINE_ACTOR_USER, USER);
    ask(POST_USERS, "", STR("{\"display_name\":\"Ada\"}"), 403, "user.not_allowed");
    assert_int_equal(fixture.submitted, 0);
}

struct role_case {
    enum engine_actor_kind kind;
    const char *account;
    const char *user;
    int32_t get;  /* 200 or 404 */
    int32_t link; /* 202, 403, 404 or 409 */
};

static const struct role_case roles[] = {
    {ENGINE_ACTOR_MARKETPLACE, MARKETPLACE, USER, 200, 202},
    {ENGINE_ACTOR_STAFF, STAFF, USER, 200, 202},
    {ENGINE_ACTOR_USER, USER, USER, 200, 403},
    {ENGINE_ACTOR_USER, STRANGER, USER, 404, 404},
    {ENGINE_ACTOR_MARKETPLACE, OTHER_MARKETPLACE, USER, 404, 404},
    {ENGINE_ACTOR_STAFF, STAFF, OF_STAFF, 200, 202},
    {ENGINE_ACTOR_MARKETPLACE, MARKETPLACE, OF_STAFF, 404, 404},
    {ENGINE_ACTOR_USER, OF_STAFF, OF_STAFF, 200, 403},
    {ENGINE_ACTOR_MARKETPLACE, MARKETPLACE, PENDING, 200, 409},
    {ENGINE_ACTOR_USER, PENDING, PENDING, 200, 403},
    {ENGINE_ACTOR_MARKETPLACE, OTHER_MARKETPLACE, PENDING, 404, 404},
    {ENGINE_ACTOR_MARKETPLACE, MARKETPLACE, REFUSED, 200, 404},
    {ENGINE_ACTOR_STAFF, STAFF, STRANGER, 404, 404},
    {ENGINE_ACTOR_USER, STRANGER, STRANGER, 404, 404}, /* a token of somebody not registered */
    {ENGINE_ACTOR_STAFF, STAFF, "nonsense", 404, 404},
};

static void users_are_for_those_in_the_role(void **state)
{
    (void)state;
    uint32_t accepted = 0;
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        const struct role_case *row = &roles[i];
        fixture_as(row->kind, row->account);
        ask(GET_USER, row->user, STR(""), row->get, row->get == 404 ? "user.unknown" : NULL);
        const char *code = row->link == 403   ? "user.not_allowed"
                           : row->link == 404 ? "user.unknown"
                                              : "user.pending";
        ask(POST_LINK, row->user, LINK_BODY, row->link, row->link == 202 ? NULL : code);
        accepted += row->link == 202 ? 1 : 0;
        assert_int_equal(fixture.ret.retry_after_s, row->link == 202 || row->link == 409);
    }
    assert_int_equal(fixture.submitted, accepted);
    assert_true(id_eq(fixture.last.key, fixture_id(OF_STAFF)));
    assert_null(fixture.last.extra_table);
}

static void links_are_checked(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE);
    ask(POST_LINK, USER, STR("{}"), 400, "json.missing_field");
    ask(POST_LINK, USER, STR("{\"discord_id\":\"12\"}"), 422, "user.bad_discord_id");
    assert_string_equal(fixture.op.err.field, "/discord_id");
    ask(POST_LINK, USER, STR("{\"discord_id\":\"" DISCORD "\",\"display_name\":\"x\"}"), 400,
        "json.unknown_field");
    assert_int_equal(fixture.submitted, 0);
}

static void users_are_shown_exactly(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_STAFF, STAFF);
    ask(GET_USER, USER, STR(""), 200, NULL);
    assert_true(
        str_eq(fixture.ret.body,
               STR("{\"id\":\"" USER "\",\"status\":\"registered\",\"display_name\":\"Ada\","
                   "\"discord_id\":\"" DISCORD "\",\"marketplace_id\":\"" MARKETPLACE
                   "\",\"rejection\":null,\"created_at\":\"1970-01-01T00:00:01.000Z\","
                   "\"updated_at\":\"1970-01-01T00:00:02.000Z\"}")));
    ask(GET_USER, OF_STAFF, STR(""), 200, NULL);
    tells("/discord_id", NULL);
    tells("/marketplace_id", NULL);
    ask(GET_USER, PENDING, STR(""), 200, NULL);
    tells("/status", "pending");
    tells("/display_name", "Ida");
    tells("/rejection", NULL);
    ask(GET_USER, REFUSED, STR(""), 200, NULL);
    tells("/status", "rejected");
    tells("/rejection/code", "user.bad_name");
    tells("/rejection/sentence", "Such a name.");
}

static void commands_are_about_users_too(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE);
    ask(GET_COMMAND, REFUSED_COMMAND, STR(""), 200, NULL);
    tells("/user_id", REFUSED);
    tells("/escrow_id", NULL);
    tells("/type", "RegisterUser");
    tells("/status", "rejected");
    tells("/rejection/code", "user.bad_name");
    fixture_as(ENGINE_ACTOR_MARKETPLACE, OTHER_MARKETPLACE);
    ask(GET_COMMAND, REFUSED_COMMAND, STR(""), 404, "command.unknown");
}

int main(void)
{
    DEFER(fixture_close) bool opened = fixture_open(rows);
    if (!opened) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(marketplaces_and_staff_register, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(bad_registrations_reach_nobody, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(users_are_for_those_in_the_role, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(links_are_checked, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(users_are_shown_exactly, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(commands_are_about_users_too, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
