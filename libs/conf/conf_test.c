/* What may stand in the environment, what may not, and that no mistake tells a value. */
#include "conf/conf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/defer.h"

static const struct conf_key keys[] = {
    {.name = "NAME", .type = CONF_STR, .min = 2, .max = 4, .help = "A name."},
    {.name = "COUNT",
     .type = CONF_I64,
     .min = 1,
     .max = 8,
     .unit = "things",
     .fallback = "3",
     .help = "How many."},
    {.name = "API_KEY",
     .type = CONF_SECRET,
     .min = 3,
     .max = 40,
     .not_in_production = "sk_test_|rk_test_",
     .help = "A key."},
    {.name = "HOOK_SECRETS",
     .type = CONF_SECRET_LIST,
     .min = 1,
     .max = 2,
     .not_in_production = "whsec_test",
     .help = "Keys."},
    {.name = "API_BASE", .type = CONF_URL, .not_in_production = "http://", .help = "Where."},
    {.name = "HTTP_LISTEN", .type = CONF_LISTEN, .help = "Where we listen."},
};
static const struct conf_tables plain = {.keys = keys, .key_count = ARRAY_LEN(keys)};
static const struct conf_tables with_engine = {
    .keys = keys, .key_count = ARRAY_LEN(keys), .engine = true};

struct fixture {
    struct arena arena;
    struct op op;
    struct conf *conf;
};

static int setup(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena, (size_t)32 * 1024 * 1024);
    fixture.op = (struct op){.arena = &fixture.arena};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    conf_wipe(fixture->conf);
    fixture->conf = NULL;
    arena_fini(&fixture->arena);
    return 0;
}

/* Loads one or two variables beside HOLDFAST_ENV and returns the mistakes. */
static const char *mistakes_of(struct fixture *fixture, const struct conf_tables *tables,
                               const char *env, const char *first, const char *second)
{
    const char *entries[] = {env, first, second, NULL};
    char *environment[4] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        if (entries[i]) {
            environment[count] = arena_new(&fixture->arena, char, strlen(entries[i]) + 1);
            memcpy(environment[count++], entries[i], strlen(entries[i]));
        }
    }
    assert_int_equal(conf_load(&fixture->op, tables, environment, &fixture->conf).kind, STATUS_OK);
    return conf_mistakes(fixture->conf).ptr;
}

#define DEV "HOLDFAST_ENV=development"
#define PROD "HOLDFAST_ENV=production"

static void defaults_and_values_are_read(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(mistakes_of(fixture, &plain, DEV, "NAME=abc", "API_KEY=sk_test_1"), "");
    const struct conf *conf = fixture->conf;
    assert_int_equal(conf_env(conf), CONF_ENV_DEVELOPMENT);
    assert_true(str_eq(conf_str(conf, "NAME"), STR("abc")));
    assert_int_equal(conf_i64(conf, "COUNT"), 3);
    assert_true(secret_eq(conf_secret(conf, "API_KEY"), STR("sk_test_1")));
    assert_true(conf_given(conf, "COUNT"));
    assert_false(conf_given(conf, "HTTP_LISTEN"));
    assert_false(conf_given(conf, "API_BASE"));
    assert_true(str_eq(conf_str(conf, "LOG_LEVEL"), STR("info")));
    assert_int_equal(conf_address(conf, "ADMIN_LISTEN").port, 9090);
    assert_true(str_eq(conf_address(conf, "ADMIN_LISTEN").host, STR("127.0.0.1")));
}

static void lists_are_cut(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(mistakes_of(fixture, &plain, DEV, "HOOK_SECRETS=whsec_1, whsec_2", NULL),
                        "");
    const struct secret *secrets = NULL;
    assert_int_equal(conf_secrets(fixture->conf, "HOOK_SECRETS", &secrets), 2);
    assert_true(secret_eq(&secrets[0], STR("whsec_1")));
    assert_true(secret_eq(&secrets[1], STR("whsec_2")));
    assert_string_equal(mistakes_of(fixture, &with_engine, DEV, "KAFKA_BROKERS=a:1,b:2",
                                    "DATABASE_URL=host=/tmp dbname=x"),
                        "");
    const struct str *items = NULL;
    assert_int_equal(conf_list(fixture->conf, "KAFKA_BROKERS", &items), 2);
    assert_true(str_eq(items[1], STR("b:2")));
    assert_true(str_eq(conf_str(fixture->conf, "KAFKA_BROKERS"), STR("a:1,b:2")));
    assert_int_equal(conf_i64(fixture->conf, "ENGINE_THREADS"), 0);
}

struct judged {
    const char *variable;
    const char *mistake; /* "": fine */
};

