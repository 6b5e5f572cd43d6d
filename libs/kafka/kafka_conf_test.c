/* Settings that librdkafka does not take are refused with a reason, and never with a secret. */
#include "kafka/kafka_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kafka/kafka_admin.h"
#include "kafka/kafka_consumer.h"
#include "kafka/kafka_producer.h"

#define TEST_ARENA_BYTES ((size_t)1024 * 1024)

static void no_report(void *context, void *tag, bool written, int64_t broker_at_ms)
{
    (void)context;
    (void)tag;
    (void)written;
    (void)broker_at_ms;
}

/* Opens and closes one of each; the status of the first that fails. */
static struct status open_each(struct op *op, const struct kafka_options *common)
{
    DEFER(kafka_consumer_free_at) struct kafka_consumer *consumer = NULL;
    DEFER(kafka_producer_free_at) struct kafka_producer *producer = NULL;
    DEFER(kafka_admin_free_at) struct kafka_admin *admin = NULL;
    struct kafka_consumer_options consumer_options = {.common = *common, .group_id = STR("g")};
    struct kafka_producer_options producer_options = {
        .common = *common, .queue_max = 10, .report = no_report};
    TRY(kafka_consumer_open(op, &consumer_options, &consumer));
    TRY(kafka_producer_open(op, &producer_options, &producer));
    return kafka_admin_open(op, common, &admin);
}

static void count_lines(void *context, int level, struct str facility, struct str text)
{
    (void)level;
    (void)text;
    assert_false(str_eq(facility, STR("CONFWARN")));
    __atomic_add_fetch((int *)context, 1, __ATOMIC_RELAXED);
}

static void every_setting_is_taken(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    int lines = 0;
    struct kafka_options options = {
        .brokers = STR("127.0.0.1:1"), .client_id = STR("me"), .log = count_lines};
    options.log_context = &lines;
    struct status st = open_each(&op, &options);
    assert_int_equal(st.kind, STATUS_OK);

    DEFER(secret_fini) struct secret password = {0};
    assert_true(secret_set(&password, STR("correct horse")));
    options.security = (struct kafka_security){
        .protocol = STR("sasl_plaintext"),
        .sasl_mechanism = STR("SCRAM-SHA-512"),
        .username = STR("escrow"),
        .password = &password,
    };
    st = open_each(&op, &options);
    assert_int_equal(st.kind, STATUS_OK);
}

static void refused(struct op *op, const struct kafka_options *options, const char *says)
{
    struct status st = open_each(op, options);
    assert_int_equal(st.kind, STATUS_STOP);
    assert_string_equal(op->err.code, "kafka.config");
    assert_non_null(strstr(op->err.msg, says));
    assert_null(strstr(op->err.msg, "correct horse"));
}

static void what_is_not_taken_is_named(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES);
    struct op op = {.arena = &arena};
    DEFER(secret_fini) struct secret password = {0};
    assert_true(secret_set(&password, STR("correct horse")));
    struct kafka_options options = {.security = {.password = &password}};
    refused(&op, &options, "no brokers");
    options.brokers = STR("127.0.0.1:1");
    options.security.protocol = STR("carrier pigeon");
    refused(&op, &options, "security.protocol");
    options.security.protocol = STR("sasl_plaintext");
    options.security.sasl_mechanism = STR("TRUST-ME");
    refused(&op, &options, "");
    options.security =
        (struct kafka_security){.protocol = STR("ssl"), .ca_location = STR("/nowhere/ca.pem")};
    refused(&op, &options, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_is_taken),
        cmocka_unit_test(what_is_not_taken_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
