/* The writing half of the bus over Kafka: messages, their reports, a new producer after a failure. */
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "engine/bus_kafka_internal.h"

#define HURRY_MS 1
#define NUMBER_TEXT_BYTES 19 /* the digits of an int64_t */

static void report_add(struct bus_kafka *bus, uint32_t index, bool written, int64_t broker_at_ms)
{
    ASSERT(bus->report_count < BUS_KAFKA_IN_FLIGHT_MAX);
    bus->sent[index].written = written;
    bus->sent[index].broker_at_ms = broker_at_ms;
    uint32_t at = (bus->report_first + bus->report_count) % BUS_KAFKA_IN_FLIGHT_MAX;
    bus->reports[at] = index;
    bus->report_count++;
}

static void on_report(void *context, void *tag, bool written, int64_t broker_at_ms)
{
    const struct bus_kafka_sent *sent = tag;
    report_add(context, sent->index, written, broker_at_ms);
    bus_kafka_gate_reported(context, sent);
}

/* Every entry free, no report waiting. */
static void forget_sent(struct bus_kafka *bus)
{
    bus->report_first = 0;
    bus->report_count = 0;
    bus->free_count = BUS_KAFKA_IN_FLIGHT_MAX;
    for (uint32_t i = 0; i < BUS_KAFKA_IN_FLIGHT_MAX; i++) {
        bus->free_stack[i] = BUS_KAFKA_IN_FLIGHT_MAX - 1 - i; /* low ones first: warm memory */
    }
    memset(bus->topic_opened, 0, sizeof(bus->topic_opened));
    bus_kafka_gate_reset(bus);
}

static STATUS open_producer(struct op *op, struct bus_kafka *bus)
{
    const struct bus_kafka_options *options = &bus->options;
    struct kafka_producer_options producer = {
        .common = {.brokers = options->brokers,
                   .client_id = options->client_id,
                   .security = options->security,
                   .log = options->log,
                   .log_context = options->log_context},
        .linger_ms = options->linger_ms,
        .queue_max = BUS_KAFKA_IN_FLIGHT_MAX,
        .report = on_report,
        .report_context = bus,
    };
    TRY(kafka_producer_open(op, &producer, &bus->producer));
    kafka_producer_notify(bus->producer, bus->event_fd);
    return OK;
}

STATUS bus_kafka_out_open(struct op *op, struct bus_kafka *bus)
{
    bus->sent = arena_new(&bus->arena, struct bus_kafka_sent, BUS_KAFKA_IN_FLIGHT_MAX);
    bus->free_stack = arena_new(&bus->arena, uint32_t, BUS_KAFKA_IN_FLIGHT_MAX);
    bus->reports = arena_new(&bus->arena, uint32_t, BUS_KAFKA_IN_FLIGHT_MAX);
    if (!bus->sent || !bus->free_stack || !bus->reports) {
        return op_arena_full(op);
    }
    arena_init(&bus->held_arena, BUS_KAFKA_HELD_MAX_BYTES);
    forget_sent(bus);
    return open_producer(op, bus);
}

STATUS bus_kafka_reset_producer(struct op *op, struct bus *handle)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    kafka_producer_free(bus->producer);
    bus->producer = NULL;
    forget_sent(bus);
    return open_producer(op, bus);
}

/* The text of a number that is not negative, at the end of buf. */
static struct str number_text(int64_t number, char buf[NUMBER_TEXT_BYTES])
{
    ASSERT(number >= 0);
    char *at = buf + NUMBER_TEXT_BYTES;
    char *end = at;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return (struct str){.ptr = at, .len = (size_t)(end - at)};
}

static STATUS send_now(struct op *op, struct bus_kafka *bus, const struct bus_message *message,
                       struct bus_kafka_sent *sent)
{
    char n_text[NUMBER_TEXT_BYTES];
    char at_text[NUMBER_TEXT_BYTES];
    char id_text[ID_TEXT_BYTES];
    id_format(message->message_id, id_text);
    struct kafka_header headers[KAFKA_HEADERS_MAX] = {
        {"ce_specversion", STR("1.0")},
        {"ce_id", {.ptr = id_text, .len = ID_TEXT_BYTES - 1}},
        {"ce_type", message->type},
        {"ce_source", bus->options.source},
        {"content-type", STR("application/protobuf")},
    };
    size_t count = 5;
    if (message->n > 0) {
        headers[count++] = (struct kafka_header){"hf_n", number_text(message->n, n_text)};
        headers[count++] =
            (struct kafka_header){"hf_at", number_text(message->committed_at_us, at_text)};
    }
    if (message->traceparent.len > 0) {
        headers[count++] = (struct kafka_header){"traceparent", message->traceparent};
    }
    struct kafka_message out = {
        .topic_slot = (uint32_t)message->topic,
        .partition = message->partition,
        .key = message->key,
        .value = message->value,
        .headers = headers,
        .header_count = count,
        .tag = sent,
    };
    return kafka_producer_send(op, bus->producer, &out);
}

