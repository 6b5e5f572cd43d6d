/* Questions about legs of which nothing is heard: their bytes, and what their answers tell. */
#include "payments/payments_stripe_look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/defer.h"
#include "effects/effects.h"
#include "payments/payments_rail_stripe.h"
#include "payments/payments_stripe_event.h"

#define ESCROW "11111111-2222-4333-8444-555555555555"
#define LEG "66666666-7777-4888-9999-aaaaaaaaaaaa"
#define OTHER "66666666-7777-4888-9999-aaaaaaaaaaab"
#define METADATA ",\"metadata\":{\"escrow_id\":\"" ESCROW "\",\"leg_id\":\"" LEG "\"}}"

#define INTENT PAYMENTS_EFFECT_LOOK_AT_INTENT
#define TRANSFER PAYMENTS_EFFECT_LOOK_AT_TRANSFER
#define REFUND PAYMENTS_EFFECT_LOOK_AT_REFUND

static struct id id_of(const char *text)
{
    struct id id;
    assert_true(id_parse(str_of(text), &id));
    return id;
}

static void assert_asks(struct op *op, enum payments_effect_kind kind, const char *object_ref,
                        const char *path)
{
    const struct payments_effect asked = {
        .kind = kind,
        .escrow_id = id_of(ESCROW),
        .leg_id = id_of(LEG),
        .currency = CURRENCY_USD,
        .amount_minor = 5000,
        .intent_ref = STR("pi_9"),
        .object_ref = str_of(object_ref),
    };
    struct effect_row row = {.kind = (int)kind, .key = asked.escrow_id, .subject = asked.leg_id};
    struct effects_request request;
    struct str again;
    assert_int_equal(payments_rail_stripe.request(op, &asked, &row.request).kind, STATUS_OK);
    assert_int_equal(effects_decode(op, row.request, &request).kind, STATUS_OK);
    assert_int_equal(request.method, EFFECTS_GET);
    assert_false(request.idempotency_key);
    assert_int_equal(request.body.len, 0);
    assert_string_equal(str_dup(op->arena, request.path).ptr, path);
    /* However old it is: it asks the same. */
    assert_int_equal(payments_rail_stripe.look_up(op, &row, &again).kind, STATUS_OK);
    assert_true(str_eq(again, row.request));
}