static void each_type_has_its_edges(void **state)
{
    struct fixture *fixture = *state;
    const struct judged cases[] = {
        {"NAME=ab", ""},
        {"NAME=abcd", ""},
        {"NAME=a", "NAME: its length in bytes must be 2 to 4\n"},
        {"NAME=abcde", "NAME: its length in bytes must be 2 to 4\n"},
        {"NAME=a\xFFz", "NAME: is not UTF-8 text\n"},
        {"COUNT=1", ""},
        {"COUNT=8", ""},
        {"COUNT=0", "COUNT: must be 1 to 8 things\n"},
        {"COUNT=9", "COUNT: must be 1 to 8 things\n"},
        {"COUNT=1.0", "COUNT: must be an integer\n"},
        {"COUNT= 1", "COUNT: must be an integer\n"},
        {"COUNT=", "COUNT: must be an integer\n"},
        {"API_KEY=123", ""},
        {"API_KEY=12", "API_KEY: its length in bytes must be 3 to 40\n"},
        {"HOOK_SECRETS=a", ""},
        {"HOOK_SECRETS=a,b,c", "HOOK_SECRETS: the number of its items must be 1 to 2\n"},
        {"HOOK_SECRETS=a,", "HOOK_SECRETS: a secret must have 1 to 512 bytes\n"},
        {"API_BASE=https://api.stripe.com", ""},
        {"API_BASE=http://127.0.0.1:8080/v1", ""},
        {"API_BASE=ftp://x",
         "API_BASE: must be an http:// or https:// URL without user, query or fragment\n"},
        {"API_BASE=https://u:p@x",
         "API_BASE: must be an http:// or https:// URL without user, query or fragment\n"},
        {"API_BASE=https://",
         "API_BASE: must be an http:// or https:// URL without user, query or fragment\n"},
        {"HTTP_LISTEN=0.0.0.0:0", ""},
        {"HTTP_LISTEN=[::1]:65535", ""},
        {"HTTP_LISTEN=127.0.0.1:65536",
         "HTTP_LISTEN: must be a numeric address and port, host:port\n"},
        {"HTTP_LISTEN=127.0.0.1:-1",
         "HTTP_LISTEN: must be a numeric address and port, host:port\n"},
        {"HTTP_LISTEN=127.0.0.1", "HTTP_LISTEN: must be a numeric address and port, host:port\n"},
        {"HTTP_LISTEN=localhost:1", "HTTP_LISTEN: must be a numeric address and port, host:port\n"},
        {"HTTP_LISTEN=::1:80", "HTTP_LISTEN: must be a numeric address and port, host:port\n"},
        {"HTTP_LISTEN=[]:80", "HTTP_LISTEN: must be a numeric address and port, host:port\n"},
        {"HTTP_LISTEN=:80", "HTTP_LISTEN: must be a numeric address and port, host:port\n"},
        {"LOG_LEVEL=loud", "LOG_LEVEL: must be one of debug|info|warn|error\n"},
        {"HOLDFAST_ADMIN=x", "HOLDFAST_ADMIN: is not known\n"},
        {"OTHER=x", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *mistakes = mistakes_of(fixture, &plain, DEV, cases[i].variable, NULL);
        if (strcmp(mistakes, cases[i].mistake) != 0) {
            fail_msg("%s: '%s', not '%s'", cases[i].variable, mistakes, cases[i].mistake);
        }
        conf_wipe(fixture->conf);
    }
}

static void long_values_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static char longest[CONF_VALUE_MAX_BYTES + 16];
    memset(longest, 'x', sizeof(longest) - 1);
    memcpy(longest, "NAME=", 5);
    assert_string_equal(mistakes_of(fixture, &plain, DEV, longest, NULL),
                        "NAME: is longer than 8192 bytes\n");
}

static void all_mistakes_are_told_at_once_without_values(void **state)
{
    struct fixture *fixture = *state;
    const char *mistakes =
        mistakes_of(fixture, &with_engine, "HOLDFAST_ENV=canary", "COUNT=canary", NULL);
    assert_string_equal(mistakes, "HOLDFAST_ENV: must be one of development|test|production\n"
                                  "DATABASE_URL: must be given\n"
                                  "KAFKA_BROKERS: must be given\n"
                                  "COUNT: must be an integer\n");
    assert_string_equal(mistakes_of(fixture, &plain, NULL, NULL, NULL),
                        "HOLDFAST_ENV: must be given\n");
}

