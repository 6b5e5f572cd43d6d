/* Every answer is of one class, and each class has its series. */
#include "payments/payments_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/defer.h"

static void every_answer_has_its_class(void **state)
{
    (void)state;

    static const struct {
        enum httpc_outcome outcome;
        int32_t status;
        enum payments_watch_class class;
    } rows[] = {
        {HTTPC_NOT_SENT, 0, PAYMENTS_WATCH_NOT_SENT},
        {HTTPC_UNKNOWN, 0, PAYMENTS_WATCH_NO_ANSWER},
        {HTTPC_ANSWERED, 199, PAYMENTS_WATCH_ERROR},
        {HTTPC_ANSWERED, 200, PAYMENTS_WATCH_DONE},
        {HTTPC_ANSWERED, 299, PAYMENTS_WATCH_DONE},
        {HTTPC_ANSWERED, 300, PAYMENTS_WATCH_ERROR},
        {HTTPC_ANSWERED, 399, PAYMENTS_WATCH_ERROR},
        {HTTPC_ANSWERED, 400, PAYMENTS_WATCH_REFUSED},
        {HTTPC_ANSWERED, 402, PAYMENTS_WATCH_REFUSED},
        {HTTPC_ANSWERED, 429, PAYMENTS_WATCH_LIMITED},
        {HTTPC_ANSWERED, 499, PAYMENTS_WATCH_REFUSED},
        {HTTPC_ANSWERED, 500, PAYMENTS_WATCH_ERROR},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct httpc_answer answer = {.outcome = rows[i].outcome, .status = rows[i].status};
        assert_int_equal(payments_watch_class_of(&answer), rows[i].class);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_has_its_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