static void questions_have_these_paths(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct op op = {.arena = &arena};
    assert_asks(&op, INTENT, "pi_1", "/v1/payment_intents/pi_1");
    assert_asks(&op, TRANSFER, "tr_1", "/v1/transfers/tr_1");
    assert_asks(&op, REFUND, "re_1", "/v1/refunds/re_1");
    assert_asks(&op, INTENT, "",
                "/v1/payment_intents/search?query=metadata%5B%27leg_id%27%5D%3A%27" LEG "%27");
    assert_asks(&op, TRANSFER, "", "/v1/transfers?limit=30&transfer_group=" ESCROW);
    assert_asks(&op, REFUND, "", "/v1/refunds?limit=30&payment_intent=pi_9");

    struct str bytes;
    const struct payments_stripe_question bad[] = {
        {.kind = LEG_IN, .object_ref = STR("pi_1/cancel")},
        {.kind = LEG_REFUND, .intent_ref = STR("")},
        {.kind = LEG_KIND_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(payments_stripe_look_ask(&op, &bad[i], &bytes).kind, STATUS_BUG);
    }
}

#define PI(words) \
    "{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"currency\":\"usd\"," words METADATA
#define RE(words) \
    "{\"id\":\"re_1\",\"object\":\"refund\",\"amount\":5000,\"currency\":\"usd\"," words METADATA
#define TR "{\"id\":\"tr_1\",\"object\":\"transfer\",\"amount\":5000,\"currency\":\"usd\"" METADATA
#define FOREIGN                                                                                   \
    "{\"id\":\"tr_2\",\"object\":\"transfer\",\"amount\":5000,\"currency\":\"usd\",\"metadata\":" \
    "{\"escrow_id\":\"" ESCROW "\",\"leg_id\":\"" OTHER "\"}}"
#define LIST(items) "{\"object\":\"list\",\"data\":[" items "],\"has_more\":false}"
#define PAID "\"status\":\"succeeded\",\"amount_received\":2500,\"latest_charge\":\"ch_1\""
#define DECLINED                                                               \
    "\"status\":\"requires_payment_method\",\"last_payment_error\":{\"code\":" \
    "\"card_declined\",\"charge\":\"ch_2\"}"

struct question_row {
    enum payments_effect_kind kind;
    int32_t http_status;
    const char *body;
    const char *code;
    enum engine_verdict verdict;
    enum payments_fact_kind fact; /* NONE: nothing is told */
};

static const struct question_row rows[] = {
    {INTENT, 200, PI(PAID), "", ENGINE_VERDICT_DONE, PAYMENTS_FACT_SUCCEEDED},
    {INTENT, 200, PI("\"status\":\"canceled\""), "", ENGINE_VERDICT_DONE, PAYMENTS_FACT_CANCELED},
    {INTENT, 200, PI(DECLINED), "", ENGINE_VERDICT_DONE, PAYMENTS_FACT_DECLINED},
    {INTENT, 200, PI("\"status\":\"processing\""), "", ENGINE_VERDICT_DONE, PAYMENTS_FACT_EXISTS},
    {INTENT, 200, PI("\"status\":\"requires_payment_method\""), "", ENGINE_VERDICT_DONE,
     PAYMENTS_FACT_EXISTS},
    {INTENT, 200, "{\"object\":\"search_result\",\"data\":[" PI(PAID) "],\"has_more\":false}", "",
     ENGINE_VERDICT_DONE, PAYMENTS_FACT_SUCCEEDED},
    {TRANSFER, 200, LIST(FOREIGN "," TR), "", ENGINE_VERDICT_DONE, PAYMENTS_FACT_SUCCEEDED},
    {TRANSFER, 200, TR, "", ENGINE_VERDICT_DONE, PAYMENTS_FACT_SUCCEEDED},
    {REFUND, 200, RE("\"status\":\"pending\""), "", ENGINE_VERDICT_DONE, PAYMENTS_FACT_EXISTS},
    {REFUND, 200, RE("\"status\":\"succeeded\""), "", ENGINE_VERDICT_DONE, PAYMENTS_FACT_SUCCEEDED},
    {REFUND, 200, LIST(RE("\"status\":\"failed\",\"failure_reason\":\"expired_or_canceled_card\"")),
     "", ENGINE_VERDICT_DONE, PAYMENTS_FACT_FAILED},
    {REFUND, 200, RE("\"status\":\"canceled\""), "", ENGINE_VERDICT_DONE, PAYMENTS_FACT_CANCELED},
    /* What is not there may be on its way: nothing is said of it, least of all that it failed. */
    {INTENT, 200, LIST(""), RAIL_CODE_NOT_FOUND, ENGINE_VERDICT_DONE, PAYMENTS_FACT_NONE},
    {TRANSFER, 200, LIST(FOREIGN), RAIL_CODE_NOT_FOUND, ENGINE_VERDICT_DONE, PAYMENTS_FACT_NONE},
    {REFUND, 200, LIST(""), RAIL_CODE_NOT_FOUND, ENGINE_VERDICT_DONE, PAYMENTS_FACT_NONE},
    {TRANSFER, 200, LIST(TR "," TR), RAIL_CODE_NOT_TOLD, ENGINE_VERDICT_DONE, PAYMENTS_FACT_NONE},
    {TRANSFER, 200, "{\"object\":\"list\",\"data\":[],\"has_more\":true}", RAIL_CODE_NOT_TOLD,
     ENGINE_VERDICT_DONE, PAYMENTS_FACT_NONE},
    /* These are no answers. */
    {INTENT, 200, PI("\"status\":\"succeeded\",\"amount_received\":0"), RAIL_CODE_UNREADABLE,
     ENGINE_VERDICT_UNKNOWN, PAYMENTS_FACT_NONE},
    {REFUND, 200, RE("\"status\":\"who_knows\""), RAIL_CODE_UNREADABLE, ENGINE_VERDICT_UNKNOWN,
     PAYMENTS_FACT_NONE},
    {TRANSFER, 200, FOREIGN, RAIL_CODE_NOT_OURS, ENGINE_VERDICT_UNKNOWN, PAYMENTS_FACT_NONE},
    {INTENT, 200, TR, RAIL_CODE_NOT_OURS, ENGINE_VERDICT_UNKNOWN, PAYMENTS_FACT_NONE},
    {INTENT, 200, "<html>", RAIL_CODE_UNREADABLE, ENGINE_VERDICT_UNKNOWN, PAYMENTS_FACT_NONE},
    {INTENT, 404, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"resource_missing\"}}",
     "http_404", ENGINE_VERDICT_UNKNOWN, PAYMENTS_FACT_NONE},
    {REFUND, 402, "{\"error\":{\"type\":\"card_error\",\"code\":\"card_declined\"}}", "http_402",
     ENGINE_VERDICT_UNKNOWN, PAYMENTS_FACT_NONE},
    {TRANSFER, 500, "", "http_500", ENGINE_VERDICT_UNKNOWN, PAYMENTS_FACT_NONE},
    {TRANSFER, 401, "", RAIL_CODE_REFUSES_US, ENGINE_VERDICT_UNKNOWN, PAYMENTS_FACT_NONE},
};

static void answers_to_questions_mean_what_the_table_says(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)4 * 1024 * 1024);
    struct op op = {.arena = &arena};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct effect_row asked = {.kind = (int)rows[i].kind,
                                         .key = id_of(ESCROW),
                                         .subject = id_of(LEG),
                                         .attempts = STRIPE_SAVED_ERROR_ATTEMPTS};
        struct caller_answer answer = {.outcome = CALLER_ANSWERED,
                                       .http_status = rows[i].http_status,
                                       .body = str_of(rows[i].body)};
        for (int old = 0; old < 2; old++) {
            answer.looked_up = old == 1;
            struct str code = STR("untouched");
            enum engine_verdict verdict = payments_rail_stripe.judge(&op, &asked, &answer, &code);
            if (verdict != rows[i].verdict || !str_eq(code, str_of(rows[i].code))) {
                fail_msg("row %zu: verdict %d, code '" STR_FMT "'", i, (int)verdict, STR_ARG(code));
            }
        }
        struct payments_signal signal = {.object_id = STR("")};
        bool told = false;
        struct status st = payments_rail_stripe.hear(&op, &asked, &answer, &signal, &told);
        assert_int_equal(st.kind, rows[i].verdict == ENGINE_VERDICT_DONE ? STATUS_OK : STATUS_BUG);
        if (told != (rows[i].fact != PAYMENTS_FACT_NONE)) {
            fail_msg("row %zu: told %d", i, told);
        }
        if (told) {
            assert_int_equal(payments_stripe_event_fact(signal.event_type, signal.object_state),
                             rows[i].fact);
            assert_true(id_eq(signal.leg_id, asked.subject));
            assert_true(id_eq(signal.escrow_id, asked.key));
            assert_true(str_has_prefix(signal.event_id, STR("look_")));
        }
    }
}

