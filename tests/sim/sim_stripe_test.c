/* The provider that the simulation believes: what it does, what it remembers, what it says. */
#include "sim_stripe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "engine/engine_tables.h"
#include "payments/payments_rail_stripe.h"
#include "payments/payments_repo.h"
#include "sim_time.h"

#define START_US INT64_C(1790000000000000)
#define AMOUNT 5000

struct fixture {
    struct clock_fake clock;
    struct arena arena;
    struct op op;
    struct sim_place place;
    struct intake door;
    struct sim_stripe *stripe;
    struct sim_stripe_line line;
    struct caller *caller;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    fixture->clock = (struct clock_fake){.mono_us = 1000000, .wall_us = START_US};
    clock_use_fake(&fixture->clock);
    arena_init(&fixture->arena, (size_t)4 * 1024 * 1024);
    fixture->op = (struct op){.arena = &fixture->arena, .now_us = START_US};
    fixture->place.clock = &fixture->clock;
    fixture->place.kafka = sim_kafka_new(&fixture->clock);
    fixture->place.dbs[SIM_PAYMENTS] = sim_db_new(&fixture->clock);
    sim_intake_init(&fixture->door, &fixture->place, SIM_PAYMENTS);
    fixture->stripe = sim_stripe_new(&fixture->clock, 7);
    fixture->caller = sim_stripe_line_init(&fixture->line, fixture->stripe, 4);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    sim_stripe_hang_up(&fixture->line);
    sim_stripe_free(fixture->stripe);
    sim_intake_fini(&fixture->door);
    sim_db_free(fixture->place.dbs[SIM_PAYMENTS]);
    sim_kafka_free(fixture->place.kafka);
    arena_fini(&fixture->arena);
    clock_use_fake(NULL);
    test_free(fixture);
    return 0;
}

static struct id id_of(const char *name)
{
    return id_v5(id_namespace(STR("test/stripe")), str_of(name));
}

static void pass(struct fixture *fixture, int64_t us)
{
    fixture->clock.mono_us += us;
    fixture->clock.wall_us += us;
    while (sim_stripe_step(fixture->stripe, &fixture->door)) {
    }
}

/* As payments asks. key: the effect's name. */
static void ask(struct fixture *fixture, const char *key, struct payments_effect effect)
{
    effect.escrow_id = id_of("escrow");
    effect.currency = CURRENCY_USD;
    effect.amount_minor = AMOUNT;
    struct str request;
    assert_int_equal(payments_rail_stripe.request(&fixture->op, &effect, &request).kind, STATUS_OK);
    const struct caller_call call = {
        .effect_id = id_of(key), .request = request, .not_after_ms = clock_mono_ms() + 1000};
    assert_true(fixture->caller->ops->send(fixture->caller, &call));
}

static void ask_intent(struct fixture *fixture, const char *key)
{
    ask(fixture, key,
        (struct payments_effect){.kind = PAYMENTS_EFFECT_CREATE_INTENT, .leg_id = id_of("in")});
}

static void ask_transfer(struct fixture *fixture, const char *key)
{
    ask(fixture, key,
        (struct payments_effect){.kind = PAYMENTS_EFFECT_CREATE_TRANSFER,
                                 .leg_id = id_of("out"),
                                 .destination = STR("acct_1")});
}

static void ask_refund(struct fixture *fixture, const char *key)
{
    ask(fixture, key,
        (struct payments_effect){.kind = PAYMENTS_EFFECT_CREATE_REFUND,
                                 .leg_id = id_of("back"),
                                 .intent_ref = STR("pi_0")});
}

/* What payments makes of the answer that is there; NONE: there is none. */
static enum engine_verdict heard(struct fixture *fixture, int kind, const char *leg)
{
    struct caller_answer answer;
    struct str code;
    if (!fixture->caller->ops->take(fixture->caller, 0, &answer)) {
        return ENGINE_VERDICT_NONE;
    }
    const struct effect_row effect = {
        .kind = kind, .key = id_of("escrow"), .subject = id_of(leg), .attempts = 1};
    enum engine_verdict verdict = payments_rail_stripe.judge(&fixture->op, &effect, &answer, &code);
    fixture->caller->ops->release(fixture->caller, &answer);
    return verdict;
}

