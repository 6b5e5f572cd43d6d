/* Real keys in production and nowhere else; test keys everywhere else and never there. */
#include "payments/payments_conf.h"

#include "base/defer.h"

#define US_PER_MS 1000

const struct conf_key payments_conf_keys[] = {
    {.name = "HTTP_LISTEN",
     .type = CONF_LISTEN,
     .fallback = "127.0.0.1:8081",
     .help = "Where the provider's webhooks arrive (POST /webhooks/stripe)."},
    {.name = "STRIPE_API_BASE",
     .type = CONF_URL,
     .fallback = "https://api.stripe.com",
     .not_in_production = "http://",
     .help = "Where Stripe's API is; plain http only outside production."},
    {.name = "STRIPE_SECRET_KEY",
     .type = CONF_SECRET,
     .required = true,
     .min = 8,
     .max = 255,
     .not_in_production = "sk_test_|rk_test_",
     .help = "The API key; a live one in production, a test one elsewhere."},
    {.name = "STRIPE_WEBHOOK_SECRETS",
     .type = CONF_SECRET_LIST,
     .required = true,
     .min = 1,
     .max = SIGNATURE_SECRETS_MAX,
     .help = "Signing secrets of the webhook endpoint, comma separated: two while one replaces the "
             "other."},
    {.name = "STRIPE_QUESTIONS_PER_SECOND",
     .type = CONF_I64,
     .fallback = "10",
     .min = 1,
     .max = 1000,
     .help = "How many questions about unpaid payments this process asks in a second, should no "
             "webhook tell; Stripe "
             "takes 100 calls a second of an account, 25 in test mode."},
    {.name = "RECONCILE_HOURLY_MS",
     .type = CONF_I64,
     .fallback = "3600000",
     .min = 1000,
     .max = 86400000,
     .unit = "ms",
     .help = "How often the provider's books are compared with ours."},
    {.name = "RECONCILE_DAILY_MS",
     .type = CONF_I64,
     .fallback = "86400000",
     .min = 1000,
     .max = 604800000,
     .unit = "ms",
     .help = "How often the last three days of them are read again, for what was changed or taken "
             "away later."},
    {.name = "RECONCILE_LAG_MS",
     .type = CONF_I64,
     .fallback = "900000",
     .min = 0,
     .max = 86400000,
     .unit = "ms",
     .help = "What is younger is left to the next time: the other side may not know it yet."},
    {.name = "STRIPE_FEE_MAX_BASIS_POINTS",
     .type = CONF_I64,
     .fallback = "600",
     .min = 0,
     .max = 10000,
     .help = "A payment may cost this share of it, in hundredths of a percent, and "
             "STRIPE_FEE_MAX_FIXED_MINOR; one that "
             "costs more is told of."},
    {.name = "STRIPE_FEE_MAX_FIXED_MINOR",
     .type = CONF_I64,
     .fallback = "100",
     .min = 0,
     .max = 1000000,
     .help = "See STRIPE_FEE_MAX_BASIS_POINTS; in minor units."},
};
const size_t payments_conf_key_count = ARRAY_LEN(payments_conf_keys);

STATUS payments_conf_read(struct op *op, const struct conf *conf, struct payments_conf *ret_conf)
{
    struct payments_conf out = {
        .listen = conf_address(conf, "HTTP_LISTEN"),
        .per_address_max = (uint32_t)conf_i64(conf, "HTTP_CONNECTIONS_PER_ADDRESS_MAX"),
        .api_base = conf_str(conf, "STRIPE_API_BASE"),
        .live = conf_env(conf) == CONF_ENV_PRODUCTION,
        .questions_per_second = conf_i64(conf, "STRIPE_QUESTIONS_PER_SECOND"),
        .api_key = conf_secret(conf, "STRIPE_SECRET_KEY"),
    };
    out.reconcile = (struct payments_reconcile_options){
        .hourly_us = conf_i64(conf, "RECONCILE_HOURLY_MS") * US_PER_MS,
        .daily_us = conf_i64(conf, "RECONCILE_DAILY_MS") * US_PER_MS,
        .lag_us = conf_i64(conf, "RECONCILE_LAG_MS") * US_PER_MS,
        .lease_us = PAYMENTS_RECONCILE_LEASE_US,
        .fee_max_basis_points = conf_i64(conf, "STRIPE_FEE_MAX_BASIS_POINTS"),
        .fee_max_fixed_minor = conf_i64(conf, "STRIPE_FEE_MAX_FIXED_MINOR"),
    };
    out.webhook_secret_count = conf_secrets(conf, "STRIPE_WEBHOOK_SECRETS", &out.webhook_secrets);
    out.allow_http = str_has_prefix(out.api_base, STR("http://"));
    struct str key = secret_reveal(out.api_key);
    if (!out.live &&
        (str_has_prefix(key, STR("sk_live_")) || str_has_prefix(key, STR("rk_live_")))) {
        return op_fail(op, STATUS_INVALID, "payments.live_key",
                       "STRIPE_SECRET_KEY is a live key outside production");
    }
    *ret_conf = out;
    return OK;
}
