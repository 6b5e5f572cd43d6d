/* Known answers: SHA-256 of FIPS 180-4, FNV-1a of its authors, canonical bytes of another program. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

static void is(struct hash hash, const char *hex)
{
    struct hash expected;
    assert_true(str_from_hex(str_of(hex), expected.bytes, HASH_BYTES));
    assert_memory_equal(hash.bytes, expected.bytes, HASH_BYTES);
    assert_true(hash_eq(&hash, &expected));
    expected.bytes[31] ^= 1;
    assert_false(hash_eq(&hash, &expected));
}

static void sha256_gives_the_standard_answers(void **state)
{
    (void)state;
    is(hash_of(STR("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    is(hash_of(STR("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    is(hash_of(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void pieces_are_the_whole(void **state)
{
    (void)state;
    struct hash_state pieces;
    hash_init(&pieces);
    hash_add(&pieces, "a", 1);
    hash_add(&pieces, NULL, 0);
    hash_add(&pieces, "bc", 2);
    is(hash_done(&pieces), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void texts_carry_their_length(void **state)
{
    (void)state;
    struct hash_state ours;
    hash_init(&ours);
    hash_add_str(&ours, STR("abc"));
    hash_add_str(&ours, STR(""));
    is(hash_done(&ours), "f5a934b5ab96157b46905e4dec48ff8175fe8926c36ec293b98c8fbd0886171b");
    struct hash_state other;
    hash_init(&ours);
    hash_init(&other);
    hash_add_str(&ours, STR("ab"));
    hash_add_str(&ours, STR("c"));
    hash_add_str(&other, STR("a"));
    hash_add_str(&other, STR("bc"));
    struct hash a = hash_done(&ours);
    struct hash b = hash_done(&other);
    assert_false(hash_eq(&a, &b));
}

/* RFC 4231: cases 1, 2 and 6 (a key longer than a block). */
static void hmac_gives_the_standard_answers(void **state)
{
    (void)state;
    char key[131];
    memset(key, 0x0b, 20);
    is(hash_mac((struct str){.ptr = key, .len = 20}, STR("Hi There")),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    is(hash_mac(STR("Jefe"), STR("what do ya want for nothing?")),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    is(hash_mac((struct str){.ptr = key, .len = sizeof(key)},
                STR("Test Using Larger Than Block-Size Key - Hash Key First")),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void fnv_gives_the_standard_answers(void **state)
{
    (void)state;
    assert_true(hash_spread(STR("")) == UINT64_C(0xcbf29ce484222325));
    assert_true(hash_spread(STR("a")) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(hash_spread(STR("foobar")) == UINT64_C(0x85944171f73967e8));
    assert_true(hash_spread(STR("\xFF")) != hash_spread(STR("\x7F"))); /* bytes are unsigned */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_standard_answers),
        cmocka_unit_test(pieces_are_the_whole),
        cmocka_unit_test(texts_carry_their_length),
        cmocka_unit_test(hmac_gives_the_standard_answers),
        cmocka_unit_test(fnv_gives_the_standard_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
