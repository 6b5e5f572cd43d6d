/*
 * The whole service in the engine, over the simulated pair and the simulated provider: the deal as
 * escrow and the webhooks drive it, with crashes at every port call and every way of losing an
 * answer. Counted at the provider, not at us.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "obs/log.h"
#include "payments/payments_rail_stripe.h"
#include "rig.h"

/* ---- The deal, one step further whenever what it waits for was heard ---- */

struct deal {
    struct id escrow;
    int step;
};

static const int deal_events[] = {CREATED, SUCCEEDED, TRANSFERRED};

static bool deal_advance(struct rig *rig, struct deal *deal)
{
    if (deal->step == 0) {
        rig_create(rig, deal->escrow);
        deal->step = 1;
    }
    if (deal->step == 1 && rig_has_heard(rig, deal->escrow, CREATED)) {
        const char *ref = rig_intent_ref(rig, deal->escrow);
        rig_signal(rig, deal->escrow, LEG_PAY, "a", "payment_intent.created", ref);
        rig_signal(rig, deal->escrow, LEG_PAY, "b", "payment_intent.succeeded", ref);
        rig_signal(rig, deal->escrow, LEG_PAY, "b", "payment_intent.succeeded", ref);
        rig_signal(rig, deal->escrow, LEG_PAY, "c", "payment_intent.succeeded", ref);
        deal->step = 2;
    }
    if (deal->step == 2 && rig_has_heard(rig, deal->escrow, SUCCEEDED)) {
        rig_transfer(rig, deal->escrow);
        deal->step = 3;
    }
    return deal->step == 3 && rig_has_heard(rig, deal->escrow, TRANSFERRED);
}

/* As far as the process lives. */
static void deal_run(struct rig *rig, struct deal *deal)
{
    for (int64_t spent = 0; !deal_advance(rig, deal); spent += RIG_STEP_MS) {
        assert_true(spent < RIG_RUN_MS);
        if (!sim_process_lives(rig->process)) {
            return;
        }
        rig_step(rig);
    }
}

static void deal_check(struct rig *rig, struct id escrow, uint32_t deals)
{
    rig_run_for(rig, 2 * (int64_t)ENGINE_LEASE_MS);
    rig_assert_heard(rig, escrow, deal_events, ARRAY_LEN(deal_events));
    assert_true(rig_hear(rig, escrow).secret);
    assert_int_equal(rig_made(rig, SIM_STRIPE_INTENT), deals);
    assert_int_equal(rig_made(rig, SIM_STRIPE_TRANSFER), deals);
    rig_assert_quiet(rig);
}

static void a_deal_is_paid_and_paid_out(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    rig_start(rig);
    for (uint32_t i = 0; i < 5; i++) {
        struct deal deal = {.escrow = rig_escrow(i)};
        deal_run(rig, &deal);
        deal_check(rig, deal.escrow, i + 1);
    }
    assert_int_equal(rig_attempts(rig), 10);
    rig_close(rig);
}

static bool crash_run(int64_t crash_at)
{
    struct rig *rig = rig_open();
    struct deal deal = {.escrow = rig_escrow(1)};
    rig_start(rig);
    rig->process->fault.crash_at = crash_at;
    deal_run(rig, &deal);
    bool crashed = rig->process->fault.dead;
    rig_end(rig);
    rig_start(rig);
    deal_run(rig, &deal);
    deal_check(rig, deal.escrow, 1);
    rig_close(rig);
    return crashed;
}

/* INV6, INV21: whatever moment the process dies at, the provider moved the money once. */
static void a_crash_at_any_call_changes_nothing(void **state)
{
    (void)state;
    int64_t at = 1;
    while (crash_run(at)) {
        at++;
    }
    print_message("crashed at %lld calls\n", (long long)(at - 1));
    assert_true(at > 50);
}

/* The next call that nothing is planned for meets this. */
static void script(struct rig *rig, enum sim_stripe_fault fault)
{
    sim_stripe_script(rig->stripe, &fault, 1);
}

