/* The bytes that go to the provider, and what each of its answers means. */
#include "payments/payments_rail_stripe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/random.h"
#include "effects/effects.h"

#define ESCROW "11111111-2222-4333-8444-555555555555"
#define LEG "66666666-7777-4888-9999-aaaaaaaaaaaa"
#define OTHER "66666666-7777-4888-9999-aaaaaaaaaaab"
#define METADATA "\"metadata\":{\"escrow_id\":\"" ESCROW "\",\"leg_id\":\"" LEG "\"}"
#define WIRE_METADATA "metadata[escrow_id]=" ESCROW "&metadata[leg_id]=" LEG

struct fixture {
    struct arena arena;
    struct op op;
};

static int setup(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena, (size_t)8 * 1024 * 1024);
    fixture.op = (struct op){.arena = &fixture.arena};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_fini(&fixture->arena);
    return 0;
}

static struct id id_of(const char *text)
{
    struct id id;
    assert_true(id_parse(str_of(text), &id));
    return id;
}

/* ---- Requests ---- */

static struct payments_effect effect(enum payments_effect_kind kind)
{
    return (struct payments_effect){
        .kind = kind,
        .escrow_id = id_of(ESCROW),
        .leg_id = id_of(LEG),
        .currency = CURRENCY_USD,
        .amount_minor = 5000,
        .description = STR("Lamp, 2 x 25 $ & \"more\"\n+ \xC3\xA9=100%"),
        .destination = STR("acct_1&amount=1"),
        .intent_ref = STR("pi_1"),
        .charge_ref = STR("ch_1"),
    };
}

static void assert_request(struct fixture *fixture, const struct payments_effect *asked,
                           const char *path, const char *body)
{
    struct str bytes;
    assert_int_equal(payments_rail_stripe.request(&fixture->op, asked, &bytes).kind, STATUS_OK);
    struct effects_request request;
    assert_int_equal(effects_decode(&fixture->op, bytes, &request).kind, STATUS_OK);
    assert_int_equal(request.method, EFFECTS_POST);
    assert_true(request.idempotency_key);
    assert_true(str_eq(request.content_type, STR("application/x-www-form-urlencoded")));
    assert_string_equal(str_dup(&fixture->arena, request.path).ptr, path);
    assert_string_equal(str_dup(&fixture->arena, request.body).ptr, body);

    struct str again; /* frozen: the same effect has the same bytes */
    assert_int_equal(payments_rail_stripe.request(&fixture->op, asked, &again).kind, STATUS_OK);
    assert_true(str_eq(bytes, again));
}

static void requests_have_these_bytes(void **state)
{
    struct payments_effect asked = effect(PAYMENTS_EFFECT_CREATE_INTENT);
    assert_request(*state, &asked, "/v1/payment_intents",
                   "amount=5000&currency=usd&automatic_payment_methods[enabled]=true"
                   "&description=Lamp%2C%202%20x%2025%20%24%20%26%20%22more%22%0A%2B%20%C3%A9%3D"
                   "100%25&" WIRE_METADATA "&transfer_group=" ESCROW);
    asked.description = STR("");
    assert_request(*state, &asked, "/v1/payment_intents",
                   "amount=5000&currency=usd&automatic_payment_methods[enabled]=true&" WIRE_METADATA
                   "&transfer_group=" ESCROW);
    asked = effect(PAYMENTS_EFFECT_CANCEL_INTENT);
    assert_request(*state, &asked, "/v1/payment_intents/pi_1/cancel",
                   "cancellation_reason=requested_by_customer");
    asked = effect(PAYMENTS_EFFECT_CREATE_TRANSFER);
    assert_request(*state, &asked, "/v1/transfers",
                   "amount=5000&currency=usd&destination=acct_1%26amount%3D1&" WIRE_METADATA
                   "&source_transaction=ch_1&transfer_group=" ESCROW);
    asked.charge_ref = STR("");
    assert_request(*state, &asked, "/v1/transfers",
                   "amount=5000&currency=usd&destination=acct_1%26amount%3D1&" WIRE_METADATA
                   "&transfer_group=" ESCROW);
    asked = effect(PAYMENTS_EFFECT_CREATE_REFUND);
    asked.amount_minor = INT64_MAX;
    assert_request(*state, &asked, "/v1/refunds",
                   "amount=9223372036854775807&" WIRE_METADATA "&payment_intent=pi_1");
}