static void script(struct fixture *fixture, enum sim_stripe_fault fault)
{
    sim_stripe_script(fixture->stripe, &fault, 1);
}

static uint32_t made(struct fixture *fixture, enum sim_stripe_kind kind)
{
    return sim_stripe_made(fixture->stripe, kind, id_of("escrow"), NULL);
}

static void a_key_does_it_once_for_a_day(void **state)
{
    struct fixture *fixture = *state;
    ask_transfer(fixture, "k");
    pass(fixture, 0);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_TRANSFER, "out"), ENGINE_VERDICT_DONE);
    ask_transfer(fixture, "k");
    pass(fixture, 24 * HOUR_US - 1);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_TRANSFER, "out"), ENGINE_VERDICT_DONE);
    assert_int_equal(made(fixture, SIM_STRIPE_TRANSFER), 1);
    pass(fixture, 1);
    ask_transfer(fixture, "k");
    pass(fixture, 0);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_TRANSFER, "out"), ENGINE_VERDICT_DONE);
    assert_int_equal(made(fixture, SIM_STRIPE_TRANSFER), 2); /* it has forgotten */
    struct sim_stripe_counts counts = sim_stripe_counts(fixture->stripe);
    assert_int_equal(counts.forgotten, 1);
    assert_int_equal(counts.repeated, 1);
    assert_int_equal(counts.different, 0);
    assert_int_equal(counts.bad, 0);
}

static void another_request_under_a_key_is_counted(void **state)
{
    struct fixture *fixture = *state;
    ask_transfer(fixture, "k");
    ask_refund(fixture, "k");
    pass(fixture, 0);
    assert_int_equal(sim_stripe_counts(fixture->stripe).different, 1);
}

/* Each fault: what is heard, and whether the work was done. */
static void faults_do_what_they_say(void **state)
{
    struct fixture *fixture = *state;

    static const struct {
        enum sim_stripe_fault fault;
        enum engine_verdict verdict;
        uint32_t done;
    } rows[] = {
        {SIM_STRIPE_ANSWERS, ENGINE_VERDICT_DONE, 1},
        {SIM_STRIPE_NOT_SENT, ENGINE_VERDICT_UNKNOWN, 0},
        {SIM_STRIPE_CALL_LOST, ENGINE_VERDICT_UNKNOWN, 0},
        {SIM_STRIPE_REPLY_LOST, ENGINE_VERDICT_UNKNOWN, 1},
        {SIM_STRIPE_STRAYS, ENGINE_VERDICT_UNKNOWN, 0},
        {SIM_STRIPE_ERROR_500, ENGINE_VERDICT_UNKNOWN, 0},
        {SIM_STRIPE_SAVED_500, ENGINE_VERDICT_UNKNOWN, 0},
        {SIM_STRIPE_SAVED_500_DONE, ENGINE_VERDICT_UNKNOWN, 1},
        {SIM_STRIPE_GARBAGE, ENGINE_VERDICT_UNKNOWN, 0},
        {SIM_STRIPE_BUSY_409, ENGINE_VERDICT_UNKNOWN, 0},
        {SIM_STRIPE_LIMITED_429, ENGINE_VERDICT_UNKNOWN, 0},
        {SIM_STRIPE_STRANGE, ENGINE_VERDICT_UNKNOWN, 0},
        {SIM_STRIPE_STRANGE_DONE, ENGINE_VERDICT_UNKNOWN, 1},
        {SIM_STRIPE_REFUSED, ENGINE_VERDICT_FAILED, 0},
    };

    assert_int_equal(ARRAY_LEN(rows), SIM_STRIPE_FAULT_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char key[16];
        uint32_t before = made(fixture, SIM_STRIPE_TRANSFER);
        (void)snprintf(key, sizeof(key), "k%zu", i);
        script(fixture, rows[i].fault);
        ask_transfer(fixture, key);
        pass(fixture, 0);
        assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_TRANSFER, "out"), rows[i].verdict);
        assert_int_equal(made(fixture, SIM_STRIPE_TRANSFER) - before, rows[i].done);
        bool broken =
            rows[i].fault == SIM_STRIPE_SAVED_500 || rows[i].fault == SIM_STRIPE_SAVED_500_DONE;
        assert_int_equal(sim_stripe_key(fixture->stripe, id_of(key)) == SIM_STRIPE_KEY_BROKEN,
                         broken);
    }
    pass(fixture, HOUR_US); /* and the stray arrives after all */
    assert_int_equal(made(fixture, SIM_STRIPE_TRANSFER), 5);
}

