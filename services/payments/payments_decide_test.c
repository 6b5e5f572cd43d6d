/* Named cases, and a row for each comparison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/defer.h"
#include "payments/testing/world.h"

static void assert_broken(const struct payments_decision *out, const char *code)
{
    assert_int_equal(out->verdict, PAYMENTS_BROKEN);
    assert_string_equal(out->code, code);
}

/* ---- Named cases ---- */

static void a_payment_goes_its_way(void **state)
{
    (void)state;
    struct world world = {0};
    struct payments_command command = world_create(5000);
    struct payments_decision out = world_say(&world, &command);
    assert_true(out.payment_new);
    assert_int_equal(out.event_count, 0);
    assert_int_equal(world.effects[0].kind, PAYMENTS_EFFECT_CREATE_INTENT);
    assert_int_equal(world.effects[0].amount_minor, 5000);
    assert_true(str_eq(world.effects[0].description, STR("a lamp")));

    world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
    assert_int_equal(world.events[0].kind, PAYMENTS_PAYMENT_INTENT_CREATED);
    assert_true(str_eq(world.events[0].provider_ref, STR("pi_1")));
    assert_true(str_eq(world.events[0].client_secret, STR("pi_1_secret_x")));

    world_tell(&world, WORLD_PAY_LEG, &world_fact_paid);
    assert_int_equal(world.events[1].kind, PAYMENTS_PAYMENT_SUCCEEDED);
    assert_int_equal(world.events[1].amount_minor, 5000);
    assert_true(str_eq(world.events[1].currency, STR("USD")));
    assert_true(world.events[1].client_secret.len == 0);

    command = world_transfer(2, 5000);
    world_say(&world, &command);
    assert_int_equal(world.effects[1].kind, PAYMENTS_EFFECT_CREATE_TRANSFER);
    assert_true(str_eq(world.effects[1].charge_ref, STR("ch_9")));
    assert_true(str_eq(world.effects[1].destination, STR("acct_seller")));
    struct payments_fact fact = world_moved("tr_1", 5000);
    world_tell(&world, world_id(2), &fact);
    assert_int_equal(world.events[2].kind, PAYMENTS_TRANSFER_SUCCEEDED);
    assert_int_equal(world.events[2].amount_minor, 5000);
    assert_int_equal(world.payment.seq, 3);
    assert_int_equal(world.alarm_count, 0);
}

static void a_repeated_command_is_nothing_and_a_changed_one_is_broken(void **state)
{
    (void)state;
    struct world world = world_paid();
    struct payments_command commands[] = {world_create(5000), world_transfer(2, 1000),
                                          world_refund(3, 1000)};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        world_say(&world, &commands[i]);
        struct payments_decision out = world_say(&world, &commands[i]);
        assert_int_equal(out.verdict, PAYMENTS_NOTHING);
        commands[i].amount_minor++;
        out = world_say(&world, &commands[i]);
        assert_broken(&out, "payments.leg_differs");
    }
    struct payments_command other = world_transfer(2, 1000);
    other.seller_account = STR("acct_thief");
    struct payments_decision out = world_say(&world, &other);
    assert_broken(&out, "payments.leg_differs");
    other = world_transfer(2, 1000);
    other.paid_leg_id = world_id(9);
    out = world_say(&world, &other);
    assert_broken(&out, "payments.leg_differs");
    other = world_refund(3, 1000);
    other.paid_leg_id = world_id(9);
    out = world_say(&world, &other);
    assert_broken(&out, "payments.leg_differs");
    other = world_refund(2, 1000);
    out = world_say(&world, &other);
    assert_broken(&out, "payments.leg_differs");
    assert_int_equal(world.effect_count, 3);
}

static void a_second_intent_is_broken_and_a_new_one_after_a_failure_is_not(void **state)
{
    (void)state;
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    struct payments_command second = world_create(5000);
    second.leg_id = world_id(7);
    struct payments_decision out = world_say(&world, &second);
    assert_broken(&out, "payments.second_intent");

    world_tell(&world, WORLD_PAY_LEG, &world_fact_setup_failed);
    assert_int_equal(world.events[0].kind, PAYMENTS_PAYMENT_FAILED);
    assert_false(world.events[0].charge_declined);
    assert_true(str_eq(world.events[0].code, STR("amount_too_small")));
    out = world_say(&world, &second);
    assert_int_equal(out.verdict, PAYMENTS_CHANGED);
    assert_false(out.payment_new);
    assert_int_equal(world_effects(&world, PAYMENTS_EFFECT_CREATE_INTENT), 2);
}

