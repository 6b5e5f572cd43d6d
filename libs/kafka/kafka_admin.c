/* Questions and orders about the cluster: one request, one answer, a bounded wait. */
#include "kafka/kafka_admin.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "kafka/kafka_consumer_internal.h"
#include "kafka/kafka_error.h"
#include "kafka/kafka_internal.h"

/* Topics created by one call: more than topology.yaml will ever list. */
#define SPECS_MAX 64
#define CLUSTER_ID_MAX_BYTES 256

struct kafka_admin {
    struct kafka_logger logger; /* first: the handle's opaque */
    struct arena arena;         /* this struct lives in it */
    rd_kafka_t *rk;
    bool owned; /* the handle is ours to destroy */
};

static STATUS admin_new(struct op *op, struct kafka_admin **ret_admin)
{
    struct arena arena;
    arena_init(&arena, 2 * sizeof(struct kafka_admin));
    struct kafka_admin *admin = arena_new(&arena, struct kafka_admin, 1);
    if (!admin) {
        return op_arena_full(op);
    }
    admin->arena = arena;
    *ret_admin = admin;
    return OK;
}

STATUS kafka_admin_open(struct op *op, const struct kafka_options *options,
                        struct kafka_admin **ret_admin)
{
    DEFER(kafka_admin_free_at) struct kafka_admin *admin = NULL;
    TRY(admin_new(op, &admin));
    DEFER(kafka_conf_free_at) rd_kafka_conf_t *conf = NULL;
    TRY(kafka_conf_new(op, options, &admin->logger, &conf));
    TRY(kafka_conf_open(op, RD_KAFKA_PRODUCER, &conf, &admin->rk));
    admin->owned = true;
    *ret_admin = TAKE(admin);
    return OK;
}

STATUS kafka_admin_borrow(struct op *op, struct kafka_consumer *consumer,
                          struct kafka_admin **ret_admin)
{
    TRY(admin_new(op, ret_admin));
    (*ret_admin)->rk = consumer->rk;
    return OK;
}

void kafka_admin_free(struct kafka_admin *admin)
{
    if (!admin) {
        return;
    }
    if (admin->owned && !kafka_destroy(admin->rk, 0)) {
        return; /* its log callback may still come */
    }
    struct arena arena = admin->arena; /* the struct lives in it */
    arena_fini(&arena);
}

STATUS kafka_admin_cluster_id(struct op *op, struct kafka_admin *admin, int timeout_ms,
                              struct str *ret_id)
{
    char *id = rd_kafka_clusterid(admin->rk, timeout_ms);
    if (!id) {
        return kafka_error(op, RD_KAFKA_RESP_ERR__TRANSPORT, "cluster id", "no broker answers");
    }
    struct str copy =
        str_dup(op->arena, (struct str){.ptr = id, .len = strnlen(id, CLUSTER_ID_MAX_BYTES)});
    rd_kafka_mem_free(admin->rk, id);
    if (!copy.ptr) {
        return op_arena_full(op);
    }
    *ret_id = copy;
    return OK;
}

static void metadata_free_at(const struct rd_kafka_metadata **metadata)
{
    if (*metadata) {
        rd_kafka_metadata_destroy(*metadata);
    }
}

STATUS kafka_admin_partition_count(struct op *op, struct kafka_admin *admin, const char *topic,
                                   int timeout_ms, int32_t *ret_count)
{
    DEFER(kafka_topic_free_at)
    rd_kafka_topic_t *handle = rd_kafka_topic_new(admin->rk, topic, NULL);
    if (!handle) {
        return kafka_error(op, (int)rd_kafka_last_error(), topic, NULL);
    }
    DEFER(metadata_free_at) const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err =
        rd_kafka_metadata(admin->rk, 0 /* this topic only */, handle, &metadata, timeout_ms);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(op, (int)err, topic, NULL);
    }
    ASSERT(metadata->topic_cnt == 1);
    const struct rd_kafka_metadata_topic *found = &metadata->topics[0];
    if (found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        *ret_count = 0;
        return OK;
    }
    /* A partition without a leader right now still counts. */
    if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        found->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        return kafka_error(op, (int)found->err, topic, NULL);
    }
    *ret_count = found->partition_cnt;
    return OK;
}

static void options_free_at(rd_kafka_AdminOptions_t **options)
{
    if (*options) {
        rd_kafka_AdminOptions_destroy(*options);
    }
}

/* Options with a time limit for the whole request. */
static STATUS admin_options(struct op *op, struct kafka_admin *admin, rd_kafka_admin_op_t kind,
                            int timeout_ms, rd_kafka_AdminOptions_t **ret_options)
{
    char why[KAFKA_ERRSTR_BYTES];
    DEFER(options_free_at)
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->rk, kind);
    rd_kafka_resp_err_t err =
        rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, why, sizeof(why));
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(op, (int)err, "time limit", why);
    }
    *ret_options = TAKE(options);
    return OK;
}

/* The answer of an admin request; *ret_event is the caller's. */
static STATUS await(struct op *op, rd_kafka_queue_t *queue, int timeout_ms, const char *what,
                    rd_kafka_event_t **ret_event)
{
    DEFER(kafka_event_free_at) rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    if (!event) {
        return kafka_error(op, RD_KAFKA_RESP_ERR__TIMED_OUT, what, NULL);
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(op, (int)rd_kafka_event_error(event), what,
                           rd_kafka_event_error_string(event));
    }
    *ret_event = TAKE(event);
    return OK;
}

