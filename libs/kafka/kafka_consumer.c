/*
 * A consumer without a group: partitions come by hand, records are polled one by one (the batch
 * calls of librdkafka 2.0.2 skip offsets), and an offset outside the log is an error, never a jump.
 */
#include "kafka/kafka_consumer.h"

#include "base/assert.h"
#include "kafka/kafka_consumer_internal.h"
#include "kafka/kafka_error.h"

/* Reports of faults that heal, passed over in one poll: so that poll ends. */
#define SKIPPED_MAX 64

/* A fetch answer holds this much over all partitions, and each of them this much: what a burst may
 * cost beyond the queue. Both hold at least one batch of the largest size. */
#define FETCH_MAX_BYTES (4 * 1024 * 1024)
#define FETCH_PARTITION_MAX_BYTES (512 * 1024)
#define RECEIVE_MAX_BYTES (8 * 1024 * 1024)

_Static_assert(FETCH_PARTITION_MAX_BYTES > KAFKA_TOPIC_BATCH_MAX_BYTES, "a batch fits");
_Static_assert(FETCH_MAX_BYTES > FETCH_PARTITION_MAX_BYTES, "a partition's share fits");
_Static_assert(RECEIVE_MAX_BYTES > FETCH_MAX_BYTES + 512, "librdkafka demands it");

static const struct kafka_setting consumer_settings[] = {
    {"auto.offset.reset", "error"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"check.crcs", "true"},
    {"enable.partition.eof", "false"},
    {"fetch.min.bytes", "1"},
    {"fetch.error.backoff.ms", "100"},
    /* No group is joined, so this is only how long closing waits for a coordinator that is away
     * to take a last position (45 s by default). heartbeat.interval.ms stays below it. */
    {"session.timeout.ms", "1000"},
    {"heartbeat.interval.ms", "300"},
    /* A consumer's request may be repeated at no cost, so a frozen broker is left early; closing
     * waits this long for the answer to a last position. */
    {"socket.timeout.ms", "3000"},
    /* A stranger's hanging transaction must not hold up a lane; our records know none. */
    {"isolation.level", "read_uncommitted"},
};

static STATUS configure(struct op *op, rd_kafka_conf_t *conf,
                        const struct kafka_consumer_options *options)
{
    TRY(kafka_conf_set(op, conf, consumer_settings, ARRAY_LEN(consumer_settings)));
    /* librdkafka wants a group id even for a consumer that joins none. */
    struct str group = options->group_id.len > 0 ? options->group_id : options->common.client_id;
    TRY(kafka_conf_set_str(op, conf, "group.id", group.len > 0 ? group : STR("none")));
    uint32_t records = options->queue_records ? options->queue_records : KAFKA_QUEUE_RECORDS;
    uint32_t kbytes = options->queue_kbytes ? options->queue_kbytes : KAFKA_QUEUE_KBYTES;
    uint32_t wait_ms = options->fetch_wait_ms ? options->fetch_wait_ms : KAFKA_FETCH_WAIT_MS;
    TRY(kafka_conf_set_number(op, conf, "queued.min.messages", records));
    TRY(kafka_conf_set_number(op, conf, "queued.max.messages.kbytes", kbytes));
    TRY(kafka_conf_set_number(op, conf, "fetch.wait.max.ms", wait_ms));
    TRY(kafka_conf_set_number(op, conf, "fetch.max.bytes", FETCH_MAX_BYTES));
    TRY(kafka_conf_set_number(op, conf, "max.partition.fetch.bytes", FETCH_PARTITION_MAX_BYTES));
    return kafka_conf_set_number(op, conf, "receive.message.max.bytes", RECEIVE_MAX_BYTES);
}