/* Every byte but the unreserved ones is encoded, and each decodes to itself. */
static void every_byte_is_encoded_right(void **state)
{
    struct fixture *fixture = *state;
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (int byte = 0; byte < 256; byte++) {
        char value = (char)byte;
        struct strbuf buf;
        strbuf_init(&buf, &fixture->arena, 16);
        payments_rail_stripe_param(&buf, "a", (struct str){.ptr = &value, .len = 1});
        struct str text;
        assert_true(strbuf_finish(&buf, &text));
        char wanted[8];
        if (byte != 0 && strchr(unreserved, byte)) {
            (void)snprintf(wanted, sizeof(wanted), "a=%c", byte);
        } else {
            (void)snprintf(wanted, sizeof(wanted), "a=%%%02X", (unsigned)byte);
        }
        assert_string_equal(text.ptr, wanted);
    }
}

static void the_longest_description_fits(void **state)
{
    struct fixture *fixture = *state;
    char description[1000];
    memset(description, '&', sizeof(description));
    struct payments_effect asked = effect(PAYMENTS_EFFECT_CREATE_INTENT);
    asked.description = (struct str){.ptr = description, .len = sizeof(description)};
    struct str bytes;
    assert_int_equal(payments_rail_stripe.request(&fixture->op, &asked, &bytes).kind, STATUS_OK);
}

/* ---- Answers ---- */

struct answer_row {
    enum payments_effect_kind kind;
    int32_t http_status;
    const char *body;
    const char *code; /* of judge */
    enum engine_verdict verdict;
    enum payments_fact_kind fact; /* NONE: nothing is told */
};

static struct effect_row effect_row(enum payments_effect_kind kind)
{
    return (struct effect_row){.key = id_of(ESCROW), .subject = id_of(LEG), .kind = (int)kind};
}

#define CREATE PAYMENTS_EFFECT_CREATE_INTENT
#define CANCEL PAYMENTS_EFFECT_CANCEL_INTENT
#define TRANSFER PAYMENTS_EFFECT_CREATE_TRANSFER
#define REFUND PAYMENTS_EFFECT_CREATE_REFUND
#define DONE ENGINE_VERDICT_DONE
#define FAILED ENGINE_VERDICT_FAILED
#define UNKNOWN ENGINE_VERDICT_UNKNOWN

#define INTENT(rest) "{\"id\":\"pi_1\",\"object\":\"payment_intent\"," rest "," METADATA "}"
#define MADE INTENT("\"client_secret\":\"pi_1_secret_2\",\"status\":\"requires_payment_method\"")
#define MOVED(object) \
    "{\"id\":\"xx_1\",\"object\":\"" object "\",\"amount\":5000,\"currency\":\"usd\"," METADATA "}"
#define REFUNDED(status)                                                                      \
    "{\"id\":\"re_1\",\"object\":\"refund\",\"amount\":5000,\"currency\":\"usd\",\"status\":" \
    "\"" status "\"," METADATA "}"
#define PAID                                                                    \
    INTENT("\"status\":\"succeeded\",\"amount\":5000,\"amount_received\":2500," \
           "\"currency\":\"eur\",\"latest_charge\":\"ch_1\"")
#define NOT_CANCELED(intent)       \
    ERROR("invalid_request_error", \
          ",\"code\":\"payment_intent_unexpected_state\",\"payment_intent\":" intent)
#define ERROR(type, rest) "{\"error\":{\"type\":\"" type "\"" rest "}}"

