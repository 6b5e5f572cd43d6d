/* What is let in and, above all, what is not: every bit that could be turned, every boundary. */
#include "payments/payments_signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

#define NOW_S INT64_C(1790000000)
#define NOW_US (NOW_S * 1000000 + 999999)

static const struct str body = STR("{\"id\":\"evt_1\",\"type\":\"payment_intent.succeeded\"}");

/* Made with OpenSSL: printf '1790000000.%s' BODY | openssl dgst -sha256 -hmac SECRET */
#define MAC_NEW "75d860516aba7f85675ce40141275722f7cbb1d2f56c1116f84c6ab924bdd1dc"
#define MAC_OLD "34ef44ed62770d2911fe8747bcec896e48e67cc996a2ba9fd7ba0f32ac138091"
#define MAC_300_AGO "d0cf5aeeda65c7d6fcd3aa442a40e1c6f4f6963748fc7c7524c1c8abee7c17f6"
#define MAC_301_AGO "a0fa79b1ff46905a740189c95714ae121b05270a5bb7f3e8e0554b002bd3bfbf"
#define MAC_300_AHEAD "fa7d02028cbf012a137851932a6f6fac368f5f3fafa6c3da984982e236730009"
#define MAC_301_AHEAD "80bc498701e2bc1c93df03e0cbcf14768b35a591acc3878e6f1304f2abcf04ad"

static struct secret secrets[2];

static int setup(void **state)
{
    (void)state;
    return secret_set(&secrets[0], STR("whsec_new")) && secret_set(&secrets[1], STR("whsec_old"))
               ? 0
               : -1;
}

static enum signature_verdict check(const char *header)
{
    return payments_signature_check(str_of(header), body, NOW_US, secrets, 2);
}

static void good_ones_are_let_in(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "t=1790000000,v1=" MAC_NEW,
        "v1=" MAC_NEW ",t=1790000000",
        "t=1790000000,v1=" MAC_OLD,                      /* the old secret, during a rotation */
        "t=1790000000,v1=" MAC_NEW ",v1=" MAC_OLD,       /* both */
        "t=1790000000,v1=" MAC_300_AGO ",v1=" MAC_NEW,   /* a wrong one before the right one */
        "t=1790000000,v1=" MAC_NEW ",v0=" MAC_300_AHEAD, /* other schemes are none of ours */
        "t=1790000000,v1=" MAC_NEW ",v2=anything",
        "t=1789999700,v1=" MAC_300_AGO,
        "t=1790000300,v1=" MAC_300_AHEAD,
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        assert_int_equal(check(headers[i]), SIGNATURE_GOOD);
    }
}

