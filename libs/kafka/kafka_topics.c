/* topology.yaml against the brokers: create what is missing, refuse what differs in partitions. */
#include "kafka/kafka_topics.h"

#include <poll.h>

#include "base/clock.h"
#include "topology/topology.h"

#define REQUEST_MS 10000
/* A created topic is known to the brokers within milliseconds; how long we wait for that. */
#define VISIBLE_MS 15000
#define VISIBLE_STEP_MS 20
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)
#define NAME_MAX_BYTES 249 /* Kafka's own limit */

static STATUS topic_name(struct op *op, struct str prefix, enum topic topic, const char **ret_name)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, NAME_MAX_BYTES);
    strbuf_add(&buf, prefix);
    strbuf_add(&buf, str_of(topology_topics[topic].name));
    struct str name;
    if (!strbuf_finish(&buf, &name)) {
        return op_arena_full(op);
    }
    *ret_name = name.ptr;
    return OK;
}

static STATUS check_count(struct op *op, const char *name, int32_t count)
{
    if (count == 0 || count == TOPOLOGY_PARTITIONS) {
        return OK;
    }
    return op_fail(op, STATUS_STOP, "kafka.partition_count",
                   "topic %s has %d partitions, and must have %d: a key's partition would change",
                   name, (int)count, TOPOLOGY_PARTITIONS);
}

static STATUS await_visible(struct op *op, struct kafka_admin *admin, const char *name)
{
    int64_t until_ms = clock_mono_ms() + VISIBLE_MS;
    while (clock_mono_ms() < until_ms) {
        int32_t count = 0;
        TRY(kafka_admin_partition_count(op, admin, name, REQUEST_MS, &count));
        TRY(check_count(op, name, count));
        if (count == TOPOLOGY_PARTITIONS) {
            return OK;
        }
        /* There is nothing to wait on: the brokers tell nobody when a topic appears. */
        if (poll(NULL, 0, VISIBLE_STEP_MS) < 0) {
            continue; /* a signal: ask again at once */
        }
    }
    return op_fail(op, STATUS_RETRY, "kafka.unavailable", "topic %s was created and is not seen",
                   name);
}

static STATUS check_retention(struct op *op, struct kafka_admin *admin, const char *name,
                              int64_t wanted_ms, struct kafka_topics_result *result)
{
    int64_t retention_ms = 0;
    TRY(kafka_admin_retention(op, admin, name, REQUEST_MS, &retention_ms));
    if (retention_ms != wanted_ms) {
        result->differences[result->difference_count++] = (struct kafka_topics_difference){
            .name = name, .retention_ms = retention_ms, .wanted_ms = wanted_ms};
    }
    return OK;
}

/* What is there is checked, what is missing is added to the list. */
static STATUS look_at(struct op *op, struct kafka_admin *admin,
                      const struct kafka_topics_options *options, enum topic topic,
                      struct kafka_topic_spec missing[TOPIC_COUNT],
                      struct kafka_topics_result *result)
{
    int64_t wanted_ms = topology_topics[topic].retention_days * DAY_MS;
    const char *name = NULL;
    int32_t count = 0;
    TRY(topic_name(op, options->topic_prefix, topic, &name));
    TRY(kafka_admin_partition_count(op, admin, name, REQUEST_MS, &count));
    TRY(check_count(op, name, count));
    if (count > 0) {
        result->existing_count++;
        return check_retention(op, admin, name, wanted_ms, result);
    }
    missing[result->created_count++] = (struct kafka_topic_spec){
        .name = name,
        .partition_count = TOPOLOGY_PARTITIONS,
        .replication_factor = options->replication_factor,
        .min_insync_replicas = options->min_insync_replicas,
        .retention_ms = wanted_ms,
    };
    return OK;
}

STATUS kafka_topics_ensure(struct op *op, const struct kafka_topics_options *options,
                           struct kafka_topics_result *ret_result)
{
    DEFER(kafka_admin_free_at) struct kafka_admin *admin = NULL;
    TRY(kafka_admin_open(op, &options->common, &admin));
    struct kafka_topic_spec missing[TOPIC_COUNT];
    struct kafka_topics_result result = {0};
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        TRY(look_at(op, admin, options, topic, missing, &result));
    }
    TRY(kafka_admin_create(op, admin, missing, result.created_count, REQUEST_MS));
    for (uint32_t i = 0; i < result.created_count; i++) {
        TRY(await_visible(op, admin, missing[i].name));
    }
    *ret_result = result;
    return OK;
}
