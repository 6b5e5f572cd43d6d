/*
 * The idempotent producer. One message that cannot be written fails the producer as a whole, so
 * that nothing later overtakes it: whoever holds the messages opens a new one and sends them again.
 */
#include "kafka/kafka_producer.h"

#include "base/assert.h"
#include "kafka/kafka_error.h"
#include "kafka/kafka_internal.h"

/* Of waiting messages; queue_max bounds their number as well. */
#define QUEUE_MAX_KBYTES 65536
/* A batch stays below what the topics take, whatever headers add. While more than a batch waits for a
 * partition, librdkafka 2.0.2 spins: it sends the next one only when the one before is acknowledged,
 * and polls for that without a pause, for a tenth of the machine under load. So a batch is large. (More
 * requests may not wait instead: an idempotent producer refuses queue.buffering.backpressure.threshold
 * above 1.) */
#define BATCH_BYTES 480000

_Static_assert(BATCH_BYTES < KAFKA_MESSAGE_MAX_BYTES, "a batch is no larger than a message");
_Static_assert(KAFKA_MESSAGE_MAX_BYTES < KAFKA_TOPIC_BATCH_MAX_BYTES, "ours is met first");

struct kafka_producer {
    struct kafka_logger logger; /* first: the handle's opaque */
    struct arena arena;         /* this struct lives in it */
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    kafka_report *report;
    void *report_context;
    bool failed;
    rd_kafka_topic_t *topics[KAFKA_PRODUCER_TOPICS_MAX];
};

static const struct kafka_setting producer_settings[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"max.in.flight.requests.per.connection", "5"},
    /* A message is given up by us, never by a clock: a timeout makes duplicates and disorder. */
    {"message.timeout.ms", "0"},
    /* A lost batch is fatal, instead of a gap that later batches jump over. */
    {"enable.gapless.guarantee", "true"},
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct kafka_producer *producer = opaque;
    bool written = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!written) {
        producer->failed = true;
    }
    rd_kafka_timestamp_type_t type;
    int64_t at_ms = rd_kafka_message_timestamp(message, &type);
    bool said = written && type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
    producer->report(producer->report_context, message->_private, written, said ? at_ms : -1);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    (void)rk;
    (void)reason; /* the log has it */
    struct kafka_producer *producer = opaque;
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        producer->failed = true;
    }
}

static STATUS configure(struct op *op, rd_kafka_conf_t *conf,
                        const struct kafka_producer_options *options)
{
    TRY(kafka_conf_set(op, conf, producer_settings, ARRAY_LEN(producer_settings)));
    TRY(kafka_conf_set_number(op, conf, "linger.ms", options->linger_ms));
    TRY(kafka_conf_set_number(op, conf, "batch.size", BATCH_BYTES));
    TRY(kafka_conf_set_number(op, conf, "queue.buffering.max.messages", options->queue_max));
    TRY(kafka_conf_set_number(op, conf, "queue.buffering.max.kbytes", QUEUE_MAX_KBYTES));
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    return OK;
}

STATUS kafka_producer_open(struct op *op, const struct kafka_producer_options *options,
                           struct kafka_producer **ret_producer)
{
    ASSERT(options->report);
    ASSERT(options->queue_max > 0);
    struct arena arena;
    arena_init(&arena, 2 * sizeof(struct kafka_producer));
    struct kafka_producer *made = arena_new(&arena, struct kafka_producer, 1);
    if (!made) {
        return op_arena_full(op);
    }
    made->arena = arena;
    DEFER(kafka_producer_free_at) struct kafka_producer *producer = made;
    producer->report = options->report;
    producer->report_context = options->report_context;
    DEFER(kafka_conf_free_at) rd_kafka_conf_t *conf = NULL;
    TRY(kafka_conf_new(op, &options->common, &producer->logger, &conf));
    TRY(configure(op, conf, options));
    TRY(kafka_conf_open(op, RD_KAFKA_PRODUCER, &conf, &producer->rk));
    producer->queue = rd_kafka_queue_get_main(producer->rk);
    ASSERT(producer->queue);
    *ret_producer = TAKE(producer);
    return OK;
}

