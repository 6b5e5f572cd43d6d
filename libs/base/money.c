#include "base/money.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"

struct str currency_name(enum currency currency)
{
    switch (currency) {
    case CURRENCY_NONE: return STR("");
    case CURRENCY_USD: return STR("USD");
    case CURRENCY_COUNT: break;
    }
    UNREACHABLE("currency");
}

bool currency_parse(struct str name, enum currency *ret_currency)
{
    if (!str_eq(name, STR("USD"))) {
        return false;
    }
    *ret_currency = CURRENCY_USD;
    return true;
}

uint32_t currency_digits(enum currency currency)
{
    switch (currency) {
    case CURRENCY_NONE: return 0;
    case CURRENCY_USD: return 2;
    case CURRENCY_COUNT: break;
    }
    UNREACHABLE("currency");
}

bool money_try_add(int64_t a_minor, int64_t b_minor, int64_t *ret_minor)
{
    int64_t sum;
    if (__builtin_add_overflow(a_minor, b_minor, &sum)) {
        return false;
    }
    *ret_minor = sum;
    return true;
}

bool money_try_sub(int64_t a_minor, int64_t b_minor, int64_t *ret_minor)
{
    int64_t difference;
    if (__builtin_sub_overflow(a_minor, b_minor, &difference)) {
        return false;
    }
    *ret_minor = difference;
    return true;
}

STATUS money_add(struct op *op, int64_t a_minor, int64_t b_minor, int64_t *ret_sum_minor)
{
    if (!money_try_add(a_minor, b_minor, ret_sum_minor)) {
        return op_fail(op, STATUS_BUG, "money.overflow", "%" PRId64 " + %" PRId64, a_minor,
                       b_minor);
    }
    return OK;
}

void money_format(int64_t minor, enum currency currency, char ret_text[MONEY_TEXT_BYTES])
{
    uint64_t magnitude = minor < 0 ? UINT64_C(0) - (uint64_t)minor : (uint64_t)minor;
    uint64_t unit = 1;
    int digits = (int)currency_digits(currency);
    for (int i = 0; i < digits; i++) {
        unit *= 10;
    }
    const char *sign = minor < 0 ? "-" : "";
    struct str name = currency_name(currency);
    int len = digits > 0
                  ? snprintf(ret_text, MONEY_TEXT_BYTES, "%s%" PRIu64 ".%0*" PRIu64 " " STR_FMT,
                             sign, magnitude / unit, digits, magnitude % unit, STR_ARG(name))
                  : snprintf(ret_text, MONEY_TEXT_BYTES, "%s%" PRIu64 " " STR_FMT, sign, magnitude,
                             STR_ARG(name));
    ASSERT(len > 0);
    ASSERT(len < MONEY_TEXT_BYTES);
}
