/* Events as the provider sends them, as it might, and as nobody should. */
#include "payments/payments_stripe_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/random.h"

#define ARENA_BYTES ((size_t)16 * 1024 * 1024)
#define ESCROW "11111111-2222-4333-8444-555555555555"
#define LEG "66666666-7777-4888-9999-aaaaaaaaaaaa"
#define METADATA "\"metadata\":{\"escrow_id\":\"" ESCROW "\",\"leg_id\":\"" LEG "\"}"
#define HEAD(type) "{\"id\":\"evt_1\",\"object\":\"event\",\"livemode\":false,\"type\":\"" type "\""
#define EVENT(type, object) HEAD(type) ",\"data\":{\"object\":{" object "}}}"
#define PAID                                                                                   \
    EVENT("payment_intent.succeeded",                                                          \
          "\"id\":\"pi_1\",\"object\":\"payment_intent\",\"status\":\"succeeded\",\"amount\":" \
          "5000,\"amount_received\":4900,\"currency\":\"usd\",\"latest_charge\":\"ch_1\","     \
          "\"last_payment_error\":null," METADATA)

struct fixture {
    struct arena arena;
    struct op op;
};

static int setup(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena, ARENA_BYTES);
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

static struct stripe_event read(struct fixture *fixture, const char *body)
{
    struct stripe_event event;
    assert_int_equal(payments_stripe_event_read(&fixture->op, str_of(body), &event).kind,
                     STATUS_OK);
    return event;
}

static void a_paid_intent_is_read(void **state)
{
    struct stripe_event event = read(*state, PAID);
    assert_int_equal(event.disposition, STRIPE_SIGNALLED);
    assert_true(str_eq(event.id, STR("evt_1")));
    assert_true(str_eq(event.type, STR("payment_intent.succeeded")));
    assert_false(event.live);
    assert_false(event.of_other_account);
    struct id escrow;
    struct id leg;
    assert_true(id_parse(STR(ESCROW), &escrow));
    assert_true(id_parse(STR(LEG), &leg));
    assert_true(id_eq(event.escrow_id, escrow));
    assert_true(id_eq(event.leg_id, leg));
    assert_true(str_eq(event.object_id, STR("pi_1")));
    assert_true(str_eq(event.object_state, STR("succeeded")));
    assert_int_equal(event.amount_minor, 4900); /* received, not asked for */
    assert_true(str_eq(event.currency, STR("USD")));
    assert_true(str_eq(event.charge_id, STR("ch_1")));
    assert_int_equal(event.failure_code.len, 0);
}

static void a_declined_charge_is_read(void **state)
{
    struct stripe_event event = read(
        *state,
        EVENT("payment_intent.payment_failed",
              "\"id\":\"pi_1\",\"object\":\"payment_intent\",\"status\":\"requires_payment_"
              "method\",\"amount_received\":0,\"latest_charge\":\"ch_2\",\"last_payment_error\":"
              "{\"code\":\"card_declined\",\"charge\":\"ch_2\",\"decline_code\":\"x\"}," METADATA));
    assert_int_equal(event.disposition, STRIPE_SIGNALLED);
    assert_true(str_eq(event.failure_code, STR("card_declined")));
    assert_true(str_eq(event.charge_id, STR("ch_2")));
    assert_int_equal(event.amount_minor, 0);
    event = read(*state, EVENT("payment_intent.payment_failed",
                               "\"id\":\"pi_1\",\"object\":\"payment_intent\",\"last_payment_"
                               "error\":{\"code\":\"<b>no</b>\"}," METADATA));
    assert_true(str_eq(event.failure_code, STR("provider_error")));
}

static void transfers_and_refunds_are_read(void **state)
{
    struct stripe_event event =
        read(*state, EVENT("transfer.created", "\"id\":\"tr_1\",\"object\":\"transfer\",\"amount\":"
                                               "7,\"currency\":\"usd\"," METADATA));
    assert_int_equal(event.disposition, STRIPE_SIGNALLED);
    assert_int_equal(event.amount_minor, 7);
    event =
        read(*state, EVENT("refund.failed", "\"id\":\"re_1\",\"object\":\"refund\",\"status\":"
                                            "\"failed\",\"failure_reason\":\"declined\",\"amount\":"
                                            "7,\"currency\":\"usd\"," METADATA));
    assert_int_equal(event.disposition, STRIPE_SIGNALLED);
    assert_true(str_eq(event.failure_code, STR("declined")));
    assert_int_equal(event.amount_minor, 0); /* nothing moved */
    event = read(*state, EVENT("refund.updated", "\"id\":\"re_1\",\"object\":\"refund\","
                                                 "\"status\":\"canceled\"," METADATA));
    assert_true(str_eq(event.failure_code, STR("canceled")));
}

