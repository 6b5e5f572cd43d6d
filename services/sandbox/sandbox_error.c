/* The provider's refusals, in its words. */
#include "sandbox/sandbox_error.h"

/* clang-format off */
const struct sandbox_error_row sandbox_errors[SANDBOX_ERROR_COUNT] = {
    [SANDBOX_ERROR_UNAUTHENTICATED]      = {401, "invalid_request_error", NULL, "Invalid or missing API key. Send 'Authorization: Bearer YOUR_SECRET_KEY'"},
    [SANDBOX_ERROR_BAD_FORM]             = {400, "invalid_request_error", NULL, "The body or query is not correctly form-encoded"},
    [SANDBOX_ERROR_PARAMETER_MISSING]    = {400, "invalid_request_error", "parameter_missing", "Missing required param"},
    [SANDBOX_ERROR_PARAMETER_UNKNOWN]    = {400, "invalid_request_error", "parameter_unknown", "Received unknown parameter"},
    [SANDBOX_ERROR_PARAMETER_INVALID]    = {400, "invalid_request_error", "parameter_invalid", "Invalid value"},
    [SANDBOX_ERROR_INVALID_INTEGER]      = {400, "invalid_request_error", "parameter_invalid_integer", "Invalid integer"},
    [SANDBOX_ERROR_AMOUNT_TOO_SMALL]     = {400, "invalid_request_error", "amount_too_small", "Amount is below the minimum"},
    [SANDBOX_ERROR_AMOUNT_TOO_LARGE]     = {400, "invalid_request_error", "amount_too_large", "Amount is above the maximum"},
    [SANDBOX_ERROR_NO_SUCH_OBJECT]       = {404, "invalid_request_error", "resource_missing", "No such object"},
    [SANDBOX_ERROR_NO_SUCH_PARAM]        = {400, "invalid_request_error", "resource_missing", "No such object"},
    [SANDBOX_ERROR_INTENT_STATE]         = {400, "invalid_request_error", "payment_intent_unexpected_state", "This PaymentIntent's status does not allow it"},
    [SANDBOX_ERROR_ACCOUNT_INVALID]      = {400, "invalid_request_error", "account_invalid", "The destination account cannot receive transfers"},
    [SANDBOX_ERROR_BALANCE_INSUFFICIENT] = {400, "invalid_request_error", "balance_insufficient", "Insufficient funds"},
    [SANDBOX_ERROR_CURRENCY_MISMATCH]    = {400, "invalid_request_error", "parameter_invalid", "The currency differs from that of the source"},
    [SANDBOX_ERROR_OVER_REFUND]          = {400, "invalid_request_error", "charge_already_refunded", "Refund amount is greater than unrefunded amount on charge"},
    [SANDBOX_ERROR_NOT_PAID]             = {400, "invalid_request_error", "payment_intent_unexpected_state", "This PaymentIntent does not have a successful charge to refund"},
    [SANDBOX_ERROR_KEY_TOO_LONG]         = {400, "invalid_request_error", NULL, "Idempotency keys have 1 to 255 characters"},
    [SANDBOX_ERROR_KEY_REUSED]           = {400, "idempotency_error", NULL, "Keys for idempotent requests can only be used with the same parameters they were first used with"},
    [SANDBOX_ERROR_KEY_IN_USE]           = {409, "idempotency_error", "idempotency_key_in_use", "There is currently another in-progress request using this key"},
    [SANDBOX_ERROR_RATE_LIMIT]           = {429, "invalid_request_error", "rate_limit", "Too many requests"},
    [SANDBOX_ERROR_FULL]                 = {500, "api_error", NULL, "The sandbox is full: POST /sandbox/reset"},
    [SANDBOX_ERROR_INTERNAL]             = {500, "api_error", NULL, "Something went wrong on our side"},
};

/* clang-format on */
