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

/* ---- The table as text ---- */

static const char *const kind_names[LEG_KIND_COUNT] = {
    [LEG_KIND_NONE] = "",
    [LEG_IN] = "in",
    [LEG_TRANSFER] = "transfer",
    [LEG_REFUND] = "refund",
};

static const char *const state_names[LEG_STATE_COUNT] = {
    [LEG_STATE_NONE] = "stays", [LEG_ASKED] = "asked",   [LEG_OPEN] = "open",
    [LEG_DONE] = "done",        [LEG_FAILED] = "failed", [LEG_CANCELED] = "canceled",
};

static const char *const fact_names[PAYMENTS_FACT_COUNT] = {
    [PAYMENTS_FACT_NONE] = "",
    [PAYMENTS_FACT_EXISTS] = "exists",
    [PAYMENTS_FACT_MADE] = "made",
    [PAYMENTS_FACT_DECLINED] = "declined",
    [PAYMENTS_FACT_SUCCEEDED] = "succeeded",
    [PAYMENTS_FACT_CANCELED] = "canceled",
    [PAYMENTS_FACT_FAILED] = "failed",
};

static const char *const event_names[PAYMENTS_EVENT_COUNT] = {
    [PAYMENTS_EVENT_NONE] = "-",
    [PAYMENTS_PAYMENT_INTENT_CREATED] = "PaymentIntentCreated",
    [PAYMENTS_PAYMENT_SUCCEEDED] = "PaymentSucceeded",
    [PAYMENTS_PAYMENT_FAILED] = "PaymentFailed",
    [PAYMENTS_PAYMENT_CANCELED] = "PaymentCanceled",
    [PAYMENTS_TRANSFER_SUCCEEDED] = "TransferSucceeded",
    [PAYMENTS_TRANSFER_FAILED] = "TransferFailed",
    [PAYMENTS_REFUND_SUCCEEDED] = "RefundSucceeded",
    [PAYMENTS_REFUND_FAILED] = "RefundFailed",
};

/* One line for each (kind, state, fact). */
static void print_moves(struct strbuf *buf)
{
    for (int kind = LEG_IN; kind < LEG_KIND_COUNT; kind++) {
        for (int state = LEG_ASKED; state < LEG_STATE_COUNT; state++) {
            for (int fact = PAYMENTS_FACT_EXISTS; fact < PAYMENTS_FACT_COUNT; fact++) {
                const struct payments_move *move = payments_moves_find(
                    (enum leg_kind)kind, (enum leg_state)state, (enum payments_fact_kind)fact);
                strbuf_addf(buf, "%s %s %s: %s %s%s%s%s\n", kind_names[kind], state_names[state],
                            fact_names[fact], state_names[move->next],
                            move->announces ? "PaymentIntentCreated+" : "",
                            event_names[move->event], move->alarm ? " !" : "",
                            move->alarm ? move->alarm : "");
            }
        }
    }
}

static void the_table_is_the_golden_one(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)256 * 1024);
    struct strbuf buf;
    strbuf_init(&buf, &arena, (size_t)32 * 1024);
    print_moves(&buf);
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