static void who_hangs_up_hears_nothing_and_is_served_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    ask_transfer(fixture, "k");
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), 3);
    sim_stripe_hang_up(&fixture->line);
    fixture->caller = sim_stripe_line_init(&fixture->line, fixture->stripe, 4);
    pass(fixture, HOUR_US);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_TRANSFER, "out"), ENGINE_VERDICT_NONE);
    assert_int_equal(made(fixture, SIM_STRIPE_TRANSFER), 1);
    assert_int_equal(sim_stripe_counts(fixture->stripe).waiting, 0);
}

/* ---- Webhooks ---- */

static uint32_t signals(struct fixture *fixture)
{
    return sim_db_count(fixture->place.dbs[SIM_PAYMENTS], &engine_intake_table);
}

static uint32_t records(struct fixture *fixture)
{
    uint32_t count = 0;
    for (int32_t lane = 0; lane < LANES; lane++) {
        count += sim_kafka_count(fixture->place.kafka, TOPIC_PAYMENTS_SIGNALS_V1, lane);
    }
    return count;
}

static void a_payment_is_told_through_the_real_door(void **state)
{
    struct fixture *fixture = *state;
    ask_intent(fixture, "k");
    pass(fixture, 0);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_INTENT, "in"), ENGINE_VERDICT_DONE);
    assert_int_equal(signals(fixture), 1); /* created */
    assert_true(sim_stripe_pay(fixture->stripe, id_of("escrow"), SIM_PAY_GOOD));
    assert_false(sim_stripe_pay(fixture->stripe, id_of("escrow"), SIM_PAY_GOOD));
    pass(fixture, 0);
    assert_int_equal(signals(fixture), 2);
    assert_int_equal(records(fixture), 2);
    assert_int_equal(sim_db_count(fixture->place.dbs[SIM_PAYMENTS], &payments_repo_webhook), 2);
    assert_int_equal(sim_stripe_object(fixture->stripe, 0)->state, SIM_STRIPE_MOVED);
    assert_int_equal(sim_stripe_object(fixture->stripe, 0)->moved_minor, AMOUNT);
    assert_int_equal(sim_stripe_counts(fixture->stripe).webhooks_taken, 2);
}

static void a_webhook_comes_again_until_it_is_taken(void **state)
{
    struct fixture *fixture = *state;
    sim_db_set_away(fixture->place.dbs[SIM_PAYMENTS], true);
    ask_intent(fixture, "k");
    pass(fixture, HOUR_US);
    assert_int_equal(signals(fixture), 0);
    sim_db_set_away(fixture->place.dbs[SIM_PAYMENTS], false);
    pass(fixture, HOUR_US);
    assert_int_equal(signals(fixture), 1);
    struct sim_stripe_counts counts = sim_stripe_counts(fixture->stripe);
    assert_true(counts.webhooks_refused > 0);
    assert_int_equal(counts.waiting, 0);
}

