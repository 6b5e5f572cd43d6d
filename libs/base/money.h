#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/op.h"

/* Money is int64 minor units beside a currency. Arithmetic is checked; there are no fractions. */

enum currency {
    CURRENCY_NONE = 0,
    CURRENCY_USD,
    CURRENCY_COUNT,
};

/* "USD"; the empty string for CURRENCY_NONE. ISO 4217 alphabetic codes. */
struct str currency_name(enum currency currency);
/* Upper case only; false when it is not one of ours. */
bool currency_parse(struct str name, enum currency *ret_currency);
/* Digits after the point: USD 2 (ISO 4217). */
uint32_t currency_digits(enum currency currency);

/* STATUS_BUG with "money.overflow" when the sum does not fit; *ret_sum is then unchanged. */
STATUS money_add(struct op *op, int64_t a_minor, int64_t b_minor, int64_t *ret_sum_minor);

/* For pure code that cannot fail: false on overflow, *ret untouched. */
MUST_CHECK bool money_try_add(int64_t a_minor, int64_t b_minor, int64_t *ret_minor);
MUST_CHECK bool money_try_sub(int64_t a_minor, int64_t b_minor, int64_t *ret_minor);

#define MONEY_TEXT_BYTES 32

/* "1234.50 USD", with the currency's digits. */
void money_format(int64_t minor, enum currency currency, char ret_text[MONEY_TEXT_BYTES]);
