/* Kafka for tests: the mock cluster inside this process, and own topics on a real broker. */
#include "testing/testing_kafka.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/id.h"
#include "kafka/kafka_topics.h"
#include "testing/testing_env.h"
#include "topology/topology.h"

#define WHY_BYTES 256
#define ADMIN_MS 15000
/* Numbers of the requests in Kafka's protocol. */
#define API_PRODUCE 0
#define API_FETCH 1
#define FAULTS_MAX 64

struct testing_kafka {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    int broker_count;
};

static const char *topic_name(struct op *op, struct str prefix, enum topic topic)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, 249 /* Kafka's limit */);
    strbuf_add(&buf, prefix);
    strbuf_add(&buf, str_of(topology_topics[topic].name));
    struct str name;
    bool fits = strbuf_finish(&buf, &name);
    ASSERT(fits);
    return name.ptr;
}

struct testing_kafka *testing_kafka_start(struct op *op, int broker_count, struct str topic_prefix)
{
    struct testing_kafka *cluster = arena_new(op->arena, struct testing_kafka, 1);
    ASSERT(cluster);
    char why[WHY_BYTES];
    cluster->rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof(why));
    ASSERT(cluster->rk);
    cluster->cluster = rd_kafka_mock_cluster_new(cluster->rk, broker_count);
    ASSERT(cluster->cluster);
    cluster->broker_count = broker_count;
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        rd_kafka_resp_err_t err = rd_kafka_mock_topic_create(
            cluster->cluster, topic_name(op, topic_prefix, topic), TOPOLOGY_PARTITIONS, 1);
        ASSERT(err == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    return cluster;
}

void testing_kafka_stop(struct testing_kafka *cluster)
{
    if (cluster && cluster->cluster) {
        rd_kafka_mock_cluster_destroy(cluster->cluster);
        rd_kafka_destroy(cluster->rk);
        cluster->cluster = NULL;
    }
}

struct str testing_kafka_brokers(const struct testing_kafka *cluster)
{
    return str_of(rd_kafka_mock_cluster_bootstraps(cluster->cluster));
}

void testing_kafka_down(struct testing_kafka *cluster, int broker)
{
    for (int i = 1; i <= cluster->broker_count; i++) {
        if (broker == 0 || broker == i) {
            ASSERT(rd_kafka_mock_broker_set_down(cluster->cluster, i) ==
                   RD_KAFKA_RESP_ERR_NO_ERROR);
        }
    }
}

void testing_kafka_up(struct testing_kafka *cluster, int broker)
{
    for (int i = 1; i <= cluster->broker_count; i++) {
        if (broker == 0 || broker == i) {
            ASSERT(rd_kafka_mock_broker_set_up(cluster->cluster, i) == RD_KAFKA_RESP_ERR_NO_ERROR);
        }
    }
}

void testing_kafka_slow(struct testing_kafka *cluster, int broker, int rtt_ms)
{
    ASSERT(rd_kafka_mock_broker_set_rtt(cluster->cluster, broker, rtt_ms) ==
           RD_KAFKA_RESP_ERR_NO_ERROR);
}

void testing_kafka_move_leader(struct testing_kafka *cluster, const char *topic, int32_t partition,
                               int broker)
{
    ASSERT(rd_kafka_mock_partition_set_leader(cluster->cluster, topic, partition, broker) ==
           RD_KAFKA_RESP_ERR_NO_ERROR);
}

static rd_kafka_resp_err_t fault_code(enum testing_kafka_fault fault)
{
    switch (fault) {
    case TESTING_KAFKA_NONE: return RD_KAFKA_RESP_ERR_NO_ERROR;
    case TESTING_KAFKA_NOT_LEADER: return RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    case TESTING_KAFKA_TIMED_OUT: return RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
    case TESTING_KAFKA_TOO_LARGE: return RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    case TESTING_KAFKA_OUT_OF_ORDER: return RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    case TESTING_KAFKA_DENIED: return RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    case TESTING_KAFKA_OFFSET_GONE: return RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
    case TESTING_KAFKA_FAULT_COUNT: break;
    }
    UNREACHABLE("fault");
}

static void fail_requests(struct testing_kafka *cluster, int16_t api,
                          enum testing_kafka_fault fault, unsigned count)
{
    ASSERT(count <= FAULTS_MAX);
    rd_kafka_resp_err_t errors[FAULTS_MAX];
    for (unsigned i = 0; i < count; i++) {
        errors[i] = fault_code(fault);
    }
    rd_kafka_mock_clear_request_errors(cluster->cluster, api);
    rd_kafka_mock_push_request_errors_array(cluster->cluster, api, count, errors);
}