static void bad_ones_are_not(void **state)
{
    (void)state;

    static const struct {
        const char *header;
        enum signature_verdict verdict;
    } rows[] = {
        {"", SIGNATURE_MISSING},
        {"v1=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=1790000000", SIGNATURE_MALFORMED},
        {"t=1790000000,v0=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=1790000000,t=1790000000,v1=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=1789990000,t=1790000000,v1=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=,v1=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=-1790000000,v1=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=1790000000x,v1=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t= 1790000000,v1=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=9999999999999,v1=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=01790000000,v1=" MAC_NEW, SIGNATURE_WRONG},
        {"t=1790000000;v1=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=1790000000, v1=" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=1790000000,v1=" MAC_NEW ",", SIGNATURE_MALFORMED},
        {"t=1790000000,v1=" MAC_NEW ",x", SIGNATURE_MALFORMED},
        {"t=1790000000,v1=", SIGNATURE_MALFORMED},
        {"t=1790000000,v1=abc", SIGNATURE_MALFORMED},
        {"t=1790000000,v1=" MAC_NEW "0", SIGNATURE_MALFORMED},
        {"t=1790000000,v1=zz" MAC_NEW, SIGNATURE_MALFORMED},
        {"t=1790000000,v1=" MAC_NEW ",v1=abc", SIGNATURE_MALFORMED},
        {"t=1790000000,v1=" MAC_300_AGO, SIGNATURE_WRONG},
        {"t=1790000001,v1=" MAC_NEW, SIGNATURE_WRONG},
        {"t=1789999699,v1=" MAC_301_AGO, SIGNATURE_STALE},
        {"t=1790000301,v1=" MAC_301_AHEAD, SIGNATURE_STALE},
        {"t=0,v1=" MAC_NEW, SIGNATURE_STALE},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (check(rows[i].header) != rows[i].verdict) {
            fail_msg("'%s': %s", rows[i].header, payments_signature_name(check(rows[i].header)));
        }
    }
}

static void the_number_of_signatures_is_bounded(void **state)
{
    (void)state;
    for (int count = SIGNATURE_V1_MAX - 1; count <= SIGNATURE_V1_MAX + 1; count++) {
        DEFER(arena_fini) struct arena arena;
        arena_init(&arena, (size_t)16 * 1024);
        struct strbuf buf;
        strbuf_init(&buf, &arena, (size_t)4 * 1024);
        strbuf_add(&buf, STR("t=1790000000"));
        for (int i = 0; i < count; i++) {
            strbuf_add(&buf, STR(",v1=" MAC_NEW));
        }
        struct str header;
        assert_true(strbuf_finish(&buf, &header));
        assert_int_equal(payments_signature_check(header, body, NOW_US, secrets, 2),
                         count <= SIGNATURE_V1_MAX ? SIGNATURE_GOOD : SIGNATURE_MALFORMED);
    }
}

static void a_long_header_is_malformed(void **state)
{
    (void)state;
    for (size_t len = SIGNATURE_HEADER_MAX_BYTES; len <= SIGNATURE_HEADER_MAX_BYTES + 1; len++) {
        char header[SIGNATURE_HEADER_MAX_BYTES + 1];
        memset(header, 'x', sizeof(header));
        static const char good[] = "t=1790000000,v1=" MAC_NEW ",v9=";
        memcpy(header, good, sizeof(good) - 1);
        struct str text = {.ptr = header, .len = len};
        assert_int_equal(payments_signature_check(text, body, NOW_US, secrets, 2),
                         len <= SIGNATURE_HEADER_MAX_BYTES ? SIGNATURE_GOOD : SIGNATURE_MALFORMED);
    }
}

/* INV29: one bit, anywhere. */
static void every_bit_counts(void **state)
{
    (void)state;
    char header[] = "t=1790000000,v1=" MAC_NEW;
    struct str header_text = {.ptr = header, .len = sizeof(header) - 1};
    char bytes[128];
    assert_true(body.len <= sizeof(bytes));
    memcpy(bytes, body.ptr, body.len);
    struct str body_text = {.ptr = bytes, .len = body.len};
    uint32_t tried = 0;
    for (size_t bit = 0; bit < 8 * header_text.len; bit++, tried++) {
        header[bit / 8] = (char)((unsigned char)header[bit / 8] ^ (1U << bit % 8));
        assert_int_not_equal(payments_signature_check(header_text, body_text, NOW_US, secrets, 2),
                             SIGNATURE_GOOD);
        header[bit / 8] = (char)((unsigned char)header[bit / 8] ^ (1U << bit % 8));
    }
    for (size_t bit = 0; bit < 8 * body_text.len; bit++, tried++) {
        bytes[bit / 8] = (char)((unsigned char)bytes[bit / 8] ^ (1U << bit % 8));
        assert_int_equal(payments_signature_check(header_text, body_text, NOW_US, secrets, 2),
                         SIGNATURE_WRONG);
        bytes[bit / 8] = (char)((unsigned char)bytes[bit / 8] ^ (1U << bit % 8));
    }
    assert_int_equal(payments_signature_check(header_text, body_text, NOW_US, secrets, 2),
                     SIGNATURE_GOOD);
    assert_int_equal(tried, 8 * (header_text.len + body_text.len));
}

static void only_configured_secrets_count(void **state)
{
    (void)state;
    struct str header = STR("t=1790000000,v1=" MAC_OLD);
    assert_int_equal(payments_signature_check(header, body, NOW_US, secrets, 2), SIGNATURE_GOOD);
    assert_int_equal(payments_signature_check(header, body, NOW_US, secrets, 1), SIGNATURE_WRONG);
    assert_int_equal(payments_signature_check(header, body, NOW_US, secrets, 0), SIGNATURE_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_let_in),
        cmocka_unit_test(bad_ones_are_not),
        cmocka_unit_test(the_number_of_signatures_is_bounded),
        cmocka_unit_test(a_long_header_is_malformed),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(only_configured_secrets_count),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
