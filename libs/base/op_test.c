/* How a failure is recorded, cut and blamed. */
#include "base/op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"

static void a_failure_is_recorded_and_cut(void **state)
{
    (void)state;
    struct op op = {.now_us = 0};
    assert_int_equal(op_fail(&op, STATUS_CONFLICT, "a.b", "%s %d", "why", 7).kind, STATUS_CONFLICT);
    assert_string_equal(op.err.code, "a.b");
    assert_string_equal(op.err.msg, "why 7");
    assert_int_equal(op_fail(&op, STATUS_BUG, "a.c", "%1000d", 7).kind, STATUS_BUG);
    assert_int_equal(strlen(op.err.msg), OP_ERR_MSG_MAX_BYTES - 1);
}

static void blame_lasts_until_the_next_failure(void **state)
{
    (void)state;
    struct op op = {.now_us = 0};
    struct status st = op_fail(&op, STATUS_INVALID, "a.b", "x");
    assert_int_equal(op_blame(&op, st, STR("/amount_minor")).kind, STATUS_INVALID);
    assert_string_equal(op.err.field, "/amount_minor");
    st = op_fail(&op, STATUS_INVALID, "a.b", "x");
    assert_string_equal(op.err.field, "");
    char longest[OP_ERR_FIELD_MAX_BYTES];
    memset(longest, 'x', sizeof(longest));
    (void)op_blame(&op, st, (struct str){.ptr = longest, .len = sizeof(longest)}).kind;
    assert_string_equal(op.err.field, "");
    (void)op_blame(&op, st, (struct str){.ptr = longest, .len = sizeof(longest) - 1}).kind;
    assert_int_equal(strlen(op.err.field), OP_ERR_FIELD_MAX_BYTES - 1);
}

static void a_deadline_passes(void **state)
{
    (void)state;
    struct op op = {.deadline_ms = 0};
    assert_int_equal(op_check_deadline(&op).kind, STATUS_OK); /* none */
    op.deadline_ms = clock_mono_ms() + 60000;
    assert_int_equal(op_check_deadline(&op).kind, STATUS_OK);
    op.deadline_ms = clock_mono_ms();
    assert_int_equal(op_check_deadline(&op).kind, STATUS_CANCELED);
    assert_string_equal(op.err.code, "op.deadline");
}

static void kinds_have_distinct_names(void **state)
{
    (void)state;
    for (int i = 0; i < STATUS_KIND_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(status_kind_name((enum status_kind)i),
                                    status_kind_name((enum status_kind)j));
        }
    }
    assert_string_equal(status_kind_name(STATUS_OK), "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_recorded_and_cut),
        cmocka_unit_test(blame_lasts_until_the_next_failure),
        cmocka_unit_test(a_deadline_passes),
        cmocka_unit_test(kinds_have_distinct_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
