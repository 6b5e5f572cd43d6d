/*
 * The handlers against a real PostgreSQL: who is who, what is whose, and what each refusal is. The
 * intake is the test's: it says what it is told to say and remembers what it was given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "gateway/gateway_repo.h"
#include "gateway/testing/gateway_fixture.h"
#include "json/json_read.h"

#define MARKETPLACE "a0000000-0000-4000-8000-000000000001"
#define BUYER "b0000000-0000-4000-8000-000000000002"
#define SELLER "c0000000-0000-4000-8000-000000000003"
#define STRANGER "f0000000-0000-4000-8000-000000000004"
#define ESCROW "e0000000-0000-4000-8000-000000000005"
#define PENDING "e0000000-0000-4000-8000-000000000006"
#define REFUSED "e0000000-0000-4000-8000-000000000007"
#define PAID_EARLY "e0000000-0000-4000-8000-000000000008"
#define NOWHERE "e0000000-0000-4000-8000-0000000000ff"
#define OPEN_COMMAND "d0000000-0000-4000-8000-000000000006"
#define REFUSED_COMMAND "d0000000-0000-4000-8000-000000000007"

/* ---- Asking ---- */

static void expect(struct status st, int32_t http, const char *code)
{
    if (!code) {
        if (status_failed(st)) {
            fail_msg("%s: %s", fixture.op.err.code, fixture.op.err.msg);
        }
        assert_int_equal(fixture.ret.status, http);
        return;
    }
    if (!status_failed(st) || strcmp(fixture.op.err.code, code) != 0) {
        fail_msg("%s, not %s", fixture.op.err.code ? fixture.op.err.code : "success", code);
    }
    assert_int_equal(http_problem_status(&fixture.op, st), http);
}

static const struct json_value *answer(void)
{
    const struct json_value *value = NULL;
    assert_int_equal(json_read(&fixture.op, fixture.ret.body, &value).kind, STATUS_OK);
    return value;
}

static void expect_text(const struct json_value *value, const char *pointer, const char *wanted)
{
    struct str text = STR("(not there)");
    (void)json_text_at(value, pointer, &text);
    if (!str_eq(text, str_of(wanted))) {
        fail_msg("%s: " STR_FMT ", not %s", pointer, STR_ARG(text), wanted);
    }
}

static const char *header(const char *name)
{
    for (uint32_t i = 0; i < fixture.ret.header_count; i++) {
        if (str_eq(fixture.ret.headers[i].name, str_of(name))) {
            return str_dup(&fixture.arena, fixture.ret.headers[i].value).ptr;
        }
    }
    return "";
}

#define POST_ESCROWS HTTP_POST, "/v1/escrows", NULL
#define BODY(seller, account, amount, more)                                                  \
    "{\"buyer_id\":\"" BUYER "\",\"seller_id\":\"" seller "\",\"seller_account\":\"" account \
    "\",\"amount_minor\":" amount ",\"currency\":\"USD\"" more "}"
#define GOOD_BODY BODY(SELLER, "acct_1A", "12345", "")

/* ---- Rows ---- */

