/* The text and a signature over it, against those of another program in another language; and that nothing in it can change. */
#include "base/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

/* The key pair whose seed is "private key of a test, useless!!". */
#define PUBLIC_HEX "e5cd1c3995428e5402f62a0627f94073c19fc962e698666275158b15df40abbc"
#define SIGNATURE_HEX                                                  \
    "dfbf6632381b39a9ba98cb95047ee4492c23ef268c43a714955f9ed840dcfd1b" \
    "d8b7be7fb662fbb3335263110f9443f04ddaf0bc36f3a938a4a755d0582ec20b"

static uint8_t key_bytes[SIGN_PUBLIC_BYTES + 1];
static uint8_t signature_bytes[SIGN_BYTES + 1];

static struct verdict fill(struct str *ret_key, struct str *ret_signature)
{
    struct verdict verdict = {
        .dispute = 1,
        .currency = CURRENCY_USD,
        .seller_minor = 3000,
        .buyer_minor = 7000,
        .reason = STR("why"),
    };
    memset(verdict.escrow_id.bytes, 0xe0, sizeof(verdict.escrow_id.bytes));
    memset(verdict.head.bytes, 0x5e, HASH_BYTES);
    assert_true(str_from_hex(STR(PUBLIC_HEX), key_bytes, SIGN_PUBLIC_BYTES));
    assert_true(str_from_hex(STR(SIGNATURE_HEX), signature_bytes, SIGN_BYTES));
    *ret_key = (struct str){.ptr = (const char *)key_bytes, .len = SIGN_PUBLIC_BYTES};
    *ret_signature = (struct str){.ptr = (const char *)signature_bytes, .len = SIGN_BYTES};
    return verdict;
}

static void the_text_is_the_documented_one(void **state)
{
    (void)state;
    struct str key, signature;
    struct verdict verdict = fill(&key, &signature);
    struct sign_public public_key;
    char memory[VERDICT_TEXT_BYTES];
    memcpy(public_key.bytes, key.ptr, SIGN_PUBLIC_BYTES);
    struct str text = verdict_text(&verdict, &public_key, memory);
    struct str wanted =
        STR("holdfast.verdict.v1\n"
            "escrow e0e0e0e0-e0e0-e0e0-e0e0-e0e0e0e0e0e0\n"
            "dispute 1\n"
            "head 5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e\n"
            "currency USD\n"
            "seller_minor 3000\n"
            "buyer_minor 7000\n"
            "reason 2be23c585f15e5fd3279d0663036dd9f6e634f4225ef326fc83fb874dbb81a0f\n"
            "key ab17ed085b48c59bb1f82c9e78064ef7d2d440a09d1515f3fca0bb430a3bff16\n");
    assert_int_equal(text.len, wanted.len);
    assert_memory_equal(text.ptr, wanted.ptr, wanted.len);
    assert_true(verdict_is_signed(&verdict, key, signature));
}

/* The largest numbers leave room. */
static void the_longest_text_fits(void **state)
{
    (void)state;
    struct str key, signature;
    struct verdict verdict = fill(&key, &signature);
    struct sign_public public_key = {.bytes = {0}};
    char memory[VERDICT_TEXT_BYTES];
    verdict.dispute = verdict.seller_minor = verdict.buyer_minor = INT64_MIN;
    assert_true(verdict_text(&verdict, &public_key, memory).len > 0);
}

#define CHANGES(what)                                              \
    do {                                                           \
        struct verdict verdict = fill(&key, &signature);           \
        what;                                                      \
        assert_false(verdict_is_signed(&verdict, key, signature)); \
    } while (0)

static void a_signature_is_of_one_verdict_by_one_key(void **state)
{
    (void)state;
    struct str key, signature;
    CHANGES(verdict.escrow_id.bytes[15] ^= 1);
    CHANGES(verdict.dispute++);
    CHANGES(verdict.head.bytes[0] ^= 1);
    CHANGES(verdict.currency = CURRENCY_NONE);
    CHANGES(verdict.seller_minor++);
    CHANGES(verdict.buyer_minor--);
    CHANGES(verdict.reason = STR("Why"));
    CHANGES(key_bytes[0] ^= 1);
    CHANGES(signature_bytes[63] ^= 1);
    CHANGES(key.len--);
    CHANGES(key.len++);
    CHANGES(key.len = 0);
    CHANGES(signature.len--);
    CHANGES(signature.len++);
    CHANGES(signature.len = 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_the_documented_one),
        cmocka_unit_test(the_longest_text_fits),
        cmocka_unit_test(a_signature_is_of_one_verdict_by_one_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
