/* The webhook's handler without a server and without a database: this file has its own
 * intake_submit, which says what the test wants and remembers what was to be stored. */
#include "payments/payments_in_webhook.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "payments/payments_signal.h"
#include "wire/wire.h"

#define NOW_US INT64_C(1790000000000000)
#define ESCROW "11111111-2222-4333-8444-555555555555"
#define LEG "66666666-7777-4888-9999-aaaaaaaaaaaa"
#define METADATA "\"metadata\":{\"escrow_id\":\"" ESCROW "\",\"leg_id\":\"" LEG "\"}"
#define PAID_WITH(more)                                                                   \
    "{\"id\":\"evt_1\",\"livemode\":false,\"type\":\"payment_intent.succeeded\"," more    \
    "\"data\":{\"object\":{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"status\":"     \
    "\"succeeded\",\"amount_received\":5000,\"currency\":\"usd\",\"latest_charge\":\"ch_" \
    "1\"," METADATA "}}}"

struct submitted {
    uint32_t count;
    struct intake_request request;
    struct payments_webhook row;
    struct status answer;
    enum intake_result result;
};

static struct submitted submitted;

STATUS intake_submit(struct op *op, struct intake *intake, const struct intake_request *request,
                     enum intake_result *ret_result)
{
    assert_null(intake);
    submitted.count++;
    submitted.request = *request;
    memcpy(&submitted.row, request->extra_row, sizeof(submitted.row));
    if (status_failed(submitted.answer)) {
        return op_fail(op, submitted.answer.kind, "intake.unavailable", "the test says so");
    }
    *ret_result = submitted.result;
    return OK;
}

struct fixture {
    struct arena arena; /* of the request */
    struct arena boot;
    struct op op;
    struct secret secrets[2];
    struct payments_webhook_deps deps;
    struct http_response response;
};

static int setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    arena_init(&fixture.arena, WEBHOOK_ARENA_BYTES);
    fixture.op = (struct op){.arena = &fixture.arena, .now_us = NOW_US};
    bool set = secret_set(&fixture.secrets[0], STR("whsec_new")) &&
               secret_set(&fixture.secrets[1], STR("whsec_old"));
    fixture.deps.secrets = fixture.secrets;
    fixture.deps.secret_count = 2;
    arena_init(&fixture.boot, (size_t)1024 * 1024);
    struct op boot = {.arena = &fixture.boot};
    struct metrics *metrics = metrics_new(&boot, STR("payments"), STR("test"));
    payments_in_webhook_init(&fixture.deps, metrics);
    submitted = (struct submitted){.answer = OK, .result = INTAKE_STORED};
    *state = &fixture;
    return set ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    payments_in_webhook_fini(&fixture->deps);
    arena_fini(&fixture->arena);
    arena_fini(&fixture->boot);
    return 0;
}

static struct str sign(struct fixture *fixture, const char *secret, int64_t at_s, struct str body)
{
    char time_text[32];
    int time_len = snprintf(time_text, sizeof(time_text), "%lld.", (long long)at_s);
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state hmac;
    crypto_auth_hmacsha256_init(&hmac, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)time_text,
                                  (unsigned long long)time_len);
    crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)body.ptr, body.len);
    crypto_auth_hmacsha256_final(&hmac, mac);
    struct strbuf buf;
    strbuf_init(&buf, &fixture->arena, 256);
    strbuf_addf(&buf, "t=%lld,v1=", (long long)at_s);
    strbuf_add_hex(&buf, mac, sizeof(mac));
    struct str header;
    assert_true(strbuf_finish(&buf, &header));
    return header;
}

static struct status post_signed(struct fixture *fixture, struct str header, struct str body)
{
    struct http_pair headers[] = {{.name = STR("stripe-signature"), .value = header}};
    struct http_request req = {
        .method = HTTP_POST,
        .header_count = header.ptr ? 1 : 0,
        .headers = headers,
        .body = body,
    };
    fixture->response = (struct http_response){.status = 200};
    fixture->op.err = (struct op_err){0};
    return payments_in_webhook(&fixture->op, &fixture->deps, &req, &fixture->response);
}

static struct status post(struct fixture *fixture, struct str body)
{
    return post_signed(fixture, sign(fixture, "whsec_new", NOW_US / 1000000, body), body);
}

static uint64_t counted(const struct fixture *fixture, enum webhook_fate fate)
{
    return atomic_load(&fixture->deps.counters[fate]->value);
}

static void assert_taken(struct fixture *fixture, struct status st)
{
    assert_int_equal(st.kind, STATUS_OK);
    assert_int_equal(fixture->response.status, 200);
    assert_true(str_eq(fixture->response.body, STR("{\"received\":true}")));
}