static const struct answer_row answer_rows[] = {
    {CREATE, 200, MADE, "", DONE, PAYMENTS_FACT_MADE},
    {CREATE, 201, MADE, "", DONE, PAYMENTS_FACT_MADE},
    {CANCEL, 200, INTENT("\"status\":\"canceled\""), "", DONE, PAYMENTS_FACT_CANCELED},
    {TRANSFER, 200, MOVED("transfer"), "", DONE, PAYMENTS_FACT_SUCCEEDED},
    {REFUND, 200, REFUNDED("succeeded"), "", DONE, PAYMENTS_FACT_SUCCEEDED},
    {REFUND, 200, REFUNDED("pending"), "", DONE, PAYMENTS_FACT_MADE},
    {REFUND, 200, REFUNDED("requires_action"), "", DONE, PAYMENTS_FACT_MADE},
    {REFUND, 200, REFUNDED("failed"), "", DONE, PAYMENTS_FACT_FAILED},
    {REFUND, 200, REFUNDED("canceled"), "", DONE, PAYMENTS_FACT_FAILED},

    /* A 2xx that is not plainly the answer to this request decides nothing. */
    {CREATE, 200, "", "answer_unreadable", UNKNOWN, 0},
    {CREATE, 200, "<html>", "answer_unreadable", UNKNOWN, 0},
    {CREATE, 200, "{}", "answer_not_ours", UNKNOWN, 0},
    {CREATE, 200, "[]", "answer_not_ours", UNKNOWN, 0},
    {CREATE, 200, INTENT("\"client_secret\":null"), "answer_unreadable", UNKNOWN, 0},
    {CREATE, 200, INTENT("\"client_secret\":\"\""), "answer_unreadable", UNKNOWN, 0},
    {CREATE, 200, "{\"object\":\"payment_intent\",\"client_secret\":\"x\"," METADATA "}",
     "answer_unreadable", UNKNOWN, 0},
    {CREATE, 200, MOVED("transfer"), "answer_not_ours", UNKNOWN, 0},
    {CREATE, 200,
     "{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"client_secret\":\"x\",\"metadata\":{}}",
     "answer_not_ours", UNKNOWN, 0},
    {CREATE, 200,
     "{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"client_secret\":\"x\",\"metadata\":"
     "{\"escrow_id\":\"" ESCROW "\",\"leg_id\":\"" OTHER "\"}}",
     "answer_not_ours", UNKNOWN, 0},
    {CREATE, 200,
     "{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"client_secret\":\"x\",\"metadata\":"
     "{\"escrow_id\":\"" OTHER "\",\"leg_id\":\"" LEG "\"}}",
     "answer_not_ours", UNKNOWN, 0},
    {CANCEL, 200, INTENT("\"status\":\"succeeded\""), "answer_unreadable", UNKNOWN, 0},
    {TRANSFER, 200, "{\"id\":\"tr_1\",\"object\":\"transfer\"," METADATA "}", "answer_unreadable",
     UNKNOWN, 0},
    {REFUND, 200, REFUNDED("unheard_of"), "answer_unreadable", UNKNOWN, 0},

    /* Certain refusals. */
    {CREATE, 400, ERROR("invalid_request_error", ",\"code\":\"amount_too_small\""),
     "amount_too_small", FAILED, PAYMENTS_FACT_FAILED},
    {CREATE, 400, ERROR("invalid_request_error", ""), "invalid_request_error", FAILED,
     PAYMENTS_FACT_FAILED},
    {TRANSFER, 400, ERROR("invalid_request_error", ",\"code\":\"balance_insufficient\""),
     "balance_insufficient", FAILED, PAYMENTS_FACT_FAILED},
    {REFUND, 402, ERROR("card_error", ",\"code\":\"card_declined\""), "card_declined", FAILED,
     PAYMENTS_FACT_FAILED},
    {REFUND, 404, ERROR("invalid_request_error", ",\"code\":\"resource_missing\""),
     "resource_missing", FAILED, PAYMENTS_FACT_FAILED},
    {REFUND, 400, ERROR("invalid_request_error", ",\"code\":\"<script>\""), "provider_error",
     FAILED, PAYMENTS_FACT_FAILED},
    /* An intent that cannot be canceled says why not. */
    {CANCEL, 400, NOT_CANCELED(INTENT("\"status\":\"canceled\"")), "", DONE,
     PAYMENTS_FACT_CANCELED},
    {CANCEL, 400, NOT_CANCELED(PAID), "payment_intent_unexpected_state", FAILED,
     PAYMENTS_FACT_SUCCEEDED},
    {CANCEL, 400, NOT_CANCELED(INTENT("\"status\":\"processing\"")), RAIL_CODE_BEING_PAID, FAILED,
     0},
    /* … and where it does not, a person must look. */
    {CANCEL, 400, NOT_CANCELED("null"), RAIL_CODE_NOT_CANCELED, FAILED, 0},
    {CANCEL, 404, ERROR("invalid_request_error", ",\"code\":\"resource_missing\""),
     RAIL_CODE_NOT_CANCELED, FAILED, 0},
    {CANCEL, 400, NOT_CANCELED(INTENT("\"status\":\"requires_capture\"")), RAIL_CODE_NOT_CANCELED,
     FAILED, 0},
    {CANCEL, 400, NOT_CANCELED(INTENT("\"status\":\"succeeded\"")), RAIL_CODE_NOT_CANCELED, FAILED,
     0},
    {CANCEL, 400,
     NOT_CANCELED("{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"status\":\"succeeded\","
                  "\"amount_received\":5000,\"currency\":\"usd\",\"metadata\":{\"escrow_id\":"
                  "\"" ESCROW "\",\"leg_id\":\"" OTHER "\"}}"),
     RAIL_CODE_NOT_CANCELED, FAILED, 0},

    /* Our own fault, or nobody's: never the leg's. */
    {CREATE, 401, ERROR("invalid_request_error", ",\"code\":\"api_key_expired\""),
     RAIL_CODE_REFUSES_US, UNKNOWN, 0},
    {CREATE, 401, "", RAIL_CODE_REFUSES_US, UNKNOWN, 0},
    {CREATE, 403, ERROR("invalid_request_error", ",\"code\":\"x\""), RAIL_CODE_REFUSES_US, UNKNOWN,
     0},
    {CREATE, 400, ERROR("invalid_request_error", ",\"code\":\"livemode_mismatch\""),
     RAIL_CODE_REFUSES_US, UNKNOWN, 0},
    {CREATE, 400, ERROR("idempotency_error", ""), RAIL_CODE_KEY_REUSED, UNKNOWN, 0},
    {CREATE, 404, ERROR("invalid_request_error", ""), "invalid_request_error", UNKNOWN, 0},
    {CREATE, 404, "<html>not here</html>", "answer_unreadable", UNKNOWN, 0},
    {CREATE, 400, "{}", "answer_unreadable", UNKNOWN, 0},
    {CREATE, 400, "{\"error\":\"invalid_request_error\"}", "answer_unreadable", UNKNOWN, 0},
    {CREATE, 400, ERROR("api_error", ""), "api_error", UNKNOWN, 0},
    {CREATE, 402, ERROR("unheard_of", ""), "unheard_of", UNKNOWN, 0},
    {CREATE, 409, ERROR("invalid_request_error", ",\"code\":\"lock_timeout\""), "http_409", UNKNOWN,
     0},
    {CREATE, 429, ERROR("invalid_request_error", ",\"code\":\"rate_limit\""), "http_429", UNKNOWN,
     0},
    {CREATE, 500, ERROR("api_error", ""), "http_500", UNKNOWN, 0},
    {CREATE, 502, "<html>", "http_502", UNKNOWN, 0},
    {CREATE, 503, "", "http_503", UNKNOWN, 0},
    {CREATE, 301, "", "http_301", UNKNOWN, 0},
    {CREATE, 199, MADE, "http_199", UNKNOWN, 0},
    {CREATE, 300, MADE, "http_300", UNKNOWN, 0},
    {CREATE, 405, ERROR("invalid_request_error", ""), "http_405", UNKNOWN, 0},
    {CREATE, 422, ERROR("invalid_request_error", ""), "http_422", UNKNOWN, 0},
};