STATUS kafka_consumer_open(struct op *op, const struct kafka_consumer_options *options,
                           struct kafka_consumer **ret_consumer)
{
    struct arena arena;
    arena_init(&arena, 2 * sizeof(struct kafka_consumer));
    struct kafka_consumer *made = arena_new(&arena, struct kafka_consumer, 1);
    if (!made) {
        return op_arena_full(op);
    }
    made->arena = arena;
    DEFER(kafka_consumer_free_at) struct kafka_consumer *consumer = made;
    consumer->commits = options->group_id.len > 0;
    DEFER(kafka_conf_free_at) rd_kafka_conf_t *conf = NULL;
    TRY(kafka_conf_new(op, &options->common, &consumer->logger, &conf));
    TRY(configure(op, conf, options));
    TRY(kafka_conf_open(op, RD_KAFKA_CONSUMER, &conf, &consumer->rk));
    rd_kafka_resp_err_t err = rd_kafka_poll_set_consumer(consumer->rk);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(op, (int)err, "set up the consumer", NULL);
    }
    consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
    ASSERT(consumer->queue);
    *ret_consumer = TAKE(consumer);
    return OK;
}

void kafka_consumer_free(struct kafka_consumer *consumer)
{
    if (!consumer) {
        return;
    }
    if (consumer->queue) {
        rd_kafka_queue_io_event_enable(consumer->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(consumer->queue);
    }
    if (consumer->rk) {
        /* With partitions assigned and a position on its way, the next call takes a second. */
        rd_kafka_assign(consumer->rk, NULL);
        /* Closing in order can hang in 2.0.2 and has nothing to do here: there is no group to
         * leave, and nothing is committed by itself. */
        if (!kafka_destroy(consumer->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)) {
            return; /* its callbacks may still come */
        }
    }
    struct arena arena = consumer->arena; /* the struct lives in it */
    arena_fini(&arena);
}

STATUS kafka_consumer_assign(struct op *op, struct kafka_consumer *consumer, const char *topic,
                             int32_t partition, int64_t offset)
{
    ASSERT(offset >= 0);
    DEFER(kafka_partitions_free_at)
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    return kafka_error_take(op, rd_kafka_incremental_assign(consumer->rk, list), "assign");
}

void kafka_consumer_unassign(struct kafka_consumer *consumer, const char *topic, int32_t partition)
{
    DEFER(kafka_partitions_free_at)
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(consumer->rk, list);
    if (error) {
        rd_kafka_error_destroy(error); /* it was not assigned */
    }
}

/* The message is a fault. OK: it heals by itself. */
static STATUS judge_fault(struct op *op, const rd_kafka_message_t *message,
                          struct kafka_record *ret_record)
{
    /* The group is for lag tools alone: reading goes on without it. */
    if (kafka_error_heals((int)message->err) ||
        message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
        return OK;
    }
    *ret_record = (struct kafka_record){.partition = -1, .offset = message->offset};
    if (message->rkt) {
        /* The topic object outlives the message: a consumer keeps those it has assigned. */
        ret_record->topic = rd_kafka_topic_name(message->rkt);
        ret_record->partition = message->partition;
    }
    return kafka_error(op, (int)message->err, "consume", rd_kafka_message_errstr(message));
}

static struct str bytes(const void *ptr, size_t len)
{
    return ptr ? (struct str){.ptr = ptr, .len = len} : (struct str){.ptr = "", .len = 0};
}

static struct kafka_record record_of(rd_kafka_message_t *message)
{
    struct kafka_record record = {
        .topic = rd_kafka_topic_name(message->rkt),
        .partition = message->partition,
        .offset = message->offset,
        .key = bytes(message->key, message->key_len),
        .value = bytes(message->payload, message->len),
        .handle = message,
    };
    rd_kafka_timestamp_type_t type;
    record.broker_at_ms = rd_kafka_message_timestamp(message, &type);
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        record.headers = headers;
    }
    return record;
}

STATUS kafka_consumer_poll(struct op *op, struct kafka_consumer *consumer, int wait_ms,
                           struct kafka_record *ret_record, bool *ret_got)
{
    for (int skipped = 0; skipped < SKIPPED_MAX; skipped++) {
        /* Only the first may wait, so that wait_ms bounds the whole call. */
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(consumer->rk, skipped == 0 ? wait_ms : 0);
        if (!message) {
            break;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            *ret_record = record_of(message);
            *ret_got = true;
            return OK;
        }
        struct status st = judge_fault(op, message, ret_record);
        rd_kafka_message_destroy(message);
        TRY(st);
    }
    *ret_got = false;
    return OK;
}