/* INV31: each way of losing an answer, alone and one after the other. */
static void lost_answers_are_asked_for_again(void **state)
{
    (void)state;

    static const enum sim_stripe_fault faults[] = {
        SIM_STRIPE_NOT_SENT, SIM_STRIPE_CALL_LOST, SIM_STRIPE_REPLY_LOST,  SIM_STRIPE_ERROR_500,
        SIM_STRIPE_GARBAGE,  SIM_STRIPE_BUSY_409,  SIM_STRIPE_LIMITED_429,
    };

    for (size_t which = 0; which < ARRAY_LEN(faults); which++) {
        /* So often that a 500 does not yet look like one that is saved under the key. */
        for (uint32_t times = 1; 2 * times < STRIPE_SAVED_ERROR_ATTEMPTS; times++) {
            struct rig *rig = rig_open();
            rig_start(rig);
            for (uint32_t i = 0; i < 2 * times; i++) {
                script(rig, faults[which]);
            }
            struct deal deal = {.escrow = rig_escrow(2)};
            deal_run(rig, &deal);
            deal_check(rig, deal.escrow, 1);
            assert_int_equal(rig_attempts(rig), 2 + 2 * times);
            rig_close(rig);
        }
    }
}

/* The webhook is first: money that the answer to our own call has not told us of yet. */
static void a_webhook_may_overtake_the_answer(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    rig_start(rig);
    struct id escrow = rig_escrow(3);
    for (uint32_t i = 0; i < 4; i++) {
        script(rig, SIM_STRIPE_REPLY_LOST);
    }
    rig_create(rig, escrow);
    while (sim_stripe_count(rig->stripe) == 0) {
        rig_step(rig);
    }
    rig_signal(rig, escrow, LEG_PAY, "a", "payment_intent.created", rig_intent_ref(rig, escrow));
    rig_run_for(rig, 200);
    assert_int_equal(rig_hear(rig, escrow).count, 0); /* waits for the secret */
    rig_signal(rig, escrow, LEG_PAY, "b", "payment_intent.succeeded", rig_intent_ref(rig, escrow));
    rig_run_until(rig, escrow, SUCCEEDED);
    assert_false(rig_hear(rig, escrow).secret);
    rig_run_for(rig, RIG_RUN_MS);
    static const int kinds[] = {CREATED, SUCCEEDED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    assert_int_equal(rig_made(rig, SIM_STRIPE_INTENT), 1);
    rig_assert_quiet(rig);
    rig_close(rig);
}

static void a_cancellation_reaches_the_provider_once(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    rig_start(rig);
    struct id escrow = rig_escrow(4);
    rig_create(rig, escrow);
    rig_cancel(rig, escrow); /* before the intent has a name */
    rig_run_until(rig, escrow, CANCELED);
    rig_signal(rig, escrow, LEG_PAY, "a", "payment_intent.canceled", "pi_0");
    rig_cancel(rig, escrow);
    rig_run_for(rig, 1000);
    static const int kinds[] = {CREATED, CANCELED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    assert_int_equal(sim_stripe_object(rig->stripe, 0)->state, SIM_STRIPE_CANCELED);
    assert_int_equal(rig_attempts(rig), 2);
    rig_assert_quiet(rig);
    rig_close(rig);
}

/* A 500 that the provider saved under the key: the set-up is given up, and asked for anew. */
static void a_key_that_broke_ends_the_setup(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    rig_start(rig);
    struct id escrow = rig_escrow(11);
    for (uint32_t i = 0; i < 5; i++) {
        script(rig, SIM_STRIPE_ERROR_500);
    }
    rig_create(rig, escrow);
    rig_run_until(rig, escrow, PAYMENT_FAILED);
    rig_run_for(rig, RIG_RUN_MS);
    assert_int_equal(rig_attempts(rig), 5);
    assert_int_equal(sim_stripe_count(rig->stripe), 0);
    rig_assert_quiet(rig);
    rig_close(rig);
}

static void a_refused_transfer_is_told_and_the_money_can_go_back(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    rig_start(rig);
    sim_stripe_refuse(rig->stripe, "/v1/transfers", "account_invalid");
    struct id escrow = rig_escrow(5);
    struct deal deal = {.escrow = escrow};
    while (!rig_has_heard(rig, escrow, TRANSFER_FAILED)) {
        assert_false(deal_advance(rig, &deal));
        rig_step(rig);
    }
    rig_refund(rig, escrow);
    rig_run_until(rig, escrow, REFUNDED);
    static const int kinds[] = {CREATED, SUCCEEDED, TRANSFER_FAILED, REFUNDED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    assert_int_equal(rig_made(rig, SIM_STRIPE_REFUND), 1);
    rig_run_for(rig, 100);
    rig_assert_quiet(rig);
    rig_close(rig);
}

/* Days after it succeeded; the provider tells it by two events. */
static void a_refund_that_is_sent_back_is_told_once(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    rig_start(rig);
    struct id escrow = rig_escrow(12);
    rig_create(rig, escrow);
    rig_run_until(rig, escrow, CREATED);
    rig_signal(rig, escrow, LEG_PAY, "a", "payment_intent.succeeded", "pi_0");
    rig_run_until(rig, escrow, SUCCEEDED);
    rig_refund(rig, escrow);
    rig_run_until(rig, escrow, REFUNDED);
    rig_signal(rig, escrow, LEG_BACK, "b", "refund.failed", "re_1");
    rig_signal(rig, escrow, LEG_BACK, "c", "refund.failed", "re_1");
    rig_run_until(rig, escrow, REFUND_FAILED);
    rig_run_for(rig, 1000);
    static const int kinds[] = {CREATED, SUCCEEDED, REFUNDED, REFUND_FAILED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    rig_assert_quiet(rig);
    rig_close(rig);
}

/* After a restore a signal may come before the command that makes its payment. */
static void a_signal_waits_for_its_payment(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    rig_start(rig);
    struct id escrow = rig_escrow(6);
    rig_signal(rig, escrow, LEG_PAY, "a", "payment_intent.succeeded", "pi_0");
    while (!rig_parked(rig, escrow)) {
        rig_step(rig);
    }
    assert_true(rig_parked(rig, escrow)->missing);
    rig_create(rig, escrow);
    rig_run_until(rig, escrow, SUCCEEDED);
    rig_run_for(rig, 1000);
    static const int kinds[] = {CREATED, SUCCEEDED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    rig_assert_quiet(rig);
    rig_close(rig);
}

#define LOG_BYTES 65536

/* The errors that are logged while `act` runs. */
static void logged(struct rig *rig, void (*act)(struct rig *rig), char *ret_text)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    log_open(&(struct log_options){.service = STR("tester"),
                                   .version = STR("1"),
                                   .level = LOG_LEVEL_ERROR,
                                   .fd = fileno(file)});
    act(rig);
    log_close();
    rewind(file);
    size_t len = fread(ret_text, 1, LOG_BYTES - 1, file);
    ret_text[len] = '\0';
    (void)fclose(file);
}

static uint32_t count_of(const char *text, const char *wanted)
{
    uint32_t count = 0;
    for (const char *at = text; (at = strstr(at, wanted)); at++) {
        count++;
    }
    return count;
}

static void meet_a_stranger(struct rig *rig)
{
    struct id stranger = rig_escrow(6);
    rig_signal(rig, stranger, LEG_PAY, "a", "payment_intent.succeeded", "pi_0");
    while (!rig_parked(rig, stranger)) {
        rig_step(rig);
    }
    rig_signal(rig, stranger, LEG_PAY, "b", "payment_intent.succeeded", "pi_0");
    rig_run_for(rig, 1000);
}

/* A payment is committed before the provider hears of it: a signal of one that nobody knows is never just
 * early, so a person is told, once. */
static void a_person_is_told_of_a_payment_that_nobody_knows(void **state)
{
    (void)state;
    static char text[LOG_BYTES];
    struct rig *rig = rig_open();
    rig_start(rig);
    logged(rig, meet_a_stranger, text);
    assert_int_equal(count_of(text, "\"event\":\"engine.put_aside\""), 1);
    assert_int_equal(count_of(text, "\"code\":\"payments.no_payment_yet\""), 1);
    assert_true(rig_parked(rig, rig_escrow(6))->missing); /* its creation would release it */
    rig_close(rig);
}

static void refuse_a_cancellation(struct rig *rig)
{
    sim_stripe_refuse(rig->stripe, "/v1/payment_intents/", "unheard_of");
    rig_cancel(rig, rig_escrow(6));
    rig_run_for(rig, 60000);
}

static void a_refused_cancellation_calls_a_person_once(void **state)
{
    (void)state;
    static char text[LOG_BYTES];
    struct rig *rig = rig_open();
    rig_start(rig);
    rig_create(rig, rig_escrow(6));
    rig_run_until(rig, rig_escrow(6), CREATED);
    logged(rig, refuse_a_cancellation, text);
    assert_int_equal(count_of(text, "\"event\":\"payments.alarm\""), 1);
    assert_int_equal(count_of(text, "\"code\":\"intent_not_canceled\""), 1);
    rig_close(rig);
}

static void refuse_our_key(struct rig *rig)
{
    uint64_t before = rig_attempts(rig);
    sim_stripe_refuse(rig->stripe, "/v1/payment_intents", "api_key_expired");
    rig_create(rig, rig_escrow(6));
    rig_run_for(rig, 60000);
    assert_true(rig_attempts(rig) > before + 2);
}

/* It is repeated until somebody has given us another key, and nobody needs to hear of each attempt. */
static void a_refused_key_calls_a_person_once(void **state)
{
    (void)state;
    static char text[LOG_BYTES];
    struct rig *rig = rig_open();
    rig_start(rig);
    logged(rig, refuse_our_key, text);
    assert_int_equal(count_of(text, "\"event\":\"payments.alarm\""), 1);
    assert_int_equal(count_of(text, "\"code\":\"provider_refuses_us\""), 1);
    rig_close(rig);
}

static void what_no_sound_escrow_asks_parks_its_key_alone(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    rig_start(rig);
    struct id bad = rig_escrow(7);
    struct id strange = rig_escrow(8);
    rig_transfer(rig, bad);
    Holdfast__Payments__V1__PaymentsCommand unknown;
    holdfast__payments__v1__payments_command__init(&unknown);
    rig_command(rig, strange, &unknown); /* of a newer escrow: no body that we know */
    struct deal deal = {.escrow = rig_escrow(9)};
    deal_run(rig, &deal);
    while (!rig_parked(rig, bad) || !rig_parked(rig, strange)) {
        rig_step(rig);
    }
    assert_true(str_eq(rig_parked(rig, bad)->reason, STR("payments.no_paid_leg")));
    assert_true(str_eq(rig_parked(rig, strange)->reason, STR("payments.unknown_command")));
    assert_int_equal(rig_made(rig, SIM_STRIPE_TRANSFER), 1);
    rig_close(rig);
}

/* INV26, INV28: many deliveries, other event ids, one effect. */
static void a_storm_of_webhooks_is_one_payment(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    rig_start(rig);
    struct id escrow = rig_escrow(10);
    rig_create(rig, escrow);
    rig_run_until(rig, escrow, CREATED);
    for (int i = 0; i < 300; i++) {
        char event[16];
        (void)snprintf(event, sizeof(event), "s%d", i % 10);
        rig_signal(rig, escrow, LEG_PAY, event, "payment_intent.succeeded", "pi_0");
    }
    rig_run_until(rig, escrow, SUCCEEDED);
    rig_run_for(rig, 2000);
    static const int kinds[] = {CREATED, SUCCEEDED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    rig_assert_quiet(rig);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deal_is_paid_and_paid_out),
        cmocka_unit_test(a_crash_at_any_call_changes_nothing),
        cmocka_unit_test(lost_answers_are_asked_for_again),
        cmocka_unit_test(a_webhook_may_overtake_the_answer),
        cmocka_unit_test(a_cancellation_reaches_the_provider_once),
        cmocka_unit_test(a_key_that_broke_ends_the_setup),
        cmocka_unit_test(a_refused_transfer_is_told_and_the_money_can_go_back),
        cmocka_unit_test(a_refund_that_is_sent_back_is_told_once),
        cmocka_unit_test(a_signal_waits_for_its_payment),
        cmocka_unit_test(a_person_is_told_of_a_payment_that_nobody_knows),
        cmocka_unit_test(a_refused_cancellation_calls_a_person_once),
        cmocka_unit_test(a_refused_key_calls_a_person_once),
        cmocka_unit_test(what_no_sound_escrow_asks_parks_its_key_alone),
        cmocka_unit_test(a_storm_of_webhooks_is_one_payment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