static STATUS read_retention(struct op *op, rd_kafka_event_t *event, const char *topic,
                             int64_t *ret_retention_ms)
{
    size_t count = 0;
    const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    ASSERT(count == 1);
    rd_kafka_resp_err_t err = rd_kafka_ConfigResource_error(found[0]);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(op, (int)err, topic, rd_kafka_ConfigResource_error_string(found[0]));
    }
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(found[0], &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "retention.ms") == 0 &&
            str_to_i64(str_of(rd_kafka_ConfigEntry_value(entries[i])), ret_retention_ms)) {
            return OK;
        }
    }
    return op_fail(op, STATUS_RETRY, "kafka.unexpected", "%s: no retention.ms", topic);
}

static void resource_free_at(rd_kafka_ConfigResource_t **resource)
{
    if (*resource) {
        rd_kafka_ConfigResource_destroy(*resource);
    }
}

STATUS kafka_admin_retention(struct op *op, struct kafka_admin *admin, const char *topic,
                             int timeout_ms, int64_t *ret_retention_ms)
{
    DEFER(resource_free_at)
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    DEFER(options_free_at) rd_kafka_AdminOptions_t *options = NULL;
    TRY(admin_options(op, admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms, &options));
    DEFER(kafka_queue_free_at) rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_DescribeConfigs(admin->rk, &resource, 1, options, queue);
    DEFER(kafka_event_free_at) rd_kafka_event_t *event = NULL;
    TRY(await(op, queue, timeout_ms, topic, &event));
    return read_retention(op, event, topic, ret_retention_ms);
}

static STATUS set_number(struct op *op, rd_kafka_NewTopic_t *topic, const char *name, int64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%lld", (long long)value);
    ASSERT(len > 0);
    rd_kafka_resp_err_t err = rd_kafka_NewTopic_set_config(topic, name, text);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? OK : kafka_error(op, (int)err, name, NULL);
}

static STATUS set_text(struct op *op, rd_kafka_NewTopic_t *topic, const char *name,
                       const char *value)
{
    rd_kafka_resp_err_t err = rd_kafka_NewTopic_set_config(topic, name, value);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? OK : kafka_error(op, (int)err, name, NULL);
}

static void new_topic_free_at(rd_kafka_NewTopic_t **topic)
{
    if (*topic) {
        rd_kafka_NewTopic_destroy(*topic);
    }
}

static STATUS new_topic(struct op *op, const struct kafka_topic_spec *spec,
                        rd_kafka_NewTopic_t **ret_topic)
{
    char why[KAFKA_ERRSTR_BYTES];
    DEFER(new_topic_free_at)
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(spec->name, spec->partition_count,
                                                       spec->replication_factor, why, sizeof(why));
    if (!topic) {
        return op_fail(op, STATUS_STOP, "kafka.config", "%s: %s", spec->name, why);
    }
    /* Never compaction: it would erase an escrow's history. */
    TRY(set_text(op, topic, "cleanup.policy", "delete"));
    TRY(set_text(op, topic, "message.timestamp.type", "LogAppendTime"));
    /* A replica that missed records must never lead: there is no other sign of a lost tail. */
    TRY(set_text(op, topic, "unclean.leader.election.enable", "false"));
    TRY(set_number(op, topic, "retention.ms", spec->retention_ms));
    TRY(set_number(op, topic, "retention.bytes", -1 /* by age only */));
    TRY(set_number(op, topic, "max.message.bytes", KAFKA_TOPIC_BATCH_MAX_BYTES));
    TRY(set_number(op, topic, "min.insync.replicas", spec->min_insync_replicas));
    *ret_topic = TAKE(topic);
    return OK;
}

static STATUS judge_created(struct op *op, rd_kafka_event_t *event)
{
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
        if (err == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR) {
            return op_fail(op, STATUS_STOP, "kafka.replication", "%s: %s",
                           rd_kafka_topic_result_name(results[i]),
                           rd_kafka_topic_result_error_string(results[i]));
        }
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            return kafka_error(op, (int)err, rd_kafka_topic_result_name(results[i]),
                               rd_kafka_topic_result_error_string(results[i]));
        }
    }
    return OK;
}

static STATUS create(struct op *op, struct kafka_admin *admin, rd_kafka_NewTopic_t **topics,
                     size_t topic_count, int timeout_ms)
{
    DEFER(options_free_at) rd_kafka_AdminOptions_t *options = NULL;
    TRY(admin_options(op, admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms, &options));
    DEFER(kafka_queue_free_at) rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_CreateTopics(admin->rk, topics, topic_count, options, queue);
    DEFER(kafka_event_free_at) rd_kafka_event_t *event = NULL;
    TRY(await(op, queue, timeout_ms, "create topics", &event));
    return judge_created(op, event);
}

STATUS kafka_admin_create(struct op *op, struct kafka_admin *admin,
                          const struct kafka_topic_spec *specs, uint32_t spec_count, int timeout_ms)
{
    ASSERT(spec_count <= SPECS_MAX);
    if (spec_count == 0) {
        return OK;
    }
    rd_kafka_NewTopic_t *topics[SPECS_MAX] = {0};
    struct status st = OK;
    size_t made = 0;
    for (; made < spec_count && !status_failed(st); made++) {
        st = new_topic(op, &specs[made], &topics[made]);
    }
    if (!status_failed(st)) {
        st = create(op, admin, topics, spec_count, timeout_ms);
    }
    for (size_t i = 0; i < made; i++) {
        new_topic_free_at(&topics[i]);
    }
    return st;
}
