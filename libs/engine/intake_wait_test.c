/* Time is told by the test. */
#include "engine/intake_wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void follows_the_oldest_of_all_lanes(void **state)
{
    (void)state;
    struct intake_wait wait = {.stuck_since_ms = 0};
    assert_int_equal(intake_wait_since_ms(&wait), 0);
    intake_wait_produced(&wait, 3, 10000);
    intake_wait_produced(&wait, 3, 10999); /* the same mark */
    intake_wait_produced(&wait, 3, 12000);
    intake_wait_produced(&wait, 7, 11000);
    assert_int_equal(intake_wait_since_ms(&wait), 10000);
    intake_wait_acknowledged(&wait, 3);
    assert_int_equal(intake_wait_since_ms(&wait), 10000);
    intake_wait_acknowledged(&wait, 3);
    assert_int_equal(intake_wait_since_ms(&wait), 11000);
    intake_wait_acknowledged(&wait, 7);
    assert_int_equal(intake_wait_since_ms(&wait), 12000);
    intake_wait_acknowledged(&wait, 3);
    assert_int_equal(intake_wait_since_ms(&wait), 0);
    intake_wait_produced(&wait, 3, 13000);
    assert_int_equal(intake_wait_since_ms(&wait), 13000);
}

/* Under way all the time, acknowledged after two seconds: never older than that and a mark. */
static void is_young_while_kafka_keeps_up(void **state)
{
    (void)state;
    struct intake_wait wait = {.stuck_since_ms = 0};
    for (int64_t now_ms = 1; now_ms < 300000; now_ms += 10) {
        intake_wait_produced(&wait, 0, now_ms);
        if (now_ms > 2000) {
            intake_wait_acknowledged(&wait, 0);
            assert_in_range(now_ms - intake_wait_since_ms(&wait), 1990, 2000 + INTAKE_WAIT_MARK_MS);
        }
    }
}

/* Longer than the marks reach: the rest counts as old as the last mark, and all ends at zero. */
static void has_room_for_a_long_wait(void **state)
{
    (void)state;
    struct intake_wait wait = {.stuck_since_ms = 0};
    int64_t count = 3 * INTAKE_WAIT_MARKS_MAX;
    for (int64_t i = 0; i < count; i++) {
        intake_wait_produced(&wait, 0, 1000 + i * INTAKE_WAIT_MARK_MS);
        assert_int_equal(intake_wait_since_ms(&wait), 1000);
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t mark = i < INTAKE_WAIT_MARKS_MAX ? i : INTAKE_WAIT_MARKS_MAX - 1;
        assert_int_equal(intake_wait_since_ms(&wait), 1000 + mark * INTAKE_WAIT_MARK_MS);
        intake_wait_acknowledged(&wait, 0);
    }
    assert_int_equal(intake_wait_since_ms(&wait), 0);
}

/* A producer that gave up: the next request is a probe, and waits for all; its acknowledgement ends it. */
static void a_probe_waits_for_what_was_dropped(void **state)
{
    (void)state;
    struct intake_wait wait = {.stuck_since_ms = 0};
    intake_wait_produced(&wait, 0, 1000);
    intake_wait_left(&wait, 5000);
    assert_int_equal(intake_wait_since_ms(&wait), 1000);
    intake_wait_dropped(&wait, 90000);
    assert_int_equal(intake_wait_since_ms(&wait), 0);
    intake_wait_produced(&wait, 1, 91000);
    assert_int_equal(intake_wait_since_ms(&wait), 1000);
    intake_wait_produced(&wait, 2, 92000);
    intake_wait_acknowledged(&wait, 1);
    assert_int_equal(intake_wait_since_ms(&wait), 92000);
    intake_wait_acknowledged(&wait, 0); /* late, of the producer before */
    intake_wait_acknowledged(&wait, 2);
    assert_int_equal(intake_wait_since_ms(&wait), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_oldest_of_all_lanes),
        cmocka_unit_test(is_young_while_kafka_keeps_up),
        cmocka_unit_test(has_room_for_a_long_wait),
        cmocka_unit_test(a_probe_waits_for_what_was_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