void testing_kafka_fail_produce(struct testing_kafka *cluster, enum testing_kafka_fault fault,
                                unsigned count)
{
    fail_requests(cluster, API_PRODUCE, fault, count);
}

void testing_kafka_fail_fetch(struct testing_kafka *cluster, enum testing_kafka_fault fault,
                              unsigned count)
{
    fail_requests(cluster, API_FETCH, fault, count);
}

/* ---- The real broker ---- */

struct str testing_kafka_real(void)
{
    return testing_env("HOLDFAST_TEST_KAFKA");
}

struct str testing_kafka_prefix(struct op *op)
{
    char text[ID_TEXT_BYTES];
    id_format(id_random(), text);
    struct strbuf buf;
    strbuf_init(&buf, op->arena, 32);
    strbuf_addf(&buf, "t%.8s-", text);
    struct str prefix;
    bool fits = strbuf_finish(&buf, &prefix);
    ASSERT(fits);
    return prefix;
}

STATUS testing_kafka_create(struct op *op, struct str brokers, struct str topic_prefix)
{
    struct kafka_topics_options options = {
        .common = {.brokers = brokers, .client_id = STR("test")},
        .topic_prefix = topic_prefix,
        .replication_factor = 1,
        .min_insync_replicas = 1,
    };
    struct kafka_topics_result result;
    return kafka_topics_ensure(op, &options, &result);
}

static rd_kafka_t *admin_open(struct op *op, struct str brokers)
{
    char why[WHY_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct str copy = str_dup(op->arena, brokers);
    ASSERT(copy.ptr);
    rd_kafka_conf_res_t set =
        rd_kafka_conf_set(conf, "bootstrap.servers", copy.ptr, why, sizeof(why));
    ASSERT(set == RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    ASSERT(rk);
    return rk;
}

/* Waits for the one answer, and closes the handle. The error, or "". */
static const char *admin_finish(rd_kafka_t *rk, rd_kafka_queue_t *queue, struct op *op)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_MS);
    const char *error = "no answer in time";
    if (event) {
        error = rd_kafka_event_error(event) ? rd_kafka_event_error_string(event) : "";
        struct str copy = str_dup(op->arena, str_of(error));
        error = copy.ptr ? copy.ptr : "unknown";
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return error;
}

void testing_kafka_drop(struct op *op, struct str brokers, struct str topic_prefix)
{
    rd_kafka_t *rk = admin_open(op, brokers);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopic_t *topics[TOPIC_COUNT];
    size_t count = 0;
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        topics[count++] = rd_kafka_DeleteTopic_new(topic_name(op, topic_prefix, topic));
    }
    rd_kafka_DeleteTopics(rk, topics, count, NULL, queue);
    rd_kafka_DeleteTopic_destroy_array(topics, count);
    const char *error = admin_finish(rk, queue, op);
    if (error[0] != '\0') {
        (void)fprintf(stderr, "test topics are left behind: %s\n", error);
    }
}

STATUS testing_kafka_truncate(struct op *op, struct str brokers, const char *topic,
                              int32_t partition, int64_t below_offset)
{
    rd_kafka_t *rk = admin_open(op, brokers);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = below_offset;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_DeleteRecords(rk, &request, 1, NULL, queue);
    rd_kafka_DeleteRecords_destroy(request);
    const char *error = admin_finish(rk, queue, op);
    if (error[0] != '\0') {
        return op_fail(op, STATUS_RETRY, "kafka.unavailable", "%s", error);
    }
    return OK;
}

STATUS testing_kafka_committed(struct op *op, struct str brokers, struct str group_id,
                               const char *topic, int32_t partition, int64_t *ret_offset)
{
    char why[WHY_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct str brokers_copy = str_dup(op->arena, brokers);
    struct str group_copy = str_dup(op->arena, group_id);
    ASSERT(brokers_copy.ptr && group_copy.ptr);
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers_copy.ptr, why, sizeof(why));
    rd_kafka_conf_set(conf, "group.id", group_copy.ptr, why, sizeof(why));
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    ASSERT(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t err = rd_kafka_committed(rk, list, ADMIN_MS);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return op_fail(op, STATUS_RETRY, "kafka.unavailable", "%s", rd_kafka_err2name(err));
    }
    *ret_offset = offset < 0 ? -1 : offset;
    return OK;
}