static const char *const rows =
    "INSERT INTO escrow_view SELECT '" ESCROW
    "', 2, 2, 2, 1, 12345, 0, 0, 0, 0, 0, 0, 0, 0, 0, false, false,"
    " '" MARKETPLACE "', '" BUYER "', '" SELLER
    "', 'acct_1', 7200, 10800, 86400, 9000000, 10, 'A sword', 'pi_1', 'pi_1_secret', 1000, 2000;"
    "INSERT INTO escrow_view SELECT '" PAID_EARLY
    "', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, false, false,"
    " '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000',"
    " '00000000-0000-0000-0000-000000000000', '', 0, 0, 0, 0, 0, '', 'pi_2', 'secret', 0, 2000;"
    "INSERT INTO escrow_timeline VALUES"
    " ('" ESCROW "', 1, 'EscrowCreated', 1, 12345, 0, '', 2, '" MARKETPLACE "', 1000),"
    " ('" ESCROW
    "', 2, 'EscrowAwaitFunds', 2, 0, 0, '', 4, '00000000-0000-0000-0000-000000000000', 2000);"
    "INSERT INTO escrow_pending SELECT x.id::uuid, x.command::uuid, '" MARKETPLACE "', '" BUYER
    "', '" SELLER "', 1, 777, 'acct_1', 7200, 10800, 86400, 'A shield', 3000"
    " FROM (VALUES ('" PENDING "', '" OPEN_COMMAND "'),"
    " ('" REFUSED "', '" REFUSED_COMMAND "')) AS x (id, command);"
    "INSERT INTO intake (id, lane, topic, key, type, payload, content, account, created_at_us, "
    "due_at_us, attempts,"
    " open, outcome, outcome_code, outcome_sentence, closed_at_us) VALUES"
    " ('" OPEN_COMMAND "', 0, 'escrow.commands.v1', '" PENDING
    "', 'holdfast.escrow.v1.CreateEscrow', '\\x00',"
    " decode(repeat('00', 32), 'hex'), '" MARKETPLACE "', 3000, 0, 0, true, 0, '', '', 0),"
    " ('" REFUSED_COMMAND "', 0, 'escrow.commands.v1', '" REFUSED
    "', 'holdfast.escrow.v1.CreateEscrow', '\\x00',"
    " decode(repeat('00', 32), 'hex'), '" MARKETPLACE
    "', 3000, 0, 0, false, 2, 'escrow.bad_price', 'Too much.', 4000);"
    "INSERT INTO api_token (hash, kind, account_id, label, expires_at, revoked_at) VALUES"
    " (sha256('hf_test_0123456789012345678901234567890123456789'), 1, '" BUYER
    "', 'good', 'infinity', NULL),"
    " (sha256('hf_live_0123456789012345678901234567890123456789'), 2, '" MARKETPLACE
    "', 'live', 'infinity', NULL),"
    " (sha256('hf_test_revoked789012345678901234567890123456789'), 1, '" BUYER
    "', 'r', 'infinity', now()),"
    " (sha256('hf_test_expired789012345678901234567890123456789'), 1, '" BUYER
    "', 'e', now(), NULL),"
    " (sha256('xx_test_0123456789012345678901234567890123456789'), 1, '" BUYER
    "', 'x', 'infinity', NULL);";

/* ---- The tests ---- */

static struct status authenticate(const char *token)
{
    fixture.req.token = str_of(token);
    const void *principal = NULL;
    struct status st =
        gateway_authenticate(&fixture.op, &fixture.gateway, &fixture.req, &principal);
    if (!status_failed(st)) {
        fixture.caller = *(const struct gateway_caller *)principal;
    }
    return st;
}

static void tokens_are_known_or_not(void **state)
{
    (void)state;
    assert_int_equal(authenticate("hf_test_0123456789012345678901234567890123456789").kind,
                     STATUS_OK);
    assert_int_equal(fixture.caller.kind, ENGINE_ACTOR_USER);
    assert_true(id_eq(fixture.caller.account_id, fixture_id(BUYER)));
    assert_int_equal(authenticate("hf_live_0123456789012345678901234567890123456789").kind,
                     STATUS_OK);
    assert_int_equal(fixture.caller.kind, ENGINE_ACTOR_MARKETPLACE);
    static const char *const bad[] = {"",
                                      "hf_test_",
                                      "hf_test_unknown789012345678901234567890123456789",
                                      "hf_test_revoked789012345678901234567890123456789",
                                      "hf_test_expired789012345678901234567890123456789",
                                      "xx_test_0123456789012345678901234567890123456789",
                                      "hf_test_0123456789012345678901234567890123456789 ",
                                      "HF_TEST_0123456789012345678901234567890123456789"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        expect(authenticate(bad[i]), 401, "gateway.token");
    }
    fixture.gateway.production = true;
    expect(authenticate("hf_test_0123456789012345678901234567890123456789"), 401, "gateway.token");
    assert_int_equal(authenticate("hf_live_0123456789012345678901234567890123456789").kind,
                     STATUS_OK);
}