void kafka_producer_free(struct kafka_producer *producer)
{
    if (!producer) {
        return;
    }
    if (producer->rk) {
        rd_kafka_queue_io_event_enable(producer->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(producer->queue);
        for (size_t i = 0; i < KAFKA_PRODUCER_TOPICS_MAX; i++) {
            kafka_topic_free_at(&producer->topics[i]);
        }
        /* Otherwise the handle would wait for messages that a dead broker never takes. */
        rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                         RD_KAFKA_PURGE_F_NON_BLOCKING);
        if (!kafka_destroy(producer->rk, 0)) {
            return; /* its callbacks may still come */
        }
    }
    struct arena arena = producer->arena; /* the struct lives in it */
    arena_fini(&arena);
}

STATUS kafka_producer_topic(struct op *op, struct kafka_producer *producer, uint32_t slot,
                            const char *name)
{
    ASSERT(slot < KAFKA_PRODUCER_TOPICS_MAX);
    ASSERT(!producer->topics[slot]);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer->rk, name, NULL);
    if (!topic) {
        return kafka_error(op, (int)rd_kafka_last_error(), name, NULL);
    }
    producer->topics[slot] = topic;
    return OK;
}

static rd_kafka_headers_t *headers_of(const struct kafka_message *message)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct kafka_header *header = &message->headers[i];
        rd_kafka_resp_err_t err =
            rd_kafka_header_add(headers, header->name, -1 /* NUL-terminated */, header->value.ptr,
                                (ssize_t)header->value.len);
        ASSERT(err == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    return headers;
}

STATUS kafka_producer_send(struct op *op, struct kafka_producer *producer,
                           const struct kafka_message *message)
{
    ASSERT(message->topic_slot < KAFKA_PRODUCER_TOPICS_MAX);
    ASSERT(message->header_count <= KAFKA_HEADERS_MAX);
    rd_kafka_topic_t *topic = producer->topics[message->topic_slot];
    ASSERT(topic);
    if (producer->failed) {
        return kafka_error(op, RD_KAFKA_RESP_ERR__FATAL, "produce", NULL);
    }
    rd_kafka_headers_t *headers = headers_of(message);
    /* librdkafka copies from these, but takes pointers that are not const. */
    void *key = message->key.len > 0 ? (void *)(uintptr_t)message->key.ptr : NULL;
    void *value = (void *)(uintptr_t)message->value.ptr;
    rd_kafka_resp_err_t err = rd_kafka_producev(
        producer->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(message->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value, message->value.len),
        RD_KAFKA_V_KEY(key, message->key.len), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(message->tag), RD_KAFKA_V_END);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return OK;
    }
    rd_kafka_headers_destroy(headers);
    if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL && err != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        producer->failed = true;
    }
    return kafka_error(op, (int)err, rd_kafka_topic_name(topic), NULL);
}

void kafka_producer_serve(struct kafka_producer *producer)
{
    rd_kafka_poll(producer->rk, 0);
}

bool kafka_producer_failed(const struct kafka_producer *producer)
{
    return producer->failed;
}

void kafka_producer_hurry(struct kafka_producer *producer, int wait_ms)
{
    (void)rd_kafka_flush(producer->rk,
                         wait_ms); /* a timeout is no failure: the reports come later */
}

void kafka_producer_notify(struct kafka_producer *producer, int event_fd)
{
    static const uint64_t one = 1; /* what an eventfd takes */
    rd_kafka_queue_io_event_enable(producer->queue, event_fd, &one, sizeof(one));
}

bool kafka_producer_ready(struct kafka_producer *producer)
{
    return rd_kafka_queue_length(producer->queue) > 0;
}
