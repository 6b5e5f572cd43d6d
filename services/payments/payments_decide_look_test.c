/* When the provider is asked about what nothing is heard of, and what its answer does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "payments/payments_decide_internal.h"
#include "payments/testing/world.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)

static struct payments_view view_of(const struct world *world, const void **legs)
{
    for (uint32_t i = 0; i < world->leg_count; i++) {
        legs[i] = &world->legs[i];
    }
    return (struct payments_view){
        .payment = &world->payment, .legs = legs, .leg_count = world->leg_count};
}

static struct payments_decision look(struct world *world, int64_t now_us)
{
    const void *legs[WORLD_LEGS_MAX];
    struct payments_view view = view_of(world, legs);
    struct payments_decision out = payments_decide_look(&view, now_us);
    world_keep(world, &out);
    return out;
}

static struct payments_decision looked(struct world *world, struct id leg_id, int64_t now_us)
{
    const void *legs[WORLD_LEGS_MAX];
    struct payments_view view = view_of(world, legs);
    struct payments_decision out = payments_decide_looked(&view, leg_id, now_us);
    world_keep(world, &out);
    return out;
}

static struct world world_asked(void)
{
    struct world world = {0};
    struct payments_command create = world_create(5000);
    (void)world_say(&world, &create);
    return world;
}

static struct world world_open(void)
{
    struct world world = world_asked();
    (void)world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
    assert_int_equal(world.legs[0].state, LEG_OPEN);
    return world;
}

/* Nothing is asked before its moment: two minutes after it was asked for. */
static void what_is_unknown_is_looked_at_after_two_minutes(void **state)
{
    (void)state;
    struct world world = world_asked();
    assert_int_equal(world.legs[0].look_at_us, WORLD_NOW_US + 2 * MINUTE_US);
    assert_int_equal(look(&world, WORLD_NOW_US + 2 * MINUTE_US - 1).verdict, PAYMENTS_NOTHING);
    struct payments_decision out = look(&world, WORLD_NOW_US + 2 * MINUTE_US);
    assert_int_equal(out.verdict, PAYMENTS_CHANGED);
    assert_int_equal(out.effect_count, 1);
    assert_int_equal(out.effects[0].kind, PAYMENTS_EFFECT_LOOK_AT_INTENT);
    assert_int_equal(out.effects[0].object_ref.len, 0);
    assert_int_equal(out.event_count, 0);
    /* One question at a time. */
    assert_int_equal(world.legs[0].look_at_us, 0);
    assert_int_equal(look(&world, WORLD_NOW_US + 60 * MINUTE_US).verdict, PAYMENTS_NOTHING);
}

/* Half a minute while it is new, ten minutes from a quarter of an hour on. */
static void what_is_open_is_looked_at_less_often_when_it_is_old(void **state)
{
    (void)state;

    static const struct {
        int64_t age_us;
        int64_t wait_us;
    } rows[] = {
        {0, 30 * SECOND_US},
        {15 * MINUTE_US - 1, 30 * SECOND_US},
        {15 * MINUTE_US, 10 * MINUTE_US},
        {72 * 60 * MINUTE_US, 10 * MINUTE_US},
    };

    struct world world = world_open();
    assert_int_equal(world.legs[0].look_at_us, WORLD_NOW_US + 30 * SECOND_US);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t now_us = WORLD_NOW_US + rows[i].age_us;
        assert_int_equal(payments_decide_next_look(&world.legs[0], now_us),
                         now_us + rows[i].wait_us);
    }
    struct leg asked = world_asked().legs[0];
    int64_t first_us = WORLD_NOW_US + 2 * MINUTE_US;
    assert_int_equal(payments_decide_next_look(&asked, first_us - 1), first_us);
    assert_int_equal(payments_decide_next_look(&asked, first_us), first_us + 30 * SECOND_US);
}

