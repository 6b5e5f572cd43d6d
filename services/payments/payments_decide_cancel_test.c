/* When a payment that is not wanted any more is called off, and when not. */
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

/* Whatever a webhook told before: a fact that tells nothing new has no fixed place among the commands. */
static void a_cancellation_waits_for_the_answer_to_the_creation(void **state)
{
    (void)state;
    for (int told_first = 0; told_first <= 1; told_first++) {
        struct world world = {0};
        struct payments_command command = world_create(5000);
        world_say(&world, &command);
        struct payments_command stop = world_cancel();
        if (told_first) {
            world_tell(&world, WORLD_PAY_LEG, &world_fact_exists);
        }
        world_say(&world, &stop);
        world_tell(&world, WORLD_PAY_LEG, &world_fact_exists);
        assert_int_equal(world_effects(&world, PAYMENTS_EFFECT_CANCEL_INTENT), 0);
        world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
        assert_int_equal(world_effects(&world, PAYMENTS_EFFECT_CANCEL_INTENT), 1);
        assert_true(str_eq(world.effects[1].intent_ref, STR("pi_1")));
        world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
        world_tell(&world, WORLD_PAY_LEG, &world_fact_exists);
        world_say(&world, &stop);
        assert_int_equal(world_effects(&world, PAYMENTS_EFFECT_CANCEL_INTENT), 1);
        world_tell(&world, WORLD_PAY_LEG, &world_fact_canceled);
        world_tell(&world, WORLD_PAY_LEG, &world_fact_canceled);
        assert_int_equal(world_events(&world, PAYMENTS_PAYMENT_CANCELED), 1);
    }
}

static void a_cancellation_asks_at_once_when_the_creation_is_answered(void **state)
{
    (void)state;
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
    struct payments_command stop = world_cancel();
    world_say(&world, &stop);
    world_say(&world, &stop);
    assert_int_equal(world_effects(&world, PAYMENTS_EFFECT_CANCEL_INTENT), 1);
    /* A charge was in flight, so the provider refused; it failed, so the way is free again. */
    struct payments_fact fact = world_declined("ch_1");
    world_tell(&world, WORLD_PAY_LEG, &fact);
    world_tell(&world, WORLD_PAY_LEG, &fact);
    assert_int_equal(world_effects(&world, PAYMENTS_EFFECT_CANCEL_INTENT), 2);
}

static void canceling_what_is_over_is_nothing(void **state)
{
    (void)state;
    struct payments_command stop = world_cancel();
    struct world nobody = {0};
    struct payments_decision out = world_say(&nobody, &stop);
    assert_broken(&out, "payments.no_payment");

    struct world world = world_paid();
    out = world_say(&world, &stop);
    assert_int_equal(out.verdict, PAYMENTS_NOTHING);

    struct world failed = {0};
    struct payments_command command = world_create(5000);
    world_say(&failed, &command);
    world_tell(&failed, WORLD_PAY_LEG, &world_fact_setup_failed);
    (void)world_say(&failed, &stop); /* kept in mind: it may turn out to be there */
    assert_int_equal(world_effects(&failed, PAYMENTS_EFFECT_CANCEL_INTENT), 0);
}

static void no_intent_is_made_after_a_cancellation(void **state)
{
    (void)state;
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    struct payments_command stop = world_cancel();
    world_say(&world, &stop);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_setup_failed);
    command.leg_id = world_id(8);
    struct payments_decision out = world_say(&world, &command);
    assert_broken(&out, "payments.intent_after_cancel");
}

/* The provider made it and said for too long that it had failed: nobody is to pay for it, whichever is known last. */
static void an_intent_that_was_given_up_is_canceled_too(void **state)
{
    (void)state;
    const struct payments_fact *orders[][2] = {{&world_fact_exists, &world_fact_setup_failed},
                                               {&world_fact_setup_failed, &world_fact_exists}};
    for (size_t i = 0; i < 2 * ARRAY_LEN(orders); i++) {
        bool late = i >= ARRAY_LEN(orders); /* it is called off in between */
        struct world world = {0};
        struct payments_command command = world_create(5000);
        world_say(&world, &command);
        struct payments_command stop = world_cancel();
        if (!late) {
            world_say(&world, &stop);
        }
        world_tell(&world, WORLD_PAY_LEG, orders[i % 2][0]);
        if (late) {
            world_say(&world, &stop);
        }
        assert_int_equal(world_effects(&world, PAYMENTS_EFFECT_CANCEL_INTENT), 0);
        world_tell(&world, WORLD_PAY_LEG, orders[i % 2][1]);
        world_tell(&world, WORLD_PAY_LEG, orders[i % 2][1]);
        assert_int_equal(world_effects(&world, PAYMENTS_EFFECT_CANCEL_INTENT), 1);
        world_tell(&world, WORLD_PAY_LEG, &world_fact_canceled);
        assert_int_equal(world.legs[0].state, LEG_FAILED);
        assert_int_equal(world_events(&world, PAYMENTS_PAYMENT_FAILED), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancellation_waits_for_the_answer_to_the_creation),
        cmocka_unit_test(a_cancellation_asks_at_once_when_the_creation_is_answered),
        cmocka_unit_test(canceling_what_is_over_is_nothing),
        cmocka_unit_test(no_intent_is_made_after_a_cancellation),
        cmocka_unit_test(an_intent_that_was_given_up_is_canceled_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