static void a_marketplace_opens_a_deal(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE);
    expect(fixture_call(POST_ESCROWS, STR(GOOD_BODY)), 202, NULL);
    struct str first = fixture.ret.body;
    char location[64];
    char id[ID_TEXT_BYTES];
    id_format(fixture.last.id, id);
    assert_true(snprintf(location, sizeof(location), "/v1/commands/%s", id) > 0);
    assert_string_equal(header("Location"), location);
    assert_int_equal(fixture.ret.retry_after_s, 1);
    expect_text(answer(), "/command_id", id);
    id_format(fixture.last.key, id);
    expect_text(answer(), "/escrow_id", id);
    expect_text(answer(), "/status", "pending");
    const struct gateway_pending *pending = fixture.last.extra_row;
    assert_int_equal(pending->funding_seconds, 259200); /* the defaults */
    assert_int_equal(pending->delivery_seconds, 172800);
    assert_int_equal(pending->inspection_seconds, 604800);
    assert_int_equal(pending->fees.buyer.basis_points + pending->fees.seller.fixed_minor, 0);
    assert_true(pending->fees.buyer_refundable);
    assert_int_equal(json_at(answer(), "/preview/buyer_pays_minor")->i64, pending->price_minor);
    assert_ptr_equal(fixture.last.extra_table, &gateway_pending_table);
    fixture.result = INTAKE_REPEATED;
    expect(fixture_call(POST_ESCROWS, STR(GOOD_BODY)), 202, NULL);
    assert_true(str_eq(first, fixture.ret.body)); /* INV34: the same bytes */
}

static void what_the_intake_says_is_told(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE);
    fixture.result = INTAKE_DIFFERENT;
    expect(fixture_call(POST_ESCROWS, STR(GOOD_BODY)), 422, "idempotency.key_reused");
    fixture.result = INTAKE_BUSY;
    expect(fixture_call(POST_ESCROWS, STR(GOOD_BODY)), 409, "idempotency.in_progress");
    assert_int_equal(fixture.ret.retry_after_s, 1);
    fixture.submit_status.kind = STATUS_RETRY;
    expect(fixture_call(POST_ESCROWS, STR(GOOD_BODY)), 503, "intake.full");
    assert_int_equal(fixture.ret.retry_after_s, 1);
}

static void bad_creations_reach_nobody(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_USER, BUYER);
    expect(fixture_call(POST_ESCROWS, STR(GOOD_BODY)), 403, "gateway.marketplace_only");
    fixture_as(ENGINE_ACTOR_STAFF, STRANGER);
    expect(fixture_call(POST_ESCROWS, STR(GOOD_BODY)), 403, "gateway.marketplace_only");
    fixture_as(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE);
    expect(fixture_call(POST_ESCROWS, STR("")), 400, "json.syntax");
    expect(fixture_call(POST_ESCROWS, STR("{}")), 400, "json.missing_field");
    assert_string_equal(fixture.op.err.field, "/buyer_id");
    expect(fixture_call(POST_ESCROWS, STR(BODY(SELLER, "acct_1A", "1.0", ""))), 400,
           "json.not_integer");
    expect(fixture_call(POST_ESCROWS, STR(BODY(BUYER, "acct_1A", "1", ""))), 422,
           "escrow.same_party");
    expect(fixture_call(POST_ESCROWS, STR(BODY(SELLER, "acct_1A", "0", ""))), 422,
           "gateway.amount_limit");
    assert_string_equal(fixture.op.err.field, "/amount_minor");
    expect(
        fixture_call(POST_ESCROWS, STR(BODY(SELLER, "acct_1A", "1", ",\"funding_seconds\":3599"))),
        422, "escrow.bad_funding");
    assert_string_equal(fixture.op.err.field, "/funding_seconds");
    /* Neither kept nor passed on, in whichever text it stands. */
    expect(fixture_call(POST_ESCROWS, STR(BODY(SELLER, "acct_4242424242424242", "1", ""))), 422,
           "json.card_number");
    expect(fixture_call(POST_ESCROWS, STR(BODY(SELLER, "acct_1", "1",
                                               ",\"description\":\"4242 4242 4242 4242\""))),
           422, "json.card_number");
    assert_int_equal(fixture.submitted, 0);
}