/* An answer that tells nothing new changes nothing but when it is asked again. */
static void no_news_is_asked_for_again(void **state)
{
    (void)state;
    struct world world = world_open();
    int64_t now_us = WORLD_NOW_US + 30 * SECOND_US;
    struct payments_decision asked = look(&world, now_us);
    assert_true(str_eq(asked.effects[0].object_ref, STR("pi_1")));
    struct payments_decision out = looked(&world, WORLD_PAY_LEG, now_us + SECOND_US);
    assert_int_equal(out.verdict, PAYMENTS_CHANGED);
    assert_int_equal(out.event_count, 0);
    assert_int_equal(world.legs[0].state, LEG_OPEN);
    assert_int_equal(world.legs[0].look_at_us, now_us + 31 * SECOND_US);
    /* The same once more: it is waited for already. */
    assert_int_equal(looked(&world, WORLD_PAY_LEG, now_us + 2 * SECOND_US).verdict,
                     PAYMENTS_NOTHING);
}

/* What was told before the answer came is not asked for again. */
static void what_is_settled_is_left_alone(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        struct world world = world_open();
        if (asked) {
            (void)look(&world, WORLD_NOW_US + 30 * SECOND_US);
        }
        (void)world_tell(&world, WORLD_PAY_LEG, &world_fact_paid);
        assert_int_equal(world.legs[0].look_at_us, 0);
        assert_int_equal(looked(&world, WORLD_PAY_LEG, WORLD_NOW_US + MINUTE_US).verdict,
                         PAYMENTS_NOTHING);
        assert_int_equal(look(&world, WORLD_NOW_US + 72 * 60 * MINUTE_US).verdict,
                         PAYMENTS_NOTHING);
    }
}

/* What is asked for is found by its payment until the provider has named it. */
static void money_out_is_looked_at_too(void **state)
{
    (void)state;
    struct world world = world_paid();
    struct payments_command transfer = world_transfer(2, 2000);
    struct payments_command refund = world_refund(3, 3000);
    (void)world_say(&world, &transfer);
    (void)world_say(&world, &refund);
    int64_t now_us = WORLD_NOW_US + 2 * MINUTE_US;
    struct payments_decision first = look(&world, now_us);
    struct payments_decision second = look(&world, now_us);
    assert_int_equal(look(&world, now_us).verdict, PAYMENTS_NOTHING);
    assert_int_equal(first.effects[0].kind, PAYMENTS_EFFECT_LOOK_AT_TRANSFER);
    assert_int_equal(second.effects[0].kind, PAYMENTS_EFFECT_LOOK_AT_REFUND);
    assert_true(str_eq(second.effects[0].intent_ref, STR("pi_1")));
    assert_int_equal(looked(&world, world_id(9), now_us).verdict, PAYMENTS_BROKEN);
}

/* After an outage all are due at once: each waits for a moment of its own. */
static void what_is_late_is_spread(void **state)
{
    (void)state;
    int64_t due_us = WORLD_NOW_US + 30 * SECOND_US;
    struct world world = world_open();
    assert_int_equal(look(&world, due_us + MINUTE_US).effect_count, 1);

    world = world_open();
    int64_t now_us = due_us + MINUTE_US + 1;
    struct payments_decision out = look(&world, now_us);
    assert_int_equal(out.verdict, PAYMENTS_CHANGED);
    assert_int_equal(out.effect_count, 0);
    assert_in_range(world.legs[0].look_at_us, now_us + 1, now_us + 30 * SECOND_US);

    int64_t tenths[10] = {0};
    now_us = due_us + 60 * MINUTE_US;
    for (int i = 0; i < 1000; i++) {
        world = world_open();
        world.legs[0].id = id_random();
        (void)look(&world, now_us);
        int64_t wait_us = world.legs[0].look_at_us - now_us;
        assert_in_range(wait_us, 1, 10 * MINUTE_US);
        tenths[(wait_us - 1) / MINUTE_US]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(tenths[i], 50, 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_unknown_is_looked_at_after_two_minutes),
        cmocka_unit_test(what_is_open_is_looked_at_less_often_when_it_is_old),
        cmocka_unit_test(no_news_is_asked_for_again),
        cmocka_unit_test(what_is_settled_is_left_alone),
        cmocka_unit_test(money_out_is_looked_at_too),
        cmocka_unit_test(what_is_late_is_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