bool kafka_record_header(const struct kafka_record *record, size_t index, struct str *ret_name,
                         struct str *ret_value)
{
    const char *name = NULL;
    const void *value = NULL;
    size_t len = 0;
    if (!record->headers || rd_kafka_header_get_all(record->headers, index, &name, &value, &len) !=
                                RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    *ret_name = str_of(name);
    *ret_value = bytes(value, len);
    return true;
}

void kafka_record_free(struct kafka_record *record)
{
    if (record->handle) {
        rd_kafka_message_destroy(record->handle);
    }
    *record = (struct kafka_record){0};
}

void kafka_consumer_notify(struct kafka_consumer *consumer, int event_fd)
{
    static const uint64_t one = 1; /* what an eventfd takes */
    rd_kafka_queue_io_event_enable(consumer->queue, event_fd, &one, sizeof(one));
}

bool kafka_consumer_ready(struct kafka_consumer *consumer)
{
    return rd_kafka_queue_length(consumer->queue) > 0;
}

void kafka_consumer_commit(struct kafka_consumer *consumer, const struct kafka_position *positions,
                           size_t position_count, int wait_ms)
{
    if (!consumer->commits || position_count == 0) {
        return;
    }
    DEFER(kafka_partitions_free_at)
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)position_count);
    for (size_t i = 0; i < position_count; i++) {
        const struct kafka_position *position = &positions[i];
        rd_kafka_topic_partition_list_add(list, position->topic, position->partition)->offset =
            position->next_offset;
    }
    if (wait_ms == 0) {
        rd_kafka_commit(consumer->rk, list, 1 /* in the background */);
        return;
    }
    DEFER(kafka_queue_free_at) rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    if (rd_kafka_commit_queue(consumer->rk, list, queue, NULL, NULL) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        DEFER(kafka_event_free_at) rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms);
    }
}

/* One end of each partition's log: RD_KAFKA_OFFSET_BEGINNING or _END. Not by
 * rd_kafka_query_watermark_offsets: in 2.0.2 that waits for a frozen broker beyond its time limit. */
static STATUS ask_offsets(struct op *op, struct kafka_consumer *consumer,
                          rd_kafka_topic_partition_list_t *list, int64_t end, int timeout_ms)
{
    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = end; /* stands where a time would */
    }
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(consumer->rk, list, timeout_ms);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(op, (int)err, "ask for offsets", NULL);
    }
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *answer = &list->elems[i];
        if (answer->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return kafka_error(op, (int)answer->err, answer->topic, NULL);
        }
        if (answer->offset < 0) {
            return kafka_error(op, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, answer->topic,
                               "no offset was told");
        }
    }
    return OK;
}

STATUS kafka_consumer_watermarks(struct op *op, struct kafka_consumer *consumer,
                                 struct kafka_watermark *watermarks, size_t watermark_count,
                                 int timeout_ms)
{
    if (watermark_count == 0) {
        return OK;
    }
    DEFER(kafka_partitions_free_at)
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)watermark_count);
    for (size_t i = 0; i < watermark_count; i++) {
        rd_kafka_topic_partition_list_add(list, watermarks[i].topic, watermarks[i].partition);
    }
    /* The low one first: a record that comes in between is then counted, not missed. */
    TRY(ask_offsets(op, consumer, list, RD_KAFKA_OFFSET_BEGINNING, timeout_ms));
    for (size_t i = 0; i < watermark_count; i++) {
        watermarks[i].low = list->elems[i].offset;
    }
    TRY(ask_offsets(op, consumer, list, RD_KAFKA_OFFSET_END, timeout_ms));
    for (size_t i = 0; i < watermark_count; i++) {
        watermarks[i].high = list->elems[i].offset;
    }
    return OK;
}