static void after_a_wrong_amount_the_right_one_may_be_asked_for(void **state)
{
    (void)state;
    struct payments_command second = world_create(5000);
    second.leg_id = world_id(7);
    for (int64_t paid_minor = 4999; paid_minor <= 5001; paid_minor++) {
        struct world world = {0};
        struct payments_command command = world_create(5000);
        world_say(&world, &command);
        world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
        struct payments_fact fact = world_fact_paid;
        fact.amount_minor = paid_minor;
        world_tell(&world, WORLD_PAY_LEG, &fact);
        struct payments_decision out = world_say(&world, &second);
        if (paid_minor == 5000) {
            assert_int_equal(out.events[0].kind, PAYMENTS_PAYMENT_FAILED);
            assert_true(str_eq(out.events[0].code, STR("already_paid")));
            assert_false(out.leg_new);
            continue;
        }
        assert_int_equal(out.verdict, PAYMENTS_CHANGED);
        struct payments_command stop = world_cancel();
        out = world_say(&world, &stop);
        assert_int_equal(out.verdict, PAYMENTS_CHANGED); /* of the new one, not of the paid one */
        assert_true(id_eq(out.leg.id, second.leg_id));
    }
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
    struct payments_fact foreign = world_fact_paid;
    foreign.currency = STR("EUR");
    world_tell(&world, WORLD_PAY_LEG, &foreign);
    struct payments_decision out = world_say(&world, &second);
    assert_int_equal(out.verdict, PAYMENTS_CHANGED);
}

static void a_webhook_before_our_answer_waits_for_the_secret(void **state)
{
    (void)state;
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_exists);
    assert_int_equal(world.event_count, 0);
    assert_int_equal(world.legs[0].state, LEG_ASKED);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
    assert_int_equal(world.event_count, 1);
    assert_true(world.events[0].client_secret.len > 0);
}

static void money_before_our_answer_announces_the_intent_first(void **state)
{
    (void)state;
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_paid);
    assert_int_equal(world.event_count, 2);
    assert_int_equal(world.events[0].kind, PAYMENTS_PAYMENT_INTENT_CREATED);
    assert_true(str_eq(world.events[0].provider_ref, STR("pi_1")));
    assert_int_equal(world.events[0].client_secret.len, 0);
    assert_int_equal(world.events[1].kind, PAYMENTS_PAYMENT_SUCCEEDED);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
    assert_int_equal(world.event_count, 2);
    assert_int_equal(world.legs[0].state, LEG_DONE);
}

static void money_that_arrives_after_all_is_not_refused(void **state)
{
    (void)state;
    const struct payments_fact *ends[] = {&world_fact_canceled, &world_fact_setup_failed};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct world world = {0};
        struct payments_command command = world_create(5000);
        world_say(&world, &command);
        world_tell(&world, WORLD_PAY_LEG, ends[i]);
        world_tell(&world, WORLD_PAY_LEG, &world_fact_paid);
        assert_int_equal(world_events(&world, PAYMENTS_PAYMENT_SUCCEEDED), 1);
        assert_int_equal(world_events(&world, PAYMENTS_PAYMENT_INTENT_CREATED), 1);
        assert_int_equal(world.alarm_count, 1);
    }
}

static void credited_is_what_was_received(void **state)
{
    (void)state;
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    struct payments_fact fact = world_fact_paid;
    fact.amount_minor = 4321;
    fact.currency = STR("JPY");
    world_tell(&world, WORLD_PAY_LEG, &fact);
    assert_int_equal(world.events[1].amount_minor, 4321);
    assert_true(str_eq(world.events[1].currency, STR("JPY")));
    /* Nothing in our currency came in, so nothing goes out. */
    command = world_transfer(2, 1);
    struct payments_decision out = world_say(&world, &command);
    assert_broken(&out, "payments.overdrawn");
}

/* A transfer that names a refund's leg, of the same amount, is no refund: for each kind of leg, each kind of
 * object and each fact. */
static void an_object_of_another_kind_is_refused(void **state)
{
    (void)state;
    struct world paid = world_paid();
    struct payments_command transfer = world_transfer(2, 2000);
    struct payments_command refund = world_refund(3, 2000);
    world_say(&paid, &transfer);
    world_say(&paid, &refund);

    const struct id legs[LEG_KIND_COUNT] = {
        [LEG_IN] = WORLD_PAY_LEG, [LEG_TRANSFER] = world_id(2), [LEG_REFUND] = world_id(3)};

    for (int leg = LEG_IN; leg < LEG_KIND_COUNT; leg++) {
        for (int about = LEG_IN; about < LEG_KIND_COUNT; about++) {
            for (int kind = PAYMENTS_FACT_EXISTS; kind < PAYMENTS_FACT_COUNT; kind++) {
                struct world world = paid;
                struct payments_fact fact =
                    leg == LEG_IN ? world_fact_paid : world_moved("xx_1", 2000);
                fact.kind = (enum payments_fact_kind)kind;
                fact.about = (enum leg_kind)about;
                struct payments_decision out = world_tell(&world, legs[leg], &fact);
                if (leg != about) {
                    assert_broken(&out, "payments.other_kind");
                } else {
                    assert_int_not_equal(out.verdict, PAYMENTS_BROKEN);
                }
            }
        }
    }
}