static void every_type_means_what_the_table_says(void **state)
{
    (void)state;

    static const struct {
        const char *type, *state;
        enum payments_fact_kind fact;
        enum leg_kind leg;
    } rows[] = {
        {"payment_intent.created", "requires_payment_method", PAYMENTS_FACT_EXISTS, LEG_IN},
        {"payment_intent.processing", "processing", PAYMENTS_FACT_EXISTS, LEG_IN},
        {"payment_intent.requires_action", "requires_action", PAYMENTS_FACT_EXISTS, LEG_IN},
        {"payment_intent.payment_failed", "requires_payment_method", PAYMENTS_FACT_DECLINED,
         LEG_IN},
        {"payment_intent.succeeded", "succeeded", PAYMENTS_FACT_SUCCEEDED, LEG_IN},
        {"payment_intent.canceled", "canceled", PAYMENTS_FACT_CANCELED, LEG_IN},
        {"payment_intent.amount_capturable_updated", "requires_capture", PAYMENTS_FACT_NONE,
         LEG_IN},
        {"transfer.created", "", PAYMENTS_FACT_SUCCEEDED, LEG_TRANSFER},
        {"transfer.reversed", "", PAYMENTS_FACT_NONE, LEG_TRANSFER},
        {"refund.created", "pending", PAYMENTS_FACT_EXISTS, LEG_REFUND},
        {"refund.created", "succeeded", PAYMENTS_FACT_SUCCEEDED, LEG_REFUND},
        {"refund.updated", "requires_action", PAYMENTS_FACT_EXISTS, LEG_REFUND},
        {"refund.updated", "failed", PAYMENTS_FACT_FAILED, LEG_REFUND},
        {"refund.updated", "canceled", PAYMENTS_FACT_CANCELED, LEG_REFUND},
        {"refund.updated", "unheard_of", PAYMENTS_FACT_NONE, LEG_REFUND},
        {"refund.failed", "failed", PAYMENTS_FACT_FAILED, LEG_REFUND},
        {"charge.refund.updated", "succeeded", PAYMENTS_FACT_SUCCEEDED, LEG_REFUND},
        {"charge.refunded", "succeeded", PAYMENTS_FACT_NONE, LEG_KIND_NONE},
        {"charge.succeeded", "succeeded", PAYMENTS_FACT_NONE, LEG_KIND_NONE},
        {"payment_intent", "succeeded", PAYMENTS_FACT_NONE, LEG_KIND_NONE},
        {"", "", PAYMENTS_FACT_NONE, LEG_KIND_NONE},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(payments_stripe_event_fact(str_of(rows[i].type), str_of(rows[i].state)),
                         rows[i].fact);
        assert_int_equal(payments_stripe_event_leg(str_of(rows[i].type)), rows[i].leg);
    }
}

static void what_is_of_no_interest_is_ignored(void **state)
{
    static const char *const bodies[] = {
        EVENT("charge.succeeded", "\"id\":\"ch_1\",\"object\":\"charge\"," METADATA),
        EVENT("customer.created", "\"id\":\"cus_1\",\"object\":\"customer\""),
        HEAD("v1.billing.meter.no_meter_found") "}", /* no object at all */
        EVENT("refund.updated", "\"id\":\"re_1\",\"status\":\"unheard_of\"," METADATA),
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        assert_int_equal(read(*state, bodies[i]).disposition, STRIPE_IGNORED);
    }
}

static void money_that_moves_without_us_is_unmatched(void **state)
{
    static const char *const bodies[] = {
        EVENT("transfer.reversed", "\"id\":\"tr_1\",\"object\":\"transfer\"," METADATA),
        EVENT("charge.dispute.created", "\"id\":\"dp_1\",\"object\":\"dispute\",\"amount\":5,"
                                        "\"payment_intent\":\"pi_1\",\"charge\":\"ch_1\""),
        EVENT("charge.dispute.funds_withdrawn",
              "\"id\":\"dp_1\",\"object\":\"dispute\",\"charge\":\"ch_1\""),
        HEAD("charge.dispute.closed") "}",
        EVENT("charge.dispute.updated", "\"id\":\"dp 1\",\"payment_intent\":\"a\\nb\""),
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        assert_int_equal(read(*state, bodies[i]).disposition, STRIPE_UNMATCHED);
    }
    /* A person must be able to find it. */
    struct id escrow_id;
    assert_true(id_parse(STR(ESCROW), &escrow_id));
    struct stripe_event reversed = read(*state, bodies[0]);
    assert_true(str_eq(reversed.object_id, STR("tr_1")));
    assert_true(id_eq(reversed.escrow_id, escrow_id));
    assert_int_equal(reversed.payment_ref.len, 0);
    struct stripe_event disputed = read(*state, bodies[1]);
    assert_true(str_eq(disputed.object_id, STR("dp_1")));
    assert_true(str_eq(disputed.payment_ref, STR("pi_1")));
    assert_true(id_is_none(disputed.escrow_id));
    assert_true(str_eq(read(*state, bodies[2]).payment_ref, STR("ch_1")));
    assert_true(str_eq(read(*state, bodies[4]).payment_ref, STR("")));
    assert_true(str_eq(read(*state, bodies[4]).object_id, STR("")));
    assert_true(str_eq(read(*state, bodies[3]).payment_ref, STR("")));
    assert_int_equal(read(*state, HEAD("charge.disputed") "}").disposition, STRIPE_IGNORED);
}