static void a_paid_intent_becomes_a_signal(void **state)
{
    struct fixture *fixture = *state;
    struct str body = STR(PAID_WITH(""));
    assert_taken(fixture, post(fixture, body));
    assert_int_equal(submitted.count, 1);
    assert_int_equal(counted(fixture, WEBHOOK_TAKEN), 1);
    const struct intake_request *request = &submitted.request;
    assert_int_equal(request->topic, TOPIC_PAYMENTS_SIGNALS_V1);
    assert_true(id_eq(request->id, payments_signal_id(STR("stripe"), STR("evt_1"))));
    assert_true(str_eq(request->type, STR("holdfast.payments.v1.PaymentsSignal")));
    assert_ptr_equal(request->extra_table, &payments_repo_webhook);
    assert_true(request->refused_last); /* R17 */
    assert_true(id_eq(submitted.row.id, request->id));
    assert_true(str_eq(submitted.row.body, body));
    assert_true(str_eq(submitted.row.event_id, STR("evt_1")));
    assert_true(str_eq(submitted.row.event_type, STR("payment_intent.succeeded")));
    assert_int_equal(submitted.row.disposition, STRIPE_SIGNALLED);
    assert_int_equal(submitted.row.received_at_us, NOW_US);

    /* The lane reads what the webhook wrote, and computes the same content. */
    struct bus_record record = {
        .topic = TOPIC_PAYMENTS_SIGNALS_V1,
        .key = STR(ESCROW),
        .value = request->payload,
    };
    struct engine_message message = {0};
    assert_int_equal(payments_signal_decode(&fixture->op, &record, &message).kind, STATUS_OK);
    assert_true(id_eq(message.id, request->id));
    assert_true(id_eq(message.key, request->key));
    assert_true(hash_eq(&message.content, &request->content));
    const struct payments_signal *signal = message.body;
    assert_int_equal(signal->amount_minor, 5000);
    assert_true(str_eq(signal->currency, STR("USD")));
    assert_true(str_eq(signal->object_id, STR("pi_1")));
    assert_true(str_eq(signal->charge_id, STR("ch_1")));
    assert_true(str_eq(signal->raw, body));
    record.key = STR(LEG);
    assert_int_equal(payments_signal_decode(&fixture->op, &record, &message).kind, STATUS_INVALID);
}

static void the_same_event_in_other_bytes_is_the_same(void **state)
{
    struct fixture *fixture = *state;
    assert_taken(fixture, post(fixture, STR(PAID_WITH("\"pending_webhooks\":2,"))));
    struct intake_request first = submitted.request;
    assert_taken(fixture, post(fixture, STR(PAID_WITH("\"pending_webhooks\":1,"))));
    assert_true(id_eq(first.id, submitted.request.id));
    assert_true(hash_eq(&first.content, &submitted.request.content));
}

static void everything_refused_gets_one_answer_and_no_row(void **state)
{
    struct fixture *fixture = *state;
    struct str body = STR(PAID_WITH(""));
    int64_t now_s = NOW_US / 1000000;
    struct str headers[] = {
        {0},
        STR(""),
        STR("nonsense"),
        sign(fixture, "whsec_other", now_s, body),
        sign(fixture, "whsec_new", now_s - SIGNATURE_TOLERANCE_S - 1, body),
        sign(fixture, "whsec_new", now_s + SIGNATURE_TOLERANCE_S + 1, body),
        sign(fixture, "whsec_new", now_s, STR("another body")),
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        assert_int_equal(post_signed(fixture, headers[i], body).kind, STATUS_INVALID);
        assert_string_equal(fixture->op.err.code, "payments.webhook_refused");
        assert_int_equal(counted(fixture, WEBHOOK_REFUSED_SIGNATURE), i + 1);
    }
    assert_int_equal(
        post(fixture, STR("{\"id\":\"evt_1\",\"livemode\":true,\"type\":\"a.b\"}")).kind,
        STATUS_INVALID);
    assert_string_equal(fixture->op.err.code, "payments.webhook_refused");
    assert_int_equal(counted(fixture, WEBHOOK_REFUSED_LIVEMODE), 1);
    assert_int_equal(post(fixture, STR(PAID_WITH("\"account\":\"acct_9\","))).kind, STATUS_INVALID);
    assert_string_equal(fixture->op.err.code, "payments.webhook_refused");
    assert_int_equal(counted(fixture, WEBHOOK_REFUSED_ACCOUNT), 1);
    fixture->deps.live = true;
    assert_int_equal(post(fixture, body).kind, STATUS_INVALID);
    assert_int_equal(counted(fixture, WEBHOOK_REFUSED_LIVEMODE), 2);
    assert_int_equal(submitted.count, 0);
}

static void both_secrets_count_during_a_rotation(void **state)
{
    struct fixture *fixture = *state;
    struct str body = STR(PAID_WITH(""));
    int64_t now_s = NOW_US / 1000000;
    assert_taken(fixture, post_signed(fixture, sign(fixture, "whsec_old", now_s, body), body));
    fixture->deps.secret_count = 1;
    assert_int_equal(post_signed(fixture, sign(fixture, "whsec_old", now_s, body), body).kind,
                     STATUS_INVALID);
}