struct act_case {
    const char *verb;
    enum engine_actor_kind kind;
    const char *account;
    int32_t http; /* 202, 403 or 404 */
};

/* Role by identity: 403 for a party in the wrong role, 404 for whom the deal does not exist. */
static void actions_are_for_those_in_the_role(void **state)
{
    (void)state;
    static const struct act_case cases[] = {
        {"/v1/escrows/:id/mark-delivered", ENGINE_ACTOR_USER, SELLER, 202},
        {"/v1/escrows/:id/mark-delivered", ENGINE_ACTOR_USER, BUYER, 403},
        {"/v1/escrows/:id/mark-delivered", ENGINE_ACTOR_USER, STRANGER, 404},
        {"/v1/escrows/:id/release", ENGINE_ACTOR_USER, BUYER, 202},
        {"/v1/escrows/:id/release", ENGINE_ACTOR_USER, SELLER, 403},
        {"/v1/escrows/:id/release", ENGINE_ACTOR_STAFF, STRANGER, 403},
        {"/v1/escrows/:id/release", ENGINE_ACTOR_MARKETPLACE, MARKETPLACE, 403},
        {"/v1/escrows/:id/release", ENGINE_ACTOR_MARKETPLACE, BUYER, 404},
        {"/v1/escrows/:id/cancel", ENGINE_ACTOR_MARKETPLACE, MARKETPLACE, 202},
        {"/v1/escrows/:id/cancel", ENGINE_ACTOR_MARKETPLACE, STRANGER, 404},
        {"/v1/escrows/:id/refund", ENGINE_ACTOR_STAFF, STRANGER, 202},
        {"/v1/escrows/:id/refund", ENGINE_ACTOR_USER, BUYER, 403},
        {"/v1/escrows/:id/retry", ENGINE_ACTOR_STAFF, STRANGER, 202},
        {"/v1/escrows/:id/retry", ENGINE_ACTOR_USER, SELLER, 403},
        {"/api/escrow/:id/mark-delivered", ENGINE_ACTOR_USER, SELLER, 202},
        {"/api/escrow/:id/release", ENGINE_ACTOR_USER, BUYER, 202},
        {"/api/escrow/:id/release", ENGINE_ACTOR_USER, STRANGER, 404},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *code = cases[i].http == 403   ? "escrow.not_allowed"
                           : cases[i].http == 404 ? "escrow.unknown"
                                                  : NULL;
        uint32_t before = fixture.submitted;
        fixture_as(cases[i].kind, cases[i].account);
        expect(fixture_call(HTTP_POST, cases[i].verb, ESCROW, STR("")), cases[i].http, code);
        assert_int_equal(fixture.submitted - before, cases[i].http == 202);
        expect(fixture_call(HTTP_POST, cases[i].verb, NOWHERE, STR("")), 404, "escrow.unknown");
        expect(fixture_call(HTTP_POST, cases[i].verb, PAID_EARLY, STR("")), 404, "escrow.unknown");
        expect(fixture_call(HTTP_POST, cases[i].verb, "not-an-id", STR("{}")), 404,
               "escrow.unknown");
    }
}

