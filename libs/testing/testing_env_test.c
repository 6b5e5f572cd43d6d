#include "testing/testing_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define NAME "HOLDFAST_TESTING_ENV_TEST"

static void set(const char *value)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    assert_int_equal(value ? setenv(NAME, value, 1 /* overwrite */) : unsetenv(NAME), 0);
}

static void test_text(void **state)
{
    (void)state;
    set(NULL);
    assert_int_equal(testing_env(NAME).len, 0);
    set("a b");
    assert_true(str_eq(testing_env(NAME), STR("a b")));
}

static void test_integers(void **state)
{
    (void)state;
    set(NULL);
    assert_int_equal(testing_env_i64(NAME, 7), 7);
    set("");
    assert_int_equal(testing_env_i64(NAME, 7), 7);
    set("-12");
    assert_int_equal(testing_env_i64(NAME, 7), -12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text),
                                       cmocka_unit_test(test_integers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