static void answers_mean_what_the_table_says(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(answer_rows); i++) {
        const struct answer_row *row = &answer_rows[i];
        struct effect_row asked = effect_row(row->kind);
        struct caller_answer answer = {
            .outcome = CALLER_ANSWERED,
            .http_status = row->http_status,
            .body = str_of(row->body),
        };
        struct str code = STR("untouched");
        enum engine_verdict verdict =
            payments_rail_stripe.judge(&fixture->op, &asked, &answer, &code);
        if (verdict != row->verdict || !str_eq(code, str_of(row->code))) {
            fail_msg("row %zu: verdict %d, code '" STR_FMT "'", i, (int)verdict, STR_ARG(code));
        }
        struct payments_fact fact = {0};
        bool told = false;
        struct status st = payments_rail_stripe.read(&fixture->op, &asked, &answer, &fact, &told);
        assert_int_equal(st.kind, verdict == UNKNOWN ? STATUS_BUG : STATUS_OK);
        if (told != (row->fact != PAYMENTS_FACT_NONE) || (told && fact.kind != row->fact)) {
            fail_msg("row %zu: fact %d", i, (int)fact.kind);
        }
        if (told) {
            assert_int_equal(fact.about, row->kind == TRANSFER ? LEG_TRANSFER
                                         : row->kind == REFUND ? LEG_REFUND
                                                               : LEG_IN);
        }
    }
}