static void both_names_of_a_route_are_one_command(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_USER, BUYER);
    expect(fixture_call(HTTP_POST, "/v1/escrows/:id/release", ESCROW, STR("")), 202, NULL);
    struct intake_request first = fixture.last;
    assert_false(first.refused_last); /* R17: a refund is */
    expect(fixture_call(HTTP_POST, "/api/escrow/:id/release",
                        "E0000000-0000-4000-8000-000000000005", STR("{}")),
           202, NULL);
    assert_true(id_eq(first.id, fixture.last.id));
    assert_true(hash_eq(&first.content, &fixture.last.content));
}

static void reasons_are_taken_where_they_belong(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_USER, SELLER);
    expect(
        fixture_call(HTTP_POST, "/v1/escrows/:id/refund", ESCROW, STR("{\"reason\":\"broken\"}")),
        202, NULL);
    struct hash with = fixture.last.content;
    expect(fixture_call(HTTP_POST, "/v1/escrows/:id/refund", ESCROW, STR("{}")), 202, NULL);
    assert_true(fixture.last.refused_last); /* R17 */
    assert_false(hash_eq(&with, &fixture.last.content));
    expect(fixture_call(HTTP_POST, "/v1/escrows/:id/mark-delivered", ESCROW,
                        STR("{\"reason\":\"x\"}")),
           400, "json.unknown_field");
    expect(fixture_call(HTTP_POST, "/v1/escrows/:id/refund", ESCROW, STR("{\"reason\":7}")), 400,
           "json.wrong_type");
    expect(fixture_call(HTTP_POST, "/v1/escrows/:id/refund", ESCROW, STR("[]")), 400,
           "json.not_an_object");
}

static void a_pending_deal_is_shown_but_not_acted_on(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_USER, BUYER);
    expect(fixture_call(HTTP_GET, "/v1/escrows/:id", PENDING, STR("")), 200, NULL);
    expect_text(answer(), "/state", "PENDING");
    expect_text(answer(), "/description", "A shield");
    expect(fixture_call(HTTP_GET, "/v1/escrows/:id/timeline", PENDING, STR("")), 200, NULL);
    assert_int_equal(json_at(answer(), "/items")->count, 0);
    expect(fixture_call(HTTP_POST, "/v1/escrows/:id/cancel", PENDING, STR("")), 409,
           "escrow.pending");
    assert_int_equal(fixture.ret.retry_after_s, 1);
    expect(fixture_call(HTTP_POST, "/v1/escrows/:id/retry", PENDING, STR("")), 403,
           "escrow.not_allowed");
    expect(fixture_call(HTTP_GET, "/v1/escrows/:id", REFUSED, STR("")), 200, NULL);
    expect_text(answer(), "/state", "REJECTED");
    expect_text(answer(), "/rejection/code", "escrow.bad_price");
    expect(fixture_call(HTTP_POST, "/v1/escrows/:id/cancel", REFUSED, STR("")), 404,
           "escrow.unknown");
    fixture_as(ENGINE_ACTOR_USER, STRANGER);
    expect(fixture_call(HTTP_GET, "/v1/escrows/:id", PENDING, STR("")), 404, "escrow.unknown");
    expect(fixture_call(HTTP_POST, "/v1/escrows/:id/cancel", PENDING, STR("")), 404,
           "escrow.unknown");
    assert_int_equal(fixture.submitted, 0);
}

