/* Keys and signatures as OpenSSL writes them: others check ours with it. */
#include "base/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The seed of RFC 8032, section 7.1, test 1. */
#define SECRET_PEM                                                       \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n" \
    "-----END PRIVATE KEY-----\n"
#define PUBLIC_PEM                                                   \
    "-----BEGIN PUBLIC KEY-----\n"                                   \
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n" \
    "-----END PUBLIC KEY-----\n"

static void from_hex(const char *hex, uint8_t *ret_bytes, size_t len)
{
    assert_true(str_from_hex(str_of(hex), ret_bytes, len));
}

static void what_openssl_says_is_what_we_say(void **state)
{
    (void)state;
    struct sign_secret secret;
    struct sign_public public_key;
    struct str rest = STR(PUBLIC_PEM);
    assert_true(sign_secret_read(STR(SECRET_PEM), &secret));
    assert_true(sign_public_next(&rest, &public_key));
    struct sign_public derived = sign_public_of(&secret);
    assert_memory_equal(derived.bytes, public_key.bytes, SIGN_PUBLIC_BYTES);
    struct hash wanted_id;
    from_hex("06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9", wanted_id.bytes,
             HASH_BYTES);
    struct hash id = sign_key_id(&public_key);
    assert_true(hash_eq(&id, &wanted_id));
    struct signature wanted;
    from_hex("c0c3ae6416e56c0d74f76c4c97624ffaa3a53fa52b7c781d1246b4b2b12efc27"
             "58b5aebdfadf048311c32b2f9ac8b1c37661e15513616db6a03a76c04de3df04",
             wanted.bytes, SIGN_BYTES);
    struct signature made = sign_text(&secret, STR("holdfast"));
    assert_memory_equal(made.bytes, wanted.bytes, SIGN_BYTES);
    sign_secret_fini(&secret);
}

static void every_other_bit_is_wrong(void **state)
{
    (void)state;
    struct sign_secret secret;
    assert_true(sign_secret_read(STR(SECRET_PEM), &secret));
    struct sign_public public_key = sign_public_of(&secret);
    struct signature made = sign_text(&secret, STR("holdfast"));
    assert_true(sign_is_right(&public_key, STR("holdfast"), &made));
    assert_false(sign_is_right(&public_key, STR("holdfasT"), &made));
    for (size_t bit = 0; bit < SIGN_BYTES * (size_t)8; bit++) {
        struct signature other = made;
        other.bytes[bit / 8] = (uint8_t)(other.bytes[bit / 8] ^ (1U << (bit % 8)));
        assert_false(sign_is_right(&public_key, STR("holdfast"), &other));
    }
    public_key.bytes[0] ^= 1;
    assert_false(sign_is_right(&public_key, STR("holdfast"), &made));
}

static void a_file_has_many_keys(void **state)
{
    (void)state;
    struct sign_public public_key;
    struct str rest = STR("since 2026:\n" PUBLIC_PEM "before:\n" PUBLIC_PEM "\n");
    assert_true(sign_public_next(&rest, &public_key));
    assert_true(sign_public_next(&rest, &public_key));
    assert_false(sign_public_next(&rest, &public_key));
}

static void what_is_no_key_is_none(void **state)
{
    (void)state;
    struct sign_secret secret;
    struct sign_public public_key;
    static const char *const texts[] = {
        "",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n",
        /* of another kind: X25519 */
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        "-----END PRIVATE KEY-----\n",
        PUBLIC_PEM,
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(sign_secret_read(str_of(texts[i]), &secret));
    }
    struct str secret_text = STR(SECRET_PEM);
    assert_false(sign_public_next(&secret_text, &public_key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_openssl_says_is_what_we_say),
        cmocka_unit_test(every_other_bit_is_wrong),
        cmocka_unit_test(a_file_has_many_keys),
        cmocka_unit_test(what_is_no_key_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
