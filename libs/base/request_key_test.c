/* A key is fixed for ever by its secret and its token: clients hold it. */
#include "base/request_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct hash key_of(const char *secret_text, const char *token)
{
    struct secret secret;
    assert_true(secret_set(&secret, str_of(secret_text)));
    return request_key(&secret, str_of(token));
}

#define SECRET "0123456789abcdef0123456789abcdef"

static void the_key_stays_what_it_was(void **state)
{
    (void)state;
    struct hash key = key_of(SECRET, "hf_test_1");
    struct hash wanted;
    assert_true(
        str_from_hex(STR("454c3940c5d9dabf450ea9c2e1daabb9ca9ca263fcd034a8adca6a451a87e761"),
                     wanted.bytes, HASH_BYTES));
    assert_true(hash_eq(&key, &wanted));
}

static void each_token_and_each_secret_has_its_own(void **state)
{
    (void)state;
    struct hash key = key_of(SECRET, "hf_test_1");
    struct hash other_token = key_of(SECRET, "hf_test_2");
    struct hash other_secret = key_of(SECRET "0", "hf_test_1");
    assert_false(hash_eq(&key, &other_token));
    assert_false(hash_eq(&key, &other_secret));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_stays_what_it_was),
        cmocka_unit_test(each_token_and_each_secret_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
