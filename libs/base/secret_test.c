/* A secret is bounded, compared whole, and gone afterwards. */
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

static void its_length_is_bounded(void **state)
{
    (void)state;
    char text[SECRET_MAX_BYTES + 1];
    memset(text, 'x', sizeof(text));
    struct secret secret;
    assert_true(secret_set(&secret, (struct str){.ptr = text, .len = SECRET_MAX_BYTES}));
    assert_int_equal(secret.len, SECRET_MAX_BYTES);
    assert_false(secret_set(&secret, (struct str){.ptr = text, .len = SECRET_MAX_BYTES + 1}));
    assert_int_equal(secret.len, 0);
    assert_int_equal(secret.bytes[0], '\0');
    assert_true(secret_set(&secret, (struct str){.ptr = NULL, .len = 0}));
    assert_true(secret_eq(&secret, STR("")));
}

static void it_is_compared_whole(void **state)
{
    (void)state;
    DEFER(secret_fini) struct secret secret;
    assert_true(secret_set(&secret, STR("whsec_abc")));
    assert_true(secret_eq(&secret, STR("whsec_abc")));
    assert_false(secret_eq(&secret, STR("whsec_abd")));
    assert_false(secret_eq(&secret, STR("Whsec_abc")));
    assert_false(secret_eq(&secret, STR("whsec_ab")));
    assert_false(secret_eq(&secret, STR("whsec_abcd")));
    assert_false(secret_eq(&secret, STR("")));
    assert_true(str_eq(secret_reveal(&secret), STR("whsec_abc")));
}

static void it_is_wiped(void **state)
{
    (void)state;
    struct secret secret;
    assert_true(secret_set(&secret, STR("canary")));
    secret_fini(&secret);
    static const struct secret empty;
    assert_memory_equal(&secret, &empty, sizeof(secret));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_length_is_bounded),
        cmocka_unit_test(it_is_compared_whole),
        cmocka_unit_test(it_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