/* ---- Look-ups ---- */

#define LIST(items, more) "{\"object\":\"list\",\"data\":[" items "],\"has_more\":" more "}"
#define SEARCH(items) "{\"object\":\"search_result\",\"data\":[" items "],\"has_more\":false}"
#define FOREIGN                                                                                   \
    "{\"id\":\"tr_2\",\"object\":\"transfer\",\"amount\":5000,\"currency\":\"usd\",\"metadata\":" \
    "{\"escrow_id\":\"" ESCROW "\",\"leg_id\":\"" OTHER "\"}}"

static const struct answer_row look_up_rows[] = {
    {TRANSFER, 200, LIST(FOREIGN "," MOVED("transfer"), "false"), "", DONE,
     PAYMENTS_FACT_SUCCEEDED},
    {TRANSFER, 200, LIST(MOVED("transfer"), "true"), "", DONE, PAYMENTS_FACT_SUCCEEDED},
    {REFUND, 200, LIST(REFUNDED("pending"), "false"), "", DONE, PAYMENTS_FACT_MADE},
    {REFUND, 200, LIST(REFUNDED("failed"), "false"), "", DONE, PAYMENTS_FACT_FAILED},
    {CREATE, 200, SEARCH(MADE), "", DONE, PAYMENTS_FACT_MADE},
    /* Nothing was made: only what nobody can pay is given up. */
    {CREATE, 200, SEARCH(""), RAIL_CODE_NOT_FOUND, FAILED, PAYMENTS_FACT_FAILED},
    {TRANSFER, 200, LIST("", "false"), RAIL_CODE_NOT_FOUND, UNKNOWN, 0},
    {TRANSFER, 200, LIST(FOREIGN, "false"), RAIL_CODE_NOT_FOUND, UNKNOWN, 0},
    {TRANSFER, 200, LIST(MOVED("refund"), "false"), RAIL_CODE_NOT_FOUND, UNKNOWN, 0},
    {REFUND, 200, LIST("", "false"), RAIL_CODE_NOT_FOUND, UNKNOWN, 0},
    /* It is not told. */
    {CREATE, 200, LIST("", "true"), RAIL_CODE_NOT_TOLD, UNKNOWN, 0},
    {TRANSFER, 200, LIST(FOREIGN, "true"), RAIL_CODE_NOT_TOLD, UNKNOWN, 0},
    {TRANSFER, 200, LIST(MOVED("transfer") "," MOVED("transfer"), "false"), RAIL_CODE_NOT_TOLD,
     UNKNOWN, 0},
    {TRANSFER, 200, "{\"object\":\"list\",\"data\":{},\"has_more\":false}", RAIL_CODE_NOT_TOLD,
     UNKNOWN, 0},
    {TRANSFER, 200, "{\"object\":\"list\",\"data\":[]}", RAIL_CODE_NOT_TOLD, UNKNOWN, 0},
    {TRANSFER, 200, MOVED("refund"), RAIL_CODE_NOT_OURS, UNKNOWN, 0},
    {TRANSFER, 200, "<html>", RAIL_CODE_UNREADABLE, UNKNOWN, 0},
    /* An intent that was to be canceled, as it stands. */
    {CANCEL, 200, INTENT("\"status\":\"canceled\""), "", DONE, PAYMENTS_FACT_CANCELED},
    {CANCEL, 200, PAID, "", FAILED, PAYMENTS_FACT_SUCCEEDED},
    {CANCEL, 200, INTENT("\"status\":\"processing\""), RAIL_CODE_BEING_PAID, FAILED, 0},
    {CANCEL, 200, INTENT("\"status\":\"requires_payment_method\""), RAIL_CODE_NOT_CANCELED, UNKNOWN,
     0},
    /* A refusal of the look-up is none of the call. */
    {CREATE, 400, ERROR("invalid_request_error", ",\"code\":\"x\""), "http_400", UNKNOWN, 0},
    {TRANSFER, 402, ERROR("card_error", ",\"code\":\"card_declined\""), "http_402", UNKNOWN, 0},
    {REFUND, 404, ERROR("invalid_request_error", ",\"code\":\"resource_missing\""), "http_404",
     UNKNOWN, 0},
    {CANCEL, 400, NOT_CANCELED(PAID), "http_400", UNKNOWN, 0},
    {CREATE, 500, ERROR("api_error", ""), "http_500", UNKNOWN, 0},
    {TRANSFER, 401, "", RAIL_CODE_REFUSES_US, UNKNOWN, 0},
};