static void facts_that_cannot_be_true_stop_the_key(void **state)
{
    (void)state;
    struct world world = world_paid();
    struct payments_fact fact = world_fact_paid;
    fact.amount_minor = 4999;
    struct payments_decision out = world_tell(&world, WORLD_PAY_LEG, &fact);
    assert_broken(&out, "payments.other_amount");
    fact = world_fact_paid;
    fact.currency = STR("EUR");
    out = world_tell(&world, WORLD_PAY_LEG, &fact);
    assert_broken(&out, "payments.other_amount");
    fact = world_fact_paid;
    fact.provider_ref = STR("pi_2");
    out = world_tell(&world, WORLD_PAY_LEG, &fact);
    assert_broken(&out, "payments.other_object");
    fact = world_fact_exists;
    fact.provider_ref = STR("pi_2");
    out = world_tell(&world, WORLD_PAY_LEG, &fact); /* no money: an alarm is enough */
    assert_int_equal(out.verdict, PAYMENTS_NOTHING);
    assert_string_equal(out.alarm, "payments.other_object");
    out = world_tell(&world, world_id(66), &world_fact_paid);
    assert_broken(&out, "payments.no_leg");
    for (int64_t amount = 0; amount <= 1; amount++) {
        struct world fresh = {0};
        struct payments_command command = world_create(5000);
        world_say(&fresh, &command);
        fact = world_fact_paid;
        fact.amount_minor = amount;
        out = world_tell(&fresh, WORLD_PAY_LEG, &fact);
        assert_int_equal(out.verdict, amount > 0 ? PAYMENTS_CHANGED : PAYMENTS_BROKEN);
    }
}

static void what_went_out_is_what_was_asked_for(void **state)
{
    (void)state;

    static const struct {
        int64_t moved_minor;
        const char *currency;
        bool fits;
    } rows[] = {{2500, "USD", true},  {2499, "USD", false}, {2501, "USD", false},
                {2500, "JPY", false}, {2500, "", false},    {2500, "usd", false}};

    struct payments_command commands[] = {world_transfer(2, 2500), world_refund(2, 2500)};
    for (size_t i = 0; i < ARRAY_LEN(commands) * ARRAY_LEN(rows); i++) {
        struct world world = world_paid();
        world_say(&world, &commands[i % ARRAY_LEN(commands)]);
        struct payments_fact fact = world_moved("xx_1", rows[i / ARRAY_LEN(commands)].moved_minor);
        fact.currency = str_of(rows[i / ARRAY_LEN(commands)].currency);
        struct payments_decision out = world_tell(&world, world_id(2), &fact);
        if (rows[i / ARRAY_LEN(commands)].fits) {
            assert_int_equal(out.verdict, PAYMENTS_CHANGED);
            out = world_tell(&world, world_id(2), &fact);
            assert_int_equal(out.verdict, PAYMENTS_NOTHING);
            fact.currency = STR("JPY");
            out = world_tell(&world, world_id(2), &fact);
        }
        assert_broken(&out, "payments.other_amount");
    }
}

static void nothing_goes_out_before_money_came_in(void **state)
{
    (void)state;
    struct world nobody = {0};
    struct payments_command commands[] = {world_transfer(2, 1), world_refund(3, 1)};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct payments_decision out = world_say(&nobody, &commands[i]);
        assert_broken(&out, "payments.no_paid_leg");
        struct world open = {0};
        struct payments_command command = world_create(5000);
        world_say(&open, &command);
        world_tell(&open, WORLD_PAY_LEG, &world_fact_made);
        out = world_say(&open, &commands[i]);
        assert_broken(&out, "payments.no_paid_leg");
    }
    struct world world = world_paid();
    struct payments_command command = world_transfer(2, 100);
    world_say(&world, &command);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        command = commands[i];
        command.leg_id = world_id(4);
        command.paid_leg_id = world_id(2); /* money that went out is not money that came in */
        struct payments_decision out = world_say(&world, &command);
        assert_broken(&out, "payments.no_paid_leg");
        command.paid_leg_id = world_id(9);
        out = world_say(&world, &command);
        assert_broken(&out, "payments.no_paid_leg");
    }
}

