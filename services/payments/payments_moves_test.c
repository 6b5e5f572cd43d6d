/* The table against its golden copy, and what it says of refunds. */
#include "payments/payments_moves.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/defer.h"
#include "payments/testing/world.h"

static void a_refund_may_be_pending_and_may_be_taken_back(void **state)
{
    (void)state;
    struct world world = world_paid();
    struct payments_command command = world_refund(3, 5000);
    world_say(&world, &command);
    assert_true(str_eq(world.effects[1].intent_ref, STR("pi_1")));
    struct payments_fact pending = {.kind = PAYMENTS_FACT_MADE, .provider_ref = STR("re_1")};
    world_tell(&world, world_id(3), &pending);
    assert_int_equal(world.legs[1].state, LEG_OPEN);
    assert_int_equal(world.event_count, 2);
    struct payments_fact fact = world_moved("re_1", 5000);
    world_tell(&world, world_id(3), &fact);
    world_tell(&world, world_id(3), &fact);
    assert_int_equal(world_events(&world, PAYMENTS_REFUND_SUCCEEDED), 1);
    struct payments_fact failed = {.kind = PAYMENTS_FACT_FAILED, .failure_code = STR("declined")};
    struct payments_decision out = world_tell(&world, world_id(3), &failed);
    assert_int_equal(out.verdict, PAYMENTS_CHANGED);
    assert_non_null(out.alarm);
    assert_string_equal(out.alarm, "payments.refund_taken_back");
    assert_int_equal(world.legs[1].state, LEG_FAILED);
    assert_int_equal(world.events[3].kind, PAYMENTS_REFUND_FAILED);
    assert_true(str_eq(world.events[3].code, STR("declined")));
    assert_int_equal(world_tell(&world, world_id(3), &failed).verdict, PAYMENTS_NOTHING);
    command = world_refund(4, 5000); /* its money is there again */
    assert_int_equal(world_say(&world, &command).verdict, PAYMENTS_CHANGED);
    command = world_refund(5, 1);
    out = world_say(&world, &command);
    assert_int_equal(out.verdict, PAYMENTS_BROKEN);
}

/* The escrow may have sent a failed refund again: that the first one lives after all is for a person. */
static void a_failed_refund_that_lives_alarms_and_stays_failed(void **state)
{
    (void)state;
    struct payments_fact lives[] = {
        {.kind = PAYMENTS_FACT_EXISTS, .provider_ref = STR("re_1")},
        {.kind = PAYMENTS_FACT_MADE, .provider_ref = STR("re_1")},
        world_moved("re_1", 5000),
    };
    struct payments_fact dead[] = {
        {.kind = PAYMENTS_FACT_FAILED, .failure_code = STR("declined")},
        {.kind = PAYMENTS_FACT_CANCELED, .provider_ref = STR("re_1")},
    };
    struct world world = world_paid();
    struct payments_command command = world_refund(3, 5000);
    world_say(&world, &command);
    world_tell(&world, world_id(3), &dead[0]);
    for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
        struct payments_decision out = world_tell(&world, world_id(3), &lives[i]);
        assert_non_null(out.alarm);
        assert_string_equal(out.alarm, "payments.contradiction");
        assert_int_equal(world.legs[1].state, LEG_FAILED);
    }
    assert_true(str_eq(world.legs[1].provider_ref, STR("re_1"))); /* for whoever looks */
    for (size_t i = 0; i < ARRAY_LEN(dead); i++) {
        assert_null(world_tell(&world, world_id(3), &dead[i]).alarm);
    }
    assert_int_equal(world_events(&world, PAYMENTS_REFUND_FAILED), 1);
    assert_int_equal(world_events(&world, PAYMENTS_REFUND_SUCCEEDED), 0);
}

static void the_table_is_the_golden_one(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)256 * 1024);
    struct strbuf buf;
    strbuf_init(&buf, &arena, (size_t)32 * 1024);
    payments_moves_print(&buf);
    struct str text;
    assert_true(strbuf_finish(&buf, &text));

    FILE *file = fopen(PAYMENTS_GOLDEN_TABLE, "r");
    assert_non_null(file);
    char *golden = arena_alloc(&arena, (size_t)32 * 1024, 1);
    assert_non_null(golden);
    size_t len = fread(golden, 1, (size_t)32 * 1024, file);
    assert_int_equal(fclose(file), 0);
    if (!str_eq(text, (struct str){.ptr = golden, .len = len})) {
        (void)fputs(text.ptr, stderr); /* what to copy when the change is meant */
        fail_msg("the table differs from %s", PAYMENTS_GOLDEN_TABLE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refund_may_be_pending_and_may_be_taken_back),
        cmocka_unit_test(a_failed_refund_that_lives_alarms_and_stays_failed),
        cmocka_unit_test(the_table_is_the_golden_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
