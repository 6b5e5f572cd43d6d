/* Which environments are let start. */
#include "payments/payments_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/defer.h"

struct row {
    const char *env, *base, *key, *secrets;
    bool starts;
};

static const struct row rows[] = {
    {"development", "http://127.0.0.1:1", "sk_test_12345678", "whsec_12345678", true},
    {"development", "https://api.stripe.com", "rk_test_12345678", "whsec_12345678", true},
    {"test", "http://127.0.0.1:1", "sk_test_12345678", "whsec_a,whsec_b", true},
    {"production", "https://api.stripe.com", "sk_live_12345678", "whsec_12345678", true},
    {"production", "https://api.stripe.com", "rk_live_12345678", "a,b,c,d", true},
    {"production", "https://api.stripe.com", "sk_test_12345678", "whsec_12345678", false},
    {"production", "https://api.stripe.com", "rk_test_12345678", "whsec_12345678", false},
    {"production", "http://api.stripe.com", "sk_live_12345678", "whsec_12345678", false},
    {"development", "https://api.stripe.com", "sk_live_12345678", "whsec_12345678", false},
    {"test", "https://api.stripe.com", "rk_live_12345678", "whsec_12345678", false},
    {"test", "ftp://127.0.0.1:1", "sk_test_12345678", "whsec_12345678", false},
    {"test", "http://127.0.0.1:1", "", "whsec_12345678", false},
    {"test", "http://127.0.0.1:1", "sk_test_12345678", "", false},
    {"test", "http://127.0.0.1:1", "sk_test_12345678", "a,b,c,d,e", false},
};

static bool starts(const struct row *row, struct payments_conf *ret_conf, struct arena *arena)
{
    struct op op = {.arena = arena};
    const char *const names[] = {"HOLDFAST_ENV", "STRIPE_API_BASE", "STRIPE_SECRET_KEY",
                                 "STRIPE_WEBHOOK_SECRETS"};
    const char *const values[] = {row->env, row->base, row->key, row->secrets};
    char *environment[ARRAY_LEN(names) + 1] = {0};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        environment[i] = arena_alloc(arena, 256, 1);
        assert_non_null(environment[i]);
        (void)snprintf(environment[i], 256, "%s=%s", names[i], values[i]);
    }
    const struct conf_tables tables = {
        .keys = payments_conf_keys, .key_count = payments_conf_key_count, .http = true};
    struct conf *conf = NULL;
    assert_int_equal(conf_load(&op, &tables, environment, &conf).kind, STATUS_OK);
    bool right =
        conf_mistakes(conf).len == 0 && !status_failed(payments_conf_read(&op, conf, ret_conf));
    if (right) {
        assert_int_equal(ret_conf->live, row->env[0] == 'p');
        assert_int_equal(ret_conf->allow_http, row->base[4] == ':');
    }
    conf_wipe(conf);
    return right;
}

static void only_fitting_keys_are_let_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        DEFER(arena_fini) struct arena arena;
        arena_init(&arena, (size_t)1024 * 1024);
        struct payments_conf conf;
        if (starts(&rows[i], &conf, &arena) != rows[i].starts) {
            fail_msg("row %zu", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_fitting_keys_are_let_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