static STATUS open_topic(struct op *op, struct bus_kafka *bus, enum topic topic)
{
    if (!bus->topic_opened[topic]) {
        TRY(kafka_producer_topic(op, bus->producer, (uint32_t)topic,
                                 bus_kafka_topic_name(bus, topic)));
        bus->topic_opened[topic] = true;
    }
    return OK;
}

STATUS bus_kafka_send(struct op *op, struct bus_kafka *bus, const struct bus_message *message,
                      struct bus_kafka_sent *sent)
{
    struct status st = send_now(op, bus, message, sent);
    if (!status_failed(st)) {
        bus_kafka_gate_sent(bus, sent);
        return OK;
    }
    if (!kafka_producer_failed(bus->producer)) {
        return st; /* full for now, or too large */
    }
    /* Whoever waits for this message's report shall learn that the producer is gone. */
    report_add(bus, sent->index, /* written */ false, /* broker_at_ms */ -1);
    return OK;
}

static STATUS check_room(struct op *op, struct bus_kafka *bus, const struct bus_message *message)
{
    if (message->value.len > BUS_VALUE_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "kafka.too_large", "%zu bytes", message->value.len);
    }
    if (!bus->producer) {
        return op_fail(op, STATUS_RETRY, "kafka.failed", "the producer must be reset");
    }
    if (bus->free_count == 0) {
        return op_fail(op, STATUS_RETRY, "kafka.queue_full", "%d messages wait for their reports",
                       BUS_KAFKA_IN_FLIGHT_MAX);
    }
    return OK;
}

STATUS bus_kafka_produce(struct op *op, struct bus *handle, const struct bus_message *message)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    ASSERT(message->topic > TOPIC_NONE && message->topic < TOPIC_COUNT);
    ASSERT(message->partition >= 0 && message->partition < LANES);
    TRY(check_room(op, bus, message));
    TRY(open_topic(op, bus, message->topic));
    uint32_t index = bus->free_stack[bus->free_count - 1];
    struct bus_kafka_sent *sent = &bus->sent[index];
    *sent = (struct bus_kafka_sent){.index = index,
                                    .topic = message->topic,
                                    .partition = message->partition,
                                    .n = message->n,
                                    .message_id = message->message_id};
    if (bus_kafka_gate_lets_pass(bus, message)) {
        TRY(bus_kafka_send(op, bus, message, sent));
    } else if (!bus_kafka_gate_hold(bus, message, index)) {
        return op_fail(op, STATUS_RETRY, "kafka.queue_full", "too much waits for an answer");
    }
    bus->free_count--;
    return OK;
}

bool bus_kafka_delivered(struct bus *handle, struct bus_delivery *ret_delivery)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    if (bus->report_count == 0 && bus->producer) {
        kafka_producer_serve(bus->producer);
        bus->round++;
        bus_kafka_gate_flush(bus);
    }
    if (bus->report_count == 0) {
        return false;
    }
    uint32_t index = bus->reports[bus->report_first];
    bus->report_first = (bus->report_first + 1) % BUS_KAFKA_IN_FLIGHT_MAX;
    bus->report_count--;
    const struct bus_kafka_sent *sent = &bus->sent[index];
    *ret_delivery = (struct bus_delivery){.topic = sent->topic,
                                          .partition = sent->partition,
                                          .n = sent->n,
                                          .message_id = sent->message_id,
                                          .ok = sent->written,
                                          .broker_at_ms = sent->broker_at_ms};
    bus->free_stack[bus->free_count++] = index;
    return true;
}

void bus_kafka_hurry(struct bus *handle)
{
    struct bus_kafka *bus = bus_kafka_of(handle);
    if (bus->producer) {
        kafka_producer_hurry(bus->producer, HURRY_MS);
        bus_kafka_gate_flush(bus);
    }
}

uint32_t bus_kafka_in_flight(struct bus *handle)
{
    const struct bus_kafka *bus = bus_kafka_of(handle);
    return BUS_KAFKA_IN_FLIGHT_MAX - bus->free_count; /* until its report is fetched */
}