/* Exactly what the webhook would have told. */
static void what_is_found_has_its_particulars(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct op op = {.arena = &arena};
    const struct effect_row asked = {
        .kind = (int)INTENT, .key = id_of(ESCROW), .subject = id_of(LEG)};
    struct caller_answer answer = {
        .outcome = CALLER_ANSWERED, .http_status = 200, .body = STR(PI(PAID))};
    struct payments_signal signal;
    bool told = false;
    assert_int_equal(payments_rail_stripe.hear(&op, &asked, &answer, &signal, &told).kind,
                     STATUS_OK);
    assert_true(told);
    assert_true(str_eq(signal.event_type, STR("payment_intent.succeeded")));
    assert_true(str_eq(signal.event_id, STR("look_pi_1_succeeded")));
    assert_true(str_eq(signal.object_id, STR("pi_1")));
    assert_true(str_eq(signal.charge_id, STR("ch_1")));
    assert_int_equal(signal.amount_minor, 2500); /* received, not asked */
    assert_true(str_eq(signal.currency, STR("USD")));
    answer.body = STR(PI(DECLINED));
    assert_int_equal(payments_rail_stripe.hear(&op, &asked, &answer, &signal, &told).kind,
                     STATUS_OK);
    assert_true(str_eq(signal.charge_id, STR("ch_2")));
    assert_true(str_eq(signal.failure_code, STR("card_declined")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_have_these_paths),
        cmocka_unit_test(answers_to_questions_mean_what_the_table_says),
        cmocka_unit_test(what_is_found_has_its_particulars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
