/* The order in which webhooks leave, and what tests may do to it; and the fault list. */
#include "sandbox/sandbox_outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "sandbox/sandbox_fault.h"

static void add(struct sandbox_outbox *outbox, struct arena *arena, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++) {
        assert_true(sandbox_outbox_add(outbox, arena, i));
    }
}

/* Takes all that is queued and compares. */
static void expect(struct sandbox_outbox *outbox, const uint32_t *wanted, size_t count)
{
    uint32_t event = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t queued = sandbox_outbox_queued(outbox);
        assert_true(sandbox_outbox_take(outbox, &event));
        assert_int_equal(event, wanted[i]);
        assert_int_equal(sandbox_outbox_queued(outbox), queued); /* in hand is not delivered */
        sandbox_outbox_delivered(outbox);
        assert_int_equal(sandbox_outbox_queued(outbox), queued - 1);
    }
    assert_false(sandbox_outbox_take(outbox, &event));
}

#define EXPECT(outbox, ...) \
    expect((outbox), (const uint32_t[]){__VA_ARGS__}, ARRAY_LEN(((const uint32_t[]){__VA_ARGS__})))

static void order_and_faults(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct sandbox_outbox outbox = {.withhold = false};
    add(&outbox, &arena, 1, 3);
    assert_int_equal(sandbox_outbox_queued(&outbox), 3);
    EXPECT(&outbox, 1, 2, 3);

    outbox.duplicate_count = 2;
    add(&outbox, &arena, 4, 6);
    EXPECT(&outbox, 4, 4, 5, 5, 6);

    outbox.reorder_count = 3;
    add(&outbox, &arena, 7, 8);
    assert_int_equal(sandbox_outbox_queued(&outbox), 0);
    assert_int_equal(sandbox_outbox_held(&outbox), 2);
    add(&outbox, &arena, 9, 10);
    EXPECT(&outbox, 9, 8, 7, 10);

    outbox.withhold = true;
    add(&outbox, &arena, 11, 12);
    assert_int_equal(sandbox_outbox_held(&outbox), 2);
    assert_true(sandbox_outbox_release(&outbox, &arena));
    add(&outbox, &arena, 13, 13);
    EXPECT(&outbox, 11, 12, 13);

    outbox.reorder_count = 5;
    add(&outbox, &arena, 14, 15);
    assert_true(sandbox_outbox_release(&outbox, &arena)); /* a reversal that never filled up */
    add(&outbox, &arena, 16, 16);
    EXPECT(&outbox, 15, 14, 16);
}

static void faults_are_used_up(void **state)
{
    (void)state;
    static struct sandbox_faults faults;
    struct sandbox_fault fault = {.mode = SANDBOX_FAULT_STATUS,
                                  .when = SANDBOX_FAULT_AFTER,
                                  .method = STR("POST"),
                                  .path = STR("/v1/tr"),
                                  .count = 2};
    assert_true(sandbox_faults_add(&faults, &fault));
    assert_int_equal(sandbox_faults_take(&faults, STR("GET"), STR("/v1/transfers")).mode,
                     SANDBOX_FAULT_NONE);
    assert_int_equal(sandbox_faults_take(&faults, STR("POST"), STR("/v1/refunds")).mode,
                     SANDBOX_FAULT_NONE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sandbox_faults_take(&faults, STR("POST"), STR("/v1/transfers")).mode,
                         SANDBOX_FAULT_STATUS);
    }
    assert_int_equal(sandbox_faults_take(&faults, STR("POST"), STR("/v1/transfers")).mode,
                     SANDBOX_FAULT_NONE);
    for (uint32_t i = 0; i < SANDBOX_FAULTS_MAX; i++) {
        assert_true(sandbox_faults_add(&faults, &fault)); /* used-up rows are used again */
    }
    assert_false(sandbox_faults_add(&faults, &fault));
    assert_int_equal(sandbox_fault_mode_parse(STR("drop_answer")), SANDBOX_FAULT_DROP_ANSWER);
    assert_int_equal(sandbox_fault_mode_parse(STR("drop")), SANDBOX_FAULT_NONE);
    assert_int_equal(sandbox_fault_when_parse(STR("before")), SANDBOX_FAULT_BEFORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_faults),
        cmocka_unit_test(faults_are_used_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