#define INTENT "\"id\":\"pi_1\",\"object\":\"payment_intent\",\"status\":\"succeeded\","
#define MONEY "\"amount_received\":5,\"currency\":\"usd\","

static void what_does_not_name_a_leg_is_unmatched(void **state)
{
    static const char *const objects[] = {
        INTENT MONEY "\"x\":1",
        INTENT MONEY "\"metadata\":{}",
        INTENT MONEY "\"metadata\":null",
        INTENT MONEY "\"metadata\":{\"escrow_id\":\"" ESCROW "\"}",
        INTENT MONEY "\"metadata\":{\"leg_id\":\"" LEG "\"}",
        INTENT MONEY "\"metadata\":{\"escrow_id\":\"order 7\",\"leg_id\":\"" LEG "\"}",
        INTENT MONEY "\"metadata\":{\"escrow_id\":\"" ESCROW "\",\"leg_id\":7}",
        INTENT MONEY "\"metadata\":{\"escrow_id\":\"" ESCROW
                     "\",\"leg_id\":\"00000000-0000-0000-0000-000000000000\"}",
        "\"id\":\"pi_1\",\"object\":\"transfer\"," MONEY METADATA,
        "\"object\":\"payment_intent\"," MONEY METADATA,
        "\"id\":\"pi/../1\",\"object\":\"payment_intent\"," MONEY METADATA,
        /* Money without a proper amount is not guessed. */
        INTENT METADATA,
        INTENT "\"amount_received\":0,\"currency\":\"usd\"," METADATA,
        INTENT "\"amount_received\":-5,\"currency\":\"usd\"," METADATA,
        INTENT "\"amount_received\":5.0,\"currency\":\"usd\"," METADATA,
        INTENT "\"amount_received\":\"5\",\"currency\":\"usd\"," METADATA,
        INTENT "\"amount_received\":5," METADATA,
        INTENT "\"amount_received\":5,\"currency\":\"us\"," METADATA,
        INTENT "\"amount_received\":5,\"currency\":\"USD\"," METADATA,
        INTENT "\"amount_received\":5,\"currency\":\"usdx\"," METADATA,
        INTENT "\"amount_received\":5,\"currency\":\"us1\"," METADATA,
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        struct strbuf buf;
        strbuf_init(&buf, &fixture->arena, 4096);
        strbuf_addf(&buf, HEAD("payment_intent.succeeded") ",\"data\":{\"object\":{%s}}}",
                    objects[i]);
        struct str body;
        assert_true(strbuf_finish(&buf, &body));
        struct stripe_event event = read(fixture, body.ptr);
        if (event.disposition != STRIPE_UNMATCHED) {
            fail_msg("%s", objects[i]);
        }
        assert_true(id_is_none(event.leg_id)); /* nothing half-read gets out */
        assert_int_equal(event.amount_minor, 0);
    }
}

static void whose_it_is_is_read(void **state)
{
    assert_true(read(*state, "{\"id\":\"evt_1\",\"type\":\"a.b\",\"livemode\":true}").live);
    assert_true(
        read(*state, "{\"id\":\"evt_1\",\"type\":\"a.b\",\"livemode\":true,\"account\":\"acct_1\"}")
            .of_other_account);
    assert_true(read(*state, "{\"id\":\"evt_1\",\"type\":\"a.b\",\"livemode\":true,\"account\":7}")
                    .of_other_account);
    assert_false(
        read(*state, "{\"id\":\"evt_1\",\"type\":\"a.b\",\"livemode\":true,\"account\":null}")
            .of_other_account);
}

static void what_cannot_be_read_is_said_so(void **state)
{
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "null",
        "7",
        "{\"type\":\"a.b\",\"livemode\":false}",
        "{\"id\":7,\"type\":\"a.b\",\"livemode\":false}",
        "{\"id\":\"\",\"type\":\"a.b\",\"livemode\":false}",
        "{\"id\":\"evt 1\",\"type\":\"a.b\",\"livemode\":false}",
        "{\"id\":\"evt_1\",\"livemode\":false}",
        "{\"id\":\"evt_1\",\"type\":\"a b\",\"livemode\":false}",
        "{\"id\":\"evt_1\",\"type\":\"a.b\"}",
        "{\"id\":\"evt_1\",\"type\":\"a.b\",\"livemode\":0}",
        "{\"id\":\"evt_1\",\"id\":\"evt_2\",\"type\":\"a.b\",\"livemode\":false}",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct stripe_event event;
        assert_int_equal(payments_stripe_event_read(&fixture->op, str_of(bodies[i]), &event).kind,
                         STATUS_INVALID);
    }
}

