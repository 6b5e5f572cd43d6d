#include "base/card.h"

#include <stddef.h>
#include <stdint.h>

static bool is_digit(struct str text, size_t at)
{
    return at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';
}

/* ISO/IEC 7812: from the right every second digit counts twice, by its cross sum. */
static bool has_check_digit(const uint8_t *digits, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t digit = digits[count - 1 - i];
        uint32_t twice = 2 * digit;
        sum += i % 2 == 0 ? digit : twice / 10 + twice % 10;
    }
    return sum % 10 == 0;
}

/* Whether a number begins exactly here: it ends where a group of digits does. */
static bool begins_at(struct str text, size_t at)
{
    uint8_t digits[CARD_DIGITS_MAX];
    size_t count = 0;
    while (is_digit(text, at) && count < CARD_DIGITS_MAX) {
        digits[count++] = (uint8_t)(text.ptr[at] - '0');
        at++;
        bool in_group = is_digit(text, at);
        if (!in_group && count >= CARD_DIGITS_MIN && has_check_digit(digits, count)) {
            return true;
        }
        if (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '-')) {
            at++;
        }
    }
    return false;
}

bool card_number_in(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool first = is_digit(text, i) && (i == 0 || !is_digit(text, i - 1));
        if (first && text.ptr[i] >= '2' && text.ptr[i] <= '6' && begins_at(text, i)) {
            return true;
        }
    }
    return false;
}
