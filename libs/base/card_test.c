/* Numbers that the card networks publish for tests, and what only looks a little like one. */
#include "base/card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"

static void numbers_are_found(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4222222222222",   /* 13 digits */
        "378282246310005", /* 15 */
        "3782 822463 10005",
        "5555555555554444",
        "2223003122003222",
        "6011111111111117",
        "6304000000000000000", /* 19 */
        "my card is 4242424242424242, thanks",
        "order 12 4242 4242 4242 4242",
        "x4242424242424242x",
        "acct_4242424242424242",
        "4242 4242 4242 4242 12/30 123",
        "\303\2514242424242424242\303\251", /* between letters that are no ASCII */
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (!card_number_in(str_of(texts[i]))) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void other_numbers_are_not(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "-",
        "4242",
        "424242424242",         /* 12 */
        "4242424242424241",     /* the check digit is wrong */
        "42424242424242424242", /* 20 */
        "424242424242424242424242424242",
        "0000000000000000",
        "1000000000000008", /* no card begins so */
        "7000000000000005",
        "4242  4242 4242 4242", /* two blanks are more than a group's end */
        "4242.4242.4242.4242",
        "4242a4242b4242c4242",
        "2026-11-21 10:50:01",
        "11111111-2222-4333-8444-555555555555",
        "d0000000-0000-4000-8000-000000000006",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (card_number_in(str_of(texts[i]))) {
            fail_msg("%s", texts[i]);
        }
    }
}

/* A slice is not NUL-terminated: what stands behind it does not count. */
static void a_slice_ends_where_it_ends(void **state)
{
    (void)state;
    struct str text = {.ptr = "4242424242424242", .len = CARD_DIGITS_MIN - 1};
    assert_false(card_number_in(text));
    text.len = 16;
    assert_true(card_number_in(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_found),
        cmocka_unit_test(other_numbers_are_not),
        cmocka_unit_test(a_slice_ends_where_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