static void never_more_out_than_in(void **state)
{
    (void)state;

    static const struct {
        int64_t transfer_minor, refund_minor;
        bool fits;
    } rows[] = {{4999, 1, true}, {4999, 2, false}, {5000, 1, false},
                {1, 4998, true}, {1, 4999, true},  {1, 5000, false}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world world = world_paid();
        struct payments_command command = world_transfer(2, rows[i].transfer_minor);
        assert_int_equal(world_say(&world, &command).verdict, PAYMENTS_CHANGED);
        command = world_refund(3, rows[i].refund_minor);
        assert_int_equal(world_say(&world, &command).verdict,
                         rows[i].fits ? PAYMENTS_CHANGED : PAYMENTS_BROKEN);
    }
    for (int64_t amount = 4999; amount <= 5001; amount++) {
        struct world world = world_paid();
        struct payments_command command = world_transfer(2, amount);
        assert_int_equal(world_say(&world, &command).verdict,
                         amount <= 5000 ? PAYMENTS_CHANGED : PAYMENTS_BROKEN);
    }
}

/* The first intent was paid after the provider had called it canceled, the second regularly: the
 * escrow holds the second for the seller and has put the first aside for the buyer. */
static void a_transfer_takes_the_leg_that_it_names_and_no_other(void **state)
{
    (void)state;
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_canceled);
    command.leg_id = world_id(5);
    world_say(&world, &command);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_paid);
    struct payments_fact second = world_fact_paid;
    second.provider_ref = STR("pi_2");
    second.charge_ref = STR("ch_2");
    second.amount_minor = 6000;
    world_tell(&world, world_id(5), &second);

    command = world_transfer(6, 5001); /* the second has enough, and is not named */
    struct payments_decision out = world_say(&world, &command);
    assert_broken(&out, "payments.overdrawn");
    command = world_transfer(6, 5000); /* the first has enough too, and is not named */
    command.paid_leg_id = world_id(5);
    out = world_say(&world, &command);
    assert_int_equal(out.verdict, PAYMENTS_CHANGED);
    assert_true(str_eq(out.effects[0].charge_ref, STR("ch_2")));
    assert_true(id_eq(out.leg.paid_leg_id, world_id(5)));
    command.leg_id = world_id(7);
    command.amount_minor = 1001;
    out = world_say(&world, &command);
    assert_broken(&out, "payments.overdrawn");
    command = world_refund(8, 5000); /* what was put aside is all there */
    out = world_say(&world, &command);
    assert_int_equal(out.verdict, PAYMENTS_CHANGED);
    assert_true(str_eq(out.effects[0].intent_ref, STR("pi_1")));
}

static void a_failed_transfer_frees_its_money(void **state)
{
    (void)state;
    struct world world = world_paid();
    struct payments_command command = world_transfer(2, 5000);
    world_say(&world, &command);
    struct payments_fact fact = {.kind = PAYMENTS_FACT_FAILED, .failure_code = STR("no_account")};
    world_tell(&world, world_id(2), &fact);
    assert_int_equal(world.events[2].kind, PAYMENTS_TRANSFER_FAILED);
    assert_true(str_eq(world.events[2].code, STR("no_account")));
    assert_true(str_eq(world.legs[1].failure_code, STR("no_account")));
    command = world_transfer(4, 5000);
    assert_int_equal(world_say(&world, &command).verdict, PAYMENTS_CHANGED);
}

static void a_decline_is_told_once_for_each_charge(void **state)
{
    (void)state;
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
    struct payments_fact first = world_declined("ch_1");
    struct payments_fact second = world_declined("ch_2");
    world_tell(&world, WORLD_PAY_LEG, &first);
    world_tell(&world, WORLD_PAY_LEG, &first);
    assert_int_equal(world_events(&world, PAYMENTS_PAYMENT_FAILED), 1);
    assert_true(world.events[1].charge_declined);
    world_tell(&world, WORLD_PAY_LEG, &second);
    assert_int_equal(world_events(&world, PAYMENTS_PAYMENT_FAILED), 2);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_paid);
    world_tell(&world, WORLD_PAY_LEG, &second);
    assert_int_equal(world_events(&world, PAYMENTS_PAYMENT_FAILED), 2);
    assert_int_equal(world.legs[0].failure_code.len, 0);
    assert_true(str_eq(world.legs[0].charge_ref, STR("ch_9")));
}