static void repeated_and_twin_events_are_what_they_are(void **state)
{
    struct fixture *fixture = *state;
    sim_stripe_set_rates(fixture->stripe,
                         &(struct sim_stripe_rates){.webhook_twin = SIM_STRIPE_CHANCE});
    ask_intent(fixture, "k");
    pass(fixture, 0);
    assert_int_equal(signals(fixture), 2); /* two ids about one thing */
    sim_stripe_set_rates(fixture->stripe,
                         &(struct sim_stripe_rates){.webhook_repeated = SIM_STRIPE_CHANCE / 2});
    assert_true(sim_stripe_pay(fixture->stripe, id_of("escrow"), SIM_PAY_GOOD));
    for (int i = 0; i < 40; i++) {
        pass(fixture, 0);
    }
    assert_int_equal(signals(fixture), 3);
    sim_stripe_set_rates(fixture->stripe,
                         &(struct sim_stripe_rates){.webhook_lost = SIM_STRIPE_CHANCE});
    ask_transfer(fixture, "t");
    pass(fixture, HOUR_US);
    assert_int_equal(signals(fixture), 3);
}

static void odd_payments_are_what_they_are(void **state)
{
    struct fixture *fixture = *state;

    static const struct {
        enum sim_stripe_pay how;
        enum sim_stripe_state state;
        int64_t moved_minor;
        const char *currency;
    } rows[] = {
        {SIM_PAY_GOOD, SIM_STRIPE_MOVED, AMOUNT, "usd"},
        {SIM_PAY_DECLINED, SIM_STRIPE_OPEN, 0, "usd"},
        {SIM_PAY_SLOW, SIM_STRIPE_MOVED, AMOUNT, "usd"},
        {SIM_PAY_SLOW_FAILS, SIM_STRIPE_OPEN, 0, "usd"},
        {SIM_PAY_LESS, SIM_STRIPE_MOVED, AMOUNT / 2, "usd"},
        {SIM_PAY_MORE, SIM_STRIPE_MOVED, AMOUNT + AMOUNT / 2, "usd"},
        {SIM_PAY_FOREIGN, SIM_STRIPE_MOVED, AMOUNT, "eur"},
    };

    assert_int_equal(ARRAY_LEN(rows), SIM_PAY_COUNT);
    for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%u", i);
        ask_intent(fixture, key);
        pass(fixture, 0);
        assert_true(sim_stripe_pay(fixture->stripe, id_of("escrow"), rows[i].how));
        bool slow = rows[i].how == SIM_PAY_SLOW || rows[i].how == SIM_PAY_SLOW_FAILS;
        struct sim_stripe_object *intent = sim_stripe_object(fixture->stripe, i);
        assert_int_equal(intent->state == SIM_STRIPE_PROCESSING, slow);
        pass(fixture, HOUR_US);
        intent = sim_stripe_object(fixture->stripe, i);
        assert_int_equal(intent->state, rows[i].state);
        assert_int_equal(intent->moved_minor, rows[i].moved_minor);
        assert_string_equal(intent->currency, rows[i].currency);
        intent->state = SIM_STRIPE_CANCELED; /* so that the next one is paid */
        assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_INTENT, "in"), ENGINE_VERDICT_DONE);
    }
}

/* The webhook of money that came before the cancellation is lost: the refusal alone tells of it. */
static void a_cancellation_that_is_too_late_brings_the_intent(void **state)
{
    struct fixture *fixture = *state;
    ask_intent(fixture, "k");
    pass(fixture, 0);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_INTENT, "in"), ENGINE_VERDICT_DONE);
    sim_stripe_set_rates(fixture->stripe,
                         &(struct sim_stripe_rates){.webhook_lost = SIM_STRIPE_CHANCE,
                                                    .webhook_late = SIM_STRIPE_CHANCE,
                                                    .webhook_late_us = HOUR_US});
    assert_true(sim_stripe_pay(fixture->stripe, id_of("escrow"), SIM_PAY_LESS));
    ask(fixture, "c",
        (struct payments_effect){.kind = PAYMENTS_EFFECT_CANCEL_INTENT,
                                 .leg_id = id_of("in"),
                                 .intent_ref = STR("pi_0")});
    pass(fixture, 0);
    struct caller_answer answer;
    assert_true(fixture->caller->ops->take(fixture->caller, 0, &answer));
    const struct effect_row effect = {.kind = PAYMENTS_EFFECT_CANCEL_INTENT,
                                      .key = id_of("escrow"),
                                      .subject = id_of("in"),
                                      .attempts = 1};
    struct payments_fact fact;
    bool told = false;
    assert_int_equal(payments_rail_stripe.read(&fixture->op, &effect, &answer, &fact, &told).kind,
                     STATUS_OK);
    fixture->caller->ops->release(fixture->caller, &answer);
    assert_true(told);
    assert_int_equal(fact.kind, PAYMENTS_FACT_SUCCEEDED);
    assert_int_equal(fact.amount_minor, AMOUNT / 2);
    pass(fixture, HOUR_US);
    assert_int_equal(signals(fixture), 1); /* created, and nothing of the money */
    sim_stripe_tell_again(fixture->stripe);
    pass(fixture, HOUR_US);
    assert_int_equal(signals(fixture), 2); /* it is not lost at the provider */
}