static void look_ups_mean_what_the_table_says(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(look_up_rows); i++) {
        const struct answer_row *row = &look_up_rows[i];
        struct effect_row asked = effect_row(row->kind);
        asked.attempts = STRIPE_SAVED_ERROR_ATTEMPTS; /* what that is for is not for look-ups */
        struct caller_answer answer = {.outcome = CALLER_ANSWERED,
                                       .looked_up = true,
                                       .http_status = row->http_status,
                                       .body = str_of(row->body)};
        struct str code = STR("untouched");
        enum engine_verdict verdict =
            payments_rail_stripe.judge(&fixture->op, &asked, &answer, &code);
        if (verdict != row->verdict || !str_eq(code, str_of(row->code))) {
            fail_msg("row %zu: verdict %d, code '" STR_FMT "'", i, (int)verdict, STR_ARG(code));
        }
        struct payments_fact fact = {0};
        bool told = false;
        struct status st = payments_rail_stripe.read(&fixture->op, &asked, &answer, &fact, &told);
        assert_int_equal(st.kind, verdict == UNKNOWN ? STATUS_BUG : STATUS_OK);
        assert_true(told == (row->fact != PAYMENTS_FACT_NONE));
        assert_true(!told || fact.kind == row->fact);
        /* As the answer to the call itself a list is nonsense. */
        bool list = str_has_prefix(answer.body, STR("{\"object\":\"list\"")) ||
                    str_has_prefix(answer.body, STR("{\"object\":\"search_result\""));
        answer.looked_up = false;
        assert_true(!list || payments_rail_stripe.judge(&fixture->op, &asked, &answer, &code) ==
                                 ENGINE_VERDICT_UNKNOWN);
    }
}

static void assert_look_up(struct fixture *fixture, enum payments_effect_kind kind,
                           const char *path)
{
    struct payments_effect asked = effect(kind);
    struct effect_row row = effect_row(kind);
    struct str bytes;
    struct effects_request request;
    assert_int_equal(payments_rail_stripe.request(&fixture->op, &asked, &row.request).kind,
                     STATUS_OK);
    assert_int_equal(payments_rail_stripe.look_up(&fixture->op, &row, &bytes).kind, STATUS_OK);
    assert_int_equal(effects_decode(&fixture->op, bytes, &request).kind, STATUS_OK);
    assert_int_equal(request.method, EFFECTS_GET);
    assert_false(request.idempotency_key);
    assert_int_equal(request.body.len, 0);
    assert_string_equal(str_dup(&fixture->arena, request.path).ptr, path);
}