static void what_is_not_for_a_leg_is_stored_and_not_signalled(void **state)
{
    static const struct {
        const char *body;
        enum webhook_fate fate;
        enum stripe_disposition disposition;
    } rows[] = {
        {"{\"id\":\"evt_2\",\"livemode\":false,\"type\":\"customer.created\"}",
         WEBHOOK_TAKEN_IGNORED, STRIPE_IGNORED},
        {"{\"id\":\"evt_3\",\"livemode\":false,\"type\":\"payment_intent.succeeded\",\"data\":"
         "{\"object\":{\"id\":\"pi_1\",\"object\":\"payment_intent\"}}}",
         WEBHOOK_TAKEN_UNMATCHED, STRIPE_UNMATCHED},
        {"{\"id\":\"evt_5\",\"livemode\":false,\"type\":\"charge.dispute.created\"}",
         WEBHOOK_TAKEN_UNMATCHED, STRIPE_UNMATCHED},
        {"{\"id\":\"evt_4\"}", WEBHOOK_TAKEN_UNREADABLE, STRIPE_UNMATCHED},
        {"not json", WEBHOOK_TAKEN_UNREADABLE, STRIPE_UNMATCHED},
        {"", WEBHOOK_TAKEN_UNREADABLE, STRIPE_UNMATCHED},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t before = counted(fixture, rows[i].fate);
        assert_taken(fixture, post(fixture, str_of(rows[i].body)));
        assert_int_equal(counted(fixture, rows[i].fate), before + 1);
        assert_int_equal(submitted.request.topic, TOPIC_NONE);
        assert_int_equal(submitted.row.disposition, rows[i].disposition);
        assert_true(str_eq(submitted.row.body, str_of(rows[i].body)));
        assert_true(id_eq(submitted.row.id, submitted.request.id));
    }
    assert_int_equal(submitted.count, ARRAY_LEN(rows));
}

static void the_answer_follows_the_store(void **state)
{
    static const struct {
        enum status_kind failure;
        enum intake_result result;
        enum status_kind answer;
    } rows[] = {
        {STATUS_OK, INTAKE_STORED, STATUS_OK},
        {STATUS_OK, INTAKE_REPEATED, STATUS_OK},
        {STATUS_OK, INTAKE_DIFFERENT, STATUS_BUG},
        {STATUS_OK, INTAKE_BUSY, STATUS_RETRY},
        {STATUS_RETRY, INTAKE_RESULT_NONE, STATUS_RETRY},
        {STATUS_CANCELED, INTAKE_RESULT_NONE, STATUS_CANCELED},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        submitted.answer = (struct status){.kind = rows[i].failure};
        submitted.result = rows[i].result;
        assert_int_equal(post(fixture, STR(PAID_WITH(""))).kind, rows[i].answer);
    }
    assert_int_equal(counted(fixture, WEBHOOK_TAKEN), 1);
    assert_int_equal(counted(fixture, WEBHOOK_REPEATED), 1);
    assert_int_equal(counted(fixture, WEBHOOK_FAILED), 4);
}

static void a_call_past_its_deadline_stores_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture->op.deadline_ms = clock_mono_ms() - 1;
    assert_int_equal(post(fixture, STR(PAID_WITH(""))).kind, STATUS_CANCELED);
    assert_int_equal(submitted.count, 0);
}

/* The largest body fits into the table whole, and into the record without its raw bytes. */
static void the_largest_body_is_taken(void **state)
{
    struct fixture *fixture = *state;
    static const char head[] = "{\"pad\":\"";
    static const char tail[] = "\"," /* then the event without its brace */;
    static const char event[] = PAID_WITH("");
    const size_t record_max_bytes = (size_t)BUS_VALUE_MAX_BYTES;
    size_t sizes[] = {SIGNAL_RAW_MAX_BYTES, SIGNAL_RAW_MAX_BYTES + 1,
                      (size_t)HTTP_BODY_WEBHOOK_BYTES};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        arena_reset(&fixture->arena);
        char *bytes = arena_alloc(&fixture->arena, sizes[i], 1);
        assert_non_null(bytes);
        memset(bytes, 'x', sizes[i]);
        memcpy(bytes, head, sizeof(head) - 1);
        size_t end = sizes[i] - (sizeof(tail) - 1) - (sizeof(event) - 2);
        memcpy(bytes + end, tail, sizeof(tail) - 1);
        memcpy(bytes + end + sizeof(tail) - 1, event + 1, sizeof(event) - 2);
        struct str body = {.ptr = bytes, .len = sizes[i]};
        assert_taken(fixture, post(fixture, body));
        assert_int_equal(submitted.request.topic, TOPIC_PAYMENTS_SIGNALS_V1);
        assert_int_equal(submitted.row.body.len, sizes[i]);
        assert_true(submitted.request.payload.len <= record_max_bytes);
        assert_int_equal(submitted.request.payload.len > sizes[i],
                         sizes[i] <= SIGNAL_RAW_MAX_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_paid_intent_becomes_a_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_event_in_other_bytes_is_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(everything_refused_gets_one_answer_and_no_row, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(both_secrets_count_during_a_rotation, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_for_a_leg_is_stored_and_not_signalled, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_answer_follows_the_store, setup, teardown),
        cmocka_unit_test_setup_teardown(a_call_past_its_deadline_stores_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_largest_body_is_taken, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