/* What a person drops is told to the escrow, which may then ask anew. */
static void a_dropped_command_is_told_as_failed(void **state)
{
    (void)state;
    struct world world = world_paid();
    const void *legs[] = {&world.legs[0]};
    struct payments_view view = {.payment = &world.payment, .legs = legs, .leg_count = 1};
    struct payments_view nobody = {0};
    struct payments_command refund = world_refund(3, 6000);
    struct payments_command transfer = world_transfer(2, 6000);
    struct payments_command create = world_create(5000);
    struct payments_command stop = world_cancel();

    struct payments_decision out = payments_decide_dropped(&view, &refund, WORLD_NOW_US);
    assert_int_equal(out.events[0].kind, PAYMENTS_REFUND_FAILED);
    assert_int_equal(out.events[0].seq, world.payment.seq + 1);
    assert_true(id_eq(out.events[0].leg_id, world_id(3)));
    assert_true(str_eq(out.events[0].code, STR("payments_dropped")));
    assert_false(out.leg_new || out.leg_changed);
    out = payments_decide_dropped(&nobody, &transfer, WORLD_NOW_US);
    assert_int_equal(out.events[0].kind, PAYMENTS_TRANSFER_FAILED);
    assert_true(out.payment_new);
    out = payments_decide_dropped(&nobody, &create, WORLD_NOW_US);
    assert_int_equal(out.events[0].kind, PAYMENTS_PAYMENT_FAILED);
    assert_int_equal(out.events[0].seq, 1);
    assert_int_equal(payments_decide_dropped(&view, &create, WORLD_NOW_US).verdict,
                     PAYMENTS_NOTHING);
    assert_int_equal(payments_decide_dropped(&view, &stop, WORLD_NOW_US).verdict, PAYMENTS_NOTHING);
}

/* No rail takes it: the deal hears so in words that stay the same, and nothing begins. */
static void what_no_rail_takes_is_refused(void **state)
{
    (void)state;
    struct world world = {0};
    struct payments_command command = world_create(1000001);
    command.rail = LEG_RAIL_NONE;
    struct payments_decision out = world_say(&world, &command);
    assert_int_equal(out.verdict, PAYMENTS_CHANGED);
    assert_int_equal(out.effect_count, 0);
    assert_int_equal(world.leg_count, 0);
    assert_int_equal(out.event_count, 1);
    assert_int_equal(out.events[0].kind, PAYMENTS_PAYMENT_FAILED);
    assert_true(str_eq(out.events[0].code, STR("no_rail")));
    assert_true(id_eq(out.events[0].leg_id, command.leg_id));
    assert_false(out.events[0].charge_declined);
    /* Asked anew for less, it is taken; and what goes out goes by the rail that it came in by. */
    command = world_create(5000);
    (void)world_say(&world, &command);
    assert_int_equal(world.legs[0].rail, LEG_RAIL_STRIPE);
    (void)world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
    (void)world_tell(&world, WORLD_PAY_LEG, &world_fact_paid);
    command = world_transfer(2, 1000);
    assert_int_equal(command.rail, LEG_RAIL_NONE);
    (void)world_say(&world, &command);
    assert_int_equal(world.legs[1].rail, LEG_RAIL_STRIPE);
    assert_int_equal(world.effects[world.effect_count - 1].rail, LEG_RAIL_STRIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_rail_takes_is_refused),
        cmocka_unit_test(a_payment_goes_its_way),
        cmocka_unit_test(a_repeated_command_is_nothing_and_a_changed_one_is_broken),
        cmocka_unit_test(a_second_intent_is_broken_and_a_new_one_after_a_failure_is_not),
        cmocka_unit_test(after_a_wrong_amount_the_right_one_may_be_asked_for),
        cmocka_unit_test(a_webhook_before_our_answer_waits_for_the_secret),
        cmocka_unit_test(money_before_our_answer_announces_the_intent_first),
        cmocka_unit_test(money_that_arrives_after_all_is_not_refused),
        cmocka_unit_test(credited_is_what_was_received),
        cmocka_unit_test(an_object_of_another_kind_is_refused),
        cmocka_unit_test(facts_that_cannot_be_true_stop_the_key),
        cmocka_unit_test(what_went_out_is_what_was_asked_for),
        cmocka_unit_test(nothing_goes_out_before_money_came_in),
        cmocka_unit_test(never_more_out_than_in),
        cmocka_unit_test(a_transfer_takes_the_leg_that_it_names_and_no_other),
        cmocka_unit_test(a_failed_transfer_frees_its_money),
        cmocka_unit_test(a_decline_is_told_once_for_each_charge),
        cmocka_unit_test(a_dropped_command_is_told_as_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
