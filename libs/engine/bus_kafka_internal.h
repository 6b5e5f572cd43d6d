#pragma once

#include "base/lane.h"
#include "engine/bus_kafka.h"
#include "kafka/kafka_admin.h"
#include "kafka/kafka_consumer.h"
#include "kafka/kafka_producer.h"

/*
 * The bus's struct, shared by its parts: bus_kafka.c opens and waits, bus_kafka_in.c reads,
 * bus_kafka_tail.c answers what the last records are, bus_kafka_out.c writes.
 */

_Static_assert(TOPOLOGY_PARTITIONS == LANES, "lane p is partition p of every topic");
_Static_assert(TOPIC_COUNT <= KAFKA_PRODUCER_TOPICS_MAX, "a slot for each topic");
_Static_assert(BUS_VALUE_MAX_BYTES + 16384 < KAFKA_MESSAGE_MAX_BYTES, "key and headers fit");

/* A partition being read. */
struct bus_kafka_partition {
    bool assigned;
    int64_t next_offset; /* lower ones are not handed out */
};

/* What lag tools are told. */
struct bus_kafka_position {
    bool known;
    bool changed; /* since it was last committed */
    int64_t next_offset;
};

/* A message that was produced: waits for its report, then for `delivered`. */
struct bus_kafka_sent {
    uint32_t index;
    bool written;
    int64_t broker_at_ms;
    enum topic topic;
    int32_t partition;
    int64_t n;
    struct id message_id;
};

/* The way to a partition, for one producer (bus_kafka_gate.c). */
struct bus_kafka_gate {
    bool known;                   /* the broker has a message of this producer */
    uint32_t sent_count;          /* on the way: given to librdkafka, and not reported */
    uint64_t round;               /* of bus->round: when those were given */
    int64_t acked_at_ms;          /* clock_mono_ms() of the last acknowledgement */
    struct bus_kafka_held *first; /* what waits for an acknowledgement, in order */
    struct bus_kafka_held *last;
};

/* Held-back messages are copied, up to this; beyond it produce answers STATUS_RETRY. */
#define BUS_KAFKA_HELD_MAX_BYTES (8 * 1024 * 1024)

struct bus_kafka {
    struct bus bus;     /* first */
    struct arena arena; /* this struct and all below live in it */
    struct bus_kafka_options options;
    struct secret password;
    const char *topic_names[TOPIC_COUNT];
    int event_fd;

    struct kafka_consumer *consumer;
    struct kafka_admin *admin;   /* over the consumer's connections */
    bool topic_met[TOPIC_COUNT]; /* the consumer has asked where its partitions are */
    struct bus_kafka_partition partitions[TOPIC_COUNT][LANES];
    struct bus_kafka_position positions[TOPIC_COUNT][LANES];
    uint32_t held_count; /* records polled and not released */
    bool positions_changed;
    int64_t positions_at_ms;     /* clock_mono_ms() of the last commit */
    int64_t positions_all_at_ms; /* and of the last one of all that are known */

    struct kafka_consumer *tail_reader;

    struct kafka_producer *producer; /* NULL after a reset that failed */
    bool topic_opened[TOPIC_COUNT];
    struct bus_kafka_gate gates[TOPIC_COUNT][LANES];
    struct arena held_arena; /* the held-back messages; empty when there are none */
    uint32_t held_back_count;
    uint64_t round; /* counts the looks for reports: what is given between two goes together */
    struct bus_kafka_sent *sent; /* BUS_KAFKA_IN_FLIGHT_MAX of them */
    uint32_t *free_stack;        /* indexes into sent that are free */
    uint32_t free_count;
    uint32_t *reports; /* ring of indexes into sent: reported, not yet fetched */
    uint32_t report_first;
    uint32_t report_count;
};

static inline struct bus_kafka *bus_kafka_of(struct bus *bus)
{
    return (struct bus_kafka *)bus; /* bus is its first member */
}

static inline const char *bus_kafka_topic_name(const struct bus_kafka *bus, enum topic topic)
{
    return bus->topic_names[topic];
}

/* A record's headers, read. message_id, n and committed_at_us as in struct bus_record. */
struct bus_kafka_headers {
    bool numbered;
    int64_t n;
    int64_t committed_at_us;
    struct id message_id;
    struct str type; /* borrowed from the record */
};

struct bus_kafka_headers bus_kafka_headers_read(const struct kafka_record *record);
/* What the engine sees of it; borrowed from it. */
struct bus_record bus_kafka_record_of(const struct kafka_record *from, enum topic topic);

STATUS bus_kafka_assign(struct op *op, struct bus *handle, enum topic topic, int32_t partition,
                        int64_t offset);
void bus_kafka_unassign(struct bus *handle, enum topic topic, int32_t partition);
STATUS bus_kafka_poll(struct op *op, struct bus *handle, struct bus_record *ret_record,
                      bool *ret_got);
void bus_kafka_release(struct bus *handle, struct bus_record *record);
void bus_kafka_commit_position(struct bus *handle, enum topic topic, int32_t partition,
                               int64_t next_offset);
/* Commits the changed positions when it is time; wait_ms as in kafka_consumer_commit. */
void bus_kafka_positions_tick(struct bus_kafka *bus);
void bus_kafka_positions_flush(struct bus_kafka *bus, int wait_ms);

STATUS bus_kafka_tails(struct op *op, struct bus *handle, const enum topic *topics,
                       uint32_t topic_count, int32_t partition, struct bus_tail *ret_tails);
STATUS bus_kafka_read_back(struct op *op, struct bus *handle, const struct bus_range *range,
                           struct bus_record *ret_records);

STATUS bus_kafka_out_open(struct op *op, struct bus_kafka *bus);
STATUS bus_kafka_produce(struct op *op, struct bus *handle, const struct bus_message *message);
bool bus_kafka_delivered(struct bus *handle, struct bus_delivery *ret_delivery);
void bus_kafka_hurry(struct bus *handle);
uint32_t bus_kafka_in_flight(struct bus *handle);
STATUS bus_kafka_reset_producer(struct op *op, struct bus *handle);
/* Gives the message to librdkafka. When the producer has failed, the message is taken as well, and
 * reported as not written; any other failure: not taken, nothing has changed. */
STATUS bus_kafka_send(struct op *op, struct bus_kafka *bus, const struct bus_message *message,
                      struct bus_kafka_sent *sent);

/* True when the message may be sent now. */
bool bus_kafka_gate_lets_pass(struct bus_kafka *bus, const struct bus_message *message);
/* Keeps a copy for later; false when there is no room. */
bool bus_kafka_gate_hold(struct bus_kafka *bus, const struct bus_message *message, uint32_t index);
void bus_kafka_gate_sent(struct bus_kafka *bus, const struct bus_kafka_sent *sent);
void bus_kafka_gate_reported(struct bus_kafka *bus, const struct bus_kafka_sent *sent);
/* Sends what may be sent by now. */
void bus_kafka_gate_flush(struct bus_kafka *bus);
/* Forgets all: a new producer. */
void bus_kafka_gate_reset(struct bus_kafka *bus);