static void production_refuses_what_is_for_tests(void **state)
{
    struct fixture *fixture = *state;
    const struct judged cases[] = {
        {"API_KEY=sk_live_abc", ""},
        {"API_KEY=sk_test_abc",
         "API_KEY: production refuses values that begin with sk_test_|rk_test_\n"},
        {"API_KEY=rk_test_abc",
         "API_KEY: production refuses values that begin with sk_test_|rk_test_\n"},
        {"API_KEY=ChangeMe", "API_KEY: is a default password, which production refuses\n"},
        {"HOOK_SECRETS=whsec_live,whsec_test9",
         "HOOK_SECRETS: production refuses values that begin with whsec_test\n"},
        {"API_BASE=https://x", ""},
        {"API_BASE=http://x", "API_BASE: production refuses values that begin with http://\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(mistakes_of(fixture, &plain, PROD, cases[i].variable, NULL),
                            cases[i].mistake);
    }
    const char *weak[] = {"postgresql://u:postgres@h/d", "postgres://u:SECRET@h/d",
                          "postgresql://h/d?user=u&password=holdfast&x=y",
                          "host=h password=password user=u", "host=h password='admin'"};
    for (size_t i = 0; i < ARRAY_LEN(weak); i++) {
        char variable[128] = "DATABASE_URL=";
        memcpy(variable + strlen(variable), weak[i], strlen(weak[i]) + 1);
        assert_non_null(
            strstr(mistakes_of(fixture, &with_engine, PROD, "KAFKA_BROKERS=a:1", variable),
                   "DATABASE_URL: is a default password, which production refuses\n"));
        assert_string_equal(mistakes_of(fixture, &with_engine, DEV, "KAFKA_BROKERS=a:1", variable),
                            "");
    }
    const char *strong = "DATABASE_URL=postgresql://postgres:f7Qk2nXw@holdfast/postgres";
    assert_string_equal(mistakes_of(fixture, &with_engine, PROD, "KAFKA_BROKERS=a:1", strong),
                        "KAFKA_SECURITY_PROTOCOL: production refuses values that begin with "
                        "plaintext|sasl_plaintext\n");
    assert_non_null(strstr(mistakes_of(fixture, &with_engine, DEV, "KAFKA_BROKERS=a:1",
                                       "KAFKA_SECURITY_PROTOCOL=sasl_ssl"),
                           "KAFKA_SASL_PASSWORD: must be given with this KAFKA_SECURITY_PROTOCOL"));
}

static void files_are_read(void **state)
{
    struct fixture *fixture = *state;
    char path[] = "/tmp/conf_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "sk_live_1\n", 10), 10);
    close(fd);
    char variable[64] = "API_KEY_FILE=";
    memcpy(variable + strlen(variable), path, sizeof(path));
    assert_string_equal(mistakes_of(fixture, &plain, PROD, variable, NULL), "");
    assert_true(secret_eq(conf_secret(fixture->conf, "API_KEY"), STR("sk_live_1")));
    assert_string_equal(mistakes_of(fixture, &plain, DEV, variable, "API_KEY=abc"),
                        "API_KEY: is given twice: as it is and as _FILE\n");
    unlink(path);
    assert_string_equal(mistakes_of(fixture, &plain, DEV, variable, NULL),
                        "API_KEY: the file that its _FILE names cannot be read\n");
}

static void secrets_are_masked_and_wiped(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(mistakes_of(fixture, &with_engine, DEV,
                                    "DATABASE_URL=postgresql://u:canary@h/d", "KAFKA_BROKERS=a:1"),
                        "");
    struct str text;
    assert_int_equal(conf_print(&fixture->op, fixture->conf, &text).kind, STATUS_OK);
    assert_null(strstr(text.ptr, "canary"));
    assert_non_null(strstr(text.ptr, "HOLDFAST_ENV=development\nLOG_LEVEL=info # default\n"));
    assert_non_null(strstr(text.ptr, "\nDATABASE_URL=********\n"));
    assert_non_null(strstr(text.ptr, "\n# API_KEY is not set\n"));
    const struct secret *url = conf_secret(fixture->conf, "DATABASE_URL");
    assert_true(url->len > 0);
    conf_wipe(fixture->conf);
    assert_int_equal(url->len, 0);
    assert_int_equal(url->bytes[0], '\0');
}

static void help_and_docs_name_every_key(void **state)
{
    struct fixture *fixture = *state;
    struct str help;
    struct str docs;
    assert_int_equal(conf_help(&fixture->op, &with_engine, &help).kind, STATUS_OK);
    assert_int_equal(conf_docs(&fixture->op, &with_engine, STR("tester"), &docs).kind, STATUS_OK);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_non_null(strstr(help.ptr, keys[i].name));
        assert_non_null(strstr(docs.ptr, keys[i].name));
    }
    assert_non_null(strstr(help.ptr, "  COUNT  (integer, 1 to 8 (things); default: 3)\n"
                                     "      How many.\n"));
    assert_non_null(strstr(docs.ptr, "| `COUNT` | integer, 1 to 8 (things) | `3` | How many. |\n"));
    assert_non_null(strstr(docs.ptr, "| `LOG_LEVEL` | debug, info, warn, error | `info` |"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_and_values_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(each_type_has_its_edges, setup, teardown),
        cmocka_unit_test_setup_teardown(long_values_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(all_mistakes_are_told_at_once_without_values, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(production_refuses_what_is_for_tests, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(secrets_are_masked_and_wiped, setup, teardown),
        cmocka_unit_test_setup_teardown(help_and_docs_name_every_key, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