static void look_ups_ask_by_what_we_wrote(void **state)
{
    assert_look_up(*state, CREATE,
                   "/v1/payment_intents/search?query=metadata%5B%27leg_id%27%5D%3A%27" LEG "%27");
    assert_look_up(*state, CANCEL, "/v1/payment_intents/pi_1");
    assert_look_up(*state, TRANSFER, "/v1/transfers?limit=30&transfer_group=" ESCROW);
    assert_look_up(*state, REFUND, "/v1/refunds?limit=30&payment_intent=pi_1");
}

/* A 500 that is saved under its key: only an intent, which nobody can pay, is given up. */
static void a_saved_error_ends_an_intent_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;

    static const struct {
        enum payments_effect_kind kind;
        int32_t attempts, http_status;
        const char *body, *code;
        enum engine_verdict verdict;
    } rows[] = {
        {CREATE, STRIPE_SAVED_ERROR_ATTEMPTS - 1, 500, ERROR("api_error", ""), "http_500", UNKNOWN},
        {CREATE, STRIPE_SAVED_ERROR_ATTEMPTS, 500, ERROR("api_error", ""), RAIL_CODE_BROKE, FAILED},
        {CREATE, STRIPE_SAVED_ERROR_ATTEMPTS + 1, 500, ERROR("api_error", ""), RAIL_CODE_BROKE,
         FAILED},
        {CREATE, 99, 500, ERROR("unheard_of", ""), "http_500", UNKNOWN},
        {CREATE, 99, 500, "<html>", "http_500", UNKNOWN},
        {CREATE, 99, 502, ERROR("api_error", ""), "http_502", UNKNOWN},
        {CREATE, 99, 503, ERROR("api_error", ""), "http_503", UNKNOWN},
        {CREATE, 99, 409, ERROR("api_error", ""), "http_409", UNKNOWN},
        {CANCEL, 99, 500, ERROR("api_error", ""), RAIL_CODE_BROKE, UNKNOWN},
        {TRANSFER, 99, 500, ERROR("api_error", ""), RAIL_CODE_BROKE, UNKNOWN},
        {REFUND, 99, 500, ERROR("api_error", ""), RAIL_CODE_BROKE, UNKNOWN},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct effect_row asked = effect_row(rows[i].kind);
        asked.attempts = rows[i].attempts;
        struct caller_answer answer = {
            .outcome = CALLER_ANSWERED,
            .http_status = rows[i].http_status,
            .body = str_of(rows[i].body),
        };
        struct str code;
        if (payments_rail_stripe.judge(&fixture->op, &asked, &answer, &code) != rows[i].verdict ||
            !str_eq(code, str_of(rows[i].code))) {
            fail_msg("row %zu: code '" STR_FMT "'", i, STR_ARG(code));
        }
    }
}

