/* topology.yaml on a real broker: created as told, left alone the second time, refused if it differs. */
#include "kafka/kafka_topics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "testing/testing_kafka.h"
#include "topology/topology.h"

#define TEST_ARENA_BYTES ((size_t)1024 * 1024)
#define WAIT_MS 10000

struct rig {
    struct arena arena;
    struct op op;
    struct kafka_topics_options options;
    struct kafka_admin *admin;
};

static int setup(void **state)
{
    static struct rig rig;
    arena_init(&rig.arena, TEST_ARENA_BYTES);
    rig.op = (struct op){.arena = &rig.arena};
    rig.options = (struct kafka_topics_options){
        .common = {.brokers = testing_kafka_real(), .client_id = STR("kafka_topics_test")},
        .topic_prefix = testing_kafka_prefix(&rig.op),
        .replication_factor = 1,
        .min_insync_replicas = 1,
    };
    struct status st = kafka_admin_open(&rig.op, &rig.options.common, &rig.admin);
    assert_int_equal(st.kind, STATUS_OK);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    kafka_admin_free(rig->admin);
    testing_kafka_drop(&rig->op, rig->options.common.brokers, rig->options.topic_prefix);
    arena_fini(&rig->arena);
    return 0;
}

static const char *name_of(struct rig *rig, enum topic topic)
{
    struct strbuf buf;
    strbuf_init(&buf, &rig->arena, 249);
    strbuf_addf(&buf, STR_FMT "%s", STR_ARG(rig->options.topic_prefix),
                topology_topics[topic].name);
    struct str name;
    assert_true(strbuf_finish(&buf, &name));
    return name.ptr;
}

static void missing_topics_are_created_once(void **state)
{
    struct rig *rig = *state;
    struct kafka_topics_result result = {0};
    struct status st = kafka_topics_ensure(&rig->op, &rig->options, &result);
    assert_int_equal(st.kind, STATUS_OK);
    assert_int_equal(result.created_count, TOPIC_COUNT - 1);
    assert_int_equal(result.existing_count, 0);
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        int32_t count = 0;
        st =
            kafka_admin_partition_count(&rig->op, rig->admin, name_of(rig, topic), WAIT_MS, &count);
        assert_int_equal(st.kind, STATUS_OK);
        assert_int_equal(count, TOPOLOGY_PARTITIONS);
        int64_t retention_ms = 0;
        st = kafka_admin_retention(&rig->op, rig->admin, name_of(rig, topic), WAIT_MS,
                                   &retention_ms);
        assert_int_equal(st.kind, STATUS_OK);
        assert_int_equal(retention_ms,
                         (int64_t)topology_topics[topic].retention_days * 86400 * 1000);
    }
    st = kafka_topics_ensure(&rig->op, &rig->options, &result);
    assert_int_equal(st.kind, STATUS_OK);
    assert_int_equal(result.created_count, 0);
    assert_int_equal(result.existing_count, TOPIC_COUNT - 1);
}

static void another_partition_count_is_refused(void **state)
{
    struct rig *rig = *state;
    struct kafka_topic_spec odd = {.name = name_of(rig, TOPIC_PAYMENTS_EVENTS_V1),
                                   .partition_count = 3,
                                   .replication_factor = 1,
                                   .min_insync_replicas = 1,
                                   .retention_ms = 1000};
    struct status st = kafka_admin_create(&rig->op, rig->admin, &odd, 1, WAIT_MS);
    assert_int_equal(st.kind, STATUS_OK);
    st = kafka_admin_create(&rig->op, rig->admin, &odd, 1, WAIT_MS); /* left alone */
    assert_int_equal(st.kind, STATUS_OK);
    int32_t count = 0;
    while (count != 3) { /* the brokers see a new topic a moment after its creation */
        st = kafka_admin_partition_count(&rig->op, rig->admin, odd.name, WAIT_MS, &count);
        assert_int_equal(st.kind, STATUS_OK);
    }
    struct kafka_topics_result result;
    st = kafka_topics_ensure(&rig->op, &rig->options, &result);
    assert_int_equal(st.kind, STATUS_STOP);
    assert_string_equal(rig->op.err.code, "kafka.partition_count");
    assert_non_null(strstr(rig->op.err.msg, "payments.events.v1 has 3 partitions"));
    /* And nothing else was created before the refusal. */
    st = kafka_admin_partition_count(&rig->op, rig->admin, name_of(rig, TOPIC_ESCROW_COMMANDS_V1),
                                     WAIT_MS, &count);
    assert_int_equal(st.kind, STATUS_OK);
    assert_int_equal(count, 0);
}

static void more_copies_than_brokers_are_refused(void **state)
{
    struct rig *rig = *state;
    rig->options.replication_factor = 99;
    struct kafka_topics_result result;
    struct status st = kafka_topics_ensure(&rig->op, &rig->options, &result);
    assert_int_equal(st.kind, STATUS_STOP);
    assert_string_equal(rig->op.err.code, "kafka.replication");
}

int main(void)
{
    if (testing_kafka_real().len == 0) {
        return TESTING_KAFKA_SKIP;
    }
#define ON_A_RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ON_A_RIG(missing_topics_are_created_once),
        ON_A_RIG(another_partition_count_is_refused),
        ON_A_RIG(more_copies_than_brokers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