static void lengths_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    for (int len = STRIPE_ID_MAX_BYTES; len <= STRIPE_ID_MAX_BYTES + 1; len++) {
        struct strbuf buf;
        strbuf_init(&buf, &fixture->arena, 4096);
        strbuf_addf(&buf, "{\"type\":\"a.b\",\"livemode\":false,\"id\":\"%0*d\"}", len, 1);
        struct str body;
        assert_true(strbuf_finish(&buf, &body));
        struct stripe_event event;
        assert_int_equal(payments_stripe_event_read(&fixture->op, body, &event).kind,
                         len <= STRIPE_ID_MAX_BYTES ? STATUS_OK : STATUS_INVALID);
    }
    char code[STRIPE_CODE_MAX_BYTES + 2];
    memset(code, 'a', sizeof(code));
    struct str longest = {.ptr = code, .len = STRIPE_CODE_MAX_BYTES};
    assert_true(str_eq(payments_stripe_event_code(longest), longest));
    longest.len++;
    assert_true(str_eq(payments_stripe_event_code(longest), STR("provider_error")));
    assert_true(str_eq(payments_stripe_event_code(STR("")), STR("provider_error")));
}

/* What is signalled must be fit for a record and for the table, whatever bytes came. */
static void assert_fit(const struct stripe_event *event)
{
    assert_true(payments_stripe_event_is_id(event->id));
    assert_in_range(event->type.len, 1, STRIPE_TYPE_MAX_BYTES);
    if (event->disposition != STRIPE_SIGNALLED) {
        return;
    }
    enum payments_fact_kind fact = payments_stripe_event_fact(event->type, event->object_state);
    assert_int_not_equal(fact, PAYMENTS_FACT_NONE);
    assert_false(id_is_none(event->escrow_id));
    assert_false(id_is_none(event->leg_id));
    assert_true(payments_stripe_event_is_id(event->object_id));
    assert_true((event->amount_minor > 0) == (fact == PAYMENTS_FACT_SUCCEEDED));
    assert_true((event->currency.len == 3) == (event->amount_minor > 0));
    assert_true(str_is_text(event->failure_code));
    assert_true(event->charge_id.len <= STRIPE_ID_MAX_BYTES);
}

static void damaged_events_do_no_harm(void **state)
{
    struct fixture *fixture = *state;
    static const char *const seeds[] = {
        PAID,
        EVENT("refund.updated", "\"id\":\"re_1\",\"object\":\"refund\",\"status\":\"succeeded\","
                                "\"amount\":7,\"currency\":\"usd\"," METADATA),
        EVENT("transfer.created", "\"id\":\"tr_1\",\"object\":\"transfer\",\"amount\":"
                                  "7,\"currency\":\"usd\"," METADATA),
    };
    static const char noise[] = "{}[]\",:\\0123456789.eE+-_ntrue\x80\xFF";
    struct random random = random_seeded(4);
    uint32_t readable = 0;
    for (int round = 0; round < 30000; round++) {
        struct str seed = str_of(seeds[random_below(&random, ARRAY_LEN(seeds))]);
        char bytes[1024];
        assert_true(seed.len < sizeof(bytes));
        memcpy(bytes, seed.ptr, seed.len);
        for (uint64_t i = random_below(&random, 5); i > 0; i--) {
            bytes[random_below(&random, seed.len)] =
                noise[random_below(&random, sizeof(noise) - 1)];
        }
        size_t len = random_below(&random, 4) == 0 ? random_below(&random, seed.len) : seed.len;
        struct stripe_event event;
        struct status st = payments_stripe_event_read(
            &fixture->op, (struct str){.ptr = bytes, .len = len}, &event);
        if (!status_failed(st)) {
            assert_fit(&event);
            readable++;
        }
        arena_reset(&fixture->arena);
    }
    assert_in_range(readable, 3000, 29000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_paid_intent_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_declined_charge_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(transfers_and_refunds_are_read, setup, teardown),
        cmocka_unit_test(every_type_means_what_the_table_says),
        cmocka_unit_test_setup_teardown(what_is_of_no_interest_is_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(money_that_moves_without_us_is_unmatched, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_name_a_leg_is_unmatched, setup, teardown),
        cmocka_unit_test_setup_teardown(whose_it_is_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_said_so, setup, teardown),
        cmocka_unit_test_setup_teardown(lengths_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_events_do_no_harm, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