/* INV36 */
static void reading_is_for_the_parties(void **state)
{
    (void)state;

    static const struct {
        enum engine_actor_kind kind;
        const char *account;
        bool sees;
        bool pays;
    } cases[] = {
        {ENGINE_ACTOR_USER, BUYER, true, true},
        {ENGINE_ACTOR_USER, SELLER, true, false},
        {ENGINE_ACTOR_MARKETPLACE, MARKETPLACE, true, false},
        {ENGINE_ACTOR_STAFF, STRANGER, true, false},
        {ENGINE_ACTOR_USER, STRANGER, false, false},
        {ENGINE_ACTOR_USER, MARKETPLACE, false, false},
        {ENGINE_ACTOR_MARKETPLACE, BUYER, false, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *code = cases[i].sees ? NULL : "escrow.unknown";
        int32_t http = cases[i].sees ? 200 : 404;
        fixture_as(cases[i].kind, cases[i].account);
        expect(fixture_call(HTTP_GET, "/v1/escrows/:id", ESCROW, STR("")), http, code);
        if (cases[i].sees) {
            expect_text(answer(), "/state", "AWAIT_FUNDS");
            assert_int_equal(json_at(answer(), "/payment/client_secret")->kind == JSON_KIND_TEXT,
                             cases[i].pays);
        }
        expect(fixture_call(HTTP_GET, "/v1/escrows/:id/timeline", ESCROW, STR("")), http, code);
        if (cases[i].sees) {
            assert_int_equal(json_at(answer(), "/items")->count, 2);
            expect_text(answer(), "/items/1/type", "EscrowAwaitFunds");
        }
        expect(fixture_call(HTTP_GET, "/v1/escrows/:id", PAID_EARLY, STR("")), 404,
               "escrow.unknown");
        expect(fixture_call(HTTP_GET, "/v1/escrows/:id", "x", STR("")), 404, "escrow.unknown");
        expect(fixture_call(HTTP_GET, "/v1/escrows", NULL, STR("")), 200, NULL);
        assert_int_equal(json_at(answer(), "/items")->count, cases[i].sees ? 1 : 0);
    }
}

static void commands_are_for_who_gave_them(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE);
    expect(fixture_call(HTTP_GET, "/v1/commands/:id", OPEN_COMMAND, STR("")), 200, NULL);
    expect_text(answer(), "/status", "pending");
    expect_text(answer(), "/escrow_id", PENDING);
    expect_text(answer(), "/type", "CreateEscrow");
    assert_int_equal(fixture.ret.retry_after_s, 1);
    expect(fixture_call(HTTP_GET, "/v1/commands/:id", REFUSED_COMMAND, STR("")), 200, NULL);
    expect_text(answer(), "/status", "rejected");
    expect_text(answer(), "/rejection/code", "escrow.bad_price");
    expect_text(answer(), "/rejection/sentence", "Too much.");
    assert_int_equal(fixture.ret.retry_after_s, 0);
    fixture_as(ENGINE_ACTOR_STAFF, STRANGER);
    expect(fixture_call(HTTP_GET, "/v1/commands/:id", OPEN_COMMAND, STR("")), 200, NULL);
    fixture_as(ENGINE_ACTOR_USER, BUYER);
    expect(fixture_call(HTTP_GET, "/v1/commands/:id", OPEN_COMMAND, STR("")), 404,
           "command.unknown");
    expect(fixture_call(HTTP_GET, "/v1/commands/:id", NOWHERE, STR("")), 404, "command.unknown");
    expect(fixture_call(HTTP_GET, "/v1/commands/:id", "x", STR("")), 404, "command.unknown");
}

static void query(const char *name, struct str value)
{
    static struct http_pair pairs[2];
    pairs[fixture.req.query_count] = (struct http_pair){.name = str_of(name), .value = value};
    fixture.req.query = pairs;
    fixture.req.query_count++;
}

