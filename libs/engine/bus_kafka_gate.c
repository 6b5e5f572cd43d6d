/*
 * Nagle's rule (RFC 896) for each partition: while messages are on the way, others are held back, and go together
 * when those are acknowledged. librdkafka 2.0.2 would hold them itself, but polls without a pause for as long as
 * five of an idempotent producer's messages are on the way and the linger time of others has passed.
 *
 * The first message of a producer to a partition goes alone. A broker that does not know a producer yet takes whatever sequence number comes
 * first. With several requests on the way, when the first ones are refused (the leader has just
 * moved, the partition is just coming up) and a later one is taken, librdkafka's repetitions are
 * answered as duplicates: messages are then reported as written and are nowhere (measured with
 * librdkafka 2.0.2 and Kafka 4.3: up to four of the first messages). Once the broker has one
 * message of ours, it refuses everything out of sequence.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "engine/bus_kafka_internal.h"

/* The broker forgets a producer that was silent for a day (producer.id.expiration.ms). */
#define FORGOTTEN_MS (60 * 60 * 1000)

struct bus_kafka_held {
    struct bus_kafka_held *next;
    uint32_t index; /* into bus->sent */
    struct bus_message message;
};

static struct bus_kafka_gate *gate_of(struct bus_kafka *bus, enum topic topic, int32_t partition)
{
    ASSERT(topic > TOPIC_NONE && topic < TOPIC_COUNT);
    ASSERT(partition >= 0 && partition < LANES);
    return &bus->gates[topic][partition];
}

bool bus_kafka_gate_lets_pass(struct bus_kafka *bus, const struct bus_message *message)
{
    const struct bus_kafka_gate *gate = gate_of(bus, message->topic, message->partition);
    if (gate->sent_count == 0) {
        return true; /* alone; nothing is held without one on the way */
    }
    return gate->known && !gate->first && gate->round == bus->round;
}

void bus_kafka_gate_sent(struct bus_kafka *bus, const struct bus_kafka_sent *sent)
{
    struct bus_kafka_gate *gate = gate_of(bus, sent->topic, sent->partition);
    if (gate->sent_count == 0 && clock_mono_ms() - gate->acked_at_ms >= FORGOTTEN_MS) {
        gate->known = false;
    }
    gate->sent_count++;
    gate->round = bus->round;
}

static bool copy_message(struct arena *arena, const struct bus_message *message,
                         struct bus_message *ret_copy)
{
    struct bus_message copy = *message;
    copy.type = str_dup(arena, message->type);
    copy.key = str_dup(arena, message->key);
    copy.value = str_dup(arena, message->value);
    copy.traceparent = str_dup(arena, message->traceparent);
    if (!copy.type.ptr || !copy.key.ptr || !copy.value.ptr || !copy.traceparent.ptr) {
        return false;
    }
    *ret_copy = copy;
    return true;
}

bool bus_kafka_gate_hold(struct bus_kafka *bus, const struct bus_message *message, uint32_t index)
{
    struct bus_kafka_held *held = arena_new(&bus->held_arena, struct bus_kafka_held, 1);
    if (!held || !copy_message(&bus->held_arena, message, &held->message)) {
        return false;
    }
    held->index = index;
    struct bus_kafka_gate *gate = gate_of(bus, message->topic, message->partition);
    if (gate->last) {
        gate->last->next = held;
    } else {
        gate->first = held;
    }
    gate->last = held;
    bus->held_back_count++;
    return true;
}

void bus_kafka_gate_reported(struct bus_kafka *bus, const struct bus_kafka_sent *sent)
{
    struct bus_kafka_gate *gate = gate_of(bus, sent->topic, sent->partition);
    ASSERT(gate->sent_count > 0);
    gate->sent_count--;
    if (sent->written) {
        gate->known = true;
        gate->acked_at_ms = clock_mono_ms();
    }
}

/* Sends what a gate holds as far as it lets pass; after a failure each gets its report, behind those
 * that were on the way. */
static void flush_gate(struct bus_kafka *bus, struct op *op, struct bus_kafka_gate *gate)
{
    bool failed = kafka_producer_failed(bus->producer);
    while (gate->first &&
           (gate->sent_count == 0 || (gate->known && !failed && gate->round == bus->round))) {
        struct bus_kafka_held *held = gate->first;
        struct bus_kafka_sent *sent = &bus->sent[held->index];
        struct status st = bus_kafka_send(op, bus, &held->message, sent);
        failed = kafka_producer_failed(bus->producer);
        if (status_failed(st) && !failed) {
            return; /* librdkafka's queue is full: the next time */
        }
        gate->first = held->next;
        gate->last = gate->first ? gate->last : NULL;
        bus->held_back_count--;
    }
}

void bus_kafka_gate_flush(struct bus_kafka *bus)
{
    struct op op = {.arena = &bus->arena}; /* failures are reported per message, not here */
    for (size_t i = 0; bus->held_back_count > 0 && i < (size_t)TOPIC_COUNT * LANES; i++) {
        flush_gate(bus, &op, &bus->gates[i / LANES][i % LANES]);
    }
    if (bus->held_back_count == 0) {
        arena_reset(&bus->held_arena);
    }
}

void bus_kafka_gate_reset(struct bus_kafka *bus)
{
    for (size_t i = 0; i < (size_t)TOPIC_COUNT * LANES; i++) {
        bus->gates[i / LANES][i % LANES] = (struct bus_kafka_gate){0};
    }
    bus->held_back_count = 0;
    arena_reset(&bus->held_arena);
}