static void a_canceled_intent_cannot_be_paid_and_the_reverse(void **state)
{
    struct fixture *fixture = *state;
    const struct payments_effect cancel = {
        .kind = PAYMENTS_EFFECT_CANCEL_INTENT, .leg_id = id_of("in"), .intent_ref = STR("pi_0")};
    ask_intent(fixture, "k");
    pass(fixture, 0);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_INTENT, "in"), ENGINE_VERDICT_DONE);
    ask(fixture, "c", cancel);
    pass(fixture, 0);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CANCEL_INTENT, "in"), ENGINE_VERDICT_DONE);
    assert_false(sim_stripe_pay(fixture->stripe, id_of("escrow"), SIM_PAY_GOOD));
    ask(fixture, "c2", cancel); /* already */
    pass(fixture, 0);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CANCEL_INTENT, "in"), ENGINE_VERDICT_DONE);
    sim_stripe_object(fixture->stripe, 0)->state = SIM_STRIPE_MOVED;
    ask(fixture, "c3", cancel);
    pass(fixture, 0);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CANCEL_INTENT, "in"), ENGINE_VERDICT_FAILED);
}

static void a_refund_may_wait_fail_and_come_back(void **state)
{
    struct fixture *fixture = *state;
    ask_intent(fixture, "k");
    pass(fixture, 0);
    assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_INTENT, "in"), ENGINE_VERDICT_DONE);

    static const struct {
        struct sim_stripe_rates rates;
        enum sim_stripe_state at_first, at_last;
    } rows[] = {
        {{.refund_pending = 0}, SIM_STRIPE_MOVED, SIM_STRIPE_MOVED},
        {{.refund_pending = SIM_STRIPE_CHANCE}, SIM_STRIPE_PROCESSING, SIM_STRIPE_MOVED},
        {{.refund_pending = SIM_STRIPE_CHANCE, .refund_fails = SIM_STRIPE_CHANCE},
         SIM_STRIPE_PROCESSING,
         SIM_STRIPE_FAILED},
        {{.refund_returned = SIM_STRIPE_CHANCE}, SIM_STRIPE_MOVED, SIM_STRIPE_RETURNED},
    };

    for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "r%u", i);
        sim_stripe_set_rates(fixture->stripe, &rows[i].rates);
        ask_refund(fixture, key);
        pass(fixture, 0);
        assert_int_equal(sim_stripe_object(fixture->stripe, i + 1)->state, rows[i].at_first);
        pass(fixture, HOUR_US);
        assert_int_equal(sim_stripe_object(fixture->stripe, i + 1)->state, rows[i].at_last);
        assert_int_equal(heard(fixture, PAYMENTS_EFFECT_CREATE_REFUND, "back"),
                         ENGINE_VERDICT_DONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_does_it_once_for_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(another_request_under_a_key_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_do_what_they_say, setup, teardown),
        cmocka_unit_test_setup_teardown(who_hangs_up_hears_nothing_and_is_served_all_the_same,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_payment_is_told_through_the_real_door, setup, teardown),
        cmocka_unit_test_setup_teardown(a_webhook_comes_again_until_it_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(repeated_and_twin_events_are_what_they_are, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(odd_payments_are_what_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancellation_that_is_too_late_brings_the_intent, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_canceled_intent_cannot_be_paid_and_the_reverse, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_refund_may_wait_fail_and_come_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