/* Seven deals of one user, four bought and three sold, two of them in the same microsecond. */
static void lists_are_walked_page_by_page(void **state)
{
    (void)state;
    fixture_run(
        "INSERT INTO escrow_view SELECT ('10000000-0000-4000-8000-00000000000' || i)::uuid, 1, 1, "
        "1, 1, i,"
        " 0, 0, 0, 0, 0, 0, 0, 0, 0, false, false, '" MARKETPLACE "',"
        " CASE WHEN i % 2 = 1 THEN '" STRANGER "'::uuid ELSE '" NOWHERE "' END,"
        " CASE WHEN i % 2 = 0 THEN '" STRANGER "'::uuid ELSE '" NOWHERE "' END,"
        " 'acct_1', 1, 1, 1, 0, 0, '', '', '', 5000 + i / 2, 5000 FROM generate_series(1, 7) AS "
        "i;");
    fixture_as(ENGINE_ACTOR_USER, STRANGER);
    struct str cursor = STR("");
    int64_t expected = 7; /* the newest first */
    for (int page = 0; page < 4; page++) {
        fixture.req.query_count = 0;
        query("limit", STR("2"));
        if (cursor.len > 0) {
            query("cursor", cursor);
        }
        expect(fixture_call(HTTP_GET, "/v1/escrows", NULL, STR("")), 200, NULL);
        const struct json_value *items = json_at(answer(), "/items");
        assert_int_equal(items->count, page < 3 ? 2 : 1);
        for (uint32_t i = 0; i < items->count; i++) {
            int64_t amount = 0;
            assert_true(json_i64_at(&items->items[i], "/amount_minor", &amount));
            assert_int_equal(amount, expected);
            expected--;
        }
        bool more = json_text_at(answer(), "/next_cursor", &cursor);
        assert_int_equal(more, page < 3);
        char link[160] = "";
        if (more) {
            int len =
                snprintf(link, sizeof(link),
                         "</v1/escrows?limit=2&cursor=" STR_FMT ">; rel=\"next\"", STR_ARG(cursor));
            assert_true(len > 0);
        }
        assert_string_equal(header("Link"), link);
    }
    fixture.req.query_count = 0;
    fixture_as(ENGINE_ACTOR_STAFF, STRANGER);
    expect(fixture_call(HTTP_GET, "/v1/escrows", NULL, STR("")), 200, NULL);
    assert_int_equal(json_at(answer(), "/items")->count, 8);
    fixture_as(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE);
    expect(fixture_call(HTTP_GET, "/v1/escrows", NULL, STR("")), 200, NULL);
    assert_int_equal(json_at(answer(), "/items")->count, 8);
    fixture_as(ENGINE_ACTOR_USER, BUYER);
    expect(fixture_call(HTTP_GET, "/v1/escrows", NULL, STR("")), 200, NULL);
    assert_int_equal(json_at(answer(), "/items")->count, 1);
}

static void bad_queries_are_refused(void **state)
{
    (void)state;
    fixture_as(ENGINE_ACTOR_USER, BUYER);
    static const char *const limits[] = {"0", "101", "-1", "", "x", "1.5"};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        fixture.req.query_count = 0;
        query("limit", str_of(limits[i]));
        expect(fixture_call(HTTP_GET, "/v1/escrows", NULL, STR("")), 400, "gateway.list_limit");
    }
    fixture.req.query_count = 0;
    query("limit", STR("100"));
    expect(fixture_call(HTTP_GET, "/v1/escrows", NULL, STR("")), 200, NULL);
    query("cursor", STR("abc"));
    expect(fixture_call(HTTP_GET, "/v1/escrows", NULL, STR("")), 400, "gateway.cursor");
    fixture.req.query_count = 0;
    query("after", STR("1"));
    expect(fixture_call(HTTP_GET, "/v1/escrows/:id/timeline", ESCROW, STR("")), 200, NULL);
    assert_int_equal(json_at(answer(), "/items")->count, 1);
}

static void the_document_is_served(void **state)
{
    (void)state;
    expect(fixture_call(HTTP_GET, "/openapi.json", NULL, STR("")), 200, NULL);
    expect_text(answer(), "/openapi", "3.1.0");
}

int main(void)
{
    DEFER(fixture_close) bool opened = fixture_open(rows);
    if (!opened) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokens_are_known_or_not, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_marketplace_opens_a_deal, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_the_intake_says_is_told, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(bad_creations_reach_nobody, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(actions_are_for_those_in_the_role, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(both_names_of_a_route_are_one_command, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(reasons_are_taken_where_they_belong, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_pending_deal_is_shown_but_not_acted_on, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(reading_is_for_the_parties, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(commands_are_for_who_gave_them, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(lists_are_walked_page_by_page, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(bad_queries_are_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(the_document_is_served, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