static void answers_bring_their_particulars(void **state)
{
    struct fixture *fixture = *state;
    struct effect_row asked = effect_row(CREATE);
    struct caller_answer answer = {
        .outcome = CALLER_ANSWERED, .http_status = 200, .body = STR(MADE)};
    struct payments_fact fact;
    bool told;
    assert_int_equal(payments_rail_stripe.read(&fixture->op, &asked, &answer, &fact, &told).kind,
                     STATUS_OK);
    assert_true(str_eq(fact.provider_ref, STR("pi_1")));
    assert_true(str_eq(fact.client_secret, STR("pi_1_secret_2")));
    asked = effect_row(TRANSFER);
    answer.body = STR(MOVED("transfer"));
    assert_int_equal(payments_rail_stripe.read(&fixture->op, &asked, &answer, &fact, &told).kind,
                     STATUS_OK);
    assert_int_equal(fact.amount_minor, 5000);
    assert_true(str_eq(fact.currency, STR("USD")));
    asked = effect_row(REFUND);
    answer.body = STR("{\"id\":\"re_1\",\"object\":\"refund\",\"status\":\"failed\",\"failure_"
                      "reason\":\"lost_or_stolen_card\"," METADATA "}");
    assert_int_equal(payments_rail_stripe.read(&fixture->op, &asked, &answer, &fact, &told).kind,
                     STATUS_OK);
    assert_true(str_eq(fact.failure_code, STR("lost_or_stolen_card")));
    asked = effect_row(CANCEL);
    answer = (struct caller_answer){
        .outcome = CALLER_ANSWERED, .http_status = 400, .body = STR(NOT_CANCELED(PAID))};
    assert_int_equal(payments_rail_stripe.read(&fixture->op, &asked, &answer, &fact, &told).kind,
                     STATUS_OK);
    assert_true(str_eq(fact.provider_ref, STR("pi_1")));
    assert_true(str_eq(fact.charge_ref, STR("ch_1")));
    assert_int_equal(fact.amount_minor, 2500); /* what was received, not what was asked */
    assert_true(str_eq(fact.currency, STR("EUR")));
}

static void no_answer_is_unknown(void **state)
{
    struct fixture *fixture = *state;

    static const struct {
        enum caller_outcome outcome;
        const char *code;
    } rows[] = {{CALLER_NOT_SENT, "not_sent"}, {CALLER_UNKNOWN, "no_answer"}};
    struct effect_row asked = effect_row(CREATE);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct caller_answer answer = {.outcome = rows[i].outcome, .http_status = 200};
        struct str code;
        assert_int_equal(payments_rail_stripe.judge(&fixture->op, &asked, &answer, &code), UNKNOWN);
        assert_true(str_eq(code, str_of(rows[i].code)));
    }
}

/* Whatever the bytes, a leg is never called failed by a success, nor done by a refusal. */
static void damaged_answers_do_no_harm(void **state)
{
    struct fixture *fixture = *state;
    static const char noise[] = "{}[]\",:\\0123456789._ntrue\x80\xFF";
    struct random random = random_seeded(9);
    uint32_t certain = 0;
    for (int round = 0; round < 20000; round++) {
        const struct answer_row *row = &answer_rows[random_below(&random, ARRAY_LEN(answer_rows))];
        char bytes[1024];
        size_t len = strlen(row->body);
        assert_true(len < sizeof(bytes));
        memcpy(bytes, row->body, len);
        for (uint64_t i = random_below(&random, 4); i > 0 && len > 0; i--) {
            bytes[random_below(&random, len)] = noise[random_below(&random, sizeof(noise) - 1)];
        }
        struct effect_row asked = effect_row(row->kind);
        struct caller_answer answer = {
            .outcome = CALLER_ANSWERED,
            .http_status = row->http_status,
            .body = {.ptr = bytes, .len = len},
        };
        struct str code;
        enum engine_verdict verdict =
            payments_rail_stripe.judge(&fixture->op, &asked, &answer, &code);
        bool success = row->http_status >= 200 && row->http_status <= 299;
        assert_false(success && verdict == FAILED);
        assert_false(!success && verdict == DONE && row->kind != CANCEL);
        assert_true(str_is_text(code));
        certain += verdict == UNKNOWN ? 0 : 1;
        arena_reset(&fixture->arena);
    }
    assert_in_range(certain, 1000, 19000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_have_these_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(every_byte_is_encoded_right, setup, teardown),
        cmocka_unit_test_setup_teardown(the_longest_description_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_mean_what_the_table_says, setup, teardown),
        cmocka_unit_test_setup_teardown(look_ups_mean_what_the_table_says, setup, teardown),
        cmocka_unit_test_setup_teardown(look_ups_ask_by_what_we_wrote, setup, teardown),
        cmocka_unit_test_setup_teardown(a_saved_error_ends_an_intent_and_nothing_else, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(answers_bring_their_particulars, setup, teardown),
        cmocka_unit_test_setup_teardown(no_answer_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_answers_do_no_harm, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
