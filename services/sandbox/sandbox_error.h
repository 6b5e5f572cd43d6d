#pragma once

#include <stdint.h>

#include "base/str.h"

/* What the provider says no with. */

/* A refusal: a row of sandbox_errors and the parameter or object that it is about. */
enum sandbox_error {
    SANDBOX_ERROR_NONE = 0,
    SANDBOX_ERROR_UNAUTHENTICATED,
    SANDBOX_ERROR_BAD_FORM,
    SANDBOX_ERROR_PARAMETER_MISSING,
    SANDBOX_ERROR_PARAMETER_UNKNOWN,
    SANDBOX_ERROR_PARAMETER_INVALID,
    SANDBOX_ERROR_INVALID_INTEGER,
    SANDBOX_ERROR_AMOUNT_TOO_SMALL,
    SANDBOX_ERROR_AMOUNT_TOO_LARGE,
    SANDBOX_ERROR_NO_SUCH_OBJECT, /* named by the path */
    SANDBOX_ERROR_NO_SUCH_PARAM,  /* named by a parameter */
    SANDBOX_ERROR_INTENT_STATE,
    SANDBOX_ERROR_ACCOUNT_INVALID,
    SANDBOX_ERROR_BALANCE_INSUFFICIENT,
    SANDBOX_ERROR_CURRENCY_MISMATCH,
    SANDBOX_ERROR_OVER_REFUND,
    SANDBOX_ERROR_NOT_PAID,
    SANDBOX_ERROR_KEY_TOO_LONG,
    SANDBOX_ERROR_KEY_REUSED,
    SANDBOX_ERROR_KEY_IN_USE,
    SANDBOX_ERROR_RATE_LIMIT,
    SANDBOX_ERROR_FULL,
    SANDBOX_ERROR_INTERNAL,
    SANDBOX_ERROR_COUNT,
};

struct sandbox_error_row {
    int32_t http_status;
    const char *type;
    const char *code;     /* NULL: none */
    const char *sentence; /* before the colon; the parameter or object follows */
};

extern const struct sandbox_error_row sandbox_errors[SANDBOX_ERROR_COUNT];

struct sandbox_intent;

struct sandbox_refusal {
    enum sandbox_error error;
    struct str about;
    const struct sandbox_intent *intent; /* INTENT_STATE: the answer shows it as it stands */
};
